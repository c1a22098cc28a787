// SPDX-License-Identifier: GPL-3.0-or-later
// Networks in other hands: gradients from outside, parts that draw as their whole does,
// hardware from texts, and what is refused.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "nn/exec.h"
#include "nn_tools.h"
#include "ohmgrid/network.h"

enum { N = 37, IMAGE = 72, MIDDLE = 4 * 4 * 4, CLASSES = 4 };

static const size_t image[3] = {2, 6, 6};

static const char noisy[] = "device: {program: {kind: constant, sigma: 1 uS},"
                            " read: {kind: constant, sigma: 0.3 uS}}\n"
                            "tile: {rows: 16, cols: 8}\n"
                            "dac: {bits: 6, range_mode: minmax}\n"
                            "adc: {bits: 7, range_mode: minmax, noise: 0.2}\n"
                            "injection: {points: [A, O], snr_db: 20}\n";

static og_bind_hardware *hardware(const char *text)
{
    og_bind_hardware *hw;
    struct og_error err = {0};
    if (og_bind_hardware_parse(&hw, text, "test", ".", &err) != OG_OK)
        fail_msg("%s", err.text);
    return hw;
}

static og_network *network(const char *layers, const size_t *input, int rank)
{
    og_network *n;
    struct og_error err = {0};
    if (og_network_alloc(&n, layers, input, rank, &err) != OG_OK)
        fail_msg("%s", err.text);
    return n;
}

static void use(og_network *n, const og_bind_hardware *hw, unsigned how, uint32_t first)
{
    struct og_error err = {0};
    if (og_network_use(n, hw, N, how, first, &err) != OG_OK) fail_msg("%s", err.text);
}

static void program(og_network *n, uint64_t seed, uint32_t trial, uint32_t draw)
{
    struct og_error err = {0};
    if (og_network_program(n, seed, trial, draw, &err) != OG_OK) fail_msg("%s", err.text);
}

// Values that no start hides.
static void stir(og_network *n)
{
    size_t count;
    float *w = og_model_params(og_network_model(n), &count);
    nn_uniform(w, count, 3);
}

static const char layers[] = "- conv2d: {filters: 4, kernel: 3}\n- relu\n"
                             "- dense: {units: 4}\n";

// Of a network of the library's own, with the same weights on the same chip.
static float *own_gradient(og_network *n, const og_bind_hardware *hw,
                           const struct nn_batch *t)
{
    size_t count;
    struct og_error err = {0};
    og_model *model = nn_model(layers, (struct og_shape){3, {2, 6, 6}}, CLASSES);
    const float *w = og_model_params(og_network_model(n), &count);
    memcpy(og_model_params(model, &count), w, count * sizeof *w);
    og_exec *exec = nn_exec(
        model, &(struct og_exec_options){
                   .hardware = og_bind_hardware_get(hw), .batch = N, .training = true});
    struct og_batch calibration = t->b;
    uint32_t sample[N];
    for (uint32_t i = 0; i < N; i++) sample[i] = i;
    calibration.sample = sample;
    calibration.seed = 1;
    assert_int_equal(og_exec_calibrate(exec, &calibration, &err), OG_OK);
    og_exec_program(exec, &(struct og_chip){.seed = 5, .draw = 2});
    og_exec_forward(exec, &t->b);
    float *gradient = og_alloc(count, sizeof *gradient);
    memcpy(gradient, og_exec_backward(exec, &t->b), count * sizeof *gradient);
    og_exec_free(exec);
    og_model_free(model);
    return gradient;
}

static void a_gradient_from_outside_is_that_of_the_loss(void **state)
{
    (void)state;
    og_bind_hardware *hw = hardware(noisy);
    og_network *n = network(layers, image, 3);
    struct nn_batch t = nn_batch_make(N, IMAGE, CLASSES);
    struct og_error err = {0};
    float y[N * CLASSES], dy[N * CLASSES];
    size_t count;
    stir(n);
    use(n, hw, OG_NETWORK_TRAIN | OG_NETWORK_INPUTS, 0);
    assert_int_equal(og_network_calibrate(n, t.x, N, 1, &err), OG_OK);
    program(n, 5, 0, 2);
    og_network_forward(n, t.x, N, 100, 0, y);
    og_loss_gradient(y, &t.b, CLASSES, dy);
    float *wanted = own_gradient(n, hw, &t);
    og_model_params(og_network_model(n), &count);
    assert_true(wanted[3] != 0.0f);
    assert_memory_equal(og_network_backward(n, t.x, dy, NULL), wanted,
                        count * sizeof *wanted);
    og_free(wanted);
    nn_batch_free(&t);
    og_network_free(n);
    og_bind_hardware_free(hw);
}

static void the_gradient_of_inputs_is_their_slope(void **state)
{
    (void)state;
    og_network *n = network(layers, image, 3);
    struct nn_batch t = nn_batch_make(N, IMAGE, CLASSES);
    float y[N * CLASSES], dy[N * CLASSES] = {0}, dx[N * IMAGE];
    const size_t at = 3 * IMAGE + 40, out = 3 * CLASSES + 1;
    const float h = 1e-2f;
    stir(n);
    use(n, NULL, OG_NETWORK_TRAIN | OG_NETWORK_INPUTS, 0);
    program(n, 5, 0, 0);
    og_network_forward(n, t.x, N, 0, 0, y);
    dy[out] = 1.0f;
    og_network_backward(n, t.x, dy, dx);
    const float before = y[out];
    t.x[at] += h;
    og_network_forward(n, t.x, N, 0, 0, y);
    const float slope = (y[out] - before) / h;
    assert_true(dx[at] > 0.01f || dx[at] < -0.01f);
    assert_true(slope - dx[at] < 0.01f && dx[at] - slope < 0.01f);
    assert_true(dx[at + IMAGE] == 0.0f);
    nn_batch_free(&t);
    og_network_free(n);
}

// The network, cut behind its pooling: values and gradients to the bit.
static void parts_draw_as_the_whole(void **state)
{
    (void)state;
    og_bind_hardware *hw = hardware(noisy);
    static const size_t middle[3] = {4, 4, 4};
    og_network *whole = network(layers, image, 3);
    og_network *head = network("- conv2d: {filters: 4, kernel: 3}\n", image, 3);
    og_network *tail = network("- relu\n- dense: {units: 4}\n", middle, 3);
    struct nn_batch t = nn_batch_make(N, IMAGE, CLASSES);
    struct og_error err = {0};
    float y[N * CLASSES], y2[N * CLASSES], dx[N * IMAGE], dx2[N * IMAGE];
    static float m[N * MIDDLE], dm[N * MIDDLE];
    size_t all, first;
    stir(whole);
    float *w = og_model_params(og_network_model(whole), &all);
    float *to = og_model_params(og_network_model(head), &first);
    memcpy(to, w, first * sizeof *w);
    memcpy(og_model_params(og_network_model(tail), &(size_t){0}), w + first,
           (all - first) * sizeof *w);
    // Calibration is on float values.
    use(head, NULL, 0, 0);
    program(head, 0, 0, 0);
    og_network_forward(head, t.x, N, 0, 0, m);
    use(whole, hw, OG_NETWORK_TRAIN | OG_NETWORK_INPUTS, 7);
    use(head, hw, OG_NETWORK_TRAIN | OG_NETWORK_INPUTS, 7);
    use(tail, hw, OG_NETWORK_TRAIN | OG_NETWORK_INPUTS, 8);
    og_bind_hardware_free(hw);  // copied
    assert_int_equal(og_network_calibrate(whole, t.x, N, 1, &err), OG_OK);
    assert_int_equal(og_network_calibrate(head, t.x, N, 1, &err), OG_OK);
    assert_int_equal(og_network_calibrate(tail, m, N, 1, &err), OG_OK);
    og_network *each[] = {whole, head, tail};
    for (int i = 0; i < 3; i++) program(each[i], 6, 1, 3);
    og_network_forward(whole, t.x, N, 5, 9, y);
    og_network_forward(head, t.x, N, 5, 9, m);
    og_network_forward(tail, m, N, 5, 9, y2);
    assert_memory_equal(y, y2, sizeof y);
    const float *g = og_network_backward(whole, t.x, y, dx);
    const float *g2 = og_network_backward(tail, m, y, dm);
    assert_memory_equal(g + first, g2, (all - first) * sizeof *g);
    assert_memory_equal(g, og_network_backward(head, t.x, dm, dx2), first * sizeof *g);
    assert_memory_equal(dx, dx2, sizeof dx);
    // Another number draws other noise.
    use(tail, NULL, 0, 0);
    hw = hardware(noisy);
    use(tail, hw, OG_NETWORK_TRAIN | OG_NETWORK_INPUTS, 9);
    assert_int_equal(og_network_calibrate(tail, m, N, 1, &err), OG_OK);
    program(tail, 6, 1, 3);
    og_network_forward(tail, m, N, 5, 9, y2);
    assert_memory_not_equal(y, y2, sizeof y);
    for (int i = 0; i < 3; i++) og_network_free(each[i]);
    og_bind_hardware_free(hw);
    nn_batch_free(&t);
}

static void matrices_can_be_looked_at(void **state)
{
    (void)state;
    og_bind_hardware *hw = hardware("device: {g_min: 1 uS, g_max: 21 uS}\n"
                                    "layers: [{layer: b, ideal: true}]\n");
    og_network *n = network("- dense: {name: a, units: 3, bias: false}\n"
                            "- dense: {name: b, units: 2}\n",
                            (const size_t[]){2}, 1);
    size_t size[8], dim[4];
    double value[2];
    const char *name[2];
    float *w, w_hat[6], g[12];
    struct og_error err = {0};
    int trained;
    assert_int_equal(og_network_tensor(n, 0, name, dim, &w, &trained), 2);
    assert_string_equal(name[0], "a");
    assert_string_equal(name[1], "weight");
    assert_true(trained && dim[0] == 3 && dim[1] == 2);
    static const float wanted[6] = {0.5f, -1.0f, 0.25f, 0.75f, 0.0f, 1.0f};
    memcpy(w, wanted, sizeof wanted);
    use(n, hw, 0, 0);
    assert_true(og_network_wants_calibration(n));  // the range of a's DACs
    use(n, NULL, 0, 0);
    assert_false(og_network_wants_calibration(n));
    use(n, hw, 0, 0);
    program(n, 1, 0, 0);
    assert_false(og_network_matrix(n, 1, size, value));
    assert_true(og_network_matrix(n, 0, size, value));
    static const size_t sizes[8] = {2, 3, 1, 1, 2, 1, 12, 3};
    assert_memory_equal(size, sizes, sizeof sizes);
    assert_true(value[0] == 1.0 && value[1] == 0.0);
    assert_int_equal(og_network_programmed(n, 0, w_hat, g, &err), OG_OK);
    for (int i = 0; i < 6; i++) assert_true(w_hat[i] == wanted[i]);
    assert_true(g[0] > 10.99e-6f && g[0] < 11.01e-6f);          // +, row 0, column 0
    assert_true(g[6 + 3] > 20.99e-6f && g[6 + 3] < 21.01e-6f);  // -, row 1, column 0
    og_network_free(n);
    og_bind_hardware_free(hw);
}

static void refused(og_status status, const struct og_error *err, const char *sentence)
{
    assert_int_equal(status, OG_INPUT);
    assert_string_equal(err->text, sentence);
}

static void what_is_wrong_is_said(void **state)
{
    (void)state;
    og_network *n = NULL, *m = NULL;
    og_bind_hardware *hw = NULL;
    struct og_error err = {0};
    refused(og_network_alloc(&n, "- relu\n", image, 4, &err), &err,
            "the rank of a sample is 4; it must be 1 to 3");
    err = (struct og_error){0};
    refused(og_network_alloc(&n, "- relu\n", (const size_t[]){3, 0}, 2, &err), &err,
            "dimension 1 of a sample is 0");
    err = (struct og_error){0};
    assert_int_equal(og_network_alloc(&n, "- fly\n", image, 3, &err), OG_INPUT);
    assert_non_null(strstr(err.text, "'fly' is not a layer"));
    assert_null(n);
    err = (struct og_error){0};
    refused(og_bind_hardware_parse(&hw, "adc: {bits: 99}\n", "mine", ".", &err), &err,
            "mine:1: key 'hardware.adc.bits': 99 is outside the allowed range (0 .. 16)");
    assert_null(hw);
    err = (struct og_error){0};
    // What one part lacks another has.
    hw = hardware("injection: {points: [C], snr_db: 20}\n");
    n = network("- dense: {units: 2}\n", (const size_t[]){3}, 1);
    m = network("- lstm: {units: 2}\n", (const size_t[]){3, 2}, 2);
    og_network *both[] = {n, m};
    assert_int_equal(og_network_check(both, 2, hw, &err), OG_OK);
    refused(og_network_check(both, 1, hw, &err), &err,
            "hardware.injection.points: no layer of the network has a point C");
    og_bind_hardware_free(hw);
    og_network_free(n);
    og_network_free(m);
    og_network_free(NULL);
    og_bind_hardware_free(NULL);
}

// Each allocation fails once.
static void memory_runs_out(void **state)
{
    (void)state;
    og_bind_hardware *hw = hardware(noisy);
    size_t nth = 1;
    for (bool done = false; !done; nth++) {
        og_network *n = NULL;
        struct og_error err = {0};
        og_alloc_fail_at(nth);
        og_status status =
            og_network_alloc(&n, "- dense: {units: 2}\n", (const size_t[]){3}, 1, &err);
        if (status == OG_OK) status = og_network_use(n, hw, 4, 1, 0, &err);
        og_alloc_fail_at(0);
        assert_true(status == OG_OK || status == OG_NO_MEMORY);
        done = status == OG_OK;
        og_network_free(n);
    }
    assert_true(nth > 20);
    og_bind_hardware_free(hw);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_gradient_from_outside_is_that_of_the_loss),
        cmocka_unit_test(the_gradient_of_inputs_is_their_slope),
        cmocka_unit_test(parts_draw_as_the_whole),
        cmocka_unit_test(matrices_can_be_looked_at),
        cmocka_unit_test(what_is_wrong_is_said),
        cmocka_unit_test(memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
