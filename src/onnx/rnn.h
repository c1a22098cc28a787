// SPDX-License-Identifier: GPL-3.0-or-later
// LSTM, GRU and RNN of ONNX. rnn.c reads what a node asks for, op_rnn.c walks through
// time, rnn_cell.c is the arithmetic of a step.
#ifndef OG_ONNX_RNN_H
#define OG_ONNX_RNN_H

#include "onnx/engine.h"

enum og_rnn_kind { OG_KIND_LSTM, OG_KIND_GRU, OG_KIND_RNN };
// Inputs of the node.
enum { RNN_X, RNN_W, RNN_R, RNN_B, RNN_LENGTHS, RNN_H, RNN_C, RNN_P };
enum { RNN_DIRECTIONS = 2, RNN_ACTIVATIONS = 3, RNN_ROWS = 32, RNN_PIECES = 8 };

struct og_activation {
    float (*f)(float x, float alpha, float beta);
    float alpha, beta;
    bool is_sigmoid, is_tanh;
};

// What a node is, whatever its sizes.
struct og_rnn_plan {
    enum og_rnn_kind kind;
    int gates, directions, activations;
    bool reverse;                             // the only direction
    bool batch_first, before_reset, couples;  // couples: the forget gate is 1 - input
    float clip;                               // 0: none
    struct og_activation act[RNN_DIRECTIONS][RNN_ACTIVATIONS];
};
// False and a reason where attributes are not supported.
bool og_rnn_plan_read(const struct og_onnx_node *node, struct og_rnn_plan *plan,
                      char why[OG_WHY]);

// A part of the weights of one direction, multiplied at once: gates [first, first +
// gates), of x, of h or of both.
struct og_rnn_piece {
    struct og_product *product;
    int first, gates;
    bool of_x, of_h;
    bool after_reset;  // reads r h instead of h: in a second round
    bool apart;        // its sums go to `apart` instead
};

struct og_rnn_run {
    const struct og_call *c;
    struct og_rnn_plan plan;
    size_t steps, batch, inputs, units;
    const struct og_nd *lengths;
    int pieces;  // of a direction
    struct og_rnn_piece piece[RNN_DIRECTIONS][RNN_PIECES];
    int gate_bits, c_bits;  // 0: none
    float c_range;
    size_t work_bytes;  // of a read
};

// One step of n rows of one direction. Arrays [n][...].
struct og_rnn_now {
    const struct og_rnn_run *run;
    int direction;
    size_t n;
    float *sum;    // [n][gates * H], in: sums of products; out: gates
    float *apart;  // [n][H] of GRU's candidate, with linear_before_reset
    float *h, *c;  // [n][H] states, replaced
    float *reset;  // [n][H] out of og_rnn_reset: r h
};
// GRU: z and r, and r h.
void og_rnn_reset(const struct og_rnn_now *s);
// What is left of the step: new states.
void og_rnn_cell(const struct og_rnn_now *s);

#endif
