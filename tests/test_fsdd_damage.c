// SPDX-License-Identifier: GPL-3.0-or-later
// Spoken digits: every kind of damage, and keys that would have no effect.
#include "fsdd_files.h"

static void fails(const char *folder, const struct og_data_spec *spec, const char *said)
{
    struct og_dataset *set;
    struct og_error err;
    assert_int_equal(open_in(&set, folder, spec, &err), OG_INPUT);
    assert_null(set);
    if (!strstr(err.text, said)) fail_msg("'%s' is not in: %s", said, err.text);
}

static void hostile_lists(void **state)
{
    (void)state;
    const struct og_data_spec spec = {0};
    write_h5(&(struct fault){.without = "label"});
    fails(root, &spec, "fsdd.h5: dataset 'label' is missing");
    write_h5(&(struct fault){.rate = 16000});
    fails(root, &spec, "'sample_rate_hz' is not 8000");
    write_h5(&(struct fault){.sample_type = H5T_IEEE_F64LE});
    fails(root, &spec, "'samples' does not hold signed 16-bit integers");
    write_h5(&(struct fault){.sample_type = H5T_NATIVE_INT32});
    fails(root, &spec, "'samples' does not hold signed 16-bit integers");
    write_h5(&(struct fault){.labels = CLIPS - 1});
    fails(root, &spec, "11 labels, 12 entries of 'index' and 13 of 'offset'");
    const int64_t last = offset[CLIPS], third = offset[3];
    offset[3] = last + 1;
    write_h5(&(struct fault){0});
    offset[3] = third;
    fails(root, &spec, "recording 2 has samples");
    offset[3] = -1;
    write_h5(&(struct fault){0});
    offset[3] = offset[2];  // an empty recording
    fails(root, &spec, "recording 2 has samples");
    write_h5(&(struct fault){0});
    offset[3] = third;
    fails(root, &spec, "recording 2 has samples");
    label[4] = 10;
    write_h5(&(struct fault){0});
    label[4] = 0;
    fails(root, &spec, "label 4 is 10, not in 0 to 9");
    take[4] = -2;
    write_h5(&(struct fault){0});
    take[4] = 4;
    fails(root, &spec, "index 4 is -2");
    take[5] = take[11] = 4;
    write_h5(&(struct fault){0});
    take[5] = take[11] = 5;
    fails(root, &(struct og_data_spec){.split = OG_TEST}, "no training samples");
}

static size_t read_bytes(const char *path, uint8_t *bytes, size_t room)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    const size_t n = fread(bytes, 1, room, f);
    fclose(f);
    return n;
}

// Cut off anywhere, the file is refused. What changed bytes do inside HDF5 1.10 (it leaks
// memory and believes wrong sizes) is not ours; what it hands on is, see below.
static void cut_h5(void **state)
{
    (void)state;
    static uint8_t bytes[1 << 17];
    const char *name = "fsdd/fsdd.h5";
    write_h5(&(struct fault){0});
    const size_t n = read_bytes(in_root(name), bytes, sizeof bytes);
    assert_in_range(n, 20000, sizeof bytes - 1);
    for (size_t i = 0; i < 64; i++) {
        write_plain(name, bytes, n * i / 64);
        fails(root, &(struct og_data_spec){0}, "fsdd.h5");
    }
}

// Integers that are only a part of their bytes: where a file says so wrongly, HDF5 looks
// for their bits beyond the value.
static void strange_types(void **state)
{
    (void)state;
    const struct og_data_spec spec = {0};
    hid_t part = H5Tcopy(H5T_NATIVE_INT32);
    assert_true(H5Tset_precision(part, 20) >= 0);
    write_h5(&(struct fault){.rate_type = part});
    fails(root, &spec, "'sample_rate_hz' is not 8000");
    write_h5(&(struct fault){.label_type = part});
    fails(root, &spec, "'label' does not hold integers");
    H5Tclose(part);
    write_h5(&(struct fault){.label_type = H5T_NATIVE_FLOAT});
    fails(root, &spec, "'label' does not hold integers");
    write_h5(&(struct fault){.label_type = H5T_STD_I64BE});
    og_dataset_free(opened(root, &spec));
}

// No memory is asked for that the file cannot fill.
static void announced_sizes(void **state)
{
    (void)state;
    write_h5(&(struct fault){.announced = (hsize_t)1 << 40});
    fails(root, &(struct og_data_spec){0}, "'samples' is no list, or longer than");
}

static void damaged_wav(void **state)
{
    (void)state;
    const struct og_data_spec spec = {0};
    char folder[2 * PATH];
    static uint8_t bytes[1 << 14];
    char path[PATH];
    snprintf(folder, sizeof folder, "%s", in_root("spoken"));
    write_wavs();
    snprintf(path, sizeof path, "%s", wav_name(5));
    SF_INFO info = plain_wav;
    info.channels = 2;
    write_wav(path, sample, 1000, info);
    fails(folder, &spec, "0_anna_5.wav has 2 channels at 8000 Hz");
    info = plain_wav;
    info.samplerate = 16000;
    write_wav(path, sample, 1000, info);
    fails(folder, &spec, "has 1 channels at 16000 Hz");
    info = plain_wav;
    info.format = SF_FORMAT_WAV | SF_FORMAT_FLOAT;
    write_wav(path, sample, 1000, info);
    fails(folder, &spec, "is not WAV with 16-bit samples");
    write_wav(path, sample, 0, plain_wav);
    fails(folder, &spec, "0_anna_5.wav has no samples");
    write_plain(path, bytes, 100);
    fails(folder, &spec, "0_anna_5.wav cannot be read");
    write_wavs();
    const char *other = "spoken/recordings/ten_anna_5.wav";
    write_wav(other, sample, 1000, plain_wav);
    fails(folder, &spec, "ten_anna_5.wav is not named as");
    unlink(in_root(other));
    // A header that announces more than there is: what is there counts.
    const size_t n = read_bytes(in_root(path), bytes, sizeof bytes);
    bytes[43] = 0x7f;
    write_plain(path, bytes, n);
    struct og_dataset *set = opened(folder, &spec);
    assert_int_equal(set->first[1], 6);
    og_dataset_free(set);
    unlink(in_root(wav_name(5)));
    unlink(in_root(wav_name(11)));
    fails(folder, &(struct og_data_spec){.split = OG_TEST},
          "no recording of the training");
    write_wavs();
}

static void keys_without_effect(void **state)
{
    (void)state;
    write_h5(&(struct fault){0});
    struct og_series boxed = og_series_default(), groups = boxed;
    boxed.boxed = true;
    snprintf(groups.test_groups, sizeof groups.test_groups, "jackson");
    struct og_data_spec wrong[7] = {
        {.rows = true},     {.crop = 1},       {.flip = true},    {.mean = {1}},
        {.std = {0, 0, 1}}, {.series = boxed}, {.series = groups}};
    for (int i = 0; i < 7; i++) fails(root, &wrong[i], "no effect on the data set fsdd");
    struct og_data_spec spec = {.name = "mnist", .speech = og_speech_default()};
    struct og_error err = {0};
    struct og_dataset *set;
    const struct og_data_search where = {root};
    write_mnist("mnist");
    assert_int_equal(og_dataset_open(&set, &spec, &where, &err), OG_OK);
    og_dataset_free(set);
    spec.speech.steps = 8;
    assert_int_equal(og_dataset_open(&set, &spec, &where, &err), OG_INPUT);
    assert_non_null(strstr(err.text, "no effect on images"));
    spec = (struct og_data_spec){.speech = og_speech_default()};
    spec.speech.coefficients = 27;
    fails(root, &spec, "27 is more than the 26 bands");
    spec.speech.coefficients = 13;
    spec.speech.low = spec.speech.high;
    fails(root, &spec, "'features.high'");
    spec.speech = og_speech_default();
    spec.speech.features = OG_LOG_MEL;
    set = opened(root, &spec);
    assert_int_equal(set->shape.dim[1], 26);
    og_dataset_free(set);
    spec.speech.coefficients = 12;
    fails(root, &spec, "has no effect with kind log_mel");
}

static void memory_failures(void **state)
{
    (void)state;
    write_h5(&(struct fault){0});
    write_wavs();
    const char *const folders[] = {root, in_root("spoken")};
    for (int i = 0; i < 2; i++) {
        int failures = 0;
        og_status status = OG_NO_MEMORY;
        for (size_t n = 1; status == OG_NO_MEMORY; n++) {
            struct og_dataset *set;
            struct og_error err;
            og_alloc_fail_at(n);
            status = open_in(&set, folders[i], &(struct og_data_spec){0}, &err);
            og_alloc_fail_at(0);
            failures += status != OG_OK;
            assert_true((status == OG_OK) == (set != NULL));
            og_dataset_free(set);
        }
        assert_int_equal(status, OG_OK);
        assert_true(failures > 10);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_lists),   cmocka_unit_test(cut_h5),
        cmocka_unit_test(strange_types),   cmocka_unit_test(announced_sizes),
        cmocka_unit_test(damaged_wav),     cmocka_unit_test(keys_without_effect),
        cmocka_unit_test(memory_failures),
    };
    return cmocka_run_group_tests(tests, start, finish);
}
