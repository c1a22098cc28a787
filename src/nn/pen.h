// SPDX-License-Identifier: GPL-3.0-or-later
// Drawings as points of a pen.
#ifndef OG_NN_PEN_H
#define OG_NN_PEN_H

#include <stdbool.h>
#include <stddef.h>

#include "ohmgrid/status.h"

struct og_pen_point {
    double x, y;  // y downwards
    bool up;      // the stroke ends here
};

enum { OG_PEN_MOST = 1 << 20 };

// The larger side of the drawing's bounding box becomes 1, its upper left corner 0, 0.
void og_pen_box(struct og_pen_point *point, size_t n);
// Points along the same path, as many in each stroke as make them about `spacing` apart,
// equally; the ends of strokes stay. Returns their number, 0 where it is more than
// OG_PEN_MOST (n: 0 as well); out: NULL to count only.
size_t og_pen_resample(const struct og_pen_point *point, size_t n, double spacing,
                       struct og_pen_point *out);

og_status og_pen_too_fine(double spacing, const char *path, struct og_error *err);

#endif
