// SPDX-License-Identifier: GPL-3.0-or-later
#include "crossbar/circuit.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "crossbar/wires_impl.h"

struct og_wire_params og_wiring_params(const struct og_wiring *w)
{
    return (struct og_wire_params){.r_row = w->r_row,
                                   .r_col = w->r_col,
                                   .r_source = w->r_source,
                                   .r_sense = w->r_sense,
                                   .drive_both = w->drive == OG_BOTH_ENDS,
                                   .sense_both = w->sense == OG_BOTH_ENDS};
}

bool og_wiring_is_on(const struct og_wiring *w)
{
    return w->mode != OG_WIRES_NONE && (w->r_row > 0 || w->r_col > 0 || w->r_source > 0 ||
                                        w->r_sense > 0 || w->r_access > 0);
}

// Word lines of ladders are ideal.
static struct og_wire_params params_of(const struct og_wiring *w)
{
    struct og_wire_params p = og_wiring_params(w);
    if (w->mode == OG_WIRES_APPROXIMATE && w->approximation == OG_WIRES_LADDER)
        p.r_row = p.r_source = 0;
    return p;
}

static bool is_solved(const struct og_circuit *n)
{
    return n->wiring.mode != OG_WIRES_APPROXIMATE ||
           n->wiring.approximation == OG_WIRES_LADDER;
}

// --- room ------------------------------------------------------------------------------

void og_circuit_clear(struct og_circuit *n)
{
    for (int k = 0; k < OG_CIRCUIT_SIZES; k++) og_wires_free(n->solver[k]);
    double *blocks[] = {n->g, n->t, n->share, n->cell, n->line};
    for (size_t k = 0; k < sizeof blocks / sizeof *blocks; k++) og_free(blocks[k]);
    *n = (struct og_circuit){.wiring = n->wiring};
}

// The solver of the present size, NULL: there is none yet.
static og_wires *solver_of(const struct og_circuit *n)
{
    for (int k = 0; k < OG_CIRCUIT_SIZES; k++)
        if (n->solver[k] != NULL && n->used[k][0] == n->rows && n->used[k][1] == n->cols)
            return n->solver[k];
    return NULL;
}

static og_status make_solver(struct og_circuit *n, struct og_error *err)
{
    const struct og_wire_params params = params_of(&n->wiring);
    const size_t k = n->next;
    og_wires_free(n->solver[k]);
    n->solver[k] = NULL;
    n->used[k][0] = n->rows;
    n->used[k][1] = n->cols;
    n->next = (k + 1) % OG_CIRCUIT_SIZES;
    const og_status status =
        og_wires_alloc(&n->solver[k], n->rows, n->cols, &params, err);
    if (status == OG_OK) return OG_OK;
    og_wires_free(n->solver[k]);
    n->solver[k] = NULL;
    return status;
}

static og_status grow(struct og_circuit *n, size_t cells, struct og_error *err)
{
    double **blocks[] = {&n->g, &n->t, &n->share, &n->cell};
    enum { BLOCKS = sizeof blocks / sizeof *blocks };
    for (size_t k = 0; k < BLOCKS; k++) og_free(*blocks[k]);
    for (size_t k = 0; k < BLOCKS; k++) *blocks[k] = NULL;
    n->room = 0;
    for (size_t k = 0; k < BLOCKS; k++) {
        *blocks[k] = og_alloc(cells, sizeof(double));
        if (*blocks[k] == NULL) return og_wires_no_memory(err);
    }
    if (n->line == NULL) n->line = og_alloc(4 * OG_WIRES_SIDE_MAX, sizeof *n->line);
    if (n->line == NULL) return og_wires_no_memory(err);
    n->room = cells;
    return OG_OK;
}

og_status og_circuit_resize(struct og_circuit *n, size_t rows, size_t cols,
                            struct og_error *err)
{
    n->rows = rows;
    n->cols = cols;
    if (n->room < rows * cols) OG_TRY(grow(n, rows * cols, err));
    if (!is_solved(n) || solver_of(n) != NULL) return OG_OK;
    return make_solver(n, err);
}

// --- in series -------------------------------------------------------------------------

static double parallel(double a, double b) { return a * b > 0 ? a * b / (a + b) : 0; }

// Of the path of device (i, j) from its source to ground, its own resistance left out.
static double path_of(const struct og_circuit *n, size_t i, size_t j)
{
    const struct og_wiring *w = &n->wiring;
    double row = w->r_source + (double)(j + 1) * w->r_row;
    double col = w->r_sense + (double)(n->rows - i) * w->r_col;
    if (w->drive == OG_BOTH_ENDS)
        row = parallel(row, w->r_source + (double)(n->cols - j) * w->r_row);
    if (w->sense == OG_BOTH_ENDS)
        col = parallel(col, w->r_sense + (double)(i + 1) * w->r_col);
    return row + col + w->r_access;
}

// Of devices in series, or (cubic) as if there were no wires.
static void series(const struct og_circuit *n, double *t, double *share)
{
    const bool cubic = og_wiring_is_cubic(&n->wiring);
    for (size_t i = 0; i < n->rows; i++)
        for (size_t j = 0; j < n->cols; j++) {
            const size_t k = i * n->cols + j;
            const double part = cubic ? 1 : 1 / (1 + n->g[k] * path_of(n, i, j));
            if (t != NULL) t[k] = n->g[k] * part;
            if (share != NULL) share[k] = part * part;
        }
}

// --- exact -----------------------------------------------------------------------------

double og_circuit_access_share(const struct og_circuit *n, size_t k)
{
    const double part = 1 / (1 + n->g[k] * n->wiring.r_access);
    return part * part;
}

og_wires *og_circuit_solver(struct og_circuit *n)
{
    og_wires *w = solver_of(n);
    double *g = n->cell;
    for (size_t k = 0; k < n->rows * n->cols; k++)
        g[k] = n->g[k] / (1 + n->g[k] * n->wiring.r_access);
    og_wires_set(w, g);
    return w;
}

og_status og_circuit_transfer(struct og_circuit *n, struct og_error *err)
{
    if (!is_solved(n)) {
        series(n, n->t, NULL);
        return OG_OK;
    }
    og_wires *w = og_circuit_solver(n);
    const og_status s = og_wires_transfer(w, OG_WIRES_MERGE, n->t, NULL, err);
    if (s != OG_FAILED) return s;
    return og_wires_transfer(w, OG_WIRES_DIRECT, n->t, NULL, err);
}

void og_circuit_shares(struct og_circuit *n)
{
    if (!is_solved(n)) {
        series(n, NULL, n->share);
        return;
    }
    const og_wires *w = og_circuit_solver(n);
    double *line = n->line, *scratch = line + 2 * OG_WIRES_SIDE_MAX;
    for (size_t i = 0; i < n->rows; i++)
        og_word_line(w, i, 1, NULL, n->share + i * n->cols, scratch);
    for (size_t j = 0; j < n->cols; j++) {
        og_bit_line(w, j, line, scratch);
        for (size_t i = 0; i < n->rows; i++) n->share[i * n->cols + j] *= line[i];
    }
    for (size_t k = 0; k < n->rows * n->cols; k++)
        n->share[k] *= og_circuit_access_share(n, k);
}

void og_circuit_arrivals(struct og_circuit *n, double *to)
{
    const size_t cells = n->rows * n->cols;
    if (!is_solved(n)) {
        // In series a current across the device and its square for a change of it.
        series(n, NULL, to);
        for (size_t k = 0; k < cells; k++) to[k] = sqrt(to[k]);
        return;
    }
    const og_wires *w = og_circuit_solver(n);
    double *line = n->line, *scratch = line + 2 * OG_WIRES_SIDE_MAX;
    for (size_t i = 0; i < n->rows; i++) {
        og_word_resistance(w, i, line);
        for (size_t j = 0; j < n->cols; j++)
            to[i * n->cols + j] = 1 - w->g[i * n->cols + j] * line[j];
    }
    for (size_t j = 0; j < n->cols; j++) {
        og_bit_line(w, j, line, scratch);
        for (size_t i = 0; i < n->rows; i++) to[i * n->cols + j] *= line[i];
    }
    for (size_t k = 0; k < cells; k++) to[k] *= sqrt(og_circuit_access_share(n, k));
}

void og_circuit_levels(struct og_circuit *n, double *level)
{
    const og_wires *w = is_solved(n) ? og_circuit_solver(n) : NULL;
    double *word = n->line, *scratch = word + 2 * OG_WIRES_SIDE_MAX;
    if (w == NULL) series(n, NULL, n->share);
    for (size_t i = 0; i < n->rows; i++) {
        if (w != NULL) og_word_line(w, i, 1, NULL, word, scratch);
        level[i] = 0;
        for (size_t j = 0; j < n->cols; j++) {
            const size_t k = i * n->cols + j;
            level[i] += w != NULL ? word[j] * sqrt(og_circuit_access_share(n, k))
                                  : sqrt(n->share[k]);
        }
        level[i] /= (double)n->cols;
    }
}

// --- gradients -------------------------------------------------------------------------

// The fields of one drive and of one adjoint drive.
struct fields {
    struct og_field_room room;
    double *bit, *bit_adjoint;  // [rows * cols] V
    double *factor;             // [rows * cols] of the word lines
    double *v, *u;              // [rows], [cols] V
    double *line;               // [cols][8] V
};

static og_status fields_alloc(struct fields *f, og_wires *w, struct og_error *err)
{
    const size_t cells = w->rows * w->cols;
    *f = (struct fields){.room.tolerance = 1e-7};  // gradients are floats
    OG_TRY(og_field_room_alloc(&f->room, w, err));
    f->bit = og_alloc(3 * cells + w->rows + 9 * w->cols, sizeof *f->bit);
    if (f->bit == NULL) return og_wires_no_memory(err);
    f->bit_adjoint = f->bit + cells;
    f->factor = f->bit_adjoint + cells;
    f->v = f->factor + cells;
    f->u = f->v + w->rows;
    f->line = f->u + w->cols;
    for (size_t i = 0; i < w->rows && w->row.kind != OG_LINE_IDEAL; i++)
        og_line_factor(&w->row, w->g + i * w->cols, 1, w->cols, f->factor + i * w->cols);
    return OG_OK;
}

static void fields_free(struct fields *f)
{
    og_field_room_free(&f->room);
    og_free(f->bit);
}

// to -= (word - bit)(word' - bit') of rows i .. i + 3 (' adjoint).
static void add_rows(const struct og_wires *w, const struct fields *f, size_t i,
                     double *to)
{
    const size_t n = w->cols, rows = w->rows - i < 4 ? w->rows - i : 4;
    const struct og_field both[2] = {{f->v, f->bit}, {NULL, f->bit_adjoint}};
    const bool ideal = w->row.kind == OG_LINE_IDEAL;
    if (!ideal) og_word_lines(w, i, both, f->factor, f->line);
    for (size_t k = 0; k < rows; k++)
        for (size_t j = 0; j < n; j++) {
            const size_t c = (i + k) * n + j;
            const double word = ideal ? f->v[i + k] : f->line[8 * j + k];
            const double adjoint = ideal ? 0 : f->line[8 * j + 4 + k];
            to[c] -= (adjoint - f->bit_adjoint[c]) * (word - f->bit[c]);
        }
}

// to += sum over the rows (or columns, if fewer) of p: one drive, and the adjoint drive
// that p weights it with.
static og_status add_fields(og_wires *w, const double *p, const struct fields *f,
                            double *to, struct og_error *err)
{
    const size_t rows = w->rows, cols = w->cols;
    const bool by_rows = rows < cols;
    for (size_t k = 0; k < (by_rows ? rows : cols); k++) {
        for (size_t i = 0; i < rows; i++)
            f->v[i] = by_rows ? (double)(i == k) : p[i * cols + k];
        for (size_t j = 0; j < cols; j++)
            f->u[j] = by_rows ? p[k * cols + j] : (double)(j == k);
        OG_TRY(og_wires_field_within(w, &f->room, f->v, NULL, NULL, f->bit, err));
        OG_TRY(og_wires_field_within(w, &f->room, NULL, f->u, NULL, f->bit_adjoint, err));
        for (size_t i = 0; i < rows; i += 4) add_rows(w, f, i, to);
    }
    return OG_OK;
}

og_status og_circuit_gradient(struct og_circuit *n, const double *p, double *to,
                              struct og_error *err)
{
    const size_t cells = n->rows * n->cols;
    if (!is_solved(n)) {
        series(n, NULL, to);
        for (size_t k = 0; k < cells; k++) to[k] *= p[k];
        return OG_OK;
    }
    og_wires *w = og_circuit_solver(n);
    struct fields f;
    memset(to, 0, cells * sizeof *to);
    og_status s = fields_alloc(&f, w, err);
    if (s == OG_OK) s = add_fields(w, p, &f, to, err);
    fields_free(&f);
    for (size_t k = 0; k < cells; k++) to[k] *= og_circuit_access_share(n, k);
    return s;
}
