// SPDX-License-Identifier: GPL-3.0-or-later
// Batch normalisation (Ioffe and Szegedy 2015; ONNX BatchNormalization) over the channels
// of an image, or over the features of a vector:
//
//   y = scale (x - mean) / sqrt(var + epsilon) + bias
//
// In training mean and var are those of the whole batch, gathered per block in double and
// merged in block order; else the running ones (momentum of the old value, var unbiased).
// On simulated hardware it stays digital, after the ADC: a scale and a shift per channel.
#include <math.h>

#include "base/kernels.h"
#include "nn/ops.h"

struct norm {
    double epsilon, momentum;
};

static const struct og_field fields[] = {
    {.key = "epsilon",
     .type = OG_FIELD_REAL,
     .offset = offsetof(struct norm, epsilon),
     .min = 1e-12,
     .max = 1,
     .def = "1e-5",
     .stage = OG_STAGE_TRAIN,
     .help = "Added to the variance."},
    {.key = "momentum",
     .type = OG_FIELD_REAL,
     .offset = offsetof(struct norm, momentum),
     .min = 1e-6,
     .max = 1,
     .def = "0.9",
     .stage = OG_STAGE_TRAIN,
     .help = "Weight of the old running statistics."},
    {0},
};

enum { SCALE, BIAS, MEAN, VAR };

static og_status setup(struct og_node *node, struct og_error *err)
{
    const struct og_shape *in = &node->in[0];
    if (in->rank != 1 && in->rank != 3)
        return og_fail(err, OG_INPUT,
                       "batch_norm takes vectors or images; its input has rank %d",
                       in->rank);
    node->shape = *in;
    static const char *const name[] = {"scale", "bias", "mean", "var"};
    node->params = 4;
    for (int p = 0; p < 4; p++) {
        node->param[p] =
            (struct og_param){.rank = 1, .dim = {in->dim[0]}, .state = p >= MEAN};
        node->param[p].value = p == SCALE || p == VAR ? 1.0f : 0.0f;
        for (size_t i = 0; name[p][i]; i++) node->param[p].name[i] = name[p][i];
    }
    return OG_OK;
}

// Channels, and cells of each in one sample.
struct extent {
    size_t channels, cells;
};

static struct extent extent_of(const struct og_node *node)
{
    size_t c = node->shape.dim[0];
    return (struct extent){c, og_shape_count(&node->shape) / c};
}

// Forward: sums of x and x^2, merged into mean and variance; backward: sums of dy and
// dy xhat, merged as they are.
static size_t partials(const struct og_node *node) { return 4 * node->shape.dim[0]; }

// Planes of channels from c on.
static struct og_planes planes_at(const struct og_view *v, size_t c)
{
    const struct extent e = extent_of(v->node);
    const size_t left = e.channels - c;
    return (struct og_planes){.x = v->in[0] + c * e.cells,
                              .rows = v->n,
                              .stride = e.channels * e.cells,
                              .n = left < OG_PLANES ? left : OG_PLANES,
                              .cells = e.cells};
}

static void gather(const struct og_view *v)
{
    struct extent e = extent_of(v->node);
    for (size_t c = 0; c < e.channels; c += OG_PLANES) {
        const struct og_planes p = planes_at(v, c);
        og_kernels()->planes->moments(&p, v->partial + c, v->partial + e.channels + c);
    }
}

static void add_blocks(const struct og_view *v, size_t first, size_t n)
{
    size_t width = partials(v->node);
    for (size_t i = first; i < first + n; i++) {
        v->merged[i] = 0.0;
        for (size_t b = 0; b < v->blocks; b++) v->merged[i] += v->partial[b * width + i];
    }
}

static void merge(const struct og_view *v)
{
    struct extent e = extent_of(v->node);
    double count = (double)(v->total * e.cells);
    add_blocks(v, 0, 2 * e.channels);
    for (size_t c = 0; c < e.channels; c++) {
        double mean = v->merged[c] / count;
        double var = v->merged[e.channels + c] / count - mean * mean;
        v->merged[c] = mean;
        v->merged[e.channels + c] = var > 0.0 ? var : 0.0;  // rounding of a constant
    }
}

// Mean and 1 / sqrt(var + epsilon) of a channel in this pass.
struct moments {
    float mean, inverse;
};

static struct moments moments_of(const struct og_view *v, size_t c)
{
    const struct norm *a = v->node->attr;
    size_t channels = v->node->shape.dim[0];
    double mean = v->training ? v->merged[c] : v->param[MEAN][c];
    double var = v->training ? v->merged[channels + c] : v->param[VAR][c];
    return (struct moments){(float)mean, (float)(1.0 / sqrt(var + a->epsilon))};
}

static void forward(const struct og_view *v)
{
    struct extent e = extent_of(v->node);
    for (size_t c = 0; c < e.channels; c++) {
        struct moments m = moments_of(v, c);
        float scale = v->param[SCALE][c] * m.inverse, bias = v->param[BIAS][c];
        for (size_t r = 0; r < v->n; r++) {
            size_t at = (r * e.channels + c) * e.cells;
            og_kernels()->planes->normalize(v->in[0] + at, v->out + at, e.cells, m.mean,
                                            scale, bias);
        }
    }
}

static void gather_back(const struct og_view *v)
{
    struct extent e = extent_of(v->node);
    for (size_t c = 0; c < e.channels; c += OG_PLANES) {
        const struct og_planes p = planes_at(v, c);
        float mean[OG_PLANES], inverse[OG_PLANES];
        for (size_t k = 0; k < p.n; k++) {
            const struct moments m = moments_of(v, c + k);
            mean[k] = m.mean;
            inverse[k] = m.inverse;
        }
        og_kernels()->planes->along(&p, v->dout + c * e.cells, mean, inverse,
                                    v->partial + 2 * e.channels + c,
                                    v->partial + 3 * e.channels + c);
    }
}

static void merge_back(const struct og_view *v)
{
    size_t channels = v->node->shape.dim[0];
    add_blocks(v, 2 * channels, 2 * channels);
}

// As evaluated: dx = scale / sqrt(var + eps) dy.
static void pass_back(const struct og_view *v)
{
    struct extent e = extent_of(v->node);
    for (size_t c = 0; v->din[0] && c < e.channels; c++) {
        float scale = v->param[SCALE][c] * moments_of(v, c).inverse;
        for (size_t r = 0; r < v->n; r++) {
            size_t at = (r * e.channels + c) * e.cells;
            for (size_t i = at; i < at + e.cells; i++)
                v->din[0][i] = (v->fresh[0] ? 0.0f : v->din[0][i]) + scale * v->dout[i];
        }
    }
}

// dx = scale / sqrt(var + eps) (dy - mean(dy) - xhat mean(dy xhat)), means over the
// batch.
static void backward(const struct og_view *v)
{
    struct extent e = extent_of(v->node);
    double count = (double)(v->total * e.cells);
    if (!v->training) {
        pass_back(v);
        return;
    }
    for (size_t c = 0; c < e.channels; c++) {
        v->dparam[BIAS][c] += (float)v->partial[2 * e.channels + c];
        v->dparam[SCALE][c] += (float)v->partial[3 * e.channels + c];
        if (!v->din[0]) continue;
        struct moments m = moments_of(v, c);
        const struct og_norm_back back = {
            .mean = m.mean,
            .inverse = m.inverse,
            .scale = v->param[SCALE][c] * m.inverse,
            .dy = (float)(v->merged[2 * e.channels + c] / count),
            .along = (float)(v->merged[3 * e.channels + c] / count),
        };
        for (size_t r = 0; r < v->n; r++) {
            size_t at = (r * e.channels + c) * e.cells;
            og_kernels()->planes->normalize_back(&back, v->in[0] + at, v->dout + at,
                                                 v->din[0] + at, e.cells, v->fresh[0]);
        }
    }
}

static void update(const struct og_view *v)
{
    const struct norm *a = v->node->attr;
    struct extent e = extent_of(v->node);
    double count = (double)(v->total * e.cells);
    double unbiased = count > 1.0 ? count / (count - 1.0) : 1.0;
    double keep = v->share > 0.0 ? 1.0 - v->share : a->momentum;
    for (size_t c = 0; c < e.channels; c++) {
        float *mean = &v->state[MEAN][c], *var = &v->state[VAR][c];
        double now = v->merged[e.channels + c] * unbiased;
        *mean = (float)(keep * *mean + (1.0 - keep) * v->merged[c]);
        *var = (float)(keep * *var + (1.0 - keep) * now);
    }
}

const struct og_op og_op_batch_norm = {
    .begins = true,
    .name = "batch_norm",
    .onnx = "BatchNormalization",
    .help = "Normalises every channel; digital on simulated hardware.",
    .fields = fields,
    .attr_size = sizeof(struct norm),
    .inputs_min = 1,
    .inputs_max = 1,
    .setup = setup,
    .forward = forward,
    .backward = backward,
    .partials = partials,
    .gather = gather,
    .gather_back = gather_back,
    .merge = merge,
    .merge_back = merge_back,
    .update = update,
};
