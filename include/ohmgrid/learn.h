// SPDX-License-Identifier: GPL-3.0-or-later
// Training: SGD with momentum or Adam, schedules, clipping, hardware in the loop. An
// iterator (alloc, step until done) whose whole state can be saved between any two steps
// and restored to the bit. And evaluation of a programmed network over a data set.
// Errors, where a function does not say more: OG_NO_MEMORY; OG_INPUT where network, data
// and settings do not go together.
#ifndef OHMGRID_LEARN_H
#define OHMGRID_LEARN_H

#include "ohmgrid/attack.h"
#include "ohmgrid/data.h"
#include "ohmgrid/model.h"

#ifdef __cplusplus
extern "C" {
#endif

// Thread-safety: one thread.
typedef struct og_trainer og_trainer;

// Chips drawn in training have this trial number, so that no chip that is evaluated (0,
// 1, 2, ...) has been seen in training.
enum { OG_TRAINING_TRIAL = 0x7fffffff };

// Borrows all three for its life. Initialises the model by config->seed.
OG_API og_status og_trainer_alloc(og_trainer **trainer, og_model *model,
                                  const struct og_train_config *config,
                                  const struct og_dataset *train, struct og_error *err);

// A training that goes on from somewhere, or under constraints.
struct og_train_options {
    const struct og_train_config *config;  // borrowed, like all below
    const struct og_dataset *train;
    bool keep_weights;      // starts from the weights and state that the model has
    size_t first_epoch;     // epochs before this training: the random draws go on there
    const uint8_t *frozen;  // [parameters]: where not 0, the weight stays as it is; NULL
    // Added to the gradient of the mean loss: pull[i] * w[i] - target[i], the gradient of
    // pull/2 |w - target/pull|^2. [parameters], may change between steps; both NULL:
    // none.
    const float *pull, *target;
};
// Copies the options, not what they point to.
OG_API og_status og_trainer_alloc_with(og_trainer **trainer, og_model *model,
                                       const struct og_train_options *options,
                                       struct og_error *err);
OG_API void og_trainer_free(og_trainer *trainer);

OG_API size_t og_trainer_steps(const og_trainer *trainer);  // in all
OG_API size_t og_trainer_at(const og_trainer *trainer);     // done so far
// One batch. OG_FAILED when the loss or the weights are no longer finite.
OG_API og_status og_trainer_step(og_trainer *trainer, struct og_error *err);

// Mean training loss and accuracy of each finished epoch (as seen in training: each batch
// before its step), and the learning rate of the epoch's last step.
struct og_curve {
    double loss, accuracy, lr;
};
// [epochs], borrowed until the next step.
OG_API const struct og_curve *og_trainer_curve(const og_trainer *trainer, size_t *epochs);
// The same for the steps of the present epoch so far; zeros before its first step.
OG_API struct og_curve og_trainer_running(const og_trainer *trainer);

// Learning rate of step `step` (from 0): warm-up, then the schedule.
//   warm-up   lr (step + 1) / W         while step < W = warmup * steps_per_epoch
//   constant  lr
//   step      lr * lr_gamma^floor(max(0, epoch - lr_hold) / lr_step)
//   cosine    lr/2 (1 + cos(pi (step - W) / (S - W))), S steps in all
//             (Loshchilov and Hutter, ICLR 2017, without restarts)
OG_API double og_learning_rate(const struct og_train_config *config,
                               size_t steps_per_epoch, size_t step);

// Everything that the next step depends on, as bytes.
OG_API size_t og_trainer_bytes(const og_trainer *trainer);
OG_API void og_trainer_save(const og_trainer *trainer, void *bytes);
// OG_INPUT when the bytes are of another model or configuration.
OG_API og_status og_trainer_restore(og_trainer *trainer, const void *bytes, size_t n,
                                    struct og_error *err);

struct og_ballot {
    enum og_vote rule;
    uint32_t votes;  // the first so many passes, at least 1
};

// What is evaluated: the exec is programmed already; reads draw by (seed, trial, pass).
struct og_evaluate_options {
    const struct og_dataset *set;
    const struct og_chip *chip;
    og_attack *attack;               // changes each batch first; NULL: nothing does
    uint32_t pass;                   // the first
    const struct og_ballot *ballot;  // [ballots], all from the same passes; NULL: one
    size_t ballots;                  // pass
    size_t batch;                    // at most that of the exec
    const volatile int *stop;  // looked at between batches: not 0 stops; may be NULL
    uint8_t *hit;              // [ballots, at least 1][set->n], 1 where right; may be
                               // NULL
    void (*tick)(void *user, size_t samples);  // after each pass over a batch; may be
                                               // NULL
    void *user;
};
// Means over the data set.
struct og_evaluation {
    double loss, accuracy;
};
// result[ballots, at least 1]. OG_INTERRUPTED when stopped.
OG_API og_status og_evaluate(og_exec *exec, const struct og_evaluate_options *options,
                             struct og_evaluation *result, struct og_error *err);
// og_exec_calibrate on the first n samples of a set (all, when it has fewer), without
// augmentation. n may be larger than the batch of the exec.
OG_API og_status og_calibrate(og_exec *exec, const struct og_dataset *set, size_t n,
                              uint64_t seed, struct og_error *err);
// og_exec_renew_norms on the first n samples of a set, cropped and flipped as its spec
// says: statistics of training are those of such samples.
OG_API og_status og_renew_norms(og_exec *exec, const struct og_dataset *set, size_t n,
                                const struct og_chip *chip, struct og_error *err);

#ifdef __cplusplus
}
#endif
#endif
