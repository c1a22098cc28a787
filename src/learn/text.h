// SPDX-License-Identifier: GPL-3.0-or-later
// Evaluation of text, whose windows go on from each other.
#ifndef OG_LEARN_TEXT_H
#define OG_LEARN_TEXT_H

#include "ohmgrid/learn.h"

// og_evaluate, with at least one ballot, of a set of symbols: means over its targets,
// hit[og_dataset_answers] in the order of samples and steps. The samples of a pass are of
// one window, so that batches may have any size.
og_status og_evaluate_text(og_exec *exec, const struct og_evaluate_options *o,
                           struct og_evaluation *result, struct og_error *err);

#endif
