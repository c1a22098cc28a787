// SPDX-License-Identifier: GPL-3.0-or-later
// Fits to synthetic data whose parameters are known: intervals hold the truth as often as
// they say, fitted devices read back, and bad data get one sentence.
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "config_files.h"
#include "device/iv.h"
#include "ohmgrid/config.h"
#include "ohmgrid/fit.h"
#include "ohmgrid/random.h"

enum { DRAWS = 600 };

static const char *path_of(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static FILE *open_data(const char *head)
{
    FILE *f = fopen(path_of("data.csv"), "w");
    assert_non_null(f);
    fputs(head, f);
    return f;
}

static const float *gauss(uint64_t seed, uint32_t what)
{
    static float z[2][DRAWS];
    const struct og_stream s = og_stream_named(seed, OG_WRITE_PULSES, what, 0, 0);
    og_gauss_fill(&s, (struct og_index){0}, 0, z[what], DRAWS);
    return z[what];
}

static struct og_fit run(struct og_fit_task task)
{
    struct og_fit fit;
    struct og_error err = {0};
    task.data = path_of("data.csv");
    if (task.name == NULL) task.name = "mine";
    if (og_fit_run(&fit, &task, &err) != OG_OK) fail_msg("%s", err.text);
    return fit;
}

static const struct og_fit_parameter *parameter(const struct og_fit *fit,
                                                const char *name)
{
    for (size_t i = 0; i < fit->parameters; i++)
        if (strcmp(fit->parameter[i].name, name) == 0) return &fit->parameter[i];
    fail_msg("no parameter %s", name);
    return NULL;
}

// How often each interval held its truth.
struct truth {
    const char *name;
    double value;
    int held;
};

static void count(struct truth *t, size_t n, const struct og_fit *fit)
{
    for (size_t i = 0; i < n; i++) {
        const struct og_fit_parameter *p = parameter(fit, t[i].name);
        assert_true(p->low < p->value && p->value < p->high && p->error > 0);
        t[i].held += p->low <= t[i].value && t[i].value <= p->high;
    }
}

// 95 % of `seeds`, give or take three standard deviations.
static void hold_as_often_as_they_say(const struct truth *t, size_t n, int seeds)
{
    const double want = 0.95 * seeds, slack = 3 * sqrt(want * 0.05);
    for (size_t i = 0; i < n; i++)
        if (!(fabs(t[i].held - want) <= slack))
            fail_msg("%s: %d of %d", t[i].name, t[i].held, seeds);
}

// --- coverage ------------------------------------------------------------------------

static void write_programming(uint64_t seed)
{
    const float *z = gauss(seed, 0);
    FILE *f = open_data("target [uS], programmed [uS]\n");
    for (int i = 0; i < 300; i++) {
        const double g = 1 + 24.0 * (i % 20) / 19, x = g / 25;
        const double sigma = 0.26 + 1.96 * x - 1.17 * x * x;
        fprintf(f, "%.17g,%.17g\n", g, g + sigma * (double)z[i]);
    }
    fclose(f);
}

static void programming_errors_are_recovered(void **state)
{
    (void)state;
    struct truth t[] = {{"coefficient 0", 0.26e-6, 0},
                        {"coefficient 1", 1.96e-6, 0},
                        {"coefficient 2", -1.17e-6, 0},
                        {"mean error", 0, 0}};
    enum { SEEDS = 200 };
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        write_programming(seed);
        struct og_fit fit =
            run((struct og_fit_task){.model = OG_FIT_PROGRAMMING, .order = -1});
        assert_int_equal(fit.rows, 300);
        // The likelihood is at its maximum: sums of squares in units of sigma are 1.
        assert_true(fabs(fit.rms - 1) < 1e-6);
        count(t, 4, &fit);
        og_fit_free(&fit);
    }
    hold_as_often_as_they_say(t, 4, SEEDS);
}

static void write_drift(uint64_t seed)
{
    const float *own = gauss(seed, 0), *scatter = gauss(seed, 1);
    FILE *f = open_data("device, time [s], conductance [uS]\n");
    for (int k = 0; k < 60; k++) {
        const double g = 2 + 18.0 * k / 59;
        const double nu = 0.04 - 0.015 * log(g / 20) + 0.008 * (double)own[k];
        for (int i = 0; i < 8; i++) {
            const double t = 20 * pow(10, 0.5 * i);
            fprintf(f, "%d,%.17g,%.17g\n", k, t,
                    g * pow(t / 20, -nu) * exp(0.01 * (double)scatter[8 * k + i]));
        }
    }
    fclose(f);
}

static void drift_is_recovered(void **state)
{
    (void)state;
    struct truth t[] = {
        {"nu slope", -0.015, 0}, {"spread", 0.008, 0}, {"scatter of ln g", 0.01, 0}};
    enum { SEEDS = 100 };
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        write_drift(seed);
        struct og_fit fit = run((struct og_fit_task){.model = OG_FIT_DRIFT, .order = 1});
        count(t, 3, &fit);
        // The highest conductance of the data is where ln x = 0.
        const struct og_device *d = &fit.device;
        const double there = d->drift.nu.offset + 0.015 * log(20e-6 / d->g_max);
        assert_true(fabs(there - 0.04) < 0.01 && d->drift.t_0 == 20);
        assert_true(d->drift.nu.min > 0.02 && d->drift.nu.max < 0.1);
        og_fit_free(&fit);
    }
    hold_as_often_as_they_say(t, 3, SEEDS);
}

static void write_curves(uint64_t seed, bool sinhs, bool relative)
{
    static const double g[] = {10, 30, 100};
    const float *z = gauss(seed, 0);
    FILE *f = open_data("voltage [mV], current [uA], curve\n");
    for (int k = 0; k < 3; k++)
        for (int i = 0; i < 31; i++) {
            const double v = -0.6 + 0.04 * i;
            const double u =
                sinhs ? 0.2 * sinh(3 * v) / sinh(0.6) : v * (1 + 0.2 * v + 1.5 * v * v);
            const double e = (relative ? 0.02 * g[k] * u : 0.3) * (double)z[31 * k + i];
            fprintf(f, "%.17g,%.17g,%d\n", 1e3 * v, g[k] * u + e, k);
        }
    fclose(f);
}

static void curves_are_recovered(void **state)
{
    (void)state;
    enum { SEEDS = 100 };
    for (int kind = 0; kind < 4; kind++) {
        const bool sinhs = kind < 2, relative = kind % 2 == 1;
        struct truth t[] = {{"g of curve 0", 10e-6, 0},
                            {"g of curve 1", 30e-6, 0},
                            {"g of curve 2", 100e-6, 0},
                            {sinhs ? "a" : "c_2", sinhs ? 3 : 0.2, 0},
                            {sinhs ? "a" : "c_3", sinhs ? 3 : 1.5, 0}};
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            write_curves(seed, sinhs, relative);
            struct og_fit fit = run((struct og_fit_task){
                .model = sinhs ? OG_FIT_IV_SINH : OG_FIT_IV_POLYNOMIAL,
                .order = -1,
                .v_read = sinhs ? 0.2 : 0,
                .relative = relative});
            assert_true(fit.rms > 0.7 && fit.rms < 1.2 && fit.inside > 0.85);
            count(t, 5, &fit);
            og_fit_free(&fit);
        }
        hold_as_often_as_they_say(t, 5, SEEDS);
    }
}

// --- limits --------------------------------------------------------------------------

static void an_ohmic_curve_has_no_nonlinearity(void **state)
{
    (void)state;
    FILE *f = open_data("voltage,current\n");
    const float *z = gauss(5, 0);
    for (int i = 0; i < 50; i++)
        fprintf(f, "%.17g,%.17g\n", 0.01 * i, 1e-7 * i + 1e-9 * (double)z[i]);
    fclose(f);
    struct og_fit fit =
        run((struct og_fit_task){.model = OG_FIT_IV_POLYNOMIAL, .order = 2});
    const struct og_fit_parameter *c = parameter(&fit, "c_2"), *g = parameter(&fit, "g");
    assert_true(c->low < 0 && c->high > 0);
    assert_true(g->low < 1e-5 && g->high > 1e-5 && g->high - g->low < 1e-6);
    og_fit_free(&fit);
}

static void one_device_has_no_spread(void **state)
{
    (void)state;
    FILE *f = open_data("time [ms],conductance [uS]\n100,10\n1000,9.1\n10000,8.2\n");
    fclose(f);
    struct og_fit fit =
        run((struct og_fit_task){.model = OG_FIT_DRIFT, .order = -1, .t_0 = 1});
    assert_int_equal(fit.parameters, 2);
    assert_string_equal(fit.parameter[0].name, "nu");
    // (ln 10 - ln 8.2) / (2 ln 10)
    assert_true(fabs(fit.parameter[0].value - 0.043093) < 1e-6);
    assert_true(fit.device.drift.t_0 == 1 && fit.device.drift.spread.offset == 0);
    og_fit_free(&fit);
}

// --- files ---------------------------------------------------------------------------

static void fitted_devices_read_back(void **state)
{
    (void)state;
    struct og_error err = {0};
    struct og_device first, second;
    char base[128];
    snprintf(base, sizeof base, "%s", path_of("mine.yaml"));
    write_programming(1);
    struct og_fit fit =
        run((struct og_fit_task){.model = OG_FIT_PROGRAMMING, .order = 1});
    assert_int_equal(og_fit_write(&fit, base, &err), OG_OK);
    assert_int_equal(og_device_read(&first, base, NULL, &err), OG_OK);
    assert_memory_equal(&first, &fit.device, sizeof first);
    assert_true(first.g_min == 1e-6 && first.g_max == 25e-6);
    assert_int_equal(first.program.coefficients.n, 2);
    og_fit_free(&fit);
    write_drift(1);
    fit = run((struct og_fit_task){
        .model = OG_FIT_DRIFT, .order = -1, .base = base, .name = "both"});
    assert_int_equal(og_fit_write(&fit, path_of("both.yaml"), &err), OG_OK);
    assert_int_equal(og_device_read(&second, path_of("both.yaml"), NULL, &err), OG_OK);
    assert_string_equal(second.name, "both");
    assert_memory_equal(&second.program, &first.program, sizeof first.program);
    assert_true(second.g_max == 25e-6 && second.drift.nu.offset > 0.03);
    assert_int_equal(og_fit_write_residuals(&fit, path_of("r.csv"), &err), OG_OK);
    char line[200];
    FILE *f = fopen(path_of("r.csv"), "r");
    assert_non_null(fgets(line, sizeof line, f));
    assert_string_equal(line, "time [s],conductance [S],model [S],sigma [S]\n");
    size_t rows = 0;
    while (fgets(line, sizeof line, f) != NULL) rows++;
    assert_int_equal(rows, fit.rows);
    fclose(f);
    og_fit_free(&fit);
}

// What the file says of each row: I = g f(V), of the conductance at the read voltage.
static void follow(const struct og_fit *fit, const struct og_device *d)
{
    struct og_iv_law law;
    og_iv_init(&law, &d->iv, d->v_read);
    const double g = fit->model_value[92] / og_iv_current(&law, fit->x[92]);
    for (size_t i = 62; i < fit->rows; i++) {  // the third curve
        const double want = g * og_iv_current(&law, fit->x[i]);
        assert_true(fabs(fit->model_value[i] - want) <= 1e-9 * fabs(want) + 1e-18);
    }
}

// Of both laws, with and without a base, at the largest and at a given read voltage.
static void curves_become_devices(void **state)
{
    (void)state;
    for (int kind = 0; kind < 8; kind++) {
        const bool sinhs = kind % 2, based = kind & 2, asked = kind & 4;
        const double v_read = asked ? 0.3 : based ? 0.25 : 0.6;
        struct og_error err = {0};
        struct og_device d;
        char base[128];
        snprintf(base, sizeof base, "%s", path_of("mine.yaml"));
        write_curves(1, sinhs, true);
        write_file("mine.yaml", "name: mine\ntitle: t\ncitation: c\ng_min: 2 uS\ng_max: "
                                "50 uS\nv_read: 0.25 V\n");
        struct og_fit fit = run(
            (struct og_fit_task){.model = sinhs ? OG_FIT_IV_SINH : OG_FIT_IV_POLYNOMIAL,
                                 .order = -1,
                                 .relative = true,
                                 .base = based ? base : NULL,
                                 .v_read = asked ? v_read : 0});
        if (og_fit_write(&fit, path_of("both.yaml"), &err) != OG_OK)
            fail_msg("%s", err.text);
        if (og_device_read(&d, path_of("both.yaml"), NULL, &err) != OG_OK)
            fail_msg("%s", err.text);
        assert_true(d.iv.kind == (sinhs ? OG_IV_SINH : OG_IV_POLYNOMIAL));
        assert_true(d.v_read == v_read);
        // 10 to 100 uS at 0.2 V, or at 0 V.
        const double more = sinhs ? sinh(3 * v_read) / v_read * 0.2 / sinh(0.6)
                                  : 1 + 0.2 * v_read + 1.5 * v_read * v_read;
        const double most = based ? 50e-6 : 100e-6 * more;
        assert_true(fabs(d.g_max / most - 1) < 0.05);
        assert_true(fabs(d.g_min / (based ? 2e-6 : 10e-6 * more) - 1) < 0.05);
        follow(&fit, &d);
        og_fit_free(&fit);
    }
}

static void what_is_no_device_is_not_written(void **state)
{
    (void)state;
    struct og_error err = {0};
    FILE *f = open_data("voltage,current\n");  // falls beyond 0.2 V
    for (int i = -30; i <= 30; i++)
        fprintf(f, "%.17g,%.17g\n", 0.01 * i, 1e-6 * i * (1 - 8e-4 * i * i));
    fclose(f);
    struct og_fit fit =
        run((struct og_fit_task){.model = OG_FIT_IV_POLYNOMIAL, .order = 3});
    assert_int_equal(og_fit_write(&fit, path_of("both.yaml"), &err), OG_INPUT);
    assert_non_null(strstr(err.text, "both.yaml: what was fitted is no device: "));
    assert_non_null(strstr(err.text, "must rise with the voltage"));
    og_fit_free(&fit);
    err = (struct og_error){0};
    f = open_data("voltage,current\n");  // against the voltage
    for (int i = 1; i <= 30; i++) fprintf(f, "%.17g,%.17g\n", 0.01 * i, -1e-6 * i);
    fclose(f);
    fit = run((struct og_fit_task){.model = OG_FIT_IV_SINH, .order = -1});
    assert_int_equal(og_fit_write(&fit, path_of("both.yaml"), &err), OG_INPUT);
    assert_non_null(strstr(err.text, "is no range of conductances"));
    og_fit_free(&fit);
}

#define PROGRAMMING                                                                      \
    {                                                                                    \
        .model = OG_FIT_PROGRAMMING, .order = -1, .name = "n"                            \
    }
#define DRIFT                                                                            \
    {                                                                                    \
        .model = OG_FIT_DRIFT, .order = -1, .name = "n"                                  \
    }
#define SINH                                                                             \
    {                                                                                    \
        .model = OG_FIT_IV_SINH, .order = -1, .name = "n"                                \
    }

static const struct {
    struct og_fit_task task;
    const char *data, *error;
} bad[] = {
    {PROGRAMMING, "target,written\n", "data.csv:1: unknown column 'written'; known: "},
    {PROGRAMMING, "target,programmed\n1,2\n1,x\n",
     "data.csv:3: column 'programmed': 'x'"},
    {PROGRAMMING, "target,programmed\n1,2\n2,3\n",
     "data.csv: 2 rows are too few for 3 coefficients"},
    {PROGRAMMING, "target,programmed\n1,1\n2,2\n3,3\n4,4\n5,5\n",
     "data.csv: programmed and target are the same in all rows"},
    {PROGRAMMING, "target,programmed\n1,2\n1,3\n1,1\n1,4\n1,2\n",
     "data.csv: all targets are 1 S: a range is needed"},
    {PROGRAMMING, "target,programmed\n1,2\n2,3\n1,1\n2,4\n1,2\n2,2\n",
     "data.csv: the targets do not determine 3 coefficients"},
    {PROGRAMMING, "target,programmed\n-1,2\n1,3\n1,1\n1,4\n1,2\n",
     "data.csv: column 'target': -1 S is no conductance"},
    {DRIFT, "time,conductance\n0,1\n1,1\n2,1\n", "data.csv: time 0 s is not after prog"},
    {DRIFT, "time,conductance\n1,1\n2,-1\n", "data.csv: conductance -1 S has no logar"},
    {DRIFT, "time,conductance\n1,1\n1,2\n1,3\n",
     "data.csv: device 0 was measured at one time only: that shows no drift"},
    {DRIFT, "time,conductance\n1,1\n2,0.9\n", "data.csv: 2 rows of 1 devices: some need"},
    {DRIFT, "time,conductance\n1,1\n2,1.1\n3,1.3\n",
     "data.csv: the conductance grows: a mean exponent is -0.2"},
    {{.model = OG_FIT_DRIFT, .order = 1, .name = "n"},
     "time,conductance\n1,1\n2,0.9\n3,0.7\n",
     "data.csv: 1 devices do not determine a slope"},
    {SINH, "voltage,current\n0,0\n0,1\n0,2\n",
     "data.csv: all voltages or all currents are 0"},
    {SINH, "voltage,current\n1,1\n2,2\n", "data.csv: 2 rows are too few for 2 param"},
    {{.model = OG_FIT_IV_SINH, .order = 2, .name = "n"},
     "",
     "an order has no effect with model iv_sinh"},
    {{.model = OG_FIT_DRIFT, .order = 2, .name = "n"},
     "",
     "order 2 is outside 0 .. 1 of model drift"},
    {{.model = OG_FIT_IV_POLYNOMIAL, .order = 1, .name = "n"},
     "",
     "order 1 is outside 2 .. 5 of model iv_polynomial"},
    {{.model = OG_FIT_PROGRAMMING, .order = 1, .t_0 = 1, .name = "n"},
     "",
     "t_0 has no effect with model programming"},
    {{.model = OG_FIT_DRIFT, .order = 1, .v_read = 1, .name = "n"},
     "",
     "v_read has no effect with model drift"},
    {{.model = OG_FIT_DRIFT, .order = 1, .relative = true, .name = "n"},
     "",
     "relative errors have no effect with model drift"},
    {{.model = OG_FIT_DRIFT, .order = 1, .t_0 = -1, .name = "n"},
     "",
     "t_0 and v_read must be positive"},
    {{.model = OG_FIT_DRIFT, .order = -1, .base = "nowhere", .name = "n"},
     "time,conductance\n1,1\n",
     "no device file 'nowhere'; looked in "},
    {{.model = OG_FIT_PROGRAMMING, .order = 0, .base = "pcm_joshi", .name = "n"},
     "target,programmed\n1,1.1\n2,1.9\n2,2.2\n",
     "data.csv: targets from 1 to 2 S exceed the range of the base device"},
};

static void bad_data_get_one_sentence(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct og_fit fit;
        struct og_error err = {0};
        struct og_fit_task task = bad[i].task;
        write_file("data.csv", bad[i].data);
        task.data = path_of("data.csv");
        const og_status s = og_fit_run(&fit, &task, &err);
        if (s == OG_OK) fail_msg("nothing is wrong with %s", bad[i].data);
        assert_int_equal(og_status_exit_code(s), 2);
        if (strstr(err.text, bad[i].error) == NULL) fail_msg("%s", err.text);
        og_fit_free(&fit);
    }
    struct og_error err = {0};
    enum og_fit_model model;
    assert_int_equal(og_fit_model_find(&model, "magic", &err), OG_USAGE);
    for (int k = 0; k < OG_FIT_MODELS; k++) {
        assert_int_equal(
            og_fit_model_find(&model, og_fit_model_name((enum og_fit_model)k), &err),
            OG_OK);
        assert_int_equal(model, k);
    }
}

static void memory_may_run_out(void **state)
{
    (void)state;
    static const enum og_fit_model models[] = {OG_FIT_PROGRAMMING, OG_FIT_DRIFT,
                                               OG_FIT_IV_SINH};
    for (int k = 0; k < 3; k++) {
        if (k == 0) write_programming(0);
        if (k == 1) write_drift(0);
        if (k == 2) write_curves(0, true, false);
        const struct og_fit_task task = {
            .data = path_of("data.csv"), .model = models[k], .order = -1, .name = "n"};
        og_status s = OG_NO_MEMORY;
        for (size_t n = 1; s != OG_OK; n++) {
            struct og_fit fit;
            struct og_error err = {0};
            og_alloc_fail_at(n);
            s = og_fit_run(&fit, &task, &err);
            og_alloc_fail_at(0);
            assert_true(s == OG_OK || s == OG_NO_MEMORY);
            assert_true(n < 100);
            og_fit_free(&fit);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(programming_errors_are_recovered),
        cmocka_unit_test(drift_is_recovered),
        cmocka_unit_test(curves_are_recovered),
        cmocka_unit_test(an_ohmic_curve_has_no_nonlinearity),
        cmocka_unit_test(one_device_has_no_spread),
        cmocka_unit_test(fitted_devices_read_back),
        cmocka_unit_test(curves_become_devices),
        cmocka_unit_test(what_is_no_device_is_not_written),
        cmocka_unit_test(bad_data_get_one_sentence),
        cmocka_unit_test(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
