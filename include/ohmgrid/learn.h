// SPDX-License-Identifier: GPL-3.0-or-later
// Training: SGD with momentum or Adam, schedules, clipping, hardware in the loop. An
// iterator (alloc, step until done) whose whole state can be saved between any two steps
// and restored to the bit.
#ifndef OHMGRID_LEARN_H
#define OHMGRID_LEARN_H

#include "ohmgrid/data.h"
#include "ohmgrid/model.h"

#ifdef __cplusplus
extern "C" {
#endif

// Thread-safety: one thread.
typedef struct og_trainer og_trainer;

// Borrows all three for its life. Initialises the model by config->seed.
OG_API og_status og_trainer_alloc(og_trainer **trainer, og_model *model,
                                  const struct og_train_config *config,
                                  const struct og_dataset *train, struct og_error *err);
OG_API void og_trainer_free(og_trainer *trainer);

OG_API size_t og_trainer_steps(const og_trainer *trainer);  // in all
OG_API size_t og_trainer_at(const og_trainer *trainer);     // done so far
// One batch. OG_FAILED when the loss is no longer finite.
OG_API og_status og_trainer_step(og_trainer *trainer, struct og_error *err);

// Mean training loss and accuracy of each finished epoch.
struct og_curve {
    double loss, accuracy, lr;
};
OG_API const struct og_curve *og_trainer_curve(const og_trainer *trainer, size_t *epochs);

// Everything that the next step depends on, as bytes.
OG_API size_t og_trainer_bytes(const og_trainer *trainer);
OG_API void og_trainer_save(const og_trainer *trainer, void *bytes);
// OG_INPUT when the bytes are of another model or configuration.
OG_API og_status og_trainer_restore(og_trainer *trainer, const void *bytes, size_t n,
                                    struct og_error *err);

// Mean loss and accuracy of a programmed exec over a data set, in blocks of fixed shape.
// hit[n] may be NULL. `stop`, if not NULL, is looked at between batches.
struct og_evaluation {
    double loss, accuracy;
};
OG_API og_status og_evaluate(og_exec *exec, const struct og_dataset *set,
                             const struct og_chip *chip, uint32_t pass, uint8_t *hit,
                             struct og_evaluation *result, struct og_error *err);
// The first n samples of a set as a calibration batch for og_exec_calibrate.
OG_API og_status og_calibrate(og_exec *exec, const struct og_dataset *set, size_t n,
                              uint64_t seed, struct og_error *err);

#ifdef __cplusplus
}
#endif
#endif
