// SPDX-License-Identifier: GPL-3.0-or-later
// What one read of a matrix takes in energy and time, and its array in area, part by
// part, with the numbers of a technology. First-order: nothing leaks, wires take nothing,
// parts that are not in use take nothing.
//
// With the tiles, groups of rows, passes (input bits, signs) and columns that the array
// has, n: word lines of all tiles, c: columns (of each slice, and each side of a pair
// where these are converted apart), p: passes, each of one conversion, q: pulses in all
// passes (p, but where input.accumulate is analog), and T the time of one pulse:
//   array     v_read^2 T sum of power g over devices and pulses
//   driver, dac       n q uses, one for each word line of each tile
//             spare columns are devices and have a sample-and-hold; they take no energy
//   sample    one use for each column, group and pass
//   subtract  likewise for what is subtracted before the ADC
//   adc       one use for each conversion; ceil(c / columns_per_adc) in each tile
//             ramps (adc.kind ramp): likewise, each 2^bits clocks long; bias lines and
//             the cells of ramps count as devices, bias lines also as drivers; what a
//             ramp converts again (tanh(c) of an lstm, adc.ramp.cell_state) follows the
//             read; single_slope: 2^bits clocks as well
//   add       one use for each conversion, as many as ADCs; the offset scheme's digital
//             reference also for each input of a group and each output
//   buffers   the bits of each input of a tile, once for each sign; the bits of each
//             output of a tile, wide enough for its sums, once
//   latency   groups p (T' + turns bits bit_time) + additions add.time: the groups of a
//             tile one after the other, turns conversions of an ADC (of a ramp or
//             slope: turns 2^bits clock), and the row tiles' sums added in a tree; T' = T
//             q / p, and as many times that as tile.accumulate_groups analog joins groups
//   interval  groups p max(T', turns bits bit_time), since samples are held: from one
//             input vector to the next
// Thread-safety: pure functions, from any number of threads.
#ifndef OHMGRID_COST_H
#define OHMGRID_COST_H

#include "ohmgrid/array.h"

#ifdef __cplusplus
extern "C" {
#endif

enum og_cost_part {
    OG_COST_ARRAY,
    OG_COST_DRIVER,
    OG_COST_DAC,
    OG_COST_SAMPLE,
    OG_COST_SUBTRACT,
    OG_COST_ADC,
    OG_COST_ADD,
    OG_COST_INPUT_BUFFER,
    OG_COST_OUTPUT_BUFFER,
    OG_COST_PARTS
};
// As result files (the scale `part` in /layers) and tables have it, static.
OG_API const char *og_cost_part_name(enum og_cost_part part);

struct og_cost {
    struct {
        double uses;    // per input vector; array: devices
        double energy;  // [J] per input vector
        double count;   // how many there are (buffers: bits)
        double area;    // [m2]
    } part[OG_COST_PARTS];
    double energy, area;       // sums over the parts
    double latency, interval;  // [s]
};
struct og_costs {
    struct og_cost used;   // without what mapping.removed takes away
    struct og_cost dense;  // with it, as cells of weight zero without errors
};

// --- what inputs do to the array -----------------------------------------------------

// [S] of every word line of the matrix: the conductance of all its devices as programmed,
// and of the dense array's. Reference devices count with their target.
OG_API void og_array_lines(const og_array *array, double *used, double *dense);
// [S] for one input vector x[rows of the matrix]: sum over word lines and passes of power
// line, power = (V / v_read)^2, or the fraction of the pass that a pulse lasts. Inputs at
// an offset are driven with v_read at twice the range. Cells that are not ohmic: V I.
// Behind wires, all that the sources give, as of the last og_array_lines; what `line` has
// beyond that of `used` counts as without wires. NaN: no memory, or no solution.
OG_API double og_array_load(const og_array *array, const double *line, const float *x);

// Means of og_array_load over input vectors.
struct og_activity {
    double used, dense;  // [S]
};
// `activity` NULL: the bound, every word line at full scale in every pass that can drive
// it. The array is programmed. Converters of 0 bits count as technology->ideal_bits.
OG_API void og_array_cost(const og_array *array, const struct og_technology *technology,
                          const struct og_activity *activity, struct og_costs *costs);

// What writing took (program.mode write_verify): pulses, and one verify read more than
// these for each device; the devices of a tile one after the other, tiles side by side.
struct og_program_cost {
    double energy, time;  // [J], [s]
};
// All 0 for direct writes.
OG_API struct og_program_cost og_program_cost(const struct og_program_info *info,
                                              const struct og_technology *technology);

// --- networks ------------------------------------------------------------------------

// Sums over matrices that are read `reads` times for one sample.
struct og_cost_total {
    double energy, area;  // [J] per sample, [m2]
    double latency;       // [s] of one sample, one read after the other
    double interval;      // [s] between samples, all matrices at work on different ones
};
// Adds a matrix to a total that begins as zeros.
OG_API void og_cost_add(struct og_cost_total *total, const struct og_cost *cost,
                        double reads);

#ifdef __cplusplus
}
#endif
#endif
