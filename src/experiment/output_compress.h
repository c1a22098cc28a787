// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef OG_EXPERIMENT_OUTPUT_COMPRESS_H
#define OG_EXPERIMENT_OUTPUT_COMPRESS_H

#include "experiment/compress.h"

struct og_output_round {
    struct og_entry entry;
    struct og_report report;  // inside the entry
    double *numbers;
    const char **names;
};
// Zeroed at first. Rounds that are done: the first `n`.
struct og_output_compress {
    size_t n;
    struct og_output_round *round;      // [n]
    struct og_compress_values *values;  // [n]
    int64_t *compressed;                // [points]; NULL when nothing is compressed
    double *ratio;                      // [2][points]: of all weights, of convolutions
};
og_status og_output_compress_fill(const struct og_job *job, struct og_output_compress *o,
                                  struct og_error *err);
void og_output_compress_clear(struct og_output_compress *o);

#endif
