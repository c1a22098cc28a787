// SPDX-License-Identifier: GPL-3.0-or-later
// What the tests of compression share: a small data set and a round at work. Include
// after cmocka.h.
#ifndef OG_TESTS_COMPRESS_TOOLS_H
#define OG_TESTS_COMPRESS_TOOLS_H

#include <stdio.h>
#include <stdlib.h>

#include "learn/compress.h"
#include "nn_tools.h"

enum { SIDE = 6, PIXELS = SIDE * SIDE, CLASSES = 4, SAMPLES = 240 };

static struct og_dataset data;
static const struct og_shape image = {3, {1, SIDE, SIDE}};
static const char linear_net[] = "- dense: {units: 4, name: fc}\n";
static const char conv_net[] =
    "- conv2d: {filters: 4, kernel: 3, name: c1}\n- batch_norm:\n- relu:\n"
    "- max_pool: {size: 2}\n- conv2d: {filters: 6, kernel: 2, name: c2}\n- relu:\n"
    "- flatten:\n- dense: {units: 4, name: fc}\n";

// Class c lights pixels 6 + c and 24 + c; all others are noise.
static inline bool is_informative(size_t p)
{
    return (p >= 6 && p < 10) || (p >= 24 && p < 28);
}

static inline int make_data(void **state)
{
    (void)state;
    data = (struct og_dataset){.n = SAMPLES, .classes = CLASSES, .channels = 1};
    data.height = data.width = SIDE;
    data.shape = image;
    data.spec.std[0] = 1.0f;
    data.pixel = og_alloc(SAMPLES, PIXELS);
    data.label = og_alloc(SAMPLES, 1);
    if (!data.pixel || !data.label) return 1;
    const struct og_stream s = og_stream_named(5, OG_INIT, 0, 0, 0);
    for (size_t i = 0; i < SAMPLES; i++) {
        data.label[i] = (uint8_t)(i * 7 % CLASSES);
        for (size_t p = 0; p < PIXELS; p++) {
            const uint32_t w =
                og_random_word(&s, (struct og_index){(uint32_t)i, 0, 0}, p) % 160;
            const bool lit = is_informative(p) && (p - 6) % 18 == data.label[i];
            data.pixel[i * PIXELS + p] = (uint8_t)(w + (lit ? 90 : 0));
        }
    }
    return 0;
}

static inline int drop_data(void **state)
{
    (void)state;
    og_free(data.pixel);
    og_free(data.label);
    return 0;
}

static inline struct og_train_config base_config(void)
{
    struct og_train_config c = {
        .epochs = 4,
        .batch = 50,
        .optimizer = OG_ADAM,
        .lr = 0.02,
        .momentum = 0.9,
        .beta1 = 0.9,
        .beta2 = 0.999,
        .weight_decay = 0.01,
        .lr_gamma = 0.5,
        .lr_step = 1,
        .seed = 7,
        .calibrate_samples = 64,
        .calibrate_every = 3,
        .hardware = og_hardware_default(),
    };
    c.hardware.ideal = true;
    return c;
}

static inline void must(og_status status, const struct og_error *err)
{
    if (status != OG_OK) fail_msg("%s", err->text);
}

// A model, a round from YAML, and what it needs.
struct work {
    og_model *model;
    struct og_train_config base;
    og_item *item;
    og_compress *c;
    struct og_error err;
};

static inline void train_model(struct work *w)
{
    og_trainer *t;
    must(og_trainer_alloc(&t, w->model, &w->base, &data, &w->err), &w->err);
    while (og_trainer_at(t) < og_trainer_steps(t))
        must(og_trainer_step(t, &w->err), &w->err);
    og_trainer_free(t);
}

static inline og_status open_round(struct work *w, const char *round)
{
    must(og_item_parse(&w->item, "round", round, &w->err), &w->err);
    const struct og_compress_options options = {
        .round = w->item, .base = &w->base, .train = &data, .first_epoch = 4};
    return og_compress_alloc(&w->c, w->model, &options, &w->err);
}

static inline struct work begin(const char *net, const char *round)
{
    struct work w = {.model = nn_model(net, image, CLASSES), .base = base_config()};
    train_model(&w);
    must(open_round(&w, round), &w.err);
    return w;
}

static inline void run_to(struct work *w, size_t at)
{
    while (og_compress_at(w->c) < at) must(og_compress_step(w->c, &w->err), &w->err);
}

static inline void run_all(struct work *w) { run_to(w, og_compress_steps(w->c)); }

static inline void close_round(struct work *w)
{
    og_compress_free(w->c);
    og_item_free(w->item);
}

static inline void end(struct work *w)
{
    close_round(w);
    og_model_free(w->model);
}

#endif
