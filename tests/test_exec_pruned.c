// SPDX-License-Identifier: GPL-3.0-or-later
// Pruned networks on hardware: lines that do not exist change neither what the network
// computes nor how the others learn.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "nn_tools.h"
#include "ohmgrid/cpu.h"

enum { CLASSES = 5, N = 40 };

static const struct {
    const char *yaml;
    struct og_shape in;
} network[] = {
    {"[dense: {units: 21}, relu, dense: {units: 5}]", {1, {30}}},
    {"[conv2d: {filters: 9, kernel: 3}, relu, flatten, dense: {units: 5}]",
     {3, {2, 6, 6}}},
    {"[lstm: {units: 11}, dense: {units: 5}]", {2, {4, 9}}},
};
enum { NETWORKS = sizeof network / sizeof *network };

// Every third output and every fourth input of each matrix; 1 for each such weight.
static void prune(og_model *model, uint8_t *pruned)
{
    size_t count;
    float *w = og_model_params(model, &count);
    for (size_t t = 0; t < og_model_tensors(model); t++) {
        const struct og_tensor_info info = og_model_tensor(model, t);
        if (info.rank < 2 || info.state) continue;
        size_t inputs = info.count / info.dim[0];
        for (size_t k = 0; k < info.count; k++)
            if (k / inputs % 3 == 0 || k % inputs % 4 == 1) {
                w[info.offset + k] = 0;
                pruned[info.offset + k] = 1;
            }
    }
}

struct outcome {
    float logits[N * CLASSES], *gradient;
    size_t count;
    struct og_array_info info;
};

static struct outcome run(og_model *model, const struct og_hardware *hw,
                          const struct og_batch *batch)
{
    struct outcome o;
    og_exec *exec = nn_exec(
        model, &(struct og_exec_options){.hardware = hw, .batch = N, .training = true});
    struct og_error err = {0};
    if (og_exec_calibrate(exec, batch, &err) != OG_OK) fail_msg("%s", err.text);
    og_exec_program(exec, &(struct og_chip){.seed = 5});
    memcpy(o.logits, og_exec_forward(exec, batch), sizeof o.logits);
    og_exec_loss(exec, batch, NULL);
    og_model_params(model, &o.count);
    o.gradient = og_alloc(o.count, sizeof *o.gradient);
    memcpy(o.gradient, og_exec_backward(exec, batch), o.count * sizeof *o.gradient);
    o.info = og_array_info(og_exec_matrix(exec, 0));
    og_exec_free(exec);
    return o;
}

struct scene {
    og_model *model;
    uint8_t *pruned;
    struct nn_batch t;
};

static struct scene scene_open(int i)
{
    size_t count, width = 1;
    struct scene s = {.model = nn_model(network[i].yaml, network[i].in, CLASSES)};
    og_model_init(s.model, 3);
    og_model_params(s.model, &count);
    s.pruned = og_alloc(count, 1);
    prune(s.model, s.pruned);
    for (int d = 0; d < network[i].in.rank; d++) width *= network[i].in.dim[d];
    s.t = nn_batch_make(N, width, CLASSES);
    return s;
}

static void scene_close(struct scene *s)
{
    og_model_free(s->model);
    og_free(s->pruned);
    nn_batch_free(&s->t);
}

static void removed_lines_change_no_number(void **state)
{
    (void)state;
    for (int i = 0; i < NETWORKS; i++) {
        struct scene s = scene_open(i);
        struct og_hardware hw = og_hardware_default();
        hw.ideal = false;
        hw.tile.rows = 7;
        hw.tile.cols = 5;
        hw.dac.bits = 7;
        struct outcome a = run(s.model, &hw, &s.t.b);
        hw.mapping.removed = false;
        struct outcome b = run(s.model, &hw, &s.t.b);
        assert_true(a.info.used.devices * 10 < a.info.dense.devices * 6);
        assert_true(a.info.used.tiles < a.info.dense.tiles);
        assert_true(b.info.used.devices == a.info.dense.devices);
        for (size_t k = 0; k < N * CLASSES; k++)
            assert_true(fabsf(a.logits[k] - b.logits[k]) < 1e-5f);
        double most = 0;
        for (size_t k = 0; k < a.count; k++) {
            float want = s.pruned[k] ? 0 : b.gradient[k];
            assert_true(fabsf(a.gradient[k] - want) < 1e-5f);
            most = fmax(most, fabsf(a.gradient[k]));
        }
        assert_true(most > 1e-3);
        og_free(a.gradient);
        og_free(b.gradient);
        scene_close(&s);
    }
}

static void threads_change_no_bit(void **state)
{
    (void)state;
    for (int i = 0; i < NETWORKS; i++) {
        struct scene s = scene_open(i);
        struct og_hardware hw = nn_noisy();
        hw.adc.granularity = OG_PER_COLUMN;
        hw.device.pruned_cells = OG_ZERO_OFF;
        struct outcome a = run(s.model, &hw, &s.t.b);
        for (int threads = 1; threads <= 7; threads += 3) {
            og_set_threads(threads);
            struct outcome b = run(s.model, &hw, &s.t.b);
            assert_memory_equal(a.logits, b.logits, sizeof a.logits);
            assert_memory_equal(a.gradient, b.gradient, a.count * sizeof *a.gradient);
            og_free(b.gradient);
        }
        og_set_threads(0);
        for (size_t k = 0; k < N * CLASSES; k++) assert_true(isfinite(a.logits[k]));
        og_free(a.gradient);
        scene_close(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(removed_lines_change_no_number),
        cmocka_unit_test(threads_change_no_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
