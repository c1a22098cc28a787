// SPDX-License-Identifier: GPL-3.0-or-later
// Configurations as text: the effective YAML, the hashes of stages, differences, help.
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config/sweep.h"

static og_status no_memory(struct og_error *err)
{
    return og_fail(err, OG_NO_MEMORY, "out of memory while writing a configuration");
}

// --- hashes --------------------------------------------------------------------------
static uint64_t mix(uint64_t x)
{
    // The finaliser of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static void hash_text(const char *text, size_t n, char key[OG_KEY_TEXT])
{
    // FNV-1a, and beside it a chain of SplitMix64 steps: unrelated functions, so that 128
    // bits are worth 128.
    uint64_t fnv = UINT64_C(0xcbf29ce484222325), chain = n;
    for (size_t i = 0; i < n; i++) {
        fnv = (fnv ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
        chain = mix(chain + UINT64_C(0x9e3779b97f4a7c15) + (unsigned char)text[i]);
    }
    snprintf(key, OG_KEY_TEXT, "%016" PRIx64 "%016" PRIx64, mix(fnv), chain);
}

// What a network that learns sees of its hardware: not what it costs.
static void hardware_lines(const struct og_hardware *h, const char *prefix, FILE *out)
{
    const struct og_hardware standard = og_hardware_default();
    struct og_hardware seen = *h;
    seen.technology = standard.technology;
    seen.tile.columns_per_adc = standard.tile.columns_per_adc;
    if (h->ideal)
        fprintf(out, "%s.ideal=true\n", prefix);
    else
        og_fields_lines(og_hardware_fields, &seen, prefix, OG_STAGE_EVALUATE, out);
}

// The key of what was written to `out`, which ends here.
static og_status close_hash(FILE *out, char **text, const size_t *n,
                            char key[OG_KEY_TEXT], struct og_error *err)
{
    const bool failed = ferror(out) != 0;
    const bool good = fclose(out) == 0 && !failed;
    if (good) hash_text(*text, *n, key);
    free(*text);
    return good ? OG_OK : no_memory(err);
}

static og_status hash_stage(const struct og_raw_config *raw, enum og_stage stage,
                            char key[OG_KEY_TEXT], struct og_error *err)
{
    struct og_raw_config seen = *raw;
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    if (out == NULL) return no_memory(err);
    // Training depends on the hardware that it sees, not on the word that chose it.
    seen.train_hardware = seen.compress_hardware = NULL;
    og_fields_lines(og_root_fields, &seen, "", stage, out);
    if (stage >= OG_STAGE_TRAIN)
        hardware_lines(&raw->config.train.hardware, "train.hardware", out);
    if (stage >= OG_STAGE_COMPRESS)
        hardware_lines(&raw->config.compress.hardware, "compress.hardware", out);
    return close_hash(out, &text, &n, key, err);
}

og_status og_config_passes_key(const struct og_raw_config *raw, char key[OG_KEY_TEXT],
                               struct og_error *err)
{
    struct og_raw_config seen = *raw;
    seen.config.evaluate.votes = 1;
    seen.config.evaluate.vote = OG_VOTE_MAJORITY;
    return hash_stage(&seen, OG_STAGE_EVALUATE, key, err);
}

og_status og_config_source_key(const struct og_raw_config *raw, char key[OG_KEY_TEXT],
                               struct og_error *err)
{
    struct og_raw_config seen = *raw;
    seen.config.train.seed = raw->config.attack.train_seed;
    return hash_stage(&seen, OG_STAGE_TRAIN, key, err);
}

// One round after the others, whose key is `before`.
static og_status hash_round(const struct og_raw_config *raw, const char *before,
                            const og_item *round, char key[OG_KEY_TEXT],
                            struct og_error *err)
{
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    if (out == NULL) return no_memory(err);
    fprintf(out, "%s\n", before);
    hardware_lines(&raw->config.compress.hardware, "compress.hardware", out);
    og_item_print(round, out, 0);
    return close_hash(out, &text, &n, key, err);
}

og_status og_config_round_keys(const struct og_raw_config *raw,
                               char key[OG_STAGES][OG_KEY_TEXT],
                               struct og_round_list *list, struct og_error *err)
{
    const struct og_compress_config *c = &raw->config.compress;
    const char *before = key[OG_STAGE_TRAIN];
    list->used = c->used;
    list->key = og_alloc(c->used, sizeof *list->key);
    if (list->key == NULL) return no_memory(err);
    for (size_t i = 0; i < c->used; i++) {
        OG_TRY(hash_round(raw, before, c->rounds->child[i], list->key[i], err));
        before = list->key[i];
    }
    memcpy(key[OG_STAGE_COMPRESS], before, OG_KEY_TEXT);
    return OG_OK;
}

og_status og_config_keys(const struct og_raw_config *raw,
                         char key[OG_STAGES][OG_KEY_TEXT], struct og_error *err)
{
    for (int stage = 0; stage < OG_STAGES; stage++)
        OG_TRY(hash_stage(raw, (enum og_stage)stage, key[stage], err));
    return OG_OK;
}

// --- effective text ------------------------------------------------------------------
static og_status parse_printed(const struct og_field *fields, const void *source,
                               og_item **item, struct og_error *err)
{
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    if (out == NULL) return no_memory(err);
    og_fields_print(fields, source, out, 0);
    bool failed = ferror(out) != 0;
    og_status status = fclose(out) != 0 || failed
                           ? no_memory(err)
                           : og_item_parse(item, "the effective text", text, err);
    free(text);
    return status;
}

// A swept device, technology or preset stays as the user wrote it: its numbers differ
// from point to point.
static og_status restore_files(const og_experiment *e, const char *hardware,
                               og_item *tree, struct og_error *err)
{
    char preset[72];
    snprintf(preset, sizeof preset, "%s.preset", hardware);
    const og_item *all = og_item_find(e->base, hardware, false);
    if (all != NULL && og_sweep_has(e, preset))
        return og_item_set(tree, hardware, all, err);
    for (int k = 0; k < OG_FILE_KINDS; k++) {
        char path[72], name[80];
        snprintf(path, sizeof path, "%s.%s", hardware, og_file_kinds[k].key);
        snprintf(name, sizeof name, "%s.name", path);
        const og_item *own = og_item_find(e->base, path, false);
        if (own == NULL || !(og_sweep_has(e, path) || og_sweep_has(e, name))) continue;
        OG_TRY(og_item_set(tree, path, own, err));
    }
    return OG_OK;
}

// A seed of training that follows the seed of the experiment is left out, so that it
// still does when the text is read with another seed.
static void drop_default_seed(const og_experiment *e, og_item *tree)
{
    if (og_item_find(e->base, "train.seed", false) == NULL)
        og_item_remove((og_item *)og_item_get(tree, "train"), "seed");
}

// A block of hardware of its own, with all its keys.
static og_status complete_own(const og_experiment *e, const og_item *given,
                              const char *path, const struct og_hardware *hardware,
                              og_item *tree, struct og_error *err)
{
    og_item *own;
    if (given == NULL || given->kind != OG_ITEM_MAP) return OG_OK;
    OG_TRY(parse_printed(og_hardware_fields, hardware, &own, err));
    og_status status = og_item_set(tree, path, own, err);
    og_item_free(own);
    OG_TRY(status);
    return restore_files(e, path, tree, err);
}

static og_status complete_tree(const og_experiment *e, const struct og_raw_config *raw,
                               og_item *tree, struct og_error *err)
{
    OG_TRY(complete_own(e, raw->train_hardware, "train.hardware",
                        &raw->config.train.hardware, tree, err));
    OG_TRY(complete_own(e, raw->compress_hardware, "compress.hardware",
                        &raw->config.compress.hardware, tree, err));
    drop_default_seed(e, tree);
    OG_TRY(og_weights_state(&e->weights, tree, err));
    OG_TRY(og_fault_map_state(&e->fault_maps, tree, err));
    return restore_files(e, "hardware", tree, err);
}

og_status og_config_text(og_experiment *e, const struct og_raw_config *raw,
                         struct og_error *err)
{
    og_item *tree;
    size_t n = 0;
    OG_TRY(parse_printed(og_root_fields, raw, &tree, err));
    og_status status = complete_tree(e, raw, tree, err);
    FILE *out = status == OG_OK ? open_memstream(&e->text, &n) : NULL;
    if (out != NULL) og_item_print(tree, out, 0);
    if (status == OG_OK && (out == NULL || fclose(out) != 0)) status = no_memory(err);
    og_item_free(tree);
    return status;
}

// --- differences ---------------------------------------------------------------------
struct list {
    char *text;
    size_t size;
};

static void add_path(struct list *list, const og_item *item)
{
    char path[OG_ITEM_PATH];
    size_t used = strlen(list->text);
    og_item_path(item, path);
    snprintf(list->text + used, list->size - used, "%s%s", used ? ", " : "", path);
}

static void compare(const og_item *a, const og_item *b, struct list *list)
{
    bool same_shape = a->kind == b->kind;
    if (same_shape && a->kind == OG_ITEM_SCALAR) same_shape = !strcmp(a->text, b->text);
    if (same_shape && a->kind == OG_ITEM_LIST) same_shape = a->n == b->n;
    if (!same_shape) {
        add_path(list, a);
        return;
    }
    for (size_t i = 0; i < a->n; i++) {
        const og_item *twin =
            a->kind == OG_ITEM_LIST ? b->child[i] : og_item_get(b, a->child[i]->key);
        if (twin == NULL)
            add_path(list, a->child[i]);
        else
            compare(a->child[i], twin, list);
    }
    for (size_t i = 0; a->kind == OG_ITEM_MAP && i < b->n; i++)
        if (og_item_get(a, b->child[i]->key) == NULL) add_path(list, b->child[i]);
}

void og_experiment_differences(const char *text_a, const char *text_b, char *out,
                               size_t size)
{
    og_item *a = NULL, *b = NULL;
    struct list list = {out, size};
    assert(size > 0);
    out[0] = '\0';
    og_item_parse(&a, "a", text_a, NULL);
    og_item_parse(&b, "b", text_b, NULL);
    if (a != NULL && b != NULL)
        compare(a, b, &list);
    else
        snprintf(out, size, "(one of the texts cannot be read)");
    og_item_free(a);
    og_item_free(b);
}

void og_config_print_keys(FILE *out)
{
    og_fields_help(og_root_fields, "", OG_STAGE_DATA, out);
    og_fields_help(og_column_fields, "sweep[]", OG_STAGE_OUTPUT, out);
}
