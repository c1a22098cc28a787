// SPDX-License-Identifier: GPL-3.0-or-later
// Inputs -> DAC codes -> what the word lines are driven with in each pass.
//
// Codes are mid-tread, -n..n with n = 2^(bits-1) - 1, x = code a / n. A read is split
// into passes: the digits of |code| one after the other (bit_serial; not where their
// pulses are joined before one conversion), and positive and negative inputs apart
// (two_pass). offset adds n to every code and takes n times the column sum of the nominal
// weights away again digitally.
#include <assert.h>
#include <math.h>
#include <string.h>

#include "periphery/array_impl.h"

int og_passes(const struct og_array *a)
{
    return (og_pulses_joined(a) ? 1 : a->planes) * a->signs;
}

int og_pulses(const struct og_array *a) { return a->planes * a->signs; }

struct og_drive og_pass(const struct og_array *a, int p)
{
    struct og_drive d = {.plane = p / a->signs, .sign = p % a->signs == 0 ? 1 : -1};
    d.weight = (float)d.sign;
    if (og_pulses_apart(a)) d.weight *= (float)(1u << a->digit_bits * d.plane);
    return d;
}

void og_dac(const struct og_array *a, const float *x, size_t ldx, size_t n,
            const struct og_dac_out *out)
{
    size_t rows = a->map.rows, first = 0;
    for (int s = 0; s < a->shape.segments; s++) {
        const struct og_segment *seg = &a->shape.segment[s];
        if (seg->rows == 0) continue;
        float top = a->code_max[first];
        const struct og_dac_io io = {
            .rows = n,
            .width = seg->rows,
            .x = x + first,
            .ldx = ldx,
            .codes = out->codes + first,
            .x_hat = out->x_hat == NULL ? NULL : out->x_hat + first,
            .kept = out->kept == NULL ? NULL : out->kept + first,
            .clipped = out->clipped == NULL ? NULL : out->clipped + first,
            .ld = rows,
            .range = seg->range,
            .per_x = top / seg->range,
            .limit = seg->dac_bits > 0 ? top : 0,
            .step = seg->range / top,
        };
        og_convert_kernels()->dac(&io);
        first += seg->rows;
    }
}

void og_array_codes(const og_array *a, const float *x, size_t n, float *codes)
{
    assert(a->shape.segments == 1);
    const struct og_segment *s = &a->shape.segment[0];
    const float top = a->code_max[0];
    const struct og_dac_io io = {.rows = 1,
                                 .width = n,
                                 .x = x,
                                 .ldx = n,
                                 .codes = codes,
                                 .ld = n,
                                 .range = s->range,
                                 .per_x = top / s->range,
                                 .limit = s->dac_bits > 0 ? top : 0,
                                 .step = s->range / top};
    og_convert_kernels()->dac(&io);
}

// Digit k of |code|.
static int digit_of(const struct og_array *a, int code, int k)
{
    return (code < 0 ? -code : code) >> a->digit_bits * k & ((1 << a->digit_bits) - 1);
}

static void take_digit(const struct og_array *a, const struct og_drive *p, float *value)
{
    for (size_t i = 0; i < a->map.rows; i++) {
        if (isnan(value[i])) continue;  // has no digits; it shows in the sums
        int code = (int)value[i], digit = digit_of(a, code, p->plane);
        value[i] = (float)(code < 0 ? -digit : digit);
    }
}

const float *og_make_drive(const struct og_array *a, const struct og_drive *p,
                           const float *codes, size_t n, float *memory)
{
    if (a->direct) return codes;
    size_t rows = a->map.rows;
    enum og_input_sign sign = a->map.hw.input.sign;
    bool serial = og_pulses_apart(a);
    for (size_t r = 0; r < n; r++) {
        const float *c = codes + r * rows;
        float *d = memory + r * rows;
        memcpy(d, c, rows * sizeof *d);
        if (sign == OG_INPUT_TWO_PASS)
            for (size_t i = 0; i < rows; i++) {
                float v = (float)p->sign * d[i];
                d[i] = v < 0 ? 0 : v;  // keeps what is not a number
            }
        if (sign == OG_INPUT_OFFSET)
            for (size_t i = 0; i < rows; i++) d[i] += a->code_max[i];
        if (serial) take_digit(a, p, d);
        for (size_t i = 0; i < rows; i++) d[i] *= a->code_gain[i];
    }
    return memory;
}

// Of cells with a current that is not linear in the voltage, what a linear one would have
// to be driven with.
const float *og_bend_drive(const struct og_array *a, const float *drive, size_t n,
                           float *memory)
{
    const double volts = a->map.hw.device.v_read / (double)a->d_max;
    if (!a->bent) return drive;
    for (size_t k = 0; k < n * a->map.rows; k++)
        memory[k] = (float)(og_iv_current(&a->law, volts * (double)drive[k]) / volts);
    return memory;
}

// What the read noise of joined pulses has instead of code^2: each pulse draws its own,
// which counts with the square of its significance.
static float power_of_pulses(const struct og_array *a, float code)
{
    if (isnan(code)) return code;
    float sum = 0;
    for (int k = 0; k < a->planes; k++) {
        float part = (float)(digit_of(a, (int)rintf(code), k) << a->digit_bits * k);
        sum += part * part;
    }
    return sum;
}

void og_drive_power(const struct og_array *a, const float *drive, size_t n, float *power)
{
    size_t count = n * a->map.rows;
    float d_max = a->d_max;
    if (a->map.hw.input.encoding == OG_PULSE_WIDTH)
        for (size_t k = 0; k < count; k++) power[k] = fabsf(drive[k]) * d_max;
    else if (og_pulses_joined(a))
        for (size_t k = 0; k < count; k++) {
            float gain = a->code_gain[k % a->map.rows];
            power[k] = gain * gain * power_of_pulses(a, drive[k] / gain);
        }
    else
        for (size_t k = 0; k < count; k++) power[k] = drive[k] * drive[k];
}

float og_full_drive(const struct og_array *a, size_t i)
{
    const float digit = (float)((1 << a->digit_bits) - 1);
    if (a->map.hw.input.encoding == OG_BIT_SERIAL) return a->code_gain[i] * digit;
    return a->map.hw.input.sign == OG_INPUT_OFFSET ? 2 * a->d_max : a->d_max;
}
