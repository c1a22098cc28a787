// SPDX-License-Identifier: GPL-3.0-or-later
// Kirchhoff's laws of all nodes as one sparse matrix, factored by CHOLMOD: slow, and
// independent of the other solvers.
#include <math.h>
#include <string.h>

#include <suitesparse/cholmod.h>

#include "base/blas.h"
#include "base/mem.h"
#include "crossbar/wires_impl.h"

struct direct {
    const struct og_wires *w;
    cholmod_common c;
    cholmod_triplet *cells;
    cholmod_sparse *a;
    cholmod_factor *l;
    cholmod_dense *b, *x;
    cholmod_dense *y, *e;  // workspace of cholmod_solve2
    double unsettled;      // last refinement over voltage, the most so far
};

static const size_t known = (size_t)-1;  // no unknown: the voltage is given

static size_t word_node(const struct og_wires *w, size_t i, size_t j)
{
    if (w->row.kind == OG_LINE_IDEAL) return known;
    return w->row.kind == OG_LINE_NODE ? i : i * w->cols + j;
}

static size_t word_nodes(const struct og_wires *w)
{
    if (w->row.kind == OG_LINE_IDEAL) return 0;
    return w->row.kind == OG_LINE_NODE ? w->rows : w->rows * w->cols;
}

static size_t bit_node(const struct og_wires *w, size_t i, size_t j)
{
    if (w->col.kind == OG_LINE_IDEAL) return known;
    return word_nodes(w) + (w->col.kind == OG_LINE_NODE ? j : i * w->cols + j);
}

static size_t nodes(const struct og_wires *w)
{
    const size_t bits = w->col.kind == OG_LINE_IDEAL  ? 0
                        : w->col.kind == OG_LINE_NODE ? w->cols
                                                      : w->rows * w->cols;
    return word_nodes(w) + bits;
}

static void put(struct direct *d, size_t row, size_t col, double value)
{
    const size_t k = d->cells->nnz++;
    ((SuiteSparse_long *)d->cells->i)[k] = (SuiteSparse_long)(row > col ? row : col);
    ((SuiteSparse_long *)d->cells->j)[k] = (SuiteSparse_long)(row > col ? col : row);
    ((double *)d->cells->x)[k] = value;
}

static void connect(struct direct *d, size_t a, size_t b, double g)
{
    if (a != known) put(d, a, a, g);
    if (b != known) put(d, b, b, g);
    if (a != known && b != known) put(d, a, b, -g);
}

static void connect_all(struct direct *d)
{
    const struct og_wires *w = d->w;
    for (size_t i = 0; i < w->rows; i++)
        for (size_t j = 0; j < w->cols; j++) {
            const size_t word = word_node(w, i, j), bit = bit_node(w, i, j);
            connect(d, word, bit, w->g[i * w->cols + j]);
            if (w->row.kind == OG_LINE_WIRE && j > 0)
                connect(d, word, word_node(w, i, j - 1), w->row.unit);
            if (w->col.kind == OG_LINE_WIRE && i > 0)
                connect(d, bit, bit_node(w, i - 1, j), w->col.unit);
            if (w->row.kind == OG_LINE_WIRE || j == 0)
                connect(d, word, known, og_line_terminal(&w->row, j, w->cols));
            if (w->col.kind == OG_LINE_WIRE || i == 0)
                connect(d, bit, known, og_line_terminal(&w->col, i, w->rows));
        }
}

// What is still missing: b = currents into the nodes, for voltages v and x of the nodes,
// branch by branch. A branch takes the difference of two voltages, not of two products,
// so that little is lost where wires are good.
static void add_branch(double *b, const double *x, size_t a, size_t c, double v, double g)
{
    const double from = a == known ? v : x[a], to = c == known ? 0 : x[c];
    const double current = g * (from - to);
    if (a != known) b[a] -= current;
    if (c != known) b[c] += current;
}

// A terminal at voltage v of node a.
static void add_terminal(double *b, const double *x, size_t a, double v, double g)
{
    if (a != known && g > 0) b[a] += g * (v - x[a]);
}

static void set_missing(const struct direct *d, const double *v, const double *x)
{
    const struct og_wires *w = d->w;
    double *b = d->b->x;
    memset(b, 0, nodes(w) * sizeof *b);
    for (size_t i = 0; i < w->rows; i++)
        for (size_t j = 0; j < w->cols; j++) {
            const size_t word = word_node(w, i, j), bit = bit_node(w, i, j);
            add_branch(b, x, word, bit, v[i], w->g[i * w->cols + j]);
            if (w->row.kind == OG_LINE_WIRE && j > 0)
                add_branch(b, x, word, word_node(w, i, j - 1), 0, w->row.unit);
            if (w->col.kind == OG_LINE_WIRE && i > 0)
                add_branch(b, x, bit, bit_node(w, i - 1, j), 0, w->col.unit);
            if (w->row.kind == OG_LINE_WIRE || j == 0)
                add_terminal(b, x, word, v[i], og_line_terminal(&w->row, j, w->cols));
            if (w->col.kind == OG_LINE_WIRE || i == 0)
                add_terminal(b, x, bit, 0, og_line_terminal(&w->col, i, w->rows));
        }
}

static void take(const struct direct *d, const double *v, const double *x,
                 double *current, double *bit)
{
    const struct og_wires *w = d->w;
    const size_t last = w->rows - 1;
    for (size_t j = 0; j < w->cols; j++) {
        double sum = 0;
        for (size_t i = 0; i < w->rows && w->col.kind == OG_LINE_IDEAL; i++) {
            const size_t word = word_node(w, i, j);
            sum += w->g[i * w->cols + j] * (word == known ? v[i] : x[word]);
        }
        if (w->col.kind != OG_LINE_IDEAL)
            sum = og_line_terminal(&w->col, last, w->rows) * x[bit_node(w, last, j)];
        if (w->col.kind == OG_LINE_WIRE && last > 0)
            sum += og_line_terminal(&w->col, 0, w->rows) * x[bit_node(w, 0, j)];
        current[j] = sum;
    }
    for (size_t k = 0; k < w->rows * w->cols; k++) {
        const size_t node = bit_node(w, k / w->cols, k % w->cols);
        bit[k] = node == known ? 0 : x[node];
    }
}

static bool factor(struct direct *d)
{
    const size_t n = nodes(d->w), most = 11 * d->w->rows * d->w->cols;
    if (n == 0) return true;  // all voltages are known
    d->cells = cholmod_l_allocate_triplet(n, n, most, -1, CHOLMOD_REAL, &d->c);
    if (d->cells == NULL) return false;
    connect_all(d);
    d->a = cholmod_l_triplet_to_sparse(d->cells, 0, &d->c);
    if (d->a == NULL) return false;
    d->l = cholmod_l_analyze(d->a, &d->c);
    d->b = cholmod_l_zeros(n, 1, CHOLMOD_REAL, &d->c);
    return d->l != NULL && d->b != NULL && cholmod_l_factorize(d->a, d->l, &d->c) &&
           d->c.status == CHOLMOD_OK;
}

// Largest change over largest voltage, of word-line or of bit-line nodes.
static double moved_by(const struct direct *d, const double *x, const double *change)
{
    const size_t at[] = {0, word_nodes(d->w), nodes(d->w)};
    double ratio = 0;
    for (int part = 0; part < 2; part++) {
        double most = 0, moved = 0;
        for (size_t k = at[part]; k < at[part + 1]; k++) {
            most = fmax(most, fabs(x[k]));
            moved = fmax(moved, fabs(change[k]));
        }
        if (most > 0 && !(moved <= ratio * most)) ratio = moved / most;
    }
    return ratio;
}

// x[nodes], refined until it stays: two passes, more where conductances differ much.
static bool solve(struct direct *d, const double *v, double *x)
{
    enum { PASSES = 12 };
    const size_t n = nodes(d->w);
    double moved = 1;
    for (size_t k = 0; k < n; k++) x[k] = 0;
    if (n == 0) return true;
    for (int pass = 0; moved > 1e-13 && pass < PASSES; pass++) {
        set_missing(d, v, x);
        if (!cholmod_l_solve2(CHOLMOD_A, d->l, d->b, NULL, &d->x, NULL, &d->y, &d->e,
                              &d->c))
            return false;
        const double *more = d->x->x;
        for (size_t k = 0; k < n; k++) x[k] += more[k];
        moved = moved_by(d, x, more);
    }
    if (!(moved <= d->unsettled)) d->unsettled = moved;
    return true;
}

static void direct_free(struct direct *d)
{
    cholmod_l_free_triplet(&d->cells, &d->c);
    cholmod_l_free_sparse(&d->a, &d->c);
    cholmod_l_free_factor(&d->l, &d->c);
    cholmod_l_free_dense(&d->b, &d->c);
    cholmod_l_free_dense(&d->x, &d->c);
    cholmod_l_free_dense(&d->y, &d->c);
    cholmod_l_free_dense(&d->e, &d->c);
    cholmod_l_finish(&d->c);
}

static og_status why(const struct direct *d, struct og_error *err)
{
    if (d->c.status == CHOLMOD_OUT_OF_MEMORY || d->c.status == CHOLMOD_TOO_LARGE)
        return og_wires_no_memory(err);
    return og_fail(err, OG_FAILED,
                   "wires: CHOLMOD cannot factor the %zu nodes (status %d)", nodes(d->w),
                   d->c.status);
}

static void start(struct direct *d, const struct og_wires *w)
{
    *d = (struct direct){.w = w};
    cholmod_l_start(&d->c);
    d->c.print = 0;
    d->c.try_catch = 1;  // a matrix that is not positive definite is our message
}

struct work {
    double *unit, *bit, *scratch, *x;
};

static bool read_all(struct direct *d, const double *v, size_t batch, double *current,
                     double *residual, const struct work *work)
{
    const struct og_wires *w = d->w;
    *residual = 0;
    if (!factor(d)) return false;
    for (size_t b = 0; b < batch; b++) {
        const double *one = v != NULL ? v + b * w->rows : work->unit;
        if (v == NULL) work->unit[b] = 1;
        if (!solve(d, one, work->x)) return false;
        take(d, one, work->x, current + b * w->cols, work->bit);
        const double r = og_wires_residual(w, one, work->bit, work->scratch);
        if (!(r <= *residual)) *residual = r;
        if (v == NULL) work->unit[b] = 0;
    }
    return true;
}

og_status og_direct_read(const struct og_wires *w, const double *v, size_t batch,
                         double *current, double *residual, struct og_error *err)
{
    const size_t cells = w->rows * w->cols;
    double *memory = og_alloc(w->rows + 3 * cells + 4 * w->cols, sizeof *memory);
    if (memory == NULL) return og_wires_no_memory(err);
    struct work work = {.unit = memory, .bit = memory + w->rows};
    work.x = work.bit + cells;
    work.scratch = work.x + 2 * cells;
    struct direct d;
    const int threads = og_blas_use_threads(1);
    start(&d, w);
    og_status s = OG_OK;
    if (!read_all(&d, v, batch, current, residual, &work))
        s = why(&d, err);
    else if (!(d.unsettled <= 1e-9))
        s = og_fail(err, OG_FAILED,
                    "wires: conductances differ too much: refinement still moves the "
                    "voltages by %.2g",
                    d.unsettled);
    direct_free(&d);
    og_blas_use_threads(threads);
    og_free(memory);
    return s;
}
