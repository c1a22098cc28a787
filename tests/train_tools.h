// SPDX-License-Identifier: GPL-3.0-or-later
// What the tests of training and of compression share: room for small images, a
// configuration, a trainer at work. Include after cmocka.h.
#ifndef OG_TESTS_TRAIN_TOOLS_H
#define OG_TESTS_TRAIN_TOOLS_H

#include "base/mem.h"
#include "ohmgrid/learn.h"

enum { SIDE = 6, PIXELS = SIDE * SIDE, CLASSES = 4 };

static const struct og_shape image = {3, {1, SIDE, SIDE}};

static inline void must(og_status status, const struct og_error *err)
{
    if (status != OG_OK) fail_msg("%s", err->text);
}

// n images, whose pixels and labels are the caller's to fill.
static inline struct og_dataset alloc_images(size_t n)
{
    struct og_dataset set = {.n = n, .classes = CLASSES, .channels = 1};
    set.height = set.width = SIDE;
    set.shape = image;
    set.spec.std[0] = 1.0f;
    set.pixel = og_alloc(n, PIXELS);
    set.label = og_alloc(n, 1);
    assert_true(set.pixel && set.label);
    return set;
}

static inline void free_images(struct og_dataset *set)
{
    og_free(set->pixel);
    og_free(set->label);
}

// On ideal hardware; the caller changes what it is about.
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

static inline og_trainer *make_trainer(og_model *model,
                                       const struct og_train_config *config,
                                       const struct og_dataset *set)
{
    og_trainer *t;
    struct og_error err = {0};
    must(og_trainer_alloc(&t, model, config, set, &err), &err);
    return t;
}

static inline void run_steps(og_trainer *t, size_t steps)
{
    struct og_error err = {0};
    while (steps-- > 0) must(og_trainer_step(t, &err), &err);
}

static inline void run_out(og_trainer *t)
{
    run_steps(t, og_trainer_steps(t) - og_trainer_at(t));
}

#endif
