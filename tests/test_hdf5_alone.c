// SPDX-License-Identifier: GPL-3.0-or-later
// Values that lie in other files, or are more than the file can hold, are refused by each
// reader before any of them is read.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <hdf5.h>

#include "ohmgrid/data.h"
#include "ohmgrid/results.h"
#include "ohmgrid/weights.h"
#include "ohmgrid/wires.h"
#include "temp_folder.h"

enum { PATH = TEMP_FILE };

static char folder[TEMP_PATH];

static const char *path_of(const char *name)
{
    static char path[4][PATH];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], PATH, "%s/%s", folder, name);
    return path[turn];
}

static int make_folder(void **state)
{
    (void)state;
    return !temp_make(folder);
}

static int remove_folder(void **state)
{
    (void)state;
    return temp_remove(folder);
}

// The datasets that readers look for: circuits, results, weights, sequences.
static const char *const names[] = {"conductance", "results/done", "model/m0/fc/weight",
                                    "frames"};
enum { NAMES = sizeof names / sizeof *names };
enum way { INSIDE, LINKED, STORED_OUTSIDE, VIRTUAL, TOO_LARGE, TOO_LARGE_IN_CHUNKS };

static void put(hid_t file, const char *name, enum way way)
{
    const bool large = way == TOO_LARGE || way == TOO_LARGE_IN_CHUNKS;
    const int rank = strcmp(name, "frames") == 0 ? 3 : 2;
    const hsize_t dim[] = {large ? 8192 : 2, large ? 4096 : 3, 1}, chunk[] = {64, 3, 1};
    const double value[] = {1, 1, 1, 1, 1, 1};
    hid_t links = H5Pcreate(H5P_LINK_CREATE), layout = H5Pcreate(H5P_DATASET_CREATE);
    hid_t space = H5Screate_simple(rank, dim, NULL);
    H5Pset_create_intermediate_group(links, 1);
    if (way == LINKED)
        H5Lcreate_external("other.h5", name, file, name, links, H5P_DEFAULT);
    if (way == STORED_OUTSIDE) H5Pset_external(layout, "/etc/passwd", 0, 48);
    if (way == VIRTUAL) H5Pset_virtual(layout, space, "other.h5", name, space);
    if (way == TOO_LARGE_IN_CHUNKS) H5Pset_chunk(layout, rank, chunk);
    if (way != LINKED) {
        hid_t set =
            H5Dcreate2(file, name, H5T_NATIVE_DOUBLE, space, links, layout, H5P_DEFAULT);
        assert_true(set >= 0);
        if (way == INSIDE)
            H5Dwrite(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, value);
        H5Dclose(set);
    }
    H5Sclose(space);
    H5Pclose(layout);
    H5Pclose(links);
}

static void make(const char *name, enum way way)
{
    static const char *const texts[] = {"experiment", "ohmgrid_version"};
    hid_t file = H5Fcreate(path_of(name), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR);
    assert_true(file >= 0 && H5Tset_size(type, H5T_VARIABLE) >= 0 &&
                H5Tset_cset(type, H5T_CSET_UTF8) >= 0);
    for (int k = 0; k < 2; k++) {
        hid_t a = H5Acreate2(file, texts[k], type, space, H5P_DEFAULT, H5P_DEFAULT);
        assert_true(H5Awrite(a, type, &(const char *){"seed: 1"}) >= 0);
        H5Aclose(a);
    }
    for (int k = 0; k < NAMES; k++) put(file, names[k], way);
    H5Sclose(space);
    H5Tclose(type);
    H5Fclose(file);
}

// What each reader says of the file.
static void read_all(struct og_error err[NAMES])
{
    char path[PATH], out[PATH], npz[PATH];
    bool complete;
    struct og_dataset *set = NULL;
    struct og_data_spec spec = {.name = "hdf5", .series = og_series_default()};
    const struct og_data_search where = {folder};
    snprintf(path, sizeof path, "%s", path_of("a.h5"));
    snprintf(out, sizeof out, "%s", path_of("out.h5"));
    snprintf(npz, sizeof npz, "%s", path_of("w.npz"));
    snprintf(spec.series.file, sizeof spec.series.file, "%s", path);
    memset(err, 0, NAMES * sizeof *err);
    og_wires_solve(&(struct og_wire_task){.in = path, .out = out}, &err[0]);
    og_result_complete(path, &complete, &err[1]);
    og_weights_export(path, "", npz, &err[2]);
    og_dataset_open(&set, &spec, &where, &err[3]);
    og_dataset_free(set);
    unlink(npz);
}

static void what_leads_elsewhere_is_refused(void **state)
{
    (void)state;
    static const char *const why[] = {
        "'conductance' is damaged", "damaged, or its values are not in the file",
        "HDF5 cannot read dataset 'model/m0/fc/weight'",
        "'frames' has not the right dimensions, or more than the file can hold"};
    struct og_error err[NAMES];
    make("other.h5", INSIDE);
    for (int way = LINKED; way <= TOO_LARGE_IN_CHUNKS; way++) {
        make("a.h5", (enum way)way);
        read_all(err);
        for (int k = 0; k < NAMES; k++)
            if (err[k].status != OG_INPUT ||
                !strstr(err[k].text,
                        k == 2 && way == LINKED ? "holds no tensors" : why[k]))
                fail_msg("way %d: '%s' lacks '%s'", way, err[k].text, why[k]);
    }
}

static void what_is_inside_is_read(void **state)
{
    (void)state;
    struct og_error err[NAMES];
    make("a.h5", INSIDE);
    read_all(err);
    if (strstr(err[0].text, "conductance")) fail_msg("%s", err[0].text);
    for (int k = 1; k < 3; k++)
        if (err[k].status != OG_OK) fail_msg("%s", err[k].text);
    if (strstr(err[3].text, "frames")) fail_msg("%s", err[3].text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_leads_elsewhere_is_refused),
        cmocka_unit_test(what_is_inside_is_read),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
