// SPDX-License-Identifier: GPL-3.0-or-later
#include "device/pulses.h"

#include <math.h>

#include "ohmgrid/vmath.h"

// Every round draws for all devices of a chunk, so that what a device sees does not depend
// on how many others are still written.
enum draw { OF_VERIFY, OF_PULSE };

static struct og_stream stream(const struct og_cells *c, enum og_purpose purpose)
{
    return og_stream_named(c->chip.seed, purpose, c->chip.trial, c->layer, c->set);
}

struct round {
    const struct og_cells *cells;
    const struct og_pulses_io *io;
    uint32_t number;
    size_t left;                  // devices that are still written
    uint16_t at[OG_CELL_CHUNK];   // which
    float scale[OG_CELL_CHUNK];   // s of each device
    float draws[OG_CELL_CHUNK];   // of all devices
    float factor[OG_CELL_CHUNK];  // of those left
    bool up[OG_CELL_CHUNK];
};

static void draw(struct round *r, enum draw what)
{
    const struct og_stream s = stream(r->cells, OG_WRITE_PULSES);
    const struct og_index at = {r->cells->chip.draw, r->number, what};
    og_gauss_fill(&s, at, r->io->first, r->draws, r->io->n);
}

static void draw_scales(struct round *r)
{
    const float d2d = (float)r->cells->device->pulse.d2d;
    const struct og_stream s = stream(r->cells, OG_D2D);
    const struct og_index at = {r->cells->chip.draw, 2, 0};
    if (d2d > 0) og_gauss_fill(&s, at, r->io->first, r->scale, r->io->n);
    for (size_t i = 0; i < r->io->n; i++) {
        const float scale = d2d > 0 ? 1 + d2d * r->scale[i] : 1;
        r->scale[i] = scale > 0 ? scale : 0;
    }
}

static void begin(struct round *r)
{
    r->number = 0;
    r->left = 0;
    for (size_t i = 0; i < r->io->n; i++) {
        const bool off = r->io->off != NULL && r->io->off[i];
        if (r->io->count != NULL) r->io->count[i] = (struct og_write_count){0, off};
        if (!off) r->at[r->left++] = (uint16_t)i;
    }
    draw_scales(r);
}

// Takes out the devices whose read is within the band.
static void verify(struct round *r)
{
    const struct og_device *d = r->cells->device;
    const float band = (float)(d->write.acceptance * (d->g_max - d->g_min));
    const float noise = (float)d->write.noise;
    size_t left = 0;
    if (noise > 0) draw(r, OF_VERIFY);
    for (size_t k = 0; k < r->left; k++) {
        const size_t i = r->at[k];
        const float read = r->io->g[i] + (noise > 0 ? noise * r->draws[i] : 0);
        const float off = r->io->target[i] - read;
        const bool accepted = fabsf(off) <= band;
        if (accepted && r->io->count != NULL) r->io->count[i].accepted = true;
        if (accepted) continue;
        r->up[left] = off > 0;
        r->at[left++] = (uint16_t)i;
    }
    r->left = left;
}

// exp(-nonlinearity u) of those left.
static void saturate(struct round *r)
{
    const struct og_device *d = r->cells->device;
    const float up = (float)d->pulse.nonlinearity_up,
                down = (float)d->pulse.nonlinearity_down;
    for (size_t k = 0; k < r->left; k++) {
        const size_t i = r->at[k];
        const float range = r->io->hi[i] - r->io->lo[i];
        const float u = range > 0 ? (r->io->g[i] - r->io->lo[i]) / range : 0;
        r->factor[k] = r->up[k] ? -up * u : -down * (1 - u);
    }
    og_vexp(r->factor, r->factor, r->left);
}

static void pulse(struct round *r)
{
    const struct og_device *d = r->cells->device;
    const float up = (float)d->pulse.up, down = (float)d->pulse.down,
                c2c = (float)d->pulse.c2c;
    const bool linear = d->pulse.nonlinearity_up == 0 && d->pulse.nonlinearity_down == 0;
    if (!linear) saturate(r);
    if (c2c > 0) draw(r, OF_PULSE);
    for (size_t k = 0; k < r->left; k++) {
        const size_t i = r->at[k];
        float step = (r->up[k] ? up : -down) * r->scale[i];
        if (!linear) step *= r->factor[k];
        if (c2c > 0) step *= 1 + c2c * r->draws[i];
        const float g = r->io->g[i] + step, lo = r->io->lo[i], hi = r->io->hi[i];
        r->io->g[i] = g < lo ? lo : g > hi ? hi : g;
        if (r->io->count != NULL) r->io->count[i].pulses++;
    }
}

void og_pulses_write(const struct og_cells *c, const struct og_pulses_io *io)
{
    struct round r = {.cells = c, .io = io};
    begin(&r);
    verify(&r);
    while (r.left > 0 && (int)r.number < c->device->write.pulses) {
        r.number++;
        pulse(&r);
        verify(&r);
    }
}
