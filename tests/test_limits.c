// SPDX-License-Identifier: GPL-3.0-or-later
// The search of activation limits against faults.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "compress_tools.h"

enum { WIDE = 20 };
static const char net[] = "- dense: {units: 20, name: a}\n"
                          "- relu: {above: zero, search: true, name: r}\n"
                          "- dense: {units: 20, name: b}\n"
                          "- relu: {search: true, name: s}\n"
                          "- dense: {units: 4, name: c}\n";
static const char one_net[] = "- dense: {units: 20, name: a}\n"
                              "- relu: {above: zero, search: true, name: r}\n"
                              "- dense: {units: 4, name: c}\n";

// A well trained network and a round on hardware whose stuck devices conduct far more
// than any other. In the caller's memory, since the round borrows w->base.
static void begin_search(struct work *w, const char *layers, const char *round)
{
    *w = (struct work){.model = nn_model(layers, image, CLASSES), .base = base_config()};
    w->base.epochs = 10;
    train_model(w);
    w->base.hardware = nn_noisy();
    w->base.hardware.device.program.sigma = 0;
    w->base.hardware.adc.bits = 0;
    w->base.hardware.device.faults.g_lrs = 8 * w->base.hardware.device.g_max;
    must(open_round(w, round), &w->err);
}

static float *limits_of(const struct work *w)
{
    size_t n;
    return og_model_state(w->model, &n);
}

// Area under accuracy against p_lrs with two chips on the first n samples, by the public
// means alone.
static double area_of(const struct work *w, const double *rate, const double *weight,
                      int rates, size_t n)
{
    double area = 0.0;
    struct og_dataset few = data;
    few.n = n;
    for (int r = 0; r < rates; r++) {
        struct og_hardware hw = w->base.hardware;
        hw.device.faults.p_lrs = rate[r];
        og_exec *exec =
            nn_exec(w->model, &(struct og_exec_options){.hardware = &hw, .batch = 50});
        struct og_error err = {0};
        must(og_calibrate(exec, &data, (size_t)w->base.calibrate_samples, w->base.seed,
                          &err),
             &err);
        for (uint32_t k = 0; k < 2; k++) {
            const struct og_chip chip = {w->base.seed, OG_TRAINING_TRIAL, k};
            const struct og_evaluate_options o = {
                .set = &few, .chip = &chip, .pass = k, .batch = 50};
            struct og_evaluation e;
            og_exec_program(exec, &chip);
            must(og_evaluate(exec, &o, &e, &err), &err);
            area += weight[r] * e.accuracy / 2;
        }
        og_exec_free(exec);
    }
    return area;
}

// The largest output of the first relu of one_net, from its definition.
static float largest_output(og_model *model, size_t n)
{
    size_t count;
    const float *p = og_model_params(model, &count);
    float x[PIXELS], largest = 0.0f;
    for (uint32_t i = 0; i < n; i++) {
        og_dataset_fetch(&data, &i, 1, NULL, x);
        for (size_t j = 0; j < WIDE; j++) {
            double sum = p[WIDE * PIXELS + j];
            for (size_t k = 0; k < PIXELS; k++) sum += (double)p[j * PIXELS + k] * x[k];
            largest = fmaxf(largest, (float)sum);
        }
    }
    return largest;
}

static void finds_the_best_of_its_grid(void **state)
{
    (void)state;
    enum { POINTS = 8, N = 120 };
    static const double rate[] = {0.002, 0.01, 0.02};
    static const double weight[] = {0.5 * 8 / 18, 0.5, 0.5 * 10 / 18};
    struct work w;
    begin_search(&w, one_net,
                 "activation_limits: {fault_rates: [0.002, 0.01, 0.02], "
                 "samples: 120, points: 8, iterations: 1}\n");
    assert_int_equal(og_compress_steps(w.c), 1 + POINTS * 3 * 2);
    float *limit = limits_of(&w);
    assert_true(*limit == 0.0f);
    run_to(&w, 1);
    const float start = *limit;
    assert_true(fabsf(start - largest_output(w.model, N)) <= 1e-5f * start);
    run_all(&w);
    const float found = *limit;
    const struct og_limit_info info = og_compress_limit(w.c, 0);
    assert_int_equal(og_compress_limits(w.c), 1);
    assert_string_equal(info.node, "r");
    assert_true(info.start == start && info.limit == found && info.tries == POINTS);
    double best = -1.0, worst = 2.0;
    float expected = 0.0f;
    for (int j = 0; j < POINTS; j++) {
        *limit = (float)((double)start * (POINTS - j) / POINTS);
        assert_true(fabs(info.tried[j] - *limit) <= 1e-6 * start);
        *limit = (float)info.tried[j];
        const double area = area_of(&w, rate, weight, 3, N);
        assert_true(fabs(area - info.area[j]) < 1e-12);
        if (area > best + 1e-12) expected = *limit, best = area;
        worst = fmin(worst, area);
    }
    assert_true(found == expected);
    // There is something to find: below the largest output, and better than no limit.
    assert_true(found < start && best > worst + 0.05);
    *limit = 0.0f;
    const double without = area_of(&w, rate, weight, 3, N);
    assert_true(best > without + 0.05);
    end(&w);
}

// Later intervals lie around the best so far and never lose it.
static void intervals_shrink_around_the_best(void **state)
{
    (void)state;
    enum { P = 3, ITERATIONS = 3 };
    struct work w;
    begin_search(&w, net,
                 "activation_limits: {fault_rates: [0.05], samples: "
                 "60, chips: 1, points: 3, iterations: 3}\n");
    assert_int_equal(og_compress_steps(w.c), 1 + 2 * P * ITERATIONS);
    run_to(&w, 1);
    const float start[] = {limits_of(&w)[0], limits_of(&w)[1]};
    run_to(&w, 1 + P * ITERATIONS);
    assert_true(limits_of(&w)[1] == start[1]);  // relu by relu
    run_all(&w);
    for (size_t i = 0; i < 2; i++) {
        const struct og_limit_info info = og_compress_limit(w.c, i);
        double low = 0.0, high = start[i], best = 0.0, area = -1.0;
        assert_true(info.start == start[i]);
        for (int t = 0; t < P * ITERATIONS; t++) {
            const int parts = t < P ? P : P + 1;
            const double each = (high - low) / (t <= P ? P : P + 1);
            if (t > 0 && t % P == 0) {
                low = fmax(0.0, best - each);
                high = fmin(start[i], best + each);
            }
            const double expected = low + (high - low) * (P - t % P) / parts;
            assert_true(fabs(info.tried[t] - expected) <= 1e-5 * start[i]);
            if (info.area[t] > area) area = info.area[t], best = info.tried[t];
        }
        assert_true(limits_of(&w)[i] == (float)best && info.limit == best);
    }
    const struct og_compress_place p = og_compress_place(w.c);
    assert_int_equal(p.phase, OG_COMPRESS_LIMITS);
    assert_true(p.epoch == 2 * P * ITERATIONS && p.epochs == p.epoch);
    end(&w);
}

static const char noisy_round[] =
    "activation_limits: {fault_rates: [0, 0.04, 0.08], fault: p_hrs, samples: 60, chips: "
    "2, points: 2, iterations: 2}\n";

// With read noise, converters and calibrated ranges.
static void begin_noisy(struct work *w, bool train)
{
    *w = (struct work){.model = nn_model(net, image, CLASSES), .base = base_config()};
    if (train) train_model(w);
    w->base.hardware = nn_noisy();
    w->base.hardware.dac.mode = OG_RANGE_MINMAX;
    w->base.hardware.adc.mode = OG_RANGE_MINMAX;
    must(open_round(w, noisy_round), &w->err);
}

static void same_limits(const struct work *a, const struct work *b)
{
    for (size_t k = 0; k < 2; k++) {
        const struct og_limit_info x = og_compress_limit(a->c, k),
                                   y = og_compress_limit(b->c, k);
        assert_int_equal(x.tries, 4);
        assert_memory_equal(x.tried, y.tried, x.tries * sizeof *x.tried);
        assert_memory_equal(x.area, y.area, x.tries * sizeof *x.area);
    }
}

static const struct kind_of_round limits_round = {begin_noisy, same_limits};

static void resumes_to_the_bit(void **state)
{
    (void)state;
    static const size_t stop[] = {0, 1, 2, 4, 8, 25, 49};
    struct work w;
    begin_noisy(&w, false);
    assert_int_equal(og_compress_steps(w.c), 1 + 2 * 2 * 2 * 3 * 2);
    end(&w);
    check_resuming(&limits_round, stop, sizeof stop / sizeof *stop);
}

static void threads_do_not_matter(void **state)
{
    (void)state;
    check_threads(&limits_round);
}

// Weights learn on under the limits that were found.
static void training_goes_on_under_the_limits(void **state)
{
    (void)state;
    struct work w;
    begin_search(&w, net,
                 "activation_limits: {fault_rates: [0.05], samples: "
                 "60, points: 2, iterations: 1}\n");
    run_all(&w);
    const float found[] = {limits_of(&w)[0], limits_of(&w)[1]};
    close_round(&w);
    assert_true(found[0] > 0.0f && found[1] > 0.0f);
    must(open_round(&w, "sets: [{layer: all, kind: irregular, keep: 0.5}]"), &w.err);
    assert_int_equal(og_compress_limits(w.c), 0);
    run_all(&w);
    assert_memory_equal(limits_of(&w), found, sizeof found);
    end(&w);
}

// The area takes the axis of the rates that was asked for.
static void scale_weighs_the_rates(void **state)
{
    (void)state;
    static const double rate[] = {0.001, 0.01, 0.1};
    static const double weight[] = {0.25, 0.5, 0.25};
    struct work w;
    begin_search(&w, one_net,
                 "activation_limits: {fault_rates: [0.001, 0.01, 0.1], "
                 "scale: log, samples: 80, points: 1, iterations: 1}\n");
    run_all(&w);
    const struct og_limit_info info = og_compress_limit(w.c, 0);
    assert_true(info.limit == info.start);
    assert_true(fabs(area_of(&w, rate, weight, 3, 80) - info.area[0]) < 1e-12);
    end(&w);
}

// A rate is that of every device, also of a layer that has another one of its own.
static void rates_reach_layers_of_their_own(void **state)
{
    (void)state;
    static const char round[] =
        "activation_limits: {fault_rates: [0.01, 0.05], samples: 60, points: 2, "
        "iterations: 1}\n";
    struct work plain, own;
    begin_search(&plain, one_net, round);
    run_all(&plain);
    begin_search(&own, one_net, round);
    close_round(&own);
    og_item *layers, *high;
    must(og_item_parse(&layers, "layers",
                       "- {layer: [a, c], device: {faults: {p_lrs: 0.4}}}\n", &own.err),
         &own.err);
    own.base.hardware.layers = layers;
    must(open_round(&own, round), &own.err);
    run_all(&own);
    const struct og_limit_info x = og_compress_limit(plain.c, 0),
                               y = og_compress_limit(own.c, 0);
    assert_memory_equal(x.area, y.area, x.tries * sizeof *x.area);
    assert_true(og_item_find(layers, "[0].device.faults.p_lrs", false) != NULL);
    close_round(&own);
    must(og_item_parse(&high, "layers", "- {layer: a, device: {faults: {p_hrs: 0.96}}}\n",
                       &own.err),
         &own.err);
    own.base.hardware.layers = high;
    assert_int_equal(open_round(&own, round), OG_INPUT);
    assert_non_null(strstr(own.err.text, "layer 'a'"));
    end(&own);
    end(&plain);
    og_item_free(layers);
    og_item_free(high);
}

static void wrong_rounds_are_errors(void **state)
{
    (void)state;
    static const struct {
        const char *net, *round, *message;
        bool ideal;
    } wrong[] = {
        {one_net, "activation_limits: {fault_rates: [0.1]}\n", "which is ideal", true},
        {linear_net, "activation_limits: {fault_rates: [0.1]}\n", "'search: true'",
         false},
        {one_net, "activation_limits: {samples: 10}\n", "fault_rates", false},
        {one_net, "activation_limits: {fault_rates: []}\n", "at least one", false},
        {one_net, "activation_limits: {fault_rates: [0.1, 0.1]}\n", "rising", false},
        {one_net, "activation_limits: {fault_rates: [0.1, 1.5]}\n", "1.5", false},
        {one_net, "activation_limits: {fault_rates: [0, 0.1], scale: log}\n", "rate 0",
         false},
        {one_net, "activation_limits: {fault_rates: [0.1, 0.95]}\n", "above 1", false},
        {one_net, "activation_limits: {fault_rates: [0.1], chip: 2}\n", "chip", false},
        {one_net, "activation_limits: {fault_rates: [0.1]}\npurify: true\n", "of its own",
         false},
        {one_net, "purify: true\n", "or activation_limits in its place", false},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct work w = {.model = nn_model(wrong[i].net, image, CLASSES),
                         .base = base_config()};
        if (!wrong[i].ideal) w.base.hardware = nn_noisy();
        w.base.hardware.device.faults.p_hrs = 0.1;
        assert_int_equal(open_round(&w, wrong[i].round), OG_INPUT);
        if (!strstr(w.err.text, wrong[i].message))
            fail_msg("'%s' does not say '%s'", w.err.text, wrong[i].message);
        end(&w);
    }
}

// Rates are of draws, not of a map.
static void maps_leave_no_rate(void **state)
{
    (void)state;
    struct work w = {.model = nn_model(one_net, image, CLASSES), .base = base_config()};
    w.base.hardware = nn_noisy();
    strcpy(w.base.hardware.fault_map.file, "map.h5");
    assert_int_equal(open_round(&w, "activation_limits: {fault_rates: [0.1]}\n"),
                     OG_INPUT);
    assert_non_null(strstr(w.err.text, "excludes the fault_map"));
    end(&w);
}

// A relu that is never open has no limit.
static void dead_relu_is_an_error(void **state)
{
    (void)state;
    struct work w = {.model = nn_model(one_net, image, CLASSES), .base = base_config()};
    size_t n;
    float *p = og_model_params(w.model, &n);
    for (size_t i = 0; i < n; i++) p[i] = -1.0f;
    w.base.hardware = nn_noisy();
    must(open_round(&w, "activation_limits: {fault_rates: [0.1]}\n"), &w.err);
    assert_int_equal(og_compress_step(w.c, &w.err), OG_INPUT);
    assert_non_null(strstr(w.err.text, "relu 'r'"));
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_best_of_its_grid),
        cmocka_unit_test(intervals_shrink_around_the_best),
        cmocka_unit_test(resumes_to_the_bit),
        cmocka_unit_test(threads_do_not_matter),
        cmocka_unit_test(training_goes_on_under_the_limits),
        cmocka_unit_test(scale_weighs_the_rates),
        cmocka_unit_test(rates_reach_layers_of_their_own),
        cmocka_unit_test(wrong_rounds_are_errors),
        cmocka_unit_test(maps_leave_no_rate),
        cmocka_unit_test(dead_relu_is_an_error),
    };
    return cmocka_run_group_tests(tests, make_data, drop_data);
}
