// SPDX-License-Identifier: GPL-3.0-or-later
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "nn/ops.h"

static float init_limit(int choice, size_t fan_in, size_t fan_out)
{
    double in = (double)fan_in, out = (double)fan_out;
    if (choice == 1) return (float)sqrt(6.0 / in);
    if (choice == 2) return (float)sqrt(6.0 / (in + out));
    return (float)sqrt(1.0 / in);
}

void og_add_weight(struct og_node *node, const struct og_weight_spec *spec)
{
    const struct og_weight_attr *attr = node->attr;
    struct og_param *w = &node->param[node->params++];
    *w = (struct og_param){.name = "weight",
                           .rank = spec->rank,
                           .law = OG_INIT_UNIFORM,
                           .value = init_limit(attr->init, spec->fan_in, spec->fan_out),
                           .decay = true};
    memcpy(w->dim, spec->dim, sizeof w->dim);
    if (!attr->bias) return;
    node->param[node->params++] = (struct og_param){
        .name = "bias", .rank = 1, .dim = {spec->biases}, .law = OG_INIT_CONSTANT};
}

size_t og_product_parts(const struct og_node *node)
{
    (void)node;
    return OG_PARTS;
}

void og_product_forward(const struct og_view *v)
{
    v->node->op->part(v, OG_PART_READ);
    v->node->op->part(v, OG_PART_OUTPUT);
}

og_status og_need_image(const struct og_node *node, struct og_image *image,
                        struct og_error *err)
{
    const struct og_shape *in = &node->in[0];
    if (in->rank != 3)
        return og_fail(err, OG_INPUT,
                       "%s takes images [channels][height][width]; its input has rank %d",
                       node->op->name, in->rank);
    *image = (struct og_image){in->dim[0], in->dim[1], in->dim[2]};
    return OG_OK;
}

size_t og_window_count(size_t in, size_t span, size_t stride, size_t pad)
{
    size_t padded = in + 2 * pad;
    return padded < span ? 0 : (padded - span) / stride + 1;
}

og_status og_setup_same(struct og_node *node, struct og_error *err)
{
    (void)err;
    node->shape = node->in[0];
    return OG_OK;
}

og_status og_node_make_room(struct og_node *node, int n, struct og_error *err)
{
    node->linear = og_alloc((size_t)n, sizeof *node->linear);
    if (!node->linear) return og_fail(err, OG_NO_MEMORY, "out of memory");
    node->linear_room = n;
    return OG_OK;
}

bool og_node_own_linears(struct og_node *copy)
{
    const struct og_linear_decl *from = copy->linear;
    const size_t n = (size_t)copy->linear_room;
    copy->linear = og_alloc(n, sizeof *from);
    if (copy->linear && n > 0) memcpy(copy->linear, from, n * sizeof *from);
    return copy->linear != NULL;
}

struct og_view og_view_part(const struct og_view *v, size_t s, size_t n)
{
    struct og_view part = *v;
    part.first += s;
    part.sample = v->sample ? v->sample + s : NULL;
    part.n = n;
    return part;
}
