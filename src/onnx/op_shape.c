// SPDX-License-Identifier: GPL-3.0-or-later
// Operators that give the same elements another shape, and two that move them whole:
// Transpose and Concat.
#include <string.h>

#include "base/mem.h"
#include "onnx/op.h"

og_status og_run_identity(const struct og_call *c)
{
    return og_call_reshape(c, 0, c->in[0]->rank, c->in[0]->dim);
}

// A wanted 0 takes the input's dimension (unless allowzero), one -1 what remains.
static og_status resolve_shape(const struct og_call *c, int rank, const int64_t *wanted,
                               int64_t *dim)
{
    const struct og_nd *in = c->in[0];
    bool zero = og_node_int(c->node, "allowzero", 0);
    int rest = -1;
    for (int k = 0; k < rank; k++) {
        dim[k] = wanted[k];
        if (wanted[k] == 0 && !zero) {
            if (k >= in->rank)
                return og_call_fail(c, "0 at %d of the shape, but the input has %d axes",
                                    k, in->rank);
            dim[k] = in->dim[k];
        } else if (wanted[k] == -1) {
            if (rest >= 0) return og_call_fail(c, "the shape has two -1");
            rest = k;
            dim[k] = 1;
        } else if (wanted[k] < -1) {
            return og_call_fail(c, "%lld in the shape", (long long)wanted[k]);
        }
    }
    size_t known;
    if (rest < 0 || !og_nd_count(rank, dim, OG_ND_NONE, &known)) return OG_OK;
    if (known == 0) return og_call_fail(c, "-1 beside 0 in a shape could be any number");
    dim[rest] = (int64_t)(in->count / known);
    return OG_OK;
}

og_status og_run_reshape(const struct og_call *c)
{
    int64_t *wanted, dim[OG_ND_RANK];
    size_t n;
    OG_TRY(og_call_ints(c, 1, "shape", &n, &wanted));
    og_status status = OG_OK;
    if (n > OG_ND_RANK)
        status = og_call_fail(c, "the shape has %zu axes, at most %d are possible", n,
                              OG_ND_RANK);
    if (status == OG_OK) status = resolve_shape(c, (int)n, wanted, dim);
    if (status == OG_OK) status = og_call_reshape(c, 0, (int)n, dim);
    og_free(wanted);
    return status;
}

og_status og_run_flatten(const struct og_call *c)
{
    const struct og_nd *in = c->in[0];
    int axis;
    OG_TRY(og_call_axis(c, og_node_int(c->node, "axis", 1), in->rank, in->rank, &axis));
    int64_t dim[2] = {(int64_t)og_nd_before(in, axis), (int64_t)og_nd_from(in, axis)};
    return og_call_reshape(c, 0, 2, dim);
}

// Marks the axes of a list among `rank`.
static og_status mark_axes(const struct og_call *c, size_t n, const int64_t *axes,
                           int rank, bool marked[OG_ND_RANK])
{
    for (size_t k = 0; k < n; k++) {
        int axis;
        OG_TRY(og_call_axis(c, axes[k], rank, rank - 1, &axis));
        if (marked[axis]) return og_call_fail(c, "axis %d is named twice", axis);
        marked[axis] = true;
    }
    return OG_OK;
}

og_status og_run_squeeze(const struct og_call *c)
{
    const struct og_nd *in = c->in[0];
    bool gone[OG_ND_RANK] = {false};
    int64_t *axes, dim[OG_ND_RANK];
    size_t n;
    int rank = 0;
    OG_TRY(og_call_ints(c, c->opset >= 13 ? 1 : -1, "axes", &n, &axes));
    for (int k = 0; !axes && k < in->rank; k++) gone[k] = in->dim[k] == 1;
    og_status status = mark_axes(c, n, axes, in->rank, gone);
    og_free(axes);
    OG_TRY(status);
    for (int k = 0; k < in->rank; k++) {
        if (gone[k] && in->dim[k] != 1)
            return og_call_fail(c, "axis %d has %lld elements, only 1 can be taken away",
                                k, (long long)in->dim[k]);
        if (!gone[k]) dim[rank++] = in->dim[k];
    }
    return og_call_reshape(c, 0, rank, dim);
}

og_status og_run_unsqueeze(const struct og_call *c)
{
    const struct og_nd *in = c->in[0];
    bool added[OG_ND_RANK] = {false};
    int64_t *axes, dim[OG_ND_RANK];
    size_t n;
    OG_TRY(og_call_ints(c, c->opset >= 13 ? 1 : -1, "axes", &n, &axes));
    int rank = n > OG_ND_RANK ? OG_ND_RANK + 1 : in->rank + (int)n;
    og_status status =
        rank > OG_ND_RANK
            ? og_call_fail(c, "the result has more than %d axes", OG_ND_RANK)
            : mark_axes(c, n, axes, rank, added);
    og_free(axes);
    OG_TRY(status);
    for (int k = 0, from = 0; k < rank; k++) dim[k] = added[k] ? 1 : in->dim[from++];
    return og_call_reshape(c, 0, rank, dim);
}

// --- elements that move --------------------------------------------------------------

static void copy_element(size_t size, char *to, const char *from)
{
    if (size == 4)
        memcpy(to, from, 4);
    else if (size == 1)
        *to = *from;
    else
        memcpy(to, from, size);
}

static og_status find_permutation(const struct og_call *c, int perm[OG_ND_RANK])
{
    const struct og_nd *in = c->in[0];
    const struct og_attr *a = og_node_attr(c->node, "perm");
    bool seen[OG_ND_RANK] = {false};
    for (int k = 0; !a && k < in->rank; k++) perm[k] = in->rank - 1 - k;
    if (!a) return OG_OK;
    if (a->n != (size_t)in->rank)
        return og_call_fail(c, "perm has %zu axes, the input %d", a->n, in->rank);
    for (int k = 0; k < in->rank; k++) {
        OG_TRY(og_call_axis(c, a->i[k], in->rank, in->rank - 1, &perm[k]));
        if (seen[perm[k]]) return og_call_fail(c, "perm names axis %d twice", perm[k]);
        seen[perm[k]] = true;
    }
    return OG_OK;
}

og_status og_run_transpose(const struct og_call *c)
{
    const struct og_nd *in = c->in[0];
    struct og_nd *out = og_call_out(c, 0);
    int perm[OG_ND_RANK];
    int64_t dim[OG_ND_RANK], step[OG_ND_RANK], own[OG_ND_RANK];
    OG_TRY(find_permutation(c, perm));
    if (!out) return OG_OK;
    int64_t width = 1;
    for (int k = in->rank - 1; k >= 0; width *= in->dim[k--])
        own[k] = in->count ? width : 0;
    for (int k = 0; k < in->rank; k++) {
        dim[k] = in->dim[perm[k]];
        step[k] = in->count ? own[perm[k]] : 0;
    }
    OG_TRY(og_call_make(c, 0, in->type, in->rank, dim));
    size_t size = og_nd_size(in->type);
    struct og_walk w = og_walk_start(in->rank, dim, step, NULL, NULL);
    for (size_t i = 0; i < out->count; i++, og_walk_next(&w))
        copy_element(size, (char *)out->data + i * size,
                     (const char *)in->data + (size_t)w.at[0] * size);
    return OG_OK;
}

// The sum of the dimensions at `axis`; all others must agree.
static og_status joined_dim(const struct og_call *c, int axis, int64_t *sum)
{
    const struct og_nd *first = c->in[0];
    *sum = 0;
    for (size_t n = 0; n < c->node->inputs; n++) {
        bool same = c->in[n]->rank == first->rank;
        for (int k = 0; same && k < first->rank; k++)
            same = k == axis || c->in[n]->dim[k] == first->dim[k];
        if (!same) {
            char a[OG_ND_TEXT], b[OG_ND_TEXT];
            og_nd_shape_text(first->rank, first->dim, a);
            og_nd_shape_text(c->in[n]->rank, c->in[n]->dim, b);
            return og_call_fail(c, "shapes %.100s and %.100s cannot be joined", a, b);
        }
        *sum += c->in[n]->dim[axis];
    }
    return OG_OK;
}

og_status og_run_concat(const struct og_call *c)
{
    const struct og_nd *first = c->in[0];
    struct og_nd *out = og_call_out(c, 0);
    int64_t dim[OG_ND_RANK];
    int axis;
    OG_TRY(og_call_axis(c, og_node_int(c->node, "axis", 1), first->rank, first->rank - 1,
                        &axis));
    memcpy(dim, first->dim, sizeof dim);
    OG_TRY(joined_dim(c, axis, &dim[axis]));
    if (!out) return OG_OK;
    OG_TRY(og_call_make(c, 0, first->type, first->rank, dim));
    if (out->count == 0) return OG_OK;
    size_t size = og_nd_size(out->type), row = og_nd_from(out, axis) * size, at = 0;
    for (size_t n = 0; n < c->node->inputs; n++) {
        size_t part = og_nd_from(c->in[n], axis) * size;
        for (size_t r = 0; part && r < og_nd_before(out, axis); r++)
            memcpy((char *)out->data + r * row + at,
                   (const char *)c->in[n]->data + r * part, part);
        at += part;
    }
    return OG_OK;
}
