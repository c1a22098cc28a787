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

static void read_column(struct og_hdf *h, hid_t file, const char *name,
                        struct og_curve_column *c)
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

og_status og_curve_read(struct og_curve *curve, const char *path,
                        const struct og_plot *plot, struct og_error *err)
{
    const struct og_hdf_guard guard = og_hdf_silence();
    struct og_hdf h = {.path = path, .err = err};
    *curve = (struct og_curve){0};
    hid_t file = og_hdf_open(&h);
    hid_t group =
        h.status == OG_OK ? H5Gopen2(file, "simulation", H5P_DEFAULT) : H5I_INVALID_HID;
    if (h.status == OG_OK) og_hdf_ok(&h, group, "open the simulation");
    curve->title = og_hdf_read_text(&h, file, "title");
    read_column(&h, file, plot->x != NULL ? plot->x : "voltage", &curve->x);
    read_column(&h, file, plot->metric != NULL ? plot->metric : "current", &curve->y);
    if (h.status == OG_OK && (curve->x.n != curve->y.n || curve->x.n == 0))
        h.status = og_fail(err, OG_INPUT, "%s: the columns have %zu and %zu rows", path,
                           curve->x.n, curve->y.n);
    og_hdf_close(&h, file);
    og_hdf_restore(guard);
    return h.status;
}

void og_curve_free(struct og_curve *curve)
{
    struct og_curve_column *column[] = {&curve->x, &curve->y};
    for (int i = 0; i < 2; i++) {
        og_free(column[i]->value);
        og_free(column[i]->units);
        og_free(column[i]->name);
    }
    og_free(curve->title);
    *curve = (struct og_curve){0};
}

static struct og_scaled write_label(char axis, const struct og_curve_column *c, FILE *out)
{
    const bool has_unit = c->units != NULL && strcmp(c->units, "1") != 0;
    const struct og_scaled s = og_scale_units(c->units, c->value, c->n);
    char text[256];
    snprintf(text, sizeof text, "%.200s%s%s%s", c->name, has_unit ? " [" : "",
             has_unit ? s.units : "", has_unit ? "]" : "");
    fprintf(out, "set %clabel ", axis);
    og_script_quote(out, text, false);
    fputc('\n', out);
    return s;
}

void og_curve_script(const struct og_picture *p, FILE *out)
{
    const struct og_curve *c = p->curve;
    const struct og_scaled x = write_label('x', &c->x, out),
                           y = write_label('y', &c->y, out);
    fputs("set title ", out);
    og_script_quote(out, p->title, false);
    fputs("\nunset key\nset zeroaxis lt 1 lc rgb '#909090'\n$curve << EOD\n", out);
    for (size_t i = 0; i < c->x.n; i++)
        if (isfinite(c->x.value[i]) && isfinite(c->y.value[i]))
            fprintf(out, "%.10g %.10g\n", c->x.value[i] * x.factor,
                    c->y.value[i] * y.factor);
    fputs("EOD\nplot $curve using 1:2 with lines lc rgb '#0072B2' lw 2\nunset output\n",
          out);
}
