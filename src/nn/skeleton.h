// SPDX-License-Identifier: GPL-3.0-or-later
// From the bitmap of a digit to the path of a pen that would write it, after the recipe
// of E. de Jong's MNIST digits as stroke sequences: threshold, thinning (Zhang and Suen,
// CACM 27(3), 1984), small parts removed, then one path through all points.
#ifndef OG_NN_SKELETON_H
#define OG_NN_SKELETON_H

#include <stddef.h>
#include <stdint.h>

// The side of a bitmap with a frame of one empty pixel around it.
enum { OG_INK_SIDE = 30, OG_INK = OG_INK_SIDE * OG_INK_SIDE };

struct og_ink {
    uint8_t on[OG_INK];
};

// The bitmap of image[28][28] at the highest threshold, in steps of 25, at which it has
// the components (4- and 8-connected) and at least half the pixels of its bitmap at 0.
void og_ink_threshold(struct og_ink *ink, const uint8_t *image);
// One pixel wide.
void og_ink_thin(struct og_ink *ink);
// Without components (8-connected) of one or two pixels, if there are any others.
void og_ink_clean(struct og_ink *ink);
// All pixels in the order of the pen, at[k] = 28 row + column; returns their number. It
// begins at the end of a line (a pixel with at most one neighbour; any, if there is none)
// with the smallest row + column, the first in reading order. Then always the nearest
// pixel that is left, the first in reading order; and of the paths that keep one of the
// other ends for last, or none, that with the smallest sum of distances cubed.
size_t og_ink_path(const struct og_ink *ink, uint16_t *at);

#endif
