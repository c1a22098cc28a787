// SPDX-License-Identifier: GPL-3.0-or-later
// The inside of a trainer, shared by trainer.c (steps) and trainer_state.c (bytes).
#ifndef OG_LEARN_TRAINER_H
#define OG_LEARN_TRAINER_H

#include "learn/descent.h"
#include "ohmgrid/learn.h"

struct og_trainer {
    og_model *model;  // borrowed, like the next two
    const struct og_train_config *config;
    const struct og_dataset *set;
    struct og_train_options options;
    float *gradient;  // [param_count], with what options add; NULL: they add nothing
    float *params, *state;  // of the model
    size_t param_count, state_count;

    uint64_t fingerprint;       // of all that decides the course of the training
    og_exec *ideal, *hardware;  // the ones that this training uses
    size_t hardware_from;       // first step on `hardware`
    og_attack *attack[2];       // on `ideal` and `hardware`; NULL: none
    struct og_descent descent;

    size_t batch, per_epoch, steps, at;  // at: steps done
    size_t ordered;                      // epoch + 1 that `order` is of; 0: none
    uint32_t *order;                     // [set->n]
    float *x;                            // [batch][sample]
    uint8_t *label, *hit;                // [batch], [batch][answers]
    size_t answers;                      // of a sample: 1, of text as many as steps
    uint32_t *target;                    // of text, [batch][answers]

    double loss;  // sums over the present epoch
    size_t hits, seen;
    struct og_curve *curve;  // [epochs]
};

// Sets t->fingerprint.
og_status og_trainer_fingerprint(og_trainer *t, struct og_error *err);

#endif
