// SPDX-License-Identifier: GPL-3.0-or-later
#include "crossbar/mapping.h"

#include <gsl/gsl_sort_float.h>
#include <gsl/gsl_statistics_float.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"

static og_status check(const struct og_hardware *hw, struct og_error *err)
{
    int bits = hw->mapping.weight_bits, slice = hw->mapping.slice_bits;
    if (hw->mapping.scheme == OG_OFFSET) {
        if (hw->pair.subtract == OG_SUBTRACT_DIGITAL)
            return og_fail(err, OG_INPUT,
                           "hardware.pair.subtract: digital needs a differential "
                           "mapping.scheme, not offset");
        if (slice > 0)
            return og_fail(err, OG_INPUT,
                           "hardware.mapping.slice_bits: %d needs a differential "
                           "mapping.scheme, not offset",
                           slice);
        bool zero = hw->device.zero_cells == OG_ZERO_OFF;
        if (zero || hw->device.pruned_cells == OG_ZERO_OFF)
            return og_fail(err, OG_INPUT,
                           "hardware.device.%s: off needs a differential "
                           "mapping.scheme: in offset a zero weight is not a zero "
                           "conductance",
                           zero ? "zero_cells" : "pruned_cells");
    }
    if (hw->tile.accumulate == OG_ACCUMULATE_ANALOG && hw->tile.rows_active > 0 &&
        hw->tile.accumulate_groups == OG_ACCUMULATE_DIGITAL)
        return og_fail(err, OG_INPUT,
                       "hardware.tile.rows_active: %d excludes tile.accumulate: analog, "
                       "which joins whole tiles, unless tile.accumulate_groups is analog",
                       hw->tile.rows_active);
    if (hw->mapping.granularity == OG_PER_SLICE)
        return og_fail(err, OG_INPUT,
                       "hardware.mapping.granularity: slice is of ADCs, not of weights");
    if (bits < 0 || bits > 16)
        return og_fail(err, OG_INPUT,
                       "hardware.mapping.weight_bits: %d is not in 0 .. 16", bits);
    if (bits == 1 && hw->mapping.rounding == OG_MID_TREAD)
        return og_fail(err, OG_INPUT,
                       "hardware.mapping.weight_bits: 1 has no level but 0 with "
                       "rounding: mid_tread; use 2 or more, or mid_rise");
    if (slice > 0 && (bits == 0 || hw->mapping.rounding != OG_MID_TREAD))
        return og_fail(err, OG_INPUT,
                       "hardware.mapping.slice_bits: %d needs weight_bits and rounding: "
                       "mid_tread",
                       slice);
    return OG_OK;
}

static void set_grid(struct og_mapping *m)
{
    int bits = m->hw.mapping.weight_bits, slice = m->hw.mapping.slice_bits;
    m->slices = 1;
    m->D = 1;
    if (bits > 0)
        m->D = (float)(m->hw.mapping.rounding == OG_MID_TREAD ? (1 << (bits - 1)) - 1
                                                              : 1 << bits);
    else if (m->hw.device.cell.levels > 0 && m->hw.mapping.scheme == OG_DIFFERENTIAL)
        m->D = (float)(m->hw.device.cell.levels - 1);
    m->grid = bits > 0 ||
              (m->hw.device.cell.levels > 0 && m->hw.mapping.scheme == OG_DIFFERENTIAL);
    m->D_slice = m->D;
    if (slice > 0) {
        m->slices = (bits - 1 + slice - 1) / slice;
        if (m->slices > 1) m->D_slice = (float)((1 << slice) - 1);
    }
}

og_status og_mapping_alloc(struct og_mapping *m, const struct og_hardware *hw,
                           size_t rows, size_t cols, struct og_error *err)
{
    *m = (struct og_mapping){.hw = *hw, .full_rows = rows, .full_cols = cols};
    OG_TRY(check(hw, err));
    m->array_rows = m->tile_rows = (size_t)hw->tile.rows;
    m->tile_cols = (size_t)hw->tile.cols;
    if (hw->tile.accumulate == OG_ACCUMULATE_ANALOG && rows > m->tile_rows)
        m->tile_rows = rows;
    // Charges of groups add up to those of the whole tile, noise included.
    bool groups =
        hw->tile.rows_active > 0 && hw->tile.accumulate_groups == OG_ACCUMULATE_DIGITAL;
    m->active = groups ? (size_t)hw->tile.rows_active : m->tile_rows;
    set_grid(m);
    og_mapping_resize(m, rows, cols);
    m->w_max = og_alloc(m->row_tiles * cols, sizeof *m->w_max);
    m->q = og_alloc(rows * cols, sizeof *m->q);
    if (hw->mapping.w_max == OG_W_PERCENTILE)
        m->scratch = og_alloc(rows * cols, sizeof *m->scratch);
    bool off =
        hw->device.zero_cells == OG_ZERO_OFF || hw->device.pruned_cells == OG_ZERO_OFF;
    if (off) m->off = og_alloc(rows * cols, sizeof *m->off);
    if (m->w_max == NULL || m->q == NULL || (off && m->off == NULL) ||
        !og_lines_alloc(m) ||
        (hw->mapping.w_max == OG_W_PERCENTILE && m->scratch == NULL))
        return og_fail(err, OG_NO_MEMORY, "out of memory for a %zu x %zu crossbar", rows,
                       cols);
    return OG_OK;
}

void og_mapping_free(struct og_mapping *m)
{
    og_free(m->w_max);
    og_free(m->q);
    og_free(m->scratch);
    og_free(m->off);
    og_lines_free(m);
}

void og_mapping_resize(struct og_mapping *m, size_t rows, size_t cols)
{
    m->rows = rows;
    m->cols = cols;
    m->row_tiles = (rows + m->tile_rows - 1) / m->tile_rows;
    m->col_tiles = (cols + m->tile_cols - 1) / m->tile_cols;
    m->groups = rows > 0 ? og_mapping_group(m, rows - 1) + 1 : 0;
}

typedef float quad __attribute__((vector_size(16)));
typedef float loose_quad __attribute__((vector_size(16), aligned(4), may_alias));

// to[i * ld + j] = from[j * stride + i] a[i] for 4 x 4.
static inline void transpose_4(float *to, size_t ld, const float *from, size_t stride,
                               const float *a)
{
    quad r0 = *(const loose_quad *)from, r1 = *(const loose_quad *)(from + stride);
    quad r2 = *(const loose_quad *)(from + 2 * stride);
    quad r3 = *(const loose_quad *)(from + 3 * stride);
    quad low01 = __builtin_shufflevector(r0, r1, 0, 4, 1, 5);
    quad high01 = __builtin_shufflevector(r0, r1, 2, 6, 3, 7);
    quad low23 = __builtin_shufflevector(r2, r3, 0, 4, 1, 5);
    quad high23 = __builtin_shufflevector(r2, r3, 2, 6, 3, 7);
    *(loose_quad *)to = __builtin_shufflevector(low01, low23, 0, 1, 4, 5) * a[0];
    *(loose_quad *)(to + ld) = __builtin_shufflevector(low01, low23, 2, 3, 6, 7) * a[1];
    *(loose_quad *)(to + 2 * ld) =
        __builtin_shufflevector(high01, high23, 0, 1, 4, 5) * a[2];
    *(loose_quad *)(to + 3 * ld) =
        __builtin_shufflevector(high01, high23, 2, 3, 6, 7) * a[3];
}

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

// q = w a, transposed to device order, in blocks that stay in the cache.
static void transpose(struct og_mapping *m, const float *w, const float *a)
{
    enum { BLOCK = 16 };
    size_t rows = m->rows, cols = m->cols;
    for (size_t j0 = 0; j0 < cols; j0 += BLOCK)
        for (size_t i0 = 0; i0 < rows; i0 += BLOCK) {
            size_t i1 = smaller(i0 + BLOCK, rows), j1 = smaller(j0 + BLOCK, cols);
            size_t i4 = i0 + (i1 - i0) / 4 * 4, j4 = j0 + (j1 - j0) / 4 * 4;
            for (size_t i = i0; i < i4; i += 4)
                for (size_t j = j0; j < j4; j += 4)
                    transpose_4(m->q + i * cols + j, cols, w + j * rows + i, rows, a + i);
            for (size_t i = i0; i < i1; i++)
                for (size_t j = i < i4 ? j4 : j0; j < j1; j++)
                    m->q[i * cols + j] = w[j * rows + i] * a[i];
        }
}

struct region {
    size_t row0, row1, col0, col1;
};

// In lanes of its own, which compilers turn into vectors.
static float largest(const struct og_mapping *m, struct region r)
{
    enum { LANES = 16 };
    float top[LANES] = {0};
    for (size_t i = r.row0; i < r.row1; i++) {
        const float *q = m->q + i * m->cols;
        size_t j = r.col0;
        for (; j + LANES <= r.col1; j += LANES)
            for (size_t k = 0; k < LANES; k++) {
                float v = fabsf(q[j + k]);
                top[k] = v > top[k] ? v : top[k];
            }
        for (; j < r.col1; j++) top[0] = fmaxf(top[0], fabsf(q[j]));
    }
    for (size_t k = 1; k < LANES; k++) top[0] = fmaxf(top[0], top[k]);
    return top[0];
}

static float percentile(struct og_mapping *m, struct region r)
{
    size_t n = 0;
    for (size_t i = r.row0; i < r.row1; i++)
        for (size_t j = r.col0; j < r.col1; j++)
            m->scratch[n++] = fabsf(m->q[i * m->cols + j]);
    gsl_sort_float(m->scratch, 1, n);
    float top = (float)gsl_stats_float_quantile_from_sorted_data(
        m->scratch, 1, n, m->hw.mapping.percentile / 100);
    return top > 0 ? top : m->scratch[n - 1];  // the largest where most are 0
}

static float k_sigma(const struct og_mapping *m, struct region r)
{
    double sum = 0;
    for (size_t i = r.row0; i < r.row1; i++)
        for (size_t j = r.col0; j < r.col1; j++)
            sum += (double)m->q[i * m->cols + j] * m->q[i * m->cols + j];
    double n = (double)((r.row1 - r.row0) * (r.col1 - r.col0));
    return (float)(m->hw.mapping.k_sigma * sqrt(sum / n));
}

static float full_scale(struct og_mapping *m, struct region r)
{
    return m->hw.mapping.w_max == OG_W_PERCENTILE ? percentile(m, r)
           : m->hw.mapping.w_max == OG_W_SIGMA    ? k_sigma(m, r)
                                                  : largest(m, r);
}

static void set_region(struct og_mapping *m, size_t tile0, size_t tile1, size_t col0,
                       size_t col1)
{
    struct region r = {tile0 * m->tile_rows, smaller(tile1 * m->tile_rows, m->rows), col0,
                       col1};
    float w_max = full_scale(m, r);
    for (size_t t = tile0; t < tile1; t++)
        for (size_t j = col0; j < col1; j++) m->w_max[t * m->cols + j] = w_max;
    if (w_max > m->w_ref) m->w_ref = w_max;
}

// A region of zeros has no full scale of its own: its devices count like the loudest.
static void fill_scales(struct og_mapping *m)
{
    if (!(m->w_ref > 0)) m->w_ref = 1;
    for (size_t k = 0; k < m->row_tiles * m->cols; k++)
        if (!(m->w_max[k] > 0)) m->w_max[k] = m->w_ref;
}

static void set_scales(struct og_mapping *m)
{
    m->w_ref = 0;
    size_t width = m->hw.mapping.granularity == OG_PER_TILE     ? m->tile_cols
                   : m->hw.mapping.granularity == OG_PER_COLUMN ? 1
                                                                : m->cols;
    if (m->hw.mapping.granularity == OG_PER_LAYER) {
        set_region(m, 0, m->row_tiles, 0, m->cols);
        fill_scales(m);
        return;
    }
    for (size_t t = 0; t < m->row_tiles; t++)
        for (size_t j = 0; j < m->cols; j += width)
            set_region(m, t, t + 1, j, smaller(j + width, m->cols));
    fill_scales(m);
}

// q = w a of the lines that are left.
static void gather(struct og_mapping *m, const float *w, const float *a)
{
    for (size_t i = 0; i < m->rows; i++)
        for (size_t j = 0; j < m->cols; j++)
            m->q[i * m->cols + j] =
                w[m->live_col[j] * m->full_rows + m->live_row[i]] * a[i];
}

// Which cells are switched off: those of pruned weights, which are found before
// quantisation, and those of zeros after it. Pruned weights are 0 even where the grid has
// no zero.
static void find_off(struct og_mapping *m, bool quantised)
{
    bool wanted = quantised ? m->hw.device.zero_cells == OG_ZERO_OFF
                            : m->hw.device.pruned_cells == OG_ZERO_OFF;
    size_t cells = m->rows * m->cols, found = 0;
    if (!quantised) memset(m->off, 0, cells);
    for (size_t k = 0; k < cells; k++) {
        if (quantised && m->off[k]) m->q[k] = 0;
        if (wanted && m->q[k] == 0) m->off[k] = 1;
        found += m->off[k];
    }
    m->any_off = found > 0;
}

void og_mapping_quantise(const struct og_mapping *m, float *q, const float *w_max,
                         size_t n)
{
    bool odd = m->hw.mapping.weight_bits > 0 && m->hw.mapping.rounding == OG_MID_RISE;
    float D = m->D, half = D / 2;
    for (size_t j = 0; j < n; j++) {
        float u = q[j] / w_max[j];
        u = u > 1 ? 1 : u < -1 ? -1 : u;
        q[j] = u;
    }
    if (odd) {
        for (size_t j = 0; j < n; j++) {
            float k = floorf(q[j] * half);
            q[j] = 2 * (k > half - 1 ? half - 1 : k) + 1;
        }
    } else if (m->grid) {
        for (size_t j = 0; j < n; j++) q[j] = rintf(q[j] * D);
    }
}

void og_mapping_set(struct og_mapping *m, const float *w, const float *a)
{
    if (og_mapping_is_whole(m))
        transpose(m, w, a);
    else
        gather(m, w, a);
    og_lines_find(m);
    if (m->off != NULL) find_off(m, false);
    set_scales(m);
    for (size_t i = 0; i < m->rows; i++)
        og_mapping_quantise(m, m->q + i * m->cols, m->w_max + i / m->tile_rows * m->cols,
                            m->cols);
    if (m->off != NULL) find_off(m, true);
    og_lines_clear(m, m->q);  // a grid without a zero has put something there
}

void og_mapping_slice(const struct og_mapping *m, int s, size_t first, size_t n, float *q)
{
    const float *whole = m->q + first;
    if (m->slices == 1) {
        for (size_t k = 0; k < n; k++) q[k] = whole[k];
        return;
    }
    int bits = m->hw.mapping.slice_bits, mask = (1 << bits) - 1;
    for (size_t k = 0; k < n; k++) {
        q[k] = whole[k];
        if (isnan(q[k])) continue;  // has no digits; it shows in the sums
        int v = (int)whole[k], digit = ((v < 0 ? -v : v) >> (bits * s)) & mask;
        q[k] = (float)(v < 0 ? -digit : digit);
    }
}

float og_slice_weight(const struct og_mapping *m, int s)
{
    return (float)(1u << (m->hw.mapping.slice_bits * s));
}

int og_mapping_sides(const struct og_mapping *m)
{
    return m->hw.mapping.scheme == OG_OFFSET ? 1 : 2;
}

void og_mapping_target(const struct og_mapping *m, int side, const float *q, float *t,
                       size_t n)
{
    float sign = side == 0 ? 1.0f : -1.0f, D = m->D_slice;
    if (m->hw.mapping.scheme == OG_DIFFERENTIAL) {
        for (size_t k = 0; k < n; k++) {
            float u = sign * q[k] / D;
            t[k] = u > 0 ? u : 0;
        }
    } else {  // two-sided and offset: zero sits in the middle of the range
        for (size_t k = 0; k < n; k++) t[k] = (1 + sign * q[k] / D) / 2;
    }
}

float og_mapping_gain(const struct og_mapping *m, int side)
{
    if (m->hw.mapping.scheme == OG_OFFSET) return 2 * m->D_slice;
    return side == 0 ? m->D_slice : -m->D_slice;
}
