// SPDX-License-Identifier: GPL-3.0-or-later
// fsdd.h5: the samples of all recordings one after another (int16), `offset` with one
// entry more than there are recordings, and `label` and `index` (the take) of each.
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "nn/data_file.h"
#include "nn/data_speech.h"
#include "nn/hdf5_read.h"

// Deflate cannot make anything smaller than 1/1032 (its own documentation), so that a
// header which announces more than this is a wrong one.
enum { OG_DEFLATE_MOST = 1100 };

struct source {
    char path[OG_DATA_PATH];
    hid_t file;
    struct og_error *err;
};

static og_status wrong(const struct source *s, const char *name, const char *what)
{
    return og_fail(s->err, OG_INPUT, "%s: dataset '%s' %s", s->path, name, what);
}

// Its length, if it is a list that the file can hold.
static bool length_of(const struct source *s, hid_t set, size_t width, size_t *n)
{
    hid_t space = H5Dget_space(set);
    hsize_t size = 0, dim = 0;
    const bool list = space >= 0 && H5Sget_simple_extent_ndims(space) == 1 &&
                      H5Sget_simple_extent_dims(space, &dim, NULL) == 1 &&
                      H5Fget_filesize(s->file, &size) >= 0 &&
                      dim / OG_DEFLATE_MOST <= size / width;
    if (space >= 0) H5Sclose(space);
    *n = (size_t)dim;
    return list && og_hdf5_is_whole(s->file, set, *n);
}

// Whether all bits of a type are those of one integer. HDF5 believes a damaged type and
// looks for its bits beyond the value. width: bytes of the only signed type that will do;
// 0: any integer.
static bool is_integer(hid_t type, size_t width)
{
    if (type < 0 || H5Tget_class(type) != H5T_INTEGER) return false;
    const size_t size = H5Tget_size(type);
    if (size == 0 || size > sizeof(int64_t) || H5Tget_precision(type) != 8 * size ||
        H5Tget_offset(type) != 0)
        return false;
    return width == 0 || (size == width && H5Tget_sign(type) == H5T_SGN_2);
}

static bool holds_integers(hid_t set, size_t width)
{
    hid_t type = H5Dget_type(set);
    const bool good = is_integer(type, width);
    if (type >= 0) H5Tclose(type);
    return good;
}

static og_status take(const struct source *s, hid_t set, const char *name, hid_t memory,
                      void **values, size_t *n)
{
    const size_t width = H5Tget_size(memory);
    // Labels and offsets out of range stay so when converted; samples would be clipped.
    if (!holds_integers(set, memory == H5T_NATIVE_INT16 ? width : 0))
        return wrong(s, name,
                     memory == H5T_NATIVE_INT16 ? "does not hold signed 16-bit integers"
                                                : "does not hold integers");
    if (!length_of(s, set, width, n))
        return wrong(s, name, "is no list, or longer than the file can hold");
    *values = og_alloc(*n, width);
    if (!*values)
        return og_fail(s->err, OG_NO_MEMORY, "out of memory for %s of %s", name, s->path);
    if (H5Dread(set, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, *values) < 0)
        return wrong(s, name, "cannot be read; the file is damaged");
    return OG_OK;
}

// *values: [*n], the caller's, even after a failure.
static og_status take_list(const struct source *s, const char *name, hid_t memory,
                           void **values, size_t *n)
{
    hid_t set = H5Dopen2(s->file, name, H5P_DEFAULT);
    if (set < 0) return wrong(s, name, "is missing or damaged");
    const og_status status = take(s, set, name, memory, values, n);
    H5Dclose(set);
    return status;
}

static bool read_rate(hid_t attribute, int *rate)
{
    hid_t space = H5Aget_space(attribute), type = H5Aget_type(attribute);
    const bool good = space >= 0 && is_integer(type, 0) &&
                      H5Sget_simple_extent_npoints(space) == 1 &&
                      H5Aread(attribute, H5T_NATIVE_INT, rate) >= 0;
    if (type >= 0) H5Tclose(type);
    if (space >= 0) H5Sclose(space);
    return good;
}

static og_status check_rate(const struct source *s)
{
    int rate = 0;
    hid_t attribute = H5Aopen(s->file, "sample_rate_hz", H5P_DEFAULT);
    const bool good = attribute >= 0 && read_rate(attribute, &rate);
    if (attribute >= 0) H5Aclose(attribute);
    if (good && rate == OG_FSDD_RATE) return OG_OK;
    return og_fail(s->err, OG_INPUT, "%s: attribute 'sample_rate_hz' is not %d", s->path,
                   OG_FSDD_RATE);
}

struct lists {
    int64_t *offset;
    int *label, *take;
    size_t offsets, labels, takes;
};

static og_status set_clip(const struct source *s, struct og_recordings *clips,
                          const struct lists *l, size_t i)
{
    const int64_t from = l->offset[i], to = l->offset[i + 1];
    if (from < 0 || to <= from || (uint64_t)to > clips->samples)
        return og_fail(s->err, OG_INPUT,
                       "%s: recording %zu has samples %lld to %lld of %zu", s->path, i,
                       (long long)from, (long long)to, clips->samples);
    if (l->label[i] < 0 || l->label[i] >= OG_FSDD_DIGITS)
        return og_fail(s->err, OG_INPUT, "%s: label %zu is %d, not in 0 to %d", s->path,
                       i, l->label[i], OG_FSDD_DIGITS - 1);
    if (l->take[i] < 0)
        return og_fail(s->err, OG_INPUT, "%s: index %zu is %d, below 0", s->path, i,
                       l->take[i]);
    clips->clip[i] = (struct og_recording){.first = (size_t)from,
                                           .n = (size_t)(to - from),
                                           .label = l->label[i],
                                           .take = l->take[i],
                                           .position = i};
    return OG_OK;
}

static og_status set_clips(const struct source *s, struct og_recordings *clips,
                           const struct lists *l)
{
    if (l->takes != l->labels || l->offsets != l->labels + 1)
        return og_fail(s->err, OG_INPUT,
                       "%s: %zu labels, %zu entries of 'index' and %zu of 'offset' do "
                       "not fit together (n, n, n + 1)",
                       s->path, l->labels, l->takes, l->offsets);
    clips->clip = og_alloc(l->labels, sizeof *clips->clip);
    if (!clips->clip)
        return og_fail(s->err, OG_NO_MEMORY, "out of memory for the recordings of %s",
                       s->path);
    clips->n = l->labels;
    for (size_t i = 0; i < clips->n; i++) OG_TRY(set_clip(s, clips, l, i));
    return OG_OK;
}

static og_status read_lists(const struct source *s, struct og_recordings *clips,
                            struct lists *l)
{
    void *offset = NULL, *label = NULL, *index = NULL, *sample = NULL;
    og_status status = check_rate(s);
    if (status == OG_OK)
        status = take_list(s, "offset", H5T_NATIVE_INT64, &offset, &l->offsets);
    if (status == OG_OK)
        status = take_list(s, "label", H5T_NATIVE_INT, &label, &l->labels);
    if (status == OG_OK)
        status = take_list(s, "index", H5T_NATIVE_INT, &index, &l->takes);
    if (status == OG_OK)
        status = take_list(s, "samples", H5T_NATIVE_INT16, &sample, &clips->samples);
    l->offset = offset;
    l->label = label;
    l->take = index;
    clips->sample = sample;
    return status;
}

og_status og_recordings_read_hdf5(struct og_recordings *clips, const char *folder,
                                  struct og_error *err)
{
    struct source s = {.err = err};
    struct lists l = {0};
    snprintf(s.path, sizeof s.path, "%s/fsdd.h5", folder);
    struct og_hdf5_guard guard = og_hdf5_silence();
    s.file = H5Fopen(s.path, H5F_ACC_RDONLY, H5P_DEFAULT);
    og_status status =
        s.file < 0 ? og_fail(err, OG_INPUT, "%s: HDF5 cannot open it", s.path) : OG_OK;
    if (status == OG_OK) status = read_lists(&s, clips, &l);
    if (s.file >= 0) H5Fclose(s.file);
    og_hdf5_restore(guard);
    if (status == OG_OK) status = set_clips(&s, clips, &l);
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
