// SPDX-License-Identifier: GPL-3.0-or-later
// Programming of devices: target -> levels -> device-to-device mismatch -> programming
// error -> clip -> age -> faults, in that order (design: the hardware model,
// Programming); with hardware.program.mode write_verify, pulses after the clip
// (pulses.h).
//
// All errors are frozen for a chip. They are given as a deviation from the nominal
// conductance, so that devices without any error leave integer weights exactly integer.
#ifndef OG_DEVICE_CELLS_H
#define OG_DEVICE_CELLS_H

#include <stdint.h>

#include "ohmgrid/array.h"

enum { OG_CELL_CHUNK = 1024 };

// What writing one device took.
struct og_write_count {
    uint16_t pulses;
    bool accepted;  // by the last verify read
};

// One set of devices whose random draws belong together: (layer, set) of a chip.
struct og_cells {
    const struct og_device *device;
    struct og_chip chip;
    uint32_t layer, set;
    double t;              // [s] from device->drift.t_0 to the read
    double reads;          // before it
    const uint8_t *fault;  // enum og_fault of each device of the set; NULL: drawn
};

// What is wanted of n <= OG_CELL_CHUNK devices, numbers first .. first + n - 1 of the
// set. Any pointer but target may be NULL.
struct og_cell_io {
    uint64_t first;
    size_t n;
    const float *target;   // t in [0, 1]: nominal g = g_min + t (g_max - g_min)
    const uint8_t *off;    // 1: switched off: g_off, without errors and noise
    float *deviation;      // (g - g_nominal) / (g_max - g_min)
    float *g;              // [S] as programmed
    float *read_variance;  // (sigma_read(g) / (g_max - g_min))^2
    float *slope;          // d g / d target - 1, with all draws fixed: reparam gradients
    float *flicker;  // q(x) of device.flicker, mode correlated; 0 where nothing changes
    float *error;    // [S] g as written minus what was wanted of the cell
    struct og_write_count *count;  // of hardware.program.mode write_verify
};

// Whether any device can deviate from its nominal conductance, read at t.
bool og_cells_deviate(const struct og_device *device, double t, double reads);
void og_cells_program(const struct og_cells *cells, const struct og_cell_io *io);
// Whether devices have ranges of their own.
bool og_cells_spread(const struct og_device *device);
// The devices' own ranges [S], as device.d2d spreads them, and their references shift
// them.
void og_cells_limits(const struct og_cells *cells, uint64_t first, size_t n, float *lo,
                     float *hi);
// zero[n] [S]: where the weight of each device is 0, device.pulse.g_zero but for its
// reference.
void og_cells_zero(const struct og_cells *cells, uint64_t first, size_t n, float *zero);
// Whether any device can be stuck; the faults of devices first .. first + n - 1; what one
// of them conducts [S].
bool og_cells_fail(const struct og_device *device);
void og_cells_faults(const struct og_cells *cells, uint64_t first, size_t n,
                     uint8_t *fault);
double og_fault_conductance(const struct og_device *device, enum og_fault fault);

#endif
