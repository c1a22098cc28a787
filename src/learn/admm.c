// SPDX-License-Identifier: GPL-3.0-or-later
// Z, U and rho. When rho grows by a factor, the scaled U shrinks by it, so that the
// multiplier rho U stays (Boyd et al., 2011, section 3.4.1).
#include <math.h>
#include <string.h>

#include "config/tree.h"
#include "learn/compress.h"

// Passes over the sets before their intersection counts as empty, or out of reach of
// projections one after the other (ohmgrid's choice).
enum { MAP_PASSES = 8 };

static og_status project(const og_compress *c, const struct og_pair *p, const float *v,
                         float *z, struct og_error *err)
{
    return og_set_project(p->set, v, c->allowed + p->offset, z, err);
}

og_status og_admm_start(og_compress *c, struct og_error *err)
{
    c->rho = c->round.admm.rho;
    for (size_t k = 0; k < c->pairs; k++) {
        struct og_pair *p = &c->pair[k];
        OG_TRY(project(c, p, c->params + p->offset, p->z, err));
    }
    og_admm_aim(c);
    return OG_OK;
}

void og_admm_aim(og_compress *c)
{
    const float rho = (float)c->rho;
    memset(c->pull, 0, c->param_count * sizeof *c->pull);
    memset(c->target, 0, c->param_count * sizeof *c->target);
    for (size_t k = 0; k < c->pairs; k++) {
        const struct og_pair *p = &c->pair[k];
        float *pull = c->pull + p->offset, *target = c->target + p->offset;
        for (size_t i = 0; i < p->count; i++) {
            pull[i] += rho;
            target[i] += rho * (p->z[i] - p->u[i]);
        }
    }
}

static double ratio(double part, double whole)
{
    return whole > 0.0 ? sqrt(part / whole) : 0.0;
}

// One pair; c->scratch is W + U, then the new Z.
static og_status update_pair(og_compress *c, struct og_pair *p, struct og_update *told,
                             struct og_error *err)
{
    const float *w = c->params + p->offset;
    float *v = c->scratch;
    double norm = 0.0, residual = 0.0, change = 0.0;
    for (size_t i = 0; i < p->count; i++) v[i] = w[i] + p->u[i];
    OG_TRY(project(c, p, v, v, err));
    for (size_t i = 0; i < p->count; i++) {
        const double away = (double)w[i] - v[i], moved = (double)v[i] - p->z[i];
        norm += (double)w[i] * w[i];
        residual += away * away;
        change += moved * moved;
        p->u[i] += w[i] - v[i];
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
    if (grown == c->rho) return;
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

static const struct og_pair *broken(const og_compress *c)
{
    for (size_t k = 0; k < c->pairs; k++)
        if (!og_set_holds(c->pair[k].set, c->params + c->pair[k].offset))
            return &c->pair[k];
    return NULL;
}

og_status og_admm_map(og_compress *c, struct og_error *err)
{
    const struct og_pair *p = NULL;
    for (int pass = 0; pass < MAP_PASSES; pass++) {
        OG_TRY(map_once(c, true, err));
        OG_TRY(map_once(c, false, err));
        p = broken(c);
        if (!p) return OG_OK;
    }
    return og_item_fail(p->item, err,
                        "this set and the others on %s have no weights in common that "
                        "projections one after the other find",
                        og_model_tensor(c->model, p->tensor).node);
}
