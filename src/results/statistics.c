// SPDX-License-Identifier: GPL-3.0-or-later
// Chips share the test images, so accuracies over chips x images are not independent
// draws: the interval over both resamples chips and images separately (Owen, "The
// pigeonhole bootstrap", Ann. Appl. Stat. 1 (2007) 386). It is on the safe side: the
// variance of the chip-image interaction is counted up to three times.
#include "results/statistics.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_errno.h>
#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics.h>

#include "base/mem.h"
#include "ohmgrid/cpu.h"
#include "ohmgrid/random.h"
#include "results/file.h"

struct og_interval og_interval_chips(const double *value, const uint8_t *done, size_t n)
{
    struct og_interval r = {NAN, NAN, NAN};
    double sum = 0, squares = 0;
    size_t k = 0;
    for (size_t i = 0; i < n; i++) {
        if (!done[i]) continue;
        sum += value[i];
        k++;
    }
    if (k == 0) return r;
    r.mean = sum / (double)k;
    if (k == 1) return r;
    for (size_t i = 0; i < n; i++)
        if (done[i]) squares += (value[i] - r.mean) * (value[i] - r.mean);
    double error = sqrt(squares / (double)(k - 1) / (double)k);
    double quantile = gsl_cdf_tdist_Pinv(0.975, (double)(k - 1));
    // GSL computes it by the C library; its first 24 bits are the same everywhere.
    if (og_cpu_fixed()) quantile = (double)(float)quantile;
    double half = quantile * error;
    r.low = r.mean - half;
    r.high = r.mean + half;
    return r;
}

struct og_interval og_interval_unit(struct og_interval i)
{
    // Written so that NaN stays NaN.
    if (i.low < 0) i.low = 0;
    if (i.high > 1) i.high = 1;
    return i;
}

// How often a resample drew each test sample, as bit planes: bit s of plane p is bit p of
// the count. A sum of counts over hits is then popcount work.
enum { PLANES = 16 };

struct draw {
    size_t words, planes;  // planes: those that are in use
    size_t chips;          // of how many chips `times` is
    uint32_t *times;       // [trials]: how often each was drawn
    uint64_t *plane;       // [PLANES][words]
    uint16_t *count;       // [64 * words]
    float *uniform;        // [max(samples, trials)]
};

struct hits {
    size_t words, points, trials;
    uint64_t *bit;  // [point][trial][words]
    size_t *chips;  // [point]: how many are done
    size_t *chip;   // [point][trial]: their numbers
};

static bool draw_alloc(struct draw *d, size_t samples, size_t trials)
{
    d->words = (samples + 63) / 64;
    d->plane = og_alloc(PLANES * d->words, sizeof *d->plane);
    d->count = og_alloc(64 * d->words, sizeof *d->count);
    d->uniform = og_alloc(samples > trials ? samples : trials, sizeof *d->uniform);
    d->times = og_alloc(trials, sizeof *d->times);
    return d->plane != NULL && d->count != NULL && d->uniform != NULL && d->times != NULL;
}

static void draw_free(struct draw *d)
{
    og_free(d->plane);
    og_free(d->count);
    og_free(d->uniform);
    og_free(d->times);
}

static size_t position(float uniform, size_t n)
{
    size_t i = (size_t)((double)uniform * (double)n);
    return i < n ? i : n - 1;
}

static void draw_samples(struct draw *d, const struct og_stream *s, uint32_t b, size_t n)
{
    og_uniform_fill(s, (struct og_index){b, 0, 0}, 0, d->uniform, n);
    memset(d->count, 0, 64 * d->words * sizeof *d->count);
    memset(d->plane, 0, PLANES * d->words * sizeof *d->plane);
    for (size_t i = 0; i < n; i++) d->count[position(d->uniform[i], n)]++;
    unsigned all = 0;
    for (size_t i = 0; i < n; i++) all |= d->count[i];
    d->planes = 0;
    while (all >> d->planes != 0) d->planes++;
    for (size_t p = 0; p < d->planes; p++)
        for (size_t i = 0; i < n; i++)
            d->plane[p * d->words + i / 64] |= (uint64_t)(d->count[i] >> p & 1) << i % 64;
}

// Sum of count x hit over the samples of one chip; part of whoever calls it, compiled
// with its instructions.
static inline __attribute__((always_inline)) uint64_t weighted_hits(const struct draw *d,
                                                                    const uint64_t *bit)
{
    uint64_t sum = 0;
    for (size_t p = 0; p < d->planes; p++) {
        uint64_t n = 0;
        const uint64_t *plane = d->plane + p * d->words;
        for (size_t w = 0; w < d->words; w++)
            n += (uint64_t)__builtin_popcountll(plane[w] & bit[w]);
        sum += n << p;
    }
    return sum;
}

// Points have as many chips as a rule, so that the draw of one serves the next.
static void draw_chips(struct draw *d, size_t chips)
{
    if (d->chips == chips) return;
    d->chips = chips;
    memset(d->times, 0, chips * sizeof *d->times);
    for (size_t t = 0; t < chips; t++) d->times[position(d->uniform[t], chips)]++;
}

// A chip that was drawn twice is counted twice, not summed twice. Popcounts are one
// instruction where the processor has it, which is asked for when the program starts.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
__attribute__((target_clones("popcnt", "default")))
#endif
static uint64_t
drawn_hits(const struct draw *d, const uint64_t *bit, const size_t *chip)
{
    uint64_t sum = 0;
    for (size_t k = 0; k < d->chips; k++)
        if (d->times[k] > 0)
            sum += d->times[k] * weighted_hits(d, bit + chip[k] * d->words);
    return sum;
}

static double resample(struct draw *d, const struct hits *h, size_t point, size_t samples)
{
    const size_t chips = h->chips[point];
    draw_chips(d, chips);
    const uint64_t sum =
        drawn_hits(d, h->bit + point * h->trials * h->words, h->chip + point * h->trials);
    return (double)sum / (double)chips / (double)samples;
}

static bool gather_hits(struct hits *h, const struct og_result *r, size_t points)
{
    size_t bytes = (r->samples + 7) / 8, n = points * r->trials;
    h->words = (r->samples + 63) / 64;
    h->points = points;
    h->trials = r->trials;
    h->bit = og_alloc(n * h->words, sizeof *h->bit);
    h->chip = og_alloc(n, sizeof *h->chip);
    h->chips = og_alloc(points, sizeof *h->chips);
    if (h->bit == NULL || h->chip == NULL || h->chips == NULL) return false;
    for (size_t i = 0; i < n; i++) {
        if (!r->done[i]) continue;
        size_t point = i / r->trials;
        h->chip[point * r->trials + h->chips[point]++] = i % r->trials;
        for (size_t b = 0; b < bytes; b++)
            h->bit[i * h->words + b / 8] |= (uint64_t)r->correct[i * bytes + b]
                                            << b % 8 * 8;
    }
    return true;
}

static void hits_free(struct hits *h)
{
    og_free(h->bit);
    og_free(h->chip);
    og_free(h->chips);
}

// mean[point * OG_RESAMPLES + b]. The same draws serve all points: what is common to them
// cancels in their differences.
static bool resample_all(const struct og_result *r, const struct hits *h, double *mean)
{
    struct og_stream s = og_stream_named(r->seed, OG_BOOTSTRAP, 0, 0, 0);
    bool ok = true;
#pragma omp parallel default(none) shared(r, h, mean, s, ok)
    {
        struct draw d = {0};
        bool mine = draw_alloc(&d, r->samples, r->trials);
#pragma omp for schedule(static)
        for (uint32_t b = 0; b < OG_RESAMPLES; b++) {
            if (!mine) continue;
            draw_samples(&d, &s, b, r->samples);
            d.chips = 0;
            og_uniform_fill(&s, (struct og_index){b, 1, 0}, 0, d.uniform, r->trials);
            for (size_t p = 0; p < h->points; p++)
                if (h->chips[p] > 0)
                    mean[p * OG_RESAMPLES + b] = resample(&d, h, p, r->samples);
        }
        if (!mine) {
#pragma omp atomic write
            ok = false;
        }
        draw_free(&d);
    }
    return ok;
}

static void percentiles(const struct hits *h, double *mean, double *low, double *high)
{
    for (size_t p = 0; p < h->points; p++) {
        low[p] = high[p] = NAN;
        if (h->chips[p] == 0) continue;
        double *m = mean + p * OG_RESAMPLES;
        gsl_sort(m, 1, OG_RESAMPLES);
        low[p] = gsl_stats_quantile_from_sorted_data(m, 1, OG_RESAMPLES, 0.025);
        high[p] = gsl_stats_quantile_from_sorted_data(m, 1, OG_RESAMPLES, 0.975);
    }
}

og_status og_bootstrap(const struct og_result *r, size_t points, double *low,
                       double *high, struct og_error *err)
{
    assert(r->correct != NULL && r->samples > 0);
    struct hits h = {0};
    double *mean = og_alloc(points * OG_RESAMPLES, sizeof *mean);
    bool ok = mean != NULL && gather_hits(&h, r, points) && resample_all(r, &h, mean);
    if (ok) percentiles(&h, mean, low, high);
    hits_free(&h);
    og_free(mean);
    return ok ? OG_OK : og_fail_memory(err);
}
