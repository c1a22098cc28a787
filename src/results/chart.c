// SPDX-License-Identifier: GPL-3.0-or-later
#include "results/chart.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "results/file.h"
#include "results/plot_script.h"

enum { MARKS = 40 };  // a line of at most so many points shows them

og_status og_chart_add(struct og_chart *c, size_t n, const char *name, const char *path,
                       struct og_chart_line **line, struct og_error *err)
{
    if (c->lines == OG_CHART_LINES)
        return og_fail(
            err, OG_USAGE,
            "%s: this would need more than %d lines; --point chooses one point", path,
            OG_CHART_LINES);
    struct og_chart_line *l = *line = &c->line[c->lines++];
    snprintf(l->name, sizeof l->name, "%s", name);
    l->n = n;
    l->x = og_alloc(n, sizeof *l->x);
    l->y = og_alloc(n, sizeof *l->y);
    if (l->x == NULL || l->y == NULL) return og_fail_memory(err);
    for (size_t i = 0; i < n; i++) l->x[i] = (double)i + 1;
    return OG_OK;
}

void og_chart_clear(struct og_chart *c)
{
    for (size_t i = 0; i < c->lines; i++) {
        og_free(c->line[i].x);
        og_free(c->line[i].y);
    }
    og_free(c->title);
    *c = (struct og_chart){0};
}

void og_chart_label(char label[128], const char *name, const char *units)
{
    const bool has_unit = units != NULL && units[0] != '\0' && strcmp(units, "1") != 0;
    snprintf(label, 128, "%.90s%s%.20s%s", name, has_unit ? " [" : "",
             has_unit ? units : "", has_unit ? "]" : "");
}

static void write_data(const struct og_chart_line *l, size_t number, FILE *out)
{
    fprintf(out, "$d%zu << EOD\n", number);
    for (size_t i = 0; i < l->n; i++)
        if (isfinite(l->x[i]) && isfinite(l->y[i]))
            fprintf(out, "%.10g %.10g\n", l->x[i], l->y[i]);
    fputs("EOD\n", out);
}

void og_chart_script(const struct og_picture *p, FILE *out)
{
    const struct og_chart *c = p->chart;
    const char *labels[] = {"set xlabel ", c->x_label,     "\nset ylabel ",
                            c->y_label,    "\nset title ", p->title};
    for (int i = 0; i < 6; i += 2) {
        fputs(labels[i], out);
        og_script_quote(out, labels[i + 1], i < 4);
    }
    fputs(c->log_y ? "\nset logscale y\nset format y '%g'\n"
                   : "\nset zeroaxis lt 1 lc rgb '#909090'\n",
          out);
    fputs(c->lines > 1 ? "set key on outside right top\n" : "unset key\n", out);
    for (size_t i = 0; i < c->lines; i++) write_data(&c->line[i], i, out);
    for (size_t i = 0; i < c->lines; i++) {
        const bool marks = c->line[i].n <= MARKS;
        fprintf(out, "%s$d%zu using 1:2 with %s lc rgb '%s' lw 2 dt %zu title ",
                i == 0 ? "plot " : ", \\\n     ", i,
                c->steps ? "histeps"
                : marks  ? "linespoints pt 7 ps 0.6"
                         : "lines",
                og_script_colour(i), 1 + i / 7);
        og_script_quote(out, c->line[i].name, false);
    }
    fputs("\nunset output\n", out);
}
