// SPDX-License-Identifier: GPL-3.0-or-later
#include "ohmgrid/itq.h"

#include <assert.h>
#include <stdbool.h>

#include <gsl/gsl_blas.h>
#include <gsl/gsl_eigen.h>
#include <gsl/gsl_errno.h>
#include <gsl/gsl_linalg.h>

#include "base/blas.h"
#include "base/mem.h"
#include "ohmgrid/random.h"

struct og_itq {
    size_t dimension, bits, errors;
    double *mean;        // [dimension]
    double *projection;  // P R, [dimension][bits]
    double *error;       // [errors]
};

// Everything that is of use while fitting only.
struct fit {
    struct og_itq_params params;
    size_t n, dimension, bits;
    double *x;                // [n][dimension], less the mean
    double *v;                // X P, [n][bits]
    double *rotated, *sign;   // X P R and B, [n][bits]
    double *p, *r;            // P and R
    double *square, *u, *vt;  // [dimension][dimension] at most
    double *values, *work;    // [dimension]
};

typedef gsl_matrix_view view;

static view matrix(double *a, size_t rows, size_t columns)
{
    return gsl_matrix_view_array(a, rows, columns);
}

static void multiply(CBLAS_TRANSPOSE_t transpose, view *a, view *b, view *c)
{
    gsl_blas_dgemm(transpose, CblasNoTrans, 1, &a->matrix, &b->matrix, 0, &c->matrix);
}

static og_status no_memory(struct og_error *err)
{
    return og_fail(err, OG_NO_MEMORY, "out of memory for a binary embedding");
}

static void centre(struct og_itq *itq, struct fit *f, const float *x)
{
    size_t d = f->dimension;
    for (size_t i = 0; i < f->n; i++)
        for (size_t j = 0; j < d; j++) itq->mean[j] += x[i * d + j];
    for (size_t j = 0; j < d; j++) itq->mean[j] /= (double)f->n;
    for (size_t i = 0; i < f->n; i++)
        for (size_t j = 0; j < d; j++)
            f->x[i * d + j] = (double)x[i * d + j] - itq->mean[j];
}

// P, the eigenvectors of X^T X of the largest eigenvalues; then v = X P.
static og_status find_directions(struct fit *f, struct og_error *err)
{
    size_t d = f->dimension, b = f->bits;
    view x = matrix(f->x, f->n, d), c = matrix(f->square, d, d), u = matrix(f->u, d, d);
    view p = matrix(f->p, d, b), v = matrix(f->v, f->n, b);
    gsl_vector_view values = gsl_vector_view_array(f->values, d);
    gsl_eigen_symmv_workspace *w = gsl_eigen_symmv_alloc(d);
    if (w == NULL) return no_memory(err);
    multiply(CblasTrans, &x, &x, &c);
    int bad = gsl_eigen_symmv(&c.matrix, &values.vector, &u.matrix, w);
    gsl_eigen_symmv_free(w);
    if (bad != 0)
        return og_fail(err, OG_FAILED, "no principal directions were found: %s",
                       gsl_strerror(bad));
    gsl_eigen_symmv_sort(&values.vector, &u.matrix, GSL_EIGEN_SORT_VAL_DESC);
    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j < b; j++) f->p[i * b + j] = f->u[i * d + j];
    multiply(CblasNoTrans, &x, &p, &v);
    return OG_OK;
}

// The rotation nearest to `square` [bits][bits], V U^T of U S V^T, into r.
static og_status nearest_rotation(struct fit *f, struct og_error *err)
{
    size_t b = f->bits;
    view u = matrix(f->square, b, b), v = matrix(f->vt, b, b), r = matrix(f->r, b, b);
    if (b == 1) {  // for a single 0, GSL gives U = 0
        f->r[0] = f->square[0] < 0 ? -1 : 1;
        return OG_OK;
    }
    gsl_vector_view s = gsl_vector_view_array(f->values, b);
    gsl_vector_view work = gsl_vector_view_array(f->work, b);
    int bad = gsl_linalg_SV_decomp(&u.matrix, &v.matrix, &s.vector, &work.vector);
    if (bad != 0)
        return og_fail(err, OG_FAILED, "no rotation was found: %s", gsl_strerror(bad));
    gsl_blas_dgemm(CblasNoTrans, CblasTrans, 1, &v.matrix, &u.matrix, 0, &r.matrix);
    return OG_OK;
}

static og_status first_rotation(struct fit *f, struct og_error *err)
{
    size_t b = f->bits;
    struct og_stream s = og_stream_named(f->params.seed, OG_INIT, 0, 0, 0);
    for (size_t i = 0; i < b * b; i++) {
        float g;
        og_gauss_fill(&s, (struct og_index){0, 0, 0}, i, &g, 1);
        f->square[i] = g;
    }
    return nearest_rotation(f, err);
}

// B = sign(X P R); returns the mean of |B - X P R|^2.
static double binarise(struct fit *f)
{
    view v = matrix(f->v, f->n, f->bits), r = matrix(f->r, f->bits, f->bits);
    view rotated = matrix(f->rotated, f->n, f->bits);
    double sum = 0;
    multiply(CblasNoTrans, &v, &r, &rotated);
    for (size_t i = 0; i < f->n * f->bits; i++) {
        f->sign[i] = f->rotated[i] >= 0 ? 1 : -1;
        double e = f->sign[i] - f->rotated[i];
        sum += e * e;
    }
    return sum / (double)f->n;
}

static og_status rotate(struct og_itq *itq, struct fit *f, struct og_error *err)
{
    view v = matrix(f->v, f->n, f->bits), sign = matrix(f->sign, f->n, f->bits);
    view square = matrix(f->square, f->bits, f->bits);
    OG_TRY(first_rotation(f, err));
    itq->error[itq->errors++] = binarise(f);
    for (int round = 0; round < f->params.rounds; round++) {
        multiply(CblasTrans, &sign, &v, &square);
        OG_TRY(nearest_rotation(f, err));
        itq->error[itq->errors++] = binarise(f);
    }
    view p = matrix(f->p, f->dimension, f->bits), r = matrix(f->r, f->bits, f->bits);
    view pr = matrix(itq->projection, f->dimension, f->bits);
    multiply(CblasNoTrans, &p, &r, &pr);
    return OG_OK;
}

static bool make_room(struct og_itq *itq, struct fit *f)
{
    size_t d = f->dimension, b = f->bits;
    itq->mean = og_alloc(d, sizeof *itq->mean);
    itq->projection = og_alloc(d * b, sizeof *itq->projection);
    itq->error = og_alloc((size_t)f->params.rounds + 1, sizeof *itq->error);
    f->x = og_alloc(f->n * d, sizeof *f->x);
    f->v = og_alloc(f->n * b, sizeof *f->v);
    f->rotated = og_alloc(f->n * b, sizeof *f->rotated);
    f->sign = og_alloc(f->n * b, sizeof *f->sign);
    f->p = og_alloc(d * b, sizeof *f->p);
    f->r = og_alloc(b * b, sizeof *f->r);
    f->square = og_alloc(d * d, sizeof *f->square);
    f->u = og_alloc(d * d, sizeof *f->u);
    f->vt = og_alloc(d * d, sizeof *f->vt);
    f->values = og_alloc(d, sizeof *f->values);
    f->work = og_alloc(d, sizeof *f->work);
    return itq->mean && itq->projection && itq->error && f->x && f->v && f->rotated &&
           f->sign && f->p && f->r && f->square && f->u && f->vt && f->values && f->work;
}

static void free_fit(struct fit *f)
{
    double *all[] = {f->x,      f->v, f->rotated, f->sign,   f->p,   f->r,
                     f->square, f->u, f->vt,      f->values, f->work};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) og_free(all[i]);
}

og_status og_itq_alloc(og_itq **itq, const float *x, size_t n, size_t dimension,
                       const struct og_itq_params *params, struct og_error *err)
{
    assert(n > 0 && params->bits > 0 && params->bits <= dimension);
    assert(params->rounds >= 0);
    struct fit f = {
        .params = *params, .n = n, .dimension = dimension, .bits = params->bits};
    *itq = NULL;
    struct og_itq *made = og_alloc(1, sizeof *made);
    og_status status = made != NULL && make_room(made, &f) ? OG_OK : no_memory(err);
    // One thread, so that sums have one order; and GSL reports instead of aborting.
    int threads = og_blas_use_threads(1);
    gsl_error_handler_t *handler = gsl_set_error_handler_off();
    if (status == OG_OK) {
        made->dimension = dimension;
        made->bits = params->bits;
        centre(made, &f, x);
        status = find_directions(&f, err);
    }
    if (status == OG_OK) status = rotate(made, &f, err);
    gsl_set_error_handler(handler);
    og_blas_use_threads(threads);
    free_fit(&f);
    if (status == OG_OK)
        *itq = made;
    else
        og_itq_free(made);
    return status;
}

void og_itq_free(og_itq *itq)
{
    if (itq == NULL) return;
    og_free(itq->mean);
    og_free(itq->projection);
    og_free(itq->error);
    og_free(itq);
}

const double *og_itq_errors(const og_itq *itq, size_t *n)
{
    *n = itq->errors;
    return itq->error;
}

void og_itq_encode(const og_itq *itq, const float *x, size_t n, uint8_t *code)
{
    size_t d = itq->dimension, b = itq->bits;
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < b; k++) {
            double sum = 0;
            for (size_t j = 0; j < d; j++)
                sum += ((double)x[i * d + j] - itq->mean[j]) * itq->projection[j * b + k];
            code[i * b + k] = sum >= 0;
        }
    }
}
