// SPDX-License-Identifier: GPL-3.0-or-later
// Normals against GSL's fastest way with its usual generator; products against OpenBLAS.
#include <gsl/gsl_cblas.h>
#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>

#include <math.h>

#include "base/kernels.h"
#include "base/mem.h"
#include "experiment/bench_case.h"
#include "ohmgrid/product.h"
#include "ohmgrid/random.h"
#include "ohmgrid/vmath.h"

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

// The kernels that every machine has, in vectors of four.
static void normals_plain(void *bench)
{
    const enum og_isa before = og_cpu_isa();
    og_cpu_use(OG_ISA_PLAIN);
    normals_ours(bench);
    og_cpu_use(before);
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
    enum og_isa isa;
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

// As many multiply-adds as the product has, in registers.
static void products_peak(void *bench)
{
    struct products *b = bench;
    const struct og_product_kernels *kernels = og_kernels()->product;
    const size_t each = kernels->multiply_adds(1, 0.5f, 1.0f, b->y);
    kernels->multiply_adds(b->batch * SIDE * SIDE / each, 0.5f, 1.0f, b->y);
}

// The same with the kernels of one instruction set (variant), or, where the processor
// lacks it, of the best that it has.
static og_status products_open_isa(void **bench, size_t variant, struct og_error *err)
{
    enum { FEW = 256 };
    const enum og_isa before = og_cpu_isa();
    og_cpu_use((enum og_isa)variant);
    const og_status status = products_open(bench, FEW, err);
    if (*bench != NULL) ((struct products *)*bench)->isa = og_cpu_isa();
    og_cpu_use(before);
    return status;
}

static void with_isa(struct products *b, void (*run)(void *bench))
{
    const enum og_isa before = og_cpu_isa();
    og_cpu_use(b->isa);
    run(b);
    og_cpu_use(before);
}

static void products_ours_isa(void *bench) { with_isa(bench, products_ours); }
static void products_peak_isa(void *bench) { with_isa(bench, products_peak); }

// --- gates of an LSTM ----------------------------------------------------------------
enum { CELLS = 1 << 14 };  // three sigmoids and a tanh each

struct gates {
    float x[4 * CELLS], y[4 * CELLS];
};

static void gates_close(void *bench) { og_free(bench); }

static og_status gates_open(void **bench, size_t variant, struct og_error *err)
{
    (void)variant;
    struct gates *b = og_alloc(1, sizeof *b);
    *bench = b;
    if (b == NULL) return og_fail(err, OG_NO_MEMORY, "bench: out of memory");
    const struct og_stream s = og_stream_named(5, OG_INIT, 0, 0, 0);
    og_gauss_fill(&s, (struct og_index){0, 0, 0}, 0, b->x, 4 * CELLS);
    return OG_OK;
}

static void gates_ours(void *bench)
{
    struct gates *b = bench;
    og_vsigmoid(b->x, b->y, 3 * CELLS);
    og_vtanh(b->x + 3 * CELLS, b->y + 3 * CELLS, CELLS);
}

static void gates_theirs(void *bench)
{
    struct gates *b = bench;
    for (int i = 0; i < 3 * CELLS; i++) b->y[i] = 1 / (1 + expf(-b->x[i]));
    for (int i = 3 * CELLS; i < 4 * CELLS; i++) b->y[i] = tanhf(b->x[i]);
}

const struct og_bench_case og_bench_kernels[] = {
    {"normals over GSL ziggurat", "65536", "s", 15.0, true, 0, normals_open, normals_ours,
     normals_theirs, normals_close, NULL, NULL},
    {"normals of plain kernels over GSL", "65536", "s", 3.0, true, 0, normals_open,
     normals_plain, normals_theirs, normals_close, NULL, NULL},
    {"lstm gates over libm", "16384", "s", 2.0, true, 0, gates_open, gates_ours,
     gates_theirs, gates_close, NULL, NULL},
    {"product over FMA peak", "1024x512x512", "s", 0.85, true, 1024, products_open,
     products_ours, products_peak, products_close, NULL, NULL},
    {"product over FMA peak, avx2", "256x512x512", "s", 0.85, true, OG_ISA_AVX2,
     products_open_isa, products_ours_isa, products_peak_isa, products_close, NULL, NULL},
    {"product over FMA peak, plain", "256x512x512", "s", 0.85, true, OG_ISA_PLAIN,
     products_open_isa, products_ours_isa, products_peak_isa, products_close, NULL, NULL},
    {"product over OpenBLAS", "64x512x512", "s", 1.0, false, 64, products_open,
     products_ours, products_theirs, products_close, NULL, NULL},
    {"product over OpenBLAS", "1024x512x512", "s", 1.0, false, 1024, products_open,
     products_ours, products_theirs, products_close, NULL, NULL},
    {.name = NULL},
};
