// SPDX-License-Identifier: GPL-3.0-or-later
// Conductances of an array as programmed, and what inputs do to them.
#include <math.h>
#include <string.h>

#include "ohmgrid/cost.h"
#include "periphery/wired.h"

// n devices from number `first` of a set, as they were programmed: g[n].
struct devices {
    size_t set, first, n;
    const float *g;
};
typedef void take_devices(const struct og_array *a, const struct devices *d, void *to);

static void program_again(const struct og_array *a, int copy, int slice, int side,
                          struct devices *d, float *g)
{
    float q[OG_CELL_CHUNK], t[OG_CELL_CHUNK];
    struct og_cells cells = og_cells_of(a, copy, slice, side);
    og_mapping_slice(&a->map, slice, d->first, d->n, q);
    og_device_targets(a, &(struct og_device_run){copy, slice, side, d->first, d->n}, q,
                      t);
    struct og_cell_io io = {.first = d->first,
                            .n = d->n,
                            .target = t,
                            .off = a->map.off == NULL ? NULL : a->map.off + d->first,
                            .g = g};
    og_cells_program(&cells, &io);
    d->g = g;
}

// Programming is deterministic: done once more, it gives the same devices.
static void each_device(const struct og_array *a, take_devices *take, void *to)
{
    size_t all = a->map.rows * a->map.cols, set = 0;
    float g[OG_CELL_CHUNK];
    for (int copy = 0; copy < a->copies; copy++)
        for (int slice = 0; slice < a->map.slices; slice++)
            for (int side = 0; side < og_mapping_sides(&a->map); side++, set++)
                for (size_t first = 0; first < all; first += OG_CELL_CHUNK) {
                    size_t left = all - first;
                    struct devices d = {.set = set, .first = first};
                    d.n = left < OG_CELL_CHUNK ? left : OG_CELL_CHUNK;
                    program_again(a, copy, slice, side, &d, g);
                    take(a, &d, to);
                }
}

static void put_conductance(const struct og_array *a, const struct devices *d, void *to)
{
    const struct og_mapping *m = &a->map;
    float *g = (float *)to + d->set * m->full_rows * m->full_cols;
    for (size_t k = 0; k < d->n; k++) {
        size_t i = (d->first + k) / m->cols, j = (d->first + k) % m->cols;
        if (og_missing(m, i, j)) continue;
        g[og_live_row(m, i) * m->full_cols + og_live_col(m, j)] = d->g[k];
    }
}

void og_array_conductance(const og_array *a, float *g)
{
    memset(g, 0, og_array_info(a).dense.devices * sizeof *g);
    each_device(a, put_conductance, g);
}

static void add_to_line(const struct og_array *a, const struct devices *d, void *to)
{
    const struct og_mapping *m = &a->map;
    double *line = to;
    for (size_t k = 0; k < d->n; k++) {
        size_t i = (d->first + k) / m->cols, j = (d->first + k) % m->cols;
        if (!og_missing(m, i, j)) line[og_live_row(m, i)] += d->g[k];
    }
}

// The devices of a weight of zero, all slices, sides and copies together.
static double zero_weight(const struct og_array *a)
{
    const struct og_mapping *m = &a->map;
    const struct og_device *d = &m->hw.device;
    bool low = m->hw.mapping.scheme == OG_DIFFERENTIAL;
    double g = low ? d->g_min : (d->g_min + d->g_max) / 2;
    return g * og_mapping_sides(m) * m->slices * a->copies;
}

// dense[i] = used[i], and what removal has taken from the line.
static void add_removed(const struct og_array *a, const double *used, double *dense)
{
    const struct og_mapping *m = &a->map;
    double g = zero_weight(a);
    for (size_t i = 0, live = 0; i < m->full_rows; i++) {
        size_t missing = m->full_cols;
        if (live < m->rows && og_live_row(m, live) == i) {
            for (size_t j = 0; j < m->cols; j++) missing -= !og_missing(m, live, j);
            live++;
        }
        dense[i] = used[i] + (double)missing * g;
    }
}

// [S] of the reference devices of a word line in one tile; 0 without reference columns.
static double reference_devices(const struct og_array *a)
{
    const struct og_device *d = &a->map.hw.device;
    return a->ref == NULL ? 0 : (d->g_min + d->g_max) / 2 * a->copies;
}

static size_t tiles_of(const struct og_array *a, size_t cols)
{
    return (cols + a->map.tile_cols - 1) / a->map.tile_cols;
}

// The tiles in which word line i meets any column.
static size_t tiles_left(const struct og_array *a, size_t i)
{
    const struct og_mapping *m = &a->map;
    const size_t group = og_mapping_group(m, i);
    size_t tiles = 0, last = SIZE_MAX;
    if (!m->any_gone) return tiles_of(a, m->cols);
    for (size_t j = 0; j < m->cols; j++) {
        if (j / m->tile_cols == last || og_col_gone(m, group, j)) continue;
        last = j / m->tile_cols;
        tiles++;
    }
    return tiles;
}

void og_array_lines(const og_array *a, double *used, double *dense)
{
    const struct og_mapping *m = &a->map;
    memset(used, 0, m->full_rows * sizeof *used);
    each_device(a, add_to_line, used);
    add_removed(a, used, dense);
    for (size_t i = 0; i < m->rows; i++)
        used[og_live_row(m, i)] += reference_devices(a) * (double)tiles_left(a, i);
    // Without memory loads are not numbers.
    if (a->wired != NULL && og_wired_power_prepare(a, used) != OG_OK) used[0] = NAN;
    for (size_t i = 0; i < m->full_rows; i++)
        dense[i] += reference_devices(a) * (double)tiles_of(a, m->full_cols);
}

float og_pulse_of(const struct og_array *a, size_t i, float x, int pulse)
{
    const enum og_input_sign kind = a->map.hw.input.sign;
    const float top = a->code_max[i], full = kind == OG_INPUT_OFFSET ? 2 * top : top;
    float code = x / a->a[i] * top;
    if (top > 1) code = fmaxf(-top, fminf(rintf(code), top));
    if (kind == OG_INPUT_OFFSET) code += top;
    const int sign = code < 0 ? -1 : 1;
    if (kind == OG_INPUT_TWO_PASS && sign != (pulse % 2 == 0 ? 1 : -1)) return 0;
    const float height = fabsf(code);
    const int way = kind == OG_INPUT_TWO_PASS ? 1 : sign;
    if (a->map.hw.input.encoding != OG_BIT_SERIAL) return (float)way * height / full;
    const unsigned mask = (1u << a->digit_bits) - 1;
    const unsigned digit = (unsigned)height >> a->digit_bits * (pulse / a->signs) & mask;
    return (float)way * (float)digit / (float)mask;
}

// Of the digits of a code, each a voltage of its own.
static double power_of_digits(const struct og_array *a, unsigned code)
{
    unsigned top = (1u << a->digit_bits) - 1;
    double sum = 0;
    for (; code != 0; code >>= a->digit_bits) {
        double share = (double)(code & top) / top;
        sum += share * share;
    }
    return sum;
}

// (V / v_read)^2 or the fraction of its duration, summed over the passes.
static double power_of(const struct og_array *a, const struct og_segment *seg, float x)
{
    const struct og_hardware *hw = &a->map.hw;
    bool offset = hw->input.sign == OG_INPUT_OFFSET;
    double top = seg->dac_bits > 0 ? (1 << (seg->dac_bits - 1)) - 1 : 1;
    double code = (double)x / (double)seg->range * top;
    if (seg->dac_bits > 0) {
        code = rint(code);
        code = code > top ? top : code < -top ? -top : code;
    }
    double drive = offset ? code + top : fabs(code);
    if (hw->input.encoding == OG_BIT_SERIAL) return power_of_digits(a, (unsigned)drive);
    double share = drive / (offset ? 2 * top : top);
    if (a->bent) {
        const double volts = hw->device.v_read, v = volts * (code < 0 ? -share : share);
        return v * og_iv_current(&a->law, v) / (volts * volts);
    }
    return hw->input.encoding == OG_PULSE_WIDTH ? share : share * share;
}

// Behind wires, what of a line is counted by itself.
static double known(const struct og_array *a, size_t i)
{
    return a->wired == NULL ? 0 : a->wired->line[i];
}

double og_array_load(const og_array *a, const double *line, const float *x)
{
    double sum = 0;
    size_t i = 0;
    if (a->wired != NULL && a->wired->line == NULL) return NAN;  // no memory before
    for (int s = 0; s < a->full.segments; s++) {
        struct og_segment seg = a->full.segment[s];
        seg.range = a->shape.segment[s].range;
        for (size_t k = 0; k < seg.rows; k++, i++)
            if (line[i] != known(a, i))
                sum += (line[i] - known(a, i)) * power_of(a, &seg, x[i]);
    }
    return a->wired == NULL ? sum : sum + og_wired_power(a, x);
}

static void add_to_sum(const struct og_array *a, const struct devices *d, void *to)
{
    double *sum = to;
    for (size_t k = 0; k < d->n; k++) {
        size_t i = (d->first + k) / a->map.cols, j = (d->first + k) % a->map.cols;
        if (!og_missing(&a->map, i, j)) *sum += d->g[k];
    }
}

// An input is positive or negative, so that two passes for the signs are one.
double og_full_load(const struct og_array *a, bool dense)
{
    const struct og_mapping *m = &a->map;
    double sum = 0;
    each_device(a, add_to_sum, &sum);
    size_t references = dense ? m->full_rows * tiles_of(a, m->full_cols) : 0;
    for (size_t i = 0; !dense && i < m->rows; i++) references += tiles_left(a, i);
    if (dense) {
        size_t sets = (size_t)(m->slices * a->copies * og_mapping_sides(m));
        struct og_array_info info = og_array_info(a);
        sum += (double)(info.dense.devices - info.used.devices) / (double)sets *
               zero_weight(a);
    }
    sum += reference_devices(a) * (double)references;
    return sum * a->planes;
}
