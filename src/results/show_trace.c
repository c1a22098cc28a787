// SPDX-License-Identifier: GPL-3.0-or-later
// /traces as a text table: one line per sweep point, recurrent layer and time step.
#include <stdio.h>

#include "base/mem.h"
#include "results/file.h"
#include "results/text_table.h"
#include "results/traces.h"

static void fill(const struct og_traces *t, const struct og_text_table *g,
                 const size_t *point)
{
    const size_t col = og_text_axes(g, &t->table, point);
    og_text_heading(g, col, "layer", NULL);
    og_text_heading(g, col + 1, "step", NULL);
    for (size_t m = 0; m < OG_TRACES; m++)
        og_text_heading(g, col + 2 + m, og_trace_name[m], NULL);
    for (size_t i = 0; i < t->rows; i++) {
        const struct og_trace_row *r = &t->row[i];
        snprintf(og_text_at(g, i + 1, col), OG_CELL, "%s", r->layer);
        snprintf(og_text_at(g, i + 1, col + 1), OG_CELL, "%zu", r->step);
        for (size_t m = 0; m < OG_TRACES; m++)
            if (r->chips[m] > 0)
                snprintf(og_text_at(g, i + 1, col + 2 + m), OG_CELL, "%.4g",
                         r->sum[m] / r->chips[m]);
            else
                snprintf(og_text_at(g, i + 1, col + 2 + m), OG_CELL, "-");
    }
}

static og_status print(const struct og_traces *t, const struct og_sheet *sheet,
                       struct og_error *err)
{
    struct og_text_table g = {0};
    size_t cols = 2 + OG_TRACES, *point = og_alloc(t->rows, sizeof *point);
    if (!point) return og_fail_memory(err);
    for (size_t i = 0; i < t->rows; i++) point[i] = t->row[i].point;
    for (size_t i = 0; i < t->table.axes; i++) cols += (size_t)t->table.axis[i].columns;
    const og_status status = og_text_table_alloc(&g, t->rows + 1, cols, err);
    if (status == OG_OK) {
        fill(t, &g, point);
        og_text_print(&g, sheet);
        if (t->table.trials > 1) og_sheet_note(sheet, "means over chips");
    }
    og_text_table_free(&g);
    og_free(point);
    return status;
}

og_status og_show_traces(const char *path, const struct og_sheet *sheet,
                         struct og_error *err)
{
    struct og_traces t;
    og_status status = og_traces_read(&t, path, err);
    if (status == OG_OK) status = print(&t, sheet, err);
    og_traces_free(&t);
    return status;
}
