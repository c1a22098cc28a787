// SPDX-License-Identifier: GPL-3.0-or-later
// The table of layers.
#include "nn/ops.h"

#include <string.h>

#include "nn/rnn_common.h"

static const struct og_op *const ops[] = {
    &og_op_dense,      &og_op_conv2d,
    &og_op_embedding,  &og_op_max_pool,
    &og_op_avg_pool,   &og_op_global_avg_pool,
    &og_op_batch_norm, &og_op_relu,
    &og_op_sigmoid,    &og_op_tanh,
    &og_op_curve,      &og_op_softmax,
    &og_op_add,        &og_op_flatten,
    &og_op_dropout,    &og_op_pad,
    &og_op_lstm,       &og_op_gru,
    &og_op_rnn,        NULL,
};

const struct og_op *const *og_op_list(void) { return ops; }

const struct og_op *og_op_find(const char *name)
{
    for (const struct og_op *const *o = ops; *o; o++)
        if (strcmp((*o)->name, name) == 0) return *o;
    return NULL;
}

// What graph.c reads of every layer.
static const struct og_field common_fields[] = {
    {.key = "name",
     .type = OG_FIELD_TEXT,
     .def = "",
     .stage = OG_STAGE_TRAIN,
     .help = "Of the layer; by default its kind and the number of layers of that kind."},
    {.key = "inputs",
     .type = OG_FIELD_ITEM,
     .def = "",
     .stage = OG_STAGE_TRAIN,
     .help = "Name of an earlier layer, or a list of them (input: the data); by default "
             "the layer before."},
    {.key = NULL},
};

void og_model_print_keys(FILE *out)
{
    fputs("\nmodel.layers[].*, by kind:\n", out);
    og_fields_help(common_fields, "any", OG_STAGE_TRAIN, out);
    for (const struct og_op *const *o = ops; *o; o++) {
        fprintf(out, "%s\n    %s\n", (*o)->name, (*o)->help);
        og_fields_help((*o)->fields, (*o)->name, OG_STAGE_TRAIN, out);
    }
}
