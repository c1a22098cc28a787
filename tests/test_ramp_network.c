// SPDX-License-Identifier: GPL-3.0-or-later
// Recurrent layers whose sigmoid and tanh are done by ramp ADCs.
#include "ohmgrid/cpu.h"
#include "ohmgrid/probe.h"
#include "recurrent.h"

static struct og_hardware ramp_hardware(int bits)
{
    struct og_hardware hw = og_hardware_default();
    hw.ideal = false;
    hw.adc.kind = OG_ADC_RAMP;
    hw.adc.ramp.bits = bits;
    return hw;
}

static bool is_tanh_only(const struct task *t)
{
    for (int k = 0; k < t->chain; k++)
        if (t->spec[k].kind == RNN && t->spec[k].relu) return false;
    return true;
}

// --- the values ----------------------------------------------------------------------

// The function of the sum, in the middle of the step that it falls in.
static double quantised(double y, double low, int levels)
{
    double step = (1 - low) / levels, code = floor((y - low) / step);
    code = fmin(fmax(code, 0), levels - 1);
    return low + step * (code + 0.5);
}

// lstm_step of recurrent.h with gates as ramps give them.
static void ramp_step(const struct cell *c, const double *x, double *h, double *state,
                      int levels, bool ramp_state)
{
    double next[WIDE];
    for (int j = 0; j < c->s->units; j++) {
        double i = quantised(sigmoid(plain(gate(c, 0, j, x, h))), 0, levels);
        double o = quantised(sigmoid(plain(gate(c, 1, j, x, h))), 0, levels);
        double f =
            quantised(sigmoid(plain(gate(c, 2, j, x, h)) + c->s->forget), 0, levels);
        double g = quantised(tanh(plain(gate(c, 3, j, x, h))), -1, levels);
        state[j] = f * state[j] + i * g;
        double t = tanh(state[j]);
        next[j] = o * (ramp_state ? quantised(t, -1, levels) : t);
    }
    memcpy(h, next, sizeof(double) * (size_t)c->s->units);
}

static void lstm_is_that_of_quantised_gates(bool ramp_state, enum og_rnn_mapping mapping)
{
    const struct task t = ONE(LSTM, 5, 1, .forget = 1);
    struct og_hardware hw = ramp_hardware(5);
    hw.adc.ramp.cell_state = ramp_state;
    hw.rnn.mapping = mapping;
    hw.tile.cols = 8;  // a tile ends within a gate
    struct net net = make_net(&t);
    start(&net, &hw, false, OG_STRAIGHT_THROUGH);
    const float *logits = og_exec_forward(net.exec, &net.batch);
    double *params = in_double(&net);
    const int inputs = t.inputs, weights = 4 * 5 * (inputs + 5);
    const struct cell c = {&t.spec[0], params, params + weights, inputs};
    for (int k = 0; k < t.n; k++) {
        double h[WIDE] = {0}, state[WIDE] = {0}, x[WIDE];
        for (int step = 0; step < t.steps; step++) {
            for (int i = 0; i < inputs; i++)
                x[i] = net.x[(k * t.steps + step) * inputs + i];
            ramp_step(&c, x, h, state, 32, ramp_state);
        }
        for (int j = 0; j < 5; j++)
            assert_true(fabs(h[j] - (double)logits[k * 5 + j]) <= 2e-6);
    }
    og_free(params);
    end(&net);
}

static void lstm_gates_are_the_codes(void **state)
{
    (void)state;
    lstm_is_that_of_quantised_gates(false, OG_RNN_COMBINED);
    lstm_is_that_of_quantised_gates(false, OG_RNN_PER_GATE);
    lstm_is_that_of_quantised_gates(true, OG_RNN_COMBINED);
}

// All layers that have a bounded function: the more bits, the nearer to float.
static void bits_bring_networks_to_float(void **state)
{
    (void)state;
    for (int k = 0; k < TASKS; k++) {
        if (!is_tanh_only(&tasks[k])) continue;
        double off[2];
        for (int i = 0; i < 2; i++) {
            struct net net = make_net(&tasks[k]);
            struct og_hardware hw = ramp_hardware(i == 0 ? 3 : 8);
            start(&net, &hw, false, OG_STRAIGHT_THROUGH);
            off[i] = distance(&tasks[k], &net);
            end(&net);
        }
        if (!(off[1] < 0.02 && off[0] > 4 * off[1]))
            fail_msg("task %d: off by %g at 3 bits, %g at 8", k, off[0], off[1]);
    }
}

// --- training ------------------------------------------------------------------------

static double *gradient(const struct task *t, const struct og_hardware *hw, size_t *count)
{
    struct net net = make_net(t);
    start(&net, hw, true, OG_STRAIGHT_THROUGH);
    og_exec_forward(net.exec, &net.batch);
    const float *g = og_exec_backward(net.exec, &net.batch);
    double *copy = og_alloc(net.count, sizeof *copy);
    for (size_t i = 0; i < net.count; i++) copy[i] = g[i];
    *count = net.count;
    end(&net);
    return copy;
}

static void gradients_are_those_of_the_functions(void **state)
{
    (void)state;
    for (int k = 0; k < TASKS; k++) {
        if (!is_tanh_only(&tasks[k])) continue;
        const struct og_hardware hw = ramp_hardware(8);
        size_t n;
        double *ramp = gradient(&tasks[k], &hw, &n);
        double *ideal = gradient(&tasks[k], NULL, &n);
        double error = 0, size = 0;
        for (size_t i = 0; i < n; i++) {
            error += (ramp[i] - ideal[i]) * (ramp[i] - ideal[i]);
            size += ideal[i] * ideal[i];
        }
        if (!(sqrt(error / size) < 0.05)) fail_msg("task %d: %g", k, sqrt(error / size));
        og_free(ramp);
        og_free(ideal);
    }
}

// --- rows, tiles, threads ------------------------------------------------------------

static struct og_hardware noisy_hardware(void)
{
    struct og_hardware hw = ramp_hardware(4);
    hw.device.g_max = 10e-6;
    hw.device.program =
        (struct og_sigma){.kind = OG_SIGMA_CONSTANT, .sigma = 1e-7, .scale = 1};
    hw.device.read =
        (struct og_sigma){.kind = OG_SIGMA_PROPORTIONAL, .fraction = 0.02, .scale = 1};
    hw.adc.bits = 6;  // of the candidates of a gru
    hw.adc.noise = 0.1;
    hw.adc.offset = 0.1;
    hw.dac.bits = 5;
    hw.injection.points = OG_POINT_A;
    hw.injection.snr_db = 30;
    return hw;
}

static float *logits_of(const struct task *t, const struct og_hardware *hw)
{
    struct net net = make_net(t);
    start(&net, hw, false, OG_STRAIGHT_THROUGH);
    size_t n = (size_t)(t->n * outputs_of(t));
    float *copy = og_alloc(n, sizeof *copy);
    memcpy(copy, og_exec_forward(net.exec, &net.batch), n * sizeof *copy);
    end(&net);
    return copy;
}

static void threads_change_nothing(void **state)
{
    (void)state;
    const struct og_hardware hw = noisy_hardware();
    for (int k = 0; k < TASKS; k++) {
        if (!is_tanh_only(&tasks[k])) continue;
        const size_t bytes = (size_t)(tasks[k].n * outputs_of(&tasks[k])) * sizeof(float);
        float *one = NULL;
        const int threads[] = {1, 2, 7};
        for (int i = 0; i < 3; i++) {
            og_set_threads(threads[i]);
            float *y = logits_of(&tasks[k], &hw);
            if (one) assert_memory_equal(one, y, bytes);
            og_free(i == 0 ? NULL : y);
            if (i == 0) one = y;
        }
        og_set_threads(0);
        og_free(one);
    }
}

// Row tiles joined before the ADC are one tall tile; otherwise they are refused.
static void whole_sums_are_needed(void **state)
{
    (void)state;
    const struct task *t = &tasks[0];  // 9 rows
    struct og_hardware hw = noisy_hardware();
    float *tall = logits_of(t, &hw);
    hw.tile.rows = 4;
    hw.tile.accumulate = OG_ACCUMULATE_ANALOG;
    float *joined = logits_of(t, &hw);
    assert_memory_equal(tall, joined, (size_t)(t->n * 5) * sizeof(float));
    og_free(tall);
    og_free(joined);

    hw.tile.accumulate = OG_ACCUMULATE_DIGITAL;
    struct net net = make_net(t);
    struct og_exec *exec = NULL;
    struct og_error err = {0};
    const struct og_exec_options options = {.hardware = &hw, .batch = 4};
    assert_int_equal(og_exec_alloc(&exec, net.model, &options, &err), OG_INPUT);
    assert_string_equal(
        err.text, "layer 'lstm1': hardware.adc.kind: ramp converts whole column sums; 9 "
                  "rows do not fit on tiles of 4: use tile.accumulate: analog, or higher "
                  "tiles");
    end(&net);
}

static void refused(struct task t, struct og_hardware hw, const char *text)
{
    struct net net = make_net(&t);
    struct og_exec *exec = NULL;
    struct og_error err = {0};
    const struct og_exec_options options = {.hardware = &hw, .batch = 4};
    assert_int_equal(og_exec_alloc(&exec, net.model, &options, &err), OG_INPUT);
    if (!strstr(err.text, text)) fail_msg("'%s' does not say '%s'", err.text, text);
    end(&net);
}

static void ramps_without_use_are_refused(void **state)
{
    (void)state;
    const struct task relu = ONE(RNN, 4, 1, .relu = true),
                      gru = ONE(GRU, 4, 1, .before = true);
    struct og_hardware hw = ramp_hardware(4);
    refused(relu, hw, "ramp has no effect");
    hw.adc.ramp.cell_state = true;
    refused(gru, hw, "no lstm with ramps");
    hw.adc.ramp.cell_state = false;
    hw.adc.ramp.dense = true;
    refused(gru, hw, "no dense layer");
}

// Each unit's tanh(c) is one conversion more, in whichever matrix its gate c is.
static void cell_states_cost_conversions(void **state)
{
    (void)state;
    const struct task t = ONE(LSTM, 5, 1, .both = false);
    for (int mapping = 0; mapping < 2; mapping++) {
        double energy[2] = {0, 0};
        for (int ramped = 0; ramped < 2; ramped++) {
            struct og_hardware hw = ramp_hardware(5);
            hw.rnn.mapping = mapping == 0 ? OG_RNN_COMBINED : OG_RNN_PER_GATE;
            hw.adc.ramp.cell_state = ramped == 1;
            hw.technology = (struct og_technology){.ideal_bits = 8};
            hw.technology.ramp.column.energy = 1e-15;
            hw.technology.ramp.clock = 1e-9;
            struct net net = make_net(&t);
            start(&net, &hw, false, OG_STRAIGHT_THROUGH);
            for (size_t i = 0; i < og_exec_matrices(net.exec); i++) {
                struct og_costs costs;
                og_array_cost(og_exec_matrix(net.exec, i), &hw.technology,
                              &(struct og_activity){0, 0}, &costs);
                energy[ramped] += costs.used.part[OG_COST_ADC].energy;
            }
            end(&net);
        }
        assert_true(fabs(energy[0] - 20 * 32e-15) < 1e-20);
        assert_true(fabs(energy[1] - 25 * 32e-15) < 1e-20);
    }
}

// --- reports -------------------------------------------------------------------------

// The probe compares what comes out: functions with functions.
static void probes_see_the_error_of_the_steps(void **state)
{
    (void)state;
    const struct task *t = &tasks[0];
    double snr[2];
    for (int i = 0; i < 2; i++) {
        struct net net = make_net(t);
        const struct og_hardware hw = ramp_hardware(i == 0 ? 4 : 8);
        struct og_error err = {0};
        og_probe *probe;
        start(&net, &hw, false, OG_STRAIGHT_THROUGH);
        if (og_probe_alloc(&probe, net.exec, &net.batch, &err) != OG_OK)
            fail_msg("%s", err.text);
        struct og_probe_reading reading[1];
        og_probe_read(probe, &(struct og_chip){.seed = 3}, 0, reading);
        snr[i] = og_snr_db(reading[0].signal, reading[0].noise);
        og_probe_free(probe);
        end(&net);
    }
    // 6.02 dB for each bit.
    assert_true(fabs(snr[1] - snr[0] - 24.1) < 1.5);
    assert_true(snr[0] > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lstm_gates_are_the_codes),
        cmocka_unit_test(bits_bring_networks_to_float),
        cmocka_unit_test(gradients_are_those_of_the_functions),
        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(whole_sums_are_needed),
        cmocka_unit_test(ramps_without_use_are_refused),
        cmocka_unit_test(cell_states_cost_conversions),
        cmocka_unit_test(probes_see_the_error_of_the_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
