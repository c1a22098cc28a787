// SPDX-License-Identifier: GPL-3.0-or-later
// Elementwise kernels, bit-identical on every instruction set (no contraction).
// Thread-safety: from any number of threads.
#ifndef OHMGRID_VMATH_H
#define OHMGRID_VMATH_H

#include <stddef.h>

#include "ohmgrid/status.h"

#ifdef __cplusplus
extern "C" {
#endif

// y[i] = f(x[i]); in place allowed. Absolute error below 2e-7; exact limits at +-inf.
OG_API void og_vexp(const float *x, float *y, size_t n);  // clamped to [-87, 88]
OG_API void og_vsigmoid(const float *x, float *y, size_t n);
OG_API void og_vtanh(const float *x, float *y, size_t n);

// Mid-tread: code = clamp(rint(x[i] * inv_step), -limit, limit); y[i] = code * scale.
// Round half to even.
OG_API void og_vquantize(const float *x, float *y, size_t n, float inv_step, float limit,
                         float scale);

#ifdef __cplusplus
}
#endif
#endif
