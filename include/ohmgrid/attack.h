// SPDX-License-Identifier: GPL-3.0-or-later
// Adversarial examples: images changed by at most epsilon in every pixel so that a
// network errs.
//   fgsm  x + epsilon sign(grad)       (Goodfellow, Shlens, Szegedy, ICLR 2015)
//   pgd   steps of that kind, each clipped to within epsilon of x, from x or from
//         anywhere within epsilon of it         (Madry et al., ICLR 2018)
// both clipped to pixels from 0 to 1. grad is the gradient of the cross-entropy with the
// true label, through the hardware that the attack is given, quantisers straight-through
// (Athalye, Carlini, Wagner, ICML 2018), averaged over `draws` passes where it has noise.
#ifndef OHMGRID_ATTACK_H
#define OHMGRID_ATTACK_H

#include "ohmgrid/model.h"

#ifdef __cplusplus
extern "C" {
#endif

// Thread-safety: one thread.
typedef struct og_attack og_attack;

// The chip on which the gradient of another network is computed: none that is evaluated.
enum { OG_ATTACK_TRIAL = 0x7ffffffe };

struct og_attack_options {
    const struct og_attack_config *config;  // borrowed, like all below
    og_model *model;                        // whose gradient it follows
    const struct og_hardware *hardware;     // NULL or ideal: the float network
    const struct og_dataset *set;           // images; og_attack_check_data
    size_t batch;                           // largest number of samples per call
    uint64_t seed;                          // of its draws
};

// OG_INPUT when what the set holds are no images: there is no range to stay in.
OG_API og_status og_attack_check_data(const struct og_dataset *set, struct og_error *err);

// Borrows all of the options until og_attack_free.
OG_API og_status og_attack_alloc(og_attack **attack,
                                 const struct og_attack_options *options,
                                 struct og_error *err);
OG_API void og_attack_free(og_attack *attack);

// Its network, its own, of an exec with option `inputs`: to be calibrated, and programmed
// before og_attack_run and after each change of the parameters.
OG_API og_exec *og_attack_exec(og_attack *attack);

// Changes the images x [batch->n][shape] of `batch` (whose own x is not looked at). They
// are drawn by (seed, batch->pass, sample) and read by (batch->seed, batch->trial), in
// passes that no evaluation and no training has.
OG_API void og_attack_run(og_attack *attack, const struct og_batch *batch, float *x);

#ifdef __cplusplus
}
#endif
#endif
