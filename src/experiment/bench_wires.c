// SPDX-License-Identifier: GPL-3.0-or-later
// Crossbars whose wires have resistance: against SciPy's sparse direct solver on the same
// circuits (one thread each, all of what a new circuit needs counted for us, its matrix
// not for SciPy), harder wires against softer ones, and a transfer matrix against plain
// products. N x N cells of 1 to 100 uS, segments of 1 ohm.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <gsl/gsl_cblas.h>

#include "base/mem.h"
#include "experiment/bench_case.h"
#include "experiment/bench_peer.h"
#include "ohmgrid/random.h"
#include "ohmgrid/wires.h"

enum { TRANSFER = 1 << 16 };  // beside N in a case's variant

struct circuit {
    size_t n;
    bool transfer;
    og_wires *soft, *hard;
    double *g, *v, *ours, *theirs;
    double *a, *b, *c;  // of the products
    struct og_peer peer;
};

static const double soft_ohm = 1, hard_ohm = 20, g_max = 100e-6;

static void circuit_close(void *bench)
{
    struct circuit *b = bench;
    if (b == NULL) return;
    og_peer_stop(&b->peer);
    og_wires_free(b->soft);
    og_wires_free(b->hard);
    double *const arrays[] = {b->g, b->v, b->ours, b->theirs, b->a, b->b, b->c};
    for (size_t k = 0; k < sizeof arrays / sizeof *arrays; k++) og_free(arrays[k]);
    og_free(b);
}

static void fill_uniform(uint32_t which, double low, double high, double *to, size_t n)
{
    struct og_stream s = og_stream_named(5, OG_INIT, 0, 0, 0);
    for (size_t k = 0; k < n; k++) {
        float x;
        og_uniform_fill(&s, (struct og_index){which, 0, 0}, (uint32_t)k, &x, 1);
        to[k] = low + (high - low) * (double)x;
    }
}

static og_status open_wires(og_wires **w, size_t n, double ohm, struct og_error *err)
{
    const struct og_wire_params p = {.r_row = ohm, .r_col = ohm};
    return og_wires_alloc(w, n, n, &p, err);
}

static og_status circuit_open(void **bench, size_t variant, struct og_error *err)
{
    struct circuit *b = og_alloc(1, sizeof *b);
    *bench = b;
    if (b == NULL) return og_fail(err, OG_NO_MEMORY, "bench: out of memory");
    const size_t n = b->n = variant & (TRANSFER - 1);
    b->transfer = (variant & TRANSFER) != 0;
    b->g = og_alloc(n * n, sizeof *b->g);
    b->v = og_alloc(n, sizeof *b->v);
    b->ours = og_alloc(n * n, sizeof *b->ours);
    b->theirs = og_alloc(n * n, sizeof *b->theirs);
    if (b->g == NULL || b->v == NULL || b->ours == NULL || b->theirs == NULL)
        return og_fail(err, OG_NO_MEMORY, "bench: out of memory");
    fill_uniform(0, 0.01 * g_max, g_max, b->g, n * n);
    fill_uniform(1, 0.1, 0.3, b->v, n);
    return open_wires(&b->soft, n, soft_ohm, err);
}

// A new circuit each time. A failure shows in the comparison of the first results.
static void solve(const struct circuit *b, og_wires *w)
{
    og_wires_load(w, b->g, NULL);
    if (b->transfer)
        og_wires_transfer(w, OG_WIRES_MERGE, b->ours, NULL, NULL);
    else
        og_wires_read(w, OG_WIRES_PCG, b->v, 1, b->ours, NULL, NULL);
}

static void circuit_ours(void *bench)
{
    struct circuit *b = bench;
    solve(b, b->soft);
}

// --- SciPy
// -------------------------------------------------------------------------------

static og_status compare(const struct circuit *b, size_t n, struct og_error *err)
{
    double worst = 0;
    for (size_t k = 0; k < n; k++) {
        const double d = fabs(b->ours[k] / b->theirs[k] - 1);
        if (!(d <= worst)) worst = d;
    }
    if (worst <= 1e-9) return OG_OK;
    return og_fail(err, OG_FAILED, "bench: SciPy's currents differ by %.2g of theirs",
                   worst);
}

static og_status scipy_open(void **bench, size_t variant, struct og_error *err)
{
    OG_TRY(circuit_open(bench, variant, err));
    struct circuit *b = *bench;
    OG_TRY(og_peer_start(&b->peer, OG_PEER_SCIPY, err));
    char line[64];
    const int length = snprintf(line, sizeof line, "%zu %.17g %d\n", b->n, soft_ohm,
                                b->transfer ? 1 : 0);
    const size_t out = b->transfer ? b->n * b->n : b->n;
    if (!og_peer_send(&b->peer, line, (size_t)length) ||
        !og_peer_send(&b->peer, b->g, b->n * b->n * sizeof *b->g) ||
        !og_peer_send(&b->peer, b->v, b->n * sizeof *b->v) ||
        !og_peer_receive(&b->peer, b->theirs, out * sizeof *b->theirs))
        return og_fail(err, OG_FAILED,
                       "bench: SciPy does not answer; is python3-scipy there?");
    circuit_ours(b);
    return compare(b, out, err);
}

static double scipy_seconds(void *bench)
{
    const struct circuit *b = bench;
    return og_peer_seconds(&b->peer);
}

// --- without SciPy
// -----------------------------------------------------------------------

static og_status hard_open(void **bench, size_t variant, struct og_error *err)
{
    OG_TRY(circuit_open(bench, variant, err));
    struct circuit *b = *bench;
    for (size_t k = 0; k < b->n * b->n; k++) b->g[k] = g_max;
    return open_wires(&b->hard, b->n, hard_ohm, err);
}

static void hard_ours(void *bench)
{
    struct circuit *b = bench;
    solve(b, b->hard);
}

enum { PRODUCTS = 8, SIDE = 512 };

static og_status products_open(void **bench, size_t variant, struct og_error *err)
{
    OG_TRY(circuit_open(bench, variant, err));
    struct circuit *b = *bench;
    double **const arrays[] = {&b->a, &b->b, &b->c};
    for (int k = 0; k < 3; k++) {
        *arrays[k] = og_alloc(SIDE * SIDE, sizeof(double));
        if (*arrays[k] == NULL) return og_fail(err, OG_NO_MEMORY, "bench: out of memory");
        fill_uniform((uint32_t)k + 2, -1, 1, *arrays[k], SIDE * SIDE);
    }
    return OG_OK;
}

static void products_theirs(void *bench)
{
    struct circuit *b = bench;
    for (int k = 0; k < PRODUCTS; k++)
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, SIDE, SIDE, SIDE, 1, b->a,
                    SIDE, b->b, SIDE, 0, b->c, SIDE);
}

const struct og_bench_case og_bench_wires[] = {
    {"wires/hard over soft", "256x256, 20 ohm", "s", 8, false, 256, hard_open, hard_ours,
     circuit_ours, circuit_close, NULL, NULL},
    {"wires/transfer over 8 dgemm", "256x256", "s", 1.5, false, 256 | TRANSFER,
     products_open, circuit_ours, products_theirs, circuit_close, NULL, NULL},
    {.name = NULL},
};

const struct og_bench_case og_bench_scipy[] = {
    {"wires/single/64", "64x64", "s", 400, true, 64, scipy_open, circuit_ours, NULL,
     circuit_close, scipy_seconds, NULL},
    {"wires/single/128", "128x128", "s", 400, true, 128, scipy_open, circuit_ours, NULL,
     circuit_close, scipy_seconds, NULL},
    {"wires/single/256", "256x256", "s", 400, true, 256, scipy_open, circuit_ours, NULL,
     circuit_close, scipy_seconds, NULL},
    {"wires/single/512", "512x512", "s", 400, true, 512, scipy_open, circuit_ours, NULL,
     circuit_close, scipy_seconds, NULL},
    {"wires/transfer/128", "128x128", "s", 80, true, 128 | TRANSFER, scipy_open,
     circuit_ours, NULL, circuit_close, scipy_seconds, NULL},
    {"wires/transfer/256", "256x256", "s", 130, true, 256 | TRANSFER, scipy_open,
     circuit_ours, NULL, circuit_close, scipy_seconds, NULL},
    {.name = NULL},
};
