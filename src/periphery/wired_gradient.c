// SPDX-License-Identifier: GPL-3.0-or-later
// Gradients by weights through the wires of their arrays. With P the gradient by the
// weights as reads see them, that by a device's conductance is sum_ij P_ij dT_ij / dg.
#include <math.h>

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
    const double steps = fabs(og_plate_steps(p, side)) * (side == 0 ? 1 : -1);
    for (size_t i = 0; i < p->rows; i++)
        for (size_t j = 0; j < p->cols; j++) {
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
        double *line = p->n->t + i * lines;
        line[lines - 1] = 0;
        for (size_t j = 0; j < p->cols; j++) line[lines - 1] -= line[j];
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

static void add_gradient(const struct og_plate *p, int side)
{
    const struct og_mapping *m = &p->a->map;
    for (size_t i = 0; i < p->rows; i++)
        for (size_t j = 0; j < p->cols; j++) {
            const size_t k = og_plate_device(p, i, j);
            if (og_missing(m, p->row0 + i, p->col0 + j)) continue;
            gradients_of(p)->q[k] +=
                follows(p, side, m->q[k]) * p->n->share[og_plate_cell(p, i, j, side)];
        }
}

static og_status pull_plate(const struct og_plate *p)
{
    struct og_circuit *n = p->n;
    OG_TRY(og_plate_gather(p));
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
    if (a->wired == NULL) return OG_OK;
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
