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
    const size_t *first;  // step of each clip
    float *value;         // [steps][values]
    double *work;         // [OG_SPEECH_PARTS][room]
    size_t room;
};

static void compute_part(const struct steps *s, size_t part)
{
    const size_t n = s->clips->n, values = og_mfcc_values(s->mfcc);
    double *work = s->work + part * s->room;
    for (size_t i = part * n / OG_SPEECH_PARTS; i < (part + 1) * n / OG_SPEECH_PARTS; i++)
        og_mfcc_compute(s->mfcc, s->clips->sample + s->clips->clip[i].first,
                        s->clips->clip[i].n, work, s->value + s->first[i] * values);
}

og_status og_speech_features(const struct og_recordings *clips, const og_mfcc *mfcc,
                             struct og_sequences *to, size_t at, struct og_error *err)
{
    size_t longest = 1, *first = to->first + at;
    for (size_t i = 0; i < clips->n; i++) {
        const size_t samples = clips->clip[i].n;
        if (samples > longest) longest = samples;
        first[i + 1] = first[i] + og_mfcc_steps(mfcc, samples);
    }
    to->values = og_mfcc_values(mfcc);
    struct steps s = {.clips = clips, .mfcc = mfcc, .first = first};
    s.room = og_mfcc_work(mfcc, longest);
    s.value = og_grow(to->value, first[0] * to->values, first[clips->n] * to->values,
                      sizeof *s.value);
    if (s.value) to->value = s.value;
    s.work = og_alloc_unset(OG_SPEECH_PARTS, s.room * sizeof *s.work);
    const bool room = s.value && s.work;
    if (room) {
        gsl_error_handler_t *handler = gsl_set_error_handler_off();
#pragma omp parallel for default(none) shared(s) schedule(static)
        for (size_t part = 0; part < OG_SPEECH_PARTS; part++) compute_part(&s, part);
        gsl_set_error_handler(handler);
    }
    og_free(s.work);
    if (room) return OG_OK;
    return og_fail(err, OG_NO_MEMORY, "out of memory for the features of %zu recordings",
                   clips->n);
}

static og_status fill(struct og_dataset *set, const struct og_recordings *clips,
                      const og_mfcc *mfcc, struct og_sequences *s, struct og_error *err)
{
    OG_TRY(og_sequences_alloc(s, clips->n, err));
    OG_TRY(og_speech_features(clips, mfcc, s, 0, err));
    s->classes = OG_FSDD_DIGITS;
    for (size_t i = 0; i < clips->n; i++) {
        s->label[i] = clips->clip[i].label;
        s->test[i] = clips->clip[i].take < OG_FSDD_TEST;
    }
    return og_sequences_keep(set, s, err);
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
    struct og_sequences s = {0};
    og_mfcc *mfcc = NULL;
    og_status status = og_mfcc_alloc(&mfcc, &set->spec.speech, OG_FSDD_RATE, err);
    if (status == OG_OK) status = read_clips(&clips, set->path, err);
    if (status == OG_OK) {
        qsort(clips.clip, clips.n, sizeof *clips.clip, by_take);
        status = fill(set, &clips, mfcc, &s, err);
    }
    og_sequences_clear(&s);
    og_recordings_clear(&clips);
    og_mfcc_free(mfcc);
    return status;
}
