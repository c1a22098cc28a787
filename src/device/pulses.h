// SPDX-License-Identifier: GPL-3.0-or-later
// What pulses do to devices (device.pulse). Pulse k of a device changes its conductance
// by
//   up:   + s_up   up   f(g)        down: - s_down down f(g)
// plus c2c (|change| + c2c_add + c2c_slope |g - g_zero|) xi (`additive`: of s up and s
// down instead of the change), within the device's own range lo .. hi. Laws, towards the
// upper end (downwards the mirror image), u = (g - lo) / (hi - lo):
//   exponential   exp(-nonlinearity_up u)           after Querlioz et al., IJCNN 2011
//   linear        1 - gamma_up (g - g_zero) / (g_max - g_zero)
//   soft_bounds   1 - (g - g_zero) / (hi - g_zero)
//   exp_step      max(0, 1 - A_up exp(gamma_up z)), z = 2 a (g - g_zero) / (hi - lo) + b;
//                 downwards max(0, 1 - A_down exp(-gamma_down z))
// The last three are aihwkit's pulsed devices (M. J. Rasch et al., AICAS 2021), with its
// spreads: s_up = 1 + min(asymmetry, 0) + d2d xi + asymmetry_d2d xi', s_down = 1 -
// max(asymmetry, 0) + d2d xi - asymmetry_d2d xi', never below 0, frozen for each device;
// with d2d_law lognormal exp(d2d xi) in the place of 1 + d2d xi, with `mirror` the
// absolute value. A reference device takes away what a device of law soft_bounds conducts
// above g_zero where pulses up and down are alike, (s_up up - s_down down) / (s_up up /
// (hi - g_zero) + s_down down / (g_zero - lo)), plus reference_d2d xi: its range and its
// own g_zero are lower by that (aihwkit's SoftBoundsReferenceDevice, whose weights are w
// - r). What is read is write_noise xi off, with one xi for each pulse.
#ifndef OG_DEVICE_PULSES_H
#define OG_DEVICE_PULSES_H

#include "device/cells.h"

struct og_pulses_io {
    uint64_t first;
    size_t n;
    const float *target;           // [S]
    const float *lo, *hi;          // [S] own range; equal: no pulse moves it
    const uint8_t *off;            // 1: not written at all; or NULL
    float *g;                      // [S] before and after
    struct og_write_count *count;  // or NULL
};
// Write-verify: read, compare with the target, give one pulse towards it, until a read is
// within the acceptance band or the pulses are used up; then the device stays where it
// is.
void og_pulses_write(const struct og_cells *cells, const struct og_pulses_io *io);

// Pulses whatever the conductance is: up[pulses] says which raise it. io->target, off and
// count are not used; io->g is where they begin. g[pulse * stride + i]: device i as read
// after each of them.
void og_pulses_train(const struct og_cells *cells, const struct og_pulses_io *io,
                     const bool *up, size_t pulses, float *g, size_t stride);

// Whether devices have references; away[n] [S]: what those take away, of ranges without
// them.
bool og_pulses_have_reference(const struct og_device *device);
void og_pulses_reference(const struct og_cells *cells, uint64_t first, size_t n,
                         const float *lo, const float *hi, float *away);

#endif
