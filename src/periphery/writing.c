// SPDX-License-Identifier: GPL-3.0-or-later
// What writing an array took, tile by tile. Programming is deterministic: done once more,
// it takes the same pulses and leaves the same errors.
#include <math.h>

#include "ohmgrid/cost.h"
#include "periphery/array_impl.h"

// A run of devices in one word line of one tile.
struct run {
    int copy, slice, side;
    size_t row, col, n;
};

// So many word lines of one side of one slice in a tile; its first run (n is not set).
struct plane {
    struct run first;
    size_t rows, cols, per_row;  // runs per word line
};

struct sums {
    struct og_program_info *info;
    double error, square;
    uint64_t accepted, tile_pulses, tile_devices;
};

static size_t error_bin(const struct og_device *d, double error)
{
    const double part = error / (d->write.acceptance * (d->g_max - d->g_min));
    if (!(part >= -5)) return 0;
    if (part >= 5) return OG_ERROR_BINS - 1;
    return 1 + (size_t)((part + 5) * 10);
}

static void count_pulses(const struct og_device *d, struct sums *s, float error,
                         const struct og_write_count *count)
{
    s->accepted += count->accepted;
    s->tile_pulses += count->pulses;
    s->tile_devices++;
    if (count->pulses > s->info->most) s->info->most = count->pulses;
    s->info->error[error_bin(d, error)]++;
    s->info->pulse[count->pulses / s->info->pulse_bin]++;
}

static size_t first_of(const struct og_array *a, const struct run *r)
{
    return r->row * a->map.cols + r->col;
}

static void write_run(const struct og_array *a, const struct run *r, float *error,
                      struct og_write_count *count)
{
    const struct og_mapping *m = &a->map;
    const size_t first = first_of(a, r);
    const struct og_cells cells = og_cells_of(a, r->copy, r->slice, r->side);
    float q[OG_CELL_CHUNK], t[OG_CELL_CHUNK];
    og_mapping_slice(m, r->slice, first, r->n, q);
    const struct og_device_run run = {r->copy, r->slice, r->side, first, r->n};
    og_device_targets(a, &run, q, t);
    const struct og_cell_io io = {.first = first,
                                  .n = r->n,
                                  .target = t,
                                  .off = m->off == NULL ? NULL : m->off + first,
                                  .error = error,
                                  .count = count};
    og_cells_program(&cells, &io);
}

static void add_run(const struct og_array *a, const struct run *r, const float *error,
                    const struct og_write_count *count, struct sums *s)
{
    const struct og_mapping *m = &a->map;
    const struct og_device *d = &m->hw.device;
    const uint8_t *off = m->off == NULL ? NULL : m->off + first_of(a, r);
    const bool pulses = d->write.mode != OG_WRITE_DIRECT;
    double sum = s->error, square = s->square;
    uint64_t devices = 0;
    for (size_t k = 0; k < r->n; k++) {
        if ((off != NULL && off[k]) || og_missing(m, r->row, r->col + k)) continue;
        const double relative = (double)error[k] / (d->g_max - d->g_min);
        sum += relative;
        square += relative * relative;
        devices++;
        if (pulses) count_pulses(d, s, error[k], &count[k]);
    }
    s->error = sum;
    s->square = square;
    s->info->devices += devices;
}

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

static struct run run_of(const struct plane *p, size_t i)
{
    struct run r = p->first;
    r.row += i / p->per_row;
    r.col += i % p->per_row * OG_CELL_CHUNK;
    r.n = smaller(p->first.col + p->cols - r.col, OG_CELL_CHUNK);
    return r;
}

// Written by all threads, some runs at a time, and added up in their order.
static void add_plane(const struct og_array *a, const struct plane *p, struct sums *s)
{
    enum { ROOM = 16 * OG_CELL_CHUNK };
    struct og_write_count count[ROOM];
    float error[ROOM];
    const size_t width = smaller(p->cols, OG_CELL_CHUNK), most = ROOM / width;
    const size_t runs = p->rows * p->per_row;
    for (size_t first = 0, n; first < runs; first += n) {
        n = smaller(runs - first, most);
#pragma omp parallel for schedule(static) default(none)                                  \
    shared(a, p, first, n, width, error, count) if (n * width > 8 * OG_CELL_CHUNK)
        for (size_t k = 0; k < n; k++) {
            const struct run r = run_of(p, first + k);
            write_run(a, &r, error + k * width, count + k * width);
        }
        for (size_t k = 0; k < n; k++) {
            const struct run r = run_of(p, first + k);
            add_run(a, &r, error + k * width, count + k * width, s);
        }
    }
}

static void add_tile(const struct og_array *a, size_t row0, size_t col0, struct sums *s)
{
    const struct og_mapping *m = &a->map;
    struct plane p = {.first = {.row = row0, .col = col0},
                      .rows = smaller(m->array_rows, m->rows - row0),
                      .cols = smaller(m->tile_cols, m->cols - col0)};
    p.per_row = (p.cols + OG_CELL_CHUNK - 1) / OG_CELL_CHUNK;
    s->tile_pulses = s->tile_devices = 0;
    for (p.first.copy = 0; p.first.copy < a->copies; p.first.copy++)
        for (p.first.slice = 0; p.first.slice < m->slices; p.first.slice++)
            for (p.first.side = 0; p.first.side < og_mapping_sides(m); p.first.side++)
                add_plane(a, &p, s);
    struct og_program_info *info = s->info;
    info->all_pulses += (double)s->tile_pulses;
    if ((double)(s->tile_pulses + s->tile_devices) <=
        info->tile_pulses + info->tile_devices)
        return;
    info->tile_pulses = (double)s->tile_pulses;
    info->tile_devices = (double)s->tile_devices;
}

bool og_array_is_verified(const og_array *a)
{
    return a->map.hw.device.write.mode == OG_WRITE_VERIFIED;
}

struct og_program_info og_array_program_info(const og_array *a)
{
    const struct og_mapping *m = &a->map;
    const struct og_device *d = &m->hw.device;
    struct og_program_info info = {.verified = og_array_is_verified(a)};
    if (info.verified) info.acceptance = d->write.acceptance;
    if (info.verified) info.pulse_bin = d->write.pulses / OG_PULSE_BINS + 1;
    struct sums s = {.info = &info};
    for (size_t row = 0; row < m->rows; row += m->array_rows)
        for (size_t col = 0; col < m->cols; col += m->tile_cols)
            add_tile(a, row, col, &s);
    if (info.devices == 0) return info;
    const double n = (double)info.devices;
    info.error_mean = s.error / n;
    info.error_rms = sqrt(s.square / n);
    info.pulses = info.all_pulses / n;
    info.accepted = (double)s.accepted / n;
    return info;
}

struct og_program_cost og_program_cost(const struct og_program_info *info,
                                       const struct og_technology *t)
{
    const double reads = info->all_pulses + (double)info->devices,
                 tile_reads = info->tile_pulses + info->tile_devices;
    return (struct og_program_cost){
        .energy = info->all_pulses * t->write.energy + reads * t->write.verify_energy,
        .time = info->tile_pulses * t->write.time + tile_reads * t->write.verify_time};
}
