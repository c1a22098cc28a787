// SPDX-License-Identifier: GPL-3.0-or-later
// Current against voltage of devices that are not ohmic (og_iv), I = g f(V): f, its slope
// and its integral from 0, the co-content. Beyond the range in which a law is known it
// goes on along its tangent, for the intermediate steps of solvers.
#ifndef OG_DEVICE_IV_H
#define OG_DEVICE_IV_H

#include "ohmgrid/hardware.h"

enum { OG_IV_POINTS = 2 * OG_LIST_MAX };

struct og_iv_law {
    enum og_iv_kind kind;
    double a, scale;  // f = scale times sinh(a V), the polynomial, the table
    double lo, hi;    // [V] range
    int n;            // coefficients, points
    double x[OG_IV_POINTS], y[OG_IV_POINTS];  // coefficients are y
    double slope[OG_IV_POINTS];               // of the table at its points
    double content[OG_IV_POINTS];             // from 0 to each point
};

// `iv` as og_iv_check passed it. Tables are Steffen's monotone cubics (Astronomy and
// Astrophysics 239, 443, 1990), as gsl_interp_steffen.
void og_iv_init(struct og_iv_law *law, const struct og_iv *iv, double v_read);
double og_iv_current(const struct og_iv_law *law, double v);  // [V]
double og_iv_slope(const struct og_iv_law *law, double v);
double og_iv_content(const struct og_iv_law *law, double v);  // [V^2]

#endif
