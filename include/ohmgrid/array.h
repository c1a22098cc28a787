// SPDX-License-Identifier: GPL-3.0-or-later
// One weight matrix on crossbar tiles: mapping to conductances, programming, reads with
// converters and noise, and the gradients that training needs.
//
//   y[r][j] = sum_i w_ij x[r][i]   as the hardware sees it; i: word line, j: bit line
//
// Tiles: ceil(rows / tile.rows) x ceil(cols / tile.cols); each row tile (or group of
// tile.rows_active rows) is converted on its own and added digitally, or
// (tile.accumulate: analog) all row tiles are joined before one conversion.
//
// Weights that are exactly 0 (pruned). mapping.removed: what holds nothing does not
// exist (but where ramps convert, since biases remain), in this order:
//   1. word lines and bit lines that are 0 in the whole matrix are taken out, and the
//      others move together: the array is that of the smaller matrix, draw for draw, with
//      0 for the outputs that were taken out;
//   2. the smaller matrix is cut into tiles, and these into groups of rows;
//   3. in each tile, a word line whose weights there are all 0 has no devices; neither
//      has a bit line whose weights in one group of rows are all 0, and it is not
//      converted: it adds exactly 0. (Of scheme offset, bit lines only: its reference has
//      a device on each word line.)
// All gradients of what does not exist are 0. device.pruned_cells: off switches the other
// pruned cells off (g_off, no errors, no read noise).
#ifndef OHMGRID_ARRAY_H
#define OHMGRID_ARRAY_H

#include <stdint.h>

#include "ohmgrid/hardware.h"
#include "ohmgrid/random.h"

#ifdef __cplusplus
extern "C" {
#endif

// Thread-safety: og_array_read, og_array_backward and og_array_observe, each from any
// number of threads at once; everything else from one.
typedef struct og_array og_array;

// The word lines may carry inputs of different range and bits (x and h of an LSTM):
// segment s holds word lines [first of s, first of s + 1).
struct og_segment {
    size_t rows;
    int dac_bits;   // 0: ideal
    float range;    // full scale a of |x|; > 0
    int bits_then;  // dac_bits 0: of the DAC that inputs have met before; costs count it
};
enum { OG_SEGMENTS = 2 };

// adc.kind ramp: the next `cols` columns are converted by ramps that do a function.
// A curve is linear between its points, x and y both rising, and constant outside.
enum og_function { OG_SIGMOID, OG_TANH, OG_CURVE };
struct og_points {
    struct og_list x, y;
};
struct og_ramp_part {
    enum og_function function;
    size_t cols;
    const struct og_points *curve;  // borrowed during og_array_alloc
    bool again;  // converts one more number per column and input vector (og_array_ramp):
                 // costs count it
};
enum { OG_RAMP_PARTS = 4 };

struct og_array_shape {
    size_t rows, cols;
    uint32_t layer;  // names the random streams: unique for each matrix of a network
    int segments;
    struct og_segment segment[OG_SEGMENTS];
    int ramps;  // parts, of all columns together; 0: linear ADCs, whatever adc.kind is
    struct og_ramp_part ramp[OG_RAMP_PARTS];
};

// Which chip: all frozen randomness is a function of this.
struct og_chip {
    uint64_t seed;
    uint32_t trial;
    uint32_t draw;  // programming count: 0 for a chip, the step in training
};

// Which reads: row r of the call belongs to sample[r / positions], position r %
// positions.
struct og_read {
    uint64_t seed;
    uint32_t trial;
    uint32_t pass;           // epoch in training, pass of a vote in evaluation
    const uint32_t *sample;  // number in the data set
    size_t positions;  // rows per sample in this call (1, or pixels of a convolution)
    uint32_t step;     // time step of a recurrent layer, else 0
};

// Borrows hw and shape only during the call. OG_INPUT when the hardware cannot do it (for
// instance read_noise: fast where it would not be exact).
OG_API og_status og_array_alloc(og_array **array, const struct og_hardware *hw,
                                const struct og_array_shape *shape, struct og_error *err);
OG_API void og_array_free(og_array *array);

// DAC full scale of one segment; weights are mapped to it by the next og_array_program,
// which has to come before the next read.
OG_API void og_array_set_range(og_array *array, int segment, float range);

// What programming and reads keep for og_array_backward. Before the first
// og_array_program; OG_NO_MEMORY, and OG_INPUT where the noise scale cannot be
// differentiated (device-level noise). OG_KEEP_REPARAM also keeps what the derivative of
// the noise scale needs.
enum og_keep { OG_KEEP_NOTHING, OG_KEEP_GRADIENT, OG_KEEP_REPARAM };
OG_API og_status og_array_keep_gradient(og_array *array, enum og_keep keep,
                                        struct og_error *err);

// Arrays with ramps: b[cols] in units of y, which joins the column sums in the array, on
// word lines of its own driven at full scale (as many as the largest needs: each carries
// the same part of it) with the device's errors and noise. Copied; mapped by the next
// og_array_program. 0 until then. A bias of more than OG_BIAS_LINES full-scale weights,
// or none at all (NaN), is no bias that an array could carry: all sums of the columns are
// NaN.
enum { OG_BIAS_LINES = 65536 };
OG_API void og_array_set_bias(og_array *array, const float *b);

// Maps and programs w[j * rows + i] (j: output; PyTorch and ONNX order). Deterministic in
// (w, ranges, chip). Call it again after og_array_set_range and og_array_set_adc. Devices
// are then as old as hw.t_inference says; with hw.compensation it also makes the
// calibration reads. Only hardware.wires can fail: OG_NO_MEMORY, or OG_FAILED where no
// digits of their solution are left; then there is nothing to read.
OG_API og_status og_array_program(og_array *array, const float *w,
                                  const struct og_chip *chip);

// The weights as programmed and aged, w_hat[j * rows + i], in units of w: what a
// noise-free read multiplies with, wires and compensation included. Fails as
// og_array_program does.
OG_API og_status og_array_weights(og_array *array, float *w_hat);

// --- ranges of the ADCs --------------------------------------------------------------
// Number of ADC full scales (1, tiles, or columns x row groups x ... by
// adc.granularity).
OG_API size_t og_array_ranges(const og_array *array);
// Full scales range[og_array_ranges], in units of the normalised column sum; they stay
// until set again, and are part of a trained model, for the lines that it has: removed
// lines leave the last ones unused, and an og_array_program that removes others asks for
// a new calibration.
// Calibration: og_array_observe gathers statistics of noise-free column sums over any
// number of calls, og_array_calibrate turns them into ranges.
OG_API void og_array_get_adc(const og_array *array, float *range);
OG_API void og_array_set_adc(og_array *array, const float *range);
// Modes fixed and worst_case need no observation. Needs an og_array_program, whose
// nominal weights it multiplies with. The order of the calls does not matter; inputs and
// `work` as for a read. Calibrated ranges take effect at the next og_array_program.
OG_API void og_array_observe(og_array *array, const float *x, size_t ldx, size_t n,
                             void *work);
OG_API void og_array_calibrate(og_array *array);

// --- reads ---------------------------------------------------------------------------
// Bytes of workspace that a read or backward of n rows needs (never shared by threads).
OG_API size_t og_array_work_bytes(const og_array *array, size_t n);
// Bytes of the record that a read leaves for its backward (0 without keep_gradient).
OG_API size_t og_array_tape_bytes(const og_array *array, size_t n);

// What the ADCs did in reads, added up; zero it first.
struct og_adc_use {
    uint64_t conversions, clipped;
    float used;  // largest |code| of all, as a fraction of the largest there is
};

// y[r * ldy + j] for n rows x[r * ldx + i]; of ramps, the function of the sum and bias.
// tape may be NULL. `a_noise`, if not NULL, is added to the column sums before the ADC
// (noise injection at point A): a_noise[r * cols + j], in units of y. Where the full sum
// only exists after the ADCs (several row groups, slices or passes) it is added there.
// `a_signal`, if not NULL, receives [n][cols] what it is added to, without what is
// digitally known (offsets of inputs and references). `use` may be NULL; ideal ADCs leave
// it as it is.
struct og_read_io {
    const float *x;
    // Instead of x, where og_array_takes_codes: gives the inputs of rows [row0, row0 + n)
    // as og_array_codes has them, codes[i * pitch + r] of word line i; whole vectors, up
    // to 16 floats beyond n, may be written as long as lines follow in order.
    void (*codes)(const void *of, size_t row0, size_t n, float *codes, size_t pitch);
    const void *of;
    size_t ldx, n;
    float *y;
    size_t ldy;
    const float *a_noise;
    float *a_signal;
    void *tape, *work;
    struct og_adc_use *use;
};
// n reads, each with noise of its own by `at`. Cannot fail: all memory is the caller's.
OG_API void og_array_read(const og_array *array, const struct og_read *at,
                          const struct og_read_io *io);

// Gradients through the read that left `tape`; with ramps, dy are those of the column
// sums, and nothing passes beyond the ends of a curve. dx (replaced) may be NULL; dw[j *
// rows + i] is added to. Straight-through: quantisers and noise pass the gradient on;
// `clipped`: nothing passes where a converter clipped; `reparam`: the noise scale is
// differentiated as well (read noise by x, programming error by w).
enum og_gradient { OG_STRAIGHT_THROUGH, OG_CLIPPED };
struct og_backward_io {
    const float *dy;
    size_t lddy, n;
    float *dx;
    size_t lddx;
    float *dw;
    const void *tape;
    void *work;
    enum og_gradient gradient;
    bool reparam;
};
OG_API void og_array_backward(const og_array *array, const struct og_backward_io *io);
// The weights as programmed, w[i * cols + j], where straight-through gradients are just
// dx = dy w^T and dw = dy^T x_hat with the inputs as the DACs give them, so that a caller
// may compute them by itself and reads need no tape; else NULL (lines or devices that are
// missing, cells that are not ohmic, ramps, a noise scale that is differentiated, several
// segments).
OG_API const float *og_array_straight(const og_array *array);
// Whether reads may be given codes: those of the only segment drive the word lines as
// they are, and nothing else is asked of them. Reads then leave no tape. codes[n] of
// inputs x[n].
OG_API bool og_array_takes_codes(const og_array *array);
OG_API void og_array_codes(const og_array *array, const float *x, size_t n, float *codes);
// x_hat[n] of inputs x[n] of the only segment.
OG_API void og_array_dac(const og_array *array, const float *x, size_t n, float *x_hat);
// hardware.wires: dw, as og_array_backward has added it up over all reads, is the
// gradient by the weights as reads see them. Turns it into that by the weights as
// programmed (exact by adjoint circuits; quantisation, errors and limits of the devices
// pass it on); without wires it stays as it is. OG_NO_MEMORY, OG_FAILED: then dw is of no
// use.
OG_API og_status og_array_through_wires(og_array *array, float *dw);

// --- wires -----------------------------------------------------------------------------
// One array of the matrix, its first, as last programmed, with all rows at full drive.
struct og_wire_check {
    double lost;  // part of the current that the wires cost, by Kirchhoff's laws
    // rms over bit lines: wires.mode approximate over exact, - 1, of each approximation
    double approximate, ladder, cubic;
    // Standard deviation of the outputs' read noise as reads draw it (of each device by
    // its own two lines) over that by adjoint circuits, to first order exact; of 16
    // outputs. NaN without device.read.
    double noise;
};
// All NaN without wires. OG_NO_MEMORY, OG_FAILED: no solution.
OG_API og_status og_array_wire_check(const og_array *array, struct og_wire_check *check,
                                     struct og_error *err);

// --- ramps ---------------------------------------------------------------------------
// Whether its columns are converted by ramps.
OG_API bool og_array_has_ramps(const og_array *array);
// y[r * n + k] = what the ramp of column first + k makes of x[r * n + k], without noise.
OG_API void og_array_ramp(const og_array *array, size_t first, size_t n, size_t rows,
                          const float *x, float *y);
// Where the sums of the read that left `tape` were beyond the ends of a curve: 1 in
// [n][cols]; NULL where no function has an end.
OG_API const uint8_t *og_array_beyond(const og_array *array, const void *tape, size_t n);
// Of all ramps of the array as last programmed, the largest over them.
struct og_ramp_info {
    size_t ramps,
        cells;    // one ramp for each function in each column tile; with bias cells
    double gain;  // x of a siemens in the ramp, over x of a siemens at full drive
    double inl, inl_rms, dnl;  // [LSB of the output]
};
// ramps 0 where none convert.
OG_API struct og_ramp_info og_array_ramp_info(const og_array *array);

// --- ADCs as circuits ----------------------------------------------------------------
// The worst of all ADCs of the array as last programmed, from their exact transfer
// characteristics. inl, dnl: largest of |INL|, |DNL| over the codes, about the line
// through the first and the last transition; enob: effective bits of a sine of full
// scale, with adc.noise (IEEE Std 1241). No ADCs: adcs 0.
struct og_adc_info {
    size_t adcs;
    double inl, dnl;  // [LSB]
    double enob;      // [bits]
};
// Computed anew in each call, over all codes of all ADCs.
OG_API struct og_adc_info og_array_adc_info(const og_array *array);

// --- looking inside ------------------------------------------------------------------
// What the array is made of; a reference column's devices are not counted.
struct og_array_count {
    size_t lines_in, lines_out;   // word and bit lines, over all tiles
    size_t row_tiles, col_tiles;  // how far they reach
    size_t row_groups;            // over all row tiles
    size_t tiles;                 // that hold any weight
    size_t devices;               // of weights
    size_t room;                  // devices of weights that these tiles have room for
    size_t conversions;           // per read of one input vector
};
struct og_array_info {
    size_t rows, cols;  // of the matrix
    size_t slices;
    double w_max;                 // the largest full-scale weight of its tiles
    double lsb;                   // of the ADC, in units of y; 0 when ideal
    size_t conversions;           // per read of one input vector: used.conversions
    double compensation;          // mean factor on its sums; NaN: none
    struct og_array_count used;   // without removed lines, as last programmed
    struct og_array_count dense;  // as if none were removed
};
// Of the array as last programmed.
OG_API struct og_array_info og_array_info(const og_array *array);
// Conductances [S] of the weight devices, device d = ((copy * slices + slice) * sides +
// side) * rows * cols + i * cols + j; count = info.dense.devices, 0 where there is none.
OG_API void og_array_conductance(const og_array *array, float *g);

// --- faults --------------------------------------------------------------------------
// Codes (enum og_fault) of the physical devices: [dim 0] sets, (copy * slices + slice) *
// sides + side, [dim 1] word lines, [dim 2] bit lines: the columns of each tile, and
// after these its hardware.tile.spare_columns. Lines that removal has taken away leave
// those at the end of the array, or of its last tile, unused.
struct og_fault_shape {
    size_t dim[3];
};
// The shape of such maps.
OG_API struct og_fault_shape og_array_fault_shape(const og_array *array);
// Instead of draws, for all chips from the next og_array_program on. Copies. OG_INPUT
// where the shape does not fit or a code is unknown; OG_NO_MEMORY.
OG_API og_status og_array_set_faults(og_array *array, const int8_t *code,
                                     const size_t dim[3], struct og_error *err);
// Of the chip as last programmed.
OG_API void og_array_faults(const og_array *array, int8_t *code);
struct og_fault_info {
    size_t devices, stuck;  // of weights, as these lie
    double
        error;  // rms over weights of what faults alone make them off, over the largest
};
OG_API struct og_fault_info og_array_fault_info(const og_array *array);

// --- writing -------------------------------------------------------------------------
// How the weights' devices were written by the last og_array_program: all but those that
// are off or removed. Programs once more to count.
enum { OG_ERROR_BINS = 102, OG_PULSE_BINS = 64 };
struct og_program_info {
    size_t devices;
    double error_mean, error_rms;  // g - target, as parts of g_max - g_min; with faults
    bool verified;      // hardware.program.mode write_verify; else all that follows is 0
    double acceptance;  // as a part of g_max - g_min
    double pulses, most;  // mean, and of the device that took most
    double accepted;      // part of the devices
    double all_pulses;
    double tile_pulses, tile_devices;  // of the tile that took most
    // Devices by error: bins of a tenth of the acceptance from -5 to 5 of it, between one
    // for all below and one for all above. By pulses: bins of pulse_bin pulses from 0 up.
    uint64_t error[OG_ERROR_BINS], pulse[OG_PULSE_BINS];
    int pulse_bin;
};
OG_API bool og_array_is_verified(const og_array *array);
OG_API struct og_program_info og_array_program_info(const og_array *array);

#ifdef __cplusplus
}
#endif
#endif
