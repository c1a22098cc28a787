// SPDX-License-Identifier: GPL-3.0-or-later
// Speed as ratios measured in one run: ours against theirs, interleaved, medians.
// Errors: OG_USAGE for a filter that no benchmark bears or a peer that cannot be started;
// OG_FAILED when a peer ends early or its results differ; OG_NO_MEMORY.
// Thread-safety: one call at a time.
#ifndef OHMGRID_BENCH_H
#define OHMGRID_BENCH_H

#include <stdbool.h>
#include <stddef.h>

#include "ohmgrid/status.h"

#ifdef __cplusplus
extern "C" {
#endif

struct og_bench_line {
    char name[64], size[64], unit[32];
    double ours_s, theirs_s;
    double
        ratio;  // as the target counts it: theirs/ours for "at least", else ours/theirs
    double target;
    bool at_least;  // ratio >= target, else ratio <= target
    bool met;
};

// Runs all benchmarks whose name contains `filter` (NULL: all). `line` is called as each
// is done. against: NULL, or "scipy" or "pytorch" for those that are measured against it:
// $OHMGRID_PYTHON (default /usr/bin/python3) is started, and must have that library.
OG_API og_status og_bench(const char *against, const char *filter, int rounds,
                          void (*line)(void *user, const struct og_bench_line *l),
                          void *user, struct og_error *err);

#ifdef __cplusplus
}
#endif
#endif
