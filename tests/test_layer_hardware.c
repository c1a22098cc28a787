// SPDX-License-Identifier: GPL-3.0-or-later
// hardware.layers: layers on hardware of their own, from the file to the arrays.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "nn_tools.h"
#include "ohmgrid/probe.h"
#include "run_tools.h"

enum { N = 40, IN = 12, OUT = 6 };

static const char net[] =
    "[dense: {units: 9, name: a}, tanh: , dense: {units: 6, name: b}]";

struct bench {
    og_model *model;
    struct nn_batch batch;
    og_item *layers;
    struct og_hardware hw;
    og_exec *exec;
};

static struct bench make(struct og_hardware hw, const char *layers)
{
    struct bench t = {.hw = hw, .batch = nn_batch_make(N, IN, OUT)};
    struct og_error err = {0};
    t.model = nn_model(net, (struct og_shape){1, {IN}}, OUT);
    og_model_init(t.model, 3);
    if (layers && og_item_parse(&t.layers, "test", layers, &err) != OG_OK)
        fail_msg("%s", err.text);
    t.hw.layers = t.layers;
    return t;
}

static void start(struct bench *t, bool training)
{
    struct og_error err = {0};
    t->exec = nn_exec(
        t->model,
        &(struct og_exec_options){.hardware = &t->hw, .batch = N, .training = training});
    assert_int_equal(og_exec_calibrate(t->exec, &t->batch.b, &err), OG_OK);
    og_exec_program(t->exec, &(struct og_chip){.seed = 3});
}

static void end(struct bench *t)
{
    og_exec_free(t->exec);
    og_model_free(t->model);
    og_item_free(t->layers);
    nn_batch_free(&t->batch);
}

static void forward(struct og_hardware hw, const char *layers, float out[N * OUT])
{
    struct bench t = make(hw, layers);
    start(&t, false);
    memcpy(out, og_exec_forward(t.exec, &t.batch.b), N * OUT * sizeof *out);
    end(&t);
}

// What is on everywhere but in b, is what is off everywhere but in a.
static void an_override_is_that_layer_alone(void **state)
{
    (void)state;
    float x[N * OUT], y[N * OUT], z[N * OUT];
    struct og_hardware coarse = nn_noisy(), fine = nn_noisy();
    coarse.adc.percentile = fine.adc.percentile = 90;
    coarse.adc.mode = fine.adc.mode = OG_RANGE_PERCENTILE;
    coarse.adc.bits = 3;
    fine.adc.bits = 8;
    forward(coarse, "[{layer: b, adc: {bits: 8}}]", x);
    forward(fine, "[{layer: [a], adc: {bits: 3}}]", y);
    assert_memory_equal(x, y, sizeof x);
    forward(fine, "[{layer: [a, b], adc: {bits: 3}}]", x);
    forward(coarse, NULL, z);
    assert_memory_equal(x, z, sizeof x);
    assert_memory_not_equal(x, y, sizeof x);
}

// A law of another kind replaces the one below it.
static void laws_are_replaced(void **state)
{
    (void)state;
    float x[N * OUT], y[N * OUT];
    struct og_hardware constant = nn_noisy(), part = nn_noisy();
    part.device.program =
        (struct og_sigma){.kind = OG_SIGMA_PROPORTIONAL, .fraction = 0.1, .scale = 1};
    forward(constant,
            "[{layer: [a, b], device: {program: {kind: proportional, fraction: 0.1}}}]",
            x);
    forward(part, NULL, y);
    assert_memory_equal(x, y, sizeof x);
}

static void an_ideal_layer_loses_nothing(void **state)
{
    (void)state;
    struct bench t = make(nn_noisy(), "[{layer: a, ideal: true}]");
    start(&t, false);
    og_probe *probe;
    struct og_probe_reading reading[2];
    struct og_error err = {0};
    assert_int_equal(og_exec_matrices(t.exec), 2);
    assert_null(og_exec_matrix(t.exec, 0));
    assert_non_null(og_exec_matrix(t.exec, 1));
    assert_int_equal(og_probe_alloc(&probe, t.exec, &t.batch.b, &err), OG_OK);
    og_probe_read(probe, &(struct og_chip){.seed = 3}, 0, reading);
    assert_true(reading[0].total_signal > 0 && reading[0].total_noise == 0);
    assert_true(reading[1].noise > 0 && reading[1].noise == reading[1].total_noise);
    og_probe_free(probe);
    end(&t);
}

// Nor do its states have bits.
static void ideal_states_have_no_bits(void **state)
{
    (void)state;
    struct og_hardware hw = og_hardware_default();
    hw.ideal = false;
    hw.rnn.c_bits = hw.rnn.gate_bits = 2;
    hw.rnn.mapping = OG_RNN_PER_GATE;
    og_item *layers;
    struct og_error err = {0};
    assert_int_equal(og_item_parse(&layers, "test", "[{layer: a, ideal: true}]", &err),
                     OG_OK);
    og_model *model = nn_model("[lstm: {units: 4, name: a}, dense: {units: 6, name: b}]",
                               (struct og_shape){2, {3, 4}}, OUT);
    og_model_init(model, 3);
    struct nn_batch t = nn_batch_make(N, 12, OUT);
    float y[3][N * OUT];
    for (int k = 0; k < 3; k++) {
        hw.layers = k == 1 ? layers : NULL;
        og_exec *exec = nn_exec(
            model, &(struct og_exec_options){.hardware = k ? &hw : NULL, .batch = N});
        assert_int_equal(og_exec_calibrate(exec, &t.b, &err), OG_OK);
        og_exec_program(exec, &(struct og_chip){0});
        memcpy(y[k], og_exec_forward(exec, &t.b), sizeof y[k]);
        og_exec_free(exec);
    }
    double with = 0, without = 0;
    for (int i = 0; i < N * OUT; i++) {
        with = fmax(with, fabs((double)(y[2][i] - y[0][i])));
        without = fmax(without, fabs((double)(y[1][i] - y[0][i])));
    }
    assert_true(with > 0.01 && without <= 1e-5);
    nn_batch_free(&t);
    og_model_free(model);
    og_item_free(layers);
}

// Gradients through a network of which one layer is ideal: those of the float network,
// where the other one is perfect.
static void an_ideal_layer_learns(void **state)
{
    (void)state;
    struct og_hardware perfect = og_hardware_default();
    perfect.ideal = false;
    for (int k = 0; k < 2; k++) {
        struct bench t =
            make(perfect, k ? "[{layer: b, ideal: true}]" : "[{layer: a, ideal: true}]");
        start(&t, true);
        og_exec_forward(t.exec, &t.batch.b);
        const float *mine = og_exec_backward(t.exec, &t.batch.b);
        og_exec *ideal =
            nn_exec(t.model, &(struct og_exec_options){.batch = N, .training = true});
        og_exec_program(ideal, &(struct og_chip){0});
        og_exec_forward(ideal, &t.batch.b);
        const float *wanted = og_exec_backward(ideal, &t.batch.b);
        size_t count;
        og_model_params(t.model, &count);
        double largest = 0;
        for (size_t i = 0; i < count; i++) {
            assert_true(fabs((double)(mine[i] - wanted[i])) <= 1e-6);
            largest = fmax(largest, fabs((double)wanted[i]));
        }
        assert_true(largest > 1e-3);
        og_exec_free(ideal);
        end(&t);
    }
}

// Only b injects; its SNR is its own.
static void points_of_a_layer(void **state)
{
    (void)state;
    float x[N * OUT], y[N * OUT], z[N * OUT];
    struct og_hardware quiet = nn_injecting(0);
    forward(quiet, "[{layer: b, injection: {points: [A], snr_db: 10}}]", x);
    struct og_hardware loud = nn_injecting(OG_POINT_A);
    loud.injection.snr_db = 10;
    forward(loud, "[{layer: a, ideal: true}]", y);
    forward(loud, NULL, z);
    assert_memory_not_equal(x, z, sizeof x);
    for (int i = 0; i < N * OUT; i++)  // the float product of a ends in other last bits
        assert_true(fabs((double)(x[i] - y[i])) <= 1e-5);
}

// --- experiments ---------------------------------------------------------------------

static const char two[] =
    "hardware:\n"
    "  device: {name: generic, program: {kind: constant, sigma: 1 uS}}\n"
    "  adc: {bits: 6}\n"
    "  layers:\n"
    "    - {layer: dense1, adc: {bits: 4}, device: {program: {sigma: 2 uS}}}\n";
static const char rest[] =
    "trials: 2\n"
    "data: {name: mnist}\n"
    "model: {layers: [dense: {units: 12}, relu: , dense: {units: 10}]}\n"
    "train: {epochs: 1, hardware: nominal, calibrate_samples: 40}\n"
    "evaluate: {batch: 32, calibrate_samples: 50}\n";

static og_status read_text(const char *hardware, const char *more, og_experiment **e,
                           struct og_error *err)
{
    char path[PATH], text[4096];
    int n = snprintf(text, sizeof text, "%s%s%s", hardware, rest, more);
    write_bytes("e.yaml", text, (size_t)n);
    in_folder(path, "e.yaml");
    return og_experiment_read(e, path, NULL, err);
}

static og_experiment *open_text(const char *hardware, const char *more)
{
    og_experiment *e;
    struct og_error err = {0};
    if (read_text(hardware, more, &e, &err) != OG_OK) fail_msg("%s", err.text);
    return e;
}

static struct og_hardware layer_at(const og_experiment *e, size_t point, bool training,
                                   const char *name)
{
    struct og_config c;
    struct og_hardware own;
    struct og_error err = {0};
    assert_int_equal(og_experiment_point(e, point, &c, &err), OG_OK);
    assert_int_equal(
        og_hardware_layer(training ? &c.train.hardware : &c.hardware, name, &own, &err),
        OG_OK);
    return own;
}

static void a_file_says_what_differs(void **state)
{
    (void)state;
    og_experiment *e = open_text(
        two,
        "sweep: [{key: \"hardware.layers[0].adc.bits\", name: b, values: [4, 5]}]\n");
    for (size_t p = 0; p < 2; p++) {
        struct og_hardware own = layer_at(e, p, false, "dense1");
        assert_int_equal(own.adc.bits, 4 + p);
        assert_true(own.device.program.kind == OG_SIGMA_CONSTANT);
        assert_true(own.device.program.sigma == 2e-6);
        assert_true(own.device.g_max == layer_at(e, p, false, "dense2").device.g_max);
        assert_int_equal(layer_at(e, p, true, "dense1").adc.bits, 4);  // nominal
        own = layer_at(e, p, false, "dense2");
        assert_true(own.adc.bits == 6 && own.device.program.sigma == 1e-6);
    }
    assert_int_equal(og_experiment_axis(e, 0)->column[0].value[1], 5);
    char *text = og_experiment_text(e), key[2][33], again[33];
    for (size_t p = 0; p < 2; p++) og_experiment_key(e, p, OG_STAGE_PROGRAM, key[p]);
    assert_string_not_equal(key[0], key[1]);
    og_experiment_free(e);
    write_bytes("e.yaml", text, strlen(text));
    free(text);
    char path[PATH];
    struct og_error err = {0};
    in_folder(path, "e.yaml");
    if (og_experiment_read(&e, path, NULL, &err) != OG_OK) fail_msg("%s", err.text);
    og_experiment_key(e, 1, OG_STAGE_PROGRAM, again);
    assert_string_equal(key[1], again);
    og_experiment_free(e);
}

static void wrong_layers_are_refused(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"{}", "must be a list of {layer, keys of hardware}"},
        {"[dense1]", "must be {layer: NAME"},
        {"[{adc: {bits: 4}}]", "must be {layer: NAME"},
        {"[{layer: []}]", "must be {layer: NAME"},
        {"[{layer: [[a]]}]", "must be the name of a layer"},
        {"[{layer: [a, a]}]", "'a' is named twice"},
        {"[{layer: a}, {layer: [b, a]}]", "'a' has an entry already"},
        {"[{layer: a, technology: isaac_32nm}]", "holds for the whole network"},
        {"[{layer: a, injection: {power: batch}}]", "holds for the whole network"},
        {"[{layer: a, layers: []}]", "holds for the whole network"},
        {"[{layer: a, adc: {bit: 4}}]", "did you mean 'bits'"},
        {"[{layer: a, adc: {bits: 40}}]", "outside the allowed range"},
        {"[{layer: a, adc: {bits: 1}}]", "1 bit with mid_tread"},
        {"[{layer: a, injection: {snr_db: 4}}]", "no effect without injection.points"},
        {"[{layer: a, device: {name: no_such_device}}]", "no_such_device"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[256];
        og_experiment *e;
        struct og_error err = {0};
        snprintf(text, sizeof text, "hardware: {adc: {bits: 6}, layers: %s}\n",
                 bad[i][0]);
        assert_int_not_equal(read_text(text, "", &e, &err), OG_OK);
        if (!strstr(err.text, bad[i][1])) fail_msg("%s: %s", bad[i][0], err.text);
    }
}

// What only the network can tell is found before anything is computed.
static void what_the_network_lacks(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"layers: [{layer: dense3, ideal: true}]", "no layer of that name has a matrix"},
        {"layers: [{layer: relu1, ideal: true}]", "no layer of that name has a matrix"},
        {"injection: {points: [X, A_i]}",
         "e.yaml:1: key 'hardware.injection.points': no layer of the network has a point "
         "A_i"},
        {"injection:\n {points: [C]}", "e.yaml:2: key 'hardware.injection.points': no"},
        {"injection: {points: [RH, A]}", "no layer of the network has a point RH"},
        {"layers: [{layer: dense1,\n injection: {points: [T]}}]",
         "e.yaml:2: key 'layers[0].injection.points': layer 'dense1' does not have a "
         "point "
         "T"},
        {"layers: [{layer: [dense1],\n rnn: {gate_bits: 4}}]",
         "e.yaml:2: key 'layers[0].rnn.gate_bits': layer 'dense1' does not have gates"},
        {"variant: only in dense3",
         "key 'hardware.variant': no layer 'dense3' has a matrix"},
        {"rnn: {c_bits: 4}", "no layer of the network has a cell state"},
        {"rnn: {gate_bits: 4}", "no layer of the network has gates"},
        {"rnn: {x_bits: 4}", "x_bits': no layer of the network has a recurrent input"},
        {"rnn: {h_bits: 4}", "h_bits': no layer of the network has a recurrent input"},
    };
    char out[PATH];
    in_folder(out, "a.h5");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[256];
        struct og_error err = {0};
        snprintf(text, sizeof text, "hardware: {adc: {bits: 6}, %s}\n", bad[i][0]);
        og_experiment *e = open_text(text, "");
        const struct og_run_options o = {
            .out = out, .command = "test", .data = folder, .mode = OG_JOURNAL_FORCE};
        assert_int_equal(og_run(e, &o, &err), OG_INPUT);
        if (!strstr(err.text, bad[i][1])) fail_msg("%s: %s", bad[i][0], err.text);
        og_experiment_free(e);
    }
}

// What another layer has is of no use to the one that asks for it.
static void what_the_layer_lacks(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"[{layer: b, injection: {points: [T]}}]", "layer 'b' does not have a point T"},
        {"[{layer: b, rnn: {c_bits: 4}}]", "layer 'b' does not have a cell state"},
        {"[{layer: b, rnn: {gate_bits: 4}}]", "layer 'b' does not have gates"},
        {"[{layer: b, rnn: {h_bits: 4}}]", "layer 'b' does not have a recurrent input"},
    };
    og_model *model = nn_model("[lstm: {units: 4, name: a}, dense: {units: 6, name: b}]",
                               (struct og_shape){2, {5, IN}}, OUT);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct og_hardware hw = og_hardware_default();
        struct og_error err = {0};
        og_item *layers;
        hw.ideal = false;
        hw.injection.points = OG_POINT_C;  // some layer has it
        assert_int_equal(og_item_parse(&layers, "test", bad[i][0], &err), OG_OK);
        hw.layers = layers;
        assert_int_equal(og_model_check_hardware(model, &hw, &err), OG_INPUT);
        if (!strstr(err.text, bad[i][1])) fail_msg("%s: %s", bad[i][0], err.text);
        og_item_free(layers);
    }
    og_model_free(model);
}

// /layers, /chip and costs of a network with an ideal layer.
static void a_run_with_an_ideal_layer(void **state)
{
    (void)state;
    double local[2], total[2], devices[2];
    og_experiment *e =
        open_text("hardware:\n"
                  "  device: {name: generic, program: {kind: constant, sigma: 1 uS}}\n"
                  "  technology: isaac_32nm\n"
                  "  layers: [{layer: dense1, ideal: true}]\n"
                  "output: {chip: true}\n",
                  "");
    run_whole(e, "a.h5");
    og_experiment_free(e);
    assert_int_equal(links("a.h5", "/chip/p0"), 1);
    read_values("a.h5", "/layers/dense1/snr_local", local, 2);
    read_values("a.h5", "/layers/dense1/snr_total", total, 2);
    read_values("a.h5", "/layers/dense1/devices", devices, 2);
    assert_true(isnan(local[0]) && isnan(devices[1]) && total[0] == 200);
    read_values("a.h5", "/layers/dense2/snr_local", local, 2);
    assert_true(local[0] > 5 && local[0] < 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_override_is_that_layer_alone),
        cmocka_unit_test(laws_are_replaced),
        cmocka_unit_test(an_ideal_layer_loses_nothing),
        cmocka_unit_test(ideal_states_have_no_bits),
        cmocka_unit_test(an_ideal_layer_learns),
        cmocka_unit_test(points_of_a_layer),
        cmocka_unit_test(a_file_says_what_differs),
        cmocka_unit_test(wrong_layers_are_refused),
        cmocka_unit_test(what_the_network_lacks),
        cmocka_unit_test(what_the_layer_lacks),
        cmocka_unit_test(a_run_with_an_ideal_layer),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
