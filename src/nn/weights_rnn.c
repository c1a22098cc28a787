// SPDX-License-Identifier: GPL-3.0-or-later
// Weights of recurrent layers. ohmgrid keeps one matrix [gates][units][F + H] and one
// bias [gates][units] for each layer and direction; others (H units, F features, G
// gates):
//
//   pytorch weight_ih_l0 [G H][F], weight_hh_l0 [G H][H], bias_ih_l0, bias_hh_l0 [G H]
//   keras   kernel [F][G H], recurrent_kernel [H][G H], bias [G H] (GRU with reset_after
//           [2][3 H]: of x and of h)
//
// Gates: LSTM i, f, g, o in both; GRU r, z, n in PyTorch, z, r, n in Keras. PyTorch's GRU
// and Keras' with reset_after have linear_before_reset. The two biases of a gate are
// summed; lstm's constant forget_bias, which others have within the bias, is subtracted.
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "nn/rnn_common.h"
#include "nn/weights.h"

// One layer and direction.
struct cell {
    const struct og_node *node;
    const struct og_rnn_attr *attr;
    int number;       // of the layer and direction
    char suffix[24];  // "_l0", "_l1_reverse"
    bool keras;
    size_t gates, units, outputs, inputs;
    const int *gate;  // where ohmgrid's gate is in the file
};

static const int *gate_order(const struct og_node *node, bool keras)
{
    static const int lstm[] = {0, 3, 1, 2}, same[] = {0, 1, 2}, gru[] = {1, 0, 2};
    if (node->op == &og_op_lstm) return lstm;
    return node->op == &og_op_gru && !keras ? gru : same;
}

static struct cell cell_of(const struct og_node *node, int number)
{
    struct cell c = {.node = node, .attr = node->attr, .number = number};
    const int directions = c.attr->bidirectional ? 2 : 1;
    const struct og_param *w = &node->param[2 * number];
    c.units = (size_t)c.attr->units;
    c.gates = w->dim[0] / c.units;
    c.outputs = og_rnn_outputs(c.attr);
    c.inputs = w->dim[1] - c.outputs;
    snprintf(c.suffix, sizeof c.suffix, "_l%d%s", number / directions,
             number % directions ? "_reverse" : "");
    return c;
}

// The entry "<stem><suffix>" of the cell. Keras has no numbers: it has one layer.
static og_status find(const struct og_weight_match *m, const struct cell *c,
                      const char *stem, struct og_weight_entry **e, struct og_error *err)
{
    char name[64];
    const char *leaf[] = {name, NULL};
    const char *suffix = c->keras ? c->suffix + strlen("_l0") : c->suffix;
    snprintf(name, sizeof name, "%s%s", stem, suffix);
    return og_weights_find(m, c->node, leaf, e, err);
}

// --- matrices -----------------------------------------------------------------------

// One of the two matrices of a cell into the columns [first, first + width) of its own.
static og_status fill_part(struct og_weight_match *m, const struct cell *c,
                           const char *stem, size_t first, size_t width,
                           struct og_error *err)
{
    const size_t rows = c->gates * c->units, stride = c->inputs + c->outputs;
    const size_t dim[2] = {c->keras ? width : rows, c->keras ? rows : width};
    struct og_weight_entry *e;
    float *value, *to = og_weights_at(m, c->node, 2 * c->number);
    OG_TRY(find(m, c, stem, &e, err));
    if (!e) {
        char name[64];
        snprintf(name, sizeof name, "%s%s", stem, c->keras ? "" : c->suffix);
        og_weights_miss(m, c->node, name);
        return OG_OK;
    }
    OG_TRY(og_weights_take(m, c->node, e, 2, dim, &value, err));
    for (size_t r = 0; r < rows; r++) {
        const size_t from = (size_t)c->gate[r / c->units] * c->units + r % c->units;
        for (size_t k = 0; k < width; k++)
            to[r * stride + first + k] =
                c->keras ? value[k * rows + from] : value[from * width + k];
    }
    og_free(value);
    return OG_OK;
}

// --- biases -------------------------------------------------------------------------

// Biases of x and of h, [gates H] each, in the file's order; zeros where there are none.
struct biases {
    float *x, *h;
};

static og_status take_vector(struct og_weight_match *m, const struct cell *c,
                             const char *stem, float **value, struct og_error *err)
{
    const size_t n = c->gates * c->units;
    struct og_weight_entry *e;
    OG_TRY(find(m, c, stem, &e, err));
    if (e) return og_weights_take(m, c->node, e, 1, &n, value, err);
    *value = og_alloc(n, sizeof **value);
    return *value ? OG_OK : og_fail(err, OG_NO_MEMORY, "out of memory for a bias");
}

static og_status take_keras(struct og_weight_match *m, const struct cell *c,
                            struct biases *b, struct og_error *err)
{
    const size_t n = c->gates * c->units, dim[2] = {2, n};
    if (!(c->node->op == &og_op_gru && c->attr->before))
        return take_vector(m, c, "bias", &b->x, err);
    struct og_weight_entry *e;
    OG_TRY(find(m, c, "bias", &e, err));
    if (!e) return take_vector(m, c, "bias", &b->x, err);
    OG_TRY(og_weights_take(m, c->node, e, 2, dim, &b->x, err));
    b->h = og_alloc(n, sizeof *b->h);
    if (!b->h) return og_fail(err, OG_NO_MEMORY, "out of memory for a bias");
    memcpy(b->h, b->x + n, n * sizeof *b->h);
    return OG_OK;
}

static void put_biases(const struct og_weight_match *m, const struct cell *c,
                       const struct biases *b)
{
    float *to = og_weights_at(m, c->node, 2 * c->number + 1);
    const bool apart = c->node->op == &og_op_gru && c->attr->before;
    for (size_t g = 0; g < c->gates; g++)
        for (size_t j = 0; j < c->units; j++) {
            const size_t from = (size_t)c->gate[g] * c->units + j;
            const double x = b->x[from], h = b->h ? b->h[from] : 0.0;
            const bool forget = c->node->op == &og_op_lstm && g == 2;
            const bool split = apart && g == 2;  // n, and its fourth block
            to[g * c->units + j] =
                (float)(x + (split ? 0.0 : h) - (forget ? c->attr->forget_bias : 0.0));
            if (split) to[3 * c->units + j] = (float)h;
        }
}

static og_status fill_bias(struct og_weight_match *m, const struct cell *c,
                           struct og_error *err)
{
    struct biases b = {0};
    og_status status =
        c->keras ? take_keras(m, c, &b, err) : take_vector(m, c, "bias_ih", &b.x, err);
    if (status == OG_OK && !c->keras) status = take_vector(m, c, "bias_hh", &b.h, err);
    if (status == OG_OK) put_biases(m, c, &b);
    og_free(b.x);
    og_free(b.h);
    return status;
}

// --- cells --------------------------------------------------------------------------

// ohmgrid's own: the two parameters as they are.
static og_status fill_own(struct og_weight_match *m, const struct cell *c,
                          struct og_weight_entry *e, struct og_error *err)
{
    for (int p = 2 * c->number; p < 2 * c->number + 2; p++) {
        const struct og_param *param = &c->node->param[p];
        float *value;
        if (p > 2 * c->number) OG_TRY(find(m, c, "bias", &e, err));
        if (!e) {
            og_weights_miss(m, c->node, param->name);
            continue;
        }
        OG_TRY(og_weights_take(m, c->node, e, param->rank, param->dim, &value, err));
        memcpy(og_weights_at(m, c->node, p), value, param->count * sizeof *value);
        og_free(value);
    }
    return OG_OK;
}

static og_status check_reset(const struct og_weight_match *m, const struct cell *c,
                             struct og_error *err)
{
    if (c->node->op != &og_op_gru || c->keras || c->attr->before) return OG_OK;
    return og_fail(err, OG_INPUT,
                   "%s: layer '%s' has linear_before_reset: false, but a GRU of PyTorch "
                   "needs true",
                   m->file->path, c->node->name);
}

static og_status fill_cell(struct og_weight_match *m, struct cell *c,
                           struct og_error *err)
{
    struct og_weight_entry *own, *keras;
    OG_TRY(find(m, c, "weight", &own, err));
    if (own) return fill_own(m, c, own, err);
    if (c->attr->layers == 1) {
        c->keras = true;
        OG_TRY(find(m, c, "kernel", &keras, err));
        c->keras = keras != NULL;
    }
    c->gate = gate_order(c->node, c->keras);
    OG_TRY(check_reset(m, c, err));
    OG_TRY(fill_part(m, c, c->keras ? "kernel" : "weight_ih", 0, c->inputs, err));
    OG_TRY(fill_part(m, c, c->keras ? "recurrent_kernel" : "weight_hh", c->inputs,
                     c->outputs, err));
    return fill_bias(m, c, err);
}

// The same in PyTorch: weight_hr_l0 [projection][H].
static og_status fill_projection(struct og_weight_match *m, const struct cell *c,
                                 struct og_error *err)
{
    const int p = 2 * og_rnn_cells(c->node) + c->number;
    const struct og_param *param = &c->node->param[p];
    struct og_weight_entry *e;
    float *value;
    OG_TRY(find(m, c, "projection", &e, err));
    if (!e) OG_TRY(find(m, c, "weight_hr", &e, err));
    if (!e) {
        og_weights_miss(m, c->node, param->name);
        return OG_OK;
    }
    OG_TRY(og_weights_take(m, c->node, e, param->rank, param->dim, &value, err));
    memcpy(og_weights_at(m, c->node, p), value, param->count * sizeof *value);
    og_free(value);
    return OG_OK;
}

og_status og_weights_fill_rnn(struct og_weight_match *m, const struct og_node *node,
                              struct og_error *err)
{
    for (int number = 0; number < og_rnn_cells(node); number++) {
        struct cell c = cell_of(node, number);
        OG_TRY(fill_cell(m, &c, err));
        if (c.attr->projection > 0) OG_TRY(fill_projection(m, &c, err));
    }
    return OG_OK;
}
