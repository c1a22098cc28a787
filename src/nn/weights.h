// SPDX-License-Identifier: GPL-3.0-or-later
// From the tensors of a file to the parameters of a network: which is which, and in which
// order each lies.
#ifndef OG_NN_WEIGHTS_H
#define OG_NN_WEIGHTS_H

#include "nn/graph.h"
#include "nn/weights_file.h"

// Names for one sentence; those that find no room are counted.
struct og_name_list {
    char text[320];
    size_t n, shown;
};
void og_name_list_add(struct og_name_list *list, const char *name);
// ", and 3 more" where names were left out.
void og_name_list_end(struct og_name_list *list);

struct og_weight_match {
    og_model *model;
    og_weight_file *file;
    const struct og_weights_config *config;
    int layout;                   // decided by og_weights_layout
    struct og_name_list missing;  // tensors of the network that the file lacks
};

// --- weights_names.c: what tensors are called ---------------------------------------

// Sets the key of every entry of the chosen group; the others count as used.
og_status og_weights_name(struct og_weight_match *m, struct og_error *err);
// The entry of a node's tensor under the first of the names in `leaf` (ends with NULL)
// that exists; NULL: none. Does not mark it as used.
og_status og_weights_find(const struct og_weight_match *m, const struct og_node *node,
                          const char *const *leaf, struct og_weight_entry **entry,
                          struct og_error *err);

// --- weights_layout.c: dense, conv2d, batch_norm ------------------------------------

// Decides m->layout by names and shapes of all weights.
og_status og_weights_layout(struct og_weight_match *m, struct og_error *err);
og_status og_weights_fill_linear(struct og_weight_match *m, const struct og_node *node,
                                 struct og_error *err);
og_status og_weights_fill_norm(struct og_weight_match *m, const struct og_node *node,
                               struct og_error *err);

// --- weights_rnn.c: lstm, gru, rnn --------------------------------------------------

og_status og_weights_fill_rnn(struct og_weight_match *m, const struct og_node *node,
                              struct og_error *err);

// --- weights.c ----------------------------------------------------------------------

// The values of an entry (og_free), which is marked as used. OG_INPUT, with both shapes,
// unless it has this one.
og_status og_weights_take(struct og_weight_match *m, const struct og_node *node,
                          struct og_weight_entry *entry, int rank, const size_t *dim,
                          float **value, struct og_error *err);
// The same, whatever the shape, which has been compared before.
og_status og_weights_take_any(struct og_weight_match *m, struct og_weight_entry *entry,
                              float **value, struct og_error *err);
// Notes that the network's tensor "node.leaf" is not in the file.
void og_weights_miss(struct og_weight_match *m, const struct og_node *node,
                     const char *leaf);
// Where parameter p of a node lies in the model.
float *og_weights_at(const struct og_weight_match *m, const struct og_node *node, int p);

#endif
