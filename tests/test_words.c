// SPDX-License-Identifier: GPL-3.0-or-later
// A folder of WAV files for each class: which are tested, their order and labels.
#include "fsdd_files.h"

enum { WORDS = 7, MANY = 4100 };
// The first sample says which recording it is.
static const char *const word[WORDS] = {"a/0.wav", "a/1.wav", "a/2.wav", "b/0.wav",
                                        "b/3.wav", "c/x.wav", "c/y.wav"};

static const char *in_words(const char *name)
{
    static char path[PATH];
    snprintf(path, sizeof path, "words/%s", name);
    return path;
}

static void write_word(int i, int n, SF_INFO info)
{
    static int16_t x[ROOM];
    sine(x, n, 300 + 100 * i, 5000);
    x[0] = (int16_t)(1000 * (i + 1));
    write_wav(in_words(word[i]), x, (size_t)n, info);
}

static void write_list_of(const char *name, const char *text)
{
    write_plain(in_words(name), (const uint8_t *)text, strlen(text));
}

static void remove_lists(void)
{
    unlink(in_root(in_words("testing_list.txt")));
    unlink(in_root(in_words("validation_list.txt")));
}

static void make_folder(const char *name) { mkdir(in_root(in_words(name)), 0777); }

static int start_words(void **state)
{
    make_root(state);
    make_folder("");
    make_folder("a");
    make_folder("b");
    make_folder("c");
    make_folder("_noise_");
    for (int i = 0; i < WORDS; i++) write_word(i, 600 + 100 * i, plain_wav);
    return 0;
}

static int finish_words(void **state)
{
    remove_lists();
    for (int i = 0; i < WORDS; i++) unlink(in_root(in_words(word[i])));
    const char *const folders[] = {"a", "b", "c", "_noise_", ""};
    for (int i = 0; i < 5; i++) rmdir(in_root(in_words(folders[i])));
    return remove_root(state);
}

static struct og_data_spec words(enum og_split split, const char *classes)
{
    struct og_data_spec spec = {.name = "wav",
                                .split = split,
                                .speech = og_speech_default(),
                                .series = og_series_default()};
    spec.series.scale = OG_SCALE_NONE;
    snprintf(spec.series.file, sizeof spec.series.file, "words");
    snprintf(spec.series.classes, sizeof spec.series.classes, "%s", classes);
    return spec;
}

static og_status open_words(struct og_dataset **set, const struct og_data_spec *spec,
                            struct og_error *err)
{
    const struct og_data_search where = {root};
    memset(err, 0, sizeof *err);
    return og_dataset_open(set, spec, &where, err);
}

static void fails(const struct og_data_spec *spec, const char *said)
{
    struct og_dataset *set;
    struct og_error err;
    assert_int_equal(open_words(&set, spec, &err), OG_INPUT);
    assert_null(set);
    if (!strstr(err.text, said)) fail_msg("'%s' is not in: %s", said, err.text);
}

static struct og_dataset *opened_words(const struct og_data_spec *spec)
{
    struct og_dataset *set;
    struct og_error err;
    if (open_words(&set, spec, &err) != OG_OK) fail_msg("%s", err.text);
    return set;
}

// Lengths say which recordings a set has: digits of a number, and their labels likewise.
static void expect(enum og_split split, const char *classes, int fold, int members,
                   int labels)
{
    struct og_data_spec spec = words(split, classes);
    if (fold >= 0) {
        spec.series.folds = 3;
        spec.series.fold = fold;
    }
    spec.speech.window = 200;  // 26 bands in what has 256 frequencies
    spec.speech.hop = 100;     // 600 + 100 i samples: 5 + i steps
    struct og_dataset *set = opened_words(&spec);
    int member = 0, label = 0;
    for (size_t k = 0; k < set->n; k++) {
        member = 10 * member + (int)(set->first[k + 1] - set->first[k]) - 4;
        label = 10 * label + set->label[k] + 1;
    }
    assert_int_equal(member, members);
    assert_int_equal(label, labels);
    assert_int_equal(set->classes, classes[0] ? (int)(strlen(classes) + 1) / 2 : 3);
    og_dataset_free(set);
}

// Recordings k where k % folds is fold, classes by turns.
static void folds_and_classes(void **state)
{
    (void)state;
    expect(OG_TEST, "", 0, 147, 123);
    expect(OG_TRAIN, "", 0, 6253, 3121);
    expect(OG_TEST, "", 2, 63, 31);
    expect(OG_TEST, "c a", 0, 62, 12);
    expect(OG_TRAIN, "c a", 0, 173, 212);
    struct og_data_spec spec = words(OG_TEST, "");
    struct og_dataset *set = opened_words(&spec);  // folds 5
    assert_int_equal(set->n, 2);
    og_dataset_free(set);
    make_folder("none");
    fails(&spec, "none has no WAV files");
    spec = words(OG_TEST, "none a b");
    set = opened_words(&spec);
    assert_int_equal(set->classes, 3);
    assert_int_equal(set->label[0], 1);
    og_dataset_free(set);
    rmdir(in_root(in_words("none")));
}

static void lists(void **state)
{
    (void)state;
    write_list_of("testing_list.txt", "a/1.wav\r\n\nc/y.wav\nb/0.wav");
    expect(OG_TEST, "", -1, 427, 213);
    expect(OG_TRAIN, "", -1, 1653, 1321);
    write_list_of("validation_list.txt", "a/0.wav\nb/3.wav\n");
    expect(OG_TEST, "", -1, 427, 213);
    expect(OG_TRAIN, "", -1, 63, 31);
    expect(OG_TRAIN, "c a", -1, 63, 12);  // b is not asked for
    struct og_data_spec spec = words(OG_TEST, "");
    spec.series.fold = 1;
    fails(&spec, "has a testing_list.txt");
    spec.series.fold = 0;
    const char *const wrong[] = {"a/9.wav", "a", "d/0.wav", "/a/0.wav"};
    for (int i = 0; i < 4; i++) {
        write_list_of("testing_list.txt", wrong[i]);
        fails(&spec, "testing_list.txt:1: there is no recording");
    }
    write_list_of("testing_list.txt", "b/9.wav");
    spec = words(OG_TEST, "a");
    fails(&spec, "no recording 'b/9.wav'");
    write_list_of("testing_list.txt",
                  "a/0.wav\na/1.wav\na/2.wav\nb/0.wav\nb/3.wav\nc/x.wav\nc/y.wav\n");
    spec = words(OG_TEST, "");
    fails(&spec, "no training samples");
    remove_lists();
}

static void wrong_keys(void **state)
{
    (void)state;
    struct og_data_spec spec = words(OG_TEST, "a z");
    fails(&spec, "no folder 'z'");
    spec = words(OG_TEST, "a _noise_");
    fails(&spec, "no folder '_noise_'");
    spec = words(OG_TEST, "a ../words/a");
    fails(&spec, "no folder '../words/a'");
    spec = words(OG_TEST, "a b a");
    fails(&spec, "'a' is there twice");
    spec = words(OG_TEST, "");
    spec.series.file[0] = '\0';
    fails(&spec, "data.file is missing");
    snprintf(spec.series.file, sizeof spec.series.file, "nowhere");
    fails(&spec, "was not found");
    snprintf(spec.series.file, sizeof spec.series.file, "words/_noise_");
    fails(&spec, "has 0 folders of classes");
    spec = words(OG_TEST, "");
    spec.speech.high = 4001;
    fails(&spec, "more than half the sample rate of 8000 Hz");
    spec = words(OG_TEST, "a");
    snprintf(spec.name, sizeof spec.name, "hdf5");
    fails(&spec, "data.classes has no effect");
    spec = words(OG_TEST, "");
    snprintf(spec.series.test_groups, sizeof spec.series.test_groups, "x");
    fails(&spec, "test_groups");
}

// Any rate, but one.
static void rates(void **state)
{
    (void)state;
    struct og_data_spec spec = words(OG_TEST, "");
    SF_INFO info = plain_wav;
    info.samplerate = 16000;
    write_word(3, 900, info);
    fails(&spec, "b/0.wav has 1 channels at 16000 Hz, not 1 at 8000 Hz");
    for (int i = 0; i < WORDS; i++) write_word(i, 900, info);
    spec.speech.high = 8000;
    og_dataset_free(opened_words(&spec));
    for (int i = 0; i < WORDS; i++) write_word(i, 600 + 100 * i, plain_wav);
}

// More than are read at a time: all alike, so all features are.
static void many_words(void **state)
{
    (void)state;
    struct og_dataset *set;
    char name[PATH];
    int16_t x[300];
    sine(x, 300, 500, 5000);
    make_folder("d");
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "words/d/%d.wav", i);
        write_wav(name, x, 300, plain_wav);
    }
    struct og_data_spec spec = words(OG_TRAIN, "d");
    spec.series.folds = 1000;
    set = opened_words(&spec);
    assert_int_equal(set->n, MANY - 5);
    for (size_t k = 0; k < set->n; k++) {
        assert_int_equal(set->first[k], k);
        assert_memory_equal(set->step, set->step + 13 * k, 13 * sizeof *set->step);
    }
    og_dataset_free(set);
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "words/d/%d.wav", i);
        unlink(in_root(name));
    }
    rmdir(in_root(in_words("d")));
}

static void memory_failures(void **state)
{
    (void)state;
    const struct og_data_spec spec = words(OG_TEST, "c a");
    int failures = 0;
    og_status status = OG_NO_MEMORY;
    for (size_t n = 1; status == OG_NO_MEMORY; n++) {
        struct og_dataset *set;
        struct og_error err;
        og_alloc_fail_at(n);
        status = open_words(&set, &spec, &err);
        og_alloc_fail_at(0);
        failures += status != OG_OK;
        assert_true((status == OG_OK) == (set != NULL));
        og_dataset_free(set);
    }
    assert_int_equal(status, OG_OK);
    assert_true(failures > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folds_and_classes), cmocka_unit_test(lists),
        cmocka_unit_test(wrong_keys),        cmocka_unit_test(rates),
        cmocka_unit_test(many_words),        cmocka_unit_test(memory_failures),
    };
    return cmocka_run_group_tests(tests, start_words, finish_words);
}
