// SPDX-License-Identifier: GPL-3.0-or-later
// What the tests of arrays share: a hardware to start from, an array with its weights and
// inputs, and one call that programs and reads it.
#ifndef OG_TESTS_ARRAY_HELPER_H
#define OG_TESTS_ARRAY_HELPER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "ohmgrid/array.h"

// A device of 1..10 uS without errors on 64 x 64 tiles with ideal converters.
static inline struct og_hardware plain_hardware(void)
{
    struct og_hardware hw = og_hardware_default();
    hw.ideal = false;
    hw.device.g_min = 1e-6;
    hw.device.g_max = 10e-6;
    hw.tile.rows = hw.tile.cols = 64;
    return hw;
}

struct bench {
    struct og_hardware hw;
    struct og_array *array;
    size_t rows, cols, n;
    float *w, *x, *y;
    uint32_t *sample;
    void *work, *tape;
    struct og_chip chip;
    struct og_read at;
};

static inline void fill(float *x, size_t n, uint64_t seed, float scale)
{
    struct og_stream s = og_stream_named(seed, OG_INIT, 0, 0, 0);
    og_uniform_fill(&s, (struct og_index){0, 0, 0}, 0, x, n);
    for (size_t i = 0; i < n; i++) x[i] = scale * (2 * x[i] - 1);
}

static inline struct bench bench_open(struct og_hardware hw, size_t rows, size_t cols,
                                      size_t n, float range)
{
    struct bench b = {.hw = hw, .rows = rows, .cols = cols, .n = n};
    struct og_array_shape shape = {
        .rows = rows,
        .cols = cols,
        .layer = 3,
        .segments = 1,
        .segment = {{.rows = rows, .dac_bits = hw.dac.bits, .range = range}}};
    struct og_error err = {0};
    if (og_array_alloc(&b.array, &hw, &shape, &err) != OG_OK) fail_msg("%s", err.text);
    b.w = og_alloc(rows * cols, sizeof *b.w);
    b.x = og_alloc(n * rows, sizeof *b.x);
    b.y = og_alloc(n * cols, sizeof *b.y);
    b.sample = og_alloc(n, sizeof *b.sample);
    for (size_t r = 0; r < n; r++) b.sample[r] = (uint32_t)r;
    fill(b.w, rows * cols, 11, 0.73f);
    fill(b.x, n * rows, 12, range);
    b.chip = (struct og_chip){.seed = 5};
    b.at = (struct og_read){.seed = 5, .sample = b.sample, .positions = 1};
    return b;
}

static inline void bench_read(struct bench *b)
{
    if (b->work == NULL) b->work = og_alloc(og_array_work_bytes(b->array, b->n), 1);
    struct og_read_io io = {.x = b->x,
                            .ldx = b->rows,
                            .n = b->n,
                            .y = b->y,
                            .ldy = b->cols,
                            .tape = b->tape,
                            .work = b->work};
    og_array_read(b->array, &b->at, &io);
}

static inline void bench_run(struct bench *b)
{
    og_array_program(b->array, b->w, &b->chip);
    bench_read(b);
}

// A read and its backward pass: dy[n][cols] of fixed dice, dx[n][rows]; og_free both.
static inline void bench_backward(struct bench *b, enum og_gradient gradient, float **dy,
                                  float **dx)
{
    *dy = og_alloc(b->n * b->cols, sizeof **dy);
    *dx = og_alloc(b->n * b->rows, sizeof **dx);
    assert_int_equal(og_array_keep_gradient(b->array, OG_KEEP_GRADIENT, NULL), OG_OK);
    b->tape = og_alloc(og_array_tape_bytes(b->array, b->n), 1);
    bench_run(b);
    fill(*dy, b->n * b->cols, 77, 1);
    const struct og_backward_io io = {.dy = *dy,
                                      .lddy = b->cols,
                                      .n = b->n,
                                      .dx = *dx,
                                      .lddx = b->rows,
                                      .tape = b->tape,
                                      .work = b->work,
                                      .gradient = gradient};
    og_array_backward(b->array, &io);
}

static inline void bench_close(struct bench *b)
{
    og_array_free(b->array);
    og_free(b->w);
    og_free(b->x);
    og_free(b->y);
    og_free(b->sample);
    og_free(b->work);
    og_free(b->tape);
}

// Reads of four samples of 50 positions are what each gives alone, in order or backwards.
static inline void bench_reads_alone(struct og_hardware hw, bool backwards)
{
    struct bench b = bench_open(hw, 40, 9, 200, 1);
    float whole[1800], one[9];
    b.at.positions = 50;
    bench_run(&b);
    memcpy(whole, b.y, sizeof whole);
    for (uint32_t k = 0; k < 4; k++)
        for (uint32_t t = 0; t < 50; t++) {
            const uint32_t s = backwards ? 3 - k : k;
            struct og_read at = b.at;
            at.sample += s;
            at.positions = 1;
            at.step = t;
            struct og_read_io io = {.x = b.x + (s * 50 + t) * 40,
                                    .ldx = 40,
                                    .n = 1,
                                    .y = one,
                                    .ldy = 9,
                                    .work = b.work};
            og_array_read(b.array, &at, &io);
            assert_memory_equal(one, whole + (s * 50 + t) * 9, sizeof one);
        }
    bench_close(&b);
}

#endif
