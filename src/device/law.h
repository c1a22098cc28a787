// SPDX-License-Identifier: GPL-3.0-or-later
// Numbers without unit as functions of x = g / g_max (struct og_law), over whole arrays.
#ifndef OG_DEVICE_LAW_H
#define OG_DEVICE_LAW_H

#include "config/tables.h"  // og_law_is_on

// out[i] = the law at x = g[i] / g_max.
void og_law_fill(const struct og_law *l, double g_max, const float *g, float *out,
                 size_t n);

#endif
