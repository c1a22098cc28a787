// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/mem.h"
#include "nn/pen.h"
#include "nn/series_part.h"

// x, y (upwards), time, stroke -> points.
static void set_points(const struct og_series_part *p, size_t i,
                       struct og_pen_point *point)
{
    const size_t from = (size_t)p->offset[i], n = (size_t)p->offset[i + 1] - from;
    for (size_t t = 0; t < n; t++) {
        const float *x = p->value + (from + t) * p->values;
        point[t] = (struct og_pen_point){x[0], -(double)x[1], t + 1 == n};
        if (t + 1 < n) point[t].up = x[3] != x[p->values + 3];
    }
}

struct pen_work {
    struct og_pen_point *point, *out;
    size_t room;
    bool crowded;  // a drawing has too many points
};

static bool grow_work(struct pen_work *w, size_t n)
{
    if (n <= w->room) return true;
    og_free(w->out);
    w->out = og_alloc(n, sizeof *w->out);
    w->room = w->out ? n : 0;
    return w->out != NULL;
}

// Steps dx, dy, pen of one drawing, from 0, 0 on. y: NULL to count only.
static bool draw(const struct og_series_part *p, const struct og_series *o, size_t i,
                 struct pen_work *w, size_t *steps, float *y)
{
    size_t n = (size_t)(p->offset[i + 1] - p->offset[i]);
    set_points(p, i, w->point);
    if (o->boxed) og_pen_box(w->point, n);
    const struct og_pen_point *point = w->point;
    if (o->spacing > 0) {
        const size_t many = og_pen_resample(point, n, o->spacing, NULL);
        w->crowded = many == 0;
        if (many == 0 || !grow_work(w, many)) return false;
        og_pen_resample(point, n, o->spacing, w->out);
        point = w->out;
        n = many;
    }
    for (size_t t = 0; y && t < n; t++, y += 3) {
        y[0] = (float)(point[t].x - (t > 0 ? point[t - 1].x : 0));
        y[1] = (float)(point[t].y - (t > 0 ? point[t - 1].y : 0));
        y[2] = point[t].up;
    }
    *steps = n;
    return true;
}

static bool draw_all(const struct og_series_part *p, const struct og_series *o,
                     size_t most, struct pen_work *w, struct og_sequences *s)
{
    w->point = og_alloc(most, sizeof *w->point);
    if (!w->point) return false;
    for (int fill = 0; fill < 2; fill++) {
        for (size_t i = 0; i < p->n; i++) {
            size_t steps = 0;
            float *y = fill ? s->value + s->first[i] * 3 : NULL;
            if (!draw(p, o, i, w, &steps, y)) return false;
            s->first[i + 1] = s->first[i] + steps;
        }
        if (fill) continue;
        s->value = og_alloc(s->first[p->n], 3 * sizeof *s->value);
        if (!s->value) return false;
    }
    return true;
}

og_status og_series_drawings(const struct og_series_part *p, const struct og_series *o,
                             struct og_sequences *s, struct og_error *err)
{
    size_t most = 0;
    if (p->values != 4)
        return og_fail(err, OG_INPUT, "%s: dataset '%s' has %zu values in a step, not 4",
                       p->s->path, p->l->value, p->values);
    for (size_t i = 0; i < p->n; i++)
        if ((size_t)(p->offset[i + 1] - p->offset[i]) > most)
            most = (size_t)(p->offset[i + 1] - p->offset[i]);
    struct pen_work w = {0};
    const bool done = draw_all(p, o, most, &w, s);
    og_free(w.point);
    og_free(w.out);
    s->values = 3;
    if (done) return OG_OK;
    if (w.crowded) return og_pen_too_fine(o->spacing, p->s->path, err);
    return og_fail(err, OG_NO_MEMORY, "out of memory for the drawings of %s", p->s->path);
}

og_status og_series_values(const struct og_series_part *p, size_t before,
                           struct og_sequences *s, struct og_error *err)
{
    size_t at = s->first[before], steps = at;
    for (size_t i = 0; i < p->n; i++) steps += (size_t)(p->offset[i + 1] - p->offset[i]);
    float *more = og_grow(s->value, at * p->values, steps * p->values, sizeof *more);
    if (!more)
        return og_fail(err, OG_NO_MEMORY, "out of memory for the sequences of %s",
                       p->s->path);
    s->value = more;
    s->values = p->values;
    for (size_t i = 0; i < p->n; i++) {
        const float *from = p->value + (size_t)p->offset[i] * p->values;
        const size_t n = (size_t)(p->offset[i + 1] - p->offset[i]);
        for (size_t k = 0; k < n * p->values; k++)
            more[at * p->values + k] =
                (float)(p->l->offset_of + p->l->step * (double)from[k]);
        at += n;
        s->first[before + i + 1] = at;
    }
    return OG_OK;
}
