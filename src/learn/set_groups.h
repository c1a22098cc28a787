// SPDX-License-Identifier: GPL-3.0-or-later
// Sets that keep the strongest of equal rectangles (groups) of the matrix, in all or
// within each of larger rectangles (pools). The nearest point keeps those of largest sum
// of squares, since the distance is the sum of squares of what is zeroed.
#ifndef OG_LEARN_SET_GROUPS_H
#define OG_LEARN_SET_GROUPS_H

#include "learn/set.h"

struct og_groups {
    struct og_amount amount;
    struct og_list size;  // tile or block, as given
    bool local;           // counted within each tile, block or filter
    int n, m;
    // What follows from these: rows and columns of a group and of a pool, which groups
    // tile from its corner; both may be cut off by the end of the matrix.
    size_t group[2], pool[2];
};

// Whole pools for the whole matrix, and checks the amount against the largest pool.
og_status og_groups_check(struct og_set *set, const og_item *item, struct og_error *err);
og_status og_groups_project(const struct og_set *set, float *z, struct og_error *err);
bool og_groups_hold(const struct og_set *set, const float *v);

// For regularisers of groups. Groups of a set; 0: its kind has none.
size_t og_set_groups(const og_set *set);
// sum[group] of w[i]^2; to[i] = value[group of i].
void og_set_group_squares(const og_set *set, const float *w, double *sum);
void og_set_group_values(const og_set *set, const double *value, float *to);

#endif
