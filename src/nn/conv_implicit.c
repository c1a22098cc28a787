// SPDX-License-Identifier: GPL-3.0-or-later
#include "nn/conv_implicit.h"

#include "nn/implicit.h"

// Parts of the workspace behind the implicit product's own: images of a run, and where
// arrays read, their products and what the linear needs.
struct room {
    size_t image, y, linear;  // bytes before them
};

static struct room room_of(const struct og_windows *g)
{
    const size_t image = og_round64(og_implicit_work_bytes(g));
    const size_t y = image + og_round64(g->samples * g->c * g->h * g->w * sizeof(float));
    const size_t size = g->samples * g->places * g->out_group * sizeof(float);
    return (struct room){.image = image, .y = y, .linear = y + og_round64(size)};
}

size_t og_conv_implicit_bytes(const struct og_windows *g) { return room_of(g).linear; }

// y += bias
static void add_bias(const struct og_windows *g, const float *bias, float *y)
{
    for (size_t j = 0; j < g->out_group; j++)
        for (size_t p = 0; p < g->places; p++) y[j * g->places + p] += bias[j];
}

// All groups of a run.
static void plain_run(const struct og_view *v, const struct og_implicit *c, size_t s,
                      size_t n)
{
    const struct og_windows *g = &c->g;
    const size_t each = g->out_group * g->places, out_size = g->groups * each;
    for (size_t k = 0; k < g->groups; k++) {
        float *y = v->out + s * out_size + k * each;
        og_implicit_forward(c, og_linear_plain(v, (int)k),
                            v->in[0] + (s * g->c + k * g->in_group) * g->h * g->w, n, y);
        for (size_t r = 0; v->node->params > 1 && r < n; r++)
            add_bias(g, v->param[1] + k * g->out_group, y + r * out_size);
    }
}

static void plain_read(const struct og_view *v, const struct og_windows *g)
{
    const struct og_implicit c = og_implicit_begin(g, v->work);
    for (size_t s = 0; s < v->n; s += g->samples)
        plain_run(v, &c, s, v->n - s < g->samples ? v->n - s : g->samples);
    og_signal(v, OG_POINT_O, v->out, v->n, g->groups * g->out_group * g->places);
}

static void codes_of_windows(const void *of, size_t row0, size_t n, float *codes,
                             size_t pitch)
{
    og_implicit_windows(of, row0, n, codes, pitch);
}

// The images go through the DACs once, not window by window.
static void codes_run(const struct og_view *v, const struct og_implicit *c, size_t s,
                      size_t n)
{
    const struct og_windows *g = &c->g;
    const struct room room = room_of(g);
    const size_t plane = g->h * g->w, each = g->out_group * g->places;
    const struct og_view run = og_view_part(v, s, n);
    float *image = og_view_work(v, room.image), *y = og_view_work(v, room.y);
    for (size_t k = 0; k < g->groups; k++) {
        const float *bias = v->node->params > 1 ? v->param[1] + k * g->out_group : NULL;
        const size_t first = k * g->in_group * plane;
        for (size_t r = 0; r < n; r++)
            og_linear_codes(v, (int)k, v->in[0] + (s + r) * g->c * plane + first,
                            g->in_group * plane, image + r * g->c * plane);
        og_implicit_images(c, image, n);
        og_linear_forward(&run,
                          &(struct og_linear_io){.part = OG_PART_READ,
                                                 .k = (int)k,
                                                 .codes = codes_of_windows,
                                                 .of = c,
                                                 .rows = n * g->places,
                                                 .y = y,
                                                 .ldy = g->out_group,
                                                 .work = og_view_work(v, room.linear)});
        for (size_t r = 0; r < n; r++)
            og_windows_spread(g, y + r * each, bias,
                              v->out + ((s + r) * g->groups + k) * each);
    }
}

static bool takes_codes(const struct og_view *v)
{
    for (int k = 0; k < v->node->linears; k++)
        if (!og_linear_takes_codes(v, k)) return false;
    return true;
}

static void codes_read(const struct og_view *v, const struct og_windows *g)
{
    const struct og_implicit c = og_implicit_begin(g, v->work);
    for (size_t s = 0; s < v->n; s += g->samples)
        codes_run(v, &c, s, v->n - s < g->samples ? v->n - s : g->samples);
    og_signal(v, OG_POINT_O, v->out, v->n, g->groups * g->out_group * g->places);
}

bool og_conv_implicit_read(const struct og_view *v, const struct og_windows *g)
{
    if (og_linear_plain(v, 0) && !og_linear_is_watched(v))
        plain_read(v, g);
    else if (takes_codes(v))
        codes_read(v, g);
    else
        return false;
    return true;
}

bool og_conv_is_implicit_back(const struct og_view *v)
{
    for (int k = 0; k < v->node->linears; k++)
        if (!og_linear_plain(v, k) && !og_linear_straight(v, k)) return false;
    return true;
}

static void add_bias_gradient(const struct og_windows *g, const float *dout, float *dbias)
{
    for (size_t j = 0; j < g->out_group; j++) {
        float sum = 0.0f;
        for (size_t p = 0; p < g->places; p++) sum += dout[j * g->places + p];
        dbias[j] += sum;
    }
}

// The weights that lead back to the inputs, (k, j).
static struct og_left weights_back(const struct og_view *v, const struct og_windows *g,
                                   size_t k)
{
    const float *straight = og_linear_straight(v, (int)k);
    if (straight) return (struct og_left){straight, g->out_group, 1};
    return (struct og_left){og_linear_plain(v, (int)k), 1, g->k};
}

// The inputs of a group's run, as DACs give them where there are any.
static const float *inputs_of_run(const struct og_view *v, const struct og_implicit *c,
                                  size_t s, size_t n, size_t k)
{
    const struct og_windows *g = &c->g;
    const size_t plane = g->h * g->w, size = g->in_group * plane;
    const float *x = v->in[0] + (s * g->c + k * g->in_group) * plane;
    if (!og_linear_straight(v, (int)k)) return x;
    float *to = og_view_work(v, room_of(g).image);
    for (size_t r = 0; r < n; r++)
        og_linear_dac(v, (int)k, x + r * g->c * plane, size, to + r * g->c * plane);
    return to;
}

static void back_run(const struct og_view *v, const struct og_implicit *c, size_t s,
                     size_t n)
{
    const struct og_windows *g = &c->g;
    const size_t each = g->out_group * g->places, out_size = g->groups * each;
    for (size_t k = 0; k < g->groups; k++) {
        const size_t in = (s * g->c + k * g->in_group) * g->h * g->w;
        const float *dy = v->dout + s * out_size + k * each;
        for (size_t r = 0; v->node->params > 1 && r < n; r++)
            add_bias_gradient(g, dy + r * out_size, v->dparam[1] + k * g->out_group);
        if (og_linear_gradient(v, (int)k))
            og_implicit_weights(c, k, inputs_of_run(v, c, s, n, k), dy, n);
        if (v->din[0]) og_implicit_inputs(c, k, dy, n, v->din[0] + in, v->fresh[0]);
    }
}

void og_conv_implicit_backward(const struct og_view *v, const struct og_windows *g)
{
    const struct og_implicit c = og_implicit_begin(g, v->work);
    og_implicit_clear(&c);
    for (size_t k = 0; v->din[0] && k < g->groups; k++)
        og_implicit_lead_back(&c, k, weights_back(v, g, k));
    for (size_t s = 0; s < v->n; s += g->samples)
        back_run(v, &c, s, v->n - s < g->samples ? v->n - s : g->samples);
    for (size_t k = 0; k < g->groups; k++)
        if (og_linear_gradient(v, (int)k))
            og_implicit_take(&c, k, og_linear_gradient(v, (int)k));
}
