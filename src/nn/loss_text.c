// SPDX-License-Identifier: GPL-3.0-or-later
// The same loss for every step of a text, where classes are many: exponentials in vectors
// of floats, summed in lanes of doubles in one fixed order, rows spread over threads.
#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/elementary.h"
#include "nn/exec.h"
#include "ohmgrid/vmath.h"

enum { RUN = 256, LANES = 8 };

// Largest logit; ties: the smaller class.
static size_t largest(const float *z, size_t classes)
{
    size_t best = 0;
    for (size_t j = 1; j < classes; j++)
        if (z[j] > z[best]) best = j;
    return best;
}

static double sum_of(const float *e, size_t n, double lane[LANES])
{
    double sum = 0.0;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int k = 0; k < LANES; k++) lane[k] += e[i + k];
    for (; i < n; i++) sum += e[i];
    return sum;
}

// sum_j exp(z_j - top); the exponentials themselves into out[classes], if not NULL.
static double sum_exp(const float *z, size_t classes, float top, float *out)
{
    double lane[LANES] = {0}, sum = 0.0;
    float own[RUN];
    for (size_t j = 0; j < classes; j += RUN) {
        const size_t n = classes - j < RUN ? classes - j : RUN;
        float *e = out ? out + j : own;
        for (size_t i = 0; i < n; i++) e[i] = z[j + i] - top;
        og_vexp(e, e, n);
        sum += sum_of(e, n, lane);
    }
    for (int k = 0; k < LANES; k++) sum += lane[k];
    return sum;
}

void og_exec_losses(og_exec *exec, const struct og_batch *batch, double *loss,
                    uint8_t *hit)
{
    assert(batch->target && batch->n == exec->last_n);
    const size_t classes = (size_t)exec->model->classes;
    const size_t rows = batch->n * exec->model->input.dim[0];
    const float *logits = exec->act[exec->model->nodes - 1];
    const uint32_t *target = batch->target;
#pragma omp parallel for default(none) schedule(static)                                  \
    shared(classes, rows, logits, target, loss, hit)
    for (size_t r = 0; r < rows; r++) {
        const float *z = logits + r * classes;
        loss[r] = 0.0;
        if (hit) hit[r] = 0;
        if (target[r] == OG_NO_TARGET) continue;
        assert(target[r] < classes);
        const size_t best = largest(z, classes);
        const double sum = sum_exp(z, classes, z[best], NULL);
        loss[r] = og_log(sum) - ((double)z[target[r]] - (double)z[best]);
        if (hit) hit[r] = best == target[r];
    }
}

// d = (softmax(z) - target) * scale
static void row_gradient(const float *z, uint32_t target, size_t classes, double scale,
                         float *d)
{
    const float top = z[largest(z, classes)];
    const float factor = (float)(scale / sum_exp(z, classes, top, d));
    for (size_t j = 0; j < classes; j++) d[j] *= factor;
    d[target] -= (float)scale;
}

void og_loss_gradient_text(const float *logits, const struct og_batch *batch,
                           size_t steps, int classes, float *out)
{
    const size_t rows = batch->n * steps, width = (size_t)classes;
    const uint32_t *target = batch->target;
    size_t targets = 0;
    for (size_t r = 0; r < rows; r++) targets += target[r] != OG_NO_TARGET;
    const double scale = targets > 0 ? 1.0 / (double)targets : 0.0;
#pragma omp parallel for default(none) schedule(static)                                  \
    shared(rows, width, logits, target, scale, out)
    for (size_t r = 0; r < rows; r++) {
        float *d = out + r * width;
        if (target[r] == OG_NO_TARGET)
            memset(d, 0, width * sizeof *d);
        else
            row_gradient(logits + r * width, target[r], width, scale, d);
    }
}
