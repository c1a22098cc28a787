// SPDX-License-Identifier: GPL-3.0-or-later
// Names of tensors. A name is read as a path with '/' or '.' between its parts. Of Keras'
// names (layer/layer/kernel:0) the end ":0", repeated parts and the part of the cell
// (lstm_cell) are dropped. Then model.rename is applied, and what is left must be the
// name of a layer and of its tensor, all parts joined by '_': "layer1.0.conv1.weight" is
// tensor "weight" of layer "layer1_0_conv1".
#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "nn/weights.h"

enum { LIST_ROOM = 24 };  // for ", and 100000 more"

void og_name_list_add(struct og_name_list *list, const char *name)
{
    const size_t used = strlen(list->text), room = sizeof list->text - LIST_ROOM - used;
    list->n++;
    if (list->shown + 1 < list->n) return;
    const size_t n = strlen(name) + (used ? 2 : 0);
    if (n >= room) return;
    snprintf(list->text + used, room, "%s%s", used ? ", " : "", name);
    list->shown++;
}

void og_name_list_end(struct og_name_list *list)
{
    const size_t used = strlen(list->text);
    if (list->shown < list->n)
        snprintf(list->text + used, sizeof list->text - used, "%s%zu more",
                 used ? " and " : "", list->n - list->shown);
}

// --- groups -------------------------------------------------------------------------

static void dots_for_slashes(char *text)
{
    for (; *text; text++)
        if (*text == '/') *text = '.';
}

// Whether `name` lies below `group`; *rest: what follows. The empty group holds all.
static bool lies_below(const char *name, const char *group, const char **rest)
{
    const size_t n = strlen(group);
    *rest = name;
    if (n == 0) return true;
    if (strncmp(name, group, n) != 0 || name[n] != '.' || !name[n + 1]) return false;
    *rest = name + n + 1;
    return true;
}

// The models of a result file, m0 and so on, below "model".
static og_status choose_model(const struct og_weight_match *m, char *group, size_t size,
                              struct og_error *err)
{
    struct og_name_list found = {0};
    char last[OG_WEIGHT_NAME] = "";
    for (size_t i = 0; i < m->file->n; i++) {
        const char *rest;
        char name[OG_WEIGHT_NAME];
        if (!lies_below(m->file->entry[i].key, "model", &rest)) continue;
        snprintf(name, sizeof name, "%.*s", (int)strcspn(rest, "."), rest);
        if (strcmp(name, last) == 0) continue;
        snprintf(last, sizeof last, "%s", name);
        og_name_list_add(&found, name);
    }
    og_name_list_end(&found);
    if (found.n == 0)
        return og_fail(err, OG_INPUT,
                       "%s is a result file without models (output.model: false)",
                       m->file->path);
    if (found.n > 1)
        return og_fail(err, OG_INPUT,
                       "%s holds several models (%s): choose one by model.weights_group",
                       m->file->path, found.text);
    snprintf(group, size, "model.%s", last);
    return OG_OK;
}

static og_status choose_group(const struct og_weight_match *m, char *group, size_t size,
                              struct og_error *err)
{
    const char *given = m->config->group, *rest;
    snprintf(group, size, "%s%s", m->file->ohmgrid && *given ? "model." : "", given);
    dots_for_slashes(group);
    if (*given) return OG_OK;
    if (m->file->ohmgrid) return choose_model(m, group, size, err);
    // Keras puts the state of its optimiser beside the weights.
    for (size_t i = 0; i < m->file->n; i++)
        if (lies_below(m->file->entry[i].key, "model_weights", &rest)) {
            snprintf(group, size, "model_weights");
            break;
        }
    return OG_OK;
}

// Cuts the group off the keys.
static og_status apply_group(struct og_weight_match *m, struct og_error *err)
{
    char group[160];
    size_t kept = 0;
    OG_TRY(choose_group(m, group, sizeof group, err));
    for (size_t i = 0; i < m->file->n; i++) {
        struct og_weight_entry *e = &m->file->entry[i];
        const char *rest;
        e->used = !lies_below(e->key, group, &rest);
        if (e->used) continue;
        memmove(e->key, rest, strlen(rest) + 1);
        kept++;
    }
    if (kept > 0) return OG_OK;
    return og_fail(err, OG_INPUT, "%s has no tensors in group '%s' (model.weights_group)",
                   m->file->path, m->config->group);
}

// --- Keras --------------------------------------------------------------------------

static const char *last_part(const char *key)
{
    const char *dot = strrchr(key, '.');
    return dot ? dot + 1 : key;
}

static bool is_keras(const struct og_weight_match *m)
{
    for (size_t i = 0; i < m->file->n; i++) {
        const char *last = last_part(m->file->entry[i].key);
        const size_t n = strcspn(last, ":");
        if (!m->file->entry[i].used &&
            ((n == 6 && strncmp(last, "kernel", n) == 0) ||
             (n == 5 && strncmp(last, "gamma", n) == 0) ||
             (n == 16 && strncmp(last, "depthwise_kernel", n) == 0)))
            return true;
    }
    return false;
}

// lstm_cell, gru_cell_3, simple_rnn_cell.
static bool is_cell(const char *part)
{
    static const char *const cells[] = {"lstm_cell", "gru_cell", "simple_rnn_cell"};
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
        const size_t n = strlen(cells[i]);
        if (strncmp(part, cells[i], n) == 0 &&
            strspn(part + n, "_0123456789") == strlen(part + n))
            return true;
    }
    return false;
}

// In place; the key never grows but by "_reverse", for which it has room.
static void clean_keras(char *key)
{
    char from[OG_WEIGHT_NAME], last[OG_WEIGHT_NAME] = "", *rest = from, *part;
    bool backward = false;
    char *colon = strrchr(key, ':');
    if (colon) *colon = '\0';
    snprintf(from, sizeof from, "%s", key);
    key[0] = '\0';
    while ((part = strsep(&rest, "."))) {
        const bool direction = rest && strncmp(part, "forward_", 8) == 0;
        const bool reverse = rest && strncmp(part, "backward_", 9) == 0;
        backward = backward || reverse;
        if (direction || reverse || (rest && is_cell(part)) || strcmp(part, last) == 0)
            continue;
        if (*key) strcat(key, ".");
        strcat(key, part);
        snprintf(last, sizeof last, "%s", part);
    }
    if (backward) strcat(key, "_reverse");
}

// --- renaming -----------------------------------------------------------------------

static og_status rename_one(struct og_weight_entry *e, const char *from, const char *to,
                            struct og_error *err)
{
    char text[OG_WEIGHT_NAME + 128];
    snprintf(text, sizeof text, "%s%s", to, e->key + strlen(from));
    char *key = og_copy_text(text);
    if (!key) return og_fail(err, OG_NO_MEMORY, "out of memory for names");
    og_free(e->key);
    e->key = key;
    return OG_OK;
}

static og_status apply_renames(struct og_weight_match *m, struct og_error *err)
{
    const struct og_weights_config *c = m->config;
    bool fits[OG_RENAMES] = {false};
    for (size_t i = 0; i < m->file->n; i++) {
        struct og_weight_entry *e = &m->file->entry[i];
        for (int r = 0; !e->used && r < c->renames; r++) {
            char from[sizeof c->rename[r].from];
            snprintf(from, sizeof from, "%s", c->rename[r].from);
            dots_for_slashes(from);
            if (strncmp(e->key, from, strlen(from)) != 0) continue;
            OG_TRY(rename_one(e, from, c->rename[r].to, err));
            fits[r] = true;
            break;
        }
    }
    for (int r = 0; r < c->renames; r++)
        if (!fits[r])
            return og_fail(err, OG_INPUT,
                           "model.rename: no tensor of %s begins with '%s'",
                           m->file->path, c->rename[r].from);
    return OG_OK;
}

// --- keys ---------------------------------------------------------------------------

og_status og_weights_name(struct og_weight_match *m, struct og_error *err)
{
    for (size_t i = 0; i < m->file->n; i++) {
        struct og_weight_entry *e = &m->file->entry[i];
        e->key = og_alloc(strlen(e->name) + sizeof "_reverse", 1);
        if (!e->key) return og_fail(err, OG_NO_MEMORY, "out of memory for names");
        strcpy(e->key, e->name);
        dots_for_slashes(e->key);
    }
    OG_TRY(apply_group(m, err));
    const bool keras = is_keras(m);
    for (size_t i = 0; keras && i < m->file->n; i++)
        if (!m->file->entry[i].used) clean_keras(m->file->entry[i].key);
    OG_TRY(apply_renames(m, err));
    for (size_t i = 0; i < m->file->n; i++)
        for (char *c = m->file->entry[i].key; *c; c++)
            if (*c == '.' || *c == '/') *c = '_';
    return OG_OK;
}

static og_status find_one(const struct og_weight_match *m, const char *key,
                          struct og_weight_entry **entry, struct og_error *err)
{
    const struct og_weight_entry *other = NULL;
    *entry = NULL;
    for (size_t i = 0; i < m->file->n; i++) {
        struct og_weight_entry *e = &m->file->entry[i];
        if (e->used || strcmp(e->key, key) != 0) continue;
        other = *entry;
        *entry = e;
        if (other)
            return og_fail(err, OG_INPUT, "%s: both '%.200s' and '%.200s' are %s",
                           m->file->path, other->name, e->name, key);
    }
    if (*entry && (*entry)->type == OG_WEIGHT_OTHER)
        return og_fail(err, OG_INPUT,
                       "%s: tensor '%.200s' does not hold floating-point numbers",
                       m->file->path, (*entry)->name);
    return OG_OK;
}

og_status og_weights_find(const struct og_weight_match *m, const struct og_node *node,
                          const char *const *leaf, struct og_weight_entry **entry,
                          struct og_error *err)
{
    *entry = NULL;
    for (; *leaf && !*entry; leaf++) {
        char key[sizeof node->name + 64];
        snprintf(key, sizeof key, "%s_%s", node->name, *leaf);
        OG_TRY(find_one(m, key, entry, err));
    }
    return OG_OK;
}
