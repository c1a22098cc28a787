// SPDX-License-Identifier: GPL-3.0-or-later
// Word and bit lines whose weights are all exactly zero. Dense weights are told apart
// from them by their first few rows.
#include <string.h>

#include "base/mem.h"
#include "crossbar/mapping.h"

bool og_lines_alloc(struct og_mapping *m)
{
    size_t rows = m->full_rows, cols = m->full_cols;
    if (!m->hw.mapping.removed) return true;
    m->live_row = og_alloc(rows, sizeof *m->live_row);
    m->live_col = og_alloc(cols, sizeof *m->live_col);
    m->mark = og_alloc(rows > cols ? rows : cols, sizeof *m->mark);
    if (m->live_row == NULL || m->live_col == NULL || m->mark == NULL) return false;
    for (size_t i = 0; i < rows; i++) m->live_row[i] = (uint32_t)i;
    for (size_t j = 0; j < cols; j++) m->live_col[j] = (uint32_t)j;
    m->row_gone = og_alloc(m->col_tiles * rows, sizeof *m->row_gone);
    m->col_gone = og_alloc(m->groups * cols, sizeof *m->col_gone);
    return m->row_gone != NULL && m->col_gone != NULL;
}

void og_lines_free(struct og_mapping *m)
{
    og_free(m->live_row);
    og_free(m->live_col);
    og_free(m->mark);
    og_free(m->row_gone);
    og_free(m->col_gone);
}

static bool all_zero(const float *x, size_t n)
{
    for (size_t k = 0; k < n; k++)
        if (x[k] != 0) return false;
    return true;
}

// mark[i] = 1 where any of the `count` rows x[k * n ..] has something other than 0 at i.
static void mark_used(const float *x, size_t count, size_t n, uint8_t *mark)
{
    size_t left = n;
    memset(mark, 0, n);
    for (size_t k = 0; k < count && left > 0; k++)
        for (size_t i = 0; i < n; i++)
            if (!mark[i] && x[k * n + i] != 0) {
                mark[i] = 1;
                left--;
            }
}

// live[0 .. *n - 1] = the marked ones of `all` lines; true when these are new.
static bool set_live(uint32_t *live, size_t *n, const uint8_t *mark, size_t all)
{
    size_t k = 0;
    bool changed = false;
    for (size_t i = 0; i < all; i++) {
        if (!mark[i]) continue;
        changed |= k >= *n || live[k] != i;
        live[k++] = (uint32_t)i;
    }
    changed |= k != *n;
    *n = k;
    return changed;
}

bool og_mapping_compact(struct og_mapping *m, const float *w)
{
    if (m->live_row == NULL) return false;
    size_t rows = m->rows, cols = m->cols;
    mark_used(w, m->full_cols, m->full_rows, m->mark);
    bool changed = set_live(m->live_row, &rows, m->mark, m->full_rows);
    for (size_t j = 0; j < m->full_cols; j++)
        m->mark[j] = !all_zero(w + j * m->full_rows, m->full_rows);
    changed |= set_live(m->live_col, &cols, m->mark, m->full_cols);
    if (changed) og_mapping_resize(m, rows, cols);
    return changed;
}

void og_lines_find(struct og_mapping *m)
{
    size_t rows = m->rows, cols = m->cols;
    m->any_gone = false;
    if (m->row_gone == NULL) return;
    for (size_t t = 0; t < m->col_tiles; t++) {
        size_t first = t * m->tile_cols, left = cols - first;
        size_t width = left < m->tile_cols ? left : m->tile_cols;
        for (size_t i = 0; i < rows; i++) {
            // The reference has a device on each word line, whatever the weights are.
            bool gone = m->hw.mapping.scheme != OG_OFFSET &&
                        all_zero(m->q + i * cols + first, width);
            m->row_gone[t * rows + i] = gone;
            m->any_gone |= gone;
        }
    }
    for (size_t row = 0, g = 0; row < rows; g++) {
        size_t end = row + m->active, tile = (row / m->tile_rows + 1) * m->tile_rows;
        end = end < tile ? end : tile;
        end = end < rows ? end : rows;
        uint8_t *gone = m->col_gone + g * cols;
        mark_used(m->q + row * cols, end - row, cols, gone);
        for (size_t j = 0; j < cols; j++) {
            gone[j] = !gone[j];
            m->any_gone |= gone[j] != 0;
        }
        row = end;
    }
}

void og_lines_clear(const struct og_mapping *m, float *x)
{
    if (!m->any_gone) return;
    for (size_t i = 0; i < m->rows; i++)
        for (size_t j = 0; j < m->cols; j++)
            if (og_missing(m, i, j)) x[i * m->cols + j] = 0;
}
