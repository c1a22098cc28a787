// SPDX-License-Identifier: GPL-3.0-or-later
// Cells whose current grows as sinh(a V), behind wires: the linear limit, one cell by
// bisection, and ngspice, whose netlist has its cells replaced by current sources.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "wires_tools.h"

static void read_sinh(const struct circuit *c, const struct og_wire_params *p,
                      const struct og_wire_sinh *cell, double *current,
                      struct og_wire_report *report)
{
    struct og_error err = {0};
    og_wires *w = loaded(c, p);
    if (og_wires_read_sinh(w, cell, c->v, c->batch, current, report, &err) != OG_OK)
        fail_msg("%s", err.text);
    og_wires_free(w);
}

static void small_voltages_are_ohmic(void **state)
{
    (void)state;
    enum { M = 8, N = 11 };
    const struct og_wire_sinh cell = {.a = 1e-6, .v_read = 0.3};
    for (unsigned bits = 0; bits < 64; bits++) {
        struct circuit c = circuit_alloc(M, N, 2, (enum cells)(bits % 3));
        const struct og_wire_params p = combination(bits);
        double linear[2 * N], current[2 * N];
        og_wires *w = loaded(&c, &p);
        assert_int_equal(og_wires_read(w, OG_WIRES_DIRECT, c.v, 2, linear, NULL, NULL),
                         OG_OK);
        og_wires_free(w);
        read_sinh(&c, &p, &cell, current, NULL);
        assert_true(difference(current, linear, 2 * N) <= 1e-11);
        circuit_free(&c);
    }
}

// Current through one cell and `ohm` in series at v.
static double one_cell(double g, const struct og_wire_sinh *cell, double ohm, double v)
{
    double low = 0, high = v;  // across the cell
    for (int k = 0; k < 200; k++) {
        const double x = (low + high) / 2;
        const double i =
            g * cell->v_read * sinh(cell->a * x) / sinh(cell->a * cell->v_read);
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
    const struct og_wire_sinh cell = {.a = 9.3, .v_read = 0.2};
    for (double v = 0.01; v < 3; v *= 3) {
        double g = 83e-6, current;
        const struct circuit c = {1, 1, 1, &g, &v};
        const struct og_wire_params p = {
            .r_row = 300, .r_col = 500, .r_source = 1000, .r_sense = 200};
        struct og_wire_report report;
        read_sinh(&c, &p, &cell, &current, &report);
        assert_true(fabs(current / one_cell(g, &cell, 2000, v) - 1) <= 1e-11);
        assert_true(report.iterations >= 2 && report.iterations < 40);
        assert_true(report.residual <= 1e-12);
    }
}

// --- ngspice -----------------------------------------------------------------------------

// The netlist with "Rc_i_j a b ohm" as current sources.
static void replace_cells(const char *path, const struct og_wire_sinh *cell, FILE *out)
{
    char line[512], name[64], a[64], b[64];
    double ohm;
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    while (fgets(line, sizeof line, in) != NULL) {
        if (sscanf(line, "Rc_%63s %63s %63s %lf", name, a, b, &ohm) == 4)
            fprintf(out, "Bc_%s %s %s I=%.17g*sinh(%.17g*V(%s,%s))\n", name, a, b,
                    cell->v_read / ohm / sinh(cell->a * cell->v_read), cell->a, a, b);
        else
            fputs(line, out);
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
    const struct og_wire_sinh cell = {.a = 11.7, .v_read = 0.25};
    char linear[] = "/tmp/ohmgrid-sinh-XXXXXX", bent[64];
    if (system("ngspice --version >/dev/null 2>&1") != 0) skip();
    const int file = mkstemp(linear);
    assert_true(file >= 0);
    close(file);
    snprintf(bent, sizeof bent, "%s.cir", linear);
    for (unsigned bits = 0; bits < 16; bits++) {
        struct circuit c = circuit_alloc(M, N, 1, SIMILAR);
        struct og_wire_params p = combination(bits);
        p.r_row *= 100, p.r_col *= 100;
        double ours[N], theirs[N];
        og_wires *w = loaded(&c, &p);
        assert_int_equal(og_wires_spice(w, c.v, 1, linear, NULL), OG_OK);
        og_wires_free(w);
        FILE *out = fopen(bent, "w");
        assert_non_null(out);
        replace_cells(linear, &cell, out);
        fclose(out);
        simulate(bent, theirs, N);
        read_sinh(&c, &p, &cell, ours, NULL);
        const double d = difference(ours, theirs, N);
        if (!(d <= 1e-6)) fail_msg("combination %u: %g", bits, d);
        circuit_free(&c);
    }
    unlink(linear);
    unlink(bent);
}

static void what_overflows_is_refused(void **state)
{
    (void)state;
    double g = 1e-5, v = 2, current;
    const struct circuit c = {1, 1, 1, &g, &v};
    const struct og_wire_params p = {.r_row = 1};
    struct og_wire_sinh cell = {.a = 200, .v_read = 0.2};
    struct og_error err = {0};
    og_wires *w = loaded(&c, &p);
    assert_int_equal(og_wires_read_sinh(w, &cell, &v, 1, &current, NULL, &err), OG_INPUT);
    assert_string_equal(err.text,
                        "voltage[0][0] is 2, expected at most 1.5 (a V up to 300)");
    cell.a = -1, err = (struct og_error){0};
    assert_int_equal(og_wires_read_sinh(w, &cell, &v, 1, &current, NULL, &err), OG_INPUT);
    assert_string_equal(err.text, "sinh cells: a = -1 1/V and v_read = 0.2 V, expected "
                                  "positive ones with a v_read up to 300");
    og_wires_free(w);
}

static void memory_may_run_out(void **state)
{
    (void)state;
    struct circuit c = circuit_alloc(3, 4, 1, SIMILAR);
    const struct og_wire_params p = {.r_row = 5, .r_col = 5};
    const struct og_wire_sinh cell = {.a = 5, .v_read = 0.25};
    double current[4];
    og_wires *w = loaded(&c, &p);
    size_t n = 0;
    og_status s;
    do {
        og_alloc_fail_at(++n);
        s = og_wires_read_sinh(w, &cell, c.v, 1, current, NULL, NULL);
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
        cmocka_unit_test(what_overflows_is_refused),
        cmocka_unit_test(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
