// SPDX-License-Identifier: GPL-3.0-or-later
// For each window of samples x / 32768: pre-emphasis within the window, the window of
// Hamming, the power spectrum |X|^2, bands that are triangles of height 1 on the mel
// scale
//   mel(f) = 2595 log10(1 + f / 700)                      (O'Shaughnessy 1987)
// with centres equally spaced between `low` and `high`, ln of each band's energy E, and
//   c_k = sqrt(2 / M) sum_m ln(E_m) cos(pi k (m + 1/2) / M),  c_0 over sqrt(2) more,
// the orthonormal DCT-II. The form of the bands, the pre-emphasis of 0.97 and 26 bands
// are those of the HTK book; the floor of E is ohmgrid's choice.
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

static double mel_of(double f) { return 2595.0 * og_log10(1.0 + f / 700.0); }

// Weight of frequency `bin` in band m: its triangle reaches from the centre of the band
// before to that of the band after.
static double weight_of(const og_mfcc *c, double rate, size_t m, size_t bin)
{
    const double low = mel_of(c->s.low), high = mel_of(c->s.high);
    const double width = (high - low) / (double)(c->mels + 1);
    const double mel = mel_of((double)bin * rate / (double)c->fft);
    const double away = fabs((mel - low) / width - (double)(m + 1));
    return away < 1.0 ? 1.0 - away : 0.0;
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
    for (size_t i = 0; i < c->window; i++)
        c->shape[i] =
            0.54 - 0.46 * og_cos(2.0 * pi * (double)i / (double)(c->window - 1));
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

size_t og_mfcc_work(const og_mfcc *c) { return 2 * c->fft + c->mels; }

size_t og_mfcc_steps(const og_mfcc *c, size_t n)
{
    return n < c->window ? 1 : 1 + (n - c->window) / (size_t)c->s.hop;
}

// The window that begins at `sample`, of which n samples are there, ready for the FFT.
static void take_window(const og_mfcc *c, const int16_t *sample, size_t n, double *x)
{
    if (n > c->window) n = c->window;
    memset(x, 0, c->fft * sizeof *x);
    double before = sample[0];  // as if the first one had been there before
    for (size_t i = 0; i < n; i++) {
        const double now = sample[i];
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

static void take_logarithms(const og_mfcc *c, const double *power, double *energy)
{
    for (size_t m = 0; m < c->mels; m++) {
        const struct band *b = &c->band[m];
        double sum = 0;
        for (size_t i = 0; i < b->n; i++)
            sum += c->weight[b->weight + i] * power[b->first + i];
        energy[m] = og_log(sum > energy_floor ? sum : energy_floor);
    }
}

static void take_values(const og_mfcc *c, const double *energy, float *y)
{
    for (size_t k = 0; k < c->values; k++) {
        const double *row = c->dct ? c->dct + k * c->mels : NULL;
        double sum = row ? 0 : energy[k];
        for (size_t m = 0; row && m < c->mels; m++) sum += row[m] * energy[m];
        y[k] = (float)sum;
    }
}

void og_mfcc_compute(const og_mfcc *c, const int16_t *sample, size_t n, double *work,
                     float *y)
{
    double *x = work, *energy = work + c->fft;
    const size_t steps = og_mfcc_steps(c, n), hop = (size_t)c->s.hop;
    for (size_t t = 0; t < steps; t++, y += c->values) {
        take_window(c, sample + t * hop, n - t * hop, x);
        if (c->circle)
            take_power_fixed(c, x, energy + c->mels);
        else
            take_power(x, c->fft);
        take_logarithms(c, x, energy);
        take_values(c, energy, y);
    }
}
