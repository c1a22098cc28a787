// SPDX-License-Identifier: GPL-3.0-or-later
// Series inside a whole run: every key reaches the data.
#include "ohmgrid/run.h"
#include "series_files.h"

static const char text[] =
    "data: {name: hdf5, file: own.h5, scale: none, folds: 3, fold: 1}\n"
    "model: {layers: [{lstm: {units: 3}}, {dense: {units: 4}}]}\n"
    "hardware: {adc: {bits: 6}, dac: {bits: 6}}\n"
    "train: {epochs: 1, batch: 2}\n"
    "output: {model: false}\n";

static og_status run_more(const char *more, const char *const *set, size_t sets,
                          struct og_error *err)
{
    og_experiment *e;
    char out[2 * PATH], all[1024];
    memset(err, 0, sizeof *err);
    snprintf(all, sizeof all, "%s%s", text, more);
    write_plain("e.yaml", (const uint8_t *)all, strlen(all));
    const struct og_overrides o = {.set = set, .sets = sets};
    og_status status = og_experiment_read(&e, in_root("e.yaml"), &o, err);
    if (status != OG_OK) return status;
    snprintf(out, sizeof out, "%s", in_root("a.h5"));
    const struct og_run_options options = {
        .out = out, .data = root, .mode = OG_JOURNAL_FORCE};
    status = og_run(e, &options, err);
    og_experiment_free(e);
    return status;
}

static og_status run_with(const char *const *set, size_t sets, struct og_error *err)
{
    return run_more("", set, sets, err);
}

static void runs(const char *const *set, size_t sets)
{
    struct og_error err;
    if (run_with(set, sets, &err) != OG_OK) fail_msg("%s", err.text);
}

// Of the first point and trial.
static double value_of(const char *name)
{
    double value = -1;
    hid_t file = H5Fopen(in_root("a.h5"), H5F_ACC_RDONLY, H5P_DEFAULT);
    hid_t set = H5Dopen2(file, name, H5P_DEFAULT);
    assert_true(set >= 0);
    assert_true(H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, &value) >=
                0);
    H5Dclose(set);
    H5Fclose(file);
    return value;
}

// Reads of the LSTM's array for one test sequence: the mean of their steps.
static double reads(void) { return value_of("/layers/lstm1/reads"); }

// Sequence k has k + 1 steps.
static void reads_are_steps(void **state)
{
    (void)state;
    write_own(NULL);
    runs(NULL, 0);  // 1 and 4
    assert_true(reads() == 3.5);
    runs((const char *[]){"data.fold=0"}, 1);  // 0 and 3
    assert_true(reads() == 2.5);
    runs((const char *[]){"data.fold=0", "data.folds=2"}, 2);  // 0, 2 and 4
    assert_true(reads() == 3);
    runs((const char *[]){"data.fold=0", "data.folds=5", "data.test_groups=cy"}, 3);
    assert_true(reads() == 3);  // 3, 4 and 5, of which training has up to 3 steps
    runs((const char *[]){"data.steps=4"}, 1);
    assert_true(reads() == 3);
    runs((const char *[]){"data.steps=8", "data.lengths=equal"}, 2);
    assert_true(reads() == 8);
    runs((const char *[]){"data.average=2"}, 1);
    assert_true(reads() == 1.5);
    const double raw = value_of("/results/loss");
    runs((const char *[]){"data.average=2", "data.scale=deviation"}, 2);
    assert_true(value_of("/results/loss") != raw);
}

static void wrong_keys_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *set, *said;
    } cases[] = {
        {"data.fold=3", "data.fold is 3, not in 0 to 2"},
        {"data.test_groups=ann", "no effect beside test_groups"},
        {"data.as=rows", "data.as has no effect"},
        {"data.as=strokes", "data.as strokes is for handwriting"},
        {"data.pen.box=true", "data.pen.box has no effect"},
        {"data.pen=2", "data.pen.spacing has no effect"},
        {"data.file=other.h5", "was not found"},
        {"data.name=mnist", "key 'data.file': has no effect"},
        {"attack={kind: pgd}", "--set attack={kind: pgd}: key 'attack.kind': data set "
                               "hdf5 cannot be attacked"},
        {"train.adversarial={kind: fgsm}", "key 'train.adversarial.kind': data set hdf5"},
        {"model.layers=[flatten, {dense: {units: 4}}]", "data.lengths equal"},
    };
    struct og_error err;
    write_own(NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_not_equal(run_with(&cases[i].set, 1, &err), OG_OK);
        if (!strstr(err.text, cases[i].said)) fail_msg("%s", err.text);
    }
    runs((const char *[]){cases[10].set, "data.lengths=equal"}, 2);
}

// Found out with the data and the network there, and told with its line all the same.
static void what_does_not_fit_has_a_line(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"attack:\n  kind: pgd\n", "e.yaml:7: key 'attack.kind': data set hdf5 cannot"},
        {"attack: pgd\n", "e.yaml:6: key 'attack': 'attack.kind': data set hdf5 cannot"},
        {"sweep:\n- {key: attack.kind, name: a, values: [none, pgd]}\n",
         "e.yaml:7: key 'attack.kind': data set hdf5 cannot be attacked: only pixels "
         "have a range to stay in"},
        {"evaluate:\n  norm_samples: 2\n",
         "e.yaml:7: key 'evaluate.norm_samples': the network has no batch_norm layer"},
        {"sweep:\n- key: hardware.injection.points\n  name: points\n  values:\n"
         "  - [A]\n  - [X, A_z]\n",
         "e.yaml:11: key 'hardware.injection.points': no layer of the network has a "
         "point "
         "A_z"},
    };
    struct og_error err;
    write_own(NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(run_more(cases[i][0], NULL, 0, &err), OG_INPUT);
        if (!strstr(err.text, cases[i][1])) fail_msg("%s", err.text);
    }
}

static int start(void **state)
{
    make_series();
    return make_root(state);
}

static int finish(void **state)
{
    unlink(in_root("own.h5"));
    unlink(in_root("e.yaml"));
    unlink(in_root("a.h5"));
    return remove_root(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_are_steps),
        cmocka_unit_test(wrong_keys_are_named),
        cmocka_unit_test(what_does_not_fit_has_a_line),
    };
    return cmocka_run_group_tests(tests, start, finish);
}
