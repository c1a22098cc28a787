// SPDX-License-Identifier: GPL-3.0-or-later
// Distributions of what arrays draw, against their stated formulas: every law of read
// noise, in both of its forms, and every error of a converter. Kolmogorov and Smirnov at
// 0.1 %, for stated seeds.
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_statistics.h>
#include <math.h>

#include "array_helper.h"
#include "kolmogorov.h"

// z[n] against the normal distribution of mean 0 and variance 1; both at 4.5 sigma.
static void assert_normal(double *z, size_t n, const char *what)
{
    const double mean = gsl_stats_mean(z, 1, n), sd = gsl_stats_sd(z, 1, n);
    if (!(fabs(mean) < 4.5 / sqrt((double)n) &&
          fabs(sd - 1) < 4.5 / sqrt(2.0 * (double)n)))
        fail_msg("%s: mean %g, sd %g", what, mean, sd);
    assert_law(z, n, gsl_cdf_ugaussian_P);
}

// --- read noise ------------------------------------------------------------------------

enum { COLS = 20, READS = 300 };

static const struct og_sigma laws[] = {
    {.kind = OG_SIGMA_CONSTANT, .sigma = 0.3e-6, .scale = 1.5},
    {.kind = OG_SIGMA_PROPORTIONAL, .fraction = 0.04, .scale = 1},
    {.kind = OG_SIGMA_POLYNOMIAL,
     .coefficients = {3, {0.1e-6, 0.5e-6, -0.2e-6}},
     .scale = 1},
    {.kind = OG_SIGMA_SATURATING, .limit = 0.4e-6, .g_rise = 3e-6, .scale = 0.7},
    {.kind = OG_SIGMA_TABLE,
     .table_g = {3, {1e-6, 4e-6, 9e-6}},
     .table_sigma = {3, {0.1e-6, 0.5e-6, 0.2e-6}},
     .scale = 1},
};

static double table_at(const struct og_sigma *s, double g)
{
    const double *x = s->table_g.v, *y = s->table_sigma.v;
    if (g >= x[2]) return y[2];
    const int k = g > x[1];
    return y[k] + (y[k + 1] - y[k]) * (g - x[k]) / (x[k + 1] - x[k]);
}

// As docs/devices.md has it, written again.
static double sigma_of(const struct og_sigma *s, double g, double g_max)
{
    const double x = g / g_max, *c = s->coefficients.v;
    switch (s->kind) {
    case OG_SIGMA_CONSTANT:
        return s->scale * s->sigma;
    case OG_SIGMA_PROPORTIONAL:
        return s->scale * s->fraction * g;
    case OG_SIGMA_POLYNOMIAL:
        return s->scale * (c[0] + c[1] * x + c[2] * x * x);
    case OG_SIGMA_SATURATING:
        return s->scale * s->limit * (1 - exp(-g / s->g_rise));
    case OG_SIGMA_TABLE:
        return s->scale * table_at(s, g);
    case OG_SIGMA_NONE:
        break;
    }
    return 0;
}

// Outputs of one word line: I = (g+ - g-) V, Var I = (sigma(g+)^2 + sigma(g-)^2) V^2.
static void read_noise_has_its_law(void **state)
{
    (void)state;
    static double z[COLS * READS];
    for (size_t k = 0; k < 2 * sizeof laws / sizeof *laws; k++) {
        const struct og_sigma *law = &laws[k / 2];
        struct og_hardware hw = plain_hardware();
        hw.device.read = *law;
        hw.read_noise = k % 2 ? OG_NOISE_DEVICE : OG_NOISE_FAST;
        struct bench b = bench_open(hw, 1, COLS, READS, 1);
        b.w[0] = 1;
        bench_run(&b);
        const double g_min = hw.device.g_min, range = hw.device.g_max - g_min;
        for (size_t j = 0; j < COLS; j++) {
            const double w = (double)b.w[j];
            const double on = sigma_of(law, g_min + range * fabs(w), hw.device.g_max);
            const double off = sigma_of(law, g_min, hw.device.g_max);
            for (size_t r = 0; r < READS; r++) {
                const double x = (double)b.x[r], y = (double)b.y[r * COLS + j];
                z[r * COLS + j] =
                    (y - x * w) / (fabs(x) * sqrt(on * on + off * off) / range);
            }
        }
        assert_normal(z, COLS * READS, k % 2 ? "read noise of devices" : "read noise");
        bench_close(&b);
    }
}

// --- converters ------------------------------------------------------------------------

enum { ADCS = 3000 };

static struct og_hardware converters(int bits)
{
    struct og_hardware hw = plain_hardware();
    hw.adc.bits = bits;
    hw.adc.mode = OG_RANGE_FIXED;
    hw.adc.range = 2;
    hw.tile.columns_per_adc = 1;
    return hw;
}

// One word line, weights of 1, inputs from -most to most.
static struct bench staircase(struct og_hardware hw, size_t n, double most)
{
    struct bench b = bench_open(hw, 1, ADCS, n, 1);
    for (size_t j = 0; j < ADCS; j++) b.w[j] = 1;
    for (size_t r = 0; r < n; r++)
        b.x[r] = (float)(n == 1 ? most : most * (2 * (double)r / (double)(n - 1) - 1));
    bench_run(&b);
    return b;
}

static void gains_and_offsets_have_their_spread(void **state)
{
    (void)state;
    static double z[ADCS];
    for (int what = 0; what < 2; what++) {
        struct og_hardware hw = converters(16);
        if (what == 0) hw.adc.gain = 0.05;
        if (what == 1) hw.adc.offset = 700;
        struct bench b = staircase(hw, 1, what ? 0 : 0.8);
        const double lsb = og_array_info(b.array).lsb;
        for (size_t j = 0; j < ADCS; j++) {
            const double y = (double)b.y[j];
            z[j] = what ? y / lsb / 700 : (y / 0.8 - 1) / 0.05;
        }
        assert_normal(z, ADCS, what ? "adc.offset" : "adc.gain");
        bench_close(&b);
    }
}

// Noise of each conversion, in codes; of full scale it is noise times the largest code.
static void converter_noise_has_its_law(void **state)
{
    (void)state;
    static double z[ADCS];
    for (int what = 0; what < 2; what++) {
        struct og_hardware hw = converters(12);
        if (what == 0) hw.adc.noise = 50;
        if (what == 1) hw.adc.noise_full_scale = 50 / 2047.0;
        struct bench b = staircase(hw, 1, 0.3);
        const double lsb = og_array_info(b.array).lsb;
        for (size_t j = 0; j < ADCS; j++)
            z[j] = ((double)b.y[j] - 0.3) / lsb / sqrt(50 * 50 + 1 / 12.0);
        assert_normal(z, ADCS, what ? "adc.noise_full_scale" : "adc.noise");
        bench_close(&b);
    }
}

// Where the sign of the code changes, in parts of the reference, of each converter.
static void find_middles(const struct bench *b, double most, double *at)
{
    for (size_t j = 0; j < ADCS; j++) {
        size_t below = 0;
        for (size_t r = 0; r < b->n; r++) below += b->y[r * ADCS + j] < 0;
        at[j] = most * (2 * (double)below / (double)b->n - 1);
    }
}

// Of a SAR it is off by its comparator's offset, or by the difference of its largest
// capacitor, 2^(bits - 1) units, and all others: sigma / 2^(bits / 2) of the reference.
static void converters_have_the_errors_of_their_parts(void **state)
{
    (void)state;
    enum { INPUTS = 200 };
    static double middle[ADCS];
    for (int what = 0; what < 2; what++) {
        struct og_hardware hw = converters(6);
        const double sd = what ? 0.1 / 8 : 0.03, most = 5 * sd;
        hw.adc.kind = OG_ADC_SAR;
        hw.adc.rounding = OG_MID_RISE;
        if (what == 0) hw.adc.circuit.comparator = 0.03;
        if (what == 1) hw.adc.circuit.capacitor = 0.1;
        struct bench b = staircase(hw, INPUTS, most * hw.adc.range);
        find_middles(&b, most, middle);
        for (size_t j = 0; j < ADCS; j++) middle[j] /= sd;
        assert_normal(middle, ADCS, what ? "capacitors" : "comparators");
        bench_close(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(read_noise_has_its_law),
        cmocka_unit_test(gains_and_offsets_have_their_spread),
        cmocka_unit_test(converter_noise_has_its_law),
        cmocka_unit_test(converters_have_the_errors_of_their_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
