// SPDX-License-Identifier: GPL-3.0-or-later
// Cells with I = g f(V): Newton's method on all node voltages with the true Jacobian, the
// linear network of the slopes dI/dV, and a line search on the co-content, of which
// Kirchhoff's laws are the minimum (Millar 1951). Branch currents grow with their
// voltage, so it is convex and the minimum the only one.
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "config/iv.h"
#include "crossbar/wires_impl.h"
#include "device/iv.h"

enum { STEPS_MAX = 100, HALVINGS_MAX = 40 };

// Of the currents that flow into the amplifiers, or of all of the cells. Wires of very
// low resistance leave rounding above it: `rounding` will do where no step gains any
// more.
static const double tolerance = 1e-12, rounding = 1e-9;

struct newton {
    const struct og_wires *w;  // the cells' g
    og_wires *slope;           // the same wires with dI/dV
    struct og_iv_law law;      // I = g f(V)
    const double *v;           // [rows] V
    double *memory;            // of what follows
    double *word, *bit;        // [cells] V each
    double *word_step, *bit_step;
    double *word_missing, *bit_missing;  // [cells] A
    double *g;                           // [cells] S
};

static double square(double x) { return x * x; }

// Half the power in the wires and terminals of one line at voltages x.
static double co_content_of_line(const struct og_line *l, const double *x, size_t stride,
                                 size_t n, double end)
{
    if (l->kind == OG_LINE_IDEAL) return 0;
    if (l->kind == OG_LINE_NODE) return l->unit * square(x[0] - end) / 2;
    double sum =
        l->first * square(x[0] - end) + l->last * square(x[(n - 1) * stride] - end);
    for (size_t k = 1; k < n; k++) sum += square(x[k * stride] - x[(k - 1) * stride]);
    return l->unit * sum / 2;
}

static double co_content(const struct newton *s)
{
    const struct og_wires *w = s->w;
    const size_t m = w->rows, n = w->cols;
    double sum = 0;
    for (size_t i = 0; i < m; i++)
        sum += co_content_of_line(&w->row, s->word + i * n, 1, n, s->v[i]);
    for (size_t j = 0; j < n; j++)
        sum += co_content_of_line(&w->col, s->bit + j, n, m, 0);
    for (size_t k = 0; k < m * n; k++)
        sum += w->g[k] * og_iv_content(&s->law, s->word[k] - s->bit[k]);
    return sum;
}

// missing[k] -= what leaves node k along its line.
static void take_line(const struct og_line *l, const double *x, size_t stride, size_t n,
                      double end, double *missing)
{
    if (l->kind == OG_LINE_IDEAL) return;
    if (l->kind == OG_LINE_NODE) {
        missing[0] += l->unit * (end - x[0]);
        return;
    }
    missing[0] += l->unit * l->first * (end - x[0]);
    missing[(n - 1) * stride] += l->unit * l->last * (end - x[(n - 1) * stride]);
    for (size_t k = 1; k < n; k++) {
        const double flow = l->unit * (x[(k - 1) * stride] - x[k * stride]);
        missing[(k - 1) * stride] -= flow;
        missing[k * stride] += flow;
    }
}

static void find_missing(struct newton *s)
{
    const struct og_wires *w = s->w;
    const size_t m = w->rows, n = w->cols;
    for (size_t k = 0; k < m * n; k++) {
        const double v = s->word[k] - s->bit[k];
        const double cell = w->g[k] * og_iv_current(&s->law, v);
        s->word_missing[k] = -cell;
        s->bit_missing[k] = cell;
        s->g[k] = w->g[k] * og_iv_slope(&s->law, v);
    }
    for (size_t i = 0; i < m; i++)
        take_line(&w->row, s->word + i * n, 1, n, s->v[i], s->word_missing + i * n);
    for (size_t j = 0; j < n; j++)
        take_line(&w->col, s->bit + j, n, m, 0, s->bit_missing + j);
}

static void move(struct newton *s, double step)
{
    const size_t cells = s->w->rows * s->w->cols;
    for (size_t k = 0; k < cells; k++) {
        s->word[k] += step * s->word_step[k];
        s->bit[k] += step * s->bit_step[k];
    }
}

// Newton's step, halved until the co-content does not grow; sqrt of what a full step is
// expected to gain, over the co-content.
static og_status improve(struct newton *s, double *gain, struct og_error *err)
{
    const size_t cells = s->w->rows * s->w->cols;
    find_missing(s);
    og_wires_set(s->slope, s->g);
    OG_TRY(og_wires_inject(s->slope, s->word_missing, s->bit_missing, s->word_step,
                           s->bit_step, err));
    double slope = 0;
    for (size_t k = 0; k < cells; k++)
        slope +=
            s->word_missing[k] * s->word_step[k] + s->bit_missing[k] * s->bit_step[k];
    const double before = co_content(s);
    *gain = before > 0 ? sqrt(fabs(slope) / before) : 0;
    double step = 1;
    move(s, step);
    // The last bits of the sum are no measure.
    for (int k = 0; k < HALVINGS_MAX && !(co_content(s) <= before * (1 + 1e-13)); k++) {
        move(s, -step / 2);
        step /= 2;
    }
    return OG_OK;
}

// Into the amplifiers.
static void take_currents(const struct newton *s, double *current)
{
    const struct og_wires *w = s->w;
    const size_t m = w->rows, n = w->cols;
    for (size_t j = 0; j < n; j++) {
        double sum = 0;
        for (size_t i = 0; i < m && w->col.kind == OG_LINE_IDEAL; i++) {
            const size_t k = i * n + j;
            sum += w->g[k] * og_iv_current(&s->law, s->word[k] - s->bit[k]);
        }
        if (w->col.kind == OG_LINE_NODE) sum = w->col.unit * s->bit[j];
        if (w->col.kind == OG_LINE_WIRE)
            sum = w->col.unit *
                  (w->col.first * s->bit[j] + w->col.last * s->bit[(m - 1) * n + j]);
        current[j] = sum;
    }
}

// The node voltages of one vector.
static og_status solve_vector(struct newton *s, og_wires *linear,
                              struct og_wire_report *report, struct og_error *err)
{
    double gain = INFINITY, last = INFINITY;
    size_t steps = 0;
    OG_TRY(og_wires_field(linear, s->v, NULL, s->word, s->bit, err));
    while (gain > tolerance && !(gain <= rounding && gain > last / 2)) {
        last = gain;
        if (steps++ == STEPS_MAX)
            return og_fail(err, OG_FAILED,
                           "wires: no convergence in %d steps of Newton's method "
                           "(gain %.2g)",
                           STEPS_MAX, gain);
        OG_TRY(improve(s, &gain, err));
    }
    if (steps > report->iterations) report->iterations = steps;
    if (gain > report->residual) report->residual = gain;
    return OG_OK;
}

// --- before and after ------------------------------------------------------------------

// All cells lie between the highest and the lowest of the sources and 0 V.
static og_status check_reach(const struct newton *s, size_t vector, struct og_error *err)
{
    enum { MOST = 300 };  // of a V: sinh overflows at 710
    const double lo = s->law.lo, hi = s->law.hi;
    double low = 0, high = 0;
    for (size_t i = 0; i < s->w->rows; i++) {
        low = fmin(low, s->v[i]);
        high = fmax(high, s->v[i]);
    }
    const double most = high - low;
    if (s->law.kind == OG_IV_SINH && !(s->law.a * most <= MOST))
        return og_fail(err, OG_INPUT,
                       "voltages of vector %zu are up to %g V apart, expected at most "
                       "%g V (a V up to %d)",
                       vector, most, MOST / s->law.a, MOST);
    if (most <= hi && -most >= lo) return OG_OK;
    return og_fail(err, OG_INPUT,
                   "voltages of vector %zu are up to %g V apart, but the cells are known "
                   "from %g to %g V",
                   vector, most, lo, hi);
}

static og_status newton_alloc(struct newton *s, const og_wires *w,
                              const struct og_wire_cell *cell, const double *v,
                              size_t batch, struct og_error *err)
{
    enum { ARRAYS = 7 };
    const size_t cells = w->rows * w->cols;
    *s = (struct newton){.w = w};
    OG_TRY(og_wires_check_voltages(w, v, batch, err));
    OG_TRY(og_iv_check(&cell->iv, cell->v_read, NULL, err));
    og_iv_init(&s->law, &cell->iv, cell->v_read);
    s->memory = og_alloc(ARRAYS * cells, sizeof *s->memory);
    if (s->memory == NULL) return og_wires_no_memory(err);
    double **const arrays[ARRAYS] = {&s->word,     &s->bit,          &s->word_step,
                                     &s->bit_step, &s->word_missing, &s->bit_missing,
                                     &s->g};
    for (int k = 0; k < ARRAYS; k++) *arrays[k] = s->memory + (size_t)k * cells;
    return og_wires_alloc(&s->slope, w->rows, w->cols, &w->params, err);
}

static void newton_free(struct newton *s)
{
    og_wires_free(s->slope);
    og_free(s->memory);
}

static og_status solve_next(struct newton *s, og_wires *w, const double *v, size_t b,
                            struct og_wire_report *report, struct og_error *err)
{
    s->v = v + b * w->rows;
    OG_TRY(check_reach(s, b, err));
    return solve_vector(s, w, report, err);
}

og_status og_wires_read_cells(og_wires *w, const struct og_wire_cell *cell,
                              const double *v, size_t batch, double *current,
                              struct og_wire_report *report, struct og_error *err)
{
    struct newton s;
    struct og_wire_report own = {.method = OG_WIRES_PCG};
    og_status status = newton_alloc(&s, w, cell, v, batch, err);
    for (size_t b = 0; status == OG_OK && b < batch; b++) {
        status = solve_next(&s, w, v, b, &own, err);
        if (status == OG_OK) take_currents(&s, current + b * w->cols);
    }
    newton_free(&s);
    if (report != NULL) *report = own;
    return status;
}

og_status og_wires_power_cells(og_wires *w, const struct og_wire_cell *cell,
                               const double *v, size_t batch, double *power,
                               struct og_error *err)
{
    const size_t m = w->rows, cells = m * w->cols;
    struct newton s;
    struct og_wire_report report = {.iterations = 0};
    double *current = og_alloc(m, sizeof *current);
    og_status status = newton_alloc(&s, w, cell, v, batch, err);
    if (status == OG_OK && current == NULL) status = og_wires_no_memory(err);
    for (size_t b = 0; status == OG_OK && b < batch; b++) {
        status = solve_next(&s, w, v, b, &report, err);
        if (status != OG_OK) break;
        for (size_t k = 0; k < cells; k++)
            s.g[k] = w->g[k] * og_iv_current(&s.law, s.word[k] - s.bit[k]);
        og_wires_source_currents(w, s.v, s.word, s.g, current);
        power[b] = 0;
        for (size_t i = 0; i < m; i++) power[b] += s.v[i] * current[i];
    }
    newton_free(&s);
    og_free(current);
    return status;
}

// One vector that has been solved; its steps are scratch now.
static og_status pull(struct newton *s, const double *dcurrent, double *dg, double *dv,
                      struct og_error *err)
{
    double *word = s->word_step, *bit = s->bit_step;
    find_missing(s);  // the slopes at the solution
    og_wires_set(s->slope, s->g);
    OG_TRY(og_wires_field(s->slope, NULL, dcurrent, word, bit, err));
    for (size_t k = 0; k < s->w->rows * s->w->cols; k++)
        dg[k] -= (word[k] - bit[k]) * og_iv_current(&s->law, s->word[k] - s->bit[k]);
    og_wires_source_gradient(s->slope, word, bit, dv);
    return OG_OK;
}

og_status og_wires_gradient_cells(og_wires *w, const struct og_wire_cell *cell,
                                  const double *v, size_t batch, const double *dcurrent,
                                  double *dg, double *dv, struct og_error *err)
{
    struct newton s;
    struct og_wire_report report = {.iterations = 0};
    og_status status = newton_alloc(&s, w, cell, v, batch, err);
    for (size_t b = 0; status == OG_OK && b < batch; b++) {
        status = solve_next(&s, w, v, b, &report, err);
        if (status == OG_OK)
            status = pull(&s, dcurrent + b * w->cols, dg, dv + b * w->rows, err);
    }
    newton_free(&s);
    return status;
}
