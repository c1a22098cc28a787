// SPDX-License-Identifier: GPL-3.0-or-later
// What becomes of samples: the fast way against the formulas.
#include <math.h>

#include "fsdd_files.h"
#include "nn/mfcc.h"
#include "ohmgrid/cpu.h"

// The formulas of docs/data.md as they stand: a plain DFT, bands and cosines.
static double mel(double f) { return 2595.0 * log10(1.0 + f / 700.0); }

static double slaney(double f)
{
    return f < 1000 ? f * 3 / 200 : 15 + log(f / 1000) / (log(6.4) / 27);
}
static double unslaney(double m)
{
    return m < 15 ? m * 200 / 3 : 1000 * pow(6.4, (m - 15) / 27);
}

// Samples n.. after the end, and before the beginning, by going back and forth.
static double sample_at(const int16_t *x, int n, int i)
{
    if (n == 1) return x[0];
    while (i < 0 || i >= n) i = i < 0 ? -i : 2 * (n - 1) - i;
    return x[i];
}

static double shape_at(const struct og_speech *s, int i)
{
    if (s->shape == OG_SHAPE_HANN) return 0.5 - 0.5 * cos(2 * pi * i / s->window);
    return 0.54 - 0.46 * cos(2 * pi * i / (s->window - 1));
}

// Of the window that begins at sample `first` of n.
static double power_at(const struct og_speech *s, const int16_t *x, int n, int first,
                       size_t fft, size_t bin)
{
    double re = 0, im = 0;
    for (int i = 0; i < s->window; i++) {
        const double before = sample_at(x, n, i > 0 ? first + i - 1 : first);
        const double v = (sample_at(x, n, first + i) - s->preemphasis * before) /
                         32768.0 * shape_at(s, i);
        const double angle = 2 * pi * (double)bin * i / (double)fft;
        re += v * cos(angle);
        im -= v * sin(angle);
    }
    return re * re + im * im;
}

static double band_weight(const struct og_speech *s, int m, double f)
{
    double up, down, height = 1;
    if (s->mel == OG_MEL_SLANEY) {
        const double low = slaney(s->low);
        const double step = (slaney(s->high) - low) / (s->mels + 1);
        const double a = unslaney(low + m * step), b = unslaney(low + (m + 1) * step),
                     c = unslaney(low + (m + 2) * step);
        up = (f - a) / (b - a);
        down = (c - f) / (c - b);
        height = 2 / (c - a);
    } else {
        const double step = (mel(s->high) - mel(s->low)) / (s->mels + 1);
        const double at = mel(f) - mel(s->low);
        up = at / step - m;
        down = m + 2 - at / step;
    }
    return fmax(0, fmin(up, down)) * height;
}

enum { BANDS = 128, STEPS = 64 };

static void levels_of(const struct og_speech *s, const int16_t *x, int n, int first,
                      double level[BANDS])
{
    size_t fft = 1;
    double energy[BANDS] = {0};
    while (fft < (size_t)s->window) fft *= 2;
    for (size_t bin = 0; bin <= fft / 2; bin++) {
        const double power = power_at(s, x, n, first, fft, bin);
        for (int m = 0; m < s->mels; m++)
            energy[m] += power * band_weight(s, m, (double)bin * RATE / (double)fft);
    }
    for (int m = 0; m < s->mels; m++)
        level[m] = s->scale == OG_LEVEL_DB ? 10 * log10(fmax(energy[m], 1e-10))
                                           : log(fmax(energy[m], 1e-8));
}

// y[steps][values]; returns the steps.
static size_t reference(const struct og_speech *s, const int16_t *x, int n, double *y)
{
    static double level[STEPS][BANDS];
    const int steps = s->centre ? 1 + n / s->hop : 1 + (n - s->window) / s->hop;
    const int values = s->features == OG_MFCC ? s->coefficients : s->mels;
    double top = -INFINITY;
    for (int t = 0; t < steps; t++) {
        const int first = t * s->hop - (s->centre ? (s->window + 1) / 2 : 0);
        levels_of(s, x, n, first, level[t]);
        for (int m = 0; m < s->mels; m++) top = fmax(top, level[t][m]);
    }
    const bool floored = s->scale == OG_LEVEL_DB && s->top_db > 0;
    for (int t = 0; t < steps; t++)
        for (int k = 0; k < values; k++) {
            double sum = 0;
            for (int m = 0; m < s->mels; m++) {
                double *l = &level[t][m];
                if (floored) *l = fmax(*l, top - s->top_db);
                sum += *l * cos(pi * k * (2 * m + 1) / (2.0 * s->mels));
            }
            y[t * values + k] = s->features == OG_MFCC
                                    ? sum * sqrt((k ? 2.0 : 1.0) / s->mels)
                                    : level[t][k];
        }
    return (size_t)steps;
}

static void check_one_way(const struct og_speech *s, const int16_t *x, size_t n)
{
    og_mfcc *mfcc;
    static float y[ROOM];
    static double work[2 * ROOM], expected[ROOM];
    assert_int_equal(og_mfcc_alloc(&mfcc, s, RATE, NULL), OG_OK);
    const size_t values = og_mfcc_values(mfcc), steps = og_mfcc_steps(mfcc, n);
    assert_true(steps <= STEPS && steps * values <= ROOM);
    assert_true(og_mfcc_work(mfcc, n) <= 2 * ROOM);
    og_mfcc_compute(mfcc, x, n, work, y);
    assert_int_equal(steps, reference(s, x, (int)n, expected));
    for (size_t k = 0; k < steps * values; k++) {
        // Floats of up to about 100 in size, in dB of up to 1000.
        const double tolerance = s->scale == OG_LEVEL_DB ? 1e-4 : 1e-5;
        assert_true(!(fabs(y[k] - expected[k]) > tolerance) && isfinite(y[k]));
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
    double work[600];
    assert_int_equal(og_mfcc_alloc(&mfcc, &s, RATE, NULL), OG_OK);
    og_mfcc_compute(mfcc, x, 200, work, y);
    int loudest = 0;
    for (int m = 1; m < 20; m++)
        if (y[m] > y[loudest]) loudest = m;
    const double step = (mel(3800) - mel(100)) / 21;
    assert_int_equal(loudest, (int)lrint((mel(440) - mel(100)) / step) - 1);
    og_mfcc_free(mfcc);
}

// What librosa does by default, at half its rate: the window in samples and the bands.
static struct og_speech like_librosa(void)
{
    struct og_speech s = og_speech_default();
    s.window = 1024;
    s.hop = 256;
    s.shape = OG_SHAPE_HANN;
    s.centre = 1;
    s.mels = 64;
    s.mel = OG_MEL_SLANEY;
    s.scale = OG_LEVEL_DB;
    s.preemphasis = 0;
    s.coefficients = 12;
    return s;
}

static void features_of_librosa(void **state)
{
    (void)state;
    static int16_t x[2000];
    struct og_speech s = like_librosa();
    sine(x, 2000, 440, 9000);
    for (int i = 1200; i < 2000; i++) x[i] = (int16_t)(i % 3 - 1);  // far below the top
    check_features(&s, x, 2000);
    s.features = OG_LOG_MEL;
    check_features(&s, x, 2000);
    s.top_db = 20;
    check_features(&s, x, 2000);
    s.top_db = 0;
    check_features(&s, x, 2000);
    memset(x + 1000, 0, 1000 * sizeof *x);
    check_features(&s, x, 2000);
}

// Each key alone, with windows that are no power of two, even and odd, and pre-emphasis.
static void each_key_alone(void **state)
{
    (void)state;
    static int16_t x[900];
    sine(x, 900, 1234, 7000);
    for (int key = 0; key < 4; key++)
        for (int window = 200; window < 202; window++) {
            struct og_speech s = og_speech_default();
            s.window = window;
            s.mels = 20;
            s.shape = key == 0 ? OG_SHAPE_HANN : OG_SHAPE_HAMMING;
            s.centre = key == 1;
            s.mel = key == 2 ? OG_MEL_SLANEY : OG_MEL_HTK;
            s.low = key == 2 ? 1100 : 100;
            s.scale = key == 3 ? OG_LEVEL_DB : OG_LEVEL_LN;
            check_features(&s, x, 900);
        }
}

// Fewer samples than half a window are reflected more than once; one stands everywhere.
static void short_clips_reflected(void **state)
{
    (void)state;
    static int16_t x[512];
    const struct og_speech s = like_librosa();
    const size_t lengths[] = {1, 2, 3, 100, 256, 512};
    sine(x, 512, 700, 5000);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        int16_t *tight = og_alloc(lengths[i], sizeof *x);
        assert_non_null(tight);
        memcpy(tight, x, lengths[i] * sizeof *x);
        check_features(&s, tight, lengths[i]);  // reads nothing else
        og_free(tight);
    }
    // Silence is silence at any top.
    og_mfcc *mfcc;
    static double work[4000];
    float y[12];
    const int16_t silence = 0;
    assert_int_equal(og_mfcc_alloc(&mfcc, &s, RATE, NULL), OG_OK);
    assert_int_equal(og_mfcc_steps(mfcc, 1), 1);
    assert_int_equal(og_mfcc_steps(mfcc, 255), 1);
    assert_int_equal(og_mfcc_steps(mfcc, 256), 2);
    assert_true(og_mfcc_work(mfcc, 1) <= 4000);
    og_mfcc_compute(mfcc, &silence, 1, work, y);
    assert_true(!(fabs(y[0] + sqrt(64) * 100) > 1e-3));
    for (int k = 1; k < 12; k++) assert_true(!(fabsf(y[k]) > 1e-4f));
    og_mfcc_free(mfcc);
}

static void silence_and_short_clips(void **state)
{
    (void)state;
    const struct og_speech s = og_speech_default();
    int16_t x[256] = {0};
    og_mfcc *mfcc;
    float y[13], z[13];
    double work[600];
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
        cmocka_unit_test(features_of_librosa),
        cmocka_unit_test(each_key_alone),
        cmocka_unit_test(short_clips_reflected),
        cmocka_unit_test(silence_and_short_clips),
        cmocka_unit_test(bands_that_do_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
