// SPDX-License-Identifier: GPL-3.0-or-later
// One entry of compress.rounds as numbers.
#ifndef OG_LEARN_ROUND_H
#define OG_LEARN_ROUND_H

#include "learn/limits.h"

enum og_compress_method {
    OG_METHOD_ADMM,
    OG_METHOD_MAGNITUDE,
    OG_METHOD_REWEIGHTED,
    OG_METHOD_PROXIMAL
};

// Keys of a phase: those of train, and of ADMM.
struct og_phase {
    struct og_train_config train;
    int update_every;  // epochs
    double rho, rho_factor, rho_max;
    double penalty, epsilon;  // methods reweighted and proximal
};

struct og_round {
    const og_item *sets, *admm_keys, *retrain_keys;  // borrowed
    int method;                                      // enum og_compress_method
    bool purify;
    struct og_list shares;
    bool straight_through;
    const og_item *limits_keys;  // borrowed; NULL: not a round of limits, else only:
    struct og_limits_config limits;
    struct og_phase admm, retrain;
};

// What the round leaves open comes from `base`. With method magnitude all epochs are in
// `retrain`.
og_status og_round_read(struct og_round *round, const og_item *item,
                        const struct og_train_config *base, struct og_error *err);

#endif
