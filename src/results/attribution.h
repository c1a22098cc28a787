// SPDX-License-Identifier: GPL-3.0-or-later
// What each effect and each layer costs, from a result with an axis over variants of the
// hardware (hardware.variant):
//
//   alone   ideal - only X        X is all there is
//   within  without X - all       all but X stay
//
// paired over the same chips, with 95 % t intervals of the mean difference. In accuracy,
// or in loss with the opposite sign: a cost is what makes it worse.
#ifndef OG_RESULTS_ATTRIBUTION_H
#define OG_RESULTS_ATTRIBUTION_H

#include "results/statistics.h"
#include "results/table.h"

enum { OG_PART_NAME = 72 };

// Values over [outer][variants][inner][trials]; NaN: none.
struct og_variants {
    size_t n, outer, inner, trials;
    char *const *label;  // [n]
    const double *value;
    double sign;  // 1: the more the better
};

struct og_attribution {
    size_t parts, groups;                // groups: the points of the other axes
    char (*part)[OG_PART_NAME];          // "adc", "in fc1"
    struct og_interval *alone, *within;  // [groups][parts]
    struct og_interval *all;             // [groups]: ideal - all
};

og_status og_attribution_make(struct og_attribution *a, const struct og_variants *v,
                              struct og_error *err);
void og_attribution_free(struct og_attribution *a);

// The same from a file, with its other axes (those of `t` but number `axis`).
struct og_attribution_file {
    struct og_table t;
    size_t axis;
    bool loss;  // in nat: there is no accuracy; else in accuracy
    struct og_attribution a;
};
og_status og_attribution_read(struct og_attribution_file *f, const char *path,
                              struct og_error *err);
void og_attribution_close(struct og_attribution_file *f);

// The group /attribution of a new file, where there is such an axis.
void og_write_attribution(struct og_hdf *h, const struct og_result *r, hid_t file);

#endif
