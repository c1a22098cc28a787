// SPDX-License-Identifier: GPL-3.0-or-later
// hardware.variant: the same hardware with some of its effects switched off, so that what
// each of them costs can be told (og_attribution_axis).
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/tables.h"
#include "config/tree.h"

// An effect is what some keys do; `off` puts these where nothing is lost. What an
// effect cannot be without (slices without bits of weights) goes with it.
struct effect {
    const char *name;
    void (*off)(struct og_hardware *h, const struct og_hardware *standard);
};

static void no_clipping(struct og_hardware *h, const struct og_hardware *standard)
{
    h->mapping.w_max = standard->mapping.w_max;
    h->mapping.percentile = standard->mapping.percentile;
    h->mapping.k_sigma = standard->mapping.k_sigma;
}

static void no_weight_bits(struct og_hardware *h, const struct og_hardware *standard)
{
    h->mapping.weight_bits = h->mapping.slice_bits = 0;
    h->mapping.rounding = standard->mapping.rounding;
}

static void no_levels(struct og_hardware *h, const struct og_hardware *standard)
{
    h->device.cell = standard->device.cell;
}

static void no_programming(struct og_hardware *h, const struct og_hardware *standard)
{
    h->device.program = standard->device.program;
    h->device.write = standard->device.write;
    h->weight_noise.programmed = 0;
}

static void no_mismatch(struct og_hardware *h, const struct og_hardware *standard)
{
    h->device.d2d = standard->device.d2d;
}

static void no_faults(struct og_hardware *h, const struct og_hardware *standard)
{
    h->device.faults = standard->device.faults;
    h->fault_map = standard->fault_map;
}

static void no_drift(struct og_hardware *h, const struct og_hardware *standard)
{
    // At t_0 it has not begun.
    if (h->t_inference == 0 && h->compensation.mode == OG_UNCOMPENSATED) return;
    h->device.drift.nu = standard->device.drift.nu;
    h->device.drift.spread = standard->device.drift.spread;
    if (h->device.retention.t.n > 0) h->t_inference = 0;
    h->device.retention = standard->device.retention;
    h->compensation = standard->compensation;
}

static void no_flicker(struct og_hardware *h, const struct og_hardware *standard)
{
    h->device.flicker = standard->device.flicker;
    h->t_sample = standard->t_sample;
    h->t_pass = standard->t_pass;
    if (!(h->device.rtn.fraction > 0)) h->t_cycle = standard->t_cycle;
}

static void no_disturb(struct og_hardware *h, const struct og_hardware *standard)
{
    h->device.disturb = standard->device.disturb;
    h->past_reads = standard->past_reads;
}

static void no_read_noise(struct og_hardware *h, const struct og_hardware *standard)
{
    h->device.read = standard->device.read;
    h->weight_noise.read = 0;
}

static void no_thermal(struct og_hardware *h, const struct og_hardware *standard)
{
    h->thermal = standard->thermal;
}

static void no_rtn(struct og_hardware *h, const struct og_hardware *standard)
{
    h->device.rtn = standard->device.rtn;
    if (h->device.flicker.mode == OG_FLICKER_FROZEN) h->t_cycle = standard->t_cycle;
}

static void no_dac(struct og_hardware *h, const struct og_hardware *standard)
{
    h->dac = standard->dac;
    h->rnn.x_bits = standard->rnn.x_bits;
    h->rnn.h_bits = standard->rnn.h_bits;
    // Bits one after the other need bits.
    if (h->input.encoding == OG_BIT_SERIAL) {
        h->input.encoding = OG_AMPLITUDE;
        h->input.slice_bits = standard->input.slice_bits;
        h->input.accumulate = standard->input.accumulate;
    }
}

static void no_adc(struct og_hardware *h, const struct og_hardware *standard)
{
    h->adc = standard->adc;
    h->integrator = standard->integrator;
}

static void no_state_bits(struct og_hardware *h, const struct og_hardware *standard)
{
    const enum og_rnn_mapping mapping = h->rnn.mapping;
    const int x_bits = h->rnn.x_bits, h_bits = h->rnn.h_bits;
    h->rnn = standard->rnn;
    h->rnn.mapping = mapping;
    h->rnn.x_bits = x_bits;
    h->rnn.h_bits = h_bits;
}

static void no_wires(struct og_hardware *h, const struct og_hardware *standard)
{
    h->wires = standard->wires;
    h->pair.layout = standard->pair.layout;
}

static void no_nonlinearity(struct og_hardware *h, const struct og_hardware *standard)
{
    h->device.iv = standard->device.iv;
    if (h->wires.mode == OG_WIRES_NONLINEAR) h->wires.mode = OG_WIRES_EXACT;
}

static void no_injection(struct og_hardware *h, const struct og_hardware *standard)
{
    h->injection = standard->injection;
}

static const struct effect effects[] = {
    {"weight_clipping", no_clipping},
    {"weight_bits", no_weight_bits},
    {"cell_levels", no_levels},
    {"programming", no_programming},
    {"mismatch", no_mismatch},
    {"faults", no_faults},
    {"drift", no_drift},
    {"flicker", no_flicker},
    {"disturb", no_disturb},
    {"read_noise", no_read_noise},
    {"thermal", no_thermal},
    {"rtn", no_rtn},
    {"dac", no_dac},
    {"adc", no_adc},
    {"state_bits", no_state_bits},
    {"wires", no_wires},
    {"nonlinearity", no_nonlinearity},
    {"injection", no_injection},
};
enum { EFFECTS = sizeof effects / sizeof *effects };

size_t og_effects(void) { return EFFECTS; }

const char *og_effect_name(size_t i) { return effects[i].name; }

static size_t find_effect(const char *name)
{
    size_t i = 0;
    while (i < EFFECTS && strcmp(effects[i].name, name) != 0) i++;
    return i;
}

// What stands behind `start` in the text; NULL: it begins otherwise.
static const char *after(const char *text, const char *start)
{
    const size_t n = strlen(start);
    return strncmp(text, start, n) == 0 ? text + n : NULL;
}

bool og_variant_is_of_layer(const struct og_hardware *h)
{
    return after(h->variant, "only in ") || after(h->variant, "except in ");
}

const char *og_variant_layer(const struct og_hardware *h)
{
    const char *layer = after(h->variant, "only in ");
    return layer ? layer : after(h->variant, "except in ");
}

void og_variant_apply(struct og_hardware *h, const char *layer)
{
    const struct og_hardware standard = og_hardware_default();
    const char *in = after(h->variant, "only in "),
               *but = after(h->variant, "except in ");
    if (in || but) {
        if (layer && (in ? strcmp(in, layer) != 0 : strcmp(but, layer) == 0))
            h->ideal = true;
        return;
    }
    const char *only = after(h->variant, "only "),
               *without = after(h->variant, "without ");
    if (strcmp(h->variant, "ideal") == 0) h->ideal = true;
    const size_t one = only      ? find_effect(only)
                       : without ? find_effect(without)
                                 : EFFECTS;
    for (size_t i = 0; one < EFFECTS && i < EFFECTS; i++)
        if ((i == one) == (without != NULL)) effects[i].off(h, &standard);
}

static char *text_of(const struct og_hardware *h)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL) return NULL;
    og_fields_lines(og_hardware_fields, h, "", OG_STAGE_OUTPUT, out);
    if (fclose(out) == 0) return text;
    free(text);
    return NULL;
}

static og_status changes(const struct og_hardware *hw, size_t i, bool *on,
                         struct og_error *err)
{
    const struct og_hardware standard = og_hardware_default();
    struct og_hardware less = *hw;
    effects[i].off(&less, &standard);
    char *with = text_of(hw), *without = text_of(&less);
    if (with && without) *on = !hw->ideal && strcmp(with, without) != 0;
    const bool good = with && without;
    free(with);
    free(without);
    return good ? OG_OK
                : og_fail(err, OG_NO_MEMORY, "no memory to compare two hardwares");
}

// In the hardware of the network, or of a layer of its own.
og_status og_effect_is_on(const struct og_hardware *hw, size_t i, bool *on,
                          struct og_error *err)
{
    OG_TRY(changes(hw, i, on, err));
    for (size_t k = 0; !hw->ideal && !*on && k < og_hardware_layers(hw); k++) {
        struct og_hardware own;
        OG_TRY(og_hardware_layer(hw, og_hardware_layer_name(hw, k)->text, &own, err));
        OG_TRY(changes(&own, i, on, err));
    }
    return OG_OK;
}

og_status og_variant_check(const struct og_hardware *h, const og_item *map,
                           struct og_error *err)
{
    const char *v = h->variant;
    const char *effect = after(v, "without ") ? after(v, "without ") : after(v, "only ");
    if (strcmp(v, "all") == 0 || strcmp(v, "ideal") == 0 || og_variant_is_of_layer(h) ||
        (effect && find_effect(effect) < EFFECTS))
        return OG_OK;
    char known[512] = "";
    for (size_t i = 0; i < EFFECTS; i++) {
        const size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", i > 0 ? ", " : "",
                 effects[i].name);
    }
    const og_item *item = map != NULL ? og_item_get(map, "variant") : NULL;
    const char *text =
        "is none of: all, ideal, 'only EFFECT', 'without EFFECT', 'only in LAYER', "
        "'except in LAYER'; effects are:";
    if (item == NULL)
        return og_fail(err, OG_INPUT, "hardware.variant: '%s' %s %s", v, text, known);
    return og_item_fail(item, err, "'%s' %s %s", v, text, known);
}
