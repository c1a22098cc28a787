// SPDX-License-Identifier: GPL-3.0-or-later
// Cells that are not ohmic behind wires: the linear limit, one cell by bisection, finite
// differences, and ngspice, whose netlist has its cells replaced by current sources.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <gsl/gsl_interp.h>

#include "temp_folder.h"
#include "wires_tools.h"

static const struct og_wire_cell cells_of[] = {
    {.iv = {.kind = OG_IV_SINH, .a = 11.7}, .v_read = 0.25},
    {.iv = {.kind = OG_IV_POLYNOMIAL, .coefficients = {3, {1, -0.4, 2.5}}, .v_max = 0.7},
     .v_read = 0.25},
    {.iv = {.kind = OG_IV_TABLE,
            .table_v = {6, {0, 0.05, 0.11, 0.25, 0.4, 0.7}},
            .table_i = {6, {0, 2, 5.5, 12, 40, 90}}},
     .v_read = 0.25},
};
enum { CELLS = sizeof cells_of / sizeof *cells_of };

// Every other source is negative.
static struct circuit signed_circuit(size_t rows, size_t cols)
{
    struct circuit c = circuit_alloc(rows, cols, 1, SIMILAR);
    for (size_t i = 1; i < rows; i += 2) c.v[i] = -c.v[i];
    return c;
}

static void read_cells(const struct circuit *c, const struct og_wire_params *p,
                       const struct og_wire_cell *cell, double *current,
                       struct og_wire_report *report)
{
    struct og_error err = {0};
    og_wires *w = loaded(c, p);
    if (og_wires_read_cells(w, cell, c->v, c->batch, current, report, &err) != OG_OK)
        fail_msg("%s", err.text);
    og_wires_free(w);
}

static void small_voltages_are_ohmic(void **state)
{
    (void)state;
    enum { M = 8, N = 11 };
    const struct og_wire_cell cell = {.iv = {.kind = OG_IV_SINH, .a = 1e-6},
                                      .v_read = 0.3};
    for (unsigned bits = 0; bits < 64; bits++) {
        struct circuit c = circuit_alloc(M, N, 2, (enum cells)(bits % 3));
        const struct og_wire_params p = combination(bits);
        double linear[2 * N], current[2 * N];
        og_wires *w = loaded(&c, &p);
        assert_int_equal(og_wires_read(w, OG_WIRES_DIRECT, c.v, 2, linear, NULL, NULL),
                         OG_OK);
        og_wires_free(w);
        read_cells(&c, &p, &cell, current, NULL);
        assert_true(difference(current, linear, 2 * N) <= 1e-11);
        circuit_free(&c);
    }
}

// Current through one cell and `ohm` in series at v.
static double one_cell(double g, const struct og_wire_cell *cell, double ohm, double v)
{
    double low = 0, high = v;  // across the cell
    for (int k = 0; k < 200; k++) {
        const double x = (low + high) / 2;
        const double i =
            g * cell->v_read * sinh(cell->iv.a * x) / sinh(cell->iv.a * cell->v_read);
        if (i * ohm + x < v)
            low = x;
        else
            high = x;
    }
    return (v - low) / ohm;
}

static void one_cell_is_that_of_bisection(void **state)
{
    (void)state;
    const struct og_wire_cell cell = {.iv = {.kind = OG_IV_SINH, .a = 9.3},
                                      .v_read = 0.2};
    for (double ohm = 1e-6; ohm < 2e-5; ohm *= 10) {  // where rounding is all there is
        double g = 83e-6, current, v = 0.2;
        const struct circuit c = {1, 1, 1, &g, &v};
        const struct og_wire_params p = {.r_source = ohm};
        struct og_wire_report report;
        read_cells(&c, &p, &cell, &current, &report);
        assert_true(fabs(current / (g * v) - 1) <= 1e-8 && report.iterations < 10);
    }
    for (double v = 0.01; v < 3; v *= 3) {
        double g = 83e-6, current;
        const struct circuit c = {1, 1, 1, &g, &v};
        const struct og_wire_params p = {
            .r_row = 300, .r_col = 500, .r_source = 1000, .r_sense = 200};
        struct og_wire_report report;
        read_cells(&c, &p, &cell, &current, &report);
        assert_true(fabs(current / one_cell(g, &cell, 2000, v) - 1) <= 1e-11);
        assert_true(report.iterations >= 2 && report.iterations < 40);
        assert_true(report.residual <= 1e-12);
    }
}

// --- ngspice
// -----------------------------------------------------------------------------

// f(x) of a table that begins at 0, mirrored, in the words of ngspice: cubics between the
// points with the slopes that GSL has there.
static void write_table(FILE *out, const struct og_wire_cell *cell, const char *x)
{
    const struct og_list *v = &cell->iv.table_v, *i = &cell->iv.table_i;
    double px[32], py[32];
    int n = 2 * v->n - 1;
    for (int k = 0; k < n; k++) {
        const int from = k - v->n + 1;
        px[k] = from < 0 ? -v->v[-from] : v->v[from];
        py[k] = from < 0 ? -i->v[-from] : i->v[from];
    }
    gsl_interp *steffen = gsl_interp_alloc(gsl_interp_steffen, (size_t)n);
    gsl_interp_init(steffen, px, py, (size_t)n);
    const double scale =
        cell->v_read / gsl_interp_eval(steffen, px, py, cell->v_read, NULL);
    for (int k = 0; k < n - 1; k++) {
        const double h = px[k + 1] - px[k], s = (py[k + 1] - py[k]) / h;
        const double a = gsl_interp_eval_deriv(steffen, px, py, px[k], NULL),
                     b = gsl_interp_eval_deriv(steffen, px, py, px[k + 1], NULL);
        if (k < n - 2) fprintf(out, "((%s < %.17g) ? (", x, px[k + 1]);
        fprintf(
            out, "%.17g+(%s-(%.17g))*(%.17g+(%s-(%.17g))*(%.17g+(%s-(%.17g))*(%.17g)))",
            scale * py[k], x, px[k], scale * a, x, px[k], scale * (3 * s - 2 * a - b) / h,
            x, px[k], scale * (a + b - 2 * s) / (h * h));
        if (k < n - 2) fprintf(out, ") : (");
    }
    for (int k = 0; k < n - 2; k++) fprintf(out, "))");
    gsl_interp_free(steffen);
}

static void write_law(FILE *out, const struct og_wire_cell *cell, const char *x)
{
    const struct og_list *c = &cell->iv.coefficients;
    double sum = 0;
    switch (cell->iv.kind) {
    case OG_IV_SINH:
        fprintf(out, "%.17g*sinh(%.17g*%s)",
                cell->v_read / sinh(cell->iv.a * cell->v_read), cell->iv.a, x);
        return;
    case OG_IV_POLYNOMIAL:
        for (int k = c->n; k > 0; k--) sum = (sum + c->v[k - 1]) * cell->v_read;
        fprintf(out, "%.17g*%s*((%.17g)+%s*((%.17g)+%s*(%.17g)))", cell->v_read / sum, x,
                c->v[0], x, c->v[1], x, c->v[2]);
        return;
    case OG_IV_TABLE:
        write_table(out, cell, x);
        return;
    case OG_IV_OHMIC:
        fail();
    }
}

// The netlist with "Rc_i_j a b ohm" as current sources.
static void replace_cells(const char *path, const struct og_wire_cell *cell, FILE *out)
{
    char line[512], name[64], a[64], b[64], x[160];
    double ohm;
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    while (fgets(line, sizeof line, in) != NULL) {
        if (sscanf(line, "Rc_%63s %63s %63s %lf", name, a, b, &ohm) != 4) {
            fputs(line, out);
            continue;
        }
        snprintf(x, sizeof x, "V(%s,%s)", a, b);
        fprintf(out, "Bc_%s %s %s I=%.17g*(", name, a, b, 1 / ohm);
        write_law(out, cell, x);
        fputs(")\n", out);
    }
    fclose(in);
}

static void simulate(const char *path, double *current, size_t n)
{
    char command[128], line[512];
    size_t j;
    double value;
    for (size_t k = 0; k < n; k++) current[k] = NAN;
    snprintf(command, sizeof command, "ngspice -b %s 2>/dev/null", path);
    FILE *in = popen(command, "r");
    assert_non_null(in);
    while (fgets(line, sizeof line, in) != NULL)
        if (sscanf(line, "i(vt_%zu) = %lf", &j, &value) == 2 && j < n) current[j] = value;
    pclose(in);
}

static void currents_are_those_of_ngspice(void **state)
{
    (void)state;
    enum { M = 6, N = 5 };
    char folder[TEMP_PATH], linear[TEMP_FILE], bent[TEMP_FILE];
    if (system("ngspice --version >/dev/null 2>&1") != 0) skip();
    assert_true(temp_make(folder));
    snprintf(linear, sizeof linear, "%s/linear.cir", folder);
    snprintf(bent, sizeof bent, "%s/bent.cir", folder);
    for (unsigned bits = 0; bits < 16; bits++) {
        const struct og_wire_cell *cell = &cells_of[bits % CELLS];
        struct circuit c = signed_circuit(M, N);
        struct og_wire_params p = combination(bits);
        p.r_row *= 100, p.r_col *= 100;
        double ours[N], theirs[N];
        og_wires *w = loaded(&c, &p);
        assert_int_equal(og_wires_spice(w, c.v, 1, linear, NULL), OG_OK);
        og_wires_free(w);
        FILE *out = fopen(bent, "w");
        assert_non_null(out);
        replace_cells(linear, cell, out);
        fclose(out);
        simulate(bent, theirs, N);
        read_cells(&c, &p, cell, ours, NULL);
        const double d = difference(ours, theirs, N);
        if (!(d <= 1e-6)) fail_msg("combination %u: %g", bits, d);
        circuit_free(&c);
    }
    assert_int_equal(temp_remove(folder), 0);
}

// --- gradients
// ---------------------------------------------------------------------------

static double loss(const struct circuit *c, const struct og_wire_params *p,
                   const struct og_wire_cell *cell, const double *u)
{
    double current[16], sum = 0;
    read_cells(c, p, cell, current, NULL);
    for (size_t j = 0; j < c->cols; j++) sum += u[j] * current[j];
    return sum;
}

static double slope(const struct circuit *c, const struct og_wire_params *p,
                    const struct og_wire_cell *cell, const double *u, double *x)
{
    const double before = *x, h = 1e-4 * before;
    *x = before + h;
    const double above = loss(c, p, cell, u);
    *x = before - h;
    const double below = loss(c, p, cell, u);
    *x = before;
    return (above - below) / (2 * h);
}

static double unsigned_sum(const double *x, size_t n)
{
    double sum = 0;
    for (size_t k = 0; k < n; k++) sum += fabs(x[k]);
    return sum;
}

static void gradients_are_those_of_finite_differences(void **state)
{
    (void)state;
    enum { M = 3, N = 4 };
    const double u[N] = {0.7, -1.3, 0.2, 2.1};
    struct circuit c = signed_circuit(M, N);
    for (unsigned bits = 0; bits < 64; bits += 5) {
        const struct og_wire_cell *cell = &cells_of[bits % CELLS];
        struct og_wire_params p = combination(bits);
        p.r_row *= 100, p.r_col *= 100;
        double dg[M * N], dv[M];
        for (size_t k = 0; k < M * N; k++) dg[k] = 1;  // it is added to
        og_wires *w = loaded(&c, &p);
        assert_int_equal(og_wires_gradient_cells(w, cell, c.v, 1, u, dg, dv, NULL),
                         OG_OK);
        const double scale = (unsigned_sum(dg, M * N) - M * N) / (M * N);
        for (size_t k = 0; k < M * N; k++) {
            const double d = slope(&c, &p, cell, u, &c.g[k]);
            if (!(fabs(d - (dg[k] - 1)) <= 2e-6 * (scale + 1)))
                fail_msg("combination %u: dg[%zu] is %g, expected %g", bits, k, dg[k] - 1,
                         d);
        }
        for (size_t i = 0; i < M; i++) {
            const double d = slope(&c, &p, cell, u, &c.v[i]);
            if (!(fabs(d - dv[i]) <= 1e-5 * unsigned_sum(dv, M)))
                fail_msg("combination %u: dv[%zu] is %g, expected %g", bits, i, dv[i], d);
        }
        og_wires_free(w);
    }
    circuit_free(&c);
}

// One cell and its wires in series: all that the source gives.
static void power_is_that_of_the_source(void **state)
{
    (void)state;
    for (size_t k = 0; k < CELLS; k++) {
        double g = 83e-6, v[2] = {0.31, -0.17}, current[2], power[2];
        const struct circuit c = {1, 1, 2, &g, v};
        const struct og_wire_params p = {.r_row = 300, .r_col = 500, .r_source = 1000};
        read_cells(&c, &p, &cells_of[k], current, NULL);
        og_wires *w = loaded(&c, &p);
        assert_int_equal(og_wires_power_cells(w, &cells_of[k], v, 2, power, NULL), OG_OK);
        og_wires_free(w);
        for (int b = 0; b < 2; b++)
            assert_true(fabs(power[b] / (v[b] * current[b]) - 1) <= 1e-9);
    }
}

// --- what is refused
// ---------------------------------------------------------------------

static void what_is_out_of_reach_is_refused(void **state)
{
    (void)state;
    double g[2] = {1e-5, 1e-5}, v[2] = {2, -0.1}, current[1];
    const struct circuit c = {2, 1, 1, g, v};
    const struct og_wire_params p = {.r_row = 1};
    struct og_wire_cell cell = {.iv = {.kind = OG_IV_SINH, .a = 200}, .v_read = 0.2};
    struct og_error err = {0};
    og_wires *w = loaded(&c, &p);
    assert_int_equal(og_wires_read_cells(w, &cell, v, 1, current, NULL, &err), OG_INPUT);
    assert_string_equal(err.text,
                        "voltages of vector 0 are up to 2.1 V apart, expected at "
                        "most 1.5 V (a V up to 300)");
    cell.iv.a = -1, err = (struct og_error){0};
    assert_int_equal(og_wires_read_cells(w, &cell, v, 1, current, NULL, &err), OG_INPUT);
    assert_string_equal(err.text, "key 'device.iv': kind sinh needs a above 0");
    v[0] = 0.65, err = (struct og_error){0};
    assert_int_equal(og_wires_read_cells(w, &cells_of[2], v, 1, current, NULL, &err),
                     OG_INPUT);
    assert_string_equal(err.text, "voltages of vector 0 are up to 0.75 V apart, but the "
                                  "cells are known from -0.7 to 0.7 V");
    v[0] = 0.55;
    assert_int_equal(og_wires_read_cells(w, &cells_of[2], v, 1, current, NULL, NULL),
                     OG_OK);
    og_wires_free(w);
}

static void memory_may_run_out(void **state)
{
    (void)state;
    struct circuit c = circuit_alloc(3, 4, 1, SIMILAR);
    const struct og_wire_params p = {.r_row = 5, .r_col = 5};
    const struct og_wire_cell cell = {.iv = {.kind = OG_IV_SINH, .a = 5}, .v_read = 0.25};
    double current[4];
    og_wires *w = loaded(&c, &p);
    size_t n = 0;
    og_status s;
    do {
        og_alloc_fail_at(++n);
        s = og_wires_read_cells(w, &cell, c.v, 1, current, NULL, NULL);
        og_alloc_fail_at(0);
        assert_true(s == OG_OK || s == OG_NO_MEMORY);
    } while (s != OG_OK && n < 100);
    assert_true(n > 5 && n < 100);
    og_wires_free(w);
    circuit_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_voltages_are_ohmic),
        cmocka_unit_test(one_cell_is_that_of_bisection),
        cmocka_unit_test(currents_are_those_of_ngspice),
        cmocka_unit_test(gradients_are_those_of_finite_differences),
        cmocka_unit_test(power_is_that_of_the_source),
        cmocka_unit_test(what_is_out_of_reach_is_refused),
        cmocka_unit_test(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
