// SPDX-License-Identifier: GPL-3.0-or-later
// Sums over planes, eight at once, against one plane after the other; elementwise kernels
// against their definitions: the same bits for every instruction set.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/kernels.h"
#include "ohmgrid/random.h"

enum { ROWS = 5, CELLS = 37, ALL = ROWS * OG_PLANES * CELLS };

static float x[ALL], dy[ALL];

static int fill(void **state)
{
    (void)state;
    const struct og_stream s = og_stream_named(7, OG_INIT, 0, 0, 0);
    og_gauss_fill(&s, (struct og_index){0, 0, 0}, 0, x, ALL);
    og_gauss_fill(&s, (struct og_index){1, 0, 0}, 0, dy, ALL);
    return 0;
}

static void sums_of(size_t plane, size_t cells, float mean, float inverse, double sum[4])
{
    for (int k = 0; k < 4; k++) sum[k] = 0;
    for (size_t r = 0; r < ROWS; r++)
        for (size_t i = 0; i < cells; i++) {
            const size_t at = (r * OG_PLANES + plane) * cells + i;
            const float xhat = (x[at] - mean) * inverse;
            sum[0] += x[at];
            sum[1] += (double)x[at] * x[at];
            sum[2] += dy[at];
            sum[3] += (double)dy[at] * xhat;
        }
}

static void compare(size_t n, size_t cells)
{
    const struct og_plane_kernels *kernels = og_kernels()->planes;
    const struct og_planes p = {x, ROWS, OG_PLANES * cells, n, cells};
    float mean[OG_PLANES], inverse[OG_PLANES];
    double got[4][OG_PLANES];
    for (size_t k = 0; k < n; k++) {
        mean[k] = 0.1f * (float)k;
        inverse[k] = 1.3f + 0.2f * (float)k;
    }
    kernels->moments(&p, got[0], got[1]);
    kernels->along(&p, dy, mean, inverse, got[2], got[3]);
    for (size_t k = 0; k < n; k++) {
        double want[4];
        sums_of(k, cells, mean[k], inverse[k], want);
        for (int i = 0; i < 4; i++) assert_true(got[i][k] == want[i]);
    }
}

static void each_isa(void (*check)(void))
{
    const enum og_isa before = og_cpu_isa();
    for (int isa = 0; isa < OG_ISA_COUNT; isa++)
        if (og_cpu_use((enum og_isa)isa)) check();
    og_cpu_use(before);
}

static void compare_all(void)
{
    const size_t cells[] = {1, 7, 8, CELLS};
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
        compare(OG_PLANES, cells[i]);
        compare(3, cells[i]);
    }
}

static void sums_are_those_of_single_planes(void **state)
{
    (void)state;
    each_isa(compare_all);
}

static void normalize_all(void)
{
    const struct og_plane_kernels *kernels = og_kernels()->planes;
    const struct og_norm_back b = {0.3f, 1.7f, 0.9f, 0.05f, -0.2f};
    float y[ALL], dx[ALL], fresh[ALL];
    kernels->normalize(x, y, ALL, 0.3f, 1.7f, -0.4f);
    memcpy(dx, dy, sizeof dx);
    kernels->normalize_back(&b, x, dy, dx, ALL, 0);
    kernels->normalize_back(&b, x, dy, fresh, ALL, 1);
    for (size_t i = 0; i < ALL; i++) {
        const float xhat = (x[i] - b.mean) * b.inverse;
        const float d = b.scale * (dy[i] - b.dy - xhat * b.along);
        assert_true(y[i] == (x[i] - 0.3f) * 1.7f + -0.4f);
        assert_true(dx[i] == dy[i] + d && fresh[i] == d);
    }
}

static void rectify_all(void)
{
    const struct og_plane_kernels *kernels = og_kernels()->planes;
    float y[ALL], dx[ALL], fresh[ALL], odd[2] = {NAN, 7.0f}, out[2];
    kernels->rectify(x, y, ALL, 0.8f, 0.0f);
    memcpy(dx, dy, sizeof dx);
    kernels->rectify_back(x, dy, dx, ALL, 0.8f, 0);
    kernels->rectify_back(x, dy, fresh, ALL, 0.8f, 1);
    for (size_t i = 0; i < ALL; i++) {
        const int open = x[i] > 0.0f && x[i] < 0.8f;
        assert_true(y[i] == (x[i] < 0.0f || x[i] > 0.8f ? 0.0f : x[i]));
        assert_true(dx[i] == dy[i] + (open ? dy[i] : 0.0f));
        assert_true(fresh[i] == (open ? dy[i] : 0.0f));
    }
    kernels->rectify(odd, out, 2, 3.0f, 3.0f);
    assert_true(isnan(out[0]) && out[1] == 3.0f);
}

static void elementwise_kernels_do_what_they_say(void **state)
{
    (void)state;
    each_isa(normalize_all);
    each_isa(rectify_all);
}

static void add_all(void)
{
    const struct og_plane_kernels *kernels = og_kernels()->planes;
    float y[ALL], zero[1] = {-0.0f}, settled[1];
    memcpy(y, dy, sizeof y);
    kernels->add(x, y, ALL, 0);
    for (size_t i = 0; i < ALL; i++) assert_true(y[i] == dy[i] + x[i]);
    kernels->add(x, y, ALL, 1);
    for (size_t i = 0; i < ALL; i++) assert_true(y[i] == x[i]);
    kernels->add(zero, settled, 1, 1);
    assert_false(signbit(settled[0]));
}

static void what_is_added_to_nothing_is_added_to_zero(void **state)
{
    (void)state;
    each_isa(add_all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_are_those_of_single_planes),
        cmocka_unit_test(elementwise_kernels_do_what_they_say),
        cmocka_unit_test(what_is_added_to_nothing_is_added_to_zero),
    };
    return cmocka_run_group_tests(tests, fill, NULL);
}
