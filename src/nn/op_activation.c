// SPDX-License-Identifier: GPL-3.0-or-later
// Element-wise activations and softmax.
#include <math.h>

#include "nn/ops.h"
#include "ohmgrid/vmath.h"

static const struct og_field no_fields[] = {{0}};

static size_t elements(const struct og_view *v)
{
    return v->n * og_shape_count(&v->node->shape);
}

// --- relu ----------------------------------------------------------------------------

struct relu {
    double max;
};

static const struct og_field relu_fields[] = {
    {.key = "max",
     .type = OG_FIELD_REAL,
     .offset = offsetof(struct relu, max),
     .min = 0,
     .max = 1e30,
     .def = "0",
     .stage = OG_STAGE_TRAIN,
     .help = "Clips at this value; 0: no clip."},
    {0},
};

static void relu_forward(const struct og_view *v)
{
    const struct relu *a = v->node->attr;
    float max = a->max > 0 ? (float)a->max : INFINITY;
    const float *restrict in = v->in[0];
    float *restrict out = v->out;
    for (size_t i = 0, n = elements(v); i < n; i++) {
        // Not "> 0 ? x : 0", which would turn a NaN into a result.
        float x = in[i] < 0.0f ? 0.0f : in[i];
        out[i] = x > max ? max : x;
    }
}

static void relu_backward(const struct og_view *v)
{
    const struct relu *a = v->node->attr;
    float max = a->max > 0 ? (float)a->max : INFINITY;
    const float *restrict x = v->in[0], *restrict dy = v->dout;
    float *restrict dx = v->din[0];
    if (!dx) return;
    for (size_t i = 0, n = elements(v); i < n; i++) {
        float d = dy[i];  // no branch: which units are open is as good as random
        dx[i] += ((x[i] > 0.0f) & (x[i] < max)) ? d : 0.0f;
    }
}

const struct og_op og_op_relu = {
    .name = "relu",
    .onnx = "Relu",
    .help = "max(0, x), clipped at `max` if given.",
    .fields = relu_fields,
    .attr_size = sizeof(struct relu),
    .inputs_min = 1,
    .inputs_max = 1,
    .setup = og_setup_same,
    .forward = relu_forward,
    .backward = relu_backward,
};

// --- sigmoid and tanh ----------------------------------------------------------------

static void sigmoid_forward(const struct og_view *v)
{
    og_vsigmoid(v->in[0], v->out, elements(v));
}

static void sigmoid_backward(const struct og_view *v)
{
    if (!v->din[0]) return;
    for (size_t i = 0, n = elements(v); i < n; i++)
        v->din[0][i] += v->dout[i] * v->out[i] * (1.0f - v->out[i]);
}

const struct og_op og_op_sigmoid = {
    .name = "sigmoid",
    .onnx = "Sigmoid",
    .help = "1 / (1 + exp(-x)).",
    .fields = no_fields,
    .inputs_min = 1,
    .inputs_max = 1,
    .setup = og_setup_same,
    .forward = sigmoid_forward,
    .backward = sigmoid_backward,
};

static void tanh_forward(const struct og_view *v)
{
    og_vtanh(v->in[0], v->out, elements(v));
}

static void tanh_backward(const struct og_view *v)
{
    if (!v->din[0]) return;
    for (size_t i = 0, n = elements(v); i < n; i++)
        v->din[0][i] += v->dout[i] * (1.0f - v->out[i] * v->out[i]);
}

const struct og_op og_op_tanh = {
    .name = "tanh",
    .onnx = "Tanh",
    .help = "Hyperbolic tangent.",
    .fields = no_fields,
    .inputs_min = 1,
    .inputs_max = 1,
    .setup = og_setup_same,
    .forward = tanh_forward,
    .backward = tanh_backward,
};

// --- softmax -------------------------------------------------------------------------

static og_status softmax_setup(struct og_node *node, struct og_error *err)
{
    if (node->in[0].rank != 1)
        return og_fail(err, OG_INPUT, "softmax takes inputs of rank 1, not %d",
                       node->in[0].rank);
    return og_setup_same(node, err);
}

static void softmax_forward(const struct og_view *v)
{
    size_t width = v->node->shape.dim[0];
    for (size_t r = 0; r < v->n; r++) {
        const float *x = v->in[0] + r * width;
        float *y = v->out + r * width, top = x[0];
        for (size_t j = 1; j < width; j++) top = x[j] > top ? x[j] : top;
        for (size_t j = 0; j < width; j++) y[j] = x[j] - top;
        og_vexp(y, y, width);
        double sum = 0.0;
        for (size_t j = 0; j < width; j++) sum += y[j];
        for (size_t j = 0; j < width; j++) y[j] = (float)(y[j] / sum);
    }
}

static void softmax_backward(const struct og_view *v)
{
    size_t width = v->node->shape.dim[0];
    if (!v->din[0]) return;
    for (size_t r = 0; r < v->n; r++) {
        const float *y = v->out + r * width, *dy = v->dout + r * width;
        float *dx = v->din[0] + r * width;
        double dot = 0.0;
        for (size_t j = 0; j < width; j++) dot += (double)y[j] * dy[j];
        for (size_t j = 0; j < width; j++) dx[j] += (float)(y[j] * (dy[j] - dot));
    }
}

const struct og_op og_op_softmax = {
    .name = "softmax",
    .onnx = "Softmax",
    .help = "exp(x) / sum exp(x) over the features.",
    .fields = no_fields,
    .inputs_min = 1,
    .inputs_max = 1,
    .setup = softmax_setup,
    .forward = softmax_forward,
    .backward = softmax_backward,
};
