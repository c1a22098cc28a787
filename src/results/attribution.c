// SPDX-License-Identifier: GPL-3.0-or-later
#include "results/attribution.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "results/file.h"

// Number of a variant; n: there is none.
static size_t find(const struct og_variants *v, const char *label)
{
    size_t i = 0;
    while (i < v->n && strcmp(v->label[i], label) != 0) i++;
    return i;
}

// "only in fc1" -> "except in fc1", "only adc" -> "without adc".
static size_t twin_of(const struct og_variants *v, const char *part)
{
    char label[OG_PART_NAME + 16];
    const bool layer = strncmp(part, "in ", 3) == 0;
    snprintf(label, sizeof label, "%s %s", layer ? "except" : "without", part);
    return find(v, label);
}

static const char *part_of(const char *label)
{
    return strncmp(label, "only ", 5) == 0 ? label + 5 : NULL;
}

// Costs of variant `worse` against `better`, chip by chip; diff: [trials].
static struct og_interval cost(const struct og_variants *v, size_t group, size_t better,
                               size_t worse, double *diff)
{
    const struct og_interval none = {NAN, NAN, NAN};
    const size_t o = group / v->inner, i = group % v->inner;
    if (better == v->n || worse == v->n) return none;
    const double *b = v->value + ((o * v->n + better) * v->inner + i) * v->trials;
    const double *w = v->value + ((o * v->n + worse) * v->inner + i) * v->trials;
    uint8_t *done = (uint8_t *)(diff + v->trials);
    for (size_t t = 0; t < v->trials; t++) {
        diff[t] = v->sign * (b[t] - w[t]);
        done[t] = !isnan(diff[t]);
    }
    return og_interval_chips(diff, done, v->trials);
}

static void fill(struct og_attribution *a, const struct og_variants *v, double *diff)
{
    const size_t ideal = find(v, "ideal"), all = find(v, "all");
    for (size_t g = 0; g < a->groups; g++) {
        a->all[g] = cost(v, g, ideal, all, diff);
        for (size_t i = 0, p = 0; i < v->n; i++) {
            const char *part = part_of(v->label[i]);
            if (!part) continue;
            a->alone[g * a->parts + p] = cost(v, g, ideal, i, diff);
            a->within[g * a->parts + p++] = cost(v, g, twin_of(v, part), all, diff);
        }
    }
}

og_status og_attribution_make(struct og_attribution *a, const struct og_variants *v,
                              struct og_error *err)
{
    *a = (struct og_attribution){.groups = v->outer * v->inner};
    for (size_t i = 0; i < v->n; i++) a->parts += part_of(v->label[i]) != NULL;
    a->part = og_alloc(a->parts, sizeof *a->part);
    a->alone = og_alloc(a->groups, a->parts * sizeof *a->alone);
    a->within = og_alloc(a->groups, a->parts * sizeof *a->within);
    a->all = og_alloc(a->groups, sizeof *a->all);
    double *diff = og_alloc(v->trials, sizeof *diff + 1);
    const bool good = a->part && a->alone && a->within && a->all && diff;
    for (size_t i = 0, p = 0; good && i < v->n; i++)
        if (part_of(v->label[i]))
            snprintf(a->part[p++], OG_PART_NAME, "%s", part_of(v->label[i]));
    if (good) fill(a, v, diff);
    og_free(diff);
    if (good) return OG_OK;
    og_attribution_free(a);
    return og_fail_memory(err);
}

void og_attribution_free(struct og_attribution *a)
{
    og_free(a->part);
    og_free(a->alone);
    og_free(a->within);
    og_free(a->all);
    *a = (struct og_attribution){0};
}

// --- from a file ---------------------------------------------------------------------

static og_status find_axis(struct og_attribution_file *f, const char *path,
                           struct og_error *err)
{
    for (f->axis = 0; f->axis < f->t.axes; f->axis++) {
        const struct og_table_column *c = &f->t.axis[f->axis].column[0];
        if (c->label && strcmp(c->name, "variant") == 0) return OG_OK;
    }
    return og_fail(err, OG_INPUT,
                   "%s: there is no axis 'variant' over variants of the hardware: it "
                   "is made by 'ohmgrid attribute'",
                   path);
}

static double *read_metric(struct og_hdf *h, const struct og_table *t, const char *name)
{
    char path[64];
    size_t n = 0;
    double *value = NULL;
    hid_t file = og_hdf_open(h), set = H5I_INVALID_HID;
    snprintf(path, sizeof path, "results/%s", name);
    if (h->status == OG_OK) set = H5Dopen2(file, path, H5P_DEFAULT);
    if (h->status == OG_OK && og_hdf_ok(h, set, "open a metric"))
        value = og_hdf_read_reals(h, set, &n);
    og_hdf_close(h, set);
    og_hdf_close(h, file);
    if (h->status == OG_OK && n != t->points * t->trials)
        h->status = og_fail(h->err, OG_INPUT, "%s: %s has %zu values, not %zu", h->path,
                            path, n, t->points * t->trials);
    return value;
}

static bool has_values(const double *value, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isnan(value[i])) return true;
    return false;
}

static og_status make(struct og_attribution_file *f, const double *value,
                      struct og_error *err)
{
    struct og_variants v = {.outer = 1, .inner = 1};
    for (size_t i = 0; i < f->t.axes; i++)
        *(i < f->axis   ? &v.outer
          : i > f->axis ? &v.inner
                        : &v.n) *= i == f->axis ? 1 : f->t.axis[i].n;
    v.n = f->t.axis[f->axis].n;
    v.trials = f->t.trials;
    v.label = f->t.axis[f->axis].column[0].label;
    v.value = value;
    v.sign = f->loss ? -1 : 1;
    return og_attribution_make(&f->a, &v, err);
}

og_status og_attribution_read(struct og_attribution_file *f, const char *path,
                              struct og_error *err)
{
    *f = (struct og_attribution_file){0};
    OG_TRY(og_table_read(&f->t, path, err));
    struct og_hdf h = {.path = path, .err = err};
    struct og_hdf_guard guard = og_hdf_silence();
    double *value = NULL;
    h.status = find_axis(f, path, err);
    if (h.status == OG_OK) value = read_metric(&h, &f->t, "accuracy");
    if (h.status == OG_OK && !has_values(value, f->t.points * f->t.trials)) {
        og_free(value);
        f->loss = true;
        value = read_metric(&h, &f->t, "loss");
    }
    og_hdf_restore(guard);
    if (h.status == OG_OK) h.status = make(f, value, err);
    og_free(value);
    if (h.status != OG_OK) og_attribution_close(f);
    return h.status;
}

void og_attribution_close(struct og_attribution_file *f)
{
    og_attribution_free(&f->a);
    og_table_free(&f->t);
}
