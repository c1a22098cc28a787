// SPDX-License-Identifier: GPL-3.0-or-later
#include "nn/sequences.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"

void og_sequences_clear(struct og_sequences *s)
{
    og_free(s->first);
    og_free(s->value);
    og_free(s->label);
    og_free(s->test);
}

og_status og_sequences_alloc(struct og_sequences *s, size_t n, struct og_error *err)
{
    s->n = n;
    s->first = og_alloc(n + 1, sizeof *s->first);
    s->label = og_alloc(n, sizeof *s->label);
    s->test = og_alloc(n, sizeof *s->test);
    if (s->first && s->label && s->test) return OG_OK;
    return og_fail(err, OG_NO_MEMORY, "out of memory for %zu sequences", n);
}

// --- what becomes of all of them -----------------------------------------------------

// Each step the mean of k successive ones, in place; steps that are left over at the end
// are dropped, unless there are no others.
static void average(struct og_sequences *s, size_t k)
{
    size_t to = 0;
    for (size_t i = 0, from = 0; i < s->n; i++) {
        const size_t end = s->first[i + 1], steps = (end - from) / k;
        const size_t each = steps > 0 ? k : end - from;
        for (size_t t = 0; t < (steps > 0 ? steps : 1); t++, to++)
            for (size_t v = 0; v < s->values; v++) {
                double sum = 0;
                for (size_t j = 0; j < each; j++)
                    sum += s->value[(from + t * each + j) * s->values + v];
                s->value[to * s->values + v] = (float)(sum / (double)each);
            }
        from = end;
        s->first[i + 1] = to;
    }
}

struct units {
    double sum, square, mean, scale;
    bool varies;
};

// Of one value over all steps of the training set. One that never changes is zero.
static struct units measure(const struct og_sequences *s, size_t v)
{
    struct units u = {0};
    double n = 0;
    const float *before = NULL;
    for (size_t i = 0; i < s->n; i++)
        for (size_t t = s->first[i]; !s->test[i] && t < s->first[i + 1]; t++, n++) {
            const float *x = &s->value[t * s->values + v];
            u.varies = u.varies || (before && *x != *before);
            u.sum += *x;
            before = x;
        }
    u.mean = u.sum / n;
    for (size_t i = 0; i < s->n; i++)
        for (size_t t = s->first[i]; !s->test[i] && t < s->first[i + 1]; t++) {
            const double d = s->value[t * s->values + v] - u.mean;
            u.square += d * d;
        }
    u.scale = u.varies ? 1.0 / sqrt(u.square / n) : 0.0;
    return u;
}

static void normalise(struct og_sequences *s)
{
    for (size_t v = 0; v < s->values; v++) {
        const struct units u = measure(s, v);
        for (size_t t = 0; t < s->first[s->n]; t++) {
            float *x = &s->value[t * s->values + v];
            *x = (float)((*x - u.mean) * u.scale);
        }
    }
}

// --- those of a split ----------------------------------------------------------------

static bool is_wanted(const struct og_dataset *set, const struct og_sequences *s,
                      size_t i)
{
    return s->test[i] == (set->spec.split == OG_TEST);
}

static size_t longest(const struct og_sequences *s)
{
    size_t most = 0;
    for (size_t i = 0; i < s->n; i++) {
        const size_t steps = s->first[i + 1] - s->first[i];
        if (!s->test[i] && steps > most) most = steps;
    }
    return most;
}

static og_status alloc_kept(struct og_dataset *set, size_t steps, size_t values,
                            struct og_error *err)
{
    set->label = og_alloc(set->n, 1);
    set->first = og_alloc(set->n + 1, sizeof *set->first);
    set->length = og_alloc(set->n, sizeof *set->length);
    set->step = og_alloc(steps, values * sizeof *set->step);
    if (set->label && set->first && set->length && set->step) return OG_OK;
    return og_fail(err, OG_NO_MEMORY, "out of memory for the %zu sequences of %s", set->n,
                   set->path);
}

static void take(struct og_dataset *set, const struct og_sequences *s)
{
    const size_t most = set->height, values = s->values;
    bool ragged = false;
    for (size_t i = 0, k = 0; i < s->n && k < set->n; i++) {
        if (!is_wanted(set, s, i)) continue;
        const size_t steps = s->first[i + 1] - s->first[i];
        memcpy(set->step + set->first[k] * values, s->value + s->first[i] * values,
               steps * values * sizeof *set->step);
        set->label[k] = (uint8_t)s->label[i];
        set->first[k + 1] = set->first[k] + steps;
        set->length[k] = (uint32_t)(steps < most ? steps : most);
        set->shortened += steps > most;
        ragged = ragged || steps < most;
        k++;
    }
    if (ragged && set->spec.series.lengths == OG_LENGTHS_OWN) return;
    og_free(set->length);
    set->length = NULL;
}

static void set_shape(struct og_dataset *set, const struct og_sequences *s)
{
    const int steps = set->spec.speech.steps;
    set->classes = s->classes;
    set->channels = 1;
    set->height = steps > 0 ? (size_t)steps : longest(s);
    set->width = s->values;
    set->shape = (struct og_shape){2, {set->height, set->width, 0}};
}

og_status og_sequences_keep(struct og_dataset *set, struct og_sequences *s,
                            struct og_error *err)
{
    size_t count[2] = {0, 0}, steps = 0;
    assert(set->spec.series.average >= 1 && set->spec.speech.steps >= 0);
    for (size_t i = 0; i < s->n; i++) count[s->test[i]]++;
    if (count[OG_TRAIN] == 0)
        return og_fail(err, OG_INPUT,
                       "data set %s in %s has no training samples, which give the units "
                       "of its values",
                       set->spec.name, set->path);
    OG_TRY(og_data_limit(set, count[set->spec.split], &set->n, err));
    if (set->spec.series.average > 1) average(s, (size_t)set->spec.series.average);
    if (set->spec.series.scale == OG_SCALE_DEVIATION) normalise(s);
    set_shape(set, s);
    for (size_t i = 0, k = 0; i < s->n && k < set->n; i++)
        if (is_wanted(set, s, i)) {
            steps += s->first[i + 1] - s->first[i];
            k++;
        }
    OG_TRY(alloc_kept(set, steps, s->values, err));
    take(set, s);
    return OG_OK;
}

// --- one by one ----------------------------------------------------------------------

// With lengths of their own, sequences begin at the first step; else they end at the
// last. The rest is 0; one that is too long loses its end.
void og_sequences_fetch(const struct og_dataset *set, const uint32_t *index, size_t n,
                        float *x)
{
    const size_t values = set->width, most = set->height;
    const bool end = set->spec.series.lengths == OG_LENGTHS_EQUAL;
    for (size_t k = 0; k < n; k++, x += most * values) {
        assert(index[k] < set->n);
        const size_t from = set->first[index[k]], all = set->first[index[k] + 1] - from;
        const size_t steps = all < most ? all : most;
        const size_t before = end ? (most - steps) * values : 0;
        memset(x, 0, most * values * sizeof *x);
        memcpy(x + before, set->step + from * values, steps * values * sizeof *x);
    }
}
