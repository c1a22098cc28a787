// SPDX-License-Identifier: GPL-3.0-or-later
// Sequences of different length in one batch: each is computed as if it were alone and no
// longer than it is, whatever stands behind its end.
#ifdef _OPENMP
#include <omp.h>
#endif

#include "ohmgrid/probe.h"
#include "recurrent.h"

enum { NUMBERS = 300 };  // sample numbers are below
static uint32_t length[NUMBERS];

// Lengths by number, so that they do not depend on the place in the batch; all from 1 to
// the longest come. What follows the end is not a number.
static void make_ragged(const struct task *t, struct net *net)
{
    size_t step = (size_t)t->inputs, size = (size_t)t->steps * step;
    for (uint32_t i = 0; i < NUMBERS; i++)
        length[i] = 1 + (i * 5 + i / 7) % (uint32_t)t->steps;
    net->batch.length = length;
    for (size_t k = 0; k < (size_t)t->n; k++)
        for (size_t i = length[net->sample[k]] * step; i < size; i++)
            net->x[k * size + i] = NAN;
}

static struct net make(const struct task *t)
{
    struct net net = make_net(t);
    make_ragged(t, &net);
    return net;
}

// Outputs beyond the end are 0.
static void ragged_reference(const struct task *t, const double *params,
                             const struct net *net, int k, double *logits)
{
    struct task own = *t;
    own.steps = (int)length[net->sample[k]];
    memset(logits, 0, sizeof *logits * (size_t)outputs_of(t));
    reference(&own, params, net->x + k * t->steps * t->inputs, logits);
}

static void forward_is_onnx(void **state)
{
    (void)state;
    for (int k = 0; k < TASKS; k++)
        for (int training = 0; training < 2; training++) {
            const struct task *t = &tasks[k];
            struct net net = make(t);
            start(&net, NULL, training, OG_STRAIGHT_THROUGH);
            const float *logits = og_exec_forward(net.exec, &net.batch);
            double *params = in_double(&net), expected[WIDE * WIDE], worst = 0;
            int outputs = outputs_of(t);
            for (int i = 0; i < t->n; i++) {
                ragged_reference(t, params, &net, i, expected);
                for (int j = 0; j < outputs; j++) {
                    double d = fabs(expected[j] - (double)logits[i * outputs + j]);
                    if (!(d <= worst)) worst = d;
                }
            }
            if (!(worst < 3e-6)) fail_msg("task %d, training %d: %g", k, training, worst);
            og_free(params);
            end(&net);
        }
}

static double ragged_loss(const struct task *t, const double *params,
                          const struct net *net)
{
    double loss = 0, logits[WIDE * WIDE];
    for (int k = 0; k < t->n; k++) {
        ragged_reference(t, params, net, k, logits);
        double sum = 0;
        for (int j = 0; j < outputs_of(t); j++) sum += exp(logits[j]);
        loss += log(sum) - logits[net->label[k]];
    }
    return loss / t->n;
}

static void gradients(void **state)
{
    (void)state;
    const double eps = 1e-5;
    for (int k = 0; k < TASKS; k++) {
        const struct task *t = &tasks[k];
        struct net net = make(t);
        start(&net, NULL, true, OG_STRAIGHT_THROUGH);
        og_exec_forward(net.exec, &net.batch);
        const float *got = og_exec_backward(net.exec, &net.batch);
        double *params = in_double(&net), worst = 0, largest = 0;
        for (size_t i = 0; i < net.count; i += 3) {
            double old = params[i];
            params[i] = old + eps;
            double up = ragged_loss(t, params, &net);
            params[i] = old - eps;
            double down = ragged_loss(t, params, &net);
            params[i] = old;
            double d = fabs((up - down) / (2 * eps) - (double)got[i]);
            if (!(d <= worst)) worst = d;
            largest = fmax(largest, fabs((double)got[i]));
        }
        if (!(worst < 1e-6) || !(largest > 1e-3))
            fail_msg("task %d: off by %g of %g", k, worst, largest);
        og_free(params);
        end(&net);
    }
}

// Everything that hardware can do to a recurrent layer.
static struct og_hardware noisy(enum og_rnn_mapping mapping)
{
    struct og_hardware hw = og_hardware_default();
    hw.ideal = false;
    hw.device.program =
        (struct og_sigma){.kind = OG_SIGMA_CONSTANT, .sigma = 1e-6, .scale = 1};
    hw.device.read =
        (struct og_sigma){.kind = OG_SIGMA_CONSTANT, .sigma = 2e-7, .scale = 1};
    hw.tile.rows = 8;
    hw.tile.cols = 8;
    hw.dac.bits = 6;
    hw.dac.mode = OG_RANGE_MSE;
    hw.adc.bits = 7;
    hw.adc.mode = OG_RANGE_MINMAX;
    hw.rnn.mapping = mapping;
    hw.rnn.gate_bits = 6;
    hw.rnn.c_bits = 6;
    hw.rnn.c_range = 2;
    hw.injection.points =
        OG_POINT_X | OG_POINT_H | OG_POINT_A | OG_POINT_G | OG_POINT_C | OG_POINT_O;
    hw.injection.snr_db = 20;
    return hw;
}

// The samples of a batch by themselves, and in the reverse order.
static void alone_is_the_same(void **state)
{
    (void)state;
    for (int k = 0; k < TASKS; k++) {
        const struct task *t = &tasks[k];
        const size_t out = (size_t)outputs_of(t), n = (size_t)t->n;
        const size_t size = (size_t)(t->steps * t->inputs);
        struct og_hardware hw = noisy((enum og_rnn_mapping)(k % 3));
        struct net net = make(t);
        start(&net, &hw, false, OG_STRAIGHT_THROUGH);
        float *all = og_alloc(n * out, sizeof *all), *x = og_alloc(n * size, sizeof *x);
        uint32_t sample[64];
        memcpy(all, og_exec_forward(net.exec, &net.batch), n * out * sizeof *all);
        for (size_t i = 0; i < n * out; i++) assert_true(isfinite(all[i]));
        for (size_t i = 0; i < n; i++) {
            struct og_batch one = net.batch;
            one.x += i * size;
            one.sample += i;
            one.n = 1;
            assert_memory_equal(og_exec_forward(net.exec, &one), all + i * out,
                                out * sizeof *all);
            memcpy(x + (n - 1 - i) * size, one.x, size * sizeof *x);
            sample[n - 1 - i] = *one.sample;
        }
        struct og_batch back = net.batch;
        back.x = x;
        back.sample = sample;
        const float *logits = og_exec_forward(net.exec, &back);
        for (size_t i = 0; i < n; i++)
            assert_memory_equal(logits + (n - 1 - i) * out, all + i * out,
                                out * sizeof *all);
        og_free(all);
        og_free(x);
        end(&net);
    }
}

// A batch of short sequences calibrates and computes as a network that is no longer.
static void padding_leaves_no_trace(void **state)
{
    (void)state;
    struct task shorter = tasks[0], longer = tasks[0];
    longer.steps = 11;
    struct og_hardware hw = noisy(OG_RNN_SPLIT);
    struct net a = make_net(&shorter), b = make_net(&longer);
    const size_t own = (size_t)(shorter.steps * shorter.inputs);
    const size_t room = (size_t)(longer.steps * longer.inputs);
    memcpy(b.params, a.params, a.count * sizeof *a.params);
    for (size_t k = 0; k < a.batch.n; k++)
        for (size_t i = 0; i < room; i++)
            b.x[k * room + i] = i < own ? a.x[k * own + i] : NAN;
    for (uint32_t i = 0; i < NUMBERS; i++) length[i] = (uint32_t)shorter.steps;
    b.batch.length = length;
    start(&a, &hw, false, OG_STRAIGHT_THROUGH);
    start(&b, &hw, false, OG_STRAIGHT_THROUGH);
    size_t counts[2];
    const float *first = og_exec_calibration(a.exec, &counts[0]);
    const float *second = og_exec_calibration(b.exec, &counts[1]);
    assert_int_equal(counts[0], counts[1]);
    // Samples of |x| are thinned by the number of each element, which has the longest
    // sequence in it: so ranges by mse may differ where there is more than a sample
    // holds, which is not here.
    assert_memory_equal(first, second, counts[0] * sizeof *first);
    const size_t bytes = a.batch.n * (size_t)outputs_of(&shorter) * sizeof *first;
    assert_memory_equal(og_exec_forward(a.exec, &a.batch),
                        og_exec_forward(b.exec, &b.batch), bytes);
    end(&a);
    end(&b);
}

static void train_step(struct net *net, const struct og_hardware *hw, int threads,
                       float *logits, float *gradient)
{
#ifdef _OPENMP
    omp_set_num_threads(threads);
#else
    (void)threads;
#endif
    start(net, hw, true, OG_CLIPPED);
    memcpy(logits, og_exec_forward(net->exec, &net->batch),
           net->batch.n * 6 * sizeof *logits);
    memcpy(gradient, og_exec_backward(net->exec, &net->batch),
           net->count * sizeof *gradient);
    og_exec_update_state(net->exec);
}

// With powers of noise of the whole batch too, where blocks wait for each other.
static void threads_change_nothing(void **state)
{
    (void)state;
    struct task t = {.spec = {{LSTM, 3, 1, .both = true, .forget = 1}},
                     .chain = 1,
                     .steps = 9,
                     .inputs = 4,
                     .n = 42};
    for (int mean = 0; mean < 2; mean++) {
        struct og_hardware hw = noisy(OG_RNN_COMBINED);
        hw.injection.power = mean ? OG_MEAN_BATCH : OG_MEAN_RUNNING;
        struct net net = make(&t);
        float *logits[2], *gradient[2];
        for (int i = 0; i < 2; i++) {
            logits[i] = og_alloc((size_t)t.n * 6, sizeof **logits);
            gradient[i] = og_alloc(net.count, sizeof **gradient);
            train_step(&net, &hw, i ? 7 : 1, logits[i], gradient[i]);
        }
        for (size_t i = 0; i < net.count; i++) assert_true(isfinite(gradient[0][i]));
        assert_memory_equal(logits[0], logits[1], (size_t)t.n * 6 * sizeof **logits);
        assert_memory_equal(gradient[0], gradient[1], net.count * sizeof **gradient);
        for (int i = 0; i < 2; i++) {
            og_free(logits[i]);
            og_free(gradient[i]);
        }
        end(&net);
    }
}

// A matrix is read once for each step that there is.
static void reads_are_steps(void **state)
{
    (void)state;
    const struct task *t = &tasks[2];
    struct og_hardware hw = noisy(OG_RNN_COMBINED);
    struct net net = make(t);
    struct og_error err = {0};
    og_probe *probe;
    size_t steps = 0;
    for (int k = 0; k < t->n; k++) steps += length[net.sample[k]];
    start(&net, &hw, false, OG_STRAIGHT_THROUGH);
    assert_int_equal(og_probe_alloc(&probe, net.exec, &net.batch, &err), OG_OK);
    struct og_probe_reading reading[4];
    const struct og_chip chip = {.seed = 3};
    og_exec_program(net.exec, &chip);
    og_probe_read(probe, &chip, 0, reading);
    assert_int_equal(og_exec_matrices(net.exec), 4);
    for (int m = 0; m < 4; m++) {
        assert_int_equal(reading[m].reads, steps);
        assert_true(reading[m].signal > 0 && isfinite(reading[m].total_noise));
        assert_int_equal(reading[m].inputs, steps * (m < 2 ? 7 : 9));
    }
    og_probe_free(probe);
    end(&net);
}

static void what_reads_padding_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *layers, *layer;
    } cases[] = {
        {"[{lstm: {units: 3, return: sequence}}, tanh, {gru: {units: 3}}]", NULL},
        {"[{rnn: {units: 4}}, {dense: {units: 3}}]", NULL},
        {"[flatten, {dense: {units: 3}}]", "flatten"},
        {"[{lstm: {units: 3, return: sequence}}, {dense: {units: 3}}]", "dense"},
        {"[{lstm: {units: 3, return: sequence}}, tanh, flatten, {dense: {units: 3}}]",
         "flatten"},
    };
    const struct og_shape in = {2, {5, 2, 0}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        og_item *root;
        og_model *model;
        struct og_error err = {0};
        assert_int_equal(og_item_parse(&root, "test", cases[k].layers, &err), OG_OK);
        if (og_model_build(&model, root, &in, 3, &err) != OG_OK) fail_msg("%s", err.text);
        const og_status status = og_model_check_ragged(model, &err);
        assert_int_equal(status, cases[k].layer ? OG_INPUT : OG_OK);
        if (cases[k].layer && !strstr(err.text, cases[k].layer)) fail_msg("%s", err.text);
        og_model_free(model);
        og_item_free(root);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forward_is_onnx),
        cmocka_unit_test(gradients),
        cmocka_unit_test(alone_is_the_same),
        cmocka_unit_test(padding_leaves_no_trace),
        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(reads_are_steps),
        cmocka_unit_test(what_reads_padding_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
