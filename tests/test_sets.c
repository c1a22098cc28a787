// SPDX-License-Identifier: GPL-3.0-or-later
// Constraint sets: the contract that each of them keeps, the nearest point by
// enumeration, examples by hand, and what each refuses.
#include "set_tools.h"

#include <stdlib.h>

#include "base/mem.h"

static const struct og_weight_shape shapes[] = {
    {1, 1, 1, 1}, {1, 7, 1, 1}, {5, 1, 1, 1},  {2, 3, 1, 1},   {6, 10, 1, 1},
    {4, 3, 3, 3}, {7, 2, 5, 5}, {13, 5, 2, 3}, {32, 128, 1, 1}};
enum { SHAPES = sizeof shapes / sizeof *shapes, FILLS = 4 };

static float v[WEIGHTS], z[WEIGHTS], again[WEIGHTS];
static uint8_t allowed[WEIGHTS];

static void every_kind_is_in_the_list(void **state)
{
    (void)state;
    for (const struct og_set_info *k = og_set_list(); k->name; k++) {
        int found = 0;
        for (int i = 0; i < ALL; i++) found += is_of_kind(all[i].yaml, k->name);
        if (found == 0) fail_msg("%s is not tested", k->name);
    }
    struct og_weight_shape shape = {4, 8, 3, 3};
    for (int i = 0; i < ALL; i++) {
        og_set *set = make_set(all[i].yaml, &shape);
        const char *name = og_set_kind(set)->name;
        assert_true(strncmp(all[i].yaml + 7, name, strlen(name)) == 0);
        og_set_free(set);
    }
}

// What a set that prunes does to a weight: nothing, or it zeroes it.
static void assert_only_zeroed(const float *from, const float *to, size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert_true(to[i] == 0 || memcmp(&to[i], &from[i], sizeof *to) == 0);
}

static void keep_contract(const og_set *set, size_t n)
{
    struct og_error err = {0};
    assert_int_equal(og_set_project(set, v, NULL, z, &err), OG_OK);
    assert_true(og_set_holds(set, z));
    if (og_set_kind(set)->prunes) assert_only_zeroed(v, z, n);
    for (size_t i = 0; i < n; i++) {
        assert_true(v[i] != 0 || z[i] == 0);
        assert_false(z[i] == 0 && signbit(z[i]));
    }
    assert_int_equal(og_set_project(set, z, NULL, again, &err), OG_OK);
    assert_memory_equal(z, again, n * sizeof *z);
    memcpy(again, v, n * sizeof *v);
    assert_int_equal(og_set_project(set, again, NULL, again, &err), OG_OK);
    assert_memory_equal(z, again, n * sizeof *z);
    for (size_t i = 0; i < n; i++) allowed[i] = i % 5 != 2;
    assert_int_equal(og_set_project(set, v, allowed, z, &err), OG_OK);
    assert_true(og_set_holds(set, z));
    for (size_t i = 0; i < n; i++) assert_true(allowed[i] || z[i] == 0);
    for (size_t i = 0; i < n; i++) v[i] = allowed[i] ? v[i] : 0;
    assert_int_equal(og_set_project(set, v, NULL, again, &err), OG_OK);
    assert_memory_equal(z, again, n * sizeof *z);
}

static void every_set_keeps_the_contract(void **state)
{
    (void)state;
    for (int i = 0; i < ALL; i++) {
        for (int s = 0; s < SHAPES; s++) {
            if (!fits(i, &shapes[s])) continue;
            og_set *set = make_set(all[i].yaml, &shapes[s]);
            size_t n = weights_of(&shapes[s]);
            for (int kind = 0; kind < FILLS; kind++) {
                fill(v, n, kind, (uint32_t)(100 * i + s));
                keep_contract(set, n);
            }
            og_set_free(set);
        }
    }
}

// Kernels with many zeros may fit patterns that no kernel fills: the library that is
// found again need not be the one that was used.
static void patterns_of_sparse_kernels_settle(void **state)
{
    (void)state;
    struct og_weight_shape shape = {11, 10, 3, 3};
    size_t n = weights_of(&shape);
    og_set *set = make_set("{kind: pattern, entries: 6, patterns: 4}", &shape);
    for (uint32_t draw = 0; draw < 60; draw++) {
        fill(v, n, 0, draw);
        fill(again, n, 0, 1000 + draw);
        for (size_t i = 0; i < n; i++) v[i] = again[i] < 0.4f ? 0 : v[i];
        keep_contract(set, n);
    }
    og_set_free(set);
}

// --- what is refused, and the rest ----------------------------------------------------

static void bad_keys_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *error;
    } cases[] = {
        {"{keep: 1}", "t:1: a constraint set is a map with a kind, for instance {kind: "
                      "column, keep: 0.25}"},
        {"{kind: filter}", "t:1: needs keep (a fraction above 0) or count (1 .. 4)"},
        {"{kind: filter, keep: 0.5, count: 2}",
         "t:1: key 'count': keep says already how much is kept: only one may be given"},
        {"{kind: filter, count: 5}",
         "t:1: key 'count': 5 is more than there are (at most 4 are allowed)"},
        {"{kind: filter, keep: 1.5}",
         "t:1: key 'keep': 1.5 is outside the allowed range (0 .. 1)"},
        {"{kind: filter, keep: 1, tile: [1, 2]}",
         "t:1: key 'tile': unknown key; known here: keep, count, rho_scale"},
        {"{kind: connectivity, count: 4, balanced: true}",
         "t:1: key 'count': 4 is more than there are (at most 3 are allowed)"},
        {"{kind: n_m, n: 3, m: 2}", "t:1: key 'n': 3 is more than m, 2"},
        {"{kind: tile, keep: 1, tile: [2, 0.5]}",
         "t:1: key 'tile': must be two whole numbers from 1, [r, c]"},
        {"{kind: block_rows, keep: 1, block: [2]}",
         "t:1: key 'block': must be two whole numbers from 1, [r, c]"},
        {"{kind: levels, bits: 1}",
         "t:1: key 'bits': 1 bit has no levels beside the zero "
         "(2 .. 8; or zero: false)"},
        {"{kind: nested, keeps: [0.5, 0.5]}", "t:1: key 'keeps': must be falling"},
        {"{kind: nested, keeps: []}", "t:1: key 'keeps': needs a fraction"},
        {"{kind: nested, keeps: [0.5, 0.2], level: 2}",
         "t:1: key 'level': 2 is none of the levels 0 .. 1"},
        {"{kind: pattern, entries: 10}",
         "t:1: key 'entries': a kernel of 3 x 3 has no 10 places (1 .. 9)"},
        {"{kind: pattern, entries: 2, library: [[0]]}",
         "t:1: key 'entries': has no effect with a given library"},
        {"{kind: pattern, library: [0]}",
         "t:1: key 'library[0]': a pattern is a list of at least one place"},
        {"{kind: pattern, library: [[0], []]}",
         "t:1: key 'library[1]': a pattern is a list of at least one place"},
        {"{kind: pattern, library: [[0, x]]}",
         "t:1: key 'library[0][1]': a place is a whole number from 0 to 8"},
        {"{kind: pattern, library: [[0, 9]]}",
         "t:1: key 'library[0][1]': a place is a whole number from 0 to 8"},
        {"{kind: pattern, library: 3}",
         "t:1: key 'library': must be a list of 1 to 64 patterns"},
        {"{kind: block_max, keep: 0.5, blocks: [4, 6]}",
         "t:1: key 'blocks': must be rising whole numbers, each dividing the next"},
        {"{kind: block_max, keep: 0.5, blocks: []}",
         "t:1: key 'blocks': needs at least one size"},
        {"{kind: block_max, keep: 0.1, blocks: [2]}",
         "t:1: key 'keep': keeps 11 weights, but blocks of 2 keep 56 at least"},
        {"{kind: gather_scatter, keep: 0.5, banks: 8, per_row: 3}",
         "t:1: key 'per_row': 3 does not divide banks, 8"},
        {"{kind: polarised, fragment: [4]}",
         "t:1: key 'fragment': must be two whole numbers from 1, [r, c]"},
        {"{kind: device_levels}", "t:1: needs one of the keys levels and list"},
        {"{kind: device_levels, levels: 1}",
         "t:1: key 'levels': a device has at least 2 levels"},
        {"{kind: device_levels, list: [2 uS, 1 uS]}", "t:1: key 'list': must be rising"},
    };
    struct og_weight_shape shape = {4, 3, 3, 3};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct og_error err = {0};
        og_set *set;
        assert_int_equal(read_set(&set, cases[i].yaml, &shape, &err), OG_INPUT);
        assert_null(set);
        assert_string_equal(err.text, cases[i].error);
    }
    struct og_error err = {0};
    og_set *set;
    assert_int_equal(read_set(&set, "{kind: rows}", &shape, &err), OG_INPUT);
    assert_non_null(
        strstr(err.text, "'rows' is no constraint set; there are irregular,"));
    assert_non_null(strstr(err.text, "device_levels"));
}

// Of normal numbers, which have no ties and no zeros, exactly as many are kept as said.
static void counts_are_exact(void **state)
{
    (void)state;
    static const char *const kinds[] = {"irregular",
                                        "filter",
                                        "column",
                                        "channel",
                                        "connectivity",
                                        "connectivity, balanced: true",
                                        "tile, tile: [5, 4]",
                                        "tile_rows, tile: [5, 4]",
                                        "tile_rows, tile: [10, 4], within: tile",
                                        "tile_columns, tile: [5, 4]",
                                        "tile_columns, tile: [10, 4], within: tile",
                                        "block_rows, block: [4, 5]",
                                        "block_rows, block: [4, 5], within: block",
                                        "block_columns, block: [4, 5]",
                                        "block_columns, block: [4, 5], within: block"};
    struct og_weight_shape shape = {8, 5, 2, 2};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        char yaml[2][128];
        og_set *set[2];
        for (int k = 0; k < 2; k++) {
            snprintf(yaml[k], sizeof yaml[k], "{count: %d, kind: %s}", 3 - k, kinds[i]);
            set[k] = make_set(yaml[k], &shape);
        }
        fill(v, 160, 0, (uint32_t)i);
        assert_int_equal(og_set_project(set[0], v, NULL, z, NULL), OG_OK);
        assert_true(og_set_holds(set[0], z));
        if (og_set_holds(set[1], z)) fail_msg("%s keeps fewer", yaml[0]);
        og_set_free(set[0]);
        og_set_free(set[1]);
    }
}

static size_t non_zeros(const float *w, size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++) count += w[i] != 0;
    return count;
}

// keep: 0.3 of 60 is 18, 0.02 is 1 (of 1.2), 0.001 at least 1.
static void keep_is_the_nearest_number(void **state)
{
    (void)state;
    static const struct {
        const char *yaml;
        size_t kept;
    } cases[] = {{"{kind: irregular, keep: 0.3}", 18},
                 {"{kind: irregular, keep: 0.025}", 2},
                 {"{kind: irregular, keep: 0.02}", 1},
                 {"{kind: irregular, keep: 0.001}", 1},
                 {"{kind: irregular, keep: 1}", 60},
                 {"{kind: n_m, n: 1, m: 4}", 18},
                 {"{kind: block_max, keep: 0.5, blocks: [2]}", 30},
                 {"{kind: pattern, library: [[0]]}", 60},
                 {"{kind: row_column, rows: 0.5, columns: 0.25}", 9}};
    struct og_weight_shape shape = {6, 10, 1, 1};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        og_set *set = make_set(cases[i].yaml, &shape);
        fill(v, 60, 0, (uint32_t)i);
        assert_int_equal(og_set_project(set, v, NULL, z, NULL), OG_OK);
        assert_int_equal(non_zeros(z, 60), cases[i].kept);
        og_set_free(set);
    }
}

static void levels_of_a_tensor_are_nested(void **state)
{
    (void)state;
    static const size_t kept[] = {60, 25, 10};
    struct og_weight_shape shape = {10, 10, 1, 1};
    for (int kind = 0; kind < FILLS; kind++) {
        fill(v, 100, kind, 5);
        memcpy(again, v, 100 * sizeof *v);
        for (int level = 0; level < 3; level++) {
            char yaml[96];
            snprintf(yaml, sizeof yaml,
                     "{kind: nested, keeps: [0.6, 0.25, 0.1], level: %d}", level);
            og_set *set = make_set(yaml, &shape);
            assert_int_equal(og_set_project(set, v, NULL, z, NULL), OG_OK);
            assert_only_zeroed(again, z, 100);
            if (kind == 0) assert_int_equal(non_zeros(z, 100), kept[level]);
            memcpy(again, z, 100 * sizeof *z);
            og_set_free(set);
        }
    }
}

static void keys_are_printed(void **state)
{
    (void)state;
    char *text;
    size_t n;
    FILE *out = open_memstream(&text, &n);
    og_set_print_keys(out);
    fclose(out);
    for (const struct og_set_info *k = og_set_list(); k->name; k++)
        assert_non_null(strstr(text, k->name));
    assert_non_null(strstr(text, "\ntile_rows.within\n    one of tensor tile;"));
    free(text);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    for (int i = 0; i < ALL; i++) {
        og_set *set = make_set(all[i].yaml, &shapes[5]);
        og_status status = OG_NO_MEMORY;
        fill(v, weights_of(&shapes[5]), 0, 1);
        for (size_t n = 1; status == OG_NO_MEMORY; n++) {
            og_alloc_fail_at(n);
            status = og_set_project(set, v, NULL, z, NULL);
            og_alloc_fail_at(0);
            assert_true(status == OG_OK || status == OG_NO_MEMORY);
        }
        og_set_free(set);
        status = OG_NO_MEMORY;
        for (size_t n = 1; status == OG_NO_MEMORY; n++) {
            og_alloc_fail_at(n);
            status = read_set(&set, all[i].yaml, &shapes[5], NULL);
            og_alloc_fail_at(0);
            assert_true((set != NULL) == (status == OG_OK));
            og_set_free(set);
        }
        assert_int_equal(status, OG_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_is_in_the_list),
        cmocka_unit_test(every_set_keeps_the_contract),
        cmocka_unit_test(bad_keys_are_refused),
        cmocka_unit_test(patterns_of_sparse_kernels_settle),
        cmocka_unit_test(counts_are_exact),
        cmocka_unit_test(keep_is_the_nearest_number),
        cmocka_unit_test(levels_of_a_tensor_are_nested),
        cmocka_unit_test(keys_are_printed),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
