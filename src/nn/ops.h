// SPDX-License-Identifier: GPL-3.0-or-later
// All layers by name, and what several of them share.
#ifndef OG_NN_OPS_H
#define OG_NN_OPS_H

#include <stddef.h>

#include "nn/op.h"

extern const struct og_op og_op_dense, og_op_conv2d, og_op_embedding;
extern const struct og_op og_op_max_pool, og_op_avg_pool, og_op_global_avg_pool;
extern const struct og_op og_op_batch_norm;
extern const struct og_op og_op_relu, og_op_sigmoid, og_op_tanh, og_op_softmax,
    og_op_curve;
extern const struct og_op og_op_add, og_op_flatten, og_op_dropout, og_op_pad;

// y[n] = the curve at x[n].
void og_curve_apply(const struct og_points *curve, const float *x, float *y, size_t n);

// Initial weights: uniform in +-limit; fan_in sqrt(1/fan_in) (PyTorch's default), he
// sqrt(6/fan_in) (He et al. 2015), glorot sqrt(6/(fan_in + fan_out)) (Glorot, Bengio
// 2010).
#define OG_INIT_CHOICES "fan_in he glorot"

// Attributes of layers with one weight and a bias: the last rows of their tables, for a
// struct whose first member is this one.
struct og_weight_attr {
    int init;  // position in OG_INIT_CHOICES
    bool bias;
};
#define OG_WEIGHT_FIELDS                                                                 \
    {.key = "bias",                                                                      \
     .type = OG_FIELD_BOOL,                                                              \
     .offset = offsetof(struct og_weight_attr, bias),                                    \
     .def = "true",                                                                      \
     .stage = OG_STAGE_TRAIN,                                                            \
     .help = "Whether a (digital) bias is added."},                                      \
    {                                                                                    \
        .key = "init", .type = OG_FIELD_CHOICE,                                          \
        .offset = offsetof(struct og_weight_attr, init), .choices = OG_INIT_CHOICES,     \
        .def = "fan_in", .stage = OG_STAGE_TRAIN, .help = "Law of the initial weights."  \
    }

// "weight" of the given shape and, if wanted, "bias" [biases], into node->param.
struct og_weight_spec {
    int rank;
    size_t dim[4];
    size_t fan_in, fan_out, biases;
};
void og_add_weight(struct og_node *node, const struct og_weight_spec *spec);

// For layers of enum og_part: their number, and forward of those that gather nothing.
size_t og_product_parts(const struct og_node *node);
void og_product_forward(const struct og_view *v);

// Shape of one sample as channels, height, width; OG_INPUT unless of rank 3.
struct og_image {
    size_t c, h, w;
};
og_status og_need_image(const struct og_node *node, struct og_image *image,
                        struct og_error *err);
// Outputs of a window along one side, floor((in + 2 pad - span) / stride) + 1; 0: too
// large.
size_t og_window_count(size_t in, size_t span, size_t stride, size_t pad);

// For element-wise layers: the output has the shape of the first input.
og_status og_setup_same(struct og_node *node, struct og_error *err);

#endif
