// SPDX-License-Identifier: GPL-3.0-or-later
// Votes in whole runs: one set of passes for all points that differ by the vote alone,
// costs that count passes, and what is refused.
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "run_tools.h"

enum { TRIALS = 3, RULES = 3, COUNTS = 3, POINTS = RULES * COUNTS };

static const char votes[] =
    "sweep:\n"
    "  - {key: evaluate.vote, name: vote, values: [majority, softmax, logits]}\n"
    "  - {key: evaluate.votes, name: votes, values: [5, 1, 3]}\n";
static const char noise[] = "hardware.device.read.sigma=8 uS";

static int reports(const og_experiment *e, const char *out)
{
    struct stopper s = counter;
    struct og_error err = {0};
    if (run(e, out, OG_JOURNAL_FORCE, &s, &err) != OG_OK) fail_msg("%s", err.text);
    assert_true(s.fraction > 0.999);
    return s.calls;
}

// Training reports 2 epochs of 5 batches, evaluation each pass over 2 batches of test
// samples: 5 passes for 9 points.
static void one_set_of_passes(void **state)
{
    (void)state;
    og_experiment *e = read_experiment(votes, noise);
    assert_int_equal(reports(e, "a.h5"), 2 * 5 + TRIALS * 5 * 2);
    double loss[POINTS * TRIALS], single[TRIALS];
    read_values("a.h5", "/results/loss", loss, POINTS * TRIALS);
    og_experiment_free(e);
    // One vote is the plain evaluation, whatever the rule; more are not.
    e = read_experiment("", noise);
    assert_int_equal(reports(e, "b.h5"), 2 * 5 + TRIALS * 2);
    read_values("b.h5", "/results/loss", single, TRIALS);
    for (int rule = 0; rule < RULES; rule++) {
        const double *at = loss + rule * COUNTS * TRIALS;
        assert_memory_equal(at + TRIALS, single, sizeof single);
        assert_true(at[0] != single[0] && at[2 * TRIALS] != single[0]);
        assert_true(at[0] != at[2 * TRIALS]);
    }
    og_experiment_free(e);
    // A point alone is the point among others.
    e = read_experiment("sweep: [{key: hardware.device.read.sigma, values: [8 uS]}]\n",
                        "evaluate={votes: 3, vote: logits, batch: 7, "
                        "calibrate_samples: 50}");
    run_whole(e, "b.h5");
    read_values("b.h5", "/results/loss", single, TRIALS);
    assert_memory_equal(loss + (2 * COUNTS + 2) * TRIALS, single, sizeof single);
    og_experiment_free(e);
}

static void resumed_runs_are_the_same(void **state)
{
    (void)state;
    og_experiment *e = read_experiment(votes, noise);
    run_whole(e, "a.h5");
    const int every[] = {3, 13};
    for (size_t i = 0; i < 2; i++) {
        struct stopper s = {.every = every[i], .signal = SIGINT};
        og_status status = run(e, "b.h5", OG_JOURNAL_FORCE, &s, NULL);
        int runs = 1;
        for (; status == OG_INTERRUPTED && runs < 50; runs++) {
            // Less and less often, or a chip would never be finished.
            s.every++;
            status = run(e, "b.h5", OG_JOURNAL_RESUME, &s, NULL);
        }
        assert_int_equal(status, OG_OK);
        assert_true(runs > 2 && same("a.h5", "b.h5"));
    }
    og_experiment_free(e);
}

// A vote of N reads, takes and costs N times; the tiles are the same.
static void costs_count_passes(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        double factor;
    } costs[] = {{"/results/energy", 5},         {"/results/latency", 5},
                 {"/results/throughput", 0.2},   {"/results/area", 1},
                 {"/layers/dense1/reads", 5},    {"/layers/dense2/energy", 5},
                 {"/layers/dense1/snr_local", 1}};
    og_experiment *e =
        read_experiment("sweep: [{key: evaluate.votes, name: votes, values: [1, 5]}]\n",
                        "hardware.technology=isaac_32nm");
    run_whole(e, "a.h5");
    for (size_t i = 0; i < sizeof costs / sizeof *costs; i++) {
        double value[2 * TRIALS];
        read_values("a.h5", costs[i].name, value, 2 * TRIALS);
        for (int t = 0; t < TRIALS; t++)
            if (!(fabs(value[TRIALS + t] - costs[i].factor * value[t]) <=
                  1e-12 * fabs(value[TRIALS + t])))
                fail_msg("%s: %g and %g", costs[i].name, value[t], value[TRIALS + t]);
    }
    // Every point has the chip that it was measured on.
    assert_int_equal(links("a.h5", "/chip"), 2);
    og_experiment_free(e);
}

static void assert_refused(const char *more, const char *set, const char *error)
{
    char path[PATH], text[2048];
    og_experiment *e;
    struct og_error err = {0};
    snprintf(text, sizeof text, "%s%s", head, more);
    write_bytes("e.yaml", text, strlen(text));
    in_folder(path, "e.yaml");
    const struct og_overrides overrides = {.set = &set, .sets = 1};
    assert_int_not_equal(og_experiment_read(&e, path, &overrides, &err), OG_OK);
    if (!strstr(err.text, error)) fail_msg("%s", err.text);
}

static void useless_votes_are_refused(void **state)
{
    (void)state;
    static const char sweep_votes[] =
        "sweep: [{key: evaluate.votes, name: votes, values: [1, 3]}]\n";
    assert_refused(sweep_votes, "hardware.ideal=true", "3 passes would be the same");
    assert_refused(sweep_votes, "hardware.device.read.kind=none",
                   "'evaluate.votes': 3 passes would be the same");
    assert_refused("", "evaluate.votes=102", "1 .. 101");
    assert_refused("", "evaluate.votes=0", "1 .. 101");
    assert_refused("", "evaluate.vote=mean", "majority, softmax, logits");
    assert_refused("", "evaluate.vote=logits",
                   "'evaluate.vote': has no effect with evaluate.votes 1");
    // Noise of converters, or of a single layer, is noise.
    og_experiment_free(
        read_experiment("", "evaluate={votes: 3, batch: 32, calibrate_samples: 50}"));
    static const char *const noisy[] = {
        "hardware={adc: {bits: 6, noise: 0.5, range_mode: minmax}}",
        "hardware={injection: {points: [A], snr_db: 3}}",
        "hardware={layers: [{layer: dense2, adc: {bits: 4, noise: 1}}]}",
    };
    for (size_t i = 0; i < sizeof noisy / sizeof *noisy; i++)
        og_experiment_free(read_experiment(sweep_votes, noisy[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_set_of_passes),
        cmocka_unit_test(resumed_runs_are_the_same),
        cmocka_unit_test(costs_count_passes),
        cmocka_unit_test(useless_votes_are_refused),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
