// SPDX-License-Identifier: GPL-3.0-or-later
// 1/f noise along the read clock against its closed forms: variance, autocorrelation over
// reads, passes and samples, and distribution (Kolmogorov and Smirnov at 1 %) at stated
// seeds; and that no order or split of the reads changes a bit.
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_sf_expint.h>
#include <gsl/gsl_sort.h>
#include <math.h>

#include "array_helper.h"

enum { COLS = 4096, TICKS = 64 };

static const double Q = 0.01, T_READ = 250e-9, AGE = 20 + 3600;

static struct og_hardware flickering(void)
{
    struct og_hardware hw = plain_hardware();
    hw.tile.cols = COLS;
    hw.device.g_min = 0;  // the other device of a pair carries nothing
    hw.device.flicker.mode = OG_FLICKER_CORRELATED;
    hw.device.flicker.t_read = T_READ;
    hw.device.flicker.q = (struct og_law){.offset = Q, .max = 1, .scale = 1};
    hw.device.drift.t_0 = 20;
    hw.t_inference = 3600;
    hw.t_cycle = 1e-6;
    hw.t_sample = 1e-3;
    return hw;
}

// Each of COLS columns has one weight of 1, n inputs of 1: y = 1 + q z.
static struct bench watch(struct og_hardware hw, size_t n)
{
    struct bench b = bench_open(hw, 1, COLS, n, 1);
    for (size_t j = 0; j < COLS; j++) b.w[j] = 1;
    for (size_t r = 0; r < n; r++) b.x[r] = 1;
    return b;
}

static double total(void) { return log((AGE + T_READ) / (2 * T_READ)); }

// Of the sum of processes with constants spread evenly over log time.
static double closed_form(double s)
{
    const double fast = s / (2 * T_READ);  // from e^-700 on nothing is left
    return gsl_sf_expint_E1(s / (AGE + T_READ)) -
           (fast < 500 ? gsl_sf_expint_E1(fast) : 0);
}

// Mean product of two rows, in units of Q^2.
static double product(const float *a, const float *b)
{
    double sum = 0;
    for (size_t j = 0; j < COLS; j++) sum += (double)(a[j] - 1) * (double)(b[j] - 1);
    return sum / COLS / Q / Q;
}

// Of normal numbers with these covariances.
static void assert_covariance(const float *a, const float *b, double want)
{
    const double sd = sqrt((total() * total() + want * want) / COLS);
    assert_true(fabs(product(a, b) - want) < 4 * sd);
}

static void variance_is_that_of_the_frozen_one(void **state)
{
    (void)state;
    static double z[COLS];
    struct bench b = watch(flickering(), TICKS);
    b.at.positions = TICKS;
    bench_run(&b);
    for (size_t r = 0; r < TICKS; r += 9)
        assert_covariance(b.y + r * COLS, b.y + r * COLS, total());
    for (size_t j = 0; j < COLS; j++) z[j] = ((double)b.y[j] - 1) / Q / sqrt(total());
    gsl_sort(z, 1, COLS);
    double worst = 0;
    for (size_t j = 0; j < COLS; j++) {
        const double p = gsl_cdf_ugaussian_P(z[j]);
        worst = fmax(worst,
                     fmax(fabs(p - j / (double)COLS), fabs(p - (j + 1) / (double)COLS)));
    }
    assert_true(worst * sqrt(COLS) < 1.63);
    bench_close(&b);
}

static void memory_has_its_closed_form(void **state)
{
    (void)state;
    static const size_t lag[] = {1, 2, 5, 16, 63};
    struct bench b = watch(flickering(), TICKS);
    b.at.positions = TICKS;
    bench_run(&b);
    for (size_t k = 0; k < sizeof lag / sizeof *lag; k++) {
        // What changes from tick to tick is known far better than what does not.
        double change = 0;
        for (size_t r = 0; r + lag[k] < TICKS; r++)
            for (size_t j = 0; j < COLS; j++) {
                const double d =
                    (double)(b.y[(r + lag[k]) * COLS + j] - b.y[r * COLS + j]);
                change += d * d / Q / Q / 2;
            }
        change /= (double)((TICKS - lag[k]) * COLS);
        const double want = total() - closed_form((double)lag[k] * 1e-6);
        assert_true(fabs(change / want - 1) < 0.02);
        assert_covariance(b.y, b.y + lag[k] * COLS, total() - want);
    }
    bench_close(&b);
}

// From sample to sample and from pass to pass: votes do not take away what is slower.
static void samples_and_passes_remember(void **state)
{
    (void)state;
    struct og_hardware hw = flickering();
    hw.t_sample = 1;
    hw.t_pass = 10e-3;
    struct bench b = watch(hw, 4);
    static float first[4 * COLS];
    bench_run(&b);
    memcpy(first, b.y, sizeof first);
    for (size_t s = 1; s < 4; s++)
        assert_covariance(first, first + s * COLS, closed_form((double)s));
    b.at.pass = 3;
    bench_read(&b);
    for (size_t s = 0; s < 4; s++)
        assert_covariance(first + s * COLS, b.y + s * COLS, closed_form(30e-3));
    bench_close(&b);
}

// A step after the other, samples from the last to the first, or all at once.
static void order_does_not_matter(void **state)
{
    (void)state;
    struct og_hardware hw = flickering();
    hw.device.g_min = 1e-6;
    hw.device.flicker.q.offset = 0.4;  // so that conductances reach 0
    hw.tile.rows = 16;                 // three row tiles
    hw.tile.cols = 64;
    hw.mapping.devices_per_weight = 2;
    bench_reads_alone(hw, true);
}

// Where nothing happens during the reads, they all have what the frozen noise has: normal
// numbers of the same spread, and of a column the root of the sum of squares.
static void slow_noise_is_frozen(void **state)
{
    (void)state;
    struct og_hardware hw = flickering();
    hw.t_cycle = 1e-12;
    hw.t_sample = 1e-12;
    struct bench b = watch(hw, 8);
    bench_run(&b);
    for (size_t r = 1; r < 8; r++)
        for (size_t j = 0; j < COLS; j++) {
            const double d = (double)(b.y[r * COLS + j] - b.y[j]);
            assert_true(fabs(d) < 0.1 * Q);
        }
    assert_covariance(b.y, b.y, total());
    bench_close(&b);
}

// A reference column is one device for all: its noise is common to the columns of a tile.
static void reference_columns_have_it(void **state)
{
    (void)state;
    struct og_hardware hw = flickering();
    hw.mapping.scheme = OG_OFFSET;
    hw.mapping.reference = OG_REFERENCE_COLUMN;
    hw.device.g_min = 0;
    hw.device.g_max = 10e-6;
    hw.tile.cols = 16;
    struct bench b = watch(hw, 1);
    for (size_t j = 0; j < COLS; j++) b.w[j] = j == 0 ? 1 : -1;  // -1: g = 0, no noise
    bench_run(&b);
    double sum = 0;
    for (size_t t = 1; t < COLS / 16; t++) {
        const double off = (double)b.y[t * 16] + 1;
        for (size_t j = 1; j < 16; j++)
            assert_true(fabs((double)b.y[t * 16 + j] + 1 - off) < 1e-6);
        sum += off * off / Q / Q;
    }
    const double n = COLS / 16 - 1;
    assert_true(fabs(sum / n / total() - 1) < 4 * sqrt(2 / n));
    bench_close(&b);
}

// Behind an access resistance R, dg is felt as dg / (1 + g R)^2.
static void wires_weaken_it(void **state)
{
    (void)state;
    struct og_hardware hw = flickering();
    hw.tile.cols = 32;
    hw.wires.mode = OG_WIRES_EXACT;
    hw.wires.r_access = 50e3;
    struct bench b = watch(hw, 1);
    bench_run(&b);
    double sum = 0;
    for (size_t j = 0; j < COLS; j++) {
        const double z = ((double)b.y[j] - 1 / 1.5) * 2.25 / Q;
        sum += z * z;
    }
    assert_true(fabs(sum / COLS / total() - 1) < 4 * sqrt(2.0 / COLS));
    bench_close(&b);
}

// Word lines that hold nothing in a tile have no devices there, and no noise.
static void what_is_removed_is_silent(void **state)
{
    (void)state;
    struct og_hardware hw = flickering();
    hw.device.g_min = 1e-6;
    hw.tile.rows = hw.tile.cols = 8;
    struct bench b = bench_open(hw, 8, 16, 6, 1);
    // Tile 0 has the rows 0 .. 3, tile 1 the others.
    for (size_t j = 0; j < 16; j++)
        for (size_t i = 0; i < 8; i++)
            if ((j < 8) != (i < 4)) b.w[j * 8 + i] = 0;
    for (size_t r = 0; r < 6; r++)
        for (size_t i = 0; i < 8; i++) b.x[r * 8 + i] = i < 4 ? 0 : 1;
    bench_run(&b);
    for (size_t r = 0; r < 6; r++)
        for (size_t j = 0; j < 16; j++) assert_true((b.y[r * 16 + j] == 0) == (j < 8));
    bench_close(&b);
}

static void training_is_refused(void **state)
{
    (void)state;
    struct og_error err = {0};
    struct bench b = bench_open(flickering(), 4, 4, 1, 1);
    assert_int_equal(og_array_keep_gradient(b.array, OG_KEEP_GRADIENT, &err), OG_INPUT);
    assert_non_null(strstr(err.text, "device.flicker"));
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(variance_is_that_of_the_frozen_one),
        cmocka_unit_test(memory_has_its_closed_form),
        cmocka_unit_test(samples_and_passes_remember),
        cmocka_unit_test(order_does_not_matter),
        cmocka_unit_test(slow_noise_is_frozen),
        cmocka_unit_test(reference_columns_have_it),
        cmocka_unit_test(wires_weaken_it),
        cmocka_unit_test(what_is_removed_is_silent),
        cmocka_unit_test(training_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
