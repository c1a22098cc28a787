// SPDX-License-Identifier: GPL-3.0-or-later
// The gradient of the inputs of a network as it is evaluated, for every layer, against
// central differences.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "nn_tools.h"
#include "ohmgrid/cpu.h"

enum { N = 37, CLASSES = 4, MOST = 150 };  // two blocks, the second one short

static const struct og_shape image = {3, {2, 6, 6}}, steps = {2, {5, 4}};

static const struct {
    const char *name, *yaml;
    bool sequence;
} nets[] = {
    {"dense", "- dense: {units: 7}\n- sigmoid\n- dense: {units: 4}\n", false},
    {"conv",
     "- conv2d: {filters: 4, kernel: 3, stride: 2, groups: 2}\n- tanh\n"
     "- dense: {units: 4}\n",
     false},
    {"pools",
     "- pad: {before: 1, after: 1, top: 1, left: 2}\n- conv2d: {filters: 3, kernel: 3}\n"
     "- avg_pool: {size: 2}\n- max_pool: {size: 2}\n- flatten\n"
     "- dense: {units: 4}\n",
     false},
    {"norm",
     "- batch_norm\n- conv2d: {filters: 4, kernel: 3}\n- batch_norm\n- relu\n"
     "- dropout: {rate: 0.4}\n- global_avg_pool\n- dense: {units: 4}\n",
     false},
    {"residual",
     "- conv2d: {name: a, filters: 2, kernel: 3, padding: 1}\n"
     "- add: {name: b, inputs: [a, input]}\n- flatten\n- softmax\n- dense: {units: 4}\n",
     false},
    {"lstm", "- lstm: {units: 5, layers: 2, bidirectional: true}\n- dense: {units: 4}\n",
     true},
    {"gru", "- gru: {units: 5}\n- dense: {units: 4}\n", true},
    {"rnn", "- rnn: {units: 5}\n- dense: {units: 4}\n", true},
};
enum { NETS = sizeof nets / sizeof *nets };

struct bench {
    og_model *model;
    og_exec *exec;
    struct nn_batch t;
    size_t width;
    float dlogits[N * CLASSES];
};

// Parameters and statistics that no initial value hides.
static void stir(og_model *model)
{
    size_t params, states;
    float *w = og_model_params(model, &params), *s = og_model_state(model, &states);
    float *noise = og_alloc(params + states, sizeof *noise);
    nn_uniform(noise, params + states, 12);
    for (size_t i = 0; i < params; i++) w[i] += 0.2f * noise[i];
    for (size_t i = 0; i < states; i++) s[i] += 0.3f * noise[params + i];
    og_free(noise);
}

static struct bench open_bench(size_t net, const struct og_hardware *hw)
{
    const struct og_shape *in = nets[net].sequence ? &steps : &image;
    struct bench b = {.width = nets[net].sequence ? 20 : 72};
    struct og_error err = {0};
    b.model = nn_model(nets[net].yaml, *in, CLASSES);
    og_model_init(b.model, 21);
    stir(b.model);
    b.exec = nn_exec(
        b.model, &(struct og_exec_options){.hardware = hw, .batch = N, .inputs = true});
    b.t = nn_batch_make(N, b.width, CLASSES);
    b.t.b.pass = 3;
    nn_uniform(b.dlogits, N * CLASSES, 5);
    if (og_exec_calibrate(b.exec, &b.t.b, &err) != OG_OK) fail_msg("%s", err.text);
    og_exec_program(b.exec, &(struct og_chip){.seed = 2});
    return b;
}

static void close_bench(struct bench *b)
{
    og_exec_free(b->exec);
    og_model_free(b->model);
    nn_batch_free(&b->t);
}

// What dlogits is the gradient of, of one sample.
static double value_of(const struct bench *b, size_t r)
{
    const float *z = og_exec_forward(b->exec, &b->t.b) + r * CLASSES;
    double sum = 0.0;
    for (size_t j = 0; j < CLASSES; j++)
        sum += (double)z[j] * (double)b->dlogits[r * CLASSES + j];
    return sum;
}

static void check_net(size_t net, const struct og_hardware *hw)
{
    og_set_threads(1);  // many passes of few samples
    struct bench b = open_bench(net, hw);
    static float gradient[N * MOST];
    const float h = 4e-3f;
    og_exec_forward(b.exec, &b.t.b);
    memcpy(gradient, og_exec_backward_inputs(b.exec, &b.t.b, b.dlogits),
           N * b.width * sizeof *gradient);
    double largest = 0.0;
    for (size_t i = 0; i < N * b.width; i++)
        largest = fmax(largest, fabs((double)gradient[i]));
    assert_true(largest > 0.01);
    for (size_t k = 0; k < 60; k++) {
        const size_t i = k * 7919 % (N * b.width), r = i / b.width;
        const float x = b.t.x[i];
        b.t.x[i] = x + h;
        const double up = value_of(&b, r);
        b.t.x[i] = x - h;
        const double down = value_of(&b, r);
        b.t.x[i] = x;
        const double wanted = (up - down) / (2.0 * (double)h);
        if (!(fabs(wanted - (double)gradient[i]) <= 0.01 * largest))
            fail_msg("%s: element %zu is %g, not %g", nets[net].name, i,
                     (double)gradient[i], wanted);
    }
    close_bench(&b);
    og_set_threads(0);
}

static void every_layer(void **state)
{
    (void)state;
    for (size_t net = 0; net < NETS; net++) check_net(net, NULL);
}

// Injected noise is the same in each of these passes, so a difference is exact.
static void through_noisy_hardware(void **state)
{
    (void)state;
    const struct og_hardware hw = nn_injecting(OG_POINT_X | OG_POINT_A | OG_POINT_O);
    for (size_t net = 0; net < NETS; net++) check_net(net, &hw);
}

static void take(const struct og_hardware *hw, int threads, size_t part, float *out)
{
    struct bench b = open_bench(3, hw);
    og_set_threads(threads);
    for (size_t at = 0; at < N; at += part) {
        struct og_batch batch = b.t.b;
        batch.n = N - at < part ? N - at : part;
        batch.x += at * b.width;
        batch.sample += at;
        og_exec_forward(b.exec, &batch);
        memcpy(out + at * b.width,
               og_exec_backward_inputs(b.exec, &batch, b.dlogits + at * CLASSES),
               batch.n * b.width * sizeof *out);
    }
    og_set_threads(0);
    close_bench(&b);
}

static void same_bits_however_split(void **state)
{
    (void)state;
    const struct og_hardware hw = nn_noisy();
    const struct og_hardware *const each[] = {NULL, &hw};
    static float whole[N * MOST], split[N * MOST];
    for (int i = 0; i < 2; i++) {
        take(each[i], 1, N, whole);
        take(each[i], 3, 5, split);
        assert_memory_equal(whole, split, N * 72 * sizeof *whole);
    }
}

// The forward pass is that of an evaluation, to the bit.
static void evaluates_as_others(void **state)
{
    (void)state;
    const struct og_hardware hw = nn_noisy();
    struct bench b = open_bench(3, &hw);
    og_exec *plain =
        nn_exec(b.model, &(struct og_exec_options){.hardware = &hw, .batch = N});
    struct og_error err = {0};
    assert_int_equal(og_exec_calibrate(plain, &b.t.b, &err), OG_OK);
    og_exec_program(plain, &(struct og_chip){.seed = 2});
    static float logits[N * CLASSES];
    memcpy(logits, og_exec_forward(plain, &b.t.b), sizeof logits);
    assert_memory_equal(og_exec_forward(b.exec, &b.t.b), logits, sizeof logits);
    og_exec_free(plain);
    close_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_layer),
        cmocka_unit_test(through_noisy_hardware),
        cmocka_unit_test(same_bits_however_split),
        cmocka_unit_test(evaluates_as_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
