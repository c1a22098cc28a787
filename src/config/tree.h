// SPDX-License-Identifier: GPL-3.0-or-later
// YAML documents as trees with line marks (libyaml underneath).
#ifndef OG_CONFIG_TREE_H
#define OG_CONFIG_TREE_H

#include "ohmgrid/config.h"

enum og_item_kind { OG_ITEM_SCALAR, OG_ITEM_LIST, OG_ITEM_MAP };

struct og_item {
    enum og_item_kind kind;
    char *key;    // in a map, else NULL
    char *text;   // scalar
    bool quoted;  // a quoted scalar is text, never a number
    const char *file;
    int line;  // 0: not of a file (--set, a default)
    size_t n;
    struct og_item **child;
    const struct og_item *parent;  // NULL: root
};

const og_item *og_item_get(const og_item *map, const char *key);  // NULL: absent
// Refuses aliases, duplicate keys, second documents. `name` is what errors call it.
og_status og_item_read(og_item **root, const char *path, struct og_error *err);
og_status og_item_parse(og_item **root, const char *name, const char *text,
                        struct og_error *err);
void og_item_free(og_item *item);
// NULL when out of memory, or when item is NULL. The copy has no parent.
og_item *og_item_copy(const og_item *item);
// "file:line: key 'a': ..." — the one way in which a wrong item is reported.
og_status og_item_fail(const og_item *item, struct og_error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

enum { OG_ITEM_PATH = 256 };
// "model.layers[2].units", cut off at OG_ITEM_PATH - 1 bytes.
void og_item_path(const og_item *item, char path[OG_ITEM_PATH]);
bool og_item_is_text(const og_item *item, const char *text);  // a scalar that says so

// --- editing (tree_edit.c) -----------------------------------------------------------
// A bare scalar, list or map; the texts are copied and may be NULL. NULL: out of
// memory.
og_item *og_item_new(enum og_item_kind kind, const char *text, const char *file,
                     int line);
// Puts `child` at the end of a map (under `key`) or list (key NULL) and takes it; an
// entry of the same key is replaced in its place. False, and `child` freed, when out of
// memory.
bool og_item_put(og_item *parent, const char *key, og_item *child);
void og_item_remove(og_item *map, const char *key);  // nothing when it is not there
// The item at "a.b[2].c". `nearest`: the deepest one that exists on the way, else NULL.
const og_item *og_item_find(const og_item *root, const char *path, bool nearest);
// Puts a copy of `value` at `path`, creating maps on the way. What cannot be walked
// through is an error told about `value`.
og_status og_item_set(og_item *root, const char *path, const og_item *value,
                      struct og_error *err);
// Writes block style, two blanks per level, each line after `indent` levels.
void og_item_print(const og_item *item, FILE *out, int indent);
void og_print_quoted(const char *text, FILE *out);

#endif
