// SPDX-License-Identifier: GPL-3.0-or-later
// PatDNN (Niu et al., ASPLOS 2020): every kernel keeps the entries of one pattern of a
// small library, that which retains most energy. Without a given library it is made of
// the most frequent patterns that kernels would take if all were free, a heuristic: the
// projection is exact with a given library only. Kernels of zeros fit every pattern.
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "config/number.h"
#include "learn/set.h"

enum { PATTERNS = 64, PLACES = 64 };

// A pattern is a mask of places y * width + x.
struct library {
    int n;
    uint64_t mask[PATTERNS];
};
struct pattern {
    int entries, patterns;
    bool centre;
    const og_item *given;  // of use only while the set is made
    uint64_t centre_mask;
    struct library fixed;  // n = 0: derived
};

static const struct og_field fields[] = {
    {.key = "entries",
     .type = OG_FIELD_INT,
     .offset = offsetof(struct pattern, entries),
     .min = 1,
     .max = PLACES,
     .def = "4",
     .stage = OG_STAGE_TRAIN,
     .help = "Entries of a pattern."},
    {.key = "patterns",
     .type = OG_FIELD_INT,
     .offset = offsetof(struct pattern, patterns),
     .min = 1,
     .max = PATTERNS,
     .def = "8",
     .stage = OG_STAGE_TRAIN,
     .help = "Patterns in the library, which is derived from the weights."},
    {.key = "centre",
     .type = OG_FIELD_BOOL,
     .offset = offsetof(struct pattern, centre),
     .def = "true",
     .stage = OG_STAGE_TRAIN,
     .help = "Every pattern has the entry at (height / 2, width / 2)."},
    {.key = "library",
     .type = OG_FIELD_ITEM,
     .offset = offsetof(struct pattern, given),
     .def = "",
     .stage = OG_STAGE_TRAIN,
     .help = "The library itself, a list of lists of places y * width + x; instead of "
             "entries, patterns and centre."},
    {.key = NULL},
};

static og_status read_pattern(struct pattern *p, const og_item *item, size_t places,
                              struct og_error *err)
{
    uint64_t mask = 0;
    if (item->kind != OG_ITEM_LIST || item->n == 0)
        return og_item_fail(item, err, "a pattern is a list of at least one place");
    for (size_t i = 0; i < item->n; i++) {
        const og_item *entry = item->child[i];
        long long place;
        if (entry->kind != OG_ITEM_SCALAR || entry->quoted ||
            !og_number_read_int(entry->text, &place) || place < 0 ||
            place >= (long long)places)
            return og_item_fail(entry, err, "a place is a whole number from 0 to %zu",
                                places - 1);
        mask |= (uint64_t)1 << place;
    }
    p->fixed.mask[p->fixed.n++] = mask;
    return OG_OK;
}

static og_status read_library(struct pattern *p, const og_item *item, size_t places,
                              struct og_error *err)
{
    static const char *const others[] = {"entries", "patterns", "centre"};
    for (int i = 0; i < 3; i++)
        if (og_item_get(item, others[i]) != NULL)
            return og_set_fail(item, others[i], err,
                               "has no effect with a given library");
    if (p->given->kind != OG_ITEM_LIST || p->given->n == 0 || p->given->n > PATTERNS)
        return og_set_fail(item, "library", err, "must be a list of 1 to %d patterns",
                           PATTERNS);
    for (size_t i = 0; i < p->given->n; i++)
        OG_TRY(read_pattern(p, p->given->child[i], places, err));
    p->given = NULL;
    return OG_OK;
}

static og_status check(struct og_set *set, const og_item *item, struct og_error *err)
{
    struct pattern *p = set->attr;
    size_t places = set->shape.height * set->shape.width;
    if (places > PLACES)
        return og_item_fail(item, err,
                            "kernels of %zu x %zu are too large (at most %d places)",
                            set->shape.height, set->shape.width, PLACES);
    if (p->given != NULL) return read_library(p, item, places, err);
    if ((size_t)p->entries > places)
        return og_set_fail(item, "entries", err,
                           "a kernel of %zu x %zu has no %d places (1 .. %zu)",
                           set->shape.height, set->shape.width, p->entries, places);
    size_t middle = set->shape.height / 2 * set->shape.width + set->shape.width / 2;
    p->centre_mask = p->centre ? (uint64_t)1 << middle : 0;
    return OG_OK;
}

// --- masks -----------------------------------------------------------------------------

static int size_of(uint64_t mask)
{
    int n = 0;
    for (; mask != 0; mask &= mask - 1) n++;
    return n;
}

static uint64_t support(const float *kernel, size_t places)
{
    uint64_t mask = 0;
    for (size_t i = 0; i < places; i++) mask |= (uint64_t)(kernel[i] != 0) << i;
    return mask;
}

static bool covers(const struct library *l, uint64_t support)
{
    for (int i = 0; i < l->n; i++)
        if ((support & ~l->mask[i]) == 0) return true;
    return false;
}

// What the kernel would keep if it were alone: the centre and its largest other entries.
static uint64_t free_pattern(const struct pattern *p, const float *kernel, size_t places)
{
    uint64_t mask = p->centre_mask;
    for (int n = size_of(mask); n < p->entries; n++) {
        size_t best = places;
        for (size_t i = 0; i < places; i++)
            if (!(mask >> i & 1) &&
                (best == places || fabsf(kernel[i]) > fabsf(kernel[best])))
                best = i;
        mask |= (uint64_t)1 << best;
    }
    return mask;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

// Keeps the `most` most frequent masks, of two as frequent the smaller one.
static void offer(struct library *l, size_t *count, int most, uint64_t mask, size_t n)
{
    int at = l->n;
    while (at > 0 && count[at - 1] < n) at--;
    if (at == most) return;
    if (l->n < most) l->n++;
    for (int i = l->n - 1; i > at; i--) {
        l->mask[i] = l->mask[i - 1];
        count[i] = count[i - 1];
    }
    l->mask[at] = mask;
    count[at] = n;
}

static og_status derive(const struct og_set *set, const float *z, struct library *l,
                        struct og_error *err)
{
    const struct pattern *p = set->attr;
    size_t places = set->shape.height * set->shape.width, n = 0, count[PATTERNS];
    size_t kernels = set->rows * set->columns / places;
    uint64_t *mask = og_alloc(kernels, sizeof *mask);
    if (mask == NULL) return og_set_no_memory(err);
    for (size_t k = 0; k < kernels; k++)
        if (support(z + k * places, places) != 0)
            mask[n++] = free_pattern(p, z + k * places, places);
    qsort(mask, n, sizeof *mask, compare);
    l->n = 0;
    for (size_t from = 0, to; from < n; from = to) {
        for (to = from; to < n && mask[to] == mask[from];) to++;
        offer(l, count, p->patterns, mask[from], to - from);
    }
    og_free(mask);
    return OG_OK;
}

// --- the set ---------------------------------------------------------------------------

static void apply(const struct og_set *set, const struct library *l, float *z)
{
    size_t places = set->shape.height * set->shape.width;
    for (float *kernel = z, *end = z + set->rows * set->columns; kernel < end;
         kernel += places) {
        uint64_t best = 0;
        double most = -1;
        for (int i = 0; i < l->n; i++) {
            double energy = 0;
            for (size_t k = 0; k < places; k++)
                if (l->mask[i] >> k & 1) energy += (double)kernel[k] * kernel[k];
            if (energy > most) best = l->mask[i];
            if (energy > most) most = energy;
        }
        for (size_t k = 0; k < places; k++)
            if (!(best >> k & 1)) kernel[k] = 0;
    }
}

// Puts one more support into the library: where it has room for it, else as a pattern of
// its own; false when there is no place for one.
static bool add(const struct pattern *p, struct library *l, uint64_t support)
{
    if (support == 0 || covers(l, support)) return true;
    for (int i = 0; i < l->n; i++) {
        if (size_of(l->mask[i] | support) > p->entries) continue;
        l->mask[i] |= support;
        return true;
    }
    if (l->n == p->patterns) return false;
    l->mask[l->n++] = support | p->centre_mask;
    return true;
}

// A library that covers all kernels of v; false: none was found, and `l` covers some.
// Which patterns full kernels need is certain, so these come first.
static bool collect(const struct og_set *set, const float *v, struct library *l)
{
    const struct pattern *p = set->attr;
    size_t places = set->shape.height * set->shape.width;
    size_t kernels = set->rows * set->columns / places;
    bool all = true;
    l->n = 0;
    for (int full = 1; full >= 0; full--) {
        for (size_t k = 0; k < kernels; k++) {
            uint64_t mask = support(v + k * places, places);
            int size = size_of(mask | p->centre_mask);
            if (size > p->entries && mask != 0)
                all = false;
            else if ((size == p->entries) == full)
                all &= add(p, l, mask);
        }
    }
    return all;
}

static og_status project(const struct og_set *set, float *z, struct og_error *err)
{
    const struct pattern *p = set->attr;
    struct library l;
    if (p->fixed.n > 0) {
        apply(set, &p->fixed, z);
        return OG_OK;
    }
    if (collect(set, z, &l)) return OG_OK;
    OG_TRY(derive(set, z, &l, err));
    apply(set, &l, z);
    // With zeros among the entries of patterns, another library may be found than the one
    // just used; each turn zeroes at least one more weight.
    while (!collect(set, z, &l)) apply(set, &l, z);
    return OG_OK;
}

static bool holds(const struct og_set *set, const float *v)
{
    const struct pattern *p = set->attr;
    size_t places = set->shape.height * set->shape.width;
    struct library l;
    if (p->fixed.n == 0) return collect(set, v, &l);
    for (size_t i = 0; i < set->rows * set->columns; i += places)
        if (!covers(&p->fixed, support(v + i, places))) return false;
    return true;
}

const struct og_set_type og_set_pattern = {fields, sizeof(struct pattern), check, project,
                                           holds};
