// SPDX-License-Identifier: GPL-3.0-or-later
// Relations between the keys of what time does.
#include <math.h>

#include "config/tables.h"
#include "config/tree.h"

// About `path` below `map`, at the deepest key on it that was given.
static og_status fail_at(const og_item *map, const char *path, struct og_error *err,
                         const char *text)
{
    if (map == NULL) return og_fail(err, OG_INPUT, "key '%s': %s", path, text);
    const og_item *exact = og_item_find(map, path, false);
    if (exact != NULL) return og_item_fail(exact, err, "%s", text);
    return og_item_fail(og_item_find(map, path, true), err, "'%s': %s", path, text);
}

bool og_law_is_on(const struct og_law *l)
{
    return l->scale != 0 &&
           (l->offset != 0 || l->slope != 0 || l->factor != 0 || l->coefficients.n > 0);
}

// What would be given without an effect.
static og_status check_law(const struct og_law *l, const char *path, const og_item *map,
                           struct og_error *err)
{
    if (l->min > l->max) return fail_at(map, path, err, "min is above max");
    if (l->exponent != 0 && l->factor == 0)
        return fail_at(map, path, err, "exponent has no effect without factor");
    if (l->above != 0 && l->coefficients.n == 0)
        return fail_at(map, path, err, "above has no effect without coefficients");
    return OG_OK;
}

static og_status check_compensation(const struct og_hardware *h, const og_item *map,
                                    struct og_error *err)
{
    const struct og_hardware standard = og_hardware_default();
    if (h->compensation.mode == OG_UNCOMPENSATED) {
        if (h->compensation.reads == standard.compensation.reads) return OG_OK;
        return fail_at(map, "compensation.reads", err,
                       "has no effect with compensation.mode none");
    }
    if (h->adc.kind == OG_ADC_RAMP)
        return fail_at(map, "compensation.mode", err,
                       "needs sums that can be scaled: it excludes adc.kind ramp, "
                       "whose output is a function of the sum");
    return OG_OK;
}

static og_status check_thermal(const struct og_hardware *h, const og_item *map,
                               struct og_error *err)
{
    const struct og_hardware standard = og_hardware_default();
    const char *key = h->thermal.bandwidth != 0 ? "thermal.bandwidth"
                      : h->thermal.temperature != standard.thermal.temperature
                          ? "thermal.temperature"
                          : NULL;
    if (h->thermal.law == OG_THERMAL_NONE)
        return key == NULL
                   ? OG_OK
                   : fail_at(map, key, err, "has no effect with thermal.law none");
    if (h->thermal.bandwidth == 0)
        return fail_at(map, "thermal.law", err, "needs thermal.bandwidth above 0");
    if (h->adc.kind == OG_ADC_RAMP)
        return fail_at(map, "thermal.law", err,
                       "excludes adc.kind ramp, whose own cells would need a bandwidth "
                       "of their own");
    return OG_OK;
}

static og_status check_rtn(const struct og_hardware *h, const og_item *map,
                           struct og_error *err)
{
    const struct og_hardware standard = og_hardware_default();
    const struct og_device *d = &h->device;
    const bool on = d->rtn.fraction > 0 && d->rtn.amplitude > 0;
    if (!on && (d->rtn.fraction > 0 || d->rtn.amplitude > 0 ||
                d->rtn.t_low != standard.device.rtn.t_low ||
                d->rtn.t_high != standard.device.rtn.t_high))
        return fail_at(map, "device.rtn", err,
                       "has no effect without both fraction and amplitude above 0");
    if (!on && h->t_cycle > 0 && d->flicker.mode == OG_FLICKER_FROZEN)
        return fail_at(map, "t_cycle", err,
                       "has no effect without device.rtn, or device.flicker of mode "
                       "correlated");
    if (on && h->t_cycle == 0)
        return fail_at(map, "device.rtn", err, "needs hardware.t_cycle above 0");
    if (on && h->adc.kind == OG_ADC_RAMP)
        return fail_at(map, "device.rtn", err,
                       "excludes adc.kind ramp, whose own cells are read on another "
                       "clock");
    return OG_OK;
}

// Times of the read clock are whole numbers of its ticks, and few enough to be counted.
static og_status check_ticks(double t, double t_cycle, const char *key,
                             const og_item *map, struct og_error *err)
{
    const double ticks = t / t_cycle;
    if (!(ticks <= 1e9))
        return fail_at(map, key, err, "is more than 1e9 times hardware.t_cycle");
    if (t > 0 && !(fabs(rint(ticks) - ticks) < 1e-6 * ticks && rint(ticks) > 0))
        return fail_at(map, key, err,
                       "is no whole number of hardware.t_cycle, the ticks of reads");
    return OG_OK;
}

static og_status check_clock(const struct og_hardware *h, const og_item *map,
                             struct og_error *err)
{
    if (h->device.flicker.mode == OG_FLICKER_FROZEN) {
        const char *key = h->t_sample > 0 ? "t_sample" : h->t_pass > 0 ? "t_pass" : NULL;
        return key == NULL ? OG_OK
                           : fail_at(map, key, err,
                                     "has no effect without device.flicker of mode "
                                     "correlated");
    }
    if (!og_law_is_on(&h->device.flicker.q))
        return fail_at(map, "device.flicker.mode", err,
                       "correlated has no effect: device.flicker.q is 0");
    if (h->adc.kind == OG_ADC_RAMP)
        return fail_at(map, "device.flicker.mode", err,
                       "correlated excludes adc.kind ramp, whose own cells are read on "
                       "another clock");
    if (h->t_cycle == 0 || h->t_sample == 0)
        return fail_at(map, "device.flicker.mode", err,
                       "correlated needs hardware.t_cycle and hardware.t_sample above 0");
    OG_TRY(check_ticks(h->t_sample, h->t_cycle, "t_sample", map, err));
    OG_TRY(check_ticks(h->t_pass, h->t_cycle, "t_pass", map, err));
    if (h->t_pass > h->t_sample)
        return fail_at(map, "t_pass", err, "is longer than hardware.t_sample");
    return OG_OK;
}

static og_status check_table(const struct og_device *d, const og_item *map,
                             struct og_error *err)
{
    const int n = d->retention.t.n, sigmas = d->retention.sigma.n,
              means = d->retention.mean.n;
    const int limits = d->retention.limit.n, rises = d->retention.g_rise.n;
    if (n == 0 &&
        (sigmas > 0 || means > 0 || limits > 0 || rises > 0 || d->retention.g_ref > 0))
        return fail_at(map, "device.retention", err, "has no effect without times t");
    if (limits != rises || (limits > 0 && (limits != n || sigmas > 0)))
        return fail_at(map, "device.retention", err,
                       "limit and g_rise need one number for each time of t, and take "
                       "the place of sigma");
    if (n > 0 && ((sigmas == 0 && limits == 0) || sigmas % n != 0 || means % n != 0))
        return fail_at(map, "device.retention", err,
                       "sigma, and mean where it is given, need as many coefficients for "
                       "each time of t");
    for (int k = 1; k < n; k++)
        if (!(d->retention.t.v[k] > d->retention.t.v[k - 1]))
            return fail_at(map, "device.retention.t", err, "must be rising");
    return OG_OK;
}

static og_status check_retention(const struct og_hardware *h, const og_item *map,
                                 struct og_error *err)
{
    const struct og_device *d = &h->device;
    bool known = false;
    OG_TRY(check_table(d, map, err));
    if (d->retention.t.n == 0 || h->t_inference == 0) return OG_OK;
    for (int k = 0; k < d->retention.t.n; k++)
        known = known || fabs(h->t_inference / d->retention.t.v[k] - 1) < 1e-9;
    if (!known)
        return fail_at(
            map, "t_inference", err,
            "is none of the times of device.retention.t (or 0), and nothing is "
            "known between them");
    if (d->write.mode == OG_WRITE_VERIFIED || d->d2d.g_min > 0 || d->d2d.g_max > 0)
        return fail_at(map, "t_inference", err,
                       "device.retention has all errors from the target: it excludes "
                       "device.d2d and pulse-by-pulse programming");
    if (og_law_is_on(&d->drift.nu) || og_law_is_on(&d->drift.spread))
        return fail_at(map, "t_inference", err,
                       "device.retention excludes the exponents of device.drift");
    return OG_OK;
}

static og_status check_disturb(const struct og_hardware *h, const og_item *map,
                               struct og_error *err)
{
    const struct og_hardware standard = og_hardware_default();
    const struct og_device *d = &h->device;
    if (d->disturb.reads > 0) return OG_OK;
    if (h->past_reads > 0)
        return fail_at(map, "past_reads", err,
                       "has no effect without device.disturb.reads");
    if (d->disturb.beta != standard.device.disturb.beta || d->disturb.g_end > 0)
        return fail_at(map, "device.disturb", err, "has no effect without reads");
    return OG_OK;
}

og_status og_time_check(const struct og_hardware *h, const og_item *map,
                        struct og_error *err)
{
    const struct og_device *d = &h->device;
    OG_TRY(check_law(&d->drift.nu, "device.drift.nu", map, err));
    OG_TRY(check_law(&d->drift.spread, "device.drift.spread", map, err));
    OG_TRY(check_law(&d->flicker.q, "device.flicker.q", map, err));
    if (h->t_inference > 0 && !og_law_is_on(&d->drift.nu) &&
        !og_law_is_on(&d->drift.spread) && !og_law_is_on(&d->flicker.q) &&
        d->retention.t.n == 0)
        return fail_at(map, "t_inference", err,
                       "has no effect: the device has no drift, flicker or retention");
    if (og_law_is_on(&d->flicker.q) && d->drift.t_0 + h->t_inference < d->flicker.t_read)
        return fail_at(map, "device.flicker.t_read", err,
                       "is longer than device.drift.t_0 and t_inference together, the "
                       "time in which the noise has accumulated");
    OG_TRY(check_retention(h, map, err));
    OG_TRY(check_disturb(h, map, err));
    OG_TRY(check_thermal(h, map, err));
    OG_TRY(check_rtn(h, map, err));
    OG_TRY(check_clock(h, map, err));
    return check_compensation(h, map, err);
}
