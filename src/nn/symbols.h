// SPDX-License-Identifier: GPL-3.0-or-later
// From bytes to symbols: words or characters of a text, and their numbers.
#ifndef OG_NN_SYMBOLS_H
#define OG_NN_SYMBOLS_H

#include <stddef.h>
#include <stdint.h>

#include "ohmgrid/data.h"

// Borrowed from the text, which need not be UTF-8 and may hold any byte.
struct og_span {
    const char *at;
    size_t n;
};
struct og_spans {
    struct og_span *span;
    size_t n;
};

// Words are what blanks part; every line ends with <eos>, the last one too when nothing
// ends it. Characters are bytes. The caller frees spans->span (og_free), also on failure.
og_status og_spans_find(struct og_spans *spans, const char *text, size_t n,
                        enum og_data_as unit, struct og_error *err);

// Numbers in the order of first occurrence. Borrows the text.
struct og_word {
    struct og_span span;
    size_t count;
    uint32_t number;
};
struct og_vocabulary {
    struct og_word *word;
    size_t words, room;
    uint32_t *slot;  // [slots] of a hash table, number of a word + 1; 0: empty
    size_t slots;
    size_t symbols;    // numbers in use
    uint32_t unknown;  // of <unk>; OG_NO_TARGET: there is none
};

// limit: keep only the most frequent (ties: the earlier), one of them <unk>, which stands
// for all others; 0 or large enough: all. Clear it also on failure.
og_status og_vocabulary_make(struct og_vocabulary *v, const struct og_span *span,
                             size_t n, size_t limit, struct og_error *err);
// Of words it does not have that of <unk>, or OG_NO_TARGET.
uint32_t og_vocabulary_number(const struct og_vocabulary *v, struct og_span span);
void og_vocabulary_clear(struct og_vocabulary *v);

#endif
