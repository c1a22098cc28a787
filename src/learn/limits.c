// SPDX-License-Identifier: GPL-3.0-or-later
// FT-ClipAct's paper gives the profile, the criterion and "an interval search"; how the
// intervals shrink, which samples and how many chips is ohmgrid's choice:
//
//   first interval  [0, T0], tries T0 (P - j) / P,                    j = 0 .. P - 1
//   later ones      [max(0, T - d), min(T0, T + d)] around the best T so far, d the
//                   distance of tries before, tries low + (high - low) (P - j) / (P + 1)
//
// Among tries of equal area the earlier one wins: in an interval, the larger T.
#include "learn/limits.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/elementary.h"
#include "base/mem.h"
#include "config/tree.h"
#include "learn/bytes.h"
#include "nn/exec.h"
#include "nn/ops.h"

enum { BATCH = 256 };  // of evaluations; no result depends on it

struct og_limits {
    og_model *model;
    const struct og_limits_config *config;
    struct og_compress_options options;
    struct og_dataset set;  // the first samples of the training set; borrows its memory
    og_item *layers;        // hardware.layers without their own rate of these faults
    double weight[OG_LIST_MAX];  // of the accuracy at each rate in the area
    og_exec *exec[OG_LIST_MAX];  // one for each rate
    size_t ready[OG_LIST_MAX];   // try + 1 that it is calibrated for

    size_t nodes, tries;  // relus; of each of them
    size_t *node;         // [nodes] in the model
    size_t numbers;       // doubles below, in this order
    double *start;        // [nodes]: T0
    double *tried;        // [nodes][tries]: T
    double *area;         // [nodes][tries]
    double *interval;     // [3]: low, high, and the accuracy of the last step
};

// --- set-up -----------------------------------------------------------------------

static bool is_searched(const struct og_node *n)
{
    return n->op == &og_op_relu && n->params > 0;
}

static og_status find_nodes(og_limits *l, struct og_error *err)
{
    const og_model *m = l->model;
    for (size_t i = 0; i < m->nodes; i++) l->nodes += is_searched(&m->node[i]);
    if (l->nodes == 0)
        return og_item_fail(l->options.round, err,
                            "activation_limits needs a relu with 'search: true'");
    l->tries = (size_t)l->config->points * (size_t)l->config->iterations;
    l->numbers = l->nodes * (1 + 2 * l->tries) + 3;
    l->node = og_alloc(l->nodes, sizeof *l->node);
    l->start = og_alloc(l->numbers, sizeof *l->start);
    if (!l->node || !l->start)
        return og_fail(err, OG_NO_MEMORY, "no memory for %zu limits", l->nodes);
    l->tried = l->start + l->nodes;
    l->area = l->tried + l->nodes * l->tries;
    l->interval = l->area + l->nodes * l->tries;
    for (size_t i = 0, n = 0; i < m->nodes; i++)
        if (is_searched(&m->node[i])) l->node[n++] = i;
    return OG_OK;
}

static double axis(const struct og_limits_config *c, int i)
{
    return c->scale == OG_SCALE_LOG ? og_log(c->rates.v[i]) : c->rates.v[i];
}

// Trapezoids, divided by the length of the axis: the area of accuracy 1 is 1.
static void weigh(og_limits *l)
{
    const struct og_limits_config *c = l->config;
    const int n = c->rates.n;
    if (n == 1) l->weight[0] = 1.0;
    for (int i = 0; i + 1 < n; i++) {
        const double half =
            0.5 * (axis(c, i + 1) - axis(c, i)) / (axis(c, n - 1) - axis(c, 0));
        l->weight[i] += half;
        l->weight[i + 1] += half;
    }
}

// The rate is that of all devices, also of layers on hardware of their own.
static og_status common_rate(og_limits *l, const og_item *layers, struct og_error *err)
{
    if (!layers) return OG_OK;
    l->layers = og_item_copy(layers);
    if (!l->layers) return og_fail(err, OG_NO_MEMORY, "no memory for hardware.layers");
    for (size_t i = 0; i < l->layers->n; i++) {
        og_item *faults =
            (og_item *)og_item_find(l->layers->child[i], "device.faults", false);
        if (faults)
            og_item_remove(faults, l->config->fault == OG_FAULT_LRS ? "p_lrs" : "p_hrs");
    }
    return OG_OK;
}

static og_status open_chips(og_limits *l, struct og_error *err)
{
    struct og_hardware hw = l->options.base->hardware;
    double *rate = l->config->fault == OG_FAULT_LRS ? &hw.device.faults.p_lrs
                                                    : &hw.device.faults.p_hrs;
    OG_TRY(common_rate(l, hw.layers, err));
    hw.layers = l->layers;
    const struct og_exec_options options = {.hardware = &hw,
                                            .batch = l->set.n < BATCH ? l->set.n : BATCH};
    for (int i = 0; i < l->config->rates.n; i++) {
        *rate = l->config->rates.v[i];
        OG_TRY(og_exec_alloc(&l->exec[i], l->model, &options, err));
    }
    return OG_OK;
}

static og_status fill(og_limits *l, struct og_error *err)
{
    OG_TRY(find_nodes(l, err));
    if (!l->options.train) return OG_OK;
    if (l->options.train->symbol)
        return og_fail(err, OG_INPUT,
                       "limits are searched on labels, which text has not");
    const size_t samples = (size_t)l->config->samples;
    l->set = *l->options.train;
    if (samples < l->set.n) l->set.n = samples;
    if (l->set.n == 0) return og_fail(err, OG_INPUT, "the training set is empty");
    weigh(l);
    return open_chips(l, err);
}

og_status og_limits_alloc(og_limits **limits, og_model *model,
                          const struct og_limits_config *config,
                          const struct og_compress_options *options, struct og_error *err)
{
    og_limits *l = *limits = og_alloc(1, sizeof *l);
    if (!l) return og_fail(err, OG_NO_MEMORY, "no memory for a search of limits");
    l->model = model;
    l->config = config;
    l->options = *options;
    const og_status status = fill(l, err);
    if (status == OG_OK) return OG_OK;
    og_limits_free(l);
    *limits = NULL;
    return status;
}

void og_limits_free(og_limits *l)
{
    if (!l) return;
    for (int i = 0; i < l->config->rates.n; i++) og_exec_free(l->exec[i]);
    og_item_free(l->layers);
    og_free(l->node);
    og_free(l->start);
    og_free(l);
}

// --- the profile ------------------------------------------------------------------

static float *limit_at(const og_limits *l, size_t i)
{
    return l->model->state + l->model->node[l->node[i]].param[0].offset;
}

struct look {
    og_limits *limits;
    og_exec *exec;
};

// After each batch of the profile.
static void look(void *user, size_t samples)
{
    const struct look *k = user;
    og_limits *l = k->limits;
    for (size_t i = 0; i < l->nodes; i++) {
        const float *y = k->exec->act[l->node[i]];
        const size_t n = samples * og_shape_count(&l->model->node[l->node[i]].shape);
        for (size_t e = 0; e < n; e++)
            if (y[e] > l->start[i]) l->start[i] = y[e];
    }
}

static og_status measure(og_limits *l, og_exec *exec, const struct og_chip *chip,
                         struct look *k, double *accuracy, struct og_error *err)
{
    struct og_evaluation e;
    const struct og_evaluate_options options = {.set = &l->set,
                                                .chip = chip,
                                                .pass = chip->draw,
                                                .batch = exec->batch,
                                                .tick = k ? look : NULL,
                                                .user = k};
    OG_TRY(og_exec_put_on(exec, chip, err));
    OG_TRY(og_evaluate(exec, &options, &e, err));
    *accuracy = e.accuracy;
    return OG_OK;
}

static og_status profile(og_limits *l, struct og_error *err)
{
    struct look k = {.limits = l};
    const struct og_chip chip = {.seed = l->options.base->seed};
    const struct og_exec_options options = {.batch = l->exec[0]->batch};
    memset(l->start, 0, l->nodes * sizeof *l->start);
    OG_TRY(og_exec_alloc(&k.exec, l->model, &options, err));
    const og_status status = measure(l, k.exec, &chip, &k, &l->interval[2], err);
    og_exec_free(k.exec);
    OG_TRY(status);
    for (size_t i = 0; i < l->nodes; i++) {
        if (!(l->start[i] > 0.0 && isfinite(l->start[i])))
            return og_fail(err, OG_INPUT,
                           "the outputs of relu '%s' have the maximum %g on %zu training "
                           "samples: there is no limit to search",
                           l->model->node[l->node[i]].name, l->start[i], l->set.n);
        *limit_at(l, i) = (float)l->start[i];
    }
    return OG_OK;
}

// --- the search -------------------------------------------------------------------

// Of the first `tries` tries of a relu.
static size_t best_of(const og_limits *l, size_t i, size_t tries)
{
    const double *area = l->area + i * l->tries;
    size_t best = 0;
    for (size_t t = 1; t < tries; t++)
        if (area[t] > area[best]) best = t;
    return best;
}

static void narrow(og_limits *l, size_t i, size_t try)
{
    const size_t points = (size_t)l->config->points;
    double *low = &l->interval[0], *high = &l->interval[1];
    if (try == 0) {
        *low = 0.0;
        *high = l->start[i];
        return;
    }
    const double each = *high - *low;
    const double d = each / (double)(try == points ? points : points + 1);
    const double best = l->tried[i * l->tries + best_of(l, i, try)];
    *low = fmax(0.0, best - d);
    *high = fmin(l->start[i], best + d);
}

static void begin_try(og_limits *l, size_t i, size_t try)
{
    const size_t points = (size_t)l->config->points, j = try % points;
    if (j == 0) narrow(l, i, try);
    const double low = l->interval[0], high = l->interval[1];
    const double parts = (double)(try < points ? points : points + 1);
    // Nothing lost by rounding where the try is the end of the interval.
    const double t = try == 0 ? high : low + (high - low) * (double)(points - j) / parts;
    *limit_at(l, i) = (float)t;
    l->tried[i * l->tries + try] = *limit_at(l, i);
    l->area[i * l->tries + try] = 0.0;
}

// One chip at one rate.
static og_status one_chip(og_limits *l, size_t serial, size_t rate, size_t number,
                          struct og_error *err)
{
    const struct og_train_config *base = l->options.base;
    const struct og_chip chip = {
        .seed = base->seed, .trial = OG_TRAINING_TRIAL, .draw = (uint32_t)number};
    if (l->ready[rate] != serial + 1)
        OG_TRY(og_calibrate(l->exec[rate], l->options.train,
                            (size_t)base->calibrate_samples, base->seed, err));
    l->ready[rate] = serial + 1;
    OG_TRY(measure(l, l->exec[rate], &chip, NULL, &l->interval[2], err));
    l->area[serial] += l->weight[rate] * l->interval[2] / (double)l->config->chips;
    return OG_OK;
}

og_status og_limits_step(og_limits *l, size_t at, struct og_error *err)
{
    assert(at < og_limits_steps(l));
    if (at == 0) return profile(l, err);
    const size_t chips = (size_t)l->config->chips, rates = (size_t)l->config->rates.n;
    const size_t each = rates * chips, place = (at - 1) % each, serial = (at - 1) / each;
    const size_t i = serial / l->tries, try = serial % l->tries;
    if (place == 0) begin_try(l, i, try);
    OG_TRY(one_chip(l, serial, place / chips, place % chips, err));
    if (place + 1 == each && try + 1 == l->tries)
        *limit_at(l, i) = (float)l->tried[i * l->tries + best_of(l, i, l->tries)];
    return OG_OK;
}

// --- from outside -----------------------------------------------------------------

static size_t steps_of_try(const og_limits *l)
{
    return (size_t)l->config->rates.n * (size_t)l->config->chips;
}

size_t og_limits_steps(const og_limits *l)
{
    return 1 + l->nodes * l->tries * steps_of_try(l);
}

struct og_compress_place og_limits_place(const og_limits *l, size_t at)
{
    const size_t each = steps_of_try(l);
    return (struct og_compress_place){
        .phase = OG_COMPRESS_LIMITS,
        .epoch = at > 0 ? (at - 1) / each : 0,
        .epochs = l->nodes * l->tries,
        .now = {.accuracy = l->interval[2]},
    };
}

size_t og_limits_bytes(const og_limits *l) { return l->numbers * sizeof *l->start; }

void og_limits_save(const og_limits *l, unsigned char **to)
{
    og_bytes_put(to, l->start, og_limits_bytes(l));
}

// The arrays are calibrated again by the step that needs it.
void og_limits_restore(og_limits *l, const unsigned char **from)
{
    og_bytes_get(from, l->start, og_limits_bytes(l));
    memset(l->ready, 0, sizeof l->ready);
}

size_t og_limits_count(const og_limits *l) { return l->nodes; }

struct og_limit_info og_limits_info(const og_limits *l, size_t i)
{
    assert(i < l->nodes);
    return (struct og_limit_info){.node = l->model->node[l->node[i]].name,
                                  .start = l->start[i],
                                  .limit = *limit_at(l, i),
                                  .tries = l->tries,
                                  .tried = l->tried + i * l->tries,
                                  .area = l->area + i * l->tries};
}
