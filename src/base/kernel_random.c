// SPDX-License-Identifier: GPL-3.0-or-later
// Philox4x32-10 (Salmon et al., SC'11) on 16 counters at a time, and normals by G. E. P.
// Box and M. E. Muller, Ann. Math. Statist. 29 (1958). Each 32-bit word has a 64-bit lane
// of its own, so that a product of two words is one instruction, and bits and normals are
// made in separate loops. No libm and no contraction, so every instruction set gives the
// same bits.
#include <math.h>
#include <string.h>

#include "base/kernels.h"

enum { LANES = OG_GROUP_BLOCKS, GROUPS = 16 };

#if defined(__AVX512F__)
#include <immintrin.h>
enum { W = 8 };
#elif defined(__AVX2__)
#include <immintrin.h>
enum { W = 4 };
#elif defined(__SSE2__)
#include <emmintrin.h>
enum { W = 2 };
#else
enum { W = 2 };
#endif

typedef uint64_t vec __attribute__((vector_size(W * sizeof(uint64_t))));
typedef uint32_t narrow __attribute__((vector_size(W * sizeof(uint32_t))));

// The products of the low halves. Written out, because gcc 12 takes the slow 64-bit
// product for it.
static inline vec low_product(vec a, vec b)
{
#if defined(__AVX512F__)
    return (vec)_mm512_mul_epu32((__m512i)a, (__m512i)b);
#elif defined(__AVX2__)
    return (vec)_mm256_mul_epu32((__m256i)a, (__m256i)b);
#elif defined(__SSE2__)
    return (vec)_mm_mul_epu32((__m128i)a, (__m128i)b);
#else
    return (a & 0xFFFFFFFFu) * (b & 0xFFFFFFFFu);
#endif
}

static const uint64_t lane_numbers[8] = {0, 1, 2, 3, 4, 5, 6, 7};

static inline void store_low(uint32_t *to, vec v)
{
    narrow low = __builtin_convertvector(v, narrow);
    memcpy(to, &low, sizeof low);
}

// bits[w * LANES + lane]: word w of block counter[0] + lane. High halves of the lanes
// hold rubbish in between: products take only the low ones, and what is stored is cut to
// 32 bits.
static inline void group_bits(const uint32_t key[2], const uint32_t counter[4],
                              uint32_t *bits)
{
    const vec m0 = (vec){0} + 0xD2511F53u, m1 = (vec){0} + 0xCD9E8D57u;
    vec first;
    memcpy(&first, lane_numbers, sizeof first);
    first += counter[0];
    for (int lane = 0; lane < LANES; lane += W) {
        vec c0 = first + (uint32_t)lane, c1 = (vec){0} + counter[1];
        vec c2 = (vec){0} + counter[2], c3 = (vec){0} + counter[3];
        uint32_t k0 = key[0], k1 = key[1];
#pragma GCC unroll 10
        for (int round = 0; round < 10; round++) {
            vec p0 = low_product(c0, m0), p1 = low_product(c2, m1);
            c0 = (p1 >> 32) ^ c1 ^ k0;
            c1 = p1;
            c2 = (p0 >> 32) ^ c3 ^ k1;
            c3 = p0;
            k0 += 0x9E3779B9u;
            k1 += 0xBB67AE85u;
        }
        store_low(bits + lane, c0);
        store_low(bits + LANES + lane, c1);
        store_low(bits + 2 * LANES + lane, c2);
        store_low(bits + 3 * LANES + lane, c3);
    }
}

// ln u for a normal u > 0. u = 2^e m with m in [sqrt(1/2), sqrt(2)), x = m - 1,
// ln m = x - x^2/2 + x^3 P(x); P is a minimax fit, relative error of ln m below 1e-7. ln
// 2 in two parts, the first exact times e.
static inline float log_of(float u)
{
    uint32_t bits;
    memcpy(&bits, &u, sizeof bits);
    uint32_t shifted = bits - 0x3F3504F3u;  // of sqrt(1/2)
    float e = (float)((int32_t)shifted >> 23);
    uint32_t m_bits = (shifted & 0x007FFFFFu) + 0x3F3504F3u;
    float m;
    memcpy(&m, &m_bits, sizeof m);
    float x = m - 1.0f, z = x * x;
    float p = 6.917990517e-02f;
    p = p * x - 1.177967818e-01f;
    p = p * x + 1.186603815e-01f;
    p = p * x - 1.238579696e-01f;
    p = p * x + 1.421991804e-01f;
    p = p * x - 1.666919751e-01f;
    p = p * x + 2.000215143e-01f;
    p = p * x - 2.499998688e-01f;
    p = p * x + 3.333331183e-01f;
    float small = e * -2.12194440e-4f + p * x * z - 0.5f * z;
    return e * 0.693359375f + (x + small);
}

// Two normals r cos t, r sin t. The upper 31 bits of `radius` give u in (0, 1] and
// r = sqrt(-2 ln u) <= 6.66; t = (pi/2) x with x in [-1, 1] from `angle` covers the right
// half of the circle, and the last bit of `radius` reflects it to the left. sin and cos
// are minimax polynomials with errors below 7e-9 and 3e-10.
static inline void normals(uint32_t radius, uint32_t angle, float *cosine, float *sine)
{
    float u = (float)(int32_t)(radius >> 1) * 0x1p-31f + 0x1p-32f;
    float r = sqrtf(-2.0f * log_of(u));
    float x = (float)(int32_t)angle * 0x1p-31f, z = x * x;
    float s = 1.516785302e-04f;
    s = s * z - 4.674157502e-03f;
    s = s * z + 7.968992688e-02f;
    s = s * z - 6.459637613e-01f;
    s = s * z + 1.570796320e+00f;
    float c = -2.382491850e-05f;
    c = c * z + 9.177248407e-04f;
    c = c * z - 2.086268839e-02f;
    c = c * z + 2.536693228e-01f;
    c = c * z - 1.233700534e+00f;
    c = c * z + 9.999999998e-01f;
    float reflected = r * c;
    uint32_t sign;
    memcpy(&sign, &reflected, sizeof sign);
    sign ^= radius << 31;
    memcpy(cosine, &sign, sizeof sign);
    *sine = r * (s * x);
}

// Normal 64 g + 16 w + lane: w = 0, 1 from words 0 and 1 of the lane's block, w = 2, 3
// from words 2 and 3.
static void transform(const uint32_t *restrict bits, float *restrict out, size_t groups)
{
    for (size_t pair = 0; pair < 2 * groups; pair++) {
        const uint32_t *b = bits + pair * 2 * LANES;
        float *y = out + pair * 2 * LANES;
#pragma omp simd
        for (int lane = 0; lane < LANES; lane++)
            normals(b[lane], b[LANES + lane], &y[lane], &y[LANES + lane]);
    }
}

static void gauss(const uint32_t key[2], const uint32_t counter[4], float *out,
                  size_t groups)
{
    uint32_t bits[GROUPS * OG_GROUP];
    uint32_t c[4] = {counter[0], counter[1], counter[2], counter[3]};
    while (groups > 0) {
        size_t n = groups < GROUPS ? groups : GROUPS;
        for (size_t g = 0; g < n; g++, c[0] += LANES)
            group_bits(key, c, bits + g * OG_GROUP);
        transform(bits, out, n);
        out += n * OG_GROUP, groups -= n;
    }
}

static void words(const uint32_t key[2], const uint32_t counter[4], uint32_t *out,
                  size_t groups)
{
    uint32_t c[4] = {counter[0], counter[1], counter[2], counter[3]};
    for (size_t g = 0; g < groups; g++, c[0] += LANES, out += OG_GROUP) {
        uint32_t bits[OG_GROUP];
        group_bits(key, c, bits);
        for (int lane = 0; lane < LANES; lane++)
            for (int w = 0; w < 4; w++) out[4 * lane + w] = bits[w * LANES + lane];
    }
}

extern const struct og_random_kernels OG_RANDOM_TABLE;
const struct og_random_kernels OG_RANDOM_TABLE = {gauss, words};
