// SPDX-License-Identifier: GPL-3.0-or-later
// DAC full scales from the |x| that calibration sees: the largest or, for a percentile or
// the least square error, from a bounded sample that is the same in whatever order and
// from whichever thread the values come.
#ifndef OG_ONNX_RANGE_H
#define OG_ONNX_RANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/lock.h"
#include "ohmgrid/hardware.h"

struct og_range_stat {
    bool keeps, failed;  // keeps: needs the sample, not the maximum alone
    float max;
    int cut;  // kept: values whose hashed name begins with so many zero bits
    size_t n;
    float *value;
    uint32_t *hash;
    struct og_lock lock;
};

// n values of the row called `row`. From any thread.
void og_range_add(struct og_range_stat *s, const float *x, size_t n, uint64_t row);
// The full scale by hw->dac for a DAC of `bits`; 1 where all was 0. Sorts the sample.
float og_range_find(struct og_range_stat *s, const struct og_hardware *hw, int bits);
void og_range_free(struct og_range_stat *s);

#endif
