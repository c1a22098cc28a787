// SPDX-License-Identifier: GPL-3.0-or-later
// Products whose converters do what follows them: ramps (adc.kind ramp), on sums that
// hold their biases.
#include <assert.h>
#include <stdio.h>

#include "nn/exec.h"
#include "nn/ops.h"
#include "nn/rnn_common.h"
#include "ohmgrid/vmath.h"

bool og_linear_is_ramp(const struct og_view *v, int k)
{
    const struct og_matrix *m = og_exec_linear(v->exec, v->node, k);
    return m->bias && v->exec->mode == OG_RUN;
}

void og_linear_ramp(const struct og_view *v, int k, size_t first, size_t n, size_t rows,
                    const float *x, float *y)
{
    assert(og_linear_is_ramp(v, k));
    og_array_ramp(og_exec_linear(v->exec, v->node, k)->array, first, n, rows, x, y);
}

const uint8_t *og_linear_beyond(const struct og_view *v, int k, const void *tape,
                                size_t rows)
{
    const struct og_matrix *m = og_exec_linear(v->exec, v->node, k);
    return m->bias ? og_array_beyond(m->array, tape, rows) : NULL;
}

void og_linear_activate(const struct og_matrix *m, float *y, size_t rows)
{
    const struct og_linear_decl *l = &m->node->linear[m->k];
    for (size_t r = 0; r < rows; r++, y += l->cols) {
        for (size_t j = 0; j < l->cols; j++) y[j] += m->bias[j];
        float *part = y;
        for (int p = 0; p < l->ramp.parts; p++) {
            const struct og_ramp_part *of = &l->ramp.part[p];
            if (of->function == OG_CURVE)
                og_curve_apply(of->curve, part, part, of->cols);
            else if (of->function == OG_SIGMOID)
                og_vsigmoid(part, part, of->cols);
            else
                og_vtanh(part, part, of->cols);
            part += of->cols;
        }
    }
}

// --- dense layers --------------------------------------------------------------------

// The only node that reads node i, if it is but one; else NULL.
static const struct og_node *only_reader(const og_exec *exec, size_t i)
{
    const struct og_node *reader = NULL;
    for (size_t n = 0; n < exec->model->nodes; n++)
        for (int k = 0; k < exec->node[n].inputs; k++) {
            if (exec->node[n].input[k] != (int)i) continue;
            if (reader) return NULL;
            reader = &exec->node[n];
        }
    return reader;
}

static void add_ramp(struct og_node *dense, const struct og_node *reader)
{
    struct og_linear_decl *l = &dense->linear[0];
    struct og_ramp_part part = {.cols = l->cols};
    if (reader->op == &og_op_tanh)
        part.function = OG_TANH;
    else if (reader->op == &og_op_curve)
        part.function = OG_CURVE, part.curve = reader->attr;
    else if (reader->op != &og_op_sigmoid)
        return;
    l->ramp = (struct og_linear_ramp){
        .parts = 1, .part = {part}, .param = dense->params > 1 ? 1 : OG_NO_PARAM};
}

void og_exec_ramp_dense(og_exec *exec)
{
    for (size_t i = 0; !exec->ideal && i < exec->model->nodes; i++) {
        struct og_node *node = &exec->node[i];
        const struct og_hardware *hw = og_exec_hardware(exec, node);
        if (hw->adc.kind != OG_ADC_RAMP || !hw->adc.ramp.dense) continue;
        const struct og_node *reader = only_reader(exec, i);
        if (node->op == &og_op_dense && reader) add_ramp(node, reader);
    }
}

// Ramps that the hardware of a node, or of all, asks for; and those that there are.
struct wants {
    bool any, dense, cell_state;
};

static struct wants wants_of(const struct og_hardware *hw)
{
    const bool ramp = !hw->ideal && hw->adc.kind == OG_ADC_RAMP;
    return (struct wants){ramp, ramp && hw->adc.ramp.dense,
                          ramp && hw->adc.ramp.cell_state};
}

static struct wants ramps_of(const og_exec *exec, const struct og_node *node)
{
    struct wants has = {false, false, false};
    for (int k = 0; k < node->linears; k++)
        has.any |= og_exec_linear(exec, node, k)->bias != NULL;
    has.dense = has.any && node->op == &og_op_dense;
    has.cell_state = has.any && node->op == &og_op_lstm;
    return has;
}

// `who`: "" or "layer 'name': ".
static og_status check_wants(struct wants asked, struct wants has, const char *who,
                             struct og_error *err)
{
    if (asked.any && !has.any)
        return og_fail(
            err, OG_INPUT,
            "%shardware.adc.kind: ramp has no effect: no sigmoid or tanh comes "
            "right after the sums of one matrix (as in lstm, gru and rnn, and, "
            "with adc.ramp.dense, of dense before sigmoid, tanh or curve)",
            who);
    if (asked.dense && !has.dense)
        return og_fail(err, OG_INPUT,
                       "%shardware.adc.ramp.dense: no dense layer is read by a sigmoid, "
                       "tanh or curve alone",
                       who);
    if (asked.cell_state && !has.cell_state)
        return og_fail(err, OG_INPUT,
                       "%shardware.adc.ramp.cell_state: no lstm with ramps is there",
                       who);
    return OG_OK;
}

// What the hardware of the network asks for some layer has to have; what that of a layer
// asks for beyond it, this layer.
og_status og_exec_check_ramps(const og_exec *exec, struct og_error *err)
{
    const struct wants all = wants_of(&exec->hw);
    struct wants somewhere = {false, false, false};
    for (size_t i = 0; !exec->ideal && i < exec->model->nodes; i++) {
        const struct og_node *node = &exec->node[i];
        const struct wants has = ramps_of(exec, node);
        struct wants own = wants_of(og_exec_hardware(exec, node));
        char who[80];
        somewhere.any |= has.any;
        somewhere.dense |= has.dense;
        somewhere.cell_state |= has.cell_state;
        if (has.dense && og_injects(exec, node, OG_POINT_O))
            return og_fail(err, OG_INPUT,
                           "layer '%s': hardware.injection.points: O of a dense layer is "
                           "before the function that its ramps do: use A",
                           node->name);
        own.any &= !all.any;
        own.dense &= !all.dense;
        own.cell_state &= !all.cell_state;
        snprintf(who, sizeof who, "layer '%s': ", node->name);
        OG_TRY(check_wants(own, has, who, err));
    }
    // Of a layer on purpose without the others, these may be all that have ramps.
    const bool part = exec->ideal || og_variant_layer(&exec->hw) != NULL;
    return part ? OG_OK : check_wants(all, somewhere, "", err);
}

bool og_ramp_has_done(const struct og_view *v)
{
    const int from = v->node->input[0];
    if (from < 0 || !v->exec || v->exec->mode != OG_RUN) return false;
    const struct og_node *node = &v->exec->node[from];
    return node->op == &og_op_dense && og_exec_linear(v->exec, node, 0)->bias;
}
