// SPDX-License-Identifier: GPL-3.0-or-later
// What each effect and each layer costs: the variants of a hardware, and the differences
// between them in a whole run.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "run_tools.h"

enum { TRIALS = 3, VARIANTS = 14, PARTS = 6 };

static const char *const wanted[VARIANTS] = {
    "all",
    "ideal",
    "only programming",
    "without programming",
    "only read_noise",
    "without read_noise",
    "only dac",
    "without dac",
    "only adc",
    "without adc",
    "only in dense1",
    "except in dense1",
    "only in dense2",
    "except in dense2",
};

// The tiny experiment of run_tools.h, with every noise large enough to be seen.
static og_experiment *open_tiny(const char *more, const char *axis)
{
    char path[PATH], text[4096];
    og_experiment *e;
    struct og_error err = {0};
    int n = snprintf(text, sizeof text, "%s%s", head, more);
    write_bytes("e.yaml", text, (size_t)n);
    in_folder(path, "e.yaml");
    static const char *const set[] = {"hardware.device.read.sigma=3 uS",
                                      "hardware.device.program.sigma=3 uS",
                                      "train.hardware=same"};
    const struct og_overrides o = {.set = set, .sets = 3, .axis = axis};
    if (og_experiment_read(&e, path, &o, &err) != OG_OK) fail_msg("%s", err.text);
    return e;
}

static og_experiment *open_variants(const char *more)
{
    struct og_error err = {0};
    char *axis;
    og_experiment *plain = open_tiny(more, NULL);
    if (og_attribution_axis(plain, folder, &axis, &err) != OG_OK)
        fail_msg("%s", err.text);
    og_experiment_free(plain);
    og_experiment *e = open_tiny(more, axis);
    free(axis);
    return e;
}

static void variants_are_what_is_on(void **state)
{
    (void)state;
    og_experiment *e = open_variants("");
    const struct og_axis *axis = og_experiment_axis(e, 0);
    assert_int_equal(og_experiment_axes(e), 1);
    assert_int_equal(axis->n, VARIANTS);
    for (int i = 0; i < VARIANTS; i++)
        assert_string_equal(axis->column[0].label[i], wanted[i]);
    og_experiment_free(e);
    // A sweep that switches an effect on at one point has it everywhere.
    e = open_variants("sweep: [{key: hardware.mapping.weight_bits, values: [0, 4]}]\n");
    assert_int_equal(og_experiment_axes(e), 2);
    assert_int_equal(og_experiment_axis(e, 1)->n, VARIANTS + 2);
    og_experiment_free(e);
}

static struct og_config config_at(const og_experiment *e, size_t point)
{
    struct og_config c;
    struct og_error err = {0};
    assert_int_equal(og_experiment_point(e, point, &c, &err), OG_OK);
    return c;
}

static bool has(const struct og_hardware *h, const char *effect)
{
    for (size_t i = 0; i < og_effects(); i++) {
        bool on;
        struct og_error err = {0};
        if (strcmp(og_effect_name(i), effect) != 0) continue;
        assert_int_equal(og_effect_is_on(h, i, &on, &err), OG_OK);
        return on;
    }
    fail_msg("no effect %s", effect);
    return false;
}

// All variants are evaluated on the same weights.
static void variants_switch_off(void **state)
{
    (void)state;
    static const char *const effects[] = {"programming", "read_noise", "dac", "adc"};
    og_experiment *e = open_variants("");
    char first[33], key[33];
    og_experiment_key(e, 0, OG_STAGE_TRAIN, first);
    for (size_t v = 0; v < VARIANTS; v++) {
        const struct og_config c = config_at(e, v);
        og_experiment_key(e, v, OG_STAGE_TRAIN, key);
        assert_string_equal(key, first);
        assert_string_equal(c.train.hardware.variant, "all");
        assert_true(has(&c.train.hardware, "adc"));
        assert_true(c.hardware.ideal == (v == 1));
        for (size_t k = 0; v >= 2 && v < 10 && k < 4; k++) {
            bool own = v / 2 - 1 == k;
            assert_true(has(&c.hardware, effects[k]) == (v % 2 == 0 ? own : !own));
        }
        if (v < 10) continue;
        struct og_hardware layer[2];
        struct og_error err = {0};
        assert_int_equal(og_hardware_layer(&c.hardware, "dense1", &layer[0], &err),
                         OG_OK);
        assert_int_equal(og_hardware_layer(&c.hardware, "dense2", &layer[1], &err),
                         OG_OK);
        size_t off = v == 10 || v == 13 ? 1 : 0;
        assert_true(layer[off].ideal && !layer[1 - off].ideal);
    }
    og_experiment_free(e);
}

// An effect of one layer's own hardware goes as well.
static void layers_of_their_own(void **state)
{
    (void)state;
    og_experiment *e = open_variants("sweep:\n"
                                     "  - key: hardware.layers\n"
                                     "    name: own\n"
                                     "    values: [[{layer: dense1, adc: {bits: 3}}]]\n"
                                     "    labels: [coarse]\n");
    for (size_t v = 0; v < VARIANTS; v++) {
        const struct og_config c = config_at(e, v);
        struct og_hardware own;
        struct og_error err = {0};
        assert_int_equal(og_hardware_layer(&c.hardware, "dense1", &own, &err), OG_OK);
        const char *name = c.hardware.variant;
        bool off = strcmp(name, "without adc") == 0 ||
                   (strncmp(name, "only ", 5) == 0 && strcmp(name, "only adc") != 0 &&
                    strncmp(name, "only in", 7) != 0);
        assert_int_equal(own.adc.bits, off ? 0 : 3);
    }
    og_experiment_free(e);
}

// An effect that only a layer's own hardware has is one of the variants.
static void effects_of_one_layer(void **state)
{
    (void)state;
    og_experiment *e =
        open_variants("sweep:\n"
                      "  - key: hardware.layers\n"
                      "    name: own\n"
                      "    values: [[{layer: dense1, mapping: {weight_bits: 3}}]]\n"
                      "    labels: [coarse]\n");
    const struct og_axis *axis = og_experiment_axis(e, 1);
    bool found = false;
    for (size_t i = 0; i < axis->n; i++)
        found |= strcmp(axis->column[0].label[i], "only weight_bits") == 0;
    assert_true(found);
    assert_int_equal(axis->n, VARIANTS + 2);
    og_experiment_free(e);
}

static void read_costs(const char *name, double *value, size_t n)
{
    char path[96];
    snprintf(path, sizeof path, "/attribution/%s", name);
    read_values("a.h5", path, value, n);
}

static double mean(const double *v)
{
    double sum = 0;
    for (int t = 0; t < TRIALS; t++) sum += v[t] / TRIALS;
    return sum;
}

static void costs_are_differences(void **state)
{
    (void)state;
    double accuracy[VARIANTS][TRIALS], loss[VARIANTS][TRIALS], bound[2][PARTS];
    double alone[PARTS], within[PARTS], all[1];
    og_experiment *e = open_variants("");
    run_whole(e, "a.h5");
    og_experiment_free(e);
    read_values("a.h5", "/results/accuracy", accuracy[0], VARIANTS * TRIALS);
    read_values("a.h5", "/results/loss", loss[0], VARIANTS * TRIALS);
    assert_int_equal(links("a.h5", "/train"), 1);
    assert_int_equal(links("a.h5", "/attribution"), 2 + 2 * 9);
    for (int m = 0; m < 2; m++) {
        double(*v)[TRIALS] = m == 0 ? accuracy : loss;
        const double sign = m == 0 ? 1 : -1;
        const char *const names[2][5] = {{"accuracy_alone", "accuracy_within",
                                          "accuracy_all", "accuracy_alone_low",
                                          "accuracy_alone_high"},
                                         {"loss_alone", "loss_within", "loss_all",
                                          "loss_alone_low", "loss_alone_high"}};
        read_costs(names[m][0], alone, PARTS);
        read_costs(names[m][1], within, PARTS);
        read_costs(names[m][2], all, 1);
        read_costs(names[m][3], bound[0], PARTS);
        read_costs(names[m][4], bound[1], PARTS);
        assert_true(fabs(all[0] - sign * (mean(v[1]) - mean(v[0]))) <= 1e-12);
        for (int p = 0; p < PARTS; p++) {
            const double *only = v[2 + 2 * p], *without = v[3 + 2 * p];
            assert_true(fabs(alone[p] - sign * (mean(v[1]) - mean(only))) <= 1e-12);
            assert_true(fabs(within[p] - sign * (mean(without) - mean(v[0]))) <= 1e-12);
            // 95 % of Student's t for three chips: 4.3027 standard errors.
            double square = 0;
            for (int t = 0; t < TRIALS; t++)
                square += pow(sign * (v[1][t] - only[t]) - alone[p], 2) / (TRIALS - 1);
            double half = 4.302653 * sqrt(square / TRIALS);
            assert_true(fabs(bound[0][p] - (alone[p] - half)) <= 1e-6);
            assert_true(fabs(bound[1][p] - (alone[p] + half)) <= 1e-6);
        }
    }
    // Each effect and each layer changes the loss, alone and among the others.
    for (int p = 0; p < PARTS; p++)
        assert_true(fabs(alone[p]) > 1e-7 && fabs(within[p]) > 1e-7);
}

static void costs_as_text(void **state)
{
    (void)state;
    char path[PATH], text[4000];
    struct og_error err = {0};
    in_folder(path, "a.h5");
    FILE *out = tmpfile();
    assert_int_equal(og_result_show_attribution(path, out, &err), OG_OK);
    rewind(out);
    text[fread(text, 1, sizeof text - 1, out)] = '\0';
    fclose(out);
    assert_non_null(strstr(text, "part         alone [points]"));
    assert_non_null(strstr(text, "\nprogramming "));
    assert_non_null(strstr(text, "\nin dense2 "));
    assert_non_null(strstr(text, "\nall "));
    assert_non_null(strstr(text, "interval of the mean over the same chips"));
    og_experiment *e = open_tiny("", NULL);
    run_whole(e, "b.h5");
    og_experiment_free(e);
    in_folder(path, "b.h5");
    out = tmpfile();
    assert_int_equal(og_result_show_attribution(path, out, &err), OG_INPUT);
    assert_non_null(strstr(err.text, "no axis 'variant'"));
    fclose(out);
}

static void unknown_variants_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"nothing", "only", "only nothing", "without in",
                                      "without"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char path[PATH], set[96];
        const char *sets = set;
        og_experiment *e;
        struct og_error err = {0};
        in_folder(path, "e.yaml");
        snprintf(set, sizeof set, "hardware.variant=%s", bad[i]);
        const struct og_overrides o = {.set = &sets, .sets = 1};
        assert_int_equal(og_experiment_read(&e, path, &o, &err), OG_INPUT);
        assert_non_null(strstr(err.text, "is none of: all, ideal, 'only EFFECT'"));
    }
    og_experiment *e = open_tiny("", "{key: hardware.variant, values: [only in dense3]}");
    char out[PATH];
    in_folder(out, "b.h5");
    struct og_error err = {0};
    const struct og_run_options o = {
        .out = out, .command = "test", .data = folder, .mode = OG_JOURNAL_FORCE};
    assert_int_equal(og_run(e, &o, &err), OG_INPUT);
    assert_non_null(strstr(err.text, "no layer 'dense3' has a matrix"));
    og_experiment_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(variants_are_what_is_on),
        cmocka_unit_test(variants_switch_off),
        cmocka_unit_test(layers_of_their_own),
        cmocka_unit_test(effects_of_one_layer),
        cmocka_unit_test(costs_are_differences),
        cmocka_unit_test(costs_as_text),
        cmocka_unit_test(unknown_variants_are_refused),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
