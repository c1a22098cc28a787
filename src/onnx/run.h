// SPDX-License-Identifier: GPL-3.0-or-later
// Evaluates a linked graph: first, once, all that depends on constants alone, then, in
// any number of passes, the rest.
#ifndef OG_ONNX_RUN_H
#define OG_ONNX_RUN_H

#include "onnx/engine.h"

struct og_run {
    const struct og_onnx_graph *graph;
    struct og_engine *engine;
    struct og_nd *value;  // [values]
    bool *constant;       // [values] the same in every pass
    size_t *uses, *left;  // [values] nodes that read it, and those that have not yet
};

// Takes over input[graph->inputs] (arrays, emptied); where one is OG_ND_NONE the graph
// has an initial value. Folds constants.
og_status og_run_start(struct og_run *run, const struct og_onnx_graph *graph,
                       struct og_engine *engine, struct og_nd *input,
                       struct og_error *err);
// The outputs stay in run->value until the next pass.
og_status og_run_pass(struct og_run *run, struct og_error *err);
void og_run_free(struct og_run *run);  // accepts what was zeroed

#endif
