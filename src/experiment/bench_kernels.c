// SPDX-License-Identifier: GPL-3.0-or-later
// Normals against GSL's fastest way with its usual generator; products against OpenBLAS.
#include <gsl/gsl_cblas.h>
#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>

#include "base/mem.h"
#include "experiment/bench_case.h"
#include "ohmgrid/product.h"
#include "ohmgrid/random.h"

// --- normals -------------------------------------------------------------------------
enum { NORMALS = 1 << 16 };

struct normals {
    struct og_stream stream;
    gsl_rng *rng;
    uint32_t pass;
    float out[NORMALS];
};

static void normals_close(void *bench)
{
    struct normals *b = bench;
    if (b != NULL) gsl_rng_free(b->rng);
    og_free(b);
}

static og_status normals_open(void **bench, size_t variant, struct og_error *err)
{
    (void)variant;
    struct normals *b = og_alloc(1, sizeof *b);
    *bench = b;
    if (b == NULL) return og_fail(err, OG_NO_MEMORY, "bench: out of memory");
    b->stream = og_stream_named(1, OG_READ, 0, 0, 0);
    b->rng = gsl_rng_alloc(gsl_rng_mt19937);
    if (b->rng == NULL) return og_fail(err, OG_NO_MEMORY, "bench: out of memory");
    return OG_OK;
}

static void normals_ours(void *bench)
{
    struct normals *b = bench;
    og_gauss_fill(&b->stream, (struct og_index){b->pass++, 0, 0}, 0, b->out, NORMALS);
}

static void normals_theirs(void *bench)
{
    struct normals *b = bench;
    for (int i = 0; i < NORMALS; i++)
        b->out[i] = (float)gsl_ran_gaussian_ziggurat(b->rng, 1.0);
}

// --- products ------------------------------------------------------------------------
enum { SIDE = 512 };

struct products {
    size_t batch;
    float *x, *w, *y;
    og_packed *packed;
};

static void products_close(void *bench)
{
    struct products *b = bench;
    if (b == NULL) return;
    og_free(b->x), og_free(b->w), og_free(b->y);
    og_packed_free(b->packed);
    og_free(b);
}

static og_status products_open(void **bench, size_t variant, struct og_error *err)
{
    struct products *b = og_alloc(1, sizeof *b);
    *bench = b;
    if (b == NULL) return og_fail(err, OG_NO_MEMORY, "bench: out of memory");
    b->batch = variant;
    b->x = og_alloc(b->batch * SIDE, sizeof *b->x);
    b->y = og_alloc(b->batch * SIDE, sizeof *b->y);
    b->w = og_alloc(SIDE * SIDE, sizeof *b->w);
    b->packed = og_packed_alloc(SIDE, SIDE);
    if (b->x == NULL || b->y == NULL || b->w == NULL || b->packed == NULL)
        return og_fail(err, OG_NO_MEMORY, "bench: out of memory");
    struct og_stream s = og_stream_named(2, OG_INIT, 0, 0, 0);
    og_gauss_fill(&s, (struct og_index){0, 0, 0}, 0, b->x, b->batch * SIDE);
    og_gauss_fill(&s, (struct og_index){1, 0, 0}, 0, b->w, SIDE * SIDE);
    og_pack(b->packed, b->w, 1, SIDE, SIDE, SIDE);
    return OG_OK;
}

static void products_ours(void *bench)
{
    struct products *b = bench;
    og_product((struct og_left){b->x, SIDE, 1}, b->batch, b->packed, b->y, SIDE, 0);
}

static void products_theirs(void *bench)
{
    struct products *b = bench;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)b->batch, SIDE, SIDE, 1.0f,
                b->x, SIDE, b->w, SIDE, 0.0f, b->y, SIDE);
}

const struct og_bench_case og_bench_kernels[] = {
    {"normals over GSL ziggurat", "65536", "s", 15.0, true, 0, normals_open, normals_ours,
     normals_theirs, normals_close, NULL},
    {"product over OpenBLAS", "64x512x512", "s", 1.0, false, 64, products_open,
     products_ours, products_theirs, products_close, NULL},
    {"product over OpenBLAS", "1024x512x512", "s", 1.0, false, 1024, products_open,
     products_ours, products_theirs, products_close, NULL},
    {.name = NULL},
};
