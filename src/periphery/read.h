// SPDX-License-Identifier: GPL-3.0-or-later
// One chunk of rows on its way through an array, as read.c and read_noise.c share it.
#ifndef OG_PERIPHERY_READ_H
#define OG_PERIPHERY_READ_H

#include "periphery/tape.h"

struct og_read_work {
    float *x, *codes, *memory, *power, *thermal, *sum, *variance, *z, *acc, *signal,
        *scratch, *row, *use, *ramp, *z_adc, *bent, *cubic;
    // Of the pass: the codes, or made in `memory`; as cells carry it.
    const float *voltage, *drive;
    size_t next_row, next_line;  // of the drive: floats from one to the next
};

// Rows row0 .. row0 + n - 1 of a call, in one pass.
struct og_read_part {
    const struct og_read *at;
    const struct og_read_io *io;
    size_t row0, n;
    int pass;
    const struct og_drive *drive;
};

// --- read_noise.c
// Adds to w->sum of one unit the noise of devices and reference columns that draw numbers
// of their own.
void og_read_noise_add(const struct og_array *a, const struct og_unit *u,
                       const struct og_read_part *p, const struct og_read_work *w);
// One standard deviation per row says it all: no ADC noise, and no use of the variance.
bool og_read_noise_by_rows(const struct og_array *a, const struct og_tape *t);
// Fills w->z and w->variance (or w->row) for one unit, if its conversions are noisy.
void og_read_noise_fill(const struct og_array *a, const struct og_unit *u,
                        const struct og_read_part *p, const struct og_read_work *w,
                        bool by_rows);
// Numbers for the noise of ADCs where charge saturates between it and that of devices.
bool og_read_adc_apart(const struct og_array *a);
void og_read_adc_noise(const struct og_array *a, const struct og_unit *u,
                       const struct og_read_part *p, float *z);

#endif
