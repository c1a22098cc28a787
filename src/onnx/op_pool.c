// SPDX-License-Identifier: GPL-3.0-or-later
// MaxPool, AveragePool and GlobalAveragePool, of any number of spatial axes.
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "onnx/window.h"

// What a pool does with one plane (one channel of one sample) and one output.
struct pool {
    const struct og_call *c;
    struct og_window w;
    bool include_pads, column_major;
    int64_t *place;  // [outputs][taps], or [taps]: of one output
};

// The place of an input if the first spatial axis were the fastest.
static int64_t transposed_place(const struct og_window *w, int64_t at)
{
    int64_t index[OG_ND_RANK], out = 0;
    for (int k = w->axes - 1; k >= 0; k--) {
        index[k] = at % w->in[k];
        at /= w->in[k];
    }
    for (int k = w->axes - 1; k >= 0; k--) out = out * w->in[k] + index[k];
    return out;
}

// NaN wins: it is larger than nothing, so once it stands it stays.
static int64_t best_float(const float *x, const int64_t *place, size_t taps)
{
    int64_t best = -1;
    for (size_t t = 0; t < taps; t++) {
        int64_t at = place[t];
        if (at < 0) continue;
        if (best < 0 || x[at] > x[best] || (isnan(x[at]) && !isnan(x[best]))) best = at;
    }
    return best;
}

static int64_t best_byte(const struct og_nd *in, size_t plane, const int64_t *place,
                         size_t taps)
{
    int64_t best = -1;
    for (size_t t = 0; t < taps; t++)
        if (place[t] >= 0 && (best < 0 || og_nd_int(in, plane + (size_t)place[t]) >
                                              og_nd_int(in, plane + (size_t)best)))
            best = place[t];
    return best;
}

static void max_of(const struct pool *p, size_t plane, size_t o, const int64_t *place)
{
    const struct og_nd *in = p->c->in[0];
    struct og_nd *out = og_call_out(p->c, 0), *index = og_call_out(p->c, 1);
    size_t first = plane * p->w.inputs, to = plane * p->w.outputs + o;
    bool is_float = in->type == OG_ND_FLOAT;
    int64_t best = is_float ? best_float(og_nd_f32(in) + first, place, p->w.taps)
                            : best_byte(in, first, place, p->w.taps);
    if (out && is_float)
        ((float *)out->data)[to] =
            best < 0 ? -INFINITY : og_nd_f32(in)[first + (size_t)best];
    else if (out)
        og_nd_put(out, to,
                  best >= 0                ? og_nd_int(in, first + (size_t)best)
                  : in->type == OG_ND_INT8 ? INT8_MIN
                                           : 0);
    if (!index) return;
    int64_t at = p->column_major && best >= 0 ? transposed_place(&p->w, best) : best;
    ((int64_t *)index->data)[to] = best < 0 ? 0 : at + (int64_t)first;
}

static void mean_of(const struct pool *p, size_t plane, size_t o, const int64_t *place)
{
    const float *x = og_nd_f32(p->c->in[0]) + plane * p->w.inputs;
    float *y = og_call_out(p->c, 0)->data;
    double sum = 0.0;
    size_t n = 0;
    for (size_t t = 0; t < p->w.taps; t++) {
        if (place[t] < 0) continue;
        sum += (double)x[place[t]];
        n++;
    }
    if (p->include_pads) n = og_window_inside(&p->w, o);
    y[plane * p->w.outputs + o] = n > 0 ? (float)(sum / (double)n) : 0.0f;
}

typedef void pool_of(const struct pool *p, size_t plane, size_t o, const int64_t *place);

static void run_outputs(const struct pool *p, pool_of *of, size_t planes)
{
    size_t outputs = p->w.outputs, taps = p->w.taps;
    int64_t *place = p->place;
#pragma omp parallel for schedule(static) default(none)                                  \
    shared(p, of, planes, outputs, taps, place) if (planes * outputs * taps > 16384)
    for (size_t r = 0; r < planes; r++)
        for (size_t o = 0; o < outputs; o++) of(p, r, o, place + o * taps);
}

// Where windows are too many to keep their places, one by one.
static void run_one_by_one(const struct pool *p, pool_of *of, size_t planes)
{
    for (size_t o = 0; o < p->w.outputs; o++) {
        og_window_place(&p->w, o, p->place);
        for (size_t r = 0; r < planes; r++) of(p, r, o, p->place);
    }
}

enum { PLACES_KEPT = 1 << 24 };

static og_status run_planes(struct pool *p, pool_of *of)
{
    size_t planes = og_nd_before(p->c->in[0], 2);
    if (planes == 0 || p->w.outputs == 0) return OG_OK;
    bool keeps = p->w.taps <= PLACES_KEPT / p->w.outputs;
    p->place = og_alloc(keeps ? p->w.outputs * p->w.taps : p->w.taps, sizeof *p->place);
    if (!p->place) return og_fail(p->c->err, OG_NO_MEMORY, "out of memory");
    if (keeps) {
        for (size_t o = 0; o < p->w.outputs; o++)
            og_window_place(&p->w, o, p->place + o * p->w.taps);
        run_outputs(p, of, planes);
    } else {
        run_one_by_one(p, of, planes);
    }
    og_free(p->place);
    return OG_OK;
}

static void find_shape(const struct pool *p, int64_t dim[OG_ND_RANK])
{
    const struct og_nd *in = p->c->in[0];
    dim[0] = in->dim[0];
    dim[1] = in->dim[1];
    memcpy(dim + 2, p->w.out, (size_t)p->w.axes * sizeof *dim);
}

og_status og_run_max_pool(const struct og_call *c)
{
    struct pool p = {.c = c, .column_major = og_node_int(c->node, "storage_order", 0)};
    int64_t dim[OG_ND_RANK];
    OG_TRY(og_window_read(c, NULL, &p.w));
    find_shape(&p, dim);
    OG_TRY(og_call_make(c, 0, c->in[0]->type, c->in[0]->rank, dim));
    OG_TRY(og_call_make(c, 1, OG_ND_INT64, c->in[0]->rank, dim));
    return run_planes(&p, max_of);
}

og_status og_run_average_pool(const struct og_call *c)
{
    struct pool p = {.c = c,
                     .include_pads = og_node_int(c->node, "count_include_pad", 0)};
    int64_t dim[OG_ND_RANK];
    OG_TRY(og_window_read(c, NULL, &p.w));
    find_shape(&p, dim);
    if (!og_call_out(c, 0)) return OG_OK;
    OG_TRY(og_call_make(c, 0, OG_ND_FLOAT, c->in[0]->rank, dim));
    return run_planes(&p, mean_of);
}

og_status og_run_global_pool(const struct og_call *c)
{
    const struct og_nd *in = c->in[0];
    int64_t dim[OG_ND_RANK];
    if (in->rank < 2)
        return og_call_fail(c, "the input has %d axes, expected at least 2", in->rank);
    for (int k = 0; k < in->rank; k++) dim[k] = k < 2 ? in->dim[k] : 1;
    if (!og_call_out(c, 0)) return OG_OK;
    OG_TRY(og_call_make(c, 0, OG_ND_FLOAT, in->rank, dim));
    size_t width = og_nd_from(in, 2);
    float *y = og_call_out(c, 0)->data;
    for (size_t r = 0; r < og_call_out(c, 0)->count; r++) {
        double sum = 0.0;
        for (size_t i = 0; i < width; i++) sum += (double)og_nd_f32(in)[r * width + i];
        y[r] = (float)(sum / (double)width);
    }
    return OG_OK;
}
