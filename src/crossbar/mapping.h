// SPDX-License-Identifier: GPL-3.0-or-later
// Weights -> what the devices are asked for. A weight matrix W[col][row] with input
// ranges a[row] becomes numbers q = D w a / w_max on a grid: integers in [-D, D] when
// weights are quantised (mid-tread), odd integers (mid-rise), or reals with D = 1. Slices
// hold the digits of |q|; sides hold the two devices of a pair.
//
// Lines of zeros (mapping.removed): word and bit lines that are zero in the whole matrix
// are taken out before anything else; `rows` x `cols` is what is left, in order, and
// nothing below knows of more. A line that is zero within one tile (one group of its
// rows) keeps its place there, without devices and converter: it is `gone`.
#ifndef OG_CROSSBAR_MAPPING_H
#define OG_CROSSBAR_MAPPING_H

#include <stdint.h>

#include "ohmgrid/array.h"

struct og_mapping {
    struct og_hardware hw;
    size_t full_rows, full_cols;  // whole matrix
    size_t rows, cols;            // what is left of it
    size_t tile_rows, tile_cols;  // of one tile, or of row tiles joined in analog
    size_t array_rows;            // of one tile
    size_t row_tiles, col_tiles;
    size_t active;                  // rows converted at once
    size_t groups;                  // of rows, over all row tiles
    uint32_t *live_row, *live_col;  // [rows], [cols] lines that are left; NULL: all
    uint8_t *mark;                  // [max(full_rows, full_cols)]
    uint8_t *row_gone;              // [col_tiles][rows]; NULL: lines stay
    uint8_t *col_gone;              // [groups][cols]
    bool any_gone;
    uint8_t *off;  // [rows][cols] switched off; NULL: never
    bool any_off;
    int slices;
    bool grid;       // q is an integer
    float D;         // grid of the whole weight
    float D_slice;   // grid of one slice: largest digit
    float *w_max;    // [row_tiles][cols], of w * a
    float w_ref;     // the largest of them
    float *q;        // [rows][cols]
    float *scratch;  // [rows * cols], for percentiles
};

og_status og_mapping_alloc(struct og_mapping *m, const struct og_hardware *hw,
                           size_t rows, size_t cols, struct og_error *err);
void og_mapping_free(struct og_mapping *m);

// Finds the lines of w[j * full_rows + i] that are left; true when they are others than
// before (and rows, cols with all that follows from them).
bool og_mapping_compact(struct og_mapping *m, const float *w);
void og_mapping_resize(struct og_mapping *m, size_t rows, size_t cols);

// w[j * full_rows + i]; a[i] > 0 of each row that is left.
void og_mapping_set(struct og_mapping *m, const float *w, const float *a);

// q[n] in units of w a -> on the grid: mid-tread k = rint(u D), mid-rise odd integers 2
// floor(u D / 2) + 1, u = q / w_max clipped to [-1, 1].
void og_mapping_quantise(const struct og_mapping *m, float *q, const float *w_max,
                         size_t n);

// The part of q that slice s holds, signed, n elements from device number `first`
// (i * cols + j).
void og_mapping_slice(const struct og_mapping *m, int s, size_t first, size_t n,
                      float *q);
// Significance of slice s: q = sum_s weight(s) slice_s.
float og_slice_weight(const struct og_mapping *m, int s);

// Devices per pair: 2 of a differential pair, 1 of the offset scheme.
int og_mapping_sides(const struct og_mapping *m);
// Target t in [0, 1] of a device of side 0 (+) or 1 (-) for a slice value q.
void og_mapping_target(const struct og_mapping *m, int side, const float *q, float *t,
                       size_t n);
// What a deviation of 1 (the whole conductance range) of a device on `side` adds to q.
float og_mapping_gain(const struct og_mapping *m, int side);

// --- lines.c -------------------------------------------------------------------------
bool og_lines_alloc(struct og_mapping *m);
void og_lines_free(struct og_mapping *m);
// The lines that are gone, from q.
void og_lines_find(struct og_mapping *m);
// x[rows][cols] = 0 where there is no device.
void og_lines_clear(const struct og_mapping *m, float *x);

static inline bool og_mapping_is_whole(const struct og_mapping *m)
{
    return m->rows == m->full_rows && m->cols == m->full_cols;
}

// Number in the whole matrix of a line that is left.
static inline size_t og_live_row(const struct og_mapping *m, size_t i)
{
    return m->live_row == NULL ? i : m->live_row[i];
}

static inline size_t og_live_col(const struct og_mapping *m, size_t j)
{
    return m->live_col == NULL ? j : m->live_col[j];
}

// Group of a row.
static inline size_t og_mapping_group(const struct og_mapping *m, size_t row)
{
    size_t per_tile = (m->tile_rows + m->active - 1) / m->active;
    return row / m->tile_rows * per_tile + row % m->tile_rows / m->active;
}

static inline size_t og_group_tile(const struct og_mapping *m, size_t group)
{
    return group / ((m->tile_rows + m->active - 1) / m->active);
}

// Whether word line i has no weights in the tile of column j.
static inline bool og_row_gone(const struct og_mapping *m, size_t i, size_t j)
{
    return m->any_gone && m->row_gone[j / m->tile_cols * m->rows + i];
}

static inline bool og_col_gone(const struct og_mapping *m, size_t group, size_t j)
{
    return m->any_gone && m->col_gone[group * m->cols + j];
}

// Whether the weight of a line that is left has no devices all the same.
static inline bool og_missing(const struct og_mapping *m, size_t i, size_t j)
{
    return og_row_gone(m, i, j) || og_col_gone(m, og_mapping_group(m, i), j);
}

#endif
