// SPDX-License-Identifier: GPL-3.0-or-later
// Files that were edited by other programs, or for mischief: a sentence, never a crash.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>

#include <hdf5.h>
#include <hdf5_hl.h>

#include "ohmgrid/results.h"
#include "temp_folder.h"

enum { POINTS = 2 };

struct place {
    char folder[TEMP_PATH], path[TEMP_FILE];
};

// Two points of an axis `name`, zipped with adc_bits, and one trial.
static void write_file(const struct place *p, const char *name, char *first_label)
{
    double bits[POINTS] = {4, 6}, value[POINTS] = {0.7, 0.8};
    char *label[POINTS] = {first_label, "b"};
    const uint8_t done[POINTS] = {1, 1};
    struct og_axis_column column[] = {
        {.name = "adc_bits", .key = "hardware.adc.bits", .units = "1", .value = bits},
        {.key = "data.mean", .text = true, .label = label}};
    snprintf(column[1].name, sizeof column[1].name, "%s", name);
    struct og_axis axis = {.n = POINTS, .columns = 2, .column = column};
    const struct og_axis *axes[] = {&axis};
    const struct og_metric metric = {"accuracy", "1", "test accuracy"};
    struct og_result r = {.experiment = "seed: 1\n",
                          .title = "two \x1b[31mred\nlines",
                          .axes = 1,
                          .axis = axes,
                          .trials = 1,
                          .metrics = 1,
                          .metric = &metric,
                          .value = value,
                          .done = done,
                          .threads = 1};
    assert_int_equal(og_result_write(p->path, &r, NULL), OG_OK);
}

static int setup(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    if (!temp_make(p->folder)) return -1;
    snprintf(p->path, sizeof p->path, "%s/a.h5", p->folder);
    write_file(p, "data", "a");
    *state = p;
    return 0;
}

static int teardown(void **state)
{
    struct place *p = *state;
    int r = temp_remove(p->folder);
    free(p);
    return r;
}

static og_status show(const struct place *p, char *text, size_t size,
                      struct og_error *err)
{
    FILE *out = tmpfile();
    assert_non_null(out);
    og_status s = og_result_show(p->path, out, err);
    rewind(out);
    text[fread(text, 1, size - 1, out)] = '\0';
    fclose(out);
    return s;
}

static void show_fails(const struct place *p, const char *sentence)
{
    char text[2000];
    struct og_error err = {0};
    assert_int_equal(show(p, text, sizeof text, &err), OG_INPUT);
    if (strstr(err.text, sentence) == NULL) print_error("%s\n", err.text);
    assert_non_null(strstr(err.text, sentence));
}

// An axis of one's own may end like a mean.
static void axes_named_like_means(void **state)
{
    const struct place *p = *state;
    char text[2000];
    struct og_error err = {0};
    write_file(p, "data_mean", "a");
    assert_int_equal(show(p, text, sizeof text, &err), OG_OK);
    assert_non_null(strstr(text, "adc_bits  data_mean  accuracy  chips\n"));
    assert_non_null(strstr(text, "\n6         b          0.8000    1/1\n"));
}

// Nothing in a file moves the cursor or breaks a line of the table.
static void control_characters_are_not_printed(void **state)
{
    const struct place *p = *state;
    char text[2000];
    struct og_error err = {0};
    write_file(p, "data", "x\n\x1b[2Jy");
    assert_int_equal(show(p, text, sizeof text, &err), OG_OK);
    assert_null(strchr(text, '\x1b'));
    assert_memory_equal(text, "two  [31mred\nlines\n\n", 20);
    assert_non_null(strstr(text, "\n4         x  [2Jy  0.7000    1/1\n"));
}

static void lists_where_a_text_belongs(void **state)
{
    const struct place *p = *state;
    enum { MANY = 100 };
    const char *many[MANY];
    const hsize_t n = MANY;
    for (int i = 0; i < MANY; i++) many[i] = "text";
    hid_t file = H5Fopen(p->path, H5F_ACC_RDWR, H5P_DEFAULT);
    hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate_simple(1, &n, NULL);
    H5Tset_size(type, H5T_VARIABLE);
    H5Tset_cset(type, H5T_CSET_UTF8);
    static const char *const name[] = {"title", "experiment"};
    for (int i = 0; i < 2; i++) {
        H5Adelete(file, name[i]);
        hid_t attr = H5Acreate2(file, name[i], type, space, H5P_DEFAULT, H5P_DEFAULT);
        assert_true(H5Awrite(attr, type, many) >= 0);
        H5Aclose(attr);
    }
    H5Sclose(space);
    H5Tclose(type);
    assert_true(H5Fclose(file) >= 0);
    show_fails(p, "a.h5: attribute 'title' is not one text");
    char *text;
    struct og_error err = {0};
    assert_int_equal(og_result_experiment(p->path, &text, &err), OG_INPUT);
    assert_null(text);
    assert_non_null(strstr(err.text, "a.h5: attribute 'experiment' is not one text"));
}

static void files_of_another_layout(void **state)
{
    const struct place *p = *state;
    const unsigned long schema = 2;
    hid_t file = H5Fopen(p->path, H5F_ACC_RDWR, H5P_DEFAULT);
    assert_true(H5LTset_attribute_ulong(file, "/", "schema_version", &schema, 1) >= 0);
    assert_true(H5Fclose(file) >= 0);
    show_fails(p, "a.h5: result file of schema 2, this program reads 1");
}

// Replaces results/done by one of `points` x `trials`, its axes by empty or new ones.
static void replace_done(const struct place *p, hsize_t points, hsize_t trials)
{
    hsize_t dim[] = {points, trials};
    static const char *const name[] = {"first", "second"};
    hid_t file = H5Fopen(p->path, H5F_ACC_RDWR, H5P_DEFAULT);
    hid_t group = H5Gopen2(file, "results", H5P_DEFAULT);
    assert_true(H5Ldelete(group, "done", H5P_DEFAULT) >= 0);
    assert_true(H5LTmake_dataset(group, "done", 2, dim, H5T_NATIVE_UINT8, NULL) >= 0);
    hid_t done = H5Dopen2(group, "done", H5P_DEFAULT);
    for (unsigned i = 0; i < 2; i++) {
        H5LTmake_dataset(group, name[i], 1, &dim[i], H5T_NATIVE_DOUBLE, NULL);
        hid_t scale = H5Dopen2(group, name[i], H5P_DEFAULT);
        assert_true(H5DSset_scale(scale, name[i]) >= 0);
        assert_true(H5DSattach_scale(done, scale, i) >= 0);
        H5Dclose(scale);
    }
    H5Dclose(done);
    H5Gclose(group);
    assert_true(H5Fclose(file) >= 0);
}

static void axes_without_values(void **state)
{
    const struct place *p = *state;
    replace_done(p, 0, 1);
    show_fails(p, "a.h5: results/done is empty");
    write_file(p, "data", "a");
    replace_done(p, POINTS, 0);
    show_fails(p, "a.h5: results/done is empty");
}

// A group that holds itself has no end.
static void groups_in_circles(void **state)
{
    const struct place *p = *state;
    hid_t file = H5Fopen(p->path, H5F_ACC_RDWR, H5P_DEFAULT);
    assert_true(H5Lcreate_hard(file, "results", file, "results/again", H5P_DEFAULT,
                               H5P_DEFAULT) >= 0);
    assert_true(H5Fclose(file) >= 0);
    bool same;
    struct og_error err = {0};
    assert_int_equal(og_result_diff(p->path, p->path, stderr, &same, &err), OG_INPUT);
    assert_false(same);
    assert_non_null(strstr(err.text, "a.h5: groups are nested deeper than 16 levels"));
}

#define HOSTILE_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        HOSTILE_TEST(axes_named_like_means),
        HOSTILE_TEST(control_characters_are_not_printed),
        HOSTILE_TEST(lists_where_a_text_belongs),
        HOSTILE_TEST(files_of_another_layout),
        HOSTILE_TEST(axes_without_values),
        HOSTILE_TEST(groups_in_circles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
