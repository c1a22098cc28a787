// SPDX-License-Identifier: GPL-3.0-or-later
// What the fits share.
#ifndef OG_DEVICE_FIT_H
#define OG_DEVICE_FIT_H

#include "config/csv.h"
#include "ohmgrid/fit.h"

// Weighted least squares: sum_i weight_i (y_i - f_i(c))^2.
struct og_least_squares {
    size_t n, p;
    // f_i and its gradient at c; false where there is no number.
    bool (*at)(const void *user, size_t i, const double *c, double *f, double *gradient);
    const void *user;
    const double *y, *weight;  // [n]
};
// c[p]: start, then the solution. covariance[p * p]: (J^T W J)^-1; sum: at the solution.
og_status og_least_squares(const struct og_least_squares *l, double *c,
                           double *covariance, double *sum, struct og_error *err);

// A fit on its way: its data, by columns.
struct og_fit_data {
    const struct og_fit_task *task;
    struct og_fit *fit;
    size_t rows;
    const double *column[3];  // NULL where there is none
    struct og_error *err;
};
og_status og_fit_programming(const struct og_fit_data *d);
og_status og_fit_drift(const struct og_fit_data *d);
og_status og_fit_iv(const struct og_fit_data *d);

// Adds a parameter with its interval from a t distribution of that many degrees.
void og_fit_add(struct og_fit *fit, const char *name, const char *units, double value,
                double error, double freedom);
// Numbers 0, 1, ... for the different values of a column, in the order in which they
// first come; NULL: all one. OG_INPUT where there are more than OG_FIT_CURVES.
og_status og_fit_curves(const struct og_fit_data *d, const double *column, int *curve,
                        size_t *curves, double *label);

#endif
