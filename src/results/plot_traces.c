// SPDX-License-Identifier: GPL-3.0-or-later
// /traces over the steps of a sequence: one line for each sweep point and recurrent
// layer.
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "results/plot_script.h"
#include "results/traces.h"

static og_status find_trace(const char *name, const char *path, size_t *m,
                            struct og_error *err)
{
    char known[256] = "";
    size_t used = 0;
    for (*m = 0; *m < OG_TRACES; ++*m) {
        if (strcmp(og_trace_name[*m], name) == 0) return OG_OK;
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s",
                                 used > 0 ? ", " : "", og_trace_name[*m]);
    }
    return og_fail(err, OG_USAGE, "%s: no trace '%s'; there are: %s", path, name, known);
}

static bool same_line(const struct og_trace_row *a, const struct og_trace_row *b)
{
    return a->point == b->point && strcmp(a->layer, b->layer) == 0;
}

static og_status add_line(struct og_chart *c, const struct og_traces *t, size_t first,
                          size_t n, size_t m, const char *path, struct og_error *err)
{
    char point[144], name[232];
    struct og_chart_line *l;
    og_point_text(&t->table, t->row[first].point, point, sizeof point);
    snprintf(name, sizeof name, "%s%s%s", t->row[first].layer, point[0] ? ", " : "",
             point);
    OG_TRY(og_chart_add(c, n, name, path, &l, err));
    for (size_t i = 0; i < n; i++) {
        const struct og_trace_row *r = &t->row[first + i];
        l->x[i] = (double)r->step;
        l->y[i] = r->sum[m] / r->chips[m];  // NaN without a chip: left out
    }
    return OG_OK;
}

static og_status add_lines(struct og_chart *c, const struct og_traces *t,
                           const struct og_plot *plot, size_t m, const char *path,
                           struct og_error *err)
{
    for (size_t i = 0, n; i < t->rows; i += n) {
        for (n = 1; i + n < t->rows && same_line(&t->row[i], &t->row[i + n]);) n++;
        if (plot->point >= 0 && t->row[i].point != (size_t)plot->point) continue;
        OG_TRY(add_line(c, t, i, n, m, path, err));
    }
    if (c->lines > 0) return OG_OK;
    return og_fail(err, OG_USAGE, "%s: no traces of point %d, of %zu points", path,
                   plot->point, t->table.points);
}

og_status og_chart_traces(struct og_chart *chart, const char *path,
                          const struct og_plot *plot, struct og_error *err)
{
    struct og_traces t;
    size_t m = 0;
    og_status s = og_traces_read(&t, path, err);
    if (s == OG_OK)
        s = find_trace(plot->metric != NULL ? plot->metric : "h_error", path, &m, err);
    if (s == OG_OK) s = add_lines(chart, &t, plot, m, path, err);
    if (s == OG_OK) {
        chart->title = og_copy_text(t.table.title != NULL ? t.table.title : "");
        og_chart_label(chart->x_label, "time step", NULL);
        og_chart_label(chart->y_label, og_trace_name[m], NULL);
    }
    og_traces_free(&t);
    return s;
}
