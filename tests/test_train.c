// SPDX-License-Identifier: GPL-3.0-or-later
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "learn/descent.h"
#include "nn_tools.h"
#include "ohmgrid/cpu.h"
#include "train_tools.h"

static const char dense_net[] = "- dense: {units: 12}\n- relu:\n- dense: {units: 4}\n";
static const char norm_net[] =
    "- conv2d: {filters: 3, kernel: 3}\n- batch_norm:\n- relu:\n"
    "- dropout: {rate: 0.2}\n- dense: {units: 4}\n";

// Each class lights its own pair of rows, the last one all, under noise.
static struct og_dataset make_set(size_t n, uint32_t number)
{
    struct og_dataset set = alloc_images(n);
    set.spec.flip = true;
    set.spec.crop = 1;
    const struct og_stream s = og_stream_named(5, OG_INIT, number, 0, 0);
    for (size_t i = 0; i < n; i++) {
        const uint32_t class =
            og_random_word(&s, (struct og_index){(uint32_t)i, 1, 0}, 0) % 4;
        set.label[i] = (uint8_t) class;
        for (size_t p = 0; p < PIXELS; p++) {
            const uint32_t w =
                og_random_word(&s, (struct og_index){(uint32_t)i, 0, 0}, p);
            const bool lit = class == 3 || p / SIDE / 2 == class;
            set.pixel[i * PIXELS + p] = (uint8_t)((lit ? 120 : 0) + w % 120);
        }
    }
    return set;
}

static struct og_train_config sgd_config(void)
{
    struct og_train_config c = base_config();
    c.epochs = 3;
    c.batch = 48;
    c.optimizer = OG_SGD;
    c.lr = 0.1;
    c.schedule = OG_SCHEDULE_COSINE;
    c.warmup = 0.5;
    c.weight_decay = 1e-3;
    return c;
}

static struct og_train_config hardware_config(void)
{
    struct og_train_config c = sgd_config();
    struct og_hardware *hw = &c.hardware;
    hw->ideal = false;
    hw->tile.rows = 24;
    hw->tile.cols = 8;
    hw->dac.bits = hw->adc.bits = 6;
    hw->dac.mode = hw->adc.mode = OG_RANGE_MINMAX;
    hw->device.program =
        (struct og_sigma){.kind = OG_SIGMA_CONSTANT, .sigma = 5e-7, .scale = 1.0};
    hw->device.read =
        (struct og_sigma){.kind = OG_SIGMA_CONSTANT, .sigma = 3e-7, .scale = 1.0};
    hw->injection.points = OG_POINT_X | OG_POINT_A;
    hw->injection.snr_db = 20.0;
    return c;
}

static void near(double a, double b, double tolerance)
{
    if (!(fabs(a - b) <= tolerance)) fail_msg("%.17g is not %.17g", a, b);
}

static void rates(void **state)
{
    (void)state;
    struct og_train_config c = sgd_config();
    c.epochs = 10;
    c.warmup = 2.0;
    c.lr = 0.5;
    near(og_learning_rate(&c, 10, 0), 0.025, 1e-15);
    near(og_learning_rate(&c, 10, 19), 0.5, 1e-15);
    near(og_learning_rate(&c, 10, 20), 0.5, 1e-15);
    near(og_learning_rate(&c, 10, 60), 0.25, 1e-15);
    near(og_learning_rate(&c, 10, 100), 0.0, 1e-15);
    c.warmup = 0.05;  // shorter than a step
    near(og_learning_rate(&c, 10, 0), 0.5, 1e-15);
    c.schedule = OG_SCHEDULE_STEP;
    c.lr_gamma = 0.1;
    c.lr_step = 3;
    c.warmup = 0.0;
    near(og_learning_rate(&c, 10, 29), 0.5, 1e-15);
    near(og_learning_rate(&c, 10, 30), 0.05, 1e-15);
    near(og_learning_rate(&c, 10, 99), 0.5e-3, 1e-15);
    c.lr_hold = 4;
    near(og_learning_rate(&c, 10, 69), 0.5, 1e-15);
    near(og_learning_rate(&c, 10, 70), 0.05, 1e-15);
    near(og_learning_rate(&c, 10, 99), 0.05, 1e-15);
    c.lr_hold = 0;
    c.schedule = OG_SCHEDULE_CONSTANT;
    near(og_learning_rate(&c, 10, 99), 0.5, 1e-15);
}

// One element by the published formulas, in double.
struct reference {
    double w, m, v;
};

static void reference_step(struct reference *r, const struct og_train_config *c, double g,
                           bool decay, size_t t)
{
    const double wd = decay ? c->weight_decay : 0.0;
    if (c->optimizer == OG_SGD) {
        r->m = c->momentum * r->m + g + wd * r->w;
        r->w -= c->lr * r->m;
        return;
    }
    r->m = c->beta1 * r->m + (1.0 - c->beta1) * g;
    r->v = c->beta2 * r->v + (1.0 - c->beta2) * g * g;
    const double m = r->m / (1.0 - pow(c->beta1, (double)t));
    const double v = r->v / (1.0 - pow(c->beta2, (double)t));
    r->w -= c->lr * (wd * r->w + m / (sqrt(v) + 1e-8));
}

static void check_descent(enum og_optimizer optimizer, double clip)
{
    struct og_train_config c = sgd_config();
    c.optimizer = optimizer;
    c.weight_decay = 0.1;
    c.lr = 0.01;
    c.clip_norm = clip;
    og_model *model = nn_model(dense_net, image, CLASSES);
    struct og_descent d;
    assert_int_equal(og_descent_init(&d, model, &c, NULL), OG_OK);
    og_model_init(model, 3);
    size_t n;
    float *w = og_model_params(model, &n), *g = og_alloc(n, sizeof *g);
    struct reference *r = og_alloc(n, sizeof *r);
    const struct og_stream s = og_stream_named(1, OG_ATTACK, 0, 0, 0);
    for (size_t i = 0; i < n; i++) r[i].w = w[i];
    for (uint32_t step = 0; step < 5; step++) {
        og_gauss_fill(&s, (struct og_index){step, 0, 0}, 0, g, n);
        double norm = 0.0;
        for (size_t i = 0; i < n; i++) norm += (double)g[i] * g[i];
        norm = sqrt(norm);
        near(og_gradient_norm(&d, g), norm, 1e-12 * norm);
        og_descent_step(&d, w, g, c.lr, step);
        const double scale = clip > 0.0 && norm > clip ? clip / norm : 1.0;
        for (size_t k = 0; k < og_model_tensors(model); k++) {
            const struct og_tensor_info info = og_model_tensor(model, k);
            for (size_t i = info.offset; i < info.offset + info.count; i++)
                reference_step(&r[i], &c, scale * g[i], info.decay, step + 1);
        }
    }
    for (size_t i = 0; i < n; i++) assert_true(fabs(w[i] - r[i].w) <= 2e-6);
    og_free(g);
    og_free(r);
    og_descent_clear(&d);
    og_model_free(model);
}

static void descent_follows_its_formulas(void **state)
{
    (void)state;
    check_descent(OG_SGD, 0.0);
    check_descent(OG_ADAM, 0.0);
    check_descent(OG_SGD, 1.0);  // random normals: always clipped
    check_descent(OG_SGD, 1e6);  // never
}

static struct og_evaluation evaluate(og_model *model, const struct og_dataset *set,
                                     size_t batch, uint8_t *hit)
{
    og_exec *exec;
    struct og_error err = {0};
    struct og_evaluation result;
    const struct og_chip chip = {1, 0, 0};
    const struct og_exec_options options = {.batch = batch};
    const struct og_evaluate_options how = {
        .set = set, .chip = &chip, .batch = batch, .hit = hit};
    assert_int_equal(og_exec_alloc(&exec, model, &options, &err), OG_OK);
    og_exec_program(exec, &chip);
    assert_int_equal(og_evaluate(exec, &how, &result, &err), OG_OK);
    og_exec_free(exec);
    return result;
}

static void learns(const struct og_train_config *config, const char *net, double wanted)
{
    struct og_dataset train = make_set(500, 0), test = make_set(300, 1);
    og_model *model = nn_model(net, image, CLASSES);
    og_trainer *t = make_trainer(model, config, &train);
    run_steps(t, og_trainer_steps(t));
    size_t epochs;
    const struct og_curve *curve = og_trainer_curve(t, &epochs);
    assert_int_equal(epochs, config->epochs);
    assert_true(curve[epochs - 1].loss < curve[0].loss);
    const struct og_evaluation got = evaluate(model, &test, 64, NULL);
    if (!(got.accuracy >= wanted)) fail_msg("accuracy %g", got.accuracy);
    og_trainer_free(t);
    og_model_free(model);
    free_images(&train);
    free_images(&test);
}

static void learns_to_stated_accuracy(void **state)
{
    (void)state;
    struct og_train_config c = sgd_config();
    c.epochs = 12;
    learns(&c, dense_net, 0.9);
    learns(&c, norm_net, 0.9);
    c.optimizer = OG_ADAM;
    c.lr = 0.01;
    learns(&c, dense_net, 0.9);
    c = hardware_config();
    c.epochs = 12;
    learns(&c, dense_net, 0.85);
}

// Trains in one go, and again with a save and a restore into new objects after every
// `every` steps; all that can be saved must be the same bytes at the end.
static void check_resume(const struct og_train_config *config, const char *net,
                         size_t every)
{
    struct og_dataset set = make_set(200, 0);  // batches of 48, 48, 48, 48, 8
    og_model *model = nn_model(net, image, CLASSES);
    og_trainer *t = make_trainer(model, config, &set);
    const size_t steps = og_trainer_steps(t), bytes = og_trainer_bytes(t);
    assert_int_equal(steps, (size_t)config->epochs * 5);
    unsigned char *whole = og_alloc(bytes, 1), *part = og_alloc(bytes, 1);
    run_steps(t, steps);
    og_trainer_save(t, whole);
    for (size_t at = 0; at < steps; at += every) {
        og_trainer_free(t);
        og_model_free(model);
        model = nn_model(net, image, CLASSES);
        t = make_trainer(model, config, &set);
        struct og_error err = {0};
        if (at > 0 && og_trainer_restore(t, part, bytes, &err) != OG_OK)
            fail_msg("%s", err.text);
        assert_int_equal(og_trainer_at(t), at);
        run_steps(t, at + every < steps ? every : steps - at);
        og_trainer_save(t, part);
    }
    assert_memory_equal(whole, part, bytes);
    og_trainer_free(t);
    og_model_free(model);
    og_free(whole);
    og_free(part);
    free_images(&set);
}

static void resumes_to_the_bit(void **state)
{
    (void)state;
    struct og_train_config c = sgd_config();
    check_resume(&c, dense_net, 1);
    c.optimizer = OG_ADAM;
    c.clip_norm = 0.5;
    check_resume(&c, dense_net, 7);
    check_resume(&c, norm_net, 4);
    c = hardware_config();
    check_resume(&c, dense_net, 1);
    check_resume(&c, norm_net, 7);
    c.ideal_epochs = 1;
    c.redraw = OG_REDRAW_EPOCH;
    c.calibrate_every = 0;
    check_resume(&c, norm_net, 4);
}

static void threads_do_not_matter(void **state)
{
    (void)state;
    const struct og_train_config configs[] = {sgd_config(), hardware_config()};
    const int threads[] = {1, 2, 7};
    struct og_dataset set = make_set(200, 0);
    for (int k = 0; k < 2; k++) {
        unsigned char *first = NULL;
        for (int i = 0; i < 3; i++) {
            og_set_threads(threads[i]);
            og_model *model = nn_model(norm_net, image, CLASSES);
            og_trainer *t = make_trainer(model, &configs[k], &set);
            const size_t bytes = og_trainer_bytes(t);
            run_steps(t, 7);
            unsigned char *now = og_alloc(bytes, 1);
            og_trainer_save(t, now);
            if (first) assert_memory_equal(first, now, bytes);
            og_trainer_free(t);
            og_model_free(model);
            if (first) og_free(now);
            if (!first) first = now;
        }
        og_free(first);
    }
    og_set_threads(0);
    free_images(&set);
}

static void wrong_checkpoints_are_refused(void **state)
{
    (void)state;
    struct og_dataset set = make_set(100, 0);
    struct og_train_config c = hardware_config(), other = hardware_config();
    other.hardware.adc.noise = 0.1;
    og_model *model = nn_model(dense_net, image, CLASSES),
             *second = nn_model(dense_net, image, CLASSES);
    og_trainer *t = make_trainer(model, &c, &set),
               *u = make_trainer(second, &other, &set);
    const size_t bytes = og_trainer_bytes(t);
    unsigned char *saved = og_alloc(bytes, 1);
    og_trainer_save(t, saved);
    struct og_error err = {0};
    assert_int_equal(og_trainer_restore(u, saved, bytes, &err), OG_INPUT);
    assert_string_equal(err.text,
                        "the training checkpoint is of another model or configuration");
    assert_int_equal(og_trainer_restore(t, saved, bytes - 1, NULL), OG_INPUT);
    assert_int_equal(og_trainer_restore(t, saved, 5, NULL), OG_INPUT);
    assert_int_equal(og_trainer_restore(t, saved, bytes, NULL), OG_OK);
    saved[0] ^= 1;
    assert_int_equal(og_trainer_restore(t, saved, bytes, NULL), OG_INPUT);
    og_free(saved);
    og_trainer_free(t);
    og_trainer_free(u);
    og_model_free(model);
    og_model_free(second);
    free_images(&set);
}

static void divergence_is_told(void **state)
{
    (void)state;
    struct og_dataset set = make_set(100, 0);
    struct og_train_config c = sgd_config();
    c.lr = 1e30;
    c.warmup = 0.0;
    c.schedule = OG_SCHEDULE_CONSTANT;
    og_model *model = nn_model(dense_net, image, CLASSES);
    og_trainer *t = make_trainer(model, &c, &set);
    struct og_error err = {0};
    og_status status = OG_OK;
    while (status == OG_OK && og_trainer_at(t) < og_trainer_steps(t))
        status = og_trainer_step(t, &err);
    assert_int_equal(status, OG_FAILED);
    assert_non_null(strstr(err.text, "training diverged: "));
    assert_non_null(strstr(err.text, "of 9 (epoch 1, learning rate 1e+30)"));
    og_trainer_free(t);
    og_model_free(model);
    free_images(&set);
}

static void failing_allocations(void **state)
{
    (void)state;
    struct og_dataset set = make_set(60, 0);
    const struct og_train_config c = sgd_config();
    og_model *model = nn_model(dense_net, image, CLASSES);
    og_status status = OG_NO_MEMORY;
    for (size_t n = 1; status != OG_OK; n++) {
        og_trainer *t;
        assert_true(n < 1000);
        og_alloc_fail_at(n);
        status = og_trainer_alloc(&t, model, &c, &set, NULL);
        og_alloc_fail_at(0);
        assert_true(status == OG_OK || status == OG_NO_MEMORY);
        if (status == OG_OK) assert_true(n > 5);
        if (status != OG_OK) assert_null(t);
        og_trainer_free(t);
    }
    og_model_free(model);
    free_images(&set);
}

static void evaluation_means(void **state)
{
    (void)state;
    struct og_dataset set = make_set(101, 2);
    og_model *model = nn_model(dense_net, image, CLASSES);
    og_model_init(model, 4);
    uint8_t hit[101], again[101];
    const struct og_evaluation a = evaluate(model, &set, 101, hit);
    const struct og_evaluation b = evaluate(model, &set, 7, again);
    size_t hits = 0;
    for (int i = 0; i < 101; i++) hits += hit[i];
    assert_true(hits > 0 && hits < 101);
    assert_true(a.accuracy == (double)hits / 101.0);
    assert_memory_equal(hit, again, sizeof hit);
    assert_true(a.loss > 0.0 && a.loss == b.loss);
    og_model_free(model);
    free_images(&set);
}

static void evaluation_stops(void **state)
{
    (void)state;
    struct og_dataset set = make_set(101, 2);
    og_model *model = nn_model(dense_net, image, CLASSES);
    og_exec *exec;
    const volatile int stop = 2;
    const struct og_chip chip = {1, 0, 0};
    const struct og_exec_options options = {.batch = 16};
    const struct og_evaluate_options how = {
        .set = &set, .chip = &chip, .batch = 16, .stop = &stop};
    struct og_evaluation result;
    assert_int_equal(og_exec_alloc(&exec, model, &options, NULL), OG_OK);
    og_exec_program(exec, &chip);
    assert_int_equal(og_evaluate(exec, &how, &result, NULL), OG_INTERRUPTED);
    og_exec_free(exec);
    og_model_free(model);
    free_images(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates),
        cmocka_unit_test(descent_follows_its_formulas),
        cmocka_unit_test(learns_to_stated_accuracy),
        cmocka_unit_test(resumes_to_the_bit),
        cmocka_unit_test(threads_do_not_matter),
        cmocka_unit_test(wrong_checkpoints_are_refused),
        cmocka_unit_test(divergence_is_told),
        cmocka_unit_test(failing_allocations),
        cmocka_unit_test(evaluation_means),
        cmocka_unit_test(evaluation_stops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
