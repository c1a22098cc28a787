// SPDX-License-Identifier: GPL-3.0-or-later
// Drift in two steps: a line of ln g against ln(t / t_0) for each device, all with the
// same scatter; then the exponents over the devices, whose variance is that of the spread
// and of each line's own error.
#include <math.h>
#include <stdio.h>

#include <gsl/gsl_fit.h>

#include "base/mem.h"
#include "device/fit.h"

enum { ROUNDS = 500 };

struct lines {
    size_t n;
    double t_0, scatter;                                // of ln g
    double nu[OG_FIT_CURVES], variance[OG_FIT_CURVES];  // its error, squared
    double ln_g[OG_FIT_CURVES], label[OG_FIT_CURVES];   // at t_0
    int *of;                                            // [rows]
};

static og_status check_rows(const struct og_fit_data *d, struct lines *l)
{
    const double *t = d->column[0], *g = d->column[1];
    double least = INFINITY;
    for (size_t i = 0; i < d->rows; i++) {
        if (!(t[i] > 0))
            return og_fail(d->err, OG_INPUT, "time %g s is not after programming", t[i]);
        if (!(g[i] > 0))
            return og_fail(d->err, OG_INPUT, "conductance %g S has no logarithm", g[i]);
        least = fmin(least, t[i]);
    }
    l->t_0 = d->task->t_0 > 0 ? d->task->t_0 : least;
    return og_fit_curves(d, d->column[2], l->of, &l->n, l->label);
}

// The line of device k; its sum of squares is added to *sum.
static og_status fit_line(const struct og_fit_data *d, struct lines *l, size_t k,
                          double *x, double *y, double *sum)
{
    size_t n = 0;
    double mean = 0, sxx = 0, c0, c1, c00, c01, c11, square;
    for (size_t i = 0; i < d->rows; i++) {
        if (l->of[i] != (int)k) continue;
        x[n] = log(d->column[0][i] / l->t_0);
        y[n] = log(d->column[1][i]);
        mean += x[n++];
    }
    mean /= (double)n;
    for (size_t i = 0; i < n; i++) sxx += (x[i] - mean) * (x[i] - mean);
    if (!(sxx > 0))
        return og_fail(d->err, OG_INPUT,
                       "device %g was measured at one time only: that shows no drift",
                       l->label[k]);
    gsl_fit_linear(x, 1, y, 1, n, &c0, &c1, &c00, &c01, &c11, &square);
    l->ln_g[k] = c0;
    l->nu[k] = -c1;
    l->variance[k] = 1 / sxx;
    *sum += square;
    return OG_OK;
}

static og_status fit_lines(const struct og_fit_data *d, struct lines *l)
{
    double *x = og_alloc(2 * d->rows, sizeof *x), sum = 0;
    if (x == NULL) return og_fail(d->err, OG_NO_MEMORY, "out of memory for a fit");
    og_status status = OG_OK;
    for (size_t k = 0; k < l->n && status == OG_OK; k++)
        status = fit_line(d, l, k, x, x + d->rows, &sum);
    og_free(x);
    if (status != OG_OK) return status;
    if (d->rows <= 2 * l->n)
        return og_fail(d->err, OG_INPUT,
                       "%zu rows of %zu devices: some need more than two, to show their "
                       "scatter",
                       d->rows, l->n);
    l->scatter = sqrt(sum / (double)(d->rows - 2 * l->n));
    if (!(l->scatter > 0))
        return og_fail(d->err, OG_INPUT, "the rows have no scatter at all");
    for (size_t k = 0; k < l->n; k++) l->variance[k] *= l->scatter * l->scatter;
    return OG_OK;
}

// --- exponents over the devices ------------------------------------------------------

// nu = offset + slope ln x: c, with errors, and the spread about it.
struct population {
    size_t p;
    double c[2], error[2], ln_max;
    double spread, spread_error;  // NaN error: not determined
};

static double mean_nu(const struct population *q, const struct lines *l, size_t k)
{
    return q->c[0] + (q->p > 1 ? q->c[1] * (l->ln_g[k] - q->ln_max) : 0);
}

// Weighted means for the spread as it is now.
static bool fit_mean(struct population *q, const struct lines *l)
{
    double s = 0, sx = 0, sxx = 0, sy = 0, sxy = 0;
    for (size_t k = 0; k < l->n; k++) {
        const double w = 1 / (q->spread * q->spread + l->variance[k]);
        const double x = l->ln_g[k] - q->ln_max;
        s += w;
        sx += w * x;
        sxx += w * x * x;
        sy += w * l->nu[k];
        sxy += w * x * l->nu[k];
    }
    if (q->p == 1) {
        q->c[0] = sy / s;
        q->error[0] = 1 / sqrt(s);
        return true;
    }
    const double det = s * sxx - sx * sx;
    q->c[0] = (sxx * sy - sx * sxy) / det;
    q->c[1] = (s * sxy - sx * sy) / det;
    q->error[0] = sqrt(sxx / det);
    q->error[1] = sqrt(s / det);
    return det > 1e-9 * s * sxx;
}

// Fisher scoring of the spread's square; squares are raised by n / (n - p), since the
// mean was fitted to them.
static double fit_spread(struct population *q, const struct lines *l)
{
    double sw = 0, sum = 0;
    const double raise = (double)l->n / (double)(l->n - q->p);
    for (size_t k = 0; k < l->n; k++) {
        const double v = q->spread * q->spread + l->variance[k];
        const double r = l->nu[k] - mean_nu(q, l, k), w = 0.5 / (v * v);
        sw += w;
        sum += w * (raise * r * r - l->variance[k]);
    }
    const double square = fmax(sum / sw, 0), before = q->spread;
    q->spread = sqrt(square);
    q->spread_error = q->spread > 0 ? 1 / sqrt(sw) / (2 * q->spread) : NAN;
    return fabs(q->spread - before);
}

static og_status fit_population(const struct og_fit_data *d, const struct lines *l,
                                struct population *q)
{
    if (l->n <= q->p && q->p > 1)
        return og_fail(d->err, OG_INPUT, "%zu devices do not determine a slope", l->n);
    double change = 1;
    q->spread = q->spread_error = 0;
    for (int round = 0; round < ROUNDS && change > 1e-12; round++) {
        if (!fit_mean(q, l))
            return og_fail(d->err, OG_INPUT,
                           "all devices have the same conductance: no slope (order 1)");
        change = l->n > q->p ? fit_spread(q, l) : 0;
    }
    for (size_t k = 0; k < l->n; k++)
        if (!(mean_nu(q, l, k) >= 0))
            return og_fail(d->err, OG_INPUT,
                           "the conductance grows: a mean exponent is %g, below 0",
                           mean_nu(q, l, k));
    return OG_OK;
}

// --- report --------------------------------------------------------------------------

static void set_device(struct og_fit *fit, const struct og_fit_data *d,
                       const struct lines *l, const struct population *q)
{
    struct og_device *device = &fit->device;
    const struct og_law none = og_hardware_default().device.drift.nu;
    device->drift.t_0 = l->t_0;
    device->drift.nu = device->drift.spread = none;
    device->drift.nu.offset = q->c[0];
    device->drift.spread.offset = q->spread;
    if (d->task->base == NULL) {
        device->g_min = 0;
        device->g_max = exp(q->ln_max);
    }
    if (q->p > 1) {
        // Beyond the measured conductances the law stays what it is at their ends.
        double least = INFINITY, most = 0;
        for (size_t k = 0; k < l->n; k++) {
            least = fmin(least, mean_nu(q, l, k));
            most = fmax(most, mean_nu(q, l, k));
        }
        device->drift.nu.slope = q->c[1];
        device->drift.nu.min = least;
        device->drift.nu.max = most;
    }
}

static void report(const struct og_fit_data *d, const struct lines *l,
                   const struct population *q)
{
    struct og_fit *fit = d->fit;
    const double rows = (double)(d->rows - 2 * l->n);
    const double freedom = l->n > q->p ? (double)(l->n - q->p) : rows;
    og_fit_add(fit, q->p > 1 ? "nu offset" : "nu", "", q->c[0], q->error[0], freedom);
    if (q->p > 1) og_fit_add(fit, "nu slope", "", q->c[1], q->error[1], freedom);
    if (l->n > q->p) og_fit_add(fit, "spread", "", q->spread, q->spread_error, freedom);
    og_fit_add(fit, "scatter of ln g", "", l->scatter, l->scatter / sqrt(2 * rows), rows);
    for (size_t i = 0; i < d->rows; i++) {
        const int k = l->of[i];
        fit->measured[i] = d->column[1][i];
        fit->model_value[i] = exp(l->ln_g[k] - l->nu[k] * log(d->column[0][i] / l->t_0));
        fit->sigma[i] = l->scatter * fit->model_value[i];
    }
}

static og_status fit_all(const struct og_fit_data *d, struct lines *l)
{
    struct population q = {.p = d->task->order == 1 ? 2 : 1, .ln_max = -INFINITY};
    OG_TRY(check_rows(d, l));
    OG_TRY(fit_lines(d, l));
    for (size_t k = 0; k < l->n; k++) q.ln_max = fmax(q.ln_max, l->ln_g[k]);
    if (d->task->base != NULL) q.ln_max = log(d->fit->device.g_max);
    OG_TRY(fit_population(d, l, &q));
    set_device(d->fit, d, l, &q);
    report(d, l, &q);
    return OG_OK;
}

og_status og_fit_drift(const struct og_fit_data *d)
{
    struct lines *l = og_alloc(1, sizeof *l);
    og_status status = OG_NO_MEMORY;
    if (l != NULL) l->of = og_alloc(d->rows, sizeof *l->of);
    if (l != NULL && l->of != NULL)
        status = fit_all(d, l);
    else
        og_fail(d->err, status, "out of memory for a fit");
    if (l != NULL) og_free(l->of);
    og_free(l);
    return status;
}
