// SPDX-License-Identifier: GPL-3.0-or-later
// The sets differ in the names of things and in how they are split: groups "train" and
// "test" in the file, or people (data.test_groups), or every so many sequences
// (data.folds). Which people are tested by default is ohmgrid's choice: of WHARF four
// with 204 of the 892 recordings, of all activities but the two that f1 alone did; the
// last four drawers.
#include "nn/data_series.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "config/tables.h"
#include "nn/series_part.h"

static const struct og_series_layout layouts[] = {
    {.name = "japanese_vowels",
     .file = "japanese_vowels.h5",
     .value = "frames",
     .offset = "offset",
     .label = "label",
     .split = BY_PARTS,
     .classes = 9,
     .step = 1},
    {.name = "pendigits",
     .file = "pendigits.h5",
     .value = "x",
     .label = "y",
     .split = BY_PARTS,
     .classes = 10,
     .step = 1},
    {.name = "wharf",
     .file = "wharf.h5",
     .value = "accel",
     .offset = "offset",
     .label = "activity",
     .group = "volunteer",
     .names = "volunteers",
     .split = BY_GROUPS,
     .tested = "f3 m1 m2 m4",
     .classes = 14,
     .offset_of = -1.5,
     .step = 3.0 / 63.0},
    {.name = "omniglot_strokes",
     .file = "omniglot_strokes_small1.h5",
     .value = "points",
     .offset = "offset",
     .label = "label",
     .group = "drawer",
     .split = BY_GROUPS,
     .tested = "17 18 19 20",
     .classes = 136,
     .step = 1,
     .pen = true},
    {.name = "speech_commands_kws01",
     .file = "kws01_mfcc.h5",
     .value = "mfcc_int8",
     .label = "label",
     .split = BY_FOLDS,
     .classes = 12,
     .offset_of = -83 * 0.5847029,
     .step = 0.5847029,
     .frames = true},
    {.name = "hdf5",
     .value = "frames",
     .offset = "offset",
     .label = "label",
     .group = "group",
     .names = "groups",
     .split = BY_FILE,
     .step = 1},
};

static const struct og_series_layout *find(const char *name)
{
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++)
        if (strcmp(layouts[i].name, name) == 0) return &layouts[i];
    return NULL;
}

bool og_data_series_exists(const char *name, const char *folder)
{
    char path[OG_DATA_PATH];
    const struct og_series_layout *l = find(name);
    if (snprintf(path, sizeof path, "%s%s%s", folder, l->file ? "/" : "",
                 l->file ? l->file : "") >= OG_DATA_PATH)
        return false;
    FILE *f = fopen(path, "rb");
    if (f) fclose(f);
    return f != NULL;
}

// --- keys ----------------------------------------------------------------------------

static og_status no_effect(const struct og_data_spec *spec, const char *key,
                           struct og_error *err)
{
    return og_fail(err, OG_INPUT, "data.%s has no effect on the data set %s", key,
                   spec->name);
}

og_status og_series_check(const struct og_data_spec *spec, struct og_error *err)
{
    const struct og_series_layout *l = find(spec->name);
    const struct og_series standard = og_series_default(), *s = &spec->series;
    const struct og_speech speech = og_speech_default();
    struct og_speech own = spec->speech;
    own.steps = speech.steps;
    bool scaled = false;
    for (int c = 0; c < 3; c++)
        scaled = scaled || spec->mean[c] != 0 || spec->std[c] != 0;
    if (spec->crop != 0 || spec->flip) return no_effect(spec, "crop or flip", err);
    if (scaled) return no_effect(spec, "mean or std (but data.scale has)", err);
    if (spec->rows && (!l || !l->frames)) return no_effect(spec, "as", err);
    if (memcmp(&own, &speech, sizeof own) != 0 && l)
        return no_effect(spec, "features", err);
    const bool wav = strcmp(spec->name, "wav") == 0;
    if (!wav && s->classes[0]) return no_effect(spec, "classes", err);
    if ((wav || (l && !l->file)) && s->file[0] == '\0')
        return og_fail(err, OG_INPUT, "data set %s: data.file is missing", spec->name);
    const bool pen = (l && l->pen) || spec->strokes;
    if (!pen && s->spacing != 0) return no_effect(spec, "pen.spacing", err);
    if (!pen && s->boxed) return no_effect(spec, "pen.box", err);
    const bool groups = l && (l->split == BY_GROUPS || l->split == BY_FILE);
    if (!groups && s->test_groups[0]) return no_effect(spec, "test_groups", err);
    const bool folds = wav || (l && (l->split == BY_FOLDS || l->split == BY_FILE));
    if (!folds && (s->folds != standard.folds || s->fold != 0))
        return no_effect(spec, "folds or fold", err);
    if (s->fold >= s->folds)
        return og_fail(err, OG_INPUT, "data.fold is %d, not in 0 to %d (data.folds - 1)",
                       s->fold, s->folds - 1);
    return OG_OK;
}

// --- splits --------------------------------------------------------------------------

// Number of the group called `name` (n bytes); -1: there is none.
static int group_number(const char *names, const char *name, size_t n)
{
    if (!*names) {  // groups are called by their numbers
        int number = 0;
        for (size_t i = 0; i < n; i++) {
            if (name[i] < '0' || name[i] > '9' || number > 100000) return -1;
            number = 10 * number + (name[i] - '0');
        }
        return number;
    }
    for (int number = 0; *names; number++) {
        const size_t length = strcspn(names, ",");
        if (length == n && strncmp(names, name, n) == 0) return number;
        names += length;
        if (*names == ',') names++;
    }
    return -1;
}

static og_status split_groups(const struct og_series_part *p, const char *tested,
                              struct og_sequences *s, struct og_error *err)
{
    char names[2048] = "";
    if (!p->group)
        return og_fail(err, OG_INPUT,
                       "%s: dataset '%s' is missing, so data.test_groups "
                       "has nothing to choose from",
                       p->s->path, p->l->group);
    if (p->l->names && H5Aexists(p->s->file, p->l->names) > 0 &&
        !og_hdf5_text(p->s, p->l->names, names, sizeof names))
        return og_fail(err, OG_INPUT, "%s: attribute '%s' is no text of up to %zu bytes",
                       p->s->path, p->l->names, sizeof names - 1);
    for (const char *at = tested; *at;) {
        const size_t n = strcspn(at, " ");
        const int number = n > 0 ? group_number(names, at, n) : -1;
        size_t found = 0;
        for (size_t i = 0; n > 0 && i < p->n; i++)
            if (p->group[i] == number) found += s->test[i] = 1;
        if (n > 0 && found == 0)
            return og_fail(
                err, OG_INPUT,
                "data.test_groups: '%.*s' is no group with sequences in %s%s%s", (int)n,
                at, p->s->path, *names ? ", which has " : "", names);
        at += n + (at[n] == ' ');
    }
    return OG_OK;
}

static og_status split(const struct og_series_part *p, const struct og_series *o,
                       struct og_sequences *s, struct og_error *err)
{
    const struct og_series standard = og_series_default();
    const char *tested = o->test_groups[0] ? o->test_groups : p->l->tested;
    if (!tested) {
        for (size_t i = 0; i < p->n; i++)
            s->test[i] = i % (size_t)o->folds == (size_t)o->fold;
        return OG_OK;
    }
    if (o->folds != standard.folds || o->fold != 0)
        return og_fail(err, OG_INPUT,
                       "data.folds and data.fold have no effect beside test_groups");
    return split_groups(p, tested, s, err);
}

static og_status check_parts(const struct og_series_part *p, const struct og_series *o,
                             struct og_error *err)
{
    const struct og_series standard = og_series_default();
    if (p[0].values != p[1].values)
        return og_fail(err, OG_INPUT,
                       "%s: steps of '%s' have %zu values in train, %zu in test",
                       p->s->path, p->l->value, p[0].values, p[1].values);
    if (o->test_groups[0] || o->folds != standard.folds || o->fold != 0)
        return og_fail(err, OG_INPUT,
                       "data.test_groups, folds and fold have no effect on %s, which has "
                       "groups train and test",
                       p->s->path);
    return OG_OK;
}

// --- all together --------------------------------------------------------------------

static void set_labels(const struct og_series_part *p, int parts, struct og_sequences *s)
{
    size_t at = 0;
    s->classes = p->l->classes;
    for (int k = 0; k < parts; k++)
        for (size_t i = 0; i < p[k].n; i++, at++) {
            s->label[at] = p[k].label[i];
            if (p[k].label[i] >= s->classes) s->classes = p[k].label[i] + 1;
        }
}

// A file may say that it has more classes than its labels show.
static og_status set_classes(const struct og_series_part *p, struct og_sequences *s,
                             struct og_error *err)
{
    int said = 0;
    if (p->l->classes || H5Aexists(p->s->file, "classes") <= 0) return OG_OK;
    if (!og_hdf5_number(p->s, "classes", &said) || said < s->classes ||
        said > OG_SERIES_CLASSES)
        return og_fail(err, OG_INPUT,
                       "%s: attribute 'classes' is no number from %d (the labels there "
                       "are) to %d",
                       p->s->path, s->classes, OG_SERIES_CLASSES);
    s->classes = said;
    return OG_OK;
}

static og_status gather(struct og_series_part *p, int parts, const struct og_series *o,
                        struct og_sequences *s, struct og_error *err)
{
    for (int k = 0; k < parts; k++) OG_TRY(og_series_read(&p[k], err));
    if (parts == 2) OG_TRY(check_parts(p, o, err));
    OG_TRY(og_sequences_alloc(s, p[0].n + p[1].n, err));
    set_labels(p, parts, s);
    OG_TRY(set_classes(p, s, err));
    if (parts == 1) OG_TRY(split(p, o, s, err));
    for (size_t i = p[0].n; i < s->n; i++) s->test[i] = 1;
    if (p->l->pen) return og_series_drawings(p, o, s, err);
    OG_TRY(og_series_values(&p[0], 0, s, err));
    return parts == 2 ? og_series_values(&p[1], p[0].n, s, err) : OG_OK;
}

static og_status read_all(const struct og_series_layout *l,
                          const struct og_hdf5_source *source, const struct og_series *o,
                          struct og_sequences *s, struct og_error *err)
{
    struct og_series_part p[2] = {{.l = l, .s = source}, {.l = l, .s = source}};
    const bool two =
        l->split == BY_PARTS || (l->split == BY_FILE && og_hdf5_has(source, "train"));
    if (two) {
        snprintf(p[0].prefix, sizeof p[0].prefix, "train/");
        snprintf(p[1].prefix, sizeof p[1].prefix, "test/");
    }
    const og_status status = gather(p, two ? 2 : 1, o, s, err);
    og_series_part_clear(&p[0]);
    og_series_part_clear(&p[1]);
    return status;
}

og_status og_data_series_load(struct og_dataset *set, struct og_error *err)
{
    const struct og_series_layout *l = find(set->spec.name);
    struct og_hdf5_source source;
    struct og_sequences s = {0};
    char path[OG_DATA_PATH];
    snprintf(path, sizeof path, "%s%s%s", set->path, l->file ? "/" : "",
             l->file ? l->file : "");
    og_status status = og_hdf5_open(&source, path, err);
    if (status == OG_OK) status = read_all(l, &source, &set->spec.series, &s, err);
    og_hdf5_close(&source);
    if (status == OG_OK) status = og_sequences_keep(set, &s, err);
    og_sequences_clear(&s);
    if (status == OG_OK && l->frames && !set->spec.rows)
        set->shape = (struct og_shape){3, {1, set->height, set->width}};
    return status;
}
