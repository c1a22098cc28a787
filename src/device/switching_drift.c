// SPDX-License-Identifier: GPL-3.0-or-later
// Behavioural models, whose state is a position or a resistance.
#include <math.h>

#include "base/elementary.h"
#include "device/switching_law.h"

// --- VTEAM (Kvatinsky et al., IEEE TCAS-II 62, 786, 2015)
// --------------------------------

static void vteam_range(const struct og_switching *d, double *low, double *high,
                        double *start)
{
    *low = 0;
    *high = d->u.vteam.d;
    *start = d->u.vteam.x_0;
}

static struct og_switching_point vteam_at(const struct og_switching *d, double v,
                                          double x)
{
    const struct og_vteam *p = &d->u.vteam;
    const double part = x / p->d;
    const double r = p->exponential ? p->r_on * og_pow(p->r_off / p->r_on, part)
                                    : p->r_on + (p->r_off - p->r_on) * part;
    double rate = 0;
    if (v > p->v_off) rate = p->k_off * og_pow(v / p->v_off - 1, p->alpha_off);
    if (v < p->v_on) rate = p->k_on * og_pow(v / p->v_on - 1, p->alpha_on);
    return (struct og_switching_point){v / r, rate, NAN};
}

static void vteam_corners(const struct og_switching *d, double v[2])
{
    v[0] = d->u.vteam.v_on;
    v[1] = d->u.vteam.v_off;
}

const struct og_switching_law og_vteam_law = {
    .state = "position of the boundary",
    .units = "m",
    .range = vteam_range,
    .at = vteam_at,
    .corners = vteam_corners,
};

// --- linear ion drift (Strukov et al., Nature 453, 80, 2008)
// -----------------------------

static void ion_range(const struct og_switching *d, double *low, double *high,
                      double *start)
{
    *low = 0;
    *high = 1;
    *start = d->u.ion_drift.x_0;
}

// Joglekar and Wolf, Eur. J. Phys. 30, 661 (2009); Biolek et al., Radioengineering 18,
// 210 (2009); Prodromakis et al., IEEE TED 58, 3099 (2011).
static double window(const struct og_ion_drift *p, double x, double current)
{
    switch (p->window) {
    case OG_JOGLEKAR:
        return 1 - og_pow(2 * x - 1, 2 * p->p);
    case OG_BIOLEK:
        return 1 - og_pow(x - (current < 0), 2 * p->p);
    case OG_PRODROMAKIS:
        return p->j * (1 - og_pow((x - 0.5) * (x - 0.5) + 0.75, p->p));
    default:
        return 1;
    }
}

static struct og_switching_point ion_at(const struct og_switching *d, double v, double x)
{
    const struct og_ion_drift *p = &d->u.ion_drift;
    const double current = v / (p->r_on * x + p->r_off * (1 - x));
    double rate = 0;
    if (v >= p->v_p || v <= p->v_n)
        rate = p->mobility * p->r_on / (p->d * p->d) * current * window(p, x, current);
    return (struct og_switching_point){current, rate, NAN};
}

static void ion_corners(const struct og_switching *d, double v[2])
{
    v[0] = d->u.ion_drift.v_n;
    v[1] = d->u.ion_drift.v_p;
}

const struct og_switching_law og_ion_drift_law = {
    .state = "doped part of the film",
    .units = "1",
    .range = ion_range,
    .at = ion_at,
    .corners = ion_corners,
};

// --- Yakopcic et al., IEEE EDL 32, 1436 (2011)
// -------------------------------------------

static void yakopcic_range(const struct og_switching *d, double *low, double *high,
                           double *start)
{
    *low = 0;
    *high = 1;
    *start = d->u.yakopcic.x_0;
}

// Slows x down on its way to a limit: 1 in the middle, 0 at the limit.
static double slowing(const struct og_yakopcic *p, double x, bool rising)
{
    if (rising && x >= p->x_p)
        return og_exp(-p->alpha_p * (x - p->x_p)) * ((p->x_p - x) / (1 - p->x_p) + 1);
    if (!rising && x <= 1 - p->x_n)
        return og_exp(p->alpha_n * (x + p->x_n - 1)) * (x / (1 - p->x_n));
    return 1;
}

static struct og_switching_point yakopcic_at(const struct og_switching *d, double v,
                                             double x)
{
    const struct og_yakopcic *p = &d->u.yakopcic;
    double g = 0;
    if (v > p->v_p) g = p->a_p * (og_exp(v) - og_exp(p->v_p));
    if (v < -p->v_n) g = -p->a_n * (og_exp(-v) - og_exp(p->v_n));
    return (struct og_switching_point){(v >= 0 ? p->a_1 : p->a_2) * x * og_sinh(p->b * v),
                                       p->eta * g * slowing(p, x, p->eta * v > 0), NAN};
}

static void yakopcic_corners(const struct og_switching *d, double v[2])
{
    v[0] = -d->u.yakopcic.v_n;
    v[1] = d->u.yakopcic.v_p;
}

const struct og_switching_law og_yakopcic_law = {
    .state = "state variable",
    .units = "1",
    .range = yakopcic_range,
    .at = yakopcic_at,
    .corners = yakopcic_corners,
};

// --- data-driven (Messaris et al., IEEE TCAD 37, 3151, 2018)
// -----------------------------

static void data_range(const struct og_switching *d, double *low, double *high,
                       double *start)
{
    *low = d->u.data_driven.r_on;
    *high = d->u.data_driven.r_off;
    *start = d->u.data_driven.r_0;
}

static struct og_switching_point data_at(const struct og_switching *d, double v, double x)
{
    const struct og_data_driven *p = &d->u.data_driven;
    const bool up = v > 0;
    const double s = (up ? p->a_p : p->a_n) * og_expm1(fabs(v) / (up ? p->t_p : p->t_n));
    const double rest = (up ? p->r_p0 + p->r_p1 * v : p->r_n0 + p->r_n1 * v) - x;
    // Only towards where motion ends: beyond, s (r - x)^2 would run away from it.
    const double rate = s * rest > 0 ? s * rest * rest : 0;
    return (struct og_switching_point){p->a / x * og_sinh(p->b * v), rate, NAN};
}

const struct og_switching_law og_data_driven_law = {
    .state = "resistance",
    .units = "ohm",
    .range = data_range,
    .at = data_at,
};
