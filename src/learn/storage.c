// SPDX-License-Identifier: GPL-3.0-or-later
#include "learn/storage.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "learn/set.h"

enum { GAP_BITS = 16 };

// Bits of a number below n.
static uint64_t bits_below(uint64_t n)
{
    uint64_t bits = 0;
    while (bits < 63 && (uint64_t)1 << bits < n) bits++;
    return bits;
}

static void offer(struct og_storage *s, const struct og_storage_index *index)
{
    if (index->fillers == 0 && (s->exact.name[0] == '\0' || index->bits < s->exact.bits))
        s->exact = *index;
    for (uint64_t v = 1; v <= OG_STORAGE_FLOAT; v++) {
        struct og_storage_index *best = &s->best[v];
        if (best->name[0] == '\0' ||
            index->bits + index->fillers * v < best->bits + best->fillers * v)
            *best = *index;
    }
}

// --- gaps ------------------------------------------------------------------------

static void offer_gaps(struct og_storage *s, const float *w)
{
    uint64_t fillers[GAP_BITS + 1] = {0};
    size_t next = 0;
    for (size_t i = 0; i < s->all; i++) {
        if (w[i] == 0.0f) continue;
        for (int b = 1; b <= GAP_BITS; b++) fillers[b] += (i - next) >> b;
        next = i + 1;
    }
    for (uint64_t b = 1; b <= GAP_BITS; b++) {
        struct og_storage_index index = {b * (s->kept + fillers[b]), fillers[b], ""};
        snprintf(index.name, sizeof index.name, "gaps of %d bits", (int)b);
        offer(s, &index);
    }
}

// --- blocks ----------------------------------------------------------------------

// Blocks of height x width weights of a matrix; used: whether they hold any.
struct grid {
    size_t matrix[2];  // rows, columns
    size_t kernel;
    size_t height, width, rows, columns;
    uint8_t *used;  // [rows][columns]
};

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

// Joins n neighbours in a row, in place: nothing is written before it is read.
static void join_columns(struct grid *g, size_t n)
{
    const size_t columns = (g->columns + n - 1) / n;
    for (size_t r = 0; r < g->rows; r++)
        for (size_t c = 0; c < columns; c++) {
            uint8_t any = 0;
            for (size_t i = c * n; i < smaller(c * n + n, g->columns); i++)
                any |= g->used[r * g->columns + i];
            g->used[r * columns + c] = any;
        }
    g->columns = columns;
    g->width *= n;
}

static void join_rows(struct grid *g)
{
    const size_t rows = (g->rows + 1) / 2, columns = g->columns;
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < columns; c++) {
            const uint8_t *below = &g->used[(2 * r + 1) * columns + c];
            g->used[r * columns + c] =
                g->used[2 * r * columns + c] | (2 * r + 1 < g->rows ? *below : 0);
        }
    g->rows = rows;
    g->height *= 2;
}

// What the blocks of a grid are called.
static void name_blocks(const struct grid *g, char name[24])
{
    const size_t height = smaller(g->height, g->matrix[0]);
    const size_t width = smaller(g->width, g->matrix[1]);
    const bool tall = g->rows == 1, wide = g->columns == 1;
    const char *words = NULL;
    if (height == 1 && width == 1)
        words = "weights";
    else if (wide && height == 1)
        words = "rows";
    else if (tall && width == 1)
        words = "columns";
    else if (tall && width == g->kernel)
        words = "channels";
    else if (height == 1 && width == g->kernel)
        words = "kernels";
    if (words)
        snprintf(name, 24, "%s", words);
    else
        snprintf(name, 24, "%zu x %zu blocks", height, width);
}

static void offer_grid(struct og_storage *s, const struct grid *g)
{
    const size_t count = g->rows * g->columns;
    uint64_t n = 0, cells = 0;
    for (size_t i = 0; i < count; i++) {
        if (!g->used[i]) continue;
        const size_t row = i / g->columns * g->height, column = i % g->columns * g->width;
        n++;
        cells += (uint64_t)smaller(g->height, g->matrix[0] - row) *
                 smaller(g->width, g->matrix[1] - column);
    }
    const uint64_t list = n * bits_below(count);
    struct og_storage_index index = {list < count ? list : count, cells - s->kept,
                                     "all weights"};
    char blocks[24];
    name_blocks(g, blocks);
    if (count > 1)
        snprintf(index.name, sizeof index.name, "%s of %s",
                 list < count ? "list" : "bitmap", blocks);
    offer(s, &index);
}

// All heights at the width of g.
static void offer_heights(struct og_storage *s, const struct grid *g, uint8_t *room)
{
    struct grid h = *g;
    h.used = room;
    memcpy(room, g->used, g->rows * g->columns);
    offer_grid(s, &h);
    while (h.rows > 1) {
        join_rows(&h);
        offer_grid(s, &h);
    }
}

static void offer_blocks(struct og_storage *s, struct grid g, uint8_t *room)
{
    offer_heights(s, &g, room);
    while (g.columns > 1) {
        join_columns(&g, 2);
        offer_heights(s, &g, room);
    }
}

// --- lines -----------------------------------------------------------------------

static uint64_t bits_of_lines(uint64_t kept, uint64_t all)
{
    const uint64_t list = kept * bits_below(all);
    return list < all ? list : all;
}

static void offer_lines(struct og_storage *s, const struct grid *g)
{
    uint64_t rows = 0, columns = 0;
    for (size_t r = 0; r < g->rows; r++)
        rows += memchr(g->used + r * g->columns, 1, g->columns) != NULL;
    for (size_t c = 0; c < g->columns; c++) {
        size_t r = 0;
        while (r < g->rows && !g->used[r * g->columns + c]) r++;
        columns += r < g->rows;
    }
    struct og_storage_index index = {bits_of_lines(rows, g->rows) +
                                         bits_of_lines(columns, g->columns),
                                     rows * columns * g->width - s->kept, ""};
    snprintf(index.name, sizeof index.name, "rows and %s",
             g->width == 1 ? "columns" : "channels");
    offer(s, &index);
}

static void offer_all(struct og_storage *s, const float *w, struct grid g, uint8_t *room)
{
    offer_gaps(s, w);
    for (size_t i = 0; i < s->all; i++) g.used[i] = w[i] != 0.0f;
    offer_lines(s, &g);
    offer_blocks(s, g, room);
    if (g.kernel == 1) return;
    for (size_t i = 0; i < s->all; i++) g.used[i] = w[i] != 0.0f;
    join_columns(&g, g.kernel);
    offer_lines(s, &g);
    offer_blocks(s, g, room);
}

// --- values ----------------------------------------------------------------------

// Different values, and those of them that are not zero.
struct values {
    uint64_t codes, entries;
};

static struct values values_of(const float *w, size_t n, uint64_t *key, uint64_t *spare)
{
    struct values v = {0};
    for (size_t i = 0; i < n; i++) key[i] = og_sort_key(w[i] == 0.0f ? 0.0f : w[i], 0);
    og_sort_keys(key, spare, n);
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && key[i] == key[i - 1]) continue;
        v.codes++;
        v.entries += og_sort_value(key[i]) != 0.0f;
    }
    return v;
}

static void count_values(struct og_storage *s, const float *w, size_t rows,
                         size_t columns, uint64_t *key)
{
    uint64_t *spare = key + s->all;
    const struct values all = values_of(w, s->all, key, spare);
    s->codes = all.codes;
    s->entries = all.entries;
    for (size_t r = 0; r < rows; r++) {
        const struct values row = values_of(w + r * columns, columns, key, spare);
        s->row_entries += row.entries;
        if (row.codes > s->row_codes) s->row_codes = row.codes;
        if (row.entries > s->row_values) s->row_values = row.entries;
    }
}

og_status og_storage_measure(struct og_storage *s, const float *w, size_t rows,
                             size_t columns, size_t kernel, struct og_error *err)
{
    const size_t n = rows * columns;
    *s = (struct og_storage){.all = n};
    for (size_t i = 0; i < n; i++) s->kept += w[i] != 0.0f;
    uint8_t *used = og_alloc(2 * n, sizeof *used);
    uint64_t *key = og_alloc(2 * n, sizeof *key);
    og_status status = OG_OK;
    if (!used || !key) {
        status = og_fail(err, OG_NO_MEMORY, "no memory to measure %zu weights", n);
    } else {
        const struct grid g = {{rows, columns}, kernel, 1, 1, rows, columns, used};
        offer_all(s, w, g, used + n);
        count_values(s, w, rows, columns, key);
    }
    og_free(used);
    og_free(key);
    return status;
}

// --- both ------------------------------------------------------------------------

// Weights of v bits beside a table of so many values.
static void try_coding(const struct og_storage *s, const struct og_storage_index *index,
                       uint64_t v, uint64_t table, struct og_storage_bits *least)
{
    const struct og_storage_bits b = {
        (double)(s->kept * v + table * OG_STORAGE_FLOAT),
        (double)(index->bits + index->fillers * v),
        least->way ? least->codes : INFINITY,
        index->name,
    };
    if (!least->way || b.values + b.indices < least->values + least->indices) *least = b;
    if (b.values < least->codes) least->codes = b.values;
}

static void try_bits(const struct og_storage *s, uint64_t v, uint64_t table,
                     struct og_storage_bits *least)
{
    if (v < 1) v = 1;
    if (v <= OG_STORAGE_FLOAT) try_coding(s, &s->best[v], v, table, least);
}

// Numbers into tables of so many entries: with a code for zero where fillers need it.
static void try_table(const struct og_storage *s, uint64_t codes, uint64_t values,
                      uint64_t table, struct og_storage_bits *least)
{
    const uint64_t v = values > 1 ? bits_below(values) : 1;
    try_bits(s, bits_below(codes), table, least);
    try_coding(s, &s->exact, v, table, least);
}

struct og_storage_bits og_storage_bits(const struct og_storage *s, int weight_bits)
{
    struct og_storage_bits least = {0};
    try_bits(s, OG_STORAGE_FLOAT, 0, &least);
    if (weight_bits > 0) try_bits(s, (uint64_t)weight_bits, 0, &least);
    try_table(s, s->codes, s->entries, s->entries, &least);
    try_table(s, s->row_codes, s->row_values, s->row_entries, &least);
    return least;
}
