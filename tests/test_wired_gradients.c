// SPDX-License-Identifier: GPL-3.0-or-later
// Gradients through wires and through cells that are not ohmic, by finite differences.
#include <math.h>

#include "wired_tools.h"

enum { ROWS = 21, COLS = 10 };

static double loss_of(struct bench *b, const float *dy)
{
    double sum = 0;
    bench_run(b);
    for (size_t k = 0; k < b->n * b->cols; k++) sum += (double)dy[k] * (double)b->y[k];
    return sum;
}

static void gradient_of(struct bench *b, const float *dy, float *dw, float *dx)
{
    memset(dw, 0, b->rows * b->cols * sizeof *dw);
    bench_run(b);
    const struct og_backward_io io = {.dy = dy,
                                      .lddy = b->cols,
                                      .n = b->n,
                                      .dx = dx,
                                      .lddx = b->rows,
                                      .dw = dw,
                                      .tape = b->tape,
                                      .work = b->work};
    og_array_backward(b->array, &io);
}

// Central differences, which the float product leaves five digits.
static void assert_gradient(struct og_hardware hw)
{
    enum { N = 4 };
    // Newton's method is slow.
    const size_t checked = hw.device.iv.kind == OG_IV_OHMIC ? 30 : 6;
    struct bench b = bench_open(hw, ROWS, COLS, N, 1);
    float dy[N * COLS], straight[ROWS * COLS], dw[ROWS * COLS], dx[N * ROWS];
    fill(dy, N * COLS, 21, 1);
    b.w[0] = 1;  // full scale
    for (size_t k = 1; k < ROWS * COLS; k++)
        if (fabsf(b.w[k]) < 0.03f) b.w[k] = 0.1f;
    assert_int_equal(og_array_keep_gradient(b.array, OG_KEEP_GRADIENT, NULL), OG_OK);
    b.tape = og_alloc(og_array_tape_bytes(b.array, N), 1);
    gradient_of(&b, dy, straight, dx);
    memcpy(dw, straight, sizeof dw);
    assert_int_equal(og_array_through_wires(b.array, dw), OG_OK);
    double most = 0, apart = 0;
    for (size_t k = 0; k < ROWS * COLS; k++) most = fmax(most, fabs((double)dw[k]));
    for (size_t k = 7; k < ROWS * COLS; k += ROWS * COLS / checked) {
        const float w = b.w[k], step = 0.02f;
        b.w[k] = w + step;
        const double up = loss_of(&b, dy);
        b.w[k] = w - step;
        const double slope = (up - loss_of(&b, dy)) / (2 * (double)step);
        b.w[k] = w;
        if (!(fabs((double)dw[k] - slope) <= 1e-3 * most))
            fail_msg("dw[%zu] is %g, expected %g", k, (double)dw[k], slope);
        apart = fmax(apart, fabs((double)straight[k] - slope));
    }
    // Or nothing would have been tested.
    assert_true(hw.device.iv.kind != OG_IV_OHMIC || apart > 0.02 * most);
    for (size_t k = 3; k < N * ROWS; k += 330 / checked) {
        const float x = b.x[k], step = hw.device.iv.kind == OG_IV_OHMIC ? 0.1f : 0.01f;
        b.x[k] = x + step;
        const double up = loss_of(&b, dy);
        b.x[k] = x - step;
        const double slope = (up - loss_of(&b, dy)) / (2 * (double)step);
        if (!(fabs((double)dx[k] - slope) <= 1e-3 * fmax(1, fabs(slope))))
            fail_msg("dx[%zu] is %g, expected %g", k, (double)dx[k], slope);
        b.x[k] = x;
    }
    bench_close(&b);
}

static void gradients_pass_through_wires(void **state)
{
    (void)state;
    for (int scheme = OG_DIFFERENTIAL; scheme <= OG_OFFSET; scheme++)
        for (int variant = 0; variant < 7; variant++) {
            struct og_hardware hw = wired_hardware();
            hw.mapping.scheme = (enum og_scheme)scheme;
            const bool pairs = scheme != OG_OFFSET;
            if (variant == 1) hw.wires.mode = OG_WIRES_APPROXIMATE;
            if (variant == 2) hw.mapping.devices_per_weight = 2;
            if (variant == 3 && pairs) hw.pair.subtract = OG_SUBTRACT_DIGITAL;
            if (variant == 3 && !pairs) hw.mapping.reference = OG_REFERENCE_DIGITAL;
            if (variant == 4 && pairs) hw.pair.layout = OG_LAYOUT_SEPARATE;
            if (variant == 5) hw.wires.drive = hw.wires.sense = OG_BOTH_ENDS;
            if (variant == 6) {
                hw.wires.r_access = 800;
                hw.wires.r_row = hw.wires.r_source = 0;
            }
            assert_gradient(hw);
        }
}

static void what_has_no_gradient_is_refused(void **state)
{
    (void)state;
    struct og_hardware hw = wired_hardware();
    struct og_error err = {0};
    struct bench b = bench_open(hw, ROWS, COLS, 1, 1);
    assert_int_equal(og_array_keep_gradient(b.array, OG_KEEP_REPARAM, &err), OG_INPUT);
    assert_non_null(strstr(err.text, "through hardware.wires"));
    bench_close(&b);
    hw.mapping.weight_bits = 5;
    hw.mapping.slice_bits = 2;
    b = bench_open(hw, ROWS, COLS, 1, 1);
    err = (struct og_error){0};
    assert_int_equal(og_array_keep_gradient(b.array, OG_KEEP_GRADIENT, &err), OG_INPUT);
    assert_non_null(strstr(err.text, "mapping.slice_bits"));
    bench_close(&b);
}

// Without wires the inputs are bent; with them each read has its own adjoint.
static void gradients_pass_through_cells_that_are_not_ohmic(void **state)
{
    (void)state;
    static const struct og_iv law[] = {
        {.kind = OG_IV_SINH, .a = 2.5},
        {.kind = OG_IV_POLYNOMIAL, .coefficients = {3, {1, -0.3, 0.8}}},
        {.kind = OG_IV_TABLE,
         .table_v = {6, {0, 0.2, 0.5, 1, 1.5, 2.2}},
         .table_i = {6, {0, 0.3, 1, 3, 6, 12}}}};
    for (int variant = 0; variant < 16; variant++) {
        struct og_hardware hw = wired_hardware();
        hw.wires.mode = variant % 2 ? OG_WIRES_NONLINEAR : OG_WIRES_NONE;
        hw.device.v_read = 1;
        hw.device.iv = law[variant % 3];
        if (variant / 2 == 1) hw.pair.subtract = OG_SUBTRACT_DIGITAL;
        if (variant / 2 == 2) hw.pair.layout = OG_LAYOUT_SEPARATE;
        if (variant / 2 == 3) hw.mapping.scheme = OG_OFFSET;
        if (variant / 2 == 4) hw.tile.accumulate = OG_ACCUMULATE_ANALOG;
        if (variant / 2 == 5) hw.mapping.devices_per_weight = 2;
        if (variant / 2 == 6) hw.input.sign = OG_INPUT_TWO_PASS;
        if (variant / 2 == 7) hw.tile.rows_active = 3;
        assert_gradient(hw);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_pass_through_wires),
        cmocka_unit_test(gradients_pass_through_cells_that_are_not_ohmic),
        cmocka_unit_test(what_has_no_gradient_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
