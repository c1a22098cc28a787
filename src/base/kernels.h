// SPDX-License-Identifier: GPL-3.0-or-later
// The kernels of one instruction set. Each kernel_*.c is compiled once per set, and its
// one symbol, a table, is named by the build (OG_RANDOM_TABLE and so on).
#ifndef OG_BASE_KERNELS_H
#define OG_BASE_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "ohmgrid/cpu.h"
#include "ohmgrid/product.h"

// Philox4x32-10 blocks of four words; a group is 16 blocks, or 64 normals.
enum { OG_GROUP_BLOCKS = 16, OG_GROUP = 64 };

struct og_random_kernels {
    // Normals of `groups` groups that begin at block counter[0], a multiple of 16.
    void (*gauss)(const uint32_t key[2], const uint32_t counter[4], float *out,
                  size_t groups);
    // Words of `groups` groups: word w of block i at out[4 * i + w].
    void (*words)(const uint32_t key[2], const uint32_t counter[4], uint32_t *out,
                  size_t groups);
};

struct og_vmath_kernels {
    void (*exp)(const float *x, float *y, size_t n);
    void (*sigmoid)(const float *x, float *y, size_t n);
    void (*tanh)(const float *x, float *y, size_t n);
    void (*quantize)(const float *x, float *y, size_t n, float inv_step, float limit,
                     float scale);
};

// Columns lie in panels of a width of the kernel's: element (kk, j) at
// data[(j / width * k + kk) * width + j % width]; columns beyond n are 0.
struct og_panels {
    const float *data;
    size_t k, n;
};

// Up to a vector of elements that follow each other: [to, to + n) of a row that is made,
// [from, from + n) of what it is made from.
struct og_piece {
    uint32_t to, from, n;
};

// Rows made of the same pieces, each from another place of x: row i from offset[i].
struct og_rows {
    const size_t *offset;
    size_t n;
    const struct og_piece *piece;
    size_t pieces;
};

struct og_product_kernels {
    size_t width;   // of panels
    size_t vector;  // longest piece
    // row i at to + i * pitch. Whole vectors are read and written, so the pieces rise and
    // cover the row, and there is room for a vector more behind `to` and x.
    void (*gather)(float *to, size_t pitch, const float *x, const struct og_rows *rows);
    // The same pieces added back to x: from the last of every `period` rows to the first.
    void (*scatter)(const float *from, size_t pitch, float *x, const struct og_rows *rows,
                    size_t period);
    // Chains of multiply-adds that touch no memory, as many as a block of the product
    // has: x <- a x + b, `rounds` times. Returns how many that were.
    size_t (*multiply_adds)(size_t rounds, float a, float b, float *x);
    void (*pack)(float *data, const float *b, size_t row_stride, size_t col_stride,
                 size_t k, size_t n);
    void (*product)(struct og_left a, size_t m, struct og_panels b, float *c, size_t ldc,
                    int add);
    // The product with n <= width columns of gathered rows that nobody writes; false, and
    // nothing done, where they are not one or two vectors, whole or each in halves.
    bool (*windows)(struct og_left a, size_t m, const float *x,
                    const struct og_rows *rows, size_t n, float *c, size_t ldc, int add);
    // c += the product of gathered rows, over all pieces, with b.k x b.n; false, and
    // nothing done, where rows do not come in threes of neighbours, or pieces are short.
    bool (*taps)(const float *x, const struct og_rows *rows, struct og_panels b, float *c,
                 size_t ldc);
};

// The same of numbers that are not negative, in pairs of bfloat16 (kernel_half.c): panels
// have half the elements.
struct og_half_kernels {
    void (*pack)(float *data, const float *b, size_t row_stride, size_t col_stride,
                 size_t k, size_t n);
    void (*product)(struct og_left a, size_t m, struct og_panels b, float *c, size_t ldc,
                    int add);
};

// Planes of `cells` elements: plane c of row r at x[r * stride + c * cells].
enum { OG_PLANES = 8 };
struct og_planes {
    const float *x;
    size_t rows, stride, n, cells;  // n: planes of a row, at most OG_PLANES
};

// Of one channel; dy and along: means over the batch of dy and dy xhat.
struct og_norm_back {
    float mean, inverse, scale, dy, along;
};

// `fresh`: what would be added to is replaced.
struct og_plane_kernels {
    // Of plane c, row after row: sum[c] of x, square[c] of x^2.
    void (*moments)(const struct og_planes *p, double *sum, double *square);
    // sum[c] of dy, along[c] of dy xhat, xhat = (x - mean[c]) inverse[c].
    void (*along)(const struct og_planes *p, const float *dy, const float *mean,
                  const float *inverse, double *sum, double *along);
    // y = (x - mean) scale + bias
    void (*normalize)(const float *x, float *y, size_t n, float mean, float scale,
                      float bias);
    // dx += scale (dy - mean(dy) - xhat mean(dy xhat))
    void (*normalize_back)(const struct og_norm_back *b, const float *x, const float *dy,
                           float *dx, size_t n, int fresh);
    void (*add)(const float *x, float *y, size_t n, int fresh);  // y += x
    // y = max(0, x), `beyond` above max
    void (*rectify)(const float *x, float *y, size_t n, float max, float beyond);
    // dx += dy where 0 < x < end
    void (*rectify_back)(const float *x, const float *dy, float *dx, size_t n, float end,
                         int fresh);
};

// No kernel has wider panels.
enum { OG_PANEL_MAX = 32 };

struct og_kernel_tables {
    const struct og_random_kernels *random;
    const struct og_vmath_kernels *vmath;
    const struct og_product_kernels *product;
    const struct og_plane_kernels *planes;
    const struct og_half_kernels *half;  // NULL: the processor has no such products
};

// Those in use. Thread-safety: any thread.
const struct og_kernel_tables *og_kernels(void);

#endif
