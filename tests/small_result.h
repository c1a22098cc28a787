// SPDX-License-Identifier: GPL-3.0-or-later
// A result file that has a little of everything: axes, metrics, layers, a curve, weights.
#ifndef OG_TESTS_SMALL_RESULT_H
#define OG_TESTS_SMALL_RESULT_H

#include "ohmgrid/results.h"

static inline og_status write_small_result(const char *path)
{
    enum { POINTS = 2, TRIALS = 3, PARTS = 2, PART_METRICS = 8 };
    double priced[PART_METRICS * POINTS * TRIALS * PARTS];
    double bits[POINTS] = {4, 6}, value[2 * POINTS * TRIALS], own[POINTS * TRIALS];
    char *label[POINTS] = {(char *)"a", (char *)"b"};
    uint8_t done[POINTS * TRIALS], correct[POINTS * TRIALS];
    float weight[12] = {0.5F, -1, 2};
    const double loss[] = {2, 1}, accuracy[] = {0.5, 0.75}, lr[] = {0.1, 0.1};
    const uint32_t trained[POINTS * TRIALS] = {0};
    for (int i = 0; i < 2 * POINTS * TRIALS; i++) value[i] = 0.1 * i;
    for (int i = 0; i < PART_METRICS * POINTS * TRIALS * PARTS; i++)
        priced[i] = 1e-12 * i;
    for (int i = 0; i < POINTS * TRIALS; i++) done[i] = 1, correct[i] = 5, own[i] = i;
    struct og_axis_column column[] = {
        {.name = "adc_bits", .key = "hardware.adc.bits", .units = "1", .value = bits},
        {.name = "set", .key = "data.name", .text = true, .label = label}};
    const struct og_axis axis = {.n = POINTS, .columns = 2, .column = column};
    const struct og_axis *axes[] = {&axis};
    const struct og_metric metric[] = {{"accuracy", "1", "test accuracy"},
                                       {"energy", "J", "energy"}};
    const struct og_metric layer_metric = {"snr_local", "dB", "signal to noise"};
    const struct og_layer_values layer = {.name = "fc1", .value = own, .part = priced};
    const char *const part[] = {"array", "adc"};
    const struct og_metric part_metric[] = {
        {"part_energy", "J", "energy"},       {"part_area", "m2", "area"},
        {"part_uses", "1", "uses"},           {"part_count", "1", "count"},
        {"part_energy_dense", "J", "energy"}, {"part_area_dense", "m2", "area"},
        {"part_uses_dense", "1", "uses"},     {"part_count_dense", "1", "count"}};
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
                                .part_metrics = PART_METRICS,
                                .parts = PARTS,
                                .part_metric = part_metric,
                                .part = part,
                                .curves = 1,
                                .curve = &curve,
                                .blobs = 1,
                                .blob = &blob,
                                .threads = 1};
    return og_result_write(path, &r, NULL);
}

#endif
