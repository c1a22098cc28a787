// SPDX-License-Identifier: GPL-3.0-or-later
// LSTM as ONNX has it, gates in the order i, o, f, c, no peepholes (Hochreiter and
// Schmidhuber 1997; Gers, Schmidhuber and Cummins 2000):
//
//   i, o, f = sigmoid(W [x_t, h_{t-1}] + b)    g = tanh(W_c [x_t, h_{t-1}] + b_c)
//   c_t = f c_{t-1} + i g                      h_t = o tanh(c_t)
//
// With a projection (Sak, Senior and Beaufays, Interspeech 2014; ONNX has none) y_t = W_p
// h_t, without a bias, is the output, and W [x_t, y_{t-1}] takes the place of W [x_t,
// h_{t-1}]. Both products are on arrays: h_t enters its own by DACs with h_bits on [-1,
// 1]; y_{t-1} by DACs with h_bits, whose range is calibrated.
//
// On hardware: gates, then noise G, then gate_bits; c_t, then noise C, then c_bits on
// +-c_range; tanh(c_t), then noise T; h_t, then noise O; h enters the next step through
// the DAC with h_bits. The
// elementwise part is digital. Gradients pass the noise and the quantisers unchanged;
// with the clipped gradient none passes where the cell state was clipped. With adc.kind
// ramp the ADCs give gates i, o, f, g themselves, and (cell_state) tanh(c); gradients
// take the derivative of sigmoid and tanh where these have the value that the ramp gave.
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "nn/exec.h"
#include "nn/rnn_common.h"
#include "ohmgrid/vmath.h"

enum { I, O, F, G };
enum { ACT = 0, GATE = 4, CELL = 8, RAW = 9, TANH = 10, NOISY = 11, KEPT = 12 };

static const struct og_field fields[] = {
    OG_RNN_FIELDS,
    {.key = "forget_bias",
     .type = OG_FIELD_REAL,
     .offset = offsetof(struct og_rnn_attr, forget_bias),
     .min = -100,
     .max = 100,
     .def = "1.0",
     .stage = OG_STAGE_TRAIN,
     .help =
         "Constant added to the forget gate beside its bias b_f, which starts at 0; 0 "
         "for weights from ONNX or PyTorch."},
    {.key = "projection",
     .type = OG_FIELD_INT,
     .offset = offsetof(struct og_rnn_attr, projection),
     .min = 0,
     .max = 65536,
     .def = "0",
     .stage = OG_STAGE_TRAIN,
     .help = "Outputs y_t = W_p h_t, which take the place of h_t in the next step and "
             "layer, fewer than units; 0: h_t itself."},
    {.key = NULL},
};

static float *tensor(const struct og_rnn_step *s, int which)
{
    return s->kept + (size_t)which * s->n * s->units;
}

// c_{t-1} of the samples that have this step.
static const float *old_cell(const struct og_rnn_step *s)
{
    return s->before + CELL * s->n_before * s->units;
}

// c = f c_{t-1} + i g; at the first step c_{t-1} is 0. c may be the old state itself, or
// overlap it from below.
static void update_cell(const struct og_rnn_step *s, const float *gate)
{
    size_t m = s->n * s->units;
    const float *i = gate + I * m, *f = gate + F * m, *g = gate + G * m;
    const float *old = old_cell(s);
    float *c = tensor(s, CELL);
    if (s->first)
        for (size_t j = 0; j < m; j++) c[j] = i[j] * g[j];
    else
        for (size_t j = 0; j < m; j++) c[j] = f[j] * old[j] + i[j] * g[j];
}

static void gates(const struct og_rnn_step *s)
{
    size_t m = s->n * s->units;
    float *act = tensor(s, ACT);
    for (int gate = 0; gate < 4; gate++) og_rnn_sum(s, gate, act + (size_t)gate * m);
    float extra = (float)s->attr->forget_bias;
    if (!s->ramped[0]) {
        for (size_t j = 0; j < m; j++) act[F * m + j] += extra;
        og_vsigmoid(act, act, 3 * m);
        og_vtanh(act + G * m, act + G * m, m);
    }
    og_rnn_gates_signal(s, act, 0, 4);
}

static void cell(const struct og_rnn_step *s)
{
    update_cell(s, og_rnn_gates(s, tensor(s, ACT), tensor(s, GATE), 0, 4));
    og_signal(s->v, OG_POINT_C, tensor(s, CELL), s->n, s->units);
}

static void state(const struct og_rnn_step *s)
{
    size_t m = s->n * s->units;
    float *c = tensor(s, CELL), *tanh_c = tensor(s, TANH);
    og_inject(s->v, OG_POINT_C, s->cell, s->t, c, s->n, s->units);
    if (s->v->hw->rnn.c_bits > 0) {
        memcpy(tensor(s, RAW), c, m * sizeof *c);
        const struct og_hardware *hw = s->v->hw;
        og_quantize_as(hw->rnn.c_rounding, c, m, hw->rnn.c_bits, (float)hw->rnn.c_range,
                       true);
    }
    if (s->ramped[G] && s->v->hw->adc.ramp.cell_state)
        og_rnn_ramp(s, G, c, tanh_c);
    else
        og_vtanh(c, tanh_c, m);
    og_signal(s->v, OG_POINT_T, tanh_c, s->n, s->units);
}

// tanh(c) as the output gate sees it. Backward needs it without the noise as well.
static float *noisy_tanh(const struct og_rnn_step *s)
{
    return tensor(s, s->v->hw->injection.points & OG_POINT_T ? NOISY : TANH);
}

static void hidden(const struct og_rnn_step *s)
{
    size_t m = s->n * s->units;
    const float *gate = og_rnn_gates_kept(s, tensor(s, ACT), tensor(s, GATE));
    float *tanh_c = noisy_tanh(s);
    if (tanh_c != tensor(s, TANH)) memcpy(tanh_c, tensor(s, TANH), m * sizeof *tanh_c);
    og_inject(s->v, OG_POINT_T, s->cell, s->t, tanh_c, s->n, s->units);
    for (size_t j = 0; j < m; j++) s->h[j] = gate[O * m + j] * tanh_c[j];
    og_signal(s->v, OG_POINT_O, s->h, s->n, s->units);
}

static void block_clipped(const struct og_rnn_step *s)
{
    if (s->v->exec->gradient != OG_CLIPPED || s->v->hw->rnn.c_bits == 0) return;
    const float *raw = tensor(s, RAW);
    float range = (float)s->v->hw->rnn.c_range;
    for (size_t j = 0; j < s->n * s->units; j++)
        s->dc[j] = fabsf(raw[j]) > range ? 0.0f : s->dc[j];
}

// Gradients of the pre-activations of one sample's gates. dc becomes that of c_{t-1}.
static void row_backward(const struct og_rnn_step *s, const float *gate, size_t row)
{
    size_t m = s->n * s->units, at = row * s->units, n = s->units;
    const float *a = tensor(s, ACT) + at, *tc = noisy_tanh(s) + at;
    const float *old = old_cell(s) + at, *dh = s->dh + at;
    const float *ai = a + I * m, *ao = a + O * m, *af = a + F * m, *ag = a + G * m;
    const float *i = gate + I * m + at, *f = gate + F * m + at, *g = gate + G * m + at;
    float *dc = s->dc + at, *d = s->dsum + 4 * at;
    for (size_t j = 0; j < n; j++) {
        d[I * n + j] = dc[j] * g[j] * (ai[j] * (1 - ai[j]));
        d[O * n + j] = dh[j] * tc[j] * (ao[j] * (1 - ao[j]));
        d[G * n + j] = dc[j] * i[j] * (1 - ag[j] * ag[j]);
    }
    if (s->first)
        for (size_t j = 0; j < n; j++) d[F * n + j] = 0;
    else
        for (size_t j = 0; j < n; j++)
            d[F * n + j] = dc[j] * old[j] * (af[j] * (1 - af[j]));
    for (size_t j = 0; j < n; j++) dc[j] *= f[j];
}

static void backward(const struct og_rnn_step *s)
{
    size_t m = s->n * s->units;
    const float *gate = og_rnn_gates_kept(s, tensor(s, ACT), tensor(s, GATE));
    const float *o = gate + O * m, *tc = tensor(s, TANH);
    for (size_t j = 0; j < m; j++) s->dc[j] += s->dh[j] * o[j] * (1 - tc[j] * tc[j]);
    block_clipped(s);
    for (size_t r = 0; r < s->n; r++) row_backward(s, gate, r);
    memset(s->dh, 0, m * sizeof *s->dh);
}

const struct og_rnn_cell og_rnn_cell_lstm = {
    .gate = "iofc",
    .gate_point = {OG_POINT_A_I, OG_POINT_A_O, OG_POINT_A_F, OG_POINT_A_G},
    .gates = 4,
    .common = 4,
    .sigmoids = 3,
    .forget = F,
    .kept = KEPT,
    .memory = CELL,
    .forward = {gates, cell, state, hidden, og_rnn_output},
    .backward = backward,
};

const struct og_op og_op_lstm = {
    .name = "lstm",
    .onnx = "LSTM",
    .help =
        "Long short-term memory over a sequence [T][F]: uni- or bidirectional, stacked.",
    .fields = fields,
    OG_RNN_OP,
};
