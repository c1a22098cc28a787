// SPDX-License-Identifier: GPL-3.0-or-later
// What becomes of samples: the fast way against the formulas.
#include <math.h>

#include "fsdd_files.h"
#include "nn/mfcc.h"
#include "ohmgrid/cpu.h"

// The formulas of the paper as they stand: a plain DFT, bands and cosines.
static double mel(double f) { return 2595.0 * log10(1.0 + f / 700.0); }

static double power_at(const struct og_speech *s, const int16_t *x, size_t fft,
                       size_t bin)
{
    double re = 0, im = 0;
    for (int i = 0; i < s->window; i++) {
        const double before = i > 0 ? x[i - 1] : x[0];
        const double v = (x[i] - s->preemphasis * before) / 32768.0 *
                         (0.54 - 0.46 * cos(2 * pi * i / (s->window - 1)));
        const double angle = 2 * pi * (double)bin * i / (double)fft;
        re += v * cos(angle);
        im -= v * sin(angle);
    }
    return re * re + im * im;
}

static void reference(const struct og_speech *s, const int16_t *x, double *y)
{
    size_t fft = 1;
    double energy[64] = {0};
    while (fft < (size_t)s->window) fft *= 2;
    const double step = (mel(s->high) - mel(s->low)) / (s->mels + 1);
    for (size_t bin = 0; bin <= fft / 2; bin++) {
        const double power = power_at(s, x, fft, bin);
        const double at = mel((double)bin * RATE / (double)fft) - mel(s->low);
        for (int m = 0; m < s->mels; m++) {
            const double up = at / step - m, down = m + 2 - at / step;
            const double weight = up < down ? up : down;
            if (weight > 0) energy[m] += weight * power;
        }
    }
    for (int m = 0; m < s->mels; m++) energy[m] = log(fmax(energy[m], 1e-8));
    const int values = s->features == OG_MFCC ? s->coefficients : s->mels;
    for (int k = 0; k < values; k++) {
        double sum = 0;
        for (int m = 0; m < s->mels; m++)
            sum += energy[m] * cos(pi * k * (2 * m + 1) / (2.0 * s->mels));
        y[k] = s->features == OG_MFCC ? sum * sqrt((k ? 2.0 : 1.0) / s->mels) : energy[k];
    }
}

static void check_one_way(const struct og_speech *s, const int16_t *x, size_t n)
{
    og_mfcc *mfcc;
    static float y[ROOM];
    static double work[ROOM];
    assert_int_equal(og_mfcc_alloc(&mfcc, s, RATE, NULL), OG_OK);
    const size_t values = og_mfcc_values(mfcc), steps = og_mfcc_steps(mfcc, n);
    assert_int_equal(steps, 1 + (n - (size_t)s->window) / (size_t)s->hop);
    assert_true(steps * values <= ROOM && og_mfcc_work(mfcc) <= ROOM);
    og_mfcc_compute(mfcc, x, n, work, y);
    for (size_t t = 0; t < steps; t++) {
        double expected[64];
        reference(s, x + t * (size_t)s->hop, expected);
        for (size_t k = 0; k < values; k++) {
            // Floats of up to about 100 in size.
            const double tolerance = 1e-5;
            assert_true(!(fabs(y[t * values + k] - expected[k]) > tolerance) &&
                        isfinite(y[t * values + k]));
        }
    }
    og_mfcc_free(mfcc);
}

// GSL's transform, and that of fixed kernels.
static void check_features(const struct og_speech *s, const int16_t *x, size_t n)
{
    for (int fixed = 0; fixed < 2; fixed++) {
        og_cpu_fix(fixed);
        check_one_way(s, x, n);
    }
    og_cpu_fix(false);
}

static void features_of_a_sine(void **state)
{
    (void)state;
    static int16_t x[1200];
    struct og_speech s = og_speech_default();
    sine(x, 1200, 440, 9000);
    check_features(&s, x, 1200);
    s.window = 200;  // filled up to 256
    s.hop = 50;
    s.mels = 20;
    s.low = 100;
    s.high = 3800;
    s.preemphasis = 0;
    s.coefficients = 20;
    check_features(&s, x, 1200);
    s.features = OG_LOG_MEL;
    check_features(&s, x, 1200);
    // The band around the sine is the loudest one.
    og_mfcc *mfcc;
    float y[20];
    double work[300];
    assert_int_equal(og_mfcc_alloc(&mfcc, &s, RATE, NULL), OG_OK);
    og_mfcc_compute(mfcc, x, 200, work, y);
    int loudest = 0;
    for (int m = 1; m < 20; m++)
        if (y[m] > y[loudest]) loudest = m;
    const double step = (mel(3800) - mel(100)) / 21;
    assert_int_equal(loudest, (int)lrint((mel(440) - mel(100)) / step) - 1);
    og_mfcc_free(mfcc);
}

static void silence_and_short_clips(void **state)
{
    (void)state;
    const struct og_speech s = og_speech_default();
    int16_t x[256] = {0};
    og_mfcc *mfcc;
    float y[13], z[13];
    double work[300];
    assert_int_equal(og_mfcc_alloc(&mfcc, &s, RATE, NULL), OG_OK);
    assert_int_equal(og_mfcc_steps(mfcc, 1), 1);
    assert_int_equal(og_mfcc_steps(mfcc, 383), 1);
    assert_int_equal(og_mfcc_steps(mfcc, 384), 2);
    og_mfcc_compute(mfcc, x, 256, work, y);
    assert_true(!(fabs(y[0] - sqrt(26) * log(1e-8)) > 1e-4));
    for (int k = 1; k < 13; k++) assert_true(!(fabsf(y[k]) > 1e-4f));
    sine(x, 100, 700, 5000);
    og_mfcc_compute(mfcc, x, 100, work, y);  // reads no further than 100
    const int16_t after = x[99];
    for (int i = 100; i < 256; i++) x[i] = after;
    og_mfcc_compute(mfcc, x, 100, work, z);
    assert_memory_equal(y, z, sizeof y);
    og_mfcc_free(mfcc);
}

static void bands_that_do_not_fit(void **state)
{
    (void)state;
    struct og_speech s = og_speech_default();
    struct og_error err = {0};
    og_mfcc *mfcc;
    s.high = 4001;
    assert_int_equal(og_mfcc_alloc(&mfcc, &s, RATE, &err), OG_INPUT);
    assert_non_null(strstr(err.text, "4001 Hz, more than half"));
    err = (struct og_error){0};
    s = og_speech_default();
    s.window = 32;
    assert_int_equal(og_mfcc_alloc(&mfcc, &s, RATE, &err), OG_INPUT);
    assert_null(mfcc);
    assert_non_null(strstr(err.text, "fewer mels"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(features_of_a_sine),
        cmocka_unit_test(silence_and_short_clips),
        cmocka_unit_test(bands_that_do_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
