// SPDX-License-Identifier: GPL-3.0-or-later
// Products whose converters do what follows them: ramps (adc.kind ramp), on sums that hold
// their biases.
#include <assert.h>

#include "nn/exec.h"
#include "nn/ops.h"
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

bool og_ramp_has_done(const struct og_view *v)
{
    const int from = v->node->input[0];
    if (from < 0 || v->exec->mode != OG_RUN) return false;
    const struct og_node *node = &v->exec->node[from];
    return node->op == &og_op_dense && og_exec_linear(v->exec, node, 0)->bias;
}
