// SPDX-License-Identifier: GPL-3.0-or-later
// HDF5: every dataset of the tree is a tensor, its path the name. HDF5 itself converts
// the values. Soft and external links are not followed.
#include <stdlib.h>
#include <string.h>

#include <hdf5.h>

#include "base/hdf5_probe.h"
#include "base/mem.h"
#include "nn/hdf5_read.h"
#include "nn/weights_file.h"

struct visit {
    og_weight_file *file;
    hid_t root;
    struct og_error *err;
    og_status status;
};

static bool shape_of(hid_t set, struct og_weight_entry *e)
{
    hsize_t dim[H5S_MAX_RANK];
    hid_t space = H5Dget_space(set);
    if (space < 0) return false;
    const int rank = H5Sget_simple_extent_dims(space, dim, NULL);
    const bool simple = H5Sget_simple_extent_type(space) != H5S_NULL;
    H5Sclose(space);
    if (rank < 0) return false;
    if (!simple || rank > OG_WEIGHT_RANK) e->type = OG_WEIGHT_OTHER;
    e->rank = rank > OG_WEIGHT_RANK ? OG_WEIGHT_RANK : rank;
    for (int d = 0; d < e->rank; d++) e->dim[d] = (size_t)dim[d];
    return true;
}

static og_status add_dataset(struct visit *v, const char *name)
{
    struct og_weight_entry e = {.name = (char *)name, .type = OG_WEIGHT_OTHER};
    hid_t set = H5Dopen2(v->root, name, H5P_DEFAULT);
    hid_t type = set < 0 ? H5I_INVALID_HID : H5Dget_type(set);
    if (type >= 0 && H5Tget_class(type) == H5T_FLOAT) e.type = OG_WEIGHT_NATIVE;
    const bool good = type >= 0 && shape_of(set, &e);
    if (type >= 0) H5Tclose(type);
    if (set >= 0) H5Dclose(set);
    if (good) return og_weight_file_add(v->file, &e, v->err);
    return og_weight_damaged(v->file, v->err, "dataset '%.100s' cannot be opened", name);
}

static herr_t visit_one(hid_t root, const char *name, const H5O_info_t *info, void *user)
{
    struct visit *v = user;
    (void)root;
    if (info->type != H5O_TYPE_DATASET) return 0;
    v->status = add_dataset(v, name);
    return v->status == OG_OK ? 0 : -1;
}

static og_status visit_all(og_weight_file *file, hid_t root, struct og_error *err)
{
    struct visit v = {file, root, err, OG_OK};
    file->ohmgrid = H5Aexists(root, "ohmgrid_version") > 0;
    const herr_t r =
        H5Ovisit2(root, H5_INDEX_NAME, H5_ITER_INC, visit_one, &v, H5O_INFO_BASIC);
    if (v.status == OG_OK && r < 0)
        return og_weight_damaged(file, err, "HDF5 cannot read its tree");
    return v.status;
}

static og_status open(og_weight_file *file, struct og_error *err)
{
    hid_t *root = file->own = og_alloc(1, sizeof *root);
    if (!root) return og_fail(err, OG_NO_MEMORY, "out of memory for %s", file->path);
    OG_TRY(og_hdf5_probe(file->path, err));
    struct og_hdf5_guard g = og_hdf5_silence();
    *root = H5Fopen(file->path, H5F_ACC_RDONLY, H5P_DEFAULT);
    og_status status = *root < 0 ? og_weight_damaged(file, err, "HDF5 cannot open it")
                                 : visit_all(file, *root, err);
    og_hdf5_restore(g);
    return status;
}

static og_status read(og_weight_file *file, const struct og_weight_entry *e, float *to,
                      struct og_error *err)
{
    const hid_t *root = file->own;
    struct og_hdf5_guard g = og_hdf5_silence();
    hid_t set = H5Dopen2(*root, e->name, H5P_DEFAULT);
    const bool good =
        set >= 0 && og_hdf5_is_whole(*root, set, e->count) &&
        H5Dread(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, to) >= 0;
    if (set >= 0) H5Dclose(set);
    og_hdf5_restore(g);
    if (good) return OG_OK;
    return og_weight_damaged(file, err, "HDF5 cannot read dataset '%.100s'", e->name);
}

static void close_file(og_weight_file *file)
{
    hid_t *root = file->own;
    struct og_hdf5_guard g = og_hdf5_silence();
    if (root && *root > 0) H5Fclose(*root);
    og_hdf5_restore(g);
    og_free(root);
}

const struct og_weight_format og_weight_hdf5 = {open, read, close_file};
