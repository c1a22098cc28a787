// SPDX-License-Identifier: GPL-3.0-or-later
// Costs of effects and layers as a text table: one line per point of the other axes and
// part.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "ohmgrid/results.h"
#include "results/attribution.h"
#include "results/file.h"
#include "results/text_table.h"

static void print_cost(char *cell, struct og_interval i, double unit)
{
    if (isnan(i.mean))
        snprintf(cell, OG_CELL, "-");
    else if (isnan(i.low))
        snprintf(cell, OG_CELL, "%.3f", i.mean * unit);
    else
        snprintf(cell, OG_CELL, "%.3f [%.3f, %.3f]", i.mean * unit, i.low * unit,
                 i.high * unit);
}

static void fill(const struct og_attribution_file *f, const struct og_text_table *g,
                 const struct og_table *other, const size_t *group)
{
    const struct og_attribution *a = &f->a;
    const double unit = f->loss ? 1 : 100;
    const char *units = f->loss ? "nat" : "points";
    const size_t col = og_text_axes(g, other, group);
    og_text_heading(g, col, "part", NULL);
    og_text_heading(g, col + 1, "alone", units);
    og_text_heading(g, col + 2, "within", units);
    for (size_t k = 0, row = 1; k < a->groups; k++) {
        for (size_t p = 0; p < a->parts; p++, row++) {
            snprintf(og_text_at(g, row, col), OG_CELL, "%s", a->part[p]);
            print_cost(og_text_at(g, row, col + 1), a->alone[k * a->parts + p], unit);
            print_cost(og_text_at(g, row, col + 2), a->within[k * a->parts + p], unit);
        }
        snprintf(og_text_at(g, row, col), OG_CELL, "all");
        print_cost(og_text_at(g, row, col + 1), a->all[k], unit);
        print_cost(og_text_at(g, row++, col + 2), a->all[k], unit);
    }
}

// `other`: the table without the axis of variants, whose points are the groups.
static og_status print(const struct og_attribution_file *f, const struct og_table *other,
                       const struct og_sheet *sheet, struct og_error *err)
{
    const size_t lines = f->a.groups * (f->a.parts + 1);
    struct og_text_table g = {0};
    size_t cols = 3, *group = og_alloc(lines, sizeof *group);
    if (!group) return og_fail_memory(err);
    for (size_t i = 0; i < lines; i++) group[i] = i / (f->a.parts + 1);
    for (size_t i = 0; i < other->axes; i++) cols += (size_t)other->axis[i].columns;
    const og_status status = og_text_table_alloc(&g, lines + 1, cols, err);
    if (status == OG_OK) {
        fill(f, &g, other, group);
        og_text_print(&g, sheet);
    }
    og_text_table_free(&g);
    og_free(group);
    return status;
}

static og_status show(const struct og_attribution_file *f, const struct og_sheet *sheet,
                      struct og_error *err)
{
    struct og_table other = f->t;
    other.axes--;
    other.points = f->a.groups;
    other.axis = og_alloc(other.axes, sizeof *other.axis);
    if (!other.axis) return og_fail_memory(err);
    for (size_t i = 0; i < other.axes; i++)
        other.axis[i] = f->t.axis[i < f->axis ? i : i + 1];
    const og_status status = print(f, &other, sheet, err);
    og_free(other.axis);
    return status;
}

og_status og_show_attribution(const char *path, const struct og_sheet *sheet,
                              struct og_error *err)
{
    struct og_attribution_file f;
    OG_TRY(og_attribution_read(&f, path, err));
    og_status status = show(&f, sheet, err);
    if (status == OG_OK)
        og_sheet_note(sheet, f.loss
                                 ? "what is lost in loss: alone, to the ideal network; "
                                   "within, to the hardware without it"
                                 : "what is lost in accuracy, in percentage points: "
                                   "alone, to the ideal network; within, to the hardware "
                                   "without it");
    if (status == OG_OK && f.t.trials > 1)
        og_sheet_note(sheet,
                      "[low, high]: 95 % interval of the mean over the same chips");
    og_attribution_close(&f);
    return status;
}
