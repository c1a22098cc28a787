// SPDX-License-Identifier: GPL-3.0-or-later
// Split: how PyTorch takes gates apart in cells of LSTMs and GRUs, and its chunk.
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "onnx/op.h"

bool og_check_split(const struct og_onnx_graph *g, const struct og_onnx_node *node,
                    char why[OG_WHY])
{
    (void)g;
    const struct og_attr *parts = og_node_attr(node, "num_outputs");
    bool sizes = node->inputs > 1 && node->input[1] != OG_NO_NAME;
    if (node->law->since >= 18 && sizes == (parts != NULL)) {
        snprintf(why, OG_WHY, "needs either the input split or num_outputs");
        return false;
    }
    if (parts && parts->i[0] != (int64_t)node->outputs) {
        snprintf(why, OG_WHY, "num_outputs is %lld, there are %zu outputs",
                 (long long)parts->i[0], node->outputs);
        return false;
    }
    return true;
}

// Sizes of the parts of n elements: as given, or equal; since opset 18 the last one may
// be smaller.
static og_status part_sizes(const struct og_call *c, int64_t n, int64_t **size)
{
    size_t given, parts = c->node->outputs;
    int64_t sum = 0, each = (n + (int64_t)parts - 1) / (int64_t)parts;
    OG_TRY(og_call_ints(c, c->opset >= 13 ? 1 : -1, "split", &given, size));
    if (*size) {
        if (given != parts)
            return og_call_fail(c, "split has %zu sizes for %zu outputs", given, parts);
        for (size_t k = 0; k < parts; k++) {
            if ((*size)[k] < 0 || (*size)[k] > n - sum)
                return og_call_fail(
                    c, "the sizes in split are not those of %lld elements", (long long)n);
            sum += (*size)[k];
        }
        if (sum == n) return OG_OK;
        return og_call_fail(c, "the sizes in split are not those of %lld elements",
                            (long long)n);
    }
    if (c->opset < 18 && n % (int64_t)parts != 0)
        return og_call_fail(c, "%lld elements cannot be split into %zu equal parts",
                            (long long)n, parts);
    *size = og_alloc(parts, sizeof **size);
    if (!*size) return og_fail(c->err, OG_NO_MEMORY, "out of memory");
    for (size_t k = 0; k < parts; k++, sum += each) {
        int64_t left = n > sum ? n - sum : 0;
        (*size)[k] = left < each ? left : each;
    }
    return OG_OK;
}

// The elements [from, from + size) along an axis.
static og_status take_part(const struct og_call *c, size_t k, int axis, int64_t from,
                           int64_t size)
{
    const struct og_nd *in = c->in[0];
    struct og_nd *out = og_call_out(c, k);
    int64_t dim[OG_ND_RANK];
    if (!out) return OG_OK;
    memcpy(dim, in->dim, sizeof dim);
    dim[axis] = size;
    OG_TRY(og_call_make(c, k, in->type, in->rank, dim));
    if (out->count == 0) return OG_OK;
    size_t bytes = og_nd_size(in->type), rows = og_nd_before(in, axis);
    size_t width = og_nd_from(in, axis) / (size_t)in->dim[axis] * bytes;
    size_t row = (size_t)in->dim[axis] * width, part = (size_t)size * width;
    for (size_t r = 0; r < rows; r++)
        memcpy((char *)out->data + r * part,
               (const char *)in->data + r * row + (size_t)from * width, part);
    return OG_OK;
}

og_status og_run_split(const struct og_call *c)
{
    const struct og_nd *in = c->in[0];
    int64_t *size = NULL, from = 0;
    int axis;
    OG_TRY(
        og_call_axis(c, og_node_int(c->node, "axis", 0), in->rank, in->rank - 1, &axis));
    og_status status = part_sizes(c, in->dim[axis], &size);
    for (size_t k = 0; status == OG_OK && k < c->node->outputs; from += size[k++])
        status = take_part(c, k, axis, from, size[k]);
    og_free(size);
    return status;
}
