// SPDX-License-Identifier: GPL-3.0-or-later
// Arrays without randomness: ideal devices give the float product, converters give exact
// integer arithmetic, every code edge lies where it is documented.
#include <math.h>

#include "array_helper.h"

static double dot(const struct bench *b, size_t r, size_t j)
{
    double sum = 0;
    for (size_t i = 0; i < b->rows; i++)
        sum += (double)b->w[j * b->rows + i] * b->x[r * b->rows + i];
    return sum;
}

static double norm(const struct bench *b, size_t r, size_t j)
{
    double sum = 0;
    for (size_t i = 0; i < b->rows; i++)
        sum += fabs((double)b->w[j * b->rows + i] * b->x[r * b->rows + i]);
    return sum;
}

static void assert_product(struct og_hardware hw, size_t rows, size_t cols)
{
    struct bench b = bench_open(hw, rows, cols, 70, 1.3f);
    bench_run(&b);
    // Where large known parts are taken away digitally, their rounding stays behind.
    bool cancels = hw.input.sign == OG_INPUT_OFFSET ||
                   hw.pair.subtract == OG_SUBTRACT_DIGITAL ||
                   hw.mapping.reference == OG_REFERENCE_DIGITAL;
    double lost = cancels ? 2e-6 * (double)rows : 1e-6;
    for (size_t r = 0; r < b.n; r++)
        for (size_t j = 0; j < cols; j++) {
            double error = fabs(b.y[r * cols + j] - dot(&b, r, j));
            assert_true(error <= 4e-6 * norm(&b, r, j) + lost);
        }
    bench_close(&b);
}

static void ideal_devices_give_the_product(void **state)
{
    (void)state;
    const size_t shape[][2] = {{1, 1}, {7, 3}, {64, 64}, {65, 130}, {200, 10}};
    for (size_t k = 0; k < 5; k++)
        for (int scheme = OG_DIFFERENTIAL; scheme <= OG_OFFSET; scheme++)
            for (int granularity = OG_PER_LAYER; granularity <= OG_PER_COLUMN;
                 granularity++)
                for (int sign = OG_INPUT_BIPOLAR; sign <= OG_INPUT_OFFSET; sign++) {
                    struct og_hardware hw = plain_hardware();
                    hw.mapping.scheme = (enum og_scheme)scheme;
                    hw.mapping.granularity = (enum og_granularity)granularity;
                    hw.input.sign = (enum og_input_sign)sign;
                    hw.mapping.devices_per_weight = 1 + (int)k % 3;
                    hw.tile.rows_active = k == 3 ? 20 : 0;
                    assert_product(hw, shape[k][0], shape[k][1]);
                    hw.pair.subtract = OG_SUBTRACT_DIGITAL;
                    if (scheme != OG_OFFSET) assert_product(hw, shape[k][0], shape[k][1]);
                    hw.pair.subtract = OG_SUBTRACT_ANALOG;
                    hw.mapping.reference = OG_REFERENCE_DIGITAL;
                    assert_product(hw, shape[k][0], shape[k][1]);
                }
}

// --- integer reference ---------------------------------------------------------------
static long round_even(double v) { return lrint(v); }

static long clamp(long v, long lo, long hi) { return v < lo ? lo : v > hi ? hi : v; }

struct integers {
    long *q, *code;
    double w_max;
    long D, n_dac;
};

// Weights and inputs on their grids, computed apart from the library.
static struct integers to_integers(const struct bench *b, float range)
{
    struct integers k = {.D = (1 << (b->hw.mapping.weight_bits - 1)) - 1,
                         .n_dac = (1 << (b->hw.dac.bits - 1)) - 1};
    k.q = og_alloc(b->rows * b->cols, sizeof *k.q);
    k.code = og_alloc(b->rows * b->n, sizeof *k.code);
    float top = 0;
    for (size_t c = 0; c < b->rows * b->cols; c++)
        top = fmaxf(top, fabsf(b->w[c] * range));
    k.w_max = top;
    for (size_t c = 0; c < b->rows * b->cols; c++)
        k.q[c] = round_even(b->w[c] * range / top * (float)k.D);
    for (size_t c = 0; c < b->rows * b->n; c++)
        k.code[c] =
            clamp(round_even(b->x[c] * ((float)k.n_dac / range)), -k.n_dac, k.n_dac);
    return k;
}

static long digit(long q, int slice, int bits)
{
    long magnitude = (labs(q) >> (bits * slice)) & ((1 << bits) - 1);
    return q < 0 ? -magnitude : magnitude;
}

// The drive of one pass: a bit of the magnitude, or the whole code; one sign or both.
static long drive(const struct og_hardware *hw, long code, int plane, int sign,
                  long n_dac)
{
    if (hw->input.sign == OG_INPUT_TWO_PASS) code = sign * code > 0 ? sign * code : 0;
    if (hw->input.sign == OG_INPUT_OFFSET) code += n_dac;
    if (hw->input.encoding != OG_BIT_SERIAL) return code;
    long bit = (labs(code) >> plane) & 1;
    return code < 0 ? -bit : bit;
}

// Sum over passes, slices and row groups of the ADC codes (of the column sums without an
// ADC), all in integers. *lsb: what one code is worth.
static long reference(const struct bench *b, const struct integers *k, size_t r, size_t j,
                      float *lsb)
{
    const struct og_hardware *hw = &b->hw;
    bool serial = hw->input.encoding == OG_BIT_SERIAL;
    int offset = hw->input.sign == OG_INPUT_OFFSET;
    int planes = serial ? hw->dac.bits - 1 + offset : 1;
    int signs = hw->input.sign == OG_INPUT_TWO_PASS ? 2 : 1;
    int bits = hw->mapping.slice_bits;
    int slices = bits > 0 ? (hw->mapping.weight_bits - 2 + bits) / bits : 1;
    long D_slice = slices > 1 ? (1 << bits) - 1 : k->D;
    float range;
    og_array_get_adc(b->array, &range);
    long L = hw->adc.bits > 0 ? (1 << (hw->adc.bits - 1)) - 1 : 0;
    *lsb = L ? range * (float)((serial ? 1 : k->n_dac) * D_slice) / (float)L : 1;
    long total = 0;
    for (size_t i0 = 0; i0 < b->rows; i0 += (size_t)hw->tile.rows)
        for (int p = 0; p < planes * signs; p++)
            for (int s = 0; s < slices; s++) {
                long sum = 0;
                for (size_t i = i0; i < b->rows && i < i0 + (size_t)hw->tile.rows; i++) {
                    long q = k->q[j * b->rows + i];
                    if (slices > 1) q = digit(q, s, bits);
                    sum += q * drive(hw, k->code[r * b->rows + i], p / signs,
                                     p % signs ? -1 : 1, k->n_dac);
                }
                if (L) sum = clamp(round_even((float)sum * (1 / *lsb)), -L, L);
                long weight = (p % signs ? -1 : 1) * (serial ? 1L << (p / signs) : 1);
                total += sum * weight * (slices > 1 ? 1L << (bits * s) : 1);
            }
    return total;
}

static void assert_integers(struct og_hardware hw)
{
    const float range = 1.3f;
    struct bench b = bench_open(hw, 150, 12, 9, range);
    bench_run(&b);
    struct integers k = to_integers(&b, range);
    bool offset = hw.input.sign == OG_INPUT_OFFSET;
    float scale = (float)k.w_max / (float)(k.D * k.n_dac), lsb;
    for (size_t r = 0; r < b.n; r++)
        for (size_t j = 0; j < b.cols; j++) {
            long codes = reference(&b, &k, r, j, &lsb), known = 0;
            for (size_t i = 0; offset && i < b.rows; i++)
                known += k.n_dac * k.q[j * b.rows + i];
            float got = b.y[r * b.cols + j], want = (float)codes * (scale * lsb);
            if (!offset) {
                assert_true(got == want);
            } else {  // what is known is taken away in units of the LSB, rounded once
                double exact = ((double)codes * lsb - (double)known) * scale;
                assert_true(fabs(got - exact) <= 1e-6 * fabs((double)known * scale));
            }
        }
    og_free(k.q);
    og_free(k.code);
    bench_close(&b);
}

static void converters_are_integer_arithmetic(void **state)
{
    (void)state;
    for (int encoding = OG_AMPLITUDE; encoding <= OG_BIT_SERIAL; encoding++)
        for (int sign = OG_INPUT_BIPOLAR; sign <= OG_INPUT_OFFSET; sign++)
            for (int slice = 0; slice <= 3; slice++)
                for (int adc = 0; adc <= 6; adc += 2) {
                    struct og_hardware hw = plain_hardware();
                    hw.input.encoding = (enum og_encoding)encoding;
                    hw.input.sign = (enum og_input_sign)sign;
                    hw.mapping.weight_bits = 8;
                    hw.mapping.slice_bits = slice;
                    hw.dac.bits = 5;
                    hw.adc.bits = adc;
                    hw.adc.mode = OG_RANGE_FIXED;
                    hw.adc.range = 0.11;
                    hw.tile.rows = 50;
                    assert_integers(hw);
                }
}

// One device column with weight 1: the column sum is the input, so edges can be walked.
static void every_code_edge(void **state)
{
    (void)state;
    for (int bits = 2; bits <= 6; bits++)
        for (int rise = 0; rise <= 1; rise++) {
            struct og_hardware hw = plain_hardware();
            hw.adc.bits = bits;
            hw.adc.rounding = rise ? OG_MID_RISE : OG_MID_TREAD;
            hw.adc.mode = OG_RANGE_FIXED;
            hw.adc.range = 1;
            int half = 1 << (bits - 1), L = rise ? half : half - 1;
            struct bench b = bench_open(hw, 1, 1, 1, (float)L);
            b.w[0] = 1;
            og_array_program(b.array, b.w, &b.chip);
            for (int code = -half - 2; code <= half + 2; code++)
                for (int side = -1; side <= 1; side++) {
                    // Mid-rise edges are powers of two apart and exact: an edge belongs
                    // to the step above. Mid-tread edges are approached to 1e-6 of the
                    // range.
                    float edge = rise ? (float)code : (float)code + 0.5f;
                    if (side == 0 && !rise) continue;
                    b.x[0] = edge + (float)side * 2e-6f * (float)L;
                    bench_read(&b);
                    long q = rise ? clamp((long)floorf(b.x[0]), -L, L - 1)
                                  : clamp(lrintf(b.x[0]), -L, L);
                    float want = rise ? (float)q + 0.5f : (float)q;
                    assert_true(fabsf(b.y[0] - want) <= 1e-5f * (float)L);
                }
            bench_close(&b);
        }
}

static void dac_codes(void **state)
{
    (void)state;
    for (int bits = 2; bits <= 8; bits++) {
        struct og_hardware hw = plain_hardware();
        hw.dac.bits = bits;
        int n = (1 << (bits - 1)) - 1;
        struct bench b = bench_open(hw, 1, 1, 1, (float)n);
        b.w[0] = 1;
        og_array_program(b.array, b.w, &b.chip);
        for (int k = -4 * n - 8; k <= 4 * n + 8; k++) {
            b.x[0] = 0.25f * (float)k;
            bench_read(&b);
            float want = rintf(b.x[0]);
            want = want > (float)n ? (float)n : want < (float)-n ? (float)-n : want;
            assert_true(b.y[0] == want);
        }
        bench_close(&b);
    }
}

static void levels_of_cells(void **state)
{
    (void)state;
    struct og_hardware hw = plain_hardware();
    hw.device.cell.levels = 4;  // a pair: 7 levels
    struct bench b = bench_open(hw, 40, 5, 1, 1);
    og_array_program(b.array, b.w, &b.chip);
    float *w_hat = og_alloc(200, sizeof *w_hat), top = 0;
    og_array_weights(b.array, w_hat);
    for (int k = 0; k < 200; k++) top = fmaxf(top, fabsf(b.w[k]));
    for (int k = 0; k < 200; k++) {
        float level = w_hat[k] / top * 3;
        assert_true(fabsf(level - rintf(level)) < 1e-5f);
        assert_true(fabsf(w_hat[k] - b.w[k]) <= top / 6 * 1.0001f);
    }
    // A listed set without the lowest conductance has no zero weight of its own.
    hw.device.cell.levels = 0;
    hw.device.cell.list = (struct og_list){3, {2e-6, 5e-6, 9e-6}};
    struct bench c = bench_open(hw, 40, 5, 1, 1);
    float *g = og_alloc(400, sizeof *g);
    og_array_program(c.array, c.w, &c.chip);
    og_array_conductance(c.array, g);
    for (int k = 0; k < 400; k++) {
        double u = g[k] * 1e6;
        assert_true(fabs(u - 2) < 1e-5 || fabs(u - 5) < 1e-5 || fabs(u - 9) < 1e-5);
    }
    og_free(w_hat);
    og_free(g);
    bench_close(&b);
    bench_close(&c);
}

static void weight_levels(void **state)
{
    (void)state;
    for (int bits = 2; bits <= 6; bits++)
        for (int rise = 0; rise <= 1; rise++) {
            struct og_hardware hw = plain_hardware();
            hw.mapping.weight_bits = bits;
            hw.mapping.rounding = rise ? OG_MID_RISE : OG_MID_TREAD;
            struct bench b = bench_open(hw, 30, 30, 1, 1);
            og_array_program(b.array, b.w, &b.chip);
            float *w_hat = og_alloc(900, sizeof *w_hat), top = 0;
            og_array_weights(b.array, w_hat);
            for (int k = 0; k < 900; k++) top = fmaxf(top, fabsf(b.w[k]));
            int n = (1 << (bits - 1)) - !rise;
            float step = top / (float)n;
            for (int k = 0; k < 900; k++) {
                float q = w_hat[k] / step - (rise ? 0.5f : 0);
                assert_true(fabsf(q - rintf(q)) < 1e-3f);
                assert_true(fabsf(w_hat[k] - b.w[k]) <= step / 2 * 1.001f);
            }
            og_free(w_hat);
            bench_close(&b);
        }
}

static void ranges_follow_their_mode(void **state)
{
    (void)state;
    const enum og_range_mode modes[] = {OG_RANGE_MINMAX, OG_RANGE_PERCENTILE,
                                        OG_RANGE_MSE};
    for (int m = 0; m < 3; m++)
        for (int granularity = OG_PER_LAYER; granularity <= OG_PER_COLUMN;
             granularity++) {
            struct og_hardware hw = plain_hardware();
            hw.adc.bits = 4;
            hw.adc.mode = modes[m];
            hw.adc.percentile = 90;
            hw.adc.granularity = (enum og_granularity)granularity;
            struct bench b = bench_open(hw, 64, 8, 500, 1);
            og_array_program(b.array, b.w, &b.chip);
            b.work = og_alloc(og_array_work_bytes(b.array, b.n), 1);
            og_array_observe(b.array, b.x, b.rows, b.n, b.work);
            og_array_calibrate(b.array);
            float range[8], top = 0, peak = 0;
            og_array_get_adc(b.array, range);
            for (int k = 0; k < 512; k++) top = fmaxf(top, fabsf(b.w[k]));
            size_t cols = granularity == OG_PER_COLUMN ? 1 : 8, below = 0;
            for (size_t r = 0; r < b.n; r++)
                for (size_t j = 0; j < cols; j++) {
                    float v = (float)fabs(dot(&b, r, j)) / top;
                    peak = fmaxf(peak, v);
                    below += v <= range[0];
                }
            double share = (double)below / (double)(b.n * cols);
            if (modes[m] == OG_RANGE_MINMAX)
                assert_true(fabsf(range[0] / peak - 1) < 1e-4f);
            if (modes[m] == OG_RANGE_PERCENTILE)
                assert_true(share > 0.89 && share < 0.92);
            if (modes[m] == OG_RANGE_MSE)
                assert_true(range[0] < peak && range[0] > 0.4f * peak);
            bench_close(&b);
        }
}

static void splitting_a_batch_changes_no_bit(void **state)
{
    (void)state;
    struct og_hardware hw = plain_hardware();
    hw.device.read =
        (struct og_sigma){OG_SIGMA_PROPORTIONAL, .fraction = 0.05, .scale = 1};
    hw.adc.bits = hw.dac.bits = 8;
    hw.adc.mode = OG_RANGE_WORST_CASE;
    struct bench b = bench_open(hw, 130, 20, 200, 1);
    bench_run(&b);
    float *whole = og_alloc(200 * 20, sizeof *whole);
    memcpy(whole, b.y, 200 * 20 * sizeof *whole);
    const size_t cut[] = {0, 1, 66, 67, 200};
    for (int k = 0; k < 4; k++) {
        struct og_read at = b.at;
        at.sample = b.sample + cut[k];
        struct og_read_io io = {.x = b.x + cut[k] * b.rows,
                                .ldx = b.rows,
                                .n = cut[k + 1] - cut[k],
                                .y = b.y + cut[k] * b.cols,
                                .ldy = b.cols,
                                .work = b.work};
        og_array_read(b.array, &at, &io);
    }
    assert_memory_equal(whole, b.y, 200 * 20 * sizeof *whole);
    og_free(whole);
    bench_close(&b);
}

static void impossible_hardware_is_refused(void **state)
{
    (void)state;
    enum { BAD = 11 };
    struct og_hardware bad[BAD];
    for (int k = 0; k < BAD; k++) bad[k] = plain_hardware();
    bad[0].input.encoding = OG_BIT_SERIAL;
    bad[1].adc.noise = 0.5;
    bad[2].tile.rows_active = 65;
    bad[3].mapping.slice_bits = 2;
    bad[4].mapping.scheme = OG_OFFSET;
    bad[4].pair.subtract = OG_SUBTRACT_DIGITAL;
    bad[5].adc.bits = 1;
    bad[6].dac.bits = 1;
    bad[7].adc.gain = 0.01;
    bad[8].adc.bits = 17;
    bad[9].dac.bits = 17;
    bad[10].mapping.weight_bits = 17;
    const char *key[BAD] = {"input.encoding", "adc.noise",      "rows_active",
                            "slice_bits",     "pair.subtract",  "adc.bits: 1",
                            "dac.bits: 1",    "adc.gain",       "adc.bits: 17",
                            "dac.bits: 17",   "weight_bits: 17"};
    for (int k = 0; k < BAD; k++) {
        struct og_array_shape shape = {
            .rows = 8,
            .cols = 4,
            .segments = 1,
            .segment = {{.rows = 8, .dac_bits = bad[k].dac.bits, .range = 1}}};
        struct og_array *a;
        struct og_error err = {0};
        assert_int_equal(og_array_alloc(&a, &bad[k], &shape, &err), OG_INPUT);
        assert_null(a);
        assert_non_null(strstr(err.text, key[k]));
    }
}

// What is not a number shows in every sum that it is part of, and in no other.
static void nan_is_not_lost(void **state)
{
    (void)state;
    for (int sign = OG_INPUT_BIPOLAR; sign <= OG_INPUT_OFFSET; sign++)
        for (int encoding = OG_AMPLITUDE; encoding <= OG_BIT_SERIAL; encoding++) {
            struct og_hardware hw = plain_hardware();
            hw.input.sign = (enum og_input_sign)sign;
            hw.input.encoding = (enum og_encoding)encoding;
            hw.mapping.weight_bits = 6;
            hw.mapping.slice_bits = encoding == OG_AMPLITUDE ? 0 : 2;
            hw.dac.bits = 5;
            hw.adc.bits = 8;
            hw.adc.mode = OG_RANGE_WORST_CASE;
            struct bench b = bench_open(hw, 20, 3, 2, 1);
            b.x[20 + 7] = NAN;
            bench_run(&b);
            for (int j = 0; j < 3; j++) assert_true(!isnan(b.y[j]) && isnan(b.y[3 + j]));
            b.x[20 + 7] = 0.3f;
            b.w[20 + 5] = NAN;
            bench_run(&b);
            for (int r = 0; r < 2; r++)
                for (int j = 0; j < 3; j++)
                    assert_int_equal(isnan(b.y[r * 3 + j]) != 0, j == 1);
            bench_close(&b);
        }
}

// Images of any size: positions of one sample, each with all its passes, have numbers of
// their own.
static void large_images_have_noise(void **state)
{
    (void)state;
    for (int device = 0; device <= 1; device++) {
        struct og_hardware hw = plain_hardware();
        hw.device.read = (struct og_sigma){OG_SIGMA_CONSTANT, .sigma = 3e-7, .scale = 1};
        hw.read_noise = device ? OG_NOISE_DEVICE : OG_NOISE_FAST;
        hw.input.sign = OG_INPUT_TWO_PASS;
        hw.dac.bits = 16;
        hw.input.encoding = OG_BIT_SERIAL;
        struct bench b = bench_open(hw, 40, 10, 4, 1);
        b.at.positions = (size_t)1 << 27;
        for (int r = 1; r < 4; r++) memcpy(b.x + r * 40, b.x, 40 * sizeof *b.x);
        bench_run(&b);
        for (int k = 10; k < 40; k++) assert_true(b.y[k] != b.y[k % 10]);
        bench_close(&b);
    }
}

static void failing_allocations_leak_nothing(void **state)
{
    (void)state;
    struct og_hardware hw = plain_hardware();
    hw.adc.bits = 4;
    hw.adc.mode = OG_RANGE_MSE;
    hw.device.read =
        (struct og_sigma){OG_SIGMA_PROPORTIONAL, .fraction = 0.05, .scale = 1};
    struct og_array_shape shape = {
        .rows = 100, .cols = 4, .segments = 1, .segment = {{.rows = 100, .range = 1}}};
    struct og_array *a = NULL;
    size_t n = 1;
    for (;; n++) {
        struct og_error err = {0};
        og_alloc_fail_at(n);
        og_status status = og_array_alloc(&a, &hw, &shape, &err);
        og_alloc_fail_at(0);
        if (status == OG_OK) break;
        assert_int_equal(status, OG_NO_MEMORY);
        assert_null(a);
    }
    assert_true(n > 10);
    og_array_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ideal_devices_give_the_product),
        cmocka_unit_test(converters_are_integer_arithmetic),
        cmocka_unit_test(every_code_edge),
        cmocka_unit_test(dac_codes),
        cmocka_unit_test(levels_of_cells),
        cmocka_unit_test(weight_levels),
        cmocka_unit_test(ranges_follow_their_mode),
        cmocka_unit_test(splitting_a_batch_changes_no_bit),
        cmocka_unit_test(impossible_hardware_is_refused),
        cmocka_unit_test(nan_is_not_lost),
        cmocka_unit_test(large_images_have_noise),
        cmocka_unit_test(failing_allocations_leak_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
