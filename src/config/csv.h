// SPDX-License-Identifier: GPL-3.0-or-later
// Tables of numbers as text: a first line with names and, in brackets, units
// ("time [ms], current [uA]"), then lines of numbers between commas. Blank lines and
// those that begin with '#' count for nothing.
#ifndef OG_CONFIG_CSV_H
#define OG_CONFIG_CSV_H

#include <stdbool.h>
#include <stddef.h>

#include "ohmgrid/status.h"

struct og_csv_column {
    const char *name, *unit;  // unit: NULL: none
    bool optional;
    double *value;  // filled: [rows] in SI units; NULL where there is no such column
};
enum { OG_CSV_COLUMNS = 16, OG_CSV_ROWS = 10000000 };

// Columns come in any order. OG_INPUT names file, line and column; without any row, too.
// og_csv_free in any case.
og_status og_csv_read(const char *path, struct og_csv_column *column, size_t columns,
                      size_t *rows, struct og_error *err);
void og_csv_free(struct og_csv_column *column, size_t columns);

#endif
