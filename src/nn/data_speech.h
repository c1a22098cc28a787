// SPDX-License-Identifier: GPL-3.0-or-later
// Recordings of FSDD, the Free Spoken Digit Dataset (Jackson et al., CC BY-SA 4.0), and
// what becomes of them.
#ifndef OG_NN_DATA_SPEECH_H
#define OG_NN_DATA_SPEECH_H

#include <stddef.h>
#include <stdint.h>

#include "ohmgrid/data.h"

enum {
    OG_FSDD_RATE = 8000,  // Hz
    OG_FSDD_TEST = 5,     // takes 0 to 4 are the official test set
    OG_FSDD_DIGITS = 10
};

struct og_recording {
    size_t first, n;  // its samples
    int label;
    int take;         // of this speaker and digit, counted from 0
    size_t position;  // in the file, or among the names of a folder
};
struct og_recordings {
    struct og_recording *clip;
    size_t n;
    int16_t *sample;
    size_t samples, room;
};

// Both read all recordings of the set's folder into zeroed clips; the caller clears them,
// after a failure too.
og_status og_recordings_read_hdf5(struct og_recordings *clips, const char *folder,
                                  struct og_error *err);
og_status og_recordings_read_wav(struct og_recordings *clips, const char *folder,
                                 struct og_error *err);
void og_recordings_clear(struct og_recordings *clips);
bool og_recordings_in_hdf5(const char *folder);
// Whether there is a WAV file of the split in the folder or in its "recordings".
bool og_recordings_in_wav(const char *folder, enum og_split split);

struct og_sequences;
typedef struct og_mfcc og_mfcc;
// Features of all clips as the sequences of `to` from number `at` on; those before it are
// there.
og_status og_speech_features(const struct og_recordings *clips, const og_mfcc *mfcc,
                             struct og_sequences *to, size_t at, struct og_error *err);

// Fills the set, see og_sequences_keep().
og_status og_data_speech_load(struct og_dataset *set, struct og_error *err);
bool og_data_speech_exists(const char *folder, enum og_split split);

#endif
