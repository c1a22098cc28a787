// SPDX-License-Identifier: GPL-3.0-or-later
// Weights of dense, conv2d and batch_norm layers out of the orders in which others keep
// them (O filters, I inputs per group, H and W of the window, C channels, M = O / C):
//
//           dense  conv2d        depthwise
//   pytorch [O][I] [O][I][H][W]  [O][1][H][W]   also ohmgrid's own
//   keras   [I][O] [H][W][I][O]  [H][W][C][M]
//   tflite  [O][I] [O][H][W][I]  [1][H][W][O]
//
// Keras and TensorFlow Lite flatten an image with the channels last: what follows a
// flatten has its features reordered.
#include <string.h>

#include "base/mem.h"
#include "nn/ops.h"
#include "nn/weights.h"

static const char *const layout_name[] = {"auto", "pytorch", "keras", "tflite"};
static const char *const weight_names[] = {"weight", "kernel", "depthwise_kernel", NULL};
static const char *const bias_names[] = {"bias", NULL};

// Where value (o, i, y, x) lies: at the sum of index times step.
struct order {
    int rank;
    size_t dim[4], o, i, y, x;
};

static size_t groups_of(const struct og_node *node)
{
    return node->linears > 0 ? node->shape.dim[0] / node->linear[0].cols : 1;
}

// The ways in which a layout may keep the weight of a node: one or two.
static int orders_of(const struct og_node *node, int layout, struct order order[2])
{
    const size_t *d = node->param[0].dim, O = d[0], I = d[1];
    if (node->op == &og_op_dense) {
        order[0] = layout == OG_LAYOUT_KERAS ? (struct order){2, {I, O}, 1, O, 0, 0}
                                             : (struct order){2, {O, I}, I, 1, 0, 0};
        return 1;
    }
    const size_t H = d[2], W = d[3], C = groups_of(node) * I;
    if (layout == OG_LAYOUT_KERAS) {
        order[0] = (struct order){4, {H, W, I, O}, 1, O, W * I * O, I * O};
        order[1] = (struct order){4, {H, W, C, O / C}, 1, O, W * O, O};
        return I == 1 && O % C == 0 ? 2 : 1;
    }
    if (layout == OG_LAYOUT_TFLITE) {
        order[0] = (struct order){4, {O, H, W, I}, H * W * I, 1, W * I, I};
        order[1] = (struct order){4, {1, H, W, O}, 1, 1, W * O, O};
        return I == 1 ? 2 : 1;
    }
    order[0] = (struct order){4, {O, I, H, W}, I * H * W, H * W, W, 1};
    return 1;
}

static bool same_shape(const struct og_weight_entry *e, const struct order *o)
{
    return e->rank == o->rank &&
           memcmp(e->dim, o->dim, (size_t)o->rank * sizeof *o->dim) == 0;
}

// The order of `layout` that has the entry's shape; the first one where none has.
static bool find_order(const struct og_node *node, const struct og_weight_entry *e,
                       int layout, struct order *found)
{
    struct order order[2];
    const int n = orders_of(node, layout, order);
    for (int k = 0; k < n; k++) {
        *found = order[k];
        if (same_shape(e, found)) return true;
    }
    *found = order[0];
    return false;
}

// --- which layout -------------------------------------------------------------------

static bool has_weight(const struct og_node *node)
{
    return node->op == &og_op_dense || node->op == &og_op_conv2d;
}

static bool ends_with(const char *text, const char *end)
{
    const size_t n = strlen(text), k = strlen(end);
    return n >= k && strcmp(text + n - k, end) == 0;
}

// fits[layout]: whether all weights have its shapes. *named: what the names suggest.
static og_status try_layouts(const struct og_weight_match *m, bool fits[4], int *named,
                             struct og_error *err)
{
    for (int l = OG_LAYOUT_PYTORCH; l <= OG_LAYOUT_TFLITE; l++) fits[l] = true;
    *named = OG_LAYOUT_PYTORCH;
    for (size_t i = 0; i < m->model->nodes; i++) {
        const struct og_node *node = &m->model->node[i];
        struct og_weight_entry *e;
        struct order order;
        if (!has_weight(node)) continue;
        OG_TRY(og_weights_find(m, node, weight_names, &e, err));
        if (!e) continue;
        if (ends_with(e->key, "kernel")) *named = OG_LAYOUT_KERAS;
        for (int l = OG_LAYOUT_PYTORCH; l <= OG_LAYOUT_TFLITE; l++)
            fits[l] = fits[l] && find_order(node, e, l, &order);
    }
    return OG_OK;
}

og_status og_weights_layout(struct og_weight_match *m, struct og_error *err)
{
    bool fits[4];
    int named;
    m->layout = m->config->layout;
    if (m->layout != OG_LAYOUT_AUTO) return OG_OK;
    OG_TRY(try_layouts(m, fits, &named, err));
    m->layout = named;
    if (fits[named]) return OG_OK;
    int others = 0;
    for (int l = OG_LAYOUT_PYTORCH; l <= OG_LAYOUT_TFLITE; l++)
        if (fits[l] && others++ == 0) m->layout = l;
    if (others < 2) return OG_OK;
    return og_fail(err, OG_INPUT,
                   "%s: the shapes of its tensors fit several layouts: set "
                   "model.weights_layout to keras or tflite",
                   m->file->path);
}

// --- values -------------------------------------------------------------------------

// The image whose values, flattened, are the features that `node` takes; NULL: none.
static const struct og_shape *flattened(const og_model *model, const struct og_node *node)
{
    while (node->in[0].rank == 1) {
        if (node->input[0] < 0) return NULL;
        node = &model->node[node->input[0]];
        if (node->op == &og_op_flatten) break;
        if (node->linears > 0 || node->op == &og_op_global_avg_pool) return NULL;
    }
    return node->in[0].rank == 3 ? &node->in[0] : NULL;
}

// Where feature f of ohmgrid (channel, row, column) is in a file with channels last.
static size_t feature_at(const struct og_shape *image, size_t f)
{
    if (!image) return f;
    const size_t plane = image->dim[1] * image->dim[2];
    return f % plane * image->dim[0] + f / plane;
}

static const struct og_shape *image_before(const struct og_weight_match *m,
                                           const struct og_node *node)
{
    return m->layout == OG_LAYOUT_PYTORCH ? NULL : flattened(m->model, node);
}

static og_status wrong_shape(const struct og_weight_match *m, const struct og_node *node,
                             const struct og_weight_entry *e, const struct order *want,
                             struct og_error *err)
{
    char has[96], needs[96];
    og_weight_shape_text(e->rank, e->dim, has, sizeof has);
    og_weight_shape_text(want->rank, want->dim, needs, sizeof needs);
    return og_fail(
        err, OG_INPUT, "%s: tensor '%.200s' is %s, but layer '%s' needs %s (layout %s)",
        m->file->path, e->name, has, node->name, needs, layout_name[m->layout]);
}

static void put_weight(const struct og_weight_match *m, const struct og_node *node,
                       const struct order *order, const float *from, float *to)
{
    const struct og_shape *image =
        node->op == &og_op_dense ? image_before(m, node) : NULL;
    const struct og_param *p = &node->param[0];
    const size_t H = p->rank == 4 ? p->dim[2] : 1, W = p->rank == 4 ? p->dim[3] : 1;
    for (size_t o = 0; o < p->dim[0]; o++)
        for (size_t i = 0; i < p->dim[1]; i++)
            for (size_t y = 0; y < H; y++)
                for (size_t x = 0; x < W; x++)
                    *to++ = from[o * order->o + feature_at(image, i) * order->i +
                                 y * order->y + x * order->x];
}

static og_status fill_weight(struct og_weight_match *m, const struct og_node *node,
                             struct og_error *err)
{
    struct og_weight_entry *e;
    struct order order;
    float *value;
    OG_TRY(og_weights_find(m, node, weight_names, &e, err));
    if (!e) {
        og_weights_miss(m, node, "weight");
        return OG_OK;
    }
    if (!find_order(node, e, m->layout, &order))
        return wrong_shape(m, node, e, &order, err);
    OG_TRY(og_weights_take_any(m, e, &value, err));
    put_weight(m, node, &order, value, og_weights_at(m, node, 0));
    og_free(value);
    return OG_OK;
}

// A vector of one value per output (or feature) under one of several names.
static og_status fill_vector(struct og_weight_match *m, const struct og_node *node, int p,
                             const char *const *names, const struct og_shape *image,
                             struct og_error *err)
{
    const struct og_param *param = &node->param[p];
    struct og_weight_entry *e;
    float *value, *to = og_weights_at(m, node, p);
    OG_TRY(og_weights_find(m, node, names, &e, err));
    if (!e) {
        og_weights_miss(m, node, names[0]);
        return OG_OK;
    }
    OG_TRY(og_weights_take(m, node, e, 1, param->dim, &value, err));
    for (size_t i = 0; i < param->count; i++) to[i] = value[feature_at(image, i)];
    og_free(value);
    return OG_OK;
}

og_status og_weights_fill_linear(struct og_weight_match *m, const struct og_node *node,
                                 struct og_error *err)
{
    OG_TRY(fill_weight(m, node, err));
    if (node->params < 2) return OG_OK;
    return fill_vector(m, node, 1, bias_names, NULL, err);
}

og_status og_weights_fill_norm(struct og_weight_match *m, const struct og_node *node,
                               struct og_error *err)
{
    // PyTorch, Keras, ohmgrid; the parameters in the order of op_batch_norm.c.
    static const char *const names[4][4] = {
        {"weight", "gamma", "scale", NULL},
        {"bias", "beta", NULL},
        {"running_mean", "moving_mean", "mean", NULL},
        {"running_var", "moving_variance", "var", NULL},
    };
    const struct og_shape *image = node->in[0].rank == 1 ? image_before(m, node) : NULL;
    for (int p = 0; p < 4; p++) OG_TRY(fill_vector(m, node, p, names[p], image, err));
    return OG_OK;
}
