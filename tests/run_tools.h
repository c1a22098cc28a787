// SPDX-License-Identifier: GPL-3.0-or-later
// What the tests of whole runs share: a folder with a small data set, experiments on it,
// and looks into their results. Include after cmocka.h.
#ifndef OG_TESTS_RUN_TOOLS_H
#define OG_TESTS_RUN_TOOLS_H

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <hdf5.h>

#include "ohmgrid/random.h"
#include "ohmgrid/run.h"
#include "temp_folder.h"

enum { SIDE = 28, TRAIN = 150, TEST = 60, PATH = 256 };

static char folder[TEMP_PATH];

static inline void in_folder(char path[PATH], const char *name)
{
    snprintf(path, PATH, "%s/%s", folder, name);
}

static inline void write_bytes(const char *name, const void *bytes, size_t n)
{
    char path[PATH];
    in_folder(path, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

// Digits whose class lights two rows, under noise.
static inline void write_split(const char *images, const char *labels, size_t n,
                               uint32_t number)
{
    static uint8_t image[16 + TRAIN * SIDE * SIDE], label[8 + TRAIN];
    const uint8_t image_head[16] = {0, 0, 8, 3,    0, 0, 0, (uint8_t)n,
                                    0, 0, 0, SIDE, 0, 0, 0, SIDE};
    const uint8_t label_head[8] = {0, 0, 8, 1, 0, 0, 0, (uint8_t)n};
    memcpy(image, image_head, 16);
    memcpy(label, label_head, 8);
    const struct og_stream s = og_stream_named(9, OG_ATTACK, number, 0, 0);
    for (size_t i = 0; i < n; i++) {
        const uint32_t class = (uint32_t)i % 10;
        label[8 + i] = (uint8_t) class;
        for (size_t p = 0; p < SIDE * SIDE; p++) {
            const uint32_t w =
                og_random_word(&s, (struct og_index){(uint32_t)i, 0, 0}, p);
            const bool lit = p / SIDE / 2 == class + 2;
            image[16 + i * SIDE * SIDE + p] = (uint8_t)(w % 128 + (lit ? 120 : 0));
        }
    }
    write_bytes(images, image, 16 + n * SIDE * SIDE);
    write_bytes(labels, label, 8 + n);
}

static inline int make_folder(void **state)
{
    (void)state;
    char path[PATH];
    if (!temp_make(folder)) return 1;
    in_folder(path, "mnist");
    if (mkdir(path, 0700) != 0) return 1;
    write_split("mnist/train-images-idx3-ubyte", "mnist/train-labels-idx1-ubyte", TRAIN,
                0);
    write_split("mnist/t10k-images-idx3-ubyte", "mnist/t10k-labels-idx1-ubyte", TEST, 1);
    return 0;
}

static inline int remove_folder(void **state)
{
    (void)state;
    static const char *const names[] = {
        "mnist/train-images-idx3-ubyte",
        "mnist/train-labels-idx1-ubyte",
        "mnist/t10k-images-idx3-ubyte",
        "mnist/t10k-labels-idx1-ubyte",
        "mnist",
        "e.yaml",
        "a.h5",
        "b.h5",
        "a.h5.journal",
        "b.h5.journal",
        "",
    };
    char path[PATH];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        in_folder(path, names[i]);
        if (remove(path) != 0 && strstr(path, ".h5") == NULL) return 1;
    }
    return 0;
}

static const char head[] =
    "title: tiny\n"
    "seed: 3\n"
    "trials: 3\n"
    "data: {name: mnist}\n"
    "model:\n"
    "  layers:\n"
    "    - dense: {units: 12}\n"
    "    - relu:\n"
    "    - dense: {units: 10}\n"
    "hardware:\n"
    "  device:\n"
    "    name: generic\n"
    "    program: {kind: constant, sigma: 1 uS}\n"
    "    read: {kind: constant, sigma: 0 uS}\n"
    "  dac: {bits: 6, range_mode: minmax}\n"
    "  adc: {bits: 6, range_mode: minmax}\n"
    "train: {epochs: 2, batch: 32, optimizer: adam, lr: 0.01, calibrate_samples: 40}\n"
    "evaluate: {batch: 32, calibrate_samples: 50}\n"
    "output: {model: true, chip: true, errors: true}\n";

static const char sweep[] =
    "sweep:\n"
    "  - {key: train.hardware, name: training, values: [ideal, nominal],"
    " labels: [plain, aware]}\n"
    "  - {key: hardware.device.read.sigma, name: read_noise, values: [0 uS, 2 uS]}\n";

static inline og_experiment *read_experiment(const char *more, const char *set)
{
    char path[PATH], text[4096];
    og_experiment *e;
    struct og_error err = {0};
    const int length = snprintf(text, sizeof text, "%s%s", head, more);
    assert_true(length > 0 && (size_t)length < sizeof text);
    write_bytes("e.yaml", text, strlen(text));
    in_folder(path, "e.yaml");
    const struct og_overrides overrides = {.set = &set, .sets = set ? 1 : 0};
    if (og_experiment_read(&e, path, &overrides, &err) != OG_OK) fail_msg("%s", err.text);
    return e;
}

static inline og_experiment *read_experiment_of(const char *part, const char *more,
                                                const char *set)
{
    char text[2048];
    const int length = snprintf(text, sizeof text, "%s%s", part, more);
    assert_true(length > 0 && (size_t)length < sizeof text);
    return read_experiment(text, set);
}

// Raises the flag at the `every`-th report.
struct stopper {
    volatile int flag;
    int signal, every, calls;
    double fraction;
};

static inline void count_call(void *user, const struct og_progress *p)
{
    struct stopper *s = user;
    assert_true(p->fraction >= 0.0 && p->fraction <= 1.0);
    assert_true(p->stage[0] != '\0' && p->detail[0] != '\0');
    s->fraction = p->fraction;
    if (++s->calls == s->every) s->flag = s->signal;
}

static inline og_status run(const og_experiment *e, const char *out,
                            enum og_journal_mode mode, struct stopper *s,
                            struct og_error *err)
{
    char path[PATH];
    in_folder(path, out);
    s->flag = s->calls = 0;
    const struct og_run_options o = {
        .out = path,
        .command = "test",
        .data = folder,
        .mode = mode,
        .threads = s->every % 3,
        .progress = count_call,
        .user = s,
        .signal = &s->flag,
    };
    return og_run(e, &o, err);
}

// One thread, never stopped: reports are one for each batch.
static const struct stopper counter = {.every = 1 << 30};

static inline void run_whole(const og_experiment *e, const char *out)
{
    struct stopper s = {0};
    struct og_error err = {0};
    if (run(e, out, OG_JOURNAL_FORCE, &s, &err) != OG_OK) fail_msg("%s", err.text);
    assert_true(s.fraction > 0.999);
}

static inline bool exists(const char *name)
{
    char path[PATH];
    in_folder(path, name);
    return access(path, F_OK) == 0;
}

// Runs to the end, stopped by the signal at every `every`-th report.
static inline void run_in_pieces(const og_experiment *e, const char *out, int every,
                                 int signal)
{
    struct stopper s = {.every = every, .signal = signal};
    char journal[64];
    snprintf(journal, sizeof journal, "%s.journal", out);
    enum og_journal_mode mode = OG_JOURNAL_FORCE;
    for (int times = 0;; times++) {
        struct og_error err = {0};
        const og_status status = run(e, out, mode, &s, &err);
        assert_true(times < 100);
        if (status == OG_OK) {
            assert_true(times >= 1);
            break;
        }
        if (status != (signal == SIGTERM ? OG_TERMINATED : OG_INTERRUPTED))
            fail_msg("%s", err.text);
        assert_true(exists(out) && exists(journal));
        assert_non_null(strstr(err.text, "--resume"));
        mode = OG_JOURNAL_RESUME;
    }
    assert_false(exists(journal));
}

static inline bool same(const char *a, const char *b)
{
    char first[PATH], second[PATH];
    bool equal = false;
    struct og_error err = {0};
    in_folder(first, a);
    in_folder(second, b);
    if (og_result_diff(first, second, stderr, &equal, &err) != OG_OK)
        fail_msg("%s", err.text);
    return equal;
}

static inline size_t links(const char *out, const char *group)
{
    char path[PATH];
    in_folder(path, out);
    const hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    assert_true(file >= 0);
    H5G_info_t info;
    assert_true(H5Gget_info_by_name(file, group, &info, H5P_DEFAULT) >= 0);
    H5Fclose(file);
    return (size_t)info.nlinks;
}

static inline double read_time(const char *out, const char *name)
{
    char path[PATH];
    double value = -1;
    in_folder(path, out);
    const hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    assert_true(file >= 0);
    const hid_t attr = H5Aopen_by_name(file, "/run", name, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(H5Aread(attr, H5T_NATIVE_DOUBLE, &value) >= 0);
    H5Aclose(attr);
    H5Fclose(file);
    return value;
}

static inline void read_values(const char *out, const char *name, double *value, size_t n)
{
    char path[PATH];
    in_folder(path, out);
    const hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    assert_true(file >= 0);
    const hid_t set = H5Dopen2(file, name, H5P_DEFAULT), space = H5Dget_space(set);
    assert_int_equal(H5Sget_simple_extent_npoints(space), n);
    assert_true(H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, value) >=
                0);
    H5Sclose(space);
    H5Dclose(set);
    H5Fclose(file);
}

#endif
