// SPDX-License-Identifier: GPL-3.0-or-later
// Attacks: by hand on a linear network, their bounds, their draws, and training on them.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nn_tools.h"
#include "ohmgrid/cpu.h"
#include "train_tools.h"

enum { N = 70 };

// Each class lights its own pair of rows, under noise.
static struct og_dataset make_set(size_t n, uint32_t number)
{
    struct og_dataset set = alloc_images(n);
    const struct og_stream s = og_stream_named(5, OG_INIT, number, 0, 0);
    set.spec.mean[0] = 0.25f;
    set.spec.std[0] = 0.5f;
    for (size_t i = 0; i < n; i++) {
        set.label[i] = (uint8_t)(i % 4);
        for (size_t p = 0; p < PIXELS; p++) {
            const struct og_index at = {(uint32_t)i, 0, 0};
            const bool lit = p / SIDE / 2 == i % 4;
            set.pixel[i * PIXELS + p] =
                (uint8_t)((lit ? 100 : 0) + og_random_word(&s, at, p) % 150);
        }
    }
    return set;
}

static struct og_attack_config attack_config(int kind)
{
    return (struct og_attack_config){
        .kind = kind, .epsilon = 0.1, .steps = 5, .random_start = true, .draws = 1};
}

struct images {
    float x[N * PIXELS], start[N * PIXELS];
};

struct how {
    const struct og_attack_config *config;
    const struct og_hardware *hw;
    size_t batch;
    int threads;
    uint32_t pass, trial;
};

static const char linear[] = "- dense: {units: 4}\n";
static const char network[] = "- conv2d: {filters: 3, kernel: 3}\n- batch_norm\n- tanh\n"
                              "- dropout: {rate: 0.3}\n- dense: {units: 4}\n";

// Attacks the first N images of the set in batches.
static void attack_images(og_model *model, const struct how *how, struct images *out)
{
    struct og_dataset set = make_set(N, 1);
    og_attack *attack;
    struct og_error err = {0};
    uint32_t sample[N];
    const struct og_attack_options options = {.config = how->config,
                                              .model = model,
                                              .hardware = how->hw,
                                              .set = &set,
                                              .batch = how->batch,
                                              .seed = 3};
    must(og_attack_alloc(&attack, &options, &err), &err);
    og_set_threads(how->threads);
    must(og_calibrate(og_attack_exec(attack), &set, N, 3, &err), &err);
    og_exec_program(og_attack_exec(attack),
                    &(struct og_chip){.seed = 3, .trial = how->trial});
    for (uint32_t i = 0; i < N; i++) sample[i] = i;
    og_dataset_fetch(&set, sample, N, NULL, out->start);
    memcpy(out->x, out->start, sizeof out->x);
    for (size_t at = 0; at < N; at += how->batch) {
        const struct og_batch batch = {
            .label = set.label + at,
            .sample = sample + at,
            .n = N - at < how->batch ? N - at : how->batch,
            .seed = 3,
            .trial = how->trial,
            .pass = how->pass,
        };
        og_attack_run(attack, &batch, out->x + at * PIXELS);
    }
    og_set_threads(0);
    og_attack_free(attack);
    free_images(&set);
}

static og_model *make_model(const char *yaml)
{
    og_model *model = nn_model(yaml, image, 4);
    og_model_init(model, 4);
    return model;
}

// Two classes alone have a chance, so the gradient is that of their difference: known
// signs. x + epsilon sign, cut to pixels in [0, 1].
static void one_step_by_hand(void **state)
{
    (void)state;
    static struct images out;
    const struct og_attack_config config = attack_config(OG_ATTACK_FGSM);
    og_model *model = make_model(linear);
    size_t count;
    float *w = og_model_params(model, &count);
    for (size_t j = 0; j < 4; j++) w[4 * PIXELS + j] = 0.0f;
    for (size_t j = 2; j < 4; j++) w[4 * PIXELS + j] = -1e4f;
    attack_images(model, &(struct how){.config = &config, .batch = N}, &out);
    for (size_t i = 0; i < N * PIXELS; i++) {
        const size_t label = i / PIXELS % 4, p = i % PIXELS;
        if (label > 1) continue;
        const float slope = w[(1 - label) * PIXELS + p] - w[label * PIXELS + p];
        const double before = (double)out.start[i] * 0.5 + 0.25;
        double wanted = before + (slope > 0 ? 0.1 : -0.1);
        wanted = fmin(fmax(wanted, 0.0), 1.0);
        const double got = (double)out.x[i] * 0.5 + 0.25;
        if (!(fabs(got - wanted) <= 1e-6)) fail_msg("%zu: %g, not %g", i, got, wanted);
    }
    og_model_free(model);
}

static double accuracy_of(og_model *model, const struct images *images, bool attacked)
{
    const float *x = attacked ? images->x : images->start;
    static uint32_t sample[N];
    static uint8_t label[N];
    size_t right = 0;
    for (uint32_t i = 0; i < N; i++) {
        sample[i] = i;
        label[i] = (uint8_t)(i % 4);
    }
    og_exec *exec = nn_exec(model, &(struct og_exec_options){.batch = N});
    og_exec_program(exec, &(struct og_chip){.seed = 3});
    const struct og_batch batch = {.x = x, .sample = sample, .n = N};
    const float *z = og_exec_forward(exec, &batch);
    for (size_t i = 0; i < N; i++) {
        size_t best = 0;
        for (size_t j = 1; j < 4; j++)
            if (z[4 * i + j] > z[4 * i + best]) best = j;
        right += best == label[i];
    }
    og_exec_free(exec);
    return (double)right / N;
}

static void train(og_model *model, const struct og_attack_config *adversarial)
{
    struct og_dataset set = make_set(200, 2);
    struct og_train_config c = base_config();
    c.epochs = 12;
    if (adversarial) c.adversarial = *adversarial;
    og_trainer *t = make_trainer(model, &c, &set);
    struct og_error err = {0};
    while (og_trainer_at(t) < og_trainer_steps(t)) must(og_trainer_step(t, &err), &err);
    og_trainer_free(t);
    free_images(&set);
}

// All images stay within epsilon and among images; a network that has learnt fails, and
// the more the stronger the attack is.
static void bounds_hold_and_networks_fail(void **state)
{
    (void)state;
    static struct images one, many;
    struct og_attack_config config = attack_config(OG_ATTACK_FGSM);
    og_model *model = make_model(network);
    train(model, NULL);
    struct how how = {.config = &config, .batch = N};
    attack_images(model, &how, &one);
    config = attack_config(OG_ATTACK_PGD);
    config.steps = 20;
    attack_images(model, &how, &many);
    double largest = 0;
    for (size_t i = 0; i < N * PIXELS; i++) {
        const double x = (double)many.x[i] * 0.5 + 0.25;
        const double change = fabs((double)many.x[i] - (double)many.start[i]) * 0.5;
        largest = fmax(largest, change);
        assert_true(x >= -1e-6 && x <= 1 + 1e-6 && change <= 0.1 + 1e-6);
    }
    assert_true(largest > 0.0999);
    const double clean = accuracy_of(model, &one, false);
    const double fgsm = accuracy_of(model, &one, true);
    const double pgd = accuracy_of(model, &many, true);
    if (!(clean >= 0.95 && fgsm < clean - 0.1 && pgd <= fgsm))
        fail_msg("clean %g, fgsm %g, pgd %g", clean, fgsm, pgd);
    // Nothing is changed by nothing.
    config.epsilon = 0;
    attack_images(model, &how, &many);
    assert_memory_equal(many.x, many.start, sizeof many.x);
    og_model_free(model);
}

// Two steps by hand: the second starts where the first ended; without a random start the
// first is that of fgsm with the step in place of epsilon.
static void steps_follow_each_other(void **state)
{
    (void)state;
    static struct images once, twice, fast;
    struct og_attack_config config = attack_config(OG_ATTACK_PGD);
    og_model *model = make_model(network);
    struct how how = {.config = &config, .batch = N};
    config.random_start = false;
    config.steps = 1;
    config.step = 0.03;
    attack_images(model, &how, &once);
    struct og_attack_config small = attack_config(OG_ATTACK_FGSM);
    small.epsilon = 0.03;
    how.config = &small;
    attack_images(model, &how, &fast);
    assert_memory_equal(once.x, fast.x, sizeof once.x);
    how.config = &config;
    config.steps = 2;
    attack_images(model, &how, &twice);
    assert_memory_not_equal(once.x, twice.x, sizeof once.x);
    for (size_t i = 0; i < N * PIXELS; i++)
        assert_true(fabs((double)twice.x[i] - (double)once.x[i]) * 0.5 <= 0.03 + 1e-6);
    // 2.5 epsilon / steps, where no step is given.
    config.steps = 1;
    config.epsilon = 0.012;
    config.step = 0;
    attack_images(model, &how, &twice);
    small.epsilon = 0.012;
    how.config = &small;
    attack_images(model, &how, &fast);
    assert_memory_equal(twice.x, fast.x, sizeof once.x);
    og_model_free(model);
}

static void same_bits_however_split(void **state)
{
    (void)state;
    static struct images whole, split;
    struct og_attack_config config = attack_config(OG_ATTACK_PGD);
    struct og_hardware hw = nn_injecting(OG_POINT_A);
    const struct og_hardware *const each[] = {NULL, &hw};
    hw.injection.snr_db = 3;
    config.draws = 2;
    og_model *model = make_model(network);
    for (int i = 0; i < 2; i++) {
        struct how how = {.config = &config, .hw = each[i], .batch = N, .threads = 1};
        attack_images(model, &how, &whole);
        how.batch = 32;
        how.threads = 3;
        attack_images(model, &how, &split);
        assert_memory_equal(whole.x, split.x, sizeof whole.x);
        how.pass = 1;  // another epoch, another start
        attack_images(model, &how, &split);
        assert_memory_not_equal(whole.x, split.x, sizeof whole.x);
    }
    // Another chip, and another number of draws, see another gradient.
    struct how how = {.config = &config, .hw = &hw, .batch = N, .trial = 1};
    attack_images(model, &how, &split);
    assert_memory_not_equal(whole.x, split.x, sizeof whole.x);
    how.trial = 0;
    config.draws = 3;
    attack_images(model, &how, &split);
    assert_memory_not_equal(whole.x, split.x, sizeof whole.x);
    og_model_free(model);
}

// The gradient of the cross-entropy, p - 1 at the label, summed over the passes that an
// attack's first step has.
static void sum_gradients(og_exec *exec, const struct og_dataset *set, uint32_t draws,
                          const float *x, double *sum)
{
    static uint32_t sample[N];
    static float d[N * 4];
    for (uint32_t i = 0; i < N; i++) sample[i] = i;
    struct og_batch batch = {
        .x = x, .label = set->label, .sample = sample, .n = N, .seed = 3};
    for (uint32_t k = 0; k < draws; k++) {
        batch.pass = (UINT32_C(1) << 31) + k;
        const float *z = og_exec_forward(exec, &batch);
        for (size_t i = 0; i < N; i++) {
            double all = 0;
            for (size_t j = 0; j < 4; j++) all += exp((double)z[4 * i + j]);
            for (size_t j = 0; j < 4; j++)
                d[4 * i + j] = (float)(exp((double)z[4 * i + j]) / all -
                                       (j == set->label[i] ? 1.0 : 0.0));
        }
        const float *g = og_exec_backward_inputs(exec, &batch, d);
        for (size_t i = 0; i < N * PIXELS; i++) sum[i] += (double)g[i];
    }
}

// Draws are weighed as the mean of the cross-entropy weighs them: one that is sure of the
// label counts little.
static void draws_average_the_loss(void **state)
{
    (void)state;
    static struct images out;
    static double sum[N * PIXELS];
    struct og_attack_config config = attack_config(OG_ATTACK_FGSM);
    struct og_hardware hw = nn_injecting(OG_POINT_A);
    struct og_dataset set = make_set(N, 1);
    struct og_error err = {0};
    hw.injection.snr_db = -3;
    config.draws = 4;
    og_model *model = make_model(linear);
    train(model, NULL);
    attack_images(model, &(struct how){.config = &config, .hw = &hw, .batch = N}, &out);
    og_exec *exec = nn_exec(
        model, &(struct og_exec_options){.hardware = &hw, .batch = N, .inputs = true});
    must(og_calibrate(exec, &set, N, 3, &err), &err);
    og_exec_program(exec, &(struct og_chip){.seed = 3});
    sum_gradients(exec, &set, 4, out.start, sum);
    for (size_t i = 0; i < N * PIXELS; i++) {
        const float moved = out.x[i] - out.start[i];
        if (fabs(sum[i]) > 1e-4 && moved != 0 && (moved > 0) != (sum[i] > 0))
            fail_msg("pixel %zu: gradient %g, moved by %g", i, sum[i], (double)moved);
    }
    og_exec_free(exec);
    og_model_free(model);
    free_images(&set);
}

// A network that has been trained on attacks stands them better.
static void adversarial_training_defends(void **state)
{
    (void)state;
    static struct images plain, hardened;
    struct og_attack_config config = attack_config(OG_ATTACK_PGD);
    const struct how how = {.config = &config, .batch = N};
    og_model *a = make_model(network), *b = make_model(network);
    config.epsilon = 0.15;
    train(a, NULL);
    train(b, &config);
    attack_images(a, &how, &plain);
    attack_images(b, &how, &hardened);
    const double before = accuracy_of(a, &plain, true);
    const double after = accuracy_of(b, &hardened, true);
    if (!(after > before + 0.1)) fail_msg("%g, then %g", before, after);
    og_model_free(a);
    og_model_free(b);
}

static void train_to(og_trainer *t, size_t step)
{
    struct og_error err = {0};
    while (og_trainer_at(t) < step) must(og_trainer_step(t, &err), &err);
}

// On noisy hardware, ideal epochs first: saved in the middle, resumed to the bit.
static void adversarial_training_resumes(void **state)
{
    (void)state;
    struct og_dataset set = make_set(150, 2);
    struct og_train_config c = base_config();
    c.epochs = 3;
    c.ideal_epochs = 1;
    c.adversarial = attack_config(OG_ATTACK_PGD);
    c.adversarial.steps = 2;
    c.hardware = nn_injecting(OG_POINT_A);
    og_model *a = make_model(network), *b = make_model(network);
    og_trainer *t = make_trainer(a, &c, &set);
    train_to(t, 5);
    const size_t n = og_trainer_bytes(t);
    void *bytes = og_alloc(n, 1);
    og_trainer_save(t, bytes);
    train_to(t, og_trainer_steps(t));
    struct og_error err = {0};
    og_trainer *u = make_trainer(b, &c, &set);
    must(og_trainer_restore(u, bytes, n, &err), &err);
    train_to(u, og_trainer_steps(u));
    size_t count;
    const float *w = og_model_params(a, &count);
    assert_memory_equal(w, og_model_params(b, &count), count * sizeof *w);
    og_trainer_free(u);
    // Another attack is another training.
    c.adversarial.steps = 3;
    u = make_trainer(b, &c, &set);
    assert_int_equal(og_trainer_restore(u, bytes, n, &err), OG_INPUT);
    og_trainer_free(u);
    og_trainer_free(t);
    og_free(bytes);
    og_model_free(a);
    og_model_free(b);
    free_images(&set);
}

static void failures(void **state)
{
    (void)state;
    struct og_dataset set = make_set(8, 1);
    og_model *model = make_model(network);
    const struct og_attack_config config = attack_config(OG_ATTACK_FGSM);
    const struct og_attack_options options = {
        .config = &config, .model = model, .set = &set, .batch = 8};
    og_status status = OG_NO_MEMORY;
    for (size_t n = 1; status != OG_OK; n++) {
        og_attack *attack;
        assert_true(n < 1000);
        og_alloc_fail_at(n);
        status = og_attack_alloc(&attack, &options, NULL);
        og_alloc_fail_at(0);
        if (status != OG_OK) assert_null(attack);
        og_attack_free(attack);
    }
    struct og_dataset sound = {.spec = {.name = "fsdd"}};
    struct og_error err = {0};
    assert_int_equal(og_attack_check_data(&sound, &err), OG_INPUT);
    assert_string_equal(
        err.text,
        "data set fsdd cannot be attacked: only pixels have a range to stay in");
    og_model_free(model);
    free_images(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_step_by_hand),
        cmocka_unit_test(bounds_hold_and_networks_fail),
        cmocka_unit_test(steps_follow_each_other),
        cmocka_unit_test(same_bits_however_split),
        cmocka_unit_test(draws_average_the_loss),
        cmocka_unit_test(adversarial_training_defends),
        cmocka_unit_test(adversarial_training_resumes),
        cmocka_unit_test(failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
