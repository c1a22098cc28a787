// SPDX-License-Identifier: GPL-3.0-or-later
// The transfer matrix of arrays whose word lines (or bit lines: the same network seen
// from its other side) are single nodes W_i behind their sources. Bit lines are
// eliminated:
//   S W = g_s V,  S = diag(g_s + sum_j G_ij) - sum_j G_j P_j^-1 G_j,  I = share^T W.
// The inverse of a tridiagonal P is given by its diagonal and, downwards, by the factors
// of the elimination from below.
#include <assert.h>
#include <string.h>

#include "base/blas.h"
#include "base/mem.h"
#include "crossbar/wires_impl.h"

// LAPACK's, as OpenBLAS has it: solves with a positive definite matrix.
extern void dposv_(const char *uplo, const int *n, const int *columns, double *a,
                   const int *lda, double *b, const int *ldb, int *info);

struct node {
    const struct og_wires *w;
    double *down;  // [rows][cols] voltage of a node over that of the node above it
    double *top;   // [rows][cols] voltage at the node that a unit current is put into
    double *x;     // [cols]
    double *s;     // [rows][rows]
    double *rhs;   // [cols][rows]
};

// In units of the bit line's.
static void invert_wires(struct node *p)
{
    const struct og_wires *w = p->w;
    const size_t m = w->rows, n = w->cols;
    for (size_t j = 0; j < n; j++) p->x[j] = w->col.last;
    for (size_t i = m; i-- > 0;)
        for (size_t j = 0; j < n; j++) {
            const double below = w->g[i * n + j] / w->col.unit + p->x[j];
            p->down[i * n + j] = 1 / (1 + below);
            p->top[i * n + j] = below;
            p->x[j] = below * p->down[i * n + j];
        }
    for (size_t j = 0; j < n; j++) p->x[j] = w->col.first;
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            const double above = w->g[i * n + j] / w->col.unit + p->x[j];
            p->top[i * n + j] = 1 / (p->top[i * n + j] + p->x[j]);
            p->x[j] = above / (1 + above);
        }
}

static void invert_nodes(struct node *p)
{
    const struct og_wires *w = p->w;
    const size_t m = w->rows, n = w->cols;
    for (size_t j = 0; j < n; j++) og_line_factor(&w->col, w->g + j, n, m, &p->x[j]);
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            p->down[i * n + j] = 1;
            p->top[i * n + j] = p->x[j];
        }
}

// The row of S from its diagonal on, for a unit voltage at word line i: x is the voltage
// on each bit line.
static void form_row(struct node *p, size_t i)
{
    enum { LANES = 8 };
    const struct og_wires *w = p->w;
    const size_t n = w->cols;
    const double *restrict g = w->g + i * n;
    double *restrict x = p->x, sum = w->row.unit;
    for (size_t j = 0; j < n; j++) sum += g[j];
    for (size_t j = 0; j < n; j++) x[j] = p->top[i * n + j] * g[j] / w->col.unit;
    for (size_t k = i; k < w->rows; k++) {
        const double *restrict to = w->g + k * n, *restrict down = p->down + k * n;
        double lane[LANES] = {0};
        for (size_t j = 0; j < n; j++) {
            if (k > i) x[j] *= down[j];
            lane[j % LANES] += to[j] * x[j];
        }
        for (int l = 0; l < LANES; l++) sum -= lane[l];
        p->s[i * w->rows + k] = sum;
        sum = 0;
    }
}

// rhs[j][i] = what bit line j carries of a unit voltage at word line i, times g_s.
static void form_rhs(struct node *p)
{
    const struct og_wires *w = p->w;
    struct og_wires ideal = *w;
    ideal.row = (struct og_line){.kind = OG_LINE_IDEAL, .unit = 1};
    double *t = p->down, *scratch = p->top;  // no longer needed
    og_wires_decoupled_transfer(&ideal, t, scratch);
    for (size_t i = 0; i < w->rows; i++)
        for (size_t j = 0; j < w->cols; j++)
            p->rhs[j * w->rows + i] = w->row.unit * t[i * w->cols + j];
}

static bool solve(struct node *p, double *t)
{
    const struct og_wires *w = p->w;
    if (w->col.kind == OG_LINE_NODE)
        invert_nodes(p);
    else
        invert_wires(p);
    for (size_t i = 0; i < w->rows; i++) form_row(p, i);
    form_rhs(p);
    const int m = (int)w->rows, n = (int)w->cols;
    int info = 0;
    dposv_("L", &m, &n, p->s, &m, p->rhs, &m, &info);
    for (size_t i = 0; i < w->rows; i++)
        for (size_t j = 0; j < w->cols; j++) t[i * w->cols + j] = p->rhs[j * w->rows + i];
    return info == 0;
}

static og_status node_rows(const struct og_wires *w, double *t, struct og_error *err)
{
    const size_t m = w->rows, n = w->cols, cells = m * n;
    // decoupled_transfer borrows `top` as its scratch of 2 (m + n).
    const size_t top = cells > 2 * (m + n) ? cells : 2 * (m + n);
    double *memory = og_alloc(2 * cells + top + n + m * m, sizeof *memory);
    if (memory == NULL) return og_wires_no_memory(err);
    struct node p = {.w = w, .down = memory, .top = memory + cells};
    p.x = p.top + top;
    p.s = p.x + n;
    p.rhs = p.s + m * m;
    const int threads = og_blas_use_threads(1);
    const bool solved = solve(&p, t);
    og_blas_use_threads(threads);
    og_free(memory);
    if (solved) return OG_OK;
    return og_fail(err, OG_FAILED, "wires: elimination lost all digits; use 'direct'");
}

static void transpose(const double *from, size_t rows, size_t cols, double *to)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < cols; j++) to[j * rows + i] = from[i * cols + j];
}

// By reciprocity a source and an amplifier may change places.
og_status og_node_transfer(const struct og_wires *w, double *t, struct og_error *err)
{
    if (w->row.kind == OG_LINE_NODE) return node_rows(w, t, err);
    assert(w->col.kind == OG_LINE_NODE);
    const size_t cells = w->rows * w->cols;
    double *memory = og_alloc(2 * cells, sizeof *memory);
    if (memory == NULL) return og_wires_no_memory(err);
    struct og_wires turned = {
        .rows = w->cols, .cols = w->rows, .row = w->col, .col = w->row, .g = memory};
    transpose(w->g, w->rows, w->cols, memory);
    og_status s = node_rows(&turned, memory + cells, err);
    if (s == OG_OK) transpose(memory + cells, w->cols, w->rows, t);
    og_free(memory);
    return s;
}
