// SPDX-License-Identifier: GPL-3.0-or-later
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "ohmgrid/cpu.h"
#include "ohmgrid/product.h"
#include "ohmgrid/random.h"

// A product m x k x n on random matrices; c has gaps of 3 columns that must stay as they
// are.
struct trial {
    size_t m, k, n, ldc;
    float *a, *b, *c, *old;
    og_packed *packed;
};

static struct trial trial_new(size_t m, size_t k, size_t n)
{
    struct trial t = {.m = m, .k = k, .n = n, .ldc = n + 3};
    struct og_stream s = og_stream_named(5, OG_INIT, 0, (uint32_t)k, (uint32_t)n);
    t.a = og_alloc(m * k + 1, sizeof(float));
    t.b = og_alloc(n * k + 1, sizeof(float));
    t.c = og_alloc(m * t.ldc, sizeof(float));
    t.old = og_alloc(m * t.ldc, sizeof(float));
    t.packed = og_packed_alloc(k + 2, n + 5);
    assert_true(t.a && t.b && t.c && t.old && t.packed);
    og_gauss_fill(&s, (struct og_index){0, 0, 0}, 0, t.a, m * k);
    og_gauss_fill(&s, (struct og_index){1, 0, 0}, 0, t.b, n * k);
    og_gauss_fill(&s, (struct og_index){2, 0, 0}, 0, t.old, m * t.ldc);
    return t;
}

static void trial_free(struct trial *t)
{
    og_free(t->a), og_free(t->b), og_free(t->c), og_free(t->old);
    og_packed_free(t->packed);
}

static struct og_left left(const struct trial *t, int transposed)
{
    return transposed ? (struct og_left){t->a, 1, t->m} : (struct og_left){t->a, t->k, 1};
}

static void pack(const struct trial *t, int transposed)
{
    if (transposed)
        og_pack(t->packed, t->b, 1, t->k, t->k, t->n);
    else
        og_pack(t->packed, t->b, t->n, 1, t->k, t->n);
}

// Against sums in double. A chain of k roundings errs by less than k u sum |a b|.
static void compare(const struct trial *t, int ta, int tb, int add)
{
    struct og_left a = left(t, ta);
    for (size_t i = 0; i < t->m; i++) {
        for (size_t j = 0; j < t->ldc; j++) {
            size_t at = i * t->ldc + j;
            double sum = 0.0, size = 0.0;
            for (size_t k = 0; k < t->k && j < t->n; k++) {
                double b = tb ? t->b[j * t->k + k] : t->b[k * t->n + j];
                double term = a.data[i * a.row_stride + k * a.col_stride] * b;
                sum += term, size += fabs(term);
            }
            double old = add || j >= t->n ? (double)t->old[at] : 0.0;
            double bound = (double)(t->k + 1) * 0x1p-24 * (size + fabs(sum + old));
            assert_true(fabs((double)t->c[at] - (sum + old)) <= bound);
        }
    }
}

static const size_t shapes[][3] = {
    {1, 1, 1},      {14, 7, 32},   {15, 33, 31}, {29, 100, 17}, {3, 1100, 300},
    {44, 513, 257}, {6, 64, 16},   {37, 0, 5},   {2, 1030, 97}, {13, 5, 65},
    {28, 25, 20},   {11, 512, 92}, {24, 9, 13}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

// On all kernels, of all shapes, layouts of both factors, set and added.
static void everywhere(void (*check)(const size_t *s, int ta, int tb, int add))
{
    for (int isa = 0; isa < OG_ISA_COUNT; isa++) {
        if (!og_cpu_use((enum og_isa)isa)) continue;
        for (int i = 0; i < SHAPES * 8; i++)
            check(shapes[i / 8], i & 1, i >> 1 & 1, i >> 2 & 1);
    }
}

static void check_product(const size_t *s, int ta, int tb, int add)
{
    struct trial t = trial_new(s[0], s[1], s[2]);
    memcpy(t.c, t.old, t.m * t.ldc * sizeof *t.c);
    pack(&t, tb);
    og_product(left(&t, ta), t.m, t.packed, t.c, t.ldc, add);
    compare(&t, ta, tb, add);
    trial_free(&t);
}

static void odd_shapes_equal_the_double_reference(void **state)
{
    (void)state;
    everywhere(check_product);
}

// The rows in pieces of any size, from either layout of a, give the bits of one call.
static void splitting_rows_changes_no_bit(void **state)
{
    (void)state;
    for (int isa = 0; isa < OG_ISA_COUNT; isa++) {
        if (!og_cpu_use((enum og_isa)isa)) continue;
        for (int i = 0; i < SHAPES * 4; i++) {
            const size_t *s = shapes[i / 4];
            int ta = i & 1, add = i >> 1 & 1;
            struct trial t = trial_new(s[0], s[1], s[2]);
            size_t bytes = t.m * t.ldc * sizeof *t.c;
            float *whole = og_alloc(bytes, 1);
            assert_non_null(whole);
            memcpy(whole, t.old, bytes), memcpy(t.c, t.old, bytes);
            pack(&t, 0);
            struct og_left a = left(&t, ta);
            og_product(a, t.m, t.packed, whole, t.ldc, add);
            for (size_t row = 0, step = 1; row < t.m; row += step, step = step % 9 + 1) {
                struct og_left part = {a.data + row * a.row_stride, a.row_stride,
                                       a.col_stride};
                size_t m = t.m - row < step ? t.m - row : step;
                og_product(part, m, t.packed, t.c + row * t.ldc, t.ldc, add);
            }
            assert_memory_equal(t.c, whole, bytes);
            og_free(whole);
            trial_free(&t);
        }
    }
}

// The same numbers, once as rows and once as columns of a, give the same bits.
static void the_layout_changes_no_bit(void **state)
{
    (void)state;
    struct trial t = trial_new(31, 700, 130);
    float *turned = og_alloc(31 * 700, sizeof(float));
    float *other = og_alloc(t.m * t.ldc, sizeof(float));
    assert_true(turned && other);
    for (size_t i = 0; i < 31; i++)
        for (size_t k = 0; k < 700; k++) turned[k * 31 + i] = t.a[i * 700 + k];
    pack(&t, 0);
    og_product(left(&t, 0), t.m, t.packed, t.c, t.ldc, 0);
    og_product((struct og_left){turned, 1, 31}, t.m, t.packed, other, t.ldc, 0);
    assert_memory_equal(t.c, other, t.m * t.ldc * sizeof *other);
    og_free(turned), og_free(other);
    trial_free(&t);
}

static void memory_of_the_callers_serves(void **state)
{
    (void)state;
    struct trial t = trial_new(9, 50, 70);
    size_t bytes = og_packed_bytes(50, 70);
    unsigned char *memory = og_alloc(bytes + 64, 1);
    assert_non_null(memory);
    memset(memory, 0xA5, bytes + 64);
    og_packed *placed = og_packed_place(memory, 50, 70);
    og_pack(placed, t.b, t.n, 1, t.k, t.n);
    og_product(left(&t, 0), t.m, placed, t.c, t.ldc, 0);
    memcpy(t.old, t.c, t.m * t.ldc * sizeof *t.c);
    pack(&t, 0);
    og_product(left(&t, 0), t.m, t.packed, t.c, t.ldc, 0);
    assert_memory_equal(t.c, t.old, t.m * t.ldc * sizeof *t.c);
    for (size_t i = 0; i < 64; i++) assert_int_equal(memory[bytes + i], 0xA5);
    og_free(memory);
    trial_free(&t);
}

static void nan_and_infinity_come_through(void **state)
{
    (void)state;
    for (int isa = 0; isa < OG_ISA_COUNT; isa++) {
        if (!og_cpu_use((enum og_isa)isa)) continue;
        struct trial t = trial_new(20, 40, 35);
        t.a[3 * 40 + 39] = NAN;
        t.a[17 * 40] = INFINITY;
        for (size_t j = 0; j < t.n; j++) t.b[j] = 1.0f;
        pack(&t, 0);
        og_product(left(&t, 0), t.m, t.packed, t.c, t.ldc, 0);
        for (size_t i = 0; i < t.m; i++) {
            for (size_t j = 0; j < t.n; j++) {
                float c = t.c[i * t.ldc + j];
                assert_true(i == 3 ? isnan(c) : i == 17 ? c == INFINITY : isfinite(c));
            }
        }
        trial_free(&t);
    }
}

static struct trial positive_trial(size_t m, size_t k, size_t n)
{
    struct trial t = trial_new(m, k, n);
    for (size_t i = 0; i < m * k; i++) t.a[i] *= t.a[i];
    for (size_t i = 0; i < n * k; i++) t.b[i] *= t.b[i];
    for (size_t i = 0; i < m * t.ldc; i++) t.old[i] *= t.old[i];
    memcpy(t.c, t.old, m * t.ldc * sizeof *t.c);
    return t;
}

// Both factors are rounded to 8 bits at worst; roundings of many terms cancel.
static void compare_positive(const struct trial *t, int ta, int tb, int add)
{
    const struct og_left a = left(t, ta);
    const double worst = og_cpu_isa() == OG_ISA_AVX512_BF16
                             ? 0x1p-7 + 0x1p-16 + (double)t->k * 0x1p-24
                             : (double)(t->k + 1) * 0x1p-24;
    double squares = 0;
    for (size_t i = 0; i < t->m; i++)
        for (size_t j = 0; j < t->ldc; j++) {
            const size_t at = i * t->ldc + j;
            double sum = add || j >= t->n ? (double)t->old[at] : 0.0;
            for (size_t k = 0; k < t->k && j < t->n; k++) {
                const double b = tb ? t->b[j * t->k + k] : t->b[k * t->n + j];
                sum += a.data[i * a.row_stride + k * a.col_stride] * b;
            }
            const double off = (double)t->c[at] - sum;
            assert_true(fabs(off) <= worst * sum);
            if (sum > 0) squares += off * off / (sum * sum);
        }
    if (t->k > 500) assert_true(sqrt(squares / (double)(t->m * t->n)) < 4e-4);
}

static void check_positive(const size_t *s, int ta, int tb, int add)
{
    struct trial t = positive_trial(s[0], s[1], s[2]);
    og_pack_positive(t.packed, t.b, tb ? 1 : t.n, tb ? t.k : 1, t.k, t.n);
    og_product(left(&t, ta), t.m, t.packed, t.c, t.ldc, add);
    compare_positive(&t, ta, tb, add);
    trial_free(&t);
}

static void positive_products_are_close(void **state)
{
    (void)state;
    everywhere(check_positive);
}

static void positive_products_split_without_a_change(void **state)
{
    (void)state;
    for (int i = 0; i < SHAPES; i++) {
        const size_t *s = shapes[i];
        struct trial t = positive_trial(s[0], s[1], s[2]);
        og_pack_positive(t.packed, t.b, t.n, 1, t.k, t.n);
        og_product(left(&t, 0), t.m, t.packed, t.c, t.ldc, 0);
        for (size_t row = 0, step = 1; row < t.m; row += step, step = step % 9 + 1) {
            const struct og_left part = {t.a + row * t.k, t.k, 1};
            const size_t m = t.m - row < step ? t.m - row : step;
            og_product(part, m, t.packed, t.old + row * t.ldc, t.ldc, 0);
        }
        for (size_t row = 0; row < t.m; row++)
            assert_memory_equal(t.old + row * t.ldc, t.c + row * t.ldc,
                                t.n * sizeof *t.c);
        trial_free(&t);
    }
}

static void a_nan_among_positive_numbers_shows(void **state)
{
    (void)state;
    struct trial t = positive_trial(20, 41, 35);
    t.a[3 * 41 + 40] = NAN;
    og_pack_positive(t.packed, t.b, t.n, 1, t.k, t.n);
    og_product(left(&t, 0), t.m, t.packed, t.c, t.ldc, 0);
    for (size_t i = 0; i < t.m; i++)
        for (size_t j = 0; j < t.n; j++)
            assert_int_equal(isnan(t.c[i * t.ldc + j]) != 0, i == 3);
    trial_free(&t);
}

static void memory_may_run_out(void **state)
{
    (void)state;
    og_alloc_fail_at(1);
    assert_null(og_packed_alloc(10, 10));
    assert_null(og_packed_alloc(SIZE_MAX / 8, 33));
    og_packed_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(odd_shapes_equal_the_double_reference),
        cmocka_unit_test(splitting_rows_changes_no_bit),
        cmocka_unit_test(the_layout_changes_no_bit),
        cmocka_unit_test(memory_of_the_callers_serves),
        cmocka_unit_test(nan_and_infinity_come_through),
        cmocka_unit_test(positive_products_are_close),
        cmocka_unit_test(positive_products_split_without_a_change),
        cmocka_unit_test(a_nan_among_positive_numbers_shows),
        cmocka_unit_test(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
