// SPDX-License-Identifier: GPL-3.0-or-later
// BatchNormalization and Dropout.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "onnx/op.h"

enum { X, SCALE, BIAS, MEAN, VARIANCE };

// In opsets 1 to 6 the attribute is_test says whether a network is being trained; how its
// outputs looked then was never said clearly. Since 14 training_mode is well defined.
bool og_check_batch_norm(const struct og_onnx_graph *g, const struct og_onnx_node *node,
                         char why[OG_WHY])
{
    (void)g;
    if (node->law->since < 14 && !og_node_int(node, "is_test", 0)) {
        snprintf(why, OG_WHY, "is_test 0, training, is not supported in opsets below 14");
        return false;
    }
    if (node->law->since >= 14 && node->outputs > 1 &&
        !og_node_int(node, "training_mode", 0)) {
        snprintf(why, OG_WHY, "has %zu outputs, but training_mode is 0", node->outputs);
        return false;
    }
    return true;
}

// Statistics for each channel (the second axis), or for each element of a sample.
struct norm {
    size_t samples, channels, width;
};

static og_status check_shapes(const struct og_call *c, struct norm *n)
{
    const struct og_nd *x = c->in[X];
    bool spatial = og_node_int(c->node, "spatial", 1);
    if (x->rank < 1) return og_call_fail(c, "the input has no axis");
    n->samples = (size_t)x->dim[0];
    n->channels = x->rank > 1 ? (size_t)x->dim[1] : 1;
    n->width = x->rank > 2 ? og_nd_from(x, 2) : 1;
    if (!spatial) {
        n->channels *= n->width;
        n->width = 1;
    }
    for (size_t k = SCALE; k <= VARIANCE; k++)
        if (c->in[k]->count != n->channels)
            return og_call_fail(c, "input %zu has %zu elements for %zu channels", k,
                                c->in[k]->count, n->channels);
    return OG_OK;
}

// (x - mean) / sqrt(variance + epsilon) * scale + bias.
static og_status normalise(const struct og_call *c, const struct norm *n,
                           const float *mean, const float *variance)
{
    const float *x = c->in[X]->data, *scale = c->in[SCALE]->data;
    const float *bias = c->in[BIAS]->data,
                epsilon = og_node_float(c->node, "epsilon", 1e-5f);
    if (!og_call_out(c, 0)) return OG_OK;
    OG_TRY(og_call_like(c, 0, c->in[X]));
    if (c->in[X]->count == 0) return OG_OK;
    float *y = og_call_out(c, 0)->data;
    size_t rows = n->samples * n->channels, channels = n->channels, width = n->width;
#pragma omp parallel for schedule(static) default(none)                                  \
    shared(x, y, scale, bias, mean, variance, rows, channels, width,                     \
           epsilon) if (rows * width > 16384)
    for (size_t r = 0; r < rows; r++) {
        size_t k = r % channels;
        float by = scale[k] / sqrtf(variance[k] + epsilon);
        for (size_t i = 0; i < width; i++)
            y[r * width + i] = (x[r * width + i] - mean[k]) * by + bias[k];
    }
    return OG_OK;
}

// Mean and (biased) variance of the batch itself.
static void measure(const struct og_nd *x, const struct norm *n, float *mean,
                    float *variance)
{
    double count = (double)n->samples * (double)n->width;
    for (size_t k = 0; k < n->channels; k++) {
        double sum = 0.0, square = 0.0;
        for (int pass = 0; pass < 2; pass++) {
            for (size_t s = 0; s < n->samples; s++) {
                const float *at = og_nd_f32(x) + (s * n->channels + k) * n->width;
                for (size_t i = 0; i < n->width; i++) {
                    double d = pass ? (double)at[i] - sum / count : (double)at[i];
                    *(pass ? &square : &sum) += pass ? d * d : d;
                }
            }
        }
        mean[k] = (float)(sum / count);
        variance[k] = (float)(square / count);
    }
}

// running = running * momentum + batch * (1 - momentum)
static og_status update(const struct og_call *c, size_t k, const struct og_nd *running,
                        const float *batch)
{
    float momentum = og_node_float(c->node, "momentum", 0.9f);
    if (!og_call_out(c, k)) return OG_OK;
    OG_TRY(og_call_like(c, k, running));
    float *out = og_call_out(c, k)->data;
    for (size_t i = 0; i < running->count; i++)
        out[i] = og_nd_f32(running)[i] * momentum + batch[i] * (1.0f - momentum);
    return OG_OK;
}

og_status og_run_batch_norm(const struct og_call *c)
{
    struct norm n;
    OG_TRY(check_shapes(c, &n));
    if (!og_node_int(c->node, "training_mode", 0))
        return normalise(c, &n, c->in[MEAN]->data, c->in[VARIANCE]->data);
    float *batch = og_alloc(2 * n.channels, sizeof *batch);
    if (!batch) return og_fail(c->err, OG_NO_MEMORY, "out of memory");
    measure(c->in[X], &n, batch, batch + n.channels);
    og_status status = normalise(c, &n, batch, batch + n.channels);
    if (status == OG_OK) status = update(c, 1, c->in[MEAN], batch);
    if (status == OG_OK) status = update(c, 2, c->in[VARIANCE], batch + n.channels);
    og_free(batch);
    return status;
}

// --- Dropout -------------------------------------------------------------------------

static bool is_training(const struct og_nd *mode, const struct og_nd *ratio)
{
    bool on = mode && mode->count == 1 && og_nd_int(mode, 0) != 0;
    return on && !(ratio && ratio->count == 1 && og_nd_f32(ratio)[0] == 0.0f);
}

static const struct og_nd *constant_of(const struct og_onnx_graph *g,
                                       const struct og_onnx_node *node, size_t k)
{
    if (k >= node->inputs || node->input[k] == OG_NO_NAME) return NULL;
    const struct og_onnx_value *v = &g->value[node->input[k]];
    return v->constant.type != OG_ND_NONE ? &v->constant : NULL;
}

// In training its result is a matter of chance, which ONNX leaves to whoever computes it.
bool og_check_dropout(const struct og_onnx_graph *g, const struct og_onnx_node *node,
                      char why[OG_WHY])
{
    bool training;
    if (node->law->since < 7) {
        training = !og_node_int(node, "is_test", 0);
    } else {
        const struct og_nd *mode = constant_of(g, node, 2);
        bool known = mode && mode->type == OG_ND_BOOL;
        bool has_ratio = node->inputs > 1 && node->input[1] != OG_NO_NAME;
        const struct og_nd *ratio = constant_of(g, node, 1);
        // A ratio that comes later may be 0; then og_run_dropout decides.
        training = known && (!has_ratio || ratio) &&
                   (!ratio || ratio->type == OG_ND_FLOAT) && is_training(mode, ratio);
    }
    if (training) snprintf(why, OG_WHY, "training is not supported");
    return !training;
}

og_status og_run_dropout(const struct og_call *c)
{
    const struct og_nd *in = c->in[0];
    struct og_nd *mask = og_call_out(c, 1);
    if (c->opset >= 12 && is_training(og_call_in(c, 2), og_call_in(c, 1)))
        return og_call_fail(c, "training is not supported");
    OG_TRY(og_call_reshape(c, 0, in->rank, in->dim));
    if (!mask) return OG_OK;
    OG_TRY(og_call_make(c, 1, c->opset >= 10 ? OG_ND_BOOL : in->type, in->rank, in->dim));
    for (size_t i = 0; i < mask->count; i++)
        if (mask->type == OG_ND_BOOL)
            ((uint8_t *)mask->data)[i] = 1;
        else
            ((float *)mask->data)[i] = 1.0f;
    return OG_OK;
}
