// SPDX-License-Identifier: GPL-3.0-or-later
// Current-voltage curves: a shape that all have in common and a conductance of each. Both
// axes are scaled to about 1.
#include <math.h>
#include <stdio.h>

#include "base/mem.h"
#include "device/fit.h"
#include "device/polynomial.h"

enum { SCAN = 60, ROUNDS = 20 };

// Parameters: first the `shape` of all, then the conductances.
struct shape {
    bool sinh;
    size_t shared, curves;
    double v_unit, i_unit;  // [V] (sinh: v_read), [A]
    double v_top;           // [V] largest |V|
    const double *v;
    int *of;  // [rows]
    double label[OG_FIT_CURVES];
};

// sinh(a u) / sinh(a) and its derivative by a.
static bool sinh_ratio(double a, double u, double *f, double *slope)
{
    if (!(fabs(a) < 300) || fabs(a * u) > 600) return false;
    if (fabs(a) < 1e-4) {
        // u (1 + a^2 (u^2 - 1) / 6), the limit of ohmic cells
        *f = u * (1 + a * a * (u * u - 1) / 6);
        *slope = u * a * (u * u - 1) / 3;
        return true;
    }
    *f = sinh(a * u) / sinh(a);
    *slope = u * cosh(a * u) / sinh(a) - *f / tanh(a);
    return true;
}

static bool current_at(const void *user, size_t i, const double *c, double *f,
                       double *gradient)
{
    const struct shape *s = user;
    const double u = s->v[i] / s->v_unit;
    const size_t own = s->shared + (size_t)s->of[i];
    for (size_t k = 0; k < s->shared + s->curves; k++) gradient[k] = 0;
    double form = u;
    if (s->sinh) {
        if (!sinh_ratio(c[0], u, &form, &gradient[0])) return false;
        gradient[0] *= c[own];
    } else {
        double power = u;
        for (size_t k = 0; k < s->shared; k++) {
            power *= u;
            form += c[k] * power;
            gradient[k] = c[own] * power;
        }
    }
    gradient[own] = form;
    *f = c[own] * form;
    return isfinite(*f);
}

// For a given shape the best conductances are known; returns what is left.
static double best_conductances(const struct og_fit_data *d, const struct shape *s,
                                const double *weight, double *c)
{
    double left = 0;
    for (size_t k = 0; k < s->curves; k++) {
        double up = 0, down = 0, square = 0, gradient[OG_FIT_PARAMETERS], f;
        c[s->shared + k] = 1;
        for (size_t i = 0; i < d->rows; i++) {
            if (s->of[i] != (int)k || !current_at(s, i, c, &f, gradient)) continue;
            const double y = d->column[1][i] / s->i_unit;
            up += weight[i] * y * f;
            down += weight[i] * f * f;
            square += weight[i] * y * y;
        }
        c[s->shared + k] = down > 0 ? up / down : 0;
        left += square - (down > 0 ? up * up / down : 0);
    }
    return left;
}

// The nonlinearity from a logarithmic scan: a least-squares fit from elsewhere could end
// in another valley.
static void start(const struct og_fit_data *d, const struct shape *s,
                  const double *weight, double *c)
{
    double best = INFINITY, at = 1;
    for (size_t k = 0; k < s->shared; k++) c[k] = 0;
    for (int k = 0; s->sinh && k < SCAN; k++) {
        c[0] = 0.02 * pow(1.15, k);
        const double left = best_conductances(d, s, weight, c);
        if (left < best) {
            best = left;
            at = c[0];
        }
    }
    if (s->sinh) c[0] = at;
    best_conductances(d, s, weight, c);
}

static og_status measure(const struct og_fit_data *d, struct shape *s)
{
    double v = 0, i_square = 0;
    for (size_t i = 0; i < d->rows; i++) {
        v = fmax(v, fabs(d->column[0][i]));
        i_square += d->column[1][i] * d->column[1][i];
    }
    s->v_top = v;
    s->v_unit = s->sinh && d->task->v_read > 0 ? d->task->v_read : v;
    s->i_unit = sqrt(i_square / (double)d->rows);
    if (!(v > 0 && s->i_unit > 0))
        return og_fail(d->err, OG_INPUT, "all voltages or all currents are 0");
    s->v = d->column[0];
    return og_fit_curves(d, d->column[2], s->of, &s->curves, s->label);
}

// Errors in proportion to the current of the model: weights follow the fit.
static void weigh(const struct og_fit_data *d, const struct shape *s, const double *c,
                  double *weight)
{
    double f, gradient[OG_FIT_PARAMETERS];
    for (size_t i = 0; i < d->rows; i++) {
        const bool is = current_at(s, i, c, &f, gradient) && f != 0;
        weight[i] = is ? 1 / (f * f) : 0;
    }
}

static og_status fit_curves(const struct og_fit_data *d, const struct shape *s,
                            const double *y, double *weight, double *c,
                            double *covariance, double *sum)
{
    const struct og_least_squares l = {.n = d->rows,
                                       .p = s->shared + s->curves,
                                       .at = current_at,
                                       .user = s,
                                       .y = y,
                                       .weight = weight};
    for (size_t i = 0; i < d->rows; i++) weight[i] = 1;
    start(d, s, weight, c);
    OG_TRY(og_least_squares(&l, c, covariance, sum, d->err));
    double change = 1;
    for (int round = 0; d->task->relative && round < ROUNDS && change > 1e-10; round++) {
        const double before = c[0];
        weigh(d, s, c, weight);
        OG_TRY(og_least_squares(&l, c, covariance, sum, d->err));
        change = fabs(c[0] - before) / fmax(fabs(c[0]), 1e-3);
    }
    return OG_OK;
}

// f(v) / v, of what f is in proportion to.
static double slope_of(const struct og_iv *iv, double v)
{
    if (iv->kind == OG_IV_SINH) return sinh(iv->a * v) / v;
    return iv->kind == OG_IV_OHMIC
               ? 1
               : og_polynomial(iv->coefficients.v, iv->coefficients.n, v, NULL);
}

static void set_law(const struct og_fit_data *d, const struct shape *s, const double *c)
{
    struct og_iv *iv = &d->fit->device.iv;
    *iv = (struct og_iv){.kind = s->sinh ? OG_IV_SINH : OG_IV_POLYNOMIAL};
    if (s->sinh) {
        iv->a = fabs(c[0]) / s->v_unit;
        if (iv->a == 0) iv->kind = OG_IV_OHMIC;
        return;
    }
    iv->v_max = s->v_unit;
    iv->coefficients.v[iv->coefficients.n++] = 1;
    for (size_t k = 0; k < s->shared; k++)
        iv->coefficients.v[iv->coefficients.n++] = c[k] * pow(s->v_unit, -(double)k - 1);
}

// The law, and where no other device gives it, the range: g of a device is that at
// v_read.
static void set_device(const struct og_fit_data *d, const struct shape *s,
                       const double *c)
{
    struct og_device *device = &d->fit->device;
    const double *g = c + s->shared, asked = d->task->v_read;
    double least = g[0], most = g[0];
    set_law(d, s, c);
    if (asked > 0) device->v_read = asked;
    if (d->task->base != NULL) return;
    if (asked == 0) device->v_read = s->v_top;
    for (size_t k = 1; k < s->curves; k++) {
        least = fmin(least, g[k]);
        most = fmax(most, g[k]);
    }
    // Of sinh g is that at v_unit, of polynomials that at 0 V.
    const double at = s->sinh ? slope_of(&device->iv, s->v_unit) : 1;
    const double unit =
        s->i_unit / s->v_unit * slope_of(&device->iv, device->v_read) / at;
    device->g_min = s->curves > 1 ? least * unit : 0;
    device->g_max = most * unit;
}

static void report(const struct og_fit_data *d, const struct shape *s, const double *c,
                   const double *covariance, double sum)
{
    struct og_fit *fit = d->fit;
    const size_t p = s->shared + s->curves;
    const double freedom = (double)(d->rows - p), scatter = sqrt(sum / freedom);
    const double g_unit = s->i_unit / s->v_unit;
    char name[32], units[8];
    for (size_t k = 0; k < p; k++) {
        double unit = g_unit, sign = 1;
        snprintf(units, sizeof units, "S");
        snprintf(name, sizeof name, s->curves > 1 ? "g of curve %g" : "g",
                 s->label[k < s->shared ? 0 : k - s->shared]);
        if (k < s->shared) {
            const int power = s->sinh ? 1 : (int)k + 1;
            unit = pow(s->v_unit, -power);
            sign = s->sinh && c[0] < 0 ? -1 : 1;  // even in a
            snprintf(units, sizeof units, power > 1 ? "1/V%d" : "1/V", power);
            snprintf(name, sizeof name, s->sinh ? "a" : "c_%d", power + 1);
        }
        og_fit_add(fit, name, units, sign * c[k] * unit,
                   scatter * sqrt(covariance[k * p + k]) * unit, freedom);
    }
    double f, gradient[OG_FIT_PARAMETERS];
    for (size_t i = 0; i < d->rows; i++) {
        current_at(s, i, c, &f, gradient);
        fit->measured[i] = d->column[1][i];
        fit->model_value[i] = f * s->i_unit;
        fit->sigma[i] = scatter * s->i_unit * (d->task->relative ? fabs(f) : 1);
    }
}

static og_status fit_all(const struct og_fit_data *d, struct shape *s)
{
    s->sinh = d->task->model == OG_FIT_IV_SINH;
    s->shared = s->sinh ? 1 : (size_t)(d->task->order >= 0 ? d->task->order : 3) - 1;
    OG_TRY(measure(d, s));
    const size_t p = s->shared + s->curves;
    if (d->rows <= p)
        return og_fail(d->err, OG_INPUT, "%zu rows are too few for %zu parameters",
                       d->rows, p);
    double c[OG_FIT_PARAMETERS], sum;
    double *y = og_alloc(2 * d->rows + p * p, sizeof *y);
    if (y == NULL) return og_fail(d->err, OG_NO_MEMORY, "out of memory for a fit");
    double *weight = y + d->rows, *covariance = weight + d->rows;
    for (size_t i = 0; i < d->rows; i++) y[i] = d->column[1][i] / s->i_unit;
    const og_status status = fit_curves(d, s, y, weight, c, covariance, &sum);
    if (status == OG_OK) report(d, s, c, covariance, sum);
    if (status == OG_OK) set_device(d, s, c);
    og_free(y);
    return status;
}

og_status og_fit_iv(const struct og_fit_data *d)
{
    struct shape s = {.of = og_alloc(d->rows, sizeof *s.of)};
    if (s.of == NULL) return og_fail(d->err, OG_NO_MEMORY, "out of memory for a fit");
    const og_status status = fit_all(d, &s);
    og_free(s.of);
    return status;
}
