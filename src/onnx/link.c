// SPDX-License-Identifier: GPL-3.0-or-later
// From names to a graph that can be evaluated: operators, attributes, types, order.
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "onnx/op.h"

struct link {
    struct og_onnx_graph *g;
    const char *path;
    char (*why)[OG_WHY];  // [nodes]; "": nothing is wrong
    struct og_error *err;
};

#define WHY(...) (snprintf(why, OG_WHY, __VA_ARGS__), false)

// --- one node by itself --------------------------------------------------------------

// One word of a row's attributes.
struct attr_law {
    const char *name, *choices;  // not terminated
    size_t name_length, choices_length;
    char kind;
    bool required;
};

// The word at `at`; false at the end.
static bool next_law(const char **at, struct attr_law *law)
{
    *at += strspn(*at, " ");
    size_t n = strcspn(*at, " ");
    if (n == 0) return false;
    const char *colon = memchr(*at, ':', n), *end = *at + n;
    assert(colon && colon + 1 < end);
    *law = (struct attr_law){.name = *at,
                             .name_length = (size_t)(colon - *at),
                             .kind = colon[1],
                             .required = end[-1] == '!'};
    if (law->kind == 't') {
        law->choices = colon + 3;
        law->choices_length = (size_t)(end - law->choices);
    }
    *at = end;
    return true;
}

static bool is_choice(const struct attr_law *law, const char *word)
{
    const char *at = law->choices, *end = at + law->choices_length;
    size_t n = strlen(word);
    while (at < end) {
        const char *bar = memchr(at, '|', (size_t)(end - at));
        size_t m = (size_t)((bar ? bar : end) - at);
        if (n == m && memcmp(at, word, n) == 0) return true;
        at += m + 1;
    }
    return false;
}

static enum og_attr_kind kind_of(char kind)
{
    static const char letters[] = "ifbIFSt";
    static const enum og_attr_kind kinds[] = {OG_ATTR_INT,  OG_ATTR_FLOAT,  OG_ATTR_INT,
                                              OG_ATTR_INTS, OG_ATTR_FLOATS, OG_ATTR_TEXTS,
                                              OG_ATTR_TEXT};
    return kinds[strchr(letters, kind) - letters];
}

static bool check_attr(const struct attr_law *law, const struct og_attr *a,
                       char why[OG_WHY])
{
    if (a->kind != kind_of(law->kind))
        return WHY("attribute %.60s has another type", a->name);
    if (law->kind == 't' && !is_choice(law, a->s[0]))
        return WHY("%s '%.40s' is none of: %.*s", a->name, a->s[0],
                   (int)law->choices_length, law->choices);
    if (law->kind == 'b' && a->i[0] != 0 && a->i[0] != 1)
        return WHY("%s is %lld, expected 0 or 1", a->name, (long long)a->i[0]);
    return true;
}

static bool find_law(const char *laws, const char *name, struct attr_law *law)
{
    size_t n = strlen(name);
    while (next_law(&laws, law))
        if (law->name_length == n && memcmp(law->name, name, n) == 0) return true;
    return false;
}

static bool check_attrs(const struct og_onnx_node *node, char why[OG_WHY])
{
    struct attr_law law;
    for (size_t k = 0; k < node->attrs && strcmp(node->type, "Constant") != 0; k++) {
        const struct og_attr *a = &node->attr[k];
        if (!find_law(node->law->attr, a->name, &law))
            return WHY("attribute '%.60s' is unknown", a->name);
        if (og_node_attr(node, a->name) != a)
            return WHY("attribute %.60s is given twice", a->name);
        if (!check_attr(&law, a, why)) return false;
    }
    for (const char *at = node->law->attr; next_law(&at, &law);) {
        char name[64];
        snprintf(name, sizeof name, "%.*s", (int)law.name_length, law.name);
        if (law.required && !og_node_attr(node, name))
            return WHY("attribute %s is missing", name);
    }
    return true;
}

static bool check_ports(const struct og_onnx_node *node, char why[OG_WHY])
{
    const struct og_onnx_law *law = node->law;
    if (node->inputs < (size_t)law->in_min || node->inputs > (size_t)law->in_max)
        return WHY("has %zu inputs", node->inputs);
    if (node->outputs < 1 || node->outputs > (size_t)law->out_max)
        return WHY("has %zu outputs, supported are 1 .. %d", node->outputs, law->out_max);
    size_t needed = law->in_max == OG_MANY ? node->inputs : (size_t)law->in_min;
    for (size_t k = 0; k < needed; k++)
        if (node->input[k] == OG_NO_NAME) return WHY("input %zu is left out", k);
    return true;
}

static bool check_node(const struct og_onnx_graph *g, struct og_onnx_node *node,
                       char why[OG_WHY])
{
    bool known;
    if (node->domain[0] && strcmp(node->domain, "ai.onnx") != 0)
        return WHY("operators of domain '%.60s' are not supported", node->domain);
    node->law = og_law_find(node->type, g->opset, &known);
    if (!node->law && known) return WHY("not supported in opset %d", g->opset);
    if (!node->law) return WHY("not supported");
    if (!check_attrs(node, why) || !check_ports(node, why)) return false;
    return !node->law->check || node->law->check(g, node, why);
}

// --- who computes what ---------------------------------------------------------------

static og_status claim_output(struct link *l, size_t n, size_t value)
{
    struct og_onnx_graph *g = l->g;
    const char *name = og_graph_value_name(g, value);
    struct og_onnx_value *v = &g->value[value];
    if (v->producer != OG_NO_NAME || v->is_input || v->constant.type != OG_ND_NONE)
        return og_fail(l->err, OG_INPUT,
                       "%s: node #%zu gives '%.200s', which is given already", l->path,
                       g->node[n].index, name);
    v->producer = n;
    return OG_OK;
}

static og_status claim_inputs(struct link *l)
{
    struct og_onnx_graph *g = l->g;
    for (size_t k = 0; k < g->inputs; k++) {
        struct og_onnx_value *v = &g->value[g->input[k].value];
        const char *name = og_graph_value_name(g, g->input[k].value);
        if (v->is_input)
            return og_fail(l->err, OG_INPUT, "%s: two graph inputs are called '%.200s'",
                           l->path, name);
        if (v->constant.type != OG_ND_NONE && v->type != g->input[k].type)
            return og_fail(
                l->err, OG_INPUT, "%s: graph input '%.200s' is %s, its initial value %s",
                l->path, name, og_nd_name(g->input[k].type), og_nd_name(v->type));
        v->is_input = true;
        v->type = g->input[k].type;
    }
    return OG_OK;
}

static og_status claim_values(struct link *l)
{
    struct og_onnx_graph *g = l->g;
    OG_TRY(claim_inputs(l));
    for (size_t n = 0; n < g->nodes; n++)
        for (size_t k = 0; k < g->node[n].outputs; k++)
            if (g->node[n].output[k] != OG_NO_NAME)
                OG_TRY(claim_output(l, n, g->node[n].output[k]));
    return OG_OK;
}

static bool is_given(const struct og_onnx_value *v)
{
    return v->producer != OG_NO_NAME || v->is_input || v->foreign ||
           v->constant.type != OG_ND_NONE;
}

static og_status claim_graph_outputs(struct link *l)
{
    struct og_onnx_graph *g = l->g;
    for (size_t k = 0; k < g->outputs; k++) {
        struct og_onnx_value *v = &g->value[g->output[k].value];
        const char *name = og_graph_value_name(g, g->output[k].value);
        if (!is_given(v))
            return og_fail(l->err, OG_INPUT, "%s: nothing gives graph output '%.200s'",
                           l->path, name);
        if (v->is_output)
            return og_fail(l->err, OG_INPUT, "%s: two graph outputs are called '%.200s'",
                           l->path, name);
        v->is_output = true;
    }
    return OG_OK;
}

static og_status check_given(struct link *l)
{
    struct og_onnx_graph *g = l->g;
    for (size_t n = 0; n < g->nodes; n++)
        for (size_t k = 0; k < g->node[n].inputs; k++) {
            size_t value = g->node[n].input[k];
            if (value == OG_NO_NAME || is_given(&g->value[value])) continue;
            return og_fail(l->err, OG_INPUT,
                           "%s: node #%zu %s reads '%.200s', which nothing gives",
                           l->path, g->node[n].index, g->node[n].type,
                           og_graph_value_name(g, value));
        }
    if (g->outputs == 0)
        return og_fail(l->err, OG_INPUT, "%s: the graph has no output", l->path);
    return claim_graph_outputs(l);
}

// --- the order (Kahn, Comm. ACM 5, 1962) ---------------------------------------------

struct sorting {
    size_t *missing;  // [nodes] inputs that are not computed yet
    size_t *first;    // [values + 1] into reader
    size_t *reader;   // nodes that read a value
};

static size_t produced_inputs(const struct og_onnx_graph *g, const struct og_onnx_node *n)
{
    size_t count = 0;
    for (size_t k = 0; k < n->inputs; k++)
        count +=
            n->input[k] != OG_NO_NAME && g->value[n->input[k]].producer != OG_NO_NAME;
    return count;
}

static void find_readers(const struct og_onnx_graph *g, struct sorting *s)
{
    for (size_t n = 0; n < g->nodes; n++) {
        s->missing[n] = produced_inputs(g, &g->node[n]);
        for (size_t k = 0; k < g->node[n].inputs; k++)
            if (g->node[n].input[k] != OG_NO_NAME) s->first[g->node[n].input[k] + 1]++;
    }
    for (size_t v = 0; v < g->values.n; v++) s->first[v + 1] += s->first[v];
    for (size_t n = g->nodes; n-- > 0;)
        for (size_t k = g->node[n].inputs; k-- > 0;)
            if (g->node[n].input[k] != OG_NO_NAME)
                s->reader[--s->first[g->node[n].input[k] + 1]] = n;
}

// find_readers leaves first[v + 1] at the first reader of v.
static void sort_nodes(struct og_onnx_graph *g, struct sorting *s, size_t *sorted,
                       size_t readers)
{
    size_t done = 0, ready = 0;
    for (size_t n = 0; n < g->nodes; n++)
        if (s->missing[n] == 0) g->order[ready++] = n;
    for (; done < ready; done++) {
        const struct og_onnx_node *node = &g->node[g->order[done]];
        for (size_t k = 0; k < node->outputs; k++) {
            size_t v = node->output[k];
            if (v == OG_NO_NAME) continue;
            size_t end = v + 2 <= g->values.n ? s->first[v + 2] : readers;
            for (size_t r = s->first[v + 1]; r < end; r++)
                if (--s->missing[s->reader[r]] == 0) g->order[ready++] = s->reader[r];
        }
    }
    *sorted = done;
}

static og_status find_order(struct link *l)
{
    struct og_onnx_graph *g = l->g;
    size_t readers = 0, sorted = 0;
    for (size_t n = 0; n < g->nodes; n++)
        for (size_t k = 0; k < g->node[n].inputs; k++)
            readers += g->node[n].input[k] != OG_NO_NAME;
    g->order = og_alloc(g->nodes, sizeof *g->order);
    struct sorting s = {.missing = og_alloc(g->nodes, sizeof *s.missing),
                        .first = og_alloc(g->values.n + 2, sizeof *s.first),
                        .reader = og_alloc(readers, sizeof *s.reader)};
    bool whole = g->order && s.missing && s.first && s.reader;
    if (whole) {
        find_readers(g, &s);
        sort_nodes(g, &s, &sorted, readers);
    }
    og_free(s.missing);
    og_free(s.first);
    og_free(s.reader);
    if (!whole) return og_fail(l->err, OG_NO_MEMORY, "out of memory");
    if (sorted < g->nodes)
        return og_fail(l->err, OG_INPUT, "%s: %zu nodes wait for each other in a circle",
                       l->path, g->nodes - sorted);
    return OG_OK;
}

// --- types ---------------------------------------------------------------------------

static enum og_nd_type type_of(const struct og_onnx_graph *g,
                               const struct og_onnx_node *n, size_t k)
{
    if (k >= n->inputs || n->input[k] == OG_NO_NAME) return OG_ND_NONE;
    return g->value[n->input[k]].type;
}

static bool check_types(const struct og_onnx_graph *g, const struct og_onnx_node *node,
                        char why[OG_WHY])
{
    for (size_t k = 0; k < node->inputs; k++) {
        enum og_nd_type type = type_of(g, node, k);
        unsigned set = node->law->in[node->law->in_max == OG_MANY ? (k > 0) : k];
        if (node->input[k] == OG_NO_NAME) continue;
        if (type == OG_ND_NONE) return WHY("input %zu is of a type not supported", k);
        if (set & OG_IN_SAME) set = 1u << type_of(g, node, 0);
        if (!(set & 1u << type))
            return WHY("input %zu of type %s is not supported", k, og_nd_name(type));
    }
    return true;
}

static enum og_nd_type out_type(const struct og_onnx_graph *g,
                                const struct og_onnx_node *node, size_t k)
{
    switch (node->law->out[node->law->out_max == OG_MANY ? 0 : k]) {
    case OG_OUT_SAME:
        return type_of(g, node, 0);
    case OG_OUT_FLOAT:
        return OG_ND_FLOAT;
    case OG_OUT_INT32:
        return OG_ND_INT32;
    case OG_OUT_INT64:
        return OG_ND_INT64;
    case OG_OUT_BOOL:
        return OG_ND_BOOL;
    case OG_OUT_LAST:
        return type_of(g, node, node->inputs - 1);
    case OG_OUT_CAST:
        return og_cast_type(node);
    case OG_OUT_VALUE:
        return og_value_type(node);
    case OG_OUT_ZERO_POINT:
        break;
    }
    enum og_nd_type type = type_of(g, node, 2);
    if (type != OG_ND_NONE) return type;
    // 3 is INT8 in TensorProto.DataType; og_check_quantize lets no other but UINT8 pass.
    return og_node_int(node, "output_dtype", 0) == 3 ? OG_ND_INT8 : OG_ND_UINT8;
}

static bool knows_inputs(const struct og_onnx_graph *g, const struct og_onnx_node *node)
{
    for (size_t k = 0; k < node->inputs; k++) {
        if (node->input[k] == OG_NO_NAME || type_of(g, node, k) != OG_ND_NONE) continue;
        if (g->value[node->input[k]].producer != OG_NO_NAME) return false;
    }
    return true;
}

// What refused nodes would give stays without a type, and with it all that follows.
static void infer_types(struct link *l)
{
    struct og_onnx_graph *g = l->g;
    for (size_t i = 0; i < g->nodes; i++) {
        const struct og_onnx_node *node = &g->node[g->order[i]];
        char *why = l->why[g->order[i]];
        if (why[0] || !knows_inputs(g, node) || !check_types(g, node, why)) continue;
        for (size_t k = 0; k < node->outputs; k++)
            if (node->output[k] != OG_NO_NAME)
                g->value[node->output[k]].type = out_type(g, node, k);
    }
}

// Ports of foreign types that no node reads.
static og_status check_foreign(struct link *l)
{
    const struct og_onnx_graph *g = l->g;
    for (size_t v = 0; v < g->values.n; v++)
        if (g->value[v].type == OG_ND_NONE && is_given(&g->value[v]))
            return og_fail(l->err, OG_INPUT, "%s: '%.200s' is of a type not supported",
                           l->path, og_graph_value_name(g, v));
    return OG_OK;
}

static og_status check_outputs(struct link *l)
{
    const struct og_onnx_graph *g = l->g;
    for (size_t k = 0; k < g->outputs; k++) {
        const struct og_onnx_port *port = &g->output[k];
        enum og_nd_type type = g->value[port->value].type;
        if (port->type != OG_ND_NONE && port->type != type)
            return og_fail(l->err, OG_INPUT,
                           "%s: graph output '%.200s' is declared as %s, but is %s",
                           l->path, og_graph_value_name(g, port->value),
                           og_nd_name(port->type), og_nd_name(type));
    }
    return OG_OK;
}

// --- all of it -----------------------------------------------------------------------

static og_status report(struct link *l, FILE *refused)
{
    const struct og_onnx_graph *g = l->g;
    size_t wrong = 0;
    for (size_t n = 0; n < g->nodes; n++) {
        const struct og_onnx_node *node = &g->node[n];
        if (!l->why[n][0]) continue;
        wrong++;
        if (refused)
            fprintf(refused, "#%zu %s %s: %s\n", node->index, node->type, node->name,
                    l->why[n]);
    }
    if (wrong == 0) return OG_OK;
    return og_fail(l->err, OG_INPUT, "%s: %zu of %zu nodes cannot be computed", l->path,
                   wrong, g->nodes);
}

static og_status link_all(struct link *l, FILE *refused)
{
    struct og_onnx_graph *g = l->g;
    bool version = g->opset == OG_OPSET_MIN ||
                   (g->opset >= OG_OPSET_NEXT && g->opset <= OG_OPSET_MAX);
    for (size_t n = 0; n < g->nodes; n++)
        if (!version)
            snprintf(l->why[n], OG_WHY, "opset %d is not supported: 1 and 6 to 21 are",
                     g->opset);
        else
            check_node(g, &g->node[n], l->why[n]);
    if (!version) {
        OG_TRY(report(l, refused));
        return og_fail(l->err, OG_INPUT,
                       "%s: opset %d is not supported: 1 and 6 to 21 are", l->path,
                       g->opset);
    }
    OG_TRY(claim_values(l));
    OG_TRY(check_given(l));
    OG_TRY(find_order(l));
    infer_types(l);
    OG_TRY(report(l, refused));
    OG_TRY(check_foreign(l));
    return check_outputs(l);
}

og_status og_graph_link(struct og_onnx_graph *g, const char *path, FILE *refused,
                        struct og_error *err)
{
    struct link l = {g, path, og_alloc(g->nodes, sizeof *l.why), err};
    if (!l.why) return og_fail(err, OG_NO_MEMORY, "out of memory");
    og_status status = link_all(&l, refused);
    og_free(l.why);
    return status;
}
