// SPDX-License-Identifier: GPL-3.0-or-later
// One physical array, and what is where in it.
#ifndef OG_PERIPHERY_PLATE_H
#define OG_PERIPHERY_PLATE_H

#include "periphery/wired.h"

// Weights [row0, row0 + rows) x [col0, col0 + cols) of one slice and copy. Place c of the
// array has the bit lines of both sides of a pair, or (sides = 1) that of `side`; without
// remapping, weights stand in their order, spare places last. Places that hold no weight
// are open.
struct og_plate {
    const struct og_array *a;
    int slice, copy, side, sides;
    size_t tile, row0, rows, col0, cols, places;
    bool reference;  // one more bit line
    bool nominal;    // devices as they should be
    // Where remapping has put row i (of the matrix), column j (place), and whether it is
    // turned; NULL: nowhere else.
    const uint32_t *row, *col;
    const uint8_t *flip;
    struct og_circuit *n;
    const void *with;  // what og_each_plate was given
};

static inline size_t og_plate_lines(const struct og_plate *p)
{
    return p->places * (size_t)p->sides + p->reference;
}

// Word line of row i, in the array.
static inline size_t og_plate_row(const struct og_plate *p, size_t i)
{
    return p->row == NULL ? i : p->row[i] - p->row0;
}

// Which side of the weights of column j the lines of `side` carry.
static inline int og_plate_side(const struct og_plate *p, size_t j, int side)
{
    return p->flip != NULL && p->flip[j] ? 1 - side : side;
}

// Bit line of column j, lines of `side`; device on it, in the array and in its set.
static inline size_t og_plate_line(const struct og_plate *p, size_t j, int side)
{
    return (p->col == NULL ? j : p->col[j]) * (size_t)p->sides +
           (p->sides > 1 ? (size_t)side : 0);
}

static inline size_t og_plate_cell(const struct og_plate *p, size_t i, size_t j, int side)
{
    return og_plate_row(p, i) * og_plate_lines(p) + og_plate_line(p, j, side);
}

static inline size_t og_plate_device(const struct og_plate *p, size_t i, size_t j)
{
    return (p->row0 + i) * p->a->map.cols + p->col0 + j;
}

// What a siemens of a device on `side` is worth in the weights that are converted.
double og_plate_steps(const struct og_plate *p, int side);

typedef void og_at_side(const struct og_plate *p, int side);
void og_each_side(const struct og_plate *p, og_at_side *act);

// Number of the reference device of row i in ref_g.
size_t og_plate_reference(const struct og_plate *p, size_t i);
// --- wired_noise.c: once the deviations are added; t is overwritten.
void og_plate_noise(const struct og_plate *p);
void og_wired_set_levels(const struct og_array *a);
// The first array of tile `at` (row by row); without a circuit.
struct og_plate og_plate_of(const struct og_array *a, int slice, size_t at);
// Bit lines of an array, at most.
size_t og_plate_most_lines(const struct og_array *a);
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
