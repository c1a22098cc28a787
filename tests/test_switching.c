// SPDX-License-Identifier: GPL-3.0-or-later
// Switching devices: every file against what all memristors share, each model against
// values of its published equations and against closed forms, and the integrator's error.
#include <math.h>
#include <string.h>

#include "switching_tools.h"

// --- every file ----------------------------------------------------------------------

// In units of the largest product: what the loops enclose, positive for a memristor that
// is driven back and forth.
static double enclosed(const struct og_hysteresis *y)
{
    double area = 0, peak = 0;
    for (size_t i = 1; i < y->n; i++) {
        area += 0.5 * fabs(y->current[i] - y->current[i - 1]) * fabs(y->voltage[i]);
        peak = fmax(peak, fabs(y->current[i] * y->voltage[i]));
    }
    return area / peak;
}

static void is_pinched_and_bounded(const struct og_switching *d,
                                   const struct og_hysteresis *y)
{
    double low, high, least = INFINITY, most = -INFINITY;
    og_switching_range(d, &low, &high, NULL);
    for (size_t i = 0; i < y->n; i++) {
        assert_true(y->state[i] >= low && y->state[i] <= high);
        if (y->voltage[i] == 0) assert_true(y->current[i] == 0);
        if (y->voltage[i] != 0) assert_true(y->current[i] / y->voltage[i] > 0);
        if (y->temperature != NULL) assert_true(y->temperature[i] >= 290);
        least = fmin(least, y->state[i]);
        most = fmax(most, y->state[i]);
    }
    // The default drive shows the device at work.
    assert_true(most - least > 0.1 * (high - low));
    assert_true(enclosed(y) > 0.1);
    for (size_t quarter = 0; quarter <= 4 * (size_t)d->drive.cycles; quarter += 2)
        assert_true(y->voltage[quarter * (size_t)d->drive.points] == 0);
}

static void every_file_keeps_the_contract(void **state)
{
    (void)state;
    size_t n, seen[OG_SWITCHING_KINDS] = {0};
    char **names = og_switching_names(&n);
    for (size_t i = 0; i < n; i++) {
        const char *units;
        struct og_switching d = read_device(names[i], NULL);
        assert_true(og_switching_is(names[i]));
        assert_string_equal(d.name, names[i]);
        assert_true(strlen(d.title) > 10 && strlen(d.citation) > 20);
        assert_true(strlen(og_switching_state(&d, &units)) > 2 && strlen(units) > 0);
        struct og_hysteresis y = simulate(&d), again = simulate(&d);
        assert_int_equal(y.n, 1 + 4 * d.drive.cycles * d.drive.points);
        is_pinched_and_bounded(&d, &y);
        assert_memory_equal(y.state, again.state, y.n * sizeof *y.state);
        seen[d.model]++;
        og_hysteresis_free(&y);
        og_hysteresis_free(&again);
        free(names[i]);
    }
    free(names);
    for (int k = 0; k < OG_SWITCHING_KINDS; k++) assert_true(seen[k] > 0);
    assert_false(og_switching_is("pcm_joshi"));
}

static void a_printed_device_reads_back(void **state)
{
    (void)state;
    size_t n;
    char **names = og_switching_names(&n), path[128];
    snprintf(path, sizeof path, "%s/printed.yaml", folder);
    for (size_t i = 0; i < n; i++) {
        const struct og_switching d = read_device(names[i], NULL);
        FILE *file = fopen(path, "w");
        og_switching_print(&d, file);
        fclose(file);
        const struct og_switching again = read_device(path, NULL);
        assert_memory_equal(&d, &again, sizeof d);
        free(names[i]);
    }
    free(names);
}

// --- the equations -------------------------------------------------------------------

// Worked out from the published equations by another program.
static const struct {
    const char *name;
    double v, x, current, rate, temperature;
} values[] = {
    {"vteam", 0.13, 1e-09, 0.000354545454545, 0.00275, NAN},
    {"vteam", -0.23, 2.1e-09, -0.000321678321678, -0.03375, NAN},
    {"vteam", 0.015, 1e-09, 4.09090909091e-05, 0, NAN},
    {"ion_drift_hp", 0.9, 0.37, 8.89591776218e-05, 0.829455372146, NAN},
    {"ion_drift_hp", -1.3, 0.81, -0.000416533162448, -2.56417814803, NAN},
    {"ion_drift_hp", 0.5, 0.2, 3.90015600624e-05, 0, NAN},
    {"yakopcic", 0.41, 0.62, 0.00216085134221, 525.551931433, NAN},
    {"yakopcic", 0.23, 0.15, 0.000293256463761, 340.356555751, NAN},
    {"yakopcic", -0.37, 0.2, -0.000629035879822, -102.068793242, NAN},
    {"yakopcic", -0.37, 0.8, -0.00251614351929, -1143.60148774, NAN},
    {"yakopcic", 0.1, 0.5, 0.000425001770836, 0, NAN},
    {"stanford_pku", 1.3, 1.1e-09, 0.00111273659988, -0.0026665682134, 301.037770917},
    {"stanford_pku", -1.2, 6e-10, -0.00551121489742, 0.0024967726564, 311.888261541},
    {"stanford_pku", 0.9, 1.5e-09, 4.53251122765e-05, 0, 298.085664462},
    {"stanford_pku", -1.1, 1.1e-09, -0.000499924633462, 0, 299.154825903},
    {"data_driven", 1.1, 2700, 0.00117545769761, -329494693.421, NAN},
    {"data_driven", -1.27, 1900, -0.00265504082196, 13377332.6776, NAN},
    {"data_driven", 1.1, 1700, 0.00186690340209, 0, NAN},
    {"jart_v1b", 1.07, 13, 0.000640775131047, -10077.3832776, 685.600044913},
    {"jart_v1b", -0.71, 0.4, -0.000210720017322, 30634596478.7, 1683.45075135},
    {"jart_v1b", 0.31, 2, 0.000169000367607, -1.84848977535e-06, 348.743047863},
    {"jart_v1b", -0.05, 0.008, -3.6236643502e-07, 9.13537563767e-10, 293.281993647},
    {"jart_v1b", 1.6, 0.05, 0.000140673034788, -366504743.258, 1133.0057271},
};

static bool near(double value, double want, double tolerance)
{
    return fabs(value - want) <= tolerance * fabs(want);
}

static void values_are_those_of_the_equations(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        const struct og_switching d = read_device(values[i].name, NULL);
        const struct og_switching_point p = og_switching_at(&d, values[i].v, values[i].x);
        assert_true(near(p.current, values[i].current, 1e-9));
        // Hopping at low fields is a difference of almost equal numbers.
        assert_true(near(p.rate, values[i].rate, fabs(p.rate) < 1e-5 ? 1e-6 : 1e-8));
        assert_true(isnan(values[i].temperature) == isnan(p.temperature));
        if (!isnan(p.temperature))
            assert_true(near(p.temperature, values[i].temperature, 1e-9));
    }
}

static void windows_multiply_the_rate(void **state)
{
    (void)state;
    const double v[] = {0.9, -1.3}, x[] = {0.37, 0.81};
    const struct og_switching none = read_device("ion_drift_hp", SET("window=none"));
    static const struct {
        const char *set[3];
        double factor[2];
    } windows[] = {{{"window=joglekar", "p=2", "r_on=100"}, {0.99543024, 0.85223664}},
                   {{"window=biolek", "p=2", "r_on=100"}, {0.98125839, 0.99869679}},
                   {{"window=prodromakis", "p=3", "j=1.5"}, {0.823438201, 0.5914342857}}};
    for (size_t w = 0; w < sizeof windows / sizeof *windows; w++) {
        const char *const *set = windows[w].set;
        const struct og_switching d =
            read_device("ion_drift_hp", SET(set[0], set[1], set[2]));
        for (int i = 0; i < 2; i++)
            assert_true(near(og_switching_at(&d, v[i], x[i]).rate /
                                 og_switching_at(&none, v[i], x[i]).rate,
                             windows[w].factor[i], 1e-7));
    }
    const struct og_switching e = read_device("vteam", SET("resistance=exponential"));
    assert_true(near(1 / og_switching_at(&e, 1, 1e-9).current, 135.72088083, 1e-9));
}

// The published resistances of the ends.
static void ends_are_the_published_ones(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        double v, r_low, r_high;
    } ends[] = {{"vteam", 0.01, 50, 1000},
                {"ion_drift_hp", 0.01, 16e3, 100},
                {"stanford_pku", 0.1, 542, 218586}};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        double low, high;
        const struct og_switching d = read_device(ends[i].name, NULL);
        og_switching_range(&d, &low, &high, NULL);
        const double v = ends[i].v;
        assert_true(near(v / og_switching_at(&d, v, low).current, ends[i].r_low, 1e-9));
        assert_true(near(v / og_switching_at(&d, v, high).current, ends[i].r_high, 1e-9));
    }
}

static void nothing_moves_below_the_thresholds(void **state)
{
    (void)state;
    static const struct {
        const char *name, *below[2], *above[2];
    } cases[] = {
        {"vteam",
         {"drive.amplitude=0.02", "drive.amplitude_negative=0.2"},
         {"drive.amplitude=0.021", "drive.amplitude_negative=0.2"}},
        {"ion_drift_hp",
         {"drive.amplitude=0.549", "x_0=0.4"},
         {"drive.amplitude=0.56", "x_0=0.4"}},
        {"yakopcic",
         {"drive.amplitude=0.16", "drive.amplitude_negative=0.15"},
         {"drive.amplitude=0.16", "drive.amplitude_negative=0.151"}},
        // f_min t_ox / gamma(1.6 nm) = 1.3205 V
        {"stanford_pku",
         {"drive.amplitude=1.32", "gap_0=1.6 nm"},
         {"drive.amplitude=1.33", "gap_0=1.6 nm"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int above = 0; above < 2; above++) {
            const char *const *set = above ? cases[i].above : cases[i].below;
            const struct og_switching d = read_device(cases[i].name, SET(set[0], set[1]));
            struct og_hysteresis y = simulate(&d);
            bool moved = false;
            for (size_t k = 1; k < y.n; k++) moved |= y.state[k] != y.state[0];
            assert_int_equal(moved, above);
            og_hysteresis_free(&y);
        }
}

// --- closed forms --------------------------------------------------------------------

// Without a window r_off x + (r_on - r_off) x^2 / 2 grows with the flux, the integral of
// the voltage.
static void ion_drift_follows_the_flux(void **state)
{
    (void)state;
    const struct og_switching d =
        read_device("ion_drift_hp", SET("window=none", "v_p=0", "v_n=0", "x_0=0.2",
                                        "drive.amplitude=0.7", "drive.tolerance=1e-11"));
    const double omega = 2 * M_PI * d.drive.frequency, k = 1e-14 * 100 / 1e-16;
    struct og_hysteresis y = simulate(&d);
    for (size_t i = 0; i < y.n; i++) {
        const double x = y.state[i], flux = 0.7 / omega * (1 - cos(omega * y.time[i]));
        const double grown = 16e3 * (x - 0.2) - 15.9e3 * (x * x - 0.04) / 2;
        assert_true(fabs(grown - k * flux) <= 1e-6);
    }
    og_hysteresis_free(&y);
}

// A ramp V = v_off (1 + s): x grows by k_off t_q / A * v_off * s^2 / 2, alpha_off = 1.
static void vteam_follows_its_power_law(void **state)
{
    (void)state;
    const struct og_switching d =
        read_device("vteam", SET("drive.waveform=triangle", "x_0=0",
                                 "drive.frequency=10 MHz", "drive.tolerance=1e-10"));
    const double quarter = 2.5e-8;
    struct og_hysteresis y = simulate(&d);
    for (int i = 0; i <= d.drive.points; i++) {
        const double s = fmax(0, y.voltage[i] / 0.02 - 1);
        const double want = 5e-4 * quarter / 0.25 * 0.02 * s * s / 2;
        assert_true(fabs(y.state[i] - want) <= 1e-9 * 3e-9);
    }
    og_hysteresis_free(&y);
}

// The published closed step of a constant voltage.
static void data_driven_takes_its_closed_step(void **state)
{
    (void)state;
    const struct og_switching d = read_device(
        "data_driven", SET("drive.waveform=pulse", "drive.amplitude=1.2",
                           "drive.frequency=100 kHz", "drive.tolerance=1e-11"));
    const double s = 600.10075 * expm1(1.2 / -0.0212028);
    const double r = 2699.2336 - 672.930205 * 1.2;
    struct og_hysteresis y = simulate(&d);
    for (int i = 0; i < d.drive.points; i++) {
        const double part = s * (r - 3000) * y.time[i];
        assert_true(near(y.state[i], (3000 + part * r) / (1 + part), 1e-9));
    }
    og_hysteresis_free(&y);
}

// --- the integrator ------------------------------------------------------------------

static double worst(const struct og_hysteresis *a, const struct og_hysteresis *b)
{
    double most = 0, scale = 0;
    for (size_t i = 0; i < a->n; i++) {
        most = fmax(most, fabs(a->state[i] - b->state[i]));
        scale = fmax(scale, fabs(b->state[i]));
    }
    return most / scale;
}

// A smooth drive of each model that stays inside, with few rows so that the steps are not
// theirs.
static const struct {
    const char *name, *set[4];
} smooth[] = {
    {"ion_drift_hp", {"v_p=0", "v_n=0", "drive.amplitude=1", "drive.points=4"}},
    {"yakopcic", {"drive.points=4", "v_p=0", "v_n=0", "drive.amplitude=0.5"}},
    {"data_driven", {"drive.points=4", "drive.waveform=triangle", "r_0=2500", "a=0.3"}},
    {"vteam", {"drive.points=4", "drive.amplitude_negative=0.19", "x_0=0", "d=30 nm"}},
};

static struct og_hysteresis at_tolerance(size_t i, const char *tolerance)
{
    char text[64];
    snprintf(text, sizeof text, "drive.tolerance=%s", tolerance);
    const struct og_switching d =
        read_device(smooth[i].name, SET(smooth[i].set[0], smooth[i].set[1],
                                        smooth[i].set[2], smooth[i].set[3], text));
    return simulate(&d);
}

static void the_error_falls_with_the_tolerance(void **state)
{
    (void)state;
    static const char *const text[] = {"1e-5", "1e-7", "1e-9"};
    for (size_t i = 0; i < sizeof smooth / sizeof *smooth; i++) {
        struct og_hysteresis best = at_tolerance(i, "1e-13");
        for (int k = 0; k < 3; k++) {
            struct og_hysteresis y = at_tolerance(i, text[k]);
            // Errors of some ten steps add up at worst.
            if (!(worst(&y, &best) <= 30 * strtod(text[k], NULL)))
                fail_msg("%s at %s: %g", smooth[i].name, text[k], worst(&y, &best));
            assert_true(y.steps < 3000 && y.evaluations > y.steps);
            og_hysteresis_free(&y);
        }
        og_hysteresis_free(&best);
    }
}

// Models whose state runs away in filaments: voltages at which half the way is done.
static double switching_voltage(const struct og_switching *d, bool positive)
{
    double low, high;
    struct og_hysteresis y = simulate(d);
    og_switching_range(d, &low, &high, NULL);
    const bool relative = d->model == OG_JART_V1B;
    const double half = relative ? sqrt(low * high) : 0.5 * (low + high);
    double found = NAN;
    for (size_t i = 1; i < y.n && isnan(found); i++)
        if ((y.state[i - 1] < half) != (y.state[i] < half) &&
            (y.voltage[i] > 0) == positive)
            found = y.voltage[i];
    og_hysteresis_free(&y);
    return found;
}

static void abrupt_models_switch_where_they_should(void **state)
{
    (void)state;
    for (int positive = 0; positive < 2; positive++) {
        const struct og_switching pku = read_device("stanford_pku",
                                                    SET("drive.tolerance=1e-4")),
                                  fine = read_device("stanford_pku",
                                                     SET("drive.tolerance=1e-9")),
                                  jart = read_device("jart_v1b",
                                                     SET("drive.tolerance=1e-4")),
                                  exact = read_device("jart_v1b",
                                                      SET("drive.tolerance=1e-9"));
        assert_true(near(switching_voltage(&pku, positive),
                         switching_voltage(&fine, positive), 0.01));
        assert_true(near(switching_voltage(&jart, positive),
                         switching_voltage(&exact, positive), 0.01));
        // SET at positive voltages of one, at negative ones of the other.
        assert_true(switching_voltage(&fine, true) > 1);
        assert_true(switching_voltage(&exact, false) < -0.4);
    }
}

static void limits_hold_and_let_go(void **state)
{
    (void)state;
    // Far beyond both ends, and slowly: all the steps that a limit could take.
    const struct og_switching d =
        read_device("vteam", SET("drive.frequency=1 Hz", "drive.amplitude=1"));
    struct og_hysteresis y = simulate(&d);
    bool low = false, high = false;
    for (size_t i = 0; i < y.n; i++) {
        low |= y.state[i] == 0;
        high |= y.state[i] == 3e-9;
    }
    assert_true(low && high && y.steps < 10000);
    og_hysteresis_free(&y);
    // A hundred times slower, the gap follows the ceiling that the field sets, and stays
    // where it was highest.
    const struct og_switching s = read_device(
        "stanford_pku", SET("drive.frequency=10 Hz", "drive.amplitude_negative=1.2",
                            "drive.amplitude=0", "gap_0=0.5 nm", "drive.cycles=1"));
    y = simulate(&s);
    const double ceiling = 1e-9 * cbrt((16 - 1.4e9 * 12e-9 / 1.2) / 0.8);
    assert_true(near(y.state[y.n - 1], ceiling, 1e-6) && ceiling < 1.6e-9);
    assert_true(y.steps < 100000);
    og_hysteresis_free(&y);
}

// --- waveforms -----------------------------------------------------------------------

static void waveforms_have_their_shapes(void **state)
{
    (void)state;
    static const char *const shape[] = {"drive.waveform=sine", "drive.waveform=triangle",
                                        "drive.waveform=pulse"};
    static const double want[3][9] = {
        {0, M_SQRT1_2 / 2, 0.5, M_SQRT1_2 / 2, 0, -M_SQRT1_2, -1, -M_SQRT1_2, 0},
        {0, 0.25, 0.5, 0.25, 0, -0.5, -1, -0.5, 0},
        {0.5, 0.5, 0.5, 0, 0, -1, -1, 0, 0}};
    for (int k = 0; k < 3; k++) {
        const struct og_switching d = read_device(
            "ion_drift_hp", SET(shape[k], "drive.amplitude=0.5", "drive.points=2",
                                "drive.amplitude_negative=1", "drive.cycles=1"));
        struct og_hysteresis y = simulate(&d);
        assert_int_equal(y.n, 9);
        for (int i = 0; i < 9; i++) {
            assert_true(fabs(y.voltage[i] - want[k][i]) < 1e-15);
            assert_true(fabs(y.time[i] - 0.125 * i) < 1e-15);
        }
        og_hysteresis_free(&y);
    }
}

static void a_table_drives_like_the_waveform(void **state)
{
    (void)state;
    char path[128];
    struct og_voltage_table table;
    struct og_error err = {0};
    const struct og_switching d =
        read_device("yakopcic", SET("drive.waveform=triangle", "drive.amplitude=0.4",
                                    "drive.cycles=1"));
    write_file("w.csv", "# one cycle\n voltage [mV] , time [ms]\r\n0,0\n400,2.5\n\n"
                        "0,5\n-400,7.5\n0,10");
    snprintf(path, sizeof path, "%s/w.csv", folder);
    if (og_voltage_table_read(&table, path, &err) != OG_OK) fail_msg("%s", err.text);
    assert_int_equal(table.n, 5);
    assert_true(table.voltage[1] == 0.4 && table.time[4] == 0.01);
    struct og_hysteresis a = simulate(&d), b;
    assert_int_equal(og_switching_simulate(&d, &table, &b, &err), OG_OK);
    assert_int_equal(a.n, b.n);
    assert_true(worst(&a, &b) < 1e-12);
    og_hysteresis_free(&a);
    og_hysteresis_free(&b);
    og_voltage_table_free(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_file_keeps_the_contract),
        cmocka_unit_test(a_printed_device_reads_back),
        cmocka_unit_test(values_are_those_of_the_equations),
        cmocka_unit_test(windows_multiply_the_rate),
        cmocka_unit_test(ends_are_the_published_ones),
        cmocka_unit_test(nothing_moves_below_the_thresholds),
        cmocka_unit_test(ion_drift_follows_the_flux),
        cmocka_unit_test(vteam_follows_its_power_law),
        cmocka_unit_test(data_driven_takes_its_closed_step),
        cmocka_unit_test(the_error_falls_with_the_tolerance),
        cmocka_unit_test(abrupt_models_switch_where_they_should),
        cmocka_unit_test(limits_hold_and_let_go),
        cmocka_unit_test(waveforms_have_their_shapes),
        cmocka_unit_test(a_table_drives_like_the_waveform),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
