// SPDX-License-Identifier: GPL-3.0-or-later
// For the tests of spoken digits: twelve made recordings as HDF5 and as WAV files.
#ifndef OG_TESTS_FSDD_FILES_H
#define OG_TESTS_FSDD_FILES_H

#include <math.h>

#include <hdf5.h>
#include <sndfile.h>

#include "data_files.h"

enum { RATE = 8000, CLIPS = 12, ROOM = 4000 };
static const double pi = 3.14159265358979323846;

static inline void sine(int16_t *x, int n, double f, double amplitude)
{
    for (int i = 0; i < n; i++)
        x[i] = (int16_t)lrint(amplitude * sin(2 * pi * f * i / RATE + 0.3));
}

// Recordings in the order of the file: digits 0 and 1, takes 0 to 5 of each, so that two
// are of the training set. Training recording of digit d: 1000 + 900 d samples.
static int16_t sample[CLIPS * ROOM];
static int64_t offset[CLIPS + 1];
static int32_t label[CLIPS], take[CLIPS];

static inline void make_clips(void)
{
    for (int i = 0; i < CLIPS; i++) {
        const int n = i == 11 ? 1900 : 1000 + 100 * i;
        label[i] = i / 6;
        take[i] = i % 6;
        offset[i + 1] = offset[i] + (i == 5 ? 1000 : n);
        int16_t *x = sample + offset[i];
        sine(x, (int)(offset[i + 1] - offset[i]), 300 + 200 * i, 3000 + 2000 * (i % 4));
        x[7] = (int16_t)(x[7] + 500);
    }
}

static inline void write_list(hid_t file, const char *name, hid_t type, size_t n,
                              const void *values)
{
    const hsize_t dim = n;
    hid_t space = H5Screate_simple(1, &dim, NULL);
    hid_t memory = H5Tget_size(type) == 8   ? H5T_NATIVE_INT64
                   : H5Tget_size(type) == 2 ? H5T_NATIVE_INT16
                                            : H5T_NATIVE_INT32;
    hid_t set =
        H5Dcreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(set >= 0);
    assert_true(H5Dwrite(set, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
    H5Dclose(set);
    H5Sclose(space);
}

static inline void write_rate(hid_t file, hid_t type, int rate)
{
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t a = H5Acreate2(file, "sample_rate_hz", type, space, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(H5Awrite(a, H5T_NATIVE_INT, &rate) >= 0);
    H5Aclose(a);
    H5Sclose(space);
}

// A dataset in chunks of which none is there.
static inline void write_nothing(hid_t file, const char *name, hsize_t n)
{
    const hsize_t chunk = 1 << 16;
    hid_t create = H5Pcreate(H5P_DATASET_CREATE), space = H5Screate_simple(1, &n, NULL);
    assert_true(H5Pset_chunk(create, 1, &chunk) >= 0);
    hid_t set =
        H5Dcreate2(file, name, H5T_NATIVE_INT16, space, H5P_DEFAULT, create, H5P_DEFAULT);
    assert_true(set >= 0);
    H5Dclose(set);
    H5Sclose(space);
    H5Pclose(create);
}

// What a hostile file has in place of the right things; all 0: nothing.
struct fault {
    const char *without;                       // this dataset is not there
    int rate;                                  // 0: 8000
    hid_t sample_type, rate_type, label_type;  // 0: int16, int, int32
    size_t labels;                             // 0: CLIPS
    hsize_t announced;                         // samples that are not there
};

static inline void write_samples(hid_t file, const struct fault *f)
{
    static const int64_t wide[10];
    if (f->announced)
        write_nothing(file, "samples", f->announced);
    else if (f->sample_type)
        write_list(file, "samples", f->sample_type, 10, wide);
    else
        write_list(file, "samples", H5T_NATIVE_INT16, (size_t)offset[CLIPS], sample);
}

static inline void write_h5(const struct fault *f)
{
    mkdir(in_root("fsdd"), 0777);
    hid_t file =
        H5Fcreate(in_root("fsdd/fsdd.h5"), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(file >= 0);
    write_rate(file, f->rate_type ? f->rate_type : H5T_NATIVE_INT,
               f->rate ? f->rate : RATE);
    write_list(file, "offset", H5T_NATIVE_INT64, CLIPS + 1, offset);
    const hid_t label_type = f->label_type ? f->label_type : H5T_NATIVE_INT32;
    const size_t labels = f->labels ? f->labels : CLIPS;
    int64_t long_label[CLIPS];
    for (int i = 0; i < CLIPS; i++) long_label[i] = label[i];
    write_list(file, "label", label_type, labels,
               H5Tget_size(label_type) == 8 ? (const void *)long_label : label);
    write_list(file, "index", H5T_NATIVE_INT32, CLIPS, take);
    write_samples(file, f);
    if (f->without) assert_true(H5Ldelete(file, f->without, H5P_DEFAULT) >= 0);
    assert_true(H5Fclose(file) >= 0);
}

static inline void write_wav(const char *name, const int16_t *x, size_t n, SF_INFO info)
{
    SNDFILE *f = sf_open(in_root(name), SFM_WRITE, &info);
    assert_non_null(f);
    assert_int_equal(sf_write_short(f, x, (sf_count_t)n), n);
    assert_int_equal(sf_close(f), 0);
}

static const SF_INFO plain_wav = {
    .samplerate = RATE, .channels = 1, .format = SF_FORMAT_WAV | SF_FORMAT_PCM_16};

static inline const char *wav_name(int i)
{
    static char name[PATH];
    snprintf(name, sizeof name, "spoken/recordings/%d_anna_%d.wav", label[i], take[i]);
    return name;
}

static inline void write_wavs(void)
{
    mkdir(in_root("spoken"), 0777);
    mkdir(in_root("spoken/recordings"), 0777);
    for (int i = 0; i < CLIPS; i++)
        write_wav(wav_name(i), sample + offset[i], (size_t)(offset[i + 1] - offset[i]),
                  plain_wav);
}

static inline og_status open_in(struct og_dataset **set, const char *folder,
                                const struct og_data_spec *spec, struct og_error *err)
{
    const struct og_data_search where = {folder};
    struct og_data_spec s = *spec;
    snprintf(s.name, sizeof s.name, "fsdd");
    memset(err, 0, sizeof *err);
    return og_dataset_open(set, &s, &where, err);
}

static inline struct og_dataset *opened(const char *folder,
                                        const struct og_data_spec *spec)
{
    struct og_dataset *set;
    struct og_error err;
    if (open_in(&set, folder, spec, &err) != OG_OK) fail_msg("%s", err.text);
    return set;
}

static inline int start(void **state)
{
    make_clips();
    return make_root(state);
}

static inline int finish(void **state)
{
    for (int i = 0; i < CLIPS; i++) unlink(in_root(wav_name(i)));
    rmdir(in_root("spoken/recordings"));
    rmdir(in_root("spoken"));
    unlink(in_root("fsdd/fsdd.h5"));
    rmdir(in_root("fsdd"));
    return remove_root(state);
}

#endif
