// SPDX-License-Identifier: GPL-3.0-or-later
// The rows of hardware and device. The stage of a key says from where on its value
// counts: what can only change reads (read noise, injected noise, converter noise)
// belongs to evaluate. Everything else belongs to program, converters too: their
// quantisation reaches the calibrated input ranges of later layers, and these scale what
// is programmed.
#include <assert.h>
#include <math.h>

#include "config/tables.h"

#define P OG_STAGE_PROGRAM
#define E OG_STAGE_EVALUATE

static const char sigma_kinds[] =
    "none constant proportional polynomial saturating table";

static const struct og_field sigma_fields[] = {
    {"kind", OG_FIELD_CHOICE, offsetof(struct og_sigma, kind), 0, NULL, 0, 0, sigma_kinds,
     "none", P,
     "Law of the standard deviation as a function of the conductance g; when left out it "
     "follows from the key that is given.",
     NULL, NULL},
    {"sigma", OG_FIELD_REAL, offsetof(struct og_sigma, sigma), 0, "S", 0, 1, NULL, "0", P,
     "Kind constant: the standard deviation.", NULL, NULL},
    {"fraction", OG_FIELD_REAL, offsetof(struct og_sigma, fraction), 0, NULL, 0, 10, NULL,
     "0", P, "Kind proportional: the standard deviation is this fraction of g.", NULL,
     NULL},
    {"coefficients", OG_FIELD_LIST, offsetof(struct og_sigma, coefficients), 0, "S", -1,
     1, NULL, "[]", P,
     "Kind polynomial: coefficients in g / g_ref from the power 0 up; negative values of "
     "the polynomial count as 0.",
     NULL, NULL},
    {"g_ref", OG_FIELD_REAL, offsetof(struct og_sigma, g_ref), 0, "S", 0, 1, NULL, "0", P,
     "Kind polynomial: the conductance that g is divided by; 0 means g_max.", NULL, NULL},
    {"limit", OG_FIELD_REAL, offsetof(struct og_sigma, limit), 0, "S", 0, 1, NULL, "0", P,
     "Kind saturating: limit (1 - exp(-g / g_rise)).", NULL, NULL},
    {"g_rise", OG_FIELD_REAL, offsetof(struct og_sigma, g_rise), 0, "S", 0, 1, NULL, "0",
     P, "Kind saturating: where 1 - 1 / e of the limit is reached.", NULL, NULL},
    {"table_g", OG_FIELD_LIST, offsetof(struct og_sigma, table_g), 0, "S", 0, 1, NULL,
     "[]", P, "Kind table: conductances, rising; linear between them, constant outside.",
     NULL, NULL},
    {"table_sigma", OG_FIELD_LIST, offsetof(struct og_sigma, table_sigma), 0, "S", 0, 1,
     NULL, "[]", P, "Kind table: the standard deviation at each conductance of table_g.",
     NULL, NULL},
    {"scale", OG_FIELD_REAL, offsetof(struct og_sigma, scale), 0, NULL, 0, 1000, NULL,
     "1", P, "Multiplies the standard deviation; 1 is as published.", NULL, NULL},
    {.key = NULL},
};
// Blocks of unnamed structs: offsets count from the start of the struct that holds them.
static const struct og_field d2d_fields[] = {
    {"law", OG_FIELD_CHOICE, offsetof(struct og_device, d2d.law), 0, NULL, 0, 0,
     "normal lognormal", "normal", P,
     "Distribution of each device's own limits over the devices.", NULL, NULL},
    {"g_min", OG_FIELD_REAL, offsetof(struct og_device, d2d.g_min), 0, NULL, 0, 1, NULL,
     "0", P, "Relative spread of each device's own g_min; 0: all alike.", NULL, NULL},
    {"g_max", OG_FIELD_REAL, offsetof(struct og_device, d2d.g_max), 0, NULL, 0, 1, NULL,
     "0", P, "Relative spread of each device's own g_max; 0: all alike.", NULL, NULL},
    {.key = NULL},
};
static const struct og_field cell_fields[] = {
    {"levels", OG_FIELD_INT, offsetof(struct og_device, cell.levels), 0, NULL, 0, 65536,
     NULL, "0", P,
     "Programmable levels per device, equally spaced from g_min to g_max; 0: analog.",
     NULL, NULL},
    {"list", OG_FIELD_LIST, offsetof(struct og_device, cell.list), 0, "S", 0, 1, NULL,
     "[]", P, "The programmable levels themselves, rising; it may lack g_min.", NULL,
     NULL},
    {.key = NULL},
};

const struct og_field og_device_fields[] = {
    {"name", OG_FIELD_TEXT, offsetof(struct og_device, name),
     sizeof((struct og_device *)0)->name, NULL, 0, 0, NULL, "", P,
     "Device file that gives all keys not given here: a name or a path.", NULL, NULL},
    {"title", OG_FIELD_TEXT, offsetof(struct og_device, title),
     sizeof((struct og_device *)0)->title, NULL, 0, 0, NULL, "", OG_STAGE_OUTPUT,
     "What the device is, in one line.", NULL, NULL},
    {"citation", OG_FIELD_TEXT, offsetof(struct og_device, citation),
     sizeof((struct og_device *)0)->citation, NULL, 0, 0, NULL, "", OG_STAGE_OUTPUT,
     "Where the numbers come from.", NULL, NULL},
    {"g_min", OG_FIELD_REAL, offsetof(struct og_device, g_min), 0, "S", 0, 1, NULL, "0 S",
     P, "Lowest programmable conductance.", NULL, NULL},
    {"g_max", OG_FIELD_REAL, offsetof(struct og_device, g_max), 0, "S", 1e-15, 1, NULL,
     "25 uS", P, "Highest programmable conductance.", NULL, NULL},
    {"g_off", OG_FIELD_REAL, offsetof(struct og_device, g_off), 0, "S", 0, 1, NULL, "0 S",
     P, "Conductance of a cell that is switched off.", NULL, NULL},
    {"v_read", OG_FIELD_REAL, offsetof(struct og_device, v_read), 0, "V", 1e-6, 100, NULL,
     "0.2 V", P, "Full-scale read voltage.", NULL, NULL},
    {"programming", OG_FIELD_CHOICE, offsetof(struct og_device, programming), 0, NULL, 0,
     0, "open_loop write_verify", "open_loop", P,
     "With mismatch: open_loop maps the target linearly into the device's own limits, "
     "write_verify only limits it to them.",
     NULL, NULL},
    {"program", OG_FIELD_BLOCK, offsetof(struct og_device, program), 0, NULL, 0, 0, NULL,
     NULL, P, "Programming error, drawn once for each programming.", sigma_fields, NULL},
    {"read", OG_FIELD_BLOCK, offsetof(struct og_device, read), 0, NULL, 0, 0, NULL, NULL,
     E, "White read noise, drawn afresh in every read.", sigma_fields, NULL},
    {"d2d", OG_FIELD_BLOCK, 0, 0, NULL, 0, 0, NULL, NULL, P, "Device-to-device mismatch.",
     d2d_fields, NULL},
    {"clip", OG_FIELD_CHOICE, offsetof(struct og_device, clip), 0, NULL, 0, 0,
     "nonnegative range", "nonnegative", P,
     "What limits the conductance after the programming error: zero, or g_min and g_max "
     "(with d2d, the device's own).",
     NULL, NULL},
    {"zero_cells", OG_FIELD_CHOICE, offsetof(struct og_device, zero_cells), 0, NULL, 0, 0,
     "programmed off", "programmed", P,
     "Cells of zero weight: programmed to g_min like any other, or off (g_off, no "
     "error, no noise).",
     NULL, NULL},
    {"pruned_cells", OG_FIELD_CHOICE, offsetof(struct og_device, pruned_cells), 0, NULL,
     0, 0, "programmed off", "programmed", P,
     "Cells of pruned weights, those that are exactly 0 before quantisation: programmed "
     "like any other, or off (g_off, no error, no noise).",
     NULL, NULL},
    {"faults", OG_FIELD_BLOCK, 0, 0, NULL, 0, 0, NULL, NULL, P, "Stuck devices.",
     og_fault_fields, NULL},
    {"pulse", OG_FIELD_BLOCK, 0, 0, NULL, 0, 0, NULL, NULL, P,
     "What one programming pulse does, for hardware.program.mode write_verify.",
     og_pulse_fields, NULL},
    {"iv", OG_FIELD_BLOCK, offsetof(struct og_device, iv), 0, NULL, 0, 0, NULL, NULL, P,
     "Current against voltage, of every device alike.", og_iv_fields, NULL},
    {"cell", OG_FIELD_BLOCK, 0, 0, NULL, 0, 0, NULL, NULL, P,
     "Levels that a device can be programmed to.", cell_fields, NULL},
    {"drift", OG_FIELD_BLOCK, 0, 0, NULL, 0, 0, NULL, NULL, E,
     "Loss of conductance as a power of time (hardware.t_inference).", og_drift_fields,
     NULL},
    {"flicker", OG_FIELD_BLOCK, 0, 0, NULL, 0, 0, NULL, NULL, E,
     "1/f noise since programming, frozen for an evaluation or along the read clock.",
     og_flicker_fields, NULL},
    {"rtn", OG_FIELD_BLOCK, 0, 0, NULL, 0, 0, NULL, NULL, E,
     "Random telegraph noise, along the reads of a sample (hardware.t_cycle).",
     og_rtn_fields, NULL},
    {"retention", OG_FIELD_BLOCK, 0, 0, NULL, 0, 0, NULL, NULL, E,
     "Errors from the target as measured at some times after programming, and at no "
     "others; they take the place of program.",
     og_retention_fields, NULL},
    {"disturb", OG_FIELD_BLOCK, 0, 0, NULL, 0, 0, NULL, NULL, E,
     "Conductance that reads take away or add (hardware.past_reads).", og_disturb_fields,
     NULL},
    {.key = NULL},
};

static const struct og_field mapping_fields[] = {
    {"scheme", OG_FIELD_CHOICE, offsetof(struct og_hardware, mapping.scheme), 0, NULL, 0,
     0, "differential differential_two_sided offset", "differential", P,
     "How a signed weight becomes conductances: a pair with one device at g_min, a pair "
     "moved to both sides of the middle, or one device and a reference.",
     NULL, NULL},
    {"reference", OG_FIELD_CHOICE, offsetof(struct og_hardware, mapping.reference), 0,
     NULL, 0, 0, "column digital", "column", P,
     "Scheme offset: a reference column of devices, or a digital offset.", NULL, NULL},
    {"w_max", OG_FIELD_CHOICE, offsetof(struct og_hardware, mapping.w_max), 0, NULL, 0, 0,
     "absmax percentile sigma", "absmax", P,
     "Which weight becomes full scale; larger ones are clipped.", NULL, NULL},
    {"percentile", OG_FIELD_REAL, offsetof(struct og_hardware, mapping.percentile), 0,
     NULL, 1, 100, NULL, "99.9", P, "w_max percentile: percentile of |w|, in percent.",
     NULL, NULL},
    {"k_sigma", OG_FIELD_REAL, offsetof(struct og_hardware, mapping.k_sigma), 0, NULL,
     0.1, 100, NULL, "3", P, "w_max sigma: this many times the rms of w.", NULL, NULL},
    {"granularity", OG_FIELD_CHOICE, offsetof(struct og_hardware, mapping.granularity), 0,
     NULL, 0, 0, "layer tile column", "layer", P, "What shares one full-scale weight.",
     NULL, NULL},
    {"weight_bits", OG_FIELD_INT, offsetof(struct og_hardware, mapping.weight_bits), 0,
     NULL, 0, 16, NULL, "0", P, "Bits of the signed weight levels; 0: analog.", NULL,
     NULL},
    {"rounding", OG_FIELD_CHOICE, offsetof(struct og_hardware, mapping.rounding), 0, NULL,
     0, 0, "mid_tread mid_rise", "mid_tread", P,
     "Levels of weight_bits with a zero (2^b - 1 of them) or without (2^b).", NULL, NULL},
    {"slice_bits", OG_FIELD_INT, offsetof(struct og_hardware, mapping.slice_bits), 0,
     NULL, 0, 8, NULL, "0", P,
     "Bits of |weight| per device, over several slices; 0: one slice.", NULL, NULL},
    {"devices_per_weight", OG_FIELD_INT,
     offsetof(struct og_hardware, mapping.devices_per_weight), 0, NULL, 1, 64, NULL, "1",
     P, "Copies of each device that are averaged.", NULL, NULL},
    {"removed", OG_FIELD_BOOL, offsetof(struct og_hardware, mapping.removed), 0, NULL, 0,
     0, NULL, "true", P,
     "Whether word and bit lines whose weights are all exactly 0 do not exist: in the "
     "whole matrix (the others move together), then in each tile.",
     NULL, NULL},
    {"remap", OG_FIELD_FLAGS, offsetof(struct og_hardware, mapping.remap), 0, NULL, 0, 0,
     "columns rows sides partners", "[]", P,
     "What is chosen in each tile, its faults known, for the least error of the weights: "
     "which columns they take (spare ones too), which rows, which side of a pair is the "
     "positive one; and whether a healthy device takes on what its stuck partner is off.",
     NULL, NULL},
    {.key = NULL},
};
static const struct og_field weight_noise_fields[] = {
    {"programmed", OG_FIELD_REAL, offsetof(struct og_hardware, weight_noise.programmed),
     0, NULL, 0, 10, NULL, "0", P, "Drawn once for each programming of a chip.", NULL,
     NULL},
    {"read", OG_FIELD_REAL, offsetof(struct og_hardware, weight_noise.read), 0, NULL, 0,
     10, NULL, "0", E, "Drawn in every read.", NULL, NULL},
    {.key = NULL},
};
static const struct og_field tile_fields[] = {
    {"rows", OG_FIELD_INT, offsetof(struct og_hardware, tile.rows), 0, NULL, 1, 65536,
     NULL, "128", P, "Word lines (inputs) of one array.", NULL, NULL},
    {"cols", OG_FIELD_INT, offsetof(struct og_hardware, tile.cols), 0, NULL, 1, 65536,
     NULL, "128", P, "Bit lines (outputs) of one array, counted in weights.", NULL, NULL},
    {"rows_active", OG_FIELD_INT, offsetof(struct og_hardware, tile.rows_active), 0, NULL,
     0, 65536, NULL, "0", P,
     "Rows driven in one read; groups are converted on their own; 0: all.", NULL, NULL},
    {"columns_per_adc", OG_FIELD_INT, offsetof(struct og_hardware, tile.columns_per_adc),
     0, NULL, 1, 65536, NULL, "1", P,
     "Columns that share an ADC and the errors of its circuit, one after the other: "
     "fewer "
     "ADCs, longer reads.",
     NULL, NULL},
    {"spare_columns", OG_FIELD_INT, offsetof(struct og_hardware, tile.spare_columns), 0,
     NULL, 0, 65536, NULL, "0", P,
     "Columns more in each array, in place of those that stuck devices harm most.", NULL,
     NULL},
    {"accumulate", OG_FIELD_CHOICE, offsetof(struct og_hardware, tile.accumulate), 0,
     NULL, 0, 0, "digital analog", "digital", P,
     "Sums of row tiles: converted tile by tile and added digitally, or joined before "
     "one conversion.",
     NULL, NULL},
    {"accumulate_groups", OG_FIELD_CHOICE,
     offsetof(struct og_hardware, tile.accumulate_groups), 0, NULL, 0, 0,
     "digital analog", "digital", P,
     "Sums of the groups of rows_active rows of a tile: converted one by one and added "
     "digitally, or their charges joined before one conversion.",
     NULL, NULL},
    {.key = NULL},
};
static const struct og_field pair_fields[] = {
    {"subtract", OG_FIELD_CHOICE, offsetof(struct og_hardware, pair.subtract), 0, NULL, 0,
     0, "analog digital", "analog", P,
     "A pair is subtracted before the ADC, or after converting both.", NULL, NULL},
    {"layout", OG_FIELD_CHOICE, offsetof(struct og_hardware, pair.layout), 0, NULL, 0, 0,
     "adjacent separate_arrays", "adjacent", P,
     "With wires: the two bit lines of a pair are neighbours, or in two arrays.", NULL,
     NULL},
    {.key = NULL},
};
static const struct og_field injection_fields[] = {
    {"points", OG_FIELD_FLAGS, offsetof(struct og_hardware, injection.points), 0, NULL, 0,
     0, "X H A G C O T RH A_i A_f A_g A_o A_z A_r A_n", "[]", E,
     "Where Gaussian noise is added: X input, H recurrent input, A column sums, G gate "
     "outputs, C cell state, T its tanh, O output; RH, the part of H that is r h (gru "
     "with linear_before_reset: false); A_i A_f A_g A_o (lstm) and A_z A_r A_n (gru), "
     "the parts of A that are the columns of one gate. A part is not given beside its "
     "whole.",
     NULL, NULL},
    {"snr_db", OG_FIELD_REAL, offsetof(struct og_hardware, injection.snr_db), 0, "dB",
     -100, 300, NULL, "40", E, "Signal power over noise power at each point.", NULL,
     NULL},
    {"ac", OG_FIELD_BOOL, offsetof(struct og_hardware, injection.ac), 0, NULL, 0, 0, NULL,
     "false", E, "Whether the signal power leaves out the mean.", NULL, NULL},
    {"power", OG_FIELD_CHOICE, offsetof(struct og_hardware, injection.power), 0, NULL, 0,
     0, "running batch", "running", E,
     "Signal power in training: a running mean, or the mean of the present batch at each "
     "time step, for which its samples wait for each other; evaluation takes that of the "
     "calibration.",
     NULL, NULL},
    {.key = NULL},
};
static const struct og_field rnn_fields[] = {
    {"x_bits", OG_FIELD_INT, offsetof(struct og_hardware, rnn.x_bits), 0, NULL, -1, 16,
     NULL, "-1", P, "DAC bits of a recurrent layer's input; 0: ideal; -1: as dac.bits.",
     NULL, NULL},
    {"h_bits", OG_FIELD_INT, offsetof(struct og_hardware, rnn.h_bits), 0, NULL, -1, 16,
     NULL, "-1", P, "DAC bits of the recurrent input; 0: ideal; -1: as dac.bits.", NULL,
     NULL},
    {"gate_bits", OG_FIELD_INT, offsetof(struct og_hardware, rnn.gate_bits), 0, NULL, 0,
     16, NULL, "0", P, "Bits of the gate outputs; 0: ideal.", NULL, NULL},
    {"gate_rounding", OG_FIELD_CHOICE, offsetof(struct og_hardware, rnn.gate_rounding), 0,
     NULL, 0, 0, "mid_tread mid_rise", "mid_tread", P,
     "Levels of gate outputs: with 0 and 1 (2^b; of tanh 2^b - 1), or the middles of 2^b "
     "equal parts.",
     NULL, NULL},
    {"c_bits", OG_FIELD_INT, offsetof(struct og_hardware, rnn.c_bits), 0, NULL, 0, 16,
     NULL, "0", P, "Bits of the cell state; 0: ideal.", NULL, NULL},
    {"c_rounding", OG_FIELD_CHOICE, offsetof(struct og_hardware, rnn.c_rounding), 0, NULL,
     0, 0, "mid_tread mid_rise", "mid_tread", P,
     "Levels of the cell state with a zero (2^b - 1 of them), or without (2^b).", NULL,
     NULL},
    {"c_range", OG_FIELD_REAL, offsetof(struct og_hardware, rnn.c_range), 0, NULL, 1e-6,
     1e6, NULL, "4", P, "Full scale of the cell state's quantiser.", NULL, NULL},
    {"mapping", OG_FIELD_CHOICE, offsetof(struct og_hardware, rnn.mapping), 0, NULL, 0, 0,
     "combined split per_gate", "combined", P,
     "Input and recurrent weights in one matrix, in two, or in one for each gate.", NULL,
     NULL},
    {.key = NULL},
};

const struct og_field og_hardware_fields[] = {
    {"preset", OG_FIELD_TEXT, offsetof(struct og_hardware, preset),
     sizeof((struct og_hardware *)0)->preset, NULL, 0, 0, NULL, "", P,
     "File of a whole hardware that gives all keys not given here: a name ('ohmgrid "
     "device list') or a path.",
     NULL, NULL},
    {"ideal", OG_FIELD_BOOL, offsetof(struct og_hardware, ideal), 0, NULL, 0, 0, NULL,
     "false", P,
     "The float network bit for bit; no other key of hardware then has an effect.", NULL,
     NULL},
    {"variant", OG_FIELD_TEXT, offsetof(struct og_hardware, variant),
     sizeof((struct og_hardware *)0)->variant, NULL, 0, 0, NULL, "all", P,
     "Which effects of this hardware are left: all, ideal, 'only EFFECT', 'without "
     "EFFECT', 'only in LAYER', 'except in LAYER'; what ohmgrid attribute sweeps.",
     NULL, NULL},
    {"layers", OG_FIELD_ITEM, offsetof(struct og_hardware, layers), 0, NULL, 0, 0, NULL,
     "", P,
     "Layers on hardware of their own: a list of {layer: NAME or list of names, and the "
     "keys of hardware that differ}, for instance {layer: fc2, ideal: true}.",
     NULL, NULL},
    {"device", OG_FIELD_BLOCK, offsetof(struct og_hardware, device), 0, NULL, 0, 0, NULL,
     NULL, P, "The memristor: a device file, and what differs from it.", og_device_fields,
     "name"},
    {"program", OG_FIELD_BLOCK, 0, 0, NULL, 0, 0, NULL, NULL, P,
     "How devices are written.", og_program_fields, "mode"},
    {"fault_map", OG_FIELD_BLOCK, 0, 0, NULL, 0, 0, NULL, NULL, P,
     "Which devices are stuck, as measured.", og_fault_map_fields, "file"},
    {"mapping", OG_FIELD_BLOCK, 0, 0, NULL, 0, 0, NULL, NULL, P,
     "Weights to conductances.", mapping_fields, NULL},
    {"weight_noise", OG_FIELD_BLOCK, 0, 0, NULL, 0, 0, NULL, NULL, P,
     "Rms noise of each weight as a fraction of the full-scale weight, besides what the "
     "devices do.",
     weight_noise_fields, NULL},
    {"tile", OG_FIELD_BLOCK, 0, 0, NULL, 0, 0, NULL, NULL, P, "One physical array.",
     tile_fields, NULL},
    {"pair", OG_FIELD_BLOCK, 0, 0, NULL, 0, 0, NULL, NULL, P,
     "The two sides of a weight.", pair_fields, NULL},
    {"wires", OG_FIELD_BLOCK, offsetof(struct og_hardware, wires), 0, NULL, 0, 0, NULL,
     NULL, P, "Wire resistances of the arrays.", og_wiring_fields, NULL},
    {"input", OG_FIELD_BLOCK, 0, 0, NULL, 0, 0, NULL, NULL, P, "How inputs are applied.",
     og_input_fields, NULL},
    {"dac", OG_FIELD_BLOCK, 0, 0, NULL, 0, 0, NULL, NULL, P, "Input converters.",
     og_dac_fields, NULL},
    {"integrator", OG_FIELD_BLOCK, 0, 0, NULL, 0, 0, NULL, NULL, P,
     "What gathers the charge of a column for its ADC.", og_integrator_fields, NULL},
    {"adc", OG_FIELD_BLOCK, 0, 0, NULL, 0, 0, NULL, NULL, P, "Output converters.",
     og_adc_fields, NULL},
    {"injection", OG_FIELD_BLOCK, 0, 0, NULL, 0, 0, NULL, NULL, E,
     "Noise of a given signal-to-noise ratio (Qin and Vucinic, arXiv 1807.06555).",
     injection_fields, NULL},
    {"rnn", OG_FIELD_BLOCK, 0, 0, NULL, 0, 0, NULL, NULL, P, "Recurrent layers.",
     rnn_fields, NULL},
    {"t_inference", OG_FIELD_REAL, offsetof(struct og_hardware, t_inference), 0, "s", 0,
     1e11, NULL, "0 s", E,
     "Time between device.drift.t_0 after programming and the reads; also in min, h, day "
     "and year (of 365 days).",
     NULL, NULL},
    {"past_reads", OG_FIELD_REAL, offsetof(struct og_hardware, past_reads), 0, NULL, 0,
     1e18, NULL, "0", E,
     "Reads that each device has seen before the evaluation (device.disturb).", NULL,
     NULL},
    {"compensation", OG_FIELD_BLOCK, 0, 0, NULL, 0, 0, NULL, NULL, E,
     "Correction of drift by factors on the digital sums.", og_compensation_fields,
     "mode"},
    {"t_cycle", OG_FIELD_REAL, offsetof(struct og_hardware, t_cycle), 0, "s", 0, 1e6,
     NULL, "0 s", E,
     "Read clock: time from one input vector of a sample to the next, of device.rtn and "
     "of correlated device.flicker.",
     NULL, NULL},
    {"t_sample", OG_FIELD_REAL, offsetof(struct og_hardware, t_sample), 0, "s", 0, 1e9,
     NULL, "0 s", E,
     "Read clock: time from one sample to the next, all passes of its vote included, of "
     "correlated device.flicker.",
     NULL, NULL},
    {"t_pass", OG_FIELD_REAL, offsetof(struct og_hardware, t_pass), 0, "s", 0, 1e9, NULL,
     "0 s", E,
     "Read clock: time from one pass of a vote over a sample to the next, of correlated "
     "device.flicker.",
     NULL, NULL},
    {"thermal", OG_FIELD_BLOCK, 0, 0, NULL, 0, 0, NULL, NULL, E,
     "Thermal and shot noise of the devices in every read.", og_thermal_fields, "law"},
    {"read_noise", OG_FIELD_CHOICE, offsetof(struct og_hardware, read_noise), 0, NULL, 0,
     0, "auto fast device", "auto", E,
     "How read noise is drawn: one number per output (fast, refused where it is not "
     "exact), "
     "device by device, or fast where it is exact.",
     NULL, NULL},
    {"technology", OG_FIELD_BLOCK, offsetof(struct og_hardware, technology), 0, NULL, 0,
     0, NULL, NULL, E,
     "What energy, latency and area are counted with: a technology file, and what "
     "differs from it.",
     og_technology_fields, "name"},
    {.key = NULL},
};

struct og_hardware og_hardware_default(void)
{
    struct og_hardware hardware = {0};
    og_status status = og_fields_bind(og_hardware_fields, NULL, &hardware, NULL);
    assert(status == OG_OK);
    (void)status;
    return hardware;
}
