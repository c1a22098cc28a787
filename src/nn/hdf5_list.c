// SPDX-License-Identifier: GPL-3.0-or-later
#include "nn/hdf5_list.h"

#include <stdio.h>
#include <string.h>

#include "base/hdf5_probe.h"
#include "base/mem.h"

og_status og_hdf5_open(struct og_hdf5_source *s, const char *path, struct og_error *err)
{
    snprintf(s->path, sizeof s->path, "%s", path);
    s->guard = og_hdf5_silence();
    s->file = H5I_INVALID_HID;
    OG_TRY(og_hdf5_probe(s->path, err));
    s->file = H5Fopen(s->path, H5F_ACC_RDONLY, H5P_DEFAULT);
    if (s->file >= 0) return OG_OK;
    return og_fail(err, OG_INPUT, "%s: HDF5 cannot open it", s->path);
}

void og_hdf5_close(struct og_hdf5_source *s)
{
    if (s->file >= 0) H5Fclose(s->file);
    og_hdf5_restore(s->guard);
}

bool og_hdf5_has(const struct og_hdf5_source *s, const char *name)
{
    char part[OG_DATA_PATH];
    const char *slash = strchr(name, '/');
    if (slash) {
        snprintf(part, sizeof part, "%.*s", (int)(slash - name), name);
        if (H5Lexists(s->file, part, H5P_DEFAULT) <= 0) return false;
    }
    return H5Lexists(s->file, name, H5P_DEFAULT) > 0;
}

static og_status wrong(const struct og_hdf5_source *s, const char *name, const char *what,
                       struct og_error *err)
{
    return og_fail(err, OG_INPUT, "%s: dataset '%s' %s", s->path, name, what);
}

// Its sizes, if it is an array that the file can hold.
static bool size_of(const struct og_hdf5_source *s, hid_t set, int rank, size_t *dim)
{
    hid_t space = H5Dget_space(set), type = H5Dget_type(set);
    const size_t width = type < 0 ? 0 : H5Tget_size(type);
    hsize_t found[3] = {0}, count = 1;
    bool good = space >= 0 && width > 0 && H5Sget_simple_extent_ndims(space) == rank &&
                H5Sget_simple_extent_dims(space, found, NULL) == rank;
    for (int i = 0; good && i < rank; i++) {
        good = found[i] == 0 || count <= SIZE_MAX / 16 / found[i];
        count *= found[i];
        dim[i] = (size_t)found[i];
    }
    if (type >= 0) H5Tclose(type);
    if (space >= 0) H5Sclose(space);
    return good && og_hdf5_is_whole(s->file, set, (size_t)count);
}

// Whether all bits of a type are those of one number. HDF5 believes a damaged type and
// looks for its bits beyond the value.
static bool is_integer(hid_t type)
{
    if (type < 0 || H5Tget_class(type) != H5T_INTEGER) return false;
    const size_t size = H5Tget_size(type);
    return size > 0 && size <= sizeof(int64_t) && H5Tget_precision(type) == 8 * size &&
           H5Tget_offset(type) == 0;
}

static bool is_real(hid_t type)
{
    if (type < 0 || H5Tget_class(type) != H5T_FLOAT) return false;
    return H5Tequal(type, H5T_IEEE_F32LE) > 0 || H5Tequal(type, H5T_IEEE_F64LE) > 0 ||
           H5Tequal(type, H5T_IEEE_F32BE) > 0 || H5Tequal(type, H5T_IEEE_F64BE) > 0;
}

static const char *fault_of(hid_t set, const struct og_hdf5_want *want)
{
    hid_t type = H5Dget_type(set);
    const bool integer = is_integer(type);
    const bool sample =
        integer && H5Tget_size(type) == 2 && H5Tget_sign(type) == H5T_SGN_2;
    const bool real = integer || is_real(type);
    if (type >= 0) H5Tclose(type);
    if (want->samples) return sample ? NULL : "does not hold signed 16-bit integers";
    if (H5Tget_class(want->memory) == H5T_FLOAT)
        return real ? NULL : "does not hold numbers";
    return integer ? NULL : "does not hold integers";
}

static og_status take(const struct og_hdf5_source *s, hid_t set,
                      const struct og_hdf5_want *want, void **values, size_t *dim,
                      struct og_error *err)
{
    const char *fault = fault_of(set, want);
    size_t count = 1;
    if (fault) return wrong(s, want->name, fault, err);
    if (!size_of(s, set, want->rank, dim))
        return wrong(s, want->name,
                     want->rank == 1
                         ? "is no list, or longer than the file can hold"
                         : "has not the right dimensions, or more than the file can hold",
                     err);
    for (int i = 0; i < want->rank; i++) count *= dim[i];
    *values = og_alloc(count, H5Tget_size(want->memory));
    if (!*values)
        return og_fail(err, OG_NO_MEMORY, "out of memory for %s of %s", want->name,
                       s->path);
    if (H5Dread(set, want->memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, *values) < 0)
        return wrong(s, want->name, "cannot be read; the file is damaged", err);
    return OG_OK;
}

og_status og_hdf5_take(const struct og_hdf5_source *s, const struct og_hdf5_want *want,
                       void **values, size_t *dim, struct og_error *err)
{
    hid_t set = H5Dopen2(s->file, want->name, H5P_DEFAULT);
    if (set < 0) return wrong(s, want->name, "is missing or damaged", err);
    const og_status status = take(s, set, want, values, dim, err);
    H5Dclose(set);
    return status;
}

static bool read_number(hid_t attribute, int *value)
{
    hid_t space = H5Aget_space(attribute), type = H5Aget_type(attribute);
    const bool good = space >= 0 && is_integer(type) &&
                      H5Sget_simple_extent_npoints(space) == 1 &&
                      H5Aread(attribute, H5T_NATIVE_INT, value) >= 0;
    if (type >= 0) H5Tclose(type);
    if (space >= 0) H5Sclose(space);
    return good;
}

bool og_hdf5_number(const struct og_hdf5_source *s, const char *name, int *value)
{
    hid_t attribute = H5Aopen(s->file, name, H5P_DEFAULT);
    const bool good = attribute >= 0 && read_number(attribute, value);
    if (attribute >= 0) H5Aclose(attribute);
    return good;
}

// HDF5 allocates a text of variable length; one of fixed length is read in place.
static bool read_text(hid_t attribute, char *text, size_t size)
{
    hid_t space = H5Aget_space(attribute), type = H5Aget_type(attribute);
    bool good = space >= 0 && type >= 0 && H5Tget_class(type) == H5T_STRING &&
                H5Sget_simple_extent_npoints(space) == 1;
    if (good && H5Tis_variable_str(type) > 0) {
        char *found = NULL;
        good = H5Aread(attribute, type, &found) >= 0 && found;
        if (good) good = (size_t)snprintf(text, size, "%s", found) < size;
        if (found) H5free_memory(found);
    } else if (good) {
        good = H5Tget_size(type) < size && H5Aread(attribute, type, text) >= 0;
        if (good) text[H5Tget_size(type)] = '\0';
    }
    if (type >= 0) H5Tclose(type);
    if (space >= 0) H5Sclose(space);
    return good;
}

bool og_hdf5_text(const struct og_hdf5_source *s, const char *name, char *text,
                  size_t size)
{
    hid_t attribute = H5Aopen(s->file, name, H5P_DEFAULT);
    const bool good = attribute >= 0 && read_text(attribute, text, size);
    if (attribute >= 0) H5Aclose(attribute);
    return good;
}
