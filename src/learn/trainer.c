// SPDX-License-Identifier: GPL-3.0-or-later
#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "learn/trainer.h"
#include "nn/exec.h"

static size_t sample_size(const struct og_dataset *set)
{
    size_t size = 1;
    for (int i = 0; i < set->shape.rank; i++) size *= set->shape.dim[i];
    return size;
}

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

static og_status alloc_exec(og_trainer *t, const struct og_hardware *hw, og_exec **exec,
                            struct og_error *err)
{
    const struct og_exec_options options = {
        .hardware = hw,
        .batch = t->batch,
        .training = true,
        .gradient = (enum og_gradient)t->config->gradient,
        .reparam = t->config->reparam,
        .streams = t->set->streams,
    };
    return og_exec_alloc(exec, t->model, &options, err);
}

static og_status alloc_attack(og_trainer *t, const struct og_hardware *hw,
                              og_attack **attack, struct og_error *err)
{
    const struct og_attack_options options = {
        .config = &t->config->adversarial,
        .model = t->model,
        .hardware = hw,
        .set = t->set,
        .batch = t->batch,
        .seed = t->config->seed,
    };
    if (t->config->adversarial.kind == OG_ATTACK_NONE) return OG_OK;
    return og_attack_alloc(attack, &options, err);
}

// Only the executions that some step will use.
static og_status alloc_execs(og_trainer *t, struct og_error *err)
{
    const struct og_train_config *config = t->config;
    t->hardware_from =
        config->hardware.ideal ? t->steps : (size_t)config->ideal_epochs * t->per_epoch;
    if (t->hardware_from > 0) OG_TRY(alloc_exec(t, NULL, &t->ideal, err));
    if (t->hardware_from > 0) OG_TRY(alloc_attack(t, NULL, &t->attack[0], err));
    if (t->hardware_from == t->steps) return OG_OK;
    OG_TRY(alloc_exec(t, &config->hardware, &t->hardware, err));
    return alloc_attack(t, &config->hardware, &t->attack[1], err);
}

static og_status alloc_buffers(og_trainer *t, struct og_error *err)
{
    t->order = og_alloc(t->set->n, sizeof *t->order);
    t->x = og_alloc(t->batch * sample_size(t->set), sizeof *t->x);
    t->label = og_alloc(t->batch, 1);
    t->hit = og_alloc(t->batch, t->answers);
    t->target = og_alloc(t->batch, t->answers * sizeof *t->target);
    t->curve = og_alloc((size_t)t->config->epochs, sizeof *t->curve);
    if (t->options.pull || t->options.frozen)
        t->gradient = og_alloc(t->param_count, sizeof *t->gradient);
    const bool adds = t->options.pull || t->options.frozen;
    if (!t->order || !t->x || !t->label || !t->hit || !t->target || !t->curve ||
        (adds && !t->gradient))
        return og_fail(err, OG_NO_MEMORY, "no memory for batches of %zu samples",
                       t->batch);
    return OG_OK;
}

static og_status fill(og_trainer *t, struct og_error *err)
{
    if (t->set->n == 0) return og_fail(err, OG_INPUT, "the training set is empty");
    if (og_model_classes(t->model) < t->set->classes)
        return og_fail(err, OG_INPUT,
                       "the network has %d outputs, the data set %d classes",
                       og_model_classes(t->model), t->set->classes);
    if (t->set->length) OG_TRY(og_model_check_ragged(t->model, err));
    t->batch = smaller((size_t)t->config->batch, t->set->n);
    if (t->set->symbol && t->batch != t->set->streams)
        return og_fail(
            err, OG_INPUT,
            "the text was cut into %zu streams, which train.batch %d has to be",
            t->set->streams, t->config->batch);
    t->answers = t->set->symbol ? t->set->shape.dim[0] : 1;
    t->per_epoch = (t->set->n + t->batch - 1) / t->batch;
    t->steps = (size_t)t->config->epochs * t->per_epoch;
    t->params = og_model_params(t->model, &t->param_count);
    t->state = og_model_state(t->model, &t->state_count);
    if (!t->options.keep_weights) og_model_init(t->model, t->config->seed);
    OG_TRY(og_trainer_fingerprint(t, err));
    OG_TRY(alloc_buffers(t, err));
    OG_TRY(og_descent_init(&t->descent, t->model, t->config, err));
    t->descent.frozen = t->options.frozen;
    return alloc_execs(t, err);
}

og_status og_trainer_alloc_with(og_trainer **trainer, og_model *model,
                                const struct og_train_options *options,
                                struct og_error *err)
{
    assert(!options->pull == !options->target);
    og_trainer *t = *trainer = og_alloc(1, sizeof *t);
    if (!t) return og_fail(err, OG_NO_MEMORY, "no memory for a trainer");
    t->model = model;
    t->options = *options;
    t->config = options->config;
    t->set = options->train;
    const og_status status = fill(t, err);
    if (status != OG_OK) {
        og_trainer_free(t);
        *trainer = NULL;
    }
    return status;
}

og_status og_trainer_alloc(og_trainer **trainer, og_model *model,
                           const struct og_train_config *config,
                           const struct og_dataset *train, struct og_error *err)
{
    const struct og_train_options options = {.config = config, .train = train};
    return og_trainer_alloc_with(trainer, model, &options, err);
}

void og_trainer_free(og_trainer *t)
{
    if (!t) return;
    og_attack_free(t->attack[0]);
    og_attack_free(t->attack[1]);
    og_exec_free(t->ideal);
    og_exec_free(t->hardware);
    og_descent_clear(&t->descent);
    og_free(t->order);
    og_free(t->x);
    og_free(t->label);
    og_free(t->target);
    og_free(t->hit);
    og_free(t->curve);
    og_free(t->gradient);
    og_free(t);
}

size_t og_trainer_steps(const og_trainer *t) { return t->steps; }

size_t og_trainer_at(const og_trainer *t) { return t->at; }

const struct og_curve *og_trainer_curve(const og_trainer *t, size_t *epochs)
{
    *epochs = t->at / t->per_epoch;
    return t->curve;
}

struct og_curve og_trainer_running(const og_trainer *t)
{
    if (t->seen == 0) return (struct og_curve){0};
    const double n = (double)t->seen;
    return (struct og_curve){t->loss / n, (double)t->hits / n,
                             og_learning_rate(t->config, t->per_epoch, t->at - 1)};
}

// The epoch that names the random draws.
static uint32_t draw_epoch(const og_trainer *t, size_t epoch)
{
    return (uint32_t)(t->options.first_epoch + epoch);
}

// A new order for each epoch; the windows of a text always follow each other.
static void order_samples(og_trainer *t, size_t epoch)
{
    const struct og_stream s = og_stream_named(t->config->seed, OG_DATA_ORDER, 0, 0, 0);
    if (t->ordered == epoch + 1) return;
    for (size_t i = 0; t->set->symbol && i < t->set->n; i++) t->order[i] = (uint32_t)i;
    if (!t->set->symbol)
        og_permutation(&s, (struct og_index){draw_epoch(t, epoch), 0, 0}, t->order,
                       t->set->n);
    t->ordered = epoch + 1;
}

static struct og_batch fetch(og_trainer *t, size_t epoch)
{
    order_samples(t, epoch);
    const size_t first = t->at % t->per_epoch * t->batch;
    const uint32_t *sample = t->order + first;
    const size_t n = smaller(t->batch, t->set->n - first);
    const struct og_augment augment = {t->config->seed, draw_epoch(t, epoch)};
    og_dataset_fetch(t->set, sample, n, &augment, t->x);
    const bool text = t->set->symbol != NULL;
    if (text) og_dataset_targets(t->set, sample, n, t->target);
    for (size_t i = 0; !text && i < n; i++) t->label[i] = t->set->label[sample[i]];
    return (struct og_batch){
        .x = t->x,
        .label = text ? NULL : t->label,
        .target = text ? t->target : NULL,
        .sample = sample,
        .length = t->set->length,
        .n = n,
        .streams = t->set->streams,
        .seed = t->config->seed,
        .trial = OG_TRAINING_TRIAL,
        .pass = draw_epoch(t, epoch),
    };
}

// Calibrations come at the powers of two first: fresh weights outgrow their converters
// within a few steps.
static bool is_calibration(size_t since, size_t every)
{
    if (since == 0) return true;
    if (every == 0) return false;
    return since % every == 0 || (since < every && (since & (since - 1)) == 0);
}

static og_attack *attack_of(const og_trainer *t, const og_exec *exec)
{
    return t->attack[exec == t->hardware];
}

// The attack sees the very chip, with the ranges and powers that training goes by.
static og_status program_attack(const og_trainer *t, og_exec *exec,
                                const struct og_chip *chip, struct og_error *err)
{
    og_attack *attack = attack_of(t, exec);
    if (!attack) return OG_OK;
    size_t n, own;
    const float *from = og_exec_calibration(exec, &n);
    float *to = og_exec_calibration(og_attack_exec(attack), &own);
    assert(n == own);
    if (n > 0) memcpy(to, from, n * sizeof *to);
    og_exec_calibration_changed(og_attack_exec(attack));
    return og_exec_put_on(og_attack_exec(attack), chip, err);
}

// Puts the present weights on the hardware of this step.
static og_status program(og_trainer *t, size_t epoch, og_exec **exec,
                         struct og_error *err)
{
    const struct og_train_config *config = t->config;
    struct og_chip chip = {.seed = config->seed, .trial = OG_TRAINING_TRIAL};
    if (t->at < t->hardware_from) {
        *exec = t->ideal;
    } else {
        const size_t since = t->at - t->hardware_from;
        *exec = t->hardware;
        if (is_calibration(since, (size_t)config->calibrate_every))
            OG_TRY(og_calibrate(t->hardware, t->set, (size_t)config->calibrate_samples,
                                config->seed, err));
        if (config->redraw == OG_REDRAW_STEP)
            chip.draw = (uint32_t)(t->options.first_epoch * t->per_epoch + t->at);
        if (config->redraw == OG_REDRAW_EPOCH) chip.draw = draw_epoch(t, epoch);
    }
    OG_TRY(og_exec_put_on(*exec, &chip, err));
    return program_attack(t, *exec, &chip, err);
}

static og_status diverged(const og_trainer *t, const char *what, double lr,
                          struct og_error *err)
{
    return og_fail(
        err, OG_FAILED,
        "training diverged: %s at step %zu of %zu (epoch %zu, learning rate %g); "
        "lower lr or set clip_norm",
        what, t->at + 1, t->steps, t->at / t->per_epoch + 1, lr);
}

static bool all_finite(const float *value, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(value[i])) return false;
    return true;
}

static void count_step(og_trainer *t, const struct og_batch *batch, double loss)
{
    const size_t answers = batch->n * t->answers;
    t->loss += loss;
    for (size_t i = 0; i < answers; i++) {
        t->seen += !batch->target || batch->target[i] != OG_NO_TARGET;
        t->hits += t->hit[i];
    }
    t->at++;
    if (t->at % t->per_epoch != 0) return;
    t->curve[t->at / t->per_epoch - 1] = og_trainer_running(t);
    t->loss = 0.0;
    t->seen = t->hits = 0;
}

// The gradient with what the options add, in one pass. Frozen weights have none, so that
// they count in no norm and gather no momentum.
static const float *adjust(og_trainer *t, const float *gradient)
{
    if (!t->gradient) return gradient;
    const float *pull = t->options.pull, *target = t->options.target, *w = t->params;
    const uint8_t *frozen = t->options.frozen;
    const size_t n = t->param_count;
    float *sum = t->gradient;
#pragma omp parallel for default(none) shared(sum, gradient, pull, target, w, frozen, n) \
    schedule(static)
    for (size_t i = 0; i < n; i++) {
        const float added = pull ? pull[i] * w[i] - target[i] : 0.0f;
        sum[i] = frozen && frozen[i] ? 0.0f : gradient[i] + added;
    }
    return sum;
}

og_status og_trainer_step(og_trainer *t, struct og_error *err)
{
    assert(t->at < t->steps);
    const size_t epoch = t->at / t->per_epoch;
    const double lr = og_learning_rate(t->config, t->per_epoch, t->at);
    const struct og_batch batch = fetch(t, epoch);
    og_exec *exec = NULL;
    OG_TRY(program(t, epoch, &exec, err));
    if (attack_of(t, exec)) og_attack_run(attack_of(t, exec), &batch, t->x);
    og_exec_forward(exec, &batch);
    const double loss = og_exec_loss(exec, &batch, t->hit);
    if (!isfinite(loss)) return diverged(t, "the loss is not finite", lr, err);
    const float *gradient = adjust(t, og_exec_backward(exec, &batch));
    og_descent_step(&t->descent, t->params, gradient, lr, t->at);
    og_exec_update_state(exec);
    // Every step's loss judges the weights before it; these are judged by no later step.
    if ((t->at + 1) % t->per_epoch == 0 && !all_finite(t->params, t->param_count))
        return diverged(t, "a weight is not finite", lr, err);
    count_step(t, &batch, loss);
    return OG_OK;
}
