// SPDX-License-Identifier: GPL-3.0-or-later
#include "periphery/faults.h"

#include <string.h>

#include "base/mem.h"
#include "crossbar/assign.h"
#include "crossbar/circuit.h"

size_t og_fault_sets(const struct og_array *a)
{
    return (size_t)(a->copies * a->map.slices * og_mapping_sides(&a->map));
}

size_t og_fault_set(const struct og_array *a, int copy, int slice, int side)
{
    return (size_t)((copy * a->map.slices + slice) * og_mapping_sides(&a->map) + side);
}

size_t og_faults_width(const struct og_array *a, size_t cols)
{
    const size_t tiles = (cols + a->map.tile_cols - 1) / a->map.tile_cols;
    return cols + tiles * (size_t)a->map.hw.tile.spare_columns;
}

// --- life ----------------------------------------------------------------------------

static bool is_placed(const struct og_array *a)
{
    return a->map.hw.mapping.remap != 0 || a->map.hw.tile.spare_columns > 0;
}

// Of the whole matrix: lines come and go.
static bool alloc_kept(const struct og_array *a, struct og_faults *f)
{
    const struct og_mapping *m = &a->map;
    const size_t row_tiles = (m->full_rows + m->tile_rows - 1) / m->tile_rows;
    const size_t col_tiles = (m->full_cols + m->tile_cols - 1) / m->tile_cols;
    f->kept_row = og_alloc(col_tiles * m->full_rows, sizeof *f->kept_row);
    f->kept_col = og_alloc(row_tiles * m->full_cols, sizeof *f->kept_col);
    f->kept_flip = og_alloc(row_tiles * m->full_cols, 1);
    return f->kept_row && f->kept_col && f->kept_flip;
}

static bool alloc_places(const struct og_array *a, struct og_faults *f)
{
    const size_t n = og_fewer(a->map.tile_cols, a->map.full_cols);
    const size_t m = n + (size_t)a->map.hw.tile.spare_columns;
    const size_t k = og_fewer(a->map.tile_rows, a->map.full_rows);
    const size_t most = n * m > k * k ? n * m : k * k, lines = m > k ? m : k;
    f->cost = og_alloc(most, sizeof *f->cost);
    f->row = og_alloc(k, sizeof *f->row);
    f->line = og_alloc(k, sizeof *f->line);
    f->col = og_alloc(n, sizeof *f->col);
    f->flip = og_alloc(n, 1);
    f->to = og_alloc(lines, sizeof *f->to);
    f->work = og_alloc(og_assign_bytes(lines, lines), 1);
    return f->cost && f->row && f->line && f->col && f->flip && f->to && f->work;
}

static og_status alloc(struct og_array *a, struct og_error *err)
{
    const size_t rows = a->map.full_rows, cols = a->map.full_cols,
                 sets = og_fault_sets(a);
    struct og_faults *f = a->faults = og_alloc(1, sizeof *f);
    bool ok = f != NULL;
    if (ok) f->width = og_faults_width(a, cols);
    if (ok) ok = (f->physical = og_alloc(sets * rows, f->width)) != NULL;
    if (ok) ok = (f->logical = og_alloc(sets * rows, cols)) != NULL;
    if (ok) ok = (f->any = og_alloc(rows, f->width)) != NULL;
    if (ok && is_placed(a)) ok = alloc_places(a, f);
    if (ok && is_placed(a) && og_wiring_is_on(&a->map.hw.wires)) ok = alloc_kept(a, f);
    return ok ? OG_OK : og_fail(err, OG_NO_MEMORY, "out of memory for a fault map");
}

og_status og_faults_alloc(struct og_array *a, struct og_error *err)
{
    return og_cells_fail(&a->map.hw.device) ? alloc(a, err) : OG_OK;
}

void og_faults_free(struct og_faults *f)
{
    if (f == NULL) return;
    og_free(f->map);
    og_free(f->physical);
    og_free(f->logical);
    og_free(f->any);
    og_free(f->cost);
    og_free(f->row);
    og_free(f->line);
    og_free(f->col);
    og_free(f->flip);
    og_free(f->to);
    og_free(f->work);
    og_free(f->kept_row);
    og_free(f->kept_col);
    og_free(f->kept_flip);
    og_free(f);
}

void og_faults_places(const struct og_array *a, size_t row0, size_t col0,
                      const uint32_t **row, const uint32_t **col, const uint8_t **flip)
{
    const struct og_faults *f = a->faults;
    const struct og_mapping *m = &a->map;
    if (f == NULL || f->kept_row == NULL) return;
    *row = f->kept_row + col0 / m->tile_cols * m->rows + row0;
    *col = f->kept_col + row0 / m->tile_rows * m->cols + col0;
    *flip = f->kept_flip + row0 / m->tile_rows * m->cols + col0;
}

// --- import and export ---------------------------------------------------------------

static og_status check_codes(const struct og_array *a, const int8_t *code, size_t n,
                             struct og_error *err)
{
    for (size_t k = 0; k < n; k++) {
        if (code[k] < 0 || code[k] >= OG_FAULT_CODES)
            return og_fail(err, OG_INPUT,
                           "a fault map holds the code %d; 0 to %d are known", code[k],
                           OG_FAULT_CODES - 1);
        if (code[k] == OG_SHORT && a->map.hw.device.faults.g_short == 0)
            return og_fail(err, OG_INPUT,
                           "a fault map has short devices (code %d): "
                           "hardware.device.faults.g_short is needed",
                           OG_SHORT);
    }
    return OG_OK;
}

og_status og_array_set_faults(og_array *a, const int8_t *code, const size_t dim[3],
                              struct og_error *err)
{
    const struct og_fault_shape s = og_array_fault_shape(a);
    const size_t n = s.dim[0] * s.dim[1] * s.dim[2];
    if (memcmp(dim, s.dim, sizeof s.dim) != 0)
        return og_fail(err, OG_INPUT,
                       "a fault map has %zu x %zu x %zu codes; the array has %zu sets of "
                       "devices (copies x slices x sides), %zu word lines and %zu bit "
                       "lines (with spare ones)",
                       dim[0], dim[1], dim[2], s.dim[0], s.dim[1], s.dim[2]);
    OG_TRY(check_codes(a, code, n, err));
    if (a->faults == NULL) OG_TRY(alloc(a, err));
    if (a->faults->map == NULL) a->faults->map = og_alloc(n, 1);
    if (a->faults->map == NULL)
        return og_fail(err, OG_NO_MEMORY, "out of memory for a fault map");
    memcpy(a->faults->map, code, n);
    return OG_OK;
}

struct og_fault_shape og_array_fault_shape(const og_array *a)
{
    return (struct og_fault_shape){
        {og_fault_sets(a), a->map.full_rows, og_faults_width(a, a->map.full_cols)}};
}

// Physical column p of a column tile in lists of all tiles, and in the map.
static size_t place_of(const struct og_array *a, size_t tile, size_t p)
{
    return tile * (a->map.tile_cols + (size_t)a->map.hw.tile.spare_columns) + p;
}

void og_array_faults(const og_array *a, int8_t *code)
{
    const struct og_fault_shape s = og_array_fault_shape(a);
    const struct og_faults *f = a->faults;
    memset(code, 0, s.dim[0] * s.dim[1] * s.dim[2]);
    for (size_t set = 0; f != NULL && set < s.dim[0]; set++)
        for (size_t i = 0; i < a->map.rows; i++)
            memcpy(code + (set * s.dim[1] + i) * s.dim[2],
                   f->physical + (set * a->map.rows + i) * f->width, f->width);
}

// --- faults of a chip ----------------------------------------------------------------

static void draw(const struct og_cells *cells, uint64_t first, size_t n, uint8_t *to)
{
    for (size_t k = 0; k < n; k += OG_CELL_CHUNK)
        og_cells_faults(cells, first + k, og_fewer(n - k, OG_CELL_CHUNK), to + k);
}

// Devices that every array has keep their numbers whatever is spare.
static void draw_set(const struct og_array *a, const struct og_cells *cells, uint8_t *to)
{
    const struct og_mapping *m = &a->map;
    const size_t spares = (size_t)m->hw.tile.spare_columns, width = a->faults->width;
    for (size_t i = 0; i < m->rows; i++)
        for (size_t t = 0; t < m->col_tiles; t++) {
            const size_t first = t * m->tile_cols,
                         n = og_fewer(m->tile_cols, m->cols - first);
            uint8_t *row = to + i * width + place_of(a, t, 0);
            draw(cells, i * m->cols + first, n, row);
            const size_t extra = m->rows * m->cols + (t * m->rows + i) * spares;
            draw(cells, extra, spares, row + n);
        }
}

static void import_set(const struct og_array *a, size_t set, uint8_t *to)
{
    const struct og_faults *f = a->faults;
    const size_t width = og_faults_width(a, a->map.full_cols);
    for (size_t i = 0; i < a->map.rows; i++)
        memcpy(to + i * f->width, f->map + (set * a->map.full_rows + i) * width,
               f->width);
}

void og_faults_find(struct og_array *a)
{
    struct og_faults *f = a->faults;
    f->width = og_faults_width(a, a->map.cols);
    const size_t cells = a->map.rows * f->width;
    memset(f->any, 0, cells);
    for (int copy = 0; copy < a->copies; copy++)
        for (int slice = 0; slice < a->map.slices; slice++)
            for (int side = 0; side < og_mapping_sides(&a->map); side++) {
                const size_t set = og_fault_set(a, copy, slice, side);
                const struct og_cells cells_of = og_cells_of(a, copy, slice, side);
                uint8_t *to = f->physical + set * cells;
                if (f->map != NULL)
                    import_set(a, set, to);
                else
                    draw_set(a, &cells_of, to);
                for (size_t k = 0; k < cells; k++) f->any[k] |= to[k];
            }
}

// --- tiles ---------------------------------------------------------------------------

struct og_fault_tile og_fault_tile_at(const struct og_array *a, size_t row0, size_t col0)
{
    const struct og_mapping *m = &a->map;
    const struct og_device *d = &m->hw.device;
    struct og_fault_tile s = {.a = a,
                              .f = a->faults,
                              .row0 = row0,
                              .rows = og_fewer(m->tile_rows, m->rows - row0),
                              .col0 = col0,
                              .cols = og_fewer(m->tile_cols, m->cols - col0),
                              .first = place_of(a, col0 / m->tile_cols, 0)};
    s.places = s.cols + (size_t)m->hw.tile.spare_columns;
    for (int k = 0; k < OG_FAULT_CODES; k++)
        s.stuck[k] = (float)((og_fault_conductance(d, (enum og_fault)k) - d->g_min) /
                             (d->g_max - d->g_min));
    return s;
}

float og_taken_on(float t, float other, float stuck)
{
    const float wanted = t + stuck - other;
    return wanted < 0 ? 0 : wanted > 1 ? 1 : wanted;
}

// --- as weights meet them ------------------------------------------------------------

static const uint8_t *logical(const struct og_array *a, int copy, int slice, int side)
{
    if (a->faults == NULL) return NULL;
    return a->faults->logical +
           og_fault_set(a, copy, slice, side) * a->map.rows * a->map.cols;
}

struct og_cells og_cells_of(const struct og_array *a, int copy, int slice, int side)
{
    const uint32_t set = (uint32_t)((copy * a->map.slices + slice) * 2 + side);
    return (struct og_cells){
        .device = &a->map.hw.device,
        .chip = a->chip,
        .layer = a->shape.layer,
        .set = set,
        .t = a->t,
        .reads = a->reads,
        .fault = logical(a, copy, slice, side),
    };
}

bool og_device_targets(const struct og_array *a, const struct og_device_run *r,
                       const float *q, float *t)
{
    const struct og_mapping *m = &a->map;
    bool moved = false;
    og_mapping_target(m, r->side, q, t, r->n);
    if (a->faults == NULL || (m->hw.mapping.remap & OG_REMAP_PARTNERS) == 0) return false;
    const uint8_t *own = logical(a, r->copy, r->slice, r->side) + r->first;
    const uint8_t *other = logical(a, r->copy, r->slice, 1 - r->side) + r->first;
    const struct og_fault_tile s = og_fault_tile_at(a, 0, 0);
    for (size_t k = 0; k < r->n; k++) {
        if (other[k] == OG_HEALTHY || own[k] != OG_HEALTHY) continue;
        if (m->off != NULL && m->off[r->first + k]) continue;
        float partner;
        og_mapping_target(m, 1 - r->side, q + k, &partner, 1);
        t[k] = og_taken_on(t[k], partner, s.stuck[other[k]]);
        moved = true;
    }
    return moved;
}
