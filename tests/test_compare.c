// SPDX-License-Identifier: GPL-3.0-or-later
// Paired differences of results, against sums made here.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "run_tools.h"

static char *compare(struct og_compare o, og_status status)
{
    char a[PATH], b[PATH], *text = NULL;
    size_t size = 0;
    struct og_error err = {0};
    in_folder(a, o.a);
    if (o.b) in_folder(b, o.b);
    o.a = a;
    o.b = o.b ? b : NULL;
    o.metric = o.metric ? o.metric : "accuracy";
    FILE *out = open_memstream(&text, &size);
    const og_status got = og_result_compare(&o, out, &err);
    if (got != status) fail_msg("%s", err.text);
    if (got != OG_OK) fputs(err.text, out);
    fclose(out);
    return text;
}

static void expect(struct og_compare o, og_status status, const char *sentence)
{
    char *text = compare(o, status);
    if (!strstr(text, sentence)) fail_msg("%s", text);
    free(text);
}

// 95 % t interval of n differences (n is 3: t = 4.302653).
static void interval_of_3(const double d[3], char *text, size_t size)
{
    const double mean = (d[0] + d[1] + d[2]) / 3;
    double squares = 0;
    for (int i = 0; i < 3; i++) squares += (d[i] - mean) * (d[i] - mean);
    const double half = 4.302652729911275 * sqrt(squares / 2 / 3);
    snprintf(text, size, "%+.4f [%+.4f, %+.4f]  3 ", mean, mean - half, mean + half);
}

static void chips_are_pairs(void **state)
{
    (void)state;
    og_experiment *e = read_experiment(sweep, NULL);
    run_whole(e, "a.h5");
    double loss[12], d[3];
    char line[120];
    read_values("a.h5", "/results/loss", loss, 12);
    for (int t = 0; t < 3; t++) d[t] = loss[9 + t] - loss[3 + t];  // aware - plain, noisy
    interval_of_3(d, line, sizeof line);
    expect((struct og_compare){.a = "a.h5", .axis = "training", .metric = "loss"}, OG_OK,
           line);
    expect((struct og_compare){.a = "a.h5", .axis = "training"}, OG_OK,
           "they say nothing of other trainings");
    expect((struct og_compare){.a = "a.h5", .axis = "nothing"}, OG_USAGE,
           "there is no axis 'nothing'");
    expect((struct og_compare){.a = "a.h5", .axis = "training", .metric = "speed"},
           OG_USAGE, "there is no results/speed");
    expect((struct og_compare){.a = "a.h5"}, OG_USAGE, "give either");

    // Another file: point by point, and only where the points are the same.
    og_experiment *other = read_experiment(sweep, "hardware.adc.bits=5");
    run_whole(other, "b.h5");
    double loss_b[12];
    read_values("b.h5", "/results/loss", loss_b, 12);
    for (int t = 0; t < 3; t++) d[t] = loss_b[6 + t] - loss[6 + t];
    interval_of_3(d, line, sizeof line);
    expect((struct og_compare){.a = "a.h5", .b = "b.h5", .metric = "loss"}, OG_OK, line);
    og_experiment_free(other);
    other = read_experiment("sweep: [{key: train.lr, values: [0.01, 0.02]}]\n", NULL);
    run_whole(other, "b.h5");
    expect((struct og_compare){.a = "a.h5", .b = "b.h5"}, OG_INPUT, "axes");
    og_experiment_free(other);
    og_experiment_free(e);
}

static void seeds_are_pairs_of_means(void **state)
{
    (void)state;
    og_experiment *e = read_experiment(
        "sweep:\n"
        "  - {key: hardware.device.program.sigma, name: sigma, values: [1 uS, 9 uS]}\n"
        "  - {key: train.seed, name: train_seed, values: [1, 2, 3]}\n",
        "trials=2");
    run_whole(e, "a.h5");
    double loss[12], d[3];
    char line[120];
    read_values("a.h5", "/results/loss", loss, 12);
    for (int s = 0; s < 3; s++)
        d[s] = (loss[6 + 2 * s] + loss[7 + 2 * s] - loss[2 * s] - loss[2 * s + 1]) / 2;
    interval_of_3(d, line, sizeof line);
    const struct og_compare o = {.a = "a.h5", .axis = "sigma", .metric = "loss"};
    expect(o, OG_OK, line);
    expect(o, OG_OK, "pairs are training seeds, each the mean over its chips");
    expect(o, OG_OK, "fewer than 5 seeds");
    // Noise costs far less than 100 nat, which is more than nothing.
    expect((struct og_compare){"a.h5", NULL, "sigma", "loss", 100}, OG_OK,
           "within margin");
    expect((struct og_compare){"a.h5", NULL, "sigma", "loss", 1e-9}, OG_OK, "not shown");
    expect((struct og_compare){.a = "a.h5", .axis = "train_seed"}, OG_USAGE,
           "there is no axis 'train_seed' to compare along");
    og_experiment_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chips_are_pairs),
        cmocka_unit_test(seeds_are_pairs_of_means),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
