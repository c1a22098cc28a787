// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef OG_RESULTS_WRITE_COMPRESS_H
#define OG_RESULTS_WRITE_COMPRESS_H

#include "results/grid.h"

// /compress/<key>, where there are any.
void og_write_compressions(struct og_hdf *h, const struct og_result *r, hid_t file);
// What the points of /results say about it.
void og_write_points(struct og_grid *results, size_t points);

#endif
