// SPDX-License-Identifier: GPL-3.0-or-later
// Matrix products that give the same bits however the rows are split over calls, blocks
// or threads: every output is summed over k in one order, from k = 0 up, whatever m, n,
// batch. The right-hand matrix is packed once and used many times (a programmed crossbar
// is read many times). float32. Kernels per instruction set, chosen at run time (see
// cpu.h).
#ifndef OHMGRID_PRODUCT_H
#define OHMGRID_PRODUCT_H

#include <stddef.h>

#include "ohmgrid/status.h"

#ifdef __cplusplus
extern "C" {
#endif

// Thread-safety: const use from any number of threads.
typedef struct og_packed og_packed;

// Room for any matrix of up to k x n elements, to be freed by og_packed_free. NULL when
// out of memory.
OG_API og_packed *og_packed_alloc(size_t k, size_t n);
OG_API void og_packed_free(og_packed *p);
// The same in memory of the caller's, for hot paths: og_packed_bytes(k, n) bytes, aligned
// to 64; nothing to free.
OG_API size_t og_packed_bytes(size_t k, size_t n);
OG_API og_packed *og_packed_place(void *memory, size_t k, size_t n);

// Packs b, element (i, j) at b[i * row_stride + j * col_stride], i < k, j < n (so a
// transposed matrix is packed by swapping the strides). k and n at most those of _alloc.
OG_API void og_pack(og_packed *p, const float *b, size_t row_stride, size_t col_stride,
                    size_t k, size_t n);

// The same for products of numbers that are not negative, both matrices, such as
// variances: where the processor multiplies in bfloat16 (OG_ISA_AVX512_BF16), factors are
// rounded to 8 bits and og_product takes half the time. Sums are then within 2^-7 of
// their size, and within about 2^-7 / sqrt(k) as a rule. Elsewhere this is og_pack.
OG_API void og_pack_positive(og_packed *p, const float *b, size_t row_stride,
                             size_t col_stride, size_t k, size_t n);

// A left-hand matrix: element (i, kk) at data[i * row_stride + kk * col_stride].
struct og_left {
    const float *data;
    size_t row_stride, col_stride;
};

// c[i * ldc + j] (+)= sum_k a(i, k) b(k, j) for i < m and all columns of b. `add`: adds
// to what stands in c instead of replacing it (the old value is added once, last).
OG_API void og_product(struct og_left a, size_t m, const og_packed *b, float *c,
                       size_t ldc, int add);

#ifdef __cplusplus
}
#endif
#endif
