// SPDX-License-Identifier: GPL-3.0-or-later
// Result files that other programs have edited: all that reads them without drawing.
#include "hdf5_edit.h"

#include "ohmgrid/results.h"
#include "ohmgrid/weights.h"

enum { POINTS = 2, TRIALS = 3 };

static void make_base(const char *path)
{
    double bits[POINTS] = {4, 6}, value[2 * POINTS * TRIALS], own[POINTS * TRIALS];
    char *label[POINTS] = {(char *)"a", (char *)"b"};
    uint8_t done[POINTS * TRIALS], correct[POINTS * TRIALS];
    float weight[12] = {0.5F, -1, 2};
    const double loss[] = {2, 1}, accuracy[] = {0.5, 0.75}, lr[] = {0.1, 0.1};
    const uint32_t trained[POINTS * TRIALS] = {0};
    for (int i = 0; i < 2 * POINTS * TRIALS; i++) value[i] = 0.1 * i;
    for (int i = 0; i < POINTS * TRIALS; i++) done[i] = 1, correct[i] = 5, own[i] = i;
    struct og_axis_column column[] = {
        {.name = "adc_bits", .key = "hardware.adc.bits", .units = "1", .value = bits},
        {.name = "set", .key = "data.name", .text = true, .label = label}};
    const struct og_axis axis = {.n = POINTS, .columns = 2, .column = column};
    const struct og_axis *axes[] = {&axis};
    const struct og_metric metric[] = {{"accuracy", "1", "test accuracy"},
                                       {"energy", "J", "energy"}};
    const struct og_metric layer_metric = {"snr_local", "dB", "signal to noise"};
    const struct og_layer_values layer = {"fc1", own};
    const struct og_curve_set curve = {"k0", 2, loss, accuracy, lr};
    const struct og_blob blob = {
        .path = "model/m0/fc1/W", .rank = 2, .dim = {3, 4}, .data = weight};
    const struct og_result r = {.seed = 1,
                                .experiment = "seed: 1\n",
                                .command = "run",
                                .title = "two",
                                .axes = 1,
                                .axis = axes,
                                .trials = TRIALS,
                                .metrics = 2,
                                .metric = metric,
                                .value = value,
                                .done = done,
                                .trained = trained,
                                .correct = correct,
                                .samples = 8,
                                .layer_metrics = 1,
                                .layers = 1,
                                .layer_metric = &layer_metric,
                                .layer = &layer,
                                .curves = 1,
                                .curve = &curve,
                                .blobs = 1,
                                .blob = &blob,
                                .threads = 1};
    if (og_result_write(path, &r, NULL) != OG_OK) abort();
}

static void look_at(const char *path, const char *base, FILE *out)
{
    og_status (*const show[])(const char *, FILE *, struct og_error *) = {
        og_result_show, og_result_show_layers, og_result_show_traces,
        og_result_show_attribution};
    char npz[FUZZ_PATH], *text = NULL;
    bool flag = false;
    struct og_error err[8] = {{0}};
    for (int k = 0; k < 4; k++) fuzz_check(show[k](path, out, &err[k]), &err[k]);
    fuzz_check(og_result_experiment(path, &text, &err[4]), &err[4]);
    fuzz_check(og_result_complete(path, &flag, &err[5]), &err[5]);
    fuzz_check(og_result_diff(base, path, out, &flag, &err[6]), &err[6]);
    fuzz_check(og_weights_export(path, "", fuzz_in("w.npz", npz), &err[7]), &err[7]);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static FILE *out;
    char base[FUZZ_PATH], path[FUZZ_PATH];
    fuzz_in("base.h5", base);
    if (!out) {
        make_base(base);
        out = fopen("/dev/null", "w");
    }
    hdf5_edit("a.h5", data, size);
    look_at(fuzz_in("a.h5", path), base, out);
    hdf5_check_closed();
    return 0;
}
