// SPDX-License-Identifier: GPL-3.0-or-later
// Seeds are fixed, so a test of a distribution either always passes or never; the bounds
// are 4 standard deviations.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <gsl/gsl_cdf.h>

#include "ohmgrid/cpu.h"
#include "ohmgrid/random.h"

enum { N = 1 << 20 };

static float x[N], y[N];
static const struct og_index origin = {0, 0, 0};

// The vectors published with Random123 for philox4x32, 10 rounds.
static void known_answers(void **state)
{
    (void)state;
    static const uint32_t vectors[3][10] = {
        {0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
        {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff,
         0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
        {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0,
         0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}};
    for (int i = 0; i < 3; i++) {
        const uint32_t *v = vectors[i];
        struct og_stream s = {{v[4], v[5]}};
        struct og_index at = {v[1], v[2], v[3]};
        for (uint32_t w = 0; w < 4; w++) {
            uint64_t position = 4 * (uint64_t)v[0] + w;
            assert_int_equal(og_random_word(&s, at, position), v[6 + w]);
            for (int isa = 0; isa < OG_ISA_COUNT; isa++) {
                if (!og_cpu_use((enum og_isa)isa)) continue;
                float u;
                og_uniform_fill(&s, at, position, &u, 1);
                assert_true(u == (float)(v[6 + w] >> 8) * 0x1p-24f);
            }
        }
    }
}

static void every_instruction_set_gives_the_same_bits(void **state)
{
    (void)state;
    struct og_stream s = og_stream_named(3, OG_READ, 1, 2, 3);
    assert_true(og_cpu_use(OG_ISA_PLAIN));
    og_gauss_fill(&s, origin, 12345, x, N);
    for (int isa = 1; isa < OG_ISA_COUNT; isa++) {
        if (!og_cpu_use((enum og_isa)isa)) continue;
        og_gauss_fill(&s, origin, 12345, y, N);
        assert_memory_equal(x, y, sizeof x);
    }
}

static void a_split_changes_no_number(void **state)
{
    (void)state;
    struct og_stream s = og_stream_named(4, OG_READ, 0, 0, 0);
    const struct og_index at = {7, 8, 9};
    const uint64_t starts[] = {0, 1, 63, 64, 1000, ((uint64_t)1 << 34) - 5000};
    for (int i = 0; i < 6; i++) {
        for (int uniform = 0; uniform < 2; uniform++) {
            void (*fill)(const struct og_stream *, struct og_index, uint64_t, float *,
                         size_t) = uniform ? og_uniform_fill : og_gauss_fill;
            fill(&s, at, starts[i], x, 5000);
            for (size_t done = 0, n = 0; done < 5000; done += n, n = (n * 5 + 1) % 331) {
                if (n > 5000 - done) n = 5000 - done;
                fill(&s, at, starts[i] + done, y + done, n);
            }
            assert_memory_equal(x, y, 5000 * sizeof *x);
        }
    }
}

// The transform again, in double, from the words.
static void normals_are_accurate(void **state)
{
    (void)state;
    struct og_stream s = og_stream_named(5, OG_READ, 0, 0, 0);
    og_gauss_fill(&s, origin, 0, x, N / 8);
    for (size_t i = 0; i < N / 8; i++) {
        size_t group = i / 64, w = i % 64 / 16, lane = i % 16;
        uint64_t block = group * 16 + lane, pair = w / 2 * 2;
        uint32_t radius = og_random_word(&s, origin, 4 * block + pair);
        uint32_t angle = og_random_word(&s, origin, 4 * block + pair + 1);
        double r = sqrt(-2.0 * log((radius >> 1) * 0x1p-31 + 0x1p-32));
        double t = acos(-1.0) / 2.0 * (int32_t)angle * 0x1p-31;
        double side = radius & 1 ? -cos(t) : cos(t);
        // u is rounded to 24 bits, which moves r by at most 2^-25 / r near u = 1
        double tolerance = 1.5e-6 + fmin(5e-4, 6e-8 / (r + 1e-9));
        assert_true(fabs((double)x[i] - r * (w % 2 ? sin(t) : side)) <= tolerance);
    }
}

static double z_of_mean(const float *v, int power, double mean, double variance)
{
    double sum = 0.0;
    for (int i = 0; i < N; i++) sum += pow(v[i], power);
    return (sum / N - mean) / sqrt(variance / N);
}

static int ascending(const void *a, const void *b)
{
    float p = *(const float *)a, q = *(const float *)b;
    return (p > q) - (p < q);
}

static void normals_have_the_right_law(void **state)
{
    (void)state;
    struct og_stream s = og_stream_named(6, OG_PROGRAMMING, 0, 0, 0);
    og_gauss_fill(&s, origin, 0, x, N);
    // E x^p and Var x^p of a standard normal
    const double law[4][2] = {{0, 1}, {1, 2}, {0, 15}, {3, 96}};
    for (int p = 1; p <= 4; p++)
        assert_true(fabs(z_of_mean(x, p, law[p - 1][0], law[p - 1][1])) <= 4.0);
    for (int lag = 1; lag <= 64; lag++) {
        double sum = 0.0;
        for (int i = 0; i + lag < N; i++) sum += (double)x[i] * x[i + lag];
        assert_true(fabs(sum / sqrt((double)(N - lag))) <= 4.0);
    }
    for (int tail = 1; tail <= 4; tail++) {
        double p = 2.0 * gsl_cdf_ugaussian_Q(tail), count = 0.0;
        for (int i = 0; i < N; i++) count += fabsf(x[i]) > (float)tail;
        assert_true(fabs(count - N * p) <= 4.0 * sqrt(N * p * (1.0 - p)));
    }
    qsort(x, N, sizeof *x, ascending);
    double distance = 0.0;
    for (int i = 0; i < N; i++) {
        double p = gsl_cdf_ugaussian_P(x[i]);
        distance = fmax(distance, fmax(p - (double)i / N, (i + 1.0) / N - p));
    }
    assert_true(distance * sqrt(N) <= 1.95);  // Kolmogorov-Smirnov at 0.1 %
}

static void uniforms_have_the_right_law(void **state)
{
    (void)state;
    struct og_stream s = og_stream_named(7, OG_DROPOUT, 0, 0, 0);
    og_uniform_fill(&s, origin, 0, x, N);
    assert_true(fabs(z_of_mean(x, 1, 0.5, 1.0 / 12.0)) <= 4.0);
    assert_true(fabs(z_of_mean(x, 2, 1.0 / 3.0, 4.0 / 45.0)) <= 4.0);
    int count[256] = {0};
    for (int i = 0; i < N; i++) {
        assert_true(x[i] >= 0.0f && x[i] < 1.0f);
        count[(int)(x[i] * 256.0f)]++;
    }
    double chi2 = 0.0;
    for (int i = 0; i < 256; i++) chi2 += pow(count[i] - N / 256.0, 2) / (N / 256.0);
    assert_true(gsl_cdf_chisq_Q(chi2, 255.0) >= 6e-5 &&
                gsl_cdf_chisq_P(chi2, 255.0) >= 6e-5);
}

// Streams whose names or indices differ in one small number are independent.
static void other_names_give_other_numbers(void **state)
{
    (void)state;
    struct og_stream base = og_stream_named(1, OG_INIT, 0, 0, 0);
    const struct og_stream other[] = {og_stream_named(2, OG_INIT, 0, 0, 0),
                                      og_stream_named(1 + (1ull << 32), OG_INIT, 0, 0, 0),
                                      og_stream_named(1, OG_READ, 0, 0, 0),
                                      og_stream_named(1, OG_INIT, 1, 0, 0),
                                      og_stream_named(1, OG_INIT, 0, 1, 0),
                                      og_stream_named(1, OG_INIT, 0, 0, 1),
                                      base,
                                      base,
                                      base};
    const struct og_index at[] = {origin, origin,    origin,    origin,   origin,
                                  origin, {1, 0, 0}, {0, 1, 0}, {0, 0, 1}};
    og_gauss_fill(&base, origin, 0, x, N);
    for (int i = 0; i < 9; i++) {
        og_gauss_fill(&other[i], at[i], 0, y, N);
        double sum = 0.0, squares = 0.0;
        for (int j = 0; j < N; j++) {
            double p = (double)x[j] * x[j], q = (double)y[j] * y[j];
            sum += (double)x[j] * y[j];
            squares += (p - 1.0) * (q - 1.0);
        }
        assert_true(fabs(sum / sqrt(N)) <= 4.0);
        assert_true(fabs(squares / (2.0 * sqrt(N))) <= 4.0);
    }
}

static void permutations_are_unbiased(void **state)
{
    (void)state;
    struct og_stream s = og_stream_named(8, OG_DATA_ORDER, 0, 0, 0);
    enum { SIZE = 5, TIMES = 60000 };
    int count[SIZE][SIZE] = {{0}};
    for (uint32_t t = 0; t < TIMES; t++) {
        uint32_t order[SIZE], seen = 0;
        og_permutation(&s, (struct og_index){t, 0, 0}, order, SIZE);
        for (int i = 0; i < SIZE; i++) seen |= 1u << order[i], count[i][order[i]]++;
        assert_int_equal(seen, (1u << SIZE) - 1);
    }
    double p = 1.0 / SIZE, sigma = sqrt(TIMES * p * (1.0 - p));
    for (int i = 0; i < SIZE; i++)
        for (int j = 0; j < SIZE; j++)
            assert_true(fabs(count[i][j] - TIMES * p) <= 4.0 * sigma);
    og_permutation(&s, origin, NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),
        cmocka_unit_test(every_instruction_set_gives_the_same_bits),
        cmocka_unit_test(a_split_changes_no_number),
        cmocka_unit_test(normals_are_accurate),
        cmocka_unit_test(normals_have_the_right_law),
        cmocka_unit_test(uniforms_have_the_right_law),
        cmocka_unit_test(other_names_give_other_numbers),
        cmocka_unit_test(permutations_are_unbiased),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
