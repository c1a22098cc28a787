// SPDX-License-Identifier: GPL-3.0-or-later
// Which axis becomes x, which the lines, and which the panels of a figure.
#include <string.h>

#include "results/plot_script.h"

og_status og_picture_axis(const struct og_table *t, const char *name, const char *option,
                          const char *path, int *axis, int *column, struct og_error *err)
{
    char known[512] = "";
    size_t used = 0;
    for (size_t i = 0; i < t->axes; i++) {
        for (int c = 0; c < t->axis[i].columns; c++) {
            const char *have = t->axis[i].column[c].name;
            if (strcmp(have, name) == 0) {
                *axis = (int)i;
                *column = c;
                return OG_OK;
            }
            if (used + strlen(have) + 3 < sizeof known)
                used += (size_t)snprintf(known + used, sizeof known - used, "%s%s",
                                         used > 0 ? ", " : "", have);
        }
    }
    return og_fail(err, OG_USAGE, "%s: no axis '%s' for %s; there are: %s", path, name,
                   option, used > 0 ? known : "none");
}

static og_status choose_metric(struct og_picture *p, const char *name, const char *path,
                               struct og_error *err)
{
    const struct og_table *t = p->t;
    if (t->metrics == 0) return og_fail(err, OG_INPUT, "%s: no metric to draw", path);
    p->metric = &t->metric[0];
    char known[512] = "";
    size_t used = 0;
    for (size_t m = 0; m < t->metrics; m++) {
        const char *have = t->metric[m].name;
        if (strcmp(have, name != NULL ? name : "accuracy") == 0) {
            p->metric = &t->metric[m];
            return OG_OK;
        }
        if (used + strlen(have) + 3 < sizeof known)
            used += (size_t)snprintf(known + used, sizeof known - used, "%s%s",
                                     used > 0 ? ", " : "", have);
    }
    if (name == NULL) return OG_OK;
    return og_fail(err, OG_USAGE, "%s: no metric '%s'; there are: %s", path, name, known);
}

// The last axis with several numeric values, else the last with several values, else any.
static int choose_x(const struct og_table *t, int not_this)
{
    int several = OG_NO_AXIS, any = OG_NO_AXIS;
    for (int i = (int)t->axes - 1; i >= 0; i--) {
        if (i == not_this) continue;
        if (t->axis[i].n > 1 && t->axis[i].column[0].value != NULL) return i;
        if (t->axis[i].n > 1 && several == OG_NO_AXIS) several = i;
        if (any == OG_NO_AXIS) any = i;
    }
    return several != OG_NO_AXIS ? several : any;
}

// Names make the best lines, but not the best side of a map; else the longest remaining
// axis leaves the fewest panels.
static int choose_series(const struct og_table *t, int x, bool map)
{
    int best = OG_NO_AXIS, name = OG_NO_AXIS;
    for (int i = 0; i < (int)t->axes; i++) {
        if (i == x || t->axis[i].n < 2) continue;
        const bool named = t->axis[i].column[0].label != NULL;
        if (named && !map) return i;
        if (named)
            name = i;
        else if (best == OG_NO_AXIS || t->axis[i].n > t->axis[best].n)
            best = i;
    }
    return best != OG_NO_AXIS ? best : name;
}

og_status og_picture_choose(struct og_picture *p, const struct og_table *t,
                            const struct og_plot *plot, const char *path,
                            struct og_error *err)
{
    *p = (struct og_picture){.t = t, .x = OG_NO_AXIS, .series = OG_NO_AXIS, .panels = 1};
    p->title = plot->title != NULL ? plot->title : t->title != NULL ? t->title : "";
    p->width = plot->width;
    p->height = plot->height;
    p->map = plot->kind == OG_PLOT_MAP;
    OG_TRY(choose_metric(p, plot->metric, path, err));
    if (t->axes == 0)
        return og_fail(err, OG_INPUT, "%s: no sweep axis to draw against", path);
    if (plot->series != NULL)
        OG_TRY(og_picture_axis(t, plot->series, "--series", path, &p->series,
                               &p->series_column, err));
    if (plot->x != NULL)
        OG_TRY(og_picture_axis(t, plot->x, "--x", path, &p->x, &p->x_column, err));
    else
        p->x = choose_x(t, p->series);
    if (p->x == p->series || p->x == OG_NO_AXIS)
        return og_fail(err, OG_USAGE, "%s: x and series must be two axes, both are '%s'",
                       path, t->axis[p->series].column[0].name);
    if (plot->series == NULL) p->series = choose_series(t, p->x, p->map);
    if (p->map && p->series == OG_NO_AXIS)
        return og_fail(err, OG_USAGE, "%s: a map needs two axes with several values",
                       path);
    for (int i = 0; i < (int)t->axes; i++)
        if (i != p->x && i != p->series) p->panels *= t->axis[i].n;
    if (p->panels > OG_PANELS_MAX)
        return og_fail(
            err, OG_USAGE,
            "%s: this would need %zu panels, at most %d fit; choose other axes "
            "with --x and --series",
            path, p->panels, OG_PANELS_MAX);
    return OG_OK;
}
