// SPDX-License-Identifier: GPL-3.0-or-later
// Random telegraph noise against its Markov chain: occupation, autocorrelation, durations
// (chi-square at 1 %), and that no split of the reads changes a bit.
#include <gsl/gsl_cdf.h>
#include <math.h>

#include "array_helper.h"

enum { COLS = 96, TICKS = 3000 };

static struct og_hardware telegraph(void)
{
    struct og_hardware hw = plain_hardware();
    hw.tile.cols = 128;
    hw.device.g_min = 0;  // the other device of a pair carries nothing
    hw.device.rtn.fraction = 1;
    hw.device.rtn.amplitude = 0.3;
    hw.device.rtn.t_low = 2e-6;
    hw.device.rtn.t_high = 6e-6;
    hw.t_cycle = 400e-9;
    return hw;
}

static const double rest = 0.7659283;  // exp(-0.4 (1 / 2 + 1 / 6))

// One word line at full scale, one sample of TICKS inputs: a weight of 1 in each column.
static struct bench watch(struct og_hardware hw)
{
    struct bench b = bench_open(hw, 1, COLS, TICKS, 1);
    for (size_t j = 0; j < COLS; j++) b.w[j] = 1;
    for (size_t r = 0; r < TICKS; r++) b.x[r] = 1;
    b.at.positions = TICKS;
    bench_run(&b);
    return b;
}

// high[TICKS][COLS]: whether a column is in its state of higher conductance.
static void states(const struct bench *b, double amplitude, double part, bool *high)
{
    for (size_t k = 0; k < (size_t)TICKS * COLS; k++) {
        high[k] = b->y[k] > 1;
        const double want = 1 + amplitude * ((high[k] ? 1 : 0) - part);
        assert_true(fabs((double)b->y[k] - want) < 1e-5);
    }
}

static bool high[TICKS * COLS];

static void occupation_and_memory_are_those_of_the_chain(void **state)
{
    (void)state;
    struct bench b = watch(telegraph());
    states(&b, 0.3, 0.75, high);
    double sum = 0;
    for (size_t k = 0; k < sizeof high; k++) sum += high[k];
    // Independent numbers: about n (1 - rest) / (1 + rest).
    const double n = (double)sizeof high * (1 - rest) / (1 + rest);
    assert_true(fabs(sum / (double)sizeof high - 0.75) < 4 * sqrt(0.1875 / n));
    for (size_t lag = 1; lag <= 8; lag++) {
        double product = 0;
        for (size_t k = 0; k < (TICKS - lag) * COLS; k++)
            product += (high[k] - 0.75) * (high[k + lag * COLS] - 0.75);
        product /= 0.1875 * (double)((TICKS - lag) * COLS);
        assert_true(fabs(product - pow(rest, (double)lag)) < 0.015);
    }
    bench_close(&b);
}

// The durations of the high state are geometric: it is left with (1 - rest) / 4.
static void durations_are_geometric(void **state)
{
    (void)state;
    enum { BINS = 16 };
    const double leave = (1 - rest) / 4;
    double count[BINS] = {0}, all = 0, chi = 0;
    struct bench b = watch(telegraph());
    states(&b, 0.3, 0.75, high);
    for (size_t j = 0; j < COLS; j++)
        for (size_t t = 1, since = 0; t < TICKS; t++) {
            const bool now = high[t * COLS + j], before = high[(t - 1) * COLS + j];
            if (now && !before) since = t;
            if (now || !before || since == 0) continue;
            const size_t ticks = t - since;
            count[ticks < BINS ? ticks - 1 : BINS - 1]++;
            all++;
        }
    for (int k = 0; k < BINS; k++) {
        const double p =
            k < BINS - 1 ? pow(1 - leave, k) * leave : pow(1 - leave, BINS - 1);
        chi += (count[k] - all * p) * (count[k] - all * p) / (all * p);
    }
    assert_true(all > 5000);
    assert_true(gsl_cdf_chisq_Q(chi, BINS - 1) > 0.01);
    bench_close(&b);
}

// A step after the other, as recurrent layers read, or all positions at once.
static void steps_are_positions(void **state)
{
    (void)state;
    struct og_hardware hw = telegraph();
    hw.device.g_min = 1e-6;
    hw.tile.rows = 16;  // three row tiles
    bench_reads_alone(hw, false);
}

// Samples and passes are independent; a chip keeps which of its devices have it.
static void some_devices_have_it(void **state)
{
    (void)state;
    struct og_hardware hw = telegraph();
    hw.device.rtn.fraction = 0.3;
    struct bench b = bench_open(hw, 1, COLS, 64, 1);
    bool noisy[2][COLS] = {{false}};
    for (size_t j = 0; j < COLS; j++) b.w[j] = 1;
    for (size_t r = 0; r < 64; r++) b.x[r] = 1;
    for (uint32_t pass = 0; pass < 2; pass++) {
        b.at.pass = pass;
        bench_run(&b);
        for (size_t k = 0; k < 64 * COLS; k++) noisy[pass][k % COLS] |= b.y[k] != 1;
    }
    int n = 0;
    for (size_t j = 0; j < COLS; j++) n += noisy[0][j];
    assert_memory_equal(noisy[0], noisy[1], sizeof noisy[0]);
    assert_true(abs(n - 29) < 4 * 4.5);
    bench_close(&b);
}

// Behind an access resistance R, dg is felt as dg / (1 + g R)^2.
static void wires_weaken_it(void **state)
{
    (void)state;
    struct og_hardware hw = telegraph();
    hw.wires.mode = OG_WIRES_EXACT;
    hw.wires.r_access = 50e3;
    struct bench b = watch(hw);
    float low = b.y[0], top = b.y[0];
    for (size_t t = 0; t < TICKS; t++) {
        low = fminf(low, b.y[t * COLS]);
        top = fmaxf(top, b.y[t * COLS]);
    }
    assert_true(fabs((double)(top - low) - 0.3 / 2.25) < 1e-5);
    assert_true(fabs((double)low + 0.75 * 0.3 / 2.25 - 1 / 1.5) < 1e-5);
    bench_close(&b);
}

// A device of a reference column is one for all columns of its tile.
static void reference_columns_have_it(void **state)
{
    (void)state;
    struct og_hardware hw = telegraph();
    hw.mapping.scheme = OG_OFFSET;
    hw.mapping.reference = OG_REFERENCE_COLUMN;
    hw.mapping.devices_per_weight = 2;
    hw.tile.cols = 16;
    struct bench b = bench_open(hw, 1, COLS, TICKS, 1);
    double mean = 0, square = 0;
    for (size_t j = 0; j < COLS; j++) b.w[j] = j == 0 ? 1 : -1;  // -1: g = 0, silent
    for (size_t r = 0; r < TICKS; r++) b.x[r] = 1;
    b.at.positions = TICKS;
    bench_run(&b);
    for (size_t t = 1; t < COLS / 16; t++)
        for (size_t r = 0; r < TICKS; r++) {
            const float *y = b.y + r * COLS + t * 16;
            for (size_t j = 1; j < 16; j++) assert_true(fabsf(y[j] - y[0]) < 1e-5f);
            mean += (double)y[0] + 1;
            square += ((double)y[0] + 1) * ((double)y[0] + 1);
        }
    const double n = TICKS * (COLS / 16 - 1), mixed = n * (1 - rest) / (1 + rest);
    // A weight of -1 is off 0 by two middles, of two devices each.
    const double sd = 0.3 * sqrt(0.1875 / 2);
    assert_true(fabs(mean / n) < 4 * sd / sqrt(mixed));
    assert_true(fabs(sqrt(square / n) / sd - 1) < 0.05);
    bench_close(&b);
}

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    struct og_error err = {0};
    struct bench b = bench_open(telegraph(), 4, 4, 1, 1);
    assert_int_equal(og_array_keep_gradient(b.array, OG_KEEP_REPARAM, &err), OG_INPUT);
    assert_non_null(strstr(err.text, "device.rtn"));
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(occupation_and_memory_are_those_of_the_chain),
        cmocka_unit_test(durations_are_geometric),
        cmocka_unit_test(steps_are_positions),
        cmocka_unit_test(some_devices_have_it),
        cmocka_unit_test(wires_weaken_it),
        cmocka_unit_test(reference_columns_have_it),
        cmocka_unit_test(what_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
