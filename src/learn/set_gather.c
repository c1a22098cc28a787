// SPDX-License-Identifier: GPL-3.0-or-later
// Load-balanced gather-scatter GS(B, k) (2021, arXiv 2112.10898): the non-zeros of a
// group of B / k rows come in packs of B, k of each row, which are read from B banks at
// once (a column's bank is its number mod B). P packs can be made of the non-zeros of a
// group exactly when no row has more than k P of them and no bank more than P: split each
// row into k, and a bipartite graph of degree P has a colouring of P colours (Koenig);
// places left free are padding. So the set bounds the number of packs of all groups
// together.
//
// The packs of a group follow from its share of the largest weights of all, as published;
// then weights are taken by falling |w| as long as their row and bank have room. That
// keeps at least half of the energy that these packs could hold (rows and banks are two
// partition matroids), and is not the nearest point.
#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "learn/set.h"

struct gather {
    struct og_amount amount;
    int banks, per_row;
    size_t group_rows, groups, packs;
};

static const struct og_field fields[] = {
    {.key = "keep",
     .type = OG_FIELD_REAL,
     .offset = offsetof(struct gather, amount.keep),
     .min = 1e-9,
     .max = 1,
     .stage = OG_STAGE_TRAIN,
     .help = "Fraction of the weights kept, as the nearest number of packs, at least 1."},
    {.key = "banks",
     .type = OG_FIELD_INT,
     .offset = offsetof(struct gather, banks),
     .min = 1,
     .max = 4096,
     .stage = OG_STAGE_TRAIN,
     .help = "B: memory banks, and weights of a pack."},
    {.key = "per_row",
     .type = OG_FIELD_INT,
     .offset = offsetof(struct gather, per_row),
     .min = 1,
     .max = 4096,
     .stage = OG_STAGE_TRAIN,
     .help = "k: weights of a pack in each row; B is a multiple of it."},
    {.key = NULL},
};

static og_status check(struct og_set *set, const og_item *item, struct og_error *err)
{
    struct gather *g = set->attr;
    if (g->banks % g->per_row != 0)
        return og_set_fail(item, "per_row", err, "%d does not divide banks, %d",
                           g->per_row, g->banks);
    double packs = g->amount.keep * (double)(set->rows * set->columns) / g->banks;
    g->group_rows = (size_t)(g->banks / g->per_row);
    g->groups = (set->rows + g->group_rows - 1) / g->group_rows;
    g->packs = packs < 1 ? 1 : (size_t)floor(packs + 0.5);
    return OG_OK;
}

// --- membership ------------------------------------------------------------------------

static size_t count_row(const struct og_set *set, const float *v, size_t row)
{
    size_t n = 0;
    for (size_t j = 0; j < set->columns; j++) n += v[row * set->columns + j] != 0;
    return n;
}

static size_t count_bank(const struct og_set *set, const float *v, size_t group,
                         size_t bank)
{
    const struct gather *g = set->attr;
    size_t n = 0, end = (group + 1) * g->group_rows;
    for (size_t i = group * g->group_rows; i < end && i < set->rows; i++)
        for (size_t j = bank; j < set->columns; j += (size_t)g->banks)
            n += v[i * set->columns + j] != 0;
    return n;
}

static size_t packs_of(const struct og_set *set, const float *v, size_t group)
{
    const struct gather *g = set->attr;
    size_t packs = 0, end = (group + 1) * g->group_rows, k = (size_t)g->per_row;
    for (size_t i = group * g->group_rows; i < end && i < set->rows; i++) {
        size_t need = (count_row(set, v, i) + k - 1) / k;
        if (need > packs) packs = need;
    }
    for (int b = 0; b < g->banks; b++) {
        size_t need = count_bank(set, v, group, (size_t)b);
        if (need > packs) packs = need;
    }
    return packs;
}

static bool holds(const struct og_set *set, const float *v)
{
    const struct gather *g = set->attr;
    size_t packs = 0;
    for (size_t i = 0; i < g->groups; i++) packs += packs_of(set, v, i);
    return packs <= g->packs;
}

// --- projection ------------------------------------------------------------------------

struct work {
    uint64_t *order, *spare;           // weights by falling |w|
    size_t *packs, *in_row, *in_bank;  // of each group; of each row; [group][bank]
    double *share;                     // of each group: what rounding left over
};

static bool make_work(const struct og_set *set, struct work *w)
{
    const struct gather *g = set->attr;
    size_t n = set->rows * set->columns;
    *w = (struct work){og_alloc(n, sizeof *w->order),
                       og_alloc(n, sizeof *w->spare),
                       og_alloc(g->groups, sizeof *w->packs),
                       og_alloc(set->rows, sizeof *w->in_row),
                       og_alloc(g->groups * (size_t)g->banks, sizeof *w->in_bank),
                       og_alloc(g->groups, sizeof *w->share)};
    return w->order && w->spare && w->packs && w->in_row && w->in_bank && w->share;
}

static void free_work(struct work *w)
{
    og_free(w->order);
    og_free(w->spare);
    og_free(w->packs);
    og_free(w->in_row);
    og_free(w->in_bank);
    og_free(w->share);
}

// Packs by the number of the largest packs * B weights in each group, rounded down; those
// left go to the largest remainders.
static void share_packs(const struct og_set *set, struct work *w)
{
    const struct gather *g = set->attr;
    size_t n = set->rows * set->columns, banks = (size_t)g->banks, left = g->packs;
    size_t largest = g->packs * banks < n ? g->packs * banks : n;
    for (size_t i = 0; i < largest; i++)
        w->packs[(uint32_t)w->order[i] / set->columns / g->group_rows]++;
    for (size_t i = 0; i < g->groups; i++) {
        w->share[i] = (double)(w->packs[i] % banks);
        w->packs[i] /= banks;
        left -= w->packs[i];
    }
    og_select_largest(w->share, g->groups, left < g->groups ? left : g->groups);
    for (size_t i = 0; i < g->groups; i++) w->packs[i] += w->share[i] != 0;
}

// In the order of |w|; `z` gets what is taken and must be zero.
static void take(const struct og_set *set, struct work *w, const float *v, float *z)
{
    const struct gather *g = set->attr;
    size_t banks = (size_t)g->banks, k = (size_t)g->per_row;
    for (size_t i = 0; i < set->rows * set->columns; i++) {
        size_t at = (uint32_t)w->order[i], row = at / set->columns;
        size_t group = row / g->group_rows;
        size_t *bank = &w->in_bank[group * banks + at % set->columns % banks];
        if (v[at] == 0 || w->in_row[row] == k * w->packs[group] ||
            *bank == w->packs[group])
            continue;
        w->in_row[row]++;
        ++*bank;
        z[at] = v[at];
    }
}

static og_status project(const struct og_set *set, float *z, struct og_error *err)
{
    size_t n = set->rows * set->columns;
    struct work w;
    if (holds(set, z)) return OG_OK;
    float *v = og_alloc(n, sizeof *v);
    if (v != NULL && make_work(set, &w)) {
        memcpy(v, z, n * sizeof *v);
        for (size_t i = 0; i < n; i++) w.order[i] = og_sort_key(-fabsf(z[i]), i);
        og_sort_keys(w.order, w.spare, n);
        share_packs(set, &w);
        memset(z, 0, n * sizeof *z);
        take(set, &w, v, z);
        free_work(&w);
        og_free(v);
        return OG_OK;
    }
    if (v != NULL) free_work(&w);
    og_free(v);
    return og_set_no_memory(err);
}

const struct og_set_type og_set_gather_scatter = {fields, sizeof(struct gather), check,
                                                  project, holds};
