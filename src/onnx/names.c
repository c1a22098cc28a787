// SPDX-License-Identifier: GPL-3.0-or-later
// Open addressing with linear probing (Knuth, TAOCP 3, 6.4 L), at most half full.
#include "onnx/names.h"

#include <string.h>

#include "base/mem.h"

enum { FIRST_ROOM = 64 };

// FNV-1a, 64 bits (Fowler, Noll, Vo).
static uint64_t hash_of(const char *name)
{
    uint64_t h = 14695981039346656037u;
    for (; *name; name++) h = (h ^ (unsigned char)*name) * 1099511628211u;
    return h;
}

// Where a name is, or the empty slot where it would be. A slot holds number + 1.
static size_t slot_of(const struct og_names *names, const char *name)
{
    size_t at = hash_of(name) % names->slots;
    while (names->slot[at] && strcmp(names->name[names->slot[at] - 1], name) != 0)
        at = (at + 1) % names->slots;
    return at;
}

size_t og_names_find(const struct og_names *names, const char *name)
{
    if (!names->slots) return OG_NO_NAME;
    size_t number = names->slot[slot_of(names, name)];
    return number ? number - 1 : OG_NO_NAME;
}

static bool widen(struct og_names *names)
{
    size_t room = names->room ? 2 * names->room : FIRST_ROOM;
    char **name = og_grow(names->name, names->room, room, sizeof *name);
    if (!name) return false;
    names->name = name;
    names->room = room;
    size_t *slot = og_alloc(2 * room, sizeof *slot);
    if (!slot) return false;
    og_free(names->slot);
    names->slot = slot;
    names->slots = 2 * room;
    for (size_t i = 0; i < names->n; i++) slot[slot_of(names, name[i])] = i + 1;
    return true;
}

bool og_names_add(struct og_names *names, const char *name, size_t *number)
{
    if (2 * names->n >= names->slots && !widen(names)) return false;
    size_t at = slot_of(names, name);
    if (!names->slot[at]) {
        char *copy = og_copy_text(name);
        if (!copy) return false;
        names->name[names->n] = copy;
        names->slot[at] = ++names->n;
    }
    *number = names->slot[at] - 1;
    return true;
}

void og_names_free(struct og_names *names)
{
    for (size_t i = 0; i < names->n; i++) og_free(names->name[i]);
    og_free(names->name);
    og_free(names->slot);
    *names = (struct og_names){0};
}
