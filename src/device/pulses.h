// SPDX-License-Identifier: GPL-3.0-or-later
// Write-verify: read, compare with the target, give one pulse towards it, until a read is
// within the acceptance band or the pulses are used up; then the device stays where it is.
// One pulse (exponential saturation, after Querlioz et al., IJCNN 2011):
//   up:   g += up   s exp(-nonlinearity_up   u)       (1 + c2c xi),  u = (g - lo) / (hi - lo)
//   down: g -= down s exp(-nonlinearity_down (1 - u)) (1 + c2c xi)
// within the device's own range lo .. hi; s = max(0, 1 + d2d xi) of each device, frozen. The
// relative spreads are normal, as those of aihwkit's pulsed devices.
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
void og_pulses_write(const struct og_cells *cells, const struct og_pulses_io *io);

#endif
