// SPDX-License-Identifier: GPL-3.0-or-later
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ohmgrid/cpu.h"
#include "ohmgrid/vmath.h"

enum { N = 200003 };

static float x[N], y[N], first[N];

typedef void function(const float *in, float *out, size_t n);

static void fill(double from, double to)
{
    for (int i = 0; i < N; i++) x[i] = (float)(from + (to - from) * i / (N - 1));
}

static void quantize_7(const float *in, float *out, size_t n)
{
    og_vquantize(in, out, n, 7.3f, 127.0f, 0.02f);
}

static void every_instruction_set_gives_the_same_bits(void **state)
{
    (void)state;
    function *const all[] = {og_vexp, og_vsigmoid, og_vtanh, quantize_7};
    fill(-120.0, 120.0);
    for (int f = 0; f < 4; f++) {
        assert_true(og_cpu_use(OG_ISA_PLAIN));
        all[f](x, first, N);
        for (int i = 1; i < OG_ISA_COUNT; i++) {
            if (!og_cpu_use((enum og_isa)i)) continue;
            all[f](x, y, N);
            assert_memory_equal(y, first, sizeof y);
            // in place, and from an odd start, with remainders of every kind
            memcpy(y, x, sizeof y);
            for (int at = 1, n = 1; at + n < 2000; at += n, n++)
                all[f](y + at, y + at, (size_t)n);
            assert_memory_equal(y + 1, first + 1, 1500 * sizeof *y);
        }
    }
}

static double sigmoid(double v) { return 1.0 / (1.0 + exp(-v)); }

static void errors_stay_small(void **state)
{
    (void)state;
    fill(-86.9, 87.9);
    og_vexp(x, y, N);
    for (int i = 0; i < N; i++) assert_true(fabs(y[i] / exp(x[i]) - 1.0) <= 2e-7);
    fill(-100.0, 100.0);
    og_vsigmoid(x, y, N);
    for (int i = 0; i < N; i++) assert_true(fabs(y[i] - sigmoid(x[i])) <= 1.2e-7);
    og_vtanh(x, y, N);
    for (int i = 0; i < N; i++) assert_true(fabs(y[i] - tanh(x[i])) <= 1.2e-7);
    fill(-2.0, 2.0);
    og_vsigmoid(x, y, N);
    for (int i = 0; i < N; i++) assert_true(fabs(y[i] - sigmoid(x[i])) <= 1.2e-7);
    og_vtanh(x, y, N);
    for (int i = 0; i < N; i++) assert_true(fabs(y[i] - tanh(x[i])) <= 3e-7 * fabs(x[i]));
}

static void limits_are_exact(void **state)
{
    (void)state;
    const float in[6] = {INFINITY, -INFINITY, 0.0f, -0.0f, FLT_MAX, NAN};
    float out[6];
    og_vsigmoid(in, out, 6);
    assert_true(out[0] == 1.0f && out[1] == 0.0f && out[2] == 0.5f && out[3] == 0.5f);
    assert_true(out[4] == 1.0f && isnan(out[5]));
    og_vtanh(in, out, 6);
    assert_true(out[0] == 1.0f && out[1] == -1.0f && out[2] == 0.0f && signbit(out[3]));
    assert_true(out[4] == 1.0f && isnan(out[5]));
    og_vexp(in, out, 6);
    const float ends[2] = {88.0f, -87.0f};
    float end[2];
    og_vexp(ends, end, 2);
    assert_true(out[0] == end[0] && out[1] == end[1] && isfinite(end[0]) &&
                end[1] > 0.0f);
    assert_true(out[2] == 1.0f && out[3] == 1.0f && out[4] == end[0] && isnan(out[5]));
}

static void quantiser_rounds_half_to_even(void **state)
{
    (void)state;
    const float in[10] = {0.5f,  1.5f,   2.5f,       -0.5f,    -2.5f,
                          6.51f, -99.0f, 4194305.5f, INFINITY, NAN};
    const float code[9] = {0.0f, 2.0f, 2.0f, 0.0f, -2.0f, 7.0f, -99.0f, 4194306.0f, 5e6f};
    float out[10];
    og_vquantize(in, out, 10, 1.0f, 5e6f, 1.0f);
    for (int i = 0; i < 9; i++) assert_true(out[i] == code[i]);
    assert_true(isnan(out[9]));
    fill(-3.0, 3.0);
    og_vquantize(x, y, N, 60.0f, 127.0f, 0.25f);
    for (int i = 0; i < N; i++) {
        float expected = fmaxf(-127.0f, fminf(127.0f, rintf(x[i] * 60.0f))) * 0.25f;
        assert_true(y[i] == expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_instruction_set_gives_the_same_bits),
        cmocka_unit_test(errors_stay_small),
        cmocka_unit_test(limits_are_exact),
        cmocka_unit_test(quantiser_rounds_half_to_even),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
