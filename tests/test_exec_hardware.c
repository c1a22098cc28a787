// SPDX-License-Identifier: GPL-3.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "nn_tools.h"

enum { CLASSES = 5 };

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
    struct og_hardware hw = nn_noisy();
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

// --- converters through a whole network ----------------------------------------------

enum { TWO_IN = 20, TWO_HIDDEN = 9, TWO_ROWS = 200 };
static const char *const two = "[dense: {units: 9}, relu, dense: {units: 5}]";

// One layer as its converters see it, y = lsb rint(W Q(x) / lsb) + b; false when a sum
// lies so near an edge between two codes that float arithmetic may fall on either side.
static bool quantised_layer(const float *w, const float *b, size_t in, size_t out,
                            double lsb, const double *x, double *y)
{
    bool clear = true;
    for (size_t j = 0; j < out; j++) {
        double sum = 0.0;
        for (size_t i = 0; i < in; i++) {
            double code = rint(x[i] * 7.0), part = x[i] * 7.0 - floor(x[i] * 7.0);
            code = code > 7.0 ? 7.0 : code < -7.0 ? -7.0 : code;
            clear = clear && fabs(part - 0.5) > 1e-4;
            sum += w[j * in + i] * code / 7.0;
        }
        double at = sum / lsb;
        clear = clear && fabs(at - floor(at) - 0.5) > 1e-3;
        assert_true(fabs(at) < 31.0);  // never out of range, the worst case
        y[j] = rint(at) * lsb + b[j];
    }
    return clear;
}

static void converters_alone_are_integers(void **state)
{
    (void)state;
    struct og_hardware hw = og_hardware_default();
    hw.ideal = false;
    hw.dac.bits = 4;
    hw.dac.mode = OG_RANGE_FIXED;
    hw.dac.range = 1.0;
    hw.adc.bits = 6;
    hw.adc.mode = OG_RANGE_WORST_CASE;
    og_model *model = nn_model(two, (struct og_shape){1, {TWO_IN}}, CLASSES);
    og_model_init(model, 31);
    og_exec *exec =
        nn_exec(model, &(struct og_exec_options){.hardware = &hw, .batch = TWO_ROWS});
    struct nn_batch t = nn_batch_make(TWO_ROWS, TWO_IN, CLASSES);
    og_exec_program(exec, &(struct og_chip){0});  // these modes need no calibration
    const float *y = og_exec_forward(exec, &t.b);
    size_t count;
    const float *w1 = og_model_params(model, &count), *b1 = w1 + TWO_IN * TWO_HIDDEN;
    const float *w2 = b1 + TWO_HIDDEN, *b2 = w2 + TWO_HIDDEN * CLASSES;
    double lsb1 = og_array_info(og_exec_matrix(exec, 0)).lsb;
    double lsb2 = og_array_info(og_exec_matrix(exec, 1)).lsb;
    assert_true(lsb1 > 1e-3 && lsb2 > 1e-3);
    size_t compared = 0;
    for (size_t r = 0; r < TWO_ROWS; r++) {
        double x[TWO_IN], hidden[TWO_HIDDEN], out[CLASSES];
        for (size_t i = 0; i < TWO_IN; i++) x[i] = t.x[r * TWO_IN + i];
        bool clear = quantised_layer(w1, b1, TWO_IN, TWO_HIDDEN, lsb1, x, hidden);
        for (size_t j = 0; j < TWO_HIDDEN; j++) hidden[j] = fmax(hidden[j], 0.0);
        clear = quantised_layer(w2, b2, TWO_HIDDEN, CLASSES, lsb2, hidden, out) && clear;
        for (size_t j = 0; clear && j < CLASSES; j++)
            assert_true(fabs(y[r * CLASSES + j] - out[j]) <= 1e-5);
        compared += clear;
    }
    assert_true(compared > TWO_ROWS * 8 / 10);
    nn_batch_free(&t);
    og_exec_free(exec);
    og_model_free(model);
}

// The gradient of the first of two layers on hardware whose DACs clip a lot.
static void clipped_gradient(int points, enum og_gradient law, float *gradient, size_t n)
{
    struct og_hardware hw = og_hardware_default();
    hw.ideal = false;
    hw.dac.bits = 5;
    hw.dac.mode = OG_RANGE_FIXED;
    hw.dac.range = 0.2;
    hw.injection.points = points;
    hw.injection.snr_db = 200.0;
    og_model *model = nn_model(two, (struct og_shape){1, {TWO_IN}}, CLASSES);
    og_model_init(model, 31);
    og_exec *exec = nn_exec(model, &(struct og_exec_options){.hardware = &hw,
                                                             .batch = TWO_ROWS,
                                                             .training = true,
                                                             .gradient = law});
    struct nn_batch t = nn_batch_make(TWO_ROWS, TWO_IN, CLASSES);
    struct og_error err = {0};
    assert_int_equal(og_exec_calibrate(exec, &t.b, &err), OG_OK);
    og_exec_program(exec, &(struct og_chip){0});
    og_exec_forward(exec, &t.b);
    memcpy(gradient, og_exec_backward(exec, &t.b), n * sizeof *gradient);
    nn_batch_free(&t);
    og_exec_free(exec);
    og_model_free(model);
}

// With noise at X the DAC runs outside the array; at 200 dB it must be the same DAC, with
// the same clipped gradient.
static void both_dacs_are_the_same(void **state)
{
    (void)state;
    enum { FIRST = TWO_IN * TWO_HIDDEN };
    float inside[FIRST], outside[FIRST], through[FIRST];
    clipped_gradient(0, OG_CLIPPED, inside, FIRST);
    clipped_gradient(OG_POINT_X, OG_CLIPPED, outside, FIRST);
    clipped_gradient(0, OG_STRAIGHT_THROUGH, through, FIRST);
    double apart = 0.0;
    for (size_t i = 0; i < FIRST; i++) {
        assert_true(fabs(inside[i] - outside[i]) <= 1e-6);
        apart = fmax(apart, fabs(inside[i] - through[i]));
    }
    assert_true(apart > 1e-3);
}

// A matrix bears the names of its layer and part, even where these are the same.
static void matrices_have_both_names(void **state)
{
    (void)state;
    struct og_hardware hw = nn_noisy();
    hw.rnn.mapping = OG_RNN_SPLIT;
    og_model *model =
        nn_model("[rnn: {units: 3, name: x}]", (struct og_shape){2, {2, 4}}, 3);
    og_exec *exec =
        nn_exec(model, &(struct og_exec_options){.hardware = &hw, .batch = 4});
    assert_int_equal(og_exec_matrices(exec), 2);
    assert_string_equal(og_exec_matrix_name(exec, 0), "x/x");
    assert_string_equal(og_exec_matrix_name(exec, 1), "x/h");
    og_exec_free(exec);
    og_model_free(model);
}

// What a layer cannot do with its inputs' encoding is said, with the layer's name.
static void impossible_noise_is_refused(void **state)
{
    (void)state;
    struct og_hardware hw = nn_injecting(OG_POINT_X);
    hw.input.encoding = OG_BIT_SERIAL;
    hw.dac.bits = 4;
    og_model *model = nn_model(two, (struct og_shape){1, {TWO_IN}}, CLASSES);
    og_exec *exec = NULL;
    struct og_error err = {0};
    const struct og_exec_options options = {.hardware = &hw, .batch = 4};
    assert_int_equal(og_exec_alloc(&exec, model, &options, &err), OG_INPUT);
    assert_null(exec);
    assert_non_null(strstr(err.text, "bit_serial"));
    og_model_free(model);
}

static void memory_may_run_out_anywhere(void **state)
{
    (void)state;
    struct og_hardware hw = nn_noisy();
    hw.injection.points = OG_POINT_A;
    hw.injection.power = OG_MEAN_BATCH;
    og_model *model = nn_model(two, (struct og_shape){1, {TWO_IN}}, CLASSES);
    og_exec *exec = NULL;
    const struct og_exec_options options = {
        .hardware = &hw, .batch = 4, .training = true};
    size_t n = 0;
    for (og_status status = OG_NO_MEMORY; status != OG_OK;) {
        og_alloc_fail_at(++n);
        status = og_exec_alloc(&exec, model, &options, NULL);
        assert_true(status == OG_OK || (status == OG_NO_MEMORY && !exec));
    }
    og_alloc_fail_at(0);
    assert_true(n > 30);
    og_exec_free(exec);
    og_model_free(model);
}

// --- injected noise ------------------------------------------------------------------

// Mean square of y - W x over a large batch, relative to what is expected.
static double noise_power(int points, bool ac, double offset)
{
    enum { IN = 40, ROWS = 2000 };
    struct og_hardware hw = nn_injecting(points);
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

// The running power after 100 steps, from four times the signal's, relative to it.
static double running_power(struct og_hardware hw, double snr_db)
{
    hw.ideal = false;
    hw.injection.points = OG_POINT_A;
    hw.injection.snr_db = snr_db;
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
    double relative = (double)(block[2] / power);
    single_free(&s);
    return relative;
}

// The running mean converges to the signal's power, not to that of signal and noise.
static void running_power_forgets_the_noise(void **state)
{
    (void)state;
    assert_true(fabs(running_power(og_hardware_default(), 0.0) - 1.0) <= 1e-3);
}

// Nor to what an ADC makes of them that clips most of the noise; with offset inputs or a
// digital reference, only the signal's part of the column sums counts.
static void running_power_is_not_that_of_a_clipped_sum(void **state)
{
    (void)state;
    struct og_hardware hw = og_hardware_default();
    hw.adc.bits = 8;
    hw.adc.mode = OG_RANGE_MINMAX;
    assert_true(fabs(running_power(hw, -15.0) - 1.0) <= 1e-3);
    hw.input.sign = OG_INPUT_OFFSET;
    hw.adc.mode = OG_RANGE_WORST_CASE;
    assert_true(fabs(running_power(hw, 10.0) - 1.0) <= 1e-3);
    hw.mapping.scheme = OG_OFFSET;
    hw.mapping.reference = OG_REFERENCE_DIGITAL;
    assert_true(fabs(running_power(hw, 10.0) - 1.0) <= 1e-3);
    hw.input.sign = OG_INPUT_BIPOLAR;
    hw.tile.rows = 16;
    assert_true(fabs(running_power(hw, -15.0) - 1.0) <= 1e-2);
}

// However many matrices a layer has, each draws errors of its own: equal weights, all
// conductances different.
static void every_group_has_its_own_errors(void **state)
{
    (void)state;
    enum { GROUPS = 18, ALL = 2 * GROUPS };
    struct og_hardware hw = nn_noisy();
    og_model *model = nn_model(
        "[conv2d: {filters: 18, kernel: 1, groups: 18, bias: false}, conv2d: {filters: "
        "18, kernel: 1, groups: 18, bias: false}, flatten]",
        (struct og_shape){3, {GROUPS, 1, 1}}, GROUPS);
    size_t count;
    float *w = og_model_params(model, &count), g[ALL][2];
    assert_int_equal(count, ALL);
    for (size_t i = 0; i < count; i++) w[i] = 0.5f;
    og_exec *exec =
        nn_exec(model, &(struct og_exec_options){.hardware = &hw, .batch = 1});
    og_exec_program(exec, &(struct og_chip){.seed = 1});
    assert_int_equal(og_exec_matrices(exec), ALL);
    for (size_t m = 0; m < ALL; m++) {
        assert_int_equal(og_array_info(og_exec_matrix(exec, m)).dense.devices, 2);
        og_array_conductance(og_exec_matrix(exec, m), g[m]);
        for (size_t k = 0; k < m; k++) assert_true(g[m][0] != g[k][0]);
    }
    og_exec_free(exec);
    og_model_free(model);
}

// Where no converter clips, the gradient that minds clipping is the straight one; it goes
// by rows and tape, the straight one by implicit products, whose sums have another order
// where the inputs' gradient is a convolution itself.
static void straight_convolutions_need_no_tape(void **state)
{
    (void)state;
    og_model *model = nn_model("- conv2d: {filters: 6, kernel: 3, groups: 2, stride: 2}\n"
                               "- relu\n- conv2d: {filters: 5, kernel: 3, padding: 1}\n"
                               "- flatten\n- dense: {units: 4}\n",
                               (struct og_shape){3, {4, 9, 9}}, 4);
    og_model_init(model, 5);
    struct og_hardware hw = nn_noisy();
    hw.dac.bits = 8;
    hw.dac.mode = OG_RANGE_FIXED;
    hw.dac.range = 40;
    hw.adc.bits = 0;
    struct nn_batch t = nn_batch_make(37, 4 * 81, 4);
    const float *gradient[2];
    og_exec *exec[2];
    for (int k = 0; k < 2; k++) {
        exec[k] = nn_exec(model, &(struct og_exec_options){
                                     .hardware = &hw,
                                     .batch = 37,
                                     .training = true,
                                     .gradient = k ? OG_CLIPPED : OG_STRAIGHT_THROUGH});
        assert_int_equal(og_exec_program(exec[k], &(struct og_chip){.seed = 1}), OG_OK);
        og_exec_forward(exec[k], &t.b);
        gradient[k] = og_exec_backward(exec[k], &t.b);
    }
    size_t count;
    og_model_params(model, &count);
    float largest = 0.0f, apart = 0.0f;
    for (size_t i = 0; i < count; i++) {
        largest = fmaxf(largest, fabsf(gradient[1][i]));
        apart = fmaxf(apart, fabsf(gradient[0][i] - gradient[1][i]));
    }
    assert_true(largest > 0.0f && apart < 1e-6f * largest);
    og_exec_free(exec[0]), og_exec_free(exec[1]);
    nn_batch_free(&t);
    og_model_free(model);
}

// Outputs of convolutions are the same bits whether arrays are given codes made once for
// every image, or rows of inputs, which they convert themselves as long as a tape is
// kept.
static void codes_of_images_are_those_of_rows(void **state)
{
    (void)state;
    og_model *model = nn_model("- conv2d: {filters: 6, kernel: 3, groups: 2, stride: 2}\n"
                               "- relu\n- conv2d: {filters: 5, kernel: 3, padding: 1}\n"
                               "- conv2d: {filters: 7, kernel: 2, bias: false}\n"
                               "- flatten\n- dense: {units: 4}\n",
                               (struct og_shape){3, {4, 9, 9}}, 4);
    og_model_init(model, 5);
    struct nn_batch t = nn_batch_make(37, 4 * 81, 4);
    const enum og_encoding encodings[] = {OG_AMPLITUDE, OG_PULSE_WIDTH};
    for (int k = 0; k < 4; k++) {
        struct og_hardware hw = nn_noisy();
        hw.input.encoding = encodings[k % 2];
        hw.tile.rows = k < 2 ? 16 : 40;
        hw.adc.mode = OG_RANGE_WORST_CASE;
        og_exec *exec[2];
        const float *y[2];
        for (int e = 0; e < 2; e++) {
            exec[e] = nn_exec(model, &(struct og_exec_options){.hardware = &hw,
                                                               .batch = 37,
                                                               .training = e,
                                                               .gradient = OG_CLIPPED});
            assert_int_equal(og_exec_program(exec[e], &(struct og_chip){.seed = 1}),
                             OG_OK);
            assert_true(og_array_takes_codes(og_exec_matrix(exec[e], 0)));
            y[e] = og_exec_forward(exec[e], &t.b);
        }
        assert_memory_equal(y[0], y[1], 37 * 4 * sizeof(float));
        og_exec_free(exec[0]), og_exec_free(exec[1]);
    }
    nn_batch_free(&t);
    og_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(perfect_arrays_compute_the_product),
        cmocka_unit_test(dac_range_is_the_largest_input),
        cmocka_unit_test(dac_range_modes),
        cmocka_unit_test(calibration_can_be_restored),
        cmocka_unit_test(matrices_have_both_names),
        cmocka_unit_test(gradient_passes_straight_through),
        cmocka_unit_test(converters_alone_are_integers),
        cmocka_unit_test(both_dacs_are_the_same),
        cmocka_unit_test(every_group_has_its_own_errors),
        cmocka_unit_test(impossible_noise_is_refused),
        cmocka_unit_test(memory_may_run_out_anywhere),
        cmocka_unit_test(injected_noise_has_its_power),
        cmocka_unit_test(running_power_forgets_the_noise),
        cmocka_unit_test(running_power_is_not_that_of_a_clipped_sum),
        cmocka_unit_test(straight_convolutions_need_no_tape),
        cmocka_unit_test(codes_of_images_are_those_of_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
