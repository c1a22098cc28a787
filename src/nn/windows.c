// SPDX-License-Identifier: GPL-3.0-or-later
#include "nn/windows.h"

#include <stdbool.h>

// Upper left corner of a window, and whether all of it lies inside the image.
struct corner {
    long y, x;
    bool inside;
};

static struct corner corner_of(const struct og_windows *g, size_t place)
{
    long y = (long)(place / g->ow * g->stride) - (long)g->pad;
    long x = (long)(place % g->ow * g->stride) - (long)g->pad;
    long tall = (long)(g->dilation * (g->kh - 1)) + 1;
    long wide = (long)(g->dilation * (g->kw - 1)) + 1;
    bool inside = y >= 0 && x >= 0 && y + tall <= (long)g->h && x + wide <= (long)g->w;
    return (struct corner){y, x, inside};
}

// Offset of one cell of a window in the channel, or -1 in the padding.
static long cell_at(const struct og_windows *g, const struct corner *at, size_t ky,
                    size_t kx)
{
    long y = at->y + (long)(ky * g->dilation), x = at->x + (long)(kx * g->dilation);
    if (y < 0 || x < 0 || y >= (long)g->h || x >= (long)g->w) return -1;
    return y * (long)g->w + x;
}

// A window inside the image; sides kh, kw known to the compiler make it faster.
static inline void gather_inside(const struct og_windows *g, size_t kh, size_t kw,
                                 const float *x, float *restrict to)
{
    size_t row = g->dilation * g->w, step = g->dilation;
    for (size_t c = 0; c < g->in_group; c++)
        for (size_t ky = 0; ky < kh; ky++, to += kw) {
            const float *from = x + c * g->h * g->w + ky * row;
            for (size_t kx = 0; kx < kw; kx++) to[kx] = from[kx * step];
        }
}

static void gather_window(const struct og_windows *g, const struct corner *at,
                          const float *x, float *to)
{
    const float *first = x + (at->inside ? at->y * (long)g->w + at->x : 0);
    if (at->inside && g->kh == 3 && g->kw == 3) {
        gather_inside(g, 3, 3, first, to);
    } else if (at->inside && g->kh == 5 && g->kw == 5) {
        gather_inside(g, 5, 5, first, to);
    } else if (at->inside) {
        gather_inside(g, g->kh, g->kw, first, to);
    } else {
        for (size_t c = 0; c < g->in_group; c++, x += g->h * g->w)
            for (size_t ky = 0; ky < g->kh; ky++)
                for (size_t kx = 0; kx < g->kw; kx++) {
                    long cell = cell_at(g, at, ky, kx);
                    *to++ = cell < 0 ? 0.0f : x[cell];
                }
    }
}

void og_windows_gather(const struct og_windows *g, const float *x, float *cols)
{
    for (size_t p = 0; p < g->places; p++) {
        struct corner at = corner_of(g, p);
        gather_window(g, &at, x, cols + p * g->k);
    }
}

static inline void scatter_inside(const struct og_windows *g, size_t kh, size_t kw,
                                  const float *from, float *restrict dx)
{
    size_t row = g->dilation * g->w, step = g->dilation;
    for (size_t c = 0; c < g->in_group; c++)
        for (size_t ky = 0; ky < kh; ky++, from += kw) {
            float *to = dx + c * g->h * g->w + ky * row;
            for (size_t kx = 0; kx < kw; kx++) to[kx * step] += from[kx];
        }
}

static void scatter_window(const struct og_windows *g, const struct corner *at,
                           const float *from, float *dx)
{
    float *first = dx + (at->inside ? at->y * (long)g->w + at->x : 0);
    if (at->inside && g->kh == 3 && g->kw == 3) {
        scatter_inside(g, 3, 3, from, first);
    } else if (at->inside && g->kh == 5 && g->kw == 5) {
        scatter_inside(g, 5, 5, from, first);
    } else if (at->inside) {
        scatter_inside(g, g->kh, g->kw, from, first);
    } else {
        for (size_t c = 0; c < g->in_group; c++, dx += g->h * g->w)
            for (size_t ky = 0; ky < g->kh; ky++)
                for (size_t kx = 0; kx < g->kw; kx++, from++) {
                    long cell = cell_at(g, at, ky, kx);
                    if (cell >= 0) dx[cell] += *from;
                }
    }
}

void og_windows_scatter(const struct og_windows *g, const float *cols, float *dx)
{
    for (size_t p = 0; p < g->places; p++) {
        struct corner at = corner_of(g, p);
        scatter_window(g, &at, cols + p * g->k, dx);
    }
}
