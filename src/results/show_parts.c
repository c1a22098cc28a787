// SPDX-License-Identifier: GPL-3.0-or-later
// What each part of the hardware takes as a text table: one line per sweep point and part,
// and their sum.
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "ohmgrid/results.h"
#include "results/file.h"
#include "results/part_table.h"
#include "results/text_table.h"

// The columns of numbers; shares stand beside what they are shares of.
static const struct column {
    enum og_part_kind kind;
    bool dense;
    const char *name, *share;  // share: heading of the next column; NULL: there is none
} columns[] = {
    {OG_PART_COUNT, false, "count", NULL},
    {OG_PART_USES, false, "uses", NULL},
    {OG_PART_ENERGY, false, "energy", "of energy [%]"},
    {OG_PART_AREA, false, "area", "of area [%]"},
    {OG_PART_ENERGY, true, "energy_dense", NULL},
    {OG_PART_AREA, true, "area_dense", NULL},
};
enum { COLUMNS = sizeof columns / sizeof *columns };

static bool is_known(const struct og_part_table *t, size_t point)
{
    for (size_t k = 0; k < t->n; k++)
        if (!isnan(og_part_values(t, OG_PART_ENERGY, false)[point * t->n + k]))
            return true;
    return false;
}

// Dense columns where anything was removed.
static bool shows(const struct og_part_table *t, const struct column *c)
{
    const size_t all = t->n * t->table.points;
    const double *used = og_part_values(t, c->kind, false),
                 *dense = og_part_values(t, c->kind, true);
    if (!c->dense) return true;
    for (size_t i = 0; i < all; i++)
        if (!isnan(used[i]) && used[i] != dense[i]) return true;
    return false;
}

static double sum_of(const double *value, size_t n)
{
    double sum = 0;
    for (size_t k = 0; k < n; k++) sum += value[k];
    return sum;
}

// Squares take the prefix of the length.
static struct og_scaled scale_area(double largest)
{
    if (largest >= 1e-7) return (struct og_scaled){1e6, "mm2"};
    return (struct og_scaled){1e12, "µm2"};
}

static struct og_scaled scale(const struct og_part_table *t, enum og_part_kind kind)
{
    const double *value = og_part_values(t, kind, true);
    double largest = 0;
    for (size_t p = 0; p < t->table.points; p++)
        largest = fmax(largest, sum_of(value + p * t->n, t->n));
    if (kind == OG_PART_AREA) return scale_area(largest);
    return og_scale_units(kind == OG_PART_ENERGY ? "J" : "1", &largest, 1);
}

static void print_number(char *cell, double v)
{
    if (isnan(v))
        snprintf(cell, OG_CELL, "-");
    else if (v == floor(v) && fabs(v) < 1e15)
        snprintf(cell, OG_CELL, "%.0f", v);
    else
        snprintf(cell, OG_CELL, "%.4g", v);
}

// Of one point, from `row` on; uses and counts of different things have no sum.
static void fill_point(const struct og_text_table *g, size_t row, size_t col,
                       const struct column *c, const double *value, size_t n,
                       double factor)
{
    const bool adds = c->kind == OG_PART_ENERGY || c->kind == OG_PART_AREA;
    const double sum = sum_of(value, n);
    for (size_t k = 0; k <= n; k++) {
        if (k == n && !adds) return;
        const double v = k < n ? value[k] : sum;
        print_number(og_text_at(g, row + k, col), factor * v);
        if (c->share != NULL && sum > 0)
            snprintf(og_text_at(g, row + k, col + 1), OG_CELL, "%.1f", 100 * v / sum);
    }
}

static size_t fill_column(const struct og_text_table *g, size_t col,
                          const struct og_part_table *t, const struct column *c)
{
    const struct og_scaled s = scale(t, c->kind);
    const double *value = og_part_values(t, c->kind, c->dense);
    og_text_heading(g, col, c->name, s.units);
    if (c->share != NULL) og_text_heading(g, col + 1, c->share, NULL);
    size_t row = 1;
    for (size_t p = 0; p < t->table.points; p++) {
        if (!is_known(t, p)) continue;
        fill_point(g, row, col, c, value + p * t->n, t->n, s.factor);
        row += t->n + 1;
    }
    return col + (c->share != NULL ? 2 : 1);
}

// point: of each row.
static void fill(const struct og_text_table *g, const struct og_part_table *t,
                 const size_t *point)
{
    size_t col = og_text_axes(g, &t->table, point);
    og_text_heading(g, col, "part", NULL);
    for (size_t row = 1; row < g->rows; row++) {
        const size_t k = (row - 1) % (t->n + 1);
        snprintf(og_text_at(g, row, col), OG_CELL, "%s", k < t->n ? t->name[k] : "sum");
    }
    col++;
    for (size_t i = 0; i < COLUMNS; i++)
        if (shows(t, &columns[i])) col = fill_column(g, col, t, &columns[i]);
}

static og_status print(const struct og_part_table *t, const struct og_sheet *sheet,
                       struct og_error *err)
{
    struct og_text_table g = {0};
    size_t rows = 0, cols = 1;
    size_t *point = og_alloc(t->table.points, (t->n + 1) * sizeof *point);
    if (point == NULL) return og_fail_memory(err);
    for (size_t p = 0; p < t->table.points; p++)
        for (size_t k = 0; k <= t->n && is_known(t, p); k++) point[rows++] = p;
    for (size_t i = 0; i < t->table.axes; i++) cols += (size_t)t->table.axis[i].columns;
    for (size_t i = 0; i < COLUMNS; i++)
        if (shows(t, &columns[i])) cols += columns[i].share != NULL ? 2 : 1;
    og_status s = og_text_table_alloc(&g, rows + 1, cols, err);
    if (s == OG_OK) {
        fill(&g, t, point);
        og_text_print(&g, sheet);
        og_sheet_note(sheet, t->table.trials > 1
                                 ? "all matrices, one sample, means over chips"
                                 : "all matrices, one sample");
    }
    og_text_table_free(&g);
    og_free(point);
    return s;
}

og_status og_show_parts(const char *path, const struct og_sheet *sheet,
                        struct og_error *err)
{
    struct og_part_table t;
    og_status s = og_part_table_find(&t, path, err);
    if (s == OG_OK && t.n == 0)
        s = og_fail(err, OG_INPUT,
                    "%s: holds no parts of costs: it is of a version before these, "
                    "hardware.technology is not given, no chip was measured, or "
                    "output.layer_samples was 0",
                    path);
    if (s == OG_OK) s = print(&t, sheet, err);
    og_part_table_free(&t);
    return s;
}
