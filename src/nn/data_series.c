// SPDX-License-Identifier: GPL-3.0-or-later
// The sets differ in the names of things and in how they are split: groups "train" and
// "test" in the file, or people (data.test_groups), or every so many sequences
// (data.folds). Which people are tested by default is ohmgrid's choice: those with a
// quarter of the recordings, every frequent activity among them; the last four drawers.
#include "nn/data_series.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "config/tables.h"
#include "nn/hdf5_list.h"
#include "nn/pen.h"
#include "nn/sequences.h"

enum split { BY_PARTS, BY_GROUPS, BY_FOLDS, BY_FILE };

struct layout {
    const char *name, *file;
    const char *value, *offset, *label, *group;  // offset NULL: all have the same length
    const char *names;                           // attribute: of groups, with commas
    enum split split;
    const char *tested;      // groups, by default
    int classes;             // 0: the largest label and one
    double offset_of, step;  // value = offset_of + step * what the file holds
    bool pen, frames;        // points of a pen; may be an image [1][steps][values]
};

static const struct layout layouts[] = {
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

static const struct layout *find(const char *name)
{
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++)
        if (strcmp(layouts[i].name, name) == 0) return &layouts[i];
    return NULL;
}

bool og_data_series_exists(const char *name, const char *folder)
{
    char path[OG_DATA_PATH];
    const struct layout *l = find(name);
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
    const struct layout *l = find(spec->name);
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
    const bool pen = (l && l->pen) || spec->strokes;
    if (!pen && s->spacing != 0) return no_effect(spec, "pen.spacing", err);
    if (!pen && s->boxed) return no_effect(spec, "pen.box", err);
    const bool groups = l && (l->split == BY_GROUPS || l->split == BY_FILE);
    if (!groups && s->test_groups[0]) return no_effect(spec, "test_groups", err);
    const bool folds = l && (l->split == BY_FOLDS || l->split == BY_FILE);
    if (!folds && (s->folds != standard.folds || s->fold != 0))
        return no_effect(spec, "folds or fold", err);
    if (s->fold >= s->folds)
        return og_fail(err, OG_INPUT, "data.fold is %d, not in 0 to %d (data.folds - 1)",
                       s->fold, s->folds - 1);
    return OG_OK;
}

// --- reading -------------------------------------------------------------------------

// One part of a file: the whole, or the group "train" or "test".
struct part {
    const struct layout *l;
    const struct og_hdf5_source *s;
    char prefix[8];  // "", "train/", "test/"
    float *value;
    int64_t *offset;
    int *label, *group;
    size_t steps, values, n;
};

static void part_clear(struct part *p)
{
    og_free(p->value);
    og_free(p->offset);
    og_free(p->label);
    og_free(p->group);
}

static og_status take_list(struct part *p, const char *name, hid_t memory, void **list,
                           size_t *n, struct og_error *err)
{
    char path[64];
    snprintf(path, sizeof path, "%s%s", p->prefix, name);
    return og_hdf5_take(p->s, &(struct og_hdf5_want){path, memory, false, 1}, list, n,
                        err);
}

static bool has(const struct part *p, const char *name)
{
    char path[64];
    snprintf(path, sizeof path, "%s%s", p->prefix, name);
    return og_hdf5_has(p->s, path);
}

// Steps of all sequences, and where they begin if the file says so.
static og_status take_values(struct part *p, size_t *offsets, struct og_error *err)
{
    size_t dim[3] = {0};
    void *list = NULL, *offset = NULL;
    char path[64];
    const bool own = p->l->offset && has(p, p->l->offset);
    snprintf(path, sizeof path, "%s%s", p->prefix, p->l->value);
    const struct og_hdf5_want want = {path, H5T_NATIVE_FLOAT, false, own ? 2 : 3};
    const og_status status = og_hdf5_take(p->s, &want, &list, dim, err);
    p->value = list;
    OG_TRY(status);
    p->values = own ? dim[1] : dim[2];
    p->steps = own ? dim[0] : dim[0] * dim[1];
    if (p->values == 0 || p->values > OG_SERIES_VALUES)
        return og_fail(err, OG_INPUT,
                       "%s: dataset '%s' has %zu values in a step, not 1 to %d",
                       p->s->path, path, p->values, OG_SERIES_VALUES);
    if (own) {
        const og_status read =
            take_list(p, p->l->offset, H5T_NATIVE_INT64, &offset, offsets, err);
        p->offset = offset;
        return read;
    }
    *offsets = dim[0] + 1;
    p->offset = og_alloc(*offsets, sizeof *p->offset);
    if (!p->offset) return og_fail(err, OG_NO_MEMORY, "out of memory for %s", path);
    for (size_t i = 0; i <= dim[0]; i++) p->offset[i] = (int64_t)(i * dim[1]);
    return OG_OK;
}

static og_status check_part(const struct part *p, size_t offsets, size_t groups,
                            struct og_error *err)
{
    const char *path = p->s->path;
    if (offsets != p->n + 1 || (p->group && groups != p->n))
        return og_fail(err, OG_INPUT,
                       "%s: %zu labels, %zu offsets and %zu groups in '%s' do not fit "
                       "together (n, n + 1, n or none)",
                       path, p->n, offsets, groups, p->prefix);
    for (size_t i = 0; i < p->n; i++) {
        const int64_t from = p->offset[i], to = p->offset[i + 1];
        if (from < 0 || to <= from || (uint64_t)to > p->steps)
            return og_fail(err, OG_INPUT,
                           "%s: sequence %s%zu has steps %lld to %lld of %zu", path,
                           p->prefix, i, (long long)from, (long long)to, p->steps);
        const int most = p->l->classes ? p->l->classes - 1 : OG_SERIES_CLASSES - 1;
        if (p->label[i] < 0 || p->label[i] > most)
            return og_fail(err, OG_INPUT, "%s: label %s%zu is %d, not in 0 to %d", path,
                           p->prefix, i, p->label[i], most);
    }
    for (size_t i = 0; i < p->steps * p->values; i++)
        if (!isfinite(p->value[i]))
            return og_fail(err, OG_INPUT, "%s: value %zu of '%s%s' is not finite", path,
                           i, p->prefix, p->l->value);
    return OG_OK;
}

static og_status read_part(struct part *p, struct og_error *err)
{
    size_t offsets = 0, groups = 0;
    void *label = NULL, *group = NULL;
    OG_TRY(take_values(p, &offsets, err));
    og_status status = take_list(p, p->l->label, H5T_NATIVE_INT, &label, &p->n, err);
    p->label = label;
    OG_TRY(status);
    if (p->l->group && has(p, p->l->group))
        status = take_list(p, p->l->group, H5T_NATIVE_INT, &group, &groups, err);
    p->group = group;
    OG_TRY(status);
    return check_part(p, offsets, groups, err);
}

// --- from a part to sequences --------------------------------------------------------

// x, y (upwards), time, stroke -> points.
static void set_points(const struct part *p, size_t i, struct og_pen_point *point)
{
    const size_t from = (size_t)p->offset[i], n = (size_t)p->offset[i + 1] - from;
    for (size_t t = 0; t < n; t++) {
        const float *x = p->value + (from + t) * p->values;
        point[t] = (struct og_pen_point){x[0], -(double)x[1], t + 1 == n};
        if (t + 1 < n) point[t].up = x[3] != x[p->values + 3];
    }
}

struct pen_work {
    struct og_pen_point *point, *out;
    size_t room;
};

static bool grow_work(struct pen_work *w, size_t n)
{
    if (n <= w->room) return true;
    og_free(w->out);
    w->out = og_alloc(n, sizeof *w->out);
    w->room = w->out ? n : 0;
    return w->out != NULL;
}

// Steps dx, dy, pen of one drawing, from 0, 0 on. y: NULL to count only.
static bool draw(const struct part *p, const struct og_series *o, size_t i,
                 struct pen_work *w, size_t *steps, float *y)
{
    size_t n = (size_t)(p->offset[i + 1] - p->offset[i]);
    set_points(p, i, w->point);
    if (o->boxed) og_pen_box(w->point, n);
    const struct og_pen_point *point = w->point;
    if (o->spacing > 0) {
        const size_t many = og_pen_resample(point, n, o->spacing, NULL);
        if (!grow_work(w, many)) return false;
        og_pen_resample(point, n, o->spacing, w->out);
        point = w->out;
        n = many;
    }
    for (size_t t = 0; y && t < n; t++, y += 3) {
        y[0] = (float)(point[t].x - (t > 0 ? point[t - 1].x : 0));
        y[1] = (float)(point[t].y - (t > 0 ? point[t - 1].y : 0));
        y[2] = point[t].up;
    }
    *steps = n;
    return true;
}

static bool draw_all(const struct part *p, const struct og_series *o, size_t most,
                     struct pen_work *w, struct og_sequences *s)
{
    w->point = og_alloc(most, sizeof *w->point);
    if (!w->point) return false;
    for (int fill = 0; fill < 2; fill++) {
        for (size_t i = 0; i < p->n; i++) {
            size_t steps = 0;
            float *y = fill ? s->value + s->first[i] * 3 : NULL;
            if (!draw(p, o, i, w, &steps, y)) return false;
            s->first[i + 1] = s->first[i] + steps;
        }
        if (fill) continue;
        s->value = og_alloc(s->first[p->n], 3 * sizeof *s->value);
        if (!s->value) return false;
    }
    return true;
}

static og_status add_drawings(const struct part *p, const struct og_series *o,
                              struct og_sequences *s, struct og_error *err)
{
    size_t most = 0;
    if (p->values != 4)
        return og_fail(err, OG_INPUT, "%s: dataset '%s' has %zu values in a step, not 4",
                       p->s->path, p->l->value, p->values);
    for (size_t i = 0; i < p->n; i++)
        if ((size_t)(p->offset[i + 1] - p->offset[i]) > most)
            most = (size_t)(p->offset[i + 1] - p->offset[i]);
    struct pen_work w = {0};
    const bool done = draw_all(p, o, most, &w, s);
    og_free(w.point);
    og_free(w.out);
    s->values = 3;
    if (done) return OG_OK;
    return og_fail(err, OG_NO_MEMORY, "out of memory for the drawings of %s", p->s->path);
}

// Appends the sequences of a part; of two parts the second comes after the first.
static og_status add_values(const struct part *p, size_t before, struct og_sequences *s,
                            struct og_error *err)
{
    size_t at = s->first[before], steps = at;
    for (size_t i = 0; i < p->n; i++) steps += (size_t)(p->offset[i + 1] - p->offset[i]);
    float *more = og_grow(s->value, at * p->values, steps * p->values, sizeof *more);
    if (!more)
        return og_fail(err, OG_NO_MEMORY, "out of memory for the sequences of %s",
                       p->s->path);
    s->value = more;
    s->values = p->values;
    for (size_t i = 0; i < p->n; i++) {
        const float *from = p->value + (size_t)p->offset[i] * p->values;
        const size_t n = (size_t)(p->offset[i + 1] - p->offset[i]);
        for (size_t k = 0; k < n * p->values; k++)
            more[at * p->values + k] =
                (float)(p->l->offset_of + p->l->step * (double)from[k]);
        at += n;
        s->first[before + i + 1] = at;
    }
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

static og_status split_groups(const struct part *p, const char *tested,
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

static og_status split(const struct part *p, const struct og_series *o,
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

static og_status check_parts(const struct part *p, const struct og_series *o,
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

static void set_labels(const struct part *p, int parts, struct og_sequences *s)
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
static og_status set_classes(const struct part *p, struct og_sequences *s,
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

static og_status gather(struct part *p, int parts, const struct og_series *o,
                        struct og_sequences *s, struct og_error *err)
{
    for (int k = 0; k < parts; k++) OG_TRY(read_part(&p[k], err));
    if (parts == 2) OG_TRY(check_parts(p, o, err));
    OG_TRY(og_sequences_alloc(s, p[0].n + p[1].n, err));
    set_labels(p, parts, s);
    OG_TRY(set_classes(p, s, err));
    if (parts == 1) OG_TRY(split(p, o, s, err));
    for (size_t i = p[0].n; i < s->n; i++) s->test[i] = 1;
    if (p->l->pen) return add_drawings(p, o, s, err);
    OG_TRY(add_values(&p[0], 0, s, err));
    return parts == 2 ? add_values(&p[1], p[0].n, s, err) : OG_OK;
}

static og_status read_all(const struct layout *l, const struct og_hdf5_source *source,
                          const struct og_series *o, struct og_sequences *s,
                          struct og_error *err)
{
    struct part p[2] = {{.l = l, .s = source}, {.l = l, .s = source}};
    const bool two =
        l->split == BY_PARTS || (l->split == BY_FILE && og_hdf5_has(source, "train"));
    if (two) {
        snprintf(p[0].prefix, sizeof p[0].prefix, "train/");
        snprintf(p[1].prefix, sizeof p[1].prefix, "test/");
    }
    const og_status status = gather(p, two ? 2 : 1, o, s, err);
    part_clear(&p[0]);
    part_clear(&p[1]);
    return status;
}

og_status og_data_series_load(struct og_dataset *set, struct og_error *err)
{
    const struct layout *l = find(set->spec.name);
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
