// SPDX-License-Identifier: GPL-3.0-or-later
// y = W x + b (ONNX Gemm). Inputs of higher rank are flattened in C order, or (each_step)
// every step of a sequence is read with the same matrix (ONNX MatMul). The bias is
// digital. Injected noise: X and A inside the product; O after the bias.
#include <string.h>

#include "nn/ops.h"

struct dense {
    struct og_weight_attr weight;
    int units;
    bool each_step;
};

static const struct og_field fields[] = {
    {.key = "units",
     .type = OG_FIELD_INT,
     .offset = offsetof(struct dense, units),
     .min = 1,
     .max = 1e6,
     .stage = OG_STAGE_TRAIN,
     .help = "Outputs."},
    {.key = "each_step",
     .type = OG_FIELD_BOOL,
     .offset = offsetof(struct dense, each_step),
     .def = "false",
     .stage = OG_STAGE_TRAIN,
     .help = "Whether each step of a sequence [T][F] is read on its own, to [T][units]."},
    OG_WEIGHT_FIELDS,
    {0},
};

static og_status setup(struct og_node *node, struct og_error *err)
{
    const struct dense *d = node->attr;
    size_t in = og_shape_count(&node->in[0]), out = (size_t)d->units;
    if (d->each_step && node->in[0].rank != 2)
        return og_fail(err, OG_INPUT,
                       "each_step needs a sequence [steps][features], not rank %d",
                       node->in[0].rank);
    OG_TRY(og_node_make_room(node, 1, err));
    node->shape = (struct og_shape){.rank = 1, .dim = {out}};
    if (d->each_step) {
        in = node->in[0].dim[1];
        node->shape = (struct og_shape){2, {node->in[0].dim[0], out, 0}};
    }
    og_add_weight(
        node,
        &(struct og_weight_spec){
            .rank = 2, .dim = {out, in}, .fan_in = in, .fan_out = out, .biases = out});
    node->linears = 1;
    node->linear[0] = (struct og_linear_decl){
        .rows = in, .cols = out, .stride = in, .segments = 1, .segment = {{.rows = in}}};
    return OG_OK;
}

// Rows of the matrix's inputs for n samples.
static size_t rows_of(const struct og_node *node, size_t n)
{
    const struct dense *d = node->attr;
    return d->each_step ? n * node->shape.dim[0] : n;
}

static size_t tape_bytes(const og_exec *exec, const struct og_node *node, size_t n)
{
    return og_linear_tape_bytes(exec, node, 0, rows_of(node, n));
}

static size_t dx_bytes(const struct og_node *node, size_t n)
{
    return og_round64(rows_of(node, n) * node->linear[0].rows * sizeof(float));
}

static size_t work_bytes(const og_exec *exec, const struct og_node *node, size_t n)
{
    return dx_bytes(node, n) + og_linear_work_bytes(exec, node, 0, rows_of(node, n));
}

static void part(const struct og_view *v, size_t part)
{
    const struct og_linear_decl *l = &v->node->linear[0];
    size_t rows = rows_of(v->node, v->n);
    if (part == OG_PART_OUTPUT) {
        og_inject(v, OG_POINT_O, 0, 0, v->out, rows, l->cols);
        return;
    }
    og_linear_forward(v, &(struct og_linear_io){.part = (enum og_part)part,
                                                .x = v->in[0],
                                                .ldx = l->rows,
                                                .rows = rows,
                                                .y = v->out,
                                                .ldy = l->cols,
                                                .tape = v->tape,
                                                .work = v->work});
    if (part != OG_PART_READ) return;
    if (v->node->params > 1 && !og_linear_is_ramp(v, 0))
        for (size_t r = 0; r < rows; r++)
            for (size_t j = 0; j < l->cols; j++)
                v->out[r * l->cols + j] += v->param[1][j];
    og_signal(v, OG_POINT_O, v->out, rows, l->cols);
}

static void backward(const struct og_view *v)
{
    const struct og_linear_decl *l = &v->node->linear[0];
    float *dx = v->din[0] ? v->work : NULL;
    size_t rows = rows_of(v->node, v->n);
    og_linear_backward(v, &(struct og_linear_back){.x = v->in[0],
                                                   .dy = v->dout,
                                                   .ldx = l->rows,
                                                   .rows = rows,
                                                   .lddy = l->cols,
                                                   .dx = dx,
                                                   .lddx = l->rows,
                                                   .tape = v->tape,
                                                   .work = (char *)v->work +
                                                           dx_bytes(v->node, OG_BLOCK)});
    for (size_t i = 0; dx && i < rows * l->rows; i++) v->din[0][i] += dx[i];
    if (v->node->params < 2) return;
    const uint8_t *beyond = og_linear_beyond(v, 0, v->tape, rows);
    for (size_t r = 0; r < rows; r++)
        for (size_t j = 0; j < l->cols; j++) {
            const size_t at = r * l->cols + j;
            v->dparam[1][j] += beyond && beyond[at] ? 0.0f : v->dout[at];
        }
}

const struct og_op og_op_dense = {
    .name = "dense",
    .onnx = "Gemm",
    .help = "Fully connected layer.",
    .fields = fields,
    .attr_size = sizeof(struct dense),
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
