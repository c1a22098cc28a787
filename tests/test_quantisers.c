// SPDX-License-Identifier: GPL-3.0-or-later
// Quantisers and weight noise, each against its formula: levels with and without a zero,
// at every edge, and the two noises of a converter and of a weight.
#include "array_helper.h"

#include <math.h>

#include "nn/op.h"
#include "nn_tools.h"
#include "recurrent.h"

// floor(x / step) + 1/2 steps, step = 2 a / 2^b, ends clipped (Ma et al., section 1.3).
static double middle(double x, double a, int bits)
{
    double most = pow(2, bits - 1), step = a / most;
    double k = fmax(-most, fmin(most - 1, floor(x / step)));
    return step * (k + 0.5);
}

static void mid_rise_at_every_edge(void **state)
{
    (void)state;
    const float a = 1.5f;
    for (int bits = 1; bits <= 4; bits++)
        for (int k = -12; k <= 12; k++) {
            float step = a / (float)(1 << (bits - 1)), edge = step * (float)k;
            float x[3] = {edge - 1e-4f, edge, edge + 1e-4f}, y[3];
            memcpy(y, x, sizeof y);
            og_quantize_as(OG_MID_RISE, y, 3, bits, a, true);
            for (int i = 0; i < 3; i++)
                assert_true(fabs((double)y[i] - middle((double)x[i], 1.5, bits)) <= 1e-6);
        }
    // On [0, 1]: 2^b middles.
    float x[] = {-0.2f, 0.0f, 0.24f, 0.26f, 0.99f, 1.0f, 3.0f};
    const float wanted[] = {0.125f, 0.125f, 0.125f, 0.375f, 0.875f, 0.875f, 0.875f};
    og_quantize_as(OG_MID_RISE, x, 7, 2, 1.0f, false);
    for (int i = 0; i < 7; i++) assert_true(x[i] == wanted[i]);
}

enum { N = 33, IN = 7, OUT = 5 };

// y = W Q(x): DACs of a perfect array.
static void dacs_without_a_zero(void **state)
{
    (void)state;
    for (int bits = 1; bits <= 4; bits++) {
        struct og_hardware hw = og_hardware_default();
        hw.ideal = false;
        hw.dac.bits = bits;
        hw.dac.rounding = OG_MID_RISE;
        hw.dac.mode = OG_RANGE_FIXED;
        hw.dac.range = 0.6;
        og_model *model =
            nn_model("[dense: {units: 5, bias: false}]", (struct og_shape){1, {IN}}, OUT);
        og_model_init(model, 3);
        og_exec *exec =
            nn_exec(model, &(struct og_exec_options){.hardware = &hw, .batch = N});
        struct nn_batch t = nn_batch_make(N, IN, OUT);
        og_exec_program(exec, &(struct og_chip){0});
        const float *y = og_exec_forward(exec, &t.b);
        size_t count;
        const float *w = og_model_params(model, &count);
        for (int i = 0; i < N * OUT; i++) {
            double sum = 0;
            for (int k = 0; k < IN; k++)
                sum += (double)w[i % OUT * IN + k] *
                       middle((double)t.x[i / OUT * IN + k], 0.6, bits);
            assert_true(fabs(sum - (double)y[i]) <= 2e-6);
        }
        nn_batch_free(&t);
        og_exec_free(exec);
        og_model_free(model);
    }
}

// h = o tanh(c): o in the middle of 2^3 parts of [0, 1], c of 2^2 parts of +-0.8.
static void states_without_a_zero(void **state)
{
    (void)state;
    struct task t = {.spec = {{LSTM, 5, 1, .sequence = true}},
                     .chain = 1,
                     .steps = 6,
                     .inputs = 3,
                     .n = 20};
    struct net net = make_net(&t);
    struct og_hardware hw = og_hardware_default();
    hw.ideal = false;
    hw.rnn.gate_bits = 3;
    hw.rnn.c_bits = 2;
    hw.rnn.c_range = 0.8;
    hw.rnn.gate_rounding = hw.rnn.c_rounding = OG_MID_RISE;
    start(&net, &hw, false, OG_STRAIGHT_THROUGH);
    const float *h = og_exec_forward(net.exec, &net.batch);
    bool seen[8][4] = {{false}};
    int used = 0;
    for (int i = 0; i < t.n * outputs_of(&t); i++) {
        bool found = false;
        for (int o = 0; o < 8; o++)
            for (int c = 0; c < 4; c++) {
                double level = (o + 0.5) / 8 * tanh(-0.8 + 0.4 * (c + 0.5));
                if (fabs(level - (double)h[i]) > 1e-6) continue;
                found = true;
                used += !seen[o][c];
                seen[o][c] = true;
            }
        assert_true(found);
    }
    assert_true(used >= 12);
    end(&net);
}

// --- noise ---------------------------------------------------------------------------

static void full_scales_are_codes(void **state)
{
    (void)state;
    for (int rise = 0; rise < 2; rise++) {
        struct og_hardware hw = plain_hardware();
        hw.adc.bits = 5;
        hw.adc.rounding = rise ? OG_MID_RISE : OG_MID_TREAD;
        hw.adc.noise = 0.75;
        struct bench lsb = bench_open(hw, 60, 20, 30, 1);
        hw.adc.noise = 0;
        hw.adc.noise_full_scale = 0.75 / (rise ? 16 : 15);
        struct bench full = bench_open(hw, 60, 20, 30, 1);
        hw.adc.noise_full_scale = 0;
        struct bench none = bench_open(hw, 60, 20, 30, 1);
        bench_run(&lsb);
        bench_run(&full);
        bench_run(&none);
        assert_memory_equal(lsb.y, full.y, 30 * 20 * sizeof *full.y);
        assert_memory_not_equal(lsb.y, none.y, 30 * 20 * sizeof *full.y);
        bench_close(&lsb);
        bench_close(&full);
        bench_close(&none);
    }
}

// The weights of a programmed array less those meant, relative to w_max.
static void weight_errors(struct bench *b, double *error)
{
    float *w_hat = og_alloc(b->rows * b->cols, sizeof *w_hat);
    og_array_weights(b->array, w_hat);
    double w_max = og_array_info(b->array).w_max;
    for (size_t i = 0; i < b->rows * b->cols; i++)
        error[i] = ((double)w_hat[i] - (double)b->w[i]) / w_max;
    og_free(w_hat);
}

// w + n, n ~ N(0, (s w_max)^2): the same for each read of a chip, another for each chip.
static void programmed_weight_noise(void **state)
{
    (void)state;
    enum { ROWS = 80, COLS = 60, ALL = ROWS * COLS };
    static double first[ALL], second[ALL];
    struct og_hardware hw = plain_hardware();
    hw.weight_noise.programmed = 0.05;
    struct bench b = bench_open(hw, ROWS, COLS, 4, 1);
    bench_run(&b);
    weight_errors(&b, first);
    // Reads multiply with just these weights.
    float *w_hat = og_alloc(ALL, sizeof *w_hat);
    og_array_weights(b.array, w_hat);
    for (size_t i = 0; i < 4 * COLS; i++) {
        double sum = 0;
        for (size_t k = 0; k < ROWS; k++)
            sum += (double)w_hat[i % COLS * ROWS + k] * (double)b.x[i / COLS * ROWS + k];
        assert_true(fabs(sum - (double)b.y[i]) <= 2e-5);
    }
    og_free(w_hat);
    b.chip.trial = 1;
    bench_run(&b);
    weight_errors(&b, second);
    double square = 0, product = 0, cube = 0;
    for (int i = 0; i < ALL; i++) {
        square += first[i] * first[i] / ALL;
        product += first[i] * second[i] / ALL;
        cube += first[i] * first[i] * first[i] / ALL;
    }
    // Deviations of the estimates: 0.05^2 sqrt(2 / ALL), 0.05^2 / sqrt(ALL), ...
    assert_true(fabs(square / 0.0025 - 1) <= 4 * sqrt(2.0 / ALL));
    assert_true(fabs(product) <= 4 * 0.0025 / sqrt(ALL));
    assert_true(fabs(cube) <= 4 * pow(0.05, 3) * sqrt(15.0 / ALL));
    bench_close(&b);
}

// Var(y) = (s w_max)^2 |x|^2, alone and beside the devices' own read noise, in all forms.
static void read_weight_noise(void **state)
{
    (void)state;
    enum { ROWS = 24, COLS = 60, READS = 200 };
    for (int form = 0; form < 4; form++) {
        struct og_hardware hw = plain_hardware();
        double sigma = 0.05, device = 0;
        if (form > 0) {
            device = 0.3e-6;
            hw.device.read =
                (struct og_sigma){.kind = OG_SIGMA_CONSTANT, .sigma = device, .scale = 1};
        }
        if (form == 2) hw.read_noise = OG_NOISE_DEVICE;
        if (form == 3)
            hw.device.read = (struct og_sigma){.kind = OG_SIGMA_TABLE,
                                               .table_g = {1, {1e-6}},
                                               .table_sigma = {1, {device}},
                                               .scale = 1};
        hw.weight_noise.read = sigma;
        struct bench b = bench_open(hw, ROWS, COLS, READS, 1);
        for (size_t i = ROWS; i < READS * ROWS; i++) b.x[i] = b.x[i - ROWS];
        bench_run(&b);
        double w_max = og_array_info(b.array).w_max, power = 0, sum = 0;
        for (size_t k = 0; k < ROWS; k++) power += (double)b.x[k] * (double)b.x[k];
        for (size_t j = 0; j < COLS; j++) {
            double y = 0;
            for (size_t k = 0; k < ROWS; k++)
                y += (double)b.w[j * ROWS + k] * (double)b.x[k];
            for (size_t r = 0; r < READS; r++)
                sum += pow((double)b.y[r * COLS + j] - y, 2) / (READS * COLS);
        }
        // Two devices carry a weight over 9 uS.
        double relative = sigma * sigma + 2 * pow(device / 9e-6, 2);
        double wanted = relative * w_max * w_max * power;
        assert_true(fabs(sum / wanted - 1) <= 5 * sqrt(2.0 / (READS * COLS)));
        bench_close(&b);
    }
}

// --- the two readings of "4-bit" -----------------------------------------------------

static int compare(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static int levels_of(struct og_hardware hw)
{
    enum { ALL = 60 * 60 };
    struct bench b = bench_open(hw, 60, 60, 1, 1);
    float *w = og_alloc(ALL, sizeof *w);
    bench_run(&b);
    og_array_weights(b.array, w);
    qsort(w, ALL, sizeof *w, compare);
    int levels = 1;
    for (int i = 1; i < ALL; i++) levels += w[i] - w[i - 1] > 1e-4f;
    og_free(w);
    bench_close(&b);
    return levels;
}

// Of the weight after subtraction, 15 or 16; of a device, 16, of which a pair gives 31.
static void four_bits_are_two_things(void **state)
{
    (void)state;
    struct og_hardware weight = plain_hardware(), device = plain_hardware();
    weight.mapping.weight_bits = 4;
    assert_int_equal(levels_of(weight), 15);
    weight.mapping.rounding = OG_MID_RISE;
    assert_int_equal(levels_of(weight), 16);
    device.device.cell.levels = 16;
    assert_int_equal(levels_of(device), 31);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mid_rise_at_every_edge),
        cmocka_unit_test(dacs_without_a_zero),
        cmocka_unit_test(states_without_a_zero),
        cmocka_unit_test(full_scales_are_codes),
        cmocka_unit_test(programmed_weight_noise),
        cmocka_unit_test(read_weight_noise),
        cmocka_unit_test(four_bits_are_two_things),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
