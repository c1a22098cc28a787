// SPDX-License-Identifier: GPL-3.0-or-later
#include "results/part_table.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "results/file.h"

enum { METRICS = 2 * OG_PART_KINDS };
static const char *const metric[METRICS] = {
    "part_count",       "part_uses",       "part_energy",       "part_area",
    "part_count_dense", "part_uses_dense", "part_energy_dense", "part_area_dense"};

static void refuse(struct og_part_table *t, const char *layer, const char *what)
{
    if (t->h.status == OG_OK)
        t->h.status =
            og_fail(t->h.err, OG_INPUT, "%s: layers/%s: %s", t->h.path, layer, what);
}

static bool no_memory(struct og_part_table *t, const void *block)
{
    if (block == NULL && t->h.status == OG_OK) t->h.status = og_fail_memory(t->h.err);
    return block == NULL;
}

static void free_names(char **name, size_t n)
{
    for (size_t i = 0; name != NULL && i < n; i++) og_free(name[i]);
    og_free(name);
}

// Takes the names of the first layer that has any; those of the others are the same.
static void take_names(struct og_part_table *t, const char *layer,
                       struct og_table_column *c, size_t n)
{
    if (t->name != NULL) {
        bool same = c->label != NULL && n == t->n;
        for (size_t k = 0; same && k < n; k++) same = !strcmp(c->label[k], t->name[k]);
        if (!same) refuse(t, layer, "has other parts than the layers before it");
        return;
    }
    if (c->label == NULL || n == 0) {
        refuse(t, layer, "its parts have no names");
        return;
    }
    const size_t all = METRICS * t->table.points;
    t->values = og_alloc(all, n * sizeof *t->values);
    if (no_memory(t, t->values)) return;
    for (size_t i = 0; i < all * n; i++) t->values[i] = NAN;
    t->name = c->label;
    t->n = n;
    c->label = NULL;
}

static void read_names(struct og_part_table *t, hid_t group, const char *layer)
{
    struct og_table_column column = {0};
    size_t n = 0;
    hid_t set = H5Dopen2(group, "part", H5P_DEFAULT);
    if (og_hdf_ok(&t->h, set, "open the parts of a layer"))
        og_table_read_column(&t->h, set, "part", &column, &n);
    if (t->h.status == OG_OK) take_names(t, layer, &column, n);
    free_names(column.label, n);
    og_free(column.name);
    og_free(column.units);
    og_free(column.value);
    og_hdf_close(&t->h, set);
}

// Means over the trials of value[points][trials][n] to the sums.
static void add_means(struct og_part_table *t, const double *value, double *sum)
{
    const size_t trials = t->table.trials;
    for (size_t p = 0; p < t->table.points; p++)
        for (size_t k = 0; k < t->n; k++) {
            double all = 0;
            size_t known = 0;
            for (size_t i = 0; i < trials; i++) {
                const double v = value[(p * trials + i) * t->n + k];
                if (isnan(v)) continue;
                all += v;
                known++;
            }
            if (known == 0) continue;
            double *to = &sum[p * t->n + k];
            *to = (isnan(*to) ? 0 : *to) + all / (double)known;
        }
}

static void read_metric(struct og_part_table *t, hid_t group, const char *layer, size_t m)
{
    size_t n = 0;
    hid_t set = H5Dopen2(group, metric[m], H5P_DEFAULT);
    double *value = NULL;
    if (og_hdf_ok(&t->h, set, "open a metric of parts"))
        value = og_hdf_read_reals(&t->h, set, &n);
    if (t->h.status == OG_OK && n != t->table.points * t->table.trials * t->n)
        refuse(t, layer, "the values of its parts have another shape");
    if (t->h.status == OG_OK) add_means(t, value, t->values + m * t->table.points * t->n);
    og_hdf_close(&t->h, set);
    og_free(value);
}

// Files of earlier versions, and layers that were never priced, have none.
static herr_t see_layer(hid_t layers, const char *name, const H5L_info_t *info,
                        void *user)
{
    (void)info;
    struct og_part_table *t = user;
    hid_t group = H5Gopen2(layers, name, H5P_DEFAULT);
    if (og_hdf_ok(&t->h, group, "open a layer") &&
        H5Lexists(group, metric[OG_PART_ENERGY], H5P_DEFAULT) > 0) {
        read_names(t, group, name);
        for (size_t m = 0; m < METRICS && t->h.status == OG_OK; m++)
            read_metric(t, group, name, m);
    }
    og_hdf_close(&t->h, group);
    return t->h.status == OG_OK ? 0 : -1;
}

static void read_all(struct og_part_table *t, hid_t file)
{
    if (H5Lexists(file, "layers", H5P_DEFAULT) <= 0) return;
    hid_t layers = H5Gopen2(file, "layers", H5P_DEFAULT);
    if (og_hdf_ok(&t->h, layers, "open /layers"))
        og_hdf_ok(&t->h,
                  H5Literate(layers, H5_INDEX_CRT_ORDER, H5_ITER_INC, NULL, see_layer, t),
                  "list /layers");
    og_hdf_close(&t->h, layers);
}

og_status og_part_table_find(struct og_part_table *t, const char *path,
                             struct og_error *err)
{
    *t = (struct og_part_table){.h = {.path = path, .err = err}};
    OG_TRY(og_table_read(&t->table, path, err));
    const struct og_hdf_guard guard = og_hdf_silence();
    hid_t file = og_hdf_open(&t->h);
    if (t->h.status == OG_OK) read_all(t, file);
    og_hdf_close(&t->h, file);
    og_hdf_restore(guard);
    return t->h.status;
}

void og_part_table_free(struct og_part_table *t)
{
    free_names(t->name, t->n);
    og_free(t->values);
    og_table_free(&t->table);
    *t = (struct og_part_table){0};
}
