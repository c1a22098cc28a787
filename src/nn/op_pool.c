// SPDX-License-Identifier: GPL-3.0-or-later
// Pooling over square windows (ONNX MaxPool, AveragePool, GlobalAveragePool). Padding is
// never the maximum, and never counted in an average (count_include_pad = 0).
#include <math.h>

#include "nn/ops.h"

struct pool {
    int size, stride, padding;
};

static const struct og_field fields[] = {
    {.key = "size",
     .type = OG_FIELD_INT,
     .offset = offsetof(struct pool, size),
     .min = 1,
     .max = 1024,
     .stage = OG_STAGE_TRAIN,
     .help = "Side of the window."},
    {.key = "stride",
     .type = OG_FIELD_INT,
     .offset = offsetof(struct pool, stride),
     .min = 0,
     .max = 1024,
     .def = "0",
     .stage = OG_STAGE_TRAIN,
     .help = "Step of the window; 0: its size."},
    {.key = "padding",
     .type = OG_FIELD_INT,
     .offset = offsetof(struct pool, padding),
     .min = 0,
     .max = 1023,
     .def = "0",
     .stage = OG_STAGE_TRAIN,
     .help = "Cells added on every side; less than size."},
    {0},
};

static og_status setup(struct og_node *node, struct og_error *err)
{
    const struct pool *a = node->attr;
    struct og_image in;
    OG_TRY(og_need_image(node, &in, err));
    if (a->padding >= a->size)
        return og_fail(err, OG_INPUT, "padding is %d, which must be less than size (%d)",
                       a->padding, a->size);
    size_t size = (size_t)a->size, pad = (size_t)a->padding;
    size_t stride = a->stride ? (size_t)a->stride : size;
    size_t oh = og_window_count(in.h, size, stride, pad);
    size_t ow = og_window_count(in.w, size, stride, pad);
    // A last window that began in the padding beyond the input would be empty.
    if (oh == 0 || ow == 0 || (oh - 1) * stride >= in.h + pad ||
        (ow - 1) * stride >= in.w + pad)
        return og_fail(err, OG_INPUT,
                       "a window of %zu does not fit into %zu x %zu with padding %zu and "
                       "stride %zu",
                       size, in.h, in.w, pad, stride);
    node->shape = (struct og_shape){.rank = 3, .dim = {in.c, oh, ow}};
    return OG_OK;
}

// The cells of one window, without padding: rows [y0, y1), columns [x0, x1).
struct window {
    size_t y0, y1, x0, x1;
};

static inline void clip_side(const struct pool *a, size_t place, size_t in, size_t *from,
                             size_t *to)
{
    size_t stride = (size_t)(a->stride ? a->stride : a->size), pad = (size_t)a->padding;
    size_t begin = place * stride, end = begin + (size_t)a->size;
    *from = begin > pad ? begin - pad : 0;
    *to = end - pad < in ? end - pad : in;
}

static inline struct window window_at(const struct og_node *node, size_t row, size_t col)
{
    const struct pool *a = node->attr;
    struct window w;
    clip_side(a, row, node->in[0].dim[1], &w.y0, &w.y1);
    clip_side(a, col, node->in[0].dim[2], &w.x0, &w.x1);
    return w;
}

static size_t planes(const struct og_view *v) { return v->n * v->node->shape.dim[0]; }
static size_t in_plane(const struct og_node *n)
{
    return n->in[0].dim[1] * n->in[0].dim[2];
}
static size_t places(const struct og_node *n)
{
    return n->shape.dim[1] * n->shape.dim[2];
}

// --- max -----------------------------------------------------------------------------

// The first largest cell.
static size_t largest(const float *x, const struct window *w, size_t width)
{
    size_t best = w->y0 * width + w->x0;
    for (size_t y = w->y0; y < w->y1; y++)
        for (size_t i = y * width + w->x0; i < y * width + w->x1; i++)
            if (x[i] > x[best]) best = i;
    return best;
}

static size_t max_tape(const og_exec *exec, const struct og_node *node, size_t n)
{
    (void)exec;
    return n * og_shape_count(&node->shape) * sizeof(uint32_t);
}

static void max_forward(const struct og_view *v)
{
    const struct og_node *node = v->node;
    const size_t oh = node->shape.dim[1], ow = node->shape.dim[2];
    uint32_t *tape = v->tape;
    size_t p = 0;
    for (size_t k = 0; k < planes(v); k++)
        for (size_t row = 0; row < oh; row++)
            for (size_t col = 0; col < ow; col++, p++) {
                const float *x = v->in[0] + k * in_plane(node);
                const struct window w = window_at(node, row, col);
                const size_t best = largest(x, &w, node->in[0].dim[2]);
                v->out[p] = x[best];
                if (tape) tape[p] = (uint32_t)best;
            }
}

static void max_backward(const struct og_view *v)
{
    size_t each = places(v->node), plane = in_plane(v->node), count = planes(v);
    const uint32_t *tape = v->tape;
    for (size_t i = 0; v->din[0] && i < count * each; i++)
        v->din[0][i / each * plane + tape[i]] += v->dout[i];
}

const struct og_op og_op_max_pool = {
    .name = "max_pool",
    .onnx = "MaxPool",
    .help = "Largest value of every window.",
    .fields = fields,
    .attr_size = sizeof(struct pool),
    .inputs_min = 1,
    .inputs_max = 1,
    .setup = setup,
    .tape_bytes = max_tape,
    .forward = max_forward,
    .backward = max_backward,
};

// --- average -------------------------------------------------------------------------

static float window_mean(const float *x, const struct window *w, size_t width)
{
    float sum = 0.0f;
    for (size_t y = w->y0; y < w->y1; y++)
        for (size_t i = w->x0; i < w->x1; i++) sum += x[y * width + i];
    return sum / (float)((w->y1 - w->y0) * (w->x1 - w->x0));
}

static void avg_forward(const struct og_view *v)
{
    const struct og_node *node = v->node;
    const size_t oh = node->shape.dim[1], ow = node->shape.dim[2];
    float *out = v->out;
    for (size_t k = 0; k < planes(v); k++)
        for (size_t row = 0; row < oh; row++)
            for (size_t col = 0; col < ow; col++) {
                const struct window w = window_at(node, row, col);
                *out++ =
                    window_mean(v->in[0] + k * in_plane(node), &w, node->in[0].dim[2]);
            }
}

static void share(float *dx, const struct window *w, size_t width, float dout)
{
    const float each = dout / (float)((w->y1 - w->y0) * (w->x1 - w->x0));
    for (size_t y = w->y0; y < w->y1; y++)
        for (size_t i = w->x0; i < w->x1; i++) dx[y * width + i] += each;
}

static void avg_backward(const struct og_view *v)
{
    const struct og_node *node = v->node;
    const size_t oh = node->shape.dim[1], ow = node->shape.dim[2];
    const float *dout = v->dout;
    for (size_t k = 0; v->din[0] && k < planes(v); k++)
        for (size_t row = 0; row < oh; row++)
            for (size_t col = 0; col < ow; col++) {
                const struct window w = window_at(node, row, col);
                share(v->din[0] + k * in_plane(node), &w, node->in[0].dim[2], *dout++);
            }
}

const struct og_op og_op_avg_pool = {
    .name = "avg_pool",
    .onnx = "AveragePool",
    .help = "Mean of every window.",
    .fields = fields,
    .attr_size = sizeof(struct pool),
    .inputs_min = 1,
    .inputs_max = 1,
    .setup = setup,
    .forward = avg_forward,
    .backward = avg_backward,
};

// --- global average ------------------------------------------------------------------

static const struct og_field no_fields[] = {{0}};

static og_status global_setup(struct og_node *node, struct og_error *err)
{
    struct og_image in;
    OG_TRY(og_need_image(node, &in, err));
    node->shape = (struct og_shape){.rank = 1, .dim = {in.c}};
    return OG_OK;
}

static void global_forward(const struct og_view *v)
{
    size_t plane = in_plane(v->node), count = planes(v);
    for (size_t k = 0; k < count; k++) {
        double sum = 0.0;
        for (size_t i = 0; i < plane; i++) sum += v->in[0][k * plane + i];
        v->out[k] = (float)(sum / (double)plane);
    }
}

static void global_backward(const struct og_view *v)
{
    size_t plane = in_plane(v->node), count = planes(v);
    for (size_t k = 0; v->din[0] && k < count; k++) {
        float share = v->dout[k] / (float)plane;
        for (size_t i = 0; i < plane; i++) v->din[0][k * plane + i] += share;
    }
}

const struct og_op og_op_global_avg_pool = {
    .name = "global_avg_pool",
    .onnx = "GlobalAveragePool",
    .help = "Mean of every channel; the output has rank 1.",
    .fields = no_fields,
    .inputs_min = 1,
    .inputs_max = 1,
    .setup = global_setup,
    .forward = global_forward,
    .backward = global_backward,
};
