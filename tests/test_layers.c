// SPDX-License-Identifier: GPL-3.0-or-later
// Every layer against a plain reference, and every gradient against differences.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>

#include "nn/op.h"
#include "nn_tools.h"

static const struct og_shape image = {3, {4, 7, 6}};
static const struct og_shape vector = {1, {11}};

// --- gradients -----------------------------------------------------------------------

struct net {
    const char *op;  // what it is about: every layer of the table must appear
    const struct og_shape *in;
    const char *yaml;
};

static const struct net nets[] = {
    {"dense", &vector, "[dense: {units: 6}, tanh, dense: {units: 5, bias: false}]"},
    {"dense", &image, "[dense: {units: 5, init: glorot}]"},
    {"conv2d", &image, "[conv2d: {filters: 4, kernel: 3}, tanh, dense: {units: 5}]"},
    {"conv2d", &image,
     "[conv2d: {filters: 3, kernel: 1}, tanh, conv2d: {filters: 4, kernel: 3, stride: 2,"
     " padding: 1, bias: false}, dense: {units: 5}]"},
    {"conv2d", &image,
     "[conv2d: {filters: 4, kernel: 1}, tanh, conv2d: {filters: 6, kernel: 2, dilation: "
     "3,"
     " padding: 2, groups: 2, init: he}, dense: {units: 5}]"},
    {"conv2d", &image,
     "[conv2d: {filters: 18, kernel: 1}, tanh, conv2d: {filters: 18, kernel: 3, "
     "kernel_width: 2, groups: 18}, dense: {units: 5}]"},
    {"max_pool", &image,
     "[conv2d: {filters: 3, kernel: 2}, max_pool: {size: 3, stride: 2, padding: 1},"
     " dense: {units: 5}]"},
    {"avg_pool", &image,
     "[conv2d: {filters: 3, kernel: 2}, avg_pool: {size: 3, stride: 2, padding: 1},"
     " dense: {units: 5}]"},
    {"global_avg_pool", &image,
     "[conv2d: {filters: 6, kernel: 3}, tanh, global_avg_pool, dense: {units: 5}]"},
    {"batch_norm", &image,
     "[conv2d: {filters: 3, kernel: 3}, batch_norm, tanh, dense: {units: 5}]"},
    {"batch_norm", &vector, "[dense: {units: 6}, batch_norm, dense: {units: 5}]"},
    {"relu", &vector, "[dense: {units: 8}, relu: {max: 0.6}, dense: {units: 5}]"},
    {"relu", &vector,
     "[dense: {units: 8}, relu: {max: 0.6, above: zero}, dense: {units: 5}]"},
    {"relu", &vector,
     "[dense: {units: 8}, relu: {max: 0.6, search: true}, dense: {units: 5}]"},
    {"sigmoid", &vector, "[dense: {units: 8}, sigmoid, dense: {units: 5}]"},
    {"tanh", &vector, "[dense: {units: 8}, tanh, dense: {units: 5}]"},
    {"curve", &vector,
     "[dense: {units: 7}, curve: {x: [-0.9, 0.13, 1.1], y: [-1, 0.2, 2]},"
     " dense: {units: 5}]"},
    {"softmax", &vector, "[dense: {units: 4}, softmax, dense: {units: 5}]"},
    {"add", &vector,
     "[dense: {units: 7, name: a}, tanh: {name: t}, dense: {units: 7}, add: {inputs: "
     "[dense2,"
     " t, a, t]}, dense: {units: 5}]"},
    {"flatten", &image, "[conv2d: {filters: 2, kernel: 3}, flatten, dense: {units: 5}]"},
    {"pad", &image,
     "[conv2d: {filters: 3, kernel: 2}, pad: {before: 1, after: 2, top: 1, left: 3,"
     " right: 2}, conv2d: {filters: 2, kernel: 3}, dense: {units: 5}]"},
    {"dropout", &vector, "[dense: {units: 9}, dropout: {rate: 0.3}, dense: {units: 5}]"},
};
enum { NETS = sizeof nets / sizeof *nets };

static double mean_loss(og_exec *exec, const struct og_batch *batch)
{
    og_exec_program(exec, &(struct og_chip){0});
    og_exec_forward(exec, batch);
    return og_exec_loss(exec, batch, NULL) / (double)batch->n;
}

// Central differences of the mean loss, for every parameter.
static void check_gradient(const struct net *net)
{
    enum { N = 37, CLASSES = 5 };  // two blocks, the second one short
    og_model *model = nn_model(net->yaml, *net->in, CLASSES);
    og_model_init(model, 3);
    size_t count;
    float *w = og_model_params(model, &count);
    // Biases and scales away from 0 and 1, where a wrong gradient may hide.
    float *shift = og_alloc(count, sizeof *shift);
    nn_uniform(shift, count, 8);
    for (size_t i = 0; i < count; i++) w[i] += 0.1f * shift[i];
    og_exec *exec =
        nn_exec(model, &(struct og_exec_options){.batch = N, .training = true});
    struct nn_batch t = nn_batch_make(N, og_shape_count(net->in), CLASSES);
    mean_loss(exec, &t.b);
    float *gradient = og_alloc(count, sizeof *gradient);
    memcpy(gradient, og_exec_backward(exec, &t.b), count * sizeof *gradient);
    const float step = 1e-4f;  // small: kinks of max_pool and relu lie dense
    double largest = 0.0;
    for (size_t i = 0; i < count; i++) {
        float old = w[i], up = old + step, down = old - step;
        w[i] = up;
        double high = mean_loss(exec, &t.b);
        w[i] = down;
        double low = mean_loss(exec, &t.b);
        w[i] = old;
        double expected = (high - low) / ((double)up - down);
        if (!(fabs(gradient[i] - expected) <= 8e-4 + 0.01 * fabs(expected)))
            fail_msg("%s: parameter %zu: gradient %g, differences %g", net->yaml, i,
                     gradient[i], expected);
        largest = fmax(largest, fabs(expected));
    }
    assert_true(largest > 0.02);
    nn_batch_free(&t);
    og_free(gradient);
    og_free(shift);
    og_exec_free(exec);
    og_model_free(model);
}

static void gradients_are_differences(void **state)
{
    (void)state;
    for (size_t i = 0; i < NETS; i++) check_gradient(&nets[i]);
}

// The recurrent layers and those of text have tests of their own.
static void every_layer_is_covered(void **state)
{
    (void)state;
    static const char *const elsewhere[] = {"lstm", "gru", "rnn", "embedding"};
    for (const struct og_op *const *op = og_op_list(); *op; op++) {
        bool found = false;
        for (size_t i = 0; i < NETS; i++) found |= strcmp(nets[i].op, (*op)->name) == 0;
        for (size_t i = 0; i < 4; i++) found |= strcmp(elsewhere[i], (*op)->name) == 0;
        if (!found) fail_msg("no test of '%s'", (*op)->name);
        assert_ptr_equal(og_op_find((*op)->name), *op);
    }
    assert_null(og_op_find("dens"));
}

// --- forward against plain references ------------------------------------------------

// The outputs of a network whose last layer has `outputs` values, before any training.
static float *outputs_of(const char *yaml, struct og_shape in, size_t n, int outputs,
                         og_model **model)
{
    *model = nn_model(yaml, in, outputs);
    og_exec *exec = nn_exec(*model, &(struct og_exec_options){.batch = n});
    struct nn_batch t = nn_batch_make(n, og_shape_count(&in), 2);
    og_exec_program(exec, &(struct og_chip){0});
    size_t bytes = n * (size_t)outputs * sizeof(float);
    float *y = og_alloc(bytes, 1);
    memcpy(y, og_exec_forward(exec, &t.b), bytes);
    nn_batch_free(&t);
    og_exec_free(exec);
    return y;
}

struct window {
    size_t filters, kernel, width, stride, pad, dilation, groups;
};

static float pixel(const float *x, const struct og_shape *s, size_t c, long y, long px)
{
    if (y < 0 || px < 0 || y >= (long)s->dim[1] || px >= (long)s->dim[2]) return 0.0f;
    return x[(c * s->dim[1] + (size_t)y) * s->dim[2] + (size_t)px];
}

// One output of a convolution from its definition.
static double convolved(const float *x, const struct og_shape *in, const float *w,
                        const struct window *a, size_t f, size_t oy, size_t ox)
{
    size_t each = in->dim[0] / a->groups, first = f / (a->filters / a->groups) * each;
    double sum = 0.0;
    for (size_t c = 0; c < each; c++)
        for (size_t ky = 0; ky < a->kernel; ky++)
            for (size_t kx = 0; kx < a->width; kx++) {
                long y = (long)(oy * a->stride + ky * a->dilation) - (long)a->pad;
                long px = (long)(ox * a->stride + kx * a->dilation) - (long)a->pad;
                sum += (double)w[((f * each + c) * a->kernel + ky) * a->width + kx] *
                       pixel(x, in, first + c, y, px);
            }
    return sum;
}

static void check_convolution(const struct window *a)
{
    enum { N = 35 };
    struct og_shape in = image;
    if (a->groups > in.dim[0]) in.dim[0] = a->groups;
    size_t span = a->dilation * (a->kernel - 1) + 1;
    size_t wide = a->dilation * (a->width - 1) + 1;
    size_t oh = (in.dim[1] + 2 * a->pad - span) / a->stride + 1;
    size_t ow = (in.dim[2] + 2 * a->pad - wide) / a->stride + 1;
    size_t count = a->filters * oh * ow;
    char yaml[200];
    snprintf(yaml, sizeof yaml,
             "[conv2d: {filters: %zu, kernel: %zu, kernel_width: %zu, stride: %zu, "
             "padding: %zu,"
             " dilation: %zu, groups: %zu}, flatten]",
             a->filters, a->kernel, a->width, a->stride, a->pad, a->dilation, a->groups);
    og_model *model;
    float *y = outputs_of(yaml, in, N, (int)count, &model);
    struct nn_batch t = nn_batch_make(N, og_shape_count(&in), 2);
    size_t params;
    const float *w = og_model_params(model, &params);
    for (size_t r = 0; r < N; r++)
        for (size_t f = 0; f < a->filters; f++)
            for (size_t p = 0; p < oh * ow; p++) {
                const float *x = t.x + r * og_shape_count(&in);
                double expected = convolved(x, &in, w, a, f, p / ow, p % ow);
                assert_true(fabs(y[r * count + f * oh * ow + p] - expected) <= 1e-5);
            }
    nn_batch_free(&t);
    og_free(y);
    og_model_free(model);
}

static void convolution_is_its_definition(void **state)
{
    (void)state;
    const struct window cases[] = {
        {3, 3, 3, 1, 0, 1, 1}, {4, 3, 3, 2, 1, 1, 2},   {8, 2, 2, 1, 2, 3, 4},
        {2, 1, 1, 3, 0, 1, 1}, {4, 5, 5, 1, 4, 1, 1},   {3, 4, 2, 1, 0, 1, 1},
        {4, 1, 5, 1, 1, 1, 2}, {40, 3, 2, 2, 1, 1, 20},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_convolution(&cases[i]);
}

// Runs that hold only part of a block: 2048 rows are 4 samples of 21 x 21 windows.
static void convolution_of_many_windows(void **state)
{
    (void)state;
    struct og_shape in = {3, {1, 22, 22}};
    og_model *model;
    float *y =
        outputs_of("[conv2d: {filters: 1, kernel: 2}, flatten]", in, 34, 441, &model);
    struct nn_batch t = nn_batch_make(34, 484, 2);
    size_t params;
    const float *w = og_model_params(model, &params);
    const struct window a = {1, 2, 2, 1, 0, 1, 1};
    for (size_t r = 0; r < 34; r++)
        for (size_t p = 0; p < 441; p++) {
            double expected = convolved(t.x + r * 484, &in, w, &a, 0, p / 21, p % 21);
            assert_true(fabs(y[r * 441 + p] - expected) <= 1e-5);
        }
    nn_batch_free(&t);
    og_free(y);
    og_model_free(model);
}

// Mean or maximum over the cells of a window that lie in the image.
static double pooled(const float *x, const struct og_shape *in, bool max, size_t oy,
                     size_t ox)
{
    double sum = 0.0, top = -INFINITY;
    int cells = 0;
    for (long y = (long)oy * 2 - 1; y < (long)oy * 2 + 2; y++)
        for (long c = (long)ox * 2 - 1; c < (long)ox * 2 + 2; c++) {
            if (y < 0 || c < 0 || y >= (long)in->dim[1] || c >= (long)in->dim[2])
                continue;
            double value = pixel(x, in, 0, y, c);
            sum += value;
            top = fmax(top, value);
            cells++;
        }
    return max ? top : sum / cells;
}

// Each side has its own number of zeros.
static void padding_by_sides(void **state)
{
    (void)state;
    struct og_shape in = {3, {2, 3, 2}};
    enum { C = 2 + 1 + 2, H = 3 + 1 + 3, W = 2 + 2 + 0, N = 3 };
    og_model *model;
    float *y = outputs_of("[pad: {before: 1, after: 2, top: 1, bottom: 3, left: 2},"
                          " flatten]",
                          in, N, C * H * W, &model);
    struct nn_batch t = nn_batch_make(N, 12, 2);
    for (long i = 0; i < N * C * H * W; i++) {
        const long c = i / (H * W) % C - 1, r = i / W % H - 1, k = i % W - 2;
        const bool inside = c >= 0 && c < 2 && r >= 0 && r < 3 && k >= 0;
        const float *x = t.x + i / (C * H * W) * 12;
        assert_true(y[i] == (inside ? x[(c * 3 + r) * 2 + k] : 0.0f));
    }
    nn_batch_free(&t);
    og_free(y);
    og_model_free(model);
}

static void pooling_leaves_padding_out(void **state)
{
    (void)state;
    struct og_shape in = {3, {1, 7, 6}};
    for (int max = 0; max < 2; max++) {
        og_model *model;
        const char *yaml = max ? "[max_pool: {size: 3, stride: 2, padding: 1}, flatten]"
                               : "[avg_pool: {size: 3, stride: 2, padding: 1}, flatten]";
        float *y = outputs_of(yaml, in, 3, 12, &model);
        struct nn_batch t = nn_batch_make(3, 42, 2);
        for (size_t r = 0; r < 3; r++)
            for (size_t p = 0; p < 12; p++) {
                double expected = pooled(t.x + r * 42, &in, max, p / 3, p % 3);
                assert_true(fabs(y[r * 12 + p] - expected) <= 1e-6);
            }
        nn_batch_free(&t);
        og_free(y);
        og_model_free(model);
    }
}

static void activations_are_their_formulas(void **state)
{
    (void)state;
    og_model *model;
    struct nn_batch t = nn_batch_make(9, 11, 2);
    float *y = outputs_of("[relu: {max: 0.5}]", vector, 9, 11, &model);
    for (size_t i = 0; i < 99; i++) assert_true(y[i] == fminf(fmaxf(t.x[i], 0.0f), 0.5f));
    og_free(y);
    og_model_free(model);
    y = outputs_of("[relu: {max: 0.5, above: zero}]", vector, 9, 11, &model);
    for (size_t i = 0; i < 99; i++) {
        const float x = t.x[i];
        assert_true(y[i] == (x >= 0.0f && x <= 0.5f ? x : 0.0f));
    }
    og_free(y);
    og_model_free(model);
    y = outputs_of("[sigmoid]", vector, 9, 11, &model);
    for (size_t i = 0; i < 99; i++)
        assert_true(fabs(y[i] - 1.0 / (1.0 + exp(-(double)t.x[i]))) <= 1e-6);
    og_free(y);
    og_model_free(model);
    y = outputs_of("[softmax, add: {inputs: [softmax1, input]}]", vector, 9, 11, &model);
    for (size_t r = 0; r < 9; r++) {
        double sum = 0.0;
        for (size_t j = 0; j < 11; j++) sum += exp((double)t.x[r * 11 + j]);
        for (size_t j = 0; j < 11; j++) {
            double x = t.x[r * 11 + j];
            assert_true(fabs(y[r * 11 + j] - (exp(x) / sum + x)) <= 1e-6);
        }
    }
    og_free(y);
    og_model_free(model);
    nn_batch_free(&t);
}

// The limit of a searched relu is state of the model: there from the start, and whatever
// is written into it holds at once. Values at the limit itself pass.
static void relu_takes_its_limit_from_the_state(void **state)
{
    (void)state;
    og_model *model =
        nn_model("[relu: {max: 0.5, above: zero, search: true}]", vector, 11);
    og_exec *exec = nn_exec(model, &(struct og_exec_options){.batch = 9});
    struct nn_batch t = nn_batch_make(9, 11, 2);
    size_t n;
    float *limit = og_model_state(model, &n);
    assert_true(n == 1 && *limit == 0.5f);
    assert_string_equal(og_model_tensor(model, 0).name, "max");
    const float limits[] = {0.5f, fabsf(t.x[3]), 0.0f};
    t.x[3] = fabsf(t.x[3]);
    t.x[4] = NAN;
    for (size_t k = 0; k < 3; k++) {
        *limit = limits[k];
        og_exec_program(exec, &(struct og_chip){0});
        const float *y = og_exec_forward(exec, &t.b);
        const float end = *limit > 0.0f ? *limit : INFINITY;
        for (size_t i = 0; i < 99; i++) {
            const float x = t.x[i], expected = x >= 0.0f && x <= end ? x : 0.0f;
            assert_true(i == 4 ? isnan(y[i]) : y[i] == expected);
        }
    }
    nn_batch_free(&t);
    og_exec_free(exec);
    og_model_free(model);
}

// --- batch norm and dropout: training against evaluation -----------------------------

static void batch_norm_takes_the_whole_batch(void **state)
{
    (void)state;
    enum { N = 70, W = 3 };
    og_model *model =
        nn_model("[batch_norm: {momentum: 0.75}]", (struct og_shape){1, {W}}, W);
    og_exec *exec =
        nn_exec(model, &(struct og_exec_options){.batch = N, .training = true});
    struct nn_batch t = nn_batch_make(N, W, 2);
    og_exec_program(exec, &(struct og_chip){0});
    const float *y = og_exec_forward(exec, &t.b);
    og_exec_update_state(exec);
    size_t count;
    const float *running = og_model_state(model, &count);
    assert_int_equal(count, 2 * W);
    for (size_t c = 0; c < W; c++) {
        double mean = 0.0, var = 0.0;
        for (size_t r = 0; r < N; r++) mean += t.x[r * W + c] / (double)N;
        for (size_t r = 0; r < N; r++) var += pow(t.x[r * W + c] - mean, 2) / (double)N;
        for (size_t r = 0; r < N; r++) {
            double expected = (t.x[r * W + c] - mean) / sqrt(var + 1e-5);
            assert_true(fabs(y[r * W + c] - expected) <= 1e-5);
        }
        assert_true(fabs(running[c] - 0.25 * mean) <= 1e-6);
        assert_true(fabs(running[W + c] - (0.75 + 0.25 * var * N / (N - 1.0))) <= 1e-6);
    }
    og_exec *plain = nn_exec(model, &(struct og_exec_options){.batch = N});
    og_exec_program(plain, &(struct og_chip){0});
    y = og_exec_forward(plain, &t.b);
    for (size_t i = 0; i < N * W; i++) {
        double expected = (t.x[i] - running[i % W]) / sqrt(running[W + i % W] + 1e-5);
        assert_true(fabs(y[i] - expected) <= 1e-5);
    }
    nn_batch_free(&t);
    og_exec_free(plain);
    og_exec_free(exec);
    og_model_free(model);
}

static void dropout_drops_in_training_only(void **state)
{
    (void)state;
    enum { N = 64, W = 50 };
    og_model *model = nn_model("[dropout: {rate: 0.25}]", (struct og_shape){1, {W}}, W);
    og_exec *exec =
        nn_exec(model, &(struct og_exec_options){.batch = N, .training = true});
    struct nn_batch t = nn_batch_make(N, W, 2);
    const float *y = og_exec_forward(exec, &t.b);
    size_t dropped = 0;
    for (size_t i = 0; i < N * W; i++) {
        dropped += y[i] == 0.0f;
        if (y[i] != 0.0f) assert_true(fabs(y[i] - t.x[i] / 0.75) <= 1e-6);
    }
    // 3200 draws at 0.25: 5 standard deviations are 122.
    assert_true(dropped > 800 - 122 && dropped < 800 + 122);
    float first[W];
    memcpy(first, y, sizeof first);
    t.b.pass = 1;
    assert_memory_not_equal(og_exec_forward(exec, &t.b), first, sizeof first);
    og_exec *plain = nn_exec(model, &(struct og_exec_options){.batch = N});
    assert_memory_equal(og_exec_forward(plain, &t.b), t.x, N * W * sizeof(float));
    nn_batch_free(&t);
    og_exec_free(plain);
    og_exec_free(exec);
    og_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_are_differences),
        cmocka_unit_test(every_layer_is_covered),
        cmocka_unit_test(convolution_is_its_definition),
        cmocka_unit_test(convolution_of_many_windows),
        cmocka_unit_test(padding_by_sides),
        cmocka_unit_test(pooling_leaves_padding_out),
        cmocka_unit_test(activations_are_their_formulas),
        cmocka_unit_test(relu_takes_its_limit_from_the_state),
        cmocka_unit_test(batch_norm_takes_the_whole_batch),
        cmocka_unit_test(dropout_drops_in_training_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
