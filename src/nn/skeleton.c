// SPDX-License-Identifier: GPL-3.0-or-later
// The recipe leaves its path to a solver of travelling salesmen with random starts;
// taking the ends of lines for last in turn is ohmgrid's choice, so that a digit is
// always the same path.
#include "nn/skeleton.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { SIDE = OG_INK_SIDE, IMAGE = SIDE - 2 };

// Neighbours in a circle, from the one above on, clockwise; the even ones are straight.
static const int ring[8] = {-SIDE, -SIDE + 1, 1, SIDE + 1, SIDE, SIDE - 1, -1, -SIDE - 1};

static size_t spread(uint8_t *left, int from, int step)
{
    int stack[OG_INK], top = 0;
    size_t size = 0;
    stack[top++] = from;
    left[from] = 0;
    while (top > 0) {
        const int at = stack[--top];
        size++;
        for (int k = 0; k < 8; k += step)
            if (left[at + ring[k]]) {
                left[at + ring[k]] = 0;
                stack[top++] = at + ring[k];
            }
    }
    return size;
}

// step 1: 8-connected; 2: 4-connected.
static int components(const struct og_ink *ink, int step)
{
    struct og_ink left = *ink;
    int n = 0;
    for (int i = 0; i < OG_INK; i++)
        if (left.on[i]) {
            spread(left.on, i, step);
            n++;
        }
    return n;
}

static size_t cut(struct og_ink *ink, const uint8_t *image, int threshold)
{
    size_t n = 0;
    memset(ink->on, 0, OG_INK);
    for (int r = 0; r < IMAGE; r++)
        for (int c = 0; c < IMAGE; c++)
            if (image[r * IMAGE + c] > threshold)
                n += ink->on[(r + 1) * SIDE + c + 1] = 1;
    return n;
}

void og_ink_threshold(struct og_ink *ink, const uint8_t *image)
{
    const size_t all = cut(ink, image, 0);
    const int four = components(ink, 2), eight = components(ink, 1);
    int t = 0;
    for (t = 25; t < 250; t += 25) {
        const size_t n = cut(ink, image, t);
        if (2 * n < all || components(ink, 2) != four || components(ink, 1) != eight)
            break;
    }
    cut(ink, image, t - 25);
}

// Whether Zhang and Suen delete a pixel in the first or second half of a round.
static bool is_removed(const uint8_t *on, int at, bool second)
{
    int neighbours = 0, rises = 0;
    uint8_t p[9];
    for (int k = 0; k < 8; k++) neighbours += p[k] = on[at + ring[k]];
    p[8] = p[0];
    for (int k = 0; k < 8; k++) rises += !p[k] && p[k + 1];
    if (neighbours < 2 || neighbours > 6 || rises != 1) return false;
    const int up = p[0], right = p[2], down = p[4], left = p[6];
    if (second) return !(up && right && left) && !(up && down && left);
    return !(up && right && down) && !(right && down && left);
}

static bool half_round(struct og_ink *ink, bool second)
{
    const struct og_ink old = *ink;
    bool changed = false;
    for (int r = 1; r <= IMAGE; r++)
        for (int i = r * SIDE + 1; i <= r * SIDE + IMAGE; i++)
            if (old.on[i] && is_removed(old.on, i, second)) {
                ink->on[i] = 0;
                changed = true;
            }
    return changed;
}

void og_ink_thin(struct og_ink *ink)
{
    bool changed = true;
    while (changed) {
        changed = half_round(ink, false);
        changed = half_round(ink, true) || changed;
    }
}

void og_ink_clean(struct og_ink *ink)
{
    struct og_ink left = *ink, kept = {{0}};
    bool any = false;
    for (int i = 0; i < OG_INK; i++) {
        if (!left.on[i]) continue;
        const struct og_ink before = left;
        if (spread(left.on, i, 1) <= 2) continue;
        any = true;
        for (int k = 0; k < OG_INK; k++)
            if (before.on[k] && !left.on[k]) kept.on[k] = 1;
    }
    if (any) *ink = kept;
}

// --- the path ------------------------------------------------------------------------

struct points {
    size_t n, ends;
    int row[IMAGE * IMAGE], column[IMAGE * IMAGE];
    uint16_t end[IMAGE * IMAGE];
};

static void find_points(const struct og_ink *ink, struct points *p)
{
    p->n = p->ends = 0;
    for (int r = 0; r < IMAGE; r++)
        for (int c = 0; c < IMAGE; c++) {
            const int at = (r + 1) * SIDE + c + 1;
            int neighbours = 0;
            if (!ink->on[at]) continue;
            for (int k = 0; k < 8; k++) neighbours += ink->on[at + ring[k]];
            if (neighbours <= 1) p->end[p->ends++] = (uint16_t)p->n;
            p->row[p->n] = r;
            p->column[p->n++] = c;
        }
}

static size_t start_of(const struct points *p)
{
    size_t best = 0;
    for (size_t k = 0; k < (p->ends ? p->ends : p->n); k++) {
        const size_t i = p->ends ? p->end[k] : k;
        if (k == 0 || p->row[i] + p->column[i] < p->row[best] + p->column[best]) best = i;
    }
    return best;
}

static int square(const struct points *p, size_t a, size_t b)
{
    const int dr = p->row[a] - p->row[b], dc = p->column[a] - p->column[b];
    return dr * dr + dc * dc;
}

// The path that keeps `last` for last (p->n: none); its cost.
static double path_to(const struct points *p, size_t start, size_t last, uint16_t *order)
{
    uint16_t left[IMAGE * IMAGE];
    size_t n = 0, at = start, done = 0;
    double cost = 0;
    for (size_t i = 0; i < p->n; i++)
        if (i != start && i != last) left[n++] = (uint16_t)i;
    order[done++] = (uint16_t)start;
    while (done < p->n) {
        size_t next = last, place = n;
        int nearest = 0;
        for (size_t k = 0; k < n; k++) {
            const int d = square(p, at, left[k]);
            if (place < n && d >= nearest) continue;
            nearest = d;
            place = k;
        }
        if (place < n) {
            next = left[place];
            memmove(left + place, left + place + 1, (--n - place) * sizeof *left);
        }
        const double d = square(p, at, next);
        cost += d * sqrt(d);
        order[done++] = (uint16_t)(at = next);
    }
    return cost;
}

size_t og_ink_path(const struct og_ink *ink, uint16_t *at)
{
    struct points p;
    uint16_t order[IMAGE * IMAGE], best[IMAGE * IMAGE];
    find_points(ink, &p);
    if (p.n == 0) return 0;
    const size_t start = start_of(&p);
    double least = path_to(&p, start, p.n, best);
    for (size_t k = 0; k < p.ends; k++) {
        if (p.end[k] == start) continue;
        const double cost = path_to(&p, start, p.end[k], order);
        if (!(cost < least)) continue;
        least = cost;
        memcpy(best, order, p.n * sizeof *best);
    }
    for (size_t k = 0; k < p.n; k++)
        at[k] = (uint16_t)(p.row[best[k]] * IMAGE + p.column[best[k]]);
    return p.n;
}
