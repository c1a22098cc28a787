// SPDX-License-Identifier: GPL-3.0-or-later
// Rounds of compression: their bytes, unused paths, wrong YAML.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "compress_tools.h"

static const char every_phase[] =
    "sets: [{layer: all, kind: irregular, keep: 0.3}, {layer: c2, kind: channel, "
    "keep: 0.5}, {layer: fc, kind: levels, bits: 3}]\n"
    "admm: {epochs: 2, rho: 0.01, rho_factor: 1.5}\n"
    "retrain: {epochs: 2, optimizer: sgd, lr: 0.01}\npurify: true\nshares: [0.6]\n";

static void begin_with(struct work *w, bool train, const char *round)
{
    *w =
        (struct work){.model = nn_model(conv_net, image, CLASSES), .base = base_config()};
    if (train) train_model(w);
    must(open_round(w, round), &w->err);
}

static void begin_conv(struct work *w, bool train) { begin_with(w, train, every_phase); }

static void begin_reweighted(struct work *w, bool train)
{
    begin_with(w, train,
               "sets: [{layer: all, kind: column, keep: 0.4}, {layer: c2, kind: channel, "
               "keep: 0.5, rho_scale: 1}]\nmethod: reweighted\n"
               "admm: {epochs: 2, penalty: 0.01, epsilon: 0.05}\n"
               "retrain: {epochs: 2, optimizer: sgd, lr: 0.01}\n");
}

static void begin_proximal(struct work *w, bool train)
{
    begin_with(w, train,
               "sets: [{layer: all, kind: column, keep: 0.4}, {layer: c2, kind: channel, "
               "keep: 0.5}]\nmethod: proximal\n"
               "admm: {epochs: 2, penalty: 0.5, optimizer: sgd, lr: 0.02}\n"
               "retrain: {epochs: 2}\n");
}

static void same_updates_and_curves(const struct work *a, const struct work *b)
{
    const double *rho[2];
    size_t updates[2], epochs[2];
    const struct og_update *ua = og_compress_updates(a->c, &updates[0], &rho[0]);
    const struct og_update *ub = og_compress_updates(b->c, &updates[1], &rho[1]);
    assert_true(updates[0] == 2 && updates[1] == 2);
    assert_memory_equal(ua, ub, 2 * a->c->pairs * sizeof *ua);
    assert_memory_equal(rho[0], rho[1], 2 * sizeof(double));
    for (int phase = OG_COMPRESS_ADMM; phase <= OG_COMPRESS_RETRAIN; phase += 2) {
        const enum og_compress_phase of = (enum og_compress_phase)phase;
        const struct og_curve *ca = og_compress_curve(a->c, of, &epochs[0]);
        const struct og_curve *cb = og_compress_curve(b->c, of, &epochs[1]);
        assert_true(epochs[0] == 2 && epochs[1] == 2);
        assert_memory_equal(ca, cb, 2 * sizeof *ca);
    }
}

static const struct kind_of_round conv_round = {begin_conv, same_updates_and_curves};

static void resumes_to_the_bit(void **state)
{
    (void)state;
    static const size_t stop[] = {0, 3, 5, 10, 11, 14, 20, 21};
    struct work w;
    begin_conv(&w, false);
    assert_int_equal(og_compress_steps(w.c), 21);
    end(&w);
    check_resuming(&conv_round, stop, 8);
}

static void group_regularisers_resume_to_the_bit(void **state)
{
    (void)state;
    static const struct kind_of_round rounds[] = {
        {begin_reweighted, same_updates_and_curves},
        {begin_proximal, same_updates_and_curves}};
    static const size_t stop[] = {0, 3, 5, 8, 10, 11, 14, 21};
    for (int i = 0; i < 2; i++) check_resuming(&rounds[i], stop, 8);
}

static void threads_do_not_matter(void **state)
{
    (void)state;
    check_threads(&conv_round);
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

// Every kind of layer that constants and uses pass through, or stop at, with filters
// removed at random: the outputs must stay.
static void purification_keeps_the_function(void **state)
{
    (void)state;
    static const char net[] =
        "- conv2d: {filters: 8, kernel: 3, padding: 1, name: a}\n- batch_norm:\n- tanh:\n"
        "- conv2d: {filters: 8, kernel: 3, padding: 1, groups: 2, name: b}\n- relu:\n"
        "- add: {inputs: [tanh1, relu1]}\n- avg_pool: {size: 2, padding: 1}\n"
        "- dropout: {rate: 0.3}\n- conv2d: {filters: 6, kernel: 1, name: c}\n"
        "- sigmoid:\n- conv2d: {filters: 6, kernel: 2, bias: false, name: d}\n- relu:\n"
        "- global_avg_pool:\n- batch_norm:\n- dense: {units: 7}\n- relu:\n- softmax:\n"
        "- dense: {units: 5, bias: false}\n- dense: {units: 4}\n";
    struct nn_batch batch = nn_batch_make(10, PIXELS, CLASSES);
    const struct og_exec_options options = {.batch = 16};
    const struct og_chip chip = {1, 0, 0};
    size_t removed = 0;
    for (uint32_t seed = 0; seed < 20; seed++) {
        og_model *model = nn_model(net, image, CLASSES);
        struct og_error err = {0};
        size_t n, count;
        float *p = og_model_params(model, &n), *m = og_model_state(model, &count);
        nn_uniform(p, n, seed);
        for (size_t i = 0; i < count; i++) m[i] = 0.3f + 0.1f * (float)(i % 7);
        const struct og_stream s = og_stream_named(seed, OG_ATTACK, 1, 0, 0);
        for (uint32_t t = 0; t < og_model_tensors(model); t++) {
            const struct og_tensor_info info = og_model_tensor(model, t);
            if (info.state || !info.decay) continue;
            // Half of the filters, then half of the input channels.
            const size_t each = info.count / info.dim[0], cells = each / info.dim[1];
            for (size_t i = 0; i < info.count; i++) {
                const size_t f = i / each, c = i % each / cells;
                const struct og_index at = {t, 0, 0};
                if ((og_random_word(&s, at, f) | og_random_word(&s, at, 1000 + c)) & 1)
                    p[info.offset + i] = 0.0f;
            }
        }
        og_exec *exec = nn_exec(model, &options);
        float before[10 * CLASSES];
        og_exec_program(exec, &chip);
        memcpy(before, og_exec_forward(exec, &batch.b), sizeof before);
        const size_t kept = og_model_kept_in_all(model, false).kept;
        must(og_purify(model, &err), &err);
        removed += kept - og_model_kept_in_all(model, false).kept;
        og_exec_program(exec, &chip);
        const float *after = og_exec_forward(exec, &batch.b);
        for (int i = 0; i < 10 * CLASSES; i++)
            assert_true(fabsf(after[i] - before[i]) <= 1e-6f);
        og_exec_free(exec);
        og_model_free(model);
    }
    assert_true(removed > 200);
    nn_batch_free(&batch);
}

static void recurrent_layers_are_compressed(void **state)
{
    (void)state;
    const struct og_dataset rows = data;
    const struct og_shape shape = {2, {SIDE, SIDE}};
    data.shape = shape;
    struct work w = {.base = base_config()};
    w.model = nn_model("- lstm: {units: 5, name: r}\n- dense: {units: 4, name: fc}\n",
                       shape, CLASSES);
    train_model(&w);
    must(open_round(&w, "sets: [{layer: all, kind: irregular, keep: 0.25}, "
                        "{layer: r, kind: filter, keep: 0.5}]\n"
                        "admm: {epochs: 1}\nretrain: {epochs: 1}\npurify: true\n"),
         &w.err);
    run_all(&w);
    assert_int_equal(w.c->pairs, 3);
    const struct og_kept kept = og_model_kept_in_all(w.model, false);
    assert_int_equal(kept.all, 20 * 11 + 20);
    assert_true(kept.kept >= 20 && kept.kept <= 55 + 5);
    for (size_t k = 0; k < w.c->pairs; k++)
        assert_true(og_set_holds(w.c->pair[k].set, w.c->params + w.c->pair[k].offset));
    data = rows;
    end(&w);
}

static void weights_must_be_finite(void **state)
{
    (void)state;
    struct work w = {.model = nn_model(linear_net, image, CLASSES),
                     .base = base_config()};
    size_t n;
    og_model_params(w.model, &n)[3] = NAN;
    assert_int_equal(open_round(&w, "sets: [{layer: all, kind: binary}]"), OG_FAILED);
    assert_non_null(strstr(w.err.text, "a weight of fc to be compressed is not finite"));
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
        {"sets:\n  - {layer: [c1, c2, c1], kind: column, keep: 0.5}",
         "round:2: key 'sets[0].layer[2]': 'c1' is named twice"},
        {"sets:\n  - {layer: [c1, [c1]], kind: column, keep: 0.5}",
         "round:2: key 'sets[0].layer[1]': must be the name of a layer"},
        {"sets:\n  - {layer: all, kind: column, keep: 0.5}\n"
         "  - {layer: c2, kind: column, keep: 0.25}\n"
         "  - {layer: [c1, c2], keep: 0.50, kind: column, rho_scale: 2}",
         "round:4: key 'sets[2]': c1 has the same set from 'sets[0]' already"},
        {"sets:\n  - {layer: c2, kind: pattern, library: [[0, 1], [2]]}\n"
         "  - {layer: c2, kind: pattern, library: [[1, 0], [2]]}",
         "round:3: key 'sets[1]': c2 has the same set from 'sets[0]' already"},
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
        {"sets:\n  - {layer: fc, kind: column, keep: 0.5, rho_scale: 0}",
         "round:2: key 'sets[0].rho_scale': 0 is outside the allowed range (1e-06 .. "
         "1000000)"},
        {"sets:\n  - {layer: fc, kind: column, keep: 0.5, rho_scal: 2}",
         "round:2: key 'sets[0].rho_scal': unknown key; did you mean 'rho_scale'?"},
        {"method: magnitude\nsets:\n  - {layer: fc, kind: column, keep: 0.5}\n"
         "  - {layer: c1, kind: levels, bits: 3, rho_scale: 2}",
         "round:4: key 'sets[1].rho_scale': has no effect with method magnitude (it "
         "needs admm)"},
        {"method: reweighted\nsets:\n  - {layer: fc, kind: column, keep: 0.5, "
         "rho_scale: 2}",
         "round:3: key 'sets[0].rho_scale': has no effect with method reweighted"},
        {"method: proximal\nsets:\n  - {layer: fc, kind: column, keep: 0.5, "
         "rho_scale: 2}",
         "round:3: key 'sets[0].rho_scale': has no effect with method proximal"},
        {"admm: {epochs: 0}\nsets:\n  - {layer: fc, kind: column, keep: 0.5, "
         "rho_scale: 2}",
         "round:3: key 'sets[0].rho_scale': has no effect: admm.epochs is 0"},
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
        {"sets: [{layer: fc, kind: binary}]\nshares: [0.5, 0.4]",
         "round:2: key 'shares': must rise, from above 0 to below 1"},
        {"sets: [{layer: fc, kind: binary}]\nshares: [0.5, 1]", "must rise"},
        {"sets: [{layer: fc, kind: binary}]\nshares: [0.5, 0.9]\nretrain: {epochs: 2}",
         "2 shares need a retraining of at least 3 epochs, not 2"},
        {"sets: [{layer: fc, kind: column, keep: 0.5}]\nshares: [0.5]",
         "no set of this round restricts values"},
        {"sets: [{layer: fc, kind: column, keep: 0.5}]\nstraight_through: true",
         "round:2: key 'straight_through': no set of this round restricts values"},
        {"sets: [{layer: fc, kind: binary}]\nstraight_through: true\nshares: [0.5]",
         "round:3: key 'shares': shares freeze weights, straight_through does not"},
        {"sets: [{layer: fc, kind: binary}]\nstraight_through: true\n"
         "retrain: {epochs: 0}",
         "is a retraining, and retrain.epochs is 0"},
        {"sets: [{layer: all, kind: binary}, {layer: fc, kind: ternary}]\n"
         "straight_through: true",
         "two sets restrict the values of fc"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct work w = {.model = nn_model(conv_net, image, CLASSES),
                         .base = base_config()};
        assert_int_equal(open_round(&w, wrong[i].round), OG_INPUT);
        if (!strstr(w.err.text, wrong[i].says))
            fail_msg("'%s', not '%s'", w.err.text, wrong[i].says);
        memset(&w.err, 0, sizeof w.err);
        double samples;
        assert_int_equal(
            og_compress_work(w.model, w.item, &w.base, 240, &samples, &w.err), OG_INPUT);
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

// Weights of the first pair that lie on their values, and those of `then` that have
// moved.
static size_t on_values(const struct work *w, const float *then, size_t *moved)
{
    const struct og_pair *p = &w->c->pair[0];
    const float *v = w->c->params + p->offset;
    size_t n = 0;
    *moved = 0;
    for (size_t i = 0; i < p->count; i++) {
        n += w->c->frozen[p->offset + i] != 0 && v[i] != 0.0f;
        *moved += v[i] != then[i];
    }
    return n;
}

static void shares_are_settled_one_after_the_other(void **state)
{
    (void)state;
    struct work w =
        begin(linear_net, "sets: [{layer: fc, kind: levels, bits: 2, zero: false}]\n"
                          "admm: {epochs: 1}\nretrain: {epochs: 3, schedule: constant}\n"
                          "shares: [0.5, 0.9]\n");
    const struct og_pair *p = &w.c->pair[0];
    const size_t all = p->count, third = (w.c->steps - w.c->admm_steps - 1) / 3;
    float *then = malloc(all * sizeof *then);
    size_t moved, expected[] = {all / 2, (size_t)llround(0.9 * (double)all), all};
    while (w.c->at < w.c->admm_steps) must(og_compress_step(w.c, &w.err), &w.err);
    for (int part = 0; part < 3; part++) {
        must(og_compress_step(w.c, &w.err), &w.err);  // ends with a share
        memcpy(then, w.c->params + p->offset, all * sizeof *then);
        assert_int_equal(on_values(&w, then, &moved), expected[part]);
        assert_int_equal(og_set_holds(p->set, w.c->params + p->offset), part == 2);
        for (size_t s = 0; s + 1 < third; s++)
            must(og_compress_step(w.c, &w.err), &w.err);
        assert_int_equal(on_values(&w, then, &moved), expected[part]);
        assert_int_equal(moved, all - expected[part]);
    }
    free(then);
    end(&w);
}

static const char through_round[] =
    "sets: [{layer: all, kind: irregular, keep: 0.6}, {layer: [c2, fc], kind: levels, "
    "bits: 2, zero: false}]\nadmm: {epochs: 1}\nretrain: {epochs: 3, lr: 0.05}\n"
    "straight_through: true\n";

// A trainer that is given the projected weights before each step makes the same steps; the
// weights behind them are the sum of these.
static void steps_go_straight_through(void **state)
{
    (void)state;
    struct work w = begin(conv_net, through_round);
    run_to(&w, w.c->admm_steps + 1);
    og_model *other = nn_model(conv_net, image, CLASSES);
    const size_t n = w.c->param_count;
    float *params = og_model_params(other, &(size_t){0});
    float *behind = malloc(n * sizeof *behind), *z = malloc(n * sizeof *z);
    memcpy(behind, w.c->params, n * sizeof *behind);
    for (size_t k = 0; k < w.c->pairs; k++) {
        const struct og_pair *p = &w.c->pair[k];
        if (!p->prunes) memcpy(behind + p->offset, p->u, p->count * sizeof *behind);
    }
    og_trainer *t;
    struct og_train_options options = {.config = &w.c->round.retrain.train,
                                       .train = &data,
                                       .keep_weights = true,
                                       .first_epoch = 5,
                                       .frozen = w.c->frozen};
    memcpy(params, w.c->params, n * sizeof *params);
    must(og_trainer_alloc_with(&t, other, &options, &w.err), &w.err);
    size_t changed = 0;
    while (og_compress_at(w.c) < og_compress_steps(w.c)) {
        memcpy(z, w.c->params, n * sizeof *z);
        memcpy(params, z, n * sizeof *params);
        must(og_trainer_step(t, &w.err), &w.err);
        must(og_compress_step(w.c, &w.err), &w.err);
        for (size_t i = 0; i < n; i++) behind[i] += params[i] - z[i];
        for (size_t k = 0; k < w.c->pairs; k++) {
            const struct og_pair *p = &w.c->pair[k];
            const float *v = w.c->params + p->offset;
            assert_true(og_set_holds(p->set, v));
            if (p->prunes) continue;
            must(og_set_project(p->set, behind + p->offset, w.c->allowed + p->offset,
                                params + p->offset, &w.err),
                 &w.err);
            assert_memory_equal(v, params + p->offset, p->count * sizeof *v);
            for (size_t i = 0; i < p->count; i++) changed += v[i] * z[p->offset + i] < 0;
        }
    }
    assert_true(changed > 0);  // signs, which freezing would keep
    og_trainer_free(t);
    og_model_free(other);
    free(behind);
    free(z);
    end(&w);
}

static void begin_through(struct work *w, bool train)
{
    begin_with(w, train, through_round);
}

static void same_network(const struct work *a, const struct work *b)
{
    assert_int_equal(a->c->pairs, b->c->pairs);
}

static void straight_through_resumes_to_the_bit(void **state)
{
    (void)state;
    static const struct kind_of_round round = {begin_through, same_network};
    static const size_t stop[] = {2, 5, 6, 7, 12, 16};
    check_resuming(&round, stop, 6);
    check_threads(&round);
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
        cmocka_unit_test(resumes_to_the_bit),
        cmocka_unit_test(group_regularisers_resume_to_the_bit),
        cmocka_unit_test(threads_do_not_matter),
        cmocka_unit_test(purification_removes_what_is_unused),
        cmocka_unit_test(purification_keeps_the_function),
        cmocka_unit_test(recurrent_layers_are_compressed),
        cmocka_unit_test(shares_are_settled_one_after_the_other),
        cmocka_unit_test(steps_go_straight_through),
        cmocka_unit_test(straight_through_resumes_to_the_bit),
        cmocka_unit_test(weights_must_be_finite),
        cmocka_unit_test(wrong_rounds_are_named),
        cmocka_unit_test(failing_allocations),
    };
    return cmocka_run_group_tests(tests, make_data, drop_data);
}
