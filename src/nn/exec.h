// SPDX-License-Identifier: GPL-3.0-or-later
// The execution as its own files see it; operators see og_view and the functions of op.h.
#ifndef OG_NN_EXEC_H
#define OG_NN_EXEC_H

#include "base/lock.h"
#include "nn/graph.h"
#include "ohmgrid/product.h"

// What a forward pass is for. All but RUN are noise-free float passes.
enum og_exec_mode {
    OG_RUN,
    OG_OBSERVE_INPUT,  // gathers |x| of every matrix and the signal powers
    OG_OBSERVE_SUM,    // gathers the column sums, as the arrays' ADCs would see them
    OG_RECORD,         // hands every product to the probe
};

// Injection points of a matrix (X, H, A) and of a node (G, C, O, T): so many powers each.
enum { OG_SLOTS = 4 };

// A bounded sample of the |x| of one segment: every element whose hashed number begins
// with `cut` zero bits, with the smallest cut that leaves at most OG_SAMPLE_MAX. So the
// set is the same in whatever order the elements come; the order in memory is not.
enum { OG_SAMPLE_MAX = 1 << 16 };
struct og_range_sample {
    float max;
    int cut;
    size_t n;
    float *value;  // NULL where the maximum is enough
    uint32_t *hash;
    struct og_lock lock;
};

struct og_matrix {
    const struct og_node *node;
    int k;
    uint32_t index;                 // of the matrix in the network
    og_packed *w, *wt;              // forward; backward (ideal, training)
    float *plain;                   // [cols][rows], ideal, of l->plain; else NULL
    og_array *array;                // NULL when ideal
    size_t adc_ranges;              // calibrated ones
    float *bias;                    // with ramps: of the columns; else NULL
    float *range, *adc;             // in og_exec.calibration: one per segment; adc_ranges
    bool calibrated[OG_SEGMENTS];   // the range is found by calibration
    bool injects[OG_SEGMENTS];      // noise joins the inputs, after the DAC
    bool digital_dac[OG_SEGMENTS];  // quantised here: for that noise, or mid-rise
    int dac_bits[OG_SEGMENTS];
    enum og_rounding dac_rounding;
    struct og_range_sample sample[OG_SEGMENTS];
};

// Sums over a signal for its power.
struct og_power_sum {
    double sum, square, count;
};

struct og_exec {
    og_model *model;
    struct og_hardware hw;         // default (ideal) when ideal
    struct og_hardware float_hw;   // what operators see in the passes of calibration
    struct og_hardware *layer_hw;  // [nodes] where hardware.layers names any; or NULL
    bool ideal, reparam;
    bool training;  // keeps what backward needs
    bool renewing;  // in og_exec_renew_norms: layers that gather do as in training
    bool inputs;    // for the gradient of the inputs; then layers do as in evaluation
    bool through;   // the gradient goes on to the inputs: with `inputs`, or asked for
    bool together;  // training, with noise whose power is that of the whole batch
    enum og_gradient gradient;
    size_t batch, blocks, last_n;   // last_n: samples of the last forward
    size_t streams, carried_count;  // of text; floats of each half of `carried`
    uint32_t first_node;            // see og_stream_node
    int threads;
    enum og_exec_mode mode;
    struct og_probe *probe;  // rides on the present pass, or NULL
    struct og_trace *trace;  // the same, of trace.h
    size_t observed;         // samples of a calibration before the present part

    struct og_node *node;  // copies, linears rewritten for the hardware; attr borrowed
    bool *wants_grad;      // something at or before this node has parameters
    float **act, **grad;   // per node [batch][shape]; grad when training
    char **tape;           // per node [blocks][tape_bytes]
    size_t *tape_bytes;
    double **partial, **merged;  // per node
    char *work;                  // [threads][work_bytes]; together: [blocks][work_bytes]
    size_t work_bytes;

    size_t matrices;
    struct og_matrix *matrix;
    size_t *first_matrix;  // of each node
    float *gather;         // contiguous copy of a strided matrix, for programming

    size_t slots;                      // 0 without injection
    struct og_power_sum *power_sum;    // [blocks][slots]
    struct og_power_sum *power_total;  // [slots]
    float *power_now;                  // [slots] of the present batch, together
    size_t calibration_count;
    float *calibration;  // slots powers, then ranges of the matrices

    float *carried;         // of runs, then of all other passes; each node's in turn
    double *losses;         // of text, [batch][steps]
    float *input_grad;      // [batch][input shape], through
    float *state;           // of this chip in runs, from og_exec_renew_norms; or NULL
    float *dparam;          // [blocks][largest node's parameters]
    float *gradient_block;  // as the model's parameters
};

static inline struct og_matrix *og_exec_linear(const og_exec *exec,
                                               const struct og_node *node, int k)
{
    return &exec->matrix[exec->first_matrix[node->index] + (size_t)k];
}

// The number of a node in the names of random streams.
static inline uint32_t og_stream_node(const og_exec *exec, const struct og_node *node)
{
    return exec->first_node + node->index;
}

// What a node is on.
static inline const struct og_hardware *og_exec_hardware(const og_exec *exec,
                                                         const struct og_node *node)
{
    return exec->layer_hw ? &exec->layer_hw[node->index] : &exec->hw;
}

// exec_memory.c
size_t og_segment_first(const struct og_linear_decl *l, int segment);
// exec_pass.c
void og_exec_pass(og_exec *exec, const struct og_batch *batch, enum og_exec_mode mode);
// Running statistics from the last pass, over n samples; share: see og_view.
void og_exec_update(const og_exec *exec, float *state, size_t n, double share);
og_status og_exec_memory(og_exec *exec, struct og_error *err);
og_status og_exec_matrices_alloc(og_exec *exec, struct og_error *err);
void og_exec_matrices_free(og_exec *exec);
void og_exec_pack(og_exec *exec);
// og_exec_program with a sentence for what fails.
og_status og_exec_put_on(og_exec *exec, const struct og_chip *chip, struct og_error *err);
// Copies the biases of matrices with ramps from the model.
void og_exec_biases(og_exec *exec);
void og_matrix_pack(og_exec *exec, const struct og_matrix *m);
const float *og_exec_weights(og_exec *exec, const struct og_matrix *m);
// Samples of a pass from `at` on, at most `most`: of text not beyond a window.
size_t og_exec_part(const struct og_batch *batch, size_t at, size_t most);
// loss.c: gradient of the mean loss of logits [n][classes]
void og_loss_gradient(const float *logits, const struct og_batch *batch, int classes,
                      float *out);
// loss_text.c: the same of text, logits [n * steps][classes]
void og_loss_gradient_text(const float *logits, const struct og_batch *batch,
                           size_t steps, int classes, float *out);
// probe.c: of a float product; the room in which a read counts its conversions (NULL
// without a probe); of a read
void og_probe_record(const struct og_view *v, const struct og_matrix *m,
                     const struct og_linear_io *io);
struct og_adc_use *og_probe_use(const struct og_view *v, const struct og_matrix *m);
void og_probe_compare(const struct og_view *v, const struct og_matrix *m,
                      const struct og_linear_io *io);
// linear_ramp.c: dense layers whose function ramps are to do; once matrices are made,
// OG_INPUT where ramps are asked for without effect; whether they have, in this pass,
// done the function of a view's node; sums y[rows][cols] of a matrix with ramps -> their
// functions, without error
void og_exec_ramp_dense(og_exec *exec);
og_status og_exec_check_ramps(const og_exec *exec, struct og_error *err);
bool og_ramp_has_done(const struct og_view *v);
void og_linear_activate(const struct og_matrix *m, float *y, size_t rows);
// calibrate.c
void og_range_observe(const struct og_view *v, const struct og_matrix *m,
                      const struct og_linear_io *io);
// inject.c: whether a node injects at any of these points
bool og_injects(const og_exec *exec, const struct og_node *node, int points);
// Of one matrix: at the inputs of a segment; at any of its columns.
bool og_injects_input(const og_exec *exec, const struct og_linear_decl *l, int segment,
                      const struct og_node *node);
bool og_exec_injects(const og_exec *exec);  // any node at any point
bool og_injects_sums(const og_exec *exec, const struct og_linear_decl *l,
                     const struct og_node *node);
void og_power_merge(const og_exec *exec, size_t blocks, struct og_power_sum *total);
float og_power_of(const og_exec *exec, size_t slot, const struct og_power_sum *sum);
void og_power_add(const struct og_view *v, size_t slot, const float *x, size_t ldx,
                  size_t rows, size_t width);
// dy [n] += what the power of the noise adds: n = c sqrt(P) z with P the mean of s^2, so
// dn_i/ds_k = n_i s_k / sum s^2 (with ac: deviations from their mean). The sums run over
// the elements at hand: of a part of the batch they estimate its own.
void og_power_back(bool ac, const float *noise, const float *signal, size_t n, float *dy);

// The powers of what all blocks have gathered since the last time.
void og_power_meet(og_exec *exec, size_t blocks);
// Running means of the powers after a training step.
void og_power_update(og_exec *exec, size_t blocks);

// One kind of noise on rows that belong to the samples of a block in order.
struct og_noise {
    uint32_t layer, tile, step;
    size_t slot, rows, width;
};
// out[rows][width] = noise of variance P 10^(-SNR/10), P the power in the slot.
void og_noise_fill(const struct og_view *v, const struct og_noise *noise, float *out);

#endif
