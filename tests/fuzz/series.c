// SPDX-License-Identifier: GPL-3.0-or-later
// HDF5 files of data that other programs have edited: sequences of one's own, spoken
// digits, circuits to solve and weights, all in one file.
#include "hdf5_edit.h"

#include "data.h"
#include "nn/weights_file.h"
#include "ohmgrid/wires.h"

enum { CLIPS = 12, CLIP = 300, SIDE = 3 };

static void put(hid_t file, const char *name, hid_t type, int rank, const hsize_t *dim,
                const void *value)
{
    hid_t space = H5Screate_simple(rank, dim, NULL);
    hid_t set =
        H5Dcreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    if (H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, value) < 0) abort();
    H5Dclose(set);
    H5Sclose(space);
}

static void put_number(hid_t file, const char *name, hid_t type, const void *value)
{
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t a = H5Acreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    if (H5Awrite(a, type, value) < 0) abort();
    H5Aclose(a);
    H5Sclose(space);
}

static void put_sounds(hid_t file)
{
    static int16_t sample[CLIPS * CLIP];
    static float frame[CLIPS * CLIP][2];
    int64_t offset[CLIPS + 1];
    int32_t label[CLIPS], number[CLIPS];
    for (int i = 0; i < CLIPS * CLIP; i++) {
        sample[i] = (int16_t)(i * 7919);
        frame[i][0] = frame[i][1] = (float)i;
    }
    for (int i = 0; i <= CLIPS; i++) offset[i] = i * CLIP;
    for (int i = 0; i < CLIPS; i++) label[i] = i % 3, number[i] = i;
    const hsize_t samples[] = {CLIPS * CLIP, 2}, clips = CLIPS, ends = CLIPS + 1;
    put(file, "samples", H5T_NATIVE_INT16, 1, samples, sample);
    put(file, "frames", H5T_NATIVE_FLOAT, 2, samples, frame);
    put(file, "offset", H5T_NATIVE_INT64, 1, &ends, offset);
    put(file, "label", H5T_NATIVE_INT32, 1, &clips, label);
    put(file, "index", H5T_NATIVE_INT32, 1, &clips, number);
    put(file, "group", H5T_NATIVE_INT32, 1, &clips, label);
    put_number(file, "sample_rate_hz", H5T_NATIVE_INT, &(int){8000});
    put_number(file, "classes", H5T_NATIVE_INT, &(int){5});
}

static void make_base(const char *path)
{
    static const char *const resistance[] = {"r_wire_row", "r_wire_col", "r_source",
                                             "r_sense"};
    double g[SIDE * SIDE];
    const hsize_t side[] = {SIDE, SIDE};
    for (int i = 0; i < SIDE * SIDE; i++) g[i] = 1e-5 * (i + 1);
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    put_sounds(file);
    put(file, "conductance", H5T_NATIVE_DOUBLE, 2, side, g);
    put(file, "voltage", H5T_NATIVE_DOUBLE, 2, side, g);
    for (int k = 0; k < 4; k++)
        put_number(file, resistance[k], H5T_NATIVE_DOUBLE, &(double){k + 0.5});
    if (H5Fclose(file) < 0) abort();
}

static void read_weights(const char *path)
{
    og_weight_file *w = NULL;
    struct og_error err = {0};
    const og_status status = og_weight_file_open(&w, path, &err);
    fuzz_check(status, &err);
    for (size_t i = 0; status == OG_OK && i < w->n; i++) {
        float value[SIDE * SIDE];
        struct og_error own = {0};
        if (w->entry[i].type == OG_WEIGHT_OTHER || w->entry[i].count > SIDE * SIDE)
            continue;
        fuzz_check(og_weight_file_read(w, &w->entry[i], value, &own), &own);
    }
    og_weight_file_free(w);
}

static void read_all(void)
{
    char path[FUZZ_PATH], out[FUZZ_PATH];
    struct og_data_spec series = {.name = "hdf5"}, digits = {.name = "fsdd"};
    struct og_error err = {0};
    fuzz_in("fsdd/fsdd.h5", path);
    snprintf(series.series.file, sizeof series.series.file, "%s", path);
    const struct og_series standard = og_series_default();
    series.series.folds = standard.folds;
    series.series.average = standard.average;
    open_spec(&series);
    open_spec(&digits);
    read_weights(path);
    const struct og_wire_task task = {
        .in = path, .out = fuzz_in("out.h5", out), .transfer = true};
    fuzz_check(og_wires_solve(&task, &err), &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool made;
    char path[FUZZ_PATH];
    if (!made) {
        make_base(fuzz_in("base.h5", path));
        fuzz_make_folder("fsdd");
    }
    made = true;
    hdf5_edit("fsdd/fsdd.h5", data, size);
    read_all();
    hdf5_check_closed();
    return 0;
}
