// SPDX-License-Identifier: GPL-3.0-or-later
// The orders of dimensions, features and gates in which others keep their weights.
#include "weight_files.h"

static const struct og_shape image = {3, {2, 3, 4}}, four = {1, {4, 0, 0}};

// --- layouts ------------------------------------------------------------------------

static const char net[] =
    "[conv2d: {filters: 4, kernel: 2, padding: 1, name: c},"
    " batch_norm: {name: n}, conv2d: {filters: 8, kernel: 3, groups: 4, name: d},"
    " flatten, batch_norm: {name: m}, relu, dense: {units: 5, name: f}]";

// A copy of a tensor whose index (i, j, k, l) there is, here, in the order `axis`.
static const float *permuted(const float *from, const size_t dim[4], const int axis[4])
{
    static float out[8][4096];
    static int turn;
    float *to = out[turn = (turn + 1) % 8];
    size_t index[4], at = 0;
    const size_t *d = dim;
    for (index[0] = 0; index[0] < d[axis[0]]; index[0]++)
        for (index[1] = 0; index[1] < d[axis[1]]; index[1]++)
            for (index[2] = 0; index[2] < d[axis[2]]; index[2]++)
                for (index[3] = 0; index[3] < d[axis[3]]; index[3]++) {
                    size_t o[4];
                    for (int k = 0; k < 4; k++) o[axis[k]] = index[k];
                    to[at++] = from[((o[0] * d[1] + o[1]) * d[2] + o[2]) * d[3] + o[3]];
                }
    return to;
}

// The features of the flattened 8 x 2 x 3 image, channels last, of `rows` rows.
static const float *channels_last(const float *from, size_t rows)
{
    return permuted(from, (size_t[]){rows, 8, 2, 3}, (int[]){0, 2, 3, 1});
}

static void put_norm(struct tensor *t, const char *const name[4], og_model *model,
                     const char *node, size_t n, bool last)
{
    static const char *const own[] = {"scale", "bias", "mean", "var"};
    for (int i = 0; i < 4; i++) {
        const float *v = tensor_of(model, node, own[i]);
        t[i] = (struct tensor){name[i], 1, {n}, last ? channels_last(v, 1) : v};
    }
}

// A network whose tensors are all different, and another one that reads its file.
static void layouts_of_images(void **state)
{
    (void)state;
    og_model *a = nn_model(net, image, 5), *b = nn_model(net, image, 5);
    size_t params, states;
    float *w = og_model_params(a, &params), *s = og_model_state(a, &states);
    for (size_t i = 0; i < params; i++) w[i] = number(i);
    for (size_t i = 0; i < states; i++) s[i] = number(2000 + i);
    const float *c = tensor_of(a, "c", "weight"), *d = tensor_of(a, "d", "weight"),
                *f = tensor_of(a, "f", "weight");
    const size_t cd[4] = {4, 2, 2, 2}, dd[4] = {8, 1, 3, 3};
    struct tensor t[16] = {
        {"c.weight", 4, {4, 2, 2, 2}, c}, {"c.bias", 1, {4}, tensor_of(a, "c", "bias")},
        {"d.weight", 4, {8, 1, 3, 3}, d}, {"d.bias", 1, {8}, tensor_of(a, "d", "bias")},
        {"f.weight", 2, {5, 48}, f},      {"f.bias", 1, {5}, tensor_of(a, "f", "bias")},
    };
    const char *const torch_n[] = {"n.weight", "n.bias", "n.running_mean",
                                   "n.running_var"};
    const char *const torch_m[] = {"m.weight", "m.bias", "m.running_mean",
                                   "m.running_var"};
    put_norm(t + 6, torch_n, a, "n", 4, false);
    put_norm(t + 10, torch_m, a, "m", 48, false);
    for (int layout = OG_LAYOUT_AUTO; layout <= OG_LAYOUT_TFLITE; layout++) {
        struct tensor u[16];
        memcpy(u, t, sizeof u);
        if (layout == OG_LAYOUT_KERAS) {
            u[0] = (struct tensor){
                "c.weight", 4, {2, 2, 2, 4}, permuted(c, cd, (int[]){2, 3, 1, 0})};
            u[2] = (struct tensor){
                "d.weight", 4, {3, 3, 4, 2}, permuted(d, dd, (int[]){2, 3, 1, 0})};
            const float *last = channels_last(f, 5);
            u[4] = (struct tensor){
                "f.weight",
                2,
                {48, 5},
                permuted(last, (size_t[]){1, 1, 5, 48}, (int[]){0, 1, 3, 2})};
        } else if (layout == OG_LAYOUT_TFLITE) {
            u[0] = (struct tensor){
                "c.weight", 4, {4, 2, 2, 2}, permuted(c, cd, (int[]){0, 2, 3, 1})};
            u[2] = (struct tensor){
                "d.weight", 4, {1, 3, 3, 8}, permuted(d, dd, (int[]){1, 2, 3, 0})};
            u[4].value = channels_last(f, 5);
        }
        put_norm(u + 10, torch_m, a, "m", 48, layout >= OG_LAYOUT_KERAS);
        write_hdf5("layout.h5", u, 14, false);
        size_t n;
        float *other = og_model_params(b, &n);
        memset(other, 0, n * sizeof *other);
        load_well(b, "layout.h5", "", layout);
        assert_memory_equal(other, w, params * sizeof *w);
        assert_memory_equal(og_model_state(b, &n), s, states * sizeof *s);
        // Here the shapes alone tell which it is.
        memset(other, 0, n * sizeof *other);
        load_well(b, "layout.h5", "", OG_LAYOUT_AUTO);
        assert_memory_equal(other, w, params * sizeof *w);
    }
    load_badly(b, "layout.h5", OG_LAYOUT_KERAS, "(layout keras)");
    og_model_free(a);
    og_model_free(b);
}

// Keras' own names; square matrices, so that only the names tell.
static void names_of_keras(void **state)
{
    (void)state;
    const float *n = numbers();
    const struct tensor t[] = {
        {"model_weights/a/a/kernel:0", 2, {4, 4}, n},
        {"model_weights/a/a/bias:0", 1, {4}, n + 20},
        {"model_weights/b/b/gamma:0", 1, {4}, n + 30},
        {"model_weights/b/b/beta:0", 1, {4}, n + 40},
        {"model_weights/b/b/moving_mean:0", 1, {4}, n + 50},
        {"model_weights/b/b/moving_variance:0", 1, {4}, n + 60},
        {"optimizer_weights/Adam/a/kernel/m:0", 2, {4, 4}, n},
    };
    og_model *model =
        nn_model("[dense: {units: 4, name: a}, batch_norm: {name: b}]", four, 4);
    write_hdf5("keras.h5", t, 7, false);
    load_well(model, "keras.h5", "", OG_LAYOUT_AUTO);
    same(model, "a", "weight", permuted(n, (size_t[]){1, 1, 4, 4}, (int[]){0, 1, 3, 2}),
         16);
    same(model, "a", "bias", n + 20, 4);
    same(model, "b", "scale", n + 30, 4);
    same(model, "b", "bias", n + 40, 4);
    same(model, "b", "mean", n + 50, 4);
    same(model, "b", "var", n + 60, 4);
    og_model_free(model);
}

// --- recurrent layers ---------------------------------------------------------------

enum { H = 2, F = 3 };
static const struct og_shape steps = {2, {5, F, 0}};

// Row `gate` of ohmgrid's matrix [gates][H][F + H] against the file's two matrices.
static void check_rows(const float *w, int gate, int theirs, const float *ih,
                       const float *hh, bool keras, int gates)
{
    for (int j = 0; j < H; j++)
        for (int k = 0; k < F + H; k++) {
            const int row = theirs * H + j, col = k < F ? k : k - F;
            const float *from = k < F ? ih : hh;
            const int width = k < F ? F : H;
            const float expected =
                keras ? from[col * gates * H + row] : from[row * width + col];
            assert_true(w[(gate * H + j) * (F + H) + k] == expected);
        }
}

static void gates_of_lstm(void **state)
{
    (void)state;
    const float *n = numbers();
    static const int order[] = {0, 3, 1, 2};  // i, o, f, c in i, f, g, o
    og_model *model = nn_model(
        "[lstm: {units: 2, name: r, bidirectional: true}, dense: {units: 2, name: d}]",
        steps, 2);
    const struct tensor torch[] = {
        {"r.weight_ih_l0", 2, {8, F}, n},
        {"r.weight_hh_l0", 2, {8, H}, n + 50},
        {"r.bias_ih_l0", 1, {8}, n + 100},
        {"r.bias_hh_l0", 1, {8}, n + 110},
        {"r.weight_ih_l0_reverse", 2, {8, F}, n + 120},
        {"r.weight_hh_l0_reverse", 2, {8, H}, n + 150},
        {"r.bias_ih_l0_reverse", 1, {8}, n + 200},
        {"r.bias_hh_l0_reverse", 1, {8}, n + 210},
        {"d.weight", 2, {2, 4}, n},
        {"d.bias", 1, {2}, n},
    };
    write_hdf5("lstm.h5", torch, 10, false);
    load_well(model, "lstm.h5", "", OG_LAYOUT_AUTO);
    for (int g = 0; g < 4; g++) {
        check_rows(tensor_of(model, "r", "weight_l0"), g, order[g], n, n + 50, false, 4);
        check_rows(tensor_of(model, "r", "weight_l0_reverse"), g, order[g], n + 120,
                   n + 150, false, 4);
        for (int j = 0; j < H; j++) {
            const int at = order[g] * H + j;
            assert_true(tensor_of(model, "r", "bias_l0_reverse")[g * H + j] ==
                        n[200 + at] + n[210 + at] - (g == 2 ? 1.0f : 0.0f));
        }
    }
    const struct tensor keras[] = {
        {"r/r/forward_lstm/lstm_cell_4/kernel:0", 2, {F, 8}, n},
        {"r/r/forward_lstm/lstm_cell_4/recurrent_kernel:0", 2, {H, 8}, n + 50},
        {"r/r/forward_lstm/lstm_cell_4/bias:0", 1, {8}, n + 100},
        {"r/r/backward_lstm/lstm_cell_5/kernel:0", 2, {F, 8}, n + 120},
        {"r/r/backward_lstm/lstm_cell_5/recurrent_kernel:0", 2, {H, 8}, n + 150},
        {"r/r/backward_lstm/lstm_cell_5/bias:0", 1, {8}, n + 200},
        {"d/d/kernel:0", 2, {4, 2}, n},
        {"d/d/bias:0", 1, {2}, n},
    };
    write_hdf5("lstm.h5", keras, 8, false);
    load_well(model, "lstm.h5", "", OG_LAYOUT_AUTO);
    for (int g = 0; g < 4; g++) {
        check_rows(tensor_of(model, "r", "weight_l0"), g, order[g], n, n + 50, true, 4);
        check_rows(tensor_of(model, "r", "weight_l0_reverse"), g, order[g], n + 120,
                   n + 150, true, 4);
        for (int j = 0; j < H; j++)
            assert_true(tensor_of(model, "r", "bias_l0")[g * H + j] ==
                        n[100 + order[g] * H + j] - (g == 2 ? 1.0f : 0.0f));
    }
    og_model_free(model);
}

static void gates_of_gru(void **state)
{
    (void)state;
    const float *n = numbers();
    static const int torch_order[] = {1, 0, 2};  // z, r, n in r, z, n
    const struct tensor torch[] = {{"r.weight_ih_l0", 2, {6, F}, n},
                                   {"r.weight_hh_l0", 2, {6, H}, n + 50},
                                   {"r.bias_ih_l0", 1, {6}, n + 100},
                                   {"r.bias_hh_l0", 1, {6}, n + 110}};
    const struct tensor keras[] = {{"r/r/gru_cell/kernel:0", 2, {F, 6}, n},
                                   {"r/r/gru_cell/recurrent_kernel:0", 2, {H, 6}, n + 50},
                                   {"r/r/gru_cell/bias:0", 2, {2, 6}, n + 100}};
    og_model *model = nn_model("[gru: {units: 2, name: r}]", steps, 2);
    for (int k = 0; k < 2; k++) {
        write_hdf5("gru.h5", k ? keras : torch, k ? 3 : 4, false);
        load_well(model, "gru.h5", "", OG_LAYOUT_AUTO);
        const float *b = tensor_of(model, "r", "bias_l0");
        const float *x = n + 100, *h = n + (k ? 106 : 110);
        for (int g = 0; g < 3; g++) {
            const int from = k ? g : torch_order[g];
            check_rows(tensor_of(model, "r", "weight_l0"), g, from, n, n + 50, k, 3);
            for (int j = 0; j < H; j++)
                assert_true(b[g * H + j] ==
                            x[from * H + j] + (g < 2 ? h[from * H + j] : 0.0f));
        }
        for (int j = 0; j < H; j++) assert_true(b[3 * H + j] == h[2 * H + j]);
    }
    og_model_free(model);
    model = nn_model("[gru: {units: 2, name: r, linear_before_reset: false}]", steps, 2);
    load_badly(model, "gru.h5", OG_LAYOUT_AUTO, "'r/r/gru_cell/bias:0' is [2][6]");
    write_hdf5("gru.h5", torch, 4, false);
    load_badly(model, "gru.h5", OG_LAYOUT_AUTO, "linear_before_reset: false");
    og_model_free(model);
}

// ohmgrid's own names, of two stacked layers without other changes.
static void own_recurrent_layers(void **state)
{
    (void)state;
    const float *n = numbers();
    const struct tensor t[] = {{"model/m0/r/weight_l0", 2, {2, 5}, n},
                               {"model/m0/r/bias_l0", 1, {2}, n + 20},
                               {"model/m0/r/weight_l1", 2, {2, 4}, n + 30},
                               {"model/m0/r/bias_l1", 1, {2}, n + 50}};
    og_model *model = nn_model("[rnn: {units: 2, layers: 2, name: r}]", steps, 2);
    write_hdf5("own.h5", t, 4, true);
    load_well(model, "own.h5", "", OG_LAYOUT_AUTO);
    same(model, "r", "weight_l0", n, 10);
    same(model, "r", "bias_l0", n + 20, 2);
    same(model, "r", "weight_l1", n + 30, 8);
    same(model, "r", "bias_l1", n + 50, 2);
    write_hdf5("own.h5", t, 3, true);
    load_badly(model, "own.h5", OG_LAYOUT_AUTO, "it lacks r.bias_l1");
    og_model_free(model);
}

// PyTorch's names of a language model with a projection, and ohmgrid's own.
static void language_model(void **state)
{
    (void)state;
    const float *n = numbers();
    const struct og_shape text = {1, {5, 4, 0}};
    const struct tensor torch[] = {
        {"e.weight", 2, {4, F}, n},
        {"r.weight_ih_l0", 2, {8, F}, n + 20},
        {"r.weight_hh_l0", 2, {8, 1}, n + 50},
        {"r.bias_ih_l0", 1, {8}, n + 60},
        {"r.bias_hh_l0", 1, {8}, n + 70},
        {"r.weight_hr_l0", 2, {1, H}, n + 80},
        {"d.weight", 2, {4, 1}, n + 90},
        {"d.bias", 1, {4}, n + 100},
    };
    const struct tensor own[] = {
        {"model/m0/e/weight", 2, {4, F}, n},
        {"model/m0/r/weight_l0", 2, {8, F + 1}, n + 20},
        {"model/m0/r/bias_l0", 1, {8}, n + 60},
        {"model/m0/r/projection_l0", 2, {1, H}, n + 80},
        {"model/m0/d/weight", 2, {4, 1}, n + 90},
        {"model/m0/d/bias", 1, {4}, n + 100},
    };
    og_model *model = nn_model("- embedding: {units: 3, name: e}\n"
                               "- lstm: {units: 2, projection: 1, return: sequence, "
                               "name: r}\n"
                               "- dense: {units: 4, each_step: true, name: d}\n",
                               text, 4);
    write_hdf5("lm.h5", torch, 8, false);
    load_well(model, "lm.h5", "", OG_LAYOUT_AUTO);
    same(model, "e", "weight", n, 4 * F);
    same(model, "r", "projection_l0", n + 80, H);
    // Gate o is the second here and the fourth there: its unit 0 reads y with element 6.
    assert_true(tensor_of(model, "r", "weight_l0")[H * (F + 1) + F] == n[50 + 6]);
    write_hdf5("lm.h5", torch, 5, false);
    load_badly(model, "lm.h5", OG_LAYOUT_AUTO, "it lacks r.projection_l0");
    write_hdf5("lm.h5", own, 6, true);
    load_well(model, "lm.h5", "", OG_LAYOUT_AUTO);
    same(model, "e", "weight", n, 4 * F);
    same(model, "r", "weight_l0", n + 20, 8 * (F + 1));
    same(model, "r", "projection_l0", n + 80, H);
    write_hdf5("lm.h5", own + 1, 5, true);
    load_badly(model, "lm.h5", OG_LAYOUT_AUTO, "it lacks e.weight");
    og_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layouts_of_images),    cmocka_unit_test(names_of_keras),
        cmocka_unit_test(gates_of_lstm),        cmocka_unit_test(gates_of_gru),
        cmocka_unit_test(own_recurrent_layers), cmocka_unit_test(language_model),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
