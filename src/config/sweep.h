// SPDX-License-Identifier: GPL-3.0-or-later
// The parts of an experiment that its files share.
#ifndef OG_CONFIG_SWEEP_H
#define OG_CONFIG_SWEEP_H

#include "config/search.h"
#include "config/tables.h"
#include "config/weights.h"

enum { OG_STAGES = OG_STAGE_OUTPUT + 1, OG_KEY_TEXT = 33 };

// Values of one axis column, as they stand in the file.
struct og_sweep_column {
    char key[128], name[64];
    const og_item *entry, *values, *labels;  // borrowed from the document
};
extern const struct og_field og_column_fields[];  // of struct og_sweep_column

// The rounds of compression at one point.
struct og_round_list {
    og_item *items;  // NULL: those of the base
    size_t used;
    char (*key)[OG_KEY_TEXT];  // [used]
};

struct og_experiment {
    og_item *base;  // the document with --set applied; devices as the user wrote them
    char *folder;
    struct og_device_cache cache;
    struct og_weights_cache weights, fault_maps;
    struct og_hardware nominal;
    og_item *nominal_layers;  // of nominal
    og_item *(
        *layer_hw)[OG_HARDWARE_BLOCKS];  // [point]: layers of each hardware, or NULL
    size_t axes, points;
    struct og_axis *axis;
    struct og_sweep_column **column;  // [axis][column]
    bool models_differ;
    og_item **layers;  // [point], only if models differ
    bool rounds_differ;
    struct og_round_list *rounds;         // [point]
    char (*key)[OG_STAGES][OG_KEY_TEXT];  // [point]
    char (*passes)[OG_KEY_TEXT];          // [point]: of the evaluation but its vote
    char (*source)[OG_KEY_TEXT];          // [point]: of the training that attacks
    char *text;
};

// --- axes.c --------------------------------------------------------------------------
// Reads names, keys and items of all axes from `sweep` (may be NULL).
og_status og_sweep_read(og_experiment *e, const og_item *sweep, struct og_error *err);
// Values and labels, once every point has been found valid.
og_status og_sweep_fill(og_experiment *e, struct og_error *err);
void og_sweep_free(og_experiment *e);
// Puts the values of `point` into a copy of the base.
og_status og_sweep_apply(const og_experiment *e, size_t point, og_item *root,
                         struct og_error *err);
bool og_sweep_has(const og_experiment *e, const char *key);
// One key of an experiment, from an axis or --set.
og_status og_config_set(og_item *root, const char *key, const og_item *value,
                        struct og_error *err);
// The row of a key, looking into train.hardware and
// compress.hardware as well; NULL: none.
const struct og_field *og_config_field(const char *key);

// --- text.c --------------------------------------------------------------------------
og_status og_config_text(og_experiment *e, const struct og_raw_config *raw,
                         struct og_error *err);
og_status og_config_keys(const struct og_raw_config *raw,
                         char key[OG_STAGES][OG_KEY_TEXT], struct og_error *err);
// The key of the evaluation, whatever the vote.
og_status og_config_passes_key(const struct og_raw_config *raw, char key[OG_KEY_TEXT],
                               struct og_error *err);
// The key of the training with the seed of the attack.
og_status og_config_source_key(const struct og_raw_config *raw, char key[OG_KEY_TEXT],
                               struct og_error *err);
// list->used and list->key, from the stage keys; then the key of the stage itself.
og_status og_config_round_keys(const struct og_raw_config *raw,
                               char key[OG_STAGES][OG_KEY_TEXT],
                               struct og_round_list *list, struct og_error *err);

#endif
