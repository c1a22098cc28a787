// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef OG_EXPERIMENT_OUTPUT_COMPRESS_H
#define OG_EXPERIMENT_OUTPUT_COMPRESS_H

#include "experiment/compress.h"

// What is known of the network of a point: weights kept, and their storage.
enum og_point_metric {
    OG_POINT_COMPRESSION,
    OG_POINT_COMPRESSION_CONV,
    OG_POINT_STORAGE_VALUES,
    OG_POINT_STORAGE_INDICES,
    OG_POINT_STORAGE_CODES,
    OG_POINT_STORAGE,
    OG_POINT_STORAGE_RATIO,
    OG_POINT_METRICS
};
extern const struct og_metric og_point_metrics[OG_POINT_METRICS];

struct og_output_round {
    struct og_entry entry;
    struct og_report report;  // inside the entry
    double *numbers;
    const char **names;
};
// Zeroed at first. The `n` rounds that are done.
struct og_output_compress {
    size_t n;
    size_t *place;                      // [compressions]: number + 1 in round; 0: none
    struct og_output_round *round;      // [n]
    struct og_compress_values *values;  // [n]
    int64_t *compressed;                // [points]; NULL when nothing is compressed
    double *value;                      // [OG_POINT_METRICS][points]
};
og_status og_output_compress_fill(const struct og_job *job, struct og_output_compress *o,
                                  struct og_error *err);
void og_output_compress_clear(struct og_output_compress *o);

#endif
