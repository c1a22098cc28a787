// SPDX-License-Identifier: GPL-3.0-or-later
#include "onnx/rnn.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/elementary.h"

static float affine(float x, float a, float b) { return a * x + b; }

static float relu(float x, float a, float b)
{
    (void)a, (void)b;
    return x < 0.0f ? 0.0f : x;
}

static float leaky_relu(float x, float a, float b)
{
    (void)b;
    return x < 0.0f ? a * x : x;
}

static float thresholded_relu(float x, float a, float b)
{
    (void)b;
    return x > a ? x : 0.0f;
}

static float tanh_of(float x, float a, float b)
{
    (void)a, (void)b;
    return og_tanhf(x);
}

static float scaled_tanh(float x, float a, float b) { return a * og_tanhf(b * x); }

static float sigmoid(float x, float a, float b)
{
    (void)a, (void)b;
    return 1.0f / (1.0f + og_expf(-x));
}

static float hard_sigmoid(float x, float a, float b)
{
    float y = a * x + b;
    y = y > 1.0f ? 1.0f : y;
    return y < 0.0f ? 0.0f : y;
}

static float elu(float x, float a, float b)
{
    (void)b;
    return x < 0.0f ? a * og_expm1f(x) : x;
}

static float softsign(float x, float a, float b)
{
    (void)a, (void)b;
    return x / (1.0f + fabsf(x));
}

static float softplus(float x, float a, float b)
{
    (void)a, (void)b;
    return (x > 0.0f ? x : 0.0f) + og_log1pf(og_expf(-fabsf(x)));
}

// Defaults are those of the ONNX operators of the same names; Affine and ScaledTanh have
// none (NAN) and must be given theirs.
static const struct {
    const char *name;
    float (*f)(float x, float alpha, float beta);
    int constants;  // 0; 1: alpha; 2: alpha and beta
    float alpha, beta;
} known[] = {
    {"Affine", affine, 2, NAN, NAN},
    {"Relu", relu, 0, 0, 0},
    {"LeakyRelu", leaky_relu, 1, 0.01f, 0},
    {"ThresholdedRelu", thresholded_relu, 1, 1.0f, 0},
    {"Tanh", tanh_of, 0, 0, 0},
    {"ScaledTanh", scaled_tanh, 2, NAN, NAN},
    {"Sigmoid", sigmoid, 0, 0, 0},
    {"HardSigmoid", hard_sigmoid, 2, 0.2f, 0.5f},
    {"Elu", elu, 1, 1.0f, 0},
    {"Softsign", softsign, 0, 0, 0},
    {"Softplus", softplus, 0, 0, 0},
};
enum { KNOWN = sizeof known / sizeof *known };

#define WHY(...) (snprintf(why, OG_WHY, __VA_ARGS__), false)

// Values of a list are taken, in the order of the functions, by those that have any.
struct constants {
    const struct og_attr *alpha, *beta;
    size_t alphas, betas;  // taken
};

static float take(const struct og_attr *list, size_t *taken, float def)
{
    return list && *taken < list->n ? list->f[(*taken)++] : def;
}

static bool find_activation(const char *name, struct constants *k,
                            struct og_activation *act, char why[OG_WHY])
{
    int i = 0;
    while (i < KNOWN && strcmp(known[i].name, name) != 0) i++;
    if (i == KNOWN) return WHY("activation '%.40s' is not supported", name);
    *act = (struct og_activation){.f = known[i].f,
                                  .alpha = known[i].alpha,
                                  .beta = known[i].beta,
                                  .is_sigmoid = known[i].f == sigmoid,
                                  .is_tanh = known[i].f == tanh_of};
    if (known[i].constants > 0) act->alpha = take(k->alpha, &k->alphas, act->alpha);
    if (known[i].constants > 1) act->beta = take(k->beta, &k->betas, act->beta);
    if (isnan(act->alpha) || isnan(act->beta))
        return WHY("activation %s needs activation_alpha and activation_beta", name);
    return true;
}

static bool read_activations(const struct og_onnx_node *node, struct og_rnn_plan *plan,
                             char why[OG_WHY])
{
    static const char *const defaults[][RNN_ACTIVATIONS] = {
        {"Sigmoid", "Tanh", "Tanh"}, {"Sigmoid", "Tanh", NULL}, {"Tanh", NULL, NULL}};
    const struct og_attr *names = og_node_attr(node, "activations");
    struct constants k = {.alpha = og_node_attr(node, "activation_alpha"),
                          .beta = og_node_attr(node, "activation_beta")};
    size_t n = (size_t)(plan->activations * plan->directions);
    if (names && names->n != n) return WHY("%zu activations, expected %zu", names->n, n);
    for (size_t i = 0; i < n; i++) {
        size_t d = i / (size_t)plan->activations, a = i % (size_t)plan->activations;
        const char *name = names ? names->s[i] : defaults[plan->kind][a];
        if (!find_activation(name, &k, &plan->act[d][a], why)) return false;
    }
    if ((k.alpha && k.alphas < k.alpha->n) || (k.beta && k.betas < k.beta->n))
        return WHY("more activation_alpha or activation_beta than activations take");
    return true;
}

bool og_rnn_plan_read(const struct og_onnx_node *node, struct og_rnn_plan *plan,
                      char why[OG_WHY])
{
    static const struct {
        const char *name;
        int gates, activations;
    } kinds[] = {{"LSTM", 4, 3}, {"GRU", 3, 2}, {"RNN", 1, 1}};
    const char *direction = og_node_text(node, "direction", "forward");
    int kind = 0;
    while (strcmp(kinds[kind].name, node->type) != 0) kind++;
    *plan = (struct og_rnn_plan){
        .kind = (enum og_rnn_kind)kind,
        .gates = kinds[kind].gates,
        .activations = kinds[kind].activations,
        .directions = strcmp(direction, "bidirectional") == 0 ? 2 : 1,
        .reverse = strcmp(direction, "reverse") == 0,
        .batch_first = og_node_int(node, "layout", 0),
        .before_reset = og_node_int(node, "linear_before_reset", 0),
        .couples = og_node_int(node, "input_forget", 0),
        .clip = og_node_float(node, "clip", 0.0f),
    };
    if (og_node_attr(node, "clip") && !(plan->clip > 0.0f))
        return WHY("clip %g is not above 0", (double)plan->clip);
    return read_activations(node, plan, why);
}

bool og_check_rnn(const struct og_onnx_graph *g, const struct og_onnx_node *node,
                  char why[OG_WHY])
{
    struct og_rnn_plan plan;
    (void)g;
    return og_rnn_plan_read(node, &plan, why);
}
