// SPDX-License-Identifier: GPL-3.0-or-later
// Arrays whose columns are converted by ramps: biases, noise, what they exclude, and row
// tiles that are joined before the conversion.
#include <math.h>

#include "array_helper.h"
#include "ohmgrid/cost.h"
#include "ohmgrid/cpu.h"

static struct og_hardware ramp_hardware(int bits)
{
    struct og_hardware hw = plain_hardware();
    hw.device.g_min = 0;
    hw.adc.kind = OG_ADC_RAMP;
    hw.adc.ramp.bits = bits;
    return hw;
}

static struct og_array_shape shape_of(const struct og_hardware *hw, size_t rows,
                                      size_t cols)
{
    return (struct og_array_shape){
        .rows = rows,
        .cols = cols,
        .layer = 3,
        .segments = 1,
        .segment = {{.rows = rows, .dac_bits = hw->dac.bits, .range = 1.5f}},
        .ramps = 2,
        .ramp = {{OG_SIGMOID, cols / 3, NULL, false},
                 {OG_TANH, cols - cols / 3, NULL, false}},
    };
}

static struct bench ramp_bench(struct og_hardware hw, size_t rows, size_t cols, size_t n)
{
    struct bench b = bench_open(hw, rows, cols, n, 1.5f);
    const struct og_array_shape shape = shape_of(&hw, rows, cols);
    struct og_error err = {0};
    og_array_free(b.array);
    if (og_array_alloc(&b.array, &hw, &shape, &err) != OG_OK) fail_msg("%s", err.text);
    return b;
}

static double value(const struct bench *b, size_t j, double x, int levels)
{
    bool sigmoid = j < b->cols / 3;
    double y = sigmoid ? 1 / (1 + exp(-x)) : tanh(x), low = sigmoid ? 0 : -1;
    double step = (1 - low) / levels;
    return low + step * (fmin(floor((y - low) / step), levels - 1) + 0.5);
}

// --- biases --------------------------------------------------------------------------

// The largest bias is several times the largest weight, so that it takes several lines.
static void biases_are_in_the_sums(void **state)
{
    (void)state;
    enum { ROWS = 7, COLS = 24, N = 50 };
    for (int bits = 0; bits <= 5; bits += 5) {
        struct og_hardware hw = ramp_hardware(6);
        hw.mapping.weight_bits = bits;
        hw.tile.cols = 10;
        struct bench b = ramp_bench(hw, ROWS, COLS, N);
        float bias[COLS];
        fill(bias, COLS, 21, 3.1f);
        for (size_t i = 0; i < ROWS; i++) b.w[5 * ROWS + i] = 0;  // the bias remains
        og_array_set_bias(b.array, bias);
        bench_run(&b);
        float *w = og_alloc(ROWS * COLS, sizeof *w);
        og_array_weights(b.array, w);
        // Over L lines, bias levels are those of one weight, L times as far apart.
        double full = og_array_info(b.array).w_max, most = 0;
        for (int j = 0; j < COLS; j++) most = fmax(most, fabs((double)bias[j]));
        double lines = ceil(most / full), step = full * lines / 15;
        assert_true(lines > 1);
        for (size_t r = 0; r < N; r++)
            for (size_t j = 0; j < COLS; j++) {
                double sum =
                    bits > 0 ? rint((double)bias[j] / step) * step : (double)bias[j];
                for (size_t i = 0; i < ROWS; i++)
                    sum += (double)w[j * ROWS + i] * (double)b.x[r * ROWS + i];
                double got = (double)b.y[r * COLS + j];
                if (!(fabs(got - value(&b, j, sum, 64)) <= 1e-6))
                    fail_msg("row %zu, column %zu: %g for a sum of %g", r, j, got, sum);
            }
        og_free(w);
        bench_close(&b);
    }
}

static struct og_sigma constant(double sigma)
{
    return (struct og_sigma){.kind = OG_SIGMA_CONSTANT, .sigma = sigma, .scale = 1};
}

// Variance of tanh columns around 0, without inputs: read noise of the bias lines, of the
// ramp (a walk up to its middle), and the steps of the output.
static double variance_at_zero(struct og_hardware hw, size_t reads)
{
    enum { ROWS = 5, COLS = 30, TANH = 20 };
    struct bench b = ramp_bench(hw, ROWS, COLS, reads);
    memset(b.x, 0, reads * ROWS * sizeof *b.x);
    float bias[COLS] = {0};
    bias[0] = 2.5f * 0.73f;  // three lines
    og_array_set_bias(b.array, bias);
    bench_run(&b);
    double square = 0;
    for (size_t r = 0; r < reads; r++)
        for (size_t j = COLS - TANH; j < COLS; j++)
            square += (double)b.y[r * COLS + j] * (double)b.y[r * COLS + j];
    bench_close(&b);
    return square / (double)(reads * TANH);
}

static void bias_lines_and_ramps_are_read_with_noise(void **state)
{
    (void)state;
    struct og_hardware hw = ramp_hardware(8);
    const double sigma = 1.5e-7, lsb = 2.0 / 256;
    hw.device.read = constant(sigma);
    struct bench b = ramp_bench(hw, 5, 30, 1);
    og_array_program(b.array, b.w, &b.chip);
    const double w_max = og_array_info(b.array).w_max;
    bench_close(&b);
    const double lines = ceil(2.5 * 0.73 / w_max);
    // x of a siemens: w_max over the range of a device at full drive; of a ramp at 8
    // bits, its largest step over g_max.
    const double weight = w_max / hw.device.g_max * sigma;
    const double largest = atanh(254.0 / 256) - atanh(252.0 / 256);
    const double step = largest / hw.device.g_max * sigma;
    const int bias_cells = 8;  // x_1 over the largest step, rounded up
    const double expected =
        2 * lines * weight * weight + (127 + bias_cells) * step * step + lsb * lsb / 12;
    for (int method = OG_NOISE_FAST; method <= OG_NOISE_DEVICE; method++) {
        hw.read_noise = (enum og_noise_method)method;
        double got = variance_at_zero(hw, 4000);
        // The walk is common to 20 columns: 4000 draws, 5 standard deviations 11 %.
        if (!(fabs(got / expected - 1) < 0.12)) fail_msg("%g, not %g", got, expected);
    }
}

static void comparators_have_noise_and_offsets(void **state)
{
    (void)state;
    enum { COLS = 300 };
    for (int k = 0; k < 2; k++) {
        struct og_hardware hw = ramp_hardware(8);
        hw.adc.bits = 8;  // of linear converters, which this array has none of
        if (k == 0)
            hw.adc.noise = 2;
        else
            hw.adc.offset = 2;
        struct bench b = ramp_bench(hw, 3, COLS, 40);
        memset(b.x, 0, 40 * 3 * sizeof *b.x);
        bench_run(&b);
        double square = 0, frozen = 0;
        for (size_t r = 0; r < 40; r++)
            for (size_t j = COLS / 3; j < COLS; j++) {
                double y = atanh((double)b.y[r * COLS + j]);
                square += y * y / (40 * 200);
                frozen += b.y[r * COLS + j] == b.y[j];
            }
        const double lsb = 2 * atanh(254.0 / 256) / 254;  // mean step
        const double expected = 4 * lsb * lsb;
        assert_true(fabs(square / expected - 1) < 0.25);
        assert_true((frozen == 40 * 200) == (k == 1));
        bench_close(&b);
    }
}

// --- the same bits -------------------------------------------------------------------

static void instruction_sets_agree(void **state)
{
    (void)state;
    enum { ROWS = 20, COLS = 57, N = 130 };
    const enum og_isa before = og_cpu_isa();
    float *first = NULL;
    for (int isa = OG_ISA_PLAIN; isa < OG_ISA_COUNT; isa++) {
        if (!og_cpu_use((enum og_isa)isa)) continue;
        struct og_hardware hw = ramp_hardware(5);
        hw.mapping.weight_bits = 4;  // sums of integers, so that no product rounds
        hw.dac.bits = 4;
        hw.device.read = constant(1e-7);
        struct bench b = ramp_bench(hw, ROWS, COLS, N);
        bench_run(&b);
        if (first == NULL) {
            first = b.y;
            b.y = NULL;
        } else {
            assert_memory_equal(first, b.y, N * COLS * sizeof *first);
        }
        bench_close(&b);
    }
    og_free(first);
    og_cpu_use(before);
}

// --- row tiles -----------------------------------------------------------------------

static void joined_row_tiles_are_one_conversion(void **state)
{
    (void)state;
    enum { ROWS = 100, COLS = 30, N = 20 };
    struct og_hardware hw = plain_hardware();
    hw.device.program = constant(2e-7);
    hw.adc.bits = 6;
    hw.adc.mode = OG_RANGE_FIXED;
    hw.adc.range = 0.1;
    hw.tile.rows = 128;
    struct bench tall = bench_open(hw, ROWS, COLS, N, 1);
    bench_run(&tall);
    hw.tile.rows = 32;
    struct bench parts = bench_open(hw, ROWS, COLS, N, 1);
    bench_run(&parts);
    hw.tile.accumulate = OG_ACCUMULATE_ANALOG;
    struct bench joined = bench_open(hw, ROWS, COLS, N, 1);
    bench_run(&joined);
    assert_memory_equal(tall.y, joined.y, N * COLS * sizeof *tall.y);
    assert_memory_not_equal(tall.y, parts.y, N * COLS * sizeof *tall.y);

    const struct og_array_info info = og_array_info(joined.array);
    assert_int_equal(info.used.tiles, 4);
    assert_int_equal(info.used.row_tiles, 4);
    assert_int_equal(info.used.row_groups, 1);
    assert_int_equal(info.used.conversions, COLS);
    assert_int_equal(info.dense.tiles, 4);
    assert_int_equal(info.dense.conversions, COLS);
    assert_int_equal(og_array_info(parts.array).used.conversions, 4 * COLS);
    bench_close(&tall);
    bench_close(&parts);
    bench_close(&joined);
}

// --- faults of users and machines ----------------------------------------------------

static void refused(struct og_hardware hw, const char *text)
{
    const struct og_array_shape shape = shape_of(&hw, 100, 9);
    struct og_array *array;
    struct og_error err = {0};
    assert_int_equal(og_array_alloc(&array, &hw, &shape, &err), OG_INPUT);
    assert_null(array);
    if (!strstr(err.text, text)) fail_msg("'%s' does not say '%s'", err.text, text);
}

static void what_ramps_exclude_is_refused(void **state)
{
    (void)state;
    struct og_hardware good = ramp_hardware(5), hw = good;
    refused(hw, "100 rows do not fit on tiles of 64");
    good.tile.accumulate = OG_ACCUMULATE_ANALOG;
    hw = good;
    hw.tile.rows_active = 64;
    refused(hw, "rows_active");
    good.tile.rows = 100;
    hw = good;
    hw.mapping.scheme = OG_OFFSET;
    refused(hw, "mapping.scheme");
    hw = good;
    hw.mapping.granularity = OG_PER_COLUMN;
    refused(hw, "mapping.granularity");
    hw = good;
    hw.mapping.weight_bits = 5;
    hw.mapping.slice_bits = 2;
    refused(hw, "mapping.slice_bits");
    hw = good;
    hw.pair.subtract = OG_SUBTRACT_DIGITAL;
    refused(hw, "pair.subtract");
    hw = good;
    hw.input.sign = OG_INPUT_TWO_PASS;
    refused(hw, "two_pass");
    hw = good;
    hw.input.sign = OG_INPUT_OFFSET;
    refused(hw, "input.sign: offset");
    hw = good;
    hw.dac.bits = 5;
    hw.input.encoding = OG_BIT_SERIAL;
    refused(hw, "bit_serial");
    hw = good;
    hw.adc.ramp.bits = 9;
    refused(hw, "2 .. 8");

    struct bench b = ramp_bench(good, 100, 9, 1);
    struct og_error err = {0};
    assert_int_equal(og_array_keep_gradient(b.array, OG_KEEP_REPARAM, &err), OG_INPUT);
    assert_non_null(strstr(err.text, "ramps"));
    bench_close(&b);
}

static void failing_allocations_leak_nothing(void **state)
{
    (void)state;
    const struct og_hardware hw = ramp_hardware(4);
    const struct og_array_shape shape = shape_of(&hw, 20, 9);
    for (size_t n = 1;; n++) {
        struct og_array *array;
        og_alloc_fail_at(n);
        og_status status = og_array_alloc(&array, &hw, &shape, NULL);
        og_alloc_fail_at(0);
        og_array_free(array);
        if (status == OG_OK) break;
        assert_int_equal(status, OG_NO_MEMORY);
        assert_true(n < 100);
    }
}

// --- reports -------------------------------------------------------------------------

static void gain_links_ramp_and_products(void **state)
{
    (void)state;
    struct og_hardware hw = ramp_hardware(5);
    hw.tile.cols = 4;  // of 9 columns; the tile in the middle has one function
    struct bench b = ramp_bench(hw, 20, 9, 1);
    og_array_program(b.array, b.w, &b.chip);
    const struct og_ramp_info info = og_array_ramp_info(b.array);
    const double largest = 2 * (atanh(30.0 / 32) - atanh(28.0 / 32)) / 2;
    const double sigmoid = log(31) - log(30.0 / 2);
    assert_int_equal(info.ramps, 4);
    assert_int_equal(info.cells, 4 * (30 + 5));
    const double expected = fmax(largest, sigmoid) / og_array_info(b.array).w_max;
    assert_true(fabs(info.gain / expected - 1) < 1e-5);
    bench_close(&b);
}

// [S clocks] of a sigmoid ramp of 5 bits whose largest step is g_max: each step from its
// clock on, the start all the time.
static double charge_of_sigmoid(double g_max)
{
    double x[32], sum = 0;
    for (int k = 1; k < 32; k++) x[k] = log(k / (32.0 - k));
    const double per_siemens = (x[2] - x[1]) / g_max;
    for (int k = 1; k < 31; k++) sum += (x[k + 1] - x[k]) / per_siemens * (32 - k);
    return sum - x[1] / per_siemens * 32;
}

static void ramps_cost_time_and_cells(void **state)
{
    (void)state;
    enum { ROWS = 20, COLS = 6 };
    struct og_hardware hw = ramp_hardware(5);
    hw.tile.columns_per_adc = 2;
    hw.technology = (struct og_technology){.ideal_bits = 8, .cell = {1e-14}};
    hw.technology.read.time = 40e-9;
    hw.technology.driver = (struct og_part_cost){3e-15, 1e-12};
    hw.technology.ramp.column = (struct og_part_cost){2e-15, 5e-12};
    hw.technology.ramp.clock = 1e-9;
    struct bench b = bench_open(hw, ROWS, COLS, 1, 1.5f);
    struct og_array_shape shape = shape_of(&hw, ROWS, COLS);
    shape.ramps = 1;
    shape.ramp[0] = (struct og_ramp_part){OG_SIGMOID, COLS, NULL, false};
    og_array_free(b.array);
    assert_int_equal(og_array_alloc(&b.array, &hw, &shape, NULL), OG_OK);
    og_array_program(b.array, b.w, &b.chip);
    const double w_max = og_array_info(b.array).w_max;
    const struct og_activity idle = {0, 0};
    struct og_costs costs;
    og_array_cost(b.array, &hw.technology, &idle, &costs);
    const double v = hw.device.v_read, charge = charge_of_sigmoid(hw.device.g_max);
    assert_true(fabs(costs.used.latency - (40e-9 + 2 * 32e-9)) < 1e-15);
    assert_true(fabs(costs.used.part[OG_COST_ADC].energy - 6 * 32 * 2e-15) < 1e-20);
    assert_true(fabs(costs.used.part[OG_COST_ADC].area - 3 * 5e-12) < 1e-18);
    assert_true(costs.used.part[OG_COST_ARRAY].count == 2 * ROWS * COLS + 35);
    // Two conversions, one after the other, each with a ramp.
    const double ramps = v * v * 2e-9 * charge;
    assert_true(fabs(costs.used.part[OG_COST_ARRAY].energy / ramps - 1) < 1e-5);

    // A bias of 2.5 weights: three lines, one device of each pair at 2.5 / 3 g_max.
    float bias[COLS] = {(float)(2.5 * w_max)};
    og_array_set_bias(b.array, bias);
    og_array_program(b.array, b.w, &b.chip);
    og_array_cost(b.array, &hw.technology, &idle, &costs);
    assert_true(costs.used.part[OG_COST_ARRAY].count ==
                2 * ROWS * COLS + 35 + 3 * 2 * COLS);
    assert_true(costs.used.part[OG_COST_DRIVER].count == ROWS + 3);
    const double lines = v * v * 40e-9 * 2.5 * hw.device.g_max;
    assert_true(fabs(costs.used.part[OG_COST_ARRAY].energy / (ramps + lines) - 1) < 1e-5);
    bench_close(&b);
}

// What a ramp converts once more after the read takes as many clocks as in it.
static void what_is_converted_again_costs(void **state)
{
    (void)state;
    enum { ROWS = 20, COLS = 9 };  // 3 sigmoid, 6 tanh
    struct og_hardware hw = ramp_hardware(5);
    hw.tile.columns_per_adc = 4;
    hw.technology = (struct og_technology){.ideal_bits = 8};
    hw.technology.read.time = 40e-9;
    hw.technology.ramp.column = (struct og_part_cost){2e-15, 5e-12};
    hw.technology.ramp.clock = 1e-9;
    struct og_costs costs[2];
    for (int again = 0; again < 2; again++) {
        struct bench b = bench_open(hw, ROWS, COLS, 1, 1.5f);
        struct og_array_shape shape = shape_of(&hw, ROWS, COLS);
        shape.ramp[1].again = again == 1;
        og_array_free(b.array);
        assert_int_equal(og_array_alloc(&b.array, &hw, &shape, NULL), OG_OK);
        og_array_program(b.array, b.w, &b.chip);
        og_array_cost(b.array, &hw.technology, &(struct og_activity){0, 0},
                      &costs[again]);
        bench_close(&b);
    }
    const struct og_cost *once = &costs[0].used, *twice = &costs[1].used;
    // 9 columns on 3 converters: 3 turns; 6 of them on 2: 3 turns more.
    assert_true(fabs(twice->latency - once->latency - 3 * 32e-9) < 1e-15);
    assert_true(fabs(once->interval - 3 * 32e-9) < 1e-15);
    assert_true(fabs(twice->interval - 6 * 32e-9) < 1e-15);
    const double adc = once->part[OG_COST_ADC].energy;
    assert_true(fabs(twice->part[OG_COST_ADC].energy / adc - 15.0 / 9.0) < 1e-12);
    assert_true(twice->area == once->area);
    const double ramps = once->part[OG_COST_ARRAY].energy;
    const double more = twice->part[OG_COST_ARRAY].energy / ramps;
    assert_true(more > 1.1 && more < 1.9);  // one of the two ramps once more
}

// Nothing clips a bias without a word: it is there in full, or the sums are NaN.
static void huge_biases_are_whole_or_nan(void **state)
{
    (void)state;
    enum { ROWS = 4, COLS = 3 };
    const double factor[] = {5000, 1.01 * OG_BIAS_LINES, NAN};
    for (int k = 0; k < 3; k++) {
        struct bench b = ramp_bench(ramp_hardware(8), ROWS, COLS, 1);
        float bias[COLS] = {0}, noise[COLS] = {0}, signal[COLS] = {0};
        og_array_program(b.array, b.w, &b.chip);
        // What joins from outside brings the column back to where its ramp is steep.
        bias[1] = (float)(factor[k] * og_array_info(b.array).w_max);
        noise[1] = -bias[1];
        og_array_set_bias(b.array, bias);
        og_array_program(b.array, b.w, &b.chip);
        b.work = og_alloc(og_array_work_bytes(b.array, 1), 1);
        const struct og_read_io io = {.x = b.x,
                                      .ldx = ROWS,
                                      .n = 1,
                                      .y = b.y,
                                      .ldy = COLS,
                                      .a_noise = noise,
                                      .a_signal = signal,
                                      .work = b.work};
        og_array_read(b.array, &b.at, &io);
        if (k == 0) assert_true(fabs((double)b.y[1] - tanh((double)signal[1])) < 0.03);
        if (k > 0) assert_true(isnan(b.y[1]) && isnan(b.y[0]));
        bench_close(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(biases_are_in_the_sums),
        cmocka_unit_test(bias_lines_and_ramps_are_read_with_noise),
        cmocka_unit_test(comparators_have_noise_and_offsets),
        cmocka_unit_test(instruction_sets_agree),
        cmocka_unit_test(joined_row_tiles_are_one_conversion),
        cmocka_unit_test(what_ramps_exclude_is_refused),
        cmocka_unit_test(failing_allocations_leak_nothing),
        cmocka_unit_test(gain_links_ramp_and_products),
        cmocka_unit_test(ramps_cost_time_and_cells),
        cmocka_unit_test(what_is_converted_again_costs),
        cmocka_unit_test(huge_biases_are_whole_or_nan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
