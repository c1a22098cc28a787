// SPDX-License-Identifier: GPL-3.0-or-later
// Arrays with wires. One physical array holds one tile's devices of one slice and copy:
// both sides of its pairs, bit line by bit line, or each side in an array of its own;
// a reference column comes last. As programmed it is a linear map; what this map differs
// by from that of the devices alone is one more deviation of the weights, and reads are
// the products that they always are.
#ifndef OG_PERIPHERY_WIRED_H
#define OG_PERIPHERY_WIRED_H

#include "crossbar/circuit.h"
#include "periphery/array_impl.h"

struct og_wired {
    float *g;         // [slices][copies][sides of a pair][rows * cols] S, as programmed
    float *nominal;   // the same without errors, where ADCs are calibrated; or NULL
    float *level;     // [rows] part of its source's voltage that a row has; thermal_shot
    double *levels;   // [col_tiles][rows] sums of it
    double *line;     // [full rows] og_array_lines without wires, when `power` was made
    double *power;    // [row tiles][array_rows^2] of wired_power.c
    float *variance;  // [copies][sides of a pair][rows * cols] of reads, of the slice in
                      // hand, as og_cell_io has it; NULL: no read noise
    float *ref_g, *ref_variance;  // [copies][col_tiles * rows]
    struct og_circuit *circuit;   // [threads]
    int threads;
};

// Whether the hardware has any wires that reads feel through the programmed weights.
bool og_wired_is_on(const struct og_hardware *hw);
og_status og_wired_alloc(struct og_array *a, struct og_error *err);
void og_wired_free(struct og_wired *w);

// Where the devices of one copy, slice and side go.
float *og_wired_g(const struct og_array *a, int copy, int slice, int side);
float *og_wired_nominal(const struct og_array *a, int copy, int slice, int side);
float *og_wired_variance(const struct og_array *a, int copy, int side);

// Adds to e, v, sd, s and those of references of the slice in hand what wires do to them.
og_status og_wired_program(struct og_array *a, int slice);
// Adds to e, the nominal weights of a slice, what wires do to devices without errors.
og_status og_wired_calibrate(struct og_array *a, int slice);

// Whether every read is solved for itself.
static inline bool og_wired_is_nonlinear(const struct og_array *a)
{
    return a->wired != NULL && a->map.hw.wires.mode == OG_WIRES_NONLINEAR;
}
// sum[n][cols] of one unit, cells that are not ohmic, by Newton's method; drive[n][rows].
// What cannot be solved is not a number.
struct og_wired_read {
    const float *drive;
    size_t n;
    float *sum;
    bool nominal;  // of devices without errors
};
void og_wired_read(const struct og_array *a, const struct og_unit *u,
                   const struct og_wired_read *io);

// Gradients through such a read: ddrive[n][rows] += that by the drives, and dq[rows *
// cols] += that by the targets of the weights in steps, from dsum[n][cols].
struct og_wired_pull {
    const float *drive, *dsum;
    size_t n;
    double *ddrive, *dq;
};
og_status og_wired_pull(const struct og_array *a, const struct og_unit *u,
                        const struct og_wired_pull *pull);

// --- wired_cubic.c -------------------------------------------------------------------
og_status og_cubic_alloc(struct og_array *a);
// Of units of one slice, from e.
og_status og_cubic_pack(const struct og_array *a, int slice);
// sum[n][cols] -= what mode cubic takes of it; room: 1 x drive, 2 x sum.
void og_cubic_take(const struct og_array *a, const struct og_unit *u, const float *drive,
                   size_t n, float *room, float *sum);

// --- wired_power.c -------------------------------------------------------------------
// Before og_wired_power, once per programming. OG_NO_MEMORY, OG_FAILED: powers are not
// numbers.
// used: of og_array_lines, copied.
og_status og_wired_power_prepare(const struct og_array *a, const double *used);
// [S] what the array dissipates in a read of one input, over v_read^2.
double og_wired_power(const struct og_array *a, const float *x);

#endif
