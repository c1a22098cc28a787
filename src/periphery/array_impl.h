// SPDX-License-Identifier: GPL-3.0-or-later
// Inside of og_array. Column sums are counted in steps: drive d (integer DAC codes, up to
// d_max) times weight q (integers up to D), so that quantised hardware without errors is
// exact integer arithmetic. y = sum * w_max / (D d_max).
#ifndef OG_PERIPHERY_ARRAY_IMPL_H
#define OG_PERIPHERY_ARRAY_IMPL_H

#include "base/lock.h"
#include "crossbar/mapping.h"
#include "device/cells.h"
#include "device/iv.h"
#include "ohmgrid/array.h"
#include "ohmgrid/product.h"
#include "periphery/kernels.h"

// Rows of a read that are computed together, small enough to stay in the cache.
enum { OG_CHUNK = 112 };

// The columns of a chunk are converted in runs of whole rows, at least this long.
enum { OG_LANES = 256 };

// One set of columns that is converted together: (slice, side, group of rows).
struct og_unit {
    int slice, side, group;
    size_t row0, rows;
    og_packed *e;        // programmed weights, in steps
    og_packed *nominal;  // without errors; NULL unless the ADCs are calibrated
    og_packed *v;        // read variance in steps^2 per d^2; NULL where constant or off
    og_packed *s;        // thermal_shot: noise of the devices, see thermal.c; or NULL
    // wires.approximation cubic, see wired_cubic.c; or NULL
    og_packed *size, *placed;
    float *thermal;  // [cols] thermal_only: variance in steps^2; or NULL
    float lsb;       // what it is worth in the column that counts least
    float *lanes;    // see og_lanes
    float *steps;    // of converters as circuits (adcs.h), else NULL
    int32_t *table;  // of slopes: where the levels of each lane begin
};

struct og_ramps;
struct og_faults;
struct og_compensation_reads;
struct og_wired;

struct og_array {
    struct og_mapping map;
    struct og_array_shape shape;  // of the lines that are left, see og_mapping
    struct og_array_shape full;
    struct og_chip chip;
    enum og_keep keep;
    int sides;       // columns converted apart per weight: 2 with digital subtraction
    int copies;      // devices per weight in parallel
    int groups;      // row groups
    int planes;      // digits of the inputs, one pulse after the other
    int digit_bits;  // of one pulse
    int signs;       // 2 with two-pass inputs
    int units;       // of the lines that are left
    int units_allocated, groups_allocated;
    struct og_unit *unit;
    size_t run;        // columns converted in one call: repeat * cols
    size_t repeat;     // rows in a run
    float *a;          // [rows] input range of each word line
    float *code_max;   // [rows] largest DAC code, 1 where ideal
    float *code_gain;  // [rows] drive per code
    bool short_codes;  // all DAC codes are integers of 16 bits
    bool direct;       // the drive of every pass is the codes
    float d_max;
    bool bent;  // cells are not ohmic: law
    struct og_iv_law law;
    float lsb_ref;       // ADC codes are added up in units of this LSB; 1 where ideal
    float limit;         // largest ADC code, or half their number (mid-rise)
    float variance;      // constant read variance of a unit, steps^2 per d^2
    float base;          // digital reference: what every column carries extra, per drive
    float *range;        // [ranges] ADC full scales, normalised
    size_t ranges;       // of the whole matrix; the first ones are in use
    bool nominal_stale;  // units' nominal weights are not yet those of map.q
    float *e, *v;        // [sides][rows * cols] workspace of programming
    float *ref;          // [col_tiles][rows] deviation of reference columns, in steps
    float *ref_sd;       // [col_tiles][rows] their read noise
    float *s;            // [sides][rows * cols] thermal noise, workspace; or NULL
    float *ref_s;        // [col_tiles][rows] that of reference columns
    float *device_s;     // [devices] that of each, device-level noise
    struct og_rtn *rtn;  // of rtn.c; NULL: none
    struct og_flicker *flicker;  // of flicker.c; NULL: none, or frozen
    float *w_hat;                // [rows * cols], with gradients: programmed weight
    float *slope;                // [rows * cols], reparam: d w_hat / d w - 1
    float *sd;                   // [devices], device-level noise: steps
    og_packed **w_back;          // [groups], with gradients
    float *column_sum;           // [groups][cols], offset inputs: nominal
    float *group_scale;          // [groups][cols] w_max relative to w_ref
    uint64_t *histogram;         // [ranges][OG_BINS], percentile and mse
    float *peak;                 // [ranges]
    struct og_wired *wired;      // of wired.h; NULL: no wires
    float *levels;               // [row_tiles][col_tiles][2^bits] of slopes
    double *width;               // [2^bits] workspace of og_array_adc_info; NULL: no ADCs
    struct og_ramps *ramps;      // of ramps.h; NULL: linear ADCs
    struct og_faults *faults;    // of faults.h; NULL: no device is stuck
    double t, reads;      // [s] that the devices have aged, and reads that they saw
    float *compensation;  // [cols] factors of the digital sums; NULL: none
    struct og_compensation_reads *calibration;  // of compensate.c
    bool raw;             // reads leave what is digitally known in the sums
    struct og_lock lock;  // of what og_array_observe gathers, and of nominal_stale
};

enum { OG_BINS = 4096 };

// What a column sum of 1 step is worth in y; a digital sum counts in lsb_ref steps.
static inline float og_step_in_y(const struct og_array *a)
{
    return a->map.w_ref / (a->map.D * a->d_max);
}

// Whether a conversion draws a number of its own.
static inline bool og_output_noise(const struct og_array *a)
{
    return a->variance > 0 || a->v != NULL || a->map.hw.adc.noise > 0 || a->s != NULL ||
           (a->ramps != NULL && a->sd != NULL);  // of bias lines
}

// Whether the pulses of an input are joined before one conversion. The charges of its
// digits then add up to that of the whole input; only their noise is that of pulses.
static inline bool og_pulses_joined(const struct og_array *a)
{
    return a->map.hw.input.encoding == OG_BIT_SERIAL &&
           a->map.hw.input.accumulate == OG_ACCUMULATE_ANALOG;
}

// Whether each pulse is converted on its own.
static inline bool og_pulses_apart(const struct og_array *a)
{
    return a->map.hw.input.encoding == OG_BIT_SERIAL && !og_pulses_joined(a);
}

// Whether each weight has a variance of its own: always, or because some cells are off.
static inline bool og_varied(const struct og_array *a)
{
    return a->v != NULL && (a->variance == 0 || a->map.any_off);
}

// What hardware.weight_noise adds to the read variance of each weight, in steps^2.
float og_weight_variance(const struct og_array *a);

// Whether the power of each drive is needed (a constant variance takes sums of rows).
static inline bool og_needs_power(const struct og_array *a)
{
    return og_varied(a) || a->sd != NULL || a->ref_sd != NULL ||
           (a->variance > 0 && (a->map.any_gone || og_pulses_joined(a)));
}

// Takes out the lines of w that are zero, and lays out what is left.
void og_array_compact(struct og_array *a, const float *w);
// The set of devices of one copy, slice and side: number i * cols + j of what is left.
struct og_cells og_cells_of(const struct og_array *a, int copy, int slice, int side);
// What devices of a set are asked for: t[n] from q[n] of their slice. Whether that
// differs from the weights' own, where a device takes on what its stuck partner is off.
struct og_device_run {
    int copy, slice, side;
    size_t first, n;
};
bool og_device_targets(const struct og_array *a, const struct og_device_run *r,
                       const float *q, float *t);
// og_array_load with every word line at full scale in every pass that can drive it.
double og_full_load(const struct og_array *a, bool dense);
// What word line i has in one of og_pulses: V / v_read, or the sign and part of a pulse.
float og_pulse_of(const struct og_array *a, size_t i, float x, int pulse);
// Packs what og_array_observe multiplies with, if it is not yet there; e is overwritten.
void og_pack_nominal(struct og_array *a);
size_t og_backward_work_bytes(const struct og_array *a, size_t n);
void og_observe_sums(struct og_array *a, const struct og_unit *u, const float *sum,
                     size_t n);

struct og_lanes og_unit_lanes(const struct og_array *a, const struct og_unit *u);
// Fills them from the ranges, scales and the chip's converter spread.
void og_unit_set_lanes(struct og_array *a, struct og_unit *u);
// Index into range[] of column j of a unit.
size_t og_range_of(const struct og_array *a, const struct og_unit *u, size_t j);
// Where the charge of a unit's columns stops growing, in steps; 0: never.
float og_unit_saturation(const struct og_array *a, const struct og_unit *u);
// The largest normalised column sum that a unit can see.
double og_worst_case(const struct og_array *a, const struct og_unit *u);

// --- compensate.c
og_status og_compensation_alloc(struct og_array *a, struct og_error *err);
void og_compensation_free(struct og_array *a);
// Inputs [reads][rows left] of the calibration, and what to do with them: the mean sizes
// of the outputs of reads of the array as it stands, before (0) and after (1) drift, and
// the factors that follow.
void og_compensation_start(struct og_array *a);
void og_compensation_read(struct og_array *a, int after);
void og_compensation_finish(struct og_array *a);
// No evaluation has so many passes: the noise of these reads is of no other.
static inline uint32_t og_calibration_pass(int after)
{
    return UINT32_MAX - (uint32_t)after;
}
static inline bool og_is_calibration(uint32_t pass) { return pass >= UINT32_MAX - 1; }
double og_compensation_mean(const struct og_array *a);  // NaN: none
static inline float og_compensation_of(const struct og_array *a, size_t j)
{
    return a->compensation == NULL ? 1 : a->compensation[j];
}

// --- thermal.c
// Allocates what the law needs, of all units; the device-level form as a->sd is.
bool og_thermal_alloc(struct og_array *a);
void og_thermal_free(struct og_array *a);
// What g [S] of a device on `side` is worth: variance in steps^2 per og_thermal_power.
float og_thermal_of(const struct og_array *a, int side);
// Of units of one slice, from a->s.
void og_thermal_pack(struct og_array *a, int slice);
// Whether og_thermal_power is needed in a read.
bool og_needs_thermal(const struct og_array *a);
// power[n][rows] of what the word lines are driven with.
void og_thermal_power(const struct og_array *a, const float *drive, size_t n,
                      float *power);
// variance[n][cols] += that of one unit.
void og_thermal_add(const struct og_array *a, const struct og_unit *u, const float *power,
                    size_t n, float *variance);

// --- clocked.c: devices whose noise goes on from read to read
// All devices one by one: those of weights, set (copy * slices + slice) * sides + side,
// and then those of reference columns, one set for each (copy * slices + slice). In a set
// device i * cols + j stands on word line i.
struct og_device_set {
    size_t number, first, cols;
    bool reference;  // its columns are tiles, and their currents are taken away from all
                     // columns there
};
size_t og_device_sets(const struct og_array *a);
struct og_device_set og_device_set(const struct og_array *a, size_t number);
struct og_device_set og_weight_set(const struct og_array *a, int copy, int slice,
                                   int side);
struct og_device_set og_reference_set(const struct og_array *a, int copy, int slice);
size_t og_devices(const struct og_array *a);  // of all sets
bool og_clocked(const struct og_array *a);    // whether there are any
// Devices io->first .. of a set as programmed: io->g and io->flicker; gain: of the
// mapping. Those of reference columns are counted from tile to tile.
void og_clocked_take(const struct og_array *a, const struct og_device_set *set,
                     const struct og_cells *cells, float gain,
                     const struct og_cell_io *io);
// What wires leave of device `k` of all.
void og_clocked_scale(const struct og_array *a, size_t k, float share);
// sum[cols] += value, the current of device k of a set.
void og_clocked_current(const struct og_array *a, const struct og_device_set *set,
                        size_t k, float value, float *sum);
// Rows of a read, with the drive [n][rows]; sum [n][cols] is added to.
struct og_clocked_rows {
    const struct og_read *at;
    size_t row0, n;
    const float *drive;
    float *sum;
};
void og_clocked_add(const struct og_array *a, const struct og_unit *u,
                    const struct og_clocked_rows *rows);

// --- rtn.c
og_status og_rtn_alloc(struct og_array *a, struct og_error *err);
void og_rtn_free(struct og_array *a);
float *og_rtn_amplitudes(const struct og_array *a);  // [og_devices]
// At which of n devices from io->first on in the draws it is, and how strong there.
void og_rtn_take(const struct og_array *a, const struct og_cells *cells, float gain,
                 const struct og_cell_io *io, float *amplitude);
// After all of them were taken.
void og_rtn_list(struct og_array *a);
void og_rtn_add(const struct og_array *a, const struct og_unit *u,
                const struct og_device_set *set, const struct og_clocked_rows *rows);

// --- flicker.c
og_status og_flicker_alloc(struct og_array *a, struct og_error *err);
void og_flicker_free(struct og_array *a);
// The processes of devices as old as a->t.
void og_flicker_age(struct og_array *a);
// [og_devices]: g in steps, and q.
float *og_flicker_steps(const struct og_array *a);
float *og_flicker_q(const struct og_array *a);
void og_flicker_add(const struct og_array *a, const struct og_unit *u,
                    const struct og_device_set *set, const struct og_clocked_rows *rows);

// --- use.c
// Adds the n conversions that `c` is about to make. `scratch`: that of the
// kernel; `room`: og_use_room(n) floats.
void og_use_add(const struct og_array *a, const struct og_convert *c, size_t n,
                struct og_adc_use *use, float *scratch, float *room);
static inline size_t og_use_room(size_t n) { return 3 * ((n + 15) / 16 * 16); }

// How many lines of one column tile one group of rows has.
struct og_part {
    size_t rows, cols;
};
struct og_part og_group_part(const struct og_array *a, size_t group, size_t tile);

// --- live.c --------------------------------------------------------------------------
// The inputs of the word lines that are left: x itself, or gathered in memory [n][rows]
// with *ldx set.
const float *og_live_inputs(const struct og_array *a, const float *x, size_t *ldx,
                            size_t n, float *memory);
// One row of digital sums to y; removed columns are exactly 0.
void og_live_outputs(const struct og_array *a, const float *acc, float *y);
// variance[n][cols] of constant read noise, in tiles where word lines are missing, from
// the power of their drives.
void og_tile_variances(const struct og_array *a, const struct og_unit *u,
                       const float *power, size_t n, float *variance);

// --- drive.c -------------------------------------------------------------------------
struct og_drive {
    int plane, sign;
    float weight;  // of its sums
};
// Conversions that follow each other for one input, and pulses of its word line.
int og_passes(const struct og_array *a);
int og_pulses(const struct og_array *a);
struct og_drive og_pass(const struct og_array *a, int p);
// What the DACs give for n rows. All but codes may be NULL.
struct og_dac_out {
    float *codes;      // [n][rows]
    float *x_hat;      // [n][rows] what the codes stand for, in units of x
    int16_t *kept;     // [n][rows] the codes, with short_codes
    uint8_t *clipped;  // [n][rows] 1 where |x| is beyond the range
};
void og_dac(const struct og_array *a, const float *x, size_t ldx, size_t n,
            const struct og_dac_out *out);
// What a word line of row i is driven with at v_read.
float og_full_drive(const struct og_array *a, size_t i);
// drive[r * rows + i] of one pass: the codes themselves where they are all there is to
// it, else made in `memory`.
const float *og_make_drive(const struct og_array *a, const struct og_drive *p,
                           const float *codes, size_t n, float *memory);
// memory[n][rows] <- the drives as cells carry them, I / (g v_read) of V / v_read; those
// themselves of ohmic cells.
const float *og_bend_drive(const struct og_array *a, const float *drive, size_t n,
                           float *memory);
// d^2; |d| d_max for pulses whose width is the input, through which white noise is
// averaged; the sum of (digit significance)^2 over joined pulses.
void og_drive_power(const struct og_array *a, const float *drive, size_t n, float *power);

#endif
