// SPDX-License-Identifier: GPL-3.0-or-later
// /traces in memory: what recurrent layers did step by step, summed over chips.
#ifndef OG_RESULTS_TRACES_H
#define OG_RESULTS_TRACES_H

#include "results/table.h"

enum { OG_TRACES = 7 };
extern const char *const og_trace_name[OG_TRACES];

struct og_trace_row {
    size_t point;
    char layer[80];
    size_t step;
    double sum[OG_TRACES], chips[OG_TRACES];  // the mean is their quotient
};
struct og_traces {
    struct og_table table;
    size_t rows;
    struct og_trace_row *row;  // by point, layer and step
};

// Free in any case.
og_status og_traces_read(struct og_traces *t, const char *path, struct og_error *err);
void og_traces_free(struct og_traces *t);

#endif
