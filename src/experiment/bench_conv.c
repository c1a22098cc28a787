// SPDX-License-Identifier: GPL-3.0-or-later
// Convolutions of ResNet-20 by implicit product, against OpenBLAS' product of the size
// that the matrix of windows would have (which nobody lays out for it).
#include <gsl/gsl_cblas.h>

#include "base/mem.h"
#include "experiment/bench_case.h"
#include "nn/implicit.h"
#include "ohmgrid/random.h"

enum { SAMPLES = 4 };

struct conv {
    struct og_windows g;
    size_t n;  // inputs, and outputs: as many channels go out as come in
    float *x, *y, *w, *cols, *dw;
    void *work;
};

static void conv_close(void *bench)
{
    struct conv *b = bench;
    if (b == NULL) return;
    og_free(b->x), og_free(b->y), og_free(b->w), og_free(b->cols), og_free(b->dw);
    og_free(b->work);
    og_free(b);
}

// variant: channels; the sides shrink as they grow.
static og_status conv_open(void **bench, size_t variant, struct og_error *err)
{
    struct conv *b = og_alloc(1, sizeof *b);
    *bench = b;
    if (b == NULL) return og_fail(err, OG_NO_MEMORY, "bench: out of memory");
    const size_t c = variant, side = 512 / c, places = side * side, k = c * 9;
    b->g = (struct og_windows){.c = c,
                               .h = side,
                               .w = side,
                               .oh = side,
                               .ow = side,
                               .kh = 3,
                               .kw = 3,
                               .stride = 1,
                               .pad = 1,
                               .dilation = 1,
                               .groups = 1,
                               .in_group = c,
                               .out_group = c,
                               .k = k,
                               .places = places,
                               .samples = SAMPLES};
    b->n = SAMPLES * c * places;
    b->x = og_alloc(b->n, sizeof *b->x);
    b->y = og_alloc(b->n, sizeof *b->y);
    b->w = og_alloc(c * k, sizeof *b->w);
    b->dw = og_alloc(c * k, sizeof *b->dw);
    b->cols = og_alloc(SAMPLES * places * k, sizeof *b->cols);
    b->work = og_alloc(og_implicit_work_bytes(&b->g), 1);
    if (!b->x || !b->y || !b->w || !b->dw || !b->cols || !b->work)
        return og_fail(err, OG_NO_MEMORY, "bench: out of memory");
    const struct og_stream s = og_stream_named(6, OG_INIT, 0, 0, 0);
    og_gauss_fill(&s, (struct og_index){0, 0, 0}, 0, b->x, b->n);
    og_gauss_fill(&s, (struct og_index){1, 0, 0}, 0, b->w, c * k);
    og_gauss_fill(&s, (struct og_index){2, 0, 0}, 0, b->cols, SAMPLES * places * k);
    return OG_OK;
}

static void forward_ours(void *bench)
{
    struct conv *b = bench;
    const struct og_implicit c = og_implicit_begin(&b->g, b->work);
    og_implicit_forward(&c, b->w, b->x, SAMPLES, b->y);
}

static void forward_theirs(void *bench)
{
    struct conv *b = bench;
    const int m = (int)b->g.out_group, n = SAMPLES * (int)b->g.places, k = (int)b->g.k;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, m, n, k, 1.0f, b->w, k,
                b->cols, n, 0.0f, b->y, n);
}

static void backward_ours(void *bench)
{
    struct conv *b = bench;
    const struct og_implicit c = og_implicit_begin(&b->g, b->work);
    og_implicit_clear(&c);
    og_implicit_weights(&c, 0, b->x, b->y, SAMPLES);
    og_implicit_take(&c, 0, b->dw);
    og_implicit_lead_back(&c, 0, (struct og_left){b->w, 1, b->g.k});
    og_implicit_inputs(&c, 0, b->y, SAMPLES, b->x, true);
}

static void backward_theirs(void *bench)
{
    struct conv *b = bench;
    const int m = (int)b->g.out_group, n = SAMPLES * (int)b->g.places, k = (int)b->g.k;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, m, k, n, 1.0f, b->y, n, b->cols,
                n, 0.0f, b->dw, k);
    cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, k, n, m, 1.0f, b->w, k, b->y, n,
                0.0f, b->cols, n);
}

#define CONV(name, size, channels, pass)                                                 \
    {                                                                                    \
        name, size, "s", 0.5, true, channels, conv_open, pass##_ours, pass##_theirs,     \
            conv_close, NULL, NULL                                                       \
    }

const struct og_bench_case og_bench_convolutions[] = {
    CONV("conv/implicit over sgemm", "4x16x32x32", 16, forward),
    CONV("conv/implicit over sgemm", "4x32x16x16", 32, forward),
    CONV("conv/implicit over sgemm", "4x64x8x8", 64, forward),
    CONV("conv/implicit/back over sgemm", "4x16x32x32", 16, backward),
    CONV("conv/implicit/back over sgemm", "4x32x16x16", 32, backward),
    CONV("conv/implicit/back over sgemm", "4x64x8x8", 64, backward),
    {.name = NULL},
};
