// SPDX-License-Identifier: GPL-3.0-or-later
// Reads of arrays with wires whose cells are not ohmic: each vector by Newton's method.
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "periphery/plate.h"

struct reading {
    const struct og_unit *unit;
    const float *drive;  // [n][rows]
    size_t n;
    float *sum;       // [n][cols]
    double *voltage;  // [n][rows of the plate] V
    double *current;  // [n][lines] A
};

static const struct reading *reading_of(const struct og_plate *p) { return p->with; }

void og_plate_voltages(const struct og_plate *p, const struct og_unit *u,
                       const float *drive, size_t n, double *voltage)
{
    const double volts = p->a->map.hw.device.v_read / (double)p->a->d_max;
    for (size_t k = 0; k < n; k++)
        for (size_t i = 0; i < p->rows; i++) {
            const size_t row = p->row0 + i;
            const bool driven = row >= u->row0 && row < u->row0 + u->rows;
            voltage[k * p->rows + i] =
                driven ? volts * (double)drive[k * p->a->map.rows + row] : 0;
        }
}

static void add_currents(const struct og_plate *p, int side)
{
    const struct reading *r = reading_of(p);
    const struct og_array *a = p->a;
    const size_t lines = og_plate_lines(p);
    if (a->sides == 2 && side != r->unit->side) return;
    const double steps =
        og_plate_steps(p, side) * (double)a->d_max / a->map.hw.device.v_read;
    for (size_t k = 0; k < r->n; k++) {
        const double *line = r->current + k * lines;
        const double reference = p->reference ? line[lines - 1] : 0;
        for (size_t j = 0; j < p->cols; j++)
            r->sum[k * a->map.cols + p->col0 + j] +=
                (float)(steps * (line[og_plate_cell(p, 0, j, side)] - reference));
    }
}

static og_status read_plate(const struct og_plate *p)
{
    const struct reading *r = reading_of(p);
    const struct og_device *d = &p->a->map.hw.device;
    const struct og_wire_cell cell = {d->iv, d->v_read};
    OG_TRY(og_plate_gather(p));
    og_plate_voltages(p, r->unit, r->drive, r->n, r->voltage);
    OG_TRY(og_wires_read_cells(og_circuit_solver(p->n), &cell, r->voltage, r->n,
                               r->current, NULL, NULL));
    og_each_side(p, add_currents);
    return OG_OK;
}

og_status og_each_plate_of(const struct og_array *a, const struct og_unit *u,
                           og_on_plate *act, const void *with)
{
    const struct og_mapping *m = &a->map;
    const size_t first = u->row0 / m->array_rows,
                 last = (u->row0 + u->rows - 1) / m->array_rows;
    struct og_circuit circuit = {.wiring = m->hw.wires};
    og_status s = OG_OK;
    for (size_t t = first * m->col_tiles; s == OG_OK && t < (last + 1) * m->col_tiles;
         t++) {
        struct og_plate p = og_plate_of(a, u->slice, t);
        p.n = &circuit;
        p.with = with;
        s = og_each_array(p, act);
    }
    og_circuit_clear(&circuit);
    return s;
}

static og_status read_all(const struct og_array *a, struct reading *r)
{
    const struct og_mapping *m = &a->map;
    r->voltage = og_alloc(r->n * m->array_rows, sizeof *r->voltage);
    r->current = og_alloc(r->n * (2 * m->tile_cols + 1), sizeof *r->current);
    const og_status s = r->voltage && r->current
                            ? og_each_plate_of(a, r->unit, read_plate, r)
                            : OG_NO_MEMORY;
    og_free(r->voltage);
    og_free(r->current);
    return s;
}

void og_wired_read(const struct og_array *a, const struct og_unit *u, const float *drive,
                   size_t n, float *sum)
{
    struct reading r = {.unit = u, .drive = drive, .n = n, .sum = sum};
    const size_t all = n * a->map.cols;
    memset(sum, 0, all * sizeof *sum);
    if (read_all(a, &r) == OG_OK) return;
    for (size_t k = 0; k < all; k++) sum[k] = NAN;
}
