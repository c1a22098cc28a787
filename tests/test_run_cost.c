// SPDX-License-Identifier: GPL-3.0-or-later
// Costs of whole runs: per matrix, in total, and that nothing else depends on them.
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "ohmgrid/cost.h"
#include "run_tools.h"

enum { TRIALS = 3 };

static void run_with(const char *more, const char *set, const char *out)
{
    og_experiment *e = read_experiment(more, set);
    run_whole(e, out);
    og_experiment_free(e);
}

static double first(const char *name)
{
    double value[TRIALS];
    read_values("a.h5", name, value, TRIALS);
    return value[0];
}

static void assert_near(double a, double b)
{
    if (!(fabs(a - b) <= 1e-9 * fabs(b))) fail_msg("%.12g is not %.12g", a, b);
}

// 784 x 12 weights on 7 tiles and 12 x 10 on one; 6 bits in and out, one pass.
static void numbers_by_hand(void **state)
{
    (void)state;
    run_with("", "hardware.technology=isaac_32nm", "a.h5");
    double lines = 784, outs = 7 * 12, bits = 6;
    assert_near(first("/layers/dense1/area"),
                2 * 784 * 12 * 1.52587890625e-15 + lines * 32 * 1.66015625e-13 +
                    outs * (3.90625e-14 + 1.2e-9 / 4 + 3e-11) +
                    lines * bits * 1.28173828125e-13 + outs * bits * 3.759765625e-13);
    double latency = 100e-9 + 6 * 97.65625e-12;
    assert_near(first("/layers/dense1/latency"), latency + 4 * 0.78125e-9);
    assert_near(first("/layers/dense2/latency"), latency + 0.78125e-9);
    assert_near(first("/layers/dense1/interval"), 100e-9);
    double parts = lines * 32 * 3.90625e-13 +
                   outs * (9.765625e-16 + 1.5625e-12 / 4 + 1.953125e-14) +
                   lines * bits * 1.2109375e-13 + outs * bits * 1.796875e-13;
    double array = first("/layers/dense1/energy") - parts;
    assert_true(array > 0 && array < 0.2 * 0.2 * 100e-9 * 784 * 24 * 25e-6);
    assert_near(first("/layers/dense1/power"), first("/layers/dense1/energy") / 100e-9);
    static const char *const sums[] = {"energy",     "latency",      "area",
                                       "power",      "energy_dense", "latency_dense",
                                       "area_dense", "power_dense"};
    for (size_t i = 0; i < sizeof sums / sizeof *sums; i++) {
        char all[64], one[64], two[64];
        snprintf(all, sizeof all, "/results/%s", sums[i]);
        snprintf(one, sizeof one, "/layers/dense1/%s", sums[i]);
        snprintf(two, sizeof two, "/layers/dense2/%s", sums[i]);
        assert_true(first(all) == first(one) + first(two));
    }
    assert_near(first("/results/throughput"), 1 / 100e-9);
    assert_true(first("/results/energy") == first("/results/energy_dense"));
}

// Of each part of one chip.
static void read_parts(const char *layer, const char *name, double value[OG_COST_PARTS])
{
    double all[TRIALS * OG_COST_PARTS];
    char path[64];
    snprintf(path, sizeof path, "/layers/%s/part_%s", layer, name);
    read_values("a.h5", path, all, TRIALS * OG_COST_PARTS);
    memcpy(value, all, OG_COST_PARTS * sizeof *value);
}

// Sums of parts are what layers take, also of a network that has lost half the outputs of
// its first matrix; and what each part takes follows from the technology.
static void parts_add_up(void **state)
{
    (void)state;
    run_with("compress:\n  rounds:\n    - {sets: [{layer: dense1, kind: filter, keep: "
             "0.5}], admm: {epochs: 1}, retrain: {epochs: 1}}\n",
             "hardware.technology=isaac_32nm", "a.h5");
    static const char *const layer[] = {"dense1", "dense2"};
    static const char *const name[] = {"energy", "area", "energy_dense", "area_dense"};
    double part[OG_COST_PARTS], uses[OG_COST_PARTS], count[OG_COST_PARTS];
    for (int i = 0; i < 2; i++)
        for (int m = 0; m < 4; m++) {
            char path[64];
            double sum = 0;
            snprintf(path, sizeof path, "/layers/%s/%s", layer[i], name[m]);
            read_parts(layer[i], name[m], part);
            for (int k = 0; k < OG_COST_PARTS; k++) sum += part[k];
            assert_true(sum > 0);
            assert_near(sum, first(path));
        }
    assert_true(first("/layers/dense1/area") < 0.7 * first("/layers/dense1/area_dense"));
    static const struct {
        const char *dense;
        double adcs;
    } used[] = {{"", 7 * 6}, {"_dense", 7 * 12}};
    for (int d = 0; d < 2; d++) {
        char path[32];
        snprintf(path, sizeof path, "uses%s", used[d].dense);
        read_parts("dense1", path, uses);
        snprintf(path, sizeof path, "count%s", used[d].dense);
        read_parts("dense1", path, count);
        snprintf(path, sizeof path, "energy%s", used[d].dense);
        read_parts("dense1", path, part);
        assert_true(uses[OG_COST_ADC] == used[d].adcs);
        assert_true(count[OG_COST_ADC] == used[d].adcs);
        assert_near(part[OG_COST_ADC], used[d].adcs * 1.5625e-12 / 4);
        read_parts("dense1", d ? "area_dense" : "area", part);
        assert_near(part[OG_COST_ADC], used[d].adcs * 1.2e-9 / 4);
    }
}

// As often as the matrix is read for one sample.
static void parts_of_all_reads(void **state)
{
    (void)state;
    run_with("sweep: [{key: evaluate.votes, values: [3]}]\n",
             "hardware.technology=isaac_32nm", "a.h5");
    double uses[OG_COST_PARTS], count[OG_COST_PARTS];
    read_parts("dense2", "uses", uses);
    read_parts("dense2", "count", count);
    assert_true(first("/layers/dense2/reads") == 3);
    assert_true(uses[OG_COST_DAC] == 3 * 12 && count[OG_COST_DAC] == 12);
    assert_true(uses[OG_COST_ADC] == 3 * 10 && count[OG_COST_ADC] == 10);
}

// --- the table of docs/cost.md --------------------------------------------------------

static char *read_page(const char *name)
{
    char path[PATH];
    snprintf(path, sizeof path, "%s/%s", getenv("OHMGRID_SOURCE"), name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *text = calloc(1, 1 << 20);
    assert_non_null(text);
    assert_true(fread(text, 1, (1 << 20) - 1, file) > 0);
    fclose(file);
    return text;
}

// One cell, "4 x 0.39 pJ x 4 = 6.25 pJ": its product, where it has one, and its result;
// the next cell.
static const char *read_cell(const char *at, double *product, double *result)
{
    bool divide = false;
    *product = 1;
    for (*result = NAN; *at != '|' && *at != '\n'; at++) {
        const bool times = strncmp(at, "×", strlen("×")) == 0;
        if (*at == '/' || times) divide = *at == '/';
        if (*at == '=') *result = strtod(at + 1, NULL);
        if (isnan(*result) && (*at == ' ' && at[1] >= '0' && at[1] <= '9')) {
            const double v = strtod(at, NULL);
            *product = divide ? *product / v : *product * v;
        }
    }
    if (isnan(*result)) *result = *product;
    assert_true(*at == '|');
    return at + 1;
}

// To the digits of the page.
static void assert_close(const char *part, double page, double value)
{
    if (!(fabs(page - value) <= 5e-4 * fabs(value)))
        fail_msg("docs/cost.md says %g of %s, it is %g", page, part, value);
}

static const char *row_of(const char *page, const char *name)
{
    char begin[48];
    snprintf(begin, sizeof begin, "\n| %s |", name);
    const char *row = strstr(page, begin);
    if (row == NULL) fail_msg("docs/cost.md has no row of %s", name);
    return row + strlen(begin);
}

// Columns of the page, in pJ and um2.
static const struct {
    const char *metric;
    double unit;
} column[] = {{"count", 1}, {"uses", 1}, {"energy", 1e12}, {"area", 1e12}};

static void assert_row(const char *page, int k)
{
    const char *part = og_cost_part_name((enum og_cost_part)k);
    char name[32];
    snprintf(name, sizeof name, "`%s`", part);
    const char *cell = row_of(page, name);
    for (int m = 0; m < 4; m++) {
        char path[64];
        double value[OG_COST_PARTS], product, result;
        snprintf(path, sizeof path, "/layers/tile/part_%s", column[m].metric);
        read_values("a.h5", path, value, OG_COST_PARTS);
        cell = read_cell(cell, &product, &result);
        assert_close(part, product, column[m].unit * value[k]);
        assert_close(part, result, column[m].unit * value[k]);
    }
}

static void assert_sums(const char *page)
{
    const char *cell = row_of(page, "sum");
    for (int m = 0; m < 4; m++) {
        char path[64];
        double value, product, result;
        cell = read_cell(cell, &product, &result);
        if (m < 2) continue;  // parts of different kinds have no sum
        snprintf(path, sizeof path, "/layers/tile/%s", column[m].metric);
        read_values("a.h5", path, &value, 1);
        assert_close("the sum", result, column[m].unit * value);
    }
}

static void the_tile_of_the_page(void **state)
{
    (void)state;
    char path[PATH];
    const char *set = "data.name=mnist";
    const struct og_overrides overrides = {.set = &set, .sets = 1};
    og_experiment *e;
    struct og_error err = {0};
    snprintf(path, sizeof path, "%s/experiments/one_tile.yaml", getenv("OHMGRID_SOURCE"));
    if (og_experiment_read(&e, path, &overrides, &err) != OG_OK) fail_msg("%s", err.text);
    run_whole(e, "a.h5");
    og_experiment_free(e);
    char *page = read_page("docs/cost.md");
    for (int k = 0; k < OG_COST_PARTS; k++) assert_row(page, k);
    assert_sums(page);
    free(page);
}

// A convolution is read at every position, a recurrent layer at every time step.
static void reads_multiply(void **state)
{
    (void)state;
    run_with("", "hardware.technology=isaac_32nm", "a.h5");
    run_with("sweep: [{key: model.layers, name: net, labels: [conv], values: "
             "[[{conv2d: {filters: 2, kernel: 7, stride: 7}}, flatten, "
             "{dense: {units: 10}}]]}]\n",
             "hardware.technology=isaac_32nm", "a.h5");
    assert_true(first("/layers/conv2d1/reads") == 16);
    double latency = 100e-9 + 6 * 97.65625e-12 + 0.78125e-9;
    assert_near(first("/layers/conv2d1/latency"), 16 * latency);
    assert_near(first("/results/throughput"), 1 / (16 * 100e-9));
    assert_near(first("/results/latency"), 17 * latency);
}

static void costs_change_nothing_else(void **state)
{
    (void)state;
    double with[TRIALS], without[TRIALS];
    run_with("", NULL, "a.h5");
    run_with("", "hardware.technology=yuan_45nm", "b.h5");
    static const char *const names[] = {"/results/accuracy", "/results/loss",
                                        "/layers/dense1/snr_total"};
    for (size_t i = 0; i < 3; i++) {
        read_values("a.h5", names[i], without, TRIALS);
        read_values("b.h5", names[i], with, TRIALS);
        assert_memory_equal(with, without, sizeof with);
    }
    // Four datasets of each: itself, mean, low, high.
    assert_int_equal(links("b.h5", "/results"), links("a.h5", "/results") + 4 * 10);
    // Parts on a scale of their own.
    assert_int_equal(links("b.h5", "/layers/dense1"),
                     links("a.h5", "/layers/dense1") + 8 + 1);
    read_values("a.h5", "/layers/dense1/energy", without, TRIALS);
    assert_true(isnan(without[0]));
}

// Sharing ADCs is slower and smaller, and never trains anew; --resume ends with the same
// bytes.
static void swept_and_resumed(void **state)
{
    (void)state;
    og_experiment *e = read_experiment("sweep: [{key: hardware.tile.columns_per_adc, "
                                       "name: share, values: [1, 8, 200]}]\n",
                                       "hardware.technology=isaac_32nm");
    double area[3 * TRIALS], latency[3 * TRIALS];
    run_whole(e, "a.h5");
    assert_int_equal(links("a.h5", "/train"), 1);
    read_values("a.h5", "/results/area", area, 3 * TRIALS);
    read_values("a.h5", "/results/latency", latency, 3 * TRIALS);
    for (int p = 1; p < 3; p++) {
        assert_true(area[p * TRIALS] < area[(p - 1) * TRIALS]);
        assert_true(latency[p * TRIALS] > latency[(p - 1) * TRIALS]);
    }
    struct stopper s = {.every = 9, .signal = SIGTERM};
    og_status status = run(e, "b.h5", OG_JOURNAL_FORCE, &s, NULL);
    int runs = 1;
    for (; status == OG_TERMINATED && runs < 50; runs++)
        status = run(e, "b.h5", OG_JOURNAL_RESUME, &s, NULL);
    assert_int_equal(status, OG_OK);
    assert_true(runs > 2 && same("a.h5", "b.h5"));
    og_experiment_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_by_hand),   cmocka_unit_test(the_tile_of_the_page),
        cmocka_unit_test(parts_add_up),      cmocka_unit_test(parts_of_all_reads),
        cmocka_unit_test(reads_multiply),    cmocka_unit_test(costs_change_nothing_else),
        cmocka_unit_test(swept_and_resumed),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
