// SPDX-License-Identifier: GPL-3.0-or-later
// Arrays whose columns are converted by circuits: which columns share one, what is frozen
// for a chip, and that gradients, counts and costs are those of any other converter.
#include <math.h>

#include "array_helper.h"
#include "ohmgrid/cost.h"

enum { ROWS = 30, COLS = 12, N = 40 };

static struct og_hardware sar(void)
{
    struct og_hardware hw = plain_hardware();
    hw.adc.bits = 6;
    hw.adc.kind = OG_ADC_SAR;
    hw.adc.mode = OG_RANGE_FIXED;
    hw.adc.range = 0.2;
    hw.adc.circuit.capacitor = 0.05;
    hw.adc.circuit.comparator = 0.02;
    return hw;
}

// All outputs have the weights of the first.
static struct bench twins(struct og_hardware hw)
{
    struct bench b = bench_open(hw, ROWS, COLS, N, 1);
    for (size_t j = 1; j < COLS; j++) memcpy(b.w + j * ROWS, b.w, ROWS * sizeof *b.w);
    bench_run(&b);
    return b;
}

static bool same_column(const struct bench *b, size_t j, size_t k)
{
    for (size_t r = 0; r < N; r++)
        if (b->y[r * COLS + j] != b->y[r * COLS + k]) return false;
    return true;
}

// Four to a converter, in tiles of six: 0-3, 4-5 | 6-9, 10-11.
static void columns_share_errors(void **state)
{
    (void)state;
    struct og_hardware hw = sar();
    hw.tile.cols = 6;
    hw.tile.columns_per_adc = 4;
    struct bench b = twins(hw);
    static const int adc[COLS] = {0, 0, 0, 0, 1, 1, 2, 2, 2, 2, 3, 3};
    for (size_t j = 0; j < COLS; j++)
        for (size_t k = 0; k < COLS; k++)
            assert_true(same_column(&b, j, k) == (adc[j] == adc[k]));
    assert_int_equal(og_array_adc_info(b.array).adcs, 4);
    bench_close(&b);
}

// An output of two slices and two sides has four columns: with eight to a converter two
// outputs are alike, with two none are.
static void slices_and_sides_are_columns(void **state)
{
    (void)state;
    struct og_hardware hw = sar();
    hw.mapping.weight_bits = 5;
    hw.mapping.slice_bits = 2;
    hw.pair.subtract = OG_SUBTRACT_DIGITAL;
    hw.tile.columns_per_adc = 8;
    struct bench b = twins(hw);
    for (size_t j = 0; j < COLS; j += 2)
        assert_true(same_column(&b, j, j + 1) && !same_column(&b, j, (j + 2) % COLS));
    assert_int_equal(og_array_adc_info(b.array).adcs, COLS / 2);
    bench_close(&b);
    hw.tile.columns_per_adc = 2;
    b = twins(hw);
    for (size_t j = 1; j < COLS; j++) assert_false(same_column(&b, 0, j));
    assert_int_equal(og_array_adc_info(b.array).adcs, 2 * COLS);
    bench_close(&b);
}

static void errors_are_of_the_chip(void **state)
{
    (void)state;
    float first[N * COLS];
    struct bench b = twins(sar());
    const struct og_adc_info info = og_array_adc_info(b.array);
    memcpy(first, b.y, sizeof first);
    bench_read(&b);
    assert_memory_equal(first, b.y, sizeof first);
    b.chip.trial = 1;
    bench_run(&b);
    assert_true(memcmp(first, b.y, sizeof first) != 0);
    assert_true(og_array_adc_info(b.array).inl != info.inl);
    b.chip.trial = 0;
    b.chip.draw = 1;
    bench_run(&b);
    assert_true(memcmp(first, b.y, sizeof first) != 0);
    b.chip.draw = 0;
    bench_run(&b);
    assert_memory_equal(first, b.y, sizeof first);
    assert_true(info.inl > 0.1 && info.dnl > 0.1 && info.enob < 5.9);
    bench_close(&b);
}

// Two groups of rows hold the same weights and see the same inputs: one converter reads
// them alike. Two tiles do not.
static void groups_share_converters(void **state)
{
    (void)state;
    for (int tiles = 0; tiles < 2; tiles++) {
        struct og_hardware hw = sar();
        hw.tile.rows = tiles ? ROWS / 2 : ROWS;
        hw.tile.rows_active = ROWS / 2;
        struct bench b = bench_open(hw, ROWS, COLS, N, 1);
        for (size_t j = 0; j < COLS; j++)
            memcpy(b.w + j * ROWS + ROWS / 2, b.w + j * ROWS, ROWS / 2 * sizeof *b.w);
        for (size_t r = 0; r < N; r++) memset(b.x + r * ROWS, 0, ROWS / 2 * sizeof *b.x);
        bench_run(&b);
        float second[N * COLS];
        memcpy(second, b.y, sizeof second);
        for (size_t r = 0; r < N; r++) {
            memcpy(b.x + r * ROWS, b.x + r * ROWS + ROWS / 2, ROWS / 2 * sizeof *b.x);
            memset(b.x + r * ROWS + ROWS / 2, 0, ROWS / 2 * sizeof *b.x);
        }
        bench_read(&b);
        assert_true((memcmp(second, b.y, sizeof second) == 0) == (tiles == 0));
        bench_close(&b);
    }
}

// Straight-through: the gradient is that of the programmed weights.
static void gradients_pass_through(void **state)
{
    (void)state;
    struct bench b = bench_open(sar(), ROWS, COLS, N, 1);
    float *dy, *dx;
    bench_backward(&b, OG_STRAIGHT_THROUGH, &dy, &dx);
    for (size_t r = 0; r < N; r++)
        for (size_t i = 0; i < ROWS; i++) {
            double want = 0;
            for (size_t j = 0; j < COLS; j++)
                want += dy[r * COLS + j] * b.w[j * ROWS + i];
            assert_true(fabs(dx[r * ROWS + i] - want) < 1e-5);
        }
    og_free(dy);
    og_free(dx);
    bench_close(&b);
}

static void costs_are_those_of_any_converter(void **state)
{
    (void)state;
    struct og_hardware hw = sar();
    const struct og_technology technology = {
        .name = "simple",
        .adc = {.at = {1e-12, 1e-9}, .bits = 8, .energy_growth = 2, .area_growth = 2}};
    struct og_costs costs[2];
    hw.tile.columns_per_adc = 5;
    for (int k = 0; k < 2; k++) {
        if (k == 1) hw.adc.kind = OG_ADC_LINEAR;
        struct bench b = bench_open(hw, ROWS, COLS, 1, 1);
        og_array_program(b.array, b.w, &b.chip);
        og_array_cost(b.array, &technology, NULL, &costs[k]);
        assert_true(costs[k].used.part[OG_COST_ADC].count ==
                    (double)og_array_adc_info(b.array).adcs);
        bench_close(&b);
    }
    assert_memory_equal(&costs[0], &costs[1], sizeof costs[0]);
}

// All converters of a tile share one slope: without offsets columns are alike within a
// tile, and between tiles they are not.
static void tiles_share_slopes(void **state)
{
    (void)state;
    struct og_hardware hw = sar();
    hw.adc.kind = OG_ADC_SINGLE_SLOPE;
    hw.adc.circuit.comparator = 0;
    hw.adc.circuit.capacitor = 0.1;
    hw.tile.cols = 6;
    struct bench b = twins(hw);
    for (size_t j = 0; j < COLS; j++) assert_true(same_column(&b, 0, j) == (j < 6));
    const struct og_adc_info info = og_array_adc_info(b.array);
    assert_int_equal(info.adcs, COLS);
    assert_true(info.inl > 0.1 && info.dnl > 0.1 && info.enob < 6);
    bench_close(&b);
    hw.adc.circuit.comparator = 0.05;
    hw.tile.columns_per_adc = 3;
    b = twins(hw);
    for (size_t j = 0; j < COLS; j++) assert_true(same_column(&b, 0, j) == (j < 3));
    bench_close(&b);
}

// 2^bits clocks each.
static void slopes_cost_clocks(void **state)
{
    (void)state;
    struct og_hardware hw = sar();
    const struct og_technology technology = {
        .name = "simple",
        .read = {.time = 1e-9},
        .ramp = {.column = {1e-15, 1e-12}, .clock = 2e-9}};
    struct og_costs costs;
    hw.adc.kind = OG_ADC_SINGLE_SLOPE;
    struct bench b = bench_open(hw, ROWS, COLS, 1, 1);
    og_array_program(b.array, b.w, &b.chip);
    og_array_cost(b.array, &technology, NULL, &costs);
    const double energy = costs.used.part[OG_COST_ADC].energy;
    assert_true(fabs(energy / (COLS * 64e-15) - 1) < 1e-9);
    assert_true(fabs(costs.used.latency / (1e-9 + 64 * 2e-9) - 1) < 1e-9);
    bench_close(&b);
}

static void linear_converters_have_figures_too(void **state)
{
    (void)state;
    struct og_hardware hw = plain_hardware();
    struct bench b = bench_open(hw, ROWS, COLS, 1, 1);
    assert_int_equal(og_array_adc_info(b.array).adcs, 0);
    bench_close(&b);
    hw.adc.bits = 8;
    hw.adc.noise = sqrt(1 / 12.0);
    b = bench_open(hw, ROWS, COLS, 1, 1);
    og_array_program(b.array, b.w, &b.chip);
    const struct og_adc_info info = og_array_adc_info(b.array);
    assert_int_equal(info.adcs, COLS);
    assert_true(info.inl < 1e-6 && info.dnl < 1e-6 && fabs(info.enob - 7.5) < 0.02);
    bench_close(&b);
}

static void bits_are_needed(void **state)
{
    (void)state;
    struct og_hardware hw = sar();
    const struct og_array_shape shape = {
        .rows = 4, .cols = 4, .segments = 1, .segment = {{.rows = 4, .range = 1}}};
    og_array *array;
    struct og_error err = {0};
    hw.adc.bits = 0;
    assert_int_equal(og_array_alloc(&array, &hw, &shape, &err), OG_INPUT);
    assert_string_equal(err.text,
                        "hardware.adc.kind: sar, pipeline, cyclic and single_slope "
                        "need adc.bits, which is 0 (ideal)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_share_errors),
        cmocka_unit_test(slices_and_sides_are_columns),
        cmocka_unit_test(errors_are_of_the_chip),
        cmocka_unit_test(groups_share_converters),
        cmocka_unit_test(gradients_pass_through),
        cmocka_unit_test(costs_are_those_of_any_converter),
        cmocka_unit_test(tiles_share_slopes),
        cmocka_unit_test(slopes_cost_clocks),
        cmocka_unit_test(linear_converters_have_figures_too),
        cmocka_unit_test(bits_are_needed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
