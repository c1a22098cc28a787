// SPDX-License-Identifier: GPL-3.0-or-later
// What an array keeps for its gradient, and what has none.
#include "base/mem.h"
#include "periphery/wired.h"

// What is not there yet; what there is stays where memory runs out.
static bool alloc_gradient(struct og_array *a, enum og_keep keep)
{
    size_t rows = a->map.full_rows, cols = a->map.full_cols;
    size_t group = rows < a->map.active ? rows : a->map.active;
    size_t groups = (size_t)a->groups_allocated;
    if (a->w_hat == NULL) a->w_hat = og_alloc(rows * cols, sizeof *a->w_hat);
    if (a->slope == NULL && keep == OG_KEEP_REPARAM)
        a->slope = og_alloc(rows * cols, sizeof *a->slope);
    if (a->w_back == NULL) a->w_back = og_alloc(groups, sizeof(og_packed *));
    if (a->w_hat == NULL || a->w_back == NULL) return false;
    bool ok = keep != OG_KEEP_REPARAM || a->slope != NULL;
    for (size_t g = 0; g < groups; g++) {
        if (a->w_back[g] == NULL) a->w_back[g] = og_packed_alloc(cols, group);
        ok &= a->w_back[g] != NULL;
    }
    return ok;
}

struct obstacle {
    bool is;
    const char *text;
};

static og_status first_of(const struct obstacle *o, size_t n, struct og_error *err)
{
    for (size_t i = 0; i < n; i++)
        if (o[i].is) return og_fail(err, OG_INPUT, "%s", o[i].text);
    return OG_OK;
}

static og_status check_any(const struct og_array *a, struct og_error *err)
{
    const bool wired = a->wired != NULL;
    const struct obstacle obstacle[] = {
        {a->flicker != NULL,
         "device.flicker: reads of mode correlated follow each other as in an "
         "evaluation, not as in training; where gradients are needed use mode: frozen"},
        {wired && og_wiring_is_cubic(&a->map.hw.wires),
         "hardware.wires.approximation: cubic has no gradient here; train with series, "
         "ladder or wires.mode exact"},
        {wired && a->map.slices > 1,
         "hardware.wires in training: digits of a bit-sliced weight have no derivative; "
         "use mapping.slice_bits: 0"},
    };
    return first_of(obstacle, sizeof obstacle / sizeof *obstacle, err);
}

static og_status check_reparam(const struct og_array *a, struct og_error *err)
{
    const struct og_hardware *hw = &a->map.hw;
    const struct obstacle obstacle[] = {
        {a->sd != NULL,
         "train.reparam: the scale of device-level noise cannot be differentiated; use "
         "read_noise: fast"},
        {a->ref_sd != NULL,
         "train.reparam: the read noise of a reference column cannot be differentiated; "
         "use mapping.reference: digital"},
        {hw->integrator.saturation > 0,
         "train.reparam: the scale of noise is not differentiated through integrators "
         "that saturate; use integrator.saturation: 0"},
        {a->ramps != NULL,
         "train.reparam: the scale of noise is not differentiated through ramps; use "
         "adc.kind: linear"},
        {hw->device.write.mode == OG_WRITE_VERIFIED,
         "train.reparam: what pulses leave cannot be differentiated; use program.mode: "
         "direct"},
        {a->bent,
         "train.reparam: the scale of noise is not differentiated through cells that are "
         "not ohmic; use device.iv: {kind: ohmic}"},
        {a->wired != NULL,
         "train.reparam: the scale of noise is not differentiated through "
         "hardware.wires; use wires.mode: none"},
        {a->rtn != NULL || hw->thermal.law == OG_THERMAL_SHOT,
         "train.reparam: the scales of device.rtn and of shot noise are not "
         "differentiated; use thermal.law: thermal_only"},
        {a->map.slices > 1,
         "train.reparam: digits of a bit-sliced weight have no derivative; use "
         "mapping.slice_bits: 0"},
    };
    return first_of(obstacle, sizeof obstacle / sizeof *obstacle, err);
}

og_status og_array_keep_gradient(og_array *a, enum og_keep keep, struct og_error *err)
{
    if (keep != OG_KEEP_NOTHING) OG_TRY(check_any(a, err));
    if (keep == OG_KEEP_REPARAM) OG_TRY(check_reparam(a, err));
    if (keep != OG_KEEP_NOTHING && !alloc_gradient(a, keep))
        return og_fail(err, OG_NO_MEMORY, "out of memory for the gradient of a crossbar");
    a->keep = keep;
    return OG_OK;
}
