// SPDX-License-Identifier: GPL-3.0-or-later
#include <math.h>
#include <stdlib.h>
#include <string.h>

#ifdef _OPENMP
#include <omp.h>
#endif

#include "base/blas.h"
#include "base/mem.h"
#include "device/sigma.h"
#include "ohmgrid/cpu.h"
#include "periphery/faults.h"
#include "periphery/plate.h"

static int sides_of(const struct og_array *a) { return og_mapping_sides(&a->map); }

static bool separate(const struct og_array *a)
{
    return a->map.hw.pair.layout == OG_LAYOUT_SEPARATE;
}

// --- life ------------------------------------------------------------------------------

bool og_wired_is_on(const struct og_hardware *hw) { return og_wiring_is_on(&hw->wires); }

size_t og_plate_most_lines(const struct og_array *a)
{
    const struct og_mapping *m = &a->map;
    size_t cols = m->tile_cols < m->full_cols ? m->tile_cols : m->full_cols;
    cols += (size_t)m->hw.tile.spare_columns;
    if (!separate(a)) cols *= (size_t)sides_of(a);
    return cols + (a->ref != NULL);
}

static og_status check(const struct og_array *a, struct og_error *err)
{
    const struct og_mapping *m = &a->map;
    const struct og_wire_params p = og_wiring_params(&m->hw.wires);
    size_t rows = m->array_rows < m->full_rows ? m->array_rows : m->full_rows;
    const size_t cols = og_plate_most_lines(a);
    OG_TRY(og_wire_params_check(&p, err));
    if (og_wiring_is_cubic(&m->hw.wires) && m->tile_rows > rows && m->full_rows > rows)
        return og_fail(
            err, OG_INPUT,
            "hardware.wires.approximation: cubic is a formula for what one "
            "array converts; it excludes tile.accumulate: analog over several");
    if (rows <= OG_WIRES_SIDE_MAX && cols <= OG_WIRES_SIDE_MAX) return OG_OK;
    return og_fail(
        err, OG_INPUT,
        "hardware.tile: an array of %zu word and %zu bit lines is more than the "
        "%d of each that hardware.wires allows",
        rows, cols, OG_WIRES_SIDE_MAX);
}

// Other processors have other cores of OpenBLAS, unless the environment names one.
static og_status check_core(struct og_error *err)
{
    if (!og_cpu_fixed() || getenv("OPENBLAS_CORETYPE") != NULL) return OG_OK;
    return og_fail(
        err, OG_INPUT,
        "kernels: fixed, but wires are solved by OpenBLAS, whose last bits "
        "depend on the processor; set OPENBLAS_CORETYPE in the environment, to "
        "the same on all machines (Prescott suits any x86-64)");
}

og_status og_wired_alloc(struct og_array *a, struct og_error *err)
{
    OG_TRY(check_core(err));
    OG_TRY(check(a, err));
    const struct og_mapping *m = &a->map;
    const size_t cells = m->full_rows * m->full_cols;
    const size_t sets = (size_t)(a->copies * sides_of(a));
    const size_t refs = (size_t)a->copies * m->full_rows *
                        ((m->full_cols + m->tile_cols - 1) / m->tile_cols);
    const bool noisy = a->v != NULL || a->sd != NULL;
    struct og_wired *w = a->wired = og_alloc(1, sizeof *w);
    if (w == NULL) return OG_NO_MEMORY;
    bool ok = (w->g = og_alloc((size_t)m->slices * sets * cells, sizeof *w->g)) != NULL;
    if (a->unit[0].nominal != NULL)
        ok &= (w->nominal = og_alloc((size_t)m->slices * sets * cells,
                                     sizeof *w->nominal)) != NULL;
    if (m->hw.thermal.law == OG_THERMAL_SHOT) {
        w->level = og_alloc(m->full_rows, sizeof *w->level);
        w->levels = og_alloc(m->full_rows * m->col_tiles, sizeof *w->levels);
        ok &= w->level != NULL && w->levels != NULL;
    }
    if (noisy) ok &= (w->variance = og_alloc(sets * cells, sizeof *w->variance)) != NULL;
    if (a->ref != NULL) {
        ok &= (w->ref_g = og_alloc(refs, sizeof *w->ref_g)) != NULL;
        ok &= (w->ref_variance = og_alloc(refs, sizeof *w->ref_variance)) != NULL;
    }
    w->threads = og_threads();
    w->circuit = og_alloc((size_t)w->threads, sizeof *w->circuit);
    if (!ok || w->circuit == NULL) return OG_NO_MEMORY;
    for (int t = 0; t < w->threads; t++) w->circuit[t].wiring = m->hw.wires;
    return og_wiring_is_cubic(&m->hw.wires) ? og_cubic_alloc(a) : OG_OK;
}

void og_wired_free(struct og_wired *w)
{
    if (w == NULL) return;
    for (int t = 0; w->circuit != NULL && t < w->threads; t++)
        og_circuit_clear(&w->circuit[t]);
    og_free(w->circuit);
    og_free(w->g);
    og_free(w->nominal);
    og_free(w->level);
    og_free(w->levels);
    og_free(w->power);
    og_free(w->line);
    og_free(w->variance);
    og_free(w->ref_g);
    og_free(w->ref_variance);
    og_free(w);
}

float *og_wired_g(const struct og_array *a, int copy, int slice, int side)
{
    const size_t set = (size_t)((slice * a->copies + copy) * sides_of(a) + side);
    return a->wired->g + set * a->map.rows * a->map.cols;
}

float *og_wired_nominal(const struct og_array *a, int copy, int slice, int side)
{
    const size_t set = (size_t)((slice * a->copies + copy) * sides_of(a) + side);
    return a->wired->nominal + set * a->map.rows * a->map.cols;
}

float *og_wired_variance(const struct og_array *a, int copy, int side)
{
    const size_t set = (size_t)(copy * sides_of(a) + side);
    if (a->wired->variance == NULL) return NULL;
    return a->wired->variance + set * a->map.rows * a->map.cols;
}

// --- one array -------------------------------------------------------------------------

size_t og_plate_reference(const struct og_plate *p, size_t i)
{
    const struct og_mapping *m = &p->a->map;
    return ((size_t)p->copy * m->col_tiles + p->tile) * m->rows + p->row0 + i;
}

void og_each_side(const struct og_plate *p, og_at_side *act)
{
    for (int k = 0; k < p->sides; k++) act(p, p->sides > 1 ? k : p->side);
}

static void gather_side(const struct og_plate *p, int side)
{
    const struct og_mapping *m = &p->a->map;
    for (size_t j = 0; j < p->cols; j++) {
        const int of = og_plate_side(p, j, side);
        const float *g = p->nominal ? og_wired_nominal(p->a, p->copy, p->slice, of)
                                    : og_wired_g(p->a, p->copy, p->slice, of);
        for (size_t i = 0; i < p->rows; i++)
            p->n->g[og_plate_cell(p, i, j, side)] =
                og_missing(m, p->row0 + i, p->col0 + j) ? 0 : g[og_plate_device(p, i, j)];
    }
}

static double reference_g(const struct og_plate *p, size_t i)
{
    const struct og_device *d = &p->a->map.hw.device;
    if (p->nominal) return (d->g_min + d->g_max) / 2;
    return (double)p->a->wired->ref_g[og_plate_reference(p, i)];
}

og_status og_plate_gather(const struct og_plate *p)
{
    const size_t lines = og_plate_lines(p);
    OG_TRY(og_circuit_resize(p->n, p->rows, lines, NULL));
    memset(p->n->g, 0, p->rows * lines * sizeof *p->n->g);
    og_each_side(p, gather_side);
    for (size_t i = 0; p->reference && i < p->rows; i++)
        p->n->g[og_plate_row(p, i) * lines + lines - 1] = reference_g(p, i);
    return OG_OK;
}

// What is not a number shows in all outputs of its array.
static bool is_finite(const struct og_circuit *n)
{
    size_t bad = 0;
    for (size_t k = 0; k < n->rows * n->cols; k++) bad += !isfinite(n->g[k]);
    return bad == 0;
}

static og_status solve(const struct og_plate *p)
{
    struct og_circuit *n = p->n;
    if (is_finite(n)) return og_circuit_transfer(n, NULL);
    for (size_t k = 0; k < n->rows * n->cols; k++) n->t[k] = (double)NAN;
    return OG_OK;
}

// --- what it does to the weights -------------------------------------------------------

double og_plate_steps(const struct og_plate *p, int side)
{
    const struct og_device *d = &p->a->map.hw.device;
    const float gain = og_mapping_gain(&p->a->map, side);
    return (double)(p->a->sides == 2 ? fabsf(gain) : gain) / (d->g_max - d->g_min) /
           p->a->copies;
}

static void add_deviation(const struct og_plate *p, int side)
{
    const struct og_array *a = p->a;
    const size_t all = a->map.rows * a->map.cols;
    for (size_t j = 0; j < p->cols; j++) {
        const int of = og_plate_side(p, j, side);
        float *e = a->e + (a->sides == 2 ? (size_t)of * all : 0);
        const double steps = og_plate_steps(p, of);
        for (size_t i = 0; i < p->rows; i++) {
            const size_t k = og_plate_cell(p, i, j, side);
            e[og_plate_device(p, i, j)] += (float)(steps * (p->n->t[k] - p->n->g[k]));
        }
    }
}

// Each output is taken against its array's reference.
static void subtract_reference(const struct og_plate *p)
{
    const size_t lines = og_plate_lines(p);
    const double steps = og_plate_steps(p, 0);
    for (size_t i = 0; p->reference && i < p->rows; i++) {
        const size_t k = og_plate_row(p, i) * lines + lines - 1;
        const float shift = (float)(steps * (p->n->t[k] - p->n->g[k]));
        for (size_t j = 0; j < p->cols; j++) p->a->e[og_plate_device(p, i, j)] -= shift;
    }
}

static og_status nominal_plate(const struct og_plate *p)
{
    struct og_plate own = *p;
    own.nominal = true;
    OG_TRY(og_plate_gather(&own));
    OG_TRY(solve(&own));
    og_each_side(&own, add_deviation);
    subtract_reference(&own);
    return OG_OK;
}

static og_status program_plate(const struct og_plate *p)
{
    OG_TRY(og_plate_gather(p));
    OG_TRY(solve(p));
    og_each_side(p, add_deviation);
    subtract_reference(p);
    og_plate_noise(p);
    return OG_OK;
}

// --- all of them -----------------------------------------------------------------------

// Tile `at` of all, row by row.
struct og_plate og_plate_of(const struct og_array *a, int slice, size_t at)
{
    const struct og_mapping *m = &a->map;
    struct og_plate p = {.a = a, .slice = slice, .tile = at % m->col_tiles};
    p.row0 = at / m->col_tiles * m->array_rows;
    p.col0 = p.tile * m->tile_cols;
    p.rows = m->rows - p.row0 < m->array_rows ? m->rows - p.row0 : m->array_rows;
    p.cols = m->cols - p.col0 < m->tile_cols ? m->cols - p.col0 : m->tile_cols;
    p.sides = separate(a) ? 1 : sides_of(a);
    p.reference = a->ref != NULL;
    p.places = p.cols + (size_t)m->hw.tile.spare_columns;
    og_faults_places(a, p.row0, p.col0, &p.row, &p.col, &p.flip);
    return p;
}

// The arrays of one tile, one after the other: they add to the same weights.
og_status og_each_array(struct og_plate p, og_on_plate *act)
{
    const int arrays = separate(p.a) ? sides_of(p.a) : 1;
    for (p.copy = 0; p.copy < p.a->copies; p.copy++)
        for (p.side = 0; p.side < arrays; p.side++) OG_TRY(act(&p));
    return OG_OK;
}

og_status og_each_plate(const struct og_array *a, int slice, og_on_plate *act,
                        const void *with)
{
    const struct og_mapping *m = &a->map;
    const size_t tiles =
        (m->rows + m->array_rows - 1) / m->array_rows * (m->cols > 0 ? m->col_tiles : 0);
    const int threads = m->rows * m->cols > 4096 ? a->wired->threads : 1;
    const int blas = og_blas_use_threads(1);
    og_status worst = OG_OK;
    for (int t = 0; t < threads; t++) a->wired->circuit[t].status = OG_OK;
#pragma omp parallel for schedule(static) default(none) num_threads(threads)             \
    shared(a, slice, tiles, act, with)
    for (size_t t = 0; t < tiles; t++) {
        struct og_plate p = og_plate_of(a, slice, t);
        int thread = 0;
        p.with = with;
#ifdef _OPENMP
        thread = omp_get_thread_num();
#endif
        p.n = &a->wired->circuit[thread];
        const og_status status = og_each_array(p, act);
        if (status != OG_OK) p.n->status = status;
    }
    og_blas_use_threads(blas);
    for (int t = 0; t < threads; t++)
        if (a->wired->circuit[t].status > worst) worst = a->wired->circuit[t].status;
    return worst;
}

og_status og_wired_program(struct og_array *a, int slice)
{
    const size_t refs = a->map.rows * a->map.col_tiles;
    struct og_wired *w = a->wired;
    if (w->levels != NULL && slice == 0) memset(w->levels, 0, refs * sizeof *w->levels);
    if (a->ref_sd != NULL) memset(a->ref_sd, 0, refs * sizeof *a->ref_sd);
    OG_TRY(og_each_plate(a, slice, program_plate, NULL));
    for (size_t k = 0; a->ref_sd != NULL && k < refs; k++)
        a->ref_sd[k] = sqrtf(a->ref_sd[k]);
    if (w->levels != NULL && slice == a->map.slices - 1) og_wired_set_levels(a);
    return OG_OK;
}

static void nominal_set(const struct og_array *a, int slice, int copy, int side)
{
    const struct og_mapping *m = &a->map;
    const struct og_device *d = &m->hw.device;
    float q[OG_CELL_CHUNK], t[OG_CELL_CHUNK];
    float *to = og_wired_nominal(a, copy, slice, side);
    for (size_t first = 0; first < m->rows * m->cols; first += OG_CELL_CHUNK) {
        const size_t left = m->rows * m->cols - first;
        const size_t n = left < OG_CELL_CHUNK ? left : OG_CELL_CHUNK;
        og_mapping_slice(m, slice, first, n, q);
        og_mapping_target(m, side, q, t, n);
        for (size_t k = 0; k < n; k++) {
            const bool off = m->off != NULL && m->off[first + k];
            const double g = d->g_min + (double)t[k] * (d->g_max - d->g_min);
            to[first + k] = (float)(off ? d->g_off : g);
        }
    }
}

og_status og_wired_calibrate(struct og_array *a, int slice)
{
    for (int copy = 0; copy < a->copies; copy++)
        for (int side = 0; side < sides_of(a); side++) nominal_set(a, slice, copy, side);
    if (og_wired_is_nonlinear(a)) return OG_OK;
    return og_each_plate(a, slice, nominal_plate, NULL);
}
