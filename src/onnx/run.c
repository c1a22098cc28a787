// SPDX-License-Identifier: GPL-3.0-or-later
#include "onnx/run.h"

#include <assert.h>

#include "base/mem.h"

static void count_uses(struct og_run *run)
{
    const struct og_onnx_graph *g = run->graph;
    for (size_t n = 0; n < g->nodes; n++)
        for (size_t k = 0; k < g->node[n].inputs; k++)
            if (g->node[n].input[k] != OG_NO_NAME) run->uses[g->node[n].input[k]]++;
    for (size_t k = 0; k < g->outputs; k++) run->uses[g->output[k].value]++;
}

// What a call sees, and room for it.
struct frame {
    const struct og_nd **in;
    bool *constant;
    struct og_nd *made, **out;
};

static bool open_frame(const struct og_run *run, const struct og_onnx_node *node,
                       struct frame *f)
{
    *f = (struct frame){.in = og_alloc(node->inputs, sizeof(const struct og_nd *)),
                        .constant = og_alloc(node->inputs, sizeof *f->constant),
                        .made = og_alloc(node->outputs, sizeof *f->made),
                        .out = og_alloc(node->outputs, sizeof *f->out)};
    if (!f->in || !f->constant || !f->made || !f->out) return false;
    for (size_t k = 0; k < node->inputs; k++) {
        size_t v = node->input[k];
        f->in[k] = v == OG_NO_NAME ? NULL : &run->value[v];
        f->constant[k] = v != OG_NO_NAME && run->constant[v];
    }
    for (size_t k = 0; k < node->outputs; k++) {
        size_t v = node->output[k];
        f->out[k] = v == OG_NO_NAME || run->uses[v] == 0 ? NULL : &f->made[k];
    }
    return true;
}

static og_status evaluate(struct og_run *run, const struct og_onnx_node *node,
                          struct og_error *err)
{
    struct frame f;
    og_status status = OG_OK;
    if (!open_frame(run, node, &f)) status = og_fail(err, OG_NO_MEMORY, "out of memory");
    const struct og_call call = {.node = node,
                                 .opset = run->graph->opset,
                                 .in = f.in,
                                 .constant = f.constant,
                                 .out = f.out,
                                 .engine = run->engine,
                                 .err = err};
    if (status == OG_OK) status = node->law->run(&call);
    for (size_t k = 0; f.out && k < node->outputs; k++) {
        if (!f.out[k]) continue;
        if (status == OG_OK)
            run->value[node->output[k]] = f.made[k];
        else
            og_nd_free(&f.made[k]);
    }
    og_free(f.in);
    og_free(f.constant);
    og_free(f.made);
    og_free(f.out);
    return status;
}

static bool is_constant(const struct og_run *run, const struct og_onnx_node *node)
{
    for (size_t k = 0; k < node->inputs; k++)
        if (node->input[k] != OG_NO_NAME && !run->constant[node->input[k]]) return false;
    return true;
}

static bool is_folded(const struct og_run *run, const struct og_onnx_node *node)
{
    for (size_t k = 0; k < node->outputs; k++)
        if (node->output[k] != OG_NO_NAME && run->constant[node->output[k]]) return true;
    return false;
}

static og_status fold(struct og_run *run, struct og_error *err)
{
    const struct og_onnx_graph *g = run->graph;
    for (size_t i = 0; i < g->nodes; i++) {
        const struct og_onnx_node *node = &g->node[g->order[i]];
        if (!is_constant(run, node)) continue;
        OG_TRY(evaluate(run, node, err));
        for (size_t k = 0; k < node->outputs; k++)
            if (node->output[k] != OG_NO_NAME) run->constant[node->output[k]] = true;
    }
    return OG_OK;
}

static void take_inputs(struct og_run *run, struct og_nd *input)
{
    const struct og_onnx_graph *g = run->graph;
    for (size_t v = 0; v < g->values.n; v++) {
        const struct og_nd *c = &g->value[v].constant;
        if (c->type == OG_ND_NONE) continue;
        og_nd_share(&run->value[v], c, c->rank, c->dim);
        run->constant[v] = true;
    }
    for (size_t k = 0; k < g->inputs; k++) {
        if (input[k].type == OG_ND_NONE) continue;
        og_nd_free(&run->value[g->input[k].value]);
        run->value[g->input[k].value] = input[k];
        input[k] = (struct og_nd){0};
    }
}

og_status og_run_start(struct og_run *run, const struct og_onnx_graph *graph,
                       struct og_engine *engine, struct og_nd *input,
                       struct og_error *err)
{
    size_t n = graph->values.n;
    *run = (struct og_run){.graph = graph,
                           .engine = engine,
                           .value = og_alloc(n, sizeof *run->value),
                           .constant = og_alloc(n, sizeof *run->constant),
                           .uses = og_alloc(n, sizeof *run->uses),
                           .left = og_alloc(n, sizeof *run->left)};
    if (!run->value || !run->constant || !run->uses || !run->left)
        return og_fail(err, OG_NO_MEMORY, "out of memory");
    take_inputs(run, input);
    count_uses(run);
    og_engine_fold(engine, true);
    og_status status = fold(run, err);
    og_engine_fold(engine, false);
    return status;
}

// Inputs of the graph stay for the next pass.
static bool stays(const struct og_run *run, size_t v)
{
    return run->constant[v] || run->graph->value[v].is_input;
}

static void let_go(struct og_run *run, const struct og_onnx_node *node)
{
    for (size_t k = 0; k < node->inputs; k++) {
        size_t v = node->input[k];
        if (v == OG_NO_NAME || stays(run, v)) continue;
        assert(run->left[v] > 0);
        if (--run->left[v] == 0) og_nd_free(&run->value[v]);
    }
}

og_status og_run_pass(struct og_run *run, struct og_error *err)
{
    const struct og_onnx_graph *g = run->graph;
    for (size_t v = 0; v < g->values.n; v++) {
        run->left[v] = run->uses[v];
        if (!stays(run, v)) og_nd_free(&run->value[v]);
    }
    for (size_t i = 0; i < g->nodes; i++) {
        const struct og_onnx_node *node = &g->node[g->order[i]];
        if (is_folded(run, node)) continue;
        OG_TRY(evaluate(run, node, err));
        let_go(run, node);
    }
    return OG_OK;
}

void og_run_free(struct og_run *run)
{
    for (size_t v = 0; run->value && v < run->graph->values.n; v++)
        og_nd_free(&run->value[v]);
    og_free(run->value);
    og_free(run->constant);
    og_free(run->uses);
    og_free(run->left);
    *run = (struct og_run){0};
}
