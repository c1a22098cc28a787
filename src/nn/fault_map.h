// SPDX-License-Identifier: GPL-3.0-or-later
// hardware.fault_map: the faults of a matrix out of an HDF5 file.
#ifndef OG_NN_FAULT_MAP_H
#define OG_NN_FAULT_MAP_H

#include "ohmgrid/array.h"

// Nothing where the hardware names no file. `name`: of the matrix, whose dataset has the
// same with '.' for '/'. OG_INPUT where it lacks, or does not fit.
og_status og_fault_map_take(const struct og_hardware *hw, const char *name,
                            og_array *array, struct og_error *err);

#endif
