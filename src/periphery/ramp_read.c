// SPDX-License-Identifier: GPL-3.0-or-later
// Reads through ramps. All columns of a tile are compared with the same ramp, so that its
// noise in a read is one walk that they share: threshold k is off by the sum of what the
// first k steps add.
#include "periphery/ramps.h"

#include "device/sigma.h"

void og_ramps_add_bias(const struct og_array *a, float *sum, size_t n)
{
    const float *restrict bias = a->ramps->sum;
    const size_t cols = a->map.cols;
    for (size_t r = 0; r < n; r++)
        for (size_t j = 0; j < cols; j++) sum[r * cols + j] += bias[j];
}

static struct og_ramp_io ramp_io(const struct og_ramp_plan *plan, const float *threshold)
{
    const float step = (float)((plan->hi - plan->lo) / plan->levels);
    return (struct og_ramp_io){
        .threshold = threshold + 1,
        .thresholds = plan->levels - 1,
        .first = (float)plan->lo + step / 2,
        .step = step,
    };
}

static const struct og_ramp *ramp_of(const struct og_array *a,
                                     const struct og_ramp_span *span)
{
    return &a->ramps->ramp[span->tile * (size_t)a->ramps->parts + (size_t)span->part];
}

// The thresholds of one read, in room.
static const float *noisy_ramp(const struct og_array *a, const struct og_read *at,
                               const struct og_ramp_span *span, size_t row, float *room)
{
    enum { OF_RAMP = 3 };  // beside the streams of other reads, in read.c
    const struct og_ramp *ramp = ramp_of(a, span);
    const int levels = a->ramps->plan[span->part].levels;
    const size_t number = span->tile * (size_t)a->ramps->parts + (size_t)span->part;
    const struct og_stream s =
        og_stream_named(at->seed, OG_READ, at->trial, a->shape.layer,
                        (uint32_t)OF_RAMP << 30 | (uint32_t)number);
    float *z = room, *x = room + OG_RAMP_LEVELS, walk = 0;
    const struct og_index index = {at->pass, at->sample[row / at->positions], at->step};
    og_gauss_fill(&s, index, row % at->positions * OG_RAMP_LEVELS, z, (size_t)levels);
    for (int k = 1; k < levels; k++) {
        walk += ramp->noise[k] * z[k];
        x[k] = ramp->x[k] + walk;
    }
    return x;
}

static void mark(const struct og_ramp_plan *plan, const float *x, uint8_t *clipped,
                 size_t n)
{
    const float first = (float)plan->first, last = (float)plan->last;
    for (size_t k = 0; k < n; k++) clipped[k] = (x[k] < first) | (x[k] > last);
}

void og_ramps_convert(const struct og_array *a, const struct og_read *at,
                      const struct og_read_io *io, size_t row0, size_t n, const float *x,
                      float *room, uint8_t *clipped)
{
    const size_t cols = a->map.cols;
    const bool noisy = og_sigma_is_on(&a->map.hw.device.read);
    for (size_t j = 0; j < cols;) {
        const struct og_ramp_span span = og_ramps_span(a, j, cols);
        const struct og_ramp_plan *plan = &a->ramps->plan[span.part];
        for (size_t r = 0; r < n; r++) {
            const float *threshold =
                noisy ? noisy_ramp(a, at, &span, row0 + r, room) : ramp_of(a, &span)->x;
            const struct og_ramp_io ramp = ramp_io(plan, threshold);
            og_convert_kernels()->ramp(&ramp, x + r * cols + j, span.to - j,
                                       io->y + (row0 + r) * io->ldy + j);
            if (clipped != NULL)
                mark(plan, x + r * cols + j, clipped + r * cols + j, span.to - j);
        }
        j = span.to;
    }
}

void og_array_ramp(const og_array *a, size_t first, size_t n, size_t rows, const float *x,
                   float *y)
{
    for (size_t j = first; j < first + n;) {
        const struct og_ramp_span span = og_ramps_span(a, j, first + n);
        const struct og_ramp_io ramp =
            ramp_io(&a->ramps->plan[span.part], ramp_of(a, &span)->x);
        for (size_t r = 0; r < rows; r++) {
            const size_t at = r * n + j - first;
            og_convert_kernels()->ramp(&ramp, x + at, span.to - j, y + at);
        }
        j = span.to;
    }
}
