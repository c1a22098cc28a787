// SPDX-License-Identifier: GPL-3.0-or-later
// Relations between the keys of converters, and of what they convert.
#include "config/tables.h"

// The first key of adc.ramp that is not as it is by default; NULL: none.
static const char *changed_ramp_key(const struct og_hardware *h)
{
    const struct og_hardware standard = og_hardware_default();
    if (h->adc.ramp.bits != standard.adc.ramp.bits) return "adc.ramp.bits";
    if (h->adc.ramp.split != standard.adc.ramp.split) return "adc.ramp.split";
    if (h->adc.ramp.calibration != standard.adc.ramp.calibration)
        return "adc.ramp.calibration";
    if (h->adc.ramp.bias_cells != 0) return "adc.ramp.bias_cells";
    if (h->adc.ramp.v_read != 0) return "adc.ramp.v_read";
    if (h->adc.ramp.cell_state) return "adc.ramp.cell_state";
    return h->adc.ramp.dense ? "adc.ramp.dense" : NULL;
}

static og_status check_ramp(const struct og_hardware *h, const og_item *map,
                            struct og_error *err)
{
    const char *changed = changed_ramp_key(h);
    if (h->adc.kind != OG_ADC_RAMP && changed != NULL)
        return og_fail_at(map, changed, err, "has no effect without adc.kind ramp");
    if (h->adc.kind == OG_ADC_RAMP && h->rnn.mapping == OG_RNN_SPLIT)
        return og_fail_at(
            map, "rnn.mapping", err,
            "split leaves no whole column sums for adc.kind ramp: use combined "
            "or per_gate");
    return OG_OK;
}

static og_status check_circuit(const struct og_hardware *h, const og_item *map,
                               struct og_error *err)
{
    const bool amplifier = h->adc.kind == OG_ADC_PIPELINE ||
                           h->adc.kind == OG_ADC_CYCLIC ||
                           h->adc.kind == OG_ADC_SINGLE_SLOPE;
    if (amplifier || h->adc.kind == OG_ADC_SAR) {
        if (h->adc.bits == 0)
            return og_fail_at(map, "adc.kind", err,
                              "needs adc.bits, which is 0 (ideal), but for linear");
    } else if (h->adc.circuit.capacitor > 0 || h->adc.circuit.comparator > 0) {
        return og_fail_at(map, "adc.circuit", err,
                          "has no effect without adc.kind sar, pipeline, cyclic or "
                          "single_slope");
    }
    if (!amplifier && h->adc.circuit.amplifier_gain > 0)
        return og_fail_at(
            map, "adc.circuit.amplifier_gain", err,
            "has no effect without adc.kind pipeline, cyclic or single_slope");
    return OG_OK;
}

static og_status check_tile(const struct og_hardware *h, const og_item *map,
                            struct og_error *err)
{
    const int active = h->tile.rows_active;
    if (active > h->tile.rows)
        return og_fail_at(map, "tile.rows_active", err, "%d is more than tile.rows = %d",
                          active, h->tile.rows);
    const bool joined = h->tile.accumulate_groups == OG_ACCUMULATE_ANALOG;
    if (active == 0 && joined)
        return og_fail_at(map, "tile.accumulate_groups", err,
                          "analog has no effect without tile.rows_active");
    if (active > 0 && h->tile.accumulate == OG_ACCUMULATE_ANALOG && !joined)
        return og_fail_at(map, "tile.rows_active", err,
                          "%d excludes tile.accumulate analog, which joins whole tiles: "
                          "tile.accumulate_groups has to be analog too",
                          active);
    return OG_OK;
}

// What only pulses have would be ignored.
static og_status check_pulses(const struct og_hardware *h, const og_item *map,
                              struct og_error *err)
{
    if (h->input.encoding == OG_BIT_SERIAL) return OG_OK;
    if (h->input.slice_bits != 1)
        return og_fail_at(map, "input.slice_bits", err,
                          "%d has no effect without input.encoding bit_serial",
                          h->input.slice_bits);
    if (h->input.accumulate == OG_ACCUMULATE_ANALOG)
        return og_fail_at(map, "input.accumulate", err,
                          "analog has no effect without input.encoding bit_serial");
    return OG_OK;
}

static og_status check_noise(const struct og_hardware *h, const og_item *map,
                             struct og_error *err)
{
    if (!(h->adc.noise_full_scale > 0)) return OG_OK;
    if (h->adc.noise > 0)
        return og_fail_at(map, "adc.noise_full_scale", err,
                          "excludes adc.noise, the same in LSB: give one of them");
    if (h->adc.kind == OG_ADC_RAMP)
        return og_fail_at(map, "adc.noise_full_scale", err,
                          "excludes adc.kind ramp: give adc.noise");
    return OG_OK;
}

static og_status check_full_scale(const struct og_hardware *h, const og_item *map,
                                  struct og_error *err)
{
    const struct og_hardware standard = og_hardware_default();
    if (h->adc.mode == OG_RANGE_ABSOLUTE) return OG_OK;
    if (h->adc.full_scale == standard.adc.full_scale) return OG_OK;
    return og_fail_at(map, "adc.full_scale", err,
                      "has no effect without adc.range_mode absolute");
}

// mid_rise of what has no bits would be ignored.
static og_status check_rounding(const struct og_hardware *h, const og_item *map,
                                struct og_error *err)
{
    const bool inputs = h->dac.bits > 0 || h->rnn.x_bits > 0 || h->rnn.h_bits > 0;
    if (h->rnn.gate_rounding == OG_MID_RISE && h->rnn.gate_bits == 0)
        return og_fail_at(map, "rnn.gate_rounding", err,
                          "mid_rise needs rnn.gate_bits above 0");
    if (h->rnn.c_rounding == OG_MID_RISE && h->rnn.c_bits == 0)
        return og_fail_at(map, "rnn.c_rounding", err,
                          "mid_rise needs rnn.c_bits above 0");
    if (h->dac.rounding == OG_MID_TREAD) return OG_OK;
    if (!inputs)
        return og_fail_at(map, "dac.rounding", err, "mid_rise needs dac.bits above 0");
    if (h->input.encoding == OG_BIT_SERIAL)
        return og_fail_at(map, "dac.rounding", err,
                          "mid_rise excludes input.encoding bit_serial, whose codes are "
                          "whole numbers");
    return OG_OK;
}

og_status og_converters_check(const struct og_hardware *h, const og_item *map,
                              struct og_error *err)
{
    OG_TRY(check_tile(h, map, err));
    OG_TRY(check_pulses(h, map, err));
    OG_TRY(check_ramp(h, map, err));
    OG_TRY(check_circuit(h, map, err));
    if (h->adc.bits == 1 && h->adc.rounding == OG_MID_TREAD)
        return og_fail_at(
            map, "adc.bits", err,
            "1 bit with mid_tread is the code 0 alone: use rounding mid_rise");
    OG_TRY(check_noise(h, map, err));
    OG_TRY(check_full_scale(h, map, err));
    return check_rounding(h, map, err);
}
