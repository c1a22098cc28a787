// SPDX-License-Identifier: GPL-3.0-or-later
// Arrays with wires against circuits that the tests put together themselves, from the
// conductances that the array says it has, and solve by sparse Cholesky factors.
#include <math.h>

#include "ohmgrid/cpu.h"
#include "wired_tools.h"

enum { ROWS = 21, COLS = 10 };

// The same of cells that are not ohmic.
static void bent_currents(const struct og_hardware *hw, size_t rows, size_t cols,
                          const double *g, const double *v, size_t n, double *current)
{
    const struct og_wire_params p = params_of(hw);
    const struct og_wire_cell cell = {hw->device.iv, hw->device.v_read};
    og_wires *w;
    struct og_error err = {0};
    assert_int_equal(og_wires_alloc(&w, rows, cols, &p, &err), OG_OK);
    assert_int_equal(og_wires_load(w, g, &err), OG_OK);
    assert_int_equal(og_wires_read_cells(w, &cell, v, n, current, NULL, &err), OG_OK);
    og_wires_free(w);
}

// One tile of one slice and copy: its devices, its inputs, where its outputs go.
struct piece {
    const struct bench *b;
    size_t row0, rows, col0, cols, slices;
    int copy, slice, sides;
    const float *g;
    double scale;  // y per ampere
};

static double conductance(const struct piece *p, int side, size_t i, size_t j)
{
    const size_t set =
        ((size_t)p->copy * p->slices + (size_t)p->slice) * (size_t)p->sides;
    const size_t cells = p->b->rows * p->b->cols;
    const double g =
        (double)
            p->g[(set + (size_t)side) * cells + (p->row0 + i) * p->b->cols + p->col0 + j];
    return g / (1 + g * p->b->hw.wires.r_access);
}

// y += scale (I+ - I-), or I - I_ref; lines of both sides side by side or apart.
static void add_piece(const struct piece *p, const double *v, double *y)
{
    const struct bench *b = p->b;
    const struct og_wire_params params = params_of(&b->hw);
    const bool pairs = p->sides == 2;
    const bool apart = b->hw.pair.layout == OG_LAYOUT_SEPARATE;
    const bool reference = !pairs && b->hw.mapping.reference == OG_REFERENCE_COLUMN;
    const size_t lines = pairs && !apart ? 2 * p->cols : p->cols + (reference ? 1 : 0);
    double g[8 * 9], in[8 * 8], out[8 * 9],
        mid = (b->hw.device.g_min + b->hw.device.g_max) / 2;
    for (size_t r = 0; r < b->n; r++)
        for (size_t i = 0; i < p->rows; i++)
            in[r * p->rows + i] = v[r * b->rows + p->row0 + i];
    for (int array = 0; array < (apart ? 2 : 1); array++) {
        for (size_t i = 0; i < p->rows; i++)
            for (size_t c = 0; c < lines; c++)
                g[i * lines + c] = !pairs && c == p->cols ? mid
                                   : pairs && !apart
                                       ? conductance(p, (int)c % 2, i, c / 2)
                                       : conductance(p, array, i, c);
        if (b->hw.wires.mode == OG_WIRES_NONLINEAR)
            bent_currents(&b->hw, p->rows, lines, g, in, b->n, out);
        else
            currents(&params, p->rows, lines, g, in, b->n, out);
        for (size_t r = 0; r < b->n; r++)
            for (size_t j = 0; j < p->cols; j++) {
                const double *line = out + r * lines;
                double sum = pairs && !apart ? line[2 * j] - line[2 * j + 1]
                             : apart         ? (array == 0 ? line[j] : -line[j])
                                             : line[j];
                if (reference) sum -= line[p->cols];
                y[r * b->cols + p->col0 + j] += p->scale * sum;
            }
    }
}

// What the array should read without converters' errors, in y.
static void expected(const struct bench *b, double *y)
{
    const struct og_hardware *hw = &b->hw;
    const struct og_array_info info = og_array_info(b->array);
    const int sides = hw->mapping.scheme == OG_OFFSET ? 1 : 2;
    const double D = hw->mapping.weight_bits > 0
                         ? (double)((1 << (hw->mapping.weight_bits - 1)) - 1)
                         : 1;
    const double digit = info.slices > 1 ? (1 << hw->mapping.slice_bits) - 1 : D;
    const double range = hw->device.g_max - hw->device.g_min;
    float *g = og_alloc(info.dense.devices, sizeof *g);
    double *v = og_alloc(b->n * b->rows, sizeof *v);
    og_array_conductance(b->array, g);
    for (size_t k = 0; k < b->n * b->rows; k++) v[k] = (double)b->x[k];
    memset(y, 0, b->n * b->cols * sizeof *y);
    struct piece p = {.b = b, .sides = sides, .g = g, .slices = info.slices};
    for (p.copy = 0; p.copy < hw->mapping.devices_per_weight; p.copy++)
        for (p.slice = 0; p.slice < (int)info.slices; p.slice++)
            for (p.row0 = 0; p.row0 < b->rows; p.row0 += 8)
                for (p.col0 = 0; p.col0 < b->cols; p.col0 += 4) {
                    p.rows = b->rows - p.row0 < 8 ? b->rows - p.row0 : 8;
                    p.cols = b->cols - p.col0 < 4 ? b->cols - p.col0 : 4;
                    p.scale = info.w_max / D * digit / range * (sides == 1 ? 2 : 1) *
                              (1 << hw->mapping.slice_bits * p.slice) /
                              hw->mapping.devices_per_weight;
                    add_piece(&p, v, y);
                }
    og_free(g);
    og_free(v);
}

static void assert_as_expected(const struct bench *b, double tolerance)
{
    double y[8 * COLS];
    expected(b, y);
    double most = 0;
    for (size_t k = 0; k < b->n * b->cols; k++) most = fmax(most, fabs(y[k]));
    for (size_t k = 0; k < b->n * b->cols; k++)
        if (!(fabs((double)b->y[k] - y[k]) <= tolerance * most))
            fail_msg("output %zu is %g, expected %g", k, (double)b->y[k], y[k]);
}

static void run(struct og_hardware hw)
{
    struct bench b = bench_open(hw, ROWS, COLS, 5, 1);
    bench_run(&b);
    assert_as_expected(&b, 3e-6);
    bench_close(&b);
}

static void reads_are_those_of_the_circuit(void **state)
{
    (void)state;
    for (int scheme = OG_DIFFERENTIAL; scheme <= OG_OFFSET; scheme++)
        for (int variant = 0; variant < 9; variant++) {
            struct og_hardware hw = wired_hardware();
            hw.mapping.scheme = (enum og_scheme)scheme;
            const bool pairs = scheme != OG_OFFSET;
            // Errors of the reference column's devices are not told.
            if (variant == 1 && pairs) hw.device.program = proportional(0.1);
            if (variant == 1 && pairs)
                hw.device.faults.p_lrs = hw.device.faults.p_hrs = 0.05;
            if (variant == 2) hw.mapping.devices_per_weight = 3;
            if (variant == 3 && pairs) hw.pair.subtract = OG_SUBTRACT_DIGITAL;
            if (variant == 4 && pairs) hw.pair.layout = OG_LAYOUT_SEPARATE;
            if (variant == 5) hw.wires.drive = hw.wires.sense = OG_BOTH_ENDS;
            if (variant == 6) hw.tile.accumulate = OG_ACCUMULATE_ANALOG;
            if (variant == 7) hw.tile.rows_active = 3;
            if (variant == 8 && scheme == OG_DIFFERENTIAL) {
                hw.mapping.weight_bits = 5;
                hw.mapping.slice_bits = 2;
            }
            run(hw);
        }
}

static void inputs_of_every_kind(void **state)
{
    (void)state;
    for (int sign = OG_INPUT_BIPOLAR; sign <= OG_INPUT_TWO_PASS; sign++)
        for (int encoding = OG_AMPLITUDE; encoding <= OG_BIT_SERIAL; encoding++) {
            struct og_hardware hw = wired_hardware();
            hw.input.sign = (enum og_input_sign)sign;
            hw.input.encoding = (enum og_encoding)encoding;
            hw.dac.bits = 16;  // inputs as good as analog
            struct bench b = bench_open(hw, ROWS, COLS, 5, 1);
            bench_run(&b);
            assert_as_expected(&b, 1e-4);
            bench_close(&b);
        }
}

// Each of the resistances alone, and none of the others, has an effect.
static void every_resistance_counts(void **state)
{
    (void)state;
    for (int k = 0; k < 5; k++) {
        struct og_hardware hw = wired_hardware();
        double *const all[] = {&hw.wires.r_row, &hw.wires.r_col, &hw.wires.r_source,
                               &hw.wires.r_sense, &hw.wires.r_access};
        for (int i = 0; i < 5; i++) *all[i] = i == k ? 500 : 0;
        run(hw);
        struct og_hardware none = hw;
        none.wires.mode = OG_WIRES_NONE;
        struct bench a = bench_open(hw, ROWS, COLS, 1, 1),
                     b = bench_open(none, ROWS, COLS, 1, 1);
        bench_run(&a);
        bench_run(&b);
        for (size_t j = 0; j < COLS; j++) assert_true(fabsf(a.y[j] - b.y[j]) > 1e-4f);
        bench_close(&a);
        bench_close(&b);
    }
}

static void without_resistance_nothing_changes(void **state)
{
    (void)state;
    for (int mode = OG_WIRES_APPROXIMATE; mode <= OG_WIRES_EXACT; mode++) {
        struct og_hardware hw = wired_hardware(), none = hw;
        hw.wires = (struct og_wiring){.mode = (enum og_wire_mode)mode};
        none.wires = (struct og_wiring){.mode = OG_WIRES_NONE};
        hw.device.read = none.device.read = proportional(0.05);
        struct bench a = bench_open(hw, ROWS, COLS, 4, 1),
                     b = bench_open(none, ROWS, COLS, 4, 1);
        bench_run(&a);
        bench_run(&b);
        assert_memory_equal(a.y, b.y, 4 * COLS * sizeof *a.y);
        bench_close(&a);
        bench_close(&b);
    }
}

// One device: it and its path in series. More: the approximation leaves out what its
// neighbours draw through the same wires, so exact currents are smaller.
static void approximate_is_in_series(void **state)
{
    (void)state;
    struct og_hardware hw = wired_hardware();
    hw.wires.mode = OG_WIRES_APPROXIMATE;
    hw.wires.r_access = 40;
    hw.pair.layout = OG_LAYOUT_SEPARATE;
    hw.device.g_min = 0;
    struct bench b = bench_open(hw, 1, 1, 1, 1);
    b.x[0] = 1;
    b.w[0] = 1;
    bench_run(&b);
    assert_float_equal(b.y[0], 1 / (1 + 100e-6 * (30 + 17 + 200 + 70 + 40)), 1e-6);
    bench_close(&b);

    float y[2];
    for (int mode = OG_WIRES_APPROXIMATE; mode <= OG_WIRES_EXACT; mode++) {
        hw.wires.mode = (enum og_wire_mode)mode;
        b = bench_open(hw, 8, 4, 1, 1);
        for (size_t k = 0; k < 8; k++) b.x[k] = 1;
        for (size_t k = 0; k < 32; k++) b.w[k] = 1;
        bench_run(&b);
        y[mode - OG_WIRES_APPROXIMATE] = b.y[0];
        bench_close(&b);
    }
    assert_true(y[0] < 8 && y[1] < 0.95f * y[0]);
}

// Volts are those of the inputs here: v_read = 1 V.
static void cells_that_are_not_ohmic(void **state)
{
    (void)state;
    for (int variant = 0; variant < 6; variant++) {
        struct og_hardware hw = wired_hardware();
        hw.wires.mode = OG_WIRES_NONLINEAR;
        hw.device.v_read = 1;
        hw.device.iv.kind = OG_IV_SINH;
        hw.device.iv.a = 2.5;
        if (variant == 1) hw.pair.subtract = OG_SUBTRACT_DIGITAL;
        if (variant == 2) hw.pair.layout = OG_LAYOUT_SEPARATE;
        if (variant == 3) hw.mapping.scheme = OG_OFFSET;
        if (variant == 4) hw.tile.accumulate = OG_ACCUMULATE_ANALOG;
        if (variant == 5) hw.mapping.devices_per_weight = 2;
        run(hw);
    }
}

static void without_wires_they_bend_the_inputs(void **state)
{
    (void)state;
    struct og_hardware hw = plain_hardware(), ohmic = hw;
    hw.device.iv.kind = OG_IV_SINH;
    hw.device.iv.a = 12;
    hw.device.v_read = 0.2;
    struct bench b = bench_open(hw, ROWS, COLS, 3, 0.8f),
                 c = bench_open(ohmic, ROWS, COLS, 3, 0.8f);
    bench_run(&b);
    for (size_t k = 0; k < 3 * ROWS; k++)
        c.x[k] = (float)(0.8 * sinh(2.4 * (double)b.x[k] / 0.8) / sinh(2.4));
    bench_run(&c);
    for (size_t k = 0; k < 3 * COLS; k++) assert_float_equal(b.y[k], c.y[k], 1e-5);
    struct og_error err = {0};
    assert_int_equal(og_array_keep_gradient(b.array, OG_KEEP_REPARAM, &err), OG_INPUT);
    assert_non_null(strstr(err.text, "not ohmic"));
    bench_close(&b);
    bench_close(&c);
}

static void same_bits_for_any_threads(void **state)
{
    (void)state;
    enum { MANY_ROWS = 90, MANY_COLS = 60 };
    const int threads[] = {1, 2, 7}, before = og_threads();
    float y[3][6 * MANY_COLS];
    for (int t = 0; t < 3; t++) {
        struct og_hardware hw = wired_hardware();
        hw.device.program = proportional(0.1);
        hw.device.read = proportional(0.05);
        og_set_threads(threads[t]);
        struct bench b = bench_open(hw, MANY_ROWS, MANY_COLS, 6, 1);
        bench_run(&b);
        memcpy(y[t], b.y, sizeof y[t]);
        bench_close(&b);
    }
    og_set_threads(before);
    assert_memory_equal(y[0], y[1], sizeof y[0]);
    assert_memory_equal(y[0], y[2], sizeof y[0]);
}

static void the_short_ways_are_judged(void **state)
{
    (void)state;
    struct og_hardware hw = wired_hardware();
    struct og_wire_check check, small;
    hw.device.read = proportional(0.05);
    struct bench b = bench_open(hw, ROWS, COLS, 1, 1);
    bench_run(&b);
    assert_int_equal(og_array_wire_check(b.array, &check, NULL), OG_OK);
    assert_true(check.lost > 0.05 && check.lost < 0.5);
    // Currents of neighbours through the same wires are not in the approximation.
    assert_true(check.approximate > 0.03 && check.approximate < 0.5);
    assert_true(check.noise > 0.94 && check.noise < 1.06);
    bench_close(&b);

    // All of it is first order in the resistances.
    hw.wires =
        (struct og_wiring){.mode = OG_WIRES_APPROXIMATE, .r_row = 0.3, .r_col = 0.2};
    b = bench_open(hw, ROWS, COLS, 1, 1);
    bench_run(&b);
    assert_int_equal(og_array_wire_check(b.array, &small, NULL), OG_OK);
    assert_true(small.lost > 0 && small.lost < 0.1 * check.lost);
    assert_true(small.approximate > 0 && small.approximate < 0.01);
    assert_true(fabs(small.noise - 1) < 1e-3);
    bench_close(&b);

    // One device alone has no neighbours.
    b = bench_open(hw, 1, 1, 1, 1);
    bench_run(&b);
    assert_int_equal(og_array_wire_check(b.array, &check, NULL), OG_OK);
    assert_true(check.lost > 0 && check.approximate < 1e-4);
    bench_close(&b);

    hw.wires.mode = OG_WIRES_NONE;
    b = bench_open(hw, ROWS, COLS, 1, 1);
    bench_run(&b);
    assert_int_equal(og_array_wire_check(b.array, &check, NULL), OG_OK);
    assert_true(isnan(check.lost) && isnan(check.approximate) && isnan(check.noise));
    bench_close(&b);
}

static void what_is_no_number_shows(void **state)
{
    (void)state;
    struct bench b = bench_open(wired_hardware(), ROWS, COLS, 1, 1);
    b.w[0] = NAN;
    assert_int_equal(og_array_program(b.array, b.w, &b.chip), OG_OK);
    bench_read(&b);
    assert_true(isnan(b.y[0]));
    bench_close(&b);
}

// Lines that are pruned away are no part of the circuit.
static void removed_lines_are_not_there(void **state)
{
    (void)state;
    struct bench b = bench_open(wired_hardware(), ROWS, COLS, 3, 1);
    struct bench less = bench_open(wired_hardware(), ROWS - 5, COLS, 3, 1);
    for (size_t j = 0; j < COLS; j++)
        for (size_t i = 0; i < ROWS; i++) {
            if (i >= 5) less.w[j * (ROWS - 5) + i - 5] = b.w[j * ROWS + i];
            if (i < 5) b.w[j * ROWS + i] = 0;
        }
    for (size_t r = 0; r < 3; r++)
        memcpy(less.x + r * (ROWS - 5), b.x + r * ROWS + 5, (ROWS - 5) * sizeof *b.x);
    bench_run(&b);
    bench_run(&less);
    assert_memory_equal(b.y, less.y, 3 * COLS * sizeof *b.y);
    bench_close(&b);
    bench_close(&less);
}

static void failing_allocations(void **state)
{
    (void)state;
    const struct og_array_shape shape = {
        .rows = 8, .cols = 4, .segments = 1, .segment = {{.rows = 8, .range = 1}}};
    const struct og_hardware hw = wired_hardware();
    float w[32];
    fill(w, 32, 11, 0.7f);
    size_t at = 1;
    for (bool done = false; !done; at++) {
        struct og_array *a = NULL;
        og_alloc_fail_at(at);
        og_status s = og_array_alloc(&a, &hw, &shape, NULL);
        if (s == OG_OK) s = og_array_program(a, w, &(struct og_chip){.seed = 1});
        og_alloc_fail_at(0);
        done = s == OG_OK;
        if (!done) assert_int_equal(s, OG_NO_MEMORY);
        og_array_free(a);
    }
    assert_true(at > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_are_those_of_the_circuit),
        cmocka_unit_test(inputs_of_every_kind),
        cmocka_unit_test(every_resistance_counts),
        cmocka_unit_test(without_resistance_nothing_changes),
        cmocka_unit_test(approximate_is_in_series),
        cmocka_unit_test(cells_that_are_not_ohmic),
        cmocka_unit_test(without_wires_they_bend_the_inputs),
        cmocka_unit_test(same_bits_for_any_threads),
        cmocka_unit_test(the_short_ways_are_judged),
        cmocka_unit_test(what_is_no_number_shows),
        cmocka_unit_test(removed_lines_are_not_there),
        cmocka_unit_test(failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
