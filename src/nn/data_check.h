// SPDX-License-Identifier: GPL-3.0-or-later
// Whether the keys of a data set make sense for what it holds.
#ifndef OG_NN_DATA_CHECK_H
#define OG_NN_DATA_CHECK_H

#include "ohmgrid/data.h"

// Of a set whose spec and image size are set; completes the spec.
og_status og_data_check_images(struct og_dataset *set, struct og_error *err);
og_status og_data_check_strokes(struct og_dataset *set, struct og_error *err);
og_status og_data_check_speech(struct og_dataset *set, struct og_error *err);
og_status og_data_check_series(struct og_dataset *set, struct og_error *err);
og_status og_data_check_ptb(struct og_dataset *set, struct og_error *err);
og_status og_data_check_text(struct og_dataset *set, struct og_error *err);

#endif
