// SPDX-License-Identifier: GPL-3.0-or-later
// The windows of a convolution laid out as rows, and their gradients laid back.
#ifndef OG_NN_WINDOWS_H
#define OG_NN_WINDOWS_H

#include <stddef.h>

// Everything as sizes, of one group where it says so.
struct og_windows {
    size_t c, h, w, oh, ow, kh, kw, stride, pad, dilation, groups;
    size_t in_group, out_group;  // channels of a group
    size_t k, places, samples;   // rows of the matrix; windows; samples in one run
};

// Floats of `room` below: one sample's group with its padding.
size_t og_windows_room(const struct og_windows *g);
// x: channels of one group of one sample. cols[place][c][ky][kx], 0 in the padding.
void og_windows_gather(const struct og_windows *g, const float *x, float *room,
                       float *cols);
// dx += what the rows say, in the order of the places.
void og_windows_scatter(const struct og_windows *g, const float *cols, float *room,
                        float *dx);
// One group of one sample: out[channel][place] = y[place][channel] + bias, NULL: none.
void og_windows_spread(const struct og_windows *g, const float *y, const float *bias,
                       float *out);
// dy[place][channel], and the bias' gradient on the way, NULL: none.
void og_windows_collect(const struct og_windows *g, const float *dout, float *dbias,
                        float *dy);

#endif
