// SPDX-License-Identifier: GPL-3.0-or-later
// Dense layers before a sigmoid, tanh or curve, with ramps that do it; and the curve.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "config/tree.h"
#include "ohmgrid/array.h"
#include "ohmgrid/model.h"

enum { INPUTS = 6, N = 40, CLASSES = 3 };

struct net {
    og_item *root;
    og_model *model;
    og_exec *exec;
    float *params, x[N * INPUTS];
    size_t count;
    uint8_t label[N];
    uint32_t sample[N];
    struct og_batch batch;
};

static void open_net(struct net *net, const char *layers)
{
    struct og_error err = {0};
    *net = (struct net){0};
    if (og_item_parse(&net->root, "test", layers, &err) != OG_OK)
        fail_msg("%s", err.text);
    const struct og_shape in = {1, {INPUTS, 0, 0}};
    if (og_model_build(&net->model, net->root, &in, CLASSES, &err) != OG_OK)
        fail_msg("%s", err.text);
    net->params = og_model_params(net->model, &net->count);
    const struct og_stream s = og_stream_named(3, OG_INIT, 0, 0, 0);
    og_gauss_fill(&s, (struct og_index){0, 0, 0}, 0, net->params, net->count);
    og_gauss_fill(&s, (struct og_index){1, 0, 0}, 0, net->x, N * INPUTS);
    for (size_t i = 0; i < net->count; i++) net->params[i] *= 0.6f;
    for (uint32_t i = 0; i < N; i++) {
        net->label[i] = (uint8_t)(i % CLASSES);
        net->sample[i] = i;
    }
    net->batch = (struct og_batch){
        .x = net->x, .label = net->label, .sample = net->sample, .n = N, .seed = 5};
}

static void start(struct net *net, const struct og_hardware *hw, bool training)
{
    struct og_error err = {0};
    og_exec_free(net->exec);
    const struct og_exec_options options = {
        .hardware = hw, .batch = N, .training = training};
    if (og_exec_alloc(&net->exec, net->model, &options, &err) != OG_OK)
        fail_msg("%s", err.text);
    if (hw && og_exec_calibrate(net->exec, &net->batch, &err) != OG_OK)
        fail_msg("%s", err.text);
    og_exec_program(net->exec, &(struct og_chip){.seed = 3});
}

static void close_net(struct net *net)
{
    og_exec_free(net->exec);
    og_model_free(net->model);
    og_item_free(net->root);
}

static struct og_hardware ramp_hardware(int bits)
{
    struct og_hardware hw = og_hardware_default();
    hw.ideal = false;
    hw.adc.kind = OG_ADC_RAMP;
    hw.adc.ramp.bits = bits;
    hw.adc.ramp.dense = true;
    return hw;
}

// The largest difference of the logits, on hardware and in float.
static double distance(const char *layers, const struct og_hardware *hw)
{
    struct net net;
    float ideal[N * CLASSES];
    double worst = 0;
    open_net(&net, layers);
    start(&net, NULL, false);
    memcpy(ideal, og_exec_forward(net.exec, &net.batch), sizeof ideal);
    start(&net, hw, false);
    const float *y = og_exec_forward(net.exec, &net.batch);
    for (int i = 0; i < N * CLASSES; i++)
        worst = fmax(worst, fabs((double)y[i] - (double)ideal[i]));
    close_net(&net);
    return worst;
}

static const char *const functions[] = {
    "- dense: {units: 3}\n- sigmoid\n",
    "- dense: {units: 3, bias: false}\n- tanh\n",
    "- dense: {units: 3}\n- curve: {x: [-2, 0.5, 3], y: [-1, 0, 4]}\n",
};
static const double spans[] = {1, 2, 5};

// Alone, a function is half a step of its output off at most, and about that.
static void ramps_do_the_function(void **state)
{
    (void)state;
    for (int k = 0; k < 3; k++)
        for (int bits = 3; bits <= 8; bits += 5) {
            const struct og_hardware hw = ramp_hardware(bits);
            const double half = spans[k] / (1 << bits) / 2,
                         d = distance(functions[k], &hw);
            if (!(d <= half + 1e-5 && d > 0.7 * half))
                fail_msg("%s at %d bits: off by %g, half a step is %g", functions[k],
                         bits, d, half);
        }
}

// What something else reads as well, or what is not asked for, stays digital.
static void other_layers_stay_linear(void **state)
{
    (void)state;
    static const char shared[] = "- dense: {units: 3}\n"
                                 "- sigmoid: {name: s}\n"
                                 "- add: {inputs: [dense1, s]}\n"
                                 "- dense: {units: 3}\n"
                                 "- tanh\n";
    static const char chain[] = "- dense: {units: 3}\n- tanh\n- dense: {units: 3}\n";
    struct og_hardware hw = ramp_hardware(8);
    struct net net;
    open_net(&net, chain);
    start(&net, &hw, false);
    assert_true(og_array_has_ramps(og_exec_matrix(net.exec, 0)));
    assert_false(og_array_has_ramps(og_exec_matrix(net.exec, 1)));
    close_net(&net);
    open_net(&net, shared);
    start(&net, &hw, false);
    assert_false(og_array_has_ramps(og_exec_matrix(net.exec, 0)));
    assert_true(og_array_has_ramps(og_exec_matrix(net.exec, 1)));
    close_net(&net);

    hw.adc.ramp.dense = false;
    open_net(&net, chain);
    struct og_error err = {0};
    const struct og_exec_options options = {.hardware = &hw, .batch = N};
    assert_int_equal(og_exec_alloc(&net.exec, net.model, &options, &err), OG_INPUT);
    assert_non_null(strstr(err.text, "ramp has no effect"));
    close_net(&net);
}

// Noise at O would come after the function, and be measured before it.
static void noise_at_the_output_is_refused(void **state)
{
    (void)state;
    struct og_hardware hw = ramp_hardware(5);
    struct og_error err = {0};
    struct net net;
    hw.injection.points = OG_POINT_O;
    open_net(&net, "- dense: {units: 3}\n- tanh\n");
    const struct og_exec_options options = {.hardware = &hw, .batch = N};
    assert_int_equal(og_exec_alloc(&net.exec, net.model, &options, &err), OG_INPUT);
    assert_non_null(strstr(err.text, "layer 'dense1': hardware.injection.points: O"));
    close_net(&net);
}

// Variants of a layer leave the others ideal, also those that have the ramps.
static void variants_of_a_layer_need_no_ramps(void **state)
{
    (void)state;
    static const char *const variant[] = {"only in dense2", "except in dense1"};
    for (int i = 0; i < 2; i++) {
        struct og_hardware hw = ramp_hardware(5);
        struct net net;
        snprintf(hw.variant, sizeof hw.variant, "%s", variant[i]);
        open_net(&net, "- dense: {units: 3}\n- tanh\n- dense: {units: 3}\n");
        start(&net, &hw, false);
        assert_null(og_exec_matrix(net.exec, 0));
        assert_false(og_array_has_ramps(og_exec_matrix(net.exec, 1)));
        close_net(&net);
    }
}

// One layer may have ramps and another not; where it cannot, it is named.
static void layers_have_ramps_of_their_own(void **state)
{
    (void)state;
    static const char chain[] =
        "- dense: {units: 3}\n- tanh\n- dense: {units: 3}\n- tanh\n"
        "- dense: {units: 3}\n";
    struct og_hardware hw = og_hardware_default();
    struct og_error err = {0};
    struct net net;
    og_item *layers;
    hw.ideal = false;
    assert_int_equal(
        og_item_parse(&layers, "test",
                      "[{layer: dense2, adc: {kind: ramp, ramp: {dense: true}}}]", &err),
        OG_OK);
    hw.layers = layers;
    open_net(&net, chain);
    start(&net, &hw, false);
    assert_false(og_array_has_ramps(og_exec_matrix(net.exec, 0)));
    assert_true(og_array_has_ramps(og_exec_matrix(net.exec, 1)));
    close_net(&net);
    og_item_free(layers);

    assert_int_equal(
        og_item_parse(&layers, "test",
                      "[{layer: dense3, adc: {kind: ramp, ramp: {dense: true}}}]", &err),
        OG_OK);
    hw.layers = layers;
    open_net(&net, chain);
    const struct og_exec_options options = {.hardware = &hw, .batch = N};
    assert_int_equal(og_exec_alloc(&net.exec, net.model, &options, &err), OG_INPUT);
    assert_non_null(strstr(err.text, "layer 'dense3': hardware.adc.kind: ramp has no"));
    close_net(&net);
    og_item_free(layers);
}

static double *gradient(const char *layers, const struct og_hardware *hw, size_t *count)
{
    struct net net;
    open_net(&net, layers);
    start(&net, hw, true);
    og_exec_forward(net.exec, &net.batch);
    const float *g = og_exec_backward(net.exec, &net.batch);
    double *copy = og_alloc(net.count, sizeof *copy);
    for (size_t i = 0; i < net.count; i++) copy[i] = g[i];
    *count = net.count;
    close_net(&net);
    return copy;
}

// At 8 bits nearly that of the function, also beyond the ends of a curve.
static void gradients_are_those_of_the_function(void **state)
{
    (void)state;
    static const char *const chains[] = {
        "- dense: {units: 5}\n- sigmoid\n- dense: {units: 3}\n",
        "- dense: {units: 5}\n- tanh\n- dense: {units: 3}\n",
        ("- dense: {units: 5}\n- curve: {x: [-0.5, 0.2, 1], y: [-1, 0, 2]}\n"
         "- dense: {units: 3}\n"),
    };
    for (int k = 0; k < 3; k++) {
        const struct og_hardware hw = ramp_hardware(8);
        size_t n;
        double *ramp = gradient(chains[k], &hw, &n), error = 0, size = 0;
        double *ideal = gradient(chains[k], NULL, &n);
        for (size_t i = 0; i < n; i++) {
            error += (ramp[i] - ideal[i]) * (ramp[i] - ideal[i]);
            size += ideal[i] * ideal[i];
        }
        if (!(sqrt(error / size) < 0.05))
            fail_msg("%s: %g", chains[k], sqrt(error / size));
        og_free(ramp);
        og_free(ideal);
    }
}

// --- the curve -----------------------------------------------------------------------

static void curves_are_linear_between_points(void **state)
{
    (void)state;
    struct net net;
    open_net(&net, "- dense: {units: 3, bias: false}\n"
                   "- curve: {x: [-2, 0.5, 3], y: [-1, 0, 4]}\n");
    const float x[] = {-9, -2, -0.75f, 0.5f, 1.75f, 3, 7, NAN};
    const float y[] = {-1, -1, -0.5f, 0, 2, 4, 4, NAN};
    memset(net.params, 0, net.count * sizeof *net.params);
    net.params[0] = 1;  // output 0 is input 0
    memset(net.x, 0, sizeof net.x);
    for (int r = 0; r < 8; r++) net.x[r * INPUTS] = x[r];
    start(&net, NULL, false);
    const float *out = og_exec_forward(net.exec, &net.batch);
    for (int r = 0; r < 7; r++)
        assert_true(fabs((double)(out[r * CLASSES] - y[r])) <= 1e-6);
    assert_true(isnan(out[7 * CLASSES]));
    close_net(&net);
}

static void bad_curves_are_refused(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"- dense: {units: 3}\n- curve: {x: [0, 1], y: [0, 1, 2]}\n",
         "x has 2 entries and y 3"},
        {"- dense: {units: 3}\n- curve: {x: [0], y: [0]}\n", "at least 2"},
        {"- dense: {units: 3}\n- curve: {x: [0, 1, 1], y: [0, 1, 2]}\n", "rising"},
        {"- dense: {units: 3}\n- curve: {x: [0, 1, 2], y: [0, 2, 1]}\n", "rising"},
    };
    const struct og_shape in = {1, {INPUTS, 0, 0}};
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        og_item *root;
        og_model *model;
        struct og_error err = {0};
        assert_int_equal(og_item_parse(&root, "test", bad[k][0], &err), OG_OK);
        assert_int_equal(og_model_build(&model, root, &in, CLASSES, &err), OG_INPUT);
        if (!strstr(err.text, bad[k][1])) fail_msg("'%s'", err.text);
        og_item_free(root);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ramps_do_the_function),
        cmocka_unit_test(other_layers_stay_linear),
        cmocka_unit_test(noise_at_the_output_is_refused),
        cmocka_unit_test(variants_of_a_layer_need_no_ramps),
        cmocka_unit_test(layers_have_ramps_of_their_own),
        cmocka_unit_test(gradients_are_those_of_the_function),
        cmocka_unit_test(curves_are_linear_between_points),
        cmocka_unit_test(bad_curves_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
