// SPDX-License-Identifier: GPL-3.0-or-later
// A sweep over chips of LeNet-5 from end to end, by the clock: with two threads, with
// one, and by two processes at once, which share nothing but the machine: more than they
// no program gets out of it. And what of its time the journal and the result file take.
// Its data set is made here, in a folder that goes away.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>
#include <sys/wait.h>

#include "base/mem.h"
#include "experiment/bench_case.h"
#include "experiment/job.h"
#include "ohmgrid/cpu.h"
#include "ohmgrid/run.h"

static const char text[] =
    "seed: 3\n"
    "data: {name: mnist, train_limit: 200}\n"
    "model:\n"
    "  layers: [{conv2d: {filters: 20, kernel: 5}}, {max_pool: {size: 2}},\n"
    "    {conv2d: {filters: 50, kernel: 5}}, {max_pool: {size: 2}}, flatten,\n"
    "    {dense: {units: 500}}, relu, {dense: {units: 10}}]\n"
    "hardware:\n"
    "  device:\n"
    "    name: generic\n"
    "    program: {kind: constant, sigma: 1 uS}\n"
    "    read: {kind: constant, sigma: 2 uS}\n"
    "  dac: {bits: 8, range_mode: minmax}\n"
    "  adc: {bits: 8, range_mode: minmax}\n"
    "train: {epochs: 1, batch: 50, lr: 0.001, calibrate_samples: 100}\n"
    "evaluate: {batch: 100, calibrate_samples: 100}\n"
    "sweep:\n"
    "  - {key: hardware.device.read.sigma, name: noise, values: [0 uS, 1 uS, 2 uS]}\n";

enum { PATH = 200, SIDE = 28, SAMPLES = 1000 };
static const char *const files[] = {"mnist/train-images-idx3-ubyte",
                                    "mnist/train-labels-idx1-ubyte",
                                    "mnist/t10k-images-idx3-ubyte",
                                    "mnist/t10k-labels-idx1-ubyte",
                                    "out.h5",
                                    "out2.h5"};
enum { FILES = sizeof files / sizeof *files };

struct sweep {
    char folder[PATH / 2];
    og_experiment *e;
    double storing, seconds;  // of the last run
};

static const char *path_of(const struct sweep *b, const char *name, char path[PATH])
{
    snprintf(path, PATH, "%s/%s", b->folder, name);
    return path;
}

static void sweep_close(void *bench)
{
    struct sweep *b = bench;
    char path[PATH];
    if (b == NULL) return;
    for (int i = 0; b->folder[0] != '\0' && i < FILES; i++)
        unlink(path_of(b, files[i], path));
    if (b->folder[0] != '\0') {
        rmdir(path_of(b, "mnist", path));
        rmdir(b->folder);
    }
    og_experiment_free(b->e);
    og_free(b);
}

static bool put_idx(const char *path, const unsigned char *header, size_t size,
                    const unsigned char *data, size_t n)
{
    FILE *f = fopen(path, "wb");
    if (f == NULL) return false;
    const bool good = fwrite(header, 1, size, f) == size && fwrite(data, 1, n, f) == n;
    return fclose(f) == 0 && good;
}

// Ten bars in noise.
static bool put_digits(const struct sweep *b, int set)
{
    enum { PIXELS = SIDE * SIDE };
    const unsigned char high = SAMPLES >> 8, low = SAMPLES & 255;
    const unsigned char images[] = {0, 0, 8, 3,    0, 0, high, low,
                                    0, 0, 0, SIDE, 0, 0, 0,    SIDE};
    const unsigned char labels[] = {0, 0, 8, 1, 0, 0, high, low};
    unsigned char *pixel = og_alloc(SAMPLES, PIXELS), label[SAMPLES];
    uint32_t dice = 1 + (uint32_t)set;
    char path[PATH];
    if (pixel == NULL) return false;
    for (size_t k = 0; k < (size_t)SAMPLES * PIXELS; k++) {
        const size_t digit = k / PIXELS % 10, row = k % PIXELS / (2 * SIDE);
        dice = dice * 1664525 + 1013904223;
        pixel[k] = (unsigned char)((dice >> 25) + (row == digit + 2 ? 120 : 0));
    }
    for (int i = 0; i < SAMPLES; i++) label[i] = (unsigned char)(i % 10);
    const bool good = put_idx(path_of(b, files[2 * set], path), images, sizeof images,
                              pixel, (size_t)SAMPLES * PIXELS) &&
                      put_idx(path_of(b, files[2 * set + 1], path), labels, sizeof labels,
                              label, SAMPLES);
    og_free(pixel);
    return good;
}

// variant: chips of each of the three points.
static og_status sweep_open(void **bench, size_t variant, struct og_error *err)
{
    struct sweep *b = og_alloc(1, sizeof *b);
    const char *place = getenv("TMPDIR");
    char path[PATH];
    *bench = b;
    if (b == NULL) return og_fail(err, OG_NO_MEMORY, "bench: out of memory");
    snprintf(b->folder, sizeof b->folder, "%.70s/ohmgrid-bench-XXXXXX",
             place != NULL && place[0] != '\0' ? place : "/tmp");
    if (mkdtemp(b->folder) == NULL) {
        const og_status s = og_fail(err, OG_IO, "%s: cannot make a folder", b->folder);
        b->folder[0] = '\0';
        return s;
    }
    if (mkdir(path_of(b, "mnist", path), 0700) != 0 || !put_digits(b, 0) ||
        !put_digits(b, 1))
        return og_fail(err, OG_IO, "%s: cannot write a data set", b->folder);
    char trials[32];
    const char *const set[] = {trials};
    snprintf(trials, sizeof trials, "trials=%zu", variant);
    const struct og_overrides chips = {.set = set, .sets = 1};
    return og_experiment_parse(&b->e, path_of(b, "bench.yaml", path), text, &chips, err);
}

// Seconds by the clock; NaN: it failed.
static double run(struct sweep *b, const char *out, int threads)
{
    char path[PATH];
    const int before = og_threads();
    const struct og_run_options o = {.out = path_of(b, out, path),
                                     .command = "bench",
                                     .data = b->folder,
                                     .mode = OG_JOURNAL_FORCE,
                                     .threads = threads,
                                     .storing = &b->storing};
    const double start = og_meter_now();
    const og_status status = og_run(b->e, &o, NULL);
    b->seconds = og_meter_now() - start;
    og_set_threads(before);
    return status == OG_OK ? b->seconds : NAN;
}

static double with_two(void *bench) { return run(bench, "out.h5", 2); }
static double with_one(void *bench) { return run(bench, "out.h5", 1); }

// Seconds of one sweep of two.
static double two_processes(void *bench)
{
    static const char *const out[] = {"out.h5", "out2.h5"};
    const double start = og_meter_now();
    pid_t child[2];
    bool good = true;
    for (int k = 0; k < 2; k++) {
        child[k] = fork();
        if (child[k] == 0) _exit(isfinite(run(bench, out[k], 1)) ? 0 : 1);
    }
    for (int k = 0; k < 2; k++) {
        int status = 1;
        if (child[k] < 0 || waitpid(child[k], &status, 0) < 0 || status != 0)
            good = false;
    }
    return good ? (og_meter_now() - start) / 2 : NAN;
}

static double storing(void *bench)
{
    struct sweep *b = bench;
    return isfinite(with_one(b)) ? b->storing : NAN;
}

static double whole(void *bench) { return ((struct sweep *)bench)->seconds; }

const struct og_bench_case og_bench_sweeps[] = {
    {"sweep/two threads over one", "90 chips of LeNet-5", "s", 1.9, true, 30, sweep_open,
     NULL, NULL, sweep_close, with_one, with_two},
    {"sweep/threads over two processes", "90 chips of LeNet-5", "s", 0.95, true, 30,
     sweep_open, NULL, NULL, sweep_close, two_processes, with_two},
    {"sweep/storing over all", "30 chips of LeNet-5", "s", 0.02, false, 10, sweep_open,
     NULL, NULL, sweep_close, whole, storing},
    {.name = NULL},
};
