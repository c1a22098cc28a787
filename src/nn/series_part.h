// SPDX-License-Identifier: GPL-3.0-or-later
// Inside of the reader of series, shared by data_series.c (sets, keys and splits),
// series_part.c (what a file holds) and series_steps.c (the steps made of it).
#ifndef OG_NN_SERIES_PART_H
#define OG_NN_SERIES_PART_H

#include "nn/hdf5_list.h"
#include "nn/sequences.h"

enum og_series_split { BY_PARTS, BY_GROUPS, BY_FOLDS, BY_FILE };

struct og_series_layout {
    const char *name, *file;
    const char *value, *offset, *label, *group;  // offset NULL: all have the same length
    const char *names;                           // attribute: of groups, with commas
    enum og_series_split split;
    const char *tested;      // groups, by default
    int classes;             // 0: the largest label and one
    double offset_of, step;  // value = offset_of + step * what the file holds
    bool pen, frames;        // points of a pen; may be an image [1][steps][values]
};

// One part of a file: the whole, or the group "train" or "test".
struct og_series_part {
    const struct og_series_layout *l;
    const struct og_hdf5_source *s;
    char prefix[8];  // "", "train/", "test/"
    float *value;
    int64_t *offset;
    int *label, *group;
    size_t steps, values, n;
};

void og_series_part_clear(struct og_series_part *p);
// Checked: offsets rise, labels are in range, values are finite.
og_status og_series_read(struct og_series_part *p, struct og_error *err);
// Both append the sequences of a part. Of two parts the second comes after the first:
// `before` sequences. Drawings have one part.
og_status og_series_values(const struct og_series_part *p, size_t before,
                           struct og_sequences *s, struct og_error *err);
og_status og_series_drawings(const struct og_series_part *p, const struct og_series *o,
                             struct og_sequences *s, struct og_error *err);

#endif
