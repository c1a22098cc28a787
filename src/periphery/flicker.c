// SPDX-License-Identifier: GPL-3.0-or-later
// 1/f noise along the read clock. The noise of a device that age.c takes as one number
// for an evaluation, of the relative variance q^2 ln((t' + t_read) / (2 t_read)), comes
// from traps with time constants spread evenly over log time (McWhorter, in Semiconductor
// Surface Physics, 1957): a sum of Ornstein-Uhlenbeck processes, two in each decade from
// 2 t_read to t' + t_read, each of the variance q^2 times its part of that range. Their
// spectrum is within 0.1 % of 1/f. The autocorrelation of the sum over a delay s is close
// to q^2 (E_1(s / (t' + t_read)) - E_1(s / (2 t_read))).
//
// The read clock counts ticks of t_cycle. Sample s of the data set, pass p of a vote and
// input vector k of the sample (positions, then steps; pulses of one input and groups of
// rows see the same noise) are read at s t_sample + p t_pass + k t_cycle. What is slow is
// thus the same for samples and votes that follow each other. Calibration reads of
// hardware.compensation come before all samples.
//
// A process is computed at any tick without those before it: cells of at least 16 time
// constants have independent ends (they are correlated by e^-16), and within a cell it is
// found by halving: given both ends of an interval a stationary Ornstein-Uhlenbeck
// process is, in its middle, normal with the mean a (x_0 + x_1) / (1 + a^2) and the
// variance (1 - a^2) / (1 + a^2), a = exp(-half / tau). Halving ends at a tick, or at an
// interval of at most tau / 64, in which the process stays as it is: averaged over where
// reads fall, which differs from block to block of devices, what changes between two of
// them keeps its law. What is faster than 1/16 tick is drawn anew in every read.
#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/elementary.h"
#include "base/mem.h"
#include "periphery/array_impl.h"

// At a time: devices, levels of halving, processes (from 2e-12 s to 1e11 s).
enum { BLOCK = 128, DEPTH = 12, PROCESSES = 48 };

struct process {
    uint32_t number;                   // from the fastest on, whatever t_cycle is
    float sd;                          // in units of q
    int shift, depth;                  // a cell is 2^(shift + depth) ticks long
    float mean[DEPTH], spread[DEPTH];  // of the middle at each level
};

struct og_flicker {
    float *steps, *q;  // [devices]
    float white;       // in units of q
    int n;
    struct process process[PROCESSES];
    uint64_t sample, pass, start;  // in ticks
};

og_status og_flicker_alloc(struct og_array *a, struct og_error *err)
{
    const struct og_hardware *hw = &a->map.hw;
    if (hw->device.flicker.mode == OG_FLICKER_FROZEN) return OG_OK;
    if (a->ramps != NULL)
        return og_fail(
            err, OG_INPUT,
            "hardware.device.flicker.mode: correlated excludes adc.kind: ramp");
    struct og_flicker *f = a->flicker = og_alloc(1, sizeof *f);
    if (f == NULL) return og_fail(err, OG_NO_MEMORY, "out of memory for device.flicker");
    f->steps = og_alloc(og_devices(a), sizeof *f->steps);
    f->q = og_alloc(og_devices(a), sizeof *f->q);
    if (!f->steps || !f->q)
        return og_fail(err, OG_NO_MEMORY, "out of memory for device.flicker");
    f->sample = (uint64_t)rint(hw->t_sample / hw->t_cycle);
    f->pass = (uint64_t)rint(hw->t_pass / hw->t_cycle);
    if (hw->compensation.mode != OG_UNCOMPENSATED)
        f->start = (uint64_t)hw->compensation.reads * f->sample;
    return OG_OK;
}

void og_flicker_free(struct og_array *a)
{
    if (a->flicker == NULL) return;
    og_free(a->flicker->steps);
    og_free(a->flicker->q);
    og_free(a->flicker);
}

float *og_flicker_steps(const struct og_array *a) { return a->flicker->steps; }
float *og_flicker_q(const struct og_array *a) { return a->flicker->q; }

// --- processes -----------------------------------------------------------------------

// tau in ticks.
static struct process make_process(uint32_t number, double tau, double variance)
{
    struct process p = {.number = number, .sd = (float)sqrt(variance)};
    const double least = tau / 64;
    while (p.shift < 62 && ldexp(1, p.shift + 1) <= least) p.shift++;
    while (p.shift < 62 && ldexp(1, p.shift + p.depth) < 16 * tau) p.depth++;
    assert(p.depth <= DEPTH);
    for (int l = 0; l < p.depth; l++) {
        const double a = og_exp(-ldexp(1, p.shift + p.depth - l - 1) / tau);
        p.mean[l] = (float)(a / (1 + a * a));
        p.spread[l] = (float)sqrt((1 - a * a) / (1 + a * a));
    }
    return p;
}

// The same processes at all t, but for the slowest: common random numbers of a sweep.
void og_flicker_age(struct og_array *a)
{
    const struct og_hardware *hw = &a->map.hw;
    const double t_read = hw->device.flicker.t_read, t = a->t + hw->device.drift.t_0;
    const double all = og_log((t + t_read) / (2 * t_read)), width = M_LN10 / 2;
    struct og_flicker *f = a->flicker;
    double white = 0;
    f->n = 0;
    uint32_t number = 1;
    for (double low = 0; low < all; low += width, number++) {
        const double part = fmin(width, all - low);
        const double tau = 2 * t_read * og_exp(low + part / 2) / hw->t_cycle;
        if (tau < 1.0 / 16)
            white += part;
        else
            f->process[f->n++] = make_process(number, tau, part);
    }
    f->white = (float)sqrt(white);
}

// --- reads ---------------------------------------------------------------------------

// At most BLOCK devices of a set, one after the other.
struct block {
    struct og_stream set;
    uint32_t programming;
    uint64_t first;
    size_t n;
    uint64_t tick[OG_CHUNK];  // of each row
    float z[OG_CHUNK][BLOCK];
};

// The intervals that a tick lies in, from its cell to the smallest.
struct path {
    int known;  // levels that are up to date
    uint64_t at[DEPTH + 1];
    float left[DEPTH + 1][BLOCK], right[DEPTH + 1][BLOCK];
};

// Process 0 is what is drawn anew in every read.
static void draw(const struct block *b, uint32_t process, uint32_t level, uint64_t node,
                 float *z)
{
    const uint64_t name = (uint64_t)b->set.key[1] << 32 | b->set.key[0];
    struct og_stream s = og_stream_named(name, OG_FLICKER, process, level, 1);
    const struct og_index at = {(uint32_t)node, (uint32_t)(node >> 32), b->programming};
    og_gauss_fill(&s, at, b->first, z, b->n);
}

// Where the clock of a block stands in the cells of a process.
static uint64_t phase(const struct block *b, const struct process *p)
{
    const uint64_t name = (uint64_t)b->set.key[1] << 32 | b->set.key[0];
    struct og_stream s = og_stream_named(name, OG_FLICKER, p->number, 0, 2);
    const uint64_t word =
        og_random_word(&s, (struct og_index){0, 0, b->programming}, b->first);
    return (word << 30 | word) & (((uint64_t)1 << (p->shift + p->depth)) - 1);
}

// From the interval of level l - 1 to its half `at`.
static void halve(const struct process *p, const struct block *b, int l, uint64_t at,
                  struct path *path)
{
    const float mean = p->mean[l - 1], spread = p->spread[l - 1];
    const float *left = path->left[l - 1], *right = path->right[l - 1];
    float z[BLOCK], middle[BLOCK];
    draw(b, p->number, (uint32_t)l, at >> 1, z);
    for (size_t i = 0; i < b->n; i++)
        middle[i] = mean * (left[i] + right[i]) + spread * z[i];
    memcpy(path->left[l], at & 1 ? middle : left, b->n * sizeof(float));
    memcpy(path->right[l], at & 1 ? right : middle, b->n * sizeof(float));
}

// The process at a tick.
static const float *seek(const struct process *p, const struct block *b, uint64_t tick,
                         struct path *path)
{
    const uint64_t unit = tick >> p->shift;
    int l = 0;
    while (l < path->known && path->at[l] == unit >> (p->depth - l)) l++;
    for (; l <= p->depth; l++) {
        path->at[l] = unit >> (p->depth - l);
        if (l > 0) {
            halve(p, b, l, path->at[l], path);
            continue;
        }
        draw(b, p->number, 0, path->at[0], path->left[0]);
        if (p->depth > 0) draw(b, p->number, 0, path->at[0] + 1, path->right[0]);
    }
    path->known = p->depth + 1;
    return path->left[p->depth];
}

static void add_processes(const struct og_flicker *f, struct block *b, size_t rows)
{
    float white[BLOCK];
    for (size_t r = 0; r < rows; r++) {
        memset(b->z[r], 0, sizeof b->z[r]);
        if (f->white == 0) continue;
        draw(b, 0, 0, b->tick[r], white);
        for (size_t i = 0; i < b->n; i++) b->z[r][i] = f->white * white[i];
    }
    for (int k = 0; k < f->n; k++) {
        const uint64_t from = phase(b, &f->process[k]);
        struct path path;
        path.known = 0;
        for (size_t r = 0; r < rows; r++) {
            const float *x = seek(&f->process[k], b, from + b->tick[r], &path);
            for (size_t i = 0; i < b->n; i++) b->z[r][i] += f->process[k].sd * x[i];
        }
    }
}

static void set_ticks(const struct og_array *a, const struct og_clocked_rows *rows,
                      struct block *b)
{
    const struct og_flicker *f = a->flicker;
    const struct og_read *at = rows->at;
    const bool calibration = og_is_calibration(at->pass);
    for (size_t r = 0; r < rows->n; r++) {
        const size_t row = rows->row0 + r;
        b->tick[r] = at->sample[row / at->positions] * f->sample;
        if (calibration) continue;
        b->tick[r] += f->start + at->pass * f->pass + (uint64_t)at->step * at->positions +
                      row % at->positions;
    }
}

void og_flicker_add(const struct og_array *a, const struct og_unit *u,
                    const struct og_device_set *set, const struct og_clocked_rows *rows)
{
    const struct og_flicker *f = a->flicker;
    const size_t cols = set->cols, end = (u->row0 + u->rows) * cols;
    const float *steps = f->steps + set->first, *q = f->q + set->first;
    // Reads at t_0 are too long ago to tell anything of those at t_inference.
    const bool before = rows->at->pass == og_calibration_pass(0);
    const uint32_t name = (uint32_t)set->number | (before ? 1u << 31 : 0);
    struct block b = {.programming = a->chip.draw};
    b.set =
        og_stream_named(a->chip.seed, OG_FLICKER, a->chip.trial, a->shape.layer, name);
    set_ticks(a, rows, &b);
    for (size_t k = u->row0 * cols; k < end; k += BLOCK) {
        b.first = k;
        b.n = end - k < BLOCK ? end - k : BLOCK;
        add_processes(f, &b, rows->n);
        for (size_t r = 0; r < rows->n; r++)
            for (size_t i = k; i < k + b.n; i++) {
                // As in age.c, conductances do not fall below 0.
                const float z = fmaxf(q[i] * b.z[r][i - k], -1);
                const float drive = rows->drive[r * a->map.rows + i / cols];
                if (z != 0)
                    og_clocked_current(a, set, i, drive * steps[i] * z,
                                       rows->sum + r * a->map.cols);
            }
    }
}
