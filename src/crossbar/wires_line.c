// SPDX-License-Identifier: GPL-3.0-or-later
// Single lines, and arrays whose word or bit lines are ideal, so that each line of the
// other kind is solved by itself.
#include <math.h>
#include <string.h>

#include "crossbar/wires_impl.h"

double og_line_terminal(const struct og_line *l, size_t at, size_t n)
{
    if (l->kind == OG_LINE_NODE) return l->unit;
    return l->unit * ((at == 0 ? l->first : 0) + (at + 1 == n ? l->last : 0));
}

// As in wires_kernels.h: nothing is subtracted.
void og_line_factor(const struct og_line *l, const double *g, size_t stride, size_t n,
                    double *q)
{
    double seen = l->kind == OG_LINE_NODE ? 0 : l->first;
    for (size_t k = 0; k < n; k++) {
        const double next = k + 1 < n ? 1 : l->last;
        seen += g[k * stride] / l->unit;
        if (l->kind == OG_LINE_NODE) continue;
        q[k] = 1 / (next + seen);
        seen *= q[k];
    }
    if (l->kind == OG_LINE_NODE) q[0] = 1 / (1 + seen);
}

void og_line_solve(const struct og_line *l, const double *q, size_t n, double *x)
{
    if (l->kind == OG_LINE_NODE) {
        double sum = 0;
        for (size_t k = 0; k < n; k++) sum += x[k];
        for (size_t k = 0; k < n; k++) x[k] = q[0] * sum;
        return;
    }
    for (size_t k = 1; k < n; k++) x[k] += q[k - 1] * x[k - 1];
    x[n - 1] *= q[n - 1];
    for (size_t k = n - 1; k-- > 0;) x[k] = q[k] * (x[k] + x[k + 1]);
}

bool og_wires_decoupled(const struct og_wires *w)
{
    return w->row.kind == OG_LINE_IDEAL || w->col.kind == OG_LINE_IDEAL;
}

void og_word_line(const struct og_wires *w, size_t i, double v, const double *bit,
                  double *word, double *q)
{
    const size_t n = w->cols;
    const double *g = w->g + i * n;
    if (w->row.kind == OG_LINE_IDEAL) {
        for (size_t j = 0; j < n; j++) word[j] = v;
        return;
    }
    og_line_factor(&w->row, g, 1, n, q);
    for (size_t j = 0; j < n; j++)
        word[j] = bit != NULL ? g[j] / w->row.unit * bit[j] : 0;
    if (w->row.kind == OG_LINE_NODE) {
        word[0] += v;
    } else {
        word[0] += w->row.first * v;
        word[n - 1] += w->row.last * v;
    }
    og_line_solve(&w->row, q, n, word);
}

// By elimination from both ends.
void og_word_resistance(const struct og_wires *w, size_t i, double *resistance)
{
    const struct og_line *l = &w->row;
    const size_t n = w->cols;
    const double *g = w->g + i * n;
    double x = l->kind == OG_LINE_WIRE ? l->last : 1;
    if (l->kind == OG_LINE_NODE)
        for (size_t j = 0; j < n; j++) x += g[j] / l->unit;
    for (size_t j = n; j-- > 0;) {
        resistance[j] = l->kind == OG_LINE_NODE ? 1 / (x * l->unit) : 0;
        if (l->kind != OG_LINE_WIRE) continue;
        resistance[j] = g[j] / l->unit + x;
        x = resistance[j] / (1 + resistance[j]);
    }
    x = l->first;
    for (size_t j = 0; j < n && l->kind == OG_LINE_WIRE; j++) {
        const double above = g[j] / l->unit + x;
        resistance[j] = 1 / ((resistance[j] + x) * l->unit);
        x = above / (1 + above);
    }
}

enum { ROWS_AT_ONCE = 4, LANES = 2 * ROWS_AT_ONCE };

// x <- currents into the nodes, in units.
static void drive_lines(const struct og_wires *w, size_t i,
                        const struct og_field field[2], double *x)
{
    const struct og_line *l = &w->row;
    const size_t n = w->cols;
    const bool wire = l->kind == OG_LINE_WIRE;
    for (size_t lane = 0; lane < LANES; lane++) {
        const struct og_field *f = &field[lane / ROWS_AT_ONCE];
        const size_t row = i + lane % ROWS_AT_ONCE;
        const bool there = row < w->rows;
        for (size_t j = 0; j < n; j++)
            x[j * LANES + lane] =
                there ? w->g[row * n + j] / l->unit * f->bit[row * n + j] : 0;
        if (!there || f->v == NULL) continue;
        x[lane] += (wire ? l->first : 1) * f->v[row];
        if (wire) x[(n - 1) * LANES + lane] += l->last * f->v[row];
    }
}

static void take_factors(const struct og_wires *w, size_t i, const double *q, size_t j,
                         double *factor)
{
    for (size_t k = 0; k < ROWS_AT_ONCE; k++) {
        const size_t row = i + k < w->rows ? i + k : w->rows - 1;
        factor[k] = factor[k + ROWS_AT_ONCE] = q[row * w->cols + j];
    }
}

static void solve_nodes(const struct og_wires *w, const double *factor, double *x)
{
    for (size_t lane = 0; lane < LANES; lane++) {
        double sum = 0;
        for (size_t j = 0; j < w->cols; j++) sum += x[j * LANES + lane];
        for (size_t j = 0; j < w->cols; j++) x[j * LANES + lane] = factor[lane] * sum;
    }
}

void og_word_lines(const struct og_wires *w, size_t i, const struct og_field field[2],
                   const double *q, double *x)
{
    const size_t n = w->cols;
    double factor[LANES];
    drive_lines(w, i, field, x);
    take_factors(w, i, q, 0, factor);
    if (w->row.kind == OG_LINE_NODE) {
        solve_nodes(w, factor, x);
        return;
    }
    for (size_t j = 1; j < n; j++) {
        double *at = x + j * LANES;
        const double *before = at - LANES;
        for (size_t k = 0; k < LANES; k++) at[k] += factor[k] * before[k];
        take_factors(w, i, q, j, factor);
    }
    for (size_t k = 0; k < LANES; k++) x[(n - 1) * LANES + k] *= factor[k];
    for (size_t j = n - 1; j-- > 0;) {
        double *at = x + j * LANES;
        take_factors(w, i, q, j, factor);
        for (size_t k = 0; k < LANES; k++) at[k] = factor[k] * (at[k] + at[k + LANES]);
    }
}

// By reciprocity these are the voltages of a unit voltage at the terminals.
void og_bit_line(const struct og_wires *w, size_t j, double *share, double *q)
{
    const size_t n = w->rows;
    for (size_t i = 0; i < n; i++) share[i] = w->col.kind == OG_LINE_IDEAL;
    if (w->col.kind == OG_LINE_IDEAL) return;
    og_line_factor(&w->col, w->g + j, w->cols, n, q);
    if (w->col.kind == OG_LINE_NODE) {
        share[0] = 1;
    } else {
        share[0] = w->col.first;
        share[n - 1] += w->col.last;
    }
    og_line_solve(&w->col, q, n, share);
}

void og_wires_decoupled_transfer(const struct og_wires *w, double *t, double *scratch)
{
    const size_t m = w->rows, n = w->cols;
    double *line = scratch, *q = scratch + m + n;
    for (size_t i = 0; i < m; i++) {
        og_word_line(w, i, 1, NULL, line, q);
        for (size_t j = 0; j < n; j++) t[i * n + j] = w->g[i * n + j] * line[j];
    }
    if (w->col.kind == OG_LINE_IDEAL) return;
    for (size_t j = 0; j < n; j++) {
        og_bit_line(w, j, line, q);
        for (size_t i = 0; i < m; i++) t[i * n + j] *= line[i];
    }
}
