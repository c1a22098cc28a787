// SPDX-License-Identifier: GPL-3.0-or-later
// A file or text that is a hardware and nothing else.
#include "config/hardware_file.h"

#include <string.h>

#include "base/mem.h"
#include "config/search.h"
#include "config/tables.h"
#include "config/weights.h"

static og_status no_memory(struct og_error *err)
{
    return og_fail(err, OG_NO_MEMORY, "out of memory while reading the hardware");
}

// {hardware: ...}, which device files are resolved in.
static og_status wrap(og_item *root, og_item **wrapped, struct og_error *err)
{
    *wrapped = NULL;
    if (root->kind != OG_ITEM_MAP)
        return og_item_fail(root, err, "a hardware must be a map of keys");
    const og_item *own = og_item_get(root, "hardware");
    if (own != NULL && root->n > 1)
        return og_item_fail(root->child[root->child[0] == own], err,
                            "unknown beside 'hardware': this file is a hardware alone");
    if (own != NULL && own->kind != OG_ITEM_MAP)
        return og_item_fail(own, err, "a hardware must be a map of keys");
    og_item *copy = og_item_copy(own != NULL ? own : root);
    *wrapped = og_item_new(OG_ITEM_MAP, NULL, root->file, root->line);
    if (copy == NULL || *wrapped == NULL) {
        og_item_free(copy);
        return no_memory(err);
    }
    return og_item_put(*wrapped, "hardware", copy) ? OG_OK : no_memory(err);
}

static og_status bind(og_item *root, const char *beside, struct og_hardware *hardware,
                      struct og_error *err)
{
    struct og_device_cache cache = {.beside = beside};
    og_status status = og_devices_resolve(&cache, root, err);
    const og_item *map = og_item_get(root, "hardware");
    if (status == OG_OK) status = og_fields_bind(og_hardware_fields, map, hardware, err);
    struct og_weights_cache maps = {.beside = beside};
    if (status == OG_OK) status = og_fault_map_resolve(&maps, hardware, root, err);
    og_free(maps.file);
    if (status == OG_OK) status = og_hardware_check(hardware, map, err);
    og_device_cache_free(&cache);
    return status;
}

og_status og_hardware_parse(struct og_hardware *hardware, og_item **tree,
                            const struct og_hardware_text *text, struct og_error *err)
{
    og_item *root = NULL;
    *tree = NULL;
    *hardware = og_hardware_default();
    og_status status = og_item_parse(&root, text->name, text->text, err);
    if (status == OG_OK) status = wrap(root, tree, err);
    if (status == OG_OK) status = bind(*tree, text->beside, hardware, err);
    og_item_free(root);
    if (status == OG_OK) return OG_OK;
    og_item_free(*tree);
    *tree = NULL;
    return status;
}

og_status og_hardware_read(struct og_hardware *hardware, const char *path,
                           struct og_error *err)
{
    og_item *root = NULL, *wrapped = NULL;
    const char *slash = strrchr(path, '/');
    char *beside = og_copy_text(slash != NULL ? path : ".");
    *hardware = og_hardware_default();
    if (beside == NULL) return no_memory(err);
    if (slash != NULL) beside[slash == path ? 1 : slash - path] = '\0';
    og_status status = og_item_read(&root, path, err);
    if (status == OG_OK) status = wrap(root, &wrapped, err);
    if (status == OG_OK) status = bind(wrapped, beside, hardware, err);
    if (status == OG_OK && hardware->layers != NULL)
        status = og_item_fail(hardware->layers, err, "layers are those of an experiment");
    og_item_free(wrapped);
    og_item_free(root);
    og_free(beside);
    return status;
}
