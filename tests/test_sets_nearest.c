// SPDX-License-Identifier: GPL-3.0-or-later
// Projections of constraint sets against the nearest point, found by enumeration.
#include "set_tools.h"

#include <stdlib.h>

#include "base/mem.h"

enum { MANY = 6000 };

static float v[WEIGHTS], z[WEIGHTS];

static const struct og_weight_shape small[] = {{1, 9, 1, 1}, {3, 4, 1, 1},  {2, 1, 2, 3},
                                               {2, 3, 1, 2}, {12, 1, 1, 1}, {1, 1, 3, 3}};
static const struct og_weight_shape kernels = {4, 3, 3, 3};
enum { SMALL = sizeof small / sizeof *small, DRAWS = 12 };

// Distance after the projection / least distance over all cases.
struct ratio {
    double mean, most;
    int cases;
};

static void add_case(struct ratio *r, const og_set *set, size_t n)
{
    assert_int_equal(og_set_project(set, v, NULL, z, NULL), OG_OK);
    double d = distance(v, z, n), least = nearest_support(set, v, n);
    assert_true(d >= least);
    double ratio = d > least ? d / least : 1;
    r->mean = (r->mean * r->cases + ratio) / (r->cases + 1);
    r->cases++;
    if (ratio > r->most) r->most = ratio;
}

static struct ratio ratio_of(int i)
{
    struct ratio r = {0};
    for (int s = 0; s < SMALL; s++) {
        if (!fits(i, &small[s])) continue;
        og_set *set = make_set(all[i].yaml, &small[s]);
        size_t n = weights_of(&small[s]);
        for (uint32_t draw = 0; draw < DRAWS; draw++) {
            fill(v, n, draw % 6 == 0 ? 2 : 0, draw);
            add_case(&r, set, n);
        }
        og_set_free(set);
    }
    return r;
}

// docs/constraint_sets.md publishes what this prints of kinds that are not exact.
static void what_prunes_is_nearest(void **state)
{
    (void)state;
    for (int i = 0; i < ALL; i++) {
        og_set *set = make_set(all[i].yaml, &kernels);
        const struct og_set_info *kind = og_set_kind(set);
        og_set_free(set);
        if (!kind->prunes) continue;
        struct ratio r = ratio_of(i);
        assert_true(r.cases > 0);
        if (!kind->exact)
            print_message("%s: mean %.3f, most %.3f\n", all[i].yaml, r.mean, r.most);
        bool exact = kind->exact || strstr(all[i].yaml, "library") != NULL;
        assert_true(r.most == 1 || !exact);
        assert_true(r.mean <= (strcmp(kind->name, "row_column") == 0 ? 1.001 : 1.12));
    }
}

// Sets of values with a scale, and their magnitudes at scale 1.
static const struct {
    const char *yaml;
    int levels;
    double t[8];
} ladders[] = {
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
enum { LADDERS = sizeof ladders / sizeof *ladders };

// What declares itself exact is enumerated: supports of all that prunes, levels of all
// that restricts values.
static void every_exact_kind_is_enumerated(void **state)
{
    (void)state;
    for (const struct og_set_info *k = og_set_list(); k->name; k++) {
        int found = 0;
        for (int i = 0; i < ALL && k->prunes; i++)
            found += is_of_kind(all[i].yaml, k->name);
        for (int i = 0; i < LADDERS && !k->prunes; i++)
            found += is_of_kind(ladders[i].yaml, k->name);
        if (k->exact && found == 0) fail_msg("%s is not compared", k->name);
    }
}

// A tensor of `parts` equal parts, each with a scale of its own.
static void compare_levels(const og_set *set, int i, size_t parts)
{
    enum { N = 8 };
    const size_t each = N / parts;
    for (uint32_t draw = 0; draw < 20; draw++) {
        double least = 0;
        fill(v, N, draw % 5 == 4 ? 2 : 0, draw);
        assert_int_equal(og_set_project(set, v, NULL, z, NULL), OG_OK);
        for (size_t p = 0; p < parts; p++)
            least += nearest_levels(ladders[i].t, ladders[i].levels, v + p * each, each);
        assert_true(fabs(distance(v, z, N) - least) <= 1e-6 * (least + 1e-6));
    }
}

static void levels_are_nearest(void **state)
{
    (void)state;
    const struct og_weight_shape shape = {2, 4, 1, 1};
    for (int i = 0; i < LADDERS; i++) {
        char by_filter[128];
        og_set *set = make_set(ladders[i].yaml, &shape);
        compare_levels(set, i, 1);
        og_set_free(set);
        snprintf(by_filter, sizeof by_filter, "%.*s, scale: filter}",
                 (int)strlen(ladders[i].yaml) - 1, ladders[i].yaml);
        set = make_set(by_filter, &shape);
        compare_levels(set, i, 2);
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

// --- clusters --------------------------------------------------------------------------

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

// The least sum of squares about the means of `levels` runs of the sorted weights, by the
// plain recurrence.
static double nearest_clusters(const float *from, size_t n, int levels)
{
    static float w[MANY];
    static double sum[MANY + 1], squares[MANY + 1], cost[2][MANY + 1];
    assert_true(n <= MANY);
    memcpy(w, from, n * sizeof *w);
    qsort(w, n, sizeof *w, by_value);
    for (size_t i = 0; i < n; i++) {
        sum[i + 1] = sum[i] + w[i];
        squares[i + 1] = squares[i] + (double)w[i] * w[i];
        cost[0][i + 1] = INFINITY;
    }
    cost[0][0] = 0;
    for (int k = 1; k <= levels; k++) {
        double *now = cost[k % 2], *before = cost[(k - 1) % 2];
        now[0] = 0;
        for (size_t j = 1; j <= n; j++) {
            now[j] = INFINITY;
            for (size_t i = 0; i < j; i++) {
                double s = sum[j] - sum[i];
                double c = squares[j] - squares[i] - s * s / (double)(j - i);
                if (before[i] + c < now[j]) now[j] = before[i] + c;
            }
        }
    }
    return cost[levels % 2][n];
}

static void clusters_are_nearest(void **state)
{
    (void)state;
    static const struct og_weight_shape sizes[] = {
        {1, 9, 1, 1}, {5, 40, 1, 1}, {1, 400, 1, 1}};
    static const int levels[] = {1, 2, 7, 16};
    for (int s = 0; s < 3; s++) {
        for (int k = 0; k < 4; k++) {
            char yaml[64];
            size_t n = weights_of(&sizes[s]);
            snprintf(yaml, sizeof yaml, "{kind: clusters, levels: %d}", levels[k]);
            og_set *set = make_set(yaml, &sizes[s]);
            fill(v, n, 0, (uint32_t)k);
            assert_int_equal(og_set_project(set, v, NULL, z, NULL), OG_OK);
            double least = nearest_clusters(v, n, levels[k]);
            assert_true(fabs(distance(v, z, n) - least) <= 1e-6 * (least + 1e-6));
            og_set_free(set);
        }
    }
}

// More different weights than the recurrence is run on: near the best.
static void many_clusters_are_near(void **state)
{
    (void)state;
    static float w[MANY], p[MANY];
    struct og_weight_shape shape = {1, MANY, 1, 1};
    og_set *set = make_set("{kind: clusters, levels: 8}", &shape);
    double most = 1;
    for (uint32_t draw = 0; draw < 3; draw++) {
        fill(w, MANY, 0, draw);
        for (int i = 0; draw == 2 && i < MANY; i++) w[i] = w[i] * w[i] * w[i];
        assert_int_equal(og_set_project(set, w, NULL, p, NULL), OG_OK);
        double ratio = distance(w, p, MANY) / nearest_clusters(w, MANY, 8);
        if (ratio > most) most = ratio;
    }
    print_message("{kind: clusters, levels: 8}, %d weights: most %.6f\n", MANY, most);
    assert_true(most <= 1 + 1e-6);
    og_set_free(set);
}

// --- known optima ----------------------------------------------------------------------

// The mean squared error of the best quantisers of a normal variable (Max, IRE
// Transactions on Information Theory 1960; of 2 levels 1 - 2 / pi).
static void normal_weights_reach_the_known_errors(void **state)
{
    (void)state;
    static const struct {
        const char *yaml;
        double error;
    } cases[] = {{"{kind: binary}", 0.3634},
                 {"{kind: ternary}", 0.1902},
                 {"{kind: levels, bits: 3}", 0.04686},
                 {"{kind: clusters, levels: 8}", 0.03454},
                 {"{kind: clusters, levels: 16}", 0.009497}};
    enum { N = 200000 };
    struct og_weight_shape shape = {200, 1000, 1, 1};
    float *w = og_alloc(N, sizeof *w), *p = og_alloc(N, sizeof *p);
    fill(w, N, 0, 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        og_set *set = make_set(cases[i].yaml, &shape);
        assert_int_equal(og_set_project(set, w, NULL, p, NULL), OG_OK);
        double error = distance(w, p, N) / N;
        assert_true(fabs(error - cases[i].error) <= 0.01 * cases[i].error);
        og_set_free(set);
    }
    og_free(w);
    og_free(p);
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
        // Rows 0 and 2 with columns 0 and 1 hold more than any other crossing.
        {"{kind: row_column, rows: 0.67, columns: 0.67}",
         {3, 3, 1, 1},
         {3, 2, 1, 1, 1, 3, 2, 3, 1},
         {3, 2, 0, 0, 0, 0, 2, 3}},
        // Two kernels of three take places 0 and 3; the centre is place 3 itself.
        {"{kind: pattern, entries: 2, patterns: 1}",
         {1, 3, 2, 2},
         {5, 1, 0, 1, 4, 0, 1, 2, 0, 9, 0, 1},
         {5, 0, 0, 1, 4, 0, 0, 2, 0, 0, 0, 1}},
        {"{kind: pattern, library: [[0, 1], [2]]}",
         {1, 2, 2, 2},
         {1, 1, 1, 9, 0, 1, 2, 0},
         {1, 1, 0, 0, 0, 0, 2}},
        // Row 1 gains 16 of two weights more, row 0 only 1.
        {"{kind: block_max, count: 3, blocks: [2, 4]}",
         {2, 4, 1, 1},
         {3, 0, 1, 0, 4, 1, 0, 5},
         {3, 0, 0, 0, 4, 0, 0, 5}},
        // One pack of two banks, one of each row; 8 and 7 are of one bank.
        {"{kind: gather_scatter, keep: 0.5, banks: 2, per_row: 1}",
         {2, 2, 1, 1},
         {8, 1, 7, 2},
         {8, 0, 0, 2}},
        {"{kind: polarised, fragment: [4, 1]}",
         {1, 6, 1, 1},
         {2, -0.8f, -0.8f, -0.8f, 1, -1},
         {2, 0, 0, 0, 1}},
        {"{kind: nested, keeps: [0.5, 0.34], level: 1}",
         {1, 6, 1, 1},
         {1, 2, 3, -3, 3, 0},
         {0, 0, 3, -3}},
        {"{kind: clusters, levels: 2}",
         {1, 6, 1, 1},
         {1, -4, 2, 0, -5, 3},
         {2, -4.5f, 2, 0, -4.5f, 2}},
        // Tiles cut off by the end of the matrix keep half of what they have.
        {"{kind: tile_rows, keep: 0.5, tile: [4, 1], within: tile}",
         {1, 6, 1, 1},
         {1, 2, 3, 4, 5, 6},
         {0, 0, 3, 4, 0, 6}},
        {"{kind: tile_columns, keep: 0.5, tile: [1, 4], within: tile}",
         {6, 1, 1, 1},
         {1, 2, 3, 4, 5, 6},
         {0, 0, 3, 4, 0, 6}},
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
        {"{kind: row_column, rows: 0.5, columns: 0.5}", {2, 2, 1, 1}, {1, 0, 0, 1}},
        {"{kind: pattern, entries: 2, patterns: 1}", {1, 2, 2, 2}, {1, 0, 0, 1, 0, 1}},
        {"{kind: pattern, entries: 2, patterns: 1}", {1, 1, 2, 2}, {1, 1, 0, 1}},
        {"{kind: pattern, library: [[0, 1], [2]]}", {1, 1, 2, 2}, {1, 0, 1, 0}},
        {"{kind: block_max, count: 3, blocks: [2, 4]}",
         {2, 4, 1, 1},
         {3, 0, 1, 0, 4, 0, 0, 5}},
        {"{kind: block_max, count: 4, blocks: [2, 4]}", {2, 4, 1, 1}, {3, 1}},
        {"{kind: gather_scatter, keep: 0.5, banks: 2, per_row: 1}",
         {2, 2, 1, 1},
         {8, 0, 7, 0}},
        {"{kind: gather_scatter, keep: 0.5, banks: 2, per_row: 1}", {2, 2, 1, 1}, {8, 1}},
        {"{kind: polarised, fragment: [4, 1]}", {1, 6, 1, 1}, {0, 1, 0, 1, 1, -1}},
        {"{kind: clusters, levels: 2}", {1, 4, 1, 1}, {1, 2, 0, 2.001f}},
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_exact_kind_is_enumerated),
        cmocka_unit_test(what_prunes_is_nearest),
        cmocka_unit_test(levels_are_nearest),
        cmocka_unit_test(scale_is_the_global_best),
        cmocka_unit_test(clusters_are_nearest),
        cmocka_unit_test(many_clusters_are_near),
        cmocka_unit_test(normal_weights_reach_the_known_errors),
        cmocka_unit_test(examples),
        cmocka_unit_test(sets_do_not_hold_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
