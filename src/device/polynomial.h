// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef OG_DEVICE_POLYNOMIAL_H
#define OG_DEVICE_POLYNOMIAL_H

// sum_k c[k] x^k of n coefficients, by Horner's rule; *slope: its derivative, may be
// NULL.
static inline double og_polynomial(const double *c, int n, double x, double *slope)
{
    double value = 0, rise = 0;
    for (int k = n - 1; k >= 0; k--) {
        rise = rise * x + value;
        value = value * x + c[k];
    }
    if (slope) *slope = rise;
    return value;
}

#endif
