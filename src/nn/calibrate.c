// SPDX-License-Identifier: GPL-3.0-or-later
// Calibration on noise-free float passes: first the full scales of the DACs and the
// signal powers, then, with the DACs set, the column sums that the ADCs will see.
//
// DAC full scale of a segment from its |x|: minmax, the largest; percentile, a quantile
// (linear between order statistics) and mse, the clip that minimises the mean square
// quantisation error among 64 fractions of the largest, both on a bounded sample chosen
// by hashing the element's number (sample, time step, position, row). A segment that is
// always 0 gets 1.
#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "nn/exec.h"

// Fibonacci hashing (Knuth, TAOCP 3, 6.4): an even thinning in which no column of a
// matrix is favoured, as it would be by a stride.
static uint32_t hash_of(uint64_t number) { return (uint32_t)number * 2654435769u; }

static bool is_dropped(int cut, uint32_t hash)
{
    return cut > 0 && hash >> (32 - cut) != 0;
}

static void thin(struct og_range_sample *s)
{
    s->cut++;
    size_t kept = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (is_dropped(s->cut, s->hash[i])) continue;
        s->value[kept] = s->value[i];
        s->hash[kept++] = s->hash[i];
    }
    s->n = kept;
}

static void keep(struct og_range_sample *s, float value, uint32_t hash)
{
    while (!is_dropped(s->cut, hash)) {
        if (s->n < OG_SAMPLE_MAX) {
            s->value[s->n] = value;
            s->hash[s->n++] = hash;
            return;
        }
        thin(s);
    }
}

// What one thread has seen and not yet handed over.
enum { OG_KEEP_RUN = 256 };
struct run {
    int cut;  // of the sample, when last looked at
    size_t n;
    float max, value[OG_KEEP_RUN];
    uint32_t hash[OG_KEEP_RUN];
};

// Threads come in any order, which neither the maximum nor the sample depends on.
static void hand_over(struct og_range_sample *s, struct run *run)
{
    og_lock(&s->lock);
    if (run->max > s->max) s->max = run->max;
    for (size_t i = 0; i < run->n; i++) keep(s, run->value[i], run->hash[i]);
    run->cut = s->cut;
    og_unlock(&s->lock);
    run->n = 0;
}

static void observe_row(struct og_range_sample *s, struct run *run, const float *x,
                        size_t width, uint64_t number)
{
    for (size_t i = 0; i < width; i++) {
        float value = fabsf(x[i]);
        if (value > run->max) run->max = value;
        uint32_t hash = hash_of(number + i);
        if (!s->value || is_dropped(run->cut, hash)) continue;
        if (run->n == OG_KEEP_RUN) hand_over(s, run);
        run->value[run->n] = value;
        run->hash[run->n++] = hash;
    }
}

void og_range_observe(const struct og_view *v, const struct og_matrix *m,
                      const struct og_linear_io *io)
{
    const struct og_linear_decl *l = &m->node->linear[m->k];
    uint64_t positions = io->rows / v->n, steps = l->steps > 0 ? l->steps : 1;
    for (int s = 0; s < l->segments; s++) {
        if (!m->calibrated[s]) continue;
        struct og_range_sample *sample = &v->exec->matrix[m->index].sample[s];
        const float *x = io->x + og_segment_first(l, s);
        size_t width = l->segment[s].rows;
        struct run run = {0};
        hand_over(sample, &run);
        for (size_t r = 0; r < io->rows; r++) {
            uint64_t at = v->exec->observed + og_view_row(v, r / positions);
            at = (at * steps + io->step) * positions + r % positions;
            observe_row(sample, &run, x + r * io->ldx, width, at * width);
        }
        hand_over(sample, &run);
    }
}

// --- from a sample to a range --------------------------------------------------------

static int rising(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

// Of sorted values.
static float quantile(const struct og_range_sample *s, double percentile)
{
    double at = percentile / 100.0 * (double)(s->n - 1);
    size_t i = (size_t)at;
    if (i + 1 >= s->n) return s->value[s->n - 1];
    double part = at - (double)i;
    return (float)((1.0 - part) * s->value[i] + part * s->value[i + 1]);
}

// Of mid-rise levels.
static double square_error_between(const struct og_range_sample *s, double clip, int bits)
{
    double most = (double)(1 << (bits - 1)) - 1.0, step = clip / (most + 1.0), sum = 0.0;
    for (size_t i = 0; i < s->n; i++) {
        double code = floor(s->value[i] / step);
        double d = s->value[i] - ((code < most ? code : most) + 0.5) * step;
        sum += d * d;
    }
    return sum;
}

static double square_error(const struct og_range_sample *s, double clip, int bits,
                           enum og_rounding rounding)
{
    if (rounding == OG_MID_RISE) return square_error_between(s, clip, bits);
    double top = bits > 1 ? (double)((1 << (bits - 1)) - 1) : 1.0;
    double step = clip / top, sum = 0.0;
    for (size_t i = 0; i < s->n; i++) {
        double code = rint(s->value[i] / step);
        double d = s->value[i] - (code < top ? code : top) * step;
        sum += d * d;
    }
    return sum;
}

static float best_clip(const struct og_range_sample *s, int bits,
                       enum og_rounding rounding)
{
    double best = DBL_MAX, clip = s->max;
    for (int i = 1; i <= 64; i++) {
        double try = s->max * i / 64.0, error = square_error(s, try, bits, rounding);
        if (error <= best) {
            best = error;
            clip = try;
        }
    }
    return (float)clip;
}

static float range_of(const struct og_hardware *hw, struct og_range_sample *s, int bits)
{
    float range = s->max;
    if (s->n > 0) qsort(s->value, s->n, sizeof *s->value, rising);
    if (s->n > 0 && hw->dac.mode == OG_RANGE_PERCENTILE)
        range = quantile(s, hw->dac.percentile);
    if (s->n > 0 && hw->dac.mode == OG_RANGE_MSE && bits > 0)
        range = best_clip(s, bits, hw->dac.rounding);
    if (range > 0.0f) return range;
    return s->max > 0.0f ? s->max : 1.0f;
}

// --- the passes ----------------------------------------------------------------------

static void free_samples(og_exec *exec)
{
    for (size_t i = 0; i < exec->matrices; i++)
        for (int s = 0; s < OG_SEGMENTS; s++) {
            struct og_range_sample *sample = &exec->matrix[i].sample[s];
            og_free(sample->value);
            og_free(sample->hash);
            *sample = (struct og_range_sample){0};
        }
}

static og_status make_samples(og_exec *exec, struct og_error *err)
{
    for (size_t i = 0; i < exec->matrices; i++) {
        struct og_matrix *m = &exec->matrix[i];
        // Of minmax the largest says it all.
        if (og_exec_hardware(exec, m->node)->dac.mode == OG_RANGE_MINMAX) continue;
        for (int s = 0; s < OG_SEGMENTS; s++) {
            if (!m->calibrated[s]) continue;
            m->sample[s].value = og_alloc(OG_SAMPLE_MAX, sizeof *m->sample[s].value);
            m->sample[s].hash = og_alloc(OG_SAMPLE_MAX, sizeof *m->sample[s].hash);
            if (!m->sample[s].value || !m->sample[s].hash)
                return og_fail(err, OG_NO_MEMORY, "out of memory");
        }
    }
    return OG_OK;
}

// A batch larger than the buffers is taken in parts.
static void pass_over(og_exec *exec, const struct og_batch *batch, enum og_exec_mode mode)
{
    size_t width = og_shape_count(&exec->model->input);
    size_t most =
        exec->batch < OG_BLOCK ? exec->batch : exec->batch / OG_BLOCK * OG_BLOCK;
    for (size_t at = 0, n; at < batch->n; at += n) {
        struct og_batch part = *batch;
        part.n = n = og_exec_part(batch, at, most);
        part.x += at * width;
        part.sample += at;
        exec->observed = at;
        og_exec_pass(exec, &part, mode);
        if (mode == OG_OBSERVE_INPUT && exec->slots)
            og_power_merge(exec, (part.n + OG_BLOCK - 1) / OG_BLOCK, exec->power_total);
    }
}

static void set_ranges(og_exec *exec)
{
    for (size_t i = 0; i < exec->matrices; i++) {
        struct og_matrix *m = &exec->matrix[i];
        const struct og_hardware *hw = og_exec_hardware(exec, m->node);
        for (int s = 0; m->array && s < m->node->linear[m->k].segments; s++) {
            if (m->calibrated[s])
                m->range[s] = range_of(hw, &m->sample[s], m->dac_bits[s]);
            og_array_set_range(m->array, s, m->range[s]);
        }
    }
}

static bool wants_sums(const og_exec *exec)
{
    for (size_t i = 0; i < exec->matrices; i++)
        if (exec->matrix[i].adc_ranges) return true;
    return false;
}

static og_status calibrate_adcs(og_exec *exec, const struct og_batch *batch,
                                struct og_error *err)
{
    const struct og_chip nominal = {.seed = batch->seed};
    OG_TRY(og_exec_put_on(exec, &nominal, err));
    pass_over(exec, batch, OG_OBSERVE_SUM);
    for (size_t i = 0; i < exec->matrices; i++) {
        struct og_matrix *m = &exec->matrix[i];
        if (!m->adc_ranges) continue;
        og_array_calibrate(m->array);
        og_array_get_adc(m->array, m->adc);
    }
    return OG_OK;
}

og_status og_exec_calibrate(og_exec *exec, const struct og_batch *batch,
                            struct og_error *err)
{
    assert(batch->n > 0);
    if (exec->ideal) return OG_OK;
    og_status status = make_samples(exec, err);
    if (status == OG_OK) {
        og_exec_pack(exec);
        for (size_t i = 0; i < exec->slots; i++)
            exec->power_total[i] = (struct og_power_sum){0};
        pass_over(exec, batch, OG_OBSERVE_INPUT);
        for (size_t i = 0; i < exec->slots; i++)
            if (exec->power_total[i].count > 0.0)
                exec->calibration[i] = og_power_of(exec, i, &exec->power_total[i]);
        set_ranges(exec);
        if (wants_sums(exec)) status = calibrate_adcs(exec, batch, err);
    }
    free_samples(exec);
    return status;
}
