// SPDX-License-Identifier: GPL-3.0-or-later
// Storage of pruned tensors, counted by hand.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "learn/storage.h"

enum { MOST = 1024 };

static struct og_storage measure(const float *w, size_t rows, size_t columns,
                                 size_t kernel)
{
    struct og_storage s;
    struct og_error err = {0};
    if (og_storage_measure(&s, w, rows, columns, kernel, &err) != OG_OK)
        fail_msg("%s", err.text);
    return s;
}

// The coding for weights of v bits.
static void expect(const struct og_storage *s, int v, const char *name, uint64_t bits,
                   uint64_t fillers)
{
    assert_string_equal(s->best[v].name, name);
    assert_int_equal(s->best[v].bits, bits);
    assert_int_equal(s->best[v].fillers, fillers);
}

// Different numbers at [r][c] of a matrix with 32 rows and columns for which inside is
// true.
static struct og_storage measure_32(bool (*inside)(size_t r, size_t c), size_t kernel)
{
    static float w[MOST];
    for (size_t i = 0; i < MOST; i++)
        w[i] = inside(i / 32, i % 32) ? (float)(i + 1) : 0.0f;
    return measure(w, 32, 32, kernel);
}

static void gaps_with_fillers(void **state)
{
    (void)state;
    // Gaps of 2, 3 and 251 places. b bits reach 2^b: 8 bits need no filler, 3 * 8 bits,
    // as many as a list of places has, which is offered later; 7 bits need one, (3 + 1)
    // * 7.
    float w[256] = {[1] = 1.5f, [4] = -2.5f, [255] = 3.5f};
    struct og_storage s = measure(w, 1, 256, 1);
    assert_int_equal(s.all, 256);
    assert_int_equal(s.kept, 3);
    expect(&s, 32, "gaps of 8 bits", 24, 0);
    // Gaps of 2, 3, 5 and 5: 3 bits for each, or 2 bits and a filler before the last two.
    float short_gaps[16] = {[1] = 1, [4] = 2, [9] = 3, [14] = 4};
    s = measure(short_gaps, 1, 16, 1);
    expect(&s, 32, "gaps of 3 bits", 12, 0);
    // Gaps of 1, 8 times, and one of 3: (9 + 1) * 1 bits and a filler of v bits, or 9
    // * 2.
    float dense[24] = {1, 2, 3, 4, 5, 6, 7, 8, [10] = 9};
    s = measure(dense, 1, 24, 1);
    expect(&s, 7, "gaps of 1 bits", 10, 1);
    expect(&s, 9, "gaps of 2 bits", 18, 0);
}

static bool in_row(size_t r, size_t c) { return c < 32 && (r == 3 || r == 17); }
static bool in_column(size_t r, size_t c) { return r < 32 && (c == 5 || c == 30); }
static bool in_rows(size_t r, size_t c) { return c < 32 && r % 3 != 0; }
static bool in_channel(size_t r, size_t c) { return r < 32 && c / 4 == 6; }
static bool in_kernel(size_t r, size_t c) { return c / 4 == (r * 5 + r / 8) % 8; }
static bool in_tile(size_t r, size_t c)
{
    return (r / 8 == 1 && c / 4 == 6) || (r / 8 == 3 && c / 4 == 1);
}
static bool in_crossing(size_t r, size_t c)
{
    return (r == 1 || r == 8 || r == 21) && (c == 2 || c == 9 || c == 13);
}
static bool everywhere(size_t r, size_t c) { return r < 32 && c < 32; }
static bool nowhere(size_t r, size_t c) { return r > c && c > r; }
static bool checkered(size_t r, size_t c) { return (r * 13 + c * c * 7) % 5 < 2; }

static void structures(void **state)
{
    (void)state;
    struct og_storage s = measure_32(in_row, 1);
    expect(&s, 32, "list of rows", 2 * 5, 0);
    s = measure_32(in_column, 1);
    expect(&s, 32, "list of columns", 2 * 5, 0);
    s = measure_32(in_rows, 1);
    expect(&s, 32, "bitmap of rows", 32, 0);
    s = measure_32(in_channel, 4);
    expect(&s, 32, "list of channels", 3, 0);
    s = measure_32(in_kernel, 4);
    // 32 of 256: one bit each, as many as a list of 8 bits for each that is kept.
    expect(&s, 32, "bitmap of kernels", 256, 0);
    s = measure_32(in_tile, 1);
    expect(&s, 32, "list of 8 x 4 blocks", 2 * 5, 0);
    // 3 rows and 3 columns of 32, 5 bits each; 9 single weights would be 10 bits each.
    s = measure_32(in_crossing, 1);
    expect(&s, 32, "rows and columns", 30, 0);
    s = measure_32(everywhere, 4);
    expect(&s, 32, "all weights", 0, 0);
    s = measure_32(nowhere, 4);
    for (int v = 1; v <= 32; v++) expect(&s, v, s.best[v].name, 0, 0);
    s = measure_32(checkered, 1);
    expect(&s, 32, "bitmap of weights", 1024, 0);
    expect(&s, 1, "all weights", 0, 1024 - s.kept);
}

// Kernels of 9 places, not of a power of 2: 3 filters, 5 channels.
static void kernels_and_edges(void **state)
{
    (void)state;
    float w[3 * 45] = {0};
    for (int k = 0; k < 9; k++)
        w[0 * 45 + 1 * 9 + k] = w[2 * 45 + 4 * 9 + k] = (float)k + 1;
    struct og_storage s = measure(w, 3, 45, 9);
    // 2 of 15 kernels.
    expect(&s, 32, "list of kernels", 8, 0);
    // Without kernels: a block at the edge has 1 row and 1 column, no more fillers.
    float edge[5 * 5] = {[24] = 1};
    s = measure(edge, 5, 5, 1);
    assert_int_equal(s.best[1].fillers, 0);
    expect(&s, 32, "list of 4 x 4 blocks", 2, 0);
    // A column but for one weight: the filler is worth it when weights have few bits.
    float channel[8 * 4] = {0};
    for (int r = 0; r < 8; r++) channel[r * 4 + 2] = r == 3 ? 0.0f : (float)r + 1;
    s = measure(channel, 8, 4, 1);
    expect(&s, 1, "list of columns", 2, 1);
    // Rows as one bit each and a column of 2 bits.
    expect(&s, 32, "rows and columns", 8 + 2, 0);
}

static void values_have_codes(void **state)
{
    (void)state;
    // Weights +-1 and +-2 in 16 of 32 rows: four codes of 2 bits, 4 table entries.
    static float w[MOST];
    for (int i = 0; i < MOST; i++)
        w[i] = i < 512 ? (i & 1 ? -1.0f : 1.0f) * (i & 2 ? 2.0f : 1.0f) : 0.0f;
    struct og_storage s = measure(w, 32, 32, 1);
    assert_int_equal(s.codes, 5);
    assert_int_equal(s.entries, 4);
    // One block of 16 x 32: a list of one number below 2.
    struct og_storage_bits b = og_storage_bits(&s, 0);
    assert_true(b.values == 512 * 2 + 4 * 32 && b.indices == 1);
    assert_string_equal(b.way, "list of 16 x 32 blocks");
    b = og_storage_bits(&s, 2);
    assert_true(b.values == 512 * 2 && b.indices == 1);
    // Codes of 2 bits and their table are less than 4 bits of the hardware.
    b = og_storage_bits(&s, 4);
    assert_true(b.values == 512 * 2 + 4 * 32 && b.indices == 1);
    // Two zeros in between are fillers: zero is a fifth code, which takes 3 bits. That is
    // less than places without fillers, gaps of 2 bits.
    w[101] = w[102] = 0.0f;
    s = measure(w, 32, 32, 1);
    assert_int_equal(s.codes, 5);
    assert_int_equal(s.exact.bits, 510 * 2);
    b = og_storage_bits(&s, 0);
    assert_true(b.values == 510 * 3 + 4 * 32 && b.indices == 1 + 2 * 3);
    assert_true(b.codes == 510 * 2 + 4 * 32);
    // A value for each row: codes of 5 bits in one table of 32 entries, or codes of 1 bit
    // in 32 tables of one entry.
    for (int i = 0; i < MOST; i++) w[i] = 1.0f + (float)(i / 32);
    s = measure(w, 32, 32, 1);
    assert_int_equal(s.codes, 32);
    assert_int_equal(s.row_codes, 1);
    assert_int_equal(s.row_values, 1);
    assert_int_equal(s.row_entries, 32);
    b = og_storage_bits(&s, 0);
    assert_true(b.values == 1024 + 32 * 32 && b.indices == 0);
    assert_string_equal(b.way, "all weights");
    // Different weights: a table would be longer than they are.
    for (int i = 0; i < MOST; i++) w[i] = 1.0f + (float)i;
    s = measure(w, 32, 32, 1);
    b = og_storage_bits(&s, 0);
    assert_true(b.values == 1024 * 32 && b.indices == 0);
    b = og_storage_bits(&s, 8);
    assert_true(b.values == 1024 * 8 && b.indices == 0);
    // Minus zero is a zero.
    memset(w, 0, sizeof w);
    w[7] = -0.0f;
    s = measure(w, 32, 32, 1);
    assert_true(s.kept == 0 && s.codes == 1 && s.entries == 0);
    b = og_storage_bits(&s, 0);
    assert_true(b.values == 0 && b.indices == 0);
}

static void memory_may_fail(void **state)
{
    (void)state;
    struct og_storage s;
    struct og_error err = {0};
    const float w[4] = {1};
    for (size_t n = 1; n <= 2; n++) {
        og_alloc_fail_at(n);
        assert_int_equal(og_storage_measure(&s, w, 2, 2, 1, &err), OG_NO_MEMORY);
        og_alloc_fail_at(0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gaps_with_fillers), cmocka_unit_test(structures),
        cmocka_unit_test(kernels_and_edges), cmocka_unit_test(values_have_codes),
        cmocka_unit_test(memory_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
