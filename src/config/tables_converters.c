// SPDX-License-Identifier: GPL-3.0-or-later
// The rows of input, dac and adc of a hardware: how word lines are driven and bit lines
// converted.
#include "config/tables.h"

#define P OG_STAGE_PROGRAM
#define E OG_STAGE_EVALUATE

const struct og_field og_input_fields[] = {
    {"sign", OG_FIELD_CHOICE, offsetof(struct og_hardware, input.sign), 0, NULL, 0, 0,
     "bipolar two_pass offset", "bipolar", P,
     "Negative inputs: negative voltages, a second read, or a constant added.", NULL,
     NULL},
    {"encoding", OG_FIELD_CHOICE, offsetof(struct og_hardware, input.encoding), 0, NULL,
     0, 0, "amplitude pulse_width bit_serial", "amplitude", P,
     "How an input drives its row: voltage, duration, or bit after bit.", NULL, NULL},
    {"slice_bits", OG_FIELD_INT, offsetof(struct og_hardware, input.slice_bits), 0, NULL,
     1, 15, NULL, "1", P,
     "Encoding bit_serial: bits of the input in one pulse, which then has 2^slice_bits "
     "voltages.",
     NULL, NULL},
    {"accumulate", OG_FIELD_CHOICE, offsetof(struct og_hardware, input.accumulate), 0,
     NULL, 0, 0, "digital analog", "digital", P,
     "Encoding bit_serial: the sums of the pulses converted one by one, shifted and "
     "added digitally, or their charges weighted by significance and joined before one "
     "conversion.",
     NULL, NULL},
    {.key = NULL},
};
const struct og_field og_dac_fields[] = {
    {"bits", OG_FIELD_INT, offsetof(struct og_hardware, dac.bits), 0, NULL, 0, 16, NULL,
     "0", P, "Bits of the input converters; 0: ideal.", NULL, NULL},
    {"rounding", OG_FIELD_CHOICE, offsetof(struct og_hardware, dac.rounding), 0, NULL, 0,
     0, "mid_tread mid_rise", "mid_tread", P,
     "Levels with a zero (2^b - 1 of them), or without (2^b).", NULL, NULL},
    {"range_mode", OG_FIELD_CHOICE, offsetof(struct og_hardware, dac.mode), 0, NULL, 0, 0,
     "fixed - minmax percentile mse", "minmax", P,
     "Full scale of the inputs: fixed, or calibrated on training samples.", NULL, NULL},
    {"range", OG_FIELD_REAL, offsetof(struct og_hardware, dac.range), 0, NULL, 1e-9, 1e9,
     NULL, "1", P, "Range mode fixed: full scale in units of the activation.", NULL,
     NULL},
    {"percentile", OG_FIELD_REAL, offsetof(struct og_hardware, dac.percentile), 0, NULL,
     1, 100, NULL, "99.9", P, "Range mode percentile: percentile of |input|, in percent.",
     NULL, NULL},
    {.key = NULL},
};
static const struct og_field ramp_fields[] = {
    {"bits", OG_FIELD_INT, offsetof(struct og_hardware, adc.ramp.bits), 0, NULL, 2, 8,
     NULL, "5", P, "Bits of the ramps.", NULL, NULL},
    {"split", OG_FIELD_BOOL, offsetof(struct og_hardware, adc.ramp.split), 0, NULL, 0, 0,
     NULL, "true", P,
     "Whether the steps of a ramp may be split over parallel cells where the device's "
     "range from g_min to g_max is too small for them; else that is an error.",
     NULL, NULL},
    {"calibration", OG_FIELD_CHOICE, offsetof(struct og_hardware, adc.ramp.calibration),
     0, NULL, 0, 0, "none one_point", "one_point", P,
     "Whether the bias cells are tuned, as far as they reach, until the middle threshold "
     "of each programmed ramp is right.",
     NULL, NULL},
    {"bias_cells", OG_FIELD_INT, offsetof(struct og_hardware, adc.ramp.bias_cells), 0,
     NULL, 0, 1024, NULL, "0", P,
     "Cells that carry the start of a ramp; 0: as many as it takes.", NULL, NULL},
    {"v_read", OG_FIELD_REAL, offsetof(struct og_hardware, adc.ramp.v_read), 0, "V", 0,
     100, NULL, "0 V", P,
     "Read voltage of the ramps; 0: that of the products (device.v_read), which ramps "
     "then follow.",
     NULL, NULL},
    {"cell_state", OG_FIELD_BOOL, offsetof(struct og_hardware, adc.ramp.cell_state), 0,
     NULL, 0, 0, NULL, "false", P,
     "Whether the tanh of an lstm's cell state is done by the ramps of gate c too, "
     "without noise of reads; else digitally.",
     NULL, NULL},
    {"dense", OG_FIELD_BOOL, offsetof(struct og_hardware, adc.ramp.dense), 0, NULL, 0, 0,
     NULL, "false", P,
     "Whether ramps also do a sigmoid, tanh or curve that is all that reads a dense "
     "layer.",
     NULL, NULL},
    {.key = NULL},
};
const struct og_field og_integrator_fields[] = {
    {"saturation", OG_FIELD_REAL, offsetof(struct og_hardware, integrator.saturation), 0,
     NULL, 0, 1, NULL, "0", P,
     "Where the charge of a column stops growing, in both directions, as a fraction of "
     "the worst case; 0: never.",
     NULL, NULL},
    {.key = NULL},
};
static const struct og_field circuit_fields[] = {
    {"capacitor", OG_FIELD_REAL, offsetof(struct og_hardware, adc.circuit.capacitor), 0,
     NULL, 0, 0.1, NULL, "0", P,
     "Relative rms error of a unit capacitor; n units in parallel have 1 / sqrt(n) of "
     "it.",
     NULL, NULL},
    {"comparator", OG_FIELD_REAL, offsetof(struct og_hardware, adc.circuit.comparator), 0,
     NULL, 0, 1, NULL, "0", P,
     "Rms offset of a comparator, as a fraction of the reference, which is half the "
     "range of inputs.",
     NULL, NULL},
    {"amplifier_gain", OG_FIELD_REAL,
     offsetof(struct og_hardware, adc.circuit.amplifier_gain), 0, "dB", 0, 300, NULL,
     "0 dB", P,
     "Kinds pipeline, cyclic and single_slope: open-loop gain of the amplifier of a "
     "stage, or of the slope; 0: infinite.",
     NULL, NULL},
    {.key = NULL},
};
const struct og_field og_adc_fields[] = {
    {"kind", OG_FIELD_CHOICE, offsetof(struct og_hardware, adc.kind), 0, NULL, 0, 0,
     "linear ramp sar pipeline cyclic single_slope", "linear", P,
     "linear: the nearest code; sar, pipeline, cyclic and single_slope: circuits with "
     "the "
     "errors of adc.circuit; ramp: the sigmoid and tanh of recurrent "
     "layers are done by ramp ADCs whose ramps "
     "are columns of memristors (Yang et al. 2025), biases by word lines of their own "
     "(adc.noise, offset and gain are theirs too, in their mean step), lines of "
     "zeros stay; all other layers keep the linear ADC.",
     NULL, NULL},
    {"ramp", OG_FIELD_BLOCK, 0, 0, NULL, 0, 0, NULL, NULL, P, "Kind ramp: the ramps.",
     ramp_fields, NULL},
    {"circuit", OG_FIELD_BLOCK, 0, 0, NULL, 0, 0, NULL, NULL, P,
     "Kinds sar, pipeline, cyclic and single_slope: errors, frozen for a chip and drawn "
     "for each ADC (tile.columns_per_adc).",
     circuit_fields, NULL},
    {"bits", OG_FIELD_INT, offsetof(struct og_hardware, adc.bits), 0, NULL, 0, 16, NULL,
     "0", P,
     "Bits of the output converters; 0: ideal, without noise, offset or gain error.",
     NULL, NULL},
    {"rounding", OG_FIELD_CHOICE, offsetof(struct og_hardware, adc.rounding), 0, NULL, 0,
     0, "mid_tread mid_rise", "mid_tread", P, "Codes with a zero, or without.", NULL,
     NULL},
    {"range_mode", OG_FIELD_CHOICE, offsetof(struct og_hardware, adc.mode), 0, NULL, 0, 0,
     "fixed worst_case minmax percentile mse absolute", "minmax", P,
     "Full scale of the column sums: fixed, as a part of the largest possible or "
     "absolute, "
     "the largest possible, or calibrated on training samples.",
     NULL, NULL},
    {"granularity", OG_FIELD_CHOICE, offsetof(struct og_hardware, adc.granularity), 0,
     NULL, 0, 0, "layer tile column slice", "layer", P,
     "What shares one full scale; slice: all columns of the same digit and side of the "
     "weights.",
     NULL, NULL},
    {"range", OG_FIELD_REAL, offsetof(struct og_hardware, adc.range), 0, NULL, 1e-9, 1,
     NULL, "1", P, "Range mode fixed: full scale as a fraction of the worst case.", NULL,
     NULL},
    {"full_scale", OG_FIELD_REAL, offsetof(struct og_hardware, adc.full_scale), 0, NULL,
     1e-9, 1e9, NULL, "1", P,
     "Range mode absolute: full scale in products of a full-scale input and a full-scale "
     "weight, whatever the size of the tile (with slices: of a digit).",
     NULL, NULL},
    {"percentile", OG_FIELD_REAL, offsetof(struct og_hardware, adc.percentile), 0, NULL,
     1, 100, NULL, "99.9", P,
     "Range mode percentile: percentile of |column sum|, in percent.", NULL, NULL},
    {"noise_full_scale", OG_FIELD_REAL,
     offsetof(struct og_hardware, adc.noise_full_scale), 0, NULL, 0, 1, NULL, "0", E,
     "Instead of noise: rms noise of every conversion as a fraction of the full scale "
     "(the largest code).",
     NULL, NULL},
    {"noise", OG_FIELD_REAL, offsetof(struct og_hardware, adc.noise), 0, "LSB", 0, 1000,
     NULL, "0", E, "Rms noise of every conversion.", NULL, NULL},
    {"offset", OG_FIELD_REAL, offsetof(struct og_hardware, adc.offset), 0, "LSB", 0, 1000,
     NULL, "0", P, "Rms offset over the columns, frozen for a chip.", NULL, NULL},
    {"gain", OG_FIELD_REAL, offsetof(struct og_hardware, adc.gain), 0, NULL, 0, 1, NULL,
     "0", P, "Relative rms gain error over the columns, frozen for a chip.", NULL, NULL},
    {.key = NULL},
};
