// SPDX-License-Identifier: GPL-3.0-or-later
// Imported networks: what is refused and how, what is computed, in float and on arrays.
// What operators give is judged by ONNX's own tests (OHMGRID_DATA) and onnx_oracle.py.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>

#include "ohmgrid/cpu.h"
#include "ohmgrid/random.h"
#include "onnx_models.h"

static char refused[2000];

static void import_fails(struct made *m, const char *listed, const char *sentence)
{
    struct og_error err = {0};
    assert_int_equal(import_model(m, refused, &err), OG_INPUT);
    assert_string_equal(refused, listed);
    if (!strstr(err.text, sentence)) fail_msg("%s", err.text);
}

static void import_works(struct made *m)
{
    struct og_error err = {0};
    og_status status = import_model(m, refused, &err);
    assert_string_equal(refused, "");
    assert_string_equal(err.text, "");
    assert_int_equal(status, OG_OK);
}

static const int64_t shape_23[2] = {2, 3}, any_3[2] = {-1, 3};

static struct made *relu_model(int opset)
{
    struct made *m = start_model(opset);
    add_port(m, false, "x", 1, 2, shape_23);
    add_port(m, true, "y", 1, 2, shape_23);
    add_node(m, "first", "Relu x -> y");
    return m;
}

static og_status infer(struct og_onnx_infer p, struct og_error *err)
{
    static char model[2 * PATH], in[2 * PATH], out[2 * PATH];
    strcpy(model, path_of("model.h5"));
    strcpy(in, path_of("in.h5"));
    strcpy(out, path_of("out.h5"));
    p.model = model;
    p.in = in;
    p.out = out;
    return og_onnx_run(&p, err);
}

static void infer_fails(og_status status, const char *sentence)
{
    struct og_error err = {0};
    assert_int_equal(infer((struct og_onnx_infer){0}, &err), status);
    if (!strstr(err.text, sentence)) fail_msg("%s", err.text);
}

static void infer_works(struct og_onnx_infer p)
{
    struct og_error err = {0};
    og_status status = infer(p, &err);
    assert_string_equal(err.text, "");
    assert_int_equal(status, OG_OK);
}

// --- what is refused -----------------------------------------------------------------

static void all_offending_nodes_are_listed(void **state)
{
    (void)state;
    struct made *m = relu_model(13);
    add_node(m, "curl", "Einsum x -> a");
    add_int(add_node(m, "", "Relu x -> b"), "gain", 2);
    add_int(add_node(m, "odd", "Gemm x x -> c"), "transA", 3);
    add_node(m, "later", "Relu a -> d");
    add_node(m, "wide", "Add x -> e")->proto.domain = (char *)(uintptr_t) "mine";
    import_fails(m,
                 "#1 Einsum curl: not supported\n"
                 "#2 Relu : attribute 'gain' is unknown\n"
                 "#3 Gemm odd: transA is 3, expected 0 or 1\n"
                 "#5 Add wide: operators of domain 'mine' are not supported\n",
                 "4 of 6 nodes cannot be computed");
}

static void versions_and_types_are_looked_at(void **state)
{
    (void)state;
    import_fails(relu_model(5),
                 "#0 Relu first: opset 5 is not supported: 1 and 6 to 21 are\n",
                 "1 of 1 nodes");
    import_fails(relu_model(22),
                 "#0 Relu first: opset 22 is not supported: 1 and 6 to 21 are\n",
                 "1 of 1");
    struct made *m = relu_model(12);
    add_port(m, false, "d", 11, 2, shape_23);  // double
    add_node(m, "second", "Relu d -> z");
    add_port(m, false, "i", 6, 2, shape_23);  // int32: since opset 14
    add_node(m, "third", "Relu i -> w");
    import_fails(m,
                 "#1 Relu second: input 0 is of a type not supported\n"
                 "#2 Relu third: input 0 of type int32 is not supported\n",
                 "2 of 3 nodes");
}

static void broken_graphs_are_refused(void **state)
{
    (void)state;
    struct made *m = relu_model(13);
    add_node(m, "", "Add x b -> a");
    add_node(m, "", "Add x a -> b");
    import_fails(m, "", "2 nodes wait for each other in a circle");
    m = relu_model(13);
    add_node(m, "", "Add x lost -> a");
    import_fails(m, "", "node #1 Add reads 'lost', which nothing gives");
    m = relu_model(13);
    add_node(m, "", "Tanh x -> y");
    import_fails(m, "", "node #1 gives 'y', which is given already");
    m = relu_model(13);
    add_port(m, true, "nothing", 1, 0, NULL);
    import_fails(m, "", "nothing gives graph output 'nothing'");
    m = relu_model(13);
    m->out[0].tensor.elem_type = 7;
    import_fails(m, "", "graph output 'y' is declared as int64, but is float32");
    m = relu_model(13);
    add_port(m, true, "y", 1, 2, shape_23);
    import_fails(m, "", "two graph outputs are called 'y'");
}

static void broken_initializers_are_refused(void **state)
{
    float value[6] = {0};
    const int64_t huge[3] = {(int64_t)1 << 40, (int64_t)1 << 40, 1};
    (void)state;
    struct made *m = relu_model(13);
    add_tensor(m, "w", 2, shape_23, value);
    add_tensor(m, "w", 2, shape_23, value);
    import_fails(m, "", "'w' is given twice");
    m = relu_model(13);
    add_tensor(m, "w", 2, shape_23, value)->n_float_data = 5;
    import_fails(m, "", "'w' has other than its shape's number of elements");
    m = relu_model(13);
    add_tensor(m, "w", 2, shape_23, value);
    memcpy(m->tensor_dim[0], huge, sizeof huge);
    import_fails(m, "", "initializer 'w' has an impossible shape");
    m = relu_model(13);
    Onnx__TensorProto *t = add_tensor(m, "w", 2, shape_23, value);
    t->n_float_data = 0;
    t->has_data_location = 1;
    t->data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
    import_fails(m, "", "is in a file that is not named from the model's folder");
}

// --- damaged files -------------------------------------------------------------------

static struct made *dense_model(void)
{
    static float w[12], b[4] = {1, 2, 3, 4};
    const int64_t w_dim[2] = {4, 3}, b_dim[1] = {4}, any_4[2] = {-1, 4};
    for (int k = 0; k < 12; k++) w[k] = (float)sin(1.0 + k);
    struct made *m = start_model(13);
    add_port(m, false, "x", 1, 2, any_3);
    add_port(m, true, "y", 1, 2, any_4);
    add_tensor(m, "w", 2, w_dim, w);
    add_tensor(m, "b", 1, b_dim, b);
    add_int(add_node(m, "dense", "Gemm x w b -> y"), "transB", 1);
    return m;
}

static uint8_t *slurp(const char *path, size_t *n)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    *n = (size_t)ftell(file);
    rewind(file);
    uint8_t *bytes = malloc(*n + 1);
    assert_int_equal(fread(bytes, 1, *n, file), *n);
    fclose(file);
    return bytes;
}

// Cut off or changed anywhere, a file is read as something or refused.
static void damaged_onnx_files_do_no_harm(void **state)
{
    (void)state;
    size_t n;
    import_works(dense_model());
    uint8_t *bytes = slurp(path_of("model.onnx"), &n);
    for (size_t k = 0; k < 2 * n; k++) {
        struct og_error err = {0};
        uint8_t old = bytes[k % n];
        bytes[k % n] = (uint8_t)(old + 1 + 37 * k);
        write_bytes(path_of("part.onnx"), bytes, k < n ? k : n);
        og_status status =
            og_onnx_import(path_of("part.onnx"), path_of("part.h5"), NULL, &err);
        assert_true((status == OG_OK) == (err.text[0] == '\0'));
        bytes[k % n] = old;
    }
    free(bytes);
}

static void deep_messages_are_refused(void **state)
{
    // A graph in an attribute of a node in a graph ..., 40000 times.
    enum { DEEP = 40000, ROOM = 12 * DEEP };
    (void)state;
    uint8_t *bytes = malloc(ROOM), *at = bytes + ROOM;
    size_t n = 0;
    for (int k = 0; k < DEEP; k++) {
        static const uint8_t tag[3] = {6 << 3 | 2, 5 << 3 | 2, 1 << 3 | 2};
        uint8_t head[8];
        int used = 0;
        head[used++] = k == DEEP - 1 ? 7 << 3 | 2 : tag[k % 3];
        for (size_t v = n; used < 7; v >>= 7) {
            head[used++] = (uint8_t)((v & 127) | (v > 127 ? 128 : 0));
            if (v <= 127) break;
        }
        at -= used;
        memcpy(at, head, (size_t)used);
        n += (size_t)used;
    }
    write_bytes(path_of("part.onnx"), at, n);
    free(bytes);
    struct og_error err = {0};
    assert_int_equal(og_onnx_import(path_of("part.onnx"), path_of("part.h5"), NULL, &err),
                     OG_INPUT);
    assert_non_null(strstr(err.text, "not an ONNX model, or damaged"));
}

static void damaged_model_files_do_no_harm(void **state)
{
    (void)state;
    size_t n;
    struct og_nd x = floats(2, shape_23, NULL);
    const char *name = "x";
    import_works(dense_model());
    put_file(path_of("in.h5"), 1, &name, &x);
    og_nd_free(&x);
    uint8_t *bytes = slurp(path_of("model.h5"), &n);
    for (size_t k = 0; k < n; k += 97) {
        struct og_error err = {0};
        uint8_t old = bytes[k];
        bytes[k] = (uint8_t)(old ^ (1 + k % 255));
        write_bytes(path_of("model.h5"), bytes, n);
        og_status status = infer((struct og_onnx_infer){0}, &err);
        assert_true((status == OG_OK) == (err.text[0] == '\0'));
        bytes[k] = old;
    }
    free(bytes);
}

// --- inputs and outputs --------------------------------------------------------------

static void inputs_are_checked(void **state)
{
    (void)state;
    const char *x = "x", *input = "input", *other = "other";
    const int64_t shape_32[2] = {3, 2};
    import_works(dense_model());
    struct og_nd a = floats(2, shape_23, NULL), wrong = floats(2, shape_32, NULL);
    put_file(path_of("in.h5"), 1, &input, &a);
    infer_works((struct og_onnx_infer){0});
    put_file(path_of("in.h5"), 1, &other, &a);
    infer_fails(OG_INPUT, "there is no dataset 'x' and no 'input'");
    put_file(path_of("in.h5"), 1, &x, &wrong);
    infer_fails(OG_INPUT, "'x' has the shape [3,2], the model wants [-1,3]");
    wrong.type = OG_ND_INT32;
    put_file(path_of("in.h5"), 1, &x, &wrong);
    infer_fails(OG_INPUT, "'x' is not of type float32");
    unlink(path_of("in.h5"));
    infer_fails(OG_USAGE, "in.h5");
    og_nd_free(&a);
    og_nd_free(&wrong);
}

// Scalars, empty arrays, and names that are paths.
static void any_rank_goes_through(void **state)
{
    (void)state;
    const char *names[2] = {"a/scalar", "empty"};
    const int64_t none[2] = {0, 3};
    const float seven = 7.0f;
    struct made *m = start_model(13);
    add_port(m, false, names[0], 1, 0, NULL);
    add_port(m, false, names[1], 1, 2, any_3);
    add_port(m, true, "b/scalar", 1, 0, NULL);
    add_port(m, true, "none", 1, 2, any_3);
    add_node(m, "", "Add a/scalar a/scalar -> b/scalar");
    add_node(m, "", "Mul empty a/scalar -> none");
    import_works(m);
    struct og_nd in[2] = {floats(0, NULL, &seven), floats(2, none, NULL)}, out;
    hid_t file = H5Fcreate(path_of("in.h5"), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    H5Gclose(H5Gcreate2(file, "a", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    struct og_hdf h = {.path = "in.h5"};
    for (int k = 0; k < 2; k++) og_put_nd(&h, file, names[k], &in[k], 0);
    H5Fclose(file);
    infer_works((struct og_onnx_infer){0});
    get_file(path_of("out.h5"), "b/scalar", OG_ND_FLOAT, &out);
    assert_int_equal(out.rank, 0);
    assert_true(og_nd_f32(&out)[0] == 14.0f);
    og_nd_free(&out);
    get_file(path_of("out.h5"), "none", OG_ND_FLOAT, &out);
    assert_int_equal(out.rank, 2);
    assert_int_equal(out.count, 0);
    og_nd_free(&out);
    og_nd_free(&in[0]);
    og_nd_free(&in[1]);
}

// The defaults of Clip's attributes are the largest floats, not infinity.
static void clip_of_opset_6_has_finite_limits(void **state)
{
    (void)state;
    const float values[6] = {-INFINITY, -3, 0, 1, 2, INFINITY};
    struct og_nd x = floats(2, shape_23, values), y;
    const char *name = "x";
    struct made *m = start_model(6);
    add_port(m, false, "x", 1, 2, shape_23);
    add_port(m, true, "y", 1, 2, shape_23);
    add_node(m, "limits", "Clip x -> y");
    import_works(m);
    put_file(path_of("in.h5"), 1, &name, &x);
    infer_works((struct og_onnx_infer){0});
    get_file(path_of("out.h5"), "y", OG_ND_FLOAT, &y);
    assert_true(og_nd_f32(&y)[0] == -FLT_MAX && og_nd_f32(&y)[5] == FLT_MAX);
    assert_memory_equal(og_nd_f32(&y) + 1, values + 1, 4 * sizeof *values);
    og_nd_free(&x);
    og_nd_free(&y);
}

// --- hardware ------------------------------------------------------------------------

enum { ROWS = 300 };

static struct og_nd random_rows(void)
{
    const int64_t dim[2] = {ROWS, 3};
    struct og_nd x = floats(2, dim, NULL);
    struct og_stream s = og_stream_named(1, OG_INIT, 0, 0, 0);
    og_gauss_fill(&s, (struct og_index){0}, 0, x.data, x.count);
    return x;
}

static void infer_dense(struct og_onnx_infer p, struct og_nd *y)
{
    struct og_nd x = random_rows();
    const char *name = "x";
    import_works(dense_model());
    put_file(path_of("in.h5"), 1, &name, &x);
    infer_works(p);
    get_file(path_of("out.h5"), "output", OG_ND_FLOAT, y);
    og_nd_free(&x);
}

static double distance(const struct og_nd *a, const struct og_nd *b, size_t chip)
{
    double worst = 0.0;
    for (size_t k = 0; k < b->count; k++) {
        double d = (double)og_nd_f32(a)[chip * b->count + k] - (double)og_nd_f32(b)[k];
        worst = fmax(worst, fabs(d));
    }
    return worst;
}

static void ideal_arrays_give_the_float_network(void **state)
{
    (void)state;
    struct og_hardware hw = og_hardware_default();
    struct og_nd y, chips;
    infer_dense((struct og_onnx_infer){0}, &y);
    infer_dense(
        (struct og_onnx_infer){
            .hardware = &hw, .chips = 2, .calibrate_samples = 8, .seed = 1},
        &chips);
    assert_int_equal(chips.rank, 3);
    assert_int_equal(chips.dim[0], 2);
    assert_int_equal(chips.dim[1], ROWS);
    for (size_t chip = 0; chip < 2; chip++)
        assert_true(distance(&chips, &y, chip) < 1e-5);
    og_nd_free(&y);
    og_nd_free(&chips);
}

static struct og_hardware noisy(void)
{
    struct og_hardware hw = og_hardware_default();
    hw.device.program =
        (struct og_sigma){.kind = OG_SIGMA_CONSTANT, .sigma = 2e-7, .scale = 1};
    hw.device.read =
        (struct og_sigma){.kind = OG_SIGMA_CONSTANT, .sigma = 2e-7, .scale = 1};
    hw.dac.bits = hw.adc.bits = 8;
    return hw;
}

static void chips_differ_and_threads_do_not(void **state)
{
    (void)state;
    const struct og_hardware hw = noisy();
    const int threads[3] = {1, 2, 7};
    struct og_nd y, chips[3];
    infer_dense((struct og_onnx_infer){0}, &y);
    for (int k = 0; k < 3; k++) {
        og_set_threads(threads[k]);
        infer_dense(
            (struct og_onnx_infer){
                .hardware = &hw, .chips = 3, .calibrate_samples = ROWS, .seed = 5},
            &chips[k]);
    }
    og_set_threads(0);
    for (size_t chip = 0; chip < 3; chip++) {
        double d = distance(&chips[0], &y, chip);
        assert_true(d > 1e-4 && d < 2.0);
    }
    size_t bytes = y.count * sizeof(float);
    assert_memory_not_equal(chips[0].data, (char *)chips[0].data + bytes, bytes);
    for (int k = 1; k < 3; k++)
        assert_memory_equal(chips[0].data, chips[k].data, 3 * bytes);
    for (int k = 0; k < 3; k++) og_nd_free(&chips[k]);
    og_nd_free(&y);
}

// Of the first samples alone: with those, inputs beyond their range are cut off.
static void converters_are_calibrated_on_the_first_samples(void **state)
{
    (void)state;
    struct og_hardware hw = og_hardware_default();
    struct og_nd y, few, all;
    hw.dac.bits = 8;
    infer_dense((struct og_onnx_infer){0}, &y);
    struct og_onnx_infer p = {
        .hardware = &hw, .chips = 1, .calibrate_samples = 2, .seed = 1};
    infer_dense(p, &few);
    p.calibrate_samples = ROWS;
    infer_dense(p, &all);
    assert_true(distance(&all, &y, 0) < 0.1);
    assert_true(distance(&few, &y, 0) > 0.3);
    og_nd_free(&y);
    og_nd_free(&few);
    og_nd_free(&all);
}

static void ideal_hardware_gives_the_float_network(void **state)
{
    (void)state;
    struct og_hardware hw = noisy();
    struct og_nd y, chips;
    hw.ideal = true;
    infer_dense((struct og_onnx_infer){0}, &y);
    infer_dense(
        (struct og_onnx_infer){.hardware = &hw, .chips = 2, .calibrate_samples = 1},
        &chips);
    assert_int_equal(chips.dim[0], 2);
    for (size_t chip = 0; chip < 2; chip++) assert_true(distance(&chips, &y, chip) == 0);
    og_nd_free(&y);
    og_nd_free(&chips);
}

// Two equal matrices A meet one B: its array is read twice, and noise is drawn twice.
static void reads_of_one_stack_have_noise_of_their_own(void **state)
{
    (void)state;
    static float w[6] = {1, 2, 3, 4, 5, 6};
    const int64_t dim[3] = {2, 4, 3}, weights[3] = {1, 3, 2};
    struct og_hardware hw = noisy();
    struct og_nd x = floats(3, dim, NULL), y;
    const char *name = "x";
    hw.dac.bits = hw.adc.bits = 0;
    for (size_t k = 0; k < x.count; k++) ((float *)x.data)[k] = 1.0f;
    struct made *m = start_model(13);
    add_port(m, false, "x", 1, 3, dim);
    add_port(m, true, "y", 1, -1, NULL);
    add_tensor(m, "w", 3, weights, w);
    add_node(m, "product", "MatMul x w -> y");
    import_works(m);
    put_file(path_of("in.h5"), 1, &name, &x);
    infer_works((struct og_onnx_infer){
        .hardware = &hw, .chips = 1, .calibrate_samples = 1, .seed = 1});
    get_file(path_of("out.h5"), "y", OG_ND_FLOAT, &y);
    assert_int_equal(y.count, 16);
    for (size_t k = 0; k < 8; k++) assert_true(og_nd_f32(&y)[k] != og_nd_f32(&y)[8 + k]);
    og_nd_free(&x);
    og_nd_free(&y);
}

static void what_has_no_place_is_refused(void **state)
{
    (void)state;
    struct og_hardware hw = og_hardware_default();
    struct og_onnx_infer p = {.hardware = &hw, .chips = 1, .calibrate_samples = 1};
    struct og_error err = {0};
    struct og_nd x = floats(2, shape_23, NULL);
    const char *name = "x";
    import_works(relu_model(13));
    put_file(path_of("in.h5"), 1, &name, &x);
    og_nd_free(&x);
    assert_int_equal(infer(p, &err), OG_INPUT);
    assert_non_null(strstr(err.text, "there is nothing to put on hardware"));
    err = (struct og_error){0};
    hw.injection.points = OG_POINT_X;
    assert_int_equal(infer(p, &err), OG_INPUT);
    assert_non_null(strstr(err.text, "hardware.injection"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_offending_nodes_are_listed),
        cmocka_unit_test(versions_and_types_are_looked_at),
        cmocka_unit_test(broken_graphs_are_refused),
        cmocka_unit_test(broken_initializers_are_refused),
        cmocka_unit_test(damaged_onnx_files_do_no_harm),
        cmocka_unit_test(deep_messages_are_refused),
        cmocka_unit_test(damaged_model_files_do_no_harm),
        cmocka_unit_test(inputs_are_checked),
        cmocka_unit_test(any_rank_goes_through),
        cmocka_unit_test(clip_of_opset_6_has_finite_limits),
        cmocka_unit_test(ideal_arrays_give_the_float_network),
        cmocka_unit_test(chips_differ_and_threads_do_not),
        cmocka_unit_test(converters_are_calibrated_on_the_first_samples),
        cmocka_unit_test(ideal_hardware_gives_the_float_network),
        cmocka_unit_test(reads_of_one_stack_have_noise_of_their_own),
        cmocka_unit_test(what_has_no_place_is_refused),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
