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
                            struct og_circuit *other, struct og_error *err)
{
    *other = (struct og_circuit){.wiring = n->wiring};
    other->wiring.mode = mode;
    OG_TRY(og_circuit_resize(other, n->rows, n->cols, err));
    for (size_t k = 0; k < n->rows * n->cols; k++) other->g[k] = n->g[k];
    return og_circuit_transfer(other, err);
}

static void compare(const struct og_circuit *exact, const struct og_circuit *series,
                    struct og_wire_check *check)
{
    double square = 0, carried = 0, ideal = 0;
    size_t columns = 0;
    for (size_t j = 0; j < exact->cols; j++) {
        const double sum = column_sum(exact, exact->t, j);
        carried += sum;
        ideal += column_sum(exact, exact->g, j);
        if (!(sum > 0)) continue;
        const double error = column_sum(series, series->t, j) / sum - 1;
        square += error * error;
        columns++;
    }
    check->lost = ideal > 0 ? 1 - carried / ideal : 0;
    check->approximate = columns > 0 ? sqrt(square / (double)columns) : 0;
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

og_status og_circuit_check(struct og_circuit *n, const double *variance,
                           struct og_wire_check *check, struct og_error *err)
{
    struct og_circuit exact = {0}, series = {0};
    *check = (struct og_wire_check){NAN, NAN, NAN};
    og_status s = other_mode(n, OG_WIRES_EXACT, &exact, err);
    if (s == OG_OK) s = other_mode(n, OG_WIRES_APPROXIMATE, &series, err);
    if (s == OG_OK) compare(&exact, &series, check);
    if (s == OG_OK && variance != NULL) s = check_noise(&exact, variance, check, err);
    og_circuit_clear(&exact);
    og_circuit_clear(&series);
    return s;
}
