// SPDX-License-Identifier: GPL-3.0-or-later
// The equations of the ONNX operators LSTM (gates i, o, f, c), GRU (z, r, h) and RNN.
#include "nn/op.h"
#include "onnx/rnn.h"

// The products of row r for gate g become its value in place.
static float *gate_at(const struct og_rnn_now *s, size_t r, int g)
{
    size_t units = s->run->units;
    return s->sum + (r * (size_t)s->run->plan.gates + (size_t)g) * units;
}

static const float *bias_of(const struct og_rnn_now *s, size_t block)
{
    const struct og_nd *b = og_call_in(s->run->c, RNN_B);
    size_t gates = (size_t)s->run->plan.gates, units = s->run->units;
    if (!b) return NULL;
    return og_nd_f32(b) + ((size_t)s->direction * 2 * gates + block) * units;
}

static const float *peephole_of(const struct og_rnn_now *s, size_t block)
{
    const struct og_nd *p = og_call_in(s->run->c, RNN_P);
    if (!p) return NULL;
    return og_nd_f32(p) + ((size_t)s->direction * 3 + block) * s->run->units;
}

static float clipped(const struct og_rnn_now *s, float x)
{
    float clip = s->run->plan.clip;
    if (clip == 0.0f) return x;
    x = x > clip ? clip : x;
    return x < -clip ? -clip : x;
}

static float activate(const struct og_rnn_now *s, int which, float x)
{
    const struct og_activation *a = &s->run->plan.act[s->direction][which];
    return a->f(clipped(s, x), a->alpha, a->beta);
}

// Adds both biases of gate g, and p times c where there is a peephole.
static void add_biases(const struct og_rnn_now *s, int g, const float *p, const float *c)
{
    size_t units = s->run->units, gates = (size_t)s->run->plan.gates;
    const float *wb = bias_of(s, (size_t)g), *rb = bias_of(s, gates + (size_t)g);
    for (size_t r = 0; r < s->n; r++) {
        float *sum = gate_at(s, r, g);
        for (size_t i = 0; i < units; i++) {
            if (wb) sum[i] += wb[i] + rb[i];
            if (p) sum[i] += p[i] * c[r * units + i];
        }
    }
}

static void activate_gate(const struct og_rnn_now *s, int g, int which)
{
    const struct og_activation *a = &s->run->plan.act[s->direction][which];
    for (size_t r = 0; r < s->n; r++) {
        float *sum = gate_at(s, r, g);
        for (size_t i = 0; i < s->run->units; i++) sum[i] = activate(s, which, sum[i]);
        og_quantize(sum, s->run->units, s->run->gate_bits, 1.0f, !a->is_sigmoid);
    }
}

static void lstm_cell(const struct og_rnn_now *s, size_t r)
{
    size_t units = s->run->units;
    const float *in = gate_at(s, r, 0), *forget = gate_at(s, r, 2);
    const float *candidate = gate_at(s, r, 3);
    float *c = s->c + r * units;
    for (size_t i = 0; i < units; i++) {
        float keep = s->run->plan.couples ? 1.0f - in[i] : forget[i];
        c[i] = keep * c[i] + in[i] * candidate[i];
    }
    og_quantize(c, units, s->run->c_bits, s->run->c_range, true);
}

static void lstm(const struct og_rnn_now *s)
{
    enum { I, O, F, C };
    size_t units = s->run->units;
    add_biases(s, I, peephole_of(s, 0), s->c);
    add_biases(s, F, peephole_of(s, 2), s->c);
    add_biases(s, C, NULL, NULL);
    activate_gate(s, I, 0);
    activate_gate(s, F, 0);
    activate_gate(s, C, 1);
    for (size_t r = 0; r < s->n; r++) lstm_cell(s, r);
    add_biases(s, O, peephole_of(s, 1), s->c);
    activate_gate(s, O, 0);
    for (size_t r = 0; r < s->n; r++) {
        const float *out = gate_at(s, r, O), *c = s->c + r * units;
        for (size_t i = 0; i < units; i++)
            s->h[r * units + i] = out[i] * activate(s, 2, c[i]);
    }
}

void og_rnn_reset(const struct og_rnn_now *s)
{
    size_t units = s->run->units;
    add_biases(s, 0, NULL, NULL);
    add_biases(s, 1, NULL, NULL);
    activate_gate(s, 0, 0);
    activate_gate(s, 1, 0);
    for (size_t r = 0; r < s->n; r++) {
        const float *reset = gate_at(s, r, 1);
        for (size_t i = 0; i < units; i++)
            s->reset[r * units + i] = reset[i] * s->h[r * units + i];
    }
}

// Biases of the candidate; that of h is under the reset gate with linear_before_reset.
static void finish_candidate(const struct og_rnn_now *s, size_t r)
{
    enum { CANDIDATE = 2, GATES = 3 };
    size_t units = s->run->units;
    const float *wb = bias_of(s, CANDIDATE), *rb = bias_of(s, GATES + CANDIDATE);
    const float *reset = gate_at(s, r, 1);
    float *sum = gate_at(s, r, CANDIDATE), *apart = s->apart + r * units;
    for (size_t i = 0; i < units; i++) {
        float x = wb ? wb[i] : 0.0f, h = rb ? rb[i] : 0.0f;
        if (s->run->plan.before_reset)
            sum[i] += x + reset[i] * (apart[i] + h);
        else
            sum[i] += x + h;
    }
}

static void gru(const struct og_rnn_now *s)
{
    size_t units = s->run->units;
    for (size_t r = 0; r < s->n; r++) finish_candidate(s, r);
    activate_gate(s, 2, 1);
    for (size_t r = 0; r < s->n; r++) {
        const float *z = gate_at(s, r, 0), *candidate = gate_at(s, r, 2);
        float *h = s->h + r * units;
        for (size_t i = 0; i < units; i++)
            h[i] = (1.0f - z[i]) * candidate[i] + z[i] * h[i];
    }
}

static void simple(const struct og_rnn_now *s)
{
    size_t units = s->run->units;
    add_biases(s, 0, NULL, NULL);
    activate_gate(s, 0, 0);
    for (size_t r = 0; r < s->n; r++)
        for (size_t i = 0; i < units; i++) s->h[r * units + i] = gate_at(s, r, 0)[i];
}

void og_rnn_cell(const struct og_rnn_now *s)
{
    switch (s->run->plan.kind) {
    case OG_KIND_LSTM:
        lstm(s);
        break;
    case OG_KIND_GRU:
        gru(s);
        break;
    case OG_KIND_RNN:
        simple(s);
        break;
    }
}
