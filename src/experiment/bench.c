// SPDX-License-Identifier: GPL-3.0-or-later
// CPU time of one thread, so that other programs on the machine count little; the two
// sides take turns, so that a machine that gets slower slows both.
#include "ohmgrid/bench.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>

#include "base/blas.h"
#include "base/mem.h"
#include "experiment/bench_case.h"
#include "ohmgrid/cpu.h"

// Shorter than this is not measured well: what takes less is repeated.
static const double shortest_s = 0.004;

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// Seconds per call.
static double time_of(void (*run)(void *), void *bench, size_t repeats)
{
    double start = cpu_seconds();
    for (size_t i = 0; i < repeats; i++) run(bench);
    return (cpu_seconds() - start) / (double)repeats;
}

// Another process tells its own time, and warms up by itself.
static double time_of_theirs(const struct og_bench_case *c, void *bench, size_t repeats)
{
    return c->theirs != NULL ? time_of(c->theirs, bench, repeats)
                             : c->theirs_seconds(bench);
}

// The first call warms the caches and is not counted.
static size_t repeats_of(void (*run)(void *), void *bench)
{
    run(bench);
    double once = time_of(run, bench, 1);
    return once >= shortest_s ? 1 : (size_t)(shortest_s / (once + 1e-7)) + 1;
}

static double median(double *v, size_t n)
{
    gsl_sort(v, 1, n);
    return gsl_stats_median_from_sorted_data(v, 1, n);
}

static og_status measure(const struct og_bench_case *c, void *bench, size_t rounds,
                         struct og_bench_line *l, struct og_error *err)
{
    double *seconds = og_alloc(2 * rounds, sizeof *seconds);
    if (seconds == NULL) return og_fail(err, OG_NO_MEMORY, "bench: out of memory");
    size_t ours = c->ours != NULL ? repeats_of(c->ours, bench) : 1, theirs = 1;
    if (c->theirs != NULL) theirs = repeats_of(c->theirs, bench);
    for (size_t r = 0; r < rounds; r++) {
        seconds[r] =
            c->ours != NULL ? time_of(c->ours, bench, ours) : c->ours_seconds(bench);
        seconds[rounds + r] = time_of_theirs(c, bench, theirs);
    }
    l->ours_s = median(seconds, rounds);
    l->theirs_s = median(seconds + rounds, rounds);
    og_free(seconds);
    if (!(l->ours_s >= 0))
        return og_fail(err, OG_FAILED, "bench: %s: a run has failed", c->name);
    if (!(l->theirs_s > 0))
        return og_fail(err, OG_FAILED, "bench: %s: the other process has ended", c->name);
    snprintf(l->name, sizeof l->name, "%s", c->name);
    snprintf(l->size, sizeof l->size, "%s", c->size);
    snprintf(l->unit, sizeof l->unit, "%s", c->unit);
    l->target = c->target;
    l->at_least = c->at_least;
    l->ratio = c->at_least ? l->theirs_s / l->ours_s : l->ours_s / l->theirs_s;
    l->met = c->at_least ? l->ratio >= l->target : l->ratio <= l->target;
    return OG_OK;
}

static og_status run_case(const struct og_bench_case *c, int rounds,
                          struct og_bench_line *l, struct og_error *err)
{
    void *bench = NULL;
    og_status status = c->open(&bench, c->variant, err);
    if (status == OG_OK) status = measure(c, bench, (size_t)rounds, l, err);
    c->close(bench);
    return status;
}

static og_status run_all(const struct og_bench_case *const *lists, const char *filter,
                         int rounds,
                         void (*line)(void *user, const struct og_bench_line *l),
                         void *user, struct og_error *err)
{
    size_t found = 0;
    for (size_t i = 0; lists[i] != NULL; i++) {
        for (const struct og_bench_case *c = lists[i]; c->name != NULL; c++) {
            if (filter != NULL && strstr(c->name, filter) == NULL) continue;
            struct og_bench_line l = {0};
            OG_TRY(run_case(c, rounds, &l, err));
            line(user, &l);
            found++;
        }
    }
    if (found == 0)
        return og_fail(err, OG_USAGE, "bench: no benchmark's name contains '%s'", filter);
    return OG_OK;
}

static const struct {
    const char *against;
    const struct og_bench_case *list[8];
} sets[] = {
    {NULL,
     {og_bench_kernels, og_bench_convolutions, og_bench_arrays, og_bench_training,
      og_bench_wires, og_bench_wired, og_bench_sweeps, NULL}},
    {"scipy", {og_bench_scipy, NULL}},
    {"pytorch", {og_bench_pytorch, NULL}},
};
enum { SETS = sizeof sets / sizeof *sets };

og_status og_bench(const char *against, const char *filter, int rounds,
                   void (*line)(void *user, const struct og_bench_line *l), void *user,
                   struct og_error *err)
{
    if (rounds < 1)
        return og_fail(err, OG_USAGE, "bench: rounds is %d; it must be at least 1",
                       rounds);
    int set = 0;
    if (against != NULL)
        for (set = 1; set < SETS && strcmp(against, sets[set].against) != 0;) set++;
    if (set == SETS)
        return og_fail(err, OG_USAGE,
                       "bench: --against is '%s', expected scipy or pytorch", against);
    int threads = og_threads(), blas_threads = og_blas_use_threads(1);
    og_set_threads(1);
    og_status status = run_all(sets[set].list, filter, rounds, line, user, err);
    og_set_threads(threads);
    og_blas_use_threads(blas_threads);
    return status;
}
