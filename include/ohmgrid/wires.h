// SPDX-License-Identifier: GPL-3.0-or-later
// Currents of a crossbar of ohmic cells whose word and bit lines have resistance, in f64.
// The source of word line i stands left of it, behind r_source and one segment r_row; bit
// line j is sensed at virtual ground below its last row, behind one segment r_col and
// r_sense. Each resistance may be exactly 0: its nodes are then one. For fixed
// conductances the array is a linear map, I_j = sum_i T_ij V_i, the transfer matrix T.
// Errors, where a function does not say more: OG_INPUT names the resistance, conductance
// or voltage out of range; OG_FAILED when a solver does not reach its residual;
// OG_NO_MEMORY.
#ifndef OHMGRID_WIRES_H
#define OHMGRID_WIRES_H

#include <stdbool.h>
#include <stddef.h>

#include "ohmgrid/hardware.h"
#include "ohmgrid/status.h"

#ifdef __cplusplus
extern "C" {
#endif

struct og_wire_params {
    double r_row, r_col;  // [ohm] of one segment of a word line, of a bit line
    double r_source;      // [ohm] of each source
    double r_sense;       // [ohm] of each sense amplifier's input
    bool drive_both;      // a second source, same voltage, at the right end of each row
    bool sense_both;      // a second sense amplifier above the first row; currents add up
};

enum { OG_WIRES_SIDE_MAX = 8192 };  // most rows, most columns

enum og_wire_method {
    OG_WIRES_AUTO,    // the cheapest of those below for the work asked for
    OG_WIRES_PCG,     // per vector: conjugate gradients preconditioned by bit lines
    OG_WIRES_MERGE,   // the transfer matrix by merging tiles; then plain products
    OG_WIRES_DIRECT,  // sparse Cholesky factors (SuiteSparse): the independent reference
};
// As --method has it.
OG_API const char *og_wire_method_name(enum og_wire_method method);
// OG_INPUT when there is no such method; `where` begins the sentence.
OG_API og_status og_wire_method_find(enum og_wire_method *method, const char *name,
                                     const char *where, struct og_error *err);

// How the work was done; may be NULL wherever it is asked for.
struct og_wire_report {
    enum og_wire_method method;  // never OG_WIRES_AUTO
    size_t iterations;           // most of any vector; 0 where none are needed
    // DIRECT: most of any vector of |A b - d| / |d|, where A b = d are Kirchhoff's laws
    // of the bit-line nodes with the word lines eliminated; PCG: the same in the norm of
    // its preconditioner. MERGE: largest relative difference from PCG of the currents of
    // one checking vector of ones. 0 where each line is solved by itself.
    double residual;
};

// Ranges: resistances 0 or 1e-6 .. 1e9 ohm, conductances 0 or 1e-15 .. 1 S.
OG_API og_status og_wire_params_check(const struct og_wire_params *p,
                                      struct og_error *err);

// Thread-safety: one call at a time per object; calls use OpenMP inside, and results have
// the same bits for any number of threads.
typedef struct og_wires og_wires;

// Solver of rows x cols arrays; copies `params`. Free also what a failure leaves.
OG_API og_status og_wires_alloc(og_wires **wires, size_t rows, size_t cols,
                                const struct og_wire_params *params,
                                struct og_error *err);
OG_API void og_wires_free(og_wires *wires);

// g[rows * cols] [S], row-major; copied. OG_INPUT names the first cell out of range.
OG_API og_status og_wires_load(og_wires *wires, const double *g, struct og_error *err);

// current[b * cols + j] [A] of v[b * rows + i] [V]. A vector's currents do not depend on
// the others unless AUTO chooses by their number. OG_FAILED: PCG did not converge, or
// AUTO found no method with a residual up to 1e-9 (a method that is named reports its
// own).
OG_API og_status og_wires_read(og_wires *wires, enum og_wire_method method,
                               const double *v, size_t batch, double *current,
                               struct og_wire_report *report, struct og_error *err);

// t[i * cols + j] [S]. AUTO is MERGE, and DIRECT where that fails.
OG_API og_status og_wires_transfer(og_wires *wires, enum og_wire_method method, double *t,
                                   struct og_wire_report *report, struct og_error *err);

// Node voltages [V] of one vector: word[rows * cols] and bit[rows * cols].
OG_API og_status og_wires_voltages(og_wires *wires, const double *v, double *word,
                                   double *bit, struct og_error *err);

// y[i * rows + k] [S]: current out of source i for 1 V at source k. All that the array
// dissipates, in cells, wires and terminals, is v^T y v.
OG_API og_status og_wires_sources(og_wires *wires, double *y, struct og_error *err);

// Cells that are not ohmic: I(V) = g f(V), see og_iv; g is that at v_read.
struct og_wire_cell {
    struct og_iv iv;
    double v_read;  // [V]
};
// The currents of such cells, by Newton's method (the linear network of the slopes solved
// by PCG). report: iterations are Newton steps, residual the square root of what the last
// step gained over the co-content. OG_INPUT: a law that does not rise, or voltages that
// it does not reach. No cell sees more than the highest less the lowest source, 0 V
// included.
OG_API og_status og_wires_read_cells(og_wires *wires, const struct og_wire_cell *cell,
                                     const double *v, size_t batch, double *current,
                                     struct og_wire_report *report, struct og_error *err);
// power[batch] [W] that such an array dissipates.
OG_API og_status og_wires_power_cells(og_wires *wires, const struct og_wire_cell *cell,
                                      const double *v, size_t batch, double *power,
                                      struct og_error *err);
// Exact gradients of a loss through such reads, by the implicit function theorem: with
// the adjoint voltages lambda of the network of the slopes dI/dV at the solution,
// dI/dg_kl = -(lambda_word - lambda_bit) f(v_word - v_bit). Given dcurrent[batch * cols]
// [1/A], adds to dg[rows * cols] [1/S] and writes dv[batch * rows] [1/V].
OG_API og_status og_wires_gradient_cells(og_wires *wires, const struct og_wire_cell *cell,
                                         const double *v, size_t batch,
                                         const double *dcurrent, double *dg, double *dv,
                                         struct og_error *err);

// Exact gradients of a loss through one read, given its gradient dcurrent[cols] [1/A]:
// dg[rows * cols] [1/S] and dv[rows] [1/V], either may be NULL. With the adjoint voltages
// lambda of the same network, driven by dcurrent at the sense amplifiers,
// dI/dg_kl = -(lambda_word - lambda_bit)(v_word - v_bit).
OG_API og_status og_wires_gradient(og_wires *wires, const double *v,
                                   const double *dcurrent, double *dg, double *dv,
                                   struct og_error *err);

// Writes the circuit as an ngspice netlist. `ngspice -b FILE` prints "vector <b>" and
// "i(vt_<j>) = <A>" for the current of every bit line, 15 digits and more.
OG_API og_status og_wires_spice(const og_wires *wires, const double *v, size_t batch,
                                const char *path, struct og_error *err);

// What `ohmgrid solve` does: reads `in` (/conductance [M,N] in S, /voltage [B,M] in V,
// root attributes r_wire_row, r_wire_col, r_source, r_sense in ohm), writes `out`
// (/current [B,N] in A, attributes residual, method, iterations).
struct og_wire_task {
    const char *in, *out;
    const char *spice;  // a netlist as well, or NULL
    enum og_wire_method method;
    bool transfer;  // also /transfer [M,N] in S
};
// OG_INPUT, OG_IO or OG_FAILED (no solution) with a sentence that names file and dataset.
OG_API og_status og_wires_solve(const struct og_wire_task *task, struct og_error *err);

#ifdef __cplusplus
}
#endif
#endif
