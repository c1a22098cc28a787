// SPDX-License-Identifier: GPL-3.0-or-later
// WAV files of one channel with 16-bit samples, and what names a folder has.
#ifndef OG_NN_WAV_H
#define OG_NN_WAV_H

#include "nn/data_speech.h"

struct og_wav_names {
    char **name;
    size_t n, room;
};
void og_wav_names_clear(struct og_wav_names *names);
// Copies the first `length` bytes; false: out of memory.
bool og_wav_names_add(struct og_wav_names *names, const char *name, size_t length);
// Adds all names of the folder that are wanted, sorted by their bytes.
og_status og_wav_names_list(struct og_wav_names *names, const char *folder,
                            bool (*wanted)(const char *folder, const char *name),
                            struct og_error *err);

// Whether a name ends in .wav and is not hidden; the folder does not count.
bool og_wav_named(const char *folder, const char *name);
// Adds the samples of a file to those of `clips` and says in `clip` which they are. A
// *rate of 0 Hz becomes that of the file; any other is demanded of it.
og_status og_wav_read(struct og_recordings *clips, struct og_recording *clip,
                      const char *path, int *rate, struct og_error *err);

#endif
