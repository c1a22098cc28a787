// SPDX-License-Identifier: GPL-3.0-or-later
// Packed, register-blocked products of floats, and what makes their operands.
#include "base/kernel_block.h"

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

static struct og_left copy_times(struct og_left a, size_t rows, size_t k, float *copy)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < k; j++)
            *(vec *)(copy + j * MANY + i * TIMES) =
                all(a.data + i * a.row_stride + j * a.col_stride);
    return (struct og_left){copy, TIMES, MANY};
}

static struct og_left prepare(struct og_left a, size_t rows, size_t k0, size_t k,
                              struct og_panels b, float *copy)
{
    struct og_left part = {a.data + k0 * a.col_stride, a.row_stride, a.col_stride};
    if (times_of(b) > 1) return copy_times(part, rows, k, copy);
    return b.n > 2 * WIDTH ? copy_left(part, rows, k, copy) : part;
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

// --- products of windows -------------------------------------------------------------

// How windows lie: of two vectors the second behind the first, of vectors in halves the
// upper half behind the lower one (0: whole).
struct layout {
    size_t second, upper;
};

// False: in other pieces than one, or two, whole or halved vectors; the last one may be
// shorter.
static bool layout_of(const struct og_rows *k, struct layout *l)
{
    const struct og_piece *p = k->piece;
    const size_t pieces = k->pieces;
    *l = (struct layout){0, 0};
    if (pieces == 1) return true;
    l->second = p[pieces / 2].from - p[0].from;
    if (pieces == 2) return p[0].n == W;
    l->upper = p[1].from - p[0].from;
    if (pieces != 4 || p[3].from - p[2].from != l->upper) return false;
    return p[0].n == W / 2 && p[1].n == W / 2 && p[2].n == W / 2;
}

// `rows` rows of a times the n windows that start at x + offset[k].
static void windows_rows(struct og_left a, size_t rows, const float *x, struct layout l,
                         const struct og_rows *k, size_t n, float *sum, size_t pitch)
{
    const int vectors = n > W ? 2 : 1;
    for (size_t k0 = 0; k0 < k->n; k0 += CUT) {
        const struct block t = {
            .a = a.data + k0 * a.col_stride,
            .row_stride = a.row_stride,
            .col_stride = a.col_stride,
            .times = 1,
            .b = x,
            .offset = k->offset + k0,
            .second = l.second,
            .upper = l.upper,
            .k = k->n - k0 < CUT ? k->n - k0 : CUT,
            .sum = sum,
            .pitch = pitch,
            .columns = k->n > CUT ? (size_t)vectors * W : n,
            .begin = k0 == 0,
        };
        run_block(&t, rows, vectors);
    }
}

static bool windows(struct og_left a, size_t m, const float *x, const struct og_rows *k,
                    size_t n, float *c, size_t ldc, int add)
{
    struct layout l;
    float sum[ROWS * COLUMNS];
    if (!layout_of(k, &l)) return false;
    x += k->piece[0].from;
    for (size_t i = 0, rows; i < m; i += rows) {
        rows = rows_at_once(m - i);
        const struct og_left part = {a.data + i * a.row_stride, a.row_stride,
                                     a.col_stride};
        float *to = c + i * ldc;
        if (add || k->n > CUT) {
            windows_rows(part, rows, x, l, k, n, sum, COLUMNS);
            write_rows(sum, rows, n, to, ldc, add);
        } else {
            windows_rows(part, rows, x, l, k, n, to, ldc);
        }
    }
    return true;
}

// --- sums over windows ---------------------------------------------------------------

enum { TAPS = ROWS / 3 * 3 };  // three neighbours to a base

// One block: taps x columns of a panel, over all windows. Always inlined with constant
// threes and vectors, as `run` is.
__attribute__((always_inline)) static inline void taps_run(
    const float *x, const size_t *offset, const struct og_rows *rows, const float *b,
    float *sum, const int threes, const int vectors)
{
    vec acc[TAPS][2] = {0};
    for (size_t p = 0; p < rows->pieces; p++) {
        const float *base[TAPS / 3];
        for (int g = 0; g < threes; g++)
            base[g] = x + offset[3 * g] + rows->piece[p].from;
        for (size_t i = 0; i < rows->piece[p].n; i++, b += WIDTH) {
            const vec b0 = load(b), b1 = vectors > 1 ? load(b + W) : b0;
#pragma GCC unroll 12
            for (int r = 0; r < 3 * threes; r++) {
                const vec a = all(base[r / 3] + i + r % 3);
                acc[r][0] = multiply_add(a, b0, acc[r][0]);
                if (vectors > 1) acc[r][1] = multiply_add(a, b1, acc[r][1]);
            }
        }
    }
#pragma GCC unroll 12
    for (int r = 0; r < 3 * threes; r++)
        for (int v = 0; v < vectors; v++) store(sum + r * COLUMNS + v * W, acc[r][v]);
}

static void taps_block(const float *x, const size_t *offset, const struct og_rows *rows,
                       const float *b, float *sum, size_t threes, int vectors)
{
    if (TAPS == 12 && threes == 4)
        vectors > 1 ? taps_run(x, offset, rows, b, sum, 4, 2)
                    : taps_run(x, offset, rows, b, sum, 4, 1);
    else if (TAPS == 12 && threes == 3)
        vectors > 1 ? taps_run(x, offset, rows, b, sum, 3, 2)
                    : taps_run(x, offset, rows, b, sum, 3, 1);
    else if (threes == 2)
        vectors > 1 ? taps_run(x, offset, rows, b, sum, 2, 2)
                    : taps_run(x, offset, rows, b, sum, 2, 1);
    else
        vectors > 1 ? taps_run(x, offset, rows, b, sum, 1, 2)
                    : taps_run(x, offset, rows, b, sum, 1, 1);
}

static bool in_threes(const struct og_rows *rows)
{
    bool all = rows->n % 3 == 0;
    for (size_t i = 0; all && i < rows->n; i += 3)
        all = rows->offset[i + 1] == rows->offset[i] + 1 &&
              rows->offset[i + 2] == rows->offset[i] + 2;
    return all;
}

static bool taps(const float *x, const struct og_rows *rows, struct og_panels b, float *c,
                 size_t ldc)
{
    float sum[TAPS * COLUMNS];
    // Short pieces are faster gathered.
    if (times_of(b) > 1 || rows->piece[0].n < W || !in_threes(rows)) return false;
    for (size_t j = 0; j < b.n; j += WIDTH) {
        const size_t columns = b.n - j < WIDTH ? b.n - j : WIDTH;
        for (size_t i = 0, n; i < rows->n; i += n) {
            n = rows->n - i < TAPS ? rows->n - i : TAPS;
            taps_block(x, rows->offset + i, rows, b.data + j * b.k, sum, n / 3,
                       columns > W ? 2 : 1);
            write_rows(sum, n, columns, c + i * ldc + j, ldc, 1);
        }
    }
    return true;
}

// --- gradients in pieces -------------------------------------------------------------

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
    const vec va = all(&a), vb = all(&b);
    vec acc[ROWS][2];
    for (int r = 0; r < ROWS; r++)
        for (int v = 0; v < 2; v++) {
            const float start = *x + (float)(2 * r + v);
            acc[r][v] = all(&start);
        }
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
const struct og_product_kernels OG_PRODUCT_TABLE = {
    .width = WIDTH,
    .vector = W,
    .gather = gather,
    .scatter = scatter,
    .multiply_adds = multiply_adds,
    .pack = pack,
    .product = product,
    .windows = windows,
    .taps = taps,
};
