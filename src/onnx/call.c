// SPDX-License-Identifier: GPL-3.0-or-later
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"
#include "onnx/op.h"

og_status og_call_fail(const struct og_call *c, const char *format, ...)
{
    char text[OG_ERROR_TEXT / 2];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return og_fail(c->err, OG_INPUT, "node #%zu %s '%.200s': %s", c->node->index,
                   c->node->type, c->node->name, text);
}

const struct og_nd *og_call_in(const struct og_call *c, size_t k)
{
    return k < c->node->inputs ? c->in[k] : NULL;
}

struct og_nd *og_call_out(const struct og_call *c, size_t k)
{
    return k < c->node->outputs ? c->out[k] : NULL;
}

og_status og_call_make(const struct og_call *c, size_t k, enum og_nd_type type, int rank,
                       const int64_t *dim)
{
    struct og_nd *out = og_call_out(c, k);
    if (!out) return OG_OK;
    if (rank > OG_ND_RANK)
        return og_call_fail(c, "the result has %d axes, at most %d are possible", rank,
                            OG_ND_RANK);
    return og_nd_alloc(out, type, rank, dim, c->err);
}

og_status og_call_like(const struct og_call *c, size_t k, const struct og_nd *like)
{
    return og_call_make(c, k, like->type, like->rank, like->dim);
}

og_status og_call_axis(const struct og_call *c, int64_t axis, int rank, int high,
                       int *out)
{
    int64_t at = axis < 0 ? axis + rank : axis;
    *out = 0;
    if (at < 0 || at > high)
        return og_call_fail(c, "axis %lld of %d axes", (long long)axis, rank);
    *out = (int)at;
    return OG_OK;
}

og_status og_call_ints(const struct og_call *c, int input, const char *attr, size_t *n,
                       int64_t **list)
{
    const struct og_nd *in = input >= 0 ? og_call_in(c, (size_t)input) : NULL;
    const struct og_attr *a = attr ? og_node_attr(c->node, attr) : NULL;
    *n = 0;
    *list = NULL;
    if (!in && !a) return OG_OK;
    if (in && in->rank > 1)
        return og_call_fail(c, "input %d has %d axes, expected a list", input, in->rank);
    *n = in ? in->count : a->n;
    *list = og_alloc(*n, sizeof **list);
    if (!*list) return og_fail(c->err, OG_NO_MEMORY, "out of memory");
    for (size_t k = 0; k < *n; k++) (*list)[k] = in ? og_nd_int(in, k) : a->i[k];
    return OG_OK;
}

og_status og_call_reshape(const struct og_call *c, size_t k, int rank, const int64_t *dim)
{
    const struct og_nd *in = c->in[0];
    struct og_nd *out = og_call_out(c, k);
    size_t count;
    if (!out) return OG_OK;
    if (rank > OG_ND_RANK)
        return og_call_fail(c, "the result has %d axes, at most %d are possible", rank,
                            OG_ND_RANK);
    if (!og_nd_count(rank, dim, in->type, &count) || count != in->count) {
        char from[OG_ND_TEXT], to[OG_ND_TEXT];
        og_nd_shape_text(in->rank, in->dim, from);
        og_nd_shape_text(rank, dim, to);
        return og_call_fail(c, "shape %.100s cannot become %.100s", from, to);
    }
    og_nd_share(out, in, rank, dim);
    return OG_OK;
}

enum og_nd_type og_data_type(int64_t number)
{
    switch (number) {  // TensorProto.DataType
    case 1:
        return OG_ND_FLOAT;
    case 2:
        return OG_ND_UINT8;
    case 3:
        return OG_ND_INT8;
    case 6:
        return OG_ND_INT32;
    case 7:
        return OG_ND_INT64;
    case 9:
        return OG_ND_BOOL;
    default:
        return OG_ND_NONE;
    }
}

enum og_nd_type og_cast_type(const struct og_onnx_node *node)
{
    return og_data_type(og_node_int(node, "to", 0));
}

bool og_check_cast(const struct og_onnx_graph *g, const struct og_onnx_node *node,
                   char why[OG_WHY])
{
    (void)g;
    if (og_cast_type(node) != OG_ND_NONE) return true;
    snprintf(why, OG_WHY, "data type %lld is not supported",
             (long long)og_node_int(node, "to", 0));
    return false;
}
