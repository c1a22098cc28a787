// SPDX-License-Identifier: GPL-3.0-or-later
#include "ohmgrid/attack.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/elementary.h"
#include "base/mem.h"
#include "ohmgrid/random.h"

// Passes of gradients begin here, far above those of votes and epochs.
static const uint32_t first_pass = UINT32_C(1) << 31;

struct og_attack {
    const struct og_attack_config *config;
    const struct og_dataset *set;
    og_exec *exec;
    uint64_t seed;
    size_t batch, width;  // width: values of an image
    int classes;
    float *start;     // [batch][width]: the images as they were
    float *gradient;  // [batch][width]: sum over draws
    float *dlogits;   // [batch][classes]
    // Logarithms of 1 - p_label, [batch]: of a draw, and the largest of all so far.
    double *log_weight, *most;
};

og_status og_attack_check_data(const struct og_dataset *set, struct og_error *err)
{
    if (set->pixel) return OG_OK;
    return og_fail(err, OG_INPUT,
                   "data set %s cannot be attacked: only pixels have a range to stay in",
                   set->spec.name);
}

static og_status fill(og_attack *a, const struct og_attack_options *o,
                      struct og_error *err)
{
    const struct og_exec_options options = {
        .hardware = o->hardware,
        .batch = o->batch,
        .inputs = true,
        .gradient = OG_STRAIGHT_THROUGH,
    };
    OG_TRY(og_attack_check_data(o->set, err));
    for (int d = 0; d < o->set->shape.rank; d++) a->width *= o->set->shape.dim[d];
    a->start = og_alloc(a->batch * a->width, sizeof *a->start);
    a->gradient = og_alloc(a->batch * a->width, sizeof *a->gradient);
    a->dlogits = og_alloc(a->batch * (size_t)a->classes, sizeof *a->dlogits);
    a->log_weight = og_alloc(a->batch, sizeof *a->log_weight);
    a->most = og_alloc(a->batch, sizeof *a->most);
    if (!a->start || !a->gradient || !a->dlogits || !a->log_weight || !a->most)
        return og_fail(err, OG_NO_MEMORY, "no memory for an attack on %zu samples",
                       a->batch);
    return og_exec_alloc(&a->exec, o->model, &options, err);
}

og_status og_attack_alloc(og_attack **attack, const struct og_attack_options *options,
                          struct og_error *err)
{
    og_attack *a = *attack = og_alloc(1, sizeof *a);
    if (!a) return og_fail(err, OG_NO_MEMORY, "no memory for an attack");
    *a = (struct og_attack){
        .config = options->config,
        .set = options->set,
        .seed = options->seed,
        .batch = options->batch,
        .width = 1,
        .classes = og_model_classes(options->model),
    };
    const og_status status = fill(a, options, err);
    if (status == OG_OK) return OG_OK;
    og_attack_free(a);
    *attack = NULL;
    return status;
}

void og_attack_free(og_attack *a)
{
    if (!a) return;
    og_exec_free(a->exec);
    og_free(a->start);
    og_free(a->gradient);
    og_free(a->dlogits);
    og_free(a->log_weight);
    og_free(a->most);
    og_free(a);
}

og_exec *og_attack_exec(og_attack *a) { return a->exec; }

// The gradient of the cross-entropy, p - 1 at the label, divided by 1 - p_label: signs
// are all that counts, and these survive where p_label is nearly 1. Returns the logarithm
// of 1 - p_label, by which draws have to be weighed against each other.
static double logit_gradient(const float *z, int classes, int label, float *out)
{
    double most = -INFINITY, sum = 0.0;
    for (int j = 0; j < classes; j++)
        if (j != label) most = fmax(most, (double)z[j]);
    for (int j = 0; j < classes; j++)
        if (j != label) sum += og_exp((double)z[j] - most);
    for (int j = 0; j < classes; j++)
        out[j] = j == label ? -1.0f : (float)(og_exp((double)z[j] - most) / sum);
    const double odds = most + og_log(sum) - (double)z[label];  // log((1 - p) / p)
    return odds > 0 ? -og_log1p(og_exp(-odds)) : odds - og_log1p(og_exp(odds));
}

// Adds the gradient g of a draw for sample i. The sum is kept divided by the largest
// weight so far, so that not all of them underflow.
static void add_draw(og_attack *a, size_t i, const float *g)
{
    float *sum = a->gradient + i * a->width;
    const double weight = a->log_weight[i], most = fmax(a->most[i], weight);
    const float before = (float)og_exp(a->most[i] - most);
    const float now = (float)og_exp(weight - most);
    for (size_t k = 0; k < a->width; k++) sum[k] = before * sum[k] + now * g[k];
    a->most[i] = most;
}

// Sum of the gradients of all draws, at x, but for a factor of each sample.
static void find_gradient(og_attack *a, const struct og_batch *batch, uint32_t step,
                          const float *x)
{
    const uint32_t draws = (uint32_t)a->config->draws;
    const uint32_t steps =
        a->config->kind == OG_ATTACK_PGD ? (uint32_t)a->config->steps : 1;
    const size_t n = batch->n * a->width, classes = (size_t)a->classes;
    struct og_batch at = *batch;
    at.x = x;
    memset(a->gradient, 0, n * sizeof *a->gradient);
    for (size_t i = 0; i < batch->n; i++) a->most[i] = -INFINITY;
    for (uint32_t k = 0; k < draws; k++) {
        at.pass = first_pass + (batch->pass * steps + step) * draws + k;
        const float *z = og_exec_forward(a->exec, &at);
        for (size_t i = 0; i < batch->n; i++)
            a->log_weight[i] = logit_gradient(z + i * classes, a->classes,
                                              batch->label[i], a->dlogits + i * classes);
        const float *g = og_exec_backward_inputs(a->exec, &at, a->dlogits);
        for (size_t i = 0; i < batch->n; i++) add_draw(a, i, g + i * a->width);
    }
}

// What pixels of a channel may be, and how much they may change, in units of the input.
struct bounds {
    float low, high, epsilon, step;
};

static struct bounds bounds_of(const og_attack *a, size_t element)
{
    const struct og_data_spec *s = &a->set->spec;
    const struct og_dataset *set = a->set;
    const struct og_attack_config *c = a->config;
    const size_t i = element % a->width;
    const size_t channel = set->shape.rank == 3 ? i / (set->height * set->width)
                                                : i / set->width % set->channels;
    const double mean = (double)s->mean[channel], std = (double)s->std[channel];
    const double step = c->kind == OG_ATTACK_FGSM ? c->epsilon
                        : c->step > 0             ? c->step
                                                  : 2.5 * c->epsilon / c->steps;
    return (struct bounds){(float)((0 - mean) / std), (float)((1 - mean) / std),
                           (float)(c->epsilon / std), (float)(step / std)};
}

static float clip(float x, float start, const struct bounds *b)
{
    x = fminf(fmaxf(x, start - b->epsilon), start + b->epsilon);
    return fminf(fmaxf(x, b->low), b->high);
}

static void begin_anywhere(og_attack *a, const struct og_batch *batch, float *x)
{
    const struct og_stream s = og_stream_named(a->seed, OG_ATTACK, 0, 0, 0);
    for (size_t r = 0; r < batch->n; r++) {
        float *image = x + r * a->width, *draw = a->gradient + r * a->width;
        const struct og_index at = {batch->pass, batch->sample[r], 0};
        og_uniform_fill(&s, at, 0, draw, a->width);
        for (size_t i = 0; i < a->width; i++) {
            const struct bounds b = bounds_of(a, i);
            image[i] = clip(image[i] + b.epsilon * (2.0f * draw[i] - 1.0f), image[i], &b);
        }
    }
}

void og_attack_run(og_attack *a, const struct og_batch *batch, float *x)
{
    assert(batch->label && batch->n <= a->batch && a->config->kind != OG_ATTACK_NONE);
    const bool pgd = a->config->kind == OG_ATTACK_PGD;
    const uint32_t steps = pgd ? (uint32_t)a->config->steps : 1;
    const size_t n = batch->n * a->width;
    memcpy(a->start, x, n * sizeof *x);
    if (pgd && a->config->random_start) begin_anywhere(a, batch, x);
    for (uint32_t step = 0; step < steps; step++) {
        find_gradient(a, batch, step, x);
        for (size_t i = 0; i < n; i++) {
            const struct bounds b = bounds_of(a, i);
            const float g = a->gradient[i];
            const float move = g > 0 ? b.step : g < 0 ? -b.step : 0.0f;
            x[i] = clip(x[i] + move, a->start[i], &b);
        }
    }
}
