// SPDX-License-Identifier: GPL-3.0-or-later
// Networks that foretell text: gradients, the state that goes on from window to window,
// evaluation, checkpoints, and networks that cannot.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "nn_tools.h"
#include "ohmgrid/cpu.h"
#include "ohmgrid/learn.h"

enum { SYMBOLS = 7, LENGTH = 601 };

static const char lstm_net[] =
    "- embedding: {units: 5, range: 1}\n- lstm: {units: 6, layers: 2, return: sequence}\n"
    "- dense: {units: 7, each_step: true}\n";
static const char *const nets[] = {
    lstm_net,
    "- embedding: {units: 4, range: 1}\n"
    "- lstm: {units: 6, layers: 2, projection: 3, return: sequence}\n"
    "- dense: {units: 7, each_step: true}\n",
    "- embedding: {units: 4, range: 1}\n- gru: {units: 5, return: sequence}\n"
    "- dense: {units: 7, each_step: true}\n",
    "- embedding: {units: 4, range: 1}\n"
    "- gru: {units: 5, linear_before_reset: false, return: sequence}\n"
    "- dense: {units: 7, each_step: true}\n",
    "- embedding: {units: 4, range: 1}\n- rnn: {units: 5, return: sequence}\n"
    "- dense: {units: 7, each_step: true}\n",
};
enum { NETS = sizeof nets / sizeof *nets };

// A text with some law: each symbol depends on the two before it.
static struct og_dataset make_text(size_t streams, size_t steps, size_t length)
{
    struct og_dataset set = {.symbols = length, .streams = streams, .classes = SYMBOLS};
    set.shape = (struct og_shape){1, {steps, SYMBOLS, 0}};
    set.symbol = og_alloc(length, sizeof *set.symbol);
    const struct og_stream s = og_stream_named(3, OG_INIT, 0, 0, 0);
    for (size_t i = 2; i < length; i++) {
        const uint32_t w = og_random_word(&s, (struct og_index){0, 0, 0}, i);
        set.symbol[i] = w % 4 == 0
                            ? w / 4 % SYMBOLS
                            : (set.symbol[i - 1] + 2 * set.symbol[i - 2] + 1) % SYMBOLS;
    }
    const size_t longest = (length - 1 + streams - 1) / streams;
    set.n = (longest + steps - 1) / steps * streams;
    return set;
}

static og_model *make_model(const char *net, const struct og_dataset *set)
{
    return nn_model(net, set->shape, set->classes);
}

// A batch of the samples from `first` on.
struct page {
    struct og_batch b;
    float x[512];
    uint32_t sample[64], target[512];
    double loss[512];
    uint8_t hit[512];
};

static void turn(struct page *p, const struct og_dataset *set, size_t first, size_t n)
{
    assert_true(n * set->shape.dim[0] <= 512 && n <= 64);
    for (size_t i = 0; i < n; i++) p->sample[i] = (uint32_t)(first + i);
    og_dataset_fetch(set, p->sample, n, NULL, p->x);
    og_dataset_targets(set, p->sample, n, p->target);
    p->b = (struct og_batch){.x = p->x,
                             .target = p->target,
                             .sample = p->sample,
                             .n = n,
                             .streams = set->streams,
                             .seed = 5};
}

static og_exec *make_exec(og_model *model, const struct og_dataset *set,
                          const struct og_hardware *hw, bool training)
{
    const struct og_exec_options options = {.hardware = hw,
                                            .batch = set->streams,
                                            .training = training,
                                            .gradient = OG_STRAIGHT_THROUGH,
                                            .streams = set->streams};
    return nn_exec(model, &options);
}

// --- gradients -----------------------------------------------------------------------

// Mean loss of the second window, whose state comes from the first one.
static double second_loss(og_exec *exec, const struct og_dataset *set,
                          const float *carried)
{
    static struct page p;
    size_t count, targets = 0;
    float *state = og_exec_carried(exec, &count);
    memcpy(state, carried, count * sizeof *state);
    turn(&p, set, set->streams, set->streams);
    og_exec_program(exec, &(struct og_chip){0});
    og_exec_forward(exec, &p.b);
    for (size_t i = 0; i < p.b.n * set->shape.dim[0]; i++)
        targets += p.target[i] != OG_NO_TARGET;
    return og_exec_loss(exec, &p.b, NULL) / (double)targets;
}

static void check_gradient(const char *net)
{
    // The first stream is one shorter: its last step has no target.
    struct og_dataset set = make_text(3, 6, 36);
    og_model *model = make_model(net, &set);
    og_model_init(model, 4);
    og_exec *exec = make_exec(model, &set, NULL, true);
    static struct page p;
    size_t n, count;
    float *w = og_model_params(model, &n);
    turn(&p, &set, 0, 3);
    og_exec_program(exec, &(struct og_chip){0});
    og_exec_forward(exec, &p.b);
    const float *state = og_exec_carried(exec, &count);
    assert_true(count > 0);
    float *carried = og_alloc(count, sizeof *carried), *gradient;
    memcpy(carried, state, count * sizeof *carried);
    gradient = og_alloc(n, sizeof *gradient);
    turn(&p, &set, 3, 3);
    assert_true(p.target[6 - 1] == OG_NO_TARGET);
    og_exec_forward(exec, &p.b);
    memcpy(gradient, og_exec_backward(exec, &p.b), n * sizeof *gradient);
    double largest = 0;
    for (size_t i = 0; i < n; i++) largest = fmax(largest, fabs((double)gradient[i]));
    assert_true(largest > 1e-3);
    for (size_t i = 0; i < n; i++) {
        const float old = w[i], step = 4e-3f;
        w[i] = old + step;
        const double up = second_loss(exec, &set, carried);
        w[i] = old - step;
        const double down = second_loss(exec, &set, carried);
        w[i] = old;
        const double slope = (up - down) / (2 * (double)step);
        if (!(fabs(slope - (double)gradient[i]) <= 2e-4 + 5e-3 * fabs(slope)))
            fail_msg("parameter %zu: %g is not %g", i, (double)gradient[i], slope);
    }
    og_free(carried);
    og_free(gradient);
    og_exec_free(exec);
    og_model_free(model);
    og_free(set.symbol);
}

static void gradients(void **state)
{
    (void)state;
    for (size_t i = 0; i < NETS; i++) check_gradient(nets[i]);
}

// --- the carried state ---------------------------------------------------------------

// The loss of every target of the text, in its order.
static void all_losses(og_exec *exec, const struct og_dataset *set, double *loss)
{
    static struct page p;
    const size_t steps = set->shape.dim[0], each = (set->symbols - 1) / set->streams;
    for (size_t first = 0; first < set->n; first += set->streams) {
        turn(&p, set, first, set->streams);
        og_exec_forward(exec, &p.b);
        og_exec_losses(exec, &p.b, p.loss, NULL);
        for (size_t k = 0; k < set->streams; k++)
            for (size_t t = 0; t < steps; t++)
                if (p.target[k * steps + t] != OG_NO_TARGET)
                    loss[k * each + first / set->streams * steps + t] =
                        p.loss[k * steps + t];
    }
}

// Windows of any length give the bits of one long sequence, on hardware with noise too,
// where the reads would differ by name and not in law: so without noise.
static void check_long(const char *net, const struct og_hardware *hw)
{
    double one[120], many[120];
    struct og_dataset whole = make_text(2, 60, 121), parts = make_text(2, 7, 121);
    og_model *a = make_model(net, &whole), *b = make_model(net, &parts);
    og_model_init(a, 9);
    og_model_init(b, 9);
    og_exec *ea = make_exec(a, &whole, hw, false), *eb = make_exec(b, &parts, hw, true);
    og_exec_program(ea, &(struct og_chip){0});
    og_exec_program(eb, &(struct og_chip){0});
    all_losses(ea, &whole, one);
    for (int again = 0; again < 2; again++) {  // the first window begins anew
        all_losses(eb, &parts, many);
        for (int i = 0; i < 120; i++)
            if (!(one[i] == many[i])) fail_msg("target %d: %g %g", i, one[i], many[i]);
    }
    og_exec_free(ea);
    og_exec_free(eb);
    og_model_free(a);
    og_model_free(b);
    og_free(whole.symbol);
    og_free(parts.symbol);
}

static void one_long_sequence(void **state)
{
    (void)state;
    struct og_hardware hw = og_hardware_default();
    hw.ideal = false;
    hw.dac.bits = 6;
    hw.dac.mode = OG_RANGE_FIXED;
    hw.dac.range = 1;
    for (size_t i = 0; i < NETS; i++) {
        check_long(nets[i], NULL);
        check_long(nets[i], &hw);
    }
}

// Perplexity by hand: a network of which all logits are 0 knows nothing.
static void uniform_loss(void **state)
{
    (void)state;
    struct og_dataset set = make_text(2, 60, 121);
    og_model *model = make_model(lstm_net, &set);
    size_t n;
    float *w = og_model_params(model, &n);
    memset(w, 0, n * sizeof *w);
    og_exec *exec = make_exec(model, &set, NULL, false);
    og_exec_program(exec, &(struct og_chip){0});
    const struct og_chip chip = {0};
    const struct og_evaluate_options o = {.set = &set, .chip = &chip, .batch = 2};
    struct og_evaluation e;
    assert_int_equal(og_evaluate(exec, &o, &e, NULL), OG_OK);
    assert_true(fabs(exp(e.loss) - SYMBOLS) < 1e-6);
    og_exec_free(exec);
    og_model_free(model);
    og_free(set.symbol);
}

// --- evaluation and training ---------------------------------------------------------

static struct og_train_config config_of(size_t streams)
{
    struct og_train_config c = {
        .epochs = 4,
        .batch = (int)streams,
        .optimizer = OG_ADAM,
        .lr = 0.02,
        .beta1 = 0.9,
        .beta2 = 0.999,
        .clip_norm = 1,
        .seed = 7,
        .calibrate_every = 4,
        .calibrate_samples = 100,
        .hardware = nn_noisy(),
    };
    c.ideal_epochs = 2;
    return c;
}

static og_trainer *make_trainer(og_model *model, const struct og_train_config *config,
                                const struct og_dataset *set)
{
    og_trainer *t;
    struct og_error err = {0};
    if (og_trainer_alloc(&t, model, config, set, &err) != OG_OK) fail_msg("%s", err.text);
    return t;
}

static void run_steps(og_trainer *t, size_t steps)
{
    struct og_error err = {0};
    while (steps-- > 0)
        if (og_trainer_step(t, &err) != OG_OK) fail_msg("%s", err.text);
}

// 40 streams are two blocks. Any number of threads, any batch of the evaluation.
static void same_bits(void **state)
{
    (void)state;
    struct og_dataset set = make_text(40, 5, LENGTH);
    struct og_evaluation first = {0};
    uint8_t hits[3][LENGTH];
    float *weights = NULL;
    size_t n;
    for (int run = 0; run < 3; run++) {
        static const int threads[] = {1, 2, 7};
        og_set_threads(threads[run]);
        og_model *model = make_model(lstm_net, &set);
        struct og_train_config config = config_of(40);
        config.epochs = 30;
        og_trainer *t = make_trainer(model, &config, &set);
        run_steps(t, og_trainer_steps(t));
        const float *w = og_model_params(model, &n);
        if (!weights) weights = memcpy(og_alloc(n, sizeof *w), w, n * sizeof *w);
        assert_memory_equal(weights, w, n * sizeof *w);
        og_exec *exec = make_exec(model, &set, &config.hardware, false);
        assert_int_equal(og_calibrate(exec, &set, 100, 1, NULL), OG_OK);
        const struct og_chip chip = {.seed = 2};
        og_exec_program(exec, &chip);
        static const size_t batch[] = {40, 7, 32};
        const struct og_evaluate_options o = {
            .set = &set, .chip = &chip, .batch = batch[run], .hit = hits[run]};
        struct og_evaluation e;
        assert_int_equal(og_evaluate(exec, &o, &e, NULL), OG_OK);
        if (run == 0) first = e;
        assert_memory_equal(&first, &e, sizeof e);
        assert_memory_equal(hits[0], hits[run], LENGTH - 1);
        og_exec_free(exec);
        og_trainer_free(t);
        og_model_free(model);
    }
    og_set_threads(0);
    assert_true(first.loss < log(SYMBOLS) - 0.1);
    og_free(weights);
    og_free(set.symbol);
}

// A checkpoint between two windows has the state of every stream.
static void checkpoint(void **state)
{
    (void)state;
    struct og_dataset set = make_text(6, 5, LENGTH);
    const struct og_train_config config = config_of(6);
    og_model *a = make_model(lstm_net, &set), *b = make_model(lstm_net, &set);
    og_trainer *ta = make_trainer(a, &config, &set), *tb = make_trainer(b, &config, &set);
    const size_t all = og_trainer_steps(ta), epoch = all / 4;
    assert_int_equal(epoch, 20);
    static const size_t stops[] = {7, 20, 47, 59};
    for (size_t i = 0; i < 4; i++) {
        run_steps(ta, stops[i] - og_trainer_at(ta));
        const size_t bytes = og_trainer_bytes(ta);
        void *saved = og_alloc(bytes, 1);
        og_trainer_save(ta, saved);
        assert_int_equal(og_trainer_restore(tb, saved, bytes, NULL), OG_OK);
        og_free(saved);
        run_steps(tb, 2);
    }
    run_steps(ta, all - og_trainer_at(ta));
    run_steps(tb, all - og_trainer_at(tb));
    size_t n;
    const float *wa = og_model_params(a, &n), *wb = og_model_params(b, &n);
    assert_memory_equal(wa, wb, n * sizeof *wa);
    size_t epochs;
    const struct og_curve *curve = og_trainer_curve(ta, &epochs);
    assert_int_equal(epochs, 4);
    assert_true(curve[1].loss < curve[0].loss && curve[0].loss < 2.5);
    og_trainer_free(ta);
    og_trainer_free(tb);
    og_model_free(a);
    og_model_free(b);
    og_free(set.symbol);
}

// The number of streams is the batch.
static void wrong_batch(void **state)
{
    (void)state;
    struct og_dataset set = make_text(6, 5, LENGTH);
    const struct og_train_config config = config_of(5);
    og_model *model = make_model(lstm_net, &set);
    og_trainer *t;
    struct og_error err = {0};
    assert_int_equal(og_trainer_alloc(&t, model, &config, &set, &err), OG_INPUT);
    assert_non_null(strstr(err.text, "6 streams"));
    og_model_free(model);
    og_free(set.symbol);
}

// --- networks ------------------------------------------------------------------------

static void refused_networks(void **state)
{
    (void)state;
    static const struct {
        const char *net, *why;
    } bad[] = {
        {"- lstm: {units: 3}\n", "only an embedding reads"},
        {"- dense: {units: 7}\n", "only an embedding reads"},
        {"- embedding: {units: 4}\n- lstm: {units: 7}\n", "logits of each step, [6][7]"},
        {"- embedding: {units: 7}\n- softmax\n", "takes inputs of rank 1"},
        {"- embedding: {units: 4}\n- dense: {units: 7}\n", "logits of each step"},
        {"- embedding: {units: 4}\n- dense: {units: 8, each_step: true}\n",
         "logits of each step"},
        {"- embedding: {units: 4}\n"
         "- lstm: {units: 4, bidirectional: true, return: sequence}\n"
         "- dense: {units: 7, each_step: true}\n",
         "would see the symbols that are to be foretold"},
    };
    const struct og_shape text = {1, {6, 7, 0}}, image = {3, {1, 6, 7}};
    og_model *model;
    struct og_error err;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        memset(&err, 0, sizeof err);
        assert_int_equal(nn_build(&model, bad[i].net, text, 7, &err), OG_INPUT);
        if (!strstr(err.text, bad[i].why)) fail_msg("%s", err.text);
    }
    memset(&err, 0, sizeof err);
    assert_int_equal(nn_build(&model, "- embedding: {units: 7}\n", image, 7, &err),
                     OG_INPUT);
    assert_non_null(strstr(err.text, "symbols of a text"));
    memset(&err, 0, sizeof err);
    assert_int_equal(
        nn_build(&model, "- dense: {units: 7, each_step: true}\n", image, 7, &err),
        OG_INPUT);
    assert_non_null(strstr(err.text, "not rank 3"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients),        cmocka_unit_test(one_long_sequence),
        cmocka_unit_test(uniform_loss),     cmocka_unit_test(same_bits),
        cmocka_unit_test(checkpoint),       cmocka_unit_test(wrong_batch),
        cmocka_unit_test(refused_networks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
