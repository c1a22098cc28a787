// SPDX-License-Identifier: GPL-3.0-or-later
// The vector of each symbol of a text (ONNX Gather): a table of digital numbers, of which
// a step reads one row.
#include <assert.h>
#include <string.h>

#include "nn/ops.h"

struct embedding {
    int units;
    double range;
};

static const struct og_field fields[] = {
    {.key = "units",
     .type = OG_FIELD_INT,
     .offset = offsetof(struct embedding, units),
     .min = 1,
     .max = 65536,
     .stage = OG_STAGE_TRAIN,
     .help = "Numbers of each vector."},
    {.key = "range",
     .type = OG_FIELD_REAL,
     .offset = offsetof(struct embedding, range),
     .min = 0,
     .max = 1000,
     .def = "0.1",
     .stage = OG_STAGE_TRAIN,
     .help = "They start uniform between -range and range."},
    {.key = NULL},
};

static og_status setup(struct og_node *node, struct og_error *err)
{
    const struct embedding *e = node->attr;
    const size_t symbols = og_shape_symbols(&node->in[0]), units = (size_t)e->units;
    if (symbols == 0)
        return og_fail(err, OG_INPUT,
                       "the input must be the symbols of a text (data.as: words or "
                       "characters)");
    node->shape = (struct og_shape){2, {node->in[0].dim[0], units, 0}};
    node->param[node->params++] = (struct og_param){.name = "weight",
                                                    .rank = 2,
                                                    .dim = {symbols, units},
                                                    .law = OG_INIT_UNIFORM,
                                                    .value = (float)e->range,
                                                    .decay = true};
    return OG_OK;
}

// The row of the table that step i of the block reads.
static size_t row_of(const struct og_view *v, size_t i)
{
    const size_t symbol = (size_t)v->in[0][i];
    assert(v->in[0][i] >= 0 && symbol < v->node->param[0].dim[0]);
    return symbol * v->node->shape.dim[1];
}

static void forward(const struct og_view *v)
{
    const size_t units = v->node->shape.dim[1];
    for (size_t i = 0; i < v->n * v->node->shape.dim[0]; i++)
        memcpy(v->out + i * units, v->param[0] + row_of(v, i), units * sizeof *v->out);
}

static void backward(const struct og_view *v)
{
    const size_t units = v->node->shape.dim[1];
    for (size_t i = 0; i < v->n * v->node->shape.dim[0]; i++) {
        float *to = v->dparam[0] + row_of(v, i);
        for (size_t j = 0; j < units; j++) to[j] += v->dout[i * units + j];
    }
}

const struct og_op og_op_embedding = {
    .name = "embedding",
    .onnx = "Gather",
    .help = "A trained vector for each symbol of a text, [T] to [T][units]; digital.",
    .fields = fields,
    .attr_size = sizeof(struct embedding),
    .inputs_min = 1,
    .inputs_max = 1,
    .setup = setup,
    .forward = forward,
    .backward = backward,
};
