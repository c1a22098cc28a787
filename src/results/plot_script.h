// SPDX-License-Identifier: GPL-3.0-or-later
// What a figure shows, and the gnuplot script that draws it.
#ifndef OG_RESULTS_PLOT_SCRIPT_H
#define OG_RESULTS_PLOT_SCRIPT_H

#include <stdio.h>

#include "ohmgrid/results.h"
#include "results/attribution.h"
#include "results/table.h"

enum { OG_PANELS_MAX = 6, OG_NO_AXIS = -1 };

// Two columns of a simulated device (plot_hysteresis.c).
struct og_curve_column {
    char *name, *units;
    double *value;
    size_t n;
};
struct og_curve {
    char *title;
    struct og_curve_column x, y;
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
    const struct og_attribution_file *attribution;  // bars of costs; NULL: lines
    const struct og_curve *curve;                   // of a device; NULL: lines
};

og_status og_picture_choose(struct og_picture *p, const struct og_table *t,
                            const struct og_plot *plot, const char *path,
                            struct og_error *err);
// 'text' as gnuplot wants it; '_' of names becomes a blank when `name`.
void og_script_quote(FILE *out, const char *text, bool name);
// What follows the head, of a figure of costs (plot_bars.c).
void og_bars_script(const struct og_picture *p, FILE *out);
// Whether the file is one of a simulated device; false when it cannot be read.
bool og_is_simulation(const char *path);
// plot->metric against plot->x. Free the curve in any case.
og_status og_curve_read(struct og_curve *curve, const char *path,
                        const struct og_plot *plot, struct og_error *err);
void og_curve_free(struct og_curve *curve);
void og_curve_script(const struct og_picture *p, FILE *out);
void og_picture_script(const struct og_picture *p, const char *figure, FILE *out);

#endif
