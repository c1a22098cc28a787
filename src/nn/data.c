// SPDX-License-Identifier: GPL-3.0-or-later
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config/tables.h"
#include "nn/data_check.h"
#include "nn/data_file.h"
#include "nn/data_series.h"
#include "nn/data_speech.h"
#include "nn/data_strokes.h"
#include "nn/data_text.h"
#include "nn/data_words.h"
#include "nn/sequences.h"

enum { OG_PLACES_TEXT = 700 };

static const char idx_files[] =
    "train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte, "
    "t10k-labels-idx1-ubyte (plain, .gz or .xz)";

static const struct og_data_entry entries[] = {
    {"mnist", "MNIST handwritten digits, 60000 + 10000 images of 28 x 28, 10 classes",
     idx_files,
     "put its four idx files into a folder 'mnist' of $OHMGRID_DATA, of ./data or of "
     "--data"},
    {"fashion_mnist", "Fashion-MNIST, 60000 + 10000 images of 28 x 28, 10 classes",
     idx_files, "apt-get install dataset-fashion-mnist"},
    {"cifar10", "CIFAR-10, 50000 + 10000 colour images of 32 x 32, 10 classes",
     "data_batch_1.bin to data_batch_5.bin, test_batch.bin (plain, .gz or .xz)",
     "put the six files of its binary version into a folder 'cifar10' of $OHMGRID_DATA, "
     "of ./data or of --data"},
    {"fsdd",
     "Free Spoken Digit Dataset, 2700 + 300 recordings at 8 kHz by 6 speakers, 10 "
     "classes",
     "fsdd.h5, or WAV files such as 7_jackson_32.wav (there or in 'recordings')",
     "put the WAV files of github.com/Jakobovski/free-spoken-digit-dataset into a folder "
     "'fsdd' of $OHMGRID_DATA, of ./data or of --data"},
    {"japanese_vowels",
     "Japanese Vowels, 270 + 370 utterances of 7 to 29 steps of 12 LPC cepstra, 9 "
     "speakers",
     "japanese_vowels.h5",
     "make it from the UCI data set 'Japanese Vowels': groups train and test with frames "
     "[steps][12], offset and label, in a folder 'japanese_vowels' of $OHMGRID_DATA"},
    {"pendigits", "Pen-Based Digits, 7494 + 3498 drawings of 8 points, 10 classes",
     "pendigits.h5",
     "make it from the UCI data set 'Pen-Based Recognition of Handwritten Digits': "
     "groups "
     "train and test with x [n][8][2] and y, in a folder 'pendigits' of $OHMGRID_DATA"},
    {"wharf",
     "WHARF, 892 recordings of an accelerometer at the wrist at 32 Hz, 17 people, 14 "
     "activities",
     "wharf.h5",
     "make it from github.com/fulviomas/WHARF: accel [steps][3] in codes of 0 to 63, "
     "offset, activity and volunteer, in a folder 'wharf' of $OHMGRID_DATA"},
    {"omniglot_strokes",
     "Omniglot, 2720 drawings of 136 characters by 20 people, as strokes of a pen",
     "omniglot_strokes_small1.h5",
     "make it from github.com/brendenlake/omniglot: points [steps][4] of x, y, time and "
     "stroke, offset, label and drawer, in a folder 'omniglot_strokes' of $OHMGRID_DATA"},
    {"speech_commands_kws01",
     "Speech Commands, 1000 words as 49 x 10 MFCC, 12 classes (the test set of MLPerf "
     "Tiny)",
     "kws01_mfcc.h5",
     "make it from github.com/eembc/energyrunner: mfcc_int8 [n][49][10] and label, in a "
     "folder 'speech_commands_kws01' of $OHMGRID_DATA"},
    {"hdf5", "sequences of your own", "the one that data.file names",
     "name a file in data.file: frames [steps of all][values], offset [n + 1], label [n] "
     "and perhaps group [n], or these in groups train and test"},
    {"wav", "recordings of your own, a folder of WAV files for each class",
     "the folder that data.file names",
     "name a folder in data.file: CLASS/*.wav (16 bits, one channel, one rate), and "
     "perhaps testing_list.txt and validation_list.txt, as Speech Commands has them"},
    {"ptb",
     "Penn Treebank as words or characters, 929589 + 82430 words with <eos>, 10000 "
     "different ones",
     "ptb.train.txt, ptb.valid.txt, ptb.test.txt (plain, .gz or .xz)",
     "put the three files of Mikolov's version into a folder 'ptb' of $OHMGRID_DATA, of "
     "./data or of --data"},
    {"text", "any text, as words or characters", "the one that data.file names",
     "name a file in data.file"},
};

static bool has_files(const char *folder, const char *const *name)
{
    for (; *name; name++)
        if (!og_data_file_exists(folder, *name)) return false;
    return true;
}

static bool idx_exists(const char *folder, enum og_split split)
{
    return has_files(folder, og_data_idx_files[split]);
}

static bool cifar_exists(const char *folder, enum og_split split)
{
    return has_files(folder, og_data_cifar_files[split]);
}

// The vocabulary is that of the training text, so both splits need it.
static bool ptb_exists(const char *folder, enum og_split split)
{
    (void)split;
    return has_files(folder, og_data_ptb_files);
}

// What the entries above do not tell. Order as in `entries`.
static const struct kind {
    const char *folder[2];  // none: the place is data.file
    size_t channels, side;  // of images
    bool (*exists)(const char *folder, enum og_split split);  // NULL: a series
    og_status (*check)(struct og_dataset *set, struct og_error *err);
    og_status (*load)(struct og_dataset *set, struct og_error *err);
} kinds[] = {
    {{"mnist", NULL}, 1, 28, idx_exists, og_data_check_images, og_data_idx_load},
    {{"fashion-mnist", "fashion_mnist"},
     1,
     28,
     idx_exists,
     og_data_check_images,
     og_data_idx_load},
    {{"cifar10", "cifar-10-batches-bin"},
     3,
     32,
     cifar_exists,
     og_data_check_images,
     og_data_cifar_load},
    {{"fsdd", "free-spoken-digit-dataset"},
     0,
     0,
     og_data_speech_exists,
     og_data_check_speech,
     og_data_speech_load},
    {{"japanese_vowels", NULL}, 0, 0, NULL, og_data_check_series, og_data_series_load},
    {{"pendigits", NULL}, 0, 0, NULL, og_data_check_series, og_data_series_load},
    {{"wharf", NULL}, 0, 0, NULL, og_data_check_series, og_data_series_load},
    {{"omniglot_strokes", NULL}, 0, 0, NULL, og_data_check_series, og_data_series_load},
    {{"speech_commands_kws01", NULL},
     0,
     0,
     NULL,
     og_data_check_series,
     og_data_series_load},
    {{NULL, NULL}, 0, 0, NULL, og_data_check_series, og_data_series_load},
    {{NULL, NULL}, 0, 0, og_data_words_exist, og_data_check_speech, og_data_words_load},
    {{"ptb", "penn-treebank"}, 0, 0, ptb_exists, og_data_check_ptb, og_data_ptb_load},
    {{NULL, NULL}, 0, 0, og_data_text_exists, og_data_check_text, og_data_text_load},
};
enum { SETS = sizeof entries / sizeof *entries };

const struct og_data_entry *og_data_entries(size_t *n)
{
    *n = SETS;
    return entries;
}

static int find_set(const char *name)
{
    for (int i = 0; i < SETS; i++)
        if (strcmp(entries[i].name, name) == 0) return i;
    return -1;
}

static bool has_split(int set, const char *folder, enum og_split split)
{
    if (kinds[set].exists) return kinds[set].exists(folder, split);
    return og_data_series_exists(entries[set].name, folder);
}

// The same file names serve MNIST and Fashion-MNIST, so a folder that bears the name of
// one set is never taken for another.
static bool named_for_other(int set, const char *folder)
{
    size_t end = strlen(folder);
    while (end > 1 && folder[end - 1] == '/') end--;
    size_t start = end;
    while (start > 0 && folder[start - 1] != '/') start--;
    for (int other = 0; other < SETS; other++)
        for (int k = 0; k < 2; k++) {
            const char *name = kinds[other].folder[k];
            if (other != set && name && strlen(name) == end - start &&
                strncmp(name, folder + start, end - start) == 0)
                return true;
        }
    return false;
}

struct search {
    int set;
    bool split[2];  // which splits must be there
    char *path;
    size_t path_size;
    char tried[OG_PLACES_TEXT];
};

// Takes the folder if the wanted files are in it; else notes that it was tried.
static bool try_folder(struct search *s, const char *root, const char *folder)
{
    char path[OG_DATA_PATH];
    int length = snprintf(path, sizeof path, "%s%s%s", root, *folder ? "/" : "", folder);
    size_t used = strlen(s->tried);
    snprintf(s->tried + used, sizeof s->tried - used, "%s%s", used ? ", " : "", path);
    if (length >= OG_DATA_PATH || (size_t)length >= s->path_size) return false;
    for (int split = 0; split < 2; split++)
        if (s->split[split] && !has_split(s->set, path, (enum og_split)split))
            return false;
    snprintf(s->path, s->path_size, "%s", path);
    return true;
}

static bool search_all(struct search *s, const struct og_data_search *where)
{
    const char *given = where ? where->given : NULL;
    const char *roots[] = {given, getenv("OHMGRID_DATA"), "data", "/usr/share/datasets"};
    for (int r = 0; r < 4; r++) {
        if (!roots[r] || !*roots[r]) continue;
        for (int k = 0; k < 2; k++) {
            const char *folder = kinds[s->set].folder[k];
            if (folder && try_folder(s, roots[r], folder)) return true;
        }
        if (r == 0 && !named_for_other(s->set, given) && try_folder(s, given, ""))
            return true;
    }
    return false;
}

// The file of the set `text` or `hdf5`.
static bool search_file(struct search *s, const struct og_data_search *where,
                        const char *file)
{
    const char *given = where ? where->given : NULL;
    const char *roots[] = {".", given, getenv("OHMGRID_DATA"), "data",
                           "/usr/share/datasets"};
    if (file[0] == '/') return try_folder(s, "", file + 1);
    for (int r = 0; r < 5; r++)
        if (roots[r] && *roots[r] && try_folder(s, roots[r], file)) return true;
    return false;
}

bool og_data_found(const char *name, const struct og_data_search *where, char *path,
                   size_t path_size)
{
    struct search s = {.set = find_set(name),
                       .split = {true, true},
                       .path = path,
                       .path_size = path_size};
    return s.set >= 0 && kinds[s.set].folder[0] && search_all(&s, where);
}

og_status og_data_limit(const struct og_dataset *set, size_t available, size_t *n,
                        struct og_error *err)
{
    if (available == 0)
        return og_fail(err, OG_INPUT, "data set %s in %s has no samples", set->spec.name,
                       set->path);
    if (set->spec.limit > available)
        return og_fail(err, OG_INPUT,
                       "data set %s in %s has %zu %s samples, fewer than "
                       "the limit of %zu (0 to %zu; 0: all)",
                       set->spec.name, set->path, available,
                       set->spec.split == OG_TRAIN ? "training" : "test", set->spec.limit,
                       available);
    *n = set->spec.limit ? set->spec.limit : available;
    return OG_OK;
}

og_status og_data_check_labels(const struct og_dataset *set, size_t first, size_t n,
                               const char *path, struct og_error *err)
{
    for (size_t i = first; i < first + n; i++)
        if (set->label[i] >= set->classes)
            return og_fail(err, OG_INPUT, "%s: label %zu is %d, not in 0 to %d", path,
                           i - first, set->label[i], set->classes - 1);
    return OG_OK;
}

static og_status locate(struct og_dataset *set, int k, const struct og_data_search *where,
                        struct og_error *err)
{
    struct search s = {.set = k, .path = set->path, .path_size = sizeof set->path};
    s.split[set->spec.split] = true;
    if (set->spec.strokes) s.split[OG_TRAIN] = true;  // the units of both
    const struct og_data_spec *spec = &set->spec;
    const char *file = spec->text.unit ? spec->text.file : spec->series.file;
    if (kinds[k].folder[0] ? search_all(&s, where) : search_file(&s, where, file))
        return OG_OK;
    return og_fail(err, OG_INPUT,
                   "data set %s (%s) was not found; tried %s; to get it: %s",
                   set->spec.name, set->spec.split == OG_TRAIN ? "training" : "test",
                   s.tried, entries[k].how_to_get);
}

static void set_shape(struct og_dataset *set, const struct kind *kind)
{
    set->classes = 10;
    if (kind->channels == 0) return;  // no images: known when it has been read
    set->channels = kind->channels;
    set->height = set->width = kind->side;
    if (set->spec.rows)
        set->shape = (struct og_shape){2, {set->height, set->channels * set->width, 0}};
    else
        set->shape = (struct og_shape){3, {set->channels, set->height, set->width}};
}

og_status og_dataset_open(struct og_dataset **set, const struct og_data_spec *spec,
                          const struct og_data_search *where, struct og_error *err)
{
    *set = NULL;
    int k = find_set(spec->name);
    if (k < 0)
        return og_fail(err, OG_INPUT,
                       "data set '%s' is unknown; 'ohmgrid data list' names those that "
                       "are known",
                       spec->name);
    struct og_dataset *d = og_alloc(1, sizeof *d);
    if (!d) return og_fail(err, OG_NO_MEMORY, "out of memory for a data set");
    d->spec = *spec;
    const struct og_speech none = {0};
    if (memcmp(&spec->speech, &none, sizeof none) == 0)
        d->spec.speech = og_speech_default();
    const struct og_series no_series = {0};
    if (memcmp(&spec->series, &no_series, sizeof no_series) == 0)
        d->spec.series = og_series_default();
    set_shape(d, &kinds[k]);
    og_status status =
        d->spec.strokes ? og_data_check_strokes(d, err) : kinds[k].check(d, err);
    if (status == OG_OK) status = locate(d, k, where, err);
    if (status == OG_OK)
        status = d->spec.strokes ? og_data_strokes_load(d, err) : kinds[k].load(d, err);
    if (status != OG_OK) {
        og_dataset_free(d);
        return status;
    }
    *set = d;
    return OG_OK;
}

void og_dataset_free(struct og_dataset *set)
{
    if (!set) return;
    og_free(set->pixel);
    og_free(set->label);
    og_free(set->step);
    og_free(set->first);
    og_free(set->length);
    og_free(set->symbol);
    og_free(set);
}

void og_dataset_fetch(const struct og_dataset *set, const uint32_t *index, size_t n,
                      const struct og_augment *augment, float *x)
{
    if (set->symbol) {
        og_text_fetch(set, index, n, x);
        return;
    }
    if (set->step)
        og_sequences_fetch(set, index, n, x);
    else
        og_images_fetch(set, index, n, augment, x);
}
