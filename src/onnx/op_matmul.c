// SPDX-License-Identifier: GPL-3.0-or-later
// MatMul and Gemm. One operand is the weights (a constant, else the second), the rows of
// the other are multiplied with them.
#include <string.h>

#include "base/mem.h"
#include "onnx/engine.h"
#include "onnx/matmul.h"

// The axes before the last two, as an array of matrices.
static struct og_nd stack_of(const struct og_nd *a)
{
    struct og_nd stack = {.rank = a->rank > 2 ? a->rank - 2 : 0};
    memcpy(stack.dim, a->dim, (size_t)stack.rank * sizeof *a->dim);
    return stack;
}

static og_status fail_shapes(const struct og_call *c, const struct og_nd *a,
                             const struct og_nd *b)
{
    char x[OG_ND_TEXT], y[OG_ND_TEXT];
    og_nd_shape_text(a->rank, a->dim, x);
    og_nd_shape_text(b->rank, b->dim, y);
    return og_call_fail(c, "shapes %.100s and %.100s cannot be multiplied", x, y);
}

og_status og_matmul_read(const struct og_call *c, const struct og_nd *a,
                         const struct og_nd *b, struct og_matmul *p)
{
    if (a->rank < 1 || b->rank < 1) return fail_shapes(c, a, b);
    struct og_nd x = stack_of(a), y = stack_of(b);
    *p = (struct og_matmul){.k = (size_t)a->dim[a->rank - 1]};
    p->m = a->rank > 1 ? (size_t)a->dim[a->rank - 2] : 1;
    p->n = b->rank > 1 ? (size_t)b->dim[b->rank - 1] : 1;
    size_t k = (size_t)b->dim[b->rank > 1 ? b->rank - 2 : 0];
    bool fits = k == p->k && og_nd_broadcast(&x, &y, &p->stack_rank, p->stack_dim) &&
                og_nd_steps(&x, p->stack_rank, p->stack_dim, p->step_a) &&
                og_nd_steps(&y, p->stack_rank, p->stack_dim, p->step_b) &&
                og_nd_count(p->stack_rank, p->stack_dim, OG_ND_INT64, &p->stack);
    if (!fits) return fail_shapes(c, a, b);
    p->rank = p->stack_rank;
    memcpy(p->dim, p->stack_dim, sizeof p->dim);
    if (a->rank > 1) p->dim[p->rank++] = (int64_t)p->m;
    if (b->rank > 1) p->dim[p->rank++] = (int64_t)p->n;
    return OG_OK;
}

// One B for all: the rows of all A, one below the other.
static og_status multiply_shared(const struct og_call *c, const struct og_matmul *p,
                                 const struct og_nd *a, const struct og_nd *b)
{
    const struct og_factor f = {.w = b->data,
                                .out = p->n,
                                .in = p->k,
                                .out_step = 1,
                                .in_step = p->n,
                                .constant = c->constant[1],
                                .segments = 1,
                                .segment = {p->k}};
    struct og_product *w;
    OG_TRY(og_engine_product(c, &f, &w));
    size_t rows = p->stack * p->m, first = a->rank > 2 ? (size_t)a->dim[0] : rows;
    const struct og_rows r = {.x = a->data,
                              .rows = rows,
                              .y = og_call_out(c, 0)->data,
                              .per_sample = first ? rows / first : 1};
    og_status status = og_product_rows(c, w, &r);
    og_engine_release(c->engine, w);
    return status;
}

// A is the weights: Y^T = B^T A^T.
static og_status multiply_left(const struct og_call *c, const struct og_matmul *p,
                               const struct og_nd *a, const struct og_nd *b)
{
    const struct og_factor f = {.w = a->data,
                                .out = p->m,
                                .in = p->k,
                                .out_step = p->k,
                                .in_step = 1,
                                .constant = true,
                                .segments = 1,
                                .segment = {p->k}};
    struct og_product *w;
    OG_TRY(og_engine_product(c, &f, &w));
    size_t rows = p->stack * p->n;
    float *x = og_alloc(rows * p->k, sizeof *x), *y = og_alloc(rows * p->m, sizeof *y);
    og_status status = x && y ? OG_OK : og_fail(c->err, OG_NO_MEMORY, "out of memory");
    for (size_t r = 0; status == OG_OK && r < rows; r++)
        for (size_t i = 0; i < p->k; i++)
            x[r * p->k + i] = og_nd_f32(b)[(r / p->n * p->k + i) * p->n + r % p->n];
    const struct og_rows q = {
        .x = x, .rows = rows, .y = y, .per_sample = p->stack > 1 ? p->n : 1};
    if (status == OG_OK) status = og_product_rows(c, w, &q);
    float *out = og_call_out(c, 0)->data;
    for (size_t r = 0; status == OG_OK && r < rows; r++)
        for (size_t j = 0; j < p->m; j++)
            out[(r / p->n * p->m + j) * p->n + r % p->n] = y[r * p->m + j];
    og_free(x);
    og_free(y);
    og_engine_release(c->engine, w);
    return status;
}

// Whether the first axis of A counts samples: B is the same along it.
static bool has_samples(const struct og_matmul *p, const struct og_nd *a,
                        const struct og_nd *b)
{
    return p->stack_rank > 0 && a->rank - 2 == p->stack_rank && a->dim[0] > 1 &&
           (b->rank < a->rank || b->dim[0] == 1);
}

// Rows of matrix i of the result. One B may meet many A, and no read's noise may be that
// of another one: samples go on counting, or steps do where every row is a sample.
static struct og_rows rows_of(const struct og_matmul *p, bool samples, size_t i)
{
    struct og_rows r = {.rows = p->m, .per_sample = 1};
    if (samples) {
        r.first = i * p->m;
        r.per_sample = p->stack / (size_t)p->stack_dim[0] * p->m;
    } else {
        r.step = (uint32_t)i;
    }
    return r;
}

// A stack of B, each with products of its own.
static og_status multiply_stack(const struct og_call *c, const struct og_matmul *p,
                                const struct og_nd *a, const struct og_nd *b,
                                struct og_product **w)
{
    size_t weights = b->count / (p->k * p->n);
    for (size_t i = 0; i < weights; i++) {
        const struct og_factor f = {.w = og_nd_f32(b) + i * p->k * p->n,
                                    .out = p->n,
                                    .in = p->k,
                                    .out_step = 1,
                                    .in_step = p->n,
                                    .constant = c->constant[1],
                                    .segments = 1,
                                    .segment = {p->k}};
        OG_TRY(og_engine_product(c, &f, &w[i]));
    }
    struct og_walk at =
        og_walk_start(p->stack_rank, p->stack_dim, p->step_a, p->step_b, NULL);
    float *y = og_call_out(c, 0)->data;
    for (size_t i = 0; i < p->stack; i++, og_walk_next(&at)) {
        struct og_rows r = rows_of(p, has_samples(p, a, b), i);
        r.x = og_nd_f32(a) + (size_t)at.at[0] * p->m * p->k;
        r.y = y + i * p->m * p->n;
        OG_TRY(og_product_rows(c, w[at.at[1]], &r));
    }
    return OG_OK;
}

static og_status multiply_stacks(const struct og_call *c, const struct og_matmul *p,
                                 const struct og_nd *a, const struct og_nd *b)
{
    size_t weights = b->count / (p->k * p->n);
    struct og_product **w = og_alloc(weights, sizeof(struct og_product *));
    if (!w) return og_fail(c->err, OG_NO_MEMORY, "out of memory");
    og_status status = multiply_stack(c, p, a, b, w);
    for (size_t i = 0; i < weights; i++) og_engine_release(c->engine, w[i]);
    og_free(w);
    return status;
}

static og_status multiply(const struct og_call *c, const struct og_matmul *p,
                          const struct og_nd *a, const struct og_nd *b)
{
    bool left = og_engine_hardware(c->engine) && c->constant[0] && !c->constant[1];
    if (og_call_out(c, 0)->count == 0 || p->k == 0) return OG_OK;  // zeros
    if (left && a->rank == 2) return multiply_left(c, p, a, b);
    if (b->rank <= 2) return multiply_shared(c, p, a, b);
    return multiply_stacks(c, p, a, b);
}

static void multiply_integers(const struct og_matmul *p, const struct og_nd *a,
                              const struct og_nd *b, struct og_nd *out)
{
    struct og_walk at =
        og_walk_start(p->stack_rank, p->stack_dim, p->step_a, p->step_b, NULL);
    size_t stack = out->count ? p->stack : 0;
    for (size_t i = 0; i < stack; i++, og_walk_next(&at))
        for (size_t r = 0; r < p->m; r++)
            for (size_t j = 0; j < p->n; j++) {
                uint64_t sum = 0;
                size_t x = ((size_t)at.at[0] * p->m + r) * p->k;
                size_t y = (size_t)at.at[1] * p->k * p->n + j;
                for (size_t k = 0; k < p->k; k++)
                    sum += (uint64_t)og_nd_int(a, x + k) *
                           (uint64_t)og_nd_int(b, y + k * p->n);
                og_nd_put(out, (i * p->m + r) * p->n + j, (int64_t)sum);
            }
}

og_status og_run_matmul(const struct og_call *c)
{
    struct og_matmul p;
    OG_TRY(og_matmul_read(c, c->in[0], c->in[1], &p));
    if (!og_call_out(c, 0)) return OG_OK;
    OG_TRY(og_call_make(c, 0, c->in[0]->type, p.rank, p.dim));
    if (c->in[0]->type == OG_ND_FLOAT) return multiply(c, &p, c->in[0], c->in[1]);
    multiply_integers(&p, c->in[0], c->in[1], og_call_out(c, 0));
    return OG_OK;
}

// --- Gemm ----------------------------------------------------------------------------

// `a` itself or its transpose, in `made` (which is then to be freed).
static og_status turned(const struct og_call *c, const struct og_nd *a, bool turn,
                        struct og_nd *made, const struct og_nd **used)
{
    int64_t dim[2] = {a->dim[1], a->dim[0]};
    *used = a;
    if (!turn) return OG_OK;
    OG_TRY(og_nd_alloc(made, OG_ND_FLOAT, 2, dim, c->err));
    size_t rows = (size_t)dim[0], cols = (size_t)dim[1];
    for (size_t i = 0; a->count && i < rows; i++)
        for (size_t j = 0; j < cols; j++)
            ((float *)made->data)[i * cols + j] = og_nd_f32(a)[j * rows + i];
    *used = made;
    return OG_OK;
}

static og_status scale_and_add(const struct og_call *c)
{
    float alpha = og_node_float(c->node, "alpha", 1.0f);
    float beta = og_node_float(c->node, "beta", 1.0f);
    const struct og_nd *bias = og_call_in(c, 2);
    struct og_nd *out = og_call_out(c, 0);
    float *y = out->data;
    int64_t step[OG_ND_RANK], none[2] = {0, 0};
    if (bias && !og_nd_steps(bias, 2, out->dim, step)) {
        char text[OG_ND_TEXT];
        og_nd_shape_text(bias->rank, bias->dim, text);
        return og_call_fail(c, "C of shape %.100s does not fit", text);
    }
    struct og_walk w = og_walk_start(2, out->dim, bias ? step : none, NULL, NULL);
    for (size_t i = 0; i < out->count; i++, og_walk_next(&w)) {
        if (alpha != 1.0f) y[i] *= alpha;
        if (bias) y[i] += beta * og_nd_f32(bias)[w.at[0]];
    }
    return OG_OK;
}

og_status og_run_gemm(const struct og_call *c)
{
    struct og_nd made[2] = {{0}, {0}};
    const struct og_nd *a, *b;
    struct og_matmul p;
    if (c->in[0]->rank != 2 || c->in[1]->rank != 2)
        return og_call_fail(c, "A has %d axes and B %d, expected two", c->in[0]->rank,
                            c->in[1]->rank);
    if (!og_call_out(c, 0)) return OG_OK;
    og_status status =
        turned(c, c->in[0], og_node_int(c->node, "transA", 0), &made[0], &a);
    if (status == OG_OK)
        status = turned(c, c->in[1], og_node_int(c->node, "transB", 0), &made[1], &b);
    if (status == OG_OK) status = og_matmul_read(c, a, b, &p);
    if (status == OG_OK) status = og_call_make(c, 0, OG_ND_FLOAT, 2, p.dim);
    if (status == OG_OK) status = multiply(c, &p, a, b);
    if (status == OG_OK) status = scale_and_add(c);
    og_nd_free(&made[0]);
    og_nd_free(&made[1]);
    return status;
}
