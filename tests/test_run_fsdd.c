// SPDX-License-Identifier: GPL-3.0-or-later
// Spoken digits inside a whole run: keys reach the features, and what was cut is said.
#include "fsdd_files.h"
#include "ohmgrid/run.h"

static const char text[] = "data: {name: fsdd, features: {coefficients: 5}}\n"
                           "model: {layers: [{lstm: {units: 3}}, {dense: {units: 10}}]}\n"
                           "hardware: {ideal: true}\n"
                           "train: {epochs: 1, batch: 2}\n"
                           "sweep: [{key: data.steps, name: steps, values: [6, 8]}]\n";

static og_status run_this(const char *yaml, const char *set, struct og_error *err)
{
    og_experiment *e;
    memset(err, 0, sizeof *err);
    write_plain("e.yaml", (const uint8_t *)yaml, strlen(yaml));
    const struct og_overrides o = {.set = &set, .sets = set != NULL};
    og_status status = og_experiment_read(&e, in_root("e.yaml"), &o, err);
    if (status != OG_OK) return status;
    char out[2 * PATH];
    snprintf(out, sizeof out, "%s", in_root("a.h5"));
    status = og_run(
        e, &(struct og_run_options){.out = out, .data = root, .mode = OG_JOURNAL_FORCE},
        err);
    og_experiment_free(e);
    return status;
}

static og_status run_text(const char *set, struct og_error *err)
{
    return run_this(text, set, err);
}

static uint64_t number_of_run(hid_t file, const char *name)
{
    uint64_t value = 0;
    hid_t a = H5Aopen_by_name(file, "run", name, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(a >= 0);
    assert_true(H5Aread(a, H5T_NATIVE_UINT64, &value) >= 0);
    H5Aclose(a);
    return value;
}

static void whole_run(void **state)
{
    (void)state;
    struct og_error err;
    write_h5(&(struct fault){0});
    if (run_text(NULL, &err) != OG_OK) fail_msg("%s", err.text);
    hid_t file = H5Fopen(in_root("a.h5"), H5F_ACC_RDONLY, H5P_DEFAULT);
    assert_true(file >= 0);
    // At 6 steps: the training recording of 13, not that of 6; all test recordings of at
    // least 1024 samples, which the first (1000 samples) is not.
    assert_int_equal(number_of_run(file, "shortened_train"), 1);
    assert_int_equal(number_of_run(file, "shortened_test"), 9);
    // Four gates of 3 units, over 5 coefficients and 3 units.
    hid_t set = H5Dopen2(file, "/model/m0/lstm1/weight_l0", H5P_DEFAULT);
    hid_t space = H5Dget_space(set);
    assert_int_equal(H5Sget_simple_extent_npoints(space), 12 * (5 + 3));
    H5Sclose(space);
    H5Dclose(set);
    H5Fclose(file);
}

static void keys_are_checked(void **state)
{
    (void)state;
    struct og_error err;
    write_h5(&(struct fault){0});
    assert_int_equal(run_text("data.as=rows", &err), OG_INPUT);
    assert_non_null(strstr(err.text, "data.as has no effect on the data set fsdd"));
    assert_int_equal(run_text("data.features.high=5 kHz", &err), OG_INPUT);
    assert_non_null(strstr(err.text, "5000 Hz, more than half"));
    assert_int_equal(run_text("data.features.mels=200", &err), OG_INPUT);
    assert_non_null(strstr(err.text, "fewer mels"));
}

// The set wav with its folder, its class and the features of librosa.
static void own_recordings(void **state)
{
    (void)state;
    struct og_error err;
    write_wavs();
    if (run_this("data: {name: wav, file: spoken, classes: recordings, folds: 3, "
                 "features: {coefficients: 5, shape: hann, centre: true, mel: slaney, "
                 "low: 300, mels: 10, scale: db, top_db: 60}}\n"
                 "model: {layers: [{lstm: {units: 3}}, {dense: {units: 1}}]}\n"
                 "hardware: {ideal: true}\n"
                 "train: {epochs: 1, batch: 2}\n",
                 NULL, &err) != OG_OK)
        fail_msg("%s", err.text);
}

static int finish_run(void **state)
{
    unlink(in_root("e.yaml"));
    unlink(in_root("a.h5"));
    return finish(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_run),
        cmocka_unit_test(keys_are_checked),
        cmocka_unit_test(own_recordings),
    };
    return cmocka_run_group_tests(tests, start, finish_run);
}
