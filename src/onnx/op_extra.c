// SPDX-License-Identifier: GPL-3.0-or-later
// Shape, Expand, ConstantOfShape and Cast: what PyTorch writes around recurrent layers.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "onnx/op.h"

static int64_t clamp(int64_t v, int64_t high) { return v < 0 ? 0 : v > high ? high : v; }

// Axes [start, end), counted from behind where negative and cut to what there is.
og_status og_run_shape(const struct og_call *c)
{
    const struct og_nd *in = c->in[0];
    int64_t start = og_node_int(c->node, "start", 0), rank = in->rank;
    int64_t end = og_node_int(c->node, "end", rank);
    start = clamp(start < 0 ? start + rank : start, rank);
    end = clamp(end < 0 ? end + rank : end, rank);
    int64_t n = end > start ? end - start : 0;
    if (!og_call_out(c, 0)) return OG_OK;
    OG_TRY(og_call_make(c, 0, OG_ND_INT64, 1, &n));
    if (n > 0) memcpy(og_call_out(c, 0)->data, in->dim + start, (size_t)n * sizeof n);
    return OG_OK;
}

// A shape given as an input.
static og_status read_shape(const struct og_call *c, int input, int *rank,
                            int64_t dim[OG_ND_RANK])
{
    int64_t *list;
    size_t n;
    OG_TRY(og_call_ints(c, input, NULL, &n, &list));
    og_status status = OG_OK;
    if (n > OG_ND_RANK)
        status = og_call_fail(c, "the shape has %zu axes, at most %d are possible", n,
                              OG_ND_RANK);
    for (size_t k = 0; status == OG_OK && k < n; k++) {
        dim[k] = list[k];
        if (dim[k] < 0) status = og_call_fail(c, "%lld in the shape", (long long)dim[k]);
    }
    *rank = (int)n;
    og_free(list);
    return status;
}

og_status og_run_expand(const struct og_call *c)
{
    const struct og_nd *in = c->in[0];
    struct og_nd *out = og_call_out(c, 0), wanted = {0};
    int64_t dim[OG_ND_RANK], step[OG_ND_RANK];
    int rank;
    OG_TRY(read_shape(c, 1, &wanted.rank, wanted.dim));
    if (!og_nd_broadcast(in, &wanted, &rank, dim) || !og_nd_steps(in, rank, dim, step)) {
        char from[OG_ND_TEXT], to[OG_ND_TEXT];
        og_nd_shape_text(in->rank, in->dim, from);
        og_nd_shape_text(wanted.rank, wanted.dim, to);
        return og_call_fail(c, "shape %.100s does not expand to %.100s", from, to);
    }
    if (!out) return OG_OK;
    OG_TRY(og_call_make(c, 0, in->type, rank, dim));
    size_t size = og_nd_size(in->type);
    struct og_walk w = og_walk_start(rank, dim, step, NULL, NULL);
    for (size_t i = 0; i < out->count; i++, og_walk_next(&w))
        memcpy((char *)out->data + i * size,
               (const char *)in->data + (size_t)w.at[0] * size, size);
    return OG_OK;
}

// The importer turns the attribute value, a tensor, into a number and its type.
enum og_nd_type og_value_type(const struct og_onnx_node *node)
{
    if (!og_node_attr(node, "value_int")) return OG_ND_FLOAT;
    enum og_nd_type type = og_data_type(og_node_int(node, "value_type", 7));
    return type != OG_ND_FLOAT ? type : OG_ND_NONE;
}

bool og_check_value(const struct og_onnx_graph *g, const struct og_onnx_node *node,
                    char why[OG_WHY])
{
    (void)g;
    if (og_value_type(node) != OG_ND_NONE) return true;
    snprintf(why, OG_WHY, "value_type %lld is not supported",
             (long long)og_node_int(node, "value_type", 0));
    return false;
}

og_status og_run_constant_of_shape(const struct og_call *c)
{
    const struct og_attr *whole = og_node_attr(c->node, "value_int");
    float value = og_node_float(c->node, "value_float", 0.0f);
    struct og_nd *out = og_call_out(c, 0);
    int64_t dim[OG_ND_RANK];
    int rank;
    OG_TRY(read_shape(c, 0, &rank, dim));
    if (!out) return OG_OK;
    OG_TRY(og_call_make(c, 0, og_value_type(c->node), rank, dim));
    for (size_t i = 0; i < out->count; i++)
        if (whole)
            og_nd_put(out, i, whole->i[0]);
        else
            ((float *)out->data)[i] = value;
    return OG_OK;
}

// --- Cast ----------------------------------------------------------------------------

static bool cast_float(float x, enum og_nd_type to, struct og_nd *out, size_t i)
{
    static const struct {
        float low, above;
    } limit[OG_ND_TYPES] = {
        [OG_ND_INT8] = {-128.0f, 128.0f},
        [OG_ND_UINT8] = {0.0f, 256.0f},
        [OG_ND_INT32] = {-2147483648.0f, 2147483648.0f},
        [OG_ND_INT64] = {-9223372036854775808.0f, 9223372036854775808.0f}};
    float whole = truncf(x);
    if (to == OG_ND_BOOL) {
        og_nd_put(out, i, x != 0.0f);
        return true;
    }
    if (!(whole >= limit[to].low && whole < limit[to].above)) return false;
    og_nd_put(out, i, (int64_t)whole);
    return true;
}

// Floats are cut off towards zero, and what then does not fit has no defined result;
// integers keep their low bits.
og_status og_run_cast(const struct og_call *c)
{
    const struct og_nd *in = c->in[0];
    struct og_nd *out = og_call_out(c, 0);
    enum og_nd_type to = og_cast_type(c->node);
    if (to == in->type) return og_call_reshape(c, 0, in->rank, in->dim);
    if (!out) return OG_OK;
    OG_TRY(og_call_make(c, 0, to, in->rank, in->dim));
    for (size_t i = 0; i < in->count; i++) {
        if (in->type == OG_ND_FLOAT) {
            if (!cast_float(og_nd_f32(in)[i], to, out, i))
                return og_call_fail(c, "%g is no %s", (double)og_nd_f32(in)[i],
                                    og_nd_name(to));
        } else if (to == OG_ND_FLOAT) {
            ((float *)out->data)[i] = (float)og_nd_int(in, i);
        } else {
            int64_t v = og_nd_int(in, i);
            og_nd_put(out, i, to == OG_ND_BOOL ? v != 0 : v);
        }
    }
    return OG_OK;
}
