// SPDX-License-Identifier: GPL-3.0-or-later
// What the tests of compression share: a small data set and a round at work. Include
// after cmocka.h.
#ifndef OG_TESTS_COMPRESS_TOOLS_H
#define OG_TESTS_COMPRESS_TOOLS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "learn/compress.h"
#include "nn_tools.h"
#include "ohmgrid/cpu.h"
#include "train_tools.h"

enum { SAMPLES = 240 };

static struct og_dataset data;
static const char linear_net[] = "- dense: {units: 4, name: fc}\n";
static const char conv_net[] =
    "- conv2d: {filters: 4, kernel: 3, name: c1}\n- batch_norm:\n- relu:\n"
    "- max_pool: {size: 2}\n- conv2d: {filters: 6, kernel: 2, name: c2}\n- relu:\n"
    "- flatten:\n- dense: {units: 4, name: fc}\n";

// Class c lights pixels 6 + c and 24 + c; all others are noise.
static inline bool is_informative(size_t p)
{
    return (p >= 6 && p < 10) || (p >= 24 && p < 28);
}

static inline int make_data(void **state)
{
    (void)state;
    data = alloc_images(SAMPLES);
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

static inline int drop_data(void **state)
{
    (void)state;
    free_images(&data);
    return 0;
}

// A model, a round from YAML, and what it needs.
struct work {
    og_model *model;
    struct og_train_config base;
    og_item *item;
    og_compress *c;
    struct og_error err;
};

static inline void train_model(struct work *w)
{
    og_trainer *t = make_trainer(w->model, &w->base, &data);
    run_out(t);
    og_trainer_free(t);
}

static inline og_status open_round(struct work *w, const char *round)
{
    must(og_item_parse(&w->item, "round", round, &w->err), &w->err);
    const struct og_compress_options options = {
        .round = w->item, .base = &w->base, .train = &data, .first_epoch = 4};
    return og_compress_alloc(&w->c, w->model, &options, &w->err);
}

static inline struct work begin(const char *net, const char *round)
{
    struct work w = {.model = nn_model(net, image, CLASSES), .base = base_config()};
    train_model(&w);
    must(open_round(&w, round), &w.err);
    return w;
}

static inline void run_to(struct work *w, size_t at)
{
    while (og_compress_at(w->c) < at) must(og_compress_step(w->c, &w->err), &w->err);
}

static inline void run_all(struct work *w) { run_to(w, og_compress_steps(w->c)); }

static inline void close_round(struct work *w)
{
    og_compress_free(w->c);
    og_item_free(w->item);
}

static inline void end(struct work *w)
{
    close_round(w);
    og_model_free(w->model);
}

// How a round begins, with or without the training before it; what must be the same of
// two rounds that have run, besides the network.
struct kind_of_round {
    void (*begin)(struct work *w, bool train);
    void (*same)(const struct work *a, const struct work *b);
};

static inline void check_same(const struct kind_of_round *kind, const struct work *a,
                              const struct work *b)
{
    size_t n;
    const float *params = og_model_params(a->model, &n);
    assert_memory_equal(og_model_params(b->model, &n), params, n * sizeof *params);
    const float *state = og_model_state(a->model, &n);
    if (n > 0)
        assert_memory_equal(og_model_state(b->model, &n), state, n * sizeof *state);
    kind->same(a, b);
}

// Bytes of a round at a step.
struct kept_round {
    size_t at, size;
    void *bytes;
};

// A new round goes on from the bytes; of another round, cut short, and bytes that are no
// checkpoint at all are refused.
static inline void check_restored(const struct kind_of_round *kind, const struct work *a,
                                  const struct kept_round *k)
{
    struct work b;
    kind->begin(&b, false);
    must(og_compress_restore(b.c, k->bytes, k->size, &b.err), &b.err);
    assert_int_equal(og_compress_at(b.c), k->at);
    run_all(&b);
    check_same(kind, a, &b);
    assert_int_equal(og_compress_restore(b.c, k->bytes, k->size - 1, NULL), OG_INPUT);
    assert_int_equal(og_compress_restore(b.c, k->bytes, 8, NULL), OG_INPUT);
    close_round(&b);
    must(open_round(&b, "sets: [{layer: all, kind: irregular, keep: 0.3}]"), &b.err);
    assert_int_equal(og_compress_restore(b.c, k->bytes, k->size, NULL), OG_INPUT);
    end(&b);
}

// Stops at n <= 8 steps in rising order.
static inline void check_resuming(const struct kind_of_round *kind, const size_t *stop,
                                  size_t n)
{
    struct work a;
    struct kept_round kept[8];
    kind->begin(&a, true);
    for (size_t i = 0; i < n; i++) {
        run_to(&a, stop[i]);
        const size_t size = og_compress_bytes(a.c);
        kept[i] = (struct kept_round){stop[i], size, og_alloc(size, 1)};
        og_compress_save(a.c, kept[i].bytes);
    }
    run_all(&a);
    for (size_t i = 0; i < n; i++) {
        check_restored(kind, &a, &kept[i]);
        og_free(kept[i].bytes);
    }
    end(&a);
}

static inline void check_threads(const struct kind_of_round *kind)
{
    static const int threads[] = {1, 2, 7};
    const int before = og_threads();
    struct work w[3];
    for (int i = 0; i < 3; i++) {
        og_set_threads(threads[i]);
        kind->begin(&w[i], true);
        run_all(&w[i]);
        check_same(kind, &w[0], &w[i]);
    }
    for (int i = 0; i < 3; i++) end(&w[i]);
    og_set_threads(before);
}

#endif
