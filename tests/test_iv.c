// SPDX-License-Identifier: GPL-3.0-or-later
// Laws of current against voltage: GSL's monotone cubics and polynomials as judges, slope
// and co-content against differences, and what does not rise is refused.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include <gsl/gsl_interp.h>
#include <gsl/gsl_poly.h>

#include "config/iv.h"
#include "device/iv.h"

static const struct og_iv sinh_law = {.kind = OG_IV_SINH, .a = 7};
static const struct og_iv polynomial = {
    .kind = OG_IV_POLYNOMIAL, .coefficients = {3, {2, -1.1, 9}}, .v_max = 0.5};
static const struct og_iv odd = {.kind = OG_IV_TABLE,
                                 .table_v = {5, {0, 0.1, 0.15, 0.4, 0.5}},
                                 .table_i = {5, {0, 1, 4, 5, 5.1}}};
static const struct og_iv whole = {.kind = OG_IV_TABLE,
                                   .table_v = {5, {-0.5, -0.1, 0, 0.2, 0.5}},
                                   .table_i = {5, {-3, -1, 0, 0.5, 7}}};
static const struct og_iv *const all[] = {&sinh_law, &polynomial, &odd, &whole};
enum { LAWS = sizeof all / sizeof *all };
static const double v_read = 0.3;

static void assert_close(double a, double b, double tolerance)
{
    if (!(fabs(a - b) <= tolerance)) fail_msg("%.15g, expected %.15g", a, b);
}

static void tables_are_those_of_gsl(void **state)
{
    (void)state;
    const double x[9] = {-0.5, -0.4, -0.15, -0.1, 0, 0.1, 0.15, 0.4, 0.5};
    const double y[9] = {-5.1, -5, -4, -1, 0, 1, 4, 5, 5.1};
    for (int k = 0; k < 2; k++) {
        const struct og_iv *iv = k == 0 ? &odd : &whole;
        const double *px = k == 0 ? x : whole.table_v.v,
                     *py = k == 0 ? y : whole.table_i.v;
        const size_t n = k == 0 ? 9 : 5;
        struct og_iv_law law;
        og_iv_init(&law, iv, v_read);
        gsl_interp *s = gsl_interp_alloc(gsl_interp_steffen, n);
        gsl_interp_init(s, px, py, n);
        const double scale = v_read / gsl_interp_eval(s, px, py, v_read, NULL);
        for (double v = -0.5; v <= 0.5; v += 0.0137) {
            assert_close(og_iv_current(&law, v),
                         scale * gsl_interp_eval(s, px, py, v, NULL), 1e-13);
            assert_close(og_iv_slope(&law, v),
                         scale * gsl_interp_eval_deriv(s, px, py, v, NULL), 1e-11);
            const double area = v < 0 ? -gsl_interp_eval_integ(s, px, py, v, 0, NULL)
                                      : gsl_interp_eval_integ(s, px, py, 0, v, NULL);
            assert_close(og_iv_content(&law, v), scale * area, 1e-13);
        }
        gsl_interp_free(s);
    }
}

static void polynomials_are_those_of_gsl(void **state)
{
    (void)state;
    const double c[4] = {0, 2, -1.1, 9};
    const double scale = v_read / gsl_poly_eval(c, 4, v_read);
    struct og_iv_law law;
    og_iv_init(&law, &polynomial, v_read);
    for (double v = -0.5; v < 0.5; v += 0.03)
        assert_close(og_iv_current(&law, v), scale * gsl_poly_eval(c, 4, v), 1e-14);
}

static void slope_and_content_belong_to_the_current(void **state)
{
    (void)state;
    const double h = 1e-5;
    for (int k = 0; k < LAWS; k++) {
        struct og_iv_law law;
        og_iv_init(&law, all[k], v_read);
        assert_close(og_iv_current(&law, v_read), v_read, 1e-15);
        assert_true(og_iv_current(&law, 0) == 0 && og_iv_content(&law, 0) == 0);
        // Far beyond the range too.
        for (double v = -1.03; v < 1.1; v += 0.0471) {
            const double up = og_iv_current(&law, v + h),
                         down = og_iv_current(&law, v - h);
            assert_close(og_iv_slope(&law, v), (up - down) / (2 * h), 2e-4 * up / v);
            const double more = og_iv_content(&law, v + h) - og_iv_content(&law, v - h);
            assert_close(og_iv_current(&law, v), more / (2 * h), 1e-7 * (1 + fabs(up)));
        }
        assert_true(isnan(og_iv_current(&law, (double)NAN)));
        assert_true(isnan(og_iv_slope(&law, (double)NAN)));
    }
}

static void bad(struct og_iv iv, const char *sentence)
{
    struct og_error err = {0};
    assert_int_equal(og_iv_check(&iv, v_read, NULL, &err), OG_INPUT);
    assert_string_equal(err.text, sentence);
}

static void what_does_not_rise_is_refused(void **state)
{
    (void)state;
    for (int k = 0; k < LAWS; k++)
        assert_int_equal(og_iv_check(all[k], v_read, NULL, NULL), OG_OK);
    struct og_iv iv = {.kind = OG_IV_SINH};
    bad(iv, "key 'device.iv': kind sinh needs a above 0");
    iv.a = 1001;
    bad(iv, "key 'device.iv': a times device.v_read is above 300");
    iv = (struct og_iv){.kind = OG_IV_POLYNOMIAL};
    bad(iv, "key 'device.iv': kind polynomial needs coefficients");
    // Slope (1 - 5 v)^2: it stands still at 0.2 V; a little more and it rises.
    iv.coefficients = (struct og_list){3, {1, -5, 25.0 / 3}};
    bad(iv,
        "key 'device.iv.coefficients': must rise with the voltage from -0.6 to 0.6 V");
    iv.coefficients.v[0] += 1e-5;
    assert_int_equal(og_iv_check(&iv, v_read, NULL, NULL), OG_OK);
    iv.v_max = 0.2;
    bad(iv, "key 'device.iv.v_max': is below device.v_read, 0.3 V");
    iv = odd;
    iv.table_i.n--;
    bad(iv, "key 'device.iv': table_v has 5 entries and table_i 4; kind table needs "
            "equally many, at least two");
    iv = odd;
    iv.table_v.v[3] = 0.15;
    bad(iv, "key 'device.iv.table_v': must be rising");
    iv = odd;
    iv.table_i.v[2] = 1;
    bad(iv, "key 'device.iv.table_i': must be rising");
    iv = odd;
    iv.table_i.v[0] = 0.1;
    bad(iv, "key 'device.iv': a table must hold 0 V and no current");
    iv = odd;
    iv.table_v.n = iv.table_i.n = 3;
    bad(iv, "key 'device.iv.table_v': goes from -0.15 to 0.15 V, which is less than "
            "device.v_read, 0.3 V");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_are_those_of_gsl),
        cmocka_unit_test(polynomials_are_those_of_gsl),
        cmocka_unit_test(slope_and_content_belong_to_the_current),
        cmocka_unit_test(what_does_not_rise_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
