// SPDX-License-Identifier: GPL-3.0-or-later
#include "results/plot_script.h"

#include <math.h>
#include <string.h>

// Okabe and Ito's colours, told apart by everyone (jfly.uni-koeln.de/color, 2008).
static const char *const colour[] = {"#0072B2", "#D55E00", "#009E73", "#CC79A7",
                                     "#E69F00", "#56B4E9", "#000000"};
enum { COLOURS = sizeof colour / sizeof *colour };

const char *og_script_colour(size_t line) { return colour[line % COLOURS]; }

struct range {
    double low, high;
};

// 'text' as gnuplot wants it; '_' of names becomes a blank when `name`.
void og_script_quote(FILE *out, const char *text, bool name)
{
    fputc('\'', out);
    for (; *text != '\0'; text++) {
        if (*text == '\'') fputc('\'', out);
        fputc((name && *text == '_') || (unsigned char)*text < ' ' ? ' ' : *text, out);
    }
    fputc('\'', out);
}

static struct og_scaled scale_of(const struct og_table_axis *axis, int column)
{
    const struct og_table_column *c = &axis->column[column];
    if (c->value != NULL) return og_scale_units(c->units, c->value, axis->n);
    return (struct og_scaled){.factor = 1};
}

static bool has_unit(const char *units)
{
    return units != NULL && units[0] != '\0' && strcmp(units, "1") != 0;
}

void og_axis_title(const struct og_table_axis *axis, int column, char *text, size_t size)
{
    struct og_scaled s = scale_of(axis, column);
    const char *name = axis->column[column].name;
    if (has_unit(s.units))
        snprintf(text, size, "%s [%s]", name, s.units);
    else
        snprintf(text, size, "%s", name);
}

void og_axis_text(const struct og_table_axis *axis, int column, size_t i, bool unit,
                  char *text, size_t size)
{
    const struct og_table_column *c = &axis->column[column];
    struct og_scaled s = scale_of(axis, column);
    if (c->label != NULL)
        snprintf(text, size, "%s", c->label[i]);
    else
        snprintf(text, size, "%.4g%s%s", c->value[i] * s.factor,
                 unit && has_unit(s.units) ? " " : "",
                 unit && has_unit(s.units) ? s.units : "");
}

static bool in_percent(const struct og_table_metric *m)
{
    return strcmp(m->name, "accuracy") == 0;
}

double og_metric_factor(const struct og_table_metric *m)
{
    return in_percent(m) ? 100 : 1;
}

static struct range y_range(const struct og_picture *p)
{
    struct range r = {INFINITY, -INFINITY};
    const struct og_table_metric *m = p->metric;
    const double *part[] = {m->mean, m->low, m->high};
    for (int k = 0; k < 3; k++)
        for (size_t i = 0; i < p->t->points; i++) {
            if (!isfinite(part[k][i])) continue;
            r.low = fmin(r.low, part[k][i] * og_metric_factor(m));
            r.high = fmax(r.high, part[k][i] * og_metric_factor(m));
        }
    double margin = 0.05 * (r.high - r.low);
    if (margin == 0) margin = fmax(0.01 * fabs(r.high), 1e-6);
    r.low -= margin;
    r.high += margin;
    if (in_percent(m) && r.high > 100) r.high = 100.0 + 0.1 * margin;
    return r;
}

// A range of ratios shows best on a logarithmic axis.
static bool logarithmic(const struct og_table_axis *axis, int column)
{
    const double *v = axis->column[column].value;
    if (v == NULL || axis->n < 3) return false;
    double low = v[0], high = v[0];
    for (size_t i = 0; i < axis->n; i++) {
        low = fmin(low, v[i]);
        high = fmax(high, v[i]);
    }
    return low > 0 && high / low >= 50;
}

// The number of a point from its axis positions.
size_t og_picture_point(const struct og_picture *p, size_t panel, size_t line, size_t i)
{
    size_t point = 0, stride = 1;
    for (int a = (int)p->t->axes - 1; a >= 0; a--) {
        size_t n = p->t->axis[a].n, at;
        if (a == p->x) {
            at = i;
        } else if (a == p->series) {
            at = line;
        } else {
            at = panel % n;
            panel /= n;
        }
        point += at * stride;
        stride *= n;
    }
    return point;
}

static size_t lines_of(const struct og_picture *p)
{
    return p->series == OG_NO_AXIS ? 1 : p->t->axis[p->series].n;
}

static void write_data(const struct og_picture *p, size_t panel, size_t line, FILE *out)
{
    const struct og_table_axis *x = &p->t->axis[p->x];
    const double *v = x->column[p->x_column].value;
    double factor = scale_of(x, p->x_column).factor, y = og_metric_factor(p->metric);
    fprintf(out, "$d%zu_%zu << EOD\n", panel, line);
    for (size_t i = 0; i < x->n; i++) {
        size_t k = og_picture_point(p, panel, line, i);
        const struct og_table_metric *m = p->metric;
        if (isnan(m->mean[k])) continue;
        fprintf(out, "%.10g %.10g ", v != NULL ? v[i] * factor : (double)i,
                y * m->mean[k]);
        // One chip has no band: it closes to the line.
        fprintf(out, "%.10g %.10g\n", y * (isnan(m->low[k]) ? m->mean[k] : m->low[k]),
                y * (isnan(m->high[k]) ? m->mean[k] : m->high[k]));
    }
    fprintf(out, "EOD\n");
}

static bool has_points(const struct og_picture *p, size_t panel, size_t line)
{
    for (size_t i = 0; i < p->t->axis[p->x].n; i++)
        if (!isnan(p->metric->mean[og_picture_point(p, panel, line, i)])) return true;
    return false;
}

static void write_lines(const struct og_picture *p, size_t panel, FILE *out)
{
    const char *plot = "plot ";
    for (size_t l = 0; l < lines_of(p); l++) {
        if (!has_points(p, panel, l)) continue;
        fprintf(out,
                "%s$d%zu_%zu using 1:3:4 with filledcurves lc rgb '%s' fs transparent "
                "solid 0.18 noborder notitle",
                plot, panel, l, colour[l % COLOURS]);
        plot = ", \\\n     ";
    }
    for (size_t l = 0; l < lines_of(p); l++) {
        if (!has_points(p, panel, l)) continue;
        fprintf(out,
                "%s$d%zu_%zu using 1:2 with linespoints lc rgb '%s' lw 2 pt %zu ps 0.9 ",
                plot, panel, l, colour[l % COLOURS], 5 + 2 * (l % 5));
        if (p->series == OG_NO_AXIS) {
            fputs("notitle", out);
        } else {
            char text[128];
            og_axis_text(&p->t->axis[p->series], p->series_column, l, true, text,
                         sizeof text);
            fputs("title ", out);
            og_script_quote(out, text,
                            p->t->axis[p->series].column[p->series_column].label != NULL);
        }
    }
    // A panel without a finished point keeps its frame.
    fputs(plot[0] == 'p' ? "plot NaN notitle\n" : "\n", out);
}

void og_point_text(const struct og_table *t, size_t point, char *text, size_t size)
{
    size_t used = 0, stride = t->points;
    text[0] = '\0';
    for (size_t a = 0; a < t->axes; a++) {
        const struct og_table_axis *axis = &t->axis[a];
        stride /= axis->n;
        if (axis->n < 2) continue;
        char value[128];
        og_axis_text(axis, 0, point / stride % axis->n, true, value, sizeof value);
        if (used + strlen(value) + strlen(axis->column[0].name) + 6 < size)
            used += (size_t)snprintf(text + used, size - used, "%s%s %s",
                                     used > 0 ? ", " : "", axis->column[0].name, value);
    }
}

static void panel_title(const struct og_picture *p, size_t panel, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (int a = (int)p->t->axes - 1; a >= 0; a--) {
        const struct og_table_axis *axis = &p->t->axis[a];
        if (a == p->x || a == p->series) continue;
        char value[128];
        og_axis_text(axis, 0, panel % axis->n, true, value, sizeof value);
        panel /= axis->n;
        if (used + strlen(value) + strlen(axis->column[0].name) + 6 < size)
            used += (size_t)snprintf(text + used, size - used, "%s%s = %s",
                                     used > 0 ? ", " : "", axis->column[0].name, value);
    }
}

// Where the key hides the fewest points and middles of lines.
struct place {
    size_t panel;
    const char *corner;
};

// Of the i-th point of a line, 0 .. 1 of the axis.
static double along_x(const struct og_picture *p, size_t i)
{
    const struct og_table_axis *x = p->x == OG_NO_AXIS ? NULL : &p->t->axis[p->x];
    if (x == NULL || x->n < 2) return 0.5;
    const struct og_table_column *c = &x->column[p->x_column];
    if (c->label != NULL || logarithmic(x, p->x_column))
        return (double)i / (double)(x->n - 1);
    return (c->value[i] - c->value[0]) / (c->value[x->n - 1] - c->value[0]);
}

// How much of one line the four corners hide: bottom left, top left, bottom right, top
// right.
static void count_hidden(const struct og_picture *p, size_t panel, size_t line,
                         size_t hidden[4])
{
    const struct range y = y_range(p);
    const size_t n = p->x == OG_NO_AXIS ? 1 : p->t->axis[p->x].n;
    const double high = fmin(0.5, 0.15 + 0.08 * (double)lines_of(p));
    double last = NAN;
    for (size_t i = 0; i < n; i++) {
        const double v = p->metric->mean[og_picture_point(p, panel, line, i)];
        const double up = (v * og_metric_factor(p->metric) - y.low) / (y.high - y.low);
        for (int half = 0; half < 2; half++) {
            const double before = along_x(p, half && i > 0 ? i - 1 : i);
            const double at = (before + along_x(p, i)) / 2;
            const double level = half ? (up + last) / 2 : up;
            const int side = at < 0.45 ? 0 : at >= 0.55 ? 2 : -1;
            if (side < 0 || isnan(level)) continue;
            hidden[side] += level < high;
            hidden[side + 1] += level > 1 - high;
        }
        last = up;
    }
}

// Of equals the first panel and the left corner: accuracy falls with noise, errors rise.
static struct place free_place(const struct og_picture *p)
{
    static const char *const corner[] = {"bottom left", "top left", "bottom right",
                                         "top right"};
    struct place place = {0, "top left"};
    size_t least = SIZE_MAX;
    if (p->metric == NULL) return place;
    const int first = in_percent(p->metric) ? 0 : 1;
    for (size_t panel = 0; panel < p->panels; panel++) {
        size_t hidden[4] = {0};
        for (size_t line = 0; line < lines_of(p); line++)
            count_hidden(p, panel, line, hidden);
        for (int k = 0; k < 4; k++) {
            const int c = k == 0 ? first : k == first ? 0 : k;
            if (hidden[c] >= least) continue;
            least = hidden[c];
            place = (struct place){panel, corner[c]};
        }
    }
    // Panels beside others keep their width.
    if (least > 0 && p->panels == 1) place.corner = "outside right top";
    return place;
}

static void write_panel(const struct og_picture *p, size_t panel, FILE *out)
{
    char text[512];
    if (p->errors != NULL) {
        og_errors_panel(p, panel, out);
        return;
    }
    panel_title(p, panel, text, sizeof text);
    // A title of its own above a single panel is the figure's.
    fputs("set title ", out);
    og_script_quote(out, p->panels == 1 && p->title[0] != '\0' ? p->title : text,
                    p->panels > 1 || p->title[0] == '\0');
    const bool key = panel == free_place(p).panel && p->series != OG_NO_AXIS && !p->map;
    fputs(key ? "\nset key on\n" : "\nunset key\n", out);
    if (p->map)
        og_map_panel(p, panel, out);
    else
        write_lines(p, panel, out);
}

static void write_x(const struct og_picture *p, FILE *out)
{
    const struct og_table_axis *x = &p->t->axis[p->x];
    char text[256];
    og_axis_title(x, p->x_column, text, sizeof text);
    fputs("set xlabel ", out);
    og_script_quote(out, text, true);
    fputc('\n', out);
    if (x->column[p->x_column].label != NULL) {
        fputs("set xtics (", out);
        for (size_t i = 0; i < x->n; i++) {
            if (i > 0) fputs(", ", out);
            og_script_quote(out, x->column[p->x_column].label[i], true);
            fprintf(out, " %zu", i);
        }
        fprintf(out, ")\nset xrange [-0.3:%g]\n", (double)x->n - 0.7);
    } else if (logarithmic(x, p->x_column)) {
        fputs("set logscale x\nset format x '%g'\n", out);
    } else {
        fputs("set offsets graph 0.03, graph 0.03, 0, 0\nset autoscale xfix\n", out);
    }
}

void og_metric_title(const struct og_table_metric *m, char *text, size_t size)
{
    const char *units = in_percent(m) ? "%" : m->units;
    snprintf(text, size, "%s%s%s%s",
             in_percent(m) || m->long_name == NULL ? m->name : m->long_name,
             has_unit(units) ? " [" : "", has_unit(units) ? units : "",
             has_unit(units) ? "]" : "");
}

static void write_y(const struct og_picture *p, FILE *out)
{
    char text[256];
    og_metric_title(p->metric, text, sizeof text);
    const struct range r = y_range(p);
    fputs("set ylabel ", out);
    og_script_quote(out, text, true);
    if (r.low < r.high) fprintf(out, "\nset yrange [%.10g:%.10g]", r.low, r.high);
    fputc('\n', out);
}

static void write_head(const struct og_picture *p, const char *figure, size_t rows,
                       size_t cols, FILE *out)
{
    double wide = p->width > 0 ? p->width : p->panels == 1 ? 800 : 440.0 * (double)cols;
    double high = p->height > 0 ? p->height : p->panels == 1 ? 520 : 380.0 * (double)rows;
    const char *inch = p->inches ? "in" : "";
    fprintf(out,
            "set encoding utf8\nset terminal %s size %g%s,%g%s font ',12' noenhanced\n",
            p->terminal, wide / p->per_inch, inch, high / p->per_inch, inch);
    fputs("set output ", out);
    og_script_quote(out, figure, false);
    fputs("\nset border 3 lc rgb '#404040'\nset tics nomirror out\n"
          "set grid lc rgb '#d8d8d8' lw 1 lt 1\n",
          out);
    fprintf(out, "set key %s Left reverse samplen 2 width 1 height 0.4 opaque\n",
            free_place(p).corner);
    if (p->series != OG_NO_AXIS) {
        fputs("set key title ", out);
        og_script_quote(out, p->t->axis[p->series].column[p->series_column].name, true);
        fputs(" left\n", out);
    }
}

void og_picture_script(const struct og_picture *p, const char *figure, FILE *out)
{
    size_t cols = p->panels == 4 ? 2 : p->panels < 3 ? p->panels : 3;
    size_t rows = (p->panels + cols - 1) / cols;
    write_head(p, figure, rows, cols, out);
    if (p->attribution != NULL) {
        og_bars_script(p, out);
        return;
    }
    if (p->bars != NULL) {
        og_layers_script(p, out);
        return;
    }
    if (p->chart != NULL) {
        og_chart_script(p, out);
        return;
    }
    if (p->errors != NULL) {
        og_errors_data(p, out);
    } else if (p->map) {
        og_map_axes(p, out);
        for (size_t k = 0; k < p->panels; k++) og_map_data(p, k, out);
    } else {
        write_x(p, out);
        write_y(p, out);
        for (size_t k = 0; k < p->panels; k++)
            for (size_t l = 0; l < lines_of(p); l++) write_data(p, k, l, out);
    }
    if (p->panels > 1) {
        fprintf(out, "set multiplot layout %zu,%zu", rows, cols);
        if (p->title[0] != '\0') {
            fputs(" title ", out);
            og_script_quote(out, p->title, false);
        }
        fputc('\n', out);
    }
    for (size_t k = 0; k < p->panels; k++) write_panel(p, k, out);
    if (p->panels > 1) fputs("unset multiplot\n", out);
    fputs("unset output\n", out);
}
