// SPDX-License-Identifier: GPL-3.0-or-later
// Blocks of packed products, for kernel_product.c and kernel_half.c (which defines
// OG_PAIRS). A block of up to ROWS x 2 vectors of c stays in registers while k runs; each
// of its elements is a chain of multiply-adds from 0 in the order of k, whatever block it
// falls into, so no split of the rows changes a bit. Where k is cut, the chain is carried
// over exactly in a float.
//
// A step of k is one number, or in pairs two halves of 32 bits: their products are added
// to a chain one after the other.
#ifndef OG_BASE_KERNEL_BLOCK_H
#define OG_BASE_KERNEL_BLOCK_H

#include <string.h>

#include "base/kernels.h"

#if defined(__AVX512F__)
#include <immintrin.h>
enum { W = 16, ROWS = 14, HALF = 8 };
#elif defined(__AVX2__)
#include <immintrin.h>
enum { W = 8, ROWS = 6, HALF = 4 };
#else
enum { W = 4, ROWS = 6, HALF = 4 };
#endif

#ifdef OG_PAIRS
enum { STEP = 2 };
#else
enum { STEP = 1 };
#endif

// Where no load fills all lanes with one number (SSE2), rows of a are copied with each
// number W times: shuffles would take the places of additions.
#if defined(__SSE2__) && !defined(__AVX2__)
enum { TIMES = W };
#else
enum { TIMES = 1 };
#endif

enum {
    WIDTH = 2 * W,
    CUT = 512,        // steps: ROWS x CUT of a, as copied, lie in the first-level cache
    COLUMNS = 512,    // CUT x COLUMNS of b lie in the second-level cache
    PITCH = CUT + W,  // of a copied row: no power of two, which would share cache sets
    COLUMN = (ROWS + W - 1) / W * W,  // of a copied column
    MANY = ROWS * TIMES,              // of a column whose numbers are copied TIMES times
    COPY = ROWS * PITCH > CUT *COLUMN ? ROWS *PITCH : CUT *COLUMN,
    ROOM = COPY > CUT *MANY ? COPY : CUT *MANY,
};

typedef float vec __attribute__((vector_size(W * sizeof(float))));
typedef float loose_vec
    __attribute__((vector_size(W * sizeof(float)), aligned(sizeof(float)), may_alias));

static inline vec load(const float *p) { return *(const loose_vec *)p; }
static inline void store(float *p, vec v) { *(loose_vec *)p = v; }

// One step of a row in all lanes.
static inline vec all(const float *p)
{
#ifdef OG_PAIRS
    int bits;
    memcpy(&bits, p, sizeof bits);
    return (vec)_mm512_set1_epi32(bits);
#else
    return *p - (vec){0};
#endif
}

// The first n of W elements.
static inline void store_part(float *p, vec v, size_t n)
{
#if defined(__AVX512F__)
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)v);
#else
    for (size_t i = 0; i < n; i++) p[i] = v[i];
#endif
}

// The first n of W elements, then zeros.
static inline vec load_part(const float *p, size_t n)
{
#if defined(__AVX512F__)
    return (vec)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
#else
    vec v = {0};
    for (size_t i = 0; i < n; i++) v[i] = p[i];
    return v;
#endif
}

// Two halves of a vector.
static inline vec load_halves(const float *lower, const float *upper)
{
#if defined(__AVX512F__)
    const __m256d low = _mm256_loadu_pd((const double *)(const void *)lower);
    const __m256d high = _mm256_loadu_pd((const double *)(const void *)upper);
    return (vec)_mm512_insertf64x4(_mm512_castpd256_pd512(low), high, 1);
#else
    vec v;
    memcpy(&v, lower, sizeof v / 2);
    memcpy((char *)&v + sizeof v / 2, upper, sizeof v / 2);
    return v;
#endif
}

// a * b + c, rounded once where the processor can.
static inline vec multiply_add(vec a, vec b, vec c)
{
#if defined(OG_PAIRS)
    return (vec)_mm512_dpbf16_ps((__m512)c, (__m512bh)a, (__m512bh)b);
#elif defined(__AVX512F__)
    return (vec)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(__AVX2__)
    return (vec)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#else
    return a * b + c;
#endif
}

// The sums of one block: rows x columns at sum[r * pitch]; columns <= WIDTH.
struct block {
    const float *a;
    size_t row_stride, col_stride;
    int times;       // how often each number of a stands there: once, or TIMES times
    const float *b;  // one panel
    // NULL, or windows: step k is at b[offset[k]], its second vector `second` behind it;
    // upper: vectors in halves, the upper one so far behind the lower one.
    const size_t *offset;
    size_t second, upper;
    size_t k;  // steps
    float *sum;
    size_t pitch, columns;
    int begin;  // from 0, not from what stands in sum, which then has WIDTH columns
};

// Where the numbers of b stand.
enum source { PANEL, WINDOWS, HALVES };

// Always inlined with constant rows and vectors, so that `acc` lives in registers.
__attribute__((always_inline)) static inline void run(const struct block *t,
                                                      const int rows, const int vectors,
                                                      const int times,
                                                      const enum source source)
{
    vec acc[ROWS][2];
#pragma GCC unroll 14
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++)
            acc[r][v] = t->begin ? (vec){0} : load(t->sum + (size_t)r * t->pitch + v * W);
    // Three rows to a base: the strides 0, 1 and 2 are addressing modes.
    const size_t rs = times > 1 ? TIMES : t->row_stride;
    const size_t cs = times > 1 ? MANY : t->col_stride;
    const float *base[(ROWS + 2) / 3];
#pragma GCC unroll 5
    for (int g = 0; g < (rows + 2) / 3; g++) base[g] = t->a + 3 * (size_t)g * rs;
    const float *b = t->b;
    const size_t *offset = t->offset;
    const size_t second = source == PANEL ? W : t->second, upper = t->upper;
    for (size_t k = 0; k < t->k; k++) {
        const float *at = source == PANEL ? b + k * WIDTH : b + offset[k];
        vec b0 = source == HALVES ? load_halves(at, at + upper) : load(at), b1 = b0;
        if (vectors > 1) {
            at += second;
            b1 = source == HALVES ? load_halves(at, at + upper) : load(at);
        }
#pragma GCC unroll 14
        for (int r = 0; r < rows; r++) {
            const float *left = base[r / 3] + (size_t)(r % 3) * rs;
            vec a = times > 1 ? *(const vec *)left : all(left);
            acc[r][0] = multiply_add(a, b0, acc[r][0]);
            if (vectors > 1) acc[r][1] = multiply_add(a, b1, acc[r][1]);
        }
#pragma GCC unroll 5
        for (int g = 0; g < (rows + 2) / 3; g++) base[g] += cs;
    }
    size_t last = t->columns - (size_t)(vectors - 1) * W;  // columns of the last vector
#pragma GCC unroll 14
    for (int r = 0; r < rows; r++) {
        float *to = t->sum + (size_t)r * t->pitch;
        if (vectors > 1) store(to, acc[r][0]);
        to += (vectors - 1) * W;
        if (last == W)
            store(to, acc[r][vectors - 1]);
        else
            store_part(to, acc[r][vectors - 1], last);
    }
}

__attribute__((always_inline)) static inline void run_rows(const struct block *t,
                                                           const int rows, int vectors)
{
    if (TIMES > 1 && t->times > 1)
        vectors > 1 ? run(t, rows, 2, TIMES, PANEL) : run(t, rows, 1, TIMES, PANEL);
    else if (STEP == 1 && t->offset && t->upper)
        vectors > 1 ? run(t, rows, 2, 1, HALVES) : run(t, rows, 1, 1, HALVES);
    else if (STEP == 1 && t->offset)
        vectors > 1 ? run(t, rows, 2, 1, WINDOWS) : run(t, rows, 1, 1, WINDOWS);
    else
        vectors > 1 ? run(t, rows, 2, 1, PANEL) : run(t, rows, 1, 1, PANEL);
}

static void run_all(const struct block *t, int v) { run_rows(t, ROWS, v); }
static void run_4(const struct block *t, int v) { run_rows(t, 4, v); }
static void run_2(const struct block *t, int v) { run_rows(t, 2, v); }
static void run_1(const struct block *t, int v) { run_rows(t, 1, v); }
#if defined(__AVX512F__)
static void run_8(const struct block *t, int v) { run_rows(t, 8, v); }
#endif

static const struct {
    size_t rows;
    void (*run)(const struct block *t, int vectors);
} sizes[] = {
    {ROWS, run_all},
#if defined(__AVX512F__)
    {8, run_8},
#endif
    {4, run_4},      {2, run_2}, {1, run_1},
};

static void run_block(const struct block *t, size_t rows, int vectors)
{
    struct block part = *t;
    for (int i = 0; rows > 0; i++) {
        for (; rows >= sizes[i].rows; rows -= sizes[i].rows) {
            sizes[i].run(&part, vectors);
            part.a += sizes[i].rows * part.row_stride;
            part.sum += sizes[i].rows * t->pitch;
        }
    }
}

// How often each number of a is copied: once where few columns will pay for it.
static inline int times_of(struct og_panels b) { return b.n > 2 * WIDTH ? TIMES : 1; }

// Steps k0 .. k0 + k - 1 of `rows` rows of a, to be multiplied with b: where they stand,
// or in `copy`.
static struct og_left prepare(struct og_left a, size_t rows, size_t k0, size_t k,
                              struct og_panels b, float *copy);

// sum[r * pitch + j] = rows of a times all columns of b. Where k is cut, sum must have
// room for whole panels.
static void sum_columns(struct og_left a, size_t rows, struct og_panels b, float *sum,
                        size_t pitch)
{
    float copy[ROOM] __attribute__((aligned(64)));
    const size_t steps = (b.k + STEP - 1) / STEP;
    size_t k0 = 0;
    do {
        size_t k = steps - k0 < CUT ? steps - k0 : CUT;
        struct og_left part = prepare(a, rows, k0, k, b, copy);
        for (size_t j = 0; j < b.n; j += WIDTH) {
            size_t columns = b.n - j < WIDTH ? b.n - j : WIDTH;
            int vectors = columns > W ? 2 : 1;
            const struct block t = {
                .a = part.data,
                .row_stride = part.row_stride,
                .col_stride = part.col_stride,
                .times = times_of(b),
                .b = b.data + j * steps + k0 * WIDTH,
                .k = k,
                .sum = sum + j,
                .pitch = pitch,
                .columns = steps > CUT ? (size_t)vectors * W : columns,
                .begin = k0 == 0,
            };
            run_block(&t, rows, vectors);
        }
        k0 += k;
    } while (k0 < steps);
}

static void write_rows(const float *sum, size_t rows, size_t n, float *c, size_t ldc,
                       int add)
{
    for (size_t r = 0; r < rows; r++) {
        const float *from = sum + r * COLUMNS;
        float *to = c + r * ldc;
        if (add)
            for (size_t j = 0; j < n; j++) to[j] += from[j];
        else
            memcpy(to, from, n * sizeof *to);
    }
}

// No block of one or two rows is left where two halves do, which hide more latency.
static size_t rows_at_once(size_t left)
{
    if (left > ROWS && left <= ROWS + 2) return HALF;
    return left < ROWS ? left : ROWS;
}

static void product(struct og_left a, size_t m, struct og_panels b, float *c, size_t ldc,
                    int add)
{
    const size_t steps = (b.k + STEP - 1) / STEP;
    float sum[ROWS * COLUMNS];
    for (size_t j = 0; j < b.n; j += COLUMNS) {
        size_t n = b.n - j < COLUMNS ? b.n - j : COLUMNS;
        struct og_panels chunk = {b.data + j * steps, b.k, n};
        for (size_t i = 0, rows; i < m; i += rows) {
            rows = rows_at_once(m - i);
            struct og_left part = {a.data + i * a.row_stride, a.row_stride, a.col_stride};
            float *to = c + i * ldc + j;
            if (add || steps > CUT) {
                sum_columns(part, rows, chunk, sum, COLUMNS);
                write_rows(sum, rows, n, to, ldc, add);
            } else {
                sum_columns(part, rows, chunk, to, ldc);
            }
        }
    }
}

#endif
