// SPDX-License-Identifier: GPL-3.0-or-later
// How the devices of a matrix were written; NaN where there is nothing to tell.
#include <math.h>

#include "experiment/layers.h"

static double of_devices(const struct og_layer_source *s, double value)
{
    return s->program.devices > 0 ? value : NAN;
}

static double of_pulses(const struct og_layer_source *s, double value)
{
    return s->program.verified ? of_devices(s, value) : NAN;
}

double og_layer_stuck(const struct og_layer_source *s)
{
    const double devices = (double)s->faults.devices;
    return devices > 0 ? (double)s->faults.stuck / devices : NAN;
}

double og_layer_stuck_error(const struct og_layer_source *s)
{
    return s->faults.devices > 0 ? s->faults.error : NAN;
}

double og_layer_error_mean(const struct og_layer_source *s)
{
    return of_devices(s, s->program.error_mean);
}

double og_layer_error_rms(const struct og_layer_source *s)
{
    return of_devices(s, s->program.error_rms);
}

double og_layer_pulses(const struct og_layer_source *s)
{
    return of_pulses(s, s->program.pulses);
}

double og_layer_most_pulses(const struct og_layer_source *s)
{
    return of_pulses(s, s->program.most);
}

double og_layer_accepted(const struct og_layer_source *s)
{
    return of_pulses(s, s->program.accepted);
}

double og_layer_program_energy(const struct og_layer_source *s)
{
    return s->priced ? of_pulses(s, s->writing.energy) : NAN;
}

double og_layer_program_time(const struct og_layer_source *s)
{
    return s->priced ? of_pulses(s, s->writing.time) : NAN;
}
