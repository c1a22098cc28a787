// SPDX-License-Identifier: GPL-3.0-or-later
// What a file says beside the values of its datasets: the names and shapes of all
// objects, and their attributes. A sum of one CRC-32 for each, so that no order is
// needed.
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "results/hdf.h"

struct outline {
    struct og_hdf *h;
    uint64_t sum;
    uLong path;  // CRC-32 of the object's
};

static uLong add(uLong crc, const void *data, size_t size)
{
    return crc32_z(crc, (const unsigned char *)data, size);
}

static uLong add_text(uLong crc, const char *text)
{
    return add(crc, text != NULL ? text : "", strlen(text != NULL ? text : "") + 1);
}

// Checksums themselves would change what they are of.
static bool is_checksum(const char *name)
{
    return strcmp(name, "crc32") == 0 || strcmp(name, "crc32_sum") == 0 ||
           strcmp(name, "outline_sum") == 0 || strcmp(name, "datasets") == 0;
}

static bool is_number(hid_t type)
{
    const H5T_class_t class = H5Tget_class(type);
    return class == H5T_INTEGER || class == H5T_FLOAT;
}

// As readers ask for it: a damaged type may be good enough for itself alone.
static hid_t type_in_memory(hid_t type, bool text)
{
    if (is_number(type)) return H5Tget_native_type(type, H5T_DIR_ASCEND);
    if (!text) return H5Tcopy(type);
    const hid_t memory = H5Tcopy(H5T_C_S1);
    H5Tset_size(memory, H5T_VARIABLE);
    H5Tset_cset(memory, H5Tget_cset(type));
    return memory;
}

// References to other objects are addresses, and no part of it.
static uLong add_value(struct og_hdf *h, uLong crc, hid_t attr)
{
    const hid_t type = H5Aget_type(attr), space = H5Aget_space(attr);
    const hssize_t n = H5Sget_simple_extent_npoints(space);
    const bool text = H5Tis_variable_str(type) > 0;
    const hid_t memory = type_in_memory(type, text);
    const size_t size = H5Tget_size(memory);
    char value[256], *line = NULL;
    if (text && n == 1 && H5Aread(attr, memory, &line) >= 0) {
        crc = add_text(crc, line);
        H5Dvlen_reclaim(memory, space, H5P_DEFAULT, &line);
    } else if ((is_number(type) || (!text && H5Tget_class(type) == H5T_STRING)) &&
               n > 0 && size > 0 && (size_t)n <= sizeof value / size &&
               H5Aread(attr, memory, value) >= 0) {
        crc = add(crc, value, (size_t)n * size);
    }
    og_hdf_close(h, memory);
    og_hdf_close(h, type);
    og_hdf_close(h, space);
    return crc;
}

static herr_t add_attribute(hid_t object, const char *name, const H5A_info_t *info,
                            void *user)
{
    struct outline *o = user;
    (void)info;
    if (is_checksum(name)) return 0;
    const hid_t attr = H5Aopen(object, name, H5P_DEFAULT);
    if (!og_hdf_ok(o->h, attr, "open an attribute")) return -1;
    o->sum += add_value(o->h, add_text(o->path, name), attr);
    og_hdf_close(o->h, attr);
    return 0;
}

// All that HDF5 lets a type of ours vary in.
static uLong add_type(uLong crc, hid_t type)
{
    const H5T_class_t class = H5Tget_class(type);
    size_t field[6] = {H5Tget_size(type)};
    int flag[8] = {class};
    if (is_number(type)) {
        H5T_pad_t low = H5T_PAD_ERROR, high = H5T_PAD_ERROR;
        H5Tget_pad(type, &low, &high);
        flag[1] = H5Tget_order(type), flag[2] = low, flag[3] = high;
        flag[4] = H5Tget_offset(type);
        field[1] = H5Tget_precision(type);
    }
    if (class == H5T_INTEGER) flag[5] = H5Tget_sign(type);
    if (class == H5T_FLOAT) {
        size_t mantissa = 0;
        H5Tget_fields(type, &field[2], &field[3], &field[4], &field[5], &mantissa);
        crc = add(crc, &mantissa, sizeof mantissa);
        const size_t bias = H5Tget_ebias(type);
        crc = add(crc, &bias, sizeof bias);
        flag[5] = H5Tget_norm(type), flag[6] = H5Tget_inpad(type);
    }
    if (class == H5T_STRING)
        flag[5] = H5Tget_cset(type), flag[6] = H5Tget_strpad(type),
        flag[7] = H5Tis_variable_str(type);
    return add(add(crc, field, sizeof field), flag, sizeof flag);
}

static uLong add_shape(struct og_hdf *h, uLong crc, hid_t set)
{
    const hid_t type = H5Dget_type(set), space = H5Dget_space(set);
    hsize_t dim[H5S_MAX_RANK];
    const int rank = H5Sget_simple_extent_dims(space, dim, NULL);
    crc = add_type(crc, type);
    if (rank > 0) crc = add(crc, dim, (size_t)rank * sizeof *dim);
    og_hdf_close(h, type);
    og_hdf_close(h, space);
    return crc;
}

static herr_t add_object(hid_t root, const char *name, const H5O_info_t *info, void *user)
{
    struct outline *o = user;
    const hid_t object = H5Oopen(root, name, H5P_DEFAULT);
    if (!og_hdf_ok(o->h, object, "open an object")) return -1;
    o->path = add_text(0, name);
    o->sum += info->type == H5O_TYPE_DATASET ? add_shape(o->h, o->path, object) : o->path;
    const herr_t r =
        H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_NATIVE, NULL, add_attribute, o);
    og_hdf_close(o->h, object);
    return og_hdf_ok(o->h, r, "list attributes") ? 0 : -1;
}

uint64_t og_hdf_outline(struct og_hdf *h, hid_t file)
{
    struct outline o = {.h = h};
    if (h->status != OG_OK) return 0;
    og_hdf_ok(
        h, H5Ovisit2(file, H5_INDEX_NAME, H5_ITER_NATIVE, add_object, &o, H5O_INFO_BASIC),
        "list its objects");
    return o.sum;
}
