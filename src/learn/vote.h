// SPDX-License-Identifier: GPL-3.0-or-later
// Counting a vote: what the passes over a batch have said so far.
#ifndef OG_LEARN_VOTE_H
#define OG_LEARN_VOTE_H

#include "ohmgrid/learn.h"

struct og_tally {
    int classes;
    size_t samples;  // room
    uint32_t passes;
    double *sum[OG_VOTES];  // [samples][classes] of votes, probabilities or logits; NULL
                            // where no ballot asks for it
    double *loss;           // [samples]: sum of the passes' losses
    double *likelihood;     // [samples]: log of the sum of exp(-loss)
};

og_status og_tally_init(struct og_tally *t, size_t samples, int classes,
                        const struct og_ballot *ballot, size_t ballots,
                        struct og_error *err);
void og_tally_clear(struct og_tally *t);
// Forgets all passes.
void og_tally_start(struct og_tally *t);
// One more pass: logits [n][classes] of the samples with these labels.
void og_tally_add(struct og_tally *t, const float *logits, const uint8_t *label,
                  size_t n);
// What the passes together say of sample i: its loss, and whether the class that wins is
// its label.
double og_tally_loss(const struct og_tally *t, enum og_vote rule, size_t i, int label);
bool og_tally_hit(const struct og_tally *t, enum og_vote rule, size_t i, int label);

#endif
