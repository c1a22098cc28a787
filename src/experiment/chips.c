// SPDX-License-Identifier: GPL-3.0-or-later
// Evaluation: the missing chips of a point, one record each.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "experiment/layers.h"
#include "experiment/ranks.h"
#include "nn/exec.h"

struct evaluation {
    og_exec *exec;
    og_probe *probe;    // of the layers, or NULL
    og_attack *attack;  // or NULL
    og_model *source;   // whose gradient it follows, where that is another network
    size_t batch, trial;
    struct og_job *job;
    // The points that the passes of this one answer, each by its ballot.
    size_t polls;
    size_t *point;                 // [polls]
    struct og_ballot *ballot;      // [polls]
    struct og_evaluation *result;  // [polls]
    struct og_evaluation *clean;   // [polls], before the attack
    uint8_t *hit;                  // [polls][answers]
    size_t answers;
    struct og_record *record;
    size_t record_size;
};

static void tick(void *user, size_t samples)
{
    const struct evaluation *v = user;
    const struct og_job *job = v->job;
    char detail[96];
    snprintf(detail, sizeof detail, "point %zu/%zu trial %zu/%zu", job->point + 1,
             job->points, v->trial + 1, job->trials);
    if (job->link) og_worker_listen(job);
    og_meter_add(&v->job->meter, OG_WORK_EVALUATE, (double)samples, "evaluate", detail);
}

static og_status put_record(struct evaluation *v, size_t poll, struct og_error *err)
{
    struct og_job *job = v->job;
    const size_t point = v->point[poll];
    const uint8_t *hit = v->hit + poll * v->answers;
    char key[40];
    v->record->samples = v->answers;
    v->record->accuracy = v->result[poll].accuracy;
    v->record->loss = v->result[poll].loss;
    v->record->clean = v->attack ? v->clean[poll].accuracy : NAN;
    memset(v->record->bits, 0, (v->answers + 7) / 8);
    for (size_t s = 0; s < v->answers; s++)
        v->record->bits[s / 8] |= (uint8_t)(hit[s] << s % 8);
    og_record_key(point, v->trial, key);
    OG_TRY(og_job_put(job, OG_ENTRY_RECORD, key, v->record, v->record_size, err));
    job->stored = true;
    return og_job_take(job, point, v->trial, v->record, err);
}

// What is known of a chip beside its record, for every point that it answers.
static og_status put_rest(struct evaluation *v, const struct og_chip *chip,
                          struct og_error *err)
{
    struct og_job *job = v->job;
    const bool store = v->trial == 0 && job->config.output.chip;
    OG_TRY(og_layers_measure(job, v->exec, v->probe, chip, v->point, v->polls, err));
    for (size_t p = 0; store && !job->config.hardware.ideal && p < v->polls; p++)
        OG_TRY(og_put_chip(job, v->point[p], v->exec, err));
    const bool faults = v->trial == 0 && job->config.output.faults;
    for (size_t p = 0; faults && !job->config.hardware.ideal && p < v->polls; p++)
        OG_TRY(og_put_faults(job, v->point[p], v->exec, err));
    const bool errors = v->trial == 0 && job->config.output.errors;
    for (size_t p = 0; errors && !job->config.hardware.ideal && p < v->polls; p++)
        OG_TRY(og_put_errors(job, v->point[p], v->exec, err));
    for (size_t p = 0; v->trial == 0 && v->probe && p < v->polls; p++)
        OG_TRY(og_put_writing(job, v->point[p], v->exec, err));
    return OG_OK;
}

// As the chip is now, if asked for.
static og_status renew_norms(const struct evaluation *v, og_exec *exec,
                             const struct og_chip *chip, struct og_error *err)
{
    const size_t n = (size_t)v->job->config.evaluate.norm_samples;
    if (n == 0) return OG_OK;
    return og_renew_norms(exec, v->job->set[OG_TRAIN], n, chip, err);
}

// On the very chip, or for another network on one of its own.
static og_status program_attack(struct evaluation *v, const struct og_chip *chip,
                                struct og_error *err)
{
    struct og_chip own = *chip;
    if (v->source) own.trial = OG_ATTACK_TRIAL;
    OG_TRY(og_exec_put_on(og_attack_exec(v->attack), &own, err));
    return v->source || v->job->config.attack.ideal
               ? OG_OK
               : renew_norms(v, og_attack_exec(v->attack), chip, err);
}

static og_status measure(struct evaluation *v, struct og_error *err)
{
    struct og_job *job = v->job;
    const struct og_chip chip = {.seed = job->config.seed, .trial = (uint32_t)v->trial};
    struct og_evaluate_options options = {
        .set = job->set[OG_TEST],
        .chip = &chip,
        .ballot = v->ballot,
        .ballots = v->polls,
        .batch = v->batch,
        .stop = og_job_signal(job),
        .hit = v->hit,
        .tick = tick,
        .user = v,
    };
    struct og_error own = {0};
    og_status status = og_exec_put_on(v->exec, &chip, &own);
    if (status == OG_OK) status = renew_norms(v, v->exec, &chip, &own);
    if (status == OG_OK && v->attack) {
        status = og_evaluate(v->exec, &options, v->clean, &own);
        if (status == OG_OK) status = program_attack(v, &chip, &own);
        options.attack = v->attack;
    }
    if (status == OG_OK) status = og_evaluate(v->exec, &options, v->result, &own);
    if (status == OG_INTERRUPTED) return og_job_stop(job, err);
    if (status != OG_OK) return og_fail(err, status, "%s", own.text);
    // Before its record, so that no record is ever without its layers, or its chip.
    return put_rest(v, &chip, err);
}

// The points of the group that lack this chip. Ideal hardware has no chips: one
// evaluation serves all trials, so it answers all points.
static void list_polls(struct evaluation *v)
{
    const struct og_job *job = v->job;
    v->polls = 0;
    for (size_t p = job->group[job->point]; p != SIZE_MAX; p = job->next[p]) {
        const bool lacks = og_job_wants(job, p, v->trial);
        if (!lacks && !job->config.hardware.ideal) continue;
        v->point[v->polls] = p;
        v->ballot[v->polls++] = job->ballot[p];
    }
}

static og_status measure_all(struct evaluation *v, struct og_error *err)
{
    struct og_job *job = v->job;
    bool measured = false;
    for (v->trial = 0; v->trial < job->trials; v->trial++) {
        if (!og_job_wants(job, job->point, v->trial)) continue;
        OG_TRY(og_job_stop(job, err));
        og_meter_skip(&job->meter);
        list_polls(v);
        if (!measured || !job->config.hardware.ideal) OG_TRY(measure(v, err));
        measured = true;
        for (size_t p = 0; p < v->polls; p++)
            if (og_job_wants(job, v->point[p], v->trial)) OG_TRY(put_record(v, p, err));
        OG_TRY(og_job_write_now_and_then(job, err));
    }
    return OG_OK;
}

// --- which passes answer which points ------------------------------------------------

struct member {
    char key[33];
    size_t point;
};

static int by_key(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    const int order = strcmp(x->key, y->key);
    if (order != 0) return order;
    return x->point < y->point ? -1 : x->point > y->point;
}

static og_status find_groups(struct og_job *job, struct og_error *err)
{
    struct member *m = og_alloc(job->points, sizeof *m);
    if (!m) return og_fail(err, OG_NO_MEMORY, "no memory for %zu points", job->points);
    for (size_t p = 0; p < job->points; p++) {
        og_experiment_passes_key(job->e, p, m[p].key);
        m[p].point = p;
    }
    qsort(m, job->points, sizeof *m, by_key);
    for (size_t i = 0; i < job->points; i++) {
        const bool first = i == 0 || strcmp(m[i - 1].key, m[i].key) != 0;
        job->group[m[i].point] = first ? m[i].point : job->group[m[i - 1].point];
        job->next[m[i].point] = SIZE_MAX;
        if (!first) job->next[m[i - 1].point] = m[i].point;
    }
    og_free(m);
    return OG_OK;
}

og_status og_job_find_polls(struct og_job *job, struct og_error *err)
{
    job->group = og_alloc(job->points, sizeof *job->group);
    job->next = og_alloc(job->points, sizeof *job->next);
    job->ballot = og_alloc(job->points, sizeof *job->ballot);
    if (!job->group || !job->next || !job->ballot)
        return og_fail(err, OG_NO_MEMORY, "no memory for %zu points", job->points);
    for (size_t p = 0; p < job->points; p++) {
        struct og_config config;
        OG_TRY(og_experiment_point(job->e, p, &config, err));
        job->ballot[p] = (struct og_ballot){.rule = config.evaluate.vote,
                                            .votes = (uint32_t)config.evaluate.votes};
    }
    return find_groups(job, err);
}

size_t og_job_passes(const struct og_job *job, size_t point, size_t trial)
{
    size_t passes = 0;
    for (size_t p = job->group[point]; p != SIZE_MAX; p = job->next[p]) {
        if (!og_job_wants(job, p, trial)) continue;
        if (p < point) return 0;
        if (job->ballot[p].votes > passes) passes = job->ballot[p].votes;
    }
    return passes;
}

// --- one point -----------------------------------------------------------------------

// Samples that the executions hold: those of a pass, or of new statistics.
static size_t room(const struct evaluation *v)
{
    const size_t norms = (size_t)v->job->config.evaluate.norm_samples;
    const size_t part = norms < OG_NORM_BATCH ? norms : OG_NORM_BATCH;
    return v->batch > part ? v->batch : part;
}

static og_status prepare(struct evaluation *v, struct og_error *err)
{
    struct og_job *job = v->job;
    const size_t calibrate = (size_t)job->config.evaluate.calibrate_samples;
    const bool ideal = job->config.hardware.ideal;
    v->batch = (size_t)job->config.evaluate.batch;
    const struct og_exec_options options = {
        .hardware = ideal ? NULL : &job->config.hardware,
        .batch = room(v),
        .streams = og_job_streams(job),
    };
    size_t polls = 0;
    for (size_t p = job->group[job->point]; p != SIZE_MAX; p = job->next[p]) polls++;
    v->answers = og_dataset_answers(job->set[OG_TEST]);
    v->record_size = sizeof *v->record + (v->answers + 7) / 8;
    v->record = og_alloc(v->record_size, 1);
    v->hit = og_alloc(polls, v->answers);
    v->point = og_alloc(polls, sizeof *v->point);
    v->ballot = og_alloc(polls, sizeof *v->ballot);
    v->result = og_alloc(polls, sizeof *v->result);
    v->clean = og_alloc(polls, sizeof *v->clean);
    if (!v->record || !v->hit || !v->point || !v->ballot || !v->result || !v->clean)
        return og_fail(err, OG_NO_MEMORY, "no memory for a record");
    OG_TRY(og_exec_alloc(&v->exec, job->model, &options, err));
    if (ideal) return OG_OK;
    OG_TRY(og_calibrate(v->exec, job->set[OG_TRAIN], calibrate, job->config.seed, err));
    return og_layers_probe(&v->probe, job, v->exec, err);
}

static og_status load_source(struct evaluation *v, struct og_error *err)
{
    const struct og_job *job = v->job;
    const uint32_t number = job->source_of[job->point];
    if (number == OG_NO_SOURCE) return OG_OK;
    const struct og_training *of = &job->training[number];
    OG_TRY(og_model_build(&v->source, job->config.layers, &job->set[OG_TRAIN]->shape,
                          job->set[OG_TRAIN]->classes, err));
    return og_job_load_into(job, of->key, of->name, v->source, err);
}

static og_status prepare_attack(struct evaluation *v, struct og_error *err)
{
    const struct og_job *job = v->job;
    const bool ideal = job->config.attack.ideal || job->config.hardware.ideal;
    if (job->config.attack.how.kind == OG_ATTACK_NONE) return OG_OK;
    OG_TRY(load_source(v, err));
    const struct og_attack_options options = {
        .config = &job->config.attack.how,
        .model = v->source ? v->source : job->model,
        .hardware = ideal ? NULL : &job->config.hardware,
        .set = job->set[OG_TEST],
        .batch = room(v),
        .seed = job->config.seed,
    };
    OG_TRY(og_attack_alloc(&v->attack, &options, err));
    if (ideal) return OG_OK;
    return og_calibrate(og_attack_exec(v->attack), job->set[OG_TRAIN],
                        (size_t)job->config.evaluate.calibrate_samples, job->config.seed,
                        err);
}

static void evaluation_free(struct evaluation *v)
{
    if (!v) return;
    og_attack_free(v->attack);
    og_model_free(v->source);
    og_probe_free(v->probe);
    og_exec_free(v->exec);
    og_free(v->record);
    og_free(v->hit);
    og_free(v->point);
    og_free(v->ballot);
    og_free(v->result);
    og_free(v->clean);
    og_free(v);
}

void og_job_forget(struct og_job *job)
{
    evaluation_free(job->kept);
    job->kept = NULL;
}

og_status og_job_evaluate(struct og_job *job, struct og_error *err)
{
    struct evaluation *v = job->kept;
    og_status status = OG_OK;
    job->kept = NULL;
    if (!v) {
        v = og_alloc(1, sizeof *v);
        if (!v) return og_fail(err, OG_NO_MEMORY, "no memory for an evaluation");
        v->job = job;
        status = prepare(v, err);
        if (status == OG_OK) status = prepare_attack(v, err);
    }
    if (status == OG_OK) status = measure_all(v, err);
    if (status == OG_OK && job->link)
        job->kept = v;
    else
        evaluation_free(v);
    return status;
}
