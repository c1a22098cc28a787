// SPDX-License-Identifier: GPL-3.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ohmgrid/cpu.h"

// Comes first: the choice is made once.
static void the_environment_chooses(void **state)
{
    (void)state;
    assert_int_equal(setenv("OHMGRID_KERNELS", "plain", 1), 0);
    assert_int_equal(og_cpu_isa(), OG_ISA_PLAIN);
    unsetenv("OHMGRID_KERNELS");
}

static void what_is_there_can_be_used(void **state)
{
    (void)state;
    assert_true(og_cpu_use(OG_ISA_PLAIN));
    for (int i = 0; i < OG_ISA_COUNT; i++) {
        enum og_isa before = og_cpu_isa();
        bool used = og_cpu_use((enum og_isa)i);
        assert_int_equal(og_cpu_isa(), used ? (enum og_isa)i : before);
    }
    assert_string_equal(og_isa_name(OG_ISA_PLAIN), "plain");
    assert_string_equal(og_isa_name(OG_ISA_AVX2), "avx2");
    assert_string_equal(og_isa_name(OG_ISA_AVX512), "avx512");
    assert_string_equal(og_isa_name(OG_ISA_AVX512_BF16), "avx512_bf16");
}

static void threads_are_counted(void **state)
{
    (void)state;
    og_set_threads(1);
    assert_int_equal(og_threads(), 1);
#ifdef _OPENMP
    og_set_threads(7);
    assert_int_equal(og_threads(), 7);
#endif
    og_set_threads(0);
    assert_true(og_threads() >= 1);
}

// GSL's own BLAS is 31 times slower and easily linked by mistake.
static void the_blas_is_openblas(void **state)
{
    (void)state;
    assert_true(og_blas_is_openblas());
    assert_true(strlen(og_blas_core()) > 0);
    assert_string_not_equal(og_blas_core(), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_environment_chooses),
        cmocka_unit_test(what_is_there_can_be_used),
        cmocka_unit_test(threads_are_counted),
        cmocka_unit_test(the_blas_is_openblas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
