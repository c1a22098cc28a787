// SPDX-License-Identifier: GPL-3.0-or-later
// The order of things: journal, what it already holds, then point by point the training
// that it needs (unless done) and its missing records; the result file now and then and
// at the end. Chips and reads are named by (seed, trial) alone, so that all points see
// the same random numbers.
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config/tables.h"
#include "experiment/compress.h"
#include "experiment/layers.h"
#include "experiment/ranks.h"
#include "nn/fits.h"

const volatile int *og_job_signal(const struct og_job *job)
{
    return job->link ? &job->link->signal : job->o->signal;
}

og_status og_job_stop(const struct og_job *job, struct og_error *err)
{
    if (job->link) og_worker_listen(job);
    const volatile int *signal = og_job_signal(job);
    const int number = signal ? *signal : 0;
    if (number == 0) return OG_OK;
    return og_fail(err, number == SIGTERM ? OG_TERMINATED : OG_INTERRUPTED,
                   "stopped by signal %d; --resume goes on from here", number);
}

// Passes over the test set that the present point still needs: with an attack, without
// it as well.
static double passes(const struct og_job *job)
{
    double all = 0.0, most = 0.0;
    for (size_t t = 0; t < job->trials; t++) {
        const double n = (double)og_job_passes(job, job->point, t);
        all += n;
        most = fmax(most, n);
    }
    const double times = job->config.attack.how.kind != OG_ATTACK_NONE ? 2.0 : 1.0;
    return times * (job->config.hardware.ideal ? most : all);
}

// A hardware of the present point, what trains on it (NULL: evaluation), and its block.
struct stage {
    const struct og_hardware *hw;
    const struct og_train_config *how;
    const char *block;
};

// Whether a network fits hardware: with its arrays made as training or evaluation would
// make them, since some conflicts are those of one array.
static og_status check_fit(const struct og_job *job, og_model *model,
                           const struct stage *s, struct og_error *err)
{
    struct og_lack lack;
    OG_TRY(og_model_fits(model, s->hw, &lack, err));
    if (lack.key != NULL) {
        char key[96];
        snprintf(key, sizeof key, "%s.%s", s->block, lack.key);
        return og_experiment_fail(job->e, job->point, key, err, "%s", lack.text);
    }
    if (s->hw->ideal) return OG_OK;
    const struct og_exec_options options = {
        .hardware = s->hw,
        .batch = 1,
        .training = s->how != NULL,
        .gradient = s->how ? s->how->gradient : OG_CLIPPED,
        .reparam = s->how && s->how->reparam,
        .streams = 1,
    };
    og_exec *exec = NULL;
    const og_status status = og_exec_alloc(&exec, model, &options, err);
    og_exec_free(exec);
    return status;
}

// Whether the network has what the hardware of this point asks for.
static og_status check_hardware(const struct og_job *job, og_model *model,
                                struct og_error *err)
{
    const struct og_config *c = &job->config;
    const struct stage evaluation = {&c->hardware, NULL, "hardware"},
                       training = {&c->train.hardware, &c->train, "train.hardware"},
                       rounds = {&c->compress.hardware, &c->train, "compress.hardware"};
    OG_TRY(check_fit(job, model, &evaluation, err));
    if (c->evaluate.norm_samples > 0 && !og_model_has_norms(model))
        return og_experiment_fail(job->e, job->point, "evaluate.norm_samples", err,
                                  "the network has no batch_norm layer");
    if (c->train.epochs > 0) OG_TRY(check_fit(job, model, &training, err));
    return c->compress.used > 0 ? check_fit(job, model, &rounds, err) : OG_OK;
}

// Whether the data of the present point can be attacked, where something attacks them.
static og_status check_attacks(const struct og_job *job, struct og_error *err)
{
    const struct {
        int kind;
        enum og_split split;
        const char *key;
    } attack[] = {
        {job->config.attack.how.kind, OG_TEST, "attack.kind"},
        {job->config.train.adversarial.kind, OG_TRAIN, "train.adversarial.kind"},
    };
    for (int i = 0; i < 2; i++) {
        struct og_error local = {0};
        if (attack[i].kind == OG_ATTACK_NONE ||
            og_attack_check_data(job->set[attack[i].split], &local) == OG_OK)
            continue;
        return og_experiment_fail(job->e, job->point, attack[i].key, err, "%s",
                                  local.text);
    }
    return OG_OK;
}

// weights: whether they are read as well.
static og_status check_model(const struct og_job *job, bool weights, struct og_error *err)
{
    og_model *model = NULL;
    const struct og_dataset *set = job->set[OG_TRAIN];
    og_status status =
        og_model_build(&model, job->config.layers, &set->shape, set->classes, err);
    if (status == OG_OK) status = check_hardware(job, model, err);
    if (status == OG_OK && weights) status = og_job_load_weights(job, model, err);
    og_model_free(model);
    return status;
}

// Trainings that the present point is the first to need.
static size_t plan_trainings(struct og_job *job)
{
    const uint32_t of[] = {job->training_of[job->point], job->source_of[job->point]};
    size_t n = 0;
    for (int i = 0; i < 2; i++) {
        if (of[i] == OG_NO_SOURCE || job->training[of[i]].planned) continue;
        job->training[of[i]].planned = true;
        n += !job->training[of[i]].done;
    }
    return n;
}

// Data sets and networks of all points, before the first one costs hours; on the way the
// work ahead, in samples.
static og_status plan(struct og_job *job, struct og_error *err)
{
    for (size_t p = 0; p < job->points; p++) {
        if (og_job_missing(job, p) == 0) continue;
        OG_TRY(og_job_stop(job, err));
        OG_TRY(og_job_go(job, p, err));
        const size_t trainings = plan_trainings(job);
        OG_TRY(check_model(job, trainings > 0, err));
        OG_TRY(check_attacks(job, err));
        const double train = (double)trainings * (double)job->config.train.epochs *
                             (double)job->set[OG_TRAIN]->n;
        const double evaluate = passes(job) * (double)job->set[OG_TEST]->n;
        job->meter.work[OG_WORK_TRAIN].left += train;
        job->meter.work[OG_WORK_EVALUATE].left += evaluate;
        OG_TRY(og_newton_plan(job, train, evaluate, err));
    }
    return OG_OK;
}

static og_status compute_point(struct og_job *job, size_t point, struct og_error *err)
{
    OG_TRY(og_job_stop(job, err));
    OG_TRY(og_job_go(job, point, err));
    OG_TRY(og_job_train_source(job, err));
    OG_TRY(og_job_train(job, err));
    OG_TRY(og_job_compress(job, err));
    return og_job_evaluate(job, err);
}

static og_status settle(struct og_job *job, size_t point, struct og_error *err)
{
    const size_t limit = job->limit[point];
    OG_TRY(og_job_settle(job, point, err));
    if (job->set[OG_TEST])
        job->meter.work[OG_WORK_EVALUATE].left +=
            (double)(job->limit[point] - limit) * (double)job->set[OG_TEST]->n;
    return OG_OK;
}

static og_status compute(struct og_job *job, struct og_error *err)
{
    OG_TRY(plan(job, err));
    OG_TRY(og_compressions_check(job, err));
    OG_TRY(og_newton_announce(job, err));
    if (og_ranks() > 1) return og_schedule(job, err);
    for (size_t p = 0; p < job->points; p++) {
        // Its first trials may have been answered by the passes of another point.
        OG_TRY(settle(job, p, err));
        while (og_job_missing(job, p) > 0) {
            OG_TRY(compute_point(job, p, err));
            OG_TRY(settle(job, p, err));
        }
    }
    return OG_OK;
}

// What one shard has finished must not be replaced by another.
static og_status check_shard(const struct og_job *job, struct og_error *err)
{
    char own[32], *other;
    og_job_shard_text(job, own);
    OG_TRY(og_result_shard(job->o->out, &other, err));
    const bool same = strcmp(other ? other : "", own) == 0;
    if (!same)
        og_fail(err, OG_USAGE,
                "%s holds %s%s, this run is %s%s: 'ohmgrid merge' joins shards; --force "
                "replaces the file",
                job->o->out, other ? "shard " : "the whole experiment",
                other ? other : "", own[0] ? "shard " : "the whole experiment", own);
    free(other);
    return same ? OG_OK : OG_USAGE;
}

// A whole result without a journal needs nothing. An unfinished one without its journal
// (someone removed it) is computed anew: records alone could be read back, but not
// models.
static og_status finished_before(const struct og_job *job, bool *finished,
                                 struct og_error *err)
{
    *finished = false;
    if (job->o->mode != OG_JOURNAL_RESUME || job->stored) return OG_OK;
    FILE *out = fopen(job->o->out, "rb");
    if (!out) return OG_OK;
    fclose(out);
    OG_TRY(check_shard(job, err));
    return og_result_complete(job->o->out, finished, err);
}

// Saves what is finished before the run ends with `status`. Where that fails, it is the
// failure that the caller must hear of.
static og_status save_unfinished(struct og_job *job, og_status status,
                                 struct og_error *err)
{
    struct og_error own = {0};
    og_job_put_spent(job);
    og_status saved = og_journal_sync(job->journal, &own);
    if (saved == OG_OK && job->stored && status != OG_NO_MEMORY && status != OG_IO)
        saved = og_job_write(job, &own);
    if (saved == OG_OK) return status;
    if (err) *err = own;
    return saved;
}

// With the journal open. *whole: the result file needs no journal any more.
static og_status work(struct og_job *job, bool *whole, struct og_error *err)
{
    OG_TRY(og_job_load_all(job, err));
    og_job_load_spent(job);
    OG_TRY(finished_before(job, whole, err));
    if (*whole) return OG_OK;
    const og_status status = compute(job, err);
    if (status != OG_OK) return save_unfinished(job, status, err);
    job->whole = true;
    OG_TRY(og_job_write(job, err));
    *whole = true;
    return OG_OK;
}

enum { NOTE_SECONDS = 2 };

// A failure here is one of the disk, which the next entry reports.
static void keep_progress(void *user, const struct og_progress *p)
{
    struct og_job *job = user;
    if (p->seconds - job->noted < NOTE_SECONDS) return;
    struct og_progress_entry entry = {p->fraction, p->seconds, p->seconds_left, "", ""};
    snprintf(entry.stage, sizeof entry.stage, "%s", p->stage);
    snprintf(entry.detail, sizeof entry.detail, "%s", p->detail);
    job->noted = p->seconds;
    (void)og_journal_put(job->journal, OG_ENTRY_PROGRESS, "", &entry, sizeof entry, NULL);
    og_job_put_spent(job);
}

static og_status run(struct og_job *job, struct og_error *err)
{
    char *text = og_experiment_text(job->e);
    if (!text) return og_fail(err, OG_NO_MEMORY, "no memory for the text of a run");
    const og_status opened =
        og_journal_open(&job->journal, job->o->out, text, job->o->mode, err);
    free(text);
    OG_TRY(opened);
    bool whole = false;
    job->meter.keep = keep_progress;
    job->meter.keeper = job;
    const og_status status = work(job, &whole, err);
    // A run that failed before anything was finished leaves nothing behind.
    og_journal_close(job->journal, whole || (status != OG_OK && !job->stored));
    return status;
}

void og_ranks_quit(const struct og_error *err)
{
    if (og_rank() > 0)
        og_worker_fail(err->status, err);
    else
        og_schedule_end(false);
}

static og_status run_worker(struct og_job *job, og_status status, struct og_error *err)
{
    if (status == OG_OK) return og_worker_run(job, err);
    og_worker_fail(status, err);
    return status;
}

og_status og_run(const og_experiment *e, const struct og_run_options *o,
                 struct og_error *err)
{
    struct og_job *job;
    const int threads = og_threads();
    const enum og_isa isa = og_cpu_isa();
    const bool fixed = og_cpu_fixed();
    og_set_threads(o->threads);
    og_status status = og_job_alloc(&job, e, o, err);
    if (og_rank() > 0)
        status = run_worker(job, status, err);
    else if (status == OG_OK)
        status = run(job, err);
    if (og_rank() == 0)
        og_schedule_end(status == OG_INTERRUPTED || status == OG_TERMINATED);
    og_set_threads(threads);
    og_cpu_fix(fixed);
    og_cpu_use(isa);
    og_job_free(job);
    return status;
}
