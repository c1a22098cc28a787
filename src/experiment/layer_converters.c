// SPDX-License-Identifier: GPL-3.0-or-later
// Metrics of the ADCs and ramps of a matrix; NaN where it has none.
#include <math.h>

#include "experiment/layers.h"

static double of_adcs(const struct og_layer_source *s, double value)
{
    return s->adcs.adcs > 0 ? value : NAN;
}

double og_layer_adc_inl(const struct og_layer_source *s)
{
    return of_adcs(s, s->adcs.inl);
}

double og_layer_adc_dnl(const struct og_layer_source *s)
{
    return of_adcs(s, s->adcs.dnl);
}

double og_layer_adc_enob(const struct og_layer_source *s)
{
    return of_adcs(s, s->adcs.enob);
}

static double of_ramps(const struct og_layer_source *s, double value)
{
    return s->ramps.ramps > 0 ? value : NAN;
}

double og_layer_ramp_cells(const struct og_layer_source *s)
{
    return of_ramps(s, (double)s->ramps.cells);
}

double og_layer_ramp_gain(const struct og_layer_source *s)
{
    return of_ramps(s, s->ramps.gain);
}

double og_layer_ramp_inl(const struct og_layer_source *s)
{
    return of_ramps(s, s->ramps.inl);
}

double og_layer_ramp_inl_rms(const struct og_layer_source *s)
{
    return of_ramps(s, s->ramps.inl_rms);
}

double og_layer_ramp_dnl(const struct og_layer_source *s)
{
    return of_ramps(s, s->ramps.dnl);
}
