// SPDX-License-Identifier: GPL-3.0-or-later
#include "onnx/import.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "base/mem.h"
#include "ohmgrid/onnx.h"
#include "onnx/op.h"
#include "onnx/store.h"
#include "onnx/wire.h"
#include "results/file.h"

// Protocol buffers end there.
static const long file_max = 2147483647;

static og_status read_bytes(const char *path, FILE *file, uint8_t **bytes, size_t *n,
                            struct og_error *err)
{
    if (fseek(file, 0, SEEK_END) != 0) return og_fail_errno(err, path, "read");
    long size = ftell(file);
    if (size < 0 || fseek(file, 0, SEEK_SET) != 0)
        return og_fail_errno(err, path, "read");
    if (size > file_max)
        return og_fail(err, OG_INPUT, "%s: %ld bytes, an ONNX file has at most 2^31 - 1",
                       path, size);
    *n = (size_t)size;
    *bytes = og_alloc(*n, 1);
    if (!*bytes) return og_fail_memory(err);
    if (fread(*bytes, 1, *n, file) == *n) return OG_OK;
    og_free(*bytes);
    return og_fail_errno(err, path, "read");
}

static og_status unpack(const char *path, Onnx__ModelProto **model, struct og_error *err)
{
    uint8_t *bytes = NULL;
    size_t n = 0;
    FILE *file = fopen(path, "rb");
    if (!file) return og_fail_errno(err, path, "read");
    og_status status = read_bytes(path, file, &bytes, &n, err);
    fclose(file);
    if (status != OG_OK) return status;
    if (og_wire_is_message(&onnx__model_proto__descriptor, bytes, n, 0))
        *model = onnx__model_proto__unpack(NULL, n, bytes);
    og_free(bytes);
    if (*model && (*model)->graph) return OG_OK;
    onnx__model_proto__free_unpacked(*model, NULL);  // accepts NULL
    return og_fail(err, OG_INPUT, "%s: not an ONNX model, or damaged", path);
}

// --- the graph -----------------------------------------------------------------------

static bool is_plain(const char *domain)
{
    return !domain || !domain[0] || strcmp(domain, "ai.onnx") == 0;
}

// Before IR version 3 models did not say; then it is opset 1.
static og_status take_opset(const struct og_import *im, const Onnx__ModelProto *model)
{
    int64_t opset = model->has_ir_version && model->ir_version < 3 ? 1 : 0;
    int said = 0;
    for (size_t k = 0; k < model->n_opset_import; k++) {
        const Onnx__OperatorSetIdProto *set = model->opset_import[k];
        if (!is_plain(set->domain)) continue;
        opset = set->has_version ? set->version : 0;
        said++;
    }
    if (said > 1)
        return og_fail(im->err, OG_INPUT, "%s: names the opset of ONNX twice", im->path);
    if (opset < 1 || opset > INT32_MAX)
        return og_fail(im->err, OG_INPUT, "%s: does not name an opset of ONNX", im->path);
    im->graph->opset = (int)opset;
    return OG_OK;
}

static og_status take_initializers(const struct og_import *im,
                                   const Onnx__GraphProto *graph)
{
    for (size_t k = 0; k < graph->n_initializer + graph->n_sparse_initializer; k++) {
        bool sparse = k >= graph->n_initializer;
        const Onnx__SparseTensorProto *s =
            sparse ? graph->sparse_initializer[k - graph->n_initializer] : NULL;
        const Onnx__TensorProto *t = sparse ? s->values : graph->initializer[k];
        const char *name = t && t->name ? t->name : "";
        char what[240];
        struct og_nd value;
        if (!name[0])
            return og_fail(im->err, OG_INPUT, "%s: initializer %zu has no name", im->path,
                           k);
        snprintf(what, sizeof what, "initializer '%.200s'", name);
        OG_TRY(sparse ? og_import_sparse(im, what, s, &value)
                      : og_import_tensor(im, what, t, &value));
        OG_TRY(value.type == OG_ND_NONE
                   ? og_graph_add_foreign(im->graph, name, im->err)
                   : og_graph_add_constant(im->graph, name, &value, im->err));
    }
    return OG_OK;
}

static og_status take_dims(const struct og_import *im,
                           const Onnx__TensorShapeProto *shape, struct og_onnx_port *port)
{
    port->has_shape = true;
    if (shape->n_dim > OG_ND_RANK)
        return og_fail(im->err, OG_INPUT,
                       "%s: '%.200s' has %zu axes, at most %d are possible", im->path,
                       og_graph_value_name(im->graph, port->value), shape->n_dim,
                       OG_ND_RANK);
    port->rank = (int)shape->n_dim;
    for (size_t k = 0; k < shape->n_dim; k++) {
        const Onnx__TensorShapeProto__Dimension *d = shape->dim[k];
        port->dim[k] = OG_DIM_ANY;
        port->symbol[k] = OG_NO_NAME;
        if (d->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE &&
            d->dim_value >= 0)
            port->dim[k] = d->dim_value;
        if (d->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM &&
            d->dim_param[0] &&
            !og_names_add(&im->graph->symbols, d->dim_param, &port->symbol[k]))
            return og_fail_memory(im->err);
    }
    return OG_OK;
}

static og_status take_port(const struct og_import *im, const Onnx__ValueInfoProto *info,
                           bool is_output)
{
    struct og_onnx_port port = {0};
    const Onnx__TypeProto *type = info->type;
    if (!info->name || !info->name[0])
        return og_fail(im->err, OG_INPUT, "%s: a graph %s has no name", im->path,
                       is_output ? "output" : "input");
    OG_TRY(og_graph_value(im->graph, info->name, &port.value, im->err));
    if (type && type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE) {
        const Onnx__TypeProto__Tensor *t = type->tensor_type;
        port.type = og_data_type(t->has_elem_type ? t->elem_type : 0);
        if (t->shape) OG_TRY(take_dims(im, t->shape, &port));
        if (is_output && t->has_elem_type && t->elem_type && port.type == OG_ND_NONE)
            port.type = OG_ND_TYPES;  // a type that is not supported, whatever gives it
    }
    return og_graph_add_port(im->graph, is_output, &port, im->err);
}

static og_status take_graph(const struct og_import *im, const Onnx__GraphProto *graph)
{
    OG_TRY(take_initializers(im, graph));
    for (size_t k = 0; k < graph->n_node; k++)
        OG_TRY(og_import_node(im, k, graph->node[k]));
    for (size_t k = 0; k < graph->n_input; k++)
        OG_TRY(take_port(im, graph->input[k], false));
    for (size_t k = 0; k < graph->n_output; k++)
        OG_TRY(take_port(im, graph->output[k], true));
    return OG_OK;
}

static og_status take_model(const struct og_import *im, const Onnx__ModelProto *model)
{
    struct og_onnx_graph *g = im->graph;
    const char *slash = strrchr(im->path, '/');
    g->name = og_copy_text(model->graph->name ? model->graph->name : "");
    g->producer = og_copy_text(model->producer_name ? model->producer_name : "");
    g->source = og_copy_text(slash ? slash + 1 : im->path);
    if (!g->name || !g->producer || !g->source) return og_fail_memory(im->err);
    OG_TRY(og_digest(im->path, g->sha256, im->err));
    OG_TRY(take_opset(im, model));
    return take_graph(im, model->graph);
}

og_status og_onnx_import(const char *onnx_path, const char *model_path, FILE *refused,
                         struct og_error *err)
{
    Onnx__ModelProto *model = NULL;
    OG_TRY(unpack(onnx_path, &model, err));
    const struct og_import im = {onnx_path, og_graph_alloc(), err};
    og_status status = im.graph ? take_model(&im, model) : og_fail_memory(err);
    onnx__model_proto__free_unpacked(model, NULL);
    if (status == OG_OK) status = og_graph_link(im.graph, onnx_path, refused, err);
    if (status == OG_OK) status = og_store_write(im.graph, model_path, err);
    og_graph_free(im.graph);
    return status;
}
