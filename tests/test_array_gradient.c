// SPDX-License-Identifier: GPL-3.0-or-later
// Gradients through a read against their definitions: straight-through and clipped
// against the programmed weights and quantised inputs, reparam against finite differences
// with all random numbers held.
#include <math.h>

#include "array_helper.h"
#include "ohmgrid/cpu.h"

struct gradients {
    float *dy, *dx, *dw;
};

static struct gradients backward(struct bench *b, enum og_gradient how, bool reparam)
{
    struct gradients g = {og_alloc(b->n * b->cols, sizeof *g.dy),
                          og_alloc(b->n * b->rows, sizeof *g.dx),
                          og_alloc(b->rows * b->cols, sizeof *g.dw)};
    fill(g.dy, b->n * b->cols, 77, 1);
    struct og_backward_io io = {.dy = g.dy,
                                .lddy = b->cols,
                                .n = b->n,
                                .dx = g.dx,
                                .lddx = b->rows,
                                .dw = g.dw,
                                .tape = b->tape,
                                .work = b->work,
                                .gradient = how,
                                .reparam = reparam};
    og_array_backward(b->array, &io);
    return g;
}

static void gradients_free(struct gradients *g)
{
    og_free(g->dy);
    og_free(g->dx);
    og_free(g->dw);
}

static struct bench open_for_gradient(struct og_hardware hw, enum og_keep keep,
                                      size_t rows, size_t cols, size_t n, float range)
{
    struct bench b = bench_open(hw, rows, cols, n, range);
    assert_int_equal(og_array_keep_gradient(b.array, keep, NULL), OG_OK);
    b.tape = og_alloc(og_array_tape_bytes(b.array, n), 1);
    bench_run(&b);
    return b;
}

static void assert_near(double got, double want, double size)
{
    assert_true(fabs(got - want) <= 2e-5 * size + 1e-6);
}

static void straight_through_is_its_definition(void **state)
{
    (void)state;
    struct og_hardware hw = plain_hardware();
    hw.device.program = (struct og_sigma){OG_SIGMA_CONSTANT, .sigma = 0.5e-6, .scale = 1};
    hw.device.read = hw.device.program;
    hw.mapping.weight_bits = 4;
    hw.dac.bits = 4;
    hw.adc.bits = 5;
    hw.adc.mode = OG_RANGE_FIXED;
    hw.adc.range = 0.05;
    hw.tile.rows = 20;
    struct bench b = open_for_gradient(hw, OG_KEEP_GRADIENT, 50, 9, 70, 0.8f);
    for (size_t k = 0; k < 70 * 50; k++) b.x[k] *= 1.4f;  // some beyond the DAC's range
    bench_run(&b);
    float *w_hat = og_alloc(450, sizeof *w_hat);
    og_array_weights(b.array, w_hat);
    struct gradients g = backward(&b, OG_STRAIGHT_THROUGH, false);
    for (size_t r = 0; r < 70; r++)
        for (size_t i = 0; i < 50; i++) {
            double want = 0, size = 0;
            for (size_t j = 0; j < 9; j++) {
                double term = (double)g.dy[r * 9 + j] * w_hat[j * 50 + i];
                want += term;
                size += fabs(term);
            }
            assert_near(g.dx[r * 50 + i], want, size);
        }
    for (size_t j = 0; j < 9; j++)
        for (size_t i = 0; i < 50; i++) {
            double want = 0, size = 0;
            for (size_t r = 0; r < 70; r++) {
                double code = rint(fmax(-7, fmin(7, b.x[r * 50 + i] * (7 / 0.8f))));
                double term = g.dy[r * 9 + j] * code * (0.8f / 7);
                want += term;
                size += fabs(term);
            }
            assert_near(g.dw[j * 50 + i], want, size);
        }
    struct gradients c = backward(&b, OG_CLIPPED, false);
    size_t cut = 0;
    for (size_t k = 0; k < 70 * 50; k++) {
        bool beyond = fabsf(b.x[k]) > 0.8f;
        cut += beyond;
        if (beyond) assert_true(c.dx[k] == 0);
    }
    assert_true(cut > 100);
    og_free(w_hat);
    gradients_free(&g);
    gradients_free(&c);
    bench_close(&b);
}

static void clipped_adc_passes_nothing(void **state)
{
    (void)state;
    struct og_hardware hw = plain_hardware();
    hw.adc.bits = 4;
    hw.adc.mode = OG_RANGE_FIXED;
    hw.adc.range = 0.5;
    struct bench b = open_for_gradient(hw, OG_KEEP_GRADIENT, 1, 1, 3, 1);
    b.w[0] = 1;
    b.x[0] = 0.3f, b.x[1] = 0.9f, b.x[2] = -0.9f;
    bench_run(&b);
    struct gradients g = backward(&b, OG_CLIPPED, false);
    assert_true(g.dx[0] == g.dy[0] && g.dx[1] == 0 && g.dx[2] == 0);
    assert_near(g.dw[0], g.dy[0] * 0.3f, 1);
    gradients_free(&g);
    bench_close(&b);
}

static double objective(struct bench *b, const float *dy)
{
    bench_run(b);
    double sum = 0;
    for (size_t k = 0; k < b->n * b->cols; k++) sum += (double)dy[k] * b->y[k];
    return sum;
}

// Differences need variances without the steps of bfloat16; gradients are the same.
static void check_reparam(struct og_hardware hw)
{
    const enum og_isa before = og_cpu_isa();
    if (before > OG_ISA_AVX512) assert_true(og_cpu_use(OG_ISA_AVX512));
    struct bench b = open_for_gradient(hw, OG_KEEP_REPARAM, 9, 4, 5, 1.2f);
    b.w[5] = 1;  // w_max stays where it is
    bench_run(&b);
    struct gradients g = backward(&b, OG_STRAIGHT_THROUGH, true);
    struct gradients plain = backward(&b, OG_STRAIGHT_THROUGH, false);
    double differs = 0;
    for (size_t k = 0; k < 9 * 5; k++) {
        float x = b.x[k], h = 2e-3f;
        if (fabsf(x) < 0.01f) continue;
        b.x[k] = x + h;
        double up = objective(&b, g.dy);
        b.x[k] = x - h;
        double down = objective(&b, g.dy);
        b.x[k] = x;
        double want = (up - down) / (2 * (double)h);
        assert_true(fabs(g.dx[k] - want) <= 4e-3 * (fabs(want) + 0.3));
        differs = fmax(differs, fabs(g.dx[k] - plain.dx[k]));
    }
    for (size_t k = 0; k < 9 * 4; k++) {
        float w = b.w[k], h = 2e-3f;
        if (fabsf(w) < 0.01f || k == 5) continue;
        b.w[k] = w + h;
        double up = objective(&b, g.dy);
        b.w[k] = w - h;
        double down = objective(&b, g.dy);
        b.w[k] = w;
        // Read noise is differentiated by x only; its dependence on w stays out.
        if (hw.device.read.kind == OG_SIGMA_PROPORTIONAL) continue;
        double want = (up - down) / (2 * (double)h);
        assert_true(fabs(g.dw[k] - want) <= 4e-3 * (fabs(want) + 0.3));
        differs = fmax(differs, fabs(g.dw[k] - plain.dw[k]));
    }
    assert_true(differs > 1e-3);
    gradients_free(&g);
    gradients_free(&plain);
    bench_close(&b);
    og_cpu_use(before);
}

static void reparam_is_the_derivative(void **state)
{
    (void)state;
    for (int scheme = OG_DIFFERENTIAL; scheme <= OG_OFFSET; scheme++)
        for (int variant = 0; variant < 5; variant++) {
            struct og_hardware hw = plain_hardware();
            hw.mapping.scheme = (enum og_scheme)scheme;
            if (scheme == OG_OFFSET) hw.mapping.reference = OG_REFERENCE_DIGITAL;
            hw.device.read = (struct og_sigma){
                variant == 1 ? OG_SIGMA_PROPORTIONAL : OG_SIGMA_CONSTANT, .sigma = 1e-6,
                .fraction = 0.2, .scale = 1};
            if (variant == 2) hw.input.sign = OG_INPUT_TWO_PASS;
            if (variant == 3) hw.input.encoding = OG_PULSE_WIDTH;
            if (variant == 4) {
                hw.device.read.scale = 0;
                hw.device.program =
                    (struct og_sigma){OG_SIGMA_PROPORTIONAL, .fraction = 0.1, .scale = 1};
                hw.mapping.devices_per_weight = 2;
            }
            hw.tile.rows = 4;
            check_reparam(hw);
        }
}

static void reparam_without_noise_is_straight_through(void **state)
{
    (void)state;
    struct og_hardware hw = plain_hardware();
    hw.device.read = (struct og_sigma){OG_SIGMA_CONSTANT, .sigma = 1e-6, .scale = 0};
    hw.device.program = hw.device.read;
    struct bench b = open_for_gradient(hw, OG_KEEP_REPARAM, 9, 4, 5, 1.2f);
    struct gradients g = backward(&b, OG_STRAIGHT_THROUGH, true);
    struct gradients plain = backward(&b, OG_STRAIGHT_THROUGH, false);
    assert_memory_equal(g.dx, plain.dx, 45 * sizeof *g.dx);
    assert_memory_equal(g.dw, plain.dw, 36 * sizeof *g.dw);
    gradients_free(&g);
    gradients_free(&plain);
    bench_close(&b);
}

// Clipped and stuck devices do not follow their sigma: straight-through for their
// weights.
static void reparam_stops_at_clipped_devices(void **state)
{
    (void)state;
    enum { ROWS = 40, COLS = 10, ALL = ROWS * COLS };
    struct og_hardware hw = plain_hardware();
    hw.device.program =
        (struct og_sigma){OG_SIGMA_PROPORTIONAL, .fraction = 0.5, .scale = 1};
    hw.device.clip = OG_CLIP_RANGE;
    hw.device.faults.p_lrs = hw.device.faults.p_hrs = 0.05;
    hw.device.faults.g_hrs = 5e-6;
    struct bench b = open_for_gradient(hw, OG_KEEP_REPARAM, ROWS, COLS, 5, 1);
    struct gradients g = backward(&b, OG_STRAIGHT_THROUGH, true);
    struct gradients plain = backward(&b, OG_STRAIGHT_THROUGH, false);
    float *device = og_alloc(2 * ALL, sizeof *device);
    og_array_conductance(b.array, device);
    int held = 0, followed = 0;
    for (size_t i = 0; i < ROWS; i++)
        for (size_t j = 0; j < COLS; j++) {
            size_t k = j * ROWS + i, side = b.w[k] < 0 ? ALL : 0;
            float us = device[side + i * COLS + j] * 1e6f;
            bool still = us == 1 || us == 10 || us == 5;
            if (still) assert_true(g.dw[k] == plain.dw[k]);
            held += still;
            followed += g.dw[k] != plain.dw[k];
        }
    assert_true(held > 50 && followed > 200);
    og_free(device);
    gradients_free(&g);
    gradients_free(&plain);
    bench_close(&b);
}

// An array that kept enough for straight-through gradients can be asked for more, and one
// that ran out of memory can be asked again.
static void more_can_be_kept_later(void **state)
{
    (void)state;
    struct og_hardware hw = plain_hardware();
    hw.device.program =
        (struct og_sigma){OG_SIGMA_PROPORTIONAL, .fraction = 0.2, .scale = 1};
    struct bench b = bench_open(hw, 9, 4, 5, 1.2f);
    assert_int_equal(og_array_keep_gradient(b.array, OG_KEEP_GRADIENT, NULL), OG_OK);
    size_t n = 1;
    for (;; n++) {
        og_alloc_fail_at(n);
        og_status status = og_array_keep_gradient(b.array, OG_KEEP_REPARAM, NULL);
        og_alloc_fail_at(0);
        if (status == OG_OK) break;
        assert_int_equal(status, OG_NO_MEMORY);
    }
    assert_true(n > 1);
    b.tape = og_alloc(og_array_tape_bytes(b.array, 5), 1);
    bench_run(&b);
    struct gradients g = backward(&b, OG_STRAIGHT_THROUGH, true);
    struct gradients plain = backward(&b, OG_STRAIGHT_THROUGH, false);
    int differ = 0;
    for (size_t k = 0; k < 36; k++) differ += g.dw[k] != plain.dw[k];
    assert_true(differ > 30);
    gradients_free(&g);
    gradients_free(&plain);
    bench_close(&b);
}

static void noise_that_has_no_derivative_is_refused(void **state)
{
    (void)state;
    struct og_hardware bad[3] = {plain_hardware(), plain_hardware(), plain_hardware()};
    for (int k = 0; k < 3; k++)
        bad[k].device.read =
            (struct og_sigma){OG_SIGMA_CONSTANT, .sigma = 1e-6, .scale = 1};
    bad[0].read_noise = OG_NOISE_DEVICE;
    bad[1].mapping.scheme = OG_OFFSET;
    bad[2].mapping.weight_bits = 4;
    bad[2].mapping.slice_bits = 1;
    const char *key[] = {"read_noise: fast", "reference: digital", "slice_bits: 0"};
    for (int k = 0; k < 3; k++) {
        struct bench b = bench_open(bad[k], 9, 4, 5, 1.2f);
        struct og_error err = {0};
        assert_int_equal(og_array_keep_gradient(b.array, OG_KEEP_REPARAM, &err),
                         OG_INPUT);
        assert_non_null(strstr(err.text, key[k]));
        assert_int_equal(og_array_keep_gradient(b.array, OG_KEEP_GRADIENT, NULL), OG_OK);
        bench_close(&b);
    }
}

// What callers may compute by themselves is what a read and its backward do.
static void straight_gradients_may_be_taken_outside(void **state)
{
    (void)state;
    struct og_hardware hw = plain_hardware();
    hw.device.program = (struct og_sigma){OG_SIGMA_CONSTANT, .sigma = 0.5e-6, .scale = 1};
    hw.dac.bits = 4;
    hw.tile.rows = 20;
    struct bench b = open_for_gradient(hw, OG_KEEP_GRADIENT, 50, 9, 7, 0.8f);
    const float *straight = og_array_straight(b.array);
    float *w_hat = og_alloc(450, sizeof *w_hat), x_hat[50];
    assert_true(straight && w_hat);
    og_array_weights(b.array, w_hat);
    for (size_t j = 0; j < 9; j++)
        for (size_t i = 0; i < 50; i++)
            assert_near(straight[i * 9 + j], w_hat[j * 50 + i], 1);
    for (size_t k = 0; k < 50; k++) b.x[k] *= 1.4f;  // some beyond the DAC's range
    og_array_dac(b.array, b.x, 50, x_hat);
    for (size_t k = 0; k < 50; k++) {
        const double code = rint(fmax(-7, fmin(7, b.x[k] * (7 / 0.8f))));
        assert_near(x_hat[k], code * (0.8f / 7), 1);
    }
    assert_int_equal(og_array_keep_gradient(b.array, OG_KEEP_REPARAM, NULL), OG_OK);
    assert_null(og_array_straight(b.array));
    og_free(w_hat);
    bench_close(&b);
    hw.device.iv.kind = OG_IV_SINH;  // the voltage counts, too
    hw.device.iv.a = 4;
    b = open_for_gradient(hw, OG_KEEP_GRADIENT, 50, 9, 7, 0.8f);
    assert_null(og_array_straight(b.array));
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(straight_through_is_its_definition),
        cmocka_unit_test(clipped_adc_passes_nothing),
        cmocka_unit_test(reparam_is_the_derivative),
        cmocka_unit_test(reparam_without_noise_is_straight_through),
        cmocka_unit_test(reparam_stops_at_clipped_devices),
        cmocka_unit_test(straight_gradients_may_be_taken_outside),
        cmocka_unit_test(more_can_be_kept_later),
        cmocka_unit_test(noise_that_has_no_derivative_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
