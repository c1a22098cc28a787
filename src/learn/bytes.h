// SPDX-License-Identifier: GPL-3.0-or-later
// Checkpoints: values one after the other, and a hash of what they belong to.
#ifndef OG_LEARN_BYTES_H
#define OG_LEARN_BYTES_H

#include <stdint.h>
#include <string.h>

static inline void og_bytes_put(unsigned char **to, const void *from, size_t n)
{
    if (n > 0) memcpy(*to, from, n);
    *to += n;
}

static inline void og_bytes_get(const unsigned char **from, void *to, size_t n)
{
    if (n > 0) memcpy(to, *from, n);
    *from += n;
}

// FNV-1a, 64 bits.
#define OG_HASH_START UINT64_C(0xcbf29ce484222325)
static inline uint64_t og_hash(uint64_t hash, const void *bytes, size_t n)
{
    const unsigned char *b = bytes;
    for (size_t i = 0; i < n; i++) hash = (hash ^ b[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static inline uint64_t og_hash_text(uint64_t hash, const char *text)
{
    return og_hash(hash, text, strlen(text) + 1);
}

#endif
