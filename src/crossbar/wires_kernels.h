// SPDX-License-Identifier: GPL-3.0-or-later
// The kernels of the wire solvers, compiled once per instruction set.
//
// Conjugate gradients. Word lines are eliminated: with T the tridiagonal matrix of one
// word line and P that of one bit line, each in units of its segment conductance, and
// S = G / sqrt(g_row g_col) cell by cell,
//   (P - S T^-1 S) b = d,   d = (G / g_col) T^-1 (terminals' V),
// in units of g_col. P is the preconditioner. Both are factored without subtraction: with
// e the conductance that a node sees towards the line's beginning, its own cell included,
// and f the next segment (at the end the terminal), q = 1 / (f + e), e' = G + e q; then
// y = d + q' y' forwards (' the node before), x = q (y + x') backwards (' the node after)
// solves the line, and d . x = sum q y^2. After Grassmann, Taksar and Heyman,
// "Regenerative analysis and steady state distributions for Markov chains", 1985.
#ifndef OG_CROSSBAR_WIRES_KERNELS_H
#define OG_CROSSBAR_WIRES_KERNELS_H

#include <stdbool.h>
#include <stddef.h>

// Word lines are solved in strips of so many.
enum { OG_STRIP = 16 };

enum og_line_kind {
    OG_LINE_WIRE,   // n nodes joined by segments
    OG_LINE_NODE,   // segments of 0 ohm: one node behind the terminals
    OG_LINE_IDEAL,  // terminals of 0 ohm as well: a known voltage
};

struct og_line {
    enum og_line_kind kind;
    double unit;  // [S] a segment (WIRE), all terminals together (NODE), 1 (IDEAL)
    // Conductance from the outermost nodes through segment and terminal, in units; 0:
    // open. WIRE only.
    double first, last;
};

struct og_wire_grid {
    size_t rows, cols;
    size_t width;   // cols, in whole vectors
    size_t ld;      // of arrays [rows][cols]; not a power of two, so that columns differ
                    // in the cache sets that they use
    size_t strips;  // of OG_STRIP rows
    struct og_line row, col;
    double *s, *qw;  // [strips][width][OG_STRIP]; qw of NODE: [strips][OG_STRIP]
    double *qb;      // [rows][ld]; of NODE: [ld]
};

// One vector. Arrays are [strips * OG_STRIP][ld]; what lies beyond the array stays 0.
struct og_wire_state {
    double *p, *pp;   // direction, P times it
    double *r, *y;    // residual; half-solved
    double *u;        // S T^-1 S p
    double *z;        // [ld] P^-1 r of the row in hand
    double *e;        // [ld] r . P^-1 r of each bit line
    double *scratch;  // [width][OG_STRIP]
    double *drive;    // [strips * OG_STRIP] V
};

struct og_wire_kernels {
    // g[rows * cols] -> s, qw, qb.
    void (*load)(const struct og_wire_grid *w, const double *g);
    // r = d.
    void (*source)(const struct og_wire_grid *w, struct og_wire_state *t);
    // r -= alpha (pp - u) unless alpha is 0; y and e of it.
    void (*forward)(const struct og_wire_grid *w, struct og_wire_state *t, double alpha);
    // p = P^-1 r + beta p, pp = r + beta pp (beta 0: without p), u; returns p . (pp - u).
    double (*backward)(const struct og_wire_grid *w, struct og_wire_state *t,
                       double beta);
};
const struct og_wire_kernels *og_wire_kernels(void);

#endif
