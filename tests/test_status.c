// SPDX-License-Identifier: GPL-3.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "ohmgrid/status.h"

static void first_failure_is_kept(void **state)
{
    (void)state;
    struct og_error err = {0};
    assert_int_equal(og_fail(&err, OG_INPUT, "key '%s' is %d", "a", 3), OG_INPUT);
    assert_int_equal(og_fail(&err, OG_IO, "later"), OG_IO);
    assert_string_equal(err.text, "key 'a' is 3");
    assert_int_equal(err.status, OG_INPUT);
    assert_int_equal(og_fail(NULL, OG_IO, "nowhere"), OG_IO);
}

static void exit_codes(void **state)
{
    (void)state;
    assert_int_equal(og_status_exit_code(OG_OK), 0);
    assert_int_equal(og_status_exit_code(OG_IO), 1);
    assert_int_equal(og_status_exit_code(OG_INPUT), 2);
    assert_int_equal(og_status_exit_code(OG_INTERRUPTED), 130);
    assert_int_equal(og_status_exit_code(OG_TERMINATED), 143);
}

static void memory_is_zero_aligned_and_checked(void **state)
{
    (void)state;
    float *a = og_alloc(17, sizeof *a);
    assert_non_null(a);
    assert_int_equal((uintptr_t)a % 64, 0);
    for (int i = 0; i < 17; i++) assert_true(a[i] == 0.0f);
    a[16] = 2.385f;
    a = og_grow(a, 17, 1000, sizeof *a);
    assert_true(a[16] == 2.385f && a[17] == 0.0f && a[999] == 0.0f);
    og_free(a);
    assert_null(og_alloc(SIZE_MAX / 2, 4));
    og_alloc_fail_at(2);
    void *first = og_alloc(1, 1), *second = og_alloc(1, 1), *third = og_alloc(1, 1);
    assert_non_null(first);
    assert_null(second);
    assert_non_null(third);
    og_free(first);
    og_free(third);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_failure_is_kept),
        cmocka_unit_test(exit_codes),
        cmocka_unit_test(memory_is_zero_aligned_and_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
