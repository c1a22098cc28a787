// SPDX-License-Identifier: GPL-3.0-or-later
// Votes over several passes: the count, the passes, and what they average away.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "learn/vote.h"
#include "nn_tools.h"
#include "ohmgrid/cpu.h"
#include "train_tools.h"

static void near(double a, double b, double tolerance)
{
    if (!(fabs(a - b) <= tolerance)) fail_msg("%.17g is not %.17g", a, b);
}

static const struct og_ballot every_rule[] = {
    {OG_VOTE_MAJORITY, 3}, {OG_VOTE_SOFTMAX, 3}, {OG_VOTE_LOGITS, 3}};

static struct og_tally start_tally(size_t samples, int classes)
{
    struct og_tally t;
    struct og_error err = {0};
    if (og_tally_init(&t, samples, classes, every_rule, 3, &err) != OG_OK)
        fail_msg("%s", err.text);
    og_tally_start(&t);
    return t;
}

static double cross_entropy(const double *z, int label)
{
    return log(exp(z[0]) + exp(z[1]) + exp(z[2])) - z[label];
}

// Three passes over two samples, by hand. Of the first each pass chooses another class:
// the smallest wins the majority, one confident pass the mean probability, another the
// mean logit.
static void counts_by_hand(void **state)
{
    (void)state;
    static const float pass[3][6] = {
        {1.0f, 0.9f, -9.0f, 0.5f, 0.2f, 0.1f},
        {-2.0f, 2.0f, -2.0f, 0.5f, 0.7f, 0.6f},
        {0.0f, -0.5f, 14.0f, 0.1f, 0.7f, 0.2f},
    };
    static const uint8_t label[2] = {2, 1};
    struct og_tally t = start_tally(2, 3);
    double losses = 0, likelihood = 0, mean[3] = {0};
    for (int k = 0; k < 3; k++) {
        const double z[3] = {pass[k][0], pass[k][1], pass[k][2]};
        og_tally_add(&t, pass[k], label, 2);
        losses += cross_entropy(z, 2);
        likelihood += exp(-cross_entropy(z, 2));
        for (int j = 0; j < 3; j++) mean[j] += z[j] / 3;
    }
    near(og_tally_loss(&t, OG_VOTE_MAJORITY, 0, 2), losses / 3, 1e-12);
    near(og_tally_loss(&t, OG_VOTE_SOFTMAX, 0, 2), -log(likelihood / 3), 1e-12);
    near(og_tally_loss(&t, OG_VOTE_LOGITS, 0, 2), cross_entropy(mean, 2), 1e-12);
    for (int j = 0; j < 3; j++) {
        assert_int_equal(og_tally_hit(&t, OG_VOTE_MAJORITY, 0, j), j == 0);
        assert_int_equal(og_tally_hit(&t, OG_VOTE_SOFTMAX, 0, j), j == 1);
        assert_int_equal(og_tally_hit(&t, OG_VOTE_LOGITS, 0, j), j == 2);
        assert_int_equal(og_tally_hit(&t, OG_VOTE_MAJORITY, 1, j), j == 1);
    }
    // Nothing is left of it.
    og_tally_start(&t);
    og_tally_add(&t, pass[2], label, 2);
    for (int rule = 0; rule < OG_VOTES; rule++) {
        const double z[3] = {0.0, -0.5, 14.0};
        near(og_tally_loss(&t, (enum og_vote)rule, 0, 2), cross_entropy(z, 2), 1e-12);
        assert_true(og_tally_hit(&t, (enum og_vote)rule, 0, 2));
    }
    og_tally_clear(&t);
}

// Of one pass all rules say the same, to the bit; probabilities of 0 do no harm.
static void one_pass_is_one_answer(void **state)
{
    (void)state;
    static const float z[6] = {800.0f, -3.0f, 800.0f, -2000.0f, 1.5f, 1.25f};
    static const uint8_t label[2] = {2, 0};
    struct og_tally t = start_tally(2, 3);
    og_tally_add(&t, z, label, 2);
    for (size_t i = 0; i < 2; i++) {
        const double loss = og_tally_loss(&t, OG_VOTE_MAJORITY, i, label[i]);
        assert_true(isfinite(loss));
        assert_true(og_tally_loss(&t, OG_VOTE_SOFTMAX, i, label[i]) == loss);
        assert_true(og_tally_loss(&t, OG_VOTE_LOGITS, i, label[i]) == loss);
    }
    for (int rule = 0; rule < OG_VOTES; rule++) {
        assert_true(og_tally_hit(&t, (enum og_vote)rule, 0, 0));  // a tie
        assert_true(og_tally_hit(&t, (enum og_vote)rule, 1, 1));
    }
    og_tally_clear(&t);
}

// --- passes --------------------------------------------------------------------------

// Each class lights its own pair of rows, all under noise.
static struct og_dataset make_set(size_t n)
{
    struct og_dataset set = alloc_images(n);
    const struct og_stream s = og_stream_named(5, OG_INIT, 8, 0, 0);
    for (size_t i = 0; i < n; i++) {
        set.label[i] = (uint8_t)(i % 4);
        for (size_t p = 0; p < PIXELS; p++) {
            const struct og_index at = {(uint32_t)i, 0, 0};
            const bool lit = p / SIDE / 2 == i % 4;
            set.pixel[i * PIXELS + p] =
                (uint8_t)((lit ? 60 : 0) + og_random_word(&s, at, p) % 190);
        }
    }
    return set;
}

enum { N = 90, BALLOTS = 7 };
static const struct og_ballot ballots[BALLOTS] = {
    {OG_VOTE_LOGITS, 9},   {OG_VOTE_MAJORITY, 1}, {OG_VOTE_SOFTMAX, 1},
    {OG_VOTE_LOGITS, 1},   {OG_VOTE_SOFTMAX, 9},  {OG_VOTE_MAJORITY, 9},
    {OG_VOTE_MAJORITY, 4},
};

struct outcome {
    struct og_evaluation result[BALLOTS];
    uint8_t hit[BALLOTS * N];
    size_t ticks;
};

static void count_samples(void *user, size_t samples)
{
    ((struct outcome *)user)->ticks += samples;
}

struct how {
    const struct og_hardware *hw;
    size_t batch, ballots;
    int threads;
    const struct og_ballot *ballot;
    uint32_t trial;
};

// A network that has learnt the rows: logit j is the light in them.
static og_model *rows_model(void)
{
    og_model *model =
        nn_model("- dense: {units: 4}\n", (struct og_shape){3, {1, SIDE, SIDE}}, 4);
    size_t count;
    og_model_init(model, 1);
    float *w = og_model_params(model, &count);
    memset(w, 0, count * sizeof *w);
    for (size_t j = 0; j < 4; j++)
        for (size_t p = 0; p < PIXELS; p++)
            if (p / SIDE / 2 == j) w[j * PIXELS + p] = 1.0f;
    return model;
}

static struct outcome poll(const struct how *how)
{
    struct og_dataset set = make_set(N);
    og_model *model = rows_model();
    og_exec *exec = nn_exec(
        model, &(struct og_exec_options){.hardware = how->hw, .batch = how->batch});
    struct outcome out = {0};
    struct og_error err = {0};
    const struct og_chip chip = {.seed = 4, .trial = how->trial};
    const struct og_evaluate_options o = {
        .set = &set,
        .chip = &chip,
        .ballot = how->ballot,
        .ballots = how->ballots,
        .batch = how->batch,
        .hit = out.hit,
        .tick = count_samples,
        .user = &out,
    };
    og_set_threads(how->threads);
    assert_int_equal(og_calibrate(exec, &set, N, 4, &err), OG_OK);
    og_exec_program(exec, &chip);
    if (og_evaluate(exec, &o, out.result, &err) != OG_OK) fail_msg("%s", err.text);
    og_set_threads(0);
    og_exec_free(exec);
    og_model_free(model);
    free_images(&set);
    return out;
}

static struct og_hardware noisy(double snr_db)
{
    struct og_hardware hw = nn_injecting(OG_POINT_A);
    hw.injection.snr_db = snr_db;
    return hw;
}

static void same_bits_however_split(void **state)
{
    (void)state;
    struct og_hardware hw = nn_noisy(), injected = noisy(-3.0);
    injected.injection.ac = true;
    hw.device.read.sigma = 2e-5;
    const struct og_hardware *const each[] = {&hw, &injected};
    for (int i = 0; i < 2; i++) {
        struct how how = {each[i], N, BALLOTS, 1, ballots, 2};
        const struct outcome whole = poll(&how);
        assert_int_equal(whole.ticks, 9 * N);
        how.batch = 32;
        how.threads = 3;
        const struct outcome split = poll(&how);
        assert_memory_equal(whole.hit, split.hit, sizeof whole.hit);
        assert_memory_equal(whole.result, split.result, sizeof whole.result);
        // No ballot minds the others; without any there is one pass.
        for (size_t b = 0; b < BALLOTS; b++) {
            how.ballot = &ballots[b];
            how.ballots = 1;
            const struct outcome alone = poll(&how);
            assert_int_equal(alone.ticks, ballots[b].votes * N);
            assert_memory_equal(alone.hit, whole.hit + b * N, N);
            assert_memory_equal(alone.result, &whole.result[b], sizeof *alone.result);
        }
        how.ballots = 0;
        const struct outcome one = poll(&how);
        assert_memory_equal(one.result, &whole.result[1], sizeof *one.result);
        // Nine noisy passes know more than one.
        for (size_t b = 0; b < BALLOTS; b++)
            if (ballots[b].votes == 9)
                if (!(whole.result[b].accuracy > whole.result[1].accuracy))
                    fail_msg("case %d ballot %zu: %g, one pass %g", i, b,
                             whole.result[b].accuracy, whole.result[1].accuracy);
    }
}

// What a chip has for good is in every pass: programming errors, mismatch, faults.
static void frozen_errors_outlast_votes(void **state)
{
    (void)state;
    struct og_hardware hw = nn_noisy();
    hw.device.read.kind = OG_SIGMA_NONE;
    hw.device.program.sigma = 1e-5;
    hw.device.d2d.g_max = 0.2;
    hw.device.faults.p_hrs = 0.05;
    struct how how = {&hw, N, BALLOTS, 1, ballots, 2};
    const struct outcome frozen = poll(&how);
    assert_memory_equal(frozen.hit, frozen.hit + N, N);
    near(frozen.result[0].loss, frozen.result[1].loss, 1e-9);
    how.trial = 3;
    assert_true(poll(&how).result[0].loss != frozen.result[0].loss);
}

// --- 10 log10 N ----------------------------------------------------------------------

// SNR in dB of the mean logits of `passes`, the float network as the signal.
static double snr_of_mean(og_exec *exec, const struct nn_batch *t, const float *clean,
                          uint32_t passes, size_t width)
{
    const struct og_ballot ballot = {OG_VOTE_LOGITS, passes};
    struct og_tally tally;
    struct og_batch batch = t->b;
    assert_int_equal(og_tally_init(&tally, t->b.n, (int)width, &ballot, 1, NULL), OG_OK);
    og_tally_start(&tally);
    for (batch.pass = 0; batch.pass < passes; batch.pass++)
        og_tally_add(&tally, og_exec_forward(exec, &batch), t->label, t->b.n);
    double signal = 0, noise = 0;
    for (size_t i = 0; i < t->b.n * width; i++) {
        const double error = tally.sum[OG_VOTE_LOGITS][i] / passes - (double)clean[i];
        signal += (double)clean[i] * (double)clean[i];
        noise += error * error;
    }
    og_tally_clear(&tally);
    return 10 * log10(signal / noise);
}

// A single layer at 0 dB: the SNR of the mean logits is 10 log10 N dB. 200 x 10 numbers,
// so that an estimate has a deviation of 0.14 dB; 4 of these are allowed.
static void mean_logits_gain_10_log_n(void **state)
{
    (void)state;
    enum { IN = 30, OUT = 10, SAMPLES = 200 };
    static const uint32_t votes[] = {1, 4, 25, 101};
    const struct og_shape shape = {1, {IN}};
    struct og_hardware hw = noisy(0.0);
    og_model *model = nn_model("- dense: {units: 10, bias: false}\n", shape, OUT);
    og_model_init(model, 3);
    struct nn_batch t = nn_batch_make(SAMPLES, IN, OUT);
    og_exec *ideal = nn_exec(model, &(struct og_exec_options){.batch = SAMPLES});
    og_exec *exec =
        nn_exec(model, &(struct og_exec_options){.hardware = &hw, .batch = SAMPLES});
    const struct og_chip chip = {.seed = 5};
    struct og_error err = {0};
    assert_int_equal(og_exec_calibrate(exec, &t.b, &err), OG_OK);
    og_exec_program(ideal, &chip);
    og_exec_program(exec, &chip);
    static float clean[SAMPLES * OUT];
    memcpy(clean, og_exec_forward(ideal, &t.b), sizeof clean);
    for (size_t i = 0; i < sizeof votes / sizeof *votes; i++)
        near(snr_of_mean(exec, &t, clean, votes[i], OUT), 10 * log10(votes[i]), 0.56);
    og_exec_free(ideal);
    og_exec_free(exec);
    og_model_free(model);
    nn_batch_free(&t);
}

static void failing_allocations(void **state)
{
    (void)state;
    og_status status = OG_NO_MEMORY;
    size_t n = 1;
    for (; status != OG_OK; n++) {
        struct og_tally t;
        struct og_error err = {0};
        og_alloc_fail_at(n);
        status = og_tally_init(&t, 5, 3, every_rule, 3, &err);
        og_alloc_fail_at(0);
        if (status == OG_OK)
            og_tally_clear(&t);
        else
            assert_string_equal(err.text, "no memory for votes on 5 samples");
    }
    assert_int_equal(n, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_by_hand),
        cmocka_unit_test(one_pass_is_one_answer),
        cmocka_unit_test(same_bits_however_split),
        cmocka_unit_test(frozen_errors_outlast_votes),
        cmocka_unit_test(mean_logits_gain_10_log_n),
        cmocka_unit_test(failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
