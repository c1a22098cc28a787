// SPDX-License-Identifier: GPL-3.0-or-later
// Plain lines over one axis, for what is no sweep: training curves, errors along a
// sequence, conductances of a chip, a simulated device.
#ifndef OG_RESULTS_CHART_H
#define OG_RESULTS_CHART_H

#include <stdio.h>

#include "results/table.h"

enum { OG_CHART_LINES = 24 };  // more than anyone can tell apart

struct og_chart_line {
    char name[192];  // "": without
    size_t n;
    double *x, *y;  // [n], owned; what is not finite is left out
};
struct og_chart {
    char *title;  // owned; NULL: none
    char x_label[128], y_label[128];
    bool log_y, steps;  // steps: of a histogram
    size_t lines;
    struct og_chart_line line[OG_CHART_LINES];
};

// *line: a new one of n points at x = 1, 2, ... for the caller to fill. OG_USAGE when
// there are too many; `path` is what errors call the file.
og_status og_chart_add(struct og_chart *c, size_t n, const char *name, const char *path,
                       struct og_chart_line **line, struct og_error *err);
void og_chart_clear(struct og_chart *c);
// "name [units]", without units of 1.
void og_chart_label(char label[128], const char *name, const char *units);

#endif
