// SPDX-License-Identifier: GPL-3.0-or-later
// Arrays of numbers and lists of names from HDF5 files that may be damaged or hostile:
// what is handed on has the type, the rank and the size that were asked for, and no
// memory is asked for that the file cannot fill.
#ifndef OG_NN_HDF5_LIST_H
#define OG_NN_HDF5_LIST_H

#include "nn/data_file.h"
#include "nn/hdf5_read.h"

// Thread-safety: one thread.
struct og_hdf5_source {
    char path[OG_DATA_PATH];
    hid_t file;
    struct og_hdf5_guard guard;
};

// Silences HDF5 until the close, which is due after a failure too.
og_status og_hdf5_open(struct og_hdf5_source *s, const char *path, struct og_error *err);
void og_hdf5_close(struct og_hdf5_source *s);
bool og_hdf5_has(const struct og_hdf5_source *s, const char *name);

// What a dataset has to be.
struct og_hdf5_want {
    const char *name;  // "train/frames"
    hid_t memory;      // H5T_NATIVE_...: what its values become
    bool samples;      // signed 16-bit integers only, of which none would be clipped
    int rank;          // 1 to 3
};
// *values: the caller's (og_free), even after a failure. dim: [rank]. Whole numbers are
// wanted where `memory` is an integer type; any number where it is float.
og_status og_hdf5_take(const struct og_hdf5_source *s, const struct og_hdf5_want *want,
                       void **values, size_t *dim, struct og_error *err);
// Of a scalar attribute of the root: a whole number; a text of at most size - 1 bytes.
bool og_hdf5_number(const struct og_hdf5_source *s, const char *name, int *value);
bool og_hdf5_text(const struct og_hdf5_source *s, const char *name, char *text,
                  size_t size);

#endif
