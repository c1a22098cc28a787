// SPDX-License-Identifier: GPL-3.0-or-later
// The ramps of an array, one for each function in each tile, and the word lines of its
// biases, which have to be in the column sums before these are converted.
#ifndef OG_PERIPHERY_RAMPS_H
#define OG_PERIPHERY_RAMPS_H

#include "periphery/array_impl.h"
#include "periphery/ramp.h"

struct og_ramps {
    int parts;
    bool bounded;  // whether any function ends, so that reads mark what is beyond
    size_t end[OG_RAMP_PARTS];  // columns of parts 0 .. p: [0, end[p])
    struct og_ramp_plan plan[OG_RAMP_PARTS];
    struct og_ramp *ramp;   // [col_tiles][parts]
    float *bias;            // [cols] in units of y
    float *sum, *variance;  // [cols] of the bias lines, in steps and steps^2
    float *q;               // [cols] workspace
    int lines;              // word lines of biases
    double bias_g;          // [S] of all their devices, behind wires of all currents
    // Behind wires, of bias devices [lines][copies][sides of a pair][cols]: conductances
    // [S], and variances as og_cell_io has them.
    float *line_g, *line_variance;
};

// --- ramps.c -------------------------------------------------------------------------
// What ramps need of the hardware and of the matrix; the rest of the hardware is `own`.
og_status og_ramps_check(const struct og_hardware *hw, const struct og_array_shape *shape,
                         struct og_error *err);
// Of a->full, once the matrix is laid out.
og_status og_ramps_alloc(struct og_array *a, const struct og_hardware *hw,
                         struct og_error *err);
void og_ramps_free(struct og_ramps *ramps);
// Ramps and bias lines of the chip, after the weights.
og_status og_ramps_program(struct og_array *a);
// [steps] the mean step of the ramp of column j.
float og_ramps_lsb(const struct og_array *a, size_t j);

// What they take beside the devices of weights.
struct og_ramp_load {
    double devices, lines;  // word lines: over all tiles
    double bias_g;          // [S] at full drive during the read
    double charge;          // [S clocks] at full drive, during the conversions
    double again;           // [S clocks] the same of the ramps that convert again
};
struct og_ramp_load og_ramps_load(const struct og_array *a);
// Columns of a tile that are converted again.
size_t og_ramps_again(const struct og_array *a, size_t tile);

// Columns [from, to) that one ramp converts.
struct og_ramp_span {
    size_t tile, from, to;
    int part;
};
// The first span from column `from` on, before `end`.
struct og_ramp_span og_ramps_span(const struct og_array *a, size_t from, size_t end);

// --- ramp_wires.c --------------------------------------------------------------------
// Puts bias lines behind wires: sum, variance and bias_g.
og_status og_ramps_wire(struct og_array *a);

// --- ramp_read.c ---------------------------------------------------------------------
enum { OG_RAMP_ROOM = 2 * OG_RAMP_LEVELS };  // floats of scratch
void og_ramps_add_bias(const struct og_array *a, float *sum, size_t n);
// y[r][cols] of rows row0 .. row0 + n - 1 of a read, from their sums x[n][cols] in units
// of y. clipped[n][cols], if not NULL: 1 beyond the ends of the function.
void og_ramps_convert(const struct og_array *a, const struct og_read *at,
                      const struct og_read_io *io, size_t row0, size_t n, const float *x,
                      float *room, uint8_t *clipped);

#endif
