// SPDX-License-Identifier: GPL-3.0-or-later
// Sweep axes: what the file says about them, and their values put into a configuration.
#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config/number.h"
#include "config/sweep.h"

enum { MAX_POINTS = 100000 };

const struct og_field og_column_fields[] = {
    {.key = "key",
     .type = OG_FIELD_TEXT,
     .offset = offsetof(struct og_sweep_column, key),
     .size = sizeof((struct og_sweep_column *)0)->key,
     .stage = OG_STAGE_OUTPUT,
     .help = "The swept key, for instance hardware.adc.bits."},
    {.key = "name",
     .type = OG_FIELD_TEXT,
     .offset = offsetof(struct og_sweep_column, name),
     .size = sizeof((struct og_sweep_column *)0)->name,
     .def = "",
     .stage = OG_STAGE_OUTPUT,
     .help = "Name of the axis in the result; by default the end of the key."},
    {.key = "values",
     .type = OG_FIELD_ITEM,
     .offset = offsetof(struct og_sweep_column, values),
     .stage = OG_STAGE_OUTPUT,
     .help = "List of values."},
    {.key = "labels",
     .type = OG_FIELD_ITEM,
     .offset = offsetof(struct og_sweep_column, labels),
     .def = "",
     .stage = OG_STAGE_OUTPUT,
     .help = "List of names for the values."},
    {.key = NULL},
};

static og_status no_memory(struct og_error *err)
{
    return og_fail(err, OG_NO_MEMORY, "out of memory while reading the sweep");
}

const struct og_field *og_config_field(const char *key)
{
    static const char *const own[] = {"train.hardware.", "compress.hardware."};
    for (size_t i = 0; i < 2; i++)
        if (strncmp(key, own[i], strlen(own[i])) == 0)
            return og_fields_find(og_hardware_fields, key + strlen(own[i]));
    return og_fields_find(og_root_fields, key);
}

// hardware.adc.bits -> adc_bits, hardware.device -> device, seed -> seed
static void default_name(struct og_sweep_column *c)
{
    const char *start = c->key, *dot;
    while ((dot = strchr(start, '.')) != NULL && strchr(dot + 1, '.') != NULL)
        start = dot + 1;
    if (strncmp(start, "hardware.", 9) == 0) start += 9;
    size_t n = 0;
    for (const char *p = start; *p != '\0' && n + 1 < sizeof c->name; p++) {
        bool word = isalnum((unsigned char)*p) || *p == '_';
        if (word)
            c->name[n++] = *p;
        else if (n > 0 && c->name[n - 1] != '_')
            c->name[n++] = '_';
    }
    c->name[n] = '\0';
}

// Datasets beside the axes in /layers; a dimension of theirs.
static bool is_layer_metric(const char *name)
{
    static const char *const taken[] = {"part",
                                        "snr_local",
                                        "snr_total",
                                        "dac_clipped",
                                        "adc_clipped",
                                        "adc_use",
                                        "adc_inl",
                                        "adc_dnl",
                                        "adc_enob",
                                        "reads",
                                        "tiles",
                                        "devices",
                                        "utilisation",
                                        "conversions",
                                        "ramp_cells",
                                        "ramp_gain",
                                        "ramp_inl",
                                        "ramp_inl_rms",
                                        "ramp_dnl",
                                        "drift_factor",
                                        "stuck",
                                        "stuck_error",
                                        "program_error_mean",
                                        "program_error_rms",
                                        "program_pulses",
                                        "program_pulses_most",
                                        "program_accepted",
                                        "program_energy",
                                        "program_time",
                                        "wire_lost",
                                        "wire_approximate",
                                        "wire_ladder",
                                        "wire_cubic",
                                        "wire_noise"};
    static const char *const costs[] = {"energy",     "latency", "interval", "area",
                                        "throughput", "power",   "part_"};
    for (size_t i = 0; i < sizeof costs / sizeof *costs; i++)
        if (strncmp(name, costs[i], strlen(costs[i])) == 0) return true;
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        if (strcmp(name, taken[i]) == 0) return true;
    return false;
}

static og_status check_name(const struct og_sweep_column *c, struct og_error *err)
{
    const char *n = c->name;
    bool word = isalpha((unsigned char)*n) || *n == '_';
    for (; *n != '\0'; n++) word = word && (isalnum((unsigned char)*n) || *n == '_');
    if (!word)
        return og_item_fail(c->entry, err,
                            "axis name '%s' is not made of letters, digits and _",
                            c->name);
    // Datasets beside the axes: accuracy, accuracy_mean, loss_low, ...
    if (strcmp(c->name, "trial") == 0 || strcmp(c->name, "done") == 0 ||
        strcmp(c->name, "trained") == 0 || strncmp(c->name, "accuracy", 8) == 0 ||
        strncmp(c->name, "loss", 4) == 0 || strncmp(c->name, "compressed", 10) == 0 ||
        strncmp(c->name, "compression", 11) == 0 || is_layer_metric(c->name))
        return og_item_fail(c->entry, err, "axis name '%s' is taken by the result file",
                            c->name);
    return OG_OK;
}

static og_status check_labels(const struct og_sweep_column *c, struct og_error *err)
{
    if (c->labels == NULL) return OG_OK;
    if (c->labels->kind != OG_ITEM_LIST || c->labels->n != c->values->n)
        return og_item_fail(c->labels, err, "must be a list of %zu labels, one per value",
                            c->values->n);
    for (size_t i = 0; i < c->labels->n; i++)
        if (c->labels->child[i]->kind != OG_ITEM_SCALAR)
            return og_item_fail(c->labels->child[i], err, "a label must be text");
    return OG_OK;
}

static og_status read_column(struct og_sweep_column *c, const og_item *entry,
                             struct og_error *err)
{
    OG_TRY(og_fields_bind(og_column_fields, entry, c, err));
    c->entry = entry;
    if (c->values->kind != OG_ITEM_LIST || c->values->n == 0)
        return og_item_fail(c->values, err, "must be a list of at least one value");
    if (c->name[0] == '\0') default_name(c);
    const struct og_field *f = og_config_field(c->key);
    if (f != NULL && (f->stage == OG_STAGE_OUTPUT || strcmp(c->key, "kernels") == 0))
        return og_item_fail(og_item_get(entry, "key"), err,
                            "'%s' holds for a whole run and cannot be swept", c->key);
    OG_TRY(check_name(c, err));
    return check_labels(c, err);
}

static og_status read_axis(og_experiment *e, size_t a, const og_item *entry,
                           struct og_error *err)
{
    const og_item *zip = og_item_get(entry, "zip");
    if (zip != NULL && (zip->kind != OG_ITEM_LIST || zip->n == 0 || entry->n != 1))
        return og_item_fail(entry, err, "zip must be a list of axes, and stand alone");
    size_t columns = zip != NULL ? zip->n : 1;
    struct og_sweep_column *c = og_alloc(columns, sizeof *c);
    e->column[a] = c;
    if (c == NULL) return no_memory(err);
    e->axis[a].columns = (int)columns;
    for (size_t i = 0; i < columns; i++) {
        OG_TRY(read_column(&c[i], zip != NULL ? zip->child[i] : entry, err));
        if (c[i].values->n != c[0].values->n)
            return og_item_fail(c[i].values, err,
                                "has %zu values, but '%s', zipped with it, has %zu",
                                c[i].values->n, c[0].key, c[0].values->n);
    }
    e->axis[a].n = c[0].values->n;
    return OG_OK;
}

static og_status check_twins(const og_experiment *e, const struct og_sweep_column *c,
                             struct og_error *err)
{
    for (size_t a = 0; a < e->axes; a++) {
        for (int i = 0; i < e->axis[a].columns; i++) {
            const struct og_sweep_column *other = &e->column[a][i];
            if (other == c) return OG_OK;
            if (strcmp(other->key, c->key) == 0)
                return og_item_fail(c->entry, err, "'%s' is swept twice", c->key);
            if (strcmp(other->name, c->name) == 0)
                return og_item_fail(
                    c->entry, err, "two axes are called '%s': give them a name", c->name);
        }
    }
    return OG_OK;
}

og_status og_sweep_read(og_experiment *e, const og_item *sweep, struct og_error *err)
{
    e->points = 1;
    if (sweep == NULL) return OG_OK;
    if (sweep->kind != OG_ITEM_LIST)
        return og_item_fail(sweep, err, "must be a list of axes {key, name, values}");
    e->axis = og_alloc(sweep->n, sizeof *e->axis);
    e->column = og_alloc(sweep->n, sizeof *e->column);
    if (e->axis == NULL || e->column == NULL) return no_memory(err);
    e->axes = sweep->n;
    for (size_t a = 0; a < e->axes; a++) {
        OG_TRY(read_axis(e, a, sweep->child[a], err));
        if (e->points > MAX_POINTS / e->axis[a].n)
            return og_item_fail(sweep, err, "has more than %d points", MAX_POINTS);
        e->points *= e->axis[a].n;
        for (int i = 0; i < e->axis[a].columns; i++) {
            OG_TRY(check_twins(e, &e->column[a][i], err));
            if (strncmp(e->column[a][i].key, "model", 5) == 0) e->models_differ = true;
            if (strncmp(e->column[a][i].key, "compress", 8) == 0) e->rounds_differ = true;
        }
    }
    return OG_OK;
}

bool og_sweep_has(const og_experiment *e, const char *key)
{
    for (size_t a = 0; a < e->axes; a++)
        for (int i = 0; i < e->axis[a].columns; i++)
            if (strcmp(e->column[a][i].key, key) == 0) return true;
    return false;
}

static bool names_file(const char *key, const char *block)
{
    size_t n = strlen(block);
    return strncmp(key, block, n) == 0 &&
           (key[n] == '\0' || strcmp(key + n, ".name") == 0);
}

og_status og_config_set(og_item *root, const char *key, const og_item *value,
                        struct og_error *err)
{
    size_t places = value->kind == OG_ITEM_SCALAR ? OG_HARDWARE_BLOCKS : 0;
    OG_TRY(og_devices_expand(root, err));
    for (size_t i = 0; i < places * OG_FILE_KINDS; i++) {
        const struct og_file_kind *kind = &og_file_kinds[i % OG_FILE_KINDS];
        char path[OG_ITEM_PATH];
        snprintf(path, sizeof path, "%s.%s", og_hardware_blocks[i / OG_FILE_KINDS],
                 kind->key);
        og_item *block = (og_item *)og_item_find(root, path, false);
        if (names_file(key, path) && block != NULL && block->kind == OG_ITEM_MAP)
            return og_device_rename(block, kind->fields, "name", value, err);
    }
    for (size_t i = 0; i < OG_HARDWARE_BLOCKS && places > 0; i++) {
        char path[OG_ITEM_PATH];
        snprintf(path, sizeof path, "%s.preset", og_hardware_blocks[i]);
        og_item *block = (og_item *)og_item_find(root, og_hardware_blocks[i], false);
        if (strcmp(key, path) == 0 && block != NULL && block->kind == OG_ITEM_MAP)
            return og_device_rename(block, og_hardware_fields, "preset", value, err);
    }
    return og_item_set(root, key, value, err);
}

// Shorter keys first: what replaces a whole block must not undo a key inside it.
static const struct og_sweep_column *next_column(const og_experiment *e, size_t *index,
                                                 size_t *axis, size_t length)
{
    size_t at = 0;
    for (size_t a = 0; a < e->axes; a++) {
        for (int i = 0; i < e->axis[a].columns; i++, at++) {
            if (at < *index || strlen(e->column[a][i].key) != length) continue;
            *index = at + 1;
            *axis = a;
            return &e->column[a][i];
        }
    }
    return NULL;
}

static bool kind_is_swept(const og_experiment *e, const char *key)
{
    char kind[sizeof e->column[0]->key + 8];
    const char *dot = strrchr(key, '.');
    int n = dot != NULL ? (int)(dot - key) : 0;
    snprintf(kind, sizeof kind, "%.*s.kind", n, key);
    return og_sweep_has(e, kind);
}

og_status og_sweep_apply(const og_experiment *e, size_t point, og_item *root,
                         struct og_error *err)
{
    for (size_t length = 0; length < sizeof e->column[0]->key; length++) {
        size_t index = 0, a = 0;
        const struct og_sweep_column *c;
        while ((c = next_column(e, &index, &a, length)) != NULL) {
            size_t stride = 1;
            for (size_t later = a + 1; later < e->axes; later++)
                stride *= e->axis[later].n;
            const og_item *value = c->values->child[point / stride % e->axis[a].n];
            OG_TRY(og_config_set(root, c->key, value, err));
            if (!kind_is_swept(e, c->key)) OG_TRY(og_device_wake(root, c->key, err));
        }
    }
    return OG_OK;
}

// --- values --------------------------------------------------------------------------
static bool is_numeric(const struct og_sweep_column *c, const struct og_field *f)
{
    double value;
    if (c->labels != NULL) return false;
    if (f->type == OG_FIELD_REAL || f->type == OG_FIELD_INT || f->type == OG_FIELD_U64)
        return true;
    if (f->type != OG_FIELD_ITEM) return false;
    for (size_t i = 0; i < c->values->n; i++) {
        const og_item *v = c->values->child[i];
        if (v->kind != OG_ITEM_SCALAR || v->quoted ||
            og_number_read(v->text, NULL, &value) != OG_NUMBER_OK)
            return false;
    }
    return true;
}

// "X+H" for a list of words; NULL when there is no short text for it.
static og_status label_of(const struct og_sweep_column *c, size_t i, char **label,
                          struct og_error *err)
{
    char text[256] = "";
    const og_item *v = c->labels != NULL ? c->labels->child[i] : c->values->child[i];
    bool simple = v->kind != OG_ITEM_MAP;
    if (v->kind == OG_ITEM_SCALAR) snprintf(text, sizeof text, "%s", v->text);
    for (size_t k = 0; k < v->n && simple; k++) {
        size_t used = strlen(text);
        simple = v->child[k]->kind == OG_ITEM_SCALAR;
        if (simple)
            snprintf(text + used, sizeof text - used, "%s%s", k > 0 ? "+" : "",
                     v->child[k]->text);
    }
    if (v->kind == OG_ITEM_LIST && v->n == 0) snprintf(text, sizeof text, "none");
    if (!simple) return og_item_fail(v, err, "has no short text: give the axis labels");
    *label = og_copy_text(text);
    return *label != NULL ? OG_OK : no_memory(err);
}

static og_status check_distinct(const struct og_axis_column *out,
                                const struct og_sweep_column *c, struct og_error *err)
{
    for (size_t i = 0; i < c->values->n; i++) {
        for (size_t k = 0; k < i; k++) {
            bool same = out->text ? strcmp(out->label[i], out->label[k]) == 0
                                  : out->value[i] == out->value[k];
            if (same)
                return og_item_fail(c->values->child[i], err,
                                    "axis '%s' has this value or label twice", c->name);
        }
    }
    return OG_OK;
}

static og_status fill_column(struct og_axis_column *out, const struct og_sweep_column *c,
                             struct og_error *err)
{
    const struct og_field *f = og_config_field(c->key);
    assert(f != NULL);  // or a point would have been refused
    size_t n = c->values->n;
    const char *unit = f->unit != NULL ? f->unit : "1";
    out->text = !is_numeric(c, f);
    memcpy(out->name, c->name, sizeof out->name);
    memcpy(out->key, c->key, sizeof out->key);
    if (!out->text) snprintf(out->units, sizeof out->units, "%s", unit);
    out->value = out->text ? NULL : og_alloc(n, sizeof *out->value);
    out->label = out->text ? og_alloc(n, sizeof *out->label) : NULL;
    if (out->value == NULL && out->label == NULL) return no_memory(err);
    for (size_t i = 0; i < n; i++) {
        if (out->text)
            OG_TRY(label_of(c, i, &out->label[i], err));
        else
            og_number_read(c->values->child[i]->text, f->unit, &out->value[i]);
    }
    return OG_OK;
}

og_status og_sweep_fill(og_experiment *e, struct og_error *err)
{
    for (size_t a = 0; a < e->axes; a++) {
        struct og_axis *axis = &e->axis[a];
        axis->column = og_alloc((size_t)axis->columns, sizeof *axis->column);
        if (axis->column == NULL) return no_memory(err);
        for (int i = 0; i < axis->columns; i++)
            OG_TRY(fill_column(&axis->column[i], &e->column[a][i], err));
        OG_TRY(check_distinct(&axis->column[0], &e->column[a][0], err));
    }
    return OG_OK;
}

void og_sweep_free(og_experiment *e)
{
    for (size_t a = 0; e->axis != NULL && a < e->axes; a++) {
        struct og_axis *axis = &e->axis[a];
        for (int i = 0; axis->column != NULL && i < axis->columns; i++) {
            struct og_axis_column *c = &axis->column[i];
            for (size_t k = 0; c->label != NULL && k < axis->n; k++) og_free(c->label[k]);
            og_free(c->label);
            og_free(c->value);
        }
        og_free(axis->column);
        og_free(e->column[a]);
    }
    og_free(e->axis);
    og_free(e->column);
}
