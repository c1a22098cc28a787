// SPDX-License-Identifier: GPL-3.0-or-later
// Any rising function of one variable: linear between points, constant outside. The
// gradient is the slope, 0 outside.
#include <string.h>

#include "nn/exec.h"
#include "nn/ops.h"

static const struct og_field fields[] = {
    {.key = "x",
     .type = OG_FIELD_LIST,
     .offset = offsetof(struct og_points, x),
     .min = -1e9,
     .max = 1e9,
     .stage = OG_STAGE_TRAIN,
     .help = "Where the points are, rising."},
    {.key = "y",
     .type = OG_FIELD_LIST,
     .offset = offsetof(struct og_points, y),
     .min = -1e9,
     .max = 1e9,
     .stage = OG_STAGE_TRAIN,
     .help =
         "What the function is there, rising; linear between them, constant outside."},
    {.key = NULL},
};

static bool rising(const struct og_list *list)
{
    for (int i = 1; i < list->n; i++)
        if (!(list->v[i] > list->v[i - 1])) return false;
    return true;
}

static og_status setup(struct og_node *node, struct og_error *err)
{
    const struct og_points *c = node->attr;
    if (c->x.n < 2 || c->x.n != c->y.n)
        return og_fail(
            err, OG_INPUT,
            "x has %d entries and y %d: a curve needs equally many, at least 2", c->x.n,
            c->y.n);
    if (!rising(&c->x) || !rising(&c->y))
        return og_fail(err, OG_INPUT, "x and y must be rising");
    return og_setup_same(node, err);
}

// The piece of the curve that v is on, by the points of `at`; -1: before the first, n -
// 1: beyond the last.
static int piece_of(const struct og_list *at, float v)
{
    if (v < (float)at->v[0]) return -1;
    if (v > (float)at->v[at->n - 1]) return at->n - 1;
    int i = 0;
    while (i + 2 < at->n && v >= (float)at->v[i + 1]) i++;
    return i;
}

static double slope_of(const struct og_points *c, int piece)
{
    if (piece < 0 || piece + 1 >= c->x.n) return 0;
    return (c->y.v[piece + 1] - c->y.v[piece]) / (c->x.v[piece + 1] - c->x.v[piece]);
}

void og_curve_apply(const struct og_points *c, const float *x, float *y, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        const int piece = piece_of(&c->x, x[k]), from = piece < 0 ? 0 : piece;
        const double slope = slope_of(c, piece);
        // A flat end has no slope; NaN stays NaN.
        y[k] = (float)(c->y.v[from] + (slope > 0 ? slope * ((double)x[k] - c->x.v[from])
                                                 : 0 * (double)(x[k] != x[k])));
    }
}

static size_t elements(const struct og_view *v)
{
    return v->n * og_shape_count(&v->node->shape);
}

static void forward(const struct og_view *v)
{
    if (og_ramp_has_done(v))
        memcpy(v->out, v->in[0], elements(v) * sizeof *v->out);
    else
        og_curve_apply(v->node->attr, v->in[0], v->out, elements(v));
}

// Where a ramp has done the function, what it gave says which piece x was on; the read
// stops the gradient beyond the ends.
static void backward(const struct og_view *v)
{
    const struct og_points *c = v->node->attr;
    const struct og_list *at = og_ramp_has_done(v) ? &c->y : &c->x;
    if (!v->din[0]) return;
    for (size_t k = 0, n = elements(v); k < n; k++)
        v->din[0][k] += v->dout[k] * (float)slope_of(c, piece_of(at, v->in[0][k]));
}

const struct og_op og_op_curve = {
    .elementwise = true,
    .name = "curve",
    .onnx = "",
    .help = "Any rising function, linear between the points given.",
    .fields = fields,
    .attr_size = sizeof(struct og_points),
    .inputs_min = 1,
    .inputs_max = 1,
    .setup = setup,
    .forward = forward,
    .backward = backward,
};
