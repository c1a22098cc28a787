// SPDX-License-Identifier: GPL-3.0-or-later
// Nothing in a model file is believed: counts are compared with the lengths of columns,
// and the graph is linked again, as one that comes from ONNX.
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "onnx/op.h"
#include "onnx/store.h"
#include "onnx/store_io.h"
#include "results/file.h"

struct reader {
    struct og_hdf h;
    hid_t file;
    struct og_onnx_graph *g;
};

static void damaged(struct reader *r, const char *what)
{
    if (r->h.status == OG_OK)
        r->h.status =
            og_fail(r->h.err, OG_INPUT, "%s: %s do not fit together", r->h.path, what);
}

static bool goes_on(const struct reader *r) { return r->h.status == OG_OK; }

static enum og_nd_type type_called(const char *name)
{
    for (int t = OG_ND_NONE; t < OG_ND_TYPES; t++)
        if (strcmp(og_nd_name((enum og_nd_type)t), name) == 0) return (enum og_nd_type)t;
    return OG_ND_NONE;
}

// --- nodes ---------------------------------------------------------------------------

struct node_columns {
    size_t n, names, indices, ins, outs, in_counts, out_counts;
    char **type, **name, **in, **out;
    int64_t *index, *in_count, *out_count;
};

static void take_values(struct reader *r, int64_t n, char **name, size_t names,
                        size_t *used, size_t *count, size_t **value)
{
    if (!goes_on(r)) return;
    if (n < 0 || (uint64_t)n > names - *used) {
        damaged(r, "inputs and outputs of nodes");
        return;
    }
    *value = og_alloc((size_t)n, sizeof **value);
    if (!*value) {
        r->h.status = og_fail_memory(r->h.err);
        return;
    }
    *count = (size_t)n;
    for (size_t k = 0; goes_on(r) && k < *count; k++) {
        const char *text = name[(*used)++];
        (*value)[k] = OG_NO_NAME;
        if (text[0]) r->h.status = og_graph_value(r->g, text, &(*value)[k], r->h.err);
    }
}

static void take_nodes(struct reader *r, const struct node_columns *c)
{
    size_t ins = 0, outs = 0;
    if (c->n != c->names || c->n != c->indices || c->n != c->in_counts ||
        c->n != c->out_counts)
        damaged(r, "columns of nodes");
    for (size_t k = 0; goes_on(r) && k < c->n; k++) {
        struct og_onnx_node *node;
        r->h.status = og_graph_add_node(r->g, &node, r->h.err);
        if (!goes_on(r)) return;
        node->index = (size_t)c->index[k];
        r->h.status = og_graph_name_node(node, c->type[k], c->name[k], "", r->h.err);
        take_values(r, c->in_count[k], c->in, c->ins, &ins, &node->inputs, &node->input);
        take_values(r, c->out_count[k], c->out, c->outs, &outs, &node->outputs,
                    &node->output);
    }
}

static void read_nodes(struct reader *r)
{
    struct node_columns c = {0};
    hid_t f = r->file;
    c.type = og_get_texts(&r->h, f, "nodes/op_type", &c.n);
    c.name = og_get_texts(&r->h, f, "nodes/name", &c.names);
    c.index = og_get_ints(&r->h, f, "nodes/index", &c.indices);
    c.in = og_get_texts(&r->h, f, "nodes/inputs", &c.ins);
    c.in_count = og_get_ints(&r->h, f, "nodes/inputs_count", &c.in_counts);
    c.out = og_get_texts(&r->h, f, "nodes/outputs", &c.outs);
    c.out_count = og_get_ints(&r->h, f, "nodes/outputs_count", &c.out_counts);
    if (goes_on(r)) take_nodes(r, &c);
    void *list[] = {c.type, c.name, c.index, c.in, c.in_count, c.out, c.out_count};
    for (size_t k = 0; k < sizeof list / sizeof *list; k++) og_free(list[k]);
}

// --- attributes ----------------------------------------------------------------------

struct attr_columns {
    size_t n, kinds, nodes, counts, all_ints, all_floats, all_texts;
    char **name, **kind, **texts;
    int64_t *node, *count, *ints;
    float *floats;
    size_t ints_used, floats_used, texts_used;
};

static enum og_attr_kind kind_called(const char *name)
{
    static const char *const known[] = {"int",  "float",  "text",
                                        "ints", "floats", "texts"};
    int k = 0;
    while (k < OG_ATTR_OTHER && strcmp(known[k], name) != 0) k++;
    return (enum og_attr_kind)k;
}

static void take_attr(struct reader *r, struct attr_columns *c, size_t k)
{
    enum og_attr_kind kind = kind_called(c->kind[k]);
    bool one = kind <= OG_ATTR_TEXT;
    int64_t node = c->node[k], n = c->count[k];
    bool is_int = kind == OG_ATTR_INT || kind == OG_ATTR_INTS;
    bool is_float = kind == OG_ATTR_FLOAT || kind == OG_ATTR_FLOATS;
    size_t *used = is_int ? &c->ints_used : is_float ? &c->floats_used : &c->texts_used;
    size_t all = is_int ? c->all_ints : is_float ? c->all_floats : c->all_texts;
    bool fits = node >= 0 && (uint64_t)node < r->g->nodes && kind != OG_ATTR_OTHER &&
                n >= 0 && (uint64_t)n <= all - *used && (!one || n == 1);
    struct og_attr *a;
    if (!fits) {
        damaged(r, "columns of attributes");
        return;
    }
    r->h.status =
        og_node_add_attr(&r->g->node[node], c->name[k], kind, (size_t)n, &a, r->h.err);
    for (size_t i = 0; goes_on(r) && i < (size_t)n; i++, (*used)++) {
        if (a->i) a->i[i] = c->ints[*used];
        if (a->f) a->f[i] = c->floats[*used];
        if (!a->s) continue;
        a->s[i] = og_copy_text(c->texts[*used]);
        if (!a->s[i]) r->h.status = og_fail_memory(r->h.err);
    }
}

static void read_attrs(struct reader *r)
{
    struct attr_columns c = {0};
    hid_t f = r->file;
    c.name = og_get_texts(&r->h, f, "attributes/name", &c.n);
    c.kind = og_get_texts(&r->h, f, "attributes/kind", &c.kinds);
    c.node = og_get_ints(&r->h, f, "attributes/node", &c.nodes);
    c.count = og_get_ints(&r->h, f, "attributes/count", &c.counts);
    c.ints = og_get_ints(&r->h, f, "attributes/ints", &c.all_ints);
    c.texts = og_get_texts(&r->h, f, "attributes/texts", &c.all_texts);
    c.floats = og_get_floats(&r->h, f, "attributes/floats", &c.all_floats);
    if (goes_on(r) && (c.n != c.kinds || c.n != c.nodes || c.n != c.counts))
        damaged(r, "columns of attributes");
    for (size_t k = 0; goes_on(r) && k < c.n; k++) take_attr(r, &c, k);
    void *list[] = {c.name, c.kind, c.node, c.count, c.ints, c.texts, c.floats};
    for (size_t k = 0; k < sizeof list / sizeof *list; k++) og_free(list[k]);
}

// --- constants and ports -------------------------------------------------------------

static void read_constants(struct reader *r)
{
    size_t n, types;
    char **name = og_get_texts(&r->h, r->file, "initializers/name", &n);
    char **type = og_get_texts(&r->h, r->file, "initializers/type", &types);
    if (goes_on(r) && n != types) damaged(r, "columns of initializers");
    for (size_t k = 0; goes_on(r) && k < n; k++) {
        char row[48];
        struct og_nd a;
        enum og_nd_type kind = type_called(type[k]);
        snprintf(row, sizeof row, "initializers/values/%zu", k);
        if (kind == OG_ND_NONE || name[k][0] == '\0')
            damaged(r, "columns of initializers");
        og_get_nd(&r->h, r->file, row, kind, &a);
        if (goes_on(r)) r->h.status = og_graph_add_constant(r->g, name[k], &a, r->h.err);
    }
    og_free(name);
    og_free(type);
}

struct port_columns {
    size_t n, types, ranks, dims, symbols, used;
    char **name, **type, **symbol;
    int64_t *rank, *dim;
};

static void take_port(struct reader *r, struct port_columns *c, size_t k, bool output)
{
    struct og_onnx_port port = {.type = type_called(c->type[k])};
    int64_t rank = c->rank[k];
    bool fits = rank >= -1 && rank <= OG_ND_RANK && c->name[k][0] != '\0' &&
                (rank < 0 || (uint64_t)rank <= c->dims - c->used);
    if (!fits) {
        damaged(r, "columns of inputs or outputs");
        return;
    }
    r->h.status = og_graph_value(r->g, c->name[k], &port.value, r->h.err);
    port.has_shape = rank >= 0;
    port.rank = rank < 0 ? 0 : (int)rank;
    for (int i = 0; goes_on(r) && i < port.rank; i++, c->used++) {
        port.dim[i] = c->dim[c->used] < 0 ? OG_DIM_ANY : c->dim[c->used];
        port.symbol[i] = OG_NO_NAME;
        const char *symbol = c->symbol[c->used];
        if (symbol[0] && !og_names_add(&r->g->symbols, symbol, &port.symbol[i]))
            r->h.status = og_fail_memory(r->h.err);
    }
    if (goes_on(r)) r->h.status = og_graph_add_port(r->g, output, &port, r->h.err);
}

static const char *column_path(bool output, const char *column, char path[32])
{
    snprintf(path, 32, "%s/%s", output ? "outputs" : "inputs", column);
    return path;
}

static void read_ports(struct reader *r, bool output)
{
    struct port_columns c = {0};
    char path[32];
    hid_t f = r->file;
    c.name = og_get_texts(&r->h, f, column_path(output, "name", path), &c.n);
    c.type = og_get_texts(&r->h, f, column_path(output, "type", path), &c.types);
    c.rank = og_get_ints(&r->h, f, column_path(output, "rank", path), &c.ranks);
    c.dim = og_get_ints(&r->h, f, column_path(output, "dims", path), &c.dims);
    c.symbol = og_get_texts(&r->h, f, column_path(output, "symbols", path), &c.symbols);
    if (goes_on(r) && (c.n != c.types || c.n != c.ranks || c.dims != c.symbols))
        damaged(r, "columns of inputs or outputs");
    for (size_t k = 0; goes_on(r) && k < c.n; k++) take_port(r, &c, k, output);
    void *list[] = {c.name, c.type, c.rank, c.dim, c.symbol};
    for (size_t k = 0; k < sizeof list / sizeof *list; k++) og_free(list[k]);
}

static void read_about(struct reader *r)
{
    char *format = og_hdf_read_text(&r->h, r->file, "format");
    if (goes_on(r) && (!format || strcmp(format, OG_STORE_FORMAT) != 0))
        r->h.status = og_fail(r->h.err, OG_INPUT,
                              "%s: not a model file; 'ohmgrid import' makes one of ONNX",
                              r->h.path);
    og_free(format);
    uint64_t opset = og_hdf_read_u64(&r->h, r->file, "opset");
    r->g->opset = opset <= OG_OPSET_MAX ? (int)opset : 0;
    r->g->source = og_hdf_read_text(&r->h, r->file, "source");
    char *sha = og_hdf_read_text(&r->h, r->file, "source_sha256");
    snprintf(r->g->sha256, sizeof r->g->sha256, "%s", sha ? sha : "");
    og_free(sha);
}

og_status og_store_read(struct og_onnx_graph **g, const char *path, struct og_error *err)
{
    struct reader r = {.h = {.path = path, .err = err}, .g = og_graph_alloc()};
    *g = NULL;
    if (!r.g) return og_fail_memory(err);
    struct og_hdf_guard guard = og_hdf_silence();
    r.file = og_hdf_open(&r.h);
    if (goes_on(&r)) read_about(&r);
    if (goes_on(&r)) read_nodes(&r);
    if (goes_on(&r)) read_attrs(&r);
    if (goes_on(&r)) read_constants(&r);
    if (goes_on(&r)) read_ports(&r, false);
    if (goes_on(&r)) read_ports(&r, true);
    if (r.file >= 0) H5Fclose(r.file);
    og_hdf_restore(guard);
    if (goes_on(&r)) r.h.status = og_graph_link(r.g, path, NULL, err);
    if (goes_on(&r))
        *g = r.g;
    else
        og_graph_free(r.g);
    return r.h.status;
}
