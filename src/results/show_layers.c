// SPDX-License-Identifier: GPL-3.0-or-later
// /layers as a text table: one line per sweep point and matrix.
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "ohmgrid/results.h"
#include "results/file.h"
#include "results/layer_table.h"
#include "results/text_table.h"
#include "results/warning.h"

// Points have different networks, and some run on ideal hardware.
static bool is_known(const struct og_layer_table *l, size_t layer, size_t point)
{
    for (size_t m = 0; m < l->metrics; m++)
        if (!isnan(og_layer_means(l, m, layer)[point])) return true;
    return false;
}

static void print_number(char *cell, double v, const char *units)
{
    if (isnan(v))
        snprintf(cell, OG_CELL, "-");
    else if (units != NULL && strcmp(units, "dB") == 0)
        snprintf(cell, OG_CELL, "%.1f", v);
    else if (v == floor(v) && fabs(v) < 1e15)
        snprintf(cell, OG_CELL, "%.0f", v);
    else
        snprintf(cell, OG_CELL, "%.4g", v);
}

static void fill_metric(const struct og_layer_table *l, const struct og_text_table *g,
                        size_t col, size_t m)
{
    const struct og_layer_metric_name *metric = &l->metric[m];
    const struct og_scaled s =
        og_scale_units(metric->units, og_layer_means(l, m, 0), l->n * l->table.points);
    og_text_heading(g, col, metric->name, s.units);
    size_t row = 1;
    for (size_t p = 0; p < l->table.points; p++)
        for (size_t i = 0; i < l->n; i++) {
            if (!is_known(l, i, p)) continue;
            const double mean = og_layer_means(l, m, i)[p];
            char *cell = og_text_at(g, row++, col);
            print_number(cell, mean * s.factor, s.units);
            if (og_warns(metric->name, mean)) strcat(cell, " !");
        }
}

// point: of each row; rows go from point to point and from layer to layer.
static void fill(const struct og_layer_table *l, const struct og_text_table *g,
                 const size_t *point)
{
    size_t col = og_text_axes(g, &l->table, point), row = 1;
    og_text_heading(g, col, "layer", NULL);
    for (size_t p = 0; p < l->table.points; p++)
        for (size_t i = 0; i < l->n; i++)
            if (is_known(l, i, p))
                snprintf(og_text_at(g, row++, col), OG_CELL, "%s", l->name[i]);
    for (size_t m = 0; m < l->metrics; m++)
        if (og_layer_metric_exists(l, m)) fill_metric(l, g, ++col, m);
}

static bool any_warns(const struct og_layer_table *l)
{
    for (size_t m = 0; m < l->metrics; m++)
        for (size_t i = 0; i < l->n * l->table.points; i++)
            if (og_warns(l->metric[m].name, og_layer_means(l, m, 0)[i])) return true;
    return false;
}

static og_status print(const struct og_layer_table *l, const struct og_sheet *sheet,
                       struct og_error *err)
{
    const struct og_table *t = &l->table;
    struct og_text_table g = {0};
    size_t *point = og_alloc(t->points * l->n, sizeof *point);
    if (point == NULL) return og_fail_memory(err);
    size_t rows = 0, cols = 1;
    for (size_t m = 0; m < l->metrics; m++) cols += og_layer_metric_exists(l, m);
    for (size_t p = 0; p < t->points; p++)
        for (size_t i = 0; i < l->n; i++)
            if (is_known(l, i, p)) point[rows++] = p;
    for (size_t i = 0; i < t->axes; i++) cols += (size_t)t->axis[i].columns;
    og_status s = og_text_table_alloc(&g, rows + 1, cols, err);
    if (s == OG_OK) {
        fill(l, &g, point);
        og_text_print(&g, sheet);
        if (any_warns(l))
            og_sheet_note(sheet,
                          "!: read noise behind wires is drawn off by more than 10 % "
                          "(docs/wires.md)");
        if (t->trials > 1) og_sheet_note(sheet, "means over chips");
    }
    og_text_table_free(&g);
    og_free(point);
    return s;
}

og_status og_show_layers(const char *path, const struct og_sheet *sheet,
                         struct og_error *err)
{
    struct og_layer_table l;
    og_status s = og_layer_table_read(&l, path, err);
    if (s == OG_OK) s = print(&l, sheet, err);
    og_layer_table_free(&l);
    return s;
}
