// SPDX-License-Identifier: GPL-3.0-or-later
// QuantizeLinear, DequantizeLinear, MatMulInteger and QLinearMatMul. Rounding is half to
// even, and what does not fit is the nearest that does.
#include <math.h>
#include <stdio.h>

#include "base/mem.h"
#include "onnx/matmul.h"

// output_dtype: UINT8 and INT8 of TensorProto.DataType, or as the zero point.
bool og_check_quantize(const struct og_onnx_graph *g, const struct og_onnx_node *node,
                       char why[OG_WHY])
{
    int64_t type = og_node_int(node, "output_dtype", 0);
    bool known = type == 0 || type == 2 || type == 3;
    bool has_zero = node->inputs > 2 && node->input[2] != OG_NO_NAME;
    (void)g;
    if (og_node_int(node, "block_size", 0) < 0) {
        snprintf(why, OG_WHY, "block_size is below 0");
        return false;
    }
    if (!known)
        snprintf(why, OG_WHY, "output_dtype %lld is not supported", (long long)type);
    else if (type && has_zero)
        snprintf(why, OG_WHY, "output_dtype and y_zero_point are both given");
    return known && !(type && has_zero);
}

// Scales and zero points: one, one for each index of an axis, or one for each block of
// block_size along it.
struct scaling {
    const struct og_nd *scale, *zero;  // zero: or NULL
    int64_t step[OG_ND_RANK];          // places of scale for each axis of the input
    int64_t block;
    int axis;
};

static og_status fail_scale(const struct og_call *c)
{
    char text[OG_ND_TEXT];
    og_nd_shape_text(c->in[1]->rank, c->in[1]->dim, text);
    return og_call_fail(c, "scales of shape %.100s do not fit", text);
}

static og_status read_blocks(const struct og_call *c, struct scaling *s)
{
    const struct og_nd *in = c->in[0];
    int64_t width = 1;
    if (s->scale->rank != in->rank) return fail_scale(c);
    for (int k = in->rank - 1; k >= 0; k--) {
        int64_t n = in->dim[k];
        if (k == s->axis) n = (n + s->block - 1) / s->block;
        if (s->scale->dim[k] != n) return fail_scale(c);
        s->step[k] = width;
        width *= n;
    }
    return OG_OK;
}

static og_status read_scaling(const struct og_call *c, struct scaling *s)
{
    const struct og_nd *in = c->in[0];
    *s = (struct scaling){.scale = c->in[1], .zero = og_call_in(c, 2), .block = 1};
    int64_t block = og_node_int(c->node, "block_size", 0);
    if (s->zero && s->zero->count != s->scale->count)
        return og_call_fail(c, "%zu zero points for %zu scales", s->zero->count,
                            s->scale->count);
    if (block == 0 && s->scale->count == 1 && s->scale->rank <= 1) return OG_OK;
    OG_TRY(og_call_axis(c, og_node_int(c->node, "axis", 1), in->rank, in->rank - 1,
                        &s->axis));
    s->block = block > 0 ? block : 1;
    if (block > 0) return read_blocks(c, s);
    if (s->scale->rank != 1 || s->scale->dim[0] != in->dim[s->axis]) return fail_scale(c);
    s->step[s->axis] = 1;
    return OG_OK;
}

// The place of the scale for the element at `index`.
static size_t scale_at(const struct scaling *s, const struct og_walk *w)
{
    if (s->block == 1) return (size_t)w->at[0];
    int64_t i = w->index[s->axis];
    return (size_t)(w->at[0] - (i - i / s->block) * s->step[s->axis]);
}

static int64_t saturate(double v, enum og_nd_type type)
{
    double low = type == OG_ND_INT8 ? INT8_MIN : 0,
           high = type == OG_ND_INT8 ? INT8_MAX : UINT8_MAX;
    if (isnan(v)) return 0;
    return (int64_t)(v < low ? low : v > high ? high : v);
}

// saturate(round(x / scale) + zero)
og_status og_run_quantize(const struct og_call *c)
{
    const struct og_nd *in = c->in[0];
    struct og_nd *out = og_call_out(c, 0);
    struct scaling s;
    OG_TRY(read_scaling(c, &s));
    if (!out) return OG_OK;
    enum og_nd_type type = s.zero ? s.zero->type : OG_ND_UINT8;
    if (og_node_int(c->node, "output_dtype", 0) == 3) type = OG_ND_INT8;
    OG_TRY(og_call_make(c, 0, type, in->rank, in->dim));
    struct og_walk w = og_walk_start(in->rank, in->dim, s.step, NULL, NULL);
    for (size_t i = 0; i < in->count; i++, og_walk_next(&w)) {
        size_t at = scale_at(&s, &w);
        float x = in->type == OG_ND_FLOAT ? og_nd_f32(in)[i] : (float)og_nd_int(in, i);
        double code = (double)rintf(x / og_nd_f32(s.scale)[at]);
        og_nd_put(out, i,
                  saturate(code + (s.zero ? (double)og_nd_int(s.zero, at) : 0), type));
    }
    return OG_OK;
}

// (x - zero) scale
og_status og_run_dequantize(const struct og_call *c)
{
    const struct og_nd *in = c->in[0];
    struct og_nd *out = og_call_out(c, 0);
    struct scaling s;
    OG_TRY(read_scaling(c, &s));
    if (!out) return OG_OK;
    OG_TRY(og_call_make(c, 0, OG_ND_FLOAT, in->rank, in->dim));
    struct og_walk w = og_walk_start(in->rank, in->dim, s.step, NULL, NULL);
    for (size_t i = 0; i < in->count; i++, og_walk_next(&w)) {
        size_t at = scale_at(&s, &w);
        int64_t x = og_nd_int(in, i) - (s.zero ? og_nd_int(s.zero, at) : 0);
        ((float *)out->data)[i] = (float)x * og_nd_f32(s.scale)[at];
    }
    return OG_OK;
}

// --- products of integers ------------------------------------------------------------

// One value, one for each row of A or column of B ([m] or [n], with 1 beside it), or one
// for each of these in every matrix of a stack.
static bool is_per_line(const struct og_nd *v, const struct og_nd *of, size_t lines,
                        bool rows)
{
    if (v->count == 1) return true;
    if (v->rank == 1) return v->count == lines;
    if (v->rank != of->rank || v->rank < 2) return false;
    for (int k = 0; k < v->rank - 2; k++)
        if (v->dim[k] != of->dim[k]) return false;
    int along = rows ? v->rank - 2 : v->rank - 1,
        across = rows ? v->rank - 1 : v->rank - 2;
    return (size_t)v->dim[along] == lines && v->dim[across] == 1;
}

// `stack`: number of the matrix among those of the operand.
static size_t line_at(const struct og_nd *v, size_t stack, size_t line, size_t lines)
{
    if (v->count == 1) return 0;
    return v->rank == 1 ? line : stack * lines + line;
}

static int64_t zero_at(const struct og_nd *v, size_t stack, size_t line, size_t lines)
{
    return v ? og_nd_int(v, line_at(v, stack, line, lines)) : 0;
}

struct integers {
    struct og_matmul p;
    const struct og_nd *a, *b, *a_zero, *b_zero;
};

static og_status read_integers(const struct og_call *c, struct integers *q)
{
    OG_TRY(og_matmul_read(c, q->a, q->b, &q->p));
    if (q->a_zero && !is_per_line(q->a_zero, q->a, q->p.m, true))
        return og_call_fail(c, "the zero points of A do not fit its rows");
    if (q->b_zero && !is_per_line(q->b_zero, q->b, q->p.n, false))
        return og_call_fail(c, "the zero points of B do not fit its columns");
    return OG_OK;
}

// Element (r, j) of matrix A number `sa` times B number `sb`; int32, wrapping around.
static int32_t product_at(const struct integers *q, size_t sa, size_t sb, size_t r,
                          size_t j)
{
    const struct og_matmul *p = &q->p;
    int64_t za = zero_at(q->a_zero, sa, r, p->m), zb = zero_at(q->b_zero, sb, j, p->n);
    uint32_t sum = 0;
    for (size_t k = 0; k < p->k; k++)
        sum += (uint32_t)((og_nd_int(q->a, (sa * p->m + r) * p->k + k) - za) *
                          (og_nd_int(q->b, (sb * p->k + k) * p->n + j) - zb));
    return (int32_t)sum;
}

og_status og_run_matmul_integer(const struct og_call *c)
{
    struct integers q = {.a = c->in[0],
                         .b = c->in[1],
                         .a_zero = og_call_in(c, 2),
                         .b_zero = og_call_in(c, 3)};
    OG_TRY(read_integers(c, &q));
    if (!og_call_out(c, 0)) return OG_OK;
    OG_TRY(og_call_make(c, 0, OG_ND_INT32, q.p.rank, q.p.dim));
    if (og_call_out(c, 0)->count == 0) return OG_OK;
    int32_t *y = og_call_out(c, 0)->data;
    struct og_walk w =
        og_walk_start(q.p.stack_rank, q.p.stack_dim, q.p.step_a, q.p.step_b, NULL);
    for (size_t s = 0; s < q.p.stack; s++, og_walk_next(&w))
        for (size_t i = 0; i < q.p.m * q.p.n; i++)
            *y++ = product_at(&q, (size_t)w.at[0], (size_t)w.at[1], i / q.p.n, i % q.p.n);
    return OG_OK;
}

static og_status check_scales(const struct og_call *c, const struct integers *q)
{
    if (!is_per_line(c->in[1], q->a, q->p.m, true) ||
        !is_per_line(c->in[4], q->b, q->p.n, false))
        return og_call_fail(c, "the scales do not fit rows of A and columns of B");
    if (c->in[6]->count != 1 || c->in[7]->count != 1)
        return og_call_fail(c, "y_scale and y_zero_point must be one number");
    return OG_OK;
}

// What does not fit is the nearest that does; only of int8 in opset 21 ONNX's own test
// (test_qlinearmatmul_2D_int8_float32 of version 1.16) expects the low eight bits.
static int64_t fit(const struct og_call *c, double v, enum og_nd_type type)
{
    bool wraps = type == OG_ND_INT8 && c->opset >= 21 && fabs(v) < 1e15;
    return wraps ? (int8_t)(int64_t)v : saturate(v, type);
}

// round(sum a_scale b_scale / y_scale) + y_zero; the factor in float32, the rest in
// double, as the ONNX reference computes it.
og_status og_run_qlinear_matmul(const struct og_call *c)
{
    struct integers q = {
        .a = c->in[0], .b = c->in[3], .a_zero = c->in[2], .b_zero = c->in[5]};
    OG_TRY(read_integers(c, &q));
    OG_TRY(check_scales(c, &q));
    struct og_nd *out = og_call_out(c, 0);
    if (!out) return OG_OK;
    OG_TRY(og_call_make(c, 0, c->in[7]->type, q.p.rank, q.p.dim));
    size_t at = 0, each = out->count ? q.p.m * q.p.n : 0;
    struct og_walk w =
        og_walk_start(q.p.stack_rank, q.p.stack_dim, q.p.step_a, q.p.step_b, NULL);
    for (size_t s = 0; each && s < q.p.stack; s++, og_walk_next(&w))
        for (size_t i = 0; i < each; i++) {
            size_t sa = (size_t)w.at[0], sb = (size_t)w.at[1], r = i / q.p.n,
                   j = i % q.p.n;
            float factor = og_nd_f32(c->in[1])[line_at(c->in[1], sa, r, q.p.m)] *
                           og_nd_f32(c->in[4])[line_at(c->in[4], sb, j, q.p.n)] /
                           og_nd_f32(c->in[6])[0];
            double v = rint((double)product_at(&q, sa, sb, r, j) * (double)factor);
            og_nd_put(out, at++, fit(c, v + (double)og_nd_int(c->in[7], 0), out->type));
        }
    return OG_OK;
}
