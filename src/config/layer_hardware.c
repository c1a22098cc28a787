// SPDX-License-Identifier: GPL-3.0-or-later
// Layers on hardware of their own: hardware.layers, a list of {layer, and what differs}.
#include <string.h>

#include "config/tables.h"
#include "config/tree.h"

// The names in an entry: one, or a list of them.
static size_t names_of(const og_item *entry)
{
    const og_item *layer = og_item_get(entry, "layer");
    return layer->kind == OG_ITEM_LIST ? layer->n : 1;
}

static const og_item *name_of(const og_item *entry, size_t i)
{
    const og_item *layer = og_item_get(entry, "layer");
    return layer->kind == OG_ITEM_LIST ? layer->child[i] : layer;
}

static const og_item *entry_of(const og_item *layers, const char *name)
{
    for (size_t i = 0; layers != NULL && i < layers->n; i++)
        for (size_t k = 0; k < names_of(layers->child[i]); k++)
            if (og_item_is_text(name_of(layers->child[i], k), name))
                return layers->child[i];
    return NULL;
}

// A law of another kind takes nothing over from the one that it replaces.
static void replace_law(struct og_sigma *law, const og_item *entry, const char *path)
{
    static const char *const words[] = {"none", "constant", "proportional", "polynomial",
                                        "table"};
    const og_item *kind = og_item_find(entry, path, false);
    if (kind != NULL && !og_item_is_text(kind, words[law->kind]))
        *law = og_hardware_default().device.read;
}

og_status og_hardware_layer(const struct og_hardware *base, const char *layer,
                            struct og_hardware *own, struct og_error *err)
{
    const og_item *entry = entry_of(base->layers, layer);
    *own = *base;
    own->layers = NULL;
    if (entry == NULL) {
        og_variant_apply(own, layer);
        return OG_OK;
    }
    replace_law(&own->device.program, entry, "device.program.kind");
    replace_law(&own->device.read, entry, "device.read.kind");
    og_item *keys = og_item_copy(entry);
    if (keys == NULL)
        return og_fail(err, OG_NO_MEMORY, "no memory for the hardware of layer '%s'",
                       layer);
    og_item_remove(keys, "layer");
    const og_status status = og_fields_bind_given(og_hardware_fields, keys, own, err);
    og_item_free(keys);
    og_variant_apply(own, layer);
    return status;
}

bool og_hardware_differs(const struct og_hardware *base)
{
    return base->layers != NULL || og_variant_is_of_layer(base);
}

size_t og_hardware_layers(const struct og_hardware *base)
{
    size_t n = 0;
    for (size_t i = 0; base->layers != NULL && i < base->layers->n; i++)
        n += names_of(base->layers->child[i]);
    return n;
}

const og_item *og_hardware_layer_name(const struct og_hardware *base, size_t at)
{
    for (size_t i = 0; i < base->layers->n; i++) {
        const size_t n = names_of(base->layers->child[i]);
        if (at < n) return name_of(base->layers->child[i], at);
        at -= n;
    }
    return NULL;
}

// --- checks --------------------------------------------------------------------------

static og_status check_names(const og_item *entry, struct og_error *err)
{
    const og_item *layer =
        entry->kind == OG_ITEM_MAP ? og_item_get(entry, "layer") : NULL;
    if (layer == NULL || layer->kind == OG_ITEM_MAP ||
        (layer->kind == OG_ITEM_LIST && layer->n == 0))
        return og_item_fail(entry, err,
                            "must be {layer: NAME or a list of names, and the keys of "
                            "hardware that differ}");
    for (size_t i = 0; i < names_of(entry); i++)
        if (name_of(entry, i)->kind != OG_ITEM_SCALAR)
            return og_item_fail(name_of(entry, i), err, "must be the name of a layer");
    return OG_OK;
}

// What holds for a network, or a whole chip, cannot differ between its layers.
static og_status check_whole(const og_item *entry, struct og_error *err)
{
    static const char *const whole[] = {"preset",     "layers",          "variant",
                                        "technology", "injection.power", "fault_map"};
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
        const og_item *key = og_item_find(entry, whole[i], false);
        if (key != NULL)
            return og_item_fail(key, err, "holds for the whole network, not for a layer");
    }
    return OG_OK;
}

static og_status check_entry(const struct og_hardware *base, const og_item *entry,
                             struct og_error *err)
{
    struct og_hardware own;
    OG_TRY(check_whole(entry, err));
    for (size_t i = 0; i < names_of(entry); i++) {
        const og_item *name = name_of(entry, i);
        for (size_t k = 0; k < i; k++)
            if (og_item_is_text(name_of(entry, k), name->text))
                return og_item_fail(name, err, "'%s' is named twice", name->text);
        if (entry_of(base->layers, name->text) != entry)
            return og_item_fail(name, err, "'%s' has an entry already", name->text);
    }
    OG_TRY(og_hardware_layer(base, name_of(entry, 0)->text, &own, err));
    return og_hardware_check(&own, entry, err);
}

og_status og_hardware_layers_check(const struct og_hardware *base, struct og_error *err)
{
    const og_item *layers = base->layers;
    if (layers == NULL) return OG_OK;
    if (layers->kind != OG_ITEM_LIST)
        return og_item_fail(layers, err, "must be a list of {layer, keys of hardware}");
    for (size_t i = 0; i < layers->n; i++) OG_TRY(check_names(layers->child[i], err));
    for (size_t i = 0; i < layers->n; i++)
        OG_TRY(check_entry(base, layers->child[i], err));
    return OG_OK;
}
