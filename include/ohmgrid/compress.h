// SPDX-License-Identifier: GPL-3.0-or-later
// Compression: constraint sets with their projections, and ADMM that brings the weights
// of a network into them while it learns. With W the weights, one pair (Z, U) for each
// set S:
//
//   W <- some epochs of  min f(W) + sum_S rho_S / 2 |W - Z_S + U_S|^2
//   Z_S <- Proj_S(W + U_S)        U_S <- U_S + W - Z_S
//
// with rho_S = rho, which may grow, times the rho_scale of the set.
// (Boyd et al., 2011, scaled form; Zhang et al., ECCV 2018, for networks.) Then the
// masked mapping W <- Proj(W), the zeros frozen, and masked retraining.
// Errors, where a function does not say more: OG_INPUT names file, line and key of what
// does not fit the model; OG_FAILED when the loss is no number; OG_NO_MEMORY.
#ifndef OHMGRID_COMPRESS_H
#define OHMGRID_COMPRESS_H

#include "ohmgrid/learn.h"

#ifdef __cplusplus
extern "C" {
#endif

// --- constraint sets ------------------------------------------------------------------

// A weight tensor as the sets see it: w[((f * channels + c) * height + y) * width + x].
// Dense: height = width = 1; recurrent: filters = gates * units, channels = inputs +
// units. As a matrix it has `filters` rows (bit lines of the crossbar) and channels *
// height * width columns (word lines).
struct og_weight_shape {
    size_t filters, channels, height, width;
};

// One set for one tensor, bound from YAML ({kind: column, keep: 0.25}). Opaque, const use
// from any number of threads.
typedef struct og_set og_set;

struct og_set_info {
    const char *name;  // kind in YAML
    const char *help;  // one sentence, with the source
    bool exact;        // the projection is the nearest point of the set
    bool prunes;       // restricts which weights are zero; else what values they have
};
// All kinds; ends with a NULL name.
OG_API const struct og_set_info *og_set_list(void);
// Every key of every kind, for --help.
OG_API void og_set_print_keys(FILE *out);

// Checked against the shape: OG_INPUT with file, line, key and what is allowed. Copies
// what it needs.
OG_API og_status og_set_alloc(og_set **set, const og_item *item,
                              const struct og_weight_shape *shape, struct og_error *err);
OG_API void og_set_free(og_set *set);
OG_API const struct og_set_info *og_set_kind(const og_set *set);

// z = Proj(v), both [count of the shape]; they may be the same memory. Where `allowed` is
// not NULL, positions with allowed[i] = 0 stay zero and are no candidates: counts are
// still of the whole tensor (the mask of earlier rounds). Sets that restrict values leave
// zeros alone, allowed or not: theirs is the nearest point with the same zeros. Exact
// counts; ties go to the smaller index; projecting again changes no bit. v is finite.
// OG_NO_MEMORY only.
OG_API og_status og_set_project(const og_set *set, const float *v, const uint8_t *allowed,
                                float *z, struct og_error *err);
// Whether v [as the shape] lies in the set (values to 1e-5 relative).
OG_API bool og_set_holds(const og_set *set, const float *v);

// --- ADMM -----------------------------------------------------------------------------

// One round of compression: ADMM, the mapping onto the sets, masked retraining; or the
// search of activation limits, which changes no weight (learn/limits.h). An iterator like
// og_trainer. Weights that are exactly zero when a round begins, and those that its
// mapping makes zero, stay zero; tensors with a set that restricts values keep these
// through the retraining of the round. Thread-safety: one thread.
typedef struct og_compress og_compress;

// All borrowed for the life of the round.
struct og_compress_options {
    const og_item *round;                // an entry of compress.rounds
    const struct og_train_config *base;  // what the round leaves open; base->hardware is
                                         // what both phases see
    const struct og_dataset *train;
    size_t first_epoch;  // epochs before the round: the random draws go on there
};
// Borrows the trained model and changes it step by step. OG_INPUT with file and line for
// what is wrong in the round.
OG_API og_status og_compress_alloc(og_compress **c, og_model *model,
                                   const struct og_compress_options *options,
                                   struct og_error *err);
OG_API void og_compress_free(og_compress *c);
// Epochs of both phases together.
OG_API og_status og_compress_epochs(const og_item *round,
                                    const struct og_train_config *base, size_t *epochs,
                                    struct og_error *err);
// Finds out whether the round fits the model, and how many samples all its steps together
// put through the network, of a training set of n; each step counts alike.
OG_API og_status og_compress_work(og_model *model, const og_item *round,
                                  const struct og_train_config *base, size_t n,
                                  double *samples, struct og_error *err);
// Every key of a round, for --help.
OG_API void og_compress_print_keys(FILE *out);

// Steps: the batches of ADMM, one for the mapping, the batches of retraining. Or: one for
// the profile, then one for each relu, try, fault rate and chip.
OG_API size_t og_compress_steps(const og_compress *c);
OG_API size_t og_compress_at(const og_compress *c);
OG_API og_status og_compress_step(og_compress *c, struct og_error *err);

enum og_compress_phase {
    OG_COMPRESS_ADMM,
    OG_COMPRESS_MAP,
    OG_COMPRESS_RETRAIN,
    OG_COMPRESS_LIMITS
};
// Of the step last done. Of a search: tries finished, all tries, accuracy of the step.
struct og_compress_place {
    enum og_compress_phase phase;
    size_t epoch, epochs;  // of the phase, from 1
    struct og_curve now;   // of the epoch so far
};
// Where the round is now.
OG_API struct og_compress_place og_compress_place(const og_compress *c);

// Everything that the next step depends on, as bytes; their number changes with the
// phase.
OG_API size_t og_compress_bytes(const og_compress *c);
OG_API void og_compress_save(const og_compress *c, void *bytes);
// OG_INPUT when the bytes are of another model or round.
OG_API og_status og_compress_restore(og_compress *c, const void *bytes, size_t n,
                                     struct og_error *err);

// One (Z, U) pair: a set on a weight tensor.
struct og_pair_info {
    const char *node, *tensor, *kind;  // borrowed
};
// Pairs of the round.
OG_API size_t og_compress_pairs(const og_compress *c);
// One of them, from 0.
OG_API struct og_pair_info og_compress_pair(const og_compress *c, size_t pair);
// One update of Z and U: how far W is from the set, |W - Z| / |W|, and how far Z moved,
// |dZ| / |W|. Both 0 where W is 0.
struct og_update {
    double residual, change;
};
// [updates so far][pairs]; rho [updates so far]: before the update, without rho_scale.
// Both borrowed.
OG_API const struct og_update *og_compress_updates(const og_compress *c, size_t *n,
                                                   const double **rho);
// The relus of a search of limits, from input to output; 0 in any other round.
struct og_limit_info {
    const char *node;            // borrowed
    double start, limit;         // largest output of the profile; the present limit
    size_t tries;                // in all; 0 where not done yet
    const double *tried, *area;  // [tries]: limits and areas under their accuracies
};
// Limits of the round.
OG_API size_t og_compress_limits(const og_compress *c);
// One of them, from 0.
OG_API struct og_limit_info og_compress_limit(const og_compress *c, size_t i);
// Curves of the finished epochs of the phase (ADMM or retraining).
OG_API const struct og_curve *og_compress_curve(const og_compress *c,
                                                enum og_compress_phase phase,
                                                size_t *epochs);

// Weights of a model (tensors that decay: no biases or norms), and those that are not 0.
struct og_kept {
    size_t all, kept;
};
// Of one tensor, by its number in og_model_tensor.
OG_API struct og_kept og_model_kept(og_model *model, size_t tensor);
// Sums over the model, or over its convolutions alone.
OG_API struct og_kept og_model_kept_in_all(og_model *model, bool convolutions);

#ifdef __cplusplus
}
#endif
#endif
