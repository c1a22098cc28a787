// SPDX-License-Identifier: GPL-3.0-or-later
// What a read says about its ADCs, against what can be told from its outputs.
#include <math.h>

#include "array_helper.h"

static struct og_adc_use read_with_use(struct bench *b)
{
    struct og_adc_use use = {0};
    if (b->work == NULL) b->work = og_alloc(og_array_work_bytes(b->array, b->n), 1);
    const struct og_read_io io = {.x = b->x,
                                  .ldx = b->rows,
                                  .n = b->n,
                                  .y = b->y,
                                  .ldy = b->cols,
                                  .work = b->work,
                                  .use = &use};
    og_array_program(b->array, b->w, &b->chip);
    og_array_read(b->array, &b->at, &io);
    return use;
}

static struct og_hardware coarse(enum og_rounding rounding)
{
    struct og_hardware hw = plain_hardware();
    hw.adc.bits = 4;
    hw.adc.mode = OG_RANGE_FIXED;
    hw.adc.range = 0.05;  // of the worst case: some sums clip
    hw.adc.rounding = rounding;
    return hw;
}

// One tile: an output is a code. Without noise a code clips where the true sum is beyond
// the outer edge, half a step above what the last code is read as.
static void counts_are_those_of_the_outputs(void **state)
{
    (void)state;
    for (int rounding = OG_MID_TREAD; rounding <= OG_MID_RISE; rounding++) {
        struct bench b =
            bench_open(coarse((enum og_rounding)rounding), 40, 13, 150, 1.5f);
        const struct og_adc_use use = read_with_use(&b);
        const double lsb = og_array_info(b.array).lsb;
        const double top = rounding == OG_MID_TREAD ? 7 : 7.5, edge = top + 0.5;
        size_t clipped = 0;
        double most = 0;
        for (size_t r = 0; r < b.n; r++)
            for (size_t j = 0; j < b.cols; j++) {
                double sum = 0;
                for (size_t i = 0; i < b.rows; i++)
                    sum += (double)b.x[r * b.rows + i] * b.w[j * b.rows + i];
                clipped += fabs(sum) > edge * lsb;
                most = fmax(most, fabs(b.y[r * b.cols + j]) / lsb);
            }
        assert_true(clipped > 20 && clipped < b.n * b.cols / 2);
        assert_int_equal(use.conversions, b.n * b.cols);
        assert_int_equal(use.clipped, clipped);
        assert_true(fabs(use.used - most / top) < 1e-5);
        assert_true(use.used == 1.0f);
        bench_close(&b);
    }
}

static void a_wide_range_is_little_used(void **state)
{
    (void)state;
    struct og_hardware hw = coarse(OG_MID_TREAD);
    hw.adc.range = 1;
    hw.adc.bits = 8;
    struct bench b = bench_open(hw, 40, 13, 20, 1.5f);
    const struct og_adc_use use = read_with_use(&b);
    double most = 0, lsb = og_array_info(b.array).lsb;
    for (size_t k = 0; k < b.n * b.cols; k++) most = fmax(most, fabs(b.y[k]) / lsb);
    assert_int_equal(use.clipped, 0);
    assert_true(use.used > 0.02f && use.used < 0.5f);
    assert_true(fabs(use.used - most / 127) < 1e-5);
    bench_close(&b);
}

// Every kind of noise and of conversion: the outputs are the same to the bit with and
// without counting, and each conversion is counted once.
static void counting_changes_no_bit(void **state)
{
    (void)state;
    for (int kind = 0; kind < 7; kind++) {
        struct og_hardware hw = coarse(kind % 2 ? OG_MID_RISE : OG_MID_TREAD);
        hw.dac.bits = 5;
        hw.tile.rows = 16;
        hw.tile.cols = 8;
        hw.device.read.kind = kind == 2 ? OG_SIGMA_PROPORTIONAL : OG_SIGMA_CONSTANT;
        hw.device.read.sigma = 2e-7;
        hw.device.read.fraction = 0.1;
        if (kind == 1) hw.adc.noise = 0.5;
        if (kind == 2) hw.pair.subtract = OG_SUBTRACT_DIGITAL;
        if (kind == 3) hw.input.sign = OG_INPUT_TWO_PASS;
        if (kind == 4) hw.input.encoding = OG_BIT_SERIAL;
        if (kind == 5) hw.adc.gain = 0.1;
        if (kind == 6) hw.adc.kind = OG_ADC_CYCLIC;
        struct bench b = bench_open(hw, 40, 13, 150, 1.5f);
        const struct og_adc_use use = read_with_use(&b);
        float *counted = og_alloc(b.n * b.cols, sizeof *counted);
        memcpy(counted, b.y, b.n * b.cols * sizeof *counted);
        memset(b.y, 0, b.n * b.cols * sizeof *b.y);
        bench_read(&b);
        assert_memory_equal(counted, b.y, b.n * b.cols * sizeof *counted);
        assert_int_equal(use.conversions, b.n * og_array_info(b.array).conversions);
        assert_true(use.clipped > 0 && use.clipped < use.conversions);
        assert_true(use.used == 1.0f);  // what clips has the last code
        og_free(counted);
        bench_close(&b);
    }
}

static void ideal_converters_are_not_counted(void **state)
{
    (void)state;
    struct bench b = bench_open(plain_hardware(), 40, 13, 20, 1.5f);
    const struct og_adc_use use = read_with_use(&b);
    assert_true(use.conversions == 0 && use.clipped == 0 && use.used == 0);
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_are_those_of_the_outputs),
        cmocka_unit_test(a_wide_range_is_little_used),
        cmocka_unit_test(counting_changes_no_bit),
        cmocka_unit_test(ideal_converters_are_not_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
