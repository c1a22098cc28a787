// SPDX-License-Identifier: GPL-3.0-or-later
// The phases of a round: ADMM, the mapping, masked retraining.
#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "config/tree.h"
#include "learn/compress.h"

static size_t steps_per_epoch(const og_compress *c, const struct og_train_config *t)
{
    const size_t n = c->options.train->n, most = (size_t)t->batch;
    const size_t batch = most < n ? most : n;
    return batch > 0 ? (n + batch - 1) / batch : 0;
}

size_t og_compress_updates_in_all(const og_compress *c)
{
    if (c->limits) return 0;
    return (size_t)(c->round.admm.train.epochs / c->round.admm.update_every);
}

static og_status alloc_memory(og_compress *c, struct og_error *err)
{
    const size_t updates = og_compress_updates_in_all(c), n = c->param_count;
    size_t largest = 0, groups = 0;
    for (size_t k = 0; k < c->pairs; k++) {
        groups += c->pair[k].groups;
        c->memory_count += 2 * c->pair[k].count;
        if (c->pair[k].count > largest) largest = c->pair[k].count;
    }
    c->memory = og_alloc(c->memory_count, sizeof *c->memory);
    c->scratch = og_alloc(largest, sizeof *c->scratch);
    c->key = og_alloc(c->round.shares.n > 0 ? largest : 0, sizeof *c->key);
    c->group_memory = og_alloc(groups, sizeof *c->group_memory);
    c->pull = og_alloc(n, sizeof *c->pull);
    c->target = og_alloc(n, sizeof *c->target);
    c->allowed = og_alloc(n, 1);
    c->frozen = og_alloc(n, 1);
    c->update = og_alloc(updates * c->pairs, sizeof *c->update);
    c->rho_of = og_alloc(updates, sizeof *c->rho_of);
    c->curve = og_alloc((size_t)c->round.admm.train.epochs, sizeof *c->curve);
    if (!c->memory || !c->scratch || !c->key || !c->group_memory || !c->pull ||
        !c->target || !c->allowed || !c->frozen || !c->update || !c->rho_of || !c->curve)
        return og_fail(err, OG_NO_MEMORY, "no memory to compress %zu parameters", n);
    float *at = c->memory;
    double *group = c->group_memory;
    for (size_t k = 0; k < c->pairs; k++) {
        c->pair[k].z = at;
        c->pair[k].u = at + c->pair[k].count;
        c->pair[k].group = group;
        at += 2 * c->pair[k].count;
        group += c->pair[k].groups;
    }
    return OG_OK;
}

// Weights that are zero now stay so: biases and norms are never weights.
static void freeze_zeros(og_compress *c)
{
    memset(c->allowed, 1, c->param_count);
    for (size_t t = 0; t < og_model_tensors(c->model); t++) {
        const struct og_tensor_info info = og_model_tensor(c->model, t);
        if (og_model_kept(c->model, t).all == 0) continue;
        for (size_t i = info.offset; i < info.offset + info.count; i++)
            c->allowed[i] = c->params[i] != 0.0f;
    }
    for (size_t i = 0; i < c->param_count; i++) c->frozen[i] = !c->allowed[i];
}

static void freeze_values(og_compress *c)
{
    for (size_t k = 0; k < c->pairs; k++)
        if (!c->pair[k].prunes)
            memset(c->frozen + c->pair[k].offset, 1, c->pair[k].count);
}

// The trainer of a phase, from the weights that the model has.
static og_status start_trainer(og_compress *c, const struct og_phase *phase, bool admm,
                               struct og_error *err)
{
    const struct og_train_options options = {
        .config = &phase->train,
        .train = c->options.train,
        .keep_weights = true,
        .first_epoch =
            c->options.first_epoch + (admm ? 0 : (size_t)c->round.admm.train.epochs),
        .frozen = c->frozen,
        .pull = admm ? c->pull : NULL,
        .target = admm ? c->target : NULL,
    };
    return og_trainer_alloc_with(&c->trainer, c->model, &options, err);
}

og_status og_compress_start_phase(og_compress *c, struct og_error *err)
{
    og_trainer_free(c->trainer);
    c->trainer = NULL;
    if (c->at <= c->admm_steps && c->admm_steps > 0)
        return start_trainer(c, &c->round.admm, true, err);
    if (c->at > c->admm_steps && c->steps > c->admm_steps + 1)
        return start_trainer(c, &c->round.retrain, false, err);
    return OG_OK;
}

// The first set after `after` that restricts values; NULL: none.
static const struct og_pair *next_of_values(const og_compress *c,
                                            const struct og_pair *after)
{
    for (size_t k = after ? (size_t)(after - c->pair) + 1 : 0; k < c->pairs; k++)
        if (!c->pair[k].prunes && (!after || c->pair[k].tensor == after->tensor))
            return &c->pair[k];
    return NULL;
}

// Shares and steps straight through are of values, and weights stand behind one set.
static og_status check_values(const og_compress *c, struct og_error *err)
{
    const bool through = c->round.straight_through;
    const og_item *at =
        og_item_get(c->options.round, through ? "straight_through" : "shares");
    if (c->round.shares.n == 0 && !through) return OG_OK;
    if (!next_of_values(c, NULL))
        return og_item_fail(at, err, "no set of this round restricts values");
    for (size_t k = 0; through && k < c->pairs; k++)
        if (!c->pair[k].prunes && next_of_values(c, &c->pair[k]))
            return og_item_fail(at, err, "two sets restrict the values of %s",
                                og_model_tensor(c->model, c->pair[k].tensor).node);
    return OG_OK;
}

static og_status read(og_compress *c, struct og_error *err)
{
    c->params = og_model_params(c->model, &c->param_count);
    c->state = og_model_state(c->model, &c->state_count);
    OG_TRY(og_round_read(&c->round, c->options.round, c->options.base, err));
    if (c->round.limits_keys != NULL)
        return og_limits_alloc(&c->limits, c->model, &c->round.limits, &c->options, err);
    OG_TRY(og_compress_read_sets(c, err));
    return check_values(c, err);
}

static og_status fill(og_compress *c, struct og_error *err)
{
    OG_TRY(read(c, err));
    if (c->limits) {
        c->steps = og_limits_steps(c->limits);
        return og_compress_fingerprint(c, err);
    }
    const struct og_train_config *admm = &c->round.admm.train,
                                 *retrain = &c->round.retrain.train;
    c->per_epoch[0] = steps_per_epoch(c, admm);
    c->per_epoch[1] = steps_per_epoch(c, retrain);
    c->admm_steps = (size_t)admm->epochs * c->per_epoch[0];
    c->steps = c->admm_steps + 1 + (size_t)retrain->epochs * c->per_epoch[1];
    OG_TRY(og_compress_fingerprint(c, err));
    OG_TRY(alloc_memory(c, err));
    freeze_zeros(c);
    OG_TRY(og_admm_start(c, err));
    return og_compress_start_phase(c, err);
}

og_status og_compress_alloc(og_compress **compress, og_model *model,
                            const struct og_compress_options *options,
                            struct og_error *err)
{
    og_compress *c = *compress = og_alloc(1, sizeof *c);
    if (!c) return og_fail(err, OG_NO_MEMORY, "no memory for a compression");
    c->model = model;
    c->options = *options;
    const og_status status = fill(c, err);
    if (status != OG_OK) {
        og_compress_free(c);
        *compress = NULL;
    }
    return status;
}

void og_compress_free(og_compress *c)
{
    if (!c) return;
    og_trainer_free(c->trainer);
    og_limits_free(c->limits);
    og_compress_free_sets(c);
    og_free(c->memory);
    og_free(c->scratch);
    og_free(c->key);
    og_free(c->group_memory);
    og_free(c->pull);
    og_free(c->target);
    og_free(c->allowed);
    og_free(c->frozen);
    og_free(c->update);
    og_free(c->rho_of);
    og_free(c->curve);
    og_free(c);
}

og_status og_compress_work(og_model *model, const og_item *round,
                           const struct og_train_config *base, size_t n, double *samples,
                           struct og_error *err)
{
    og_compress *c = og_alloc(1, sizeof *c);
    if (!c) return og_fail(err, OG_NO_MEMORY, "no memory for a compression");
    c->model = model;
    c->options = (struct og_compress_options){.round = round, .base = base};
    const og_status status = read(c, err);
    const struct og_limits_config *l = &c->round.limits;
    const size_t each = (size_t)l->samples < n ? (size_t)l->samples : n;
    *samples =
        c->limits ? (double)og_limits_steps(c->limits) * (double)each
                  : (double)(c->round.admm.train.epochs + c->round.retrain.train.epochs) *
                        (double)n;
    og_compress_free(c);
    return status;
}

// --- steps -----------------------------------------------------------------------

size_t og_compress_steps(const og_compress *c) { return c->steps; }

size_t og_compress_at(const og_compress *c) { return c->at; }

// What ADMM leaves behind, before its trainer goes.
static void keep_curve(og_compress *c)
{
    size_t epochs;
    if (!c->trainer) return;
    const struct og_curve *curve = og_trainer_curve(c->trainer, &epochs);
    if (epochs > 0) memcpy(c->curve, curve, epochs * sizeof *curve);
}

static og_status map(og_compress *c, struct og_error *err)
{
    const struct og_list *shares = &c->round.shares;
    const bool through = c->round.straight_through;
    keep_curve(c);
    OG_TRY(og_admm_map(c, shares->n == 0 && !through, err));
    if (c->round.purify) OG_TRY(og_purify(c->model, err));
    freeze_zeros(c);
    if (through)
        OG_TRY(og_admm_stand_behind(c, err));
    else if (shares->n == 0)
        freeze_values(c);
    else
        OG_TRY(og_admm_settle(c, shares->v[0], err));
    c->at++;
    return og_compress_start_phase(c, err);
}

// After a step of the retraining: the weights behind values follow it, or the next share,
// where a part of the retraining is over.
static og_status settle(og_compress *c, struct og_error *err)
{
    const struct og_list *shares = &c->round.shares;
    if (c->round.straight_through) {
        OG_TRY(og_admm_follow(c, err));
        return c->at < c->steps ? OG_OK : og_admm_map(c, true, err);
    }
    const size_t parts = (size_t)shares->n + 1, after = c->admm_steps + 1;
    for (size_t i = 1; i < parts; i++) {
        if (c->at - after != i * (c->steps - after) / parts) continue;
        if (i < parts - 1) return og_admm_settle(c, shares->v[i], err);
        OG_TRY(og_admm_map(c, true, err));
        freeze_values(c);
    }
    return OG_OK;
}

og_status og_compress_step(og_compress *c, struct og_error *err)
{
    assert(c->at < c->steps);
    if (c->limits) {
        OG_TRY(og_limits_step(c->limits, c->at, err));
        c->at++;
        return OG_OK;
    }
    if (c->at == c->admm_steps) return map(c, err);
    OG_TRY(og_trainer_step(c->trainer, err));
    if (c->round.method == OG_METHOD_PROXIMAL && c->at < c->admm_steps)
        og_admm_shrink(c, og_learning_rate(&c->round.admm.train, c->per_epoch[0], c->at));
    c->at++;
    const size_t every = (size_t)c->round.admm.update_every * c->per_epoch[0];
    if (c->at > c->admm_steps) return settle(c, err);
    if (c->at % every != 0) return OG_OK;
    return og_admm_update(c, err);
}

struct og_compress_place og_compress_place(const og_compress *c)
{
    struct og_compress_place p = {.phase = OG_COMPRESS_MAP};
    if (c->limits) return og_limits_place(c->limits, c->at);
    if (c->at == 0 || c->at == c->admm_steps + 1) return p;
    const bool admm = c->at <= c->admm_steps;
    const size_t done = admm ? c->at : c->at - c->admm_steps - 1;
    const size_t each = c->per_epoch[admm ? 0 : 1];
    const struct og_phase *phase = admm ? &c->round.admm : &c->round.retrain;
    p.phase = admm ? OG_COMPRESS_ADMM : OG_COMPRESS_RETRAIN;
    p.epochs = (size_t)phase->train.epochs;
    p.epoch = (done - 1) / each + 1;
    p.now = og_trainer_running(c->trainer);
    size_t n;
    if (done % each == 0) p.now = og_trainer_curve(c->trainer, &n)[p.epoch - 1];
    return p;
}

// --- report ----------------------------------------------------------------------

size_t og_compress_pairs(const og_compress *c) { return c->pairs; }

struct og_pair_info og_compress_pair(const og_compress *c, size_t pair)
{
    assert(pair < c->pairs);
    const struct og_pair *p = &c->pair[pair];
    const struct og_tensor_info t = og_model_tensor(c->model, p->tensor);
    return (struct og_pair_info){t.node, t.name, og_set_kind(p->set)->name};
}

size_t og_compress_limits(const og_compress *c)
{
    return c->limits ? og_limits_count(c->limits) : 0;
}

struct og_limit_info og_compress_limit(const og_compress *c, size_t i)
{
    assert(c->limits);
    return og_limits_info(c->limits, i);
}

const struct og_update *og_compress_updates(const og_compress *c, size_t *n,
                                            const double **rho)
{
    *n = c->updates;
    *rho = c->rho_of;
    return c->update;
}

const struct og_curve *og_compress_curve(const og_compress *c,
                                         enum og_compress_phase phase, size_t *epochs)
{
    *epochs = 0;
    if (c->limits) return NULL;
    if (phase == OG_COMPRESS_ADMM && c->at > c->admm_steps) {
        *epochs = (size_t)c->round.admm.train.epochs;
        return c->curve;
    }
    const bool now = (phase == OG_COMPRESS_ADMM) == (c->at <= c->admm_steps);
    if (phase == OG_COMPRESS_MAP || !now || !c->trainer) return NULL;
    return og_trainer_curve(c->trainer, epochs);
}
