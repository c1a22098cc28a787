// SPDX-License-Identifier: GPL-3.0-or-later
// Arrays with randomness: laws, independence, and that the fast form of read noise is the
// device-level one. Fixed seeds; every bound says how many sigma it is.
#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics.h>
#include <math.h>

#include "array_helper.h"

enum { READS = 4000 };

static struct og_sigma proportional(double fraction)
{
    return (struct og_sigma){OG_SIGMA_PROPORTIONAL, .fraction = fraction, .scale = 1};
}

static struct og_sigma constant(double sigma)
{
    return (struct og_sigma){OG_SIGMA_CONSTANT, .sigma = sigma, .scale = 1};
}

// READS reads of one and the same input; y[r * cols + j].
static struct bench repeated_reads(struct og_hardware hw, size_t rows, size_t cols)
{
    struct bench b = bench_open(hw, rows, cols, READS, 1);
    for (size_t r = 1; r < READS; r++) memcpy(b.x + r * rows, b.x, rows * sizeof *b.x);
    bench_run(&b);
    return b;
}

static void column(const struct bench *b, size_t j, double *out)
{
    for (size_t r = 0; r < b->n; r++) out[r] = b->y[r * b->cols + j];
}

// Two-sample Kolmogorov-Smirnov statistic.
static double ks(double *a, double *b, size_t n)
{
    gsl_sort(a, 1, n);
    gsl_sort(b, 1, n);
    double most = 0;
    for (size_t i = 0, j = 0; i < n && j < n;) {
        if (a[i] <= b[j])
            i++;
        else
            j++;
        most = fmax(most, fabs((double)i - (double)j) / (double)n);
    }
    return most;
}

static void assert_same_law(struct og_hardware hw)
{
    static double fast[READS], slow[READS];
    hw.read_noise = OG_NOISE_FAST;
    struct bench f = repeated_reads(hw, 30, 3);
    hw.read_noise = OG_NOISE_DEVICE;
    struct bench d = repeated_reads(hw, 30, 3);
    for (size_t j = 0; j < 3; j++) {
        column(&f, j, fast);
        column(&d, j, slow);
        double sd = gsl_stats_sd(slow, 1, READS);
        // Means within 4.5 sigma, standard deviations too (relative error 1/sqrt(2n)).
        double gap = gsl_stats_mean(fast, 1, READS) - gsl_stats_mean(slow, 1, READS);
        assert_true(fabs(gap) < 4.5 * sd * sqrt(2.0 / READS));
        assert_true(fabs(gsl_stats_sd(fast, 1, READS) / sd - 1) < 4.5 / sqrt(READS));
        assert_true(sd > 0);
        assert_true(ks(fast, slow, READS) < 1.95 * sqrt(2.0 / READS));  // p = 0.001
    }
    bench_close(&f);
    bench_close(&d);
}

static void fast_noise_is_device_noise(void **state)
{
    (void)state;
    for (int law = 0; law < 2; law++)
        for (int scheme = OG_DIFFERENTIAL; scheme <= OG_OFFSET; scheme++)
            for (int variant = 0; variant < 6; variant++) {
                struct og_hardware hw = plain_hardware();
                hw.device.read = law ? proportional(0.1) : constant(0.3e-6);
                hw.mapping.scheme = (enum og_scheme)scheme;
                if (variant == 1) hw.input.encoding = OG_PULSE_WIDTH;
                if (variant == 2) hw.input.sign = OG_INPUT_TWO_PASS;
                if (variant == 3) hw.mapping.devices_per_weight = 3;
                if (variant == 4) hw.tile.rows = 12;
                if (variant == 5) {
                    if (scheme == OG_OFFSET)
                        hw.mapping.reference = OG_REFERENCE_DIGITAL;
                    else
                        hw.pair.subtract = OG_SUBTRACT_DIGITAL;
                    hw.input.sign = OG_INPUT_OFFSET;
                }
                assert_same_law(hw);
            }
    struct og_hardware hw = plain_hardware();
    hw.device.read = proportional(0.1);
    hw.mapping.weight_bits = 6;
    hw.mapping.slice_bits = 2;
    hw.dac.bits = 4;
    hw.input.encoding = OG_BIT_SERIAL;
    assert_same_law(hw);
}

// Var(I) = 2 sigma^2 sum V^2 for a pair; y counts in w_max / (g_max - g_min).
static void constant_noise_has_the_stated_size(void **state)
{
    (void)state;
    struct og_hardware hw = plain_hardware();
    hw.device.read = constant(0.3e-6);
    struct bench b = repeated_reads(hw, 30, 2);
    double sum = 0, w_max = 0, y[READS];
    for (int i = 0; i < 30; i++) sum += (double)b.x[i] * b.x[i];
    for (int k = 0; k < 60; k++) w_max = fmax(w_max, fabs(b.w[k]));
    double want = sqrt(2 * sum) * 0.3e-6 / 9e-6 * w_max;
    column(&b, 1, y);
    assert_true(fabs(gsl_stats_sd(y, 1, READS) / want - 1) < 4.5 / sqrt(2.0 * READS));
    bench_close(&b);
}

static double correlation(const double *a, const double *b)
{
    return gsl_stats_correlation(a, 1, b, 1, READS);
}

// Peers' defects: one draw shared by devices of a level, by equal tiles, by layers, by
// reads.
static void reads_are_independent(void **state)
{
    (void)state;
    static double a[READS], c[READS], lag[READS];
    struct og_hardware hw = plain_hardware();
    hw.device.read = constant(0.3e-6);
    struct bench b = repeated_reads(hw, 30, 3);
    column(&b, 0, a);
    column(&b, 1, c);
    assert_true(fabs(correlation(a, c)) < 4.5 / sqrt(READS));  // columns
    memcpy(lag, a + 1, (READS - 1) * sizeof *a);
    lag[READS - 1] = a[0];
    assert_true(fabs(correlation(a, lag)) < 4.5 / sqrt(READS));  // successive reads
    for (int what = 0; what < 4; what++) {
        struct og_read at = b.at;
        at.step = what == 0;   // time step
        at.pass = what == 1;   // epoch, vote
        at.trial = what == 2;  // chip
        at.seed = what == 3 ? 6 : 5;
        struct og_read saved = b.at;
        b.at = at;
        bench_read(&b);
        b.at = saved;
        column(&b, 0, c);
        assert_true(fabs(correlation(a, c)) < 4.5 / sqrt(READS));
    }
    bench_read(&b);
    column(&b, 0, c);
    assert_memory_equal(a, c, sizeof a);  // the same names: the same numbers
    bench_close(&b);
}

static float *conductances(struct bench *b)
{
    og_array_program(b->array, b->w, &b->chip);
    float *g = og_alloc(og_array_info(b->array).dense.devices, sizeof *g);
    og_array_conductance(b->array, g);
    return g;
}

// Conductances of an array whose weights are all alike, so that all devices of a side
// have one target (but the first, which sets w_max).
static double *alike(struct og_hardware hw, struct og_chip chip, uint32_t layer,
                     size_t *n)
{
    struct bench b = bench_open(hw, 100, READS / 100, 1, 1);
    if (layer != 3) {
        og_array_free(b.array);
        struct og_array_shape shape = {.rows = 100,
                                       .cols = READS / 100,
                                       .layer = layer,
                                       .segments = 1,
                                       .segment = {{.rows = 100, .range = 1}}};
        assert_int_equal(og_array_alloc(&b.array, &hw, &shape, NULL), OG_OK);
    }
    for (size_t k = 0; k < READS; k++) b.w[k] = 0.5f;
    b.w[0] = 1;
    b.chip = chip;
    float *g = conductances(&b);
    *n = og_array_info(b.array).dense.devices;
    double *d = og_alloc(*n, sizeof *d);
    for (size_t k = 0; k < *n; k++) d[k] = g[k];
    og_free(g);
    bench_close(&b);
    return d;
}

static void devices_are_independent(void **state)
{
    (void)state;
    const double bound = 4.5 / sqrt(READS - 1);
    for (int what = 0; what < 2; what++) {
        struct og_hardware hw = plain_hardware();
        if (what == 0)
            hw.device.program = constant(0.2e-6);
        else
            hw.device.d2d.g_max = hw.device.d2d.g_min = 0.1;
        size_t n;
        double *a = alike(hw, (struct og_chip){5, 0, 0}, 3, &n);
        assert_true(gsl_stats_sd(a + 1, 1, READS - 1) > 0.1e-6);
        // neighbours; the two devices of a pair
        assert_true(fabs(gsl_stats_correlation(a + 1, 1, a + 2, 1, READS - 2)) < bound);
        assert_true(fabs(gsl_stats_correlation(a + 1, 1, a + READS + 1, 1, READS - 1)) <
                    bound);
        struct og_chip other[] = {{6, 0, 0}, {5, 1, 0}, {5, 0, 1}};  // seed, chip, draw
        for (int k = 0; k < 4; k++) {
            double *c = k < 3 ? alike(hw, other[k], 3, &n)
                              : alike(hw, (struct og_chip){5, 0, 0}, 4, &n);  // layer
            double r = gsl_stats_correlation(a + 1, 1, c + 1, 1, READS - 1);
            assert_true(fabs(r) < bound);
            og_free(c);
        }
        double *again = alike(hw, (struct og_chip){5, 0, 0}, 3, &n);
        assert_memory_equal(a, again, n * sizeof *a);
        og_free(a);
        og_free(again);
    }
}

// sigma(g) = 0.26348 + 1.9650 x - 1.1731 x^2 uS at g_max 25 uS (Joshi et al. 2020, fit of
// aihwkit), clipped at 0.
static void programming_error_follows_sigma(void **state)
{
    (void)state;
    struct og_hardware hw = plain_hardware();
    hw.device.g_min = 0;
    hw.device.g_max = 25e-6;
    hw.device.program = (struct og_sigma){
        OG_SIGMA_POLYNOMIAL, .coefficients = {3, {0.26348e-6, 1.9650e-6, -1.1731e-6}},
        .scale = 1};
    struct bench b = bench_open(hw, 100, 40, 1, 1);
    for (int level = 1; level <= 4; level++) {
        for (int k = 0; k < 4000; k++) b.w[k] = (float)level / 4;
        b.w[0] = 1;
        float *g = conductances(&b);
        double x = level / 4.0, sum = 0, square = 0;
        double want = 0.26348 + 1.9650 * x - 1.1731 * x * x;
        for (int k = 0; k < 4000; k++) {  // the + side; devices are in i * cols + j order
            double d = g[k] * 1e6 - 25 * x;
            if (k == 0) continue;
            sum += d;
            square += d * d;
        }
        assert_true(fabs(sum / 3999) < 4.5 * want / sqrt(3999));
        assert_true(fabs(sqrt(square / 3999) / want - 1) < 4.5 / sqrt(2 * 3999));
        for (int k = 4000; k < 8000; k++) assert_true(g[k] >= 0);
        og_free(g);
    }
    bench_close(&b);
}

static void clip_and_faults(void **state)
{
    (void)state;
    struct og_hardware hw = plain_hardware();
    hw.device.program = constant(3e-6);
    hw.device.clip = OG_CLIP_RANGE;
    hw.device.faults.p_lrs = 0.02;
    hw.device.faults.p_hrs = 0.05;
    hw.device.faults.g_lrs = 30e-6;
    hw.device.faults.g_hrs = 0.1e-6;
    struct bench b = bench_open(hw, 100, 40, 1, 1);
    float *g = conductances(&b);
    int lrs = 0, hrs = 0, at_edge = 0;
    for (int k = 0; k < 8000; k++) {
        if (g[k] == 30e-6f)
            lrs++;
        else if (g[k] == 0.1e-6f)
            hrs++;
        else
            assert_true(g[k] >= 1e-6f && g[k] <= 10e-6f);
        at_edge += g[k] == 1e-6f;
    }
    assert_true(fabs(lrs - 160.0) < 4.5 * sqrt(160 * 0.98));
    assert_true(fabs(hrs - 400.0) < 4.5 * sqrt(400 * 0.95));
    assert_true(at_edge > 1000);  // half of the devices aim at g_min
    og_free(g);
    bench_close(&b);
}

// Open loop maps the target into each device's own range, write-verify only limits it.
static void mismatch_open_loop_and_verified(void **state)
{
    (void)state;
    struct og_hardware hw = plain_hardware();
    hw.device.d2d.g_max = 0.2;
    struct bench b = bench_open(hw, 100, 40, 1, 1);
    for (int k = 0; k < 4000; k++) b.w[k] = 0.5f;
    b.w[0] = 1;
    float *open = conductances(&b);
    double sum = 0, square = 0;
    for (int k = 1; k < 4000; k++) {
        double d = open[k] * 1e6 - 5.5;  // 1 + 0.5 (10 (1 + 0.2 xi) - 1)
        sum += d;
        square += d * d;
    }
    assert_true(fabs(sum / 3999) < 4.5 / sqrt(3999));
    assert_true(fabs(sqrt(square / 3999) - 1) < 4.5 / sqrt(2 * 3999));
    bench_close(&b);

    hw.device.programming = OG_WRITE_VERIFY;
    struct bench c = bench_open(hw, 100, 40, 1, 1);
    for (int k = 0; k < 4000; k++) c.w[k] = 0.5f;
    c.w[0] = 1;
    float *verified = conductances(&c);
    int exact = 0;
    for (int k = 1; k < 4000; k++) exact += fabsf(verified[k] - 5.5e-6f) < 1e-11f;
    assert_true(exact > 3900 && exact < 3999);  // P(10 (1 + 0.2 xi) < 5.5) = 1.2 %
    og_free(open);
    og_free(verified);
    bench_close(&c);
}

static void cells_of_zero_weights_can_be_off(void **state)
{
    (void)state;
    struct og_hardware hw = plain_hardware();
    hw.device.program = constant(0.3e-6);
    hw.mapping.removed = false;
    hw.device.zero_cells = OG_ZERO_OFF;
    hw.device.g_off = 0.02e-6;
    struct bench b = bench_open(hw, 10, 10, 1, 1);
    for (int k = 0; k < 50; k++) b.w[k] = 0;  // outputs 0..4
    float *g = conductances(&b), *w_hat = og_alloc(100, sizeof *w_hat);
    og_array_weights(b.array, w_hat);
    for (int i = 0; i < 10; i++)
        for (int j = 0; j < 10; j++) {
            bool off = g[i * 10 + j] == 0.02e-6f && g[100 + i * 10 + j] == 0.02e-6f;
            assert_int_equal(off, j < 5);
            if (j < 5) assert_true(w_hat[j * 10 + i] == 0);
        }
    og_free(g);
    og_free(w_hat);
    bench_close(&b);
}

static void copies_average_errors(void **state)
{
    (void)state;
    double spread[2];
    for (int k = 0; k < 2; k++) {
        struct og_hardware hw = plain_hardware();
        hw.device.program = constant(0.3e-6);
        hw.mapping.devices_per_weight = k ? 4 : 1;
        struct bench b = bench_open(hw, 100, 40, 1, 1);
        float *w_hat = og_alloc(4000, sizeof *w_hat);
        og_array_program(b.array, b.w, &b.chip);
        og_array_weights(b.array, w_hat);
        double square = 0;
        for (int i = 0; i < 4000; i++) square += pow(w_hat[i] - b.w[i], 2);
        spread[k] = sqrt(square / 4000);
        og_free(w_hat);
        bench_close(&b);
    }
    assert_true(fabs(spread[0] / spread[1] - 2) < 2 * 4.5 * 1.4 / sqrt(8000));
}

static void converter_noise_and_spread(void **state)
{
    (void)state;
    static double y[READS];
    struct og_hardware hw = plain_hardware();
    hw.adc.bits = 10;
    hw.adc.mode = OG_RANGE_WORST_CASE;
    hw.adc.noise = 2.5;
    struct bench b = repeated_reads(hw, 30, 2);
    column(&b, 0, y);
    double lsb = og_array_info(b.array).lsb;
    double want = lsb * sqrt(2.5 * 2.5 + 1.0 / 12);
    assert_true(fabs(gsl_stats_sd(y, 1, READS) / want - 1) < 4.5 / sqrt(2.0 * READS));
    bench_close(&b);

    hw.adc.noise = 0;
    hw.adc.offset = 3;
    hw.adc.gain = 0.01;
    struct bench c = bench_open(hw, 30, 400, 1, 1);
    for (int i = 0; i < 30; i++) c.x[i] = 0;
    bench_run(&c);
    double square = 0;
    for (int j = 0; j < 400; j++) square += pow(c.y[j] / og_array_info(c.array).lsb, 2);
    assert_true(fabs(sqrt(square / 400) / 3 - 1) < 4.5 / sqrt(800));
    float first = c.y[7];
    bench_read(&c);
    assert_true(first == c.y[7]);  // frozen
    c.chip.trial = 1;
    bench_run(&c);
    bool differs = false;
    for (int j = 0; j < 400; j++) differs |= c.y[j] != first;
    assert_true(differs);
    bench_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fast_noise_is_device_noise),
        cmocka_unit_test(constant_noise_has_the_stated_size),
        cmocka_unit_test(reads_are_independent),
        cmocka_unit_test(devices_are_independent),
        cmocka_unit_test(programming_error_follows_sigma),
        cmocka_unit_test(clip_and_faults),
        cmocka_unit_test(mismatch_open_loop_and_verified),
        cmocka_unit_test(cells_of_zero_weights_can_be_off),
        cmocka_unit_test(copies_average_errors),
        cmocka_unit_test(converter_noise_and_spread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
