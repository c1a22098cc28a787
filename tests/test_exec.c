// SPDX-License-Identifier: GPL-3.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "nn_tools.h"
#include "ohmgrid/cpu.h"

static const struct og_shape image = {3, {2, 9, 8}};
enum { PIXELS = 144, CLASSES = 5, N = 100 };  // four blocks, the last one short

static const char *const net = "- conv2d: {filters: 6, kernel: 3, groups: 2}\n"
                               "- batch_norm\n"
                               "- relu\n"
                               "- dropout: {rate: 0.2}\n"
                               "- max_pool: {size: 2}\n"
                               "- dense: {units: 12}\n"
                               "- tanh\n"
                               "- dense: {units: 5}\n";

static struct og_hardware noisy(void)
{
    struct og_hardware hw = og_hardware_default();
    hw.ideal = false;
    hw.device.program =
        (struct og_sigma){.kind = OG_SIGMA_CONSTANT, .sigma = 1e-6, .scale = 1};
    hw.device.read =
        (struct og_sigma){.kind = OG_SIGMA_CONSTANT, .sigma = 2e-7, .scale = 1};
    hw.tile.rows = 16;
    hw.tile.cols = 8;
    hw.dac.bits = 6;
    hw.dac.mode = OG_RANGE_MINMAX;
    hw.adc.bits = 7;
    hw.adc.mode = OG_RANGE_MINMAX;
    return hw;
}

static struct og_hardware injecting(int points)
{
    struct og_hardware hw = og_hardware_default();
    hw.ideal = false;
    hw.injection.points = points;
    hw.injection.snr_db = 20.0;
    hw.dac.mode = OG_RANGE_MINMAX;
    return hw;
}

// --- same bits -----------------------------------------------------------------------

struct record {
    float logits[N * CLASSES];
    double loss;
    uint8_t hit[N];
    float *gradient, *params, *state, *calibration;
    size_t count, states, calibrations;
};

static void take(float **to, const float *from, size_t n)
{
    *to = og_alloc(n, sizeof **to);
    if (n) memcpy(*to, from, n * sizeof **to);
}

// Two training steps with `threads` threads.
static void train(int threads, const struct og_hardware *hw, struct record *r)
{
    og_set_threads(threads);
    og_model *model = nn_model(net, image, CLASSES);
    og_model_init(model, 21);
    float *w = og_model_params(model, &r->count);
    og_exec *exec = nn_exec(
        model, &(struct og_exec_options){.hardware = hw, .batch = N, .training = true});
    struct nn_batch t = nn_batch_make(N, PIXELS, CLASSES);
    struct og_error err = {0};
    assert_int_equal(og_exec_calibrate(exec, &t.b, &err), OG_OK);
    for (uint32_t step = 0; step < 2; step++) {
        t.b.pass = step;
        og_exec_program(exec, &(struct og_chip){.seed = 2, .draw = step});
        memcpy(r->logits, og_exec_forward(exec, &t.b), sizeof r->logits);
        r->loss = og_exec_loss(exec, &t.b, r->hit);
        const float *g = og_exec_backward(exec, &t.b);
        if (step == 1) take(&r->gradient, g, r->count);
        for (size_t i = 0; i < r->count; i++) w[i] -= 0.1f * g[i];
        og_exec_update_state(exec);
    }
    take(&r->params, w, r->count);
    const float *state = og_model_state(model, &r->states);
    take(&r->state, state, r->states);
    const float *calibration = og_exec_calibration(exec, &r->calibrations);
    take(&r->calibration, calibration, r->calibrations);
    nn_batch_free(&t);
    og_exec_free(exec);
    og_model_free(model);
}

static void same(const struct record *a, const struct record *b)
{
    assert_memory_equal(a->logits, b->logits, sizeof a->logits);
    assert_true(a->loss == b->loss);
    assert_memory_equal(a->hit, b->hit, N);
    assert_memory_equal(a->gradient, b->gradient, a->count * sizeof(float));
    assert_memory_equal(a->params, b->params, a->count * sizeof(float));
    assert_memory_equal(a->state, b->state, a->states * sizeof(float));
    assert_int_equal(a->calibrations, b->calibrations);
    if (a->calibrations)
        assert_memory_equal(a->calibration, b->calibration,
                            a->calibrations * sizeof(float));
}

static void record_free(struct record *r)
{
    og_free(r->gradient);
    og_free(r->params);
    og_free(r->state);
    og_free(r->calibration);
}

static void check_threads(const struct og_hardware *hw)
{
    static const int threads[] = {1, 2, 7};
    static struct record r[3];
    for (int i = 0; i < 3; i++) train(threads[i], hw, &r[i]);
    assert_true(isfinite(r[0].loss));
    same(&r[0], &r[1]);
    same(&r[0], &r[2]);
    for (int i = 0; i < 3; i++) record_free(&r[i]);
    og_set_threads(0);
}

static void threads_change_no_bit(void **state)
{
    (void)state;
    struct og_hardware hw = noisy(),
                       all = injecting(OG_POINT_X | OG_POINT_A | OG_POINT_O);
    check_threads(NULL);
    check_threads(&hw);
    check_threads(&all);
}

static void ideal_hardware_is_the_float_network(void **state)
{
    (void)state;
    static struct record a, b;
    struct og_hardware hw = noisy();
    hw.ideal = true;
    train(1, NULL, &a);
    train(1, &hw, &b);
    same(&a, &b);
    assert_int_equal(b.calibrations, 0);
    record_free(&a);
    record_free(&b);
    og_set_threads(0);
}

// Logits of the samples in parts of the given size, on one chip.
static void evaluate(const struct og_hardware *hw, size_t part, float *logits)
{
    og_model *model = nn_model(net, image, CLASSES);
    og_model_init(model, 21);
    og_exec *exec =
        nn_exec(model, &(struct og_exec_options){.hardware = hw, .batch = part});
    struct nn_batch t = nn_batch_make(N, PIXELS, CLASSES);
    struct og_error err = {0};
    assert_int_equal(og_exec_calibrate(exec, &t.b, &err), OG_OK);
    og_exec_program(exec, &(struct og_chip){.seed = 2, .trial = 3});
    for (size_t at = 0; at < N; at += part) {
        struct og_batch b = t.b;
        b.n = N - at < part ? N - at : part;
        b.x += at * PIXELS;
        b.sample += at;
        memcpy(logits + at * CLASSES, og_exec_forward(exec, &b),
               b.n * CLASSES * sizeof *logits);
    }
    nn_batch_free(&t);
    og_exec_free(exec);
    og_model_free(model);
}

static void batch_splits_change_no_bit(void **state)
{
    (void)state;
    struct og_hardware hw = noisy(),
                       all = injecting(OG_POINT_X | OG_POINT_A | OG_POINT_O);
    const struct og_hardware *each[] = {NULL, &hw, &all};
    static float whole[N * CLASSES], split[N * CLASSES];
    for (int i = 0; i < 3; i++) {
        evaluate(each[i], N, whole);
        evaluate(each[i], 64, split);
        assert_memory_equal(whole, split, sizeof whole);
        // Noise-free calibration in parts of another size than whole blocks adds up
        // powers in another order; without injection every split is the same.
        if (each[i] == &all) continue;
        evaluate(each[i], 7, split);
        assert_memory_equal(whole, split, sizeof whole);
    }
}

// --- hardware ------------------------------------------------------------------------

// One dense layer without bias on given hardware: logits of n samples.
struct single {
    og_model *model;
    og_exec *exec;
    struct nn_batch t;
    float *w;
    const float *y;
};

static void single_make(struct single *s, const struct og_hardware *hw, size_t in,
                        size_t n, bool training)
{
    s->model =
        nn_model("[dense: {units: 6, bias: false}]", (struct og_shape){1, {in}}, 6);
    og_model_init(s->model, 17);
    size_t count;
    s->w = og_model_params(s->model, &count);
    s->exec = nn_exec(s->model, &(struct og_exec_options){
                                    .hardware = hw, .batch = n, .training = training});
    s->t = nn_batch_make(n, in, 6);
    struct og_error err = {0};
    assert_int_equal(og_exec_calibrate(s->exec, &s->t.b, &err), OG_OK);
    og_exec_program(s->exec, &(struct og_chip){.seed = 1});
    s->y = og_exec_forward(s->exec, &s->t.b);
}

static void single_free(struct single *s)
{
    nn_batch_free(&s->t);
    og_exec_free(s->exec);
    og_model_free(s->model);
}

static double exact(const struct single *s, size_t in, size_t r, size_t j)
{
    double sum = 0.0;
    for (size_t i = 0; i < in; i++) sum += (double)s->w[j * in + i] * s->t.x[r * in + i];
    return sum;
}

static void perfect_arrays_compute_the_product(void **state)
{
    (void)state;
    struct og_hardware hw = og_hardware_default();
    hw.ideal = false;
    hw.tile.rows = 16;
    hw.tile.cols = 4;
    struct single s;
    single_make(&s, &hw, 40, 33, false);
    for (size_t r = 0; r < 33; r++)
        for (size_t j = 0; j < 6; j++)
            assert_true(fabs(s.y[r * 6 + j] - exact(&s, 40, r, j)) <= 1e-5);
    assert_int_equal(og_exec_matrices(s.exec), 1);
    assert_string_equal(og_exec_matrix_name(s.exec, 0), "dense1");
    assert_int_equal(og_array_info(og_exec_matrix(s.exec, 0)).rows, 40);
    single_free(&s);
}

// DAC of `bits`, full scale the largest |x| of the calibration: y = W Q(x).
static void dac_range_is_the_largest_input(void **state)
{
    (void)state;
    struct og_hardware hw = og_hardware_default();
    hw.ideal = false;
    hw.dac.bits = 4;
    hw.dac.mode = OG_RANGE_MINMAX;
    struct single s;
    single_make(&s, &hw, 10, 20, false);
    float range = 0.0f;
    for (size_t i = 0; i < 200; i++) range = fmaxf(range, fabsf(s.t.x[i]));
    size_t count;
    assert_true(og_exec_calibration(s.exec, &count)[0] == range);
    assert_int_equal(count, 1);
    for (size_t i = 0; i < 200; i++)
        s.t.x[i] = rintf(s.t.x[i] * (7.0f / range)) * (range / 7.0f);
    for (size_t r = 0; r < 20; r++)
        for (size_t j = 0; j < 6; j++)
            assert_true(fabs(s.y[r * 6 + j] - exact(&s, 10, r, j)) <= 1e-5);
    single_free(&s);
}

static float dac_range(enum og_range_mode mode, double percentile, int bits)
{
    struct og_hardware hw = og_hardware_default();
    hw.ideal = false;
    hw.dac.bits = bits;
    hw.dac.mode = mode;
    hw.dac.percentile = percentile;
    hw.dac.range = 0.625;
    struct single s;
    single_make(&s, &hw, 50, 400, false);
    size_t count;
    float range = og_exec_calibration(s.exec, &count)[0];
    single_free(&s);
    return range;
}

// |x| is uniform in [0, 1): a percentile is itself, and 20000 draws are all kept.
static void dac_range_modes(void **state)
{
    (void)state;
    assert_true(dac_range(OG_RANGE_FIXED, 0, 4) == 0.625f);
    assert_true(fabs(dac_range(OG_RANGE_PERCENTILE, 90.0, 4) - 0.9) <= 0.011);
    assert_true(dac_range(OG_RANGE_PERCENTILE, 100.0, 4) ==
                dac_range(OG_RANGE_MINMAX, 0, 4));
    // Two bits: levels -a, 0, a. E = a^3 / 12 * 2 ... is least at a = 4/5 for uniform
    // |x|: d/da [ 2 (a/2)^3 / 3 + (1 - a)^3 / 3 ] = a^2 / 4 - (1 - a)^2 = 0 at a = 2/3.
    assert_true(fabs(dac_range(OG_RANGE_MSE, 0, 2) - 2.0 / 3) <= 0.03);
}

static void calibration_can_be_restored(void **state)
{
    (void)state;
    struct og_hardware hw = noisy();
    hw.injection.points = OG_POINT_X | OG_POINT_A;
    hw.injection.snr_db = 15.0;
    struct single a, b;
    single_make(&a, &hw, 40, 50, false);
    single_make(&b, &hw, 40, 50, false);
    size_t count;
    float kept[64], *block = og_exec_calibration(b.exec, &count);
    assert_true(count <= 64);
    memcpy(kept, block, count * sizeof *kept);
    struct nn_batch other = nn_batch_make(50, 40, 6);
    for (size_t i = 0; i < 50 * 40; i++) other.x[i] *= 3.0f * fabsf(other.x[i]);
    struct og_error err = {0};
    assert_int_equal(og_exec_calibrate(b.exec, &other.b, &err), OG_OK);
    for (size_t i = 0; i < count; i++)
        if (kept[i] != 0.0f) assert_true(block[i] != kept[i]);
    og_exec_program(b.exec, &(struct og_chip){.seed = 1});
    assert_memory_not_equal(og_exec_forward(b.exec, &b.t.b), a.y, 300 * sizeof(float));
    memcpy(block, kept, count * sizeof *kept);
    og_exec_calibration_changed(b.exec);
    og_exec_program(b.exec, &(struct og_chip){.seed = 1});
    assert_memory_equal(og_exec_forward(b.exec, &b.t.b), a.y, 300 * sizeof(float));
    nn_batch_free(&other);
    single_free(&a);
    single_free(&b);
}

// Straight-through: with quantisers passing the gradient, dW = dy^T x~ with x~ the value
// that the word line carried, and the weights' own quantiser passing it too.
static void gradient_passes_straight_through(void **state)
{
    (void)state;
    enum { IN = 10, ROWS = 20 };
    struct og_hardware hw = og_hardware_default();
    hw.ideal = false;
    hw.dac.bits = 4;
    hw.dac.mode = OG_RANGE_MINMAX;
    struct single s;
    single_make(&s, &hw, IN, ROWS, true);
    size_t count;
    float range = og_exec_calibration(s.exec, &count)[0];
    float y[ROWS * 6];
    memcpy(y, s.y, sizeof y);
    const float *g = og_exec_backward(s.exec, &s.t.b);
    for (size_t j = 0; j < 6; j++)
        for (size_t i = 0; i < IN; i++) {
            double expected = 0.0;
            for (size_t r = 0; r < ROWS; r++) {
                double sum = 0.0;
                for (size_t k = 0; k < 6; k++) sum += exp(y[r * 6 + k]);
                double dy = exp(y[r * 6 + j]) / sum - (s.t.label[r] == j);
                double x = rint(s.t.x[r * IN + i] * 7.0 / range) * range / 7.0;
                expected += dy * x / ROWS;
            }
            assert_true(fabs(g[j * IN + i] - expected) <= 1e-5);
        }
    single_free(&s);
}

// --- injected noise ------------------------------------------------------------------

// Mean square of y - W x over a large batch, relative to what is expected.
static double noise_power(int points, bool ac, double offset)
{
    enum { IN = 40, ROWS = 2000 };
    struct og_hardware hw = injecting(points);
    hw.injection.ac = ac;
    struct single s;
    single_make(&s, &hw, IN, ROWS, false);
    for (size_t i = 0; i < IN * ROWS; i++) s.t.x[i] += (float)offset;
    struct og_error err = {0};
    assert_int_equal(og_exec_calibrate(s.exec, &s.t.b, &err), OG_OK);
    og_exec_program(s.exec, &(struct og_chip){.seed = 1});
    s.y = og_exec_forward(s.exec, &s.t.b);
    double error = 0.0, signal = 0.0, x2 = 0.0, x1 = 0.0, w2 = 0.0;
    for (size_t r = 0; r < ROWS; r++)
        for (size_t j = 0; j < 6; j++) {
            double y = exact(&s, IN, r, j);
            error += pow(s.y[r * 6 + j] - y, 2) / (6 * ROWS);
            signal += y * y / (6 * ROWS);
        }
    for (size_t i = 0; i < IN * ROWS; i++) {
        x1 += s.t.x[i] / (double)(IN * ROWS);
        x2 += (double)s.t.x[i] * s.t.x[i] / (IN * ROWS);
    }
    for (size_t i = 0; i < 6 * IN; i++) w2 += (double)s.w[i] * s.w[i] / 6;
    single_free(&s);
    double power = ac ? x2 - x1 * x1 : x2;
    return error / (0.01 * (points == OG_POINT_X ? power * w2 : signal));
}

// 20 dB of 12000 draws: 5 sigma are 6.5 %; at X the six outputs share 40 x 2000 draws.
static void injected_noise_has_its_power(void **state)
{
    (void)state;
    assert_true(fabs(noise_power(OG_POINT_A, false, 0.0) - 1.0) <= 0.07);
    assert_true(fabs(noise_power(OG_POINT_O, false, 0.0) - 1.0) <= 0.07);
    assert_true(fabs(noise_power(OG_POINT_X, false, 0.0) - 1.0) <= 0.07);
    assert_true(fabs(noise_power(OG_POINT_X, false, 2.0) - 1.0) <= 0.07);
    assert_true(fabs(noise_power(OG_POINT_X, true, 2.0) - 1.0) <= 0.07);
}

// The running mean converges to the signal's power, not to that of signal and noise.
static void running_power_forgets_the_noise(void **state)
{
    (void)state;
    struct og_hardware hw = injecting(OG_POINT_A);
    hw.injection.snr_db = 0.0;
    struct single s;
    single_make(&s, &hw, 40, 200, true);
    size_t count;
    float *block = og_exec_calibration(s.exec, &count);
    float power = block[2];
    assert_true(power > 0.0f);
    block[2] = 4.0f * power;
    for (uint32_t step = 0; step < 100; step++) {
        s.t.b.pass = step;
        og_exec_forward(s.exec, &s.t.b);
        og_exec_update_state(s.exec);
    }
    assert_true(fabs(block[2] / power - 1.0) <= 1e-3);
    single_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(ideal_hardware_is_the_float_network),
        cmocka_unit_test(batch_splits_change_no_bit),
        cmocka_unit_test(perfect_arrays_compute_the_product),
        cmocka_unit_test(dac_range_is_the_largest_input),
        cmocka_unit_test(dac_range_modes),
        cmocka_unit_test(calibration_can_be_restored),
        cmocka_unit_test(gradient_passes_straight_through),
        cmocka_unit_test(injected_noise_has_its_power),
        cmocka_unit_test(running_power_forgets_the_noise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
