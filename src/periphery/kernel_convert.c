// SPDX-License-Identifier: GPL-3.0-or-later
// Column sums -> noise -> ADC -> digital sum. Elementwise, so every instruction set gives
// the same bits; compiled once for each (OG_CONVERT_TABLE names its table).
//
// Level counts. Mid-tread: codes -L..L, L = 2^(bits-1) - 1, edges at odd half steps, ties
// to even. Mid-rise: codes -2^(bits-1) .. 2^(bits-1) - 1, read in the middle of their
// step, edges at whole steps, an edge belongs to the step above it.
#include <math.h>

#include "periphery/array_impl.h"

// Nearest integer, ties to even, for |x| < 2^22: adding 1.5 * 2^23 leaves no fraction
// bits.
static inline float nearest_even(float x)
{
    const float shift = 12582912.0f;
    return (x + shift) - shift;
}

static void add_noise(const struct og_convert *c, size_t n, float *restrict s)
{
    const float *restrict sum = c->sum, *restrict z = c->z, *restrict v = c->variance;
    const float *restrict extra = c->lanes.noise_variance;
    for (size_t j = 0; j < n; j++) s[j] = sum[j] + z[j] * sqrtf(v[j] + extra[j]);
    if (!c->ratio) return;
    float *restrict ratio = c->variance;
    for (size_t j = 0; j < n; j++) {
        float total = ratio[j] + extra[j];
        ratio[j] = total > 0 ? z[j] / sqrtf(total) : 0;
    }
}

static void mid_tread(const struct og_convert *c, size_t n, float *restrict s)
{
    const float *restrict inv = c->lanes.inv_lsb;
    float limit = c->limit;
    for (size_t j = 0; j < n; j++) s[j] *= inv[j];
    if (c->clipped != NULL)
        for (size_t j = 0; j < n; j++) c->clipped[j] |= fabsf(s[j]) > limit + 0.5f;
    for (size_t j = 0; j < n; j++) {
        float code = s[j] > limit ? limit : s[j];
        code = code < -limit ? -limit : code;
        s[j] = nearest_even(code);
    }
}

static void mid_rise(const struct og_convert *c, size_t n, float *restrict s)
{
    const float *restrict inv = c->lanes.inv_lsb;
    float limit = c->limit;
    for (size_t j = 0; j < n; j++) s[j] *= inv[j];
    if (c->clipped != NULL)
        for (size_t j = 0; j < n; j++) c->clipped[j] |= (s[j] < -limit) | (s[j] >= limit);
    for (size_t j = 0; j < n; j++) {
        float x = s[j] > limit ? limit : s[j];
        x = x < -limit ? -limit : x;
        float code = nearest_even(x);
        code -= code > x ? 1.0f : 0.0f;
        code = code > limit - 1 ? limit - 1 : code;
        s[j] = code + 0.5f;
    }
}

static void convert(const struct og_convert *c, size_t n, float *restrict s)
{
    if (c->z != NULL)
        add_noise(c, n, s);
    else
        for (size_t j = 0; j < n; j++) s[j] = c->sum[j];
    if (c->lanes.gain != NULL)
        for (size_t j = 0; j < n; j++)
            s[j] = s[j] * c->lanes.gain[j] + c->lanes.offset[j];
    if (c->limit > 0 && c->mid_rise)
        mid_rise(c, n, s);
    else if (c->limit > 0)
        mid_tread(c, n, s);
    const float *restrict step = c->lanes.step;
    float *restrict out = c->sum_out, weight = c->weight;
    for (size_t j = 0; j < n; j++) out[j] += s[j] * (step[j] * weight);
}

const struct og_convert_kernels OG_CONVERT_TABLE = {convert};
