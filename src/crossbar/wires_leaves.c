// SPDX-License-Identifier: GPL-3.0-or-later
// The leaves of a crossbar: eight at a time of the same shape, cut out, built, and freed
// of the ports that do not exist at its edges.
#include <string.h>

#include "base/mem.h"
#include "crossbar/lanes.h"
#include "crossbar/merge.h"

size_t og_span(const struct og_cuts *c, size_t from, size_t to)
{
    return c->at[to] - c->at[from];
}

struct og_ports og_region_ports(const struct og_merge *m, const struct og_region *r)
{
    const size_t rows = og_span(&m->row, r->r0, r->r1),
                 cols = og_span(&m->col, r->c0, r->c1);
    const struct og_wire_params *p = &m->w->params;
    const bool right = r->c1 < m->col.n || p->drive_both;
    const bool top = r->r0 > 0 || p->sense_both;
    return (struct og_ports){{rows, right ? rows : 0, top ? cols : 0, cols}};
}

bool og_region_is_leaf(const struct og_region *r)
{
    return r->r1 - r->r0 == 1 && r->c1 - r->c0 == 1;
}

bool og_merge_cut(struct og_cuts *c, size_t n)
{
    c->n = (n + OG_LEAF - 1) / OG_LEAF;
    c->at = og_alloc(c->n + 1, sizeof *c->at);
    for (size_t k = 0; c->at != NULL && k <= c->n; k++) c->at[k] = k * n / c->n;
    return c->at != NULL;
}

struct batch {
    size_t n, row[OG_LANES], col[OG_LANES];
};

static void set_edges(const struct og_merge *m, const struct batch *b,
                      struct og_leaves *l)
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
static void gather(const struct og_merge *m, const struct batch *b,
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

static void make_batch(const struct og_merge *m, const struct batch *b, double *scratch)
{
    const size_t rows = og_span(&m->row, b->row[0], b->row[0] + 1);
    const size_t cols = og_span(&m->col, b->col[0], b->col[0] + 1);
    const size_t ports = 2 * (rows + cols);
    double *g = scratch, *s = g + OG_LEAF * OG_LEAF * OG_LANES;
    double *one = s + OG_LEAF_PORTS * OG_LEAF_PORTS * OG_LANES;
    double *rest = one + OG_LEAF_PORTS * OG_LEAF_PORTS * OG_LANES;
    struct og_leaves l = {.m = rows, .n = cols, .g = g};
    set_edges(m, b, &l);
    gather(m, b, &l, g);
    og_leaf_kernels()->build(&l, s, rest);
    og_leaf_kernels()->spread(s, ports, one);
    for (size_t k = 0; k < b->n; k++) {
        const struct og_region r = {b->row[k], b->row[k] + 1, b->col[k], b->col[k] + 1};
        const struct og_ports kept = og_region_ports(m, &r);
        keep_ports(one + k * ports * ports, &l, &kept,
                   m->leaf[b->row[k] * m->col.n + b->col[k]]);
    }
}

// Leaves of rows x cols cells, eight at a time.
static void make_leaves(const struct og_merge *m, size_t rows, size_t cols,
                        double *scratch)
{
    struct batch b = {0};
    for (size_t i = 0; i < m->row.n; i++)
        for (size_t j = 0; j < m->col.n; j++) {
            if (og_span(&m->row, i, i + 1) != rows || og_span(&m->col, j, j + 1) != cols)
                continue;
            b.row[b.n] = i;
            b.col[b.n++] = j;
            if (b.n < OG_LANES) continue;
            make_batch(m, &b, scratch);
            b.n = 0;
        }
    if (b.n > 0) make_batch(m, &b, scratch);
}

void og_merge_leaves(const struct og_merge *m)
{
    const size_t row = m->w->rows / m->row.n, col = m->w->cols / m->col.n;
    for (size_t i = row; i <= row + 1; i++)
        for (size_t j = col; j <= col + 1; j++) make_leaves(m, i, j, m->stack);
}
