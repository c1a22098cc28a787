// SPDX-License-Identifier: GPL-3.0-or-later
// Text data sets: the Penn Treebank and plain files.
#ifndef OG_NN_DATA_TEXT_H
#define OG_NN_DATA_TEXT_H

#include "nn/data_file.h"

// The three files of the Penn Treebank, ending with NULL.
extern const char *const og_data_ptb_files[4];

// Whether the keys of a text set make sense; `one_file`: of the set `text`.
og_status og_text_check(const struct og_data_spec *spec, bool one_file,
                        struct og_error *err);
// Both fill the symbols, shape, n, classes and streams of a set whose spec and path are
// set; path is the folder of the three files, or the one file without its ending.
og_status og_data_ptb_load(struct og_dataset *set, struct og_error *err);
og_status og_data_text_load(struct og_dataset *set, struct og_error *err);
// Whether that one file is there, plain or packed.
bool og_data_text_exists(const char *path, enum og_split split);
// x[k][steps] of samples index[0..n).
void og_text_fetch(const struct og_dataset *set, const uint32_t *index, size_t n,
                   float *x);

#endif
