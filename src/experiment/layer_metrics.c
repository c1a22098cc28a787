// SPDX-License-Identifier: GPL-3.0-or-later
// What is measured of every matrix of a chip, in /layers of the result: one row per
// metric says all about it.
#include <assert.h>
#include <math.h>

#include "experiment/layers.h"

static double snr_local(const struct og_layer_source *s)
{
    return s->ideal ? NAN : og_snr_db(s->reading.signal, s->reading.noise);
}

static double snr_total(const struct og_layer_source *s)
{
    return og_snr_db(s->reading.total_signal, s->reading.total_noise);
}

static double part(uint64_t n, uint64_t all)
{
    return all > 0 ? (double)n / (double)all : NAN;
}

static double dac_clipped(const struct og_layer_source *s)
{
    return part(s->reading.dac_clipped, s->reading.inputs);
}

static double adc_clipped(const struct og_layer_source *s)
{
    return part(s->reading.adc.clipped, s->reading.adc.conversions);
}

static double adc_use(const struct og_layer_source *s)
{
    return s->reading.adc.conversions > 0 ? s->reading.adc.used : NAN;
}

static double reads(const struct og_layer_source *s) { return s->reads; }

static double tiles(const struct og_layer_source *s)
{
    return s->ideal ? NAN : (double)s->info.used.tiles;
}

static double devices(const struct og_layer_source *s)
{
    return s->ideal ? NAN : (double)s->info.used.devices;
}

static double utilisation(const struct og_layer_source *s)
{
    const struct og_array_count *c = &s->info.used;
    return !s->ideal && c->room > 0 ? (double)c->devices / (double)c->room : NAN;
}

static double conversions(const struct og_layer_source *s)
{
    return s->ideal ? NAN : (double)s->info.used.conversions;
}

static double compensation(const struct og_layer_source *s)
{
    return s->ideal ? NAN : s->info.compensation;
}

static double priced(const struct og_layer_source *s, double value)
{
    return s->priced ? value : NAN;
}

static double energy(const struct og_layer_source *s)
{
    return priced(s, s->reads * s->costs.used.energy);
}

static double latency(const struct og_layer_source *s)
{
    return priced(s, s->reads * s->costs.used.latency);
}

static double interval(const struct og_layer_source *s)
{
    return priced(s, s->reads * s->costs.used.interval);
}

static double area(const struct og_layer_source *s)
{
    return priced(s, s->costs.used.area);
}

// With one read after the other and nothing idle.
static double power_of(const struct og_cost *cost)
{
    return cost->interval > 0 ? cost->energy / cost->interval : 0;
}

static double power(const struct og_layer_source *s)
{
    return priced(s, power_of(&s->costs.used));
}

static double power_dense(const struct og_layer_source *s)
{
    return priced(s, power_of(&s->costs.dense));
}

static double energy_dense(const struct og_layer_source *s)
{
    return priced(s, s->reads * s->costs.dense.energy);
}

static double latency_dense(const struct og_layer_source *s)
{
    return priced(s, s->reads * s->costs.dense.latency);
}

static double interval_dense(const struct og_layer_source *s)
{
    return priced(s, s->reads * s->costs.dense.interval);
}

static double area_dense(const struct og_layer_source *s)
{
    return priced(s, s->costs.dense.area);
}

static const struct {
    struct og_metric metric;
    double (*value)(const struct og_layer_source *s);
} rows[] = {
    {{"snr_local", "dB",
      "signal to noise of the matrix, same inputs on ideal hardware as the signal, from "
      "-200 to 200 dB"},
     snr_local},
    {{"snr_total", "dB",
      "signal to noise of the network up to this matrix, the ideal network as the "
      "signal, "
      "from -200 to 200 dB"},
     snr_total},
    {{"dac_clipped", "1", "part of the inputs beyond the range of their DAC"},
     dac_clipped},
    {{"adc_clipped", "1", "part of the conversions beyond the range of their ADC"},
     adc_clipped},
    {{"adc_use", "1", "largest ADC code, relative to the largest there is"}, adc_use},
    {{"adc_inl", "1",
      "largest error of a transition of its worst ADC, in steps, about the line through "
      "the first and the last"},
     og_layer_adc_inl},
    {{"adc_dnl", "1", "largest error of a step of its worst ADC, in steps"},
     og_layer_adc_dnl},
    {{"adc_enob", "1", "effective bits of its worst ADC for a sine of full scale"},
     og_layer_adc_enob},
    {{"reads", "1", "input vectors read for one sample"}, reads},
    {{"tiles", "1", "tiles that hold the matrix"}, tiles},
    {{"devices", "1", "devices that hold its weights"}, devices},
    {{"utilisation", "1", "part of the devices of these tiles that hold weights"},
     utilisation},
    {{"conversions", "1", "ADC conversions for one input vector"}, conversions},
    {{"drift_factor", "1", "mean factor on its sums that compensates drift"},
     compensation},
    {{"energy", "J", "energy for one sample"}, energy},
    {{"latency", "s", "time for one sample, one read after the other"}, latency},
    {{"interval", "s", "time from one sample to the next, reads overlapping"}, interval},
    {{"area", "m2", "area of its tiles"}, area},
    {{"power", "W", "power while it reads one input vector after the other"}, power},
    {{"energy_dense", "J", "energy, if no line of zeros were removed"}, energy_dense},
    {{"latency_dense", "s", "latency, if no line of zeros were removed"}, latency_dense},
    {{"interval_dense", "s", "interval, if no line of zeros were removed"},
     interval_dense},
    {{"area_dense", "m2", "area, if no line of zeros were removed"}, area_dense},
    {{"power_dense", "W", "power, if no line of zeros were removed"}, power_dense},
    {{"ramp_cells", "1", "devices of its ramps, with those of their start"},
     og_layer_ramp_cells},
    {{"ramp_gain", "1", "what a siemens is worth in its ramps, relative to its weights"},
     og_layer_ramp_gain},
    {{"ramp_inl", "1", "largest error of a ramp's threshold, in steps of the output"},
     og_layer_ramp_inl},
    {{"ramp_inl_rms", "1", "its rms over the thresholds of a ramp, of the worst ramp"},
     og_layer_ramp_inl_rms},
    {{"ramp_dnl", "1", "largest error of a ramp's step, in steps of the output"},
     og_layer_ramp_dnl},
    {{"stuck", "1", "part of its devices that are stuck"}, og_layer_stuck},
    {{"stuck_error", "1", "rms error of its weights by them, over the largest weight"},
     og_layer_stuck_error},
    {{"wire_lost", "1",
      "part of the current that wires cost at full drive of all rows, of its first "
      "array"},
     og_layer_wire_lost},
    {{"wire_approximate", "1",
      "rms error of the same currents in wires.mode approximate, relative to exact"},
     og_layer_wire_approximate},
    {{"wire_ladder", "1", "the same of wires.approximation ladder"},
     og_layer_wire_ladder},
    {{"wire_cubic", "1", "the same of wires.approximation cubic"}, og_layer_wire_cubic},
    {{"wire_noise", "1",
      "standard deviation of the read noise as drawn, over that by adjoint circuits"},
     og_layer_wire_noise},
    {{"program_error_mean", "1",
      "mean error of its devices as written, over their range"},
     og_layer_error_mean},
    {{"program_error_rms", "1", "rms error of its devices as written, over their range"},
     og_layer_error_rms},
    {{"program_pulses", "1", "mean programming pulses of a device"}, og_layer_pulses},
    {{"program_pulses_most", "1", "programming pulses of the device that took most"},
     og_layer_most_pulses},
    {{"program_accepted", "1", "part of its devices that were accepted"},
     og_layer_accepted},
    {{"program_energy", "J", "energy of pulses and verify reads"},
     og_layer_program_energy},
    {{"program_time", "s", "time of these, tiles side by side"}, og_layer_program_time},
};
static_assert(sizeof rows / sizeof *rows == OG_LAYER_METRICS, "of every metric a row");

struct og_metric og_layer_metric(size_t i) { return rows[i].metric; }

double og_layer_value(size_t i, const struct og_layer_source *s)
{
    return rows[i].value(s);
}
