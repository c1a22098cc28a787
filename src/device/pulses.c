// SPDX-License-Identifier: GPL-3.0-or-later
#include "device/pulses.h"

#include <math.h>
#include <string.h>

#include "ohmgrid/vmath.h"

// Every round draws for all devices of a chunk, so that what a device sees does not
// depend on how many others are still written.
enum draw { OF_VERIFY, OF_PULSE, OF_WRITE_NOISE };
// Of OG_D2D, after a device's own limits.
enum own { OF_SCALE = 2, OF_ASYMMETRY, OF_GAMMA_UP, OF_GAMMA_DOWN, OF_REFERENCE };

static struct og_stream stream(const struct og_cells *c, enum og_purpose purpose)
{
    return og_stream_named(c->chip.seed, purpose, c->chip.trial, c->layer, c->set);
}

struct round {
    const struct og_cells *cells;
    const struct og_pulses_io *io;
    uint32_t number;
    size_t left;                    // devices that are still written
    uint16_t at[OG_CELL_CHUNK];     // which
    float up_scale[OG_CELL_CHUNK];  // s_up of each device
    float down_scale[OG_CELL_CHUNK];
    float gamma_up[OG_CELL_CHUNK], gamma_down[OG_CELL_CHUNK];  // of linear
    float zero[OG_CELL_CHUNK];                                 // own g_zero
    float state[OG_CELL_CHUNK];   // g that the next pulse goes on from
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

// x[n] += spread xi, a number of each device.
static void add_own(const struct og_cells *c, uint64_t first, size_t n, enum own what,
                    double spread, float *x)
{
    const float sd = (float)spread;
    const struct og_stream s = stream(c, OG_D2D);
    float xi[OG_CELL_CHUNK];
    if (!(sd > 0)) return;
    og_gauss_fill(&s, (struct og_index){c->chip.draw, what, 0}, first, xi, n);
    for (size_t i = 0; i < n; i++) x[i] += sd * xi[i];
}

// Of each device: up and down over their means.
static void draw_scales(const struct og_cells *c, uint64_t first, size_t n, float *up,
                        float *down)
{
    const struct og_device *d = c->device;
    const float bias = (float)d->pulse.asymmetry;
    const bool lognormal = d->pulse.d2d_law == OG_LOGNORMAL, mirror = d->pulse.mirror;
    float lean[OG_CELL_CHUNK] = {0};
    for (size_t i = 0; i < n; i++) up[i] = lognormal ? 0 : 1;
    add_own(c, first, n, OF_SCALE, d->pulse.d2d, up);
    if (lognormal) og_vexp(up, up, n);
    add_own(c, first, n, OF_ASYMMETRY, d->pulse.asymmetry_d2d, lean);
    for (size_t i = 0; i < n; i++) {
        const float more = up[i] + fminf(bias, 0) + lean[i],
                    less = up[i] - fmaxf(bias, 0) - lean[i];
        up[i] = mirror ? fabsf(more) : fmaxf(more, 0);
        down[i] = mirror ? fabsf(less) : fmaxf(less, 0);
    }
}

bool og_pulses_have_reference(const struct og_device *d)
{
    return d->pulse.reference != OG_REFERENCE_NONE || d->pulse.reference_d2d > 0;
}

void og_pulses_reference(const struct og_cells *c, uint64_t first, size_t n,
                         const float *lo, const float *hi, float *away)
{
    const struct og_device *d = c->device;
    const float zero = (float)d->pulse.g_zero;
    float up[OG_CELL_CHUNK], down[OG_CELL_CHUNK];
    for (size_t i = 0; i < n; i++) away[i] = 0;
    add_own(c, first, n, OF_REFERENCE, d->pulse.reference_d2d, away);
    if (d->pulse.reference == OG_REFERENCE_NONE) return;
    draw_scales(c, first, n, up, down);
    for (size_t i = 0; i < n; i++) {
        const float a = up[i] * (float)d->pulse.up, b = down[i] * (float)d->pulse.down;
        // A device whose range does not hold g_zero has no such point.
        if (!(hi[i] > zero && lo[i] < zero && a + b > 0)) continue;
        away[i] += (a - b) / (a / (hi[i] - zero) + b / (zero - lo[i]));
    }
}

static void draw_devices(struct round *r)
{
    const struct og_device *d = r->cells->device;
    const uint64_t first = r->io->first;
    const size_t n = r->io->n;
    for (size_t i = 0; i < n; i++) {
        r->gamma_up[i] = (float)d->pulse.gamma_up;
        r->gamma_down[i] = (float)d->pulse.gamma_down;
    }
    draw_scales(r->cells, first, n, r->up_scale, r->down_scale);
    add_own(r->cells, first, n, OF_GAMMA_UP, d->pulse.gamma_d2d, r->gamma_up);
    add_own(r->cells, first, n, OF_GAMMA_DOWN, d->pulse.gamma_d2d, r->gamma_down);
    og_cells_zero(r->cells, first, n, r->zero);
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
    memcpy(r->state, r->io->g, r->io->n * sizeof *r->state);
    draw_devices(r);
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

// --- laws: f(g) of those left --------------------------------------------------------

static void exponential(struct round *r)
{
    const struct og_device *d = r->cells->device;
    const float up = (float)d->pulse.nonlinearity_up,
                down = (float)d->pulse.nonlinearity_down;
    for (size_t k = 0; k < r->left; k++) {
        const size_t i = r->at[k];
        const float range = r->io->hi[i] - r->io->lo[i];
        const float u = range > 0 ? (r->state[i] - r->io->lo[i]) / range : 0;
        r->factor[k] = r->up[k] ? -up * u : -down * (1 - u);
    }
    og_vexp(r->factor, r->factor, r->left);
}

static void linear(struct round *r)
{
    const struct og_device *d = r->cells->device;
    const float zero = (float)d->pulse.g_zero, above = (float)d->g_max - zero,
                below = zero - (float)d->g_min;
    for (size_t k = 0; k < r->left; k++) {
        const size_t i = r->at[k];
        const float w = r->state[i] - zero;
        r->factor[k] =
            r->up[k] ? 1 - r->gamma_up[i] * w / above : 1 + r->gamma_down[i] * w / below;
    }
}

// A device whose own limit is on the wrong side of g_zero is not moved that way.
static void soft_bounds(struct round *r)
{
    for (size_t k = 0; k < r->left; k++) {
        const size_t i = r->at[k];
        const float zero = r->zero[i];
        const float end = r->up[k] ? r->io->hi[i] - zero : zero - r->io->lo[i];
        const float rest =
            r->up[k] ? r->io->hi[i] - r->state[i] : r->state[i] - r->io->lo[i];
        r->factor[k] = end > 0 ? rest / end : 0;
    }
}

static void exp_step(struct round *r)
{
    const struct og_device *d = r->cells->device;
    const float zero = (float)d->pulse.g_zero, a = 2 * (float)d->pulse.a,
                b = (float)d->pulse.b, up = (float)d->pulse.gamma_up,
                down = (float)d->pulse.gamma_down;
    for (size_t k = 0; k < r->left; k++) {
        const size_t i = r->at[k];
        const float range = r->io->hi[i] - r->io->lo[i];
        const float z = range > 0 ? a * (r->state[i] - zero) / range + b : b;
        r->factor[k] = r->up[k] ? up * z : -down * z;
    }
    og_vexp(r->factor, r->factor, r->left);
    for (size_t k = 0; k < r->left; k++) {
        const float A = (float)(r->up[k] ? d->pulse.A_up : d->pulse.A_down);
        r->factor[k] = fmaxf(1 - A * r->factor[k], 0);
    }
}

static bool is_constant(const struct og_device *d)
{
    return d->pulse.law == OG_PULSE_EXPONENTIAL && d->pulse.nonlinearity_up == 0 &&
           d->pulse.nonlinearity_down == 0;
}

static void fill_factors(struct round *r)
{
    switch (r->cells->device->pulse.law) {
    case OG_PULSE_EXPONENTIAL:
        exponential(r);
        break;
    case OG_PULSE_LINEAR:
        linear(r);
        break;
    case OG_PULSE_SOFT_BOUNDS:
        soft_bounds(r);
        break;
    case OG_PULSE_EXP_STEP:
        exp_step(r);
        break;
    }
}

// --- pulses --------------------------------------------------------------------------

// What c2c makes of the step of device k of those left.
static float vary(const struct round *r, size_t k, float base, float step)
{
    const struct og_device *d = r->cells->device;
    const size_t i = r->at[k];
    const float xi = (float)d->pulse.c2c * r->draws[i];
    if (!d->pulse.additive && d->pulse.c2c_add == 0 && d->pulse.c2c_slope == 0)
        return step * (1 + xi);
    const float w = fabsf(r->state[i] - r->zero[i]);
    const float size = (d->pulse.additive ? fabsf(base) : fabsf(step)) +
                       (float)d->pulse.c2c_add + (float)d->pulse.c2c_slope * w;
    return step + size * xi;
}

static void read_back(struct round *r)
{
    const float noise = (float)r->cells->device->pulse.write_noise;
    if (noise > 0) draw(r, OF_WRITE_NOISE);
    for (size_t k = 0; k < r->left; k++) {
        const size_t i = r->at[k];
        const bool moves = r->io->hi[i] > r->io->lo[i];
        const float off = noise > 0 && moves ? noise * r->draws[i] : 0;
        r->io->g[i] = fmaxf(r->state[i] + off, 0);
    }
}

static void pulse(struct round *r)
{
    const struct og_device *d = r->cells->device;
    const float up = (float)d->pulse.up, down = (float)d->pulse.down;
    const bool constant = is_constant(d), varies = d->pulse.c2c > 0;
    if (!constant) fill_factors(r);
    if (varies) draw(r, OF_PULSE);
    for (size_t k = 0; k < r->left; k++) {
        const size_t i = r->at[k];
        const float base = r->up[k] ? up * r->up_scale[i] : -down * r->down_scale[i];
        float step = constant ? base : base * r->factor[k];
        if (varies) step = vary(r, k, base, step);
        const float g = r->state[i] + step, lo = r->io->lo[i], hi = r->io->hi[i];
        r->state[i] = g < lo ? lo : g > hi ? hi : g;
        if (r->io->count != NULL) r->io->count[i].pulses++;
    }
    read_back(r);
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

void og_pulses_train(const struct og_cells *c, const struct og_pulses_io *io,
                     const bool *up, size_t pulses, float *g, size_t stride)
{
    struct round r = {.cells = c, .io = io};
    begin(&r);
    for (size_t p = 0; p < pulses; p++) {
        r.number++;
        for (size_t k = 0; k < r.left; k++) r.up[k] = up[p];
        pulse(&r);
        memcpy(g + p * stride, io->g, io->n * sizeof *g);
    }
}
