// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "config/tree.h"

static og_status no_memory(struct og_error *err)
{
    return og_fail(err, OG_NO_MEMORY, "out of memory while looking for weights");
}

// --- the file -----------------------------------------------------------------------

static og_status locate(const struct og_weights_cache *cache, const og_item *about,
                        struct og_weights_found *found, struct og_error *err)
{
    const char *folder[] = {cache->beside,          ".",    cache->data,
                            getenv("OHMGRID_DATA"), "data", "/usr/share/datasets"};
    const bool absolute = found->name[0] == '/';
    char tried[OG_ERROR_TEXT / 2] = "";
    for (size_t i = 0; i < sizeof folder / sizeof *folder; i++) {
        struct stat info;
        if (!absolute && (folder[i] == NULL || folder[i][0] == '\0')) continue;
        const int n =
            snprintf(found->path, sizeof found->path, "%s%s%s", absolute ? "" : folder[i],
                     absolute ? "" : "/", found->name);
        if ((size_t)n >= sizeof found->path) continue;
        if (stat(found->path, &info) == 0 &&
            (S_ISREG(info.st_mode) || S_ISDIR(info.st_mode)))
            return OG_OK;
        if (absolute) return og_item_fail(about, err, "there is no such file");
        const size_t used = strlen(tried);
        snprintf(tried + used, sizeof tried - used, "%s%.80s", used ? ", " : "",
                 folder[i]);
    }
    return og_item_fail(about, err, "no file '%.200s'; looked in %s", found->name, tried);
}

static const struct og_weights_found *find(const struct og_weights_cache *cache,
                                           const char *name)
{
    for (size_t i = 0; i < cache->n; i++)
        if (strcmp(cache->file[i].name, name) == 0) return &cache->file[i];
    return NULL;
}

static og_status add(struct og_weights_cache *cache, const char *name,
                     const og_item *about, struct og_error *err)
{
    struct og_weights_found *more =
        og_grow(cache->file, cache->n, cache->n + 1, sizeof *more);
    if (more == NULL) return no_memory(err);
    cache->file = more;
    struct og_weights_found *found = &more[cache->n];
    snprintf(found->name, sizeof found->name, "%s", name);
    OG_TRY(locate(cache, about, found, err));
    OG_TRY(og_digest(found->path, found->digest, err));
    cache->n++;
    return OG_OK;
}

// Whether `digest` is among digests separated by blanks.
static bool is_among(const char *list, const char *digest)
{
    const size_t n = strlen(digest);
    for (list += strspn(list, " "); *list != '\0'; list += strspn(list, " ")) {
        const size_t length = strcspn(list, " ");
        if (length == n && strncmp(list, digest, n) == 0) return true;
        list += length;
    }
    return false;
}

// --- renaming -----------------------------------------------------------------------

static og_status read_prefix(const og_item *entry, const char *key, char *text,
                             size_t size, struct og_error *err)
{
    const og_item *item = og_item_get(entry, key);
    if (item == NULL || item->kind != OG_ITEM_SCALAR)
        return og_item_fail(entry, err,
                            "is a map of two texts, {from: PREFIX, to: PREFIX}");
    if (strlen(item->text) >= size)
        return og_item_fail(item, err, "is longer than %zu bytes", size - 1);
    snprintf(text, size, "%s", item->text);
    return OG_OK;
}

static og_status read_renames(struct og_raw_config *raw, struct og_error *err)
{
    struct og_weights_config *w = &raw->config.weights;
    const og_item *list = raw->weights_rename;
    if (list == NULL) return OG_OK;
    if (list->kind != OG_ITEM_LIST)
        return og_item_fail(list, err, "must be a list of {from: PREFIX, to: PREFIX}");
    if (list->n > OG_RENAMES)
        return og_item_fail(list, err, "has %zu entries; at most %d are allowed", list->n,
                            OG_RENAMES);
    for (size_t i = 0; i < list->n; i++) {
        const og_item *entry = list->child[i];
        struct og_weights_rename *r = &w->rename[w->renames++];
        if (entry->kind != OG_ITEM_MAP || entry->n != 2)
            return og_item_fail(entry, err,
                                "is a map of two texts, {from: PREFIX, to: PREFIX}");
        OG_TRY(read_prefix(entry, "from", r->from, sizeof r->from, err));
        OG_TRY(read_prefix(entry, "to", r->to, sizeof r->to, err));
        if (r->from[0] == '\0') return og_item_fail(entry, err, "'from' is empty");
    }
    return OG_OK;
}

// --- what the experiment calls ------------------------------------------------------

og_status og_weights_resolve(struct og_weights_cache *cache, struct og_raw_config *raw,
                             const og_item *root, struct og_error *err)
{
    struct og_weights_config *w = &raw->config.weights;
    OG_TRY(read_renames(raw, err));
    if (w->file[0] == '\0') {
        w->sha256[0] = '\0';
        return OG_OK;
    }
    const og_item *about = og_item_find(root, "model.weights", true);
    if (find(cache, w->file) == NULL) OG_TRY(add(cache, w->file, about, err));
    const struct og_weights_found *found = find(cache, w->file);
    if (w->sha256[0] != '\0' && !is_among(w->sha256, found->digest))
        return og_item_fail(og_item_find(root, "model.weights_sha256", true), err,
                            "%s has another digest, %s", found->path, found->digest);
    snprintf(w->path, sizeof w->path, "%s", found->path);
    snprintf(w->sha256, sizeof w->sha256, "%s", found->digest);
    return OG_OK;
}

og_status og_weights_check_use(const struct og_weights_cache *cache, const og_item *root,
                               struct og_error *err)
{
    static const char *const keys[] = {"weights_sha256", "weights_group",
                                       "weights_layout", "rename"};
    const og_item *model = og_item_get(root, "model");
    for (size_t i = 0; cache->n == 0 && i < sizeof keys / sizeof *keys; i++) {
        const og_item *item = og_item_get(model, keys[i]);
        const bool given =
            item && (item->kind == OG_ITEM_LIST ? item->n > 0 : item->text[0] != '\0');
        if (given && !og_item_is_text(item, "auto"))
            return og_item_fail(item, err, "has no effect without model.weights");
    }
    return OG_OK;
}

// The digests of all files, separated by blanks; empty: there are none.
static og_status list_digests(const struct og_weights_cache *cache, const char *key,
                              char *list, size_t size, struct og_error *err)
{
    list[0] = '\0';
    for (size_t i = 0; i < cache->n; i++) {
        const size_t used = strlen(list);
        if (is_among(list, cache->file[i].digest)) continue;
        const int n = snprintf(list + used, size - used, "%s%s", used ? " " : "",
                               cache->file[i].digest);
        if ((size_t)n >= size - used)
            return og_fail(err, OG_INPUT,
                           "key '%s': the sweep reads more than %zu different files", key,
                           size / OG_DIGEST_TEXT);
    }
    return OG_OK;
}

og_status og_weights_state(const struct og_weights_cache *cache, og_item *root,
                           struct og_error *err)
{
    char list[sizeof((struct og_weights_config *)0)->sha256];
    OG_TRY(list_digests(cache, "model.weights", list, sizeof list, err));
    if (list[0] == '\0') return OG_OK;
    og_item *text = og_item_new(OG_ITEM_SCALAR, list, NULL, 0);
    og_item *model = (og_item *)og_item_get(root, "model");
    if (text == NULL || !og_item_put(model, "weights_sha256", text))
        return no_memory(err);
    return OG_OK;
}

// --- fault maps ---------------------------------------------------------------------

og_status og_fault_map_resolve(struct og_weights_cache *cache, struct og_hardware *h,
                               const og_item *root, struct og_error *err)
{
    if (h->fault_map.file[0] == '\0') {
        h->fault_map.sha256[0] = '\0';
        return OG_OK;
    }
    const og_item *about = og_item_find(root, "hardware.fault_map", true);
    if (find(cache, h->fault_map.file) == NULL)
        OG_TRY(add(cache, h->fault_map.file, about, err));
    const struct og_weights_found *found = find(cache, h->fault_map.file);
    if (h->fault_map.sha256[0] != '\0' && !is_among(h->fault_map.sha256, found->digest))
        return og_item_fail(about, err, "%s has another digest, %s", found->path,
                            found->digest);
    snprintf(h->fault_map.path, sizeof h->fault_map.path, "%s", found->path);
    snprintf(h->fault_map.sha256, sizeof h->fault_map.sha256, "%s", found->digest);
    return OG_OK;
}

og_status og_fault_map_state(const struct og_weights_cache *cache, og_item *root,
                             struct og_error *err)
{
    char list[sizeof((struct og_hardware *)0)->fault_map.sha256];
    OG_TRY(list_digests(cache, "hardware.fault_map", list, sizeof list, err));
    og_item *map = (og_item *)og_item_find(root, "hardware.fault_map", false);
    if (list[0] == '\0' || map == NULL || map->kind != OG_ITEM_MAP) return OG_OK;
    og_item *text = og_item_new(OG_ITEM_SCALAR, list, NULL, 0);
    return text != NULL && og_item_put(map, "sha256", text) ? OG_OK : no_memory(err);
}
