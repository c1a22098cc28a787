// SPDX-License-Identifier: GPL-3.0-or-later
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "run_tools.h"

static void interrupted_runs_end_the_same(void **state)
{
    (void)state;
    og_experiment *e = read_experiment(sweep, NULL);
    run_whole(e, "a.h5");
    const int every[] = {2, 3, 7, 16};
    for (size_t i = 0; i < sizeof every / sizeof *every; i++) {
        run_in_pieces(e, "b.h5", every[i], i % 2 ? SIGTERM : SIGINT);
        assert_true(same("a.h5", "b.h5"));
    }
    og_experiment_free(e);
}

static void finished_runs_have_nothing_to_do(void **state)
{
    (void)state;
    og_experiment *e = read_experiment("", NULL);
    run_whole(e, "a.h5");
    char path[PATH];
    struct stat before, after;
    in_folder(path, "a.h5");
    assert_int_equal(stat(path, &before), 0);
    struct stopper s = {0};
    struct og_error err = {0};
    if (run(e, "a.h5", OG_JOURNAL_RESUME, &s, &err) != OG_OK) fail_msg("%s", err.text);
    assert_int_equal(s.calls, 0);
    assert_int_equal(stat(path, &after), 0);
    assert_true(before.st_ino == after.st_ino);
    assert_false(exists("a.h5.journal"));
    assert_int_equal(run(e, "a.h5", OG_JOURNAL_NEW, &s, NULL), OG_USAGE);
    og_experiment_free(e);
}

static double clock_of(int i)
{
    static const clockid_t clocks[] = {CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID};
    struct timespec t;
    clock_gettime(clocks[i], &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static const char *const times[] = {"seconds", "cpu_seconds"};

// A part that was interrupted adds its times.
static void times_are_of_all_parts(void **state)
{
    (void)state;
    og_experiment *e = read_experiment(sweep, NULL);
    struct stopper s = {.every = 14, .signal = SIGTERM}, on = {0};
    assert_int_equal(run(e, "b.h5", OG_JOURNAL_FORCE, &s, NULL), OG_TERMINATED);
    double first[2], second[2];
    for (int i = 0; i < 2; i++) {
        first[i] = read_time("b.h5", times[i]);
        second[i] = clock_of(i);
    }
    assert_int_equal(run(e, "b.h5", OG_JOURNAL_RESUME, &on, NULL), OG_OK);
    for (int i = 0; i < 2; i++) {
        second[i] = clock_of(i) - second[i];
        const double all = read_time("b.h5", times[i]);
        assert_true(first[i] > 0 && second[i] > 0);
        // A slow disk counts by the clock, as long as it is written to.
        assert_true(i == 0 || all > first[i]);
        assert_true(all <= 1.01 * (first[i] + second[i]));
    }
    og_experiment_free(e);
}

static void trains_once_per_training_key(void **state)
{
    (void)state;
    og_experiment *e = read_experiment(sweep, NULL);
    run_whole(e, "a.h5");
    assert_int_equal(links("a.h5", "/train"), 2);
    assert_int_equal(links("a.h5", "/model"), 2);
    double trained[4], accuracy[12];
    read_values("a.h5", "/results/trained", trained, 4);
    assert_true(trained[0] == 0 && trained[1] == 0 && trained[2] == 1 && trained[3] == 1);
    // The task can be learnt; noise changes what chips get right; chips differ.
    read_values("a.h5", "/results/accuracy", accuracy, 12);
    for (int i = 0; i < 12; i++) assert_true(accuracy[i] > 0.2 && accuracy[i] <= 1.0);
    double loss[12];
    read_values("a.h5", "/results/loss", loss, 12);
    for (int i = 0; i < 12; i++)
        for (int k = 0; k < i; k++) assert_true(loss[i] != loss[k]);
    og_experiment_free(e);

    e = read_experiment("sweep:\n  - {key: train.lr, values: [0.001, 0.01, 0.1]}\n",
                        NULL);
    run_whole(e, "a.h5");
    assert_int_equal(links("a.h5", "/train"), 3);
    og_experiment_free(e);
}

static void ideal_points_are_the_same_for_all_chips(void **state)
{
    (void)state;
    og_experiment *e = read_experiment(
        "sweep:\n  - {key: hardware.ideal, values: [true, false]}\n", NULL);
    run_whole(e, "a.h5");
    double loss[6];
    read_values("a.h5", "/results/loss", loss, 6);
    assert_true(loss[0] == loss[1] && loss[1] == loss[2]);
    assert_true(loss[3] != loss[4] && loss[4] != loss[5] && loss[3] != loss[0]);
    assert_int_equal(links("a.h5", "/chip"), 1);
    og_experiment_free(e);
}

static void failures_are_named(void **state)
{
    (void)state;
    og_experiment *e = read_experiment(
        "sweep:\n  - {key: train.lr, name: lr, values: [0.001, 1.0e+6]}\n",
        "train.weight_decay=1000");
    struct stopper s = {0};
    struct og_error err = {0};
    assert_int_equal(run(e, "a.h5", OG_JOURNAL_FORCE, &s, &err), OG_FAILED);
    assert_non_null(strstr(err.text, "train lr 1e+06 (m1): training diverged: "));
    // What was finished before is there.
    assert_int_equal(links("a.h5", "/train"), 1);
    assert_true(exists("a.h5.journal"));
    // The same experiment with damaged data leaves nothing behind.
    write_bytes("mnist/t10k-labels-idx1-ubyte", "x", 1);
    const og_status status = run(e, "b.h5", OG_JOURNAL_FORCE, &s, NULL);
    write_split("mnist/t10k-images-idx3-ubyte", "mnist/t10k-labels-idx1-ubyte", TEST, 1);
    assert_int_equal(status, OG_INPUT);
    assert_false(exists("b.h5.journal"));
    og_experiment_free(e);
}

// A point that cannot be computed stops the run before the first one is.
static void all_points_are_looked_at_first(void **state)
{
    (void)state;
    static const struct {
        const char *key, *values, *error, *set;
    } bad[] = {
        {"data.test_limit", "[50, 1000000]", "fewer than the limit of 1000000", NULL},
        {"data.name", "[mnist, nist]", "data set 'nist' is unknown", NULL},
        {"model.layers", "[[flatten, {dense: {units: 10}}], [flatten, lstm]]", "lstm",
         NULL},
        // What one array alone can tell.
        {"hardware.adc",
         "[{bits: 6}, {kind: ramp, bits: 6, ramp: {bits: 4, dense: true}}]",
         "784 rows do not fit on tiles of 128",
         "model.layers=[{dense: {units: 12}}, tanh, {dense: {units: 10}}]"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[300];
        snprintf(text, sizeof text,
                 "sweep: [{key: %s, name: x, values: %s, labels: [good, bad]}]\n",
                 bad[i].key, bad[i].values);
        og_experiment *e = read_experiment(text, bad[i].set);
        struct stopper s = {0};
        struct og_error err = {0};
        assert_int_equal(run(e, "bad.h5", OG_JOURNAL_FORCE, &s, &err), OG_INPUT);
        if (strstr(err.text, bad[i].error) == NULL) fail_msg("%s", err.text);
        assert_int_equal(s.calls, 0);
        assert_false(exists("bad.h5.journal") || exists("bad.h5"));
        og_experiment_free(e);
    }
}

// Two threads have a chip each and share the third one, of batches of any size.
static void chips_go_side_by_side(void **state)
{
    (void)state;
    static const char *const batches[] = {"evaluate.batch=1", "evaluate.batch=33"};
    og_experiment *e = read_experiment(sweep, NULL);
    struct stopper one = counter, two = {.every = 2};
    assert_int_equal(run(e, "a.h5", OG_JOURNAL_FORCE, &one, NULL), OG_OK);
    og_experiment_free(e);
    for (size_t i = 0; i < sizeof batches / sizeof *batches; i++) {
        struct og_error err = {0};
        e = read_experiment(sweep, batches[i]);
        if (run(e, "b.h5", OG_JOURNAL_FORCE, &two, &err) != OG_OK)
            fail_msg("%s", err.text);
        assert_true(same("a.h5", "b.h5"));
        og_experiment_free(e);
    }
}

static void failing_allocations(void **state)
{
    (void)state;
    og_experiment *e = read_experiment("", NULL);
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
        cmocka_unit_test(interrupted_runs_end_the_same),
        cmocka_unit_test(finished_runs_have_nothing_to_do),
        cmocka_unit_test(times_are_of_all_parts),
        cmocka_unit_test(trains_once_per_training_key),
        cmocka_unit_test(ideal_points_are_the_same_for_all_chips),
        cmocka_unit_test(failures_are_named),
        cmocka_unit_test(all_points_are_looked_at_first),
        cmocka_unit_test(chips_go_side_by_side),
        cmocka_unit_test(failing_allocations),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
