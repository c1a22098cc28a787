// SPDX-License-Identifier: GPL-3.0-or-later
// /traces as a text table: one line per sweep point, recurrent layer and time step.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "ohmgrid/results.h"
#include "results/file.h"
#include "results/text_table.h"

static const char *const metric[] = {"sums_error",  "h_error",         "c_error",
                                     "c_saturated", "gates_saturated", "dac_clipped",
                                     "adc_clipped"};
enum { METRICS = sizeof metric / sizeof *metric };

struct row {
    char cell[80];
    size_t step;
    double sum[METRICS], chips[METRICS];
};

struct traces {
    struct og_hdf h;
    struct og_table table;
    size_t rows, first, present;  // rows of the present point begin at `first`
    struct row *row;
    size_t *point;  // [rows]
};

static struct row *row_of(struct traces *t, const char *cell, size_t step)
{
    for (size_t i = t->first; i < t->rows; i++)
        if (t->row[i].step == step && strcmp(t->row[i].cell, cell) == 0)
            return &t->row[i];
    struct row *row = og_grow(t->row, t->rows, t->rows + 1, sizeof *row);
    if (row) t->row = row;
    size_t *point = og_grow(t->point, t->rows, t->rows + 1, sizeof *point);
    if (point) t->point = point;
    if (!row || !point) {
        t->h.status = og_fail_memory(t->h.err);
        return NULL;
    }
    t->row[t->rows] = (struct row){.step = step};
    snprintf(t->row[t->rows].cell, sizeof t->row->cell, "%s", cell);
    t->point[t->rows] = t->present;
    return &t->row[t->rows++];
}

static void add_metric(struct traces *t, hid_t group, const char *cell, size_t m)
{
    size_t n = 0;
    hid_t set = H5Dopen2(group, metric[m], H5P_DEFAULT);
    double *value = NULL;
    if (og_hdf_ok(&t->h, set, "open a trace")) value = og_hdf_read_reals(&t->h, set, &n);
    for (size_t step = 0; step < n && t->h.status == OG_OK; step++) {
        struct row *row = row_of(t, cell, step);
        if (!row || isnan(value[step])) continue;
        row->sum[m] += value[step];
        row->chips[m] += 1;
    }
    og_hdf_close(&t->h, set);
    og_free(value);
}

static herr_t see_cell(hid_t group, const char *name, const H5L_info_t *info, void *user)
{
    struct traces *t = user;
    (void)info;
    hid_t cell = H5Gopen2(group, name, H5P_DEFAULT);
    if (og_hdf_ok(&t->h, cell, "open the traces of a layer"))
        for (size_t m = 0; m < METRICS && t->h.status == OG_OK; m++)
            add_metric(t, cell, name, m);
    og_hdf_close(&t->h, cell);
    return t->h.status == OG_OK ? 0 : -1;
}

// One chip of a point, if it has been followed.
static void read_chip(struct traces *t, hid_t traces, size_t trial)
{
    char name[48];
    snprintf(name, sizeof name, "p%zu", t->present);
    if (t->h.status != OG_OK || H5Lexists(traces, name, H5P_DEFAULT) <= 0) return;
    snprintf(name, sizeof name, "p%zu/t%zu", t->present, trial);
    if (H5Lexists(traces, name, H5P_DEFAULT) <= 0) return;
    hid_t group = H5Gopen2(traces, name, H5P_DEFAULT);
    if (og_hdf_ok(&t->h, group, "open the traces of a chip"))
        og_hdf_ok(&t->h, H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, NULL, see_cell, t),
                  "list the traces of a chip");
    og_hdf_close(&t->h, group);
}

static void read_all(struct traces *t, hid_t file)
{
    if (H5Lexists(file, "traces", H5P_DEFAULT) <= 0) {
        t->h.status = og_fail(t->h.err, OG_INPUT,
                              "%s: holds no /traces: output.trace was false, or there is "
                              "no recurrent layer on hardware",
                              t->h.path);
        return;
    }
    hid_t traces = H5Gopen2(file, "traces", H5P_DEFAULT);
    og_hdf_ok(&t->h, traces, "open /traces");
    for (t->present = 0; t->present < t->table.points; t->present++) {
        t->first = t->rows;
        for (size_t trial = 0; trial < t->table.trials; trial++)
            read_chip(t, traces, trial);
    }
    og_hdf_close(&t->h, traces);
}

static void fill(const struct traces *t, const struct og_text_table *g)
{
    const size_t col = og_text_axes(g, &t->table, t->point);
    og_text_heading(g, col, "layer", NULL);
    og_text_heading(g, col + 1, "step", NULL);
    for (size_t m = 0; m < METRICS; m++) og_text_heading(g, col + 2 + m, metric[m], NULL);
    for (size_t i = 0; i < t->rows; i++) {
        const struct row *r = &t->row[i];
        snprintf(og_text_at(g, i + 1, col), OG_CELL, "%s", r->cell);
        snprintf(og_text_at(g, i + 1, col + 1), OG_CELL, "%zu", r->step);
        for (size_t m = 0; m < METRICS; m++)
            if (r->chips[m] > 0)
                snprintf(og_text_at(g, i + 1, col + 2 + m), OG_CELL, "%.4g",
                         r->sum[m] / r->chips[m]);
            else
                snprintf(og_text_at(g, i + 1, col + 2 + m), OG_CELL, "-");
    }
}

static og_status print(const struct traces *t, FILE *out, struct og_error *err)
{
    struct og_text_table g = {0};
    size_t cols = 2 + METRICS;
    for (size_t i = 0; i < t->table.axes; i++) cols += (size_t)t->table.axis[i].columns;
    const og_status status = og_text_table_alloc(&g, t->rows + 1, cols, err);
    if (status == OG_OK) {
        fill(t, &g);
        og_text_print(&g, out);
        if (t->table.trials > 1) fprintf(out, "\nmeans over chips\n");
    }
    og_text_table_free(&g);
    return status;
}

og_status og_result_show_traces(const char *path, FILE *out, struct og_error *err)
{
    struct traces t = {.h = {.path = path, .err = err}};
    OG_TRY(og_table_read(&t.table, path, err));
    struct og_hdf_guard guard = og_hdf_silence();
    hid_t file = og_hdf_open(&t.h);
    if (t.h.status == OG_OK) read_all(&t, file);
    og_hdf_close(&t.h, file);
    og_hdf_restore(guard);
    og_status status = t.h.status == OG_OK ? print(&t, out, err) : t.h.status;
    og_free(t.row);
    og_free(t.point);
    og_table_free(&t.table);
    if (status == OG_OK && ferror(out))
        status = og_fail(err, OG_IO, "%s: cannot print", path);
    return status;
}
