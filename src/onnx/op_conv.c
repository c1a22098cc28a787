// SPDX-License-Identifier: GPL-3.0-or-later
// Conv and ConvInteger. The windows of an image are rows, the filters of a group the
// weights: y[o][f] = sum over (channel, tap) of W[f][channel, tap] x[channel][place].
#include <string.h>

#include "base/mem.h"
#include "nn/implicit.h"
#include "onnx/engine.h"
#include "onnx/window.h"

enum { X, W, BIAS };

struct conv {
    const struct og_call *c;
    struct og_window w;
    size_t images, groups, channels, filters;  // channels and filters of one group
    size_t row;                                // inputs of a filter: channels * taps
    struct og_product **product;               // [groups]
    size_t work_bytes;                         // of a read
};

static og_status read_conv(const struct og_call *c, struct conv *v)
{
    const struct og_nd *x = c->in[X], *w = c->in[W];
    size_t groups = (size_t)og_node_int(c->node, "group", 1);
    char xs[OG_ND_TEXT], ws[OG_ND_TEXT];
    og_nd_shape_text(x->rank, x->dim, xs);
    og_nd_shape_text(w->rank, w->dim, ws);
    if (x->rank < 3 || w->rank != x->rank ||
        (size_t)x->dim[1] / groups != (size_t)w->dim[1] ||
        (size_t)x->dim[1] % groups != 0 || (size_t)w->dim[0] % groups != 0)
        return og_call_fail(c, "X %.100s and W %.100s do not fit in %zu groups", xs, ws,
                            groups);
    OG_TRY(og_window_read(c, w->dim + 2, &v->w));
    v->c = c;
    v->images = (size_t)x->dim[0];
    v->groups = groups;
    v->channels = (size_t)w->dim[1];
    v->filters = (size_t)w->dim[0] / groups;
    v->row = v->channels * v->w.taps;
    if (v->images > UINT32_MAX)
        return og_call_fail(c, "%zu images in one convolution", v->images);
    return OG_OK;
}

static og_status make_output(const struct conv *v, enum og_nd_type type)
{
    int64_t dim[OG_ND_RANK] = {(int64_t)v->images, (int64_t)(v->filters * v->groups)};
    memcpy(dim + 2, v->w.out, (size_t)v->w.axes * sizeof *dim);
    return og_call_make(v->c, 0, type, v->w.axes + 2, dim);
}

// --- Conv ----------------------------------------------------------------------------

// A thread's memory: rows of windows, their products, the places of a window, the read.
static size_t room_for(const struct conv *v)
{
    size_t floats = OG_READ_ROWS * (v->row + v->filters) * sizeof(float);
    return floats + v->w.taps * sizeof(int64_t) + 128 + v->work_bytes;
}

static void gather_row(const struct conv *v, const float *x, const int64_t *place,
                       float *row)
{
    for (size_t k = 0; k < v->channels; k++, x += v->w.inputs, row += v->w.taps)
        for (size_t t = 0; t < v->w.taps; t++) row[t] = place[t] < 0 ? 0.0f : x[place[t]];
}

static char *next_line(void *at) { return (char *)(((uintptr_t)at + 63) / 64 * 64); }

// Outputs [first, first + n) of one image and group.
static void convolve(const struct conv *v, size_t image, size_t group, size_t part,
                     char *room)
{
    const struct og_call *c = v->c;
    const float *bias = og_call_in(c, BIAS) ? og_nd_f32(og_call_in(c, BIAS)) : NULL;
    size_t first = part * OG_READ_ROWS, left = v->w.outputs - first;
    size_t n = left < OG_READ_ROWS ? left : OG_READ_ROWS;
    const float *x =
        og_nd_f32(c->in[X]) + (image * v->groups + group) * v->channels * v->w.inputs;
    float *y = (float *)og_call_out(c, 0)->data +
               (image * v->groups + group) * v->filters * v->w.outputs + first;
    uint32_t sample = (uint32_t)image;
    float *rows = (float *)room, *sums = rows + OG_READ_ROWS * v->row;
    int64_t *place = (int64_t *)next_line(sums + OG_READ_ROWS * v->filters);
    for (size_t r = 0; r < n; r++) {
        og_window_place(&v->w, first + r, place);
        gather_row(v, x, place, rows + r * v->row);
    }
    const struct og_product_io io = {.x = rows,
                                     .ldx = v->row,
                                     .rows = n,
                                     .y = sums,
                                     .ldy = v->filters,
                                     .sample = &sample,
                                     .positions = n,
                                     .step = (uint32_t)part,
                                     .per_sample = 1,
                                     .work = next_line(place + v->w.taps)};
    og_product_read(v->product[group], &io);
    for (size_t f = 0; f < v->filters; f++) {
        float b = bias ? bias[group * v->filters + f] : 0.0f;
        for (size_t r = 0; r < n; r++)
            y[f * v->w.outputs + r] = sums[r * v->filters + f] + b;
    }
}

// Images of floats that no array looks at need no rows: the implicit product
// (nn/implicit.h) gives the same bits. It knows squares of strides, pads and dilations.
static bool is_implicit(const struct conv *v)
{
    const struct og_window *w = &v->w;
    return w->axes == 2 && w->stride[0] == w->stride[1] &&
           w->dilation[0] == w->dilation[1] && w->begin[0] == w->begin[1] &&
           w->begin[0] == w->end[0] && w->begin[0] == w->end[1] && w->begin[0] >= 0 &&
           og_product_is_float(v->product[0]);
}

enum { IMPLICIT_IMAGES = 4 };  // at a time

static struct og_windows windows_of(const struct conv *v)
{
    const struct og_window *w = &v->w;
    return (struct og_windows){.c = v->channels * v->groups,
                               .h = (size_t)w->in[0],
                               .w = (size_t)w->in[1],
                               .oh = (size_t)w->out[0],
                               .ow = (size_t)w->out[1],
                               .kh = (size_t)w->kernel[0],
                               .kw = (size_t)w->kernel[1],
                               .stride = (size_t)w->stride[0],
                               .pad = (size_t)w->begin[0],
                               .dilation = (size_t)w->dilation[0],
                               .groups = v->groups,
                               .in_group = v->channels,
                               .out_group = v->filters,
                               .k = v->row,
                               .places = w->outputs,
                               .samples = IMPLICIT_IMAGES};
}

static void add_bias(const struct conv *v, const float *bias, size_t images, float *y)
{
    const size_t filters = v->groups * v->filters;
    for (size_t i = 0; bias && i < images * filters; i++)
        for (size_t k = 0; k < v->w.outputs; k++)
            y[i * v->w.outputs + k] += bias[i % filters];
}

// Images from number `first` on.
static void convolve_images(const struct conv *v, const struct og_windows *g,
                            size_t first, void *work)
{
    const struct og_call *c = v->c;
    const size_t left = v->images - first;
    const size_t n = left < IMPLICIT_IMAGES ? left : IMPLICIT_IMAGES;
    const float *bias = og_call_in(c, BIAS) ? og_nd_f32(og_call_in(c, BIAS)) : NULL;
    const float *x = og_nd_f32(c->in[X]) + first * g->c * v->w.inputs;
    float *y =
        (float *)og_call_out(c, 0)->data + first * v->groups * v->filters * g->places;
    const struct og_implicit implicit = og_implicit_begin(g, work);
    for (size_t k = 0; k < v->groups; k++)
        og_implicit_forward(&implicit, og_nd_f32(c->in[W]) + k * v->filters * v->row,
                            x + k * v->channels * v->w.inputs, n,
                            y + k * v->filters * g->places);
    add_bias(v, bias, n, y);
}

static og_status convolve_implicit(const struct conv *v)
{
    const struct og_windows g = windows_of(v);
    const size_t bytes = (og_implicit_work_bytes(&g) + 63) / 64 * 64;
    const size_t jobs = (v->images + IMPLICIT_IMAGES - 1) / IMPLICIT_IMAGES;
    char *work = og_engine_work(bytes);
    if (!work) return og_fail(v->c->err, OG_NO_MEMORY, "out of memory");
#pragma omp parallel for schedule(static) default(none)                                  \
    shared(v, g, bytes, jobs, work) if (jobs > 1)
    for (size_t j = 0; j < jobs; j++)
        convolve_images(v, &g, j * IMPLICIT_IMAGES, og_engine_own_work(work, bytes));
    og_free(work);
    return OG_OK;
}

static og_status convolve_all(const struct conv *v)
{
    size_t bytes = room_for(v), groups = v->groups;
    size_t parts = (v->w.outputs + OG_READ_ROWS - 1) / OG_READ_ROWS;
    size_t jobs = v->images * groups * parts;
    char *work = og_engine_work(bytes);
    if (!work) return og_fail(v->c->err, OG_NO_MEMORY, "out of memory");
#pragma omp parallel for schedule(static) default(none)                                  \
    shared(v, bytes, parts, groups, jobs, work) if (jobs > 1)
    for (size_t j = 0; j < jobs; j++)
        convolve(v, j / parts / groups, j / parts % groups, j % parts,
                 og_engine_own_work(work, bytes));
    og_free(work);
    return OG_OK;
}

static og_status make_products(struct conv *v)
{
    const struct og_call *c = v->c;
    for (size_t g = 0; g < v->groups; g++) {
        const struct og_factor f = {.w = og_nd_f32(c->in[W]) + g * v->filters * v->row,
                                    .out = v->filters,
                                    .in = v->row,
                                    .out_step = v->row,
                                    .in_step = 1,
                                    .constant = c->constant[W],
                                    .segments = 1,
                                    .segment = {v->row}};
        OG_TRY(og_engine_product(c, &f, &v->product[g]));
        size_t bytes = og_product_work(v->product[g], OG_READ_ROWS);
        if (bytes > v->work_bytes) v->work_bytes = bytes;
    }
    return OG_OK;
}

og_status og_run_conv(const struct og_call *c)
{
    struct conv v = {0};
    const struct og_nd *bias = og_call_in(c, BIAS);
    OG_TRY(read_conv(c, &v));
    if (bias && bias->count != v.filters * v.groups)
        return og_call_fail(c, "B has %zu elements for %zu filters", bias->count,
                            v.filters * v.groups);
    if (!og_call_out(c, 0)) return OG_OK;
    OG_TRY(make_output(&v, OG_ND_FLOAT));
    if (og_call_out(c, 0)->count == 0) return OG_OK;
    v.product = og_alloc(v.groups, sizeof(struct og_product *));
    if (!v.product) return og_fail(c->err, OG_NO_MEMORY, "out of memory");
    og_status status = make_products(&v);
    if (status == OG_OK)
        status = is_implicit(&v) ? convolve_implicit(&v) : convolve_all(&v);
    for (size_t g = 0; g < v.groups; g++) og_engine_release(c->engine, v.product[g]);
    og_free(v.product);
    return status;
}

// --- ConvInteger ---------------------------------------------------------------------

static int64_t zero_point(const struct og_nd *zero, size_t filter)
{
    if (!zero) return 0;
    return og_nd_int(zero, zero->count == 1 ? 0 : filter);
}

// Pads hold the zero point of x, so they add nothing.
static int32_t filter_at(const struct conv *v, size_t x, size_t filter,
                         const int64_t *place)
{
    const struct og_call *c = v->c;
    int64_t x_zero = zero_point(og_call_in(c, 2), 0);
    int64_t w_zero = zero_point(og_call_in(c, 3), filter);
    uint32_t sum = 0;
    for (size_t k = 0; k < v->channels; k++)
        for (size_t t = 0; t < v->w.taps; t++) {
            if (place[t] < 0) continue;
            size_t at = x + k * v->w.inputs + (size_t)place[t];
            int64_t w = og_nd_int(c->in[W], filter * v->row + k * v->w.taps + t) - w_zero;
            sum += (uint32_t)((og_nd_int(c->in[X], at) - x_zero) * w);
        }
    return (int32_t)sum;
}

static void convolve_integers(const struct conv *v, int64_t *place)
{
    int32_t *y = og_call_out(v->c, 0)->data;
    size_t filters = v->filters * v->groups;
    for (size_t o = 0; o < v->w.outputs; o++) {
        og_window_place(&v->w, o, place);
        for (size_t i = 0; i < v->images; i++)
            for (size_t f = 0; f < filters; f++) {
                size_t x = (i * v->groups + f / v->filters) * v->channels * v->w.inputs;
                y[(i * filters + f) * v->w.outputs + o] = filter_at(v, x, f, place);
            }
    }
}

og_status og_run_conv_integer(const struct og_call *c)
{
    struct conv v = {0};
    OG_TRY(read_conv(c, &v));
    const struct og_nd *x_zero = og_call_in(c, 2), *w_zero = og_call_in(c, 3);
    if (x_zero && x_zero->count != 1)
        return og_call_fail(c, "x_zero_point has %zu elements, expected one",
                            x_zero->count);
    if (w_zero && w_zero->count != 1 && w_zero->count != v.filters * v.groups)
        return og_call_fail(c, "w_zero_point has %zu elements for %zu filters",
                            w_zero->count, v.filters * v.groups);
    if (!og_call_out(c, 0)) return OG_OK;
    OG_TRY(make_output(&v, OG_ND_INT32));
    if (og_call_out(c, 0)->count == 0) return OG_OK;
    int64_t *place = og_alloc(v.w.taps, sizeof *place);
    if (!place) return og_fail(c->err, OG_NO_MEMORY, "out of memory");
    convolve_integers(&v, place);
    og_free(place);
    return OG_OK;
}
