// SPDX-License-Identifier: GPL-3.0-or-later
// The passes. Every block of OG_BLOCK samples is computed by one thread and looks at no
// other, so threads and batch splits change no bit. Forward, a thread takes its block
// through as many layers as there are until one needs the whole batch, before it or
// between its parts; backward goes layer by layer, with parameter gradients per block
// added up in block order.
#include <assert.h>
#include <math.h>
#include <string.h>

#include "nn/exec.h"
#include "ohmgrid/cpu.h"

#ifdef _OPENMP
#include <omp.h>
// Names scratch memory only, never a result.
static int thread_number(void) { return omp_get_thread_num(); }

static int thread_count(const og_exec *exec)
{
    int now = og_threads();
    return now < exec->threads ? now : exec->threads;
}
#else
static int thread_number(void) { return 0; }
#endif

static size_t block_count(const struct og_batch *batch)
{
    return (batch->n + OG_BLOCK - 1) / OG_BLOCK;
}

// Where the node's part of what is carried begins. Passes that are no runs have a half of
// their own, so that a calibration between two steps of training leaves no trace.
static float *carried_of(const og_exec *exec, const struct og_batch *batch, size_t i)
{
    if (batch->streams == 0 || !exec->node[i].op->carried) return NULL;
    float *at = exec->carried + (exec->mode == OG_RUN ? 0 : exec->carried_count);
    for (size_t k = 0; k < i; k++)
        if (exec->node[k].op->carried)
            at += exec->streams * exec->node[k].op->carried(&exec->node[k]);
    return at;
}

static bool gathers(const og_exec *exec, size_t i)
{
    const bool trains = exec->training && !exec->inputs;
    return (trains || exec->renewing) && exec->node[i].op->gather;
}

// Where tensors that are no parameters are read.
static const float *state_of(const og_exec *exec)
{
    return exec->state && exec->mode == OG_RUN ? exec->state : exec->model->state;
}

static struct og_view exec_view(const og_exec *exec, const struct og_batch *batch,
                                size_t i, size_t block)
{
    const struct og_node *node = &exec->node[i];
    struct og_view v = {
        .exec = exec,
        .node = node,
        .batch = batch,
        .hw = exec->mode == OG_RUN ? og_exec_hardware(exec, node) : &exec->float_hw,
        // Layers that gather want the statistics of the batch also while calibrating for
        // training; dropout is noise, which calibration does without.
        .training =
            gathers(exec, i) || (exec->training && !exec->inputs && exec->mode == OG_RUN),
        .first = block * OG_BLOCK,
        .block = block,
        .blocks = block_count(batch),
        .total = batch->n,
        .merged = exec->merged[i],
        .carried = carried_of(exec, batch, i),
    };
    v.n = batch->n - v.first < OG_BLOCK ? batch->n - v.first : OG_BLOCK;
    if (batch->sample) v.sample = batch->sample + v.first;
    for (int k = 0; k < node->inputs; k++) {
        const float *from = node->input[k] < 0 ? batch->x : exec->act[node->input[k]];
        v.in[k] = from + v.first * og_shape_count(&node->in[k]);
    }
    v.out = exec->act[i] + v.first * og_shape_count(&node->shape);
    for (int p = 0; p < node->params; p++) {
        const struct og_param *q = &node->param[p];
        v.param[p] = (q->state ? state_of(exec) : exec->model->params) + q->offset;
    }
    const bool keeps = v.training || (exec->inputs && exec->mode == OG_RUN);
    if (keeps && exec->tape[i]) v.tape = exec->tape[i] + block * exec->tape_bytes[i];
    if (exec->partial[i]) v.partial = exec->partial[i] + block * node->op->partials(node);
    size_t place = exec->together ? block : (size_t)thread_number();
    v.work = exec->work + place * exec->work_bytes;
    return v;
}

static void run_layers(const og_exec *exec, const struct og_batch *batch, size_t from,
                       size_t to)
{
    size_t blocks = block_count(batch);
#pragma omp parallel for default(none) schedule(static) num_threads(thread_count(exec))  \
    shared(exec, batch, from, to, blocks)
    for (size_t b = 0; b < blocks; b++) {
        for (size_t i = from; i < to; i++) {
            struct og_view v = exec_view(exec, batch, i, b);
            exec->node[i].op->forward(&v);
        }
    }
}

// Whether the blocks of a layer wait for each other in between.
static bool meets(const og_exec *exec, size_t i)
{
    return exec->together && exec->mode == OG_RUN && exec->node[i].op->part;
}

// A part of all blocks, then what they have gathered in it, then the next part.
static void run_parts(og_exec *exec, const struct og_batch *batch, size_t i)
{
    const struct og_op *op = exec->node[i].op;
    size_t blocks = block_count(batch), parts = op->parts(&exec->node[i]);
    for (size_t part = 0; part < parts; part++) {
#pragma omp parallel for default(none) schedule(static) num_threads(thread_count(exec))  \
    shared(exec, batch, i, blocks, op, part)
        for (size_t b = 0; b < blocks; b++) {
            struct og_view v = exec_view(exec, batch, i, b);
            op->part(&v, part);
        }
        og_power_meet(exec, blocks);
    }
}

// Partials of every block, then one serial merge.
static void gather_layer(const og_exec *exec, const struct og_batch *batch, size_t i)
{
    size_t blocks = block_count(batch);
#pragma omp parallel for default(none) schedule(static) num_threads(thread_count(exec))  \
    shared(exec, batch, i, blocks)
    for (size_t b = 0; b < blocks; b++) {
        struct og_view v = exec_view(exec, batch, i, b);
        exec->node[i].op->gather(&v);
    }
    struct og_view whole = exec_view(exec, batch, i, 0);
    exec->node[i].op->merge(&whole);
}

size_t og_exec_part(const struct og_batch *batch, size_t at, size_t most)
{
    size_t n = batch->n - at < most ? batch->n - at : most;
    if (batch->streams == 0) return n;
    size_t left = batch->streams - batch->sample[at] % batch->streams;
    return n < left ? n : left;
}

void og_exec_pass(og_exec *exec, const struct og_batch *batch, enum og_exec_mode mode)
{
    assert(batch->n > 0 && batch->n <= exec->batch);
    assert(batch->streams <= exec->streams);
    exec->mode = mode;
    if (exec->slots)
        memset(exec->power_sum, 0, exec->blocks * exec->slots * sizeof *exec->power_sum);
    size_t nodes = exec->model->nodes;
    for (size_t from = 0, to; from < nodes; from = to) {
        if (gathers(exec, from)) gather_layer(exec, batch, from);
        to = from + 1;
        if (meets(exec, from)) {
            run_parts(exec, batch, from);
            continue;
        }
        while (to < nodes && !gathers(exec, to) && !meets(exec, to)) to++;
        run_layers(exec, batch, from, to);
    }
    exec->mode = OG_RUN;
}

const float *og_exec_forward(og_exec *exec, const struct og_batch *batch)
{
    og_exec_pass(exec, batch, OG_RUN);
    exec->last_n = batch->n;
    return exec->act[exec->model->nodes - 1];
}

// --- backward ------------------------------------------------------------------------

// Whether backward reaches `from` by input k of node i before all others.
static bool is_first(const og_exec *exec, size_t i, int k)
{
    const int from = exec->node[i].input[k];
    for (size_t j = i + 1; j < exec->model->nodes; j++)
        for (int n = 0; exec->wants_grad[j] && n < exec->node[j].inputs; n++)
            if (exec->node[j].input[n] == from) return false;
    for (int n = 0; n < k; n++)
        if (exec->node[i].input[n] == from) return false;
    return true;
}

static struct og_view back_view(const og_exec *exec, const struct og_batch *batch,
                                size_t i, size_t block)
{
    struct og_view v = exec_view(exec, batch, i, block);
    const struct og_node *node = v.node;
    v.dout = exec->grad[i] + v.first * og_shape_count(&node->shape);
    for (int k = 0; k < node->inputs; k++) {
        int from = node->input[k];
        float *to = from >= 0 ? exec->grad[from] : exec->input_grad;
        if (from < 0 ? exec->through : exec->wants_grad[from])
            v.din[k] = to + v.first * og_shape_count(&node->in[k]);
        v.fresh[k] = v.din[k] && from >= 0 && is_first(exec, i, k);
    }
    return v;
}

// Layers that only add find zeros.
static void clear_fresh(struct og_view *v)
{
    for (int k = 0; k < v->node->inputs && !v->node->op->begins; k++) {
        const size_t n = v->n * og_shape_count(&v->node->in[k]);
        if (v->fresh[k]) memset(v->din[k], 0, n * sizeof *v->din[k]);
        v->fresh[k] = false;
    }
}

static size_t node_params(const struct og_node *node)
{
    size_t n = 0;
    for (int p = 0; p < node->params; p++)
        if (!node->param[p].state) n += node->param[p].count;
    return n;
}

// This block's own parameter gradients, from zero.
static void take_dparam(const og_exec *exec, struct og_view *v, size_t width)
{
    float *at = exec->dparam + v->block * width;
    memset(at, 0, width * sizeof *at);
    for (int p = 0; p < v->node->params; p++) {
        if (v->node->param[p].state) continue;
        v->dparam[p] = at;
        at += v->node->param[p].count;
    }
}

static void back_layer(const og_exec *exec, const struct og_batch *batch, size_t i)
{
    size_t blocks = block_count(batch), width = node_params(&exec->node[i]);
    const struct og_op *op = exec->node[i].op;
    if (op->gather_back && !exec->inputs) {
#pragma omp parallel for default(none) schedule(static) num_threads(thread_count(exec))  \
    shared(exec, batch, i, blocks, op)
        for (size_t b = 0; b < blocks; b++) {
            struct og_view v = back_view(exec, batch, i, b);
            op->gather_back(&v);
        }
        struct og_view whole = back_view(exec, batch, i, 0);
        op->merge_back(&whole);
    }
#pragma omp parallel for default(none) schedule(static) num_threads(thread_count(exec))  \
    shared(exec, batch, i, blocks, op, width)
    for (size_t b = 0; b < blocks; b++) {
        struct og_view v = back_view(exec, batch, i, b);
        take_dparam(exec, &v, width);
        clear_fresh(&v);
        op->backward(&v);
    }
}

// The blocks' gradients of one parameter, added up in block order for every element.
static void reduce_param(og_exec *exec, const struct og_param *p, size_t first,
                         size_t width, size_t blocks)
{
    float *out = exec->gradient_block + p->offset;
    const float *in = exec->dparam + first;
    size_t count = p->count;
#pragma omp parallel for default(none) schedule(static) num_threads(thread_count(exec))  \
    shared(out, in, count, width, blocks)
    for (size_t c = 0; c < count; c += 1024) {
        size_t n = count - c < 1024 ? count - c : 1024;
        memcpy(out + c, in + c, n * sizeof *out);
        for (size_t b = 1; b < blocks; b++)
            for (size_t e = c; e < c + n; e++) out[e] += in[b * width + e];
    }
}

static void reduce_layer(og_exec *exec, size_t i, size_t blocks)
{
    const struct og_node *node = &exec->node[i];
    size_t width = node_params(node), first = 0;
    for (int p = 0; p < node->params; p++) {
        if (node->param[p].state) continue;
        reduce_param(exec, &node->param[p], first, width, blocks);
        first += node->param[p].count;
    }
}

// The gradients of matrices whose arrays have wires, from all blocks together. What
// cannot be computed is not a number, which ends the training.
static void through_wires(og_exec *exec, size_t i)
{
    const struct og_node *node = &exec->node[i];
    for (int k = 0; k < node->linears; k++) {
        const struct og_matrix *m = og_exec_linear(exec, node, k);
        const struct og_linear_decl *l = &node->linear[k];
        if (!m->array || !og_exec_hardware(exec, node)->wires.mode) continue;
        float *dw = exec->gradient_block + node->param[l->param].offset + l->first;
        float *own = l->stride == l->rows ? dw : exec->gather;
        for (size_t j = 0; own != dw && j < l->cols; j++)
            memcpy(own + j * l->rows, dw + j * l->stride, l->rows * sizeof *dw);
        const bool good = og_array_through_wires(m->array, own) == OG_OK;
        for (size_t e = 0; !good && e < l->cols * l->rows; e++) own[e] = NAN;
        for (size_t j = 0; own != dw && j < l->cols; j++)
            memcpy(dw + j * l->stride, own + j * l->rows, l->rows * sizeof *dw);
    }
}

static bool is_used(const og_exec *exec, size_t i)
{
    for (size_t j = i + 1; j < exec->model->nodes; j++)
        for (int k = 0; k < exec->node[j].inputs; k++)
            if (exec->node[j].input[k] == (int)i) return true;
    return false;
}

// Of nodes that nothing reads, to which no other node brings a gradient.
static void clear_gradients(const og_exec *exec, size_t n)
{
    for (size_t i = 0; i + 1 < exec->model->nodes; i++) {
        size_t width = og_shape_count(&exec->node[i].shape);
        if (exec->wants_grad[i] && !is_used(exec, i))
            memset(exec->grad[i], 0, n * width * sizeof(float));
    }
}

static void clear_input_gradient(const og_exec *exec, size_t n)
{
    const size_t width = og_shape_count(&exec->model->input);
    memset(exec->input_grad, 0, n * width * sizeof(float));
}

// From the gradient of the last node's output to those of all parameters.
static const float *back_layers(og_exec *exec, const struct og_batch *batch)
{
    const size_t blocks = block_count(batch);
    for (size_t i = exec->model->nodes; i-- > 0;) {
        if (!exec->wants_grad[i]) continue;
        back_layer(exec, batch, i);
        reduce_layer(exec, i, blocks);
        through_wires(exec, i);
    }
    return exec->gradient_block;
}

const float *og_exec_backward(og_exec *exec, const struct og_batch *batch)
{
    assert(exec->training && !exec->inputs && (batch->label || batch->target));
    assert(batch->n > 0 && batch->n <= exec->batch);
    const size_t nodes = exec->model->nodes;
    clear_gradients(exec, batch->n);
    if (batch->target)
        og_loss_gradient_text(exec->act[nodes - 1], batch, exec->model->input.dim[0],
                              exec->model->classes, exec->grad[nodes - 1]);
    else
        og_loss_gradient(exec->act[nodes - 1], batch, exec->model->classes,
                         exec->grad[nodes - 1]);
    if (exec->through) clear_input_gradient(exec, batch->n);
    return back_layers(exec, batch);
}

const float *og_exec_backward_from(og_exec *exec, const struct og_batch *batch,
                                   const float *dout, float *dx)
{
    assert(exec->training && !exec->inputs && (exec->through || !dx));
    assert(batch->n > 0 && batch->n <= exec->batch);
    const size_t last = exec->model->nodes - 1;
    const size_t width = og_shape_count(&exec->node[last].shape);
    const size_t inputs = batch->n * og_shape_count(&exec->model->input);
    clear_gradients(exec, batch->n);
    if (exec->through) clear_input_gradient(exec, batch->n);
    memcpy(exec->grad[last], dout, batch->n * width * sizeof *dout);
    const float *gradient = back_layers(exec, batch);
    if (dx) memcpy(dx, exec->input_grad, inputs * sizeof *dx);
    return gradient;
}

const float *og_exec_backward_inputs(og_exec *exec, const struct og_batch *batch,
                                     const float *dlogits)
{
    assert(exec->inputs && batch->n > 0 && batch->n <= exec->batch);
    const size_t nodes = exec->model->nodes;
    const size_t logits = og_shape_count(&exec->node[nodes - 1].shape);
    clear_gradients(exec, batch->n);
    clear_input_gradient(exec, batch->n);
    memcpy(exec->grad[nodes - 1], dlogits, batch->n * logits * sizeof *dlogits);
    for (size_t i = nodes; i-- > 0;)
        if (exec->wants_grad[i]) back_layer(exec, batch, i);
    return exec->input_grad;
}

// --- state ---------------------------------------------------------------------------

void og_exec_update(const og_exec *exec, float *state, size_t n, double share)
{
    const struct og_batch last = {.n = n};
    for (size_t i = 0; i < exec->model->nodes; i++) {
        const struct og_node *node = &exec->node[i];
        if (!node->op->update) continue;
        struct og_view v = {.exec = exec,
                            .node = node,
                            .hw = og_exec_hardware(exec, node),
                            .training = true,
                            .blocks = block_count(&last),
                            .total = last.n,
                            .share = share,
                            .merged = exec->merged[i]};
        for (int p = 0; p < node->params; p++)
            if (node->param[p].state) v.state[p] = state + node->param[p].offset;
        node->op->update(&v);
    }
}

void og_exec_update_state(og_exec *exec)
{
    assert(exec->training && exec->last_n > 0);
    const struct og_batch last = {.n = exec->last_n};
    og_exec_update(exec, exec->model->state, last.n, 0.0);
    og_power_update(exec, block_count(&last));
}
