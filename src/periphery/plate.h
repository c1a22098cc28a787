// SPDX-License-Identifier: GPL-3.0-or-later
// One physical array, and what is where in it.
#ifndef OG_PERIPHERY_PLATE_H
#define OG_PERIPHERY_PLATE_H

#include "periphery/wired.h"

// Weights [row0, row0 + rows) x [col0, col0 + cols) of one slice and copy; bit line c
// holds side c % sides of column c / sides, or (sides = 1) `side`.
struct og_plate {
    const struct og_array *a;
    int slice, copy, side, sides;
    size_t tile, row0, rows, col0, cols;
    bool reference;  // one more bit line
    struct og_circuit *n;
    const void *with;  // what og_each_plate was given
};

static inline size_t og_plate_lines(const struct og_plate *p)
{
    return p->cols * (size_t)p->sides + p->reference;
}

// Device (i, j) of one side in the array and in its set.
static inline size_t og_plate_cell(const struct og_plate *p, size_t i, size_t j, int side)
{
    return i * og_plate_lines(p) + j * (size_t)p->sides +
           (p->sides > 1 ? (size_t)side : 0);
}

static inline size_t og_plate_device(const struct og_plate *p, size_t i, size_t j)
{
    return (p->row0 + i) * p->a->map.cols + p->col0 + j;
}

// What a siemens of a device on `side` is worth in the weights that are converted.
double og_plate_steps(const struct og_plate *p, int side);

typedef void og_at_side(const struct og_plate *p, int side);
void og_each_side(const struct og_plate *p, og_at_side *act);

// The first array of tile `at` (row by row); without a circuit.
struct og_plate og_plate_of(const struct og_array *a, int slice, size_t at);
// Sizes the circuit, and puts the devices into its g.
og_status og_plate_gather(const struct og_plate *p);

typedef og_status og_on_plate(const struct og_plate *p);
// The arrays of the plate's tile, one after the other.
og_status og_each_array(struct og_plate p, og_on_plate *act);
// Every array of one slice; those of one tile after each other, by one thread. The worst
// that has happened.
og_status og_each_plate(const struct og_array *a, int slice, og_on_plate *act,
                        const void *with);
// The same of all arrays that one unit reads, one after the other; with a circuit of its
// own, so that several units can be at it.
og_status og_each_plate_of(const struct og_array *a, const struct og_unit *u,
                           og_on_plate *act, const void *with);
// voltage[n][rows of the plate] V of drive[n][rows]; rows of the array that the unit does
// not drive stand at 0 V.
void og_plate_voltages(const struct og_plate *p, const struct og_unit *u,
                       const float *drive, size_t n, double *voltage);

#endif
