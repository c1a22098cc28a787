// SPDX-License-Identifier: GPL-3.0-or-later
// Relations between the keys of how devices are written, and of their faults.
#include "config/tables.h"
#include "config/tree.h"

struct use {
    const char *key;
    bool given;
};

// Keys that only some laws have.
static og_status check_law(const struct og_device *d, const og_item *map,
                           struct og_error *err)
{
    const bool exponential = d->pulse.law == OG_PULSE_EXPONENTIAL;
    const bool linear = d->pulse.law == OG_PULSE_LINEAR;
    const bool step = d->pulse.law == OG_PULSE_EXP_STEP;
    const bool soft = d->pulse.law == OG_PULSE_SOFT_BOUNDS;
    const struct use uses[] = {
        {"pulse.nonlinearity_up", !exponential && d->pulse.nonlinearity_up != 0},
        {"pulse.nonlinearity_down", !exponential && d->pulse.nonlinearity_down != 0},
        {"pulse.g_zero", exponential && d->pulse.g_zero != 0},
        {"pulse.c2c_slope", exponential && d->pulse.c2c_slope != 0},
        {"pulse.gamma_up", !linear && !step && d->pulse.gamma_up != 0},
        {"pulse.gamma_down", !linear && !step && d->pulse.gamma_down != 0},
        {"pulse.gamma_d2d", !linear && d->pulse.gamma_d2d != 0},
        {"pulse.A_up", !step && d->pulse.A_up != 0},
        {"pulse.A_down", !step && d->pulse.A_down != 0},
        {"pulse.a", !step && d->pulse.a != 0},
        {"pulse.b", !step && d->pulse.b != 0},
        {"pulse.mirror", exponential && d->pulse.mirror},
        {"pulse.reference", !soft && d->pulse.reference != OG_REFERENCE_NONE},
        {"pulse.reference_d2d", !soft && d->pulse.reference_d2d > 0},
    };
    for (size_t i = 0; i < sizeof uses / sizeof *uses; i++)
        if (uses[i].given)
            return og_fail_at(map, uses[i].key, err, "has no effect with this pulse.law");
    return OG_OK;
}

og_status og_pulse_check(const struct og_device *d, const og_item *map,
                         struct og_error *err)
{
    const bool bounded =
        d->pulse.law == OG_PULSE_LINEAR || d->pulse.law == OG_PULSE_SOFT_BOUNDS;
    const struct use uses[] = {
        {"pulse.additive", d->pulse.additive},
        {"pulse.c2c_add", d->pulse.c2c_add > 0},
        {"pulse.c2c_slope", d->pulse.c2c_slope > 0},
    };
    OG_TRY(check_law(d, map, err));
    if (d->pulse.d2d_law != OG_NORMAL && d->pulse.d2d == 0)
        return og_fail_at(map, "pulse.d2d_law", err, "has no effect without pulse.d2d");
    for (size_t i = 0; i < sizeof uses / sizeof *uses; i++)
        if (uses[i].given && d->pulse.c2c == 0)
            return og_fail_at(map, uses[i].key, err, "has no effect without pulse.c2c");
    if (d->pulse.law != OG_PULSE_EXPONENTIAL &&
        !(d->pulse.g_zero >= d->g_min && d->pulse.g_zero <= d->g_max))
        return og_fail_at(map, "pulse.g_zero", err, "is not between g_min and g_max");
    if (bounded && !(d->pulse.g_zero > d->g_min && d->pulse.g_zero < d->g_max))
        return og_fail_at(map, "pulse.g_zero", err,
                          "has to be above g_min and below g_max with this pulse.law");
    return OG_OK;
}

static bool swept(const og_item *map, const char *key)
{
    while (map != NULL && map->parent != NULL) map = map->parent;
    return map != NULL && og_is_swept(map, key);
}

og_status og_faults_check(const struct og_device *d, const og_item *map,
                          struct og_error *err)
{
    const double sum =
        d->faults.p_lrs + d->faults.p_hrs + d->faults.p_open + d->faults.p_short;
    char text[96];
    snprintf(text, sizeof text, "p_lrs + p_hrs + p_open + p_short = %.6g is above 1",
             sum);
    if (sum > 1) return og_fail_at(map, "faults", err, "%s", text);
    if (d->faults.p_short > 0 && d->faults.g_short == 0)
        return og_fail_at(map, "faults.g_short", err, "is needed with p_short above 0");
    return OG_OK;
}

// A map says it all, and holds for the whole network.
static og_status check_fault_map(const struct og_hardware *h, const og_item *map,
                                 struct og_error *err)
{
    const struct og_device *d = &h->device;
    if (h->fault_map.file[0] == '\0') {
        if (h->fault_map.group[0] == '\0' || swept(map, "hardware.fault_map.file"))
            return OG_OK;
        return og_fail_at(map, "fault_map.group", err,
                          "has no effect without fault_map.file");
    }
    if (d->faults.p_lrs + d->faults.p_hrs + d->faults.p_open + d->faults.p_short > 0)
        return og_fail_at(
            map, "fault_map.file", err,
            "takes the place of draws: device.faults.p_lrs, p_hrs, p_open and "
            "p_short must be 0");
    return OG_OK;
}

static og_status check_remap(const struct og_hardware *h, const og_item *map,
                             struct og_error *err)
{
    const int pairs = OG_REMAP_SIDES | OG_REMAP_PARTNERS;
    if ((h->mapping.remap & pairs) != 0 && h->mapping.scheme == OG_OFFSET)
        return og_fail_at(map, "mapping.remap", err,
                          "sides and partners need a differential mapping.scheme, not "
                          "offset");
    return OG_OK;
}

og_status og_program_check(const struct og_hardware *h, const og_item *map,
                           struct og_error *err)
{
    OG_TRY(check_fault_map(h, map, err));
    OG_TRY(check_remap(h, map, err));
    const struct og_device *d = &h->device;
    const struct og_hardware standard = og_hardware_default();
    const struct use uses[] = {
        {"program.start", d->write.start != standard.device.write.start},
        {"program.acceptance", d->write.acceptance != standard.device.write.acceptance},
        {"program.pulses", d->write.pulses != standard.device.write.pulses},
        {"program.noise", d->write.noise != standard.device.write.noise},
    };
    if (d->write.mode == OG_WRITE_VERIFIED) {
        if (d->pulse.up > 0 && d->pulse.down > 0) return OG_OK;
        return og_fail_at(map, "program.mode", err,
                          "write_verify needs what a pulse does: device.pulse.up and "
                          "device.pulse.down above 0");
    }
    for (size_t i = 0; i < sizeof uses / sizeof *uses; i++)
        if (uses[i].given && !swept(map, "hardware.program.mode"))
            return og_fail_at(map, uses[i].key, err,
                              "has no effect with program.mode direct");
    return OG_OK;
}
