// SPDX-License-Identifier: GPL-3.0-or-later
#include "results/table.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <hdf5_hl.h>

#include "base/mem.h"
#include "results/file.h"

struct reader {
    struct og_hdf h;
    hid_t group, done;
    struct og_table *t;
};

static bool no_memory(struct og_hdf *h, const void *block)
{
    if (block == NULL && h->status == OG_OK) h->status = og_fail_memory(h->err);
    return block == NULL;
}

static void read_labels(struct og_hdf *h, hid_t set, struct og_table_column *c, size_t n)
{
    char **raw = og_alloc(n, sizeof *raw);
    c->label = og_alloc(n + 1, sizeof *c->label);
    hid_t type = og_hdf_text_type(h), space = H5Dget_space(set);
    if (!no_memory(h, raw) && !no_memory(h, c->label) &&
        og_hdf_ok(h, space, "read labels") &&
        og_hdf_ok(h, H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, raw),
                  "read labels")) {
        for (size_t i = 0; i < n; i++) {
            c->label[i] = og_copy_text(raw[i] != NULL ? raw[i] : "");
            no_memory(h, c->label[i]);
        }
        og_hdf_ok(h, H5Dvlen_reclaim(type, space, H5P_DEFAULT, raw), "free labels");
    }
    og_hdf_close(h, space);
    og_hdf_close(h, type);
    og_free(raw);
}

void og_table_read_column(struct og_hdf *h, hid_t set, const char *name,
                          struct og_table_column *c, size_t *n)
{
    if (h->status != OG_OK) return;
    c->name = og_copy_text(name);
    no_memory(h, c->name);
    hid_t type = H5Dget_type(set);
    bool text = og_hdf_ok(h, type, "read a column") && H5Tget_class(type) == H5T_STRING;
    og_hdf_close(h, type);
    *n = og_hdf_count(h, set);
    if (text) {
        read_labels(h, set, c, *n);
    } else {
        c->value = og_hdf_read_reals(h, set, n);
        c->units = og_hdf_read_text(h, set, "units");
    }
}

// H5DSiterate_scales: opens the first scale of the dimension.
static herr_t first_scale(hid_t set, unsigned dim, hid_t scale, void *user)
{
    (void)set;
    (void)dim;
    hid_t *found = user;
    H5Iinc_ref(scale);  // it is closed by whoever gets it
    *found = scale;
    return 1;
}

static void object_name(struct og_hdf *h, hid_t object, char *name, size_t size)
{
    char path[512] = "";
    og_hdf_ok(h, H5Iget_name(object, path, sizeof path), "name a scale");
    const char *slash = strrchr(path, '/');
    snprintf(name, size, "%s", slash != NULL ? slash + 1 : path);
}

static hid_t scale_of(struct og_hdf *h, hid_t set, unsigned dim, char *name, size_t size)
{
    hid_t scale = H5I_INVALID_HID;
    if (h->status != OG_OK) return scale;
    int r = og_hdf_scales_sound(set)
                ? H5DSiterate_scales(set, dim, NULL, first_scale, &scale)
                : -1;
    if (!og_hdf_ok(h, r, "find a scale")) return scale;
    if (scale < 0)
        h->status = og_fail(h->err, OG_INPUT,
                            "%s: a dimension of results/done has no scale", h->path);
    else
        object_name(h, scale, name, size);
    return scale;
}

static void read_axes(struct reader *r)
{
    struct og_table *t = r->t;
    t->points = 1;
    for (size_t i = 0; i < t->axes && r->h.status == OG_OK; i++) {
        struct og_table_axis *axis = &t->axis[i];
        char name[256];
        hid_t scale = scale_of(&r->h, r->done, (unsigned)i, name, sizeof name);
        og_table_read_column(&r->h, scale, name, &axis->column[0], &axis->n);
        axis->columns = 1;
        if (r->h.status == OG_OK && axis->n == 0)
            r->h.status = og_fail(r->h.err, OG_INPUT, "%s: axis '%s' has no values",
                                  r->h.path, name);
        og_hdf_close(&r->h, scale);
        t->points *= axis->n;
    }
}

static void read_zipped_one(struct reader *r, const char *name)
{
    char axis_name[256] = "";
    hid_t set = H5Dopen2(r->group, name, H5P_DEFAULT);
    if (!og_hdf_ok(&r->h, set, "open a coordinate")) return;
    og_hdf_close(&r->h, scale_of(&r->h, set, 0, axis_name, sizeof axis_name));
    for (size_t i = 0; i < r->t->axes && r->h.status == OG_OK; i++) {
        struct og_table_axis *axis = &r->t->axis[i];
        if (strcmp(axis->column[0].name, axis_name) != 0) continue;
        if (axis->columns == OG_COLUMNS_MAX) {
            r->h.status = og_fail(r->h.err, OG_INPUT, "%s: more than %d zipped axes",
                                  r->h.path, OG_COLUMNS_MAX);
            break;
        }
        size_t n;
        og_table_read_column(&r->h, set, name, &axis->column[axis->columns++], &n);
        if (r->h.status == OG_OK && n != axis->n)
            r->h.status =
                og_fail(r->h.err, OG_INPUT, "%s: '%s' has %zu values, its axis %zu",
                        r->h.path, name, n, axis->n);
    }
    og_hdf_close(&r->h, set);
}

static void read_zipped(struct reader *r)
{
    char *names = og_hdf_read_text(&r->h, r->done, "coordinates"), *rest = NULL;
    for (char *name = names != NULL ? strtok_r(names, " ", &rest) : NULL;
         name != NULL && r->h.status == OG_OK; name = strtok_r(NULL, " ", &rest))
        read_zipped_one(r, name);
    og_free(names);
}

static void read_done(struct reader *r)
{
    size_t n;
    double *done = og_hdf_read_reals(&r->h, r->done, &n);
    struct og_table *t = r->t;
    if (done != NULL) {
        t->trials = t->points > 0 ? n / t->points : 0;
        t->chips = og_alloc(t->points, sizeof *t->chips);
        if (!no_memory(&r->h, t->chips) && t->trials > 0)
            for (size_t i = 0; i < n; i++) t->chips[i / t->trials] += done[i] != 0;
    }
    og_free(done);
}

static double *read_part(struct reader *r, const char *metric, const char *ending)
{
    char *name = og_path_with(metric, ending);
    if (no_memory(&r->h, name)) return NULL;
    hid_t set = H5Dopen2(r->group, name, H5P_DEFAULT);
    size_t n = 0;
    double *value = NULL;
    if (og_hdf_ok(&r->h, set, "open a mean")) value = og_hdf_read_reals(&r->h, set, &n);
    if (r->h.status == OG_OK && n != r->t->points)
        r->h.status =
            og_fail(r->h.err, OG_INPUT, "%s: results/%s has %zu values, not %zu",
                    r->h.path, name, n, r->t->points);
    og_hdf_close(&r->h, set);
    og_free(name);
    return value;
}

static bool is_axis(const struct og_table *t, const char *name)
{
    for (size_t i = 0; i < t->axes; i++)
        for (int c = 0; c < t->axis[i].columns; c++)
            if (strcmp(t->axis[i].column[c].name, name) == 0) return true;
    return false;
}

// All but the values.
static void read_metric_head(struct reader *r, const char *name)
{
    struct og_table *t = r->t;
    struct og_table_metric *grown =
        og_grow(t->metric, t->metrics, t->metrics + 1, sizeof *grown);
    if (no_memory(&r->h, grown)) return;
    t->metric = grown;
    struct og_table_metric *m = &t->metric[t->metrics++];
    m->name = og_copy_text(name);
    if (no_memory(&r->h, m->name)) return;
    hid_t set = H5Dopen2(r->group, name, H5P_DEFAULT);
    if (og_hdf_ok(&r->h, set, "open a metric")) {
        m->units = og_hdf_read_text(&r->h, set, "units");
        m->long_name = og_hdf_read_text(&r->h, set, "long_name");
    }
    og_hdf_close(&r->h, set);
}

static void read_metric(struct reader *r, const char *name)
{
    read_metric_head(r, name);
    if (r->h.status != OG_OK) return;
    struct og_table_metric *m = &r->t->metric[r->t->metrics - 1];
    m->mean = read_part(r, name, "_mean");
    m->low = read_part(r, name, "_low");
    m->high = read_part(r, name, "_high");
}

// A point has one value of these, whatever the chip.
static void read_point_metric(struct reader *r, const char *name)
{
    struct og_table *t = r->t;
    read_metric_head(r, name);
    if (r->h.status != OG_OK) return;
    struct og_table_metric *m = &t->metric[t->metrics - 1];
    m->mean = read_part(r, name, "");
    m->low = og_alloc(t->points, sizeof *m->low);
    m->high = og_alloc(t->points, sizeof *m->high);
    if (no_memory(&r->h, m->low) || no_memory(&r->h, m->high)) return;
    for (size_t p = 0; p < t->points; p++) m->low[p] = m->high[p] = NAN;
}

static bool is_point_metric(const char *name)
{
    static const char *const list[] = {"compression", "compression_conv",
                                       "storage_ratio"};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        if (strcmp(name, list[i]) == 0) return true;
    return false;
}

static herr_t see_link(hid_t group, const char *name, const H5L_info_t *info, void *user)
{
    (void)group;
    (void)info;
    struct reader *r = user;
    size_t n = strlen(name), m = strlen("_mean");
    if (is_point_metric(name) && !is_axis(r->t, name)) {
        read_point_metric(r, name);
        return r->h.status == OG_OK ? 0 : -1;
    }
    if (n <= m || strcmp(name + n - m, "_mean") != 0 || is_axis(r->t, name)) return 0;
    char metric[256];
    snprintf(metric, sizeof metric, "%.*s", (int)(n - m), name);
    read_metric(r, metric);
    return r->h.status == OG_OK ? 0 : -1;
}

static void read_group(struct reader *r)
{
    struct og_table *t = r->t;
    hid_t space = H5Dget_space(r->done);
    int rank = og_hdf_ok(&r->h, space, "read results/done")
                   ? H5Sget_simple_extent_ndims(space)
                   : -1;
    og_hdf_close(&r->h, space);
    if (!og_hdf_ok(&r->h, rank, "read results/done")) return;
    t->axes = rank > 0 ? (size_t)rank - 1 : 0;
    t->axis = og_alloc(t->axes, sizeof *t->axis);
    if (no_memory(&r->h, t->axis)) return;
    if (og_hdf_count(&r->h, r->done) == 0 && r->h.status == OG_OK)
        r->h.status = og_fail(r->h.err, OG_INPUT, "%s: results/done is empty", r->h.path);
    read_axes(r);
    read_zipped(r);
    read_done(r);
    if (r->h.status == OG_OK)
        og_hdf_ok(&r->h,
                  H5Literate(r->group, H5_INDEX_NAME, H5_ITER_INC, NULL, see_link, r),
                  "list /results");
}

static void read_file(struct reader *r, hid_t file)
{
    if (H5Lexists(file, "results", H5P_DEFAULT) <= 0 ||
        H5Lexists(file, "results/done", H5P_DEFAULT) <= 0) {
        r->h.status =
            og_fail(r->h.err, OG_INPUT, "%s: not a result file of ohmgrid", r->h.path);
        return;
    }
    const uint64_t schema = og_hdf_read_u64(&r->h, file, "schema_version");
    if (r->h.status == OG_OK && schema != OG_RESULT_SCHEMA)
        r->h.status = og_fail(r->h.err, OG_INPUT,
                              "%s: result file of schema %llu, this program reads %d",
                              r->h.path, (unsigned long long)schema, OG_RESULT_SCHEMA);
    if (r->h.status != OG_OK) return;
    r->group = H5Gopen2(file, "results", H5P_DEFAULT);
    r->done = H5Dopen2(file, "results/done", H5P_DEFAULT);
    r->t->title = og_hdf_read_text(&r->h, file, "title");
    r->t->created = og_hdf_read_text(&r->h, file, "created");
    if (og_hdf_ok(&r->h, r->group, "open /results") &&
        og_hdf_ok(&r->h, r->done, "open results/done"))
        read_group(r);
    og_hdf_close(&r->h, r->done);
    og_hdf_close(&r->h, r->group);
}

og_status og_table_read(struct og_table *t, const char *path, struct og_error *err)
{
    *t = (struct og_table){0};
    struct reader r = {.h = {.path = path, .err = err}, .t = t};
    struct og_hdf_guard guard = og_hdf_silence();
    hid_t file = og_hdf_open(&r.h);
    if (r.h.status == OG_OK) read_file(&r, file);
    og_hdf_close(&r.h, file);
    og_hdf_restore(guard);
    if (r.h.status != OG_OK) og_table_free(t);
    return r.h.status;
}

static void free_column(struct og_table_column *c, size_t n)
{
    og_free(c->name);
    og_free(c->units);
    og_free(c->value);
    for (size_t i = 0; c->label != NULL && i < n; i++) og_free(c->label[i]);
    og_free(c->label);
}

void og_table_axis_clear(struct og_table_axis *axis)
{
    for (int c = 0; c < OG_COLUMNS_MAX; c++) free_column(&axis->column[c], axis->n);
}

void og_table_free(struct og_table *t)
{
    for (size_t i = 0; t->axis != NULL && i < t->axes; i++)
        og_table_axis_clear(&t->axis[i]);
    for (size_t m = 0; m < t->metrics; m++) {
        struct og_table_metric *metric = &t->metric[m];
        char *text[] = {metric->name, metric->units, metric->long_name};
        double *real[] = {metric->mean, metric->low, metric->high};
        for (int i = 0; i < 3; i++) {
            og_free(text[i]);
            og_free(real[i]);
        }
    }
    og_free(t->title);
    og_free(t->created);
    og_free(t->axis);
    og_free(t->metric);
    og_free(t->chips);
    *t = (struct og_table){0};
}

static bool takes_prefix(const char *units)
{
    static const char *const list[] = {"S", "V", "A", "s", "Ohm", "W", "J", "Hz", "F"};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        if (strcmp(units, list[i]) == 0) return true;
    return false;
}

struct og_scaled og_scale_units(const char *units, const double *value, size_t n)
{
    static const struct {
        double factor;
        const char *prefix;
    } step[] = {{1e12, "p"}, {1e9, "n"},  {1e6, "µ"},  {1e3, "m"},
                {1, ""},     {1e-3, "k"}, {1e-6, "M"}, {1e-9, "G"}};
    struct og_scaled s = {.factor = 1};
    snprintf(s.units, sizeof s.units, "%s", units != NULL ? units : "");
    double largest = 0;
    for (size_t i = 0; i < n; i++)
        if (isfinite(value[i]) && fabs(value[i]) > largest) largest = fabs(value[i]);
    if (!takes_prefix(s.units) || largest == 0) return s;
    // 0.25 uS reads better than 250 nS, the field's own habit for conductances.
    size_t k = 0;
    while (k + 1 < sizeof step / sizeof *step && largest * step[k + 1].factor >= 0.0999)
        k++;
    s.factor = step[k].factor;
    snprintf(s.units, sizeof s.units, "%s%s", step[k].prefix, units);
    return s;
}
