// SPDX-License-Identifier: GPL-3.0-or-later
// HDF5 1.10 trusts what it reads: on damaged files it reads beyond buffers, goes round in
// circles or crashes. So a child process reads a file first, all of it, with limits of
// time and memory; what becomes of the child says whether the file may be opened here. The
// last few good files are not tried again as long as they do not change.
#ifndef OG_BASE_HDF5_PROBE_H
#define OG_BASE_HDF5_PROBE_H

#include "ohmgrid/status.h"

// OG_INPUT: HDF5 crashes on this file, or takes too long or too much memory. OG_OK says
// no more than that HDF5 comes back; whoever opens the file sees what else is wrong with
// it.
og_status og_hdf5_probe(const char *path, struct og_error *err);

#endif
