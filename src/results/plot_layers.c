// SPDX-License-Identifier: GPL-3.0-or-later
// /layers as bars: what each matrix has of a metric, energy where it was priced, a colour
// for each sweep point.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "results/layer_table.h"
#include "results/plot_script.h"
#include "results/text_table.h"

enum { POINTS = 8 };  // most bars side by side

static og_status find_metric(struct og_layer_bars *b, const char *name, const char *path,
                             struct og_error *err)
{
    const struct og_layer_table *l = &b->layers;
    static const char *const first[] = {"energy", "snr_local"};
    char known[512] = "";
    size_t used = 0;
    for (size_t k = 0; k < (name ? 1 : sizeof first / sizeof *first); k++)
        for (b->metric = 0; b->metric < l->metrics; b->metric++)
            if (strcmp(l->metric[b->metric].name, name ? name : first[k]) == 0 &&
                og_layer_metric_exists(l, b->metric))
                return OG_OK;
    for (size_t m = 0; m < l->metrics; m++)
        if (og_layer_metric_exists(l, m) &&
            used + strlen(l->metric[m].name) + 3 < sizeof known)
            used += (size_t)snprintf(known + used, sizeof known - used, "%s%s",
                                     used > 0 ? ", " : "", l->metric[m].name);
    return og_fail(err, OG_USAGE, "%s: no values of '%s' of layers; there are: %s", path,
                   name ? name : "energy", known);
}

og_status og_layer_bars_read(struct og_layer_bars *b, const char *path,
                             const struct og_plot *plot, struct og_error *err)
{
    *b = (struct og_layer_bars){0};
    OG_TRY(og_layer_table_read(&b->layers, path, err));
    const size_t points = b->layers.table.points;
    if (plot->point >= 0 && (size_t)plot->point >= points)
        return og_fail(err, OG_USAGE, "%s: no point %d, of %zu points", path, plot->point,
                       points);
    b->first = plot->point < 0 ? 0 : (size_t)plot->point;
    b->end = plot->point < 0 ? points : b->first + 1;
    if (b->end - b->first > POINTS)
        return og_fail(err, OG_USAGE,
                       "%s: bars of %zu points do not fit side by side, at most %d do; "
                       "--point chooses one",
                       path, points, POINTS);
    return find_metric(b, plot->metric, path, err);
}

static void write_bars(const struct og_layer_bars *b, double factor, FILE *out)
{
    const struct og_layer_table *l = &b->layers;
    fputs("$layers << EOD\n", out);
    for (size_t i = 0; i < l->n; i++) {
        fprintf(out, "\"%s\"", l->name[i]);
        for (size_t p = b->first; p < b->end; p++) {
            const double v = factor * og_layer_means(l, b->metric, i)[p];
            if (isfinite(v))
                fprintf(out, " %.10g", v);
            else
                fputs(" ?", out);
        }
        fputc('\n', out);
    }
    fputs("EOD\n", out);
}

void og_layers_script(const struct og_picture *p, FILE *out)
{
    const struct og_layer_bars *b = p->bars;
    const struct og_layer_table *l = &b->layers;
    const struct og_scaled s =
        og_scale_units(l->metric[b->metric].units, og_layer_means(l, b->metric, 0),
                       l->n * l->table.points);
    char text[256];
    og_chart_label(text, l->metric[b->metric].name, s.units);
    fputs("set ylabel ", out);
    og_script_quote(out, text, true);
    const bool one = b->end - b->first == 1;
    char point[160] = "", title[480];
    if (one) og_point_text(&l->table, b->first, point, sizeof point);
    snprintf(title, sizeof title, "%s%s%s", p->title, *p->title && *point ? ": " : "",
             point);
    fputs("\nset title ", out);
    og_script_quote(out, title, false);
    fputs("\nset style data histograms\nset style histogram clustered gap 1\n"
          "set style fill solid 0.9 noborder\nset datafile missing '?'\n"
          "set xtics rotate by -35\nset key outside top right\n"
          "set xzeroaxis lt 1 lc rgb '#404040'\n",
          out);
    write_bars(b, s.factor, out);
    if (one) fputs("unset key\n", out);
    for (size_t i = b->first; i < b->end; i++) {
        og_point_text(&l->table, i, text, sizeof text);
        fprintf(out, "%s$layers using %zu:xtic(1) lc rgb '%s' title ",
                i == b->first ? "plot " : ", \\\n     ", i - b->first + 2,
                og_script_colour(i - b->first));
        og_script_quote(out, text, true);
    }
    fputs("\nunset output\n", out);
}
