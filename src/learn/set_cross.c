// SPDX-License-Identifier: GPL-3.0-or-later
// Rows and columns of the matrix at the same time: all non-zeros lie where some rows and
// some columns cross (SS-Auto, 2020, prunes both; its soft constraints and their
// automatic rates are not what is done here). Which rows and columns hold most energy
// together is a hard problem. Rows are chosen for the present columns and columns for the
// present rows by turns; the energy rises with each turn, to a local maximum. The better
// of two starts.
#include "base/mem.h"
#include "learn/set.h"

struct cross {
    double rows, columns;
};

static const struct og_field fields[] = {
    {.key = "rows",
     .type = OG_FIELD_REAL,
     .offset = offsetof(struct cross, rows),
     .min = 1e-9,
     .max = 1,
     .stage = OG_STAGE_TRAIN,
     .help = "Fraction of the rows (filters) kept, at least one."},
    {.key = "columns",
     .type = OG_FIELD_REAL,
     .offset = offsetof(struct cross, columns),
     .min = 1e-9,
     .max = 1,
     .stage = OG_STAGE_TRAIN,
     .help = "Fraction of the columns kept, at least one."},
    {.key = NULL},
};

// 1 where a row or column is kept.
struct choice {
    double *row, *column;
    double energy;
};

static void choose_rows(const struct og_set *set, const float *z, struct choice *c)
{
    const struct cross *x = set->attr;
    for (size_t i = 0; i < set->rows; i++) {
        double sum = 0;
        for (size_t j = 0; j < set->columns; j++) {
            double w = z[i * set->columns + j];
            sum += c->column[j] * w * w;
        }
        c->row[i] = sum;
    }
    og_select_largest(c->row, set->rows,
                      og_amount_of(&(struct og_amount){.keep = x->rows}, set->rows));
}

static void choose_columns(const struct og_set *set, const float *z, struct choice *c)
{
    const struct cross *x = set->attr;
    size_t keep = og_amount_of(&(struct og_amount){.keep = x->columns}, set->columns);
    for (size_t j = 0; j < set->columns; j++) c->column[j] = 0;
    for (size_t i = 0; i < set->rows; i++) {
        if (c->row[i] == 0) continue;
        for (size_t j = 0; j < set->columns; j++) {
            double w = z[i * set->columns + j];
            c->column[j] += w * w;
        }
    }
    og_select_largest(c->column, set->columns, keep);
}

static double energy_of(const struct og_set *set, const float *z, const struct choice *c)
{
    double sum = 0;
    for (size_t i = 0; i < set->rows; i++) {
        double row = 0;
        for (size_t j = 0; c->row[i] != 0 && j < set->columns; j++) {
            double w = z[i * set->columns + j];
            row += c->column[j] * w * w;
        }
        sum += row;
    }
    return sum;
}

// Until a turn brings nothing more.
static void alternate(const struct og_set *set, const float *z, struct choice *c,
                      bool columns_first)
{
    enum { TURNS = 20 };
    for (size_t i = 0; i < set->rows; i++) c->row[i] = 1;
    for (size_t j = 0; j < set->columns; j++) c->column[j] = 1;
    c->energy = -1;
    if (columns_first) choose_columns(set, z, c);
    for (int turn = 0; turn < TURNS; turn++) {
        double before = c->energy;
        choose_rows(set, z, c);
        choose_columns(set, z, c);
        c->energy = energy_of(set, z, c);
        if (c->energy <= before) return;
    }
}

static og_status check(struct og_set *set, const og_item *item, struct og_error *err)
{
    (void)set, (void)item, (void)err;  // each key says all
    return OG_OK;
}

static og_status project(const struct og_set *set, float *z, struct og_error *err)
{
    size_t n = set->rows + set->columns;
    double *room = og_alloc(2 * n, sizeof *room);
    if (room == NULL) return og_set_no_memory(err);
    struct choice start[2];
    for (int s = 0; s < 2; s++) {
        start[s] = (struct choice){.row = room + (size_t)s * n};
        start[s].column = start[s].row + set->rows;
        alternate(set, z, &start[s], s == 1);
    }
    const struct choice *best = &start[start[1].energy > start[0].energy];
    for (size_t i = 0; i < set->rows; i++)
        for (size_t j = 0; j < set->columns; j++)
            if (best->row[i] == 0 || best->column[j] == 0) z[i * set->columns + j] = 0;
    og_free(room);
    return OG_OK;
}

static bool row_is_zero(const struct og_set *set, const float *v, size_t i)
{
    for (size_t j = 0; j < set->columns; j++)
        if (v[i * set->columns + j] != 0) return false;
    return true;
}

static bool column_is_zero(const struct og_set *set, const float *v, size_t j)
{
    for (size_t i = 0; i < set->rows; i++)
        if (v[i * set->columns + j] != 0) return false;
    return true;
}

static bool holds(const struct og_set *set, const float *v)
{
    const struct cross *x = set->attr;
    size_t rows = 0, columns = 0;
    for (size_t i = 0; i < set->rows; i++) rows += !row_is_zero(set, v, i);
    for (size_t j = 0; j < set->columns; j++) columns += !column_is_zero(set, v, j);
    return rows <= og_amount_of(&(struct og_amount){.keep = x->rows}, set->rows) &&
           columns <= og_amount_of(&(struct og_amount){.keep = x->columns}, set->columns);
}

const struct og_set_type og_set_row_column = {fields, sizeof(struct cross), check,
                                              project, holds};
