// SPDX-License-Identifier: GPL-3.0-or-later
// Operators that choose elements by place: Slice, Pad and Gather. Slice and Pad follow,
// axis by axis, a list of source indices.
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "onnx/op.h"

// For each axis of the result, from where in the input each index comes; -1: nowhere.
struct source {
    int64_t dim[OG_ND_RANK];
    int64_t *from[OG_ND_RANK];
};

static void free_source(struct source *s, int rank)
{
    for (int k = 0; k < rank; k++) og_free(s->from[k]);
}

static og_status make_axis(const struct og_call *c, struct source *s, int k, int64_t n)
{
    s->dim[k] = n;
    size_t count;
    if (og_nd_count(1, &n, OG_ND_INT64, &count))
        s->from[k] = og_alloc(count, sizeof *s->from[k]);
    if (s->from[k]) return OG_OK;
    return og_fail(c->err, OG_NO_MEMORY, "out of memory for an axis of %lld elements",
                   (long long)n);
}

// `fill`: one element, or NULL for zeros.
static void copy_chosen(const struct og_nd *in, const struct source *s, struct og_nd *out,
                        const void *fill)
{
    size_t size = og_nd_size(in->type);
    int64_t step[OG_ND_RANK], index[OG_ND_RANK] = {0}, width = 1;
    for (int k = in->rank - 1; k >= 0; width *= in->dim[k--]) step[k] = width;
    for (size_t i = 0; i < out->count; i++) {
        int64_t at = 0;
        for (int k = 0; k < in->rank && at >= 0; k++) {
            int64_t from = s->from[k][index[k]];
            at = from < 0 ? -1 : at + from * step[k];
        }
        char *to = (char *)out->data + i * size;
        if (at >= 0)
            memcpy(to, (const char *)in->data + (size_t)at * size, size);
        else if (fill)
            memcpy(to, fill, size);
        for (int k = in->rank - 1; k >= 0 && ++index[k] == out->dim[k]; k--) index[k] = 0;
    }
}

// --- Slice ---------------------------------------------------------------------------

struct slices {
    size_t starts, ends, axes, steps;
    int64_t *start, *end, *axis, *step;
};

static og_status read_slices(const struct og_call *c, struct slices *s)
{
    bool inputs = c->opset >= 10;
    OG_TRY(og_call_ints(c, inputs ? 1 : -1, "starts", &s->starts, &s->start));
    OG_TRY(og_call_ints(c, inputs ? 2 : -1, "ends", &s->ends, &s->end));
    OG_TRY(og_call_ints(c, inputs ? 3 : -1, "axes", &s->axes, &s->axis));
    OG_TRY(og_call_ints(c, inputs ? 4 : -1, NULL, &s->steps, &s->step));
    bool same = s->starts == s->ends && (!s->axis || s->axes == s->starts) &&
                (!s->step || s->steps == s->starts);
    if (!same) return og_call_fail(c, "starts, ends, axes and steps differ in length");
    return OG_OK;
}

static int64_t clamp(int64_t v, int64_t low, int64_t high)
{
    return v < low ? low : v > high ? high : v;
}

// Negative places count from behind, then all are cut to what there is: with a negative
// step, starts to 0 .. n - 1 and ends to -1 .. n - 1.
static og_status slice_axis(const struct og_call *c, struct source *s, int k,
                            const int64_t slice[3])
{
    int64_t n = c->in[0]->dim[k], step = slice[2];
    if (step == 0) return og_call_fail(c, "a step is 0");
    if (step == INT64_MIN) step++;
    if (n == 0) return make_axis(c, s, k, 0);
    int64_t low = step > 0 ? 0 : -1, high = step > 0 ? n : n - 1;
    int64_t start = clamp(slice[0] < 0 ? slice[0] + n : slice[0], 0, high);
    int64_t end = clamp(slice[1] < 0 ? slice[1] + n : slice[1], low, high);
    int64_t span = step > 0 ? end - start : start - end;
    int64_t by = step > 0 ? step : -step;
    int64_t count = span <= 0 ? 0 : (span - 1) / by + 1;
    OG_TRY(make_axis(c, s, k, count));
    for (int64_t i = 0; i < count; i++) s->from[k][i] = start + i * step;
    return OG_OK;
}

static og_status slice_axes(const struct og_call *c, const struct slices *p,
                            struct source *s)
{
    const struct og_nd *in = c->in[0];
    int64_t slice[OG_ND_RANK][3];
    bool sliced[OG_ND_RANK] = {false};
    for (int k = 0; k < in->rank; k++) {
        slice[k][0] = 0;
        slice[k][1] = in->dim[k];
        slice[k][2] = 1;
    }
    for (size_t i = 0; i < p->starts; i++) {
        int k;
        OG_TRY(og_call_axis(c, p->axis ? p->axis[i] : (int64_t)i, in->rank, in->rank - 1,
                            &k));
        if (sliced[k]) return og_call_fail(c, "axis %d is named twice", k);
        sliced[k] = true;
        slice[k][0] = p->start[i];
        slice[k][1] = p->end[i];
        slice[k][2] = p->step ? p->step[i] : 1;
    }
    for (int k = 0; k < in->rank; k++) OG_TRY(slice_axis(c, s, k, slice[k]));
    return OG_OK;
}

og_status og_run_slice(const struct og_call *c)
{
    const struct og_nd *in = c->in[0];
    struct slices p = {0};
    struct source s = {{0}, {0}};
    og_status status = read_slices(c, &p);
    if (status == OG_OK) status = slice_axes(c, &p, &s);
    if (status == OG_OK && og_call_out(c, 0)) {
        status = og_call_make(c, 0, in->type, in->rank, s.dim);
        if (status == OG_OK) copy_chosen(in, &s, og_call_out(c, 0), NULL);
    }
    free_source(&s, in->rank);
    og_free(p.start);
    og_free(p.end);
    og_free(p.axis);
    og_free(p.step);
    return status;
}

// --- Pad -----------------------------------------------------------------------------

// Index i of n elements, for i outside as well; -1: none.
static int64_t padded(const char *mode, int64_t i, int64_t n)
{
    if (i >= 0 && i < n) return i;
    if (strcmp(mode, "constant") == 0) return -1;
    if (strcmp(mode, "edge") == 0) return i < 0 ? 0 : n - 1;
    int64_t period = strcmp(mode, "wrap") == 0 ? n : n > 1 ? 2 * (n - 1) : 1;
    i %= period;
    if (i < 0) i += period;
    return i < n ? i : period - i;
}

// Negative pads take away first; what then remains is padded.
static og_status pad_axis(const struct og_call *c, struct source *s, int k, int64_t begin,
                          int64_t end)
{
    const char *mode = og_node_text(c->node, "mode", "constant");
    int64_t n = c->in[0]->dim[k], most = INT64_MAX / 8;
    if (begin < -most || begin > most || end < -most || end > most || n > most)
        return og_call_fail(c, "pads of %lld and %lld", (long long)begin, (long long)end);
    int64_t first = begin < 0 ? -begin : 0, last = end < 0 ? n + end : n;
    if (n + begin + end < 0 || last < first)
        return og_call_fail(c, "pads of %lld and %lld take more than the %lld there are",
                            (long long)begin, (long long)end, (long long)n);
    bool added = begin > 0 || end > 0;
    if (added && last == first && strcmp(mode, "constant") != 0)
        return og_call_fail(c, "mode %s has nothing to pad with", mode);
    OG_TRY(make_axis(c, s, k, n + begin + end));
    for (int64_t i = 0; i < n + begin + end; i++) {
        int64_t at = padded(mode, i - (begin > 0 ? begin : 0), last - first);
        s->from[k][i] = at < 0 ? -1 : first + at;
    }
    return OG_OK;
}

// Pads of all axes: first those before, then those behind.
static og_status pad_axes(const struct og_call *c, struct source *s, size_t n,
                          const int64_t *pad, size_t axes, const int64_t *axis)
{
    const struct og_nd *in = c->in[0];
    int64_t begin[OG_ND_RANK] = {0}, end[OG_ND_RANK] = {0};
    bool named[OG_ND_RANK] = {false};
    size_t padded_axes = axis ? axes : (size_t)in->rank;
    if (n != 2 * padded_axes)
        return og_call_fail(c, "%zu pads for %zu axes", n, padded_axes);
    for (size_t i = 0; i < padded_axes; i++) {
        int k;
        OG_TRY(og_call_axis(c, axis ? axis[i] : (int64_t)i, in->rank, in->rank - 1, &k));
        if (named[k]) return og_call_fail(c, "axis %d is named twice", k);
        named[k] = true;
        begin[k] = pad[i];
        end[k] = pad[padded_axes + i];
    }
    for (int k = 0; k < in->rank; k++) OG_TRY(pad_axis(c, s, k, begin[k], end[k]));
    return OG_OK;
}

static og_status run_pad(const struct og_call *c, struct source *s)
{
    const struct og_nd *in = c->in[0], *value = c->opset >= 11 ? og_call_in(c, 2) : NULL;
    float attribute = og_node_float(c->node, "value", 0.0f);
    bool wants = strcmp(og_node_text(c->node, "mode", "constant"), "constant") == 0;
    if (value && value->count != 1)
        return og_call_fail(c, "the value has %zu elements, expected one", value->count);
    OG_TRY(og_call_make(c, 0, in->type, in->rank, s->dim));
    const void *fill = value ? value->data : c->opset < 11 ? &attribute : NULL;
    copy_chosen(in, s, og_call_out(c, 0), wants ? fill : NULL);
    return OG_OK;
}

og_status og_run_pad(const struct og_call *c)
{
    const char *name = c->opset == 1 ? "paddings" : "pads";
    struct source s = {{0}, {0}};
    size_t n = 0, axes = 0;
    int64_t *pad = NULL, *axis = NULL;
    og_status status = og_call_ints(c, c->opset >= 11 ? 1 : -1, name, &n, &pad);
    if (status == OG_OK) status = og_call_ints(c, 3, NULL, &axes, &axis);
    if (status == OG_OK) status = pad_axes(c, &s, n, pad, axes, axis);
    if (status == OG_OK && og_call_out(c, 0)) status = run_pad(c, &s);
    free_source(&s, c->in[0]->rank);
    og_free(pad);
    og_free(axis);
    return status;
}

// --- Gather --------------------------------------------------------------------------

static og_status check_indices(const struct og_call *c, int64_t n)
{
    const struct og_nd *index = c->in[1];
    for (size_t i = 0; i < index->count; i++) {
        int64_t v = og_nd_int(index, i);
        if (v < -n || v >= n)
            return og_call_fail(c, "index %lld of %lld", (long long)v, (long long)n);
    }
    return OG_OK;
}

og_status og_run_gather(const struct og_call *c)
{
    const struct og_nd *in = c->in[0], *index = c->in[1];
    struct og_nd *out = og_call_out(c, 0);
    int axis, rank = 0;
    int64_t dim[2 * OG_ND_RANK];
    OG_TRY(
        og_call_axis(c, og_node_int(c->node, "axis", 0), in->rank, in->rank - 1, &axis));
    OG_TRY(check_indices(c, in->dim[axis]));
    for (int k = 0; k < axis; k++) dim[rank++] = in->dim[k];
    for (int k = 0; k < index->rank; k++) dim[rank++] = index->dim[k];
    for (int k = axis + 1; k < in->rank; k++) dim[rank++] = in->dim[k];
    if (!out) return OG_OK;
    OG_TRY(og_call_make(c, 0, in->type, rank, dim));
    if (out->count == 0) return OG_OK;
    size_t row = og_nd_from(in, axis + 1) * og_nd_size(in->type);
    size_t n = (size_t)in->dim[axis];
    char *to = out->data;
    for (size_t r = 0; r < og_nd_before(in, axis); r++)
        for (size_t i = 0; i < index->count; i++, to += row) {
            int64_t v = og_nd_int(index, i);
            size_t at = (size_t)(v < 0 ? v + (int64_t)n : v);
            memcpy(to, (const char *)in->data + (r * n + at) * row, row);
        }
    return OG_OK;
}
