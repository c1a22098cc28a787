// SPDX-License-Identifier: GPL-3.0-or-later
// A technology in an experiment: a file and what differs from it, on which no training
// depends.
#include "config/tree.h"
#include "config_texts.h"

static struct og_config point(const og_experiment *e, size_t p)
{
    struct og_config c;
    assert_int_equal(og_experiment_point(e, p, &c, NULL), OG_OK);
    return c;
}

static bool same_key(const og_experiment *e, enum og_stage stage)
{
    char a[33], b[33];
    og_experiment_key(e, 0, stage, a);
    og_experiment_key(e, 1, stage, b);
    return strcmp(a, b) == 0;
}

static void a_swept_technology(void **state)
{
    (void)state;
    og_experiment *e, *again;
    const char text[] =
        "hardware:\n  technology: {name: isaac_32nm, cell: {area: 2 um2}}\n"
        "  tile: {columns_per_adc: 8}\n"
        "train: {hardware: same}\n"
        "sweep: [{key: hardware.technology, name: node,"
        " values: [isaac_32nm, yuan_45nm]}]\n";
    assert_int_equal(read_text(&e, text, NULL), OG_OK);
    struct og_config a = point(e, 0), b = point(e, 1);
    assert_string_equal(a.hardware.technology.name, "isaac_32nm");
    assert_string_equal(b.hardware.technology.name, "yuan_45nm");
    assert_true(a.hardware.technology.cell.area == 2e-12);
    assert_true(b.hardware.technology.cell.area == 2e-12);
    assert_true(a.hardware.technology.adc.at.area == 1.2e-9);
    assert_true(b.hardware.technology.adc.at.area > 2e-9);
    assert_true(same_key(e, OG_STAGE_TRAIN) && same_key(e, OG_STAGE_PROGRAM));
    assert_false(same_key(e, OG_STAGE_EVALUATE));
    char *effective = og_experiment_text(e);
    write_file("again.yaml", effective);
    assert_int_equal(og_experiment_read(&again, "again.yaml", NULL, NULL), OG_OK);
    for (size_t p = 0; p < 2; p++) {
        a = point(e, p);
        b = point(again, p);
        assert_memory_equal(&a.hardware, &b.hardware, sizeof a.hardware);
    }
    free(effective);
    og_experiment_free(e);
    og_experiment_free(again);
}

static void an_effective_text_without_one(void **state)
{
    (void)state;
    og_experiment *e, *again;
    assert_int_equal(read_text(&e, "train: {hardware: {adc: {bits: 4}}}\n", NULL), OG_OK);
    char *text = og_experiment_text(e);
    write_file("again.yaml", text);
    struct og_error err = {0};
    og_experiment_read(&again, "again.yaml", NULL, &err);
    assert_string_equal(err.text, "");
    free(text);
    og_experiment_free(e);
    og_experiment_free(again);
}

static void what_has_no_effect_is_refused(void **state)
{
    static const char *const bad[][2] = {
        {"hardware: {tile: {columns_per_adc: 8}}\n",
         "e.yaml:2: key 'hardware.tile.columns_per_adc': has no effect without "
         "hardware.technology, or errors of adc.circuit"},
        {"hardware: {technology: {cell: {area: 1 um2}}}\n",
         "e.yaml:2: key 'hardware.technology': has no effect without a name"},
        {"hardware: {technology: {name: isaac_32nm, cell: {area: 2 m}}}\n",
         "e.yaml:2: key 'hardware.technology.cell.area': '2 m' has a wrong unit: it is "
         "measured in m2"},
        {"train: {hardware: {technology: isaac_32nm}}\n",
         "e.yaml:2: key 'train.hardware.technology': has no effect: only "
         "hardware.technology has"},
        {"sweep: [{key: seed, name: area, values: [1]}]\n",
         "e.yaml:2: key 'sweep[0]': axis name 'area' is taken by the result file"},
        {"hardware: {device: {pruned_cells: off}, mapping: {scheme: offset}}\n",
         "e.yaml:2: key 'hardware.device.pruned_cells': off needs a differential "
         "mapping.scheme: in offset a zero weight is not a zero conductance"},
    };
    (void)state;
    all_are_refused(bad, sizeof bad / sizeof *bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_swept_technology),
        cmocka_unit_test(an_effective_text_without_one),
        cmocka_unit_test(what_has_no_effect_is_refused),
    };
    return cmocka_run_group_tests(tests, enter_folder, remove_folder);
}
