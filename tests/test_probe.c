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
#include "ohmgrid/probe.h"

enum { MATRICES = 32, CLASSES = 5 };

// A network on a programmed chip, and what a probe read of it.
struct looked {
    og_model *model;
    og_exec *exec;
    struct nn_batch t;
    float *w;
    size_t matrices;
    struct og_probe_reading reading[MATRICES];
};

static const struct og_chip chip = {.seed = 5};

static void look(struct looked *k)
{
    og_probe *probe;
    struct og_error err = {0};
    if (og_probe_alloc(&probe, k->exec, &k->t.b, &err) != OG_OK) fail_msg("%s", err.text);
    k->matrices = og_exec_matrices(k->exec);
    assert_true(k->matrices <= MATRICES);
    og_exec_program(k->exec, &chip);
    og_probe_read(probe, &chip, 0, k->reading);
    og_probe_free(probe);
}

static struct looked open_looked(const char *yaml, struct og_shape in, int classes,
                                 const struct og_hardware *hw, size_t n, size_t batch)
{
    struct looked k = {.model = nn_model(yaml, in, classes)};
    size_t width = 1, count;
    struct og_error err = {0};
    for (int i = 0; i < in.rank; i++) width *= in.dim[i];
    og_model_init(k.model, 17);
    k.w = og_model_params(k.model, &count);
    k.exec = nn_exec(k.model, &(struct og_exec_options){.hardware = hw, .batch = batch});
    k.t = nn_batch_make(n, width, classes);
    if (og_exec_calibrate(k.exec, &k.t.b, &err) != OG_OK) fail_msg("%s", err.text);
    look(&k);
    return k;
}

static void close_looked(struct looked *k)
{
    nn_batch_free(&k->t);
    og_exec_free(k->exec);
    og_model_free(k->model);
}

static struct og_hardware perfect(void)
{
    struct og_hardware hw = og_hardware_default();
    hw.ideal = false;
    hw.dac.mode = OG_RANGE_MINMAX;
    return hw;
}

// One dense layer without bias: W x.
enum { IN = 64, OUT = 50, N = 100 };
static struct looked dense_on(const struct og_hardware *hw)
{
    return open_looked("[dense: {units: 50, bias: false}]", (struct og_shape){1, {IN}},
                       OUT, hw, N, N);
}

static double square(const float *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)x[i] * (double)x[i];
    return sum;
}

// sum over samples and columns of (sum_i x_i (w_i - other_i))^2; other NULL: of 0.
static double power_of(const struct looked *k, const float *other)
{
    double total = 0;
    for (size_t r = 0; r < N; r++)
        for (size_t j = 0; j < OUT; j++) {
            double sum = 0;
            for (size_t i = 0; i < IN; i++) {
                double w = (double)k->w[j * IN + i] - (other ? other[j * IN + i] : 0.0);
                sum += w * k->t.x[r * IN + i];
            }
            total += sum * sum;
        }
    return total;
}

static void read_noise_has_its_variance(void **state)
{
    (void)state;
    struct og_hardware hw = perfect();
    hw.device.read = (struct og_sigma){.kind = OG_SIGMA_CONSTANT, .scale = 1};
    hw.device.read.sigma = 4e-7;
    struct looked k = dense_on(&hw);
    const struct og_probe_reading *r = &k.reading[0];
    // y = (w_max / (g_max - g_min)) sum_i x_i (g+ - g-), two devices with sigma each.
    double scale = og_array_info(og_exec_matrix(k.exec, 0)).w_max * hw.device.read.sigma /
                   (hw.device.g_max - hw.device.g_min);
    double noise = 2 * scale * scale * OUT * square(k.t.x, (size_t)N * IN);
    assert_true(fabs(r->signal / power_of(&k, NULL) - 1) < 1e-5);
    // The mean square of 5000 Gaussians: five standard deviations.
    assert_true(fabs(r->noise / noise - 1) < 5 * sqrt(2.0 / (N * OUT)));
    double db = 10 * log10(power_of(&k, NULL) / noise);
    assert_true(fabs(og_snr_db(r->signal, r->noise) - db) < 0.45);
    assert_true(db > 10 && db < 60);
    assert_int_equal(r->reads, N);
    close_looked(&k);
}

static void weight_levels_lose_a_twelfth(void **state)
{
    (void)state;
    struct og_hardware hw = perfect();
    hw.mapping.weight_bits = 4;
    struct looked k = dense_on(&hw);
    const struct og_probe_reading *r = &k.reading[0];
    const double step = og_array_info(og_exec_matrix(k.exec, 0)).w_max / 7;
    float level[OUT * IN];
    for (size_t i = 0; i < (size_t)OUT * IN; i++)
        level[i] = (float)(rint(k.w[i] / step) * step);
    assert_true(fabs(r->noise / power_of(&k, level) - 1) < 1e-3);
    // Rounding errors are even over a step: step^2 / 12 each, 3200 of them.
    double noise = step * step / 12 * OUT * square(k.t.x, (size_t)N * IN);
    assert_true(fabs(r->noise / noise - 1) < 0.15);
    close_looked(&k);
}

static void snr_in_db(void **state)
{
    (void)state;
    assert_true(fabs(og_snr_db(200, 2) - 20) < 1e-12);
    assert_true(fabs(og_snr_db(2, 200) + 20) < 1e-12);
    assert_true(og_snr_db(1, 0) == 200 && og_snr_db(1, 1e-30) == 200);
    assert_true(og_snr_db(0, 1) == -200 && og_snr_db(1e-30, 1) == -200);
    assert_true(isnan(og_snr_db(0, 0)) && isnan(og_snr_db(NAN, 1)));
    assert_true(isnan(og_snr_db(1, NAN)));
}

// Every way in which layers call their matrices.
static const struct {
    const char *yaml;
    struct og_shape in;
    size_t reads[2];  // of the first and the last matrix, per sample
} network[] = {
    {"[dense: {units: 12}, relu: , dense: {units: 5}]", {1, {20}}, {1, 1}},
    {"[conv2d: {filters: 6, kernel: 3, padding: 1, groups: 2}, relu: , max_pool: "
     "{size: 2}, conv2d: {filters: 4, kernel: 3, stride: 2}, flatten: , dense: {units: "
     "5}]",
     {3, {2, 10, 10}},
     {100, 1}},
    {"[lstm: {units: 7, layers: 2, bidirectional: true}, dense: {units: 5}]",
     {2, {6, 9}},
     {6, 1}},
    {"[gru: {units: 7, linear_before_reset: false}, dense: {units: 5}]",
     {2, {6, 9}},
     {6, 1}},
};
enum { NETWORKS = sizeof network / sizeof *network };

static void perfect_hardware_loses_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < NETWORKS; i++)
        for (int mapping = OG_RNN_COMBINED; mapping <= OG_RNN_PER_GATE; mapping++) {
            struct og_hardware hw = perfect();
            hw.rnn.mapping = (enum og_rnn_mapping)mapping;
            struct looked k =
                open_looked(network[i].yaml, network[i].in, CLASSES, &hw, 45, 33);
            for (size_t m = 0; m < k.matrices; m++) {
                const struct og_probe_reading *r = &k.reading[m];
                assert_true(og_snr_db(r->signal, r->noise) > 100);
                assert_true(og_snr_db(r->total_signal, r->total_noise) > 100);
                assert_true(r->inputs == 0 && r->dac_clipped == 0);
                assert_true(r->adc.conversions == 0);
            }
            assert_int_equal(k.reading[0].reads, 45 * network[i].reads[0]);
            assert_int_equal(k.reading[k.matrices - 1].reads, 45 * network[i].reads[1]);
            close_looked(&k);
        }
}

// The last layer has no bias, so its outputs are the logits.
static void total_is_against_the_ideal_network(void **state)
{
    (void)state;
    const struct og_hardware hw = nn_noisy();
    struct looked k =
        open_looked("[dense: {units: 12}, relu: , dense: {units: 5, bias: false}]",
                    (struct og_shape){1, {20}}, CLASSES, &hw, 45, 45);
    og_exec *ideal = nn_exec(k.model, &(struct og_exec_options){.batch = 45});
    og_exec_program(ideal, &chip);
    const float *y = og_exec_forward(k.exec, &k.t.b);
    const float *z = og_exec_forward(ideal, &k.t.b);
    double signal = 0, noise = 0;
    for (size_t i = 0; i < (size_t)45 * CLASSES; i++) {
        signal += (double)z[i] * z[i];
        noise += ((double)y[i] - z[i]) * ((double)y[i] - z[i]);
    }
    const struct og_probe_reading *first = &k.reading[0], *last = &k.reading[1];
    assert_true(fabs(last->total_signal / signal - 1) < 1e-9);
    assert_true(fabs(last->total_noise / noise - 1) < 1e-9);
    assert_true(last->total_noise != last->noise);
    // Both first layers have seen the same.
    assert_true(first->noise == first->total_noise && first->noise > 0);
    assert_true(first->signal == first->total_signal);
    og_exec_free(ideal);
    close_looked(&k);
}

// DACs in the array, and (with noise injected behind them) those of the layer itself.
static void clipped_inputs_are_counted(void **state)
{
    (void)state;
    for (int points = 0; points <= OG_POINT_X; points++) {
        struct og_hardware hw = perfect();
        hw.injection.points = points;
        hw.injection.snr_db = 20;
        hw.dac.bits = 4;
        hw.dac.mode = OG_RANGE_FIXED;
        hw.dac.range = 0.75;
        struct looked k = dense_on(&hw);
        size_t clipped = 0;
        for (size_t i = 0; i < (size_t)N * IN; i++) clipped += fabsf(k.t.x[i]) > 0.75f;
        assert_true(clipped > 1000);
        assert_int_equal(k.reading[0].dac_clipped, clipped);
        assert_int_equal(k.reading[0].inputs, N * IN);
        close_looked(&k);
    }
}

// 6 bits for h, none for x: only elements of h meet a DAC.
static void time_steps_are_counted(void **state)
{
    (void)state;
    struct og_hardware hw = nn_noisy();
    hw.rnn.x_bits = 0;
    struct looked k = open_looked(network[2].yaml, network[2].in, CLASSES, &hw, 45, 45);
    const struct og_array_info info = og_array_info(og_exec_matrix(k.exec, 0));
    assert_int_equal(k.reading[0].inputs, 45 * 6 * 7);
    assert_int_equal(k.reading[0].dac_clipped, 0);  // |h| < 1, its range
    assert_int_equal(k.reading[0].adc.conversions, 45 * 6 * info.conversions);
    assert_true(k.reading[0].adc.used > 0.5f && k.reading[0].adc.used <= 1.0f);
    close_looked(&k);
}

// Conductances of the chip times the power of the samples, and nothing without a
// technology. The bound of cost.h is above it.
static void loads_are_means_over_inputs(void **state)
{
    (void)state;
    struct og_hardware hw = perfect();
    hw.dac.bits = 5;
    hw.device.program = (struct og_sigma){OG_SIGMA_CONSTANT, .sigma = 1e-6, .scale = 1};
    for (int named = 0; named < 2; named++) {
        if (named) strcpy(hw.technology.name, "test");
        struct looked k = dense_on(&hw);
        const og_array *array = og_exec_matrix(k.exec, 0);
        double used[IN], dense[IN], sum = 0;
        og_array_lines(array, used, dense);
        for (size_t r = 0; r < N; r++) sum += og_array_load(array, used, k.t.x + r * IN);
        sum *= named;
        assert_true(fabs(k.reading[0].activity.used - sum / N) <= 1e-12 * sum);
        assert_true(k.reading[0].activity.used == k.reading[0].activity.dense);
        struct og_costs mean, bound;
        og_array_cost(array, &hw.technology, &k.reading[0].activity, &mean);
        og_array_cost(array, &hw.technology, NULL, &bound);
        double least = mean.used.part[OG_COST_ARRAY].energy;
        assert_true(least <= bound.used.part[OG_COST_ARRAY].energy);
        close_looked(&k);
    }
}

static void assert_same(const struct looked *a, const struct looked *b)
{
    for (size_t m = 0; m < a->matrices; m++) {
        const struct og_probe_reading *x = &a->reading[m], *y = &b->reading[m];
        assert_true(x->signal == y->signal && x->noise == y->noise);
        assert_true(x->total_signal == y->total_signal);
        assert_true(x->total_noise == y->total_noise);
        assert_true(x->reads == y->reads && x->inputs == y->inputs);
        assert_true(x->dac_clipped == y->dac_clipped);
        assert_true(x->adc.conversions == y->adc.conversions);
        assert_true(x->adc.clipped == y->adc.clipped && x->adc.used == y->adc.used);
        assert_true(x->activity.used > 0 && x->activity.used == y->activity.used);
        assert_true(x->activity.dense == y->activity.dense);
    }
}

static void threads_and_batches_change_no_bit(void **state)
{
    (void)state;
    struct og_hardware hw = nn_noisy();
    hw.adc.mode = OG_RANGE_FIXED;
    hw.adc.range = 0.1;
    strcpy(hw.technology.name, "test");
    for (size_t i = 0; i < NETWORKS; i++) {
        struct looked first =
            open_looked(network[i].yaml, network[i].in, CLASSES, &hw, 70, 70);
        const struct {
            int threads;
            size_t batch;
        } way[] = {{1, 70}, {2, 32}, {7, 100}, {2, 5}, {1, 40}};
        assert_true(first.reading[0].adc.clipped > 0 && first.reading[0].noise > 0);
        for (size_t s = 0; s < sizeof way / sizeof *way; s++) {
            og_set_threads(way[s].threads);
            struct looked k = open_looked(network[i].yaml, network[i].in, CLASSES, &hw,
                                          70, way[s].batch);
            assert_same(&first, &k);
            close_looked(&k);
        }
        og_set_threads(0);
        close_looked(&first);
    }
}

static void nothing_is_left_behind(void **state)
{
    (void)state;
    struct og_hardware hw = nn_noisy();
    hw.injection.points = OG_POINT_A | OG_POINT_G;
    hw.injection.snr_db = 10;
    struct looked k = open_looked(network[2].yaml, network[2].in, CLASSES, &hw, 45, 45);
    float before[45 * CLASSES];
    memcpy(before, og_exec_forward(k.exec, &k.t.b), sizeof before);
    look(&k);
    assert_memory_equal(before, og_exec_forward(k.exec, &k.t.b), sizeof before);
    close_looked(&k);
}

static void failing_allocations(void **state)
{
    (void)state;
    const struct og_hardware hw = nn_noisy();
    struct looked k = open_looked(network[0].yaml, network[0].in, CLASSES, &hw, 45, 45);
    struct og_error err;
    og_probe *probe = NULL;
    size_t n = 1;
    for (; probe == NULL && n < 100; n++) {
        err = (struct og_error){0};
        og_alloc_fail_at(n);
        og_status status = og_probe_alloc(&probe, k.exec, &k.t.b, &err);
        og_alloc_fail_at(0);
        assert_int_equal(status, probe ? OG_OK : OG_NO_MEMORY);
    }
    assert_true(probe && n > 8);
    og_probe_free(probe);
    og_probe_free(NULL);
    close_looked(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(read_noise_has_its_variance),
        cmocka_unit_test(weight_levels_lose_a_twelfth),
        cmocka_unit_test(snr_in_db),
        cmocka_unit_test(perfect_hardware_loses_nothing),
        cmocka_unit_test(total_is_against_the_ideal_network),
        cmocka_unit_test(clipped_inputs_are_counted),
        cmocka_unit_test(time_steps_are_counted),
        cmocka_unit_test(loads_are_means_over_inputs),
        cmocka_unit_test(threads_and_batches_change_no_bit),
        cmocka_unit_test(nothing_is_left_behind),
        cmocka_unit_test(failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
