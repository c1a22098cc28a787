// SPDX-License-Identifier: GPL-3.0-or-later
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config/tree.h"

og_item *og_item_new(enum og_item_kind kind, const char *text, const char *file, int line)
{
    og_item *item = og_alloc(1, sizeof *item);
    if (item == NULL) return NULL;
    item->kind = kind;
    item->line = line;
    if (text != NULL) item->text = og_copy_text(text);
    if (file != NULL) item->file = og_copy_text(file);
    if ((text != NULL && item->text == NULL) || (file != NULL && item->file == NULL)) {
        og_item_free(item);
        return NULL;
    }
    return item;
}

void og_item_free(og_item *item)
{
    if (item == NULL) return;
    for (size_t i = 0; i < item->n; i++) og_item_free(item->child[i]);
    og_free(item->child);
    og_free(item->key);
    og_free(item->text);
    og_free((void *)item->file);
    og_free(item);
}

og_item *og_item_copy(const og_item *item)
{
    if (item == NULL) return NULL;
    og_item *copy = og_item_new(item->kind, item->text, item->file, item->line);
    if (copy == NULL) return NULL;
    copy->quoted = item->quoted;
    bool ok = true;
    if (item->key != NULL) ok = (copy->key = og_copy_text(item->key)) != NULL;
    for (size_t i = 0; i < item->n && ok; i++) {
        og_item *child = og_item_copy(item->child[i]);
        ok = child != NULL && og_item_put(copy, NULL, child);
    }
    if (ok) return copy;
    og_item_free(copy);
    return NULL;
}

static bool append(og_item *parent, og_item *child)
{
    // Room grows in powers of two, so that n alone tells when it is full.
    size_t n = parent->n;
    if (n == 0 || (n >= 4 && (n & (n - 1)) == 0)) {
        og_item **grown =
            og_grow(parent->child, n, n == 0 ? 4 : 2 * n, sizeof(og_item *));
        if (grown == NULL) return false;
        parent->child = grown;
    }
    parent->child[parent->n++] = child;
    return true;
}

bool og_item_put(og_item *parent, const char *key, og_item *child)
{
    assert(parent->kind != OG_ITEM_SCALAR && child != NULL);
    child->parent = parent;
    bool ok = true;
    if (key != NULL) {
        char *name = og_copy_text(key);
        ok = name != NULL;
        og_free(child->key);
        child->key = name;
    }
    for (size_t i = 0; ok && key != NULL && i < parent->n; i++) {
        if (strcmp(parent->child[i]->key, key) != 0) continue;
        og_item_free(parent->child[i]);
        parent->child[i] = child;
        return true;
    }
    if (ok) ok = append(parent, child);
    if (!ok) og_item_free(child);
    return ok;
}

void og_item_remove(og_item *map, const char *key)
{
    for (size_t i = 0; i < map->n; i++) {
        if (strcmp(map->child[i]->key, key) != 0) continue;
        og_item_free(map->child[i]);
        map->n--;
        memmove(&map->child[i], &map->child[i + 1], (map->n - i) * sizeof *map->child);
        return;
    }
}

// One step of a path: a key, or an index into a list.
struct step {
    char key[128];
    bool is_index;
    size_t index;
};

// Reads the step at *path and moves on; false: malformed, or the end.
static bool next_step(const char **path, struct step *step)
{
    const char *p = *path;
    step->is_index = *p == '[';
    if (step->is_index) {
        char *end;
        if (p[1] < '0' || p[1] > '9') return false;
        step->index = strtoul(p + 1, &end, 10);
        if (*end != ']') return false;
        p = end + 1;
    } else {
        size_t n = strcspn(p, ".[");
        if (n == 0 || n >= sizeof step->key) return false;
        memcpy(step->key, p, n);
        step->key[n] = '\0';
        p += n;
    }
    if (*p == '.' && p[1] != '\0' && p[1] != '.' && p[1] != '[')
        p++;
    else if (*p != '\0' && *p != '[')
        return false;
    *path = p;
    return true;
}

static const og_item *take_step(const og_item *at, const struct step *step)
{
    if (!step->is_index) return og_item_get(at, step->key);
    return at->kind == OG_ITEM_LIST && step->index < at->n ? at->child[step->index]
                                                           : NULL;
}

const og_item *og_item_find(const og_item *root, const char *path, bool nearest)
{
    struct step step;
    while (root != NULL && *path != '\0') {
        if (!next_step(&path, &step)) return nearest ? root : NULL;
        const og_item *down = take_step(root, &step);
        if (down == NULL) return nearest ? root : NULL;
        root = down;
    }
    return root;
}

// Replaces entry `index` of a list.
static void replace(og_item *list, size_t index, og_item *child)
{
    og_item_free(list->child[index]);
    list->child[index] = child;
    child->parent = list;
}

// The map under `key`, made if absent.
static og_item *enter(og_item *at, const struct step *step, const og_item *value,
                      struct og_error *err)
{
    og_item *down = (og_item *)take_step(at, step);
    if (down != NULL) return down;
    if (step->is_index || at->kind != OG_ITEM_MAP) {
        og_item_fail(value, err, "'%s' cannot be set: %s",
                     step->is_index ? "[]" : step->key,
                     step->is_index ? "there is no such entry in the list"
                                    : "what stands above it is not a map");
        return NULL;
    }
    down = og_item_new(OG_ITEM_MAP, NULL, value->file, value->line);
    if (down == NULL || !og_item_put(at, step->key, down)) {
        og_fail(err, OG_NO_MEMORY, "out of memory");
        return NULL;
    }
    return down;
}

static og_status put_copy(og_item *at, const struct step *step, const og_item *value,
                          struct og_error *err)
{
    if (step->is_index ? take_step(at, step) == NULL : at->kind != OG_ITEM_MAP)
        return og_item_fail(value, err, "cannot be set there: %s",
                            step->is_index ? "there is no such entry in the list"
                                           : "what stands above it is not a map");
    og_item *copy = og_item_copy(value);
    if (copy != NULL && step->is_index) {
        og_free(copy->key);
        copy->key = NULL;
        replace(at, step->index, copy);
    } else if (copy == NULL || !og_item_put(at, step->key, copy)) {
        return og_fail(err, OG_NO_MEMORY, "out of memory");
    }
    return OG_OK;
}

og_status og_item_set(og_item *root, const char *path, const og_item *value,
                      struct og_error *err)
{
    struct step step;
    const char *rest = path;
    for (;;) {
        if (!next_step(&rest, &step))
            return og_item_fail(value, err, "'%s' is not a key like a.b or a.b[2].c",
                                path);
        if (*rest == '\0') return put_copy(root, &step, value, err);
        root = enter(root, &step, value, err);
        if (root == NULL) return err != NULL ? err->status : OG_INPUT;
    }
}

void og_print_quoted(const char *text, FILE *out)
{
    fputc('"', out);
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\')
            fprintf(out, "\\%c", *c);
        else if (*c < 0x20 || *c == 0x7f)
            fprintf(out, "\\x%02X", *c);
        else
            fputc(*c, out);
    }
    fputc('"', out);
}

static void print_entry(const og_item *child, FILE *out, int indent, bool first_of_dash)
{
    if (!first_of_dash) fprintf(out, "%*s", 2 * indent, "");
    if (child->key != NULL)
        fprintf(out, "%s:", child->key);
    else
        fputc('-', out);
    bool dash = child->key == NULL && child->kind == OG_ITEM_MAP && child->n > 0;
    if (dash) {
        fputc(' ', out);
        for (size_t i = 0; i < child->n; i++)
            print_entry(child->child[i], out, indent + 1, i == 0);
    } else if (child->kind != OG_ITEM_SCALAR && child->n > 0) {
        fputc('\n', out);
        og_item_print(child, out, indent + 1);
    } else {
        fputc(' ', out);
        og_item_print(child, out, 0);
    }
}

void og_item_print(const og_item *item, FILE *out, int indent)
{
    if (item->kind == OG_ITEM_SCALAR) {
        if (item->quoted)
            og_print_quoted(item->text, out);
        else
            fputs(item->text, out);
        fputc('\n', out);
    } else if (item->n == 0) {
        fputs(item->kind == OG_ITEM_LIST ? "[]\n" : "{}\n", out);
    }
    for (size_t i = 0; i < item->n; i++) print_entry(item->child[i], out, indent, false);
}
