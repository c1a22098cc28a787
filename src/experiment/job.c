// SPDX-License-Identifier: GPL-3.0-or-later
// A run's memory: the data sets that are open, the tables of what is done, and what an
// earlier run has left.
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "experiment/compress.h"
#include "experiment/layers.h"
#include "experiment/ranks.h"

// --- data ------------------------------------------------------------------------

// `spec` is zero.
static void fill_text(const struct og_config *c, enum og_split split,
                      struct og_text *text)
{
    const struct og_data_config *d = &c->data;
    if (d->as != OG_AS_WORDS && d->as != OG_AS_CHARACTERS) return;
    memcpy(text, &d->text, sizeof *text);
    text->unit = d->as;
    text->steps = d->speech.steps > 0 ? (size_t)d->speech.steps : OG_TEXT_STEPS;
    text->streams = (size_t)(split == OG_TRAIN ? c->train.batch : c->evaluate.streams);
    if (split == OG_TRAIN) text->validation = false;
    for (int i = 0; text->file[0] != '\0' && i < 3; i++) text->part[i] = d->parts.v[i];
}

// Zeroed to the last byte, so that two of them can be compared.
static void fill_spec(const struct og_config *c, enum og_split split,
                      struct og_data_spec *spec)
{
    const struct og_data_config *d = &c->data;
    memset(spec, 0, sizeof *spec);
    fill_text(c, split, &spec->text);
    snprintf(spec->name, sizeof spec->name, "%s", d->name);
    spec->split = split;
    spec->rows = d->as == OG_AS_ROWS;
    for (int i = 0; i < d->mean.n && i < 3; i++) spec->mean[i] = (float)d->mean.v[i];
    for (int i = 0; i < d->std.n && i < 3; i++) spec->std[i] = (float)d->std.v[i];
    memcpy(&spec->speech, &d->speech, sizeof spec->speech);
    spec->strokes = d->as == OG_AS_STROKES;
    memcpy(&spec->series, &d->series, sizeof spec->series);
    if (strcmp(d->name, "hdf5") == 0 || strcmp(d->name, "wav") == 0)
        memcpy(spec->series.file, d->text.file, sizeof spec->series.file);
    spec->limit = (size_t)(split == OG_TRAIN ? d->train_limit : d->test_limit);
    if (split == OG_TEST) return;
    spec->crop = d->crop;
    spec->flip = d->flip;
}

// Opens a split unless the one that is open is the same.
static og_status open_split(struct og_job *job, enum og_split split, struct og_error *err)
{
    const struct og_data_search where = {job->o->data};
    struct og_data_spec spec;
    fill_spec(&job->config, split, &spec);
    if (job->set[split] && memcmp(&spec, &job->spec[split], sizeof spec) == 0)
        return OG_OK;
    og_dataset_free(job->set[split]);
    job->set[split] = NULL;
    memcpy(&job->spec[split], &spec, sizeof spec);
    OG_TRY(og_dataset_open(&job->set[split], &spec, &where, err));
    if (job->set[split]->shortened > job->shortened[split])
        job->shortened[split] = job->set[split]->shortened;
    return OG_OK;
}

// The features of speech are made of elementary functions, so data sets are read anew.
static void use_kernels(struct og_job *job)
{
    const bool fixed = job->fixed || job->config.kernels == OG_KERNELS_FIXED;
    for (int split = 0; fixed != og_cpu_fixed() && split < 2; split++) {
        og_dataset_free(job->set[split]);
        job->set[split] = NULL;
    }
    og_cpu_fix(fixed);
    if (!fixed) og_cpu_use(job->isa);
}

og_status og_job_go(struct og_job *job, size_t point, struct og_error *err)
{
    if (job->kept && job->point == point) return OG_OK;
    og_job_forget(job);
    job->point = point;
    OG_TRY(og_experiment_point(job->e, point, &job->config, err));
    use_kernels(job);
    OG_TRY(open_split(job, OG_TRAIN, err));
    return open_split(job, OG_TEST, err);
}

// --- tables ----------------------------------------------------------------------

static og_status no_memory(const struct og_job *job, struct og_error *err)
{
    return og_fail(err, OG_NO_MEMORY, "no memory for %zu points of %zu trials",
                   job->points, job->trials);
}

// The number of the training with this key, which may be a new one.
static size_t training_with(struct og_job *job, const char key[33])
{
    size_t i = 0;
    while (i < job->trainings && strcmp(job->training[i].key, key) != 0) i++;
    if (i < job->trainings) return i;
    struct og_training *t = &job->training[job->trainings++];
    memcpy(t->key, key, sizeof t->key);
    snprintf(t->name, sizeof t->name, "m%zu", i);
    return i;
}

static og_status find_trainings(struct og_job *job, struct og_error *err)
{
    job->training_of = og_alloc(job->points, sizeof *job->training_of);
    job->source_of = og_alloc(job->points, sizeof *job->source_of);
    job->training = og_alloc(2 * job->points, sizeof *job->training);
    if (!job->training_of || !job->source_of || !job->training)
        return no_memory(job, err);
    for (size_t p = 0; p < job->points; p++) {
        struct og_config config;
        char key[33];
        OG_TRY(og_experiment_point(job->e, p, &config, err));
        job->source_of[p] = OG_NO_SOURCE;
        if (config.attack.transfer) {
            og_experiment_source_key(job->e, p, key);
            job->source_of[p] = (uint32_t)training_with(job, key);
        }
        og_experiment_key(job->e, p, OG_STAGE_TRAIN, key);
        job->training_of[p] = (uint32_t)training_with(job, key);
    }
    return OG_OK;
}

static og_status alloc_tables(struct og_job *job, struct og_error *err)
{
    OG_TRY(og_experiment_point(job->e, 0, &job->config, err));
    job->points = og_experiment_points(job->e);
    job->trials = (size_t)job->config.trials;
    const size_t records = job->points * job->trials;
    job->done = og_alloc(records, 1);
    job->value = og_alloc(OG_METRICS * records, sizeof *job->value);
    if (!job->done || !job->value) return no_memory(job, err);
    job->clean = og_alloc(records, sizeof *job->clean);
    if (!job->clean) return no_memory(job, err);
    for (size_t i = 0; i < OG_METRICS * records; i++) job->value[i] = NAN;
    for (size_t i = 0; i < records; i++) job->clean[i] = NAN;
    OG_TRY(find_trainings(job, err));
    OG_TRY(og_job_find_polls(job, err));
    OG_TRY(og_compressions_find(job, err));
    return og_job_find_tasks(job, err);
}

og_status og_job_take(struct og_job *job, size_t point, size_t trial,
                      const struct og_record *record, struct og_error *err)
{
    const size_t records = job->points * job->trials, at = point * job->trials + trial;
    const size_t bytes = (record->samples + 7) / 8;
    if (job->link) return OG_OK;  // rank 0 has the tables
    if (job->samples == 0) {
        job->correct = og_alloc(records, bytes);
        if (!job->correct) return no_memory(job, err);
        job->samples = (size_t)record->samples;
    }
    if (job->samples != record->samples)
        job->mixed = true;
    else
        memcpy(job->correct + at * bytes, record->bits, bytes);
    job->value[OG_ACCURACY * records + at] = record->accuracy;
    job->value[OG_LOSS * records + at] = record->loss;
    job->clean[at] = record->clean;
    job->done[at] = 1;
    return OG_OK;
}

og_status og_job_take_record(struct og_job *job, size_t point, size_t trial,
                             const struct og_entry *entry, struct og_error *err)
{
    const struct og_record *record = entry->data;
    if (entry->size >= sizeof *record &&
        entry->size == sizeof *record + (record->samples + 7) / 8)
        return og_job_take(job, point, trial, record, err);
    return og_fail(err, OG_INPUT, "record %zu/%zu of the journal is damaged", point,
                   trial);
}

static og_status load_record(struct og_job *job, size_t point, size_t trial,
                             struct og_error *err)
{
    char key[40];
    struct og_entry entry;
    og_record_key(point, trial, key);
    if (!og_job_get(job, OG_ENTRY_RECORD, key, &entry)) return OG_OK;
    const og_status status = og_job_take_record(job, point, trial, &entry, err);
    og_journal_release(&entry);
    job->stored = true;
    return status == OG_OK ? og_layers_load(job, point, trial, err) : status;
}

// What an earlier run has left.
og_status og_job_load_all(struct og_job *job, struct og_error *err)
{
    for (size_t i = 0; i < job->trainings; i++) {
        struct og_training *t = &job->training[i];
        t->done = og_job_has(job, OG_ENTRY_MODEL, t->key);
        if (t->done || og_job_has(job, OG_ENTRY_CHECKPOINT, t->key)) job->stored = true;
    }
    og_compressions_load(job);
    for (size_t p = 0; p < job->points; p++) {
        for (size_t t = 0; t < job->trials; t++) OG_TRY(load_record(job, p, t, err));
        OG_TRY(og_job_settle(job, p, err));
    }
    return OG_OK;
}

// --- the whole -------------------------------------------------------------------

void og_job_free(struct og_job *job)
{
    if (!job) return;
    og_job_forget(job);
    og_model_free(job->model);
    og_dataset_free(job->set[OG_TRAIN]);
    og_dataset_free(job->set[OG_TEST]);
    og_free(job->training);
    og_free(job->training_of);
    og_free(job->source_of);
    og_compressions_clear(&job->compressions);
    og_free(job->group);
    og_free(job->next);
    og_free(job->limit);
    og_free(job->mine);
    og_free(job->ballot);
    og_free(job->value);
    og_free(job->clean);
    og_free(job->done);
    og_free(job->correct);
    og_layers_clear(&job->layers);
    og_free(job);
}

og_status og_job_alloc(struct og_job **job, const og_experiment *e,
                       const struct og_run_options *o, struct og_error *err)
{
    struct og_job *j = *job = og_alloc(1, sizeof *j);
    if (!j) return og_fail(err, OG_NO_MEMORY, "no memory for a run");
    assert(o->shards == 0 || (o->shard >= 1 && o->shard <= o->shards));
    j->isa = og_cpu_isa();
    j->fixed = og_cpu_fixed();
    j->e = e;
    j->o = o;
    og_meter_init(&j->meter, o);
    j->written = j->meter.start;
    return alloc_tables(j, err);
}
