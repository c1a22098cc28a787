// SPDX-License-Identifier: GPL-3.0-or-later
// Reads of arrays with wires whose cells are not ohmic: each vector by Newton's method.
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "periphery/plate.h"

struct reading {
    const struct og_unit *unit;
    struct og_wired_read io;
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
            voltage[k * p->rows + og_plate_row(p, i)] =
                driven ? volts * (double)drive[k * p->a->map.rows + row] : 0;
        }
}

static void add_currents(const struct og_plate *p, int side)
{
    const struct reading *r = reading_of(p);
    const struct og_array *a = p->a;
    const size_t lines = og_plate_lines(p);
    const double per_volt = (double)a->d_max / a->map.hw.device.v_read;
    for (size_t j = 0; j < p->cols; j++) {
        const int of = og_plate_side(p, j, side);
        const double steps = og_plate_steps(p, of) * per_volt;
        if (a->sides == 2 && of != r->unit->side) continue;
        for (size_t k = 0; k < r->io.n; k++) {
            const double *line = r->current + k * lines;
            const double reference = p->reference ? line[lines - 1] : 0;
            r->io.sum[k * a->map.cols + p->col0 + j] +=
                (float)(steps * (line[og_plate_line(p, j, side)] - reference));
        }
    }
}

static og_status read_plate(const struct og_plate *p)
{
    const struct reading *r = reading_of(p);
    const struct og_device *d = &p->a->map.hw.device;
    const struct og_wire_cell cell = {d->iv, d->v_read};
    struct og_plate own = *p;
    own.nominal = r->io.nominal;
    OG_TRY(og_plate_gather(&own));
    og_plate_voltages(p, r->unit, r->io.drive, r->io.n, r->voltage);
    OG_TRY(og_wires_read_cells(og_circuit_solver(p->n), &cell, r->voltage, r->io.n,
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
    r->voltage = og_alloc(r->io.n * a->map.array_rows, sizeof *r->voltage);
    r->current = og_alloc(r->io.n * og_plate_most_lines(a), sizeof *r->current);
    const og_status s = r->voltage && r->current
                            ? og_each_plate_of(a, r->unit, read_plate, r)
                            : OG_NO_MEMORY;
    og_free(r->voltage);
    og_free(r->current);
    return s;
}

void og_wired_read(const struct og_array *a, const struct og_unit *u,
                   const struct og_wired_read *io)
{
    struct reading r = {.unit = u, .io = *io};
    const size_t all = io->n * a->map.cols;
    memset(io->sum, 0, all * sizeof *io->sum);
    if (read_all(a, &r) == OG_OK) return;
    for (size_t k = 0; k < all; k++) io->sum[k] = NAN;
}
