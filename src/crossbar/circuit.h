// SPDX-License-Identifier: GPL-3.0-or-later
// One array of devices and its wires, as programmed: what its reads come down to.
//
// Exact: I_j = sum_i T_ij V_i by Kirchhoff's laws (ohmgrid/wires.h). Approximate:
//   series  every device in series with the wires of its own path alone, T_ij = g / (1 +
//           g R_ij), R_ij = r_source + (j + 1) r_row + (M - i) r_col + r_sense (ends in
//           parallel where there are two), as MLP+NeuroSim's cells (Array.cpp)
//   ladder  every bit line by itself, word lines ideal
//   cubic   aihwkit's formula for the bit lines (rpu_forward_backward_pass.cpp), which is
//           not linear in the inputs: T = g, and og_cubic_drop takes the rest away
#ifndef OG_CROSSBAR_CIRCUIT_H
#define OG_CROSSBAR_CIRCUIT_H

#include "ohmgrid/array.h"
#include "ohmgrid/wires.h"

// Of arrays of any size, one after the other; all bytes zero: empty. Solvers are kept for
// the few sizes that the tiles of one matrix have.
enum { OG_CIRCUIT_SIZES = 4 };
struct og_circuit {
    struct og_wiring wiring;
    og_wires *solver[OG_CIRCUIT_SIZES];
    size_t used[OG_CIRCUIT_SIZES][2];  // rows and columns of each
    size_t next;                       // which one makes room
    size_t rows, cols, room;           // of the present array; cells there is room for
    double *g;         // [rows * cols] S of the devices, r_access not counted; fill it
    double *t;         // [rows * cols] S
    double *share;     // [rows * cols], og_circuit_shares
    double *cell;      // [rows * cols] S with r_access
    double *line;      // scratch
    og_status status;  // for those who use several at once
};

struct og_wire_params og_wiring_params(const struct og_wiring *w);
// Whether there is any resistance at all.
bool og_wiring_is_on(const struct og_wiring *w);

og_status og_circuit_resize(struct og_circuit *n, size_t rows, size_t cols,
                            struct og_error *err);
void og_circuit_clear(struct og_circuit *n);

// g -> t. OG_NO_MEMORY, or OG_FAILED where no solver has any digits left.
og_status og_circuit_transfer(struct og_circuit *n, struct og_error *err);

// share_ij: what the current of output j changes by, per volt at source i, for a siemens
// more of device (i, j): dT_ij / dg_ij, with the two lines of the device alone in the
// network (all other lines at ground). The read noise of a device reaches its output by
// that. T_ij / g_ij would be wrong where g_ij is small: T_ij is then what flows through
// others.
void og_circuit_shares(struct og_circuit *n);

// to[rows * cols]: what arrives at its amplifier of a noise current across a device, by
// its two lines alone; level[rows]: what its word line has of a volt at the source, on
// average.
void og_circuit_arrivals(struct og_circuit *n, double *to);
void og_circuit_levels(struct og_circuit *n, double *level);

// The part that mode cubic takes of sum_i |w_i x_i| = load, w = g / g_max, |x| <= 1, of M
// rows, segments of conductance G_w: a = M g_max / G_w load, c = a (a (0.05 a - 0.2) +
// 0.5), I = sum_i w_i x_i - c sum_i w_i x_i place_i; place_i of the row that is d rows
// away from the one next to the amplifier: 1 - (1 - d / M)^2.
static inline double og_cubic_drop(double a) { return a * (a * (0.05 * a - 0.2) + 0.5); }
static inline double og_cubic_place(size_t away, size_t rows)
{
    const double left = 1 - (double)away / (double)rows;
    return 1 - left * left;
}
static inline bool og_wiring_is_cubic(const struct og_wiring *w)
{
    return w->mode == OG_WIRES_APPROXIMATE && w->approximation == OG_WIRES_CUBIC;
}

// to_kl = sum_ij p_ij dT_ij / dg_kl, by adjoint networks: dT_ij / dg_kl =
// -(lambda^j_word - lambda^j_bit)_kl (w^i - b^i)_kl. p and `to`: [rows * cols].
og_status og_circuit_gradient(struct og_circuit *n, const double *p, double *to,
                              struct og_error *err);

// The solver, with the devices behind their access resistance; what is left there of a
// change of g: d(g / (1 + g r)) / dg. Not of series and cubic.
og_wires *og_circuit_solver(struct og_circuit *n);
double og_circuit_access_share(const struct og_circuit *n, size_t k);

// How good the short ways are, at full drive of all rows: see og_wire_check. variance
// [rows * cols] S^2 of the devices' read noise, or NULL.
og_status og_circuit_check(struct og_circuit *n, const double *variance,
                           struct og_wire_check *check, struct og_error *err);

#endif
