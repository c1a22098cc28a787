// SPDX-License-Identifier: GPL-3.0-or-later
// Convolutions of floats by implicit product: the panels of the product are packed
// straight from padded images, a few vectors at a time, and gradients are added back from
// panels; the matrix of windows, kernel^2 times as large as the images, is never written.
// Every output is the same chain of multiply-adds, channel by channel and tap by tap, as
// of the explicit product, and gradients are added in the same order: the same bits.
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
// dx += of what the windows would be given, w (k, j) the matrix as left operand; fresh:
// to 0 instead.
void og_implicit_inputs(const struct og_implicit *c, struct og_left w, const float *dy,
                        size_t samples, float *dx, bool fresh);
// Adds dy^T windows to what stands in the workspace for group `group`, after _clear; in
// runs of 256 windows from the first sample on.
void og_implicit_clear(const struct og_implicit *c);
void og_implicit_weights(const struct og_implicit *c, size_t group, const float *x,
                         const float *dy, size_t samples);
// dw[j][k] += what was gathered.
void og_implicit_take(const struct og_implicit *c, size_t group, float *dw);

#endif
