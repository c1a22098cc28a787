// SPDX-License-Identifier: GPL-3.0-or-later
// Nested sub-models (multi-level sparsity, 2021, arXiv 2112.10930): the mask of each
// level lies inside that of the denser one before it. The largest k of the largest K > k
// are the largest k, ties going to the smaller index in both, so that the projections of
// one tensor at its levels are nested as they are.
#include "learn/set_groups.h"

struct nested {
    struct og_groups groups;
    struct og_list keeps;
    int level;
};

static const struct og_field fields[] = {
    {.key = "keeps",
     .type = OG_FIELD_LIST,
     .offset = offsetof(struct nested, keeps),
     .min = 1e-9,
     .max = 1,
     .stage = OG_STAGE_TRAIN,
     .help = "Fractions kept by the levels, falling."},
    {.key = "level",
     .type = OG_FIELD_INT,
     .offset = offsetof(struct nested, level),
     .min = 0,
     .max = OG_LIST_MAX - 1,
     .def = "0",
     .stage = OG_STAGE_TRAIN,
     .help = "Level to project to; 0 is the densest."},
    {.key = NULL},
};

static og_status check(struct og_set *set, const og_item *item, struct og_error *err)
{
    struct nested *n = set->attr;
    for (int i = 1; i < n->keeps.n; i++)
        if (!(n->keeps.v[i] < n->keeps.v[i - 1]))
            return og_set_fail(item, "keeps", err, "must be falling");
    if (n->keeps.n == 0) return og_set_fail(item, "keeps", err, "needs a fraction");
    if (n->level >= n->keeps.n)
        return og_set_fail(item, "level", err, "%d is none of the levels 0 .. %d",
                           n->level, n->keeps.n - 1);
    n->groups.amount.keep = n->keeps.v[n->level];
    for (int i = 0; i < 2; i++) n->groups.group[i] = 1;
    n->groups.pool[0] = set->rows;
    n->groups.pool[1] = set->columns;
    return og_groups_check(set, item, err);
}

const struct og_set_type og_set_nested = {fields, sizeof(struct nested), check,
                                          og_groups_project, og_groups_hold};
