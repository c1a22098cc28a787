// SPDX-License-Identifier: GPL-3.0-or-later
// Compression inside whole runs.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "run_tools.h"

static const char rounds[] = "compress:\n"
                             "  rounds:\n"
                             "    - sets:\n"
                             "        - {layer: all, kind: irregular, keep: 0.5}\n"
                             "      admm: {epochs: 2, rho: 0.01}\n"
                             "      retrain: {epochs: 1}\n"
                             "    - sets:\n"
                             "        - {layer: dense1, kind: column, keep: 0.25}\n"
                             "        - {layer: dense2, kind: irregular, keep: 0.25}\n"
                             "        - {layer: dense2, kind: levels, bits: 3}\n"
                             "      admm: {epochs: 2, rho: 0.01, rho_factor: 1.5}\n"
                             "      retrain: {epochs: 2, lr: 0.005}\n"
                             "      purify: true\n";
static const char used[] =
    "sweep:\n  - {key: compress.rounds_used, name: used, values: [0, 2, 1]}\n";

static og_experiment *read_rounds(const char *more, const char *set)
{
    return read_experiment_of(rounds, more, set);
}

static void each_round_is_computed_once(void **state)
{
    (void)state;
    og_experiment *e = read_rounds(used, NULL);
    struct stopper s = counter;
    struct og_error err = {0};
    if (run(e, "a.h5", OG_JOURNAL_FORCE, &s, &err) != OG_OK) fail_msg("%s", err.text);
    // 5 batches an epoch, 2 epochs of training; (2 + 1) * 5 + 1 and (2 + 2) * 5 + 1 steps
    // of the rounds; 3 points of 3 chips in 2 batches.
    assert_int_equal(s.calls, 10 + 16 + 21 + 3 * 3 * 2);
    assert_true(s.fraction > 0.999);
    assert_int_equal(links("a.h5", "/compress"), 2);
    assert_int_equal(links("a.h5", "/train"), 1);
    assert_int_equal(links("a.h5", "/model"), 3);
    double compressed[3], ratio[3], conv[3], kept[2], weights[2], residual[6], rho[2];
    read_values("a.h5", "/results/compressed", compressed, 3);
    read_values("a.h5", "/results/compression", ratio, 3);
    read_values("a.h5", "/results/compression_conv", conv, 3);
    assert_true(compressed[0] == -1 && compressed[1] == 1 && compressed[2] == 0);
    assert_true(ratio[0] == 1.0 && fabs(ratio[2] - 2.0) < 1e-12 && ratio[1] >= 4.0);
    assert_true(isnan(conv[1]) && isnan(conv[2]));
    read_values("a.h5", "/compress/c1/weights", weights, 2);
    read_values("a.h5", "/compress/c1/kept", kept, 2);
    assert_true(weights[0] == 784 * 12 && weights[1] == 120);
    assert_true(kept[0] <= 0.25 * weights[0] && kept[1] <= 30);
    assert_true(ratio[1] == (weights[0] + weights[1]) / (kept[0] + kept[1]));
    read_values("a.h5", "/compress/c1/residual", residual, 6);
    for (int i = 0; i < 6; i++) assert_true(residual[i] > 0 && residual[i] < 5);
    read_values("a.h5", "/compress/c1/rho", rho, 2);
    assert_true(rho[0] == 0.01 && fabs(rho[1] - 0.015) < 1e-15);
    assert_int_equal(links("a.h5", "/compress/c1"), 2 + 3 + 4 + 4 + 6);
    // The weights in the file are those that were counted.
    static double w[784 * 12];
    size_t n = 0;
    read_values("a.h5", "/model/c1/dense1/weight", w, 784 * 12);
    for (size_t i = 0; i < 784 * 12; i++) n += w[i] != 0.0;
    assert_true((double)n == kept[0]);
    og_experiment_free(e);
}

static void interrupted_runs_end_the_same(void **state)
{
    (void)state;
    og_experiment *e = read_rounds(used, NULL);
    run_whole(e, "a.h5");
    // In training, ADMM, at the mapping, in retraining, and again and again.
    const int every[] = {3, 7, 11, 21, 26, 37};
    for (size_t i = 0; i < sizeof every / sizeof *every; i++) {
        run_in_pieces(e, "b.h5", every[i], SIGINT);
        assert_true(same("a.h5", "b.h5"));
    }
    og_experiment_free(e);
}

// A change of method, of hardware or of one number in a round is another compression, of
// the same training.
static void rounds_are_known_by_their_keys(void **state)
{
    (void)state;
    static const char *const axes[] = {
        "{key: 'compress.rounds[1].method', name: method, values: [admm, magnitude]}",
        "{key: 'compress.rounds[1].sets[0].keep', name: keep, values: [0.25, 0.1]}",
    };
    for (size_t i = 0; i < 2; i++) {
        char more[256];
        snprintf(more, sizeof more, "sweep:\n  - %s\n", axes[i]);
        og_experiment *e = read_rounds(more, "trials=1");
        run_whole(e, "a.h5");
        assert_int_equal(links("a.h5", "/train"), 1);
        assert_int_equal(links("a.h5", "/compress"), 3);
        double loss[2];
        read_values("a.h5", "/results/loss", loss, 2);
        assert_true(loss[0] != loss[1]);
        og_experiment_free(e);
    }
    og_experiment *e = read_rounds(
        "sweep:\n  - {key: compress.hardware, name: seen, values: [ideal, nominal]}\n",
        "trials=1");
    run_whole(e, "a.h5");
    assert_int_equal(links("a.h5", "/train"), 1);
    assert_int_equal(links("a.h5", "/compress"), 4);
    double loss[2];
    read_values("a.h5", "/results/loss", loss, 2);
    assert_true(loss[0] != loss[1]);
    og_experiment_free(e);
}

// Nothing is trained for an experiment whose rounds cannot work.
static void wrong_rounds_stop_the_run_at_once(void **state)
{
    (void)state;
    og_experiment *e =
        read_rounds("sweep:\n  - {key: 'compress.rounds[1].sets[0].layer', name: layer, "
                    "values: [dense1, dense7]}\n",
                    NULL);
    struct stopper s = {0};
    struct og_error err = {0};
    assert_int_equal(run(e, "a.h5", OG_JOURNAL_FORCE, &s, &err), OG_INPUT);
    assert_non_null(strstr(err.text,
                           "'dense7' is no layer with weights; there are dense1, "
                           "dense2"));
    assert_non_null(strstr(err.text, "e.yaml:"));
    assert_int_equal(s.calls, 0);
    assert_false(exists("a.h5.journal"));
    og_experiment_free(e);
}

// Rounds on weights that were not trained here, and rounds without any epoch.
static void training_may_be_empty(void **state)
{
    (void)state;
    og_experiment *e =
        read_experiment("compress:\n  rounds:\n"
                        "    - sets: [{layer: all, kind: irregular, keep: 0.5}]\n"
                        "      admm: {epochs: 0}\n      retrain: {epochs: 0}\n",
                        "train.epochs=0");
    run_whole(e, "a.h5");
    double ratio;
    read_values("a.h5", "/results/compression", &ratio, 1);
    assert_true(fabs(ratio - 2.0) < 1e-12);
    assert_int_equal(links("a.h5", "/compress/c0"), 6);
    og_experiment_free(e);
}

// Whole rows of two dense layers of 12 x 784 and 10 x 12 weights, at 4 bits on the
// hardware and in floating point, beside the network as it was trained.
static void storage_is_counted(void **state)
{
    (void)state;
    og_experiment *e = read_experiment(
        "compress:\n  rounds:\n"
        "    - sets:\n"
        "        - {layer: dense1, kind: filter, count: 3}\n"
        "        - {layer: dense2, kind: column, count: 5}\n"
        "      admm: {epochs: 0}\n      retrain: {epochs: 0}\n"
        "sweep:\n  - {key: compress.rounds_used, name: used, values: [0, 1]}\n"
        "  - {key: hardware.mapping.weight_bits, name: bits, values: [0, 4]}\n",
        "train.epochs=0");
    run_whole(e, "a.h5");
    const double all = 784 * 12 + 120, kept = 784 * 3 + 5 * 10;
    // A list of 3 of 12 rows would be 12 bits, as many as one for each row; one of 5 of
    // 12 columns 20. Both numbers are odd, so that no block holds them without fillers.
    const double indices = 12 + 12;
    double values[4], places[4], codes[4], sum[4], ratio[4], of_tensor[2];
    read_values("a.h5", "/results/storage_values", values, 4);
    read_values("a.h5", "/results/storage_indices", places, 4);
    read_values("a.h5", "/results/storage_codes", codes, 4);
    read_values("a.h5", "/results/storage", sum, 4);
    read_values("a.h5", "/results/storage_ratio", ratio, 4);
    assert_true(values[0] == 32 * all && values[1] == 4 * all);
    assert_true(values[2] == 32 * kept && values[3] == 4 * kept);
    assert_true(places[0] == 0 && places[1] == 0);
    for (int i = 0; i < 4; i++) {
        assert_true(sum[i] == values[i] + places[i] && codes[i] == values[i]);
        assert_true(ratio[i] == 32 * all / sum[i]);
    }
    assert_true(ratio[0] == 1 && ratio[1] == 8);
    assert_true(places[2] == indices && places[3] == indices);
    read_values("a.h5", "/compress/c0/storage_values", of_tensor, 2);
    assert_true(of_tensor[0] == 32 * 784 * 3 && of_tensor[1] == 32 * 50);
    read_values("a.h5", "/compress/c0/storage_indices", of_tensor, 2);
    assert_true(of_tensor[0] == 12 && of_tensor[1] == 12);
    // And in the table: 9528 / 2402 weights, and storage_ratio at 0 and at 4 bits.
    char path[PATH], *text = NULL, line[2][32];
    size_t size;
    FILE *out = open_memstream(&text, &size);
    in_folder(path, "a.h5");
    assert_int_equal(og_result_show(path, out, NULL), OG_OK);
    fclose(out);
    assert_non_null(strstr(text, "  compression  "));
    assert_non_null(strstr(text, "  storage_ratio  "));
    assert_non_null(strstr(text, "  3.9667  "));
    for (int i = 0; i < 2; i++) {
        snprintf(line[i], sizeof line[i], "  %.4f  ", ratio[2 + i]);
        assert_non_null(strstr(text, line[i]));
    }
    free(text);
    og_experiment_free(e);
}

// A network that begins with zeros has them without compression, too.
static void zeros_of_a_file_are_counted(void **state)
{
    (void)state;
    static const char sparse[] =
        "compress:\n  rounds:\n"
        "    - sets: [{layer: all, kind: irregular, keep: 0.5}]\n"
        "      admm: {epochs: 0}\n      retrain: {epochs: 0}\n";
    char more[512];
    og_experiment *e = read_experiment(sparse, "train.epochs=0");
    run_whole(e, "a.h5");
    og_experiment_free(e);
    snprintf(more, sizeof more,
             "%ssweep: [{zip: [{key: model.weights, name: start, values: ['', a.h5]},"
             " {key: model.weights_group, values: ['', c0]}]},"
             " {key: compress.rounds_used, name: used, values: [0, 1]}]\n",
             sparse);
    e = read_experiment(more, "train.epochs=0");
    run_whole(e, "b.h5");
    double ratio[4], conv[4], storage[4];
    read_values("b.h5", "/results/compression", ratio, 4);
    read_values("b.h5", "/results/compression_conv", conv, 4);
    read_values("b.h5", "/results/storage_ratio", storage, 4);
    assert_true(ratio[0] == 1.0 && ratio[1] == 2.0 && ratio[2] == 2.0 && ratio[3] == 2.0);
    assert_true(storage[0] == 1.0 && storage[1] > 1.0);
    assert_true(storage[2] == storage[1] && storage[3] == storage[1]);
    for (int i = 0; i < 4; i++) assert_true(isnan(conv[i]));  // there is none
    og_experiment_free(e);
}

static void failing_allocations(void **state)
{
    (void)state;
    og_experiment *e = read_rounds("", "trials=1");
    run_whole(e, "a.h5");
    og_status status = OG_NO_MEMORY;
    size_t n = 1;
    for (; status != OG_OK; n += 1 + n / 8) {
        struct stopper s = {0};
        assert_true(n < 100000);
        og_alloc_fail_at(n);
        status = run(e, "b.h5", OG_JOURNAL_FORCE, &s, NULL);
        og_alloc_fail_at(0);
        if (status != OG_OK && status != OG_NO_MEMORY) fail_msg("status %d", status);
    }
    assert_true(n > 30);
    assert_true(same("a.h5", "b.h5"));
    og_experiment_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_round_is_computed_once),
        cmocka_unit_test(interrupted_runs_end_the_same),
        cmocka_unit_test(rounds_are_known_by_their_keys),
        cmocka_unit_test(wrong_rounds_stop_the_run_at_once),
        cmocka_unit_test(training_may_be_empty),
        cmocka_unit_test(storage_is_counted),
        cmocka_unit_test(zeros_of_a_file_are_counted),
        cmocka_unit_test(failing_allocations),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
