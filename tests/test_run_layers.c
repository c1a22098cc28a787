// SPDX-License-Identifier: GPL-3.0-or-later
// /layers of whole runs: what is measured, and that nothing else depends on it.
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "base/mem.h"
#include "experiment/layers.h"
#include "run_tools.h"

enum { TRIALS = 3 };

// The values of one metric at all points and trials.
static void read_layer(const char *out, const char *layer, const char *metric,
                       double *value, size_t n)
{
    char name[96];
    snprintf(name, sizeof name, "/layers/%s/%s", layer, metric);
    read_values(out, name, value, n);
}

static void all_are(const double *value, size_t n, double wanted)
{
    for (size_t i = 0; i < n; i++)
        if (isnan(wanted))
            assert_true(isnan(value[i]));
        else
            assert_true(value[i] == wanted);
}

static void run_with(const char *more, const char *set, const char *out)
{
    og_experiment *e = read_experiment(more, set);
    run_whole(e, out);
    og_experiment_free(e);
}

static void every_metric_of_every_matrix(void **state)
{
    (void)state;
    double local[TRIALS], total[TRIALS], v[TRIALS];
    run_with("", NULL, "a.h5");
    assert_int_equal(links("a.h5", "/layers"), 2);
    assert_int_equal(links("a.h5", "/layers/dense1"), OG_LAYER_METRICS + 1);  // trial
    read_layer("a.h5", "dense1", "snr_local", local, TRIALS);
    read_layer("a.h5", "dense1", "snr_total", total, TRIALS);
    for (int t = 0; t < TRIALS; t++) {
        assert_true(local[t] == total[t] && local[t] > 5 && local[t] < 60);
        assert_true(t == 0 || local[t] != local[t - 1]);
    }
    read_layer("a.h5", "dense2", "snr_local", local, TRIALS);
    read_layer("a.h5", "dense2", "snr_total", total, TRIALS);
    for (int t = 0; t < TRIALS; t++) assert_true(local[t] > 5 && local[t] != total[t]);
    read_layer("a.h5", "dense1", "adc_use", v, TRIALS);
    for (int t = 0; t < TRIALS; t++) assert_true(v[t] > 0.5 && v[t] <= 1);
    read_layer("a.h5", "dense1", "adc_clipped", v, TRIALS);
    for (int t = 0; t < TRIALS; t++) assert_true(v[t] >= 0 && v[t] < 0.1);
    // Tiles of 128 x 128, pairs of devices.
    static const struct {
        const char *metric;
        double first, second;
    } fixed[] = {{"reads", 1, 1},
                 {"devices", 2 * 784 * 12, 2 * 12 * 10},
                 {"tiles", 7, 1},
                 {"utilisation", 784. * 12 / (7 * 128 * 128), 12. * 10 / (128 * 128)},
                 {"conversions", 7 * 12, 10}};
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++) {
        read_layer("a.h5", "dense1", fixed[i].metric, v, TRIALS);
        all_are(v, TRIALS, fixed[i].first);
        read_layer("a.h5", "dense2", fixed[i].metric, v, TRIALS);
        all_are(v, TRIALS, fixed[i].second);
    }
}

// Pixels c / 255 beyond a full scale of 1/2, counted in the file of the test images.
static void clipped_inputs(void **state)
{
    (void)state;
    double v[TRIALS];
    run_with("", "hardware.dac={bits: 6, range_mode: fixed, range: 0.5}", "a.h5");
    read_layer("a.h5", "dense1", "dac_clipped", v, TRIALS);
    char path[PATH];
    in_folder(path, "mnist/t10k-images-idx3-ubyte");
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t clipped = 0;
    assert_int_equal(fseek(f, 16, SEEK_SET), 0);
    for (int c = fgetc(f); c != EOF; c = fgetc(f)) clipped += c > 127;
    fclose(f);
    all_are(v, TRIALS, (double)clipped / (TEST * SIDE * SIDE));
}

static void converters_have_figures(void **state)
{
    (void)state;
    double v[TRIALS], enob[TRIALS];
    run_with("", NULL, "a.h5");  // 6 bits, linear
    read_layer("a.h5", "dense1", "adc_inl", v, TRIALS);
    read_layer("a.h5", "dense1", "adc_enob", enob, TRIALS);
    for (int t = 0; t < TRIALS; t++) assert_true(v[t] < 1e-6 && fabs(enob[t] - 6) < 0.2);
    run_with("",
             "hardware.adc={bits: 6, range_mode: minmax, kind: sar, circuit: {capacitor: "
             "0.03}}",
             "a.h5");
    read_layer("a.h5", "dense1", "adc_inl", v, TRIALS);
    read_layer("a.h5", "dense1", "adc_enob", enob, TRIALS);
    for (int t = 0; t < TRIALS; t++) {
        assert_true(v[t] > 0.05 && v[t] < 2 && enob[t] > 4 && enob[t] < 6);
        assert_true(t == 0 || v[t] != v[t - 1]);  // of another chip
    }
    read_layer("a.h5", "dense1", "adc_dnl", v, TRIALS);
    for (int t = 0; t < TRIALS; t++) assert_true(v[t] > 0.05 && v[t] < 2);
    run_with("", "hardware.adc.bits=0", "a.h5");
    read_layer("a.h5", "dense1", "adc_enob", v, TRIALS);
    all_are(v, TRIALS, NAN);
}

static void ideal_converters_have_no_rates(void **state)
{
    (void)state;
    double v[TRIALS];
    run_with("", "hardware.adc.bits=0", "a.h5");
    read_layer("a.h5", "dense1", "adc_use", v, TRIALS);
    all_are(v, TRIALS, NAN);
    read_layer("a.h5", "dense1", "adc_clipped", v, TRIALS);
    all_are(v, TRIALS, NAN);
    run_with("", "hardware.dac.bits=0", "a.h5");
    read_layer("a.h5", "dense1", "dac_clipped", v, TRIALS);
    all_are(v, TRIALS, NAN);
}

// The experiment of run_tools.h with tanh on ramps between its dense layers.
static og_experiment *ramp_experiment(void)
{
    static const char adc[] = "  adc: {bits: 6, range_mode: minmax}\n";
    const char *at = strstr(head, adc);
    char text[2048], path[PATH];
    og_experiment *e;
    struct og_error err = {0};
    assert_non_null(at);
    snprintf(text, sizeof text,
             "%.*s  adc: {kind: ramp, bits: 6, ramp: {bits: 4, dense: true}}\n"
             "  tile: {accumulate: analog}\n%s",
             (int)(at - head), head, at + sizeof adc - 1);
    memcpy(strstr(text, "relu:"), "tanh:", 5);
    write_bytes("e.yaml", text, strlen(text));
    in_folder(path, "e.yaml");
    if (og_experiment_read(&e, path, NULL, &err) != OG_OK) fail_msg("%s", err.text);
    return e;
}

static void ramps_are_described(void **state)
{
    (void)state;
    double v[TRIALS], rms[TRIALS];
    og_experiment *e = ramp_experiment();
    run_whole(e, "a.h5");
    og_experiment_free(e);
    read_layer("a.h5", "dense1", "ramp_cells", v, TRIALS);
    all_are(v, TRIALS, 14 + 4);  // steps between 15 thresholds; bias cells
    read_layer("a.h5", "dense1", "tiles", v, TRIALS);
    all_are(v, TRIALS, 7);
    read_layer("a.h5", "dense1", "conversions", v, TRIALS);
    all_are(v, TRIALS, 12);
    read_layer("a.h5", "dense1", "ramp_inl", v, TRIALS);
    read_layer("a.h5", "dense1", "ramp_inl_rms", rms, TRIALS);
    for (int t = 0; t < TRIALS; t++) {
        assert_true(rms[t] > 0 && v[t] > rms[t] && v[t] < 8);
        assert_true(t == 0 || v[t] != v[t - 1]);  // of another chip
    }
    static const char *const metrics[] = {"ramp_dnl", "ramp_gain"};
    for (int i = 0; i < 2; i++) {
        read_layer("a.h5", "dense1", metrics[i], v, TRIALS);
        for (int t = 0; t < TRIALS; t++) assert_true(v[t] > 0);
        read_layer("a.h5", "dense2", metrics[i], v, TRIALS);
        all_are(v, TRIALS, NAN);  // linear ADCs
    }
}

static void nothing_else_depends_on_it(void **state)
{
    (void)state;
    static const char *const set[] = {"output.layer_samples=0", "output.layer_samples=7"};
    static const char *const metric[] = {"/results/accuracy", "/results/loss"};
    enum { EACH = 4 * TRIALS };
    double wanted[EACH], got[EACH];
    run_with(sweep, NULL, "a.h5");
    for (int s = 0; s < 2; s++) {
        run_with(sweep, set[s], "b.h5");
        for (int m = 0; m < 2; m++) {
            read_values("a.h5", metric[m], wanted, EACH);
            read_values("b.h5", metric[m], got, EACH);
            assert_memory_equal(wanted, got, sizeof got);
        }
        assert_int_equal(links("b.h5", "/"), s == 0 ? 6 : 7);  // no /layers
    }
    read_layer("a.h5", "dense1", "snr_local", wanted, EACH);
    read_layer("b.h5", "dense1", "snr_local", got, EACH);
    assert_true(wanted[0] != got[0] && fabs(wanted[0] - got[0]) < 10);
}

static void threads_and_interruptions_change_no_bit(void **state)
{
    (void)state;
    og_experiment *e = read_experiment(sweep, NULL);
    run_whole(e, "a.h5");
    // The last digit chooses the threads; so many reports there never are.
    for (int every = 100000; every < 100002; every++) {
        struct stopper s = {.every = every};
        assert_int_equal(run(e, "b.h5", OG_JOURNAL_FORCE, &s, NULL), OG_OK);
        assert_true(same("a.h5", "b.h5"));
    }
    struct stopper s = {.every = 12, .signal = SIGTERM};
    og_status status = run(e, "b.h5", OG_JOURNAL_FORCE, &s, NULL);
    int runs = 1;
    for (; status == OG_TERMINATED && runs < 50; runs++)
        status = run(e, "b.h5", OG_JOURNAL_RESUME, &s, NULL);
    assert_int_equal(status, OG_OK);
    assert_true(runs > 2);
    assert_true(same("a.h5", "b.h5"));
    og_experiment_free(e);
}

static void ideal_points_are_not_measured(void **state)
{
    (void)state;
    double v[2 * TRIALS];
    run_with("sweep:\n  - {key: hardware.ideal, values: [true, false]}\n", NULL, "a.h5");
    read_layer("a.h5", "dense2", "snr_total", v, 2 * TRIALS);
    all_are(v, TRIALS, NAN);
    for (int t = TRIALS; t < 2 * TRIALS; t++) assert_true(isfinite(v[t]));
    run_with("", "hardware.ideal=true", "a.h5");
    assert_int_equal(links("a.h5", "/"), 4);  // results, train, model, run
}

static void matrices_differ_between_points(void **state)
{
    (void)state;
    double v[2 * TRIALS];
    run_with("sweep:\n  - {key: model.layers, name: net, labels: [small, large], values: "
             "[[{dense: {units: 10}}], [{dense: {units: 8}}, {dense: {units: 10}}]]}\n",
             NULL, "a.h5");
    assert_int_equal(links("a.h5", "/layers"), 2);
    read_layer("a.h5", "dense1", "devices", v, 2 * TRIALS);
    all_are(v, TRIALS, 2 * 784 * 10);
    all_are(v + TRIALS, TRIALS, 2 * 784 * 8);
    read_layer("a.h5", "dense2", "devices", v, 2 * TRIALS);
    all_are(v, TRIALS, NAN);
    all_are(v + TRIALS, TRIALS, 2 * 8 * 10);
}

static void other_samples_are_another_experiment(void **state)
{
    (void)state;
    og_experiment *e = read_experiment("", NULL);
    struct stopper s = {.every = 12, .signal = SIGINT};
    assert_int_equal(run(e, "a.h5", OG_JOURNAL_FORCE, &s, NULL), OG_INTERRUPTED);
    og_experiment_free(e);
    e = read_experiment("", "output.layer_samples=7");
    struct og_error err = {0};
    assert_int_equal(run(e, "a.h5", OG_JOURNAL_RESUME, &s, &err), OG_USAGE);
    assert_non_null(strstr(err.text, "output.layer_samples"));
    og_experiment_free(e);
}

static void damaged_entries_are_refused(void **state)
{
    (void)state;
    og_experiment *e = read_experiment("", NULL);
    struct stopper s = {.every = 13, .signal = SIGINT};
    assert_int_equal(run(e, "a.h5", OG_JOURNAL_FORCE, &s, NULL), OG_INTERRUPTED);
    char path[PATH], *text = og_experiment_text(e);
    in_folder(path, "a.h5");
    og_journal *journal;
    struct og_entry entry;
    assert_int_equal(og_journal_open(&journal, path, text, OG_JOURNAL_RESUME, NULL),
                     OG_OK);
    assert_true(og_journal_get(journal, OG_ENTRY_LAYERS, "0/0", &entry));
    char *bytes = og_alloc(entry.size, 1);
    memcpy(bytes, entry.data, entry.size);
    bytes[sizeof(uint64_t[3])] ^= 1;  // the first letter of the first metric
    assert_int_equal(
        og_journal_put(journal, OG_ENTRY_LAYERS, "0/0", bytes, entry.size, NULL), OG_OK);
    og_journal_release(&entry);
    og_journal_close(journal, false);
    struct og_error err = {0};
    assert_int_equal(run(e, "a.h5", OG_JOURNAL_RESUME, &s, &err), OG_INPUT);
    assert_non_null(strstr(err.text, "layers of record 0/0"));
    og_free(bytes);
    free(text);
    og_experiment_free(e);
}

static void axes_have_other_names(void **state)
{
    (void)state;
    for (size_t i = 0; i <= OG_LAYER_METRICS + OG_PART_METRICS; i++) {
        const char *name = i < OG_LAYER_METRICS ? og_layer_metric(i).name
                           : i < OG_LAYER_METRICS + OG_PART_METRICS
                               ? og_layer_part_metric(i - OG_LAYER_METRICS).name
                               : "part";
        char path[PATH], text[2048];
        og_experiment *e;
        struct og_error err = {0};
        snprintf(text, sizeof text,
                 "%ssweep: [{key: hardware.adc.bits, name: %s, values: [4]}]\n", head,
                 name);
        write_bytes("e.yaml", text, strlen(text));
        in_folder(path, "e.yaml");
        assert_int_equal(og_experiment_read(&e, path, NULL, &err), OG_INPUT);
        assert_non_null(strstr(err.text, "taken by the result file"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_metric_of_every_matrix),
        cmocka_unit_test(clipped_inputs),
        cmocka_unit_test(converters_have_figures),
        cmocka_unit_test(ideal_converters_have_no_rates),
        cmocka_unit_test(ramps_are_described),
        cmocka_unit_test(nothing_else_depends_on_it),
        cmocka_unit_test(threads_and_interruptions_change_no_bit),
        cmocka_unit_test(ideal_points_are_not_measured),
        cmocka_unit_test(matrices_differ_between_points),
        cmocka_unit_test(other_samples_are_another_experiment),
        cmocka_unit_test(damaged_entries_are_refused),
        cmocka_unit_test(axes_have_other_names),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
