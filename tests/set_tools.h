// SPDX-License-Identifier: GPL-3.0-or-later
// For the tests of constraint sets: sets from YAML, tensors, and the nearest point of a
// set by enumeration.
#ifndef OG_TESTS_SET_TOOLS_H
#define OG_TESTS_SET_TOOLS_H

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "config/tree.h"
#include "ohmgrid/compress.h"
#include "ohmgrid/random.h"

enum { WEIGHTS = 4096 };  // of the largest tensor tested for more than speed

static inline size_t weights_of(const struct og_weight_shape *s)
{
    return s->filters * s->channels * s->height * s->width;
}

// Every kind at least once, with the fewest places of a kernel and columns of the matrix
// that it can do with.
static const struct {
    const char *yaml;
    size_t places, columns;
} all[] = {
    {"{kind: irregular, keep: 0.3}", 1, 1},
    {"{kind: irregular, count: 1}", 1, 1},
    {"{kind: filter, keep: 0.5}", 1, 1},
    {"{kind: column, keep: 0.25}", 1, 1},
    {"{kind: channel, keep: 0.6}", 1, 1},
    {"{kind: connectivity, keep: 0.4}", 1, 1},
    {"{kind: connectivity, keep: 0.4, balanced: true}", 1, 1},
    {"{kind: n_m, n: 2, m: 4}", 1, 1},
    {"{kind: n_m, n: 1, m: 100}", 1, 1},
    {"{kind: tile, keep: 0.5, tile: [3, 2]}", 1, 1},
    {"{kind: tile_rows, keep: 0.5, tile: [3, 2]}", 1, 1},
    {"{kind: tile_rows, keep: 0.5, tile: [3, 2], within: tile}", 1, 1},
    {"{kind: tile_columns, keep: 0.5, tile: [3, 2]}", 1, 1},
    {"{kind: tile_columns, count: 1, tile: [128, 64], within: tile}", 1, 1},
    {"{kind: block_rows, keep: 0.3, block: [4, 5]}", 1, 1},
    {"{kind: block_columns, keep: 0.3, block: [4, 5], within: block}", 1, 1},
    {"{kind: nested, keeps: [0.6, 0.3, 0.1], level: 1}", 1, 1},
    {"{kind: row_column, rows: 0.6, columns: 0.5}", 1, 1},
    {"{kind: pattern, entries: 1, patterns: 1, centre: false}", 1, 1},
    {"{kind: pattern, patterns: 2}", 4, 1},
    {"{kind: pattern, entries: 3, patterns: 3, centre: false}", 3, 1},
    {"{kind: pattern, library: [[0], [1, 2], [0, 2, 5]]}", 6, 1},
    {"{kind: block_max, keep: 1, blocks: [2]}", 1, 1},
    {"{kind: block_max, keep: 0.4, blocks: [2, 4, 100]}", 1, 3},
    {"{kind: gather_scatter, keep: 0.4, banks: 2, per_row: 1}", 1, 1},
    {"{kind: gather_scatter, keep: 0.25, banks: 4, per_row: 4}", 1, 1},
    {"{kind: gather_scatter, keep: 0.3, banks: 8, per_row: 2}", 1, 1},
    {"{kind: polarised, fragment: [4, 1]}", 1, 1},
    {"{kind: polarised, fragment: [3, 2]}", 1, 1},
    {"{kind: levels, bits: 3}", 1, 1},
    {"{kind: levels, bits: 8, zero: false}", 1, 1},
    {"{kind: levels, bits: 1, zero: false, scale: filter}", 1, 1},
    {"{kind: power, bits: 4}", 1, 1},
    {"{kind: power, bits: 3, exponent: 1.5, zero: false, scale: filter}", 1, 1},
    {"{kind: binary}", 1, 1},
    {"{kind: binary, scale: filter}", 1, 1},
    {"{kind: ternary}", 1, 1},
    {"{kind: device_levels, levels: 16}", 1, 1},
    {"{kind: device_levels, list: [1 uS, 2 uS, 3.5 uS, 7 uS], zero: false}", 1, 1},
    {"{kind: clusters, levels: 1}", 1, 1},
    {"{kind: clusters, levels: 8}", 1, 1},
    {"{kind: clusters, levels: 256}", 1, 1},
};
enum { ALL = sizeof all / sizeof *all };

static inline bool is_of_kind(const char *yaml, const char *kind)
{
    char word[64];
    const size_t n = (size_t)snprintf(word, sizeof word, "{kind: %s", kind);
    return strncmp(yaml, word, n) == 0 && yaml[n] != '\0' && strchr(",}", yaml[n]);
}

static inline bool fits(int i, const struct og_weight_shape *s)
{
    size_t places = s->height * s->width;
    return places >= all[i].places && s->channels * places >= all[i].columns;
}

static inline og_status read_set(og_set **set, const char *yaml,
                                 const struct og_weight_shape *shape,
                                 struct og_error *err)
{
    og_item *item;
    *set = NULL;
    og_status status = og_item_parse(&item, "t", yaml, err);
    if (status != OG_OK) return status;
    status = og_set_alloc(set, item, shape, err);
    og_item_free(item);
    return status;
}

static inline og_set *make_set(const char *yaml, const struct og_weight_shape *shape)
{
    struct og_error err = {0};
    og_set *set;
    if (read_set(&set, yaml, shape, &err) != OG_OK) fail_msg("%s: %s", yaml, err.text);
    return set;
}

static inline double distance(const float *a, const float *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
    return sum;
}

// Gaussian; `kind` 1: all zero, 2: many ties and zeros, 3: all alike.
static inline void fill(float *v, size_t n, int kind, uint32_t seed)
{
    struct og_stream stream = og_stream_named(seed, OG_INIT, 0, 0, 0);
    og_gauss_fill(&stream, (struct og_index){0}, 0, v, n);
    for (size_t i = 0; i < n; i++) {
        if (kind == 1) v[i] = 0;
        if (kind == 2) v[i] = roundf(v[i]);
        if (kind == 3) v[i] = i % 3 ? 0.5f : -0.5f;
    }
}

// The least distance over all supports that the set holds; n <= 16.
static inline double nearest_support(const og_set *set, const float *v, size_t n)
{
    float z[16];
    double least = INFINITY;
    assert_true(n <= 16);
    for (unsigned mask = 0; mask < 1u << n; mask++) {
        for (size_t i = 0; i < n; i++) z[i] = mask >> i & 1 ? v[i] : 0;
        double d = distance(v, z, n);
        if (d < least && og_set_holds(set, z)) least = d;
    }
    return least;
}

// The least sum (w - s t)^2 over all choices of a level for each weight and the best
// scale of each choice.
static inline double nearest_levels(const double *t, int levels, const float *v, size_t n)
{
    size_t choices = 1;
    double least = INFINITY;
    for (size_t i = 0; i < n; i++) choices *= (size_t)levels;
    assert_true(choices <= 1u << 20);
    for (size_t choice = 0; choice < choices; choice++) {
        double a = 0, b = 0, c = 0;
        for (size_t i = 0, rest = choice; i < n; i++, rest /= (size_t)levels) {
            double w = fabs((double)v[i]), level = t[rest % (size_t)levels];
            if (w == 0) continue;
            a += w * level;
            b += level * level;
            c += w * w;
        }
        double d = b > 0 ? c - a * a / b : c;
        if (d < least) least = d;
    }
    return least > 0 ? least : 0;
}

#endif
