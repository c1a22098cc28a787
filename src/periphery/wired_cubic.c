// SPDX-License-Identifier: GPL-3.0-or-later
// wires.approximation cubic: what bit lines lose, by the formula of aihwkit
// (rpu_forward_backward_pass.cpp), in every read: crossbar/circuit.h has it. Its weights
// are those of pairs, |w| = 1 at g_max; it knows r_col alone.
#include <math.h>

#include "base/mem.h"
#include "periphery/plate.h"

og_status og_cubic_alloc(struct og_array *a)
{
    bool ok = true;
    for (int k = 0; k < a->units; k++) {
        struct og_unit *u = &a->unit[k];
        ok &= (u->size = og_packed_alloc(u->rows, a->map.cols)) != NULL;
        ok &= (u->placed = og_packed_alloc(u->rows, a->map.cols)) != NULL;
    }
    return ok ? OG_OK : OG_NO_MEMORY;
}

// Rows of the array of a unit; *first: its first one.
static size_t rows_of(const struct og_array *a, const struct og_unit *u, size_t *first)
{
    const struct og_mapping *m = &a->map;
    *first = u->row0 / m->array_rows * m->array_rows;
    const size_t left = m->rows - *first;
    return left < m->array_rows ? left : m->array_rows;
}

static void pack_unit(const struct og_array *a, const struct og_unit *u, float *work)
{
    const size_t cols = a->map.cols, cells = u->rows * cols;
    const float *e = a->e + (size_t)u->side * a->map.rows * cols + u->row0 * cols;
    size_t first;
    const size_t rows = rows_of(a, u, &first);
    for (size_t k = 0; k < cells; k++) work[k] = fabsf(e[k]);
    og_pack(u->size, work, cols, 1, u->rows, cols);
    for (size_t k = 0; k < cells; k++) {
        const size_t away = rows - 1 - (u->row0 + k / cols - first);
        work[k] = e[k] * (float)og_cubic_place(away, rows);
    }
    og_pack(u->placed, work, cols, 1, u->rows, cols);
}

og_status og_cubic_pack(const struct og_array *a, int slice)
{
    if (a->units == 0 || a->unit[0].size == NULL) return OG_OK;
    float *work = og_alloc(a->map.rows * a->map.cols, sizeof *work);
    if (work == NULL) return OG_NO_MEMORY;
    for (int k = 0; k < a->units; k++)
        if (a->unit[k].slice == slice) pack_unit(a, &a->unit[k], work);
    og_free(work);
    return OG_OK;
}

void og_cubic_take(const struct og_array *a, const struct og_unit *u, const float *drive,
                   size_t n, float *room, float *sum)
{
    const struct og_mapping *m = &a->map;
    const size_t in = n * m->rows, out = n * m->cols;
    float *size = room, *load = room + in, *placed = load + out;
    size_t first;
    const double rows = (double)rows_of(a, u, &first);
    const double per_step =
        rows * m->hw.wires.r_col * m->hw.device.g_max / (double)(m->D_slice * a->d_max);
    for (size_t k = 0; k < in; k++) size[k] = fabsf(drive[k]);
    og_product((struct og_left){size + u->row0, m->rows, 1}, n, u->size, load, m->cols,
               0);
    og_product((struct og_left){drive + u->row0, m->rows, 1}, n, u->placed, placed,
               m->cols, 0);
    for (size_t k = 0; k < out; k++)
        sum[k] -= (float)og_cubic_drop(per_step * (double)load[k]) * placed[k];
}
