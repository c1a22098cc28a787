// SPDX-License-Identifier: GPL-3.0-or-later
// What writer and reader of a result file agree on.
#ifndef OG_RESULTS_LAYOUT_H
#define OG_RESULTS_LAYOUT_H

// Version of the file's layout. HDF5 allows 32 dimensions, two of which are `trial` and
// `part`.
enum { OG_RESULT_SCHEMA = 1, OG_AXES_MAX = 30, OG_COORDINATES = 4096 };

#endif
