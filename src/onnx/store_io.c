// SPDX-License-Identifier: GPL-3.0-or-later
#include "onnx/store_io.h"

#include <string.h>

#include "base/mem.h"
#include "nn/hdf5_read.h"
#include "results/file.h"

static hid_t native_type(enum og_nd_type type)
{
    switch (type) {
    case OG_ND_FLOAT:
        return H5T_NATIVE_FLOAT;
    case OG_ND_INT8:
        return H5T_NATIVE_INT8;
    case OG_ND_INT32:
        return H5T_NATIVE_INT32;
    case OG_ND_INT64:
        return H5T_NATIVE_INT64;
    default:
        return H5T_NATIVE_UINT8;  // and bool
    }
}

// --- writing -------------------------------------------------------------------------

static void put(struct og_hdf *h, hid_t at, const char *name, hid_t type, int rank,
                const hsize_t *dim, const void *data)
{
    const struct og_hdf_array array = {
        .name = name, .rank = rank, .dim = dim, .type = type, .data = data};
    og_hdf_close(h, og_hdf_array(h, at, &array));
}

void og_put_texts(struct og_hdf *h, hid_t at, const char *name, size_t n,
                  const char *const *text)
{
    size_t width = 1;
    hsize_t dim = n;
    if (h->status != OG_OK) return;
    for (size_t k = 0; k < n; k++)
        if (strlen(text[k]) > width) width = strlen(text[k]);
    char *all = og_alloc(n, width);
    hid_t type = H5Tcopy(H5T_C_S1);
    if (!all) h->status = og_fail_memory(h->err);
    for (size_t k = 0; all && k < n; k++)
        memcpy(all + k * width, text[k], strlen(text[k]));
    if (og_hdf_ok(h, type, "make a text type") &&
        og_hdf_ok(h, H5Tset_size(type, width), "make a text type") &&
        og_hdf_ok(h, H5Tset_strpad(type, H5T_STR_NULLPAD), "make a text type") &&
        og_hdf_ok(h, H5Tset_cset(type, H5T_CSET_UTF8), "make a text type"))
        put(h, at, name, type, 1, &dim, all);
    og_hdf_close(h, type);
    og_free(all);
}

void og_put_ints(struct og_hdf *h, hid_t at, const char *name, size_t n,
                 const int64_t *value)
{
    hsize_t dim = n;
    put(h, at, name, H5T_NATIVE_INT64, 1, &dim, value);
}

void og_put_floats(struct og_hdf *h, hid_t at, const char *name, size_t n,
                   const float *value)
{
    hsize_t dim = n;
    put(h, at, name, H5T_NATIVE_FLOAT, 1, &dim, value);
}

void og_put_nd(struct og_hdf *h, hid_t at, const char *name, const struct og_nd *a,
               int chips)
{
    hsize_t dim[OG_ND_RANK + 1];
    int rank = 0;
    if (chips > 0) dim[rank++] = (hsize_t)chips;
    for (int k = 0; k < a->rank; k++) dim[rank++] = (hsize_t)a->dim[k];
    put(h, at, name, native_type(a->type), rank, dim, a->data);
}

// --- reading -------------------------------------------------------------------------

// An open dataset and what it says of itself.
struct set {
    hid_t id, type;
    int rank;
    hsize_t dim[H5S_MAX_RANK];
    size_t count, width;
};

static void fail(struct og_hdf *h, const char *name, const char *why)
{
    if (h->status == OG_OK)
        h->status = og_fail(h->err, OG_INPUT, "%s: '%.200s' %s", h->path, name, why);
}

static void read_shape(struct og_hdf *h, const char *name, struct set *s)
{
    hid_t space = H5Dget_space(s->id);
    int64_t dim[H5S_MAX_RANK];
    H5S_class_t kind = space < 0 ? H5S_NO_CLASS : H5Sget_simple_extent_type(space);
    if (kind != H5S_SCALAR && kind != H5S_SIMPLE) fail(h, name, "has no elements");
    s->rank = h->status == OG_OK ? H5Sget_simple_extent_ndims(space) : 0;
    if (s->rank > 0) og_hdf_ok(h, H5Sget_simple_extent_dims(space, s->dim, NULL), "read");
    if (space >= 0) H5Sclose(space);
    for (int k = 0; k < s->rank; k++) dim[k] = (int64_t)s->dim[k];
    if (h->status == OG_OK && !og_nd_count(s->rank, dim, OG_ND_INT64, &s->count))
        fail(h, name, "has an impossible shape");
}

static bool open_set(struct og_hdf *h, hid_t at, const char *name, struct set *s)
{
    *s = (struct set){.id = H5I_INVALID_HID, .type = H5I_INVALID_HID};
    if (h->status != OG_OK) return false;
    if (name[0] != '\0') s->id = H5Dopen2(at, name, H5P_DEFAULT);
    if (s->id < 0) {
        fail(h, name, "is missing, or no dataset");
        return false;
    }
    s->type = H5Dget_type(s->id);
    s->width = s->type < 0 ? 0 : H5Tget_size(s->type);
    read_shape(h, name, s);
    if (h->status == OG_OK && (s->width == 0 || !og_hdf5_is_whole(at, s->id, s->count)))
        fail(h, name, "is damaged");
    return h->status == OG_OK;
}

static void close_set(struct set *s)
{
    if (s->type >= 0) H5Tclose(s->type);
    if (s->id >= 0) H5Dclose(s->id);
}

static void read_all(struct og_hdf *h, const char *name, const struct set *s, hid_t type,
                     void *to)
{
    if (s->count > 0 && H5Dread(s->id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, to) < 0)
        fail(h, name, "cannot be read");
}

char **og_get_texts(struct og_hdf *h, hid_t at, const char *name, size_t *n)
{
    struct set s;
    char **text = NULL, *raw = NULL;
    if (open_set(h, at, name, &s) && (H5Tget_class(s.type) != H5T_STRING ||
                                      H5Tis_variable_str(s.type) > 0 || s.rank != 1))
        fail(h, name, "is no list of texts of fixed length");
    *n = s.count;
    if (h->status == OG_OK && s.count > SIZE_MAX / 4 / (s.width + 1 + sizeof *text))
        fail(h, name, "has an impossible shape");
    if (h->status == OG_OK) {
        raw = og_alloc(s.count, s.width);
        text = og_alloc(s.count * (sizeof *text + s.width + 1), 1);
        if (!raw || !text) h->status = og_fail_memory(h->err);
    }
    if (h->status == OG_OK) read_all(h, name, &s, s.type, raw);
    for (size_t k = 0; h->status == OG_OK && k < s.count; k++) {
        text[k] = (char *)(text + s.count) + k * (s.width + 1);
        memcpy(text[k], raw + k * s.width, s.width);
    }
    close_set(&s);
    og_free(raw);
    if (h->status == OG_OK) return text;
    og_free(text);
    return NULL;
}

static void *get_list(struct og_hdf *h, hid_t at, const char *name, H5T_class_t kind,
                      hid_t type, size_t size, size_t *n)
{
    struct set s;
    void *value = NULL;
    if (open_set(h, at, name, &s) && (H5Tget_class(s.type) != kind || s.rank != 1))
        fail(h, name, "is no list of numbers");
    *n = s.count;
    if (h->status == OG_OK) {
        value = og_alloc(s.count, size);
        if (!value) h->status = og_fail_memory(h->err);
    }
    if (h->status == OG_OK) read_all(h, name, &s, type, value);
    close_set(&s);
    if (h->status == OG_OK) return value;
    og_free(value);
    return NULL;
}

int64_t *og_get_ints(struct og_hdf *h, hid_t at, const char *name, size_t *n)
{
    return get_list(h, at, name, H5T_INTEGER, H5T_NATIVE_INT64, sizeof(int64_t), n);
}

float *og_get_floats(struct og_hdf *h, hid_t at, const char *name, size_t *n)
{
    return get_list(h, at, name, H5T_FLOAT, H5T_NATIVE_FLOAT, sizeof(float), n);
}

static bool is_enumeration(const struct set *s)
{
    return H5Tget_class(s->type) == H5T_ENUM && s->width == 1;
}

static bool has_type(const struct set *s, enum og_nd_type type)
{
    H5T_class_t kind = H5Tget_class(s->type);
    if (type == OG_ND_BOOL && is_enumeration(s)) return true;
    if (s->width != og_nd_size(type)) return false;
    if (type == OG_ND_FLOAT) return kind == H5T_FLOAT;
    bool is_unsigned = type == OG_ND_UINT8 || type == OG_ND_BOOL;
    return kind == H5T_INTEGER &&
           H5Tget_sign(s->type) == (is_unsigned ? H5T_SGN_NONE : H5T_SGN_2);
}

static void make_nd(struct og_hdf *h, const char *name, const struct set *s,
                    enum og_nd_type type, struct og_nd *a)
{
    int64_t dim[OG_ND_RANK];
    if (s->rank > OG_ND_RANK) {
        fail(h, name, "has 32 axes, one too many");
        return;
    }
    for (int k = 0; k < s->rank; k++) dim[k] = (int64_t)s->dim[k];
    h->status = og_nd_alloc(a, type, s->rank, dim, h->err);
    if (h->status != OG_OK) return;
    // An enumeration is read as its bytes: HDF5 does not turn it into numbers.
    read_all(h, name, s, is_enumeration(s) ? s->type : native_type(type), a->data);
    for (size_t i = 0; type == OG_ND_BOOL && i < a->count; i++)
        ((uint8_t *)a->data)[i] = ((uint8_t *)a->data)[i] != 0;
}

void og_get_nd(struct og_hdf *h, hid_t at, const char *name, enum og_nd_type type,
               struct og_nd *a)
{
    struct set s;
    *a = (struct og_nd){0};
    if (open_set(h, at, name, &s) && !has_type(&s, type) && h->status == OG_OK)
        h->status =
            og_fail(h->err, OG_INPUT, "%s: '%.200s' is not of type %s", h->path, name,
                    type == OG_ND_BOOL ? "bool or uint8" : og_nd_name(type));
    if (h->status == OG_OK) make_nd(h, name, &s, type, a);
    close_set(&s);
    if (h->status != OG_OK) og_nd_free(a);
}
