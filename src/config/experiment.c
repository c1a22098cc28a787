// SPDX-License-Identifier: GPL-3.0-or-later
// An experiment: one document, --set on top, device files below, and every point of its
// sweep checked before anything runs.
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config/sweep.h"

static og_status no_memory(struct og_error *err)
{
    return og_fail(err, OG_NO_MEMORY, "out of memory while reading the experiment");
}

// --- one configuration ---------------------------------------------------------------
// A choice of hardware: a word or a block of its own.
static og_status resolve_hardware(const og_experiment *e, const struct og_config *c,
                                  const og_item *h, struct og_hardware *hardware,
                                  struct og_error *err)
{
    if (h->kind == OG_ITEM_MAP) {
        OG_TRY(og_fields_bind(og_hardware_fields, h, hardware, err));
        OG_TRY(og_hardware_check(hardware, h, err));
        og_variant_apply(hardware, NULL);
        return OG_OK;
    }
    if (og_item_is_text(h, "ideal")) {
        *hardware = og_hardware_default();
        hardware->ideal = true;
    } else if (og_item_is_text(h, "same")) {
        *hardware = c->hardware;
        // What is learnt is the same in all variants of what is evaluated.
        snprintf(hardware->variant, sizeof hardware->variant, "all");
    } else if (og_item_is_text(h, "nominal")) {
        *hardware = e->nominal;
    } else {
        return og_item_fail(h, err,
                            "'%s' is none of: ideal, same, nominal, or a block of "
                            "keys like hardware",
                            h->kind == OG_ITEM_SCALAR ? h->text : "a list");
    }
    return OG_OK;
}

static enum og_train_hardware mode_of(const og_item *h)
{
    if (h == NULL || og_item_is_text(h, "ideal")) return OG_TRAIN_IDEAL;
    if (h->kind == OG_ITEM_MAP) return OG_TRAIN_OWN;
    return og_item_is_text(h, "same") ? OG_TRAIN_SAME : OG_TRAIN_NOMINAL;
}

static og_status resolve_training(const og_experiment *e, struct og_raw_config *raw,
                                  const og_item *root, struct og_error *err)
{
    static const og_item ideal = {.kind = OG_ITEM_SCALAR, .text = (char *)"ideal"};
    struct og_config *c = &raw->config;
    const og_item *h = raw->train_hardware;
    if (og_item_find(root, "train.seed", false) == NULL) c->train.seed = c->seed;
    c->train.hardware_mode = mode_of(h);
    OG_TRY(resolve_hardware(e, c, h ? h : &ideal, &c->train.hardware, err));
    c->compress.hardware = c->train.hardware;
    if (raw->compress_hardware == NULL) return OG_OK;
    return resolve_hardware(e, c, raw->compress_hardware, &c->compress.hardware, err);
}

static og_status keep_nominal(og_experiment *e, const struct og_hardware *hardware,
                              struct og_error *err)
{
    e->nominal = *hardware;
    e->nominal_layers = og_item_copy(hardware->layers);
    e->nominal.layers = e->nominal_layers;
    snprintf(e->nominal.variant, sizeof e->nominal.variant, "all");
    return (hardware->layers == NULL) == (e->nominal_layers == NULL) ? OG_OK
                                                                     : no_memory(err);
}

// Turns a document, devices unresolved, into a checked configuration; the items in `raw`
// are borrowed from `root`.
static og_status bind_root(og_experiment *e, og_item *root, bool nominal,
                           struct og_raw_config *raw, struct og_error *err)
{
    memset(raw, 0, sizeof *raw);
    OG_TRY(og_devices_resolve(&e->cache, root, err));
    OG_TRY(og_fields_bind(og_root_fields, root, raw, err));
    if (nominal) OG_TRY(keep_nominal(e, &raw->config.hardware, err));
    OG_TRY(resolve_training(e, raw, root, err));
    OG_TRY(og_weights_resolve(&e->weights, raw, root, err));
    struct og_hardware *of[] = {&raw->config.hardware, &raw->config.train.hardware,
                                &raw->config.compress.hardware};
    for (size_t i = 0; i < sizeof of / sizeof *of; i++)
        OG_TRY(og_fault_map_resolve(&e->fault_maps, of[i], root, err));
    OG_TRY(og_config_check(&raw->config, root, err));
    og_variant_apply(&raw->config.hardware, NULL);
    struct og_compress_config *c = &raw->config.compress;
    c->used = c->rounds_used >= 0 ? (size_t)c->rounds_used : c->rounds ? c->rounds->n : 0;
    return OG_OK;
}

static og_status bind_point(og_experiment *e, size_t point, og_item **root,
                            struct og_raw_config *raw, struct og_error *err)
{
    *root = og_item_copy(e->base);
    if (*root == NULL) return no_memory(err);
    OG_TRY(og_sweep_apply(e, point, *root, err));
    return bind_root(e, *root, false, raw, err);
}

og_status og_experiment_point(const og_experiment *e, size_t point,
                              struct og_config *config, struct og_error *err)
{
    og_item *root;
    struct og_raw_config raw;
    assert(point < e->points);
    // Every device and weight file is in its cache by now and nominal is not touched: e
    // is only read.
    og_status status = bind_point((og_experiment *)e, point, &root, &raw, err);
    og_item_free(root);
    if (status != OG_OK) return status;
    *config = raw.config;
    config->hardware.layers = e->layer_hw[point][0];
    config->train.hardware.layers = e->layer_hw[point][1];
    config->compress.hardware.layers = e->layer_hw[point][2];
    config->layers = e->models_differ ? e->layers[point]
                                      : og_item_find(e->base, "model.layers", false);
    config->compress.rounds = e->rounds_differ
                                  ? e->rounds[point].items
                                  : og_item_find(e->base, "compress.rounds", false);
    return OG_OK;
}

og_status og_experiment_fail(const og_experiment *e, size_t point, const char *path,
                             struct og_error *err, const char *format, ...)
{
    char text[OG_ERROR_TEXT / 2];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    og_item *root = og_item_copy(e->base);
    if (root == NULL) return no_memory(err);
    og_status status = og_sweep_apply(e, point, root, err);
    if (status == OG_OK) status = og_fail_at(root, path, err, "%s", text);
    og_item_free(root);
    return status;
}

// --- reading -------------------------------------------------------------------------
static void forget_lines(og_item *item)
{
    item->line = 0;
    for (size_t i = 0; i < item->n; i++) forget_lines(item->child[i]);
}

static og_status apply_set(og_item *root, const char *set, struct og_error *err)
{
    char name[OG_ITEM_PATH + 8], key[OG_ITEM_PATH];
    const char *equals = strchr(set, '=');
    og_item *value;
    snprintf(name, sizeof name, "--set %s", set);
    if (equals == NULL || equals == set || (size_t)(equals - set) >= sizeof key)
        return og_fail(err, OG_USAGE,
                       "%s: want key=value, for instance hardware.adc.bits=4", name);
    if (equals[1 + strspn(equals + 1, " ")] == '\0')
        return og_fail(err, OG_USAGE, "%s: there is no value after '='", name);
    snprintf(key, sizeof key, "%.*s", (int)(equals - set), set);
    OG_TRY(og_item_parse(&value, name, equals + 1, err));
    forget_lines(value);
    og_status status = og_config_set(root, key, value, err);
    if (status == OG_OK) status = og_device_wake(root, key, err);
    og_item_free(value);
    return status;
}

static og_status apply_axis(og_item *root, const char *text, struct og_error *err)
{
    og_item *axis, *sweep = (og_item *)og_item_get(root, "sweep");
    OG_TRY(og_item_parse(&axis, "the axis of variants", text, err));
    forget_lines(axis);
    if (sweep == NULL) {
        sweep = og_item_new(OG_ITEM_LIST, NULL, root->file, 0);
        if (sweep == NULL || !og_item_put(root, "sweep", sweep)) {
            og_item_free(axis);
            return no_memory(err);
        }
    }
    if (sweep->kind == OG_ITEM_LIST)
        return og_item_put(sweep, NULL, axis) ? OG_OK : no_memory(err);
    og_item_free(axis);
    return OG_OK;  // what is wrong with the sweep, its reader will say
}

static og_status apply_overrides(og_item *root, const struct og_overrides *o,
                                 struct og_error *err)
{
    if (o == NULL) return OG_OK;
    for (size_t i = 0; i < o->sets; i++) OG_TRY(apply_set(root, o->set[i], err));
    if (o->axis != NULL) OG_TRY(apply_axis(root, o->axis, err));
    if (o->seed == NULL) return OG_OK;
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)*o->seed);
    og_item *seed = og_item_new(OG_ITEM_SCALAR, text, "--seed", 0);
    return seed != NULL && og_item_put(root, "seed", seed) ? OG_OK : no_memory(err);
}

// The layers of each hardware at a point.
static og_status keep_layers(og_item *own[OG_HARDWARE_BLOCKS], const struct og_config *c,
                             struct og_error *err)
{
    const struct og_hardware *of[] = {&c->hardware, &c->train.hardware,
                                      &c->compress.hardware};
    for (size_t i = 0; i < OG_HARDWARE_BLOCKS; i++) {
        if (of[i]->layers == NULL) continue;
        own[i] = og_item_copy(of[i]->layers);
        if (own[i] == NULL) return no_memory(err);
    }
    return OG_OK;
}

// What of a point outlives its document.
static og_status keep_point(og_experiment *e, size_t point,
                            const struct og_raw_config *raw, struct og_error *err)
{
    struct og_round_list *rounds = &e->rounds[point];
    const og_item *items = raw->config.compress.rounds;
    OG_TRY(og_config_keys(raw, e->key[point], err));
    OG_TRY(og_config_passes_key(raw, e->passes[point], err));
    OG_TRY(og_config_source_key(raw, e->source[point], err));
    OG_TRY(og_config_round_keys(raw, e->key[point], rounds, err));
    OG_TRY(keep_layers(e->layer_hw[point], &raw->config, err));
    if (e->models_differ) {
        e->layers[point] = og_item_copy(raw->config.layers);
        if (e->layers[point] == NULL) return no_memory(err);
    }
    if (!e->rounds_differ || items == NULL) return OG_OK;
    rounds->items = og_item_copy(items);
    return rounds->items != NULL ? OG_OK : no_memory(err);
}

static og_status read_points(og_experiment *e, struct og_error *err)
{
    e->key = og_alloc(e->points, sizeof *e->key);
    e->passes = og_alloc(e->points, sizeof *e->passes);
    e->source = og_alloc(e->points, sizeof *e->source);
    if (e->models_differ) e->layers = og_alloc(e->points, sizeof *e->layers);
    e->rounds = og_alloc(e->points, sizeof *e->rounds);
    e->layer_hw = og_alloc(e->points, sizeof *e->layer_hw);
    if (e->key == NULL || e->passes == NULL || e->source == NULL || e->rounds == NULL ||
        e->layer_hw == NULL || (e->models_differ && e->layers == NULL))
        return no_memory(err);
    for (size_t point = 0; point < e->points; point++) {
        og_item *root;
        struct og_raw_config raw;
        og_status status = bind_point(e, point, &root, &raw, err);
        if (status == OG_OK) status = keep_point(e, point, &raw, err);
        og_item_free(root);
        OG_TRY(status);
    }
    return OG_OK;
}

static og_status read_all(og_experiment *e, const struct og_overrides *o,
                          struct og_error *err)
{
    if (e->base->kind != OG_ITEM_MAP)
        return og_item_fail(e->base, err, "an experiment must be a map of keys");
    OG_TRY(apply_overrides(e->base, o, err));
    OG_TRY(og_devices_expand(e->base, err));
    og_item *root = og_item_copy(e->base);
    if (root == NULL) return no_memory(err);
    struct og_raw_config raw;
    og_status status = bind_root(e, root, true, &raw, err);
    if (status == OG_OK) status = og_sweep_read(e, og_item_get(e->base, "sweep"), err);
    if (status == OG_OK) status = read_points(e, err);
    if (status == OG_OK) status = og_weights_check_use(&e->weights, e->base, err);
    if (status == OG_OK) status = og_sweep_fill(e, err);
    if (status == OG_OK) status = og_config_text(e, &raw, err);
    og_item_free(root);
    return status;
}

// text NULL: what the file `path` holds.
static og_status read_from(og_experiment **experiment, const char *path, const char *text,
                           const struct og_overrides *o, struct og_error *err)
{
    *experiment = NULL;
    og_experiment *e = og_alloc(1, sizeof *e);
    if (e == NULL) return no_memory(err);
    og_status status = text != NULL ? og_item_parse(&e->base, path, text, err)
                                    : og_item_read(&e->base, path, err);
    const char *slash = strrchr(path, '/');
    e->folder = og_copy_text(slash != NULL ? path : ".");
    if (e->folder == NULL && status == OG_OK) status = no_memory(err);
    if (e->folder != NULL && slash != NULL)
        e->folder[slash == path ? 1 : slash - path] = 0;
    e->cache.beside = e->weights.beside = e->fault_maps.beside = e->folder;
    e->weights.data = e->fault_maps.data = o != NULL ? o->data : NULL;
    if (status == OG_OK) status = read_all(e, o, err);
    if (status == OG_OK)
        *experiment = e;
    else
        og_experiment_free(e);
    return status;
}

og_status og_experiment_read(og_experiment **e, const char *path,
                             const struct og_overrides *o, struct og_error *err)
{
    return read_from(e, path, NULL, o, err);
}

og_status og_experiment_parse(og_experiment **e, const char *path, const char *text,
                              const struct og_overrides *o, struct og_error *err)
{
    return read_from(e, path, text, o, err);
}

void og_experiment_free(og_experiment *e)
{
    if (e == NULL) return;
    og_sweep_free(e);
    for (size_t i = 0; e->layers != NULL && i < e->points; i++)
        og_item_free(e->layers[i]);
    og_free(e->layers);
    for (size_t i = 0; e->rounds != NULL && i < e->points; i++) {
        og_item_free(e->rounds[i].items);
        og_free(e->rounds[i].key);
    }
    og_free(e->rounds);
    for (size_t i = 0; e->layer_hw != NULL && i < e->points; i++)
        for (int k = 0; k < OG_HARDWARE_BLOCKS; k++) og_item_free(e->layer_hw[i][k]);
    og_free(e->layer_hw);
    og_item_free(e->nominal_layers);
    og_free(e->key);
    og_free(e->passes);
    og_free(e->source);
    og_item_free(e->base);
    og_device_cache_free(&e->cache);
    og_free(e->weights.file);
    og_free(e->fault_maps.file);
    og_free(e->folder);
    free(e->text);
    og_free(e);
}

size_t og_experiment_axes(const og_experiment *e) { return e->axes; }

const struct og_axis *og_experiment_axis(const og_experiment *e, size_t i)
{
    assert(i < e->axes);
    return &e->axis[i];
}

size_t og_experiment_points(const og_experiment *e) { return e->points; }

char *og_experiment_text(const og_experiment *e) { return strdup(e->text); }

void og_experiment_key(const og_experiment *e, size_t point, enum og_stage stage,
                       char key[33])
{
    assert(point < e->points && stage <= OG_STAGE_OUTPUT);
    memcpy(key, e->key[point][stage], OG_KEY_TEXT);
}

void og_experiment_passes_key(const og_experiment *e, size_t point, char key[33])
{
    assert(point < e->points);
    memcpy(key, e->passes[point], OG_KEY_TEXT);
}

void og_experiment_source_key(const og_experiment *e, size_t point, char key[33])
{
    assert(point < e->points);
    memcpy(key, e->source[point], OG_KEY_TEXT);
}

size_t og_experiment_rounds(const og_experiment *e, size_t point)
{
    assert(point < e->points);
    return e->rounds[point].used;
}

void og_experiment_round_key(const og_experiment *e, size_t point, size_t rounds,
                             char key[33])
{
    assert(point < e->points && rounds <= e->rounds[point].used);
    const char *from =
        rounds > 0 ? e->rounds[point].key[rounds - 1] : e->key[point][OG_STAGE_TRAIN];
    memcpy(key, from, OG_KEY_TEXT);
}
