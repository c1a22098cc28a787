// SPDX-License-Identifier: GPL-3.0-or-later
// The approximations of crossbar/circuit.h against Kirchhoff's laws.
#include <math.h>

#include "base/mem.h"
#include "crossbar/circuit.h"
#include "crossbar/wires_impl.h"

static double column_sum(const struct og_circuit *n, const double *t, size_t j)
{
    double sum = 0;
    for (size_t i = 0; i < n->rows; i++) sum += t[i * n->cols + j];
    return sum;
}

// The same devices in another mode.
static og_status other_mode(const struct og_circuit *n, enum og_wire_mode mode,
                            enum og_wire_approximation approximation,
                            struct og_circuit *other, struct og_error *err)
{
    *other = (struct og_circuit){.wiring = n->wiring};
    other->wiring.mode = mode;
    other->wiring.approximation = approximation;
    OG_TRY(og_circuit_resize(other, n->rows, n->cols, err));
    for (size_t k = 0; k < n->rows * n->cols; k++) other->g[k] = n->g[k];
    return og_circuit_transfer(other, err);
}

// All rows at full drive.
static double cubic_sum(const struct og_circuit *n, size_t j)
{
    double sum = 0, placed = 0;
    for (size_t i = 0; i < n->rows; i++) {
        const double g = n->g[i * n->cols + j];
        sum += g;
        placed += g * og_cubic_place(n->rows - 1 - i, n->rows);
    }
    const double a = (double)n->rows * n->wiring.r_col * sum;
    return sum - og_cubic_drop(a) * placed;
}

static double lost(const struct og_circuit *exact)
{
    double carried = 0, ideal = 0;
    for (size_t j = 0; j < exact->cols; j++) {
        carried += column_sum(exact, exact->t, j);
        ideal += column_sum(exact, exact->g, j);
    }
    return ideal > 0 ? 1 - carried / ideal : 0;
}

// Rms over the bit lines.
static double error_of(const struct og_circuit *exact, const struct og_circuit *other)
{
    double square = 0;
    size_t columns = 0;
    for (size_t j = 0; j < exact->cols; j++) {
        const double sum = column_sum(exact, exact->t, j);
        if (!(sum > 0)) continue;
        const double has = og_wiring_is_cubic(&other->wiring)
                               ? cubic_sum(other, j)
                               : column_sum(other, other->t, j);
        square += (has / sum - 1) * (has / sum - 1);
        columns++;
    }
    return columns > 0 ? sqrt(square / (double)columns) : 0;
}

// Var_j = sum_kl variance_kl (dI_j / dg_kl)^2, into *sum.
static og_status add_reference(struct og_circuit *n, og_wires *w, size_t j,
                               const double *variance, double *memory, double *sum,
                               struct og_error *err)
{
    double *v = memory, *u = v + n->rows, *dg = u + n->cols;
    for (size_t i = 0; i < n->rows; i++) v[i] = 1;
    for (size_t k = 0; k < n->cols; k++) u[k] = (double)(k == j);
    OG_TRY(og_wires_gradient(w, v, u, dg, NULL, err));
    for (size_t k = 0; k < n->rows * n->cols; k++) {
        const double slope = dg[k] * og_circuit_access_share(n, k);
        *sum += variance[k] * slope * slope;
    }
    return OG_OK;
}

static og_status check_noise(struct og_circuit *n, const double *variance,
                             struct og_wire_check *check, struct og_error *err)
{
    enum { OUTPUTS = 16 };
    const size_t cols = n->cols, step = cols > OUTPUTS ? cols / OUTPUTS : 1;
    og_wires *w = og_circuit_solver(n);
    double *memory = og_alloc(n->rows + cols + n->rows * cols, sizeof *memory);
    if (memory == NULL) return og_wires_no_memory(err);
    double reads = 0, reference = 0;
    og_status s = OG_OK;
    og_circuit_shares(n);
    for (size_t j = 0; s == OG_OK && j < cols; j += step) {
        for (size_t i = 0; i < n->rows; i++) {
            const double share = n->share[i * cols + j];
            reads += variance[i * cols + j] * share * share;
        }
        s = add_reference(n, w, j, variance, memory, &reference, err);
    }
    og_free(memory);
    check->noise = reference > 0 ? sqrt(reads / reference) : (double)NAN;
    return s;
}

static og_status check_other(const struct og_circuit *exact,
                             enum og_wire_approximation approximation, double *error,
                             struct og_error *err)
{
    struct og_circuit other = {0};
    const og_status s =
        other_mode(exact, OG_WIRES_APPROXIMATE, approximation, &other, err);
    if (s == OG_OK) *error = error_of(exact, &other);
    og_circuit_clear(&other);
    return s;
}

og_status og_circuit_check(struct og_circuit *n, const double *variance,
                           struct og_wire_check *check, struct og_error *err)
{
    struct og_circuit exact = {0};
    *check = (struct og_wire_check){NAN, NAN, NAN, NAN, NAN};
    og_status s = other_mode(n, OG_WIRES_EXACT, OG_WIRES_SERIES, &exact, err);
    if (s == OG_OK) check->lost = lost(&exact);
    if (s == OG_OK) s = check_other(&exact, OG_WIRES_SERIES, &check->approximate, err);
    if (s == OG_OK) s = check_other(&exact, OG_WIRES_LADDER, &check->ladder, err);
    if (s == OG_OK) s = check_other(&exact, OG_WIRES_CUBIC, &check->cubic, err);
    if (s == OG_OK && variance != NULL) s = check_noise(&exact, variance, check, err);
    og_circuit_clear(&exact);
    return s;
}
