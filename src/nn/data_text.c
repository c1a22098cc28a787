// SPDX-License-Identifier: GPL-3.0-or-later
// Text as symbols in streams and windows (data.h). The Penn Treebank as Mikolov's files
// have it (Interspeech 2010): words with <eos> at line ends, or characters of the
// stripped lines; the vocabulary is that of the training text.
#include "nn/data_text.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "nn/symbols.h"

const char *const og_data_ptb_files[4] = {"ptb.train.txt", "ptb.valid.txt",
                                          "ptb.test.txt", NULL};

enum part { TRAINING, VALIDATION, TEST };
static const char *const part_name[] = {"training", "validation", "test"};

static enum part part_of(const struct og_data_spec *spec)
{
    if (spec->split == OG_TRAIN) return TRAINING;
    return spec->text.validation ? VALIDATION : TEST;
}

og_status og_text_check(const struct og_data_spec *spec, bool one_file,
                        struct og_error *err)
{
    const struct og_text *t = &spec->text;
    struct og_speech speech = spec->speech, standard = og_speech_default();
    speech.steps = standard.steps;  // the steps of a window
    bool scaled = false;
    for (int c = 0; c < 3; c++)
        scaled = scaled || spec->mean[c] != 0 || spec->std[c] != 0;
    if (spec->rows || spec->crop != 0 || spec->flip || scaled ||
        memcmp(&speech, &standard, sizeof standard) != 0)
        return og_fail(err, OG_INPUT,
                       "data set %s: mean, std, crop, flip and features have no effect "
                       "on text",
                       spec->name);
    if (t->unit != OG_AS_WORDS && t->unit != OG_AS_CHARACTERS)
        return og_fail(err, OG_INPUT,
                       "data set %s is text: as must be words or characters", spec->name);
    if (t->steps == 0 || t->streams == 0)
        return og_fail(err, OG_INPUT, "data set %s: needs steps and streams above 0",
                       spec->name);
    if (one_file != (t->file[0] != '\0'))
        return og_fail(err, OG_INPUT, "data set %s: file %s", spec->name,
                       one_file ? "is missing" : "has no effect");
    const double sum = t->part[0] + t->part[1] + t->part[2];
    if (one_file &&
        !(t->part[0] > 0 && t->part[1] >= 0 && t->part[2] >= 0 && fabs(sum - 1) < 1e-9))
        return og_fail(err, OG_INPUT,
                       "data set %s: parts are %g, %g and %g; the first must be above 0, "
                       "none below, and their sum 1",
                       spec->name, t->part[0], t->part[1], t->part[2]);
    return OG_OK;
}

// --- bytes and symbols ---------------------------------------------------------------

// A text in memory, and what of it is used.
struct text {
    char *byte;
    size_t n;
    struct og_spans spans;
    char path[OG_DATA_PATH];
};

static void text_clear(struct text *t)
{
    og_free(t->byte);
    og_free(t->spans.span);
}

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

static og_status take_all(og_data_file *file, struct text *t, struct og_error *err)
{
    for (size_t room = 1 << 20, got = room; got > 0; room *= 2) {
        char *more = og_grow(t->byte, t->n, room, 1);
        if (!more) return og_fail(err, OG_NO_MEMORY, "out of memory reading %s", t->path);
        t->byte = more;
        OG_TRY(og_data_file_some(file, t->byte + t->n, room - t->n, &got, err));
        t->n += got;
        if (t->n < room) break;
    }
    return OG_OK;
}

// Lines without blanks at their ends.
static void strip_lines(struct text *t)
{
    size_t to = 0;
    for (size_t from = 0; from < t->n;) {
        const char *newline = memchr(t->byte + from, '\n', t->n - from);
        const size_t stop = newline ? (size_t)(newline - t->byte) : t->n;
        size_t end = stop;
        while (end > from && is_blank(t->byte[end - 1])) end--;
        while (from < end && is_blank(t->byte[from])) from++;
        memmove(t->byte + to, t->byte + from, end - from);
        to += end - from;
        if (newline) t->byte[to++] = '\n';
        from = newline ? stop + 1 : stop;
    }
    t->n = to;
}

// `strip`: of the Penn Treebank, whose characters are those of stripped lines.
static og_status text_read(struct text *t, const char *folder, const char *name,
                           enum og_data_as unit, bool strip, struct og_error *err)
{
    og_data_file *file = NULL;
    OG_TRY(og_data_file_open(&file, folder, name, err));
    snprintf(t->path, sizeof t->path, "%s", og_data_file_path(file));
    const og_status status = take_all(file, t, err);
    og_data_file_free(file);
    OG_TRY(status);
    if (strip && unit == OG_AS_CHARACTERS) strip_lines(t);
    return og_spans_find(&t->spans, t->byte, t->n, unit, err);
}

// --- the set -------------------------------------------------------------------------

static og_status unknown(const struct og_dataset *set, const char *path, size_t at,
                         struct og_span s, struct og_error *err)
{
    return og_fail(err, OG_INPUT,
                   "%s: symbol %zu of the %s text, '%.*s', is not in the training text; "
                   "a smaller data.vocabulary makes rare symbols <unk>",
                   path, at, part_name[part_of(&set->spec)], s.n < 40 ? (int)s.n : 40,
                   s.at);
}

static og_status number_all(struct og_dataset *set, const struct og_vocabulary *v,
                            const struct og_span *span, const char *path,
                            struct og_error *err)
{
    set->symbol = og_alloc(set->symbols, sizeof *set->symbol);
    if (!set->symbol)
        return og_fail(err, OG_NO_MEMORY, "out of memory for %zu symbols", set->symbols);
    for (size_t i = 0; i < set->symbols; i++) {
        set->symbol[i] = og_vocabulary_number(v, span[i]);
        if (set->symbol[i] == OG_NO_TARGET) return unknown(set, path, i, span[i], err);
    }
    return OG_OK;
}

// The first prediction of a stream; of stream number `streams`: all there are.
static size_t stream_first(const struct og_dataset *set, size_t stream)
{
    return (set->symbols - 1) * stream / set->streams;
}

static og_status cut(struct og_dataset *set, const char *path, struct og_error *err)
{
    const size_t streams = set->spec.text.streams, steps = set->spec.text.steps;
    if (set->symbols < streams + 1)
        return og_fail(err, OG_INPUT,
                       "%s: the %s text has %zu symbols, too few for %zu streams with a "
                       "target each (train.batch, evaluate.streams)",
                       path, part_name[part_of(&set->spec)], set->symbols, streams);
    const size_t longest = (set->symbols - 1 + streams - 1) / streams;
    set->streams = streams;
    set->n = (longest + steps - 1) / steps * streams;
    if (set->n > UINT32_MAX)
        return og_fail(err, OG_INPUT, "%s: %zu windows are more than there are numbers",
                       path, set->n);
    return OG_OK;
}

// The vocabulary of `train`, and the symbols of `own`.
static og_status build(struct og_dataset *set, const struct og_spans *train,
                       const struct og_spans *own, const char *path, struct og_error *err)
{
    struct og_vocabulary v;
    set->symbols = own->n;
    if (set->spec.limit > 0) OG_TRY(og_data_limit(set, own->n, &set->symbols, err));
    OG_TRY(cut(set, path, err));
    og_status status = og_vocabulary_make(&v, train->span, train->n,
                                          (size_t)set->spec.text.vocabulary, err);
    if (status == OG_OK && v.symbols > 1 << 24)  // numbers travel as floats
        status = og_fail(err, OG_INPUT, "%s: %zu different symbols are more than %d",
                         path, v.symbols, 1 << 24);
    if (status == OG_OK) status = number_all(set, &v, own->span, path, err);
    set->classes = (int)v.symbols;
    set->shape = (struct og_shape){1, {set->spec.text.steps, v.symbols, 0}};
    og_vocabulary_clear(&v);
    return status;
}

og_status og_data_ptb_load(struct og_dataset *set, struct og_error *err)
{
    const enum part part = part_of(&set->spec);
    const enum og_data_as unit = (enum og_data_as)set->spec.text.unit;
    struct text train = {0}, own = {0};
    og_status status =
        text_read(&train, set->path, og_data_ptb_files[TRAINING], unit, true, err);
    if (status == OG_OK && part != TRAINING)
        status = text_read(&own, set->path, og_data_ptb_files[part], unit, true, err);
    if (status == OG_OK) {
        const struct text *t = part == TRAINING ? &train : &own;
        status = build(set, &train.spans, &t->spans, t->path, err);
    }
    text_clear(&train);
    text_clear(&own);
    return status;
}

// The folder of a path with at least one '/'; returns the name in it.
static const char *split_path(const char *path, char folder[OG_DATA_PATH])
{
    const char *slash = strrchr(path, '/');
    assert(slash);
    snprintf(folder, OG_DATA_PATH, "%.*s", (int)(slash - path), path);
    return slash + 1;
}

bool og_data_text_exists(const char *path, enum og_split split)
{
    (void)split;
    char folder[OG_DATA_PATH];
    if (!strchr(path, '/')) return false;  // of data.file "/" nothing is left
    const char *name = split_path(path, folder);
    return og_data_file_exists(folder, name);
}

// The part of a text that the set asks for, with the vocabulary of the first.
static og_status build_part(struct og_dataset *set, const struct text *all,
                            struct og_error *err)
{
    const enum part part = part_of(&set->spec);
    const double *share = set->spec.text.part, n = (double)all->spans.n;
    const size_t cut_at[] = {0, (size_t)floor(share[0] * n + 1e-6),
                             (size_t)floor((share[0] + share[1]) * n + 1e-6),
                             all->spans.n};
    const struct og_spans train = {all->spans.span, cut_at[1]};
    const struct og_spans own = {all->spans.span + cut_at[part],
                                 cut_at[part + 1] - cut_at[part]};
    return build(set, &train, &own, all->path, err);
}

og_status og_data_text_load(struct og_dataset *set, struct og_error *err)
{
    char folder[OG_DATA_PATH];
    const char *name = split_path(set->path, folder);
    struct text all = {0};
    og_status status =
        text_read(&all, folder, name, (enum og_data_as)set->spec.text.unit, false, err);
    if (status == OG_OK) status = build_part(set, &all, err);
    text_clear(&all);
    return status;
}

// --- windows -------------------------------------------------------------------------

// Predictions [first, end) of a sample; prediction i foretells symbol i + 1 from symbol
// i.
static size_t window(const struct og_dataset *set, uint32_t sample, size_t *first)
{
    assert(sample < set->n);
    const size_t stream = sample % set->streams, steps = set->shape.dim[0];
    const size_t end = stream_first(set, stream + 1);
    *first = stream_first(set, stream) + sample / set->streams * steps;
    if (*first >= end) return 0;
    return end - *first < steps ? end - *first : steps;
}

void og_text_fetch(const struct og_dataset *set, const uint32_t *index, size_t n,
                   float *x)
{
    const size_t steps = set->shape.dim[0];
    for (size_t k = 0; k < n; k++) {
        size_t first, count = window(set, index[k], &first);
        for (size_t t = 0; t < steps; t++)
            x[k * steps + t] = t < count ? (float)set->symbol[first + t] : 0.0f;
    }
}

void og_dataset_targets(const struct og_dataset *set, const uint32_t *index, size_t n,
                        uint32_t *target)
{
    const size_t steps = set->shape.dim[0];
    for (size_t k = 0; k < n; k++) {
        size_t first, count = window(set, index[k], &first);
        for (size_t t = 0; t < steps; t++)
            target[k * steps + t] = t < count ? set->symbol[first + t + 1] : OG_NO_TARGET;
    }
}

size_t og_dataset_answers(const struct og_dataset *set)
{
    return set->symbol ? set->symbols - 1 : set->n;
}
