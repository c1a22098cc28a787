// SPDX-License-Identifier: GPL-3.0-or-later
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "results/file.h"
#include "results/layer_table.h"

static bool no_memory(struct og_layer_table *l, const void *block)
{
    if (block == NULL && l->h.status == OG_OK) l->h.status = og_fail_memory(l->h.err);
    return block == NULL;
}

static herr_t see_layer(hid_t group, const char *name, const H5L_info_t *info, void *user)
{
    (void)group;
    (void)info;
    struct og_layer_table *l = user;
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

// The scale of parts, or what lies on it (part_table.h).
static bool is_of_parts(struct og_layer_table *l, hid_t group, const char *name)
{
    if (strcmp(name, "part") == 0) return true;
    hid_t set = H5Dopen2(group, name, H5P_DEFAULT), space = H5I_INVALID_HID;
    int rank = -1;
    if (og_hdf_ok(&l->h, set, "open a metric")) space = H5Dget_space(set);
    if (og_hdf_ok(&l->h, space, "read a shape")) rank = H5Sget_simple_extent_ndims(space);
    og_hdf_close(&l->h, space);
    og_hdf_close(&l->h, set);
    return rank > (int)l->table.axes + 1;
}

static herr_t see_metric(hid_t group, const char *name, const H5L_info_t *info,
                         void *user)
{
    (void)info;
    struct og_layer_table *l = user;
    if (is_axis(&l->table, name) || is_of_parts(l, group, name))
        return l->h.status == OG_OK ? 0 : -1;
    struct og_layer_metric_name *grown =
        og_grow(l->metric, l->metrics, l->metrics + 1, sizeof *grown);
    if (no_memory(l, grown)) return -1;
    l->metric = grown;
    struct og_layer_metric_name *m = &l->metric[l->metrics++];
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

static void read_means(struct og_layer_table *l, hid_t group, size_t layer, size_t m)
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

static void list(struct og_layer_table *l, hid_t group, H5L_iterate_t see)
{
    if (l->h.status != OG_OK) return;
    og_hdf_ok(&l->h, H5Literate(group, H5_INDEX_CRT_ORDER, H5_ITER_INC, NULL, see, l),
              "list /layers");
}

static void read_layer(struct og_layer_table *l, hid_t layers, size_t i)
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

static void read_all(struct og_layer_table *l, hid_t file)
{
    if (H5Lexists(file, "layers", H5P_DEFAULT) <= 0) return;
    hid_t layers = H5Gopen2(file, "layers", H5P_DEFAULT);
    if (og_hdf_ok(&l->h, layers, "open /layers")) list(l, layers, see_layer);
    for (size_t i = 0; i < l->n && l->h.status == OG_OK; i++) read_layer(l, layers, i);
    og_hdf_close(&l->h, layers);
}

bool og_layer_metric_exists(const struct og_layer_table *l, size_t m)
{
    for (size_t i = 0; i < l->n * l->table.points; i++)
        if (!isnan(og_layer_means(l, m, 0)[i])) return true;
    return false;
}

og_status og_layer_table_find(struct og_layer_table *l, const char *path,
                              struct og_error *err)
{
    *l = (struct og_layer_table){.h = {.path = path, .err = err}};
    OG_TRY(og_table_read(&l->table, path, err));
    const struct og_hdf_guard guard = og_hdf_silence();
    hid_t file = og_hdf_open(&l->h);
    if (l->h.status == OG_OK) read_all(l, file);
    og_hdf_close(&l->h, file);
    og_hdf_restore(guard);
    return l->h.status;
}

og_status og_layer_table_read(struct og_layer_table *l, const char *path,
                              struct og_error *err)
{
    OG_TRY(og_layer_table_find(l, path, err));
    if (l->n > 0) return OG_OK;
    return og_fail(
        err, OG_INPUT,
        "%s: holds no /layers: no chip was measured, or output.layer_samples was 0",
        path);
}

void og_layer_table_free(struct og_layer_table *l)
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
    *l = (struct og_layer_table){0};
}
