// SPDX-License-Identifier: GPL-3.0-or-later
// Sweeps along word and bit lines; wires_kernels.h has the law. Compiled once per
// instruction set (OG_WIRES_TABLE names its table). Products and sums may be fused here,
// so instruction sets differ in last bits.
#include <math.h>
#include <string.h>

#include "crossbar/lanes.h"
#include "crossbar/wires_kernels.h"

enum { GROUPS = OG_STRIP / OG_LANES };

typedef og_lanes8 vec;
typedef og_loose8 loose;

// --- factors -------------------------------------------------------------------------

static void pack_strip(const struct og_wire_grid *w, const double *g, size_t strip)
{
    double *s = w->s + strip * w->width * OG_STRIP;
    for (size_t k = 0; k < OG_STRIP; k++) {
        size_t i = strip * OG_STRIP + k;
        for (size_t j = 0; j < w->width; j++)
            s[j * OG_STRIP + k] = i < w->rows && j < w->cols ? g[i * w->cols + j] : 0;
    }
}

// s holds G and is scaled here.
static void factor_word_wire(const struct og_wire_grid *w, size_t strip)
{
    vec *s = (vec *)(w->s + strip * w->width * OG_STRIP);
    vec *q = (vec *)(w->qw + strip * w->width * OG_STRIP);
    const double per_unit = 1 / w->row.unit;
    const double scale = 1 / sqrt(w->row.unit) / sqrt(w->col.unit);
    vec e[GROUPS], seen[GROUPS];
    for (int k = 0; k < GROUPS; k++) seen[k] = (vec){0} + w->row.first;
    for (size_t j = 0; j < w->cols; j++) {
        const double next = j + 1 < w->cols ? 1 : w->row.last;
        for (int k = 0; k < GROUPS; k++) {
            const size_t at = j * GROUPS + (size_t)k;
            e[k] = s[at] * per_unit + seen[k];
            q[at] = 1 / (next + e[k]);
            seen[k] = e[k] * q[at];
            s[at] *= scale;
        }
    }
}

static void factor_word_node(const struct og_wire_grid *w, size_t strip)
{
    vec *s = (vec *)(w->s + strip * w->width * OG_STRIP);
    vec *q = (vec *)(w->qw + strip * OG_STRIP);
    const double scale = 1 / sqrt(w->row.unit) / sqrt(w->col.unit);
    for (int k = 0; k < GROUPS; k++) {
        vec sum = {0};
        for (size_t j = 0; j < w->cols; j++) {
            sum += s[j * GROUPS + (size_t)k];
            s[j * GROUPS + (size_t)k] *= scale;
        }
        q[k] = 1 / (1 + sum / w->row.unit);
    }
}

// e: the conductance seen upwards, [cols].
static void factor_bit_wire(const struct og_wire_grid *w, const double *g,
                            double *restrict e)
{
    const double per_unit = 1 / w->col.unit;
    for (size_t j = 0; j < w->cols; j++) e[j] = w->col.first;
    for (size_t i = 0; i < w->rows; i++) {
        const double next = i + 1 < w->rows ? 1 : w->col.last;
        const double *restrict from = g + i * w->cols;
        double *restrict q = w->qb + i * w->ld;
        for (size_t j = 0; j < w->cols; j++) {
            const double seen = from[j] * per_unit + e[j];
            q[j] = 1 / (next + seen);
            e[j] = seen * q[j];
        }
    }
}

static void factor_bit_node(const struct og_wire_grid *w, const double *g)
{
    double *restrict q = w->qb;
    for (size_t j = 0; j < w->cols; j++) q[j] = 0;
    for (size_t i = 0; i < w->rows; i++)
        for (size_t j = 0; j < w->cols; j++) q[j] += g[i * w->cols + j];
    for (size_t j = 0; j < w->cols; j++) q[j] = 1 / (1 + q[j] / w->col.unit);
}

static void load(const struct og_wire_grid *w, const double *g)
{
    for (size_t strip = 0; strip < w->strips; strip++) {
        pack_strip(w, g, strip);
        if (w->row.kind == OG_LINE_NODE)
            factor_word_node(w, strip);
        else
            factor_word_wire(w, strip);
    }
    if (w->col.kind == OG_LINE_NODE)
        factor_bit_node(w, g);
    else  // The last row of the factors is written last: room for what is carried.
        factor_bit_wire(w, g, w->qb + w->rows * w->ld);
}

// --- word lines ----------------------------------------------------------------------

// One strip of word lines solved for the half-solved y q in `half` (NODE: the sum of
// what flows in, times q, in `last`), times S: u. [rows][cols] again.
__attribute__((always_inline)) static inline void word_backward(
    const struct og_wire_grid *w, size_t strip, const vec *half, const vec *last,
    double factor, double *u, const bool node)
{
    const vec *s = (const vec *)(w->s + strip * w->width * OG_STRIP);
    const vec *q = (const vec *)(w->qw + strip * w->width * OG_STRIP);
    vec x[GROUPS] = {{0}};
    if (node) memcpy(x, last, sizeof x);
    for (size_t block = w->width; block > 0; block -= OG_LANES) {
        vec out[GROUPS][OG_LANES];
        for (size_t j = OG_LANES; j-- > 0;)
            for (size_t k = 0; k < GROUPS; k++) {
                const size_t at = (block - OG_LANES + j) * GROUPS + k;
                if (!node) x[k] = half[at] + q[at] * x[k];
                out[k][j] = s[at] * x[k] * factor;
            }
        for (size_t k = 0; k < GROUPS; k++) {
            og_transpose8(out[k]);
            double *to = u + (strip * OG_STRIP + k * OG_LANES) * w->ld + block - OG_LANES;
            for (size_t i = 0; i < OG_LANES; i++) *(loose *)(to + i * w->ld) = out[k][i];
        }
    }
}

// The forward half; adds p . u, lane by lane, to `energy`.
__attribute__((always_inline)) static inline void word_forward(
    const struct og_wire_grid *w, size_t strip, const double *p, vec *half, vec *last,
    vec *energy, const bool node)
{
    const vec *s = (const vec *)(w->s + strip * w->width * OG_STRIP);
    const vec *q = (const vec *)(w->qw + strip * w->width * OG_STRIP);
    vec sum[GROUPS] = {{0}};
    for (size_t block = 0; block < w->width; block += OG_LANES) {
        vec in[GROUPS][OG_LANES];
        for (size_t k = 0; k < GROUPS; k++) {
            const double *from = p + (strip * OG_STRIP + k * OG_LANES) * w->ld + block;
            for (size_t i = 0; i < OG_LANES; i++)
                in[k][i] = *(const loose *)(from + i * w->ld);
            og_transpose8(in[k]);
        }
        for (size_t j = 0; j < OG_LANES; j++)
            for (size_t k = 0; k < GROUPS; k++) {
                const size_t at = (block + j) * GROUPS + k;
                sum[k] = in[k][j] * s[at] + sum[k];
                if (node) continue;
                const vec y = sum[k];
                sum[k] = half[at] = q[at] * y;
                *energy += sum[k] * y;
            }
    }
    if (!node) return;
    q = (const vec *)(w->qw + strip * OG_STRIP);
    for (size_t k = 0; k < GROUPS; k++) {
        last[k] = q[k] * sum[k];
        *energy += last[k] * sum[k];
    }
}

static void source_wire(const struct og_wire_grid *w, struct og_wire_state *t,
                        size_t strip, double factor)
{
    const vec *q = (const vec *)(w->qw + strip * w->width * OG_STRIP);
    const vec *v = (const vec *)(t->drive + strip * OG_STRIP);
    vec *half = (vec *)t->scratch, y[GROUPS];
    for (size_t k = 0; k < GROUPS; k++) y[k] = v[k] * w->row.first;
    for (size_t j = 0; j < w->width; j++)
        for (size_t k = 0; k < GROUPS; k++) {
            if (j + 1 == w->cols) y[k] += v[k] * w->row.last;
            y[k] = half[j * GROUPS + k] = q[j * GROUPS + k] * y[k];
        }
    word_backward(w, strip, half, NULL, factor, t->r, false);
}

static void source(const struct og_wire_grid *w, struct og_wire_state *t)
{
    const double factor = sqrt(w->row.unit) / sqrt(w->col.unit);
    for (size_t strip = 0; strip < w->strips; strip++) {
        if (w->row.kind != OG_LINE_NODE) {
            source_wire(w, t, strip, factor);
            continue;
        }
        const vec *q = (const vec *)(w->qw + strip * OG_STRIP);
        const vec *v = (const vec *)(t->drive + strip * OG_STRIP);
        vec last[GROUPS];
        for (size_t k = 0; k < GROUPS; k++) last[k] = q[k] * v[k];
        word_backward(w, strip, NULL, last, factor, t->r, true);
    }
}

// --- bit lines -----------------------------------------------------------------------

// One row: y and e from r, which is brought up to date first; q_above, y_above: of the
// row above (0 for the first).
__attribute__((always_inline)) static inline void forward_row(
    const struct og_wire_grid *w, struct og_wire_state *t, size_t i, double alpha,
    const double *q_above, const double *y_above, const bool first)
{
    const loose *restrict pp = (const loose *)(t->pp + i * w->ld);
    const loose *restrict u = (const loose *)(t->u + i * w->ld);
    const loose *restrict q = (const loose *)(w->qb + i * w->ld);
    const loose *q_last = (const loose *)q_above, *y_last = (const loose *)y_above;
    loose *restrict r = (loose *)(t->r + i * w->ld);
    loose *restrict y = (loose *)(t->y + i * w->ld);
    vec *restrict e = (vec *)t->e;
    for (size_t j = 0; j < w->width / OG_LANES; j++) {
        vec v = r[j];
        if (!first) r[j] = v = v - alpha * (pp[j] - u[j]);
        v += q_last[j] * y_last[j];
        y[j] = v;
        e[j] += q[j] * (v * v);
    }
}

static void forward_wire(const struct og_wire_grid *w, struct og_wire_state *t,
                         double alpha)
{
    for (size_t j = 0; j < w->width; j++) t->z[j] = t->e[j] = 0;
    const double *q = t->z, *y = t->z;
    for (size_t i = 0; i < w->rows; i++) {
        if (alpha == 0)
            forward_row(w, t, i, alpha, q, y, true);
        else
            forward_row(w, t, i, alpha, q, y, false);
        q = w->qb + i * w->ld;
        y = t->y + i * w->ld;
    }
}

// r and pp of a node are sums over its cells, in the first row: cell by cell they would
// cancel, and their rounding would stay.
static void forward_node(const struct og_wire_grid *w, struct og_wire_state *t,
                         double alpha)
{
    const size_t width = w->width, ld = w->ld;
    double *restrict r = t->r, *restrict pp = t->pp, *restrict z = t->z;
    const double *cells = alpha == 0 ? t->r : t->u;
    for (size_t j = 0; j < width; j++) z[j] = 0;
    for (size_t i = 0; i < w->rows; i++)
        for (size_t j = 0; j < width; j++) z[j] += cells[i * ld + j];
    for (size_t j = 0; j < width; j++) {
        r[j] = alpha == 0 ? z[j] : r[j] - alpha * (pp[j] - z[j]);
        t->y[j] = r[j];
        t->e[j] = w->qb[j] * r[j] * r[j];
    }
}

static void forward(const struct og_wire_grid *w, struct og_wire_state *t, double alpha)
{
    if (w->col.kind == OG_LINE_NODE)
        forward_node(w, t, alpha);
    else
        forward_wire(w, t, alpha);
}

// One row of p and pp; their product, lane by lane, is added to `energy`.
__attribute__((always_inline)) static inline void direction_row(
    const struct og_wire_grid *w, struct og_wire_state *t, size_t i, double beta,
    vec *energy, const bool first)
{
    vec *restrict z = (vec *)t->z;
    const loose *restrict q = (const loose *)(w->qb + i * w->ld);
    const loose *restrict y = (const loose *)(t->y + i * w->ld);
    const loose *restrict r = (const loose *)(t->r + i * w->ld);
    loose *restrict p = (loose *)(t->p + i * w->ld);
    loose *restrict pp = (loose *)(t->pp + i * w->ld);
    vec sum = *energy;
    for (size_t j = 0; j < w->width / OG_LANES; j++) {
        z[j] = q[j] * (y[j] + z[j]);
        vec next = z[j], next_pp = r[j];
        if (!first) {
            next += beta * p[j];
            next_pp += beta * pp[j];
        }
        p[j] = next;
        pp[j] = next_pp;
        sum += next * next_pp;
    }
    *energy = sum;
}

// The same where bit lines are nodes: p is alike in all rows, pp in the first alone.
static void direction_node(const struct og_wire_grid *w, struct og_wire_state *t,
                           size_t i, double beta, vec *energy)
{
    double *restrict p = t->p + i * w->ld, *restrict pp = t->pp;
    double *sum = (double *)energy;
    for (size_t j = 0; j < w->width; j++)
        p[j] = w->qb[j] * t->y[j] + (beta == 0 ? 0 : beta * p[j]);
    for (size_t j = 0; i == 0 && j < w->width; j++) {
        pp[j] = t->r[j] + (beta == 0 ? 0 : beta * pp[j]);
        sum[j % OG_LANES] += p[j] * pp[j];
    }
}

static void direction(const struct og_wire_grid *w, struct og_wire_state *t, size_t i,
                      double beta, vec *energy)
{
    if (w->col.kind == OG_LINE_NODE)
        direction_node(w, t, i, beta, energy);
    else if (beta == 0)
        direction_row(w, t, i, beta, energy, true);
    else
        direction_row(w, t, i, beta, energy, false);
}

static double backward(const struct og_wire_grid *w, struct og_wire_state *t, double beta)
{
    vec outer = {0}, inner = {0}, last[GROUPS], *half = (vec *)t->scratch;
    for (size_t j = 0; j < w->width; j++) t->z[j] = 0;
    for (size_t strip = w->strips; strip-- > 0;) {
        const size_t begin = strip * OG_STRIP;
        const size_t end = begin + OG_STRIP < w->rows ? begin + OG_STRIP : w->rows;
        for (size_t i = end; i-- > begin;) direction(w, t, i, beta, &outer);
        if (w->row.kind == OG_LINE_NODE) {
            word_forward(w, strip, t->p, half, last, &inner, true);
            word_backward(w, strip, half, last, 1, t->u, true);
        } else {
            word_forward(w, strip, t->p, half, last, &inner, false);
            word_backward(w, strip, half, last, 1, t->u, false);
        }
    }
    double sum = 0;
    for (int k = 0; k < OG_LANES; k++) sum += outer[k] - inner[k];
    return sum;
}

extern const struct og_wire_kernels OG_WIRES_TABLE;
const struct og_wire_kernels OG_WIRES_TABLE = {load, source, forward, backward};
