// SPDX-License-Identifier: GPL-3.0-or-later
// Converters as circuits: a word is decided bit after bit, each decision a comparison and
// an affine residue. Voltages are in units of the reference, inputs from -1 to 1: 2^bits
// codes, the word k = 0 .. 2^bits - 1 from the lowest on, 2^(bits - 1) LSB to the
// reference.
//
//   d = (r >= lo) + (r >= hi);  r <- gain r + shift[d];  k <- k + d weight
//
// sar       charge redistribution on binary-weighted capacitors (McCreary and Gray, IEEE
//           JSSC 10(6), 1975): C_b = 2^b unit capacitors and one more at the end, level
//           of a word 2 sum b C_b / sum C - 1.
// pipeline  stages of 1.5 bits with comparators at -1/4 and 1/4 (Lewis et al., IEEE JSSC
//           27(3), 1992), then one comparator at 0. A stage doubles on two capacitors,
//           a = C_s / C_f, and an amplifier of open-loop gain A:
//           r <- ((1 + a) r - a (d - 1)) / (1 + (1 + a) / A).
// cyclic    one such stage used again and again.
//
// A slope counts instead. single_slope: 2^bits unit capacitors are switched one after the
// other and compared with the input, through a follower of an amplifier of gain A: word k
// if (2 (C_1 + .. + C_k) / sum C - 1) / (1 + 1 / A) is the last level that x reaches. One
// slope serves all converters of a tile, each with a comparator of its own.
//
// Capacitors of n units have a relative error of capacitor / sqrt(n), those of a stage
// one unit each. Errors are drawn once for each chip and converter.
#ifndef OG_PERIPHERY_ADC_H
#define OG_PERIPHERY_ADC_H

#include "ohmgrid/hardware.h"

enum { OG_ADC_STEPS = 16, OG_ADC_DRAWS = 4 * OG_ADC_STEPS };

struct og_adc_step {
    float lo, hi, gain, shift[3];
};

struct og_adc_circuit {
    int steps;
    struct og_adc_step step[OG_ADC_STEPS];
};

static inline bool og_adc_is_circuit(const struct og_hardware *hw)
{
    return hw->adc.kind == OG_ADC_SAR || hw->adc.kind == OG_ADC_PIPELINE ||
           hw->adc.kind == OG_ADC_CYCLIC || hw->adc.kind == OG_ADC_SINGLE_SLOPE;
}

// Of the standard normals z[OG_ADC_DRAWS]; without random errors where NULL. Kinds that
// are no circuits count as sar without errors.
void og_adc_make(const struct og_hardware *hw, const float *z, struct og_adc_circuit *c);
// What d = 1 of a step adds to the word.
int og_adc_weight(const struct og_hardware *hw, int step);

// Of a slope: from standard normals in level[2^bits] to what x has to reach for each word
// (of word 0: -infinity), comparators being exact.
void og_adc_make_slope(const struct og_hardware *hw, float *level);

// A converter's transfer characteristic, exactly: every interval of its input that gives
// one word. [LSB]; offset and gain are those of the line through the first and the last
// transition, from which inl is the largest distance of any; enob is that of a sine of
// full scale, with `noise` [LSB] rms besides:
//   enob = bits - log2(rms / (LSB / sqrt 12)), rms about the best fit (IEEE Std 1241)
struct og_adc_figures {
    double inl, dnl, enob;
};
// `memory`: 2^bits doubles.
struct og_adc_figures og_adc_measure(const struct og_hardware *hw,
                                     const struct og_adc_circuit *c, double noise,
                                     double *memory);
// Of a slope whose comparator has this offset, in units of the reference.
struct og_adc_figures og_adc_measure_slope(const struct og_hardware *hw,
                                           const float *level, double offset,
                                           double noise, double *memory);

#endif
