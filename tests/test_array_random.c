// SPDX-License-Identifier: GPL-3.0-or-later
// On random hardware, a read without noise is what the conductances and converters give,
// computed here once more in the plainest way.
#include <math.h>

#include "array_dice.h"

enum { TRIES = 150 };

// --- a read in the plainest way ------------------------------------------------------
struct plain {
    const struct bench *b;
    float *g, *range;
    size_t slices, sides, col_tiles, groups;
    double D, D_slice, n_dac;  // 0: no DAC
    bool near_edge;            // a code of this output may be another
};

static size_t group_of(const struct bench *b, size_t i, size_t *tile)
{
    size_t tile_rows = (size_t)b->hw.tile.rows, active = (size_t)b->hw.tile.rows_active;
    if (active == 0 || b->hw.tile.accumulate_groups == OG_ACCUMULATE_ANALOG)
        active = tile_rows;
    *tile = i / tile_rows;
    return *tile * ((tile_rows + active - 1) / active) + i % tile_rows / active;
}

static struct plain plain_of(const struct bench *b)
{
    const struct og_hardware *hw = &b->hw;
    struct og_array_info info = og_array_info(b->array);
    int bits = hw->mapping.weight_bits, slice = hw->mapping.slice_bits;
    struct plain p = {.b = b, .slices = info.slices, .col_tiles = info.dense.col_tiles};
    p.groups = info.dense.row_groups;
    p.sides = hw->pair.subtract == OG_SUBTRACT_DIGITAL ? 2 : 1;
    p.D = bits == 0                             ? 1
          : hw->mapping.rounding == OG_MID_RISE ? 1 << bits
                                                : (1 << (bits - 1)) - 1;
    p.D_slice = p.slices > 1 ? (1 << slice) - 1 : p.D;
    p.n_dac = hw->dac.bits > 0 ? (1 << (hw->dac.bits - 1)) - 1 : 0;
    p.g = og_alloc(info.dense.devices, sizeof *p.g);
    p.range = og_alloc(og_array_ranges(b->array), sizeof *p.range);
    og_array_conductance(b->array, p.g);
    og_array_get_adc(b->array, p.range);
    return p;
}

static void plain_free(struct plain *p)
{
    og_free(p->g);
    og_free(p->range);
}

// Full-scale weight of cell (i, j), times the input range.
static double full_scale(const struct bench *b, size_t i, size_t j)
{
    size_t rows = (size_t)b->hw.tile.rows, cols = (size_t)b->hw.tile.cols;
    float own = 0, all = 0;
    for (size_t v = 0; v < b->cols; v++)
        for (size_t u = 0; u < b->rows; u++) {
            float w = fabsf(b->w[v * b->rows + u] * 0.7f);
            bool tile = u / rows == i / rows && v / cols == j / cols;
            bool same = b->hw.mapping.granularity == OG_PER_LAYER  ? true
                        : b->hw.mapping.granularity == OG_PER_TILE ? tile
                                                                   : tile && v == j;
            if (same) own = fmaxf(own, w);
            all = fmaxf(all, w);
        }
    return own > 0 ? own : all > 0 ? all : 1;
}

static double code_of(const struct plain *p, float x)
{
    if (p->n_dac == 0) return x / 0.7f;
    double code = rint(x * (float)(p->n_dac / 0.7f));
    return fmax(-p->n_dac, fmin(p->n_dac, code));
}

// Pulses that are joined are one drive of the whole code.
static bool is_serial(const struct og_hardware *hw)
{
    return hw->input.encoding == OG_BIT_SERIAL &&
           hw->input.accumulate == OG_ACCUMULATE_DIGITAL;
}

// What drives a row in pass `pass`, in codes, and what that pass counts.
static double drive_of(const struct plain *p, double code, int pass, double *weight)
{
    const struct og_hardware *hw = &p->b->hw;
    bool serial = is_serial(hw);
    int signs = hw->input.sign == OG_INPUT_TWO_PASS ? 2 : 1, plane = pass / signs;
    double sign = pass % signs ? -1 : 1;
    if (signs == 2) code = fmax(0, sign * code);
    if (hw->input.sign == OG_INPUT_OFFSET) code += p->n_dac > 0 ? p->n_dac : 1;
    int bits = hw->input.slice_bits;
    *weight = sign * (serial ? pow(2, plane * bits) : 1);
    if (!serial) return code;
    double digit = fmod(floor(fabs(code) / *weight * sign), pow(2, bits));
    return code < 0 ? -digit : digit;
}

static int passes_of(const struct og_hardware *hw)
{
    int offset = hw->input.sign == OG_INPUT_OFFSET;
    int bits = hw->dac.bits - 1 + offset, each = hw->input.slice_bits;
    int planes = is_serial(hw) ? (bits + each - 1) / each : 1;
    return planes * (hw->input.sign == OG_INPUT_TWO_PASS ? 2 : 1);
}

// What the device or pair of one cell carries in steps of its slice.
static double cell(const struct plain *p, size_t slice, size_t side, size_t i, size_t j)
{
    const struct bench *b = p->b;
    const struct og_device *d = &b->hw.device;
    int copies = b->hw.mapping.devices_per_weight;
    bool offset = b->hw.mapping.scheme == OG_OFFSET;
    size_t devices = offset ? 1 : 2, all = b->rows * b->cols;
    double sum = 0, span = d->g_max - d->g_min;
    for (int c = 0; c < copies; c++) {
        const float *g = p->g + ((size_t)c * p->slices + slice) * devices * all;
        double plus = g[i * b->cols + j];
        if (offset)
            sum += 2 * plus - (b->hw.mapping.reference == OG_REFERENCE_COLUMN
                                   ? d->g_min + d->g_max
                                   : 0);
        else if (p->sides == 2)
            sum += g[side * all + i * b->cols + j];
        else
            sum += plus - g[all + i * b->cols + j];
    }
    return sum / copies / span * p->D_slice;
}

static double convert(struct plain *p, double sum, double lsb)
{
    const struct og_hardware *hw = &p->b->hw;
    if (hw->adc.bits == 0) return sum;
    int half = 1 << (hw->adc.bits - 1);
    bool rise = hw->adc.rounding == OG_MID_RISE;
    double code = sum / lsb, edge = code - (rise ? 0 : 0.5);
    if (fabs(edge - rint(edge)) < 2e-3) p->near_edge = true;
    if (rise) return lsb * (fmax(-half, fmin(half - 1, floor(code))) + 0.5);
    return lsb * fmax(1 - half, fmin(half - 1, rint(code)));
}

// One conversion: the sum of a group of rows in one pass.
static double conversion(struct plain *p, const double *code, size_t unit, size_t j,
                         int pass, double *row_scale)
{
    const struct bench *b = p->b;
    const struct og_hardware *hw = &b->hw;
    size_t group = unit / p->sides / p->slices, slice = unit / p->sides % p->slices;
    size_t side = unit % p->sides, tile, first = 0;
    double sum = 0, base = 0, weight = 1, n = p->n_dac > 0 ? p->n_dac : 1;
    for (size_t i = 0; i < b->rows; i++) {
        if (group_of(b, i, &tile) != group) continue;
        first = i;
        double drive = drive_of(p, code[i], pass, &weight);
        sum += drive * cell(p, slice, side, i, j);
        base += drive;
    }
    size_t k = hw->adc.granularity == OG_PER_LAYER ? 0
               : hw->adc.granularity == OG_PER_TILE
                   ? unit * p->col_tiles + j / (size_t)hw->tile.cols
               : hw->adc.granularity == OG_PER_SLICE ? slice * p->sides + side
                                                     : unit * b->cols + j;
    double digit = fmin(pow(2, hw->input.slice_bits) - 1,
                        hw->input.sign == OG_INPUT_OFFSET ? 2 * n : n);
    double full = p->range[k] * (is_serial(hw) ? digit : n) * p->D_slice;
    double L = (1 << (hw->adc.bits > 0 ? hw->adc.bits - 1 : 0)) -
               (hw->adc.rounding == OG_MID_TREAD);
    double value = convert(p, sum, full / L);
    if (hw->mapping.scheme == OG_OFFSET && hw->mapping.reference == OG_REFERENCE_DIGITAL)
        value -= base * p->D_slice * (hw->device.g_max + hw->device.g_min) /
                 (hw->device.g_max - hw->device.g_min);
    *row_scale = full_scale(b, first, j) / (p->D * n);
    int bits = p->slices > 1 ? hw->mapping.slice_bits : 0;
    return value * weight * (side ? -1 : 1) * (1 << (bits * (int)slice));
}

// What an offset of the inputs adds, as far as it is known: n sum q.
static double known_offset(const struct plain *p, size_t j)
{
    const struct bench *b = p->b;
    double known = 0;
    if (b->hw.input.sign != OG_INPUT_OFFSET) return 0;
    for (size_t i = 0; i < b->rows; i++) {
        double top = full_scale(b, i, j);
        float u = b->w[j * b->rows + i] * 0.7f / (float)top;
        double q = u;
        if (b->hw.mapping.weight_bits > 0)
            q = b->hw.mapping.rounding == OG_MID_TREAD
                    ? rint(u * (float)p->D) / p->D
                    : (2 * fmin(floor(u * p->D / 2), p->D / 2 - 1) + 1) / p->D;
        bool off = b->hw.device.pruned_cells == OG_ZERO_OFF && u == 0;
        known += off ? 0 : q * top;
    }
    return known;
}

static double plain_read(struct plain *p, size_t r, size_t j)
{
    double code[ROWS_MAX], y = -known_offset(p, j), scale;
    p->near_edge = false;
    for (size_t i = 0; i < p->b->rows; i++)
        code[i] = code_of(p, p->b->x[r * p->b->rows + i]);
    for (int pass = 0; pass < passes_of(&p->b->hw); pass++)
        for (size_t unit = 0; unit < p->groups * p->slices * p->sides; unit++) {
            double sum = conversion(p, code, unit, j, pass, &scale);
            y += sum * scale;
        }
    return y;
}

static void reads_are_what_conductances_and_converters_give(void **state)
{
    (void)state;
    enum { N = 6 };
    int compared = 0, skipped = 0;
    for (uint32_t seed = 0; seed < TRIES; seed++) {
        struct dice d = dice_of(seed);
        struct og_hardware hw = roll_hardware(&d);
        if (roll(&d, 0, 1)) {
            static const enum og_adc_kind kinds[] = {OG_ADC_LINEAR, OG_ADC_SAR,
                                                     OG_ADC_PIPELINE, OG_ADC_CYCLIC,
                                                     OG_ADC_SINGLE_SLOPE};
            hw.adc.bits = roll(&d, 2, 10);
            hw.adc.kind = kinds[roll(&d, 0, 4)];
            hw.tile.columns_per_adc = roll(&d, 1, 4);
        }
        // Devices of reference columns cannot be seen from outside.
        bool hidden =
            hw.mapping.scheme == OG_OFFSET && hw.mapping.reference == OG_REFERENCE_COLUMN;
        if (!hidden && roll(&d, 0, 1)) spoil(&d, &hw.device);
        struct bench b = roll_bench(&d, hw, N);
        og_array_program(b.array, b.w, &b.chip);
        if (hw.adc.bits > 0) {
            b.work = og_alloc(og_array_work_bytes(b.array, N), 1);
            og_array_observe(b.array, b.x, b.rows, N / 2, b.work);
            og_array_calibrate(b.array);
        }
        bench_run(&b);
        struct plain p = plain_of(&b);
        double size = (double)b.rows * full_scale(&b, 0, 0);
        for (size_t j = 0; j < b.cols; j++) size = fmax(size, 20 * full_scale(&b, 0, j));
        for (size_t r = 0; r < N; r++)
            for (size_t j = 0; j < b.cols; j++) {
                double want = plain_read(&p, r, j), got = b.y[r * b.cols + j];
                skipped += p.near_edge;
                compared += !p.near_edge;
                if (p.near_edge) continue;
                if (!(fabs(got - want) <= 1e-5 * size))
                    fail_msg("seed %u: y[%zu][%zu] = %.9g, not %.9g", seed, r, j, got,
                             want);
            }
        plain_free(&p);
        bench_close(&b);
    }
    assert_true(compared > 2000 && skipped < compared / 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_are_what_conductances_and_converters_give),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
