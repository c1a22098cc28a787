// SPDX-License-Identifier: GPL-3.0-or-later
// What an execution owns: matrices with their arrays and ranges, buffers, tapes.
#include <string.h>

#include "base/mem.h"
#include "nn/exec.h"
#include "nn/fault_map.h"
#include "nn/rnn_common.h"

size_t og_segment_first(const struct og_linear_decl *l, int segment)
{
    size_t first = 0;
    for (int s = 0; s < segment; s++) first += l->segment[s].rows;
    return first;
}

const float *og_exec_weights(og_exec *exec, const struct og_matrix *m)
{
    const struct og_linear_decl *l = &m->node->linear[m->k];
    const float *w = exec->model->params + m->node->param[l->param].offset + l->first;
    if (l->stride == l->rows) return w;
    for (size_t j = 0; j < l->cols; j++)
        memcpy(exec->gather + j * l->rows, w + j * l->stride, l->rows * sizeof *w);
    return exec->gather;
}

void og_matrix_pack(og_exec *exec, const struct og_matrix *m)
{
    const struct og_linear_decl *l = &m->node->linear[m->k];
    const float *w = og_exec_weights(exec, m);
    og_pack(m->w, w, 1, l->rows, l->rows, l->cols);
    if (m->plain) memcpy(m->plain, w, l->rows * l->cols * sizeof *w);
    if (m->wt) og_pack(m->wt, w, l->rows, 1, l->cols, l->rows);
}

void og_exec_biases(og_exec *exec)
{
    for (size_t i = 0; i < exec->matrices; i++) {
        const struct og_matrix *m = &exec->matrix[i];
        const struct og_linear_decl *l = &m->node->linear[m->k];
        if (!m->bias) continue;
        if (l->ramp.param == OG_NO_PARAM) continue;
        const size_t offset = m->node->param[l->ramp.param].offset + l->ramp.first;
        memcpy(m->bias, exec->model->params + offset, l->cols * sizeof *m->bias);
        for (size_t j = 0; j < l->ramp.more_cols; j++)
            m->bias[l->ramp.more_first + j] += l->ramp.more;
    }
}

void og_exec_pack(og_exec *exec)
{
    og_exec_biases(exec);
    for (size_t i = 0; i < exec->matrices; i++) og_matrix_pack(exec, &exec->matrix[i]);
}

// --- matrices ------------------------------------------------------------------------

static int dac_bits(const struct og_hardware *hw, const struct og_linear_decl *l, int s)
{
    if (l->segment[s].recurrent && hw->rnn.h_bits >= 0) return hw->rnn.h_bits;
    if (l->rnn && s == 0 && hw->rnn.x_bits >= 0) return hw->rnn.x_bits;
    return hw->dac.bits;
}

static float first_range(const struct og_hardware *hw, const struct og_linear_decl *l,
                         int s)
{
    if (l->segment[s].range > 0.0f) return l->segment[s].range;
    return hw->dac.mode == OG_RANGE_FIXED ? (float)hw->dac.range : 1.0f;
}

// A number for the matrix's random streams: 16 in a row for each node, the others far
// above.
static uint32_t layer_number(const og_exec *exec, const struct og_matrix *m)
{
    const uint32_t k = (uint32_t)m->k;
    return (k / 16) << 20 | (og_stream_node(exec, m->node) * 16 + k % 16);
}

static og_status make_array(og_exec *exec, struct og_matrix *m, struct og_error *err)
{
    const struct og_linear_decl *l = &m->node->linear[m->k];
    const struct og_hardware *hw = og_exec_hardware(exec, m->node);
    struct og_array_shape shape = {
        .rows = l->rows,
        .cols = l->cols,
        .layer = layer_number(exec, m),
        .segments = l->segments,
    };
    bool injects_in = og_injects(exec, m->node, OG_POINT_X | OG_POINT_H | OG_POINT_RH);
    if (injects_in && hw->input.encoding == OG_BIT_SERIAL)
        return og_fail(
            err, OG_INPUT,
            "hardware.injection.points x and h add noise to the voltage after the "
            "DAC, which input.encoding bit_serial does not have");
    m->dac_rounding = hw->dac.rounding;
    for (int s = 0; s < l->segments; s++) {
        m->dac_bits[s] = dac_bits(hw, l, s);
        m->calibrated[s] =
            !(l->segment[s].range > 0.0f) && hw->dac.mode != OG_RANGE_FIXED;
        m->injects[s] = og_injects_input(exec, l, s, m->node);
        m->digital_dac[s] =
            m->injects[s] || (m->dac_bits[s] > 0 && hw->dac.rounding == OG_MID_RISE);
        shape.segment[s] = (struct og_segment){
            .rows = l->segment[s].rows,
            .dac_bits = m->digital_dac[s] ? 0 : m->dac_bits[s],
            .range = first_range(hw, l, s),
            .bits_then = m->dac_bits[s],
        };
    }
    if (hw->adc.kind == OG_ADC_RAMP) {
        shape.ramps = l->ramp.parts;
        memcpy(shape.ramp, l->ramp.part, sizeof shape.ramp);
        // An lstm's tanh(c) goes through the ramps of its only tanh gate.
        for (int p = 0; m->node->op == &og_op_lstm && p < shape.ramps; p++)
            shape.ramp[p].again =
                hw->adc.ramp.cell_state && shape.ramp[p].function == OG_TANH;
    }
    struct og_error local = {0};
    og_status status = og_array_alloc(&m->array, hw, &shape, &local);
    if (status == OG_OK) status = og_fault_map_take(hw, l->name, m->array, &local);
    if (status == OG_OK && exec->training)
        status = og_array_keep_gradient(
            m->array, exec->reparam ? OG_KEEP_REPARAM : OG_KEEP_GRADIENT, &local);
    if (status != OG_OK)
        return og_fail(err, status, "layer '%s': %s", l->name, local.text);
    if (shape.ramps > 0) {
        m->bias = og_alloc(l->cols, sizeof *m->bias);
        return m->bias ? OG_OK : og_fail(err, OG_NO_MEMORY, "out of memory");
    }
    if (og_adc_is_calibrated(hw)) m->adc_ranges = og_array_ranges(m->array);
    return OG_OK;
}

static og_status make_matrix(og_exec *exec, struct og_matrix *m, struct og_error *err)
{
    const struct og_linear_decl *l = &m->node->linear[m->k];
    m->w = og_packed_alloc(l->rows, l->cols);
    if (!m->w) return og_fail(err, OG_NO_MEMORY, "out of memory");
    if (!og_exec_hardware(exec, m->node)->ideal) return make_array(exec, m, err);
    if (l->plain) {
        m->plain = og_alloc(l->rows * l->cols, sizeof *m->plain);
        return m->plain ? OG_OK : og_fail(err, OG_NO_MEMORY, "out of memory");
    }
    if (!exec->training) return OG_OK;
    m->wt = og_packed_alloc(l->cols, l->rows);
    return m->wt ? OG_OK : og_fail(err, OG_NO_MEMORY, "out of memory");
}

static og_status lay_out_calibration(og_exec *exec, struct og_error *err)
{
    if (exec->ideal) return OG_OK;
    if (og_exec_injects(exec))
        exec->slots = OG_SLOTS * (exec->matrices + exec->model->nodes);
    size_t n = exec->slots;
    for (size_t i = 0; i < exec->matrices; i++) {
        const struct og_matrix *m = &exec->matrix[i];
        n += (size_t)m->node->linear[m->k].segments + m->adc_ranges;
    }
    exec->calibration = og_alloc(n, sizeof(float));
    exec->power_sum = og_alloc(exec->blocks * exec->slots, sizeof *exec->power_sum);
    exec->power_total = og_alloc(exec->slots, sizeof *exec->power_total);
    exec->power_now = og_alloc(exec->slots, sizeof *exec->power_now);
    if (!exec->calibration || !exec->power_sum || !exec->power_total || !exec->power_now)
        return og_fail(err, OG_NO_MEMORY, "out of memory");
    exec->calibration_count = n;
    float *at = exec->calibration + exec->slots;
    for (size_t i = 0; i < exec->matrices; i++) {
        struct og_matrix *m = &exec->matrix[i];
        const struct og_linear_decl *l = &m->node->linear[m->k];
        m->range = at;
        for (int s = 0; s < l->segments; s++)
            *at++ = first_range(og_exec_hardware(exec, m->node), l, s);
        m->adc = at;
        if (m->adc_ranges) og_array_get_adc(m->array, m->adc);
        at += m->adc_ranges;
    }
    return OG_OK;
}

og_status og_exec_matrices_alloc(og_exec *exec, struct og_error *err)
{
    size_t nodes = exec->model->nodes, widest = 0;
    og_exec_ramp_dense(exec);
    exec->first_matrix = og_alloc(nodes, sizeof *exec->first_matrix);
    for (size_t i = 0; i < nodes; i++) exec->matrices += (size_t)exec->node[i].linears;
    exec->matrix = og_alloc(exec->matrices, sizeof *exec->matrix);
    if (!exec->first_matrix || !exec->matrix)
        return og_fail(err, OG_NO_MEMORY, "out of memory");
    uint32_t at = 0;
    for (size_t i = 0; i < nodes; i++) {
        exec->first_matrix[i] = at;
        for (int k = 0; k < exec->node[i].linears; k++, at++) {
            struct og_matrix *m = &exec->matrix[at];
            const struct og_linear_decl *l = &exec->node[i].linear[k];
            m->node = &exec->node[i];
            m->k = k;
            m->index = at;
            OG_TRY(make_matrix(exec, m, err));
            size_t size = l->stride == l->rows ? 0 : l->rows * l->cols;
            if (size > widest) widest = size;
        }
    }
    exec->gather = og_alloc(widest, sizeof(float));
    if (!exec->gather) return og_fail(err, OG_NO_MEMORY, "out of memory");
    OG_TRY(og_exec_check_ramps(exec, err));
    return lay_out_calibration(exec, err);
}

void og_exec_matrices_free(og_exec *exec)
{
    for (size_t i = 0; exec->matrix && i < exec->matrices; i++) {
        struct og_matrix *m = &exec->matrix[i];
        og_packed_free(m->w);
        og_packed_free(m->wt);
        og_free(m->plain);
        og_array_free(m->array);
        og_free(m->bias);
        for (int s = 0; s < OG_SEGMENTS; s++) {
            og_free(m->sample[s].value);
            og_free(m->sample[s].hash);
        }
    }
    og_free(exec->matrix);
    og_free(exec->first_matrix);
    og_free(exec->gather);
    og_free(exec->calibration);
    og_free(exec->power_sum);
    og_free(exec->power_total);
    og_free(exec->power_now);
}

// --- buffers -------------------------------------------------------------------------

static bool node_memory(og_exec *exec, size_t i)
{
    const struct og_node *node = &exec->node[i];
    size_t width = og_shape_count(&node->shape);
    exec->act[i] = og_alloc(exec->batch * width, sizeof(float));
    if (!exec->act[i]) return false;
    if (node->op->work_bytes) {
        size_t bytes = og_round64(node->op->work_bytes(exec, node, OG_BLOCK));
        if (bytes > exec->work_bytes) exec->work_bytes = bytes;
    }
    if (!exec->training) return true;
    exec->grad[i] = og_alloc(exec->batch * width, sizeof(float));
    if (!exec->grad[i]) return false;
    if (node->op->tape_bytes) {
        exec->tape_bytes[i] = og_round64(node->op->tape_bytes(exec, node, OG_BLOCK));
        exec->tape[i] = og_alloc(exec->blocks, exec->tape_bytes[i]);
        if (!exec->tape[i]) return false;
    }
    if (!node->op->partials) return true;
    size_t partials = node->op->partials(node);
    exec->partial[i] = og_alloc(exec->blocks * partials, sizeof(double));
    exec->merged[i] = og_alloc(partials, sizeof(double));
    return exec->partial[i] && exec->merged[i];
}

static size_t node_params(const struct og_node *node)
{
    size_t n = 0;
    for (int p = 0; p < node->params; p++)
        if (!node->param[p].state) n += node->param[p].count;
    return n;
}

static void mark_wanted(og_exec *exec)
{
    for (size_t i = 0; i < exec->model->nodes; i++) {
        const struct og_node *node = &exec->node[i];
        bool wanted = node_params(node) > 0;
        for (int k = 0; k < node->inputs; k++)
            wanted = wanted || (node->input[k] < 0 ? exec->through
                                                   : exec->wants_grad[node->input[k]]);
        exec->wants_grad[i] = wanted;
    }
}

static bool text_memory(og_exec *exec)
{
    const og_model *model = exec->model;
    for (size_t i = 0; i < model->nodes; i++) {
        const struct og_node *node = &exec->node[i];
        if (node->op->carried)
            exec->carried_count += exec->streams * node->op->carried(node);
    }
    exec->carried = og_alloc(2 * exec->carried_count, sizeof *exec->carried);
    if (og_shape_symbols(&model->input) > 0)
        exec->losses = og_alloc(exec->batch * model->input.dim[0], sizeof *exec->losses);
    return exec->carried && (exec->losses || og_shape_symbols(&model->input) == 0);
}

og_status og_exec_memory(og_exec *exec, struct og_error *err)
{
    size_t nodes = exec->model->nodes, most = 0;
    exec->wants_grad = og_alloc(nodes, sizeof *exec->wants_grad);
    exec->act = og_alloc(nodes, sizeof *exec->act);
    exec->grad = og_alloc(nodes, sizeof *exec->grad);
    exec->tape = og_alloc(nodes, sizeof *exec->tape);
    exec->tape_bytes = og_alloc(nodes, sizeof *exec->tape_bytes);
    exec->partial = og_alloc(nodes, sizeof *exec->partial);
    exec->merged = og_alloc(nodes, sizeof *exec->merged);
    bool ok = text_memory(exec) && exec->wants_grad && exec->act && exec->grad &&
              exec->tape && exec->tape_bytes && exec->partial && exec->merged;
    for (size_t i = 0; ok && i < nodes; i++) {
        ok = node_memory(exec, i);
        size_t n = node_params(&exec->node[i]);
        if (n > most) most = n;
    }
    if (ok) {
        mark_wanted(exec);
        size_t places = exec->together ? exec->blocks : (size_t)exec->threads;
        exec->work = og_alloc_unset(places, exec->work_bytes);
        ok = exec->work != NULL;
    }
    if (ok && exec->training) {
        exec->dparam = og_alloc_unset(exec->blocks * most, sizeof(float));
        exec->gradient_block = og_alloc(exec->model->param_count, sizeof(float));
        ok = exec->dparam && exec->gradient_block;
    }
    if (ok && exec->through) {
        exec->input_grad =
            og_alloc(exec->batch * og_shape_count(&exec->model->input), sizeof(float));
        ok = exec->input_grad != NULL;
    }
    return ok ? OG_OK : og_fail(err, OG_NO_MEMORY, "out of memory");
}
