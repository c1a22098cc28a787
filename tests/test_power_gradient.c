// SPDX-License-Identifier: GPL-3.0-or-later
// train.reparam and noise at A: its power is that of the batch, so weights move it, and
// the gradient knows (against central differences); without reparam it does not.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "nn_tools.h"
#include "ohmgrid/cpu.h"

enum { N = 30, CLASSES = 4 };  // one block: its sums are those of the batch

static const struct {
    const char *yaml;
    struct og_shape shape;
    size_t width;
} nets[] = {
    {"- dense: {units: 6}\n- tanh\n- dense: {units: 4}\n", {1, {5}}, 5},
    {"- lstm: {units: 4}\n- dense: {units: 4}\n", {2, {3, 5}}, 15},
};

struct bench {
    og_model *model;
    og_exec *exec;
    struct nn_batch t;
    float *w;
    size_t count;
};

static struct bench open_bench(size_t net, const struct og_hardware *hw, bool reparam)
{
    struct bench b = {.model = nn_model(nets[net].yaml, nets[net].shape, CLASSES)};
    struct og_error err = {0};
    og_model_init(b.model, 21);
    b.w = og_model_params(b.model, &b.count);
    for (size_t i = 0; i < b.count; i++) b.w[i] *= 1.5f;
    b.exec = nn_exec(
        b.model, &(struct og_exec_options){
                     .hardware = hw, .batch = N, .training = true, .reparam = reparam});
    b.t = nn_batch_make(N, nets[net].width, CLASSES);
    if (og_exec_calibrate(b.exec, &b.t.b, &err) != OG_OK) fail_msg("%s", err.text);
    return b;
}

static void close_bench(struct bench *b)
{
    og_exec_free(b->exec);
    og_model_free(b->model);
    nn_batch_free(&b->t);
}

static double loss_of(const struct bench *b)
{
    og_exec_program(b->exec, &(struct og_chip){.seed = 2});
    og_exec_forward(b->exec, &b->t.b);
    return og_exec_loss(b->exec, &b->t.b, NULL) / N;
}

// The largest difference between gradient and slope, in parts of the largest slope.
static double worst(size_t net, const struct og_hardware *hw, bool reparam)
{
    struct bench b = open_bench(net, hw, reparam);
    const float h = 4e-3f;
    double largest = 0.0, error = 0.0;
    loss_of(&b);
    float *gradient = og_alloc(b.count, sizeof *gradient);
    memcpy(gradient, og_exec_backward(b.exec, &b.t.b), b.count * sizeof *gradient);
    for (size_t i = 0; i < b.count; i++) {
        const float w = b.w[i];
        b.w[i] = w + h;
        const double up = loss_of(&b);
        b.w[i] = w - h;
        const double slope = (up - loss_of(&b)) / (2.0 * (double)h);
        b.w[i] = w;
        largest = fmax(largest, fabs(slope));
        error = fmax(error, fabs(slope - (double)gradient[i]));
    }
    og_free(gradient);
    close_bench(&b);
    return error / largest;
}

static void power_is_differentiated(void **state)
{
    (void)state;
    struct og_hardware hw = nn_injecting(OG_POINT_A);
    hw.injection.snr_db = 3.0;
    hw.injection.power = OG_MEAN_BATCH;
    for (int ac = 0; ac < 2; ac++)
        for (size_t net = 0; net < 2; net++) {
            hw.injection.ac = ac;
            const double with = worst(net, &hw, true), without = worst(net, &hw, false);
            if (!(with <= 1e-3 && without >= 20 * with))
                fail_msg("net %zu, ac %d: %g, without reparam %g", net, ac, with,
                         without);
        }
}

// Noise at the columns of single gates alone.
static void of_single_gates(void **state)
{
    (void)state;
    struct og_hardware hw = nn_injecting(OG_POINT_A_F | OG_POINT_A_O);
    hw.injection.snr_db = 0.0;
    hw.injection.power = OG_MEAN_BATCH;
    const double with = worst(1, &hw, true), without = worst(1, &hw, false);
    if (!(with <= 1e-3 && without >= 20 * with))
        fail_msg("%g, without reparam %g", with, without);
}

int main(void)
{
    og_set_threads(1);  // many passes of few samples
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(power_is_differentiated),
        cmocka_unit_test(of_single_gates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
