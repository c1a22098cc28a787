// SPDX-License-Identifier: GPL-3.0-or-later
// Files of the tests of imported networks.
#ifndef OG_TESTS_ONNX_FILES_H
#define OG_TESTS_ONNX_FILES_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ohmgrid/onnx.h"
#include "onnx/onnx.pb-c.h"
#include "onnx/store_io.h"
#include "temp_folder.h"

enum { PATH = 300, PORTS = 8 };

static char folder[PATH];

static const char *path_of(const char *name)
{
    static char paths[8][2 * PATH];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, 2 * PATH, "%s/%s", folder, name);
    return path;
}

static int make_folder(void **state)
{
    (void)state;
    return temp_make(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return temp_remove(folder);
}

// --- inputs and outputs --------------------------------------------------------------

static void put_file(const char *path, int n, const char *const *name,
                     const struct og_nd *value)
{
    struct og_error err = {0};
    struct og_hdf h = {.path = path, .err = &err};
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    for (int k = 0; k < n; k++) og_put_nd(&h, file, name[k], &value[k], 0);
    assert_int_equal(h.status, OG_OK);
    H5Fclose(file);
}

static void get_file(const char *path, const char *name, enum og_nd_type type,
                     struct og_nd *value)
{
    struct og_error err = {0};
    struct og_hdf h = {.path = path, .err = &err};
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    og_get_nd(&h, file, name, type, value);
    assert_string_equal(err.text, "");
    H5Fclose(file);
}

#endif
