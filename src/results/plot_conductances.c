// SPDX-License-Identifier: GPL-3.0-or-later
// /chip: the conductances of a programmed chip as histograms, one for each layer.
#include <gsl/gsl_histogram.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <stdio.h>

#include "base/mem.h"
#include "nn/hdf5_read.h"
#include "results/file.h"
#include "results/plot_script.h"

enum { BINS = 64 };

struct chips {
    struct og_hdf h;
    hid_t file;
    struct og_chart *chart;
    double high;  // [S] the highest conductance of all layers
    bool counted;
};

static double *read_layer(struct chips *c, hid_t group, const char *name, size_t *n)
{
    hid_t set = H5Dopen2(group, name, H5P_DEFAULT);
    double *g = NULL;
    if (og_hdf_ok(&c->h, set, "open a layer's conductances")) {
        *n = og_hdf_count(&c->h, set);
        if (c->h.status == OG_OK && !og_hdf5_is_whole(c->file, set, *n))
            c->h.status = og_fail(c->h.err, OG_INPUT,
                                  "%s: the conductances of %s are "
                                  "damaged",
                                  c->h.path, name);
        if (c->h.status == OG_OK) g = og_hdf_read_reals(&c->h, set, n);
    }
    og_hdf_close(&c->h, set);
    return g;
}

static void add_histogram(struct chips *c, const char *layer, const double *g, size_t n)
{
    struct og_chart_line *l;
    c->h.status = og_chart_add(c->chart, BINS, layer, c->h.path, &l, c->h.err);
    gsl_histogram *h = gsl_histogram_alloc(BINS);
    if (h == NULL && c->h.status == OG_OK) c->h.status = og_fail_memory(c->h.err);
    if (c->h.status == OG_OK) {
        // The highest belongs to the last bin, whose end is open.
        gsl_histogram_set_ranges_uniform(h, 0, c->high * (1 + 1e-9));
        for (size_t i = 0; i < n; i++) gsl_histogram_increment(h, g[i]);
        for (size_t i = 0; i < BINS; i++) {
            l->x[i] = c->high * ((double)i + 0.5) / BINS;
            l->y[i] = h->bin[i] > 0 ? 100 * h->bin[i] / (double)n : NAN;
        }
    }
    if (h != NULL) gsl_histogram_free(h);
}

// Called twice for each layer: for the highest conductance, then for the histogram.
static herr_t see_layer(hid_t group, const char *name, const H5L_info_t *info, void *user)
{
    struct chips *c = user;
    size_t n = 0;
    (void)info;
    if (!og_hdf_is_dataset(group, name)) return 0;  // the group of "lstm1/x"
    double *g = read_layer(c, group, name, &n);
    if (g != NULL && c->counted)
        add_histogram(c, name, g, n);
    else if (g != NULL && n > 0)
        c->high = fmax(c->high, gsl_stats_max(g, 1, n));
    og_free(g);
    return c->h.status == OG_OK ? 0 : -1;
}

static void read_point(struct chips *c, const struct og_table *t, int point)
{
    char name[32];
    size_t p = point < 0 ? 0 : (size_t)point;
    for (bool found = false; !found; p++) {
        snprintf(name, sizeof name, "chip/p%zu", p);
        found = H5Lexists(c->file, "chip", H5P_DEFAULT) > 0 &&
                H5Lexists(c->file, name, H5P_DEFAULT) > 0;
        if (found || (point < 0 && p + 1 < t->points)) continue;
        c->h.status =
            og_fail(c->h.err, OG_INPUT,
                    "%s: holds no conductances%s: output.chip was false, or the "
                    "hardware is ideal",
                    c->h.path, point < 0 ? "" : " of that point");
        return;
    }
    char text[160];
    og_point_text(t, p - 1, text, sizeof text);
    og_chart_label(c->chart->x_label, "conductance", "µS");
    snprintf(c->chart->y_label, sizeof c->chart->y_label, "share of devices [%%]");
    hid_t group = H5Gopen2(c->file, name, H5P_DEFAULT);
    for (int pass = 0; pass < 2; pass++) {
        c->counted = pass == 1;
        if (c->h.status == OG_OK)
            og_hdf_ok(&c->h, H5Lvisit(group, H5_INDEX_NAME, H5_ITER_INC, see_layer, c),
                      "list the layers of a chip");
    }
    og_hdf_close(&c->h, group);
    char title[480];
    snprintf(title, sizeof title, "%s%s%s", t->title != NULL ? t->title : "",
             text[0] && t->title && t->title[0] ? ": " : "", text);
    c->chart->title = og_copy_text(title);
}

og_status og_chart_conductances(struct og_chart *chart, const char *path,
                                const struct og_plot *plot, struct og_error *err)
{
    struct chips c = {.h = {.path = path, .err = err}, .chart = chart};
    struct og_table t;
    OG_TRY(og_table_read(&t, path, err));
    const struct og_hdf_guard guard = og_hdf_silence();
    c.file = og_hdf_open(&c.h);
    if (c.h.status == OG_OK) read_point(&c, &t, plot->point);
    og_hdf_close(&c.h, c.file);
    og_hdf_restore(guard);
    for (size_t i = 0; i < chart->lines; i++)
        for (size_t k = 0; chart->line[i].x != NULL && k < chart->line[i].n; k++)
            chart->line[i].x[k] *= 1e6;
    chart->steps = chart->log_y = true;
    og_table_free(&t);
    return c.h.status;
}
