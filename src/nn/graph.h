// SPDX-License-Identifier: GPL-3.0-or-later
// The graph as the folder sees it.
#ifndef OG_NN_GRAPH_H
#define OG_NN_GRAPH_H

#include "nn/op.h"

struct og_tensor_place {
    uint32_t node, param;
};

struct og_model {
    struct og_shape input;
    int classes;
    size_t nodes, allocated;  // a node that failed half-way lies beyond `nodes`
    struct og_node *node;
    float *params, *state;
    size_t param_count, state_count;
    size_t tensors;
    struct og_tensor_place *tensor;
};

// Fills model->node from the list under model.layers (graph.c); og_model_build adds the
// tensors.
og_status og_graph_read(og_model *model, const og_item *layers, struct og_error *err);
// "node" or "node/part" for every linear of a node, whose names are their parts so far.
void og_node_name_linears(struct og_node *node);

#endif
