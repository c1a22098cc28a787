// SPDX-License-Identifier: GPL-3.0-or-later
// A metric over two axes as a map of colours with its values written in.
#include <math.h>
#include <stdio.h>

#include "results/plot_script.h"

// Viridis (Smith and van der Walt, 2015) at nine places.
static const char palette[] = "set palette defined (0 '#440154', 1 '#472d7b', 2 "
                              "'#3b528b', 3 '#2c728e', 4 '#21918c', "
                              "5 '#28ae80', 6 '#5ec962', 7 '#addc30', 8 '#fde725')\n";

struct range {
    double low, high;
};

static struct range range_of(const struct og_picture *p)
{
    const double unit = og_metric_factor(p->metric);
    struct range r = {INFINITY, -INFINITY};
    for (size_t i = 0; i < p->t->points; i++) {
        if (!isfinite(p->metric->mean[i])) continue;
        r.low = fmin(r.low, unit * p->metric->mean[i]);
        r.high = fmax(r.high, unit * p->metric->mean[i]);
    }
    return r;
}

static void write_tics(char axis, const struct og_table_axis *a, int column, FILE *out)
{
    char text[256];
    og_axis_title(a, column, text, sizeof text);
    fprintf(out, "set %clabel ", axis);
    og_script_quote(out, text, true);
    fprintf(out, "\nset %ctics (", axis);
    for (size_t i = 0; i < a->n; i++) {
        if (i > 0) fputs(", ", out);
        og_axis_text(a, column, i, false, text, sizeof text);
        og_script_quote(out, text, a->column[column].label != NULL);
        fprintf(out, " %zu", i);
    }
    fprintf(out, ")\nset %crange [-0.5:%g]\n", axis, (double)a->n - 0.5);
}

void og_map_axes(const struct og_picture *p, FILE *out)
{
    const struct og_table *t = p->t;
    char text[256];
    og_metric_title(p->metric, text, sizeof text);
    fputs(palette, out);
    write_tics('x', &t->axis[p->x], p->x_column, out);
    write_tics('y', &t->axis[p->series], p->series_column, out);
    fputs("unset key\nunset grid\nset cblabel ", out);
    og_script_quote(out, text, true);
    const struct range r = range_of(p);
    if (r.low < r.high) fprintf(out, "\nset cbrange [%.10g:%.10g]", r.low, r.high);
    fputc('\n', out);
}

void og_map_data(const struct og_picture *p, size_t panel, FILE *out)
{
    const double unit = og_metric_factor(p->metric);
    fprintf(out, "$d%zu << EOD\n", panel);
    for (size_t y = 0; y < p->t->axis[p->series].n; y++)
        for (size_t x = 0; x < p->t->axis[p->x].n; x++) {
            const double v = p->metric->mean[og_picture_point(p, panel, y, x)];
            if (isfinite(v)) fprintf(out, "%zu %zu %.10g\n", x, y, unit * v);
        }
    fputs("EOD\n", out);
}

// Dark fields get light digits.
void og_map_panel(const struct og_picture *p, size_t panel, FILE *out)
{
    const struct range r = range_of(p);
    fprintf(out,
            "plot $d%zu using 1:2:(0.5):(0.5):3 with boxxyerror fs solid noborder lc "
            "palette, \\\n     $d%zu using 1:2:(sprintf('%%.3g',$3)):"
            "($3 < %.10g ? 0xffffff : 0x000000) with labels tc rgb variable\n",
            panel, panel, r.low + 0.6 * (r.high - r.low));
}
