// SPDX-License-Identifier: GPL-3.0-or-later
// What a figure shows, and the gnuplot script that draws it.
#ifndef OG_RESULTS_PLOT_SCRIPT_H
#define OG_RESULTS_PLOT_SCRIPT_H

#include <stdio.h>

#include "ohmgrid/results.h"
#include "results/attribution.h"
#include "results/table.h"

enum { OG_PANELS_MAX = 6, OG_NO_AXIS = -1 };

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
};

og_status og_picture_choose(struct og_picture *p, const struct og_table *t,
                            const struct og_plot *plot, const char *path,
                            struct og_error *err);
// 'text' as gnuplot wants it; '_' of names becomes a blank when `name`.
void og_script_quote(FILE *out, const char *text, bool name);
// What follows the head, of a figure of costs (plot_bars.c).
void og_bars_script(const struct og_picture *p, FILE *out);
void og_picture_script(const struct og_picture *p, const char *figure, FILE *out);

#endif
