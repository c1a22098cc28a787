// SPDX-License-Identifier: GPL-3.0-or-later
// A result as a text table: one line per sweep point.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "ohmgrid/results.h"
#include "results/file.h"
#include "results/table.h"
#include "results/text_table.h"

// Shares and losses in four decimals; what has a scale of its own in four digits.
static void print_mean(char *cell, const struct og_table_metric *m, size_t p, double unit)
{
    const double mean = m->mean[p] * unit, low = m->low[p] * unit,
                 high = m->high[p] * unit;
    const bool fixed = unit == 1.0 && fabs(mean) >= 1e-3 && fabs(mean) < 100.0;
    if (isnan(mean))
        snprintf(cell, OG_CELL, "-");
    else if (isnan(low))
        snprintf(cell, OG_CELL, fixed ? "%.4f" : "%.4g", mean);
    else
        snprintf(cell, OG_CELL, fixed ? "%.4f [%.4f, %.4f]" : "%.4g [%.4g, %.4g]", mean,
                 low, high);
}

static void fill_metric(const struct og_text_table *g, size_t col,
                        const struct og_table_metric *m)
{
    const struct og_scaled s = og_scale_units(m->units, m->mean, g->rows - 1);
    og_text_heading(g, col, m->name, s.units);
    for (size_t row = 1; row < g->rows; row++)
        print_mean(og_text_at(g, row, col), m, row - 1, s.factor);
}

// point: scratch for all points.
static void fill(const struct og_text_table *g, const struct og_table *t, size_t *point)
{
    for (size_t p = 0; p < t->points; p++) point[p] = p;
    size_t col = og_text_axes(g, t, point);
    for (size_t m = 0; m < t->metrics; m++) fill_metric(g, col++, &t->metric[m]);
    og_text_heading(g, col, "chips", NULL);
    for (size_t p = 0; p < t->points; p++)
        snprintf(og_text_at(g, p + 1, col), OG_CELL, "%zu/%zu", t->chips[p], t->trials);
}

static og_status print_table(const struct og_table *t, const struct og_sheet *sheet,
                             struct og_error *err)
{
    struct og_text_table g = {0};
    size_t *point = og_alloc(t->points, sizeof *point), cols = t->metrics + 1;
    for (size_t i = 0; i < t->axes; i++) cols += (size_t)t->axis[i].columns;
    og_status s = point != NULL ? og_text_table_alloc(&g, t->points + 1, cols, err)
                                : og_fail_memory(err);
    if (s == OG_OK) {
        fill(&g, t, point);
        og_text_print(&g, sheet);
    }
    og_text_table_free(&g);
    og_free(point);
    return s;
}

og_status og_show_points(const char *path, const struct og_sheet *sheet,
                         struct og_error *err)
{
    struct og_table t;
    OG_TRY(og_table_read(&t, path, err));
    if (t.title != NULL && t.title[0] != '\0' && !sheet->html) {
        og_text_visible(t.title, true);
        fprintf(sheet->out, "%s\n\n", t.title);
    }
    og_status s = print_table(&t, sheet, err);
    if (s == OG_OK && t.trials > 1)
        og_sheet_note(sheet, "[low, high]: 95 % interval of the mean over chips");
    og_table_free(&t);
    return s;
}

typedef og_status (*shower)(const char *path, const struct og_sheet *s,
                            struct og_error *err);

static og_status show(shower print, const char *path, FILE *out, struct og_error *err)
{
    const struct og_sheet sheet = {.out = out};
    OG_TRY(print(path, &sheet, err));
    return ferror(out) ? og_fail(err, OG_IO, "%s: cannot print", path) : OG_OK;
}

og_status og_result_show(const char *path, FILE *out, struct og_error *err)
{
    return show(og_show_points, path, out, err);
}

og_status og_result_show_layers(const char *path, FILE *out, struct og_error *err)
{
    return show(og_show_layers, path, out, err);
}

og_status og_result_show_parts(const char *path, FILE *out, struct og_error *err)
{
    return show(og_show_parts, path, out, err);
}

og_status og_result_show_traces(const char *path, FILE *out, struct og_error *err)
{
    return show(og_show_traces, path, out, err);
}

og_status og_result_show_attribution(const char *path, FILE *out, struct og_error *err)
{
    return show(og_show_attribution, path, out, err);
}
