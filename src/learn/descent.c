// SPDX-License-Identifier: GPL-3.0-or-later
// Every update is elementwise, so its bits do not depend on how the parameters are cut
// into chunks or spread over threads; the norm is summed per chunk, then in chunk order.
//
// SGD (Sutskever et al., ICML 2013, in the form without damping): v = momentum v + g,
// w -= lr v, with the decay added to the gradient (g += weight_decay w).
// Adam (Kingma and Ba, ICLR 2015) with decoupled decay (Loshchilov and Hutter, ICLR
// 2019): w -= lr (weight_decay w + m^ / (sqrt(v^) + 1e-8)). Both decay only tensors that
// ask for it: weights, not biases and norms.
#include <math.h>
#include <string.h>

#include "base/elementary.h"
#include "base/mem.h"
#include "learn/descent.h"
#include "ohmgrid/learn.h"

enum { CHUNK = 4096, LANES = 8 };

static const float adam_epsilon = 1e-8f;

double og_learning_rate(const struct og_train_config *config, size_t steps_per_epoch,
                        size_t step)
{
    const double warmup = config->warmup * (double)steps_per_epoch, at = (double)step;
    if (at < warmup) return config->lr * fmin(1.0, (at + 1.0) / warmup);
    if (config->schedule == OG_SCHEDULE_STEP) {
        const size_t epoch = step / steps_per_epoch, hold = (size_t)config->lr_hold;
        const size_t since = epoch > hold ? epoch - hold : 0;
        return config->lr *
               og_pow(config->lr_gamma, (double)(since / (size_t)config->lr_step));
    }
    if (config->schedule == OG_SCHEDULE_COSINE) {
        const double all = (double)config->epochs * (double)steps_per_epoch;
        return 0.5 * config->lr * (1.0 + og_cos(M_PI * (at - warmup) / (all - warmup)));
    }
    return config->lr;
}

// Cuts each trainable tensor into chunks. With chunk == NULL only counts them.
static size_t cut(const og_model *model, struct og_chunk *chunk)
{
    size_t n = 0;
    for (size_t i = 0; i < og_model_tensors(model); i++) {
        const struct og_tensor_info t = og_model_tensor(model, i);
        if (t.state) continue;
        for (size_t at = 0; at < t.count; at += CHUNK, n++) {
            if (!chunk) continue;
            const size_t count = t.count - at < CHUNK ? t.count - at : CHUNK;
            chunk[n] = (struct og_chunk){t.offset + at, count, t.decay};
        }
    }
    return n;
}

og_status og_descent_init(struct og_descent *o, og_model *model,
                          const struct og_train_config *config, struct og_error *err)
{
    memset(o, 0, sizeof *o);
    o->config = config;
    og_model_params(model, &o->count);
    o->moment_count = config->optimizer == OG_ADAM ? 2 * o->count : o->count;
    o->chunks = cut(model, NULL);
    o->chunk = og_alloc(o->chunks, sizeof *o->chunk);
    o->partial = og_alloc(o->chunks, sizeof *o->partial);
    o->moments = og_alloc(o->moment_count, sizeof *o->moments);
    if (!o->chunk || !o->partial || !o->moments) {
        og_descent_clear(o);
        return og_fail(err, OG_NO_MEMORY, "no memory for the optimiser of %zu parameters",
                       o->count);
    }
    cut(model, o->chunk);
    return OG_OK;
}

void og_descent_clear(struct og_descent *o)
{
    og_free(o->chunk);
    og_free(o->partial);
    og_free(o->moments);
    memset(o, 0, sizeof *o);
}

// In LANES interleaved sums, so that the loop runs in vectors in one fixed order.
static double sum_of_squares(const float *g, size_t n)
{
    double lane[LANES] = {0}, sum = 0.0;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int k = 0; k < LANES; k++) lane[k] += (double)g[i + k] * (double)g[i + k];
    for (; i < n; i++) sum += (double)g[i] * (double)g[i];
    for (int k = 0; k < LANES; k++) sum += lane[k];
    return sum;
}

double og_gradient_norm(struct og_descent *o, const float *gradient)
{
    double *partial = o->partial;
    const struct og_chunk *chunk = o->chunk;
    const size_t chunks = o->chunks;
#pragma omp parallel for default(none) shared(partial, chunk, chunks, gradient)          \
    schedule(static)
    for (size_t c = 0; c < chunks; c++)
        partial[c] = sum_of_squares(gradient + chunk[c].offset, chunk[c].count);
    double sum = 0.0;
    for (size_t c = 0; c < chunks; c++) sum += partial[c];
    return sqrt(sum);
}

// A copy of a chunk, for the weights in it that are frozen: weight decay moves them too.
static void copy_chunk(const struct og_descent *o, const struct og_chunk *chunk,
                       const float *w, float copy[CHUNK])
{
    if (o->frozen) memcpy(copy, w + chunk->offset, chunk->count * sizeof *w);
}

static void put_frozen_back(const struct og_descent *o, const struct og_chunk *chunk,
                            const float copy[CHUNK], float *w)
{
    const size_t at = chunk->offset;
    for (size_t i = 0; o->frozen && i < chunk->count; i++)
        if (o->frozen[at + i]) w[at + i] = copy[i];
}

struct sgd {
    float scale, lr, momentum, decay;
};

static void sgd_chunk(const struct sgd *p, size_t n, float *restrict w,
                      const float *restrict g, float *restrict v)
{
    const struct sgd s = *p;
    for (size_t i = 0; i < n; i++) {
        v[i] = s.momentum * v[i] + (s.scale * g[i] + s.decay * w[i]);
        w[i] -= s.lr * v[i];
    }
}

static void sgd_step(struct og_descent *o, float *w, const float *g, double lr,
                     float scale)
{
    const struct og_train_config *config = o->config;
    const struct sgd all = {scale, (float)lr, (float)config->momentum,
                            (float)config->weight_decay};
    const struct og_chunk *chunk = o->chunk;
    const size_t chunks = o->chunks;
    float *v = o->moments;
#pragma omp parallel for default(none) shared(all, chunk, chunks, w, g, v, o)            \
    schedule(static)
    for (size_t c = 0; c < chunks; c++) {
        float copy[CHUNK];
        struct sgd p = all;
        if (!chunk[c].decay) p.decay = 0.0f;
        const size_t at = chunk[c].offset;
        copy_chunk(o, &chunk[c], w, copy);
        sgd_chunk(&p, chunk[c].count, w + at, g + at, v + at);
        put_frozen_back(o, &chunk[c], copy, w);
    }
}

struct adam {
    float scale, beta1, beta2, keep, rate, root;  // keep: 1 - lr * decay
};

static void adam_chunk(const struct adam *p, size_t n, float *restrict w,
                       const float *restrict g, float *restrict m, float *restrict v)
{
    const struct adam a = *p;
    for (size_t i = 0; i < n; i++) {
        const float d = a.scale * g[i];
        m[i] = a.beta1 * m[i] + (1.0f - a.beta1) * d;
        v[i] = a.beta2 * v[i] + (1.0f - a.beta2) * (d * d);
        w[i] = a.keep * w[i] - a.rate * m[i] / (sqrtf(v[i]) * a.root + adam_epsilon);
    }
}

static void adam_step(struct og_descent *o, float *w, const float *g, double lr,
                      size_t step, float scale)
{
    const struct og_train_config *config = o->config;
    const double done = (double)step + 1.0;
    // m^ = m / (1 - beta1^t), v^ = v / (1 - beta2^t)
    const struct adam all = {
        .scale = scale,
        .beta1 = (float)config->beta1,
        .beta2 = (float)config->beta2,
        .keep = (float)(1.0 - lr * config->weight_decay),
        .rate = (float)(lr / (1.0 - og_pow(config->beta1, done))),
        .root = (float)(1.0 / sqrt(1.0 - og_pow(config->beta2, done))),
    };
    const struct og_chunk *chunk = o->chunk;
    const size_t chunks = o->chunks;
    float *m = o->moments, *v = o->moments + o->count;
#pragma omp parallel for default(none) shared(all, chunk, chunks, w, g, m, v, o)         \
    schedule(static)
    for (size_t c = 0; c < chunks; c++) {
        float copy[CHUNK];
        struct adam p = all;
        if (!chunk[c].decay) p.keep = 1.0f;
        const size_t at = chunk[c].offset;
        copy_chunk(o, &chunk[c], w, copy);
        adam_chunk(&p, chunk[c].count, w + at, g + at, m + at, v + at);
        put_frozen_back(o, &chunk[c], copy, w);
    }
}

void og_descent_step(struct og_descent *o, float *w, const float *gradient, double lr,
                     size_t step)
{
    const double limit = o->config->clip_norm;
    float scale = 1.0f;
    if (limit > 0.0) {
        const double norm = og_gradient_norm(o, gradient);
        if (norm > limit) scale = (float)(limit / norm);
    }
    if (o->config->optimizer == OG_ADAM)
        adam_step(o, w, gradient, lr, step, scale);
    else
        sgd_step(o, w, gradient, lr, scale);
}
