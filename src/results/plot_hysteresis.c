// SPDX-License-Identifier: GPL-3.0-or-later
// One column of a simulated device against another: by default the current against the
// voltage, the pinched loop.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "nn/hdf5_read.h"
#include "results/file.h"
#include "results/plot_script.h"

struct column {
    char *name, *units;
    double *value;
    size_t n;
};

bool og_is_simulation(const char *path)
{
    const struct og_hdf_guard guard = og_hdf_silence();
    struct og_hdf h = {.path = path};
    hid_t file = og_hdf_open(&h);
    const bool is = h.status == OG_OK && H5Lexists(file, "simulation", H5P_DEFAULT) > 0;
    og_hdf_close(&h, file);
    og_hdf_restore(guard);
    return is;
}

static void read_column(struct og_hdf *h, hid_t file, const char *name, struct column *c)
{
    if (h->status != OG_OK) return;
    char path[128];
    snprintf(path, sizeof path, "simulation/%.100s", name);
    hid_t set = H5Dopen2(file, path, H5P_DEFAULT);
    if (set < 0) {
        h->status =
            og_fail(h->err, OG_USAGE,
                    "%s: no column '%s'; a simulation has time, voltage, current, "
                    "state and perhaps temperature",
                    h->path, name);
        return;
    }
    const size_t n = og_hdf_count(h, set);
    if (h->status == OG_OK && !og_hdf5_is_whole(file, set, n))
        h->status =
            og_fail(h->err, OG_INPUT, "%s: column '%s' is damaged", h->path, name);
    if (h->status == OG_OK) c->value = og_hdf_read_reals(h, set, &c->n);
    c->units = og_hdf_read_text(h, set, "units");
    c->name = og_hdf_read_text(h, set, "long_name");
    if (h->status == OG_OK && c->name == NULL) c->name = og_copy_text(name);
    if (h->status == OG_OK && c->name == NULL) h->status = og_fail_memory(h->err);
    og_hdf_close(h, set);
}

static void free_column(struct column *c)
{
    og_free(c->value);
    og_free(c->units);
    og_free(c->name);
}

static void scale(const struct column *c, double *to, char label[128])
{
    const struct og_scaled s = og_scale_units(c->units, c->value, c->n);
    for (size_t i = 0; i < c->n; i++) to[i] = c->value[i] * s.factor;
    og_chart_label(label, c->name, s.units);
}

static og_status make_chart(struct og_chart *chart, const struct column *x,
                            const struct column *y, const char *path,
                            struct og_error *err)
{
    struct og_chart_line *l;
    if (x->n != y->n || x->n == 0)
        return og_fail(err, OG_INPUT, "%s: the columns have %zu and %zu rows", path, x->n,
                       y->n);
    OG_TRY(og_chart_add(chart, x->n, "", path, &l, err));
    scale(x, l->x, chart->x_label);
    scale(y, l->y, chart->y_label);
    return OG_OK;
}

og_status og_chart_simulation(struct og_chart *chart, const char *path,
                              const struct og_plot *plot, struct og_error *err)
{
    if (plot->series != NULL)
        return og_fail(err, OG_USAGE, "%s: a simulated device has no series", path);
    const struct og_hdf_guard guard = og_hdf_silence();
    struct og_hdf h = {.path = path, .err = err};
    struct column x = {0}, y = {0};
    hid_t file = og_hdf_open(&h);
    hid_t group =
        h.status == OG_OK ? H5Gopen2(file, "simulation", H5P_DEFAULT) : H5I_INVALID_HID;
    if (h.status == OG_OK) og_hdf_ok(&h, group, "open the simulation");
    chart->title = og_hdf_read_text(&h, file, "title");
    const bool pulses =
        h.status == OG_OK && H5Lexists(group, "conductance", H5P_DEFAULT) > 0;
    if (pulses) {
        h.status = og_chart_pulses(chart, &h, file, plot);
    } else {
        read_column(&h, file, plot->x != NULL ? plot->x : "voltage", &x);
        read_column(&h, file, plot->metric != NULL ? plot->metric : "current", &y);
        if (h.status == OG_OK) h.status = make_chart(chart, &x, &y, path, err);
    }
    og_hdf_close(&h, group);
    og_hdf_close(&h, file);
    og_hdf_restore(guard);
    free_column(&x);
    free_column(&y);
    return h.status;
}
