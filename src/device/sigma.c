// SPDX-License-Identifier: GPL-3.0-or-later
#include "device/sigma.h"

#include <math.h>

#include "base/elementary.h"
#include "device/polynomial.h"

bool og_sigma_is_on(const struct og_sigma *s)
{
    if (s->scale == 0) return false;
    switch (s->kind) {
    case OG_SIGMA_NONE:
        return false;
    case OG_SIGMA_CONSTANT:
        return s->sigma != 0;
    case OG_SIGMA_PROPORTIONAL:
        return s->fraction != 0;
    case OG_SIGMA_POLYNOMIAL:
        return s->coefficients.n > 0;
    case OG_SIGMA_SATURATING:
        return s->limit != 0;
    case OG_SIGMA_TABLE:
        return s->table_g.n > 0;
    }
    return false;
}

bool og_sigma_is_constant(const struct og_sigma *s)
{
    return !og_sigma_is_on(s) || s->kind == OG_SIGMA_CONSTANT;
}

static double reference(const struct og_sigma *s, double g_max)
{
    return s->g_ref > 0 ? s->g_ref : g_max;
}

// Linear between the points, constant outside them. *slope may be NULL.
static double table_at(const struct og_sigma *s, double g, double *slope)
{
    const double *x = s->table_g.v, *y = s->table_sigma.v;
    int n = s->table_g.n, k = 0;
    if (slope != NULL) *slope = 0;
    if (g <= x[0]) return y[0];
    if (g >= x[n - 1]) return y[n - 1];
    while (g > x[k + 1]) k++;
    double rise = (y[k + 1] - y[k]) / (x[k + 1] - x[k]);
    if (slope != NULL) *slope = rise;
    return y[k] + rise * (g - x[k]);
}

double og_sigma_at(const struct og_sigma *s, double g_max, double g)
{
    float one = (float)g, sigma = 0;
    og_sigma_fill(s, g_max, &one, &sigma, 1);
    return sigma;
}

static void polynomial(const struct og_sigma *s, double g_max, const float *g, float *out,
                       size_t n)
{
    float inv = (float)(1 / reference(s, g_max));
    int top = s->coefficients.n - 1;
    float c_top = (float)(s->coefficients.v[top] * s->scale);
    for (size_t i = 0; i < n; i++) out[i] = c_top;
    for (int k = top - 1; k >= 0; k--) {
        float c = (float)(s->coefficients.v[k] * s->scale);
        for (size_t i = 0; i < n; i++) out[i] = out[i] * (g[i] * inv) + c;
    }
    for (size_t i = 0; i < n; i++) out[i] = out[i] > 0 ? out[i] : 0;
}

void og_sigma_fill(const struct og_sigma *s, double g_max, const float *g, float *sigma,
                   size_t n)
{
    float constant = (float)(s->sigma * s->scale),
          fraction = (float)(s->fraction * s->scale);
    switch (s->kind) {
    case OG_SIGMA_NONE:
        for (size_t i = 0; i < n; i++) sigma[i] = 0;
        break;
    case OG_SIGMA_CONSTANT:
        for (size_t i = 0; i < n; i++) sigma[i] = constant;
        break;
    case OG_SIGMA_PROPORTIONAL:
        for (size_t i = 0; i < n; i++) sigma[i] = fraction * (g[i] > 0 ? g[i] : 0);
        break;
    case OG_SIGMA_POLYNOMIAL:
        polynomial(s, g_max, g, sigma, n);
        break;
    case OG_SIGMA_SATURATING:
        for (size_t i = 0; i < n; i++)
            sigma[i] =
                (float)(-s->scale * s->limit * og_expm1(-fmax(g[i], 0) / s->g_rise));
        break;
    case OG_SIGMA_TABLE:
        for (size_t i = 0; i < n; i++)
            sigma[i] = (float)(s->scale * table_at(s, g[i], NULL));
        break;
    }
}

static void polynomial_slope(const struct og_sigma *s, double g_max, const float *g,
                             float *slope, size_t n)
{
    double ref = reference(s, g_max);
    for (size_t i = 0; i < n; i++) {
        double rise;
        const double value =
            og_polynomial(s->coefficients.v, s->coefficients.n, g[i] / ref, &rise);
        slope[i] = value > 0 ? (float)(s->scale * rise / ref) : 0;
    }
}

void og_sigma_slope(const struct og_sigma *s, double g_max, const float *g, float *slope,
                    size_t n)
{
    float fraction = (float)(s->fraction * s->scale);
    switch (s->kind) {
    case OG_SIGMA_NONE:
    case OG_SIGMA_CONSTANT:
        for (size_t i = 0; i < n; i++) slope[i] = 0;
        break;
    case OG_SIGMA_PROPORTIONAL:
        for (size_t i = 0; i < n; i++) slope[i] = g[i] > 0 ? fraction : 0;
        break;
    case OG_SIGMA_POLYNOMIAL:
        polynomial_slope(s, g_max, g, slope, n);
        break;
    case OG_SIGMA_SATURATING:
        for (size_t i = 0; i < n; i++)
            slope[i] = g[i] < 0 ? 0
                                : (float)(s->scale * s->limit / s->g_rise *
                                          og_exp(-(double)g[i] / s->g_rise));
        break;
    case OG_SIGMA_TABLE:
        for (size_t i = 0; i < n; i++) {
            double rise;
            table_at(s, g[i], &rise);
            slope[i] = (float)(s->scale * rise);
        }
        break;
    }
}
