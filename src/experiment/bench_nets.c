// SPDX-License-Identifier: GPL-3.0-or-later
#include "experiment/bench_nets.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

static const char lenet5[] = "- conv2d: {filters: 20, kernel: 5}\n"
                             "- relu\n"
                             "- max_pool: {size: 2}\n"
                             "- conv2d: {filters: 50, kernel: 5}\n"
                             "- relu\n"
                             "- max_pool: {size: 2}\n"
                             "- dense: {units: 500}\n"
                             "- relu\n"
                             "- dense: {units: 10}\n";

const struct og_bench_net og_bench_nets[] = {
    [OG_BENCH_LSTM64] = {"lstm64",
                         "- lstm: {units: 64, forget_bias: 0}\n- dense: {units: 10}\n",
                         {2, {28, 28}},
                         128,
                         1,
                         28,
                         10,
                         0.1},
    [OG_BENCH_LENET5] = {"lenet5", lenet5, {3, {1, 28, 28}}, 128, 1, 28, 10, 0.01},
    [OG_BENCH_PTB] = {"lstm_ptb",
                      "- embedding: {units: 300}\n"
                      "- lstm: {units: 300, return: sequence, forget_bias: 0}\n"
                      "- dense: {name: out, units: 10000, each_step: true}\n",
                      {1, {20, 10000}},
                      64,
                      0,
                      0,
                      10000,
                      1.0},
    [OG_BENCH_RESNET20] = {"resnet20", NULL, {3, {3, 32, 32}}, 64, 3, 32, 10, 0.1},
    [OG_BENCH_LSTM256] = {"lstm256",
                          "- lstm: {units: 256, forget_bias: 0}\n- dense: {units: 10}\n",
                          {2, {28, 28}},
                          64,
                          1,
                          28,
                          10,
                          0.1},
};

struct text {
    char *at;
    size_t left;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *t, const char *format,
                                                      ...)
{
    va_list args;
    va_start(args, format);
    const int n = vsnprintf(t->at, t->left, format, args);
    va_end(args);
    assert(n >= 0 && (size_t)n < t->left);
    t->at += n;
    t->left -= (size_t)n;
}

// He et al. 2016, for CIFAR-10: shortcuts without weights, every second pixel and zeros
// for the new channels where the size halves.
static void resnet20(struct text *t)
{
    add(t, "- conv2d: {filters: 16, kernel: 3, padding: 1, bias: false}\n"
           "- batch_norm\n- relu: {name: out0}\n");
    for (int block = 0; block < 9; block++) {
        const int filters = 16 << block / 3, half = block > 0 && block % 3 == 0;
        add(t,
            "- conv2d: {filters: %d, kernel: 3, padding: 1, stride: %d, bias: false}\n",
            filters, half ? 2 : 1);
        add(t, "- batch_norm\n- relu\n");
        add(t, "- conv2d: {filters: %d, kernel: 3, padding: 1, bias: false}\n", filters);
        add(t, "- batch_norm: {name: sum%d}\n", block);
        if (half)
            add(t,
                "- avg_pool: {name: half%d, inputs: out%d, size: 1, stride: 2}\n"
                "- pad: {name: pad%d, before: %d, after: %d}\n",
                block, block, block, filters / 4, filters / 4);
        add(t, "- add: {inputs: [sum%d, %s%d]}\n", block, half ? "pad" : "out", block);
        add(t, "- relu: {name: out%d}\n", block + 1);
    }
    add(t, "- global_avg_pool\n- dense: {units: 10}\n");
}

void og_bench_net_layers(const struct og_bench_net *net, char text[OG_BENCH_NET_TEXT])
{
    struct text t = {text, OG_BENCH_NET_TEXT};
    if (net->layers)
        add(&t, "%s", net->layers);
    else
        resnet20(&t);
}
