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

static double level(double x, double range, int top)
{
    double code = rint(x / range * top);
    return fmax(-top, fmin(top, code)) * range / top;
}

// Runs one sample of a network of one unit whose weights and biases are given.
static double run_one(const struct task *t, const float *params, const float *x, int bits)
{
    struct net net = make_net(t);
    memcpy(net.params, params, net.count * sizeof *params);
    memcpy(net.x, x, (size_t)t->steps * sizeof *x);
    struct og_hardware hw = og_hardware_default();
    hw.ideal = false;
    hw.dac.mode = t->spec[0].relu ? OG_RANGE_MINMAX : OG_RANGE_FIXED;
    hw.dac.range = 2;
    hw.rnn.x_bits = bits;
    hw.rnn.h_bits = 3;
    start(&net, &hw, false, OG_STRAIGHT_THROUGH);
    double h = (double)og_exec_forward(net.exec, &net.batch)[0];
    end(&net);
    return h;
}

// x by the DAC's range, h on +-1, and h as calibrated where relu has no bound.
static void converters_have_their_ranges(void **state)
{
    (void)state;
    const float x[] = {1.7f, -0.9f}, w = 0.6f, u = 1.4f, b = 0.1f;
    struct task t = ONE(RNN, 1, 1, .both = false);
    t.inputs = t.n = 1;
    t.steps = 2;
    double h = tanh(0.6 * level(1.7, 2, 3) + 0.1);
    h = tanh(0.6 * level(-0.9, 2, 3) + 1.4 * level(h, 1, 3) + 0.1);
    assert_true(fabs(run_one(&t, (const float[]){w, u, b}, x, 3) - h) < 1e-4);
    // The upper layer's x is the lower one's h.
    t.steps = 1;
    t.spec[0].layers = 2;
    h = tanh(0.6 * level(1.7, 2, 3) + 0.1);
    h = tanh(1.4 * level(h, 1, 3) - 0.3);
    const float two[] = {w, 0, b, 1.4f, 0, -0.3f};
    assert_true(fabs(run_one(&t, two, x, 3) - h) < 1e-4);
    struct task relu = ONE(RNN, 1, 1, .relu = true);
    relu.inputs = relu.n = 1;
    relu.steps = 2;
    const float twos[] = {2, 2};
    assert_true(fabs(run_one(&relu, (const float[]){1, 1, 0}, twos, 0) - 4) < 1e-4);
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
        // All gates near 1: h ~ (1 + n_o) tanh((1 + n_i) (1 + n_g)), so that the variance
        // tells independent gates from equal ones.
        {OG_POINT_G, {20, 20, 20, 20}, c, c * c + 2 * (1 - c * c) * (1 - c * c), 1},
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

// Two directions, two steps, noise at one point: independent by name, the same for the
// same names, whatever the batch.
static void check_names(struct task t, const float *params, enum og_point point)
{
    enum { N = 1000, OUT = 4 };
    struct net net = make_net(&t);
    memcpy(net.params, params, net.count / 2 * sizeof *params);
    memcpy(net.params + net.count / 2, params, net.count / 2 * sizeof *params);
    struct og_hardware hw = og_hardware_default();
    hw.ideal = false;
    hw.injection.points = (int)point;
    hw.injection.snr_db = 20;
    start(&net, &hw, false, OG_STRAIGHT_THROUGH);
    float first[N * OUT];
    memcpy(first, og_exec_forward(net.exec, &net.batch), sizeof first);
    for (int a = 0; a < OUT; a++)
        for (int b = 0; b < a; b++)
            assert_true(fabs(correlation(first, N, OUT, a, b)) < 5 / sqrt(N));
    assert_memory_equal(og_exec_forward(net.exec, &net.batch), first, sizeof first);
    struct og_batch part = net.batch;
    part.x += 2 * 600;
    part.sample += 600;
    part.n = 400;
    assert_memory_equal(og_exec_forward(net.exec, &part), first + OUT * 600,
                        1600 * sizeof *first);
    net.batch.pass = 1;
    const float *other = og_exec_forward(net.exec, &net.batch);
    int same = 0;
    for (int i = 0; i < N * OUT; i++) same += other[i] == first[i];
    assert_in_range(same, 0, 10);
    end(&net);
}

// Weights are 0; the forget gate is shut, so that no step hears of the one before.
static void noise_is_named(void **state)
{
    (void)state;
    struct task t = ONE(RNN, 1, 1, .both = true, .sequence = true);
    t.steps = 2;
    t.inputs = 1;
    t.n = 1000;
    check_names(t, (const float[]){0, 0, 0.5f}, OG_POINT_O);
    t.spec[0].kind = LSTM;
    const float lstm[12] = {[8] = 20, 20, -40, 1};
    check_names(t, lstm, OG_POINT_O);
    check_names(t, lstm, OG_POINT_C);
    check_names(t, lstm, OG_POINT_G);
}

// All noise and quantisers on: the same bits for 1, 2 and 7 threads.
static void threads_change_nothing(void **state)
{
    (void)state;
    for (int k = 0; k < 6; k++) {
        struct task t = ONE((enum kind)(k % 3), 6, 2, .both = true, .before = k < 3);
        t.n = 150;
        struct net net = make_net(&t);
        struct og_hardware hw = og_hardware_default();
        hw.ideal = false;
        hw.injection.points = 63;
        hw.injection.snr_db = 25;
        hw.injection.power = k < 3 ? OG_MEAN_RUNNING : OG_MEAN_BATCH;
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
        cmocka_unit_test(converters_have_their_ranges),
        cmocka_unit_test(states_land_on_levels),
        cmocka_unit_test(gru_gates_land_on_levels),
        cmocka_unit_test(clipped_cells_pass_no_gradient),
        cmocka_unit_test(noise_has_the_power_asked_for),
        cmocka_unit_test(noise_is_named),
        cmocka_unit_test(threads_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
