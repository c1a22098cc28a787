// SPDX-License-Identifier: GPL-3.0-or-later
// Recurrent layers step by step: errors of sums and states against the float network,
// what saturates and what clips, counted once more here; and their way into a result
// file.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "ohmgrid/probe.h"
#include "recurrent.h"
#include "run_tools.h"

enum { N = 37, T = 5, IN = 3, U = 6 };

static void follow(struct net *net, size_t batch, const struct og_hardware *hw,
                   float out[][OG_ALONG][T])
{
    struct og_error err = {0};
    og_probe *probe;
    og_exec_free(net->exec);
    net->exec = NULL;
    const struct og_exec_options options = {.hardware = hw, .batch = batch};
    assert_int_equal(og_exec_alloc(&net->exec, net->model, &options, &err), OG_OK);
    assert_int_equal(og_exec_calibrate(net->exec, &net->batch, &err), OG_OK);
    const struct og_chip chip = {.seed = net->batch.seed};
    og_exec_program(net->exec, &chip);
    assert_int_equal(og_probe_alloc(&probe, net->exec, &net->batch, &err), OG_OK);
    assert_int_equal(og_probe_cells(probe), 0);
    assert_int_equal(og_probe_follow(probe, &err), OG_OK);
    struct og_probe_reading *reading =
        og_alloc(og_exec_matrices(net->exec), sizeof *reading);
    for (int again = 0; again < 2; again++)  // nothing is left of the first time
        og_probe_read(probe, &chip, 0, reading);
    for (size_t c = 0; c < og_probe_cells(probe); c++) {
        assert_int_equal(og_probe_cell(probe, c).steps, T);
        for (int k = 0; k < OG_ALONG; k++)
            og_probe_along(probe, c, (enum og_along)k, out[c][k]);
    }
    og_free(reading);
    og_probe_free(probe);
}

static struct og_hardware noisy(void)
{
    struct og_hardware hw = og_hardware_default();
    hw.ideal = false;
    hw.device.program =
        (struct og_sigma){.kind = OG_SIGMA_CONSTANT, .sigma = 2e-6, .scale = 1};
    hw.rnn.x_bits = 5;
    hw.rnn.h_bits = 5;
    hw.adc.bits = 5;
    hw.adc.mode = OG_RANGE_FIXED;
    hw.adc.range = 0.05;
    hw.dac.mode = OG_RANGE_FIXED;
    hw.dac.range = 0.5;
    hw.rnn.c_bits = 6;
    hw.rnn.c_range = 0.5;
    return hw;
}

static struct task lstm_task(void)
{
    return (struct task){.spec = {{LSTM, U, 1, .sequence = true}},
                         .chain = 1,
                         .steps = T,
                         .inputs = IN,
                         .n = N};
}

// h is the output of the layer: its error can be seen from outside.
static void errors_of_h(void **state)
{
    (void)state;
    static float ideal[N * T * U], out[1][OG_ALONG][T], split[1][OG_ALONG][T];
    struct task t = lstm_task();
    struct net net = make_net(&t);
    struct og_hardware hw = noisy();
    start(&net, NULL, false, OG_STRAIGHT_THROUGH);
    memcpy(ideal, og_exec_forward(net.exec, &net.batch), sizeof ideal);
    follow(&net, N, &hw, out);
    const float *y = og_exec_forward(net.exec, &net.batch);
    for (int step = 0; step < T; step++) {
        double square = 0;
        for (int r = 0; r < N; r++)
            for (int j = 0; j < U; j++) {
                int at = (r * T + step) * U + j;
                square += pow((double)y[at] - (double)ideal[at], 2) / (N * U);
            }
        assert_true(fabs(sqrt(square) - (double)out[0][OG_ALONG_H][step]) <= 1e-6);
        assert_true(out[0][OG_ALONG_H][step] > 1e-3f);
        assert_true(out[0][OG_ALONG_SUMS][step] > 1e-3f);
        assert_true(out[0][OG_ALONG_C][step] > 1e-3f);
    }
    // Any batch: the same bits.
    follow(&net, 5, &hw, split);
    assert_memory_equal(out, split, sizeof out);
    end(&net);
}

// Parts of x beyond +-0.5, and of c at +-0.5, which are the levels tanh(c) comes from.
static void what_clips(void **state)
{
    (void)state;
    static float out[1][OG_ALONG][T];
    struct task t = lstm_task();
    struct net net = make_net(&t);
    struct og_hardware hw = noisy();
    follow(&net, N, &hw, out);
    for (int step = 0; step < T; step++) {
        int beyond = 0;
        for (int r = 0; r < N; r++)
            for (int i = 0; i < IN; i++)
                beyond += fabsf(net.x[(r * T + step) * IN + i]) > 0.5f;
        double wanted = (double)beyond / (N * (IN + U));  // |h| < 1 never clips
        assert_true(fabs(wanted - (double)out[0][OG_ALONG_DAC_CLIPPED][step]) <= 1e-6);
        assert_true(beyond > 0);
        float clipped = out[0][OG_ALONG_ADC_CLIPPED][step];
        float saturated = out[0][OG_ALONG_C_SATURATED][step];
        assert_true(clipped > 0 && clipped < 1);
        assert_true(saturated >= 0 && saturated < 1);
        assert_true(out[0][OG_ALONG_GATES_SATURATED][step] >= 0);
    }
    const float saturated = out[0][OG_ALONG_C_SATURATED][T - 1];
    assert_true(saturated > 0);
    // The last level of mid_rise is inside the range.
    hw.rnn.c_rounding = OG_MID_RISE;
    follow(&net, N, &hw, out);
    assert_true(fabsf(out[0][OG_ALONG_C_SATURATED][T - 1] - saturated) < 0.1f);
    assert_true(out[0][OG_ALONG_C_SATURATED][T - 1] > 0);
    hw.rnn.c_rounding = OG_MID_TREAD;
    hw.rnn.c_range = 100;  // nothing comes near
    hw.rnn.c_bits = 0;
    hw.adc.bits = 0;
    hw.rnn.x_bits = hw.rnn.h_bits = 0;
    follow(&net, N, &hw, out);
    for (int step = 0; step < T; step++) {
        assert_true(out[0][OG_ALONG_C_SATURATED][step] == 0);
        assert_true(isnan(out[0][OG_ALONG_ADC_CLIPPED][step]));
        assert_true(isnan(out[0][OG_ALONG_DAC_CLIPPED][step]));
    }
    end(&net);
}

// Large biases drive the gates of a layer to their ends.
static void gates_at_their_ends(void **state)
{
    (void)state;
    static float out[1][OG_ALONG][T];
    for (int kind = GRU; kind <= LSTM; kind++) {
        struct task t = lstm_task();
        t.spec[0].kind = (enum kind)kind;
        struct net net = make_net(&t);
        struct og_hardware perfect = og_hardware_default();
        perfect.ideal = false;
        const int gates = kind == LSTM ? 4 : 3;
        float *b = net.params + (size_t)(gates * U * (IN + U));
        for (int j = 0; j < gates * U; j++) b[j] = j < U ? 20.0f : 0.0f;
        follow(&net, N, &perfect, out);
        // The first gate is always at its end; the others sometimes, at most.
        for (int step = 0; step < T; step++) {
            float part = out[0][OG_ALONG_GATES_SATURATED][step];
            assert_true(part >= 1.0f / (float)gates - 1e-6f && part < 0.9f);
            assert_true(out[0][OG_ALONG_H][step] < 1e-4f);
            assert_true(isnan(out[0][OG_ALONG_C][step]) == (kind == GRU));
        }
        // The last level of mid_rise and of a ramp is further inside.
        for (int ramp = 0; ramp < 2; ramp++) {
            struct og_hardware coarse = perfect;
            coarse.adc.kind = ramp ? OG_ADC_RAMP : OG_ADC_LINEAR;
            coarse.adc.ramp.bits = 4;
            coarse.rnn.gate_bits = ramp ? 0 : 4;
            coarse.rnn.gate_rounding = ramp ? OG_MID_TREAD : OG_MID_RISE;
            follow(&net, N, &coarse, out);
            for (int step = 0; step < T; step++) {
                float part = out[0][OG_ALONG_GATES_SATURATED][step];
                assert_true(part >= 1.0f / (float)gates - 1e-6f && part < 0.9f);
            }
        }
        end(&net);
    }
}

static void cells_have_names(void **state)
{
    (void)state;
    struct task t = lstm_task();
    t.spec[0].layers = 2;
    t.spec[0].both = true;
    struct net net = make_net(&t);
    struct og_hardware hw = noisy();
    start(&net, &hw, false, OG_STRAIGHT_THROUGH);
    og_probe *probe;
    struct og_error err = {0};
    assert_int_equal(og_probe_alloc(&probe, net.exec, &net.batch, &err), OG_OK);
    assert_int_equal(og_probe_follow(probe, &err), OG_OK);
    static const char *const ending[] = {".l0", ".l0.reverse", ".l1", ".l1.reverse"};
    assert_int_equal(og_probe_cells(probe), 4);
    for (size_t c = 0; c < 4; c++) {
        const struct og_probe_cell cell = og_probe_cell(probe, c);
        assert_non_null(strstr(cell.name, ending[c]));
    }
    og_probe_free(probe);
    end(&net);
}

// --- in a result ---------------------------------------------------------------------

static void traces_in_a_file(void **state)
{
    (void)state;
    char path[PATH], text[60000];
    struct og_error err = {0};
    static const char *const set = "output.trace=true";
    og_experiment *e;
    const struct og_overrides o = {.set = &set, .sets = 1};
    static const char yaml[] =
        "trials: 2\n"
        "data: {name: mnist, as: rows, test_limit: 20}\n"
        "model: {layers: [lstm: {units: 4}, dense: {units: 10}]}\n"
        "hardware: {adc: {bits: 6}, device: {read: {sigma: 1 uS}}}\n"
        "train: {epochs: 0}\n"
        "evaluate: {batch: 32, calibrate_samples: 50}\n"
        "sweep: [{key: hardware.ideal, values: [false, true]}]\n";
    write_bytes("e.yaml", yaml, strlen(yaml));
    in_folder(path, "e.yaml");
    if (og_experiment_read(&e, path, &o, &err) != OG_OK) fail_msg("%s", err.text);
    run_whole(e, "a.h5");
    run_in_pieces(e, "b.h5", 3, SIGINT);
    og_experiment_free(e);
    assert_true(same("a.h5", "b.h5"));
    assert_int_equal(links("a.h5", "/traces"), 1);  // ideal hardware has none
    assert_int_equal(links("a.h5", "/traces/p0"), 2);
    assert_int_equal(links("a.h5", "/traces/p0/t1/lstm1"), OG_ALONG);
    double h[2][28];
    read_values("a.h5", "/traces/p0/t0/lstm1/h_error", h[0], 28);
    read_values("a.h5", "/traces/p0/t1/lstm1/h_error", h[1], 28);
    for (int step = 0; step < 28; step++) assert_true(h[0][step] > 0 && h[0][step] < 1);
    in_folder(path, "a.h5");
    FILE *out = tmpfile();
    assert_int_equal(og_result_show_traces(path, out, &err), OG_OK);
    rewind(out);
    text[fread(text, 1, sizeof text - 1, out)] = '\0';
    fclose(out);
    char mean[32];
    snprintf(mean, sizeof mean, " %.4g ", (h[0][27] + h[1][27]) / 2);
    assert_non_null(strstr(text, "gates_saturated"));
    assert_non_null(strstr(text, "lstm1  27"));
    assert_non_null(strstr(text, mean));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_of_h),         cmocka_unit_test(what_clips),
        cmocka_unit_test(gates_at_their_ends), cmocka_unit_test(cells_have_names),
        cmocka_unit_test(traces_in_a_file),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
