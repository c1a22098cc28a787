// SPDX-License-Identifier: GPL-3.0-or-later
// Thermal and shot noise against S = 2 q |I| coth(q |V| / 2 k T), summed over the devices
// that the array says it has; the form by outputs against that device by device.
#include <gsl/gsl_statistics.h>
#include <math.h>

#include "array_helper.h"

enum { READS = 3000, ROWS = 14, COLS = 4 };

static struct og_hardware noisy(enum og_thermal law)
{
    struct og_hardware hw = plain_hardware();
    hw.thermal.law = law;
    hw.thermal.bandwidth = 2e9;
    hw.thermal.temperature = 330;
    return hw;
}

// READS reads of the same input, the standard deviation of each column in sd[COLS].
static struct bench repeated(struct og_hardware hw, float scale, double *sd)
{
    struct bench b = bench_open(hw, ROWS, COLS, READS, 1);
    for (size_t k = 0; k < READS * ROWS; k++) b.x[k] = scale * b.x[k % ROWS];
    bench_run(&b);
    for (size_t j = 0; j < COLS; j++) {
        double y[READS];
        for (size_t r = 0; r < READS; r++) y[r] = (double)b.y[r * COLS + j];
        sd[j] = gsl_stats_sd(y, 1, READS);
    }
    return b;
}

static double density(const struct og_hardware *hw, double g, double v)
{
    const double k = 1.380649e-23, q = 1.602176634e-19, t = hw->thermal.temperature;
    if (hw->thermal.law == OG_THERMAL_ONLY || v == 0) return 4 * k * t * g;
    return 2 * q * g * fabs(v) / tanh(q * fabs(v) / (2 * k * t));
}

static void a_column_has_the_noise_of_its_devices(void **state)
{
    (void)state;
    for (int law = OG_THERMAL_ONLY; law <= OG_THERMAL_SHOT; law++)
        for (int on = 0; on < 2; on++) {
            struct og_hardware hw = noisy((enum og_thermal)law);
            double sd[COLS];
            struct bench b = repeated(hw, on ? 1 : 0, sd);
            float g[2 * ROWS * COLS];
            og_array_conductance(b.array, g);
            const double y_of_current =
                og_array_info(b.array).w_max /
                ((hw.device.g_max - hw.device.g_min) * hw.device.v_read);
            for (size_t j = 0; j < COLS; j++) {
                double variance = 0;
                for (size_t k = 0; k < 2 * ROWS; k++) {
                    const double v = hw.device.v_read * (double)b.x[k % ROWS];
                    variance += density(&hw, (double)g[k * COLS + j], v);
                }
                const double want = y_of_current * sqrt(variance * hw.thermal.bandwidth);
                // 4.5 standard errors of a standard deviation.
                assert_true(fabs(sd[j] / want - 1) < 4.5 / sqrt(2.0 * READS));
            }
            bench_close(&b);
        }
}

static void assert_same_size(struct og_hardware hw)
{
    double fast[COLS], slow[COLS];
    hw.read_noise = OG_NOISE_FAST;
    struct bench b = repeated(hw, 1, fast);
    bench_close(&b);
    hw.read_noise = OG_NOISE_DEVICE;
    b = repeated(hw, 1, slow);
    bench_close(&b);
    for (size_t j = 0; j < COLS; j++) {
        assert_true(slow[j] > 0);
        assert_true(fabs(fast[j] / slow[j] - 1) < 4.5 / sqrt(READS));
    }
}

static void both_forms_have_the_same_size(void **state)
{
    (void)state;
    for (int variant = 0; variant < 8; variant++) {
        struct og_hardware hw = noisy(variant < 6 ? OG_THERMAL_SHOT : OG_THERMAL_ONLY);
        if (variant == 0) hw.mapping.devices_per_weight = 3;
        if (variant == 1) hw.input.encoding = OG_PULSE_WIDTH;
        if (variant == 2) hw.mapping.scheme = OG_OFFSET;
        if (variant == 3) hw.pair.subtract = OG_SUBTRACT_DIGITAL;
        if (variant == 4) hw.input.sign = OG_INPUT_TWO_PASS;
        if (variant >= 5) {
            hw.dac.bits = 4;
            hw.input.encoding = OG_BIT_SERIAL;
            hw.tile.rows = 8;
        }
        if (variant == 6)
            hw.device.read =
                (struct og_sigma){OG_SIGMA_PROPORTIONAL, .fraction = 0.05, .scale = 1};
        if (variant == 7) hw.input.accumulate = OG_ACCUMULATE_ANALOG;
        assert_same_size(hw);
    }
}

// In units of y, the noise of a read at twice the full-scale voltage is half as large
// where it is thermal, and less than 1 / sqrt(2) times that where it is shot noise alone.
static void higher_voltages_help(void **state)
{
    (void)state;
    double at[2][COLS];
    for (int law = OG_THERMAL_ONLY; law <= OG_THERMAL_SHOT; law++) {
        for (int k = 0; k < 2; k++) {
            struct og_hardware hw = noisy((enum og_thermal)law);
            hw.device.v_read = k ? 0.4 : 0.2;
            struct bench b = repeated(hw, 1, at[k]);
            bench_close(&b);
        }
        const double ratio = at[1][0] / at[0][0];
        if (law == OG_THERMAL_ONLY)
            assert_true(fabs(ratio - 0.5) < 1e-4);
        else
            assert_true(ratio > 0.55 && ratio < 0.75);
    }
}

// Runs of rows, and ranges of samples, change no bit.
static void batches_change_no_bit(void **state)
{
    (void)state;
    struct og_hardware hw = noisy(OG_THERMAL_SHOT);
    struct bench b = bench_open(hw, 90, 30, 40, 1);
    bench_run(&b);
    float whole[40 * 30];
    memcpy(whole, b.y, sizeof whole);
    for (size_t r = 0; r < 40; r += 8) {
        struct og_read at = b.at;
        at.sample += r;
        struct og_read_io io = {
            .x = b.x + r * 90, .ldx = 90, .n = 8, .y = b.y, .ldy = 30, .work = b.work};
        og_array_read(b.array, &at, &io);
        assert_memory_equal(b.y, whole + r * 30, 240 * sizeof *b.y);
    }
    bench_close(&b);
}

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    struct og_hardware hw = noisy(OG_THERMAL_SHOT);
    struct og_error err = {0};
    struct bench b = bench_open(hw, 4, 4, 1, 1);
    assert_int_equal(og_array_keep_gradient(b.array, OG_KEEP_REPARAM, &err), OG_INPUT);
    assert_non_null(strstr(err.text, "shot noise"));
    assert_int_equal(og_array_keep_gradient(b.array, OG_KEEP_GRADIENT, NULL), OG_OK);
    bench_close(&b);
    struct og_array_shape shape = {
        .rows = 8, .cols = 4, .segments = 1, .segment = {{.rows = 8, .range = 1}}};
    og_array *a;
    err = (struct og_error){0};
    hw.adc.kind = OG_ADC_RAMP;
    shape.ramps = 1;
    shape.ramp[0] = (struct og_ramp_part){.function = OG_TANH, .cols = 4};
    assert_int_equal(og_array_alloc(&a, &hw, &shape, &err), OG_INPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_column_has_the_noise_of_its_devices),
        cmocka_unit_test(both_forms_have_the_same_size),
        cmocka_unit_test(higher_voltages_help),
        cmocka_unit_test(batches_change_no_bit),
        cmocka_unit_test(what_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
