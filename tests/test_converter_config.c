// SPDX-License-Identifier: GPL-3.0-or-later
// Keys of converters and pulses that would be ignored.
#include "config_texts.h"

static void what_has_no_effect_is_refused(void **state)
{
    static const char *const bad[][2] = {
        {"hardware: {input: {slice_bits: 2}}\n",
         "e.yaml:2: key 'hardware.input.slice_bits': 2 has no effect without "
         "input.encoding bit_serial"},
        {"hardware: {input: {accumulate: analog}}\n",
         "e.yaml:2: key 'hardware.input.accumulate': analog has no effect without "
         "input.encoding bit_serial"},
        {"hardware: {tile: {accumulate_groups: analog}}\n",
         "e.yaml:2: key 'hardware.tile.accumulate_groups': analog has no effect without "
         "tile.rows_active"},
        {"hardware: {adc: {bits: 8, circuit: {capacitor: 0.01}}}\n",
         "e.yaml:2: key 'hardware.adc.circuit': has no effect without adc.kind sar, "
         "pipeline, cyclic or single_slope"},
        {"hardware: {adc: {bits: 8, kind: sar, circuit: {amplifier_gain: 60 dB}}}\n",
         "e.yaml:2: key 'hardware.adc.circuit.amplifier_gain': has no effect without "
         "adc.kind pipeline, cyclic or single_slope"},
        {"hardware: {adc: {kind: cyclic}}\n",
         "e.yaml:2: key 'hardware.adc.kind': needs adc.bits, which is 0 (ideal), but for "
         "linear"},
        {"hardware: {adc: {kind: single_slope, bits: 6}, technology: isaac_32nm}\n",
         "e.yaml:2: key 'hardware.technology': ramp.clock is 0: the costs of adc.kind "
         "single_slope need the ramp block of a technology"},
        {"hardware: {adc: {bits: 8, kind: sar}, tile: {columns_per_adc: 2}}\n",
         "e.yaml:2: key 'hardware.tile.columns_per_adc': has no effect without "
         "hardware.technology, or errors of adc.circuit"},
        {"hardware: {adc: {bits: 8, kind: sar, circuit: {capacitor: 0.2}}}\n",
         "e.yaml:2: key 'hardware.adc.circuit.capacitor': 0.2 is outside the allowed "
         "range (0 .. "
         "0.1)"},
    };
    (void)state;
    all_are_refused(bad, sizeof bad / sizeof *bad);
}

static void circuits_are_swept(void **state)
{
    (void)state;
    og_experiment *e;
    struct og_config c;
    struct og_error err = {0};
    static const enum og_adc_kind kinds[] = {OG_ADC_SAR, OG_ADC_PIPELINE, OG_ADC_CYCLIC,
                                             OG_ADC_SINGLE_SLOPE};
    const char text[] =
        "hardware:\n"
        "  tile: {columns_per_adc: 8}\n"
        "  adc: {kind: sar, bits: 6, circuit: {capacitor: 0.01, comparator: 0.02}}\n"
        "sweep: [{key: hardware.adc.kind, values: [sar, pipeline, cyclic, "
        "single_slope]}]\n";
    if (read_text(&e, text, &err) != OG_OK) fail_msg("%s", err.text);
    for (size_t p = 0; p < 4; p++) {
        assert_int_equal(og_experiment_point(e, p, &c, NULL), OG_OK);
        assert_int_equal(c.hardware.adc.kind, kinds[p]);
        assert_true(c.hardware.adc.circuit.capacitor == 0.01);
        assert_true(c.hardware.adc.circuit.comparator == 0.02);
        assert_int_equal(c.hardware.tile.columns_per_adc, 8);
    }
    og_experiment_free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_has_no_effect_is_refused),
        cmocka_unit_test(circuits_are_swept),
    };
    return cmocka_run_group_tests(tests, enter_folder, remove_folder);
}
