// SPDX-License-Identifier: GPL-3.0-or-later
// What layers do to whole planes. Elementwise, or one chain of additions per channel with
// the channels in lanes, so that every instruction set gives the same bits: products of
// two floats are exact in double.
#include "base/kernels.h"

enum { N = OG_PLANES };
typedef float vec __attribute__((vector_size(N * sizeof(float))));
typedef float loose_vec
    __attribute__((vector_size(N * sizeof(float)), aligned(sizeof(float)), may_alias));
typedef double wide __attribute__((vector_size(N * sizeof(double))));

// t[k][i] <-> t[i][k]
__attribute__((always_inline)) static inline void transpose(vec *t)
{
    vec a[N], b[N];
    for (int k = 0; k < N; k += 2) {
        a[k] = __builtin_shufflevector(t[k], t[k + 1], 0, 8, 1, 9, 4, 12, 5, 13);
        a[k + 1] = __builtin_shufflevector(t[k], t[k + 1], 2, 10, 3, 11, 6, 14, 7, 15);
    }
    for (int k = 0; k < N; k += 4)
        for (int i = 0; i < 2; i++) {
            const vec p = a[k + i], q = a[k + i + 2];
            b[k + 2 * i] = __builtin_shufflevector(p, q, 0, 1, 8, 9, 4, 5, 12, 13);
            b[k + 2 * i + 1] = __builtin_shufflevector(p, q, 2, 3, 10, 11, 6, 7, 14, 15);
        }
    for (int k = 0; k < N / 2; k++) {
        t[k] = __builtin_shufflevector(b[k], b[k + 4], 0, 1, 2, 3, 8, 9, 10, 11);
        t[k + 4] = __builtin_shufflevector(b[k], b[k + 4], 4, 5, 6, 7, 12, 13, 14, 15);
    }
}

// Cells i .. i + N - 1 of N planes, one vector of planes for each cell.
__attribute__((always_inline)) static inline void load_cells(const float *x, size_t cells,
                                                             vec *t)
{
    for (int k = 0; k < N; k++) t[k] = *(const loose_vec *)(x + (size_t)k * cells);
    transpose(t);
}

__attribute__((always_inline)) static inline void load_cell(const float *x, size_t cells,
                                                            vec *t)
{
    const size_t c = cells;
    *t = (vec){x[0], x[c], x[2 * c], x[3 * c], x[4 * c], x[5 * c], x[6 * c], x[7 * c]};
}

static void few_moments(const struct og_planes *p, double *sum, double *square)
{
    for (size_t c = 0; c < p->n; c++) {
        sum[c] = square[c] = 0.0;
        for (size_t r = 0; r < p->rows; r++) {
            const float *x = p->x + r * p->stride + c * p->cells;
            for (size_t i = 0; i < p->cells; i++) {
                sum[c] += x[i];
                square[c] += (double)x[i] * x[i];
            }
        }
    }
}

static void moments(const struct og_planes *p, double *sum, double *square)
{
    if (p->n < N) {
        few_moments(p, sum, square);
        return;
    }
    wide s = {0}, q = {0}, d;
    const size_t whole = p->cells / N * N;
    vec t[N];
    for (size_t r = 0; r < p->rows; r++) {
        const float *x = p->x + r * p->stride;
        for (size_t i = 0; i < whole; i += N) {
            load_cells(x + i, p->cells, t);
            for (int k = 0; k < N; k++) {
                d = __builtin_convertvector(t[k], wide);
                s += d;
                q += d * d;
            }
        }
        for (size_t i = whole; i < p->cells; i++) {
            load_cell(x + i, p->cells, t);
            d = __builtin_convertvector(t[0], wide);
            s += d;
            q += d * d;
        }
    }
    for (int k = 0; k < N; k++) {
        sum[k] = s[k];
        square[k] = q[k];
    }
}

static void few_along(const struct og_planes *p, const float *dy, const float *mean,
                      const float *inverse, double *sum, double *along)
{
    for (size_t c = 0; c < p->n; c++) {
        sum[c] = along[c] = 0.0;
        for (size_t r = 0; r < p->rows; r++) {
            const size_t at = r * p->stride + c * p->cells;
            for (size_t i = at; i < at + p->cells; i++) {
                const float xhat = (p->x[i] - mean[c]) * inverse[c];
                sum[c] += dy[i];
                along[c] += (double)dy[i] * xhat;
            }
        }
    }
}

static void along(const struct og_planes *p, const float *dy, const float *mean,
                  const float *inverse, double *sum, double *along)
{
    if (p->n < N) {
        few_along(p, dy, mean, inverse, sum, along);
        return;
    }
    wide s = {0}, a = {0}, d;
    const vec m = *(const loose_vec *)mean, inv = *(const loose_vec *)inverse;
    const size_t whole = p->cells / N * N;
    vec t[N], g[N];
    for (size_t r = 0; r < p->rows; r++) {
        const float *x = p->x + r * p->stride, *y = dy + r * p->stride;
        for (size_t i = 0; i < whole; i += N) {
            load_cells(x + i, p->cells, t);
            load_cells(y + i, p->cells, g);
            for (int k = 0; k < N; k++) {
                d = __builtin_convertvector(g[k], wide);
                s += d;
                a += d * __builtin_convertvector((t[k] - m) * inv, wide);
            }
        }
        for (size_t i = whole; i < p->cells; i++) {
            load_cell(x + i, p->cells, t);
            load_cell(y + i, p->cells, g);
            d = __builtin_convertvector(g[0], wide);
            s += d;
            a += d * __builtin_convertvector((t[0] - m) * inv, wide);
        }
    }
    for (int k = 0; k < N; k++) {
        sum[k] = s[k];
        along[k] = a[k];
    }
}

// --- elementwise ---------------------------------------------------------------------

static void normalize(const float *restrict x, float *restrict y, size_t n, float mean,
                      float scale, float bias)
{
    for (size_t i = 0; i < n; i++) y[i] = (x[i] - mean) * scale + bias;
}

// What is added to nothing is added to 0, which settles the sign of zeros.
static void normalize_back(const struct og_norm_back *b, const float *restrict x,
                           const float *restrict dy, float *restrict dx, size_t n,
                           int fresh)
{
    const float mean = b->mean, inverse = b->inverse, scale = b->scale;
    const float common = b->dy, slope = b->along;
    if (fresh)
        for (size_t i = 0; i < n; i++)
            dx[i] = 0.0f + scale * (dy[i] - common - ((x[i] - mean) * inverse) * slope);
    else
        for (size_t i = 0; i < n; i++)
            dx[i] += scale * (dy[i] - common - ((x[i] - mean) * inverse) * slope);
}

static void add(const float *restrict x, float *restrict y, size_t n, int fresh)
{
    if (fresh)
        for (size_t i = 0; i < n; i++) y[i] = 0.0f + x[i];
    else
        for (size_t i = 0; i < n; i++) y[i] += x[i];
}

static void rectify(const float *restrict x, float *restrict y, size_t n, float max,
                    float beyond)
{
    for (size_t i = 0; i < n; i++) {
        // Not "> 0 ? x : 0", which would turn a NaN into a result.
        const float v = x[i] < 0.0f ? 0.0f : x[i];
        y[i] = v > max ? beyond : v;
    }
}

static void rectify_back(const float *restrict x, const float *restrict dy,
                         float *restrict dx, size_t n, float end, int fresh)
{
    if (fresh)
        for (size_t i = 0; i < n; i++)
            dx[i] = 0.0f + (((x[i] > 0.0f) & (x[i] < end)) ? dy[i] : 0.0f);
    else
        for (size_t i = 0; i < n; i++)
            dx[i] += ((x[i] > 0.0f) & (x[i] < end)) ? dy[i] : 0.0f;
}

extern const struct og_plane_kernels OG_PLANES_TABLE;
const struct og_plane_kernels OG_PLANES_TABLE = {
    moments, along, normalize, normalize_back, add, rectify, rectify_back};
