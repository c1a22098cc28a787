// SPDX-License-Identifier: GPL-3.0-or-later
// Making, programming and looking at an execution; the passes are in exec_pass.c and
// calibrate.c.
#include <assert.h>

#include "base/mem.h"
#include "nn/exec.h"
#include "ohmgrid/cpu.h"

// What the operators see of each node, where layers differ.
static og_status own_hardware(og_exec *exec, struct og_error *err)
{
    if (exec->ideal || !og_hardware_differs(&exec->hw)) return OG_OK;
    exec->layer_hw = og_alloc(exec->model->nodes, sizeof *exec->layer_hw);
    if (!exec->layer_hw) return og_fail(err, OG_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < exec->model->nodes; i++) {
        struct og_hardware *own = &exec->layer_hw[i];
        OG_TRY(og_hardware_layer(&exec->hw, exec->model->node[i].name, own, err));
        if (!own->ideal) continue;
        // The states of an ideal layer have no bits; its matrices keep their names.
        const enum og_rnn_mapping mapping = own->rnn.mapping;
        *own = exec->float_hw;
        own->rnn.mapping = mapping;
    }
    return OG_OK;
}

// The part of the constructor that may fail; the caller frees what there is.
static og_status fill(og_exec *exec, struct og_error *err)
{
    const og_model *model = exec->model;
    OG_TRY(own_hardware(exec, err));
    exec->node = og_alloc(model->nodes, sizeof *exec->node);
    if (!exec->node) return og_fail(err, OG_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < model->nodes; i++) {
        struct og_node *node = &exec->node[i];
        *node = model->node[i];
        if (!og_node_own_linears(node))
            return og_fail(err, OG_NO_MEMORY, "out of memory");
        if (!node->op->linears) continue;
        node->op->linears(node, og_exec_hardware(exec, node));
        og_node_name_linears(node);
    }
    exec->together = exec->training && !exec->inputs &&
                     exec->hw.injection.power == OG_MEAN_BATCH && og_exec_injects(exec);
    OG_TRY(og_exec_matrices_alloc(exec, err));
    return og_exec_memory(exec, err);
}

og_status og_exec_alloc(og_exec **exec, og_model *model,
                        const struct og_exec_options *options, struct og_error *err)
{
    assert(options->batch > 0 && !(options->training && options->inputs));
    assert(options->training || !options->backward_inputs);
    *exec = NULL;
    og_exec *e = og_alloc(1, sizeof *e);
    if (!e) return og_fail(err, OG_NO_MEMORY, "out of memory");
    e->model = model;
    e->ideal = !options->hardware || options->hardware->ideal;
    e->float_hw = og_hardware_default();
    e->float_hw.ideal = true;
    e->hw = e->ideal ? e->float_hw : *options->hardware;
    e->training = options->training || options->inputs;
    e->inputs = options->inputs;
    e->through = options->inputs || options->backward_inputs;
    e->first_node = options->first_node;
    e->gradient = options->gradient;
    e->reparam = options->reparam;
    e->batch = options->batch;
    e->streams = options->streams;
    e->blocks = (options->batch + OG_BLOCK - 1) / OG_BLOCK;
    e->threads = og_threads();
    og_status status = fill(e, err);
    if (status != OG_OK) {
        og_exec_free(e);
        return status;
    }
    *exec = e;
    return OG_OK;
}

static void free_each(void **list, size_t n)
{
    for (size_t i = 0; list && i < n; i++) og_free(list[i]);
    og_free(list);
}

void og_exec_free(og_exec *exec)
{
    if (!exec) return;
    size_t nodes = exec->model->nodes;
    og_exec_matrices_free(exec);
    free_each((void **)exec->act, nodes);
    free_each((void **)exec->grad, nodes);
    free_each((void **)exec->tape, nodes);
    free_each((void **)exec->partial, nodes);
    free_each((void **)exec->merged, nodes);
    og_free(exec->tape_bytes);
    og_free(exec->layer_hw);
    og_free(exec->wants_grad);
    og_free(exec->work);
    og_free(exec->carried);
    og_free(exec->losses);
    og_free(exec->input_grad);
    og_free(exec->state);
    og_free(exec->dparam);
    og_free(exec->gradient_block);
    for (size_t i = 0; exec->node && i < nodes; i++) og_free(exec->node[i].linear);
    og_free(exec->node);
    og_free(exec);
}

og_status og_exec_program(og_exec *exec, const struct og_chip *chip)
{
    og_free(exec->state);
    exec->state = NULL;
    if (exec->ideal) {
        og_exec_pack(exec);
        return OG_OK;
    }
    og_exec_biases(exec);
    for (size_t i = 0; i < exec->matrices; i++) {
        struct og_matrix *m = &exec->matrix[i];
        if (m->bias) og_array_set_bias(m->array, m->bias);
        if (m->array)
            OG_TRY(og_array_program(m->array, og_exec_weights(exec, m), chip));
        else
            og_matrix_pack(exec, m);
    }
    return OG_OK;
}

og_status og_exec_put_on(og_exec *exec, const struct og_chip *chip, struct og_error *err)
{
    const og_status status = og_exec_program(exec, chip);
    if (status == OG_OK) return OG_OK;
    return og_fail(err, status, "programming a chip with hardware.wires: %s",
                   og_status_text(status));
}

float *og_exec_calibration(og_exec *exec, size_t *count)
{
    *count = exec->calibration_count;
    return exec->calibration;
}

float *og_exec_carried(og_exec *exec, size_t *count)
{
    *count = exec->carried_count;
    return exec->carried;
}

void og_exec_calibration_changed(og_exec *exec)
{
    for (size_t i = 0; !exec->ideal && i < exec->matrices; i++) {
        struct og_matrix *m = &exec->matrix[i];
        if (!m->array) continue;
        for (int s = 0; s < m->node->linear[m->k].segments; s++)
            og_array_set_range(m->array, s, m->range[s]);
        if (m->adc_ranges) og_array_set_adc(m->array, m->adc);
    }
}

size_t og_exec_matrices(const og_exec *exec) { return exec->matrices; }

const char *og_exec_matrix_name(const og_exec *exec, size_t i)
{
    assert(i < exec->matrices);
    const struct og_matrix *m = &exec->matrix[i];
    return m->node->linear[m->k].name;
}

const og_array *og_exec_matrix(const og_exec *exec, size_t i)
{
    assert(i < exec->matrices);
    return exec->matrix[i].array;
}
