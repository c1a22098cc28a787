// SPDX-License-Identifier: GPL-3.0-or-later
// At most n values, free (weight clustering; Ye et al., 2018, arXiv 1811.01907, updates
// them like k-means). In one dimension clusters are runs of the sorted weights, and the
// best runs follow from dynamic programming (Wang and Song, R Journal 2011), here in
// O(n M log M) for M atoms, since the last split moves to the right with the end. That is
// the nearest point as long as there are at most ATOMS different weights. Of more, ATOMS
// runs are the atoms, and the limits of the clusters are then moved to the middle of
// neighbouring means until they rest: a local minimum, near the global one. Zeros stay
// zero and are no cluster.
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "learn/set.h"

enum { CLUSTERS = 256, ATOMS = 4096 };

struct clusters {
    int levels;
};

static const struct og_field fields[] = {
    {.key = "levels",
     .type = OG_FIELD_INT,
     .offset = offsetof(struct clusters, levels),
     .min = 1,
     .max = CLUSTERS,
     .stage = OG_STAGE_TRAIN,
     .help = "Different values that the weights have, beside 0."},
    {.key = NULL},
};

static og_status check(struct og_set *set, const og_item *item, struct og_error *err)
{
    (void)set, (void)item, (void)err;  // the key says all
    return OG_OK;
}

// --- membership ------------------------------------------------------------------------

static bool same(double a, double b, double tolerance)
{
    return fabs(a - b) <= tolerance * fabs(b);
}

// Whether there are at most `most` different non-zeros.
static bool few(const float *v, size_t n, int most, double tolerance)
{
    float seen[CLUSTERS];
    int count = 0;
    for (size_t i = 0; i < n; i++) {
        int low = 0, high = count;
        if (v[i] == 0) continue;
        while (low < high) {
            int middle = (low + high) / 2;
            if (seen[middle] < v[i])
                low = middle + 1;
            else
                high = middle;
        }
        if ((low < count && same(v[i], seen[low], tolerance)) ||
            (low > 0 && same(v[i], seen[low - 1], tolerance)))
            continue;
        if (count == most) return false;
        for (int k = count++; k > low; k--) seen[k] = seen[k - 1];
        seen[low] = v[i];
    }
    return true;
}

static bool holds(const struct og_set *set, const float *v)
{
    const struct clusters *c = set->attr;
    return few(v, set->rows * set->columns, c->levels, 1e-5);
}

// --- the best runs ---------------------------------------------------------------------

struct work {
    uint64_t *sorted, *spare;
    double *sum, *squares;  // of the first i weights
    size_t n;               // non-zeros
    size_t *end;            // of the first i atoms: how many weights
    size_t atoms;
    double *before, *now;  // least costs of the first i atoms
    uint16_t *split;       // [cluster][i]: where the last cluster begins
};

static bool make_work(struct work *w, size_t n, size_t levels)
{
    *w = (struct work){.sorted = og_alloc(n, sizeof *w->sorted),
                       .spare = og_alloc(n, sizeof *w->spare),
                       .sum = og_alloc(n + 1, sizeof *w->sum),
                       .squares = og_alloc(n + 1, sizeof *w->squares),
                       .end = og_alloc(ATOMS + 1, sizeof *w->end),
                       .before = og_alloc(ATOMS + 1, sizeof *w->before),
                       .now = og_alloc(ATOMS + 1, sizeof *w->now),
                       .split = og_alloc(levels * (ATOMS + 1), sizeof *w->split)};
    return w->sorted && w->spare && w->sum && w->squares && w->end && w->before &&
           w->now && w->split;
}

static void free_work(struct work *w)
{
    og_free(w->sorted);
    og_free(w->spare);
    og_free(w->sum);
    og_free(w->squares);
    og_free(w->end);
    og_free(w->before);
    og_free(w->now);
    og_free(w->split);
}

static void sort_weights(struct work *w, const float *z, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (z[i] != 0) w->sorted[w->n++] = og_sort_key(z[i], i);
    og_sort_keys(w->sorted, w->spare, w->n);
    for (size_t i = 0; i < w->n; i++) {
        double value = og_sort_value(w->sorted[i]);
        w->sum[i + 1] = w->sum[i] + value;
        w->squares[i + 1] = w->squares[i] + value * value;
    }
}

static bool differs(const struct work *w, size_t i)
{
    return i == 0 || i == w->n || w->sorted[i] >> 32 != w->sorted[i - 1] >> 32;
}

// Different values when they are few enough; else as many runs of them, which are short
// in the value as well as in number, so that outliers are on their own.
static void make_atoms(struct work *w)
{
    size_t different = 0, seen = 0;
    long last = -1;
    for (size_t i = 0; i < w->n; i++) different += differs(w, i);
    double first = og_sort_value(w->sorted[0]);
    double range = og_sort_value(w->sorted[w->n - 1]) - first;
    for (size_t i = 0; i < w->n; i++) {
        if (!differs(w, i)) continue;
        double place = (double)seen / (double)different +
                       (og_sort_value(w->sorted[i]) - first) / range;
        long run = different <= ATOMS ? (long)seen : (long)(place * (ATOMS - 1) / 2);
        if (run != last && i > 0) w->end[++w->atoms] = i;
        last = run;
        seen++;
    }
    w->end[++w->atoms] = w->n;
}

// Sum of squares about the mean of the atoms from i to j - 1.
static double cost(const struct work *w, size_t i, size_t j)
{
    size_t from = w->end[i], to = w->end[j];
    double sum = w->sum[to] - w->sum[from];
    return w->squares[to] - w->squares[from] - sum * sum / (double)(to - from);
}

// Fills now[low..high], knowing that the best splits lie in [first, last].
static void fill(struct work *w, uint16_t *split, size_t range[2], size_t first,
                 size_t last)
{
    if (range[0] > range[1]) return;
    size_t j = (range[0] + range[1]) / 2, best = first;
    double least = INFINITY;
    for (size_t i = first; i <= last && i < j; i++) {
        double c = w->before[i] + cost(w, i, j);
        if (c < least) best = i;
        if (c < least) least = c;
    }
    w->now[j] = least;
    split[j] = (uint16_t)best;
    fill(w, split, (size_t[]){range[0], j - 1}, first, best);
    fill(w, split, (size_t[]){j + 1, range[1]}, best, last);
}

// limit[k]: how many weights lie in the first k clusters.
static void best_runs(struct work *w, size_t levels, size_t *limit)
{
    size_t m = w->atoms;
    for (size_t j = 1; j <= m; j++) w->before[j] = cost(w, 0, j);
    for (size_t k = 1; k < levels; k++) {
        uint16_t *split = w->split + k * (ATOMS + 1);
        fill(w, split, (size_t[]){k + 1, m}, k, m - 1);
        memcpy(w->before + k + 1, w->now + k + 1, (m - k) * sizeof *w->before);
    }
    limit[0] = 0;
    for (size_t k = levels, j = m; k > 0; k--) {
        limit[k] = w->end[j];
        if (k > 1) j = w->split[(k - 1) * (ATOMS + 1) + j];
    }
}

static double mean(const struct work *w, const size_t *limit)
{
    return (w->sum[limit[1]] - w->sum[limit[0]]) / (double)(limit[1] - limit[0]);
}

// Every limit between the means beside it, until none moves. A mean lies inside its own
// cluster, so none runs empty.
static void rest(const struct work *w, size_t levels, size_t *limit)
{
    enum { TURNS = 100 };
    for (int turn = 0; turn < TURNS; turn++) {
        size_t moved[CLUSTERS + 1];
        bool rests = true;
        for (size_t k = 1; k < levels; k++) {
            double middle = 0.5 * (mean(w, limit + k - 1) + mean(w, limit + k));
            moved[k] = og_sorted_up_to(w->sorted, w->n, middle);
            rests &= moved[k] == limit[k];
        }
        if (rests) return;
        memcpy(limit + 1, moved + 1, (levels - 1) * sizeof *limit);
    }
}

static og_status project(const struct og_set *set, float *z, struct og_error *err)
{
    const struct clusters *c = set->attr;
    size_t n = set->rows * set->columns, levels = (size_t)c->levels;
    size_t limit[CLUSTERS + 1];
    struct work w;
    if (few(z, n, c->levels, 0)) return OG_OK;
    if (!make_work(&w, n, levels)) {
        free_work(&w);
        return og_set_no_memory(err);
    }
    sort_weights(&w, z, n);
    make_atoms(&w);
    best_runs(&w, levels, limit);
    rest(&w, levels, limit);
    for (size_t k = 0; k < levels; k++) {
        float value = (float)mean(&w, limit + k);
        for (size_t i = limit[k]; i < limit[k + 1]; i++)
            z[(uint32_t)w.sorted[i]] = value == 0 ? 0 : value;
    }
    free_work(&w);
    return OG_OK;
}

const struct og_set_type og_set_clusters = {fields, sizeof(struct clusters), check,
                                            project, holds};
