// SPDX-License-Identifier: GPL-3.0-or-later
// Networks: a graph of named nodes in topological order with ONNX's operator and
// gate-order (i, o, f, c) conventions, all weights in one block; and its execution in
// batches on ideal or simulated hardware, forward and backward.
// Errors, where a function does not say more: OG_NO_MEMORY; OG_INPUT names the layer that
// data, weights or hardware do not fit.
#ifndef OHMGRID_MODEL_H
#define OHMGRID_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "ohmgrid/array.h"
#include "ohmgrid/config.h"
#include "ohmgrid/data.h"

#ifdef __cplusplus
extern "C" {
#endif

// --- the graph -----------------------------------------------------------------------
// Thread-safety: const use from any number of threads.
typedef struct og_model og_model;

// `layers`: the list under model.layers of an experiment (config.h), checked here:
// unknown layer, key or input, wrong shape are OG_INPUT with file and line. Copies what
// it needs. The last node gives the logits [classes]; of text, whose symbols are the
// classes, [steps][classes]. classes 0: it gives anything, and there is no loss.
OG_API og_status og_model_build(og_model **model, const og_item *layers,
                                const struct og_shape *input, int classes,
                                struct og_error *err);
OG_API void og_model_free(og_model *model);
OG_API og_status og_model_copy(og_model **copy, const og_model *model,
                               struct og_error *err);

// Initial weights by (seed, node, position) in stream OG_INIT; state to its start values.
OG_API void og_model_init(og_model *model, uint64_t seed);

// Trained weights from config->path (config.h): HDF5, safetensors, .npz, .npy or a folder
// of .npy, whose names must be those of the network: layer and tensor with '/', '.' or
// '_' between them, the tensors named as PyTorch, Keras or ohmgrid's result files do.
// OG_INPUT when a tensor is left over on either side, has another shape or is not finite;
// the model's values are then undefined.
OG_API og_status og_model_load(og_model *model, const struct og_weights_config *config,
                               struct og_error *err);

// Whether the network has what the hardware asks for: points of noise injection, gates
// and cell states with bits, layers with hardware of their own. OG_INPUT names what is
// missing.
OG_API og_status og_model_check_hardware(const og_model *model,
                                         const struct og_hardware *hw,
                                         struct og_error *err);
// The same of a network in n parts.
OG_API og_status og_models_check_hardware(const og_model *const *model, size_t n,
                                          const struct og_hardware *hw,
                                          struct og_error *err);
// Every kind of layer and its keys, for `ohmgrid run --help=keys`.
OG_API void og_model_print_keys(FILE *out);
// Whether a layer of that name has a matrix that may live on a crossbar.
OG_API bool og_model_has_matrix(const og_model *model, const char *layer);

// All trainable parameters, and all state that training carries along but no gradient
// changes (batch norm statistics), each as one block. Borrowed from the model.
OG_API float *og_model_params(og_model *model, size_t *count);
OG_API float *og_model_state(og_model *model, size_t *count);

struct og_tensor_info {
    const char *node, *name, *op;
    int rank;
    size_t dim[4];
    size_t offset, count;
    bool decay;  // weight decay applies (weights, not biases or norms)
    bool state;  // lies in the state block
};
// Tensors of the model, parameters and state, in the order of the nodes.
OG_API size_t og_model_tensors(const og_model *model);
// The i-th of them: dim[rank], C order, element 0 at `offset` of its block. Names are
// borrowed from the model.
OG_API struct og_tensor_info og_model_tensor(const og_model *model, size_t i);
// Classes of the logits; 0: it gives anything.
OG_API int og_model_classes(const og_model *model);
// Of one sample of what the last node gives.
OG_API struct og_shape og_model_output(const og_model *model);
// Whether the network can read sequences of different length: what sees their steps must
// be a recurrent layer, or take every element for itself. OG_INPUT names the layer that
// does not.
OG_API og_status og_model_check_ragged(const og_model *model, struct og_error *err);

// --- execution -----------------------------------------------------------------------
// Buffers, tapes and arrays for one model on one hardware. Thread-safety: one thread
// calls; the work inside is spread by OpenMP over fixed blocks of samples, with the
// same bits for any number of threads.
typedef struct og_exec og_exec;

struct og_exec_options {
    const struct og_hardware *hardware;  // NULL or ideal: the float network
    size_t batch;                        // largest number of samples per call
    bool training;                       // keep what backward needs
    bool inputs;  // instead: keep what og_exec_backward_inputs needs, of the network as
                  // it is evaluated
    bool backward_inputs;  // with training: og_exec_backward_from gives dx, too
    enum og_gradient gradient;
    bool reparam;
    size_t streams;  // the most streams of any text that will be read; 0: no text
    // Number of the first node in the names of random streams, so that parts of a network
    // that are executed apart draw as they do together.
    uint32_t first_node;
};
// Borrows the model (its parameters are read at og_exec_program and og_exec_forward).
OG_API og_status og_exec_alloc(og_exec **exec, og_model *model,
                               const struct og_exec_options *options,
                               struct og_error *err);
OG_API void og_exec_free(og_exec *exec);

struct og_batch {
    const float *x;          // [n][input shape]
    const uint8_t *label;    // [n], may be NULL for forward
    const uint32_t *sample;  // [n] numbers in the data set: name the random draws
    // Text (data.h): target[n][steps] in place of labels. Recurrent layers begin a sample
    // with the state that the last sample of the same stream has left, or from zero where
    // it is the first window; the samples of a batch are windows of the same number.
    const uint32_t *target;
    size_t streams;  // of the data set; 0: no text
    // Steps of sequences by their numbers, length[sample[k]], 1 to those of the input:
    // recurrent layers read no more (og_model_check_ragged). NULL: all that the input
    // has.
    const uint32_t *length;
    size_t n;
    uint64_t seed;
    uint32_t trial;  // chip
    uint32_t pass;   // epoch in training, pass of a vote in evaluation
};

// Converter ranges and signal powers from noise-free passes over `batch` (never the
// evaluation set). Needed before the first og_exec_program on hardware with calibrated
// ranges or injected noise. May leave the arrays unprogrammed.
OG_API og_status og_exec_calibrate(og_exec *exec, const struct og_batch *batch,
                                   struct og_error *err);
// The calibration as one block of floats [*count], for checkpoints; borrowed.
OG_API float *og_exec_calibration(og_exec *exec, size_t *count);
// To be called after writing into og_exec_calibration.
OG_API void og_exec_calibration_changed(og_exec *exec);

// Puts the model's present parameters on a chip (or packs them, on ideal hardware). Must
// be called after each change of the parameters. Fails as og_array_program does.
OG_API og_status og_exec_program(og_exec *exec, const struct og_chip *chip);

// Whether the network has layers with running statistics (batch_norm).
OG_API bool og_model_has_norms(const og_model *model);
// New statistics of these for the chip that is programmed, until the next
// og_exec_program: means over `batch` (no text), which is taken in parts of at most
// OG_NORM_BATCH samples, each normalised by its own statistics (Joshi et al. 2020).
// The exec's batch is at least that part; the model stays as it is. OG_NO_MEMORY.
enum { OG_NORM_BATCH = 128 };
OG_API og_status og_exec_renew_norms(og_exec *exec, const struct og_batch *batch,
                                     struct og_error *err);

// Logits [n][classes], borrowed until the next call.
OG_API const float *og_exec_forward(og_exec *exec, const struct og_batch *batch);
// Softmax cross-entropy of the last forward: sum over the batch of the loss; hit[n] (may
// be NULL) = 1 where the largest logit is the label (ties: the smaller class).
OG_API double og_exec_loss(og_exec *exec, const struct og_batch *batch, uint8_t *hit);
// The same of text, for each target: loss[n][steps], hit[n][steps] (may be NULL), both 0
// where there is no target. og_exec_loss gives their sum, and takes hit[n][steps].
OG_API void og_exec_losses(og_exec *exec, const struct og_batch *batch, double *loss,
                           uint8_t *hit);
// Gradient of the mean loss over the batch (of text: over its targets), same layout as
// og_model_params; replaced.
OG_API const float *og_exec_backward(og_exec *exec, const struct og_batch *batch);
// The same, with dout [n][shape of the last node] the gradient of what the last forward
// gave instead of that of its loss: batch->label and target are not looked at. dx (may be
// NULL) [n][input shape] is filled; it needs the option backward_inputs.
OG_API const float *og_exec_backward_from(og_exec *exec, const struct og_batch *batch,
                                          const float *dout, float *dx);
// Of text: the states of recurrent layers that the next batch begins with, as one block
// of floats [*count], for checkpoints; borrowed.
OG_API float *og_exec_carried(og_exec *exec, size_t *count);
// The gradient of the inputs, [n][input shape], with `dlogits` [n][classes] that of the
// logits of the last forward; borrowed until the next call. Each sample's is its own: no
// bit depends on the others of the batch. Noise keeps its value, as in training. Of an
// exec with option `inputs`; its network must read values, not symbols.
OG_API const float *og_exec_backward_inputs(og_exec *exec, const struct og_batch *batch,
                                            const float *dlogits);
// Moves running statistics (batch norm, injection powers) after a training step.
OG_API void og_exec_update_state(og_exec *exec);

// The matrices of the network, for reports: their names and arrays (NULL when ideal).
OG_API size_t og_exec_matrices(const og_exec *exec);
OG_API const char *og_exec_matrix_name(const og_exec *exec, size_t i);
OG_API const og_array *og_exec_matrix(const og_exec *exec, size_t i);

#ifdef __cplusplus
}
#endif
#endif
