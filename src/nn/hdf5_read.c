// SPDX-License-Identifier: GPL-3.0-or-later
#include "nn/hdf5_read.h"

struct og_hdf5_guard og_hdf5_silence(void)
{
    struct og_hdf5_guard guard = {0};
    H5Eget_auto2(H5E_DEFAULT, &guard.function, &guard.data);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    return guard;
}

void og_hdf5_restore(struct og_hdf5_guard guard)
{
    H5Eset_auto2(H5E_DEFAULT, guard.function, guard.data);
}

// Deflate cannot make anything smaller than 1/1032 (its own documentation), so that a
// header which announces more than this is a wrong one.
enum { OG_DEFLATE_MOST = 1100 };

// Bytes of an element in the file: of a text of variable length, its size (4), the
// address (8) and number (4) of where it lies.
static size_t stored_width(hid_t type)
{
    return H5Tis_variable_str(type) > 0 ? 16 : H5Tget_size(type);
}

// A link may lead into another file.
static bool is_inside(hid_t file, hid_t set)
{
    H5O_info_t here, there;
    return H5Oget_info2(file, &here, H5O_INFO_BASIC) >= 0 &&
           H5Oget_info2(set, &there, H5O_INFO_BASIC) >= 0 && here.fileno == there.fileno;
}

bool og_hdf5_is_whole(hid_t file, hid_t set, size_t count)
{
    hid_t create = H5Dget_create_plist(set), type = H5Dget_type(set);
    const H5D_layout_t layout = create < 0 ? H5D_LAYOUT_ERROR : H5Pget_layout(create);
    const size_t width = type < 0 ? 0 : stored_width(type);
    const hsize_t stored = H5Dget_storage_size(set);
    hsize_t size = 0;
    bool whole = width > 0 && H5Fget_filesize(file, &size) >= 0 && is_inside(file, set) &&
                 H5Pget_external_count(create) == 0 &&
                 count / OG_DEFLATE_MOST <= size / width;
    if (layout == H5D_CONTIGUOUS && stored > 0) {
        const haddr_t at = H5Dget_offset(set);
        whole = whole && at != HADDR_UNDEF && stored / width == count && at <= size &&
                stored <= size - at;
    } else if (layout == H5D_COMPACT) {
        whole = whole && stored / width == count;
    }
    if (create >= 0) H5Pclose(create);
    if (type >= 0) H5Tclose(type);
    return whole && layout != H5D_LAYOUT_ERROR && layout != H5D_VIRTUAL;
}
