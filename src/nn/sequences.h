// SPDX-License-Identifier: GPL-3.0-or-later
// What all data sets of sequences have in common: both splits as read, and what becomes
// of them.
#ifndef OG_NN_SEQUENCES_H
#define OG_NN_SEQUENCES_H

#include "nn/data_file.h"

// All sequences of a set, one after another.
struct og_sequences {
    size_t n, values;  // values of a step
    size_t *first;     // [n + 1]
    float *value;      // [first[n]][values]
    int *label;        // [n]
    uint8_t *test;     // [n], 1: of the test set
    int classes;
};
void og_sequences_clear(struct og_sequences *s);
// Zeroed lists of n sequences; values and first are the caller's.
og_status og_sequences_alloc(struct og_sequences *s, size_t n, struct og_error *err);

// Averages and scales them as set->spec.series says, and fills the set with those of its
// split: n, classes, label, shape, step, first, length and shortened. The mean and
// deviation of each value, and the default length, are those of all of the training set,
// whatever the limit: so the test set is the same for every limit.
og_status og_sequences_keep(struct og_dataset *set, struct og_sequences *s,
                            struct og_error *err);
void og_sequences_fetch(const struct og_dataset *set, const uint32_t *index, size_t n,
                        float *x);

#endif
