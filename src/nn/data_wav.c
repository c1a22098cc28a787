// SPDX-License-Identifier: GPL-3.0-or-later
// A folder of the original recordings, DIGIT_SPEAKER_TAKE.wav: names say everything else.
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "nn/data_file.h"
#include "nn/wav.h"

// 7_jackson_32.wav: label 7, take 32.
static bool parse(const char *name, struct og_recording *clip)
{
    const char *last = strrchr(name, '_');
    if (name[0] < '0' || name[0] > '9' || name[1] != '_' || last < name + 3) return false;
    const size_t digits = strspn(last + 1, "0123456789");
    if (digits == 0 || digits > 6 || strcmp(last + 1 + digits, ".wav") != 0) return false;
    clip->label = name[0] - '0';
    clip->take = atoi(last + 1);
    return true;
}

static og_status take_all(struct og_recordings *clips, const struct og_wav_names *names,
                          const char *folder, struct og_error *err)
{
    char path[OG_DATA_PATH + 300];
    int rate = OG_FSDD_RATE;
    clips->clip = og_alloc(names->n, sizeof *clips->clip);
    if (!clips->clip)
        return og_fail(err, OG_NO_MEMORY, "out of memory for the recordings in %s",
                       folder);
    for (clips->n = 0; clips->n < names->n; clips->n++) {
        struct og_recording *clip = &clips->clip[clips->n];
        const char *name = names->name[clips->n];
        snprintf(path, sizeof path, "%s/%s", folder, name);
        clip->position = clips->n;
        if (!parse(name, clip))
            return og_fail(err, OG_INPUT,
                           "%s is not named as DIGIT_SPEAKER_NUMBER.wav, such as "
                           "7_jackson_32.wav",
                           path);
        OG_TRY(og_wav_read(clips, clip, path, &rate, err));
    }
    return OG_OK;
}

static bool holds(const char *folder, enum og_split split)
{
    DIR *dir = opendir(folder);
    bool found = false;
    const struct dirent *entry;
    while (dir && !found && (entry = readdir(dir))) {
        struct og_recording clip;
        found = og_wav_named(folder, entry->d_name) && parse(entry->d_name, &clip) &&
                (clip.take < OG_FSDD_TEST) == (split == OG_TEST);
    }
    if (dir) closedir(dir);
    return found;
}

// Writes the folder itself or its "recordings", whichever has files of the split.
static bool find(const char *folder, enum og_split split, char path[OG_DATA_PATH])
{
    static const char *const inner[] = {"", "/recordings"};
    for (int i = 0; i < 2; i++)
        if (snprintf(path, OG_DATA_PATH, "%s%s", folder, inner[i]) < OG_DATA_PATH &&
            holds(path, split))
            return true;
    return false;
}

bool og_recordings_in_wav(const char *folder, enum og_split split)
{
    char path[OG_DATA_PATH];
    return find(folder, split, path);
}

og_status og_recordings_read_wav(struct og_recordings *clips, const char *folder,
                                 struct og_error *err)
{
    char path[OG_DATA_PATH];
    if (!find(folder, OG_TRAIN, path))
        return og_fail(err, OG_INPUT,
                       "%s has no recording of the training set (numbers from %d on); "
                       "the test set needs it too, for the mean of each coefficient",
                       folder, OG_FSDD_TEST);
    struct og_wav_names names = {0};
    og_status status = og_wav_names_list(&names, path, og_wav_named, err);
    if (status == OG_OK) status = take_all(clips, &names, path, err);
    og_wav_names_clear(&names);
    return status;
}
