// SPDX-License-Identifier: GPL-3.0-or-later
// /errors in memory: maps of how far the weights of a chip are off, as figures show them.
#ifndef OG_RESULTS_WEIGHT_MAPS_H
#define OG_RESULTS_WEIGHT_MAPS_H

#include "ohmgrid/results.h"
#include "results/table.h"

struct og_error_map {
    char name[96];      // of the matrix
    size_t rows, cols;  // word lines, bit lines
    size_t high, wide;  // cells of one field of the map
    double *value;      // [ceil(rows/high)][ceil(cols/wide)] in %, owned: the largest in
                        // magnitude of the cells of a field
    double rms;         // of all cells, in %
};
struct og_error_maps {
    char *title;  // owned
    size_t maps;
    struct og_error_map *map;  // [maps]
    double most;               // largest magnitude of all
};

// Of the point of `plot`, or the first that is stored. Free in any case.
og_status og_error_maps_read(struct og_error_maps *m, const char *path,
                             const struct og_plot *plot, struct og_error *err);
void og_error_maps_free(struct og_error_maps *m);

#endif
