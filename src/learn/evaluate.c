// SPDX-License-Identifier: GPL-3.0-or-later
#include <assert.h>

#include "base/mem.h"
#include "learn/text.h"
#include "learn/vote.h"
#include "nn/exec.h"

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

static struct og_batch window_fetch(struct window *w, size_t first, size_t n,
                                    const struct og_augment *augment)
{
    for (size_t i = 0; i < n; i++) w->sample[i] = (uint32_t)(first + i);
    og_dataset_fetch(w->set, w->sample, n, augment, w->x);
    return (struct og_batch){.x = w->x,
                             .label = w->set->label ? w->set->label + first : NULL,
                             .sample = w->sample,
                             .length = w->set->length,
                             .n = n,
                             .streams = w->set->streams};
}

// Ballot b, of the passes so far.
static void count(const struct og_evaluate_options *o, const struct og_batch *batch,
                  const struct og_tally *t, size_t b, struct og_evaluation *sum)
{
    const enum og_vote rule = o->ballot[b].rule;
    uint8_t *hits = o->hit ? o->hit + b * o->set->n + batch->sample[0] : NULL;
    for (size_t i = 0; i < batch->n; i++) {
        const bool hit = og_tally_hit(t, rule, i, batch->label[i]);
        sum->loss += og_tally_loss(t, rule, i, batch->label[i]);
        sum->accuracy += hit;
        if (hits) hits[i] = hit;
    }
}

static og_status stopped(const struct og_evaluate_options *o, struct og_error *err)
{
    if (!o->stop || *o->stop == 0) return OG_OK;
    return og_fail(err, OG_INTERRUPTED, "the evaluation was interrupted");
}

// All passes over one batch, and each ballot as soon as it has those it needs.
static og_status poll(og_exec *exec, const struct og_evaluate_options *o,
                      struct og_batch *batch, struct og_tally *t,
                      struct og_evaluation *sum, struct og_error *err)
{
    uint32_t most = 0;
    for (size_t b = 0; b < o->ballots; b++)
        if (o->ballot[b].votes > most) most = o->ballot[b].votes;
    og_tally_start(t);
    for (uint32_t k = 0; k < most; k++) {
        if (k > 0) OG_TRY(stopped(o, err));
        batch->pass = o->pass + k;
        og_tally_add(t, og_exec_forward(exec, batch), batch->label, batch->n);
        for (size_t b = 0; b < o->ballots; b++)
            if (o->ballot[b].votes == k + 1) count(o, batch, t, b, &sum[b]);
        if (o->tick) o->tick(o->user, batch->n);
    }
    return OG_OK;
}

static og_status evaluate(og_exec *exec, const struct og_evaluate_options *o,
                          struct window *w, struct og_evaluation *sum,
                          struct og_error *err)
{
    struct og_tally t;
    og_status status = og_tally_init(&t, o->batch, og_model_classes(exec->model),
                                     o->ballot, o->ballots, err);
    for (size_t first = 0; status == OG_OK && first < o->set->n; first += o->batch) {
        if (first > 0) status = stopped(o, err);
        if (status != OG_OK) break;
        const size_t left = o->set->n - first;
        struct og_batch batch =
            window_fetch(w, first, left < o->batch ? left : o->batch, NULL);
        batch.seed = o->chip->seed;
        batch.trial = o->chip->trial;
        if (o->attack) og_attack_run(o->attack, &batch, w->x);
        status = poll(exec, o, &batch, &t, sum, err);
    }
    og_tally_clear(&t);
    return status;
}

og_status og_evaluate(og_exec *exec, const struct og_evaluate_options *options,
                      struct og_evaluation *result, struct og_error *err)
{
    static const struct og_ballot one = {.rule = OG_VOTE_MAJORITY, .votes = 1};
    struct og_evaluate_options o = *options;
    assert(o.batch > 0);
    const size_t n = o.set->n;
    struct window w;
    if (n == 0) return og_fail(err, OG_INPUT, "the data set to evaluate on is empty");
    if (options->set->length) OG_TRY(og_model_check_ragged(exec->model, err));
    if (o.ballots == 0) {
        o.ballot = &one;
        o.ballots = 1;
    }
    for (size_t b = 0; b < o.ballots; b++) result[b] = (struct og_evaluation){0};
    assert(!o.attack || o.set->pixel);
    if (o.set->symbol) return og_evaluate_text(exec, &o, result, err);
    OG_TRY(window_init(&w, o.set, o.batch < n ? o.batch : n, err));
    const og_status status = evaluate(exec, &o, &w, result, err);
    window_clear(&w);
    for (size_t b = 0; b < o.ballots; b++) {
        result[b].loss /= (double)n;
        result[b].accuracy /= (double)n;
    }
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
    struct og_batch batch = window_fetch(&w, 0, n, NULL);
    batch.seed = seed;
    const og_status status = og_exec_calibrate(exec, &batch, err);
    window_clear(&w);
    return status;
}

og_status og_renew_norms(og_exec *exec, const struct og_dataset *set, size_t n,
                         const struct og_chip *chip, struct og_error *err)
{
    struct window w;
    if (n > set->n) n = set->n;
    if (n == 0)
        return og_fail(err, OG_INPUT, "new statistics need at least one training sample");
    OG_TRY(window_init(&w, set, n, err));
    // Of no epoch of training.
    const struct og_augment augment = {.seed = chip->seed, .epoch = UINT32_MAX};
    struct og_batch batch = window_fetch(&w, 0, n, &augment);
    batch.seed = chip->seed;
    batch.trial = chip->trial;
    const og_status status = og_exec_renew_norms(exec, &batch, err);
    window_clear(&w);
    return status;
}
