// SPDX-License-Identifier: GPL-3.0-or-later
// Networks on arrays with wires. Once programmed they are the float network of other
// weights, which the arrays can tell.
#include "recurrent.h"

#include "nn/exec.h"

static struct og_hardware wired(void)
{
    struct og_hardware hw = og_hardware_default();
    hw.ideal = false;
    hw.device.g_min = 5e-6;
    hw.device.g_max = 100e-6;
    hw.tile.rows = 8;
    hw.tile.cols = 6;
    hw.wires = (struct og_wiring){.mode = OG_WIRES_EXACT, .r_row = 50, .r_col = 80};
    return hw;
}

// Puts what the arrays multiply with in the place of the model's weights; the largest
// change relative to the largest weight.
static double take_weights(struct net *net)
{
    double most = 0, change = 0;
    for (size_t k = 0; k < net->exec->matrices; k++) {
        const struct og_matrix *m = &net->exec->matrix[k];
        const struct og_linear_decl *l = &m->node->linear[m->k];
        float *own = og_alloc(l->rows * l->cols, sizeof *own);
        float *w = net->params + m->node->param[l->param].offset + l->first;
        assert_int_equal(og_array_weights(m->array, own), OG_OK);
        for (size_t j = 0; j < l->cols; j++)
            for (size_t i = 0; i < l->rows; i++) {
                float *at = &w[j * l->stride + i];
                most = fmax(most, fabs((double)*at));
                change = fmax(change, fabs((double)(*at - own[j * l->rows + i])));
                *at = own[j * l->rows + i];
            }
        og_free(own);
    }
    return change / most;
}

static void assert_float_network(struct net *net, size_t outputs)
{
    const size_t n = net->batch.n * outputs;
    float *y = og_alloc(n, sizeof *y);
    memcpy(y, og_exec_forward(net->exec, &net->batch), n * sizeof *y);
    const double change = take_weights(net);
    assert_true(change > 0.02 && change < 0.5);
    start(net, NULL, false, OG_STRAIGHT_THROUGH);
    const float *ideal = og_exec_forward(net->exec, &net->batch);
    for (size_t i = 0; i < n; i++) assert_float_equal(y[i], ideal[i], 2e-5);
    og_free(y);
}

static void recurrent_networks(void **state)
{
    (void)state;
    const struct og_hardware hw = wired();
    for (size_t k = 0; k < TASKS - 1; k++) {
        struct net net = make_net(&tasks[k]);
        start(&net, &hw, false, OG_STRAIGHT_THROUGH);
        assert_float_network(&net, (size_t)outputs_of(&tasks[k]));
        end(&net);
    }
}

static void convolutions_and_dense_layers(void **state)
{
    (void)state;
    static const char text[] = "- conv2d: {filters: 5, kernel: 3, padding: 1}\n"
                               "- relu\n"
                               "- max_pool: {size: 2}\n"
                               "- flatten\n"
                               "- dense: {units: 20}\n"
                               "- relu\n"
                               "- dense: {units: 4}\n";
    const struct og_hardware hw = wired();
    struct og_error err = {0};
    struct task t = {.n = 35, .steps = 1, .inputs = 2 * 36, .spec = {{.units = 4}}};
    t.chain = 1;
    struct net net = {0};
    if (og_item_parse(&net.root, "test", text, &err) != OG_OK) fail_msg("%s", err.text);
    const struct og_shape in = {3, {2, 6, 6}};
    if (og_model_build(&net.model, net.root, &in, 4, &err) != OG_OK)
        fail_msg("%s", err.text);
    net.params = og_model_params(net.model, &net.count);
    for (size_t i = 0; i < net.count; i++) net.params[i] = 0.4f * uniform();
    make_batch(&net, &t);
    start(&net, &hw, false, OG_STRAIGHT_THROUGH);
    assert_float_network(&net, 4);
    end(&net);
}

static double loss_of(struct net *net)
{
    assert_int_equal(og_exec_program(net->exec, &(struct og_chip){.seed = 3}), OG_OK);
    og_exec_forward(net->exec, &net->batch);
    return og_exec_loss(net->exec, &net->batch, NULL) / (double)net->batch.n;
}

// Central differences over some weights of all layers. The largest of each matrix is its
// full scale, which gradients take for fixed; a weight near 0 has two slopes.
static void training_goes_through_wires(void **state)
{
    (void)state;
    const struct task task = {.spec = {{GRU, 4, 1, .sequence = true, .before = true},
                                       {LSTM, 3, 1, .forget = 1}},
                              .chain = 2,
                              .steps = 4,
                              .inputs = 3,
                              .n = 33};
    struct og_hardware hw = wired();
    struct net net = make_net(&task);
    start(&net, &hw, true, OG_STRAIGHT_THROUGH);
    loss_of(&net);
    const float *gradient = og_exec_backward(net.exec, &net.batch);
    double most = 0, *kept = og_alloc(net.count, sizeof *kept);
    for (size_t i = 0; i < net.count; i++) {
        kept[i] = gradient[i];
        most = fmax(most, fabs(kept[i]));
    }
    for (size_t i = 5; i < net.count; i += 7) {
        const float w = net.params[i], step = 0.02f;
        if (fabsf(w) < 0.03f || fabsf(w) > 0.6f) continue;
        net.params[i] = w + step;
        const double up = loss_of(&net);
        net.params[i] = w - step;
        const double slope = (up - loss_of(&net)) / (2 * (double)step);
        net.params[i] = w;
        if (!(fabs(kept[i] - slope) <= 3e-3 * most))
            fail_msg("gradient %zu is %g, expected %g", i, kept[i], slope);
    }
    og_free(kept);
    end(&net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recurrent_networks),
        cmocka_unit_test(convolutions_and_dense_layers),
        cmocka_unit_test(training_goes_through_wires),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
