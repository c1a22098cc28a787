// SPDX-License-Identifier: GPL-3.0-or-later
// Layers that move or join values: add, flatten, dropout.
#include <string.h>

#include "base/kernels.h"
#include "nn/exec.h"
#include "nn/ops.h"
#include "ohmgrid/random.h"

static const struct og_field no_fields[] = {{0}};

static size_t elements(const struct og_view *v)
{
    return v->n * og_shape_count(&v->node->shape);
}

// --- add -----------------------------------------------------------------------------

static og_status add_setup(struct og_node *node, struct og_error *err)
{
    const struct og_shape *a = &node->in[0];
    for (int k = 1; k < node->inputs; k++) {
        const struct og_shape *b = &node->in[k];
        bool same = a->rank == b->rank;
        for (int d = 0; same && d < a->rank; d++) same = a->dim[d] == b->dim[d];
        if (!same)
            return og_fail(
                err, OG_INPUT,
                "its inputs differ in shape (input 1 has %zu values of rank %d, "
                "input %d %zu of rank %d)",
                og_shape_count(a), a->rank, k + 1, og_shape_count(b), b->rank);
    }
    return og_setup_same(node, err);
}

static void add_forward(const struct og_view *v)
{
    size_t n = elements(v);
    memcpy(v->out, v->in[0], n * sizeof *v->out);
    for (int k = 1; k < v->node->inputs; k++)
        og_kernels()->planes->add(v->in[k], v->out, n, false);
}

// Every input gets the gradient; the same node given twice gets it twice.
static void pass_back(const struct og_view *v)
{
    size_t n = elements(v);
    for (int k = 0; k < v->node->inputs; k++)
        if (v->din[k]) og_kernels()->planes->add(v->dout, v->din[k], n, v->fresh[k]);
}

const struct og_op og_op_add = {
    .begins = true,
    .elementwise = true,
    .name = "add",
    .onnx = "Add",
    .help = "Sum of its inputs, for residual connections.",
    .fields = no_fields,
    .inputs_min = 2,
    .inputs_max = OG_MAX_INPUTS,
    .setup = add_setup,
    .forward = add_forward,
    .backward = pass_back,
};

// --- flatten -------------------------------------------------------------------------

static og_status flatten_setup(struct og_node *node, struct og_error *err)
{
    (void)err;
    node->shape = (struct og_shape){.rank = 1, .dim = {og_shape_count(&node->in[0])}};
    return OG_OK;
}

static void flatten_forward(const struct og_view *v)
{
    memcpy(v->out, v->in[0], elements(v) * sizeof *v->out);
}

const struct og_op og_op_flatten = {
    .begins = true,
    .name = "flatten",
    .onnx = "Flatten",
    .help = "All values of a sample in C order.",
    .fields = no_fields,
    .inputs_min = 1,
    .inputs_max = 1,
    .setup = flatten_setup,
    .forward = flatten_forward,
    .backward = pass_back,
};

// --- dropout -------------------------------------------------------------------------

// Inverted dropout (Srivastava et al. 2014): in training a value is dropped with
// probability `rate`, the others are divided by 1 - rate. Drawn by (epoch, sample,
// position), so that backward draws the same mask again.
struct dropout {
    double rate;
};

static const struct og_field dropout_fields[] = {
    {.key = "rate",
     .type = OG_FIELD_REAL,
     .offset = offsetof(struct dropout, rate),
     .min = 0,
     .max = 0.99,
     .def = "0.5",
     .stage = OG_STAGE_TRAIN,
     .help = "Probability with which a value is dropped in training."},
    {0},
};

static size_t dropout_work(const og_exec *exec, const struct og_node *node, size_t n)
{
    (void)exec;
    (void)n;
    return og_shape_count(&node->shape) * sizeof(float);
}

// factor[i] of one sample: 0 or 1 / (1 - rate).
static void draw_mask(const struct og_view *v, size_t row, float *factor)
{
    const struct dropout *d = v->node->attr;
    size_t width = og_shape_count(&v->node->shape);
    struct og_stream s = og_stream_named(v->batch->seed, OG_DROPOUT, 0,
                                         og_stream_node(v->exec, v->node), 0);
    struct og_index at = {v->batch->pass, v->sample[row], 0};
    og_uniform_fill(&s, at, 0, factor, width);
    float rate = (float)d->rate, kept = 1.0f / (1.0f - rate);
    for (size_t i = 0; i < width; i++) factor[i] = factor[i] < rate ? 0.0f : kept;
}

static void dropout_forward(const struct og_view *v)
{
    size_t width = og_shape_count(&v->node->shape);
    if (!v->training) {
        memcpy(v->out, v->in[0], elements(v) * sizeof *v->out);
        return;
    }
    for (size_t r = 0; r < v->n; r++) {
        float *factor = v->work;
        draw_mask(v, r, factor);
        for (size_t i = 0; i < width; i++)
            v->out[r * width + i] = v->in[0][r * width + i] * factor[i];
    }
}

static void dropout_backward(const struct og_view *v)
{
    size_t width = og_shape_count(&v->node->shape);
    if (!v->training) {
        pass_back(v);
        return;
    }
    for (size_t r = 0; v->din[0] && r < v->n; r++) {
        float *factor = v->work;
        draw_mask(v, r, factor);
        for (size_t i = 0; i < width; i++)
            v->din[0][r * width + i] += v->dout[r * width + i] * factor[i];
    }
}

const struct og_op og_op_dropout = {
    .elementwise = true,
    .name = "dropout",
    .onnx = "Dropout",
    .help = "Drops values at random in training.",
    .fields = dropout_fields,
    .attr_size = sizeof(struct dropout),
    .inputs_min = 1,
    .inputs_max = 1,
    .setup = og_setup_same,
    .work_bytes = dropout_work,
    .forward = dropout_forward,
    .backward = dropout_backward,
};
