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

struct og_product_kernels {
    void (*pack)(float *data, const float *b, size_t row_stride, size_t col_stride,
                 size_t k, size_t n);
    void (*product)(struct og_left a, size_t m, struct og_panels b, float *c, size_t ldc,
                    int add);
};

// No kernel has wider panels.
enum { OG_PANEL_MAX = 32 };

struct og_kernels {
    const struct og_random_kernels *random;
    const struct og_vmath_kernels *vmath;
    const struct og_product_kernels *product;
};

// Those in use. Thread-safety: any thread.
const struct og_kernels *og_kernels(void);

#endif
