// SPDX-License-Identifier: GPL-3.0-or-later
// Inputs in pulses, digit after digit, and groups of rows: with ideal converters the
// product is that of whole inputs on whole tiles, read noise has the variance of its
// pulses however these are joined, and costs count conversions and pulses.
#include <gsl/gsl_statistics.h>
#include <math.h>

#include "array_helper.h"
#include "ohmgrid/cost.h"

enum { ROWS = 50, COLS = 9, N = 12 };

// All sums are integers.
static struct og_hardware integers(void)
{
    struct og_hardware hw = plain_hardware();
    hw.mapping.weight_bits = 4;
    hw.dac.bits = 7;
    return hw;
}

static float *read_of(struct og_hardware hw)
{
    struct bench b = bench_open(hw, ROWS, COLS, N, 0.7f);
    bench_run(&b);
    float *y = b.y;
    b.y = NULL;
    bench_close(&b);
    return y;
}

static void digits_add_up_to_the_input(void **state)
{
    (void)state;
    for (int sign = OG_INPUT_BIPOLAR; sign <= OG_INPUT_OFFSET; sign++) {
        struct og_hardware hw = integers();
        hw.input.sign = (enum og_input_sign)sign;
        float *whole = read_of(hw);
        hw.input.encoding = OG_BIT_SERIAL;
        for (int bits = 1; bits <= 6; bits++)
            for (int joined = 0; joined < 2; joined++) {
                hw.input.slice_bits = bits;
                hw.input.accumulate = (enum og_accumulate)joined;
                float *y = read_of(hw);
                assert_memory_equal(y, whole, N * COLS * sizeof *y);
                og_free(y);
            }
        og_free(whole);
    }
}

// Sums of groups are in another order of rounding, but for integers.
static void groups_add_up_to_the_tile(void **state)
{
    (void)state;
    struct og_hardware hw = integers();
    float *whole = read_of(hw);
    hw.tile.rows_active = 7;
    for (int joined = 0; joined < 2; joined++) {
        hw.tile.accumulate_groups = (enum og_accumulate)joined;
        float *y = read_of(hw);
        assert_memory_equal(y, whole, N * COLS * sizeof *y);
        og_free(y);
    }
    og_free(whole);
}

// --- noise ----------------------------------------------------------------------------

enum { READS = 4000 };

// Of output 0 for one input vector that is read often.
static double variance_of(struct og_hardware hw, const float *x)
{
    struct bench b = bench_open(hw, ROWS, COLS, READS, 0.7f);
    for (size_t r = 0; r < READS; r++) memcpy(b.x + r * ROWS, x, ROWS * sizeof *x);
    bench_run(&b);
    double *y = og_alloc(READS, sizeof *y);
    for (size_t r = 0; r < READS; r++) y[r] = b.y[r * COLS];
    double variance = gsl_stats_variance(y, 1, READS);
    og_free(y);
    bench_close(&b);
    return variance;
}

// Two devices to a weight: sum of (sigma_g digit significance)^2, in units of y.
static double variance_by_hand(const struct og_hardware *hw, const float *x)
{
    struct bench b = bench_open(*hw, ROWS, COLS, 1, 0.7f);
    og_array_program(b.array, b.w, &b.chip);
    double sum = 0, step = og_array_info(b.array).w_max / 63;
    double sigma = hw->device.read.sigma / (hw->device.g_max - hw->device.g_min);
    for (size_t i = 0; i < ROWS; i++) {
        long code = labs(lrint(x[i] / 0.7 * 63)), base = 1 << hw->input.slice_bits;
        for (long weight = 1; code > 0; weight *= base, code /= base)
            sum += (double)(code % base * weight * (code % base * weight));
    }
    bench_close(&b);
    return 2 * sum * sigma * sigma * step * step;
}

// The variance of 4000 reads is known to 2.2 %: 5 sigma. Constant noise has its fast
// form by rows, proportional noise one by weights.
static void noise_is_that_of_pulses(void **state)
{
    (void)state;
    float x[ROWS];
    fill(x, ROWS, 99, 0.7f);
    for (int bits = 1; bits <= 5; bits += 4) {
        struct og_hardware hw = integers();
        hw.device.read =
            (struct og_sigma){.kind = OG_SIGMA_CONSTANT, .sigma = 4e-7, .scale = 1};
        hw.input.encoding = OG_BIT_SERIAL;
        hw.input.slice_bits = bits;
        double apart = variance_of(hw, x);
        hw.input.accumulate = OG_ACCUMULATE_ANALOG;
        double joined = variance_of(hw, x);
        double want = variance_by_hand(&hw, x);
        assert_true(fabs(apart / want - 1) < 0.11);
        assert_true(fabs(joined / want - 1) < 0.11);
        if (bits == 1) continue;
        hw.device.read =
            (struct og_sigma){.kind = OG_SIGMA_PROPORTIONAL, .fraction = 0.1, .scale = 1};
        joined = variance_of(hw, x);
        hw.read_noise = OG_NOISE_DEVICE;
        assert_true(fabs(variance_of(hw, x) / joined - 1) < 0.16);
        hw.input.accumulate = OG_ACCUMULATE_DIGITAL;
        assert_true(fabs(variance_of(hw, x) / joined - 1) < 0.16);
    }
}

// --- costs ----------------------------------------------------------------------------

static struct og_cost cost_with(struct og_hardware hw)
{
    const struct og_technology technology = {
        .name = "simple",
        .ideal_bits = 8,
        .read = {.time = 100e-9},
        .dac = {.at = {3e-15, 4e-12}, .bits = 1, .growth = 2},
        .adc = {.at = {1e-12, 1e-9},
                .bits = 8,
                .energy_growth = 2,
                .area_growth = 1.5,
                .bit_time = 1e-9},
    };
    struct bench b = bench_open(hw, ROWS, COLS, 1, 0.7f);
    struct og_costs costs;
    og_array_program(b.array, b.w, &b.chip);
    og_array_cost(b.array, &technology, NULL, &costs);
    bench_close(&b);
    return costs.used;
}

static void assert_near(double a, double b)
{
    if (!(fabs(a - b) <= 1e-12 * fabs(b))) fail_msg("%.17g, not %.17g", a, b);
}

static void costs_count_pulses_and_conversions(void **state)
{
    (void)state;
    struct og_hardware hw = integers();
    hw.adc.bits = 8;
    hw.input.encoding = OG_BIT_SERIAL;
    hw.input.slice_bits = 2;  // three digits of six bits
    struct og_cost c = cost_with(hw);
    assert_true(c.part[OG_COST_ADC].uses == 3 * COLS);
    assert_true(c.part[OG_COST_DAC].uses == 3 * ROWS);
    assert_near(c.part[OG_COST_DAC].energy, 3 * ROWS * 2 * 3e-15);
    assert_true(c.part[OG_COST_OUTPUT_BUFFER].uses == COLS * (8 + 2 * 2));
    assert_near(c.latency, 3 * (100e-9 + 8e-9));
    const double array = c.part[OG_COST_ARRAY].energy;
    hw.input.accumulate = OG_ACCUMULATE_ANALOG;
    c = cost_with(hw);
    assert_true(c.part[OG_COST_ADC].uses == COLS);
    assert_true(c.part[OG_COST_DAC].uses == 3 * ROWS);
    assert_true(c.part[OG_COST_ARRAY].energy == array);
    assert_true(c.part[OG_COST_OUTPUT_BUFFER].uses == COLS * 8);
    assert_near(c.latency, 3 * 100e-9 + 8e-9);
    assert_near(c.interval, 3 * 100e-9);
    hw.tile.rows_active = 20;  // three groups
    c = cost_with(hw);
    assert_true(c.part[OG_COST_ADC].uses == 3 * COLS);
    assert_near(c.latency, 3 * (3 * 100e-9 + 8e-9));
    hw.tile.accumulate_groups = OG_ACCUMULATE_ANALOG;
    c = cost_with(hw);
    assert_true(c.part[OG_COST_ADC].uses == COLS);
    assert_true(c.part[OG_COST_DAC].uses == 3 * ROWS);
    assert_near(c.latency, 9 * 100e-9 + 8e-9);
}

// The load of a pulse goes with the square of its voltage.
static void load_is_that_of_digits(void **state)
{
    (void)state;
    struct og_hardware hw = integers();
    hw.input.encoding = OG_BIT_SERIAL;
    hw.input.slice_bits = 2;
    struct bench b = bench_open(hw, 2, COLS, 1, 1);
    const double line[2] = {1, 100};
    const float x[2] = {27.0f / 63, -63.0f / 63};  // digits 3 2 1, 3 3 3
    assert_near(og_array_load(b.array, line, x), 1 + 4.0 / 9 + 1.0 / 9 + 100 * 3);
    bench_close(&b);
}

static void digits_beyond_the_input_are_refused(void **state)
{
    (void)state;
    struct og_hardware hw = integers();
    hw.input.encoding = OG_BIT_SERIAL;
    hw.input.slice_bits = 7;
    const struct og_array_shape shape = {
        .rows = 4,
        .cols = 4,
        .segments = 1,
        .segment = {{.rows = 4, .dac_bits = 7, .range = 1}}};
    og_array *array;
    struct og_error err = {0};
    assert_int_equal(og_array_alloc(&array, &hw, &shape, &err), OG_INPUT);
    assert_string_equal(err.text, "hardware.input.slice_bits: 7 is more than the 6 bits "
                                  "of |input|");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digits_add_up_to_the_input),
        cmocka_unit_test(groups_add_up_to_the_tile),
        cmocka_unit_test(noise_is_that_of_pulses),
        cmocka_unit_test(costs_count_pulses_and_conversions),
        cmocka_unit_test(load_is_that_of_digits),
        cmocka_unit_test(digits_beyond_the_input_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
