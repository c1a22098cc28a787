// SPDX-License-Identifier: GPL-3.0-or-later
#include "periphery/adc.h"

#include <math.h>
#include <string.h>

#include "base/elementary.h"

// --- circuits ------------------------------------------------------------------------

static bool is_sar(const struct og_hardware *hw)
{
    return hw->adc.kind != OG_ADC_PIPELINE && hw->adc.kind != OG_ADC_CYCLIC;
}

int og_adc_weight(const struct og_hardware *hw, int step)
{
    int bits = hw->adc.bits;
    if (is_sar(hw)) return 1 << (bits - 1 - step);
    return step < bits - 1 ? 1 << (bits - 2 - step) : 1;
}

// Of a capacitor of n units, whose errors average.
static double capacitor(const struct og_hardware *hw, const float *z, double n)
{
    return n * (1 + (z == NULL ? 0 : hw->adc.circuit.capacitor * *z / sqrt(n)));
}

static double comparator(const struct og_hardware *hw, const float *z)
{
    return z == NULL ? 0 : hw->adc.circuit.comparator * *z;
}

// Draws: capacitors from the largest on, that at the end, the comparator. The residue is
// the input above the level of the word so far and half of what is left, so that what is
// close to a decision stays small and keeps all its digits.
static void make_sar(const struct og_hardware *hw, const float *z,
                     struct og_adc_circuit *c)
{
    double total = capacitor(hw, z == NULL ? NULL : z + c->steps, 1), share[OG_ADC_STEPS];
    double offset = comparator(hw, z == NULL ? NULL : z + c->steps + 1);
    for (int i = 0; i < c->steps; i++)
        total += share[i] =
            capacitor(hw, z == NULL ? NULL : z + i, (double)og_adc_weight(hw, i));
    for (int i = 0; i < c->steps; i++) {
        double level = 2 * share[i] / total, left = ldexp(1, -i);
        c->step[i] = (struct og_adc_step){
            .lo = (float)(level - left + offset),
            .hi = INFINITY,
            .gain = 1,
            .shift = {(float)(left / 2), (float)(left / 2 - level), 0},
        };
    }
}

// Draws of a stage: both capacitors, both comparators.
static struct og_adc_step make_stage(const struct og_hardware *hw, const float *z)
{
    double ratio = capacitor(hw, z, 1) / capacitor(hw, z == NULL ? NULL : z + 1, 1);
    double decibels = hw->adc.circuit.amplifier_gain;
    double loss = decibels > 0 ? (1 + ratio) * og_pow(10, -decibels / 20) : 0;
    float step = (float)(ratio / (1 + loss));
    return (struct og_adc_step){
        .lo = (float)(-0.25 + comparator(hw, z == NULL ? NULL : z + 2)),
        .hi = (float)(0.25 + comparator(hw, z == NULL ? NULL : z + 3)),
        .gain = (float)((1 + ratio) / (1 + loss)),
        .shift = {step, 0, -step},
    };
}

static void make_stages(const struct og_hardware *hw, const float *z,
                        struct og_adc_circuit *c)
{
    for (int i = 0; i < c->steps - 1; i++) {
        int stage = hw->adc.kind == OG_ADC_CYCLIC ? 0 : i;
        c->step[i] = make_stage(hw, z == NULL ? NULL : z + 4 * stage);
    }
    const float *last = z == NULL ? NULL : z + 4 * (c->steps - 1);
    c->step[c->steps - 1] = (struct og_adc_step){
        .lo = (float)comparator(hw, last), .hi = INFINITY, .gain = 1};
}

void og_adc_make(const struct og_hardware *hw, const float *z, struct og_adc_circuit *c)
{
    c->steps = hw->adc.bits;
    if (is_sar(hw))
        make_sar(hw, og_adc_is_circuit(hw) ? z : NULL, c);
    else
        make_stages(hw, z, c);
}

void og_adc_make_slope(const struct og_hardware *hw, float *level)
{
    size_t words = (size_t)1 << hw->adc.bits;
    double decibels = hw->adc.circuit.amplifier_gain, total = 0, above = 0;
    double follower = decibels > 0 ? 1 / (1 + og_pow(10, -decibels / 20)) : 1;
    for (size_t k = 0; k < words; k++) total += capacitor(hw, &level[k], 1);
    for (size_t k = words - 1; k > 0;
         k--) {  // from above: normals below are still needed
        above += capacitor(hw, &level[k], 1);
        level[k] = (float)((1 - 2 * above / total) * follower);
    }
    level[0] = -INFINITY;
}

// --- figures -------------------------------------------------------------------------

// Inputs beyond full scale still move the outer transitions of a converter with offset.
static const double reach = 2;

// Moments of code and input (of amplitude 1) under a sine, and the width of each code.
struct characteristic {
    const struct og_hardware *hw;
    const struct og_adc_circuit *circuit;
    int first;         // words below are read as this one
    double amplitude;  // of the sine, in units of the reference
    double *width;     // [2^bits], in units of the reference
    double y, yy, xy;
};

static double clamped(double x) { return x < -1 ? -1 : x > 1 ? 1 : x; }

// The inputs from a to b give word k. Of a sine of amplitude 1, with its density of
// 1 / (pi sqrt(1 - x^2)), they are the share arccos a - arccos b, over which x sums to
// sqrt(1 - a^2) - sqrt(1 - b^2), both over pi.
static void add_interval(struct characteristic *t, double a, double b, int k)
{
    if (k < t->first) k = t->first;
    t->width[k] += b - a;
    a = clamped(a / t->amplitude);
    b = clamped(b / t->amplitude);
    if (!(b > a)) return;
    double share = (og_acos(a) - og_acos(b)) / M_PI, y = k;
    t->y += share * y;
    t->yy += share * y * y;
    t->xy += y * (sqrt(1 - a * a) - sqrt(1 - b * b)) / M_PI;
}

// Inputs from a to b come to step i as gain x + shift, and k is their word so far.
struct piece {
    double a, b, gain, shift;
    int k;
};

static void follow(struct characteristic *t, int i, struct piece p)
{
    if (i == t->circuit->steps) {
        add_interval(t, p.a, p.b, p.k);
        return;
    }
    const struct og_adc_step *s = &t->circuit->step[i];
    double lo = ((double)s->lo - p.shift) / p.gain;
    double hi = ((double)s->hi - p.shift) / p.gain;
    double cut[4] = {p.a, fmin(lo, hi), fmax(lo, hi), p.b};
    for (int part = 0; part < 3; part++) {
        double a = fmax(cut[part], p.a), b = fmin(cut[part + 1], p.b);
        if (!(b > a)) continue;
        bool above_lo = part == 2 || (part == 1 && lo < hi);
        bool above_hi = part == 2 || (part == 1 && hi < lo);
        double shift = (double)s->shift[above_hi ? 2 : above_lo];
        int weight = og_adc_weight(t->hw, i);
        follow(t, i + 1,
               (struct piece){a, b, (double)s->gain * p.gain,
                              (double)s->gain * p.shift + shift,
                              p.k + (above_lo + above_hi) * weight});
    }
}

// About the line through the first and the last transition, whose distance is that of so
// many widths of code.
static void linearity(const struct characteristic *t, struct og_adc_figures *f)
{
    int last = (1 << t->hw->adc.bits) - 1, inner = last - t->first - 1;
    double sum = 0, at = 0;
    for (int k = t->first + 1; k < last; k++) sum += t->width[k];
    if (inner > 0 && !(sum > 0)) {  // none but the outermost codes is left
        f->dnl = 1;
        f->inl = inner;
        return;
    }
    for (int k = t->first + 1; k < last; k++) {
        double width = t->width[k] / sum * inner;
        at += width;
        f->dnl = fmax(f->dnl, fabs(width - 1));
        f->inl = fmax(f->inl, fabs(at - (k - t->first)));
    }
}

static struct characteristic start(const struct og_hardware *hw, double *memory)
{
    bool mid_tread = hw->adc.rounding == OG_MID_TREAD;
    memset(memory, 0, sizeof *memory << hw->adc.bits);
    return (struct characteristic){
        .hw = hw,
        .first = mid_tread ? 1 : 0,
        .amplitude = mid_tread ? 1 - ldexp(1, -hw->adc.bits) : 1,
        .width = memory,
    };
}

// Half a step is added to the input of mid-tread converters; see kernel_convert.c.
static double half_step(const struct og_hardware *hw)
{
    return hw->adc.rounding == OG_MID_TREAD ? ldexp(0.5, 1 - hw->adc.bits) : 0;
}

static struct og_adc_figures figures_of(const struct characteristic *t, double noise)
{
    struct og_adc_figures f = {0};
    linearity(t, &f);
    double slope = t->xy / 0.5, rest = t->yy - t->y * t->y - slope * slope * 0.5;
    f.enob = t->hw->adc.bits - 0.5 * og_log2(12 * (rest + noise * noise));
    return f;
}

struct og_adc_figures og_adc_measure(const struct og_hardware *hw,
                                     const struct og_adc_circuit *c, double noise,
                                     double *memory)
{
    struct characteristic t = start(hw, memory);
    t.circuit = c;
    follow(&t, 0, (struct piece){-reach, reach, 1, half_step(hw), 0});
    return figures_of(&t, noise);
}

struct og_adc_figures og_adc_measure_slope(const struct og_hardware *hw,
                                           const float *level, double offset,
                                           double noise, double *memory)
{
    struct characteristic t = start(hw, memory);
    int words = 1 << hw->adc.bits;
    double from = -reach, shift = offset - half_step(hw);
    for (int k = 0; k < words; k++) {
        double to = k + 1 < words ? (double)level[k + 1] + shift : reach;
        to = fmax(from, fmin(reach, to));
        add_interval(&t, from, to, k);
        from = to;
    }
    return figures_of(&t, noise);
}
