// SPDX-License-Identifier: GPL-3.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "nn_tools.h"

static const struct og_shape image = {3, {2, 6, 6}};

static const char *const net =
    "- conv2d: {filters: 4, kernel: 3, padding: 1}\n"
    "- batch_norm\n"
    "- relu: {max: 6}\n"
    "- conv2d: {filters: 4, kernel: 3, padding: 1, name: second, groups: 2}\n"
    "- add: {inputs: [second, relu1]}\n"
    "- max_pool: {size: 2}\n"
    "- flatten:\n"
    "- dense: {units: 3}\n";

static void tensors_are_named_and_placed(void **state)
{
    (void)state;
    og_model *model = nn_model(net, image, 3);
    static const struct {
        const char *node, *name;
        size_t count;
        bool decay, state;
    } expected[] = {
        {"conv2d1", "weight", 72, true, false},
        {"conv2d1", "bias", 4, false, false},
        {"batch_norm1", "scale", 4, false, false},
        {"batch_norm1", "bias", 4, false, false},
        {"batch_norm1", "mean", 4, false, true},
        {"batch_norm1", "var", 4, false, true},
        {"second", "weight", 72, true, false},
        {"second", "bias", 4, false, false},
        {"dense1", "weight", 108, true, false},
        {"dense1", "bias", 3, false, false},
    };
    size_t end[2] = {0, 0};
    assert_int_equal(og_model_tensors(model), 10);
    for (size_t i = 0; i < 10; i++) {
        struct og_tensor_info t = og_model_tensor(model, i);
        assert_string_equal(t.node, expected[i].node);
        assert_string_equal(t.name, expected[i].name);
        assert_int_equal(t.count, expected[i].count);
        assert_int_equal(t.decay, expected[i].decay);
        assert_int_equal(t.state, expected[i].state);
        assert_int_equal(t.offset, end[t.state]);
        end[t.state] += t.count;
    }
    size_t params, states;
    og_model_params(model, &params);
    og_model_state(model, &states);
    assert_int_equal(params, end[0]);
    assert_int_equal(states, end[1]);
    assert_int_equal(og_model_classes(model), 3);
    og_model_free(model);
}

static void start_values_depend_on_seed_and_place(void **state)
{
    (void)state;
    og_model *a = nn_model(net, image, 3);
    og_model *b = nn_model(net, image, 3);
    size_t n, states;
    float *wa = og_model_params(a, &n), *wb = og_model_params(b, &n);
    og_model_init(a, 4);
    og_model_init(b, 4);
    assert_memory_equal(wa, wb, n * sizeof *wa);
    og_model_init(b, 5);
    assert_memory_not_equal(wa, wb, n * sizeof *wa);
    // Uniform in +-sqrt(1 / fan_in), fan_in = 18: mean square 1 / 54.
    double square = 0.0;
    for (size_t i = 0; i < 72; i++) {
        assert_true(fabs(wa[i]) <= sqrt(1.0 / 18));
        square += (double)wa[i] * wa[i] / 72;
    }
    // One draw's square has the relative deviation 0.894: 5 of them over sqrt(72).
    assert_true(fabs(square * 54 - 1.0) <= 0.53);
    const float *s = og_model_state(a, &states);
    for (size_t i = 0; i < 8; i++) assert_true(s[i] == (i < 4 ? 0.0f : 1.0f));
    for (size_t i = 72; i < 84; i++)
        assert_true(wa[i] == (i >= 76 && i < 80 ? 1.0f : 0.0f));
    og_model_free(a);
    og_model_free(b);
}

static void a_copy_is_its_own(void **state)
{
    (void)state;
    og_model *a = nn_model(net, image, 3), *b;
    og_model_init(a, 9);
    struct og_error err = {0};
    assert_int_equal(og_model_copy(&b, a, &err), OG_OK);
    size_t n;
    float *wa = og_model_params(a, &n), *wb = og_model_params(b, &n);
    assert_memory_equal(wa, wb, n * sizeof *wa);
    float kept = wb[5];
    wa[5] = 100.0f;
    assert_true(wb[5] == kept);
    og_model_free(a);  // the copy must not need it
    og_exec *exec = nn_exec(b, &(struct og_exec_options){.batch = 2});
    struct nn_batch t = nn_batch_make(2, 72, 3);
    og_exec_program(exec, &(struct og_chip){0});
    assert_true(isfinite(og_exec_forward(exec, &t.b)[0]));
    nn_batch_free(&t);
    og_exec_free(exec);
    og_model_free(b);
}

struct wrong {
    const char *yaml, *says;
};

static void mistakes_are_named(void **state)
{
    (void)state;
    static const struct wrong cases[] = {
        {"[dens: {units: 3}]", "'dens' is not a layer; there are dense, conv2d"},
        {"[]", "at least one layer"},
        {"{dense: {units: 3}}", "list"},
        {"- relu\n- dense: {unit: 3}", "test:2"},
        {"[dense: 3]", "the attributes of a layer are a map"},
        {"[{dense: {units: 3}, relu: {}}]", "a map from one operator"},
        {"[dense: {units: 0}]", "units"},
        {"[dense: {units: 4}]", "has 4 outputs"},
        {"[conv2d: {filters: 3, kernel: 3}]", "rank 3"},
        {"[conv2d: {filters: 3, kernel: 9}, dense: {units: 3}]", "window of 9"},
        {"[conv2d: {filters: 3, kernel: 3, groups: 2}, dense: {units: 3}]",
         "groups is 2"},
        {"[flatten, conv2d: {filters: 3, kernel: 3}]", "takes images"},
        {"[max_pool: {size: 2, padding: 2}, dense: {units: 3}]", "less than size"},
        {"[softmax, dense: {units: 3}]", "rank 1"},
        {"[flatten, relu: {above: zero}, dense: {units: 3}]",
         "above: zero has no effect without a limit"},
        {"[dense: {units: 3, inputs: [nobody]}]", "'nobody' is no earlier layer"},
        {"[dense: {units: 3, inputs: [input, input]}]", "at most 1"},
        {"[add, dense: {units: 3}]", "at least 2"},
        {"[flatten, dense: {units: 4}, add: {inputs: [flatten1, dense1]}]",
         "differ in shape"},
        {"[flatten, dense: {units: 3, inputs: input}]", "no later layer uses 'flatten1'"},
        {"[dense: {units: 3}, softmax]", "the loss applies softmax itself"},
        {"[flatten: {name: a}, relu: {name: a}, dense: {units: 3}]", "'a' is the name"},
        {"[flatten: {name: a/b}, dense: {units: 3}]", "without blank"},
        {"[flatten: {name: input}, dense: {units: 3}]", "'input' is the name"},
        {"[relu: {name: dense1}, dense: {units: 3}]", "default name 'dense1' is taken"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        og_model *model = NULL;
        struct og_error err = {0};
        assert_int_equal(nn_build(&model, cases[i].yaml, image, 3, &err), OG_INPUT);
        assert_null(model);
        if (!strstr(err.text, cases[i].says))
            fail_msg("'%s' does not say '%s'", err.text, cases[i].says);
        if (!strstr(err.text, "test:")) fail_msg("'%s' names no place", err.text);
    }
}

static void memory_may_run_out_anywhere(void **state)
{
    (void)state;
    og_item *root;
    struct og_error err = {0};
    assert_int_equal(og_item_parse(&root, "test", net, &err), OG_OK);
    og_model *model = NULL, *copy = NULL;
    og_exec *exec = NULL;
    size_t n = 0;
    for (og_status status = OG_NO_MEMORY; status != OG_OK;) {
        struct og_error e = {0};
        og_alloc_fail_at(++n);
        status = og_model_build(&model, root, &image, 3, &e);
        assert_true(status == OG_OK || (status == OG_NO_MEMORY && !model));
    }
    assert_true(n > 10);
    n = 0;
    for (og_status status = OG_NO_MEMORY; status != OG_OK;) {
        og_alloc_fail_at(++n);
        status = og_model_copy(&copy, model, NULL);
        assert_true(status == OG_OK || (status == OG_NO_MEMORY && !copy));
    }
    assert_true(n > 10);
    n = 0;
    for (og_status status = OG_NO_MEMORY; status != OG_OK;) {
        og_alloc_fail_at(++n);
        status = og_exec_alloc(
            &exec, model, &(struct og_exec_options){.batch = 40, .training = true}, NULL);
        assert_true(status == OG_OK || (status == OG_NO_MEMORY && !exec));
    }
    assert_true(n > 20);
    og_alloc_fail_at(0);
    og_exec_free(exec);
    og_model_free(copy);
    og_model_free(model);
    og_item_free(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tensors_are_named_and_placed),
        cmocka_unit_test(start_values_depend_on_seed_and_place),
        cmocka_unit_test(a_copy_is_its_own),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(memory_may_run_out_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
