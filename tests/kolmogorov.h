// SPDX-License-Identifier: GPL-3.0-or-later
// The test of Kolmogorov and Smirnov. Include after cmocka.h.
#ifndef OG_TESTS_KOLMOGOROV_H
#define OG_TESTS_KOLMOGOROV_H

#include <math.h>

#include <gsl/gsl_sort.h>

static const double KOLMOGOROV = 1.95;  // 0.1 %

// x[n], which is sorted, against a distribution function.
static inline void assert_law(double *x, size_t n, double (*law)(double x))
{
    double worst = 0;
    gsl_sort(x, 1, n);
    for (size_t i = 0; i < n; i++) {
        const double p = law(x[i]);
        worst = fmax(worst, fabs(p - (double)i / (double)n));
        worst = fmax(worst, fabs(p - (double)(i + 1) / (double)n));
    }
    if (!(worst * sqrt((double)n) < KOLMOGOROV))
        fail_msg("Kolmogorov: %g", worst * sqrt((double)n));
}

#endif
