// SPDX-License-Identifier: GPL-3.0-or-later
// What devices and converters of a chip share, and what they do not: frozen errors belong
// to physical parts, which several reads, row groups, bits and columns use. Several tests
// hold against defects seen in other simulators, named where they stand.
#include <gsl/gsl_statistics.h>
#include <math.h>

#include "array_helper.h"

static struct og_sigma constant(double sigma)
{
    return (struct og_sigma){OG_SIGMA_CONSTANT, .sigma = sigma, .scale = 1};
}

static float *weights_of(struct bench *b)
{
    float *w_hat = og_alloc(b->rows * b->cols, sizeof *w_hat);
    og_array_weights(b->array, w_hat);
    return w_hat;
}

// --- converters ----------------------------------------------------------------------
// Columns of zero inputs: each conversion gives the code of its ADC's offset alone. The
// groups of a tile are converted one after the other by the same ADCs.
static void groups_of_a_tile_share_their_converters(void **state)
{
    (void)state;
    struct og_hardware hw = plain_hardware();
    hw.adc.bits = 10;
    hw.adc.mode = OG_RANGE_WORST_CASE;
    hw.adc.offset = 20;
    hw.tile.rows_active = 16;
    struct bench b = bench_open(hw, 128, 50, 1, 1);  // two tiles of four groups
    memset(b.x, 0, 128 * sizeof *b.x);
    bench_run(&b);
    double lsb = og_array_info(b.array).lsb;
    int odd = 0;
    for (int j = 0; j < 50; j++) {
        double codes = b.y[j] / lsb;  // 4 (first tile) + 4 (second tile)
        assert_true(fabs(codes / 4 - rint(codes / 4)) < 1e-3);
        odd += fabs(codes / 8 - rint(codes / 8)) > 0.1;
    }
    assert_true(odd > 10);  // the two tiles have ADCs of their own
    bench_close(&b);
}

// --- the reference column of the offset scheme ---------------------------------------
enum { READS = 4000 };

static double correlation(const double *a, size_t stride_a, const double *b,
                          size_t stride_b, size_t n)
{
    return gsl_stats_correlation(a, stride_a, b, stride_b, n);
}

// Each tile has a reference column of its own: half of the noise of two columns is the
// same within a tile, nothing across tiles.
static void every_tile_has_a_reference_column(void **state)
{
    (void)state;
    static double y[READS * 8];
    for (int device = 0; device <= 1; device++) {
        struct og_hardware hw = plain_hardware();
        hw.mapping.scheme = OG_OFFSET;
        hw.device.read = constant(0.3e-6);
        hw.read_noise = device ? OG_NOISE_DEVICE : OG_NOISE_FAST;
        hw.tile.cols = 4;
        struct bench b = bench_open(hw, 12, 8, READS, 1);
        for (size_t r = 1; r < READS; r++) memcpy(b.x + r * 12, b.x, 12 * sizeof *b.x);
        bench_run(&b);
        for (size_t k = 0; k < READS * 8; k++) y[k] = b.y[k];
        for (size_t j = 1; j < 8; j++) {
            double r = correlation(y, 8, y + j, 8, READS);
            assert_true(fabs(r - (j < 4 ? 0.5 : 0)) < 4.5 / sqrt(READS));
        }
        bench_close(&b);
    }
}

// The same for programming errors. In a peer (NeuroSim V1.5) the reference column shares
// its seed with the first slice: here their correlation is 0, and w_hat - w of a row is
// xi_ij - xi_i,ref, so that columns correlate by 1/2.
static void reference_devices_draw_their_own_errors(void **state)
{
    (void)state;
    enum { ROWS = 4000 };
    struct og_hardware hw = plain_hardware();
    hw.mapping.scheme = OG_OFFSET;
    hw.device.program = constant(0.3e-6);
    hw.tile.cols = 2;
    struct bench b = bench_open(hw, ROWS, 4, 1, 1);
    og_array_program(b.array, b.w, &b.chip);
    float *w_hat = weights_of(&b);
    double *e = og_alloc(ROWS * 4, sizeof *e), variance = 0;
    for (size_t k = 0; k < ROWS * 4; k++) e[k] = (double)w_hat[k] - b.w[k];
    for (size_t j = 1; j < 4; j++) {
        double r = correlation(e, 1, e + j * ROWS, 1, ROWS);
        assert_true(fabs(r - (j == 1 ? 0.5 : 0)) < 4.5 / sqrt(ROWS));
    }
    for (size_t k = 0; k < ROWS; k++) variance += e[k] * e[k] / ROWS;
    double w_max = og_array_info(b.array).w_max, want = 2 * 0.3e-6 / 9e-6 * w_max;
    assert_true(fabs(sqrt(variance / 2) / want - 1) < 4.5 / sqrt(2.0 * ROWS));
    og_free(w_hat);
    og_free(e);
    bench_close(&b);
}

// --- devices -------------------------------------------------------------------------
// Peers draw device mismatch anew for every kernel position, slice and input bit
// (NeuroSim V1.4): here all reads of a chip, and all bits of an input, see the same
// devices.
static void mismatch_is_frozen_over_reads_and_bits(void **state)
{
    (void)state;
    struct og_hardware hw = plain_hardware();
    hw.device.d2d.g_max = hw.device.d2d.g_min = 0.1;
    hw.mapping.weight_bits = 7;
    hw.mapping.slice_bits = 2;
    hw.dac.bits = 6;
    hw.input.encoding = OG_BIT_SERIAL;
    struct bench b = bench_open(hw, 30, 4, 20, 1);
    for (size_t k = 0; k < 20 * 30; k++) b.x[k] = rintf(b.x[k] * 31) / 31;  // on the grid
    for (size_t r = 1; r < 20; r += 2)
        memcpy(b.x + r * 30, b.x, 30 * sizeof *b.x);  // every second read is the first
    bench_run(&b);
    float *w_hat = weights_of(&b);
    double differs = 0;
    for (size_t r = 0; r < 20; r++)
        for (size_t j = 0; j < 4; j++) {
            double want = 0;
            for (size_t i = 0; i < 30; i++) want += w_hat[j * 30 + i] * b.x[r * 30 + i];
            assert_true(fabs(b.y[r * 4 + j] - want) < 1e-4);
            if (r % 2) assert_true(b.y[r * 4 + j] == b.y[j]);
        }
    for (size_t k = 0; k < 120; k++) differs = fmax(differs, fabs(w_hat[k] - b.w[k]));
    assert_true(differs > 0.02);
    og_free(w_hat);
    bench_close(&b);
}

// In a peer (MemIntelli) every tile of the same size gets the same pattern of errors.
static void equal_tiles_differ(void **state)
{
    (void)state;
    enum { SIDE = 64, ALL = SIDE * SIDE };
    for (int what = 0; what < 3; what++) {
        struct og_hardware hw = plain_hardware();
        hw.device.program = constant(what == 0 ? 0.2e-6 : 0);
        hw.device.d2d.g_max = what == 1 ? 0.1 : 0;
        hw.device.faults.p_hrs = what == 2 ? 0.3 : 0;
        struct bench b = bench_open(hw, 2 * SIDE, 2 * SIDE, 1, 1);
        for (size_t k = 0; k < 4 * ALL; k++) b.w[k] = 0.5f;
        b.w[4 * ALL - 1] = 1;
        og_array_program(b.array, b.w, &b.chip);
        float *g = og_alloc(og_array_info(b.array).dense.devices, sizeof *g);
        og_array_conductance(b.array, g);
        static double tile[4][ALL];
        for (size_t k = 0; k < 4 * ALL; k++) {
            size_t i = k / (2 * SIDE), j = k % (2 * SIDE);
            tile[i / SIDE * 2 + j / SIDE][i % SIDE * SIDE + j % SIDE] = g[k] * 1e6;
        }
        for (int t = 1; t < 4; t++)
            assert_true(fabs(correlation(tile[0], 1, tile[t], 1, ALL - 1)) <
                        4.5 / sqrt(ALL));
        og_free(g);
        bench_close(&b);
    }
}

// Mismatch without a programming error is the limit of a small one: what limits a device
// are its own g_min and g_max.
static void range_clip_is_the_devices_own(void **state)
{
    (void)state;
    float *g[2];
    for (int k = 0; k < 2; k++) {
        struct og_hardware hw = plain_hardware();
        hw.device.d2d.g_max = 0.2;
        hw.device.d2d.g_min = 0.2;
        hw.device.clip = OG_CLIP_RANGE;
        hw.device.program = constant(k ? 1e-12 : 0);
        struct bench b = bench_open(hw, 40, 40, 1, 1);
        for (size_t n = 0; n < 1600; n++) b.w[n] = 1;
        og_array_program(b.array, b.w, &b.chip);
        g[k] = og_alloc(og_array_info(b.array).dense.devices, sizeof *g[k]);
        og_array_conductance(b.array, g[k]);
        bench_close(&b);
    }
    int above = 0, below = 0;
    for (size_t n = 0; n < 3200; n++) {
        assert_true(fabsf(g[0][n] - g[1][n]) < 1e-10f);
        above += g[1][n] > 10.001e-6f;
        below += g[1][n] < 0.999e-6f;
    }
    assert_true(above > 700 && below > 700);  // half of each side
    og_free(g[0]);
    og_free(g[1]);
}

// --- full scales ---------------------------------------------------------------------
// A column (or tile) without any weight has no full scale of its own; errors of its
// devices count like those of its neighbours.
static void empty_columns_are_no_louder(void **state)
{
    (void)state;
    for (int granularity = OG_PER_TILE; granularity <= OG_PER_COLUMN; granularity++) {
        struct og_hardware hw = plain_hardware();
        hw.mapping.granularity = (enum og_granularity)granularity;
        hw.device.program = constant(0.3e-6);
        hw.mapping.removed = false;
        hw.tile.cols = 1;
        struct bench b = bench_open(hw, 60, 3, 1, 1);
        for (size_t k = 0; k < 180; k++) b.w[k] = k < 60 ? 0 : 0.01f * b.w[k];
        og_array_program(b.array, b.w, &b.chip);
        float *w_hat = weights_of(&b);
        double empty = 0, full = 0;
        for (size_t i = 0; i < 60; i++) {
            empty += pow(w_hat[i], 2);
            full += pow(w_hat[60 + i] - b.w[60 + i], 2);
        }
        assert_true(empty > 0 && empty < 4 * full);
        assert_true(og_array_info(b.array).w_max < 0.0074);
        og_free(w_hat);
        bench_close(&b);
    }
}

// The LSB in units of y is that of the column that counts least.
static void lsb_follows_the_full_scale(void **state)
{
    (void)state;
    struct og_hardware hw = plain_hardware();
    hw.mapping.granularity = OG_PER_COLUMN;
    hw.adc.bits = 6;
    hw.adc.mode = OG_RANGE_WORST_CASE;
    struct bench b = bench_open(hw, 31, 2, 1, 1);
    for (size_t i = 0; i < 31; i++) b.w[i] = 1, b.w[31 + i] = 0.01f;
    og_array_program(b.array, b.w, &b.chip);
    assert_true(fabs(og_array_info(b.array).lsb / 0.01 - 1) < 1e-5);  // 31 / 31 codes
    bench_close(&b);
}

// So many zeros that the percentile is one of them: full scale is then the largest.
static void percentile_of_zeros(void **state)
{
    (void)state;
    struct og_hardware hw = plain_hardware();
    hw.mapping.w_max = OG_W_PERCENTILE;
    hw.mapping.percentile = 50;
    hw.mapping.removed = false;
    struct bench b = bench_open(hw, 20, 5, 1, 1);
    for (size_t k = 0; k < 100; k++)
        if (k % 4) b.w[k] = 0;
    b.w[8] = -0.02f;
    b.w[4] = 0.03f;
    og_array_program(b.array, b.w, &b.chip);
    double top = 0;
    for (size_t k = 0; k < 100; k++) top = fmax(top, fabs(b.w[k]));
    assert_true(og_array_info(b.array).w_max == top);
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_of_a_tile_share_their_converters),
        cmocka_unit_test(every_tile_has_a_reference_column),
        cmocka_unit_test(reference_devices_draw_their_own_errors),
        cmocka_unit_test(mismatch_is_frozen_over_reads_and_bits),
        cmocka_unit_test(equal_tiles_differ),
        cmocka_unit_test(range_clip_is_the_devices_own),
        cmocka_unit_test(empty_columns_are_no_louder),
        cmocka_unit_test(lsb_follows_the_full_scale),
        cmocka_unit_test(percentile_of_zeros),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
