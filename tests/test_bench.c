// SPDX-License-Identifier: GPL-3.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
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
    const struct {
        const char *name;
        size_t lines;
    } names[] = {{"normals over", 1},       {"plain kernels", 1},  {"lstm gates", 1},
                 {"FMA peak", 3},           {"sweep/storing", 1},  {"noisy read", 2},
                 {"device-noise", 2},       {"conv/implicit", 6},  {"train/lstm64", 1},
                 {"train/lenet5", 1},       {"train/lstm_ptb", 1}, {"wires/hard", 1},
                 {"wires/transfer over", 1}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct seen s = {0};
        struct og_error err = {0};
        if (og_bench(NULL, names[i].name, 1, take, &s, &err) != OG_OK)
            fail_msg("%s", err.text);
        assert_int_equal(s.lines, names[i].lines);
        assert_non_null(strstr(s.last.name, names[i].name));
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
    assert_int_equal(og_bench(NULL, "product over", 1, take, &s, NULL), OG_OK);
    assert_int_equal(s.lines, 5);
    assert_int_equal(og_threads(), threads);
    assert_int_equal(og_blas_use_threads(before), 2);
}

static void wrong_wishes_are_refused(void **state)
{
    (void)state;
    struct seen s = {0};
    struct og_error err = {0};
    assert_int_equal(og_bench(NULL, "no such thing", 1, take, &s, &err), OG_USAGE);
    assert_non_null(strstr(err.text, "no such thing"));
    err = (struct og_error){0};
    assert_int_equal(og_bench(NULL, NULL, 0, take, &s, &err), OG_USAGE);
    assert_int_equal(s.lines, 0);
}

static og_status peer_with(const char *peer, const char *python, struct seen *s,
                           struct og_error *err)
{
    if (python != NULL)
        setenv("OHMGRID_PYTHON", python, 1);
    else
        unsetenv("OHMGRID_PYTHON");
    const bool scipy = strcmp(peer, "scipy") == 0;
    return og_bench(peer, scipy ? "wires/single/64" : NULL, 1, take, s, err);
}

static void scipy_is_measured(void **state)
{
    (void)state;
    if (system("/usr/bin/python3 -c 'import scipy.sparse.linalg' 2>/dev/null") != 0)
        skip();
    struct seen s = {0};
    struct og_error err = {0};
    if (peer_with("scipy", NULL, &s, &err) != OG_OK) fail_msg("%s", err.text);
    assert_int_equal(s.lines, 1);
    assert_string_equal(s.last.name, "wires/single/64");
    assert_true(s.last.at_least && s.last.ratio > 1);
    assert_true(s.last.target == 400);
}

// All networks: each is compared with PyTorch's first, losses of two steps.
static void pytorch_trains_the_same(void **state)
{
    (void)state;
    if (system("/usr/bin/python3 -c 'import torch' 2>/dev/null") != 0) skip();
    struct seen s = {0};
    struct og_error err = {0};
    if (peer_with("pytorch", NULL, &s, &err) != OG_OK) fail_msg("%s", err.text);
    assert_int_equal(s.lines, 8);
    assert_string_equal(s.last.name, "train/lstm_ptb/hardware");
}

static void peers_that_are_not_there_are_said(void **state)
{
    (void)state;
    struct seen s = {0};
    struct og_error err = {0};
    assert_int_equal(og_bench("matlab", NULL, 1, take, &s, &err), OG_USAGE);
    assert_string_equal(err.text,
                        "bench: --against is 'matlab', expected scipy or pytorch");
    err = (struct og_error){0};
    assert_int_equal(peer_with("scipy", "/no/python", &s, &err), OG_USAGE);
    assert_string_equal(err.text, "bench: cannot start /no/python: No such file or "
                                  "directory; set OHMGRID_PYTHON");
    err = (struct og_error){0};
    assert_int_equal(peer_with("scipy", "/bin/true", &s, &err), OG_FAILED);
    assert_string_equal(err.text,
                        "bench: SciPy does not answer; is python3-scipy there?");
    err = (struct og_error){0};
    assert_int_equal(peer_with("pytorch", "/bin/true", &s, &err), OG_FAILED);
    assert_string_equal(err.text,
                        "bench: PyTorch does not answer; is python3-torch there?");
    unsetenv("OHMGRID_PYTHON");
    assert_int_equal(s.lines, 0);
}

static void memory_may_run_out(void **state)
{
    (void)state;
    const char *const names[] = {"noisy read", "conv/implicit"};
    for (size_t n = 1; n <= 10; n++) {
        struct seen s = {0};
        og_alloc_fail_at(n / 2 + 1);
        assert_int_equal(og_bench(NULL, names[n % 2], 1, take, &s, NULL), OG_NO_MEMORY);
        og_alloc_fail_at(0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_benchmark_runs_and_is_consistent),
        cmocka_unit_test(threads_are_restored),
        cmocka_unit_test(wrong_wishes_are_refused),
        cmocka_unit_test(scipy_is_measured),
        cmocka_unit_test(pytorch_trains_the_same),
        cmocka_unit_test(peers_that_are_not_there_are_said),
        cmocka_unit_test(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
