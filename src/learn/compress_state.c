// SPDX-License-Identifier: GPL-3.0-or-later
// A round of compression as bytes: a header, the weights and the state of the model, then
// Z and U, masks, reports, and the trainer of the present phase, or the search of limits.
// For the machine type that wrote them.
#include <stdio.h>
#include <stdlib.h>

#include "config/tree.h"
#include "learn/bytes.h"
#include "learn/compress.h"

static const char magic[8] = "OGCOMPR";

struct header {
    char magic[8];
    uint64_t version, fingerprint;
    uint64_t params, state, memory, at, updates, curve, trainer, limits;
    double rho;
};

og_status og_compress_fingerprint(og_compress *c, struct og_error *err)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    if (!f) return og_fail(err, OG_NO_MEMORY, "no memory for a compression");
    og_item_print(c->options.round, f, 0);
    const bool failed = ferror(f) != 0;
    if (fclose(f) != 0 || failed) {
        free(text);
        return og_fail(err, OG_NO_MEMORY, "no memory for a compression");
    }
    uint64_t hash = og_hash_text(OG_HASH_START, text);
    free(text);
    const uint64_t number[] = {c->param_count, c->state_count, c->steps, c->admm_steps,
                               c->options.first_epoch};
    hash = og_hash(hash, number, sizeof number);
    for (size_t i = 0; i < og_model_tensors(c->model); i++) {
        const struct og_tensor_info t = og_model_tensor(c->model, i);
        hash = og_hash(og_hash_text(hash, t.node), t.dim, sizeof t.dim);
    }
    c->fingerprint = hash;
    return OG_OK;
}

static struct header header_of(const og_compress *c)
{
    struct header h = {
        .version = 2,
        .fingerprint = c->fingerprint,
        .params = c->param_count,
        .state = c->state_count,
        .memory = c->memory_count,
        .at = c->at,
        .updates = c->updates,
        .curve = (uint64_t)c->round.admm.train.epochs,
        .limits = c->limits ? og_limits_bytes(c->limits) : 0,
        .trainer = c->trainer ? og_trainer_bytes(c->trainer) : 0,
        .rho = c->rho,
    };
    memcpy(h.magic, magic, sizeof h.magic);
    return h;
}

static size_t bytes_of(const og_compress *c, const struct header *h)
{
    return sizeof *h + (h->params + h->state + h->memory) * sizeof(float) +
           (h->limits ? 0 : 2 * h->params) +
           h->updates * (c->pairs * sizeof *c->update + sizeof(double)) +
           h->curve * sizeof *c->curve + h->limits + h->trainer;
}

size_t og_compress_bytes(const og_compress *c)
{
    const struct header h = header_of(c);
    return bytes_of(c, &h);
}

void og_compress_save(const og_compress *c, void *bytes)
{
    const struct header h = header_of(c);
    unsigned char *to = bytes;
    og_bytes_put(&to, &h, sizeof h);
    og_bytes_put(&to, c->params, h.params * sizeof(float));
    og_bytes_put(&to, c->state, h.state * sizeof(float));
    if (c->limits) og_limits_save(c->limits, &to);
    if (c->limits) return;
    og_bytes_put(&to, c->memory, h.memory * sizeof(float));
    og_bytes_put(&to, c->allowed, h.params);
    og_bytes_put(&to, c->frozen, h.params);
    og_bytes_put(&to, c->update, h.updates * c->pairs * sizeof *c->update);
    og_bytes_put(&to, c->rho_of, h.updates * sizeof(double));
    og_bytes_put(&to, c->curve, h.curve * sizeof *c->curve);
    if (c->trainer) og_trainer_save(c->trainer, to);
}

static og_status check(const og_compress *c, const struct header *h, size_t n,
                       struct og_error *err)
{
    if (memcmp(h->magic, magic, sizeof h->magic) != 0 || h->version != 2)
        return og_fail(err, OG_INPUT, "not a checkpoint of a compression");
    const struct header own = header_of(c);
    if (h->fingerprint != own.fingerprint || h->params != own.params ||
        h->state != own.state || h->memory != own.memory || h->curve != own.curve ||
        h->limits != own.limits)
        return og_fail(err, OG_INPUT,
                       "the checkpoint of a compression is of another model or round");
    if (h->at > c->steps || h->updates > og_compress_updates_in_all(c) ||
        h->trainer > n || n != bytes_of(c, h))
        return og_fail(err, OG_INPUT,
                       "the checkpoint of a compression is damaged (%zu bytes)", n);
    return OG_OK;
}

// What lies between the header and the trainer.
static void take(og_compress *c, const struct header *h, const unsigned char **from)
{
    og_bytes_get(from, c->params, h->params * sizeof(float));
    og_bytes_get(from, c->state, h->state * sizeof(float));
    c->at = (size_t)h->at;
    if (c->limits) {
        og_limits_restore(c->limits, from);
        return;
    }
    og_bytes_get(from, c->memory, h->memory * sizeof(float));
    og_bytes_get(from, c->allowed, h->params);
    og_bytes_get(from, c->frozen, h->params);
    og_bytes_get(from, c->update, h->updates * c->pairs * sizeof *c->update);
    og_bytes_get(from, c->rho_of, h->updates * sizeof(double));
    og_bytes_get(from, c->curve, h->curve * sizeof *c->curve);
    c->updates = (size_t)h->updates;
    c->rho = h->rho;
}

og_status og_compress_restore(og_compress *c, const void *bytes, size_t n,
                              struct og_error *err)
{
    struct header h;
    const unsigned char *from = bytes;
    if (n < sizeof h)
        return og_fail(err, OG_INPUT,
                       "the checkpoint of a compression is cut short (%zu bytes)", n);
    og_bytes_get(&from, &h, sizeof h);
    OG_TRY(check(c, &h, n, err));
    take(c, &h, &from);
    if (c->limits) return OG_OK;
    og_admm_aim(c);
    OG_TRY(og_compress_start_phase(c, err));
    if (!c->trainer) return OG_OK;
    return og_trainer_restore(c->trainer, from, (size_t)h.trainer, err);
}
