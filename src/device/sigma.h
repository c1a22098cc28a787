// SPDX-License-Identifier: GPL-3.0-or-later
// Standard deviations as functions of the conductance (struct og_sigma), over whole
// arrays.
#ifndef OG_DEVICE_SIGMA_H
#define OG_DEVICE_SIGMA_H

#include "ohmgrid/hardware.h"

// Whether the law gives anything but zero.
bool og_sigma_is_on(const struct og_sigma *s);
// Whether sigma does not depend on g.
bool og_sigma_is_constant(const struct og_sigma *s);
// sigma [S] at one conductance g [S]. g_max: of the device, the default reference.
double og_sigma_at(const struct og_sigma *s, double g_max, double g);
// The same for n conductances in float32.
void og_sigma_fill(const struct og_sigma *s, double g_max, const float *g, float *sigma,
                   size_t n);
// d sigma / d g, 0 where the law is cut off at 0.
void og_sigma_slope(const struct og_sigma *s, double g_max, const float *g, float *slope,
                    size_t n);

#endif
