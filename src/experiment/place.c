// SPDX-License-Identifier: GPL-3.0-or-later
// One chip: programmed, evaluated, attacked, and looked at layer by layer.
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "experiment/layers.h"
#include "experiment/place.h"
#include "experiment/ranks.h"
#include "nn/exec.h"

// --- opening -------------------------------------------------------------------------

static og_status open_tables(struct og_place *place, struct og_error *err)
{
    const struct evaluation *v = place->of;
    place->hit = og_alloc(v->most_polls, v->answers);
    place->point = og_alloc(v->most_polls, sizeof *place->point);
    place->ballot = og_alloc(v->most_polls, sizeof *place->ballot);
    place->result = og_alloc(v->most_polls, sizeof *place->result);
    place->clean = og_alloc(v->most_polls, sizeof *place->clean);
    if (place->hit && place->point && place->ballot && place->result && place->clean)
        return OG_OK;
    return og_fail(err, OG_NO_MEMORY, "no memory for a record");
}

static bool is_first(const struct og_place *place) { return place == place->of->place; }

// Of all places together not more than twice that of the first, but for whole blocks.
static size_t batch_of(const struct og_place *place)
{
    const struct evaluation *v = place->of;
    const size_t each = (v->batch + v->places - 1) / v->places;
    const size_t share = (each + OG_BLOCK - 1) / OG_BLOCK * OG_BLOCK;
    return is_first(place) || share > v->batch ? v->batch : share;
}

// Samples that executions hold: those of a pass, or of new statistics.
static size_t room_of(const struct og_place *place)
{
    const size_t norms = (size_t)place->of->job->config.evaluate.norm_samples;
    const size_t part = norms < OG_NORM_BATCH ? norms : OG_NORM_BATCH;
    const size_t batch = batch_of(place);
    return batch > part ? batch : part;
}

static og_status calibrate(const struct og_job *job, og_exec *exec, struct og_error *err)
{
    return og_calibrate(exec, job->set[OG_TRAIN],
                        (size_t)job->config.evaluate.calibrate_samples, job->config.seed,
                        err);
}

static void borrow_calibration(og_exec *exec, og_exec *from)
{
    size_t n;
    const float *value = og_exec_calibration(from, &n);
    memcpy(og_exec_calibration(exec, &n), value, n * sizeof *value);
    og_exec_calibration_changed(exec);
}

static og_status open_attack(struct og_place *place, struct og_error *err)
{
    const struct evaluation *v = place->of;
    const struct og_job *job = v->job;
    const bool ideal = job->config.attack.ideal || job->config.hardware.ideal;
    if (job->config.attack.how.kind == OG_ATTACK_NONE) return OG_OK;
    const struct og_attack_options options = {
        .config = &job->config.attack.how,
        .model = v->source ? v->source : job->model,
        .hardware = ideal ? NULL : &job->config.hardware,
        .set = job->set[OG_TEST],
        .batch = room_of(place),
        .seed = job->config.seed,
    };
    OG_TRY(og_attack_alloc(&place->attack, &options, err));
    return ideal ? OG_OK : calibrate(job, og_attack_exec(place->attack), err);
}

og_status og_place_open(struct og_place *place, struct og_error *err)
{
    const struct evaluation *v = place->of;
    const struct og_job *job = v->job;
    const bool ideal = job->config.hardware.ideal;
    const struct og_exec_options options = {
        .hardware = ideal ? NULL : &job->config.hardware,
        .batch = room_of(place),
        .streams = og_job_streams(job),
    };
    OG_TRY(open_tables(place, err));
    OG_TRY(og_exec_alloc(&place->exec, job->model, &options, err));
    if (!is_first(place))
        borrow_calibration(place->exec, v->place[0].exec);
    else if (!ideal)
        OG_TRY(calibrate(job, place->exec, err));
    if (!ideal) OG_TRY(og_layers_probe(&place->probe, job, place->exec, err));
    return open_attack(place, err);
}

void og_place_close(struct og_place *place)
{
    og_attack_free(place->attack);
    og_probe_free(place->probe);
    og_exec_free(place->exec);
    og_free(place->hit);
    og_free(place->point);
    og_free(place->ballot);
    og_free(place->result);
    og_free(place->clean);
    og_free(place->layers);
}

// --- measuring -----------------------------------------------------------------------

// Of the first place, in the thread of the run: the others are as far.
static void tick(void *user, size_t samples)
{
    const struct evaluation *v = user;
    struct og_job *job = v->job;
    if (job->link) og_worker_listen(job);
    for (size_t k = 0; k < v->together; k++) {
        char detail[96];
        snprintf(detail, sizeof detail, "point %zu/%zu trial %zu/%zu", job->point + 1,
                 job->points, v->place[k].trial + 1, job->trials);
        og_meter_add(&job->meter, OG_WORK_EVALUATE, (double)samples, "evaluate", detail);
    }
}

// As the chip is now, if asked for.
static og_status renew_norms(struct og_place *place, og_exec *exec,
                             const struct og_chip *chip)
{
    const struct og_job *job = place->of->job;
    const size_t n = (size_t)job->config.evaluate.norm_samples;
    if (n == 0) return OG_OK;
    return og_renew_norms(exec, job->set[OG_TRAIN], n, chip, &place->err);
}

// On the very chip, or for another network on one of its own.
static og_status program_attack(struct og_place *place, const struct og_chip *chip)
{
    const struct evaluation *v = place->of;
    og_exec *exec = og_attack_exec(place->attack);
    struct og_chip own = *chip;
    if (v->source) own.trial = OG_ATTACK_TRIAL;
    OG_TRY(og_exec_put_on(exec, &own, &place->err));
    return v->source || v->job->config.attack.ideal ? OG_OK
                                                    : renew_norms(place, exec, chip);
}

static og_status evaluate(struct og_place *place, const struct og_chip *chip)
{
    const struct evaluation *v = place->of;
    const struct og_job *job = v->job;
    struct og_evaluate_options options = {
        .set = job->set[OG_TEST],
        .chip = chip,
        .ballot = place->ballot,
        .ballots = place->polls,
        .batch = batch_of(place),
        .stop = og_job_signal(job),
        .hit = place->hit,
        .tick = is_first(place) ? tick : NULL,
        .user = place->of,
    };
    OG_TRY(og_exec_put_on(place->exec, chip, &place->err));
    OG_TRY(renew_norms(place, place->exec, chip));
    if (place->attack) {
        OG_TRY(og_evaluate(place->exec, &options, place->clean, &place->err));
        OG_TRY(program_attack(place, chip));
        options.attack = place->attack;
    }
    return og_evaluate(place->exec, &options, place->result, &place->err);
}

void og_place_measure(struct og_place *place)
{
    const struct og_job *job = place->of->job;
    const struct og_chip chip = {.seed = job->config.seed,
                                 .trial = (uint32_t)place->trial};
    place->err = (struct og_error){0};
    og_free(place->layers);
    place->layers = NULL;
    place->status = evaluate(place, &chip);
    if (place->status == OG_OK && place->probe)
        place->status =
            og_layers_measure(job, place->exec, place->probe, &chip, place->point,
                              place->polls, &place->layers, &place->err);
}
