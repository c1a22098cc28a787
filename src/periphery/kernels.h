// SPDX-License-Identifier: GPL-3.0-or-later
// Elementwise work of a read, compiled once per instruction set (kernel_convert.c). Every
// set gives the same bits.
#ifndef OG_PERIPHERY_KERNELS_H
#define OG_PERIPHERY_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// rows x width inputs of one segment.
struct og_dac_io {
    size_t rows, width;
    const float *x;
    size_t ldx;
    float *codes;      // [rows][ld], as the three below
    float *x_hat;      // code * step, or NULL
    int16_t *kept;     // the codes once more, or NULL
    uint8_t *clipped;  // 1 where |x| > range, or NULL
    size_t ld;
    float range;
    float per_x;  // codes per unit of x
    float limit;  // largest code; 0: ideal, neither rounded nor clipped
    float step;   // x per code
};

// Per-column constants of a unit, each repeated to a run of `lanes` columns.
struct og_lanes {
    const float *inv_lsb, *step, *gain, *offset, *noise_variance;
};

// Decisions of converters as circuits (adc.h): constants[step][6][stride] of every lane,
// which are lo, hi, gain and the three shifts; what a step adds to the code.
struct og_steps {
    int n;
    size_t stride;
    const float *constants;
    float weight[16];
    float per_lsb;  // references per LSB
    float half;     // [LSB] added to the input: edges are then at whole steps
    float first;    // code of word 0
    float lowest;   // code that those below are read as
    // Slopes instead: word k of a lane if its input less offset reaches levels[table +
    // k].
    const float *levels, *offset;
    const int32_t *table;
};

// n columns, in whole rows of `cols`: noise, ADC, digital sum. The noise of a column is
// z sqrt(variance + noise_variance of the ADC), or z row_sd where a row has but one; what
// saturates in between draws two, z and z_adc.
struct og_convert {
    struct og_lanes lanes;
    size_t cols;
    float limit;  // 0: ideal ADC
    bool mid_rise;
    const struct og_steps *steps;  // NULL: the code that is nearest
    float saturation;              // of |sum| with its noise, before the ADC; 0: none
    const float *z_adc;            // with saturation: normals of the ADC's noise, or NULL
    bool begin;                    // out is set, else added to
    bool begin_clipped;            // clipped is set, else kept where 1
    bool ratio;           // leave z / sqrt(total variance) in variance[], for reparam
    float weight;         // of this pass
    float scale;          // of what goes to out
    const float *sum;     // [n] column sums, in steps
    const float *z;       // [n] standard normals, or NULL
    float *variance;      // [n] read variance, with z
    const float *row_sd;  // [n / cols] instead of variance, or NULL
    float *out;           // [n]
    uint8_t *clipped;     // [n] 1 where the ADC clips, or NULL
};

// Codes of a ramp: the number of its thresholds, in no order, that are not above x.
struct og_ramp_io {
    const float *threshold;
    int thresholds;
    float first, step;  // y = first + step code
};

enum og_power { OG_POWER_NONE, OG_POWER_ABS, OG_POWER_SQUARE };

struct og_convert_kernels {
    void (*dac)(const struct og_dac_io *io);
    // x[r * ld + i] = codes[r * ld + i] * step.
    void (*decode)(const int16_t *codes, size_t rows, size_t width, size_t ld, float step,
                   float *x);
    // sum[r] = sum over i of x, |x| or x^2, x[r * ld + i], in a fixed order.
    void (*row_sums)(const float *x, size_t ld, size_t rows, size_t n,
                     enum og_power power, float *sum);
    // The same of x[i * pitch + r]; whole vectors of rows are read and written.
    void (*col_sums)(const float *x, size_t pitch, size_t rows, size_t n,
                     enum og_power power, float *sum);
    // scratch: og_convert_scratch(n) floats.
    void (*convert)(const struct og_convert *c, size_t n, float *scratch);
    void (*ramp)(const struct og_ramp_io *io, const float *x, size_t n, float *y);
    // dx[r * lddx + i] = 0 where clipped[r * n + i].
    void (*stop)(const uint8_t *clipped, size_t rows, size_t n, float *dx, size_t lddx);
    // to[r * n + j] = from[r * ld + j], 0 where clipped[r * n + j].
    void (*pass)(const uint8_t *clipped, size_t rows, size_t n, const float *from,
                 size_t ld, float *to);
};
const struct og_convert_kernels *og_convert_kernels(void);

// Values, then standard deviations, which are written in whole vectors.
static inline size_t og_convert_scratch(size_t n)
{
    return 2 * ((n + 15) / 16 * 16) + 16;
}

#endif
