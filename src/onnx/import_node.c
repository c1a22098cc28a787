// SPDX-License-Identifier: GPL-3.0-or-later
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "onnx/import.h"
#include "onnx/op.h"

static og_status no_memory(const struct og_import *im)
{
    return og_fail(im->err, OG_NO_MEMORY, "out of memory while reading the model");
}

// AttributeProto.AttributeType; 0: files of the first IR version do not say.
static enum og_attr_kind kind_of(const Onnx__AttributeProto *a)
{
    static const enum og_attr_kind kinds[] = {
        [1] = OG_ATTR_FLOAT,  [2] = OG_ATTR_INT,  [3] = OG_ATTR_TEXT,
        [6] = OG_ATTR_FLOATS, [7] = OG_ATTR_INTS, [8] = OG_ATTR_TEXTS};
    int type = a->has_type ? (int)a->type : 0;
    if (a->ref_attr_name && a->ref_attr_name[0]) return OG_ATTR_OTHER;
    if (type == 1 || type == 2 || type == 3 || (type >= 6 && type <= 8))
        return kinds[type];
    if (type != 0) return OG_ATTR_OTHER;
    if (a->has_f) return OG_ATTR_FLOAT;
    if (a->has_i) return OG_ATTR_INT;
    if (a->has_s) return OG_ATTR_TEXT;
    if (a->n_floats) return OG_ATTR_FLOATS;
    if (a->n_strings) return OG_ATTR_TEXTS;
    return a->n_ints ? OG_ATTR_INTS : OG_ATTR_OTHER;
}

static size_t count_of(const Onnx__AttributeProto *a, enum og_attr_kind kind)
{
    if (kind == OG_ATTR_INTS) return a->n_ints;
    if (kind == OG_ATTR_FLOATS) return a->n_floats;
    return kind == OG_ATTR_TEXTS ? a->n_strings : kind != OG_ATTR_OTHER;
}

static char *text_of(const ProtobufCBinaryData *s)
{
    char *text = og_alloc(s->len + 1, 1);
    if (text && s->len) memcpy(text, s->data, s->len);
    return text;
}

// The value of a ConstantOfShape, a tensor of one element, as value_float, or
// as value_int and value_type.
static og_status add_value(const struct og_import *im, struct og_onnx_node *node,
                           const Onnx__AttributeProto *a, bool *added)
{
    struct og_nd value = {0};
    struct og_attr *to;
    *added = false;
    if (strcmp(node->type, "ConstantOfShape") != 0 || !a->t || !a->name ||
        strcmp(a->name, "value") != 0)
        return OG_OK;
    og_status status =
        og_import_tensor(im, "the value of a ConstantOfShape", a->t, &value);
    bool is_float = value.type == OG_ND_FLOAT;
    if (status == OG_OK && value.count == 1 && value.type != OG_ND_NONE) {
        status =
            og_node_add_attr(node, is_float ? "value_float" : "value_int",
                             is_float ? OG_ATTR_FLOAT : OG_ATTR_INT, 1, &to, im->err);
        if (status == OG_OK && is_float) to->f[0] = og_nd_f32(&value)[0];
        if (status == OG_OK && !is_float) to->i[0] = og_nd_int(&value, 0);
        *added = true;
    }
    if (status == OG_OK && *added && !is_float) {
        status = og_node_add_attr(node, "value_type", OG_ATTR_INT, 1, &to, im->err);
        if (status == OG_OK) to->i[0] = a->t->data_type;
    }
    og_nd_free(&value);
    return status;
}

static og_status add_attr(const struct og_import *im, struct og_onnx_node *node,
                          const Onnx__AttributeProto *a)
{
    enum og_attr_kind kind = kind_of(a);
    size_t n = count_of(a, kind);
    struct og_attr *to;
    bool added;
    OG_TRY(add_value(im, node, a, &added));
    if (added) return OG_OK;
    OG_TRY(og_node_add_attr(node, a->name ? a->name : "", kind, n, &to, im->err));
    for (size_t k = 0; k < n; k++) {
        if (to->i) to->i[k] = kind == OG_ATTR_INT ? a->i : a->ints[k];
        if (to->f) to->f[k] = kind == OG_ATTR_FLOAT ? a->f : a->floats[k];
        if (!to->s) continue;
        to->s[k] = text_of(kind == OG_ATTR_TEXT ? &a->s : &a->strings[k]);
        if (!to->s[k]) return no_memory(im);
    }
    return OG_OK;
}

static og_status take_names(const struct og_import *im, size_t n, char **name,
                            size_t *count, size_t **value)
{
    *value = og_alloc(n, sizeof **value);
    if (!*value) return no_memory(im);
    *count = n;
    for (size_t k = 0; k < n; k++) {
        (*value)[k] = OG_NO_NAME;
        if (name[k][0]) OG_TRY(og_graph_value(im->graph, name[k], &(*value)[k], im->err));
    }
    return OG_OK;
}

// --- Constant ------------------------------------------------------------------------

static og_status make_list(const struct og_import *im, enum og_nd_type type, int rank,
                           size_t n, const void *from, struct og_nd *a)
{
    int64_t dim = (int64_t)n;
    OG_TRY(og_nd_alloc(a, type, rank, &dim, im->err));
    if (n) memcpy(a->data, from, n * og_nd_size(type));
    return OG_OK;
}

// OG_ND_NONE: not supported.
static og_status constant_of(const struct og_import *im, const char *what,
                             const Onnx__AttributeProto *a, struct og_nd *value)
{
    enum og_attr_kind kind = kind_of(a);
    const char *name = a->name ? a->name : "";
    int opset = im->graph->opset;
    *value = (struct og_nd){0};
    if (strcmp(name, "value") == 0 && a->t)
        return og_import_tensor(im, what, a->t, value);
    if (opset >= 11 && strcmp(name, "sparse_value") == 0 && a->sparse_tensor)
        return og_import_sparse(im, what, a->sparse_tensor, value);
    if (opset < 12) return OG_OK;
    if (strcmp(name, "value_float") == 0 && kind == OG_ATTR_FLOAT)
        return make_list(im, OG_ND_FLOAT, 0, 1, &a->f, value);
    if (strcmp(name, "value_int") == 0 && kind == OG_ATTR_INT)
        return make_list(im, OG_ND_INT64, 0, 1, &a->i, value);
    // A list without a type may be empty.
    if (strcmp(name, "value_floats") == 0 && kind == OG_ATTR_FLOATS)
        return make_list(im, OG_ND_FLOAT, 1, a->n_floats, a->floats, value);
    if (strcmp(name, "value_ints") == 0 && kind == OG_ATTR_INTS)
        return make_list(im, OG_ND_INT64, 1, a->n_ints, a->ints, value);
    return OG_OK;
}

static og_status take_constant(const struct og_import *im, size_t index,
                               const Onnx__NodeProto *node, bool *taken)
{
    bool plain = !node->domain || !node->domain[0] || !strcmp(node->domain, "ai.onnx");
    char what[64];
    struct og_nd value;
    *taken = false;
    if (!plain || !node->op_type || strcmp(node->op_type, "Constant") != 0) return OG_OK;
    if (node->n_input || node->n_output != 1 || node->n_attribute != 1) return OG_OK;
    if (!node->output[0][0]) return OG_OK;
    snprintf(what, sizeof what, "the Constant of node #%zu", index);
    OG_TRY(constant_of(im, what, node->attribute[0], &value));
    *taken = value.type != OG_ND_NONE;
    return *taken ? og_graph_add_constant(im->graph, node->output[0], &value, im->err)
                  : OG_OK;
}

og_status og_import_node(const struct og_import *im, size_t index,
                         const Onnx__NodeProto *node)
{
    struct og_onnx_node *to;
    bool taken;
    OG_TRY(take_constant(im, index, node, &taken));
    if (taken) return OG_OK;
    OG_TRY(og_graph_add_node(im->graph, &to, im->err));
    to->index = index;
    OG_TRY(og_graph_name_node(to, node->op_type ? node->op_type : "",
                              node->name ? node->name : "",
                              node->domain ? node->domain : "", im->err));
    OG_TRY(take_names(im, node->n_input, node->input, &to->inputs, &to->input));
    OG_TRY(take_names(im, node->n_output, node->output, &to->outputs, &to->output));
    for (size_t k = 0; k < node->n_attribute; k++)
        OG_TRY(add_attr(im, to, node->attribute[k]));
    return OG_OK;
}
