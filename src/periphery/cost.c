// SPDX-License-Identifier: GPL-3.0-or-later
#include "ohmgrid/cost.h"

#include <math.h>

#include "base/elementary.h"
#include "periphery/ramps.h"

const char *og_cost_part_name(enum og_cost_part part)
{
    static const char *const names[OG_COST_PARTS] = {
        "array", "driver", "dac",          "sample",        "subtract",
        "adc",   "add",    "input_buffer", "output_buffer",
    };
    return names[part];
}

// --- counting ------------------------------------------------------------------------

// The matrix as the tiles see it: what is left of it, or all.
struct view {
    const struct og_array *a;
    bool dense;
    size_t rows, cols, row_tiles, col_tiles, groups, per_tile;
};

static struct view view_of(const struct og_array *a, bool dense)
{
    const struct og_mapping *m = &a->map;
    struct view v = {a,
                     dense,
                     m->rows,
                     m->cols,
                     m->row_tiles,
                     m->col_tiles,
                     m->groups,
                     (m->tile_rows + m->active - 1) / m->active};
    if (!dense) return v;
    v.rows = m->full_rows;
    v.cols = m->full_cols;
    v.row_tiles = (v.rows + m->tile_rows - 1) / m->tile_rows;
    v.col_tiles = (v.cols + m->tile_cols - 1) / m->tile_cols;
    v.groups = (size_t)a->groups_allocated;
    return v;
}

static bool has_row(const struct view *v, size_t i, size_t tile)
{
    return v->dense || !og_row_gone(&v->a->map, i, tile * v->a->map.tile_cols);
}

static bool has_col(const struct view *v, size_t group, size_t j)
{
    return v->dense || !og_col_gone(&v->a->map, group, j);
}

// Numbers of the parts and of their uses for one input vector.
struct counts {
    double lines[OG_SEGMENTS];  // word lines of all tiles
    double devices, outputs, columns, adcs;
    double conversions, subtractions, additions;
    double again;          // conversions of ramps after the read
    size_t groups, turns;  // most in a tile; most conversions of an ADC in one pass
    size_t turns_again;    // most of a ramp's columns after the read
};

static bool has_reference(const struct og_array *a) { return a->ref != NULL; }

// Columns that each output of a tile is made of, as converted.
static size_t columns_of_output(const struct og_array *a)
{
    return (size_t)(a->map.slices * a->sides);
}

static size_t segment_of(const struct view *v, size_t i)
{
    const struct og_array *a = v->a;
    size_t first = v->dense ? a->full.segment[0].rows : a->shape.segment[0].rows;
    return i >= first ? 1 : 0;
}

// One group of rows of a tile: how many outputs it has there.
static size_t count_group(const struct view *v, size_t group, size_t tile,
                          struct counts *c)
{
    const struct og_array *a = v->a;
    const struct og_mapping *m = &a->map;
    size_t row0 = group / v->per_tile * m->tile_rows + group % v->per_tile * m->active;
    size_t end = (group / v->per_tile + 1) * m->tile_rows;
    size_t outputs = 0, rows = 0, sets = (size_t)(m->slices * a->copies);
    for (size_t j = tile * m->tile_cols; j < v->cols && j < (tile + 1) * m->tile_cols;
         j++)
        outputs += has_col(v, group, j);
    if (outputs == 0) return 0;
    for (size_t i = row0; i < row0 + m->active && i < end && i < v->rows; i++) {
        if (!has_row(v, i, tile)) continue;
        rows++;
        c->lines[segment_of(v, i)]++;
    }
    size_t spares = (size_t)m->hw.tile.spare_columns;
    size_t reference = has_reference(a) ? 1 : 0, passes = (size_t)og_passes(a);
    size_t columns = outputs * columns_of_output(a);
    bool differs = reference || (m->hw.mapping.scheme != OG_OFFSET && a->sides == 1);
    c->devices +=
        (double)(rows * sets *
                 ((outputs + spares) * (size_t)og_mapping_sides(m) + reference));
    c->conversions += (double)(columns * passes);
    if (differs) c->subtractions += (double)(columns * passes);
    return outputs;
}

static size_t divide_up(size_t a, size_t b) { return (a + b - 1) / b; }

// All groups of one tile: they share its columns and converters.
static void count_tile(const struct view *v, size_t row_tile, size_t tile,
                       struct counts *c)
{
    const struct og_array *a = v->a;
    const struct og_mapping *m = &a->map;
    size_t first = row_tile * v->per_tile, end = first + v->per_tile;
    size_t groups = 0, outputs = 0, most = 0;
    if (end > v->groups) end = v->groups;
    for (size_t g = first; g < end; g++) {
        size_t here = count_group(v, g, tile, c);
        groups += here > 0;
        most = here > most ? here : most;
    }
    for (size_t j = tile * m->tile_cols; j < v->cols && j < (tile + 1) * m->tile_cols;
         j++) {
        bool any = false;
        for (size_t g = first; g < end; g++) any |= has_col(v, g, j);
        outputs += any;
    }
    if (groups == 0) return;
    size_t columns = outputs * columns_of_output(a);
    size_t spares = (size_t)m->hw.tile.spare_columns * columns_of_output(a);
    size_t adcs = divide_up(columns, (size_t)m->hw.tile.columns_per_adc);
    size_t turns = divide_up(most * columns_of_output(a), adcs);
    c->outputs += (double)outputs;
    c->columns += (double)(columns + spares);
    c->adcs += (double)adcs;
    if (groups > c->groups) c->groups = groups;
    if (turns > c->turns) c->turns = turns;
    size_t again = og_ramps_again(a, tile), shared = (size_t)m->hw.tile.columns_per_adc;
    size_t turns_again = again > 0 ? divide_up(again, divide_up(again, shared)) : 0;
    c->again += (double)again;
    if (turns_again > c->turns_again) c->turns_again = turns_again;
}

static struct counts count(const struct view *v)
{
    struct counts c = {.groups = 0};
    const struct og_array *a = v->a;
    for (size_t r = 0; r < v->row_tiles; r++)
        for (size_t t = 0; t < v->col_tiles; t++) count_tile(v, r, t, &c);
    c.additions = c.conversions;
    bool digital = a->map.hw.mapping.scheme == OG_OFFSET && !has_reference(a);
    if (digital)
        c.additions += (double)((v->rows + v->groups * v->cols) * (size_t)og_passes(a));
    if (a->column_sum != NULL) c.additions += (double)(v->groups * v->cols);
    return c;
}

// --- costs ---------------------------------------------------------------------------

static void put(struct og_cost *cost, enum og_cost_part part, double uses, double count,
                struct og_part_cost each)
{
    cost->part[part].uses = uses;
    cost->part[part].energy = uses * each.energy;
    cost->part[part].count = count;
    cost->part[part].area = count * each.area;
}

static struct og_part_cost grown(struct og_part_cost each, double energy, double area)
{
    return (struct og_part_cost){each.energy * energy, each.area * area};
}

static int bits_or_ideal(const struct og_technology *t, int bits)
{
    return bits > 0 ? bits : t->ideal_bits;
}

static void input_parts(const struct og_array *a, const struct og_technology *t,
                        const struct counts *c, struct og_cost *cost)
{
    double pulses = og_pulses(a), lines = 0, bits = 0, dac_energy = 0, dac_area = 0;
    for (int s = 0; s < a->full.segments; s++) {
        const struct og_segment *seg = &a->full.segment[s];
        int input = bits_or_ideal(t, seg->dac_bits > 0 ? seg->dac_bits : seg->bits_then);
        enum og_encoding encoding = a->map.hw.input.encoding;
        int dac = encoding == OG_AMPLITUDE    ? input
                  : encoding == OG_BIT_SERIAL ? a->digit_bits
                                              : 1;
        double factor = og_pow(t->dac.growth, dac - t->dac.bits);
        struct og_part_cost each = grown(t->dac.at, factor, factor);
        lines += c->lines[s];
        bits += c->lines[s] * input;
        dac_energy += c->lines[s] * pulses * each.energy;
        dac_area += c->lines[s] * each.area;
    }
    put(cost, OG_COST_DRIVER, lines * pulses, lines, t->driver);
    put(cost, OG_COST_DAC, lines * pulses, lines, t->dac.at);
    cost->part[OG_COST_DAC].energy = dac_energy;
    cost->part[OG_COST_DAC].area = dac_area;
    put(cost, OG_COST_INPUT_BUFFER, bits * a->signs, bits, t->input_buffer);
}

static double ceil_log2(size_t n)
{
    double bits = 0;
    for (size_t top = 1; top < n; top *= 2) bits++;
    return bits;
}

// Bits of a tile's output: of one code, and what shifts and sums add to it.
static double output_bits(const struct og_array *a, const struct counts *c, int adc_bits)
{
    const struct og_mapping *m = &a->map;
    size_t terms = c->groups * (size_t)(a->sides * a->signs);
    int shifts = og_pulses_apart(a) ? a->digit_bits * (a->planes - 1) : 0;
    return adc_bits + shifts + m->hw.mapping.slice_bits * (m->slices - 1) +
           ceil_log2(terms);
}

static int output_code_bits(const struct og_array *a, const struct og_technology *t)
{
    if (a->ramps != NULL) return a->map.hw.adc.ramp.bits;
    return bits_or_ideal(t, a->map.hw.adc.bits);
}

// Whether a conversion takes 2^bits clocks.
static bool counts_clocks(const struct og_array *a)
{
    return a->ramps != NULL || a->levels != NULL;
}

// Of one conversion and one converter.
static struct og_part_cost converter(const struct og_array *a,
                                     const struct og_technology *t, int bits)
{
    const int more = bits - t->adc.bits;
    if (counts_clocks(a)) return grown(t->ramp.column, 1 << bits, 1);
    return grown(t->adc.at, og_pow(t->adc.energy_growth, more),
                 og_pow(t->adc.area_growth, more));
}

static void output_parts(const struct og_array *a, const struct og_technology *t,
                         const struct counts *c, struct og_cost *cost)
{
    int bits = output_code_bits(a, t);
    put(cost, OG_COST_SAMPLE, c->conversions, c->columns, t->sample);
    double pairs = c->subtractions > 0 ? c->columns : 0;
    put(cost, OG_COST_SUBTRACT, c->subtractions, pairs, t->subtract);
    put(cost, OG_COST_ADC, c->conversions + c->again, c->adcs, converter(a, t, bits));
    put(cost, OG_COST_ADD, c->additions, c->adcs, t->add.at);
    double out = c->outputs * output_bits(a, c, bits);
    put(cost, OG_COST_OUTPUT_BUFFER, out, out, t->output_buffer);
}

// Pulses, of digits and of groups of rows, whose charges one conversion joins.
static double pulses_joined(const struct view *v)
{
    const struct og_array *a = v->a;
    const size_t active = (size_t)a->map.hw.tile.rows_active;
    size_t rows = v->rows < a->map.array_rows ? v->rows : a->map.array_rows;
    bool groups = a->map.hw.tile.accumulate_groups == OG_ACCUMULATE_ANALOG;
    return (double)(groups && active > 0 ? divide_up(rows, active) : 1) * og_pulses(a) /
           og_passes(a);
}

static double pass_time(const struct og_array *a, const struct og_technology *t)
{
    double pulse = a->d_max * t->read.pulse;
    bool pulses = a->map.hw.input.encoding == OG_PULSE_WIDTH;
    return pulses && pulse > t->read.time ? pulse : t->read.time;
}

static void set_times(const struct view *v, const struct og_technology *t,
                      const struct counts *c, struct og_cost *cost)
{
    const struct og_array *a = v->a;
    int bits = output_code_bits(a, t);
    double cycles = (double)c->groups * og_passes(a);
    double read = pass_time(a, t) * pulses_joined(v);
    double one = counts_clocks(a) ? (1 << bits) * t->ramp.clock : bits * t->adc.bit_time;
    double convert = (double)c->turns * one, again = (double)c->turns_again * one;
    double additions = c->groups > 0 ? 1 + ceil_log2(v->row_tiles) : 0;
    cost->latency = cycles * (read + convert) + additions * t->add.time + again;
    cost->interval = cycles * fmax(read, convert + again);
}

// Bias lines and ramps: devices, and drivers of the lines.
static void ramp_parts(const struct og_array *a, const struct og_technology *t,
                       const struct counts *c, struct og_cost *cost)
{
    if (a->ramps == NULL) return;
    const struct og_ramp_load load = og_ramps_load(a);
    const double volts = a->map.hw.device.v_read;
    const double seconds_s = pass_time(a, t) * load.bias_g +
                             t->ramp.clock * ((double)c->turns * load.charge +
                                              (double)c->turns_again * load.again);
    cost->part[OG_COST_ARRAY].uses += load.devices;
    cost->part[OG_COST_ARRAY].count += load.devices;
    cost->part[OG_COST_ARRAY].area += load.devices * t->cell.area;
    cost->part[OG_COST_ARRAY].energy += volts * volts * seconds_s;
    cost->part[OG_COST_DRIVER].uses += load.lines;
    cost->part[OG_COST_DRIVER].count += load.lines;
    cost->part[OG_COST_DRIVER].energy += load.lines * t->driver.energy;
    cost->part[OG_COST_DRIVER].area += load.lines * t->driver.area;
}

static void cost_of(const struct view *v, const struct og_technology *t, double load,
                    struct og_cost *cost)
{
    const struct counts c = count(v);
    const double volts = v->a->map.hw.device.v_read;
    *cost = (struct og_cost){.energy = 0};
    put(cost, OG_COST_ARRAY, c.devices, c.devices,
        (struct og_part_cost){0, t->cell.area});
    cost->part[OG_COST_ARRAY].energy = volts * volts * pass_time(v->a, t) * load;
    input_parts(v->a, t, &c, cost);
    output_parts(v->a, t, &c, cost);
    ramp_parts(v->a, t, &c, cost);
    set_times(v, t, &c, cost);
    for (int k = 0; k < OG_COST_PARTS; k++) {
        cost->energy += cost->part[k].energy;
        cost->area += cost->part[k].area;
    }
}

void og_array_cost(const og_array *a, const struct og_technology *t,
                   const struct og_activity *activity, struct og_costs *costs)
{
    struct og_activity load;
    if (activity != NULL)
        load = *activity;
    else
        load = (struct og_activity){og_full_load(a, false), og_full_load(a, true)};
    const struct view used = view_of(a, false), dense = view_of(a, true);
    cost_of(&used, t, load.used, &costs->used);
    cost_of(&dense, t, load.dense, &costs->dense);
}

void og_cost_add(struct og_cost_total *total, const struct og_cost *cost, double reads)
{
    double busy = reads * cost->interval;
    total->energy += reads * cost->energy;
    total->area += cost->area;
    total->latency += reads * cost->latency;
    if (busy > total->interval) total->interval = busy;
}
