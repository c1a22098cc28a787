// SPDX-License-Identifier: GPL-3.0-or-later
// Costs of whole networks, out of those of their matrices.
#include <math.h>
#include <string.h>

#include "experiment/layers.h"

static size_t metric_called(const char *name)
{
    size_t m = 0;
    while (m < OG_LAYER_METRICS && strcmp(og_layer_metric(m).name, name) != 0) m++;
    return m;
}

static double value_of(const struct og_job *job, size_t layer, size_t metric, size_t at)
{
    return job->layers.layer[layer].value[metric * job->points * job->trials + at];
}

bool og_costs_exist(const struct og_job *job)
{
    const size_t energy = metric_called("energy");
    for (size_t i = 0; i < job->layers.n; i++)
        for (size_t at = 0; at < job->points * job->trials; at++)
            if (!isnan(value_of(job, i, energy, at))) return true;
    return false;
}

// Layers that a network does not have are NaN.
static double sum(const struct og_job *job, size_t metric, size_t at)
{
    double all = NAN;
    for (size_t i = 0; i < job->layers.n; i++) {
        const double one = value_of(job, i, metric, at);
        if (!isnan(one)) all = isnan(all) ? one : all + one;
    }
    return all;
}

static double largest(const struct og_job *job, size_t metric, size_t at)
{
    double most = NAN;
    for (size_t i = 0; i < job->layers.n; i++)
        most = fmax(most, value_of(job, i, metric, at));  // NaN only where both are
    return most;
}

// A network of nothing but zeros has none.
static double rate(double interval) { return interval > 0 ? 1 / interval : NAN; }

void og_costs_total(const struct og_job *job, double *value)
{
    static const char *const from[OG_COST_METRICS] = {
        "energy",       "latency",       "interval",       "area",       "power",
        "energy_dense", "latency_dense", "interval_dense", "area_dense", "power_dense"};
    const size_t records = job->points * job->trials;
    for (size_t k = 0; k < OG_COST_METRICS; k++) {
        const size_t metric = metric_called(from[k]);
        const bool pace = strncmp(from[k], "interval", 8) == 0;
        for (size_t at = 0; at < records; at++)
            value[k * records + at] =
                pace ? rate(largest(job, metric, at)) : sum(job, metric, at);
    }
}
