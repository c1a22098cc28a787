// SPDX-License-Identifier: GPL-3.0-or-later
// What every file that ohmgrid computes says about its making.
#ifndef OG_RESULTS_PROVENANCE_H
#define OG_RESULTS_PROVENANCE_H

#include "results/hdf.h"

// Attributes ohmgrid_version, schema_version, revision and created.
void og_write_provenance(struct og_hdf *h, hid_t file);

#endif
