// SPDX-License-Identifier: GPL-3.0-or-later
// Sequences from HDF5: all steps of all sequences one after another, where each begins,
// and a label and perhaps a group for each.
#ifndef OG_NN_DATA_SERIES_H
#define OG_NN_DATA_SERIES_H

#include "nn/data_file.h"

// Whether the keys of set->spec have an effect on its set.
og_status og_series_check(const struct og_data_spec *spec, struct og_error *err);
// set->path: the folder, or the file of the set hdf5.
og_status og_data_series_load(struct og_dataset *set, struct og_error *err);
// Whether the file of a set by that name is in the folder.
bool og_data_series_exists(const char *name, const char *folder);

#endif
