// SPDX-License-Identifier: GPL-3.0-or-later
// Convolutions of floats by implicit product: the panels of the product are packed
// straight from padded images, a few vectors at a time, and gradients are added back from
// panels; the matrix of windows, kernel^2 times as large as the images, is never written.
// Every output is the same chain of multiply-adds, channel by channel and tap by tap, as
// of the explicit product, and gradients are added in the same order: the same bits; but
// where a convolution has a stride of 1 and as many outputs as inputs in each direction,
// the gradient of its inputs is one such chain over the channels and taps of the outputs.
#ifndef OG_NN_IMPLICIT_H
#define OG_NN_IMPLICIT_H

#include <stdbool.h>

#include "nn/windows.h"
#include "ohmgrid/product.h"

// One group of channels. Images of several samples lie `g.c * g.h * g.w` (inputs) and
// `g.groups * g.out_group * g.places` (outputs) floats apart.
struct og_implicit {
    struct og_windows g;
    void *work;  // of the workspace
};

// Bytes of workspace; aligned to 64.
size_t og_implicit_work_bytes(const struct og_windows *g);
struct og_implicit og_implicit_begin(const struct og_windows *g, void *work);

// y[j][place] = sum over k of w[j][k] window[k]; w is [out_group][k].
void og_implicit_forward(const struct og_implicit *c, const float *w, const float *x,
                         size_t samples, float *y);
// Images to take windows from: windows [first, first + n), n <= 256, as rows of taps,
// to[k * pitch + r]; up to 16 floats beyond n are written.
void og_implicit_images(const struct og_implicit *c, const float *x, size_t samples);
void og_implicit_windows(const struct og_implicit *c, size_t first, size_t n, float *to,
                         size_t pitch);
// The weights that lead back to the inputs of a group, (k, j) as left operand, which must
// outlive the gradients taken with it: of the first group first.
void og_implicit_lead_back(const struct og_implicit *c, size_t group, struct og_left w);
// dx += of what the windows would be given; fresh: to 0 instead.
void og_implicit_inputs(const struct og_implicit *c, size_t group, const float *dy,
                        size_t samples, float *dx, bool fresh);
// Adds dy^T windows to what stands in the workspace for group `group`, after _clear; in
// runs of 256 windows from the first sample on.
void og_implicit_clear(const struct og_implicit *c);
void og_implicit_weights(const struct og_implicit *c, size_t group, const float *x,
                         const float *dy, size_t samples);
// dw[j][k] += what was gathered.
void og_implicit_take(const struct og_implicit *c, size_t group, float *dw);

#endif
