// SPDX-License-Identifier: GPL-3.0-or-later
// Element-wise activations and softmax.
#include <math.h>
#include <string.h>

#include "base/kernels.h"
#include "nn/exec.h"
#include "nn/ops.h"
#include "ohmgrid/vmath.h"

static const struct og_field no_fields[] = {{0}};

static size_t elements(const struct og_view *v)
{
    return v->n * og_shape_count(&v->node->shape);
}

// --- relu ----------------------------------------------------------------------------

// f(x) = max(0, x) up to a limit T, above it T (ONNX Clip) or 0 (FT-ClipAct, Hoang et
// al., 2019: what no fault-free network shows is taken for the work of a fault).
enum above { ABOVE_CLIP, ABOVE_ZERO };

struct relu {
    double max;
    int above;  // enum above
    bool search;
};

static const struct og_field relu_fields[] = {
    {.key = "max",
     .type = OG_FIELD_REAL,
     .offset = offsetof(struct relu, max),
     .min = 0,
     .max = 1e30,
     .def = "0",
     .stage = OG_STAGE_TRAIN,
     .help = "Limit of the outputs; 0: none."},
    {.key = "above",
     .type = OG_FIELD_CHOICE,
     .offset = offsetof(struct relu, above),
     .choices = "clip zero",
     .def = "clip",
     .stage = OG_STAGE_TRAIN,
     .help = "What is above the limit becomes the limit, or 0 (FT-ClipAct)."},
    {.key = "search",
     .type = OG_FIELD_BOOL,
     .offset = offsetof(struct relu, search),
     .def = "false",
     .stage = OG_STAGE_TRAIN,
     .help = "Whether a round of compression with activation_limits finds the limit, or "
             "model.weights may hold it; until then it is max."},
    {0},
};

static og_status relu_setup(struct og_node *node, struct og_error *err)
{
    const struct relu *a = node->attr;
    if (a->above == ABOVE_ZERO && a->max == 0 && !a->search)
        return og_fail(
            err, OG_INPUT,
            "above: zero has no effect without a limit (max, or search: true)");
    if (a->search) {
        node->params = 1;
        node->param[0] = (struct og_param){.name = "max",
                                           .rank = 1,
                                           .dim = {1},
                                           .law = OG_INIT_CONSTANT,
                                           .value = (float)a->max,
                                           .state = true};
    }
    return og_setup_same(node, err);
}

static float limit_of(const struct og_view *v)
{
    const struct relu *a = v->node->attr;
    const float max = a->search ? v->param[0][0] : (float)a->max;
    return max > 0.0f ? max : INFINITY;
}

static void relu_forward(const struct og_view *v)
{
    const struct relu *a = v->node->attr;
    const float max = limit_of(v), beyond = a->above == ABOVE_ZERO ? 0.0f : max;
    og_kernels()->planes->rectify(v->in[0], v->out, elements(v), max, beyond);
}

static void relu_backward(const struct og_view *v)
{
    const struct relu *a = v->node->attr;
    const float max = limit_of(v);
    // The limit itself still passes where what is above does not.
    const float end = a->above == ABOVE_ZERO ? nextafterf(max, INFINITY) : max;
    if (!v->din[0]) return;
    og_kernels()->planes->rectify_back(v->in[0], v->dout, v->din[0], elements(v), end,
                                       v->fresh[0]);
}

const struct og_op og_op_relu = {
    .begins = true,
    .elementwise = true,
    .name = "relu",
    .onnx = "Relu",
    .help = "max(0, x), with a limit if given.",
    .fields = relu_fields,
    .attr_size = sizeof(struct relu),
    .inputs_min = 1,
    .inputs_max = 1,
    .setup = relu_setup,
    .forward = relu_forward,
    .backward = relu_backward,
};

// --- sigmoid and tanh ----------------------------------------------------------------

static void sigmoid_forward(const struct og_view *v)
{
    if (og_ramp_has_done(v))
        memcpy(v->out, v->in[0], elements(v) * sizeof *v->out);
    else
        og_vsigmoid(v->in[0], v->out, elements(v));
}

static void sigmoid_backward(const struct og_view *v)
{
    if (!v->din[0]) return;
    for (size_t i = 0, n = elements(v); i < n; i++)
        v->din[0][i] += v->dout[i] * v->out[i] * (1.0f - v->out[i]);
}

const struct og_op og_op_sigmoid = {
    .elementwise = true,
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
    if (og_ramp_has_done(v))
        memcpy(v->out, v->in[0], elements(v) * sizeof *v->out);
    else
        og_vtanh(v->in[0], v->out, elements(v));
}

static void tanh_backward(const struct og_view *v)
{
    if (!v->din[0]) return;
    for (size_t i = 0, n = elements(v); i < n; i++)
        v->din[0][i] += v->dout[i] * (1.0f - v->out[i] * v->out[i]);
}

const struct og_op og_op_tanh = {
    .elementwise = true,
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
