// SPDX-License-Identifier: GPL-3.0-or-later
// What makes two results the same: names, types, shapes, units and values of everything
// but provenance (root attributes) and timings (/run).
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "ohmgrid/results.h"
#include "results/file.h"
#include "results/hdf.h"

enum { DIFFERENCES_SHOWN = 20, DEPTH_MAX = 16 };

struct side {
    struct og_hdf h;
    hid_t file;
};

struct diff {
    struct side a, b;
    FILE *out;
    size_t differences;
};

static void differ(struct diff *d, const char *path, const char *what)
{
    if (d->differences++ < DIFFERENCES_SHOWN) fprintf(d->out, "%s: %s\n", path, what);
}

static bool failed(const struct diff *d)
{
    return d->a.h.status != OG_OK || d->b.h.status != OG_OK;
}

// One dataset as bytes; texts as their pointers (freed by forget).
struct values {
    hid_t set, type, space;
    size_t n, size;
    bool text;
    char *bytes;
    int rank;
    hsize_t dim[H5S_MAX_RANK];
};

static void load(struct side *s, const char *path, struct values *v)
{
    *v = (struct values){.set = H5Dopen2(s->file, path, H5P_DEFAULT),
                         .type = H5I_INVALID_HID,
                         .space = H5I_INVALID_HID};
    if (!og_hdf_ok(&s->h, v->set, "open a dataset")) return;
    v->type = H5Dget_type(v->set);
    v->space = H5Dget_space(v->set);
    if (!og_hdf_ok(&s->h, v->type, "read a type") ||
        !og_hdf_ok(&s->h, v->space, "read a shape"))
        return;
    v->rank = H5Sget_simple_extent_dims(v->space, v->dim, NULL);
    v->n = og_hdf_count(&s->h, v->set);
    if (s->h.status != OG_OK) return;
    v->size = H5Tget_size(v->type);
    v->text = H5Tis_variable_str(v->type) > 0;
    v->bytes = og_alloc(v->n * v->size, 1);
    if (v->bytes == NULL) {
        s->h.status = og_fail_memory(s->h.err);
        return;
    }
    og_hdf_ok(&s->h, H5Dread(v->set, v->type, H5S_ALL, H5S_ALL, H5P_DEFAULT, v->bytes),
              "read a dataset");
}

static void forget(struct side *s, struct values *v)
{
    if (v->text && v->bytes != NULL && s->h.status == OG_OK)
        og_hdf_ok(&s->h, H5Dvlen_reclaim(v->type, v->space, H5P_DEFAULT, v->bytes),
                  "free texts");
    og_free(v->bytes);
    og_hdf_close(&s->h, v->space);
    og_hdf_close(&s->h, v->type);
    og_hdf_close(&s->h, v->set);
}

static bool equal_at(const struct values *a, const struct values *b, size_t i)
{
    const char *pa = a->bytes + i * a->size, *pb = b->bytes + i * b->size;
    if (!a->text) return memcmp(pa, pb, a->size) == 0;
    char *ta, *tb;
    memcpy(&ta, pa, sizeof ta);
    memcpy(&tb, pb, sizeof tb);
    return strcmp(ta != NULL ? ta : "", tb != NULL ? tb : "") == 0;
}

static void print_value(const struct values *v, size_t i, char *text, size_t size)
{
    const char *p = v->bytes + i * v->size;
    if (v->text) {
        char *t;
        memcpy(&t, p, sizeof t);
        snprintf(text, size, "'%.60s'", t != NULL ? t : "");
        return;
    }
    double value;
    char room[64] = {0};
    memcpy(room, p, v->size < sizeof room ? v->size : sizeof room);
    if (v->size <= sizeof room &&
        H5Tconvert(v->type, H5T_NATIVE_DOUBLE, 1, room, NULL, H5P_DEFAULT) >= 0) {
        memcpy(&value, room, sizeof value);
        snprintf(text, size, "%.17g", value);
    } else {
        snprintf(text, size, "other bytes");
    }
}

static void compare_values(struct diff *d, const char *path, const struct values *a,
                           const struct values *b)
{
    size_t different = 0, first = 0;
    for (size_t i = a->n; i-- > 0;) {
        if (equal_at(a, b, i)) continue;
        different++;
        first = i;
    }
    if (different == 0) return;
    char index[256] = "", va[80], vb[80], what[512];
    size_t stride = a->n, used = 0;
    for (int k = 0; k < a->rank && used + 24 < sizeof index; k++) {
        stride /= (size_t)a->dim[k];
        used += (size_t)snprintf(index + used, sizeof index - used, "%s%zu",
                                 k > 0 ? ", " : "", first / stride % (size_t)a->dim[k]);
    }
    print_value(a, first, va, sizeof va);
    print_value(b, first, vb, sizeof vb);
    snprintf(what, sizeof what, "%zu of %zu values differ, first at [%s]: %s and %s",
             different, a->n, index, va, vb);
    differ(d, path, what);
}

static void compare_units(struct diff *d, const char *path, const struct values *a,
                          const struct values *b)
{
    char *ua = og_hdf_read_text(&d->a.h, a->set, "units");
    char *ub = og_hdf_read_text(&d->b.h, b->set, "units");
    if (strcmp(ua != NULL ? ua : "", ub != NULL ? ub : "") != 0)
        differ(d, path, "units differ");
    og_free(ua);
    og_free(ub);
}

static void compare_dataset(struct diff *d, const char *path)
{
    struct values a, b;
    load(&d->a, path, &a);
    load(&d->b, path, &b);
    if (!failed(d)) {
        if (H5Tequal(a.type, b.type) <= 0)
            differ(d, path, "types differ");
        else if (a.rank != b.rank ||
                 memcmp(a.dim, b.dim, (size_t)a.rank * sizeof a.dim[0]) != 0)
            differ(d, path, "shapes differ");
        else
            compare_values(d, path, &a, &b);
        compare_units(d, path, &a, &b);
    }
    forget(&d->a, &a);
    forget(&d->b, &b);
}

// --- names ---------------------------------------------------------------------------
struct names {
    size_t n;
    char **name;
    struct og_hdf *h;
};

static herr_t add_name(hid_t group, const char *name, const H5L_info_t *info, void *user)
{
    (void)group;
    (void)info;
    struct names *l = user;
    char **grown = og_grow(l->name, l->n, l->n + 1, sizeof *grown);
    if (grown != NULL) {
        l->name = grown;
        l->name[l->n] = og_copy_text(name);
        if (l->name[l->n++] != NULL) return 0;
    }
    l->h->status = og_fail_memory(l->h->err);
    return -1;
}

static void list(struct side *s, const char *path, struct names *l)
{
    l->h = &s->h;
    if (H5Lexists(s->file, path, H5P_DEFAULT) <= 0) return;
    hid_t group = H5Gopen2(s->file, path, H5P_DEFAULT);
    if (og_hdf_ok(&s->h, group, "open a group"))
        og_hdf_ok(&s->h, H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, NULL, add_name, l),
                  "list a group");
    og_hdf_close(&s->h, group);
}

static void names_free(struct names *l)
{
    for (size_t i = 0; i < l->n; i++) og_free(l->name[i]);
    og_free(l->name);
}

static bool is_group(struct side *s, const char *path)
{
    H5O_info_t info;
    if (!og_hdf_ok(
            &s->h,
            H5Oget_info_by_name2(s->file, path, &info, H5O_INFO_BASIC, H5P_DEFAULT),
            "look at an object"))
        return false;
    return info.type == H5O_TYPE_GROUP;
}

static void compare_group(struct diff *d, const char *path);

// A group may hold itself, so that its names have no end.
static bool too_deep(struct diff *d, const char *path)
{
    int depth = 1;
    for (const char *c = path; *c != '\0'; c++) depth += *c == '/';
    if (depth <= DEPTH_MAX) return false;
    d->a.h.status =
        og_fail(d->a.h.err, OG_INPUT, "%s: groups are nested deeper than %d levels",
                d->a.h.path, DEPTH_MAX);
    return true;
}

static void compare_object(struct diff *d, const char *path)
{
    if (too_deep(d, path)) return;
    bool a = is_group(&d->a, path), b = is_group(&d->b, path);
    if (failed(d)) return;
    if (a != b)
        differ(d, path, "a group in one file, a dataset in the other");
    else if (a)
        compare_group(d, path);
    else
        compare_dataset(d, path);
}

static void compare_named(struct diff *d, const char *group, const char *name, int order)
{
    char *folder = og_path_with(group, "/");
    char *path = folder != NULL ? og_path_with(folder, name) : NULL;
    if (path == NULL)
        d->a.h.status = og_fail_memory(d->a.h.err);
    else if (order == 0)
        compare_object(d, path);
    else
        differ(d, path, order < 0 ? "only in the first file" : "only in the second file");
    og_free(path);
    og_free(folder);
}

// Both lists are sorted: a merge finds what is in one file alone.
static void compare_group(struct diff *d, const char *path)
{
    struct names a = {0}, b = {0};
    list(&d->a, path, &a);
    list(&d->b, path, &b);
    for (size_t i = 0, k = 0; (i < a.n || k < b.n) && !failed(d);) {
        int order = i == a.n ? 1 : k == b.n ? -1 : strcmp(a.name[i], b.name[k]);
        compare_named(d, path, order <= 0 ? a.name[i] : b.name[k], order);
        i += order <= 0;
        k += order >= 0;
    }
    names_free(&a);
    names_free(&b);
}

static void compare_files(struct diff *d)
{
    static const char *const group[] = {"results", "train",  "compress", "model",
                                        "chip",    "layers", "traces",   "writing",
                                        "faults",  "errors"};
    for (size_t i = 0; i < sizeof group / sizeof *group && !failed(d); i++)
        compare_group(d, group[i]);
    if (d->differences > DIFFERENCES_SHOWN)
        fprintf(d->out, "... and %zu more\n", d->differences - DIFFERENCES_SHOWN);
}

og_status og_result_diff(const char *a, const char *b, FILE *out, bool *same,
                         struct og_error *err)
{
    *same = false;
    struct diff d = {.a = {.h = {.path = a, .err = err}},
                     .b = {.h = {.path = b, .err = err}},
                     .out = out};
    struct og_hdf_guard guard = og_hdf_silence();
    d.a.file = og_hdf_open(&d.a.h);
    d.b.file = d.a.h.status == OG_OK ? og_hdf_open(&d.b.h) : H5I_INVALID_HID;
    if (!failed(&d)) compare_files(&d);
    og_hdf_close(&d.a.h, d.a.file);
    og_hdf_close(&d.b.h, d.b.file);
    og_hdf_restore(guard);
    if (d.a.h.status != OG_OK) return d.a.h.status;
    *same = d.differences == 0;
    return d.b.h.status;
}
