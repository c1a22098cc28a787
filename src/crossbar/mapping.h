// SPDX-License-Identifier: GPL-3.0-or-later
// Weights -> what the devices are asked for. A weight matrix W[col][row] with input
// ranges a[row] becomes numbers q = D w a / w_max on a grid: integers in [-D, D] when
// weights are quantised (mid-tread), odd integers (mid-rise), or reals with D = 1. Slices
// hold the digits of |q|; sides hold the two devices of a pair.
#ifndef OG_CROSSBAR_MAPPING_H
#define OG_CROSSBAR_MAPPING_H

#include <stdint.h>

#include "ohmgrid/array.h"

struct og_mapping {
    struct og_hardware hw;
    size_t rows, cols;            // whole matrix
    size_t tile_rows, tile_cols;  // of one tile
    size_t row_tiles, col_tiles;
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

// w[j * rows + i]; a[i] > 0.
void og_mapping_set(struct og_mapping *m, const float *w, const float *a);

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

#endif
