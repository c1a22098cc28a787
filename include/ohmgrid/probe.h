// SPDX-License-Identifier: GPL-3.0-or-later
// Where a network on hardware loses its accuracy: every matrix compared, on a few
// samples, with an ideal product of the same inputs and with the ideal network, and how
// far its converters are driven.
// Errors: OG_NO_MEMORY.
#ifndef OHMGRID_PROBE_H
#define OHMGRID_PROBE_H

#include "ohmgrid/cost.h"
#include "ohmgrid/model.h"

#ifdef __cplusplus
extern "C" {
#endif

// Thread-safety: one thread calls, as for the og_exec that it looks at.
typedef struct og_probe og_probe;

// Borrows the exec, which is on hardware and calibrated, copies the samples of `batch`
// (any number) and runs the ideal network on them, whose outputs it keeps: 4 bytes for
// each sample, column and read of every matrix.
OG_API og_status og_probe_alloc(og_probe **probe, og_exec *exec,
                                const struct og_batch *batch, struct og_error *err);
OG_API void og_probe_free(og_probe *probe);

// Sums over all samples, time steps and positions. y: column sums as read, before a
// digital bias; of ramps, their functions.
struct og_probe_reading {
    double signal, noise;              // sum y_i^2, sum (y - y_i)^2; y_i = W x, same x
    double total_signal, total_noise;  // the same with the y_i of the ideal network
    uint64_t reads;                    // input vectors
    uint64_t inputs, dac_clipped;      // elements of these that met a DAC of finite bits
    struct og_adc_use adc;             // nothing in it with ideal ADCs
    struct og_activity activity;       // 0 where the hardware has no technology
};
// The exec is programmed with `chip`. reading[og_exec_matrices]. The reads are those that
// og_exec_forward makes of the same samples, chip and pass (noise to the bit), and leave
// nothing behind. The same bits for any number of threads and any batch of the exec.
OG_API void og_probe_read(og_probe *probe, const struct og_chip *chip, uint32_t pass,
                          struct og_probe_reading *reading);

// --- along sequences -----------------------------------------------------------------
// What each step of a recurrent layer is off, on hardware against the ideal network: a
// number for each step, over samples that have it and units; NaN where there is none.
enum og_along {
    OG_ALONG_SUMS,             // rms error of the pre-activations, as read
    OG_ALONG_H,                // rms error of h
    OG_ALONG_C,                // rms error of c (lstm)
    OG_ALONG_C_SATURATED,      // part of c at its last level, or beyond rnn.c_range
    OG_ALONG_GATES_SATURATED,  // part of gate outputs within 0.01 of an end, or last
                               // levels
    OG_ALONG_DAC_CLIPPED,      // part of the inputs beyond the range of their DAC
    OG_ALONG_ADC_CLIPPED,      // part of the conversions beyond the range of their ADC
    OG_ALONG
};
// One layer and direction of a recurrent layer: "lstm1", "lstm1.l0.reverse".
struct og_probe_cell {
    char name[80];
    size_t steps;
};
// Follows states from now on. 4 bytes for each sample, step and unit of h and c.
OG_API og_status og_probe_follow(og_probe *probe, struct og_error *err);
OG_API size_t og_probe_cells(const og_probe *probe);  // 0 without og_probe_follow
OG_API struct og_probe_cell og_probe_cell(const og_probe *probe, size_t cell);
// Of the last og_probe_read. out: [steps], in the order in which they are read.
OG_API void og_probe_along(const og_probe *probe, size_t cell, enum og_along what,
                           float *out);

// 10 log10(signal / noise), at most 200 dB (no noise at all, or less than float32 can
// show) and at least -200 dB; NaN without signal and noise.
OG_API double og_snr_db(double signal, double noise);

#ifdef __cplusplus
}
#endif
#endif
