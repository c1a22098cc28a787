// SPDX-License-Identifier: GPL-3.0-or-later
// Reads of a 512 x 512 array, 8-bit converters and fresh read noise, against the plain
// product of the same size by OpenBLAS.
#include <gsl/gsl_cblas.h>

#include "base/mem.h"
#include "experiment/bench_case.h"
#include "ohmgrid/array.h"

enum { SIDE = 512, BATCH = 1024, SMALL = 64, OF_SMALL = 1 << 8 };

struct reads {
    og_array *array;
    float *x, *w, *y;
    void *work;
    size_t n;  // reads in a batch
    uint32_t sample[BATCH], pass;
};

static struct og_hardware hardware(enum og_sigma_kind kind)
{
    struct og_hardware hw = og_hardware_default();
    hw.tile.rows = hw.tile.cols = SIDE;
    hw.dac.bits = hw.adc.bits = 8;
    hw.adc.mode = OG_RANGE_FIXED;
    hw.adc.range = 0.1;
    hw.device.read = (struct og_sigma){
        .kind = kind, .sigma = 0.01 * hw.device.g_max, .fraction = 0.02, .scale = 1.0};
    return hw;
}

static void reads_close(void *bench)
{
    struct reads *b = bench;
    if (b == NULL) return;
    og_array_free(b->array);
    og_free(b->x), og_free(b->w), og_free(b->y), og_free(b->work);
    og_free(b);
}

static og_status reads_open(void **bench, size_t variant, struct og_error *err)
{
    struct reads *b = og_alloc(1, sizeof *b);
    *bench = b;
    if (b == NULL) return og_fail(err, OG_NO_MEMORY, "bench: out of memory");
    struct og_hardware hw = hardware((enum og_sigma_kind)(variant % OF_SMALL));
    b->n = variant & OF_SMALL ? SMALL : BATCH;
    struct og_array_shape shape = {
        .rows = SIDE,
        .cols = SIDE,
        .segments = 1,
        .segment = {{.rows = SIDE, .dac_bits = 8, .range = 1.0f}},
    };
    OG_TRY(og_array_alloc(&b->array, &hw, &shape, err));
    b->x = og_alloc(BATCH * SIDE, sizeof *b->x);
    b->y = og_alloc(BATCH * SIDE, sizeof *b->y);
    b->w = og_alloc(SIDE * SIDE, sizeof *b->w);
    b->work = og_alloc(og_array_work_bytes(b->array, BATCH), 1);
    if (b->x == NULL || b->y == NULL || b->w == NULL || b->work == NULL)
        return og_fail(err, OG_NO_MEMORY, "bench: out of memory");
    struct og_stream s = og_stream_named(3, OG_INIT, 0, 0, 0);
    og_uniform_fill(&s, (struct og_index){0, 0, 0}, 0, b->x, BATCH * SIDE);
    og_gauss_fill(&s, (struct og_index){1, 0, 0}, 0, b->w, SIDE * SIDE);
    for (size_t i = 0; i < BATCH * SIDE; i++) b->x[i] = 2.0f * b->x[i] - 1.0f;
    for (uint32_t i = 0; i < BATCH; i++) b->sample[i] = i;
    return og_array_program(b->array, b->w, &(struct og_chip){.seed = 1});
}

static void reads_ours(void *bench)
{
    struct reads *b = bench;
    struct og_read at = {
        .seed = 1, .pass = b->pass++, .sample = b->sample, .positions = 1};
    struct og_read_io io = {
        .x = b->x, .ldx = SIDE, .n = b->n, .y = b->y, .ldy = SIDE, .work = b->work};
    og_array_read(b->array, &at, &io);
}

static void reads_theirs(void *bench)
{
    struct reads *b = bench;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)b->n, SIDE, SIDE, 1.0f,
                b->x, SIDE, b->w, SIDE, 0.0f, b->y, SIDE);
}

#define READ(name, size, target, kind)                                                   \
    {                                                                                    \
        name, size, "s", target, false, kind, reads_open, reads_ours, reads_theirs,      \
            reads_close, NULL, NULL                                                      \
    }

const struct og_bench_case og_bench_arrays[] = {
    READ("noisy read over OpenBLAS", "64x512x512", 1.0, OG_SIGMA_CONSTANT | OF_SMALL),
    READ("noisy read over OpenBLAS", "1024x512x512", 1.15, OG_SIGMA_CONSTANT),
    READ("device-noise read over OpenBLAS", "64x512x512", 1.6,
         OG_SIGMA_PROPORTIONAL | OF_SMALL),
    READ("device-noise read over OpenBLAS", "1024x512x512", 1.6, OG_SIGMA_PROPORTIONAL),
    {.name = NULL},
};
