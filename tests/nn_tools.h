// SPDX-License-Identifier: GPL-3.0-or-later
// What the tests of networks share: models from YAML text, batches of random numbers.
// Include after cmocka.h.
#ifndef OG_TESTS_NN_TOOLS_H
#define OG_TESTS_NN_TOOLS_H

#include <string.h>

#include "base/mem.h"
#include "config/tree.h"
#include "ohmgrid/model.h"
#include "ohmgrid/random.h"

// A batch that owns its numbers.
struct nn_batch {
    struct og_batch b;
    float *x;
    uint8_t *label;
    uint32_t *sample;
};

static inline og_status nn_build(og_model **model, const char *yaml, struct og_shape in,
                                 int classes, struct og_error *err)
{
    og_item *root;
    og_status status = og_item_parse(&root, "test", yaml, err);
    if (status != OG_OK) return status;
    status = og_model_build(model, root, &in, classes, err);
    og_item_free(root);
    return status;
}

static inline og_model *nn_model(const char *yaml, struct og_shape in, int classes)
{
    og_model *model;
    struct og_error err = {0};
    if (nn_build(&model, yaml, in, classes, &err) != OG_OK) fail_msg("%s", err.text);
    return model;
}

static inline og_exec *nn_exec(og_model *model, const struct og_exec_options *options)
{
    og_exec *exec;
    struct og_error err = {0};
    if (og_exec_alloc(&exec, model, options, &err) != OG_OK) fail_msg("%s", err.text);
    return exec;
}

static inline void nn_uniform(float *x, size_t n, uint32_t seed)
{
    struct og_stream s = og_stream_named(seed, OG_ATTACK, 0, 0, 0);
    og_uniform_fill(&s, (struct og_index){0, 0, 0}, 0, x, n);
    for (size_t i = 0; i < n; i++) x[i] = 2.0f * x[i] - 1.0f;
}

// n samples of `width` numbers in [-1, 1); sample numbers 100, 101, ...
static inline struct nn_batch nn_batch_make(size_t n, size_t width, int classes)
{
    struct nn_batch t = {.x = og_alloc(n * width, sizeof(float)),
                         .label = og_alloc(n, 1),
                         .sample = og_alloc(n, sizeof(uint32_t))};
    nn_uniform(t.x, n * width, 77);
    for (size_t i = 0; i < n; i++) {
        t.label[i] = (uint8_t)((i * 7 + i / 3) % (size_t)classes);
        t.sample[i] = (uint32_t)(100 + i);
    }
    t.b = (struct og_batch){
        .x = t.x, .label = t.label, .sample = t.sample, .n = n, .seed = 5};
    return t;
}

static inline void nn_batch_free(struct nn_batch *t)
{
    og_free(t->x);
    og_free(t->label);
    og_free(t->sample);
}

// Programming and read noise, converters, several tiles.
static inline struct og_hardware nn_noisy(void)
{
    struct og_hardware hw = og_hardware_default();
    hw.ideal = false;
    hw.device.program =
        (struct og_sigma){.kind = OG_SIGMA_CONSTANT, .sigma = 1e-6, .scale = 1};
    hw.device.read =
        (struct og_sigma){.kind = OG_SIGMA_CONSTANT, .sigma = 2e-7, .scale = 1};
    hw.tile.rows = 16;
    hw.tile.cols = 8;
    hw.dac.bits = 6;
    hw.dac.mode = OG_RANGE_MINMAX;
    hw.adc.bits = 7;
    hw.adc.mode = OG_RANGE_MINMAX;
    return hw;
}

// Perfect arrays with noise injected at points, 20 dB.
static inline struct og_hardware nn_injecting(int points)
{
    struct og_hardware hw = og_hardware_default();
    hw.ideal = false;
    hw.injection.points = points;
    hw.injection.snr_db = 20.0;
    hw.dac.mode = OG_RANGE_MINMAX;
    return hw;
}

#endif
