// SPDX-License-Identifier: GPL-3.0-or-later
// GRU as ONNX has it, gates in the order z, r, h (Cho et al. 2014):
//
//   z, r = sigmoid(W [x_t, h_{t-1}] + b)
//   n    = tanh(W_x x_t + b_n + r (W_h h_{t-1} + b_h))   linear_before_reset: true
//   n    = tanh(W_x x_t + W_h (r h_{t-1}) + b_n)         linear_before_reset: false
//   h_t  = (1 - z) n + z h_{t-1}
//
// true is the default, as PyTorch and cuDNN compute it (ONNX's own default is false); the
// candidate's two sums then come from matrices of their own. Biases: z, r, n, and with
// linear_before_reset a fourth block b_h.
//
// On hardware: z, r, n, then noise G, then gate_bits; h_t, then noise O; h enters the
// next step through the DAC with h_bits, but the digital update takes h as it is. There
// is no cell state, so c_bits and noise at C have nothing to act on. With adc.kind ramp
// the ADCs give z and r themselves, and n where it is the function of one sum
// (linear_before_reset: false); else n is digital, from linear ADCs.
#include <stddef.h>
#include <string.h>

#include "nn/rnn_common.h"
#include "ohmgrid/vmath.h"

enum { Z, R, N };
enum { ACT = 0, GATE = 3, HSUM = 6, KEPT = 7 };

static const struct og_field fields[] = {
    OG_RNN_FIELDS,
    {.key = "linear_before_reset",
     .type = OG_FIELD_BOOL,
     .offset = offsetof(struct og_rnn_attr, before),
     .def = "true",
     .stage = OG_STAGE_TRAIN,
     .help =
         "Whether the reset gate acts on W h (PyTorch, cuDNN) or on h (ONNX's default)."},
    {.key = NULL},
};

static float *tensor(const struct og_rnn_step *s, int which)
{
    return s->kept + (size_t)which * s->n * s->units;
}

static const float *state(const struct og_rnn_step *s, size_t row)
{
    return s->xh + row * (s->inputs + s->units) + s->inputs;
}

// xrh = [x, r h] for the second product.
static void reset_state(const struct og_rnn_step *s, const float *r)
{
    size_t width = s->inputs + s->units;
    for (size_t k = 0; k < s->n; k++) {
        memcpy(s->xrh + k * width, s->xh + k * width, s->inputs * sizeof *s->xrh);
        const float *h = state(s, k);
        float *rh = s->xrh + k * width + s->inputs;
        for (size_t j = 0; j < s->units; j++) rh[j] = r[k * s->units + j] * h[j];
    }
}

static void reset_gate(const struct og_rnn_step *s)
{
    size_t m = s->n * s->units;
    float *act = tensor(s, ACT);
    og_rnn_sum(s, Z, act + Z * m);
    og_rnn_sum(s, R, act + R * m);
    if (!s->ramped[Z]) og_vsigmoid(act, act, 2 * m);
    og_rnn_gates_signal(s, act, 0, 2);
}

// Gates come in two calls, since n needs the finished r. Where noise or quantisers change
// the gates, all three are in GATE.
static void reset(const struct og_rnn_step *s)
{
    const float *gate = og_rnn_gates(s, tensor(s, ACT), tensor(s, GATE), 0, 2);
    if (s->attr->before) return;
    reset_state(s, gate + R * s->n * s->units);
    og_rnn_second(s, OG_PART_INPUTS);
}

static void second_sums(const struct og_rnn_step *s)
{
    if (!s->attr->before) og_rnn_second(s, OG_PART_SUMS);
}

static void candidate(const struct og_rnn_step *s)
{
    size_t m = s->n * s->units;
    float *act = tensor(s, ACT), *n = act + N * m, *hsum = tensor(s, HSUM);
    const float *r = og_rnn_gates_kept(s, act, tensor(s, GATE)) + R * m;
    if (s->attr->before) {
        og_rnn_sum_apart(s, N, 3, hsum);
        og_rnn_sum(s, N, n);
        for (size_t j = 0; j < m; j++) n[j] += r[j] * hsum[j];
    } else {
        og_rnn_second(s, OG_PART_READ);
        og_rnn_sum(s, N, n);
    }
    if (!s->ramped[N]) og_vtanh(n, n, m);
    og_rnn_gates_signal(s, act, 2, 3);
}

static void update(const struct og_rnn_step *s)
{
    size_t m = s->n * s->units;
    const float *gate = og_rnn_gates(s, tensor(s, ACT), tensor(s, GATE), 2, 3);
    const float *z = gate + Z * m, *n = gate + N * m;
    for (size_t k = 0; k < s->n; k++) {
        const float *h = state(s, k);
        for (size_t j = 0, at = k * s->units; j < s->units; j++, at++)
            s->h[at] = (1 - z[at]) * n[at] + z[at] * h[j];
    }
    og_signal(s->v, OG_POINT_O, s->h, s->n, s->units);
}

// dn -> pre-activation of n (dsum) and direct part of dh; dz -> pre-activation of z.
static void update_back(const struct og_rnn_step *s, const float *gate, size_t row)
{
    size_t m = s->n * s->units, at = row * s->units;
    const float *a = tensor(s, ACT) + at, *az = a + Z * m, *an = a + N * m;
    const float *z = gate + Z * m + at, *n = gate + N * m + at, *h = state(s, row);
    float *dh = s->dh + at, *d = s->dsum + 3 * at;
    for (size_t j = 0; j < s->units; j++) {
        d[N * s->units + j] = dh[j] * (1 - z[j]) * (1 - an[j] * an[j]);
        d[Z * s->units + j] = dh[j] * (h[j] - n[j]) * (az[j] * (1 - az[j]));
        dh[j] *= z[j];
    }
}

static void reset_back_before(const struct og_rnn_step *s, const float *gate, size_t row)
{
    size_t m = s->n * s->units, at = row * s->units;
    const float *ar = tensor(s, ACT) + R * m + at, *hsum = tensor(s, HSUM) + at;
    const float *r = gate + R * m + at;
    float *d = s->dsum + 3 * at, *dhsum = s->dhsum + 3 * at;
    for (size_t j = 0; j < s->units; j++) {
        float dn = d[N * s->units + j];
        d[R * s->units + j] = dn * hsum[j] * (ar[j] * (1 - ar[j]));
        dhsum[N * s->units + j] = dn * r[j];
    }
    memcpy(dhsum, d, 2 * s->units * sizeof *d);
}

static void reset_back_after(const struct og_rnn_step *s, const float *gate, size_t row)
{
    size_t m = s->n * s->units, at = row * s->units;
    const float *ar = tensor(s, ACT) + R * m + at, *r = gate + R * m + at;
    const float *h = state(s, row), *drh = s->drh + at;
    float *d = s->dsum + 3 * at, *dh = s->dh + at;
    for (size_t j = 0; j < s->units; j++) {
        d[R * s->units + j] = drh[j] * h[j] * (ar[j] * (1 - ar[j]));
        dh[j] += drh[j] * r[j];
    }
}

static void backward(const struct og_rnn_step *s)
{
    const float *gate = og_rnn_gates_kept(s, tensor(s, ACT), tensor(s, GATE));
    for (size_t k = 0; k < s->n; k++) update_back(s, gate, k);
    if (s->attr->before) {
        for (size_t k = 0; k < s->n; k++) reset_back_before(s, gate, k);
        return;
    }
    og_rnn_second_back(s);
    for (size_t k = 0; k < s->n; k++) reset_back_after(s, gate, k);
}

const struct og_rnn_cell og_rnn_cell_gru = {
    .gate = "zrn",
    .gate_point = {OG_POINT_A_Z, OG_POINT_A_R, OG_POINT_A_N},
    .gates = 3,
    .common = 2,
    .sigmoids = 2,
    .kept = KEPT,
    .two_sums = true,
    .forward = {reset_gate, reset, second_sums, candidate, update, og_rnn_output},
    .backward = backward,
};

const struct og_op og_op_gru = {
    .name = "gru",
    .onnx = "GRU",
    .help =
        "Gated recurrent unit over a sequence [T][F]: uni- or bidirectional, stacked; "
        "it has no cell state, so rnn.c_bits and noise at C do not apply.",
    .fields = fields,
    OG_RNN_OP,
};
