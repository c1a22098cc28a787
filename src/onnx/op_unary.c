// SPDX-License-Identifier: GPL-3.0-or-later
// Functions of one element, and Clip. The C library's exp and tanh, which are exact to
// about an ulp also where results are small.
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/elementary.h"
#include "onnx/op.h"

struct constants {
    float alpha, beta;
};

static float sigmoid(float x, struct constants k)
{
    (void)k;
    return 1.0f / (1.0f + og_expf(-x));
}

static float hyperbolic(float x, struct constants k)
{
    (void)k;
    return og_tanhf(x);
}

static float relu(float x, struct constants k)
{
    (void)k;
    return x < 0.0f ? 0.0f : x;
}

static float elu(float x, struct constants k)
{
    return x < 0.0f ? k.alpha * og_expm1f(x) : x;
}

static float selu(float x, struct constants k)
{
    return x > 0.0f ? k.beta * x : k.beta * (k.alpha * og_expm1f(x));
}

static float leaky_relu(float x, struct constants k) { return x < 0 ? k.alpha * x : x; }

static float hard_sigmoid(float x, struct constants k)
{
    float y = k.alpha * x + k.beta;
    y = y > 1.0f ? 1.0f : y;
    return y < 0.0f ? 0.0f : y;
}

typedef float function(float x, struct constants k);

// The defaults of ONNX; Selu's gamma is beta here. Selu's of opset 1 are shorter.
static const struct {
    const char *name;
    function *f;
    struct constants def, first;
    const char *beta;
} functions[] = {
    {"Sigmoid", sigmoid, {0, 0}, {0, 0}, "beta"},
    {"Tanh", hyperbolic, {0, 0}, {0, 0}, "beta"},
    {"Relu", relu, {0, 0}, {0, 0}, "beta"},
    {"Elu", elu, {1.0f, 0}, {1.0f, 0}, "beta"},
    {"Selu",
     selu,
     {1.67326319217681884765625f, 1.05070102214813232421875f},
     {1.6732f, 1.0507f},
     "gamma"},
    {"LeakyRelu", leaky_relu, {0.01f, 0}, {0.01f, 0}, "beta"},
    {"HardSigmoid", hard_sigmoid, {0.2f, 0.5f}, {0.2f, 0.5f}, "beta"},
};

static void apply(function *f, struct constants k, const float *x, float *y, size_t n)
{
#pragma omp parallel for schedule(static) default(none)                                  \
    shared(f, k, x, y, n) if (n > 16384)
    for (size_t i = 0; i < n; i++) y[i] = f(x[i], k);
}

og_status og_run_unary(const struct og_call *c)
{
    int i = 0;
    while (strcmp(c->node->type, functions[i].name) != 0) i++;
    struct constants k = c->opset < 6 ? functions[i].first : functions[i].def;
    k.alpha = og_node_float(c->node, "alpha", k.alpha);
    k.beta = og_node_float(c->node, functions[i].beta, k.beta);
    struct og_nd *out = og_call_out(c, 0);
    if (!out) return OG_OK;
    OG_TRY(og_call_like(c, 0, c->in[0]));
    apply(functions[i].f, k, c->in[0]->data, out->data, out->count);
    return OG_OK;
}

og_status og_run_relu(const struct og_call *c)
{
    const struct og_nd *in = c->in[0];
    struct og_nd *out = og_call_out(c, 0);
    if (in->type == OG_ND_FLOAT) return og_run_unary(c);
    if (!out) return OG_OK;
    OG_TRY(og_call_like(c, 0, in));
    for (size_t i = 0; i < in->count; i++) {
        int64_t v = og_nd_int(in, i);
        og_nd_put(out, i, v < 0 ? 0 : v);
    }
    return OG_OK;
}

// --- Clip ----------------------------------------------------------------------------

// A limit is one element.
static og_status check_limits(const struct og_call *c)
{
    for (size_t k = 1; k < 3; k++) {
        const struct og_nd *limit = og_call_in(c, k);
        if (limit && limit->count != 1)
            return og_call_fail(c, "input %zu has %zu elements, expected one", k,
                                limit->count);
    }
    return OG_OK;
}

// min(max(x, low), high): where low is above high, all is high. NaN stays NaN.
static void clip_floats(const struct og_nd *in, struct og_nd *out, float low, float high)
{
    const float *x = in->data;
    float *y = out->data;
    for (size_t i = 0; i < in->count; i++) {
        float v = x[i] < low ? low : x[i];
        y[i] = v > high ? high : v;
    }
}

static void clip_integers(const struct og_nd *in, struct og_nd *out, int64_t low,
                          int64_t high)
{
    for (size_t i = 0; i < in->count; i++) {
        int64_t v = og_nd_int(in, i);
        v = v < low ? low : v;
        og_nd_put(out, i, v > high ? high : v);
    }
}

og_status og_run_clip(const struct og_call *c)
{
    const struct og_nd *in = c->in[0], *low = og_call_in(c, 1), *high = og_call_in(c, 2);
    struct og_nd *out = og_call_out(c, 0);
    // The attributes of opsets 6 to 10 have these defaults.
    float top = c->opset >= 6 && c->opset < 11 ? FLT_MAX : INFINITY;
    OG_TRY(check_limits(c));
    if (!out) return OG_OK;
    OG_TRY(og_call_like(c, 0, in));
    if (in->type == OG_ND_FLOAT)
        clip_floats(in, out,
                    low ? og_nd_f32(low)[0] : og_node_float(c->node, "min", -top),
                    high ? og_nd_f32(high)[0] : og_node_float(c->node, "max", top));
    else
        clip_integers(in, out, low ? og_nd_int(low, 0) : INT64_MIN,
                      high ? og_nd_int(high, 0) : INT64_MAX);
    return OG_OK;
}
