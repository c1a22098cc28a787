// SPDX-License-Identifier: GPL-3.0-or-later
// Whether what a hardware asks for exists in a network: a point at which noise is
// injected, a state that has bits, a layer with hardware of its own.
#include <stdio.h>
#include <string.h>

#include "config/tree.h"
#include "nn/graph.h"
#include "nn/rnn_common.h"

// The injection points that a node has.
static int points_of(const struct og_node *node)
{
    int points = node->linears > 0 ? OG_POINT_X | OG_POINT_A | OG_POINT_O : 0;
    for (int k = 0; k < node->linears; k++) {
        const struct og_linear_decl *l = &node->linear[k];
        for (int s = 0; s < l->segments; s++) {
            if (l->segment[s].recurrent) points |= OG_POINT_H;
            if (l->segment[s].reset) points |= OG_POINT_RH;
        }
        for (int g = 0; g < l->gates; g++) points |= l->gate_point[g];
    }
    if (node->op == &og_op_lstm) points |= OG_POINT_C | OG_POINT_T;
    if (node->op == &og_op_lstm || node->op == &og_op_gru) points |= OG_POINT_G;
    return points;
}

static const char *name_of_point(int point)
{
    static const char *const name[OG_POINTS] = {"X",   "H",   "A",   "G",   "C",
                                                "O",   "T",   "RH",  "A_i", "A_f",
                                                "A_g", "A_o", "A_z", "A_r", "A_n"};
    int i = 0;
    while (i + 1 < OG_POINTS && point >> i != 1) i++;
    return name[i];
}

// `who`: "no layer of the network has", or of one layer.
static og_status check_points(const struct og_hardware *hw, int known, const char *who,
                              struct og_error *err)
{
    for (int i = 0; i < OG_POINTS; i++) {
        const int point = 1 << i;
        if (!(hw->injection.points & point) || (known & point)) continue;
        return og_fail(err, OG_INPUT, "hardware.injection.points: %s a point %s", who,
                       name_of_point(point));
    }
    if ((hw->rnn.x_bits >= 0 || hw->rnn.h_bits >= 0) && !(known & OG_POINT_H))
        return og_fail(err, OG_INPUT, "hardware.rnn.%s_bits: %s a recurrent input",
                       hw->rnn.x_bits >= 0 ? "x" : "h", who);
    if (hw->rnn.gate_bits > 0 && !(known & OG_POINT_G))
        return og_fail(err, OG_INPUT, "hardware.rnn.gate_bits: %s gates", who);
    if (hw->rnn.c_bits > 0 && !(known & OG_POINT_C))
        return og_fail(err, OG_INPUT, "hardware.rnn.c_bits: %s a cell state", who);
    return OG_OK;
}

// The node of this name, if it has a matrix; else NULL.
static const struct og_node *node_of(const og_model *model, const char *layer)
{
    size_t i = 0;
    while (i < model->nodes && strcmp(model->node[i].name, layer) != 0) i++;
    return i < model->nodes && model->node[i].linears > 0 ? &model->node[i] : NULL;
}

bool og_model_has_matrix(const og_model *model, const char *layer)
{
    return node_of(model, layer) != NULL;
}

// A network, or the parts of one.
struct parts {
    const og_model *const *model;
    size_t n;
};

static const struct og_node *node_among(const struct parts *parts, const char *layer)
{
    const struct og_node *node = NULL;
    for (size_t i = 0; !node && i < parts->n; i++) node = node_of(parts->model[i], layer);
    return node;
}

static og_status check_layer(const struct parts *parts, const struct og_hardware *hw,
                             const og_item *name, struct og_error *err)
{
    const struct og_node *node = node_among(parts, name->text);
    if (!node) return og_item_fail(name, err, "no layer of that name has a matrix");
    struct og_hardware own;
    char who[96];
    OG_TRY(og_hardware_layer(hw, name->text, &own, err));
    // What all layers are asked for, some layer has.
    own.injection.points &= ~hw->injection.points;
    if (own.rnn.x_bits == hw->rnn.x_bits) own.rnn.x_bits = -1;
    if (own.rnn.h_bits == hw->rnn.h_bits) own.rnn.h_bits = -1;
    if (own.rnn.gate_bits == hw->rnn.gate_bits) own.rnn.gate_bits = 0;
    if (own.rnn.c_bits == hw->rnn.c_bits) own.rnn.c_bits = 0;
    snprintf(who, sizeof who, "layer '%s' does not have", node->name);
    return check_points(&own, points_of(node), who, err);
}

static og_status check_variant(const struct parts *parts, const struct og_hardware *hw,
                               struct og_error *err)
{
    const char *layer = og_variant_layer(hw);
    if (layer == NULL || node_among(parts, layer)) return OG_OK;
    return og_fail(err, OG_INPUT, "hardware.variant: no layer '%s' has a matrix", layer);
}

og_status og_model_check_hardware(const og_model *model, const struct og_hardware *hw,
                                  struct og_error *err)
{
    return og_models_check_hardware(&model, 1, hw, err);
}

og_status og_models_check_hardware(const og_model *const *model, size_t n,
                                   const struct og_hardware *hw, struct og_error *err)
{
    const struct parts parts = {model, n};
    int known = 0;
    if (hw->ideal) return OG_OK;
    for (size_t m = 0; m < n; m++)
        for (size_t i = 0; i < model[m]->nodes; i++)
            known |= points_of(&model[m]->node[i]);
    OG_TRY(check_points(hw, known, "no layer of the network has", err));
    OG_TRY(check_variant(&parts, hw, err));
    for (size_t i = 0; i < og_hardware_layers(hw); i++)
        OG_TRY(check_layer(&parts, hw, og_hardware_layer_name(hw, i), err));
    return OG_OK;
}
