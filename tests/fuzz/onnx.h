// SPDX-License-Identifier: GPL-3.0-or-later
// An imported network, computed on inputs of the shapes that it asks for.
#ifndef OG_TESTS_FUZZ_ONNX_H
#define OG_TESTS_FUZZ_ONNX_H

#include "fuzz.h"

#include "base/mem.h"
#include "nn/hdf5_read.h"
#include "ohmgrid/onnx.h"
#include "onnx/store.h"
#include "onnx/store_io.h"

enum { ONNX_MOST = 1 << 12 };  // elements of an input

// What the port declares, with 2 where it leaves the size open.
static bool make_input(const struct og_onnx_port *port, struct og_nd *a)
{
    int64_t dim[OG_ND_RANK];
    size_t count = 1;
    for (int k = 0; k < port->rank; k++) {
        dim[k] = port->dim[k] < 0 ? 2 : port->dim[k];
        if (dim[k] > ONNX_MOST) return false;
        count *= (size_t)dim[k];
        if (count > ONNX_MOST) return false;
    }
    if (port->type == OG_ND_NONE || port->type >= OG_ND_TYPES) return false;
    if (og_nd_alloc(a, port->type, port->rank, dim, NULL) != OG_OK) return false;
    memset(a->data, 1, count * og_nd_size(port->type));
    return true;
}

static bool put_inputs(const struct og_onnx_graph *g, const char *path)
{
    struct og_error err = {0};
    struct og_hdf h = {.path = path, .err = &err};
    struct og_hdf5_guard guard = og_hdf5_silence();
    bool good = true;
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    for (size_t k = 0; good && k < g->inputs; k++) {
        struct og_nd a = {0};
        if (g->value[g->input[k].value].constant.type != OG_ND_NONE) continue;
        good = make_input(&g->input[k], &a);
        if (good) og_put_nd(&h, file, og_graph_value_name(g, g->input[k].value), &a, 0);
        good = good && h.status == OG_OK;
        og_nd_free(&a);
    }
    H5Fclose(file);
    og_hdf5_restore(guard);
    return good;
}

static inline void run_model(const char *model)
{
    char in[FUZZ_PATH], out[FUZZ_PATH];
    struct og_onnx_graph *g = NULL;
    struct og_error err = {0};
    const og_status status = og_store_read(&g, model, &err);
    fuzz_check(status, &err);
    const bool good = status == OG_OK && put_inputs(g, fuzz_in("in.h5", in));
    og_graph_free(g);
    if (!good) return;
    const struct og_onnx_infer run = {
        .model = model, .in = in, .out = fuzz_in("out.h5", out)};
    fuzz_check(og_onnx_run(&run, &err), &err);
}

#endif
