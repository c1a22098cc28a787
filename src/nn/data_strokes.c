// SPDX-License-Identifier: GPL-3.0-or-later
#include "nn/data_strokes.h"

#include <stdlib.h>

#include "base/mem.h"
#include "nn/pen.h"
#include "nn/sequences.h"
#include "nn/skeleton.h"

enum { PIXELS = 28 * 28, CHUNK = 512, VALUES = 4 };

struct digit {
    size_t n;
    uint16_t at[PIXELS];
};

static void trace(struct digit *d, const uint8_t *image)
{
    struct og_ink ink;
    og_ink_threshold(&ink, image);
    og_ink_thin(&ink);
    og_ink_clean(&ink);
    d->n = og_ink_path(&ink, d->at);
}

static void trace_all(struct digit *d, const uint8_t *image, size_t n)
{
#pragma omp parallel for default(none) shared(d, image, n) schedule(static)
    for (size_t i = 0; i < n; i++) trace(&d[i], image + i * PIXELS);
}

static void set_points(const struct digit *d, struct og_pen_point *point)
{
    for (size_t k = 0; k < d->n; k++) {
        const int x = d->at[k] % 28, y = d->at[k] / 28;
        point[k] = (struct og_pen_point){x, y, k + 1 == d->n};
        if (k + 1 == d->n) continue;
        const int dx = d->at[k + 1] % 28 - x, dy = d->at[k + 1] / 28 - y;
        point[k].up = abs(dx) > 1 || abs(dy) > 1;
    }
}

// Steps of n points; an empty image ends at once.
static size_t steps_of(const struct og_pen_point *point, size_t n)
{
    size_t steps = n > 0 ? n : 1;
    for (size_t i = 0; i < n; i++) steps += point[i].up;
    return steps;
}

static void write_steps(const struct og_pen_point *point, size_t n, float *y)
{
    double before[2] = {0, 0};
    for (size_t i = 0; i < n; i++) {
        *y++ = (float)(point[i].x - before[0]);
        *y++ = (float)(point[i].y - before[1]);
        *y++ = 0;
        *y++ = 0;
        before[0] = point[i].x;
        before[1] = point[i].y;
        if (!point[i].up) continue;
        *y++ = 0;
        *y++ = 0;
        *y++ = 1;
        *y++ = i + 1 == n;
    }
    if (n > 0) return;
    y[0] = y[1] = 0;
    y[2] = y[3] = 1;
}

// All images become sequences one after another.
struct pen {
    const struct og_series *o;
    struct og_sequences s;
    size_t at, room;  // sequences so far; steps there is room for
    struct digit *digit;
    struct og_pen_point *point, *more;
    size_t points;  // room of more
    bool crowded;   // a digit has too many points
};

static bool add_steps(struct pen *p, const struct og_pen_point *point, size_t n)
{
    const size_t used = p->s.first[p->at], steps = used + steps_of(point, n);
    if (steps > p->room) {
        const size_t room = 2 * steps;
        float *grown =
            og_grow(p->s.value, p->room * VALUES, room * VALUES, sizeof *grown);
        if (!grown) return false;
        p->s.value = grown;
        p->room = room;
    }
    write_steps(point, n, p->s.value + used * VALUES);
    p->s.first[++p->at] = steps;
    return true;
}

static bool add_digit(struct pen *p, const struct digit *d)
{
    set_points(d, p->point);
    if (p->o->boxed) og_pen_box(p->point, d->n);
    if (p->o->spacing == 0) return add_steps(p, p->point, d->n);
    const size_t n = og_pen_resample(p->point, d->n, p->o->spacing, NULL);
    p->crowded = n == 0 && d->n > 0;
    if (p->crowded) return false;
    if (n > p->points) {
        og_free(p->more);
        p->more = og_alloc(n, sizeof *p->more);
        p->points = p->more ? n : 0;
        if (!p->more) return false;
    }
    og_pen_resample(p->point, d->n, p->o->spacing, p->more);
    return add_steps(p, p->more, n);
}

static bool add_images(struct pen *p, const struct og_dataset *images)
{
    for (size_t from = 0; from < images->n; from += CHUNK) {
        const size_t n = images->n - from < CHUNK ? images->n - from : CHUNK;
        trace_all(p->digit, images->pixel + from * PIXELS, n);
        for (size_t i = 0; i < n; i++)
            if (!add_digit(p, &p->digit[i])) return false;
    }
    return true;
}

static og_status read_images(struct og_dataset *images, const struct og_dataset *set,
                             enum og_split split, struct og_error *err)
{
    images->spec = set->spec;
    images->spec.split = split;
    images->spec.limit = 0;
    images->classes = 10;
    images->height = images->width = 28;
    for (size_t i = 0; i < sizeof images->path; i++) images->path[i] = set->path[i];
    return og_data_idx_load(images, err);
}

static og_status convert(struct pen *p, const struct og_dataset *images,
                         struct og_error *err)
{
    OG_TRY(og_sequences_alloc(&p->s, images[0].n + images[1].n, err));
    p->s.values = VALUES;
    p->s.classes = 10;
    p->digit = og_alloc(CHUNK, sizeof *p->digit);
    p->point = og_alloc(PIXELS, sizeof *p->point);
    const bool done =
        p->digit && p->point && add_images(p, &images[0]) && add_images(p, &images[1]);
    if (p->crowded) return og_pen_too_fine(p->o->spacing, images->path, err);
    if (!done)
        return og_fail(err, OG_NO_MEMORY, "out of memory for the strokes of %s",
                       images->path);
    for (size_t i = 0; i < p->s.n; i++) {
        p->s.test[i] = i >= images[0].n;
        p->s.label[i] =
            p->s.test[i] ? images[1].label[i - images[0].n] : images[0].label[i];
    }
    return OG_OK;
}

og_status og_data_strokes_load(struct og_dataset *set, struct og_error *err)
{
    struct og_dataset *images = og_alloc(2, sizeof *images);
    struct pen p = {.o = &set->spec.series};
    if (!images) return og_fail(err, OG_NO_MEMORY, "out of memory for a data set");
    og_status status = read_images(&images[0], set, OG_TRAIN, err);
    if (status == OG_OK) status = read_images(&images[1], set, OG_TEST, err);
    if (status == OG_OK) status = convert(&p, images, err);
    for (int i = 0; i < 2; i++) {
        og_free(images[i].pixel);
        og_free(images[i].label);
    }
    og_free(images);
    og_free(p.digit);
    og_free(p.point);
    og_free(p.more);
    if (status == OG_OK) status = og_sequences_keep(set, &p.s, err);
    og_sequences_clear(&p.s);
    return status;
}
