// SPDX-License-Identifier: GPL-3.0-or-later
// Gradients by weights through the wires of their arrays. With P the gradient by the
// weights as reads see them, that by a device's conductance is sum_ij P_ij dT_ij / dg.
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "periphery/plate.h"

struct gradients {
    const float *dw;  // [full_cols][full_rows], as reads see the weights
    double *q;        // [rows * cols] by the targets of the weights
};

static const struct gradients *gradients_of(const struct og_plate *p) { return p->with; }

// Of a loss by T of bit line of `side`, in 1/S.
static void gather_gradient(const struct og_plate *p, int side)
{
    const struct og_mapping *m = &p->a->map;
    for (size_t i = 0; i < p->rows; i++)
        for (size_t j = 0; j < p->cols; j++) {
            const int of = og_plate_side(p, j, side);
            const double steps = fabs(og_plate_steps(p, of)) * (of == 0 ? 1 : -1);
            const size_t row = p->row0 + i, col = p->col0 + j;
            const float dw =
                gradients_of(p)
                    ->dw[og_live_col(m, col) * m->full_rows + og_live_row(m, row)];
            const float scale = m->w_max[row / m->tile_rows * m->cols + col];
            p->n->t[og_plate_cell(p, i, j, side)] =
                steps * (double)(dw * scale / (m->D * p->a->a[row]));
        }
}

// The reference is taken away from every output.
static void gather_reference_gradient(const struct og_plate *p)
{
    const size_t lines = og_plate_lines(p);
    for (size_t i = 0; p->reference && i < p->rows; i++) {
        double *line = p->n->t + og_plate_row(p, i) * lines;
        line[lines - 1] = 0;
        for (size_t j = 0; j < p->cols; j++)
            line[lines - 1] -= line[og_plate_line(p, j, 0)];
    }
}

// dg / dq in siemens per step. A weight of 0 is where one device takes over from the
// other: half of each.
static double follows(const struct og_plate *p, int side, float q)
{
    const struct og_mapping *m = &p->a->map;
    const struct og_device *d = &m->hw.device;
    const double slope = (d->g_max - d->g_min) / (double)m->D * (side == 0 ? 1 : -1);
    if (m->hw.mapping.scheme != OG_DIFFERENTIAL) return slope / 2;
    if (q == 0) return slope / 2;
    return (q > 0) == (side == 0) ? slope : 0;
}

static void add_targets(const struct og_plate *p, int side, double *q)
{
    const struct og_mapping *m = &p->a->map;
    for (size_t i = 0; i < p->rows; i++)
        for (size_t j = 0; j < p->cols; j++) {
            const size_t k = og_plate_device(p, i, j);
            if (og_missing(m, p->row0 + i, p->col0 + j)) continue;
            q[k] += follows(p, og_plate_side(p, j, side), m->q[k]) *
                    p->n->share[og_plate_cell(p, i, j, side)];
        }
}

static void add_gradient(const struct og_plate *p, int side)
{
    add_targets(p, side, gradients_of(p)->q);
}

static og_status pull_plate(const struct og_plate *p)
{
    struct og_circuit *n = p->n;
    OG_TRY(og_plate_gather(p));
    memset(n->t, 0, n->rows * n->cols * sizeof *n->t);
    og_each_side(p, gather_gradient);
    gather_reference_gradient(p);
    OG_TRY(og_circuit_gradient(n, n->t, n->share, NULL));
    og_each_side(p, add_gradient);
    return OG_OK;
}

// The weights of one slice: og_array_keep_gradient has seen to that.
og_status og_array_through_wires(og_array *a, float *dw)
{
    const struct og_mapping *m = &a->map;
    // Reads that are solved for themselves have pulled their own.
    if (a->wired == NULL || og_wired_is_nonlinear(a)) return OG_OK;
    struct gradients g = {.dw = dw, .q = og_alloc(m->rows * m->cols, sizeof *g.q)};
    if (g.q == NULL) return OG_NO_MEMORY;
    const og_status status = og_each_plate(a, 0, pull_plate, &g);
    for (size_t i = 0; i < m->rows; i++)
        for (size_t j = 0; j < m->cols; j++) {
            const double w_max = (double)m->w_max[i / m->tile_rows * m->cols + j];
            dw[og_live_col(m, j) * m->full_rows + og_live_row(m, i)] =
                (float)(g.q[i * m->cols + j] * (double)(m->D * a->a[i]) / w_max);
        }
    og_free(g.q);
    return status;
}

// --- reads that are solved for themselves ----------------------------------------------

struct pulling {
    const struct og_unit *unit;
    struct og_wired_pull io;
    double *voltage, *dvoltage;  // [n][rows of the plate]
    double *dcurrent;            // [n][lines]
};

static const struct pulling *pulling_of(const struct og_plate *p) { return p->with; }

static void gather_current(const struct og_plate *p, int side)
{
    const struct pulling *r = pulling_of(p);
    const struct og_array *a = p->a;
    const size_t lines = og_plate_lines(p);
    const double per_volt = (double)a->d_max / a->map.hw.device.v_read;
    for (size_t j = 0; j < p->cols; j++) {
        const int of = og_plate_side(p, j, side);
        if (a->sides == 2 && of != r->unit->side) continue;
        for (size_t k = 0; k < r->io.n; k++) {
            double *line = r->dcurrent + k * lines;
            const double d = og_plate_steps(p, of) * per_volt *
                             (double)r->io.dsum[k * a->map.cols + p->col0 + j];
            line[og_plate_line(p, j, side)] = d;
            if (p->reference) line[lines - 1] -= d;
        }
    }
}

static void add_drives(const struct og_plate *p)
{
    const struct pulling *r = pulling_of(p);
    const struct og_unit *u = r->unit;
    const double volts = p->a->map.hw.device.v_read / (double)p->a->d_max;
    for (size_t k = 0; k < r->io.n; k++)
        for (size_t i = 0; i < p->rows; i++) {
            const size_t row = p->row0 + i;
            if (row < u->row0 || row >= u->row0 + u->rows) continue;
            r->io.ddrive[k * p->a->map.rows + row] +=
                volts * r->dvoltage[k * p->rows + og_plate_row(p, i)];
        }
}

static void add_pulled(const struct og_plate *p, int side)
{
    add_targets(p, side, pulling_of(p)->io.dq);
}

static og_status pull_read(const struct og_plate *p)
{
    const struct pulling *r = pulling_of(p);
    const struct og_device *d = &p->a->map.hw.device;
    const struct og_wire_cell cell = {d->iv, d->v_read};
    const size_t lines = og_plate_lines(p);
    OG_TRY(og_plate_gather(p));
    og_plate_voltages(p, r->unit, r->io.drive, r->io.n, r->voltage);
    memset(r->dcurrent, 0, r->io.n * lines * sizeof *r->dcurrent);
    memset(p->n->share, 0, p->rows * lines * sizeof *p->n->share);
    og_each_side(p, gather_current);
    OG_TRY(og_wires_gradient_cells(og_circuit_solver(p->n), &cell, r->voltage, r->io.n,
                                   r->dcurrent, p->n->share, r->dvoltage, NULL));
    og_each_side(p, add_pulled);
    add_drives(p);
    return OG_OK;
}

og_status og_wired_pull(const struct og_array *a, const struct og_unit *u,
                        const struct og_wired_pull *pull)
{
    const struct og_mapping *m = &a->map;
    const size_t lines = og_plate_most_lines(a);
    double *memory = og_alloc(pull->n * (2 * m->array_rows + lines), sizeof *memory);
    if (memory == NULL) return OG_NO_MEMORY;
    const struct pulling r = {.unit = u,
                              .io = *pull,
                              .voltage = memory,
                              .dvoltage = memory + pull->n * m->array_rows,
                              .dcurrent = memory + 2 * pull->n * m->array_rows};
    const og_status s = og_each_plate_of(a, u, pull_read, &r);
    og_free(memory);
    return s;
}
