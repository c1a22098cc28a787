// SPDX-License-Identifier: GPL-3.0-or-later
// Write-verify in whole runs: what the result file says of it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "run_tools.h"

static const char pulses[] =
    "sweep:\n"
    "  - {key: hardware.program.mode, name: mode, values: [direct, write_verify]}\n";
static const char set[] =
    "hardware={device: {name: generic, program: {kind: constant, sigma: 1 uS}, pulse: "
    "{up: "
    "2 uS, down: 2 uS, c2c: 0.3}}, program: {mode: direct, acceptance: 0.02, noise: 0.5 "
    "uS, "
    "pulses: 130}, technology: {name: isaac_32nm, write: {energy: 2 pJ, time: 50 ns, "
    "verify_energy: 1 pJ, verify_time: 100 ns}}}";

enum { RECORDS = 2 * 3 };

static void read_metric(const char *out, const char *metric, double value[RECORDS])
{
    char name[96];
    snprintf(name, sizeof name, "/layers/dense1/%s", metric);
    read_values(out, name, value, RECORDS);
}

static void layers_tell_how_they_were_written(void **state)
{
    (void)state;
    double mean[RECORDS], most[RECORDS], accepted[RECORDS], energy[RECORDS],
        time[RECORDS], rms[RECORDS];
    og_experiment *e = read_experiment(pulses, set);
    run_whole(e, "a.h5");
    read_metric("a.h5", "program_pulses", mean);
    read_metric("a.h5", "program_pulses_most", most);
    read_metric("a.h5", "program_accepted", accepted);
    read_metric("a.h5", "program_energy", energy);
    read_metric("a.h5", "program_time", time);
    read_metric("a.h5", "program_error_rms", rms);
    const double devices = 784 * 12 * 2;
    for (int t = 0; t < RECORDS; t++) {
        assert_true(rms[t] > 0.002 && rms[t] < 0.02);
        if (t < 3) {  // direct
            assert_true(isnan(mean[t]) && isnan(most[t]) && isnan(accepted[t]));
            assert_true(isnan(energy[t]) && isnan(time[t]));
            continue;
        }
        assert_true(mean[t] > 1 && mean[t] < most[t] && most[t] <= 130);
        assert_true(accepted[t] > 0.95);
        const double joule = devices * (2e-12 * mean[t] + 1e-12 * (mean[t] + 1));
        assert_true(fabs(energy[t] / joule - 1) < 1e-9);
        // Seven tiles at work, the fullest of which sets the time.
        assert_true(time[t] > devices * mean[t] * 150e-9 / 7 && time[t] < 1);
    }
    double by_error[102], edges[101], by_pulses[64], pulse_edges[65], n = 0, p = 0;
    assert_int_equal(links("a.h5", "/writing"), 1);
    read_values("a.h5", "/writing/p1/dense1/error", by_error, 102);
    read_values("a.h5", "/writing/p1/dense1/error_edges", edges, 101);
    read_values("a.h5", "/writing/p1/dense1/pulses", by_pulses, 64);
    read_values("a.h5", "/writing/p1/dense1/pulses_edges", pulse_edges, 65);
    for (int k = 0; k < 102; k++) n += by_error[k];
    for (int k = 0; k < 64; k++) p += by_pulses[k] * (pulse_edges[k] + 1);
    assert_true(n == devices);
    assert_true(fabs(edges[0] + 0.1) < 1e-6 && fabs(edges[100] - 0.1) < 1e-6);
    // Bins of three pulses: their middles give the mean, but for the many at 0.
    assert_true(pulse_edges[1] == 3 && fabs(p / devices - mean[3]) < 1.1);
    og_experiment_free(e);
}

static void resumed_runs_are_the_same(void **state)
{
    (void)state;
    og_experiment *e = read_experiment(pulses, set);
    run_in_pieces(e, "b.h5", 7, SIGINT);
    assert_true(same("a.h5", "b.h5"));
    double a[102], b[102];
    read_values("a.h5", "/writing/p1/dense2/error", a, 102);
    read_values("b.h5", "/writing/p1/dense2/error", b, 102);
    assert_memory_equal(a, b, sizeof a);
    og_experiment_free(e);
}

// --- fault maps ----------------------------------------------------------------------

static const char stuck[] = "hardware={device: {name: generic, faults: {p_lrs: 0.02, "
                            "p_hrs: 0.05}}, mapping: {remap: "
                            "[rows]}, tile: {spare_columns: 2}}";

static og_status read_map(const char *hardware, og_experiment **e, struct og_error *err)
{
    char path[PATH], text[PATH + 256];
    in_folder(path, "a.h5");
    snprintf(text, sizeof text, "hardware={fault_map: {file: %s, %s", path, hardware);
    const char *item = text;
    const struct og_overrides overrides = {.set = &item, .sets = 1};
    in_folder(path, "e.yaml");
    return og_experiment_read(e, path, &overrides, err);
}

static void chips_can_be_made_again_from_their_map(void **state)
{
    (void)state;
    double map[2 * 784 * 14], loss[3], again[3], part[3], error[3];
    og_experiment *e = read_experiment("", NULL);
    char path[PATH];
    og_experiment_free(e);
    in_folder(path, "e.yaml");
    static const char *const sets[] = {stuck, "output.faults=true"};
    assert_int_equal(og_experiment_read(
                         &e, path, &(struct og_overrides){.set = sets, .sets = 2}, NULL),
                     OG_OK);
    run_whole(e, "a.h5");
    read_values("a.h5", "/faults/p0/dense1", map, 2 * 784 * 14);
    read_values("a.h5", "/results/loss", loss, 3);
    read_values("a.h5", "/layers/dense1/stuck", part, 3);
    read_values("a.h5", "/layers/dense1/stuck_error", error, 3);
    og_experiment_free(e);
    double n = 0;
    for (size_t k = 0; k < 2 * 784 * 14; k++) n += map[k] != 0;
    assert_true(fabs(n / (2 * 784 * 14) - 0.07) < 0.01);
    for (int t = 0; t < 3; t++)
        assert_true(fabs(part[t] - 0.07) < 0.01 && error[t] > 0.01);
    assert_true(loss[0] != loss[1]);
    struct og_error err = {0};
    if (read_map("group: faults/p0}, mapping: {remap: [rows]}, tile: {spare_columns: 2}, "
                 "device: generic}",
                 &e, &err) != OG_OK)
        fail_msg("%s", err.text);
    run_whole(e, "b.h5");
    read_values("b.h5", "/results/loss", again, 3);
    for (int t = 0; t < 3; t++) assert_true(again[t] == loss[0]);
    og_experiment_free(e);
}

static void maps_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"group: faults/p0}, device: generic}", "a fault map has 2 x 784 x 14 codes"},
        {"group: faults/p3}, device: generic}", "'faults/p3/dense1' is missing"},
        {"group: faults/p0, sha256: abc}, device: generic}", "has another digest"},
        {"group: faults/p0}, device: {name: generic, faults: {p_lrs: 0.1}}}",
         "takes the place of draws"},
    };
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        og_experiment *e = NULL;
        struct og_error err = {0};
        struct stopper s = {0};
        og_status status = read_map(bad[k][0], &e, &err);
        if (status == OG_OK) status = run(e, "b.h5", OG_JOURNAL_FORCE, &s, &err);
        assert_int_equal(status, OG_INPUT);
        if (!strstr(err.text, bad[k][1])) fail_msg("%s", err.text);
        og_experiment_free(e);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layers_tell_how_they_were_written),
        cmocka_unit_test(resumed_runs_are_the_same),
        cmocka_unit_test(chips_can_be_made_again_from_their_map),
        cmocka_unit_test(maps_that_do_not_fit_are_refused),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
