// SPDX-License-Identifier: GPL-3.0-or-later
// Stanford-PKU (Jiang et al., SISPAD 2014; Guan et al., IEEE EDL 33, 1405, 2012): hopping
// of oxygen vacancies over the gap of a filament, which Joule heat makes faster. Without
// its noise of the gap.
#include <math.h>

#include "base/elementary.h"
#include "config/tables_switching.h"
#include "device/switching_law.h"

static const double k_over_q = OG_BOLTZMANN / OG_CHARGE;  // [V/K]
static const double nanometre = 1e-9;

static void range(const struct og_switching *d, double *low, double *high, double *start)
{
    const struct og_stanford_pku *p = &d->u.stanford_pku;
    *low = og_stanford_gap(p, p->r_on);
    *high = og_stanford_gap(p, p->r_off);
    *start = p->gap_0;
}

// The enhanced field |V| gamma / t_ox falls with the gap, so that f_min is a gap: none
// larger moves.
static double ceiling(const struct og_switching *d, double v)
{
    const struct og_stanford_pku *p = &d->u.stanford_pku;
    if (p->f_min == 0) return INFINITY;
    const double rest = (p->gamma_0 - p->f_min * p->t_ox / fabs(v)) / p->beta;
    return nanometre * og_cbrt(fmax(rest, 0));
}

static struct og_switching_point at(const struct og_switching *d, double v, double gap)
{
    const struct og_stanford_pku *p = &d->u.stanford_pku;
    const double current = p->i_0 * og_exp(-gap / p->g_0) * og_sinh(v / p->v_0);
    const double t = p->t_0 + fabs(v * current) * p->r_th, kt = k_over_q * t;
    const double gamma = p->gamma_0 - p->beta * og_pow(gap / nanometre, 3);
    double rate = 0;
    // Rising gaps meet the ceiling instead.
    if (v < 0 || gap <= ceiling(d, v))
        rate = -p->velocity * og_exp(-p->e_a / kt) *
               og_sinh(gamma * p->a_0 * v / (p->t_ox * kt));
    return (struct og_switching_point){current, rate, t};
}

const struct og_switching_law og_stanford_pku_law = {
    .state = "gap",
    .units = "m",
    .temperature = true,
    .range = range,
    .at = at,
    .ceiling = ceiling,
};
