// SPDX-License-Identifier: GPL-3.0-or-later
#include "device/law.h"

#include <math.h>

#include "base/elementary.h"
#include "device/polynomial.h"

static double law_at(const struct og_law *l, double x)
{
    const struct og_list *c = &l->coefficients;
    if (c->n > 0 && x >= l->above) return fmax(og_polynomial(c->v, c->n, x, NULL), 0);
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
