// SPDX-License-Identifier: GPL-3.0-or-later
// Implicit products of convolutions against the matrix of windows written out and
// multiplied: the same bits, whatever the geometry and the instruction set. Where the
// gradient of the inputs is a convolution itself, against that one written out.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "nn/implicit.h"
#include "ohmgrid/cpu.h"
#include "ohmgrid/product.h"
#include "ohmgrid/random.h"

enum { SAMPLES = 5 };

static bool turns(const struct og_windows *g)
{
    return g->stride == 1 && g->oh == g->h && g->ow == g->w;
}

struct geometry {
    size_t c, h, w, kh, kw, stride, pad, dilation, groups, filters;
};

static const struct geometry geometries[] = {
    {16, 32, 32, 3, 3, 1, 1, 1, 1, 16},  // ResNet-20
    {16, 32, 32, 3, 3, 2, 1, 1, 1, 32},
    {64, 8, 8, 3, 3, 1, 1, 1, 1, 64},   // more than one cut of the sum
    {1, 28, 28, 5, 5, 1, 0, 1, 1, 20},  // LeNet-5
    {20, 12, 12, 5, 5, 1, 0, 1, 1, 50},
    {6, 9, 7, 5, 5, 1, 4, 2, 3, 12},   // groups, dilated, as many outputs as inputs
    {6, 7, 9, 3, 2, 1, 2, 1, 2, 70},   // odd sides, more filters than two panels
    {4, 11, 10, 3, 3, 3, 1, 2, 4, 4},  // depthwise, dilated, wide steps
    {3, 5, 1, 1, 1, 2, 0, 1, 1, 1},
    {2, 1, 37, 1, 7, 1, 0, 1, 1, 5},
    {2, 4, 4, 2, 2, 3, 0, 1, 1, 3},  // cells that no window sees
};

static struct og_windows windows_of(const struct geometry *t)
{
    struct og_windows g = {.c = t->c,
                           .h = t->h,
                           .w = t->w,
                           .kh = t->kh,
                           .kw = t->kw,
                           .stride = t->stride,
                           .pad = t->pad,
                           .dilation = t->dilation,
                           .groups = t->groups};
    g.oh = (g.h + 2 * g.pad - g.dilation * (g.kh - 1) - 1) / g.stride + 1;
    g.ow = (g.w + 2 * g.pad - g.dilation * (g.kw - 1) - 1) / g.stride + 1;
    g.in_group = g.c / g.groups;
    g.out_group = t->filters / g.groups;
    g.k = g.in_group * g.kh * g.kw;
    g.places = g.oh * g.ow;
    g.samples = 2;
    return g;
}

// Inputs and outputs of all samples, weights [groups][out_group][k], and their gradients.
struct tensors {
    size_t x, y, w;
    float *in, *out, *dout, *din, *weight, *dw;
};

static float *normals(uint32_t which, size_t n)
{
    float *v = og_alloc(n + 64, sizeof *v);
    assert_non_null(v);
    struct og_stream s = og_stream_named(6, OG_INIT, 0, 0, 0);
    og_gauss_fill(&s, (struct og_index){which, 0, 0}, 0, v, n);
    return v;
}

static struct tensors tensors_of(const struct og_windows *g)
{
    struct tensors t = {.x = SAMPLES * g->c * g->h * g->w,
                        .y = SAMPLES * g->groups * g->out_group * g->places,
                        .w = g->groups * g->out_group * g->k};
    t.in = normals(0, t.x);
    t.weight = normals(1, t.w);
    t.dout = normals(2, t.y);
    t.din = normals(3, t.x);  // gradients are added to what is there
    t.dw = og_alloc(t.w, sizeof *t.dw);
    t.out = og_alloc(t.y, sizeof *t.out);
    assert_true(t.dw && t.out);
    return t;
}

static void tensors_free(struct tensors *t)
{
    og_free(t->in), og_free(t->out), og_free(t->dout), og_free(t->din);
    og_free(t->weight), og_free(t->dw);
}

static void implicit(const struct og_windows *g, struct tensors *t)
{
    void *work = og_alloc(og_implicit_work_bytes(g), 1);
    assert_non_null(work);
    const struct og_implicit c = og_implicit_begin(g, work);
    og_implicit_clear(&c);
    for (size_t s = 0; s < SAMPLES; s += g->samples)
        for (size_t k = 0; k < g->groups; k++) {
            const size_t n = SAMPLES - s < g->samples ? SAMPLES - s : g->samples;
            const size_t x = (s * g->c + k * g->in_group) * g->h * g->w;
            const size_t y = (s * g->groups + k) * g->out_group * g->places;
            const float *w = t->weight + k * g->out_group * g->k;
            og_implicit_forward(&c, w, t->in + x, n, t->out + y);
            og_implicit_weights(&c, k, t->in + x, t->dout + y, n);
            if (s == 0) og_implicit_lead_back(&c, k, (struct og_left){w, 1, g->k});
            og_implicit_inputs(&c, k, t->dout + y, n, t->din + x, false);
        }
    for (size_t k = 0; k < g->groups; k++)
        og_implicit_take(&c, k, t->dw + k * g->out_group * g->k);
    og_free(work);
}

// Rows of windows and of what belongs to them.
struct rows {
    float *room, *cols, *dcols, *y;
    og_packed *w, *wt, *x;
};

static void transpose(const float *from, size_t rows, size_t cols, float *to)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < cols; j++) to[j * rows + i] = from[i * cols + j];
}

// One group of samples [s, s + n): the gradient of weights in chains of 256 rows.
static void explicit_run(const struct og_windows *g, struct tensors *t, struct rows *r,
                         size_t s, size_t k, size_t n)
{
    const size_t x = (s * g->c + k * g->in_group) * g->h * g->w,
                 each = g->c * g->h * g->w;
    const size_t y = (s * g->groups + k) * g->out_group * g->places;
    const size_t out = g->groups * g->out_group * g->places, all = n * g->places;
    const float *w = t->weight + k * g->out_group * g->k;
    og_pack(r->w, w, 1, g->k, g->k, g->out_group);
    og_pack(r->wt, w, g->k, 1, g->out_group, g->k);
    for (size_t i = 0; i < n; i++)
        og_windows_gather(g, t->in + x + i * each, r->room,
                          r->cols + i * g->places * g->k);
    og_product((struct og_left){r->cols, g->k, 1}, all, r->w, r->y, g->out_group, 0);
    for (size_t i = 0; i < n; i++)
        transpose(r->y + i * g->places * g->out_group, g->places, g->out_group,
                  t->out + y + i * out);
    for (size_t i = 0; i < n; i++)
        transpose(t->dout + y + i * out, g->out_group, g->places,
                  r->y + i * g->places * g->out_group);
    for (size_t row = 0; row < all; row += 256) {
        const size_t rows = all - row < 256 ? all - row : 256;
        og_pack(r->x, r->cols + row * g->k, g->k, 1, rows, g->k);
        og_product((struct og_left){r->y + row * g->out_group, 1, g->out_group},
                   g->out_group, r->x, t->dw + k * g->out_group * g->k, g->k, 1);
    }
    if (turns(g)) return;
    og_product((struct og_left){r->y, g->out_group, 1}, all, r->wt, r->dcols, g->k, 0);
    for (size_t i = 0; i < n; i++)
        og_windows_scatter(g, r->dcols + i * g->places * g->k, r->room,
                           t->din + x + i * each);
}

// The gradient of the inputs of one group and sample as windows of dout times the weights
// turned round.
static void explicit_turned(const struct og_windows *g, struct tensors *t, size_t s,
                            size_t k)
{
    struct og_windows back = *g;
    back.in_group = g->out_group;
    back.k = g->out_group * g->kh * g->kw;
    const size_t taps = g->kh * g->kw;
    float *w = og_alloc(g->in_group * back.k, sizeof *w);
    float *room = og_alloc(og_windows_room(&back) + 16, sizeof *room);
    float *cols = og_alloc(g->places * back.k + 16, sizeof *cols);
    float *dx = og_alloc(g->places * g->in_group, sizeof *dx);
    og_packed *packed = og_packed_alloc(back.k, g->in_group);
    assert_true(w && room && cols && dx && packed);
    for (size_t i = 0; i < g->in_group * back.k; i++)
        w[i] = t->weight[(k * g->out_group + i % back.k / taps) * g->k +
                         i / back.k * taps + taps - 1 - i % taps];
    og_windows_gather(&back, t->dout + (s * g->groups + k) * g->out_group * g->places,
                      room, cols);
    og_pack(packed, w, 1, back.k, back.k, g->in_group);
    og_product((struct og_left){cols, back.k, 1}, g->places, packed, dx, g->in_group, 0);
    float *din = t->din + (s * g->c + k * g->in_group) * g->places;
    for (size_t i = 0; i < g->in_group * g->places; i++)
        din[i] += dx[i % g->places * g->in_group + i / g->places];
    og_free(w), og_free(room), og_free(cols), og_free(dx), og_packed_free(packed);
}

static void explicit_all(const struct og_windows *g, struct tensors *t)
{
    const size_t rows = g->samples * g->places;
    struct rows r = {og_alloc(og_windows_room(g) + 16, sizeof(float)),
                     og_alloc(rows * g->k + 16, sizeof(float)),
                     og_alloc(rows * g->k + 16, sizeof(float)),
                     og_alloc(rows * g->out_group, sizeof(float)),
                     og_packed_alloc(g->k, g->out_group),
                     og_packed_alloc(g->out_group, g->k),
                     og_packed_alloc(256, g->k)};
    assert_true(r.room && r.cols && r.dcols && r.y && r.w && r.wt && r.x);
    for (size_t s = 0; s < SAMPLES; s += g->samples)
        for (size_t k = 0; k < g->groups; k++)
            explicit_run(g, t, &r, s, k,
                         SAMPLES - s < g->samples ? SAMPLES - s : g->samples);
    for (size_t i = 0; turns(g) && i < SAMPLES * g->groups; i++)
        explicit_turned(g, t, i / g->groups, i % g->groups);
    og_free(r.room), og_free(r.cols), og_free(r.dcols), og_free(r.y);
    og_packed_free(r.w), og_packed_free(r.wt), og_packed_free(r.x);
}

static void they_equal_explicit_products(void **state)
{
    (void)state;
    const enum og_isa before = og_cpu_isa();
    for (int isa = 0; isa < OG_ISA_COUNT; isa++) {
        if (!og_cpu_use((enum og_isa)isa)) continue;
        for (size_t i = 0; i < sizeof geometries / sizeof *geometries; i++) {
            const struct og_windows g = windows_of(&geometries[i]);
            struct tensors a = tensors_of(&g), b = tensors_of(&g);
            implicit(&g, &a);
            explicit_all(&g, &b);
            assert_memory_equal(a.out, b.out, a.y * sizeof *a.out);
            assert_memory_equal(a.dw, b.dw, a.w * sizeof *a.dw);
            assert_memory_equal(a.din, b.din, a.x * sizeof *a.din);
            tensors_free(&a);
            tensors_free(&b);
        }
    }
    og_cpu_use(before);
}

// The first product by its definition, so that both forms cannot be wrong together.
static void one_equals_its_definition(void **state)
{
    (void)state;
    const struct og_windows g = windows_of(&geometries[7]);
    struct tensors t = tensors_of(&g);
    implicit(&g, &t);
    for (size_t i = 0; i < t.y; i++) {
        const size_t x = i % g.ow * g.stride, y = i / g.ow % g.oh * g.stride;
        const size_t c = i / g.places % g.c, s = i / g.places / g.c;
        double sum = 0;
        for (size_t k = 0; k < g.k; k++) {
            const size_t row = y + k / g.kw * g.dilation - g.pad;
            const size_t col = x + k % g.kw * g.dilation - g.pad;
            if (row >= g.h || col >= g.w) continue;
            sum += (double)t.weight[c * g.k + k] *
                   t.in[((s * g.c + c) * g.h + row) * g.w + col];
        }
        assert_true(sum - t.out[i] <= 1e-5 && t.out[i] - sum <= 1e-5);
    }
    tensors_free(&t);
}

static double dot(const float *a, const float *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)a[i] * b[i];
    return sum;
}

// <dout, A in> = <A^T dout, in>: the way back is the transpose of the way there.
static void the_gradient_of_inputs_is_the_transpose(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof geometries / sizeof *geometries; i++) {
        const struct og_windows g = windows_of(&geometries[i]);
        struct tensors t = tensors_of(&g);
        memset(t.din, 0, t.x * sizeof *t.din);
        implicit(&g, &t);
        const double there = dot(t.dout, t.out, t.y), back = dot(t.din, t.in, t.x);
        const double size = sqrt(dot(t.out, t.out, t.y) * dot(t.dout, t.dout, t.y));
        assert_true(fabs(there - back) <= 1e-6 * size);
        tensors_free(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_equal_explicit_products),
        cmocka_unit_test(one_equals_its_definition),
        cmocka_unit_test(the_gradient_of_inputs_is_the_transpose),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
