// SPDX-License-Identifier: GPL-3.0-or-later
// The smallest tiles, eight at a time: cells are joined to pairs, pairs to squares, up to
// 8 x 8 cells with 32 ports. tiles.h has the law. Compiled once per instruction set
// (OG_LEAVES_TABLE names its table); products and sums may be fused.
#include <math.h>
#include <string.h>

#include "crossbar/lanes.h"
#include "crossbar/tiles.h"

typedef og_lanes8 vec;

struct block {
    size_t row, col, m, n;
};

static inline void square_root(vec *x)
{
    for (int k = 0; k < OG_LANES; k++) (*x)[k] = sqrt((*x)[k]);
}

// One cell between four half segments a (left), b (right), c (top), d (bottom): node w
// joins a, b and the cell, node v joins c, d and the cell. With D = (a + b)(c + d) +
// g (a + b + c + d) everything is a quotient of sums of positive terms.
static void cell(const struct og_leaves *l, size_t row, size_t col, vec *s)
{
    vec h[OG_SIDES];
    const bool edge[OG_SIDES] = {col == 0, col + 1 == l->n, row == 0, row + 1 == l->m};
    for (int k = 0; k < OG_SIDES; k++) {
        h[k] = (vec){0} + (k < OG_TOP ? l->half_row : l->half_col);
        if (edge[k]) memcpy(&h[k], l->edge[k], sizeof h[k]);
    }
    const vec g = ((const vec *)l->g)[row * l->n + col];
    const vec word = h[0] + h[1], bit = h[2] + h[3];
    const vec one = 1 / (word * bit + g * (word + bit));
    const vec to_word = (bit + g) * one, to_bit = (word + g) * one, through = g * one;
    for (int p = 0; p < OG_SIDES; p++)
        for (int q = 0; q < OG_SIDES; q++) {
            const vec *way = (p < OG_TOP) != (q < OG_TOP) ? &through
                             : p < OG_TOP                 ? &to_word
                                                          : &to_bit;
            s[p * OG_SIDES + q] = -h[p] * h[q] * *way;
        }
    s[0] = h[0] * (h[1] * to_word + bit * through);
    s[5] = h[1] * (h[0] * to_word + bit * through);
    s[10] = h[2] * (h[3] * to_bit + word * through);
    s[15] = h[3] * (h[2] * to_bit + word * through);
}

// C = L L^T in the lower triangle; the reciprocal of L's diagonal on it.
static void cholesky(vec *c, size_t n)
{
    for (size_t j = 0; j < n; j++) {
        for (size_t i = j; i < n; i++) {
            vec sum = c[i * n + j];
            for (size_t k = 0; k < j; k++) sum -= c[i * n + k] * c[j * n + k];
            if (i == j) {
                square_root(&sum);
                c[j * n + j] = 1 / sum;
            } else {
                c[i * n + j] = sum * c[j * n + j];
            }
        }
    }
}

struct side_by_side {
    const vec *s[2];
    size_t count[2];
};

// Row of port p of the joined tile in the matrix of the child that it comes from.
struct origin {
    const vec *row;
    size_t child, at;
};

static void find_origins(const struct og_join *j, const struct side_by_side *a,
                         struct origin *from)
{
    for (size_t k = 0; k < OG_PIECES; k++) {
        const struct og_piece *piece = &j->piece[k];
        for (size_t i = 0; i < piece->n; i++) {
            const size_t at = piece->from + i, c = piece->child;
            from[piece->to + i] = (struct origin){a->s[c] + at * a->count[c], c, at};
        }
    }
}

static void eliminate(const struct og_join *j, const struct side_by_side *a,
                      const struct origin *from, size_t ports, vec *c, vec *f)
{
    const size_t n = j->shared;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k <= i; k++)
            c[i * n + k] = a->s[0][(j->x[0] + i) * a->count[0] + j->x[0] + k] +
                           a->s[1][(j->x[1] + i) * a->count[1] + j->x[1] + k];
    cholesky(c, n);
    for (size_t p = 0; p < ports; p++) {
        const vec *row = from[p].row + j->x[from[p].child];
        vec *x = f + p * n;
        for (size_t i = 0; i < n; i++) {
            vec sum = row[i];
            for (size_t k = 0; k < i; k++) sum -= c[i * n + k] * x[k];
            x[i] = sum * c[i * n + i];
        }
    }
}

// s = diag(A_rr, B_rr) - F^T F, two by two, both triangles. Ports are even in number.
static void combine(const struct origin *from, size_t ports, const vec *f, size_t n,
                    vec *s)
{
    for (size_t p = 0; p < ports; p += 2)
        for (size_t q = 0; q <= p; q += 2) {
            vec sum[2][2];
            for (size_t i = 0; i < 2; i++)
                for (size_t j = 0; j < 2; j++) {
                    const bool same = from[p + i].child == from[q + j].child;
                    sum[i][j] = same ? from[p + i].row[from[q + j].at] : (vec){0};
                }
            const vec *a = f + p * n, *b = f + q * n;
            for (size_t k = 0; k < n; k++)
                for (size_t i = 0; i < 2; i++)
                    for (size_t j = 0; j < 2; j++)
                        sum[i][j] -= a[i * n + k] * b[j * n + k];
            for (size_t i = 0; i < 2; i++)
                for (size_t j = 0; j < 2; j++) {
                    s[(p + i) * ports + q + j] = sum[i][j];
                    s[(q + j) * ports + p + i] = sum[i][j];
                }
        }
    for (size_t p = 0; p < ports; p++) {
        vec sum = {0};
        for (size_t q = 0; q < ports; q++)
            if (q != p) sum -= s[p * ports + q];
        s[p * ports + p] = sum;
    }
}

static struct og_ports all_sides(const struct block *b)
{
    return (struct og_ports){{b->m, b->m, b->n, b->n}};
}

// As deep as log2 of the cells of a leaf.
static void build_block(const struct og_leaves *l, const struct block *b, vec *s,
                        vec *stack)
{
    if (b->m * b->n == 1) {
        cell(l, b->row, b->col, s);
        return;
    }
    const bool stacked = b->m > b->n;
    struct block part[2] = {*b, *b};
    if (stacked) {
        part[0].m = b->m / 2;
        part[1].m = b->m - part[0].m;
        part[1].row += part[0].m;
    } else {
        part[0].n = b->n / 2;
        part[1].n = b->n - part[0].n;
        part[1].col += part[0].n;
    }
    const struct og_ports ports[2] = {all_sides(&part[0]), all_sides(&part[1])};
    const struct og_join j = og_join_of(ports, stacked);
    struct side_by_side a;
    for (int k = 0; k < 2; k++) {
        a.s[k] = stack;
        a.count[k] = og_ports_count(&ports[k]);
        vec *to = stack;
        stack += a.count[k] * a.count[k];
        build_block(l, &part[k], to, stack);
    }
    struct origin from[OG_LEAF_PORTS];
    const size_t count = 2 * (b->m + b->n);
    find_origins(&j, &a, from);
    eliminate(&j, &a, from, count, stack, stack + j.shared * j.shared);
    combine(from, count, stack + j.shared * j.shared, j.shared, s);
}

static void build(const struct og_leaves *l, double *s, double *scratch)
{
    const struct block whole = {0, 0, l->m, l->n};
    build_block(l, &whole, (vec *)s, (vec *)scratch);
}

static void spread(const double *s, size_t n, double *to)
{
    const size_t all = n * n, whole = all / OG_LANES * OG_LANES;
    for (size_t i = 0; i < whole; i += OG_LANES) {
        vec m[OG_LANES];
        memcpy(m, s + i * OG_LANES, sizeof m);
        og_transpose8(m);
        for (size_t k = 0; k < OG_LANES; k++) *(og_loose8 *)(to + k * all + i) = m[k];
    }
    for (size_t i = whole; i < all; i++)
        for (size_t k = 0; k < OG_LANES; k++) to[k * all + i] = s[i * OG_LANES + k];
}

// Whole blocks of 8 x 8, i0 < j0.
static void mirror_block(double *s, size_t n, size_t i0, size_t j0)
{
    vec m[OG_LANES];
    for (size_t i = 0; i < OG_LANES; i++) m[i] = *(og_loose8 *)(s + (i0 + i) * n + j0);
    og_transpose8(m);
    for (size_t i = 0; i < OG_LANES; i++) *(og_loose8 *)(s + (j0 + i) * n + i0) = m[i];
}

static void set_diagonal(double *row, size_t i, size_t n)
{
    const size_t whole = n / OG_LANES * OG_LANES;
    vec sum = {0};
    row[i] = 0;
    for (size_t j = 0; j < whole; j += OG_LANES) sum += *(const og_loose8 *)(row + j);
    double all = 0;
    for (size_t j = whole; j < n; j++) all += row[j];
    for (size_t k = 0; k < OG_LANES; k++) all += sum[k];
    row[i] = -all;
}

static void mirror(double *s, size_t n)
{
    const size_t whole = n / OG_LANES * OG_LANES;
    for (size_t j0 = 0; j0 < whole; j0 += OG_LANES) {
        for (size_t i0 = 0; i0 < j0; i0 += OG_LANES) mirror_block(s, n, i0, j0);
        for (size_t i = j0; i < j0 + OG_LANES; i++)
            for (size_t j = j0; j < i; j++) s[i * n + j] = s[j * n + i];
    }
    for (size_t i = whole; i < n; i++)
        for (size_t j = 0; j < i; j++) s[i * n + j] = s[j * n + i];
    for (size_t i = 0; i < n; i++) set_diagonal(s + i * n, i, n);
}

extern const struct og_leaf_kernels OG_LEAVES_TABLE;
const struct og_leaf_kernels OG_LEAVES_TABLE = {build, spread, mirror};
