// SPDX-License-Identifier: GPL-3.0-or-later
#include "results/grid.h"

#include <string.h>

#include <hdf5_hl.h>

#include "base/mem.h"
#include "results/file.h"

static void attach(struct og_grid *g, hid_t set, size_t first, size_t n)
{
    for (size_t i = 0; i < n && g->h->status == OG_OK; i++)
        og_hdf_ok(g->h, H5DSattach_scale(set, g->scale[first + i], (unsigned)i),
                  "attach a scale");
}

static void add_coordinate(struct og_grid *g, const char *name)
{
    size_t used = strlen(g->coordinates), n = strlen(name);
    if (used + n + 2 > sizeof g->coordinates) {
        g->h->status =
            og_fail(g->h->err, OG_INPUT, "%s: too many zipped axes", g->h->path);
        return;
    }
    if (used > 0) g->coordinates[used++] = ' ';
    memcpy(g->coordinates + used, name, n + 1);
}

static hid_t write_column(struct og_grid *g, const struct og_axis *axis,
                          const struct og_axis_column *c)
{
    hsize_t n = axis->n;
    struct og_hdf_array a = {.name = c->name, .rank = 1, .dim = &n, .long_name = c->key};
    hid_t text = c->text ? og_hdf_text_type(g->h) : H5I_INVALID_HID;
    a.type = c->text ? text : H5T_NATIVE_DOUBLE;
    a.data = c->text ? (const void *)c->label : c->value;
    a.units = c->text ? NULL : c->units;
    hid_t set = og_hdf_array(g->h, g->group, &a);
    og_hdf_close(g->h, text);
    return set;
}

static void write_axis(struct og_grid *g, size_t i)
{
    const struct og_axis *axis = g->r->axis[i];
    g->dim[i] = axis->n;
    g->scale[i] = write_column(g, axis, &axis->column[0]);
    if (g->h->status != OG_OK) return;
    og_hdf_ok(g->h, H5DSset_scale(g->scale[i], axis->column[0].name), "make a scale");
    for (int c = 1; c < axis->columns && g->h->status == OG_OK; c++) {
        hid_t set = write_column(g, axis, &axis->column[c]);
        attach(g, set, i, 1);
        add_coordinate(g, axis->column[c].name);
        og_hdf_close(g->h, set);
    }
}

static void write_trials(struct og_grid *g)
{
    size_t n = g->r->trials, axes = g->r->axes;
    g->dim[axes] = n;
    int64_t *number = og_alloc(n, sizeof *number);
    if (number == NULL) {
        g->h->status = og_fail_memory(g->h->err);
        return;
    }
    for (size_t t = 0; t < n; t++) number[t] = (int64_t)t;
    g->scale[axes] = og_hdf_array(g->h, g->group,
                                  &(struct og_hdf_array){.name = "trial",
                                                         .rank = 1,
                                                         .dim = &g->dim[axes],
                                                         .type = H5T_NATIVE_INT64,
                                                         .data = number,
                                                         .units = "1",
                                                         .long_name = "chip number"});
    og_free(number);
    if (g->h->status == OG_OK)
        og_hdf_ok(g->h, H5DSset_scale(g->scale[axes], "trial"), "make a scale");
}

void og_grid_open(struct og_grid *g, struct og_hdf *h, const struct og_result *r,
                  hid_t parent, const char *name)
{
    *g = (struct og_grid){.h = h, .r = r};
    for (size_t i = 0; i < OG_AXES_MAX + 2; i++) g->scale[i] = H5I_INVALID_HID;
    g->group = og_hdf_group(h, parent, name);
    for (size_t i = 0; i < r->axes && h->status == OG_OK; i++) write_axis(g, i);
    if (h->status == OG_OK) write_trials(g);
}

void og_grid_parts(struct og_grid *g, const char *const *name, size_t n)
{
    const size_t at = g->r->axes + 1;
    hid_t text = og_hdf_text_type(g->h);
    g->dim[at] = n;
    g->scale[at] = og_hdf_array(g->h, g->group,
                                &(struct og_hdf_array){.name = "part",
                                                       .rank = 1,
                                                       .dim = &g->dim[at],
                                                       .type = text,
                                                       .data = name,
                                                       .long_name = "part of hardware"});
    og_hdf_close(g->h, text);
    if (g->h->status == OG_OK)
        og_hdf_ok(g->h, H5DSset_scale(g->scale[at], "part"), "make a scale");
}

void og_grid_write(struct og_grid *g, struct og_hdf_array a, enum og_grid_over over)
{
    a.rank = (int)g->r->axes + (int)over;
    a.dim = g->dim;
    hid_t set = og_hdf_array(g->h, g->group, &a);
    attach(g, set, 0, (size_t)a.rank);
    if (g->coordinates[0] != '\0' && g->h->status == OG_OK)
        og_hdf_attr_text(g->h, set, "coordinates", g->coordinates);
    og_hdf_close(g->h, set);
}

void og_grid_close(struct og_grid *g)
{
    for (size_t i = 0; i < g->r->axes + 2; i++) og_hdf_close(g->h, g->scale[i]);
    og_hdf_close(g->h, g->group);
}
