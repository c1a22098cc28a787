// SPDX-License-Identifier: GPL-3.0-or-later
#include "ohmgrid/vmath.h"

#include "base/kernels.h"

void og_vexp(const float *x, float *y, size_t n) { og_kernels()->vmath->exp(x, y, n); }

void og_vsigmoid(const float *x, float *y, size_t n)
{
    og_kernels()->vmath->sigmoid(x, y, n);
}

void og_vtanh(const float *x, float *y, size_t n) { og_kernels()->vmath->tanh(x, y, n); }

void og_vquantize(const float *x, float *y, size_t n, float inv_step, float limit,
                  float scale)
{
    og_kernels()->vmath->quantize(x, y, n, inv_step, limit, scale);
}
