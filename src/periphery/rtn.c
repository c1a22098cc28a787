// SPDX-License-Identifier: GPL-3.0-or-later
// Random telegraph noise: a device is in one of two states, amplitude * g apart, and
// leaves them at the rates 1 / t_low and 1 / t_high (Kirton and Uren, Advances in Physics
// 38, 367, 1989). Seen every t_cycle, that is a Markov chain with the autocorrelation
// exp(-n t_cycle (1 / t_low + 1 / t_high)), which is the chain that takes, with the
// probability `refresh` at each tick, a new state from its stationary law, and else
// stays: so the state at any tick is the one drawn at the last refresh, and no state has
// to be kept from call to call.
//
// The ticks of a sample are its input vectors, position after position and step after
// step; pulses of one input and row groups see the same state. Every (sample, pass)
// starts from the stationary law. g is the mean of the two states over time.
#include <math.h>
#include <string.h>

#include "base/elementary.h"
#include "base/mem.h"
#include "periphery/array_impl.h"

enum { BLOCK = 256 };

struct og_rtn {
    float *amplitude;  // [devices] in steps, 0 where a device has none
    uint32_t *device;  // those that have some, number in their set, set after set
    size_t *first;     // [sets][rows + 1] place in device[] of the first of each row
    float refresh, high;
};

og_status og_rtn_alloc(struct og_array *a, struct og_error *err)
{
    const struct og_hardware *hw = &a->map.hw;
    const struct og_device *d = &hw->device;
    const size_t devices = og_devices(a);
    if (!(d->rtn.fraction > 0)) return OG_OK;
    if (a->ramps != NULL)
        return og_fail(err, OG_INPUT, "hardware.device.rtn: excludes adc.kind: ramp");
    struct og_rtn *t = a->rtn = og_alloc(1, sizeof *t);
    if (t == NULL) return og_fail(err, OG_NO_MEMORY, "out of memory for device.rtn");
    t->amplitude = og_alloc(devices, sizeof *t->amplitude);
    t->device = og_alloc(devices, sizeof *t->device);
    t->first = og_alloc(og_device_sets(a) * (a->map.rows + 1), sizeof *t->first);
    if (!t->amplitude || !t->device || !t->first)
        return og_fail(err, OG_NO_MEMORY, "out of memory for device.rtn");
    const double rate = 1 / d->rtn.t_low + 1 / d->rtn.t_high;
    t->refresh = (float)-og_expm1(-hw->t_cycle * rate);
    t->high = (float)(d->rtn.t_high / (d->rtn.t_low + d->rtn.t_high));
    return OG_OK;
}

void og_rtn_free(struct og_array *a)
{
    if (a->rtn == NULL) return;
    og_free(a->rtn->amplitude);
    og_free(a->rtn->device);
    og_free(a->rtn->first);
    og_free(a->rtn);
}

void og_rtn_take(const struct og_array *a, const struct og_cells *cells, float gain,
                 const struct og_cell_io *io, float *amplitude)
{
    const struct og_device *d = &a->map.hw.device;
    float u[OG_CELL_CHUNK];
    struct og_stream s = og_stream_named(cells->chip.seed, OG_RTN, cells->chip.trial,
                                         cells->layer, cells->set);
    const float worth =
        (float)(d->rtn.amplitude / (d->g_max - d->g_min)) * gain / (float)a->copies;
    og_uniform_fill(&s, (struct og_index){cells->chip.draw, 0, 0}, io->first, u, io->n);
    for (size_t k = 0; k < io->n; k++)
        amplitude[k] = (double)u[k] < d->rtn.fraction ? worth * io->g[k] : 0;
}

float *og_rtn_amplitudes(const struct og_array *a) { return a->rtn->amplitude; }

void og_rtn_list(struct og_array *a)
{
    const struct og_mapping *m = &a->map;
    struct og_rtn *t = a->rtn;
    size_t n = 0;
    for (size_t k = 0; k < og_device_sets(a); k++) {
        const struct og_device_set set = og_device_set(a, k);
        const float *amplitude = t->amplitude + set.first;
        size_t *first = t->first + k * (m->rows + 1);
        for (size_t i = 0; i < m->rows; i++) {
            first[i] = n;
            for (size_t j = 0; j < set.cols; j++)
                if (amplitude[i * set.cols + j] != 0 &&
                    (set.reference || !og_missing(m, i, j)))
                    t->device[n++] = (uint32_t)(i * set.cols + j);
        }
        first[m->rows] = n;
    }
}

// --- reads ---------------------------------------------------------------------------

// At most BLOCK devices of a set, one after the other in its list.
struct block {
    struct og_stream set;
    struct og_index at;  // pass and sample
    uint64_t first;      // in the list of the set
    size_t n;
    float state[BLOCK];  // 1: high, 0: low
};

static void draw(const struct block *b, uint64_t tick, float *u)
{
    const uint64_t name = (uint64_t)b->set.key[1] << 32 | b->set.key[0];
    struct og_stream s =
        og_stream_named(name, OG_RTN, (uint32_t)tick, (uint32_t)(tick >> 32), 1);
    og_uniform_fill(&s, b->at, b->first, u, b->n);
}

// From one tick to the next.
static void step(const struct og_rtn *t, struct block *b, uint64_t tick)
{
    float u[BLOCK];
    draw(b, tick, u);
    for (size_t k = 0; k < b->n; k++)
        if (u[k] < t->refresh) b->state[k] = u[k] < t->refresh * t->high;
}

// The states at a tick, from the last refresh of each device.
static void seek(const struct og_rtn *t, struct block *b, uint64_t tick)
{
    float u[BLOCK];
    bool known[BLOCK] = {false};
    for (size_t left = b->n; left > 0; tick--) {
        const float refresh = tick == 0 ? 1 : t->refresh;
        draw(b, tick, u);
        for (size_t k = 0; k < b->n; k++) {
            if (known[k] || !(u[k] < refresh)) continue;
            b->state[k] = u[k] < refresh * t->high;
            known[k] = true;
            left--;
        }
    }
}

static void add_row(const struct og_array *a, const struct block *b,
                    const struct og_device_set *set, const uint32_t *device,
                    const float *drive, float *sum)
{
    const float *amplitude = a->rtn->amplitude + set->first;
    for (size_t k = 0; k < b->n; k++) {
        const float full = drive[device[k] / set->cols] * amplitude[device[k]];
        og_clocked_current(a, set, device[k], full * (b->state[k] - a->rtn->high), sum);
    }
}

static void add_block(const struct og_array *a, const struct og_device_set *set,
                      const uint32_t *device, struct block *b,
                      const struct og_clocked_rows *rows)
{
    const struct og_read *at = rows->at;
    for (size_t r = 0; r < rows->n; r++) {
        const size_t row = rows->row0 + r, place = row % at->positions;
        const uint64_t tick = (uint64_t)at->step * at->positions + place;
        b->at = (struct og_index){at->pass, at->sample[row / at->positions], 0};
        if (r > 0 && place > 0)
            step(a->rtn, b, tick);
        else
            seek(a->rtn, b, tick);
        add_row(a, b, set, device, rows->drive + r * a->map.rows,
                rows->sum + r * a->map.cols);
    }
}

void og_rtn_add(const struct og_array *a, const struct og_unit *u,
                const struct og_device_set *set, const struct og_clocked_rows *rows)
{
    const struct og_rtn *t = a->rtn;
    const size_t *first = t->first + set->number * (a->map.rows + 1);
    const size_t end = first[u->row0 + u->rows];
    struct block b = {.set = og_stream_named(rows->at->seed, OG_RTN, rows->at->trial,
                                             a->shape.layer, (uint32_t)set->number)};
    for (size_t k = first[u->row0]; k < end; k += BLOCK) {
        b.first = k - first[0];
        b.n = end - k < BLOCK ? end - k : BLOCK;
        add_block(a, set, t->device + k, &b, rows);
    }
}
