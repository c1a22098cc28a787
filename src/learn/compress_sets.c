// SPDX-License-Identifier: GPL-3.0-or-later
// Which set holds for which tensor: {layer: conv1 | [conv1, fc1] | all, kind: ...}.
#include <string.h>

#include "base/mem.h"
#include "config/tree.h"
#include "learn/compress.h"
#include "learn/set.h"
#include "learn/set_groups.h"

static bool is_weight(const struct og_tensor_info *t)
{
    return !t->state && t->decay && (t->rank == 2 || t->rank == 4);
}

static struct og_weight_shape shape_of(const struct og_tensor_info *t)
{
    struct og_weight_shape s = {t->dim[0], t->dim[1], 1, 1};
    if (t->rank == 4) s.height = t->dim[2], s.width = t->dim[3];
    return s;
}

// Only ADMM has a rho.
static og_status check_scale(const og_compress *c, const struct og_pair *p,
                             struct og_error *err)
{
    static const char *const words[] = {"admm", "magnitude", "reweighted", "proximal"};
    const og_item *at = og_item_get(p->item, "rho_scale");
    if (p->set->rho_scale == 1.0) return OG_OK;
    if (c->round.method != OG_METHOD_ADMM)
        return og_item_fail(at, err, "has no effect with method %s (it needs admm)",
                            words[c->round.method]);
    if (c->round.admm.train.epochs > 0) return OG_OK;
    return og_item_fail(at, err, "has no effect: admm.epochs is 0");
}

// A set twice would only pull twice as strongly.
static og_status check_new(const og_compress *c, const struct og_pair *p,
                           struct og_error *err)
{
    char path[OG_ITEM_PATH];
    const struct og_pair *q = c->pair;
    while (q < p && !(q->tensor == p->tensor && og_set_same(q->set, p->set))) q++;
    if (q == p) return OG_OK;
    og_item_path(q->item, path);
    return og_item_fail(p->item, err, "%s has the same set from '%s' already",
                        og_model_tensor(c->model, p->tensor).node, path);
}

static og_status add_pair(og_compress *c, const og_item *item, size_t tensor,
                          struct og_error *err)
{
    const struct og_tensor_info info = og_model_tensor(c->model, tensor);
    const struct og_weight_shape shape = shape_of(&info);
    struct og_pair *grown = og_grow(c->pair, c->pairs, c->pairs + 1, sizeof *grown);
    if (!grown)
        return og_fail(err, OG_NO_MEMORY, "no memory for the sets of a compression");
    c->pair = grown;
    struct og_pair *p = &c->pair[c->pairs];
    OG_TRY(og_set_alloc(&p->set, item, &shape, err));
    c->pairs++;
    p->item = item;
    p->tensor = tensor;
    p->offset = info.offset;
    p->count = info.count;
    p->prunes = og_set_kind(p->set)->prunes;
    OG_TRY(check_scale(c, p, err));
    OG_TRY(check_new(c, p, err));
    if (c->round.method != OG_METHOD_REWEIGHTED && c->round.method != OG_METHOD_PROXIMAL)
        return OG_OK;
    p->groups = og_set_groups(p->set);
    if (p->groups > 0) return OG_OK;
    return og_item_fail(item, err,
                        "kind %s has no groups, which methods reweighted and proximal "
                        "need",
                        og_set_kind(p->set)->name);
}

static og_status unknown_layer(const og_compress *c, const og_item *name,
                               struct og_error *err)
{
    char known[512] = "";
    const char *before = "";
    for (size_t i = 0; i < og_model_tensors(c->model); i++) {
        const struct og_tensor_info t = og_model_tensor(c->model, i);
        const size_t used = strlen(known);
        if (!is_weight(&t) || strcmp(t.node, before) == 0) continue;
        snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "", t.node);
        before = t.node;
    }
    return og_item_fail(name, err, "'%s' is no layer with weights; there are %s",
                        name->text, known);
}

// The set for all weight tensors of the layer that `name` says, or of all.
static og_status add_layer(og_compress *c, const og_item *item, const og_item *name,
                           bool all, struct og_error *err)
{
    const size_t before = c->pairs;
    if (name->kind != OG_ITEM_SCALAR)
        return og_item_fail(name, err, "must be the name of a layer");
    for (size_t i = 0; i < og_model_tensors(c->model); i++) {
        const struct og_tensor_info t = og_model_tensor(c->model, i);
        if (is_weight(&t) && (all || strcmp(t.node, name->text) == 0))
            OG_TRY(add_pair(c, item, i, err));
    }
    return c->pairs > before ? OG_OK : unknown_layer(c, name, err);
}

// The names of a list, each once.
static og_status add_layers(og_compress *c, const og_item *item, const og_item *layer,
                            struct og_error *err)
{
    if (layer->n == 0) return og_item_fail(layer, err, "names no layer");
    for (size_t i = 0; i < layer->n; i++) {
        const og_item *name = layer->child[i];
        for (size_t k = 0; k < i && name->kind == OG_ITEM_SCALAR; k++)
            if (og_item_is_text(layer->child[k], name->text))
                return og_item_fail(name, err, "'%s' is named twice", name->text);
        OG_TRY(add_layer(c, item, name, false, err));
    }
    return OG_OK;
}

static og_status add_set(og_compress *c, const og_item *item, struct og_error *err)
{
    const og_item *layer = item->kind == OG_ITEM_MAP ? og_item_get(item, "layer") : NULL;
    if (!layer)
        return og_item_fail(item, err,
                            "key 'layer' is missing: a layer's name, a list of names, or "
                            "all");
    if (layer->kind == OG_ITEM_LIST) return add_layers(c, item, layer, err);
    return add_layer(c, item, layer, og_item_is_text(layer, "all"), err);
}

og_status og_compress_read_sets(og_compress *c, struct og_error *err)
{
    const og_item *sets = c->round.sets;
    for (size_t i = 0; i < sets->n; i++) OG_TRY(add_set(c, sets->child[i], err));
    return OG_OK;
}

void og_compress_free_sets(og_compress *c)
{
    for (size_t i = 0; i < c->pairs; i++) og_set_free(c->pair[i].set);
    og_free(c->pair);
}

// --- counting weights ------------------------------------------------------------

struct og_kept og_model_kept(og_model *model, size_t tensor)
{
    size_t n;
    const float *w = og_model_params(model, &n);
    const struct og_tensor_info t = og_model_tensor(model, tensor);
    struct og_kept k = {0};
    if (!is_weight(&t)) return k;
    k.all = t.count;
    for (size_t i = 0; i < t.count; i++) k.kept += w[t.offset + i] != 0.0f;
    return k;
}

struct og_kept og_model_kept_in_all(og_model *model, bool convolutions)
{
    struct og_kept sum = {0};
    for (size_t i = 0; i < og_model_tensors(model); i++) {
        const struct og_tensor_info t = og_model_tensor(model, i);
        const struct og_kept k = og_model_kept(model, i);
        if (convolutions && t.rank != 4) continue;
        sum.all += k.all;
        sum.kept += k.kept;
    }
    return sum;
}
