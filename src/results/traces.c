// SPDX-License-Identifier: GPL-3.0-or-later
#include "results/traces.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "results/file.h"

const char *const og_trace_name[OG_TRACES] = {
    "sums_error",      "h_error",     "c_error",    "c_saturated",
    "gates_saturated", "dac_clipped", "adc_clipped"};

struct reader {
    struct og_hdf h;
    struct og_traces *t;
    size_t first, present;  // rows of the present point begin at `first`
};

static struct og_trace_row *row_of(struct reader *r, const char *layer, size_t step)
{
    struct og_traces *t = r->t;
    for (size_t i = r->first; i < t->rows; i++)
        if (t->row[i].step == step && strcmp(t->row[i].layer, layer) == 0)
            return &t->row[i];
    struct og_trace_row *row = og_grow(t->row, t->rows, t->rows + 1, sizeof *row);
    if (!row) {
        r->h.status = og_fail_memory(r->h.err);
        return NULL;
    }
    t->row = row;
    row += t->rows++;
    *row = (struct og_trace_row){.point = r->present, .step = step};
    snprintf(row->layer, sizeof row->layer, "%s", layer);
    return row;
}

static void add_metric(struct reader *r, hid_t group, const char *layer, size_t m)
{
    size_t n = 0;
    hid_t set = H5Dopen2(group, og_trace_name[m], H5P_DEFAULT);
    double *value = NULL;
    if (og_hdf_ok(&r->h, set, "open a trace")) value = og_hdf_read_reals(&r->h, set, &n);
    for (size_t step = 0; step < n && r->h.status == OG_OK; step++) {
        struct og_trace_row *row = row_of(r, layer, step);
        if (!row || isnan(value[step])) continue;
        row->sum[m] += value[step];
        row->chips[m] += 1;
    }
    og_hdf_close(&r->h, set);
    og_free(value);
}

static herr_t see_layer(hid_t group, const char *name, const H5L_info_t *info, void *user)
{
    struct reader *r = user;
    (void)info;
    hid_t layer = H5Gopen2(group, name, H5P_DEFAULT);
    if (og_hdf_ok(&r->h, layer, "open the traces of a layer"))
        for (size_t m = 0; m < OG_TRACES && r->h.status == OG_OK; m++)
            add_metric(r, layer, name, m);
    og_hdf_close(&r->h, layer);
    return r->h.status == OG_OK ? 0 : -1;
}

// One chip of a point, if it has been followed.
static void read_chip(struct reader *r, hid_t traces, size_t trial)
{
    char name[48];
    snprintf(name, sizeof name, "p%zu", r->present);
    if (r->h.status != OG_OK || H5Lexists(traces, name, H5P_DEFAULT) <= 0) return;
    snprintf(name, sizeof name, "p%zu/t%zu", r->present, trial);
    if (H5Lexists(traces, name, H5P_DEFAULT) <= 0) return;
    hid_t group = H5Gopen2(traces, name, H5P_DEFAULT);
    if (og_hdf_ok(&r->h, group, "open the traces of a chip"))
        og_hdf_ok(&r->h,
                  H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, NULL, see_layer, r),
                  "list the traces of a chip");
    og_hdf_close(&r->h, group);
}

static void read_all(struct reader *r, hid_t file)
{
    if (H5Lexists(file, "traces", H5P_DEFAULT) <= 0) {
        r->h.status = og_fail(r->h.err, OG_INPUT,
                              "%s: holds no /traces: output.trace was false, or there is "
                              "no recurrent layer on hardware",
                              r->h.path);
        return;
    }
    hid_t traces = H5Gopen2(file, "traces", H5P_DEFAULT);
    og_hdf_ok(&r->h, traces, "open /traces");
    for (r->present = 0; r->present < r->t->table.points; r->present++) {
        r->first = r->t->rows;
        for (size_t trial = 0; trial < r->t->table.trials; trial++)
            read_chip(r, traces, trial);
    }
    og_hdf_close(&r->h, traces);
}

og_status og_traces_read(struct og_traces *t, const char *path, struct og_error *err)
{
    struct reader r = {.h = {.path = path, .err = err}, .t = t};
    *t = (struct og_traces){0};
    OG_TRY(og_table_read(&t->table, path, err));
    struct og_hdf_guard guard = og_hdf_silence();
    hid_t file = og_hdf_open(&r.h);
    if (r.h.status == OG_OK) read_all(&r, file);
    og_hdf_close(&r.h, file);
    og_hdf_restore(guard);
    return r.h.status;
}

void og_traces_free(struct og_traces *t)
{
    og_free(t->row);
    og_table_free(&t->table);
    *t = (struct og_traces){0};
}
