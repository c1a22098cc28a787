// SPDX-License-Identifier: GPL-3.0-or-later
// ADC constants of every column, ranges and their calibration.
#include <assert.h>
#include <math.h>
#include <string.h>

#include "ohmgrid/cpu.h"
#include "periphery/adcs.h"
#include "periphery/ramps.h"

extern const struct og_convert_kernels og_convert_plain;
#ifdef OG_X86_KERNELS
extern const struct og_convert_kernels og_convert_avx2, og_convert_avx512;
#endif

const struct og_convert_kernels *og_convert_kernels(void)
{
#ifdef OG_X86_KERNELS
    if (og_cpu_isa() >= OG_ISA_AVX512) return &og_convert_avx512;
    if (og_cpu_isa() == OG_ISA_AVX2) return &og_convert_avx2;
#endif
    return &og_convert_plain;
}

struct og_lanes og_unit_lanes(const struct og_array *a, const struct og_unit *u)
{
    bool spread = a->map.hw.adc.gain > 0 || a->map.hw.adc.offset > 0;
    return (struct og_lanes){
        .inv_lsb = u->lanes,
        .step = u->lanes + a->run,
        .noise_variance = u->lanes + 2 * a->run,
        .gain = spread ? u->lanes + 3 * a->run : NULL,
        .offset = spread ? u->lanes + 4 * a->run : NULL,
    };
}

size_t og_range_of(const struct og_array *a, const struct og_unit *u, size_t j)
{
    size_t unit = (size_t)(u - a->unit);
    switch (a->map.hw.adc.granularity) {
    case OG_PER_LAYER:
        return 0;
    case OG_PER_TILE:
        return unit * a->map.col_tiles + j / a->map.tile_cols;
    case OG_PER_COLUMN:
        return unit * a->map.cols + j;
    case OG_PER_SLICE:
        return (size_t)(u->slice * a->sides + u->side);
    }
    return 0;
}

// Normalised sums are sum (d / d_pass)(e / D_slice), d_pass the largest drive of a pass.
static float drive_of_pass(const struct og_array *a)
{
    if (!og_pulses_apart(a)) return a->d_max;
    float top = 1, digit = (float)((1 << a->digit_bits) - 1);
    float codes = a->map.hw.input.sign == OG_INPUT_OFFSET ? 2 : 1;
    for (size_t i = 0; i < a->map.rows; i++)
        top = fmaxf(top, a->code_gain[i] * fminf(digit, codes * a->code_max[i]));
    return top;
}

double og_worst_case(const struct og_array *a, const struct og_unit *u)
{
    const struct og_device *d = &a->map.hw.device;
    double span = d->g_max - d->g_min, weight = 1;
    if (a->sides == 2) weight = d->g_max / span;
    if (a->map.hw.mapping.scheme == OG_OFFSET &&
        a->map.hw.mapping.reference == OG_REFERENCE_DIGITAL)
        weight = 2 * d->g_max / span;
    bool doubled = a->map.hw.input.sign == OG_INPUT_OFFSET && !og_pulses_apart(a);
    return (double)u->rows * weight * (doubled ? 2 : 1);
}

float og_unit_saturation(const struct og_array *a, const struct og_unit *u)
{
    double part = a->map.hw.integrator.saturation;
    return (float)(part * og_worst_case(a, u)) * drive_of_pass(a) * a->map.D_slice;
}

// The spread of the converters of one unit: gain and offset errors, frozen for a chip.
// The row groups of a tile are converted by the same ones.
static void draw_spread(const struct og_array *a, const struct og_unit *u, float *gain,
                        float *offset)
{
    size_t tile = u->row0 / a->map.tile_rows, slices = (size_t)a->map.slices;
    size_t set = (tile * slices + (size_t)u->slice) * (size_t)a->sides + (size_t)u->side;
    struct og_stream s = og_stream_named(a->chip.seed, OG_CONVERTER, a->chip.trial,
                                         a->shape.layer, (uint32_t)set);
    og_gauss_fill(&s, (struct og_index){a->chip.draw, 0, 0}, 0, gain, a->map.cols);
    og_gauss_fill(&s, (struct og_index){a->chip.draw, 1, 0}, 0, offset, a->map.cols);
    float relative = (float)a->map.hw.adc.gain, lsb = (float)a->map.hw.adc.offset;
    for (size_t j = 0; j < a->map.cols; j++) {
        gain[j] = 1 + relative * gain[j];
        offset[j] =
            u->lanes[j] > 0 ? lsb * offset[j] / u->lanes[j] : 0;  // lanes: 1 / LSB
    }
}

void og_unit_set_lanes(struct og_array *a, struct og_unit *u)
{
    const struct og_hardware *hw = &a->map.hw;
    size_t cols = a->map.cols, run = a->run;
    float *inv = u->lanes, *step = inv + run, *noise = step + run;
    float full = drive_of_pass(a) * a->map.D_slice;
    float weight = og_slice_weight(&a->map, u->slice) * (u->side == 0 ? 1.0f : -1.0f);
    const float *scale = a->group_scale + (size_t)u->group * cols;
    a->lsb_ref = a->limit > 0 ? a->range[0] * full / a->limit : 1;
    u->lsb = INFINITY;
    for (size_t j = 0; j < cols; j++) {
        float lsb = a->limit > 0 ? a->range[og_range_of(a, u, j)] * full / a->limit : 1;
        if (a->ramps != NULL) lsb = og_ramps_lsb(a, j);
        bool gone = og_col_gone(&a->map, (size_t)u->group, j);
        if (a->limit > 0 && !gone) u->lsb = fminf(u->lsb, lsb * scale[j]);
        inv[j] = 1 / lsb;
        step[j] = gone ? 0 : weight * scale[j] * (a->limit > 0 ? lsb / a->lsb_ref : 1);
        if (a->compensation != NULL) step[j] *= a->compensation[j];
        noise[j] = (float)(hw->adc.noise * hw->adc.noise) * lsb * lsb;
        if (a->ramps != NULL) noise[j] += a->ramps->variance[j];
    }
    if (hw->adc.gain > 0 || hw->adc.offset > 0)
        draw_spread(a, u, noise + run, noise + 2 * run);
    if (og_adcs_are_circuits(a)) og_adcs_set(a, u);
    for (int lane = 0; lane < 5; lane++)
        for (size_t k = cols; k < run; k++)
            u->lanes[(size_t)lane * run + k] = u->lanes[(size_t)lane * run + k - cols];
}

// --- calibration ---------------------------------------------------------------------
// Histogram bins are steps of the float format itself: 1/128 of an octave-sized
// relative step from 2^-20 to 2^12, so that no range has to be known beforehand.
enum { BIN_SHIFT = 16, BIN_FIRST = (127 - 20) << 7 };

static size_t bin_of(float v)
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    uint32_t bin = bits >> BIN_SHIFT;
    if (bin < BIN_FIRST) return 0;
    bin -= BIN_FIRST;
    return bin < OG_BINS ? bin : OG_BINS - 1;
}

static float bin_top(size_t bin)
{
    uint32_t bits = (uint32_t)(bin + 1 + BIN_FIRST) << BIN_SHIFT;
    float v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

// What one call sees of one range. Calls of several threads add up in any order, which
// neither a maximum nor integer counts depend on.
struct tally {
    float peak;
    size_t first, last;  // bins in use
    unsigned count[OG_BINS];
};

static void tally_add(struct tally *t, float value)
{
    size_t bin = bin_of(value);
    if (value > t->peak) t->peak = value;
    if (bin < t->first) t->first = bin;
    if (bin > t->last) t->last = bin;
    t->count[bin]++;
}

// Adds it to range k and empties it.
static void tally_move(struct tally *t, struct og_array *a, size_t k)
{
    og_lock(&a->lock);
    if (t->peak > a->peak[k]) a->peak[k] = t->peak;
    for (size_t b = t->first; b <= t->last && a->histogram != NULL; b++)
        a->histogram[k * OG_BINS + b] += t->count[b];
    og_unlock(&a->lock);
    for (size_t b = t->first; b <= t->last; b++) t->count[b] = 0;
    t->peak = 0;
    t->first = OG_BINS;
    t->last = 0;
}

void og_observe_sums(struct og_array *a, const struct og_unit *u, const float *sum,
                     size_t n)
{
    float inv = 1 / (drive_of_pass(a) * a->map.D_slice);
    float most = og_unit_saturation(a, u);
    if (!(most > 0)) most = INFINITY;
    size_t cols = a->map.cols;
    struct tally t = {.first = OG_BINS};
    for (size_t j = 0, end; j < cols; j = end) {
        size_t k = og_range_of(a, u, j);
        for (end = j + 1; end < cols && og_range_of(a, u, end) == k;) end++;
        for (size_t r = 0; r < n; r++)
            for (size_t c = j; c < end; c++) {
                float size = fabsf(sum[r * cols + c]);
                tally_add(&t, (size > most ? most : size) * inv);  // NaN stays
            }
        tally_move(&t, a, k);
    }
}

static float percentile_range(const uint64_t *histogram, double percent)
{
    double total = 0, sum = 0;
    for (size_t b = 0; b < OG_BINS; b++) total += histogram[b];
    for (size_t b = 0; b < OG_BINS; b++) {
        sum += histogram[b];
        if (sum >= total * percent / 100) return bin_top(b);
    }
    return bin_top(OG_BINS - 1);
}

// Count, sum and sum of squares of the observations beyond a bin.
struct tail {
    double n, sum, square;
};

static void tail_add(struct tail *t, const uint64_t *histogram, size_t bin, double sign)
{
    double n = sign * histogram[bin], v = bin_top(bin);
    t->n += n;
    t->sum += n * v;
    t->square += n * v * v;
}

// The full scale r with the smallest sum of squared rounding (LSB^2 / 12 each) and
// clipping errors, sum (v - r)^2 over the tail, among every fourth bin of the top four
// octaves.
static float mse_range(const uint64_t *histogram, float limit)
{
    size_t last = 0;
    double total = 0, best = INFINITY;
    for (size_t b = 0; b < OG_BINS; b++) {
        if (histogram[b] > 0) last = b;
        total += histogram[b];
    }
    size_t top = last > 512 ? last - 512 : 0;
    struct tail beyond = {0, 0, 0};
    for (size_t b = top + 1; b <= last; b++) tail_add(&beyond, histogram, b, 1);
    float range = 0;
    while (top <= last) {
        double r = bin_top(top), lsb = r / limit;
        double clipping = beyond.square - 2 * r * beyond.sum + beyond.n * r * r;
        double error = clipping + (total - beyond.n) * lsb * lsb / 12;
        if (error < best) {
            best = error;
            range = (float)r;
        }
        size_t next = top + 4;
        while (top < next && ++top <= last) tail_add(&beyond, histogram, top, -1);
    }
    return range;
}

static float calibrated_range(const struct og_array *a, size_t k)
{
    const struct og_hardware *hw = &a->map.hw;
    const uint64_t *h = a->histogram == NULL ? NULL : a->histogram + k * OG_BINS;
    float range = hw->adc.mode == OG_RANGE_PERCENTILE
                      ? percentile_range(h, hw->adc.percentile)
                  : hw->adc.mode == OG_RANGE_MSE ? mse_range(h, a->limit)
                                                 : a->peak[k];
    return range > 0 ? range : 1;  // a column that never carried a current
}

void og_array_calibrate(og_array *a)
{
    const struct og_hardware *hw = &a->map.hw;
    bool fixed = hw->adc.mode == OG_RANGE_FIXED;
    if (hw->adc.mode == OG_RANGE_ABSOLUTE) {
        for (size_t k = 0; k < a->ranges; k++) a->range[k] = (float)hw->adc.full_scale;
        return;
    }
    if (fixed || hw->adc.mode == OG_RANGE_WORST_CASE) {
        for (size_t k = 0; k < a->ranges; k++) a->range[k] = 0;
        for (int n = 0; n < a->units; n++) {
            const struct og_unit *u = &a->unit[n];
            float range = (float)(og_worst_case(a, u) * (fixed ? hw->adc.range : 1));
            for (size_t j = 0; j < a->map.cols; j++) {
                size_t k = og_range_of(a, u, j);
                if (range > a->range[k]) a->range[k] = range;
            }
        }
        return;
    }
    for (size_t k = 0; k < a->ranges; k++) {
        if (a->peak[k] > 0) a->range[k] = calibrated_range(a, k);
        a->peak[k] = 0;
    }
    if (a->histogram != NULL)
        memset(a->histogram, 0, a->ranges * OG_BINS * sizeof *a->histogram);
}
