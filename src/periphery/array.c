// SPDX-License-Identifier: GPL-3.0-or-later
// Life of an array: what the hardware asks for, checked and laid out once.
#include "ohmgrid/array.h"

#include <math.h>

#include "base/mem.h"
#include "config/iv.h"
#include "device/sigma.h"
#include "periphery/adcs.h"
#include "periphery/faults.h"
#include "periphery/ramps.h"
#include "periphery/wired.h"

static og_status check_pulses(const struct og_hardware *hw,
                              const struct og_array_shape *shape, struct og_error *err)
{
    if (hw->input.encoding != OG_BIT_SERIAL) return OG_OK;
    int most = 0;
    for (int s = 0; s < shape->segments; s++) {
        int bits = shape->segment[s].dac_bits;
        if (bits == 0)
            return og_fail(
                err, OG_INPUT,
                "hardware.input.encoding: bit_serial needs dac.bits, which is 0 "
                "(ideal)");
        if (bits > most) most = bits;
    }
    int bits = hw->input.sign == OG_INPUT_OFFSET ? most : most - 1;
    if (hw->input.slice_bits > bits)
        return og_fail(
            err, OG_INPUT,
            "hardware.input.slice_bits: %d is more than the %d bits of |input|",
            hw->input.slice_bits, bits);
    return OG_OK;
}

static og_status check_converters(const struct og_hardware *hw,
                                  const struct og_array_shape *shape,
                                  struct og_error *err)
{
    for (int s = 0; s < shape->segments; s++) {
        int bits = shape->segment[s].dac_bits;
        if (bits < 0 || bits > 16)
            return og_fail(err, OG_INPUT, "hardware.dac.bits: %d is not in 0 .. 16",
                           bits);
        if (bits == 1)
            return og_fail(
                err, OG_INPUT,
                "hardware.dac.bits: 1 leaves no level but 0 (mid-tread); use 0 "
                "(ideal) or 2 and more");
    }
    OG_TRY(check_pulses(hw, shape, err));
    if (hw->device.iv.kind != OG_IV_OHMIC)
        OG_TRY(og_iv_check(&hw->device.iv, hw->device.v_read, NULL, err));
    if (hw->adc.bits < 0 || hw->adc.bits > 16)
        return og_fail(err, OG_INPUT, "hardware.adc.bits: %d is not in 0 .. 16",
                       hw->adc.bits);
    if (hw->adc.bits == 1 && hw->adc.rounding == OG_MID_TREAD)
        return og_fail(err, OG_INPUT,
                       "hardware.adc.bits: 1 leaves no level but 0 (mid_tread); use "
                       "rounding: mid_rise, 0 (ideal) or 2 and more");
    if (hw->adc.bits == 0 && shape->ramps == 0 &&
        (hw->adc.noise > 0 || hw->adc.noise_full_scale > 0 || hw->adc.offset > 0 ||
         hw->adc.gain > 0))
        return og_fail(
            err, OG_INPUT,
            "hardware.adc.noise, adc.noise_full_scale, adc.offset and adc.gain "
            "are errors of a converter and need adc.bits, which is 0 (ideal)");
    if (hw->adc.bits == 0 && og_adc_is_circuit(hw))
        return og_fail(err, OG_INPUT,
                       "hardware.adc.kind: sar, pipeline, cyclic and single_slope need "
                       "adc.bits, which is 0 (ideal)");
    if (hw->tile.rows_active > hw->tile.rows)
        return og_fail(err, OG_INPUT,
                       "hardware.tile.rows_active: %d is more than tile.rows, %d",
                       hw->tile.rows_active, hw->tile.rows);
    return OG_OK;
}

// DAC codes of each segment and how they add up to one drive.
static void lay_inputs(struct og_array *a)
{
    a->d_max = 1;
    for (int s = 0; s < a->shape.segments; s++) {
        int bits = a->shape.segment[s].dac_bits;
        float top = bits > 0 ? (float)((1 << (bits - 1)) - 1) : 1;
        if (top > a->d_max) a->d_max = top;
    }
    a->bent = a->map.hw.device.iv.kind != OG_IV_OHMIC;
    if (a->bent) og_iv_init(&a->law, &a->map.hw.device.iv, a->map.hw.device.v_read);
    size_t i = 0;
    int most_bits = 0;
    a->short_codes = true;
    a->direct = a->map.hw.input.sign == OG_INPUT_BIPOLAR && !og_pulses_apart(a);
    for (int s = 0; s < a->shape.segments; s++) {
        const struct og_segment *seg = &a->shape.segment[s];
        float top = seg->dac_bits > 0 ? (float)((1 << (seg->dac_bits - 1)) - 1) : 1;
        if (seg->dac_bits > most_bits) most_bits = seg->dac_bits;
        a->direct &= top == a->d_max;
        a->short_codes &= seg->dac_bits > 0 && seg->dac_bits <= 16;
        for (size_t k = 0; k < seg->rows; k++, i++) {
            a->a[i] = seg->range;
            a->code_max[i] = top;
            a->code_gain[i] = a->d_max / top;
        }
    }
    bool offset = a->map.hw.input.sign == OG_INPUT_OFFSET;
    a->signs = a->map.hw.input.sign == OG_INPUT_TWO_PASS ? 2 : 1;
    a->planes = 1;
    a->digit_bits = a->map.hw.input.slice_bits;
    if (a->map.hw.input.encoding == OG_BIT_SERIAL) {
        int bits = offset ? most_bits : most_bits - 1;
        a->planes = (bits + a->digit_bits - 1) / a->digit_bits;
    }
}

// One conversion unit per (group, slice, side), groups in row order.
static void lay_units(struct og_array *a)
{
    size_t active = a->map.active;
    int g = 0, u = 0;
    a->groups = (int)a->map.groups;
    a->units = a->groups * a->map.slices * a->sides;
    for (size_t tile = 0; tile < a->map.rows; tile += a->map.tile_rows) {
        size_t end =
            tile + a->map.tile_rows < a->map.rows ? tile + a->map.tile_rows : a->map.rows;
        for (size_t row = tile; row < end; row += active, g++)
            for (int s = 0; s < a->map.slices; s++)
                for (int side = 0; side < a->sides; side++, u++) {
                    a->unit[u].slice = s;
                    a->unit[u].side = side;
                    a->unit[u].group = g;
                    a->unit[u].row0 = row;
                    a->unit[u].rows = end - row < active ? end - row : active;
                }
    }
    a->repeat = a->map.cols > 0 ? (OG_LANES + a->map.cols - 1) / a->map.cols : 0;
    a->run = a->repeat * a->map.cols;
}

// Everything that depends on which lines are left. Units only ever shrink: groups begin
// at the same rows as those of the whole matrix.
static void lay_lines(struct og_array *a)
{
    size_t i = 0, first = 0;
    a->shape.rows = a->map.rows;
    a->shape.cols = a->map.cols;
    for (int s = 0; s < a->shape.segments; s++) {
        size_t end = first + a->full.segment[s].rows, rows = 0;
        bool whole = og_mapping_is_whole(&a->map);
        for (; !whole && i < a->map.rows && a->map.live_row[i] < end; i++) rows++;
        a->shape.segment[s].rows = whole ? end - first : rows;
        first = end;
    }
    lay_units(a);
    lay_inputs(a);
}

void og_array_compact(struct og_array *a, const float *w)
{
    if (!og_mapping_compact(&a->map, w)) return;
    lay_lines(a);
    if (!og_adc_is_calibrated(&a->map.hw)) og_array_calibrate(a);
}

static size_t count_ranges(const struct og_array *a)
{
    switch (a->map.hw.adc.granularity) {
    case OG_PER_LAYER:
        return 1;
    case OG_PER_TILE:
        return (size_t)a->units * a->map.col_tiles;
    case OG_PER_COLUMN:
        return (size_t)a->units * a->map.cols;
    case OG_PER_SLICE:
        return (size_t)(a->map.slices * a->sides);
    }
    return 0;
}

static bool alloc_units(struct og_array *a)
{
    bool variance = a->v != NULL, nominal = og_adc_is_calibrated(&a->map.hw), ok = true;
    for (int k = 0; k < a->units; k++) {
        struct og_unit *u = &a->unit[k];
        ok &= (u->e = og_packed_alloc(u->rows, a->map.cols)) != NULL;
        if (variance) ok &= (u->v = og_packed_alloc(u->rows, a->map.cols)) != NULL;
        if (nominal) ok &= (u->nominal = og_packed_alloc(u->rows, a->map.cols)) != NULL;
        ok &=
            (u->lanes = og_alloc(5 * (OG_LANES + a->map.cols), sizeof *u->lanes)) != NULL;
        size_t room = og_adcs_room(&a->map.hw, a->map.cols);
        if (og_adcs_are_circuits(a))
            ok &= (u->steps = og_alloc(room, sizeof *u->steps)) != NULL;
        if (a->levels != NULL)
            ok &= (u->table = og_alloc(room, sizeof *u->table)) != NULL;
    }
    return ok;
}

// Read variance of one conversion where sigma is the same for all devices.
static float constant_variance(const struct og_array *a)
{
    const struct og_device *d = &a->map.hw.device;
    double sigma = d->read.sigma * d->read.scale / (d->g_max - d->g_min);
    double gain = og_mapping_gain(&a->map, 0);
    int devices = og_mapping_sides(&a->map) / a->sides;
    return (float)(devices * gain * gain * sigma * sigma / a->copies);
}

// Of hardware.weight_noise.read: a full-scale weight is D steps.
float og_weight_variance(const struct og_array *a)
{
    float sigma = (float)a->map.hw.weight_noise.read * a->map.D;
    return sigma * sigma;
}

static bool alloc_noise(struct og_array *a)
{
    const struct og_hardware *hw = &a->map.hw;
    size_t cells = a->map.rows * a->map.cols;
    a->variance = og_weight_variance(a);
    if (!og_thermal_alloc(a)) return false;
    if (!og_sigma_is_on(&hw->device.read)) return true;
    bool reference =
        hw->mapping.scheme == OG_OFFSET && hw->mapping.reference == OG_REFERENCE_COLUMN;
    bool ok = true;
    if (hw->read_noise == OG_NOISE_DEVICE) {
        size_t devices =
            cells * (size_t)(a->map.slices * a->copies * og_mapping_sides(&a->map));
        ok &= (a->sd = og_alloc(devices, sizeof *a->sd)) != NULL;
    } else {
        // What wires leave of it differs from device to device.
        bool constant = og_sigma_is_constant(&hw->device.read) && !og_wired_is_on(hw);
        // Where weights differ, their own variances hold all of it.
        a->variance = constant ? a->variance + constant_variance(a) : 0;
        if (!constant || a->map.off != NULL)
            ok &= (a->v = og_alloc(cells * (size_t)a->sides, sizeof *a->v)) != NULL;
    }
    size_t devices = a->map.rows * a->map.col_tiles;  // of the reference columns
    if (reference) ok &= (a->ref_sd = og_alloc(devices, sizeof *a->ref_sd)) != NULL;
    return ok;
}

static bool alloc_rest(struct og_array *a)
{
    const struct og_hardware *hw = &a->map.hw;
    size_t rows = a->map.rows, cols = a->map.cols, groups = (size_t)a->groups;
    bool ok = alloc_noise(a);
    ok &= (a->e = og_alloc(rows * cols * (size_t)a->sides, sizeof *a->e)) != NULL;
    ok &= (a->group_scale = og_alloc(groups * cols, sizeof *a->group_scale)) != NULL;
    ok &= (a->range = og_alloc(a->ranges, sizeof *a->range)) != NULL;
    ok &= (a->peak = og_alloc(a->ranges, sizeof *a->peak)) != NULL;
    if (hw->mapping.scheme == OG_OFFSET && hw->mapping.reference == OG_REFERENCE_COLUMN)
        ok &= (a->ref = og_alloc(rows * a->map.col_tiles, sizeof *a->ref)) != NULL;
    if (hw->input.sign == OG_INPUT_OFFSET)
        ok &= (a->column_sum = og_alloc(groups * cols, sizeof *a->column_sum)) != NULL;
    if (og_adc_is_calibrated(hw) && hw->adc.mode != OG_RANGE_MINMAX)
        ok &=
            (a->histogram = og_alloc(a->ranges * OG_BINS, sizeof *a->histogram)) != NULL;
    if (a->limit > 0)
        ok &= (a->width = og_alloc((size_t)1 << hw->adc.bits, sizeof *a->width)) != NULL;
    size_t tiles = a->map.row_tiles * a->map.col_tiles;
    if (a->limit > 0 && hw->adc.kind == OG_ADC_SINGLE_SLOPE)
        ok &= (a->levels = og_alloc(tiles << hw->adc.bits, sizeof *a->levels)) != NULL;
    return ok && alloc_units(a);
}

static og_status lay_out(struct og_array *a)
{
    const struct og_hardware *hw = &a->map.hw;
    a->copies = hw->mapping.devices_per_weight;
    a->sides = hw->pair.subtract == OG_SUBTRACT_DIGITAL ? 2 : 1;
    a->groups_allocated = (int)a->map.groups;
    a->units_allocated = a->groups_allocated * a->map.slices * a->sides;
    a->unit = og_alloc((size_t)a->units_allocated, sizeof *a->unit);
    a->a = og_alloc(a->map.rows, sizeof *a->a);
    a->code_max = og_alloc(a->map.rows, sizeof *a->code_max);
    a->code_gain = og_alloc(a->map.rows, sizeof *a->code_gain);
    if (a->unit == NULL || a->a == NULL || a->code_max == NULL || a->code_gain == NULL)
        return OG_NO_MEMORY;
    lay_lines(a);
    a->ranges = count_ranges(a);
    int bits = hw->adc.bits;
    if (bits > 0)
        a->limit = (float)(hw->adc.rounding == OG_MID_TREAD ? (1 << (bits - 1)) - 1
                                                            : 1 << (bits - 1));
    if (hw->adc.noise_full_scale > 0)
        a->map.hw.adc.noise = hw->adc.noise_full_scale * (double)a->limit;
    if (!alloc_rest(a)) return OG_NO_MEMORY;
    for (size_t k = 0; k < a->ranges; k++) a->range[k] = 1;
    return OG_OK;
}

// Ramps convert instead of ADCs, all columns: each has a bias.
static struct og_hardware own_hardware(const struct og_hardware *hw,
                                       const struct og_array_shape *shape)
{
    struct og_hardware own = *hw;
    if (shape->ramps == 0) return own;
    own.adc.bits = 0;
    own.mapping.removed = false;
    return own;
}

static og_status check_physics(const struct og_array *a, struct og_error *err)
{
    if (a->ramps != NULL && a->map.hw.thermal.law != OG_THERMAL_NONE)
        return og_fail(err, OG_INPUT, "hardware.thermal: excludes adc.kind: ramp");
    return OG_OK;
}

og_status og_array_alloc(og_array **array, const struct og_hardware *hw,
                         const struct og_array_shape *shape, struct og_error *err)
{
    *array = NULL;
    struct og_array *a = og_alloc(1, sizeof *a);
    if (a == NULL) return og_fail(err, OG_NO_MEMORY, "out of memory for a crossbar");
    a->shape = a->full = *shape;
    const struct og_hardware own = own_hardware(hw, shape);
    og_status status = check_converters(hw, shape, err);
    if (status == OG_OK && shape->ramps > 0) status = og_ramps_check(hw, shape, err);
    if (status == OG_OK)
        status = og_mapping_alloc(&a->map, &own, shape->rows, shape->cols, err);
    if (status == OG_OK) status = lay_out(a);
    if (status == OG_OK && shape->ramps > 0) status = og_ramps_alloc(a, hw, err);
    if (status == OG_OK) status = og_faults_alloc(a, err);
    if (status == OG_OK && og_wired_is_on(hw)) status = og_wired_alloc(a, err);
    if (status == OG_OK) status = check_physics(a, err);
    if (status == OG_OK) status = og_rtn_alloc(a, err);
    if (status == OG_OK) status = og_flicker_alloc(a, err);
    if (status == OG_OK) status = og_compensation_alloc(a, err);
    if (status != OG_OK) {
        og_array_free(a);
        return og_fail(err, status, "out of memory for a %zu x %zu crossbar", shape->rows,
                       shape->cols);
    }
    og_array_calibrate(a);  // ranges that need no observations
    *array = a;
    return OG_OK;
}

void og_array_free(og_array *a)
{
    if (a == NULL) return;
    og_thermal_free(a);
    for (int k = 0; a->unit != NULL && k < a->units_allocated; k++) {
        og_packed_free(a->unit[k].e);
        og_packed_free(a->unit[k].nominal);
        og_packed_free(a->unit[k].v);
        og_packed_free(a->unit[k].size);
        og_packed_free(a->unit[k].placed);
        og_free(a->unit[k].lanes);
        og_free(a->unit[k].steps);
        og_free(a->unit[k].table);
    }
    for (int g = 0; a->w_back != NULL && g < a->groups_allocated; g++)
        og_packed_free(a->w_back[g]);
    void *blocks[] = {a->unit,        a->a,         a->code_max, a->code_gain,
                      a->range,       a->e,         a->v,        a->ref,
                      a->ref_sd,      a->w_hat,     a->slope,    a->sd,
                      a->peak,        a->width,     a->w_back,   a->column_sum,
                      a->group_scale, a->histogram, a->levels};
    for (size_t k = 0; k < sizeof blocks / sizeof *blocks; k++) og_free(blocks[k]);
    og_ramps_free(a->ramps);
    og_faults_free(a->faults);
    og_compensation_free(a);
    og_wired_free(a->wired);
    og_rtn_free(a);
    og_flicker_free(a);
    og_mapping_free(&a->map);
    og_free(a);
}

void og_array_set_range(og_array *a, int segment, float range)
{
    a->shape.segment[segment].range = range;
    size_t i = 0;
    for (int s = 0; s < segment; s++) i += a->shape.segment[s].rows;
    for (size_t k = 0; k < a->shape.segment[segment].rows; k++) a->a[i + k] = range;
}

size_t og_array_ranges(const og_array *a) { return a->ranges; }

void og_array_get_adc(const og_array *a, float *range)
{
    for (size_t k = 0; k < a->ranges; k++) range[k] = a->range[k];
}

void og_array_set_adc(og_array *a, const float *range)
{
    for (size_t k = 0; k < a->ranges; k++) a->range[k] = range[k];
}
