// SPDX-License-Identifier: GPL-3.0-or-later
// Statistics of batch normalisation renewed on the chip: passes over training samples as
// the chip is now, with all its noise and converters, in batches of OG_NORM_BATCH, each
// normalised by its own mean and variance; the means of these over the batches replace
// those of training (after Joshi et al., Nature Communications 11, 2473, 2020, who let
// the running averages of training go on; an even mean is ohmgrid's choice).
#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "nn/exec.h"

// A pass that no vote reaches and no calibration read of an array has.
static const uint32_t norm_pass = UINT32_MAX - 2;

bool og_model_has_norms(const og_model *model)
{
    for (size_t i = 0; i < model->nodes; i++)
        if (model->node[i].op->update) return true;
    return false;
}

// What merge steps need, which only trainings have from the start.
static og_status make_room(og_exec *exec, struct og_error *err)
{
    const og_model *model = exec->model;
    if (!exec->state) exec->state = og_alloc(model->state_count, sizeof *exec->state);
    bool good = exec->state != NULL;
    for (size_t i = 0; good && i < model->nodes; i++) {
        const struct og_node *node = &exec->node[i];
        if (!node->op->update || exec->merged[i]) continue;
        const size_t n = node->op->partials(node);
        exec->partial[i] = og_alloc(exec->blocks * n, sizeof(double));
        exec->merged[i] = og_alloc(n, sizeof(double));
        good = exec->partial[i] && exec->merged[i];
    }
    return good ? OG_OK : og_fail(err, OG_NO_MEMORY, "no memory for statistics of norms");
}

og_status og_exec_renew_norms(og_exec *exec, const struct og_batch *batch,
                              struct og_error *err)
{
    const og_model *model = exec->model;
    const size_t width = og_shape_count(&model->input);
    assert(batch->n > 0 && !batch->streams && og_model_has_norms(model));
    assert(exec->batch >= (batch->n < OG_NORM_BATCH ? batch->n : OG_NORM_BATCH));
    OG_TRY(make_room(exec, err));
    memcpy(exec->state, model->state, model->state_count * sizeof *exec->state);
    exec->renewing = true;
    for (size_t at = 0, n; at < batch->n; at += n) {
        struct og_batch part = *batch;
        n = batch->n - at < OG_NORM_BATCH ? batch->n - at : OG_NORM_BATCH;
        part.n = n;
        part.x += at * width;
        part.sample += at;
        part.pass = norm_pass;
        og_exec_pass(exec, &part, OG_RUN);
        og_exec_update(exec, exec->state, n, (double)n / (double)(at + n));
    }
    exec->renewing = false;
    return OG_OK;
}
