// SPDX-License-Identifier: GPL-3.0-or-later
// /layers in a result file: written, compared, shown.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include <hdf5.h>
#include <hdf5_hl.h>

#include "base/mem.h"
#include "ohmgrid/results.h"
#include "temp_folder.h"

enum { NOISE = 2, TRIALS = 2, EACH = NOISE * TRIALS, METRICS = 3 };
enum { PARTS = 2, PART_METRICS = 8 };

struct fixture {
    char folder[TEMP_PATH], a[TEMP_FILE], b[TEMP_FILE];
    double sigma[NOISE], bits[NOISE];
    struct og_axis_column column[2];
    struct og_axis axis;
    const struct og_axis *axes[1];
    struct og_metric accuracy, metric[METRICS];
    double right[EACH], value[2][METRICS * EACH];
    uint8_t done[EACH];
    struct og_layer_values layer[2];
    double part[2][PART_METRICS * EACH * PARTS];
    struct og_result r;
};

static const double measured[2][METRICS * EACH] = {
    {21.25, 21.35, NAN, NAN, 0.125, 0.25, NAN, NAN, 1.5e-9, 2.5e-9, NAN, NAN},
    {30, 31, 17.04, NAN, 0, 0, 0.5, NAN, 1e-9, 1e-9, 3e-9, NAN},
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    *state = f;
    if (!temp_make(f->folder)) return -1;
    snprintf(f->a, sizeof f->a, "%s/a.h5", f->folder);
    snprintf(f->b, sizeof f->b, "%s/b.h5", f->folder);
    for (int i = 0; i < NOISE; i++) {
        f->sigma[i] = 0.25e-6 * i;
        f->bits[i] = 8 - 2 * i;
    }
    f->column[0] = (struct og_axis_column){
        .name = "noise", .key = "x.sigma", .units = "S", .value = f->sigma};
    f->column[1] = (struct og_axis_column){
        .name = "adc_bits", .key = "x.bits", .units = "1", .value = f->bits};
    f->axis = (struct og_axis){.n = NOISE, .columns = 2, .column = f->column};
    f->axes[0] = &f->axis;
    f->accuracy = (struct og_metric){"accuracy", "1", "test accuracy"};
    f->metric[0] = (struct og_metric){"snr", "dB", "signal to noise"};
    f->metric[1] = (struct og_metric){"clipped", "1", "conversions that clipped"};
    f->metric[2] = (struct og_metric){"energy", "J", "energy of a sample"};
    memset(f->done, 1, sizeof f->done);
    memcpy(f->value, measured, sizeof measured);
    // Not in the order of their names.
    f->layer[0] = (struct og_layer_values){.name = "lstm1.x", .value = f->value[0]};
    f->layer[1] = (struct og_layer_values){.name = "dense1", .value = f->value[1]};
    f->r = (struct og_result){.experiment = "seed: 17\n",
                              .axes = 1,
                              .axis = f->axes,
                              .trials = TRIALS,
                              .metrics = 1,
                              .metric = &f->accuracy,
                              .value = f->right,
                              .done = f->done,
                              .layer_metrics = METRICS,
                              .layer_metric = f->metric,
                              .layers = 2,
                              .layer = f->layer};
    return 0;
}

static const char *const part[PARTS] = {"array", "adc"};
static const struct og_metric part_metric[PART_METRICS] = {
    {"part_energy", "J", "energy"},
    {"part_area", "m2", "area"},
    {"part_uses", "1", "uses"},
    {"part_count", "1", "count"},
    {"part_energy_dense", "J", "dense energy"},
    {"part_area_dense", "m2", "dense area"},
    {"part_uses_dense", "1", "dense uses"},
    {"part_count_dense", "1", "dense count"},
};

// value[layer] [chip] [part] of a point; NaN at the other one.
static void put_parts(struct fixture *f, int m, size_t point,
                      const double value[2][TRIALS][PARTS])
{
    for (int l = 0; l < 2; l++)
        memcpy(f->part[l] + ((size_t)m * NOISE + point) * TRIALS * PARTS, value[l],
               sizeof value[l]);
}

// Two layers on parts that take half as much as before lines were removed, at the first
// point; one of them, as it was, at the second.
static void add_parts(struct fixture *f)
{
    static const double first[4][2][TRIALS][PARTS] = {
        {{{1e-12, 6e-12}, {3e-12, 6e-12}}, {{1e-12, 1e-12}, {1e-12, 1e-12}}},
        {{{1e-12, 2e-10}, {1e-12, 2e-10}}, {{2e-12, 1e-10}, {2e-12, 1e-10}}},
        {{{8, 4}, {8, 4}}, {{2, 1}, {2, 1}}},
        {{{8, 2}, {8, 2}}, {{2, 1}, {2, 1}}},
    };
    for (int l = 0; l < 2; l++)
        for (size_t i = 0; i < sizeof f->part[l] / sizeof *f->part[l]; i++)
            f->part[l][i] = NAN;
    for (int m = 0; m < 4; m++) {
        double dense[2][TRIALS][PARTS], second[2][TRIALS][PARTS];
        for (int i = 0; i < 2 * TRIALS * PARTS; i++) {
            (&dense[0][0][0])[i] = 2 * (&first[m][0][0][0])[i];
            (&second[0][0][0])[i] = i < TRIALS * PARTS ? NAN : (&dense[0][0][0])[i];
        }
        put_parts(f, m, 0, first[m]);
        put_parts(f, m, 1, (const double(*)[TRIALS][PARTS])second);
        put_parts(f, m + 4, 0, (const double(*)[TRIALS][PARTS])dense);
        put_parts(f, m + 4, 1, (const double(*)[TRIALS][PARTS])second);
    }
    for (int l = 0; l < 2; l++) f->layer[l].part = f->part[l];
    f->r.part_metrics = PART_METRICS;
    f->r.parts = PARTS;
    f->r.part_metric = part_metric;
    f->r.part = part;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    int r = temp_remove(f->folder);
    free(f);
    return r;
}

static void write_ok(const struct fixture *f, const char *path)
{
    struct og_error err = {0};
    if (og_result_write(path, &f->r, &err) != OG_OK) fail_msg("%s", err.text);
}

static void values_come_back(void **state)
{
    struct fixture *f = *state;
    write_ok(f, f->a);
    double back[EACH], sigma[NOISE];
    char *units;
    hid_t file = H5Fopen(f->a, H5F_ACC_RDONLY, H5P_DEFAULT);
    assert_true(H5LTread_dataset_double(file, "layers/lstm1.x/clipped", back) >= 0);
    assert_memory_equal(back, measured[0] + EACH, sizeof back);
    assert_true(H5LTread_dataset_double(file, "layers/dense1/snr", back) >= 0);
    assert_memory_equal(back, measured[1], sizeof back);
    hid_t attr =
        H5Aopen_by_name(file, "layers/dense1/energy", "units", H5P_DEFAULT, H5P_DEFAULT);
    hid_t type = H5Aget_type(attr);
    assert_true(H5Aread(attr, type, &units) >= 0);
    assert_string_equal(units, "J");
    H5free_memory(units);
    H5Tclose(type);
    H5Aclose(attr);
    assert_true(H5LTread_dataset_double(file, "layers/dense1/noise", sigma) >= 0);
    assert_memory_equal(sigma, f->sigma, sizeof sigma);
    H5Fclose(file);
}

// The group of the one scale on an axis.
static herr_t take_name(hid_t set, unsigned axis, hid_t scale, void *user)
{
    (void)set;
    (void)axis;
    return H5Iget_name(scale, user, 96) > 0 ? 1 : -1;
}

// What xarray's engines want: a scale of the same group on every axis of every dataset.
static void scales_are_in_the_same_group(void **state)
{
    struct fixture *f = *state;
    write_ok(f, f->a);
    hid_t file = H5Fopen(f->a, H5F_ACC_RDONLY, H5P_DEFAULT);
    static const char *const name[] = {"layers/lstm1.x/snr", "layers/dense1/energy"};
    static const char *const scale[][2] = {
        {"/layers/lstm1.x/noise", "/layers/lstm1.x/trial"},
        {"/layers/dense1/noise", "/layers/dense1/trial"}};
    for (int i = 0; i < 2; i++) {
        hid_t set = H5Dopen2(file, name[i], H5P_DEFAULT);
        for (unsigned axis = 0; axis < 2; axis++) {
            char path[96] = "";
            assert_int_equal(H5DSget_num_scales(set, axis), 1);
            assert_true(H5DSiterate_scales(set, axis, NULL, take_name, path) > 0);
            assert_string_equal(path, scale[i][axis]);
        }
        assert_true(H5Aexists(set, "coordinates") > 0);
        H5Dclose(set);
    }
    H5Fclose(file);
}

static char *shown_by(og_status (*show)(const char *, FILE *, struct og_error *),
                      const char *path)
{
    char *text;
    size_t n;
    struct og_error err = {0};
    FILE *out = open_memstream(&text, &n);
    if (show(path, out, &err) != OG_OK) fail_msg("%s", err.text);
    fclose(out);
    return text;
}

static char *shown(const char *path) { return shown_by(og_result_show_layers, path); }

static void show_prints_a_line_per_layer(void **state)
{
    struct fixture *f = *state;
    write_ok(f, f->a);
    char *text = shown(f->a);
    assert_string_equal(text,
                        "noise [µS]  adc_bits  layer    snr [dB]  clipped  energy [nJ]\n"
                        "0           8         lstm1.x  21.3      0.1875   2\n"
                        "0           8         dense1   30.5      0        1\n"
                        "0.25        6         dense1   17.0      0.5      3\n"
                        "\nmeans over chips\n");
    free(text);
    f->r.layers = 0;
    write_ok(f, f->a);
    struct og_error err = {0};
    assert_int_equal(og_result_show_layers(f->a, stderr, &err), OG_INPUT);
    assert_non_null(strstr(err.text, "output.layer_samples"));
}

static void no_axes_at_all(void **state)
{
    struct fixture *f = *state;
    f->r.axes = 0;
    write_ok(f, f->a);
    char *text = shown(f->a);
    assert_string_equal(text, "layer    snr [dB]  clipped  energy [J]\n"
                              "lstm1.x  21.3      -        0.1875\n"
                              "dense1   30.5      17.04    0\n"
                              "\nmeans over chips\n");
    free(text);
}

// A last dimension with the names of the parts as its scale, in the same group.
static void parts_have_a_scale(void **state)
{
    struct fixture *f = *state;
    add_parts(f);
    write_ok(f, f->a);
    hid_t file = H5Fopen(f->a, H5F_ACC_RDONLY, H5P_DEFAULT);
    hid_t set = H5Dopen2(file, "layers/dense1/part_area", H5P_DEFAULT);
    hid_t space = H5Dget_space(set);
    hsize_t dim[H5S_MAX_RANK];
    assert_int_equal(H5Sget_simple_extent_dims(space, dim, NULL), 3);
    assert_true(dim[0] == NOISE && dim[1] == TRIALS && dim[2] == PARTS);
    static const char *const scale[] = {"/layers/dense1/noise", "/layers/dense1/trial",
                                        "/layers/dense1/part"};
    for (unsigned axis = 0; axis < 3; axis++) {
        char path[96] = "";
        assert_int_equal(H5DSget_num_scales(set, axis), 1);
        assert_true(H5DSiterate_scales(set, axis, NULL, take_name, path) > 0);
        assert_string_equal(path, scale[axis]);
    }
    double back[EACH * PARTS];
    assert_true(H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, back) >=
                0);
    assert_memory_equal(back, f->part[1] + 1 * EACH * PARTS, sizeof back);
    H5Sclose(space);
    H5Dclose(set);
    char *name[PARTS];
    set = H5Dopen2(file, "layers/dense1/part", H5P_DEFAULT);
    hid_t type = H5Dget_type(set);
    assert_true(H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, name) >= 0);
    for (int k = 0; k < PARTS; k++) {
        assert_string_equal(name[k], part[k]);
        H5free_memory(name[k]);
    }
    H5Tclose(type);
    H5Dclose(set);
    H5Fclose(file);
    bool good;
    FILE *out = tmpfile();
    assert_int_equal(og_result_verify(f->a, out, &good, NULL), OG_OK);
    fclose(out);
    assert_true(good);
}

static void show_prints_a_line_per_part(void **state)
{
    struct fixture *f = *state;
    write_ok(f, f->a);
    char *before = shown(f->a);
    struct og_error err = {0};
    assert_int_equal(og_result_show_parts(f->a, stderr, &err), OG_INPUT);
    assert_non_null(strstr(err.text, "hardware.technology"));
    add_parts(f);
    write_ok(f, f->a);
    char *after = shown(f->a), *text = shown_by(og_result_show_parts, f->a);
    assert_string_equal(before, after);
    assert_string_equal(
        text, "noise [µS]  adc_bits  part   count  uses  energy [pJ]  of energy [%]  "
              "area [µm2]  of area [%]  energy_dense [pJ]  area_dense [µm2]\n"
              "0           8         array  10     10    3            30.0           "
              "3           1.0          6                  6\n"
              "0           8         adc    3      5     7            70.0           "
              "300         99.0         14                 600\n"
              "0           8         sum                 10           100.0          "
              "303         100.0        20                 606\n"
              "0.25        6         array  4      4     2            50.0           "
              "4           2.0          2                  4\n"
              "0.25        6         adc    2      2     2            50.0           "
              "200         98.0         2                  200\n"
              "0.25        6         sum                 4            100.0          "
              "204         100.0        4                  204\n"
              "\nall matrices, one sample, means over chips\n");
    free(before);
    free(after);
    free(text);
}

// Of other parts in another layer, of another shape.
static void parts_that_do_not_fit_are_refused(void **state)
{
    struct fixture *f = *state;
    struct og_error err = {0};
    add_parts(f);
    write_ok(f, f->a);
    const hsize_t three = 3;
    hid_t file = H5Fopen(f->a, H5F_ACC_RDWR, H5P_DEFAULT);
    assert_true(H5Ldelete(file, "layers/dense1/part_uses", H5P_DEFAULT) >= 0);
    assert_true(H5LTmake_dataset_double(file, "layers/dense1/part_uses", 1, &three,
                                        f->value[0]) >= 0);
    H5Fclose(file);
    assert_int_equal(og_result_show_parts(f->a, stderr, &err), OG_INPUT);
    assert_non_null(strstr(err.text, "layers/dense1: the values of its parts"));
    err = (struct og_error){0};
    file = H5Fopen(f->a, H5F_ACC_RDWR, H5P_DEFAULT);
    assert_true(H5Ldelete(file, "layers/dense1/part", H5P_DEFAULT) >= 0);
    assert_true(
        H5LTmake_dataset_double(file, "layers/dense1/part", 1, &three, f->value[0]) >= 0);
    H5Fclose(file);
    assert_int_equal(og_result_show_parts(f->a, stderr, &err), OG_INPUT);
    if (!strstr(err.text, "layers/dense1: has other parts")) fail_msg("%s", err.text);
    file = H5Fopen(f->a, H5F_ACC_RDWR, H5P_DEFAULT);
    assert_true(H5Ldelete(file, "layers/dense1/part", H5P_DEFAULT) >= 0);
    H5Fclose(file);
    assert_int_equal(og_result_show_parts(f->a, stderr, NULL), OG_IO);
}

static void diff_is(const struct fixture *f, const char *expected)
{
    char *text;
    size_t n;
    bool same;
    FILE *out = open_memstream(&text, &n);
    assert_int_equal(og_result_diff(f->a, f->b, out, &same, NULL), OG_OK);
    fclose(out);
    assert_string_equal(text, expected);
    assert_int_equal(same, expected[0] == '\0');
    free(text);
}

static void diff_sees_layers(void **state)
{
    struct fixture *f = *state;
    write_ok(f, f->a);
    write_ok(f, f->b);
    diff_is(f, "");
    f->value[1][EACH] = 0.25;
    write_ok(f, f->b);
    diff_is(f, "layers/dense1/clipped: 1 of 4 values differ, first at [0, 0]: 0 and "
               "0.25\n");
    f->r.layers = 1;
    write_ok(f, f->b);
    diff_is(f, "layers/dense1: only in the first file\n");
}

static void other_shapes_are_refused(void **state)
{
    struct fixture *f = *state;
    write_ok(f, f->a);
    hid_t file = H5Fopen(f->a, H5F_ACC_RDWR, H5P_DEFAULT);
    const hsize_t three = 3;
    assert_true(H5Ldelete(file, "layers/dense1/snr", H5P_DEFAULT) >= 0);
    assert_true(
        H5LTmake_dataset_double(file, "layers/dense1/snr", 1, &three, f->value[0]) >= 0);
    H5Fclose(file);
    struct og_error err = {0};
    assert_int_equal(og_result_show_layers(f->a, stderr, &err), OG_INPUT);
    assert_non_null(strstr(err.text, "layers/dense1/snr has 3 values, not 4"));
    file = H5Fopen(f->a, H5F_ACC_RDWR, H5P_DEFAULT);
    assert_true(H5Ldelete(file, "layers/dense1/snr", H5P_DEFAULT) >= 0);
    H5Fclose(file);
    assert_int_equal(og_result_show_layers(f->a, stderr, NULL), OG_IO);
}

static void failing_allocations(void **state)
{
    struct fixture *f = *state;
    og_status s = OG_NO_MEMORY;
    size_t n = 1;
    for (; s != OG_OK && n < 500; n++) {
        og_alloc_fail_at(n);
        s = og_result_write(f->a, &f->r, NULL);
        og_alloc_fail_at(0);
        assert_true(s == OG_OK || s == OG_NO_MEMORY);
    }
    assert_true(n > 10 && n < 500);
    s = OG_NO_MEMORY;
    for (n = 1; s != OG_OK && n < 500; n++) {
        char *text;
        size_t size;
        FILE *out = open_memstream(&text, &size);
        og_alloc_fail_at(n);
        s = og_result_show_layers(f->a, out, NULL);
        og_alloc_fail_at(0);
        assert_true(s == OG_OK || s == OG_NO_MEMORY);
        fclose(out);
        free(text);
    }
    assert_true(n > 30 && n < 500);
    add_parts(f);
    write_ok(f, f->a);
    s = OG_NO_MEMORY;
    for (n = 1; s != OG_OK && n < 500; n++) {
        FILE *out = tmpfile();
        og_alloc_fail_at(n);
        s = og_result_show_parts(f->a, out, NULL);
        og_alloc_fail_at(0);
        assert_true(s == OG_OK || s == OG_NO_MEMORY);
        fclose(out);
    }
    assert_true(n > 30 && n < 500);
    f->metric[1].name = "wire_noise";
    f->value[0][EACH] = 2;
    write_ok(f, f->a);
    s = OG_NO_MEMORY;
    for (n = 1; s != OG_OK && n < 500; n++) {
        char *text;
        og_alloc_fail_at(n);
        s = og_result_warning(f->a, &text, NULL);
        og_alloc_fail_at(0);
        assert_true(s == OG_NO_MEMORY ? text == NULL : text != NULL);
        free(text);
    }
    assert_true(n > 30 && n < 500);
}

static char *warning(const char *path)
{
    char *text;
    struct og_error err = {0};
    if (og_result_warning(path, &text, &err) != OG_OK) fail_msg("%s", err.text);
    return text;
}

// Means of the two chips: 1.09 and none, 0.95 and 1.09 are good; 1.25 and 0.85 are not.
static void noise_behind_wires_that_is_off(void **state)
{
    struct fixture *f = *state;
    static const double good[2][EACH] = {{1.08, 1.1, NAN, NAN}, {0.94, 0.96, 1.09, NAN}},
                        off[2][EACH] = {{1.2, 1.3, 0.85, NAN}, {0.94, 0.96, 1.09, NAN}};
    f->metric[1].name = "wire_noise";
    for (int i = 0; i < 2; i++) memcpy(f->value[i] + EACH, good[i], sizeof good[i]);
    write_ok(f, f->a);
    assert_null(warning(f->a));
    char *text = shown(f->a);
    assert_null(strchr(text, '!'));
    free(text);
    for (int i = 0; i < 2; i++) memcpy(f->value[i] + EACH, off[i], sizeof off[i]);
    write_ok(f, f->a);
    text = warning(f->a);
    assert_string_equal(
        text, "layer lstm1.x at noise [µS] 0, adc_bits 8 draws 25 % too much read noise "
              "(wire_noise 1.25 at full drive, off by more than 10 % in 2 of 4 lines of "
              "'ohmgrid show --layers'): the formula of reads does not hold on such "
              "wires; multiply the layer's device.read.scale by 0.8, or take smaller "
              "tiles or better wires");
    free(text);
    text = shown(f->a);
    assert_string_equal(
        text, "noise [µS]  adc_bits  layer    snr [dB]  wire_noise  energy [nJ]\n"
              "0           8         lstm1.x  21.3      1.25 !      2\n"
              "0           8         dense1   30.5      0.95        1\n"
              "0.25        6         lstm1.x  -         0.85 !      -\n"
              "0.25        6         dense1   17.0      1.09        3\n"
              "\n!: read noise behind wires is drawn off by more than 10 % "
              "(docs/wires.md)\n"
              "\nmeans over chips\n");
    free(text);
    f->r.layers = 0;
    write_ok(f, f->a);
    assert_null(warning(f->a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(values_come_back, setup, teardown),
        cmocka_unit_test_setup_teardown(scales_are_in_the_same_group, setup, teardown),
        cmocka_unit_test_setup_teardown(show_prints_a_line_per_layer, setup, teardown),
        cmocka_unit_test_setup_teardown(noise_behind_wires_that_is_off, setup, teardown),
        cmocka_unit_test_setup_teardown(parts_have_a_scale, setup, teardown),
        cmocka_unit_test_setup_teardown(show_prints_a_line_per_part, setup, teardown),
        cmocka_unit_test_setup_teardown(parts_that_do_not_fit_are_refused, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(no_axes_at_all, setup, teardown),
        cmocka_unit_test_setup_teardown(diff_sees_layers, setup, teardown),
        cmocka_unit_test_setup_teardown(other_shapes_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(failing_allocations, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
