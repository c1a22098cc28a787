// SPDX-License-Identifier: GPL-3.0-or-later
// The ramp of a nonlinear ADC as a column of memristors (Yang et al., Nature
// Communications 16, 1136, 2025; what that paper leaves open is ohmgrid's choice).
//
// For y = g(x), rising from lo to hi, and n bits: thresholds x_k = g^-1(lo + (hi - lo)
// k / 2^n), k = 1 .. 2^n - 1. The ramp begins at x_1, which bias cells make, and each
// clock switches one more step on, whose conductance is proportional to x_{k+1} - x_k.
// The code q of x is the number of thresholds that are not above it (a threshold belongs
// to the step above), read as lo + (hi - lo) (q + 1/2) / 2^n: within half a step of g.
#ifndef OG_PERIPHERY_RAMP_H
#define OG_PERIPHERY_RAMP_H

#include "device/cells.h"

enum { OG_RAMP_LEVELS = 256 };

// As designed. Elements [1] to [levels - 1] of x, [1] to [levels - 2] of parallel.
struct og_ramp_plan {
    enum og_function function;
    struct og_points curve;  // points; function OG_CURVE
    int levels;
    double lo, hi;       // of the output
    double first, last;  // x beyond which g stays lo or hi
    double x[OG_RAMP_LEVELS];
    int parallel[OG_RAMP_LEVELS];  // cells that share the step from x[k] to x[k + 1]
    int bias_cells;                // that share x[1]
    double per_siemens;            // what a conductance is worth in x
    double v_ratio;                // read voltage of the ramp, over that of the products
    bool calibrated;
    size_t cells;  // of all steps
};

// As programmed.
struct og_ramp {
    float x[OG_RAMP_LEVELS];      // thresholds
    float noise[OG_RAMP_LEVELS];  // sd of what each read adds from x[k - 1] to x[k]
    double
        charge;  // [S clocks] all cells, from the clock that switches them on to the last
};

// How far the thresholds are from where they should be, in steps of the output: INL_k =
// (g(x_k) - y_k) / LSB (a best-fit line through a nonlinear ramp means nothing), DNL_k =
// (g(x_{k+1}) - g(x_k)) / LSB - 1.
struct og_ramp_error {
    double inl, inl_rms, dnl;  // largest |INL_k|, rms, largest |DNL_k|
};

// OG_INPUT where the device cannot make the steps; the sentence names what it would need.
og_status og_ramp_plan(struct og_ramp_plan *plan, const struct og_hardware *hw,
                       const struct og_ramp_part *part, struct og_error *err);
// The device's own errors and faults, from the draws of `cells`. One-point calibration
// then tunes the bias cells, as far as they reach, until x[levels / 2] is right.
void og_ramp_program(const struct og_ramp_plan *plan, const struct og_cells *cells,
                     struct og_ramp *ramp);
struct og_ramp_error og_ramp_errors(const struct og_ramp_plan *plan,
                                    const struct og_ramp *ramp);
// The mean step of the thresholds: what adc.noise and adc.offset count in.
double og_ramp_step(const struct og_ramp_plan *plan);

#endif
