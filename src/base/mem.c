// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/mem.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ALIGNMENT = 64, LARGE = 1 << 30 };

static _Thread_local size_t fail_countdown;

void og_alloc_fail_at(size_t n) { fail_countdown = n; }

// Linux promises memory that there is none of and later kills whoever uses it: what a
// file or a setting asks for in vain should be refused instead.
static bool is_beyond_machine(size_t bytes)
{
    if (bytes < LARGE) return false;
    const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    return pages > 0 && page > 0 && bytes / (size_t)page > (size_t)pages;
}

void *og_alloc(size_t count, size_t size)
{
    if (fail_countdown > 0 && --fail_countdown == 0) return NULL;
    if (size != 0 && count > (SIZE_MAX - 2 * ALIGNMENT) / size) return NULL;
    size_t bytes = count * size;
    size_t rounded = (bytes + ALIGNMENT) / ALIGNMENT * ALIGNMENT;
    if (is_beyond_machine(rounded)) return NULL;
    void *block = aligned_alloc(ALIGNMENT, rounded);
    if (block != NULL) memset(block, 0, rounded);
    return block;
}

void *og_grow(void *block, size_t old, size_t count, size_t size)
{
    void *bigger = og_alloc(count, size);
    if (bigger == NULL) return NULL;
    if (block != NULL) memcpy(bigger, block, (old < count ? old : count) * size);
    og_free(block);
    return bigger;
}

char *og_copy_text(const char *text)
{
    size_t n = strlen(text) + 1;
    char *copy = og_alloc(n, 1);
    if (copy != NULL) memcpy(copy, text, n);
    return copy;
}

void og_free(void *block) { free(block); }
