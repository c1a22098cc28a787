// SPDX-License-Identifier: GPL-3.0-or-later
#include "experiment/compress.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "config/tree.h"

enum { CHECKPOINT_SECONDS = 10 };  // at least; more where writing would take over 1 %

// --- which, and which of them are done -------------------------------------------

// The number of a compression, which is new if its key is.
static og_status number_of(struct og_job *job, size_t point, size_t round, size_t *number,
                           struct og_error *err)
{
    struct og_compressions *c = &job->compressions;
    char key[33];
    og_experiment_round_key(job->e, point, round, key);
    for (*number = 0; *number < c->n; ++*number)
        if (strcmp(c->one[*number].key, key) == 0) return OG_OK;
    struct og_compression *grown = og_grow(c->one, c->n, c->n + 1, sizeof *grown);
    if (!grown) return og_fail(err, OG_NO_MEMORY, "no memory for %zu rounds", c->n + 1);
    c->one = grown;
    struct og_compression *one = &c->one[c->n];
    memcpy(one->key, key, sizeof key);
    snprintf(one->name, sizeof one->name, "c%zu", c->n++);
    one->point = point;
    one->round = round;
    return OG_OK;
}

og_status og_compressions_find(struct og_job *job, struct og_error *err)
{
    struct og_compressions *c = &job->compressions;
    c->of = og_alloc(job->points, sizeof *c->of);
    if (!c->of)
        return og_fail(err, OG_NO_MEMORY, "no memory for %zu points", job->points);
    for (size_t p = 0; p < job->points; p++) {
        const size_t rounds = og_experiment_rounds(job->e, p);
        for (size_t round = 1; round <= rounds; round++) {
            OG_TRY(number_of(job, p, round, &c->of[p], err));
            c->of[p]++;
        }
    }
    return OG_OK;
}

void og_compressions_load(struct og_job *job)
{
    for (size_t i = 0; i < job->compressions.n; i++) {
        struct og_compression *c = &job->compressions.one[i];
        c->done = og_job_has(job, OG_ENTRY_MODEL, c->key);
        if (c->done || og_job_has(job, OG_ENTRY_CHECKPOINT, c->key)) job->stored = true;
    }
}

bool og_compression_number(const struct og_job *job, size_t point, size_t round,
                           size_t *number)
{
    const struct og_compressions *c = &job->compressions;
    char key[33];
    og_experiment_round_key(job->e, point, round, key);
    for (*number = 0; *number < c->n; ++*number)
        if (strcmp(c->one[*number].key, key) == 0) return true;
    return false;
}

void og_compressions_look_up(struct og_job *job, size_t point)
{
    const size_t rounds = og_experiment_rounds(job->e, point);
    for (size_t round = 1; round <= rounds; round++) {
        size_t number;
        if (!og_compression_number(job, point, round, &number)) continue;
        struct og_compression *c = &job->compressions.one[number];
        if (!c->done) c->done = og_job_has(job, OG_ENTRY_MODEL, c->key);
    }
}

void og_compressions_clear(struct og_compressions *c)
{
    og_free(c->one);
    og_free(c->of);
}

// --- one round -------------------------------------------------------------------

struct round {
    struct og_job *job;
    struct og_compression *of;
    struct og_train_config base;
    og_compress *c;
    void *bytes;
    size_t size;
    double samples;      // of a step
    double saved, cost;  // [s] when a checkpoint was last written; how long it took
};

// Of the present point: what its rounds leave open.
static struct og_train_config base_of(const struct og_job *job)
{
    struct og_train_config base = job->config.train;
    base.hardware = job->config.compress.hardware;
    return base;
}

static const og_item *item_of(const struct og_job *job, size_t round)
{
    return job->config.compress.rounds->child[round - 1];
}

// Epochs of training and of the first `rounds` rounds.
static og_status epochs_before(const struct round *r, size_t rounds, size_t *epochs,
                               struct og_error *err)
{
    *epochs = (size_t)r->base.epochs;
    for (size_t i = 1; i <= rounds; i++) {
        size_t n;
        OG_TRY(og_compress_epochs(item_of(r->job, i), &r->base, &n, err));
        *epochs += n;
    }
    return OG_OK;
}

static og_status check_one(struct og_job *job, const struct og_compression *c,
                           struct og_error *err)
{
    double samples;
    OG_TRY(og_job_go(job, c->point, err));
    const struct og_dataset *set = job->set[OG_TRAIN];
    const struct og_train_config base = base_of(job);
    const og_item *item = item_of(job, c->round);
    og_model *model;
    OG_TRY(og_model_build(&model, job->config.layers, &set->shape, set->classes, err));
    const og_status status = og_compress_work(model, item, &base, set->n, &samples, err);
    if (status == OG_OK) job->meter.work[OG_WORK_TRAIN].left += samples;
    og_model_free(model);
    return status;
}

// Whether a point with records to be computed here goes through this round.
static bool is_needed(const struct og_job *job, const struct og_compression *c)
{
    for (size_t p = 0; p < job->points; p++) {
        char key[33];
        if (og_experiment_rounds(job->e, p) < c->round) continue;
        og_experiment_round_key(job->e, p, c->round, key);
        if (strcmp(key, c->key) == 0 && og_job_missing(job, p) > 0) return true;
    }
    return false;
}

og_status og_compressions_check(struct og_job *job, struct og_error *err)
{
    for (size_t i = 0; i < job->compressions.n; i++) {
        const struct og_compression *c = &job->compressions.one[i];
        if (!c->done && is_needed(job, c)) OG_TRY(check_one(job, c, err));
    }
    return OG_OK;
}

static og_status save(struct round *r, struct og_error *err)
{
    const double start = og_meter_now();
    const size_t size = og_compress_bytes(r->c);
    if (size > r->size) {
        og_free(r->bytes);
        r->bytes = og_alloc(size, 1);
        r->size = r->bytes ? size : 0;
        if (!r->bytes)
            return og_fail(err, OG_NO_MEMORY, "no memory for a checkpoint of %zu bytes",
                           size);
    }
    og_compress_save(r->c, r->bytes);
    OG_TRY(og_job_put(r->job, OG_ENTRY_CHECKPOINT, r->of->key, r->bytes, size, err));
    r->job->stored = true;
    r->saved = og_meter_now();
    r->cost = r->saved - start;
    og_meter_skip(&r->job->meter);
    return OG_OK;
}

static og_status restore(struct round *r, struct og_error *err)
{
    struct og_entry entry;
    if (!og_job_get(r->job, OG_ENTRY_CHECKPOINT, r->of->key, &entry))
        return entry.size > 0 ? og_entry_missing(&entry, "checkpoint", r->of->name, err)
                              : OG_OK;
    const og_status status = og_compress_restore(r->c, entry.data, entry.size, err);
    og_journal_release(&entry);
    r->job->meter.work[OG_WORK_TRAIN].left -= r->samples * (double)og_compress_at(r->c);
    return status;
}

static void report_step(struct round *r)
{
    static const char *const names[] = {"admm", "mapping", "retrain"};
    const struct og_compress_place p = og_compress_place(r->c);
    char detail[96];
    if (p.phase == OG_COMPRESS_MAP)
        snprintf(detail, sizeof detail, "mapping");
    else if (p.phase == OG_COMPRESS_LIMITS)
        snprintf(detail, sizeof detail, "limits %zu/%zu accuracy %.1f %%", p.epoch,
                 p.epochs, 100.0 * p.now.accuracy);
    else
        snprintf(detail, sizeof detail, "%s epoch %zu/%zu loss %.3g accuracy %.1f %%",
                 names[p.phase], p.epoch, p.epochs, p.now.loss, 100.0 * p.now.accuracy);
    og_meter_add(&r->job->meter, OG_WORK_TRAIN, r->samples, r->job->stage, detail);
}

static og_status one_step(struct round *r, struct og_error *err)
{
    struct og_error own = {0};
    const og_status status = og_compress_step(r->c, &own);
    if (status != OG_OK)
        return og_fail(err, status, "%s (%s): %s", r->job->stage, r->of->name, own.text);
    report_step(r);
    const double now = og_meter_now();
    if (now - r->saved < fmax(CHECKPOINT_SECONDS, 100.0 * r->cost)) return OG_OK;
    return save(r, err);
}

static og_status all_steps(struct round *r, struct og_error *err)
{
    OG_TRY(restore(r, err));
    r->saved = og_meter_now();
    og_meter_skip(&r->job->meter);
    while (og_compress_at(r->c) < og_compress_steps(r->c)) {
        if (og_job_stop(r->job, NULL) != OG_OK) {
            OG_TRY(save(r, err));
            return og_job_stop(r->job, err);
        }
        OG_TRY(one_step(r, err));
    }
    // The model last: where it is, so is the report.
    OG_TRY(og_put_report(r->job, r->of->key, r->c, err));
    return og_put_model(r->job, r->of->key, r->job->model, NULL, 0, err);
}

static og_status open_round(struct round *r, struct og_error *err)
{
    const size_t round = r->of->round;
    const size_t n = r->job->set[OG_TRAIN]->n;
    size_t before;
    double samples;
    OG_TRY(epochs_before(r, round - 1, &before, err));
    OG_TRY(og_compress_work(r->job->model, item_of(r->job, round), &r->base, n, &samples,
                            err));
    const struct og_compress_options options = {
        .round = item_of(r->job, round),
        .base = &r->base,
        .train = r->job->set[OG_TRAIN],
        .first_epoch = before,
    };
    OG_TRY(og_compress_alloc(&r->c, r->job->model, &options, err));
    r->samples = samples / (double)og_compress_steps(r->c);
    return OG_OK;
}

static og_status compress(struct og_job *job, struct og_compression *of,
                          struct og_error *err)
{
    struct round r = {.job = job, .of = of, .base = base_of(job)};
    snprintf(job->stage, sizeof job->stage, "compress round %zu/%zu", of->round,
             job->config.compress.used);
    og_status status = open_round(&r, err);
    if (status == OG_OK) status = all_steps(&r, err);
    og_compress_free(r.c);
    og_free(r.bytes);
    OG_TRY(status);
    og_job_drop(job, OG_ENTRY_CHECKPOINT, of->key);
    job->stored = of->done = true;
    return og_job_write_now_and_then(job, err);
}

// --- the stage -------------------------------------------------------------------

// The last round of the present point, up to `rounds`, that is done; 0: none is.
static og_status last_done(struct og_job *job, size_t rounds, size_t *done,
                           size_t *number, struct og_error *err)
{
    for (*done = rounds; *done > 0; --*done) {
        OG_TRY(number_of(job, job->point, *done, number, err));
        if (job->compressions.one[*number].done) return OG_OK;
    }
    return OG_OK;
}

og_status og_job_compress(struct og_job *job, struct og_error *err)
{
    struct og_compressions *c = &job->compressions;
    const size_t rounds = job->config.compress.used, wanted = c->of[job->point];
    size_t done, number;
    if (c->held == wanted) return OG_OK;
    c->held = 0;
    OG_TRY(last_done(job, rounds, &done, &number, err));
    if (done > 0) OG_TRY(og_job_load(job, c->one[number].key, c->one[number].name, err));
    for (size_t round = done + 1; round <= rounds; round++) {
        OG_TRY(number_of(job, job->point, round, &number, err));
        OG_TRY(compress(job, &c->one[number], err));
    }
    c->held = wanted;
    return OG_OK;
}
