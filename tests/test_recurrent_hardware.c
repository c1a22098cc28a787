// SPDX-License-Identifier: GPL-3.0-or-later
// Recurrent layers on arrays: mappings, quantised states and noise.
#include "ohmgrid/cpu.h"
#include "recurrent.h"

// --- on arrays -----------------------------------------------------------------------

static const enum og_rnn_mapping mappings[] = {OG_RNN_COMBINED, OG_RNN_SPLIT,
                                               OG_RNN_PER_GATE};

// x is on [-3, 3] and h on [-1, 1]: the ranges of the two segments differ. An ideal
// crossbar computes what the float network does, in every mapping.
static void ideal_arrays(void **state)
{
    (void)state;
    for (int k = 0; k < TASKS; k++)
        for (int m = 0; m < 3; m++) {
            struct net net = make_net(&tasks[k]);
            size_t size = (size_t)(tasks[k].n * tasks[k].steps * tasks[k].inputs);
            for (size_t i = 0; i < size; i++) net.x[i] *= 3;
            struct og_hardware hw = og_hardware_default();
            hw.ideal = false;
            hw.rnn.mapping = mappings[m];
            start(&net, &hw, false, OG_STRAIGHT_THROUGH);
            double d = distance(&tasks[k], &net);
            if (!(d < 2e-4)) fail_msg("task %d, mapping %d: off by %g", k, m, d);
            end(&net);
        }
}

static size_t matrices_of(enum kind kind, bool before, enum og_rnn_mapping mapping)
{
    struct task t = ONE(kind, 3, 2, .both = true, .before = before);
    struct net net = make_net(&t);
    struct og_hardware hw = og_hardware_default();
    hw.ideal = false;
    hw.rnn.mapping = mapping;
    start(&net, &hw, false, OG_STRAIGHT_THROUGH);
    size_t n = og_exec_matrices(net.exec);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(og_exec_matrix_name(net.exec, i),
                                    og_exec_matrix_name(net.exec, k));
    end(&net);
    return n / 4;
}

static void mapping_decides_the_matrices(void **state)
{
    (void)state;
    const size_t expected[4][3] = {{1, 2, 4}, {3, 2, 4}, {2, 3, 3}, {1, 2, 1}};
    for (int m = 0; m < 3; m++) {
        assert_int_equal(matrices_of(LSTM, false, mappings[m]), expected[0][m]);
        assert_int_equal(matrices_of(GRU, true, mappings[m]), expected[1][m]);
        assert_int_equal(matrices_of(GRU, false, mappings[m]), expected[2][m]);
        assert_int_equal(matrices_of(RNN, false, mappings[m]), expected[3][m]);
    }
}

// The gradient through ideal arrays is that of the float network.
static void gradients_on_arrays(void **state)
{
    (void)state;
    for (int k = 0; k < TASKS; k += 3)
        for (int m = 0; m < 3; m++) {
            struct net net = make_net(&tasks[k]);
            start(&net, NULL, true, OG_STRAIGHT_THROUGH);
            og_exec_forward(net.exec, &net.batch);
            float *expected = og_alloc(net.count, sizeof *expected);
            memcpy(expected, og_exec_backward(net.exec, &net.batch),
                   net.count * sizeof *expected);
            struct og_hardware hw = og_hardware_default();
            hw.ideal = false;
            hw.rnn.mapping = mappings[m];
            start(&net, &hw, true, OG_STRAIGHT_THROUGH);
            og_exec_forward(net.exec, &net.batch);
            const float *got = og_exec_backward(net.exec, &net.batch);
            for (size_t i = 0; i < net.count; i++)
                if (!(fabsf(got[i] - expected[i]) < 1e-4f))
                    fail_msg("task %d, mapping %d, parameter %zu: %g, not %g", k, m, i,
                             (double)got[i], (double)expected[i]);
            og_free(expected);
            end(&net);
        }
}

// --- quantised states and noise ------------------------------------------------------

// h = o tanh(c) with o on 2^3 levels of [0, 1] and c on 2^3 - 1 levels of [-0.75, 0.75].
static void states_land_on_levels(void **state)
{
    (void)state;
    struct task t = ONE(LSTM, 5, 1, .sequence = true, .forget = 1);
    struct net net = make_net(&t);
    struct og_hardware hw = og_hardware_default();
    hw.ideal = false;
    hw.rnn.gate_bits = 3;
    hw.rnn.c_bits = 3;
    hw.rnn.c_range = 0.75;
    start(&net, &hw, false, OG_STRAIGHT_THROUGH);
    const float *h = og_exec_forward(net.exec, &net.batch);
    int distinct[8][7] = {{0}}, used = 0;
    for (int i = 0; i < t.n * outputs_of(&t); i++) {
        double best = 1;
        int at[2] = {0, 0};
        for (int o = 0; o < 8; o++)
            for (int c = -3; c <= 3; c++) {
                double d = fabs(o / 7.0 * tanh(0.25 * c) - (double)h[i]);
                if (d >= best) continue;
                best = d;
                at[0] = o;
                at[1] = c + 3;
            }
        assert_true(best < 1e-6);
        used += distinct[at[0]][at[1]]++ == 0;
    }
    assert_true(used >= 20);
    end(&net);
}

// First step of a GRU: h = (1 - z) n, z on 2^2 levels of [0, 1], n on 2^2 - 1 of [-1, 1].
static void gru_gates_land_on_levels(void **state)
{
    (void)state;
    for (int before = 0; before < 2; before++) {
        struct task t = ONE(GRU, 5, 1, .before = before);
        t.steps = 1;
        struct net net = make_net(&t);
        struct og_hardware hw = og_hardware_default();
        hw.ideal = false;
        hw.rnn.gate_bits = 2;
        start(&net, &hw, false, OG_STRAIGHT_THROUGH);
        const float *h = og_exec_forward(net.exec, &net.batch);
        int zeros = 0;
        for (int i = 0; i < t.n * outputs_of(&t); i++) {
            double third = 3 * (double)h[i];
            assert_true(fabs(third - rint(third)) < 1e-5);
            zeros += rint(third) == 0;
        }
        assert_in_range(zeros, 1, t.n * outputs_of(&t) - 1);
        end(&net);
    }
}

// Gates i and c saturate, so |c| is near 1 and far outside +-c_range.
static void clipped_cells_pass_no_gradient(void **state)
{
    (void)state;
    struct task t = ONE(LSTM, 3, 1, .forget = 1);
    t.steps = 1;
    for (int clipped = 0; clipped < 2; clipped++) {
        struct net net = make_net(&t);
        int weights = 12 * 7;
        for (int j = 0; j < 3; j++) {
            net.params[weights + j] = 4;      // i
            net.params[weights + 9 + j] = 2;  // c
        }
        struct og_hardware hw = og_hardware_default();
        hw.ideal = false;
        hw.rnn.c_bits = 8;
        hw.rnn.c_range = 0.05;
        start(&net, &hw, true, clipped ? OG_CLIPPED : OG_STRAIGHT_THROUGH);
        og_exec_forward(net.exec, &net.batch);
        const float *g = og_exec_backward(net.exec, &net.batch) + weights;
        for (int j = 0; j < 3; j++) {
            assert_true(fabsf(g[3 + j]) > 1e-5f);  // o
            assert_int_equal(g[9 + j] == 0.0f, clipped);
            assert_int_equal(g[j] == 0.0f, clipped);
        }
        end(&net);
    }
}

// Sets all parameters to 0 and the biases of four gates to b.
static void plain_gates(struct net *net, int units, const float b[4])
{
    memset(net->params, 0, net->count * sizeof *net->params);
    float *bias = net->params + net->count - 4 * (size_t)units;
    for (int j = 0; j < 4 * units; j++) bias[j] = b[j / units];
}

// Variance of all logits around `mean`.
static double variance(const struct net *net, const float *logits, int outputs,
                       double mean)
{
    double sum = 0;
    size_t count = net->batch.n * (size_t)outputs;
    for (size_t i = 0; i < count; i++) {
        double d = (double)logits[i] - mean;
        sum += d * d;
    }
    return sum / (double)count;
}

struct noise_case {
    enum og_point point;
    float bias[4];
    double mean, expected;  // of h, and its variance per variance of the noise
    double power;
};

// With weights 0 all that differs between samples, units and steps is the noise.
static void noise_has_the_power_asked_for(void **state)
{
    (void)state;
    double c = tanh(1), slope = 1 - tanh(c) * tanh(c), h = tanh(c);
    const struct noise_case cases[] = {
        // i = o = f = 1/2, g = 0: h ~ 1/2 1/2 n_g
        {OG_POINT_G, {0, 0, 0, 0}, 0, 1.0 / 16, 3.0 / 16},
        {OG_POINT_C, {20, 20, 0, 1}, h, slope * slope, c * c},
        {OG_POINT_O, {20, 20, 0, 1}, h, 1, h * h},
    };
    for (int k = 0; k < 3; k++) {
        struct task t = {.spec = {{LSTM, 8, 1, .forget = 0}},
                         .chain = 1,
                         .steps = 1,
                         .inputs = 2,
                         .n = 2000};
        struct net net = make_net(&t);
        plain_gates(&net, 8, cases[k].bias);
        struct og_hardware hw = og_hardware_default();
        hw.ideal = false;
        hw.injection.points = cases[k].point;
        hw.injection.snr_db = 30;
        start(&net, &hw, false, OG_STRAIGHT_THROUGH);
        const float *logits = og_exec_forward(net.exec, &net.batch);
        double got = variance(&net, logits, 8, cases[k].mean);
        double want = cases[k].expected * cases[k].power * 1e-3;
        // 16000 draws: the relative spread of a variance is sqrt(2 / 16000) = 0.011; 5
        // sigma and 1 % for the curvature of tanh and of the products.
        if (!(fabs(got / want - 1) < 0.065))
            fail_msg("case %d: %g, not %g", k, got, want);
        end(&net);
    }
}

// Correlation of two columns of the logits.
static double correlation(const float *logits, int n, int outputs, int a, int b)
{
    double sum = 0, va = 0, vb = 0, ma = 0, mb = 0;
    for (int i = 0; i < n; i++) {
        ma += (double)logits[i * outputs + a] / n;
        mb += (double)logits[i * outputs + b] / n;
    }
    for (int i = 0; i < n; i++) {
        double x = (double)logits[i * outputs + a] - ma;
        double y = (double)logits[i * outputs + b] - mb;
        sum += x * y;
        va += x * x;
        vb += y * y;
    }
    return sum / sqrt(va * vb);
}

// Noise at O of two directions and two steps: independent by name, the same for the same
// names, whatever the batch.
static void noise_is_named(void **state)
{
    (void)state;
    struct task t = {.spec = {{RNN, 1, 1, .both = true, .sequence = true}},
                     .chain = 1,
                     .steps = 2,
                     .inputs = 1,
                     .n = 1000};
    struct net net = make_net(&t);
    memset(net.params, 0, net.count * sizeof *net.params);
    net.params[2] = net.params[5] = 0.5f;  // biases: h = tanh(1/2)
    struct og_hardware hw = og_hardware_default();
    hw.ideal = false;
    hw.injection.points = OG_POINT_O;
    hw.injection.snr_db = 20;
    start(&net, &hw, false, OG_STRAIGHT_THROUGH);
    float first[4000];
    memcpy(first, og_exec_forward(net.exec, &net.batch), sizeof first);
    for (int a = 0; a < 4; a++)
        for (int b = 0; b < a; b++)
            assert_true(fabs(correlation(first, t.n, 4, a, b)) < 5 / sqrt(t.n));
    assert_memory_equal(og_exec_forward(net.exec, &net.batch), first, sizeof first);
    struct og_batch part = net.batch;
    part.x += 2 * 600;
    part.sample += 600;
    part.n = 400;
    assert_memory_equal(og_exec_forward(net.exec, &part), first + 4 * 600,
                        1600 * sizeof *first);
    net.batch.pass = 1;
    const float *other = og_exec_forward(net.exec, &net.batch);
    int same = 0;
    for (int i = 0; i < 4000; i++) same += other[i] == first[i];
    assert_in_range(same, 0, 10);
    end(&net);
}

// All noise and quantisers on: the same bits for 1, 2 and 7 threads.
static void threads_change_nothing(void **state)
{
    (void)state;
    for (int k = 0; k < 3; k++) {
        struct task t = ONE((enum kind)k, 6, 2, .both = true, .before = true);
        t.n = 150;
        struct net net = make_net(&t);
        struct og_hardware hw = og_hardware_default();
        hw.ideal = false;
        hw.injection.points = 63;
        hw.injection.snr_db = 25;
        hw.dac.bits = hw.adc.bits = 6;
        hw.rnn.gate_bits = hw.rnn.c_bits = 6;
        float *logits = NULL, *gradient = NULL;
        const int threads[] = {1, 2, 7};
        for (int i = 0; i < 3; i++) {
            og_set_threads(threads[i]);
            start(&net, &hw, true, OG_STRAIGHT_THROUGH);
            size_t bytes = net.batch.n * (size_t)outputs_of(&t) * sizeof(float);
            const float *y = og_exec_forward(net.exec, &net.batch);
            if (i == 0) memcpy(logits = og_alloc(1, bytes), y, bytes);
            assert_memory_equal(y, logits, bytes);
            const float *g = og_exec_backward(net.exec, &net.batch);
            bytes = net.count * sizeof(float);
            if (i == 0) memcpy(gradient = og_alloc(1, bytes), g, bytes);
            assert_memory_equal(g, gradient, bytes);
        }
        og_set_threads(0);
        og_free(logits);
        og_free(gradient);
        end(&net);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ideal_arrays),
        cmocka_unit_test(mapping_decides_the_matrices),
        cmocka_unit_test(gradients_on_arrays),
        cmocka_unit_test(states_land_on_levels),
        cmocka_unit_test(gru_gates_land_on_levels),
        cmocka_unit_test(clipped_cells_pass_no_gradient),
        cmocka_unit_test(noise_has_the_power_asked_for),
        cmocka_unit_test(noise_is_named),
        cmocka_unit_test(threads_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
