// SPDX-License-Identifier: GPL-3.0-or-later
// What arrays with wires dissipate, in devices, wires, sources and amplifiers: the power
// that their sources give, sum_i V_i I_i = V^T Y V with Y of og_wires_sources, added up
// over all arrays that the same rows drive. Between two pulses whose widths are the
// inputs only the longer one is left: sum_ik Y_ik sign_i sign_k min(width_i, width_k).
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "periphery/plate.h"

// --- once per programming --------------------------------------------------------------

// Of modes without a network: each device and its path.
static void diagonal_sources(const struct og_plate *p, double *y)
{
    const size_t lines = og_plate_lines(p);
    memset(y, 0, p->rows * p->rows * sizeof *y);
    for (size_t i = 0; i < p->rows; i++)
        for (size_t c = 0; c < lines; c++) y[i * p->rows + i] += p->n->t[i * lines + c];
}

// Word lines of ladders are ideal, as their solver has them.
static og_status sources(const struct og_plate *p, double *y)
{
    const struct og_wiring *w = &p->n->wiring;
    OG_TRY(og_plate_gather(p));
    if (w->mode != OG_WIRES_APPROXIMATE || w->approximation == OG_WIRES_LADDER)
        return og_wires_sources(og_circuit_solver(p->n), y, NULL);
    OG_TRY(og_circuit_transfer(p->n, NULL));
    diagonal_sources(p, y);
    return OG_OK;
}

// Row tiles are each their own thread's.
static og_status add_sources(const struct og_plate *p)
{
    const struct og_mapping *m = &p->a->map;
    double *y = og_alloc(p->rows * p->rows, sizeof *y);
    if (y == NULL) return OG_NO_MEMORY;
    const og_status s = sources(p, y);
    double *to =
        p->a->wired->power + p->row0 / m->array_rows * m->array_rows * m->array_rows;
    for (size_t i = 0; s == OG_OK && i < p->rows; i++)
        for (size_t k = 0; k < p->rows; k++)
            to[i * m->array_rows + k] +=
                y[og_plate_row(p, i) * p->rows + og_plate_row(p, k)];
    og_free(y);
    return s;
}

og_status og_wired_power_prepare(const struct og_array *a, const double *used)
{
    const struct og_mapping *m = &a->map;
    struct og_wired *w = a->wired;
    const size_t tiles = (m->full_rows + m->array_rows - 1) / m->array_rows;
    const size_t all = tiles * m->array_rows * m->array_rows;
    struct og_circuit circuit = {.wiring = m->hw.wires};
    og_status s = OG_OK;
    if (w->line == NULL) w->line = og_alloc(m->full_rows, sizeof *w->line);
    if (w->line == NULL) return OG_NO_MEMORY;
    memcpy(w->line, used, m->full_rows * sizeof *w->line);
    if (og_wired_is_nonlinear(a)) return OG_OK;
    if (w->power == NULL) w->power = og_alloc(all, sizeof *w->power);
    if (w->power == NULL) return OG_NO_MEMORY;
    memset(w->power, 0, all * sizeof *w->power);
    const size_t plates = (m->rows + m->array_rows - 1) / m->array_rows * m->col_tiles;
    for (int slice = 0; slice < m->slices; slice++)
        for (size_t t = 0; s == OG_OK && t < plates; t++) {
            struct og_plate p = og_plate_of(a, slice, t);
            p.n = &circuit;
            s = og_each_array(p, add_sources);
        }
    og_circuit_clear(&circuit);
    for (size_t k = 0; s != OG_OK && k < all; k++) w->power[k] = NAN;
    return s;
}

// --- of an input -----------------------------------------------------------------------

// v[rows]: sign and height of the pulses (width: their widths) of rows row0 .. end - 1.
static double quadratic(const struct og_array *a, const float *v, size_t row0, size_t end,
                        bool width)
{
    const size_t side = a->map.array_rows, tile = row0 / side;
    const double *y = a->wired->power + tile * side * side;
    double sum = 0;
    for (size_t i = row0; i < end; i++)
        for (size_t k = row0; v[i] != 0 && k < end; k++) {
            const double x = (double)v[i], z = (double)v[k];
            const double both = width ? copysign(fmin(fabs(x), fabs(z)), x * z) : x * z;
            sum += y[(i - tile * side) * side + k - tile * side] * both;
        }
    return sum;
}

struct dissipating {
    const struct og_unit *unit;
    const float *v;   // [rows]
    double *voltage;  // [rows of the plate]
    double *power;
};

static og_status add_dissipated(const struct og_plate *p)
{
    const struct dissipating *d = p->with;
    const struct og_device *device = &p->a->map.hw.device;
    const struct og_wire_cell cell = {device->iv, device->v_read};
    double power;
    OG_TRY(og_plate_gather(p));
    for (size_t i = 0; i < p->rows; i++) {
        const size_t row = p->row0 + i;
        const bool driven = row >= d->unit->row0 && row < d->unit->row0 + d->unit->rows;
        d->voltage[og_plate_row(p, i)] = driven ? device->v_read * (double)d->v[row] : 0;
    }
    OG_TRY(og_wires_power_cells(og_circuit_solver(p->n), &cell, d->voltage, 1, &power,
                                NULL));
    *d->power += power / (device->v_read * device->v_read);
    return OG_OK;
}

static double solved_power(const struct og_array *a, const struct og_unit *u,
                           const float *v)
{
    double sum = 0, *voltage = og_alloc(a->map.array_rows, sizeof *voltage);
    const struct dissipating d = {u, v, voltage, &sum};
    const bool good =
        voltage != NULL && og_each_plate_of(a, u, add_dissipated, &d) == OG_OK;
    og_free(voltage);
    return good ? sum : NAN;
}

// One pulse of all rows: units of one slice and side read them, group after group.
static double pulse_power(const struct og_array *a, const float *v)
{
    const struct og_mapping *m = &a->map;
    const bool width = m->hw.input.encoding == OG_PULSE_WIDTH;
    const size_t step = m->active < m->array_rows ? m->active : m->array_rows;
    double sum = 0;
    for (int k = 0; og_wired_is_nonlinear(a) && k < a->units; k++)
        if (a->unit[k].side == 0) sum += solved_power(a, &a->unit[k], v);
    for (size_t tile = 0; !og_wired_is_nonlinear(a) && tile < m->rows;
         tile += m->array_rows) {
        const size_t last =
            tile + m->array_rows < m->rows ? tile + m->array_rows : m->rows;
        for (size_t row = tile; row < last; row += step)
            sum += quadratic(a, v, row, row + step < last ? row + step : last, width);
    }
    return sum;
}

double og_wired_power(const struct og_array *a, const float *x)
{
    const struct og_mapping *m = &a->map;
    float *v = og_alloc(m->rows, sizeof *v);
    double sum = 0;
    if (v == NULL) return NAN;
    for (int k = 0; k < og_pulses(a); k++) {
        for (size_t i = 0; i < m->rows; i++)
            v[i] = og_pulse_of(a, i, x[og_live_row(m, i)], k);
        sum += pulse_power(a, v);
    }
    og_free(v);
    return sum;
}
