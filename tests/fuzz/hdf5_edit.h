// SPDX-License-Identifier: GPL-3.0-or-later
// Inputs as edits of a good HDF5 file, so that the fuzzer looks for faults in what reads
// the file and not in the HDF5 library, which random bytes never pass: objects and
// attributes are removed, moved, linked in circles and to other files, overwritten, and
// replaced by others of any type, shape, layout and value.
#ifndef OG_TESTS_FUZZ_HDF5_EDIT_H
#define OG_TESTS_FUZZ_HDF5_EDIT_H

#include <hdf5.h>

#include "fuzz.h"

enum { EDITS = 8, OBJECTS = 96, NAME = 128, VALUES = 4096, RANK = 4 };

struct edited {
    hid_t file;
    struct fuzz_bytes b;
    size_t objects, attributes;
    char object[OBJECTS][NAME];
    char attribute[OBJECTS][2][NAME];  // object, name
};

static herr_t note_attribute(hid_t at, const char *name, const H5A_info_t *info,
                             void *user)
{
    struct edited *e = user;
    (void)at, (void)info;
    if (e->attributes == OBJECTS) return 0;
    memcpy(e->attribute[e->attributes][0], e->object[e->objects - 1], NAME);
    snprintf(e->attribute[e->attributes++][1], NAME, "%s", name);
    return 0;
}

static herr_t note_object(hid_t at, const char *name, const H5O_info_t *info, void *user)
{
    struct edited *e = user;
    (void)info;
    if (e->objects == OBJECTS) return 0;
    snprintf(e->object[e->objects++], NAME, "%s", name);
    hid_t o = H5Oopen(at, name, H5P_DEFAULT);
    H5Aiterate2(o, H5_INDEX_NAME, H5_ITER_INC, NULL, note_attribute, e);
    H5Oclose(o);
    return 0;
}

// --- new types, shapes and values ----------------------------------------------------

static inline hid_t a_text(size_t size)
{
    hid_t t = H5Tcopy(H5T_C_S1);
    H5Tset_size(t, size);
    return t;
}

static inline hid_t a_compound(void)
{
    hid_t t = H5Tcreate(H5T_COMPOUND, 16);
    H5Tinsert(t, "a", 0, H5T_NATIVE_INT);
    H5Tinsert(t, "b", 8, H5T_NATIVE_DOUBLE);
    return t;
}

static inline hid_t an_enum(void)
{
    hid_t t = H5Tenum_create(H5T_NATIVE_INT8);
    for (int8_t k = 0; k < 2; k++) H5Tenum_insert(t, k ? "TRUE" : "FALSE", &k);
    return t;
}

static inline hid_t any_type(unsigned k)
{
    const hid_t plain[] = {H5T_NATIVE_DOUBLE, H5T_NATIVE_FLOAT, H5T_NATIVE_INT8,
                           H5T_NATIVE_UINT8,  H5T_NATIVE_INT16, H5T_NATIVE_INT32,
                           H5T_NATIVE_INT64,  H5T_STD_U64BE,    H5T_IEEE_F32BE,
                           H5T_STD_REF_OBJ,   H5T_STD_B16LE};
    const unsigned n = sizeof plain / sizeof *plain;
    const hsize_t three = 3;
    if (k % 18 < n) return H5Tcopy(plain[k % 18]);
    switch (k % 18 - n) {
    case 0:
        return a_text(H5T_VARIABLE);
    case 1:
        return a_text(1 + k / 18);
    case 2:
        return a_compound();
    case 3:
        return an_enum();
    case 4:
        return H5Tarray_create2(H5T_NATIVE_INT, 1, &three);
    case 5:
        return H5Tvlen_create(H5T_NATIVE_INT);
    default:
        return H5Tcreate(H5T_OPAQUE, 5);
    }
}

// Mostly small; sometimes more than any memory holds.
static inline hid_t any_space(struct edited *e, int *rank, hsize_t dim[RANK])
{
    const unsigned how = fuzz_byte(&e->b);
    *rank = (int)(how % (RANK + 1));
    if (how >= 250) return H5Screate(H5S_NULL);
    for (int d = 0; d < *rank; d++) {
        const unsigned size = fuzz_byte(&e->b);
        dim[d] = size < 248 ? size % 12 : (hsize_t)1 << (size - 248) * 8;
    }
    return *rank ? H5Screate_simple(*rank, dim, NULL) : H5Screate(H5S_SCALAR);
}

// Texts and lists of variable length would be addresses.
static inline bool has_addresses(hid_t type)
{
    return H5Tis_variable_str(type) > 0 || H5Tget_class(type) == H5T_VLEN ||
           H5Tget_class(type) == H5T_REFERENCE;
}

struct values {
    uint64_t bytes[VALUES / 8];
    char text[16];
    char *texts[VALUES / 8];
};

// NULL: too many values, or of a kind that is left unwritten.
static inline const void *any_values(struct edited *e, hid_t type, hid_t space,
                                     struct values *v)
{
    const hssize_t n = H5Sget_simple_extent_npoints(space);
    const size_t width = H5Tget_size(type);
    if (n <= 0 || (size_t)n > VALUES / width) return NULL;
    if (H5Tis_variable_str(type) > 0) {
        for (size_t k = 0; k < sizeof v->text - 1; k++)
            v->text[k] = (char)fuzz_byte(&e->b);
        v->text[sizeof v->text - 1] = '\0';
        for (hssize_t k = 0; k < n; k++) v->texts[k] = v->text;
        return v->texts;
    }
    if (has_addresses(type)) return NULL;
    const unsigned seed = fuzz_byte(&e->b);
    uint8_t *to = (uint8_t *)v->bytes;
    for (size_t k = 0; k < (size_t)n * width; k++)
        to[k] = (uint8_t)(seed < 128 ? fuzz_byte(&e->b) : k % width ? 0 : seed + k);
    return to;
}

static inline hid_t any_layout(struct edited *e, int rank, const hsize_t *dim)
{
    hid_t create = H5Pcreate(H5P_DATASET_CREATE);
    hsize_t chunk[RANK];
    for (int d = 0; d < rank; d++) chunk[d] = dim[d] > 0 && dim[d] < 4 ? dim[d] : 4;
    switch (fuzz_byte(&e->b) % 6) {
    case 0:
        H5Pset_layout(create, H5D_COMPACT);
        break;
    case 1:
    case 2:
        if (rank > 0) H5Pset_chunk(create, rank, chunk);
        if (rank > 0) H5Pset_deflate(create, 1);
        break;
    case 3:
        H5Pset_external(create, "/etc/passwd", 0, H5F_UNLIMITED);
        break;
    default:
        break;
    }
    return create;
}

// --- edits ---------------------------------------------------------------------------

static inline void add_set(struct edited *e, const char *name)
{
    static struct values v;
    int rank;
    hsize_t dim[RANK] = {0};
    hid_t type = any_type(fuzz_byte(&e->b)), space = any_space(e, &rank, dim);
    hid_t create = any_layout(e, rank, dim);
    hid_t set = H5Dcreate2(e->file, name, type, space, H5P_DEFAULT, create, H5P_DEFAULT);
    // Nothing is written to what lies outside.
    const bool inside = H5Pget_external_count(create) == 0;
    const void *value = set >= 0 && inside ? any_values(e, type, space, &v) : NULL;
    if (value) H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, value);
    if (set >= 0) H5Dclose(set);
    H5Pclose(create);
    H5Sclose(space);
    H5Tclose(type);
}

static inline void overwrite(struct edited *e, const char *name)
{
    static struct values v;
    hid_t set = H5Dopen2(e->file, name, H5P_DEFAULT);
    if (set < 0) return;
    hid_t type = H5Dget_type(set), space = H5Dget_space(set);
    const void *value = any_values(e, type, space, &v);
    if (value) H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, value);
    H5Sclose(space);
    H5Tclose(type);
    H5Dclose(set);
}

static inline void add_attribute(struct edited *e, const char *object, const char *name)
{
    static struct values v;
    int rank;
    hsize_t dim[RANK] = {0};
    hid_t type = any_type(fuzz_byte(&e->b)), space = any_space(e, &rank, dim);
    H5Adelete_by_name(e->file, object, name, H5P_DEFAULT);
    hid_t a = H5Acreate_by_name(e->file, object, name, type, space, H5P_DEFAULT,
                                H5P_DEFAULT, H5P_DEFAULT);
    const void *value = a >= 0 ? any_values(e, type, space, &v) : NULL;
    if (value) H5Awrite(a, type, value);
    if (a >= 0) H5Aclose(a);
    H5Sclose(space);
    H5Tclose(type);
}

static inline void edit_attribute(struct edited *e, unsigned kind)
{
    if (e->attributes == 0) return;
    char(*a)[NAME] = e->attribute[fuzz_byte(&e->b) % e->attributes];
    if (kind == 0)
        H5Adelete_by_name(e->file, a[0], a[1], H5P_DEFAULT);
    else
        add_attribute(e, a[0], a[1]);
}

static inline void edit_once(struct edited *e)
{
    const unsigned kind = fuzz_byte(&e->b) % 11;
    if (kind >= 9) {
        edit_attribute(e, kind - 9);
        return;
    }
    const char *name = e->object[fuzz_byte(&e->b) % e->objects];
    const char *other = e->object[fuzz_byte(&e->b) % e->objects];
    if (kind == 8) {
        overwrite(e, name);
        return;
    }
    if (strcmp(name, ".") == 0) return;
    H5Ldelete(e->file, name, H5P_DEFAULT);
    switch (kind) {
    case 0:
        break;
    case 1:
        H5Gclose(H5Gcreate2(e->file, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
        break;
    case 2:
        H5Lcreate_soft(other, e->file, name, H5P_DEFAULT, H5P_DEFAULT);
        break;
    case 3:
        H5Lcreate_hard(e->file, other, e->file, name, H5P_DEFAULT, H5P_DEFAULT);
        break;
    case 4:
        H5Lcreate_external("base.h5", other, e->file, name, H5P_DEFAULT, H5P_DEFAULT);
        break;
    default:
        add_set(e, name);
    }
}

// Copies base.h5 of the folder, which the fuzzer has made, to `name` and edits it.
static inline void hdf5_edit(const char *name, const uint8_t *data, size_t size)
{
    static struct edited e;
    static char image[1 << 20];
    char path[FUZZ_PATH];
    FILE *f = fopen(fuzz_in("base.h5", path), "rb");
    const size_t n = f ? fread(image, 1, sizeof image, f) : 0;
    if (!f || fclose(f) != 0 || n == 0 || n == sizeof image) abort();
    fuzz_write(name, image, n);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    e = (struct edited){.b = {data, size}};
    e.file = H5Fopen(fuzz_in(name, path), H5F_ACC_RDWR, H5P_DEFAULT);
    if (e.file < 0) abort();
    H5Ovisit2(e.file, H5_INDEX_NAME, H5_ITER_INC, note_object, &e, H5O_INFO_BASIC);
    for (int k = 0; k < EDITS && e.b.size > 0; k++) edit_once(&e);
    H5Fclose(e.file);
}

// Readers close what they have opened, also after a failure.
static inline void hdf5_check_closed(void)
{
    const unsigned kinds = H5F_OBJ_FILE | H5F_OBJ_GROUP | H5F_OBJ_DATASET | H5F_OBJ_ATTR;
    if (H5Fget_obj_count(H5F_OBJ_ALL, kinds) != 0) abort();
}

#endif
