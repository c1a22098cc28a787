// SPDX-License-Identifier: GPL-3.0-or-later
#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "learn/text.h"
#include "nn/exec.h"

// Of the samples of one pass.
struct page {
    size_t n;  // room
    float *x;
    uint32_t *sample, *target;
    double *loss;
    uint8_t *hit;
};

static void page_clear(struct page *p)
{
    og_free(p->x);
    og_free(p->sample);
    og_free(p->target);
    og_free(p->loss);
    og_free(p->hit);
}

static og_status page_init(struct page *p, size_t n, size_t steps, struct og_error *err)
{
    *p = (struct page){
        .n = n,
        .x = og_alloc(n * steps, sizeof *p->x),
        .sample = og_alloc(n, sizeof *p->sample),
        .target = og_alloc(n * steps, sizeof *p->target),
        .loss = og_alloc(n * steps, sizeof *p->loss),
        .hit = og_alloc(n * steps, 1),
    };
    if (p->x && p->sample && p->target && p->loss && p->hit) return OG_OK;
    page_clear(p);
    return og_fail(err, OG_NO_MEMORY, "no memory for a batch of %zu samples", n);
}

static struct og_batch fetch(const struct og_evaluate_options *o, struct page *p,
                             size_t first)
{
    const size_t left = o->set->streams - first % o->set->streams;
    const size_t n = left < p->n ? left : p->n;
    for (size_t i = 0; i < n; i++) p->sample[i] = (uint32_t)(first + i);
    og_dataset_fetch(o->set, p->sample, n, NULL, p->x);
    og_dataset_targets(o->set, p->sample, n, p->target);
    return (struct og_batch){
        .x = p->x,
        .target = p->target,
        .sample = p->sample,
        .n = n,
        .streams = o->set->streams,
        .seed = o->chip->seed,
        .trial = o->chip->trial,
        .pass = o->pass,
    };
}

// Adds up in the order of samples and steps, whatever the batches. *answer: targets so
// far.
static void count(const struct og_evaluate_options *o, const struct page *p, size_t rows,
                  struct og_evaluation *sum, size_t *answer)
{
    for (size_t r = 0; r < rows; r++) {
        if (p->target[r] == OG_NO_TARGET) continue;
        sum->loss += p->loss[r];
        sum->accuracy += p->hit[r];
        if (o->hit) o->hit[*answer] = p->hit[r];
        ++*answer;
    }
}

static og_status evaluate(og_exec *exec, const struct og_evaluate_options *o,
                          struct page *p, struct og_evaluation *sum, struct og_error *err)
{
    size_t answer = 0, n;
    for (size_t first = 0; first < o->set->n; first += n) {
        if (first > 0 && o->stop && *o->stop != 0)
            return og_fail(err, OG_INTERRUPTED, "the evaluation was interrupted");
        const struct og_batch batch = fetch(o, p, first);
        n = batch.n;
        og_exec_forward(exec, &batch);
        og_exec_losses(exec, &batch, p->loss, p->hit);
        count(o, p, n * o->set->shape.dim[0], sum, &answer);
        if (o->tick) o->tick(o->user, n);
    }
    assert(answer == og_dataset_answers(o->set));
    return OG_OK;
}

og_status og_evaluate_text(og_exec *exec, const struct og_evaluate_options *o,
                           struct og_evaluation *result, struct og_error *err)
{
    const size_t streams = o->set->streams, answers = og_dataset_answers(o->set);
    struct page p;
    for (size_t b = 0; b < o->ballots; b++)
        if (o->ballot[b].votes > 1)
            return og_fail(
                err, OG_INPUT,
                "text is read in one pass: each of %u would have to go on from "
                "window to window with a state of its own",
                (unsigned)o->ballot[b].votes);
    OG_TRY(page_init(&p, o->batch < streams ? o->batch : streams, o->set->shape.dim[0],
                     err));
    struct og_evaluation sum = {0};
    const og_status status = evaluate(exec, o, &p, &sum, err);
    page_clear(&p);
    sum.loss /= (double)answers;
    sum.accuracy /= (double)answers;
    for (size_t b = 0; b < o->ballots; b++) {
        result[b] = sum;
        if (o->hit && b > 0) memcpy(o->hit + b * answers, o->hit, answers);
    }
    return status;
}
