// SPDX-License-Identifier: GPL-3.0-or-later
// Conductances of devices under trains of pulses: some of them, and the mean.
#include <string.h>

#include "base/mem.h"
#include "nn/hdf5_read.h"
#include "results/plot_script.h"

enum { SHOWN = 4 };

// All values of a column, which has to be whole.
static double *read_column(struct og_hdf *h, hid_t file, const char *path, size_t *n)
{
    const hid_t set = H5Dopen2(file, path, H5P_DEFAULT);
    if (!og_hdf_ok(h, set, "open the conductances")) return NULL;
    double *value = NULL;
    const size_t count = og_hdf_count(h, set);
    if (h->status == OG_OK && !og_hdf5_is_whole(file, set, count))
        h->status = og_fail(h->err, OG_INPUT, "%s: '%s' is damaged", h->path, path);
    if (h->status == OG_OK) value = og_hdf_read_reals(h, set, n);
    og_hdf_close(h, set);
    return value;
}

static og_status add_line(struct og_chart *chart, const char *name, const double *g,
                          size_t n, const struct og_scaled *s, const char *path,
                          struct og_error *err)
{
    struct og_chart_line *l;
    OG_TRY(og_chart_add(chart, n, name, path, &l, err));
    for (size_t i = 0; i < n; i++) {
        l->x[i] = (double)i;
        l->y[i] = s->factor * g[i];
    }
    return OG_OK;
}

static og_status fill(struct og_chart *chart, const double *mean, size_t points,
                      const double *g, size_t count, const char *path,
                      struct og_error *err)
{
    if (points == 0 || count % points != 0)
        return og_fail(err, OG_INPUT, "%s: %zu conductances do not fit %zu pulses", path,
                       count, points);
    const struct og_scaled s = og_scale_units("S", mean, points);
    og_chart_label(chart->x_label, "pulses", "1");
    og_chart_label(chart->y_label, "conductance", s.units);
    for (size_t d = 0; d < SHOWN && d < count / points; d++) {
        char name[32];
        snprintf(name, sizeof name, "device %zu", d);
        OG_TRY(add_line(chart, name, g + d * points, points, &s, path, err));
    }
    return add_line(chart, "mean", mean, points, &s, path, err);  // on top of them
}

og_status og_chart_pulses(struct og_chart *chart, struct og_hdf *h, hid_t file,
                          const struct og_plot *plot)
{
    size_t points = 0, count = 0;
    if (plot->x != NULL || plot->metric != NULL)
        return og_fail(h->err, OG_USAGE,
                       "%s: a train of pulses has one figure: conductance over pulses",
                       h->path);
    double *mean = read_column(h, file, "simulation/mean", &points);
    double *g = h->status != OG_OK
                    ? NULL
                    : read_column(h, file, "simulation/conductance", &count);
    if (h->status == OG_OK)
        h->status = fill(chart, mean, points, g, count, h->path, h->err);
    og_free(mean);
    og_free(g);
    return h->status;
}
