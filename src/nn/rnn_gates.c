// SPDX-License-Identifier: GPL-3.0-or-later
// From column sums to gates, and the noise of the output.
#include <string.h>

#include "nn/rnn_place.h"

void og_rnn_sum(const struct og_rnn_step *s, int gate, float *out)
{
    size_t ld = (size_t)s->law->gates * s->units, from = (size_t)gate * s->units;
    const float *b = s->b + from;
    for (size_t r = 0; r < s->n; r++, out += s->units) {
        const float *x = s->xsum + r * ld + from, *h = s->hsum + r * ld + from;
        if (s->ramped[gate])
            memcpy(out, x, s->units * sizeof *out);
        else if (s->apart[gate])
            for (size_t j = 0; j < s->units; j++) out[j] = x[j] + h[j] + b[j];
        else
            for (size_t j = 0; j < s->units; j++) out[j] = x[j] + b[j];
    }
}

void og_rnn_ramp(const struct og_rnn_step *s, int gate, const float *x, float *out)
{
    const struct og_rnn_place *p = s->place;
    for (int k = 0; k < p->linears; k++) {
        const struct og_linear_decl *l = &s->v->node->linear[p->first + k];
        size_t from = og_rnn_gate(p, l) * s->units, at = (size_t)gate * s->units;
        if (at < from || at >= from + l->cols) continue;
        og_linear_ramp(s->v, p->first + k, at - from, s->units, s->n, x, out);
    }
}

void og_rnn_sum_apart(const struct og_rnn_step *s, int gate, int bias, float *out)
{
    size_t ld = (size_t)s->law->gates * s->units, from = (size_t)gate * s->units;
    const float *b = s->b + (size_t)bias * s->units;
    for (size_t r = 0; r < s->n; r++, out += s->units) {
        const float *h = s->hsum + r * ld + from;
        for (size_t j = 0; j < s->units; j++) out[j] = h[j] + b[j];
    }
}

const float *og_rnn_gates_kept(const struct og_rnn_step *s, const float *act,
                               const float *changed)
{
    const struct og_hardware *hw = s->v->hw;
    bool change = hw->rnn.gate_bits > 0 || (hw->injection.points & OG_POINT_G);
    return change ? changed : act;
}

void og_rnn_gates_signal(const struct og_rnn_step *s, const float *act, int first,
                         int end)
{
    size_t m = s->n * s->units;
    for (int g = first; g < end; g++)
        og_signal(s->v, OG_POINT_G, act + (size_t)g * m, s->n, s->units);
}

const float *og_rnn_gates(const struct og_rnn_step *s, float *act, float *changed,
                          int first, int end)
{
    size_t m = s->n * s->units;
    int bits = s->v->hw->rnn.gate_bits;
    float *gate = act;
    if (og_rnn_gates_kept(s, act, changed) == changed) {
        gate = changed;
        memcpy(gate + (size_t)first * m, act + (size_t)first * m,
               (size_t)(end - first) * m * sizeof *gate);
    }
    for (int g = first; g < end; g++) {
        uint32_t lane = s->cell * OG_RNN_GATES + (uint32_t)g;
        og_inject(s->v, OG_POINT_G, lane, s->t, gate + (size_t)g * m, s->n, s->units);
        og_quantize_as(s->v->hw->rnn.gate_rounding, gate + (size_t)g * m, m, bits, 1.0f,
                       g >= s->law->sigmoids);
    }
    return gate;
}

void og_rnn_output(const struct og_rnn_step *s)
{
    og_inject(s->v, OG_POINT_O, s->cell, s->t, s->h, s->n, s->units);
}
