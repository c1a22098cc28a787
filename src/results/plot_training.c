// SPDX-License-Identifier: GPL-3.0-or-later
// /train: one curve for each training, named by what tells the trainings apart.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "results/plot_script.h"

struct trainings {
    struct og_hdf h;
    struct og_table table;
    double *of;  // [points] the training of a point; NULL: not known
    const char *metric;
    struct og_chart *chart;
};

// The value that all points of training `number` have on an axis, -1: there is none.
static long common_value(const struct trainings *t, size_t number, size_t axis)
{
    size_t stride = 1;
    long common = -1;
    for (size_t a = axis + 1; a < t->table.axes; a++) stride *= t->table.axis[a].n;
    for (size_t p = 0; p < t->table.points; p++) {
        const long value = (long)(p / stride % t->table.axis[axis].n);
        if (t->of[p] != (double)number) continue;
        if (common >= 0 && value != common) return -1;
        common = value;
    }
    return common;
}

static void name_training(const struct trainings *t, size_t number, const char *key,
                          char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t a = 0; t->of != NULL && a < t->table.axes; a++) {
        const struct og_table_axis *axis = &t->table.axis[a];
        const long at = axis->n > 1 ? common_value(t, number, a) : -1;
        char value[128];
        if (at < 0) continue;
        og_axis_text(axis, 0, (size_t)at, true, value, sizeof value);
        if (used + strlen(axis->column[0].name) + strlen(value) + 6 < size)
            used += (size_t)snprintf(text + used, size - used, "%s%s %s",
                                     used > 0 ? ", " : "", axis->column[0].name, value);
    }
    if (used == 0) snprintf(text, size, "%s", key);
}

static void read_points(struct trainings *t, hid_t file)
{
    size_t n = 0;
    if (H5Lexists(file, "results/trained", H5P_DEFAULT) <= 0) return;
    hid_t set = H5Dopen2(file, "results/trained", H5P_DEFAULT);
    if (og_hdf_ok(&t->h, set, "open results/trained"))
        t->of = og_hdf_read_reals(&t->h, set, &n);
    og_hdf_close(&t->h, set);
    if (t->h.status == OG_OK && n != t->table.points)
        t->h.status = og_fail(t->h.err, OG_INPUT,
                              "%s: results/trained has %zu values for %zu points",
                              t->h.path, n, t->table.points);
}

static void read_curve(struct trainings *t, hid_t train, size_t number)
{
    char path[96], key[24], name[192];
    snprintf(key, sizeof key, "m%zu", number);
    snprintf(path, sizeof path, "%s/%.60s", key, t->metric);
    if (H5Lexists(train, path, H5P_DEFAULT) <= 0) {
        t->h.status = og_fail(t->h.err, OG_USAGE,
                              "%s: no training curve '%s'; there are: loss, accuracy, "
                              "learning_rate",
                              t->h.path, t->metric);
        return;
    }
    hid_t set = H5Dopen2(train, path, H5P_DEFAULT);
    size_t n = 0;
    double *value = NULL;
    if (og_hdf_ok(&t->h, set, "open a training curve"))
        value = og_hdf_read_reals(&t->h, set, &n);
    og_hdf_close(&t->h, set);
    name_training(t, number, key, name, sizeof name);
    struct og_chart_line *l;
    if (t->h.status == OG_OK && n > 0)  // none: of given weights
        t->h.status = og_chart_add(t->chart, n, name, t->h.path, &l, t->h.err);
    for (size_t i = 0; t->h.status == OG_OK && i < n; i++) l->y[i] = value[i];
    og_free(value);
}

static void read_all(struct trainings *t, hid_t file)
{
    H5G_info_t info = {0};
    if (H5Lexists(file, "train", H5P_DEFAULT) <= 0) {
        t->h.status = og_fail(t->h.err, OG_INPUT,
                              "%s: holds no /train: nothing was trained", t->h.path);
        return;
    }
    read_points(t, file);
    hid_t train =
        t->h.status == OG_OK ? H5Gopen2(file, "train", H5P_DEFAULT) : H5I_INVALID_HID;
    if (t->h.status == OG_OK && og_hdf_ok(&t->h, train, "open /train"))
        og_hdf_ok(&t->h, H5Gget_info(train, &info), "list /train");
    // An unfinished sweep, or one shard of it, may lack some of the numbers.
    size_t most = info.nlinks > 0 ? (size_t)info.nlinks - 1 : 0;
    for (size_t p = 0; t->of != NULL && p < t->table.points; p++)
        if (t->of[p] > (double)most && t->of[p] < 1e6) most = (size_t)t->of[p];
    for (size_t i = 0, seen = 0; i <= most && seen < info.nlinks; i++) {
        char key[24];
        snprintf(key, sizeof key, "m%zu", i);
        if (t->h.status != OG_OK) break;
        if (H5Lexists(train, key, H5P_DEFAULT) <= 0) continue;
        read_curve(t, train, i);
        seen++;
    }
    og_hdf_close(&t->h, train);
    if (t->h.status == OG_OK && t->chart->lines == 0)
        t->h.status =
            og_fail(t->h.err, OG_INPUT,
                    "%s: no training to draw: the weights are as given", t->h.path);
}

og_status og_chart_training(struct og_chart *chart, const char *path,
                            const struct og_plot *plot, struct og_error *err)
{
    struct trainings t = {.h = {.path = path, .err = err}, .chart = chart};
    t.metric = plot->metric != NULL ? plot->metric : "loss";
    OG_TRY(og_table_read(&t.table, path, err));
    const struct og_hdf_guard guard = og_hdf_silence();
    hid_t file = og_hdf_open(&t.h);
    if (t.h.status == OG_OK) read_all(&t, file);
    og_hdf_close(&t.h, file);
    og_hdf_restore(guard);
    chart->title = og_copy_text(t.table.title != NULL ? t.table.title : "");
    snprintf(chart->x_label, sizeof chart->x_label, "training epoch");
    snprintf(chart->y_label, sizeof chart->y_label, "%.90s in training", t.metric);
    og_free(t.of);
    og_table_free(&t.table);
    return t.h.status;
}
