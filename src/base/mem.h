// SPDX-License-Identifier: GPL-3.0-or-later
// The one allocator: zeroed but for scratch memory, aligned to 64 bytes, checked for
// overflow, and made to fail by tests.
#ifndef OG_BASE_MEM_H
#define OG_BASE_MEM_H

#include <stddef.h>

// count * size zeroed bytes, or NULL, also where this machine has less memory. A count of
// 0 gives a pointer that may be freed.
void *og_alloc(size_t count, size_t size);
// The same, but not zeroed: scratch memory that is written before it is read, of which
// pages that nobody touches cost nothing.
void *og_alloc_unset(size_t count, size_t size);
// Grows to count * size bytes, keeping the first `old` elements and zeroing the rest. On
// NULL the old block stays as it was.
void *og_grow(void *block, size_t old, size_t count, size_t size);
char *og_copy_text(const char *text);
// Accepts NULL.
void og_free(void *block);

// For tests: the n-th allocation from now (1 = the next) fails once, of all threads; 0
// switches it off.
void og_alloc_fail_at(size_t n);

#endif
