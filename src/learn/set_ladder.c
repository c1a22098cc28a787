// SPDX-License-Identifier: GPL-3.0-or-later
#include "learn/set_ladder.h"

#include <math.h>

#include "base/mem.h"

// The level nearest to w, the lower one of two that are as near.
static int nearest(const struct og_ladder *ladder, double w, double s)
{
    int low = 0, high = ladder->n - 1;
    while (low < high) {
        int middle = (low + high) / 2;
        if (w <= s * 0.5 * (ladder->t[middle] + ladder->t[middle + 1]))
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static float value(const struct og_ladder *ladder, float w, float s)
{
    int level = nearest(ladder, fabs((double)w), (double)s);
    return copysignf((float)(ladder->t[level] * (double)s), w);
}

// --- whether weights lie on the ladder already -----------------------------------------

// Distinct magnitudes > 0, rising; false when there are more than the ladder has levels.
struct distinct {
    int n;
    float w[OG_LADDER_MAX];
};

static bool add_distinct(struct distinct *d, float w, int most)
{
    int at = d->n;
    while (at > 0 && d->w[at - 1] > w) at--;
    if (at > 0 && d->w[at - 1] == w) return true;
    if (d->n == most) return false;
    for (int i = d->n++; i > at; i--) d->w[i] = d->w[i - 1];
    d->w[at] = w;
    return true;
}

static bool all_on(const struct og_ladder *ladder, const struct distinct *d, float s)
{
    for (int i = 0; i < d->n; i++)
        if (value(ladder, d->w[i], s) != d->w[i]) return false;
    return true;
}

// To the bit: a projection of a projection must not move by a rounding of its scale. That
// the smallest magnitude is s t to a float leaves few floats s.
static bool is_on(const struct og_ladder *ladder, const float *w, size_t n)
{
    enum { NEAR = 2 };
    struct distinct d = {0};
    for (size_t i = 0; i < n; i++)
        if (w[i] != 0 && !add_distinct(&d, fabsf(w[i]), ladder->n)) return false;
    for (int j = 0; d.n > 0 && j < ladder->n; j++) {
        if (ladder->t[j] == 0) continue;
        float s = (float)((double)d.w[0] / ladder->t[j]);
        for (int i = 0; i < NEAR; i++) s = nextafterf(s, 0);
        for (int i = -NEAR; i <= NEAR; i++, s = nextafterf(s, INFINITY))
            if (all_on(ladder, &d, s)) return true;
    }
    return d.n == 0;
}

// --- projection ------------------------------------------------------------------------

struct room {
    uint64_t *key, *spare;
    double *sum;
};

static void project(const struct og_ladder *ladder, float *w, size_t n,
                    const struct room *room)
{
    size_t count = 0;
    if (is_on(ladder, w, n)) return;
    for (size_t i = 0; i < n; i++)
        if (w[i] != 0) room->key[count++] = og_sort_key(fabsf(w[i]), 0);
    og_sort_keys(room->key, room->spare, count);
    for (size_t i = 0; i < count; i++)
        room->sum[i + 1] = room->sum[i] + (double)og_sort_value(room->key[i]);
    struct og_magnitudes all = {room->key, room->sum, count};
    float s = (float)og_ladder_scale(ladder, &all);
    for (size_t i = 0; i < n; i++)
        if (w[i] != 0) w[i] = value(ladder, w[i], s);
    for (size_t i = 0; i < n; i++)
        if (w[i] == 0) w[i] = 0;  // no -0
}

og_status og_ladder_project(const struct og_set *set, float *z, struct og_error *err)
{
    const struct og_ladder *ladder = set->attr;
    size_t parts = ladder->by_filter ? set->rows : 1;
    size_t n = set->rows * set->columns / parts;
    struct room room = {og_alloc(n, sizeof *room.key), og_alloc(n, sizeof *room.spare),
                        og_alloc(n + 1, sizeof *room.sum)};
    og_status status = OG_OK;
    if (room.key == NULL || room.spare == NULL || room.sum == NULL)
        status = og_set_no_memory(err);
    for (size_t p = 0; status == OG_OK && p < parts; p++)
        project(ladder, z + p * n, n, &room);
    og_free(room.key);
    og_free(room.spare);
    og_free(room.sum);
    return status;
}

// --- membership ------------------------------------------------------------------------

static bool fits(const struct og_ladder *ladder, const float *v, size_t n, double s)
{
    const double tolerance = 1e-5;
    for (size_t i = 0; i < n; i++) {
        double w = fabs((double)v[i]);
        double level = s * ladder->t[nearest(ladder, w, s)];
        if (w != 0 && !(fabs(w - level) <= tolerance * w)) return false;
    }
    return true;
}

static bool holds(const struct og_ladder *ladder, const float *v, size_t n)
{
    double most = 0;
    for (size_t i = 0; i < n; i++)
        if (fabs((double)v[i]) > most) most = fabs((double)v[i]);
    for (int j = ladder->n - 1; j >= 0; j--)
        if (ladder->t[j] > 0 && fits(ladder, v, n, most / ladder->t[j])) return true;
    return false;
}

bool og_ladder_holds(const struct og_set *set, const float *v)
{
    const struct og_ladder *ladder = set->attr;
    size_t parts = ladder->by_filter ? set->rows : 1;
    size_t n = set->rows * set->columns / parts;
    for (size_t p = 0; p < parts; p++)
        if (!holds(ladder, v + p * n, n)) return false;
    return true;
}
