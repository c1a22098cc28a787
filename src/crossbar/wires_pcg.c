// SPDX-License-Identifier: GPL-3.0-or-later
// Conjugate gradients on the bit-line nodes (wires_kernels.h has the equations). The
// product with the matrix costs no more than its word lines, because P p is kept by
// recurrence: P z = r. The voltages themselves are only summed where they are asked for;
// currents need those of the sensed nodes.
#include <assert.h>
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "crossbar/lanes.h"
#include "crossbar/wires_impl.h"
#include "ohmgrid/cpu.h"

extern const struct og_wire_kernels og_wires_plain;
#ifdef OG_X86_KERNELS
extern const struct og_wire_kernels og_wires_avx2, og_wires_avx512;
#endif

const struct og_wire_kernels *og_wire_kernels(void)
{
#ifdef OG_X86_KERNELS
    if (og_cpu_isa() >= OG_ISA_AVX512) return &og_wires_avx512;
    if (og_cpu_isa() == OG_ISA_AVX2) return &og_wires_avx2;
#endif
    return &og_wires_plain;
}

enum { ITERATIONS_MAX = 20000 };

// Each bit line's correction, in the norm of P, over the largest that it has had.
static const double tolerance = 1e-13;
// The same where rounding has put an end to all progress.
static const double last_tolerance = 1e-11;

static og_status grid_alloc(og_wires *w, struct og_error *err)
{
    struct og_wire_grid *c = &w->grid;
    c->rows = w->rows;
    c->cols = w->cols;
    c->width = (w->cols + OG_LANES - 1) / OG_LANES * OG_LANES;
    c->ld = c->width + OG_LANES;
    c->strips = (w->rows + OG_STRIP - 1) / OG_STRIP;
    c->row = w->row;
    c->col = w->col;
    c->s = og_alloc(c->strips * OG_STRIP, c->width * sizeof *c->s);
    c->qw = og_alloc(c->strips * OG_STRIP, c->width * sizeof *c->qw);
    c->qb = og_alloc(w->rows + 1, c->ld * sizeof *c->qb);
    if (c->s != NULL && c->qw != NULL && c->qb != NULL) return OG_OK;
    og_pcg_free(w);
    return og_wires_no_memory(err);
}

og_status og_pcg_prepare(og_wires *w, struct og_error *err)
{
    if (w->grid_loaded) return OG_OK;
    if (w->grid.qb == NULL) OG_TRY(grid_alloc(w, err));
    og_wire_kernels()->load(&w->grid, w->g);
    w->grid_loaded = true;
    return OG_OK;
}

void og_pcg_free(og_wires *w)
{
    og_free(w->grid.s);
    og_free(w->grid.qw);
    og_free(w->grid.qb);
    w->grid.s = w->grid.qw = w->grid.qb = NULL;
}

// --- one vector ------------------------------------------------------------------------

struct solve {
    const struct og_wires *w;
    const struct og_wire_grid *c;
    struct og_wire_state t;
    double *most;          // [ld] largest e so far
    double *first, *last;  // [ld] voltages of the outermost nodes
    double *x;             // all of them, or NULL
    double unit;           // voltages are in units of it
};

static size_t arrays_of(const struct og_wire_grid *c)
{
    return c->strips * OG_STRIP * c->ld;
}

static size_t rows_of(const struct og_wire_grid *c)
{
    return 5 * c->ld + c->width * OG_STRIP + c->strips * OG_STRIP;
}

size_t og_pcg_state_bytes(const struct og_wires *w, bool bit)
{
    const size_t arrays = bit ? 6 : 5;
    return (arrays * arrays_of(&w->grid) + rows_of(&w->grid)) * sizeof(double);
}

static void state_place(struct solve *s, double *memory, bool bit)
{
    const size_t array = arrays_of(s->c), ld = s->c->ld;
    double **arrays[] = {&s->t.p, &s->t.pp, &s->t.r, &s->t.y, &s->t.u};
    for (int k = 0; k < 5; k++, memory += array) *arrays[k] = memory;
    double **rows[] = {&s->t.z, &s->t.e, &s->most, &s->first, &s->last};
    for (int k = 0; k < 5; k++, memory += ld) *rows[k] = memory;
    s->t.scratch = memory;
    memory += s->c->width * OG_STRIP;
    s->t.drive = memory;
    memory += s->c->strips * OG_STRIP;
    s->x = bit ? memory : NULL;
    for (size_t j = 0; j < ld; j++) s->most[j] = s->first[j] = s->last[j] = 0;
    if (bit) memset(s->x, 0, array * sizeof *s->x);
}

static double largest_of(const double *v, size_t n)
{
    double most = 0;
    for (size_t k = 0; v != NULL && k < n; k++) most = fmax(most, fabs(v[k]));
    return most;
}

// Voltages are scaled to at most 1, so that no square leaves the range of doubles.
static void set_drive(struct solve *s, const struct og_pcg_io *io)
{
    const size_t m = s->w->rows, n = s->w->cols;
    s->unit = fmax(largest_of(io->v, m), largest_of(io->sense, n));
    s->unit = fmax(s->unit, largest_of(io->inject, m * n) / s->w->col.unit);
    const double scale = s->unit > 0 ? 1 / s->unit : 0;
    for (size_t i = 0; i < s->c->strips * OG_STRIP; i++)
        s->t.drive[i] = io->v != NULL && i < m ? io->v[i] * scale : 0;
    og_wire_kernels()->source(s->c, &s->t);
    const double per_unit = scale / s->w->col.unit;
    for (size_t k = 0; io->inject != NULL && k < m * n; k++)
        s->t.r[k / n * s->c->ld + k % n] += io->inject[k] * per_unit;
    if (io->sense == NULL) return;
    const struct og_line *col = &s->w->col;
    const bool node = col->kind == OG_LINE_NODE;
    double *first = s->t.r, *last = s->t.r + (m - 1) * s->c->ld;
    for (size_t j = 0; j < n; j++) {
        first[j] += (node ? 1 : col->first) * io->sense[j] * scale;
        if (!node) last[j] += col->last * io->sense[j] * scale;
    }
}

// Largest e / most over the bit lines; raises most.
static double progress(struct solve *s)
{
    double worst = 0;
    for (size_t j = 0; j < s->c->cols; j++) {
        const double e = s->t.e[j];
        if (e > s->most[j]) s->most[j] = e;
        if (e > worst * s->most[j]) worst = e / s->most[j];
    }
    return sqrt(worst);
}

static double total(const struct solve *s)
{
    double sum = 0;
    for (size_t j = 0; j < s->c->cols; j++) sum += s->t.e[j];
    return sum;
}

static void add_to(double *restrict x, const double *restrict p, double alpha, size_t n)
{
    for (size_t k = 0; k < n; k++) x[k] += alpha * p[k];
}

static void advance(struct solve *s, double alpha)
{
    const size_t ld = s->c->ld;
    add_to(s->last, s->t.p + (s->w->rows - 1) * ld, alpha, s->c->cols);
    if (s->w->params.sense_both) add_to(s->first, s->t.p, alpha, s->c->cols);
    if (s->x != NULL) add_to(s->x, s->t.p, alpha, s->w->rows * ld);
}

static void finish(const struct solve *s, const struct og_pcg_io *io)
{
    const struct og_line *col = &s->w->col;
    const bool node = col->kind == OG_LINE_NODE;
    for (size_t j = 0; io->current != NULL && j < s->w->cols; j++)
        io->current[j] =
            col->unit * s->unit *
            (node ? s->last[j] : col->first * s->first[j] + col->last * s->last[j]);
    for (size_t i = 0; io->bit != NULL && i < s->w->rows; i++)
        for (size_t j = 0; j < s->w->cols; j++)
            io->bit[i * s->w->cols + j] = s->unit * s->x[i * s->c->ld + j];
}

struct og_pcg_result og_pcg_solve(const struct og_wires *w, void *state,
                                  const struct og_pcg_io *io)
{
    assert(w->grid_loaded);
    const struct og_wire_kernels *k = og_wire_kernels();
    struct solve s = {.w = w, .c = &w->grid};
    struct og_pcg_result done = {.converged = false};
    state_place(&s, state, io->bit != NULL);
    set_drive(&s, io);
    k->forward(s.c, &s.t, 0);
    const double enough = io->tolerance > 0 ? io->tolerance : tolerance;
    double energy = total(&s), start = energy, beta = 0;
    while (!(done.converged = progress(&s) <= enough)) {
        if (done.iterations++ == ITERATIONS_MAX) break;
        const double slope = k->backward(s.c, &s.t, beta);
        if (!(slope > 0)) {
            done.converged = progress(&s) <= last_tolerance;
            break;
        }
        const double alpha = energy / slope, before = energy;
        advance(&s, alpha);
        k->forward(s.c, &s.t, alpha);
        energy = total(&s);
        beta = energy / before;
    }
    if (!isfinite(energy)) done.converged = false;
    done.residual = start > 0 ? sqrt(energy / start) : 0;
    finish(&s, io);
    return done;
}
