// SPDX-License-Identifier: GPL-3.0-or-later
// Each kernel once on one size, with what callgrind has counted dumped under its name:
// scripts/instructions compares the counts with those of tests/callgrind/counts.csv.
#include <stdio.h>
#include <stdlib.h>

#include <valgrind/callgrind.h>

#include "base/mem.h"
#include "ohmgrid/array.h"
#include "ohmgrid/cpu.h"
#include "ohmgrid/product.h"
#include "ohmgrid/random.h"
#include "ohmgrid/vmath.h"
#include "ohmgrid/wires.h"

enum { N = 1 << 14, ROWS = 32, SIDE = 128, WIRES = 48 };

struct workspace {
    struct og_stream stream;
    float *x, *y, *w;
    og_packed *packed;
    og_array *array;
    void *work;
    uint32_t sample[ROWS];
    og_wires *wires;
    double *g, *v, *current;
};

static void fail(const char *what)
{
    fprintf(stderr, "callgrind: %s\n", what);
    exit(1);
}

static og_array *make_array(const float *w)
{
    struct og_hardware hw = og_hardware_default();
    const struct og_array_shape shape = {
        .rows = SIDE,
        .cols = SIDE,
        .segments = 1,
        .segment = {{.rows = SIDE, .dac_bits = 8, .range = 1.0f}}};
    og_array *a = NULL;
    hw.tile.rows = hw.tile.cols = SIDE;
    hw.dac.bits = hw.adc.bits = 8;
    hw.adc.mode = OG_RANGE_FIXED;
    hw.adc.range = 0.1;
    hw.device.read = (struct og_sigma){.kind = OG_SIGMA_PROPORTIONAL,
                                       .sigma = 0.01 * hw.device.g_max,
                                       .fraction = 0.02,
                                       .scale = 1.0};
    if (og_array_alloc(&a, &hw, &shape, NULL) != OG_OK ||
        og_array_program(a, w, &(struct og_chip){.seed = 1}) != OG_OK)
        fail("no array");
    return a;
}

static void make_wires(struct workspace *s)
{
    const struct og_wire_params params = {
        .r_row = 2, .r_col = 3, .r_source = 50, .r_sense = 10};
    s->g = og_alloc(WIRES * WIRES, sizeof *s->g);
    s->v = og_alloc(WIRES, sizeof *s->v);
    s->current = og_alloc(WIRES, sizeof *s->current);
    if (!s->g || !s->v || !s->current) fail("no memory");
    for (int k = 0; k < WIRES * WIRES; k++) s->g[k] = 1e-6 * (1 + k % 97);
    for (int k = 0; k < WIRES; k++) s->v[k] = 0.01 * (k % 13);
    if (og_wires_alloc(&s->wires, WIRES, WIRES, &params, NULL) != OG_OK) fail("no wires");
}

static void prepare(struct workspace *s)
{
    s->stream = og_stream_named(3, OG_INIT, 0, 0, 0);
    s->x = og_alloc(N, sizeof *s->x);
    s->y = og_alloc(N, sizeof *s->y);
    s->w = og_alloc(SIDE * SIDE, sizeof *s->w);
    s->packed = og_packed_alloc(SIDE, SIDE);
    if (!s->x || !s->y || !s->w || !s->packed) fail("no memory");
    og_gauss_fill(&s->stream, (struct og_index){0, 0, 0}, 0, s->x, N);
    og_gauss_fill(&s->stream, (struct og_index){1, 0, 0}, 0, s->w, SIDE * SIDE);
    og_pack(s->packed, s->w, SIDE, 1, SIDE, SIDE);
    for (uint32_t k = 0; k < ROWS; k++) s->sample[k] = k;
    s->array = make_array(s->w);
    s->work = og_alloc(og_array_work_bytes(s->array, ROWS), 1);
    if (!s->work) fail("no memory");
    make_wires(s);
}

static void gauss(struct workspace *s)
{
    og_gauss_fill(&s->stream, (struct og_index){2, 0, 0}, 0, s->y, N);
}

static void uniform(struct workspace *s)
{
    og_uniform_fill(&s->stream, (struct og_index){3, 0, 0}, 0, s->y, N);
}

static void exponential(struct workspace *s) { og_vexp(s->x, s->y, N); }
static void sigmoid(struct workspace *s) { og_vsigmoid(s->x, s->y, N); }
static void hyperbolic(struct workspace *s) { og_vtanh(s->x, s->y, N); }
static void quantize(struct workspace *s)
{
    og_vquantize(s->x, s->y, N, 15.5f, 127.0f, 0.0625f);
}

static void pack(struct workspace *s) { og_pack(s->packed, s->w, SIDE, 1, SIDE, SIDE); }

static void product(struct workspace *s)
{
    og_product((struct og_left){s->x, SIDE, 1}, ROWS, s->packed, s->y, SIDE, 0);
}

static void program(struct workspace *s)
{
    if (og_array_program(s->array, s->w, &(struct og_chip){.seed = 2}) != OG_OK)
        fail("not programmed");
}

static void read(struct workspace *s)
{
    const struct og_read at = {.seed = 1, .sample = s->sample, .positions = 1};
    const struct og_read_io io = {
        .x = s->x, .ldx = SIDE, .n = ROWS, .y = s->y, .ldy = SIDE, .work = s->work};
    og_array_read(s->array, &at, &io);
}

static void wires(struct workspace *s)
{
    struct og_wire_report report;
    if (og_wires_load(s->wires, s->g, NULL) != OG_OK ||
        og_wires_read(s->wires, OG_WIRES_PCG, s->v, 1, s->current, &report, NULL) !=
            OG_OK)
        fail("not solved");
}

static const struct {
    const char *name;
    void (*run)(struct workspace *s);
} kernels[] = {
    {"gauss", gauss},     {"uniform", uniform},    {"exp", exponential},
    {"sigmoid", sigmoid}, {"tanh", hyperbolic},    {"quantize", quantize},
    {"pack", pack},       {"product", product},    {"program", program},
    {"noisy read", read}, {"wires by PCG", wires},
};

int main(void)
{
    static struct workspace s;
    og_set_threads(1);
    prepare(&s);
    printf("%s\n", og_isa_name(og_cpu_isa()));
    for (size_t k = 0; k < sizeof kernels / sizeof *kernels; k++) {
        kernels[k].run(&s);  // what is set up at the first call is not counted
        CALLGRIND_ZERO_STATS;
        kernels[k].run(&s);
        CALLGRIND_DUMP_STATS_AT(kernels[k].name);
    }
    og_free(s.x), og_free(s.y), og_free(s.w), og_free(s.work);
    og_free(s.g), og_free(s.v), og_free(s.current);
    og_packed_free(s.packed);
    og_array_free(s.array);
    og_wires_free(s.wires);
    return 0;
}
