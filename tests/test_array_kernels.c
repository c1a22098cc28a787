// SPDX-License-Identifier: GPL-3.0-or-later
// What a read does element by element: the same bits on every instruction set and for
// every layout of y, and a tape whose short codes give back what the word lines carried.
#include <math.h>

#include "array_helper.h"
#include "ohmgrid/cpu.h"
#include "periphery/kernels.h"

// Sums of these are integers, so that products cannot differ in rounding.
static struct og_hardware integer_hardware(void)
{
    struct og_hardware hw = plain_hardware();
    hw.mapping.weight_bits = 4;
    hw.dac.bits = 4;
    hw.adc.bits = 5;
    hw.adc.mode = OG_RANGE_FIXED;
    hw.adc.range = 0.05;
    hw.device.read =
        (struct og_sigma){.kind = OG_SIGMA_CONSTANT, .sigma = 2e-7, .scale = 1};
    return hw;
}

struct record {
    float *y;
    char *tape;
    size_t bytes;
};

static struct record read_on(enum og_isa isa, struct og_hardware hw, size_t rows,
                             size_t cols, enum og_keep keep)
{
    enum { N = 130 };
    assert_true(og_cpu_use(isa));
    struct bench b = bench_open(hw, rows, cols, N, 0.8f);
    assert_int_equal(og_array_keep_gradient(b.array, keep, NULL), OG_OK);
    struct record record = {.bytes = og_array_tape_bytes(b.array, N)};
    b.tape = og_alloc(record.bytes, 1);
    for (size_t k = 0; k < N * rows; k++) b.x[k] *= 1.3f;  // some beyond the range
    bench_run(&b);
    record.y = b.y;
    record.tape = b.tape;
    b.y = NULL;
    b.tape = NULL;
    bench_close(&b);
    return record;
}

static void agree(struct og_hardware hw, size_t rows, size_t cols, enum og_keep keep)
{
    struct record plain = read_on(OG_ISA_PLAIN, hw, rows, cols, keep);
    size_t different = 0;
    for (size_t k = 1; k < 130 * cols; k++) different += plain.y[k] != plain.y[0];
    assert_true(different > 65 * cols);
    for (int isa = OG_ISA_PLAIN + 1; isa < OG_ISA_COUNT; isa++) {
        if (!og_cpu_use((enum og_isa)isa)) continue;
        struct record other = read_on((enum og_isa)isa, hw, rows, cols, keep);
        assert_memory_equal(other.y, plain.y, 130 * cols * sizeof *plain.y);
        assert_memory_equal(other.tape, plain.tape, plain.bytes);
        og_free(other.y);
        og_free(other.tape);
    }
    og_free(plain.y);
    og_free(plain.tape);
}

static void sets_agree(void **state)
{
    (void)state;
    enum og_isa before = og_cpu_isa();
    const size_t rows[] = {9, 16, 50, 100}, cols[] = {20, 50, 300, 7};
    for (int k = 0; k < 4; k++) {
        struct og_hardware hw = integer_hardware();
        agree(hw, rows[k], cols[k], OG_KEEP_GRADIENT);
        agree(hw, rows[k], cols[k], OG_KEEP_REPARAM);
        hw.input.encoding = OG_PULSE_WIDTH;
        hw.adc.rounding = OG_MID_RISE;
        agree(hw, rows[k], cols[k], OG_KEEP_GRADIENT);
        hw.input.encoding = OG_BIT_SERIAL;
        hw.input.sign = OG_INPUT_TWO_PASS;
        hw.tile.rows_active = 11;
        hw.adc.noise = 0.5;
        agree(hw, rows[k], cols[k], OG_KEEP_GRADIENT);
        hw.adc.kind = k % 2 ? OG_ADC_SAR : OG_ADC_PIPELINE;
        hw.adc.circuit.capacitor = hw.adc.circuit.comparator = 0.02;
        hw.tile.columns_per_adc = 3;
        agree(hw, rows[k], cols[k], OG_KEEP_GRADIENT);
        if (k % 2) hw.adc.kind = OG_ADC_SINGLE_SLOPE;
        hw.integrator.saturation = 0.04;
        agree(hw, rows[k], cols[k], OG_KEEP_GRADIENT);
    }
    og_cpu_use(before);
}

// Whole rows of y, written at once, or apart from each other.
static void layout_of_y_changes_nothing(void **state)
{
    (void)state;
    struct bench b = bench_open(integer_hardware(), 50, 20, 150, 1);
    bench_run(&b);
    enum { WIDE = 23 };
    float *wide = og_alloc(150 * WIDE, sizeof *wide);
    for (size_t k = 0; k < 150 * WIDE; k++) wide[k] = 99;
    struct og_read_io io = {
        .x = b.x, .ldx = 50, .n = 150, .y = wide, .ldy = WIDE, .work = b.work};
    og_array_read(b.array, &b.at, &io);
    for (size_t r = 0; r < 150; r++) {
        assert_memory_equal(wide + r * WIDE, b.y + r * 20, 20 * sizeof *wide);
        for (size_t j = 20; j < WIDE; j++) assert_true(wide[r * WIDE + j] == 99);
    }
    og_free(wide);
    bench_close(&b);
}

// Two segments, of different bits and range, in more rows than backward takes at once.
enum { ROWS = 30, FIRST = 13, COLS = 3, N = 600 };

static double carried(const float *x, size_t i)
{
    double limit = i < FIRST ? 7 : 127, range = i < FIRST ? 0.5 : 0.25;
    return rint(fmax(-limit, fmin(limit, x[i] * (limit / range)))) * range / limit;
}

static void segments_keep_their_own_step(void **state)
{
    (void)state;
    struct bench b = bench_open(plain_hardware(), ROWS, COLS, N, 1);
    og_array_free(b.array);
    struct og_array_shape shape = {
        .rows = ROWS,
        .cols = COLS,
        .segments = 2,
        .segment = {{.rows = FIRST, .dac_bits = 4, .range = 0.5f},
                    {.rows = ROWS - FIRST, .dac_bits = 8, .range = 0.25f}}};
    assert_int_equal(og_array_alloc(&b.array, &b.hw, &shape, NULL), OG_OK);
    assert_int_equal(og_array_keep_gradient(b.array, OG_KEEP_GRADIENT, NULL), OG_OK);
    b.tape = og_alloc(og_array_tape_bytes(b.array, N), 1);
    bench_run(&b);
    float *dy = og_alloc(N * COLS, sizeof *dy), *dw = og_alloc(ROWS * COLS, sizeof *dw);
    float *dx = og_alloc(N * ROWS, sizeof *dx);
    fill(dy, N * COLS, 77, 1);
    struct og_backward_io io = {.dy = dy,
                                .lddy = COLS,
                                .n = N,
                                .dx = dx,
                                .lddx = ROWS,
                                .dw = dw,
                                .tape = b.tape,
                                .work = b.work,
                                .gradient = OG_CLIPPED};
    og_array_backward(b.array, &io);
    for (size_t j = 0; j < COLS; j++)
        for (size_t i = 0; i < ROWS; i++) {
            double want = 0, size = 0;
            for (size_t r = 0; r < N; r++) {
                double term = dy[r * COLS + j] * carried(b.x + r * ROWS, i);
                want += term;
                size += fabs(term);
            }
            assert_true(fabs(dw[j * ROWS + i] - want) <= 1e-5 * size);
        }
    for (size_t k = 0; k < N * ROWS; k++) {
        bool beyond = fabsf(b.x[k]) > (k % ROWS < FIRST ? 0.5f : 0.25f);
        assert_true((dx[k] == 0) == beyond);
    }
    og_free(dy);
    og_free(dw);
    og_free(dx);
    bench_close(&b);
}

// Powers of drives, line after line or row after row.
static void compare_sums(size_t n)
{
    enum { ROWS = 40, PITCH = 64 };
    float *x = og_alloc(ROWS * n, sizeof *x), *line = og_alloc(n * PITCH, sizeof *line);
    float of_rows[PITCH], of_lines[PITCH];
    assert_true(x && line);
    fill(x, ROWS * n, 5, 3);
    for (size_t r = 0; r < ROWS; r++)
        for (size_t i = 0; i < n; i++) line[i * PITCH + r] = x[r * n + i];
    for (int p = OG_POWER_NONE; p <= OG_POWER_SQUARE; p++) {
        og_convert_kernels()->row_sums(x, n, ROWS, n, (enum og_power)p, of_rows);
        og_convert_kernels()->col_sums(line, PITCH, ROWS, n, (enum og_power)p, of_lines);
        assert_memory_equal(of_rows, of_lines, ROWS * sizeof *of_rows);
    }
    og_free(x);
    og_free(line);
}

static void sums_of_lines_are_those_of_rows(void **state)
{
    (void)state;
    const enum og_isa before = og_cpu_isa();
    const size_t n[] = {1, 9, 16, 17, 31, 32, 50, 144};
    for (int isa = 0; isa < OG_ISA_COUNT; isa++)
        for (size_t k = 0; og_cpu_use((enum og_isa)isa) && k < sizeof n / sizeof *n; k++)
            compare_sums(n[k]);
    og_cpu_use(before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_agree),
        cmocka_unit_test(layout_of_y_changes_nothing),
        cmocka_unit_test(segments_keep_their_own_step),
        cmocka_unit_test(sums_of_lines_are_those_of_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
