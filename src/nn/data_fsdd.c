// SPDX-License-Identifier: GPL-3.0-or-later
// fsdd.h5: the samples of all recordings one after another (int16), `offset` with one
// entry more than there are recordings, and `label` and `index` (the take) of each.
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "nn/data_file.h"
#include "nn/data_speech.h"
#include "nn/hdf5_list.h"

struct lists {
    int64_t *offset;
    int *label, *take;
    size_t offsets, labels, takes;
};

static og_status set_clip(const char *path, struct og_recordings *clips,
                          const struct lists *l, size_t i, struct og_error *err)
{
    const int64_t from = l->offset[i], to = l->offset[i + 1];
    if (from < 0 || to <= from || (uint64_t)to > clips->samples)
        return og_fail(err, OG_INPUT, "%s: recording %zu has samples %lld to %lld of %zu",
                       path, i, (long long)from, (long long)to, clips->samples);
    if (l->label[i] < 0 || l->label[i] >= OG_FSDD_DIGITS)
        return og_fail(err, OG_INPUT, "%s: label %zu is %d, not in 0 to %d", path, i,
                       l->label[i], OG_FSDD_DIGITS - 1);
    if (l->take[i] < 0)
        return og_fail(err, OG_INPUT, "%s: index %zu is %d, below 0", path, i,
                       l->take[i]);
    clips->clip[i] = (struct og_recording){.first = (size_t)from,
                                           .n = (size_t)(to - from),
                                           .label = l->label[i],
                                           .take = l->take[i],
                                           .position = i};
    return OG_OK;
}

static og_status set_clips(const char *path, struct og_recordings *clips,
                           const struct lists *l, struct og_error *err)
{
    if (l->takes != l->labels || l->offsets != l->labels + 1)
        return og_fail(err, OG_INPUT,
                       "%s: %zu labels, %zu entries of 'index' and %zu of 'offset' do "
                       "not fit together (n, n, n + 1)",
                       path, l->labels, l->takes, l->offsets);
    clips->clip = og_alloc(l->labels, sizeof *clips->clip);
    if (!clips->clip)
        return og_fail(err, OG_NO_MEMORY, "out of memory for the recordings of %s", path);
    clips->n = l->labels;
    for (size_t i = 0; i < clips->n; i++) OG_TRY(set_clip(path, clips, l, i, err));
    return OG_OK;
}

static og_status read_lists(const struct og_hdf5_source *s, struct og_recordings *clips,
                            struct lists *l, struct og_error *err)
{
    void *value[4] = {NULL, NULL, NULL, NULL};
    size_t n[4] = {0};
    const struct og_hdf5_want want[4] = {
        {"offset", H5T_NATIVE_INT64, false, 1},
        {"label", H5T_NATIVE_INT, false, 1},
        {"index", H5T_NATIVE_INT, false, 1},
        {"samples", H5T_NATIVE_INT16, true, 1},
    };
    int rate = 0;
    og_status status = OG_OK;
    if (!og_hdf5_number(s, "sample_rate_hz", &rate) || rate != OG_FSDD_RATE)
        status = og_fail(err, OG_INPUT, "%s: attribute 'sample_rate_hz' is not %d",
                         s->path, OG_FSDD_RATE);
    for (int i = 0; i < 4 && status == OG_OK; i++)
        status = og_hdf5_take(s, &want[i], &value[i], &n[i], err);
    *l = (struct lists){value[0], value[1], value[2], n[0], n[1], n[2]};
    clips->sample = value[3];
    clips->samples = n[3];
    return status;
}

og_status og_recordings_read_hdf5(struct og_recordings *clips, const char *folder,
                                  struct og_error *err)
{
    struct og_hdf5_source s;
    struct lists l = {0};
    char path[OG_DATA_PATH];
    snprintf(path, sizeof path, "%s/fsdd.h5", folder);
    og_status status = og_hdf5_open(&s, path, err);
    if (status == OG_OK) status = read_lists(&s, clips, &l, err);
    og_hdf5_close(&s);
    if (status == OG_OK) status = set_clips(path, clips, &l, err);
    og_free(l.offset);
    og_free(l.label);
    og_free(l.take);
    return status;
}

bool og_recordings_in_hdf5(const char *folder)
{
    char path[OG_DATA_PATH];
    if (snprintf(path, sizeof path, "%s/fsdd.h5", folder) >= OG_DATA_PATH) return false;
    FILE *f = fopen(path, "rb");
    if (f) fclose(f);
    return f != NULL;
}
