// SPDX-License-Identifier: GPL-3.0-or-later
// Node voltages, Kirchhoff's laws at the bit lines, and gradients by the adjoint network.
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "crossbar/wires_impl.h"

// Bit lines of ideal word lines, or ideal bit lines. line: 2 rows.
static void decoupled_bits(const struct og_wires *w, const double *v, const double *u,
                           double *bit, double *line)
{
    const size_t m = w->rows, n = w->cols;
    const struct og_line *c = &w->col;
    for (size_t j = 0; j < n; j++) {
        const double end = u != NULL ? u[j] : 0;
        for (size_t i = 0; i < m && c->kind == OG_LINE_IDEAL; i++) bit[i * n + j] = end;
        if (c->kind == OG_LINE_IDEAL) continue;
        for (size_t i = 0; i < m; i++)
            line[i] = v != NULL ? w->g[i * n + j] / c->unit * v[i] : 0;
        line[0] += (c->kind == OG_LINE_NODE ? 1 : c->first) * end;
        if (c->kind == OG_LINE_WIRE) line[m - 1] += c->last * end;
        og_line_factor(c, w->g + j, n, m, line + m);
        og_line_solve(c, line + m, m, line);
        for (size_t i = 0; i < m; i++) bit[i * n + j] = line[i];
    }
}

static og_status coupled_bits(og_wires *w, void *state, const struct og_pcg_io *io,
                              struct og_error *err)
{
    OG_TRY(og_pcg_prepare(w, err));
    const struct og_pcg_result r = og_pcg_solve(w, state, io);
    if (r.converged) return OG_OK;
    return og_fail(err, OG_FAILED,
                   "wires: no convergence in %zu iterations (residual %.2g)",
                   r.iterations, r.residual);
}

void og_field_room_free(struct og_field_room *room)
{
    og_free(room->scratch);
    og_free(room->state);
    *room = (struct og_field_room){.tolerance = room->tolerance};
}

og_status og_field_room_alloc(struct og_field_room *room, og_wires *w,
                              struct og_error *err)
{
    *room = (struct og_field_room){.tolerance = room->tolerance};
    room->scratch = og_alloc(2 * w->rows + w->cols, sizeof *room->scratch);
    if (!og_wires_decoupled(w)) {
        OG_TRY(og_pcg_prepare(w, err));  // tells how much it needs
        room->state = og_alloc(og_pcg_state_bytes(w, true), 1);
        if (room->state == NULL) return og_wires_no_memory(err);
    }
    return room->scratch != NULL ? OG_OK : og_wires_no_memory(err);
}

og_status og_wires_field_within(og_wires *w, const struct og_field_room *room,
                                const double *v, const double *u, double *word,
                                double *bit, struct og_error *err)
{
    const size_t m = w->rows, n = w->cols;
    if (og_wires_decoupled(w)) {
        decoupled_bits(w, v, u, bit, room->scratch);
    } else {
        const struct og_pcg_io io = {
            .v = v, .sense = u, .bit = bit, .tolerance = room->tolerance};
        OG_TRY(coupled_bits(w, room->state, &io, err));
    }
    for (size_t i = 0; word != NULL && i < m; i++)
        og_word_line(w, i, v != NULL ? v[i] : 0, bit + i * n, word + i * n,
                     room->scratch);
    return OG_OK;
}

og_status og_wires_field(og_wires *w, const double *v, const double *u, double *word,
                         double *bit, struct og_error *err)
{
    struct og_field_room room = {0};
    og_status s = og_field_room_alloc(&room, w, err);
    if (s == OG_OK) s = og_wires_field_within(w, &room, v, u, word, bit, err);
    og_field_room_free(&room);
    return s;
}

og_status og_wires_voltages(og_wires *w, const double *v, double *word, double *bit,
                            struct og_error *err)
{
    return og_wires_field(w, v, NULL, word, bit, err);
}

// --- currents put into the nodes
// ---------------------------------------------------------

// word[cols] of row i for the currents `in` and bit-line voltages (NULL: 0).
static void inject_row(const struct og_wires *w, size_t i, const double *in,
                       const double *bit, double *word, double *q)
{
    const size_t n = w->cols;
    const double *g = w->g + i * n;
    for (size_t j = 0; j < n; j++)
        word[j] = (in[j] + (bit != NULL ? g[j] * bit[j] : 0)) / w->row.unit;
    if (w->row.kind == OG_LINE_IDEAL) {
        memset(word, 0, n * sizeof *word);
    } else {
        og_line_factor(&w->row, g, 1, n, q);
        og_line_solve(&w->row, q, n, word);
    }
}

// bit[rows * cols] holds the currents, then the voltages; word lines are ideal.
static void inject_columns(const struct og_wires *w, double *bit, double *line)
{
    const size_t m = w->rows, n = w->cols;
    for (size_t j = 0; j < n; j++) {
        for (size_t i = 0; i < m; i++) line[i] = bit[i * n + j] / w->col.unit;
        og_line_factor(&w->col, w->g + j, n, m, line + m);
        og_line_solve(&w->col, line + m, m, line);
        for (size_t i = 0; i < m; i++) bit[i * n + j] = line[i];
    }
}

static og_status inject_bits(og_wires *w, double *bit, double *line, double *copy,
                             struct og_error *err)
{
    const size_t cells = w->rows * w->cols;
    if (w->col.kind == OG_LINE_IDEAL) {
        memset(bit, 0, cells * sizeof *bit);
    } else if (w->row.kind == OG_LINE_IDEAL) {
        inject_columns(w, bit, line);
    } else {
        struct og_field_room room = {0};
        memcpy(copy, bit, cells * sizeof *bit);
        const struct og_pcg_io io = {.inject = copy, .bit = bit};
        og_status s = og_field_room_alloc(&room, w, err);
        if (s == OG_OK) s = coupled_bits(w, room.state, &io, err);
        og_field_room_free(&room);
        return s;
    }
    return OG_OK;
}

og_status og_wires_inject(og_wires *w, const double *word_in, const double *bit_in,
                          double *word, double *bit, struct og_error *err)
{
    const size_t m = w->rows, n = w->cols;
    double *scratch = og_alloc(2 * m + n + m * n, sizeof *scratch);
    if (scratch == NULL) return og_wires_no_memory(err);
    for (size_t i = 0; i < m; i++)
        inject_row(w, i, word_in + i * n, NULL, word + i * n, scratch);
    for (size_t k = 0; k < m * n; k++) bit[k] = bit_in[k] + w->g[k] * word[k];
    const og_status s = inject_bits(w, bit, scratch, scratch + 2 * m + n, err);
    for (size_t i = 0; s == OG_OK && i < m; i++)
        inject_row(w, i, word_in + i * n, bit + i * n, word + i * n, scratch);
    og_free(scratch);
    return s;
}

// --- residual
// ----------------------------------------------------------------------------

// Current out of node (i, j) along its bit line.
static double leaving(const struct og_wires *w, const double *bit, size_t i, size_t j)
{
    const size_t n = w->cols, at = i * n + j;
    double sum = 0;
    if (i > 0) sum += w->col.unit * (bit[at] - bit[at - n]);
    if (i + 1 < w->rows) sum += w->col.unit * (bit[at] - bit[at + n]);
    return sum + og_line_terminal(&w->col, i, w->rows) * bit[at];
}

double og_wires_residual(const struct og_wires *w, const double *v, const double *bit,
                         double *scratch)
{
    const size_t n = w->cols;
    const bool node = w->col.kind == OG_LINE_NODE;
    double *word = scratch, *q = scratch + n, *sum = scratch + 2 * n,
           *source = scratch + 3 * n;
    double wrong = 0, all = 0;
    if (w->col.kind == OG_LINE_IDEAL) return 0;
    memset(sum, 0, 2 * n * sizeof *sum);
    for (size_t i = 0; i < w->rows; i++) {
        const double *g = w->g + i * n;
        og_word_line(w, i, v[i], NULL, word, q);
        for (size_t j = 0; j < n; j++)
            source[j] = (node ? source[j] : 0) + g[j] * word[j];
        og_word_line(w, i, v[i], bit + i * n, word, q);
        for (size_t j = 0; j < n; j++) {
            const double in = g[j] * (word[j] - bit[i * n + j]);
            sum[j] = node ? sum[j] + in : in - leaving(w, bit, i, j);
        }
        if (node && i + 1 < w->rows) continue;
        for (size_t j = 0; j < n; j++) {
            if (node) sum[j] -= w->col.unit * bit[i * n + j];
            wrong += sum[j] * sum[j];
            all += source[j] * source[j];
        }
    }
    return all > 0 ? sqrt(wrong / all) : 0;
}

// --- gradients
// ---------------------------------------------------------------------------

// Current that flows from the network into source i when all sources stand at 0 V.
static double into_source(const struct og_wires *w, const double *word, const double *bit,
                          size_t i)
{
    const size_t n = w->cols;
    double sum = 0;
    if (w->row.kind == OG_LINE_IDEAL) {
        for (size_t j = 0; j < n; j++) sum += w->g[i * n + j] * bit[i * n + j];
        return sum;
    }
    if (w->row.kind == OG_LINE_NODE) return w->row.unit * word[i * n];
    sum = w->row.unit * w->row.first * word[i * n];
    return sum + w->row.unit * w->row.last * word[i * n + n - 1];
}

void og_wires_source_currents(const og_wires *w, const double *v, const double *word,
                              const double *cell, double *current)
{
    const size_t n = w->cols;
    const struct og_line *l = &w->row;
    for (size_t i = 0; i < w->rows; i++) {
        const double *x = word + i * n;
        double sum = 0;
        for (size_t j = 0; j < n && l->kind == OG_LINE_IDEAL; j++) sum += cell[i * n + j];
        if (l->kind == OG_LINE_NODE) sum = l->unit * (v[i] - x[0]);
        if (l->kind == OG_LINE_WIRE)
            sum = l->unit * (l->first * (v[i] - x[0]) + l->last * (v[i] - x[n - 1]));
        current[i] = sum;
    }
}

// One source at a time.
static og_status sources_by_fields(og_wires *w, double *y, double *memory,
                                   struct og_error *err)
{
    const size_t m = w->rows, cells = m * w->cols;
    double *word = memory, *bit = word + cells, *cell = bit + cells, *v = cell + cells,
           *current = v + m;
    for (size_t k = 0; k < m; k++) {
        memset(v, 0, m * sizeof *v);
        v[k] = 1;
        OG_TRY(og_wires_field(w, v, NULL, word, bit, err));
        for (size_t c = 0; c < cells; c++) cell[c] = w->g[c] * (word[c] - bit[c]);
        og_wires_source_currents(w, v, word, cell, current);
        for (size_t i = 0; i < m; i++) y[i * m + k] = current[i];
    }
    return OG_OK;
}

og_status og_wires_sources(og_wires *w, double *y, struct og_error *err)
{
    if (w->row.kind == OG_LINE_WIRE && w->col.kind == OG_LINE_WIRE) {
        const og_status s = og_merge_sources(w, y, NULL);
        if (s != OG_FAILED) return s == OG_OK ? s : og_wires_no_memory(err);
    }
    double *memory = og_alloc(3 * w->rows * w->cols + 2 * w->rows, sizeof *memory);
    if (memory == NULL) return og_wires_no_memory(err);
    const og_status s = sources_by_fields(w, y, memory, err);
    og_free(memory);
    return s;
}

void og_wires_source_gradient(const og_wires *w, const double *word, const double *bit,
                              double *dv)
{
    for (size_t i = 0; i < w->rows; i++) dv[i] = into_source(w, word, bit, i);
}

og_status og_wires_gradient(og_wires *w, const double *v, const double *dcurrent,
                            double *dg, double *dv, struct og_error *err)
{
    const size_t cells = w->rows * w->cols;
    double *memory = og_alloc(4 * cells, sizeof *memory);
    if (memory == NULL) return og_wires_no_memory(err);
    double *word = memory, *bit = word + cells, *word_a = bit + cells,
           *bit_a = word_a + cells;
    og_status s = og_wires_field(w, NULL, dcurrent, word_a, bit_a, err);
    if (s == OG_OK && dg != NULL) s = og_wires_field(w, v, NULL, word, bit, err);
    for (size_t k = 0; s == OG_OK && dg != NULL && k < cells; k++)
        dg[k] = -(word_a[k] - bit_a[k]) * (word[k] - bit[k]);
    if (s == OG_OK && dv != NULL) og_wires_source_gradient(w, word_a, bit_a, dv);
    og_free(memory);
    return s;
}
