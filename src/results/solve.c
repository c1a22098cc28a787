// SPDX-License-Identifier: GPL-3.0-or-later
// Circuits from HDF5 to HDF5, and to netlists.
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "crossbar/wires_impl.h"
#include "nn/hdf5_read.h"
#include "results/file.h"
#include "results/hdf.h"

struct circuit {
    size_t rows, cols, batch;
    double *g, *v;
    struct og_wire_params params;
};

struct solution {
    double *current, *transfer;  // transfer: NULL unless asked for
    struct og_wire_report report;
};

// --- reading
// -----------------------------------------------------------------------------

static bool is_number(hid_t type)
{
    const H5T_class_t class = type < 0 ? H5T_NO_CLASS : H5Tget_class(type);
    return class == H5T_FLOAT || class == H5T_INTEGER;
}

// As h5py writes true and false.
static bool is_boolean(hid_t type)
{
    return type >= 0 && H5Tget_class(type) == H5T_ENUM && H5Tget_nmembers(type) == 2;
}

static void refuse(struct og_hdf *h, const char *what, const char *name,
                   const char *expected)
{
    h->status =
        og_fail(h->err, OG_INPUT, "%s: %s '%s' %s", h->path, what, name, expected);
}

static bool two_dimensions(hid_t set, size_t rows_min, hsize_t dim[2])
{
    hid_t space = H5Dget_space(set);
    const bool two = space >= 0 && H5Sget_simple_extent_ndims(space) == 2 &&
                     H5Sget_simple_extent_dims(space, dim, NULL) == 2;
    if (space >= 0) H5Sclose(space);
    return two && dim[0] >= rows_min && dim[1] > 0;
}

struct limits {
    size_t least, most;  // rows
};
static const struct limits lines = {1, OG_WIRES_SIDE_MAX};
// Of no vector there is the transfer matrix still; no number of bytes overflows.
static const struct limits vectors = {0, SIZE_MAX / sizeof(double) / OG_WIRES_SIDE_MAX};

static void refuse_size(struct og_hdf *h, const char *name, const hsize_t dim[2],
                        size_t rows_max)
{
    h->status = og_fail(h->err, OG_INPUT,
                        "%s: dataset '%s' is %llu x %llu, expected at most %zu x %d",
                        h->path, name, (unsigned long long)dim[0],
                        (unsigned long long)dim[1], rows_max, OG_WIRES_SIDE_MAX);
}

// A matrix of numbers; og_free.
static double *read_matrix(struct og_hdf *h, hid_t file, const char *name,
                           struct limits limits, size_t *rows, size_t *cols)
{
    if (h->status != OG_OK) return NULL;
    hsize_t dim[2] = {0, 0};
    double *value = NULL;
    size_t count = 0;
    hid_t set = H5Dopen2(file, name, H5P_DEFAULT);
    hid_t type = set < 0 ? H5I_INVALID_HID : H5Dget_type(set);
    if (set < 0)
        refuse(h, "dataset", name, "is missing");
    else if (!is_number(type) || !two_dimensions(set, limits.least, dim))
        refuse(h, "dataset", name, "is not a matrix of numbers");
    else if (dim[0] > limits.most || dim[1] > OG_WIRES_SIDE_MAX)
        refuse_size(h, name, dim, limits.most);
    else if (dim[0] == 0)
        value = og_alloc(1, sizeof *value);
    else if (!og_hdf5_is_whole(file, set, (size_t)(dim[0] * dim[1])))
        refuse(h, "dataset", name, "is damaged");
    else
        value = og_hdf_read_reals(h, set, &count);
    og_hdf_close(h, type);
    og_hdf_close(h, set);
    *rows = (size_t)dim[0];
    *cols = (size_t)dim[1];
    return value;
}

// One number; `missing` where there is no such attribute, unless that is NaN. `flag`: or
// a boolean.
static double read_number(struct og_hdf *h, hid_t file, const char *name, double missing,
                          bool flag)
{
    double value = missing;
    if (h->status != OG_OK) return value;
    if (H5Aexists(file, name) <= 0) {
        if (isnan(missing)) refuse(h, "attribute", name, "is missing");
        return value;
    }
    hid_t attr = H5Aopen(file, name, H5P_DEFAULT);
    hid_t type = attr < 0 ? H5I_INVALID_HID : H5Aget_type(attr);
    hid_t space = attr < 0 ? H5I_INVALID_HID : H5Aget_space(attr);
    if (!(is_number(type) || (flag && is_boolean(type))) || space < 0 ||
        H5Sget_simple_extent_npoints(space) != 1)
        refuse(h, "attribute", name, "is not one number");
    else
        og_hdf_ok(h, H5Aread(attr, H5T_NATIVE_DOUBLE, &value), "read an attribute");
    og_hdf_close(h, space);
    og_hdf_close(h, type);
    og_hdf_close(h, attr);
    return value;
}

static bool read_flag(struct og_hdf *h, hid_t file, const char *name)
{
    const double value = read_number(h, file, name, 0, true);
    if (h->status == OG_OK && value != 0 && value != 1)
        refuse(h, "attribute", name, "is neither 0 nor 1");
    return value == 1;
}

static void read_circuit(struct og_hdf *h, hid_t file, struct circuit *c)
{
    size_t inputs = 0;
    c->g = read_matrix(h, file, "conductance", lines, &c->rows, &c->cols);
    c->v = read_matrix(h, file, "voltage", vectors, &c->batch, &inputs);
    c->params = (struct og_wire_params){
        .r_row = read_number(h, file, "r_wire_row", NAN, false),
        .r_col = read_number(h, file, "r_wire_col", NAN, false),
        .r_source = read_number(h, file, "r_source", NAN, false),
        .r_sense = read_number(h, file, "r_sense", NAN, false),
        .drive_both = read_flag(h, file, "drive_both"),
        .sense_both = read_flag(h, file, "sense_both"),
    };
    if (h->status == OG_OK && c->v == NULL) h->status = og_fail_memory(h->err);
    if (h->status == OG_OK && inputs != c->rows)
        h->status = og_fail(h->err, OG_INPUT,
                            "%s: voltage has %zu columns, but conductance %zu rows",
                            h->path, inputs, c->rows);
}

static og_status open_circuit(const char *path, struct circuit *c, struct og_error *err)
{
    struct og_hdf h = {.path = path, .err = err};
    hid_t file = og_hdf_open(&h);
    if (h.status == OG_OK) read_circuit(&h, file, c);
    og_hdf_close(&h, file);
    return h.status;
}

// --- solving
// -----------------------------------------------------------------------------

static og_status solve_transfer(og_wires *w, const struct circuit *c,
                                enum og_wire_method method, struct solution *s,
                                struct og_error *err)
{
    s->transfer = og_alloc(c->rows * c->cols, sizeof *s->transfer);
    if (s->transfer == NULL) return og_fail_memory(err);
    OG_TRY(og_wires_transfer(w, method, s->transfer, &s->report, err));
    if (s->report.method == OG_WIRES_MERGE) {
        og_wires_multiply(w, s->transfer, c->v, c->batch, s->current);
        return OG_OK;
    }
    struct og_wire_report read = {0};
    OG_TRY(og_wires_read(w, s->report.method, c->v, c->batch, s->current, &read, err));
    if (read.iterations > s->report.iterations) s->report.iterations = read.iterations;
    if (read.residual > s->report.residual) s->report.residual = read.residual;
    return OG_OK;
}

static og_status solve(og_wires *w, const struct circuit *c,
                       const struct og_wire_task *task, struct solution *s,
                       struct og_error *err)
{
    OG_TRY(og_wires_load(w, c->g, err));
    OG_TRY(og_wires_check_voltages(w, c->v, c->batch, err));
    if (task->spice != NULL && c->batch == 0)
        return og_fail(err, OG_INPUT, "voltage holds no vector for a netlist");
    if (task->spice != NULL) OG_TRY(og_wires_spice(w, c->v, c->batch, task->spice, err));
    s->current = og_alloc(c->batch * c->cols, sizeof *s->current);
    if (s->current == NULL) return og_fail_memory(err);
    if (task->transfer) return solve_transfer(w, c, task->method, s, err);
    return og_wires_read(w, task->method, c->v, c->batch, s->current, &s->report, err);
}

// --- writing
// -----------------------------------------------------------------------------

static void write_matrix(struct og_hdf *h, hid_t file, const char *name, size_t rows,
                         size_t cols, const double *value, const char *units,
                         const char *meaning)
{
    const hsize_t dim[2] = {rows, cols};
    og_hdf_close(h, og_hdf_array(h, file,
                                 &(struct og_hdf_array){.name = name,
                                                        .rank = 2,
                                                        .dim = dim,
                                                        .type = H5T_NATIVE_DOUBLE,
                                                        .data = value,
                                                        .units = units,
                                                        .long_name = meaning}));
}

static void *make_image(struct og_hdf *h, const struct circuit *c,
                        const struct solution *s, size_t *size)
{
    const struct og_wire_params *p = &c->params;
    hid_t file = og_hdf_create(h);
    write_matrix(h, file, "current", c->batch, c->cols, s->current, "A",
                 "current of each bit line for each vector");
    if (s->transfer != NULL)
        write_matrix(h, file, "transfer", c->rows, c->cols, s->transfer, "S",
                     "current of a bit line over the voltage of a word line");
    og_hdf_attr_text(h, file, "method", og_wire_method_name(s->report.method));
    og_hdf_attr_u64(h, file, "iterations", s->report.iterations);
    og_hdf_attr_real(h, file, "residual", s->report.residual);
    og_hdf_attr_real(h, file, "r_wire_row", p->r_row);
    og_hdf_attr_real(h, file, "r_wire_col", p->r_col);
    og_hdf_attr_real(h, file, "r_source", p->r_source);
    og_hdf_attr_real(h, file, "r_sense", p->r_sense);
    og_hdf_attr_u64(h, file, "drive_both", p->drive_both);
    og_hdf_attr_u64(h, file, "sense_both", p->sense_both);
    void *image = og_hdf_image(h, file, size);
    og_hdf_close(h, file);
    return image;
}

static og_status write_solution(const char *path, const struct circuit *c,
                                const struct solution *s, struct og_error *err)
{
    struct og_hdf h = {.path = path, .err = err};
    size_t size = 0;
    void *image = make_image(&h, c, s, &size);
    if (h.status == OG_OK) h.status = og_file_replace(path, image, size, err);
    og_free(image);
    return h.status;
}

static bool same_file(const char *a, const char *b)
{
    struct stat s, t;
    return stat(a, &s) == 0 && stat(b, &t) == 0 && s.st_dev == t.st_dev &&
           s.st_ino == t.st_ino;
}

static og_status run(const struct og_wire_task *task, struct circuit *c,
                     struct solution *s, struct og_error *err)
{
    const char *const outs[] = {task->out, task->spice};
    if (task->spice != NULL && strcmp(task->out, task->spice) == 0)
        return og_fail(err, OG_USAGE,
                       "%s: both the currents and the netlist; name another file",
                       task->out);
    for (int k = 0; k < 2; k++)
        if (outs[k] != NULL && same_file(task->in, outs[k]))
            return og_fail(err, OG_USAGE, "%s: would be replaced; name another file",
                           outs[k]);
    OG_TRY(open_circuit(task->in, c, err));
    og_wires *w = NULL;
    struct og_error inner = {0};
    og_status status = og_wires_alloc(&w, c->rows, c->cols, &c->params, &inner);
    if (status == OG_OK) status = solve(w, c, task, s, &inner);
    og_wires_free(w);
    if (status == OG_INPUT) return og_fail(err, status, "%s: %s", task->in, inner.text);
    if (status != OG_OK) return og_fail(err, status, "%s", inner.text);
    return write_solution(task->out, c, s, err);
}

og_status og_wires_solve(const struct og_wire_task *task, struct og_error *err)
{
    struct og_hdf_guard guard = og_hdf_silence();
    struct circuit c = {0};
    struct solution s = {0};
    const og_status status = run(task, &c, &s, err);
    og_free(c.g);
    og_free(c.v);
    og_free(s.current);
    og_free(s.transfer);
    og_hdf_restore(guard);
    return status;
}

og_status og_wires_spice(const og_wires *w, const double *v, size_t batch,
                         const char *path, struct og_error *err)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL) return og_fail_memory(err);
    og_wires_netlist(w, v, batch, out);
    const bool failed = ferror(out) != 0;
    og_status s = fclose(out) != 0 || failed ? og_fail_memory(err)
                                             : og_file_replace(path, text, size, err);
    free(text);
    return s;
}
