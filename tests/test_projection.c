// SPDX-License-Identifier: GPL-3.0-or-later
// LSTMs with a projection: y = W_p h goes on in place of h. Since W_h y = (W_h W_p) h, a
// plain LSTM with that matrix and a dense layer W_p behind it must give the same. The
// gradients are checked in test_text_model.c.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "nn_tools.h"
#include "ohmgrid/cpu.h"

enum { F = 5, H = 7, P = 3, T = 6, N = 40 };

static const struct og_shape sequence = {2, {T, F, 0}};

static og_exec *start(og_model *model, const struct og_hardware *hw, bool training,
                      const struct nn_batch *b)
{
    const struct og_exec_options o = {.hardware = hw, .batch = N, .training = training};
    og_exec *exec = nn_exec(model, &o);
    assert_int_equal(og_exec_calibrate(exec, &b->b, NULL), OG_OK);
    og_exec_program(exec, &(struct og_chip){.seed = 4});
    return exec;
}

// Parameters of the projecting LSTM: W [4 H][F + P], b [4 H], W_p [P][H]. Of the plain
// one: W [4 H][F + H], b [4 H], then W_p of the dense layer.
static void multiply_out(const float *from, float *to)
{
    const float *b = from + 4 * H * (F + P), *project = b + 4 * H;
    for (int r = 0; r < 4 * H; r++) {
        const float *row = from + r * (F + P);
        for (int i = 0; i < F; i++) to[r * (F + H) + i] = row[i];
        for (int j = 0; j < H; j++) {
            double sum = 0;
            for (int p = 0; p < P; p++)
                sum += (double)row[F + p] * (double)project[p * H + j];
            to[r * (F + H) + F + j] = (float)sum;
        }
    }
    memcpy(to + 4 * H * (F + H), b, (4 * H + P * H) * sizeof *to);
}

static void same_as_multiplied(void **state)
{
    (void)state;
    static const char *const returns[] = {"last", "sequence"};
    for (int k = 0; k < 2; k++) {
        char one[200], two[200];
        snprintf(one, sizeof one, "[lstm: {units: 7, projection: 3, return: %s}%s]",
                 returns[k], k ? ", flatten" : "");
        snprintf(two, sizeof two,
                 "[lstm: {units: 7, return: %s}, dense: {units: 3, bias: false%s}%s]",
                 returns[k], k ? ", each_step: true" : "", k ? ", flatten" : "");
        const int classes = k ? P * T : P;
        og_model *a = nn_model(one, sequence, classes);
        og_model *b = nn_model(two, sequence, classes);
        size_t na, nb;
        float *wa = og_model_params(a, &na), *wb = og_model_params(b, &nb);
        assert_int_equal(na, 4 * H * (F + P) + 4 * H + P * H);
        assert_int_equal(nb, 4 * H * (F + H) + 4 * H + P * H);
        nn_uniform(wa, na, 3);
        multiply_out(wa, wb);
        struct nn_batch batch = nn_batch_make(N, T * F, classes);
        og_exec *ea = start(a, NULL, false, &batch), *eb = start(b, NULL, false, &batch);
        const float *ya = og_exec_forward(ea, &batch.b);
        const float *yb = og_exec_forward(eb, &batch.b);
        double largest = 0;
        for (int i = 0; i < N * classes; i++) {
            largest = fmax(largest, fabs((double)ya[i]));
            if (!(fabs((double)ya[i] - (double)yb[i]) <= 2e-6))
                fail_msg("output %d: %g, not %g", i, (double)ya[i], (double)yb[i]);
        }
        assert_true(largest > 0.5);
        og_exec_free(ea);
        og_exec_free(eb);
        nn_batch_free(&batch);
        og_model_free(a);
        og_model_free(b);
    }
}

static const char stacked[] =
    "[lstm: {units: 7, projection: 3, layers: 2, bidirectional: true}]";

// Ideal arrays compute what floats do; whatever matrices the gates are on.
static void on_arrays(void **state)
{
    (void)state;
    static const enum og_rnn_mapping mappings[] = {OG_RNN_COMBINED, OG_RNN_SPLIT,
                                                   OG_RNN_PER_GATE};
    static const size_t each[] = {1, 2, 4};
    og_model *model = nn_model(stacked, sequence, 2 * P);
    struct nn_batch batch = nn_batch_make(N, T * F, 2 * P);
    og_exec *ideal = start(model, NULL, false, &batch);
    float expected[N * 2 * P];
    memcpy(expected, og_exec_forward(ideal, &batch.b), sizeof expected);
    og_exec_free(ideal);
    for (int m = 0; m < 3; m++) {
        struct og_hardware hw = og_hardware_default();
        hw.ideal = false;
        hw.rnn.mapping = mappings[m];
        hw.dac.mode = OG_RANGE_MINMAX;
        hw.dac.bits = 14;
        og_exec *exec = start(model, &hw, false, &batch);
        assert_int_equal(og_exec_matrices(exec), 4 * each[m] + 4);
        assert_string_equal(og_exec_matrix_name(exec, 4 * each[m]), "lstm1/l0_proj");
        assert_string_equal(og_exec_matrix_name(exec, 4 * each[m] + 3),
                            "lstm1/l1_reverse_proj");
        const struct og_array_info info =
            og_array_info(og_exec_matrix(exec, 4 * each[m]));
        assert_int_equal(info.rows, H);
        assert_int_equal(info.cols, P);
        const float *y = og_exec_forward(exec, &batch.b);
        bool differs = false;
        for (int i = 0; i < N * 2 * P; i++) {
            if (!(fabs((double)y[i] - (double)expected[i]) <= 2e-4))
                fail_msg("output %d: %g, not %g", i, (double)y[i], (double)expected[i]);
            differs = differs || y[i] != expected[i];
        }
        assert_true(differs);
        og_exec_free(exec);
    }
    og_model_free(model);
    model = nn_model("[lstm: {units: 7, projection: 3}]", sequence, P);
    struct og_hardware hw = og_hardware_default();
    hw.ideal = false;
    og_exec *exec = start(model, &hw, false, &batch);
    assert_int_equal(og_exec_matrices(exec), 2);
    assert_string_equal(og_exec_matrix_name(exec, 0), "lstm1/gates");
    assert_string_equal(og_exec_matrix_name(exec, 1), "lstm1/proj");
    og_exec_free(exec);
    nn_batch_free(&batch);
    og_model_free(model);
}

// Noise at every point, its power that of the batch: blocks meet after every part.
static void same_bits(void **state)
{
    (void)state;
    og_model *model = nn_model(stacked, sequence, 2 * P);
    struct nn_batch batch = nn_batch_make(N, T * F, 2 * P);
    struct og_hardware hw = nn_injecting(OG_POINT_X | OG_POINT_H | OG_POINT_A |
                                         OG_POINT_G | OG_POINT_C | OG_POINT_O);
    hw.injection.power = OG_MEAN_BATCH;
    float *first = NULL;
    size_t n;
    og_model_params(model, &n);
    for (int run = 0; run < 3; run++) {
        static const int threads[] = {1, 2, 7};
        og_set_threads(threads[run]);
        og_exec *exec = start(model, &hw, true, &batch);
        og_exec_forward(exec, &batch.b);
        const float *g = og_exec_backward(exec, &batch.b);
        if (!first) first = memcpy(og_alloc(n, sizeof *g), g, n * sizeof *g);
        assert_memory_equal(first, g, n * sizeof *g);
        og_exec_free(exec);
    }
    og_set_threads(0);
    double largest = 0;  // of the projections, which come last
    for (size_t i = n - 4 * P * H; i < n; i++)
        largest = fmax(largest, fabs((double)first[i]));
    assert_true(largest > 1e-4);
    og_free(first);
    nn_batch_free(&batch);
    og_model_free(model);
}

static void refused(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"[lstm: {units: 7, projection: 7}]", "projection is 7, not in 0 (none) to 6"},
        {"[lstm: {units: 7, projection: -1}]", "projection"},
        {"[gru: {units: 7, projection: 3}]", "projection"},
        {"[gru: {units: 7, return: states}]", "only an lstm has cell states"},
        {"[rnn: {units: 7, return: states}]", "only an lstm has cell states"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        og_model *model;
        struct og_error err = {0};
        assert_int_equal(nn_build(&model, bad[i][0], sequence, 3, &err), OG_INPUT);
        if (!strstr(err.text, bad[i][1])) fail_msg("%s", err.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_as_multiplied),
        cmocka_unit_test(on_arrays),
        cmocka_unit_test(same_bits),
        cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
