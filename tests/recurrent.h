// SPDX-License-Identifier: GPL-3.0-or-later
// For the tests of recurrent layers: the ONNX equations in double, written once more
// without blocks, batches or matrices on arrays, and networks to compare with them.
#ifndef OG_TESTS_RECURRENT_H
#define OG_TESTS_RECURRENT_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "config/tree.h"
#include "ohmgrid/model.h"

enum kind { RNN, GRU, LSTM };
static const char *const kind_name[] = {"rnn", "gru", "lstm"};

// One layer of a chain; the last one's output is flattened to logits.
struct spec {
    enum kind kind;
    int units, layers;
    bool both, sequence;  // directions; return
    bool relu, before;
    double forget;
    bool cells;  // with sequence, of the last layer of a chain: return states
};
enum { CHAIN = 2 };
struct task {
    struct spec spec[CHAIN];
    int chain, steps, inputs, n;
};

static inline size_t width_of(const struct spec *s)
{
    return (size_t)(s->both ? 2 : 1) * (size_t)s->units;
}

static inline int outputs_of(const struct task *t)
{
    const struct spec *last = &t->spec[t->chain - 1];
    return (int)width_of(last) * (last->sequence ? t->steps : 1) * (last->cells ? 2 : 1);
}

// --- the reference -------------------------------------------------------------------

static inline double sigmoid(double x) { return 1 / (1 + exp(-x)); }

static inline double dot(const double *w, const double *x, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++) sum += w[i] * x[i];
    return sum;
}

// Pre-activation of unit j of gate g: x part, h part and bias.
struct side {
    double x, h, b;
};

enum { WIDE = 64 };

struct cell {
    const struct spec *s;
    const double *w, *b;
    int inputs;
};

static inline struct side gate(const struct cell *c, int g, int j, const double *x,
                               const double *h)
{
    int units = c->s->units, row = g * units + j;
    const double *w = c->w + row * (c->inputs + units);
    return (struct side){dot(w, x, c->inputs), dot(w + c->inputs, h, units), c->b[row]};
}

static inline double plain(struct side s) { return s.x + s.h + s.b; }

static inline void lstm_step(const struct cell *c, const double *x, double *h,
                             double *state)
{
    double next[WIDE];
    for (int j = 0; j < c->s->units; j++) {
        double i = sigmoid(plain(gate(c, 0, j, x, h)));
        double o = sigmoid(plain(gate(c, 1, j, x, h)));
        double f = sigmoid(plain(gate(c, 2, j, x, h)) + c->s->forget);
        state[j] = f * state[j] + i * tanh(plain(gate(c, 3, j, x, h)));
        next[j] = o * tanh(state[j]);
    }
    memcpy(h, next, sizeof(double) * (size_t)c->s->units);
}

static inline void gru_step(const struct cell *c, const double *x, double *h)
{
    int units = c->s->units;
    double next[WIDE], rh[WIDE], r[WIDE];
    for (int j = 0; j < units; j++) {
        r[j] = sigmoid(plain(gate(c, 1, j, x, h)));
        rh[j] = r[j] * h[j];
    }
    for (int j = 0; j < units; j++) {
        double z = sigmoid(plain(gate(c, 0, j, x, h))), n;
        struct side s = gate(c, 2, j, x, c->s->before ? h : rh);
        if (c->s->before)
            n = tanh(s.x + s.b + r[j] * (s.h + c->b[3 * units + j]));
        else
            n = tanh(plain(s));
        next[j] = (1 - z) * n + z * h[j];
    }
    memcpy(h, next, sizeof(double) * (size_t)units);
}

static inline void rnn_step(const struct cell *c, const double *x, double *h)
{
    double next[WIDE];
    for (int j = 0; j < c->s->units; j++) {
        double a = plain(gate(c, 0, j, x, h));
        next[j] = c->s->relu ? fmax(a, 0) : tanh(a);
    }
    memcpy(h, next, sizeof(double) * (size_t)c->s->units);
}

// One cell over x[steps][inputs]; all h of it go to y[t][width] at `side`, all c to
// states. Returns what is left of the parameters.
static inline const double *reference_cell(const struct spec *s, const double *params,
                                           const double *x, int steps, int inputs,
                                           bool reverse, double *y, double *states,
                                           double *last)
{
    static const int gates[] = {1, 3, 4};
    int weights = gates[s->kind] * s->units * (inputs + s->units);
    int biases = (gates[s->kind] + (s->kind == GRU && s->before)) * s->units;
    struct cell c = {s, params, params + weights, inputs};
    double h[WIDE] = {0}, state[WIDE] = {0};
    size_t width = width_of(s), side = reverse ? (size_t)s->units : 0;
    for (int k = 0; k < steps; k++) {
        int t = reverse ? steps - 1 - k : k;
        if (s->kind == LSTM)
            lstm_step(&c, x + t * inputs, h, state);
        else if (s->kind == GRU)
            gru_step(&c, x + t * inputs, h);
        else
            rnn_step(&c, x + t * inputs, h);
        const size_t at = (size_t)t * width + side;
        memcpy(y + at, h, sizeof(double) * (size_t)s->units);
        memcpy(states + at, state, sizeof(double) * (size_t)s->units);
    }
    memcpy(last + side, h, sizeof(double) * (size_t)s->units);
    return params + weights + biases;
}

// Logits of one sample.
static inline void reference(const struct task *t, const double *params,
                             const float *sample, double *logits)
{
    double x[WIDE * WIDE], y[WIDE * WIDE], states[WIDE * WIDE], last[WIDE];
    int inputs = t->inputs;
    for (int i = 0; i < t->steps * inputs; i++) x[i] = sample[i];
    for (int k = 0; k < t->chain; k++) {
        const struct spec *s = &t->spec[k];
        for (int layer = 0; layer < s->layers; layer++) {
            for (int d = 0; d <= s->both; d++)
                params = reference_cell(s, params, x, t->steps, inputs, d == 1, y, states,
                                        last);
            inputs = (int)width_of(s);
            memcpy(x, y, sizeof(double) * (size_t)(t->steps * inputs));
        }
    }
    const struct spec *out = &t->spec[t->chain - 1];
    const size_t width = width_of(out);
    for (size_t k = 0; out->cells && k < (size_t)t->steps; k++) {
        memcpy(logits + 2 * k * width, x + k * width, sizeof(double) * width);
        memcpy(logits + (2 * k + 1) * width, states + k * width, sizeof(double) * width);
    }
    if (out->cells) return;
    memcpy(logits, out->sequence ? x : last, sizeof(double) * (size_t)outputs_of(t));
}

// Mean cross-entropy.
static inline double reference_loss(const struct task *t, const double *params,
                                    const float *x, const uint8_t *label)
{
    double loss = 0, logits[WIDE * WIDE];
    for (int k = 0; k < t->n; k++) {
        reference(t, params, x + k * t->steps * t->inputs, logits);
        double sum = 0;
        for (int j = 0; j < outputs_of(t); j++) sum += exp(logits[j]);
        loss += log(sum) - logits[label[k]];
    }
    return loss / t->n;
}

// --- networks ------------------------------------------------------------------------

struct net {
    og_item *root;
    og_model *model;
    og_exec *exec;
    float *params;
    size_t count;
    struct og_batch batch;
    float *x;
    uint8_t *label;
    uint32_t *sample;
};

static inline void print_layers(const struct task *t, char *text, size_t size)
{
    size_t used = 0;
    for (int k = 0; k < t->chain; k++) {
        const struct spec *s = &t->spec[k];
        used += (size_t)snprintf(
            text + used, size - used,
            "- %s: {units: %d, layers: %d, bidirectional: %s, return: %s",
            kind_name[s->kind], s->units, s->layers, s->both ? "true" : "false",
            s->cells      ? "states"
            : s->sequence ? "sequence"
                          : "last");
        if (s->kind == RNN)
            used += (size_t)snprintf(text + used, size - used, ", activation: %s",
                                     s->relu ? "relu" : "tanh");
        if (s->kind == GRU)
            used +=
                (size_t)snprintf(text + used, size - used, ", linear_before_reset: %s",
                                 s->before ? "true" : "false");
        if (s->kind == LSTM)
            used += (size_t)snprintf(text + used, size - used, ", forget_bias: %g",
                                     s->forget);
        used += (size_t)snprintf(text + used, size - used, "}\n");
    }
    snprintf(text + used, size - used, "- flatten\n");
}

static uint64_t random_state;

static inline float uniform(void)  // in [-1, 1)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (float)((double)(random_state >> 40) / (1 << 23) - 1);
}

static inline void make_batch(struct net *net, const struct task *t)
{
    size_t size = (size_t)(t->steps * t->inputs), n = (size_t)t->n;
    net->x = og_alloc(n * size, sizeof *net->x);
    net->label = og_alloc(n, 1);
    net->sample = og_alloc(n, sizeof *net->sample);
    for (size_t i = 0; i < n * size; i++) net->x[i] = uniform();
    for (size_t i = 0; i < n; i++) {
        net->label[i] = (uint8_t)(i % (size_t)outputs_of(t));
        net->sample[i] = (uint32_t)(7 * i);
    }
    net->batch = (struct og_batch){
        .x = net->x, .label = net->label, .sample = net->sample, .n = n, .seed = 5};
}

static inline struct net make_net(const struct task *t)
{
    struct net net = {0};
    struct og_error err = {0};
    char text[1024];
    print_layers(t, text, sizeof text);
    random_state = 17;
    if (og_item_parse(&net.root, "test", text, &err) != OG_OK) fail_msg("%s", err.text);
    struct og_shape in = {2, {(size_t)t->steps, (size_t)t->inputs, 0}};
    if (og_model_build(&net.model, net.root, &in, outputs_of(t), &err) != OG_OK)
        fail_msg("%s", err.text);
    net.params = og_model_params(net.model, &net.count);
    for (size_t i = 0; i < net.count; i++) net.params[i] = 0.7f * uniform();
    make_batch(&net, t);
    return net;
}

static inline void start(struct net *net, const struct og_hardware *hw, bool training,
                         enum og_gradient gradient)
{
    struct og_error err = {0};
    og_exec_free(net->exec);
    net->exec = NULL;
    struct og_exec_options options = {.hardware = hw,
                                      .batch = net->batch.n,
                                      .training = training,
                                      .gradient = gradient};
    if (og_exec_alloc(&net->exec, net->model, &options, &err) != OG_OK)
        fail_msg("%s", err.text);
    if (hw && og_exec_calibrate(net->exec, &net->batch, &err) != OG_OK)
        fail_msg("%s", err.text);
    og_exec_program(net->exec, &(struct og_chip){.seed = 3});
}

static inline void end(struct net *net)
{
    og_exec_free(net->exec);
    og_model_free(net->model);
    og_item_free(net->root);
    og_free(net->x);
    og_free(net->label);
    og_free(net->sample);
}

static inline double *in_double(const struct net *net)
{
    double *params = og_alloc(net->count, sizeof *params);
    for (size_t i = 0; i < net->count; i++) params[i] = net->params[i];
    return params;
}

// Largest distance of the logits from the reference.
static inline double distance(const struct task *t, struct net *net)
{
    const float *logits = og_exec_forward(net->exec, &net->batch);
    double *params = in_double(net), expected[WIDE * WIDE], worst = 0;
    int outputs = outputs_of(t);
    for (int k = 0; k < t->n; k++) {
        reference(t, params, net->x + k * t->steps * t->inputs, expected);
        for (int j = 0; j < outputs; j++)
            worst = fmax(worst, fabs(expected[j] - (double)logits[k * outputs + j]));
    }
    og_free(params);
    return worst;
}

#define ONE(...)                                                                         \
    {                                                                                    \
        .spec = {{__VA_ARGS__}}, .chain = 1, .steps = 6, .inputs = 4, .n = 37            \
    }

static const struct task tasks[] = {
    ONE(LSTM, 5, 1, .forget = 1),
    ONE(LSTM, 5, 1, .sequence = true, .forget = 0),
    ONE(LSTM, 3, 2, .both = true, .forget = 1),
    ONE(LSTM, 3, 2, .both = true, .sequence = true, .forget = 0.5),
    ONE(LSTM, 5, 1, .sequence = true, .cells = true, .forget = 1),
    ONE(LSTM, 3, 2, .both = true, .sequence = true, .cells = true, .forget = 0.5),
    ONE(GRU, 5, 1, .before = true),
    ONE(GRU, 5, 1, .before = false),
    ONE(GRU, 3, 2, .both = true, .sequence = true, .before = true),
    ONE(GRU, 3, 2, .both = true, .before = false),
    ONE(RNN, 5, 1, .sequence = true),
    ONE(RNN, 4, 4, .relu = true),
    ONE(RNN, 3, 2, .both = true, .relu = true, .sequence = true),
    {.spec = {{GRU, 4, 1, .sequence = true, .both = true}, {LSTM, 3, 1, .forget = 1}},
     .chain = 2,
     .steps = 5,
     .inputs = 3,
     .n = 33},
    {.spec = {{RNN, 4, 1, .sequence = true}, {GRU, 3, 1, .before = true}},
     .chain = 2,
     .steps = 5,
     .inputs = 3,
     .n = 33},
    {.spec = {{LSTM, 4, 1, .forget = 1}}, .chain = 1, .steps = 1, .inputs = 1, .n = 1},
};
enum { TASKS = sizeof tasks / sizeof *tasks };

#endif
