// SPDX-License-Identifier: GPL-3.0-or-later
// For each window of samples x / 32768: pre-emphasis within the window, the window of
// Hamming or Hann, the power spectrum |X|^2, the energies E of bands that are equally
// spaced on a mel scale between `low` and `high`, their logarithms L, and
//   c_k = sqrt(2 / M) sum_m L_m cos(pi k (m + 1/2) / M),  c_0 over sqrt(2) more,
// the orthonormal DCT-II. Bands of kind htk are triangles of height 1 over
//   mel(f) = 2595 log10(1 + f / 700),                     (O'Shaughnessy 1987)
// those of kind slaney triangles of area 1 over f in Hz, with ends that are equally
// spaced over
//   mel(f) = 3 f / 200 below 1 kHz, 15 + 27 ln(f / 1 kHz) / ln 6.4 above
// (Slaney, Auditory Toolbox, Interval report 1998-010). L is ln E, or 10 log10 E, of
// which `top_db` below the largest of the recording is the least.
// Bands htk, the pre-emphasis of 0.97 and 26 bands are those of the HTK book; the floor
// of E for ln is ohmgrid's choice. All else is as librosa has it, floor and ends too.
#include "nn/mfcc.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include <gsl/gsl_fft_real.h>

#include "base/elementary.h"
#include "base/mem.h"
#include "ohmgrid/cpu.h"

// About what rounding to 16 bits leaves in a band, so that digital silence, whose
// logarithm would be infinite, looks like the quietest that can be recorded.
static const double energy_floor = 1e-8;
static const double db_floor = 1e-10;
static const double pi = 3.14159265358979323846;

struct band {
    size_t first, n;  // frequencies of the spectrum
    size_t weight;    // its first one in og_mfcc.weight
};

struct og_mfcc {
    struct og_speech s;
    size_t window, fft, mels, values;
    double *shape;  // [window]
    struct band *band;
    double *weight;  // of all bands
    double *dct;     // [values][mels]; NULL: log_mel
    double *circle;  // [2][fft] cos and sin of 2 pi k / fft, or NULL: kernels not fixed
};

// --- bands ---------------------------------------------------------------------------

static double mel_of(double f) { return 2595.0 * og_log10(1.0 + f / 700.0); }

static double slaney_of(double f)
{
    return f < 1000.0 ? 3.0 * f / 200.0 : 15.0 + 27.0 * og_log(f / 1000.0) / og_log(6.4);
}

static double slaney_to_hz(double mel)
{
    return mel < 15.0 ? mel * 200.0 / 3.0
                      : 1000.0 * og_exp((mel - 15.0) * og_log(6.4) / 27.0);
}

// Weight of frequency `bin` in band m: its triangle reaches from the centre of the band
// before to that of the band after.
static double htk_weight(const og_mfcc *c, double rate, size_t m, size_t bin)
{
    const double low = mel_of(c->s.low), high = mel_of(c->s.high);
    const double width = (high - low) / (double)(c->mels + 1);
    const double mel = mel_of((double)bin * rate / (double)c->fft);
    const double away = fabs((mel - low) / width - (double)(m + 1));
    return away < 1.0 ? 1.0 - away : 0.0;
}

static double slaney_weight(const og_mfcc *c, double rate, size_t m, size_t bin)
{
    const double low = slaney_of(c->s.low), high = slaney_of(c->s.high);
    const double width = (high - low) / (double)(c->mels + 1);
    const double f = (double)bin * rate / (double)c->fft;
    double end[3];
    for (int i = 0; i < 3; i++) end[i] = slaney_to_hz(low + width * (double)(m + i));
    const double up = (f - end[0]) / (end[1] - end[0]);
    const double down = (end[2] - f) / (end[2] - end[1]);
    const double least = up < down ? up : down;
    return least > 0 ? least * 2.0 / (end[2] - end[0]) : 0.0;
}

static double weight_of(const og_mfcc *c, double rate, size_t m, size_t bin)
{
    return c->s.mel == OG_MEL_SLANEY ? slaney_weight(c, rate, m, bin)
                                     : htk_weight(c, rate, m, bin);
}

static og_status set_bands(og_mfcc *c, double rate, struct og_error *err)
{
    size_t used = 0;
    for (size_t m = 0; m < c->mels; m++) {
        struct band *b = &c->band[m];
        b->weight = used;
        for (size_t bin = 0; bin <= c->fft / 2; bin++) {
            const double w = weight_of(c, rate, m, bin);
            if (w == 0) continue;
            if (b->n == 0) b->first = bin;
            // A frequency lies in two bands at most.
            c->weight[used++] = w;
            b->n++;
        }
        if (b->n == 0)
            return og_fail(err, OG_INPUT,
                           "data.features: band %zu of %zu holds none of the frequencies "
                           "of a window of %zu samples; fewer mels or a longer window "
                           "are needed",
                           m, c->mels, c->window);
    }
    return OG_OK;
}

// --- tables --------------------------------------------------------------------------

// That of Hamming has equal ends; that of Hann has period `window`.
static void set_shape(og_mfcc *c)
{
    const bool hann = c->s.shape == OG_SHAPE_HANN;
    const double a = hann ? 0.5 : 0.54, b = hann ? 0.5 : 0.46;
    const double period = (double)(hann ? c->window : c->window - 1);
    for (size_t i = 0; i < c->window; i++)
        c->shape[i] = a - b * og_cos(2.0 * pi * (double)i / period);
}

static void set_dct(og_mfcc *c)
{
    const double m = (double)c->mels;
    for (size_t k = 0; k < c->values; k++)
        for (size_t i = 0; i < c->mels; i++)
            c->dct[k * c->mels + i] = sqrt((k == 0 ? 1.0 : 2.0) / m) *
                                      og_cos(pi * (double)k * ((double)i + 0.5) / m);
}

static og_status alloc_tables(og_mfcc *c, struct og_error *err)
{
    c->shape = og_alloc(c->window, sizeof *c->shape);
    c->band = og_alloc(c->mels, sizeof *c->band);
    c->weight = og_alloc(c->fft + 2, sizeof *c->weight);
    if (c->s.features == OG_MFCC) c->dct = og_alloc(c->values * c->mels, sizeof *c->dct);
    if (og_cpu_fixed()) c->circle = og_alloc(2 * c->fft, sizeof *c->circle);
    if (!c->shape || !c->band || !c->weight || (c->s.features == OG_MFCC && !c->dct) ||
        (og_cpu_fixed() && !c->circle))
        return og_fail(err, OG_NO_MEMORY, "out of memory for the features of speech");
    return OG_OK;
}

static og_status set_tables(og_mfcc *c, double rate, struct og_error *err)
{
    OG_TRY(alloc_tables(c, err));
    set_shape(c);
    if (c->dct) set_dct(c);
    for (size_t k = 0; c->circle && k < c->fft; k++) {
        const double angle = 2.0 * pi * (double)k / (double)c->fft;
        c->circle[k] = og_cos(angle);
        c->circle[c->fft + k] = og_sin(angle);
    }
    return set_bands(c, rate, err);
}

og_status og_mfcc_alloc(og_mfcc **mfcc, const struct og_speech *s, double rate,
                        struct og_error *err)
{
    *mfcc = NULL;
    assert(s->window >= 2 && s->hop >= 1 && s->mels >= 1 && s->coefficients >= 1);
    assert(s->mels <= OG_MFCC_VALUES);
    assert(s->features != OG_MFCC || s->coefficients <= s->mels);
    if (s->high > rate / 2)
        return og_fail(err, OG_INPUT,
                       "data.features.high is %g Hz, more than half the sample rate of "
                       "%g Hz",
                       s->high, rate);
    og_mfcc *c = og_alloc(1, sizeof *c);
    if (!c) return og_fail(err, OG_NO_MEMORY, "out of memory for the features of speech");
    c->s = *s;
    c->window = (size_t)s->window;
    c->mels = (size_t)s->mels;
    c->values = s->features == OG_MFCC ? (size_t)s->coefficients : c->mels;
    for (c->fft = 2; c->fft < c->window;) c->fft *= 2;
    const og_status status = set_tables(c, rate, err);
    if (status != OG_OK) {
        og_mfcc_free(c);
        return status;
    }
    *mfcc = c;
    return OG_OK;
}

void og_mfcc_free(og_mfcc *c)
{
    if (!c) return;
    og_free(c->shape);
    og_free(c->band);
    og_free(c->weight);
    og_free(c->dct);
    og_free(c->circle);
    og_free(c);
}

size_t og_mfcc_values(const og_mfcc *c) { return c->values; }

// --- from samples to values ----------------------------------------------------------

size_t og_mfcc_steps(const og_mfcc *c, size_t n)
{
    if (c->s.centre) return 1 + n / (size_t)c->s.hop;
    return n < c->window ? 1 : 1 + (n - c->window) / (size_t)c->s.hop;
}

// Only the floor below the loudest band needs all steps at once.
static bool has_top(const og_mfcc *c)
{
    return c->s.scale == OG_LEVEL_DB && c->s.top_db > 0;
}

size_t og_mfcc_work(const og_mfcc *c, size_t n)
{
    return 2 * c->fft + (has_top(c) ? og_mfcc_steps(c, n) : 1) * c->mels;
}

// Which of n samples stands at place i of a recording that is reflected at its first and
// its last sample, as often as needed; the only one of n = 1 everywhere.
static size_t reflected(ptrdiff_t i, size_t n)
{
    if (n == 1) return 0;
    const ptrdiff_t period = 2 * ((ptrdiff_t)n - 1);
    i %= period;
    if (i < 0) i += period;
    return (size_t)(i < (ptrdiff_t)n ? i : period - i);
}

// Window t of n samples, ready for the FFT. One that is centred has samples everywhere,
// and its middle at t hops; else zeros follow the last sample.
static void take_window(const og_mfcc *c, const int16_t *sample, size_t n, size_t t,
                        double *x)
{
    const bool centre = c->s.centre != 0;
    const size_t at = t * (size_t)c->s.hop;
    const size_t left = centre || n - at > c->window ? c->window : n - at;
    const ptrdiff_t first = (ptrdiff_t)at - (ptrdiff_t)(centre ? (c->window + 1) / 2 : 0);
    memset(x, 0, c->fft * sizeof *x);
    double before = 0;
    for (size_t i = 0; i < left; i++) {
        const ptrdiff_t place = first + (ptrdiff_t)i;
        const double now = sample[centre ? reflected(place, n) : (size_t)place];
        if (i == 0) before = now;  // as if the first one had been there before
        x[i] = (now - c->s.preemphasis * before) / 32768.0 * c->shape[i];
        before = now;
    }
}

// The same as take_power by the definition of the transform: GSL's takes its angles from
// the C library.
static void take_power_fixed(const og_mfcc *c, double *x, double *copy)
{
    const size_t n = c->fft;
    memcpy(copy, x, n * sizeof *x);
    for (size_t k = 0; k <= n / 2; k++) {
        double real = 0, imaginary = 0;
        for (size_t i = 0; i < n; i++) {
            real += copy[i] * c->circle[i * k % n];
            imaginary += copy[i] * c->circle[n + i * k % n];
        }
        x[k] = real * real + imaginary * imaginary;
    }
}

// Power of each frequency, 0 to fft/2, in place of GSL's half-complex result.
static void take_power(double *x, size_t fft)
{
    const int done = gsl_fft_real_radix2_transform(x, 1, fft);
    assert(done == 0);  // fft is a power of two
    (void)done;
    x[0] *= x[0];
    for (size_t i = 1; i < fft / 2; i++) x[i] = x[i] * x[i] + x[fft - i] * x[fft - i];
    x[fft / 2] *= x[fft / 2];
}

static double logarithm(const og_mfcc *c, double energy)
{
    if (c->s.scale == OG_LEVEL_DB)
        return 10.0 * og_log10(energy > db_floor ? energy : db_floor);
    return og_log(energy > energy_floor ? energy : energy_floor);
}

static void take_levels(const og_mfcc *c, const double *power, double *level)
{
    for (size_t m = 0; m < c->mels; m++) {
        const struct band *b = &c->band[m];
        double sum = 0;
        for (size_t i = 0; i < b->n; i++)
            sum += c->weight[b->weight + i] * power[b->first + i];
        level[m] = logarithm(c, sum);
    }
}

// The least of n levels becomes top_db below the greatest.
static void raise_floor(const og_mfcc *c, double *level, size_t n)
{
    double top = level[0];
    for (size_t i = 1; i < n; i++)
        if (level[i] > top) top = level[i];
    for (size_t i = 0; i < n; i++)
        if (level[i] < top - c->s.top_db) level[i] = top - c->s.top_db;
}

static void take_values(const og_mfcc *c, const double *level, float *y)
{
    for (size_t k = 0; k < c->values; k++) {
        const double *row = c->dct ? c->dct + k * c->mels : NULL;
        double sum = row ? 0 : level[k];
        for (size_t m = 0; row && m < c->mels; m++) sum += row[m] * level[m];
        y[k] = (float)sum;
    }
}

void og_mfcc_compute(const og_mfcc *c, const int16_t *sample, size_t n, double *work,
                     float *y)
{
    double *x = work, *copy = work + c->fft, *level = copy + c->fft;
    const size_t steps = og_mfcc_steps(c, n), row = has_top(c) ? c->mels : 0;
    for (size_t t = 0; t < steps; t++) {
        take_window(c, sample, n, t, x);
        if (c->circle)
            take_power_fixed(c, x, copy);
        else
            take_power(x, c->fft);
        take_levels(c, x, level + t * row);
        if (!row) take_values(c, level, y + t * c->values);
    }
    if (!row) return;
    raise_floor(c, level, steps * c->mels);
    for (size_t t = 0; t < steps; t++) take_values(c, level + t * row, y + t * c->values);
}
