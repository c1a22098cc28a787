// SPDX-License-Identifier: GPL-3.0-or-later
#include "onnx/window.h"

#include <string.h>

// Sizes that no array of this machine has.
static const int64_t most = (int64_t)1 << 40;

static bool check_list(const struct og_onnx_node *node, const char *name, int64_t least,
                       size_t *axes, char why[OG_WHY])
{
    const struct og_attr *a = og_node_attr(node, name);
    if (!a) return true;
    size_t n = strcmp(name, "pads") == 0 ? a->n / 2 : a->n;
    for (size_t k = 0; k < a->n; k++)
        if (a->i[k] < least || a->i[k] > most) {
            snprintf(why, OG_WHY, "%lld in %s", (long long)a->i[k], name);
            return false;
        }
    if ((*axes != SIZE_MAX && *axes != n) || (n != a->n && 2 * n != a->n)) {
        snprintf(why, OG_WHY, "%s has %zu numbers", name, a->n);
        return false;
    }
    *axes = n;
    return true;
}

bool og_check_window(const struct og_onnx_graph *g, const struct og_onnx_node *node,
                     char why[OG_WHY])
{
    (void)g;
    size_t axes = SIZE_MAX;
    const struct og_attr *pads = og_node_attr(node, "pads");
    if (og_node_int(node, "group", 1) < 1) {
        snprintf(why, OG_WHY, "group is below 1");
        return false;
    }
    if (!check_list(node, "kernel_shape", 1, &axes, why) ||
        !check_list(node, "strides", 1, &axes, why) ||
        !check_list(node, "dilations", 1, &axes, why) ||
        !check_list(node, "pads", 0, &axes, why))
        return false;
    bool automatic = strcmp(og_node_text(node, "auto_pad", "NOTSET"), "NOTSET") != 0;
    for (size_t k = 0; automatic && pads && k < pads->n; k++)
        if (pads->i[k] != 0) {
            snprintf(why, OG_WHY, "auto_pad and pads exclude each other");
            return false;
        }
    return true;
}

static int64_t span_of(const struct og_window *w, int k)
{
    return (w->kernel[k] - 1) * w->dilation[k] + 1;
}

// auto_pad SAME: as many outputs as strides begin in the input.
static void pad_same(struct og_window *w, int k, bool upper)
{
    w->out[k] = (w->in[k] + w->stride[k] - 1) / w->stride[k];
    int64_t pads = (w->out[k] - 1) * w->stride[k] + span_of(w, k) - w->in[k];
    if (pads < 0 || w->out[k] == 0) pads = 0;
    w->begin[k] = upper ? pads / 2 : pads - pads / 2;
    w->end[k] = pads - w->begin[k];
}

// ceil_mode adds a last window that is there in part, unless it would begin behind the
// input and the pad before it.
static void count_outputs(struct og_window *w, int k, bool ceil_mode)
{
    int64_t room = w->in[k] + w->begin[k] + w->end[k] - span_of(w, k);
    if (room < 0) {
        w->out[k] = 0;
        return;
    }
    w->out[k] = room / w->stride[k] + 1;
    bool part = ceil_mode && room % w->stride[k] != 0;
    if (part && w->out[k] * w->stride[k] < w->in[k] + w->begin[k]) w->out[k]++;
}

static og_status read_axis(const struct og_call *c, struct og_window *w, int k,
                           const int64_t *kernel)
{
    const struct og_attr *size = og_node_attr(c->node, "kernel_shape");
    const struct og_attr *stride = og_node_attr(c->node, "strides");
    const struct og_attr *dilation = og_node_attr(c->node, "dilations");
    const struct og_attr *pads = og_node_attr(c->node, "pads");
    const char *mode = og_node_text(c->node, "auto_pad", "NOTSET");
    w->in[k] = c->in[0]->dim[k + 2];
    w->kernel[k] = size ? size->i[k] : kernel[k];
    w->stride[k] = stride ? stride->i[k] : 1;
    w->dilation[k] = dilation ? dilation->i[k] : 1;
    if (kernel && w->kernel[k] != kernel[k])
        return og_call_fail(c, "kernel_shape differs from the weights");
    if (w->kernel[k] < 1 || w->kernel[k] > most / w->dilation[k] || w->in[k] > most)
        return og_call_fail(c, "a kernel of %lld", (long long)w->kernel[k]);
    if (strncmp(mode, "SAME", 4) == 0) {
        pad_same(w, k, strcmp(mode, "SAME_UPPER") == 0);
        return OG_OK;
    }
    w->begin[k] = pads ? pads->i[k] : 0;
    w->end[k] = pads ? pads->i[w->axes + k] : 0;
    bool ceil_mode = strcmp(mode, "NOTSET") == 0 && og_node_int(c->node, "ceil_mode", 0);
    count_outputs(w, k, ceil_mode);
    if (w->out[k] == 0 && w->in[k] > 0)
        return og_call_fail(
            c, "a window of %lld is larger than the input with its pads, %lld",
            (long long)span_of(w, k), (long long)(w->in[k] + w->begin[k] + w->end[k]));
    return OG_OK;
}

static bool has_axes(const struct og_call *c, const char *name, size_t n)
{
    const struct og_attr *a = og_node_attr(c->node, name);
    return !a || a->n == n;
}

og_status og_window_read(const struct og_call *c, const int64_t *kernel,
                         struct og_window *w)
{
    const struct og_nd *in = c->in[0];
    *w = (struct og_window){.axes = in->rank - 2};
    if (in->rank < 3)
        return og_call_fail(c, "the input has %d axes, expected at least 3", in->rank);
    size_t n = (size_t)w->axes;
    if (!has_axes(c, "kernel_shape", n) || !has_axes(c, "strides", n) ||
        !has_axes(c, "dilations", n) || !has_axes(c, "pads", 2 * n))
        return og_call_fail(c, "attributes are not for %d spatial axes", w->axes);
    for (int k = 0; k < w->axes; k++) OG_TRY(read_axis(c, w, k, kernel));
    if (!og_nd_count(w->axes, w->kernel, OG_ND_INT64, &w->taps) ||
        !og_nd_count(w->axes, w->out, OG_ND_INT64, &w->outputs) ||
        !og_nd_count(w->axes, w->in, OG_ND_INT64, &w->inputs))
        return og_call_fail(c, "the window is too large");
    return OG_OK;
}

// First input of output `o` along each axis; may lie in a pad.
static void find_start(const struct og_window *w, size_t o, int64_t start[OG_ND_RANK])
{
    for (int k = w->axes - 1; k >= 0; k--) {
        start[k] = (int64_t)(o % (size_t)w->out[k]) * w->stride[k] - w->begin[k];
        o /= (size_t)w->out[k];
    }
}

void og_window_place(const struct og_window *w, size_t o, int64_t *place)
{
    int64_t start[OG_ND_RANK], tap[OG_ND_RANK] = {0};
    find_start(w, o, start);
    for (size_t t = 0; t < w->taps; t++) {
        int64_t at = 0;
        for (int k = 0; k < w->axes && at >= 0; k++) {
            int64_t i = start[k] + tap[k] * w->dilation[k];
            at = i < 0 || i >= w->in[k] ? -1 : at * w->in[k] + i;
        }
        place[t] = at;
        for (int k = w->axes - 1; k >= 0 && ++tap[k] == w->kernel[k]; k--) tap[k] = 0;
    }
}

size_t og_window_inside(const struct og_window *w, size_t o)
{
    int64_t start[OG_ND_RANK];
    size_t n = 1;
    find_start(w, o, start);
    for (int k = 0; k < w->axes; k++) {
        int64_t room = w->in[k] + w->end[k] - 1 - start[k];
        int64_t taps = room < 0 ? 0 : room / w->dilation[k] + 1;
        n *= (size_t)(taps < w->kernel[k] ? taps : w->kernel[k]);
    }
    return n;
}
