// SPDX-License-Identifier: GPL-3.0-or-later
// Sequences from HDF5: splits, units, lengths; every wrong file and key is named.
#include <math.h>

#include "series_files.h"

static void write_classes(int n)
{
    hid_t file = H5Fopen(in_root("own.h5"), H5F_ACC_RDWR, H5P_DEFAULT);
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t a =
        H5Acreate2(file, "classes", H5T_NATIVE_INT, space, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(H5Awrite(a, H5T_NATIVE_INT, &n) >= 0);
    H5Aclose(a);
    H5Sclose(space);
    H5Fclose(file);
}

static struct og_data_spec own(enum og_split split)
{
    struct og_data_spec spec = {
        .name = "hdf5", .split = split, .series = og_series_default()};
    spec.series.scale = OG_SCALE_NONE;
    snprintf(spec.series.file, sizeof spec.series.file, "own.h5");
    return spec;
}

static og_status open_as(struct og_dataset **set, const struct og_data_spec *spec,
                         struct og_error *err)
{
    const struct og_data_search where = {root};
    memset(err, 0, sizeof *err);
    return og_dataset_open(set, spec, &where, err);
}

static struct og_dataset *opened(const struct og_data_spec *spec)
{
    struct og_dataset *set;
    struct og_error err;
    if (open_as(&set, spec, &err) != OG_OK) fail_msg("%s", err.text);
    return set;
}

static void fails(const struct og_data_spec *spec, const char *said)
{
    struct og_dataset *set;
    struct og_error err;
    assert_int_equal(open_as(&set, spec, &err), OG_INPUT);
    assert_null(set);
    if (!strstr(err.text, said)) fail_msg("'%s' is not in: %s", said, err.text);
}

// Which sequences a set has, as the digits of a number: the first value says so.
static int members(const struct og_dataset *set)
{
    int number = 0;
    for (size_t k = 0; k < set->n; k++)
        number = 10 * number + 1 + (int)(set->step[set->first[k] * 2] / 100);
    return number;
}

static int members_of(const struct og_data_spec *spec)
{
    struct og_dataset *set = opened(spec);
    const int number = members(set);
    og_dataset_free(set);
    return number;
}

static void folds_and_groups(void **state)
{
    (void)state;
    write_own(NULL);
    struct og_data_spec train = own(OG_TRAIN), test = own(OG_TEST);
    assert_int_equal(members_of(&train), 2345);
    assert_int_equal(members_of(&test), 16);
    train.series.folds = test.series.folds = 3;
    train.series.fold = test.series.fold = 1;
    assert_int_equal(members_of(&train), 1346);
    assert_int_equal(members_of(&test), 25);
    test.series.fold = 3;
    fails(&test, "data.fold is 3, not in 0 to 2");
    train = own(OG_TRAIN);
    test = own(OG_TEST);
    snprintf(test.series.test_groups, 20, "bob ann");
    snprintf(train.series.test_groups, 20, "bob ann");
    assert_int_equal(members_of(&train), 456);
    assert_int_equal(members_of(&test), 123);
    test.series.fold = 1;
    fails(&test, "no effect beside test_groups");
    test.series.fold = 0;
    snprintf(test.series.test_groups, 20, "ann dan");
    fails(&test, "'dan' is no group");
    snprintf(test.series.test_groups, 20, "cy bob ann");
    fails(&test, "no training samples");
    write_own("group");
    snprintf(test.series.test_groups, 20, "ann");
    fails(&test, "dataset 'group' is missing");
}

// Values, lengths and shape; longer ones lose their end, and are counted.
static void lengths(void **state)
{
    (void)state;
    write_own(NULL);
    struct og_data_spec test = own(OG_TEST);
    struct og_dataset *set = opened(&test);
    assert_int_equal(set->classes, 4);
    assert_int_equal(set->shape.rank, 2);
    assert_int_equal(set->shape.dim[0], 5);  // the longest of training: sequence 4
    assert_int_equal(set->shape.dim[1], 2);
    assert_int_equal(set->label[1], 3);
    assert_int_equal(set->shortened, 1);
    assert_int_equal(set->length[0], 1);
    assert_int_equal(set->length[1], 5);
    const uint32_t index[2] = {1, 0};
    float x[2][5][2];
    og_dataset_fetch(set, index, 2, NULL, x[0][0]);
    for (int t = 0; t < 5; t++) assert_true(x[0][t][1] == (float)(501 + 10 * t));
    assert_true(x[1][0][1] == 1 && x[1][1][0] == 0 && x[1][4][1] == 0);
    og_dataset_free(set);
    test.series.lengths = OG_LENGTHS_EQUAL;
    set = opened(&test);
    assert_null(set->length);
    og_dataset_fetch(set, index, 2, NULL, x[0][0]);
    assert_true(x[1][0][1] == 0 && x[1][4][1] == 1);
    og_dataset_free(set);
    test.series.average = 2;
    set = opened(&test);  // 6 steps become 3, one stays one
    assert_int_equal(set->first[1], 1);
    assert_int_equal(set->first[2], 4);
    assert_true(set->step[0] == 0 && set->step[2] == 505 && set->step[6] == 545);
    og_dataset_free(set);
}

// Units of the training set, whatever part of it is used.
static void units(void **state)
{
    (void)state;
    for (int k = 0; k < STEPS; k++) frames[k][0] = 7;
    write_own(NULL);
    make_series();
    struct og_data_spec spec = own(OG_TRAIN);
    spec.series.scale = OG_SCALE_DEVIATION;
    struct og_dataset *set = opened(&spec);
    double sum = 0, square = 0;
    const size_t n = set->first[set->n];
    for (size_t t = 0; t < n; t++) {
        assert_true(set->step[2 * t] == 0);
        sum += set->step[2 * t + 1];
        square += (double)set->step[2 * t + 1] * set->step[2 * t + 1];
    }
    assert_true(!(fabs(sum / (double)n) > 1e-6));
    assert_true(!(fabs(square / (double)n - 1) > 1e-5));
    spec.limit = 1;
    struct og_dataset *one = opened(&spec);
    assert_memory_equal(one->step, set->step, one->first[1] * 2 * sizeof *one->step);
    og_dataset_free(one);
    og_dataset_free(set);
}

static void classes(void **state)
{
    (void)state;
    const struct og_data_spec spec = own(OG_TRAIN);
    write_own(NULL);
    write_classes(35);
    struct og_dataset *set = opened(&spec);
    assert_int_equal(set->classes, 35);
    og_dataset_free(set);
    static const int wrong[] = {3, 257};
    for (int i = 0; i < 2; i++) {
        write_own(NULL);
        write_classes(wrong[i]);
        fails(&spec, "'classes' is no number from 4 (the labels there are) to 256");
    }
}

static void hostile_files(void **state)
{
    (void)state;
    const struct og_data_spec spec = own(OG_TRAIN);
    write_own("frames");
    fails(&spec, "dataset 'frames' is missing");
    write_own("label");
    fails(&spec, "dataset 'label' is missing");
    write_own("offset");
    fails(&spec, "'frames' has not the right dimensions");
    offset[2] = offset[3];
    write_own(NULL);
    fails(&spec, "sequence 2 has steps 6 to 6 of 21");
    make_series();
    offset[SERIES] = STEPS + 1;
    write_own(NULL);
    fails(&spec, "sequence 5 has steps 15 to 22 of 21");
    make_series();
    label[3] = 256;
    write_own(NULL);
    label[3] = 0;
    fails(&spec, "label 3 is 256, not in 0 to 255");
    frames[4][1] = INFINITY;
    write_own(NULL);
    make_series();
    fails(&spec, "value 9 of 'frames' is not finite");
    hid_t file = create("own.h5");
    write_array(file, "frames", H5T_NATIVE_FLOAT, 3, (hsize_t[]){1 << 20, 0, 2}, frames);
    H5Fclose(file);
    fails(&spec, "dataset 'frames' has no steps");
    struct og_data_spec nameless = spec;
    memset(nameless.series.file, 0, sizeof nameless.series.file);
    fails(&nameless, "data set hdf5: data.file is missing");
    write_plain("own.h5", (const uint8_t *)"nothing", 7);
    fails(&spec, "own.h5: HDF5 cannot open it");
}

static void memory_failures(void **state)
{
    (void)state;
    write_own(NULL);
    const struct og_data_spec spec = own(OG_TRAIN);
    int failures = 0;
    og_status status = OG_NO_MEMORY;
    for (size_t n = 1; status == OG_NO_MEMORY; n++) {
        struct og_dataset *set;
        struct og_error err;
        og_alloc_fail_at(n);
        status = open_as(&set, &spec, &err);
        og_alloc_fail_at(0);
        failures += status != OG_OK;
        og_dataset_free(set);
    }
    assert_int_equal(status, OG_OK);
    assert_true(failures > 8);
}

static void keys_without_effect(void **state)
{
    (void)state;
    struct og_series pen = og_series_default(), folds = pen, groups = pen;
    pen.boxed = true;
    folds.folds = 2;
    snprintf(groups.test_groups, 20, "f1");
    const struct {
        struct og_data_spec spec;
        const char *said;
    } wrong[] = {
        {{.name = "wharf", .rows = true}, "data.as has no effect"},
        {{.name = "wharf", .std = {1}}, "mean or std"},
        {{.name = "wharf", .flip = true}, "crop or flip"},
        {{.name = "wharf", .series = pen}, "pen.box"},
        {{.name = "wharf", .series = folds}, "folds or fold"},
        {{.name = "japanese_vowels", .series = groups}, "test_groups"},
        {{.name = "japanese_vowels", .speech = {.mels = 3}}, "features"},
        {{.name = "mnist", .series = folds}, "is no series"},
        {{.name = "fashion_mnist", .strokes = true}, "strokes is for handwriting"},
        {{.name = "mnist", .strokes = true, .series = folds}, "folds or fold"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        fails(&wrong[i].spec, wrong[i].said);
}

// Two drawings of two strokes each, by drawers 1 and 17; y upwards.
static void drawings(void **state)
{
    (void)state;
    static const float points[8][4] = {{1, -1, 0, 0}, {4, -5, 0, 0}, {4, -7, 0, 0},
                                       {9, -7, 0, 1}, {0, 0, 0, 0},  {0, 0, 0, 1},
                                       {2, 0, 0, 1},  {2, -1, 0, 1}};
    static const int64_t begins[3] = {0, 4, 8};
    static const int32_t labels[2] = {0, 1}, drawer[2] = {1, 17};
    hid_t file = create("omniglot_strokes_small1.h5");
    write_array(file, "points", H5T_NATIVE_FLOAT, 2, (hsize_t[]){8, 4}, points);
    write_array(file, "offset", H5T_NATIVE_INT64, 1, (hsize_t[]){3}, begins);
    write_array(file, "label", H5T_NATIVE_INT32, 1, (hsize_t[]){2}, labels);
    write_array(file, "drawer", H5T_NATIVE_INT32, 1, (hsize_t[]){2}, drawer);
    H5Fclose(file);
    struct og_data_spec spec = {.name = "omniglot_strokes",
                                .series = og_series_default()};
    fails(&spec, "'18' is no group with sequences");  // who is tested by default
    spec.series.scale = OG_SCALE_NONE;
    snprintf(spec.series.test_groups, 20, " 17");
    struct og_dataset *set = opened(&spec);
    static const float steps[4][3] = {{1, 1, 0}, {3, 4, 0}, {0, 2, 1}, {5, 0, 1}};
    assert_int_equal(set->n, 1);
    assert_memory_equal(set->step, steps, sizeof steps);
    og_dataset_free(set);
    // A path of 5 and 2: points 1.75 apart, four parts; then a stroke of one point.
    spec.series.spacing = 1.75;
    set = opened(&spec);
    assert_int_equal(set->first[1], 6);
    assert_true(!(fabs(hypot(set->step[3], set->step[4]) - 1.75) > 1e-6));
    assert_true(set->step[4 * 3 + 2] == 1 && set->step[3 * 3 + 2] == 0);
    double x = 0, y = 0;
    for (int t = 0; t < 6; t++) {
        x += set->step[3 * t];
        y += set->step[3 * t + 1];
    }
    assert_true(!(fabs(x - 9) > 1e-5) && !(fabs(y - 7) > 1e-5));
    og_dataset_free(set);
    spec.series.spacing = 1e-300;
    fails(&spec, "data.pen.spacing: 1e-300 would make more than 1048576 points");
    spec.series.spacing = 0;
    spec.series.boxed = true;  // 8 wide, 6 high
    set = opened(&spec);
    static const float boxed[4][3] = {
        {0, 0, 0}, {0.375f, 0.5f, 0}, {0, 0.25f, 1}, {0.625f, 0, 1}};
    assert_memory_equal(set->step, boxed, sizeof boxed);
    og_dataset_free(set);
}

static struct og_dataset *real(const char *name, enum og_split split)
{
    struct og_data_spec spec = {.split = split, .series = og_series_default()};
    snprintf(spec.name, sizeof spec.name, "%s", name);
    const struct og_data_search where = {real_sets};
    struct og_dataset *set;
    struct og_error err = {0};
    if (og_dataset_open(&set, &spec, &where, &err) != OG_OK) fail_msg("%s", err.text);
    return set;
}

// What the sets themselves say of their size.
static void real_sets_are_whole(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t train, test, values, steps;
        int classes;
    } sets[] = {
        {"japanese_vowels", 270, 370, 12, 26, 9},
        {"pendigits", 7494, 3498, 2, 8, 10},
        {"wharf", 688, 204, 3, 0, 14},
        {"omniglot_strokes", 136 * 16, 136 * 4, 3, 0, 136},
        {"speech_commands_kws01", 800, 200, 49, 1, 12},  // an image of one channel
    };
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        char path[500];
        const struct og_data_search where = {real_sets};
        if (!real_sets || !og_data_found(sets[i].name, &where, path, sizeof path))
            continue;
        struct og_dataset *train = real(sets[i].name, OG_TRAIN);
        struct og_dataset *test = real(sets[i].name, OG_TEST);
        assert_int_equal(train->n, sets[i].train);
        assert_int_equal(test->n, sets[i].test);
        assert_int_equal(train->shape.dim[1], sets[i].values);
        if (sets[i].steps) assert_int_equal(train->shape.dim[0], sets[i].steps);
        assert_int_equal(train->classes, sets[i].classes);
        assert_int_equal(test->classes, sets[i].classes);
        if (strcmp(sets[i].name, "wharf") == 0) assert_int_equal(train->n + test->n, 892);
        og_dataset_free(train);
        og_dataset_free(test);
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
    unlink(in_root("omniglot_strokes_small1.h5"));
    return remove_root(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folds_and_groups),
        cmocka_unit_test(lengths),
        cmocka_unit_test(units),
        cmocka_unit_test(classes),
        cmocka_unit_test(hostile_files),
        cmocka_unit_test(memory_failures),
        cmocka_unit_test(keys_without_effect),
        cmocka_unit_test(drawings),
        cmocka_unit_test(real_sets_are_whole),
    };
    return cmocka_run_group_tests(tests, start, finish);
}
