// SPDX-License-Identifier: GPL-3.0-or-later
// A group whose datasets lie on the sweep axes and the trials of a result, and
// on the parts of hardware where there are any. Every group
// has scales of its own: xarray's engines refuse those of another group.
#ifndef OG_RESULTS_GRID_H
#define OG_RESULTS_GRID_H

#include "ohmgrid/results.h"
#include "results/hdf.h"
#include "results/layout.h"

struct og_grid {
    struct og_hdf *h;
    const struct og_result *r;
    hid_t group;
    hsize_t dim[OG_AXES_MAX + 2];  // of the axes, trial, part
    hid_t scale[OG_AXES_MAX + 2];
    char coordinates[OG_COORDINATES];  // names of zipped columns
};

// Makes the group and its scales; borrows h and r. To be closed in any case.
void og_grid_open(struct og_grid *g, struct og_hdf *h, const struct og_result *r,
                  hid_t parent, const char *name);
// What of these a dataset is over, from left to right.
enum og_grid_over { OG_OVER_AXES, OG_OVER_TRIALS, OG_OVER_PARTS };
// The scale `part`, of texts, for OG_OVER_PARTS.
void og_grid_parts(struct og_grid *g, const char *const *name, size_t n);
// Rank and dim are filled in.
void og_grid_write(struct og_grid *g, struct og_hdf_array a, enum og_grid_over over);
void og_grid_close(struct og_grid *g);

#endif
