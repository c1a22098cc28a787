// SPDX-License-Identifier: GPL-3.0-or-later
#include "nn/windows.h"

#include <string.h>

// With its padding around it, every window lies inside the image.
struct image {
    size_t h, w, row, step;  // row, step: floats between neighbours of a window
};

static struct image image_of(const struct og_windows *g)
{
    const size_t h = g->h + 2 * g->pad, w = g->w + 2 * g->pad;
    return (struct image){h, w, g->dilation * w, g->dilation};
}

size_t og_windows_room(const struct og_windows *g)
{
    const struct image m = image_of(g);
    return g->pad ? g->in_group * m.h * m.w : 0;
}

static float *inside(const struct og_windows *g, const struct image *m, float *room,
                     size_t row)
{
    return room + (row / g->h * m->h + row % g->h + g->pad) * m->w + g->pad;
}

// The rows of all channels into the room, or back.
static void put(const struct og_windows *g, const float *x, float *room)
{
    const struct image m = image_of(g);
    memset(room, 0, og_windows_room(g) * sizeof *room);
    for (size_t r = 0; r < g->in_group * g->h; r++)
        memcpy(inside(g, &m, room, r), x + r * g->w, g->w * sizeof *x);
}

static void take(const struct og_windows *g, float *room, float *x)
{
    const struct image m = image_of(g);
    for (size_t r = 0; r < g->in_group * g->h; r++)
        memcpy(x + r * g->w, inside(g, &m, room, r), g->w * sizeof *x);
}

// Three neighbours at once, as four: what the fourth writes is written again, or is 0.
// Not for the last row of a window, whose fourth may not be ours.
static inline void copy3(const float *from, float *to)
{
    memcpy(to, from, 4 * sizeof *to);
}

static inline void add3(const float *from, float *to)
{
    float four[4];
    memcpy(four, from, sizeof four);
    four[3] = 0.0f;
    for (int i = 0; i < 4; i++) to[i] += four[i];
}

// One window; a width kw known to the compiler makes it faster.
static inline void gather_window(const struct og_windows *g, const struct image *m,
                                 size_t kw, const float *x, float *restrict to)
{
    const size_t rows = g->in_group * g->kh;
    for (size_t r = 0, ky = 0; r < rows; r++, to += kw) {
        if (kw == 3 && m->step == 1 && r + 1 < rows)
            copy3(x, to);
        else
            for (size_t kx = 0; kx < kw; kx++) to[kx] = x[kx * m->step];
        x += m->row;
        if (++ky < g->kh) continue;
        x += m->h * m->w - g->kh * m->row;
        ky = 0;
    }
}

static inline void scatter_window(const struct og_windows *g, const struct image *m,
                                  size_t kw, const float *from, float *restrict x)
{
    const size_t rows = g->in_group * g->kh;
    for (size_t r = 0, ky = 0; r < rows; r++, from += kw) {
        if (kw == 3 && m->step == 1 && r + 1 < rows)
            add3(from, x);
        else
            for (size_t kx = 0; kx < kw; kx++) x[kx * m->step] += from[kx];
        x += m->row;
        if (++ky < g->kh) continue;
        x += m->h * m->w - g->kh * m->row;
        ky = 0;
    }
}

// Where window `place` begins.
static size_t corner(const struct og_windows *g, const struct image *m, size_t place)
{
    return place / g->ow * g->stride * m->w + place % g->ow * g->stride;
}

void og_windows_gather(const struct og_windows *g, const float *x, float *room,
                       float *cols)
{
    const struct image m = image_of(g);
    if (g->pad) put(g, x, room);
    if (g->pad) x = room;
    for (size_t p = 0; p < g->places; p++, cols += g->k) {
        const float *first = x + corner(g, &m, p);
        if (g->kw == 3)
            gather_window(g, &m, 3, first, cols);
        else if (g->kw == 5)
            gather_window(g, &m, 5, first, cols);
        else
            gather_window(g, &m, g->kw, first, cols);
    }
}

void og_windows_scatter(const struct og_windows *g, const float *cols, float *room,
                        float *dx)
{
    const struct image m = image_of(g);
    if (g->pad) put(g, dx, room);
    float *x = g->pad ? room : dx;
    for (size_t p = 0; p < g->places; p++, cols += g->k) {
        float *first = x + corner(g, &m, p);
        if (g->kw == 3)
            scatter_window(g, &m, 3, cols, first);
        else if (g->kw == 5)
            scatter_window(g, &m, 5, cols, first);
        else
            scatter_window(g, &m, g->kw, cols, first);
    }
    if (g->pad) take(g, room, dx);
}

void og_windows_spread(const struct og_windows *g, const float *y, const float *bias,
                       float *out)
{
    for (size_t j = 0; j < g->out_group; j++) {
        float b = bias ? bias[j] : 0.0f;
        for (size_t p = 0; p < g->places; p++)
            out[j * g->places + p] = y[p * g->out_group + j] + b;
    }
}

void og_windows_collect(const struct og_windows *g, const float *dout, float *dbias,
                        float *dy)
{
    for (size_t j = 0; j < g->out_group; j++) {
        float sum = 0.0f;
        for (size_t p = 0; p < g->places; p++) {
            dy[p * g->out_group + j] = dout[j * g->places + p];
            sum += dout[j * g->places + p];
        }
        if (dbias) dbias[j] += sum;
    }
}
