// SPDX-License-Identifier: GPL-3.0-or-later
// What lstm, gru and rnn share: layers, directions, time, matrices on arrays, and the
// path of gradients back through time. A cell is the arithmetic of one step.
//
// Matrices of one layer and direction: W[gates][units][F + H], the columns of x first,
// and b[biases][units]. A gate's pre-activation is W [x_t, h_{t-1}] + b, read from the
// arrays as one matrix (rnn.mapping: combined), as the columns of x and those of h
// (split: two sums, added digitally), or gate by gate (per_gate).
#ifndef OG_NN_RNN_COMMON_H
#define OG_NN_RNN_COMMON_H

#include <stddef.h>

#include "nn/op.h"

enum { OG_RNN_CELLS = 4 };  // layers times directions
enum { OG_RNN_PARTS = 7 };

// States: of every position h of all directions, then c of all directions.
enum og_rnn_return { OG_RETURN_LAST, OG_RETURN_SEQUENCE, OG_RETURN_STATES };
enum og_rnn_activation { OG_RNN_TANH, OG_RNN_RELU };

struct og_rnn_attr {
    int units, layers;
    bool bidirectional;
    int returns;         // enum og_rnn_return
    int activation;      // rnn: enum og_rnn_activation
    bool before;         // gru: linear_before_reset
    double forget_bias;  // lstm
    int projection;      // lstm: outputs; 0: h itself
};

// One time step of one layer and direction, for the n samples of a block.
struct og_rnn_step {
    const struct og_view *v;
    const struct og_rnn_attr *attr;
    const struct og_rnn_cell *law;
    size_t n, units, inputs;  // n: samples that have this step; inputs: F of this layer
    size_t outputs;           // of what goes on: units, or less by a projection
    size_t n_before;          // samples that have the step before, n or more
    uint32_t cell, t;         // number of the layer and direction; steps before this one
    bool first;               // nothing came before, not even another window
    const float *b;
    float *xh;            // [n][F + outputs]: x_t, y_{t-1}
    float *xrh;           // the same with r * h_{t-1}, for a second product
    float *kept;          // the cell's tensors [kept][n][H], for backward
    const float *before;  // those of the step before, [kept][n_before][H], the rows of
                          // this step first (may be the same memory)
    float *xsum, *hsum;   // column sums [n][gates H]; hsum: of h alone, see og_rnn_sum
    bool apart[OG_RNN_GATES];   // gates to which hsum is to be added
    bool ramped[OG_RNN_GATES];  // gates whose sums ramps have made gate outputs of
    float *h;                   // out, [n][H]
    float *y;                   // h, or its projection [n][outputs]
    // backward
    float *dy;       // [n][outputs]: dh, or what becomes dh by the projection
    float *dh, *dc;  // [n][H]; in: of this step's state; out: what reaches the
                     // state before other than through the products
    float *dsum;     // out, [n][gates H]: of the column sums
    float *dhsum;    // of the h parts, where they differ; else dsum
    float *drh;      // [n][H], by og_rnn_second_back
    const struct og_rnn_place *place;  // of rnn_place.h
    struct og_view view;               // v: its samples are the rows of this step
};

struct og_rnn_cell {
    const char *gate;              // one letter each, in the order of W
    int gate_point[OG_RNN_GATES];  // their OG_POINT_A_..., where they have one
    int gates;
    int common;    // the first gates, which read h_{t-1} itself
    int sigmoids;  // the first gates, whose outputs are on [0, 1]
    int forget;    // gate to whose bias attr.forget_bias is added
    int kept;
    int memory;     // the tensor that goes on beside h, from before to kept; 0: none
    bool two_sums;  // with attr.before, b has one more block: of the h part
    // What follows the products, in parts: the power of noise (og_signal) is gathered in
    // a part before that which adds it (og_inject). NULL after the last.
    void (*forward[OG_RNN_PARTS])(const struct og_rnn_step *s);
    void (*backward)(const struct og_rnn_step *s);
};

static inline size_t og_rnn_outputs(const struct og_rnn_attr *a)
{
    return (size_t)(a->projection > 0 ? a->projection : a->units);
}
static inline int og_rnn_cells(const struct og_node *node)
{
    const struct og_rnn_attr *a = node->attr;
    return a->layers * (a->bidirectional ? 2 : 1);
}
// The matrix of a cell's projection, behind those of all cells.
static inline int og_rnn_projection(const struct og_node *node, int cell)
{
    return node->linears - og_rnn_cells(node) + cell;
}

// rnn_common.c
const struct og_rnn_cell *og_rnn_law(const struct og_node *node);
og_status og_rnn_setup(struct og_node *node, struct og_error *err);
void og_rnn_linears(struct og_node *node, const struct og_hardware *hw);
// rnn_carry.c
size_t og_rnn_carried(const struct og_node *node);
bool og_rnn_looks_ahead(const struct og_node *node);
// rnn_place.c and rnn_time.c
size_t og_rnn_tape_bytes(const og_exec *exec, const struct og_node *node, size_t n);
size_t og_rnn_work_bytes(const og_exec *exec, const struct og_node *node, size_t n);
void og_rnn_forward(const struct og_view *v);
void og_rnn_backward(const struct og_view *v);
size_t og_rnn_parts(const struct og_node *node);
void og_rnn_part(const struct og_view *v, size_t part);

extern const struct og_op og_op_lstm, og_op_gru, og_op_rnn;
extern const struct og_rnn_cell og_rnn_cell_lstm, og_rnn_cell_gru, og_rnn_cell_rnn;

// --- for cells ------------------------------------------------------------------------
// out[n][H] = the pre-activation of a gate: sums of x and h, and bias block `gate`.
void og_rnn_sum(const struct og_rnn_step *s, int gate, float *out);
// The same of a ramped gate: what the ramps made of its sums and biases.
// out[n][H] = the ramps of a gate on x[n][H]; the gate is ramped.
void og_rnn_ramp(const struct og_rnn_step *s, int gate, const float *x, float *out);
// out[n][H] = the h part of a gate alone, plus bias block `bias`.
void og_rnn_sum_apart(const struct og_rnn_step *s, int gate, int bias, float *out);
// A cell's last part: noise at O.
void og_rnn_output(const struct og_rnn_step *s);
// The products of the gates beyond `common`, from xrh instead of xh.
void og_rnn_second(const struct og_rnn_step *s, enum og_part part);
// Their gradients, from dsum: sets drh.
void og_rnn_second_back(const struct og_rnn_step *s);
// The power of noise at G, of the tensors of gates first to end - 1 before it.
void og_rnn_gates_signal(const struct og_rnn_step *s, const float *act, int first,
                         int end);
// Noise at G and the quantiser of gate outputs, on the tensors [n][H] of gates first to
// end - 1; sigmoids on [0, 1], the others on [-1, 1]. Returns where they are, from gate 0
// on: in `act` itself where nothing changes them, else in `changed`.
const float *og_rnn_gates(const struct og_rnn_step *s, float *act, float *changed,
                          int first, int end);
// The same place again, in later parts and in backward.
const float *og_rnn_gates_kept(const struct og_rnn_step *s, const float *act,
                               const float *changed);

// The rows that the field tables of all three have in common.
#define OG_RNN_FIELDS                                                                    \
    {.key = "units",                                                                     \
     .type = OG_FIELD_INT,                                                               \
     .offset = offsetof(struct og_rnn_attr, units),                                      \
     .min = 1,                                                                           \
     .max = 65536,                                                                       \
     .stage = OG_STAGE_TRAIN,                                                            \
     .help = "Size of the hidden (and of an lstm's cell) state, per direction."},        \
        {.key = "layers",                                                                \
         .type = OG_FIELD_INT,                                                           \
         .offset = offsetof(struct og_rnn_attr, layers),                                 \
         .min = 1,                                                                       \
         .max = OG_RNN_CELLS,                                                            \
         .def = "1",                                                                     \
         .stage = OG_STAGE_TRAIN,                                                        \
         .help = "Stacked layers; the h of one is the x of the next."},                  \
        {.key = "bidirectional",                                                         \
         .type = OG_FIELD_BOOL,                                                          \
         .offset = offsetof(struct og_rnn_attr, bidirectional),                          \
         .def = "false",                                                                 \
         .stage = OG_STAGE_TRAIN,                                                        \
         .help =                                                                         \
             "Whether a second cell reads the sequence backwards; outputs are joined."}, \
    {                                                                                    \
        .key = "return", .type = OG_FIELD_CHOICE,                                        \
        .offset = offsetof(struct og_rnn_attr, returns),                                 \
        .choices = "last sequence states", .def = "last", .stage = OG_STAGE_TRAIN,       \
        .help = "What is the output: h of each cell's last step, h of every position, "  \
                "or (lstm alone) h and then c of every position."                        \
    }

// What their entries in the table of layers have in common.
#define OG_RNN_OP                                                                        \
    .recurrent = true, .attr_size = sizeof(struct og_rnn_attr), .inputs_min = 1,         \
    .inputs_max = 1, .setup = og_rnn_setup, .linears = og_rnn_linears,                   \
    .tape_bytes = og_rnn_tape_bytes, .work_bytes = og_rnn_work_bytes,                    \
    .forward = og_rnn_forward, .backward = og_rnn_backward, .parts = og_rnn_parts,       \
    .part = og_rnn_part, .carried = og_rnn_carried, .looks_ahead = og_rnn_looks_ahead

#endif
