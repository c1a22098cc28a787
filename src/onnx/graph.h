// SPDX-License-Identifier: GPL-3.0-or-later
// An ONNX graph: named values, nodes that compute them, attributes. The importer and the
// reader of model files both fill one with og_graph_add_..., then og_graph_link looks up
// operators, checks attributes and types and finds the order of evaluation.
#ifndef OG_ONNX_GRAPH_H
#define OG_ONNX_GRAPH_H

#include <stdio.h>

#include "onnx/names.h"
#include "onnx/nd.h"

// Named outputs (all but Split's) are at most three, named inputs (all but Concat's)
// eight.
enum { OG_NODE_OUTPUTS = 3, OG_NODE_INPUTS = 8 };

enum og_attr_kind {
    OG_ATTR_INT,
    OG_ATTR_FLOAT,
    OG_ATTR_TEXT,
    OG_ATTR_INTS,
    OG_ATTR_FLOATS,
    OG_ATTR_TEXTS,
    OG_ATTR_OTHER,  // tensors, graphs: of operators that are refused
    OG_ATTR_KINDS
};

struct og_attr {
    char *name;
    enum og_attr_kind kind;
    size_t n;  // 1 for INT, FLOAT and TEXT
    int64_t *i;
    float *f;
    char **s;
};

struct og_onnx_law;

struct og_onnx_node {
    const struct og_onnx_law *law;  // by og_graph_link
    size_t index;                   // in the ONNX file
    char *type, *name, *domain;
    size_t inputs, outputs;
    size_t *input, *output;  // numbers of values; OG_NO_NAME: left out
    size_t attrs;
    struct og_attr *attr;
};

enum { OG_DIM_ANY = -1 };

struct og_onnx_value {
    enum og_nd_type type;
    struct og_nd constant;  // an initialiser; or OG_ND_NONE
    size_t producer;        // node, or OG_NO_NAME
    bool is_input, is_output;
    bool foreign;  // given, but of a type that is not supported
};

// An input or output of the graph, as declared.
struct og_onnx_port {
    size_t value;
    enum og_nd_type type;
    bool has_shape;
    int rank;
    int64_t dim[OG_ND_RANK];    // OG_DIM_ANY: not said, or a symbol
    size_t symbol[OG_ND_RANK];  // of og_graph.symbol; OG_NO_NAME: none
};

struct og_onnx_graph {
    int opset;
    char *name, *producer, *source;  // source: name of the ONNX file
    char sha256[65];
    struct og_names values, symbols;
    struct og_onnx_value *value;  // [values.n], after og_graph_link; before: [value_room]
    size_t value_room;
    size_t nodes, node_room;
    struct og_onnx_node *node;
    size_t *order;  // [nodes] by og_graph_link
    size_t inputs, outputs, input_room, output_room;
    struct og_onnx_port *input, *output;
};

struct og_onnx_graph *og_graph_alloc(void);
void og_graph_free(struct og_onnx_graph *g);

// All return OG_NO_MEMORY or OK.
og_status og_graph_value(struct og_onnx_graph *g, const char *name, size_t *value,
                         struct og_error *err);
// An empty node at the end.
og_status og_graph_add_node(struct og_onnx_graph *g, struct og_onnx_node **node,
                            struct og_error *err);
og_status og_graph_name_node(struct og_onnx_node *node, const char *type,
                             const char *name, const char *domain, struct og_error *err);
// An empty attribute at the end, with room for n values of its kind.
og_status og_node_add_attr(struct og_onnx_node *node, const char *name,
                           enum og_attr_kind kind, size_t n, struct og_attr **attr,
                           struct og_error *err);
og_status og_graph_add_port(struct og_onnx_graph *g, bool is_output,
                            const struct og_onnx_port *port, struct og_error *err);
// Takes the array. OG_INPUT when the name is taken.
og_status og_graph_add_constant(struct og_onnx_graph *g, const char *name,
                                struct og_nd *constant, struct og_error *err);

// A value that is given, of a type that is not supported: its readers are refused.
og_status og_graph_add_foreign(struct og_onnx_graph *g, const char *name,
                               struct og_error *err);

// Nodes that cannot be computed are printed to `refused` (may be NULL), all of them, as
// "#index op_type name: why", and counted in an error. `path` names the file in errors.
og_status og_graph_link(struct og_onnx_graph *g, const char *path, FILE *refused,
                        struct og_error *err);

const char *og_graph_value_name(const struct og_onnx_graph *g, size_t value);

// --- attributes ----------------------------------------------------------------------
const struct og_attr *og_node_attr(const struct og_onnx_node *node, const char *name);
int64_t og_node_int(const struct og_onnx_node *node, const char *name, int64_t def);
float og_node_float(const struct og_onnx_node *node, const char *name, float def);
const char *og_node_text(const struct og_onnx_node *node, const char *name,
                         const char *def);

#endif
