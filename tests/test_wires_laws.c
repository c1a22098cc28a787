// SPDX-License-Identifier: GPL-3.0-or-later
// The wire solvers against closed forms, Kirchhoff's laws and finite differences.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "wires_tools.h"

// One word line, ideal bit lines: with cosh(a) = 1 + r G / 2,
// I_j = G V cosh(a (n - 1/2 - j)) / cosh(a (n + 1/2)).
static void ladder_has_its_closed_form(void **state)
{
    (void)state;
    enum { N = 40 };
    const double r = 31.7, g = 83e-6, v = 0.21, a = acosh(1 + r * g / 2);
    double cells[N], current[N], expected[N];
    for (int j = 0; j < N; j++) {
        cells[j] = g;
        expected[j] = g * v * cosh(a * (N - 0.5 - j)) / cosh(a * (N + 0.5));
    }
    const struct circuit c = {1, N, 1, cells, NULL};
    const struct og_wire_params p = {.r_row = r};
    og_wires *w = loaded(&c, &p);
    for (int k = 0; k < METHODS; k++) {
        assert_int_equal(og_wires_read(w, methods[k], &v, 1, current, NULL, NULL), OG_OK);
        assert_true(difference(current, expected, N) <= 1e-12);
    }
    og_wires_free(w);
}

// Sources stand behind the first segment of every word line, not along one of them.
static void every_line_has_its_own_terminals(void **state)
{
    (void)state;
    enum { M = 3, N = 2 };
    const double g[M * N] = {1e-5, 2e-5, 7e-5, 4e-5, 3e-5, 9e-5}, v[M] = {0.3, 0.1, 0.2};
    const double r = 1000;
    double current[N], expected[N] = {0};
    for (int i = 0; i < M; i++) {
        const double shared = 1 / (1 + r * (g[i * N] + g[i * N + 1]));
        for (int j = 0; j < N; j++) expected[j] += g[i * N + j] * v[i] * shared;
    }
    double copy[M * N];
    memcpy(copy, g, sizeof g);
    const struct circuit c = {M, N, 1, copy, NULL};
    const struct og_wire_params p = {.r_source = r};
    og_wires *w = loaded(&c, &p);
    for (int k = 0; k < METHODS; k++) {
        assert_int_equal(og_wires_read(w, methods[k], v, 1, current, NULL, NULL), OG_OK);
        assert_true(difference(current, expected, N) <= 1e-14);
    }
    og_wires_free(w);
}

// A segment of `n` equal ones in a row carries what a single one of n times its
// resistance does; here through cells that are all open but the last.
static void open_cells_leave_plain_wires(void **state)
{
    (void)state;
    enum { M = 9, N = 14 };
    double g[M * N] = {0}, v[M] = {0}, current[N];
    g[0 * N + N - 1] = 5e-4;  // first row, last column: the longest way
    v[0] = 0.4;
    const struct circuit c = {M, N, 1, g, NULL};
    const struct og_wire_params p = {
        .r_row = 11, .r_col = 3, .r_source = 100, .r_sense = 50};
    const double ohm = 100 + N * 11.0 + 1 / 5e-4 + M * 3.0 + 50;
    og_wires *w = loaded(&c, &p);
    for (int k = 0; k < METHODS; k++) {
        assert_int_equal(og_wires_read(w, methods[k], v, 1, current, NULL, NULL), OG_OK);
        for (int j = 0; j < N - 1; j++) assert_true(current[j] == 0);
        assert_true(fabs(current[N - 1] * ohm / 0.4 - 1) <= 1e-13);
    }
    og_wires_free(w);
}

static double unsigned_sum(const double *x, size_t n)
{
    double sum = 0;
    for (size_t k = 0; k < n; k++) sum += fabs(x[k]);
    return sum;
}

// Kirchhoff's law at one node of a line; what the cell carries away is `cell`.
static double node_error(const double *line, size_t stride, size_t at, size_t n,
                         double unit, double cell, const double terminal[2])
{
    const double *x = line + at * stride;
    double flow[4] = {-cell};
    flow[1] = at > 0 ? unit * (*(x - stride) - *x) : terminal[0];
    flow[2] = at + 1 < n ? unit * (*(x + stride) - *x) : terminal[1];
    return fabs(flow[0] + flow[1] + flow[2]) / unsigned_sum(flow, 4);
}

static void voltages_obey_kirchhoff(void **state)
{
    (void)state;
    struct circuit c = circuit_alloc(19, 27, 1, SIMILAR);
    const struct og_wire_params p = {
        .r_row = 2, .r_col = 5, .r_source = 30, .r_sense = 8};
    double word[19 * 27], bit[19 * 27];
    og_wires *w = loaded(&c, &p);
    assert_int_equal(og_wires_voltages(w, c.v, word, bit, NULL), OG_OK);
    for (size_t i = 0; i < 19; i++)
        for (size_t j = 0; j < 27; j++) {
            const size_t k = i * 27 + j;
            const double cell = c.g[k] * (word[k] - bit[k]);
            const double left[2] = {(c.v[i] - word[i * 27]) / 32, 0};
            const double below[2] = {0, -bit[18 * 27 + j] / 13};
            assert_true(node_error(word + i * 27, 1, j, 27, 0.5, cell, left) <= 1e-9);
            assert_true(node_error(bit + j, 27, i, 19, 0.2, -cell, below) <= 1e-9);
        }
    og_wires_free(w);
    circuit_free(&c);
}

// sum_j u_j I_j as a function of one value of the circuit.
static double loss(const struct circuit *c, const struct og_wire_params *p,
                   const double *u)
{
    double current[16], sum = 0;
    og_wires *w = loaded(c, p);
    assert_int_equal(og_wires_read(w, OG_WIRES_DIRECT, c->v, 1, current, NULL, NULL),
                     OG_OK);
    for (size_t j = 0; j < c->cols; j++) sum += u[j] * current[j];
    og_wires_free(w);
    return sum;
}

static double slope(const struct circuit *c, const struct og_wire_params *p,
                    const double *u, double *x)
{
    const double before = *x, h = 1e-4 * before;
    *x = before + h;
    const double above = loss(c, p, u);
    *x = before - h;
    const double below = loss(c, p, u);
    *x = before;
    return (above - below) / (2 * h);
}

static void gradients_are_those_of_finite_differences(void **state)
{
    (void)state;
    enum { M = 4, N = 5 };
    const double u[N] = {0.7, -1.3, 0.2, 2.1, -0.4};
    struct circuit c = circuit_alloc(M, N, 1, SIMILAR);
    for (unsigned bits = 0; bits < 64; bits++) {
        struct og_wire_params p = combination(bits);
        p.r_row *= 50, p.r_col *= 50;
        double dg[M * N], dv[M];
        og_wires *w = loaded(&c, &p);
        assert_int_equal(og_wires_gradient(w, c.v, u, dg, dv, NULL), OG_OK);
        const double scale = unsigned_sum(dg, M * N) / (M * N);
        for (size_t k = 0; k < M * N; k++)
            assert_true(fabs(slope(&c, &p, u, &c.g[k]) - dg[k]) <= 1e-6 * scale);
        for (size_t i = 0; i < M; i++)
            assert_true(fabs(slope(&c, &p, u, &c.v[i]) - dv[i]) <=
                        1e-8 * unsigned_sum(dv, M));
        og_wires_free(w);
    }
    circuit_free(&c);
}

// All that sources give arrives at the amplifiers, and each sees what the others do.
static void sources_give_what_arrives(void **state)
{
    (void)state;
    enum { M = 13, N = 9 };
    struct circuit c = circuit_alloc(M, N, 1, SIMILAR);
    for (unsigned bits = 0; bits < 64; bits++) {
        const struct og_wire_params p = combination(bits);
        double y[M * M], t[M * N];
        og_wires *w = loaded(&c, &p);
        assert_int_equal(og_wires_sources(w, y, NULL), OG_OK);
        assert_int_equal(og_wires_transfer(w, OG_WIRES_DIRECT, t, NULL, NULL), OG_OK);
        for (size_t k = 0; k < M; k++) {
            double given = 0, arrived = 0;
            for (size_t i = 0; i < M; i++) given += y[i * M + k];
            for (size_t j = 0; j < N; j++) arrived += t[k * N + j];
            if (!(fabs(given / arrived - 1) <= 1e-9))
                fail_msg("combination %u: %g, expected %g", bits, given, arrived);
            for (size_t i = 0; i < k; i++)
                assert_true(fabs(y[i * M + k] - y[k * M + i]) <= 1e-12 * y[k * M + k]);
        }
        og_wires_free(w);
    }
    circuit_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sources_give_what_arrives),
        cmocka_unit_test(ladder_has_its_closed_form),
        cmocka_unit_test(every_line_has_its_own_terminals),
        cmocka_unit_test(open_cells_leave_plain_wires),
        cmocka_unit_test(voltages_obey_kirchhoff),
        cmocka_unit_test(gradients_are_those_of_finite_differences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
