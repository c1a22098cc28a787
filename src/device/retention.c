// SPDX-License-Identifier: GPL-3.0-or-later
// Retention tables: what was measured over an array at some times after programming, as
// polynomials in x = target / g_ref: g = target + mean(x) + sigma(x) xi. At other times
// nothing is known, and nothing is interpolated. The errors are those from the target (as
// aihwkit has them of Wan et al., inference/noise/reram.py): they take the place of
// `program`. ohmgrid's choice: xi is that of the programming error, so that a device
// stays on its side of the distribution; the sources give no correlation over time.
#include <math.h>

#include "base/elementary.h"
#include "device/age.h"
#include "device/polynomial.h"

// Which time of the table; -1: none of them.
int og_retention_at(const struct og_device *d, double t)
{
    for (int k = 0; k < d->retention.t.n; k++)
        if (fabs(t / d->retention.t.v[k] - 1) < 1e-9) return k;
    return -1;
}

// Polynomial k of a list that holds one for each time; *slope: its derivative by x.
static double at_time(const struct og_list *all, int times, int k, double x,
                      double *slope)
{
    const int n = all->n / times;
    return og_polynomial(all->v + k * n, n, x, slope);
}

// sigma of a target at time k, and its derivative by x = target / ref.
static double spread(const struct og_device *d, int k, double target, double ref,
                     double *rise)
{
    if (d->retention.limit.n == 0)
        return at_time(&d->retention.sigma, d->retention.t.n, k, target / ref, rise);
    const double g_rise = d->retention.g_rise.v[k], limit = d->retention.limit.v[k];
    *rise = limit * ref / g_rise * og_exp(-target / g_rise);
    return -limit * og_expm1(-target / g_rise);
}

void og_retention(const struct og_cells *c, const struct og_cell_io *io,
                  const float *target, float *g)
{
    const struct og_device *d = c->device;
    const int times = d->retention.t.n, k = og_retention_at(d, c->t);
    const double ref = d->retention.g_ref > 0 ? d->retention.g_ref : d->g_max;
    const double lo = d->clip == OG_CLIP_RANGE ? d->g_min : 0;
    const double hi = d->clip == OG_CLIP_RANGE ? d->g_max : INFINITY;
    float xi[OG_CELL_CHUNK];
    struct og_stream s =
        og_stream_named(c->chip.seed, OG_PROGRAMMING, c->chip.trial, c->layer, c->set);
    og_gauss_fill(&s, (struct og_index){c->chip.draw, 0, 0}, io->first, xi, io->n);
    for (size_t i = 0; i < io->n; i++) {
        const double x = (double)target[i] / ref, z = (double)xi[i];
        double rise_mean, rise;
        const double mean = at_time(&d->retention.mean, times, k, x, &rise_mean);
        const double sigma = spread(d, k, (double)target[i], ref, &rise);
        const double value = (double)target[i] + mean + fmax(sigma, 0) * z;
        g[i] = (float)fmin(fmax(value, lo), hi);
        if (io->slope == NULL) continue;
        const bool clipped = value < lo || value > hi;
        io->slope[i] =
            clipped ? 0 : (float)((rise_mean + (sigma > 0 ? rise * z : 0)) / ref);
    }
}
