// SPDX-License-Identifier: GPL-3.0-or-later
// Sets whose values are 0 or +-s t, t one of a few fixed levels and s >= 0 one scale for
// all weights or for each filter. The zeros of a tensor stay as they are: the nearest
// point is the nearest one with these zeros.
#ifndef OG_LEARN_SET_LADDER_H
#define OG_LEARN_SET_LADDER_H

#include "learn/set.h"

enum { OG_LADDER_MAX = 256 };

struct og_ladder {
    int n;
    double t[OG_LADDER_MAX];  // rising; t[0] >= 0, the first that is not 0 >= 1
    bool by_filter;
};

// The attr of such a set begins with its ladder.
og_status og_ladder_project(const struct og_set *set, float *z, struct og_error *err);
bool og_ladder_holds(const struct og_set *set, const float *v);

// --- the best scale (set_scale.c) ------------------------------------------------------
// n magnitudes > 0 rising, and sum[i], the sum of the first i of them.
struct og_magnitudes {
    const uint64_t *sorted;  // og_sort_key
    const double *sum;       // [n + 1]
    size_t n;
};
// s that minimises sum_i min_j (w_i - s t_j)^2 over all s >= 0: the global minimum.
double og_ladder_scale(const struct og_ladder *ladder, const struct og_magnitudes *w);

#endif
