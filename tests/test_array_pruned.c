// SPDX-License-Identifier: GPL-3.0-or-later
// Pruned weights: lines of zeros that do not exist, and cells that are switched off.
#include <gsl/gsl_statistics.h>
#include <math.h>

#include "array_helper.h"

static struct og_sigma constant(double sigma)
{
    return (struct og_sigma){OG_SIGMA_CONSTANT, .sigma = sigma, .scale = 1};
}

// --- lines of the whole matrix --------------------------------------------------------
// An array of 45 x 17 of which 31 x 11 are left, and the array of these alone.
enum { ROWS = 45, COLS = 17, LEFT_ROWS = 31, LEFT_COLS = 11, READS = 9 };

struct pair {
    struct bench whole, left;
    size_t row[LEFT_ROWS], col[LEFT_COLS];
};

static struct pair pair_open(struct og_hardware hw)
{
    struct pair p = {.whole = bench_open(hw, ROWS, COLS, READS, 1),
                     .left = bench_open(hw, LEFT_ROWS, LEFT_COLS, READS, 1)};
    size_t rows = 0, cols = 0;
    for (size_t i = 0; i < ROWS; i++)
        if (i * LEFT_ROWS % ROWS < LEFT_ROWS) p.row[rows++] = i;
    for (size_t j = 0; j < COLS; j++)
        if (j * LEFT_COLS % COLS < LEFT_COLS) p.col[cols++] = j;
    assert_int_equal(rows, LEFT_ROWS);
    assert_int_equal(cols, LEFT_COLS);
    float *w = og_alloc(ROWS * COLS, sizeof *w);
    for (size_t j = 0; j < LEFT_COLS; j++)
        for (size_t i = 0; i < LEFT_ROWS; i++) {
            size_t at = p.col[j] * ROWS + p.row[i];
            w[at] = p.left.w[j * LEFT_ROWS + i] = p.whole.w[at];
        }
    memcpy(p.whole.w, w, ROWS * COLS * sizeof *w);
    og_free(w);
    for (size_t r = 0; r < READS; r++)
        for (size_t i = 0; i < LEFT_ROWS; i++)
            p.left.x[r * LEFT_ROWS + i] = p.whole.x[r * ROWS + p.row[i]];
    return p;
}

static void pair_close(struct pair *p)
{
    bench_close(&p->whole);
    bench_close(&p->left);
}

// b[r][col[j]] = a[r][j], bit for bit, and 0 elsewhere.
static void assert_scattered(const float *a, const float *b, size_t n, const size_t *at,
                             size_t few, size_t all)
{
    for (size_t r = 0; r < n; r++)
        for (size_t k = 0, next = 0; k < all; k++) {
            float want = next < few && at[next] == k ? a[r * few + next++] : 0;
            assert_true(b[r * all + k] == want);
        }
}

static void calibrate(struct bench *b)
{
    og_array_program(b->array, b->w, &b->chip);
    b->work = og_alloc(og_array_work_bytes(b->array, b->n), 1);
    og_array_observe(b->array, b->x, b->rows, b->n, b->work);
    og_array_calibrate(b->array);
}

// 12 kinds of hardware with every error on.
static struct og_hardware noisy(int kind)
{
    struct og_hardware hw = plain_hardware();
    hw.tile.rows = 12;
    hw.tile.cols = 5;
    hw.dac.bits = 5;
    hw.adc.bits = 6;
    hw.device.program = constant(0.2e-6);
    hw.device.d2d.g_max = 0.1;
    hw.device.read = constant(0.3e-6);
    hw.adc.mode = kind % 2 ? OG_RANGE_WORST_CASE : OG_RANGE_PERCENTILE;
    hw.adc.granularity = (enum og_granularity)(kind % 3);
    if (kind == 1) hw.tile.rows_active = 5;
    if (kind == 2) hw.pair.subtract = OG_SUBTRACT_DIGITAL;
    if (kind == 3) hw.input.sign = OG_INPUT_TWO_PASS;
    if (kind == 4) hw.input.sign = OG_INPUT_OFFSET;
    if (kind == 5) hw.input.encoding = OG_BIT_SERIAL;
    if (kind == 6) hw.input.encoding = OG_PULSE_WIDTH;
    if (kind == 7) hw.mapping.scheme = OG_OFFSET;
    if (kind == 8) {
        hw.mapping.scheme = OG_OFFSET;
        hw.mapping.reference = OG_REFERENCE_DIGITAL;
    }
    if (kind == 9) {
        hw.mapping.weight_bits = 7;
        hw.mapping.slice_bits = 2;
        hw.mapping.devices_per_weight = 2;
    }
    if (kind == 10) {
        hw.adc.noise = hw.adc.offset = 0.4;
        hw.adc.rounding = OG_MID_RISE;
    }
    if (kind == 11) hw.read_noise = OG_NOISE_DEVICE;
    return hw;
}

static void lines_of_zeros_are_taken_out(void **state)
{
    (void)state;
    for (int kind = 0; kind < 12; kind++) {
        struct pair p = pair_open(noisy(kind));
        calibrate(&p.whole);
        calibrate(&p.left);
        bench_run(&p.whole);
        bench_run(&p.left);
        assert_scattered(p.left.y, p.whole.y, READS, p.col, LEFT_COLS, COLS);
        float *a = og_alloc(LEFT_ROWS * LEFT_COLS, sizeof *a);
        float *b = og_alloc(ROWS * COLS, sizeof *b);
        og_array_weights(p.left.array, a);
        og_array_weights(p.whole.array, b);
        for (size_t j = 0; j < COLS; j++) {
            size_t k = 0;
            while (k < LEFT_COLS && p.col[k] != j) k++;
            if (k < LEFT_COLS)
                assert_scattered(a + k * LEFT_ROWS, b + j * ROWS, 1, p.row, LEFT_ROWS,
                                 ROWS);
            else
                for (size_t i = 0; i < ROWS; i++) assert_true(b[j * ROWS + i] == 0);
        }
        struct og_array_info left = og_array_info(p.left.array);
        struct og_array_info whole = og_array_info(p.whole.array);
        assert_memory_equal(&left.dense, &whole.used, sizeof left.dense);
        assert_memory_equal(&left.used, &whole.used, sizeof left.used);
        assert_true(left.lsb == whole.lsb && left.w_max == whole.w_max);
        assert_int_equal(whole.dense.tiles, 4 * 4);
        og_free(a);
        og_free(b);
        pair_close(&p);
    }
}

static void backward(struct bench *b, const float *dy, float *dx, float *dw, bool reparam)
{
    struct og_backward_io io = {.dy = dy,
                                .lddy = b->cols,
                                .n = b->n,
                                .dx = dx,
                                .lddx = b->rows,
                                .dw = dw,
                                .tape = b->tape,
                                .work = b->work,
                                .gradient = OG_CLIPPED,
                                .reparam = reparam};
    og_array_backward(b->array, &io);
}

static void tape(struct bench *b, bool reparam)
{
    enum og_keep keep = reparam ? OG_KEEP_REPARAM : OG_KEEP_GRADIENT;
    assert_int_equal(og_array_keep_gradient(b->array, keep, NULL), OG_OK);
    b->tape = og_alloc(og_array_tape_bytes(b->array, b->n), 1);
}

static void gradients_are_those_of_what_is_left(void **state)
{
    (void)state;
    for (int kind = 0; kind < 11; kind++) {
        struct og_hardware hw = noisy(kind);
        bool reparam = kind != 7 && kind != 9;
        if (kind % 2) {
            hw.device.read.kind = hw.device.program.kind = OG_SIGMA_PROPORTIONAL;
            hw.device.read.fraction = hw.device.program.fraction = 0.05;
        }
        struct pair p = pair_open(hw);
        static float dy[READS * COLS], left_dy[READS * LEFT_COLS], dx[READS * ROWS],
            left_dx[READS * LEFT_ROWS];
        float dw[ROWS * COLS] = {0}, left_dw[LEFT_ROWS * LEFT_COLS] = {0};
        fill(dy, READS * COLS, 77, 1);
        for (size_t r = 0; r < READS; r++)
            for (size_t j = 0; j < LEFT_COLS; j++)
                left_dy[r * LEFT_COLS + j] = dy[r * COLS + p.col[j]];
        tape(&p.whole, reparam);
        tape(&p.left, reparam);
        calibrate(&p.whole);
        calibrate(&p.left);
        bench_run(&p.whole);
        bench_run(&p.left);
        backward(&p.whole, dy, dx, dw, reparam);
        backward(&p.left, left_dy, left_dx, left_dw, reparam);
        assert_scattered(left_dx, dx, READS, p.row, LEFT_ROWS, ROWS);
        for (size_t j = 0, k = 0; j < COLS; j++) {
            bool is_left = k < LEFT_COLS && p.col[k] == j;
            for (size_t i = 0, m = 0; i < ROWS; i++) {
                bool there = is_left && m < LEFT_ROWS && p.row[m] == i;
                float want = there ? left_dw[k * LEFT_ROWS + m++] : 0;
                assert_true(fabsf(dw[j * ROWS + i] - want) < 1e-6f);
            }
            k += is_left;
        }
        pair_close(&p);
    }
}

// An array forgets which lines it had.
static void lines_come_and_go(void **state)
{
    (void)state;
    struct pair p = pair_open(noisy(1));
    float *dense = og_alloc(ROWS * COLS, sizeof *dense), first[READS * COLS];
    fill(dense, ROWS * COLS, 11, 0.73f);
    float *pruned = p.whole.w;
    p.whole.w = dense;
    bench_run(&p.whole);
    memcpy(first, p.whole.y, sizeof first);
    p.whole.w = pruned;
    bench_run(&p.whole);
    bench_run(&p.left);
    assert_scattered(p.left.y, p.whole.y, READS, p.col, LEFT_COLS, COLS);
    p.whole.w = dense;
    bench_run(&p.whole);
    assert_memory_equal(first, p.whole.y, sizeof first);
    og_free(pruned);
    pair_close(&p);
}

static void a_matrix_of_zeros_is_no_array(void **state)
{
    (void)state;
    for (int kind = 0; kind < 12; kind++) {
        struct bench b = bench_open(noisy(kind), ROWS, COLS, READS, 1);
        memset(b.w, 0, ROWS * COLS * sizeof *b.w);
        tape(&b, false);
        calibrate(&b);
        bench_run(&b);
        float dx[READS * ROWS], dw[ROWS * COLS] = {0};
        for (size_t k = 0; k < READS * COLS; k++) assert_true(b.y[k] == 0);
        backward(&b, b.x, dx, dw, false);
        for (size_t k = 0; k < READS * ROWS; k++) assert_true(dx[k] == 0);
        for (size_t k = 0; k < ROWS * COLS; k++) assert_true(dw[k] == 0);
        struct og_array_info info = og_array_info(b.array);
        assert_int_equal(info.used.tiles + info.used.devices + info.conversions, 0);
        assert_true(info.lsb == 0);
        bench_close(&b);
    }
}

// --- lines of one tile ----------------------------------------------------------------

// 20 x 6 on tiles of 8 x 3. Tile (0, 0) lacks word line 2, the tile below it bit line 1,
// and the tile (2, 1) all.
static struct bench tiles_open(struct og_hardware hw)
{
    hw.tile.rows = 8;
    hw.tile.cols = 3;
    struct bench b = bench_open(hw, 20, 6, 4000, 1);
    for (size_t j = 0; j < 3; j++) b.w[j * 20 + 2] = 0;
    for (size_t i = 8; i < 16; i++) b.w[20 + i] = 0;
    for (size_t j = 3; j < 6; j++)
        for (size_t i = 16; i < 20; i++) b.w[j * 20 + i] = 0;
    for (size_t r = 1; r < b.n; r++) memcpy(b.x + r * 20, b.x, 20 * sizeof *b.x);
    return b;
}

static void counts_are_of_what_exists(void **state)
{
    (void)state;
    struct bench b = tiles_open(plain_hardware());
    bench_run(&b);
    const struct og_array_info info = og_array_info(b.array);
    assert_int_equal(info.dense.tiles, 6);
    assert_int_equal(info.dense.devices, 2 * 120);
    assert_int_equal(info.dense.room, 6 * 2 * 8 * 3);
    assert_int_equal(info.dense.conversions, 18);
    assert_int_equal(info.used.tiles, 5);
    assert_int_equal(info.used.room, 5 * 2 * 8 * 3);
    assert_int_equal(info.used.devices, 2 * (120 - 3 - 8 - 12));
    assert_int_equal(info.used.conversions, 18 - 1 - 3);
    float g[240];
    og_array_conductance(b.array, g);
    int none = 0;
    for (int k = 0; k < 240; k++) none += g[k] == 0;
    assert_int_equal(none, 2 * (3 + 8 + 12));
    assert_true(g[2 * 6] == 0 && g[2 * 6 + 3] > 0);
    bench_close(&b);
}

// A row tile that has no weights for an output adds nothing to it: neither offsets of
// converters, nor half a code, nor noise.
static void missing_bit_lines_add_nothing(void **state)
{
    (void)state;
    struct og_hardware hw = noisy(10);
    hw.adc.mode = OG_RANGE_WORST_CASE;
    hw.adc.granularity = OG_PER_LAYER;
    struct bench whole = bench_open(hw, 24, 5, 50, 1), top = bench_open(hw, 12, 5, 50, 1);
    for (size_t i = 0; i < 12; i++) whole.w[2 * 24 + 12 + i] = 0;
    for (size_t j = 0; j < 5; j++)
        for (size_t i = 0; i < 12; i++)
            whole.w[j * 24 + i] = top.w[j * 12 + i] =
                j == 0 && i == 0 ? 0.8f : whole.w[j * 24 + i];
    for (size_t r = 0; r < 50; r++) memcpy(top.x + r * 12, whole.x + r * 24, 48);
    bench_run(&whole);
    bench_run(&top);
    for (size_t r = 0; r < 50; r++) {
        assert_true(fabsf(whole.y[r * 5 + 2] - top.y[r * 5 + 2]) < 1e-6f);
        assert_true(fabsf(whole.y[r * 5 + 1] - top.y[r * 5 + 1]) > 1e-3f);
    }
    bench_close(&whole);
    bench_close(&top);
}

// The same of one device and a reference, column or number: a bit line of zeros in one
// tile has no devices there, is not converted, and adds exactly 0.
static void offset_bit_lines_add_nothing(void **state)
{
    (void)state;
    for (int digital = 0; digital < 2; digital++) {
        struct og_hardware hw = noisy(7 + digital);
        hw.adc.mode = OG_RANGE_WORST_CASE;
        hw.adc.granularity = OG_PER_LAYER;
        hw.adc.offset = 0.4;
        struct bench b = bench_open(hw, 24, 5, 40, 1),
                     less = bench_open(hw, 24, 5, 40, 1);
        for (size_t i = 0; i < 12; i++) b.w[2 * 24 + 12 + i] = 0;
        memcpy(less.w, b.w, 24 * 5 * sizeof *b.w);
        for (size_t r = 0; r < 40; r++)  // other inputs of the second tile
            for (size_t i = 12; i < 24; i++) less.x[r * 24 + i] *= -0.5f;
        bench_run(&b);
        bench_run(&less);
        int others = 0;
        for (size_t r = 0; r < 40; r++) {
            assert_true(b.y[r * 5 + 2] == less.y[r * 5 + 2]);
            others += b.y[r * 5 + 1] != less.y[r * 5 + 1];
        }
        assert_true(others > 30);  // of few codes, some are alike
        float w_hat[24 * 5];
        assert_int_equal(og_array_weights(b.array, w_hat), OG_OK);
        for (size_t i = 0; i < 24; i++)
            assert_true((w_hat[2 * 24 + i] == 0) == (i >= 12));
        const struct og_array_info info = og_array_info(b.array);
        assert_int_equal(info.dense.devices - info.used.devices, 12);
        assert_int_equal(info.dense.conversions - info.used.conversions, 1);
        bench_close(&b);
        bench_close(&less);
    }
}

// Without errors removal changes nothing but rounding.
static void removed_offset_lines_leave_the_product(void **state)
{
    (void)state;
    for (int digital = 0; digital < 2; digital++) {
        struct og_hardware hw = plain_hardware();
        hw.tile.rows = 12;
        hw.tile.cols = 5;
        hw.mapping.scheme = OG_OFFSET;
        hw.mapping.reference = digital ? OG_REFERENCE_DIGITAL : OG_REFERENCE_COLUMN;
        struct bench b = bench_open(hw, 30, 9, 20, 1);
        for (size_t i = 12; i < 24; i++) b.w[3 * 30 + i] = b.w[7 * 30 + i] = 0;
        for (size_t j = 0; j < 5; j++) b.w[j * 30 + 4] = 0;
        bench_run(&b);
        for (size_t r = 0; r < 20; r++)
            for (size_t j = 0; j < 9; j++) {
                double sum = 0;
                for (size_t i = 0; i < 30; i++)
                    sum += (double)b.w[j * 30 + i] * (double)b.x[r * 30 + i];
                assert_true(fabs(sum - (double)b.y[r * 9 + j]) < 2e-5);
            }
        bench_close(&b);
    }
}

// Variance of the reads of each column; the mean in mean[].
static void spread(const struct bench *b, double *mean, double *variance)
{
    double *column = og_alloc(b->n, sizeof *column);
    for (size_t j = 0; j < b->cols; j++) {
        for (size_t r = 0; r < b->n; r++) column[r] = b->y[r * b->cols + j];
        mean[j] = gsl_stats_mean(column, 1, b->n);
        variance[j] = gsl_stats_variance(column, 1, b->n);
    }
    og_free(column);
}

// sum_i x_i^2 n_ij sigma^2 in units of y, n_ij the devices of a weight that are noisy.
static double expected(const struct bench *b, size_t j, bool off)
{
    double w_max = og_array_info(b->array).w_max, sum = 0;
    for (size_t i = 0; i < 20; i++) {
        size_t t = j / 3;
        bool row = t == 0 && i == 2, col = j == 1 && i >= 8 && i < 16;
        bool tile = t == 1 && i >= 16, cell = off && b->w[j * 20 + i] == 0;
        if (!row && !col && !tile && !cell) sum += 2 * pow(b->x[i], 2);
    }
    return sum * pow(0.3e-6 / 9e-6 * w_max, 2);
}

static void missing_devices_are_quiet(void **state)
{
    (void)state;
    for (int kind = 0; kind < 6; kind++) {
        struct og_hardware hw = plain_hardware();
        bool off = kind >= 3;
        hw.device.read = constant(0.3e-6);
        if (kind % 3 == 1) hw.read_noise = OG_NOISE_DEVICE;
        if (kind % 3 == 2) {  // the same law, in the form of a table
            hw.device.read.kind = OG_SIGMA_TABLE;
            hw.device.read.table_g = (struct og_list){1, {1e-6}};
            hw.device.read.table_sigma = (struct og_list){1, {0.3e-6}};
        }
        if (off) hw.device.pruned_cells = OG_ZERO_OFF;
        struct bench b = tiles_open(hw);
        b.w[4 * 20 + 5] = b.w[5 * 20 + 5] = b.w[4 * 20 + 12] = 0;
        bench_run(&b);
        double mean[6], variance[6];
        spread(&b, mean, variance);
        for (size_t j = 0; j < 6; j++) {
            double want = expected(&b, j, off), sum = 0;
            for (size_t i = 0; i < 20; i++) sum += (double)b.w[j * 20 + i] * b.x[i];
            // 4.5 sigma of a mean and of a variance of 4000 reads.
            assert_true(fabs(mean[j] - sum) < 4.5 * sqrt(want / 4000));
            assert_true(fabs(variance[j] / want - 1) < 4.5 * sqrt(2.0 / 4000));
        }
        bench_close(&b);
    }
}

// Outputs 0 and 1 do not depend on the word line that their tile lacks, and weights
// without devices change nothing.
static void missing_devices_have_no_gradient(void **state)
{
    (void)state;
    for (int kind = 0; kind < 4; kind++) {
        struct og_hardware hw = plain_hardware();
        bool reparam = kind % 2;
        hw.device.read = constant(0.3e-6);
        if (kind >= 2) {
            hw.device.read.kind = OG_SIGMA_PROPORTIONAL;
            hw.device.read.fraction = 0.1;
        }
        struct bench b = tiles_open(hw);
        tape(&b, reparam);
        bench_run(&b);
        float *dy = og_alloc(b.n * 6, sizeof *dy), *dx = og_alloc(b.n * 20, sizeof *dx);
        float dw[120] = {0};
        for (size_t r = 0; r < b.n; r++) dy[r * 6] = dy[r * 6 + 1] = 1;  // first tiles
        backward(&b, dy, dx, dw, reparam);
        for (size_t r = 0; r < b.n; r++) assert_true(dx[r * 20 + 2] == 0);
        for (size_t k = 0; k < 120; k++) {
            bool gone = k / 20 >= 3 || (k / 20 < 3 && k % 20 == 2) || k / 20 == 2 ||
                        (k / 20 == 1 && k % 20 >= 8 && k % 20 < 16);
            assert_int_equal(dw[k] == 0, gone);
        }
        bench_close(&b);
        og_free(dy);
        og_free(dx);
    }
}

// --- cells ----------------------------------------------------------------------------

static void pruned_cells_can_be_off(void **state)
{
    (void)state;
    struct og_hardware hw = plain_hardware();
    hw.device.program = constant(0.3e-6);
    hw.device.g_off = 0.02e-6;
    hw.mapping.weight_bits = 3;
    for (int kind = 0; kind < 4; kind++) {
        bool off = kind % 2, rise = kind >= 2;
        hw.device.pruned_cells = off ? OG_ZERO_OFF : OG_ZERO_PROGRAMMED;
        hw.mapping.rounding = rise ? OG_MID_RISE : OG_MID_TREAD;
        struct bench b = bench_open(hw, 10, 10, 1, 1);
        for (int k = 0; k < 100; k++)
            if (k % 3 == 0) b.w[k] = k % 2 ? 0 : -0.0f;
        b.w[1] = 1e-6f;  // quantised to zero, but not pruned
        og_array_program(b.array, b.w, &b.chip);
        float g[200], w_hat[100];
        og_array_conductance(b.array, g);
        og_array_weights(b.array, w_hat);
        for (int i = 0; i < 10; i++)
            for (int j = 0; j < 10; j++) {
                bool is_off =
                    g[i * 10 + j] == 0.02e-6f && g[100 + i * 10 + j] == 0.02e-6f;
                bool pruned = (j * 10 + i) % 3 == 0;
                assert_int_equal(is_off, off && pruned);
                if (pruned) assert_int_equal(w_hat[j * 10 + i] == 0, off);
            }
        assert_true(w_hat[1] != 0);
        bench_close(&b);
    }
}

static void off_needs_a_pair(void **state)
{
    (void)state;
    struct og_hardware hw = plain_hardware();
    hw.device.pruned_cells = OG_ZERO_OFF;
    hw.mapping.scheme = OG_OFFSET;
    struct og_array_shape shape = {
        .rows = 2, .cols = 2, .segments = 1, .segment = {{.rows = 2, .range = 1}}};
    struct og_error err = {0};
    og_array *array;
    assert_int_equal(og_array_alloc(&array, &hw, &shape, &err), OG_INPUT);
    assert_non_null(strstr(err.text, "hardware.device.pruned_cells"));
    assert_null(array);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_of_zeros_are_taken_out),
        cmocka_unit_test(gradients_are_those_of_what_is_left),
        cmocka_unit_test(lines_come_and_go),
        cmocka_unit_test(a_matrix_of_zeros_is_no_array),
        cmocka_unit_test(counts_are_of_what_exists),
        cmocka_unit_test(missing_bit_lines_add_nothing),
        cmocka_unit_test(offset_bit_lines_add_nothing),
        cmocka_unit_test(removed_offset_lines_leave_the_product),
        cmocka_unit_test(missing_devices_are_quiet),
        cmocka_unit_test(missing_devices_have_no_gradient),
        cmocka_unit_test(pruned_cells_can_be_off),
        cmocka_unit_test(off_needs_a_pair),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
