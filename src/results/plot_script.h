// SPDX-License-Identifier: GPL-3.0-or-later
// What a figure shows, and the gnuplot script that draws it.
#ifndef OG_RESULTS_PLOT_SCRIPT_H
#define OG_RESULTS_PLOT_SCRIPT_H

#include <stdio.h>

#include "ohmgrid/results.h"
#include "results/attribution.h"
#include "results/chart.h"
#include "results/hdf.h"
#include "results/layer_table.h"
#include "results/table.h"
#include "results/weight_maps.h"

enum { OG_PANELS_MAX = 6, OG_NO_AXIS = -1 };

// One metric of the layers at points [first, end).
struct og_layer_bars {
    struct og_layer_table layers;
    size_t metric, first, end;
};

struct og_picture {
    const struct og_table *t;
    const struct og_table_metric *metric;
    int x, x_column, series, series_column;  // axis numbers; OG_NO_AXIS: none
    size_t panels;
    const char *title;
    int width, height;  // 0: chosen
    const char *terminal;
    double per_inch;  // pixels per unit of the terminal's size
    bool inches;
    bool map;                                       // x and series as a map of colours
    const struct og_attribution_file *attribution;  // bars of costs; NULL: lines
    const struct og_chart *chart;                   // what is no sweep; NULL: lines
    const struct og_error_maps *errors;             // maps of them, one a panel
    const struct og_layer_bars *bars;               // of a metric of the layers
};

// The axis and its column that `option` names.
og_status og_picture_axis(const struct og_table *t, const char *name, const char *option,
                          const char *path, int *axis, int *column, struct og_error *err);
og_status og_picture_choose(struct og_picture *p, const struct og_table *t,
                            const struct og_plot *plot, const char *path,
                            struct og_error *err);
// 'text' as gnuplot wants it; '_' of names becomes a blank when `name`.
void og_script_quote(FILE *out, const char *text, bool name);
// What follows the head, of a figure of costs (plot_bars.c).
void og_bars_script(const struct og_picture *p, FILE *out);
void og_chart_script(const struct og_picture *p, FILE *out);
// Of a map: before the panels; the data of a panel; the panel (plot_map.c).
void og_map_axes(const struct og_picture *p, FILE *out);
void og_map_data(const struct og_picture *p, size_t panel, FILE *out);
void og_map_panel(const struct og_picture *p, size_t panel, FILE *out);
// Free the layers in any case; what follows the head (plot_layers.c).
og_status og_layer_bars_read(struct og_layer_bars *b, const char *path,
                             const struct og_plot *plot, struct og_error *err);
void og_layers_script(const struct og_picture *p, FILE *out);
// Of errors of weights: what all panels share; a panel (plot_weight_maps.c).
void og_errors_data(const struct og_picture *p, FILE *out);
void og_errors_panel(const struct og_picture *p, size_t panel, FILE *out);
void og_picture_script(const struct og_picture *p, const char *figure, FILE *out);

// Charts of what a file holds beside its sweep. og_chart_clear in any case.
og_status og_chart_training(struct og_chart *chart, const char *path,
                            const struct og_plot *plot, struct og_error *err);
og_status og_chart_traces(struct og_chart *chart, const char *path,
                          const struct og_plot *plot, struct og_error *err);
og_status og_chart_conductances(struct og_chart *chart, const char *path,
                                const struct og_plot *plot, struct og_error *err);
// Whether the file is one of a simulated device; false when it cannot be read.
bool og_is_simulation(const char *path);
og_status og_chart_simulation(struct og_chart *chart, const char *path,
                              const struct og_plot *plot, struct og_error *err);
// The same of a file with trains of pulses, which is open.
og_status og_chart_pulses(struct og_chart *chart, struct og_hdf *h, hid_t file,
                          const struct og_plot *plot);

// Parts of a script (plot_script.c). Value i of an axis, with its unit where `unit`.
void og_axis_text(const struct og_table_axis *axis, int column, size_t i, bool unit,
                  char *text, size_t size);
void og_axis_title(const struct og_table_axis *axis, int column, char *text, size_t size);
// "axis value, ..." of a point, of the axes with more than one value.
void og_point_text(const struct og_table *t, size_t point, char *text, size_t size);
const char *og_script_colour(size_t line);
// Of a metric in the figure: its name and unit, and what its values are multiplied by.
void og_metric_title(const struct og_table_metric *m, char *text, size_t size);
double og_metric_factor(const struct og_table_metric *m);
// The number of the point at position i of x and `line` of the series.
size_t og_picture_point(const struct og_picture *p, size_t panel, size_t line, size_t i);

#endif
