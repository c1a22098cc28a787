// SPDX-License-Identifier: GPL-3.0-or-later
// Compensation of drift by factors on the digital sums, as Joshi et al. (2020) do with
// one factor for a layer: calibration inputs are read right after programming (t_0) and
// again at t_inference, and the mean size of the outputs then over that now is the
// factor. Both are reads of the simulated array, with its noise and converters. ohmgrid's
// choice: the inputs, uniform over the range of the DACs and the same at both times,
// halved until no ADC clips at t_0: clipped sums would hide part of the loss. (aihwkit
// reads the unit vectors, which leaves little but rounding in an ADC whose range is that
// of whole sums.)
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "periphery/array_impl.h"

struct og_compensation_reads {
    size_t n;
    float *x;      // [n][rows of the whole matrix]
    float *y;      // [n][cols of the whole matrix]
    double *size;  // [2][cols left] mean |y|, before and after
    uint32_t *sample;
    void *work;
};

og_status og_compensation_alloc(struct og_array *a, struct og_error *err)
{
    const struct og_hardware *hw = &a->map.hw;
    const size_t rows = a->full.rows, cols = a->full.cols;
    if (hw->compensation.mode == OG_UNCOMPENSATED) return OG_OK;
    if (a->ramps != NULL)
        return og_fail(err, OG_INPUT,
                       "hardware.compensation: factors need sums that can be scaled, not "
                       "the functions of adc.kind: ramp");
    struct og_compensation_reads *c = og_alloc(1, sizeof *c);
    a->calibration = c;
    a->compensation = og_alloc(cols, sizeof *a->compensation);
    if (c == NULL || a->compensation == NULL)
        return og_fail(err, OG_NO_MEMORY, "out of memory for the compensation of drift");
    c->n = (size_t)hw->compensation.reads;
    c->x = og_alloc(c->n * rows, sizeof *c->x);
    c->y = og_alloc(c->n * cols, sizeof *c->y);
    c->size = og_alloc(2 * cols, sizeof *c->size);
    c->sample = og_alloc(c->n, sizeof *c->sample);
    c->work = og_alloc(og_array_work_bytes(a, c->n), 1);
    if (!c->x || !c->y || !c->size || !c->sample || !c->work)
        return og_fail(err, OG_NO_MEMORY, "out of memory for the compensation of drift");
    for (size_t k = 0; k < c->n; k++) c->sample[k] = (uint32_t)k;
    return OG_OK;
}

void og_compensation_free(struct og_array *a)
{
    struct og_compensation_reads *c = a->calibration;
    og_free(a->compensation);
    if (c == NULL) return;
    og_free(c->x);
    og_free(c->y);
    og_free(c->size);
    og_free(c->sample);
    og_free(c->work);
    og_free(c);
}

void og_compensation_start(struct og_array *a)
{
    const struct og_compensation_reads *c = a->calibration;
    const size_t rows = a->full.rows, all = c->n * rows;
    struct og_stream s =
        og_stream_named(a->chip.seed, OG_CALIBRATION, 0, a->shape.layer, 0);
    og_uniform_fill(&s, (struct og_index){0, 0, 0}, 0, c->x, all);
    for (size_t j = 0; j < a->map.cols; j++) a->compensation[j] = 1;
    for (size_t k = 0; k < all; k++) c->x[k] = 2 * c->x[k] - 1;
    size_t first = 0;
    for (int g = 0; g < a->full.segments; g++) {
        const size_t end = first + a->full.segment[g].rows;
        const float range = a->shape.segment[g].range;
        for (size_t r = 0; r < c->n; r++)
            for (size_t i = first; i < end; i++) c->x[r * rows + i] *= range;
        first = end;
    }
}

// How many conversions clip.
static uint64_t read_inputs(struct og_array *a, int after)
{
    const struct og_compensation_reads *c = a->calibration;
    struct og_adc_use use = {0};
    const struct og_read at = {.seed = a->chip.seed,
                               .trial = a->chip.trial,
                               .pass = og_calibration_pass(after),
                               .sample = c->sample,
                               .positions = 1,
                               .step = a->chip.draw};
    const struct og_read_io io = {.x = c->x,
                                  .ldx = a->full.rows,
                                  .n = c->n,
                                  .y = c->y,
                                  .ldy = a->full.cols,
                                  .work = c->work,
                                  .use = &use};
    a->raw = true;
    og_array_read(a, &at, &io);
    a->raw = false;
    return use.clipped;
}

void og_compensation_read(struct og_array *a, int after)
{
    enum { HALVINGS = 6 };
    const struct og_compensation_reads *c = a->calibration;
    const size_t rows = a->full.rows, cols = a->full.cols;
    uint64_t clipped = read_inputs(a, after);
    for (int k = 0; !after && clipped > 0 && k < HALVINGS; k++) {
        for (size_t i = 0; i < c->n * rows; i++) c->x[i] /= 2;
        clipped = read_inputs(a, after);
    }
    double *size = c->size + (size_t)after * cols;
    for (size_t j = 0; j < a->map.cols; j++) {
        size[j] = 0;
        for (size_t r = 0; r < c->n; r++)
            size[j] += fabs((double)c->y[r * cols + og_live_col(&a->map, j)]);
    }
}

// A column in which nothing is left, or was ever, stays as it is.
static float factor_of(double before, double after)
{
    return before > 0 && after > 0 ? (float)(before / after) : 1;
}

void og_compensation_finish(struct og_array *a)
{
    const struct og_compensation_reads *c = a->calibration;
    const size_t cols = a->map.cols;
    const double *before = c->size, *after = c->size + a->full.cols;
    double sum[2] = {0, 0};
    for (size_t j = 0; j < cols; j++) {
        sum[0] += before[j];
        sum[1] += after[j];
        a->compensation[j] = factor_of(before[j], after[j]);
    }
    if (a->map.hw.compensation.mode == OG_COMPENSATE_COLUMNS) return;
    for (size_t j = 0; j < cols; j++) a->compensation[j] = factor_of(sum[0], sum[1]);
}

double og_compensation_mean(const struct og_array *a)
{
    const size_t cols = a->map.cols;
    double sum = 0;
    if (a->compensation == NULL) return NAN;
    for (size_t j = 0; j < cols; j++) sum += (double)a->compensation[j];
    return sum / (double)cols;
}
