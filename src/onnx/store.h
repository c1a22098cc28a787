// SPDX-License-Identifier: GPL-3.0-or-later
// Graphs in HDF5. Columns: /nodes has a row for each node, /attributes for each attribute
// (with its values in ints, floats and texts, in order), /initializers for each constant
// (with its values in values/<row>), /inputs and /outputs for each port (with its shape
// in dims and symbols, one after the other). Texts are of fixed length, UTF-8, padded
// with zeros.
#ifndef OG_ONNX_STORE_H
#define OG_ONNX_STORE_H

#include "onnx/graph.h"

#define OG_STORE_FORMAT "ohmgrid ONNX model 1"

og_status og_store_write(const struct og_onnx_graph *g, const char *path,
                         struct og_error *err);
// Linked.
og_status og_store_read(struct og_onnx_graph **g, const char *path, struct og_error *err);

#endif
