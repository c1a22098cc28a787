// SPDX-License-Identifier: GPL-3.0-or-later
// sigma(g) of the programming error by Fisher scoring: steps of weighted least squares of
// e^2 against sigma^2 with weights 1 / (2 sigma^4), whose fixed point is the maximum of
// the normal likelihood, and whose covariance there is that of Fisher's information.
#include <math.h>
#include <stdio.h>

#include <gsl/gsl_errno.h>
#include <gsl/gsl_multifit.h>

#include "base/mem.h"
#include "device/fit.h"

enum { ROUNDS = 200, POWERS = 6 };

struct squares {
    const double *target;
    double g_ref;
    size_t powers;
};

struct scoring {
    gsl_matrix *x, *covariance;
    gsl_vector *y, *weight, *change;
    gsl_multifit_linear_workspace *work;
    size_t rank;  // of the last step
};

static double sigma_of(const struct squares *s, size_t i, const double *c)
{
    const double x = s->target[i] / s->g_ref;
    double sigma = 0;
    for (size_t k = s->powers; k-- > 0;) sigma = sigma * x + c[k];
    return sigma;
}

// Errors in units of their overall rms, so that numbers are near 1.
static og_status scale_errors(const struct og_fit_data *d, double *square, double *rms,
                              double *bias)
{
    double sum = 0, mean = 0;
    for (size_t i = 0; i < d->rows; i++) {
        const double e = d->column[1][i] - d->column[0][i];
        sum += e * e;
        mean += e;
    }
    *rms = sqrt(sum / (double)d->rows);
    *bias = mean / (double)d->rows;
    if (!(*rms > 0))
        return og_fail(d->err, OG_INPUT,
                       "programmed and target are the same in all rows");
    for (size_t i = 0; i < d->rows; i++) {
        const double e = (d->column[1][i] - d->column[0][i]) / *rms;
        square[i] = e * e;
    }
    return OG_OK;
}

// One step: e^2 - sigma^2 against the change of sigma^2 with each coefficient.
static bool step(const struct og_fit_data *d, const struct squares *s,
                 const double *square, const double *c, struct scoring *w)
{
    double left;
    for (size_t i = 0; i < d->rows; i++) {
        const double sigma = sigma_of(s, i, c), x = s->target[i] / s->g_ref;
        double power = 2 * sigma;
        for (size_t k = 0; k < s->powers; k++, power *= x)
            gsl_matrix_set(w->x, i, k, power);
        gsl_vector_set(w->y, i, square[i] - sigma * sigma);
        gsl_vector_set(w->weight, i, 0.5 / (sigma * sigma * sigma * sigma));
    }
    const int code = gsl_multifit_wlinear_tsvd(w->x, w->weight, w->y, 1e-10, w->change,
                                               w->covariance, &left, &w->rank, w->work);
    return code == GSL_SUCCESS && w->rank == s->powers;
}

// Adds as much of the change as leaves every sigma positive; false: nothing does.
static bool add_change(const struct og_fit_data *d, const struct squares *s,
                       const struct scoring *w, double *c, double *most)
{
    for (double part = 1; part > 1e-6; part *= 0.5) {
        double next[POWERS];
        bool positive = true;
        *most = 0;
        for (size_t k = 0; k < s->powers; k++) {
            const double change = part * gsl_vector_get(w->change, k);
            next[k] = c[k] + change;
            *most = fmax(*most, fabs(change) / part);
        }
        for (size_t i = 0; i < d->rows; i++)
            positive &= sigma_of(s, i, next) > 0.1 * sigma_of(s, i, c);
        if (!positive) continue;
        for (size_t k = 0; k < s->powers; k++) c[k] = next[k];
        return true;
    }
    return false;
}

static og_status score(const struct og_fit_data *d, const struct squares *s,
                       const double *square, struct scoring *w, double *c)
{
    double most = 1;
    for (int round = 0; round < ROUNDS && most > 1e-9; round++)
        if (!step(d, s, square, c, w) || !add_change(d, s, w, c, &most)) break;
    if (w->rank < s->powers)
        return og_fail(d->err, OG_INPUT, "the targets do not determine %zu coefficients",
                       s->powers);
    if (!(most <= 1e-9))
        return og_fail(d->err, OG_INPUT, "sigma does not converge: try a lower order");
    return OG_OK;
}

static void report(const struct og_fit_data *d, const struct squares *s, const double *c,
                   const gsl_matrix *covariance, double rms, double bias)
{
    struct og_fit *fit = d->fit;
    const double freedom = (double)(d->rows - s->powers), n = (double)d->rows;
    struct og_sigma *law = &fit->device.program;
    *law = (struct og_sigma){.kind = OG_SIGMA_POLYNOMIAL, .scale = 1};
    law->g_ref = s->g_ref;
    law->coefficients.n = (int)s->powers;
    for (size_t k = 0; k < s->powers; k++) {
        char name[32];
        snprintf(name, sizeof name, "coefficient %zu", k);
        law->coefficients.v[k] = c[k] * rms;
        og_fit_add(fit, name, "S", c[k] * rms,
                   sqrt(gsl_matrix_get(covariance, k, k)) * rms, freedom);
    }
    og_fit_add(fit, "mean error", "S", bias, sqrt((rms * rms - bias * bias) / n), n - 1);
    for (size_t i = 0; i < d->rows; i++) {
        fit->measured[i] = d->column[1][i];
        fit->model_value[i] = d->column[0][i];
        fit->sigma[i] = sigma_of(s, i, c) * rms;
    }
    // Measured across devices: their mismatch is in sigma already.
    fit->device.d2d.g_min = fit->device.d2d.g_max = 0;
}

// The targets become the range, unless a base device has one that holds them.
static og_status set_range(const struct og_fit_data *d)
{
    struct og_device *device = &d->fit->device;
    double low = INFINITY, high = -INFINITY;
    for (size_t i = 0; i < d->rows; i++) {
        low = fmin(low, d->column[0][i]);
        high = fmax(high, d->column[0][i]);
    }
    if (!(low >= 0 && high > 0))
        return og_fail(d->err, OG_INPUT, "column 'target': %g S is no conductance", low);
    const double slack = 1e-9 * high;
    if (d->task->base != NULL &&
        !(low >= device->g_min - slack && high <= device->g_max + slack))
        return og_fail(d->err, OG_INPUT,
                       "targets from %g to %g S exceed the range of the base device "
                       "(%g .. %g S)",
                       low, high, device->g_min, device->g_max);
    if (d->task->base == NULL && !(low < high))
        return og_fail(d->err, OG_INPUT, "all targets are %g S: a range is needed", low);
    if (d->task->base == NULL) {
        device->g_min = low;
        device->g_max = high;
    }
    return OG_OK;
}

static og_status alloc_scoring(struct scoring *w, size_t rows, size_t powers)
{
    w->x = gsl_matrix_alloc(rows, powers);
    w->covariance = gsl_matrix_alloc(powers, powers);
    w->y = gsl_vector_alloc(rows);
    w->weight = gsl_vector_alloc(rows);
    w->change = gsl_vector_alloc(powers);
    w->work = gsl_multifit_linear_alloc(rows, powers);
    return w->x && w->covariance && w->y && w->weight && w->change && w->work
               ? OG_OK
               : OG_NO_MEMORY;
}

// GSL accepts NULL in all but the last.
static void free_scoring(struct scoring *w)
{
    gsl_matrix_free(w->x);
    gsl_matrix_free(w->covariance);
    gsl_vector_free(w->y);
    gsl_vector_free(w->weight);
    gsl_vector_free(w->change);
    if (w->work != NULL) gsl_multifit_linear_free(w->work);
}

og_status og_fit_programming(const struct og_fit_data *d)
{
    double c[POWERS] = {1}, rms, bias;
    struct squares s = {.target = d->column[0],
                        .powers = (size_t)(d->task->order >= 0 ? d->task->order : 2) + 1};
    struct scoring w = {0};
    OG_TRY(set_range(d));
    if (d->rows <= s.powers + 1)
        return og_fail(d->err, OG_INPUT, "%zu rows are too few for %zu coefficients",
                       d->rows, s.powers);
    s.g_ref = d->fit->device.g_max;
    double *square = og_alloc(d->rows, sizeof *square);
    og_status status = alloc_scoring(&w, d->rows, s.powers);
    if (square == NULL || status != OG_OK)
        status = og_fail(d->err, OG_NO_MEMORY, "out of memory for a fit");
    if (status == OG_OK) status = scale_errors(d, square, &rms, &bias);
    if (status == OG_OK) status = score(d, &s, square, &w, c);
    if (status == OG_OK) report(d, &s, c, w.covariance, rms, bias);
    free_scoring(&w);
    og_free(square);
    return status;
}
