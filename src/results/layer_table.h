// SPDX-License-Identifier: GPL-3.0-or-later
// /layers in memory: what was measured of each matrix, as means over the chips.
#ifndef OG_RESULTS_LAYER_TABLE_H
#define OG_RESULTS_LAYER_TABLE_H

#include "results/hdf.h"
#include "results/table.h"

// A metric of the first layer; the other layers have the same ones.
struct og_layer_metric_name {
    char *name, *units;
};

struct og_layer_table {
    struct og_hdf h;
    struct og_table table;
    size_t n, metrics;
    char **name;  // [n], as the network has them
    struct og_layer_metric_name *metric;
    double *mean;  // [metrics][n][points]; NaN: none
};

// Free in any case. n is 0 where the file holds no /layers.
og_status og_layer_table_find(struct og_layer_table *l, const char *path,
                              struct og_error *err);
// The same, and OG_INPUT where it holds none.
og_status og_layer_table_read(struct og_layer_table *l, const char *path,
                              struct og_error *err);
void og_layer_table_free(struct og_layer_table *l);

// [points] of one metric of one layer.
static inline double *og_layer_means(const struct og_layer_table *l, size_t m,
                                     size_t layer)
{
    return l->mean + (m * l->n + layer) * l->table.points;
}
// Whether any layer has a value of a metric at any point: rates of ideal converters and
// costs without a technology are NaN everywhere.
bool og_layer_metric_exists(const struct og_layer_table *l, size_t m);

#endif
