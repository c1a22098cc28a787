// SPDX-License-Identifier: GPL-3.0-or-later
#include "onnx/graph.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"

static og_status no_memory(struct og_error *err)
{
    return og_fail(err, OG_NO_MEMORY, "out of memory while reading the model");
}

struct og_onnx_graph *og_graph_alloc(void)
{
    return og_alloc(1, sizeof(struct og_onnx_graph));
}

static void free_attr(struct og_attr *a)
{
    for (size_t k = 0; a->s && k < a->n; k++) og_free(a->s[k]);
    og_free(a->s);
    og_free(a->i);
    og_free(a->f);
    og_free(a->name);
}

static void free_node(struct og_onnx_node *node)
{
    for (size_t k = 0; k < node->attrs; k++) free_attr(&node->attr[k]);
    og_free(node->attr);
    og_free(node->input);
    og_free(node->output);
    og_free(node->type);
    og_free(node->name);
    og_free(node->domain);
}

void og_graph_free(struct og_onnx_graph *g)
{
    if (!g) return;
    for (size_t k = 0; k < g->nodes; k++) free_node(&g->node[k]);
    for (size_t k = 0; g->value && k < g->values.n && k < g->value_room; k++)
        og_nd_free(&g->value[k].constant);
    og_names_free(&g->values);
    og_names_free(&g->symbols);
    og_free(g->node);
    og_free(g->value);
    og_free(g->order);
    og_free(g->input);
    og_free(g->output);
    og_free(g->name);
    og_free(g->producer);
    og_free(g->source);
    og_free(g);
}

// Room for one more than n, by doubling; NULL: out of memory.
static void *room_for(void *list, size_t n, size_t *room, size_t size)
{
    if (n < *room) return list;
    size_t more = *room ? 2 * *room : 16;
    void *bigger = og_grow(list, *room, more, size);
    if (bigger) *room = more;
    return bigger;
}

og_status og_graph_value(struct og_onnx_graph *g, const char *name, size_t *value,
                         struct og_error *err)
{
    if (!og_names_add(&g->values, name, value)) return no_memory(err);
    size_t room = g->value_room;
    void *list = room_for(g->value, *value, &g->value_room, sizeof *g->value);
    if (!list) return no_memory(err);
    g->value = list;
    for (; room < g->value_room; room++) g->value[room].producer = OG_NO_NAME;
    return OG_OK;
}

og_status og_graph_add_node(struct og_onnx_graph *g, struct og_onnx_node **node,
                            struct og_error *err)
{
    void *list = room_for(g->node, g->nodes, &g->node_room, sizeof *g->node);
    if (!list) return no_memory(err);
    g->node = list;
    *node = &g->node[g->nodes++];
    **node = (struct og_onnx_node){0};
    return OG_OK;
}

og_status og_graph_name_node(struct og_onnx_node *node, const char *type,
                             const char *name, const char *domain, struct og_error *err)
{
    node->type = og_copy_text(type);
    node->name = og_copy_text(name);
    node->domain = og_copy_text(domain);
    return node->type && node->name && node->domain ? OG_OK : no_memory(err);
}

og_status og_node_add_attr(struct og_onnx_node *node, const char *name,
                           enum og_attr_kind kind, size_t n, struct og_attr **attr,
                           struct og_error *err)
{
    struct og_attr *list =
        og_grow(node->attr, node->attrs, node->attrs + 1, sizeof *list);
    if (!list) return no_memory(err);
    node->attr = list;
    struct og_attr *a = *attr = &list[node->attrs++];
    *a = (struct og_attr){.name = og_copy_text(name), .kind = kind, .n = n};
    bool whole = a->name != NULL;
    if (kind == OG_ATTR_INT || kind == OG_ATTR_INTS)
        whole = (a->i = og_alloc(n, sizeof *a->i)) && whole;
    if (kind == OG_ATTR_FLOAT || kind == OG_ATTR_FLOATS)
        whole = (a->f = og_alloc(n, sizeof *a->f)) && whole;
    if (kind == OG_ATTR_TEXT || kind == OG_ATTR_TEXTS)
        whole = (a->s = og_alloc(n, sizeof *a->s)) && whole;
    return whole ? OG_OK : no_memory(err);
}

og_status og_graph_add_port(struct og_onnx_graph *g, bool is_output,
                            const struct og_onnx_port *port, struct og_error *err)
{
    struct og_onnx_port **list = is_output ? &g->output : &g->input;
    size_t *n = is_output ? &g->outputs : &g->inputs;
    size_t *room = is_output ? &g->output_room : &g->input_room;
    void *bigger = room_for(*list, *n, room, sizeof **list);
    if (!bigger) return no_memory(err);
    *list = bigger;
    (*list)[(*n)++] = *port;
    return OG_OK;
}

og_status og_graph_add_constant(struct og_onnx_graph *g, const char *name,
                                struct og_nd *constant, struct og_error *err)
{
    size_t value;
    og_status status = og_graph_value(g, name, &value, err);
    if (status == OG_OK && g->value[value].constant.type != OG_ND_NONE)
        status = og_fail(err, OG_INPUT, "'%.200s' is given twice", name);
    if (status != OG_OK) {
        og_nd_free(constant);
        return status;
    }
    g->value[value].constant = *constant;
    g->value[value].type = constant->type;
    return OG_OK;
}

og_status og_graph_add_foreign(struct og_onnx_graph *g, const char *name,
                               struct og_error *err)
{
    size_t value;
    OG_TRY(og_graph_value(g, name, &value, err));
    g->value[value].foreign = true;
    return OG_OK;
}

const char *og_graph_value_name(const struct og_onnx_graph *g, size_t value)
{
    assert(value < g->values.n);
    return g->values.name[value];
}

// --- attributes ----------------------------------------------------------------------

const struct og_attr *og_node_attr(const struct og_onnx_node *node, const char *name)
{
    for (size_t k = 0; k < node->attrs; k++)
        if (strcmp(node->attr[k].name, name) == 0) return &node->attr[k];
    return NULL;
}

int64_t og_node_int(const struct og_onnx_node *node, const char *name, int64_t def)
{
    const struct og_attr *a = og_node_attr(node, name);
    return a ? a->i[0] : def;
}

float og_node_float(const struct og_onnx_node *node, const char *name, float def)
{
    const struct og_attr *a = og_node_attr(node, name);
    return a ? a->f[0] : def;
}

const char *og_node_text(const struct og_onnx_node *node, const char *name,
                         const char *def)
{
    const struct og_attr *a = og_node_attr(node, name);
    return a ? a->s[0] : def;
}
