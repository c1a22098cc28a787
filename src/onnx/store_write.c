// SPDX-License-Identifier: GPL-3.0-or-later
#include <stdio.h>

#include "base/mem.h"
#include "og_build.h"
#include "onnx/store.h"
#include "onnx/store_io.h"
#include "results/file.h"

// One column of texts or of integers, filled row by row.
struct column {
    size_t n;
    const char **text;
    int64_t *number;
};

static struct column column_of(struct og_hdf *h, size_t rows)
{
    struct column c = {.text = og_alloc(rows, sizeof(const char *)),
                       .number = og_alloc(rows, sizeof *c.number)};
    if ((!c.text || !c.number) && h->status == OG_OK) h->status = og_fail_memory(h->err);
    return c;
}

static void write_texts(struct og_hdf *h, hid_t at, const char *name, struct column *c)
{
    if (h->status == OG_OK) og_put_texts(h, at, name, c->n, c->text);
    c->n = 0;
}

static void write_ints(struct og_hdf *h, hid_t at, const char *name, struct column *c)
{
    if (h->status == OG_OK) og_put_ints(h, at, name, c->n, c->number);
    c->n = 0;
}

static void close_column(struct column *c)
{
    og_free(c->text);
    og_free(c->number);
}

static size_t links_of(const struct og_onnx_graph *g)
{
    size_t n = g->nodes;
    for (size_t k = 0; k < g->nodes; k++) n += g->node[k].inputs + g->node[k].outputs;
    return n;
}

static void write_links(struct og_hdf *h, const struct og_onnx_graph *g, hid_t at,
                        bool outputs, struct column *c)
{
    for (size_t k = 0; h->status == OG_OK && k < g->nodes; k++) {
        const struct og_onnx_node *n = &g->node[k];
        const size_t *value = outputs ? n->output : n->input;
        for (size_t i = 0; i < (outputs ? n->outputs : n->inputs); i++)
            c->text[c->n++] =
                value[i] == OG_NO_NAME ? "" : og_graph_value_name(g, value[i]);
    }
    write_texts(h, at, outputs ? "outputs" : "inputs", c);
    for (size_t k = 0; h->status == OG_OK && k < g->nodes; k++)
        c->number[c->n++] = (int64_t)(outputs ? g->node[k].outputs : g->node[k].inputs);
    write_ints(h, at, outputs ? "outputs_count" : "inputs_count", c);
}

static void write_nodes(struct og_hdf *h, const struct og_onnx_graph *g, hid_t file)
{
    hid_t at = og_hdf_group(h, file, "nodes");
    struct column c = column_of(h, links_of(g));
    for (size_t k = 0; h->status == OG_OK && k < g->nodes; k++)
        c.text[c.n++] = g->node[k].type;
    write_texts(h, at, "op_type", &c);
    for (size_t k = 0; h->status == OG_OK && k < g->nodes; k++)
        c.text[c.n++] = g->node[k].name;
    write_texts(h, at, "name", &c);
    for (size_t k = 0; h->status == OG_OK && k < g->nodes; k++)
        c.number[c.n++] = (int64_t)g->node[k].index;
    write_ints(h, at, "index", &c);
    write_links(h, g, at, false, &c);
    write_links(h, g, at, true, &c);
    close_column(&c);
    og_hdf_close(h, at);
}

// --- attributes ----------------------------------------------------------------------

static const char *const kind_name[OG_ATTR_KINDS] = {"int",    "float", "text", "ints",
                                                     "floats", "texts", "other"};

// All attributes, with their values one after the other.
struct attributes {
    struct column name, kind, node, count, ints, texts;
    float *floats;
    size_t n_floats;
};

static struct attributes open_attributes(struct og_hdf *h, const struct og_onnx_graph *g)
{
    size_t n = 0, values = 0;
    for (size_t k = 0; k < g->nodes; k++)
        for (size_t a = 0; a < g->node[k].attrs; a++, n++) values += g->node[k].attr[a].n;
    struct attributes all = {.name = column_of(h, n),
                             .kind = column_of(h, n),
                             .node = column_of(h, n),
                             .count = column_of(h, n),
                             .ints = column_of(h, values),
                             .texts = column_of(h, values),
                             .floats = og_alloc(values, sizeof(float))};
    if (!all.floats && h->status == OG_OK) h->status = og_fail_memory(h->err);
    return all;
}

static void add_attribute(struct attributes *all, size_t node, const struct og_attr *a)
{
    all->name.text[all->name.n++] = a->name;
    all->kind.text[all->kind.n++] = kind_name[a->kind];
    all->node.number[all->node.n++] = (int64_t)node;
    all->count.number[all->count.n++] = (int64_t)a->n;
    for (size_t k = 0; k < a->n; k++) {
        if (a->i) all->ints.number[all->ints.n++] = a->i[k];
        if (a->s) all->texts.text[all->texts.n++] = a->s[k];
        if (a->f) all->floats[all->n_floats++] = a->f[k];
    }
}

static void write_attributes(struct og_hdf *h, const struct og_onnx_graph *g, hid_t file)
{
    hid_t at = og_hdf_group(h, file, "attributes");
    struct attributes all = open_attributes(h, g);
    for (size_t k = 0; h->status == OG_OK && k < g->nodes; k++)
        for (size_t a = 0; a < g->node[k].attrs; a++)
            add_attribute(&all, k, &g->node[k].attr[a]);
    write_texts(h, at, "name", &all.name);
    write_texts(h, at, "kind", &all.kind);
    write_ints(h, at, "node", &all.node);
    write_ints(h, at, "count", &all.count);
    write_ints(h, at, "ints", &all.ints);
    write_texts(h, at, "texts", &all.texts);
    og_put_floats(h, at, "floats", all.n_floats, all.floats);
    struct column *column[] = {&all.name,  &all.kind, &all.node,
                               &all.count, &all.ints, &all.texts};
    for (size_t k = 0; k < sizeof column / sizeof *column; k++) close_column(column[k]);
    og_free(all.floats);
    og_hdf_close(h, at);
}

// --- constants and ports -------------------------------------------------------------

static void write_constants(struct og_hdf *h, const struct og_onnx_graph *g, hid_t file)
{
    hid_t at = og_hdf_group(h, file, "initializers");
    hid_t values = og_hdf_group(h, at, "values");
    struct column name = column_of(h, g->values.n), type = column_of(h, g->values.n);
    for (size_t v = 0; h->status == OG_OK && v < g->values.n; v++) {
        const struct og_nd *a = &g->value[v].constant;
        char row[24];
        if (a->type == OG_ND_NONE) continue;
        snprintf(row, sizeof row, "%zu", name.n);
        name.text[name.n++] = og_graph_value_name(g, v);
        type.text[type.n++] = og_nd_name(a->type);
        og_put_nd(h, values, row, a, 0);
    }
    write_texts(h, at, "name", &name);
    write_texts(h, at, "type", &type);
    close_column(&name);
    close_column(&type);
    og_hdf_close(h, values);
    og_hdf_close(h, at);
}

// A rank of -1: no shape was said.
static void write_ports(struct og_hdf *h, const struct og_onnx_graph *g, hid_t file,
                        bool outputs)
{
    const struct og_onnx_port *port = outputs ? g->output : g->input;
    size_t n = outputs ? g->outputs : g->inputs;
    hid_t at = og_hdf_group(h, file, outputs ? "outputs" : "inputs");
    struct column name = column_of(h, n), type = column_of(h, n), rank = column_of(h, n);
    struct column dim = column_of(h, n * OG_ND_RANK),
                  symbol = column_of(h, n * OG_ND_RANK);
    for (size_t k = 0; h->status == OG_OK && k < n; k++) {
        name.text[name.n++] = og_graph_value_name(g, port[k].value);
        type.text[type.n++] = og_nd_name(port[k].type);
        rank.number[rank.n++] = port[k].has_shape ? port[k].rank : -1;
        for (int i = 0; port[k].has_shape && i < port[k].rank; i++) {
            size_t s = port[k].symbol[i];
            dim.number[dim.n++] = port[k].dim[i];
            symbol.text[symbol.n++] = s == OG_NO_NAME ? "" : g->symbols.name[s];
        }
    }
    write_texts(h, at, "name", &name);
    write_texts(h, at, "type", &type);
    write_ints(h, at, "rank", &rank);
    write_ints(h, at, "dims", &dim);
    write_texts(h, at, "symbols", &symbol);
    struct column *column[] = {&name, &type, &rank, &dim, &symbol};
    for (size_t k = 0; k < sizeof column / sizeof *column; k++) close_column(column[k]);
    og_hdf_close(h, at);
}

static void write_graph(struct og_hdf *h, const struct og_onnx_graph *g, hid_t file)
{
    og_hdf_attr_text(h, file, "format", OG_STORE_FORMAT);
    og_hdf_attr_text(h, file, "version", OG_VERSION);
    og_hdf_attr_u64(h, file, "opset", (uint64_t)g->opset);
    og_hdf_attr_text(h, file, "graph", g->name);
    og_hdf_attr_text(h, file, "producer", g->producer);
    og_hdf_attr_text(h, file, "source", g->source);
    og_hdf_attr_text(h, file, "source_sha256", g->sha256);
    write_nodes(h, g, file);
    write_attributes(h, g, file);
    write_constants(h, g, file);
    write_ports(h, g, file, false);
    write_ports(h, g, file, true);
}

og_status og_store_write(const struct og_onnx_graph *g, const char *path,
                         struct og_error *err)
{
    struct og_hdf h = {.path = path, .err = err};
    struct og_hdf_guard guard = og_hdf_silence();
    size_t n = 0;
    hid_t file = og_hdf_create(&h);
    if (h.status == OG_OK) write_graph(&h, g, file);
    void *image = h.status == OG_OK ? og_hdf_image(&h, file, &n) : NULL;
    if (file >= 0) H5Fclose(file);
    og_hdf_restore(guard);
    if (h.status == OG_OK) h.status = og_file_replace(path, image, n, err);
    og_free(image);
    return h.status;
}
