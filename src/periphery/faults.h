// SPDX-License-Identifier: GPL-3.0-or-later
// Stuck devices of an array, and which weight meets which of them.
//
// The physical array of tile (r, c) has the rows of r and the columns of c, then
// tile.spare_columns more. Faults belong to its devices, whatever is written there: drawn
// from device.faults by the number of the device, or imported. mapping.remap then chooses
// for each tile, with all faults known, which physical lines the weights take:
//   columns   any of the tile's, spare ones too: least sum of squared weight errors, a
//             linear assignment (fault-aware matching: Chen et al., DATE 2017; Xia et
//             al., IEEE JETCAS 8, 2018)
//   rows      the same among word lines that are driven together
//   sides     the two bit lines of a pair change roles (its output is negated)
//   partners  the healthy device of a pair takes on what its stuck partner is off (the
//             inner redundancy of pairs: Xia et al.)
// Without columns, spare columns take the place of the columns that gain most by it.
// Nothing moves where that does not lessen the error.
#ifndef OG_PERIPHERY_FAULTS_H
#define OG_PERIPHERY_FAULTS_H

#include "periphery/array_impl.h"

struct og_faults {
    size_t width;                // physical columns of all column tiles: cols + spares
    uint8_t *map;                // [sets][full rows][full width] imported; NULL: drawn
    uint8_t *physical;           // [sets][rows][width] of this chip
    uint8_t *logical;            // [sets][rows][cols] as weights meet them
    uint8_t *any;                // [rows][width] whether any set has a fault there
    double *cost;                // of the largest assignment
    uint32_t *row, *col, *line;  // physical line of each line of a tile; row of each line
    uint8_t *flip;               // of each column: whether its sides are changed
    uint32_t *to;                // what an assignment says
    // For wires: the row that each row of a column tile has [col_tiles][rows], and of the
    // columns of each row tile [row_tiles][cols] the place in it and the side.
    uint32_t *kept_row, *kept_col;
    uint8_t *kept_flip;
    void *work;  // of og_assign
};

// Where devices can be stuck; NULL else. OG_NO_MEMORY.
og_status og_faults_alloc(struct og_array *a, struct og_error *err);
void og_faults_free(struct og_faults *f);
// Once the weights are mapped: the faults of a->chip, and where the weights go.
void og_faults_place(struct og_array *a);
// Where the weights of the array of which (row0, col0) is the first stand, see og_plate;
// NULL: in their order.
void og_faults_places(const struct og_array *a, size_t row0, size_t col0,
                      const uint32_t **row, const uint32_t **col, const uint8_t **flip);
// Spare columns of all tiles.
size_t og_faults_width(const struct og_array *a, size_t cols);

// Sets of devices, and the number of one of them.
size_t og_fault_sets(const struct og_array *a);
size_t og_fault_set(const struct og_array *a, int copy, int slice, int side);
static inline size_t og_fewer(size_t a, size_t b) { return a < b ? a : b; }

// --- remap.c -------------------------------------------------------------------------
// The physical faults of a->chip.
void og_faults_find(struct og_array *a);
// One tile, and what each fault conducts, as a part of the range above g_min.
struct og_fault_tile {
    const struct og_array *a;
    struct og_faults *f;
    size_t row0, rows, col0, cols, places, first;  // first: its column 0 in `width`
    float stuck[OG_FAULT_CODES];
};
struct og_fault_tile og_fault_tile_at(const struct og_array *a, size_t row0, size_t col0);
// What a stuck partner leaves to do: t - other is to stay what it was.
float og_taken_on(float t, float other, float stuck);

#endif
