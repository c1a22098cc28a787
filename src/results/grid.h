// SPDX-License-Identifier: GPL-3.0-or-later
// A group whose datasets lie on the sweep axes and the trials of a result. Every group
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
    hsize_t dim[OG_AXES_MAX + 1];  // the last one: trial
    hid_t scale[OG_AXES_MAX + 1];
    char coordinates[OG_COORDINATES];  // names of zipped columns
};

// Makes the group and its scales; borrows h and r. To be closed in any case.
void og_grid_open(struct og_grid *g, struct og_hdf *h, const struct og_result *r,
                  hid_t parent, const char *name);
// A dataset over the axes, and over the trials when `trials`; rank and dim are filled in.
void og_grid_write(struct og_grid *g, struct og_hdf_array a, bool trials);
void og_grid_close(struct og_grid *g);

#endif
