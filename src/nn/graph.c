// SPDX-License-Identifier: GPL-3.0-or-later
// From the YAML list under model.layers to nodes with shapes. An entry is an operator
// (`- relu`) or a map from one operator to its attributes (`- dense: {units: 10}`).
// `name` and `inputs` are read here, everything else by the operator's field table.
#include "nn/graph.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "config/tree.h"

size_t og_shape_count(const struct og_shape *shape)
{
    size_t n = 1;
    for (int i = 0; i < shape->rank; i++) n *= shape->dim[i];
    return n;
}

// One entry of the list, taken apart.
struct entry {
    const og_item *at;  // where errors point to
    const char *op;
    const og_item *attr;  // the map of attributes, or NULL
};

static bool is_empty(const og_item *item)
{
    if (item->kind == OG_ITEM_MAP) return item->n == 0;
    if (item->kind != OG_ITEM_SCALAR || item->quoted) return false;
    const char *t = item->text;
    return !t || !*t || strcmp(t, "~") == 0 || strcmp(t, "null") == 0;
}

static og_status take_apart(const og_item *item, struct entry *e, struct og_error *err)
{
    e->at = item;
    e->attr = NULL;
    if (item->kind == OG_ITEM_SCALAR && item->text && *item->text) {
        e->op = item->text;
        return OG_OK;
    }
    if (item->kind != OG_ITEM_MAP || item->n != 1)
        return og_item_fail(item, err,
                            "a layer is an operator or a map from one operator to its "
                            "attributes, for instance '- dense: {units: 10}'");
    const og_item *body = item->child[0];
    e->at = body;
    e->op = body->key;
    if (is_empty(body)) return OG_OK;
    if (body->kind != OG_ITEM_MAP)
        return og_item_fail(body, err,
                            "the attributes of a layer are a map, for instance "
                            "'- dense: {units: 10}'");
    e->attr = body;
    return OG_OK;
}

static og_status find_op(const struct entry *e, const struct og_op **op,
                         struct og_error *err)
{
    *op = og_op_find(e->op);
    if (*op) return OG_OK;
    char known[512] = "";
    size_t used = 0;
    for (const struct og_op *const *o = og_op_list(); *o && used < sizeof known; o++)
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s",
                                 used ? ", " : "", (*o)->name);
    return og_item_fail(e->at, err, "'%s' is not a layer; there are %s", e->op, known);
}

static int find_node(const og_model *model, const char *name)
{
    for (size_t i = 0; i < model->nodes; i++)
        if (strcmp(model->node[i].name, name) == 0) return (int)i;
    return -1;
}

static og_status set_name(const og_model *model, struct og_node *node,
                          const struct entry *e, struct og_error *err)
{
    const og_item *item = e->attr ? og_item_get(e->attr, "name") : NULL;
    if (!item) {
        int number = 1;
        for (size_t i = 0; i < model->nodes; i++) number += model->node[i].op == node->op;
        snprintf(node->name, sizeof node->name, "%s%d", node->op->name, number);
        if (find_node(model, node->name) < 0) return OG_OK;
        return og_item_fail(e->at, err,
                            "the default name '%s' is taken by an earlier layer;"
                            " give this one a name",
                            node->name);
    }
    if (item->kind != OG_ITEM_SCALAR || !item->text || !*item->text)
        return og_item_fail(item, err, "the name of a layer is a word");
    if (strlen(item->text) >= sizeof node->name || strpbrk(item->text, "/ .\t"))
        return og_item_fail(item, err,
                            "'%s' must be at most %zu characters without blank, '/', '.'",
                            item->text, sizeof node->name - 1);
    if (strcmp(item->text, "input") == 0 || find_node(model, item->text) >= 0)
        return og_item_fail(item, err, "'%s' is the name of something earlier",
                            item->text);
    snprintf(node->name, sizeof node->name, "%s", item->text);
    return OG_OK;
}

static og_status add_input(const og_model *model, struct og_node *node,
                           const og_item *item, struct og_error *err)
{
    if (item->kind != OG_ITEM_SCALAR || !item->text)
        return og_item_fail(item, err, "an input is the name of an earlier layer");
    int from = find_node(model, item->text);
    if (from < 0 && strcmp(item->text, "input") != 0)
        return og_item_fail(item, err,
                            "'%s' is no earlier layer (nor 'input', the data itself)",
                            item->text);
    if (node->inputs == node->op->inputs_max)
        return og_item_fail(item, err, "%s takes at most %d inputs", node->op->name,
                            node->op->inputs_max);
    node->input[node->inputs++] = from;
    return OG_OK;
}

static og_status set_inputs(const og_model *model, struct og_node *node,
                            const struct entry *e, struct og_error *err)
{
    const og_item *item = e->attr ? og_item_get(e->attr, "inputs") : NULL;
    if (!item) {
        node->input[node->inputs++] = (int)model->nodes - 1;
    } else if (item->kind == OG_ITEM_LIST) {
        for (size_t i = 0; i < item->n; i++)
            OG_TRY(add_input(model, node, item->child[i], err));
    } else {
        OG_TRY(add_input(model, node, item, err));
    }
    if (node->inputs < node->op->inputs_min)
        return og_item_fail(item ? item : e->at, err, "%s takes at least %d inputs",
                            node->op->name, node->op->inputs_min);
    for (int i = 0; i < node->inputs; i++) {
        int from = node->input[i];
        node->in[i] = from < 0 ? model->input : model->node[from].shape;
    }
    return OG_OK;
}

// The attributes without the two common keys, bound by the operator's table.
static og_status bind_attributes(struct og_node *node, const struct entry *e,
                                 struct og_error *err)
{
    node->attr = og_alloc(1, node->op->attr_size);
    size_t n = e->attr ? e->attr->n : 0;
    og_item **child = og_alloc(n, sizeof *child);
    og_item rest = *e->at;
    rest.kind = OG_ITEM_MAP;
    rest.text = NULL;
    rest.child = child;
    rest.n = 0;
    og_status status = OG_OK;
    if (!node->attr || !child) status = og_fail(err, OG_NO_MEMORY, "out of memory");
    for (size_t i = 0; status == OG_OK && i < n; i++) {
        og_item *c = e->attr->child[i];
        if (strcmp(c->key, "name") != 0 && strcmp(c->key, "inputs") != 0)
            child[rest.n++] = c;
    }
    if (status == OG_OK)
        status = og_fields_bind(node->op->fields, &rest, node->attr, err);
    og_free(child);
    return status;
}

void og_node_name_linears(struct og_node *node)
{
    for (int k = 0; k < node->linears; k++) {
        struct og_linear_decl *l = &node->linear[k];
        char part[sizeof l->name];
        snprintf(part, sizeof part, "%s", l->name);
        if (*part || node->linears == 1)
            snprintf(l->name, sizeof l->name, "%s%s%.15s", node->name, *part ? "/" : "",
                     part);
        else
            snprintf(l->name, sizeof l->name, "%s/%d", node->name, k);
    }
}

static og_status add_node(og_model *model, const og_item *item, struct og_error *err)
{
    struct entry e = {0};
    OG_TRY(take_apart(item, &e, err));
    struct og_node *node = &model->node[model->nodes];
    node->index = (uint32_t)model->nodes;
    OG_TRY(find_op(&e, &node->op, err));
    OG_TRY(set_name(model, node, &e, err));
    OG_TRY(set_inputs(model, node, &e, err));
    OG_TRY(bind_attributes(node, &e, err));
    if (og_shape_symbols(&node->in[0]) > 0 && node->op != og_op_find("embedding"))
        return og_item_fail(e.at, err,
                            "layer '%s': the data are the symbols of a text, which only "
                            "an embedding reads",
                            node->name);
    struct og_error local = {0};
    const og_status status = node->op->setup(node, &local);
    if (status == OG_NO_MEMORY) return og_fail(err, status, "%s", local.text);
    if (status != OG_OK)
        return og_item_fail(e.at, err, "layer '%s': %s", node->name, local.text);
    model->nodes++;
    return OG_OK;
}

// A text is foretold step by step, by what came before.
static og_status check_text(const og_model *model, const og_item *layers,
                            struct og_error *err)
{
    const size_t steps = model->input.dim[0], classes = (size_t)model->classes;
    for (size_t i = 0; i < model->nodes; i++)
        if (model->node[i].op->looks_ahead &&
            model->node[i].op->looks_ahead(&model->node[i]))
            return og_item_fail(layers->child[i], err,
                                "layer '%s' is bidirectional: it would see the symbols "
                                "that are to be foretold",
                                model->node[i].name);
    const struct og_node *last = &model->node[model->nodes - 1];
    if (last->shape.rank == 2 && last->shape.dim[0] == steps &&
        last->shape.dim[1] == classes && strcmp(last->op->name, "softmax") != 0)
        return OG_OK;
    return og_item_fail(
        layers->child[layers->n - 1], err,
        "the last layer '%s' must give the logits of each step, [%zu][%zu]"
        ", for instance '- dense: {units: %zu, each_step: true}' after a "
        "layer with return: sequence",
        last->name, steps, classes, classes);
}

// A result that nobody reads would be computed and silently dropped.
static og_status check_ends(const og_model *model, const og_item *layers,
                            struct og_error *err)
{
    for (size_t i = 0; i + 1 < model->nodes; i++) {
        bool used = false;
        for (size_t j = i + 1; j < model->nodes; j++)
            for (int k = 0; k < model->node[j].inputs; k++)
                used = used || model->node[j].input[k] == (int)i;
        if (!used)
            return og_item_fail(layers->child[i], err, "no later layer uses '%s'",
                                model->node[i].name);
    }
    const struct og_node *last = &model->node[model->nodes - 1];
    const og_item *at = layers->child[layers->n - 1];
    if (og_shape_symbols(&model->input) > 0) return check_text(model, layers, err);
    if (model->classes == 0) return OG_OK;
    if (strcmp(last->op->name, "softmax") == 0)
        return og_item_fail(
            at, err, "the last layer gives logits: the loss applies softmax itself");
    if (last->shape.rank != 1 || last->shape.dim[0] != (size_t)model->classes)
        return og_item_fail(
            at, err,
            "the last layer '%s' has %zu outputs (rank %d); the data have "
            "%d classes, so it must have %d (rank 1)",
            last->name, og_shape_count(&last->shape), last->shape.rank, model->classes,
            model->classes);
    return OG_OK;
}

og_status og_graph_read(og_model *model, const og_item *layers, struct og_error *err)
{
    if (layers->kind != OG_ITEM_LIST || layers->n == 0)
        return og_item_fail(layers, err, "model.layers is a list of at least one layer");
    model->node = og_alloc(layers->n, sizeof *model->node);
    if (!model->node) return og_fail(err, OG_NO_MEMORY, "out of memory");
    model->allocated = layers->n;
    for (size_t i = 0; i < layers->n; i++) OG_TRY(add_node(model, layers->child[i], err));
    return check_ends(model, layers, err);
}
