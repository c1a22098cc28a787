// SPDX-License-Identifier: GPL-3.0-or-later
#include "results/hdf.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "base/hdf5_probe.h"
#include "base/mem.h"
#include "nn/hdf5_read.h"
#include "results/file.h"

struct og_hdf_guard og_hdf_silence(void)
{
    struct og_hdf_guard guard = {0};
    H5Eget_auto2(H5E_DEFAULT, &guard.function, &guard.data);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    return guard;
}

void og_hdf_restore(struct og_hdf_guard guard)
{
    H5Eset_auto2(H5E_DEFAULT, guard.function, guard.data);
}

static herr_t keep_text(unsigned n, const H5E_error2_t *e, void *user)
{
    const char **text = user;
    if (n == 0 && e->desc != NULL) *text = e->desc;
    return 0;
}

bool og_hdf_ok(struct og_hdf *h, long long result, const char *what)
{
    if (h->status != OG_OK) return false;
    if (result >= 0) return true;
    const char *why = "no reason given";
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_text, &why);
    h->status = og_fail(h->err, OG_IO, "%s: HDF5 cannot %s: %s", h->path, what, why);
    return false;
}

void og_hdf_close(struct og_hdf *h, hid_t object)
{
    if (object >= 0) og_hdf_ok(h, H5Idec_ref(object), "close an object");
}

hid_t og_hdf_create(struct og_hdf *h)
{
    if (h->status != OG_OK) return H5I_INVALID_HID;
    hid_t access = H5Pcreate(H5P_FILE_ACCESS), create = H5Pcreate(H5P_FILE_CREATE);
    hid_t file = H5I_INVALID_HID;
    bool ok =
        og_hdf_ok(h, access, "start") && og_hdf_ok(h, create, "start") &&
        og_hdf_ok(h, H5Pset_fapl_core(access, 1 << 22, 0), "keep a file in memory") &&
        og_hdf_ok(h, H5Pset_obj_track_times(create, false), "start");
    if (ok) {
        // A name that no file can have: HDF5 would read an existing one into memory
        // first.
        file = H5Fcreate("/dev/null/memory", H5F_ACC_TRUNC, create, access);
        og_hdf_ok(h, file, "create a file in memory");
    }
    og_hdf_close(h, access);
    og_hdf_close(h, create);
    return file;
}

void *og_hdf_image(struct og_hdf *h, hid_t file, size_t *size)
{
    *size = 0;
    og_hdf_attr_u64(h, file, "datasets", h->datasets);
    og_hdf_attr_u64(h, file, "crc32_sum", h->sum);
    og_hdf_attr_u64(h, file, "outline_sum", og_hdf_outline(h, file));
    if (!og_hdf_ok(h, H5Fflush(file, H5F_SCOPE_GLOBAL), "flush")) return NULL;
    ssize_t n = H5Fget_file_image(file, NULL, 0);
    if (!og_hdf_ok(h, n, "size its image")) return NULL;
    void *image = og_alloc((size_t)n, 1);
    if (image == NULL) {
        h->status = og_fail_memory(h->err);
    } else if (!og_hdf_ok(h, H5Fget_file_image(file, image, (size_t)n),
                          "give its image")) {
        og_free(image);
        image = NULL;
    }
    *size = (size_t)n;
    return image;
}

hid_t og_hdf_group(struct og_hdf *h, hid_t parent, const char *path)
{
    if (h->status != OG_OK) return H5I_INVALID_HID;
    hid_t create = H5Pcreate(H5P_GROUP_CREATE), group = H5I_INVALID_HID;
    const unsigned order = H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED;
    if (og_hdf_ok(h, create, "create a group") &&
        og_hdf_ok(h, H5Pset_link_creation_order(create, order), "create a group"))
        group = H5Gcreate2(parent, path, H5P_DEFAULT, create, H5P_DEFAULT);
    og_hdf_ok(h, group, "create a group");
    og_hdf_close(h, create);
    return group;
}

static void write_attr(struct og_hdf *h, hid_t object, const char *name, hid_t type,
                       const void *value)
{
    if (h->status != OG_OK) return;
    hid_t space = H5Screate(H5S_SCALAR), attr = H5I_INVALID_HID;
    if (og_hdf_ok(h, space, "write an attribute"))
        attr = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    if (og_hdf_ok(h, attr, "write an attribute"))
        og_hdf_ok(h, H5Awrite(attr, type, value), "write an attribute");
    og_hdf_close(h, attr);
    og_hdf_close(h, space);
}

hid_t og_hdf_text_type(struct og_hdf *h)
{
    if (h->status != OG_OK) return H5I_INVALID_HID;
    hid_t type = H5Tcopy(H5T_C_S1);
    if (og_hdf_ok(h, type, "make a text type") &&
        og_hdf_ok(h, H5Tset_size(type, H5T_VARIABLE), "make a text type"))
        og_hdf_ok(h, H5Tset_cset(type, H5T_CSET_UTF8), "make a text type");
    return type;
}

void og_hdf_attr_text(struct og_hdf *h, hid_t object, const char *name, const char *text)
{
    hid_t type = og_hdf_text_type(h);
    write_attr(h, object, name, type, &text);
    og_hdf_close(h, type);
}

void og_hdf_attr_u64(struct og_hdf *h, hid_t object, const char *name, uint64_t value)
{
    write_attr(h, object, name, H5T_NATIVE_UINT64, &value);
}

void og_hdf_attr_real(struct og_hdf *h, hid_t object, const char *name, double value)
{
    write_attr(h, object, name, H5T_NATIVE_DOUBLE, &value);
}

// Tables over the points of a sweep hold much that repeats, chip by chip or NaN. Chunks
// hold whole rows of the last dimensions, as many as fit.
static void pack(struct og_hdf *h, hid_t create, const struct og_hdf_array *a)
{
    enum { WORTH = 1 << 10, CHUNK = 1 << 17 };  // values
    hsize_t chunk[H5S_MAX_RANK], rest = 1, all = 1;
    for (int i = a->rank - 1; i >= 0; i--) {
        all *= a->dim[i];
        chunk[i] = a->dim[i] * rest <= CHUNK ? a->dim[i] : CHUNK / rest;
        if (chunk[i] == 0) chunk[i] = 1;
        rest *= chunk[i];
    }
    if (all < WORTH || H5Tequal(a->type, H5T_NATIVE_DOUBLE) <= 0 ||
        H5Zfilter_avail(H5Z_FILTER_DEFLATE) <= 0)
        return;
    og_hdf_ok(h, H5Pset_chunk(create, a->rank, chunk), "pack a dataset");
    og_hdf_ok(h, H5Pset_shuffle(create), "pack a dataset");
    og_hdf_ok(h, H5Pset_deflate(create, 6), "pack a dataset");
}

static hid_t create_dataset(struct og_hdf *h, hid_t group, const struct og_hdf_array *a)
{
    hid_t links = H5Pcreate(H5P_LINK_CREATE), create = H5Pcreate(H5P_DATASET_CREATE);
    hid_t space =
        a->rank == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(a->rank, a->dim, NULL);
    hid_t set = H5I_INVALID_HID;
    if (og_hdf_ok(h, links, "create a dataset") &&
        og_hdf_ok(h, create, "create a dataset") &&
        og_hdf_ok(h, space, "create a dataset") &&
        og_hdf_ok(h, H5Pset_create_intermediate_group(links, 1), "create a dataset") &&
        og_hdf_ok(h, H5Pset_obj_track_times(create, false), "create a dataset")) {
        pack(h, create, a);
        set = H5Dcreate2(group, a->name, a->type, space, links, create, H5P_DEFAULT);
        og_hdf_ok(h, set, "create a dataset");
    }
    og_hdf_close(h, space);
    og_hdf_close(h, create);
    og_hdf_close(h, links);
    return set;
}

uint32_t og_hdf_crc(const void *data, size_t n, size_t size, bool text)
{
    uLong crc = 0;
    if (!text) return (uint32_t)crc32_z(crc, data, n * size);
    char *const *line = data;
    for (size_t i = 0; i < n; i++) {
        const char *t = line[i] != NULL ? line[i] : "";
        crc = crc32_z(crc, (const unsigned char *)t, strlen(t) + 1);
    }
    return (uint32_t)crc;
}

static void write_crc(struct og_hdf *h, hid_t set, const struct og_hdf_array *a)
{
    size_t n = 1;
    for (int i = 0; i < a->rank; i++) n *= (size_t)a->dim[i];
    const htri_t text = H5Tis_variable_str(a->type);
    if (!og_hdf_ok(h, text, "look at a type")) return;
    const uint32_t crc = og_hdf_crc(a->data, n, H5Tget_size(a->type), text > 0);
    og_hdf_attr_u64(h, set, "crc32", crc);
    h->datasets++;
    h->sum += crc;
}

hid_t og_hdf_array(struct og_hdf *h, hid_t group, const struct og_hdf_array *a)
{
    if (h->status != OG_OK) return H5I_INVALID_HID;
    if (strchr(a->name, '/') == NULL && H5Lexists(group, a->name, H5P_DEFAULT) > 0) {
        h->status = og_fail(h->err, OG_INPUT,
                            "%s: two quantities are called '%s'; rename the sweep axis",
                            h->path, a->name);
        return H5I_INVALID_HID;
    }
    hid_t set = create_dataset(h, group, a);
    if (h->status != OG_OK) return set;
    og_hdf_ok(h, H5Dwrite(set, a->type, H5S_ALL, H5S_ALL, H5P_DEFAULT, a->data),
              "write a dataset");
    write_crc(h, set, a);
    if (a->units != NULL && a->units[0] != '\0')
        og_hdf_attr_text(h, set, "units", a->units);
    if (a->long_name != NULL && a->long_name[0] != '\0')
        og_hdf_attr_text(h, set, "long_name", a->long_name);
    return set;
}

hid_t og_hdf_open(struct og_hdf *h)
{
    // HDF5's own sentence for a missing file is no help.
    FILE *probe = fopen(h->path, "rb");
    if (probe == NULL) {
        h->status = og_fail_errno(h->err, h->path, "read");
        return H5I_INVALID_HID;
    }
    fclose(probe);
    h->status = og_hdf5_probe(h->path, h->err);
    if (h->status != OG_OK) return H5I_INVALID_HID;
    hid_t file = H5Fopen(h->path, H5F_ACC_RDONLY, H5P_DEFAULT);
    if (file < 0) h->status = og_fail(h->err, OG_INPUT, "%s: not an HDF5 file", h->path);
    h->file = file;
    return file;
}

static bool is_single(hid_t attr)
{
    hid_t space = H5Aget_space(attr);
    bool single = space >= 0 && H5Sget_simple_extent_npoints(space) <= 1;
    if (space >= 0) H5Sclose(space);
    return single;
}

uint64_t og_hdf_read_u64(struct og_hdf *h, hid_t object, const char *name)
{
    uint64_t value = 0;
    if (h->status != OG_OK || H5Aexists(object, name) <= 0) return 0;
    hid_t attr = H5Aopen(object, name, H5P_DEFAULT);
    if (og_hdf_ok(h, attr, "read an attribute") && is_single(attr))
        og_hdf_ok(h, H5Aread(attr, H5T_NATIVE_UINT64, &value), "read an attribute");
    og_hdf_close(h, attr);
    return value;
}

static char *read_text_value(struct og_hdf *h, hid_t attr, hid_t type)
{
    char *value = NULL, *copy = NULL;
    if (!og_hdf_ok(h, H5Aread(attr, type, &value), "read an attribute")) return NULL;
    copy = og_copy_text(value != NULL ? value : "");
    if (copy == NULL) h->status = og_fail_memory(h->err);
    og_hdf_ok(h, H5free_memory(value), "free a text");
    return copy;
}

char *og_hdf_read_text(struct og_hdf *h, hid_t object, const char *name)
{
    if (h->status != OG_OK || H5Aexists(object, name) <= 0) return NULL;
    hid_t attr = H5Aopen(object, name, H5P_DEFAULT), type = og_hdf_text_type(h);
    char *text = NULL;
    if (og_hdf_ok(h, attr, "read an attribute") && !is_single(attr))
        h->status = og_fail(h->err, OG_INPUT, "%s: attribute '%s' is not one text",
                            h->path, name);
    if (h->status == OG_OK) text = read_text_value(h, attr, type);
    og_hdf_close(h, type);
    og_hdf_close(h, attr);
    return text;
}

// The product of its sizes: HDF5's own count overflows.
static bool count_values(hid_t space, size_t *n)
{
    hsize_t dim[H5S_MAX_RANK];
    const int rank = H5Sget_simple_extent_dims(space, dim, NULL);
    bool good = rank >= 0, empty = H5Sget_simple_extent_type(space) == H5S_NULL;
    *n = 1;
    for (int d = 0; d < rank; d++) empty = empty || dim[d] == 0;
    for (int d = 0; good && !empty && d < rank; d++) {
        good = dim[d] <= SIZE_MAX / 16 / *n;
        *n *= (size_t)dim[d];
    }
    if (empty) *n = 0;
    return good;
}

size_t og_hdf_count(struct og_hdf *h, hid_t dataset)
{
    if (h->status != OG_OK) return 0;
    size_t n = 0;
    hid_t space = H5Dget_space(dataset);
    if (og_hdf_ok(h, space, "read a dataset") &&
        !(count_values(space, &n) && og_hdf5_is_whole(h->file, dataset, n)))
        h->status = og_fail(h->err, OG_INPUT,
                            "%s: a dataset is damaged, or its values are not in the file",
                            h->path);
    og_hdf_close(h, space);
    return h->status == OG_OK ? n : 0;
}

FILE *og_hdf_print(struct og_hdf *h, struct og_hdf_print *p)
{
    *p = (struct og_hdf_print){0};
    if (h->status != OG_OK) return NULL;
    p->out = open_memstream(&p->text, &p->size);
    if (p->out == NULL) h->status = og_fail_memory(h->err);
    return p->out;
}

void og_hdf_attr_printed(struct og_hdf *h, hid_t object, const char *name,
                         struct og_hdf_print *p)
{
    if (p->out == NULL) return;
    const bool whole = ferror(p->out) == 0;
    if (fclose(p->out) == 0 && whole)
        og_hdf_attr_text(h, object, name, p->text);
    else
        h->status = og_fail_memory(h->err);
    free(p->text);
}

bool og_hdf_scales_sound(hid_t dataset)
{
    if (H5Aexists(dataset, "DIMENSION_LIST") <= 0) return true;
    const hid_t list = H5Aopen(dataset, "DIMENSION_LIST", H5P_DEFAULT);
    const hid_t type = H5Aget_type(list), base = H5Tget_super(type);
    const hid_t entries = H5Aget_space(list), space = H5Dget_space(dataset);
    const bool sound =
        H5Tget_class(type) == H5T_VLEN && H5Tequal(base, H5T_STD_REF_OBJ) > 0 &&
        H5Sget_simple_extent_ndims(entries) == 1 &&
        H5Sget_simple_extent_npoints(entries) == H5Sget_simple_extent_ndims(space);
    H5Sclose(space);
    H5Sclose(entries);
    H5Tclose(base);
    H5Tclose(type);
    H5Aclose(list);
    return sound;
}

double *og_hdf_read_reals(struct og_hdf *h, hid_t dataset, size_t *count)
{
    *count = og_hdf_count(h, dataset);
    if (h->status != OG_OK) return NULL;
    double *value = og_alloc(*count, sizeof *value);
    if (value == NULL) {
        h->status = og_fail_memory(h->err);
        return NULL;
    }
    herr_t r = H5Dread(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, value);
    if (og_hdf_ok(h, r, "read a dataset")) return value;
    og_free(value);
    return NULL;
}

bool og_hdf_is_dataset(hid_t group, const char *name)
{
    const hid_t object = H5Oopen(group, name, H5P_DEFAULT);
    const bool is = object >= 0 && H5Iget_type(object) == H5I_DATASET;
    if (object >= 0) H5Oclose(object);
    return is;
}
