// SPDX-License-Identifier: GPL-3.0-or-later
// Weights of result files and of model files, named and written for others.
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "nn/weights_file.h"
#include "ohmgrid/weights.h"
#include "onnx/store.h"
#include "results/file.h"
#include "results/tensor_file.h"

// What is to be written; names, dims and values lie in `of` or are owned.
struct list {
    size_t n;
    struct og_named_tensor *tensor;
    char (*name)[OG_WEIGHT_NAME];
    int64_t (*dim)[OG_WEIGHT_RANK];
    float **value;
};

static og_status make_room(struct list *l, size_t n, struct og_error *err)
{
    l->tensor = og_alloc(n, sizeof *l->tensor);
    l->name = og_alloc(n, sizeof *l->name);
    l->dim = og_alloc(n, sizeof *l->dim);
    l->value = og_alloc(n, sizeof *l->value);
    return l->tensor && l->name && l->dim && l->value ? OG_OK : og_fail_memory(err);
}

static void clear(struct list *l)
{
    for (size_t i = 0; l->value && i < l->n; i++) og_free(l->value[i]);
    og_free(l->value);
    og_free(l->dim);
    og_free(l->name);
    og_free(l->tensor);
}

// --- result files --------------------------------------------------------------------

static const char below[] = "model/";

// The model of an entry, "m0", as text of *n bytes; NULL: it belongs to none.
static const char *model_of(const struct og_weight_entry *e, size_t *n)
{
    if (strncmp(e->name, below, strlen(below)) != 0) return NULL;
    const char *model = e->name + strlen(below);
    *n = strcspn(model, "/");
    return model[*n] == '/' ? model : NULL;
}

static bool is_of(const struct og_weight_entry *e, const char *group)
{
    size_t n;
    const char *model = model_of(e, &n);
    return model && strlen(group) == n && strncmp(model, group, n) == 0;
}

// `group`, or the only model there is; `known` lists all.
static og_status choose(const og_weight_file *file, const char *group,
                        char model[OG_WEIGHT_NAME], struct og_error *err)
{
    char known[512] = "";
    size_t models = 0, found = 0;
    for (size_t i = 0; i < file->n; i++) {
        size_t n;
        const char *name = model_of(&file->entry[i], &n);
        if (!name) continue;
        found += is_of(&file->entry[i], group);
        if (models > 0 && is_of(&file->entry[i], model)) continue;
        snprintf(model, OG_WEIGHT_NAME, "%.*s", (int)n, name);
        const size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "", model);
        models++;
    }
    if (models == 0)
        return og_fail(err, OG_INPUT,
                       "%s is a result file without models (output.model: false)",
                       file->path);
    if (*group == '\0' && models > 1)
        return og_fail(err, OG_INPUT, "%s holds several models: choose one of %s",
                       file->path, known);
    if (*group == '\0') return OG_OK;
    snprintf(model, OG_WEIGHT_NAME, "%s", group);
    if (found > 0) return OG_OK;
    return og_fail(err, OG_INPUT, "%s has no model '%.100s'; there are %s", file->path,
                   group, known);
}

// "model/m0/dense1/weight" is "dense1.weight".
static void name_it(const struct og_weight_entry *e, const char *model,
                    char name[OG_WEIGHT_NAME])
{
    const char *rest = e->name + strlen(below) + strlen(model) + 1;
    snprintf(name, OG_WEIGHT_NAME, "%s", rest);
    for (char *c = name; *c; c++)
        if (*c == '/') *c = '.';
}

static og_status take_entry(struct list *l, og_weight_file *file,
                            const struct og_weight_entry *e, const char *model,
                            struct og_error *err)
{
    const size_t i = l->n++;
    name_it(e, model, l->name[i]);
    for (int d = 0; d < e->rank; d++) l->dim[i][d] = (int64_t)e->dim[d];
    l->value[i] = og_alloc(e->count, sizeof(float));
    if (!l->value[i]) return og_fail_memory(err);
    l->tensor[i] =
        (struct og_named_tensor){l->name[i], e->rank, l->dim[i], l->value[i], e->count};
    return og_weight_file_read(file, e, l->value[i], err);
}

static og_status export_result(og_weight_file *file, const char *group, const char *out,
                               struct og_error *err)
{
    struct list l = {0};
    char model[OG_WEIGHT_NAME] = "";
    OG_TRY(choose(file, group, model, err));
    og_status status = make_room(&l, file->n, err);
    for (size_t i = 0; status == OG_OK && i < file->n; i++)
        if (is_of(&file->entry[i], model) && file->entry[i].type != OG_WEIGHT_OTHER)
            status = take_entry(&l, file, &file->entry[i], model, err);
    if (status == OG_OK) status = og_tensor_file_write(out, l.tensor, l.n, err);
    clear(&l);
    return status;
}

// --- model files ---------------------------------------------------------------------

// Of whole numbers are shapes and axes, which are no weights.
static og_status export_graph(const struct og_onnx_graph *g, const char *in,
                              const char *out, struct og_error *err)
{
    struct og_named_tensor *tensor = og_alloc(g->values.n, sizeof *tensor);
    size_t n = 0;
    if (!tensor) return og_fail_memory(err);
    for (size_t i = 0; i < g->values.n; i++) {
        const struct og_nd *c = &g->value[i].constant;
        if (c->type != OG_ND_FLOAT) continue;
        tensor[n++] = (struct og_named_tensor){og_graph_value_name(g, i), c->rank, c->dim,
                                               og_nd_f32(c), c->count};
    }
    const og_status status =
        n > 0 ? og_tensor_file_write(out, tensor, n, err)
              : og_fail(err, OG_INPUT, "%s has no initialisers of type float", in);
    og_free(tensor);
    return status;
}

static og_status export_model(const char *in, const char *group, const char *out,
                              struct og_error *err)
{
    struct og_onnx_graph *g;
    if (*group != '\0')
        return og_fail(err, OG_INPUT,
                       "%s: only result files have groups, such as '%.100s'", in, group);
    OG_TRY(og_store_read(&g, in, err));
    const og_status status = export_graph(g, in, out, err);
    og_graph_free(g);
    return status;
}

og_status og_weights_export(const char *in, const char *group, const char *out,
                            struct og_error *err)
{
    og_weight_file *file;
    FILE *there = fopen(in, "rb");
    if (there == NULL) return og_fail_errno(err, in, "read");
    fclose(there);
    OG_TRY(og_weight_file_open(&file, in, err));
    og_status status;
    if (file->format != &og_weight_hdf5)
        status = og_fail(err, OG_INPUT, "%s is no result file and no model file", in);
    else if (file->ohmgrid)
        status = export_result(file, group, out, err);
    else
        status = export_model(in, group, out, err);
    og_weight_file_free(file);
    return status;
}
