// SPDX-License-Identifier: GPL-3.0-or-later
// For the tests of series: six made sequences as a file of one's own.
#ifndef OG_TESTS_SERIES_FILES_H
#define OG_TESTS_SERIES_FILES_H

#include <hdf5.h>

#include "data_files.h"

static inline void write_array(hid_t file, const char *name, hid_t memory, int rank,
                               const hsize_t *dim, const void *values)
{
    hid_t link = H5Pcreate(H5P_LINK_CREATE), space = H5Screate_simple(rank, dim, NULL);
    H5Pset_create_intermediate_group(link, 1);
    hid_t set = H5Dcreate2(file, name, memory, space, link, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(set >= 0);
    assert_true(H5Dwrite(set, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
    H5Dclose(set);
    H5Sclose(space);
    H5Pclose(link);
}

static inline void write_names(hid_t file, const char *name, const char *text)
{
    hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR);
    H5Tset_size(type, strlen(text) + 1);
    hid_t a = H5Acreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(H5Awrite(a, type, text) >= 0);
    H5Aclose(a);
    H5Sclose(space);
    H5Tclose(type);
}

// Six sequences of two values, 1 to 6 steps; value v of step t of sequence k is
// 100 k + 10 t + v.
enum { SERIES = 6, STEPS = 21 };
static float frames[STEPS][2];
static int64_t offset[SERIES + 1];
static int32_t label[SERIES] = {0, 1, 2, 0, 1, 3}, group[SERIES] = {0, 0, 1, 2, 2, 2};

static inline void make_series(void)
{
    for (int k = 0, at = 0; k < SERIES; k++) {
        for (int t = 0; t <= k; t++, at++)
            for (int v = 0; v < 2; v++) frames[at][v] = (float)(100 * k + 10 * t + v);
        offset[k + 1] = at;
    }
}

static inline hid_t create(const char *name)
{
    hid_t file = H5Fcreate(in_root(name), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(file >= 0);
    return file;
}

static inline void write_own(const char *without)
{
    hid_t file = create("own.h5");
    write_array(file, "frames", H5T_NATIVE_FLOAT, 2, (hsize_t[]){STEPS, 2}, frames);
    write_array(file, "offset", H5T_NATIVE_INT64, 1, (hsize_t[]){SERIES + 1}, offset);
    write_array(file, "label", H5T_NATIVE_INT32, 1, (hsize_t[]){SERIES}, label);
    write_array(file, "group", H5T_NATIVE_INT32, 1, (hsize_t[]){SERIES}, group);
    write_names(file, "groups", "ann,bob,cy");
    if (without) assert_true(H5Ldelete(file, without, H5P_DEFAULT) >= 0);
    H5Fclose(file);
}

#endif
