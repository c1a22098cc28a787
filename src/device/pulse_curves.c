// SPDX-License-Identifier: GPL-3.0-or-later
#include <math.h>

#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>

#include "base/mem.h"
#include "device/pulses.h"
#include "ohmgrid/pulsed.h"

static og_status check(const struct og_device *d, const struct og_pulse_train *train,
                       struct og_error *err)
{
    const char *name = d->name[0] != '\0' ? d->name : "the device";
    if (train->up + train->down < 1 || train->cycles < 1 || train->devices < 1)
        return og_fail(err, OG_INPUT, "%s: no pulse and no device is nothing to simulate",
                       name);
    if (train->up > 0 && d->pulse.up == 0)
        return og_fail(err, OG_INPUT, "%s: pulse.up is 0: pulses up do nothing", name);
    if (train->down > 0 && d->pulse.down == 0)
        return og_fail(err, OG_INPUT, "%s: pulse.down is 0: pulses down do nothing",
                       name);
    return OG_OK;
}

// g[point * devices ..] of all devices, chunk by chunk.
static void apply(const struct og_device *d, const struct og_pulse_train *train,
                  const bool *up, size_t pulses, float *g)
{
    const struct og_cells cells = {.device = d, .chip = {.seed = train->seed}};
    float lo[OG_CELL_CHUNK], hi[OG_CELL_CHUNK];
    for (size_t first = 0; first < train->devices; first += OG_CELL_CHUNK) {
        const size_t left = train->devices - first;
        struct og_pulses_io io = {.first = first,
                                  .n = left < OG_CELL_CHUNK ? left : OG_CELL_CHUNK,
                                  .lo = lo,
                                  .hi = hi};
        float now[OG_CELL_CHUNK];
        og_cells_limits(&cells, first, io.n, lo, hi);
        for (size_t i = 0; i < io.n; i++) g[first + i] = now[i] = lo[i];
        io.g = now;
        og_pulses_train(&cells, &io, up, pulses, g + train->devices + first,
                        train->devices);
    }
}

static void take_statistics(struct og_pulse_curves *c, const float *g, double *row)
{
    for (size_t p = 0; p < c->points; p++) {
        for (size_t i = 0; i < c->devices; i++) {
            row[i] = (double)g[p * c->devices + i];
            c->g[i * c->points + p] = g[p * c->devices + i];
        }
        gsl_sort(row, 1, c->devices);
        c->mean[p] = gsl_stats_mean(row, 1, c->devices);
        c->low[p] = gsl_stats_quantile_from_sorted_data(row, 1, c->devices, 0.05);
        c->high[p] = gsl_stats_quantile_from_sorted_data(row, 1, c->devices, 0.95);
    }
}

og_status og_pulses_simulate(const struct og_device *device,
                             const struct og_pulse_train *train,
                             struct og_pulse_curves *c, struct og_error *err)
{
    *c = (struct og_pulse_curves){0};
    OG_TRY(check(device, train, err));
    const size_t cycle = (size_t)train->up + (size_t)train->down;
    const size_t pulses = cycle * (size_t)train->cycles;
    c->devices = train->devices;
    c->points = pulses + 1;
    c->g = og_alloc(c->devices * c->points, sizeof *c->g);
    c->mean = og_alloc(c->points, sizeof *c->mean);
    c->low = og_alloc(c->points, sizeof *c->low);
    c->high = og_alloc(c->points, sizeof *c->high);
    bool *up = og_alloc(pulses, sizeof *up);
    float *g = og_alloc(c->devices * c->points, sizeof *g);
    double *row = og_alloc(c->devices, sizeof *row);
    const bool ok = c->g && c->mean && c->low && c->high && up && g && row;
    for (size_t p = 0; ok && p < pulses; p++) up[p] = p % cycle < (size_t)train->up;
    if (ok) apply(device, train, up, pulses, g);
    if (ok) take_statistics(c, g, row);
    og_free(up);
    og_free(g);
    og_free(row);
    return ok ? OG_OK
              : og_fail(err, OG_NO_MEMORY, "out of memory for %zu pulses of %zu devices",
                        pulses, c->devices);
}

void og_pulse_curves_free(struct og_pulse_curves *c)
{
    og_free(c->g);
    og_free(c->mean);
    og_free(c->low);
    og_free(c->high);
    *c = (struct og_pulse_curves){0};
}
