// SPDX-License-Identifier: GPL-3.0-or-later
// Currents and transfer matrices: which solver, and its report.
#include <assert.h>
#include <math.h>
#include <string.h>

#include <gsl/gsl_cblas.h>
#ifdef _OPENMP
#include <omp.h>
#endif

#include "base/blas.h"
#include "base/mem.h"
#include "crossbar/wires_impl.h"
#include "ohmgrid/cpu.h"

// --- cost, in iterations of conjugate gradients
// ------------------------------------------

// Measured for uniform conductances and both lines alike: the iterations depend on
// r G_mean N^2 alone.
static double iterations_of(const struct og_wires *w)
{
    const double m = (double)w->rows, n = (double)w->cols;
    double mean = 0;
    for (size_t k = 0; k < w->rows * w->cols; k++) mean += w->g[k];
    mean /= m * n;
    const double kappa = mean * (w->params.r_row * n * n + w->params.r_col * m * m) / 2;
    return 4 + 1.9 * sqrt(kappa);
}

// Measured from 64 x 64 to 512 x 512: what merging takes, over one iteration.
static double merge_of(const struct og_wires *w)
{
    return fmin(100 + sqrt((double)w->rows * (double)w->cols), 300);
}

// What AUTO takes for a result: residuals within the range that is tested (1e-4 to 1e3
// ohm, six decades of conductance) stay below 1e-10.
static const double residual_most = 1e-9;

static og_status judge_residual(const struct og_wire_report *r, struct og_error *err)
{
    if (r->residual <= residual_most) return OG_OK;
    return og_fail(
        err, OG_FAILED,
        "wires: the residual of '%s' is %.2g, above %.0e: these resistances and "
        "conductances leave too few digits (a method that is named tells its "
        "residual and is not refused)",
        og_wire_method_name(r->method), r->residual, residual_most);
}

static enum og_wire_method cheapest(const struct og_wires *w, size_t batch)
{
    if (og_wires_decoupled(w)) return OG_WIRES_MERGE;
    const double vectors = (double)batch;
    return vectors * iterations_of(w) <= merge_of(w) + 0.3 * vectors ? OG_WIRES_PCG
                                                                     : OG_WIRES_MERGE;
}

// --- conjugate gradients
// -----------------------------------------------------------------

static og_status judge(const struct og_pcg_result *r, size_t batch,
                       struct og_wire_report *report, struct og_error *err)
{
    for (size_t b = 0; b < batch; b++) {
        if (r[b].iterations > report->iterations) report->iterations = r[b].iterations;
        if (r[b].residual > report->residual) report->residual = r[b].residual;
        if (!r[b].converged)
            return og_fail(err, OG_FAILED,
                           "wires: vector %zu has not converged in %zu iterations "
                           "(residual %.2g); use 'direct'",
                           b, r[b].iterations, r[b].residual);
    }
    return OG_OK;
}

// A thread takes whole vectors: nothing depends on how many there are.
static void solve_all(const struct og_wires *w, const double *v, size_t batch,
                      double *current, char *states, struct og_pcg_result *result,
                      int threads)
{
    const size_t bytes = og_pcg_state_bytes(w, false), rows = w->rows, cols = w->cols;
#pragma omp parallel for default(none) num_threads(threads) schedule(static)             \
    shared(w, v, batch, current, states, result, bytes, rows, cols)
    for (size_t b = 0; b < batch; b++) {
        size_t thread = 0;
#ifdef _OPENMP
        thread = (size_t)omp_get_thread_num();
#endif
        const struct og_pcg_io io = {.v = v + b * rows, .current = current + b * cols};
        result[b] = og_pcg_solve(w, states + thread * bytes, &io);
    }
    (void)threads;
}

static og_status states_prepare(og_wires *w, size_t count, struct og_error *err)
{
    if (w->states_count >= count) return OG_OK;
    og_free(w->states);
    w->states = og_alloc(count, og_pcg_state_bytes(w, false));
    w->states_count = w->states != NULL ? count : 0;
    return w->states != NULL ? OG_OK : og_wires_no_memory(err);
}

static og_status read_pcg(og_wires *w, const double *v, size_t batch, double *current,
                          struct og_wire_report *report, struct og_error *err)
{
    int threads = og_threads();
    if ((size_t)threads > batch) threads = batch > 0 ? (int)batch : 1;
    OG_TRY(og_pcg_prepare(w, err));
    OG_TRY(states_prepare(w, (size_t)threads, err));
    struct og_pcg_result *result = og_alloc(batch, sizeof *result);
    if (result == NULL) return og_wires_no_memory(err);
    solve_all(w, v, batch, current, w->states, result, threads);
    const og_status s = judge(result, batch, report, err);
    og_free(result);
    return s;
}

static og_status transfer_pcg(og_wires *w, double *t, struct og_wire_report *report,
                              struct og_error *err)
{
    enum { AT_ONCE = 64 };
    const size_t rows = w->rows;
    double *unit = og_alloc(AT_ONCE * rows, sizeof *unit);
    if (unit == NULL) return og_wires_no_memory(err);
    og_status s = OG_OK;
    for (size_t i = 0; s == OG_OK && i < rows; i += AT_ONCE) {
        const size_t n = rows - i < AT_ONCE ? rows - i : AT_ONCE;
        memset(unit, 0, AT_ONCE * rows * sizeof *unit);
        for (size_t k = 0; k < n; k++) unit[k * rows + i + k] = 1;
        s = read_pcg(w, unit, n, t + i * w->cols, report, err);
    }
    og_free(unit);
    return s;
}

// --- transfer matrices
// -------------------------------------------------------------------

static og_status transfer_decoupled(const struct og_wires *w, double *t,
                                    struct og_error *err)
{
    double *scratch = og_alloc(2 * (w->rows + w->cols), sizeof *scratch);
    if (scratch == NULL) return og_wires_no_memory(err);
    og_wires_decoupled_transfer(w, t, scratch);
    og_free(scratch);
    return OG_OK;
}

static og_status transfer_merge(og_wires *w, double *t, struct og_error *err)
{
    if (og_wires_decoupled(w)) return transfer_decoupled(w, t, err);
    if (w->row.kind == OG_LINE_NODE || w->col.kind == OG_LINE_NODE)
        OG_TRY(og_node_transfer(w, t, err));
    else
        OG_TRY(og_merge_transfer(w, t, err));
    size_t bad = 0;
    for (size_t k = 0; k < w->rows * w->cols; k++) bad += !isfinite(t[k]);
    if (bad == 0) return OG_OK;
    return og_fail(err, OG_FAILED, "wires: merging lost all digits; use 'direct'");
}

void og_wires_multiply(const struct og_wires *w, const double *t, const double *v,
                       size_t batch, double *current)
{
    const int threads = og_blas_use_threads(1);
    for (size_t b = 0; b < batch; b++)
        cblas_dgemv(CblasRowMajor, CblasTrans, (int)w->rows, (int)w->cols, 1, t,
                    (int)w->cols, v + b * w->rows, 1, 0, current + b * w->cols, 1);
    og_blas_use_threads(threads);
}

// Largest relative difference between the column sums of t and PCG's currents.
static og_status check_transfer(og_wires *w, const double *t, double *difference,
                                struct og_error *err)
{
    const size_t m = w->rows, n = w->cols;
    *difference = 0;
    if (og_wires_decoupled(w)) return OG_OK;  // the only way there is
    double *memory = og_alloc(m + 2 * n, sizeof *memory);
    if (memory == NULL) return og_wires_no_memory(err);
    double *ones = memory, *a = ones + m, *b = a + n;
    struct og_wire_report report = {0};
    for (size_t i = 0; i < m; i++) ones[i] = 1;
    og_status s = read_pcg(w, ones, 1, a, &report, err);
    og_wires_multiply(w, t, ones, 1, b);
    for (size_t j = 0; j < n; j++) {
        const double d = a[j] != b[j] ? fabs(a[j] / b[j] - 1) : 0;
        if (!(d <= *difference)) *difference = d;
    }
    og_free(memory);
    return s;
}

static og_status read_merge(og_wires *w, const double *v, size_t batch, double *current,
                            struct og_wire_report *report, struct og_error *err)
{
    double *t = og_alloc(w->rows * w->cols, sizeof *t);
    if (t == NULL) return og_wires_no_memory(err);
    og_status s = transfer_merge(w, t, err);
    if (s == OG_OK) s = check_transfer(w, t, &report->residual, err);
    if (s == OG_OK) og_wires_multiply(w, t, v, batch, current);
    og_free(t);
    return s;
}

// --- the two entries
// ---------------------------------------------------------------------

og_status og_wires_check_voltages(const struct og_wires *w, const double *v, size_t batch,
                                  struct og_error *err)
{
    for (size_t k = 0; k < batch * w->rows; k++)
        if (!isfinite(v[k]))
            return og_fail(err, OG_INPUT,
                           "voltage[%zu][%zu] is %g, expected a finite one", k / w->rows,
                           k % w->rows, v[k]);
    return OG_OK;
}

og_status og_wires_read(og_wires *w, enum og_wire_method method, const double *v,
                        size_t batch, double *current, struct og_wire_report *report,
                        struct og_error *err)
{
    assert(w->loaded);
    struct og_wire_report own = {0};
    const bool choose = method == OG_WIRES_AUTO;
    OG_TRY(og_wires_check_voltages(w, v, batch, err));
    own.method = choose ? cheapest(w, batch) : method;
    og_status s = OG_FAILED;
    struct og_error first = {0};
    if (own.method == OG_WIRES_MERGE ||
        (own.method == OG_WIRES_PCG && og_wires_decoupled(w)))
        s = read_merge(w, v, batch, current, &own, choose ? &first : err);
    else if (own.method == OG_WIRES_PCG)
        s = read_pcg(w, v, batch, current, &own, choose ? &first : err);
    if (choose && s == OG_OK) s = judge_residual(&own, &first);
    if (own.method == OG_WIRES_DIRECT || (choose && s == OG_FAILED)) {
        own = (struct og_wire_report){.method = OG_WIRES_DIRECT};
        s = og_direct_read(w, v, batch, current, &own.residual, err);
        if (choose && s == OG_OK) s = judge_residual(&own, err);
    } else if (choose && s != OG_OK) {
        og_fail(err, s, "%s", first.text);
    }
    if (report != NULL) *report = own;
    return s;
}

og_status og_wires_transfer(og_wires *w, enum og_wire_method method, double *t,
                            struct og_wire_report *report, struct og_error *err)
{
    assert(w->loaded);
    const bool choose = method == OG_WIRES_AUTO;
    struct og_wire_report own = {.method = choose ? OG_WIRES_MERGE : method};
    og_status s = OG_FAILED;
    struct og_error first = {0};
    if (own.method == OG_WIRES_PCG && !og_wires_decoupled(w))
        s = transfer_pcg(w, t, &own, err);
    else if (own.method != OG_WIRES_DIRECT)
        s = transfer_merge(w, t, choose ? &first : err);
    // The choice must not depend on whether a report is asked for.
    if (s == OG_OK && own.method == OG_WIRES_MERGE && (choose || report != NULL))
        s = check_transfer(w, t, &own.residual, choose ? &first : err);
    if (choose && s == OG_OK) s = judge_residual(&own, &first);
    if (own.method == OG_WIRES_DIRECT || (choose && s == OG_FAILED)) {
        own = (struct og_wire_report){.method = OG_WIRES_DIRECT};
        s = og_direct_read(w, NULL, w->rows, t, &own.residual, err);
        if (choose && s == OG_OK) s = judge_residual(&own, err);
    } else if (choose && s != OG_OK) {
        og_fail(err, s, "%s", first.text);
    }
    if (report != NULL) *report = own;
    return s;
}
