// SPDX-License-Identifier: GPL-3.0-or-later
// Devices whose noise goes on from read to read (rtn.c, flicker.c): where each of them
// is, those of reference columns included.
#include "periphery/array_impl.h"

static size_t weight_sets(const struct og_array *a)
{
    return (size_t)(a->map.slices * a->copies * og_mapping_sides(&a->map));
}

size_t og_device_sets(const struct og_array *a)
{
    return weight_sets(a) + (a->ref == NULL ? 0 : (size_t)(a->map.slices * a->copies));
}

struct og_device_set og_device_set(const struct og_array *a, size_t number)
{
    const struct og_mapping *m = &a->map;
    const size_t weights = weight_sets(a);
    struct og_device_set set = {.number = number, .reference = number >= weights};
    set.cols = set.reference ? m->col_tiles : m->cols;
    set.first = (set.reference ? weights : number) * m->rows * m->cols;
    if (set.reference) set.first += (number - weights) * m->rows * m->col_tiles;
    return set;
}

struct og_device_set og_weight_set(const struct og_array *a, int copy, int slice,
                                   int side)
{
    const int sides = og_mapping_sides(&a->map);
    return og_device_set(a, (size_t)((copy * a->map.slices + slice) * sides + side));
}

struct og_device_set og_reference_set(const struct og_array *a, int copy, int slice)
{
    return og_device_set(a, weight_sets(a) + (size_t)(copy * a->map.slices + slice));
}

size_t og_devices(const struct og_array *a)
{
    const struct og_device_set end = og_device_set(a, og_device_sets(a));
    return end.first;
}

bool og_clocked(const struct og_array *a) { return a->rtn != NULL || a->flicker != NULL; }

// In which order the devices of reference columns are programmed.
static size_t place(const struct og_array *a, const struct og_device_set *set, size_t k)
{
    if (!set->reference) return k;
    return k % a->map.rows * set->cols + k / a->map.rows;
}

void og_clocked_take(const struct og_array *a, const struct og_device_set *set,
                     const struct og_cells *cells, float gain,
                     const struct og_cell_io *io)
{
    const struct og_device *d = &a->map.hw.device;
    const float worth = gain / (float)(d->g_max - d->g_min) / (float)a->copies;
    float amplitude[OG_CELL_CHUNK];
    if (a->rtn != NULL) og_rtn_take(a, cells, gain, io, amplitude);
    for (size_t k = 0; k < io->n; k++) {
        const size_t to = set->first + place(a, set, io->first + k);
        if (a->rtn != NULL) og_rtn_amplitudes(a)[to] = amplitude[k];
        if (a->flicker == NULL) continue;
        og_flicker_steps(a)[to] = worth * io->g[k];
        og_flicker_q(a)[to] = io->flicker[k];
    }
}

void og_clocked_scale(const struct og_array *a, size_t k, float share)
{
    if (a->rtn != NULL) og_rtn_amplitudes(a)[k] *= share;
    if (a->flicker != NULL) og_flicker_steps(a)[k] *= share;
}

void og_clocked_current(const struct og_array *a, const struct og_device_set *set,
                        size_t k, float value, float *sum)
{
    const struct og_mapping *m = &a->map;
    const size_t j = k % set->cols;
    if (!set->reference) {
        sum[j] += value;
        return;
    }
    for (size_t c = j * m->tile_cols; c < m->cols && c < (j + 1) * m->tile_cols; c++)
        sum[c] -= value;
}

static void add_set(const struct og_array *a, const struct og_unit *u,
                    struct og_device_set set, const struct og_clocked_rows *rows)
{
    if (a->rtn != NULL) og_rtn_add(a, u, &set, rows);
    if (a->flicker != NULL) og_flicker_add(a, u, &set, rows);
}

void og_clocked_add(const struct og_array *a, const struct og_unit *u,
                    const struct og_clocked_rows *rows)
{
    for (int copy = 0; copy < a->copies; copy++) {
        for (int side = 0; side < og_mapping_sides(&a->map); side++) {
            if (a->sides == 2 && side != u->side) continue;
            add_set(a, u, og_weight_set(a, copy, u->slice, side), rows);
        }
        if (a->ref != NULL) add_set(a, u, og_reference_set(a, copy, u->slice), rows);
    }
}
