// SPDX-License-Identifier: GPL-3.0-or-later
// The first costly stage: training, once per distinct training key.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "base/mem.h"
#include "experiment/compress.h"

// --- the labels of a point -------------------------------------------------------

// Whether another value on this axis, all others the same, means another training.
static bool trains_anew(const struct og_job *job, size_t point, size_t stride, size_t n)
{
    const size_t base = point - point / stride % n * stride;
    for (size_t i = 1; i < n; i++)
        if (job->training_of[base + i * stride] != job->training_of[base]) return true;
    return false;
}

// "lr 0.1 training plain": where a point lies on the axes that matter to its training.
static void name_training(const struct og_job *job, size_t point, char *out, size_t size)
{
    size_t used = 0, stride = job->points;
    out[0] = '\0';
    for (size_t a = 0; a < og_experiment_axes(job->e); a++) {
        const struct og_axis *axis = og_experiment_axis(job->e, a);
        const struct og_axis_column *c = axis->column;
        stride /= axis->n;
        const size_t i = point / stride % axis->n;
        if (used + 1 >= size || !trains_anew(job, point, stride, axis->n)) continue;
        const int n =
            c->text ? snprintf(out + used, size - used, " %s", c->label[i])
                    : snprintf(out + used, size - used, " %s %g", c->name, c->value[i]);
        used += (size_t)n < size - used ? (size_t)n : size - used - 1;
    }
}

// --- training --------------------------------------------------------------------

enum { CHECKPOINT_SECONDS = 10 };  // at least; more where writing would take over 1 %

struct training {
    struct og_training *of;
    og_trainer *trainer;
    void *bytes;
    size_t size;
    double saved, cost;  // [s] when a checkpoint was last written; how long it took
};

static og_status save(struct og_job *job, struct training *t, struct og_error *err)
{
    const double start = og_meter_now();
    og_trainer_save(t->trainer, t->bytes);
    OG_TRY(og_job_put(job, OG_ENTRY_CHECKPOINT, t->of->key, t->bytes, t->size, err));
    job->stored = true;
    t->saved = og_meter_now();
    t->cost = t->saved - start;
    og_meter_skip(&job->meter);
    return OG_OK;
}

static og_status restore(struct og_job *job, struct training *t, struct og_error *err)
{
    struct og_entry entry;
    if (!og_job_get(job, OG_ENTRY_CHECKPOINT, t->of->key, &entry))
        return entry.size > 0 ? og_entry_missing(&entry, "checkpoint", t->of->name, err)
                              : OG_OK;
    const og_status status = og_trainer_restore(t->trainer, entry.data, entry.size, err);
    og_journal_release(&entry);
    const double done =
        (double)og_trainer_at(t->trainer) / (double)og_trainer_steps(t->trainer);
    job->meter.work[OG_WORK_TRAIN].left -=
        done * (double)job->set[OG_TRAIN]->n * job->config.train.epochs;
    return status;
}

static void report_step(struct og_job *job, const struct training *t)
{
    const size_t at = og_trainer_at(t->trainer), steps = og_trainer_steps(t->trainer);
    const size_t epochs = (size_t)job->config.train.epochs, per_epoch = steps / epochs;
    struct og_curve now = og_trainer_running(t->trainer);
    if (at % per_epoch == 0) {
        size_t n;
        now = og_trainer_curve(t->trainer, &n)[at / per_epoch - 1];
    }
    char detail[96];
    snprintf(detail, sizeof detail, "epoch %zu/%zu loss %.3g accuracy %.1f %%",
             (at - 1) / per_epoch + 1, epochs, now.loss, 100.0 * now.accuracy);
    const double samples = (double)job->set[OG_TRAIN]->n / (double)per_epoch;
    og_meter_add(&job->meter, OG_WORK_TRAIN, samples, job->stage, detail);
}

static og_status one_step(struct og_job *job, struct training *t, struct og_error *err)
{
    struct og_error own = {0};
    const og_status status = og_trainer_step(t->trainer, &own);
    if (status != OG_OK)
        return og_fail(err, status, "%s (%s): %s", job->stage, t->of->name, own.text);
    report_step(job, t);
    const double now = og_meter_now();
    if (now - t->saved >= fmax(CHECKPOINT_SECONDS, 100.0 * t->cost))
        OG_TRY(save(job, t, err));
    return OG_OK;
}

static og_status train_all(struct og_job *job, struct training *t, struct og_error *err)
{
    t->size = og_trainer_bytes(t->trainer);
    t->bytes = og_alloc(t->size, 1);
    if (!t->bytes)
        return og_fail(err, OG_NO_MEMORY, "no memory for a checkpoint of %zu bytes",
                       t->size);
    OG_TRY(restore(job, t, err));
    t->saved = og_meter_now();
    og_meter_skip(&job->meter);
    while (og_trainer_at(t->trainer) < og_trainer_steps(t->trainer)) {
        if (og_job_stop(job, NULL) != OG_OK) {
            OG_TRY(save(job, t, err));
            return og_job_stop(job, err);
        }
        OG_TRY(one_step(job, t, err));
    }
    size_t epochs = (size_t)job->config.train.epochs;
    const struct og_curve *curve =
        epochs > 0 ? og_trainer_curve(t->trainer, &epochs) : NULL;
    // The model last: where it is, so is the report, of points without compression.
    if (job->compressions.n > 0) OG_TRY(og_put_report(job, t->of->key, NULL, err));
    return og_put_model(job, t->of->key, job->model, curve, epochs, err);
}

// The digest is part of the training key, so the file must still be the one that the
// experiment was read with.
og_status og_job_load_weights(const struct og_job *job, og_model *model,
                              struct og_error *err)
{
    const struct og_weights_config *w = &job->config.weights;
    char digest[OG_DIGEST_TEXT];
    if (w->file[0] == '\0') return OG_OK;
    OG_TRY(og_digest(w->path, digest, err));
    if (strcmp(digest, w->sha256) != 0)
        return og_fail(err, OG_INPUT, "%s has changed since the run began", w->path);
    return og_model_load(model, w, err);
}

static og_status train(struct og_job *job, struct og_training *of, struct og_error *err)
{
    struct training t = {.of = of};
    char name[80];
    name_training(job, job->point, name, sizeof name);
    snprintf(job->stage, sizeof job->stage, "train%s", name);
    OG_TRY(og_trainer_alloc(&t.trainer, job->model, &job->config.train,
                            job->set[OG_TRAIN], err));
    og_status status = og_job_load_weights(job, job->model, err);
    if (status == OG_OK) status = train_all(job, &t, err);
    og_trainer_free(t.trainer);
    og_free(t.bytes);
    OG_TRY(status);
    og_job_drop(job, OG_ENTRY_CHECKPOINT, of->key);
    job->stored = of->done = true;
    return OG_OK;
}

og_status og_job_load_into(const struct og_job *job, const char *key, const char *name,
                           og_model *model, struct og_error *err)
{
    struct og_entry entry;
    struct og_tensors t;
    size_t params, states;
    float *param = og_model_params(model, &params);
    float *state = og_model_state(model, &states);
    if (!og_job_get(job, OG_ENTRY_MODEL, key, &entry))
        return og_entry_missing(&entry, "model", name, err);
    const bool good = og_tensors_view(&entry, &t) && t.values == params + states;
    if (good && params > 0) memcpy(param, t.value, params * sizeof *param);
    if (good && states > 0) memcpy(state, t.value + params, states * sizeof *state);
    og_journal_release(&entry);
    if (good) return OG_OK;
    return og_fail(err, OG_INPUT, "model %s in the journal is not of this network", name);
}

og_status og_job_load(struct og_job *job, const char *key, const char *name,
                      struct og_error *err)
{
    return og_job_load_into(job, key, name, job->model, err);
}

// A fresh job->model, which holds no training.
static og_status build(struct og_job *job, struct og_error *err)
{
    job->loaded = job->compressions.held = 0;
    og_job_forget(job);
    og_model_free(job->model);
    job->model = NULL;
    return og_model_build(&job->model, job->config.layers, &job->set[OG_TRAIN]->shape,
                          job->set[OG_TRAIN]->classes, err);
}

og_status og_job_train_source(struct og_job *job, struct og_error *err)
{
    const uint32_t number = job->source_of[job->point];
    const uint64_t seed = job->config.train.seed;
    if (number == OG_NO_SOURCE || job->training[number].done) return OG_OK;
    OG_TRY(build(job, err));
    job->config.train.seed = job->config.attack.train_seed;
    const og_status status = train(job, &job->training[number], err);
    job->config.train.seed = seed;
    OG_TRY(status);
    return og_job_write_now_and_then(job, err);
}

og_status og_job_train(struct og_job *job, struct og_error *err)
{
    const size_t number = job->training_of[job->point];
    struct og_training *of = &job->training[number];
    const size_t held = job->compressions.held;
    if (job->loaded == number + 1 &&
        (held == 0 || held == job->compressions.of[job->point]))
        return OG_OK;
    OG_TRY(build(job, err));
    OG_TRY(of->done ? og_job_load(job, of->key, of->name, err) : train(job, of, err));
    job->loaded = number + 1;
    return og_job_write_now_and_then(job, err);
}
