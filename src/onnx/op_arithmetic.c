// SPDX-License-Identifier: GPL-3.0-or-later
// Add, Sub, Mul, Div and PRelu: two arrays of one type. Integers wrap around, as in
// numpy; their quotients are cut off towards zero.
#include <string.h>

#include "onnx/op.h"

enum kind { ADD, SUB, MUL, DIV, PRELU };

static enum kind kind_of(const struct og_call *c)
{
    static const char *const name[] = {"Add", "Sub", "Mul", "Div", "PRelu"};
    int k = 0;
    while (strcmp(c->node->type, name[k]) != 0) k++;
    return (enum kind)k;
}

static float of_floats(enum kind kind, float a, float b)
{
    switch (kind) {
    case ADD:
        return a + b;
    case SUB:
        return a - b;
    case MUL:
        return a * b;
    case DIV:
        return a / b;
    case PRELU:
        return a < 0.0f ? a * b : a;
    }
    return 0.0f;
}

// Of 64 bits; og_nd_put cuts them to the type's.
static int64_t of_integers(enum kind kind, int64_t a, int64_t b)
{
    switch (kind) {
    case ADD:
        return (int64_t)((uint64_t)a + (uint64_t)b);
    case SUB:
        return (int64_t)((uint64_t)a - (uint64_t)b);
    case MUL:
        return (int64_t)((uint64_t)a * (uint64_t)b);
    case DIV:
        return b == -1 ? (int64_t)(0 - (uint64_t)a) : a / b;
    case PRELU:
        return a < 0 ? (int64_t)((uint64_t)a * (uint64_t)b) : a;
    }
    return 0;
}

// Two arrays and the places of their elements for each of the result.
struct pair {
    const struct og_nd *a, *b;
    int rank;
    int64_t dim[OG_ND_RANK], step_a[OG_ND_RANK], step_b[OG_ND_RANK];
};

static bool is_as(const struct og_nd *a, const struct og_nd *out)
{
    return a->rank == out->rank &&
           memcmp(a->dim, out->dim, (size_t)a->rank * sizeof *a->dim) == 0;
}

static void run_floats(const struct pair *p, enum kind kind, struct og_nd *out)
{
    const float *a = p->a->data, *b = p->b->data;
    float *y = out->data;
    size_t n = out->count;
    if (is_as(p->a, out) && (is_as(p->b, out) || p->b->count == 1)) {
        size_t step = is_as(p->b, out);
#pragma omp parallel for schedule(static) default(none)                                  \
    shared(a, b, y, n, step, kind) if (n > 65536)
        for (size_t i = 0; i < n; i++) y[i] = of_floats(kind, a[i], b[i * step]);
        return;
    }
    struct og_walk w = og_walk_start(p->rank, p->dim, p->step_a, p->step_b, NULL);
    for (size_t i = 0; i < n; i++, og_walk_next(&w))
        y[i] = of_floats(kind, a[w.at[0]], b[w.at[1]]);
}

static og_status run_integers(const struct og_call *c, const struct pair *p,
                              enum kind kind, struct og_nd *out)
{
    struct og_walk w = og_walk_start(p->rank, p->dim, p->step_a, p->step_b, NULL);
    for (size_t i = 0; i < out->count; i++, og_walk_next(&w)) {
        int64_t a = og_nd_int(p->a, (size_t)w.at[0]),
                b = og_nd_int(p->b, (size_t)w.at[1]);
        if (kind == DIV && b == 0)
            return og_call_fail(c, "an integer is divided by zero");
        og_nd_put(out, i, of_integers(kind, a, b));
    }
    return OG_OK;
}

static og_status run_pair(const struct og_call *c, struct pair *p)
{
    enum kind kind = kind_of(c);
    struct og_nd *out = og_call_out(c, 0);
    if (!out) return OG_OK;
    OG_TRY(og_call_make(c, 0, p->a->type, p->rank, p->dim));
    if (p->a->type != OG_ND_FLOAT) return run_integers(c, p, kind, out);
    run_floats(p, kind, out);
    return OG_OK;
}

static og_status fail_shapes(const struct og_call *c)
{
    char a[OG_ND_TEXT], b[OG_ND_TEXT];
    og_nd_shape_text(c->in[0]->rank, c->in[0]->dim, a);
    og_nd_shape_text(c->in[1]->rank, c->in[1]->dim, b);
    return og_call_fail(c, "shapes %.100s and %.100s do not fit together", a, b);
}

// The shape of in[1] from `axis` of in[0] on, with ones behind it.
static og_status place_second(const struct og_call *c, int64_t axis, struct og_nd *placed)
{
    const struct og_nd *a = c->in[0], *b = c->in[1];
    int64_t dim[OG_ND_RANK];
    if (axis < 0) axis += a->rank;
    if (b->count == 1 && b->rank <= a->rank) axis = 0;
    if (axis < 0 || axis + b->rank > a->rank) return fail_shapes(c);
    int rank = a->rank - (int)axis;
    for (int k = 0; k < rank; k++) dim[k] = k < b->rank ? b->dim[k] : 1;
    *placed = *b;  // borrows the elements
    placed->rank = rank;
    memcpy(placed->dim, dim, sizeof dim);
    return OG_OK;
}

// One direction: the second is spread over the first.
static og_status spread(const struct og_call *c, struct pair *p)
{
    p->rank = p->a->rank;
    memcpy(p->dim, p->a->dim, sizeof p->dim);
    if (!og_nd_steps(p->a, p->rank, p->dim, p->step_a) ||
        !og_nd_steps(p->b, p->rank, p->dim, p->step_b))
        return fail_shapes(c);
    return run_pair(c, p);
}

og_status og_run_arithmetic(const struct og_call *c)
{
    struct pair p = {.a = c->in[0], .b = c->in[1]};
    if (c->opset >= 7) {
        if (!og_nd_broadcast(p.a, p.b, &p.rank, p.dim)) return fail_shapes(c);
        if (!og_nd_steps(p.a, p.rank, p.dim, p.step_a) ||
            !og_nd_steps(p.b, p.rank, p.dim, p.step_b))
            return fail_shapes(c);
        return run_pair(c, &p);
    }
    struct og_nd placed = *p.b;
    if (og_node_int(c->node, "broadcast", 0)) {
        int64_t axis = og_node_int(c->node, "axis", p.a->rank - p.b->rank);
        OG_TRY(place_second(c, axis, &placed));
    } else if (!is_as(p.b, p.a)) {
        return fail_shapes(c);
    }
    p.b = &placed;
    return spread(c, &p);
}

// Before opset 7 the slopes are one, or one for each channel (the second axis).
og_status og_run_prelu(const struct og_call *c)
{
    struct pair p = {.a = c->in[0], .b = c->in[1]};
    struct og_nd placed = *p.b;
    bool per_channel = c->opset < 7 && p.b->rank == 1 && p.b->count != 1;
    if (per_channel && p.a->rank > 1) {
        OG_TRY(place_second(c, 1, &placed));
        p.b = &placed;
    }
    return spread(c, &p);
}
