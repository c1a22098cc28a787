// SPDX-License-Identifier: GPL-3.0-or-later
// What the tables of a result mark because it cannot be trusted.
#ifndef OG_RESULTS_WARNING_H
#define OG_RESULTS_WARNING_H

#include <math.h>
#include <stdbool.h>
#include <string.h>

// The metric of /layers that holds the standard deviation of the read noise behind wires
// as drawn, over that by adjoint circuits; how far from 1 it is still trusted, which is
// ohmgrid's choice.
#define OG_WIRE_NOISE "wire_noise"
static const double og_wire_noise_margin = 0.1;

static inline bool og_warns(const char *metric, double mean)
{
    return fabs(mean - 1) > og_wire_noise_margin && strcmp(metric, OG_WIRE_NOISE) == 0;
}

#endif
