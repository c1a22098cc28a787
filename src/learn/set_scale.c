// SPDX-License-Identifier: GPL-3.0-or-later
// The global minimum of sum_i min_j (w_i - s t_j)^2 over the scale s, by bisection with
// bounds. Minimising it is maximising
//
//   F(s) = sum_i max_j (2 s t_j w_i - s^2 t_j^2) = s H(s),
//   H(s) = sum_i max_j (2 t_j w_i - s t_j^2).
//
// H is a maximum of falling straight lines in s, so convex: on an interval it lies below
// its chord, and F below the parabola s * chord(s), whose maximum bounds F there. With
// the assignment of levels at one s, A = sum t w and B = sum t^2, the scale A / B is best
// for that assignment and reaches at least A^2 / B. Intervals whose bound does not exceed
// the best one are left; the gap falls with the square of their length. Known methods
// alternate between assignment and scale (Leng et al., AAAI 2018) and stop at a local
// minimum.
#include "learn/set_ladder.h"

#include <assert.h>

// An end of an interval.
struct end {
    double s, h, slope;  // h = H(s), and the slope of a line that touches it there
};
struct interval {
    struct end a, b;
};
struct best {
    double s, f;
};

// H at s, and the best scale of the assignment there.
static struct end look(const struct og_ladder *ladder, const struct og_magnitudes *w,
                       double s, struct best *best)
{
    double a = 0, b = 0;
    size_t from = 0;
    for (int j = 0; j < ladder->n; j++) {
        double t = ladder->t[j];
        bool last = j == ladder->n - 1;
        size_t to =
            last ? w->n
                 : og_sorted_up_to(w->sorted, w->n, s * 0.5 * (t + ladder->t[j + 1]));
        a += t * (w->sum[to] - w->sum[from]);
        b += t * t * (double)(to - from);
        from = to;
    }
    if (b > 0 && a * a / b > best->f) *best = (struct best){a / b, a * a / b};
    return (struct end){s, 2 * a - s * b, -b};
}

// The largest value of s * chord(s) on the interval.
static double bound(const struct interval *i)
{
    double slope = (i->b.h - i->a.h) / (i->b.s - i->a.s);
    double h0 = i->a.h - slope * i->a.s;
    double s = slope < 0 ? -h0 / (2 * slope) : i->b.s;
    if (s < i->a.s) s = i->a.s;
    if (s > i->b.s) s = i->b.s;
    return s * (h0 + slope * s);
}

// Where the two touching lines meet, kept away from the ends: the kink itself when there
// is only one.
static double split(const struct interval *i)
{
    double width = i->b.s - i->a.s, turn = i->b.slope - i->a.slope;
    double at = turn > 0 ? (i->a.h - i->b.h + i->b.slope * width) / turn : 0.5 * width;
    if (!(at > 0.1 * width)) at = 0.1 * width;
    if (at > 0.9 * width) at = 0.9 * width;
    return i->a.s + at;
}

double og_ladder_scale(const struct og_ladder *ladder, const struct og_magnitudes *w)
{
    // The right part of a split is looked at first and is nine tenths of it at most, so
    // the left parts that wait are no more than 0.9^n > narrow allows: 285.
    enum { DEPTH = 300 };
    const double gain = 1e-13, narrow = 1e-13;
    double most = og_sort_value(w->sorted[w->n - 1]);
    // Beyond, all lie on the lowest level, and F falls.
    double low = ladder->t[0] > 0 ? ladder->t[0] : 0.5 * ladder->t[1];
    struct best best = {0, 0};
    struct interval stack[DEPTH];
    stack[0].a = look(ladder, w, 0, &best);
    stack[0].b = look(ladder, w, most / low, &best);
    for (int depth = 1; depth > 0;) {
        struct interval i = stack[--depth];
        bool open = bound(&i) > best.f * (1 + gain) && i.b.s - i.a.s > narrow * i.b.s;
        if (!open) continue;
        assert(depth + 2 <= DEPTH);
        struct end middle = look(ladder, w, split(&i), &best);
        stack[depth++] = (struct interval){i.a, middle};
        stack[depth++] = (struct interval){middle, i.b};
    }
    return best.s;
}
