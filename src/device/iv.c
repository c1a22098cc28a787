// SPDX-License-Identifier: GPL-3.0-or-later
#include "device/iv.h"

#include <math.h>

#include "base/elementary.h"

// --- tables ----------------------------------------------------------------------------

// A table that begins at 0 is odd.
static void take_points(struct og_iv_law *l, const struct og_iv *iv)
{
    const struct og_list *v = &iv->table_v, *i = &iv->table_i;
    const int mirrored = v->v[0] == 0 ? v->n - 1 : 0;
    l->n = v->n + mirrored;
    for (int k = 0; k < mirrored; k++) {
        l->x[k] = -v->v[v->n - 1 - k];
        l->y[k] = -i->v[v->n - 1 - k];
    }
    for (int k = 0; k < v->n; k++) {
        l->x[mirrored + k] = v->v[k];
        l->y[mirrored + k] = i->v[k];
    }
}

static double secant(const struct og_iv_law *l, int k)
{
    return (l->y[k + 1] - l->y[k]) / (l->x[k + 1] - l->x[k]);
}

// Rising points: all secants are positive. At the ends the "simplest possibility" of the
// paper, which leaves no slope at 0.
static void set_slopes(struct og_iv_law *l)
{
    l->slope[0] = secant(l, 0);
    l->slope[l->n - 1] = secant(l, l->n - 2);
    for (int k = 1; k < l->n - 1; k++) {
        const double h = l->x[k] - l->x[k - 1], h2 = l->x[k + 1] - l->x[k];
        const double s = secant(l, k - 1), s2 = secant(l, k);
        const double parabola = (s * h2 + s2 * h) / (h + h2);
        l->slope[k] = 2 * fmin(fmin(s, s2), parabola / 2);
    }
}

// y(x[k] + t) = y + c[0] t + c[1] t^2 + c[2] t^3
static void cubic(const struct og_iv_law *l, int k, double c[3])
{
    const double h = l->x[k + 1] - l->x[k], s = secant(l, k);
    c[0] = l->slope[k];
    c[1] = (3 * s - 2 * l->slope[k] - l->slope[k + 1]) / h;
    c[2] = (l->slope[k] + l->slope[k + 1] - 2 * s) / (h * h);
}

static double cubic_integral(const struct og_iv_law *l, int k, double t)
{
    double c[3];
    cubic(l, k, c);
    return t * (l->y[k] + t * (c[0] / 2 + t * (c[1] / 3 + t * c[2] / 4)));
}

static void set_contents(struct og_iv_law *l)
{
    int zero = 0;
    l->content[0] = 0;
    for (int k = 1; k < l->n; k++) {
        l->content[k] =
            l->content[k - 1] + cubic_integral(l, k - 1, l->x[k] - l->x[k - 1]);
        if (l->x[k] == 0) zero = k;
    }
    const double shift = l->content[zero];
    for (int k = 0; k < l->n; k++) l->content[k] -= shift;
}

static int interval(const struct og_iv_law *l, double v)
{
    int low = 0, high = l->n - 1;
    while (high - low > 1) {
        const int mid = (low + high) / 2;
        if (l->x[mid] <= v)
            low = mid;
        else
            high = mid;
    }
    return low;
}

// --- the three of them inside of the range ---------------------------------------------

enum what { CURRENT, SLOPE, CONTENT };

static double of_table(const struct og_iv_law *l, double v, enum what what)
{
    const int k = interval(l, v);
    const double t = v - l->x[k];
    double c[3];
    cubic(l, k, c);
    if (what == SLOPE) return c[0] + t * (2 * c[1] + t * 3 * c[2]);
    if (what == CONTENT) return l->content[k] + cubic_integral(l, k, t);
    return l->y[k] + t * (c[0] + t * (c[1] + t * c[2]));
}

static double of_polynomial(const struct og_iv_law *l, double v, enum what what)
{
    double sum = 0;
    for (int k = l->n; k > 0; k--) {
        const double factor = what == SLOPE ? k : what == CONTENT ? 1.0 / (k + 1) : 1;
        sum = sum * v + factor * l->y[k - 1];
    }
    return what == SLOPE ? sum : what == CONTENT ? sum * v * v : sum * v;
}

static double of_sinh(const struct og_iv_law *l, double v, enum what what)
{
    // cosh(x) - 1 = 2 sinh^2(x / 2) without its loss of digits for small x.
    const double half = what == CONTENT ? og_sinh(l->a * v / 2) : 0;
    if (what == CURRENT) return og_sinh(l->a * v);
    return what == SLOPE ? l->a * og_cosh(l->a * v) : 2 * half * half / l->a;
}

static double inside(const struct og_iv_law *l, double v, enum what what)
{
    switch (l->kind) {
    case OG_IV_SINH:
        return l->scale * of_sinh(l, v, what);
    case OG_IV_POLYNOMIAL:
        return l->scale * of_polynomial(l, v, what);
    case OG_IV_TABLE:
        return l->scale * of_table(l, v, what);
    case OG_IV_OHMIC:
        break;
    }
    return what == CURRENT ? v : what == SLOPE ? 1 : v * v / 2;
}

// --- everywhere ------------------------------------------------------------------------

void og_iv_init(struct og_iv_law *law, const struct og_iv *iv, double v_read)
{
    *law = (struct og_iv_law){.kind = iv->kind,
                              .a = iv->a,
                              .scale = 1,
                              .lo = -(double)INFINITY,
                              .hi = (double)INFINITY};
    if (iv->kind == OG_IV_POLYNOMIAL) {
        law->n = iv->coefficients.n;
        for (int k = 0; k < law->n; k++) law->y[k] = iv->coefficients.v[k];
        law->hi = iv->v_max > 0 ? iv->v_max : 2 * v_read;
        law->lo = -law->hi;
    }
    if (iv->kind == OG_IV_TABLE) {
        take_points(law, iv);
        set_slopes(law);
        set_contents(law);
        law->lo = law->x[0];
        law->hi = law->x[law->n - 1];
    }
    law->scale = v_read / inside(law, v_read, CURRENT);
}

// What is not a number stays so.
static double nearest(const struct og_iv_law *l, double v)
{
    return v > l->hi ? l->hi : v < l->lo ? l->lo : v;
}

double og_iv_current(const struct og_iv_law *law, double v)
{
    const double in = nearest(law, v), current = inside(law, in, CURRENT);
    return v == in ? current : current + inside(law, in, SLOPE) * (v - in);
}

double og_iv_slope(const struct og_iv_law *law, double v)
{
    return inside(law, nearest(law, v), SLOPE);
}

double og_iv_content(const struct og_iv_law *law, double v)
{
    const double in = nearest(law, v), more = v - in, content = inside(law, in, CONTENT);
    if (v == in) return content;
    return content +
           more * (inside(law, in, CURRENT) + inside(law, in, SLOPE) * more / 2);
}
