// SPDX-License-Identifier: GPL-3.0-or-later
// Laws of pulses against their equations in double, spreads against their formulas, and
// the curves of the devices that come with ohmgrid.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <gsl/gsl_cdf.h>
#include <hdf5.h>

#include "kolmogorov.h"
#include "ohmgrid/config.h"
#include "ohmgrid/pulsed.h"
#include "ohmgrid/results.h"

static struct og_device read_device(const char *name, bool exact)
{
    struct og_device d;
    struct og_error err = {0};
    if (og_device_read(&d, name, NULL, &err) != OG_OK) fail_msg("%s", err.text);
    if (!exact) return d;
    d.pulse.c2c = d.pulse.d2d = d.pulse.asymmetry_d2d = d.pulse.gamma_d2d = 0;
    d.pulse.write_noise = d.d2d.g_min = d.d2d.g_max = d.pulse.reference_d2d = 0;
    return d;
}

static struct og_pulse_curves simulate(const struct og_device *d, int up, int down,
                                       size_t devices)
{
    const struct og_pulse_train train = {up, down, 1, devices, 5};
    struct og_pulse_curves c;
    struct og_error err = {0};
    if (og_pulses_simulate(d, &train, &c, &err) != OG_OK) fail_msg("%s", err.text);
    return c;
}

// Steps in units of the source's weight, as aihwkit's equations have them.
static double exp_step(double w, bool up, const struct og_device *d, double w_range)
{
    const double z = 2 * d->pulse.a * w / w_range + d->pulse.b;
    const double e = up ? d->pulse.A_up * exp(d->pulse.gamma_up * z)
                        : d->pulse.A_down * exp(-d->pulse.gamma_down * z);
    return fmax(1 - e, 0);
}

static double source_step(const struct og_device *d, double w, bool up, double dw,
                          const double w_max, const double w_min)
{
    const double bias = d->pulse.asymmetry;
    const double s = up ? 1 + fmin(bias, 0) : 1 - fmax(bias, 0), sign = up ? 1 : -1;
    double f = 1;
    if (d->pulse.law == OG_PULSE_LINEAR)
        f = up ? 1 - d->pulse.gamma_up * w / w_max : 1 - d->pulse.gamma_down * w / w_min;
    if (d->pulse.law == OG_PULSE_SOFT_BOUNDS) f = up ? 1 - w / w_max : 1 - w / w_min;
    if (d->pulse.law == OG_PULSE_EXP_STEP) f = exp_step(w, up, d, w_max - w_min);
    return sign * s * dw * f;
}

static const struct preset {
    const char *name;
    double dw, w_max, w_min, unit;  // unit: S of a weight of 1
} presets[] = {
    {"reram_es", 0.00135, 1, -1, 25e-6},
    {"reram_sb", 0.002, 1.25, -0.75, 25e-6},
    {"capacitor", 0.005, 1, -1, 25e-6},
    {"ecram", 0.002, 1.1724, -0.8276, 25e-6},
    {"ecram_mo", 2.8214e-4, 1.1714, -0.8286, 25e-6},
    {"idealized", 0.0002, 1, -1, 25e-6},
    {"gokmen_vlasov", 0.0016, 1, -1, 25e-6},
    {"pcm_pulsed", 0.01, 2, 0, 12.5e-6},
    {"reram_array_om", 0.0949, 1, -1, 25e-6},
    {"reram_array_hfo2", 0.4622, 1, -1, 25e-6},
};
enum { PRESETS = sizeof presets / sizeof *presets };

static void curves_are_those_of_the_source(void **state)
{
    (void)state;
    enum { UP = 700, DOWN = 600 };
    for (int k = 0; k < PRESETS; k++) {
        const struct preset *p = &presets[k];
        const struct og_device d = read_device(p->name, true);
        struct og_pulse_curves c = simulate(&d, UP, DOWN, 2);
        double w = p->w_min;
        assert_int_equal(c.points, UP + DOWN + 1);
        for (int n = 0; n < UP + DOWN; n++) {
            w += source_step(&d, w, n < UP, p->dw, p->w_max, p->w_min);
            w = fmin(fmax(w, p->w_min), p->w_max);
            const double got = (double)c.g[n + 1] - d.g_min;
            if (!(fabs(got / p->unit + p->w_min - w) < 2e-4))
                fail_msg("%s, pulse %d: %g, not %g", p->name, n, got / p->unit + p->w_min,
                         w);
        }
        assert_true(c.mean[UP] > c.mean[0] && c.mean[UP + DOWN] < c.mean[UP]);
        og_pulse_curves_free(&c);
    }
}

static double mean_of(const struct og_pulse_curves *c, int point)
{
    double sum = 0;
    for (size_t i = 0; i < c->devices; i++) sum += (double)c->g[i * c->points + point];
    return sum / (double)c->devices;
}

static double variance_of(const struct og_pulse_curves *c, int point)
{
    const double mean = mean_of(c, point);
    double sum = 0;
    for (size_t i = 0; i < c->devices; i++) {
        const double off = (double)c->g[i * c->points + point] - mean;
        sum += off * off;
    }
    return sum / (double)c->devices;
}

// One pulse of a device in the middle of a wide range.
static void spreads_add_up(void **state)
{
    (void)state;
    enum { N = 20000 };
    static const struct {
        double c2c, d2d, lean, add, slope, noise;
        bool additive;
    } cases[] = {
        {0.3, 0, 0, 0, 0, 0, false},          {0, 0.2, 0, 0, 0, 0, false},
        {0, 0, 0.15, 0, 0, 0, false},         {0.3, 0, 0, 0, 0, 0, true},
        {0.1, 0, 0, 0.5e-6, 0.1, 0, false},   {0, 0, 0, 0, 0, 0.4e-6, false},
        {0.2, 0.1, 0.1, 0, 0, 0.1e-6, false},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        struct og_device d = read_device("capacitor", true);
        d.pulse.up = d.pulse.down = 1e-6;
        d.pulse.gamma_up = 0.5;
        d.pulse.c2c = cases[k].c2c;
        d.pulse.d2d = cases[k].d2d;
        d.pulse.asymmetry_d2d = cases[k].lean;
        d.pulse.c2c_add = cases[k].add;
        d.pulse.c2c_slope = cases[k].slope;
        d.pulse.write_noise = cases[k].noise;
        d.pulse.additive = cases[k].additive;
        struct og_pulse_curves c = simulate(&d, 1, 0, N);
        // At g_min, 25 uS below g_zero, a step is 1.5 uS: 3 sigma from the limit.
        const double step = 1.5e-6, base = cases[k].additive ? 1e-6 : step;
        const double own = cases[k].d2d * cases[k].d2d + cases[k].lean * cases[k].lean;
        const double size = base + cases[k].add + cases[k].slope * 25e-6;
        double want =
            step * step * own + pow(cases[k].c2c * size, 2) + pow(cases[k].noise, 2);
        if (own > 0 && cases[k].c2c > 0) want += pow(cases[k].c2c * step, 2) * own;
        assert_true(fabs(mean_of(&c, 1) - 26.5e-6) < 5 * sqrt(want / N));
        assert_true(fabs(variance_of(&c, 1) / want - 1) < 4.5 * sqrt(2.0 / N));
        og_pulse_curves_free(&c);
    }
}

// What one direction has more the other has less: opposite slopes, device by device.
static void asymmetry_leans_both_ways(void **state)
{
    (void)state;
    enum { N = 4000 };
    struct og_device d = read_device("gokmen_vlasov", true);
    d.pulse.asymmetry_d2d = 0.1;
    d.pulse.up = d.pulse.down = 1e-6;
    struct og_pulse_curves c = simulate(&d, 10, 1, N);
    for (size_t i = 0; i < N; i++) {
        const float *g = c.g + i * c.points;
        const double up = (double)(g[10] - g[0]) / 10, down = (double)(g[10] - g[11]);
        assert_true(fabs(up + down - 2e-6) < 3e-11);
    }
    assert_true(fabs(sqrt(variance_of(&c, 10)) / 1e-6 - 1) < 4 / sqrt(2.0 * N));
    og_pulse_curves_free(&c);
}

// Write noise is read, and not gone on from: the variance is that of one pulse.
static void write_noise_does_not_add_up(void **state)
{
    (void)state;
    struct og_device d = read_device("capacitor", true);
    d.pulse.write_noise = 0.5e-6;
    struct og_pulse_curves c = simulate(&d, 100, 0, 20000);
    assert_true(fabs(sqrt(variance_of(&c, 100)) / 0.5e-6 - 1) < 4 / sqrt(40000.0));
    assert_true(c.low[100] < c.mean[100] && c.mean[100] < c.high[100]);
    assert_true(fabs((c.high[100] - c.low[100]) / (2 * 1.645 * 0.5e-6) - 1) < 0.03);
    og_pulse_curves_free(&c);
}

// Devices have their own limits, and the numbers do not depend on how many there are.
static void devices_differ_and_stay(void **state)
{
    (void)state;
    const struct og_device d = read_device("reram_sb", false);
    struct og_pulse_curves few = simulate(&d, 30, 30, 20),
                           many = simulate(&d, 30, 30, 1500);
    assert_memory_equal(few.g, many.g, 20 * few.points * sizeof(float));
    assert_true(fabs(sqrt(variance_of(&many, 0)) / (0.24 * 31.25e-6) - 1) < 0.1);
    og_pulse_curves_free(&few);
    og_pulse_curves_free(&many);
}

// --- devices beside references ---------------------------------------------------------

// Of |1 - 0.5695 xi|, the lower limits of reram_array_om as weights.
static double folded(double w)
{
    return gsl_cdf_ugaussian_P((w - 1) / 0.5695) - gsl_cdf_ugaussian_P((-w - 1) / 0.5695);
}

static double first_of(const struct og_pulse_curves *c, size_t device, size_t point)
{
    return (double)c->g[device * c->points + point];
}

// What spreads, one at a time: limits, mirrored at g_zero; pulses, lognormal; references.
static void spreads_of_arrays_have_their_laws(void **state)
{
    (void)state;
    enum { N = 5000 };
    static double x[N];
    const struct og_device full = read_device("reram_array_om", false);
    for (int what = 0; what < 3; what++) {
        struct og_device d = read_device("reram_array_om", true);
        d.pulse.reference = OG_REFERENCE_NONE;
        if (what == 0) d.d2d.g_min = full.d2d.g_min;
        if (what == 1) d.pulse.d2d = full.pulse.d2d;
        d.pulse.up = 0.2e-6;  // none reaches the other end
        if (what == 2) d.pulse.reference_d2d = full.pulse.reference_d2d;
        struct og_pulse_curves c = simulate(&d, 1, 0, N);
        for (size_t i = 0; i < N; i++) {
            const double lo = first_of(&c, i, 0), step = first_of(&c, i, 1) - lo;
            if (what == 0) x[i] = (100e-6 - lo) / 25e-6;
            // From the lower end a pulse is twice that at g_zero.
            if (what == 1) x[i] = log(step / (2 * d.pulse.up)) / 0.7829;
            if (what == 2) x[i] = (75e-6 - lo) / 1.25e-6;
        }
        assert_law(x, N, what == 0 ? folded : gsl_cdf_ugaussian_P);
        og_pulse_curves_free(&c);
    }
}

// Steps towards an end are in proportion to what is left: from three points of a device
// follow its end and the part that a pulse takes. With its reference at the symmetry
// point pulses up and down are alike at g_zero, and are not without it.
static void references_are_at_the_symmetry_point(void **state)
{
    (void)state;
    enum { N = 300 };
    for (int with = 0; with < 2; with++) {
        struct og_device d = read_device("reram_array_om", false);
        d.pulse.c2c = d.pulse.write_noise = d.pulse.reference_d2d = 0;
        d.pulse.up = d.pulse.down = 0.1e-6;
        d.pulse.asymmetry_d2d = 0.1;
        d.pulse.d2d = 0.2;
        if (!with) d.pulse.reference = OG_REFERENCE_NONE;
        struct og_pulse_curves c = simulate(&d, 400, 20, N);
        double worst = 0;
        for (size_t i = 0; i < N; i++) {
            double step[2];
            for (int down = 0; down < 2; down++) {
                const size_t at = down ? 400 : 0;
                const double g0 = first_of(&c, i, at), g1 = first_of(&c, i, at + 10),
                             g2 = first_of(&c, i, at + 20);
                const double kept = pow((g2 - g1) / (g1 - g0), 0.1),
                             end = g0 + (g1 - g0) / (1 - pow(kept, 10));
                step[down] = (end - 100e-6) * (1 - kept);
            }
            worst = fmax(worst, fabs(step[0] + step[1]) / step[0]);
        }
        assert_true(with ? worst < 0.02 : worst > 0.2);
        og_pulse_curves_free(&c);
    }
}

static void files_hold_the_curves(void **state)
{
    (void)state;
    const struct og_device d = read_device("reram_es", false);
    const struct og_pulse_train train = {20, 10, 2, 7, 5};
    struct og_pulse_curves c;
    struct og_error err = {0};
    const char *path = "test_pulsed.h5", *figure = "test_pulsed.svg";
    assert_int_equal(og_pulses_simulate(&d, &train, &c, &err), OG_OK);
    assert_int_equal(c.points, 61);
    assert_int_equal(og_pulse_curves_write(path, &d, &train, &c, "test", &err), OG_OK);
    const hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    const hid_t set = H5Dopen2(file, "simulation/conductance", H5P_DEFAULT);
    static float g[7 * 61];
    assert_true(H5Dread(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, g) >= 0);
    assert_memory_equal(g, c.g, sizeof g);
    H5Dclose(set);
    H5Fclose(file);
    const struct og_plot plot = {0};
    if (og_result_plot(path, figure, &plot, &err) != OG_OK) fail_msg("%s", err.text);
    assert_int_equal(unlink(figure), 0);
    const struct og_plot x = {.x = "time"};
    assert_int_equal(og_result_plot(path, figure, &x, &err), OG_USAGE);
    assert_int_equal(unlink(path), 0);
    og_pulse_curves_free(&c);
}

static void what_does_nothing_is_refused(void **state)
{
    (void)state;
    struct og_device d = read_device("pcm_joshi", false);
    const struct og_pulse_train train = {10, 10, 1, 5, 1}, none = {0, 0, 1, 5, 1};
    struct og_pulse_curves c;
    struct og_error err = {0};
    assert_int_equal(og_pulses_simulate(&d, &train, &c, &err), OG_INPUT);
    assert_string_equal(err.text, "pcm_joshi: pulse.up is 0: pulses up do nothing");
    assert_int_equal(og_pulses_simulate(&d, &none, &c, &err), OG_INPUT);
    og_pulse_curves_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(curves_are_those_of_the_source),
        cmocka_unit_test(spreads_add_up),
        cmocka_unit_test(asymmetry_leans_both_ways),
        cmocka_unit_test(write_noise_does_not_add_up),
        cmocka_unit_test(devices_differ_and_stay),
        cmocka_unit_test(spreads_of_arrays_have_their_laws),
        cmocka_unit_test(references_are_at_the_symmetry_point),
        cmocka_unit_test(files_hold_the_curves),
        cmocka_unit_test(what_does_nothing_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
