// SPDX-License-Identifier: GPL-3.0-or-later
#include "nn/implicit.h"

#include <assert.h>
#include <string.h>

#include "base/kernels.h"
#include "nn/op.h"

enum {
    CHUNK = 256,         // windows whose gradients of the weights are one chain
    PITCH = CHUNK + 16,  // no power of two, which would share cache sets
    TAKEN = 28,          // rows of windows at once, which stay in the first-level cache
    SLACK = 16,          // floats behind what is read or written in whole vectors
};

// A padded image, its columns sorted by their remainder modulo the stride: what one tap
// sees of neighbouring windows lies together.
struct image {
    size_t width, line, plane, size;  // of one remainder, of all; of a channel, of all
};

static struct image image_of(const struct og_windows *g)
{
    struct image m;
    m.width = (g->w + 2 * g->pad + g->stride - 1) / g->stride;
    m.line = m.width * g->stride;
    m.plane = (g->h + 2 * g->pad) * m.line;
    m.size = g->in_group * m.plane;
    return m;
}

static size_t round16(size_t n) { return (n + 15) / 16 * 16; }

// Parts of the workspace.
struct room {
    size_t *offset;  // [k] of each tap from the corner of a window
    float *image;    // [samples]
    float *right;    // a panel
    float *left;     // windows, [TAKEN][PITCH], or gradients of one panel of them
    float *dw;       // [groups][k][out_group]
};

// Where outputs are as many as inputs, one behind each, the gradient of the inputs is a
// convolution itself: of the outputs' gradient with the weights turned round.
static bool turns(const struct og_windows *g)
{
    return g->stride == 1 && g->oh == g->h && g->ow == g->w;
}

static struct og_windows turned(const struct og_windows *g)
{
    struct og_windows t = *g;
    t.c = g->groups * g->out_group;
    t.in_group = g->out_group;
    t.out_group = g->in_group;
    t.k = t.in_group * g->kh * g->kw;
    return t;
}

// What leads back to the inputs, behind the room of the windows.
struct back {
    struct og_left *w;          // [groups]
    struct og_implicit turned;  // where `turns`, and the weights
    float *weights;             // [groups][in_group][out_group][taps]
};

static size_t lay(const struct og_windows *g, void *work, struct room *r)
{
    const size_t offsets = og_round64(g->k * sizeof(size_t));
    const size_t image = round16(g->samples * image_of(g).size + SLACK);
    const size_t outs = (g->out_group + OG_PANEL_MAX - 1) / OG_PANEL_MAX;
    const size_t tall = g->k > g->out_group ? g->k : g->out_group;
    const size_t lines = tall > CHUNK * outs ? tall : CHUNK * outs;
    const size_t right = round16(lines * OG_PANEL_MAX + SLACK);
    const size_t taken = TAKEN * PITCH, panel = g->k * OG_PANEL_MAX;
    const size_t left = round16((taken > panel ? taken : panel) + SLACK);
    if (work) {
        r->offset = work;
        r->image = (float *)((char *)work + offsets);
        r->right = r->image + image;
        r->left = r->right + right;
        r->dw = r->left + left;
    }
    return offsets + (image + right + left + round16(g->groups * g->k * g->out_group)) *
                         sizeof(float);
}

static struct room room_of(const struct og_implicit *c)
{
    struct room r = {0};
    lay(&c->g, c->work, &r);
    return r;
}

static size_t lay_back(const struct og_windows *g, void *work, struct back *b)
{
    const size_t first = lay(g, NULL, NULL);
    const size_t w = first + og_round64(g->groups * sizeof *b->w);
    const struct og_windows t = turned(g);
    const size_t weights = turns(g) ? w + lay(&t, NULL, NULL) : w;
    if (work) {
        b->w = (struct og_left *)((char *)work + first);
        b->turned = (struct og_implicit){t, (char *)work + w};
        b->weights = (float *)((char *)work + weights);
    }
    return weights + (turns(g) ? g->groups * t.out_group * t.k * sizeof(float) : 0);
}

static struct back back_of(const struct og_implicit *c)
{
    struct back b = {0};
    lay_back(&c->g, c->work, &b);
    return b;
}

size_t og_implicit_work_bytes(const struct og_windows *g)
{
    return lay_back(g, NULL, NULL);
}

static void set_offsets(const struct og_implicit *c)
{
    const struct og_windows *g = &c->g;
    const struct room r = room_of(c);
    const struct image m = image_of(g);
    const size_t taps = g->kh * g->kw;
    for (size_t k = 0; k < g->k; k++) {
        const size_t y = k % taps / g->kw * g->dilation, x = k % g->kw * g->dilation;
        r.offset[k] =
            k / taps * m.plane + y * m.line + x % g->stride * m.width + x / g->stride;
    }
}

struct og_implicit og_implicit_begin(const struct og_windows *g, void *work)
{
    const struct og_implicit c = {*g, work};
    set_offsets(&c);
    return c;
}

// --- images --------------------------------------------------------------------------

// One line of an image to its place in the room, or back.
static void put_line(const struct og_windows *g, const struct image *m, const float *x,
                     float *line)
{
    memset(line, 0, m->line * sizeof *line);
    if (g->stride == 1) {
        memcpy(line + g->pad, x, g->w * sizeof *x);
        return;
    }
    for (size_t r = 0; r < g->stride; r++) {
        float *to = line + (g->pad + r) % g->stride * m->width + (g->pad + r) / g->stride;
        for (size_t i = r; i < g->w; i += g->stride) *to++ = x[i];
    }
}

static void take_line(const struct og_windows *g, const struct image *m,
                      const float *line, float *x)
{
    if (g->stride == 1) {
        memcpy(x, line + g->pad, g->w * sizeof *x);
        return;
    }
    for (size_t r = 0; r < g->stride; r++) {
        const float *from =
            line + (g->pad + r) % g->stride * m->width + (g->pad + r) / g->stride;
        for (size_t i = r; i < g->w; i += g->stride) x[i] = *from++;
    }
}

static void put(const struct og_windows *g, const float *x, float *room)
{
    const struct image m = image_of(g);
    for (size_t c = 0; c < g->in_group; c++) {
        float *plane = room + c * m.plane, *last = plane + (g->h + g->pad) * m.line;
        memset(plane, 0, g->pad * m.line * sizeof *room);
        for (size_t y = 0; y < g->h; y++)
            put_line(g, &m, x + (c * g->h + y) * g->w, plane + (y + g->pad) * m.line);
        memset(last, 0, g->pad * m.line * sizeof *room);
    }
}

static void take(const struct og_windows *g, const float *room, float *x)
{
    const struct image m = image_of(g);
    for (size_t c = 0; c < g->in_group; c++)
        for (size_t y = 0; y < g->h; y++)
            take_line(g, &m, room + c * m.plane + (y + g->pad) * m.line,
                      x + (c * g->h + y) * g->w);
}

static void put_all(const struct og_windows *g, const float *x, size_t samples,
                    float *room)
{
    for (size_t s = 0; s < samples; s++)
        put(g, x + s * g->c * g->h * g->w, room + s * image_of(g).size);
}

// Windows [first, first + n) of images in the room, from any sample.
static size_t pieces_of(const struct og_windows *g, size_t first, size_t n,
                        struct og_piece *piece)
{
    const struct image m = image_of(g);
    const size_t most = og_kernels()->product->vector;
    size_t count = 0;
    for (size_t at = 0; at < n; count++) {
        const size_t s = (first + at) / g->places, place = (first + at) % g->places;
        const size_t y = place / g->ow, x = place % g->ow;
        size_t length = g->ow - x < most ? g->ow - x : most;
        if (length > n - at) length = n - at;
        piece[count] =
            (struct og_piece){.to = (uint32_t)at,
                              .from = (uint32_t)(s * m.size + y * g->stride * m.line + x),
                              .n = (uint32_t)length};
        at += length;
    }
    return count;
}

// --- forward -------------------------------------------------------------------------

static void forward_panel(const struct og_implicit *c, const struct room *r,
                          const float *w, size_t sample, size_t place, float *y, bool add)
{
    const struct og_product_kernels *kernels = og_kernels()->product;
    const struct og_windows *g = &c->g;
    struct og_piece piece[OG_PANEL_MAX];
    size_t n = g->places - place < kernels->width ? g->places - place : kernels->width;
    const struct og_rows rows = {r->offset, g->k, piece,
                                 pieces_of(g, sample * g->places + place, n, piece)};
    const struct og_left left = {w, g->k, 1};
    if (kernels->windows(left, g->out_group, r->image, &rows, n, y + place, g->places,
                         add))
        return;
    if (n < kernels->width) memset(r->right, 0, g->k * kernels->width * sizeof *w);
    kernels->gather(r->right, kernels->width, r->image, &rows);
    kernels->product(left, g->out_group, (struct og_panels){r->right, g->k, n}, y + place,
                     g->places, add);
}

static void forward(const struct og_implicit *c, const float *w, const float *x,
                    size_t samples, float *y, bool add)
{
    const struct room r = room_of(c);
    const struct og_windows *g = &c->g;
    const size_t width = og_kernels()->product->width;
    put_all(g, x, samples, r.image);
    for (size_t s = 0; s < samples; s++)
        for (size_t p = 0; p < g->places; p += width)
            forward_panel(c, &r, w, s, p, y + s * g->groups * g->out_group * g->places,
                          add);
}

void og_implicit_forward(const struct og_implicit *c, const float *w, const float *x,
                         size_t samples, float *y)
{
    forward(c, w, x, samples, y, false);
}

void og_implicit_images(const struct og_implicit *c, const float *x, size_t samples)
{
    put_all(&c->g, x, samples, room_of(c).image);
}

void og_implicit_windows(const struct og_implicit *c, size_t first, size_t n, float *to,
                         size_t pitch)
{
    const struct room r = room_of(c);
    struct og_piece piece[CHUNK];
    const struct og_rows rows = {r.offset, c->g.k, piece,
                                 pieces_of(&c->g, first, n, piece)};
    assert(n <= CHUNK);
    og_kernels()->product->gather(to, pitch, r.image, &rows);
}

// --- gradient of the inputs ------------------------------------------------------------

// to[i][j][tap] = w(k, j), k being channel i and the tap as far from the last.
static void turn(const struct og_windows *g, struct og_left w, float *to)
{
    const size_t taps = g->kh * g->kw;
    for (size_t i = 0; i < g->in_group; i++)
        for (size_t j = 0; j < g->out_group; j++, to += taps) {
            const float *from = w.data + i * taps * w.row_stride + j * w.col_stride;
            for (size_t t = 0; t < taps; t++) to[taps - 1 - t] = from[t * w.row_stride];
        }
}

void og_implicit_lead_back(const struct og_implicit *c, size_t group, struct og_left w)
{
    const struct back b = back_of(c);
    const struct og_windows *t = &b.turned.g;
    b.w[group] = w;
    if (!turns(&c->g)) return;
    if (group == 0) set_offsets(&b.turned);
    float *weights = b.weights + group * t->out_group * t->k;
    turn(&c->g, w, weights);
    b.w[group] = (struct og_left){weights, t->k, 1};
}

static void back_panel(const struct og_implicit *c, const struct room *r,
                       struct og_left w, const float *dy, size_t place)
{
    const struct og_product_kernels *kernels = og_kernels()->product;
    const struct og_windows *g = &c->g;
    struct og_piece piece[OG_PANEL_MAX];
    size_t n = g->places - place < kernels->width ? g->places - place : kernels->width;
    const struct og_rows rows = {r->offset, g->k, piece, pieces_of(g, place, n, piece)};
    kernels->pack(r->right, dy + place, g->places, 1, g->out_group, n);
    kernels->product(w, g->k, (struct og_panels){r->right, g->out_group, n}, r->left,
                     kernels->width, 0);
    kernels->scatter(r->left, kernels->width, r->image, &rows, g->kh * g->kw);
}

// By adding every window's gradient to the image.
static void scatter_back(const struct og_implicit *c, struct og_left w, const float *dy,
                         size_t samples, float *dx, bool fresh)
{
    const struct room r = room_of(c);
    const struct og_windows *g = &c->g;
    const size_t width = og_kernels()->product->width;
    for (size_t s = 0; s < samples; s++) {
        float *to = dx + s * g->c * g->h * g->w;
        if (fresh)
            memset(r.image, 0, image_of(g).size * sizeof *dx);
        else
            put(g, to, r.image);
        for (size_t p = 0; p < g->places; p += width)
            back_panel(c, &r, w, dy + s * g->groups * g->out_group * g->places, p);
        take(g, r.image, to);
    }
}

void og_implicit_inputs(const struct og_implicit *c, size_t group, const float *dy,
                        size_t samples, float *dx, bool fresh)
{
    const struct back b = back_of(c);
    if (turns(&c->g))
        forward(&b.turned, b.w[group].data, dy, samples, dx, !fresh);
    else
        scatter_back(c, b.w[group], dy, samples, dx, fresh);
}

// --- gradient of the weights -----------------------------------------------------------

void og_implicit_clear(const struct og_implicit *c)
{
    const struct og_windows *g = &c->g;
    memset(room_of(c).dw, 0, g->groups * g->k * g->out_group * sizeof(float));
}

// dy of windows [first, first + n) as panels.
static void pack_dy(const struct og_windows *g, const float *dy, size_t first, size_t n,
                    float *to)
{
    const struct og_product_kernels *kernels = og_kernels()->product;
    const size_t each = g->groups * g->out_group * g->places;
    for (size_t at = 0; at < n;) {
        const size_t s = (first + at) / g->places, place = (first + at) % g->places;
        const size_t length = g->places - place < n - at ? g->places - place : n - at;
        for (size_t j = 0; j < g->out_group; j += kernels->width) {
            const size_t left = g->out_group - j;
            kernels->pack(to + j * n + at * kernels->width,
                          dy + s * each + j * g->places + place, 1, g->places, length,
                          left < kernels->width ? left : kernels->width);
        }
        at += length;
    }
}

static void weights_chunk(const struct og_implicit *c, const struct room *r,
                          const float *dy, size_t first, size_t n, float *dw)
{
    const struct og_product_kernels *kernels = og_kernels()->product;
    const struct og_windows *g = &c->g;
    struct og_piece piece[CHUNK];
    const struct og_panels right = {r->right, n, g->out_group};
    struct og_rows rows = {r->offset, g->k, piece, pieces_of(g, first, n, piece)};
    pack_dy(g, dy, first, n, r->right);
    if (kernels->taps(r->image, &rows, right, dw, g->out_group)) return;
    for (size_t k = 0; k < g->k; k += TAKEN) {
        rows.offset = r->offset + k;
        rows.n = g->k - k < TAKEN ? g->k - k : TAKEN;
        kernels->gather(r->left, PITCH, r->image, &rows);
        kernels->product((struct og_left){r->left, PITCH, 1}, rows.n, right,
                         dw + k * g->out_group, g->out_group, 1);
    }
}

void og_implicit_weights(const struct og_implicit *c, size_t group, const float *x,
                         const float *dy, size_t samples)
{
    const struct room r = room_of(c);
    const struct og_windows *g = &c->g;
    const size_t all = samples * g->places;
    put_all(g, x, samples, r.image);
    for (size_t first = 0; first < all; first += CHUNK)
        weights_chunk(c, &r, dy, first, all - first < CHUNK ? all - first : CHUNK,
                      r.dw + group * g->k * g->out_group);
}

void og_implicit_take(const struct og_implicit *c, size_t group, float *dw)
{
    const struct og_windows *g = &c->g;
    const float *from = room_of(c).dw + group * g->k * g->out_group;
    for (size_t j = 0; j < g->out_group; j++)
        for (size_t k = 0; k < g->k; k++) dw[j * g->k + k] += from[k * g->out_group + j];
}
