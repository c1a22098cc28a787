// SPDX-License-Identifier: GPL-3.0-or-later
// Errors of every device of the library, and of what mismatch and faults do, against
// their published formulas: Kolmogorov and Smirnov, and chi-square, at 0.1 % for a stated
// seed.
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics.h>
#include <math.h>

#include "array_helper.h"
#include "device/cells.h"
#include "ohmgrid/config.h"

enum { N = 8 * OG_CELL_CHUNK };
static const double KOLMOGOROV = 1.95;  // 0.1 %

static double value[N];

// value[N] [S] of devices written to `target` of the range, t after t_0.
static void program(const struct og_device *d, float target, double t)
{
    const struct og_cells cells = {d, {.seed = 17, .trial = 1}, 2, 3, t, 0, NULL};
    float wanted[OG_CELL_CHUNK], g[OG_CELL_CHUNK];
    for (size_t i = 0; i < OG_CELL_CHUNK; i++) wanted[i] = target;
    for (uint64_t first = 0; first < N; first += OG_CELL_CHUNK) {
        const struct og_cell_io io = {
            .first = first, .n = OG_CELL_CHUNK, .target = wanted, .g = g};
        og_cells_program(&cells, &io);
        for (size_t i = 0; i < OG_CELL_CHUNK; i++) value[first + i] = (double)g[i];
    }
}

// Of value[], where `cut` says what is clipped at either end.
static double kolmogorov(double mean, double sd, double low, double high)
{
    double worst = 0;
    gsl_sort(value, 1, N);
    for (size_t i = 0; i < N; i++) {
        if (value[i] <= low || value[i] >= high) continue;
        const double p = gsl_cdf_gaussian_P(value[i] - mean, sd);
        worst = fmax(worst, fmax(fabs(p - i / (double)N), fabs(p - (i + 1) / (double)N)));
    }
    return worst * sqrt(N);
}

// The law as hardware.h states it, written again.
static double sigma_of(const struct og_sigma *s, double g_max, double g)
{
    double sum = 0, x = g / (s->g_ref > 0 ? s->g_ref : g_max);
    if (s->kind == OG_SIGMA_CONSTANT) return s->sigma;
    if (s->kind == OG_SIGMA_PROPORTIONAL) return s->fraction * g;
    if (s->kind == OG_SIGMA_SATURATING) return s->limit * (1 - exp(-g / s->g_rise));
    for (int k = 0; k < s->coefficients.n; k++) sum += s->coefficients.v[k] * pow(x, k);
    return sum;
}

static void every_device_errs_as_its_file_says(void **state)
{
    (void)state;
    size_t n;
    int seen = 0;
    char **names = og_device_names(&n);
    for (size_t i = 0; i < n; i++) {
        struct og_device d;
        assert_int_equal(og_device_read(&d, names[i], NULL, NULL), OG_OK);
        free(names[i]);
        if (d.program.kind == OG_SIGMA_NONE) continue;
        d.flicker.q.scale = 0;  // test_age.c has it
        seen++;
        for (int k = 1; k < 10; k += 4) {
            const float x = 0.1f * (float)k;
            const double g = d.g_min + (double)x * (d.g_max - d.g_min);
            const bool range = d.clip == OG_CLIP_RANGE;
            program(&d, x, 0);
            const double d_max =
                kolmogorov(g, sigma_of(&d.program, d.g_max, g), range ? d.g_min : 0,
                           range ? d.g_max : INFINITY);
            if (!(d_max < KOLMOGOROV)) fail_msg("%s at %g: %g", d.name, (double)x, d_max);
        }
    }
    free(names);
    assert_true(seen >= 8);
}

// aihwkit's formulas of the CMO/HfOx model written again, a day after programming.
static void cmo_relaxes_as_in_its_source(void **state)
{
    (void)state;
    struct og_device d;
    assert_int_equal(og_device_read(&d, "rram_cmo_hfox", NULL, NULL), OG_OK);
    const double t = 86400, root = sqrt(log((t + 1e-6) / 2e-6));
    for (int k = 1; k < 8; k += 3) {
        const float x = 0.1f * (float)k;
        const double g = 9 + (double)x * 79.2;
        const double relaxed = 0.04201137 * log(t) + 0.41183342;
        const double written = 0.00106879 * g + 0.00081107;
        const double read = 0.0277316483 * log10(g) * root;
        program(&d, x, t);
        for (size_t i = 0; i < N; i++) value[i] *= 1e6;
        const double mean = g - 0.08900206 * log(t);
        const double sd = sqrt(relaxed * relaxed + written * written + read * read);
        assert_true(fabs(gsl_stats_mean(value, 1, N) - mean) < 4 * sd / sqrt(N));
        assert_true(fabs(gsl_stats_sd(value, 1, N) / sd - 1) < 4 / sqrt(2.0 * N) + 0.006);
    }
    program(&d, 0.5f, 0);  // no 1/f noise yet
    assert_true(gsl_stats_sd(value, 1, N) < 0.06e-6);
}

static void mismatch_has_its_law(void **state)
{
    (void)state;
    for (int lognormal = 0; lognormal < 2; lognormal++) {
        struct og_device d = plain_hardware().device;
        d.d2d.law = lognormal ? OG_LOGNORMAL : OG_NORMAL;
        d.d2d.g_max = 0.12;
        program(&d, 1, 0);
        for (size_t i = 0; lognormal && i < N; i++) value[i] = log(value[i] / d.g_max);
        const double d_max = lognormal ? kolmogorov(0, 0.12, -INFINITY, INFINITY)
                                       : kolmogorov(10e-6, 1.2e-6, d.g_min, INFINITY);
        assert_true(d_max < KOLMOGOROV);
    }
}

static void faults_have_their_frequencies(void **state)
{
    (void)state;
    struct og_device d = plain_hardware().device;
    d.faults.p_lrs = 0.05;
    d.faults.p_hrs = 0.1;
    d.faults.p_open = 0.02;
    d.faults.p_short = 0.01;
    const double p[] = {0.82, 0.1, 0.05, 0.02, 0.01};  // enum og_fault
    const struct og_cells cells = {&d, {.seed = 17}, 2, 3, 0, 0, NULL};
    uint8_t fault[N];
    double count[OG_FAULT_CODES] = {0}, chi = 0;
    og_cells_faults(&cells, 0, OG_CELL_CHUNK, fault);
    for (uint64_t first = 0; first < N; first += OG_CELL_CHUNK)
        og_cells_faults(&cells, first, OG_CELL_CHUNK, fault + first);
    for (size_t i = 0; i < N; i++) count[fault[i]]++;
    for (int k = 0; k < OG_FAULT_CODES; k++)
        chi += (count[k] - N * p[k]) * (count[k] - N * p[k]) / (N * p[k]);
    assert_true(gsl_cdf_chisq_Q(chi, OG_FAULT_CODES - 1) > 1e-3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_device_errs_as_its_file_says),
        cmocka_unit_test(cmo_relaxes_as_in_its_source),
        cmocka_unit_test(mismatch_has_its_law),
        cmocka_unit_test(faults_have_their_frequencies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
