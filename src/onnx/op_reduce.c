// SPDX-License-Identifier: GPL-3.0-or-later
// Softmax, LogSoftmax and ReduceMean. Sums of floats are taken in double.
#include <math.h>
#include <string.h>

#include "base/elementary.h"
#include "base/mem.h"
#include "onnx/op.h"

// n elements, `step` apart.
static void softmax(const float *x, float *y, size_t n, size_t step, bool take_log)
{
    float top = -INFINITY;
    double sum = 0.0;
    for (size_t i = 0; i < n; i++)
        if (x[i * step] > top) top = x[i * step];
    for (size_t i = 0; i < n; i++) {
        float e = og_expf(x[i * step] - top);
        y[i * step] = e;
        sum += (double)e;
    }
    double log_sum = og_log(sum);
    for (size_t i = 0; i < n; i++)
        y[i * step] = take_log ? (float)((double)(x[i * step] - top) - log_sum)
                               : (float)((double)y[i * step] / sum);
}

// Before opset 13 the axes from `axis` on are one; since then it is one axis by itself.
og_status og_run_softmax(const struct og_call *c)
{
    const struct og_nd *in = c->in[0];
    struct og_nd *out = og_call_out(c, 0);
    bool alone = c->opset >= 13, take_log = c->node->type[0] == 'L';
    int axis;
    OG_TRY(og_call_axis(c, og_node_int(c->node, "axis", alone ? -1 : 1), in->rank,
                        alone ? in->rank - 1 : in->rank, &axis));
    if (!out) return OG_OK;
    OG_TRY(og_call_like(c, 0, in));
    if (in->count == 0) return OG_OK;
    size_t n = alone ? (size_t)in->dim[axis] : og_nd_from(in, axis);
    size_t step = alone ? og_nd_from(in, axis + 1) : 1, before = og_nd_before(in, axis);
    const float *x = in->data;
    float *y = out->data;
#pragma omp parallel for schedule(static) default(none)                                  \
    shared(x, y, n, step, before, take_log) if (before * n * step > 16384)
    for (size_t r = 0; r < before; r++)
        for (size_t k = 0; k < step; k++)
            softmax(x + r * n * step + k, y + r * n * step + k, n, step, take_log);
    return OG_OK;
}

// --- ReduceMean ----------------------------------------------------------------------

// Without axes all are reduced, or none with noop_with_empty_axes.
static og_status find_axes(const struct og_call *c, bool reduced[OG_ND_RANK])
{
    const struct og_nd *in = c->in[0];
    size_t n;
    int64_t *axes;
    OG_TRY(og_call_ints(c, c->opset >= 18 ? 1 : -1, "axes", &n, &axes));
    bool all = n == 0 && !og_node_int(c->node, "noop_with_empty_axes", 0);
    og_status status = OG_OK;
    for (int k = 0; k < in->rank; k++) reduced[k] = all;
    for (size_t i = 0; status == OG_OK && i < n; i++) {
        int k;
        status = og_call_axis(c, axes[i], in->rank, in->rank - 1, &k);
        if (status == OG_OK) reduced[k] = true;
    }
    og_free(axes);
    return status;
}

// Adds every element of `in` where step says. Elements come in their order in memory.
static void add_floats(const struct og_nd *in, const int64_t *step, double *sum)
{
    struct og_walk w = og_walk_start(in->rank, in->dim, step, NULL, NULL);
    for (size_t i = 0; i < in->count; i++, og_walk_next(&w))
        sum[w.at[0]] += (double)og_nd_f32(in)[i];
}

static void add_integers(const struct og_nd *in, const int64_t *step, int64_t *sum)
{
    struct og_walk w = og_walk_start(in->rank, in->dim, step, NULL, NULL);
    for (size_t i = 0; i < in->count; i++, og_walk_next(&w))
        sum[w.at[0]] = (int64_t)((uint64_t)sum[w.at[0]] + (uint64_t)og_nd_int(in, i));
}

static og_status mean(const struct og_call *c, const int64_t *step, size_t n)
{
    const struct og_nd *in = c->in[0];
    struct og_nd *out = og_call_out(c, 0);
    void *sum = og_alloc(out->count, sizeof(double));
    if (!sum) return og_fail(c->err, OG_NO_MEMORY, "out of memory");
    og_status status = OG_OK;
    if (in->type == OG_ND_FLOAT) {
        add_floats(in, step, sum);
        for (size_t i = 0; i < out->count; i++)
            ((float *)out->data)[i] = (float)(((double *)sum)[i] / (double)n);
    } else if (n > 0) {
        add_integers(in, step, sum);
        for (size_t i = 0; i < out->count; i++)
            og_nd_put(out, i, ((int64_t *)sum)[i] / (int64_t)n);
    } else {
        status = og_call_fail(c, "the mean of no integers");
    }
    og_free(sum);
    return status;
}

og_status og_run_reduce_mean(const struct og_call *c)
{
    const struct og_nd *in = c->in[0];
    bool reduced[OG_ND_RANK], keep = og_node_int(c->node, "keepdims", 1);
    int64_t dim[OG_ND_RANK], step[OG_ND_RANK], width = 1;
    size_t n = 1;
    int rank = 0;
    OG_TRY(find_axes(c, reduced));
    if (!og_call_out(c, 0)) return OG_OK;
    for (int k = 0; k < in->rank; k++) {
        if (!reduced[k] || keep) dim[rank++] = reduced[k] ? 1 : in->dim[k];
        if (reduced[k]) n *= (size_t)in->dim[k];
    }
    for (int k = in->rank - 1; k >= 0; k--) {
        step[k] = reduced[k] ? 0 : width;
        if (!reduced[k] && in->count) width *= in->dim[k];
    }
    OG_TRY(og_call_make(c, 0, in->type, rank, dim));
    return mean(c, step, n);
}
