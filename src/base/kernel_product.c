// SPDX-License-Identifier: GPL-3.0-or-later
// Packed, register-blocked products. A block of up to ROWS x 2 vectors of c stays in
// registers while k runs; each of its elements is a chain of multiply-adds from 0 in the
// order of k, whatever block it falls into, so no split of the rows changes a bit. Where
// k is cut, the chain is carried over exactly in a float.
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

enum {
    WIDTH = 2 * W,
    CUT = 512,        // of k: ROWS x CUT of a lie in the first-level cache
    COLUMNS = 512,    // CUT x COLUMNS of b lie in the second-level cache
    PITCH = CUT + W,  // of a copied row: no power of two, which would share cache sets
    COLUMN = (ROWS + W - 1) / W * W,  // of a copied column
    COPY = ROWS * PITCH > CUT *COLUMN ? ROWS *PITCH : CUT *COLUMN,
};

typedef float vec __attribute__((vector_size(W * sizeof(float))));
typedef float loose_vec
    __attribute__((vector_size(W * sizeof(float)), aligned(sizeof(float)), may_alias));

static inline vec load(const float *p) { return *(const loose_vec *)p; }
static inline void store(float *p, vec v) { *(loose_vec *)p = v; }
static inline vec all(float x) { return x - (vec){0}; }

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

// a * b + c, rounded once where the processor can.
static inline vec multiply_add(vec a, vec b, vec c)
{
#if defined(__AVX512F__)
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
    const float *b;  // one panel
    size_t k;
    float *sum;
    size_t pitch, columns;
    int begin;  // from 0, not from what stands in sum, which then has WIDTH columns
};

// Always inlined with constant rows and vectors, so that `acc` lives in registers.
__attribute__((always_inline)) static inline void run(const struct block *t,
                                                      const int rows, const int vectors)
{
    vec acc[ROWS][2];
#pragma GCC unroll 14
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++)
            acc[r][v] = t->begin ? (vec){0} : load(t->sum + (size_t)r * t->pitch + v * W);
    // Three rows to a base: the strides 0, 1 and 2 are addressing modes.
    const size_t rs = t->row_stride, cs = t->col_stride;
    const float *base[(ROWS + 2) / 3];
#pragma GCC unroll 5
    for (int g = 0; g < (rows + 2) / 3; g++) base[g] = t->a + 3 * (size_t)g * rs;
    const float *b = t->b;
    for (size_t k = t->k; k > 0; k--, b += WIDTH) {
        vec b0 = load(b), b1 = vectors > 1 ? load(b + W) : b0;
#pragma GCC unroll 14
        for (int r = 0; r < rows; r++) {
            vec a = all(base[r / 3][(size_t)(r % 3) * rs]);
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
    if (vectors > 1)
        run(t, rows, 2);
    else
        run(t, rows, 1);
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

// The first n of `width` elements, a multiple of W, then zeros.
static inline void copy_part(float *to, const float *from, size_t width, size_t n)
{
    for (size_t v = 0; v < width; v += W)
        store(to + v,
              n >= v + W ? load(from + v) : load_part(from + v, n < v ? 0 : n - v));
}

// Copies rows x k of a to `copy`, close together, so that they stay in the cache while
// the panels of b pass by.
static struct og_left copy_left(struct og_left a, size_t rows, size_t k, float *copy)
{
    if (a.col_stride == 1) {
        for (size_t i = 0; i < rows; i++)
            memcpy(copy + i * PITCH, a.data + i * a.row_stride, k * sizeof *copy);
        return (struct og_left){copy, PITCH, 1};
    }
    for (size_t j = 0; j < k; j++) {
        const float *from = a.data + j * a.col_stride;
        float *to = copy + j * COLUMN;
        if (a.row_stride == 1)
            copy_part(to, from, COLUMN, rows);
        else
            for (size_t i = 0; i < rows; i++) to[i] = from[i * a.row_stride];
    }
    return (struct og_left){copy, 1, COLUMN};
}

// sum[r * pitch + j] = rows of a times all columns of b. Where k is cut, sum must have
// room for whole panels.
static void sum_columns(struct og_left a, size_t rows, struct og_panels b, float *sum,
                        size_t pitch)
{
    float copy[COPY];
    size_t k0 = 0;
    do {
        size_t k = b.k - k0 < CUT ? b.k - k0 : CUT;
        struct og_left part = {a.data + k0 * a.col_stride, a.row_stride, a.col_stride};
        if (b.n > 2 * WIDTH) part = copy_left(part, rows, k, copy);
        for (size_t j = 0; j < b.n; j += WIDTH) {
            size_t columns = b.n - j < WIDTH ? b.n - j : WIDTH;
            int vectors = columns > W ? 2 : 1;
            struct block t = {part.data,
                              part.row_stride,
                              part.col_stride,
                              b.data + j * b.k + k0 * WIDTH,
                              k,
                              sum + j,
                              pitch,
                              b.k > CUT ? (size_t)vectors * W : columns,
                              k0 == 0};
            run_block(&t, rows, vectors);
        }
        k0 += k;
    } while (k0 < b.k);
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
    float sum[ROWS * COLUMNS];
    for (size_t j = 0; j < b.n; j += COLUMNS) {
        size_t n = b.n - j < COLUMNS ? b.n - j : COLUMNS;
        struct og_panels chunk = {b.data + j * b.k, b.k, n};
        for (size_t i = 0, rows; i < m; i += rows) {
            rows = rows_at_once(m - i);
            struct og_left part = {a.data + i * a.row_stride, a.row_stride, a.col_stride};
            float *to = c + i * ldc + j;
            if (add || b.k > CUT) {
                sum_columns(part, rows, chunk, sum, COLUMNS);
                write_rows(sum, rows, n, to, ldc, add);
            } else {
                sum_columns(part, rows, chunk, to, ldc);
            }
        }
    }
}

// --- packing -------------------------------------------------------------------------
typedef float quad __attribute__((vector_size(16)));
typedef float loose_quad __attribute__((vector_size(16), aligned(4), may_alias));

// to[k * WIDTH + j] = from[j * stride + k] for 4 x 4.
static inline void transpose_4(float *to, const float *from, size_t stride)
{
    quad r0 = *(const loose_quad *)from, r1 = *(const loose_quad *)(from + stride);
    quad r2 = *(const loose_quad *)(from + 2 * stride);
    quad r3 = *(const loose_quad *)(from + 3 * stride);
    quad low01 = __builtin_shufflevector(r0, r1, 0, 4, 1, 5);
    quad high01 = __builtin_shufflevector(r0, r1, 2, 6, 3, 7);
    quad low23 = __builtin_shufflevector(r2, r3, 0, 4, 1, 5);
    quad high23 = __builtin_shufflevector(r2, r3, 2, 6, 3, 7);
    *(loose_quad *)to = __builtin_shufflevector(low01, low23, 0, 1, 4, 5);
    *(loose_quad *)(to + WIDTH) = __builtin_shufflevector(low01, low23, 2, 3, 6, 7);
    *(loose_quad *)(to + 2 * WIDTH) = __builtin_shufflevector(high01, high23, 0, 1, 4, 5);
    *(loose_quad *)(to + 3 * WIDTH) = __builtin_shufflevector(high01, high23, 2, 3, 6, 7);
}

// The first n of WIDTH columns of one row, then zeros.
static inline void pack_row(float *to, const float *from, size_t col_stride, size_t n)
{
    if (col_stride == 1) {
        copy_part(to, from, WIDTH, n);
        return;
    }
    for (size_t j = 0; j < n; j++) to[j] = from[j * col_stride];
    for (size_t j = n; j < WIDTH; j++) to[j] = 0.0f;
}

static void pack_panel(float *to, const float *b, size_t row_stride, size_t col_stride,
                       size_t k, size_t n)
{
    size_t i = 0, quads = n / 4 * 4;
    for (; row_stride == 1 && i + 4 <= k; i += 4) {
        for (size_t j = 0; j < quads; j += 4)
            transpose_4(to + i * WIDTH + j, b + j * col_stride + i, col_stride);
        for (size_t r = i; r < i + 4; r++) {
            for (size_t j = quads; j < n; j++) to[r * WIDTH + j] = b[j * col_stride + r];
            for (size_t j = n; j < WIDTH; j++) to[r * WIDTH + j] = 0.0f;
        }
    }
    for (; i < k; i++) pack_row(to + i * WIDTH, b + i * row_stride, col_stride, n);
}

static void pack(float *data, const float *b, size_t row_stride, size_t col_stride,
                 size_t k, size_t n)
{
    for (size_t j = 0; j < n; j += WIDTH) {
        size_t columns = n - j < WIDTH ? n - j : WIDTH;
        pack_panel(data + j * k, b + j * col_stride, row_stride, col_stride, k, columns);
    }
}

// --- rows in pieces ------------------------------------------------------------------

// Always inlined, so that the pieces of short rows stay in registers.
__attribute__((always_inline)) static inline void gather_rows(float *to, size_t pitch,
                                                              const float *x,
                                                              const struct og_rows *rows,
                                                              const size_t pieces)
{
    const struct og_piece *p = rows->piece;
    for (size_t i = 0; i < rows->n; i++, to += pitch) {
        const float *from = x + rows->offset[i];
        for (size_t k = 0; k < pieces; k++) store(to + p[k].to, load(from + p[k].from));
    }
}

static void gather(float *to, size_t pitch, const float *x, const struct og_rows *rows)
{
    if (rows->pieces == 2)
        gather_rows(to, pitch, x, rows, 2);
    else if (rows->pieces == 4)
        gather_rows(to, pitch, x, rows, 4);
    else
        gather_rows(to, pitch, x, rows, rows->pieces);
}

static inline void add_piece(float *to, const float *from, size_t n)
{
    if (n == W)
        store(to, load(to) + load(from));
    else
        store_part(to, load_part(to, n) + load_part(from, n), n);
}

// Neighbours in the period share elements of x; those that follow here do not, so that no
// load waits for a store just done.
static void scatter(const float *from, size_t pitch, float *x, const struct og_rows *rows,
                    size_t period)
{
    const struct og_piece *p = rows->piece;
    for (size_t first = period; first-- > 0;)
        for (size_t i = first; i < rows->n; i += period)
            for (size_t k = 0; k < rows->pieces; k++)
                add_piece(x + rows->offset[i] + p[k].from, from + i * pitch + p[k].to,
                          p[k].n);
}

// --- what the processor can do -------------------------------------------------------

static size_t multiply_adds(size_t rounds, float a, float b, float *x)
{
    const vec va = all(a), vb = all(b);
    vec acc[ROWS][2];
    for (int r = 0; r < ROWS; r++)
        for (int v = 0; v < 2; v++) acc[r][v] = all(*x + (float)(2 * r + v));
    for (size_t i = 0; i < rounds; i++)
#pragma GCC unroll 14
        for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 2
            for (int v = 0; v < 2; v++) acc[r][v] = multiply_add(va, acc[r][v], vb);
    vec sum = {0};
    for (int r = 0; r < ROWS; r++) sum += acc[r][0] + acc[r][1];
    *x = sum[0];
    return rounds * ROWS * 2 * W;
}

extern const struct og_product_kernels OG_PRODUCT_TABLE;
const struct og_product_kernels OG_PRODUCT_TABLE = {WIDTH,         W,    gather, scatter,
                                                    multiply_adds, pack, product};
