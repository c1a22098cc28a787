// SPDX-License-Identifier: GPL-3.0-or-later
// Text inside a whole run: training and evaluation, the loss in other units, what an
// interruption leaves, and keys that do not fit.
#include "data_files.h"

#include <math.h>
#include <signal.h>

#include <hdf5.h>

#include "ohmgrid/run.h"

static const char words[] =
    "seed: 3\ntrials: 2\n"
    "data: {name: text, file: one.txt, as: words, parts: [0.6, 0.2, 0.2], steps: 5}\n"
    "model:\n  layers:\n    - embedding: {units: 6}\n"
    "    - lstm: {units: 8, return: sequence}\n"
    "    - dense: {units: 6, each_step: true}\n"
    "train: {epochs: 6, batch: 4, lr: 0.02, hardware: same, calibrate_samples: 8,\n"
    "  ideal_epochs: 2}\n"
    "hardware: {device: {read: {kind: constant, sigma: 0.2 uS}}, dac: {bits: 6},\n"
    "  adc: {bits: 6}}\n"
    "evaluate: {streams: 3, calibrate_samples: 16, batch: 2}\n"
    "output: {layer_samples: 7}\n";

static void write_story(void)
{
    static char story[4096];
    static const char *const word[] = {"the", "cat", "sat", "on", "a"};
    size_t used = 0;
    uint32_t at = 7;
    for (int line = 0; line < 60; line++) {
        for (int k = 0; k < 3 + line % 3; k++) {
            at = at * 1103515245 + 12345;
            const uint32_t pick = (uint32_t)k + (at >> 16) % 2;
            used += (size_t)snprintf(story + used, sizeof story - used, "%s ",
                                     word[pick % 5]);
        }
        used += (size_t)snprintf(story + used, sizeof story - used, "\n");
    }
    write_plain("one.txt", (const uint8_t *)story, used);
}

// Stops at the `every`-th report; 0: never.
struct stopper {
    volatile int flag;
    int every, calls;
};

static void tick(void *user, const struct og_progress *p)
{
    struct stopper *s = user;
    assert_true(p->fraction >= 0 && p->fraction <= 1);
    if (++s->calls == s->every) s->flag = SIGINT;
}

static og_status run_with(const char *const *set, size_t sets, const char *out,
                          enum og_journal_mode mode, struct stopper *s,
                          struct og_error *err)
{
    og_experiment *e;
    char path[2 * PATH];
    memset(err, 0, sizeof *err);
    write_plain("e.yaml", (const uint8_t *)words, strlen(words));
    const struct og_overrides o = {.set = set, .sets = sets};
    og_status status = og_experiment_read(&e, in_root("e.yaml"), &o, err);
    if (status != OG_OK) return status;
    snprintf(path, sizeof path, "%s", in_root(out));
    s->flag = s->calls = 0;
    const struct og_run_options options = {.out = path,
                                           .data = root,
                                           .mode = mode,
                                           .threads = 1 + s->every % 2,
                                           .progress = tick,
                                           .user = s,
                                           .signal = &s->flag};
    status = og_run(e, &options, err);
    og_experiment_free(e);
    return status;
}

static void run_whole(const char *const *set, size_t sets, const char *out)
{
    struct stopper s = {0};
    struct og_error err;
    if (run_with(set, sets, out, OG_JOURNAL_FORCE, &s, &err) != OG_OK)
        fail_msg("%s", err.text);
}

static size_t read_values(const char *out, const char *name, double value[8])
{
    hid_t file = H5Fopen(in_root(out), H5F_ACC_RDONLY, H5P_DEFAULT);
    assert_true(file >= 0);
    size_t n = 0;
    if (H5Lexists(file, name, H5P_DEFAULT) > 0) {
        hid_t set = H5Dopen2(file, name, H5P_DEFAULT), space = H5Dget_space(set);
        n = (size_t)H5Sget_simple_extent_npoints(space);
        assert_true(n <= 8);
        assert_true(
            H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, value) >= 0);
        H5Sclose(space);
        H5Dclose(set);
    }
    H5Fclose(file);
    return n;
}

static void perplexity(void **state)
{
    (void)state;
    double loss[8], p[8], accuracy[8];
    run_whole(NULL, 0, "a.h5");
    assert_int_equal(read_values("a.h5", "/results/loss", loss), 2);
    assert_int_equal(read_values("a.h5", "/results/perplexity", p), 2);
    assert_int_equal(read_values("a.h5", "/results/accuracy", accuracy), 2);
    assert_int_equal(read_values("a.h5", "/results/bits_per_character", accuracy), 0);
    for (int i = 0; i < 2; i++) {
        assert_true(p[i] == exp(loss[i]));
        assert_true(p[i] > 1 && p[i] < 5);  // knows more than the 6 words
    }
    assert_true(loss[0] != loss[1]);  // two chips, two noises
}

static void bits(void **state)
{
    (void)state;
    static const char *const set[] = {"data.as=characters", "data.test=validation",
                                      "model.layers[2].dense.units=10",
                                      "train.ideal_epochs=0", "train.epochs=1"};
    double loss[8], b[8];
    struct og_error err;
    struct stopper s = {0};
    // The five words have 8 letters; with blank and newline 10.
    if (run_with(set, 5, "a.h5", OG_JOURNAL_FORCE, &s, &err) != OG_OK)
        fail_msg("%s", err.text);
    read_values("a.h5", "/results/loss", loss);
    assert_int_equal(read_values("a.h5", "/results/bits_per_character", b), 2);
    assert_true(fabs(b[0] - loss[0] / log(2)) < 1e-12);
    assert_int_equal(read_values("a.h5", "/results/perplexity", b), 0);
}

// The same bytes, wherever a signal stops training or evaluation.
static void interrupted(void **state)
{
    (void)state;
    run_whole(NULL, 0, "a.h5");
    for (int every = 17; every <= 51; every += 17) {
        struct stopper s = {.every = every};
        struct og_error err;
        enum og_journal_mode mode = OG_JOURNAL_FORCE;
        int times = 0;
        og_status status;
        while ((status = run_with(NULL, 0, "b.h5", mode, &s, &err)) == OG_INTERRUPTED) {
            assert_true(++times < 100);
            mode = OG_JOURNAL_RESUME;
        }
        if (status != OG_OK) fail_msg("%s", err.text);
        assert_true(times > 0);
        bool equal = false;
        char a[2 * PATH];
        snprintf(a, sizeof a, "%s", in_root("a.h5"));
        assert_int_equal(og_result_diff(a, in_root("b.h5"), stderr, &equal, &err), OG_OK);
        assert_true(equal);
    }
}

static void keys_without_effect(void **state)
{
    (void)state;
    static const struct {
        const char *set[2], *why;
    } bad[] = {
        {{"data.as=image", NULL}, "has no effect"},
        {{"data.name=mnist", "data.file=''"}, "no effect"},
        {{"data.name=ptb", NULL}, "no effect without data.name text"},
        {{"data.name=ptb", "data.file=''"}, "data.parts"},
        {{"data.parts=[0.5, 0.5]", NULL}, "has 2 entries, not 3"},
        {{"data.parts=[0.5, 0.5, 0.5]", NULL}, "their sum 1"},
        {{"data.crop=2", NULL}, "crop"},
        {{"train.batch=500", NULL}, "too few for 500 streams"},
        {{"data.file=none.txt", NULL}, "was not found"},
        {{"data.vocabulary=3", NULL}, "[5][3]"},
        {{"evaluate.votes=3", NULL}, "text is read in one pass"},
        {{"train.lr_hold=3", NULL}, "has no effect without schedule step"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct stopper s = {0};
        struct og_error err;
        const og_status status = run_with(bad[i].set, bad[i].set[1] ? 2 : 1, "b.h5",
                                          OG_JOURNAL_FORCE, &s, &err);
        if (status != OG_INPUT || !strstr(err.text, bad[i].why))
            fail_msg("'%s' does not say '%s'", err.text, bad[i].why);
    }
}

static int begin(void **state)
{
    if (make_root(state) != 0) return -1;
    write_story();
    return 0;
}

static int finish(void **state)
{
    static const char *const names[] = {"one.txt", "e.yaml",       "a.h5",
                                        "b.h5",    "a.h5.journal", "b.h5.journal"};
    for (int i = 0; i < 6; i++) unlink(in_root(names[i]));
    return remove_root(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(perplexity),
        cmocka_unit_test(bits),
        cmocka_unit_test(interrupted),
        cmocka_unit_test(keys_without_effect),
    };
    return cmocka_run_group_tests(tests, begin, finish);
}
