// SPDX-License-Identifier: GPL-3.0-or-later
// Evaluation: the missing chips of a point, one record each.
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "experiment/layers.h"

struct evaluation {
    og_exec *exec;
    og_probe *probe;  // of the layers, or NULL
    size_t batch, trial;
    struct og_job *job;
    struct og_record *record;
    size_t record_size;
    uint8_t *hit;
};

static void tick(void *user, size_t samples)
{
    const struct evaluation *v = user;
    const struct og_job *job = v->job;
    char detail[96];
    snprintf(detail, sizeof detail, "point %zu/%zu trial %zu/%zu", job->point + 1,
             job->points, v->trial + 1, job->trials);
    og_meter_add(&v->job->meter, OG_WORK_EVALUATE, (double)samples, "evaluate", detail);
}

static og_status put_record(struct evaluation *v, struct og_error *err)
{
    struct og_job *job = v->job;
    char key[40];
    og_record_key(job->point, v->trial, key);
    OG_TRY(og_journal_put(job->journal, OG_ENTRY_RECORD, key, v->record, v->record_size,
                          err));
    job->stored = true;
    OG_TRY(og_job_take(job, job->point, v->trial, v->record, err));
    return og_job_write_now_and_then(job, err);
}

static og_status measure(struct evaluation *v, struct og_error *err)
{
    struct og_job *job = v->job;
    const size_t n = job->set[OG_TEST]->n;
    const struct og_chip chip = {.seed = job->config.seed, .trial = (uint32_t)v->trial};
    const struct og_evaluate_options options = {
        .set = job->set[OG_TEST],
        .chip = &chip,
        .batch = v->batch,
        .stop = job->o->signal,
        .hit = v->hit,
        .tick = tick,
        .user = v,
    };
    struct og_evaluation result;
    og_exec_program(v->exec, &chip);
    struct og_error own = {0};
    const og_status status = og_evaluate(v->exec, &options, &result, &own);
    if (status == OG_INTERRUPTED) return og_job_stop(job, err);
    if (status != OG_OK) return og_fail(err, status, "%s", own.text);
    v->record->samples = n;
    v->record->accuracy = result.accuracy;
    v->record->loss = result.loss;
    memset(v->record->bits, 0, (n + 7) / 8);
    for (size_t s = 0; s < n; s++)
        v->record->bits[s / 8] |= (uint8_t)(v->hit[s] << s % 8);
    // Before its record, so that no record is ever without its layers, or its chip.
    OG_TRY(og_layers_measure(job, v->exec, v->probe, &chip, err));
    if (v->trial == 0 && job->config.output.chip && !job->config.hardware.ideal)
        OG_TRY(og_put_chip(job, job->point, v->exec, err));
    return OG_OK;
}

static og_status measure_all(struct evaluation *v, struct og_error *err)
{
    struct og_job *job = v->job;
    const uint8_t *done = job->done + job->point * job->trials;
    bool measured = false;
    for (v->trial = 0; v->trial < job->trials; v->trial++) {
        if (done[v->trial]) continue;
        OG_TRY(og_job_stop(job, err));
        og_meter_skip(&job->meter);
        // Ideal hardware has no chips: one evaluation serves all trials.
        if (!measured || !job->config.hardware.ideal) OG_TRY(measure(v, err));
        measured = true;
        OG_TRY(put_record(v, err));
    }
    return OG_OK;
}

static og_status prepare(struct evaluation *v, struct og_error *err)
{
    struct og_job *job = v->job;
    const size_t calibrate = (size_t)job->config.evaluate.calibrate_samples;
    const bool ideal = job->config.hardware.ideal;
    v->batch = (size_t)job->config.evaluate.batch;
    const struct og_exec_options options = {
        .hardware = ideal ? NULL : &job->config.hardware,
        .batch = v->batch,
    };
    v->record_size = sizeof *v->record + (job->set[OG_TEST]->n + 7) / 8;
    v->record = og_alloc(v->record_size, 1);
    v->hit = og_alloc(job->set[OG_TEST]->n, 1);
    if (!v->record || !v->hit)
        return og_fail(err, OG_NO_MEMORY, "no memory for a record");
    OG_TRY(og_exec_alloc(&v->exec, job->model, &options, err));
    if (ideal) return OG_OK;
    OG_TRY(og_calibrate(v->exec, job->set[OG_TRAIN], calibrate, job->config.seed, err));
    return og_layers_probe(&v->probe, job, v->exec, err);
}

og_status og_job_evaluate(struct og_job *job, struct og_error *err)
{
    struct evaluation v = {.job = job};
    og_status status = prepare(&v, err);
    if (status == OG_OK) status = measure_all(&v, err);
    og_probe_free(v.probe);
    og_exec_free(v.exec);
    og_free(v.record);
    og_free(v.hit);
    return status;
}
