// SPDX-License-Identifier: GPL-3.0-or-later
// Charge that stops growing: a clipped sum before the ADC, between the noise of devices
// and that of the ADC.
#include <gsl/gsl_statistics.h>
#include <math.h>

#include "array_helper.h"

enum { ROWS = 40, COLS = 11, N = 30 };

static struct og_hardware saturating(void)
{
    struct og_hardware hw = plain_hardware();
    hw.integrator.saturation = 0.06;
    return hw;
}

// In units of y: full scale is every weight at w_max under the largest input.
static double limit_of(const struct bench *b)
{
    return b->hw.integrator.saturation * ROWS * og_array_info(b->array).w_max;
}

static double product(const struct bench *b, size_t r, size_t j)
{
    double sum = 0;
    for (size_t i = 0; i < ROWS; i++)
        sum += (double)b->x[r * ROWS + i] * (double)b->w[j * ROWS + i];
    return sum;
}

static void sums_are_clipped(void **state)
{
    (void)state;
    struct bench b = bench_open(saturating(), ROWS, COLS, N, 1);
    bench_run(&b);
    size_t clipped = 0;
    const double limit = limit_of(&b);
    for (size_t r = 0; r < N; r++)
        for (size_t j = 0; j < COLS; j++) {
            double sum = product(&b, r, j);
            clipped += fabs(sum) > limit;
            sum = fmax(-limit, fmin(limit, sum));
            assert_true(fabs(b.y[r * COLS + j] - sum) < 1e-5);
        }
    assert_true(clipped > N && clipped < N * COLS - N);
    bench_close(&b);
}

// Columns of a pair that are converted apart saturate apart, and so do groups of rows and
// pulses; joined pulses all together.
static void each_integrator_saturates_alone(void **state)
{
    (void)state;
    struct og_hardware hw = saturating();
    hw.mapping.weight_bits = 6;
    hw.dac.bits = 6;
    struct bench whole = bench_open(hw, ROWS, COLS, N, 1);
    bench_run(&whole);
    for (int kind = 0; kind < 4; kind++) {
        struct og_hardware other = hw;
        if (kind == 0) other.pair.subtract = OG_SUBTRACT_DIGITAL;
        if (kind == 1) other.tile.rows_active = 10;
        if (kind >= 2) other.input.encoding = OG_BIT_SERIAL;
        if (kind == 3) other.input.accumulate = OG_ACCUMULATE_ANALOG;
        struct bench b = bench_open(other, ROWS, COLS, N, 1);
        bench_run(&b);
        assert_true((memcmp(b.y, whole.y, N * COLS * sizeof *b.y) == 0) == (kind == 3));
        bench_close(&b);
    }
    bench_close(&whole);
}

// ADCs see no more than that: calibrated ranges end there.
static void calibration_sees_it(void **state)
{
    (void)state;
    struct og_hardware hw = saturating();
    hw.adc.bits = 8;
    struct bench b = bench_open(hw, ROWS, COLS, N, 1);
    b.work = og_alloc(og_array_work_bytes(b.array, N), 1);
    og_array_program(b.array, b.w, &b.chip);
    og_array_observe(b.array, b.x, ROWS, N, b.work);
    og_array_calibrate(b.array);
    float range;
    og_array_get_adc(b.array, &range);
    assert_true(fabs(range - 0.06 * ROWS) < 1e-4);
    struct og_adc_use use = {0};
    struct og_read_io io = {.x = b.x,
                            .ldx = ROWS,
                            .n = N,
                            .y = b.y,
                            .ldy = COLS,
                            .work = b.work,
                            .use = &use};
    og_array_program(b.array, b.w, &b.chip);
    og_array_read(b.array, &b.at, &io);
    size_t clipped = 0;
    for (size_t r = 0; r < N; r++)
        for (size_t j = 0; j < COLS; j++)
            clipped += fabs(product(&b, r, j)) > limit_of(&b);
    assert_int_equal(use.clipped, clipped);
    bench_close(&b);
}

// Full charge has lost the noise of devices, but not that of the ADC: 0.5 LSB and its
// rounding, here measured with fine steps.
static void noise_of_devices_is_clipped_too(void **state)
{
    (void)state;
    enum { READS = 3000 };
    for (int with_adc = 0; with_adc < 2; with_adc++) {
        struct og_hardware hw = saturating();
        hw.device.read =
            (struct og_sigma){.kind = OG_SIGMA_CONSTANT, .sigma = 3e-7, .scale = 1};
        hw.adc.bits = 12;
        hw.adc.mode = OG_RANGE_WORST_CASE;
        hw.adc.noise = with_adc ? 20 : 0;
        struct bench b = bench_open(hw, ROWS, COLS, READS, 1);
        for (size_t i = 0; i < ROWS; i++) b.w[i] = 0.73f;
        for (size_t k = 0; k < READS * ROWS; k++) b.x[k] = 0.9f;
        bench_run(&b);
        double *y = og_alloc(READS, sizeof *y), lsb = og_array_info(b.array).lsb;
        for (size_t r = 0; r < READS; r++) y[r] = b.y[r * COLS] / lsb;
        assert_true(fabs(gsl_stats_mean(y, 1, READS) - limit_of(&b) / lsb) < 2);
        double sd = gsl_stats_sd(y, 1, READS);
        if (with_adc)
            assert_true(fabs(sd / 20 - 1) < 0.065);  // 5 sigma
        else
            assert_true(sd == 0);
        og_free(y);
        bench_close(&b);
    }
}

// Clipped gradients stop where charge does, with ideal ADCs as well.
static void gradients_stop_there(void **state)
{
    (void)state;
    struct bench b = bench_open(saturating(), ROWS, COLS, N, 1);
    float *dy, *dx;
    bench_backward(&b, OG_CLIPPED, &dy, &dx);
    for (size_t r = 0; r < N; r++)
        for (size_t i = 0; i < ROWS; i++) {
            double want = 0;
            for (size_t j = 0; j < COLS; j++)
                if (fabs(product(&b, r, j)) <= limit_of(&b))
                    want += (double)dy[r * COLS + j] * (double)b.w[j * ROWS + i];
            assert_true(fabs(dx[r * ROWS + i] - want) < 1e-5);
        }
    og_free(dy);
    og_free(dx);
    struct og_error err = {0};
    assert_int_equal(og_array_keep_gradient(b.array, OG_KEEP_REPARAM, &err), OG_INPUT);
    assert_non_null(strstr(err.text, "integrator.saturation"));
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_are_clipped),
        cmocka_unit_test(each_integrator_saturates_alone),
        cmocka_unit_test(calibration_sees_it),
        cmocka_unit_test(noise_of_devices_is_clipped_too),
        cmocka_unit_test(gradients_stop_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
