// SPDX-License-Identifier: GPL-3.0-or-later
// Which recordings there are is known from names, then they are read in blocks, since
// the samples of Speech Commands are some 3 GB and its features 200 MB at most.
#include "nn/data_words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "nn/mfcc.h"
#include "nn/sequences.h"
#include "nn/wav.h"

enum { OG_WORDS_BLOCK = 4096, OG_WORDS_LINE = 1024 };

// test: tested. left_out: neither tested nor trained with.
struct word {
    const char *name;  // borrowed
    int label;
    size_t position;  // among those of its class
    bool test, left_out;
};
struct words {
    const char *folder;
    struct og_wav_names classes, names;  // names of all classes, one after another
    struct word *word;
    size_t n;
    bool given;  // classes: then some may have no recordings
};

static void words_clear(struct words *w)
{
    og_wav_names_clear(&w->classes);
    og_wav_names_clear(&w->names);
    og_free(w->word);
}

static bool is_folder(const char *folder, const char *name)
{
    char path[2 * OG_WORDS_LINE];
    struct stat s;
    return snprintf(path, sizeof path, "%s/%s", folder, name) < (int)sizeof path &&
           stat(path, &s) == 0 && S_ISDIR(s.st_mode);
}

bool og_data_words_exist(const char *folder, enum og_split split)
{
    (void)split;
    return is_folder(folder, ".");
}

// --- classes -------------------------------------------------------------------------

// _background_noise_ of Speech Commands is no class.
static bool is_class(const char *folder, const char *name)
{
    return name[0] != '.' && name[0] != '_' && is_folder(folder, name);
}

static og_status given_classes(struct words *w, const char *list, struct og_error *err)
{
    for (const char *at = list + strspn(list, " "); *at; at += strspn(at, " ")) {
        const size_t n = strcspn(at, " ");
        if (!og_wav_names_add(&w->classes, at, n))
            return og_fail(err, OG_NO_MEMORY, "out of memory for data.classes");
        const char *name = w->classes.name[w->classes.n - 1];
        if (!is_class(w->folder, name) || strchr(name, '/'))
            return og_fail(err, OG_INPUT, "data.classes: there is no folder '%s' in %s",
                           name, w->folder);
        for (size_t i = 0; i + 1 < w->classes.n; i++)
            if (strcmp(w->classes.name[i], name) == 0)
                return og_fail(err, OG_INPUT, "data.classes: '%s' is there twice", name);
        at += n;
    }
    return OG_OK;
}

static og_status find_classes(struct words *w, const char *list, struct og_error *err)
{
    w->given = list[strspn(list, " ")] != '\0';
    if (w->given)
        OG_TRY(given_classes(w, list, err));
    else
        OG_TRY(og_wav_names_list(&w->classes, w->folder, is_class, err));
    if (w->classes.n > 0 && w->classes.n <= OG_SERIES_CLASSES) return OG_OK;
    return og_fail(err, OG_INPUT, "%s has %zu folders of classes, not 1 to %d", w->folder,
                   w->classes.n, OG_SERIES_CLASSES);
}

// --- names ---------------------------------------------------------------------------

static og_status add_class(struct words *w, size_t label, struct og_error *err)
{
    char path[2 * OG_WORDS_LINE];
    struct og_wav_names own = {0};
    snprintf(path, sizeof path, "%s/%s", w->folder, w->classes.name[label]);
    og_status status = og_wav_names_list(&own, path, og_wav_named, err);
    if (status == OG_OK && own.n == 0 && !w->given)
        status = og_fail(err, OG_INPUT, "%s has no WAV files", path);
    struct word *more =
        status == OG_OK ? og_grow(w->word, w->n, w->n + own.n, sizeof *more) : NULL;
    if (more) w->word = more;
    for (size_t i = 0; more && i < own.n; i++) {
        if (!og_wav_names_add(&w->names, own.name[i], strlen(own.name[i]))) more = NULL;
        if (more)
            w->word[w->n++] =
                (struct word){w->names.name[w->names.n - 1], (int)label, i, false, false};
    }
    og_wav_names_clear(&own);
    if (status != OG_OK || more) return status;
    return og_fail(err, OG_NO_MEMORY, "out of memory for the names in %s", path);
}

// The recording that a line calls CLASS/NAME, NULL: none.
static struct word *find_word(const struct words *w, const char *line)
{
    const char *slash = strchr(line, '/');
    const size_t n = slash ? (size_t)(slash - line) : 0;
    size_t low = 0, high = w->n, label = 0;
    while (label < w->classes.n && (strncmp(w->classes.name[label], line, n) != 0 ||
                                    w->classes.name[label][n] != '\0'))
        label++;
    if (!slash || label == w->classes.n) return NULL;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const struct word *at = &w->word[middle];
        const int order = at->label != (int)label ? at->label - (int)label
                                                  : strcmp(at->name, slash + 1);
        if (order == 0) return &w->word[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

// Of a class that is not asked for.
static bool is_elsewhere(const struct words *w, const char *line)
{
    const size_t n = strcspn(line, "/");
    for (size_t i = 0; i < w->classes.n; i++)
        if (strlen(w->classes.name[i]) == n && strncmp(w->classes.name[i], line, n) == 0)
            return false;
    char path[2 * OG_WORDS_LINE];
    struct stat s;
    return n > 0 && line[n] == '/' &&
           snprintf(path, sizeof path, "%s/%s", w->folder, line) < (int)sizeof path &&
           stat(path, &s) == 0;
}

static og_status read_lines(struct words *w, FILE *f, const char *path, bool test,
                            struct og_error *err)
{
    char line[OG_WORDS_LINE];
    for (size_t number = 1; fgets(line, sizeof line, f); number++) {
        line[strcspn(line, "\r\n")] = '\0';
        struct word *word = find_word(w, line);
        if (word && test) word->test = true;
        if (word && !test) word->left_out = true;
        if (word || line[0] == '\0' || is_elsewhere(w, line)) continue;
        return og_fail(err, OG_INPUT, "%s:%zu: there is no recording '%.200s'", path,
                       number, line);
    }
    if (ferror(f)) return og_fail(err, OG_IO, "%s cannot be read", path);
    return OG_OK;
}

// found: whether there is such a list.
static og_status read_list(struct words *w, const char *name, bool test, bool *found,
                           struct og_error *err)
{
    char path[2 * OG_WORDS_LINE];
    snprintf(path, sizeof path, "%s/%s", w->folder, name);
    FILE *f = fopen(path, "r");
    *found = f != NULL;
    if (!f) return OG_OK;
    const og_status status = read_lines(w, f, path, test, err);
    fclose(f);
    return status;
}

static og_status split(struct words *w, const struct og_series *o, struct og_error *err)
{
    const struct og_series standard = og_series_default();
    bool tests, validates;
    OG_TRY(read_list(w, "testing_list.txt", true, &tests, err));
    OG_TRY(read_list(w, "validation_list.txt", false, &validates, err));
    if (tests && (o->folds != standard.folds || o->fold != 0))
        return og_fail(err, OG_INPUT,
                       "data.folds and data.fold have no effect on %s, which has a "
                       "testing_list.txt",
                       w->folder);
    for (size_t k = 0; !tests && k < w->n; k++)
        w->word[k].test = k % (size_t)o->folds == (size_t)o->fold;
    size_t kept = 0;
    for (size_t k = 0; k < w->n; k++)
        if (!w->word[k].left_out) w->word[kept++] = w->word[k];
    w->n = kept;
    return OG_OK;
}

// The first n of a split have all classes alike, for any limit.
static int by_position(const void *a, const void *b)
{
    const struct word *x = a, *y = b;
    if (x->position != y->position) return x->position < y->position ? -1 : 1;
    return x->label < y->label ? -1 : x->label > y->label;
}

static og_status find_words(struct words *w, const struct og_series *o,
                            struct og_error *err)
{
    OG_TRY(find_classes(w, o->classes, err));
    for (size_t label = 0; label < w->classes.n; label++)
        OG_TRY(add_class(w, label, err));
    OG_TRY(split(w, o, err));
    qsort(w->word, w->n, sizeof *w->word, by_position);
    return OG_OK;
}

// --- samples -------------------------------------------------------------------------

// Recordings from, from + 1 ... as many as `clips` has. The first of all gives the rate.
static og_status read_block(const struct words *w, size_t from,
                            struct og_recordings *clips, int *rate, struct og_error *err)
{
    char path[3 * OG_WORDS_LINE];
    clips->samples = 0;
    for (size_t i = 0; i < clips->n; i++) {
        const struct word *word = &w->word[from + i];
        snprintf(path, sizeof path, "%s/%s/%s", w->folder, w->classes.name[word->label],
                 word->name);
        OG_TRY(og_wav_read(clips, &clips->clip[i], path, rate, err));
    }
    return OG_OK;
}

static og_status take_block(const struct words *w, size_t from,
                            const struct og_speech *speech, og_mfcc **mfcc,
                            struct og_recordings *clips, struct og_sequences *s,
                            int *rate, struct og_error *err)
{
    clips->n = w->n - from < OG_WORDS_BLOCK ? w->n - from : OG_WORDS_BLOCK;
    OG_TRY(read_block(w, from, clips, rate, err));
    if (!*mfcc) OG_TRY(og_mfcc_alloc(mfcc, speech, *rate, err));
    return og_speech_features(clips, *mfcc, s, from, err);
}

static og_status take_all(const struct words *w, const struct og_speech *speech,
                          struct og_sequences *s, struct og_error *err)
{
    struct og_recordings clips = {0};
    og_mfcc *mfcc = NULL;
    int rate = 0;
    OG_TRY(og_sequences_alloc(s, w->n, err));
    s->classes = (int)w->classes.n;
    for (size_t k = 0; k < w->n; k++) {
        s->label[k] = w->word[k].label;
        s->test[k] = w->word[k].test;
    }
    clips.clip = og_alloc(OG_WORDS_BLOCK, sizeof *clips.clip);
    og_status status = OG_OK;
    if (!clips.clip) status = og_fail(err, OG_NO_MEMORY, "out of memory for recordings");
    for (size_t k = 0; status == OG_OK && k < w->n; k += OG_WORDS_BLOCK)
        status = take_block(w, k, speech, &mfcc, &clips, s, &rate, err);
    og_recordings_clear(&clips);
    og_mfcc_free(mfcc);
    return status;
}

og_status og_data_words_load(struct og_dataset *set, struct og_error *err)
{
    struct words w = {.folder = set->path};
    struct og_sequences s = {0};
    og_status status = find_words(&w, &set->spec.series, err);
    if (status == OG_OK) status = take_all(&w, &set->spec.speech, &s, err);
    if (status == OG_OK) status = og_sequences_keep(set, &s, err);
    og_sequences_clear(&s);
    words_clear(&w);
    return status;
}
