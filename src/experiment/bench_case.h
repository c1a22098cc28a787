// SPDX-License-Identifier: GPL-3.0-or-later
// One benchmark: two ways of doing a thing, or a thing and what it is measured by.
#ifndef OG_EXPERIMENT_BENCH_CASE_H
#define OG_EXPERIMENT_BENCH_CASE_H

#include "ohmgrid/bench.h"

struct og_bench_case {
    const char *name, *size, *unit;
    double target;
    bool at_least;   // theirs / ours >= target, else ours / theirs <= target
    size_t variant;  // what `open` is told
    // *bench is what the others are given; `close` takes it, half-built or NULL too.
    og_status (*open)(void **bench, size_t variant, struct og_error *err);
    void (*ours)(void *bench);
    void (*theirs)(void *bench);
    void (*close)(void *bench);
    // Instead of `theirs`, where they are another process: seconds of one call, NaN when
    // that process is gone. NULL: `theirs` is there.
    double (*theirs_seconds)(void *bench);
    // Instead of `ours`, with theirs_seconds, where it is not the processor time of one
    // thread that counts. Called first.
    double (*ours_seconds)(void *bench);
};

// Each list ends with a row whose name is NULL.
extern const struct og_bench_case og_bench_kernels[];       // bench_kernels.c
extern const struct og_bench_case og_bench_arrays[];        // bench_array.c
extern const struct og_bench_case og_bench_convolutions[];  // bench_conv.c
extern const struct og_bench_case og_bench_training[];      // bench_train.c
extern const struct og_bench_case og_bench_pytorch[];       // bench_train.c
extern const struct og_bench_case og_bench_sweeps[];        // bench_sweep.c
extern const struct og_bench_case og_bench_wires[];         // bench_wires.c
extern const struct og_bench_case og_bench_wired[];         // bench_wired.c
extern const struct og_bench_case og_bench_scipy[];         // bench_wires.c

#endif
