// SPDX-License-Identifier: GPL-3.0-or-later
// A training step with the hardware in the loop over the same step on floats: forward,
// loss, backward, running statistics, and the changed weights programmed again.
#include "base/mem.h"
#include "config/tree.h"
#include "experiment/bench_case.h"
#include "ohmgrid/model.h"
#include "ohmgrid/random.h"

enum { BATCH = 128, PIXELS = 28 * 28, CLASSES = 10 };

static const char *const networks[] = {
    "- lstm: {units: 64}\n"
    "- dense: {units: 10}\n",
    "- conv2d: {filters: 20, kernel: 5}\n"
    "- relu\n"
    "- max_pool: {size: 2}\n"
    "- conv2d: {filters: 50, kernel: 5}\n"
    "- relu\n"
    "- max_pool: {size: 2}\n"
    "- dense: {units: 500}\n"
    "- relu\n"
    "- dense: {units: 10}\n",
};
enum { LSTM, LENET };

static const struct og_shape inputs[] = {{2, {28, 28}}, {3, {1, 28, 28}}};

struct training {
    og_model *model;
    og_exec *hardware, *plain;
    struct og_batch batch;
    uint32_t step;
    float x[BATCH * PIXELS];
    uint8_t label[BATCH];
    uint32_t sample[BATCH];
};

// Constant read noise and programming error, 8-bit converters: what most studies switch
// on.
static struct og_hardware noisy(void)
{
    struct og_hardware hw = og_hardware_default();
    double g_max = hw.device.g_max;
    hw.device.program =
        (struct og_sigma){.kind = OG_SIGMA_CONSTANT, .sigma = 0.02 * g_max, .scale = 1.0};
    hw.device.read =
        (struct og_sigma){.kind = OG_SIGMA_CONSTANT, .sigma = 0.01 * g_max, .scale = 1.0};
    hw.dac.bits = hw.adc.bits = 8;
    hw.dac.mode = hw.adc.mode = OG_RANGE_MINMAX;
    return hw;
}

static void training_close(void *bench)
{
    struct training *b = bench;
    if (b == NULL) return;
    og_exec_free(b->hardware);
    og_exec_free(b->plain);
    og_model_free(b->model);
    og_free(b);
}

static void make_batch(struct training *b)
{
    struct og_stream s = og_stream_named(4, OG_INIT, 0, 0, 0);
    og_uniform_fill(&s, (struct og_index){0, 0, 0}, 0, b->x, BATCH * PIXELS);
    for (uint32_t i = 0; i < BATCH; i++) {
        b->label[i] = (uint8_t)(i % CLASSES);
        b->sample[i] = i;
    }
    b->batch = (struct og_batch){
        .x = b->x, .label = b->label, .sample = b->sample, .n = BATCH, .seed = 1};
}

static og_status make_exec(og_exec **exec, struct training *b,
                           const struct og_hardware *hw, struct og_error *err)
{
    struct og_exec_options options = {.hardware = hw, .batch = BATCH, .training = true};
    OG_TRY(og_exec_alloc(exec, b->model, &options, err));
    OG_TRY(og_exec_calibrate(*exec, &b->batch, err));
    og_exec_program(*exec, &(struct og_chip){.seed = 1});
    return OG_OK;
}

static og_status training_open(void **bench, size_t variant, struct og_error *err)
{
    struct training *b = og_alloc(1, sizeof *b);
    *bench = b;
    if (b == NULL) return og_fail(err, OG_NO_MEMORY, "bench: out of memory");
    og_item *layers = NULL;
    OG_TRY(og_item_parse(&layers, "bench", networks[variant], err));
    og_status status = og_model_build(&b->model, layers, &inputs[variant], CLASSES, err);
    og_item_free(layers);
    if (status != OG_OK) return status;
    og_model_init(b->model, 1);
    make_batch(b);
    struct og_hardware hw = noisy();
    OG_TRY(make_exec(&b->hardware, b, &hw, err));
    return make_exec(&b->plain, b, NULL, err);
}

static void train_step(struct training *b, og_exec *exec)
{
    b->batch.pass = b->step++;
    og_exec_forward(exec, &b->batch);
    og_exec_loss(exec, &b->batch, NULL);
    og_exec_backward(exec, &b->batch);
    og_exec_update_state(exec);
    og_exec_program(exec, &(struct og_chip){.seed = 1, .draw = b->step});
}

static void training_ours(void *bench)
{
    struct training *b = bench;
    train_step(b, b->hardware);
}

static void training_theirs(void *bench)
{
    struct training *b = bench;
    train_step(b, b->plain);
}

const struct og_bench_case og_bench_training[] = {
    {"LSTM training over floats", "128x28x28-64-10", "s", 1.5, false, LSTM, training_open,
     training_ours, training_theirs, training_close, NULL},
    {"LeNet-5 training over floats", "128 20-50-500", "s", 1.5, false, LENET,
     training_open, training_ours, training_theirs, training_close, NULL},
    {.name = NULL},
};
