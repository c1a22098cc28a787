// SPDX-License-Identifier: GPL-3.0-or-later
// What the wire solvers share.
#ifndef OG_CROSSBAR_WIRES_IMPL_H
#define OG_CROSSBAR_WIRES_IMPL_H

#include <stdio.h>

#include "crossbar/wires_kernels.h"
#include "ohmgrid/wires.h"

struct og_wires {
    size_t rows, cols;
    struct og_wire_params params;
    struct og_line row, col;  // of a word line, of a bit line
    double *g;                // [rows * cols] S
    bool loaded;
    struct og_wire_grid grid;  // of conjugate gradients; made when first needed
    bool grid_loaded;
    // Made when first needed and kept: room of conjugate gradients for so many threads,
    // and of merging.
    char *states;
    size_t states_count;
    struct og_merge *merge;
};

// og_wires_load without its checks.
void og_wires_set(og_wires *w, const double *g);
og_status og_wires_no_memory(struct og_error *err);

// Conductance in S between node `at` of a line of n and terminals at both its ends.
double og_line_terminal(const struct og_line *l, size_t at, size_t n);

// --- conjugate gradients (wires_pcg.c) -------------------------------------------------
// One vector; current[cols] unless NULL, bit[rows * cols] node voltages unless NULL. Does
// not need the other end of a line to be known (no IDEAL lines).
struct og_pcg_result {
    size_t iterations;
    double residual;
    bool converged;
};
struct og_pcg_io {
    const double *v;       // [rows] V at the sources; NULL: 0
    const double *sense;   // [cols] V at the amplifiers; NULL: 0
    const double *inject;  // [rows * cols] A into the bit-line nodes; NULL: 0
    double *current, *bit;
    double tolerance;  // of each bit line's last correction over its largest; 0: 1e-13
};
og_status og_pcg_prepare(og_wires *w, struct og_error *err);
size_t og_pcg_state_bytes(const struct og_wires *w, bool bit);
struct og_pcg_result og_pcg_solve(const struct og_wires *w, void *state,
                                  const struct og_pcg_io *io);
void og_pcg_free(og_wires *w);

// --- vectors (wires_read.c)
// --------------------------------------------------------------
og_status og_wires_check_voltages(const struct og_wires *w, const double *v, size_t batch,
                                  struct og_error *err);
// current = v T, vector by vector, so that none depends on the others.
void og_wires_multiply(const struct og_wires *w, const double *t, const double *v,
                       size_t batch, double *current);

// --- lines that do not feel each other (wires_line.c) ----------------------------------
// Whether word or bit lines are IDEAL, so that each line is solved by itself.
bool og_wires_decoupled(const struct og_wires *w);
// Factors q[n] of a line (WIRE, NODE: q[0]) whose cells are g[k * stride].
void og_line_factor(const struct og_line *l, const double *g, size_t stride, size_t n,
                    double *q);
// x[n] <- solution for currents x [units]; conductances in q.
void og_line_solve(const struct og_line *l, const double *q, size_t n, double *x);
// word[cols] of row i, given the bit line voltages of that row (NULL: 0). q: scratch.
void og_word_line(const struct og_wires *w, size_t i, double v, const double *bit,
                  double *word, double *q);
// resistance[cols]: voltage of each node of word line i, its source and the bit lines at
// ground, for a unit current into it.
void og_word_resistance(const struct og_wires *w, size_t i, double *resistance);
// Four word lines of two fields at once, so that no line waits for its own last node:
// x[cols][8], lane 4 f + k of line i + k in field f, given q[rows * cols] of
// og_line_factor. Lines beyond the last are left out. Not for IDEAL word lines.
struct og_field {
    const double *v;    // [rows] V at the sources; NULL: 0
    const double *bit;  // [rows * cols] V
};
void og_word_lines(const struct og_wires *w, size_t i, const struct og_field field[2],
                   const double *q, double *x);
// share[rows]: what bit line j, the word lines at ground, carries to its terminals of a
// unit current into each of its nodes. q: scratch.
void og_bit_line(const struct og_wires *w, size_t j, double *share, double *q);
// t of an array of which a line is IDEAL; scratch: 2 (rows + cols).
void og_wires_decoupled_transfer(const struct og_wires *w, double *t, double *scratch);

// --- transfer matrices -----------------------------------------------------------------
void og_merge_free(struct og_merge *m);
og_status og_merge_transfer(struct og_wires *w, double *t, struct og_error *err);
og_status og_merge_sources(struct og_wires *w, double *y, struct og_error *err);
og_status og_node_transfer(const struct og_wires *w, double *t, struct og_error *err);

// --- sparse direct (wires_direct.c) ----------------------------------------------------
// v NULL: unit vectors. *residual: see og_wire_report.
og_status og_direct_read(const struct og_wires *w, const double *v, size_t batch,
                         double *current, double *residual, struct og_error *err);

// --- voltages (wires_field.c)
// ------------------------------------------------------------ Node voltages [rows *
// cols] for voltages v at the sources and u at the amplifiers, of which one may be NULL
// (0); word may be NULL. `within`: in room made before.
struct og_field_room {
    double *scratch, tolerance;  // that of og_pcg_io
    void *state;
};
og_status og_field_room_alloc(struct og_field_room *room, og_wires *w,
                              struct og_error *err);
void og_field_room_free(struct og_field_room *room);
og_status og_wires_field_within(og_wires *w, const struct og_field_room *room,
                                const double *v, const double *u, double *word,
                                double *bit, struct og_error *err);
og_status og_wires_field(og_wires *w, const double *v, const double *u, double *word,
                         double *bit, struct og_error *err);
// Node voltages for currents [rows * cols] put into the nodes, terminals at 0 V.
og_status og_wires_inject(og_wires *w, const double *word_in, const double *bit_in,
                          double *word, double *bit, struct og_error *err);
// dv[rows] of a loss, from the adjoint voltages (sources at 0 V).
void og_wires_source_gradient(const og_wires *w, const double *word, const double *bit,
                              double *dv);
// current[rows] out of the sources at v[rows], of cells that carry cell[rows * cols] A.
void og_wires_source_currents(const og_wires *w, const double *v, const double *word,
                              const double *cell, double *current);
// |A b - d| / |d|, see og_wire_report. scratch: 4 cols.
double og_wires_residual(const struct og_wires *w, const double *v, const double *bit,
                         double *scratch);

// --- as a netlist (wires_spice.c)
// --------------------------------------------------------
void og_wires_netlist(const struct og_wires *w, const double *v, size_t batch, FILE *out);

#endif
