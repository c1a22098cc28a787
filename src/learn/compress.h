// SPDX-License-Identifier: GPL-3.0-or-later
// The inside of a round of compression, shared by compress.c (steps), admm.c (Z and U),
// compress_sets.c (which set holds for which tensor) and compress_state.c (bytes).
#ifndef OG_LEARN_COMPRESS_H
#define OG_LEARN_COMPRESS_H

#include "learn/round.h"

// A set on a weight tensor.
struct og_pair {
    og_set *set;
    const og_item *item;   // where the set was asked for
    size_t tensor;         // of the model
    size_t offset, count;  // of the tensor in the parameters
    // [count], inside og_compress.memory. The methods reweighted and proximal keep in u
    // the weights of the last update, a retraining straight through those behind z.
    float *z, *u;
    bool prunes;
    size_t groups;  // of the set, for group regularisers; 0: none
    double *group;  // [groups], inside og_compress.group_memory
};

struct og_compress {
    og_model *model;
    struct og_compress_options options;
    struct og_round round;
    uint64_t fingerprint;
    float *params, *state;  // of the model
    size_t param_count, state_count;

    og_limits *limits;  // a round that searches limits has nothing of what follows but
                        // steps and at
    size_t pairs;
    struct og_pair *pair;  // in the order of the list: sets, layers, tensors
    size_t memory_count;
    float *memory;  // all z and u
    double *group_memory;
    float *scratch;        // as long as the largest tensor
    double *key;           // the same, where a round has shares
    float *pull, *target;  // [param_count], for the trainer
    uint8_t *allowed;      // [param_count]: 0 where a weight was 0 at the start
    uint8_t *frozen;       // [param_count], for the trainer
    double rho;

    og_trainer *trainer;  // of the present phase; NULL: it needs none
    size_t per_epoch[2];  // steps, of ADMM and of retraining
    size_t admm_steps, steps, at;

    size_t updates;            // so far
    struct og_update *update;  // [possible updates][pairs]
    double *rho_of;            // [possible updates]
    struct og_curve *curve;    // [epochs of ADMM], once that phase is over
};

// compress_sets.c: c->pair, all but z and u.
og_status og_compress_read_sets(og_compress *c, struct og_error *err);
void og_compress_free_sets(og_compress *c);

// admm.c
// Z = Proj(W), U = 0.
og_status og_admm_start(og_compress *c, struct og_error *err);
// pull and target from rho, Z and U.
void og_admm_aim(og_compress *c);
// One update of Z, U and rho, with what is reported about it.
og_status og_admm_update(og_compress *c, struct og_error *err);
// What the method proximal does after a step at rate lr.
void og_admm_shrink(og_compress *c, double lr);
// W onto all sets: those that prune in their order, then those that restrict values.
// values: false: onto the former alone.
og_status og_admm_map(og_compress *c, bool values, struct og_error *err);
// This share of the weights under each set of values, those nearest to one, frozen there.
og_status og_admm_settle(og_compress *c, double share, struct og_error *err);
// Straight through: the weights under each set of values move to u, and their projections
// stand in their place and in z.
og_status og_admm_stand_behind(og_compress *c, struct og_error *err);
// The step that the projections made is made by u, which is projected again.
og_status og_admm_follow(og_compress *c, struct og_error *err);

// compress.c: the trainer of the phase that c->at lies in.
og_status og_compress_start_phase(og_compress *c, struct og_error *err);
// Possible updates of the round.
size_t og_compress_updates_in_all(const og_compress *c);

// compress_state.c: sets c->fingerprint, of the round and the shape of the model. What
// else decides the course of the phases, their trainers check.
og_status og_compress_fingerprint(og_compress *c, struct og_error *err);
// purify.c
og_status og_purify(og_model *model, struct og_error *err);

#endif
