// SPDX-License-Identifier: GPL-3.0-or-later
// The plain recurrent layer, ONNX's RNN (Elman 1990): h_t = f(W [x_t, h_{t-1}] + b), f
// tanh or relu. On hardware: h_t, then noise O; h enters the next step through the DAC
// with h_bits, whose range is 1 for tanh and calibrated for relu. It has neither gates
// nor a cell state, so gate_bits, c_bits and noise at G and C have nothing to act on.
#include <stddef.h>
#include <string.h>

#include "nn/rnn_common.h"
#include "ohmgrid/vmath.h"

static const struct og_field fields[] = {
    OG_RNN_FIELDS,
    {.key = "activation",
     .type = OG_FIELD_CHOICE,
     .offset = offsetof(struct og_rnn_attr, activation),
     .choices = "tanh relu",
     .def = "tanh",
     .stage = OG_STAGE_TRAIN,
     .help = "The nonlinearity of the state."},
    {.key = NULL},
};

// kept: h before the noise.
static void state(const struct og_rnn_step *s)
{
    size_t m = s->n * s->units;
    float *a = s->kept;
    og_rnn_sum(s, 0, a);
    if (s->attr->activation == OG_RNN_TANH && !s->ramped[0])
        og_vtanh(a, a, m);
    else if (s->attr->activation == OG_RNN_RELU)
        for (size_t j = 0; j < m; j++) a[j] = a[j] > 0 ? a[j] : 0;
    memcpy(s->h, a, m * sizeof *a);
    og_signal(s->v, OG_POINT_O, s->h, s->n, s->units);
}

static void backward(const struct og_rnn_step *s)
{
    size_t m = s->n * s->units;
    const float *a = s->kept;
    if (s->attr->activation == OG_RNN_TANH)
        for (size_t j = 0; j < m; j++) s->dsum[j] = s->dh[j] * (1 - a[j] * a[j]);
    else
        for (size_t j = 0; j < m; j++) s->dsum[j] = a[j] > 0 ? s->dh[j] : 0;
    memset(s->dh, 0, m * sizeof *s->dh);
}

const struct og_rnn_cell og_rnn_cell_rnn = {
    .gate = "h",
    .gates = 1,
    .common = 1,
    .kept = 1,
    .forward = {state, og_rnn_output},
    .backward = backward,
};

const struct og_op og_op_rnn = {
    .name = "rnn",
    .onnx = "RNN",
    .help =
        "Plain recurrent layer over a sequence [T][F]: uni- or bidirectional, stacked; "
        "without gates and cell state, so rnn.gate_bits, rnn.c_bits and noise at G and C "
        "do not apply.",
    .fields = fields,
    OG_RNN_OP,
};
