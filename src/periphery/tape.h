// SPDX-License-Identifier: GPL-3.0-or-later
// What a read of n rows leaves for its backward.
#ifndef OG_PERIPHERY_TAPE_H
#define OG_PERIPHERY_TAPE_H

#include "periphery/array_impl.h"

struct og_tape {
    size_t n;
    // [n][rows] inputs as the word lines carried them: codes where these are short, else
    // in units of x. The other is NULL.
    int16_t *codes;
    float *x;
    float *ratio;  // [passes][units][n][cols] z / sd of every conversion, for reparam
    uint8_t *dac;  // [n][rows] 1 where the DAC clipped
    uint8_t *adc;  // [groups][n][cols] 1 where an ADC clipped
    size_t bytes;
};

// All pointers NULL where nothing is kept. memory may be NULL: only `bytes` counts.
struct og_tape og_tape_lay(const og_array *a, void *memory, size_t n);
float *og_tape_ratio(const og_array *a, const struct og_tape *t, int pass,
                     const struct og_unit *u);

#endif
