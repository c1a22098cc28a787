// SPDX-License-Identifier: GPL-3.0-or-later
// Data sets: MNIST and Fashion-MNIST (idx, gzip), CIFAR-10 (binary, xz or plain), spoken
// digits (HDF5 or WAV) and folders of WAV files as cepstra, series of any length from
// HDF5, strokes of a pen, text as words or characters. Nothing is downloaded; a missing
// set is an error that lists the places tried and how to get it.
// Thread-safety: const use from any number of threads; files are opened by one at a time.
#ifndef OHMGRID_DATA_H
#define OHMGRID_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ohmgrid/random.h"
#include "ohmgrid/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum og_split { OG_TRAIN, OG_TEST };

// Folders searched in order: `given` (--data, may be NULL), $OHMGRID_DATA, data/,
// /usr/share/datasets; in each, the set's own folder, and `given` itself as well, unless
// it bears the name of another set (MNIST and Fashion-MNIST have the same file names).
struct og_data_search {
    const char *given;
};

struct og_shape {
    int rank;
    size_t dim[3];  // of one sample: C,H,W or T,F or F
};
// A sample of text has rank 1: dim[0] symbols, each a number from 0 to dim[1] - 1. Where
// dim[1] is 0, rank 1 is a vector of values.
static inline size_t og_shape_symbols(const struct og_shape *shape)
{
    return shape->rank == 1 ? shape->dim[1] : 0;
}

// Speech becomes sequences [steps][coefficients]: pre-emphasis, a window, power spectrum,
// mel bands, logarithm, DCT-II (Davis and Mermelstein, IEEE Trans. ASSP 28(4), 1980),
// then each coefficient by its mean and deviation in all of the training set. The
// formulas: docs/data.md.
enum og_features { OG_MFCC, OG_LOG_MEL };  // log_mel: without the DCT, all bands
enum og_window_shape { OG_SHAPE_HAMMING, OG_SHAPE_HANN };
enum og_mel { OG_MEL_HTK, OG_MEL_SLANEY };
enum og_level { OG_LEVEL_LN, OG_LEVEL_DB };
struct og_speech {
    double preemphasis;  // x[i] - preemphasis * x[i - 1] within a window
    double low, high;    // Hz: where the first band begins and the last one ends
    double top_db;       // OG_LEVEL_DB: how far levels fall below the greatest; 0: freely
    int features;        // enum og_features
    int coefficients;    // of MFCC, the zeroth included
    int window, hop;     // samples of one step, and from one step to the next
    int mels;            // bands
    int steps;           // length of all sequences; 0: the longest of the training set
    int shape;           // enum og_window_shape
    int centre;  // 1: windows centred on multiples of hop, ends reflected; 0: whole
    int mel;     // enum og_mel
    int scale;   // enum og_level
};
// Those of the key table: 13 coefficients, window 256, hop 128, 26 bands, all enums 0.
OG_API struct og_speech og_speech_default(void);

// What sequences are made of. A sequence has as many steps as it has: recurrent layers
// read no more (og_batch.length). Or all count as equally long (OG_LENGTHS_EQUAL), with
// zeros before shorter ones.
enum og_lengths { OG_LENGTHS_OWN, OG_LENGTHS_EQUAL };
enum og_scale { OG_SCALE_DEVIATION, OG_SCALE_NONE };
struct og_series {
    int lengths;      // enum og_lengths
    int scale;        // enum og_scale: in units of the deviation in the training set
    int average;      // each step is the mean of so many successive ones
    int folds, fold;  // without a split of its own: sequences k % folds == fold
    char test_groups[256];  // names of those that are tested, with blanks; "": default
    char file[256];         // of the set hdf5; the folder of the set wav
    char classes[512];      // of the set wav: its folders, with blanks; "": all
    double spacing;         // of points along strokes; 0: as recorded
    bool boxed;             // drawings are scaled to a box of size 1
};
enum { OG_SERIES_VALUES = 4096, OG_SERIES_CLASSES = 256 };  // at most
// Those of the key table.
OG_API struct og_series og_series_default(void);

// What `as` makes of the data: images, sequences of their rows, words, characters,
// strokes of a pen that would draw the image.
enum og_data_as {
    OG_AS_IMAGE,
    OG_AS_ROWS,
    OG_AS_WORDS,
    OG_AS_CHARACTERS,
    OG_AS_STROKES,
};

// Text is one long sequence of symbols, each to be foretold from those before it. It is
// cut into `streams` of equal length (to one symbol), and each stream into windows of
// `steps`; sample k is window k / streams of stream k % streams, so that a batch of
// consecutive samples goes on where the batch `streams` samples before has ended.
// Every symbol but the very first is the target of exactly one step.
struct og_text {
    int unit;        // OG_AS_WORDS (blanks part them, <eos> ends each line) or
                     // OG_AS_CHARACTERS (bytes); 0: the set is not text
    char file[256];  // of the set `text`: absolute, or where data sets are looked for
    double part[3];  // of it: for training, validation and test; their sum is 1
    int vocabulary;  // the most frequent symbols of the training text, <unk> for others;
                     // 0: all of them, others are an error
    size_t steps, streams;
    bool validation;  // OG_TEST means the validation text
};
enum { OG_TEXT_STEPS = 35 };
#define OG_NO_TARGET UINT32_MAX

struct og_data_spec {
    char name[32];  // as og_data_entries() has it
    enum og_split split;
    bool rows;              // images as sequences: [H][C * W] instead of [C][H][W]
    size_t limit;           // use only the first `limit` samples, at most all; 0: all
    float mean[3], std[3];  // per channel, of pixels in [0, 1]: x = (pixel - mean) / std;
                            // std all 0: the pixels themselves
    int crop;      // training: random shifts of up to this many pixels, zero padded
    bool flip;     // training: random mirror images
    bool strokes;  // mnist: sequences of dx, dy, end of stroke, end of digit
    struct og_speech speech;  // of fsdd; all 0: og_speech_default(). steps: of all series
    struct og_series series;  // all 0: og_series_default()
    struct og_text text;      // of ptb and text; else all 0
};

struct og_dataset {
    struct og_data_spec spec;
    struct og_shape shape;
    size_t n;
    int classes;
    uint8_t *pixel;  // [n][C][H][W]
    uint8_t *label;  // [n]
    size_t channels, height, width;
    // Series, in place of pixels: steps of all samples one after another, `width` values
    // each. At most `height` of them are fetched, with zeros after them (equal lengths:
    // before them).
    float *step;       // [first[n]][width]
    size_t *first;     // [n + 1]
    uint32_t *length;  // [n] steps fetched, for og_batch; NULL: all as long as the shape
    size_t shortened;  // samples that lost their end
    // Text, in place of pixels and labels.
    uint32_t *symbol;  // [symbols]
    size_t symbols, streams;
    char path[512];  // where it was found
};

// Reads and checks a set as `spec` asks, copying both. OG_INPUT when it is not found (the
// sentence lists the places), does not fit the spec or is damaged; OG_IO, OG_NO_MEMORY.
OG_API og_status og_dataset_open(struct og_dataset **set, const struct og_data_spec *spec,
                                 const struct og_data_search *where,
                                 struct og_error *err);
OG_API void og_dataset_free(struct og_dataset *set);

// x[k][shape] for samples index[0..n). augment: crop and flip as the spec says, drawn by
// (seed, epoch, sample); NULL: none.
struct og_augment {
    uint64_t seed;
    uint32_t epoch;
};
// x: n samples, float32 in C order. From any number of threads.
OG_API void og_dataset_fetch(const struct og_dataset *set, const uint32_t *index,
                             size_t n, const struct og_augment *augment, float *x);

// Of text: target[k][steps], the symbol that follows each step of sample index[k], or
// OG_NO_TARGET beyond the end of its stream (where fetch gives symbol 0).
OG_API void og_dataset_targets(const struct og_dataset *set, const uint32_t *index,
                               size_t n, uint32_t *target);
// How many answers the set asks for: one for each sample, of text one for each target.
OG_API size_t og_dataset_answers(const struct og_dataset *set);

// The list of known sets, for `ohmgrid data list`.
struct og_data_entry {
    const char *name, *title, *files, *how_to_get;
};
// All of them, static.
OG_API const struct og_data_entry *og_data_entries(size_t *n);
// Whether both splits of a set can be read; path receives the folder.
OG_API bool og_data_found(const char *name, const struct og_data_search *where,
                          char *path, size_t path_size);

#ifdef __cplusplus
}
#endif
#endif
