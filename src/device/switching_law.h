// SPDX-License-Identifier: GPL-3.0-or-later
// What a switching model is made of. Each is one const struct; og_switching_laws holds
// them in the order of og_switching_kind.
#ifndef OG_DEVICE_SWITCHING_LAW_H
#define OG_DEVICE_SWITCHING_LAW_H

#include "ohmgrid/switching.h"

#define OG_CHARGE 1.602176634e-19  // [C]
#define OG_BOLTZMANN 1.380649e-23  // [J/K]

struct og_switching_law {
    const char *state, *units;  // of x
    bool temperature;
    bool stiff;     // needs an implicit integrator
    bool relative;  // x spans decades: the tolerance is a part of x, not of its range
    void (*range)(const struct og_switching *d, double *low, double *high, double *start);
    // For x within the range; the rate as it would be without limits.
    struct og_switching_point (*at)(const struct og_switching *d, double v, double x);
    // Voltages below and above 0 at which the rate has a corner; NULL: none.
    void (*corners)(const struct og_switching *d, double v[2]);
    // Where x stops rising at this voltage; NULL: at `high`.
    double (*ceiling)(const struct og_switching *d, double v);
};
extern const struct og_switching_law og_vteam_law, og_ion_drift_law, og_yakopcic_law,
    og_stanford_pku_law, og_data_driven_law, og_jart_v1b_law;

const struct og_switching_law *og_switching_law(enum og_switching_kind model);

// The device under a waveform, in smooth pieces: quarters of cycles, segments of a table.
size_t og_waveform_pieces(const struct og_drive *d, const struct og_voltage_table *t);
double og_waveform_start(const struct og_drive *d, const struct og_voltage_table *t,
                         size_t piece);
double og_waveform_length(const struct og_drive *d, const struct og_voltage_table *t,
                          size_t piece);
// [V] at `since` seconds after the start of the piece.
double og_waveform_at(const struct og_drive *d, const struct og_voltage_table *t,
                      size_t piece, double since);

#endif
