// SPDX-License-Identifier: GPL-3.0-or-later
// The imagined hardware as plain data: device, mapping, tile, converters, injected noise.
// SI units. Filled by the configuration (config.h) from checked YAML, or by hand from
// og_hardware_default(). An all-default hardware is a noise-free, unquantised crossbar.
// Thread-safety: plain data.
#ifndef OHMGRID_HARDWARE_H
#define OHMGRID_HARDWARE_H

#include <stdbool.h>
#include <stddef.h>

#include "ohmgrid/status.h"
#include "ohmgrid/technology.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { OG_LIST_MAX = 64 };

struct og_list {
    int n;
    double v[OG_LIST_MAX];
};

// A standard deviation as a function of the conductance g.
enum og_sigma_kind {
    OG_SIGMA_NONE,
    OG_SIGMA_CONSTANT,      // sigma
    OG_SIGMA_PROPORTIONAL,  // fraction * g
    OG_SIGMA_POLYNOMIAL,    // max(0, sum_k coefficients[k] (g / g_ref)^k)
    OG_SIGMA_SATURATING,    // limit (1 - exp(-g / g_rise))
    OG_SIGMA_TABLE,         // linear between (table_g, table_sigma), constant outside
};

struct og_sigma {
    enum og_sigma_kind kind;
    double sigma;                         // [S]
    double fraction;                      // of g
    struct og_list coefficients;          // [S], from the power 0 up
    double g_ref;                         // [S]; 0: the device's g_max
    struct og_list table_g, table_sigma;  // [S], table_g rising
    double limit, g_rise;                 // [S]
    double scale;                         // multiplies the result; 1 = as published
};

// A number without unit as a function of x = g / g_max: offset + slope ln x + factor
// x^exponent, clipped to min .. max; from x = above on, where coefficients are given, the
// polynomial sum_k coefficients[k] x^k (negative values count as 0). x >= 1e-7.
struct og_law {
    double offset, slope, factor, exponent, min, max;
    double above;
    struct og_list coefficients;
    double scale;  // multiplies the result; 1 = as published
};

enum og_spread_law { OG_NORMAL, OG_LOGNORMAL };
enum og_programming { OG_OPEN_LOOP, OG_WRITE_VERIFY };
enum og_clip { OG_CLIP_NONNEGATIVE, OG_CLIP_RANGE };
enum og_zero_cells { OG_ZERO_PROGRAMMED, OG_ZERO_OFF };
enum og_iv_kind { OG_IV_OHMIC, OG_IV_SINH, OG_IV_POLYNOMIAL, OG_IV_TABLE };
// Current against voltage of every device alike, I = g f(V), f(v_read) = v_read, so that
// g is that at v_read; f rises everywhere.
struct og_iv {
    enum og_iv_kind kind;
    double a;                         // [1/V] sinh: f ~ sinh(a V)
    struct og_list coefficients;      // polynomial: f ~ sum_k coefficients[k - 1] V^k
    double v_max;                     // [V] up to which it holds, both ways; 0: 2 v_read
    struct og_list table_v, table_i;  // [V], any unit; odd where it begins at 0
};

enum og_pulse_reference { OG_REFERENCE_NONE, OG_REFERENCE_SYMMETRY };
enum og_pulse_law {
    OG_PULSE_EXPONENTIAL,
    OG_PULSE_LINEAR,
    OG_PULSE_SOFT_BOUNDS,
    OG_PULSE_EXP_STEP
};
enum og_write_mode { OG_WRITE_DIRECT, OG_WRITE_VERIFIED };
enum og_flicker_mode { OG_FLICKER_FROZEN, OG_FLICKER_CORRELATED };
enum og_write_start { OG_START_ERASED, OG_START_DIRECT };
// What a device is stuck at, whatever is written: nothing, g_hrs, g_lrs, 0, g_short.
enum og_fault {
    OG_HEALTHY,
    OG_STUCK_OFF,
    OG_STUCK_ON,
    OG_OPEN,
    OG_SHORT,
    OG_FAULT_CODES
};

struct og_device {
    char name[64], title[256], citation[512];
    double g_min, g_max;  // [S] programmable range
    double g_off;         // [S] of a cell that is switched off
    double v_read;        // [V] full-scale read voltage
    enum og_programming programming;
    struct og_sigma program;  // programming error, once per programming
    struct og_sigma read;     // white noise, fresh in every read
    struct {
        enum og_spread_law law;
        double g_min, g_max;  // relative spread of each device's own g_min and g_max
    } d2d;
    enum og_clip clip;                // after the programming error
    enum og_zero_cells zero_cells;    // of weights that are quantised to zero
    enum og_zero_cells pruned_cells;  // of weights that are exactly zero
    struct {
        double p_lrs, p_hrs;     // probability per device of being stuck on / off
        double g_lrs, g_hrs;     // [S] what it is stuck at; 0 for g_lrs: g_max
        double p_open, p_short;  // of conducting nothing, or g_short
        double g_short;          // [S]
    } faults;
    // What one pulse does (device/pulses.h).
    struct {
        enum og_pulse_law law;
        double up, down;                            // [S] where the law is 1
        double nonlinearity_up, nonlinearity_down;  // exponential: towards the other end
        double g_zero;                // [S] of the weight 0, of all but exponential
        double gamma_up, gamma_down;  // linear and exp_step
        double gamma_d2d;             // linear: spread of both
        double A_up, A_down, a, b;    // exp_step
        double asymmetry;             // above 0: of down, below 0: of up, less by so much
        double asymmetry_d2d;         // spread of it
        double c2c, d2d;              // relative spread: of pulses, devices
        bool additive;                // c2c of up and down, not of what the law leaves
        double c2c_add, c2c_slope;    // [S], of |g - g_zero|: what c2c counts as well
        double write_noise;           // [S] of what is read after a pulse
        enum og_spread_law d2d_law;   // of d2d
        bool mirror;                  // what is on the wrong side of g_zero, or of 0
        enum og_pulse_reference reference;
        double reference_d2d;  // [S] of the reference devices
    } pulse;
    // How it is written; the keys of hardware.program.
    struct {
        enum og_write_mode mode;
        enum og_write_start start;
        double acceptance;  // |g - target| as a part of g_max - g_min
        int pulses;         // most for one device
        double noise;       // [S] rms, of each verify read
    } write;
    struct og_iv iv;
    struct {
        int levels;           // programmable levels per device, equally spaced; 0: analog
        struct og_list list;  // [S] or listed, rising; may lack g_min
    } cell;
    // g(t) = g ((t + t_0) / t_0)^-|nu|, t = hardware.t_inference; nu of each device
    // normal with mean nu(x) and spread(x), x of the target.
    struct {
        double t_0;  // [s] after programming, when `program` holds
        struct og_law nu, spread;
    } drift;
    // 1/f noise accumulated since programming: g (1 + q(x) sqrt(ln((t' + t_read) / (2
    // t_read))) z), t' = t + t_0, x as programmed, z normal; frozen for an evaluation, or
    // correlated: z changes with the read clock (periphery/flicker.c).
    struct {
        enum og_flicker_mode mode;
        double t_read;  // [s]
        struct og_law q;
    } flicker;
    // Random telegraph noise: two states of mean durations t_low and t_high, `amplitude`
    // g apart, g their mean over time; of a part `fraction` of the devices.
    struct {
        double fraction, amplitude;
        double t_low, t_high;  // [s]
    } rtn;
    // What was measured of whole arrays at t.v[k] and at no other time: g = target +
    // mean(x) + sigma(x) xi instead of `program`, polynomials in x = target / g_ref, the
    // coefficients of the first time first; or sigma = limit (1 - exp(-target / g_rise)).
    struct {
        struct og_list t;              // [s] after t_0, rising
        struct og_list sigma, mean;    // [S]
        struct og_list limit, g_rise;  // [S] one for each time
        double g_ref;                  // [S]; 0: g_max
    } retention;
    // Read disturb after n = hardware.past_reads: g_end + (g - g_end) exp(-(n /
    // reads)^beta).
    struct {
        double reads;  // 0: none
        double beta;
        double g_end;  // [S]
    } disturb;
};

// What weights can be moved by so that stuck devices harm them least.
enum og_remap {
    OG_REMAP_COLUMNS = 1,
    OG_REMAP_ROWS = 2,
    OG_REMAP_SIDES = 4,
    OG_REMAP_PARTNERS = 8,
};
enum og_scheme { OG_DIFFERENTIAL, OG_DIFFERENTIAL_TWO_SIDED, OG_OFFSET };
enum og_reference { OG_REFERENCE_COLUMN, OG_REFERENCE_DIGITAL };
enum og_w_max { OG_W_ABSMAX, OG_W_PERCENTILE, OG_W_SIGMA };
enum og_granularity { OG_PER_LAYER, OG_PER_TILE, OG_PER_COLUMN, OG_PER_SLICE };
enum og_rounding { OG_MID_TREAD, OG_MID_RISE };
enum og_subtract { OG_SUBTRACT_ANALOG, OG_SUBTRACT_DIGITAL };
enum og_layout { OG_LAYOUT_ADJACENT, OG_LAYOUT_SEPARATE };
enum og_wire_mode {
    OG_WIRES_NONE,
    OG_WIRES_APPROXIMATE,
    OG_WIRES_EXACT,
    OG_WIRES_NONLINEAR,  // exact, with cells that are not ohmic
};
// What mode approximate is (crossbar/circuit.h).
enum og_wire_approximation { OG_WIRES_SERIES, OG_WIRES_LADDER, OG_WIRES_CUBIC };
enum og_wire_ends { OG_ONE_END, OG_BOTH_ENDS };
enum og_input_sign { OG_INPUT_BIPOLAR, OG_INPUT_TWO_PASS, OG_INPUT_OFFSET };
enum og_encoding { OG_AMPLITUDE, OG_PULSE_WIDTH, OG_BIT_SERIAL };
enum og_range_mode {
    OG_RANGE_FIXED,
    OG_RANGE_WORST_CASE,
    OG_RANGE_MINMAX,
    OG_RANGE_PERCENTILE,
    OG_RANGE_MSE,
    OG_RANGE_ABSOLUTE,
};
enum og_accumulate { OG_ACCUMULATE_DIGITAL, OG_ACCUMULATE_ANALOG };
enum og_adc_kind {
    OG_ADC_LINEAR,
    OG_ADC_RAMP,
    OG_ADC_SAR,
    OG_ADC_PIPELINE,
    OG_ADC_CYCLIC,
    OG_ADC_SINGLE_SLOPE
};
enum og_ramp_calibration { OG_RAMP_UNCALIBRATED, OG_RAMP_ONE_POINT };
enum og_noise_method { OG_NOISE_AUTO, OG_NOISE_FAST, OG_NOISE_DEVICE };
enum og_thermal { OG_THERMAL_NONE, OG_THERMAL_ONLY, OG_THERMAL_SHOT };
enum og_compensation { OG_UNCOMPENSATED, OG_COMPENSATE_GLOBAL, OG_COMPENSATE_COLUMNS };
enum og_rnn_mapping { OG_RNN_COMBINED, OG_RNN_SPLIT, OG_RNN_PER_GATE };

// Points of noise injection, as bits.
enum og_point {
    OG_POINT_X = 1,   // input, after the DAC
    OG_POINT_H = 2,   // recurrent input, after the DAC
    OG_POINT_A = 4,   // pre-activation: the full column sum, before the ADC
    OG_POINT_G = 8,   // gate outputs, before their quantiser
    OG_POINT_C = 16,  // cell state, before its quantiser
    OG_POINT_O = 32,  // output, before its quantiser
    OG_POINT_T = 64,  // tanh(c) of an LSTM, before the output gate
    // Parts of H: r h, which the third product of a GRU with linear_before_reset: false
    // reads; and of A: the columns of single gates (g: candidate of an LSTM).
    OG_POINT_RH = 128,
    OG_POINT_A_I = 256,
    OG_POINT_A_F = 512,
    OG_POINT_A_G = 1024,
    OG_POINT_A_O = 2048,
    OG_POINT_A_Z = 4096,
    OG_POINT_A_R = 8192,
    OG_POINT_A_N = 16384,
};
enum { OG_POINTS = 15 };

// What the power of injected noise refers to in training; evaluation takes constants of
// the calibration.
enum og_mean {
    OG_MEAN_RUNNING,  // a running mean over batches and time
    OG_MEAN_BATCH,    // the mean of the present batch, at each time step
};

// Resistances of one array, as og_wire_params of wires.h has them. Each slice and copy of
// the devices has arrays of its own, which are as large as what they hold: a last tile
// that is not full ends where its weights end. Rows that are not driven stand at 0 V.
struct og_wiring {
    enum og_wire_mode mode;
    enum og_wire_approximation approximation;
    double r_row, r_col;             // [ohm] of a segment of a word line, of a bit line
    double r_source, r_sense;        // [ohm] of each source, of each sense amplifier
    double r_access;                 // [ohm] in series with every device
    enum og_wire_ends drive, sense;  // both: at the far ends of the lines too
};

struct og_hardware {
    char preset[128];  // file that gave the keys that were not given; "": none
    // "all", or which effects of what stands below are left: "ideal", "only EFFECT",
    // "without EFFECT", "only in LAYER", "except in LAYER" (config/variants.c).
    char variant[72];
    bool ideal;  // the float network, bit for bit; nothing below has an effect
    // List of {layer, what differs} (og_hardware_layer), borrowed from the experiment;
    // NULL: all layers are alike.
    const struct og_item *layers;
    struct og_device device;
    struct {
        enum og_scheme scheme;
        enum og_reference reference;  // scheme offset
        enum og_w_max w_max;
        double percentile;                // w_max: percentile of |w|
        double k_sigma;                   // w_max: k times the rms of w
        enum og_granularity granularity;  // of w_max
        int weight_bits;                  // 0: analog
        enum og_rounding rounding;        // of weight_bits
        int slice_bits;                   // 0: one slice holds the whole weight
        int devices_per_weight;
        bool removed;  // lines of zeros do not exist; array.h says which
        int remap;     // sum of og_remap
    } mapping;
    // Rms noise of each weight, relative to w_max of its tile, besides that of devices.
    struct {
        double programmed;  // drawn once for each programming
        double read;        // drawn in every read
    } weight_noise;
    struct {
        int rows, cols;
        int rows_active;                // rows driven in one read; 0: all
        int columns_per_adc;            // converted one after the other
        int spare_columns;              // of each array, in weights
        enum og_accumulate accumulate;  // of row tiles; analog: before one conversion
        enum og_accumulate accumulate_groups;  // of rows_active rows, likewise
    } tile;
    struct {
        enum og_subtract subtract;
        enum og_layout layout;  // with wires: its bit lines side by side, or two arrays
    } pair;
    struct og_wiring wires;
    struct {
        enum og_input_sign sign;
        enum og_encoding encoding;
        int slice_bits;                 // bit_serial: bits in one pulse
        enum og_accumulate accumulate;  // of pulses; analog: before one conversion
    } input;
    struct {
        int bits;  // 0: ideal
        enum og_rounding rounding;
        enum og_range_mode mode;  // fixed, minmax, percentile or mse
        double range;             // full scale of `fixed`, in units of the activation
        double percentile;
    } dac;
    struct {
        double saturation;  // of a column sum, as a fraction of the worst case; 0: never
    } integrator;
    struct {
        int bits;  // 0: ideal
        enum og_rounding rounding;
        enum og_range_mode mode;
        enum og_granularity granularity;
        double range;             // `fixed`: fraction of the worst case
        double full_scale;        // `absolute`: in full-scale inputs times weights
        double percentile;        // of |column sum|
        double noise;             // [LSB] rms, every conversion
        double noise_full_scale;  // the same as a fraction of the full scale; or noise
        double offset;            // [LSB] rms over columns, frozen per chip
        double gain;              // relative rms over columns, frozen per chip
        enum og_adc_kind kind;    // ramp: of the gates of recurrent layers
        struct {
            double capacitor;       // relative rms error of a unit capacitor
            double comparator;      // rms offset, in units of the reference
            double amplifier_gain;  // [dB] open loop; 0: infinite
        } circuit;                  // of all but linear and ramp; frozen per chip
        struct {
            int bits;    // 2 .. 8
            bool split;  // steps beyond the device's range over parallel cells
            enum og_ramp_calibration calibration;
            int bias_cells;   // 0: as many as the start of the ramp takes
            double v_read;    // [V] of the ramp; 0: that of the products, shared
            bool cell_state;  // whether tanh(c) of an lstm is done by a ramp as well
            bool dense;       // whether ramps do what follows dense layers as well
        } ramp;
    } adc;
    struct {
        int points;     // sum of og_point
        double snr_db;  // [dB]
        bool ac;        // the signal power without its mean
        enum og_mean power;
    } injection;
    struct {
        int x_bits;             // -1: as dac.bits
        int h_bits;             // -1: as dac.bits
        int gate_bits, c_bits;  // 0: ideal
        enum og_rounding gate_rounding, c_rounding;
        double c_range;  // full scale of the cell state
        enum og_rnn_mapping mapping;
    } rnn;
    double t_inference;  // [s] from device.drift.t_0 on to the reads
    double past_reads;   // that each device has seen by then, of device.disturb
    // Factors on the digital sums, from calibration reads at t = 0 and at t_inference.
    struct {
        enum og_compensation mode;
        int reads;
    } compensation;
    // The read clock [s], of device.rtn and of correlated device.flicker: from one input
    // vector of a sample to the next, from one sample to the next, and from one pass of a
    // vote over a sample to the next.
    double t_cycle, t_sample, t_pass;
    struct {
        enum og_thermal law;  // S = 4 k T g, or 2 q |I| coth(q |V| / 2 k T)
        double bandwidth;     // [Hz] of a read
        double temperature;   // [K]
    } thermal;
    // Faults of every matrix from a file instead of draws; see array.h for the codes.
    struct {
        char file[256], group[64];  // "": none; of its datasets
        char sha256[256];           // digest of what it holds
        char path[1024];            // where it was found; no key
    } fault_map;
    enum og_noise_method read_noise;
    struct og_technology technology;
};

// Whether the full scales of the ADCs follow from column sums that are observed.
static inline bool og_adc_is_calibrated(const struct og_hardware *hw)
{
    return hw->adc.bits > 0 && hw->adc.mode != OG_RANGE_FIXED &&
           hw->adc.mode != OG_RANGE_WORST_CASE && hw->adc.mode != OG_RANGE_ABSOLUTE;
}

// What an empty block `hardware` gives: by value, to be changed as wanted.
OG_API struct og_hardware og_hardware_default(void);

#ifdef __cplusplus
}
#endif
#endif
