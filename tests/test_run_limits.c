// SPDX-License-Identifier: GPL-3.0-or-later
// The search of activation limits inside whole runs.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "run_tools.h"

static const char searched[] = "model.layers[1]={relu: {above: zero, search: true}}";
static const char rounds[] =
    "compress:\n"
    "  hardware: nominal\n"
    "  rounds:\n"
    "    - activation_limits:\n"
    "        {fault_rates: [0.01, 0.05], samples: 40, chips: 2,\n"
    "         points: 3, iterations: 2}\n"
    "    - sets: [{layer: dense1, kind: irregular, keep: 0.5}]\n"
    "      admm: {epochs: 1}\n"
    "      retrain: {epochs: 1}\n";
static const char sweeps[] =
    "sweep:\n"
    "  - {key: compress.rounds_used, name: used, values: [0, 1, 2]}\n"
    "  - {key: hardware.device.faults.p_lrs, name: faults, values: [0, 0.03]}\n";

static og_experiment *read_rounds(const char *more)
{
    return read_experiment_of(rounds, more, searched);
}

static void limits_are_in_the_result(void **state)
{
    (void)state;
    enum { TRIES = 6 };
    og_experiment *e = read_rounds(sweeps);
    struct stopper s = counter;
    struct og_error err = {0};
    if (run(e, "a.h5", OG_JOURNAL_FORCE, &s, &err) != OG_OK) fail_msg("%s", err.text);
    // Training; the search once for all fault rates of the sweep, since it sees the
    // hardware before it; the other round; 6 points of 3 chips in 2 batches.
    assert_int_equal(s.calls, 10 + (1 + TRIES * 2 * 2) + (5 + 1 + 5) + 6 * 3 * 2);
    assert_true(s.fraction > 0.999);
    assert_int_equal(links("a.h5", "/compress"), 2);
    // relu, try, limit, largest, tried, area; tensor, weights, kept
    assert_int_equal(links("a.h5", "/compress/c0"), 6 + 6);
    double limit, largest, tried[TRIES], area[TRIES], max, compression[6], best = -1.0;
    read_values("a.h5", "/compress/c0/limit", &limit, 1);
    read_values("a.h5", "/compress/c0/largest", &largest, 1);
    read_values("a.h5", "/compress/c0/tried", tried, TRIES);
    read_values("a.h5", "/compress/c0/area", area, TRIES);
    assert_true(limit > 0 && limit <= largest && tried[0] == largest);
    size_t at = 0;
    for (size_t i = 0; i < TRIES; i++) {
        assert_true(area[i] >= 0 && area[i] <= 1);
        if (area[i] > best) best = area[i], at = i;
    }
    assert_true(limit == tried[at]);
    read_values("a.h5", "/model/m0/relu1/max", &max, 1);
    assert_true(max == 0.0);
    read_values("a.h5", "/model/c0/relu1/max", &max, 1);
    assert_true(max == limit);
    read_values("a.h5", "/model/c1/relu1/max", &max, 1);
    assert_true(max == limit);
    read_values("a.h5", "/results/compression", compression, 6);
    assert_true(compression[2] == 1.0 && compression[4] > 1.5);
    og_experiment_free(e);
}

static void interrupted_runs_end_the_same(void **state)
{
    (void)state;
    og_experiment *e = read_rounds(sweeps);
    run_whole(e, "a.h5");
    const int every[] = {4, 11, 17, 33};
    for (size_t i = 0; i < sizeof every / sizeof *every; i++) {
        run_in_pieces(e, "b.h5", every[i], SIGINT);
        assert_true(same("a.h5", "b.h5"));
    }
    og_experiment_free(e);
}

// A network taken from a result file has the limits found there, without a search.
static void limits_go_on_from_a_file(void **state)
{
    (void)state;
    char path[PATH], more[PATH + 200];
    double accuracy[2][3], max;
    og_experiment *e = read_rounds("sweep:\n  - {key: compress.rounds_used, name: used, "
                                   "values: [1]}\n");
    run_whole(e, "a.h5");
    og_experiment_free(e);
    in_folder(path, "a.h5");
    snprintf(more, sizeof more,
             "sweep:\n  - zip:\n      - {key: model.weights, values: [%s]}\n"
             "      - {key: model.weights_group, values: [c0]}\n"
             "      - {key: train.epochs, values: [0]}\n",
             path);
    e = read_experiment(more, searched);
    run_whole(e, "b.h5");
    og_experiment_free(e);
    read_values("a.h5", "/results/accuracy", accuracy[0], 3);
    read_values("b.h5", "/results/accuracy", accuracy[1], 3);
    assert_memory_equal(accuracy[0], accuracy[1], sizeof accuracy[0]);
    double limit;
    read_values("a.h5", "/compress/c0/limit", &limit, 1);
    read_values("b.h5", "/model/m0/relu1/max", &max, 1);
    assert_true(max == limit && limit > 0);
}

static void failing_allocations(void **state)
{
    (void)state;
    og_experiment *e = read_experiment("compress:\n  hardware: nominal\n  rounds:\n"
                                       "    - activation_limits: {fault_rates: [0.05], "
                                       "samples: 20, points: 1, iterations: 1}\n",
                                       searched);
    run_whole(e, "a.h5");
    og_status status = OG_NO_MEMORY;
    size_t n = 1;
    for (; status != OG_OK; n += 1 + n / 8) {
        struct stopper s = {0};
        assert_true(n < 100000);
        og_alloc_fail_at(n);
        struct og_error err = {0};
        status = run(e, "b.h5", OG_JOURNAL_FORCE, &s, &err);
        og_alloc_fail_at(0);
        // OG_IO: the journal does not say why it could not give an entry.
        if (status != OG_OK && status != OG_NO_MEMORY && status != OG_IO)
            fail_msg("%zu: %s", n, err.text);
    }
    assert_true(n > 30);
    assert_true(same("a.h5", "b.h5"));
    og_experiment_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits_are_in_the_result),
        cmocka_unit_test(interrupted_runs_end_the_same),
        cmocka_unit_test(limits_go_on_from_a_file),
        cmocka_unit_test(failing_allocations),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
