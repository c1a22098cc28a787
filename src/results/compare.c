// SPDX-License-Identifier: GPL-3.0-or-later
// Paired differences. Two points of a sweep see the same chips (trial t is the same draw)
// and the same test samples, so their difference is known far better than either mean.
// Where training seeds are an axis, they are what is paired, since one training says
// nothing of another; chips are then averaged first.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <gsl/gsl_cdf.h>

#include "base/mem.h"
#include "ohmgrid/results.h"
#include "results/file.h"
#include "results/hdf.h"
#include "results/statistics.h"
#include "results/table.h"
#include "results/text_table.h"

struct side {
    const char *path;
    struct og_table t;
    double *value, *done;     // [points][trials]
    size_t seed;              // axis of train.seed; t.axes: none
    size_t seeds, seed_step;  // its length (1 without), points from one to the next
};

struct compare {
    const struct og_compare *o;
    struct side a, b;
    size_t axis, step;  // of one file: the axis; points from one value to the next
};

struct difference {
    double mean_a, mean_b;
    struct og_interval d;
    double worst;  // one-sided 95 % bound of the loss against A
    size_t pairs;
};

// --- reading -------------------------------------------------------------------------

static double *read_reals(struct og_hdf *h, hid_t file, const char *name, size_t n)
{
    char path[300];
    size_t got = 0;
    snprintf(path, sizeof path, "results/%.200s", name);
    if (H5Lexists(file, path, H5P_DEFAULT) <= 0) {
        h->status = og_fail(h->err, OG_USAGE, "%s: there is no %s", h->path, path);
        return NULL;
    }
    hid_t set = H5Dopen2(file, path, H5P_DEFAULT);
    double *value =
        og_hdf_ok(h, set, "open a metric") ? og_hdf_read_reals(h, set, &got) : NULL;
    og_hdf_close(h, set);
    if (h->status == OG_OK && got != n)
        h->status =
            og_fail(h->err, OG_INPUT, "%s: %s has %zu values, not one per chip (%zu)",
                    h->path, path, got, n);
    return value;
}

// Whether the axis, or one zipped with it, is the seed of training: the key is the long
// name of its scale.
static bool is_seed(struct og_hdf *h, hid_t file, const struct og_table_axis *axis)
{
    bool seed = false;
    for (int c = 0; c < axis->columns && !seed && h->status == OG_OK; c++) {
        char path[300];
        snprintf(path, sizeof path, "results/%.200s", axis->column[c].name);
        hid_t set = H5Dopen2(file, path, H5P_DEFAULT);
        char *key = og_hdf_ok(h, set, "open an axis")
                        ? og_hdf_read_text(h, set, "long_name")
                        : NULL;
        seed =
            key != NULL && (strcmp(key, "train.seed") == 0 || strcmp(key, "seed") == 0);
        og_free(key);
        og_hdf_close(h, set);
    }
    return seed;
}

static void find_seed(struct side *s, struct og_hdf *h, hid_t file)
{
    size_t step = s->t.points;
    s->seed = s->t.axes;
    s->seeds = 1;
    for (size_t i = 0; i < s->t.axes; i++) {
        step /= s->t.axis[i].n;
        if (s->t.axis[i].n < 2 || !is_seed(h, file, &s->t.axis[i])) continue;
        s->seed = i;
        s->seeds = s->t.axis[i].n;
        s->seed_step = step;
    }
}

static og_status read_side(struct side *s, const char *path, const char *metric,
                           struct og_error *err)
{
    s->path = path;
    OG_TRY(og_table_read(&s->t, path, err));
    struct og_hdf h = {.path = path, .err = err};
    struct og_hdf_guard guard = og_hdf_silence();
    hid_t file = og_hdf_open(&h);
    if (h.status == OG_OK)
        s->value = read_reals(&h, file, metric, s->t.points * s->t.trials);
    if (h.status == OG_OK)
        s->done = read_reals(&h, file, "done", s->t.points * s->t.trials);
    if (h.status == OG_OK) find_seed(s, &h, file);
    og_hdf_close(&h, file);
    og_hdf_restore(guard);
    return h.status;
}

static void free_side(struct side *s)
{
    og_table_free(&s->t);
    og_free(s->value);
    og_free(s->done);
}

// --- which points belong together ----------------------------------------------------

static bool same_column(const struct og_table_column *a, const struct og_table_column *b,
                        size_t n)
{
    if (strcmp(a->name, b->name) != 0 || !a->value != !b->value) return false;
    for (size_t i = 0; i < n; i++)
        if (a->value ? a->value[i] != b->value[i] : strcmp(a->label[i], b->label[i]) != 0)
            return false;
    return true;
}

static og_status check_axes(const struct compare *c, struct og_error *err)
{
    const struct og_table *a = &c->a.t, *b = &c->b.t;
    if (a->axes != b->axes)
        return og_fail(err, OG_INPUT, "%s has %zu axes, %s has %zu", c->a.path, a->axes,
                       c->b.path, b->axes);
    for (size_t i = 0; i < a->axes; i++)
        if (a->axis[i].n != b->axis[i].n ||
            !same_column(&a->axis[i].column[0], &b->axis[i].column[0], a->axis[i].n))
            return og_fail(err, OG_INPUT, "axis '%s' of %s differs from that of %s",
                           a->axis[i].column[0].name, c->a.path, c->b.path);
    return OG_OK;
}

static og_status find_axis(struct compare *c, struct og_error *err)
{
    const struct og_table *t = &c->a.t;
    c->step = t->points;
    for (c->axis = 0; c->axis < t->axes; c->axis++) {
        const struct og_table_axis *axis = &t->axis[c->axis];
        c->step /= axis->n;
        for (int k = 0; k < axis->columns; k++)
            if (strcmp(axis->column[k].name, c->o->axis) == 0 && c->axis != c->a.seed)
                return axis->n > 1 ? OG_OK
                                   : og_fail(err, OG_USAGE, "%s: axis '%s' has one value",
                                             c->a.path, c->o->axis);
    }
    return og_fail(err, OG_USAGE, "%s: there is no axis '%s' to compare along", c->a.path,
                   c->o->axis);
}

// The rows: points of B, of the first seed. *base: the point of A for each.
static size_t list_rows(const struct compare *c, size_t *row, size_t *base)
{
    const struct side *s = c->o->b ? &c->b : &c->a;
    size_t n = 0;
    for (size_t p = 0; p < s->t.points; p++) {
        if (s->seed < s->t.axes && p / s->seed_step % s->seeds != 0) continue;
        const size_t at = c->o->b ? 0 : p / c->step % c->a.t.axis[c->axis].n;
        if (!c->o->b && at == 0) continue;
        row[n] = p;
        base[n++] = c->o->b ? p : p - at * c->step;
    }
    return n;
}

// --- differences ---------------------------------------------------------------------

// Mean over the chips that both points have; *pairs: how many.
static bool mean_over_chips(const struct compare *c, size_t a, size_t b, double mean[2])
{
    const struct side *other = c->o->b ? &c->b : &c->a;
    const size_t trials =
        c->a.t.trials < other->t.trials ? c->a.t.trials : other->t.trials;
    size_t n = 0;
    mean[0] = mean[1] = 0;
    for (size_t t = 0; t < trials; t++) {
        const size_t i = a * c->a.t.trials + t, k = b * other->t.trials + t;
        if (c->a.done[i] == 0 || other->done[k] == 0) continue;
        mean[0] += c->a.value[i];
        mean[1] += other->value[k];
        n++;
    }
    mean[0] /= (double)n;
    mean[1] /= (double)n;
    return n > 0;
}

static size_t pair_seeds(const struct compare *c, size_t a, size_t b, double *va,
                         double *vb)
{
    const struct side *other = c->o->b ? &c->b : &c->a;
    size_t n = 0;
    for (size_t k = 0; k < c->a.seeds; k++) {
        double mean[2];
        if (!mean_over_chips(c, a + k * c->a.seed_step, b + k * other->seed_step, mean))
            continue;
        va[n] = mean[0];
        vb[n++] = mean[1];
    }
    return n;
}

static size_t pair_chips(const struct compare *c, size_t a, size_t b, double *va,
                         double *vb)
{
    const struct side *other = c->o->b ? &c->b : &c->a;
    size_t n = 0;
    for (size_t t = 0; t < c->a.t.trials && t < other->t.trials; t++) {
        const size_t i = a * c->a.t.trials + t, k = b * other->t.trials + t;
        if (c->a.done[i] == 0 || other->done[k] == 0) continue;
        va[n] = c->a.value[i];
        vb[n++] = other->value[k];
    }
    return n;
}

static og_status differ(const struct compare *c, size_t a, size_t b, struct difference *d,
                        struct og_error *err)
{
    const size_t most = c->a.seeds > 1 ? c->a.seeds : c->a.t.trials;
    double *va = og_alloc(2 * most, sizeof *va), *vb = va + most;
    uint8_t *all = og_alloc(most, 1);
    *d = (struct difference){NAN, NAN, {NAN, NAN, NAN}, NAN, 0};
    if (va != NULL && all != NULL) {
        size_t n =
            c->a.seeds > 1 ? pair_seeds(c, a, b, va, vb) : pair_chips(c, a, b, va, vb);
        memset(all, 1, n);
        d->pairs = n;
        d->mean_a = og_interval_chips(va, all, n).mean;
        d->mean_b = og_interval_chips(vb, all, n).mean;
        for (size_t i = 0; i < n; i++) vb[i] -= va[i];
        d->d = og_interval_chips(vb, all, n);
        if (n > 1) {  // from the two-sided interval to the one-sided bound
            const double df = (double)(n - 1);
            const double half = (d->d.high - d->d.mean) * gsl_cdf_tdist_Pinv(0.95, df) /
                                gsl_cdf_tdist_Pinv(0.975, df);
            const bool share = strncmp(c->o->metric, "accuracy", 8) == 0;
            d->worst = (share ? -d->d.mean : d->d.mean) + half;
        }
    }
    const bool good = va != NULL && all != NULL;
    og_free(va);
    og_free(all);
    return good ? OG_OK : og_fail_memory(err);
}

static const char *verdict(const struct compare *c, const struct difference *d)
{
    if (d->pairs < 2) return "-";
    if (c->o->margin > 0) return d->worst < c->o->margin ? "within margin" : "not shown";
    return d->d.low > 0 || d->d.high < 0 ? "differs" : "not shown";
}

static void fill_row(const struct compare *c, const struct og_text_table *g, size_t row,
                     size_t col, const struct difference *d)
{
    snprintf(og_text_at(g, row, col), OG_CELL, "%.4f", d->mean_a);
    snprintf(og_text_at(g, row, col + 1), OG_CELL, "%.4f", d->mean_b);
    snprintf(og_text_at(g, row, col + 2), OG_CELL,
             d->pairs > 1 ? "%+.4f [%+.4f, %+.4f]" : "%+.4f", d->d.mean, d->d.low,
             d->d.high);
    snprintf(og_text_at(g, row, col + 3), OG_CELL, "%zu", d->pairs);
    snprintf(og_text_at(g, row, col + 4), OG_CELL, "%s", verdict(c, d));
}

static og_status fill(const struct compare *c, const struct og_text_table *g, size_t *row,
                      const size_t *base, struct og_error *err)
{
    const struct side *s = c->o->b ? &c->b : &c->a;
    const size_t col = og_text_axes(g, &s->t, row);
    const char *const heading[] = {"A", "B", "B - A", "pairs", "95 %"};
    for (size_t i = 0; i < 5; i++) og_text_heading(g, col + i, heading[i], NULL);
    for (size_t r = 1; r < g->rows; r++) {
        struct difference d;
        OG_TRY(differ(c, base[r - 1], row[r - 1], &d, err));
        fill_row(c, g, r, col, &d);
        size_t at = 0;
        for (size_t i = 0; i < s->seed && i < s->t.axes; i++)
            at += (size_t)s->t.axis[i].columns;
        if (s->seed < s->t.axes) snprintf(og_text_at(g, r, at), OG_CELL, "all");
    }
    return OG_OK;
}

static void explain(const struct compare *c, const struct og_sheet *sheet)
{
    char note[400];
    snprintf(note, sizeof note,
             "%s; [low, high]: 95 %% t interval of the mean difference, pairs are %s",
             c->o->metric,
             c->a.seeds > 1
                 ? "training seeds, each the mean over its chips"
                 : "chips of one training: they say nothing of other trainings");
    og_sheet_note(sheet, note);
    if (c->o->margin > 0) {
        snprintf(note, sizeof note,
                 "within margin: the one-sided 95 %% bound of the loss of B is below %g",
                 c->o->margin);
        og_sheet_note(sheet, note);
    }
    if (c->a.seeds > 1 && c->a.seeds < 5)
        og_sheet_note(sheet, "fewer than 5 seeds: too few for a claim about training");
}

static og_status print(const struct compare *c, FILE *out, struct og_error *err)
{
    const struct side *s = c->o->b ? &c->b : &c->a;
    const struct og_sheet sheet = {.out = out};
    struct og_text_table g = {0};
    size_t cols = 5;
    for (size_t i = 0; i < s->t.axes; i++) cols += (size_t)s->t.axis[i].columns;
    size_t *row = og_alloc(2 * s->t.points, sizeof *row), *base = row + s->t.points;
    og_status status = row != NULL ? OG_OK : og_fail_memory(err);
    if (status == OG_OK)
        status = og_text_table_alloc(&g, list_rows(c, row, base) + 1, cols, err);
    if (status == OG_OK) status = fill(c, &g, row, base, err);
    if (status == OG_OK) {
        og_text_print(&g, &sheet);
        explain(c, &sheet);
    }
    og_text_table_free(&g);
    og_free(row);
    return status;
}

static og_status compare(struct compare *c, FILE *out, struct og_error *err)
{
    OG_TRY(read_side(&c->a, c->o->a, c->o->metric, err));
    if (c->o->b) {
        OG_TRY(read_side(&c->b, c->o->b, c->o->metric, err));
        OG_TRY(check_axes(c, err));
    } else {
        OG_TRY(find_axis(c, err));
    }
    return print(c, out, err);
}

og_status og_result_compare(const struct og_compare *o, FILE *out, struct og_error *err)
{
    struct compare c = {.o = o};
    if (!o->b == !o->axis)
        return og_fail(err, OG_USAGE,
                       "two files are compared point by point, one file along an axis: "
                       "give either a second file or an axis");
    const og_status status = compare(&c, out, err);
    free_side(&c.a);
    free_side(&c.b);
    return status;
}
