// SPDX-License-Identifier: GPL-3.0-or-later
// From the messages of an ONNX file to a graph.
#ifndef OG_ONNX_IMPORT_H
#define OG_ONNX_IMPORT_H

#include "onnx/graph.h"
#include "onnx/onnx.pb-c.h"

struct og_import {
    const char *path;
    struct og_onnx_graph *graph;
    struct og_error *err;
};

// --- import_tensor.c -----------------------------------------------------------------
// `what` names the tensor in errors. a->type is OG_ND_NONE where the type is not
// supported.
og_status og_import_tensor(const struct og_import *im, const char *what,
                           const Onnx__TensorProto *t, struct og_nd *a);
og_status og_import_sparse(const struct og_import *im, const char *what,
                           const Onnx__SparseTensorProto *t, struct og_nd *a);

// --- external.c ----------------------------------------------------------------------
// Allocates `count` elements of the shape of `t` and reads them from the file that it
// names. OG_INPUT where that is not in the model's folder or too short.
og_status og_import_external(const struct og_import *im, const char *what,
                             const Onnx__TensorProto *t, enum og_nd_type type,
                             size_t count, struct og_nd *a);

// --- import_node.c -------------------------------------------------------------------
// A Constant becomes an initial value, where it has one that is supported.
og_status og_import_node(const struct og_import *im, size_t index,
                         const Onnx__NodeProto *node);

#endif
