// SPDX-License-Identifier: GPL-3.0-or-later
// The networks whose training is measured.
#ifndef OG_EXPERIMENT_BENCH_NETS_H
#define OG_EXPERIMENT_BENCH_NETS_H

#include "ohmgrid/data.h"

struct og_bench_net {
    const char *name;    // as bench_pytorch.py has it
    const char *layers;  // NULL: ResNet-20
    struct og_shape input;
    size_t batch, channels, side;  // of images; text: batch is its streams
    int classes;
    double lr;  // two steps of it leave the loss finite
};

enum {
    OG_BENCH_LSTM64,
    OG_BENCH_LENET5,
    OG_BENCH_PTB,
    OG_BENCH_RESNET20,
    OG_BENCH_LSTM256
};
extern const struct og_bench_net og_bench_nets[];

enum { OG_BENCH_NET_TEXT = 8192 };
// The list under model.layers.
void og_bench_net_layers(const struct og_bench_net *net, char text[OG_BENCH_NET_TEXT]);

#endif
