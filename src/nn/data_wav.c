// SPDX-License-Identifier: GPL-3.0-or-later
// A folder of the original recordings, DIGIT_SPEAKER_TAKE.wav: names say everything else.
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sndfile.h>

#include "base/mem.h"
#include "nn/data_file.h"
#include "nn/data_speech.h"

enum { OG_WAV_FIRST = 1 << 14 };  // samples; most recordings are shorter

// All names of the folder that end in .wav, sorted.
struct names {
    char **name;
    size_t n, room;
};

static bool is_wav(const char *name)
{
    const size_t length = strlen(name);
    return name[0] != '.' && length > 4 && strcmp(name + length - 4, ".wav") == 0;
}

static void names_clear(struct names *names)
{
    for (size_t i = 0; i < names->n; i++) og_free(names->name[i]);
    og_free(names->name);
}

static bool names_add(struct names *names, const char *name)
{
    if (names->n == names->room) {
        const size_t room = names->room ? 2 * names->room : 4096;
        char **more = og_grow(names->name, names->n, room, sizeof *more);
        if (!more) return false;
        names->name = more;
        names->room = room;
    }
    names->name[names->n] = og_copy_text(name);
    return names->name[names->n++] != NULL;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static og_status list_folder(struct names *names, const char *folder,
                             struct og_error *err)
{
    DIR *dir = opendir(folder);
    if (!dir)
        return og_fail(err, OG_IO, "%s cannot be read: %s", folder, strerror(errno));
    bool room = true;
    const struct dirent *entry;
    while (room && (entry = readdir(dir)))
        if (is_wav(entry->d_name)) room = names_add(names, entry->d_name);
    closedir(dir);
    if (!room)
        return og_fail(err, OG_NO_MEMORY, "out of memory for the names in %s", folder);
    qsort(names->name, names->n, sizeof *names->name, by_name);
    return OG_OK;
}

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

// In pieces, since a header may announce more than there is. *room: of clips->sample.
static og_status take_samples(struct og_recordings *clips, struct og_recording *clip,
                              size_t *room, SNDFILE *f, const char *path,
                              struct og_error *err)
{
    clip->first = clips->samples;
    for (sf_count_t got = 1; got > 0;) {
        if (*room - clips->samples < OG_WAV_FIRST) {
            const size_t more = 2 * *room + OG_WAV_FIRST;
            int16_t *sample =
                og_grow(clips->sample, clips->samples, more, sizeof *sample);
            if (!sample) return og_fail(err, OG_NO_MEMORY, "out of memory for %s", path);
            clips->sample = sample;
            *room = more;
        }
        got = sf_read_short(f, clips->sample + clips->samples, OG_WAV_FIRST);
        if (got > 0) clips->samples += (size_t)got;
    }
    clip->n = clips->samples - clip->first;
    if (sf_error(f) != SF_ERR_NO_ERROR)
        return og_fail(err, OG_INPUT, "%s is damaged: %s", path, sf_strerror(f));
    if (clip->n == 0) return og_fail(err, OG_INPUT, "%s has no samples", path);
    return OG_OK;
}

static og_status check_format(const SF_INFO *info, const char *path, struct og_error *err)
{
    const int type = info->format & SF_FORMAT_TYPEMASK;
    const int code = info->format & SF_FORMAT_SUBMASK;
    // Other codings would be rounded or rescaled to 16 bits.
    if ((type != SF_FORMAT_WAV && type != SF_FORMAT_WAVEX) || code != SF_FORMAT_PCM_16)
        return og_fail(err, OG_INPUT, "%s is not WAV with 16-bit samples", path);
    if (info->channels != 1 || info->samplerate != OG_FSDD_RATE)
        return og_fail(err, OG_INPUT, "%s has %d channels at %d Hz, not 1 at %d Hz", path,
                       info->channels, info->samplerate, OG_FSDD_RATE);
    return OG_OK;
}

static og_status take_file(struct og_recordings *clips, struct og_recording *clip,
                           size_t *room, const char *path, struct og_error *err)
{
    SF_INFO info = {0};
    SNDFILE *f = sf_open(path, SFM_READ, &info);
    if (!f)
        return og_fail(err, OG_INPUT, "%s cannot be read: %s", path, sf_strerror(NULL));
    og_status status = check_format(&info, path, err);
    if (status == OG_OK) status = take_samples(clips, clip, room, f, path, err);
    sf_close(f);
    return status;
}

static og_status take_all(struct og_recordings *clips, const struct names *names,
                          const char *folder, struct og_error *err)
{
    char path[OG_DATA_PATH + 300];
    size_t room = 0;
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
        OG_TRY(take_file(clips, clip, &room, path, err));
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
        found = is_wav(entry->d_name) && parse(entry->d_name, &clip) &&
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
    struct names names = {0};
    og_status status = list_folder(&names, path, err);
    if (status == OG_OK) status = take_all(clips, &names, path, err);
    names_clear(&names);
    return status;
}
