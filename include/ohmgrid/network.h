// SPDX-License-Identifier: GPL-3.0-or-later
// A network, or a layer of someone else's network, computed from outside: values go in
// and come out, gradients go back, and the loss and the training loop are the caller's.
// Entries take handles, numbers, texts and arrays alone, so that other languages need
// no mirror of any struct (Python: src/python/ohmgrid).
#ifndef OHMGRID_NETWORK_H
#define OHMGRID_NETWORK_H

#include "ohmgrid/bind.h"
#include "ohmgrid/model.h"

#ifdef __cplusplus
extern "C" {
#endif

// Thread-safety: one thread at a time.
typedef struct og_network og_network;

// `layers`: YAML, the list below model.layers of an experiment. input[rank]: shape of one
// sample, rank 1 to 3. What the last layer gives may have any shape. Weights are those of
// og_model_init(seed 0). Copies both; og_network_free.
OG_API og_status og_network_alloc(og_network **network, const char *layers,
                                  const size_t *input, int rank, struct og_error *err);
OG_API void og_network_free(og_network *network);

// Borrowed. The model is alive as long as the network, the exec until the next
// og_network_use; NULL before the first.
OG_API og_model *og_network_model(og_network *network);
OG_API og_exec *og_network_exec(og_network *network);
// Of what the last layer gives, of one sample: returns the rank, fills dim.
OG_API int og_network_output(const og_network *network, size_t dim[3]);
// Tensor i of og_model_tensors: rank, dim, name[0] of the layer and name[1] of the
// tensor, and its values, borrowed, which may be written; *trained: a gradient belongs
// to it.
OG_API int og_network_tensor(og_network *network, size_t i, const char *name[2],
                             size_t dim[4], float **value, int *trained);
// Weights from a file (og_model_load); group: "" or a part of the file.
OG_API og_status og_network_load(og_network *network, const char *path, const char *group,
                                 struct og_error *err);

// What it is computed for, as bits.
enum {
    OG_NETWORK_TRAIN = 1,    // forward as in training; og_network_backward is possible
    OG_NETWORK_CLIPPED = 2,  // enum og_gradient: OG_CLIPPED
    OG_NETWORK_REPARAM = 4,  // and the noise scale is differentiated
    OG_NETWORK_INPUTS = 8,   // with TRAIN: og_network_backward gives dx as well
};
// Puts it on a hardware, which is copied; NULL: the float network. batch: largest number
// of samples that are computed at once. first_node: og_exec_options. Parts of a network
// need not have all that the hardware asks for; og_network_check looks at the whole.
OG_API og_status og_network_use(og_network *network, const og_bind_hardware *hardware,
                                size_t batch, unsigned use, uint32_t first_node,
                                struct og_error *err);
// og_models_check_hardware of a whole of n networks.
OG_API og_status og_network_check(og_network *const *network, size_t n,
                                  const og_bind_hardware *hardware, struct og_error *err);

// Sequences of different length: the steps that sample i of each later calibration and
// pass has, of exactly n samples that are numbered from 0. Copied. NULL and 0: all have
// all steps. OG_INPUT where the network cannot read such (og_model_check_ragged), or a
// length is not 1 to the steps of the input; then the lengths are those before. The
// next og_network_backward needs a forward after it.
OG_API og_status og_network_lengths(og_network *network, const uint32_t *length, size_t n,
                                    struct og_error *err);

// Whether the hardware has ranges or powers that only a calibration finds.
OG_API bool og_network_wants_calibration(const og_network *network);
// og_exec_calibrate on x [n][input], any n. og_network_program has to come afterwards.
OG_API og_status og_network_calibrate(og_network *network, const float *x, size_t n,
                                      uint64_t seed, struct og_error *err);
// og_exec_program with the present weights; reads draw by the same seed and trial.
OG_API og_status og_network_program(og_network *network, uint64_t seed, uint32_t trial,
                                    uint32_t draw, struct og_error *err);
// y [n][output] of x [n][input]: samples number `first` and following, pass `pass`. For
// training n is at most the batch.
OG_API void og_network_forward(og_network *network, const float *x, size_t n,
                               uint32_t first, uint32_t pass, float *y);
// With dy [n][output] the gradient of the last forward, whose x is given again: dx
// [n][input] (NULL without OG_NETWORK_INPUTS). Returns the gradients of
// og_model_params, borrowed until the next call. og_network_moves: also moves running
// powers (og_exec_update_state).
OG_API const float *og_network_backward(og_network *network, const float *x,
                                        const float *dy, float *dx);
OG_API void og_network_moves(og_network *network);

// Matrix i of og_exec_matrices, on hardware that is not ideal.
// size: rows, cols, copies, slices, sides, tiles, devices, conversions of one read;
// value: w_max, LSB of the ADC in units of y. Returns false where it is ideal.
OG_API bool og_network_matrix(og_network *network, size_t i, size_t size[8],
                              double value[2]);
// w_hat [cols][rows] (og_array_weights), g [copies][slices][sides][rows][cols] in S
// (og_array_conductance), either may be NULL. Of matrices that are not ideal, programmed.
OG_API og_status og_network_programmed(og_network *network, size_t i, float *w_hat,
                                       float *g, struct og_error *err);

#ifdef __cplusplus
}
#endif
#endif
