// SPDX-License-Identifier: GPL-3.0-or-later
#include "nn/wav.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sndfile.h>

#include "base/mem.h"

enum { OG_WAV_FIRST = 1 << 14 };  // samples; most recordings are shorter

// --- names ---------------------------------------------------------------------------

void og_wav_names_clear(struct og_wav_names *names)
{
    for (size_t i = 0; i < names->n; i++) og_free(names->name[i]);
    og_free(names->name);
}

bool og_wav_names_add(struct og_wav_names *names, const char *name, size_t length)
{
    if (names->n == names->room) {
        const size_t room = names->room ? 2 * names->room : 4096;
        char **more = og_grow(names->name, names->n, room, sizeof *more);
        if (!more) return false;
        names->name = more;
        names->room = room;
    }
    char *copy = og_alloc(length + 1, 1);
    if (!copy) return false;
    memcpy(copy, name, length);
    names->name[names->n++] = copy;
    return true;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

og_status og_wav_names_list(struct og_wav_names *names, const char *folder,
                            bool (*wanted)(const char *folder, const char *name),
                            struct og_error *err)
{
    DIR *dir = opendir(folder);
    if (!dir)
        return og_fail(err, OG_IO, "%s cannot be read: %s", folder, strerror(errno));
    bool room = true;
    const struct dirent *entry;
    while (room && (entry = readdir(dir)))
        if (wanted(folder, entry->d_name))
            room = og_wav_names_add(names, entry->d_name, strlen(entry->d_name));
    closedir(dir);
    if (!room)
        return og_fail(err, OG_NO_MEMORY, "out of memory for the names in %s", folder);
    if (names->n > 1) qsort(names->name, names->n, sizeof *names->name, by_name);
    return OG_OK;
}

bool og_wav_named(const char *folder, const char *name)
{
    const size_t length = strlen(name);
    (void)folder;
    return name[0] != '.' && length > 4 && strcmp(name + length - 4, ".wav") == 0;
}

// --- samples -------------------------------------------------------------------------

// In pieces, since a header may announce more than there is.
static og_status take_samples(struct og_recordings *clips, struct og_recording *clip,
                              SNDFILE *f, const char *path, struct og_error *err)
{
    clip->first = clips->samples;
    for (sf_count_t got = 1; got > 0;) {
        if (clips->room - clips->samples < OG_WAV_FIRST) {
            const size_t more = 2 * clips->room + OG_WAV_FIRST;
            int16_t *sample =
                og_grow(clips->sample, clips->samples, more, sizeof *sample);
            if (!sample) return og_fail(err, OG_NO_MEMORY, "out of memory for %s", path);
            clips->sample = sample;
            clips->room = more;
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

static og_status check_format(const SF_INFO *info, const char *path, int *rate,
                              struct og_error *err)
{
    const int type = info->format & SF_FORMAT_TYPEMASK;
    const int code = info->format & SF_FORMAT_SUBMASK;
    // Other codings would be rounded or rescaled to 16 bits.
    if ((type != SF_FORMAT_WAV && type != SF_FORMAT_WAVEX) || code != SF_FORMAT_PCM_16)
        return og_fail(err, OG_INPUT, "%s is not WAV with 16-bit samples", path);
    if (*rate == 0) *rate = info->samplerate;
    if (info->channels != 1 || info->samplerate != *rate)
        return og_fail(err, OG_INPUT, "%s has %d channels at %d Hz, not 1 at %d Hz", path,
                       info->channels, info->samplerate, *rate);
    return OG_OK;
}

og_status og_wav_read(struct og_recordings *clips, struct og_recording *clip,
                      const char *path, int *rate, struct og_error *err)
{
    SF_INFO info = {0};
    SNDFILE *f = sf_open(path, SFM_READ, &info);
    if (!f)
        return og_fail(err, OG_INPUT, "%s cannot be read: %s", path, sf_strerror(NULL));
    og_status status = check_format(&info, path, rate, err);
    if (status == OG_OK) status = take_samples(clips, clip, f, path, err);
    sf_close(f);
    return status;
}
