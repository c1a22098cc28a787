// SPDX-License-Identifier: GPL-3.0-or-later
// Products of numbers that are not negative, at twice the rate: factors are rounded to
// bfloat16 (8 bits, to even), their products are exact and added up in float. So a sum is
// within 2^-7 + 2^-16 of itself, and as a rule much closer, since roundings of many terms
// cancel. What is below 2^-126 counts as 0.
#define OG_PAIRS
#include "base/kernel_block.h"

// Sixteen steps of a row: of 32 numbers, of which the first n stand at `from`.
static inline void store_pairs(float *to, const float *from, size_t n)
{
    const vec low = n >= W ? load(from) : load_part(from, n);
    const vec high = n >= 2 * W ? load(from + W) : load_part(from + W, n < W ? 0 : n - W);
    store(to, (vec)_mm512_cvtne2ps_pbh((__m512)high, (__m512)low));
}

static struct og_left prepare(struct og_left a, size_t rows, size_t k0, size_t k,
                              struct og_panels b, float *copy)
{
    const size_t left = b.k - STEP * k0, all = left < STEP * k ? left : STEP * k;
    for (size_t r = 0; r < rows; r++) {
        const float *from = a.data + r * a.row_stride + STEP * k0 * a.col_stride;
        for (size_t i = 0; i < all; i += STEP * W) {
            const size_t n = all - i < STEP * W ? all - i : STEP * W;
            float few[STEP * W];
            if (a.col_stride != 1)
                for (size_t j = 0; j < n; j++) few[j] = from[(i + j) * a.col_stride];
            store_pairs(copy + r * PITCH + i / STEP, a.col_stride == 1 ? from + i : few,
                        n);
        }
    }
    return (struct og_left){copy, PITCH, 1};
}

// The first n of WIDTH columns of one row in the upper halves of 32 bits, then zeros.
static inline void round_row(const float *from, size_t col_stride, size_t n, __m512i *to)
{
    float row[WIDTH] = {0};
    for (size_t j = 0; j < n; j++) row[j] = from[j * col_stride];
    for (int v = 0; v < 2; v++) {
        const __m256i half = (__m256i)_mm512_cvtneps_pbh((__m512)load(row + v * W));
        to[v] = _mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16);
    }
}

static void pack_pairs(float *data, const float *b, size_t row_stride, size_t col_stride,
                       size_t k, size_t n)
{
    const size_t steps = (k + STEP - 1) / STEP;
    for (size_t j = 0; j < n; j += WIDTH) {
        const size_t columns = n - j < WIDTH ? n - j : WIDTH;
        for (size_t i = 0; i < steps; i++) {
            const float *from = b + STEP * i * row_stride + j * col_stride;
            float *to = data + (j / WIDTH * steps + i) * WIDTH;
            __m512i first[2],
                second[2] = {_mm512_setzero_si512(), _mm512_setzero_si512()};
            round_row(from, col_stride, columns, first);
            if (STEP * i + 1 < k)
                round_row(from + row_stride, col_stride, columns, second);
            for (int v = 0; v < 2; v++)
                store(to + v * W,
                      (vec)_mm512_or_si512(_mm512_srli_epi32(first[v], 16), second[v]));
        }
    }
}

extern const struct og_half_kernels OG_HALF_TABLE;
const struct og_half_kernels OG_HALF_TABLE = {pack_pairs, product};
