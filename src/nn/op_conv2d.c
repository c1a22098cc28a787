// SPDX-License-Identifier: GPL-3.0-or-later
// 2-D convolution (ONNX Conv, NCHW), as a product: the windows of a run of samples are
// laid out as rows (im2col: Chellapilla et al. 2006) and every group is one matrix
// [filters / groups][channels / groups * height * width], which is how it lies on a
// crossbar. Where floats are multiplied and nobody looks at the rows, the product is
// implicit (implicit.h), with the same bits. The bias is digital. Injected noise: X and A inside the product, on every
// window; O after the bias.
#include <string.h>

#include "nn/implicit.h"
#include "nn/ops.h"
#include "nn/windows.h"

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

// The same where the product is implicit: behind its own the images of a run, and where
// arrays read, their products and what the linear needs.
static struct room codes_room(const struct og_windows *g)
{
    const size_t image = og_round64(og_implicit_work_bytes(g));
    const size_t y = image + og_round64(g->samples * g->c * g->h * g->w * sizeof(float));
    const size_t size = g->samples * g->places * g->out_group * sizeof(float);
    return (struct room){.image = image, .y = y, .linear = y + og_round64(size)};
}

static float *at_byte(const struct og_view *v, size_t byte)
{
    return (float *)((char *)v->work + byte);
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
    const size_t implicit = codes_room(&g).linear + linear;
    return explicit > implicit ? explicit : implicit;
}

// --- passes --------------------------------------------------------------------------

// Samples [s, s + n) of the block as a view of their own.
static struct og_view part_of(const struct og_view *v, size_t s, size_t n)
{
    struct og_view part = *v;
    part.first += s;
    part.sample = v->sample ? v->sample + s : NULL;
    part.n = n;
    return part;
}

static void windows_of_run(const struct og_windows *g, const struct og_view *v, size_t s,
                           size_t n, size_t k, float *cols)
{
    for (size_t r = 0; r < n; r++)
        og_windows_gather(g, v->in[0] + ((s + r) * g->c + k * g->in_group) * g->h * g->w,
                          at_byte(v, room_of(v->node).image),
                          cols + r * g->places * g->k);
}

// out[channel][place] = y[place][channel] + bias
static void spread(const struct og_windows *g, const float *y, const float *bias,
                   float *out)
{
    for (size_t j = 0; j < g->out_group; j++) {
        float b = bias ? bias[j] : 0.0f;
        for (size_t p = 0; p < g->places; p++)
            out[j * g->places + p] = y[p * g->out_group + j] + b;
    }
}

// Whether gradients need neither rows nor tape.
static bool is_implicit_back(const struct og_view *v)
{
    for (int k = 0; k < v->node->linears; k++)
        if (!og_linear_plain(v, k) && !og_linear_straight(v, k)) return false;
    return true;
}

static void *tape_at(const struct og_view *v, const struct og_windows *g, size_t s,
                     size_t k)
{
    if (!v->tape || is_implicit_back(v)) return NULL;
    size_t record = s / g->samples * g->groups + k;
    return (char *)v->tape + record * tape_step(v->exec, v->node);
}

// Column sums y of one group of a run.
static void product_of_run(const struct og_view *v, const struct og_windows *g, size_t s,
                           size_t n, size_t k, enum og_part part)
{
    struct room room = room_of(v->node);
    struct og_view run = part_of(v, s, n);
    windows_of_run(g, v, s, n, k, v->work);
    og_linear_forward(&run, &(struct og_linear_io){.part = part,
                                                   .k = (int)k,
                                                   .x = v->work,
                                                   .ldx = g->k,
                                                   .rows = n * g->places,
                                                   .y = at_byte(v, room.y),
                                                   .ldy = g->out_group,
                                                   .tape = tape_at(v, g, s, k),
                                                   .work = at_byte(v, room.linear)});
}

static void output_of_run(const struct og_view *v, const struct og_windows *g, size_t s,
                          size_t n, size_t k)
{
    const float *bias = v->node->params > 1 ? v->param[1] + k * g->out_group : NULL;
    const float *y = at_byte(v, room_of(v->node).y);
    size_t size = g->groups * g->out_group * g->places;
    for (size_t r = 0; r < n; r++)
        spread(g, y + r * g->places * g->out_group, bias,
               v->out + (s + r) * size + k * g->out_group * g->places);
}

// y += bias
static void add_bias(const struct og_windows *g, const float *bias, float *y)
{
    for (size_t j = 0; j < g->out_group; j++)
        for (size_t p = 0; p < g->places; p++) y[j * g->places + p] += bias[j];
}

// All groups of a run.
static void implicit_run(const struct og_view *v, const struct og_implicit *c, size_t s,
                         size_t n)
{
    const struct og_windows *g = &c->g;
    const size_t each = g->out_group * g->places, out_size = g->groups * each;
    for (size_t k = 0; k < g->groups; k++) {
        float *y = v->out + s * out_size + k * each;
        og_implicit_forward(c, og_linear_plain(v, (int)k),
                            v->in[0] + (s * g->c + k * g->in_group) * g->h * g->w, n, y);
        for (size_t r = 0; v->node->params > 1 && r < n; r++)
            add_bias(g, v->param[1] + k * g->out_group, y + r * out_size);
    }
}

static void implicit_read(const struct og_view *v, const struct og_windows *g)
{
    const struct og_implicit c = og_implicit_begin(g, v->work);
    for (size_t s = 0; s < v->n; s += g->samples)
        implicit_run(v, &c, s, v->n - s < g->samples ? v->n - s : g->samples);
    og_signal(v, OG_POINT_O, v->out, v->n, g->groups * g->out_group * g->places);
}

static void codes_of_windows(const void *of, size_t row0, size_t n, float *codes,
                             size_t pitch)
{
    og_implicit_windows(of, row0, n, codes, pitch);
}

// The images go through the DACs once, not window by window.
static void codes_run(const struct og_view *v, const struct og_implicit *c, size_t s,
                      size_t n)
{
    const struct og_windows *g = &c->g;
    const struct room room = codes_room(g);
    const size_t plane = g->h * g->w, each = g->out_group * g->places;
    const struct og_view run = part_of(v, s, n);
    float *image = at_byte(v, room.image), *y = at_byte(v, room.y);
    for (size_t k = 0; k < g->groups; k++) {
        const float *bias = v->node->params > 1 ? v->param[1] + k * g->out_group : NULL;
        const size_t first = k * g->in_group * plane;
        for (size_t r = 0; r < n; r++)
            og_linear_codes(v, (int)k, v->in[0] + (s + r) * g->c * plane + first,
                            g->in_group * plane, image + r * g->c * plane);
        og_implicit_images(c, image, n);
        og_linear_forward(&run, &(struct og_linear_io){.part = OG_PART_READ,
                                                       .k = (int)k,
                                                       .codes = codes_of_windows,
                                                       .of = c,
                                                       .rows = n * g->places,
                                                       .y = y,
                                                       .ldy = g->out_group,
                                                       .work = at_byte(v, room.linear)});
        for (size_t r = 0; r < n; r++)
            spread(g, y + r * each, bias, v->out + ((s + r) * g->groups + k) * each);
    }
}

static bool takes_codes(const struct og_view *v)
{
    for (int k = 0; k < v->node->linears; k++)
        if (!og_linear_takes_codes(v, k)) return false;
    return true;
}

static void codes_read(const struct og_view *v, const struct og_windows *g)
{
    const struct og_implicit c = og_implicit_begin(g, v->work);
    for (size_t s = 0; s < v->n; s += g->samples)
        codes_run(v, &c, s, v->n - s < g->samples ? v->n - s : g->samples);
    og_signal(v, OG_POINT_O, v->out, v->n, g->groups * g->out_group * g->places);
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
    if (part == OG_PART_READ && og_linear_plain(v, 0) && !og_linear_is_watched(v)) {
        implicit_read(v, &g);
        return;
    }
    if (part == OG_PART_READ && takes_codes(v)) {
        codes_read(v, &g);
        return;
    }
    for (size_t s = 0; s < v->n; s += g.samples) {
        size_t n = v->n - s < g.samples ? v->n - s : g.samples;
        for (size_t k = 0; k < g.groups; k++) {
            product_of_run(v, &g, s, n, k, (enum og_part)part);
            if (part == OG_PART_READ) output_of_run(v, &g, s, n, k);
        }
    }
    if (part == OG_PART_READ) og_signal(v, OG_POINT_O, v->out, v->n, out_size);
}

// dy[place][channel] of one group of one sample, and the bias' gradient on the way.
static void collect(const struct og_windows *g, const float *dout, float *dbias,
                    float *dy)
{
    for (size_t j = 0; j < g->out_group; j++) {
        float sum = 0.0f;
        for (size_t p = 0; p < g->places; p++) {
            dy[p * g->out_group + j] = dout[j * g->places + p];
            sum += dout[j * g->places + p];
        }
        if (dbias) dbias[j] += sum;
    }
}

static void back_group(const struct og_view *v, const struct og_windows *g, size_t s,
                       size_t n, size_t k)
{
    struct room room = room_of(v->node);
    float *cols = v->work, *y = at_byte(v, room.y);
    struct og_view part = part_of(v, s, n);
    size_t out_size = g->groups * g->out_group * g->places;
    float *dbias = v->node->params > 1 ? v->dparam[1] + k * g->out_group : NULL;
    if (og_linear_backward_needs_x(v->exec, v->node, (int)k))
        windows_of_run(g, v, s, n, k, cols);
    for (size_t r = 0; r < n; r++)
        collect(g, v->dout + (s + r) * out_size + k * g->out_group * g->places, dbias,
                y + r * g->places * g->out_group);
    float *dcols = v->din[0] ? at_byte(v, room.dcols) : NULL;
    og_linear_backward(&part, &(struct og_linear_back){.k = (int)k,
                                                       .x = cols,
                                                       .dy = y,
                                                       .ldx = g->k,
                                                       .rows = n * g->places,
                                                       .lddy = g->out_group,
                                                       .dx = dcols,
                                                       .lddx = g->k,
                                                       .tape = tape_at(v, g, s, k),
                                                       .work = at_byte(v, room.linear)});
    if (dcols && v->fresh[0] && k == 0)
        memset(v->din[0] + s * g->c * g->h * g->w, 0,
               n * g->c * g->h * g->w * sizeof *dcols);
    for (size_t r = 0; dcols && r < n; r++)
        og_windows_scatter(g, dcols + r * g->places * g->k, at_byte(v, room.image),
                           v->din[0] + ((s + r) * g->c + k * g->in_group) * g->h * g->w);
}

static void add_bias_gradient(const struct og_windows *g, const float *dout, float *dbias)
{
    for (size_t j = 0; j < g->out_group; j++) {
        float sum = 0.0f;
        for (size_t p = 0; p < g->places; p++) sum += dout[j * g->places + p];
        dbias[j] += sum;
    }
}

// The weights that lead back to the inputs, (k, j).
static struct og_left weights_back(const struct og_view *v, const struct og_windows *g,
                                   size_t k)
{
    const float *straight = og_linear_straight(v, (int)k);
    if (straight) return (struct og_left){straight, g->out_group, 1};
    return (struct og_left){og_linear_plain(v, (int)k), 1, g->k};
}

// The inputs of a group's run, as DACs give them where there are any.
static const float *inputs_of_run(const struct og_view *v, const struct og_implicit *c,
                                  size_t s, size_t n, size_t k)
{
    const struct og_windows *g = &c->g;
    const size_t plane = g->h * g->w, size = g->in_group * plane;
    const float *x = v->in[0] + (s * g->c + k * g->in_group) * plane;
    if (!og_linear_straight(v, (int)k)) return x;
    float *to = at_byte(v, codes_room(g).image);
    for (size_t r = 0; r < n; r++)
        og_linear_dac(v, (int)k, x + r * g->c * plane, size, to + r * g->c * plane);
    return to;
}

static void implicit_back_run(const struct og_view *v, const struct og_implicit *c,
                              size_t s, size_t n)
{
    const struct og_windows *g = &c->g;
    const size_t each = g->out_group * g->places, out_size = g->groups * each;
    for (size_t k = 0; k < g->groups; k++) {
        const size_t in = (s * g->c + k * g->in_group) * g->h * g->w;
        const float *dy = v->dout + s * out_size + k * each;
        for (size_t r = 0; v->node->params > 1 && r < n; r++)
            add_bias_gradient(g, dy + r * out_size, v->dparam[1] + k * g->out_group);
        if (og_linear_gradient(v, (int)k))
            og_implicit_weights(c, k, inputs_of_run(v, c, s, n, k), dy, n);
        if (v->din[0])
            og_implicit_inputs(c, weights_back(v, g, k), dy, n, v->din[0] + in,
                               v->fresh[0]);
    }
}

static void implicit_backward(const struct og_view *v, const struct og_windows *g)
{
    const struct og_implicit c = og_implicit_begin(g, v->work);
    og_implicit_clear(&c);
    for (size_t s = 0; s < v->n; s += g->samples)
        implicit_back_run(v, &c, s, v->n - s < g->samples ? v->n - s : g->samples);
    for (size_t k = 0; k < g->groups; k++)
        if (og_linear_gradient(v, (int)k))
            og_implicit_take(&c, k, og_linear_gradient(v, (int)k));
}

static void backward(const struct og_view *v)
{
    struct og_windows g = geometry_of(v->node);
    if (is_implicit_back(v)) {
        implicit_backward(v, &g);
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
