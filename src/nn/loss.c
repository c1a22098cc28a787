// SPDX-License-Identifier: GPL-3.0-or-later
// Softmax cross-entropy of logits: loss = log sum_j exp(z_j - max) - (z_label - max), in
// double and summed sample by sample.
#include <assert.h>
#include <math.h>

#include "base/elementary.h"
#include "nn/exec.h"

// Largest logit (ties: the smaller class) and log of the sum of exp(z - largest).
static int log_sum(const float *z, int classes, double *log_of_sum)
{
    int best = 0;
    for (int j = 1; j < classes; j++)
        if (z[j] > z[best]) best = j;
    double sum = 0.0;
    for (int j = 0; j < classes; j++) sum += og_exp((double)z[j] - (double)z[best]);
    *log_of_sum = og_log(sum);
    return best;
}

static double loss_of_text(og_exec *exec, const struct og_batch *batch, uint8_t *hit)
{
    double total = 0.0;
    og_exec_losses(exec, batch, exec->losses, hit);
    for (size_t i = 0; i < batch->n * exec->model->input.dim[0]; i++)
        total += exec->losses[i];
    return total;
}

double og_exec_loss(og_exec *exec, const struct og_batch *batch, uint8_t *hit)
{
    if (batch->target) return loss_of_text(exec, batch, hit);
    assert(batch->label && batch->n == exec->last_n);
    int classes = exec->model->classes;
    const float *logits = exec->act[exec->model->nodes - 1];
    double total = 0.0;
    for (size_t r = 0; r < batch->n; r++) {
        const float *z = logits + r * (size_t)classes;
        assert(batch->label[r] < classes);
        double log_of_sum;
        int best = log_sum(z, classes, &log_of_sum);
        total += log_of_sum - ((double)z[batch->label[r]] - (double)z[best]);
        if (hit) hit[r] = best == batch->label[r];
    }
    return total;
}

void og_loss_gradient(const float *logits, const struct og_batch *batch, int classes,
                      float *out)
{
    double scale = 1.0 / (double)batch->n;
    for (size_t r = 0; r < batch->n; r++) {
        const float *z = logits + r * (size_t)classes;
        float *d = out + r * (size_t)classes;
        double log_of_sum;
        int best = log_sum(z, classes, &log_of_sum);
        for (int j = 0; j < classes; j++) {
            double p = og_exp((double)z[j] - (double)z[best] - log_of_sum);
            d[j] = (float)((p - (j == batch->label[r])) * scale);
        }
    }
}
