// SPDX-License-Identifier: GPL-3.0-or-later
// Trained weights inside whole runs: where they are found, what they decide.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "run_tools.h"

enum { SETS = 6 };

static og_status read_sets(og_experiment **e, const char *const *set,
                           struct og_error *err)
{
    char path[PATH];
    size_t n = 0;
    while (n < SETS && set[n]) n++;
    write_bytes("e.yaml", head, strlen(head));
    in_folder(path, "e.yaml");
    memset(err, 0, sizeof *err);
    return og_experiment_read(
        e, path, &(struct og_overrides){.set = set, .sets = n, .data = folder}, err);
}

static og_experiment *read_well(const char *const *set)
{
    og_experiment *e;
    struct og_error err;
    if (read_sets(&e, set, &err) != OG_OK) fail_msg("%s", err.text);
    return e;
}

static void key_of(const char *const *set, char key[33])
{
    og_experiment *e = read_well(set);
    og_experiment_key(e, 0, OG_STAGE_TRAIN, key);
    og_experiment_free(e);
}

static void train_a(const char *seed)
{
    og_experiment *e = read_well((const char *[SETS]){"hardware.ideal=true", seed});
    run_whole(e, "a.h5");
    og_experiment_free(e);
}

// A result file gives its own weights back, found beside the experiment; no epochs leave
// them as they are.
static void weights_as_they_are(void **state)
{
    (void)state;
    double first[3], again[3], w[12 * 784], v[12 * 784];
    train_a("seed=3");
    og_experiment *e = read_well((const char *[SETS]){
        "hardware.ideal=true", "train.epochs=0", "model.weights=a.h5", "seed=8"});
    run_whole(e, "b.h5");
    read_values("a.h5", "/results/accuracy", first, 3);
    read_values("b.h5", "/results/accuracy", again, 3);
    assert_memory_equal(first, again, sizeof first);
    read_values("a.h5", "/model/m0/dense1/weight", w, 12 * 784);
    read_values("b.h5", "/model/m0/dense1/weight", v, 12 * 784);
    assert_memory_equal(w, v, sizeof w);
    read_values("b.h5", "/train/m0/loss", v, 0);
    og_experiment_free(e);
}

// No epochs on a chip, by several threads and after a stop: the same bits.
static void no_epochs_on_chips(void **state)
{
    (void)state;
    struct stopper s = {.signal = 2, .every = 2};
    struct og_error err = {0};
    train_a("seed=3");
    og_experiment *e = read_well((const char *[SETS]){
        "train.epochs=0", "model.weights=a.h5", "train.hardware=same"});
    assert_int_equal(run(e, "b.h5", OG_JOURNAL_FORCE, &s, &err), OG_INTERRUPTED);
    s = (struct stopper){0};
    memset(&err, 0, sizeof err);
    if (run(e, "b.h5", OG_JOURNAL_RESUME, &s, &err) != OG_OK) fail_msg("%s", err.text);
    assert_true(exists("b.h5") && !exists("b.h5.journal"));
    double stopped[3], whole[3];
    read_values("b.h5", "/results/accuracy", stopped, 3);
    run_whole(e, "b.h5");
    read_values("b.h5", "/results/accuracy", whole, 3);
    assert_memory_equal(stopped, whole, sizeof whole);
    og_experiment_free(e);
}

static void training_goes_on_from_them(void **state)
{
    (void)state;
    double once[1], twice[1];
    train_a("trials=1");
    og_experiment *e = read_well(
        (const char *[SETS]){"hardware.ideal=true", "model.weights=a.h5", "trials=1"});
    run_whole(e, "b.h5");
    read_values("a.h5", "/results/loss", once, 1);
    read_values("b.h5", "/results/loss", twice, 1);
    assert_true(twice[0] < 0.9 * once[0]);
    og_experiment_free(e);
}

// Another file under the same name is another training and another experiment.
static void what_a_file_holds_is_part_of_the_key(void **state)
{
    (void)state;
    static const char *const set[SETS] = {"train.epochs=0", "model.weights=a.h5"};
    char first[33], second[33], text[128];
    struct stopper s = {.signal = 2, .every = 2};
    struct og_error err = {0};
    train_a("seed=3");
    key_of(set, first);
    key_of(set, second);
    assert_string_equal(first, second);
    og_experiment *old = read_well(set), *new, *none;
    assert_int_equal(run(old, "b.h5", OG_JOURNAL_FORCE, &s, &err), OG_INTERRUPTED);
    train_a("seed=4");
    key_of(set, second);
    assert_string_not_equal(first, second);
    new = read_well(set);
    s = (struct stopper){0};
    memset(&err, 0, sizeof err);
    assert_int_equal(run(new, "b.h5", OG_JOURNAL_RESUME, &s, &err), OG_USAGE);
    assert_non_null(strstr(err.text, "model.weights_sha256"));
    memset(&err, 0, sizeof err);
    assert_int_equal(run(old, "b.h5", OG_JOURNAL_FORCE, &s, &err), OG_INPUT);
    assert_non_null(strstr(err.text, "has changed since the run began"));
    // The digest that was stated refuses other files.
    char *effective = og_experiment_text(old), *at = strstr(effective, "weights_sha256");
    assert_non_null(at);
    snprintf(text, sizeof text, "model.weights_sha256=%.64s", at + 17);
    assert_int_equal(
        read_sets(&none, (const char *[SETS]){"model.weights=a.h5", text}, &err),
        OG_INPUT);
    assert_non_null(strstr(err.text, "has another digest"));
    free(effective);
    og_experiment_free(old);
    og_experiment_free(new);
}

// Each file of a sweep is one training, and the effective text reads back as it is.
static void files_on_an_axis(void **state)
{
    (void)state;
    char keys[2][33];
    train_a("seed=3");
    og_experiment *e = read_well((const char *[SETS]){
        "sweep=[{key: model.weights, name: start, values: [\"\", a.h5]}, {key: "
        "evaluate.batch, values: [8, 9]}]"});
    og_experiment_key(e, 0, OG_STAGE_TRAIN, keys[0]);
    og_experiment_key(e, 1, OG_STAGE_TRAIN, keys[1]);
    assert_string_equal(keys[0], keys[1]);
    og_experiment_key(e, 2, OG_STAGE_TRAIN, keys[1]);
    assert_string_not_equal(keys[0], keys[1]);
    char *text = og_experiment_text(e), path[PATH];
    og_experiment *again;
    struct og_error err = {0};
    write_bytes("e.yaml", text, strlen(text));
    in_folder(path, "e.yaml");
    if (og_experiment_read(&again, path, NULL, &err) != OG_OK) fail_msg("%s", err.text);
    char *same_text = og_experiment_text(again);
    assert_string_equal(text, same_text);
    free(text);
    free(same_text);
    og_experiment_free(again);
    og_experiment_free(e);
}

// A file that does not fit the last point stops the run before the first one costs time.
static void every_file_is_read_first(void **state)
{
    (void)state;
    struct stopper s = {0};
    struct og_error err = {0};
    train_a("seed=3");
    og_experiment *e = read_well((const char *[SETS]){
        "sweep=[{zip: [{key: model.weights, name: start, values: [\"\", a.h5]}, {key: "
        "\"model.layers[0].dense.units\", values: [12, 13]}]}]"});
    assert_int_equal(run(e, "b.h5", OG_JOURNAL_FORCE, &s, &err), OG_INPUT);
    assert_non_null(strstr(err.text, "is [12][784], but layer 'dense1' needs [13][784]"));
    assert_int_equal(s.calls, 0);
    og_experiment_free(e);
}

static void wrong_keys(void **state)
{
    (void)state;
    static const struct {
        const char *set[SETS];
        const char *part;
    } cases[] = {
        {{"model.weights=none.h5"}, "no file 'none.h5'; looked in /"},
        {{"model.weights=/none/x.h5"}, "there is no such file"},
        {{"model.weights_group=m0"}, "has no effect without model.weights"},
        {{"model.weights_layout=keras"}, "has no effect without model.weights"},
        {{"model.weights_sha256=00"}, "has no effect without model.weights"},
        {{"model.rename=[{from: a, to: b}]"}, "has no effect without model.weights"},
        {{"model.weights=a.h5", "model.weights_layout=hwio"},
         "is none of: auto, pytorch"},
        {{"model.weights=a.h5", "model.rename=x"}, "must be a list of {from: PREFIX"},
        {{"model.weights=a.h5", "model.rename=[x]"}, "is a map of two texts"},
        {{"model.weights=a.h5", "model.rename=[{from: a}]"}, "is a map of two texts"},
        {{"model.weights=a.h5", "model.rename=[{from: [a], to: b}]"},
         "is a map of two texts"},
        {{"model.weights=a.h5", "model.rename=[{from: \"\", to: b}]"}, "'from' is empty"},
    };
    train_a("seed=3");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        og_experiment *e;
        struct og_error err;
        assert_int_equal(read_sets(&e, cases[i].set, &err), OG_INPUT);
        if (!strstr(err.text, cases[i].part))
            fail_msg("'%s' lacks '%s'", err.text, cases[i].part);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_as_they_are),
        cmocka_unit_test(no_epochs_on_chips),
        cmocka_unit_test(training_goes_on_from_them),
        cmocka_unit_test(what_a_file_holds_is_part_of_the_key),
        cmocka_unit_test(files_on_an_axis),
        cmocka_unit_test(every_file_is_read_first),
        cmocka_unit_test(wrong_keys),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
