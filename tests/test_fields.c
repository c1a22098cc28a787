// SPDX-License-Identifier: GPL-3.0-or-later
// The YAML tree and the field tables, each wrong text with the exact sentence it earns.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "config/fields.h"
#include "config/number.h"
#include "config/tree.h"

struct inner {
    double noise;
    struct og_list list;
};
struct thing {
    bool on, rows;
    int bits, mode, points;
    uint64_t seed;
    double g, ratio;
    char name[8];
    const og_item *raw;
    struct inner inner;
};

static const struct og_field inner_fields[] = {
    {.key = "noise",
     .type = OG_FIELD_REAL,
     .offset = offsetof(struct inner, noise),
     .unit = "LSB",
     .min = 0,
     .max = 9,
     .def = "0",
     .stage = OG_STAGE_EVALUATE,
     .help = "Noise."},
    {.key = "list",
     .type = OG_FIELD_LIST,
     .offset = offsetof(struct inner, list),
     .unit = "S",
     .min = 0,
     .max = 1,
     .def = "[1 uS, 2 uS]",
     .stage = OG_STAGE_PROGRAM,
     .help = "Levels."},
    {.key = NULL},
};
static const struct og_field fields[] = {
    {.key = "on",
     .type = OG_FIELD_BOOL,
     .offset = offsetof(struct thing, on),
     .def = "true",
     .help = "On."},
    {.key = "as",
     .type = OG_FIELD_BOOL,
     .offset = offsetof(struct thing, rows),
     .choices = "image rows",
     .def = "image",
     .help = "Shape."},
    {.key = "bits",
     .type = OG_FIELD_INT,
     .offset = offsetof(struct thing, bits),
     .min = 0,
     .max = 16,
     .help = "Bits of the converter."},
    {.key = "mode",
     .type = OG_FIELD_CHOICE,
     .offset = offsetof(struct thing, mode),
     .choices = "fixed - minmax",
     .def = "fixed",
     .help = "Mode."},
    {.key = "points",
     .type = OG_FIELD_FLAGS,
     .offset = offsetof(struct thing, points),
     .choices = "X H A",
     .def = "[]",
     .help = "Points."},
    {.key = "seed",
     .type = OG_FIELD_U64,
     .offset = offsetof(struct thing, seed),
     .def = "1",
     .help = "Seed."},
    {.key = "g",
     .type = OG_FIELD_REAL,
     .offset = offsetof(struct thing, g),
     .unit = "S",
     .min = 0,
     .max = 1,
     .def = "25 uS",
     .stage = OG_STAGE_PROGRAM,
     .help = "G."},
    {.key = "ratio",
     .type = OG_FIELD_REAL,
     .offset = offsetof(struct thing, ratio),
     .def = "0.1",
     .help = "Ratio."},
    {.key = "name",
     .type = OG_FIELD_TEXT,
     .offset = offsetof(struct thing, name),
     .size = 8,
     .def = "",
     .help = "Name."},
    {.key = "raw",
     .type = OG_FIELD_ITEM,
     .offset = offsetof(struct thing, raw),
     .def = "",
     .help = "Raw."},
    {.key = "inner",
     .type = OG_FIELD_BLOCK,
     .offset = offsetof(struct thing, inner),
     .block = inner_fields,
     .shorthand = "noise",
     .help = "Inner."},
    {.key = NULL},
};

static const char full[] = "on: false\nas: rows\nbits: 4\nmode: minmax\npoints: [A, X]\n"
                           "seed: 18446744073709551615\ng: 2.5e1uS\nratio: -3e-2\n"
                           "name: \"a: \\\"b\"\nraw: {a: [1, {b: c}]}\ninner: 0.5 LSB\n";

static void binds_every_type(void **state)
{
    (void)state;
    struct thing t = {0};
    struct og_error err = {0};
    og_item *root;
    assert_int_equal(og_item_parse(&root, "t", full, &err), OG_OK);
    assert_int_equal(og_fields_bind(fields, root, &t, &err), OG_OK);
    assert_false(t.on);
    assert_true(t.rows && t.bits == 4 && t.mode == 2 && t.points == 5);
    assert_true(t.seed == UINT64_MAX && t.g == 25e-6 && t.ratio == -0.03);
    assert_string_equal(t.name, "a: \"b");
    assert_true(t.inner.noise == 0.5 && t.inner.list.n == 2);
    assert_true(t.inner.list.v[0] == 1e-6 && t.inner.list.v[1] == 2e-6);
    const og_item *c = og_item_find(root, "raw.a[1].b", false);
    assert_true(og_item_is_text(c, "c"));
    assert_int_equal(c->line, 10);
    og_item_free(root);
}

static void printed_text_binds_to_the_same(void **state)
{
    (void)state;
    struct thing t = {0}, u = {0};
    og_item *root, *again;
    assert_int_equal(og_item_parse(&root, "t", full, NULL), OG_OK);
    assert_int_equal(og_fields_bind(fields, root, &t, NULL), OG_OK);
    char *text, *second;
    size_t n;
    FILE *out = open_memstream(&text, &n);
    og_fields_print(fields, &t, out, 0);
    fclose(out);
    assert_int_equal(og_item_parse(&again, "printed", text, NULL), OG_OK);
    assert_int_equal(og_fields_bind(fields, again, &u, NULL), OG_OK);
    out = open_memstream(&second, &n);
    og_fields_print(fields, &u, out, 0);
    fclose(out);
    assert_string_equal(text, second);
    assert_non_null(strstr(text, "raw:\n  a:\n    - 1\n    - b: c\n"));
    assert_non_null(strstr(text, "points: [X, A]\n"));
    assert_non_null(strstr(text, "  list: [1e-06 S, 2e-06 S]\n"));
    t.raw = u.raw = NULL;
    assert_memory_equal(&t.inner, &u.inner, sizeof t.inner);
    free(text);
    free(second);
    og_item_free(root);
    og_item_free(again);
}

static void stages_choose_the_lines(void **state)
{
    (void)state;
    struct thing t = {0};
    og_item *root;
    assert_int_equal(og_item_parse(&root, "t", "bits: 4", NULL), OG_OK);
    assert_int_equal(og_fields_bind(fields, root, &t, NULL), OG_OK);
    char *text;
    size_t n;
    FILE *out = open_memstream(&text, &n);
    og_fields_lines(fields, &t, "p", OG_STAGE_PROGRAM, out);
    fclose(out);
    assert_non_null(strstr(text, "p.bits=4\n"));
    assert_non_null(strstr(text, "p.g=2.5e-05 S\n"));
    assert_non_null(strstr(text, "p.inner.list="));
    assert_null(strstr(text, "p.inner.noise"));
    free(text);
    og_item_free(root);
}

static const struct {
    const char *yaml, *error;
} bad[] = {
    {"", "t:1: the file is empty"},
    {"bits: 4\n---\nbits: 5\n",
     "t:2: a second document begins here; only one is allowed"},
    {"bits: 4\n\tseed: 1\n", "t:2: a tab cannot indent YAML: use blanks"},
    {"bits: &x 4\n", "t:1: anchors (&x) are not allowed"},
    {"bits: *x\n", "t:1: aliases (*x) are not allowed: write the value out"},
    {"bits: !!int 4\n", "t:1: tags (tag:yaml.org,2002:int) are not allowed"},
    {"bits: 4\nseed: 1\nbits: 5\n", "t:3: key 'bits': is there twice (first on line 1)"},
    {"raw:\n  a: 1\n  a: 2\n", "t:3: key 'raw.a': is there twice (first on line 2)"},
    {"? [a]\n: 1\n", "t:1: a key must be a plain word"},
    {"- 1\n", "t:1: must be a map of keys, not a list"},
    {"seed: 1\n", "t:1: key 'bits' is missing: Bits of the converter."},
    {"bit: 4\n", "t:1: key 'bit': unknown key; did you mean 'bits'?"},
    {"bits: 4\ninner:\n  qqqqqq: 1\n",
     "t:3: key 'inner.qqqqqq': unknown key; known here: noise, list"},
    {"bits: 3.5\n", "t:1: key 'bits': '3.5' is not a whole number"},
    {"bits: '4'\n", "t:1: key 'bits': '4' is not a whole number"},
    {"bits: 99999999999999999999\n",
     "t:1: key 'bits': '99999999999999999999' is not a whole number"},
    {"bits: 17\n", "t:1: key 'bits': 17 is outside the allowed range (0 .. 16)"},
    {"bits:\n", "t:1: key 'bits': has no value: it must be a whole number"},
    {"bits: [4]\n", "t:1: key 'bits': must be a whole number, not a list"},
    {"bits: 4\nseed: -1\n", "t:2: key 'seed': '-1' is not a whole number from 0 to "
                            "18446744073709551615"},
    {"bits: 4\ng: 25 uV\n",
     "t:2: key 'g': '25 uV' has a wrong unit: it is measured in S"},
    {"bits: 4\ng: 2 S\n", "t:2: key 'g': 2 S is outside the allowed range (0 .. 1 S)"},
    {"bits: 4\ng: nan\n", "t:2: key 'g': 'nan' is not a finite number in S"},
    {"bits: 4\ng: 0x10\n", "t:2: key 'g': '0x10' has a wrong unit: it is measured in S"},
    {"bits: 4\nratio: .inf\n", "t:2: key 'ratio': '.inf' is not a finite number"},
    {"bits: 4\nratio: 1e999\n", "t:2: key 'ratio': '1e999' is not a finite number"},
    {"bits: 4\nratio: 0.5 x\n", "t:2: key 'ratio': '0.5 x' is not a finite number"},
    {"bits: 4\ninner: {noise: 1 mLSB}\n",
     "t:2: key 'inner.noise': '1 mLSB' has a wrong unit: it is measured in LSB"},
    {"bits: 4\ninner: {list: 3}\n",
     "t:2: key 'inner.list': must be a list of numbers, not a single value"},
    {"bits: 4\ninner: {list: [0.5, 3]}\n",
     "t:2: key 'inner.list[1]': 3 is outside the allowed range (0 .. 1 S)"},
    {"bits: 4\nmode: worst\n", "t:2: key 'mode': 'worst' is none of: fixed, minmax"},
    {"bits: 4\nmode: '-'\n", "t:2: key 'mode': '-' is none of: fixed, minmax"},
    {"bits: 4\non: yes\n", "t:2: key 'on': 'yes' is none of: false, true"},
    {"bits: 4\npoints: X\n",
     "t:2: key 'points': must be a list of words, not a single value"},
    {"bits: 4\npoints: [X, X]\n", "t:2: key 'points[1]': 'X' is there twice"},
    {"bits: 4\nname: 12345678\n",
     "t:2: key 'name': is 8 bytes long; at most 7 are allowed"},
    {"bits: 4\ninner: [1]\n", "t:2: key 'inner': must be a map of keys, not a list"},
};

static void bad_texts_get_one_exact_sentence(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct og_error err = {0};
        struct thing t = {0};
        og_item *root;
        og_status status = og_item_parse(&root, "t", bad[i].yaml, &err);
        if (status == OG_OK) status = og_fields_bind(fields, root, &t, &err);
        assert_string_equal(err.text, bad[i].error);
        assert_int_equal(status, OG_INPUT);
        og_item_free(root);
    }
}

static void numbers(void **state)
{
    (void)state;
    double v;
    assert_int_equal(og_number_read("0.1e1 \xc2\xb5S", "S", &v), OG_NUMBER_OK);
    assert_true(v == 1e-6);
    assert_int_equal(og_number_read("1 \xce\xbcS", "S", &v), OG_NUMBER_OK);  // Greek mu
    assert_true(v == 1e-6);
    assert_int_equal(og_number_read("250 ns", "s", &v), OG_NUMBER_OK);
    assert_true(v == 250e-9);
    assert_int_equal(og_number_read("0.5 h", "s", &v), OG_NUMBER_OK);
    assert_true(v == 1800);
    assert_int_equal(og_number_read("2 years", "s", &v), OG_NUMBER_OK);
    assert_true(v == 63072000);
    assert_int_equal(og_number_read("1 h", "S", &v), OG_NUMBER_WRONG_UNIT);
    assert_int_equal(og_number_read("1 MS", "S", &v), OG_NUMBER_OK);
    assert_true(v == 1e6);
    assert_int_equal(og_number_read("-.5", NULL, &v), OG_NUMBER_OK);
    assert_true(v == -0.5);
    assert_int_equal(og_number_read("1 mm", "m", &v), OG_NUMBER_OK);
    assert_true(v == 1e-3);
    assert_int_equal(og_number_read("", NULL, &v), OG_NUMBER_WRONG);
    assert_int_equal(og_number_read(".", NULL, &v), OG_NUMBER_WRONG);
    assert_int_equal(og_number_read("1 kdB", "dB", &v), OG_NUMBER_WRONG_UNIT);
    const double samples[] = {0, 0.1, 25e-6, 1.0 / 3, 5e-324, 1.7976931348623157e308, -2};
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        char text[OG_NUMBER_TEXT];
        og_number_print(samples[i], text);
        assert_int_equal(og_number_read(text, NULL, &v), OG_NUMBER_OK);
        assert_true(v == samples[i]);
    }
}

static void tree_can_be_set_and_copied(void **state)
{
    (void)state;
    og_item *root, *value, *copy;
    struct og_error err = {0};
    assert_int_equal(og_item_parse(&root, "t", "a: {b: [1, 2]}\nc: 3\n", NULL), OG_OK);
    assert_int_equal(og_item_parse(&value, "v", "{x: [7]}", NULL), OG_OK);
    assert_int_equal(og_item_set(root, "a.b[1]", value, &err), OG_OK);
    assert_int_equal(og_item_set(root, "new.way", value, &err), OG_OK);
    assert_true(og_item_is_text(og_item_find(root, "a.b[1].x[0]", false), "7"));
    assert_true(og_item_is_text(og_item_find(root, "new.way.x[0]", false), "7"));
    assert_int_equal(og_item_set(root, "c.d", value, &err), OG_INPUT);
    assert_string_equal(err.text,
                        "v:1: cannot be set there: what stands above it is not a map");
    err.status = OG_OK;
    assert_int_equal(og_item_set(root, "a.b[2]", value, &err), OG_INPUT);
    assert_string_equal(err.text,
                        "v:1: cannot be set there: there is no such entry in the list");
    err.status = OG_OK;
    assert_int_equal(og_item_set(root, "a..b", value, &err), OG_INPUT);
    assert_string_equal(err.text, "v:1: 'a..b' is not a key like a.b or a.b[2].c");
    copy = og_item_copy(root);
    og_item_free(root);
    char path[OG_ITEM_PATH];
    og_item_path(og_item_find(copy, "a.b[1].x[0]", false), path);
    assert_string_equal(path, "a.b[1].x[0]");
    og_item_free(copy);
    og_item_free(value);
}

// Every allocation of a read may fail; nothing leaks and the status says so.
static void every_allocation_may_fail(void **state)
{
    (void)state;
    size_t n = 1;
    for (og_status status = OG_NO_MEMORY; status == OG_NO_MEMORY; n++) {
        og_item *root;
        struct og_error err = {0};
        og_alloc_fail_at(n);
        status = og_item_parse(&root, "t", full, &err);
        og_alloc_fail_at(0);
        assert_true(status == OG_OK || status == OG_NO_MEMORY);
        assert_true((root != NULL) == (status == OG_OK));
        og_item_free(root);
    }
    assert_true(n > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(binds_every_type),
        cmocka_unit_test(printed_text_binds_to_the_same),
        cmocka_unit_test(stages_choose_the_lines),
        cmocka_unit_test(bad_texts_get_one_exact_sentence),
        cmocka_unit_test(numbers),
        cmocka_unit_test(tree_can_be_set_and_copied),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
