// SPDX-License-Identifier: GPL-3.0-or-later
// What a file of `ohmgrid solve` may hold: numbers of any type and byte order, and no
// vector at all.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <hdf5.h>
#include <hdf5_hl.h>

#include "temp_folder.h"
#include "wires_tools.h"

enum { M = 5, N = 4, B = 3, PATH = TEMP_FILE };

static char folder[TEMP_PATH];
static char in[PATH], out[PATH], netlist[PATH];

static int make_folder(void **state)
{
    (void)state;
    if (!temp_make(folder)) return 1;
    snprintf(in, PATH, "%s/in.h5", folder);
    snprintf(out, PATH, "%s/out.h5", folder);
    snprintf(netlist, PATH, "%s/net.cir", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return temp_remove(folder);
}

// Doubles, stored as `type`.
static void put(hid_t file, const char *name, size_t rows, size_t cols,
                const double *value, hid_t type)
{
    const hsize_t dim[2] = {rows, cols};
    const hid_t space = H5Screate_simple(2, dim, NULL);
    const hid_t set =
        H5Dcreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(H5Dwrite(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, value) >=
                0);
    H5Dclose(set);
    H5Sclose(space);
}

static void put_number(hid_t file, const char *name, double value, hid_t type)
{
    const hid_t space = H5Screate(H5S_SCALAR);
    const hid_t attr = H5Acreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(H5Awrite(attr, H5T_NATIVE_DOUBLE, &value) >= 0);
    H5Aclose(attr);
    H5Sclose(space);
}

static void write_file(const double *g, const double *v, size_t batch,
                       const hid_t type[3])
{
    static const char *const names[] = {"r_wire_row", "r_wire_col", "r_source",
                                        "r_sense"};
    const hid_t file = H5Fcreate(in, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    put(file, "conductance", M, N, g, type[0]);
    put(file, "voltage", batch, M, v, type[1]);
    for (int k = 0; k < 4; k++) put_number(file, names[k], k + 1, type[2]);
    H5Fclose(file);
}

static og_status solve(enum og_wire_method method, bool transfer, struct og_error *err)
{
    const struct og_wire_task task = {
        .in = in, .out = out, .method = method, .transfer = transfer};
    return og_wires_solve(&task, err);
}

static void take(const char *name, double *value)
{
    const hid_t file = H5Fopen(out, H5F_ACC_RDONLY, H5P_DEFAULT);
    assert_true(H5LTread_dataset_double(file, name, value) >= 0);
    H5Fclose(file);
}

// The numbers that single precision has too, so that currents are the same to the bit.
static void types_do_not_matter(void **state)
{
    (void)state;
    const hid_t types[][3] = {
        {H5T_IEEE_F64LE, H5T_IEEE_F64LE, H5T_IEEE_F64LE},
        {H5T_IEEE_F32LE, H5T_IEEE_F32LE, H5T_IEEE_F32LE},
        {H5T_IEEE_F32BE, H5T_IEEE_F64BE, H5T_IEEE_F64BE},
        {H5T_IEEE_F64BE, H5T_STD_I8LE, H5T_STD_I64BE},
        {H5T_IEEE_F64LE, H5T_STD_I32BE, H5T_STD_U16LE},
    };
    double g[M * N], v[B * M], first[B * N], current[B * N];
    for (int k = 0; k < M * N; k++) g[k] = (double)(float)(1e-5 * (1 + 0.7 * k));
    for (int k = 0; k < B * M; k++) v[k] = k % 5 - 2;
    for (size_t t = 0; t < sizeof types / sizeof *types; t++)
        for (int k = 0; k < METHODS; k++) {
            struct og_error err = {0};
            write_file(g, v, B, types[t]);
            if (solve(methods[k], false, &err) != OG_OK) fail_msg("%s", err.text);
            take("current", t + (size_t)k == 0 ? first : current);
            if (t + (size_t)k > 0)
                assert_true(difference(current, first, B * N) <= 1e-11);
        }
    // Conductances of 0 and 1 S, as a mask has them.
    double mask[M * N];
    for (int k = 0; k < M * N; k++) mask[k] = k % 2;
    const hid_t whole[] = {H5T_STD_I16BE, H5T_IEEE_F32LE, H5T_STD_I8LE};
    write_file(mask, v, B, types[0]);
    assert_int_equal(solve(OG_WIRES_DIRECT, false, NULL), OG_OK);
    take("current", first);
    write_file(mask, v, B, whole);
    assert_int_equal(solve(OG_WIRES_DIRECT, false, NULL), OG_OK);
    take("current", current);
    assert_memory_equal(first, current, sizeof first);
}

// The transfer matrix is there all the same; a netlist would have nothing to say.
static void there_may_be_no_vector(void **state)
{
    (void)state;
    const hid_t types[] = {H5T_IEEE_F64LE, H5T_IEEE_F64LE, H5T_IEEE_F64LE};
    double g[M * N], none[1] = {0}, t[METHODS][M * N];
    for (int k = 0; k < M * N; k++) g[k] = 1e-5 * (1 + 0.7 * k);
    write_file(g, none, 0, types);
    for (int k = 0; k < METHODS; k++) {
        struct og_error err = {0};
        if (solve(methods[k], true, &err) != OG_OK) fail_msg("%s", err.text);
        take("transfer", t[k]);
        assert_true(difference(t[k], t[0], M * N) <= 1e-11);
        hsize_t dim[2] = {9, 9};
        const hid_t file = H5Fopen(out, H5F_ACC_RDONLY, H5P_DEFAULT);
        assert_true(H5LTget_dataset_info(file, "current", dim, NULL, NULL) >= 0);
        H5Fclose(file);
        assert_int_equal(dim[0], 0);
        assert_int_equal(dim[1], N);
        if (solve(methods[k], false, &err) != OG_OK) fail_msg("%s", err.text);
    }
    assert_true(t[0][0] > 0);
    const struct og_wire_task task = {.in = in, .out = out, .spice = netlist};
    struct og_error err = {0};
    assert_int_equal(og_wires_solve(&task, &err), OG_INPUT);
    assert_non_null(strstr(err.text, "in.h5: voltage holds no vector for a netlist"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_do_not_matter),
        cmocka_unit_test(there_may_be_no_vector),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
