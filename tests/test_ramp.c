// SPDX-License-Identifier: GPL-3.0-or-later
// The nonlinear ramp ADC: what can be said of it without the numbers that its paper
// leaves open (Yang et al., Nature Communications 16, 1136, 2025).
#include <math.h>

#include "array_helper.h"
#include "periphery/ramp.h"

static const struct og_ramp_part sigmoid = {.function = OG_SIGMOID};
static const struct og_ramp_part hyperbolic = {.function = OG_TANH};

static double function(enum og_function f, double x)
{
    return f == OG_SIGMOID ? 1 / (1 + exp(-x)) : tanh(x);
}

static double low_of(enum og_function f) { return f == OG_SIGMOID ? 0 : -1; }

static struct og_hardware ramp_hardware(int bits)
{
    struct og_hardware hw = plain_hardware();
    hw.device.g_min = 0;
    hw.adc.kind = OG_ADC_RAMP;
    hw.adc.ramp.bits = bits;
    return hw;
}

static struct og_ramp_plan plan_of(const struct og_hardware *hw, enum og_function f)
{
    struct og_ramp_plan plan;
    struct og_error err = {0};
    const struct og_ramp_part part = {.function = f};
    if (og_ramp_plan(&plan, hw, &part, &err) != OG_OK) fail_msg("%s", err.text);
    return plan;
}

static struct og_ramp programmed(const struct og_ramp_plan *plan,
                                 const struct og_hardware *hw, uint32_t trial)
{
    const struct og_cells cells = {
        .device = &hw->device, .chip = {.seed = 7, .trial = trial}, .layer = 2, .set = 9};
    struct og_ramp ramp;
    og_ramp_program(plan, &cells, &ramp);
    return ramp;
}

// An array of `cols` columns: the first `sigmoids` of them sigmoid, the others tanh.
static struct bench ramp_bench(struct og_hardware hw, size_t rows, size_t sigmoids,
                               size_t cols, size_t n)
{
    struct bench b = bench_open(hw, rows, cols, n, 1.5f);
    struct og_array_shape shape = {
        .rows = rows,
        .cols = cols,
        .layer = 3,
        .segments = 1,
        .segment = {{.rows = rows, .dac_bits = hw.dac.bits, .range = 1.5f}}};
    struct og_error err = {0};
    shape.ramp[shape.ramps++] = (struct og_ramp_part){OG_SIGMOID, sigmoids, NULL, false};
    if (sigmoids < cols)
        shape.ramp[shape.ramps++] =
            (struct og_ramp_part){OG_TANH, cols - sigmoids, NULL, false};
    og_array_free(b.array);
    if (og_array_alloc(&b.array, &hw, &shape, &err) != OG_OK) fail_msg("%s", err.text);
    return b;
}

// --- the converter -------------------------------------------------------------------

// The code is that of the quantised function, on a fine grid.
static void ideal_ramps_quantise_the_function(void **state)
{
    (void)state;
    enum { N = 20001 };
    float *x = og_alloc(N, sizeof *x), *y = og_alloc(N, sizeof *y);
    for (int i = 0; i < N; i++) x[i] = -9.37f + 18.74f * (float)i / (N - 1);
    for (int bits = 2; bits <= 8; bits++) {
        struct bench b = ramp_bench(ramp_hardware(bits), 3, 1, 2, 1);
        og_array_program(b.array, b.w, &b.chip);
        for (enum og_function f = OG_SIGMOID; f <= OG_TANH; f++) {
            double low = low_of(f), lsb = (1 - low) / (1 << bits);
            og_array_ramp(b.array, f == OG_SIGMOID ? 0 : 1, 1, N, x, y);
            for (int i = 0; i < N; i++) {
                double place = (function(f, (double)x[i]) - low) / lsb;
                double code = fmin(floor(place), (1 << bits) - 1);
                if (fabs(place - rint(place)) < 1e-4) continue;  // float32 thresholds
                if (!(fabs((double)y[i] - (low + lsb * (code + 0.5))) <= 1e-7))
                    fail_msg("%d bits, g(%.9g) -> %.9g", bits, (double)x[i],
                             (double)y[i]);
            }
        }
        struct og_ramp_info info = og_array_ramp_info(b.array);
        assert_int_equal(info.ramps, 2);
        assert_true(info.inl <= 1e-4 && info.dnl <= 1e-4);
        bench_close(&b);
    }
    og_free(x);
    og_free(y);
}

static void thresholds_belong_to_the_step_above(void **state)
{
    (void)state;
    struct bench b = ramp_bench(ramp_hardware(5), 3, 1, 2, 1);
    og_array_program(b.array, b.w, &b.chip);
    const float x[] = {0, nextafterf(0, -1), INFINITY, -INFINITY, NAN};
    float y[5];
    og_array_ramp(b.array, 0, 1, 3, x, y);
    assert_true(y[0] == 16.5f / 32 && y[1] == 15.5f / 32);
    assert_true(isnan(y[2]));  // no sum of currents
    const float far[] = {1e30f, -1e30f, NAN};
    og_array_ramp(b.array, 1, 1, 3, far, y);
    assert_true(y[0] == 1 - 1.0f / 32 && y[1] == -1 + 1.0f / 32 && isnan(y[2]));
    bench_close(&b);
}

static void fractions_of_codes(struct og_hardware hw, float *y, size_t n)
{
    struct bench b = ramp_bench(hw, 40, 12, 24, n / 24);
    bench_run(&b);
    memcpy(y, b.y, n * sizeof *y);
    bench_close(&b);
}

// Ramp and products share the read voltage, so that it changes no code; a ramp with a
// voltage of its own is off by their ratio.
static void shared_read_voltage_changes_nothing(void **state)
{
    (void)state;
    enum { N = 24 * 60 };
    float y[N], other[N];
    struct og_hardware hw = ramp_hardware(5);
    hw.device.program =
        (struct og_sigma){.kind = OG_SIGMA_CONSTANT, .sigma = 2e-7, .scale = 1};
    fractions_of_codes(hw, y, N);
    for (int k = 0; k <= 4; k++) {
        hw.device.v_read = 0.15 + 0.025 * k;
        fractions_of_codes(hw, other, N);
        assert_memory_equal(y, other, sizeof y);
    }
    hw.device.v_read = hw.adc.ramp.v_read = 0.2;
    fractions_of_codes(hw, other, N);
    assert_memory_equal(y, other, sizeof y);
    hw.device.v_read = 0.25;
    fractions_of_codes(hw, other, N);
    assert_memory_not_equal(y, other, sizeof y);

    struct og_ramp_plan shared = plan_of(&hw, OG_TANH), own = shared;
    own.v_ratio = 1;
    struct og_ramp a = programmed(&shared, &hw, 3), c = programmed(&own, &hw, 3);
    for (int k = 1; k < 32; k++)
        assert_true(fabs((double)a.x[k] - 0.8 * (double)c.x[k]) <= 1e-6);
}

// --- errors of the cells -------------------------------------------------------------

static struct og_hardware rough_hardware(int bits, double sigma)
{
    struct og_hardware hw = ramp_hardware(bits);
    hw.device.program =
        (struct og_sigma){.kind = OG_SIGMA_CONSTANT, .sigma = sigma, .scale = 1};
    return hw;
}

// Whatever moves the ramp as a whole: its middle threshold ends at 0.
static void calibration_puts_the_middle_at_zero(void **state)
{
    (void)state;
    struct og_hardware hw = rough_hardware(5, 1e-7);
    hw.adc.ramp.bias_cells = 8;  // with room to tune
    hw.device.faults.p_hrs = 0.05;
    int off_before = 0;
    for (uint32_t trial = 0; trial < 200; trial++) {
        for (enum og_function f = OG_SIGMOID; f <= OG_TANH; f++) {
            hw.adc.ramp.calibration = OG_RAMP_ONE_POINT;
            struct og_ramp_plan plan = plan_of(&hw, f);
            assert_true(programmed(&plan, &hw, trial).x[16] == 0);
            plan.calibrated = false;
            off_before += fabsf(programmed(&plan, &hw, trial).x[16]) > 0.02f;
        }
    }
    assert_true(off_before > 200);
}

// Bias cells that are all stuck cannot be tuned.
static void calibration_goes_as_far_as_the_bias_cells(void **state)
{
    (void)state;
    struct og_hardware hw = rough_hardware(4, 1e-7);
    hw.device.faults.p_lrs = 1;
    hw.device.faults.g_lrs = hw.device.g_max / 2;
    struct og_ramp_plan plan = plan_of(&hw, OG_TANH);
    struct og_ramp ramp = programmed(&plan, &hw, 0);
    double step = 0.5 * hw.device.g_max * plan.per_siemens;
    assert_true(fabs((double)ramp.x[1] + plan.bias_cells * step) <= 1e-5);
    for (int k = 1; k < 15; k++)
        assert_true(fabs((double)(ramp.x[k + 1] - ramp.x[k]) - step) <= 1e-5);
}

// Independent errors of the steps, calibrated in the middle: a random walk from there.
static void threshold_errors_walk_away_from_the_middle(void **state)
{
    (void)state;
    enum { TRIALS = 4000 };
    const double sigma = 1e-8;
    struct og_hardware hw = rough_hardware(5, sigma);
    hw.device.g_min = 1e-6;  // so that none is clipped at 0
    hw.adc.ramp.bias_cells = 6;
    struct og_ramp_plan plan = plan_of(&hw, OG_SIGMOID);
    double square[32] = {0};
    for (uint32_t trial = 0; trial < TRIALS; trial++) {
        struct og_ramp ramp = programmed(&plan, &hw, trial);
        for (int k = 1; k < 32; k++) {
            double d = (double)ramp.x[k] - plan.x[k];
            square[k] += d * d / TRIALS;
        }
    }
    for (int k = 1; k < 32; k++) {
        double expected = sigma * plan.per_siemens * sqrt(abs(k - 16));
        // 5 standard deviations of a deviation from 4000 draws: 5.6 %.
        assert_true(fabs(sqrt(square[k]) - expected) <= 0.056 * expected + 1e-7);
    }
}

static void linearity_is_counted_in_output_steps(void **state)
{
    (void)state;
    struct og_hardware hw = ramp_hardware(3);
    struct og_ramp_plan plan = plan_of(&hw, OG_TANH);
    struct og_ramp ramp = programmed(&plan, &hw, 0);
    struct og_ramp_error error = og_ramp_errors(&plan, &ramp);
    assert_true(error.inl <= 1e-5 && error.dnl <= 1e-5);
    // Threshold 6 of tanh at 3 bits is at y = 0.5; put it at y = 0.6, 0.4 LSB further.
    ramp.x[6] = (float)atanh(0.6);
    error = og_ramp_errors(&plan, &ramp);
    assert_true(fabs(error.inl - 0.4) <= 1e-5);
    assert_true(fabs(error.inl_rms - 0.4 / sqrt(7)) <= 1e-5);
    assert_true(fabs(error.dnl - 0.4) <= 1e-5);
}

// --- cells ---------------------------------------------------------------------------

static void steps_are_split_where_the_device_needs_it(void **state)
{
    (void)state;
    struct og_hardware hw = ramp_hardware(5);
    struct og_error err = {0};
    struct og_ramp_plan plan = plan_of(&hw, OG_SIGMOID);
    // As in the paper: 5 bias cells at 5 bits carry the start of the ramp.
    assert_int_equal(plan.bias_cells, 5);
    assert_int_equal(plan.cells, 30);
    assert_true(fabs(plan.per_siemens * hw.device.g_max - (plan.x[2] - plan.x[1])) <
                1e-12);

    hw.device.g_min = hw.device.g_max / 3;  // the steps differ by a factor of 5.8
    plan = plan_of(&hw, OG_SIGMOID);
    assert_int_equal(plan.parallel[1], 2);
    assert_int_equal(plan.parallel[15], 1);
    for (int k = 1; k < 31; k++) {
        double g = (plan.x[k + 1] - plan.x[k]) / plan.per_siemens / plan.parallel[k];
        assert_in_range(g * 1e12, hw.device.g_min * 1e12 - 1, hw.device.g_max * 1e12 + 1);
    }
    hw.adc.ramp.split = false;
    assert_int_equal(og_ramp_plan(&plan, &hw, &sigmoid, &err), OG_INPUT);
    assert_non_null(strstr(err.text, "5.8,"));
    assert_non_null(strstr(err.text, "g_max / g_min = 3"));
    hw.adc.ramp.split = true;
    hw.device.g_min = hw.device.g_max / 1.9;
    assert_int_equal(og_ramp_plan(&plan, &hw, &sigmoid, &err), OG_INPUT);
}

static void too_few_bias_cells_are_refused(void **state)
{
    (void)state;
    struct og_hardware hw = ramp_hardware(8);
    struct og_ramp_plan plan;
    struct og_error err = {0};
    hw.adc.ramp.bias_cells = 5;
    assert_int_equal(og_ramp_plan(&plan, &hw, &hyperbolic, &err), OG_INPUT);
    assert_non_null(strstr(err.text, "it takes 8"));
    hw.adc.ramp.bias_cells = 64;
    hw.device.g_min = hw.device.g_max / 4;
    assert_int_equal(og_ramp_plan(&plan, &hw, &hyperbolic, &err), OG_INPUT);
    hw.adc.ramp.bits = 9;
    assert_int_equal(og_ramp_plan(&plan, &hw, &hyperbolic, &err), OG_INPUT);
}

// Any rising function: here with steps of 1 : 4, as a table says.
static void curves_have_ramps(void **state)
{
    (void)state;
    struct og_points curve = {.x = {3, {-1, 1, 1.5}}, .y = {3, {0, 2, 4}}};
    const struct og_ramp_part part = {.function = OG_CURVE, .curve = &curve};
    struct og_hardware hw = ramp_hardware(3);
    struct og_ramp_plan plan;
    struct og_error err = {0};
    assert_int_equal(og_ramp_plan(&plan, &hw, &part, &err), OG_OK);
    const double x[] = {-0.5, 0, 0.5, 1, 1.125, 1.25, 1.375};
    for (int k = 1; k < 8; k++) assert_true(fabs(plan.x[k] - x[k - 1]) < 1e-12);
    struct og_ramp ramp = programmed(&plan, &hw, 0);
    assert_true(og_ramp_errors(&plan, &ramp).inl < 1e-5);
    hw.device.g_min = hw.device.g_max / 3;
    assert_int_equal(og_ramp_plan(&plan, &hw, &part, &err), OG_OK);
    assert_int_equal(plan.parallel[1], 2);
    assert_int_equal(plan.parallel[4], 1);
    curve.x.v[2] = 1 + 1e-4;  // steps of 1 : 2e4
    assert_int_equal(og_ramp_plan(&plan, &hw, &part, &err), OG_INPUT);
    assert_non_null(strstr(err.text, "with 1024 cells"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ideal_ramps_quantise_the_function),
        cmocka_unit_test(thresholds_belong_to_the_step_above),
        cmocka_unit_test(shared_read_voltage_changes_nothing),
        cmocka_unit_test(calibration_puts_the_middle_at_zero),
        cmocka_unit_test(calibration_goes_as_far_as_the_bias_cells),
        cmocka_unit_test(threshold_errors_walk_away_from_the_middle),
        cmocka_unit_test(linearity_is_counted_in_output_steps),
        cmocka_unit_test(steps_are_split_where_the_device_needs_it),
        cmocka_unit_test(too_few_bias_cells_are_refused),
        cmocka_unit_test(curves_have_ramps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
