// SPDX-License-Identifier: GPL-3.0-or-later
// Whether what a hardware asks for exists in a network: a point at which noise is
// injected, a state that has bits, a layer with hardware of its own.
#include "nn/fits.h"

#include <stdarg.h>
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

__attribute__((format(printf, 3, 4))) static void lacks(struct og_lack *lack,
                                                        const char *key,
                                                        const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(lack->text, sizeof lack->text, format, args);
    va_end(args);
    lack->key = key;
}

// The first thing lacking. `who`: "no layer of the network has", or of one layer.
static void check_points(const struct og_hardware *hw, int known, const char *who,
                         struct og_lack *lack)
{
    const int missing = hw->injection.points & ~known;
    const bool recurrent = known & OG_POINT_H;
    if (missing != 0)
        lacks(lack, "injection.points", "%s a point %s", who,
              name_of_point(missing & -missing));
    else if (hw->rnn.x_bits >= 0 && !recurrent)
        lacks(lack, "rnn.x_bits", "%s a recurrent input", who);
    else if (hw->rnn.h_bits >= 0 && !recurrent)
        lacks(lack, "rnn.h_bits", "%s a recurrent input", who);
    else if (hw->rnn.gate_bits > 0 && !(known & OG_POINT_G))
        lacks(lack, "rnn.gate_bits", "%s gates", who);
    else if (hw->rnn.c_bits > 0 && !(known & OG_POINT_C))
        lacks(lack, "rnn.c_bits", "%s a cell state", who);
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
    struct og_lack lack = {0};
    char who[96];
    OG_TRY(og_hardware_layer(hw, name->text, &own, err));
    // What all layers are asked for, some layer has.
    own.injection.points &= ~hw->injection.points;
    if (own.rnn.x_bits == hw->rnn.x_bits) own.rnn.x_bits = -1;
    if (own.rnn.h_bits == hw->rnn.h_bits) own.rnn.h_bits = -1;
    if (own.rnn.gate_bits == hw->rnn.gate_bits) own.rnn.gate_bits = 0;
    if (own.rnn.c_bits == hw->rnn.c_bits) own.rnn.c_bits = 0;
    snprintf(who, sizeof who, "layer '%s' does not have", node->name);
    check_points(&own, points_of(node), who, &lack);
    if (lack.key == NULL) return OG_OK;
    const og_item *entry = name->key ? name->parent : name->parent->parent;
    return og_item_fail(og_item_find(entry, lack.key, true), err, "%s", lack.text);
}

static void check_variant(const struct parts *parts, const struct og_hardware *hw,
                          struct og_lack *lack)
{
    const char *layer = og_variant_layer(hw);
    if (layer != NULL && !node_among(parts, layer))
        lacks(lack, "variant", "no layer '%s' has a matrix", layer);
}

static og_status check_parts(const struct parts *parts, const struct og_hardware *hw,
                             struct og_lack *lack, struct og_error *err)
{
    int known = 0;
    lack->key = NULL;
    if (hw->ideal) return OG_OK;
    for (size_t m = 0; m < parts->n; m++)
        for (size_t i = 0; i < parts->model[m]->nodes; i++)
            known |= points_of(&parts->model[m]->node[i]);
    check_points(hw, known, "no layer of the network has", lack);
    if (lack->key == NULL) check_variant(parts, hw, lack);
    for (size_t i = 0; lack->key == NULL && i < og_hardware_layers(hw); i++)
        OG_TRY(check_layer(parts, hw, og_hardware_layer_name(hw, i), err));
    return OG_OK;
}

og_status og_model_fits(const og_model *model, const struct og_hardware *hw,
                        struct og_lack *lack, struct og_error *err)
{
    const struct parts whole = {&model, 1};
    return check_parts(&whole, hw, lack, err);
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
    struct og_lack lack;
    OG_TRY(check_parts(&parts, hw, &lack, err));
    if (lack.key == NULL) return OG_OK;
    return og_fail(err, OG_INPUT, "hardware.%s: %s", lack.key, lack.text);
}
