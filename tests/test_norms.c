// SPDX-License-Identifier: GPL-3.0-or-later
// Statistics of batch normalisation renewed on a chip: those of the samples, in parts;
// what they undo, and what they leave alone.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "nn_tools.h"
#include "ohmgrid/cpu.h"
#include "run_tools.h"

enum { IN = 30, OUT = 6, N = 200 };

static const struct og_shape vector = {1, {IN}};

static void renew(og_exec *exec, const struct og_batch *batch)
{
    struct og_error err = {0};
    if (og_exec_renew_norms(exec, batch, &err) != OG_OK) fail_msg("%s", err.text);
}

// Samples [first, first + n) of it.
static struct og_batch part_of(const struct og_batch *b, size_t first, size_t n)
{
    struct og_batch part = *b;
    part.x += first * IN;
    part.sample += first;
    part.n = n;
    return part;
}

// Means over parts of OG_NORM_BATCH, weighed by their samples, of mean and unbiased
// variance.
static void expected_statistics(const double *y, size_t c, double *mean, double *var)
{
    *mean = *var = 0;
    for (size_t at = 0, n; at < N; at += n) {
        double m = 0, v = 0;
        n = N - at < OG_NORM_BATCH ? N - at : OG_NORM_BATCH;
        for (size_t r = at; r < at + n; r++) m += y[r * OUT + c] / (double)n;
        for (size_t r = at; r < at + n; r++)
            v += pow(y[r * OUT + c] - m, 2) / ((double)n - 1);
        *mean += m * (double)n / N;
        *var += v * (double)n / N;
    }
}

static void they_are_those_of_the_samples(void **state)
{
    (void)state;
    og_model *model = nn_model("[dense: {units: 6}, batch_norm]", vector, OUT);
    og_model_init(model, 3);
    size_t params, states;
    const float *w = og_model_params(model, &params);
    const float *kept = og_model_state(model, &states);
    struct nn_batch t = nn_batch_make(N, IN, OUT);
    double y[N * OUT];
    for (size_t r = 0; r < N; r++)
        for (size_t j = 0; j < OUT; j++) {
            y[r * OUT + j] = w[OUT * IN + j];
            for (size_t i = 0; i < IN; i++)
                y[r * OUT + j] += (double)w[j * IN + i] * (double)t.x[r * IN + i];
        }
    og_exec *exec = nn_exec(model, &(struct og_exec_options){.batch = OG_NORM_BATCH});
    og_exec_program(exec, &(struct og_chip){0});
    renew(exec, &t.b);
    const struct og_batch few = part_of(&t.b, 0, 100);
    const float *z = og_exec_forward(exec, &few);
    for (size_t j = 0; j < OUT; j++) {
        double mean, var;
        expected_statistics(y, j, &mean, &var);
        for (size_t r = 0; r < few.n; r++) {
            const double want = (y[r * OUT + j] - mean) / sqrt(var + 1e-5);
            assert_true(fabs((double)z[r * OUT + j] - want) < 2e-5);
        }
        assert_true(kept[j] == 0 && kept[OUT + j] == 1);  // of the model
    }
    // Until the next programming.
    og_exec_program(exec, &(struct og_chip){0});
    z = og_exec_forward(exec, &few);
    for (size_t e = 0; e < few.n * OUT; e++)
        assert_true(fabs((double)z[e] - y[e] / sqrt(1 + 1e-5)) < 2e-5);
    nn_batch_free(&t);
    og_exec_free(exec);
    og_model_free(model);
}

// Logits of a network, each convolution followed by batch_norm, on chips that have lost
// a third of each conductance.
static const char images[] =
    "- conv2d: {filters: 4, kernel: 3}\n- batch_norm\n- relu\n"
    "- conv2d: {filters: 6, kernel: 3, bias: false}\n- batch_norm\n- relu\n"
    "- global_avg_pool\n- dense: {units: 5}\n- batch_norm\n";
static const struct og_shape image = {3, {2, 8, 8}};

static struct og_hardware drifting(bool noisy)
{
    struct og_hardware hw = og_hardware_default();
    if (noisy) hw = nn_noisy();
    hw.ideal = false;
    hw.device.drift.nu = (struct og_law){.offset = 0.05, .max = 100, .scale = 1};
    hw.t_inference = 86400;
    return hw;
}

// y [N][5]; fresh: at t_0.
static void chip_logits(bool noisy, bool fresh, bool renewed, size_t batch, float *y)
{
    struct og_hardware hw = drifting(noisy);
    if (fresh) hw.t_inference = 0;
    og_model *model = nn_model(images, image, 5);
    og_model_init(model, 3);
    struct nn_batch t = nn_batch_make(N, 128, 5);
    og_exec *exec =
        nn_exec(model, &(struct og_exec_options){.hardware = &hw, .batch = batch});
    struct og_error err = {0};
    assert_int_equal(og_exec_calibrate(exec, &t.b, &err), OG_OK);
    assert_int_equal(og_exec_program(exec, &(struct og_chip){.seed = 1}), OG_OK);
    if (renewed) renew(exec, &t.b);
    const struct og_batch first = {
        .x = t.x, .sample = t.sample, .label = t.label, .n = OG_NORM_BATCH, .seed = 5};
    memcpy(y, og_exec_forward(exec, &first), first.n * 5 * sizeof *y);
    nn_batch_free(&t);
    og_exec_free(exec);
    og_model_free(model);
}

static double distance(const float *a, const float *b)
{
    double sum = 0, size = 0;
    for (size_t e = 0; e < OG_NORM_BATCH * 5; e++) {
        sum += pow((double)a[e] - (double)b[e], 2);
        size += pow((double)b[e], 2);
    }
    return sqrt(sum / size);
}

static void a_common_drift_is_undone(void **state)
{
    (void)state;
    float young[N * 5], old[N * 5], renewed[N * 5];
    chip_logits(false, true, true, N, young);
    chip_logits(false, false, false, N, old);
    chip_logits(false, false, true, N, renewed);
    assert_true(distance(old, young) > 0.3);
    // Biases do not drift, nor epsilon.
    assert_true(distance(renewed, young) < 0.02);
}

static void neither_threads_nor_buffers_change_a_bit(void **state)
{
    (void)state;
    float first[N * 5], y[N * 5];
    for (int k = 0; k < 4; k++) {
        og_set_threads(k == 0 ? 1 : k == 1 ? 2 : 7);
        chip_logits(true, false, true, k < 3 ? OG_NORM_BATCH : 2 * N, y);
        if (k == 0) memcpy(first, y, sizeof first);
        assert_memory_equal(first, y, OG_NORM_BATCH * 5 * sizeof *y);
    }
    og_set_threads(0);
}

// --- in runs -------------------------------------------------------------------------

#define NORM_NETWORK                                                                     \
    "sweep:\n  - {key: model.layers, values: [[{dense: {units: 12}}, batch_norm, relu, " \
    "{dense: {units: 10}}]], labels: [norms]}\n"                                         \
    "  - {key: evaluate.norm_samples, values: [0, 40, 140]}\n"

static void runs_renew_each_chip(void **state)
{
    (void)state;
    double loss[9], again[9];
    og_experiment *e = read_experiment(NORM_NETWORK, NULL);
    run_whole(e, "a.h5");
    og_experiment_free(e);
    read_values("a.h5", "/results/loss", loss, 9);
    for (int i = 0; i < 9; i++)
        for (int k = 0; k < i; k++) assert_true(loss[i] != loss[k]);
    assert_int_equal(links("a.h5", "/train"), 1);
    e = read_experiment(NORM_NETWORK, "evaluate.batch=7");
    run_whole(e, "b.h5");
    og_experiment_free(e);
    read_values("b.h5", "/results/loss", again, 9);
    assert_memory_equal(loss, again, sizeof loss);
}

// Images as training sees them, not as they are.
static void crops_are_those_of_training(void **state)
{
    (void)state;
    double loss[2][9];
    for (int crop = 0; crop < 2; crop++) {
        og_experiment *e =
            read_experiment(NORM_NETWORK "  - {key: train.epochs, values: [0]}\n",
                            crop ? "data.crop=4" : "data.crop=0");
        run_whole(e, "a.h5");
        og_experiment_free(e);
        read_values("a.h5", "/results/loss", loss[crop], 9);
    }
    for (int i = 0; i < 9; i++) assert_true((loss[0][i] == loss[1][i]) == (i < 3));
}

static void networks_without_norms_refuse_it(void **state)
{
    (void)state;
    struct stopper s = {0};
    struct og_error err = {0};
    og_experiment *e = read_experiment("", "evaluate.norm_samples=10");
    assert_int_equal(run(e, "a.h5", OG_JOURNAL_FORCE, &s, &err), OG_INPUT);
    assert_non_null(strstr(
        err.text, "key 'evaluate.norm_samples': the network has no batch_norm layer"));
    og_experiment_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_are_those_of_the_samples),
        cmocka_unit_test(a_common_drift_is_undone),
        cmocka_unit_test(neither_threads_nor_buffers_change_a_bit),
        cmocka_unit_test(runs_renew_each_chip),
        cmocka_unit_test(crops_are_those_of_training),
        cmocka_unit_test(networks_without_norms_refuse_it),
    };
    return cmocka_run_group_tests_name("norms", tests, make_folder, remove_folder);
}
