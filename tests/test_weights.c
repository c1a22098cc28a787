// SPDX-License-Identifier: GPL-3.0-or-later
// Weight files: every format gives the same bits, every name finds its place, and what
// does not fit is one clear sentence.
#include "weight_files.h"

#include <math.h>

// --- formats ------------------------------------------------------------------------

static const char small[] = "[dense: {units: 3, name: a}, relu, dense: {units: 5, name: "
                            "b, bias: false}]";
static const struct og_shape four = {1, {4, 0, 0}};

static void small_tensors(struct tensor t[3])
{
    const float *n = numbers();
    t[0] = (struct tensor){"a.weight", 2, {3, 4}, n};
    t[1] = (struct tensor){"a.bias", 1, {3}, n + 20};
    t[2] = (struct tensor){"b.weight", 2, {5, 3}, n + 40};
}

static void check_small(const char *file)
{
    const float *n = numbers();
    og_model *model = nn_model(small, four, 5);
    load_well(model, file, "", OG_LAYOUT_AUTO);
    same(model, "a", "weight", n, 12);
    same(model, "a", "bias", n + 20, 3);
    same(model, "b", "weight", n + 40, 15);
    og_model_free(model);
}

static void every_format_gives_the_same(void **state)
{
    (void)state;
    struct tensor t[3];
    small_tensors(t);
    write_hdf5("dots.h5", t, 3, false);
    check_small("dots.h5");
    for (const char *type = "hbfd"; *type; type++) {
        write_safetensors("a.safetensors", t, 3, *type);
        check_small("a.safetensors");
    }
    for (int packed = 0; packed < 2; packed++) {
        write_npz("a.npz", t, 3, packed);
        check_small("a.npz");
    }
    t[0].name = "a/weight";
    t[1].name = "a/bias";
    t[2].name = "b/weight";
    write_hdf5("slashes.h5", t, 3, false);
    check_small("slashes.h5");
}

static void folders_of_arrays(void **state)
{
    (void)state;
    struct tensor t[3];
    static uint8_t bytes[4096];
    small_tensors(t);
    mkdir(in_folder("arrays"), 0700);
    for (const char *type = "hfdHFD"; *type; type++)
        for (int column_major = 0; column_major < 2; column_major++) {
            for (int i = 0; i < 3; i++) {
                char name[64];
                snprintf(name, sizeof name, "arrays/%s.npy", t[i].name);
                write_bytes(name, bytes, make_npy(bytes, &t[i], *type, column_major));
            }
            check_small("arrays");
        }
    // One array is a file by itself.
    og_model *model = nn_model("[dense: {units: 3, name: a, bias: false}]", four, 3);
    load_well(model, "arrays/a.weight.npy", "", OG_LAYOUT_AUTO);
    same(model, "a", "weight", numbers(), 12);
    og_model_free(model);
}

// The limit of a relu that is searched comes from a file that has one, else from `max`.
static void limits_of_relus(void **state)
{
    (void)state;
    static const char net[] = "[dense: {units: 3, name: a, bias: false}, relu: {name: r, "
                              "search: true, max: 2}]";
    static const char fixed[] =
        "[dense: {units: 3, name: a, bias: false}, relu: {name: r, max: 2}]";
    const float limit[] = {0.75f, -1.0f};
    struct tensor t[] = {{"a.weight", 2, {3, 4}, numbers()}, {"r.max", 1, {1}, limit}};
    og_model *model = nn_model(net, four, 3);
    size_t n;
    write_hdf5("limit.h5", t, 1, false);
    load_well(model, "limit.h5", "", OG_LAYOUT_AUTO);
    assert_true(*og_model_state(model, &n) == 2.0f);
    write_hdf5("limit.h5", t, 2, false);
    load_well(model, "limit.h5", "", OG_LAYOUT_AUTO);
    assert_true(*og_model_state(model, &n) == 0.75f);
    struct og_weights_config c = {.group = ""};
    struct og_error err = {0};
    snprintf(c.path, sizeof c.path, "%s", in_folder("limit.h5"));
    og_model *other = nn_model(fixed, four, 3);
    assert_int_equal(og_model_load(other, &c, &err), OG_INPUT);
    assert_non_null(strstr(err.text, "no layer takes r.max"));
    og_model_free(other);
    memset(&err, 0, sizeof err);
    t[1].value = limit + 1;
    write_hdf5("limit.h5", t, 2, false);
    assert_int_equal(og_model_load(model, &c, &err), OG_INPUT);
    assert_non_null(strstr(err.text, "'r.max' is -1; a limit is at least 0"));
    og_model_free(model);
}

// --- names --------------------------------------------------------------------------

static void parts_groups_and_new_names(void **state)
{
    (void)state;
    const float *n = numbers();
    const struct tensor t[] = {{"net/module.0.fc.weight", 2, {3, 4}, n},
                               {"net/module.0.fc.bias", 1, {3}, n + 20},
                               {"net/module.0.steps_num_batches_tracked", 1, {1}, n},
                               {"other/x", 1, {2}, n}};
    og_model *model = nn_model("[dense: {units: 3, name: head_0_fc}]", four, 3);
    struct og_weights_config c = {.group = "net", .renames = 1};
    struct og_error err = {0};
    write_hdf5("named.h5", t, 4, false);
    snprintf(c.path, sizeof c.path, "%s", in_folder("named.h5"));
    strcpy(c.rename[0].from, "module");
    strcpy(c.rename[0].to, "head");
    assert_int_equal(og_model_load(model, &c, &err), OG_OK);
    same(model, "head_0_fc", "weight", n, 12);
    same(model, "head_0_fc", "bias", n + 20, 3);
    strcpy(c.rename[0].from, "modul_");
    assert_int_equal(og_model_load(model, &c, &err), OG_INPUT);
    assert_non_null(strstr(err.text, "begins with 'modul_'"));
    memset(&err, 0, sizeof err);
    strcpy(c.group, "nets");
    assert_int_equal(og_model_load(model, &c, &err), OG_INPUT);
    assert_non_null(strstr(err.text, "no tensors in group 'nets'"));
    og_model_free(model);
}

static void models_of_result_files(void **state)
{
    (void)state;
    const float *n = numbers();
    const struct tensor t[] = {{"model/m0/a/weight", 2, {3, 4}, n},
                               {"model/m0/a/bias", 1, {3}, n + 20},
                               {"results/accuracy", 1, {2}, n},
                               {"model/m1/a/weight", 2, {3, 4}, n + 100},
                               {"model/m1/a/bias", 1, {3}, n + 120}};
    og_model *model = nn_model("[dense: {units: 3, name: a}]", four, 3);
    write_hdf5("one.h5", t, 3, true);
    load_well(model, "one.h5", "", OG_LAYOUT_AUTO);
    same(model, "a", "weight", n, 12);
    write_hdf5("two.h5", t, 5, true);
    load_badly(model, "two.h5", OG_LAYOUT_AUTO, "several models (m0, m1)");
    load_well(model, "two.h5", "m1", OG_LAYOUT_AUTO);
    same(model, "a", "bias", n + 120, 3);
    write_hdf5("none.h5", t + 2, 1, true);
    load_badly(model, "none.h5", OG_LAYOUT_AUTO, "without models");
    og_model_free(model);
}

static void what_does_not_fit(void **state)
{
    (void)state;
    const float *n = numbers();
    struct tensor t[5];
    og_model *model = nn_model(small, four, 5);
    small_tensors(t);
    t[3] = (struct tensor){"c.weight", 1, {2}, n};
    write_hdf5("bad.h5", t, 4, false);
    load_badly(model, "bad.h5", OG_LAYOUT_AUTO, "no layer takes c.weight");
    write_hdf5("bad.h5", t, 2, false);
    load_badly(model, "bad.h5", OG_LAYOUT_AUTO, "it lacks b.weight");
    t[2].dim[1] = 4;
    write_hdf5("bad.h5", t, 3, false);
    load_badly(model, "bad.h5", OG_LAYOUT_AUTO,
               "'b.weight' is [5][4], but layer 'b' needs [5][3]");
    small_tensors(t);
    t[1].dim[0] = 4;
    write_hdf5("bad.h5", t, 3, false);
    load_badly(model, "bad.h5", OG_LAYOUT_AUTO,
               "'a.bias' is [4], but layer 'a' needs [3]");
    small_tensors(t);
    t[3] = (struct tensor){"a_weight", 2, {3, 4}, n};
    write_hdf5("bad.h5", t, 4, false);
    load_badly(model, "bad.h5", OG_LAYOUT_AUTO, "both 'a.weight' and 'a_weight'");
    const float bad[3] = {1.0f, NAN, 2.0f};
    small_tensors(t);
    t[1].value = bad;
    write_hdf5("bad.h5", t, 3, false);
    load_badly(model, "bad.h5", OG_LAYOUT_AUTO, "value 1 of tensor 'a.bias' is nan");
    og_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_format_gives_the_same),
        cmocka_unit_test(folders_of_arrays),
        cmocka_unit_test(limits_of_relus),
        cmocka_unit_test(parts_groups_and_new_names),
        cmocka_unit_test(models_of_result_files),
        cmocka_unit_test(what_does_not_fit),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
