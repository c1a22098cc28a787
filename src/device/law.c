// SPDX-License-Identifier: GPL-3.0-or-later
#include "device/law.h"

#include <math.h>

#include "base/elementary.h"

static double polynomial(const struct og_list *c, double x)
{
    double sum = 0;
    for (int k = c->n - 1; k >= 0; k--) sum = sum * x + c->v[k];
    return sum > 0 ? sum : 0;
}

static double law_at(const struct og_law *l, double x)
{
    if (l->coefficients.n > 0 && x >= l->above) return polynomial(&l->coefficients, x);
    double value = l->offset;
    if (l->slope != 0) value += l->slope * og_log(x);
    if (l->factor != 0) value += l->factor * og_pow(x, l->exponent);
    return fmin(fmax(value, l->min), l->max);
}

void og_law_fill(const struct og_law *l, double g_max, const float *g, float *out,
                 size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (float)(l->scale * law_at(l, fmax((double)g[i] / g_max, 1e-7)));
}
