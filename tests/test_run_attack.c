// SPDX-License-Identifier: GPL-3.0-or-later
// Attacks in whole runs: metrics, transfer from a network of their own, votes as the
// defence, and what is refused.
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "run_tools.h"

enum { TRIALS = 3 };

static void run_with(const char *more, const char *set, const char *out)
{
    og_experiment *e = read_experiment(more, set);
    run_whole(e, out);
    og_experiment_free(e);
}

static double mean_of(const char *out, const char *name, size_t point, size_t points)
{
    double value[8 * TRIALS], sum = 0;
    assert_true(points <= 8);
    read_values(out, name, value, points * TRIALS);
    for (size_t t = 0; t < TRIALS; t++) sum += value[point * TRIALS + t];
    return sum / TRIALS;
}

static const char kinds[] = "attack: {epsilon: 0.1, steps: 8}\n"
                            "sweep: [{key: attack.kind, name: attack, values: "
                            "[fgsm, pgd, none]}]\n";

// One training, and for each point the accuracy before and after.
static void before_and_after(void **state)
{
    (void)state;
    run_with(kinds, NULL, "a.h5");
    run_with("", NULL, "b.h5");
    assert_int_equal(links("a.h5", "/train"), 1);
    const double clean = mean_of("b.h5", "/results/accuracy", 0, 1);
    for (size_t p = 0; p < 2; p++) {
        const double attacked = mean_of("a.h5", "/results/accuracy_attacked", p, 3);
        assert_true(mean_of("a.h5", "/results/accuracy_clean", p, 3) == clean);
        assert_true(mean_of("a.h5", "/results/accuracy", p, 3) == attacked);
        assert_true(attacked < clean - 0.1);
    }
    assert_true(mean_of("a.h5", "/results/accuracy", 2, 3) == clean);
    double none[3 * TRIALS];
    read_values("a.h5", "/results/accuracy_clean", none, 3 * TRIALS);
    assert_true(isnan(none[2 * TRIALS]));
    // Four datasets of each: itself, mean, low, high; one axis.
    assert_int_equal(links("a.h5", "/results"), links("b.h5", "/results") + 2 * 4 + 1);
    // The loss of another attack is another; each chip is attacked by its own gradient.
    double loss[3 * TRIALS];
    read_values("a.h5", "/results/loss", loss, 3 * TRIALS);
    for (int i = 0; i < 3 * TRIALS; i++)
        for (int k = 0; k < i; k++) assert_true(loss[i] != loss[k]);
}

// Without hardware the gradient is that of the float network; a transferred one is of a
// network that is trained beforehand, once.
static void sources(void **state)
{
    (void)state;
    static const char more[] =
        "attack: {kind: pgd, epsilon: 0.1, steps: 5}\n"
        "sweep:\n"
        "  - {key: attack.source, name: source, values: [same, transfer]}\n"
        "  - {key: attack.hardware, name: sees, values: [same, ideal]}\n";
    run_with(more, NULL, "a.h5");
    assert_int_equal(links("a.h5", "/train"), 2);
    double trained[4], loss[4 * TRIALS];
    read_values("a.h5", "/results/trained", trained, 4);
    read_values("a.h5", "/results/loss", loss, 4 * TRIALS);
    for (int p = 0; p < 4; p++) assert_true(trained[p] == trained[0]);
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < i; k++) assert_true(loss[i * TRIALS] != loss[k * TRIALS]);
    // What comes from outside does less harm.
    assert_true(mean_of("a.h5", "/results/loss", 2, 4) <
                mean_of("a.h5", "/results/loss", 0, 4));
    const char *const first = "attack: {kind: pgd, epsilon: 0.1, steps: 5, source: "
                              "transfer}\n";
    run_with(first, NULL, "b.h5");
    double alone[TRIALS];
    read_values("b.h5", "/results/loss", alone, TRIALS);
    assert_memory_equal(alone, loss + 2 * TRIALS, sizeof alone);
    read_values("b.h5", "/results/trained", trained, 1);
    assert_true(trained[0] == 1);  // the source came before it
}

static const char defence[] =
    "attack: {kind: fgsm, epsilon: 0.05, source: transfer, train_seed: 12, "
    "hardware: ideal}\n"
    "sweep:\n"
    "  - {key: train.adversarial.kind, name: training, values: [none, fgsm]}\n"
    "  - {key: evaluate.votes, name: votes, values: [1, 5]}\n";

// Noise with votes as the defence; interrupted runs end the same.
static void defences_resume(void **state)
{
    (void)state;
    og_experiment *e = read_experiment(defence, "hardware.device.read.sigma=5 uS");
    run_whole(e, "a.h5");
    assert_int_equal(links("a.h5", "/train"), 4);
    struct stopper s = {.every = 23, .signal = SIGTERM};
    og_status status = run(e, "b.h5", OG_JOURNAL_FORCE, &s, NULL);
    int runs = 1;
    for (; status == OG_TERMINATED && runs < 60; runs++)
        status = run(e, "b.h5", OG_JOURNAL_RESUME, &s, NULL);
    assert_int_equal(status, OG_OK);
    assert_true(runs > 2 && same("a.h5", "b.h5"));
    og_experiment_free(e);
}

// Ideal hardware: one attack for all chips.
static void ideal_points(void **state)
{
    (void)state;
    run_with("attack: {kind: fgsm, epsilon: 0.1}\n", "hardware={ideal: true}", "a.h5");
    double accuracy[TRIALS], clean[TRIALS];
    read_values("a.h5", "/results/accuracy", accuracy, TRIALS);
    read_values("a.h5", "/results/accuracy_clean", clean, TRIALS);
    assert_true(accuracy[0] == accuracy[1] && accuracy[1] == accuracy[2]);
    assert_true(clean[0] == clean[2] && accuracy[0] < clean[0]);
}

static void assert_refused(const char *more, const char *set, const char *error)
{
    char path[PATH], text[2048];
    og_experiment *e;
    struct og_error err = {0};
    snprintf(text, sizeof text, "%s%s", head, more);
    write_bytes("e.yaml", text, strlen(text));
    in_folder(path, "e.yaml");
    const struct og_overrides overrides = {.set = &set, .sets = set ? 1 : 0};
    assert_int_not_equal(og_experiment_read(&e, path, &overrides, &err), OG_OK);
    if (!strstr(err.text, error)) fail_msg("%s", err.text);
}

static void useless_keys_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *more, *error;
    } bad[] = {
        {"attack: {epsilon: 0.2}\n", "'attack.epsilon': has no effect with kind none"},
        {"attack: {draws: 2}\n", "'attack.draws': has no effect with kind none"},
        {"attack: {kind: fgsm, steps: 3}\n",
         "'attack.steps': has no effect with kind fgsm"},
        {"attack: {kind: fgsm, step: 0.1}\n", "'attack.step': has no effect"},
        {"attack: {kind: fgsm, random_start: false}\n", "'attack.random_start': has no"},
        {"attack: {kind: pgd, draws: 2}\n", "nothing that the attack sees has noise"},
        {"attack: {source: transfer}\n", "'attack.source': has no effect without an"},
        {"attack: {hardware: ideal}\n", "'attack.hardware': has no effect without an"},
        {"attack: {kind: pgd, train_seed: 4}\n", "has no effect with source same"},
        {"attack: {kind: pgd, source: transfer, train_seed: 3}\n",
         "is the seed of the network itself"},
        {"attack: {kind: pgd, epsilon: 1.5}\n", "0 .. 1"},
        {"attack: cw\n", "none, fgsm, pgd"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_refused(bad[i].more, "hardware.device.read.kind=none", bad[i].error);
    assert_refused("", "train.adversarial.steps=3", "has no effect with kind none");
    assert_refused("", "train.adversarial={kind: pgd, draws: 3}",
                   "train.hardware has no noise per read");
    assert_refused("attack: {kind: pgd, source: transfer}\n", "train={epochs: 0}",
                   "transfer needs training");
    og_experiment_free(read_experiment("attack: {kind: pgd}\n", "attack.draws=2"));
    og_experiment_free(read_experiment("attack: pgd\n", NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(before_and_after),         cmocka_unit_test(sources),
        cmocka_unit_test(defences_resume),          cmocka_unit_test(ideal_points),
        cmocka_unit_test(useless_keys_are_refused),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
