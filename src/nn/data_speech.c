// SPDX-License-Identifier: GPL-3.0-or-later
// From recordings to sequences. The mean and deviation of each coefficient, and the
// default length, are those of all of the training set, whatever data.train_limit says:
// so the test set is the same for every limit.
#include "nn/data_speech.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include <gsl/gsl_errno.h>

#include "base/mem.h"
#include "nn/data_file.h"
#include "nn/mfcc.h"

enum { OG_SPEECH_PARTS = 64 };  // of the recordings, each with its own workspace

void og_recordings_clear(struct og_recordings *clips)
{
    og_free(clips->clip);
    og_free(clips->sample);
}

bool og_data_speech_exists(const char *folder, enum og_split split)
{
    return og_recordings_in_hdf5(folder) || og_recordings_in_wav(folder, split);
}

// By take, then digit, then speaker (files and names are in the order of digits and
// speakers): so the first n of a split have all digits alike, for any limit, and HDF5 and
// WAV files give the same order.
static int by_take(const void *a, const void *b)
{
    const struct og_recording *x = a, *y = b;
    if (x->take != y->take) return x->take < y->take ? -1 : 1;
    if (x->label != y->label) return x->label < y->label ? -1 : 1;
    return x->position < y->position ? -1 : x->position > y->position;
}

// Steps of all recordings: those of the test set come first in the order, so train begins
// at clip `tests`.
struct steps {
    const struct og_recordings *clips;
    const og_mfcc *mfcc;
    size_t values, tests;
    size_t *first;  // [clips->n + 1]
    float *y;       // [first[n]][values]
    double *work;   // [OG_SPEECH_PARTS][og_mfcc_work]
    double mean[OG_MFCC_VALUES], scale[OG_MFCC_VALUES];
};

static void compute_part(const struct steps *s, size_t part)
{
    const size_t n = s->clips->n;
    double *work = s->work + part * og_mfcc_work(s->mfcc);
    for (size_t i = part * n / OG_SPEECH_PARTS; i < (part + 1) * n / OG_SPEECH_PARTS; i++)
        og_mfcc_compute(s->mfcc, s->clips->sample + s->clips->clip[i].first,
                        s->clips->clip[i].n, work, s->y + s->first[i] * s->values);
}

static og_status compute(struct steps *s, struct og_error *err)
{
    const size_t n = s->clips->n;
    s->first = og_alloc(n + 1, sizeof *s->first);
    if (!s->first)
        return og_fail(err, OG_NO_MEMORY, "out of memory for %zu recordings", n);
    for (size_t i = 0; i < n; i++)
        s->first[i + 1] = s->first[i] + og_mfcc_steps(s->mfcc, s->clips->clip[i].n);
    s->y = og_alloc(s->first[n], s->values * sizeof *s->y);
    s->work = og_alloc(OG_SPEECH_PARTS, og_mfcc_work(s->mfcc) * sizeof *s->work);
    if (!s->y || !s->work)
        return og_fail(err, OG_NO_MEMORY,
                       "out of memory for the features of %zu recordings", n);
    gsl_error_handler_t *handler = gsl_set_error_handler_off();
#pragma omp parallel for default(none) shared(s) schedule(static)
    for (size_t part = 0; part < OG_SPEECH_PARTS; part++) compute_part(s, part);
    gsl_set_error_handler(handler);
    return OG_OK;
}

// Of the training set. A coefficient that never changes is zero throughout.
static void measure(struct steps *s)
{
    const size_t from = s->first[s->tests], to = s->first[s->clips->n];
    const double n = (double)(to - from);
    for (size_t k = 0; k < s->values; k++) {
        double sum = 0, square = 0;
        bool varies = false;
        for (size_t t = from; t < to; t++) sum += s->y[t * s->values + k];
        s->mean[k] = sum / n;
        for (size_t t = from; t < to; t++) {
            const double d = s->y[t * s->values + k] - s->mean[k];
            square += d * d;
            varies = varies || s->y[t * s->values + k] != s->y[from * s->values + k];
        }
        s->scale[k] = varies ? 1.0 / sqrt(square / n) : 0.0;
    }
}

static size_t longest(const struct steps *s)
{
    size_t steps = 0;
    for (size_t i = s->tests; i < s->clips->n; i++)
        if (s->first[i + 1] - s->first[i] > steps) steps = s->first[i + 1] - s->first[i];
    return steps;
}

// The first set->n recordings of the split, normalised.
static og_status keep(struct og_dataset *set, const struct steps *s, struct og_error *err)
{
    const size_t begin = set->spec.split == OG_TEST ? 0 : s->tests;
    const size_t base = s->first[begin], steps = s->first[begin + set->n] - base;
    set->label = og_alloc(set->n, 1);
    set->first = og_alloc(set->n + 1, sizeof *set->first);
    set->step = og_alloc(steps, s->values * sizeof *set->step);
    if (!set->label || !set->first || !set->step)
        return og_fail(err, OG_NO_MEMORY, "out of memory for the %zu sequences of %s",
                       set->n, set->path);
    for (size_t i = 0; i < set->n; i++) {
        set->label[i] = (uint8_t)s->clips->clip[begin + i].label;
        set->first[i + 1] = s->first[begin + i + 1] - base;
        if (set->first[i + 1] - set->first[i] > set->shape.dim[0]) set->shortened++;
    }
    const float *y = s->y + base * s->values;
    for (size_t t = 0; t < steps; t++)
        for (size_t k = 0; k < s->values; k++) {
            const size_t at = t * s->values + k;
            set->step[at] = (float)((y[at] - s->mean[k]) * s->scale[k]);
        }
    return OG_OK;
}

static og_status fill(struct og_dataset *set, struct steps *s, struct og_error *err)
{
    const size_t n = s->clips->n;
    while (s->tests < n && s->clips->clip[s->tests].take < OG_FSDD_TEST) s->tests++;
    if (s->tests == n)
        return og_fail(err, OG_INPUT,
                       "data set %s in %s has no training samples, which give "
                       "the mean of each coefficient",
                       set->spec.name, set->path);
    OG_TRY(og_data_limit(set, set->spec.split == OG_TEST ? s->tests : n - s->tests,
                         &set->n, err));
    OG_TRY(compute(s, err));
    measure(s);
    const size_t steps =
        set->spec.speech.steps ? (size_t)set->spec.speech.steps : longest(s);
    set->shape = (struct og_shape){2, {steps, s->values, 0}};
    return keep(set, s, err);
}

static og_status read_clips(struct og_recordings *clips, const char *folder,
                            struct og_error *err)
{
    if (og_recordings_in_hdf5(folder)) return og_recordings_read_hdf5(clips, folder, err);
    return og_recordings_read_wav(clips, folder, err);
}

og_status og_data_speech_load(struct og_dataset *set, struct og_error *err)
{
    struct og_recordings clips = {0};
    og_mfcc *mfcc = NULL;
    assert(set->spec.speech.steps >= 0);
    struct steps s = {.clips = &clips};
    og_status status = og_mfcc_alloc(&mfcc, &set->spec.speech, OG_FSDD_RATE, err);
    if (status == OG_OK) status = read_clips(&clips, set->path, err);
    if (status == OG_OK) {
        qsort(clips.clip, clips.n, sizeof *clips.clip, by_take);
        s.mfcc = mfcc;
        s.values = og_mfcc_values(mfcc);
        status = fill(set, &s, err);
    }
    og_free(s.first);
    og_free(s.y);
    og_free(s.work);
    og_recordings_clear(&clips);
    og_mfcc_free(mfcc);
    return status;
}
