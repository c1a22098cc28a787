// SPDX-License-Identifier: GPL-3.0-or-later
// Potentiation and depression of devices by trains of pulses, as device.pulse of a device
// file has them, with device-to-device and cycle-to-cycle spread.
// Thread-safety: devices are independent of each other; files are written by one at a
// time.
#ifndef OHMGRID_PULSED_H
#define OHMGRID_PULSED_H

#include <stdint.h>

#include "ohmgrid/hardware.h"

#ifdef __cplusplus
extern "C" {
#endif

// `cycles` times `up` pulses that raise the conductance and `down` that lower it.
struct og_pulse_train {
    int up, down, cycles;
    size_t devices;
    uint64_t seed;
};

// After each of the pulses, and before them, where each device is at its own g_min.
struct og_pulse_curves {
    size_t devices, points;     // points: pulses + 1
    float *g;                   // [devices][points] in S, as read
    double *mean, *low, *high;  // [points] over devices: mean, 5 % and 95 % quantile
};

// OG_INPUT where the device file does not say what a pulse does, or there is none of it
// to see; OG_NO_MEMORY. Free the curves in any case.
OG_API og_status og_pulses_simulate(const struct og_device *device,
                                    const struct og_pulse_train *train,
                                    struct og_pulse_curves *curves, struct og_error *err);
OG_API void og_pulse_curves_free(struct og_pulse_curves *curves);
// HDF5: group /simulation with pulse as the scale of mean, low, high and conductance
// [device, pulse]; the device as YAML and provenance as root attributes. og_result_plot
// draws it.
OG_API og_status og_pulse_curves_write(const char *out, const struct og_device *device,
                                       const struct og_pulse_train *train,
                                       const struct og_pulse_curves *curves,
                                       const char *command, struct og_error *err);

#ifdef __cplusplus
}
#endif
#endif
