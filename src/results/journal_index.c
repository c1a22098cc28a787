// SPDX-License-Identifier: GPL-3.0-or-later
#include "results/journal_index.h"

#include <string.h>

#include "base/mem.h"

// FNV-1a, 64 bits.
static uint64_t hash(uint32_t kind, const char *key)
{
    uint64_t h = 0xcbf29ce484222325u ^ kind;
    for (h *= 0x100000001b3u; *key != '\0'; key++)
        h = (h ^ (unsigned char)*key) * 0x100000001b3u;
    return h ^ h >> 32;
}

// The place of (kind, key) in the table, or the free place where it belongs.
static size_t place(const struct og_slots *s, uint32_t kind, const char *key)
{
    size_t mask = s->table_size - 1, at = hash(kind, key) & mask;
    for (; s->table[at] != 0; at = (at + 1) & mask) {
        const struct og_slot *slot = &s->slot[s->table[at] - 1];
        if (slot->kind == kind && strcmp(slot->key, key) == 0) break;
    }
    return at;
}

struct og_slot *og_slots_find(const struct og_slots *s, uint32_t kind, const char *key)
{
    if (s->table_size == 0) return NULL;
    uint32_t number = s->table[place(s, kind, key)];
    return number == 0 ? NULL : &s->slot[number - 1];
}

static bool make_room(struct og_slots *s)
{
    if (s->n < s->room) return true;
    size_t room = s->room == 0 ? 64 : 2 * s->room;
    struct og_slot *slot = og_grow(s->slot, s->room, room, sizeof *slot);
    if (slot == NULL) return false;
    s->slot = slot;
    uint32_t *table = og_alloc(4 * room, sizeof *table);
    if (table == NULL) return false;
    og_free(s->table);
    s->table = table;
    s->table_size = 4 * room;
    s->room = room;
    for (size_t i = 0; i < s->n; i++)
        s->table[place(s, slot[i].kind, slot[i].key)] = (uint32_t)i + 1;
    return true;
}

struct og_slot *og_slots_add(struct og_slots *s, uint32_t kind, const char *key)
{
    struct og_slot *slot = og_slots_find(s, kind, key);
    if (slot != NULL) return slot;
    if (!make_room(s)) return NULL;
    slot = &s->slot[s->n];
    slot->kind = kind;
    strcpy(slot->key, key);
    s->table[place(s, kind, key)] = (uint32_t)++s->n;
    return slot;
}

void og_slots_free(struct og_slots *s)
{
    og_free(s->slot);
    og_free(s->table);
    *s = (struct og_slots){0};
}
