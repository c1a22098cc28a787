// SPDX-License-Identifier: GPL-3.0-or-later
// The round activation_limits: the limits T of all relus with `search: true`, found so
// that accuracy under stuck-at faults is best (after FT-ClipAct, Hoang et al., 2019).
//
//   T <- the largest output of the relu over some training samples, ideal network; then,
//   relu by relu from input to output, the T with the largest area under (accuracy
//   against fault rate), by a search in ever smaller intervals.
//
// Accuracy is that of the hardware of the round with stuck devices at each rate, on chips
// that no evaluation sees. The same chips for all T and all rates. Weights do not change.
#ifndef OG_LEARN_LIMITS_H
#define OG_LEARN_LIMITS_H

#include "ohmgrid/compress.h"

enum og_limits_fault { OG_FAULT_LRS, OG_FAULT_HRS };
enum og_limits_scale { OG_SCALE_LINEAR, OG_SCALE_LOG };

// The keys of a round's activation_limits.
struct og_limits_config {
    struct og_list rates;  // rising
    int fault;             // enum og_limits_fault
    int scale;             // enum og_limits_scale, of the rates in the area
    int samples, chips;
    int points, iterations;  // tries of an interval; intervals of a relu
};
og_status og_limits_read(struct og_limits_config *config, const og_item *item,
                         const struct og_train_config *base, struct og_error *err);
void og_limits_print_keys(FILE *out);

typedef struct og_limits og_limits;

// Borrows model, config and options. OG_INPUT when there is nothing to search. Without
// options->train it can only be freed or asked for its work.
og_status og_limits_alloc(og_limits **limits, og_model *model,
                          const struct og_limits_config *config,
                          const struct og_compress_options *options,
                          struct og_error *err);
void og_limits_free(og_limits *l);

// One for the profile, then one for each relu, try, rate and chip.
size_t og_limits_steps(const og_limits *l);
// Step `at` (from 0).
og_status og_limits_step(og_limits *l, size_t at, struct og_error *err);
// Tries finished after `at` steps, those of all relus, and the accuracy of the last step.
struct og_compress_place og_limits_place(const og_limits *l, size_t at);
// What the next step depends on, without the weights.
size_t og_limits_bytes(const og_limits *l);
void og_limits_save(const og_limits *l, unsigned char **to);
void og_limits_restore(og_limits *l, const unsigned char **from);

size_t og_limits_count(const og_limits *l);  // relus
struct og_limit_info og_limits_info(const og_limits *l, size_t i);

#endif
