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
#include "crossbar/merge.h"

// LAPACK's, as OpenBLAS has it: C = L L^T, column by column.
extern void dpotrf_(const char *uplo, const int *n, double *a, const int *lda, int *info);

// Halves the longer side; true when the parts lie above each other.
static bool split(const struct og_merge *m, const struct og_region *r,
                  struct og_region part[2])
{
    const size_t rows = og_span(&m->row, r->r0, r->r1),
                 cols = og_span(&m->col, r->c0, r->c1);
    const bool stacked = r->c1 - r->c0 == 1 || (r->r1 - r->r0 > 1 && rows > cols);
    part[0] = part[1] = *r;
    if (stacked)
        part[0].r1 = part[1].r0 = r->r0 + (r->r1 - r->r0) / 2;
    else
        part[0].c1 = part[1].c0 = r->c0 + (r->c1 - r->c0) / 2;
    return stacked;
}

static size_t square(size_t n) { return n * n; }

static size_t stack_of_join(const struct og_merge *m, const struct og_region *r,
                            bool root);

// Doubles on the stack while `r` is built, its own S not counted.
static size_t stack_of(const struct og_merge *m, const struct og_region *r)
{
    return og_region_is_leaf(r) ? 0 : stack_of_join(m, r, false);
}

static size_t stack_of_join(const struct og_merge *m, const struct og_region *r,
                            bool root)
{
    struct og_region part[2];
    size_t own[2];
    struct og_ports ports[2];
    const bool stacked = split(m, r, part);
    for (int k = 0; k < 2; k++) {
        ports[k] = og_region_ports(m, &part[k]);
        own[k] = og_region_is_leaf(&part[k]) ? 0 : square(og_ports_count(&ports[k]));
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

// E in columns of n, one for each shared port: E L^-T. OpenBLAS is faster on this side.
static void solve_shared(const double *c, size_t k, double *e, size_t n)
{
    cblas_dtrsm(CblasColMajor, CblasRight, CblasLower, CblasTrans, CblasNonUnit, (int)n,
                (int)k, 1, c, (int)k, e, (int)n);
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
    for (size_t l = 0; l < k; l++)
        for (int a = 0; a < OG_PIECES; a++) {
            const struct og_piece *P = &j->piece[a];
            const struct part *child = &p[P->child];
            const double *from = child->s + (j->x[P->child] + l) * child->n + P->from;
            memcpy(e + l * n + P->to, from, P->n * sizeof *e);
        }
    solve_shared(c, k, e, n);
    copy_kept(j, p, s, n);
    cblas_dsyrk(CblasColMajor, CblasLower, CblasNoTrans, (int)n, (int)k, -1, e, (int)n, 1,
                s, (int)n);
    og_leaf_kernels()->mirror(s, n);
    return true;
}

static bool build(struct og_merge *m, const struct og_region *r, double *s,
                  double *stack);

// The parts of `r` and how they are joined; returns what is free of the stack, or NULL.
static double *build_parts(struct og_merge *m, const struct og_region *r,
                           struct part p[2], struct og_join *j, double *stack)
{
    struct og_region part[2];
    struct og_ports ports[2];
    const bool stacked = split(m, r, part);
    for (int k = 0; k < 2; k++) {
        ports[k] = og_region_ports(m, &part[k]);
        p[k].n = og_ports_count(&ports[k]);
        if (og_region_is_leaf(&part[k])) {
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

static bool build(struct og_merge *m, const struct og_region *r, double *s, double *stack)
{
    struct part p[2];
    struct og_join j;
    double *rest = build_parts(m, r, p, &j, stack);
    return rest != NULL && join(&j, p, s, rest);
}

// --- the last join
// -----------------------------------------------------------------------

static bool is_source(enum og_side side) { return side == OG_LEFT || side == OG_RIGHT; }

// What is asked for: -S between sources and amplifiers, the transfer matrix, or between
// sources and sources.
struct wanted {
    double *t;    // [rows][cols], its rows and columns begin at the pieces' `at`
    size_t cols;  // columns of w, or its rows
    bool sources;
};

static bool belongs(const struct wanted *to, enum og_side side)
{
    return is_source(side) == to->sources;
}

// t -= S within one tile.
static void take_block(const struct og_piece *P, const struct og_piece *Q,
                       const struct part *from, const struct wanted *to)
{
    for (size_t i = 0; i < P->n; i++) {
        const double *s = from->s + (P->from + i) * from->n + Q->from;
        double *row = to->t + (P->at + i) * to->cols + Q->at;
        for (size_t k = 0; k < Q->n; k++) row[k] -= s[k];
    }
}

static void take_kept(const struct og_piece *piece, size_t pieces, const struct part *p,
                      const struct wanted *to)
{
    for (size_t a = 0; a < pieces; a++)
        for (size_t b = 0; b < pieces; b++)
            if (is_source(piece[a].side) && belongs(to, piece[b].side) &&
                piece[a].child == piece[b].child)
                take_block(&piece[a], &piece[b], &p[piece[a].child], to);
}

// Both ends of a line are one port: their numbers in E are added.
static bool join_last(const struct og_merge *m, const struct og_join *j,
                      const struct part p[2], const struct wanted *want, double *stack)
{
    const size_t rows = m->w->rows, n = rows + m->w->cols, k = j->shared;
    double *c = stack, *e = stack + k * k;
    if (!factor_shared(j, p, c)) return false;
    memset(e, 0, k * n * sizeof *e);
    for (size_t l = 0; l < k; l++)
        for (int a = 0; a < OG_PIECES; a++) {
            const struct og_piece *P = &j->piece[a];
            const struct part *child = &p[P->child];
            const double *from = child->s + (j->x[P->child] + l) * child->n + P->from;
            double *to = e + l * n + (is_source(P->side) ? 0 : rows) + P->at;
            for (size_t i = 0; i < P->n; i++) to[i] += from[i];
        }
    solve_shared(c, k, e, n);
    take_kept(j->piece, OG_PIECES, p, want);
    cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)rows, (int)want->cols,
                (int)k, 1, e, (int)n, want->sources ? e : e + rows, (int)n, 1, want->t,
                (int)want->cols);
    return true;
}

static void take_single(const struct og_merge *m, const struct og_region *r,
                        const struct wanted *want)
{
    const struct og_ports ports = og_region_ports(m, r);
    const struct part p = {m->leaf[0], og_ports_count(&ports)};
    struct og_piece piece[OG_SIDES];
    for (int s = 0; s < OG_SIDES; s++)
        piece[s] = (struct og_piece){.from = og_ports_before(&ports, (enum og_side)s),
                                     .n = ports.n[s],
                                     .side = (enum og_side)s};
    take_kept(piece, OG_SIDES, &p, want);
}

// --- all
// ---------------------------------------------------------------------------------

static bool merge_alloc(struct og_merge *m)
{
    if (!og_merge_cut(&m->row, m->w->rows) || !og_merge_cut(&m->col, m->w->cols))
        return false;
    const size_t leaves = m->row.n * m->col.n;
    m->leaf = og_alloc(leaves, sizeof *m->leaf);
    if (m->leaf == NULL) return false;
    size_t room = 0;
    for (int pass = 0; pass < 2; pass++) {
        room = 0;
        for (size_t k = 0; k < leaves; k++) {
            const size_t i = k / m->col.n, j = k % m->col.n;
            const struct og_ports ports =
                og_region_ports(m, &(struct og_region){i, i + 1, j, j + 1});
            if (pass == 1) m->leaf[k] = m->leaves + room;
            room += square(og_ports_count(&ports));
        }
        if (pass == 0) m->leaves = og_alloc(room, sizeof *m->leaves);
        if (m->leaves == NULL) return false;
    }
    const struct og_region all = {0, m->row.n, 0, m->col.n};
    size_t stack = og_region_is_leaf(&all) ? 0 : stack_of_join(m, &all, true);
    if (stack < OG_MERGE_SCRATCH) stack = OG_MERGE_SCRATCH;
    m->stack = og_alloc(stack, sizeof *m->stack);
    return m->stack != NULL;
}

static bool merge_all(struct og_merge *m, const struct wanted *want)
{
    const struct og_region all = {0, m->row.n, 0, m->col.n};
    og_merge_leaves(m);
    memset(want->t, 0, m->w->rows * want->cols * sizeof *want->t);
    if (og_region_is_leaf(&all)) {
        take_single(m, &all, want);
        return true;
    }
    struct part p[2];
    struct og_join j;
    double *rest = build_parts(m, &all, p, &j, m->stack);
    return rest != NULL && join_last(m, &j, p, want, rest);
}

void og_merge_free(struct og_merge *m)
{
    if (m == NULL) return;
    og_free(m->stack);
    og_free(m->leaves);
    og_free(m->leaf);
    og_free(m->row.at);
    og_free(m->col.at);
    og_free(m);
}

static struct og_merge *merge_new(const struct og_wires *w)
{
    struct og_merge *m = og_alloc(1, sizeof *m);
    if (m == NULL) return NULL;
    m->w = w;
    if (merge_alloc(m)) return m;
    og_merge_free(m);
    return NULL;
}

static og_status merge_into(struct og_wires *w, const struct wanted *want,
                            struct og_error *err)
{
    assert(w->row.kind == OG_LINE_WIRE && w->col.kind == OG_LINE_WIRE);
    if (w->merge == NULL) w->merge = merge_new(w);
    if (w->merge == NULL) return og_wires_no_memory(err);
    const int threads = og_blas_use_threads(1);
    const bool merged = merge_all(w->merge, want);
    og_blas_use_threads(threads);
    if (merged) return OG_OK;
    return og_fail(err, OG_FAILED, "wires: merging lost all digits; use 'direct'");
}

og_status og_merge_transfer(struct og_wires *w, double *t, struct og_error *err)
{
    return merge_into(w, &(struct wanted){t, w->cols, false}, err);
}

og_status og_merge_sources(struct og_wires *w, double *y, struct og_error *err)
{
    OG_TRY(merge_into(w, &(struct wanted){y, w->rows, true}, err));
    for (size_t k = 0; k < w->rows * w->rows; k++) y[k] = -y[k];
    return OG_OK;
}
