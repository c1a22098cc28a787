// SPDX-License-Identifier: GPL-3.0-or-later
// Column sums -> noise -> ADC -> digital sum. Elementwise, so every instruction set gives
// the same bits; compiled once for each (OG_CONVERT_TABLE names its table).
//
// Level counts of linear converters. Mid-tread: codes -L..L, L = 2^(bits-1) - 1, edges at
// odd half steps, ties to even. Mid-rise: codes -2^(bits-1) .. 2^(bits-1) - 1, read in
// the middle of their step, edges at whole steps, an edge belongs to the step above it.
// Circuits (adc.h) have the same levels; all their edges belong to the step above.
#include <math.h>

#include "periphery/kernels.h"

// Nearest integer, ties to even, for |x| < 2^22: adding 1.5 * 2^23 leaves no fraction
// bits.
static inline float nearest_even(float x)
{
    const float shift = 12582912.0f;
    return (x + shift) - shift;
}

static inline float clamp(float x, float limit)
{
    x = x > limit ? limit : x;
    return x < -limit ? -limit : x;
}

// --- DAC -----------------------------------------------------------------------------

static void dac_run(const struct og_dac_io *io, size_t at, size_t n,
                    const float *restrict x)
{
    float *restrict codes = io->codes + at;
    float per_x = io->per_x, limit = io->limit;
    if (limit > 0)
        for (size_t i = 0; i < n; i++)
            codes[i] = nearest_even(clamp(x[i] * per_x, limit));
    else
        for (size_t i = 0; i < n; i++) codes[i] = x[i] * per_x;
    if (io->x_hat != NULL) {
        float *restrict x_hat = io->x_hat + at, step = io->step;
        for (size_t i = 0; i < n; i++) x_hat[i] = codes[i] * step;
    }
    if (io->kept != NULL) {
        int16_t *restrict kept = io->kept + at;
        for (size_t i = 0; i < n; i++)  // NaN has no integer; it shows in the sums
            kept[i] = (int16_t)(codes[i] == codes[i] ? codes[i] : 0);
    }
    if (io->clipped != NULL) {
        uint8_t *restrict clipped = io->clipped + at;
        float range = limit > 0 ? io->range : INFINITY;
        for (size_t i = 0; i < n; i++) clipped[i] = fabsf(x[i]) > range;
    }
}

// Rows that follow each other are cut into runs that stay in the first-level cache.
static void dac(const struct og_dac_io *io)
{
    enum { RUN = 2048 };
    bool whole = io->ldx == io->width && io->ld == io->width;
    size_t rows = whole ? 1 : io->rows, width = whole ? io->rows * io->width : io->width;
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < width; i += RUN) {
            size_t n = width - i < RUN ? width - i : RUN;
            dac_run(io, r * io->ld + i, n, io->x + r * io->ldx + i);
        }
}

static void decode(const int16_t *codes, size_t rows, size_t width, size_t ld, float step,
                   float *x)
{
    bool whole = ld == width;
    size_t runs = whole ? 1 : rows, n = whole ? rows * width : width;
    for (size_t r = 0; r < runs; r++) {
        const int16_t *restrict from = codes + r * ld;
        float *restrict to = x + r * ld;
        for (size_t i = 0; i < n; i++) to[i] = (float)from[i] * step;
    }
}

// --- sums of rows --------------------------------------------------------------------

enum { W = 16 };
typedef float vec __attribute__((vector_size(W * sizeof(float))));
typedef int32_t vec_bits __attribute__((vector_size(W * sizeof(int32_t))));
typedef float loose_vec
    __attribute__((vector_size(W * sizeof(float)), aligned(sizeof(float)), may_alias));
typedef int32_t loose_bits
    __attribute__((vector_size(W * sizeof(float)), aligned(sizeof(float)), may_alias));

static const int32_t last_lanes[2 * W] = {[W] = -1, -1, -1, -1, -1, -1, -1, -1,
                                          -1,       -1, -1, -1, -1, -1, -1, -1};

// By address, because no two compilers pass such vectors alike.
__attribute__((always_inline)) static inline void add_power(vec *sum, const vec *v,
                                                            const enum og_power p)
{
    const vec_bits positive = (vec_bits){0} + INT32_MAX;
    if (p == OG_POWER_ABS)
        *sum += (vec)((vec_bits)*v & positive);
    else
        *sum += p == OG_POWER_SQUARE ? *v * *v : *v;
}

// 16 fixed lanes; what is left over at the end is the end of the last 16 elements.
__attribute__((always_inline)) static inline float row_sum(const float *x, size_t n,
                                                           const enum og_power p)
{
    vec sum = {0}, part = {0};
    size_t rest = n % W;
    if (n < W) {
        for (size_t i = 0; i < n; i++) part[i] = x[i];
    } else {
        for (size_t i = 0; i < n - rest; i += W) {
            part = *(const loose_vec *)(x + i);
            add_power(&sum, &part, p);
        }
        part = (vec)(*(const loose_bits *)(x + n - W) &
                     *(const loose_bits *)(last_lanes + rest));
    }
    add_power(&sum, &part, p);
    sum += __builtin_shufflevector(sum, sum, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4,
                                   5, 6, 7);
    sum += __builtin_shufflevector(sum, sum, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9,
                                   10, 11);
    return (sum[0] + sum[2]) + (sum[1] + sum[3]);
}

static void row_sums(const float *x, size_t ld, size_t rows, size_t n,
                     enum og_power power, float *sum)
{
    if (power == OG_POWER_SQUARE)
        for (size_t r = 0; r < rows; r++)
            sum[r] = row_sum(x + r * ld, n, OG_POWER_SQUARE);
    else if (power == OG_POWER_ABS)
        for (size_t r = 0; r < rows; r++) sum[r] = row_sum(x + r * ld, n, OG_POWER_ABS);
    else
        for (size_t r = 0; r < rows; r++) sum[r] = row_sum(x + r * ld, n, OG_POWER_NONE);
}

// As row_sum, of W rows at once: lane k of a row is sum[k] here.
__attribute__((always_inline)) static inline void col_sum(const float *x, size_t pitch,
                                                          size_t n, const enum og_power p,
                                                          float *to)
{
    vec sum[W] = {0}, v;
    const size_t whole = n / W * W;
    for (size_t i = 0; i < whole; i += W)
        for (size_t k = 0; k < W; k++) {
            v = *(const loose_vec *)(x + (i + k) * pitch);
            add_power(&sum[k], &v, p);
        }
    // What is left over lies in the last lanes, or of a single part in the first.
    for (size_t i = whole; i < n; i++) {
        v = *(const loose_vec *)(x + i * pitch);
        add_power(&sum[n < W ? i : i + W - n], &v, p);
    }
    for (size_t k = 0; k < W / 2; k++) sum[k] += sum[k + W / 2];
    for (size_t k = 0; k < W / 4; k++) sum[k] += sum[k + W / 4];
    *(loose_vec *)to = (sum[0] + sum[2]) + (sum[1] + sum[3]);
}

static void col_sums(const float *x, size_t pitch, size_t rows, size_t n,
                     enum og_power power, float *sum)
{
    for (size_t r = 0; r < rows; r += W)
        if (power == OG_POWER_SQUARE)
            col_sum(x + r, pitch, n, OG_POWER_SQUARE, sum + r);
        else if (power == OG_POWER_ABS)
            col_sum(x + r, pitch, n, OG_POWER_ABS, sum + r);
        else
            col_sum(x + r, pitch, n, OG_POWER_NONE, sum + r);
}

// --- conversion ----------------------------------------------------------------------

static void add_row_noise(const struct og_convert *c, size_t n, float *restrict s,
                          float *restrict sd)
{
    // Whole vectors: what goes beyond a row is written over by the next one.
    for (size_t at = 0, r = 0; at < n; at += c->cols, r++)
        for (size_t j = 0; j < c->cols; j += W)
            *(loose_vec *)(sd + at + j) = c->row_sd[r] - (vec){0};
    const float *restrict sum = c->sum, *restrict z = c->z;
    for (size_t j = 0; j < n; j++) s[j] = sum[j] + z[j] * sd[j];
}

static void add_noise(const struct og_convert *c, size_t n, float *restrict s)
{
    const float *restrict sum = c->sum, *restrict z = c->z, *restrict v = c->variance;
    const float *restrict extra = c->lanes.noise_variance;
    for (size_t j = 0; j < n; j++) s[j] = sum[j] + z[j] * sqrtf(v[j] + extra[j]);
    if (!c->ratio) return;
    float *restrict ratio = c->variance;
    for (size_t j = 0; j < n; j++) {
        float total = ratio[j] + extra[j];
        ratio[j] = total > 0 ? z[j] / sqrtf(total) : 0;
    }
}

// Clips below `low`, and above or (closed) at `high`.
static void mark(const struct og_convert *c, size_t n, const float *restrict s, float low,
                 float high, bool closed)
{
    uint8_t *restrict clipped = c->clipped;
    if (clipped == NULL) return;
    // The next float below makes "at least" a "more than".
    float top = closed ? nextafterf(high, 0) : high;
    if (c->begin_clipped && !(c->saturation > 0))  // else begun there
        for (size_t j = 0; j < n; j++) clipped[j] = (s[j] < low) | (s[j] > top);
    else
        for (size_t j = 0; j < n; j++) clipped[j] |= (s[j] < low) | (s[j] > top);
}

static void mid_tread(const struct og_convert *c, size_t n, float *restrict s)
{
    float limit = c->limit;
    mark(c, n, s, -limit - 0.5f, limit + 0.5f, false);
    for (size_t j = 0; j < n; j++) s[j] = nearest_even(clamp(s[j], limit));
}

static void mid_rise(const struct og_convert *c, size_t n, float *restrict s)
{
    float limit = c->limit;
    mark(c, n, s, -limit, limit, true);
    for (size_t j = 0; j < n; j++) {
        float x = clamp(s[j], limit), code = nearest_even(x);
        code -= code > x ? 1.0f : 0.0f;
        code = code > limit - 1 ? limit - 1 : code;
        s[j] = code + 0.5f;
    }
}

// One decision of every lane. NaN is above no threshold, but stays in the residue.
static void decide(const float *restrict constants, size_t stride, float weight, size_t n,
                   float *restrict r, float *restrict code)
{
    const float *restrict lo = constants, *restrict hi = lo + stride;
    const float *restrict gain = hi + stride, *restrict none = gain + stride;
    const float *restrict one = none + stride, *restrict both = one + stride;
    for (size_t j = 0; j < n; j++) {
        float x = r[j], shift = x >= lo[j] ? one[j] : none[j];
        shift = x >= hi[j] ? both[j] : shift;
        code[j] += (x >= lo[j] ? weight : 0.0f) + (x >= hi[j] ? weight : 0.0f);
        r[j] = gain[j] * x + shift;
    }
}

// The last level that is reached, by halves.
static void search(const struct og_steps *t, size_t n, float *restrict r,
                   float *restrict code)
{
    const float *restrict levels = t->levels, *restrict offset = t->offset;
    const int32_t *restrict table = t->table;
    for (size_t j = 0; j < n; j++) {
        r[j] -= offset[j];
        code[j] = 0;
    }
    for (int32_t half = 1 << (t->n - 1); half > 0; half /= 2)
        for (size_t j = 0; j < n; j++) {
            float level = levels[table[j] + (int32_t)code[j] + half];
            code[j] += level <= r[j] ? (float)half : 0.0f;
        }
    for (size_t j = 0; j < n; j++) code[j] += t->first;
}

static void take_steps(const struct og_convert *c, size_t n, float *restrict s,
                       float *restrict code)
{
    const struct og_steps *t = c->steps;
    if (c->mid_rise)
        mark(c, n, s, -c->limit, c->limit, true);
    else
        mark(c, n, s, -c->limit - 0.5f, c->limit + 0.5f, false);
    for (size_t j = 0; j < n; j++) {
        s[j] = (clamp(s[j], 1e6f * c->limit) + t->half) * t->per_lsb;  // also infinite
        code[j] = t->first;
    }
    if (t->levels != NULL) search(t, n, s, code);
    for (int k = 0; t->levels == NULL && k < t->n; k++)
        decide(t->constants + (size_t)k * 6 * t->stride, t->stride, t->weight[k], n, s,
               code);
    for (size_t j = 0; j < n; j++) {
        float known = code[j] < t->lowest ? t->lowest : code[j];
        s[j] = s[j] == s[j] ? known : s[j];
    }
}

static void saturate(const struct og_convert *c, size_t n, float *restrict s)
{
    const float *restrict sum = c->sum, *restrict z = c->z, *restrict v = c->variance;
    const float *restrict extra = c->lanes.noise_variance, *restrict z_adc = c->z_adc;
    const float limit = c->saturation;
    for (size_t j = 0; j < n; j++)
        s[j] = z == NULL ? sum[j] : sum[j] + z[j] * sqrtf(v[j]);
    uint8_t *restrict clipped = c->clipped;
    for (size_t j = 0; clipped != NULL && j < n; j++)
        clipped[j] = (uint8_t)((c->begin_clipped ? 0 : clipped[j]) | (s[j] < -limit) |
                               (s[j] > limit));
    for (size_t j = 0; j < n; j++) s[j] = clamp(s[j], limit);
    for (size_t j = 0; z_adc != NULL && j < n; j++) s[j] += z_adc[j] * sqrtf(extra[j]);
}

static void convert(const struct og_convert *c, size_t n, float *restrict s)
{
    if (c->saturation > 0)
        saturate(c, n, s);
    else if (c->z != NULL && c->row_sd != NULL)
        add_row_noise(c, n, s, s + (n + W - 1) / W * W);
    else if (c->z != NULL)
        add_noise(c, n, s);
    else
        for (size_t j = 0; j < n; j++) s[j] = c->sum[j];
    if (c->lanes.gain != NULL) {
        const float *restrict gain = c->lanes.gain, *restrict offset = c->lanes.offset;
        for (size_t j = 0; j < n; j++) s[j] = s[j] * gain[j] + offset[j];
    }
    if (c->limit > 0) {
        const float *restrict inv = c->lanes.inv_lsb;
        for (size_t j = 0; j < n; j++) s[j] *= inv[j];
        if (c->steps != NULL)
            take_steps(c, n, s, s + (n + W - 1) / W * W);
        else if (c->mid_rise)
            mid_rise(c, n, s);
        else
            mid_tread(c, n, s);
    }
    const float *restrict step = c->lanes.step;
    float *restrict out = c->out, weight = c->weight, scale = c->scale;
    if (c->begin)
        for (size_t j = 0; j < n; j++) out[j] = s[j] * (step[j] * weight) * scale;
    else
        for (size_t j = 0; j < n; j++) out[j] += s[j] * (step[j] * weight) * scale;
}

// --- ramps ---------------------------------------------------------------------------

// Comparisons give 0 or -1. NaN stays NaN.
__attribute__((always_inline)) static inline void ramp_lanes(const struct og_ramp_io *io,
                                                             const vec *x, vec *y)
{
    vec_bits below = {0};
    for (int k = 0; k < io->thresholds; k++) below += *x >= (vec){0} + io->threshold[k];
    const vec code = -__builtin_convertvector(below, vec);
    *y = io->first + code * io->step + (*x - *x);
}

static void ramp(const struct og_ramp_io *io, const float *x, size_t n, float *y)
{
    vec in = {0}, out;
    for (size_t at = 0; at + W <= n; at += W) {
        in = *(const loose_vec *)(x + at);
        ramp_lanes(io, &in, &out);
        *(loose_vec *)(y + at) = out;
    }
    const size_t rest = n % W;
    for (size_t i = 0; i < rest; i++) in[i] = x[n - rest + i];
    ramp_lanes(io, &in, &out);
    for (size_t i = 0; i < rest; i++) y[n - rest + i] = out[i];
}

// --- gradients -----------------------------------------------------------------------

static void stop(const uint8_t *clipped, size_t rows, size_t n, float *dx, size_t lddx)
{
    bool whole = lddx == n;
    size_t runs = whole ? 1 : rows, width = whole ? rows * n : n;
    for (size_t r = 0; r < runs; r++) {
        const uint8_t *restrict c = clipped + r * n;
        float *restrict d = dx + r * lddx;
        for (size_t i = 0; i < width; i++) d[i] = c[i] ? 0 : d[i];
    }
}

static void pass(const uint8_t *clipped, size_t rows, size_t n, const float *from,
                 size_t ld, float *to)
{
    bool whole = ld == n;
    size_t runs = whole ? 1 : rows, width = whole ? rows * n : n;
    for (size_t r = 0; r < runs; r++) {
        const uint8_t *restrict c = clipped + r * n;
        const float *restrict f = from + r * ld;
        float *restrict t = to + r * n;
        for (size_t i = 0; i < width; i++) t[i] = c[i] ? 0 : f[i];
    }
}

extern const struct og_convert_kernels OG_CONVERT_TABLE;
const struct og_convert_kernels OG_CONVERT_TABLE = {dac,     decode, row_sums, col_sums,
                                                    convert, ramp,   stop,     pass};
