// SPDX-License-Identifier: GPL-3.0-or-later
// Fixed kernels: the same bits whatever the processor offers.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <ctype.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/elementary.h"
#include "ohmgrid/array.h"
#include "ohmgrid/cpu.h"
#include "run_tools.h"

static const struct {
    const char *name;
    double (*own)(double), (*libm)(double);
    double low, high;
} functions[] = {
    {"exp", og_exp, exp, -700, 700},       {"expm1", og_expm1, expm1, -30, 30},
    {"log", og_log, log, 1e-300, 1e300},   {"log1p", og_log1p, log1p, -0.99, 50},
    {"log2", og_log2, log2, 1e-9, 1e9},    {"log10", og_log10, log10, 1e-9, 1e9},
    {"cbrt", og_cbrt, cbrt, -1e9, 1e9},    {"sin", og_sin, sin, -900, 900},
    {"cos", og_cos, cos, -900, 900},       {"asin", og_asin, asin, -1, 1},
    {"acos", og_acos, acos, -1, 1},        {"sinh", og_sinh, sinh, -300, 300},
    {"cosh", og_cosh, cosh, -300, 300},    {"tanh", og_tanh, tanh, -20, 20},
    {"asinh", og_asinh, asinh, -1e9, 1e9}, {"atanh", og_atanh, atanh, -0.999, 0.999},
};

static double units_apart(double a, double b)
{
    return fabs(a - b) / (nextafter(fabs(b), INFINITY) - fabs(b));
}

static void functions_are_right(void **state)
{
    (void)state;
    bool differ = false;
    for (size_t f = 0; f < sizeof functions / sizeof *functions; f++) {
        for (int i = 0; i <= 1000; i++) {
            const double x =
                functions[f].low + (functions[f].high - functions[f].low) * (i / 1000.0);
            const double reference = functions[f].libm(x);
            og_cpu_fix(false);
            if (functions[f].own(x) != reference)
                fail_msg("%s(%a) is not libm's", functions[f].name, x);
            og_cpu_fix(true);
            const double fixed = functions[f].own(x);
            if (!(units_apart(fixed, reference) <= 3))
                fail_msg("%s(%a) is %a, not %a", functions[f].name, x, fixed, reference);
            differ |= fixed != reference;
        }
    }
    og_cpu_fix(false);
    assert_true(differ);  // so that it was SLEEF's
}

static void other_functions_are_right(void **state)
{
    (void)state;
    for (int fixed = 0; fixed < 2; fixed++) {
        og_cpu_fix(fixed);
        assert_true(units_apart(og_pow(1.37, -3.21), pow(1.37, -3.21)) <= 2);
        assert_true(units_apart(og_hypot(2.31, -7.7), hypot(2.31, -7.7)) <= 2);
        assert_true(fabsf(og_expf(-3.3f) / expf(-3.3f) - 1) < 3e-7f);
        assert_true(fabsf(og_tanhf(0.31f) / tanhf(0.31f) - 1) < 3e-7f);
        assert_true(fabsf(og_expm1f(-0.3f) / expm1f(-0.3f) - 1) < 3e-7f);
        assert_true(fabsf(og_log1pf(0.31f) / log1pf(0.31f) - 1) < 3e-7f);
        assert_true(og_exp(-INFINITY) == 0 && isnan(og_log(-1)) && og_pow(0, 0) == 1);
    }
    og_cpu_fix(false);
}

static void fixed_means_plain(void **state)
{
    (void)state;
    const enum og_isa before = og_cpu_isa();
    og_cpu_fix(true);
    assert_true(og_cpu_fixed());
    assert_int_equal(og_cpu_isa(), OG_ISA_PLAIN);
    og_cpu_fix(false);
    assert_false(og_cpu_fixed());
    assert_true(og_cpu_use(before));
}

// --- no other way to libm ------------------------------------------------------------

static bool is_elementary(const char *name, size_t n)
{
    static const char *const names[] = {
        "exp",   "expm1", "log",   "log1p", "log2", "log10", "pow",  "cbrt",   "hypot",
        "sin",   "cos",   "tan",   "asin",  "acos", "atan",  "sinh", "cosh",   "tanh",
        "asinh", "acosh", "atanh", "atan2", "exp2", "erf",   "erfc", "lgamma", "tgamma",
    };
    if (n > 1 && name[n - 1] == 'f' && !(n == 3 && memcmp(name, "erf", 3) == 0)) n--;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strlen(names[i]) == n && memcmp(names[i], name, n) == 0) return true;
    return false;
}

// Calls in one line, outside of comments and texts.
static void check_line(const char *path, int number, const char *line)
{
    bool quoted = false;
    for (const char *c = line; *c; c++) {
        if (*c == '"' && (c == line || c[-1] != '\\')) quoted = !quoted;
        if (quoted || !isalpha((unsigned char)*c)) continue;
        if (c > line && (isalnum((unsigned char)c[-1]) || strchr("_.>", c[-1]))) continue;
        const char *end = c;
        while (isalnum((unsigned char)*end) || *end == '_') end++;
        if (*end == '(' && is_elementary(c, (size_t)(end - c)))
            fail_msg("%s:%d calls the C library; base/elementary.h has it", path, number);
        c = end - 1;
    }
}

static void check_file(const char *path)
{
    char line[500];
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    for (int number = 1; fgets(line, sizeof line, f); number++) {
        char *comment = strstr(line, "//");
        if (comment) *comment = '\0';
        check_line(path, number, line);
    }
    fclose(f);
}

// Speed measurements and fits of device files are no results.
static bool is_checked(const char *name)
{
    const size_t n = strlen(name);
    return n > 2 && strcmp(name + n - 2, ".c") == 0 && strncmp(name, "bench", 5) != 0 &&
           strncmp(name, "fit", 3) != 0;
}

static void results_go_through_one_door(void **state)
{
    (void)state;
    static const char *const folders[] = {"config",    "device", "crossbar",
                                          "periphery", "nn",     "learn",
                                          "results",   "onnx",   "experiment"};
    int files = 0;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        char path[1024];
        snprintf(path, sizeof path, "%s/src/%s", getenv("OHMGRID_SOURCE"), folders[i]);
        const size_t length = strlen(path);
        DIR *dir = opendir(path);
        assert_non_null(dir);
        for (const struct dirent *e; (e = readdir(dir));) {
            if (!is_checked(e->d_name)) continue;
            snprintf(path + length, sizeof path - length, "/%s", e->d_name);
            check_file(path);
            files++;
        }
        closedir(dir);
    }
    assert_true(files > 100);
}

// --- runs ----------------------------------------------------------------------------

static void fixed_runs_are_the_same(void **state)
{
    (void)state;
    og_experiment *e = read_experiment("kernels: fixed\n", NULL);
    const enum og_isa before = og_cpu_isa();
    assert_true(og_cpu_use(OG_ISA_PLAIN));
    run_whole(e, "a.h5");
    for (int isa = OG_ISA_AVX2; isa < OG_ISA_COUNT; isa++) {
        if (!og_cpu_use((enum og_isa)isa)) continue;
        run_whole(e, "b.h5");
        assert_int_equal(og_cpu_isa(), isa);
        assert_false(og_cpu_fixed());
        assert_true(same("a.h5", "b.h5"));
    }
    og_experiment_free(e);
    // Without it, on a processor with FMA, last bits differ.
    if (og_cpu_use(OG_ISA_AVX2)) {
        e = read_experiment("", NULL);
        run_whole(e, "b.h5");
        assert_false(same("a.h5", "b.h5"));
        og_experiment_free(e);
    }
    assert_true(og_cpu_use(before));
}

static void wires_need_a_core(void **state)
{
    (void)state;
    char *core = getenv("OPENBLAS_CORETYPE");
    core = core ? strdup(core) : NULL;
    unsetenv("OPENBLAS_CORETYPE");
    og_experiment *e =
        read_experiment("kernels: fixed\n", "hardware.wires={mode: exact, r_row: 1 "
                                            "ohm, r_col: 1 ohm}");
    struct stopper s = {0};
    struct og_error err = {0};
    assert_int_equal(run(e, "b.h5", OG_JOURNAL_FORCE, &s, &err), OG_INPUT);
    if (!strstr(err.text, "OPENBLAS_CORETYPE")) fail_msg("%s", err.text);
    setenv("OPENBLAS_CORETYPE", "Prescott", 1);
    err = (struct og_error){0};
    if (run(e, "b.h5", OG_JOURNAL_FORCE, &s, &err) != OG_OK) fail_msg("%s", err.text);
    og_experiment_free(e);
    if (core)
        setenv("OPENBLAS_CORETYPE", core, 1);
    else
        unsetenv("OPENBLAS_CORETYPE");
    free(core);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_are_right),
        cmocka_unit_test(other_functions_are_right),
        cmocka_unit_test(fixed_means_plain),
        cmocka_unit_test(results_go_through_one_door),
        cmocka_unit_test(fixed_runs_are_the_same),
        cmocka_unit_test(wires_need_a_core),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
