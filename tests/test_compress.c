// SPDX-License-Identifier: GPL-3.0-or-later
// What a round of compression does to the weights.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "compress_tools.h"

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
    run_out(t);
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

static void same_weights(const char *round, const char *other)
{
    struct work a = begin(conv_net, round), b = begin(conv_net, other);
    run_all(&a);
    run_all(&b);
    assert_memory_equal(a.c->params, b.c->params, a.c->param_count * sizeof(float));
    end(&a);
    end(&b);
}

// Residuals of c1 and c2 at the last update.
static void last_residuals(const char *sets, double residual[2])
{
    char round[512];
    snprintf(round, sizeof round,
             "sets: [%s]\nadmm: {epochs: 16, batch: 24, optimizer: sgd, momentum: 0, "
             "lr: 0.05, rho: 0.1}\n"
             "retrain: {epochs: 1}\n",
             sets);
    struct work w = begin(conv_net, round);
    run_to(&w, w.c->admm_steps);
    size_t n;
    const double *rho;
    const struct og_update *u = og_compress_updates(w.c, &n, &rho);
    assert_true(n == 16 && rho[15] == 0.1);  // the common one
    for (int k = 0; k < 2; k++) residual[k] = u[15 * 2 + k].residual;
    end(&w);
}

// Powers of two, whose products are exact.
static void rho_is_scaled_for_each_set(void **state)
{
    (void)state;
    same_weights("sets: [{layer: all, kind: irregular, keep: 0.2, rho_scale: 4},\n"
                 "       {layer: fc, kind: column, keep: 0.5, rho_scale: 4}]\n"
                 "admm: {epochs: 3, rho: 0.015625, rho_factor: 2, rho_max: 0.0625}\n"
                 "retrain: {epochs: 1}\n",
                 "sets: [{layer: all, kind: irregular, keep: 0.2},\n"
                 "       {layer: fc, kind: column, keep: 0.5}]\n"
                 "admm: {epochs: 3, rho: 0.0625, rho_factor: 2, rho_max: 0.25}\n"
                 "retrain: {epochs: 1}\n");
    double first[2], second[2], both[2];
    last_residuals("{layer: c1, kind: irregular, keep: 0.2, rho_scale: 16}, "
                   "{layer: c2, kind: irregular, keep: 0.2}",
                   first);
    last_residuals("{layer: c1, kind: irregular, keep: 0.2}, "
                   "{layer: c2, kind: irregular, keep: 0.2, rho_scale: 16}",
                   second);
    last_residuals("{layer: [c1, c2], kind: irregular, keep: 0.2, rho_scale: 1}", both);
    assert_true(first[0] < 0.5 * both[0] && second[1] < 0.5 * both[1]);
    assert_true(first[1] > 0.7 * both[1] && second[0] > 0.7 * both[0]);
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

// compress.hardware as an experiment says it.
static struct og_hardware hardware_of(const char *block)
{
    static const char model[] = "model: {layers: [{dense: {units: 4}}]}\n";
    const struct og_overrides none = {0};
    char text[512];
    og_experiment *e;
    struct og_config config;
    struct og_error err = {0};
    snprintf(text, sizeof text, "%scompress:\n  hardware: %s\n", model, block);
    must(og_experiment_parse(&e, "e.yaml", text, &none, &err), &err);
    must(og_experiment_point(e, 0, &config, &err), &err);
    og_experiment_free(e);
    assert_null(config.compress.hardware.layers);
    return config.compress.hardware;
}

// A round on such hardware, its masks checked after each step of the retraining.
static struct work compressed_on(const char *block)
{
    struct work w = {.model = nn_model(conv_net, image, CLASSES), .base = base_config()};
    train_model(&w);
    w.base.hardware = hardware_of(block);
    must(open_round(&w, "sets:\n"
                        "  - {layer: [c1, c2], kind: irregular, keep: 0.3}\n"
                        "  - {layer: fc, kind: levels, bits: 3}\n"
                        "admm: {epochs: 2, rho: 0.01}\nretrain: {epochs: 2}\n"),
         &w.err);
    run_to(&w, w.c->admm_steps + 1);
    const size_t n = w.c->param_count;
    float *before = og_alloc(n, sizeof *before);
    memcpy(before, w.c->params, n * sizeof *before);
    while (og_compress_at(w.c) < og_compress_steps(w.c)) {
        must(og_compress_step(w.c, &w.err), &w.err);
        for (size_t i = 0; i < n; i++)
            assert_true(!w.c->frozen[i] || w.c->params[i] == before[i]);
    }
    for (size_t k = 0; k < w.c->pairs; k++) {
        const struct og_pair *p = &w.c->pair[k];
        assert_true(og_set_holds(p->set, w.c->params + p->offset));
    }
    assert_memory_not_equal(before, w.c->params, n * sizeof *before);
    og_free(before);
    return w;
}

// Converters, stuck devices and wires: each of them changes what is learnt, the number of
// threads does not.
static void arrays_are_in_the_loop(void **state)
{
    (void)state;
    static const char *const blocks[] = {
        "ideal",
        "{tile: {rows: 16, cols: 8}, dac: {bits: 6}, adc: {bits: 6}}",
        "{tile: {rows: 16, cols: 8}, dac: {bits: 6}, adc: {bits: 6}, "
        "device: {faults: {p_lrs: 0.02, p_hrs: 0.05}}}",
        "{tile: {rows: 16, cols: 8}, dac: {bits: 6}, adc: {bits: 6}, "
        "device: {faults: {p_lrs: 0.02, p_hrs: 0.05}}, "
        "wires: {mode: approximate, r_row: 5 ohm, r_col: 5 ohm}}",
    };
    enum { BLOCKS = sizeof blocks / sizeof *blocks };
    const int before = og_threads();
    struct work w[BLOCKS];
    og_set_threads(1);
    for (int i = 0; i < BLOCKS; i++) w[i] = compressed_on(blocks[i]);
    const size_t bytes = w[0].c->param_count * sizeof(float);
    for (int i = 0; i < BLOCKS; i++)
        for (int k = 0; k < i; k++)
            assert_memory_not_equal(w[i].c->params, w[k].c->params, bytes);
    og_set_threads(2);
    struct work again = compressed_on(blocks[BLOCKS - 1]);
    assert_memory_equal(again.c->params, w[BLOCKS - 1].c->params, bytes);
    og_set_threads(before);
    end(&again);
    for (int i = 0; i < BLOCKS; i++) end(&w[i]);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_columns_that_matter),
        cmocka_unit_test(follows_its_equations),
        cmocka_unit_test(rho_grows_and_u_shrinks),
        cmocka_unit_test(rho_is_scaled_for_each_set),
        cmocka_unit_test(masks_hold),
        cmocka_unit_test(arrays_are_in_the_loop),
        cmocka_unit_test(rounds_build_on_each_other),
        cmocka_unit_test(group_regularisers),
    };
    return cmocka_run_group_tests(tests, make_data, drop_data);
}
