// SPDX-License-Identifier: GPL-3.0-or-later
// A device (or technology) block is its file with the user's keys on top.
#include <string.h>

#include "base/mem.h"
#include "config/search.h"
#include "config/tables.h"

static og_status no_memory(struct og_error *err)
{
    return og_fail(err, OG_NO_MEMORY, "out of memory while reading a device");
}

// The key that decides on each kind of a law.
static const char *const laws[][2] = {{"sigma", "constant"},
                                      {"fraction", "proportional"},
                                      {"coefficients", "polynomial"},
                                      {"limit", "saturating"},
                                      {"table_g", "table"}};
enum { LAWS = sizeof laws / sizeof *laws };

static og_status put_kind(og_item *law, const char *word, const og_item *because,
                          struct og_error *err)
{
    og_item *kind = og_item_new(OG_ITEM_SCALAR, word, because->file, because->line);
    return kind != NULL && og_item_put(law, "kind", kind) ? OG_OK : no_memory(err);
}

// "sigma: 1 uS" alone means kind constant, and so on. Several such keys are left for
// og_device_check to refuse.
static og_status infer_kind(og_item *law, struct og_error *err)
{
    if (law == NULL || law->kind != OG_ITEM_MAP || og_item_get(law, "kind") != NULL)
        return OG_OK;
    for (size_t i = 0; i < LAWS; i++) {
        const og_item *key = og_item_get(law, laws[i][0]);
        if (key != NULL) return put_kind(law, laws[i][1], key, err);
    }
    return OG_OK;
}

og_status og_device_wake(og_item *root, const char *key, struct og_error *err)
{
    char path[OG_ITEM_PATH];
    snprintf(path, sizeof path, "%s", key);
    char *dot = strrchr(path, '.');
    if (dot == NULL) return OG_OK;
    *dot = '\0';
    const char *law_name = strrchr(path, '.');
    og_item *law = (og_item *)og_item_find(root, path, false);
    bool is_law = law_name != NULL && law != NULL &&
                  (!strcmp(law_name, ".program") || !strcmp(law_name, ".read"));
    if (!is_law || !og_item_is_text(og_item_get(law, "kind"), "none")) return OG_OK;
    for (size_t i = 0; i < LAWS; i++)
        if (strcmp(dot + 1, laws[i][0]) == 0)
            return put_kind(law, laws[i][1], og_item_get(law, laws[i][0]), err);
    return OG_OK;
}

og_status og_device_infer(og_item *block, struct og_error *err)
{
    OG_TRY(infer_kind((og_item *)og_item_get(block, "program"), err));
    return infer_kind((og_item *)og_item_get(block, "read"), err);
}

// Another law takes nothing over from the one that it replaces.
static bool replaces(const og_item *below, const og_item *above)
{
    const og_item *kind = og_item_get(above, "kind"), *old = og_item_get(below, "kind");
    return kind != NULL && kind->kind == OG_ITEM_SCALAR &&
           !og_item_is_text(old, kind->text);
}

bool og_block_overlay(og_item *below, const og_item *above)
{
    for (size_t i = 0; i < above->n; i++) {
        const og_item *entry = above->child[i];
        og_item *twin = (og_item *)og_item_get(below, entry->key);
        bool merge = twin != NULL && twin->kind == OG_ITEM_MAP &&
                     entry->kind == OG_ITEM_MAP && !replaces(twin, entry);
        if (merge) {
            if (!og_block_overlay(twin, entry)) return false;
            continue;
        }
        og_item *copy = og_item_copy(entry);
        if (copy == NULL || !og_item_put(below, entry->key, copy)) return false;
    }
    return true;
}

// Items are left out of a text where there are none.
bool og_block_is_complete(const struct og_field *fields, const og_item *map)
{
    for (const struct og_field *f = fields; f->key != NULL; f++) {
        const og_item *entry = og_item_get(map, f->key);
        if (f->type == OG_FIELD_ITEM) continue;
        if (entry == NULL) return false;
        if (f->type == OG_FIELD_BLOCK && !og_block_is_complete(f->block, entry))
            return false;
    }
    return true;
}

void og_device_cache_free(struct og_device_cache *cache)
{
    for (int k = 0; k < OG_FILE_KINDS; k++) og_item_free(cache->files[k]);
    og_item_free(cache->presets);
}

og_status og_device_cached(struct og_device_cache *cache, og_item **files,
                           const struct og_file_kind *kind, const og_item *name,
                           const og_item **file, struct og_error *err)
{
    if (*files == NULL) *files = og_item_new(OG_ITEM_MAP, NULL, NULL, 0);
    if (*files == NULL) return no_memory(err);
    *file = og_item_get(*files, name->text);
    if (*file != NULL) return OG_OK;
    og_item *tree;
    OG_TRY(og_file_find(&tree, kind, name->text, cache->beside, name, err));
    *file = tree;
    return og_item_put(*files, name->text, tree) ? OG_OK : no_memory(err);
}

// `block`: {name, and what differs}, in place.
static og_status resolve(struct og_device_cache *cache, const struct og_file_kind *kind,
                         og_item *block, struct og_error *err)
{
    if (block->kind != OG_ITEM_MAP) return OG_OK;
    if (kind == &og_file_kinds[OG_FILE_DEVICE]) OG_TRY(og_device_infer(block, err));
    const og_item *name = og_item_get(block, "name"), *file = NULL;
    if (name == NULL || name->kind != OG_ITEM_SCALAR || name->text[0] == '\0')
        return OG_OK;
    if (og_block_is_complete(kind->fields, block)) return OG_OK;
    og_item **files = &cache->files[kind - og_file_kinds];
    OG_TRY(og_device_cached(cache, files, kind, name, &file, err));
    // The file's entries that the user does not override, then the user's own, so that an
    // error still points to the place where the wrong value was written.
    og_item *merged = og_item_copy(file);
    if (merged == NULL) return no_memory(err);
    bool ok = og_block_overlay(merged, block);
    og_item *own_name = ok ? og_item_copy(og_item_get(file, "name")) : NULL;
    ok = own_name != NULL && og_item_put(merged, "name", own_name);
    for (size_t i = 0; ok && i < merged->n; i++) {
        og_item *copy = og_item_copy(merged->child[i]);
        ok = copy != NULL && og_item_put(block, merged->child[i]->key, copy);
    }
    og_item_free(merged);
    return ok ? OG_OK : no_memory(err);
}

og_status og_device_rename(og_item *block, const struct og_field *fields, const char *key,
                           const og_item *name, struct og_error *err)
{
    bool all = og_block_is_complete(fields, block);
    while (all && block->n > 0) og_item_free(block->child[--block->n]);
    og_item *copy = og_item_copy(name);
    return copy != NULL && og_item_put(block, key, copy) ? OG_OK : no_memory(err);
}

// device: NAME -> device: {name: NAME}
static og_status expand(og_item *hardware, const char *key, struct og_error *err)
{
    const og_item *device = og_item_get(hardware, key);
    if (device == NULL || device->kind != OG_ITEM_SCALAR || device->text[0] == '\0')
        return OG_OK;
    og_item *map = og_item_new(OG_ITEM_MAP, NULL, device->file, device->line);
    og_item *name = map != NULL ? og_item_copy(device) : NULL;
    if (name == NULL || !og_item_put(map, "name", name)) {
        og_item_free(map);
        return no_memory(err);
    }
    return og_item_put(hardware, key, map) ? OG_OK : no_memory(err);
}

// The devices of layers with hardware of their own.
static og_item *layers_of(og_item *hardware)
{
    og_item *layers = (og_item *)og_item_get(hardware, "layers");
    return layers != NULL && layers->kind == OG_ITEM_LIST ? layers : NULL;
}

og_status og_hardware_expand(og_item *hardware, struct og_error *err)
{
    for (size_t k = 0; k < OG_FILE_KINDS; k++)
        OG_TRY(expand(hardware, og_file_kinds[k].key, err));
    const og_item *layers = layers_of(hardware);
    for (size_t i = 0; layers != NULL && i < layers->n; i++)
        if (layers->child[i]->kind == OG_ITEM_MAP)
            OG_TRY(expand(layers->child[i], "device", err));
    return OG_OK;
}

static og_status resolve_layers(struct og_device_cache *cache, og_item *hardware,
                                struct og_error *err)
{
    const og_item *layers = layers_of(hardware);
    for (size_t i = 0; layers != NULL && i < layers->n; i++) {
        og_item *block = (og_item *)og_item_get(layers->child[i], "device");
        if (block != NULL)
            OG_TRY(resolve(cache, &og_file_kinds[OG_FILE_DEVICE], block, err));
    }
    return OG_OK;
}

og_status og_devices_expand(og_item *root, struct og_error *err)
{
    for (size_t i = 0; i < OG_HARDWARE_BLOCKS; i++) {
        og_item *hardware = (og_item *)og_item_find(root, og_hardware_blocks[i], false);
        if (hardware == NULL || hardware->kind != OG_ITEM_MAP) continue;
        OG_TRY(og_hardware_expand(hardware, err));
    }
    return OG_OK;
}

og_status og_devices_resolve(struct og_device_cache *cache, og_item *root,
                             struct og_error *err)
{
    OG_TRY(og_devices_expand(root, err));
    for (size_t i = 0; i < OG_HARDWARE_BLOCKS; i++) {
        og_item *hardware = (og_item *)og_item_find(root, og_hardware_blocks[i], false);
        if (hardware != NULL && hardware->kind == OG_ITEM_MAP)
            OG_TRY(og_preset_resolve(cache, hardware, err));
    }
    for (size_t i = 0; i < OG_HARDWARE_BLOCKS * OG_FILE_KINDS; i++) {
        const struct og_file_kind *kind = &og_file_kinds[i % OG_FILE_KINDS];
        char path[OG_ITEM_PATH];
        snprintf(path, sizeof path, "%s.%s", og_hardware_blocks[i / OG_FILE_KINDS],
                 kind->key);
        og_item *block = (og_item *)og_item_find(root, path, false);
        if (block != NULL) OG_TRY(resolve(cache, kind, block, err));
    }
    for (size_t i = 0; i < OG_HARDWARE_BLOCKS; i++) {
        og_item *hardware = (og_item *)og_item_find(root, og_hardware_blocks[i], false);
        if (hardware != NULL) OG_TRY(resolve_layers(cache, hardware, err));
    }
    return OG_OK;
}
