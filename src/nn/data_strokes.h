// SPDX-License-Identifier: GPL-3.0-or-later
// MNIST as sequences of pen movements.
#ifndef OG_NN_DATA_STROKES_H
#define OG_NN_DATA_STROKES_H

#include "nn/data_file.h"

// Steps dx, dy, end of stroke, end of digit, y downwards and the first from 0, 0 (E. de
// Jong). Where the next pixel is no neighbour, a step of its own ends the stroke (0, 0,
// 1, 0); the last one is 0, 0, 1, 1.
og_status og_data_strokes_load(struct og_dataset *set, struct og_error *err);

#endif
