// SPDX-License-Identifier: GPL-3.0-or-later
// Intervals of a mean over chips.
#ifndef OG_RESULTS_STATISTICS_H
#define OG_RESULTS_STATISTICS_H

#include "ohmgrid/results.h"

enum { OG_RESAMPLES = 2000 };

// NaN where there is nothing to know: no chip done; bounds from a single chip.
struct og_interval {
    double mean, low, high;
};

// Mean and 95 % t interval of the done ones of n values: the test set is held fixed.
struct og_interval og_interval_chips(const double *value, const uint8_t *done, size_t n);
// Cuts the bounds to [0, 1].
struct og_interval og_interval_unit(struct og_interval i);
// 95 % two-way bootstrap of the accuracy of every point: chips and test samples are drawn
// with replacement, independently, OG_RESAMPLES times; percentiles. low and high:
// [points].
og_status og_bootstrap(const struct og_result *r, size_t points, double *low,
                       double *high, struct og_error *err);

#endif
