// SPDX-License-Identifier: GPL-3.0-or-later
// The model: nodes and all their tensors, parameters in one block and state in another.
#include "ohmgrid/model.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "nn/graph.h"
#include "ohmgrid/random.h"

static og_status place_tensors(og_model *model, struct og_error *err)
{
    for (size_t i = 0; i < model->nodes; i++) model->tensors += model->node[i].params;
    model->tensor = og_alloc(model->tensors, sizeof *model->tensor);
    if (!model->tensor) return og_fail(err, OG_NO_MEMORY, "out of memory");
    size_t t = 0;
    for (size_t i = 0; i < model->nodes; i++) {
        struct og_node *node = &model->node[i];
        for (int p = 0; p < node->params; p++) {
            struct og_param *param = &node->param[p];
            size_t *end = param->state ? &model->state_count : &model->param_count;
            param->count = 1;
            for (int d = 0; d < param->rank; d++) param->count *= param->dim[d];
            param->offset = *end;
            *end += param->count;
            model->tensor[t++] = (struct og_tensor_place){(uint32_t)i, (uint32_t)p};
        }
        og_node_name_linears(node);
    }
    model->params = og_alloc(model->param_count, sizeof(float));
    model->state = og_alloc(model->state_count, sizeof(float));
    if (model->params && model->state) return OG_OK;
    return og_fail(err, OG_NO_MEMORY, "out of memory");
}

og_status og_model_build(og_model **model, const og_item *layers,
                         const struct og_shape *input, int classes, struct og_error *err)
{
    *model = NULL;
    og_model *m = og_alloc(1, sizeof *m);
    if (!m) return og_fail(err, OG_NO_MEMORY, "out of memory");
    m->input = *input;
    m->classes = classes;
    og_status status = og_graph_read(m, layers, err);
    if (status == OG_OK) status = place_tensors(m, err);
    if (status != OG_OK) {
        og_model_free(m);
        return status;
    }
    og_model_init(m, 0);
    *model = m;
    return OG_OK;
}

void og_model_free(og_model *model)
{
    if (!model) return;
    for (size_t i = 0; model->node && i < model->allocated; i++) {
        og_free(model->node[i].attr);
        og_free(model->node[i].linear);
    }
    og_free(model->node);
    og_free(model->tensor);
    og_free(model->params);
    og_free(model->state);
    og_free(model);
}

static bool copy_nodes(og_model *to, const og_model *from)
{
    to->node = og_alloc(from->nodes, sizeof *to->node);
    if (!to->node) return false;
    to->allocated = to->nodes = from->nodes;
    memcpy(to->node, from->node, from->nodes * sizeof *to->node);
    for (size_t i = 0; i < to->nodes; i++) {
        to->node[i].attr = NULL;
        to->node[i].linear = NULL;
    }
    for (size_t i = 0; i < to->nodes; i++) {
        size_t size = to->node[i].op->attr_size;
        to->node[i].attr = og_alloc(1, size);
        to->node[i].linear = from->node[i].linear;
        if (!og_node_own_linears(&to->node[i]) || !to->node[i].attr) return false;
        memcpy(to->node[i].attr, from->node[i].attr, size);
    }
    return true;
}

og_status og_model_copy(og_model **copy, const og_model *model, struct og_error *err)
{
    *copy = NULL;
    og_model *m = og_alloc(1, sizeof *m);
    if (!m) return og_fail(err, OG_NO_MEMORY, "out of memory");
    m->input = model->input;
    m->classes = model->classes;
    m->param_count = model->param_count;
    m->state_count = model->state_count;
    m->tensors = model->tensors;
    m->tensor = og_alloc(m->tensors, sizeof *m->tensor);
    m->params = og_alloc(m->param_count, sizeof(float));
    m->state = og_alloc(m->state_count, sizeof(float));
    if (!copy_nodes(m, model) || !m->tensor || !m->params || !m->state) {
        og_model_free(m);
        return og_fail(err, OG_NO_MEMORY, "out of memory");
    }
    memcpy(m->tensor, model->tensor, m->tensors * sizeof *m->tensor);
    memcpy(m->params, model->params, m->param_count * sizeof(float));
    memcpy(m->state, model->state, m->state_count * sizeof(float));
    *copy = m;
    return OG_OK;
}

static void init_tensor(const struct og_node *node, int p, uint64_t seed, float *w)
{
    const struct og_param *param = &node->param[p];
    if (param->law == OG_INIT_CONSTANT) {
        for (size_t i = 0; i < param->count; i++) w[i] = param->value;
        return;
    }
    struct og_stream s = og_stream_named(seed, OG_INIT, 0, node->index, (uint32_t)p);
    og_uniform_fill(&s, (struct og_index){0, 0, 0}, 0, w, param->count);
    for (size_t i = 0; i < param->count; i++) w[i] = param->value * (2.0f * w[i] - 1.0f);
}

void og_model_init(og_model *model, uint64_t seed)
{
    for (size_t i = 0; i < model->nodes; i++) {
        const struct og_node *node = &model->node[i];
        for (int p = 0; p < node->params; p++) {
            float *block = node->param[p].state ? model->state : model->params;
            init_tensor(node, p, seed, block + node->param[p].offset);
        }
    }
}

float *og_model_params(og_model *model, size_t *count)
{
    *count = model->param_count;
    return model->params;
}

float *og_model_state(og_model *model, size_t *count)
{
    *count = model->state_count;
    return model->state;
}

size_t og_model_tensors(const og_model *model) { return model->tensors; }

struct og_tensor_info og_model_tensor(const og_model *model, size_t i)
{
    assert(i < model->tensors);
    const struct og_node *node = &model->node[model->tensor[i].node];
    const struct og_param *p = &node->param[model->tensor[i].param];
    struct og_tensor_info info = {
        .node = node->name,
        .name = p->name,
        .op = node->op->name,
        .rank = p->rank,
        .offset = p->offset,
        .count = p->count,
        .decay = p->decay,
        .state = p->state,
    };
    memcpy(info.dim, p->dim, sizeof info.dim);
    return info;
}

struct og_shape og_model_output(const og_model *model)
{
    return model->node[model->nodes - 1].shape;
}

int og_model_classes(const og_model *model) { return model->classes; }

// Steps of different number end at a recurrent layer that gives its last state.
static bool keeps_steps(const struct og_node *node, bool reads_steps)
{
    return reads_steps && node->shape.rank == 2;
}

og_status og_model_check_ragged(const og_model *model, struct og_error *err)
{
    bool *steps = og_alloc(model->nodes, sizeof *steps);
    og_status status = OG_OK;
    if (!steps) return og_fail(err, OG_NO_MEMORY, "out of memory");
    for (size_t i = 0; status == OG_OK && i < model->nodes; i++) {
        const struct og_node *node = &model->node[i];
        bool reads = false;
        for (int k = 0; k < node->inputs; k++)
            reads = reads || node->input[k] < 0 || steps[node->input[k]];
        if (reads && !node->op->elementwise && !node->op->recurrent)
            status = og_fail(err, OG_INPUT,
                             "layer '%s' (%s) reads sequences of different length as if "
                             "all had %zu steps; data.lengths equal makes them so, or a "
                             "recurrent layer before it reads them to their end",
                             node->name, node->op->name, model->input.dim[0]);
        steps[i] = keeps_steps(node, reads);
    }
    og_free(steps);
    return status;
}
