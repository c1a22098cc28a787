// SPDX-License-Identifier: GPL-3.0-or-later
// Plain loops of mul, add and bit tricks, which the compiler turns into vectors. No libm
// and no contraction, so every instruction set gives the same bits. NaN gives NaN.
#include <math.h>
#include <string.h>

#include "base/kernels.h"

// Adding it rounds a small float to an integer, half to even, which then stands in the
// last bits.
static const float rounder = 0x1.8p23f;

// e^x, |x| <= 88: n = rint(x / ln 2), r = x - n ln 2 (in two parts, the first exact times
// n), e^r = 1 + r + r^2 P(r) with a minimax P of relative error below 1e-9, times 2^n by
// its exponent bits.
static inline float exp_of(float x)
{
    float shifted = x * 1.442695041f + rounder;
    float n = shifted - rounder;
    float r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
    float p = 1.395156340e-03f;
    p = p * r + 8.369531195e-03f;
    p = p * r + 4.166619042e-02f;
    p = p * r + 1.666651363e-01f;
    p = p * r + 5.000000099e-01f;
    float y = 1.0f + (r + r * r * p);
    uint32_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits + 127u) << 23;  // the rounder's own bits are shifted out
    float power;
    memcpy(&power, &bits, sizeof power);
    return y * power;
}

// e^-a for a >= 0, exactly 0 where that is below 2^-126.
static inline float exp_minus(float a)
{
    float inside = a > 87.0f ? 87.0f : a;
    float e = exp_of(-inside);
    return a > 87.0f ? 0.0f : e;
}

static void v_exp(const float *x, float *y, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        float v = x[i] > 88.0f ? 88.0f : x[i];
        v = v < -87.0f ? -87.0f : v;
        y[i] = exp_of(v);
    }
}

// By e^-|x|, which cannot overflow.
static void v_sigmoid(const float *x, float *y, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        float e = exp_minus(fabsf(x[i]));
        float above = x[i] < 0.0f ? e : 1.0f;
        y[i] = above / (1.0f + e);
    }
}

// |x| < 5/8: x + x^3 P(x^2), minimax, relative error below 3e-8, so that small arguments
// keep their digits; else (1 - e) / (1 + e) with e = e^-2|x|.
static void v_tanh(const float *x, float *y, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        float a = fabsf(x[i]), z = a * a;
        float p = -6.113275635e-03f;
        p = p * z + 2.101012955e-02f;
        p = p * z - 5.385407640e-02f;
        p = p * z + 1.333279454e-01f;
        p = p * z - 3.333332925e-01f;
        float e = exp_minus(2.0f * a);
        float far = (1.0f - e) / (1.0f + e);
        float t = a < 0.625f ? a + a * z * p : far;
        y[i] = copysignf(t, x[i]);
    }
}

// rint as |v| + 2^23 - 2^23, right for |v| < 2^23; larger floats are integers. (rintf is
// a call on processors without SSE 4.1.)
static void v_quantize(const float *x, float *y, size_t n, float inv_step, float limit,
                       float scale)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        float v = x[i] * inv_step;
        float a = fabsf(v);
        float rounded = (a + 0x1p23f) - 0x1p23f;
        a = a < 0x1p23f ? rounded : a;
        a = a > limit ? limit : a;
        y[i] = copysignf(a, v) * scale;
    }
}

extern const struct og_vmath_kernels OG_VMATH_TABLE;
const struct og_vmath_kernels OG_VMATH_TABLE = {v_exp, v_sigmoid, v_tanh, v_quantize};
