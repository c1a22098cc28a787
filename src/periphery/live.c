// SPDX-License-Identifier: GPL-3.0-or-later
// Arrays without their lines of zeros: what goes in and out of them, and what there is of
// them. A line that is zero in the whole matrix is taken out and the others move
// together, so that the array is that of the smaller matrix in everything: its tiles, its
// devices' draws, its converters. What is zero only within a tile stays empty.
#include <math.h>
#include <string.h>

#include "periphery/array_impl.h"

const float *og_live_inputs(const struct og_array *a, const float *x, size_t *ldx,
                            size_t n, float *memory)
{
    const struct og_mapping *m = &a->map;
    if (m->rows == m->full_rows) return x;
    for (size_t r = 0; r < n; r++)
        for (size_t i = 0; i < m->rows; i++)
            memory[r * m->rows + i] = x[r * *ldx + m->live_row[i]];
    *ldx = m->rows;
    return memory;
}

void og_live_outputs(const struct og_array *a, const float *acc, float *y)
{
    const struct og_mapping *m = &a->map;
    float scale = og_step_in_y(a) * a->lsb_ref;
    if (m->cols == m->full_cols) {
        for (size_t j = 0; j < m->cols; j++) y[j] = acc[j] * scale;
        return;
    }
    memset(y, 0, m->full_cols * sizeof *y);
    for (size_t j = 0; j < m->cols; j++) y[m->live_col[j]] = acc[j] * scale;
}

static float tile_power(const struct og_array *a, const struct og_unit *u, size_t j,
                        const float *power)
{
    float sum = 0;
    for (size_t i = u->row0; i < u->row0 + u->rows; i++) {
        if (og_row_gone(&a->map, i, j)) continue;
        sum += power[i];
    }
    return sum;
}

static bool tile_has_gone(const struct og_array *a, const struct og_unit *u, size_t j)
{
    for (size_t i = u->row0; i < u->row0 + u->rows; i++)
        if (og_row_gone(&a->map, i, j)) return true;
    return false;
}

void og_tile_variances(const struct og_array *a, const struct og_unit *u,
                       const float *power, size_t n, float *variance)
{
    size_t cols = a->map.cols, width = a->map.tile_cols;
    for (size_t first = 0; first < cols; first += width) {
        size_t end = first + width < cols ? first + width : cols;
        if (!tile_has_gone(a, u, first)) continue;
        for (size_t r = 0; r < n; r++) {
            float sum = tile_power(a, u, first, power + r * a->map.rows);
            for (size_t j = first; j < end; j++)
                variance[r * cols + j] = a->variance * sum;
        }
    }
}

// --- counting -------------------------------------------------------------------------

static struct og_array_count dense_count(const struct og_array *a)
{
    const struct og_mapping *m = &a->map;
    size_t sets = (size_t)(m->slices * a->copies * og_mapping_sides(m));
    size_t rows = (m->full_rows + m->array_rows - 1) / m->array_rows;
    size_t cols = (m->full_cols + m->tile_cols - 1) / m->tile_cols;
    return (struct og_array_count){
        .lines_in = m->full_rows,
        .lines_out = m->full_cols,
        .row_tiles = rows,
        .col_tiles = cols,
        .row_groups = (size_t)a->groups_allocated,
        .tiles = rows * cols,
        .room = rows * cols * m->array_rows * m->tile_cols * sets,
        .devices = m->full_rows * m->full_cols * sets,
        .conversions = m->full_cols * (size_t)(a->units_allocated * og_passes(a)),
    };
}

struct og_part og_group_part(const struct og_array *a, size_t group, size_t tile)
{
    const struct og_mapping *m = &a->map;
    const struct og_unit *u = &a->unit[group * (size_t)(m->slices * a->sides)];
    size_t first = tile * m->tile_cols, end = first + m->tile_cols;
    struct og_part part = {0, 0};
    for (size_t i = u->row0; i < u->row0 + u->rows; i++)
        part.rows += !og_row_gone(m, i, first);
    for (size_t j = first; j < m->cols && j < end; j++)
        part.cols += !og_col_gone(m, group, j);
    return part;
}

static struct og_array_count live_count(const struct og_array *a)
{
    const struct og_mapping *m = &a->map;
    size_t sets = (size_t)(m->slices * a->copies * og_mapping_sides(m));
    size_t units = (size_t)(m->slices * a->sides * og_passes(a));
    size_t tall = m->rows < m->tile_rows ? m->rows : m->tile_rows;
    size_t joined = (tall + m->array_rows - 1) / m->array_rows;  // in analog
    struct og_array_count count = {
        .lines_in = m->rows,
        .lines_out = m->cols,
        .row_tiles = (m->rows + m->array_rows - 1) / m->array_rows,
        .col_tiles = m->col_tiles,
        .row_groups = (size_t)a->groups,
    };
    for (size_t t = 0; t < m->col_tiles; t++) {
        size_t last = SIZE_MAX;
        for (size_t g = 0; g < m->groups; g++) {
            struct og_part part = og_group_part(a, g, t);
            size_t tile = og_group_tile(m, g);
            if (part.cols == 0) continue;
            if (tile != last) count.tiles += joined;
            last = tile;
            count.devices += part.rows * part.cols * sets;
            count.conversions += part.cols * units;
        }
    }
    count.room = count.tiles * m->array_rows * m->tile_cols * sets;
    return count;
}

struct og_array_info og_array_info(const og_array *a)
{
    float lsb = INFINITY;
    for (int k = 0; k < a->units; k++) lsb = fminf(lsb, a->unit[k].lsb);
    bool ideal = !(a->limit > 0) || a->units == 0;
    struct og_array_count used = live_count(a);
    return (struct og_array_info){
        .rows = a->map.full_rows,
        .cols = a->map.full_cols,
        .slices = (size_t)a->map.slices,
        .w_max = a->map.w_ref,
        .lsb = ideal ? 0 : (double)lsb * og_step_in_y(a),
        .conversions = used.conversions,
        .compensation = og_compensation_mean(a),
        .used = used,
        .dense = dense_count(a),
    };
}
