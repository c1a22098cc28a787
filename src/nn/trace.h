// SPDX-License-Identifier: GPL-3.0-or-later
// What a probe sees of recurrent layers, time step by time step.
#ifndef OG_NN_TRACE_H
#define OG_NN_TRACE_H

#include "nn/exec.h"
#include "ohmgrid/probe.h"

struct og_rnn_step;
struct og_trace;

og_status og_trace_alloc(struct og_trace **trace, const og_exec *exec, size_t samples,
                         size_t blocks, struct og_error *err);
void og_trace_free(struct og_trace *t);
// Before a pass over the samples from number `first` on; all: forgets what was seen.
void og_trace_begin(struct og_trace *t, size_t first, bool all);

// Of a read of hardware: squares of the errors of `cols` column sums of one sample; what
// the converters of a block did since the last call for the matrix.
void og_trace_sums(struct og_trace *t, const struct og_matrix *m, size_t sample,
                   size_t step, double square, size_t cols);
struct og_trace_use {
    uint64_t inputs, dac_clipped, conversions, adc_clipped;
};
void og_trace_converters(struct og_trace *t, const struct og_matrix *m, size_t block,
                         size_t step, struct og_trace_use use);
// After a step: on a float pass h and c are kept, on hardware they meet what was kept.
void og_trace_state(const struct og_rnn_step *s);

size_t og_trace_cells(const struct og_trace *t);
struct og_probe_cell og_trace_cell(const struct og_trace *t, size_t cell);
void og_trace_along(const struct og_trace *t, size_t cell, enum og_along what,
                    float *out);

#endif
