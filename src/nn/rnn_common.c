// SPDX-License-Identifier: GPL-3.0-or-later
// Set-up of recurrent layers: parameters, and which matrices they are on which hardware.
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "nn/rnn_common.h"

const struct og_rnn_cell *og_rnn_law(const struct og_node *node)
{
    if (node->op == &og_op_lstm) return &og_rnn_cell_lstm;
    return node->op == &og_op_gru ? &og_rnn_cell_gru : &og_rnn_cell_rnn;
}

// h stays in [-1, 1].
static bool is_bounded(const struct og_node *node)
{
    const struct og_rnn_attr *a = node->attr;
    return node->op != &og_op_rnn || a->activation == OG_RNN_TANH;
}

// --- matrices ------------------------------------------------------------------------

enum part { PART_X = 1, PART_H = 2, PART_XH = 3 };

struct piece {
    int gate, gates;  // rows of W
    enum part part;   // columns of W
};

// "", "x", "zr", "n_h", "l1_reverse_zr": short, and unique in the layer.
static void name_part(struct og_linear_decl *l, const struct og_node *node, int cell,
                      struct piece piece)
{
    const struct og_rnn_attr *a = node->attr;
    const struct og_rnn_cell *law = og_rnn_law(node);
    char text[5][12] = {"", "", "", "", ""};
    int directions = a->bidirectional ? 2 : 1;
    if (a->layers > 1) snprintf(text[0], sizeof text[0], "l%d", cell / directions);
    if (cell % directions) snprintf(text[1], sizeof text[1], "reverse");
    if (piece.gates < law->gates)
        snprintf(text[2], sizeof text[2], "%.*s", piece.gates, law->gate + piece.gate);
    if (piece.part != PART_XH)
        snprintf(text[3], sizeof text[3], piece.part == PART_X ? "x" : "h");
    size_t used = 0;
    for (int i = 0; i < 4; i++)
        if (*text[i])
            used += (size_t)snprintf(l->name + used, sizeof l->name - used, "%s%s",
                                     used ? "_" : "", text[i]);
}

// Whether the whole pre-activation of these gates is the sum of one matrix.
static bool can_ramp(const struct og_node *node, struct piece piece)
{
    const struct og_rnn_attr *a = node->attr;
    const struct og_rnn_cell *law = og_rnn_law(node);
    bool apart = law->two_sums && a->before && piece.gate + piece.gates > law->common;
    return piece.part == PART_XH && !apart && is_bounded(node);
}

static void add_ramps(struct og_node *node, int cell, struct og_linear_decl *l,
                      struct piece piece)
{
    const struct og_rnn_attr *a = node->attr;
    const struct og_rnn_cell *law = og_rnn_law(node);
    const size_t units = (size_t)a->units;
    const int last = piece.gate + piece.gates;
    int sigmoids = law->sigmoids < last ? law->sigmoids - piece.gate : piece.gates;
    if (sigmoids < 0) sigmoids = 0;
    struct og_linear_ramp *ramp = &l->ramp;
    *ramp = (struct og_linear_ramp){.param = 2 * (size_t)cell + 1,
                                    .first = (size_t)piece.gate * units};
    if (sigmoids > 0)
        ramp->part[ramp->parts++] = (struct og_ramp_part){
            .function = OG_SIGMOID, .cols = (size_t)sigmoids * units};
    if (sigmoids < piece.gates)
        ramp->part[ramp->parts++] = (struct og_ramp_part){
            .function = OG_TANH, .cols = (size_t)(piece.gates - sigmoids) * units};
    if (a->forget_bias == 0 || law->forget < piece.gate || law->forget >= last) return;
    ramp->more_first = (size_t)(law->forget - piece.gate) * units;
    ramp->more_cols = units;
    ramp->more = (float)a->forget_bias;
}

// Of what goes on to the next step: 1, or to be found by calibration.
static float state_range(const struct og_node *node)
{
    const struct og_rnn_attr *a = node->attr;
    return is_bounded(node) && a->projection == 0 ? 1.0f : 0.0f;
}

static void add_piece(struct og_node *node, int cell, int gate, int gates, enum part part)
{
    const struct og_rnn_attr *a = node->attr;
    const struct og_rnn_cell *law = og_rnn_law(node);
    size_t units = (size_t)a->units, stride = node->param[2 * cell].dim[1];
    size_t outputs = og_rnn_outputs(a), inputs = stride - outputs;
    assert(node->linears < node->linear_room);
    struct og_linear_decl *l = &node->linear[node->linears++];
    *l = (struct og_linear_decl){
        .cols = (size_t)gates * units,
        .param = 2 * (size_t)cell,
        .first = (size_t)gate * units * stride + (part == PART_H ? inputs : 0),
        .stride = stride,
        .steps = node->in[0].dim[0],
    };
    const struct piece piece = {gate, gates, part};
    name_part(l, node, cell, piece);
    if (can_ramp(node, piece)) add_ramps(node, cell, l, piece);
    l->gates = gates;
    for (int g = 0; g < gates; g++) l->gate_point[g] = law->gate_point[gate + g];
    float range = state_range(node);
    if (part & PART_X) {
        // The x of an upper layer is the h of the one below it.
        bool upper = cell >= (a->bidirectional ? 2 : 1);
        l->rnn = true;
        l->segment[l->segments].rows = inputs;
        l->segment[l->segments++].range = upper ? range : 0.0f;
    }
    if (part & PART_H) {
        l->segment[l->segments].rows = outputs;
        l->segment[l->segments].recurrent = true;
        l->segment[l->segments].reset =
            law->two_sums && !a->before && gate >= law->common;
        l->segment[l->segments++].range = range;
    }
    for (int s = 0; s < l->segments; s++) l->rows += l->segment[s].rows;
}

static void add_pieces(struct og_node *node, int cell, enum og_rnn_mapping mapping)
{
    const struct og_rnn_attr *a = node->attr;
    const struct og_rnn_cell *law = og_rnn_law(node);
    int gates = law->gates, common = law->common;
    bool apart = law->two_sums && a->before;
    if (mapping == OG_RNN_SPLIT) {
        int together = apart ? gates : common;
        add_piece(node, cell, 0, gates, PART_X);
        add_piece(node, cell, 0, together, PART_H);
        for (int g = together; g < gates; g++) add_piece(node, cell, g, 1, PART_H);
        return;
    }
    int step = mapping == OG_RNN_PER_GATE ? 1 : common;
    for (int g = 0; g < common; g += step) add_piece(node, cell, g, step, PART_XH);
    for (int g = common; g < gates; g++) {
        if (apart) {
            add_piece(node, cell, g, 1, PART_X);
            add_piece(node, cell, g, 1, PART_H);
        } else {
            add_piece(node, cell, g, 1, PART_XH);
        }
    }
}

// y = W_p h; h comes in by the DACs of the recurrent input.
static void add_projection(struct og_node *node, int cell)
{
    const struct og_rnn_attr *a = node->attr;
    size_t units = (size_t)a->units;
    assert(node->linears < node->linear_room);
    struct og_linear_decl *l = &node->linear[node->linears++];
    *l = (struct og_linear_decl){
        .rows = units,
        .cols = og_rnn_outputs(a),
        .param = (size_t)(2 * og_rnn_cells(node) + cell),
        .stride = units,
        .segments = 1,
        .segment = {{.rows = units, .recurrent = true, .range = 1.0f}},
        .steps = node->in[0].dim[0],
    };
    name_part(l, node, cell, (struct piece){0, og_rnn_law(node)->gates, PART_XH});
    size_t used = strlen(l->name);
    snprintf(l->name + used, sizeof l->name - used, "%sproj", used ? "_" : "");
}

void og_rnn_linears(struct og_node *node, const struct og_hardware *hw)
{
    const struct og_rnn_attr *a = node->attr;
    node->linears = 0;
    for (int cell = 0; cell < og_rnn_cells(node); cell++)
        add_pieces(node, cell, hw->rnn.mapping);
    struct og_linear_decl *l = node->linear;
    if (a->projection > 0 && !*l->name) snprintf(l->name, sizeof l->name, "gates");
    for (int cell = 0; a->projection > 0 && cell < og_rnn_cells(node); cell++)
        add_projection(node, cell);
}

// --- set-up --------------------------------------------------------------------------

static void add_params(struct og_node *node, int layer, bool reverse)
{
    const struct og_rnn_attr *a = node->attr;
    const struct og_rnn_cell *law = og_rnn_law(node);
    size_t units = (size_t)a->units, directions = a->bidirectional ? 2 : 1;
    size_t outputs = og_rnn_outputs(a);
    size_t inputs = layer == 0 ? node->in[0].dim[1] : directions * outputs;
    size_t biases = (size_t)(law->gates + (law->two_sums && a->before));
    const char *end = reverse ? "_reverse" : "";
    struct og_param *w = &node->param[node->params++], *b = &node->param[node->params++];
    *w = (struct og_param){
        .rank = 2,
        .dim = {(size_t)law->gates * units, inputs + outputs},
        .count = (size_t)law->gates * units * (inputs + outputs),
        .law = OG_INIT_UNIFORM,
        .value = (float)(1.0 / sqrt((double)units)),
        .decay = true,
    };
    snprintf(w->name, sizeof w->name, "weight_l%d%s", layer, end);
    *b = (struct og_param){.rank = 1,
                           .dim = {biases * units},
                           .count = biases * units,
                           .law = OG_INIT_CONSTANT};
    snprintf(b->name, sizeof b->name, "bias_l%d%s", layer, end);
}

static void add_projection_param(struct og_node *node, int layer, bool reverse)
{
    const struct og_rnn_attr *a = node->attr;
    size_t units = (size_t)a->units, outputs = og_rnn_outputs(a);
    struct og_param *p = &node->param[node->params++];
    *p = (struct og_param){
        .rank = 2,
        .dim = {outputs, units},
        .count = outputs * units,
        .law = OG_INIT_UNIFORM,
        .value = (float)(1.0 / sqrt((double)units)),
        .decay = true,
    };
    snprintf(p->name, sizeof p->name, "projection_l%d%s", layer,
             reverse ? "_reverse" : "");
}

og_status og_rnn_setup(struct og_node *node, struct og_error *err)
{
    const struct og_rnn_attr *a = node->attr;
    size_t directions = a->bidirectional ? 2 : 1;
    const struct og_shape *in = &node->in[0];
    if (in->rank != 2)
        return og_fail(err, OG_INPUT,
                       "the input must be a sequence [steps][features], not of rank %d "
                       "(data.rows: true reads images as sequences of rows)",
                       in->rank);
    if ((size_t)a->layers * directions > OG_RNN_CELLS)
        return og_fail(
            err, OG_INPUT,
            "layers is %d, not in 1 to %zu (%d without bidirectional); more can "
            "be stacked as entries of their own",
            a->layers, OG_RNN_CELLS / directions, OG_RNN_CELLS);
    if (a->projection >= a->units)
        return og_fail(err, OG_INPUT,
                       "projection is %d, not in 0 (none) to %d (below units)",
                       a->projection, a->units - 1);
    const bool states = a->returns == OG_RETURN_STATES;
    if (states && og_rnn_law(node)->memory == 0)
        return og_fail(err, OG_INPUT,
                       "return is states, but only an lstm has cell states; it must be "
                       "last or sequence");
    size_t width = directions * (og_rnn_outputs(a) + (states ? (size_t)a->units : 0));
    if (a->returns == OG_RETURN_LAST)
        node->shape = (struct og_shape){1, {width, 0, 0}};
    else
        node->shape = (struct og_shape){2, {in->dim[0], width, 0}};
    for (int layer = 0; layer < a->layers; layer++)
        for (size_t d = 0; d < directions; d++) add_params(node, layer, d == 1);
    for (int cell = 0; a->projection > 0 && cell < og_rnn_cells(node); cell++)
        add_projection_param(node, cell / (int)directions, cell % (int)directions == 1);
    // At most one for each gate, one more where x and h of the last are apart, and one
    // for the projection.
    OG_TRY(og_node_make_room(node, og_rnn_cells(node) * (OG_RNN_GATES + 2), err));
    struct og_hardware hw = og_hardware_default();
    og_rnn_linears(node, &hw);
    return OG_OK;
}
