// SPDX-License-Identifier: GPL-3.0-or-later
// YAML documents as trees with line marks (libyaml underneath).
#ifndef OG_CONFIG_TREE_H
#define OG_CONFIG_TREE_H

#include "ohmgrid/config.h"

enum og_item_kind { OG_ITEM_SCALAR, OG_ITEM_LIST, OG_ITEM_MAP };

struct og_item {
    enum og_item_kind kind;
    char *key;      // in a map, else NULL
    char *text;     // scalar
    bool quoted;    // a quoted scalar is text, never a number
    const char *file;
    int line;
    size_t n;
    struct og_item **child;
};

const og_item *og_item_get(const og_item *map, const char *key);  // NULL: absent
// Refuses aliases, duplicate keys, second documents. `name` is what errors call it.
og_status og_item_read(og_item **root, const char *path, struct og_error *err);
og_status og_item_parse(og_item **root, const char *name, const char *text,
                        struct og_error *err);
void og_item_free(og_item *item);
og_item *og_item_copy(const og_item *item);
// "file:line: key 'a': ..." — the one way in which a wrong item is reported.
og_status og_item_fail(const og_item *item, struct og_error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
