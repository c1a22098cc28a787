// SPDX-License-Identifier: GPL-3.0-or-later
// Parts of an experiment, each computed on its own, joined into its result.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "run_tools.h"

enum { SHARDS = 4 };

static og_status run_shard(const og_experiment *e, int shard, int shards,
                           enum og_journal_mode mode, struct og_error *err)
{
    char path[PATH], name[32];
    snprintf(name, sizeof name, "part%d.h5", shard);
    in_folder(path, name);
    const struct og_run_options o = {.out = path,
                                     .command = "test",
                                     .data = folder,
                                     .mode = mode,
                                     .threads = 1,
                                     .shard = shard,
                                     .shards = shards};
    return og_run(e, &o, err);
}

static void run_shards(const og_experiment *e, int shards)
{
    for (int i = 1; i <= shards; i++) {
        struct og_error err = {0};
        if (run_shard(e, i, shards, OG_JOURNAL_FORCE, &err) != OG_OK)
            fail_msg("%s", err.text);
    }
}

// Joins the parts `first` to `last` into b.h5.
static og_status merge(int first, int last, struct og_error *err)
{
    char out[PATH], name[32], path[SHARDS][PATH];
    const char *in[SHARDS];
    size_t n = 0;
    in_folder(out, "b.h5");
    for (int i = first; i <= last; i++, n++) {
        snprintf(name, sizeof name, "part%d.h5", i);
        in_folder(path[n], name);
        in[n] = path[n];
    }
    const struct og_merge_options o = {
        .out = out, .command = "test", .data = folder, .mode = OG_JOURNAL_FORCE};
    return og_merge(in, n, &o, err);
}

static void remove_parts(void)
{
    for (int i = 1; i <= SHARDS; i++) {
        char path[PATH], name[32];
        snprintf(name, sizeof name, "part%d.h5", i);
        in_folder(path, name);
        remove(path);
    }
}

static double time_of_parts(int shards)
{
    double sum = 0;
    for (int i = 1; i <= shards; i++) {
        char name[32];
        snprintf(name, sizeof name, "part%d.h5", i);
        sum += read_time(name, "cpu_seconds");
    }
    return sum;
}

static void shards_are_the_whole(const char *more, const char *set)
{
    og_experiment *e = read_experiment(more, set);
    struct og_error err = {0};
    run_whole(e, "a.h5");
    for (int shards = 2; shards <= SHARDS; shards += 2) {
        run_shards(e, shards);
        if (merge(1, shards, &err) != OG_OK) fail_msg("%s", err.text);
        assert_true(read_time("b.h5", "cpu_seconds") > time_of_parts(shards));
        assert_true(same("a.h5", "b.h5"));
        assert_false(exists("b.h5.journal"));
    }
    remove_parts();
    og_experiment_free(e);
}

static void joined_as_if_never_parted(void **state)
{
    (void)state;
    shards_are_the_whole(sweep, NULL);
    // Points that the same passes answer; points that have no chips.
    shards_are_the_whole("sweep:\n  - {key: evaluate.votes, values: [1, 3]}\n",
                         "hardware.device.read.sigma=2 uS");
    shards_are_the_whole("sweep:\n  - {key: hardware.ideal, values: [true, false]}\n",
                         NULL);
    // With the parts of costs.
    shards_are_the_whole("sweep:\n  - {key: evaluate.votes, values: [1, 3]}\n",
                         "hardware.technology=isaac_32nm");
}

static void each_trains_what_it_needs(void **state)
{
    (void)state;
    // The trainings alternate, so that parts in the order of points would need both.
    og_experiment *e = read_experiment(
        "sweep:\n"
        "  - {key: hardware.device.read.sigma, name: noise, values: [0 uS, 2 uS]}\n"
        "  - {key: train.lr, values: [0.001, 0.01]}\n",
        NULL);
    run_shards(e, 2);
    for (int i = 1; i <= 2; i++) {
        char name[32];
        snprintf(name, sizeof name, "part%d.h5", i);
        assert_int_equal(links(name, "/train"), 1);
        double done[12], n = 0;
        read_values(name, "/results/done", done, 12);
        for (int k = 0; k < 12; k++) n += done[k];
        assert_true(n == 6);
    }
    remove_parts();
    og_experiment_free(e);
}

static void finished_shards_have_nothing_to_do(void **state)
{
    (void)state;
    og_experiment *e = read_experiment("", NULL);
    struct og_error err = {0};
    run_shards(e, 2);
    assert_int_equal(run_shard(e, 1, 2, OG_JOURNAL_RESUME, &err), OG_OK);
    // What is finished of one part must not be replaced by another.
    char from[PATH], to[PATH];
    in_folder(from, "part1.h5");
    in_folder(to, "part3.h5");
    assert_int_equal(rename(from, to), 0);
    assert_int_equal(run_shard(e, 3, 3, OG_JOURNAL_RESUME, &err), OG_USAGE);
    assert_non_null(strstr(err.text, "part3.h5 holds shard 1/2, this run is shard 3/3"));
    remove_parts();
    og_experiment_free(e);
}

static void what_is_missing_is_said_and_computed(void **state)
{
    (void)state;
    og_experiment *e = read_experiment(sweep, NULL);
    struct og_error err = {0};
    run_whole(e, "a.h5");
    run_shards(e, 4);
    assert_int_equal(merge(2, 4, &err), OG_INPUT);
    if (!strstr(err.text, "3 of 12 records are missing (point 0 trials 0 to 2); "))
        fail_msg("%s", err.text);
    assert_true(exists("b.h5") && exists("b.h5.journal"));
    struct stopper s = {0};
    err = (struct og_error){0};
    if (run(e, "b.h5", OG_JOURNAL_RESUME, &s, &err) != OG_OK) fail_msg("%s", err.text);
    assert_true(same("a.h5", "b.h5"));
    remove_parts();
    og_experiment_free(e);
}

static void other_files_are_refused(void **state)
{
    (void)state;
    struct og_error err = {0};
    og_experiment *e = read_experiment(sweep, NULL);
    run_shards(e, 2);
    og_experiment *other = read_experiment(sweep, "hardware.adc.bits=5");
    assert_int_equal(run_shard(other, 3, 3, OG_JOURNAL_FORCE, &err), OG_OK);
    assert_int_equal(merge(1, 3, &err), OG_INPUT);
    assert_non_null(strstr(err.text, "are of different experiments (different: "
                                     "hardware.adc.bits"));
    assert_false(exists("b.h5.journal"));
    og_experiment_free(other);

    // A result of a whole run has its numbers, but not what they were made of.
    char from[PATH], to[PATH];
    run_whole(e, "a.h5");
    in_folder(from, "a.h5");
    in_folder(to, "part3.h5");
    assert_int_equal(rename(from, to), 0);
    err = (struct og_error){0};
    assert_int_equal(merge(1, 3, &err), OG_INPUT);
    assert_non_null(strstr(err.text, "neither the file of a shard nor a journal"));

    // The same record with other numbers.
    og_journal *journal;
    char *text = og_experiment_text(e), record[40] = {1};
    assert_int_equal(og_journal_open(&journal, to, text, OG_JOURNAL_FORCE, NULL), OG_OK);
    assert_int_equal(og_journal_put(journal, 3, "0/0", record, sizeof record, NULL),
                     OG_OK);
    og_journal_close(journal, false);
    free(text);
    in_folder(from, "part3.h5.journal");
    assert_int_equal(rename(from, to), 0);
    err = (struct og_error){0};
    assert_int_equal(merge(1, 3, &err), OG_INPUT);
    assert_non_null(strstr(err.text, "disagree about record 0/0"));
    remove_parts();
    og_experiment_free(e);
}

// --- files that are damaged
// --------------------------------------------------------------

// What og_result_verify says of a file.
static char *verify(const char *name, bool *good)
{
    char path[PATH], *text = NULL;
    size_t size = 0;
    struct og_error err = {0};
    in_folder(path, name);
    FILE *out = open_memstream(&text, &size);
    if (og_result_verify(path, out, good, &err) != OG_OK) fail_msg("%s", err.text);
    fclose(out);
    return text;
}

static hid_t open_to_damage(const char *name)
{
    char path[PATH];
    in_folder(path, name);
    const hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    assert_true(file >= 0);
    return file;
}

static void expect_fault(const char *name, const char *sentence)
{
    bool good = true;
    char *text = verify(name, &good);
    assert_false(good);
    if (!strstr(text, sentence)) fail_msg("%s", text);
    free(text);
}

static void damage_is_found(void **state)
{
    (void)state;
    og_experiment *e = read_experiment(sweep, NULL);
    run_shards(e, 1);
    bool good = false;
    char *text = verify("part1.h5", &good);
    assert_true(good);
    assert_non_null(strstr(text, "result of shard 1/1 of schema 1, 12 of 12 records, "));
    assert_non_null(strstr(text, ", all checksums match\n"));
    free(text);

    // One value; a dataset that is lost; a value of a chip that is not done.
    hid_t file = open_to_damage("part1.h5");
    hid_t set = H5Dopen2(file, "results/loss", H5P_DEFAULT);
    double loss[12], kept;
    H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, loss);
    kept = loss[5];
    loss[5] += 1e-12;
    H5Dwrite(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, loss);
    H5Fflush(file, H5F_SCOPE_GLOBAL);
    H5Dclose(set);
    H5Fclose(file);
    expect_fault("part1.h5", "results/loss: its checksum does not match its values");

    file = open_to_damage("part1.h5");
    set = H5Dopen2(file, "results/loss", H5P_DEFAULT);
    loss[5] = kept;
    H5Dwrite(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, loss);
    H5Dclose(set);
    assert_true(H5Ldelete(file, "model/m1", H5P_DEFAULT) >= 0);
    H5Fclose(file);
    expect_fault("part1.h5", "datasets were written, ");

    uint8_t done[12] = {0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    file = open_to_damage("part1.h5");
    set = H5Dopen2(file, "results/done", H5P_DEFAULT);
    H5Dwrite(set, H5T_NATIVE_UINT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, done);
    H5Dclose(set);
    H5Fclose(file);
    expect_fault("part1.h5", "loss: has values of chips that are not done");

    // A file from before there were checksums.
    file = open_to_damage("part1.h5");
    assert_true(H5Ldelete(file, "results", H5P_DEFAULT) >= 0);
    assert_true(H5Adelete(file, "datasets") >= 0);
    assert_true(H5Adelete(file, "outline_sum") >= 0);
    H5Fclose(file);
    text = verify("part1.h5", &good);
    assert_true(good);
    free(text);
    remove_parts();
    og_experiment_free(e);
}

// --- the rule to stop
// --------------------------------------------------------------------

static size_t done_at(const char *out, size_t point, size_t trials, size_t points)
{
    double *done = malloc(points * trials * sizeof *done);
    size_t n = 0;
    read_values(out, "/results/done", done, points * trials);
    for (size_t t = 0; t < trials; t++) {
        const bool is = done[point * trials + t] != 0;
        assert_true(!is || t == n);  // the first ones
        n += is;
    }
    free(done);
    return n;
}

static void points_stop_when_they_are_sure(void **state)
{
    (void)state;
    static const char rule[] =
        "sweep:\n"
        "  - {key: hardware.device.program.sigma, name: sigma, values: [0 uS, 1 uS, 12 "
        "uS]}\n"
        "stop: {half_width: 0.02, every: 3}\n";
    og_experiment *e = read_experiment(rule, "trials=12");
    run_whole(e, "a.h5");
    const size_t quiet = done_at("a.h5", 0, 12, 3), noisy = done_at("a.h5", 2, 12, 3);
    assert_int_equal(quiet, 3);  // chips that are all the same
    assert_true(noisy > quiet && (noisy == 12 || noisy % 3 == 0));
    double low[3], high[3], mean[3];
    read_values("a.h5", "/results/accuracy_low", low, 3);
    read_values("a.h5", "/results/accuracy_high", high, 3);
    read_values("a.h5", "/results/accuracy_mean", mean, 3);
    for (size_t p = 0; p < 3; p++)
        if (done_at("a.h5", p, 12, 3) < 12) assert_true(high[p] - mean[p] <= 0.02);
    // Stopped and continued, the same; and then there is nothing left.
    run_in_pieces(e, "b.h5", 5, SIGINT);
    assert_true(same("a.h5", "b.h5"));
    struct stopper s = {0};
    assert_int_equal(run(e, "b.h5", OG_JOURNAL_RESUME, &s, NULL), OG_OK);
    assert_int_equal(s.calls, 0);
    // Points that the same passes answer decide for themselves.
    og_experiment *votes =
        read_experiment("sweep:\n"
                        "  - {key: evaluate.votes, values: [1, 3]}\n"
                        "  - {key: hardware.device.read.sigma, values: [6 uS]}\n"
                        "stop: {half_width: 0.01, every: 3}\n",
                        "trials=9");
    run_whole(votes, "b.h5");
    read_values("b.h5", "/results/accuracy_high", high, 2);
    read_values("b.h5", "/results/accuracy_mean", mean, 2);
    for (size_t p = 0; p < 2; p++)
        assert_true(done_at("b.h5", p, 9, 2) == 9 || high[p] - mean[p] <= 0.01);
    og_experiment_free(votes);
    // Of a part, nobody can say.
    struct og_error err = {0};
    assert_int_equal(run_shard(e, 1, 2, OG_JOURNAL_NEW, &err), OG_USAGE);
    assert_non_null(strstr(err.text, "stop.half_width"));
    og_experiment_free(e);
}

static void rules_without_effect_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *more, *error;
    } bad[] = {
        {"stop: {every: 4}\n", "has no effect without stop.half_width"},
        {"stop: {metric: loss}\n", "has no effect without stop.half_width"},
        {"stop: {half_width: 0.01, every: 3}\n", "is not below trials 3"},
        {"stop: {half_width: 0.01, every: 1}\n", "every"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char path[PATH], text[4096];
        og_experiment *e = NULL;
        struct og_error err = {0};
        snprintf(text, sizeof text, "%s%s", head, bad[i].more);
        write_bytes("e.yaml", text, strlen(text));
        in_folder(path, "e.yaml");
        assert_int_equal(og_experiment_read(&e, path, NULL, &err), OG_INPUT);
        if (!strstr(err.text, bad[i].error)) fail_msg("%s", err.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(joined_as_if_never_parted),
        cmocka_unit_test(each_trains_what_it_needs),
        cmocka_unit_test(finished_shards_have_nothing_to_do),
        cmocka_unit_test(what_is_missing_is_said_and_computed),
        cmocka_unit_test(other_files_are_refused),
        cmocka_unit_test(damage_is_found),
        cmocka_unit_test(points_stop_when_they_are_sure),
        cmocka_unit_test(rules_without_effect_are_refused),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
