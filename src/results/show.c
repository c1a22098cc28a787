// SPDX-License-Identifier: GPL-3.0-or-later
// A result as a text table: one line per sweep point.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "ohmgrid/results.h"
#include "results/file.h"
#include "results/table.h"

enum { CELL = 96 };

struct grid {
    size_t rows, cols;
    char (*cell)[CELL];  // [rows][cols]; row 0: headings
};

static char *at(const struct grid *g, size_t row, size_t col)
{
    return g->cell[row * g->cols + col];
}

// Columns on the screen: UTF-8 continuation bytes take none.
static int width(const char *text)
{
    int n = 0;
    for (; *text != '\0'; text++) n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

static void fill_column(const struct grid *g, size_t col, const struct og_table_column *c,
                        size_t n, size_t stride)
{
    struct og_scaled s = {.factor = 1};
    if (c->value != NULL) s = og_scale_units(c->units, c->value, n);
    bool unit = s.units[0] != '\0' && strcmp(s.units, "1") != 0;
    if (unit)
        snprintf(at(g, 0, col), CELL, "%s [%s]", c->name, s.units);
    else
        snprintf(at(g, 0, col), CELL, "%s", c->name);
    for (size_t row = 1; row < g->rows; row++) {
        size_t i = (row - 1) / stride % n;
        if (c->value != NULL)
            snprintf(at(g, row, col), CELL, "%.6g", c->value[i] * s.factor);
        else
            snprintf(at(g, row, col), CELL, "%s", c->label[i]);
    }
}

static void fill_metric(const struct grid *g, size_t col, const struct og_table_metric *m)
{
    bool unit = m->units != NULL && m->units[0] != '\0' && strcmp(m->units, "1") != 0;
    if (unit)
        snprintf(at(g, 0, col), CELL, "%s [%s]", m->name, m->units);
    else
        snprintf(at(g, 0, col), CELL, "%s", m->name);
    for (size_t row = 1; row < g->rows; row++) {
        size_t p = row - 1;
        if (isnan(m->mean[p]))
            snprintf(at(g, row, col), CELL, "-");
        else if (isnan(m->low[p]))
            snprintf(at(g, row, col), CELL, "%.4f", m->mean[p]);
        else
            snprintf(at(g, row, col), CELL, "%.4f [%.4f, %.4f]", m->mean[p], m->low[p],
                     m->high[p]);
    }
}

static void fill(const struct grid *g, const struct og_table *t)
{
    size_t col = 0, stride = t->points;
    for (size_t i = 0; i < t->axes; i++) {
        stride /= t->axis[i].n;
        for (int c = 0; c < t->axis[i].columns; c++)
            fill_column(g, col++, &t->axis[i].column[c], t->axis[i].n, stride);
    }
    for (size_t m = 0; m < t->metrics; m++) fill_metric(g, col++, &t->metric[m]);
    snprintf(at(g, 0, col), CELL, "chips");
    for (size_t p = 0; p < t->points; p++)
        snprintf(at(g, p + 1, col), CELL, "%zu/%zu", t->chips[p], t->trials);
}

static void print_row(const struct grid *g, size_t row, const int *wide, FILE *out)
{
    for (size_t col = 0; col < g->cols; col++) {
        const char *text = at(g, row, col);
        int pad = col + 1 < g->cols ? wide[col] - width(text) + 2 : 0;
        fprintf(out, "%s%*s", text, pad, "");
    }
    fputc('\n', out);
}

static og_status print_table(const struct og_table *t, FILE *out, struct og_error *err)
{
    struct grid g = {.rows = t->points + 1, .cols = t->metrics + 1};
    for (size_t i = 0; i < t->axes; i++) g.cols += (size_t)t->axis[i].columns;
    int *wide = og_alloc(g.cols, sizeof *wide);
    g.cell = og_alloc(g.rows * g.cols, sizeof *g.cell);
    og_status s = wide != NULL && g.cell != NULL ? OG_OK : og_fail_memory(err);
    if (s == OG_OK) {
        fill(&g, t);
        for (size_t i = 0; i < g.rows * g.cols; i++) {
            int w = width(g.cell[i]);
            if (w > wide[i % g.cols]) wide[i % g.cols] = w;
        }
        for (size_t row = 0; row < g.rows; row++) print_row(&g, row, wide, out);
    }
    og_free(g.cell);
    og_free(wide);
    return s;
}

og_status og_result_show(const char *path, FILE *out, struct og_error *err)
{
    struct og_table t;
    OG_TRY(og_table_read(&t, path, err));
    if (t.title != NULL && t.title[0] != '\0') fprintf(out, "%s\n\n", t.title);
    og_status s = print_table(&t, out, err);
    if (s == OG_OK && t.trials > 1)
        fprintf(out, "\n[low, high]: 95 %% interval of the mean over chips\n");
    og_table_free(&t);
    if (s == OG_OK && ferror(out)) s = og_fail(err, OG_IO, "%s: cannot print", path);
    return s;
}
