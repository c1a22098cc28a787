// SPDX-License-Identifier: GPL-3.0-or-later
// From recordings to sequences.
#include "nn/data_speech.h"

#include <stdlib.h>

#include <gsl/gsl_errno.h>

#include "base/mem.h"
#include "nn/data_file.h"
#include "nn/mfcc.h"
#include "nn/sequences.h"

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

struct steps {
    const struct og_recordings *clips;
    const og_mfcc *mfcc;
    size_t values;
    struct og_sequences to;
    double *work;  // [OG_SPEECH_PARTS][room]
    size_t room;
};

static void compute_part(const struct steps *s, size_t part)
{
    const size_t n = s->clips->n;
    double *work = s->work + part * s->room;
    for (size_t i = part * n / OG_SPEECH_PARTS; i < (part + 1) * n / OG_SPEECH_PARTS; i++)
        og_mfcc_compute(s->mfcc, s->clips->sample + s->clips->clip[i].first,
                        s->clips->clip[i].n, work,
                        s->to.value + s->to.first[i] * s->values);
}

static og_status compute(struct steps *s, struct og_error *err)
{
    const size_t n = s->clips->n;
    size_t longest = 1;
    for (size_t i = 0; i < n; i++) {
        const size_t samples = s->clips->clip[i].n;
        if (samples > longest) longest = samples;
        s->to.first[i + 1] = s->to.first[i] + og_mfcc_steps(s->mfcc, samples);
    }
    s->room = og_mfcc_work(s->mfcc, longest);
    s->to.value = og_alloc(s->to.first[n], s->values * sizeof *s->to.value);
    s->work = og_alloc_unset(OG_SPEECH_PARTS, s->room * sizeof *s->work);
    if (!s->to.value || !s->work)
        return og_fail(err, OG_NO_MEMORY,
                       "out of memory for the features of %zu recordings", n);
    gsl_error_handler_t *handler = gsl_set_error_handler_off();
#pragma omp parallel for default(none) shared(s) schedule(static)
    for (size_t part = 0; part < OG_SPEECH_PARTS; part++) compute_part(s, part);
    gsl_set_error_handler(handler);
    return OG_OK;
}

static og_status fill(struct og_dataset *set, struct steps *s, struct og_error *err)
{
    const size_t n = s->clips->n;
    OG_TRY(og_sequences_alloc(&s->to, n, err));
    OG_TRY(compute(s, err));
    s->to.values = s->values;
    s->to.classes = OG_FSDD_DIGITS;
    for (size_t i = 0; i < n; i++) {
        s->to.label[i] = s->clips->clip[i].label;
        s->to.test[i] = s->clips->clip[i].take < OG_FSDD_TEST;
    }
    return og_sequences_keep(set, &s->to, err);
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
    struct steps s = {.clips = &clips};
    og_status status = og_mfcc_alloc(&mfcc, &set->spec.speech, OG_FSDD_RATE, err);
    if (status == OG_OK) status = read_clips(&clips, set->path, err);
    if (status == OG_OK) {
        qsort(clips.clip, clips.n, sizeof *clips.clip, by_take);
        s.mfcc = mfcc;
        s.values = og_mfcc_values(mfcc);
        status = fill(set, &s, err);
    }
    og_sequences_clear(&s.to);
    og_free(s.work);
    og_recordings_clear(&clips);
    og_mfcc_free(mfcc);
    return status;
}
