// SPDX-License-Identifier: GPL-3.0-or-later
// What arrays with wires dissipate, the noise of their devices, the ranges of their ADCs,
// the approximations of others, remapped lines, bias lines of ramps: against circuits
// that the tests put together themselves.
#include <math.h>

#include "ohmgrid/cost.h"
#include "periphery/faults.h"
#include "periphery/ramps.h"
#include "periphery/wired.h"
#include "wired_tools.h"

enum { ROWS = 8, COLS = 4, LINES = 2 * COLS };

static og_wires *circuit(const struct og_hardware *hw, size_t rows, size_t cols,
                         const double *g)
{
    const struct og_wire_params p = params_of(hw);
    struct og_error err = {0};
    og_wires *w;
    if (og_wires_alloc(&w, rows, cols, &p, &err) != OG_OK) fail_msg("%s", err.text);
    if (og_wires_load(w, g, &err) != OG_OK) fail_msg("%s", err.text);
    return w;
}

// Devices of pairs side by side, as programmed.
static void pairs_of(const struct bench *b, double g[ROWS * LINES])
{
    float own[2 * ROWS * COLS];
    og_array_conductance(b->array, own);
    for (size_t k = 0; k < ROWS * COLS; k++)
        for (size_t side = 0; side < 2; side++)
            g[k / COLS * LINES + k % COLS * 2 + side] =
                (double)own[side * ROWS * COLS + k];
}

static void assert_near(double a, double b, double tolerance)
{
    if (!(fabs(a - b) <= tolerance * fabs(b))) fail_msg("%.10g, expected %.10g", a, b);
}

// --- power -----------------------------------------------------------------------------

static double square(double x) { return x * x; }

// sum of I^2 R over wires, sources and amplifiers, and of V^2 g, from node voltages.
static double dissipated(const struct og_hardware *hw, const double *g, const double *v)
{
    const struct og_wiring *r = &hw->wires;
    double word[ROWS * LINES], bit[ROWS * LINES], sum = 0;
    og_wires *w = circuit(hw, ROWS, LINES, g);
    assert_int_equal(og_wires_voltages(w, v, word, bit, NULL), OG_OK);
    og_wires_free(w);
    for (size_t i = 0; i < ROWS; i++)
        for (size_t j = 0; j < LINES; j++) {
            const size_t k = i * LINES + j;
            sum += g[k] * square(word[k] - bit[k]);
            if (j > 0) sum += square(word[k] - word[k - 1]) / r->r_row;
            if (i > 0) sum += square(bit[k] - bit[k - LINES]) / r->r_col;
            if (j == 0) sum += square(v[i] - word[k]) / (r->r_source + r->r_row);
            if (i == ROWS - 1) sum += square(bit[k]) / (r->r_sense + r->r_col);
        }
    return sum;
}

static double load_of(const struct bench *b, const float *x)
{
    double used[ROWS], dense[ROWS];
    og_array_lines(b->array, used, dense);
    const double load = og_array_load(b->array, used, x);
    // Nothing is removed.
    assert_near(og_array_load(b->array, dense, x), load, 1e-5);
    return load;
}

static void load_is_what_the_circuit_dissipates(void **state)
{
    (void)state;
    struct og_hardware hw = wired_hardware();
    struct bench b = bench_open(hw, ROWS, COLS, 1, 1);
    double g[ROWS * LINES], v[ROWS], y[ROWS * ROWS], given = 0;
    bench_run(&b);
    pairs_of(&b, g);
    for (size_t i = 0; i < ROWS; i++) v[i] = (double)b.x[i];
    const double expected = dissipated(&hw, g, v), load = load_of(&b, b.x);
    assert_near(load, expected, 1e-9);
    og_wires *w = circuit(&hw, ROWS, LINES, g);
    assert_int_equal(og_wires_sources(w, y, NULL), OG_OK);
    og_wires_free(w);
    for (size_t k = 0; k < ROWS * ROWS; k++) given += v[k / ROWS] * y[k] * v[k % ROWS];
    assert_near(given, expected, 1e-9);
    double bare = 0;
    for (size_t k = 0; k < ROWS * LINES; k++) bare += g[k] * square(v[k / LINES]);
    assert_true(load < 0.97 * bare);
    bench_close(&b);
}

// Rows that are not driven together take no part in each other's; ladders, series, both
// layouts, and wires that have all but gone.
static void every_mode_has_its_load(void **state)
{
    (void)state;
    double last = 0;
    for (int variant = 0; variant < 5; variant++) {
        struct og_hardware hw = wired_hardware();
        if (variant == 1) hw.pair.layout = OG_LAYOUT_SEPARATE;
        if (variant == 2 || variant == 3) hw.wires.mode = OG_WIRES_APPROXIMATE;
        if (variant == 3) hw.wires.approximation = OG_WIRES_LADDER;
        if (variant == 4)
            hw.wires = (struct og_wiring){.mode = OG_WIRES_EXACT, .r_row = 1e-5};
        struct bench b = bench_open(hw, ROWS, COLS, 1, 1);
        double g[ROWS * LINES], bare = 0;
        bench_run(&b);
        pairs_of(&b, g);
        for (size_t k = 0; k < ROWS * LINES; k++)
            bare += g[k] * square((double)b.x[k / LINES]);
        const double load = load_of(&b, b.x);
        assert_true(load < bare && load > 0.7 * bare && load != last);
        if (variant == 4) assert_near(load, bare, 1e-6);
        last = load;
        bench_close(&b);
    }
}

static void encodings_have_their_loads(void **state)
{
    (void)state;
    for (int encoding = OG_AMPLITUDE; encoding <= OG_BIT_SERIAL; encoding++)
        for (int sign = OG_INPUT_BIPOLAR; sign <= OG_INPUT_OFFSET; sign++) {
            struct og_hardware hw = wired_hardware();
            hw.dac.bits = 4;
            hw.input.encoding = (enum og_encoding)encoding;
            hw.input.sign = (enum og_input_sign)sign;
            hw.wires.r_row = hw.wires.r_col = hw.wires.r_source = hw.wires.r_sense = 0;
            struct og_hardware wired = hw;
            wired.wires.r_source = 1e-6;
            struct bench b = bench_open(hw, ROWS, COLS, 1, 1),
                         c = bench_open(wired, ROWS, COLS, 1, 1);
            bench_run(&b);
            bench_run(&c);
            assert_near(load_of(&c, b.x), load_of(&b, b.x), 1e-5);
            bench_close(&b);
            bench_close(&c);
        }
}

// Two lines at once share a bit line's drop, for as long as the shorter pulse lasts.
static void pulses_overlap(void **state)
{
    (void)state;
    struct og_hardware hw = wired_hardware();
    double alone[2], y[4], g[4];
    hw.input.encoding = OG_PULSE_WIDTH;
    hw.mapping.scheme = OG_OFFSET;
    hw.mapping.reference = OG_REFERENCE_DIGITAL;
    struct bench b = bench_open(hw, 2, 1, 1, 1);
    float own[2], x[2] = {1, -0.25f};
    bench_run(&b);
    og_array_conductance(b.array, own);
    for (int k = 0; k < 2; k++) g[k] = (double)own[k];
    og_wires *w = circuit(&hw, 2, 1, g);
    assert_int_equal(og_wires_sources(w, y, NULL), OG_OK);
    og_wires_free(w);
    double used[2], dense[2];
    og_array_lines(b.array, used, dense);
    for (int k = 0; k < 2; k++) alone[k] = y[3 * k];
    assert_near(og_array_load(b.array, used, x),
                0.75 * alone[0] + 0.25 * (alone[0] + alone[1] - y[1] - y[2]), 1e-6);
    bench_close(&b);
}

static void cells_that_are_not_ohmic_dissipate(void **state)
{
    (void)state;
    struct og_hardware hw = wired_hardware();
    double loads[2];
    hw.device.v_read = 1;
    hw.device.iv = (struct og_iv){.kind = OG_IV_SINH, .a = 2};
    for (int k = 0; k < 2; k++) {
        hw.wires = (struct og_wiring){.mode = k ? OG_WIRES_NONLINEAR : OG_WIRES_NONE,
                                      .r_source = 1e-6};
        struct bench b = bench_open(hw, ROWS, COLS, 1, 1);
        double g[ROWS * LINES], expected = 0;
        bench_run(&b);
        pairs_of(&b, g);
        for (size_t c = 0; c < ROWS * LINES; c++) {
            const double v = (double)b.x[c / LINES];
            expected += g[c] * v * sinh(2 * v) / sinh(2);
        }
        loads[k] = load_of(&b, b.x);
        assert_near(loads[k], expected, 1e-5);
        bench_close(&b);
    }
    hw.wires.r_source = 1000;
    struct bench b = bench_open(hw, ROWS, COLS, 1, 1);
    bench_run(&b);
    assert_true(load_of(&b, b.x) < 0.95 * loads[1]);
    bench_close(&b);
}

// --- noise -----------------------------------------------------------------------------

// sum over devices of 4 k T B g lambda^2, of both lines of output j, lambda the part of a
// current across the device that arrives.
static double nyquist(const struct og_hardware *hw, const double *g, size_t j)
{
    double v[ROWS], u[LINES], word[ROWS * LINES], bit[ROWS * LINES], dg[ROWS * LINES];
    double sum = 0;
    og_wires *w = circuit(hw, ROWS, LINES, g);
    for (size_t i = 0; i < ROWS; i++) v[i] = 1;
    assert_int_equal(og_wires_voltages(w, v, word, bit, NULL), OG_OK);
    for (size_t side = 0; side < 2; side++) {
        for (size_t k = 0; k < LINES; k++) u[k] = (double)(k == 2 * j + side);
        assert_int_equal(og_wires_gradient(w, v, u, dg, NULL, NULL), OG_OK);
        for (size_t k = 0; k < ROWS * LINES; k++)
            if (k % LINES == 2 * j + side)
                sum += g[k] * square(dg[k] / (word[k] - bit[k]));
    }
    og_wires_free(w);
    return 4 * 1.380649e-23 * hw->thermal.temperature * hw->thermal.bandwidth * sum;
}

static void thermal_noise_divides_at_the_device(void **state)
{
    (void)state;
    struct og_hardware hw = wired_hardware();
    hw.thermal.law = OG_THERMAL_ONLY;
    hw.thermal.bandwidth = 1e7;
    hw.thermal.temperature = 300;
    struct bench b = bench_open(hw, ROWS, COLS, 1, 1);
    double g[ROWS * LINES];
    bench_run(&b);
    pairs_of(&b, g);
    const double per_ampere =
        1 / ((hw.device.g_max - hw.device.g_min) * hw.device.v_read);
    double bare = 0;
    for (size_t j = 0; j < COLS; j++) {
        const double variance = (double)b.array->unit[0].thermal[j];
        assert_near(variance, nyquist(&hw, g, j) * square(per_ampere), 0.02);
        for (size_t i = 0; i < ROWS; i++) bare = fmax(bare, variance);
    }
    hw.wires.mode = OG_WIRES_NONE;
    struct bench c = bench_open(hw, ROWS, COLS, 1, 1);
    bench_run(&c);
    for (size_t j = 0; j < COLS; j++)
        assert_true(b.array->unit[0].thermal[j] < 0.97f * c.array->unit[0].thermal[j]);
    bench_close(&b);
    bench_close(&c);
}

// Far above k T / q the noise of a current is 2 q |I| B: the voltage that the wires leave
// counts, and all forms of the noise agree.
static void shot_noise_follows_the_voltage_left(void **state)
{
    (void)state;
    struct og_hardware hw = wired_hardware();
    double y[2], square_sum[2] = {0, 0};
    enum { N = 3000 };
    hw.device.v_read = 1;
    hw.thermal.law = OG_THERMAL_SHOT;
    hw.thermal.bandwidth = 1e9;
    hw.thermal.temperature = 300;
    for (int k = 0; k < 2; k++) {
        hw.read_noise = k ? OG_NOISE_DEVICE : OG_NOISE_FAST;
        struct bench b = bench_open(hw, ROWS, 1, N, 1);
        for (size_t i = 0; i < ROWS; i++) b.w[i] = 1;
        for (size_t i = 0; i < N * ROWS; i++) b.x[i] = 1;
        bench_run(&b);
        y[k] = 0;
        for (size_t r = 0; r < N; r++) y[k] += (double)b.y[r] / N;
        for (size_t r = 0; r < N; r++) square_sum[k] += square((double)b.y[r] - y[k]) / N;
        bench_close(&b);
    }
    // 2 q I B of both lines (the other at g_min), then through what arrives: a lower and
    // an upper bound of the variance.
    const double ampere = hw.device.g_max - hw.device.g_min;
    const double shot = 2 * 1.602176634e-19 * hw.thermal.bandwidth * y[0] * ampere;
    for (int k = 0; k < 2; k++) {
        const double variance = square_sum[k] * square(ampere);
        assert_true(variance < 1.05 * shot && variance > 0.8 * shot);
    }
    assert_near(square_sum[1], square_sum[0], 0.12);
}

// --- ADC ranges
// --------------------------------------------------------------------------

static void ranges_are_those_of_the_currents(void **state)
{
    (void)state;
    for (int variant = 0; variant < 4; variant++) {
        struct og_hardware hw = wired_hardware();
        struct og_adc_use use = {0};
        hw.adc.bits = 12;
        hw.adc.mode = OG_RANGE_MINMAX;
        hw.adc.granularity = OG_PER_LAYER;
        if (variant == 1) hw.mapping.scheme = OG_OFFSET;
        if (variant == 2) {
            hw.wires.mode = OG_WIRES_NONLINEAR;
            hw.device.iv = (struct og_iv){.kind = OG_IV_SINH, .a = 2};
            hw.device.v_read = 1;
        }
        if (variant == 3) hw.pair.subtract = OG_SUBTRACT_DIGITAL;
        struct bench b = bench_open(hw, ROWS, COLS, 6, 1);
        b.work = og_alloc(og_array_work_bytes(b.array, b.n), 1);
        assert_int_equal(og_array_program(b.array, b.w, &b.chip), OG_OK);
        og_array_observe(b.array, b.x, b.rows, b.n, b.work);
        og_array_calibrate(b.array);
        assert_int_equal(og_array_program(b.array, b.w, &b.chip), OG_OK);
        const struct og_read_io io = {.x = b.x,
                                      .ldx = ROWS,
                                      .n = b.n,
                                      .y = b.y,
                                      .ldy = COLS,
                                      .work = b.work,
                                      .use = &use};
        og_array_read(b.array, &b.at, &io);
        // The largest sum is just the full scale.
        assert_true(use.used > 0.999f && use.clipped <= 1);
        bench_close(&b);
    }
}

// --- approximations ------------------------------------------------------------------

static void ladders_have_ideal_word_lines(void **state)
{
    (void)state;
    struct og_hardware hw = wired_hardware(), bits = hw;
    hw.wires.mode = OG_WIRES_APPROXIMATE;
    hw.wires.approximation = OG_WIRES_LADDER;
    bits.wires.r_row = bits.wires.r_source = 0;
    struct bench b = bench_open(hw, 21, 10, 3, 1), c = bench_open(bits, 21, 10, 3, 1);
    bench_run(&b);
    bench_run(&c);
    assert_memory_equal(b.y, c.y, 30 * sizeof *b.y);
    bench_close(&b);
    bench_close(&c);
}

// aihwkit's formula, output by output, on weights of pairs.
static void cubic_is_the_formula(void **state)
{
    (void)state;
    enum { M = 21, N = 10, READS = 3 };
    struct og_hardware hw = wired_hardware();
    hw.wires.mode = OG_WIRES_APPROXIMATE;
    hw.wires.approximation = OG_WIRES_CUBIC;
    hw.wires.r_col = 300;
    struct bench b = bench_open(hw, M, N, READS, 1);
    bench_run(&b);
    double w_max = 0, most = 0;
    for (size_t k = 0; k < M * N; k++) w_max = fmax(w_max, fabs((double)b.w[k]));
    for (size_t r = 0; r < READS; r++)
        for (size_t j = 0; j < N; j++) {
            double y = 0;
            for (size_t tile = 0; tile < M; tile += 8) {
                const size_t rows = M - tile < 8 ? M - tile : 8;
                double plain = 0, load = 0, drop = 0;
                for (size_t i = 0; i < rows; i++) {
                    const double w = (double)b.w[j * M + tile + i] / w_max;
                    const double x = (double)b.x[r * M + tile + i];
                    const double left = (double)(rows - 1 - i) / (double)rows;
                    plain += w * x;
                    load += fabs(w * x);
                    drop += w * x * (1 - square(1 - left));
                }
                const double a = (double)rows * 300 * 100e-6 * load;
                y += plain - a * (a * (0.05 * a - 0.2) + 0.5) * drop;
            }
            most = fmax(most, fabs(y));
            if (!(fabs((double)b.y[r * N + j] - y * w_max) <= 1e-5))
                fail_msg("output is %g, expected %g", (double)b.y[r * N + j], y * w_max);
        }
    assert_true(most > 0.5);
    struct og_error err = {0};
    assert_int_equal(og_array_keep_gradient(b.array, OG_KEEP_GRADIENT, &err), OG_INPUT);
    assert_non_null(strstr(err.text, "cubic has no gradient"));
    bench_close(&b);
}

static void approximations_are_judged(void **state)
{
    (void)state;
    struct og_hardware hw = wired_hardware();
    struct og_wire_check check;
    hw.wires.r_row = hw.wires.r_source = hw.wires.r_sense = 0;
    hw.wires.r_col = 20;
    struct bench b = bench_open(hw, ROWS, COLS, 1, 1);
    bench_run(&b);
    assert_int_equal(og_array_wire_check(b.array, &check, NULL), OG_OK);
    // Without word lines a ladder is exact, and the formula about right.
    assert_true(check.ladder < 1e-9);
    assert_true(check.approximate > 1e-3 && check.cubic > 1e-6);
    assert_true(check.lost > 0.005 && check.cubic < check.lost);
    bench_close(&b);
}

// --- remapped lines --------------------------------------------------------------------

// The circuit as it stands, and the output of every weight's own lines.
static void remapped(struct og_hardware hw, int remap)
{
    enum { SPARE = 2, PLACES = COLS + SPARE };
    hw.mapping.remap = remap;
    hw.tile.spare_columns = SPARE;
    hw.device.faults.p_lrs = hw.device.faults.p_hrs = 0.12;
    struct bench b = bench_open(hw, ROWS, COLS, 2, 1);
    float own[2 * ROWS * COLS];
    double g[ROWS * 2 * PLACES] = {0}, v[2 * ROWS], out[4 * PLACES], w_max = 0;
    bench_run(&b);
    og_array_conductance(b.array, own);
    const struct og_faults *f = b.array->faults;
    size_t moved = 0;
    for (size_t k = 0; k < ROWS * COLS; k++) {
        const size_t i = k / COLS, j = k % COLS, row = f->kept_row[i];
        w_max = fmax(w_max, fabs((double)b.w[k]));
        moved += row != i || f->kept_col[j] != j || f->kept_flip[j];
        for (size_t side = 0; side < 2; side++) {
            const size_t line = 2 * f->kept_col[j] + (side ^ f->kept_flip[j]);
            g[row * 2 * PLACES + line] = (double)own[side * ROWS * COLS + k];
        }
    }
    assert_true(moved > 0);
    for (size_t r = 0; r < 2; r++)
        for (size_t i = 0; i < ROWS; i++)
            v[r * ROWS + f->kept_row[i]] = (double)b.x[r * ROWS + i];
    const struct og_wire_params p = params_of(&hw);
    currents(&p, ROWS, 2 * PLACES, g, v, 2, out);
    for (size_t r = 0; r < 2; r++)
        for (size_t j = 0; j < COLS; j++) {
            const size_t line = 2 * f->kept_col[j], turned = f->kept_flip[j];
            const double *at = out + r * 2 * PLACES + line;
            const double y = (at[turned] - at[1 - turned]) * w_max /
                             (hw.device.g_max - hw.device.g_min);
            if (!(fabs((double)b.y[r * COLS + j] - y) <= 1e-5))
                fail_msg("remap %d: output is %g, expected %g", remap,
                         (double)b.y[r * COLS + j], y);
        }
    bench_close(&b);
}

static void remapped_lines_are_where_they_are(void **state)
{
    (void)state;
    const struct og_hardware hw = wired_hardware();
    remapped(hw, OG_REMAP_COLUMNS);
    remapped(hw, OG_REMAP_ROWS);
    remapped(hw, OG_REMAP_COLUMNS | OG_REMAP_ROWS | OG_REMAP_SIDES | OG_REMAP_PARTNERS);
}

// --- bias lines of ramps
// -----------------------------------------------------------------

// Their array, all lines at full scale, read without `ramps`.
static void bias_lines_are_behind_wires(void **state)
{
    (void)state;
    for (int layout = OG_LAYOUT_ADJACENT; layout <= OG_LAYOUT_SEPARATE; layout++) {
        struct og_hardware hw = wired_hardware();
        hw.adc.kind = OG_ADC_RAMP;
        hw.adc.ramp.split = true;
        hw.device.read = proportional(0.03);
        hw.device.program = proportional(0.05);
        hw.pair.layout = (enum og_layout)layout;
        const struct og_array_shape shape = {
            .rows = ROWS,
            .cols = COLS,
            .layer = 3,
            .segments = 1,
            .segment = {{.rows = ROWS, .range = 1}},
            .ramps = 1,
            .ramp = {{.function = OG_TANH, .cols = COLS}}};
        struct og_error err = {0};
        struct og_array *a;
        float w[ROWS * COLS];
        const float bias[COLS] = {1.3f, -0.4f, 0.2f, 0.9f};
        fill(w, ROWS * COLS, 11, 0.7f);
        if (og_array_alloc(&a, &hw, &shape, &err) != OG_OK) fail_msg("%s", err.text);
        og_array_set_bias(a, bias);
        assert_int_equal(og_array_program(a, w, &(struct og_chip){.seed = 5}), OG_OK);
        const struct og_ramps *s = a->ramps;
        enum { TWO = 2 };
        assert_int_equal(s->lines, TWO);
        double all[COLS] = {0}, through = 0;
        const double steps = 1 / (hw.device.g_max - hw.device.g_min);
        for (size_t array = 0; array < (layout ? 2 : 1); array++) {
            const size_t lines = layout ? COLS : LINES;
            double g[TWO * LINES], v[TWO] = {1, 1}, out[LINES];
            for (size_t i = 0; i < TWO; i++)
                for (size_t c = 0; c < lines; c++) {
                    const size_t side = layout ? array : c % 2, j = layout ? c : c / 2;
                    g[i * lines + c] = (double)s->line_g[(i * 2 + side) * COLS + j];
                }
            const struct og_wire_params p = params_of(&hw);
            currents(&p, TWO, lines, g, v, 1, out);
            for (size_t c = 0; c < lines; c++) {
                const size_t side = layout ? array : c % 2, j = layout ? c : c / 2;
                all[j] += (side == 0 ? steps : -steps) * out[c];
                through += out[c];
            }
        }
        for (size_t j = 0; j < COLS; j++) {
            assert_float_equal(s->sum[j], all[j], 1e-5);
            assert_true(s->variance[j] > 0);
        }
        assert_near(s->bias_g, through, 1e-6);
        og_array_free(a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(load_is_what_the_circuit_dissipates),
        cmocka_unit_test(every_mode_has_its_load),
        cmocka_unit_test(encodings_have_their_loads),
        cmocka_unit_test(pulses_overlap),
        cmocka_unit_test(cells_that_are_not_ohmic_dissipate),
        cmocka_unit_test(thermal_noise_divides_at_the_device),
        cmocka_unit_test(shot_noise_follows_the_voltage_left),
        cmocka_unit_test(ranges_are_those_of_the_currents),
        cmocka_unit_test(ladders_have_ideal_word_lines),
        cmocka_unit_test(cubic_is_the_formula),
        cmocka_unit_test(approximations_are_judged),
        cmocka_unit_test(bias_lines_are_behind_wires),
        cmocka_unit_test(remapped_lines_are_where_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
