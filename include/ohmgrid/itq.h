// SPDX-License-Identifier: GPL-3.0-or-later
// Binary embeddings by iterative quantisation (ITQ; Gong and Lazebnik, CVPR 2011):
// vectors become short codes of bits whose Hamming distances follow the distances of the
// vectors. No constraint set: codes do not lie in the space of the vectors.
#ifndef OHMGRID_ITQ_H
#define OHMGRID_ITQ_H

#include <stddef.h>
#include <stdint.h>

#include "ohmgrid/status.h"

#ifdef __cplusplus
extern "C" {
#endif

struct og_itq_params {
    size_t bits;    // of a code, 1 .. dimension
    int rounds;     // >= 0; the paper: 50
    uint64_t seed;  // of the rotation to begin with
};

// With X the vectors less their mean, P [dimension, bits] their strongest principal
// directions and R a rotation, a code is sign(X P R). R is found by turns: B = sign(X P
// R), then the R that minimises |B - X P R|_F, which is V U^T with B^T X P = U S V^T.
// Thread-safety: const use from any number of threads.
typedef struct og_itq og_itq;

// x [n][dimension], finite; nothing of it is borrowed. OG_NO_MEMORY, or OG_FAILED when a
// decomposition does not converge.
OG_API og_status og_itq_alloc(og_itq **itq, const float *x, size_t n, size_t dimension,
                              const struct og_itq_params *params, struct og_error *err);
OG_API void og_itq_free(og_itq *itq);
// Mean over the vectors of |B - X P R|^2 before the first round and after each; it never
// rises but by rounding.
OG_API const double *og_itq_errors(const og_itq *itq, size_t *n);
// Bits of n vectors, code [n][bits], 1 where the projection is >= 0 and else 0.
OG_API void og_itq_encode(const og_itq *itq, const float *x, size_t n, uint8_t *code);

#ifdef __cplusplus
}
#endif
#endif
