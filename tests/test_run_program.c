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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layers_tell_how_they_were_written),
        cmocka_unit_test(resumed_runs_are_the_same),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
