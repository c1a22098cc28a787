// SPDX-License-Identifier: GPL-3.0-or-later
// The transfer matrix by joining tiles (tiles.h has the law). Leaves of at most 8 x 8
// cells are made eight at a time; the longer side of what is to be built is halved. With
// sources (left, right) and sense amplifiers (top, bottom) as the outermost ports,
// T_ij = -S[source i, amplifier j], summed over both ends; of the last join nothing else
// is formed.
#include <assert.h>
#include <string.h>

#include <gsl/gsl_cblas.h>

#include "base/blas.h"
#include "base/mem.h"
#include "crossbar/lanes.h"
#include "crossbar/tiles.h"
#include "crossbar/wires_impl.h"

// LAPACK's, as OpenBLAS has it: C = L L^T, column by column.
extern void dpotrf_(const char *uplo, const int *n, double *a, const int *lda, int *info);

// Leaves begin at row[k], the last one ends at row[n].
struct cuts {
    size_t n, *at;
};

struct merge {
    const struct og_wires *w;
    struct cuts row, col;
    double **leaf;  // [row.n * col.n], into `leaves`
    double *leaves;
    double *stack;
};

// Leaves [r0, r1) x [c0, c1).
struct region {
    size_t r0, r1, c0, c1;
};

static size_t span(const struct cuts *c, size_t from, size_t to)
{
    return c->at[to] - c->at[from];
}

static struct og_ports ports_of(const struct merge *m, const struct region *r)
{
    const size_t rows = span(&m->row, r->r0, r->r1), cols = span(&m->col, r->c0, r->c1);
    const struct og_wire_params *p = &m->w->params;
    const bool right = r->c1 < m->col.n || p->drive_both;
    const bool top = r->r0 > 0 || p->sense_both;
    return (struct og_ports){{rows, right ? rows : 0, top ? cols : 0, cols}};
}

static bool is_leaf(const struct region *r)
{
    return r->r1 - r->r0 == 1 && r->c1 - r->c0 == 1;
}

// Halves the longer side; true when the parts lie above each other.
static bool split(const struct merge *m, const struct region *r, struct region part[2])
{
    const size_t rows = span(&m->row, r->r0, r->r1), cols = span(&m->col, r->c0, r->c1);
    const bool stacked = r->c1 - r->c0 == 1 || (r->r1 - r->r0 > 1 && rows > cols);
    part[0] = part[1] = *r;
    if (stacked)
        part[0].r1 = part[1].r0 = r->r0 + (r->r1 - r->r0) / 2;
    else
        part[0].c1 = part[1].c0 = r->c0 + (r->c1 - r->c0) / 2;
    return stacked;
}

static size_t square(size_t n) { return n * n; }

static size_t stack_of_join(const struct merge *m, const struct region *r, bool keep);

// Doubles on the stack while `r` is built, its own S not counted.
static size_t stack_of(const struct merge *m, const struct region *r)
{
    return is_leaf(r) ? 0 : stack_of_join(m, r, false);
}

static size_t stack_of_join(const struct merge *m, const struct region *r, bool root)
{
    struct region part[2];
    size_t own[2];
    struct og_ports ports[2];
    const bool stacked = split(m, r, part);
    for (int k = 0; k < 2; k++) {
        ports[k] = ports_of(m, &part[k]);
        own[k] = is_leaf(&part[k]) ? 0 : square(og_ports_count(&ports[k]));
    }
    const struct og_join j = og_join_of(ports, stacked);
    const size_t columns = root ? m->w->rows + m->w->cols : og_ports_count(&j.ports);
    const size_t need[] = {own[0] + stack_of(m, &part[0]),
                           own[0] + own[1] + stack_of(m, &part[1]),
                           own[0] + own[1] + j.shared * (j.shared + columns)};
    size_t most = need[0];
    for (int k = 1; k < 3; k++)
        if (need[k] > most) most = need[k];
    return most;
}

// --- leaves ----------------------------------------------------------------------------

// As few as there can be, as alike as they can be.
static bool cut(struct cuts *c, size_t n)
{
    c->n = (n + OG_LEAF - 1) / OG_LEAF;
    c->at = og_alloc(c->n + 1, sizeof *c->at);
    for (size_t k = 0; c->at != NULL && k <= c->n; k++) c->at[k] = k * n / c->n;
    return c->at != NULL;
}

struct batch {
    size_t n, row[OG_LANES], col[OG_LANES];
};

static void set_edges(const struct merge *m, const struct batch *b, struct og_leaves *l)
{
    const struct og_wires *w = m->w;
    l->half_row = 2 * w->row.unit;
    l->half_col = 2 * w->col.unit;
    for (size_t k = 0; k < OG_LANES; k++) {
        const size_t row = b->row[k < b->n ? k : 0], col = b->col[k < b->n ? k : 0];
        l->edge[OG_LEFT][k] = col == 0 ? w->row.unit * w->row.first : l->half_row;
        l->edge[OG_RIGHT][k] =
            col + 1 == m->col.n ? w->row.unit * w->row.last : l->half_row;
        l->edge[OG_TOP][k] = row == 0 ? w->col.unit * w->col.first : l->half_col;
        l->edge[OG_BOTTOM][k] =
            row + 1 == m->row.n ? w->col.unit * w->col.last : l->half_col;
    }
}

// Lanes that are left over repeat the first.
static void gather(const struct merge *m, const struct batch *b,
                   const struct og_leaves *l, double *g)
{
    for (size_t k = 0; k < OG_LANES; k++) {
        const size_t lane = k < b->n ? k : 0, cols = m->w->cols;
        const double *from =
            m->w->g + m->row.at[b->row[lane]] * cols + m->col.at[b->col[lane]];
        for (size_t i = 0; i < l->m; i++)
            for (size_t j = 0; j < l->n; j++)
                g[(i * l->n + j) * OG_LANES + k] = from[i * cols + j];
    }
}

// Leaves out the ports that do not exist.
static void keep_ports(const double *s, const struct og_leaves *l,
                       const struct og_ports *kept, double *to)
{
    const size_t count[OG_SIDES] = {l->m, l->m, l->n, l->n}, all = 2 * (l->m + l->n);
    for (size_t side = 0, p = 0; side < OG_SIDES; p += count[side++])
        for (size_t i = 0; i < kept->n[side]; i++)
            for (size_t other = 0, q = 0; other < OG_SIDES; q += count[other++]) {
                memcpy(to, s + (p + i) * all + q, kept->n[other] * sizeof *to);
                to += kept->n[other];
            }
}

static void make_batch(const struct merge *m, const struct batch *b, double *scratch)
{
    const size_t rows = span(&m->row, b->row[0], b->row[0] + 1);
    const size_t cols = span(&m->col, b->col[0], b->col[0] + 1);
    const size_t ports = 2 * (rows + cols);
    double *g = scratch, *s = g + OG_LEAF * OG_LEAF * OG_LANES;
    double *one = s + square(OG_LEAF_PORTS) * OG_LANES;
    double *rest = one + square(OG_LEAF_PORTS) * OG_LANES;
    struct og_leaves l = {.m = rows, .n = cols, .g = g};
    set_edges(m, b, &l);
    gather(m, b, &l, g);
    og_leaf_kernels()->build(&l, s, rest);
    og_leaf_kernels()->spread(s, ports, one);
    for (size_t k = 0; k < b->n; k++) {
        const struct region r = {b->row[k], b->row[k] + 1, b->col[k], b->col[k] + 1};
        const struct og_ports kept = ports_of(m, &r);
        keep_ports(one + k * square(ports), &l, &kept,
                   m->leaf[b->row[k] * m->col.n + b->col[k]]);
    }
}

enum {
    LEAF_SCRATCH = OG_LEAF * OG_LEAF * OG_LANES +
                   2 * OG_LEAF_PORTS * OG_LEAF_PORTS * OG_LANES + OG_LEAF_SCRATCH
};

// Leaves of rows x cols cells, eight at a time.
static void make_leaves(const struct merge *m, size_t rows, size_t cols, double *scratch)
{
    struct batch b = {0};
    for (size_t i = 0; i < m->row.n; i++)
        for (size_t j = 0; j < m->col.n; j++) {
            if (span(&m->row, i, i + 1) != rows || span(&m->col, j, j + 1) != cols)
                continue;
            b.row[b.n] = i;
            b.col[b.n++] = j;
            if (b.n < OG_LANES) continue;
            make_batch(m, &b, scratch);
            b.n = 0;
        }
    if (b.n > 0) make_batch(m, &b, scratch);
}

static void make_all_leaves(const struct merge *m, double *scratch)
{
    const size_t row = m->w->rows / m->row.n, col = m->w->cols / m->col.n;
    for (size_t i = row; i <= row + 1; i++)
        for (size_t j = col; j <= col + 1; j++) make_leaves(m, i, j, scratch);
}

// --- joins -----------------------------------------------------------------------------

struct part {
    const double *s;
    size_t n;  // ports
};

// C in its lower triangle (of columns), then L.
static bool factor_shared(const struct og_join *j, const struct part p[2], double *c)
{
    const size_t n = j->shared;
    for (size_t i = 0; i < n; i++) {
        const double *a = p[0].s + (j->x[0] + i) * p[0].n + j->x[0];
        const double *b = p[1].s + (j->x[1] + i) * p[1].n + j->x[1];
        for (size_t k = i; k < n; k++) c[i * n + k] = a[k] + b[k];
    }
    int size = (int)n, info = 0;
    dpotrf_("L", &size, c, &size, &info);
    return info == 0;
}

static void solve_shared(const double *c, size_t n, double *e, size_t columns)
{
    cblas_dtrsm(CblasColMajor, CblasLeft, CblasLower, CblasNoTrans, CblasNonUnit, (int)n,
                (int)columns, 1, c, (int)n, e, (int)n);
}

// The lower triangle (of columns) of s is copied above it.
static void mirror(double *s, size_t n)
{
    enum { BLOCK = 8 };
    for (size_t i0 = 0; i0 < n; i0 += BLOCK)
        for (size_t j0 = i0; j0 < n; j0 += BLOCK)
            for (size_t i = i0; i < n && i < i0 + BLOCK; i++)
                for (size_t j = j0 > i ? j0 : i; j < n && j < j0 + BLOCK; j++)
                    s[j * n + i] = s[i * n + j];
}

// Where it is not overwritten by the mirror: rows of P from the columns of P on.
static void copy_kept(const struct og_join *j, const struct part p[2], double *s,
                      size_t n)
{
    for (int a = 0; a < OG_PIECES; a++)
        for (int b = a; b < OG_PIECES; b++) {
            const struct og_piece *P = &j->piece[a], *Q = &j->piece[b];
            const struct part *child = &p[P->child];
            for (size_t i = 0; i < P->n; i++) {
                double *to = s + (P->to + i) * n + Q->to;
                const double *from = child->s + (P->from + i) * child->n + Q->from;
                if (P->child == Q->child)
                    memcpy(to, from, Q->n * sizeof *to);
                else
                    memset(to, 0, Q->n * sizeof *to);
            }
        }
}

static bool join(const struct og_join *j, const struct part p[2], double *s,
                 double *stack)
{
    const size_t n = og_ports_count(&j->ports), k = j->shared;
    double *c = stack, *e = stack + k * k;
    if (!factor_shared(j, p, c)) return false;
    for (int a = 0; a < OG_PIECES; a++) {
        const struct og_piece *P = &j->piece[a];
        const struct part *child = &p[P->child];
        for (size_t i = 0; i < P->n; i++)
            memcpy(e + (P->to + i) * k,
                   child->s + (P->from + i) * child->n + j->x[P->child], k * sizeof *e);
    }
    solve_shared(c, k, e, n);
    copy_kept(j, p, s, n);
    cblas_dsyrk(CblasColMajor, CblasLower, CblasTrans, (int)n, (int)k, -1, e, (int)k, 1,
                s, (int)n);
    mirror(s, n);
    return true;
}

static bool build(struct merge *m, const struct region *r, double *s, double *stack);

// The parts of `r` and how they are joined; returns what is free of the stack, or NULL.
static double *build_parts(struct merge *m, const struct region *r, struct part p[2],
                           struct og_join *j, double *stack)
{
    struct region part[2];
    struct og_ports ports[2];
    const bool stacked = split(m, r, part);
    for (int k = 0; k < 2; k++) {
        ports[k] = ports_of(m, &part[k]);
        p[k].n = og_ports_count(&ports[k]);
        if (is_leaf(&part[k])) {
            p[k].s = m->leaf[part[k].r0 * m->col.n + part[k].c0];
            continue;
        }
        double *to = stack;
        stack += square(p[k].n);
        p[k].s = to;
        if (!build(m, &part[k], to, stack)) return NULL;
    }
    *j = og_join_of(ports, stacked);
    return stack;
}

static bool build(struct merge *m, const struct region *r, double *s, double *stack)
{
    struct part p[2];
    struct og_join j;
    double *rest = build_parts(m, r, p, &j, stack);
    return rest != NULL && join(&j, p, s, rest);
}

// --- the last join -----------------------------------------------------------------------

static bool is_source(enum og_side side) { return side == OG_LEFT || side == OG_RIGHT; }

// t -= S between sources and amplifiers within one tile; rows and columns of t begin at
// the pieces' `at`.
static void take_block(const struct og_piece *P, const struct og_piece *Q,
                       const struct part *from, double *t, size_t cols)
{
    for (size_t i = 0; i < P->n; i++) {
        const double *s = from->s + (P->from + i) * from->n + Q->from;
        double *to = t + (P->at + i) * cols + Q->at;
        for (size_t k = 0; k < Q->n; k++) to[k] -= s[k];
    }
}

static void take_kept(const struct og_piece *piece, size_t pieces, const struct part *p,
                      double *t, size_t cols)
{
    for (size_t a = 0; a < pieces; a++)
        for (size_t b = 0; b < pieces; b++)
            if (is_source(piece[a].side) && !is_source(piece[b].side) &&
                piece[a].child == piece[b].child)
                take_block(&piece[a], &piece[b], &p[piece[a].child], t, cols);
}

// Both ends of a line are one port: their columns of E are added.
static bool join_last(const struct merge *m, const struct og_join *j,
                      const struct part p[2], double *t, double *stack)
{
    const size_t rows = m->w->rows, cols = m->w->cols, k = j->shared;
    double *c = stack, *e = stack + k * k;
    if (!factor_shared(j, p, c)) return false;
    memset(e, 0, k * (rows + cols) * sizeof *e);
    for (int a = 0; a < OG_PIECES; a++) {
        const struct og_piece *P = &j->piece[a];
        const struct part *child = &p[P->child];
        double *to = e + ((is_source(P->side) ? 0 : rows) + P->at) * k;
        for (size_t i = 0; i < P->n; i++) {
            const double *x = child->s + (P->from + i) * child->n + j->x[P->child];
            for (size_t l = 0; l < k; l++) to[i * k + l] += x[l];
        }
    }
    solve_shared(c, k, e, rows + cols);
    take_kept(j->piece, OG_PIECES, p, t, cols);
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)rows, (int)cols, (int)k, 1,
                e, (int)k, e + rows * k, (int)k, 1, t, (int)cols);
    return true;
}

static void take_single(const struct merge *m, const struct region *r, double *t)
{
    const struct og_ports ports = ports_of(m, r);
    const struct part p = {m->leaf[0], og_ports_count(&ports)};
    struct og_piece piece[OG_SIDES];
    for (int s = 0; s < OG_SIDES; s++)
        piece[s] = (struct og_piece){.from = og_ports_before(&ports, (enum og_side)s),
                                     .n = ports.n[s],
                                     .side = (enum og_side)s};
    take_kept(piece, OG_SIDES, &p, t, m->w->cols);
}

// --- all ---------------------------------------------------------------------------------

static bool merge_alloc(struct merge *m)
{
    if (!cut(&m->row, m->w->rows) || !cut(&m->col, m->w->cols)) return false;
    const size_t leaves = m->row.n * m->col.n;
    m->leaf = og_alloc(leaves, sizeof *m->leaf);
    if (m->leaf == NULL) return false;
    size_t room = 0;
    for (int pass = 0; pass < 2; pass++) {
        room = 0;
        for (size_t k = 0; k < leaves; k++) {
            const size_t i = k / m->col.n, j = k % m->col.n;
            const struct og_ports ports =
                ports_of(m, &(struct region){i, i + 1, j, j + 1});
            if (pass == 1) m->leaf[k] = m->leaves + room;
            room += square(og_ports_count(&ports));
        }
        if (pass == 0) m->leaves = og_alloc(room, sizeof *m->leaves);
        if (m->leaves == NULL) return false;
    }
    const struct region all = {0, m->row.n, 0, m->col.n};
    size_t stack = is_leaf(&all) ? 0 : stack_of_join(m, &all, true);
    if (stack < LEAF_SCRATCH) stack = LEAF_SCRATCH;
    m->stack = og_alloc(stack, sizeof *m->stack);
    return m->stack != NULL;
}

static bool merge_all(struct merge *m, double *t)
{
    const struct region all = {0, m->row.n, 0, m->col.n};
    make_all_leaves(m, m->stack);
    memset(t, 0, m->w->rows * m->w->cols * sizeof *t);
    if (is_leaf(&all)) {
        take_single(m, &all, t);
        return true;
    }
    struct part p[2];
    struct og_join j;
    double *rest = build_parts(m, &all, p, &j, m->stack);
    return rest != NULL && join_last(m, &j, p, t, rest);
}

og_status og_merge_transfer(const struct og_wires *w, double *t, struct og_error *err)
{
    assert(w->row.kind == OG_LINE_WIRE && w->col.kind == OG_LINE_WIRE);
    struct merge m = {.w = w};
    og_status s = OG_OK;
    if (!merge_alloc(&m)) {
        s = og_wires_no_memory(err);
    } else {
        const int threads = og_blas_use_threads(1);
        if (!merge_all(&m, t))
            s = og_fail(err, OG_FAILED, "wires: merging lost all digits; use 'direct'");
        og_blas_use_threads(threads);
    }
    og_free(m.stack);
    og_free(m.leaves);
    og_free(m.leaf);
    og_free(m.row.at);
    og_free(m.col.at);
    return s;
}
