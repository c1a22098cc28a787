// SPDX-License-Identifier: GPL-3.0-or-later
// How far ADCs are driven. The conversions of a read leave no codes behind: their digital
// sum is all that counts. Where someone asks, the converter runs once more on the same
// column sums and noise, with every code worth 1.
#include <math.h>
#include <string.h>

#include "periphery/array_impl.h"

void og_use_add(const struct og_array *a, const struct og_convert *c, size_t n,
                struct og_adc_use *use, float *scratch, float *room)
{
    if (!(a->limit > 0)) return;
    size_t lane = og_use_room(n) / 3;
    float *code = room, *one = room + lane;
    uint8_t *clipped = (uint8_t *)(room + 2 * lane);
    for (size_t k = 0; k < n; k++) one[k] = 1;
    struct og_convert again = *c;
    again.lanes.step = one;
    again.begin = again.begin_clipped = true;
    again.ratio = false;
    again.weight = again.scale = 1;
    again.out = code;
    again.clipped = clipped;
    og_convert_kernels()->convert(&again, n, scratch);
    // Mid-rise codes are read in the middle of their step.
    float top = again.mid_rise ? a->limit - 0.5f : a->limit, most = 0;
    for (size_t k = 0; k < n; k++) {
        if (c->lanes.step[k] == 0) continue;  // a removed column has no ADC
        use->conversions++;
        use->clipped += clipped[k];
        most = fmaxf(most, fabsf(code[k]));
    }
    use->used = fmaxf(use->used, most / top);
}
