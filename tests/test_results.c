// SPDX-License-Identifier: GPL-3.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <hdf5.h>
#include <hdf5_hl.h>

#include "base/mem.h"
#include "ohmgrid/cpu.h"
#include "ohmgrid/results.h"
#include "results/statistics.h"
#include "results/table.h"
#include "temp_folder.h"

enum { TRAINING = 2, NOISE = 3, TRIALS = 4, POINTS = TRAINING * NOISE, SAMPLES = 203 };

struct fixture {
    char folder[TEMP_PATH], a[TEMP_FILE], b[TEMP_FILE], figure[TEMP_FILE];
    double sigma[NOISE], bits[NOISE];
    char *label[TRAINING];
    struct og_axis_column column[3];
    struct og_axis axis[2];
    const struct og_axis *axes[2];
    struct og_metric metric[2];
    double value[2 * POINTS * TRIALS];
    uint8_t done[POINTS * TRIALS];
    uint32_t trained[POINTS];
    uint8_t correct[POINTS * TRIALS * ((SAMPLES + 7) / 8)];
    double loss[3], accuracy[3], lr[3];
    struct og_curve_set curve;
    float weight[6];
    struct og_blob blob;
    struct og_result r;
};

static void fill_values(struct fixture *f)
{
    enum { BYTES = (SAMPLES + 7) / 8 };
    for (int i = 0; i < POINTS * TRIALS; i++) {
        int point = i / TRIALS, hits = 0;
        f->done[i] = 1;
        for (int s = 0; s < SAMPLES; s++) {
            int hit = (s * 37 + i * 11) % 203 < 190 - 20 * (point % NOISE);
            hits += hit;
            f->correct[i * BYTES + s / 8] |= (uint8_t)(hit << s % 8);
        }
        f->value[i] = (double)hits / SAMPLES - 0.002 * (i % TRIALS);
        f->value[POINTS * TRIALS + i] = 0.2385 + 0.1 * point + 0.013 * (i % TRIALS);
    }
    f->done[POINTS * TRIALS - 1] = 0;
    f->value[POINTS * TRIALS - 1] = NAN;
    f->value[2 * POINTS * TRIALS - 1] = NAN;
}

static void fill_axes(struct fixture *f)
{
    f->label[0] = "plain";
    f->label[1] = "hardware-aware µ";
    for (int i = 0; i < NOISE; i++) {
        f->sigma[i] = 0.25e-6 * i;
        f->bits[i] = 8 - 2 * i;
    }
    f->column[0] = (struct og_axis_column){
        .name = "training", .key = "train.hardware", .text = true, .label = f->label};
    f->column[1] = (struct og_axis_column){.name = "read_noise",
                                           .key = "hardware.device.read.sigma",
                                           .units = "S",
                                           .value = f->sigma};
    f->column[2] = (struct og_axis_column){
        .name = "adc_bits", .key = "hardware.adc.bits", .units = "1", .value = f->bits};
    f->axis[0] = (struct og_axis){.n = TRAINING, .columns = 1, .column = &f->column[0]};
    f->axis[1] = (struct og_axis){.n = NOISE, .columns = 2, .column = &f->column[1]};
    f->axes[0] = &f->axis[0];
    f->axes[1] = &f->axis[1];
}

static void fill_rest(struct fixture *f)
{
    f->metric[0] = (struct og_metric){"accuracy", "1", "test accuracy"};
    f->metric[1] = (struct og_metric){"loss", "1", "test cross-entropy"};
    for (int e = 0; e < 3; e++) {
        f->loss[e] = 1.0 / (e + 1);
        f->accuracy[e] = 0.7 + 0.1 * e;
        f->lr[e] = 0.01;
    }
    f->curve = (struct og_curve_set){"m0", 3, f->loss, f->accuracy, f->lr};
    for (int i = 0; i < 6; i++) f->weight[i] = 0.17f * (float)i;
    f->blob =
        (struct og_blob){"model/m0/dense1/W", 2, {2, 3, 0, 0}, f->weight, "1", false};
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    if (!temp_make(f->folder)) return -1;
    snprintf(f->a, sizeof f->a, "%s/a.h5", f->folder);
    snprintf(f->b, sizeof f->b, "%s/b.h5", f->folder);
    snprintf(f->figure, sizeof f->figure, "%s/fig.png", f->folder);
    fill_axes(f);
    fill_values(f);
    fill_rest(f);
    f->r = (struct og_result){.seed = 17,
                              .experiment = "seed: 17\n",
                              .command = "ohmgrid run x.yaml",
                              .title = "A test",
                              .axes = 2,
                              .axis = f->axes,
                              .trials = TRIALS,
                              .metrics = 2,
                              .metric = f->metric,
                              .value = f->value,
                              .done = f->done,
                              .trained = f->trained,
                              .correct = f->correct,
                              .samples = SAMPLES,
                              .curves = 1,
                              .curve = &f->curve,
                              .blobs = 1,
                              .blob = &f->blob,
                              .seconds = 1.5,
                              .threads = 2};
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    int r = temp_remove(f->folder);
    free(f);
    return r;
}

static void write_ok(const struct fixture *f, const char *path)
{
    struct og_error err = {0};
    og_status s = og_result_write(path, &f->r, &err);
    if (s != OG_OK) print_error("%s\n", err.text);
    assert_int_equal(s, OG_OK);
}

static void read_reals(const char *path, const char *name, double *value)
{
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    assert_true(file >= 0);
    assert_true(H5LTread_dataset_double(file, name, value) >= 0);
    H5Fclose(file);
}

static void values_come_back(void **state)
{
    struct fixture *f = *state;
    write_ok(f, f->a);
    double back[POINTS * TRIALS], mean[POINTS], low[POINTS], high[POINTS], sigma[NOISE];
    read_reals(f->a, "results/accuracy", back);
    for (int i = 0; i < POINTS * TRIALS - 1; i++) assert_true(back[i] == f->value[i]);
    assert_true(isnan(back[POINTS * TRIALS - 1]));
    read_reals(f->a, "results/read_noise", sigma);
    assert_memory_equal(sigma, f->sigma, sizeof sigma);
    read_reals(f->a, "results/accuracy_mean", mean);
    read_reals(f->a, "results/accuracy_low", low);
    read_reals(f->a, "results/accuracy_high", high);
    // By hand: 4 chips at 0, -1, -2, -3 steps of 0.002; t(0.975, 3) = 3.182446305284263.
    struct og_interval i = og_interval_chips(f->value, f->done, TRIALS);
    assert_true(mean[0] == i.mean && low[0] == i.low && high[0] == i.high);
    read_reals(f->a, "results/accuracy_total_low", low);
    read_reals(f->a, "results/accuracy_total_high", high);
    for (int p = 0; p < POINTS; p++) {
        assert_true(low[p] > 0.5 && low[p] < high[p] && high[p] <= 1);
        assert_true(fabs((low[p] + high[p]) / 2 - mean[p]) < 0.03);
    }
}

static void interval_by_hand(void **state)
{
    (void)state;
    const double v[] = {2.385, 2.391, 99, 2.377, 2.399};
    const uint8_t done[] = {1, 1, 0, 1, 1};
    struct og_interval i = og_interval_chips(v, done, 5);
    // mean 2.388; squares 9, 9, 121, 121 e-6; s = sqrt(260e-6 / 3); half = t s / 2.
    assert_true(fabs(i.mean - 2.388) < 1e-12);
    double half = 3.182446305284263 * sqrt(260e-6 / 3) / 2;
    assert_true(fabs(i.high - i.mean - half) < 1e-9);
    assert_true(fabs(i.mean - i.low - half) < 1e-9);
    i = og_interval_chips(v, done + 4, 1);
    assert_true(i.mean == v[0] && isnan(i.low) && isnan(i.high));
    i = og_interval_chips(v, done + 2, 1);
    assert_true(isnan(i.mean));
    i = og_interval_unit((struct og_interval){0.99, 0.97, 1.01});
    assert_true(i.low == 0.97 && i.high == 1);
}

// With one chip the bootstrap is over test samples alone: its width is that of a mean of
// SAMPLES coin throws, 2 x 1.96 sqrt(p (1 - p) / n), to the 5 % that 2000 resamples give.
static void bootstrap_width(void **state)
{
    struct fixture *f = *state;
    f->r.axes = 0;
    f->r.trials = 1;
    double low, high, p = 0;
    for (int s = 0; s < SAMPLES; s++) p += f->correct[s / 8] >> s % 8 & 1;
    p /= SAMPLES;
    assert_int_equal(og_bootstrap(&f->r, 1, &low, &high, NULL), OG_OK);
    double wide = 2 * 1.96 * sqrt(p * (1 - p) / SAMPLES);
    if (!(fabs((high - low) / wide - 1) < 0.2)) print_error("%g %g\n", high - low, wide);
    assert_true(fabs((high - low) / wide - 1) < 0.2);
    assert_true(fabs((high + low) / 2 - p) < 0.01);
}

static void bootstrap_for_any_threads(void **state)
{
    const struct fixture *f = *state;
    double low[3][POINTS], high[3][POINTS];
    const int threads[] = {1, 2, 7};
    for (int i = 0; i < 3; i++) {
        og_set_threads(threads[i]);
        assert_int_equal(og_bootstrap(&f->r, POINTS, low[i], high[i], NULL), OG_OK);
        assert_memory_equal(low[i], low[0], sizeof low[0]);
        assert_memory_equal(high[i], high[0], sizeof high[0]);
    }
    og_set_threads(0);
}

static void assert_same_bytes(const struct fixture *f)
{
    struct stat a, b;
    assert_int_equal(stat(f->a, &a), 0);
    assert_int_equal(stat(f->b, &b), 0);
    assert_int_equal(a.st_size, b.st_size);
    char *x = malloc((size_t)a.st_size), *y = malloc((size_t)a.st_size);
    FILE *fa = fopen(f->a, "rb"), *fb = fopen(f->b, "rb");
    assert_int_equal(fread(x, 1, (size_t)a.st_size, fa), a.st_size);
    assert_int_equal(fread(y, 1, (size_t)a.st_size, fb), a.st_size);
    assert_memory_equal(x, y, (size_t)a.st_size);
    fclose(fa);
    fclose(fb);
    free(x);
    free(y);
}

static void same_bytes_whenever_written(void **state)
{
    struct fixture *f = *state;
    setenv("SOURCE_DATE_EPOCH", "1000000000", 1);
    write_ok(f, f->a);
    write_ok(f, f->b);
    unsetenv("SOURCE_DATE_EPOCH");
    assert_same_bytes(f);
}

static char *diff_text(const struct fixture *f, bool expected)
{
    char *text;
    size_t n;
    FILE *out = open_memstream(&text, &n);
    struct og_error err = {0};
    bool same;
    assert_int_equal(og_result_diff(f->a, f->b, out, &same, &err), OG_OK);
    fclose(out);
    if (same != expected) print_error("%s\n", text);
    assert_int_equal(same, expected);
    return text;
}

static void diff_is(const struct fixture *f, const char *expected)
{
    char *text = diff_text(f, expected[0] == '\0');
    assert_string_equal(text, expected);
    free(text);
}

static void diff_ignores_provenance_only(void **state)
{
    struct fixture *f = *state;
    write_ok(f, f->a);
    f->r.seconds = 99;
    f->r.command = "another";
    write_ok(f, f->b);
    diff_is(f, "");
    f->weight[4] = nextafterf(f->weight[4], 1);
    write_ok(f, f->b);
    diff_is(f, "model/m0/dense1/W: 1 of 6 values differ, first at [1, 1]: "
               "0.68000000715255737 and 0.68000006675720215\n");
    f->weight[4] = 0.17f * 4;
    f->label[1] = "other";
    write_ok(f, f->b);
    diff_is(f, "results/training: 1 of 2 values differ, first at [1]: "
               "'hardware-aware µ' and 'other'\n");
    f->label[1] = "hardware-aware µ";
    f->metric[1].units = "nat";
    f->r.blobs = 0;
    write_ok(f, f->b);
    diff_is(f, "results/loss: units differ\nresults/loss_high: units differ\n"
               "results/loss_low: units differ\nresults/loss_mean: units differ\n"
               "model/m0: only in the first file\n");
    f->metric[1].units = "1";
    f->r.blobs = 1;
    f->blob.dim[0] = 3;
    f->blob.dim[1] = 2;
    write_ok(f, f->b);
    diff_is(f, "model/m0/dense1/W: shapes differ\n");
}

static void diff_stops_after_twenty_lines(void **state)
{
    struct fixture *f = *state;
    write_ok(f, f->a);
    struct og_blob many[30];
    char path[30][40];
    for (int i = 0; i < 30; i++) {
        snprintf(path[i], sizeof path[i], "chip/g%02d", i);
        many[i] = (struct og_blob){path[i], 1, {2, 0, 0, 0}, f->weight, "S", false};
    }
    f->r.blobs = 30;
    f->r.blob = many;
    write_ok(f, f->b);
    char *text = diff_text(f, false);
    int lines = 0;
    for (const char *c = text; *c != '\0'; c++) lines += *c == '\n';
    assert_int_equal(lines, 21);
    assert_non_null(strstr(text, "... and 11 more\n"));
    free(text);
}

static void show_prints_the_table(void **state)
{
    struct fixture *f = *state;
    f->r.axes = 1;
    f->r.axis = &f->axes[1];
    f->r.trials = 2;
    f->r.metrics = 1;
    double value[] = {0.9, 0.9, 0.8, NAN, NAN, NAN};
    uint8_t done[] = {1, 1, 1, 0, 0, 0};
    f->r.value = value;
    f->r.done = done;
    f->r.correct = NULL;
    write_ok(f, f->a);
    char *text;
    size_t n;
    FILE *out = open_memstream(&text, &n);
    assert_int_equal(og_result_show(f->a, out, NULL), OG_OK);
    fclose(out);
    assert_string_equal(text,
                        "A test\n\n"
                        "read_noise [µS]  adc_bits  accuracy                 chips\n"
                        "0                8         0.9000 [0.9000, 0.9000]  2/2\n"
                        "0.25             6         0.8000                   1/2\n"
                        "0.5              4         -                        0/2\n"
                        "\n[low, high]: 95 % interval of the mean over chips\n");
    free(text);
    bool complete = true;
    assert_int_equal(og_result_complete(f->a, &complete, NULL), OG_OK);
    assert_false(complete);
    memset(done, 1, sizeof done);
    f->r.complete = true;
    write_ok(f, f->a);
    assert_int_equal(og_result_complete(f->a, &complete, NULL), OG_OK);
    assert_true(complete);
}

static void no_axes_at_all(void **state)
{
    struct fixture *f = *state;
    f->r.axes = 0;
    write_ok(f, f->a);
    struct og_table t;
    assert_int_equal(og_table_read(&t, f->a, NULL), OG_OK);
    assert_int_equal(t.axes, 0);
    assert_int_equal(t.points, 1);
    assert_int_equal(t.trials, TRIALS);
    assert_int_equal(t.metrics, 2);
    assert_true(isfinite(t.metric[0].mean[0]));
    og_table_free(&t);
}

// A large table is packed, in the same bytes whenever it is written; its values come back.
static void large_tables_are_packed(void **state)
{
    enum { MANY = 20000 };
    struct fixture *f = *state;
    double *value = calloc(2 * MANY, sizeof *value);
    uint8_t *done = calloc(MANY, 1);
    for (int i = 0; i < MANY; i++) {
        done[i] = 1;
        value[i] = value[MANY + i] = 0.1 * (i % 7);
    }
    struct og_result r = f->r;
    r.axes = 0;
    r.trials = MANY;
    r.value = value;
    r.done = done;
    r.samples = 0;
    r.correct = NULL;
    setenv("SOURCE_DATE_EPOCH", "1000000000", 1);
    assert_int_equal(og_result_write(f->a, &r, NULL), OG_OK);
    assert_int_equal(og_result_write(f->b, &r, NULL), OG_OK);
    unsetenv("SOURCE_DATE_EPOCH");
    assert_same_bytes(f);
    double *back = calloc(MANY, sizeof *back);
    hid_t file = H5Fopen(f->a, H5F_ACC_RDONLY, H5P_DEFAULT);
    hid_t set = H5Dopen2(file, "results/loss", H5P_DEFAULT);
    assert_true(H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, back) >=
                0);
    assert_memory_equal(back, value, MANY * sizeof *back);
    assert_true(H5Dget_storage_size(set) < MANY * sizeof *back / 10);
    H5Dclose(set);
    H5Fclose(file);
    bool good = false;
    FILE *out = fopen("/dev/null", "w");
    assert_int_equal(og_result_verify(f->a, out, &good, NULL), OG_OK);
    assert_true(good);
    fclose(out);
    free(back);
    free(value);
    free(done);
}

// What xarray's engines want: a scale of the same group on every axis of every dataset.
static herr_t has_scales(hid_t group, const char *name, const H5L_info_t *info,
                         void *user)
{
    (void)info;
    hid_t set = H5Dopen2(group, name, H5P_DEFAULT);
    hid_t space = H5Dget_space(set);
    int rank = H5Sget_simple_extent_ndims(space), *sets = user;
    for (int i = 0; i < rank && H5DSis_scale(set) <= 0; i++)
        if (H5DSget_num_scales(set, (unsigned)i) != 1) return -1;
    if (H5DSis_scale(set) > 0 && rank != 1) return -1;
    (*sets)++;
    H5Sclose(space);
    H5Dclose(set);
    return 0;
}

static void scales_everywhere(void **state)
{
    struct fixture *f = *state;
    write_ok(f, f->a);
    hid_t file = H5Fopen(f->a, H5F_ACC_RDONLY, H5P_DEFAULT);
    hid_t group = H5Gopen2(file, "results", H5P_DEFAULT);
    int sets = 0;
    assert_true(H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, NULL, has_scales, &sets) >=
                0);
    assert_int_equal(sets, 16);
    H5Gclose(group);
    H5Fclose(file);
}

static void bad_files_and_places(void **state)
{
    struct fixture *f = *state;
    struct og_error err = {0};
    FILE *out = fopen(f->a, "w");
    fputs("no HDF5 at all", out);
    fclose(out);
    assert_int_equal(og_result_show(f->a, stdout, &err), OG_INPUT);
    assert_non_null(strstr(err.text, "a.h5: not an HDF5 file"));
    err = (struct og_error){0};
    hid_t file = H5Fcreate(f->a, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    H5Fclose(file);
    assert_int_equal(og_result_show(f->a, stdout, &err), OG_INPUT);
    assert_non_null(strstr(err.text, "a.h5: not a result file of ohmgrid"));
    err = (struct og_error){0};
    assert_int_equal(og_result_show(f->b, stdout, &err), OG_USAGE);
    assert_non_null(strstr(err.text, "b.h5: cannot read: No such file"));
    err = (struct og_error){0};
    assert_int_equal(og_result_write("/dev/null/x.h5", &f->r, &err), OG_USAGE);
    assert_non_null(strstr(err.text, "x.h5: cannot write: Not a directory"));
    err = (struct og_error){0};
    strcpy(f->column[1].name, "accuracy");
    assert_int_equal(og_result_write(f->b, &f->r, &err), OG_INPUT);
    assert_non_null(strstr(err.text, "two quantities are called 'accuracy'"));
    assert_int_not_equal(access(f->b, F_OK), 0);
}

// A full disk is an ordinary error: the old file stays, nothing is left lying about.
static void full_disk(void **state)
{
    struct fixture *f = *state;
    write_ok(f, f->a);
    write_ok(f, f->b);
    f->value[0] = 0.5;
    struct rlimit old, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = 5000;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    struct og_error err = {0};
    og_status s = og_result_write(f->a, &f->r, &err);
    setrlimit(RLIMIT_FSIZE, &old);
    signal(SIGXFSZ, handler);
    assert_int_equal(s, OG_IO);
    assert_non_null(strstr(err.text, "a.h5: cannot write: File too large"));
    diff_is(f, "");
}

static void failing_allocations(void **state)
{
    struct fixture *f = *state;
    og_status s;
    size_t n = 0;
    do {
        og_alloc_fail_at(++n);
        s = og_result_write(f->a, &f->r, NULL);
        og_alloc_fail_at(0);
        assert_true(s == OG_OK || s == OG_NO_MEMORY);
        assert_int_equal(access(f->a, F_OK) == 0, s == OG_OK);
    } while (s != OG_OK && n < 500);
    assert_int_equal(s, OG_OK);
    assert_true(n > 10);
    write_ok(f, f->b);
    diff_is(f, "");
    struct og_table t;
    n = 0;
    do {
        og_alloc_fail_at(++n);
        s = og_table_read(&t, f->a, NULL);
        og_alloc_fail_at(0);
        assert_true(s == OG_OK || s == OG_NO_MEMORY);
    } while (s != OG_OK && n < 500);
    og_table_free(&t);
    assert_true(n > 10 && n < 500);
}

static void prefixes(void **state)
{
    (void)state;
    const double small[] = {0, 0.25e-6}, large[] = {1e-12, 2500}, nothing[] = {0, NAN};
    struct og_scaled s = og_scale_units("S", small, 2);
    assert_string_equal(s.units, "µS");
    assert_true(s.factor == 1e6);
    s = og_scale_units("Ohm", large, 2);
    assert_string_equal(s.units, "kOhm");
    s = og_scale_units("dB", large, 2);
    assert_string_equal(s.units, "dB");
    assert_true(s.factor == 1);
    s = og_scale_units("S", nothing, 2);
    assert_string_equal(s.units, "S");
}

// --resume with a result file but no journal.
static void journal_beside_a_result(void **state)
{
    struct fixture *f = *state;
    f->r.experiment = "seed: 17\ntrials: 3\n";
    write_ok(f, f->a);
    og_journal *j;
    struct og_error err = {0};
    assert_int_equal(og_journal_open(&j, f->a, f->r.experiment, OG_JOURNAL_RESUME, &err),
                     OG_OK);
    og_journal_close(j, true);
    assert_int_equal(
        og_journal_open(&j, f->a, "seed: 18\ntrials: 4\n", OG_JOURNAL_RESUME, &err),
        OG_USAGE);
    assert_non_null(strstr(err.text, "a.h5 belongs to another experiment (different: "
                                     "seed, trials); --force replaces it"));
    char *text;
    assert_int_equal(og_result_experiment(f->a, &text, NULL), OG_OK);
    assert_string_equal(text, f->r.experiment);
    free(text);
}

#define RESULT_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RESULT_TEST(values_come_back),
        cmocka_unit_test(interval_by_hand),
        RESULT_TEST(bootstrap_width),
        RESULT_TEST(bootstrap_for_any_threads),
        RESULT_TEST(same_bytes_whenever_written),
        RESULT_TEST(diff_ignores_provenance_only),
        RESULT_TEST(diff_stops_after_twenty_lines),
        RESULT_TEST(show_prints_the_table),
        RESULT_TEST(no_axes_at_all),
        RESULT_TEST(scales_everywhere),
        RESULT_TEST(large_tables_are_packed),
        RESULT_TEST(bad_files_and_places),
        RESULT_TEST(full_disk),
        RESULT_TEST(journal_beside_a_result),
        RESULT_TEST(failing_allocations),
        cmocka_unit_test(prefixes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
