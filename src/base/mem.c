// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/mem.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ALIGNMENT = 64, LARGE = 1 << 30 };

static atomic_size_t fail_countdown;

void og_alloc_fail_at(size_t n) { atomic_store(&fail_countdown, n); }

static bool is_to_fail(void)
{
    size_t left = atomic_load_explicit(&fail_countdown, memory_order_relaxed);
    while (left > 0 && !atomic_compare_exchange_weak(&fail_countdown, &left, left - 1))
        ;
    return left == 1;
}

// Linux promises memory that there is none of and later kills whoever uses it: what a
// file or a setting asks for in vain should be refused instead.
static bool is_beyond_machine(size_t bytes)
{
    if (bytes < LARGE) return false;
    const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    return pages > 0 && page > 0 && bytes / (size_t)page > (size_t)pages;
}

// In whole lines; 0: no machine has so many, or this one has not.
static size_t whole_bytes(size_t count, size_t size)
{
    if (size != 0 && count > (SIZE_MAX - 2 * ALIGNMENT) / size) return 0;
    const size_t bytes = (count * size + ALIGNMENT) / ALIGNMENT * ALIGNMENT;
    return is_beyond_machine(bytes) ? 0 : bytes;
}

void *og_alloc_unset(size_t count, size_t size)
{
    const size_t bytes = whole_bytes(count, size);
    if (is_to_fail()) return NULL;
    return bytes > 0 ? aligned_alloc(ALIGNMENT, bytes) : NULL;
}

void *og_alloc(size_t count, size_t size)
{
    void *block = og_alloc_unset(count, size);
    if (block != NULL) memset(block, 0, whole_bytes(count, size));
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
