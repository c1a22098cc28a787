// SPDX-License-Identifier: GPL-3.0-or-later
// A table of text cells with a row of headings, printed in columns.
#ifndef OG_RESULTS_TEXT_TABLE_H
#define OG_RESULTS_TEXT_TABLE_H

#include <stdio.h>

#include "results/table.h"

enum { OG_CELL = 96 };

// Where tables go, and in which form.
struct og_sheet {
    FILE *out;
    bool html;
};
// Text of a file, unable to become markup.
void og_sheet_text(const struct og_sheet *s, const char *text);
// A line of explanation under a table.
void og_sheet_note(const struct og_sheet *s, const char *text);

struct og_text_table {
    size_t rows, cols;      // rows: with the headings
    char (*cell)[OG_CELL];  // [rows][cols]; row 0: headings
    int *wide;              // [cols]
};

og_status og_text_table_alloc(struct og_text_table *t, size_t rows, size_t cols,
                              struct og_error *err);
void og_text_table_free(struct og_text_table *t);
char *og_text_at(const struct og_text_table *t, size_t row, size_t col);
// "name [units]", without units of 1.
void og_text_heading(const struct og_text_table *t, size_t col, const char *name,
                     const char *units);
// The columns of the axes, from column 0 on; point[r]: of row r + 1. Returns how many
// columns these are.
size_t og_text_axes(const struct og_text_table *t, const struct og_table *table,
                    const size_t *point);
// Control characters become blanks, so that a file cannot move the terminal's cursor;
// `lines`: but for ends of lines.
void og_text_visible(char *text, bool lines);
void og_text_print(const struct og_text_table *t, const struct og_sheet *sheet);

// The tables of og_result_show, _layers, _parts, _traces and _attribution (results.h).
og_status og_show_points(const char *path, const struct og_sheet *s,
                         struct og_error *err);
og_status og_show_layers(const char *path, const struct og_sheet *s,
                         struct og_error *err);
og_status og_show_parts(const char *path, const struct og_sheet *s, struct og_error *err);
og_status og_show_traces(const char *path, const struct og_sheet *s,
                         struct og_error *err);
og_status og_show_attribution(const char *path, const struct og_sheet *s,
                              struct og_error *err);

#endif
