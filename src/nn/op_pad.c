// SPDX-License-Identifier: GPL-3.0-or-later
// Zeros around an image (ONNX Pad, mode constant): more on one side than on the other, as
// TensorFlow's "same" padding of a stride needs it, or whole channels, as in the
// shortcuts of He et al. 2016 (option A).
#include <string.h>

#include "nn/ops.h"

struct pad {
    int before, after, top, bottom, left, right;
};

static const struct og_field fields[] = {
    {"before", OG_FIELD_INT, offsetof(struct pad, before), 0, NULL, 0, 65536, NULL, "0",
     OG_STAGE_TRAIN, "Channels of zeros before the first one.", NULL, NULL},
    {"after", OG_FIELD_INT, offsetof(struct pad, after), 0, NULL, 0, 65536, NULL, "0",
     OG_STAGE_TRAIN, "Channels of zeros after the last one.", NULL, NULL},
    {"top", OG_FIELD_INT, offsetof(struct pad, top), 0, NULL, 0, 65536, NULL, "0",
     OG_STAGE_TRAIN, "Rows of zeros above the image.", NULL, NULL},
    {"bottom", OG_FIELD_INT, offsetof(struct pad, bottom), 0, NULL, 0, 65536, NULL, "0",
     OG_STAGE_TRAIN, "Rows of zeros below it.", NULL, NULL},
    {"left", OG_FIELD_INT, offsetof(struct pad, left), 0, NULL, 0, 65536, NULL, "0",
     OG_STAGE_TRAIN, "Columns of zeros on its left.", NULL, NULL},
    {"right", OG_FIELD_INT, offsetof(struct pad, right), 0, NULL, 0, 65536, NULL, "0",
     OG_STAGE_TRAIN, "Columns of zeros on its right.", NULL, NULL},
    {.key = NULL},
};

static og_status setup(struct og_node *node, struct og_error *err)
{
    const struct pad *a = node->attr;
    struct og_image in;
    OG_TRY(og_need_image(node, &in, err));
    node->shape = (struct og_shape){3,
                                    {in.c + (size_t)(a->before + a->after),
                                     in.h + (size_t)(a->top + a->bottom),
                                     in.w + (size_t)(a->left + a->right)}};
    return OG_OK;
}

// Offset of row y of channel c of the input in the output, both of one sample.
static size_t row_at(const struct og_node *node, size_t c, size_t y)
{
    const struct pad *a = node->attr;
    const size_t *d = node->shape.dim;
    return ((c + (size_t)a->before) * d[1] + y + (size_t)a->top) * d[2] + (size_t)a->left;
}

static void forward(const struct og_view *v)
{
    const size_t *in = v->node->in[0].dim, size = og_shape_count(&v->node->shape);
    const float *from = v->in[0];
    memset(v->out, 0, v->n * size * sizeof *v->out);
    for (size_t r = 0; r < v->n; r++)
        for (size_t c = 0; c < in[0]; c++)
            for (size_t y = 0; y < in[1]; y++, from += in[2])
                memcpy(v->out + r * size + row_at(v->node, c, y), from,
                       in[2] * sizeof *from);
}

static void backward(const struct og_view *v)
{
    const size_t *in = v->node->in[0].dim, size = og_shape_count(&v->node->shape);
    float *to = v->din[0];
    for (size_t r = 0; to && r < v->n; r++)
        for (size_t c = 0; c < in[0]; c++)
            for (size_t y = 0; y < in[1]; y++, to += in[2]) {
                const float *from = v->dout + r * size + row_at(v->node, c, y);
                for (size_t x = 0; x < in[2]; x++) to[x] += from[x];
            }
}

const struct og_op og_op_pad = {
    .name = "pad",
    .onnx = "Pad",
    .help = "Zeros around an image, or channels of zeros.",
    .fields = fields,
    .attr_size = sizeof(struct pad),
    .inputs_min = 1,
    .inputs_max = 1,
    .setup = setup,
    .forward = forward,
    .backward = backward,
};
