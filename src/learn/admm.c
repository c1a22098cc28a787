// SPDX-License-Identifier: GPL-3.0-or-later
// Z, U and rho. When rho grows by a factor, the scaled U shrinks by it, so that the
// multiplier rho U stays (Boyd et al., 2011, section 3.4.1).
#include <math.h>
#include <string.h>

#include "config/tree.h"
#include "learn/compress.h"
#include "learn/set.h"
#include "learn/set_groups.h"

// Passes over the sets before their intersection counts as empty, or out of reach of
// projections one after the other (ohmgrid's choice).
enum { MAP_PASSES = 8 };

static og_status project(const og_compress *c, const struct og_pair *p, const float *v,
                         float *z, struct og_error *err)
{
    return og_set_project(p->set, v, c->allowed + p->offset, z, err);
}

// What is projected must be finite.
static og_status check_finite(const og_compress *c, const struct og_pair *p,
                              const float *v, struct og_error *err)
{
    for (size_t i = 0; i < p->count; i++)
        if (!isfinite(v[i]))
            return og_fail(err, OG_FAILED,
                           "a weight of %s to be compressed is not finite; where ADMM "
                           "diverges, lower its rho, rho_factor or lr",
                           og_model_tensor(c->model, p->tensor).node);
    return OG_OK;
}

og_status og_admm_start(og_compress *c, struct og_error *err)
{
    c->rho = c->round.admm.rho;
    for (size_t k = 0; k < c->pairs; k++) {
        struct og_pair *p = &c->pair[k];
        const float *w = c->params + p->offset;
        OG_TRY(check_finite(c, p, w, err));
        OG_TRY(project(c, p, w, p->z, err));
        if (c->round.method != OG_METHOD_ADMM) memcpy(p->u, w, p->count * sizeof *w);
    }
    og_admm_aim(c);
    return OG_OK;
}

static void aim_at_set(og_compress *c, const struct og_pair *p)
{
    const float rho = (float)(c->rho * p->set->rho_scale);
    float *pull = c->pull + p->offset, *target = c->target + p->offset;
    for (size_t i = 0; i < p->count; i++) {
        pull[i] += rho;
        target[i] += rho * (p->z[i] - p->u[i]);
    }
}

// d/dw of penalty |w_G|^2 / (|v_G|^2 + epsilon), v the weights of the last update.
static void reweigh(og_compress *c, const struct og_pair *p)
{
    const struct og_phase *phase = &c->round.admm;
    float *pull = c->pull + p->offset, *each = c->scratch;
    og_set_group_squares(p->set, p->u, p->group);
    for (size_t g = 0; g < p->groups; g++)
        p->group[g] = 2.0 * phase->penalty / (p->group[g] + phase->epsilon);
    og_set_group_values(p->set, p->group, each);
    for (size_t i = 0; i < p->count; i++) pull[i] += each[i];
}

void og_admm_aim(og_compress *c)
{
    memset(c->pull, 0, c->param_count * sizeof *c->pull);
    memset(c->target, 0, c->param_count * sizeof *c->target);
    for (size_t k = 0; k < c->pairs; k++) {
        if (c->round.method == OG_METHOD_ADMM) aim_at_set(c, &c->pair[k]);
        if (c->round.method == OG_METHOD_REWEIGHTED) reweigh(c, &c->pair[k]);
    }
}

void og_admm_shrink(og_compress *c, double lr)
{
    const double threshold = lr * c->round.admm.penalty;
    for (size_t k = 0; k < c->pairs; k++) {
        const struct og_pair *p = &c->pair[k];
        float *w = c->params + p->offset;
        og_set_group_squares(p->set, w, p->group);
        for (size_t g = 0; g < p->groups; g++) {
            const double norm = sqrt(p->group[g]);
            p->group[g] = norm > threshold ? 1.0 - threshold / norm : 0.0;
        }
        og_set_group_values(p->set, p->group, c->scratch);
        for (size_t i = 0; i < p->count; i++) w[i] *= c->scratch[i];
    }
}

static double ratio(double part, double whole)
{
    return whole > 0.0 ? sqrt(part / whole) : 0.0;
}

// One pair; c->scratch is W + U (W alone, without ADMM), then the new Z.
static og_status update_pair(og_compress *c, struct og_pair *p, struct og_update *told,
                             struct og_error *err)
{
    const float *w = c->params + p->offset;
    const bool admm = c->round.method == OG_METHOD_ADMM;
    float *v = c->scratch;
    double norm = 0.0, residual = 0.0, change = 0.0;
    for (size_t i = 0; i < p->count; i++) v[i] = admm ? w[i] + p->u[i] : w[i];
    OG_TRY(check_finite(c, p, v, err));
    OG_TRY(project(c, p, v, v, err));
    for (size_t i = 0; i < p->count; i++) {
        const double away = (double)w[i] - v[i], moved = (double)v[i] - p->z[i];
        norm += (double)w[i] * w[i];
        residual += away * away;
        change += moved * moved;
        p->u[i] = admm ? p->u[i] + (w[i] - v[i]) : w[i];
        p->z[i] = v[i];
    }
    *told = (struct og_update){ratio(residual, norm), ratio(change, norm)};
    return OG_OK;
}

static void grow_rho(og_compress *c)
{
    const struct og_phase *phase = &c->round.admm;
    const double grown = fmin(c->rho * phase->rho_factor, phase->rho_max);
    const float shrink = (float)(c->rho / grown);
    if (c->round.method != OG_METHOD_ADMM || grown == c->rho) return;
    c->rho = grown;
    for (size_t k = 0; k < c->pairs; k++)
        for (size_t i = 0; i < c->pair[k].count; i++) c->pair[k].u[i] *= shrink;
}

og_status og_admm_update(og_compress *c, struct og_error *err)
{
    struct og_update *told = c->update + c->updates * c->pairs;
    for (size_t k = 0; k < c->pairs; k++)
        OG_TRY(update_pair(c, &c->pair[k], &told[k], err));
    c->rho_of[c->updates++] = c->rho;
    grow_rho(c);
    og_admm_aim(c);
    return OG_OK;
}

// --- the masked mapping ----------------------------------------------------------

static og_status map_once(og_compress *c, bool prunes, struct og_error *err)
{
    for (size_t k = 0; k < c->pairs; k++) {
        const struct og_pair *p = &c->pair[k];
        float *w = c->params + p->offset;
        if (p->prunes != prunes) continue;
        OG_TRY(project(c, p, w, w, err));
        for (size_t i = 0; i < p->count; i++)
            if (p->prunes && w[i] == 0.0f) c->allowed[p->offset + i] = 0;
    }
    return OG_OK;
}

static const struct og_pair *broken(const og_compress *c, bool values)
{
    for (size_t k = 0; k < c->pairs; k++)
        if ((values || c->pair[k].prunes) &&
            !og_set_holds(c->pair[k].set, c->params + c->pair[k].offset))
            return &c->pair[k];
    return NULL;
}

og_status og_admm_map(og_compress *c, bool values, struct og_error *err)
{
    const struct og_pair *p = NULL;
    for (int pass = 0; pass < MAP_PASSES; pass++) {
        OG_TRY(map_once(c, true, err));
        if (values) OG_TRY(map_once(c, false, err));
        p = broken(c, values);
        if (!p) return OG_OK;
    }
    return og_item_fail(p->item, err,
                        "this set and the others on %s have no weights in common that "
                        "projections one after the other find",
                        og_model_tensor(c->model, p->tensor).node);
}

// Keys by which og_select_largest takes frozen weights first, then by their distance.
// Weights that are 0 stay so, and are none.
static size_t nearness(const og_compress *c, const struct og_pair *p, const float *z,
                       double *key)
{
    const float *w = c->params + p->offset;
    const uint8_t *allowed = c->allowed + p->offset, *frozen = c->frozen + p->offset;
    double most = 0.0;
    size_t n = 0;
    for (size_t i = 0; i < p->count; i++) most = fmax(most, fabs((double)w[i] - z[i]));
    for (size_t i = 0; i < p->count; i++) {
        const double near = most - fabs((double)w[i] - z[i]) + 1.0;
        key[i] = !allowed[i] ? 0.0 : frozen[i] ? most + 2.0 : near;
        n += allowed[i] != 0;
    }
    return n;
}

og_status og_admm_settle(og_compress *c, double share, struct og_error *err)
{
    for (size_t k = 0; k < c->pairs; k++) {
        const struct og_pair *p = &c->pair[k];
        float *w = c->params + p->offset, *z = c->scratch;
        if (p->prunes) continue;
        OG_TRY(check_finite(c, p, w, err));
        OG_TRY(project(c, p, w, z, err));
        const size_t n = nearness(c, p, z, c->key);
        og_select_largest(c->key, p->count, (size_t)llround(share * (double)n));
        for (size_t i = 0; i < p->count; i++) {
            if (c->key[i] == 0.0) continue;
            w[i] = z[i];
            c->frozen[p->offset + i] = 1;
        }
    }
    return OG_OK;
}

// --- straight through ------------------------------------------------------------

static og_status show_projection(og_compress *c, struct og_pair *p, struct og_error *err)
{
    OG_TRY(check_finite(c, p, p->u, err));
    OG_TRY(project(c, p, p->u, p->z, err));
    memcpy(c->params + p->offset, p->z, p->count * sizeof *p->z);
    return OG_OK;
}

og_status og_admm_stand_behind(og_compress *c, struct og_error *err)
{
    for (size_t k = 0; k < c->pairs; k++) {
        struct og_pair *p = &c->pair[k];
        if (p->prunes) continue;
        memcpy(p->u, c->params + p->offset, p->count * sizeof *p->u);
        OG_TRY(show_projection(c, p, err));
    }
    return OG_OK;
}

og_status og_admm_follow(og_compress *c, struct og_error *err)
{
    for (size_t k = 0; k < c->pairs; k++) {
        struct og_pair *p = &c->pair[k];
        const float *w = c->params + p->offset;
        if (p->prunes) continue;
        for (size_t i = 0; i < p->count; i++) p->u[i] += w[i] - p->z[i];
        OG_TRY(show_projection(c, p, err));
    }
    return OG_OK;
}
