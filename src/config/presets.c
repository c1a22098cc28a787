// SPDX-License-Identifier: GPL-3.0-or-later
// Presets: files with a whole hardware, {title, citation, hardware}, such as the defaults
// of other simulators. A block `hardware: {preset: NAME, ...}` is the hardware of the
// file with the user's keys on top.
#include <string.h>

#include "base/mem.h"
#include "config/search.h"
#include "config/tables.h"

struct preset {
    char title[256], citation[1024];
    const og_item *hardware;
};

static const struct og_field preset_fields[] = {
    {.key = "title",
     .type = OG_FIELD_TEXT,
     .offset = offsetof(struct preset, title),
     .size = sizeof((struct preset *)0)->title,
     .stage = OG_STAGE_OUTPUT,
     .help = "What the hardware is, in one line."},
    {.key = "citation",
     .type = OG_FIELD_TEXT,
     .offset = offsetof(struct preset, citation),
     .size = sizeof((struct preset *)0)->citation,
     .stage = OG_STAGE_OUTPUT,
     .help = "Where the numbers come from."},
    {.key = "hardware",
     .type = OG_FIELD_ITEM,
     .offset = offsetof(struct preset, hardware),
     .stage = OG_STAGE_PROGRAM,
     .help = "Keys of hardware."},
    {.key = NULL},
};

static og_status no_memory(struct og_error *err)
{
    return og_fail(err, OG_NO_MEMORY, "out of memory while reading a preset");
}

// What stands below `hardware` is checked where it is used, together with the user's
// keys.
static og_status check_preset(og_item *item, struct og_error *err)
{
    struct preset preset;
    OG_TRY(og_fields_bind(preset_fields, item, &preset, err));
    if (preset.hardware->kind != OG_ITEM_MAP)
        return og_item_fail(preset.hardware, err, "must be a map of keys");
    const og_item *other = og_item_get(preset.hardware, "preset");
    if (other != NULL) return og_item_fail(other, err, "a preset has no preset");
    return OG_OK;
}

static const struct og_file_kind preset_kind = {"preset", "device_models/presets",
                                                "hardware preset", og_hardware_fields,
                                                check_preset};

// A device of another name takes nothing over from that of the preset.
static void drop_renamed(og_item *merged, const og_item *own)
{
    for (int k = 0; k < OG_FILE_KINDS; k++) {
        const char *key = og_file_kinds[k].key;
        const og_item *block = og_item_get(own, key);
        const og_item *name = block != NULL ? og_item_get(block, "name") : NULL;
        const og_item *below = og_item_get(merged, key);
        if (name == NULL || name->text == NULL || below == NULL) continue;
        if (!og_item_is_text(og_item_get(below, "name"), name->text))
            og_item_remove(merged, key);
    }
}

static og_status merge(og_item *merged, og_item *own, struct og_error *err)
{
    OG_TRY(og_hardware_expand(merged, err));
    og_item *device = (og_item *)og_item_get(own, "device");
    if (device != NULL && device->kind == OG_ITEM_MAP)
        OG_TRY(og_device_infer(device, err));
    drop_renamed(merged, own);
    bool ok = og_block_overlay(merged, own);
    for (size_t i = 0; ok && i < merged->n; i++) {
        og_item *copy = og_item_copy(merged->child[i]);
        ok = copy != NULL && og_item_put(own, merged->child[i]->key, copy);
    }
    return ok ? OG_OK : no_memory(err);
}

og_status og_preset_resolve(struct og_device_cache *cache, og_item *hardware,
                            struct og_error *err)
{
    const og_item *name = og_item_get(hardware, "preset"), *file;
    if (name == NULL || name->kind != OG_ITEM_SCALAR || name->text[0] == '\0')
        return OG_OK;
    if (og_block_is_complete(og_hardware_fields, hardware)) return OG_OK;
    OG_TRY(og_device_cached(cache, &cache->presets, &preset_kind, name, &file, err));
    og_item *merged = og_item_copy(og_item_get(file, "hardware"));
    if (merged == NULL) return no_memory(err);
    const og_status status = merge(merged, hardware, err);
    og_item_free(merged);
    return status;
}

char **og_preset_names(size_t *n) { return og_file_names(&preset_kind, n); }

og_status og_preset_read(struct og_preset_about *about, const char *name, FILE *keys,
                         struct og_error *err)
{
    og_item *tree;
    struct preset preset;
    OG_TRY(og_file_find(&tree, &preset_kind, name, NULL, NULL, err));
    og_status status = og_fields_bind(preset_fields, tree, &preset, err);
    if (status == OG_OK) {
        memcpy(about->title, preset.title, sizeof about->title);
        memcpy(about->citation, preset.citation, sizeof about->citation);
        if (keys != NULL) og_item_print(tree, keys, 0);
    }
    og_item_free(tree);
    return status;
}
