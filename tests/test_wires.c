// SPDX-License-Identifier: GPL-3.0-or-later
// The wire solvers among themselves, and what they refuse.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ohmgrid/cpu.h"
#include "wires_tools.h"

static double compare(const struct circuit *c, const struct og_wire_params *p,
                      double *residual)
{
    return compare_by(c, p, false, residual);
}

static void every_resistance_may_be_zero(void **state)
{
    (void)state;
    static const size_t size[][2] = {{1, 1}, {1, 9},  {11, 1}, {5, 3},
                                     {8, 8}, {9, 17}, {33, 20}};
    for (size_t s = 0; s < sizeof size / sizeof *size; s++)
        for (unsigned bits = 0; bits < 64; bits++) {
            const enum cells cells = (enum cells)((s + bits) % 3);
            struct circuit c = circuit_alloc(size[s][0], size[s][1], 3, cells);
            const struct og_wire_params p = combination(bits);
            double residual;
            const double d = compare(&c, &p, &residual);
            if (!(d <= 1e-11 && residual <= 1e-11))
                fail_msg("%zu x %zu, cells %d, combination %u: %g, residual %g", c.rows,
                         c.cols, (int)cells, bits, d, residual);
            circuit_free(&c);
        }
}

static void solvers_agree_over_seven_decades(void **state)
{
    (void)state;
    static const size_t size[][2] = {{40, 40}, {37, 61}, {50, 19}};
    for (size_t s = 0; s < 3; s++)
        for (int cells = SIMILAR; cells <= HALF_OPEN; cells++)
            for (double r = 1e-4; r < 2e3; r *= 100) {
                struct circuit c =
                    circuit_alloc(size[s][0], size[s][1], 2, (enum cells)cells);
                const struct og_wire_params p = {
                    .r_row = r, .r_col = 1.3 * r, .r_source = 0.7 * r};
                double residual;
                const double d = compare(&c, &p, &residual);
                if (!(d <= 1e-11))
                    fail_msg("%zu x %zu, cells %d, %g ohm: %g", c.rows, c.cols, cells, r,
                             d);
                circuit_free(&c);
            }
}

// Two solvers that share nothing, at sizes at which a sparse factor would take too long.
static void large_arrays_too(void **state)
{
    (void)state;
    enum { M = 512, N = 509 };
    for (int k = 0; k < 2; k++) {
        struct circuit c = circuit_alloc(M, N, 1, k ? SIX_DECADES : SIMILAR);
        const double r = k ? 1e-4 : 1e3;
        const struct og_wire_params p = {.r_row = r, .r_col = r, .r_source = 2 * r};
        double *a = og_alloc(2 * N, sizeof *a), *b = a + N;
        og_wires *w = loaded(&c, &p);
        assert_int_equal(og_wires_read(w, OG_WIRES_PCG, c.v, 1, a, NULL, NULL), OG_OK);
        assert_int_equal(og_wires_read(w, OG_WIRES_MERGE, c.v, 1, b, NULL, NULL), OG_OK);
        const double d = difference(a, b, N);
        if (!(d <= 1e-10)) fail_msg("%g ohm: %g", r, d);
        og_wires_free(w);
        og_free(a);
        circuit_free(&c);
    }
}

// Rounding at each node must not act as a leak to ground: that would be N^2 eps, 1e-11
// here, and systematic where cells are alike.
static void good_wires_lose_no_digits(void **state)
{
    (void)state;
    struct circuit c = circuit_alloc(150, 131, 1, SIMILAR);
    for (size_t k = 0; k < c.rows * c.cols; k++) c.g[k] = 1e-4;
    const struct og_wire_params p = {.r_row = 0.01, .r_col = 0.01};
    double current[METHODS][131];
    og_wires *w = loaded(&c, &p);
    for (int k = 0; k < METHODS; k++)
        assert_int_equal(og_wires_read(w, methods[k], c.v, 1, current[k], NULL, NULL),
                         OG_OK);
    assert_true(difference(current[2], current[0], c.cols) <= 5e-14);
    assert_true(difference(current[1], current[0], c.cols) <= 5e-13);
    og_wires_free(w);
    circuit_free(&c);
}

// What flows into a bit line of 0 ohm nearly cancels: cell by cell it would not converge.
static void nodes_behind_high_resistances_converge(void **state)
{
    (void)state;
    for (int cells = SIMILAR; cells <= HALF_OPEN; cells++)
        for (double r = 7839; r < 1e6; r *= 10) {
            struct circuit c = circuit_alloc(15, 11, 3, (enum cells)cells);
            const struct og_wire_params p = {
                .r_row = r / 300, .r_source = 0.0023, .r_sense = r};
            double residual;
            assert_true(compare(&c, &p, &residual) <= 1e-10);
            circuit_free(&c);
        }
}

static void bits_do_not_depend_on_threads_or_batch(void **state)
{
    (void)state;
    enum { M = 33, N = 21, B = 9 };
    struct circuit c = circuit_alloc(M, N, B, SIX_DECADES);
    const struct og_wire_params p = {.r_row = 3, .r_col = 2, .r_sense = 10};
    og_wires *w = loaded(&c, &p);
    const int threads = og_threads();
    double one[B * N], other[B * N];
    for (int k = 0; k < METHODS; k++) {
        og_set_threads(1);
        assert_int_equal(og_wires_read(w, methods[k], c.v, B, one, NULL, NULL), OG_OK);
        for (int n = 2; n <= 7; n += 5) {
            og_set_threads(n);
            assert_int_equal(og_wires_read(w, methods[k], c.v, B, other, NULL, NULL),
                             OG_OK);
            assert_memory_equal(one, other, sizeof one);
        }
        for (size_t b = 0; b < B; b++)
            assert_int_equal(
                og_wires_read(w, methods[k], c.v + b * M, 1, other + b * N, NULL, NULL),
                OG_OK);
        assert_memory_equal(one, other, sizeof one);
    }
    og_set_threads(threads);
    og_wires_free(w);
    circuit_free(&c);
}

// Products and sums may be fused, so that the last bits differ.
static void instruction_sets_agree(void **state)
{
    (void)state;
    const enum og_isa best = og_cpu_isa();
    struct circuit c = circuit_alloc(45, 52, 2, SIX_DECADES);
    const struct og_wire_params p = {.r_row = 3, .r_col = 2, .r_sense = 10};
    double *t = og_alloc(2 * 45 * 52, sizeof *t), current[2][2 * 52];
    for (int isa = OG_ISA_PLAIN; isa < OG_ISA_COUNT; isa++) {
        if (!og_cpu_use((enum og_isa)isa)) continue;
        const bool plain = isa == OG_ISA_PLAIN;
        og_wires *w = loaded(&c, &p);
        assert_int_equal(
            og_wires_read(w, OG_WIRES_PCG, c.v, 2, current[!plain], NULL, NULL), OG_OK);
        assert_int_equal(
            og_wires_transfer(w, OG_WIRES_MERGE, t + !plain * 45 * 52, NULL, NULL),
            OG_OK);
        og_wires_free(w);
        if (plain) continue;
        assert_true(difference(current[1], current[0], 2 * 52) <= 1e-12);
        assert_true(difference(t + 45 * 52, t, 45 * 52) <= 1e-12);
    }
    og_cpu_use(best);
    og_free(t);
    circuit_free(&c);
}

// Voltages of any size and sign, and a vector of zeros among others.
static void voltages_may_be_of_any_size(void **state)
{
    (void)state;
    enum { M = 12, N = 10 };
    const double scale[] = {1, -1, 1e-200, 1e200, 0};
    struct circuit c = circuit_alloc(M, N, 1, SIMILAR);
    const struct og_wire_params p = {.r_row = 20, .r_col = 20};
    og_wires *w = loaded(&c, &p);
    double v[5 * M], current[5 * N];
    for (int k = 0; k < 5; k++)
        for (size_t i = 0; i < M; i++) v[(size_t)k * M + i] = scale[k] * c.v[i];
    for (int k = 0; k < METHODS; k++) {
        assert_int_equal(og_wires_read(w, methods[k], v, 5, current, NULL, NULL), OG_OK);
        for (int b = 0; b < 5; b++)
            for (size_t j = 0; j < N; j++) {
                const double expected = scale[b] * current[j];
                assert_true(fabs(current[(size_t)b * N + j] - expected) <=
                            1e-12 * fabs(expected));
            }
    }
    og_wires_free(w);
    circuit_free(&c);
}

static void refused(const struct circuit *c, const struct og_wire_params *p,
                    const char *sentence)
{
    og_wires *w = NULL;
    struct og_error err = {0};
    double current[4];
    og_status s = og_wires_alloc(&w, c->rows, c->cols, p, &err);
    if (s == OG_OK) s = og_wires_load(w, c->g, &err);
    if (s == OG_OK) s = og_wires_read(w, OG_WIRES_AUTO, c->v, 1, current, NULL, &err);
    assert_int_equal(s, OG_INPUT);
    assert_string_equal(err.text, sentence);
    og_wires_free(w);
}

static void what_is_no_circuit_is_refused(void **state)
{
    (void)state;
    double g[4] = {1e-6, 2e-6, 3e-6, 4e-6}, v[2] = {0.1, 0.2};
    struct circuit c = {2, 2, 1, g, v};
    const struct og_wire_params good = {.r_row = 1};
    struct og_wire_params p = good;
    p.r_source = -1;
    refused(&c, &p, "r_source is -1, expected 0 or a resistance from 1e-06 to 1e+09 ohm");
    p = good, p.r_col = NAN;
    refused(&c, &p,
            "r_wire_col is nan, expected 0 or a resistance from 1e-06 to 1e+09 ohm");
    p = good, p.r_sense = INFINITY;
    refused(&c, &p, "r_sense is inf, expected 0 or a resistance from 1e-06 to 1e+09 ohm");
    g[2] = -3e-6;
    refused(&c, &good, "conductance[1][0] is -3e-06, expected 0 or 1e-15 to 1 S");
    g[2] = NAN;
    refused(&c, &good, "conductance[1][0] is nan, expected 0 or 1e-15 to 1 S");
    g[2] = 3e-6;
    v[1] = INFINITY;
    refused(&c, &good, "voltage[0][1] is inf, expected a finite one");
    c.rows = 0;
    refused(&c, &good,
            "wires: an array of 0 x 2 cells, expected 1 to 8192 rows and columns");
}

static og_status everything(const struct circuit *c, unsigned bits)
{
    const struct og_wire_params p = combination(bits);
    double current[60], t[60], word[60], bit[60];
    og_wires *w = NULL;
    og_status s = og_wires_alloc(&w, c->rows, c->cols, &p, NULL);
    if (s == OG_OK) s = og_wires_load(w, c->g, NULL);
    for (int k = 0; s == OG_OK && k < METHODS; k++) {
        s = og_wires_read(w, methods[k], c->v, 1, current, NULL, NULL);
        if (s == OG_OK) s = og_wires_transfer(w, methods[k], t, NULL, NULL);
    }
    if (s == OG_OK) s = og_wires_voltages(w, c->v, word, bit, NULL);
    if (s == OG_OK) s = og_wires_gradient(w, c->v, current, t, NULL, NULL);
    og_wires_free(w);
    return s;
}

static void memory_may_run_out(void **state)
{
    (void)state;
    struct circuit c = circuit_alloc(6, 10, 1, SIMILAR);
    for (unsigned bits = 0; bits < 16; bits++) {
        size_t n = 0;
        og_status s;
        do {
            og_alloc_fail_at(++n);
            s = everything(&c, bits);
            og_alloc_fail_at(0);
            assert_true(s == OG_OK || s == OG_NO_MEMORY);
        } while (s != OG_OK && n < 200);
        assert_true(n > 10 && n < 200);
    }
    circuit_free(&c);
}

static enum og_wire_method chosen(size_t n, size_t batch, double ohm)
{
    struct circuit c = circuit_alloc(n, n, batch, SIMILAR);
    const struct og_wire_params p = {.r_row = ohm, .r_col = ohm};
    struct og_wire_report r;
    double *current = og_alloc(batch * n, sizeof *current);
    og_wires *w = loaded(&c, &p);
    assert_int_equal(og_wires_read(w, OG_WIRES_AUTO, c.v, batch, current, &r, NULL),
                     OG_OK);
    og_wires_free(w);
    og_free(current);
    circuit_free(&c);
    return r.method;
}

static void the_cheaper_solver_is_chosen(void **state)
{
    (void)state;
    assert_int_equal(chosen(64, 1, 1), OG_WIRES_PCG);
    assert_int_equal(chosen(64, 100, 1), OG_WIRES_MERGE);
    assert_int_equal(chosen(64, 12, 0.01), OG_WIRES_PCG);
    assert_int_equal(chosen(64, 12, 1000), OG_WIRES_MERGE);
}

// The same where transfer matrices are asked for: here nothing but 'direct' gets through.
static void a_transfer_matrix_falls_back_to_direct(void **state)
{
    (void)state;
    enum { N = 40 };
    struct circuit c = circuit_alloc(N, N, 1, SIX_DECADES);
    const struct og_wire_params p = {1e9, 1e9, 1e9, 1e9, false, false};
    double *t = og_alloc(2 * N * N, sizeof *t);
    struct og_wire_report r = {.residual = 1};
    og_wires *w = loaded(&c, &p);
    assert_int_equal(og_wires_transfer(w, OG_WIRES_MERGE, t, &r, NULL), OG_FAILED);
    assert_int_equal(og_wires_transfer(w, OG_WIRES_AUTO, t, &r, NULL), OG_OK);
    assert_int_equal(r.method, OG_WIRES_DIRECT);
    assert_int_equal(og_wires_transfer(w, OG_WIRES_AUTO, t + N * N, NULL, NULL), OG_OK);
    assert_memory_equal(t, t + N * N, N * N * sizeof *t);
    og_wires_free(w);
    og_free(t);
    circuit_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_resistance_may_be_zero),
        cmocka_unit_test(solvers_agree_over_seven_decades),
        cmocka_unit_test(large_arrays_too),
        cmocka_unit_test(good_wires_lose_no_digits),
        cmocka_unit_test(nodes_behind_high_resistances_converge),
        cmocka_unit_test(bits_do_not_depend_on_threads_or_batch),
        cmocka_unit_test(instruction_sets_agree),
        cmocka_unit_test(voltages_may_be_of_any_size),
        cmocka_unit_test(what_is_no_circuit_is_refused),
        cmocka_unit_test(memory_may_run_out),
        cmocka_unit_test(the_cheaper_solver_is_chosen),
        cmocka_unit_test(a_transfer_matrix_falls_back_to_direct),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
