// SPDX-License-Identifier: GPL-3.0-or-later
#include "nn/pen.h"

#include <math.h>

#include "base/elementary.h"

void og_pen_box(struct og_pen_point *point, size_t n)
{
    if (n == 0) return;
    double x[2] = {point[0].x, point[0].x}, y[2] = {point[0].y, point[0].y};
    for (size_t i = 1; i < n; i++) {
        x[0] = fmin(x[0], point[i].x);
        x[1] = fmax(x[1], point[i].x);
        y[0] = fmin(y[0], point[i].y);
        y[1] = fmax(y[1], point[i].y);
    }
    const double side = fmax(x[1] - x[0], y[1] - y[0]);
    for (size_t i = 0; i < n; i++) {
        point[i].x = side > 0 ? (point[i].x - x[0]) / side : 0;
        point[i].y = side > 0 ? (point[i].y - y[0]) / side : 0;
    }
}

static double apart(const struct og_pen_point *a, const struct og_pen_point *b)
{
    return og_hypot(b->x - a->x, b->y - a->y);
}

// The place at distance `along` from the first of n points, on their path.
static struct og_pen_point place_on(const struct og_pen_point *point, size_t n,
                                    double along)
{
    for (size_t i = 0; i + 1 < n; i++) {
        const double step = apart(&point[i], &point[i + 1]);
        if (along <= step && step > 0) {
            const double part = along / step;
            return (struct og_pen_point){
                .x = point[i].x + part * (point[i + 1].x - point[i].x),
                .y = point[i].y + part * (point[i + 1].y - point[i].y)};
        }
        along -= step;
    }
    return point[n - 1];  // beyond the end by rounding
}

// Its points, `out` NULL, else what they are. 0: more than OG_PEN_MOST.
static size_t resample_stroke(const struct og_pen_point *point, size_t n, double spacing,
                              struct og_pen_point *out)
{
    double length = 0;
    for (size_t i = 0; i + 1 < n; i++) length += apart(&point[i], &point[i + 1]);
    const double rounded = length > 0 ? rint(length / spacing) : 0;
    if (!(rounded < OG_PEN_MOST)) return 0;
    const size_t parts = length == 0 ? 0 : rounded < 1 ? 1 : (size_t)rounded;
    for (size_t k = 0; out && k <= parts; k++) {
        out[k] = k == parts ? point[n - 1]
                            : place_on(point, n, length * (double)k / (double)parts);
        out[k].up = k == parts;
    }
    return parts + 1;
}

size_t og_pen_resample(const struct og_pen_point *point, size_t n, double spacing,
                       struct og_pen_point *out)
{
    size_t total = 0;
    for (size_t from = 0, i = 0; i < n; i++) {
        if (!point[i].up && i + 1 < n) continue;
        const size_t more = resample_stroke(point + from, i + 1 - from, spacing,
                                            out ? out + total : NULL);
        if (more == 0 || more > OG_PEN_MOST - total) return 0;
        total += more;
        from = i + 1;
    }
    return total;
}

og_status og_pen_too_fine(double spacing, const char *path, struct og_error *err)
{
    return og_fail(
        err, OG_INPUT,
        "data.pen.spacing: %g would make more than %d points of a drawing in %s", spacing,
        OG_PEN_MOST, path);
}
