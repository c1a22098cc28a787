// SPDX-License-Identifier: GPL-3.0-or-later
// A table over one axis less: what is left is the mean over that axis, with its interval.
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "results/statistics.h"
#include "results/table.h"

// Points lie in row-major order of the axes.
struct strides {
    size_t outer, n, inner;
};

static struct strides strides_of(const struct og_table *t, size_t axis)
{
    struct strides s = {1, t->axis[axis].n, 1};
    for (size_t i = 0; i < t->axes; i++) {
        if (i < axis) s.outer *= t->axis[i].n;
        if (i > axis) s.inner *= t->axis[i].n;
    }
    return s;
}

// row: [n] values of a mean, behind them all means.
static void reduce_metric(struct og_table_metric *m, const struct strides *s, double *row,
                          uint8_t *done)
{
    for (size_t p = 0; p < s->outer * s->inner; p++) {
        const size_t first = p / s->inner * s->n * s->inner + p % s->inner;
        for (size_t i = 0; i < s->n; i++) {
            row[i] = m->mean[first + i * s->inner];
            done[i] = !isnan(row[i]);
        }
        const struct og_interval over = og_interval_chips(row, done, s->n);
        m->low[p] = over.low;
        m->high[p] = over.high;
        row[s->n + p] = over.mean;
    }
    memcpy(m->mean, row + s->n, s->outer * s->inner * sizeof *row);
}

// Chips that a mean is of: those of the point that has the fewest.
static void reduce_chips(struct og_table *t, const struct strides *s)
{
    for (size_t p = 0; p < s->outer * s->inner; p++) {
        const size_t first = p / s->inner * s->n * s->inner + p % s->inner;
        size_t least = t->chips[first];
        for (size_t i = 1; i < s->n; i++)
            if (t->chips[first + i * s->inner] < least)
                least = t->chips[first + i * s->inner];
        t->chips[p] = least;
    }
}

og_status og_table_mean(struct og_table *t, size_t axis, struct og_error *err)
{
    const struct strides s = strides_of(t, axis);
    double *row = og_alloc(s.n + s.outer * s.inner, sizeof *row);
    uint8_t *done = og_alloc(s.n, 1);
    const bool room = row != NULL && done != NULL;
    for (size_t m = 0; room && m < t->metrics; m++)
        reduce_metric(&t->metric[m], &s, row, done);
    og_free(row);
    og_free(done);
    if (!room) return og_fail(err, OG_NO_MEMORY, "no memory for means over an axis");
    if (t->chips != NULL) reduce_chips(t, &s);
    og_table_axis_clear(&t->axis[axis]);
    t->axes--;
    memmove(&t->axis[axis], &t->axis[axis + 1], (t->axes - axis) * sizeof *t->axis);
    t->points = s.outer * s.inner;
    return OG_OK;
}
