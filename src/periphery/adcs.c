// SPDX-License-Identifier: GPL-3.0-or-later
// Columns of a tile in their order on the chip: output after output, of each its slices,
// of each its sides. As many that follow each other as tile.columns_per_adc says share a
// converter, with its errors; so do all groups of rows of a tile, and all passes.
#include "periphery/adcs.h"

#include <math.h>

enum { CONSTANTS = 6 };

static size_t per_tile(const struct og_array *a)
{
    size_t columns = a->map.tile_cols * (size_t)(a->map.slices * a->sides);
    size_t each = (size_t)a->map.hw.tile.columns_per_adc;
    return (columns + each - 1) / each;
}

// Number, among those of its row of tiles, of the converter of a column.
static size_t adc_of(const struct og_array *a, const struct og_unit *u, size_t j)
{
    size_t slices = (size_t)a->map.slices, sides = (size_t)a->sides;
    size_t output = j % a->map.tile_cols;
    size_t place = (output * slices + (size_t)u->slice) * sides + (size_t)u->side;
    return j / a->map.tile_cols * per_tile(a) +
           place / (size_t)a->map.hw.tile.columns_per_adc;
}

// Beside the spread of gains and offsets, in convert.c.
enum { OF_CIRCUITS = 2, OF_SLOPES };

static void draw(const struct og_array *a, uint32_t what, size_t row_tile, size_t number,
                 float *z, size_t n)
{
    struct og_stream s = og_stream_named(a->chip.seed, OG_CONVERTER, a->chip.trial,
                                         a->shape.layer, (uint32_t)row_tile);
    og_gauss_fill(&s, (struct og_index){a->chip.draw, what, (uint32_t)number}, 0, z, n);
}

static void make_adc(const struct og_array *a, size_t row_tile, size_t number,
                     struct og_adc_circuit *c)
{
    float z[OG_ADC_DRAWS];
    draw(a, OF_CIRCUITS, row_tile, number, z, OG_ADC_DRAWS);
    og_adc_make(&a->map.hw, z, c);
}

// --- slopes --------------------------------------------------------------------------

static size_t levels_of(const struct og_array *a, size_t row_tile, size_t col_tile)
{
    return (row_tile * a->map.col_tiles + col_tile) << a->map.hw.adc.bits;
}

static float comparator_of(const struct og_array *a, size_t row_tile, size_t number)
{
    float z;
    draw(a, OF_CIRCUITS, row_tile, number, &z, 1);
    return (float)a->map.hw.adc.circuit.comparator * z;
}

void og_adcs_program(const struct og_array *a)
{
    for (size_t t = 0; a->levels != NULL && t < a->map.row_tiles; t++)
        for (size_t k = 0; k < a->map.col_tiles; k++) {
            float *level = a->levels + levels_of(a, t, k);
            draw(a, OF_SLOPES, t, k, level, (size_t)1 << a->map.hw.adc.bits);
            og_adc_make_slope(&a->map.hw, level);
        }
}

static void set_slopes(const struct og_array *a, const struct og_unit *u)
{
    size_t row_tile = u->row0 / a->map.tile_rows, cols = a->map.cols;
    for (size_t lane = 0; lane < a->run; lane++) {
        size_t j = lane % cols;
        u->table[lane] = (int32_t)levels_of(a, row_tile, j / a->map.tile_cols);
        u->steps[lane] =
            lane < cols ? comparator_of(a, row_tile, adc_of(a, u, j)) : u->steps[j];
    }
}

// --- circuits ------------------------------------------------------------------------

size_t og_adcs_room(const struct og_hardware *hw, size_t cols)
{
    if (hw->adc.kind == OG_ADC_SINGLE_SLOPE) return OG_LANES + cols;
    return CONSTANTS * (size_t)hw->adc.bits * (OG_LANES + cols);
}

static void put_lane(const struct og_array *a, const struct og_adc_circuit *c, float *to)
{
    for (int k = 0; k < c->steps; k++) {
        const struct og_adc_step *s = &c->step[k];
        const float value[CONSTANTS] = {s->lo,       s->hi,       s->gain,
                                        s->shift[0], s->shift[1], s->shift[2]};
        for (int v = 0; v < CONSTANTS; v++, to += a->run) *to = value[v];
    }
}

void og_adcs_set(const struct og_array *a, struct og_unit *u)
{
    size_t cols = a->map.cols, arrays = CONSTANTS * (size_t)a->map.hw.adc.bits;
    size_t last = SIZE_MAX;
    if (a->levels != NULL) {
        set_slopes(a, u);
        return;
    }
    struct og_adc_circuit c = {.steps = 0};
    for (size_t j = 0; j < cols; j++) {
        size_t number = adc_of(a, u, j);
        if (number != last) make_adc(a, u->row0 / a->map.tile_rows, number, &c);
        last = number;
        put_lane(a, &c, u->steps + j);
    }
    for (size_t k = 0; k < arrays; k++)
        for (size_t lane = cols; lane < a->run; lane++)
            u->steps[k * a->run + lane] = u->steps[k * a->run + lane - cols];
}

struct og_steps og_adcs_steps(const struct og_array *a, const struct og_unit *u)
{
    const struct og_hardware *hw = &a->map.hw;
    bool mid_rise = hw->adc.rounding == OG_MID_RISE;
    float words = (float)(1 << (hw->adc.bits - 1));  // to the reference
    struct og_steps s = {
        .n = hw->adc.bits,
        .stride = a->run,
        .constants = u->steps,
        .per_lsb = 1 / words,
        .half = mid_rise ? 0 : 0.5f,
        .first = -words + (mid_rise ? 0.5f : 0),
        .lowest = -words + (mid_rise ? 0.5f : 1),
    };
    if (a->levels != NULL) {
        s.levels = a->levels;
        s.table = u->table;
        s.offset = u->steps;
    }
    for (int k = 0; k < s.n; k++) s.weight[k] = (float)og_adc_weight(hw, k);
    return s;
}

// --- figures -------------------------------------------------------------------------

// Whether any column of the converter is left.
static bool is_used(const struct og_array *a, size_t row_tile, size_t number)
{
    const struct og_mapping *m = &a->map;
    size_t of_output = (size_t)(m->slices * a->sides);
    size_t each = (size_t)m->hw.tile.columns_per_adc, place = number % per_tile(a) * each;
    size_t groups = (m->tile_rows + m->active - 1) / m->active;
    for (size_t end = place + each; place < end; place++) {
        size_t output = place / of_output;
        size_t j = number / per_tile(a) * m->tile_cols + output;
        if (output >= m->tile_cols || j >= m->cols) return false;
        for (size_t g = row_tile * groups; g < (row_tile + 1) * groups; g++)
            if (g < m->groups && !og_col_gone(m, g, j)) return true;
    }
    return false;
}

static struct og_adc_figures figures_of(const struct og_array *a, size_t row_tile,
                                        size_t number)
{
    const struct og_hardware *hw = &a->map.hw;
    struct og_adc_circuit c;
    if (a->levels != NULL)
        return og_adc_measure_slope(
            hw, a->levels + levels_of(a, row_tile, number / per_tile(a)),
            (double)comparator_of(a, row_tile, number), hw->adc.noise, a->width);
    if (og_adcs_are_circuits(a))
        make_adc(a, row_tile, number, &c);
    else
        og_adc_make(hw, NULL, &c);
    return og_adc_measure(hw, &c, hw->adc.noise, a->width);
}

static void take_worst(struct og_adc_info *info, const struct og_adc_figures *f)
{
    info->inl = fmax(info->inl, f->inl);
    info->dnl = fmax(info->dnl, f->dnl);
    info->enob = fmin(info->enob, f->enob);
}

struct og_adc_info og_array_adc_info(const og_array *a)
{
    const struct og_hardware *hw = &a->map.hw;
    struct og_adc_info info = {.enob = INFINITY};
    if (a->width == NULL || a->units == 0) return info;
    bool alike = hw->adc.circuit.capacitor == 0 && hw->adc.circuit.comparator == 0;
    for (size_t t = 0; t < a->map.row_tiles; t++)
        for (size_t k = 0; k < a->map.col_tiles * per_tile(a); k++) {
            if (!is_used(a, t, k)) continue;
            info.adcs++;
            if (alike && info.adcs > 1) continue;
            struct og_adc_figures f = figures_of(a, t, k);
            take_worst(&info, &f);
        }
    return info;
}
