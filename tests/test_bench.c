// SPDX-License-Identifier: GPL-3.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/blas.h"
#include "base/mem.h"
#include "ohmgrid/bench.h"
#include "ohmgrid/cpu.h"

struct seen {
    size_t lines;
    struct og_bench_line last;
};

static void take(void *user, const struct og_bench_line *l)
{
    struct seen *s = user;
    s->lines++;
    s->last = *l;
}

// Whether a target is met depends on the machine; what a line says of itself does not.
static void every_benchmark_runs_and_is_consistent(void **state)
{
    (void)state;
    const char *const names[] = {"normals", "noisy read", "device-noise", "LSTM",
                                 "LeNet"};
    for (int i = 0; i < 5; i++) {
        struct seen s = {0};
        struct og_error err = {0};
        if (og_bench(names[i], 1, take, &s, &err) != OG_OK) fail_msg("%s", err.text);
        assert_int_equal(s.lines, 1);
        assert_non_null(strstr(s.last.name, names[i]));
        assert_true(s.last.ours_s > 0.0 && s.last.theirs_s > 0.0);
        double quotient = s.last.at_least ? s.last.theirs_s / s.last.ours_s
                                          : s.last.ours_s / s.last.theirs_s;
        assert_true(s.last.ratio == quotient);
        assert_int_equal(s.last.met, s.last.at_least ? quotient >= s.last.target
                                                     : quotient <= s.last.target);
    }
}

static void threads_are_restored(void **state)
{
    (void)state;
    og_set_threads(2);
    int threads = og_threads(), before = og_blas_use_threads(2);
    struct seen s = {0};
    assert_int_equal(og_bench("product", 1, take, &s, NULL), OG_OK);
    assert_int_equal(s.lines, 2);
    assert_int_equal(og_threads(), threads);
    assert_int_equal(og_blas_use_threads(before), 2);
}

static void wrong_wishes_are_refused(void **state)
{
    (void)state;
    struct seen s = {0};
    struct og_error err = {0};
    assert_int_equal(og_bench("no such thing", 1, take, &s, &err), OG_USAGE);
    assert_non_null(strstr(err.text, "no such thing"));
    err = (struct og_error){0};
    assert_int_equal(og_bench(NULL, 0, take, &s, &err), OG_USAGE);
    assert_int_equal(s.lines, 0);
}

static void memory_may_run_out(void **state)
{
    (void)state;
    for (size_t n = 1; n <= 5; n++) {
        struct seen s = {0};
        og_alloc_fail_at(n);
        assert_int_equal(og_bench("noisy read", 1, take, &s, NULL), OG_NO_MEMORY);
        og_alloc_fail_at(0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_benchmark_runs_and_is_consistent),
        cmocka_unit_test(threads_are_restored),
        cmocka_unit_test(wrong_wishes_are_refused),
        cmocka_unit_test(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
