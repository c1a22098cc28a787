// SPDX-License-Identifier: GPL-3.0-or-later
// Where products with weights are computed: by the float kernel or, for weights that are
// constants of the model, on crossbar arrays. A pass over the graph asks for its products
// in the same order every time, so the n-th request is the n-th array.
#ifndef OG_ONNX_ENGINE_H
#define OG_ONNX_ENGINE_H

#include "ohmgrid/array.h"
#include "ohmgrid/product.h"
#include "onnx/op.h"

// Rows of one read. Part of what a result is, so fixed.
enum { OG_READ_ROWS = 256 };

enum og_pass {
    OG_PASS_FLOAT,
    OG_PASS_INPUTS,  // float, and gathers |x| at the arrays
    OG_PASS_SUMS,    // float, and gathers the column sums as ADCs would see them
    OG_PASS_READ,    // reads the arrays
};

// Weights W[out][in]: element (j, i) at w[j * out_step + i * in_step].
struct og_factor {
    const float *w;
    size_t out, in, out_step, in_step;
    bool constant;  // may live on an array
    int segments;   // of the inputs: 1, or 2 (x and h of a recurrent layer)
    size_t segment[OG_SEGMENTS];
    bool recurrent;  // takes rnn.x_bits and rnn.h_bits
    bool is_h;       // its first segment is h
};

struct og_product;  // ready to be multiplied with; belongs to the engine

// Everything here from one thread, but og_product_read from any number.
struct og_engine *og_engine_alloc(const struct og_hardware *hardware, uint64_t seed,
                                  size_t calibrate_samples);
void og_engine_free(struct og_engine *e);
// Starts a pass; `trial` is the chip of OG_PASS_READ, whose arrays are programmed here.
og_status og_engine_start(struct og_engine *e, enum og_pass pass, uint32_t trial,
                          struct og_error *err);
// After OG_PASS_INPUTS and OG_PASS_SUMS: turns what was gathered into ranges.
og_status og_engine_finish(struct og_engine *e, struct og_error *err);
bool og_engine_wants_sums(const struct og_engine *e);
size_t og_engine_arrays(const struct og_engine *e);
// NULL: float.
const struct og_hardware *og_engine_hardware(const struct og_engine *e);
// Whether arrays are read in this pass: their periphery is as it will be.
bool og_engine_reads(const struct og_engine *e);
// Whether constants are being folded: arrays are for the other nodes.
void og_engine_fold(struct og_engine *e, bool folding);

og_status og_engine_product(const struct og_call *c, const struct og_factor *factor,
                            struct og_product **p);
// Gives back what is not an array.
void og_engine_release(struct og_engine *e, struct og_product *p);

// Whether it is no array, in no pass.
bool og_product_is_float(const struct og_product *p);
size_t og_product_in(const struct og_product *p);
size_t og_product_out(const struct og_product *p);
size_t og_product_work(const struct og_product *p, size_t rows);
// y[r * ldy + j] = sum_i W[j][i] x[r * ldx + i] for `rows` (at most OG_READ_ROWS) rows,
// positions of samples in rising order: row r belongs to sample[r / positions].
struct og_product_io {
    const float *x;
    size_t ldx, rows;
    float *y;
    size_t ldy;
    const uint32_t *sample;
    size_t positions;
    uint32_t step;      // time step, or number of a part of the positions
    size_t per_sample;  // numbers in `sample` that are one sample of the calibration
    void *work;         // og_product_work(p, rows) bytes
};
void og_product_read(const struct og_product *p, const struct og_product_io *io);
// Any number of rows, y = W x, each a sample of its own: `first` and those that follow,
// so that reads of one array with the same numbers and step have the same noise.
struct og_rows {
    const float *x;
    size_t rows;
    float *y;
    size_t first, per_sample;  // per_sample rows are one sample of the calibration
    uint32_t step;
};
og_status og_product_rows(const struct og_call *c, const struct og_product *p,
                          const struct og_rows *q);
// One workspace for each thread, `bytes` long; og_free. NULL: out of memory.
char *og_engine_work(size_t bytes);
// That of the calling thread.
void *og_engine_own_work(char *work, size_t bytes);

#endif
