// SPDX-License-Identifier: GPL-3.0-or-later
// The keys of activation_limits.
#include "config/fields.h"
#include "config/tree.h"
#include "learn/limits.h"

static const struct og_field fields[] = {
    {.key = "fault_rates",
     .type = OG_FIELD_LIST,
     .offset = offsetof(struct og_limits_config, rates),
     .min = 0,
     .max = 1,
     .stage = OG_STAGE_COMPRESS,
     .help = "Rising; each takes the place of p_lrs or p_hrs of the hardware of "
             "compress. Their accuracies make the area that the limits maximise."},
    {.key = "fault",
     .type = OG_FIELD_CHOICE,
     .offset = offsetof(struct og_limits_config, fault),
     .choices = "p_lrs p_hrs",
     .def = "p_lrs",
     .stage = OG_STAGE_COMPRESS,
     .help = "Which faults the rates are of."},
    {.key = "scale",
     .type = OG_FIELD_CHOICE,
     .offset = offsetof(struct og_limits_config, scale),
     .choices = "linear log",
     .def = "linear",
     .stage = OG_STAGE_COMPRESS,
     .help = "Axis of the rates under which the area lies."},
    {.key = "samples",
     .type = OG_FIELD_INT,
     .offset = offsetof(struct og_limits_config, samples),
     .min = 1,
     .max = 1e9,
     .def = "256",
     .stage = OG_STAGE_COMPRESS,
     .help = "First training samples that the profile and each accuracy take; more than "
             "there are: all."},
    {.key = "chips",
     .type = OG_FIELD_INT,
     .offset = offsetof(struct og_limits_config, chips),
     .min = 1,
     .max = 1e6,
     .def = "2",
     .stage = OG_STAGE_COMPRESS,
     .help = "Chips of each accuracy; none of them is evaluated later."},
    {.key = "points",
     .type = OG_FIELD_INT,
     .offset = offsetof(struct og_limits_config, points),
     .min = 1,
     .max = 1000,
     .def = "4",
     .stage = OG_STAGE_COMPRESS,
     .help = "Limits tried in each interval."},
    {.key = "iterations",
     .type = OG_FIELD_INT,
     .offset = offsetof(struct og_limits_config, iterations),
     .min = 1,
     .max = 1000,
     .def = "3",
     .stage = OG_STAGE_COMPRESS,
     .help = "Intervals for each relu: from 0 to its largest output, then around the "
             "best limit so far."},
    {.key = NULL},
};

// The other faults come on top of the largest rate; of layers on hardware of their own,
// too.
static og_status check_sum(const struct og_limits_config *c, const og_item *rates,
                           const struct og_device *device, const char *whose,
                           struct og_error *err)
{
    const double largest = c->rates.v[c->rates.n - 1];
    double other = c->fault == OG_FAULT_LRS ? device->faults.p_hrs : device->faults.p_lrs;
    other += device->faults.p_open + device->faults.p_short;
    if (largest + other <= 1) return OG_OK;
    return og_item_fail(rates, err, "%.6g and %s's other faults, %.6g, are above 1",
                        largest, whose, other);
}

static og_status check_sums(const struct og_limits_config *c, const og_item *rates,
                            const struct og_hardware *hw, struct og_error *err)
{
    OG_TRY(check_sum(c, rates, &hw->device, "the device", err));
    for (size_t i = 0; i < og_hardware_layers(hw); i++) {
        const char *name = og_hardware_layer_name(hw, i)->text;
        struct og_hardware own;
        char whose[128];
        OG_TRY(og_hardware_layer(hw, name, &own, err));
        snprintf(whose, sizeof whose, "layer '%.100s'", name);
        OG_TRY(check_sum(c, rates, &own.device, whose, err));
    }
    return OG_OK;
}

static og_status check_rates(const struct og_limits_config *c, const og_item *rates,
                             const struct og_hardware *hw, struct og_error *err)
{
    const struct og_list *list = &c->rates;
    if (list->n == 0) return og_item_fail(rates, err, "needs at least one rate");
    for (int i = 1; i < list->n; i++)
        if (!(list->v[i] > list->v[i - 1]))
            return og_item_fail(rates, err, "must be rising");
    if (c->scale == OG_SCALE_LOG && list->n > 1 && !(list->v[0] > 0))
        return og_item_fail(rates, err, "the rate 0 has no place on the scale log");
    return check_sums(c, rates, hw, err);
}

og_status og_limits_read(struct og_limits_config *config, const og_item *item,
                         const struct og_train_config *base, struct og_error *err)
{
    OG_TRY(og_fields_bind(fields, item, config, err));
    if (base->hardware.ideal)
        return og_item_fail(item, err,
                            "limits are searched on compress.hardware, which is ideal; "
                            "nominal, for instance, has devices that can be stuck");
    if (base->hardware.fault_map.file[0])
        return og_item_fail(item, err,
                            "has faults of its own: it excludes the fault_map of "
                            "compress.hardware");
    return check_rates(config, og_item_get(item, "fault_rates"), &base->hardware, err);
}

void og_limits_print_keys(FILE *out)
{
    og_fields_help(fields, "compress.rounds[].activation_limits", OG_STAGE_COMPRESS, out);
}
