// SPDX-License-Identifier: GPL-3.0-or-later
// What wires leave of the noise of devices: read noise by og_circuit_shares, thermal and
// shot noise, a current of its own, by og_circuit_arrivals.
#include <math.h>

#include "periphery/plate.h"

static void add_variance(const struct og_plate *p, int side)
{
    const struct og_array *a = p->a;
    const size_t all = a->map.rows * a->map.cols;
    for (size_t j = 0; j < p->cols; j++) {
        const int of = og_plate_side(p, j, side);
        const float *var = og_wired_variance(a, p->copy, of);
        float *v = a->v + (a->sides == 2 ? (size_t)of * all : 0);
        const float gain = og_mapping_gain(&a->map, of) / (float)a->copies;
        for (size_t i = 0; i < p->rows; i++) {
            const size_t k = og_plate_device(p, i, j);
            const float share = gain * (float)p->n->share[og_plate_cell(p, i, j, side)];
            v[k] += share * share * var[k];
        }
    }
}

// Number of the first device of the set that lines of `side` have in column j.
static size_t set_of(const struct og_plate *p, size_t j, int side)
{
    const struct og_array *a = p->a;
    const size_t sides = (size_t)og_mapping_sides(&a->map);
    const size_t set = (size_t)(p->copy * a->map.slices + p->slice) * sides +
                       (size_t)og_plate_side(p, j, side);
    return set * a->map.rows * a->map.cols;
}

// sd[devices] of noise that each device draws on its own.
static void scale_each(const struct og_plate *p, int side, float *sd)
{
    for (size_t j = 0; j < p->cols; j++)
        for (size_t i = 0; i < p->rows; i++)
            sd[set_of(p, j, side) + og_plate_device(p, i, j)] *=
                (float)p->n->share[og_plate_cell(p, i, j, side)];
}

static void scale_clocked(const struct og_plate *p, int side)
{
    const struct og_array *a = p->a;
    for (size_t j = 0; j < p->cols; j++) {
        const struct og_device_set set =
            og_weight_set(a, p->copy, p->slice, og_plate_side(p, j, side));
        for (size_t i = 0; i < p->rows; i++)
            og_clocked_scale(a, set.first + og_plate_device(p, i, j),
                             (float)p->n->share[og_plate_cell(p, i, j, side)]);
    }
}

static void scale_device_noise(const struct og_plate *p, int side)
{
    if (p->a->sd != NULL) scale_each(p, side, p->a->sd);
    if (og_clocked(p->a)) scale_clocked(p, side);
}

static void scale_reference(const struct og_plate *p)
{
    const struct og_device_set set = og_reference_set(p->a, p->copy, p->slice);
    const size_t lines = og_plate_lines(p);
    for (size_t i = 0; i < p->rows; i++)
        og_clocked_scale(p->a, set.first + (p->row0 + i) * set.cols + p->tile,
                         (float)p->n->share[og_plate_row(p, i) * lines + lines - 1]);
}

// --- thermal and shot noise ------------------------------------------------------------

// Of what each device makes, the part that arrives (t holds it).
static void add_thermal(const struct og_plate *p, int side)
{
    const struct og_array *a = p->a;
    const size_t all = a->map.rows * a->map.cols;
    for (size_t j = 0; j < p->cols; j++) {
        const int of = og_plate_side(p, j, side);
        const float thermal = og_thermal_of(a, of);
        for (size_t i = 0; i < p->rows; i++) {
            const size_t k = og_plate_device(p, i, j), c = og_plate_cell(p, i, j, side);
            const float share = (float)(p->n->t[c] * p->n->t[c]);
            if (a->s != NULL)
                a->s[(a->sides == 2 ? (size_t)of * all : 0) + k] +=
                    share * thermal * (float)p->n->g[c];
            if (a->device_s != NULL) a->device_s[set_of(p, j, side) + k] *= share;
        }
    }
}

static void add_reference_thermal(const struct og_plate *p)
{
    const size_t lines = og_plate_lines(p);
    for (size_t i = 0; p->a->ref_s != NULL && i < p->rows; i++) {
        const size_t c = og_plate_row(p, i) * lines + lines - 1;
        p->a->ref_s[p->tile * p->a->map.rows + p->row0 + i] +=
            og_thermal_of(p->a, 0) * (float)(p->n->g[c] * p->n->t[c] * p->n->t[c]);
    }
}

static void add_levels(const struct og_plate *p)
{
    const struct og_wired *w = p->a->wired;
    double *level = p->n->t;  // of no more use
    if (w->levels == NULL) return;
    og_circuit_levels(p->n, level);
    for (size_t i = 0; i < p->rows; i++)
        w->levels[p->tile * p->a->map.rows + p->row0 + i] += level[og_plate_row(p, i)];
}

static void thermal_plate(const struct og_plate *p)
{
    if (p->a->map.hw.thermal.law == OG_THERMAL_NONE) return;
    og_circuit_arrivals(p->n, p->n->t);
    og_each_side(p, add_thermal);
    add_reference_thermal(p);
    add_levels(p);
}

// ref_sd holds variances until all copies are there.
static void add_reference_variance(const struct og_plate *p)
{
    const size_t lines = og_plate_lines(p);
    const float gain = og_mapping_gain(&p->a->map, 0) / (float)p->a->copies;
    for (size_t i = 0; p->reference && i < p->rows; i++) {
        const float share =
            gain * (float)p->n->share[og_plate_row(p, i) * lines + lines - 1];
        p->a->ref_sd[p->tile * p->a->map.rows + p->row0 + i] +=
            share * share * p->a->wired->ref_variance[og_plate_reference(p, i)];
    }
}

// Means over the column tiles, arrays and slices.
void og_wired_set_levels(const struct og_array *a)
{
    const struct og_wired *w = a->wired;
    const bool apart = a->map.hw.pair.layout == OG_LAYOUT_SEPARATE;
    const int arrays =
        a->map.slices * a->copies * (apart ? og_mapping_sides(&a->map) : 1);
    for (size_t i = 0; i < a->map.rows; i++) {
        double sum = 0;
        for (size_t t = 0; t < a->map.col_tiles; t++)
            sum += w->levels[t * a->map.rows + i];
        w->level[i] = (float)(sum / ((double)a->map.col_tiles * arrays));
    }
}

void og_plate_noise(const struct og_plate *p)
{
    const struct og_array *a = p->a;
    const bool drawn = a->sd != NULL || og_clocked(a);
    thermal_plate(p);
    if (!og_varied(a) && !drawn) return;
    og_circuit_shares(p->n);
    if (og_varied(a)) og_each_side(p, add_variance);
    if (drawn) og_each_side(p, scale_device_noise);
    if (og_clocked(a) && p->reference) scale_reference(p);
    if (a->ref_sd != NULL) add_reference_variance(p);
}
