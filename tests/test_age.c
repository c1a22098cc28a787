// SPDX-License-Identifier: GPL-3.0-or-later
// What time does to devices, against the formulas it is stated by: distributions by
// Kolmogorov and Smirnov at 1 % for stated seeds, moments within 4 standard errors.
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics.h>
#include <math.h>

#include "array_helper.h"
#include "device/age.h"
#include "device/law.h"
#include "device/sigma.h"
#include "ohmgrid/config.h"

enum { N = 20 * OG_CELL_CHUNK };

static struct og_device plain(void)
{
    struct og_device d = plain_hardware().device;
    d.g_min = 0;
    d.g_max = 25e-6;
    return d;
}

static struct og_law number(double value)
{
    return (struct og_law){.offset = value, .max = 100, .scale = 1};
}

// g[N] of devices written to `target` of the range, read at t.
static void program(const struct og_device *d, float target, double t, float *g)
{
    const struct og_cells cells = {d, {.seed = 31, .trial = 2}, 4, 1, t, 0, NULL};
    float wanted[OG_CELL_CHUNK];
    for (size_t i = 0; i < OG_CELL_CHUNK; i++) wanted[i] = target;
    for (uint64_t first = 0; first < N; first += OG_CELL_CHUNK) {
        const struct og_cell_io io = {
            .first = first, .n = OG_CELL_CHUNK, .target = wanted, .g = g + first};
        og_cells_program(&cells, &io);
    }
}

static double kolmogorov(double *x, size_t n, double mean, double sd)
{
    double worst = 0;
    gsl_sort(x, 1, n);
    for (size_t i = 0; i < n; i++) {
        const double p = gsl_cdf_gaussian_P(x[i] - mean, sd);
        worst = fmax(worst, fmax(fabs(p - (double)i / n), fabs(p - (i + 1.0) / n)));
    }
    return worst * sqrt((double)n);
}

static void assert_normal(double *x, size_t n, double mean, double sd)
{
    const double m = gsl_stats_mean(x, 1, n), s = gsl_stats_sd(x, 1, n);
    assert_true(fabs(m - mean) <= 4 * sd / sqrt((double)n));
    assert_true(fabs(s - sd) <= 4 * sd / sqrt(2.0 * (double)n));
    assert_true(kolmogorov(x, n, mean, sd) < 1.63);
}

static float before[N], after[N];
static double value[N];

// The exponents of all devices, from their conductances at t_0 and at t.
static void exponents(const struct og_device *d, float target, double t)
{
    program(d, target, 0, before);
    program(d, target, t, after);
    const double age = log((t + d->drift.t_0) / d->drift.t_0);
    for (size_t i = 0; i < N; i++)
        value[i] = -log((double)after[i] / (double)before[i]) / age;
}

static void exponents_are_normal_and_fixed(void **state)
{
    (void)state;
    struct og_device d = plain();
    static double first[N];
    d.drift.nu = number(0.0623);
    d.drift.spread = number(0.0117);
    exponents(&d, 0.7f, 3600);
    memcpy(first, value, sizeof first);
    assert_normal(value, N, 0.0623, 0.0117);
    exponents(&d, 0.7f, 3e7);
    for (size_t i = 0; i < N; i++) assert_true(fabs(value[i] - first[i]) < 1e-5);
}

// A wide spread would make conductances rise: the source takes |nu|.
static void exponents_are_never_negative(void **state)
{
    (void)state;
    struct og_device d = plain();
    d.drift.spread = number(0.05);
    exponents(&d, 0.4f, 1e4);
    for (size_t i = 0; i < N; i++) assert_true(value[i] >= 0);
    // The mean of |N(0, s)| is s sqrt(2 / pi), its variance s^2 (1 - 2 / pi).
    const double mean = 0.05 * sqrt(2 / M_PI), sd = 0.05 * sqrt(1 - 2 / M_PI);
    assert_true(fabs(gsl_stats_mean(value, 1, N) - mean) < 4 * sd / sqrt((double)N));
}

static void laws_are_clipped_and_joined(void **state)
{
    (void)state;
    const struct og_law l = {.offset = 0.02,
                             .slope = -0.03,
                             .min = 0.05,
                             .max = 0.09,
                             .above = 0.5,
                             .coefficients = {2, {0.2, -0.3}},
                             .scale = 2};
    const float g[] = {0, 1e-6f, 4e-6f, 12e-6f, 13e-6f, 20e-6f};  // of 25 uS
    const double want[] = {0.09, 0.09, 0.02 - 0.03 * log(0.16), 0.05, 0.2 - 0.156, 0};
    float got[6];
    og_law_fill(&l, 25e-6, g, got, 6);
    for (int i = 0; i < 6; i++) assert_true(fabs((double)got[i] - 2 * want[i]) < 1e-7);
    const struct og_law power = {
        .factor = 0.0088, .exponent = -0.65, .max = 0.2, .scale = 1};
    og_law_fill(&power, 25e-6, g, got, 6);
    assert_true(fabs((double)got[4] - 0.0088 * pow(0.52, -0.65)) < 1e-8);
    assert_true(fabs((double)got[0] - 0.2) < 1e-7);
}

// aihwkit's formulas written again (inference/noise/pcm.py), at three conductances.
static void pcm_is_that_of_its_source(void **state)
{
    (void)state;
    struct og_device d;
    assert_int_equal(og_device_read(&d, "pcm_joshi", NULL, NULL), OG_OK);
    const struct og_law q = d.flicker.q;
    d.flicker.q = plain().flicker.q;
    d.program = plain().program;
    const float target[] = {1, 0.35f, 0.012f};
    for (int k = 0; k < 3; k++) {
        const double x = (double)target[k], l = log(x);
        const double nu = fmin(fmax(-0.0155 * l + 0.0244, 0.049), 0.1);
        const double sd = fmin(fmax(-0.0125 * l - 0.0059, 0.008), 0.045);
        exponents(&d, target[k], 86400);
        // |nu| counts where the spread is wide: moments of the folded normal.
        const double a = nu / sd, p = gsl_cdf_ugaussian_P(-a);
        const double mean = sd * sqrt(2 / M_PI) * exp(-a * a / 2) + nu * (1 - 2 * p);
        assert_true(fabs(gsl_stats_mean(value, 1, N) - mean) < 4 * sd / sqrt((double)N));
    }
    d.drift = plain().drift;
    d.flicker.q = q;
    const double t[] = {0, 86400, 3.15e7};
    for (int k = 0; k < 3; k++) {
        program(&d, 0.5f, t[k], after);
        for (size_t i = 0; i < N; i++) value[i] = (double)after[i] / 12.5e-6;
        const double rel =
            0.0088 * pow(0.5, -0.65) * sqrt(log((t[k] + 20 + 250e-9) / 500e-9));
        assert_normal(value, N, 1, rel);
    }
}

static double clipped(double value, double low, double high)
{
    return fmin(fmax(value, low), high);
}

// aihwkit's formulas written again (inference/noise/hermes.py), over the whole range.
static void hermes_is_that_of_its_source(void **state)
{
    (void)state;
    for (int devices = 1; devices <= 2; devices++) {
        const bool one = devices == 1;
        struct og_device d;
        const char *name = one ? "pcm_hermes_1" : "pcm_hermes_2";
        assert_int_equal(og_device_read(&d, name, NULL, NULL), OG_OK);
        assert_true(d.drift.t_0 == (one ? 200 : 300) && d.flicker.t_read == 512e-9);
        for (int k = 1; k <= 100; k++) {
            const double x = k / 100.0 - 0.001, l = log(x), x2 = x * x;
            const float g = (float)(x * d.g_max);
            const double nu = x < 0.0945 ? clipped(-0.0387 * l - 0.0182, 0.072, 0.13)
                                         : -0.0436 * x2 - 0.0126 * x + 0.0736;
            const double sd_1 = x < 0.3039 ? clipped(-0.0120 * l - 0.0023, 0.0124, 0.04)
                                           : -0.0165 * x2 + 0.0116 * x + 0.0104;
            const double sd_2 = x < 0.3055 ? clipped(-0.0117 * l - 0.0057, 0.0091, 0.04)
                                           : -0.0118 * x2 + 0.0093 * x + 0.0073;
            const double q_1 = x < 0.1591
                                   ? clipped(-0.0078 * l + 0.0038, 0.0179, 0.04)
                                   : 0.0664 * x2 * x - 0.1352 * x2 + 0.0768 * x + 0.0088;
            const double q_2 = x < 0.16
                                   ? clipped(-0.0117 * l - 0.0069, 0.015, 0.04)
                                   : 0.0069 * x2 * x - 0.0280 * x2 + 0.0211 * x + 0.0123;
            const struct og_law *const law[] = {&d.drift.nu, &d.drift.spread,
                                                &d.flicker.q};
            const double want[] = {nu, one ? sd_1 : sd_2, one ? q_1 : q_2};
            for (int i = 0; i < 3; i++) {
                float got;
                og_law_fill(law[i], d.g_max, &g, &got, 1);
                assert_true(fabs((double)got - want[i]) < 1e-6);
            }
        }
    }
}

static void switched_off_and_stuck_devices_stay(void **state)
{
    (void)state;
    struct og_device d = plain();
    d.drift.nu = number(0.1);
    d.flicker.q = number(0.01);
    d.g_off = 1e-9;
    d.faults.p_lrs = 0.3;
    float target[64], g[64];
    uint8_t off[64];
    for (int i = 0; i < 64; i++) target[i] = 0.5f, off[i] = i % 2;
    const struct og_cells cells = {&d, {.seed = 31}, 4, 1, 1e5, 0, NULL};
    const struct og_cell_io io = {.n = 64, .target = target, .off = off, .g = g};
    og_cells_program(&cells, &io);
    int stuck = 0;
    for (int i = 0; i < 64; i++) {
        if (g[i] == 25e-6f) stuck++;
        if (g[i] == 25e-6f) continue;
        assert_true(off[i] ? g[i] == 1e-9f : g[i] < 0.6f * 12.5e-6f);
    }
    assert_true(stuck > 5 && stuck < 40);
}

// With all draws fixed, a device follows its target as `slope` says.
static void slopes_are_those_of_finite_differences(void **state)
{
    (void)state;
    struct og_device d = plain();
    d.program = (struct og_sigma){OG_SIGMA_PROPORTIONAL, .fraction = 0.08, .scale = 1};
    d.drift.nu = number(0.06);
    d.drift.spread = number(0.01);
    d.flicker.q = number(0.009);
    d.disturb.reads = 1e6;
    d.disturb.g_end = 3e-6;
    const struct og_cells cells = {&d, {.seed = 3}, 4, 1, 1e5, 4e5, NULL};
    float t[2][32], g[2][32], slope[32];
    for (int i = 0; i < 32; i++) t[0][i] = 0.5f, t[1][i] = 0.6f;
    for (int k = 0; k < 2; k++) {
        const struct og_cell_io io = {
            .n = 32, .target = t[k], .g = g[k], .slope = k ? NULL : slope};
        og_cells_program(&cells, &io);
    }
    for (int i = 0; i < 32; i++) {
        const double rise = (double)(g[1][i] - g[0][i]) / 2.5e-6;
        assert_true(fabs(1 + (double)slope[i] - rise) < 1e-4);
    }
}

// Wan et al. (2022) after a day, as aihwkit has it; right at t_0 the error of `program`.
static void retention_tables_hold_at_their_times(void **state)
{
    (void)state;
    struct og_device d;
    assert_int_equal(og_device_read(&d, "rram_wan2022", NULL, NULL), OG_OK);
    assert_int_equal(og_retention_at(&d, 86400), 0);
    assert_int_equal(og_retention_at(&d, 172800), 1);
    assert_int_equal(og_retention_at(&d, 90000), -1);
    const double x = 0.75, day[] = {0.701, 22.086, -50.773, 47.095, -16.458},
                 two[] = {0.782, 20.274, -43.507, 37.062, -11.934},
                 second[] = {0.348, 16.030, -43.853, 45.393, -16.815};
    const double *const c[] = {second, day, two};
    const double t[] = {0, 86400, 172800};
    for (int k = 0; k < 3; k++) {
        double sigma = 0;
        for (int i = 0; i < 5; i++) sigma += c[k][i] * pow(x, i);
        program(&d, 0.75f, t[k], after);
        for (size_t i = 0; i < N; i++) value[i] = (double)after[i] * 1e6;
        assert_normal(value, N, 30, sigma);
    }
    // A mean, the slope by finite differences, and the clip.
    d.retention.mean = (struct og_list){4, {1e-6, -4e-6, 0, 0}};
    d.retention.sigma = (struct og_list){4, {1e-6, 2e-6, 0, 0}};
    const struct og_cells cells = {&d, {.seed = 3}, 4, 1, 86400, 0, NULL};
    float target[2][64], g[2][64], slope[64];
    for (int i = 0; i < 64; i++) target[0][i] = 0.5f, target[1][i] = 0.55f;
    for (int k = 0; k < 2; k++) {
        const struct og_cell_io io = {
            .n = 64, .target = target[k], .g = g[k], .slope = k ? NULL : slope};
        og_cells_program(&cells, &io);
    }
    for (int i = 0; i < 64; i++) {
        value[i] = (double)g[0][i] * 1e6;
        assert_true(fabs((double)(g[1][i] - g[0][i]) / 2e-6 - 1 - (double)slope[i]) <
                    2e-4);
    }
    assert_normal(value, 64, 19, 2);
    program(&d, 0.01f, 86400, after);
    for (size_t i = 0; i < N; i++) assert_true(after[i] >= 0);
}

// CrossSim's SONOS model written again: currents in nA at v_read.
static void sonos_is_that_of_its_source(void **state)
{
    (void)state;
    static const double drift[11] = {
        3.19927e-01,  1.06596e-01, -1.04054e-03, 4.50290e-06,  -1.10352e-08, 1.56477e-11,
        -1.27592e-14, 5.45513e-18, -7.26841e-22, -2.43893e-25, 7.14608e-29};
    struct og_device d;
    assert_int_equal(og_device_read(&d, "sonos", NULL, NULL), OG_OK);
    assert_int_equal(og_retention_at(&d, 432000), 4);
    const float target[] = {0.03f, 0.2f, 0.9f};
    for (int k = 0; k < 3; k++) {
        const double I = (double)target[k] * d.g_max * d.v_read * 1e9;
        double mean = 0;
        for (int i = 10; i >= 0; i--) mean = mean * I + drift[i];
        const double sigma[] = {19.88665 * (1 - exp(-I / 176.3115)),
                                34.57909 * (1 - exp(-I / 207.34309))};
        for (int day = 0; day < 2; day++) {
            program(&d, target[k], day ? 432000 : 0, after);
            double beyond = 0;
            for (size_t i = 0; i < N; i++) {
                value[i] = (double)after[i] * d.v_read * 1e9;
                beyond += value[i] == 0;
            }
            if (beyond > 0) continue;  // clipped at 0: no normal law
            assert_normal(value, N, I + (day ? mean : 0), sigma[day]);
        }
    }
    float g[] = {0, 1e-6f, 9e-6f}, sigma[3], slope[3],
          more[] = {1e-9f, 1.001e-6f, 9.001e-6f};
    float there[3];
    og_sigma_fill(&d.read, d.g_max, g, sigma, 3);
    og_sigma_fill(&d.read, d.g_max, more, there, 3);
    og_sigma_slope(&d.read, d.g_max, g, slope, 3);
    for (int i = 0; i < 3; i++) {
        const double I = (double)g[i] * d.v_read * 1e9;
        const double want = 12.58037 * (1 - exp(-I / 215.36557));
        assert_true(fabs((double)sigma[i] * d.v_read * 1e9 - want) < 1e-4);
        assert_true(fabs((double)((there[i] - sigma[i]) / (more[i] - g[i]) - slope[i])) <
                    2e-3);
    }
}

static void reads_disturb(void **state)
{
    (void)state;
    struct og_device d = plain();
    d.disturb.reads = 1e8;
    d.disturb.beta = 0.5;
    d.disturb.g_end = 5e-6;
    const float target = 0.8f;  // 20 uS
    for (int k = 0; k < 3; k++) {
        const double n = k == 0 ? 0 : k == 1 ? 1e6 : 1e8;
        const struct og_cells cells = {&d, {.seed = 3}, 4, 1, 0, n, NULL};
        float g;
        const struct og_cell_io io = {.n = 1, .target = &target, .g = &g};
        og_cells_program(&cells, &io);
        const double want = 5 + 15 * exp(-sqrt(n / 1e8));
        assert_true(fabs((double)g * 1e6 - want) < 1e-5);
    }
    assert_false(og_age_is_on(&d, 0, 0));
}

static void nothing_happens_at_t_0_but_noise(void **state)
{
    (void)state;
    struct og_device d = plain();
    program(&d, 0.37f, 0, before);
    d.drift.nu = number(0.06);
    d.drift.spread = number(0.01);
    program(&d, 0.37f, 0, after);
    assert_memory_equal(before, after, sizeof before);
    assert_true(og_age_is_on(&d, 1, 0) && !og_age_is_on(&d, 0, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exponents_are_normal_and_fixed),
        cmocka_unit_test(exponents_are_never_negative),
        cmocka_unit_test(laws_are_clipped_and_joined),
        cmocka_unit_test(pcm_is_that_of_its_source),
        cmocka_unit_test(hermes_is_that_of_its_source),
        cmocka_unit_test(switched_off_and_stuck_devices_stay),
        cmocka_unit_test(slopes_are_those_of_finite_differences),
        cmocka_unit_test(retention_tables_hold_at_their_times),
        cmocka_unit_test(sonos_is_that_of_its_source),
        cmocka_unit_test(reads_disturb),
        cmocka_unit_test(nothing_happens_at_t_0_but_noise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
