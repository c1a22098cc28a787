// SPDX-License-Identifier: GPL-3.0-or-later
// A trainer as bytes: a header, then weights, state, moments, calibrations, what a text
// carries from window to window, and curve. The bytes are for the machine type that wrote
// them (a checkpoint, not an exchange format).
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/tables.h"
#include "learn/bytes.h"
#include "learn/trainer.h"

static const char magic[8] = "OGTRAIN";

struct header {
    char magic[8];
    uint64_t version, fingerprint;
    uint64_t params, state, moments, calibration, carried, epochs;
    uint64_t at, hits, seen;
    double loss;
};

// Every key of the hardware, as text; NULL when out of memory. The caller frees it.
static char *hardware_text(const struct og_hardware *hw)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    if (!f) return NULL;
    og_fields_lines(og_hardware_fields, hw, "hardware", OG_STAGE_OUTPUT, f);
    const bool failed = ferror(f) != 0;
    if (fclose(f) == 0 && !failed) return text;
    free(text);
    return NULL;
}

og_status og_trainer_fingerprint(og_trainer *t, struct og_error *err)
{
    const struct og_train_config *c = t->config;
    const double value[] = {
        c->epochs,
        (double)t->batch,
        c->optimizer,
        c->lr,
        c->momentum,
        c->beta1,
        c->beta2,
        c->weight_decay,
        c->schedule,
        c->lr_gamma,
        c->lr_step,
        c->lr_hold,
        c->warmup,
        c->clip_norm,
        c->gradient,
        c->reparam,
        c->redraw,
        c->ideal_epochs,
        c->calibrate_every,
        c->calibrate_samples,
        c->adversarial.kind,
        c->adversarial.epsilon,
        c->adversarial.step,
        c->adversarial.steps,
        c->adversarial.random_start,
        c->adversarial.draws,
        (double)t->set->n,
        (double)t->set->streams,
        t->set->spec.crop,
        t->set->spec.flip,
        t->options.keep_weights,
        (double)t->options.first_epoch,
        t->options.pull != NULL,
        t->options.frozen != NULL,
    };
    char *hardware = hardware_text(&c->hardware);
    if (!hardware) return og_fail(err, OG_NO_MEMORY, "no memory for a trainer");
    uint64_t hash = og_hash(OG_HASH_START, value, sizeof value);
    hash = og_hash(hash, &c->seed, sizeof c->seed);
    hash = og_hash_text(hash, hardware);
    free(hardware);
    for (size_t i = 0; i < og_model_tensors(t->model); i++) {
        const struct og_tensor_info info = og_model_tensor(t->model, i);
        hash = og_hash_text(og_hash_text(hash, info.node), info.op);
        hash = og_hash(hash, info.dim, sizeof info.dim);
    }
    t->fingerprint = hash;
    return OG_OK;
}

static size_t calibration_count(og_exec *exec)
{
    size_t n = 0;
    if (exec) og_exec_calibration(exec, &n);
    return n;
}

// Of the execution whose turn it is; it changes only between epochs, where every text
// begins anew.
static float *carried(const og_trainer *t, size_t at, size_t *count)
{
    og_exec *exec = at < t->hardware_from || !t->hardware ? t->ideal : t->hardware;
    *count = 0;
    return exec ? og_exec_carried(exec, count) : NULL;
}

static struct header header_of(const og_trainer *t)
{
    size_t carried_count;
    carried(t, t->at, &carried_count);
    struct header h = {
        .version = 2,
        .fingerprint = t->fingerprint,
        .params = t->param_count,
        .state = t->state_count,
        .moments = t->descent.moment_count,
        .calibration = calibration_count(t->hardware),
        .carried = carried_count,
        .epochs = (uint64_t)t->config->epochs,
        .at = t->at,
        .hits = t->hits,
        .seen = t->seen,
        .loss = t->loss,
    };
    memcpy(h.magic, magic, sizeof h.magic);
    return h;
}

static size_t bytes_of(const struct header *h)
{
    return sizeof *h +
           (h->params + h->state + h->moments + h->calibration + h->carried) *
               sizeof(float) +
           h->epochs * sizeof(struct og_curve);
}

size_t og_trainer_bytes(const og_trainer *t)
{
    const struct header h = header_of(t);
    return bytes_of(&h);
}

void og_trainer_save(const og_trainer *t, void *bytes)
{
    const struct header h = header_of(t);
    unsigned char *to = bytes;
    og_bytes_put(&to, &h, sizeof h);
    og_bytes_put(&to, t->params, h.params * sizeof(float));
    og_bytes_put(&to, t->state, h.state * sizeof(float));
    og_bytes_put(&to, t->descent.moments, h.moments * sizeof(float));
    size_t n = 0;
    if (h.calibration > 0)
        og_bytes_put(&to, og_exec_calibration(t->hardware, &n),
                     h.calibration * sizeof(float));
    og_bytes_put(&to, carried(t, t->at, &n), h.carried * sizeof(float));
    og_bytes_put(&to, t->curve, h.epochs * sizeof *t->curve);
}

static og_status check(const og_trainer *t, const struct header *h, size_t n,
                       struct og_error *err)
{
    const struct header own = header_of(t);
    if (memcmp(h->magic, magic, sizeof h->magic) != 0 || h->version != own.version)
        return og_fail(err, OG_INPUT, "not a training checkpoint of this version");
    if (h->fingerprint != own.fingerprint || h->params != own.params ||
        h->state != own.state || h->moments != own.moments ||
        h->calibration != own.calibration || h->carried != own.carried ||
        h->epochs != own.epochs)
        return og_fail(err, OG_INPUT,
                       "the training checkpoint is of another model or configuration");
    if (n != bytes_of(&own) || h->at > t->steps || h->seen > og_dataset_answers(t->set))
        return og_fail(err, OG_INPUT, "the training checkpoint is damaged (%zu bytes)",
                       n);
    return OG_OK;
}

og_status og_trainer_restore(og_trainer *t, const void *bytes, size_t n,
                             struct og_error *err)
{
    struct header h;
    const unsigned char *from = bytes;
    if (n < sizeof h)
        return og_fail(err, OG_INPUT, "the training checkpoint is cut short (%zu bytes)",
                       n);
    og_bytes_get(&from, &h, sizeof h);
    OG_TRY(check(t, &h, n, err));
    og_bytes_get(&from, t->params, h.params * sizeof(float));
    og_bytes_get(&from, t->state, h.state * sizeof(float));
    og_bytes_get(&from, t->descent.moments, h.moments * sizeof(float));
    size_t count = 0;
    if (h.calibration > 0) {
        og_bytes_get(&from, og_exec_calibration(t->hardware, &count),
                     h.calibration * sizeof(float));
        // Before the first step on hardware nothing has been calibrated yet.
        if (h.at > t->hardware_from) og_exec_calibration_changed(t->hardware);
    }
    og_bytes_get(&from, carried(t, (size_t)h.at, &count), h.carried * sizeof(float));
    og_bytes_get(&from, t->curve, h.epochs * sizeof *t->curve);
    t->at = (size_t)h.at;
    t->hits = (size_t)h.hits;
    t->seen = (size_t)h.seen;
    t->loss = h.loss;
    return OG_OK;
}
