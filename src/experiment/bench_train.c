// SPDX-License-Identifier: GPL-3.0-or-later
// Training steps whole: the batch fetched, forward, loss, backward, running statistics,
// SGD, and on hardware the changed weights programmed again. With hardware in the loop
// over floats, and both over PyTorch, which is given the same network, weights and batch,
// and whose losses of the first two steps must be ours.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "config/tree.h"
#include "experiment/bench_case.h"
#include "experiment/bench_nets.h"
#include "experiment/bench_peer.h"
#include "ohmgrid/learn.h"
#include "ohmgrid/random.h"

enum { HARDWARE = 1 << 8, STEPS = 2 };  // HARDWARE: beside the network in a variant

struct training {
    const struct og_bench_net *net;
    struct og_dataset set;  // one batch
    struct og_train_config config[2];
    og_item *digital;  // layers without hardware
    og_model *model[2];
    og_trainer *trainer[2];  // ours; theirs, unless that is PyTorch
    struct og_peer peer;
};

// Constant read noise and programming error, 8-bit converters: what most studies switch
// on. Of text, columns whole and the softmax layer digital: Ma et al. and Yang et al.
// have no arrays of 10,000 columns.
static struct og_hardware noisy(const struct training *b)
{
    struct og_hardware hw = og_hardware_default();
    const double g_max = hw.device.g_max;
    hw.device.program =
        (struct og_sigma){.kind = OG_SIGMA_CONSTANT, .sigma = 0.02 * g_max, .scale = 1.0};
    hw.device.read =
        (struct og_sigma){.kind = OG_SIGMA_CONSTANT, .sigma = 0.01 * g_max, .scale = 1.0};
    hw.dac.bits = hw.adc.bits = 8;
    hw.dac.mode = hw.adc.mode = OG_RANGE_MINMAX;
    if (b->digital) hw.tile.rows = hw.tile.cols = 600;
    hw.layers = b->digital;
    return hw;
}

static void training_close(void *bench)
{
    struct training *b = bench;
    if (b == NULL) return;
    og_peer_stop(&b->peer);
    for (int k = 0; k < 2; k++) {
        og_trainer_free(b->trainer[k]);
        og_model_free(b->model[k]);
    }
    og_item_free(b->digital);
    og_free(b->set.pixel);
    og_free(b->set.label);
    og_free(b->set.symbol);
    og_free(b);
}

// Whole numbers below `end`, drawn uniformly.
static uint32_t below(uint32_t end, uint32_t which, uint32_t position)
{
    const struct og_stream s = og_stream_named(4, OG_INIT, 0, 0, 0);
    float u;
    og_uniform_fill(&s, (struct og_index){which, 0, 0}, position, &u, 1);
    return (uint32_t)(u * (float)end) % end;
}

static og_status make_images(struct training *b, struct og_error *err)
{
    const struct og_bench_net *net = b->net;
    const size_t each = net->channels * net->side * net->side;
    b->set = (struct og_dataset){.n = net->batch,
                                 .classes = net->classes,
                                 .shape = net->input,
                                 .channels = net->channels,
                                 .height = net->side,
                                 .width = net->side};
    b->set.spec.rows = net->input.rank == 2;
    for (int c = 0; c < 3; c++) b->set.spec.std[c] = 1;
    b->set.pixel = og_alloc(net->batch * each, 1);
    b->set.label = og_alloc(net->batch, 1);
    if (b->set.pixel == NULL || b->set.label == NULL)
        return og_fail(err, OG_NO_MEMORY, "bench: out of memory");
    for (size_t i = 0; i < net->batch * each; i++)
        b->set.pixel[i] = (uint8_t)below(256, 0, (uint32_t)i);
    for (size_t i = 0; i < net->batch; i++)
        b->set.label[i] = (uint8_t)(i % (size_t)net->classes);
    return OG_OK;
}

static og_status make_text(struct training *b, struct og_error *err)
{
    const struct og_bench_net *net = b->net;
    const size_t steps = net->input.dim[0];
    b->set = (struct og_dataset){.n = net->batch,
                                 .classes = net->classes,
                                 .shape = net->input,
                                 .streams = net->batch,
                                 .symbols = net->batch * steps + 1};
    b->set.symbol = og_alloc(b->set.symbols, sizeof *b->set.symbol);
    if (b->set.symbol == NULL) return og_fail(err, OG_NO_MEMORY, "bench: out of memory");
    for (size_t i = 0; i < b->set.symbols; i++)
        b->set.symbol[i] = below((uint32_t)net->classes, 1, (uint32_t)i);
    return og_item_parse(&b->digital, "bench", "- {layer: out, ideal: true}\n", err);
}

// Trainer `k`, with hardware in the loop or without.
static og_status make_trainer(struct training *b, int k, bool hardware,
                              struct og_error *err)
{
    b->config[k] = (struct og_train_config){
        .epochs = 1 << 20,
        .batch = (int)b->net->batch,
        .optimizer = OG_SGD,
        .lr = b->net->lr,
        .lr_gamma = 1,
        .lr_step = 1,
        .seed = 1,
        .calibrate_every = 100,
        .calibrate_samples = (int)b->net->batch,
        .hardware = noisy(b),
    };
    b->config[k].hardware.ideal = !hardware;
    return og_trainer_alloc(&b->trainer[k], b->model[k], &b->config[k], &b->set, err);
}

static og_status open_net(void **bench, size_t variant, bool hardware,
                          struct og_error *err)
{
    struct training *b = og_alloc(1, sizeof *b);
    *bench = b;
    if (b == NULL) return og_fail(err, OG_NO_MEMORY, "bench: out of memory");
    b->net = &og_bench_nets[variant];
    OG_TRY(b->net->input.rank == 1 ? make_text(b, err) : make_images(b, err));
    char text[OG_BENCH_NET_TEXT];
    og_bench_net_layers(b->net, text);
    og_item *layers = NULL;
    OG_TRY(og_item_parse(&layers, "bench", text, err));
    const og_status status =
        og_model_build(&b->model[0], layers, &b->net->input, b->net->classes, err);
    og_item_free(layers);
    if (status != OG_OK) return status;
    OG_TRY(og_model_copy(&b->model[1], b->model[0], err));
    return make_trainer(b, 0, hardware, err);
}

static og_status over_floats_open(void **bench, size_t variant, struct og_error *err)
{
    OG_TRY(open_net(bench, variant, true, err));
    return make_trainer(*bench, 1, false, err);
}

// A training that breaks down shows in the comparison of the first losses.
static void training_ours(void *bench)
{
    struct training *b = bench;
    og_trainer_step(b->trainer[0], NULL);
}

static void training_theirs(void *bench)
{
    struct training *b = bench;
    og_trainer_step(b->trainer[1], NULL);
}

// --- PyTorch ---------------------------------------------------------------------------

// The network, its weights and the batch as int32: pixels and labels, or symbols.
static bool send_training(struct training *b)
{
    const struct og_dataset *set = &b->set;
    size_t params;
    const float *param = og_model_params(b->model[1], &params);
    const size_t pixels =
        set->pixel ? set->n * set->channels * set->height * set->width : 0;
    char line[128];
    const int length = snprintf(line, sizeof line, "%s %zu %zu %.17g\n", b->net->name,
                                set->n, params, b->net->lr);
    if (!og_peer_send(&b->peer, line, (size_t)length) ||
        !og_peer_send(&b->peer, param, params * sizeof *param))
        return false;
    if (set->symbol)
        return og_peer_send(&b->peer, set->symbol, set->symbols * sizeof *set->symbol);
    return og_peer_send(&b->peer, set->pixel, pixels) &&
           og_peer_send(&b->peer, set->label, set->n);
}

// Both in float, from the same weights; the second loss tells of gradients and step.
static og_status compare(struct training *b, const double *theirs, struct og_error *err)
{
    for (int step = 0; step < STEPS; step++) OG_TRY(og_trainer_step(b->trainer[1], err));
    size_t epochs;
    const struct og_curve *ours = og_trainer_curve(b->trainer[1], &epochs);
    for (int step = 0; step < STEPS; step++)
        if (!(fabs(ours[step].loss / theirs[step] - 1) <= 1e-4))
            return og_fail(err, OG_FAILED,
                           "bench: %s: the loss of step %d is %.8g, PyTorch's %.8g",
                           b->net->name, step + 1, ours[step].loss, theirs[step]);
    return OG_OK;
}

static og_status pytorch_open(void **bench, size_t variant, struct og_error *err)
{
    const bool hardware = (variant & HARDWARE) != 0;
    OG_TRY(open_net(bench, variant & ~(size_t)HARDWARE, hardware, err));
    struct training *b = *bench;
    OG_TRY(make_trainer(b, 1, false, err));
    OG_TRY(og_peer_start(&b->peer, OG_PEER_PYTORCH, err));
    double theirs[STEPS];
    if (!send_training(b) || !og_peer_receive(&b->peer, theirs, sizeof theirs))
        return og_fail(err, OG_FAILED,
                       "bench: PyTorch does not answer; is python3-torch there?");
    return compare(b, theirs, err);
}

static double pytorch_seconds(void *bench)
{
    const struct training *b = bench;
    return og_peer_seconds(&b->peer);
}

#define OVER_FLOATS(name, size, target, net)                                             \
    {                                                                                    \
        name, size, "s", target, false, net, over_floats_open, training_ours,            \
            training_theirs, training_close, NULL, NULL                                  \
    }
#define OVER_PYTORCH(name, size, target, net)                                            \
    {                                                                                    \
        name, size, "s", target, false, net, pytorch_open, training_ours, NULL,          \
            training_close, pytorch_seconds, NULL                                        \
    }

const struct og_bench_case og_bench_training[] = {
    OVER_FLOATS("train/lstm64/hardware", "128x28x28-64-10", 1.5, OG_BENCH_LSTM64),
    OVER_FLOATS("train/lenet5/hardware", "128 20-50-500", 1.5, OG_BENCH_LENET5),
    OVER_FLOATS("train/lstm_ptb/hardware", "64x20 300-300-10000", 1.5, OG_BENCH_PTB),
    {.name = NULL},
};

const struct og_bench_case og_bench_pytorch[] = {
    OVER_PYTORCH("train/lenet5/float", "128 20-50-500", 1.0, OG_BENCH_LENET5),
    OVER_PYTORCH("train/lenet5/hardware", "128 20-50-500", 1.3,
                 OG_BENCH_LENET5 | HARDWARE),
    OVER_PYTORCH("train/resnet20/float", "64x3x32x32", 1.0, OG_BENCH_RESNET20),
    OVER_PYTORCH("train/resnet20/hardware", "64x3x32x32", 1.3,
                 OG_BENCH_RESNET20 | HARDWARE),
    OVER_PYTORCH("train/lstm256/float", "64x28x28-256-10", 1.0, OG_BENCH_LSTM256),
    OVER_PYTORCH("train/lstm256/hardware", "64x28x28-256-10", 1.3,
                 OG_BENCH_LSTM256 | HARDWARE),
    OVER_PYTORCH("train/lstm_ptb/float", "64x20 300-300-10000", 1.0, OG_BENCH_PTB),
    OVER_PYTORCH("train/lstm_ptb/hardware", "64x20 300-300-10000", 1.3,
                 OG_BENCH_PTB | HARDWARE),
    {.name = NULL},
};
