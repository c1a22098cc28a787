// SPDX-License-Identifier: GPL-3.0-or-later
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "learn/compress.h"
#include "nn_tools.h"
#include "ohmgrid/cpu.h"

enum { SIDE = 6, PIXELS = SIDE * SIDE, CLASSES = 4, SAMPLES = 240 };

static struct og_dataset data;
static const struct og_shape image = {3, {1, SIDE, SIDE}};
static const char linear_net[] = "- dense: {units: 4, name: fc}\n";
static const char conv_net[] =
    "- conv2d: {filters: 4, kernel: 3, name: c1}\n- batch_norm:\n- relu:\n"
    "- max_pool: {size: 2}\n- conv2d: {filters: 6, kernel: 2, name: c2}\n- relu:\n"
    "- flatten:\n- dense: {units: 4, name: fc}\n";

// Class c lights pixels c + 4 k of the second row and the last but one; all other pixels
// are noise.
static bool is_informative(size_t p) { return (p >= 6 && p < 10) || (p >= 24 && p < 28); }

static int make_data(void **state)
{
    (void)state;
    data = (struct og_dataset){.n = SAMPLES, .classes = CLASSES, .channels = 1};
    data.height = data.width = SIDE;
    data.shape = image;
    data.spec.std[0] = 1.0f;
    data.pixel = og_alloc(SAMPLES, PIXELS);
    data.label = og_alloc(SAMPLES, 1);
    if (!data.pixel || !data.label) return 1;
    const struct og_stream s = og_stream_named(5, OG_INIT, 0, 0, 0);
    for (size_t i = 0; i < SAMPLES; i++) {
        data.label[i] = (uint8_t)(i * 7 % CLASSES);
        for (size_t p = 0; p < PIXELS; p++) {
            const uint32_t w =
                og_random_word(&s, (struct og_index){(uint32_t)i, 0, 0}, p) % 160;
            const bool lit = is_informative(p) && (p - 6) % 18 == data.label[i];
            data.pixel[i * PIXELS + p] = (uint8_t)(w + (lit ? 90 : 0));
        }
    }
    return 0;
}

static int drop_data(void **state)
{
    (void)state;
    og_free(data.pixel);
    og_free(data.label);
    return 0;
}

static struct og_train_config base_config(void)
{
    struct og_train_config c = {
        .epochs = 4,
        .batch = 50,
        .optimizer = OG_ADAM,
        .lr = 0.02,
        .momentum = 0.9,
        .beta1 = 0.9,
        .beta2 = 0.999,
        .weight_decay = 0.01,
        .lr_gamma = 0.5,
        .lr_step = 1,
        .seed = 7,
        .calibrate_samples = 64,
        .calibrate_every = 3,
        .hardware = og_hardware_default(),
    };
    c.hardware.ideal = true;
    return c;
}

static void must(og_status status, const struct og_error *err)
{
    if (status != OG_OK) fail_msg("%s", err->text);
}

// A model, a round from YAML, and what it needs.
struct work {
    og_model *model;
    struct og_train_config base;
    og_item *item;
    og_compress *c;
    struct og_error err;
};

static void train_model(struct work *w)
{
    og_trainer *t;
    must(og_trainer_alloc(&t, w->model, &w->base, &data, &w->err), &w->err);
    while (og_trainer_at(t) < og_trainer_steps(t))
        must(og_trainer_step(t, &w->err), &w->err);
    og_trainer_free(t);
}

static og_status open_round(struct work *w, const char *round)
{
    must(og_item_parse(&w->item, "round", round, &w->err), &w->err);
    const struct og_compress_options options = {
        .round = w->item, .base = &w->base, .train = &data, .first_epoch = 4};
    return og_compress_alloc(&w->c, w->model, &options, &w->err);
}

static struct work begin(const char *net, const char *round)
{
    struct work w = {.model = nn_model(net, image, CLASSES), .base = base_config()};
    train_model(&w);
    must(open_round(&w, round), &w.err);
    return w;
}

static void run_to(struct work *w, size_t at)
{
    while (og_compress_at(w->c) < at) must(og_compress_step(w->c, &w->err), &w->err);
}

static void run_all(struct work *w) { run_to(w, og_compress_steps(w->c)); }

static void close_round(struct work *w)
{
    og_compress_free(w->c);
    og_item_free(w->item);
}

static void end(struct work *w)
{
    close_round(w);
    og_model_free(w->model);
}

// Only 8 of 36 word lines carry anything about the class: ADMM must keep just these, and
// the weights must be those of a training which knows them.
static void finds_the_columns_that_matter(void **state)
{
    (void)state;
    struct work w = begin(
        linear_net,
        "sets: [{layer: fc, kind: column, count: 8}]\n"
        "admm: {epochs: 300, update_every: 10, batch: 240, optimizer: sgd, lr: 0.5,\n"
        "       rho: 0.02, rho_factor: 1.15, weight_decay: 0}\n"
        "retrain: {epochs: 400, batch: 240, optimizer: sgd, lr: 1}\n");
    run_all(&w);
    size_t n;
    const float *p = og_model_params(w.model, &n);
    for (size_t i = 0; i < CLASSES * PIXELS; i++)
        assert_true((p[i] != 0.0f) == is_informative(i % PIXELS));
    const struct og_kept kept = og_model_kept_in_all(w.model, false);
    assert_int_equal(kept.all, CLASSES * PIXELS);
    assert_int_equal(kept.kept, CLASSES * 8);
    assert_int_equal(og_model_kept_in_all(w.model, true).all, 0);
    const double *rho;
    const struct og_update *u = og_compress_updates(w.c, &n, &rho);
    assert_int_equal(n, 30);
    assert_true(u[29].residual < 0.02 && u[29].residual < 0.2 * u[0].residual);
    assert_true(u[29].change < 0.02);
    float found[CLASSES * PIXELS + CLASSES];
    memcpy(found, p, sizeof found);
    close_round(&w);

    // The same network with the other pixels switched off from the start. With weight
    // decay the loss is strictly convex, so that there is one solution.
    uint8_t *frozen = og_alloc(CLASSES * PIXELS + CLASSES, 1);
    float *free_p = og_model_params(w.model, &n);
    struct og_train_config config = w.base;
    config.epochs = 400;
    config.batch = SAMPLES;
    config.optimizer = OG_SGD;
    config.lr = 1.0;
    og_model_init(w.model, 3);
    for (size_t i = 0; i < CLASSES * PIXELS; i++) {
        frozen[i] = !is_informative(i % PIXELS);
        if (frozen[i]) free_p[i] = 0.0f;
    }
    const struct og_train_options options = {
        .config = &config, .train = &data, .keep_weights = true, .frozen = frozen};
    og_trainer *t;
    must(og_trainer_alloc_with(&t, w.model, &options, &w.err), &w.err);
    while (og_trainer_at(t) < og_trainer_steps(t))
        must(og_trainer_step(t, &w.err), &w.err);
    for (size_t i = 0; i < CLASSES * PIXELS + CLASSES; i++)
        assert_true(fabsf(free_p[i] - found[i]) <= 1e-3f);
    og_trainer_free(t);
    og_free(frozen);
    og_model_free(w.model);
}

// Z = Proj(W + U) and U += W - Z at every update, Z = Proj(W), U = 0 at the start.
static void follows_its_equations(void **state)
{
    (void)state;
    struct work w = begin(linear_net, "sets: [{layer: fc, kind: irregular, keep: 0.25}]\n"
                                      "admm: {epochs: 4, update_every: 2, rho: 0.05}\n");
    const struct og_pair *p = &w.c->pair[0];
    float z[CLASSES * PIXELS], u[CLASSES * PIXELS], expected[CLASSES * PIXELS];
    must(og_set_project(p->set, w.c->params, NULL, expected, &w.err), &w.err);
    assert_memory_equal(p->z, expected, sizeof expected);
    for (size_t round = 1; round <= 2; round++) {
        memcpy(z, p->z, sizeof z);
        memcpy(u, p->u, sizeof u);
        for (size_t i = 0; i < p->count; i++) {
            assert_true(w.c->pull[i] == 0.05f);
            assert_true(w.c->target[i] == 0.05f * (z[i] - u[i]));
        }
        run_to(&w, round * 2 * 5 - 1);
        assert_memory_equal(p->z, z, sizeof z);  // not before its time
        run_to(&w, round * 2 * 5);
        for (size_t i = 0; i < p->count; i++) expected[i] = w.c->params[i] + u[i];
        must(og_set_project(p->set, expected, NULL, expected, &w.err), &w.err);
        assert_memory_equal(p->z, expected, sizeof expected);
        for (size_t i = 0; i < p->count; i++)
            assert_true(p->u[i] == u[i] + (w.c->params[i] - expected[i]));
    }
    for (size_t i = p->count; i < w.c->param_count; i++)
        assert_true(w.c->pull[i] == 0.0f && w.c->target[i] == 0.0f);
    end(&w);
}

static void rho_grows_and_u_shrinks(void **state)
{
    (void)state;
    struct work a = begin(linear_net, "sets: [{layer: fc, kind: irregular, keep: 0.1}]\n"
                                      "admm: {epochs: 4, rho: 0.01}\n");
    struct work b =
        begin(linear_net, "sets: [{layer: fc, kind: irregular, keep: 0.1}]\n"
                          "admm: {epochs: 4, rho: 0.01, rho_factor: 4, rho_max: 0.06}\n");
    run_to(&a, 5);
    run_to(&b, 5);
    for (size_t i = 0; i < CLASSES * PIXELS; i++)
        assert_true(b.c->pair[0].u[i] == 0.25f * a.c->pair[0].u[i]);
    run_all(&b);
    size_t n;
    const double *rho;
    og_compress_updates(b.c, &n, &rho);
    assert_int_equal(n, 4);
    const double expected[] = {0.01, 0.04, 0.06, 0.06};
    for (int i = 0; i < 4; i++) assert_true(fabs(rho[i] - expected[i]) < 1e-15);
    end(&a);
    end(&b);
}

// Whatever moves weights (momentum, decay, noisy hardware) leaves zeros exact and values
// in place; everything else learns on.
static void masks_hold(void **state)
{
    (void)state;
    static const char round[] = "sets:\n"
                                "  - {layer: [c1, c2], kind: irregular, keep: 0.3}\n"
                                "  - {layer: fc, kind: column, keep: 0.5}\n"
                                "  - {layer: fc, kind: levels, bits: 3}\n"
                                "admm: {epochs: 2, rho: 0.01}\n"
                                "retrain: {epochs: 3, weight_decay: 0.1}\n";
    for (int run = 0; run < 2; run++) {
        struct work w = {.model = nn_model(conv_net, image, CLASSES),
                         .base = base_config()};
        if (run == 1) {
            w.base.hardware = nn_noisy();
            w.base.optimizer = OG_SGD;
        }
        train_model(&w);
        must(open_round(&w, round), &w.err);
        assert_int_equal(w.c->pairs, 4);
        run_to(&w, w.c->admm_steps + 1);
        size_t n, moved = 0, biases = 0;
        const float *p = og_model_params(w.model, &n);
        float *before = og_alloc(n, sizeof *before);
        memcpy(before, p, n * sizeof *before);
        run_all(&w);
        for (size_t k = 0; k < w.c->pairs; k++)
            assert_true(og_set_holds(w.c->pair[k].set, p + w.c->pair[k].offset));
        for (size_t i = 0; i < n; i++) {
            if (w.c->frozen[i]) assert_true(p[i] == before[i]);
            moved += p[i] != before[i];
        }
        for (size_t t = 0; t < og_model_tensors(w.model); t++) {
            const struct og_tensor_info info = og_model_tensor(w.model, t);
            for (size_t i = 0; !info.state && !info.decay && i < info.count; i++)
                biases += p[info.offset + i] != before[info.offset + i];
        }
        const struct og_kept kept = og_model_kept_in_all(w.model, false);
        assert_true(moved > kept.kept / 4 && biases > 10);
        assert_true(kept.kept <= (size_t)(0.52 * (double)kept.all));
        og_free(before);
        end(&w);
    }
}

// A second round goes on with the zeros of the first.
static void rounds_build_on_each_other(void **state)
{
    (void)state;
    struct work w = begin(linear_net, "sets: [{layer: all, kind: irregular, keep: 0.5}]");
    run_all(&w);
    size_t n;
    const float *p = og_model_params(w.model, &n);
    float first[CLASSES * PIXELS];
    memcpy(first, p, sizeof first);
    close_round(&w);
    must(open_round(&w, "{sets: [{layer: all, kind: irregular, keep: 0.25}], "
                        "method: magnitude, admm: {epochs: 2}}"),
         &w.err);
    assert_int_equal(og_compress_steps(w.c), 1 + 6 * 5);
    run_all(&w);
    size_t kept = 0;
    for (size_t i = 0; i < CLASSES * PIXELS; i++) {
        if (first[i] == 0.0f) assert_true(p[i] == 0.0f);
        kept += p[i] != 0.0f;
    }
    assert_int_equal(kept, CLASSES * PIXELS / 4);
    end(&w);
}

static const char every_phase[] =
    "sets: [{layer: all, kind: irregular, keep: 0.3}, {layer: c2, kind: channel, "
    "keep: 0.5}]\n"
    "admm: {epochs: 2, rho: 0.01, rho_factor: 1.5}\n"
    "retrain: {epochs: 2, optimizer: sgd, lr: 0.01}\npurify: true\n";

static void resumes_to_the_bit(void **state)
{
    (void)state;
    struct work a = begin(conv_net, every_phase);
    const size_t stop[] = {0, 3, 5, 10, 11, 14, 20, 21};
    void *bytes[8];
    size_t size[8], n, states;
    assert_int_equal(og_compress_steps(a.c), 21);
    for (int i = 0; i < 8; i++) {
        run_to(&a, stop[i]);
        size[i] = og_compress_bytes(a.c);
        bytes[i] = og_alloc(size[i], 1);
        og_compress_save(a.c, bytes[i]);
    }
    const float *expected = og_model_params(a.model, &n);
    const float *state_a = og_model_state(a.model, &states);
    for (int i = 0; i < 8; i++) {
        struct work b = {.model = nn_model(conv_net, image, CLASSES),
                         .base = base_config()};
        must(open_round(&b, every_phase), &b.err);
        must(og_compress_restore(b.c, bytes[i], size[i], &b.err), &b.err);
        assert_int_equal(og_compress_at(b.c), stop[i]);
        run_all(&b);
        assert_memory_equal(og_model_params(b.model, &n), expected, n * sizeof(float));
        assert_memory_equal(og_model_state(b.model, &states), state_a,
                            states * sizeof(float));
        const double *rho[2];
        size_t updates[2], epochs[2];
        const struct og_update *ua = og_compress_updates(a.c, &updates[0], &rho[0]);
        const struct og_update *ub = og_compress_updates(b.c, &updates[1], &rho[1]);
        assert_true(updates[0] == 2 && updates[1] == 2);
        assert_memory_equal(ua, ub, 2 * a.c->pairs * sizeof *ua);
        assert_memory_equal(rho[0], rho[1], 2 * sizeof(double));
        for (int phase = OG_COMPRESS_ADMM; phase <= OG_COMPRESS_RETRAIN; phase += 2) {
            const enum og_compress_phase of = (enum og_compress_phase)phase;
            const struct og_curve *ca = og_compress_curve(a.c, of, &epochs[0]);
            const struct og_curve *cb = og_compress_curve(b.c, of, &epochs[1]);
            assert_true(epochs[0] == 2 && epochs[1] == 2);
            assert_memory_equal(ca, cb, 2 * sizeof *ca);
        }
        // Of another round, cut short, and no checkpoint at all.
        assert_int_equal(og_compress_restore(b.c, bytes[i], size[i] - 1, NULL), OG_INPUT);
        assert_int_equal(og_compress_restore(b.c, bytes[i], 8, NULL), OG_INPUT);
        close_round(&b);
        must(open_round(&b, "sets: [{layer: all, kind: irregular, keep: 0.3}]"), &b.err);
        assert_int_equal(og_compress_restore(b.c, bytes[i], size[i], NULL), OG_INPUT);
        end(&b);
        og_free(bytes[i]);
    }
    end(&a);
}

static void threads_do_not_matter(void **state)
{
    (void)state;
    const int threads[] = {1, 2, 7}, before = og_threads();
    float *first = NULL;
    for (int i = 0; i < 3; i++) {
        og_set_threads(threads[i]);
        struct work w = begin(conv_net, every_phase);
        run_all(&w);
        size_t n;
        const float *p = og_model_params(w.model, &n);
        if (!first) {
            first = og_alloc(n, sizeof *first);
            memcpy(first, p, n * sizeof *first);
        }
        assert_memory_equal(p, first, n * sizeof *first);
        end(&w);
    }
    og_free(first);
    og_set_threads(before);
}

// The outputs of an ideal network stay, while what nobody uses goes.
static void purification_removes_what_is_unused(void **state)
{
    (void)state;
    og_model *model = nn_model(conv_net, image, CLASSES);
    struct og_error err = {0};
    size_t n, removed = 0;
    float *p = og_model_params(model, &n);
    // c1 [4][1][3][3] + 4, norm 4 + 4, c2 [6][4][2][2] + 6, fc [4][6] + 4
    float *c1 = p, *norm = p + 40, *c2 = norm + 8, *fc = c2 + 96 + 6;
    for (size_t i = 0; i < n; i++) p[i] = 0.3f * sinf((float)(i * 7 + 1)) + 0.1f;
    for (size_t f = 0; f < 6; f++)  // nothing takes filter 0 of c1
        for (size_t k = 0; k < 4; k++) c2[(f * 4) * 4 + k] = 0.0f;
    for (size_t k = 0; k < 9; k++) c1[9 + k] = c1[18 + k] = 0.0f;  // 1 and 2: constants
    norm[4 + 1] = -0.5f;  // filter 1 gives 0 after the relu,
    c1[36 + 1] = 0.0f;
    norm[4 + 2] = 0.5f;  // filter 2 something above 0
    c1[36 + 2] = 0.0f;
    for (size_t j = 0; j < 4; j++) fc[j * 6 + 5] = 0.0f;  // nothing takes filter 5 of c2
    struct nn_batch batch = nn_batch_make(10, PIXELS, CLASSES);
    const struct og_exec_options options = {.batch = 16};
    og_exec *exec = nn_exec(model, &options);
    const struct og_chip chip = {1, 0, 0};
    float before[10 * CLASSES];
    og_exec_program(exec, &chip);
    memcpy(before, og_exec_forward(exec, &batch.b), sizeof before);
    const size_t kept = og_model_kept_in_all(model, false).kept;
    must(og_purify(model, &err), &err);
    og_exec_program(exec, &chip);
    const float *after = og_exec_forward(exec, &batch.b);
    for (int i = 0; i < 10 * CLASSES; i++)
        assert_true(fabsf(after[i] - before[i]) <= 1e-6f);
    // Filter 0 of c1; the inputs from filters 1 of c1 in c2; filter 5 of c2.
    for (size_t k = 0; k < 9; k++) assert_true(c1[k] == 0.0f && c1[27 + k] != 0.0f);
    for (size_t f = 0; f < 5; f++)
        for (size_t k = 0; k < 4; k++)
            assert_true(c2[(f * 4 + 1) * 4 + k] == 0.0f &&
                        c2[(f * 4 + 2) * 4 + k] != 0.0f &&
                        c2[(f * 4 + 3) * 4 + k] != 0.0f);
    for (size_t k = 0; k < 16; k++) assert_true(c2[5 * 16 + k] == 0.0f);
    assert_true(c1[36] == 0.0f && c2[96 + 5] == 0.0f && c2[96 + 4] != 0.0f);
    removed = kept - og_model_kept_in_all(model, false).kept;
    assert_int_equal(removed, 9 + 5 * 4 + 3 * 4);
    nn_batch_free(&batch);
    og_exec_free(exec);
    og_model_free(model);
}

// Gradient of the reweighted penalty, and the prox, against their formulas written out
// for columns; both end with groups near or at zero that the plain loss keeps.
static void group_regularisers(void **state)
{
    (void)state;
    struct work w =
        begin(linear_net, "sets: [{layer: fc, kind: column, count: 8}]\n"
                          "method: reweighted\n"
                          "admm: {epochs: 20, update_every: 5, penalty: 0.002,\n"
                          "       epsilon: 0.05, weight_decay: 0, batch: 240}\n");
    size_t n, updates;
    const double *rho;
    float *p = og_model_params(w.model, &n);
    for (int round = 0; round < 2; round++) {
        for (size_t col = 0; col < PIXELS; col++) {
            double sum = 0.05;
            for (size_t f = 0; f < CLASSES; f++)
                sum += (double)p[f * PIXELS + col] * p[f * PIXELS + col];
            for (size_t f = 0; f < CLASSES; f++) {
                const double pull = w.c->pull[f * PIXELS + col];
                assert_true(fabs(pull - 2 * 0.002 / sum) <= 1e-6 * pull);
            }
        }
        run_to(&w, 5 * (size_t)(round + 1));
    }
    run_all(&w);
    const struct og_update *u = og_compress_updates(w.c, &updates, &rho);
    assert_int_equal(updates, 4);
    assert_true(u[3].residual < u[0].residual);
    end(&w);

    w = begin(linear_net,
              "sets: [{layer: fc, kind: column, count: 8}]\n"
              "method: proximal\n"
              "admm: {epochs: 60, penalty: 0.03, lr: 0.5, optimizer: sgd, momentum: 0,\n"
              "       weight_decay: 0}\n");
    float before[CLASSES * PIXELS];
    p = og_model_params(w.model, &n);
    memcpy(before, p, sizeof before);
    og_admm_shrink(w.c, 10.0);
    for (size_t col = 0; col < PIXELS; col++) {
        double sum = 0.0;
        for (size_t f = 0; f < CLASSES; f++)
            sum += (double)before[f * PIXELS + col] * before[f * PIXELS + col];
        const double factor = fmax(0.0, 1.0 - 10.0 * 0.03 / sqrt(sum));
        for (size_t f = 0; f < CLASSES; f++) {
            const size_t i = f * PIXELS + col;
            assert_true(fabs(p[i] - factor * before[i]) <= 1e-6);
        }
    }
    memcpy(p, before, sizeof before);
    run_to(&w, w.c->admm_steps);
    size_t kept = 0;
    for (size_t i = 0; i < CLASSES * PIXELS; i++) {
        if (is_informative(i % PIXELS)) assert_true(p[i] != 0.0f);
        kept += p[i] != 0.0f;
    }
    assert_true(kept < CLASSES * PIXELS / 2);
    run_all(&w);
    end(&w);
}

static void wrong_rounds_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *round, *says;
    } wrong[] = {
        {"sets:\n  - {layer: fc9, kind: column, keep: 0.5}",
         "round:2: key 'sets[0].layer': 'fc9' is no layer with weights; there are c1, "
         "c2, "
         "fc"},
        {"sets:\n  - {layer: [c1, relu1], kind: column, keep: 0.5}",
         "round:2: key 'sets[0].layer[1]': 'relu1' is no layer"},
        {"sets:\n  - {layer: c1, kind: colum, keep: 0.5}",
         "round:2: key 'sets[0].kind': 'colum' is no"},
        {"sets:\n  - {layer: c1, kind: column, keep: 1.5}",
         "round:2: key 'sets[0].keep': 1.5 is outside the allowed range (0 .. 1)"},
        {"sets:\n  - {layer: c1, kind: column}", "round:2: key 'sets[0]'"},
        {"sets:\n  - {kind: column, keep: 0.5}", "key 'layer' is missing"},
        {"method: admm", "key 'sets' is missing"},
        {"sets: []", "must be a list of at least one"},
        {"sets: [{layer: fc, kind: column, keep: 0.5}]\nmethod: magic",
         "round:2: key 'method': 'magic' is none of: admm, magnitude, reweighted, "
         "proximal"},
        {"sets: [{layer: fc, kind: levels, bits: 3}]\nmethod: proximal",
         "round:1: key 'sets[0]': kind levels has no groups"},
        {"sets: [{layer: fc, kind: column, keep: 0.5}]\nadmm: {rho: 0}",
         "round:2: key 'admm.rho': 0 is outside"},
        {"sets: [{layer: fc, kind: column, keep: 0.5}]\nadmm: {seed: 3}",
         "round:2: key 'admm.seed': unknown key"},
        {"sets: [{layer: fc, kind: column, keep: 0.5}]\nretrain: {rho: 3}",
         "round:2: key 'retrain.rho': unknown key"},
        {"sets: [{layer: fc, kind: column, keep: 0.5}]\nadmm: {update_every: 9}",
         "update_every is 9 epochs, more than epochs = 4"},
        {"sets: [{layer: fc, kind: column, keep: 0.5}]\nadmm: {rho: 1, rho_max: 0.1}",
         "rho_max is 0.1, less than rho = 1"},
        {"sets: [{layer: fc, kind: column, keep: 0.5}]\nretrain: {warmup: 9}",
         "warmup is 9 epochs, more than epochs = 4"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct work w = {.model = nn_model(conv_net, image, CLASSES),
                         .base = base_config()};
        assert_int_equal(open_round(&w, wrong[i].round), OG_INPUT);
        if (!strstr(w.err.text, wrong[i].says))
            fail_msg("'%s', not '%s'", w.err.text, wrong[i].says);
        memset(&w.err, 0, sizeof w.err);
        assert_int_equal(og_compress_check(w.model, w.item, &w.base, &w.err), OG_INPUT);
        assert_non_null(strstr(w.err.text, wrong[i].says));
        end(&w);
    }
    struct work w = {.model = nn_model(conv_net, image, CLASSES), .base = base_config()};
    w.base.epochs = 0;
    assert_int_equal(open_round(&w,
                                "{sets: [{layer: fc, kind: column, keep: 0.5}], retrain: "
                                "{epochs: 2}}"),
                     OG_INPUT);
    assert_non_null(strstr(w.err.text, "admm.epochs is missing, and train.epochs is 0"));
    end(&w);
}

static void failing_allocations(void **state)
{
    (void)state;
    struct work w = {.model = nn_model(conv_net, image, CLASSES), .base = base_config()};
    train_model(&w);
    must(og_item_parse(&w.item, "round", every_phase, &w.err), &w.err);
    const struct og_compress_options options = {
        .round = w.item, .base = &w.base, .train = &data};
    og_status status = OG_NO_MEMORY;
    for (size_t n = 1; status != OG_OK; n++) {
        assert_true(n < 100000);
        og_alloc_fail_at(n);
        status = og_compress_alloc(&w.c, w.model, &options, NULL);
        while (status == OG_OK && og_compress_at(w.c) < og_compress_steps(w.c))
            status = og_compress_step(w.c, NULL);
        og_alloc_fail_at(0);
        if (status == OG_OK) break;
        assert_int_equal(status, OG_NO_MEMORY);
        og_compress_free(w.c);
        w.c = NULL;
        n += n / 8;
    }
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_columns_that_matter),
        cmocka_unit_test(follows_its_equations),
        cmocka_unit_test(rho_grows_and_u_shrinks),
        cmocka_unit_test(masks_hold),
        cmocka_unit_test(rounds_build_on_each_other),
        cmocka_unit_test(resumes_to_the_bit),
        cmocka_unit_test(threads_do_not_matter),
        cmocka_unit_test(purification_removes_what_is_unused),
        cmocka_unit_test(group_regularisers),
        cmocka_unit_test(wrong_rounds_are_named),
        cmocka_unit_test(failing_allocations),
    };
    return cmocka_run_group_tests(tests, make_data, drop_data);
}
