// SPDX-License-Identifier: GPL-3.0-or-later
// Relations between the keys of how devices are written, and of their faults.
#include "config/tables.h"
#include "config/tree.h"

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
    if (h->wires.mode == OG_WIRES_NONE) return OG_OK;
    if (h->mapping.remap != 0)
        return og_fail_at(map, "mapping.remap", err,
                          "excludes hardware.wires, where each line has its place");
    if (h->tile.spare_columns > 0)
        return og_fail_at(map, "tile.spare_columns", err,
                          "excludes hardware.wires, where each line has its place");
    return OG_OK;
}

og_status og_program_check(const struct og_hardware *h, const og_item *map,
                           struct og_error *err)
{
    OG_TRY(check_fault_map(h, map, err));
    OG_TRY(check_remap(h, map, err));
    const struct og_device *d = &h->device;
    const struct og_hardware standard = og_hardware_default();
    const struct {
        const char *key;
        bool given;
    } uses[] = {
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
