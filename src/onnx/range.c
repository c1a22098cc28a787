// SPDX-License-Identifier: GPL-3.0-or-later
#include "onnx/range.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

enum { SAMPLE = 1 << 16, CLIPS = 64 };

// The mixer of SplitMix64 (Steele et al., OOPSLA 2014).
static uint32_t hash_of(uint64_t name)
{
    name += 0x9e3779b97f4a7c15u;
    name = (name ^ name >> 30) * 0xbf58476d1ce4e5b9u;
    name = (name ^ name >> 27) * 0x94d049bb133111ebu;
    return (uint32_t)(name >> 32);
}

static bool is_dropped(int cut, uint32_t hash)
{
    return cut > 0 && hash >> (32 - cut) != 0;
}

static void thin(struct og_range_stat *s)
{
    size_t kept = 0;
    s->cut++;
    for (size_t i = 0; i < s->n; i++) {
        if (is_dropped(s->cut, s->hash[i])) continue;
        s->value[kept] = s->value[i];
        s->hash[kept++] = s->hash[i];
    }
    s->n = kept;
}

static bool has_room(struct og_range_stat *s)
{
    if (!s->value) s->value = og_alloc(SAMPLE, sizeof *s->value);
    if (!s->hash) s->hash = og_alloc(SAMPLE, sizeof *s->hash);
    s->failed = s->failed || !s->value || !s->hash;
    return !s->failed;
}

static void keep_value(struct og_range_stat *s, float value, uint32_t hash)
{
    while (!is_dropped(s->cut, hash)) {
        if (s->n < SAMPLE) {
            s->value[s->n] = value;
            s->hash[s->n++] = hash;
            return;
        }
        thin(s);
    }
}

void og_range_add(struct og_range_stat *s, const float *x, size_t n, uint64_t row)
{
    float max = 0.0f;
    for (size_t i = 0; i < n; i++) max = fabsf(x[i]) > max ? fabsf(x[i]) : max;
    uint64_t name = (uint64_t)hash_of(row) << 32 | (uint32_t)row;
    og_lock(&s->lock);
    if (max > s->max) s->max = max;
    if (s->keeps && has_room(s))
        for (size_t i = 0; i < n; i++)
            keep_value(s, fabsf(x[i]), hash_of(name + i * 0x632be59bd9b4e019u));
    og_unlock(&s->lock);
}

static int rising(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

// Linear between order statistics.
static float quantile(const struct og_range_stat *s, double percentile)
{
    double at = percentile / 100.0 * (double)(s->n - 1);
    size_t i = (size_t)at;
    if (i + 1 >= s->n) return s->value[s->n - 1];
    double part = at - (double)i;
    return (float)((1.0 - part) * (double)s->value[i] + part * (double)s->value[i + 1]);
}

static double square_error(const struct og_range_stat *s, double clip, int bits)
{
    double top = bits > 1 ? (double)((1 << (bits - 1)) - 1) : 1.0;
    double step = clip / top, sum = 0.0;
    for (size_t i = 0; i < s->n; i++) {
        double code = rint((double)s->value[i] / step);
        double d = (double)s->value[i] - (code < top ? code : top) * step;
        sum += d * d;
    }
    return sum;
}

// Among fractions of the largest.
static float best_clip(const struct og_range_stat *s, int bits)
{
    double best = DBL_MAX, clip = (double)s->max;
    for (int i = 1; i <= CLIPS; i++) {
        double at = (double)s->max * i / CLIPS, error = square_error(s, at, bits);
        if (error > best) continue;
        best = error;
        clip = at;
    }
    return (float)clip;
}

float og_range_find(struct og_range_stat *s, const struct og_hardware *hw, int bits)
{
    float range = s->max;
    if (s->n > 0 && s->max > 0.0f) {
        qsort(s->value, s->n, sizeof *s->value, rising);
        if (hw->dac.mode == OG_RANGE_PERCENTILE) range = quantile(s, hw->dac.percentile);
        if (hw->dac.mode == OG_RANGE_MSE && bits > 0) range = best_clip(s, bits);
    }
    if (range > 0.0f) return range;
    return s->max > 0.0f ? s->max : 1.0f;
}

void og_range_free(struct og_range_stat *s)
{
    og_free(s->value);
    og_free(s->hash);
    s->value = NULL;
    s->hash = NULL;
    s->n = 0;
}
