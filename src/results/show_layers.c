// SPDX-License-Identifier: GPL-3.0-or-later
// /layers as a text table: one line per sweep point and matrix.
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "ohmgrid/results.h"
#include "results/file.h"
#include "results/text_table.h"

// A metric of the first layer; the other layers have the same ones.
struct metric {
    char *name, *units;
};

struct layers {
    struct og_hdf h;
    struct og_table table;
    size_t n, metrics;
    char **name;  // [n], as the network has them
    struct metric *metric;
    double *mean;  // [metrics][n][points]; NaN: none
};

static bool no_memory(struct layers *l, const void *block)
{
    if (block == NULL && l->h.status == OG_OK) l->h.status = og_fail_memory(l->h.err);
    return block == NULL;
}

static herr_t see_layer(hid_t group, const char *name, const H5L_info_t *info, void *user)
{
    (void)group;
    (void)info;
    struct layers *l = user;
    char **grown = og_grow(l->name, l->n, l->n + 1, sizeof *grown);
    if (no_memory(l, grown)) return -1;
    l->name = grown;
    l->name[l->n] = og_copy_text(name);
    return no_memory(l, l->name[l->n++]) ? -1 : 0;
}

// Whether a dataset is a scale or a coordinate.
static bool is_axis(const struct og_table *t, const char *name)
{
    for (size_t i = 0; i < t->axes; i++)
        for (int c = 0; c < t->axis[i].columns; c++)
            if (strcmp(t->axis[i].column[c].name, name) == 0) return true;
    return strcmp(name, "trial") == 0;
}

static herr_t see_metric(hid_t group, const char *name, const H5L_info_t *info,
                         void *user)
{
    (void)info;
    struct layers *l = user;
    if (is_axis(&l->table, name)) return 0;
    struct metric *grown = og_grow(l->metric, l->metrics, l->metrics + 1, sizeof *grown);
    if (no_memory(l, grown)) return -1;
    l->metric = grown;
    struct metric *m = &l->metric[l->metrics++];
    m->name = og_copy_text(name);
    if (no_memory(l, m->name)) return -1;
    hid_t set = H5Dopen2(group, name, H5P_DEFAULT);
    if (og_hdf_ok(&l->h, set, "open a metric"))
        m->units = og_hdf_read_text(&l->h, set, "units");
    og_hdf_close(&l->h, set);
    return l->h.status == OG_OK ? 0 : -1;
}

static double mean_of(const double *value, size_t n)
{
    double sum = 0;
    size_t known = 0;
    for (size_t i = 0; i < n; i++) {
        if (isnan(value[i])) continue;
        sum += value[i];
        known++;
    }
    return known > 0 ? sum / (double)known : NAN;
}

static void read_means(struct layers *l, hid_t group, size_t layer, size_t m)
{
    const struct og_table *t = &l->table;
    size_t n = 0;
    hid_t set = H5Dopen2(group, l->metric[m].name, H5P_DEFAULT);
    double *value = NULL, *mean = l->mean + (m * l->n + layer) * t->points;
    if (og_hdf_ok(&l->h, set, "open a metric")) value = og_hdf_read_reals(&l->h, set, &n);
    if (l->h.status == OG_OK && n != t->points * t->trials)
        l->h.status = og_fail(
            l->h.err, OG_INPUT, "%s: layers/%s/%s has %zu values, not %zu", l->h.path,
            l->name[layer], l->metric[m].name, n, t->points * t->trials);
    for (size_t p = 0; l->h.status == OG_OK && p < t->points; p++)
        mean[p] = mean_of(value + p * t->trials, t->trials);
    og_hdf_close(&l->h, set);
    og_free(value);
}

static void list(struct layers *l, hid_t group, H5L_iterate_t see)
{
    if (l->h.status != OG_OK) return;
    og_hdf_ok(&l->h, H5Literate(group, H5_INDEX_CRT_ORDER, H5_ITER_INC, NULL, see, l),
              "list /layers");
}

static void read_layer(struct layers *l, hid_t layers, size_t i)
{
    hid_t group = H5Gopen2(layers, l->name[i], H5P_DEFAULT);
    if (og_hdf_ok(&l->h, group, "open a layer") && i == 0) {
        list(l, group, see_metric);
        l->mean = og_alloc(l->metrics, l->n * l->table.points * sizeof *l->mean);
        no_memory(l, l->mean);
    }
    for (size_t m = 0; m < l->metrics && l->h.status == OG_OK; m++)
        read_means(l, group, i, m);
    og_hdf_close(&l->h, group);
}

static void read_all(struct layers *l, hid_t file)
{
    if (H5Lexists(file, "layers", H5P_DEFAULT) <= 0) {
        l->h.status = og_fail(
            l->h.err, OG_INPUT,
            "%s: holds no /layers: no chip was measured, or output.layer_samples was 0",
            l->h.path);
        return;
    }
    hid_t layers = H5Gopen2(file, "layers", H5P_DEFAULT);
    if (og_hdf_ok(&l->h, layers, "open /layers")) list(l, layers, see_layer);
    for (size_t i = 0; i < l->n && l->h.status == OG_OK; i++) read_layer(l, layers, i);
    og_hdf_close(&l->h, layers);
}

// --- printing ------------------------------------------------------------------------

static double *means(const struct layers *l, size_t m, size_t layer)
{
    return l->mean + (m * l->n + layer) * l->table.points;
}

// Points have different networks, and some run on ideal hardware.
static bool is_known(const struct layers *l, size_t layer, size_t point)
{
    for (size_t m = 0; m < l->metrics; m++)
        if (!isnan(means(l, m, layer)[point])) return true;
    return false;
}

// What nobody has (rates of ideal converters, costs without a technology) is left out.
static bool has_values(const struct layers *l, size_t metric)
{
    for (size_t i = 0; i < l->n * l->table.points; i++)
        if (!isnan(means(l, metric, 0)[i])) return true;
    return false;
}

static void print_number(char *cell, double v, const char *units)
{
    if (isnan(v))
        snprintf(cell, OG_CELL, "-");
    else if (units != NULL && strcmp(units, "dB") == 0)
        snprintf(cell, OG_CELL, "%.1f", v);
    else if (v == floor(v) && fabs(v) < 1e15)
        snprintf(cell, OG_CELL, "%.0f", v);
    else
        snprintf(cell, OG_CELL, "%.4g", v);
}

static void fill_metric(const struct layers *l, const struct og_text_table *g, size_t col,
                        size_t m)
{
    const struct metric *metric = &l->metric[m];
    const struct og_scaled s =
        og_scale_units(metric->units, means(l, m, 0), l->n * l->table.points);
    og_text_heading(g, col, metric->name, s.units);
    size_t row = 1;
    for (size_t p = 0; p < l->table.points; p++)
        for (size_t i = 0; i < l->n; i++) {
            if (!is_known(l, i, p)) continue;
            print_number(og_text_at(g, row++, col), means(l, m, i)[p] * s.factor,
                         s.units);
        }
}

// point: of each row; rows go from point to point and from layer to layer.
static void fill(const struct layers *l, const struct og_text_table *g,
                 const size_t *point)
{
    size_t col = og_text_axes(g, &l->table, point), row = 1;
    og_text_heading(g, col, "layer", NULL);
    for (size_t p = 0; p < l->table.points; p++)
        for (size_t i = 0; i < l->n; i++)
            if (is_known(l, i, p))
                snprintf(og_text_at(g, row++, col), OG_CELL, "%s", l->name[i]);
    for (size_t m = 0; m < l->metrics; m++)
        if (has_values(l, m)) fill_metric(l, g, ++col, m);
}

static og_status print(const struct layers *l, const struct og_sheet *sheet,
                       struct og_error *err)
{
    const struct og_table *t = &l->table;
    struct og_text_table g = {0};
    size_t *point = og_alloc(t->points * l->n, sizeof *point);
    if (point == NULL) return og_fail_memory(err);
    size_t rows = 0, cols = 1;
    for (size_t m = 0; m < l->metrics; m++) cols += has_values(l, m);
    for (size_t p = 0; p < t->points; p++)
        for (size_t i = 0; i < l->n; i++)
            if (is_known(l, i, p)) point[rows++] = p;
    for (size_t i = 0; i < t->axes; i++) cols += (size_t)t->axis[i].columns;
    og_status s = og_text_table_alloc(&g, rows + 1, cols, err);
    if (s == OG_OK) {
        fill(l, &g, point);
        og_text_print(&g, sheet);
        if (t->trials > 1) og_sheet_note(sheet, "means over chips");
    }
    og_text_table_free(&g);
    og_free(point);
    return s;
}

static void clear(struct layers *l)
{
    for (size_t i = 0; i < l->n; i++) og_free(l->name[i]);
    for (size_t m = 0; m < l->metrics; m++) {
        og_free(l->metric[m].name);
        og_free(l->metric[m].units);
    }
    og_free(l->name);
    og_free(l->metric);
    og_free(l->mean);
    og_table_free(&l->table);
}

og_status og_show_layers(const char *path, const struct og_sheet *sheet,
                         struct og_error *err)
{
    struct layers l = {.h = {.path = path, .err = err}};
    OG_TRY(og_table_read(&l.table, path, err));
    struct og_hdf_guard guard = og_hdf_silence();
    hid_t file = og_hdf_open(&l.h);
    if (l.h.status == OG_OK) read_all(&l, file);
    og_hdf_close(&l.h, file);
    og_hdf_restore(guard);
    og_status s = l.h.status == OG_OK ? print(&l, sheet, err) : l.h.status;
    clear(&l);
    return s;
}
