// SPDX-License-Identifier: GPL-3.0-or-later
// What is measured of every matrix of a chip: metrics, journal entries, tables.
#ifndef OG_EXPERIMENT_LAYERS_H
#define OG_EXPERIMENT_LAYERS_H

#include "experiment/job.h"
#include "ohmgrid/probe.h"

// What a metric is computed from.
struct og_layer_source {
    struct og_probe_reading reading;
    bool ideal;  // no array: an ideal layer of a network on hardware
    struct og_array_info info;
    struct og_ramp_info ramps;
    struct og_fault_info faults;
    struct og_wire_check wires;
    struct og_program_info program;
    struct og_program_cost writing;
    struct og_adc_info adcs;
    size_t samples;
    double reads;           // input vectors for one sample, in all passes of a vote
    bool priced;            // whether the hardware has a technology
    struct og_costs costs;  // of one input vector
};

// --- metrics (layer_metrics.c) --------------------------------------------------------
enum { OG_LAYER_METRICS = 43 };
struct og_metric og_layer_metric(size_t i);
double og_layer_value(size_t i, const struct og_layer_source *s);

// --- tables and entries (layers.c) ----------------------------------------------------

void og_layers_clear(struct og_layers *l);
// In the order of the first network that has each of them.
void og_layers_sort(struct og_layers *l);
// Takes what the journal holds of a chip, if anything, into job->layers.
og_status og_layers_load(struct og_job *job, size_t point, size_t trial,
                         struct og_error *err);
// The same of an entry's bytes.
og_status og_layers_take(struct og_job *job, size_t point, size_t trial,
                         const struct og_entry *entry, struct og_error *err);
// *probe = NULL where nothing is to be measured: no samples, or ideal hardware.
og_status og_layers_probe(og_probe **probe, const struct og_job *job, og_exec *exec,
                          struct og_error *err);
// *entries, to be freed: what is measured of a chip, for each of these points, which are
// alike but for the number of passes. The exec is programmed with `chip`.
og_status og_layers_measure(const struct og_job *job, const og_exec *exec,
                            og_probe *probe, const struct og_chip *chip,
                            const size_t *point, size_t points, void **entries,
                            struct og_error *err);
// These into the journal and job->layers.
og_status og_layers_put(struct og_job *job, const og_exec *exec, size_t trial,
                        const size_t *point, size_t points, void *entries,
                        struct og_error *err);

// --- converters (layer_converters.c)
// ------------------------------------------------------------
double og_layer_adc_inl(const struct og_layer_source *s);
double og_layer_adc_dnl(const struct og_layer_source *s);
double og_layer_adc_enob(const struct og_layer_source *s);
double og_layer_ramp_cells(const struct og_layer_source *s);
double og_layer_ramp_gain(const struct og_layer_source *s);
double og_layer_ramp_inl(const struct og_layer_source *s);
double og_layer_ramp_inl_rms(const struct og_layer_source *s);
double og_layer_ramp_dnl(const struct og_layer_source *s);

// --- wires (layer_wires.c) ------------------------------------------------------------
double og_layer_wire_lost(const struct og_layer_source *s);
double og_layer_wire_approximate(const struct og_layer_source *s);
double og_layer_wire_ladder(const struct og_layer_source *s);
double og_layer_wire_cubic(const struct og_layer_source *s);
double og_layer_wire_noise(const struct og_layer_source *s);

// --- writing (layer_program.c) --------------------------------------------------------
double og_layer_stuck(const struct og_layer_source *s);
double og_layer_stuck_error(const struct og_layer_source *s);
double og_layer_error_mean(const struct og_layer_source *s);
double og_layer_error_rms(const struct og_layer_source *s);
double og_layer_pulses(const struct og_layer_source *s);
double og_layer_most_pulses(const struct og_layer_source *s);
double og_layer_accepted(const struct og_layer_source *s);
double og_layer_program_energy(const struct og_layer_source *s);
double og_layer_program_time(const struct og_layer_source *s);

// --- parts of costs (layer_parts.c) ----------------------------------------------------
enum { OG_PART_METRICS = 8, OG_PART_VALUES = OG_PART_METRICS * OG_COST_PARTS };
struct og_metric og_layer_part_metric(size_t i);
// value[OG_PART_METRICS][OG_COST_PARTS]; NaN of what is not priced.
void og_layer_parts(const struct og_layer_source *s, double value[OG_PART_VALUES]);

// --- costs of networks (totals.c) -----------------------------------------------------
enum { OG_COST_METRICS = 10 };
// Whether any chip so far has a cost.
bool og_costs_exist(const struct og_job *job);
// value[OG_COST_METRICS][points][trials]: energy, latency, throughput, area, power, and
// those of the dense network.
void og_costs_total(const struct og_job *job, double *value);

#endif
