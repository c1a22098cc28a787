// SPDX-License-Identifier: GPL-3.0-or-later
// Evaluation: the missing chips of a point, one record each.
#include <math.h>
#include <string.h>

#include <gsl/gsl_errno.h>

#include "base/blas.h"
#include "base/mem.h"
#include "experiment/layers.h"
#include "experiment/place.h"
#include "experiment/ranks.h"
#include "nn/op.h"

// --- what is found -------------------------------------------------------------------

static og_status put_record(struct evaluation *v, const struct og_place *place,
                            size_t poll, struct og_error *err)
{
    struct og_job *job = v->job;
    const size_t point = place->point[poll];
    const uint8_t *hit = place->hit + poll * v->answers;
    char key[40];
    v->record->samples = v->answers;
    v->record->accuracy = place->result[poll].accuracy;
    v->record->loss = place->result[poll].loss;
    v->record->clean = place->attack ? place->clean[poll].accuracy : NAN;
    memset(v->record->bits, 0, (v->answers + 7) / 8);
    for (size_t s = 0; s < v->answers; s++)
        v->record->bits[s / 8] |= (uint8_t)(hit[s] << s % 8);
    og_record_key(point, place->trial, key);
    OG_TRY(og_job_put(job, OG_ENTRY_RECORD, key, v->record, v->record_size, err));
    job->stored = true;
    return og_job_take(job, point, place->trial, v->record, err);
}

// What is known of the first chip alone, for a point that it answers.
static og_status put_first(struct og_job *job, const struct og_place *place, size_t point,
                           struct og_error *err)
{
    const struct og_config *c = &job->config;
    if (place->probe) OG_TRY(og_put_writing(job, point, place->exec, err));
    if (c->hardware.ideal) return OG_OK;
    if (c->output.chip) OG_TRY(og_put_chip(job, point, place->exec, err));
    if (c->output.faults) OG_TRY(og_put_faults(job, point, place->exec, err));
    return c->output.errors ? og_put_errors(job, point, place->exec, err) : OG_OK;
}

// What is known of a chip beside its record, for every point that it answers.
static og_status put_rest(struct og_job *job, const struct og_place *place,
                          struct og_error *err)
{
    if (place->probe)
        OG_TRY(og_layers_put(job, place->exec, place->trial, place->point, place->polls,
                             place->layers, err));
    for (size_t p = 0; place->probe && p < place->polls; p++)
        OG_TRY(og_put_traces(job, place->point[p], place->trial, place->probe, err));
    for (size_t p = 0; place->trial == 0 && p < place->polls; p++)
        OG_TRY(put_first(job, place, place->point[p], err));
    return OG_OK;
}

// The rest before its record, so that no record is ever without its layers, or its chip.
static og_status put(struct evaluation *v, const struct og_place *place, bool again,
                     struct og_error *err)
{
    struct og_job *job = v->job;
    if (place->status == OG_INTERRUPTED) return og_job_stop(job, err);
    if (place->status != OG_OK) return og_fail(err, place->status, "%s", place->err.text);
    if (!again) OG_TRY(put_rest(job, place, err));
    for (size_t p = 0; p < place->polls; p++)
        if (og_job_wants(job, place->point[p], place->trial))
            OG_TRY(put_record(v, place, p, err));
    return OG_OK;
}

// --- rounds of chips -----------------------------------------------------------------

// The points of the group that lack this chip. Ideal hardware has no chips: one
// evaluation serves all trials, so it answers all points.
static void list_polls(struct og_place *place)
{
    const struct og_job *job = place->of->job;
    place->polls = 0;
    for (size_t p = job->group[job->point]; p != SIZE_MAX; p = job->next[p]) {
        const bool lacks = og_job_wants(job, p, place->trial);
        if (!lacks && !job->config.hardware.ideal) continue;
        place->point[place->polls] = p;
        place->ballot[place->polls++] = job->ballot[p];
    }
}

static size_t count_wanted(const struct og_job *job)
{
    size_t n = 0;
    for (size_t t = 0; t < job->trials; t++) n += og_job_wants(job, job->point, t);
    return n;
}

// The next chips, *trial and later, of so many that are left: one for each place; a few
// in the end go one by one, each by all threads.
static void begin_round(struct evaluation *v, size_t left, size_t *trial)
{
    const size_t most = left < v->places ? left : v->places;
    const size_t n = 2 * most > v->places ? most : most > 0;
    for (v->together = 0; v->together < n; ++*trial) {
        if (!og_job_wants(v->job, v->job->point, *trial)) continue;
        struct og_place *place = &v->place[v->together++];
        place->trial = *trial;
        list_polls(place);
    }
}

// `act` for places from .. to - 1, side by side; where the first works alone, it has all
// threads, else each has one (which is set for this region only). What is set for the
// whole process is set before: each of them would set it, and restore it under the
// others' feet.
static void each_place(struct evaluation *v, size_t from, size_t to,
                       void (*act)(struct og_place *place))
{
    const bool alone = from == 0 && to == 1;
    const int blas = og_blas_use_threads(1);
    gsl_error_handler_t *handler = gsl_set_error_handler_off();
#pragma omp parallel for default(none) schedule(static, 1) num_threads((int)(to - from)) \
    shared(v, from, to, act, alone)
    for (size_t k = from; k < to; k++) {
        if (!alone) og_set_threads(1);
        act(&v->place[k]);
    }
    gsl_set_error_handler(handler);
    og_blas_use_threads(blas);
}

static og_status measure_all(struct evaluation *v, struct og_error *err)
{
    struct og_job *job = v->job;
    bool again = false;
    for (size_t trial = 0, left = count_wanted(job); left > 0; left -= v->together) {
        begin_round(v, left, &trial);
        OG_TRY(og_job_stop(job, err));
        og_meter_skip(&job->meter);
        if (!again) each_place(v, 0, v->together, og_place_measure);
        for (size_t k = 0; k < v->together; k++) OG_TRY(put(v, &v->place[k], again, err));
        again = job->config.hardware.ideal;
        OG_TRY(og_job_write_now_and_then(job, err));
    }
    return OG_OK;
}

// --- one point -----------------------------------------------------------------------

// evaluate.batch samples (which ones go together changes no bit), of several threads
// rather so many that each has as many blocks of them as the others; memory for at most
// twice.
static size_t even_batch(const struct og_job *job)
{
    const size_t asked = (size_t)job->config.evaluate.batch, n = job->set[OG_TEST]->n;
    const size_t even = (size_t)og_threads() * OG_BLOCK;
    const size_t rounded = (asked + even - 1) / even * even;
    const size_t batch = og_threads() > 1 && rounded <= 2 * asked ? rounded : asked;
    return batch < n ? batch : n;
}

// Of a large network one chip is enough to keep all threads busy, and costs memory.
static size_t count_places(const struct og_job *job)
{
    enum { SMALL = 1 << 20 };
    const size_t threads = (size_t)og_threads(), chips = count_wanted(job);
    size_t params;
    og_model_params(job->model, &params);
    if (job->config.hardware.ideal || params > SMALL || chips == 0) return 1;
    return chips < threads ? chips : threads;
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

static void open_place(struct og_place *place)
{
    place->status = og_place_open(place, &place->err);
}

static og_status open_places(struct evaluation *v, struct og_error *err)
{
    v->place = og_alloc(v->places, sizeof *v->place);
    if (!v->place) return og_fail(err, OG_NO_MEMORY, "no memory for an evaluation");
    for (size_t k = 0; k < v->places; k++) v->place[k].of = v;
    OG_TRY(og_place_open(&v->place[0], err));
    if (v->places > 1) each_place(v, 1, v->places, open_place);
    for (size_t k = 1; k < v->places; k++)
        if (v->place[k].status != OG_OK)
            return og_fail(err, v->place[k].status, "%s", v->place[k].err.text);
    return OG_OK;
}

static og_status prepare(struct evaluation *v, struct og_error *err)
{
    const struct og_job *job = v->job;
    for (size_t p = job->group[job->point]; p != SIZE_MAX; p = job->next[p])
        v->most_polls++;
    v->batch = even_batch(job);
    v->places = count_places(job);
    v->answers = og_dataset_answers(job->set[OG_TEST]);
    v->record_size = sizeof *v->record + (v->answers + 7) / 8;
    v->record = og_alloc(v->record_size, 1);
    if (!v->record) return og_fail(err, OG_NO_MEMORY, "no memory for a record");
    OG_TRY(load_source(v, err));
    return open_places(v, err);
}

static void evaluation_free(struct evaluation *v)
{
    if (!v) return;
    for (size_t k = 0; v->place && k < v->places; k++) og_place_close(&v->place[k]);
    og_free(v->place);
    og_model_free(v->source);
    og_free(v->record);
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
    }
    if (status == OG_OK) status = measure_all(v, err);
    if (status == OG_OK && job->link)
        job->kept = v;
    else
        evaluation_free(v);
    return status;
}
