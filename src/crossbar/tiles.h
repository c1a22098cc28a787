// SPDX-License-Identifier: GPL-3.0-or-later
// Tiles of a crossbar seen from outside. Wire segments are cut in their middle; what is
// left of a tile of m x n cells is the matrix S of the currents into its ports for their
// voltages: left, right (m each), top, bottom (n each), where there are such. Joining two
// tiles eliminates the ports x that they share (nested dissection; a discrete
// Poincare-Steklov map):
//   C = A_xx + B_xx = L L^T,  F = L^-1 [A_xr B_xr],  S = diag(A_rr, B_rr) - F^T F.
// Off the diagonal S is never positive, and only terms of one sign are added there. Its
// rows add up to 0, since nothing leaves a tile but through its ports; so the diagonal is
// taken from the rest of the row (Grassmann, Taksar and Heyman 1985). Subtracted, its
// rounding would be a leak to ground, and 512 x 512 cells would lose six digits of 16.
#ifndef OG_CROSSBAR_TILES_H
#define OG_CROSSBAR_TILES_H

#include <stdbool.h>
#include <stddef.h>

enum { OG_LEAF = 8 };  // most rows and columns of the tiles made directly, in lanes

enum og_side { OG_LEFT, OG_RIGHT, OG_TOP, OG_BOTTOM, OG_SIDES };

// Ports come in the order of the sides.
struct og_ports {
    size_t n[OG_SIDES];  // 0: no ports on this side
};
size_t og_ports_before(const struct og_ports *p, enum og_side side);
size_t og_ports_count(const struct og_ports *p);

// A run of ports of the joined tile.
struct og_piece {
    size_t child;    // 0 or 1
    size_t from, n;  // ports of the child
    size_t to;       // first port of the joined tile
    enum og_side side;
    size_t at;  // first port within that side
};
struct og_join {
    size_t shared;
    size_t x[2];  // first shared port of each child
    struct og_piece piece[6];
    struct og_ports ports;
};
enum { OG_PIECES = 6 };
// child[0] left of (or, if `stacked`, above) child[1].
struct og_join og_join_of(const struct og_ports child[2], bool stacked);

// Eight tiles of the same shape, one in each lane.
struct og_leaves {
    size_t m, n;                // 1 .. OG_LEAF
    const double *g;            // [m][n][8]
    double half_row, half_col;  // half segments within
    double edge[OG_SIDES][8];   // what joins the outermost cells to the ports
};
struct og_leaf_kernels {
    // s[P][P][8], P = 2 (m + n), all four sides.
    void (*build)(const struct og_leaves *l, double *s, double *scratch);
    // [n * n][8] -> to[lane][n * n].
    void (*spread)(const double *s, size_t n, double *to);
    // s[j * n + i] = s[i * n + j], j > i, then the diagonal from the rest of its row.
    void (*mirror)(double *s, size_t n);
};
const struct og_leaf_kernels *og_leaf_kernels(void);
enum { OG_LEAF_PORTS = 4 * OG_LEAF, OG_LEAF_SCRATCH = 8 * 2304 };

#endif
