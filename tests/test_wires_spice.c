// SPDX-License-Identifier: GPL-3.0-or-later
// Circuits read from and written to files: what ngspice makes of the netlist, what the
// solvers make of the circuit, and what is refused.
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
#include <hdf5_hl.h>

#include "temp_folder.h"
#include "wires_tools.h"

enum { PATH = TEMP_FILE };

static char folder[TEMP_PATH];

static const char *const names[] = {"in.h5", "out.h5", "net.cir"};

// The text stays: one buffer for each name.
static const char *path_of(const char *name)
{
    static char path[3][PATH];
    int k = 0;
    while (strcmp(names[k], name) != 0) k++;
    snprintf(path[k], PATH, "%s/%s", folder, name);
    return path[k];
}

static int make_folder(void **state)
{
    (void)state;
    return !temp_make(folder);
}

static int remove_folder(void **state)
{
    (void)state;
    for (int k = 0; k < 3; k++) unlink(path_of(names[k]));
    return rmdir(folder);
}

// --- files
// -------------------------------------------------------------------------------

static void put_number(hid_t file, const char *name, double value)
{
    assert_true(H5LTset_attribute_double(file, "/", name, &value, 1) >= 0);
}

static void put_matrix(hid_t file, const char *name, size_t rows, size_t cols,
                       const double *value)
{
    const hsize_t dim[2] = {rows, cols};
    assert_true(H5LTmake_dataset_double(file, name, 2, dim, value) >= 0);
}

static void write_circuit(const struct circuit *c, const struct og_wire_params *p)
{
    hid_t file = H5Fcreate(path_of("in.h5"), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(file >= 0);
    put_matrix(file, "conductance", c->rows, c->cols, c->g);
    put_matrix(file, "voltage", c->batch, c->rows, c->v);
    put_number(file, "r_wire_row", p->r_row);
    put_number(file, "r_wire_col", p->r_col);
    put_number(file, "r_source", p->r_source);
    put_number(file, "r_sense", p->r_sense);
    if (p->drive_both) put_number(file, "drive_both", 1);
    if (p->sense_both) put_number(file, "sense_both", 1);
    assert_true(H5Fclose(file) >= 0);
}

static struct og_wire_task task_of(enum og_wire_method method)
{
    return (struct og_wire_task){
        .in = path_of("in.h5"), .out = path_of("out.h5"), .method = method};
}

static void solved(const struct og_wire_task *task)
{
    struct og_error err = {0};
    if (og_wires_solve(task, &err) != OG_OK) fail_msg("%s", err.text);
}

static void take_matrix(const char *name, double *value)
{
    hid_t file = H5Fopen(path_of("out.h5"), H5F_ACC_RDONLY, H5P_DEFAULT);
    assert_true(file >= 0);
    assert_true(H5LTread_dataset_double(file, name, value) >= 0);
    assert_true(H5Fclose(file) >= 0);
}

// --- ngspice
// -----------------------------------------------------------------------------

static bool have_ngspice(void)
{
    return system("ngspice --version >/dev/null 2>&1") == 0;
}

// current[batch * cols], NaN where ngspice printed nothing.
static void simulate(const struct circuit *c, double *current)
{
    char command[2 * PATH], line[512];
    snprintf(command, sizeof command, "ngspice -b %s 2>/dev/null", path_of("net.cir"));
    for (size_t k = 0; k < c->batch * c->cols; k++) current[k] = NAN;
    FILE *in = popen(command, "r");
    assert_non_null(in);
    size_t vector = c->batch, j;
    double value;
    while (fgets(line, sizeof line, in) != NULL)
        if (sscanf(line, "i(vt_%zu) = %lf", &j, &value) == 2 && vector < c->batch &&
            j < c->cols)
            current[vector * c->cols + j] = value;
        else
            sscanf(line, "vector %zu", &vector);
    pclose(in);
}

static double against_ngspice(const struct circuit *c, const struct og_wire_params *p)
{
    const size_t outs = c->batch * c->cols;
    double *judge = og_alloc(2 * outs, sizeof *judge), *ours = judge + outs, most = 0;
    write_circuit(c, p);
    for (int k = 0; k < METHODS; k++) {
        struct og_wire_task task = task_of(methods[k]);
        task.spice = k == 0 ? path_of("net.cir") : NULL;
        solved(&task);
        if (k == 0) simulate(c, judge);
        take_matrix("current", ours);
        const double d = difference(ours, judge, outs);
        if (!(d <= most)) most = d;
    }
    og_free(judge);
    return most;
}

static void currents_are_those_of_ngspice(void **state)
{
    (void)state;
    if (!have_ngspice()) skip();
    for (unsigned bits = 0; bits < 16; bits++) {
        struct circuit c = circuit_alloc(5, 7, 2, (enum cells)(bits % 3));
        // Each combination once, a quarter of them with each choice of ends.
        const struct og_wire_params p = combination(bits | (bits * 7 % 4) << 4);
        const double d = against_ngspice(&c, &p);
        if (!(d <= 1e-9)) fail_msg("combination %u: %g", bits, d);
        circuit_free(&c);
    }
}

static void ngspice_agrees_over_seven_decades(void **state)
{
    (void)state;
    if (!have_ngspice()) skip();
    static const size_t size[][2] = {{1, 1}, {17, 9}, {23, 32}};
    int k = 0;
    for (double r = 1e-4; r < 2e3; r *= 10, k++) {
        struct circuit c =
            circuit_alloc(size[k % 3][0], size[k % 3][1], 1, (enum cells)(1 + k % 2));
        const struct og_wire_params p = {
            .r_row = r, .r_col = 0.7 * r, .r_source = 2 * r, .r_sense = r};
        const double d = against_ngspice(&c, &p);
        if (!(d <= 1e-9)) fail_msg("%g ohm: %g", r, d);
        circuit_free(&c);
    }
}

static void large_arrays_are_those_of_ngspice(void **state)
{
    (void)state;
    if (!have_ngspice()) skip();
    static const size_t size[][2] = {{64, 64}, {63, 41}};
    for (int k = 0; k < 2; k++) {
        struct circuit c =
            circuit_alloc(size[k][0], size[k][1], 1, k == 0 ? SIMILAR : HALF_OPEN);
        const struct og_wire_params p = {
            .r_row = 2, .r_col = 3, .r_source = 100, .r_sense = 50, .drive_both = k == 1};
        const double d = against_ngspice(&c, &p);
        if (!(d <= 1e-9)) fail_msg("%zu x %zu: %g", c.rows, c.cols, d);
        circuit_free(&c);
    }
}

// As resistors the wires would drown the terminals in rounding: 1e-8.
static void ngspice_agrees_on_good_wires_behind_bad_terminals(void **state)
{
    (void)state;
    if (!have_ngspice()) skip();
    const struct og_wire_params p[] = {{1e3, 1e-4, 0, 1e3, false, false},
                                       {1e-4, 1e-4, 1e3, 1e3, true, true}};
    for (int k = 0; k < 2; k++) {
        struct circuit c = circuit_alloc(10, 12, 2, SIX_DECADES);
        const double d = against_ngspice(&c, &p[k]);
        if (!(d <= 1e-10)) fail_msg("circuit %d: %g", k, d);
        circuit_free(&c);
    }
}

// A tenth of the cells open, a tenth shorts of 1 S, sensed at one end or driven and
// sensed at both.
static void stuck_cells_are_those_of_ngspice(void **state)
{
    (void)state;
    if (!have_ngspice()) skip();
    for (int both = 0; both < 2; both++) {
        struct circuit c = circuit_alloc(13, 10, 2, SIX_DECADES);
        const struct og_wire_params p = {2, 3, 100, 50, both, both};
        for (size_t k = 0; k < c.rows * c.cols; k++) {
            if (7 * k % 10 == 3) c.g[k] = 0;
            if (3 * k % 10 == 6) c.g[k] = 1;
        }
        const double d = against_ngspice(&c, &p);
        if (!(d <= 1e-9)) fail_msg("%d: %g", both, d);
        circuit_free(&c);
    }
}

// --- results
// -----------------------------------------------------------------------------

static void transfer_and_report_are_written(void **state)
{
    (void)state;
    enum { M = 9, N = 6, B = 3 };
    static const struct {
        enum og_wire_method asked;
        const char *name;
    } cases[] = {{OG_WIRES_AUTO, "merge"},
                 {OG_WIRES_PCG, "pcg"},
                 {OG_WIRES_MERGE, "merge"},
                 {OG_WIRES_DIRECT, "direct"}};
    struct circuit c = circuit_alloc(M, N, B, SIMILAR);
    const struct og_wire_params p = {.r_row = 10, .r_col = 10};
    write_circuit(&c, &p);
    for (int k = 0; k < 4; k++) {
        struct og_wire_task task = task_of(cases[k].asked);
        double t[M * N], current[B * N], product[B * N] = {0}, residual = -1;
        char method[16] = "";
        uint64_t iterations = 99;
        task.transfer = true;
        solved(&task);
        take_matrix("transfer", t);
        take_matrix("current", current);
        for (size_t b = 0; b < B; b++)
            for (size_t i = 0; i < M; i++)
                for (size_t j = 0; j < N; j++)
                    product[b * N + j] += c.v[b * M + i] * t[i * N + j];
        assert_true(difference(product, current, B * N) <= 1e-11);
        hid_t file = H5Fopen(task.out, H5F_ACC_RDONLY, H5P_DEFAULT);
        assert_true(H5LTget_attribute_double(file, "/", "residual", &residual) >= 0);
        assert_true(H5LTget_attribute(file, "/", "iterations", H5T_NATIVE_UINT64,
                                      &iterations) >= 0);
        char *text = NULL;
        hid_t attr = H5Aopen(file, "method", H5P_DEFAULT), type = H5Aget_type(attr);
        assert_true(H5Aread(attr, type, &text) >= 0);
        snprintf(method, sizeof method, "%s", text);
        H5free_memory(text);
        H5Tclose(type);
        H5Aclose(attr);
        H5Fclose(file);
        assert_string_equal(method, cases[k].name);
        assert_true(residual >= 0 && residual <= 1e-11);
        assert_true(cases[k].asked == OG_WIRES_PCG ? iterations > 0 && iterations < 20
                                                   : iterations == 0);
    }
    circuit_free(&c);
}

static uint64_t take_count(const char *name)
{
    uint64_t value = 0;
    hid_t file = H5Fopen(path_of("out.h5"), H5F_ACC_RDONLY, H5P_DEFAULT);
    assert_true(H5LTget_attribute(file, "/", name, H5T_NATIVE_UINT64, &value) >= 0);
    H5Fclose(file);
    return value;
}

static void put_boolean(hid_t file, const char *name, signed char value)
{
    signed char member = 0;
    hid_t type = H5Tenum_create(H5T_NATIVE_SCHAR), space = H5Screate(H5S_SCALAR);
    assert_true(H5Tenum_insert(type, "FALSE", &member) >= 0);
    member = 1;
    assert_true(H5Tenum_insert(type, "TRUE", &member) >= 0);
    hid_t attr = H5Acreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(H5Awrite(attr, type, &value) >= 0);
    H5Aclose(attr);
    H5Sclose(space);
    H5Tclose(type);
}

// True as h5py writes it; one word line, so that both ends halve the way.
static void flags_may_be_booleans(void **state)
{
    (void)state;
    double g = 1, v = 1, current[2];
    const struct circuit c = {1, 1, 1, &g, &v};
    const struct og_wire_params p = {.r_row = 1, .r_source = 1};
    const struct og_wire_task task = task_of(OG_WIRES_AUTO);
    for (int both = 0; both < 2; both++) {
        write_circuit(&c, &p);
        hid_t file = H5Fopen(path_of("in.h5"), H5F_ACC_RDWR, H5P_DEFAULT);
        put_boolean(file, "drive_both", (signed char)both);
        H5Fclose(file);
        solved(&task);
        take_matrix("current", &current[both]);
        assert_int_equal(take_count("drive_both"), both);
        assert_int_equal(take_count("sense_both"), 0);
    }
    assert_true(fabs(current[0] - 1.0 / 3) <= 1e-15);
    assert_true(fabs(current[1] - 1.0 / 2) <= 1e-15);
}

// Of the transfer matrix as well as of the vectors, here one of zeros.
static void the_report_is_that_of_all_work(void **state)
{
    (void)state;
    struct circuit c = circuit_alloc(7, 5, 1, SIMILAR);
    const struct og_wire_params p = {.r_row = 10, .r_col = 10};
    for (size_t i = 0; i < c.rows; i++) c.v[i] = 0;
    write_circuit(&c, &p);
    struct og_wire_task task = task_of(OG_WIRES_PCG);
    task.transfer = true;
    solved(&task);
    uint64_t iterations = 0;
    hid_t file = H5Fopen(task.out, H5F_ACC_RDONLY, H5P_DEFAULT);
    assert_true(
        H5LTget_attribute(file, "/", "iterations", H5T_NATIVE_UINT64, &iterations) >= 0);
    H5Fclose(file);
    assert_true(iterations > 0);
    circuit_free(&c);
}

// --- errors
// ------------------------------------------------------------------------------

static void wrong(const struct og_wire_task *task, og_status status, const char *sentence)
{
    struct og_error err = {0};
    char expected[512];
    unlink(path_of("out.h5"));
    assert_int_equal(og_wires_solve(task, &err), status);
    snprintf(expected, sizeof expected, "%s/%s", folder, sentence);
    assert_string_equal(err.text, expected);
    assert_int_equal(access(path_of("out.h5"), F_OK), -1);
}

static void wrong_circuits_are_refused(void **state)
{
    (void)state;
    struct circuit c = circuit_alloc(4, 3, 2, SIMILAR);
    const struct og_wire_params good = {.r_row = 1};
    struct og_wire_params p = good;
    const struct og_wire_task task = task_of(OG_WIRES_AUTO);
    p.r_col = -2;
    write_circuit(&c, &p);
    wrong(&task, OG_INPUT,
          "in.h5: r_wire_col is -2, expected 0 or a resistance from 1e-06 to 1e+09 ohm");
    c.g[5] = NAN;
    write_circuit(&c, &good);
    wrong(&task, OG_INPUT, "in.h5: conductance[1][2] is nan, expected 0 or 1e-15 to 1 S");
    c.g[5] = 1e-6, c.v[6] = NAN;
    write_circuit(&c, &good);
    wrong(&task, OG_INPUT, "in.h5: voltage[1][2] is nan, expected a finite one");
    c.v[6] = 0.1, c.rows = 2;
    hid_t file = H5Fcreate(path_of("in.h5"), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    put_matrix(file, "conductance", 4, 3, c.g);
    H5Fclose(file);
    wrong(&task, OG_INPUT, "in.h5: dataset 'voltage' is missing");
    file = H5Fopen(path_of("in.h5"), H5F_ACC_RDWR, H5P_DEFAULT);
    put_matrix(file, "voltage", 4, 2, c.v);
    H5Fclose(file);
    wrong(&task, OG_INPUT, "in.h5: attribute 'r_wire_row' is missing");
    file = H5Fopen(path_of("in.h5"), H5F_ACC_RDWR, H5P_DEFAULT);
    put_number(file, "r_wire_row", 0), put_number(file, "r_wire_col", 0);
    put_number(file, "r_source", 0), put_number(file, "r_sense", 0);
    H5Fclose(file);
    wrong(&task, OG_INPUT, "in.h5: voltage has 2 columns, but conductance 4 rows");
    file = H5Fopen(path_of("in.h5"), H5F_ACC_RDWR, H5P_DEFAULT);
    put_number(file, "sense_both", 0.5);
    H5Fclose(file);
    wrong(&task, OG_INPUT, "in.h5: attribute 'sense_both' is neither 0 nor 1");
    c.rows = 4;
    circuit_free(&c);
}

static void wrong_files_are_refused(void **state)
{
    (void)state;
    const struct og_wire_task task = task_of(OG_WIRES_AUTO);
    unlink(path_of("in.h5"));
    wrong(&task, OG_USAGE, "in.h5: cannot read: No such file or directory");
    FILE *f = fopen(path_of("in.h5"), "w");
    fputs("no circuit", f);
    fclose(f);
    wrong(&task, OG_INPUT, "in.h5: not an HDF5 file");
    struct og_wire_task same = task;
    same.out = same.in;
    wrong(&same, OG_USAGE, "in.h5: would be replaced; name another file");
    same = task, same.spice = same.out;
    wrong(&same, OG_USAGE,
          "out.h5: both the currents and the netlist; name another file");
    hid_t file = H5Fcreate(task.in, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    const hsize_t dim[1] = {3};
    const double x[3] = {0};
    assert_true(H5LTmake_dataset_double(file, "conductance", 1, dim, x) >= 0);
    H5Fclose(file);
    wrong(&task, OG_INPUT, "in.h5: dataset 'conductance' is not a matrix of numbers");
}

// Shapes that no memory holds, of which nothing is stored.
static void refused_shape(hsize_t rows, hsize_t cols, const char *sentence)
{
    const struct og_wire_task task = task_of(OG_WIRES_AUTO);
    const hsize_t dim[2] = {rows, cols}, chunk[2] = {1, 1};
    hid_t file = H5Fcreate(task.in, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    hid_t space = H5Screate_simple(2, dim, NULL), create = H5Pcreate(H5P_DATASET_CREATE);
    assert_true(H5Pset_chunk(create, 2, chunk) >= 0);
    hid_t set = H5Dcreate2(file, "conductance", H5T_NATIVE_DOUBLE, space, H5P_DEFAULT,
                           create, H5P_DEFAULT);
    assert_true(set >= 0);
    H5Dclose(set);
    H5Pclose(create);
    H5Sclose(space);
    H5Fclose(file);
    wrong(&task, OG_INPUT, sentence);
}

static void shapes_beyond_the_range_are_refused(void **state)
{
    (void)state;
    refused_shape(1, 8193,
                  "in.h5: dataset 'conductance' is 1 x 8193, expected at most 8192 x "
                  "8192");
    refused_shape(1048576, 1,
                  "in.h5: dataset 'conductance' is 1048576 x 1, expected at most 8192 x "
                  "8192");
    // 2^64 cells
    refused_shape((hsize_t)1 << 32, (hsize_t)1 << 32,
                  "in.h5: dataset 'conductance' is 4294967296 x 4294967296, expected at "
                  "most 8192 x 8192");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(currents_are_those_of_ngspice),
        cmocka_unit_test(ngspice_agrees_over_seven_decades),
        cmocka_unit_test(large_arrays_are_those_of_ngspice),
        cmocka_unit_test(ngspice_agrees_on_good_wires_behind_bad_terminals),
        cmocka_unit_test(stuck_cells_are_those_of_ngspice),
        cmocka_unit_test(transfer_and_report_are_written),
        cmocka_unit_test(flags_may_be_booleans),
        cmocka_unit_test(the_report_is_that_of_all_work),
        cmocka_unit_test(wrong_circuits_are_refused),
        cmocka_unit_test(wrong_files_are_refused),
        cmocka_unit_test(shapes_beyond_the_range_are_refused),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
