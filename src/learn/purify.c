// SPDX-License-Identifier: GPL-3.0-or-later
// Removal of unused paths ("Tiny but Accurate", ASP-DAC 2020; the details are
// ohmgrid's). What is removed changes nothing that an ideal network computes:
//
//   forward   A filter without weights gives its bias, whatever the input. The layers
//             that follow are run on such constants; weights of a dense or convolutional
//             layer whose input is the constant 0 are zeroed. A constant other than 0
//             stays, since its weights still add to the next layer.
//   backward  A filter, none of whose outputs reaches a weight that is not 0, loses its
//             weights and its bias.
//
// One makes work for the other, so both are repeated until nothing changes. Recurrent
// layers and softmax count as using all their inputs, and as giving no constants.
#include <string.h>

#include "base/mem.h"
#include "learn/compress.h"
#include "nn/graph.h"
#include "nn/ops.h"

enum { WEIGHT, BIAS };

// One sample at every node: elements start[i] .. start[i + 1] are those of node i.
struct flow {
    og_model *model;
    size_t *start;   // [nodes + 1]
    float *value;    // where known
    uint8_t *known;  // the same for every input of the network
    uint8_t *used;   // reaches the output
    bool changed;
};

// A dense or convolutional node as a matrix of filters, and what of its sample belongs to
// one filter and one input channel.
struct matrix {
    const struct og_node *node;
    float *w, *bias;                      // bias: NULL without
    size_t filters, in_group, per_group;  // input channels and filters of a group
    size_t kernel, out_cells, in_cells;   // cells: of a channel
};

static bool is_matrix(const struct og_node *n)
{
    return n->op == &og_op_dense || n->op == &og_op_conv2d;
}

static bool is_pool(const struct og_node *n)
{
    return n->op == &og_op_max_pool || n->op == &og_op_avg_pool ||
           n->op == &og_op_global_avg_pool;
}

// Element i of the output needs element i of each input, and nothing else.
static bool is_elementwise(const struct og_node *n)
{
    static const struct og_op *const ops[] = {
        &og_op_batch_norm, &og_op_relu,    &og_op_sigmoid, &og_op_tanh,
        &og_op_add,        &og_op_flatten, &og_op_dropout};
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        if (n->op == ops[i]) return true;
    return false;
}

static struct matrix matrix_of(const struct flow *f, const struct og_node *n)
{
    const struct og_param *p = &n->param[WEIGHT];
    const bool image = p->rank == 4;
    struct matrix m = {.node = n, .filters = p->dim[0], .in_group = p->dim[1]};
    m.w = f->model->params + p->offset;
    if (n->params > 1) m.bias = f->model->params + n->param[BIAS].offset;
    m.kernel = image ? p->dim[2] * p->dim[3] : 1;
    m.out_cells = og_shape_count(&n->shape) / m.filters;
    const size_t channels = image ? n->in[0].dim[0] : p->dim[1];
    m.in_cells = og_shape_count(&n->in[0]) / channels;
    m.per_group = m.filters / (channels / m.in_group);
    return m;
}

static bool all_zero(const float *w, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (w[i] != 0.0f) return false;
    return true;
}

static bool any(const uint8_t *flag, size_t n) { return n > 0 && memchr(flag, 1, n); }

// --- forward: constants ----------------------------------------------------------

static void matrix_constants(struct flow *f, const struct og_node *n)
{
    const struct matrix m = matrix_of(f, n);
    const size_t at = f->start[n->index], each = m.in_group * m.kernel;
    for (size_t k = 0; k < m.filters; k++) {
        const bool known = all_zero(m.w + k * each, each);
        memset(f->known + at + k * m.out_cells, known, m.out_cells);
        for (size_t i = 0; i < m.out_cells; i++)
            f->value[at + k * m.out_cells + i] = m.bias ? m.bias[k] : 0.0f;
    }
}

// Runs the layer itself on one sample of the values so far; those that are not known
// are zeros, and what they give is not looked at.
static void run_layer(struct flow *f, const struct og_node *n)
{
    struct og_view v = {.node = n, .n = 1, .out = f->value + f->start[n->index]};
    for (int k = 0; k < n->inputs; k++) v.in[k] = f->value + f->start[n->input[k]];
    for (int p = 0; p < n->params; p++)
        v.param[p] =
            (n->param[p].state ? f->model->state : f->model->params) + n->param[p].offset;
    n->op->forward(&v);
}

static void pass_constants(struct flow *f, const struct og_node *n)
{
    const size_t at = f->start[n->index], count = og_shape_count(&n->shape);
    for (int k = 0; k < n->inputs; k++)
        if (n->input[k] < 0) return;  // the data are never known
    run_layer(f, n);
    const size_t channels = is_pool(n) ? n->shape.dim[0] : count;
    const size_t out_cells = count / channels;
    const size_t in_cells = og_shape_count(&n->in[0]) / channels;
    for (size_t c = 0; c < channels; c++) {
        bool known = true;
        for (int k = 0; k < n->inputs; k++)
            known = known && f->known[f->start[n->input[k]] + c * in_cells];
        memset(f->known + at + c * out_cells, known, out_cells);
    }
}

static bool is_zero(const struct flow *f, size_t at, size_t n)
{
    return f->known[at] && all_zero(f->value + at, n);
}

// Zeroes the weights of inputs that are always 0.
static void drop_inputs(struct flow *f, const struct og_node *n)
{
    const struct matrix m = matrix_of(f, n);
    if (n->input[0] < 0) return;
    for (size_t k = 0; k < m.filters; k++) {
        const size_t first = k / m.per_group * m.in_group;
        for (size_t c = 0; c < m.in_group; c++) {
            float *w = m.w + (k * m.in_group + c) * m.kernel;
            const size_t in = f->start[n->input[0]] + (first + c) * m.in_cells;
            if (all_zero(w, m.kernel) || !is_zero(f, in, m.in_cells)) continue;
            memset(w, 0, m.kernel * sizeof *w);
            f->changed = true;
        }
    }
}

static void forward(struct flow *f)
{
    const og_model *model = f->model;
    memset(f->known, 0, f->start[model->nodes]);
    memset(f->value, 0, f->start[model->nodes] * sizeof *f->value);
    for (size_t i = 0; i < model->nodes; i++) {
        const struct og_node *n = &model->node[i];
        if (is_matrix(n)) {
            drop_inputs(f, n);
            matrix_constants(f, n);
        } else if (is_elementwise(n) || is_pool(n)) {
            pass_constants(f, n);
        }
    }
}

// --- backward: uses --------------------------------------------------------------

// Removes filters that are not used, and tells the inputs which of them are.
static void matrix_uses(struct flow *f, const struct og_node *n)
{
    const struct matrix m = matrix_of(f, n);
    const size_t each = m.in_group * m.kernel;
    for (size_t k = 0; k < m.filters; k++) {
        float *w = m.w + k * each;
        if (!any(f->used + f->start[n->index] + k * m.out_cells, m.out_cells)) {
            f->changed = f->changed || !all_zero(w, each);
            memset(w, 0, each * sizeof *w);
            if (m.bias) m.bias[k] = 0.0f;
        }
        for (size_t c = 0; c < m.in_group && n->input[0] >= 0; c++) {
            const size_t channel = k / m.per_group * m.in_group + c;
            if (!all_zero(w + c * m.kernel, m.kernel))
                memset(f->used + f->start[n->input[0]] + channel * m.in_cells, 1,
                       m.in_cells);
        }
    }
}

static void pass_uses(struct flow *f, const struct og_node *n)
{
    const size_t at = f->start[n->index], count = og_shape_count(&n->shape);
    const size_t channels = is_pool(n) ? n->shape.dim[0] : count;
    const size_t cells = count / channels, in = og_shape_count(&n->in[0]) / channels;
    for (size_t c = 0; c < channels; c++)
        for (int k = 0; k < n->inputs; k++)
            if (n->input[k] >= 0 && any(f->used + at + c * cells, cells))
                memset(f->used + f->start[n->input[k]] + c * in, 1, in);
}

static void use_all(struct flow *f, const struct og_node *n)
{
    for (int k = 0; k < n->inputs; k++)
        if (n->input[k] >= 0)
            memset(f->used + f->start[n->input[k]], 1, og_shape_count(&n->in[k]));
}

static void backward(struct flow *f)
{
    const og_model *model = f->model;
    const size_t last = model->nodes - 1, end = f->start[model->nodes];
    memset(f->used, 0, end);
    memset(f->used + f->start[last], 1, end - f->start[last]);
    for (size_t i = model->nodes; i-- > 0;) {
        const struct og_node *n = &model->node[i];
        if (is_matrix(n))
            matrix_uses(f, n);
        else if (is_elementwise(n) || is_pool(n))
            pass_uses(f, n);
        else
            use_all(f, n);
    }
}

og_status og_purify(og_model *model, struct og_error *err)
{
    struct flow f = {.model = model, .changed = true};
    f.start = og_alloc(model->nodes + 1, sizeof *f.start);
    for (size_t i = 0; f.start && i < model->nodes; i++)
        f.start[i + 1] = f.start[i] + og_shape_count(&model->node[i].shape);
    const size_t n = f.start ? f.start[model->nodes] : 0;
    f.value = og_alloc(n, sizeof *f.value);
    f.known = og_alloc(n, 1);
    f.used = og_alloc(n, 1);
    const bool good = f.start && f.value && f.known && f.used;
    while (good && f.changed) {
        f.changed = false;
        forward(&f);
        backward(&f);
    }
    og_free(f.start);
    og_free(f.value);
    og_free(f.known);
    og_free(f.used);
    return good ? OG_OK
                : og_fail(err, OG_NO_MEMORY, "no memory to look for unused paths");
}
