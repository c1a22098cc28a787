// SPDX-License-Identifier: GPL-3.0-or-later
#include "results/text_table.h"

#include <string.h>

#include "base/mem.h"
#include "results/file.h"

og_status og_text_table_alloc(struct og_text_table *t, size_t rows, size_t cols,
                              struct og_error *err)
{
    *t = (struct og_text_table){.rows = rows, .cols = cols};
    t->cell = og_alloc(rows, cols * sizeof *t->cell);
    t->wide = og_alloc(cols, sizeof *t->wide);
    if (t->cell != NULL && t->wide != NULL) return OG_OK;
    og_text_table_free(t);
    return og_fail_memory(err);
}

void og_text_table_free(struct og_text_table *t)
{
    og_free(t->cell);
    og_free(t->wide);
    *t = (struct og_text_table){0};
}

char *og_text_at(const struct og_text_table *t, size_t row, size_t col)
{
    return t->cell[row * t->cols + col];
}

void og_text_heading(const struct og_text_table *t, size_t col, const char *name,
                     const char *units)
{
    bool unit = units != NULL && units[0] != '\0' && strcmp(units, "1") != 0;
    if (unit)
        snprintf(og_text_at(t, 0, col), OG_CELL, "%s [%s]", name, units);
    else
        snprintf(og_text_at(t, 0, col), OG_CELL, "%s", name);
}

// An axis of n values, of which point p has number p / stride % n.
struct axis {
    const struct og_table_column *column;
    size_t n, stride;
};

static void fill_column(const struct og_text_table *t, size_t col, struct axis axis,
                        const size_t *point)
{
    const struct og_table_column *c = axis.column;
    struct og_scaled s = {.factor = 1};
    if (c->value != NULL) s = og_scale_units(c->units, c->value, axis.n);
    og_text_heading(t, col, c->name, s.units);
    for (size_t row = 1; row < t->rows; row++) {
        size_t i = point[row - 1] / axis.stride % axis.n;
        if (c->value != NULL)
            snprintf(og_text_at(t, row, col), OG_CELL, "%.6g", c->value[i] * s.factor);
        else
            snprintf(og_text_at(t, row, col), OG_CELL, "%s", c->label[i]);
    }
}

void og_text_visible(char *text, bool lines)
{
    for (; *text != '\0'; text++)
        if (((unsigned char)*text < ' ' && !(lines && *text == '\n')) || *text == 0x7f)
            *text = ' ';
}

size_t og_text_axes(const struct og_text_table *t, const struct og_table *table,
                    const size_t *point)
{
    size_t col = 0, stride = table->points;
    for (size_t i = 0; i < table->axes; i++) {
        stride /= table->axis[i].n;
        for (int c = 0; c < table->axis[i].columns; c++) {
            const struct axis axis = {&table->axis[i].column[c], table->axis[i].n,
                                      stride};
            fill_column(t, col++, axis, point);
        }
    }
    return col;
}

// Columns on the screen: UTF-8 continuation bytes take none.
static int width(const char *text)
{
    int n = 0;
    for (; *text != '\0'; text++) n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

static void print_row(const struct og_text_table *t, size_t row, FILE *out)
{
    for (size_t col = 0; col < t->cols; col++) {
        const char *text = og_text_at(t, row, col);
        int pad = col + 1 < t->cols ? t->wide[col] - width(text) + 2 : 0;
        fprintf(out, "%s%*s", text, pad, "");
    }
    fputc('\n', out);
}

void og_sheet_text(const struct og_sheet *s, const char *text)
{
    for (; *text != '\0'; text++) {
        const char *name = !s->html       ? NULL
                           : *text == '<' ? "&lt;"
                           : *text == '>' ? "&gt;"
                           : *text == '&' ? "&amp;"
                           : *text == '"' ? "&quot;"
                                          : NULL;
        if (name != NULL)
            fputs(name, s->out);
        else
            fputc(*text, s->out);
    }
}

void og_sheet_note(const struct og_sheet *s, const char *text)
{
    fputs(s->html ? "<p class=\"note\">" : "\n", s->out);
    og_sheet_text(s, text);
    fputs(s->html ? "</p>\n" : "\n", s->out);
}

static void print_html(const struct og_text_table *t, const struct og_sheet *sheet)
{
    fputs("<div class=\"wide\"><table>\n", sheet->out);
    for (size_t row = 0; row < t->rows; row++) {
        fputs("<tr>", sheet->out);
        for (size_t col = 0; col < t->cols; col++) {
            fputs(row == 0 ? "<th>" : "<td>", sheet->out);
            og_sheet_text(sheet, og_text_at(t, row, col));
            fputs(row == 0 ? "</th>" : "</td>", sheet->out);
        }
        fputs("</tr>\n", sheet->out);
    }
    fputs("</table></div>\n", sheet->out);
}

void og_text_print(const struct og_text_table *t, const struct og_sheet *sheet)
{
    for (size_t i = 0; i < t->rows * t->cols; i++) {
        og_text_visible(t->cell[i], false);
        int w = width(t->cell[i]);
        if (w > t->wide[i % t->cols]) t->wide[i % t->cols] = w;
    }
    if (sheet->html)
        print_html(t, sheet);
    else
        for (size_t row = 0; row < t->rows; row++) print_row(t, row, sheet->out);
}
