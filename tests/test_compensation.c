// SPDX-License-Identifier: GPL-3.0-or-later
// Compensation of drift: exact where all devices drift alike, whatever the scheme; better
// by column than by layer where columns drift apart; measured with the noise of its
// reads.
#include <gsl/gsl_statistics.h>
#include <math.h>

#include "array_helper.h"
#include "ohmgrid/config.h"
#include "ohmgrid/cpu.h"

static struct og_law number(double value)
{
    return (struct og_law){.offset = value, .max = 100, .scale = 1};
}

static struct og_hardware drifting(enum og_compensation mode)
{
    struct og_hardware hw = plain_hardware();
    hw.device.drift.nu = number(0.05);
    hw.t_inference = 86400;
    hw.compensation.mode = mode;
    return hw;
}

static double rms_difference(const float *a, const float *b, size_t n)
{
    double sum = 0, size = 0;
    for (size_t k = 0; k < n; k++) {
        sum += ((double)a[k] - (double)b[k]) * ((double)a[k] - (double)b[k]);
        size += (double)b[k] * (double)b[k];
    }
    return sqrt(sum / size);
}

// y of this hardware at t_0 in `fresh`, and returns that at t_inference.
static struct bench read_both(struct og_hardware hw, float *fresh)
{
    struct og_hardware young = hw;
    young.t_inference = 0;
    young.compensation.mode = OG_UNCOMPENSATED;
    struct bench b = bench_open(young, 80, 20, 30, 1);
    bench_run(&b);
    memcpy(fresh, b.y, 600 * sizeof *fresh);
    bench_close(&b);
    b = bench_open(hw, 80, 20, 30, 1);
    bench_run(&b);
    return b;
}

static const double loss = 0.6579960;  // (86420 / 20)^-0.05

static void a_common_drift_is_undone(void **state)
{
    (void)state;
    const struct {
        enum og_scheme scheme;
        enum og_reference reference;
        enum og_subtract subtract;
        enum og_input_sign sign;
        int dac_bits;
    } c[] = {
        {OG_DIFFERENTIAL, 0, OG_SUBTRACT_ANALOG, OG_INPUT_BIPOLAR, 0},
        {OG_DIFFERENTIAL_TWO_SIDED, 0, OG_SUBTRACT_DIGITAL, OG_INPUT_TWO_PASS, 5},
        {OG_OFFSET, OG_REFERENCE_COLUMN, OG_SUBTRACT_ANALOG, OG_INPUT_BIPOLAR, 5},
        {OG_OFFSET, OG_REFERENCE_DIGITAL, OG_SUBTRACT_ANALOG, OG_INPUT_BIPOLAR, 0},
        {OG_DIFFERENTIAL, 0, OG_SUBTRACT_ANALOG, OG_INPUT_OFFSET, 6},
    };
    for (size_t k = 0; k < sizeof c / sizeof *c; k++)
        for (int mode = OG_COMPENSATE_GLOBAL; mode <= OG_COMPENSATE_COLUMNS; mode++) {
            float fresh[600];
            struct og_hardware hw = drifting((enum og_compensation)mode);
            hw.mapping.scheme = c[k].scheme;
            hw.mapping.reference = c[k].reference;
            hw.pair.subtract = c[k].subtract;
            hw.input.sign = c[k].sign;
            hw.dac.bits = c[k].dac_bits;
            struct bench b = read_both(hw, fresh);
            assert_true(rms_difference(b.y, fresh, 600) < 1e-5);
            assert_true(fabs(og_array_info(b.array).compensation * loss - 1) < 1e-5);
            bench_close(&b);
        }
    float fresh[600];
    struct bench b = read_both(drifting(OG_UNCOMPENSATED), fresh);
    assert_true(fabs(rms_difference(b.y, fresh, 600) - (1 - loss)) < 1e-5);
    assert_true(isnan(og_array_info(b.array).compensation));
    bench_close(&b);
}

// Weights that a noise-free read multiplies with, factors included.
static void weights_are_those_of_the_reads(void **state)
{
    (void)state;
    struct og_hardware hw = drifting(OG_COMPENSATE_COLUMNS);
    hw.device.drift.spread = number(0.01);
    hw.mapping.scheme = OG_OFFSET;
    hw.mapping.reference = OG_REFERENCE_DIGITAL;
    struct bench b = bench_open(hw, 80, 20, 30, 1);
    float w[1600];
    bench_run(&b);
    og_array_weights(b.array, w);
    for (int r = 0; r < 30; r++)
        for (int j = 0; j < 20; j++) {
            double y = 0;
            for (int i = 0; i < 80; i++)
                y += (double)w[j * 80 + i] * (double)b.x[r * 80 + i];
            assert_true(fabs(y - (double)b.y[r * 20 + j]) < 2e-4);
        }
    bench_close(&b);
}

// Phase-change memory over a year: columns of small weights lose more (nu falls with g).
static void columns_drift_apart(void **state)
{
    (void)state;
    double error[3][4];
    const double t[] = {1, 3600, 86400, 365 * 86400.0};
    for (int mode = 0; mode < 3; mode++)
        for (int k = 0; k < 4; k++) {
            float fresh[600];
            struct og_hardware hw = drifting((enum og_compensation)mode);
            assert_int_equal(og_device_read(&hw.device, "pcm_joshi", NULL, NULL), OG_OK);
            hw.device.flicker.q.scale = 0;
            hw.device.program.kind = OG_SIGMA_NONE;
            hw.t_inference = t[k];
            struct og_hardware young = hw;
            young.t_inference = 0;
            young.compensation.mode = OG_UNCOMPENSATED;
            struct bench b = bench_open(young, 80, 20, 30, 1);
            for (int i = 0; i < 1600; i++) b.w[i] *= i / 80 % 2 ? 1 : 0.1f;
            bench_run(&b);
            memcpy(fresh, b.y, sizeof fresh);
            struct bench old = bench_open(hw, 80, 20, 30, 1);
            memcpy(old.w, b.w, 1600 * sizeof *b.w);
            bench_run(&old);
            error[mode][k] = rms_difference(old.y, fresh, 600);
            bench_close(&b);
            bench_close(&old);
        }
    for (int k = 1; k < 4; k++) {
        assert_true(error[OG_UNCOMPENSATED][k] > error[OG_UNCOMPENSATED][k - 1]);
        assert_true(error[OG_UNCOMPENSATED][k] > 3 * error[OG_COMPENSATE_GLOBAL][k]);
        assert_true(error[OG_COMPENSATE_GLOBAL][k] > error[OG_COMPENSATE_COLUMNS][k]);
    }
    // A year: (3.15e7 / 20)^-0.055 or so is left.
    assert_true(error[OG_UNCOMPENSATED][3] > 0.45 && error[OG_UNCOMPENSATED][3] < 0.65);
}

// The factor of noisy reads scatters, less with more of them.
static void calibration_reads_are_noisy(void **state)
{
    (void)state;
    double spread[2];
    for (int many = 0; many < 2; many++) {
        double factor[60];
        struct og_hardware hw = drifting(OG_COMPENSATE_GLOBAL);
        hw.device.read = (struct og_sigma){OG_SIGMA_CONSTANT, .sigma = 2e-6, .scale = 1};
        hw.compensation.reads = many ? 32 : 2;
        struct bench b = bench_open(hw, 40, 6, 1, 1);
        for (uint32_t k = 0; k < 60; k++) {
            b.chip.trial = k;
            og_array_program(b.array, b.w, &b.chip);
            factor[k] = og_array_info(b.array).compensation * loss;
        }
        spread[many] = gsl_stats_sd(factor, 1, 60);
        bench_close(&b);
    }
    assert_true(spread[1] > 1e-3 && spread[0] / spread[1] > 2.5 &&
                spread[0] / spread[1] < 6.5);
}

static void threads_change_no_bit(void **state)
{
    (void)state;
    struct og_hardware hw = drifting(OG_COMPENSATE_COLUMNS);
    hw.device.drift.spread = number(0.02);
    hw.device.flicker.q = number(0.01);
    hw.device.read = (struct og_sigma){OG_SIGMA_CONSTANT, .sigma = 1e-6, .scale = 1};
    hw.adc.bits = 8;
    hw.adc.mode = OG_RANGE_WORST_CASE;
    float first[300 * 60];
    for (int k = 0; k < 3; k++) {
        og_set_threads(k == 0 ? 1 : k == 1 ? 2 : 7);
        struct bench b = bench_open(hw, 200, 60, 300, 1);
        bench_run(&b);
        if (k == 0) memcpy(first, b.y, sizeof first);
        assert_memory_equal(first, b.y, sizeof first);
        bench_close(&b);
    }
    og_set_threads(0);
}

static void ramps_refuse_it(void **state)
{
    (void)state;
    struct og_hardware hw = drifting(OG_COMPENSATE_GLOBAL);
    hw.adc.kind = OG_ADC_RAMP;
    struct og_array_shape shape = {.rows = 8,
                                   .cols = 4,
                                   .segments = 1,
                                   .segment = {{.rows = 8, .range = 1}},
                                   .ramps = 1,
                                   .ramp = {{.function = OG_TANH, .cols = 4}}};
    struct og_error err = {0};
    og_array *a;
    assert_int_equal(og_array_alloc(&a, &hw, &shape, &err), OG_INPUT);
    assert_non_null(strstr(err.text, "hardware.compensation"));
}

// Where random inputs would clip the ADCs, smaller ones are read: the factor is right.
static void clipped_reads_are_not_believed(void **state)
{
    (void)state;
    struct og_hardware hw = drifting(OG_COMPENSATE_GLOBAL);
    hw.adc.bits = 9;
    hw.adc.mode = OG_RANGE_FIXED;
    hw.adc.range = 0.02;  // of the worst case
    struct bench b = bench_open(hw, 60, 12, 1, 1);
    bench_run(&b);
    assert_true(fabs(og_array_info(b.array).compensation * loss - 1) < 0.02);
    bench_close(&b);
}

// Ramps of columns that drift as the weights do: after a year the codes are the same.
static void ramps_drift_along(void **state)
{
    (void)state;
    enum { ROWS = 30, COLS = 24, READS = 40 };
    float y[2][READS * COLS];
    int same = 0, low = 0;
    for (int k = 0; k < 3; k++) {
        struct og_hardware hw = drifting(OG_UNCOMPENSATED);
        hw.adc.kind = OG_ADC_RAMP;
        hw.t_inference = k == 0 ? 0 : 365 * 86400.0;
        struct og_array_shape shape = {.rows = ROWS,
                                       .cols = COLS,
                                       .layer = 3,
                                       .segments = 1,
                                       .segment = {{.rows = ROWS, .range = 1}},
                                       .ramps = 1,
                                       .ramp = {{.function = OG_TANH, .cols = COLS}}};
        // k = 2: the same sums behind linear ADCs, then tanh.
        if (k == 2) shape.ramps = 0;
        struct bench b = bench_open(drifting(OG_UNCOMPENSATED), ROWS, COLS, READS, 1);
        og_array_free(b.array);
        if (og_array_alloc(&b.array, &hw, &shape, NULL) != OG_OK) fail();
        bench_run(&b);
        for (int i = 0; i < READS * COLS; i++) {
            if (k < 2) y[k][i] = b.y[i];
            if (k == 2) low += fabs(tanh((double)b.y[i]) - (double)y[0][i]) > 1.0 / 16;
        }
        bench_close(&b);
    }
    for (int i = 0; i < READS * COLS; i++) same += y[0][i] == y[1][i];
    assert_true(same > READS * COLS * 99 / 100);
    assert_true(low > READS * COLS / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_common_drift_is_undone),
        cmocka_unit_test(weights_are_those_of_the_reads),
        cmocka_unit_test(columns_drift_apart),
        cmocka_unit_test(calibration_reads_are_noisy),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(ramps_refuse_it),
        cmocka_unit_test(clipped_reads_are_not_believed),
        cmocka_unit_test(ramps_drift_along),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
