// SPDX-License-Identifier: GPL-3.0-or-later
// Binary embeddings: the error never rises, codes are the signs it counts, and near
// vectors have near codes.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "ohmgrid/itq.h"
#include "ohmgrid/random.h"

enum { N = 400, D = 12, BITS = 6, ROUNDS = 30 };

static float x[N * D];
static uint8_t code[N * BITS];

// Clusters of 20 vectors about 20 far centres, with unlike spreads of the coordinates.
static void fill(void)
{
    float noise[N * D], far[20 * D];
    struct og_stream s = og_stream_named(3, OG_INIT, 0, 0, 0);
    og_gauss_fill(&s, (struct og_index){0, 0, 0}, 0, noise, N * D);
    og_gauss_fill(&s, (struct og_index){1, 0, 0}, 0, far, 20 * D);
    for (int i = 0; i < N; i++)
        for (int j = 0; j < D; j++)
            x[i * D + j] =
                5 + far[i % 20 * D + j] / (float)(1 + j / 3) + 0.1f * noise[i * D + j];
}

static og_itq *make(const struct og_itq_params *params)
{
    struct og_error err = {0};
    og_itq *itq;
    if (og_itq_alloc(&itq, x, N, D, params, &err) != OG_OK) fail_msg("%s", err.text);
    return itq;
}

static void error_falls(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 5; seed++) {
        size_t n;
        og_itq *itq = make(&(struct og_itq_params){BITS, ROUNDS, seed});
        const double *e = og_itq_errors(itq, &n);
        assert_int_equal(n, ROUNDS + 1);
        for (size_t i = 1; i < n; i++) assert_true(e[i] <= e[i - 1] * (1 + 1e-12));
        assert_true(e[ROUNDS] < 0.98 * e[0]);
        og_itq_free(itq);
    }
}

// Rotations keep lengths, so that the error is (|v|^2 + bits - 2 sum |v R|); with one bit
// there is nothing to rotate and the best direction is known.
static void one_bit_is_the_strongest_direction(void **state)
{
    (void)state;
    float line[8] = {1, 2, 2, 4, -1, -2, -2, -4};  // along (1, 2)
    size_t n;
    og_itq *itq;
    struct og_itq_params params = {1, 3, 1};
    assert_int_equal(og_itq_alloc(&itq, line, 4, 2, &params, NULL), OG_OK);
    const double *e = og_itq_errors(itq, &n);
    double a = sqrt(5) - 1, b = 2 * sqrt(5) - 1;
    for (size_t i = 0; i < n; i++) assert_true(fabs(e[i] - (a * a + b * b) / 2) <= 1e-9);
    og_itq_encode(itq, line, 4, code);
    assert_true(code[0] == code[1] && code[2] == code[3] && code[0] != code[2]);
    og_itq_free(itq);
}

// Equal vectors have no directions; any rotation serves, but it must be one.
static void equal_vectors_leave_a_rotation(void **state)
{
    (void)state;
    const float same[6] = {3, 1, 3, 1, 3, 1}, near[8] = {9, 1, -9, 1, 3, 9, 3, -9};
    struct og_itq_params params = {1, 2, 1};
    for (params.bits = 1; params.bits <= 2; params.bits++) {
        size_t n;
        og_itq *itq;
        assert_int_equal(og_itq_alloc(&itq, same, 3, 2, &params, NULL), OG_OK);
        const double *e = og_itq_errors(itq, &n);
        for (size_t i = 0; i < n; i++) assert_true(e[i] == (double)params.bits);
        og_itq_encode(itq, near, 4, code);
        const size_t b = params.bits;
        assert_true(memcmp(code, code + b, b) != 0 ||
                    memcmp(code + 2 * b, code + 3 * b, b) != 0);
        og_itq_free(itq);
    }
}

static int hamming(int a, int b)
{
    int n = 0;
    for (int k = 0; k < BITS; k++) n += code[a * BITS + k] != code[b * BITS + k];
    return n;
}

static void near_vectors_have_near_codes(void **state)
{
    (void)state;
    og_itq *itq = make(&(struct og_itq_params){BITS, ROUNDS, 1});
    og_itq_encode(itq, x, N, code);
    double same = 0, other = 0;
    int pairs = 0;
    for (int i = 0; i + 20 < N; i++, pairs++) {
        same += hamming(i, i + 20);  // of one cluster
        other += hamming(i, i + 1);
    }
    assert_true(same / pairs < 0.5);
    assert_true(other / pairs > 1.5);
    for (int k = 0; k < BITS; k++) {
        int ones = 0;
        for (int i = 0; i < N; i++) ones += code[i * BITS + k];
        assert_in_range(ones, N / 10, N - N / 10);
    }
    og_itq_free(itq);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    og_status status = OG_NO_MEMORY;
    size_t n = 1;
    for (; status == OG_NO_MEMORY; n++) {
        og_itq *itq;
        og_alloc_fail_at(n);
        status = og_itq_alloc(&itq, x, N, D, &(struct og_itq_params){2, 1, 1}, NULL);
        og_alloc_fail_at(0);
        assert_true((itq != NULL) == (status == OG_OK));
        og_itq_free(itq);
    }
    assert_int_equal(status, OG_OK);
    assert_true(n > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(error_falls),
        cmocka_unit_test(one_bit_is_the_strongest_direction),
        cmocka_unit_test(equal_vectors_leave_a_rotation),
        cmocka_unit_test(near_vectors_have_near_codes),
        cmocka_unit_test(every_allocation_may_fail),
    };
    fill();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
