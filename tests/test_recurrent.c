// SPDX-License-Identifier: GPL-3.0-or-later
// Recurrent layers against the ONNX equations, forward and backward.
#include "recurrent.h"

static void forward_is_onnx(void **state)
{
    (void)state;
    for (int k = 0; k < TASKS; k++)
        for (int training = 0; training < 2; training++) {
            struct net net = make_net(&tasks[k]);
            start(&net, NULL, training, OG_STRAIGHT_THROUGH);
            double d = distance(&tasks[k], &net);
            if (!(d < 3e-6)) fail_msg("task %d, training %d: %g", k, training, d);
            end(&net);
        }
}

// Every parameter's gradient against central differences of the reference.
static void gradients(void **state)
{
    (void)state;
    const double eps = 1e-5;
    for (int k = 0; k < TASKS; k++) {
        const struct task *t = &tasks[k];
        struct net net = make_net(t);
        start(&net, NULL, true, OG_STRAIGHT_THROUGH);
        og_exec_forward(net.exec, &net.batch);
        const float *got = og_exec_backward(net.exec, &net.batch);
        double *params = in_double(&net), worst = 0, largest = 0;
        for (size_t i = 0; i < net.count; i++) {
            double old = params[i];
            params[i] = old + eps;
            double up = reference_loss(t, params, net.x, net.label);
            params[i] = old - eps;
            double down = reference_loss(t, params, net.x, net.label);
            params[i] = old;
            worst = fmax(worst, fabs((up - down) / (2 * eps) - (double)got[i]));
            largest = fmax(largest, fabs((double)got[i]));
        }
        if (!(worst < 1e-6) || !(largest > 1e-2))
            fail_msg("task %d: off by %g of %g", k, worst, largest);
        og_free(params);
        end(&net);
    }
}

static void long_sequence(void **state)
{
    (void)state;
    struct task t = {.spec = {{LSTM, 4, 1, .forget = 1}},
                     .chain = 1,
                     .steps = 256,
                     .inputs = 2,
                     .n = 3};
    struct net net = make_net(&t);
    start(&net, NULL, true, OG_STRAIGHT_THROUGH);
    og_exec_forward(net.exec, &net.batch);
    const float *got = og_exec_backward(net.exec, &net.batch);
    double *params = in_double(&net);
    for (size_t i = 0; i < net.count; i += 7) {
        double old = params[i], eps = 1e-5;
        params[i] = old + eps;
        double up = reference_loss(&t, params, net.x, net.label);
        params[i] = old - eps;
        double down = reference_loss(&t, params, net.x, net.label);
        params[i] = old;
        assert_true(fabs((up - down) / (2 * eps) - (double)got[i]) < 3e-6);
    }
    og_free(params);
    end(&net);
}

static void refusals(void **state)
{
    (void)state;
    static const struct {
        const char *layers, *said;
        int rank;
    } cases[] = {
        {"- lstm: {units: 3}", "sequence", 3},
        {"- gru: {units: 3}", "sequence", 1},
        {"- lstm: {units: 3, layers: 3, bidirectional: true}", "layers is 3", 2},
        {"- lstm: {units: 0}", "units", 2},
        {"- lstm: {units: 3, activation: relu}", "activation", 2},
        {"- rnn: {units: 3, return: first}", "return", 2},
        {"- gru: {}", "units", 2},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        og_item *root;
        og_model *model;
        struct og_error err = {0};
        struct og_shape in = {cases[k].rank, {4, 4, 4}};
        if (in.rank == 1) in.dim[1] = 0;  // values, not symbols
        assert_int_equal(og_item_parse(&root, "test", cases[k].layers, &err), OG_OK);
        assert_int_equal(og_model_build(&model, root, &in, 3, &err), OG_INPUT);
        if (!strstr(err.text, cases[k].said)) fail_msg("%s", err.text);
        og_item_free(root);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forward_is_onnx),
        cmocka_unit_test(gradients),
        cmocka_unit_test(long_sequence),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
