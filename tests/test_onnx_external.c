// SPDX-License-Identifier: GPL-3.0-or-later
// Weights beside a model, names of its outputs, and operators that ONNX's own node tests
// try in few forms: Split, ConstantOfShape.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <unistd.h>

#include "onnx_models.h"

static const int64_t shape_23[2] = {2, 3}, list_6[1] = {6};
static float six[6] = {1, -2, 3, 4, 5, 6};
static char refused[2000];

static og_status infer(struct og_error *err)
{
    static char model[2 * PATH], in[2 * PATH], out[2 * PATH];
    strcpy(model, path_of("model.h5"));
    strcpy(in, path_of("in.h5"));
    strcpy(out, path_of("out.h5"));
    return og_onnx_run(&(struct og_onnx_infer){.model = model, .in = in, .out = out},
                       err);
}

static void works(struct made *m)
{
    struct og_error err = {0};
    const char *name = "x";
    struct og_nd x = floats(1, list_6, six);
    import_model(m, refused, &err);
    assert_string_equal(refused, "");
    put_file(path_of("in.h5"), 1, &name, &x);
    og_nd_free(&x);
    if (err.text[0] == '\0') infer(&err);
    assert_string_equal(err.text, "");
}

// At import, or when the model runs.
static void fails(struct made *m, const char *sentence)
{
    struct og_error err = {0};
    const char *name = "x";
    struct og_nd x = floats(1, list_6, six);
    put_file(path_of("in.h5"), 1, &name, &x);
    og_nd_free(&x);
    og_status status = import_model(m, refused, &err);
    if (status == OG_OK) status = infer(&err);
    assert_int_equal(status, OG_INPUT);
    if (!strstr(err.text, sentence) && !strstr(refused, sentence))
        fail_msg("%s %s", err.text, refused);
}

static void holds(const char *name, size_t n, const float *wanted)
{
    struct og_nd a;
    get_file(path_of("out.h5"), name, OG_ND_FLOAT, &a);
    assert_int_equal(a.count, n);
    assert_memory_equal(a.data, wanted, n * sizeof *wanted);
    og_nd_free(&a);
}

static struct made *started(int opset)
{
    struct made *m = start_model(opset);
    add_port(m, false, "x", 1, 1, list_6);
    return m;
}

// --- weights beside the model ----------------------------------------------------------

// Elements in another file; text is up to 3 pairs of key and value, ended by NULL.
static void set_external(Onnx__TensorProto *t, const char *const *text)
{
    static Onnx__StringStringEntryProto entry[3], *list[3];
    t->n_float_data = 0;
    t->has_data_location = 1;
    t->data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
    t->external_data = list;
    for (t->n_external_data = 0; text[2 * t->n_external_data]; t->n_external_data++) {
        size_t k = t->n_external_data;
        entry[k] = (Onnx__StringStringEntryProto)ONNX__STRING_STRING_ENTRY_PROTO__INIT;
        entry[k].key = (char *)(uintptr_t)text[2 * k];
        entry[k].value = (char *)(uintptr_t)text[2 * k + 1];
        list[k] = &entry[k];
    }
}

static struct made *beside(const char *const *text)
{
    struct made *m = started(13);
    add_port(m, true, "y", 1, 1, list_6);
    set_external(add_tensor(m, "w", 1, list_6, six), text);
    add_node(m, "", "Add x w -> y");
    return m;
}

static void weights_are_read_beside_the_model(void **state)
{
    (void)state;
    const float wanted[6] = {2, -4, 6, 8, 10, 12};
    const float file[8] = {70, 80, 1, -2, 3, 4, 5, 6};
    write_bytes(path_of("w.bin"), file, sizeof file);
    works(beside(
        (const char *[]){"location", "w.bin", "offset", "8", "length", "24", NULL}));
    holds("y", 6, wanted);
    works(beside((const char *[]){"location", "./w.bin", "offset", "8", NULL}));
    holds("y", 6, wanted);
}

static void other_places_are_refused(void **state)
{
    static const char *const bad[][7] = {
        {"location", "../w.bin", NULL},
        {"location", "/etc/passwd", NULL},
        {"location", "none.bin", NULL},
        {"location", "link", NULL},
        {"location", ".", NULL},
        {"location", "", NULL},
        {"offset", "8", NULL},
        {"location", "w.bin", "offset", "12", NULL},
        {"location", "w.bin", "offset", "-8", NULL},
        {"location", "w.bin", "offset", "8 ", NULL},
        {"location", "w.bin", "offset", "99999999999999999999", NULL},
        {"location", "w.bin", "length", "20", NULL},
    };
    static const char *const said[] = {
        "is in a file that is not in the model's folder: '../w.bin'",
        "is in a file that is not named from the model's folder: '/etc/passwd'",
        "is in a file that is not in the model's folder: 'none.bin'",
        "is in a file that is not in the model's folder: 'link'",
        "is in a file that is not in the model's folder: '.'",
        "is in a file that is not named from the model's folder: ''",
        "is in a file that is not named from the model's folder: ''",
        "is longer than 'w.bin'",
        "has other than its shape's number of bytes in 'w.bin'",
        "has other than its shape's number of bytes in 'w.bin'",
        "has other than its shape's number of bytes in 'w.bin'",
        "has other than its shape's number of bytes in 'w.bin'",
    };
    (void)state;
    const float file[8] = {0};
    write_bytes(path_of("w.bin"), file, sizeof file);
    assert_int_equal(symlink("/etc/passwd", path_of("link")), 0);
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) fails(beside(bad[k]), said[k]);
}

// --- names -----------------------------------------------------------------------------

static struct made *named(const char *first, const char *second)
{
    static char nodes[2][40];
    struct made *m = started(13);
    add_port(m, true, first, 1, 1, list_6);
    add_port(m, true, second, 1, 1, list_6);
    snprintf(nodes[0], sizeof nodes[0], "Identity x -> %s", first);
    snprintf(nodes[1], sizeof nodes[1], "Identity x -> %s", second);
    for (int k = 0; k < 2; k++) add_node(m, "", nodes[k]);
    return m;
}

static void names_that_one_file_cannot_hold_are_refused(void **state)
{
    (void)state;
    works(named("a/b", "ab"));
    holds("a/b", 6, six);
    works(named("/a/b", "a/c"));
    fails(named("a/b", "a"), "outputs 'a/b' and 'a' cannot be in one file");
    fails(named("a/b", "/a//b"), "outputs 'a/b' and '/a//b' cannot be in one file");
    fails(named("a", "."), "output '.' is no name that HDF5 can hold");
    fails(named("a", "//"), "output '//' is no name that HDF5 can hold");
}

// --- Split -----------------------------------------------------------------------------

static struct made *split_model(int opset, const char *node, int64_t num_outputs)
{
    struct made *m = started(opset);
    add_port(m, true, "a", 1, -1, NULL);
    add_port(m, true, "b", 1, -1, NULL);
    struct made_node *n = add_node(m, "", node);
    if (num_outputs) add_int(n, "num_outputs", num_outputs);
    return m;
}

static void splits_are_equal_or_as_said(void **state)
{
    (void)state;
    works(split_model(13, "Split x -> a b", 0));
    holds("a", 3, six);
    holds("b", 3, six + 3);
    works(split_model(18, "Split x -> a c b d", 4));  // 2, 2, 2 and what is left
    holds("a", 2, six);
    holds("b", 2, six + 4);
    fails(split_model(13, "Split x -> a b c d", 0),
          "6 elements cannot be split into 4 equal");
    fails(split_model(18, "Split x -> a b", 3), "num_outputs is 3, there are 2 outputs");
    fails(split_model(18, "Split x -> a b", 0),
          "needs either the input split or num_outputs");
}

static Onnx__AttributeProto *add_sizes(struct made_node *node, int64_t *size, size_t n)
{
    Onnx__AttributeProto *a = add_attr(node, "split", 7);
    a->n_ints = n;
    a->ints = size;
    return a;
}

static void sizes_of_splits_are_checked(void **state)
{
    (void)state;
    static int64_t size[3] = {1, 0, 5}, less[3] = {1, 0, 4}, more[3] = {7, -1, 0};
    struct made *m = started(11);
    add_port(m, true, "a", 1, -1, NULL);
    add_port(m, true, "b", 1, -1, NULL);
    add_sizes(add_node(m, "", "Split x -> a none b"), size, 3);
    works(m);
    holds("a", 1, six);
    holds("b", 5, six + 1);
    int64_t *bad[3] = {less, more, size};
    for (int k = 0; k < 3; k++) {
        m = started(11);
        add_port(m, true, "a", 1, -1, NULL);
        add_sizes(add_node(m, "", "Split x -> a c b"), bad[k], k < 2 ? 3 : 2);
        fails(m, k < 2 ? "sizes in split are not those of 6 elements"
                       : "split has 2 sizes for 3 outputs");
    }
}

// --- ConstantOfShape -------------------------------------------------------------------

static struct made *filled(int type, int value_type)
{
    static Onnx__TensorProto value;
    static int32_t number[1] = {3};
    static int64_t one[1] = {1};
    struct made *m = start_model(13);
    add_port(m, false, "s", 7, 1, (const int64_t[]){2});
    add_port(m, true, "y", type, -1, NULL);
    Onnx__AttributeProto *a =
        add_attr(add_node(m, "", "ConstantOfShape s -> y"), "value", 4);
    value = (Onnx__TensorProto)ONNX__TENSOR_PROTO__INIT;
    value.n_dims = 1;
    value.dims = one;
    value.has_data_type = 1;
    value.data_type = value_type;
    value.n_int32_data = 1;
    value.int32_data = number;
    a->t = &value;
    return m;
}

static void constants_have_the_type_of_their_value(void **state)
{
    (void)state;
    static const enum og_nd_type kind[3] = {OG_ND_INT32, OG_ND_UINT8, OG_ND_INT8};
    static const int number[3] = {6, 2, 3};
    const char *name = "s";
    for (int k = 0; k < 3; k++) {
        struct og_error err = {0};
        struct og_nd s, y;
        og_nd_alloc(&s, OG_ND_INT64, 1, (const int64_t[]){2}, NULL);
        for (int i = 0; i < 2; i++) og_nd_put(&s, (size_t)i, shape_23[i]);
        import_model(filled(number[k], number[k]), refused, &err);
        put_file(path_of("in.h5"), 1, &name, &s);
        assert_int_equal(infer(&err), OG_OK);
        get_file(path_of("out.h5"), "y", kind[k], &y);
        assert_int_equal(y.count, 6);
        for (size_t i = 0; i < 6; i++) assert_int_equal(og_nd_int(&y, i), 3);
        og_nd_free(&s);
        og_nd_free(&y);
    }
    fails(filled(11, 11), "#0 ConstantOfShape : attribute 'value' is unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_are_read_beside_the_model),
        cmocka_unit_test(other_places_are_refused),
        cmocka_unit_test(names_that_one_file_cannot_hold_are_refused),
        cmocka_unit_test(splits_are_equal_or_as_said),
        cmocka_unit_test(sizes_of_splits_are_checked),
        cmocka_unit_test(constants_have_the_type_of_their_value),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
