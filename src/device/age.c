// SPDX-License-Identifier: GPL-3.0-or-later
// Drift: g(t) = g ((t + t_0) / t_0)^-|nu|, nu ~ N(nu(x), spread(x)) of each device, x of
// its target (Nandakumar et al., ICECS 2019; Joshi et al., Nature Communications 11,
// 2473, 2020; |nu| and x of the target as in aihwkit, inference/noise/pcm.py).
//
// 1/f noise: its spectrum is that of traps with time constants spread evenly over log
// time, so what has accumulated by t' since programming has the relative variance q(x)^2
// ln((t' + t_read) / (2 t_read)) (same sources; x as programmed). Only a few per cent of
// it change from one read to the next: one number for a device, frozen. Mode correlated
// leaves it to reads (periphery/flicker.c) and only tells q(x).
//
// Read disturb: g_end + (g - g_end) exp(-(n / n_0)^beta) after n reads, a stretched
// exponential towards one conductance: ohmgrid's choice, the same for all devices.
//
// The numbers drawn are the same at all t: common random numbers of a sweep over time.
#include "device/age.h"

#include <math.h>

#include "base/elementary.h"
#include "device/law.h"
#include "ohmgrid/vmath.h"

enum { OF_NU, OF_FLICKER };  // indices of the stream OG_DRIFT

static bool drifts(const struct og_device *d)
{
    return og_law_is_on(&d->drift.nu) || og_law_is_on(&d->drift.spread);
}

static bool is_disturbed(const struct og_device *d, double reads)
{
    return d->disturb.reads > 0 && reads > 0;
}

bool og_age_is_on(const struct og_device *d, double t, double reads)
{
    return og_law_is_on(&d->flicker.q) || is_disturbed(d, reads) ||
           (t > 0 && (drifts(d) || d->retention.t.n > 0));
}

static void draw(const struct og_cells *c, const struct og_cell_io *io, uint32_t what,
                 float *z)
{
    struct og_stream s =
        og_stream_named(c->chip.seed, OG_DRIFT, c->chip.trial, c->layer, c->set);
    og_gauss_fill(&s, (struct og_index){c->chip.draw, what, 0}, io->first, z, io->n);
}

// factor[n] = ((t + t_0) / t_0)^-|nu|
static void drift(const struct og_cells *c, const struct og_cell_io *io,
                  const float *target, float *factor)
{
    const struct og_device *d = c->device;
    const float age = (float)og_log1p(c->t / d->drift.t_0);
    float nu[OG_CELL_CHUNK], spread[OG_CELL_CHUNK], z[OG_CELL_CHUNK];
    og_law_fill(&d->drift.nu, d->g_max, target, nu, io->n);
    og_law_fill(&d->drift.spread, d->g_max, target, spread, io->n);
    draw(c, io, OF_NU, z);
    for (size_t i = 0; i < io->n; i++) factor[i] = -age * fabsf(nu[i] + spread[i] * z[i]);
    og_vexp(factor, factor, io->n);
}

// factor[n] *= 1 + q z sqrt(ln ..); never below 0.
static void flicker(const struct og_cells *c, const struct og_cell_io *io, const float *g,
                    float *factor)
{
    const struct og_device *d = c->device;
    const double t = c->t + d->drift.t_0, t_read = d->flicker.t_read;
    const float root = (float)sqrt(og_log((t + t_read) / (2 * t_read)));
    float own[OG_CELL_CHUNK], z[OG_CELL_CHUNK], *q = io->flicker ? io->flicker : own;
    og_law_fill(&d->flicker.q, d->g_max, g, q, io->n);
    if (d->flicker.mode == OG_FLICKER_CORRELATED) return;
    draw(c, io, OF_FLICKER, z);
    for (size_t i = 0; i < io->n; i++) {
        const float noisy = 1 + root * q[i] * z[i];
        factor[i] *= noisy > 0 ? noisy : 0;
    }
}

static void disturb(const struct og_cells *c, const struct og_cell_io *io, float *g)
{
    const struct og_device *d = c->device;
    const float left =
        (float)og_exp(-og_pow(c->reads / d->disturb.reads, d->disturb.beta));
    const float end = (float)d->disturb.g_end;
    for (size_t i = 0; i < io->n; i++) g[i] = end + (g[i] - end) * left;
    for (size_t i = 0; io->slope != NULL && i < io->n; i++)
        io->slope[i] = left * (1 + io->slope[i]) - 1;
}

void og_cells_age(const struct og_cells *c, const struct og_cell_io *io,
                  const float *target, float *g)
{
    const struct og_device *d = c->device;
    float factor[OG_CELL_CHUNK];
    for (size_t i = 0; i < io->n; i++) factor[i] = 1;
    if (c->t > 0 && d->retention.t.n > 0) og_retention(c, io, target, g);
    if (c->t > 0 && drifts(d)) drift(c, io, target, factor);
    if (og_law_is_on(&d->flicker.q)) flicker(c, io, g, factor);
    for (size_t i = 0; i < io->n; i++) g[i] *= factor[i];
    for (size_t i = 0; io->slope != NULL && i < io->n; i++)
        io->slope[i] = factor[i] * (1 + io->slope[i]) - 1;
    if (is_disturbed(d, c->reads)) disturb(c, io, g);
}
