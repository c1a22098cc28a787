// SPDX-License-Identifier: GPL-3.0-or-later
#include "periphery/wired.h"

#include <math.h>
#include <string.h>

#ifdef _OPENMP
#include <omp.h>
#endif

#include "base/blas.h"
#include "base/mem.h"
#include "device/sigma.h"
#include "ohmgrid/cpu.h"

static int sides_of(const struct og_array *a) { return og_mapping_sides(&a->map); }

static bool separate(const struct og_array *a)
{
    return a->map.hw.pair.layout == OG_LAYOUT_SEPARATE;
}

// --- life ------------------------------------------------------------------------------

bool og_wired_is_on(const struct og_hardware *hw) { return og_wiring_is_on(&hw->wires); }

static og_status check(const struct og_array *a, struct og_error *err)
{
    const struct og_mapping *m = &a->map;
    const struct og_wire_params p = og_wiring_params(&m->hw.wires);
    size_t rows = m->array_rows < m->full_rows ? m->array_rows : m->full_rows;
    size_t cols = m->tile_cols < m->full_cols ? m->tile_cols : m->full_cols;
    if (!separate(a)) cols *= (size_t)sides_of(a);
    cols += a->ref != NULL;
    OG_TRY(og_wire_params_check(&p, err));
    if (rows <= OG_WIRES_SIDE_MAX && cols <= OG_WIRES_SIDE_MAX) return OG_OK;
    return og_fail(
        err, OG_INPUT,
        "hardware.tile: an array of %zu word and %zu bit lines is more than the "
        "%d of each that hardware.wires allows",
        rows, cols, OG_WIRES_SIDE_MAX);
}

og_status og_wired_alloc(struct og_array *a, struct og_error *err)
{
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
    if (noisy) ok &= (w->variance = og_alloc(sets * cells, sizeof *w->variance)) != NULL;
    if (a->ref != NULL) {
        ok &= (w->ref_g = og_alloc(refs, sizeof *w->ref_g)) != NULL;
        ok &= (w->ref_variance = og_alloc(refs, sizeof *w->ref_variance)) != NULL;
    }
    w->threads = og_threads();
    w->network = og_alloc((size_t)w->threads, sizeof *w->network);
    if (!ok || w->network == NULL) return OG_NO_MEMORY;
    for (int t = 0; t < w->threads; t++) w->network[t].wiring = m->hw.wires;
    return OG_OK;
}

void og_wired_free(struct og_wired *w)
{
    if (w == NULL) return;
    for (int t = 0; w->network != NULL && t < w->threads; t++)
        og_network_clear(&w->network[t]);
    og_free(w->network);
    og_free(w->g);
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

float *og_wired_variance(const struct og_array *a, int copy, int side)
{
    const size_t set = (size_t)(copy * sides_of(a) + side);
    if (a->wired->variance == NULL) return NULL;
    return a->wired->variance + set * a->map.rows * a->map.cols;
}

// --- one array -------------------------------------------------------------------------

// Weights [row0, row0 + rows) x [col0, col0 + cols) of one slice and copy; bit line c
// holds side c % sides of column c / sides, or (sides = 1) `side`.
struct plate {
    const struct og_array *a;
    int slice, copy, side, sides;
    size_t tile, row0, rows, col0, cols;
    bool reference;  // one more bit line
    struct og_network *n;
    struct gradients *gradients;
};

static size_t lines_of(const struct plate *p)
{
    return p->cols * (size_t)p->sides + p->reference;
}

// Device (i, j) of one side in the array and in its set.
static size_t cell_of(const struct plate *p, size_t i, size_t j, int side)
{
    return i * lines_of(p) + j * (size_t)p->sides + (p->sides > 1 ? (size_t)side : 0);
}

static size_t device_of(const struct plate *p, size_t i, size_t j)
{
    return (p->row0 + i) * p->a->map.cols + p->col0 + j;
}

static size_t reference_of(const struct plate *p, size_t i)
{
    const struct og_mapping *m = &p->a->map;
    return ((size_t)p->copy * m->col_tiles + p->tile) * m->rows + p->row0 + i;
}

typedef void at_side(const struct plate *p, int side);

static void each_side(const struct plate *p, at_side *act)
{
    for (int k = 0; k < p->sides; k++) act(p, p->sides > 1 ? k : p->side);
}

static void gather_side(const struct plate *p, int side)
{
    const struct og_mapping *m = &p->a->map;
    const float *g = og_wired_g(p->a, p->copy, p->slice, side);
    for (size_t i = 0; i < p->rows; i++)
        for (size_t j = 0; j < p->cols; j++)
            p->n->g[cell_of(p, i, j, side)] =
                og_missing(m, p->row0 + i, p->col0 + j) ? 0 : g[device_of(p, i, j)];
}

static void gather(const struct plate *p)
{
    const size_t lines = lines_of(p);
    each_side(p, gather_side);
    for (size_t i = 0; p->reference && i < p->rows; i++)
        p->n->g[i * lines + lines - 1] = p->a->wired->ref_g[reference_of(p, i)];
}

// What is not a number shows in all outputs of its array.
static bool is_finite(const struct og_network *n)
{
    size_t bad = 0;
    for (size_t k = 0; k < n->rows * n->cols; k++) bad += !isfinite(n->g[k]);
    return bad == 0;
}

static og_status solve(const struct plate *p)
{
    struct og_network *n = p->n;
    if (is_finite(n)) return og_network_transfer(n, NULL);
    for (size_t k = 0; k < n->rows * n->cols; k++) n->t[k] = (double)NAN;
    return OG_OK;
}

// --- what it does to the weights -------------------------------------------------------

static double steps_per_siemens(const struct plate *p, int side)
{
    const struct og_device *d = &p->a->map.hw.device;
    const float gain = og_mapping_gain(&p->a->map, side);
    return (double)(p->a->sides == 2 ? fabsf(gain) : gain) / (d->g_max - d->g_min) /
           p->a->copies;
}

static void add_deviation(const struct plate *p, int side)
{
    const struct og_array *a = p->a;
    const size_t all = a->map.rows * a->map.cols;
    float *e = a->e + (a->sides == 2 ? (size_t)side * all : 0);
    const double steps = steps_per_siemens(p, side);
    for (size_t i = 0; i < p->rows; i++)
        for (size_t j = 0; j < p->cols; j++) {
            const size_t k = cell_of(p, i, j, side);
            e[device_of(p, i, j)] += (float)(steps * (p->n->t[k] - p->n->g[k]));
        }
}

// Each output is taken against its array's reference.
static void subtract_reference(const struct plate *p)
{
    const size_t lines = lines_of(p);
    const double steps = steps_per_siemens(p, 0);
    for (size_t i = 0; p->reference && i < p->rows; i++) {
        const size_t k = i * lines + lines - 1;
        const float shift = (float)(steps * (p->n->t[k] - p->n->g[k]));
        for (size_t j = 0; j < p->cols; j++) p->a->e[device_of(p, i, j)] -= shift;
    }
}

static void add_variance(const struct plate *p, int side)
{
    const struct og_array *a = p->a;
    const size_t all = a->map.rows * a->map.cols;
    const float *var = og_wired_variance(a, p->copy, side);
    float *v = a->v + (a->sides == 2 ? (size_t)side * all : 0);
    const float gain = og_mapping_gain(&a->map, side) / (float)a->copies;
    for (size_t i = 0; i < p->rows; i++)
        for (size_t j = 0; j < p->cols; j++) {
            const size_t k = device_of(p, i, j);
            const float share = gain * (float)p->n->share[cell_of(p, i, j, side)];
            v[k] += share * share * var[k];
        }
}

static void scale_device_noise(const struct plate *p, int side)
{
    const struct og_array *a = p->a;
    const size_t sides = (size_t)sides_of(a), all = a->map.rows * a->map.cols;
    const size_t set =
        (size_t)(p->copy * a->map.slices + p->slice) * sides + (size_t)side;
    for (size_t i = 0; i < p->rows; i++)
        for (size_t j = 0; j < p->cols; j++)
            a->sd[set * all + device_of(p, i, j)] *=
                (float)p->n->share[cell_of(p, i, j, side)];
}

// ref_sd holds variances until all copies are there.
static void add_reference_variance(const struct plate *p)
{
    const size_t lines = lines_of(p);
    const float gain = og_mapping_gain(&p->a->map, 0) / (float)p->a->copies;
    for (size_t i = 0; p->reference && i < p->rows; i++) {
        const float share = gain * (float)p->n->share[i * lines + lines - 1];
        p->a->ref_sd[p->tile * p->a->map.rows + p->row0 + i] +=
            share * share * p->a->wired->ref_variance[reference_of(p, i)];
    }
}

static og_status program_plate(const struct plate *p)
{
    const struct og_array *a = p->a;
    OG_TRY(og_network_resize(p->n, p->rows, lines_of(p), NULL));
    gather(p);
    OG_TRY(solve(p));
    each_side(p, add_deviation);
    subtract_reference(p);
    if (!og_varied(a) && a->sd == NULL) return OG_OK;
    og_network_shares(p->n);
    if (og_varied(a)) each_side(p, add_variance);
    if (a->sd != NULL) each_side(p, scale_device_noise);
    if (a->ref_sd != NULL) add_reference_variance(p);
    return OG_OK;
}

// --- gradients -------------------------------------------------------------------------

struct gradients {
    const float *dw;  // [full_cols][full_rows], as reads see the weights
    double *q;        // [rows * cols] by the targets of the weights
};

// Of a loss by T of bit line of `side`, in 1/S.
static void gather_gradient(const struct plate *p, int side)
{
    const struct og_mapping *m = &p->a->map;
    const double steps = fabs(steps_per_siemens(p, side)) * (side == 0 ? 1 : -1);
    for (size_t i = 0; i < p->rows; i++)
        for (size_t j = 0; j < p->cols; j++) {
            const size_t row = p->row0 + i, col = p->col0 + j;
            const float dw =
                p->gradients
                    ->dw[og_live_col(m, col) * m->full_rows + og_live_row(m, row)];
            const float scale = m->w_max[row / m->tile_rows * m->cols + col];
            p->n->t[cell_of(p, i, j, side)] =
                steps * (double)(dw * scale / (m->D * p->a->a[row]));
        }
}

// The reference is taken away from every output.
static void gather_reference_gradient(const struct plate *p)
{
    const size_t lines = lines_of(p);
    for (size_t i = 0; p->reference && i < p->rows; i++) {
        double *line = p->n->t + i * lines;
        line[lines - 1] = 0;
        for (size_t j = 0; j < p->cols; j++) line[lines - 1] -= line[j];
    }
}

// dg / dq in siemens per step. A weight of 0 is where one device takes over from the
// other: half of each.
static double follows(const struct plate *p, int side, float q)
{
    const struct og_mapping *m = &p->a->map;
    const struct og_device *d = &m->hw.device;
    const double slope = (d->g_max - d->g_min) / (double)m->D * (side == 0 ? 1 : -1);
    if (m->hw.mapping.scheme != OG_DIFFERENTIAL) return slope / 2;
    if (q == 0) return slope / 2;
    return (q > 0) == (side == 0) ? slope : 0;
}

static void add_gradient(const struct plate *p, int side)
{
    const struct og_mapping *m = &p->a->map;
    for (size_t i = 0; i < p->rows; i++)
        for (size_t j = 0; j < p->cols; j++) {
            const size_t k = device_of(p, i, j);
            if (og_missing(m, p->row0 + i, p->col0 + j)) continue;
            p->gradients->q[k] +=
                follows(p, side, m->q[k]) * p->n->share[cell_of(p, i, j, side)];
        }
}

static og_status pull_plate(const struct plate *p)
{
    struct og_network *n = p->n;
    OG_TRY(og_network_resize(n, p->rows, lines_of(p), NULL));
    gather(p);
    each_side(p, gather_gradient);
    gather_reference_gradient(p);
    OG_TRY(og_network_gradient(n, n->t, n->share, NULL));
    each_side(p, add_gradient);
    return OG_OK;
}

// --- all of them -----------------------------------------------------------------------

typedef og_status on_plate(const struct plate *p);

// Tile `at` of all, row by row.
static struct plate plate_of(const struct og_array *a, size_t at)
{
    const struct og_mapping *m = &a->map;
    struct plate p = {.a = a, .tile = at % m->col_tiles};
    p.row0 = at / m->col_tiles * m->array_rows;
    p.col0 = p.tile * m->tile_cols;
    p.rows = m->rows - p.row0 < m->array_rows ? m->rows - p.row0 : m->array_rows;
    p.cols = m->cols - p.col0 < m->tile_cols ? m->cols - p.col0 : m->tile_cols;
    p.sides = separate(a) ? 1 : sides_of(a);
    p.reference = a->ref != NULL;
    return p;
}

// The arrays of one tile, one after the other: they add to the same weights.
static og_status each_array(struct plate p, on_plate *act)
{
    const int arrays = separate(p.a) ? sides_of(p.a) : 1;
    for (p.copy = 0; p.copy < p.a->copies; p.copy++)
        for (p.side = 0; p.side < arrays; p.side++) OG_TRY(act(&p));
    return OG_OK;
}

static og_status each_tile(const struct og_array *a, int slice, on_plate *act,
                           struct gradients *gradients)
{
    const struct og_mapping *m = &a->map;
    const size_t tiles =
        (m->rows + m->array_rows - 1) / m->array_rows * (m->cols > 0 ? m->col_tiles : 0);
    const int blas = og_blas_use_threads(1);
    int worst = OG_OK;
#pragma omp parallel for schedule(static) default(none)                                  \
    shared(a, m, slice, tiles, act, gradients) num_threads(a->wired->threads)            \
        reduction(max                                                                    \
                  : worst) if (tiles > 1)
    for (size_t t = 0; t < tiles; t++) {
        struct plate p = plate_of(a, t);
        int thread = 0;
        p.slice = slice;
        p.gradients = gradients;
#ifdef _OPENMP
        thread = omp_get_thread_num();
#endif
        p.n = &a->wired->network[thread];
        const int status = (int)each_array(p, act);
        if (status > worst) worst = status;
    }
    og_blas_use_threads(blas);
    return (og_status)worst;
}

og_status og_wired_program(struct og_array *a, int slice)
{
    const size_t refs = a->map.rows * a->map.col_tiles;
    if (a->ref_sd != NULL) memset(a->ref_sd, 0, refs * sizeof *a->ref_sd);
    OG_TRY(each_tile(a, slice, program_plate, NULL));
    for (size_t k = 0; a->ref_sd != NULL && k < refs; k++)
        a->ref_sd[k] = sqrtf(a->ref_sd[k]);
    return OG_OK;
}

// The weights of one slice: og_array_keep_gradient has seen to that.
og_status og_array_through_wires(og_array *a, float *dw)
{
    const struct og_mapping *m = &a->map;
    if (a->wired == NULL) return OG_OK;
    struct gradients g = {.dw = dw, .q = og_alloc(m->rows * m->cols, sizeof *g.q)};
    if (g.q == NULL) return OG_NO_MEMORY;
    const og_status status = each_tile(a, 0, pull_plate, &g);
    for (size_t i = 0; i < m->rows; i++)
        for (size_t j = 0; j < m->cols; j++) {
            const double w_max = (double)m->w_max[i / m->tile_rows * m->cols + j];
            dw[og_live_col(m, j) * m->full_rows + og_live_row(m, i)] =
                (float)(g.q[i * m->cols + j] * (double)(m->D * a->a[i]) / w_max);
        }
    og_free(g.q);
    return status;
}
