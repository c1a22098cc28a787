// SPDX-License-Identifier: GPL-3.0-or-later
#include "nn/symbols.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

// --- spans ---------------------------------------------------------------------------

static const struct og_span end_of_line = {"<eos>", 5}, unknown_word = {"<unk>", 5};

struct reader {
    const char *at, *end;
    bool open;  // the present line has words, and no <eos> yet
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

static bool next_word(struct reader *r, struct og_span *span)
{
    while (r->at < r->end && is_blank(*r->at)) r->at++;
    if (r->at == r->end || *r->at == '\n') {
        const bool line = r->at < r->end;
        if (!line && !r->open) return false;
        r->at += line;
        r->open = false;
        *span = end_of_line;
        return true;
    }
    span->at = r->at;
    while (r->at < r->end && *r->at != '\n' && !is_blank(*r->at)) r->at++;
    span->n = (size_t)(r->at - span->at);
    r->open = true;
    return true;
}

static bool next_byte(struct reader *r, struct og_span *span)
{
    if (r->at == r->end) return false;
    *span = (struct og_span){r->at++, 1};
    return true;
}

og_status og_spans_find(struct og_spans *spans, const char *text, size_t n,
                        enum og_data_as unit, struct og_error *err)
{
    bool (*next)(struct reader *, struct og_span *) =
        unit == OG_AS_WORDS ? next_word : next_byte;
    struct og_span span;
    struct reader r = {text, text + n, false};
    *spans = (struct og_spans){0};
    size_t count = 0;
    while (next(&r, &span)) count++;
    spans->span = og_alloc(count, sizeof span);
    if (!spans->span)
        return og_fail(err, OG_NO_MEMORY, "out of memory for %zu symbols", count);
    r = (struct reader){text, text + n, false};
    while (next(&r, &span)) spans->span[spans->n++] = span;
    return OG_OK;
}

// --- the vocabulary ------------------------------------------------------------------

// FNV-1a.
static uint64_t hash_of(struct og_span s)
{
    uint64_t h = 14695981039346656037u;
    for (size_t i = 0; i < s.n; i++) h = (h ^ (unsigned char)s.at[i]) * 1099511628211u;
    return h;
}

// Where the word is, or the empty slot where it belongs. Slots are a power of two, and
// more than words.
static size_t slot_of(const struct og_vocabulary *v, struct og_span s)
{
    size_t at = (size_t)hash_of(s) & (v->slots - 1);
    for (; v->slot[at]; at = (at + 1) & (v->slots - 1)) {
        const struct og_span *w = &v->word[v->slot[at] - 1].span;
        if (w->n == s.n && memcmp(w->at, s.at, s.n) == 0) break;
    }
    return at;
}

static og_status no_memory(const struct og_vocabulary *v, struct og_error *err)
{
    return og_fail(err, OG_NO_MEMORY, "out of memory for a vocabulary of %zu symbols",
                   v->words);
}

static og_status grow(struct og_vocabulary *v, struct og_error *err)
{
    const size_t room = v->room ? 2 * v->room : 1024;
    struct og_word *word = og_grow(v->word, v->words, room, sizeof *word);
    if (!word) return no_memory(v, err);
    v->word = word;
    v->room = room;
    og_free(v->slot);
    v->slots = 0;
    v->slot = og_alloc(2 * room, sizeof *v->slot);
    if (!v->slot) return no_memory(v, err);
    v->slots = 2 * room;
    for (size_t i = 0; i < v->words; i++)
        v->slot[slot_of(v, v->word[i].span)] = (uint32_t)i + 1;
    return OG_OK;
}

static og_status add(struct og_vocabulary *v, struct og_span span, size_t count,
                     struct og_error *err)
{
    if (v->words == v->room) OG_TRY(grow(v, err));
    const size_t at = slot_of(v, span);
    if (!v->slot[at]) {
        v->word[v->words].span = span;
        v->slot[at] = (uint32_t)++v->words;
    }
    v->word[v->slot[at] - 1].count += count;
    return OG_OK;
}

static int by_count(const void *a, const void *b)
{
    const struct og_word *x = *(const struct og_word *const *)a;
    const struct og_word *y = *(const struct og_word *const *)b;
    if (x->count != y->count) return x->count > y->count ? -1 : 1;
    return x < y ? -1 : x > y;
}

static bool is_unknown(const struct og_word *w)
{
    return w->span.n == unknown_word.n &&
           memcmp(w->span.at, unknown_word.at, unknown_word.n) == 0;
}

// The numbers of the most frequent ones stay, all others get OG_NO_TARGET.
static og_status drop_rare(struct og_vocabulary *v, size_t limit, struct og_error *err)
{
    OG_TRY(add(v, unknown_word, 0, err));
    struct og_word **order = og_alloc(v->words, sizeof *order);
    if (!order) return no_memory(v, err);
    for (size_t i = 0; i < v->words; i++) order[i] = &v->word[i];
    qsort(order, v->words, sizeof *order, by_count);
    size_t kept = 1;  // <unk>
    for (size_t i = 0; i < v->words; i++) {
        const bool keep = is_unknown(order[i]) || kept < limit;
        order[i]->number = keep ? 0 : OG_NO_TARGET;
        kept += keep && !is_unknown(order[i]);
    }
    og_free(order);
    return OG_OK;
}

og_status og_vocabulary_make(struct og_vocabulary *v, const struct og_span *span,
                             size_t n, size_t limit, struct og_error *err)
{
    *v = (struct og_vocabulary){.unknown = OG_NO_TARGET};
    for (size_t i = 0; i < n; i++) OG_TRY(add(v, span[i], 1, err));
    if (limit > 0 && v->words > limit) OG_TRY(drop_rare(v, limit, err));
    for (size_t i = 0; i < v->words; i++) {
        struct og_word *w = &v->word[i];
        if (w->number != OG_NO_TARGET) w->number = (uint32_t)v->symbols++;
        if (is_unknown(w)) v->unknown = w->number;
    }
    return OG_OK;
}

uint32_t og_vocabulary_number(const struct og_vocabulary *v, struct og_span span)
{
    const uint32_t found = v->slots ? v->slot[slot_of(v, span)] : 0;
    const uint32_t number = found ? v->word[found - 1].number : OG_NO_TARGET;
    return number == OG_NO_TARGET ? v->unknown : number;
}

void og_vocabulary_clear(struct og_vocabulary *v)
{
    og_free(v->word);
    og_free(v->slot);
    *v = (struct og_vocabulary){0};
}
