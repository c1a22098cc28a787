// SPDX-License-Identifier: GPL-3.0-or-later
// A folder of one's own recordings: CLASS/*.wav, and perhaps lists of those that are
// tested, as Speech Commands has them (Warden, arXiv 1804.03209).
#ifndef OG_NN_DATA_WORDS_H
#define OG_NN_DATA_WORDS_H

#include "ohmgrid/data.h"

// Fills the set, see og_sequences_keep().
og_status og_data_words_load(struct og_dataset *set, struct og_error *err);
bool og_data_words_exist(const char *folder, enum og_split split);

#endif
