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

static void count_device(const struct og_device *d, struct sums *s, float error,
                         const struct og_write_count *count)
{
    const double relative = (double)error / (d->g_max - d->g_min);
    s->info->devices++;
    s->error += relative;
    s->square += relative * relative;
    if (d->write.mode == OG_WRITE_DIRECT) return;
    s->accepted += count->accepted;
    s->tile_pulses += count->pulses;
    s->tile_devices++;
    if (count->pulses > s->info->most) s->info->most = count->pulses;
    s->info->error[error_bin(d, error)]++;
    s->info->pulse[count->pulses / s->info->pulse_bin]++;
}

static void add_run(const struct og_array *a, const struct run *r, struct sums *s)
{
    const struct og_mapping *m = &a->map;
    const size_t first = r->row * m->cols + r->col;
    const struct og_cells cells = og_cells_of(a, r->copy, r->slice, r->side);
    const uint8_t *off = m->off == NULL ? NULL : m->off + first;
    struct og_write_count count[OG_CELL_CHUNK];
    float q[OG_CELL_CHUNK], t[OG_CELL_CHUNK], error[OG_CELL_CHUNK];
    og_mapping_slice(m, r->slice, first, r->n, q);
    const struct og_device_run run = {r->copy, r->slice, r->side, first, r->n};
    og_device_targets(a, &run, q, t);
    const struct og_cell_io io = {.first = first,
                                  .n = r->n,
                                  .target = t,
                                  .off = off,
                                  .error = error,
                                  .count = count};
    og_cells_program(&cells, &io);
    for (size_t k = 0; k < r->n; k++)
        if (!(off != NULL && off[k]) && !og_missing(m, r->row, r->col + k))
            count_device(&m->hw.device, s, error[k], &count[k]);
}

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

static void add_tile(const struct og_array *a, size_t row0, size_t col0, struct sums *s)
{
    const struct og_mapping *m = &a->map;
    const size_t row1 = smaller(row0 + m->array_rows, m->rows),
                 col1 = smaller(col0 + m->tile_cols, m->cols);
    struct run r = {.copy = 0};
    s->tile_pulses = s->tile_devices = 0;
    for (; r.copy < a->copies; r.copy++)
        for (r.slice = 0; r.slice < m->slices; r.slice++)
            for (r.side = 0; r.side < og_mapping_sides(m); r.side++)
                for (r.row = row0; r.row < row1; r.row++)
                    for (r.col = col0; r.col < col1; r.col += r.n) {
                        r.n = smaller(col1 - r.col, OG_CELL_CHUNK);
                        add_run(a, &r, s);
                    }
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
