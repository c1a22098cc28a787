// SPDX-License-Identifier: GPL-3.0-or-later
// 2-D convolution (ONNX Conv, NCHW), as a product: the windows of a run of samples are
// laid out as rows (im2col: Chellapilla et al. 2006) and every group is one matrix
// [filters / groups][channels / groups * height * width], which is how it lies on a
// crossbar. Where nobody looks at the rows, they are never laid out (conv_implicit.h),
// with the same bits. The bias is digital. Injected noise: X and A inside the product, on
// every window; O after the bias.
#include <string.h>

#include "nn/conv_implicit.h"

// Rows of a product at most, unless one sample has more.
enum { OG_CONV_ROWS = 2048 };

struct conv {
    struct og_weight_attr weight;
    int filters, kernel, kernel_width, stride, padding, dilation, groups;
};

static const struct og_field fields[] = {
    {.key = "filters",
     .type = OG_FIELD_INT,
     .offset = offsetof(struct conv, filters),
     .min = 1,
     .max = 65536,
     .stage = OG_STAGE_TRAIN,
     .help = "Output channels."},
    {.key = "kernel",
     .type = OG_FIELD_INT,
     .offset = offsetof(struct conv, kernel),
     .min = 1,
     .max = 1024,
     .stage = OG_STAGE_TRAIN,
     .help = "Height of the window."},
    {.key = "kernel_width",
     .type = OG_FIELD_INT,
     .offset = offsetof(struct conv, kernel_width),
     .min = 0,
     .max = 1024,
     .def = "0",
     .stage = OG_STAGE_TRAIN,
     .help = "Width of the window; 0: as wide as high."},
    {.key = "stride",
     .type = OG_FIELD_INT,
     .offset = offsetof(struct conv, stride),
     .min = 1,
     .max = 1024,
     .def = "1",
     .stage = OG_STAGE_TRAIN,
     .help = "Step of the window."},
    {.key = "padding",
     .type = OG_FIELD_INT,
     .offset = offsetof(struct conv, padding),
     .min = 0,
     .max = 1024,
     .def = "0",
     .stage = OG_STAGE_TRAIN,
     .help = "Zeros added on every side."},
    {.key = "dilation",
     .type = OG_FIELD_INT,
     .offset = offsetof(struct conv, dilation),
     .min = 1,
     .max = 1024,
     .def = "1",
     .stage = OG_STAGE_TRAIN,
     .help = "Distance of the window's samples."},
    {.key = "groups",
     .type = OG_FIELD_INT,
     .offset = offsetof(struct conv, groups),
     .min = 1,
     .max = 65536,
     .def = "1",
     .stage = OG_STAGE_TRAIN,
     .help = "Groups of channels that do not mix."},
    OG_WEIGHT_FIELDS,
    {0},
};

static struct og_windows geometry_of(const struct og_node *node)
{
    const struct conv *a = node->attr;
    struct og_windows g = {
        .c = node->in[0].dim[0],
        .h = node->in[0].dim[1],
        .w = node->in[0].dim[2],
        .oh = node->shape.dim[1],
        .ow = node->shape.dim[2],
        .kh = (size_t)a->kernel,
        .kw = (size_t)(a->kernel_width ? a->kernel_width : a->kernel),
        .stride = (size_t)a->stride,
        .pad = (size_t)a->padding,
        .dilation = (size_t)a->dilation,
        .groups = (size_t)a->groups,
    };
    g.in_group = g.c / g.groups;
    g.out_group = (size_t)a->filters / g.groups;
    g.k = g.in_group * g.kh * g.kw;
    g.places = g.oh * g.ow;
    size_t most = OG_CONV_ROWS / g.places;
    g.samples = most < 1 ? 1 : most < OG_BLOCK ? most : OG_BLOCK;
    return g;
}

static og_status set_shape(struct og_node *node, const struct og_image *in,
                           struct og_error *err)
{
    const struct conv *a = node->attr;
    if (in->c % (size_t)a->groups || a->filters % a->groups)
        return og_fail(
            err, OG_INPUT,
            "groups is %d, which must divide the %zu input channels and the %d "
            "filters",
            a->groups, in->c, a->filters);
    int kw = a->kernel_width ? a->kernel_width : a->kernel;
    size_t tall = (size_t)(a->dilation * (a->kernel - 1) + 1);
    size_t wide = (size_t)(a->dilation * (kw - 1) + 1);
    size_t pad = (size_t)a->padding, stride = (size_t)a->stride;
    size_t oh = og_window_count(in->h, tall, stride, pad);
    size_t ow = og_window_count(in->w, wide, stride, pad);
    if (oh == 0 || ow == 0)
        return og_fail(
            err, OG_INPUT,
            "a window of %zu x %zu does not fit into %zu x %zu with padding %zu", tall,
            wide, in->h, in->w, pad);
    node->shape = (struct og_shape){.rank = 3, .dim = {(size_t)a->filters, oh, ow}};
    return OG_OK;
}

static og_status setup(struct og_node *node, struct og_error *err)
{
    const struct conv *a = node->attr;
    struct og_image in;
    OG_TRY(og_need_image(node, &in, err));
    OG_TRY(set_shape(node, &in, err));
    struct og_windows g = geometry_of(node);
    size_t fan_out = g.out_group * g.kh * g.kw;
    og_add_weight(node, &(struct og_weight_spec){
                            .rank = 4,
                            .dim = {(size_t)a->filters, g.in_group, g.kh, g.kw},
                            .fan_in = g.k,
                            .fan_out = fan_out,
                            .biases = (size_t)a->filters});
    OG_TRY(og_node_make_room(node, a->groups, err));
    node->linears = a->groups;
    for (int k = 0; k < a->groups; k++)
        node->linear[k] = (struct og_linear_decl){.rows = g.k,
                                                  .cols = g.out_group,
                                                  .first = (size_t)k * g.out_group * g.k,
                                                  .stride = g.k,
                                                  .plain = true,
                                                  .segments = 1,
                                                  .segment = {{.rows = g.k}}};
    return OG_OK;
}

// --- memory --------------------------------------------------------------------------

// The tape holds one record per run of samples and group.
static size_t tape_step(const og_exec *exec, const struct og_node *node)
{
    struct og_windows g = geometry_of(node);
    return og_round64(og_linear_tape_bytes(exec, node, 0, g.samples * g.places));
}

static size_t tape_bytes(const og_exec *exec, const struct og_node *node, size_t n)
{
    struct og_windows g = geometry_of(node);
    return (n + g.samples - 1) / g.samples * g.groups * tape_step(exec, node);
}

// Parts of the workspace: windows, their gradient, products, a padded image, then the
// linear's own.
struct room {
    size_t dcols, y, image, linear;  // bytes before them
};

static struct room room_of(const struct og_node *node)
{
    struct og_windows g = geometry_of(node);
    size_t cols = og_round64(g.samples * g.places * g.k * sizeof(float));
    size_t y = og_round64(g.samples * g.places * g.out_group * sizeof(float));
    size_t image = og_round64(og_windows_room(&g) * sizeof(float));
    return (struct room){.dcols = cols,
                         .y = 2 * cols,
                         .image = 2 * cols + y,
                         .linear = 2 * cols + y + image};
}

static size_t work_bytes(const og_exec *exec, const struct og_node *node, size_t n)
{
    struct og_windows g = geometry_of(node);
    size_t linear = 0;
    (void)n;  // a run never has more than g.samples
    for (int k = 0; k < node->linears; k++) {
        size_t bytes = og_linear_work_bytes(exec, node, k, g.samples * g.places);
        if (bytes > linear) linear = bytes;
    }
    const size_t explicit = room_of(node).linear + linear;
    const size_t implicit = og_conv_implicit_bytes(&g) + linear;
    return explicit > implicit ? explicit : implicit;
}

// --- passes --------------------------------------------------------------------------

static void windows_of_run(const struct og_windows *g, const struct og_view *v, size_t s,
                           size_t n, size_t k, float *cols)
{
    for (size_t r = 0; r < n; r++)
        og_windows_gather(g, v->in[0] + ((s + r) * g->c + k * g->in_group) * g->h * g->w,
                          og_view_work(v, room_of(v->node).image),
                          cols + r * g->places * g->k);
}

static void *tape_at(const struct og_view *v, const struct og_windows *g, size_t s,
                     size_t k)
{
    if (!v->tape || og_conv_is_implicit_back(v)) return NULL;
    size_t record = s / g->samples * g->groups + k;
    return (char *)v->tape + record * tape_step(v->exec, v->node);
}

// Column sums y of one group of a run.
static void product_of_run(const struct og_view *v, const struct og_windows *g, size_t s,
                           size_t n, size_t k, enum og_part part)
{
    struct room room = room_of(v->node);
    struct og_view run = og_view_part(v, s, n);
    windows_of_run(g, v, s, n, k, v->work);
    og_linear_forward(&run, &(struct og_linear_io){.part = part,
                                                   .k = (int)k,
                                                   .x = v->work,
                                                   .ldx = g->k,
                                                   .rows = n * g->places,
                                                   .y = og_view_work(v, room.y),
                                                   .ldy = g->out_group,
                                                   .tape = tape_at(v, g, s, k),
                                                   .work = og_view_work(v, room.linear)});
}

static void output_of_run(const struct og_view *v, const struct og_windows *g, size_t s,
                          size_t n, size_t k)
{
    const float *bias = v->node->params > 1 ? v->param[1] + k * g->out_group : NULL;
    const float *y = og_view_work(v, room_of(v->node).y);
    size_t size = g->groups * g->out_group * g->places;
    for (size_t r = 0; r < n; r++)
        og_windows_spread(g, y + r * g->places * g->out_group, bias,
                          v->out + (s + r) * size + k * g->out_group * g->places);
}

static void part(const struct og_view *v, size_t part)
{
    struct og_windows g = geometry_of(v->node);
    size_t out_size = g.groups * g.out_group * g.places;
    if (part == OG_PART_OUTPUT) {
        og_inject(v, OG_POINT_O, 0, 0, v->out, v->n, out_size);
        return;
    }
    if (part != OG_PART_READ &&
        !og_linear_gathers(v->exec, v->node, 0, (enum og_part)part))
        return;
    if (part == OG_PART_READ && og_conv_implicit_read(v, &g)) return;
    for (size_t s = 0; s < v->n; s += g.samples) {
        size_t n = v->n - s < g.samples ? v->n - s : g.samples;
        for (size_t k = 0; k < g.groups; k++) {
            product_of_run(v, &g, s, n, k, (enum og_part)part);
            if (part == OG_PART_READ) output_of_run(v, &g, s, n, k);
        }
    }
    if (part == OG_PART_READ) og_signal(v, OG_POINT_O, v->out, v->n, out_size);
}

static void back_group(const struct og_view *v, const struct og_windows *g, size_t s,
                       size_t n, size_t k)
{
    struct room room = room_of(v->node);
    float *cols = v->work, *y = og_view_work(v, room.y);
    struct og_view part = og_view_part(v, s, n);
    size_t out_size = g->groups * g->out_group * g->places;
    float *dbias = v->node->params > 1 ? v->dparam[1] + k * g->out_group : NULL;
    if (og_linear_backward_needs_x(v->exec, v->node, (int)k))
        windows_of_run(g, v, s, n, k, cols);
    for (size_t r = 0; r < n; r++)
        og_windows_collect(g, v->dout + (s + r) * out_size + k * g->out_group * g->places,
                           dbias, y + r * g->places * g->out_group);
    float *dcols = v->din[0] ? og_view_work(v, room.dcols) : NULL;
    og_linear_backward(&part,
                       &(struct og_linear_back){.k = (int)k,
                                                .x = cols,
                                                .dy = y,
                                                .ldx = g->k,
                                                .rows = n * g->places,
                                                .lddy = g->out_group,
                                                .dx = dcols,
                                                .lddx = g->k,
                                                .tape = tape_at(v, g, s, k),
                                                .work = og_view_work(v, room.linear)});
    if (dcols && v->fresh[0] && k == 0)
        memset(v->din[0] + s * g->c * g->h * g->w, 0,
               n * g->c * g->h * g->w * sizeof *dcols);
    for (size_t r = 0; dcols && r < n; r++)
        og_windows_scatter(g, dcols + r * g->places * g->k, og_view_work(v, room.image),
                           v->din[0] + ((s + r) * g->c + k * g->in_group) * g->h * g->w);
}

static void backward(const struct og_view *v)
{
    struct og_windows g = geometry_of(v->node);
    if (og_conv_is_implicit_back(v)) {
        og_conv_implicit_backward(v, &g);
        return;
    }
    for (size_t s = 0; s < v->n; s += g.samples) {
        size_t n = v->n - s < g.samples ? v->n - s : g.samples;
        for (size_t k = 0; k < g.groups; k++) back_group(v, &g, s, n, k);
    }
}

const struct og_op og_op_conv2d = {
    .begins = true,
    .name = "conv2d",
    .onnx = "Conv",
    .help = "2-D convolution.",
    .fields = fields,
    .attr_size = sizeof(struct conv),
    .inputs_min = 1,
    .inputs_max = 1,
    .setup = setup,
    .tape_bytes = tape_bytes,
    .work_bytes = work_bytes,
    .forward = og_product_forward,
    .backward = backward,
    .parts = og_product_parts,
    .part = part,
};
