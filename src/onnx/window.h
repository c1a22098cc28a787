// SPDX-License-Identifier: GPL-3.0-or-later
// Windows that move over the spatial axes of an array [N][C][spatial ...]: sizes, pads
// and places, for convolutions and pooling of any number of axes.
#ifndef OG_ONNX_WINDOW_H
#define OG_ONNX_WINDOW_H

#include "onnx/op.h"

struct og_window {
    int axes;
    int64_t in[OG_ND_RANK], kernel[OG_ND_RANK], stride[OG_ND_RANK];
    int64_t dilation[OG_ND_RANK], begin[OG_ND_RANK], end[OG_ND_RANK], out[OG_ND_RANK];
    size_t inputs, taps, outputs;  // products of in, kernel and out
};

// From the attributes; `kernel`: the sizes where no kernel_shape gives them, or NULL.
og_status og_window_read(const struct og_call *c, const int64_t *kernel,
                         struct og_window *w);
// place[t] = where tap t of output `o` reads among the inputs; -1: in a pad.
void og_window_place(const struct og_window *w, size_t o, int64_t *place);
// Taps of output `o` that lie on inputs or pads, which ceil_mode may leave in part.
size_t og_window_inside(const struct og_window *w, size_t o);

#endif
