// SPDX-License-Identifier: GPL-3.0-or-later
// The block `compress` of an experiment: keys of rounds, and the hardware they see.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/fields.h"
#include "config/tree.h"

static const char head[] = "model: {layers: [{dense: {units: 10}}]}\n"
                           "hardware: {adc: {bits: 8}}\n";
static const char rounds[] = "compress:\n"
                             "  rounds:\n"
                             "    - {sets: [{layer: all, kind: irregular, keep: 0.5}]}\n"
                             "    - {sets: [{layer: all, kind: irregular, keep: 0.2}]}\n";

static og_status read_text(og_experiment **e, const char *text, struct og_error *err)
{
    const struct og_overrides none = {0};
    return og_experiment_parse(e, "rounds.yaml", text, &none, err);
}

static og_experiment *good(const char *a, const char *b)
{
    og_experiment *e;
    struct og_error err = {0};
    char text[2048];
    snprintf(text, sizeof text, "%s%s%s", head, a, b);
    if (read_text(&e, text, &err) != OG_OK) fail_msg("%s", err.text);
    return e;
}

static struct og_config point(const og_experiment *e, size_t p)
{
    struct og_config c;
    assert_int_equal(og_experiment_point(e, p, &c, NULL), OG_OK);
    return c;
}

static bool same_round(const og_experiment *e, size_t p, size_t q, size_t n)
{
    char a[33], b[33];
    og_experiment_round_key(e, p, n, a);
    og_experiment_round_key(e, q, n, b);
    return strcmp(a, b) == 0;
}

static bool same_stage(const og_experiment *e, size_t p, size_t q, enum og_stage stage)
{
    char a[33], b[33];
    og_experiment_key(e, p, stage, a);
    og_experiment_key(e, q, stage, b);
    return strcmp(a, b) == 0;
}

static void rounds_used_share_their_keys(void **state)
{
    (void)state;
    og_experiment *e =
        good(rounds, "sweep: [{key: compress.rounds_used, values: [0, 1, 2, -1]}]\n");
    const size_t used[] = {0, 1, 2, 2};
    for (size_t p = 0; p < 4; p++) {
        assert_int_equal(og_experiment_rounds(e, p), used[p]);
        assert_int_equal(point(e, p).compress.used, used[p]);
        assert_int_equal(point(e, p).compress.rounds->n, 2);
        char last[33], stage[33];
        og_experiment_round_key(e, p, used[p], last);
        og_experiment_key(e, p, OG_STAGE_COMPRESS, stage);
        assert_string_equal(last, stage);
        assert_true(same_round(e, 0, p, 0));
    }
    assert_true(same_round(e, 1, 2, 1) && same_round(e, 2, 3, 2));
    assert_false(same_stage(e, 0, 1, OG_STAGE_COMPRESS));
    assert_false(same_stage(e, 1, 2, OG_STAGE_COMPRESS));
    assert_true(same_stage(e, 0, 2, OG_STAGE_TRAIN));
    og_experiment_free(e);

    // A later round does not change an earlier one, but the other way round.
    e = good(rounds, "sweep: [{key: 'compress.rounds[1].sets[0].keep', name: keep, "
                     "values: [0.1, 0.2]}]\n");
    assert_true(same_round(e, 0, 1, 1) && !same_round(e, 0, 1, 2));
    const og_item *keep =
        og_item_find(point(e, 0).compress.rounds->child[1], "sets[0].keep", false);
    assert_string_equal(keep->text, "0.1");
    og_experiment_free(e);
    e = good(rounds, "sweep: [{key: 'compress.rounds[0].sets[0].keep', name: keep, "
                     "values: [0.4, 0.5]}]\n");
    assert_true(!same_round(e, 0, 1, 1) && !same_round(e, 0, 1, 2));
    og_experiment_free(e);
    e = good(rounds, "sweep: [{key: train.lr, values: [0.1, 0.2]}]\n");
    assert_true(!same_round(e, 0, 1, 0) && !same_round(e, 0, 1, 1));
    og_experiment_free(e);
    e = good(rounds, "sweep: [{key: hardware.adc.bits, values: [4, 6]}]\n");
    assert_true(same_round(e, 0, 1, 2) && !same_stage(e, 0, 1, OG_STAGE_PROGRAM));
    og_experiment_free(e);
}

static void hardware_follows_training_or_its_own(void **state)
{
    (void)state;
    static const char adc[] = "sweep: [{key: hardware.adc.bits, values: [4, 6]}]\n";
    og_experiment *e = good("train: {hardware: same}\n", adc);
    assert_int_equal(point(e, 0).compress.hardware.adc.bits, 4);
    og_experiment_free(e);
    e = good("compress: {hardware: nominal}\n", adc);
    assert_int_equal(point(e, 0).compress.hardware.adc.bits, 8);
    assert_true(point(e, 0).train.hardware.ideal);
    og_experiment_free(e);
    e = good("train: {hardware: same}\ncompress: {hardware: ideal}\n", adc);
    assert_true(point(e, 1).compress.hardware.ideal);
    og_experiment_free(e);

    char text[1024];
    snprintf(text, sizeof text, "%s  hardware: {adc: {bits: 5}, device: generic}\n",
             rounds);
    e = good(text, "sweep: [{key: compress.hardware.device, values: [generic, "
                   "rram_wan2022]}, {key: compress.hardware.adc.noise, name: noise, "
                   "values: [0 LSB, 1 LSB]}]\n");
    assert_int_equal(point(e, 0).compress.hardware.adc.bits, 5);
    assert_true(point(e, 3).compress.hardware.adc.noise == 1.0);
    assert_string_equal(point(e, 2).compress.hardware.device.name, "rram_wan2022");
    assert_true(same_round(e, 0, 3, 0) && !same_round(e, 0, 1, 1) &&
                !same_round(e, 0, 2, 1));
    // The effective text means the same.
    char *effective = og_experiment_text(e);
    og_experiment *again;
    struct og_error err = {0};
    if (read_text(&again, effective, &err) != OG_OK) fail_msg("%s", err.text);
    for (size_t p = 0; p < 4; p++) {
        char a[33], b[33];
        for (size_t n = 0; n <= 2; n++) {
            og_experiment_round_key(e, p, n, a);
            og_experiment_round_key(again, p, n, b);
            assert_string_equal(a, b);
        }
    }
    free(effective);
    og_experiment_free(again);
    og_experiment_free(e);
}

static void wrong_blocks_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *says;
    } wrong[] = {
        {"compress: {rounds: 3}\n",
         ":3: key 'compress.rounds': must be a list of rounds"},
        {"compress:\n  rounds: []\n",
         ":4: key 'compress.rounds': is empty: give a round, or leave 'compress' out"},
        {"compress:\n  rounds_used: 1\n",
         ":4: key 'compress.rounds_used': 1 is more than the 0 rounds"},
        {"compress:\n  rounds_used: -2\n",
         "-2 is outside the allowed range (-1 .. 1000)"},
        {"compress: {round: []}\n", "unknown key; did you mean 'rounds'?"},
        {"compress: {hardware: real}\n",
         ":3: key 'compress.hardware': 'real' is none of: ideal, same, nominal"},
        {"compress: {hardware: {adc: {bits: 99}}}\n",
         ":3: key 'compress.hardware.adc.bits': 99 is outside"},
        {"sweep: [{key: hardware.adc.bits, name: compression, values: [4, 6]}]\n",
         "'compression' is taken by the result file"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char text[1024];
        og_experiment *e;
        struct og_error err = {0};
        snprintf(text, sizeof text, "%s%s", head, wrong[i].yaml);
        assert_int_equal(read_text(&e, text, &err), OG_INPUT);
        if (!strstr(err.text, wrong[i].says))
            fail_msg("'%s', not '%s'", err.text, wrong[i].says);
    }
}

// Keys that are not given keep what the struct had.
static void given_keys_alone_are_bound(void **state)
{
    (void)state;
    static const struct og_field fields[] = {
        {.key = "a", .type = OG_FIELD_INT, .min = 0, .max = 9, .def = "1"},
        {.key = "b", .type = OG_FIELD_INT, .offset = sizeof(int), .min = 0, .max = 9},
        {.key = NULL},
    };
    int target[2] = {5, 6};
    og_item *map;
    assert_int_equal(og_fields_bind_given(fields, NULL, target, NULL), OG_OK);
    assert_true(target[0] == 5 && target[1] == 6);
    assert_int_equal(og_item_parse(&map, "m", "b: 7", NULL), OG_OK);
    assert_int_equal(og_fields_bind_given(fields, map, target, NULL), OG_OK);
    assert_true(target[0] == 5 && target[1] == 7);
    og_item_free(map);
    assert_int_equal(og_item_parse(&map, "m", "c: 7", NULL), OG_OK);
    assert_int_equal(og_fields_bind_given(fields, map, target, NULL), OG_INPUT);
    og_item_free(map);
    assert_int_equal(og_item_parse(&map, "m", "a: 70", NULL), OG_OK);
    assert_int_equal(og_fields_bind_given(fields, map, target, NULL), OG_INPUT);
    og_item_free(map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rounds_used_share_their_keys),
        cmocka_unit_test(hardware_follows_training_or_its_own),
        cmocka_unit_test(wrong_blocks_are_named),
        cmocka_unit_test(given_keys_alone_are_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
