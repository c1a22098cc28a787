// SPDX-License-Identifier: GPL-3.0-or-later
// Metrics of the wires of a matrix; NaN where it has none.
#include <math.h>

#include "experiment/layers.h"

double og_layer_wire_lost(const struct og_layer_source *s)
{
    return s->ideal ? NAN : s->wires.lost;
}

double og_layer_wire_approximate(const struct og_layer_source *s)
{
    return s->ideal ? NAN : s->wires.approximate;
}

double og_layer_wire_ladder(const struct og_layer_source *s)
{
    return s->ideal ? NAN : s->wires.ladder;
}

double og_layer_wire_cubic(const struct og_layer_source *s)
{
    return s->ideal ? NAN : s->wires.cubic;
}

double og_layer_wire_noise(const struct og_layer_source *s)
{
    return s->ideal ? NAN : s->wires.noise;
}
