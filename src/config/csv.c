// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/csv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config/number.h"

enum { UNIT = 24, CELL = 80 };

struct reader {
    const char *path;
    FILE *file;
    char *line;  // getline's
    size_t room, number;
    struct og_csv_column *column;
    size_t columns;
    int place[OG_CSV_COLUMNS];  // of the file's columns among ours
    char unit[OG_CSV_COLUMNS][UNIT];
    size_t cells, rows, rows_room;
    struct og_error *err;
};

// --- lines and cells -----------------------------------------------------------------

static char *trim(char *text)
{
    text += strspn(text, " \t");
    size_t n = strlen(text);
    while (n > 0 && strchr(" \t\r\n", text[n - 1]) != NULL) text[--n] = '\0';
    return text;
}

// The next line that counts, trimmed, in *text; NULL at the end.
static og_status next_line(struct reader *r, char **text)
{
    for (;;) {
        errno = 0;
        const ssize_t n = getline(&r->line, &r->room, r->file);
        if (n < 0) {
            *text = NULL;
            if (feof(r->file)) return OG_OK;
            return og_fail(r->err, OG_IO, "%s: cannot read: %s", r->path,
                           strerror(errno));
        }
        r->number++;
        if (strlen(r->line) != (size_t)n)
            return og_fail(r->err, OG_INPUT, "%s:%zu: not a line of text", r->path,
                           r->number);
        const bool mark = r->number == 1 && strncmp(r->line, "\xef\xbb\xbf", 3) == 0;
        *text = trim(r->line + (mark ? 3 : 0));
        if (**text != '\0' && **text != '#') return OG_OK;
    }
}

// The cell at *rest, trimmed; moves on behind its comma, NULL after the last one.
static char *next_cell(char **rest)
{
    char *cell = *rest, *comma = strchr(cell, ',');
    if (comma != NULL) *comma = '\0';
    *rest = comma != NULL ? comma + 1 : NULL;
    return trim(cell);
}

// --- the first line ------------------------------------------------------------------

static void name_columns(const struct reader *r, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < r->columns && used < size; i++) {
        const struct og_csv_column *c = &r->column[i];
        used += (size_t)snprintf(text + used, size - used, "%s%s%s%s%s",
                                 i > 0 ? ", " : "", c->name, c->unit ? " [" : "",
                                 c->unit ? c->unit : "", c->unit ? "]" : "");
    }
}

static og_status unknown_column(struct reader *r, const char *name)
{
    char known[256];
    name_columns(r, known, sizeof known);
    return og_fail(r->err, OG_INPUT, "%s:%zu: unknown column '%s'; known: %s", r->path,
                   r->number, name, known);
}

static og_status read_unit(struct reader *r, const struct og_csv_column *c, char *text,
                           char unit[UNIT])
{
    double one;
    char number[UNIT];
    char *end = strchr(text, ']');
    const char *own = c->unit != NULL ? c->unit : "";
    snprintf(unit, UNIT, "%s", own);
    if (*text == '\0') return OG_OK;
    if (*text == '[' && end != NULL && end[1] == '\0') {
        *end = '\0';
        snprintf(number, sizeof number, "1 %.20s", trim(text + 1));
        snprintf(unit, UNIT, "%s", number + 2);
        if (strcmp(unit, own) == 0) return OG_OK;
        if (c->unit != NULL && og_number_read(number, c->unit, &one) == OG_NUMBER_OK)
            return OG_OK;
    }
    if (c->unit == NULL)
        return og_fail(r->err, OG_INPUT, "%s:%zu: column '%s' has no unit", r->path,
                       r->number, c->name);
    return og_fail(r->err, OG_INPUT,
                   "%s:%zu: column '%s' is measured in %s: expected '%s [%s]'", r->path,
                   r->number, c->name, c->unit, c->name, c->unit);
}

static og_status read_name(struct reader *r, char *cell)
{
    const size_t length = strcspn(cell, " \t[");
    for (size_t i = 0; i < r->columns; i++) {
        const struct og_csv_column *c = &r->column[i];
        if (strlen(c->name) != length || strncmp(c->name, cell, length) != 0) continue;
        for (size_t k = 0; k < r->cells; k++)
            if (r->place[k] == (int)i)
                return og_fail(r->err, OG_INPUT, "%s:%zu: column '%s' is there twice",
                               r->path, r->number, c->name);
        r->place[r->cells] = (int)i;
        return read_unit(r, c, trim(cell + length), r->unit[r->cells++]);
    }
    return unknown_column(r, cell);
}

static og_status read_head(struct reader *r)
{
    char *rest;
    OG_TRY(next_line(r, &rest));
    if (rest == NULL) return og_fail(r->err, OG_INPUT, "%s: holds no table", r->path);
    while (rest != NULL) OG_TRY(read_name(r, next_cell(&rest)));
    for (size_t i = 0; i < r->columns; i++) {
        bool there = r->column[i].optional;
        for (size_t k = 0; k < r->cells; k++) there |= r->place[k] == (int)i;
        if (!there)
            return og_fail(r->err, OG_INPUT, "%s:%zu: column '%s' is missing", r->path,
                           r->number, r->column[i].name);
    }
    return OG_OK;
}

// --- rows ----------------------------------------------------------------------------

static og_status make_room(struct reader *r)
{
    if (r->rows < r->rows_room) return OG_OK;
    if (r->rows == OG_CSV_ROWS)
        return og_fail(r->err, OG_INPUT, "%s:%zu: more than %d rows", r->path, r->number,
                       OG_CSV_ROWS);
    const size_t room = 2 * r->rows_room + 64;
    for (size_t k = 0; k < r->cells; k++) {
        struct og_csv_column *c = &r->column[r->place[k]];
        double *more = og_grow(c->value, r->rows, room, sizeof *more);
        if (more == NULL)
            return og_fail(r->err, OG_NO_MEMORY, "out of memory while reading %s",
                           r->path);
        c->value = more;
    }
    r->rows_room = room;
    return OG_OK;
}

// The unit's prefix goes into the exponent of the number itself, so that 25 of column
// [uS] is 25e-6 to the last bit.
static og_status read_number(struct reader *r, size_t k, const char *cell)
{
    const struct og_csv_column *c = &r->column[r->place[k]];
    char text[CELL + UNIT + 1];
    double *value = &c->value[r->rows];
    enum og_number n =
        strlen(cell) < CELL ? og_number_read(cell, NULL, value) : OG_NUMBER_WRONG;
    if (n == OG_NUMBER_OK && c->unit != NULL) {
        snprintf(text, sizeof text, "%s %s", cell, r->unit[k]);
        n = og_number_read(text, c->unit, value);
    }
    if (n == OG_NUMBER_OK) return OG_OK;
    return og_fail(r->err, OG_INPUT,
                   "%s:%zu: column '%s': '%.40s' is not a finite number", r->path,
                   r->number, c->name, cell);
}

static og_status read_rows(struct reader *r)
{
    for (;;) {
        char *rest;
        OG_TRY(next_line(r, &rest));
        if (rest == NULL) break;
        OG_TRY(make_room(r));
        size_t cells = 0;
        for (; rest != NULL; cells++) {
            char *cell = next_cell(&rest);
            if (cells < r->cells) OG_TRY(read_number(r, cells, cell));
        }
        if (cells != r->cells)
            return og_fail(r->err, OG_INPUT, "%s:%zu: has %zu cells, the first line %zu",
                           r->path, r->number, cells, r->cells);
        r->rows++;
    }
    if (r->rows > 0) return OG_OK;
    return og_fail(r->err, OG_INPUT, "%s: holds no numbers", r->path);
}

og_status og_csv_read(const char *path, struct og_csv_column *column, size_t columns,
                      size_t *rows, struct og_error *err)
{
    struct reader r = {.path = path, .column = column, .columns = columns, .err = err};
    *rows = 0;
    for (size_t i = 0; i < columns; i++) column[i].value = NULL;
    r.file = fopen(path, "r");
    if (r.file == NULL)
        return og_fail(err, OG_USAGE, "%s: cannot read: %s", path, strerror(errno));
    og_status status = read_head(&r);
    if (status == OG_OK) status = read_rows(&r);
    fclose(r.file);
    free(r.line);
    *rows = r.rows;
    return status;
}

void og_csv_free(struct og_csv_column *column, size_t columns)
{
    for (size_t i = 0; i < columns; i++) {
        og_free(column[i].value);
        column[i].value = NULL;
    }
}
