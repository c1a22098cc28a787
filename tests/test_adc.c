// SPDX-License-Identifier: GPL-3.0-or-later
// Converters as circuits, decision by decision against their textbook form, and their
// figures against closed forms, dense ramps and sampled sines.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "base/mem.h"
#include "ohmgrid/cpu.h"
#include "ohmgrid/random.h"
#include "periphery/adc.h"
#include "periphery/kernels.h"

static const enum og_adc_kind kinds[] = {OG_ADC_SAR, OG_ADC_PIPELINE, OG_ADC_CYCLIC};
enum { KINDS = 3 };

static struct og_hardware adc_of(enum og_adc_kind kind, int bits,
                                 enum og_rounding rounding)
{
    struct og_hardware hw = og_hardware_default();
    hw.adc.kind = kind;
    hw.adc.bits = bits;
    hw.adc.rounding = rounding;
    return hw;
}

static struct og_hardware spoilt(enum og_adc_kind kind, int bits,
                                 enum og_rounding rounding)
{
    struct og_hardware hw = adc_of(kind, bits, rounding);
    hw.adc.circuit.capacitor = 0.02;
    hw.adc.circuit.comparator = 0.03;
    if (kind != OG_ADC_SAR) hw.adc.circuit.amplifier_gain = 40;
    return hw;
}

static void draws(float *z, uint64_t seed)
{
    struct og_stream s = og_stream_named(seed, OG_CONVERTER, 0, 0, 0);
    og_gauss_fill(&s, (struct og_index){0, 0, 0}, 0, z, OG_ADC_DRAWS);
}

// The kernel on x [LSB], with these steps.
static void convert_by(const struct og_hardware *hw, const struct og_steps *steps,
                       const float *x, size_t n, float *code)
{
    const bool rise = hw->adc.rounding == OG_MID_RISE;
    const float words = (float)(1 << (hw->adc.bits - 1));
    float *one = og_alloc(n, sizeof *one);
    float *scratch = og_alloc(og_convert_scratch(n), sizeof *scratch);
    for (size_t j = 0; j < n; j++) one[j] = 1;
    const struct og_convert io = {.lanes = {.inv_lsb = one, .step = one},
                                  .cols = n,
                                  .limit = rise ? words : words - 1,
                                  .mid_rise = rise,
                                  .steps = steps,
                                  .begin = true,
                                  .weight = 1,
                                  .scale = 1,
                                  .sum = x,
                                  .out = code};
    og_convert_kernels()->convert(&io, n, scratch);
    og_free(one);
    og_free(scratch);
}

// Codes of x [LSB], as many as there are, through the kernel; all lanes have one circuit.
static void convert(const struct og_hardware *hw, const struct og_adc_circuit *c,
                    const float *x, size_t n, float *code)
{
    const bool rise = hw->adc.rounding == OG_MID_RISE;
    const float words = (float)(1 << (hw->adc.bits - 1));
    float *lanes = og_alloc(6 * (size_t)c->steps * n, sizeof *lanes), *to = lanes;
    for (int k = 0; k < c->steps; k++) {
        const struct og_adc_step *s = &c->step[k];
        const float value[6] = {s->lo,       s->hi,       s->gain,
                                s->shift[0], s->shift[1], s->shift[2]};
        for (int v = 0; v < 6; v++)
            for (size_t j = 0; j < n; j++) *to++ = value[v];
    }
    struct og_steps steps = {.n = c->steps,
                             .stride = n,
                             .constants = lanes,
                             .per_lsb = 1 / words,
                             .half = rise ? 0 : 0.5f,
                             .first = -words + (rise ? 0.5f : 0),
                             .lowest = -words + (rise ? 0.5f : 1)};
    for (int k = 0; k < c->steps; k++) steps.weight[k] = (float)og_adc_weight(hw, k);
    convert_by(hw, &steps, x, n, code);
    og_free(lanes);
}

// --- decisions ------------------------------------------------------------------------

static double ideal(const struct og_hardware *hw, double x)
{
    double words = 1 << (hw->adc.bits - 1);
    if (hw->adc.rounding == OG_MID_RISE)
        return fmax(-words, fmin(words - 1, floor(x))) + 0.5;
    return fmax(1 - words, fmin(words - 1, floor(x + 0.5)));
}

// Every edge, 2^-22 of the reference on both sides of it (residues of floats are known to
// 2^-24), the middles, and far beyond.
static void without_errors_codes_are_the_nearest(void **state)
{
    (void)state;
    enum { BITS = 10, N = 4 * (1 << BITS) + 4 };
    static float x[N], code[N];
    enum og_isa before = og_cpu_isa();
    for (int isa = 0; isa < OG_ISA_COUNT; isa++)
        for (int kind = 0; kind < KINDS; kind++)
            for (int rounding = 0; rounding < 2; rounding++)
                for (int bits = 2 - rounding; bits <= BITS; bits++) {
                    if (!og_cpu_use((enum og_isa)isa)) continue;
                    struct og_hardware hw =
                        adc_of(kinds[kind], bits, (enum og_rounding)rounding);
                    struct og_adc_circuit c;
                    size_t n = 0;
                    const float near = ldexpf(1, bits - 1 - 22);
                    for (int k = -(1 << (bits - 1)); k <= 1 << (bits - 1); k++) {
                        float edge = (float)k + (rounding == OG_MID_RISE ? 0 : 0.5f);
                        x[n++] = edge;
                        x[n++] = edge - near;
                        x[n++] = edge + near;
                        x[n++] = edge + 0.5f;
                    }
                    x[n - 1] = INFINITY, x[0] = -1e9f;
                    og_adc_make(&hw, NULL, &c);
                    convert(&hw, &c, x, n, code);
                    for (size_t j = 0; j < n; j++) {
                        if (code[j] != (float)ideal(&hw, (double)x[j]))
                            fail_msg("kind %d, %d bits: %.9g is read as %g", kinds[kind],
                                     bits, x[j], code[j]);
                    }
                }
    og_cpu_use(before);
}

// The comparators of a stage decide at a quarter of the reference; either decision there
// leads to the same code, since the next stages know.
static void a_quarter_of_the_reference_is_read_right(void **state)
{
    (void)state;
    for (int kind = 1; kind < KINDS; kind++)
        for (int bits = 3; bits <= 12; bits++)
            for (int sign = -1; sign <= 1; sign += 2) {
                struct og_hardware hw = adc_of(kinds[kind], bits, OG_MID_RISE);
                const float quarter = (float)(sign * (1 << (bits - 1)) / 4.0);
                const float x[3] = {quarter, nextafterf(quarter, -1e9f),
                                    nextafterf(quarter, 1e9f)};
                float code[3];
                struct og_adc_circuit c;
                og_adc_make(&hw, NULL, &c);
                convert(&hw, &c, x, 3, code);
                for (int k = 0; k < 3; k++) assert_true(code[k] == floorf(x[k]) + 0.5f);
                // The other decision at the very same input.
                c.step[0].lo = nextafterf(c.step[0].lo, 1);
                c.step[0].hi = nextafterf(c.step[0].hi, 1);
                convert(&hw, &c, x, 3, code);
                for (int k = 0; k < 3; k++) assert_true(code[k] == floorf(x[k]) + 0.5f);
            }
}

// Redundancy: offsets of stage comparators below a quarter change no code.
static void stages_forgive_offsets_of_comparators(void **state)
{
    (void)state;
    enum { BITS = 9, N = 4001 };
    static float x[N], code[N];
    float z[OG_ADC_DRAWS];
    draws(z, 3);
    struct og_hardware hw = adc_of(OG_ADC_PIPELINE, BITS, OG_MID_TREAD);
    struct og_adc_circuit c;
    hw.adc.circuit.comparator = 0.09;  // of 16 offsets the largest is below 0.25
    for (int k = 0; k < 4 * (BITS - 1); k++) assert_true(0.09 * fabs(z[k]) < 0.25);
    z[4 * (BITS - 1)] = 0;  // the last comparator has nobody behind it
    og_adc_make(&hw, z, &c);
    for (size_t j = 0; j < N; j++) x[j] = (float)((double)j / (N - 1) * 2 - 1) * 255.4f;
    convert(&hw, &c, x, N, code);
    for (size_t j = 0; j < N; j++) {
        double word = x[j] + 0.5;
        if (fabs(word - rint(word)) > 1e-3)
            assert_true(code[j] == (float)ideal(&hw, (double)x[j]));
    }
}

static double unit(const struct og_hardware *hw, float z, double n)
{
    return n + hw->adc.circuit.capacitor * (double)z * sqrt(n);
}

// A comparator and a capacitor DAC, whose level of each trial word is added up anew.
static int sar_word(const struct og_hardware *hw, const float *z, double v)
{
    const int bits = hw->adc.bits;
    int word = 0;
    for (int b = bits - 1; b >= 0; b--) {
        int trial = word | 1 << b;
        double level = 0, total = unit(hw, z[bits], 1);
        for (int k = 0; k < bits; k++) {
            double c = unit(hw, z[bits - 1 - k], 1 << k);
            total += c;
            level += trial >> k & 1 ? c : 0;
        }
        double offset = hw->adc.circuit.comparator * (double)z[bits + 1];
        if (v >= 2 * level / total - 1 + offset) word = trial;
    }
    return word;
}

// Stages with d = -1, 0, 1 and a flip-around amplifier, then the sign.
static int pipeline_word(const struct og_hardware *hw, const float *z, double v)
{
    const int bits = hw->adc.bits;
    const double offset = hw->adc.circuit.comparator;
    const double A = pow(10, hw->adc.circuit.amplifier_gain / 20);
    int word = 1 << (bits - 1);
    for (int s = 0; s < bits - 1; s++) {
        const float *own = hw->adc.kind == OG_ADC_CYCLIC ? z : z + 4 * s;
        double sample = unit(hw, own[0], 1), feedback = unit(hw, own[1], 1);
        int d = v >= 0.25 + offset * (double)own[3]    ? 1
                : v >= -0.25 + offset * (double)own[2] ? 0
                                                       : -1;
        double beta = feedback / (feedback + sample);
        v = (v * (1 + sample / feedback) - d * sample / feedback) / (1 + 1 / (A * beta));
        word += d * (1 << (bits - 2 - s));
    }
    return word - (v < offset * (double)z[4 * (bits - 1)]);
}

static void decisions_are_those_of_the_textbook(void **state)
{
    (void)state;
    enum { N = 3000 };
    static float x[N], code[N];
    for (int kind = 0; kind < KINDS; kind++)
        for (int bits = 2; bits <= 12; bits += 5) {
            struct og_hardware hw = spoilt(kinds[kind], bits, OG_MID_RISE);
            struct og_adc_circuit c;
            float z[OG_ADC_DRAWS];
            size_t different = 0, wrong = 0;
            draws(z, 40 + (uint64_t)bits);
            og_adc_make(&hw, z, &c);
            const float words = (float)(1 << (bits - 1));
            for (size_t j = 0; j < N; j++)
                x[j] = ((float)j / (N - 1) * 2.2f - 1.1f) * words;
            convert(&hw, &c, x, N, code);
            for (size_t j = 0; j < N; j++) {
                double v = (double)x[j] / (double)words;
                int word = kind == 0 ? sar_word(&hw, z, v) : pipeline_word(&hw, z, v);
                different += code[j] != (float)word - words + 0.5f;
                wrong += code[j] != (float)ideal(&hw, (double)x[j]);
            }
            // Rounding to floats decides otherwise within 1e-6 of an edge.
            assert_true(different <= N / 500);
            assert_true(wrong > N / 200);
        }
}

// --- slopes ---------------------------------------------------------------------------

// Codes of x [LSB] on one slope.
static void convert_on_slope(const struct og_hardware *hw, const float *level,
                             float offset, const float *x, size_t n, float *code)
{
    const bool rise = hw->adc.rounding == OG_MID_RISE;
    const float words = (float)(1 << (hw->adc.bits - 1));
    float *offsets = og_alloc(n, sizeof *offsets);
    int32_t *table = og_alloc(n, sizeof *table);
    for (size_t j = 0; j < n; j++) offsets[j] = offset;
    const struct og_steps steps = {.n = hw->adc.bits,
                                   .per_lsb = 1 / words,
                                   .half = rise ? 0 : 0.5f,
                                   .first = -words + (rise ? 0.5f : 0),
                                   .lowest = -words + (rise ? 0.5f : 1),
                                   .levels = level,
                                   .offset = offsets,
                                   .table = table};
    convert_by(hw, &steps, x, n, code);
    og_free(offsets);
    og_free(table);
}

// Counts up until the staircase is above v; z: errors of its steps.
static int count_up(const struct og_hardware *hw, const float *z, double v, double offset)
{
    const int words = 1 << hw->adc.bits;
    const double decibels = hw->adc.circuit.amplifier_gain;
    const double loss = decibels > 0 ? pow(10, -decibels / 20) : 0;
    double total = 0, sum = 0;
    for (int k = 0; k < words; k++) total += unit(hw, z[k], 1);
    for (int word = 0; word < words - 1; word++) {
        sum += unit(hw, z[word], 1);
        if (v < (2 * sum / total - 1) / (1 + loss) + offset) return word;
    }
    return words - 1;
}

static void slopes_stop_where_they_pass_the_input(void **state)
{
    (void)state;
    enum { BITS = 7, WORDS = 1 << BITS, INPUTS = 3000 };
    static float x[INPUTS], code[INPUTS], level[WORDS], z[WORDS];
    struct og_stream s = og_stream_named(9, OG_CONVERTER, 0, 0, 0);
    og_gauss_fill(&s, (struct og_index){0, 0, 0}, 0, z, WORDS);
    for (int spoil = 0; spoil < 2; spoil++)
        for (int rounding = 0; rounding < 2; rounding++) {
            struct og_hardware hw =
                adc_of(OG_ADC_SINGLE_SLOPE, BITS, (enum og_rounding)rounding);
            const float offset = spoil ? 0.04f : 0;
            const double half = rounding == OG_MID_TREAD ? 0.5 : 0;
            size_t different = 0, wrong = 0;
            if (spoil) hw.adc.circuit.capacitor = 0.1, hw.adc.circuit.amplifier_gain = 30;
            memcpy(level, z, sizeof z);
            og_adc_make_slope(&hw, level);
            for (size_t j = 0; j < INPUTS; j++)
                x[j] = ((float)j / (INPUTS - 1) * 2.2f - 1.1f) * WORDS / 2;
            convert_on_slope(&hw, level, offset, x, INPUTS, code);
            for (size_t j = 0; j < INPUTS; j++) {
                double v = ((double)x[j] + half) * 2 / WORDS;
                double word = count_up(&hw, z, v, (double)offset);
                if (rounding == OG_MID_TREAD) word = fmax(word, 1);
                different += (double)code[j] != word - WORDS / 2 + 0.5 - half;
                wrong += code[j] != (float)ideal(&hw, (double)x[j]);
            }
            // Rounding to floats decides otherwise within 1e-6 of an edge.
            assert_true(different <= INPUTS / 500);
            assert_true(spoil ? wrong > INPUTS / 2 : wrong <= INPUTS / 500);
        }
}

// Codes 1 .. 62 between the outermost: 32 capacitors are 5 % too large, 30 too small.
// Neither a follower nor an offset is a nonlinearity.
static void figures_of_slopes(void **state)
{
    (void)state;
    enum { BITS = 6, WORDS = 1 << BITS };
    static float level[WORDS];
    static double memory[WORDS];
    struct og_hardware hw = adc_of(OG_ADC_SINGLE_SLOPE, BITS, OG_MID_RISE);
    hw.adc.circuit.capacitor = 0.05;
    hw.adc.circuit.amplifier_gain = 60;
    for (int k = 0; k < WORDS; k++) level[k] = k <= 32 ? 1 : -1;
    og_adc_make_slope(&hw, level);
    const double mean = (32 * 1.05 + 30 * 0.95) / 62;
    struct og_adc_figures f = og_adc_measure_slope(&hw, level, 0.01, 0, memory);
    assert_true(fabs(f.inl - 32 * (1.05 / mean - 1)) < 1e-3);
    assert_true(fabs(f.dnl - (1 - 0.95 / mean)) < 1e-3);
    memset(level, 0, sizeof level);
    og_adc_make_slope(&hw, level);
    f = og_adc_measure_slope(&hw, level, 0, 0, memory);
    assert_true(f.inl < 1e-4 && f.dnl < 1e-4 && fabs(f.enob - BITS) < 0.1);
}

// --- figures --------------------------------------------------------------------------

static struct og_adc_figures measure(const struct og_hardware *hw, const float *z,
                                     double noise)
{
    struct og_adc_circuit c;
    double *memory = og_alloc((size_t)1 << hw->adc.bits, sizeof *memory);
    og_adc_make(hw, z, &c);
    struct og_adc_figures f = og_adc_measure(hw, &c, noise, memory);
    og_free(memory);
    return f;
}

// An ideal converter has the bits that it has, and noise of LSB / sqrt 12 takes half a
// bit of them.
static void ideal_converters_lose_nothing(void **state)
{
    (void)state;
    for (int kind = 0; kind < KINDS; kind++)
        for (int rounding = 0; rounding < 2; rounding++)
            for (int bits = 4; bits <= 12; bits += 4) {
                struct og_hardware hw =
                    adc_of(kinds[kind], bits, (enum og_rounding)rounding);
                struct og_adc_figures f = measure(&hw, NULL, 0);
                assert_true(f.inl < 1e-4 && f.dnl < 1e-4);
                assert_true(fabs(f.enob - bits) < (bits == 4 ? 0.2 : 0.03));
                f = measure(&hw, NULL, sqrt(1 / 12.0));
                assert_true(fabs(f.enob - bits + 0.5) < (bits == 4 ? 0.1 : 0.02));
            }
}

// The largest capacitor is too large by e: in units of the smallest, codes below the
// middle keep their width, that before the middle gets 2^(bits - 1) e more.
static void the_middle_of_a_sar_takes_the_error_of_its_largest(void **state)
{
    (void)state;
    for (int bits = 4; bits <= 10; bits += 3)
        for (int sign = -1; sign <= 1; sign += 2) {
            struct og_hardware hw = adc_of(OG_ADC_SAR, bits, OG_MID_RISE);
            float z[OG_ADC_DRAWS] = {(float)sign};
            const double half = 1 << (bits - 1), more = sign * 0.02 * sqrt(half);
            const double codes = 2 * half - 2, lsb = (codes + more) / codes;
            hw.adc.circuit.capacitor = 0.02;
            struct og_adc_figures f = measure(&hw, z, 0);
            // Of 2^bits - 2 codes, half - 1 are below the one that is wider.
            const double inl = fabs((half - 2) / lsb - (half - 2));
            const double dnl = fmax(fabs((1 + more) / lsb - 1), fabs(1 / lsb - 1));
            assert_true(fabs(f.dnl - dnl) < 1e-4);
            assert_true(fabs(f.inl - fmax(inl, fabs(inl - dnl))) < 1e-3);
        }
}

// A common offset moves all transitions and is no nonlinearity.
static void offsets_are_no_nonlinearity(void **state)
{
    (void)state;
    struct og_hardware hw = adc_of(OG_ADC_SAR, 8, OG_MID_TREAD);
    float z[OG_ADC_DRAWS] = {0};
    z[9] = 1;
    hw.adc.circuit.comparator = 0.1;  // 12.8 LSB
    struct og_adc_figures f = measure(&hw, z, 0);
    assert_true(f.inl < 1e-4 && f.dnl < 1e-4 && f.enob < 7);  // but the sine is cut off
}

// Widths of codes, by a dense ramp through the kernel.
static void compare_with_ramp(const struct og_hardware *hw, const float *z)
{
    enum { DENSE = 200, REACH = 2 };
    const int words = 1 << hw->adc.bits, first = hw->adc.rounding == OG_MID_TREAD;
    const size_t n = (size_t)(words * DENSE * REACH);
    float *x = og_alloc(n, sizeof *x), *code = og_alloc(n, sizeof *code);
    double *width = og_alloc((size_t)words, sizeof *width), sum = 0, at = 0;
    struct og_adc_figures want = {0}, got = measure(hw, z, 0);
    struct og_adc_circuit c;
    og_adc_make(hw, z, &c);
    for (size_t j = 0; j < n; j++)
        x[j] = (float)(((double)j + 0.5) / DENSE - words / 2.0 * REACH);
    convert(hw, &c, x, n, code);
    for (size_t j = 0; j < n; j++) width[(int)floorf(code[j]) + words / 2] += 1.0 / DENSE;
    for (int k = first + 1; k < words - 1; k++) sum += width[k];
    for (int k = first + 1; k < words - 1; k++) {
        double w = width[k] / sum * (words - 2 - first);
        at += w;
        want.dnl = fmax(want.dnl, fabs(w - 1));
        want.inl = fmax(want.inl, fabs(at - (k - first)));
    }
    if (!(fabs(got.dnl - want.dnl) < 0.03 && fabs(got.inl - want.inl) < 0.05))
        fail_msg("inl %g, not %g; dnl %g, not %g", got.inl, want.inl, got.dnl, want.dnl);
    og_free(x);
    og_free(code);
    og_free(width);
}

// The best fit of a sampled sine, its frequency being known (IEEE Std 1241).
static void compare_with_sine(const struct og_hardware *hw, const float *z)
{
    enum { N = 1 << 15, PERIODS = 1237 };
    static float x[N], code[N];
    const double words = 1 << (hw->adc.bits - 1);
    const double top = hw->adc.rounding == OG_MID_TREAD ? words - 0.5 : words;
    double sum = 0, sine = 0, cosine = 0, square = 0;
    struct og_adc_circuit c;
    og_adc_make(hw, z, &c);
    for (size_t j = 0; j < N; j++)
        x[j] = (float)(top * sin(2 * M_PI * PERIODS * (double)j / N));
    convert(hw, &c, x, N, code);
    for (size_t j = 0; j < N; j++) {
        double phase = 2 * M_PI * PERIODS * (double)j / N, y = (double)code[j];
        sum += y / N;
        square += y * y / N;
        sine += 2 * y * sin(phase) / N;
        cosine += 2 * y * cos(phase) / N;
    }
    double rest = square - sum * sum - (sine * sine + cosine * cosine) / 2;
    double enob = hw->adc.bits - log2(sqrt(12 * rest));
    struct og_adc_figures got = measure(hw, z, 0);
    if (!(fabs(got.enob - enob) < 0.03)) fail_msg("enob %g, not %g", got.enob, enob);
    assert_true(enob < hw->adc.bits);
}

static void figures_are_those_of_the_codes(void **state)
{
    (void)state;
    for (int kind = 0; kind < KINDS; kind++)
        for (uint64_t seed = 0; seed < 6; seed++) {
            float z[OG_ADC_DRAWS];
            draws(z, seed);
            struct og_hardware hw =
                spoilt(kinds[kind], 5 + (int)seed / 2, (enum og_rounding)(seed % 2));
            compare_with_ramp(&hw, z);
            compare_with_sine(&hw, z);
        }
}

// Nothing but its outermost codes is left of a converter: no figure is made of 0 / 0.
static void missing_codes_have_figures(void **state)
{
    (void)state;
    struct og_hardware hw = adc_of(OG_ADC_PIPELINE, 2, OG_MID_TREAD);
    float z[OG_ADC_DRAWS] = {0};
    hw.adc.circuit.comparator = 1;
    z[2] = z[3] = 3;  // the stage never gives more than -1
    z[4] = -3;
    struct og_adc_figures f = measure(&hw, z, 0);
    assert_true(f.dnl == 1 && f.inl == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_errors_codes_are_the_nearest),
        cmocka_unit_test(a_quarter_of_the_reference_is_read_right),
        cmocka_unit_test(stages_forgive_offsets_of_comparators),
        cmocka_unit_test(decisions_are_those_of_the_textbook),
        cmocka_unit_test(slopes_stop_where_they_pass_the_input),
        cmocka_unit_test(figures_of_slopes),
        cmocka_unit_test(ideal_converters_lose_nothing),
        cmocka_unit_test(the_middle_of_a_sar_takes_the_error_of_its_largest),
        cmocka_unit_test(offsets_are_no_nonlinearity),
        cmocka_unit_test(figures_are_those_of_the_codes),
        cmocka_unit_test(missing_codes_have_figures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
