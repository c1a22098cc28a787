// SPDX-License-Identifier: GPL-3.0-or-later
// numpy's matmul as shapes: stacks of matrices A [m][k] and B [k][n], the stacks
// broadcast; an operand of one axis is a row (A) or a column (B).
#ifndef OG_ONNX_MATMUL_H
#define OG_ONNX_MATMUL_H

#include "onnx/op.h"

struct og_matmul {
    size_t m, k, n, stack;  // stack: matrices of the result
    int rank;               // of the result
    int64_t dim[OG_ND_RANK];
    int stack_rank;
    int64_t stack_dim[OG_ND_RANK];
    int64_t step_a[OG_ND_RANK], step_b[OG_ND_RANK];  // in matrices
};

og_status og_matmul_read(const struct og_call *c, const struct og_nd *a,
                         const struct og_nd *b, struct og_matmul *p);

#endif
