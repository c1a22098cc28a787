// SPDX-License-Identifier: GPL-3.0-or-later
// Random circuits for the tests of wires. Include after cmocka.h.
#ifndef OG_TESTS_WIRES_TOOLS_H
#define OG_TESTS_WIRES_TOOLS_H

#include <math.h>

#include "base/mem.h"
#include "ohmgrid/random.h"
#include "ohmgrid/wires.h"

struct circuit {
    size_t rows, cols, batch;
    double *g, *v;
};

enum cells { SIMILAR, SIX_DECADES, HALF_OPEN };

static inline double uniform(struct og_stream *s, uint32_t at)
{
    float x;
    og_uniform_fill(s, (struct og_index){at, 0, 0}, 0, &x, 1);
    return (double)x;
}

static inline struct circuit circuit_alloc(size_t rows, size_t cols, size_t batch,
                                           enum cells cells)
{
    struct circuit c = {rows, cols, batch, og_alloc(rows * cols, sizeof(double)),
                        og_alloc(batch * rows, sizeof(double))};
    struct og_stream s = og_stream_named(11, OG_INIT, (uint32_t)rows, (uint32_t)cols, 0);
    uint32_t at = 0;
    for (size_t k = 0; k < rows * cols; k++) {
        const double x = uniform(&s, at++);
        c.g[k] = cells == SIX_DECADES ? 1e-3 * pow(10, -6 * x) : 1e-6 + 99e-6 * x;
        if (cells == HALF_OPEN && uniform(&s, at++) < 0.5) c.g[k] = 0;
    }
    for (size_t k = 0; k < batch * rows; k++) c.v[k] = 0.1 + 0.237 * uniform(&s, at++);
    return c;
}

static inline void circuit_free(struct circuit *c)
{
    og_free(c->g);
    og_free(c->v);
}

static inline og_wires *loaded(const struct circuit *c, const struct og_wire_params *p)
{
    og_wires *w;
    struct og_error err = {0};
    if (og_wires_alloc(&w, c->rows, c->cols, p, &err) != OG_OK) fail_msg("%s", err.text);
    if (og_wires_load(w, c->g, &err) != OG_OK) fail_msg("%s", err.text);
    return w;
}

// Largest relative difference; 0 equals only 0, and NaN nothing.
static inline double difference(const double *a, const double *b, size_t n)
{
    double most = 0;
    for (size_t k = 0; k < n; k++) {
        if (a[k] == b[k]) continue;
        const double d = fabs(a[k] - b[k]) / fabs(b[k]);
        if (!(d <= most)) most = isnan(d) ? INFINITY : d;
    }
    return most;
}

static const enum og_wire_method methods[] = {OG_WIRES_DIRECT, OG_WIRES_PCG,
                                              OG_WIRES_MERGE};
enum { METHODS = 3 };

// Of 64: which resistances are not 0, which lines have two ends.
static inline struct og_wire_params combination(unsigned bits)
{
    return (struct og_wire_params){.r_row = bits & 1 ? 2.385 : 0,
                                   .r_col = bits & 2 ? 1.17 : 0,
                                   .r_source = bits & 4 ? 103.0 : 0,
                                   .r_sense = bits & 8 ? 57.1 : 0,
                                   .drive_both = (bits & 16) != 0,
                                   .sense_both = (bits & 32) != 0};
}

// Largest difference over the largest of the same bit line.
static inline double difference_by_lines(const double *a, const double *b, size_t rows,
                                         size_t cols)
{
    double most = 0;
    for (size_t j = 0; j < cols; j++) {
        double top = 0, off = 0;
        for (size_t i = 0; i < rows; i++) {
            top = fmax(top, fabs(b[i * cols + j]));
            const double d = fabs(a[i * cols + j] - b[i * cols + j]);
            if (!(d <= off)) off = isnan(d) ? INFINITY : d;
        }
        if (off > 0 && !(off <= most * top)) most = off / top;
    }
    return most;
}

// All methods, currents and transfer matrices, these element by element or by lines;
// returns the largest difference.
static inline double compare_by(const struct circuit *c, const struct og_wire_params *p,
                                bool lines, double *residual)
{
    const size_t outs = c->batch * c->cols, cells = c->rows * c->cols;
    double most = 0;
    og_wires *w = loaded(c, p);
    double *all = og_alloc(METHODS * (outs + cells), sizeof *all);
    *residual = 0;
    for (int k = 0; k < METHODS; k++) {
        double *current = all + (size_t)k * (outs + cells), *t = current + outs;
        struct og_wire_report r[2];
        struct og_error err = {0};
        if (og_wires_read(w, methods[k], c->v, c->batch, current, &r[0], &err) != OG_OK ||
            og_wires_transfer(w, methods[k], t, &r[1], &err) != OG_OK)
            fail_msg("%s: %s", og_wire_method_name(methods[k]), err.text);
        for (int i = 0; i < 2; i++) {
            assert_int_equal(r[i].method, methods[k]);
            if (!(r[i].residual <= *residual)) *residual = r[i].residual;
        }
        const double d = difference(current, all, outs);
        const double e = lines ? difference_by_lines(t, all + outs, c->rows, c->cols)
                               : difference(t, all + outs, cells);
        if (!(d <= most)) most = d;
        if (!(e <= most)) most = e;
    }
    og_free(all);
    og_wires_free(w);
    return most;
}

#endif
