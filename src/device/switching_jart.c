// SPDX-License-Identifier: GPL-3.0-or-later
// JART VCM v1b, deterministic (Bengel et al., IEEE TCAS-I 67, 4618, 2020): oxygen
// vacancies move between a plug and the disc in front of a Schottky contact. SET at
// negative voltages. Voltages and temperature at a given state are solved for together,
// without a lag behind the state.
#include <math.h>

#include "base/elementary.h"
#include "device/switching_law.h"

static const double charge = OG_CHARGE, boltzmann = OG_BOLTZMANN;
static const double planck = 6.62607015e-34, electron_mass = 9.1093837015e-31;
static const double vacuum = 8.8541878128e-12;  // [F/m]
static const double concentration = 1e26;       // unit of the state [1/m3]

enum { DOUBLINGS = 10, RIDDERS_STEPS = 60 };

static void range(const struct og_switching *d, double *low, double *high, double *start)
{
    *low = d->u.jart_v1b.n_min;
    *high = d->u.jart_v1b.n_max;
    *start = d->u.jart_v1b.n_0;
}

// A device at a voltage and a state, with the part of the voltage at the contact.
struct contact {
    const struct og_jart_v1b *p;
    double v, n;
    double area, r_disc, r_plug;
    double v_s;                   // [V] at the Schottky contact
    double ohmic;                 // [A] through all that is in series
    double temperature, emitted;  // [K], [A] through the contact at v_s
};

// I (R + r_0^2 alpha R_th I^2) = v: the root of a cubic with one real root.
static double series_current(const struct contact *c, double v)
{
    const struct og_jart_v1b *p = c->p;
    const double linear = c->r_disc + c->r_plug + p->r_tiox + p->r_0;
    const double cubic = p->r_0 * p->r_0 * p->alpha_line * p->r_th_line;
    if (cubic == 0) return v / linear;
    const double z = 1.5 * v / linear * sqrt(3 * cubic / linear);
    return 2 * sqrt(linear / (3 * cubic)) * og_sinh(og_asinh(z) / 3);
}

// Lowered by the image force of the field behind it [V].
static double barrier(const struct contact *c)
{
    const struct og_jart_v1b *p = c->p;
    const double psi = p->phi_bn0 - p->phi_n - c->v_s, eps = p->eps_phib * vacuum;
    if (psi <= 0) return p->phi_bn0;
    const double n = p->z * c->n * concentration;
    const double fourth =
        charge * charge * charge * n * psi / (8 * M_PI * M_PI * eps * eps * eps);
    return fmax(p->phi_bn0 - sqrt(sqrt(fourth)), 0);
}

// Thermionic emission for V > 0, thermionic field emission for V < 0.
static double emission(const struct contact *c)
{
    const struct og_jart_v1b *p = c->p;
    const double kt = boltzmann * c->temperature, phi = charge * barrier(c);
    const double rich = c->area * p->richardson * c->temperature;
    if (c->v_s >= 0)
        return rich * c->temperature * og_exp(-phi / kt) * og_expm1(charge * c->v_s / kt);
    const double w00 =
        charge * planck / (4 * M_PI) *
        sqrt(p->z * c->n * concentration / (electron_mass * p->eps * vacuum));
    const double u = w00 / kt, w0 = w00 / og_tanh(u), w1 = w00 / (u - og_tanh(u));
    const double v = -charge * c->v_s, cosh_u = og_cosh(u);
    return -rich / boltzmann * sqrt(M_PI * w00 * (v + phi / (cosh_u * cosh_u))) *
           og_exp(-phi / w0) * og_expm1(v / w1);
}

// With v_s at the contact: what the contact lets through beyond what the rest does,
// counted in the direction of the voltage.
static double excess(struct contact *c, double v_s)
{
    const struct og_jart_v1b *p = c->p;
    const double cell = c->r_disc + c->r_plug, scale = p->r_det / p->radius;
    c->v_s = v_s;
    c->ohmic = series_current(c, c->v - v_s);
    c->temperature = p->t_0 + c->ohmic * (v_s + c->ohmic * cell) * p->r_th0 * scale *
                                  scale * (c->v > 0 ? p->reset_factor : 1);
    c->emitted = emission(c);
    return c->v > 0 ? c->emitted - c->ohmic : c->ohmic - c->emitted;
}

// Ridders' method between a (excess fa < 0) and b (fb >= 0).
static void close_in(struct contact *c, double a, double fa, double b, double fb)
{
    for (int i = 0; i < RIDDERS_STEPS && fabs(b - a) > 1e-14 * fabs(c->v); i++) {
        const double m = a + 0.5 * (b - a), fm = excess(c, m);
        const double x = m + (m - a) * -fm / sqrt(fm * fm - fa * fb);
        const double fx = fm == 0 ? 0 : excess(c, x);
        if (fx == 0) return;
        // The four points: keep the closest pair around the root.
        if (fm < 0) {
            a = m;
            fa = fm;
        } else {
            b = m;
            fb = fm;
        }
        if (fx < 0 && fabs(x) > fabs(a)) {
            a = x;
            fa = fx;
        } else if (fx > 0 && fabs(x) < fabs(b)) {
            b = x;
            fb = fx;
        }
    }
}

// The barrier rises where v_s passes phi_bn0 - phi_n, so that there may be three
// solutions at V > 0. This takes the one with the smallest |v_s|, which a sweep from 0 V
// follows.
static void solve(struct contact *c)
{
    if (c->v == 0) {
        excess(c, 0);
        return;
    }
    double a = 0, fa = -fabs(series_current(c, c->v));
    for (int k = DOUBLINGS; k >= 0; k--) {
        const double b = ldexp(c->v, -k), fb = excess(c, b);
        if (fb >= 0) {
            close_in(c, a, fa, b, fb);
            return;
        }
        a = b;
        fa = fb;
    }
}

// dN/dt: hopping of ions over barriers that the field tilts.
static double rate(const struct contact *c)
{
    const struct og_jart_v1b *p = c->p;
    const double kt = boltzmann * c->temperature;
    const double disc = c->ohmic * c->r_disc, cell = disc + c->ohmic * c->r_plug;
    const double field = c->v > 0 ? (c->v_s + cell) / p->l_cell : disc / p->l_det;
    const double limit =
        c->v > 0 ? 1 - og_pow(p->n_min / c->n, 10) : 1 - og_pow(c->n / p->n_max, 10);
    const double gamma = p->z * field * p->a / (M_PI * p->dw_a);
    const double centre = sqrt(1 - gamma * gamma) + gamma * og_asin(gamma);
    const double tilt = gamma * M_PI_2, height = p->dw_a * charge / kt;
    const double hops =
        og_exp(-height * (centre - tilt)) - og_exp(-height * (centre + tilt));
    return -0.5 * (p->n_plug + c->n) * p->a * p->nu_0 / p->l_det * hops * limit;
}

static struct og_switching_point at(const struct og_switching *d, double v, double n)
{
    const struct og_jart_v1b *p = &d->u.jart_v1b;
    struct contact c = {.p = p, .v = v, .n = n, .area = M_PI * p->radius * p->radius};
    const double per_length = 1 / (concentration * p->z * charge * p->mobility * c.area);
    c.r_disc = p->l_det / n * per_length;
    c.r_plug = (p->l_cell - p->l_det) / p->n_plug * per_length;
    solve(&c);
    return (struct og_switching_point){c.ohmic, v == 0 ? 0 : rate(&c), c.temperature};
}

const struct og_switching_law og_jart_v1b_law = {
    .state = "concentration of vacancies in the disc in 1e26 / m3",
    .units = "1",
    .temperature = true,
    .stiff = true,
    .relative = true,
    .range = range,
    .at = at,
};
