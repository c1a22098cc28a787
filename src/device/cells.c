// SPDX-License-Identifier: GPL-3.0-or-later
#include "device/cells.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "device/age.h"
#include "device/pulses.h"
#include "device/sigma.h"
#include "ohmgrid/vmath.h"

bool og_cells_deviate(const struct og_device *d, double t, double reads)
{
    return og_age_is_on(d, t, reads) || d->cell.levels > 0 || d->cell.list.n > 0 ||
           og_sigma_is_on(&d->program) || og_cells_spread(d) || og_cells_fail(d) ||
           d->write.mode == OG_WRITE_VERIFIED || d->zero_cells == OG_ZERO_OFF ||
           d->pruned_cells == OG_ZERO_OFF;
}

bool og_cells_fail(const struct og_device *d)
{
    return d->faults.p_lrs > 0 || d->faults.p_hrs > 0 || d->faults.p_open > 0 ||
           d->faults.p_short > 0;
}

double og_fault_conductance(const struct og_device *d, enum og_fault fault)
{
    switch (fault) {
    case OG_STUCK_ON:
        return d->faults.g_lrs > 0 ? d->faults.g_lrs : d->g_max;
    case OG_STUCK_OFF:
        return d->faults.g_hrs;
    case OG_SHORT:
        return d->faults.g_short;
    default:
        return 0;
    }
}

static struct og_stream stream(const struct og_cells *c, enum og_purpose purpose)
{
    return og_stream_named(c->chip.seed, purpose, c->chip.trial, c->layer, c->set);
}

static float nearest(const struct og_list *list, float g)
{
    double best = list->v[0];
    for (int k = 1; k < list->n; k++)
        if (fabs(list->v[k] - g) < fabs(best - g)) best = list->v[k];
    return (float)best;
}

// t -> the programmable level next to it, still as a fraction of the nominal range.
static void snap(const struct og_device *d, const float *t, float *out, size_t n)
{
    float range = (float)(d->g_max - d->g_min), g_min = (float)d->g_min;
    if (d->cell.list.n > 0) {
        for (size_t i = 0; i < n; i++)
            out[i] = (nearest(&d->cell.list, g_min + t[i] * range) - g_min) / range;
    } else if (d->cell.levels > 0) {
        float steps = (float)(d->cell.levels - 1);
        for (size_t i = 0; i < n; i++) out[i] = rintf(t[i] * steps) / steps;
    } else {
        memcpy(out, t, n * sizeof *out);
    }
}

// The devices' own limit: g (1 + s xi), or g exp(s xi); never below 0.
static void spread(const struct og_device *d, double nominal, double relative, float *xi,
                   size_t n)
{
    float g = (float)nominal, s = (float)relative;
    for (size_t i = 0; i < n; i++) xi[i] *= s;
    if (d->d2d.law == OG_LOGNORMAL)
        og_vexp(xi, xi, n);
    else
        for (size_t i = 0; i < n; i++) xi[i] += 1.0f;
    for (size_t i = 0; i < n; i++) xi[i] = xi[i] > 0 ? g * xi[i] : 0;
}

// Between which conductances a device can be.
struct limits {
    float lo[OG_CELL_CHUNK], hi[OG_CELL_CHUNK];
};

bool og_cells_spread(const struct og_device *d)
{
    return d->d2d.g_min > 0 || d->d2d.g_max > 0 || og_pulses_have_reference(d);
}

// Limits of the wrong order change places; each is then as far from g_zero on its own
// side.
static void mirror(const struct og_device *d, size_t n, float *lo, float *hi)
{
    const float zero = (float)d->pulse.g_zero;
    for (size_t i = 0; i < n; i++) {
        const float a = fminf(lo[i], hi[i]), b = fmaxf(lo[i], hi[i]);
        lo[i] = fmaxf(zero - fabsf(zero - a), 0);
        hi[i] = zero + fabsf(b - zero);
    }
}

// Without references.
static void own_limits(const struct og_cells *c, uint64_t first, size_t n, float *lo,
                       float *hi)
{
    const struct og_device *d = c->device;
    struct og_stream s = stream(c, OG_D2D);
    og_gauss_fill(&s, (struct og_index){c->chip.draw, 0, 0}, first, lo, n);
    og_gauss_fill(&s, (struct og_index){c->chip.draw, 1, 0}, first, hi, n);
    spread(d, d->g_min, d->d2d.g_min, lo, n);
    spread(d, d->g_max, d->d2d.g_max, hi, n);
    if (d->pulse.mirror) mirror(d, n, lo, hi);
    for (size_t i = 0; i < n; i++) hi[i] = hi[i] < lo[i] ? lo[i] : hi[i];
}

void og_cells_limits(const struct og_cells *c, uint64_t first, size_t n, float *lo,
                     float *hi)
{
    float away[OG_CELL_CHUNK];
    assert(n <= OG_CELL_CHUNK);
    own_limits(c, first, n, lo, hi);
    if (!og_pulses_have_reference(c->device)) return;
    og_pulses_reference(c, first, n, lo, hi, away);
    for (size_t i = 0; i < n; i++) {
        lo[i] = fmaxf(lo[i] - away[i], 0);
        hi[i] = fmaxf(hi[i] - away[i], 0);
    }
}

void og_cells_zero(const struct og_cells *c, uint64_t first, size_t n, float *zero)
{
    float lo[OG_CELL_CHUNK], hi[OG_CELL_CHUNK], away[OG_CELL_CHUNK] = {0};
    assert(n <= OG_CELL_CHUNK);
    if (og_pulses_have_reference(c->device)) {
        own_limits(c, first, n, lo, hi);
        og_pulses_reference(c, first, n, lo, hi, away);
    }
    for (size_t i = 0; i < n; i++) zero[i] = (float)c->device->pulse.g_zero - away[i];
}

// Each device's own range: open loop maps the target linearly into it, write-verify only
// limits the conductance to it.
static void mismatch(const struct og_cells *c, const struct og_cell_io *io,
                     const float *t, float *g, struct limits *own)
{
    const struct og_device *d = c->device;
    float *lo = own->lo, *hi = own->hi;
    og_cells_limits(c, io->first, io->n, lo, hi);
    bool open_loop = d->programming == OG_OPEN_LOOP;
    for (size_t i = 0; i < io->n; i++) {
        float mapped = lo[i] + t[i] * (hi[i] - lo[i]);
        float limited = g[i] < lo[i] ? lo[i] : g[i] > hi[i] ? hi[i] : g[i];
        g[i] = open_loop ? mapped : limited;
    }
}

// Where there is no mismatch, or the device file clips at 0 only.
static void common_limits(const struct og_device *d, size_t n, struct limits *common)
{
    float lo = d->clip == OG_CLIP_RANGE ? (float)d->g_min : 0;
    float hi = d->clip == OG_CLIP_RANGE ? (float)d->g_max : INFINITY;
    for (size_t i = 0; i < n; i++) common->lo[i] = lo, common->hi[i] = hi;
}

// A clipped device does not follow its sigma.
static void programming_error(const struct og_cells *c, const struct og_cell_io *io,
                              const struct limits *limits, float *g)
{
    const struct og_device *d = c->device;
    float xi[OG_CELL_CHUNK], sigma[OG_CELL_CHUNK];
    struct og_stream s = stream(c, OG_PROGRAMMING);
    og_gauss_fill(&s, (struct og_index){c->chip.draw, 0, 0}, io->first, xi, io->n);
    og_sigma_fill(&d->program, d->g_max, g, sigma, io->n);
    if (io->slope != NULL) {
        og_sigma_slope(&d->program, d->g_max, g, io->slope, io->n);
        for (size_t i = 0; i < io->n; i++) io->slope[i] *= xi[i];
    }
    for (size_t i = 0; i < io->n; i++) g[i] += sigma[i] * xi[i];
    const float *lo = limits->lo, *hi = limits->hi;
    for (size_t i = 0; io->slope != NULL && i < io->n; i++)
        io->slope[i] = g[i] < lo[i] || g[i] > hi[i] ? 0 : io->slope[i];
    for (size_t i = 0; i < io->n; i++) {
        float value = g[i] < lo[i] ? lo[i] : g[i];
        g[i] = value > hi[i] ? hi[i] : value;
    }
}

// Cells of zero weights that are not programmed at all.
static void switch_off(const struct og_device *d, const struct og_cell_io *io, float *g)
{
    for (size_t i = 0; i < io->n; i++) {
        if (!io->off[i]) continue;
        g[i] = (float)d->g_off;
        if (io->slope != NULL) io->slope[i] = 0;
        if (io->flicker != NULL) io->flicker[i] = 0;
    }
}

void og_cells_faults(const struct og_cells *c, uint64_t first, size_t n, uint8_t *fault)
{
    const struct og_device *d = c->device;
    float u[OG_CELL_CHUNK];
    struct og_stream s = stream(c, OG_FAULTS);
    og_uniform_fill(&s, (struct og_index){c->chip.draw, 0, 0}, first, u, n);
    double p = d->faults.p_lrs;
    const float on = (float)p, off = (float)(p += d->faults.p_hrs),
                open = (float)(p += d->faults.p_open),
                shorted = (float)(p += d->faults.p_short);
    for (size_t i = 0; i < n; i++)
        fault[i] = u[i] < on        ? OG_STUCK_ON
                   : u[i] < off     ? OG_STUCK_OFF
                   : u[i] < open    ? OG_OPEN
                   : u[i] < shorted ? OG_SHORT
                                    : OG_HEALTHY;
}

// NULL: all are healthy.
static const uint8_t *faults_of(const struct og_cells *c, const struct og_cell_io *io,
                                uint8_t *drawn)
{
    if (c->fault != NULL) return c->fault + io->first;
    if (!og_cells_fail(c->device)) return NULL;
    og_cells_faults(c, io->first, io->n, drawn);
    return drawn;
}

// Stuck devices have conductances of their own, whatever was written.
static void stick(const struct og_device *d, const struct og_cell_io *io,
                  const uint8_t *fault, float *g)
{
    float at[OG_FAULT_CODES];
    for (int k = 0; k < OG_FAULT_CODES; k++)
        at[k] = (float)og_fault_conductance(d, (enum og_fault)k);
    for (size_t i = 0; i < io->n; i++) {
        if (fault[i] == OG_HEALTHY) continue;
        g[i] = at[fault[i]];
        if (io->slope != NULL) io->slope[i] = 0;
        if (io->flicker != NULL) io->flicker[i] = 0;
    }
}

// Pulse by pulse within each device's own range; one that is stuck gets them in vain.
static void write_verified(const struct og_cells *c, const struct og_cell_io *io,
                           const uint8_t *fault, const float *target, struct limits *own,
                           float *g)
{
    const struct og_device *d = c->device;
    for (size_t i = 0; i < io->n; i++) {
        if (d->write.start == OG_START_ERASED) g[i] = own->lo[i];
        g[i] = g[i] < own->lo[i] ? own->lo[i] : g[i] > own->hi[i] ? own->hi[i] : g[i];
        if (fault == NULL || fault[i] == OG_HEALTHY) continue;
        own->lo[i] = own->hi[i] = g[i] = (float)og_fault_conductance(d, fault[i]);
    }
    og_pulses_write(c, &(struct og_pulses_io){.first = io->first,
                                              .n = io->n,
                                              .target = target,
                                              .lo = own->lo,
                                              .hi = own->hi,
                                              .off = io->off,
                                              .g = g,
                                              .count = io->count});
}

// A cell that is off has none, unless it is stuck at something else.
static void read_variance(const struct og_device *d, const struct og_cell_io *io,
                          const float *g)
{
    float range = (float)(d->g_max - d->g_min), g_off = (float)d->g_off;
    float *v = io->read_variance;
    og_sigma_fill(&d->read, d->g_max, g, v, io->n);
    for (size_t i = 0; i < io->n; i++) v[i] = (v[i] / range) * (v[i] / range);
    for (size_t i = 0; io->off != NULL && i < io->n; i++)
        if (io->off[i] && g[i] == g_off) v[i] = 0;
}

// Open loop, and its errors.
static void write_direct(const struct og_cells *c, const struct og_cell_io *io,
                         struct limits *limits, bool spread_out, float *g)
{
    const struct og_device *d = c->device;
    if (!spread_out || d->clip != OG_CLIP_RANGE) common_limits(d, io->n, limits);
    if (og_sigma_is_on(&d->program)) programming_error(c, io, limits, g);
}

static void write_cells(const struct og_cells *c, const struct og_cell_io *io,
                        const float *t, const float *target, const uint8_t *fault,
                        float *g)
{
    const struct og_device *d = c->device;
    const bool spread_out = og_cells_spread(d),
               verified = d->write.mode == OG_WRITE_VERIFIED;
    struct limits limits, own;
    if (spread_out) mismatch(c, io, t, g, &limits);
    if (verified && spread_out) own = limits;
    for (size_t i = 0; verified && !spread_out && i < io->n; i++)
        own.lo[i] = (float)d->g_min, own.hi[i] = (float)d->g_max;
    if (!verified || d->write.start == OG_START_DIRECT)
        write_direct(c, io, &limits, spread_out, g);
    if (verified) write_verified(c, io, fault, target, &own, g);
}

// Before age, and with faults.
static void write_errors(const struct og_cells *c, const struct og_cell_io *io,
                         const uint8_t *fault, const float *target, const float *g)
{
    memcpy(io->error, g, io->n * sizeof *g);
    if (fault != NULL) stick(c->device, io, fault, io->error);
    for (size_t i = 0; i < io->n; i++) io->error[i] -= target[i];
}

void og_cells_program(const struct og_cells *c, const struct og_cell_io *io)
{
    const struct og_device *d = c->device;
    size_t n = io->n;
    assert(n <= OG_CELL_CHUNK);
    float t[OG_CELL_CHUNK], g[OG_CELL_CHUNK], written[OG_CELL_CHUNK];
    uint8_t drawn[OG_CELL_CHUNK];
    float range = (float)(d->g_max - d->g_min), g_min = (float)d->g_min;
    const uint8_t *fault = faults_of(c, io, drawn);

    if (io->slope != NULL) memset(io->slope, 0, n * sizeof *io->slope);
    snap(d, io->target, t, n);
    for (size_t i = 0; i < n; i++) written[i] = g[i] = g_min + t[i] * range;
    write_cells(c, io, t, written, fault, g);
    if (io->error != NULL) write_errors(c, io, fault, written, g);
    if (og_age_is_on(d, c->t, c->reads)) og_cells_age(c, io, written, g);
    if (io->off != NULL) switch_off(d, io, g);
    if (fault != NULL) stick(d, io, fault, g);

    // Level and analog parts apart: without errors the analog part is exactly 0.
    if (io->deviation != NULL)
        for (size_t i = 0; i < n; i++)
            io->deviation[i] = (t[i] - io->target[i]) + (g[i] - written[i]) / range;
    if (io->g != NULL) memcpy(io->g, g, n * sizeof *g);
    if (io->read_variance != NULL) read_variance(d, io, g);
}
