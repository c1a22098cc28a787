// SPDX-License-Identifier: GPL-3.0-or-later
// Laws that hold on every hardware, tried on random ones: the weights are what reads
// multiply with, gradients are those of that product, fast noise is device noise, and
// neither threads nor batches change a bit.
#include <gsl/gsl_statistics.h>
#include <math.h>

#include "array_dice.h"
#include "ohmgrid/cpu.h"

// --- the product and its gradients ---------------------------------------------------
// Inputs as DACs give them; `limit` of the codes.
static double carried(const struct bench *b, float x)
{
    if (b->hw.dac.bits == 0) return x;
    double n = (1 << (b->hw.dac.bits - 1)) - 1;
    return fmax(-n, fmin(n, rint(x * (float)(n / 0.7f)))) * 0.7f / n;
}

static void assert_product(const struct bench *b, const float *w_hat, const float *zero,
                           uint32_t seed)
{
    for (size_t r = 0; r < b->n; r++)
        for (size_t j = 0; j < b->cols; j++) {
            double want = zero[j], size = 0.3 * (double)b->rows;
            for (size_t i = 0; i < b->rows; i++)
                want += w_hat[j * b->rows + i] * carried(b, b->x[r * b->rows + i]);
            double got = b->y[r * b->cols + j];
            if (!(fabs(got - want) <= 2e-5 * size))
                fail_msg("seed %u: y[%zu][%zu] = %.9g, not %.9g", seed, r, j, got, want);
        }
}

static void assert_gradients(struct bench *b, const float *w_hat, uint32_t seed)
{
    size_t n = b->n, rows = b->rows, cols = b->cols;
    float *dy = og_alloc(n * cols, sizeof *dy), *dx = og_alloc(n * rows, sizeof *dx);
    float *dw = og_alloc(rows * cols, sizeof *dw);
    fill(dy, n * cols, seed, 1);
    struct og_backward_io io = {.dy = dy, .lddy = cols, .n = n, .dx = dx, .lddx = rows};
    io.dw = dw, io.tape = b->tape, io.work = b->work;
    og_array_backward(b->array, &io);
    for (size_t i = 0; i < rows; i++) {
        for (size_t r = 0; r < n; r++) {
            double want = 0;
            for (size_t j = 0; j < cols; j++)
                want += dy[r * cols + j] * w_hat[j * rows + i];
            if (!(fabs(dx[r * rows + i] - want) <= 1e-5)) fail_msg("dx, seed %u", seed);
        }
        for (size_t j = 0; j < cols; j++) {
            double want = 0;
            bool removed = b->hw.mapping.removed && b->w[j * rows + i] == 0;
            for (size_t r = 0; !removed && r < n; r++)
                want += dy[r * cols + j] * carried(b, b->x[r * rows + i]);
            if (!(fabs(dw[j * rows + i] - want) <= 2e-5)) fail_msg("dw, seed %u", seed);
        }
    }
    og_free(dy);
    og_free(dx);
    og_free(dw);
}

// Without noise and ADCs, but with all errors of devices. An offset of the inputs leaves
// its product with these errors behind, which a read of zeros shows.
static void weights_are_what_reads_multiply_with(void **state)
{
    (void)state;
    enum { N = 9 };
    for (uint32_t seed = 0; seed < 150; seed++) {
        struct dice d = dice_of(seed);
        struct og_hardware hw = roll_hardware(&d);
        spoil(&d, &hw.device);
        hw.mapping.removed = roll(&d, 0, 1);
        struct bench b = roll_bench(&d, hw, N);
        assert_int_equal(og_array_keep_gradient(b.array, OG_KEEP_GRADIENT, NULL), OG_OK);
        b.tape = og_alloc(og_array_tape_bytes(b.array, N), 1);
        float *zero = og_alloc(b.cols, sizeof *zero), *x = b.x;
        float *w_hat = og_alloc(b.rows * b.cols, sizeof *w_hat);
        b.x = og_alloc(N * b.rows, sizeof *b.x);
        bench_run(&b);
        memcpy(zero, b.y, b.cols * sizeof *zero);
        og_free(b.x);
        b.x = x;
        bench_read(&b);
        og_array_weights(b.array, w_hat);
        for (size_t j = 0; hw.input.sign != OG_INPUT_OFFSET && j < b.cols; j++)
            assert_true(zero[j] == 0);
        assert_product(&b, w_hat, zero, seed);
        assert_gradients(&b, w_hat, seed);
        og_free(zero);
        og_free(w_hat);
        bench_close(&b);
    }
}

// --- the two forms of read noise -----------------------------------------------------
enum { READS = 1500, SHOWN = 3 };

static void read_often(struct bench *b, enum og_noise_method method, double *y)
{
    struct og_hardware hw = b->hw;
    hw.read_noise = method;
    struct bench often = bench_open(hw, b->rows, b->cols, READS, 0.7f);
    memcpy(often.w, b->w, b->rows * b->cols * sizeof *b->w);
    for (size_t r = 0; r < READS; r++)
        memcpy(often.x + r * b->rows, b->x, b->rows * sizeof *b->x);
    bench_run(&often);
    for (size_t j = 0; j < SHOWN && j < b->cols; j++)
        for (size_t r = 0; r < READS; r++) y[j * READS + r] = often.y[r * b->cols + j];
    bench_close(&often);
}

// Mean, standard deviation and correlation of neighbours; 60 x 3 comparisons of each, so
// 4.5 sigma.
static void fast_noise_is_device_noise(void **state)
{
    (void)state;
    static double fast[SHOWN * READS], device[SHOWN * READS];
    for (uint32_t seed = 0; seed < 60; seed++) {
        struct dice d = dice_of(1000 + seed);
        struct og_hardware hw = roll_hardware(&d);
        hw.device.read =
            (struct og_sigma){roll(&d, 0, 1) ? OG_SIGMA_PROPORTIONAL : OG_SIGMA_CONSTANT,
                              .sigma = 2e-7, .fraction = 0.1, .scale = 1};
        if (hw.dac.bits > 5) hw.dac.bits = 5;  // fewer passes
        struct bench b = roll_bench(&d, hw, 1);
        if (b.rows > 12 && hw.input.encoding == OG_BIT_SERIAL) {
            bench_close(&b);
            continue;
        }
        read_often(&b, OG_NOISE_FAST, fast);
        read_often(&b, OG_NOISE_DEVICE, device);
        for (size_t j = 0; j < SHOWN && j < b.cols; j++) {
            double *f = fast + j * READS, *v = device + j * READS;
            double sd = gsl_stats_sd(v, 1, READS);
            double gap = gsl_stats_mean(f, 1, READS) - gsl_stats_mean(v, 1, READS);
            if (!(fabs(gap) <= 4.5 * sd * sqrt(2.0 / READS) + 1e-5))
                fail_msg("seed %u: means %g apart, sd %g", seed, gap, sd);
            double ratio = gsl_stats_sd(f, 1, READS) / sd;
            if (sd > 1e-6 && !(fabs(ratio - 1) < 4.5 / sqrt(READS)))
                fail_msg("seed %u: deviations %g to 1", seed, ratio);
            if (j == 0 || sd < 1e-6 || gsl_stats_sd(v - READS, 1, READS) < 1e-6) continue;
            double shared = gsl_stats_correlation(f - READS, 1, f, 1, READS) -
                            gsl_stats_correlation(v - READS, 1, v, 1, READS);
            if (!(fabs(shared) < 4.5 * sqrt(2.0 / READS)))
                fail_msg("seed %u: correlations %g apart", seed, shared);
        }
        bench_close(&b);
    }
}

// --- sameness ------------------------------------------------------------------------
static void neither_threads_nor_batches_change_a_bit(void **state)
{
    (void)state;
    enum { N = 130 };
    for (uint32_t seed = 0; seed < 40; seed++) {
        struct dice d = dice_of(2000 + seed);
        struct og_hardware hw = roll_hardware(&d);
        spoil(&d, &hw.device);
        hw.mapping.removed = roll(&d, 0, 1);
        hw.device.read =
            (struct og_sigma){OG_SIGMA_PROPORTIONAL, .fraction = 0.1, .scale = 1};
        hw.read_noise = roll(&d, 0, 3) ? OG_NOISE_AUTO : OG_NOISE_DEVICE;
        hw.adc.bits = roll(&d, 2, 8);
        hw.adc.mode = OG_RANGE_WORST_CASE;
        hw.adc.noise = roll(&d, 0, 1) * 0.5;
        hw.adc.offset = hw.adc.gain = roll(&d, 0, 1) * 0.1;
        size_t cut = (size_t)roll(&d, 1, N / 2 - 1) * 2;
        struct bench b = roll_bench(&d, hw, N);
        b.at.positions = 2;
        og_set_threads(1);
        bench_run(&b);
        float *whole = b.y;
        b.y = og_alloc(N * b.cols, sizeof *b.y);
        og_set_threads(7);
        og_array_program(b.array, b.w, &b.chip);
        for (size_t at = 0; at < N; at = at == 0 ? cut : N) {
            struct og_read which = b.at;
            which.sample += at / 2;
            struct og_read_io io = {.x = b.x + at * b.rows,
                                    .ldx = b.rows,
                                    .n = at == 0 ? cut : N - cut,
                                    .y = b.y + at * b.cols,
                                    .ldy = b.cols,
                                    .work = b.work};
            og_array_read(b.array, &which, &io);
        }
        assert_memory_equal(whole, b.y, N * b.cols * sizeof *whole);
        og_free(whole);
        bench_close(&b);
    }
    og_set_threads(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_are_what_reads_multiply_with),
        cmocka_unit_test(fast_noise_is_device_noise),
        cmocka_unit_test(neither_threads_nor_batches_change_a_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
