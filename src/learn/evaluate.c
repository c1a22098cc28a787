// SPDX-License-Identifier: GPL-3.0-or-later
#include <assert.h>
#include <math.h>

#include "base/mem.h"
#include "nn/exec.h"
#include "ohmgrid/learn.h"

// A batch of consecutive samples.
struct window {
    const struct og_dataset *set;
    size_t size;  // floats of a sample
    float *x;
    uint32_t *sample;
};

static void window_clear(struct window *w)
{
    og_free(w->x);
    og_free(w->sample);
}

static og_status window_init(struct window *w, const struct og_dataset *set, size_t n,
                             struct og_error *err)
{
    *w = (struct window){.set = set, .size = 1};
    for (int i = 0; i < set->shape.rank; i++) w->size *= set->shape.dim[i];
    w->x = og_alloc(n * w->size, sizeof *w->x);
    w->sample = og_alloc(n, sizeof *w->sample);
    if (w->x && w->sample) return OG_OK;
    window_clear(w);
    return og_fail(err, OG_NO_MEMORY, "no memory for a batch of %zu samples", n);
}

static struct og_batch window_fetch(struct window *w, size_t first, size_t n)
{
    for (size_t i = 0; i < n; i++) w->sample[i] = (uint32_t)(first + i);
    og_dataset_fetch(w->set, w->sample, n, NULL, w->x);
    return (struct og_batch){.x = w->x,
                             .label = w->set->label + first,
                             .sample = w->sample,
                             .n = n,
                             .length = w->set->length};
}

// Softmax cross-entropy of one sample; whether its largest logit is the label (ties: the
// smaller class). Not og_exec_loss, whose sums over batches would carry the batch size
// into the last bits.
static double sample_loss(const float *z, int classes, int label, uint8_t *hit)
{
    int best = 0;
    double sum = 0.0;
    for (int j = 1; j < classes; j++)
        if (z[j] > z[best]) best = j;
    for (int j = 0; j < classes; j++) sum += exp((double)z[j] - (double)z[best]);
    *hit = best == label;
    return log(sum) - ((double)z[label] - (double)z[best]);
}

static og_status evaluate(og_exec *exec, const struct og_evaluate_options *o,
                          struct window *w, struct og_evaluation *sum,
                          struct og_error *err)
{
    const int classes = og_model_classes(exec->model);
    size_t hits = 0;
    for (size_t first = 0; first < o->set->n; first += o->batch) {
        if (first > 0 && o->stop && *o->stop != 0)
            return og_fail(err, OG_INTERRUPTED, "the evaluation was interrupted");
        const size_t left = o->set->n - first;
        struct og_batch batch = window_fetch(w, first, left < o->batch ? left : o->batch);
        batch.seed = o->chip->seed;
        batch.trial = o->chip->trial;
        batch.pass = o->pass;
        const float *logits = og_exec_forward(exec, &batch);
        for (size_t i = 0; i < batch.n; i++) {
            const float *z = logits + i * (size_t)classes;
            uint8_t hit;
            sum->loss += sample_loss(z, classes, batch.label[i], &hit);
            hits += hit;
            if (o->hit) o->hit[first + i] = hit;
        }
        if (o->tick) o->tick(o->user, batch.n);
    }
    sum->accuracy = (double)hits;
    return OG_OK;
}

og_status og_evaluate(og_exec *exec, const struct og_evaluate_options *options,
                      struct og_evaluation *result, struct og_error *err)
{
    assert(options->batch > 0);
    const size_t n = options->set->n;
    struct window w;
    struct og_evaluation sum = {0};
    if (n == 0) return og_fail(err, OG_INPUT, "the data set to evaluate on is empty");
    if (options->set->length) OG_TRY(og_model_check_ragged(exec->model, err));
    OG_TRY(window_init(&w, options->set, options->batch < n ? options->batch : n, err));
    const og_status status = evaluate(exec, options, &w, &sum, err);
    window_clear(&w);
    result->loss = sum.loss / (double)n;
    result->accuracy = sum.accuracy / (double)n;
    return status;
}

og_status og_calibrate(og_exec *exec, const struct og_dataset *set, size_t n,
                       uint64_t seed, struct og_error *err)
{
    struct window w;
    if (n > set->n) n = set->n;
    if (n == 0)
        return og_fail(err, OG_INPUT, "calibration needs at least one training sample");
    OG_TRY(window_init(&w, set, n, err));
    struct og_batch batch = window_fetch(&w, 0, n);
    batch.seed = seed;
    const og_status status = og_exec_calibrate(exec, &batch, err);
    window_clear(&w);
    return status;
}
