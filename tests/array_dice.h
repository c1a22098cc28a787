// SPDX-License-Identifier: GPL-3.0-or-later
// Random hardware, weights and shapes for tests of what holds for all of them.
#ifndef OG_TESTS_ARRAY_DICE_H
#define OG_TESTS_ARRAY_DICE_H

#include "array_helper.h"

enum { ROWS_MAX = 40, COLS_MAX = 12 };

struct dice {
    struct og_stream s;
    uint64_t at;
};

static inline int roll(struct dice *d, int low, int high)
{
    uint32_t word = og_random_word(&d->s, (struct og_index){0, 0, 0}, d->at++);
    return low + (int)(word % (uint32_t)(high - low + 1));
}

static inline struct dice dice_of(uint32_t seed)
{
    return (struct dice){og_stream_named(seed, OG_BOOTSTRAP, 0, 0, 0), 0};
}

static inline void roll_mapping(struct dice *d, struct og_hardware *hw)
{
    hw->mapping.removed = false;
    hw->mapping.scheme = (enum og_scheme)roll(d, 0, 2);
    hw->mapping.reference = (enum og_reference)roll(d, 0, 1);
    hw->mapping.granularity = (enum og_granularity)roll(d, 0, 2);
    hw->mapping.weight_bits = roll(d, 0, 1) ? roll(d, 2, 9) : 0;
    hw->mapping.rounding = roll(d, 0, 3) == 0 ? OG_MID_RISE : OG_MID_TREAD;
    if (hw->mapping.scheme != OG_OFFSET) {
        if (hw->mapping.weight_bits > 0 && hw->mapping.rounding == OG_MID_TREAD)
            hw->mapping.slice_bits = roll(d, 0, 3);
        hw->pair.subtract = (enum og_subtract)roll(d, 0, 1);
        hw->device.zero_cells = (enum og_zero_cells)roll(d, 0, 1);
        hw->device.pruned_cells = (enum og_zero_cells)roll(d, 0, 1);
        hw->device.g_off = roll(d, 0, 1) * 0.1e-6;
    }
    hw->mapping.devices_per_weight = roll(d, 1, 3);
    hw->tile.rows = roll(d, 5, ROWS_MAX);
    hw->tile.cols = roll(d, 2, COLS_MAX);
    hw->tile.rows_active = roll(d, 0, 2) ? 0 : roll(d, 2, hw->tile.rows);
    if (hw->tile.rows_active > 0)
        hw->tile.accumulate_groups = (enum og_accumulate)roll(d, 0, 1);
}

static inline struct og_hardware roll_hardware(struct dice *d)
{
    struct og_hardware hw = plain_hardware();
    roll_mapping(d, &hw);
    hw.dac.bits = roll(d, 0, 2) ? roll(d, 2, 9) : 0;
    hw.input.sign = (enum og_input_sign)roll(d, 0, 2);
    hw.input.encoding = (enum og_encoding)roll(d, 0, hw.dac.bits > 0 ? 2 : 1);
    if (hw.input.encoding == OG_BIT_SERIAL) {
        const int bits = hw.dac.bits - (hw.input.sign != OG_INPUT_OFFSET);
        hw.input.slice_bits = roll(d, 1, bits < 4 ? bits : 4);
        hw.input.accumulate = (enum og_accumulate)roll(d, 0, 1);
    }
    hw.adc.granularity = (enum og_granularity)roll(d, 0, 3);
    hw.adc.rounding = (enum og_rounding)roll(d, 0, 1);
    hw.adc.mode = OG_RANGE_MINMAX;
    return hw;
}

// Errors of all kinds at once.
static inline void spoil(struct dice *d, struct og_device *device)
{
    device->program =
        (struct og_sigma){OG_SIGMA_PROPORTIONAL, .fraction = 0.1, .scale = 1};
    device->d2d.g_min = device->d2d.g_max = 0.05;
    device->programming = (enum og_programming)roll(d, 0, 1);
    device->clip = (enum og_clip)roll(d, 0, 1);
    device->faults.p_lrs = device->faults.p_hrs = 0.03;
}

static inline struct bench roll_bench(struct dice *d, struct og_hardware hw, size_t n)
{
    size_t rows = (size_t)roll(d, 1, ROWS_MAX), cols = (size_t)roll(d, 1, COLS_MAX);
    struct bench b = bench_open(hw, rows, cols, n, 0.7f);
    fill(b.w, rows * cols, (uint64_t)roll(d, 0, 1 << 20), 0.3f);
    if (roll(d, 0, 2) == 0)  // a column of zeros
        memset(b.w + (size_t)roll(d, 0, (int)cols - 1) * rows, 0, rows * sizeof *b.w);
    for (size_t k = 0; k < rows * n; k++) b.x[k] *= 1.1f;  // some beyond the range
    return b;
}

#endif
