// SPDX-License-Identifier: GPL-3.0-or-later
// ONNX models made in tests.
#ifndef OG_TESTS_ONNX_MODELS_H
#define OG_TESTS_ONNX_MODELS_H

#include "onnx_files.h"

enum { NODES = 8, ATTRS = 8 };

// A model of up to NODES nodes; all it points to is inside, or borrowed.
struct made_node {
    Onnx__NodeProto proto;
    char *in[PORTS], *out[PORTS];
    Onnx__AttributeProto attr[ATTRS], *attrs[ATTRS];
};
struct made_port {
    Onnx__ValueInfoProto proto;
    Onnx__TypeProto type;
    Onnx__TypeProto__Tensor tensor;
    Onnx__TensorShapeProto shape;
    Onnx__TensorShapeProto__Dimension dim[4], *dims[4];
};
struct made {
    Onnx__ModelProto model;
    Onnx__GraphProto graph;
    Onnx__OperatorSetIdProto set, *sets[1];
    struct made_node node[NODES];
    Onnx__NodeProto *nodes[NODES];
    Onnx__TensorProto tensor[PORTS], *tensors[PORTS];
    int64_t tensor_dim[PORTS][4];
    struct made_port in[PORTS], out[PORTS];
    Onnx__ValueInfoProto *ins[PORTS], *outs[PORTS];
};

static struct made *start_model(int opset)
{
    struct made *m = calloc(1, sizeof *m);
    m->model = (Onnx__ModelProto)ONNX__MODEL_PROTO__INIT;
    m->graph = (Onnx__GraphProto)ONNX__GRAPH_PROTO__INIT;
    m->set = (Onnx__OperatorSetIdProto)ONNX__OPERATOR_SET_ID_PROTO__INIT;
    m->set.domain = (char *)"";
    m->set.has_version = 1;
    m->set.version = opset;
    m->sets[0] = &m->set;
    m->model.has_ir_version = 1;
    m->model.ir_version = 8;
    m->model.n_opset_import = 1;
    m->model.opset_import = m->sets;
    m->model.graph = &m->graph;
    m->graph.name = (char *)"test";
    m->graph.node = m->nodes;
    m->graph.initializer = m->tensors;
    m->graph.input = m->ins;
    m->graph.output = m->outs;
    return m;
}

// Names separated by blanks; "-": left out.
static size_t split(char *names, char **list)
{
    size_t n = 0;
    for (char *w = strtok(names, " "); w; w = strtok(NULL, " "))
        list[n++] = strcmp(w, "-") == 0 ? (char *)"" : w;
    return n;
}

// "Relu x -> y"; the texts must be writable and stay.
static struct made_node *add_node(struct made *m, const char *name, const char *text)
{
    struct made_node *node = &m->node[m->graph.n_node];
    char *copy = strdup(text), *arrow = strstr(copy, "->");
    node->proto = (Onnx__NodeProto)ONNX__NODE_PROTO__INIT;
    *arrow = '\0';
    node->proto.n_output = split(arrow + 2, node->out);
    char *words[PORTS + 1];
    size_t n = split(copy, words);
    node->proto.op_type = words[0];
    node->proto.n_input = n - 1;
    memcpy(node->in, words + 1, (n - 1) * sizeof *words);
    node->proto.name = (char *)(uintptr_t)name;
    node->proto.input = node->in;
    node->proto.output = node->out;
    node->proto.attribute = node->attrs;
    m->nodes[m->graph.n_node++] = &node->proto;
    return node;
}

static Onnx__AttributeProto *add_attr(struct made_node *node, const char *name, int type)
{
    size_t k = node->proto.n_attribute++;
    node->attr[k] = (Onnx__AttributeProto)ONNX__ATTRIBUTE_PROTO__INIT;
    node->attrs[k] = &node->attr[k];
    node->attr[k].name = (char *)(uintptr_t)name;
    node->attr[k].has_type = 1;
    node->attr[k].type = (Onnx__AttributeProto__AttributeType)type;
    return &node->attr[k];
}

static void add_int(struct made_node *node, const char *name, int64_t value)
{
    Onnx__AttributeProto *a = add_attr(node, name, 2);
    a->has_i = 1;
    a->i = value;
}

// data_type as in TensorProto; rank at most 4; a dimension of -1 is not said.
static void add_port(struct made *m, bool output, const char *name, int type, int rank,
                     const int64_t *dim)
{
    size_t k = output ? m->graph.n_output++ : m->graph.n_input++;
    struct made_port *p = output ? &m->out[k] : &m->in[k];
    p->proto = (Onnx__ValueInfoProto)ONNX__VALUE_INFO_PROTO__INIT;
    p->type = (Onnx__TypeProto)ONNX__TYPE_PROTO__INIT;
    p->tensor = (Onnx__TypeProto__Tensor)ONNX__TYPE_PROTO__TENSOR__INIT;
    p->shape = (Onnx__TensorShapeProto)ONNX__TENSOR_SHAPE_PROTO__INIT;
    p->proto.name = (char *)(uintptr_t)name;
    p->proto.type = &p->type;
    p->type.value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    p->type.tensor_type = &p->tensor;
    p->tensor.has_elem_type = 1;
    p->tensor.elem_type = type;
    if (rank >= 0) p->tensor.shape = &p->shape;
    p->shape.n_dim = rank < 0 ? 0 : (size_t)rank;
    p->shape.dim = p->dims;
    for (int i = 0; i < rank; i++) {
        p->dim[i] =
            (Onnx__TensorShapeProto__Dimension)ONNX__TENSOR_SHAPE_PROTO__DIMENSION__INIT;
        p->dims[i] = &p->dim[i];
        if (dim[i] < 0) continue;
        p->dim[i].value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
        p->dim[i].dim_value = dim[i];
    }
    (output ? m->outs : m->ins)[k] = &p->proto;
}

static Onnx__TensorProto *add_tensor(struct made *m, const char *name, int rank,
                                     const int64_t *dim, float *value)
{
    size_t k = m->graph.n_initializer++;
    Onnx__TensorProto *t = m->tensors[k] = &m->tensor[k];
    *t = (Onnx__TensorProto)ONNX__TENSOR_PROTO__INIT;
    t->name = (char *)(uintptr_t)name;
    t->n_dims = (size_t)rank;
    t->dims = m->tensor_dim[k];
    t->has_data_type = 1;
    t->data_type = 1;
    t->n_float_data = 1;
    for (int i = 0; i < rank; i++) {
        t->dims[i] = dim[i];
        t->n_float_data *= (size_t)dim[i];
    }
    t->float_data = value;
    return t;
}

static size_t pack_model(const struct made *m, uint8_t **bytes)
{
    size_t n = onnx__model_proto__get_packed_size(&m->model);
    *bytes = malloc(n + 1);
    onnx__model_proto__pack(&m->model, *bytes);
    return n;
}

static void write_bytes(const char *path, const void *bytes, size_t n)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    fclose(file);
}

// Imports it to model.h5 and frees it. Nodes that are refused: in `refused`, 2000 bytes.
static og_status import_model(struct made *m, char *refused, struct og_error *err)
{
    uint8_t *bytes;
    size_t n = pack_model(m, &bytes);
    write_bytes(path_of("model.onnx"), bytes, n);
    free(bytes);
    for (size_t k = 0; k < m->graph.n_node; k++) free(m->node[k].proto.op_type);
    free(m);
    FILE *said = tmpfile();
    og_status status =
        og_onnx_import(path_of("model.onnx"), path_of("model.h5"), said, err);
    rewind(said);
    size_t got = fread(refused, 1, 1999, said);
    refused[got] = '\0';
    fclose(said);
    return status;
}

static struct og_nd floats(int rank, const int64_t *dim, const float *value)
{
    struct og_nd a;
    assert_int_equal(og_nd_alloc(&a, OG_ND_FLOAT, rank, dim, NULL), OG_OK);
    if (value && a.count) memcpy(a.data, value, a.count * sizeof *value);
    return a;
}

#endif
