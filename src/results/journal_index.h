// SPDX-License-Identifier: GPL-3.0-or-later
// Which entries a journal holds, and where: payloads stay in the file.
#ifndef OG_RESULTS_JOURNAL_INDEX_H
#define OG_RESULTS_JOURNAL_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OG_JOURNAL_KEY = 40 };

struct og_slot {
    uint32_t kind, crc;  // crc: of the payload
    char key[OG_JOURNAL_KEY];
    uint64_t offset, size;  // of the payload
    bool live;              // false: dropped
};

// An open-addressing table of slot numbers + 1. All zero: empty.
struct og_slots {
    struct og_slot *slot;
    size_t n, room;
    uint32_t *table;
    size_t table_size;  // power of two, more than twice n
};

struct og_slot *og_slots_find(const struct og_slots *s, uint32_t kind, const char *key);
// Finds or adds; NULL when out of memory.
struct og_slot *og_slots_add(struct og_slots *s, uint32_t kind, const char *key);
void og_slots_free(struct og_slots *s);

#endif
