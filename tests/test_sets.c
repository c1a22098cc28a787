// SPDX-License-Identifier: GPL-3.0-or-later
// Constraint sets: the contract that each of them keeps, the nearest point by
// enumeration, examples by hand, and what each refuses.
#include "set_tools.h"

#include <stdlib.h>
#include <time.h>

#include "base/mem.h"

// Every kind at least once, with the fewest places of a kernel and columns of the matrix
// that it can do with. The contract is tested with all of them on all shapes.
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

static const struct og_weight_shape shapes[] = {
    {1, 1, 1, 1}, {1, 7, 1, 1}, {5, 1, 1, 1},  {2, 3, 1, 1},   {6, 10, 1, 1},
    {4, 3, 3, 3}, {7, 2, 5, 5}, {13, 5, 2, 3}, {32, 128, 1, 1}};
enum { SHAPES = sizeof shapes / sizeof *shapes, FILLS = 4 };

static bool fits(int i, const struct og_weight_shape *s)
{
    size_t places = s->height * s->width;
    return places >= all[i].places && s->channels * places >= all[i].columns;
}

static float v[WEIGHTS], z[WEIGHTS], again[WEIGHTS];
static uint8_t allowed[WEIGHTS];

static void every_kind_is_in_the_list(void **state)
{
    (void)state;
    for (const struct og_set_info *k = og_set_list(); k->name; k++) {
        char word[64];
        int found = 0;
        snprintf(word, sizeof word, "{kind: %s", k->name);
        for (int i = 0; i < ALL; i++) {
            size_t n = strlen(word);
            found += strncmp(all[i].yaml, word, n) == 0 &&
                     strchr(",}", all[i].yaml[n]) != NULL;
        }
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

// --- the nearest point -----------------------------------------------------------------

static const struct og_weight_shape small[] = {{1, 9, 1, 1}, {3, 4, 1, 1},  {2, 1, 2, 3},
                                               {2, 3, 1, 2}, {12, 1, 1, 1}, {1, 1, 3, 3}};
enum { SMALL = sizeof small / sizeof *small, DRAWS = 6 };

// Distance after the projection / least distance, the largest of all cases.
static double ratio_of(int i)
{
    double ratio = 1;
    for (int s = 0; s < SMALL; s++) {
        if (!fits(i, &small[s])) continue;
        og_set *set = make_set(all[i].yaml, &small[s]);
        size_t n = weights_of(&small[s]);
        for (uint32_t draw = 0; draw < DRAWS; draw++) {
            fill(v, n, draw == 0 ? 2 : 0, draw);
            assert_int_equal(og_set_project(set, v, NULL, z, NULL), OG_OK);
            double d = distance(v, z, n), least = nearest_support(set, v, n);
            assert_true(d >= least);
            if (d > least * ratio) ratio = d / least;
        }
        og_set_free(set);
    }
    return ratio;
}

static void what_prunes_is_nearest(void **state)
{
    (void)state;
    for (int i = 0; i < ALL; i++) {
        og_set *set = make_set(all[i].yaml, &shapes[5]);
        const struct og_set_info *kind = og_set_kind(set);
        og_set_free(set);
        if (!kind->prunes) continue;
        double ratio = ratio_of(i);
        if (!kind->exact) print_message("%s: %.3f\n", all[i].yaml, ratio);
        assert_true(!kind->exact || ratio == 1);
    }
}

static void levels_are_nearest(void **state)
{
    (void)state;
    static const struct {
        const char *yaml;
        int levels;
        double t[8];
    } cases[] = {
        {"{kind: binary}", 1, {1}},
        {"{kind: ternary}", 2, {0, 1}},
        {"{kind: levels, bits: 2}", 2, {0, 1}},
        {"{kind: levels, bits: 3}", 4, {0, 1, 2, 3}},
        {"{kind: levels, bits: 3, zero: false}", 4, {1, 2, 3, 4}},
        {"{kind: power, bits: 3}", 4, {0, 1, 4, 9}},
        {"{kind: power, bits: 2, exponent: 2, zero: false}", 2, {1, 1.41421356237309505}},
        {"{kind: device_levels, levels: 4}", 4, {0, 1, 2, 3}},
        {"{kind: device_levels, list: [1 uS, 2 uS, 4 uS], zero: false}", 2, {1, 3}},
    };
    struct og_weight_shape shape = {2, 4, 1, 1};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        og_set *set = make_set(cases[c].yaml, &shape);
        for (uint32_t draw = 0; draw < 20; draw++) {
            fill(v, 8, draw % 5 == 4 ? 2 : 0, draw);
            assert_int_equal(og_set_project(set, v, NULL, z, NULL), OG_OK);
            double least = nearest_levels(cases[c].t, cases[c].levels, v, 8);
            assert_true(fabs(distance(v, z, 8) - least) <= 1e-6 * (least + 1e-6));
        }
        og_set_free(set);
    }
}

// The scale search against every breakpoint of the scale, on many weights and levels.
static void scale_is_the_global_best(void **state)
{
    (void)state;
    struct og_weight_shape shape = {1, 300, 1, 1};
    og_set *set = make_set("{kind: levels, bits: 5, zero: false}", &shape);
    for (uint32_t draw = 0; draw < 4; draw++) {
        double least = INFINITY;
        fill(v, 300, 0, draw);
        assert_int_equal(og_set_project(set, v, NULL, z, NULL), OG_OK);
        for (int i = 0; i < 300 * 16; i++) {
            // Just above where weight i / 16 changes its level, the best scale of all.
            double s = fabs((double)v[i / 16]) / (i % 16 + 0.5) * (1 + 1e-9);
            double a = 0, b = 0, c = 0;
            for (int k = 0; k < 300; k++) {
                double w = fabs((double)v[k]), t = fmin(fmax(floor(w / s + 0.5), 1), 16);
                a += w * t;
                b += t * t;
                c += w * w;
            }
            least = fmin(least, c - a * a / b);
        }
        double d = distance(v, z, 300);
        assert_true(fabs(d - least) <= 1e-6 * least);
    }
    og_set_free(set);
}

// --- by hand ---------------------------------------------------------------------------

static void examples(void **state)
{
    (void)state;
    static const struct {
        const char *yaml;
        struct og_weight_shape shape;
        float v[12], z[12];
    } cases[] = {
        {"{kind: irregular, count: 2}", {2, 3, 1, 1}, {1, -2, 0, 2, 2, 1}, {0, -2, 0, 2}},
        {"{kind: irregular, keep: 0.42}",
         {2, 3, 1, 1},
         {1, -2, 0, 2, 2, 1},
         {0, -2, 0, 2, 2}},
        {"{kind: filter, count: 1}",
         {2, 3, 1, 1},
         {1, 1, 1, 0, 0, 2},
         {0, 0, 0, 0, 0, 2}},
        {"{kind: column, count: 1}", {2, 3, 1, 1}, {1, 2, 0, 0, 0, 2}, {0, 2}},
        {"{kind: channel, count: 1}",
         {2, 2, 1, 2},
         {1, 1, 0, 2, 1, 0, 0, 0},
         {0, 0, 0, 2}},
        {"{kind: connectivity, count: 1, balanced: true}",
         {2, 2, 1, 2},
         {1, 1, 0, 2, 1, 0, 0, 0},
         {0, 0, 0, 2, 1}},
        {"{kind: n_m, n: 1, m: 2}", {2, 3, 1, 1}, {1, 2, 3, 4, 4, 5}, {0, 2, 3, 4, 0, 5}},
        // Two word lines and one bit line: columns 0 and 1 of a row, and the last alone.
        {"{kind: tile, count: 2, tile: [2, 1]}",
         {2, 3, 1, 1},
         {1, 1, 2, 3, 0, 1},
         {0, 0, 2, 3}},
        // A bit line of each tile of two filters: the stronger half of columns 0 and 1.
        {"{kind: tile_columns, count: 1, tile: [2, 2], within: tile}",
         {2, 3, 1, 1},
         {1, 1, 2, 3, 0, 1},
         {0, 0, 2, 3}},
        {"{kind: tile_rows, count: 1, tile: [2, 2], within: tile}",
         {2, 3, 1, 1},
         {1, 2, 2, 3, 0, 1},
         {1, 0, 2, 3, 0, 1}},
        {"{kind: block_rows, count: 1, block: [2, 2], within: block}",
         {2, 3, 1, 1},
         {1, 1, 2, 3, 0, 1},
         {0, 0, 2, 3}},
        {"{kind: block_columns, count: 1, block: [2, 2]}",
         {2, 3, 1, 1},
         {1, 2, 3, 3, 0, 1},
         {1, 0, 0, 3}},
        {"{kind: binary}", {2, 2, 1, 1}, {1, -3, 0, 2}, {2, -2, 0, 2}},
        {"{kind: binary, scale: filter}", {2, 2, 1, 1}, {1, -3, 0, 2}, {2, -2, 0, 2}},
        {"{kind: ternary, scale: filter}", {2, 2, 1, 1}, {0.5f, -3, 4, 2}, {0, -3, 3, 3}},
        {"{kind: levels, bits: 3}", {1, 4, 1, 1}, {0.5f, -1, 1.5f, 0}, {0.5f, -1, 1.5f}},
        {"{kind: power, bits: 3}", {1, 4, 1, 1}, {0.5f, -2, 4.5f, 0}, {0.5f, -2, 4.5f}},
        {"{kind: device_levels, list: [1 uS, 2 uS, 3.5 uS]}",
         {1, 3, 1, 1},
         {2, -5, 0},
         {2, -5}},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        og_set *set = make_set(cases[c].yaml, &cases[c].shape);
        size_t n = weights_of(&cases[c].shape);
        assert_int_equal(og_set_project(set, cases[c].v, NULL, z, NULL), OG_OK);
        for (size_t i = 0; i < n; i++)
            if (z[i] != cases[c].z[i])
                fail_msg("%s: weight %zu is %g, not %g", cases[c].yaml, i, z[i],
                         cases[c].z[i]);
        og_set_free(set);
    }
}

// What lies just outside.
static void sets_do_not_hold_more(void **state)
{
    (void)state;
    static const struct {
        const char *yaml;
        struct og_weight_shape shape;
        float v[12];
    } cases[] = {
        {"{kind: irregular, count: 2}", {2, 3, 1, 1}, {1, -2, 0, 2}},
        {"{kind: filter, count: 1}", {2, 3, 1, 1}, {1, 0, 0, 0, 0, 2}},
        {"{kind: column, count: 1}", {2, 3, 1, 1}, {1, 0, 0, 0, 0, 2}},
        {"{kind: channel, count: 1}", {1, 2, 1, 2}, {1, 0, 0, 2}},
        {"{kind: connectivity, count: 1}", {2, 1, 1, 2}, {1, 0, 0, 2}},
        {"{kind: n_m, n: 1, m: 2}", {1, 4, 1, 1}, {1, 0, 2, 3}},
        {"{kind: tile, count: 1, tile: [2, 1]}", {1, 3, 1, 1}, {1, 0, 1}},
        {"{kind: tile_rows, count: 1, tile: [2, 2], within: tile}",
         {1, 4, 1, 1},
         {1, 0, 1, 1}},
        {"{kind: levels, bits: 3}", {1, 4, 1, 1}, {1, 2, 3, 4}},
        {"{kind: levels, bits: 3}", {1, 4, 1, 1}, {1, 2.001f, 3, 3}},
        {"{kind: binary}", {1, 2, 1, 1}, {1, -1.001f}},
        {"{kind: ternary, scale: filter}", {1, 2, 1, 1}, {1, -1.001f}},
        {"{kind: device_levels, list: [1 uS, 2 uS, 3.5 uS]}", {1, 2, 1, 1}, {2, -4.9f}},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        og_set *set = make_set(cases[c].yaml, &cases[c].shape);
        if (og_set_holds(set, cases[c].v)) fail_msg("%s: case %zu", cases[c].yaml, c);
        og_set_free(set);
    }
}

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
         "t:1: key 'tile': unknown key; known here: keep, count"},
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
        cmocka_unit_test(what_prunes_is_nearest),
        cmocka_unit_test(levels_are_nearest),
        cmocka_unit_test(scale_is_the_global_best),
        cmocka_unit_test(examples),
        cmocka_unit_test(sets_do_not_hold_more),
        cmocka_unit_test(bad_keys_are_refused),
        cmocka_unit_test(keys_are_printed),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
