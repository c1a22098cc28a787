// SPDX-License-Identifier: GPL-3.0-or-later
// Text as data: symbols, vocabularies, streams and windows, and files that are none.
#include "data_files.h"

static void write_text(const char *name, const char *text)
{
    write_plain(name, (const uint8_t *)text, strlen(text));
}

static struct og_data_spec spec_of(const char *name, enum og_data_as unit)
{
    struct og_data_spec spec = {
        .text = {.unit = (int)unit, .steps = 4, .streams = 2},
    };
    snprintf(spec.name, sizeof spec.name, "%s", name);
    if (strcmp(name, "text") != 0) return spec;
    snprintf(spec.text.file, sizeof spec.text.file, "one.txt");
    spec.text.part[0] = 1;
    return spec;
}

static og_status open_as(struct og_dataset **set, const struct og_data_spec *spec,
                         struct og_error *err)
{
    const struct og_data_search where = {root};
    memset(err, 0, sizeof *err);
    return og_dataset_open(set, spec, &where, err);
}

static struct og_dataset *must_open(const struct og_data_spec *spec)
{
    struct og_dataset *set;
    struct og_error err;
    if (open_as(&set, spec, &err) != OG_OK) fail_msg("%s", err.text);
    return set;
}

static void refused(const struct og_data_spec *spec, const char *why)
{
    struct og_dataset *set;
    struct og_error err;
    assert_int_equal(open_as(&set, spec, &err), OG_INPUT);
    assert_null(set);
    if (!strstr(err.text, why)) fail_msg("'%s' does not say '%s'", err.text, why);
}

// The symbols of a set, as letters.
static void holds(const struct og_dataset *set, const char *letters)
{
    assert_int_equal(set->symbols, strlen(letters));
    for (size_t i = 0; i < set->symbols; i++)
        assert_int_equal(set->symbol[i], letters[i] - 'a');
}

static void write_ptb(const char *train, const char *valid, const char *test)
{
    mkdir(in_root("ptb"), 0777);
    write_text("ptb/ptb.train.txt", train);
    write_text("ptb/ptb.valid.txt", valid);
    write_text("ptb/ptb.test.txt", test);
}

static void words(void **state)
{
    (void)state;
    struct og_data_spec spec = spec_of("ptb", OG_AS_WORDS);
    // No newline at the end of the second: <eos> all the same.
    write_ptb(" the cat sat \n the\tdog \n", " dog sat", " the the \r\n\n");
    struct og_dataset *set = must_open(&spec);
    assert_int_equal(set->classes, 5);
    assert_int_equal(og_shape_symbols(&set->shape), 5);
    assert_int_equal(set->shape.dim[0], 4);
    holds(set, "abcdaed");
    og_dataset_free(set);
    spec.split = OG_TEST;
    set = must_open(&spec);
    assert_int_equal(set->classes, 5);
    holds(set, "aadd");
    og_dataset_free(set);
    spec.text.validation = true;
    set = must_open(&spec);
    holds(set, "ecd");
    og_dataset_free(set);
    write_ptb("the cat \n", "x", "the bird \n");
    spec.text.validation = false;
    refused(&spec, "symbol 1 of the test text, 'bird', is not in the training text");
}

static void characters(void **state)
{
    (void)state;
    struct og_data_spec spec = spec_of("ptb", OG_AS_CHARACTERS);
    write_ptb(" ab a \n b \n", "a", "a");
    struct og_dataset *set = must_open(&spec);
    holds(set, "abcadbd");  // a, b, blank, newline
    og_dataset_free(set);
    // Any byte is a character: 0, invalid UTF-8, carriage return.
    spec = spec_of("text", OG_AS_CHARACTERS);
    const uint8_t bytes[] = {0xff, 0, 0xc0, '\r', 0, 0xff, '\n'};
    write_gz("one.txt.gz", bytes, sizeof bytes);
    set = must_open(&spec);
    holds(set, "abcdbae");
    og_dataset_free(set);
    unlink(in_root("one.txt.gz"));
}

static void vocabulary(void **state)
{
    (void)state;
    struct og_data_spec spec = spec_of("ptb", OG_AS_WORDS);
    write_ptb("c b b a a d\na b c\n", "d e a", "e\n");
    spec.text.streams = 1;
    spec.text.vocabulary = 4;  // a, b and the first of c and <eos>, which are as frequent
    struct og_dataset *set = must_open(&spec);
    assert_int_equal(set->classes, 4);
    holds(set, "abbccddcbad");
    og_dataset_free(set);
    spec.split = OG_TEST;
    set = must_open(&spec);
    holds(set, "dd");
    og_dataset_free(set);
    // A word <unk> of the text is the same as what stands for the others, and is kept.
    spec.split = OG_TRAIN;
    spec.text.vocabulary = 2;
    write_ptb("a <unk> b a\n", "a", "a");
    set = must_open(&spec);
    assert_int_equal(set->classes, 2);
    holds(set, "abbab");
    og_dataset_free(set);
    spec.text.vocabulary = 4;  // as many as there are: nothing is dropped
    set = must_open(&spec);
    assert_int_equal(set->classes, 4);
    holds(set, "abcad");
    og_dataset_free(set);
}

static void parts(void **state)
{
    (void)state;
    struct og_data_spec spec = spec_of("text", OG_AS_CHARACTERS);
    write_text("one.txt", "abcdeabcdeabcdeabcde");
    memcpy(spec.text.part, (double[]){0.8, 0.05, 0.15}, sizeof spec.text.part);
    spec.text.streams = 1;
    struct og_dataset *set = must_open(&spec);
    holds(set, "abcdeabcdeabcdea");
    og_dataset_free(set);
    spec.split = OG_TEST;
    set = must_open(&spec);
    holds(set, "cde");
    og_dataset_free(set);
    spec.text.validation = true;
    refused(&spec, "the validation text has 1 symbols");
    spec.text.part[2] = 0.2;
    refused(&spec, "their sum 1");
    spec.split = OG_TRAIN;
    spec.text.part[2] = 0.15;
    spec.limit = 6;
    set = must_open(&spec);
    holds(set, "abcdea");
    og_dataset_free(set);
    spec.limit = 17;
    refused(&spec, "limit");
}

// Every symbol but the first is a target once, after its predecessor; windows of a stream
// follow each other.
static void check_windows(size_t symbols, size_t streams, size_t steps)
{
    struct og_data_spec spec = spec_of("text", OG_AS_CHARACTERS);
    uint8_t text[200];
    for (size_t i = 0; i < symbols; i++) text[i] = (uint8_t)(i + 1);
    write_plain("one.txt", text, symbols);
    spec.text.streams = streams;
    spec.text.steps = steps;
    struct og_dataset *set = must_open(&spec);
    assert_int_equal(set->n % streams, 0);
    assert_int_equal(og_dataset_answers(set), symbols - 1);
    uint32_t next = 1;
    for (size_t stream = 0; stream < streams; stream++) {
        const uint32_t first = next;
        for (size_t w = 0; w < set->n / streams; w++) {
            const uint32_t sample = (uint32_t)(w * streams + stream);
            float x[64];
            uint32_t target[64];
            og_dataset_fetch(set, &sample, 1, NULL, x);
            og_dataset_targets(set, &sample, 1, target);
            for (size_t t = 0; t < steps; t++) {
                if (target[t] == OG_NO_TARGET) {
                    assert_true(x[t] == 0);
                    continue;
                }
                assert_true(x[t] == (float)(next - 1));
                assert_int_equal(target[t], next++);
            }
        }
        assert_in_range(next - first, (symbols - 1) / streams,
                        (symbols - 1 + streams - 1) / streams);
    }
    assert_int_equal(next, symbols);
    og_dataset_free(set);
}

static void windows(void **state)
{
    (void)state;
    check_windows(101, 4, 5);
    check_windows(103, 4, 5);
    check_windows(103, 7, 64);
    check_windows(8, 7, 3);
    check_windows(2, 1, 1);
}

static void hostile(void **state)
{
    (void)state;
    struct og_data_spec spec = spec_of("text", OG_AS_WORDS);
    unlink(in_root("one.txt"));
    refused(&spec, "was not found");
    write_text("one.txt", "");
    refused(&spec, "has 0 symbols");
    write_text("one.txt", " \t ");
    refused(&spec, "has 0 symbols");
    write_text("one.txt", "a");
    refused(&spec, "too few for 2 streams");
    spec.text.streams = 1;
    struct og_dataset *set = must_open(&spec);  // a <eos>
    assert_int_equal(set->n, 1);
    og_dataset_free(set);
    const uint8_t broken[] = {0xfd, '7', 'z', 'X', 'Z', 0, 1, 2};
    unlink(in_root("one.txt"));
    write_plain("one.txt.xz", broken, sizeof broken);
    refused(&spec, "one.txt.xz is");
    snprintf(spec.text.file, sizeof spec.text.file, "one.txt.xz");  // named as it is
    refused(&spec, "one.txt.xz is");
    snprintf(spec.text.file, sizeof spec.text.file, "/");
    refused(&spec, "was not found");
    unlink(in_root("one.txt.xz"));
    spec.text.file[0] = '\0';
    refused(&spec, "file is missing");
    spec = spec_of("ptb", OG_AS_WORDS);
    spec.crop = 1;
    refused(&spec, "no effect on text");
    spec = spec_of("ptb", OG_AS_IMAGE);
    refused(&spec, "words or characters");
    spec = spec_of("mnist", OG_AS_WORDS);
    refused(&spec, "is no text");
}

// Each allocation fails once.
static void no_memory(void **state)
{
    (void)state;
    struct og_data_spec spec = spec_of("ptb", OG_AS_WORDS);
    write_ptb("a b c a\n", "a b\n", "b c\n");
    spec.split = OG_TEST;
    spec.text.vocabulary = 3;
    for (size_t n = 1;; n++) {
        struct og_dataset *set;
        struct og_error err;
        og_alloc_fail_at(n);
        const og_status status = open_as(&set, &spec, &err);
        og_alloc_fail_at(0);
        if (status == OG_OK) {
            assert_true(n > 8);
            og_dataset_free(set);
            return;
        }
        assert_int_equal(status, OG_NO_MEMORY);
        assert_null(set);
    }
}

static void real_treebank(void **state)
{
    (void)state;
    const struct og_data_search where = {real_sets};
    static const size_t count[3][2] = {
        {929589, 5017482}, {73760, 393042}, {82430, 442423}};
    char path[1024];
    if (!real_sets || !og_data_found("ptb", &where, path, sizeof path)) skip();
    for (int unit = 0; unit < 2; unit++)
        for (int part = 0; part < 3; part++) {
            struct og_data_spec spec =
                spec_of("ptb", unit ? OG_AS_CHARACTERS : OG_AS_WORDS);
            struct og_dataset *set;
            struct og_error err = {0};
            spec.split = part == 0 ? OG_TRAIN : OG_TEST;
            spec.text.validation = part == 1;
            if (og_dataset_open(&set, &spec, &where, &err) != OG_OK)
                fail_msg("%s", err.text);
            assert_int_equal(set->symbols, count[part][unit]);
            assert_int_equal(set->classes, unit ? 50 : 10000);
            og_dataset_free(set);
        }
}

static int remove_texts(void **state)
{
    static const char *const names[] = {"ptb/ptb.train.txt", "ptb/ptb.valid.txt",
                                        "ptb/ptb.test.txt", "one.txt"};
    for (int i = 0; i < 4; i++) unlink(in_root(names[i]));
    rmdir(in_root("ptb"));
    return remove_root(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words),      cmocka_unit_test(characters),
        cmocka_unit_test(vocabulary), cmocka_unit_test(parts),
        cmocka_unit_test(windows),    cmocka_unit_test(hostile),
        cmocka_unit_test(no_memory),  cmocka_unit_test(real_treebank),
    };
    return cmocka_run_group_tests(tests, make_root, remove_texts);
}
