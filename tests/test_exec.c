// SPDX-License-Identifier: GPL-3.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "nn_tools.h"
#include "ohmgrid/cpu.h"

static const struct og_shape image = {3, {2, 9, 8}};
enum { PIXELS = 144, CLASSES = 5, N = 100 };  // four blocks, the last one short

static const char *const net = "- conv2d: {filters: 6, kernel: 3, groups: 2}\n"
                               "- batch_norm\n"
                               "- relu\n"
                               "- dropout: {rate: 0.2}\n"
                               "- max_pool: {size: 2}\n"
                               "- dense: {units: 12}\n"
                               "- tanh\n"
                               "- dense: {units: 5}\n";

// --- same bits -----------------------------------------------------------------------

struct record {
    float logits[N * CLASSES];
    double loss;
    uint8_t hit[N];
    float *gradient, *params, *state, *calibration;
    size_t count, states, calibrations;
};

static void take(float **to, const float *from, size_t n)
{
    *to = og_alloc(n, sizeof **to);
    if (n) memcpy(*to, from, n * sizeof **to);
}

// Two training steps with `threads` threads.
static void train(int threads, const struct og_hardware *hw, struct record *r)
{
    og_set_threads(threads);
    og_model *model = nn_model(net, image, CLASSES);
    og_model_init(model, 21);
    float *w = og_model_params(model, &r->count);
    og_exec *exec = nn_exec(
        model, &(struct og_exec_options){.hardware = hw, .batch = N, .training = true});
    struct nn_batch t = nn_batch_make(N, PIXELS, CLASSES);
    struct og_error err = {0};
    assert_int_equal(og_exec_calibrate(exec, &t.b, &err), OG_OK);
    for (uint32_t step = 0; step < 2; step++) {
        t.b.pass = step;
        og_exec_program(exec, &(struct og_chip){.seed = 2, .draw = step});
        memcpy(r->logits, og_exec_forward(exec, &t.b), sizeof r->logits);
        r->loss = og_exec_loss(exec, &t.b, r->hit);
        const float *g = og_exec_backward(exec, &t.b);
        if (step == 1) take(&r->gradient, g, r->count);
        for (size_t i = 0; i < r->count; i++) w[i] -= 0.1f * g[i];
        og_exec_update_state(exec);
    }
    take(&r->params, w, r->count);
    const float *state = og_model_state(model, &r->states);
    take(&r->state, state, r->states);
    const float *calibration = og_exec_calibration(exec, &r->calibrations);
    take(&r->calibration, calibration, r->calibrations);
    nn_batch_free(&t);
    og_exec_free(exec);
    og_model_free(model);
}

static void same(const struct record *a, const struct record *b)
{
    assert_memory_equal(a->logits, b->logits, sizeof a->logits);
    assert_true(a->loss == b->loss);
    assert_memory_equal(a->hit, b->hit, N);
    assert_memory_equal(a->gradient, b->gradient, a->count * sizeof(float));
    assert_memory_equal(a->params, b->params, a->count * sizeof(float));
    assert_memory_equal(a->state, b->state, a->states * sizeof(float));
    assert_int_equal(a->calibrations, b->calibrations);
    if (a->calibrations)
        assert_memory_equal(a->calibration, b->calibration,
                            a->calibrations * sizeof(float));
}

static void record_free(struct record *r)
{
    og_free(r->gradient);
    og_free(r->params);
    og_free(r->state);
    og_free(r->calibration);
}

static void check_threads(const struct og_hardware *hw)
{
    static const int threads[] = {1, 2, 7};
    static struct record r[3];
    for (int i = 0; i < 3; i++) train(threads[i], hw, &r[i]);
    assert_true(isfinite(r[0].loss));
    same(&r[0], &r[1]);
    same(&r[0], &r[2]);
    for (int i = 0; i < 3; i++) record_free(&r[i]);
    og_set_threads(0);
}

// Drifting, compensated, with every noise that has a clock or a temperature.
static struct og_hardware ageing(void)
{
    struct og_hardware hw = nn_noisy();
    hw.t_inference = 1e6;
    hw.compensation.mode = OG_COMPENSATE_COLUMNS;
    hw.compensation.reads = 5;
    hw.device.drift.nu.offset = 0.05;
    hw.device.drift.spread.offset = 0.01;
    hw.device.flicker.q.offset = 0.01;
    hw.device.rtn.fraction = 0.2;
    hw.device.rtn.amplitude = 0.1;
    hw.t_cycle = 1e-7;
    hw.thermal.law = OG_THERMAL_SHOT;
    hw.thermal.bandwidth = 1e9;
    return hw;
}

static void threads_change_no_bit(void **state)
{
    (void)state;
    struct og_hardware hw = nn_noisy(), old = ageing(),
                       all = nn_injecting(OG_POINT_X | OG_POINT_A | OG_POINT_O);
    check_threads(&old);
    check_threads(NULL);
    check_threads(&hw);
    check_threads(&all);
    all.injection.power = OG_MEAN_BATCH;
    check_threads(&all);
}

static void ideal_hardware_is_the_float_network(void **state)
{
    (void)state;
    static struct record a, b;
    struct og_hardware hw = nn_noisy();
    hw.ideal = true;
    train(1, NULL, &a);
    train(1, &hw, &b);
    same(&a, &b);
    assert_int_equal(b.calibrations, 0);
    record_free(&a);
    record_free(&b);
    og_set_threads(0);
}

// Logits of the samples in parts of the given size, on one chip.
static void evaluate(const struct og_hardware *hw, size_t part, float *logits)
{
    og_model *model = nn_model(net, image, CLASSES);
    og_model_init(model, 21);
    og_exec *exec =
        nn_exec(model, &(struct og_exec_options){.hardware = hw, .batch = part});
    struct nn_batch t = nn_batch_make(N, PIXELS, CLASSES);
    struct og_error err = {0};
    assert_int_equal(og_exec_calibrate(exec, &t.b, &err), OG_OK);
    og_exec_program(exec, &(struct og_chip){.seed = 2, .trial = 3});
    for (size_t at = 0; at < N; at += part) {
        struct og_batch b = t.b;
        b.n = N - at < part ? N - at : part;
        b.x += at * PIXELS;
        b.sample += at;
        memcpy(logits + at * CLASSES, og_exec_forward(exec, &b),
               b.n * CLASSES * sizeof *logits);
    }
    nn_batch_free(&t);
    og_exec_free(exec);
    og_model_free(model);
}

static void batch_splits_change_no_bit(void **state)
{
    (void)state;
    struct og_hardware hw = nn_noisy(), old = ageing(),
                       all = nn_injecting(OG_POINT_X | OG_POINT_A | OG_POINT_O);
    const struct og_hardware *each[] = {NULL, &hw, &old, &all};
    static float whole[N * CLASSES], split[N * CLASSES];
    for (int i = 0; i < 4; i++) {
        evaluate(each[i], N, whole);
        evaluate(each[i], 64, split);
        assert_memory_equal(whole, split, sizeof whole);
        // Noise-free calibration in parts of another size than whole blocks adds up
        // powers in another order; without injection every split is the same.
        if (each[i] == &all) continue;
        evaluate(each[i], 7, split);
        assert_memory_equal(whole, split, sizeof whole);
    }
}

// --- calibration ---------------------------------------------------------------------

// More inputs than a range sample holds, so that it is thinned; and a hidden state whose
// range has to be found.
static const char *const wide =
    "- rnn: {units: 6, activation: relu, bidirectional: true}\n"
    "- dense: {units: 5}\n";
enum { WIDE_STEPS = 4, WIDE_INPUTS = 250, WIDE = WIDE_STEPS * WIDE_INPUTS };

// The calibration of a batch that is taken in parts, with `threads` threads.
static size_t calibrate(const struct og_hardware *hw, int threads, size_t part,
                        float *out, size_t most)
{
    og_set_threads(threads);
    struct og_shape shape = {2, {WIDE_STEPS, WIDE_INPUTS}};
    og_model *model = nn_model(wide, shape, CLASSES);
    og_model_init(model, 21);
    og_exec *exec =
        nn_exec(model, &(struct og_exec_options){.hardware = hw, .batch = part});
    struct nn_batch t = nn_batch_make(N, WIDE, CLASSES);
    struct og_error err = {0};
    assert_int_equal(og_exec_calibrate(exec, &t.b, &err), OG_OK);
    size_t count;
    const float *block = og_exec_calibration(exec, &count);
    assert_true(count <= most);
    memcpy(out, block, count * sizeof *out);
    nn_batch_free(&t);
    og_exec_free(exec);
    og_model_free(model);
    og_set_threads(0);
    return count;
}

static void calibration_is_the_same_on_threads(void **state)
{
    (void)state;
    static const enum og_range_mode modes[] = {OG_RANGE_MINMAX, OG_RANGE_PERCENTILE,
                                               OG_RANGE_MSE};
    static const enum og_granularity shares[] = {OG_PER_LAYER, OG_PER_TILE,
                                                 OG_PER_COLUMN};
    static float one[512], other[512];
    for (int i = 0; i < 3; i++) {
        struct og_hardware hw = nn_noisy();
        hw.dac.mode = hw.adc.mode = modes[i];
        hw.dac.percentile = 40.0;
        hw.adc.granularity = shares[i];
        hw.injection.points = i == 1 ? OG_POINT_X | OG_POINT_A | OG_POINT_O : 0;
        size_t count = calibrate(&hw, 1, N, one, 512);
        assert_true(count > 6);
        for (int threads = 2; threads <= 7; threads += 5) {
            assert_int_equal(calibrate(&hw, threads, N, other, 512), count);
            assert_memory_equal(one, other, count * sizeof *one);
        }
        assert_int_equal(calibrate(&hw, 2, 32, other, 512), count);
        assert_memory_equal(one, other, count * sizeof *one);
    }
}

// |x| is uniform in [0, 1); half of 100000 draws are kept, so 5 sigma are 0.007.
static void thinning_is_even(void **state)
{
    (void)state;
    struct og_hardware hw = nn_noisy();
    hw.dac.mode = OG_RANGE_PERCENTILE;
    hw.dac.percentile = 90.0;
    float block[512];
    size_t count = calibrate(&hw, 2, N, block, 512);
    assert_true(count > 3);
    assert_true(fabs(block[0] - 0.9) <= 0.007);  // x of the one direction
    assert_true(fabs(block[3] - 0.9) <= 0.007);  // and of the other
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(ideal_hardware_is_the_float_network),
        cmocka_unit_test(batch_splits_change_no_bit),
        cmocka_unit_test(calibration_is_the_same_on_threads),
        cmocka_unit_test(thinning_is_even),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
