// SPDX-License-Identifier: GPL-3.0-or-later
// The rows of hardware.wires, and what goes with them.
#include "config/tables.h"
#include "config/tree.h"

#define P OG_STAGE_PROGRAM

static const char ends[] = "one both";

const struct og_field og_wiring_fields[] = {
    {"mode", OG_FIELD_CHOICE, offsetof(struct og_wiring, mode), 0, NULL, 0, 0,
     "none approximate exact exact_nonlinear", "none", P,
     "Wires of the arrays: none; each device in series with the wires of its own path "
     "(approximate); Kirchhoff's laws of the whole array, once per programmed chip "
     "(exact); the same for every read, with cells that are not ohmic (exact_nonlinear, "
     "slow).",
     NULL, NULL},
    {"approximation", OG_FIELD_CHOICE, offsetof(struct og_wiring, approximation), 0, NULL,
     0, 0, "series ladder cubic", "series", P,
     "Mode approximate: each device in series with its path (series), each bit line "
     "alone "
     "behind ideal word lines (ladder), or aihwkit's cubic formula in r_col (cubic).",
     NULL, NULL},
    {"r_row", OG_FIELD_REAL, offsetof(struct og_wiring, r_row), 0, "ohm", 0, 1e6, NULL,
     "0 ohm", P, "Resistance of a word line from one device to the next.", NULL, NULL},
    {"r_col", OG_FIELD_REAL, offsetof(struct og_wiring, r_col), 0, "ohm", 0, 1e6, NULL,
     "0 ohm", P, "Resistance of a bit line from one device to the next.", NULL, NULL},
    {"r_source", OG_FIELD_REAL, offsetof(struct og_wiring, r_source), 0, "ohm", 0, 1e6,
     NULL, "0 ohm", P, "Output resistance of the source of each word line.", NULL, NULL},
    {"r_sense", OG_FIELD_REAL, offsetof(struct og_wiring, r_sense), 0, "ohm", 0, 1e6,
     NULL, "0 ohm", P, "Input resistance of the sense amplifier of each bit line.", NULL,
     NULL},
    {"r_access", OG_FIELD_REAL, offsetof(struct og_wiring, r_access), 0, "ohm", 0, 1e9,
     NULL, "0 ohm", P,
     "Resistance in series with every device, for instance of its access transistor "
     "(1T1R).",
     NULL, NULL},
    {"drive", OG_FIELD_CHOICE, offsetof(struct og_wiring, drive), 0, NULL, 0, 0, ends,
     "one", P, "Ends of a word line at which it is driven.", NULL, NULL},
    {"sense", OG_FIELD_CHOICE, offsetof(struct og_wiring, sense), 0, NULL, 0, 0, ends,
     "one", P, "Ends of a bit line at which its current is taken; both are added.", NULL,
     NULL},
    {.key = NULL},
};

struct fault {
    bool is;
    const char *key, *text;
};

static og_status first_fault(const struct fault *fault, size_t n, const og_item *map,
                             struct og_error *err)
{
    for (size_t i = 0; i < n; i++) {
        if (!fault[i].is) continue;
        const og_item *item = map ? og_item_find(map, fault[i].key, false) : NULL;
        if (item != NULL) return og_item_fail(item, err, "%s", fault[i].text);
        return og_fail(err, OG_INPUT, "hardware.%s: %s", fault[i].key, fault[i].text);
    }
    return OG_OK;
}

static bool too_small(double ohm) { return ohm > 0 && ohm < 1e-6; }

// Given as none it leaves out all that stands beside it on purpose, so that it can be
// swept; not given it would do so in silence.
static og_status check_given(const struct og_hardware *h, const og_item *map,
                             struct og_error *err)
{
    const og_item *wires = map ? og_item_get(map, "wires") : NULL;
    if (h->wires.mode != OG_WIRES_NONE || (wires && og_item_get(wires, "mode")))
        return OG_OK;
    if (wires != NULL) return og_item_fail(wires, err, "has no effect without a mode");
    if (h->pair.layout == OG_LAYOUT_ADJACENT) return OG_OK;
    const struct fault fault = {true, "pair.layout", "has no effect without wires.mode"};
    return first_fault(&fault, 1, map, err);
}

static og_status check_approximation(const struct og_hardware *h, const og_item *map,
                                     struct og_error *err)
{
    const struct og_wiring *w = &h->wires;
    const og_item *root = map;
    if (w->approximation == OG_WIRES_SERIES || w->mode == OG_WIRES_NONE) return OG_OK;
    while (root != NULL && root->parent != NULL) root = root->parent;
    const bool swept = root != NULL && og_is_swept(root, "hardware.wires.mode");
    const bool cubic =
        w->mode == OG_WIRES_APPROXIMATE && w->approximation == OG_WIRES_CUBIC;
    const struct fault fault[] = {
        {w->mode != OG_WIRES_APPROXIMATE && !swept, "wires.approximation",
         "has no effect without wires.mode approximate"},
        {cubic && w->r_col == 0, "wires.approximation",
         "cubic needs wires.r_col, the only resistance that it knows"},
    };
    return first_fault(fault, sizeof fault / sizeof *fault, map, err);
}

og_status og_wiring_check(const struct og_hardware *h, const og_item *map,
                          struct og_error *err)
{
    static const char small[] = "is above 0 but below 1e-6 ohm";
    const struct og_wiring *w = &h->wires;
    const bool off = w->mode == OG_WIRES_NONE, newton = w->mode == OG_WIRES_NONLINEAR;
    const bool bent = h->device.iv.kind != OG_IV_OHMIC;
    const bool separate = h->pair.layout == OG_LAYOUT_SEPARATE;
    const struct fault fault[] = {
        {separate && h->mapping.scheme == OG_OFFSET, "pair.layout",
         "has no effect with mapping.scheme offset, which has no pairs"},
        {too_small(w->r_row), "wires.r_row", small},
        {too_small(w->r_col), "wires.r_col", small},
        {too_small(w->r_source), "wires.r_source", small},
        {too_small(w->r_sense), "wires.r_sense", small},
        {newton && !bent, "wires.mode",
         "exact_nonlinear needs a device.iv that is not ohmic: of ohmic cells exact is "
         "all "
         "there is"},
        {!off && !newton && bent, "wires.mode",
         "needs ohmic cells: with this device.iv use exact_nonlinear"},
        {newton && w->r_access > 0, "wires.r_access",
         "excludes wires.mode exact_nonlinear, whose cells are not ohmic"},
        {newton && h->weight_noise.programmed > 0, "wires.mode",
         "exact_nonlinear excludes weight_noise.programmed, which is of no device"},
    };
    OG_TRY(check_given(h, map, err));
    OG_TRY(check_approximation(h, map, err));
    OG_TRY(og_iv_use_check(h, map, err));
    return first_fault(fault, sizeof fault / sizeof *fault, map, err);
}
