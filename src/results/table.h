// SPDX-License-Identifier: GPL-3.0-or-later
// The /results of a file in memory: axes, and means with their bounds.
#ifndef OG_RESULTS_TABLE_H
#define OG_RESULTS_TABLE_H

#include <stdbool.h>

#include "ohmgrid/status.h"
#include "results/hdf.h"
#include "results/layout.h"

enum { OG_COLUMNS_MAX = 16 };

struct og_table_column {
    char *name, *units;  // units: NULL for text
    double *value;       // [n] or NULL
    char **label;        // [n] or NULL
};
struct og_table_axis {
    size_t n;
    int columns;
    struct og_table_column column[OG_COLUMNS_MAX];  // 0: the scale; then zipped ones
};
struct og_table_metric {
    char *name, *units, *long_name;
    double *mean, *low, *high;  // [points]
};
struct og_table {
    char *title, *created;
    size_t axes, trials, points, metrics;
    struct og_table_axis *axis;      // [axes]
    struct og_table_metric *metric;  // [metrics], by name
    size_t *chips;                   // [points]: how many are done
};

og_status og_table_read(struct og_table *t, const char *path, struct og_error *err);
void og_table_free(struct og_table *t);
// Name and values or labels of a dataset, *n of them; the caller frees what c holds.
void og_table_read_column(struct og_hdf *h, hid_t set, const char *name,
                          struct og_table_column *c, size_t *n);
void og_table_axis_clear(struct og_table_axis *axis);
// Takes an axis away: means over it, with the 95 % t interval of the mean of its values
// (training seeds, say), each of them a mean over chips. OG_NO_MEMORY only.
og_status og_table_mean(struct og_table *t, size_t axis, struct og_error *err);

// A factor and prefix that bring the largest of n values near 1: 2.5e-7 S is 0.25 uS
// (with the micro sign). Only for units that take prefixes.
struct og_scaled {
    double factor;
    char units[24];
};
struct og_scaled og_scale_units(const char *units, const double *value, size_t n);

#endif
