// SPDX-License-Identifier: GPL-3.0-or-later
// Evaluation of whole networks on arrays with exact wires over the same without, both
// programmed before. Read noise in proportion to the conductance, so that each weight has
// a variance of its own on both sides; 8-bit converters.
#include "base/mem.h"
#include "config/tree.h"
#include "experiment/bench_case.h"
#include "experiment/bench_nets.h"
#include "ohmgrid/model.h"
#include "ohmgrid/random.h"

struct networks {
    og_model *model;
    og_exec *exec[2];  // with wires, without
    float *x;
    uint32_t *sample;
    struct og_batch batch;
};

static void networks_close(void *bench)
{
    struct networks *b = bench;
    if (b == NULL) return;
    for (int k = 0; k < 2; k++) og_exec_free(b->exec[k]);
    og_model_free(b->model);
    og_free(b->x);
    og_free(b->sample);
    og_free(b);
}

static struct og_hardware hardware(bool wires)
{
    struct og_hardware hw = og_hardware_default();
    hw.device.g_min = 0.01 * hw.device.g_max;
    hw.device.read =
        (struct og_sigma){.kind = OG_SIGMA_PROPORTIONAL, .fraction = 0.02, .scale = 1.0};
    hw.dac.bits = hw.adc.bits = 8;
    hw.dac.mode = hw.adc.mode = OG_RANGE_MINMAX;
    if (wires)
        hw.wires = (struct og_wiring){.mode = OG_WIRES_EXACT, .r_row = 1, .r_col = 1};
    return hw;
}

static og_status make_model(struct networks *b, const struct og_bench_net *net,
                            struct og_error *err)
{
    char text[OG_BENCH_NET_TEXT];
    og_item *layers = NULL;
    og_bench_net_layers(net, text);
    OG_TRY(og_item_parse(&layers, "bench", text, err));
    const og_status status =
        og_model_build(&b->model, layers, &net->input, net->classes, err);
    og_item_free(layers);
    if (status == OG_OK) og_model_init(b->model, 1);
    return status;
}

static og_status make_batch(struct networks *b, const struct og_bench_net *net,
                            struct og_error *err)
{
    size_t each = 1;
    for (int k = 0; k < net->input.rank; k++) each *= net->input.dim[k];
    b->x = og_alloc(net->batch * each, sizeof *b->x);
    b->sample = og_alloc(net->batch, sizeof *b->sample);
    if (b->x == NULL || b->sample == NULL)
        return og_fail(err, OG_NO_MEMORY, "bench: out of memory");
    const struct og_stream s = og_stream_named(6, OG_INIT, 0, 0, 0);
    og_uniform_fill(&s, (struct og_index){0, 0, 0}, 0, b->x, net->batch * each);
    for (size_t i = 0; i < net->batch; i++) b->sample[i] = (uint32_t)i;
    b->batch =
        (struct og_batch){.x = b->x, .sample = b->sample, .n = net->batch, .seed = 1};
    return OG_OK;
}

static og_status networks_open(void **bench, size_t variant, struct og_error *err)
{
    const struct og_bench_net *net = &og_bench_nets[variant];
    struct networks *b = og_alloc(1, sizeof *b);
    *bench = b;
    if (b == NULL) return og_fail(err, OG_NO_MEMORY, "bench: out of memory");
    OG_TRY(make_model(b, net, err));
    OG_TRY(make_batch(b, net, err));
    for (int k = 0; k < 2; k++) {
        const struct og_hardware hw = hardware(k == 0);
        const struct og_exec_options options = {.hardware = &hw, .batch = net->batch};
        OG_TRY(og_exec_alloc(&b->exec[k], b->model, &options, err));
        OG_TRY(og_exec_calibrate(b->exec[k], &b->batch, err));
        OG_TRY(og_exec_program(b->exec[k], &(struct og_chip){.seed = 1}));
    }
    return OG_OK;
}

static void with_wires(void *bench)
{
    struct networks *b = bench;
    og_exec_forward(b->exec[0], &b->batch);
}

static void without(void *bench)
{
    struct networks *b = bench;
    og_exec_forward(b->exec[1], &b->batch);
}

const struct og_bench_case og_bench_wired[] = {
    {"wires/evaluate/lenet5", "128 20-50-500", "s", 1.3, false, OG_BENCH_LENET5,
     networks_open, with_wires, without, networks_close, NULL, NULL},
    {"wires/evaluate/lstm64", "128x28x28-64-10", "s", 1.3, false, OG_BENCH_LSTM64,
     networks_open, with_wires, without, networks_close, NULL, NULL},
    {.name = NULL},
};
