// SPDX-License-Identifier: GPL-3.0-or-later
#include "device/fit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_errno.h>
#include <gsl/gsl_multifit_nlinear.h>

#include "base/mem.h"
#include "config/tables.h"

static const char *const names[OG_FIT_MODELS] = {"programming", "drift", "iv_sinh",
                                                 "iv_polynomial"};

const char *og_fit_model_name(enum og_fit_model model) { return names[model]; }

og_status og_fit_model_find(enum og_fit_model *model, const char *name,
                            struct og_error *err)
{
    for (int i = 0; i < OG_FIT_MODELS; i++)
        if (strcmp(names[i], name) == 0) {
            *model = (enum og_fit_model)i;
            return OG_OK;
        }
    return og_fail(err, OG_USAGE,
                   "model '%s' is none of: programming, drift, iv_sinh, iv_polynomial",
                   name);
}

// --- least squares -------------------------------------------------------------------

static int residuals(const gsl_vector *c, void *user, gsl_vector *r)
{
    const struct og_least_squares *l = user;
    double f, gradient[OG_FIT_PARAMETERS];
    for (size_t i = 0; i < l->n; i++) {
        if (!l->at(l->user, i, c->data, &f, gradient)) return GSL_EDOM;
        gsl_vector_set(r, i, f - l->y[i]);
    }
    return GSL_SUCCESS;
}

static int jacobian(const gsl_vector *c, void *user, gsl_matrix *j)
{
    const struct og_least_squares *l = user;
    double f;
    for (size_t i = 0; i < l->n; i++)
        if (!l->at(l->user, i, c->data, &f, gsl_matrix_ptr(j, i, 0))) return GSL_EDOM;
    return GSL_SUCCESS;
}

static og_status solve(gsl_multifit_nlinear_workspace *w,
                       const struct og_least_squares *l, double *c, double *covariance,
                       double *sum, struct og_error *err)
{
    const struct og_least_squares *user = l;
    gsl_multifit_nlinear_fdf fdf = {
        .f = residuals, .df = jacobian, .n = l->n, .p = l->p, .params = (void *)user};
    gsl_vector_const_view start = gsl_vector_const_view_array(c, l->p),
                          weight = gsl_vector_const_view_array(l->weight, l->n);
    gsl_matrix_view cov = gsl_matrix_view_array(covariance, l->p, l->p);
    int info = GSL_SUCCESS,
        code = gsl_multifit_nlinear_winit(&start.vector, &weight.vector, &fdf, w);
    if (code == GSL_SUCCESS)
        code = gsl_multifit_nlinear_driver(200, 1e-9, 1e-10, 0, NULL, NULL, &info, w);
    // GSL's words for a start from which no step leads further down: the solution.
    if (code == GSL_EMAXITER && info == GSL_ENOPROG) code = GSL_SUCCESS;
    if (code != GSL_SUCCESS)
        return og_fail(err, OG_INPUT, "the fit does not converge: %s",
                       gsl_strerror(code));
    for (size_t k = 0; k < l->p; k++)
        c[k] = gsl_vector_get(gsl_multifit_nlinear_position(w), k);
    *sum = 0;
    const gsl_vector *r = gsl_multifit_nlinear_residual(w);
    for (size_t i = 0; i < l->n; i++)
        *sum += r->data[i * r->stride] * r->data[i * r->stride];
    code = gsl_multifit_nlinear_covar(gsl_multifit_nlinear_jac(w), 1e-12, &cov.matrix);
    for (size_t k = 0; k < l->p; k++)
        if (code != GSL_SUCCESS || !isfinite(c[k]) ||
            !(covariance[k * l->p + k] > 0 && isfinite(covariance[k * l->p + k])))
            return og_fail(err, OG_INPUT, "the data do not determine all %zu parameters",
                           l->p);
    return OG_OK;
}

og_status og_least_squares(const struct og_least_squares *l, double *c,
                           double *covariance, double *sum, struct og_error *err)
{
    gsl_multifit_nlinear_parameters parameters =
        gsl_multifit_nlinear_default_parameters();
    if (l->n < l->p)
        return og_fail(err, OG_INPUT, "%zu rows do not determine %zu parameters", l->n,
                       l->p);
    gsl_multifit_nlinear_workspace *w =
        gsl_multifit_nlinear_alloc(gsl_multifit_nlinear_trust, &parameters, l->n, l->p);
    if (w == NULL) return og_fail(err, OG_NO_MEMORY, "out of memory for a fit");
    const og_status status = solve(w, l, c, covariance, sum, err);
    gsl_multifit_nlinear_free(w);
    return status;
}

// --- what the models share -----------------------------------------------------------

void og_fit_add(struct og_fit *fit, const char *name, const char *units, double value,
                double error, double freedom)
{
    struct og_fit_parameter *p = &fit->parameter[fit->parameters++];
    const double t = gsl_cdf_tdist_Pinv(0.975, freedom);
    snprintf(p->name, sizeof p->name, "%s", name);
    snprintf(p->units, sizeof p->units, "%s", units);
    p->value = value;
    p->error = error;
    p->low = value - t * error;
    p->high = value + t * error;
}

og_status og_fit_curves(const struct og_fit_data *d, const double *column, int *curve,
                        size_t *curves, double *label)
{
    *curves = column == NULL;
    label[0] = 0;
    for (size_t i = 0; column != NULL && i < d->rows; i++) {
        size_t k = 0;
        while (k < *curves && label[k] != column[i]) k++;
        if (k == OG_FIT_CURVES)
            return og_fail(d->err, OG_INPUT, "%s: more than %d curves", d->task->data,
                           OG_FIT_CURVES);
        if (k == *curves) label[(*curves)++] = column[i];
        curve[i] = (int)k;
    }
    return OG_OK;
}

// --- running -------------------------------------------------------------------------

static const struct og_csv_column columns_of[OG_FIT_MODELS][3] = {
    {{"target", "S", false, NULL}, {"programmed", "S", false, NULL}},
    {{"time", "s", false, NULL},
     {"conductance", "S", false, NULL},
     {"device", NULL, true, NULL}},
    {{"voltage", "V", false, NULL},
     {"current", "A", false, NULL},
     {"curve", NULL, true, NULL}},
    {{"voltage", "V", false, NULL},
     {"current", "A", false, NULL},
     {"curve", NULL, true, NULL}},
};

static og_status alloc_rows(struct og_fit *fit, size_t rows, struct og_error *err)
{
    double **array[] = {&fit->x, &fit->measured, &fit->model_value, &fit->sigma};
    fit->rows = rows;
    for (int i = 0; i < 4; i++) {
        *array[i] = og_alloc(rows, sizeof **array[i]);
        if (*array[i] == NULL)
            return og_fail(err, OG_NO_MEMORY, "out of memory for %zu rows", rows);
    }
    return OG_OK;
}

static og_status start_device(struct og_fit *fit, const struct og_fit_task *task,
                              struct og_error *err)
{
    OG_TRY(og_fields_bind(og_device_fields, NULL, &fit->device, err));
    if (task->base != NULL) OG_TRY(og_device_read(&fit->device, task->base, NULL, err));
    char base[sizeof fit->device.name];
    memcpy(base, fit->device.name, sizeof base);
    if (strlen(task->name) >= sizeof fit->device.name)
        return og_fail(err, OG_USAGE, "the name '%.80s' is longer than %zu bytes",
                       task->name, sizeof fit->device.name - 1);
    snprintf(fit->device.name, sizeof fit->device.name, "%s", task->name);
    snprintf(fit->device.title, sizeof fit->device.title, "%s: %s fitted to data",
             task->name, og_fit_model_name(task->model));
    snprintf(fit->device.citation, sizeof fit->device.citation,
             "ohmgrid device fit, %zu rows of %.120s%s%.64s", fit->rows, task->data,
             base[0] != '\0' ? "; the rest of " : "", base);
    return OG_OK;
}

static void sum_up(struct og_fit *fit)
{
    double sum = 0;
    size_t inside = 0;
    for (size_t i = 0; i < fit->rows; i++) {
        const double e = fit->measured[i] - fit->model_value[i];
        const double z = e == 0 ? 0 : e / fit->sigma[i];
        sum += z * z;
        inside += fabs(z) <= 1.96;
    }
    fit->rms = sqrt(sum / (double)fit->rows);
    fit->inside = (double)inside / (double)fit->rows;
}

static og_status check_options(const struct og_fit_task *t, struct og_error *err)
{
    static const int most[OG_FIT_MODELS] = {5, 1, -1, 5}, least[] = {0, 0, 0, 2};
    const bool iv = t->model == OG_FIT_IV_SINH || t->model == OG_FIT_IV_POLYNOMIAL;
    const char *name = og_fit_model_name(t->model);
    if (t->order >= 0 && most[t->model] < 0)
        return og_fail(err, OG_USAGE, "an order has no effect with model %s", name);
    if (t->order >= 0 && (t->order > most[t->model] || t->order < least[t->model]))
        return og_fail(err, OG_USAGE, "order %d is outside %d .. %d of model %s",
                       t->order, least[t->model], most[t->model], name);
    if (t->t_0 != 0 && t->model != OG_FIT_DRIFT)
        return og_fail(err, OG_USAGE, "t_0 has no effect with model %s", name);
    if (t->v_read != 0 && !iv)
        return og_fail(err, OG_USAGE, "v_read has no effect with model %s", name);
    if (t->relative && !iv)
        return og_fail(err, OG_USAGE, "relative errors have no effect with model %s",
                       name);
    if (t->t_0 < 0 || t->v_read < 0 || !isfinite(t->t_0) || !isfinite(t->v_read))
        return og_fail(err, OG_USAGE, "t_0 and v_read must be positive");
    return OG_OK;
}

static og_status run(struct og_fit *fit, const struct og_fit_task *task,
                     struct og_csv_column *column, struct og_error *err)
{
    struct og_fit_data d = {.task = task, .fit = fit, .err = err};
    const size_t columns = task->model == OG_FIT_PROGRAMMING ? 2 : 3;
    OG_TRY(og_csv_read(task->data, column, columns, &d.rows, err));
    for (size_t k = 0; k < columns; k++) d.column[k] = column[k].value;
    OG_TRY(alloc_rows(fit, d.rows, err));
    OG_TRY(start_device(fit, task, err));
    memcpy(fit->x, d.column[0], d.rows * sizeof *fit->x);
    fit->x_name = column[0].name;
    fit->x_units = column[0].unit;
    fit->name = column[1].name;
    fit->units = column[1].unit;
    og_status status = task->model == OG_FIT_PROGRAMMING ? og_fit_programming(&d)
                       : task->model == OG_FIT_DRIFT     ? og_fit_drift(&d)
                                                         : og_fit_iv(&d);
    if (status == OG_OK) sum_up(fit);
    return status;
}

og_status og_fit_run(struct og_fit *fit, const struct og_fit_task *task,
                     struct og_error *err)
{
    struct og_csv_column column[3];
    struct og_error inner = {0};
    *fit = (struct og_fit){.model = task->model};
    OG_TRY(check_options(task, err));
    memcpy(column, columns_of[task->model], sizeof column);
    gsl_error_handler_t *handler = gsl_set_error_handler_off();
    const og_status status = run(fit, task, column, &inner);
    gsl_set_error_handler(handler);
    og_csv_free(column, 3);
    if (status == OG_OK) return OG_OK;
    // What the data lack is said without their name, what a line lacks with it.
    if (strstr(inner.text, task->data) != NULL || status != OG_INPUT)
        return og_fail(err, status, "%s", inner.text);
    return og_fail(err, status, "%s: %s", task->data, inner.text);
}

void og_fit_free(struct og_fit *fit)
{
    og_free(fit->x);
    og_free(fit->measured);
    og_free(fit->model_value);
    og_free(fit->sigma);
    *fit = (struct og_fit){0};
}

void og_fit_print(const struct og_fit *fit, const char *prefix, FILE *out)
{
    fprintf(out, "%s%-16s %13s %11s   95 %% interval\n", prefix, "parameter", "value",
            "error");
    for (size_t i = 0; i < fit->parameters; i++) {
        const struct og_fit_parameter *p = &fit->parameter[i];
        fprintf(out, "%s%-16s %13.6g %11.3g   %.6g .. %.6g%s%s\n", prefix, p->name,
                p->value, p->error, p->low, p->high, p->units[0] ? " " : "", p->units);
    }
    fprintf(out, "%s%zu rows; residuals: rms %.4g sigma, %.1f %% within 1.96 sigma\n",
            prefix, fit->rows, fit->rms, 100 * fit->inside);
}
